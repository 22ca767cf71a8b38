/* SPDX-License-Identifier: Apache-2.0 */
/* decoder.h: the contract of what turns bytes into records. Runs on workers, one instance a worker and layout.
 *
 * Stateless between chunks: nothing that a decoder keeps may change what a later chunk gives. */
#pragma once

#include "weir/batch.h"
#include "weir/err.h"

/* One column of the input's own order. */
struct layout_field {
    struct field field;  /* name: the measure's name, or the field's if it is none      */
    slice        column; /* the input's own name of it (numberSYNSrcToDst)              */
    u64          scale;  /* multiplies; 1: as written                                   */
    bool         used;   /* filled by the compiled recipe: decode it                    */
    u32          slot;   /* used: its column in the batch                               */
};

/* A layout as the recipe gives it; skipped columns are entries with used == false and an empty name. */
struct layout {
    slice                name;
    char                 separator;
    slice                null;
    u32                  fields;
    struct layout_field *field;
    u32                  time;   /* field whose value is the record's event time, used; a record without it is refused.
                                  * LAYOUT_NO_TIME: the container or the format gives time */
    slice                source; /* file it was read from */
};

#define LAYOUT_NO_TIME UINT32_MAX

/* A refused record: where, and why. */
struct reject {
    u32 reason; /* index into decoder_type.reasons       */
    u32 line;   /* counted from the chunk's first, 0     */
    u64 offset; /* of the line's first byte in the file  */
    u32 field;  /* layout field, UINT32_MAX: the line    */
    u32 sample; /* first byte of the sample in `samples` */
    u32 sample_len;
};

#define REJECTS_MAX       64  /* kept of a chunk; all are counted                */
#define REJECT_SAMPLE_MAX 120 /* bytes of the faulty field or line that are kept */
#define REASONS_MAX       48

struct rejects {
    u64           count[REASONS_MAX]; /* by reason, all */
    u32           kept;
    struct reject kept_at[REJECTS_MAX];
    u32           sampled;
    char          samples[REJECTS_MAX * REJECT_SAMPLE_MAX];
};

#define DECODER_LINE_MAX (64u << 10) /* p2.md section 2 */

struct decoder;

/* A column that the format itself names. */
struct decoder_column {
    const char     *name;
    enum field_type type;
};

struct decoder_type {
    const char        *name;    /* as `format:` spells it                  */
    const char *const *reasons; /* by number, NULL ends: "fields missing" */
    bool               records; /* chunks are whole records that the source cut, no line ends; "lines" are records */
    u32                line_max; /* bytes of the longest line it takes; 0: DECODER_LINE_MAX */
    bool               placed;  /* a value is known by its place in the line: fields have no `path` */
    bool               timed;   /* batches have event times of their own, whatever layout.time says */
    const char        *missing; /* the build lacks what it needs: "built without simdjson"; NULL: nothing */
    const struct decoder_column *columns; /* all that a layout may name, name NULL ends; NULL: as the layout says */

    /* columns: of the batches it will fill (the stream's schema); cells it does not fill are set absent. */
    err (*open)(struct decoder **out, const struct layout *layout, const struct schema *schema);
    void (*close)(struct decoder *);

    /* Decodes whole lines from the front of `text` until BATCH_ROWS records are in the batch or no whole line is left.
     *   text     borrowed; 64 bytes before text.at and behind its end may be read (never used)
     *   offset   of text.at in the file
     *   last     the input ends with `text`: a last line without LF counts
     *   out      lent until the next call; column arrays are the decoder's
     *   used     bytes consumed: whole lines; 0 with out->rows == 0: no whole line in `text`
     *   lines    added: lines consumed, rejected ones included */
    void (*decode)(struct decoder *, slice text, u64 offset, bool last, struct batch *out, struct rejects *bad,
                   size_t *used, u64 *lines);
};

extern const struct decoder_type decoder_line, decoder_packets;

extern const struct decoder_type decoder_json; /* one object a line */
extern const struct decoder_type decoder_unified2; /* alerts: joined records of Snort and Suricata */
