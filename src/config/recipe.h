/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.h: the recipe after all checks: what runs, with every name resolved to a number.
 *
 * Pure description: config makes it from YAML text and the lent tables of source and sink types; engine runs it; cli
 * prints it. Everything lives in one arena and never changes. */
#pragma once

#include "weir/arena.h"
#include "weir/expr.h"
#include "weir/groups.h"
#include "weir/sink.h"
#include "weir/source.h"

struct recipe_source {
    slice                      name;
    const struct source_type  *type;
    void                      *options;
    const struct decoder_type *decoder;
    u32                        layouts;
    struct layout             *layout;     /* fields marked `used`, with their slot in `decoded`. Here field.mirror
                                            * is an index into layout.field, not of a measure              */
    slice                    **unit;       /* per layout, per field: "bytes"; may be empty              */
    const char               **layout_key;
    struct schema              decoded;    /* columns the decoder fills: union of the layouts, used ones */
    slice                      time;       /* field that is the event time; empty: by arrival, or the input's own */
    nanos                      disorder;   /* of a timed source: how much later than a newer record one may come */
    nanos                      idle;       /* silence after which wall clock takes over; 0: never       */
    u64                        in_flight;  /* most bytes of chunks out                                  */
    u32                        rejects_table, ledger_table; /* UINT32_MAX: no sink wants it              */
};

enum step_kind { STEP_TAG, STEP_WINDOW, STEP_CASCADE, STEP_RECORDS, STEP_FILTER };

struct step_tag {
    const char *path;  /* of the CSV */
    u32         sides; /* 1 or 2 ... */
    u32         address[2]; /* batch column looked up, per side                                  */
    u32         gives;      /* net and words, in the order of `gives:`                          */
    slice       give[9]; /* tag.h allows 8 words and the net */
    i32         net_at;     /* which of gives is the net; -1: none                              */
    u32         base[2];    /* first batch column made for a side: base + g for gives[g]        */
};

/* A column that a filter step makes. */
struct recipe_derive {
    slice        name;
    slice        text;   /* canonical */
    slice        unit;   /* may be empty */
    struct expr *expr;   /* NULL: not used */
    bool         used;   /* by a later expression, a window or a records step */
    u32          column; /* of the batch                                      */
};

#define RECIPE_FILTERS_MAX 63 /* `where` of one source */

/* Which records pass. Expressions are over the columns of recipe_step.out. */
struct step_filter {
    struct expr          *where;      /* NULL: all pass                                 */
    slice                 where_text; /* canonical                                      */
    bool                  first;      /* `where` uses a column derived here             */
    u32                   derives;
    struct recipe_derive *derive;     /* in order: each may use those before it         */
};

struct step_window {
    nanos               length, lateness;
    u32                 groups_max;
    u32                 keys, carried, measures;
    u32                *column;   /* batch columns: keys, carried, measures                        */
    struct group_layout layout;
    struct field       *field;    /* keys + carried + measures, in that order: the closed rows     */
    u32                 table;    /* of its rows; UINT32_MAX: no sink wants it                     */
    u32                 late_table; /* the same for rows that came too late                        */
    u32                 op;       /* number in the image                                           */
};

/* A row for each record. */
struct step_records {
    u32           columns;
    u32          *column; /* batch columns, in the order of the table               */
    struct field *field;  /* of these: what is a measure there is one here, unfolded */
    u32           table;  /* UINT32_MAX: no sink wants it                           */
};

enum way { WAY_SRC, WAY_DST, WAY_BOTH, WAY_BY };

/* One level of one way. */
struct cascade_line {
    enum way way;
    u32      level;      /* index into levels                              */
    u32      below;      /* line that feeds it; UINT32_MAX: the step's `from` window */
    u32      table;      /* UINT32_MAX: none wanted */
    u32      rank_table; /* UINT32_MAX: none       */
    u32      op;
};

struct step_cascade {
    slice                kind;      /* "site"; empty: `by`                                */
    u32                  keys;      /* 1: the kind; else as many columns as `by` names    */
    u32                  by[KEYS_MAX]; /* WAY_BY: key/carried columns of the from window  */
    u32                  levels;
    nanos               *length;
    u32                  column[2]; /* of srcSite, dstSite in the from window's key/carried columns; UINT32_MAX */
    nanos                lateness;
    u32                  groups_max;
    struct group_layout  layout;    /* shared by all lines                                */
    struct field        *field;     /* keys + measures                                    */
    u32                  lines;
    struct cascade_line *line;      /* ways x levels, each way's levels adjacent, narrow first */
    u32                  top;       /* 0: no ranking                                      */
    u32                  rank_fields;
    u32                 *rank_measure;
    u32                  shares;    /* measures that get a share of the whole             */
    u32                 *share_measure;
};

struct recipe_step {
    slice          name;
    enum step_kind kind;
    i32            from_step;   /* -1: from_source                                      */
    u32            from_source; /* the source this step's records come from in the end  */
    slice          prefix;      /* of its tables' names: p2_raw; a cascade's p2; empty without tables */
    /* STEP_TAG, STEP_FILTER: columns of the batch after it, in batch order: the input's, then its own. Its own stand
     * behind the decoded measures and count as `measures`, so only tags + measures (the number of columns) and field[]
     * mean something; a column is a measure if its fold is not FOLD_NONE.
     * STEP_WINDOW, STEP_CASCADE: the closed rows: keys and carried, then measures.
     * STEP_RECORDS: empty. */
    struct schema  out;
    u64            fingerprint; /* of everything its state depends on                   */
    union {
        struct step_tag     tag;
        struct step_window  window;
        struct step_cascade cascade;
        struct step_records records;
        struct step_filter  filter;
    };
};

