/* SPDX-License-Identifier: Apache-2.0 */
/* source.h: the contract of a way in.
 *
 * A source lives on the loop. It offers chunks (ranges of bytes that a worker will read and decode) and, between them,
 * what it knows of time. The engine works on chunks in any order and *applies* them in the order offered; then it tells
 * the source, whose positions of applied chunks are what the next epoch saves. */
#pragma once

#include "weir/close.h"
#include "weir/decoder.h"
#include "weir/err.h"
#include "weir/metric.h"
#include "weir/option.h"

struct uv_loop_s; /* uv_loop_t: this contract is read by pure code, too */

/* What a chunk did, told to the source when it is applied. Read = applied + late + filtered + rejected + duplicate. */
struct chunk_counts {
    u64 bytes;   /* of whole lines                                    */
    u64 lines;
    u64 applied; /* records                                           */
    u64 late;
    u64 filtered;
    u64 rejected;
};

struct source;

struct chunk {
    struct source *source;
    u32            layout;  /* index into the source's layouts                                          */
    nanos          time;    /* event time of all its records, where the container gives it              */
    u64            offset;  /* of its first byte in the partition                                       */
    u64            length;  /* lines that *begin* in offset .. offset + length are its own              */
    bool           aligned; /* a line is known to begin at offset; else the first whole line after it   */
    void          *state;   /* the source's own                                                         */
};

/* What the engine lends a source. All calls from the loop's thread. */
struct inlet {
    /* Takes the chunk. May only be called while not paused. */
    void (*offer)(struct inlet *, struct chunk *taken);
    /* After all chunks offered so far: nothing older than `to` will come. */
    void (*watermark)(struct inlet *, nanos to, enum close_reason why);
    /* Bounded input: after all chunks offered so far there is nothing more. */
    void (*done)(struct inlet *);
    /* The answer to source_type.stop: after all chunks offered so far nothing more comes in this run. */
    void (*stopped)(struct inlet *);
    /* Names a thing that could not be read; counted, shown in the log and in `rejects`, never fatal.
     * file: borrowed, may be empty. */
    void (*complain)(struct inlet *, slice file, u64 offset, const char *what);
    /* The source cannot go on: the process ends with this text (lent for ever or by the source until close). */
    void (*fail)(struct inlet *, const char *text);
    /* So many records (or packets, where they were lost before they were records) will never come; counted. */
    void (*lost)(struct inlet *, u64 records);
};

/* A saved position: key and value are the source's own bytes. An empty value (at == NULL) deletes. */
struct position {
    slice key;
    slice value;
};

struct source_setup {
    slice                  name;
    const void            *options;   /* the struct that type->options fills; lent for life        */
    const struct decoder_type *decoder; /* of the recipe's `format`                                */
    u32                    layouts;   /* lent for life                                             */
    const struct layout   *layout;
    const char *const     *layout_key; /* of each layout: "tcp", "udp" as the recipe says          */
    bool                   once;      /* read what is there, then done                             */
    bool                   fresh;     /* no positions were saved: first start                      */
    u32                    positions; /* restored from the last epoch; lent during open            */
    const struct position *position;
    nanos                (*now)(void); /* wall clock */
};

struct source_type {
    const char                *name;
    const struct option       *options;
    size_t                     options_size; /* of the set-up struct                                */
    const struct metric       *metrics;
    const struct decoder_type *decoders[4]; /* formats it can feed, NULL ends                       */
    const char *const         *layout_keys; /* of `layouts:` for lines, NULL ends: "tcp"; NULL here: any. Records have one
                                             * layout, whatever its key */
    bool                       first;       /* the first of several where the recipe has no `format` */

    /* Before anything runs: may these options stand together? False: `words` say what is wrong, *at the key where.
     * NULL: any that the table allows may. */
    bool (*check)(const void *options, char *words, size_t size, const char **at);

    /* The longest that new input may lie unseen as these options stand, *because: of which; 0, or NULL here: never. */
    nanos (*unseen)(const void *options, const char **because);

    err (*open)(struct source **out, struct uv_loop_s *loop, struct inlet *to, const struct source_setup *setup);
    void (*pause)(struct source *);  /* offers nothing until resume */
    void (*resume)(struct source *);
    /* The run ends in order. A source that cannot read again what it holds back (an interface's open minute) takes nothing
     * more in, offers that, and says inlet.stopped; it may be paused meanwhile. False: it holds nothing back, the engine
     * pauses it. NULL: never does. */
    bool (*stop)(struct source *);

    /* On a worker. Bytes at `at` of the chunk's partition: as many as are there, at most max. 0: end.
     * <0: -errno; the chunk is given up, counted and told by `complain`. */
    i64 (*read)(const struct chunk *, u64 at, void *to, size_t max);

    /* The chunk's effect is in the state now. Gives the chunk back to the source. */
    void (*applied)(struct source *, struct chunk *, const struct chunk_counts *);

    /* Positions that changed since the last cut, in any order; lent until the next cut. */
    void (*cut)(struct source *, u32 *count, const struct position **position);

    /* What the chunk belongs to, for messages: a file's path. Lent while the chunk lives. */
    slice (*where)(const struct chunk *);

    /* Lines of the chunk's partition applied so far. On the loop, before `applied` of this chunk. */
    u64 (*lines_before)(const struct chunk *);

    const u64 *(*counts)(struct source *); /* the struct that `metrics` describes */

    /* Takes the source; `gone` runs last. Chunks still out must all have been given back by then. */
    void (*close)(struct source *, void (*gone)(void *), void *arg);
};
