/* SPDX-License-Identifier: Apache-2.0 */
/* source.h: the contract of a way in.
 *
 * A source lives on the loop. It offers chunks (ranges of bytes that a worker will read and decode) and, between them,
 * what it knows of time. The engine works on chunks in any order and *applies* them in the order offered; then it tells
 * the source, whose positions of applied chunks are what the next epoch saves. */
#pragma once

#include "weir/channel.h"
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
    u32            partition; /* that it is a part of, below PARTITIONS_MAX; 0 where there is one       */
    nanos          time;    /* event time of all its records, where the container gives it; in a timed
                             * source when it came, for recipes that say `time: arrival`                */
    u64            offset;  /* of its first byte in the partition                                       */
    u64            length;  /* lines that *begin* in offset .. offset + length are its own              */
    bool           aligned; /* a line is known to begin at offset; else the first whole line after it   */
    void          *state;   /* the source's own                                                         */
};

#define PARTITIONS_MAX 4096
#define PART_NAME_MAX  320 /* bytes */

/* What the engine lends a source. All calls from the loop's thread. */
struct inlet {
    /* Takes the chunk. May only be called while not paused. */
    void (*offer)(struct inlet *, struct chunk *taken);
    /* After all chunks offered so far: nothing older than `to` will come. Not of a timed source. */
    void (*watermark)(struct inlet *, nanos to, enum close_reason why);
    /* Of a timed source, after all chunks offered so far: partition `number` is open, windows wait for its records
     * until it has been silent for the recipe's `idle`; or they need not wait for it any more. */
    void (*partition)(struct inlet *, u32 number, bool open);
    /* Bounded input: after all chunks offered so far there is nothing more. */
    void (*done)(struct inlet *);
    /* The answer to source_type.stop: after all chunks offered so far nothing more comes in this run. */
    void (*stopped)(struct inlet *);
    /* Names a thing that could not be read; counted, shown in the log and in `rejects`, never fatal.
     * file: borrowed, may be empty. */
    void (*complain)(struct inlet *, slice file, u64 offset, const char *what);
    /* The source cannot go on: after all chunks offered so far nothing more comes. All sources are stopped as at a
     * signal, an epoch is cut, and the process ends with this text (lent for ever or by the source until close). */
    void (*fail)(struct inlet *, const char *text);
    /* So many records (or packets, where they were lost before they were records) will never come; counted. */
    void (*lost)(struct inlet *, u64 records);
    /* So many records came a second time; the source dropped them; counted. */
    void (*duplicate)(struct inlet *, u64 records);
    /* The source's input is not what it was before the restart: what was applied since the last epoch may be wrong, so
     * the process ends at once, without another. text: as of fail. NULL: fail it is. */
    void (*distrust)(struct inlet *, const char *text);
    /* What was complained of, by this run or the one before it that had not come to the end, means that bounded input
     * is damaged: `--once` applies what can be read, then ends with 65. NULL: nobody asks. */
    void (*damaged)(struct inlet *);
    /* As fail, where trying again will not help before somebody changes something. ERR_CONFIG: the recipe, or what it
     * names, ends with 78; ERR_STATE: positions do not fit the input, ends with 65. NULL: fail it is. */
    void (*fail_as)(struct inlet *, enum err_code why, const char *text);
};

/* A saved position: key and value are the source's own bytes. An empty value (at == NULL) deletes. */
struct position {
    slice key;
    slice value;
};

struct source_setup {
    slice                  name;
    slice                  recipe;    /* the recipe's name: the instance                               */
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
    void                 (*warn)(const char *text); /* a line for the log; NULL: nowhere to say it    */
    bool                   stateful;  /* the recipe has windows or other state: what shares keys must all come here */
    u64                    state;     /* identity of the state file that has the positions, drawn by chance; 0: none */
    bool                   alone;     /* `--from` was said: `position` counts, and `start` where there is none, whatever
                                       * others have noted (a consumer group's offsets) */
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
    bool                       timed;       /* time is in the records: the engine makes watermarks of what each partition's
                                             * chunks have, by the recipe's `time` and `disorder`            */
    bool                       apart;       /* windows keep state by partition, so that one can go to another process with
                                             * its image and position. `where` is its name: unique, the same in each run,
                                             * at most PART_NAME_MAX bytes (else it shares the part without a name)  */
    const char                *missing;     /* the build lacks what it needs: "built without librdkafka"; NULL: nothing */

    /* Before anything runs: tells all that is wrong with single options. What the recipe does not have right is as its
     * fallback; without one, zero. NULL: nothing is told but by `check`. */
    void (*faults)(const void *options, const struct option_ear *to);
    /* May these options stand together? False: `words` say what is wrong, *at the key where.
     * NULL: any that the table allows may. */
    bool (*check)(const void *options, char *words, size_t size, const char **at);
    /* The same, once `check` is content, with the recipe's `format`: are these options of use to it? NULL: all are. */
    bool (*fits)(const void *options, const struct decoder_type *format, char *words, size_t size, const char **at);

    /* Would it read what a sink writes there? NULL: never. */
    bool (*reads)(const void *options, const struct channel *channel);

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

    /* What the last cut gave will not be read again: state and sinks have its epoch. NULL: the source need not know. */
    void (*saved)(struct source *);

    /* What the chunk belongs to, for messages: a file's path. Lent while the chunk lives. */
    slice (*where)(const struct chunk *);

    /* Where record (line) `number` of the chunk, from 0, stands in the chunk's partition, from 1: a file's line, a
     * topic's offset + 1. *offset comes as the decoder told it, a byte's, and may be changed to what the partition counts
     * by. On the loop, before `applied` of this chunk. */
    u64 (*line)(const struct chunk *, u32 number, u64 *offset);

    const u64 *(*counts)(struct source *); /* the struct that `metrics` describes */

    /* Tells what is counted by part (a topic's partition), a part's metrics one after the other. NULL: nothing is. */
    void (*parts)(struct source *, void (*tell)(void *to, slice part, const char *metric, i64 value), void *to);

    /* Takes the source; `gone` runs last. Chunks still out must all have been given back by then. */
    void (*close)(struct source *, void (*gone)(void *), void *arg);
};