struct recipe_sink {
    slice                   name;
    const struct sink_type *type;
    void                   *options;
    bool                   *wanted; /* per table */
    u32                     retains;
    struct retain          *retain;
};

/* Columns of result tables, in this order (the engine writes rows so):
 *   window, cascade  timestamp*, keys*, carried, measures, records, closed_by, revision
 *   rank             the same; after a ranked measure's columns its <measure>_rank,
 *                    then, where asked for, its <measure>_share
 *   late             timestamp*, keys*, arrived*, carried, measures, records
 *   records          timestamp*, arrived*, the columns as `records:` lists them
 *   rejects          timestamp*, file*, offset*, line, reason, field, sample
 *   ledger           timestamp*, read, applied, late, duplicate, filtered, rejected, lost, bytes, complaints
 * (* primary key; arrived: a number that no other row of the table has, in a records table 1 for the first record, 2
 * for the next). A measure is one column; a sampling is <m>_n, <m>_min, <m>_avg, <m>_max (seconds); bins are <m>_1 ..
 * <m>_k. Names: <source>_<step>, <source>_<way><kind>_<level> (of `by`: <source>_<step>_<level>), ..._rank,
 * <source>_<step>_late, <source>_rejects, <source>_ledger; a step's `table:` replaces <source>_<step> or <source>.
 * Level names: 1m minutely, 5m fively, 1h hourly, 1d daily, else the span itself (10m). */

/* One line of state, as the image knows it. */
struct recipe_op {
    slice name;        /* "raw", "site/src/1m": stable over recipe changes  */
    u64   fingerprint;
};

/* An option's text that was read from a file (`dsn: !file PATH`): never printed, known again by its address. */
struct recipe_secret {
    const char *value;
    const char *path;
};

struct recipe {
    struct arena          arena;
    const char           *path;
    slice                 name;
    const char           *state_path;
    const char           *state_first; /* the same; of an instance (recipe_lent.as) that of the recipe itself */
    nanos                 state_every;
    u32                   workers;    /* 0: as many as there are processors */
    u32                   sources, steps, sinks, tables, ops;
    struct recipe_source *source;
    struct recipe_step   *step; /* in an order in which `from` comes first */
    struct recipe_sink   *sink;
    struct table         *table;
    struct recipe_op     *op;
    u32                   secrets;
    struct recipe_secret *secret;
};

/* One finding of a check, with its place. */
struct finding {
    const char *file;
    u32         line, column; /* from 1; 0: the file as a whole */
    u32         width;        /* columns to underline           */
    bool        warning;
    const char *text;         /* "unknown key `topp`"           */
    const char *hint;         /* "did you mean `top`?"; NULL    */
};

#define FINDINGS_MAX 500 /* kept; more are counted */

/* Text of a file that was read, kept for the offending lines. */
struct finding_file {
    const char *path;
    slice       text;
};

/* Sorted by file (in the order of reading), line and column once recipe_read has returned. */
struct findings {
    struct arena         arena;
    u32                  count, errors; /* kept; errors of all */
    u32                  dropped;       /* past FINDINGS_MAX   */
    u32                  files;
    struct finding      *at;
    struct finding_file *file;
};

void findings_init(struct findings *f);
void findings_fini(struct findings *f);

/* What config is lent: the registry's tables, and a way to read the files that the recipe includes. */
struct recipe_lent {
    const struct source_type *const *sources; /* NULL ends */
    const struct sink_type *const   *sinks;
    /* Reads a file whole into the arena; false: not there or not readable, *why says so. */
    bool (*read)(void *arg, struct arena *to, const char *path, slice *text, const char **why);
    void *arg;
    /* Could the file be read now? *why says why not. NULL: config does not ask. */
    bool (*readable)(void *arg, const char *path, const char **why);
    /* A second result set beside the recipe's own (`run --as`): its name; NULL: the recipe's own. What it must have for
     * itself (instance.c) gets this name. */
    const char *as;
    /* In place of what sources with a `start` say: earliest, latest, or what they know; NULL: as they say. */
    const char *from;
};

/* A key that a mapping of the recipe may have: known, suggested and documented from here. */
struct recipe_key {
    const char *name;  /* NULL ends the table              */
    const char *value; /* its shape: "span", "list of names" */
    const char *doc;   /* one line                         */
};

/* The mappings of a recipe in the order of the manual; title NULL ends. */
struct recipe_part {
    const char              *title; /* "A tag step" */
    const struct recipe_key *keys;
};
extern const struct recipe_part recipe_parts[];

/* Reads, checks and resolves a recipe. All findings are collected; with an error among them *out stays NULL. */
void recipe_read(struct recipe **out, const char *path, const struct recipe_lent *lent, struct findings *findings);
void recipe_free(struct recipe *r);

/* May a second result set have this name? As names in a recipe, but a digit may be first. */
bool instance_name_good(const char *name);

/* Some source has a `start` that recipe_lent.from takes the place of. */
bool recipe_has_start(const struct recipe *r);

/* The recipe with everything filled in (defaults, columns used), as YAML that reads back to the same recipe. */
void recipe_print(const struct recipe *r, void (*print)(void *to, const char *text), void *to);
