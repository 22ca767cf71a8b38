/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h: what the files of the unified2 source share. Nobody else includes it but its tests.
 *
 *   spool.c        the loop's side: chunks, positions, tables
 *   spool_read.c   the thread of each spool: files, one after the other
 *   spool_give.c   its other half: records are joined, framed, and become texts
 *   spool_dir.h    which files there are        spool_place.h   how far they are read
 *   hand.h         the way from a thread to the loop */
#pragma once

#include "source/hand.h"
#include "source/spool_dir.h"
#include "unified2/frames.h"
#include "unified2/join.h"
#include "unified2/reader.h"
#include "weir/source.h"

#define SPOOLS_MAX      256u /* a thread each */
#define SPOOL_NO_FILE   UINT32_MAX /* word.input: the complaint is about no file's place */

enum spool_start { SPOOL_BEGIN, SPOOL_END };

struct spools_options {
    struct option_names path;
    const char         *prefix;
    const char         *classification, *sid_map, *gen_map;
    nanos               timeout, rescan;
    bool                join;
    u32                 start; /* enum spool_start */
    u64                 backlog, chunk;
};

struct spool_counts {
    u64              files, foreign, chunks, records, again, split, cut;
    struct u2_counts reader;
    struct u2_join_counts join;
};

/* Behind the records of a text. */
struct spool_mark {
    struct spool_place place;
};

/* The file that is being read. */
struct spool_file {
    int              fd; /* -1: none */
    u64              stamp, inode;
    char             path[4096];
    struct u2_reader reader;
    u8               head[SPOOL_HEAD];
    u32              head_len;
    u64              head_sum; /* of all SPOOL_HEAD bytes, once they are there */
    bool             foreign;
    u32              said, types;
    u32              type[32];
};

/* Frames on their way into texts. Of the thread. */
struct spool_give {
    struct u2_join_out out; /* first: what the join writes to */
    struct u2_join    *join;
    struct text       *text; /* being filled; NULL: none */
    u64                made; /* bytes of texts before it */
    size_t             like; /* bytes of the last one    */
    struct spool_at    waiting[U2_JOIN_EVENTS + 2]; /* where the events that wait are, a ring */
    u32                first, count;
    struct spool_place past;  /* as the state has it: what went alone before past.read is not given again */
    struct spool_at    read;  /* up to here all is in the join or given */
    struct spool_at    begin_said;
    u64                records;
    bool               again;   /* before past.read: time stands still */
    bool               pushing; /* a record is on its way into the join: no text may end */
    bool               discard; /* start: end: what is there is passed over */
    nanos              held, stalled; /* the join's clock */
};

/* One directory: a thread, and what the loop knows of it. */
struct spool {
    struct spools  *of;
    u32             number;
    struct hand     hand;
    pthread_t       thread;
    bool            started;

    /* The loop's. */
    slice           key;
    struct spool_place place; /* applied */
    struct spool_at told;
    bool            dirty, ended, opened;
    u32             out;
    struct spool_chunk *last; /* of the chunks out */

    /* The thread's, once it runs. */
    struct spool_dir   dir;
    struct spool_at    told_before;
    bool               resumed; /* from a position */
    struct spool_file  file;
    struct spool_give  give;
    struct spool_counts own;
    char              *buffer;
    size_t             begin, end;
    u64                next; /* least number that may be opened */
    u64                scan_at; /* monotonic: when the directory is to be read again */
    bool               stop, look;
    bool               begun; /* where to begin is decided */
    bool               gone_told;
    int                fault; /* the last that was told of */
    int                inotify;
    struct spool_counts counts; /* under the lock of `of` */
};

struct spools {
    struct source_setup          setup;
    const struct spools_options *options;
    struct inlet                *to;
    struct u2_names             *names;
    struct u2_framing            framing;

    uv_loop_t          *loop;
    uv_async_t          wake;
    uv_idle_t           turn;
    u32                 count, started, ended;
    struct spool       *spool;
    struct spool_counts shown;
    u64                 chunks;
    bool                paused, failed, closing, finished;
    u32                 handles;
    char               *fault;
    struct position    *cut;
    char              (*value)[SPOOL_VALUE];
    void (*gone)(void *);
    void               *gone_arg;
    pthread_mutex_t     lock;
};

/* The thread's body. */
void *spool_main(void *spool);

/* From the thread. A complaint of this file at this offset, told once and not again after a restart. */
__attribute__((format(printf, 3, 4))) void spool_complain(struct spool *s, u64 offset, const char *format, ...);
/* Of a path, whenever it happens. */
__attribute__((format(printf, 3, 4))) void spool_warn(struct spool *s, const char *path, const char *format, ...);
__attribute__((format(printf, 2, 3))) void spool_fail(struct spool *s, const char *format, ...);

void spool_give_open(struct spool *s);
void spool_give_close(struct spool *s);

/* It is later now: events that have waited long enough go out. Called before each block of records. */
void spool_give_time(struct spool *s);
/* A good record of the file on its way. */
void spool_give_record(struct spool *s, const struct u2_record *r);
/* All before the file's offset was looked at. */
void spool_give_read(struct spool *s, u64 offset);
/* The file is over: what comes is of a later one. */
void spool_give_next(struct spool *s, u64 stamp);
/* No byte is there now. Events that have waited long enough go out, and what is made is said. */
void spool_give_idle(struct spool *s);
/* All that waits goes out: no more comes, or what comes cannot belong to it. */
void spool_give_all(struct spool *s);

/* A place in the file that is open. */
void spool_at_set(struct spool_at *at, const struct spool_file *f, u64 offset);
