/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h: the contract of a way out. All calls come from one thread that is the sink's alone, so they may block.
 *
 * A sink applies the rows of an epoch *together with the epoch's number* in one transaction of its own, so that after a
 * crash the engine knows which outbox to deliver again. */
#pragma once

#include "weir/channel.h"
#include "weir/err.h"
#include "weir/option.h"
#include "weir/rows.h"

struct retain {
    slice level;
    nanos span;
};

struct sink_setup {
    slice                name;    /* of the sink in the recipe                    */
    slice                recipe;  /* the recipe's name: the instance              */
    const void          *options; /* lent for life                                */
    u32                  tables;  /* all of the recipe; lent for life             */
    const struct table  *table;
    const bool          *wanted;  /* per table: this sink takes it                */
    u32                  retains;
    const struct retain *retain;
    void               (*warn)(const char *text); /* a line for the log, from any thread; NULL: nowhere to say it */
};

struct sink;

/* What becomes of rows that go to a sink ahead of their epoch. */
enum sink_ahead {
    AHEAD_NOT,     /* they go with it                                                                              */
    AHEAD_SETTLES, /* at least once: kept nowhere else, the epoch is written when they are settled; a crash repeats some */
    AHEAD_HOLDS,   /* exactly once: nobody sees them before `apply`; kept beside the state until then              */
};

struct sink_type {
    const char          *name;
    const struct option *options;
    size_t               options_size;
    const char          *missing; /* the build lacks what it needs: "built without librdkafka"; NULL: nothing */

    /* Before anything runs, whatever the tables: tells all that is wrong with the options. What the recipe does not
     * have right is as its fallback; without one, zero. NULL: nothing can be that the table allows. */
    void (*faults)(const void *options, const struct option_ear *to);
    /* Then: may these options stand together, with these tables? False: `words` say what is wrong, *at
     * the key where. NULL: any that the table allows may. */
    bool (*check)(const struct sink_setup *setup, char *words, size_t size, const char **at);

    /* What it would write to outside, once `check` is content. NULL: nothing that a source could read or another sink
     * could claim. */
    void (*channels)(const struct sink_setup *setup, const struct channel_ear *to);

    /* Creates what is missing; a table that exists with other columns is an error that names it. `why` gets the
     * long form of an error (at most `room` bytes). */
    err (*open)(struct sink **out, const struct sink_setup *setup, char *why, size_t room);

    /* The last epoch applied for this recipe; 0: none. */
    err (*epoch)(struct sink *, u64 *out);

    /* Applies rows of epoch `number`; rows of tables not wanted are passed over. All or nothing. Called with an empty
     * stream, too: the number must advance. On ERR_OS and ERR_SQL that may pass (disk full, busy) the engine tries
     * again; `fatal` is set where it must not (fsync failed). */
    err (*apply)(struct sink *, u64 number, slice rows, char *why, size_t room, bool *fatal);

    /* Rows of records tables ahead of their epoch, so that they are on their way while it lasts.
     *   ahead   how, as these options stand, where an epoch is cut every `every`? NULL: never; those below are not there
     *   stream  takes rows; may return before they are where they belong. Tried again whole on an error
     *   settle  AHEAD_SETTLES: returns once all rows streamed so far are where they belong
     *   holds   AHEAD_HOLDS, before `apply` of an epoch: *all: the rows streamed since the last, so many bytes, are still
     *           there to be applied with it, or it was applied before. Else the sink has forgotten all of them: they are
     *           streamed again, then applied. Meanwhile it may let go of what is streamed, it will not be asked for */
    enum sink_ahead (*ahead)(const void *options, nanos every);
    err (*stream)(struct sink *, slice rows, char *why, size_t room, bool *fatal);
    err (*settle)(struct sink *, char *why, size_t room, bool *fatal);
    err (*holds)(struct sink *, u64 number, u64 bytes, bool *all, char *why, size_t room, bool *fatal);

    /* Idle work in small steps: retention, checkpoints. now: wall clock; watermark: event time reached. True: more to
     * do. */
    bool (*tick)(struct sink *, nanos now, nanos watermark);

    void (*close)(struct sink *);

    /* What `weir plan` prints for a table; appends to `out` (a malloc'd, growing string). NULL: nothing. */
    void (*plan)(const struct sink_setup *setup, void (*print)(void *to, const char *text), void *to);
};
