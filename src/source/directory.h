/* SPDX-License-Identifier: Apache-2.0 */
/* directory.h: what the files of the directory source share. Nobody else includes it but its tests.
 *
 *   directory.c  the handles, the turn of the loop, the tables
 *   notice.c     what the directory shows, compared with the ledger: evidence, changes, ends of minutes
 *   reading.c    a ready file becomes chunks, and chunks come back */
#pragma once

#include "source/epochs.h"
#include "source/ledger.h"
#include "source/listing.h"
#include "source/ready.h"

#include <uv.h>

#define FILES_OPEN_MAX 64u /* at most that many files have chunks out; the rest waits */

struct directory_options {
    const char *path;
    nanos       rescan;
    bool        watch;
    nanos       grace;
    bool        markers;
    nanos       span;
    u64         chunk;
    u64         files_max;
};

struct directory_counts {
    u64 files, bytes, chunks, markers, ignored, late_files, vanished, replaced, truncated, rewritten, unreadable;
    u64 rescans, overflows;
};

struct directory {
    struct source_setup             setup;
    const struct directory_options *options;
    struct inlet                   *to;
    struct directory_counts         counts;

    struct ledger ledger;
    struct ready  ready;
    struct epochs epochs;
    nanos         now;       /* wall clock when this turn of the loop was begun    */
    nanos         watermark; /* last one told; NANOS_MIN: none                     */
    nanos         due;       /* wall clock at which grace ends next; NANOS_MAX: never */
    u64           home;      /* the directory's inode                              */
    u32           scans;     /* begun; the number of the latest                    */
    u32           listed;    /* scans that succeeded and were taken in             */
    u32           open_files, out;

    bool paused, failed, ended;
    bool settled;     /* the first look is complete: markers found by it count, reading may begin */
    bool stalled;     /* no descriptor to be had: no reading before the next scan                 */
    bool stall_told;
    bool foreign_told;
    bool remote_told;
    int  fault;       /* errno of the last scan, 0: none; told */
    int  watch_fault; /* the same of the watch                 */

    uv_loop_t      *loop;
    uv_timer_t      timer; /* the next scan                    */
    u64             rescan_at; /* uv_now at which it is due in any case, ms */
    uv_idle_t       turn;  /* active: there is something to do */
    uv_poll_t       poll;  /* of `inotify`                     */
    uv_work_t       work;
    struct listing *listing; /* in work on the pool; NULL: none  */
    bool            again;   /* another scan right after it      */
    int             inotify; /* -1: none                         */
    int             wd;      /* -1: not watching                 */
    u32             handles; /* not closed yet                   */
    bool            closing;
    void (*gone)(void *);
    void *gone_arg;
};

/* One range of bytes that is out: a chunk's state. */
struct piece {
    struct chunk      chunk;
    struct directory *directory;
    struct file      *file;
    int               fd;
    u64               end;   /* what the worker takes for the end of the file */
    bool              last;  /* the range ends there                          */
    _Atomic int       fault; /* errno of a failed read                        */
};

/* There is something to do: the step runs in the next turn of the loop. */
void directory_stir(struct directory *d);

/* Scans now, or once more right after the scan in work. */
void directory_scan(struct directory *d);

void directory_fail(struct directory *d, const char *text);

/* Complains of a file of the directory. format: of what happened; errno's words are the caller's to add. */
__attribute__((format(printf, 4, 5))) void directory_complain(struct directory *d, const struct file *f, u64 offset,
                                                              const char *format, ...);

/* Events as read() of an inotify descriptor gives them. */
void directory_take(struct directory *d, const char *buffer, size_t len);

/* Entries were made from positions: finds their layouts. */
void notice_restored(struct directory *d);

/* A name was announced: closed after writing, or moved here. */
void notice_name(struct directory *d, slice name);

/* A scan is done: takes everything in and finds which minutes are over. */
void notice_listing(struct directory *d, const struct listing *l);

/* Takes the entry out of all tables and frees it. It must not be open. */
void notice_forget(struct directory *d, struct file *f);

/* The file, unread to its end, is no longer there: counted, told, forgotten. */
void notice_vanished(struct directory *d, struct file *f);

/* The file's evidence, size or faults have changed: queues it if there is something to be read. */
void reading_consider(struct directory *d, struct file *f);

/* Offers what the first ready file has, as far as it may. False: nothing can be offered now. */
bool reading_step(struct directory *d, struct file *f);

/* Closes the file when no chunk of it is out or to come. */
void reading_release(struct directory *d, struct file *f);

i64   reading_bytes(const struct chunk *chunk, u64 at, void *to, size_t max); /* source_type.read         */
void  reading_applied(struct source *s, struct chunk *chunk, const struct chunk_counts *counts);
slice reading_where(const struct chunk *chunk);
u64   reading_line(const struct chunk *chunk, u32 number, u64 *offset);
