/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h: what the files of the source `lines` share. Nobody else includes it but its tests.
 *
 *   lines.c         the handles, the turn of the loop, the tables
 *   lines_survey.c  what is at the configured paths: globs and stats, on the pool
 *   lines_follow.c  that compared with the streams: new files, rotation, truncation, what is gone
 *   lines_search.c  a folder asked for a file that was rotated away
 *   lines_read.c    a generation becomes chunks, and chunks come back
 *   lines_spring.c  a thread that unpacks a file, or reads a pipe: texts in memory become chunks
 *   lines_place.c   how far a stream was read, as a position of the epoch
 *
 * A *stream* is one path: one partition. What was and is at the path are its *generations*, oldest first: a rotated
 * file is read to its end before the next is begun, so a stream's bytes keep their order. */
#pragma once

#include "shim/inflate.h"
#include "source/hand.h"
#include "source/look.h"
#include "weir/arena.h"
#include "weir/source.h"

#include <uv.h>

#define HEAD_BYTES    256u        /* most bytes of a file's beginning that tell it from another with its inode */
#define OPEN_MAX      256u        /* files open at once; the longest idle one is closed for another            */
#define SPRINGS_MAX   64u         /* packed files unpacked at once; others wait, in order                       */
#define TAIL_MAX      (4u << 20)  /* a last line longer than this is looked at again when it has its LF         */
#define GLANCE_MS     50u         /* between looks at open files while something grows                          */
#define GLANCES_MS    2000u       /* so long after the last growth                                              */
#define BETWEEN_MAX   256u        /* generations found between two known ones: more are told, not read          */
#define MARK          S("\xef\xbb\xbf") /* the byte order mark that Windows puts before UTF-8 text: passed over */
#define LEFT_MAX      1000u       /* names of patterns that are gone and remembered; the longest unwritten go   */

struct lines_options {
    struct option_names path;
    bool  follow;
    u32   start; /* enum lines_start */
    nanos poll;
    bool  watch;
    nanos rotate_wait;
    u64   chunk;
    u64   backlog;
};

enum lines_start { LINES_BEGIN, LINES_END };

struct lines_counts {
    u64 files, bytes, chunks, rotated, truncated, vanished, missing, unreadable, unpacked, damaged, looks, overflows;
};

/* What tells a file from others, over restarts. */
struct identity_of {
    u64 device, inode;
    u64 head;     /* checksum of the first head_len bytes */
    u32 head_len;
};

/* How far a stream was read: what a position says. */
struct place {
    u32                number; /* of the partition */
    bool               packed, done; /* done: a packed file was read whole, a plain one to what was its end */
    bool               left;   /* nothing more of it is waited for: it was read, or lost, and its name was gone */
    struct identity_of is;
    u64                size;   /* of the file, as last seen */
    nanos              mtime;
    u64                offset, lines;
};

enum contents { CONTENTS_UNKNOWN, CONTENTS_PLAIN, CONTENTS_PACKED, CONTENTS_PIPE };

struct stream;
struct spring;

/* One file that is or was at a path. Bytes 0 .. applied are in the state, .. offered are out, .. limit are wanted. Of
 * packed files and pipes they are bytes of the text. */
struct generation {
    struct stream      *stream;
    struct generation  *next; /* the one that came after it */
    struct identity_of  is;
    u64                 size; /* as last seen */
    nanos               mtime;
    enum contents       contents;
    enum inflate_format format; /* as far as it was looked at */
    u64                 offered, applied, lines, limit;
    u64                 torn;    /* up to here no LF follows `offered`              */
    u64                 sure;    /* plain: size when its first bytes were last found to be the same */
    u64                 changed; /* loop's clock, ms: when it last grew             */
    int                 fd;      /* -1: closed                                      */
    int                 fault;   /* errno of the last failed open; told             */
    u32                 out;     /* chunks                                          */
    struct spring      *spring;
    bool rotated;     /* another file is at the path, or none                       */
    bool over;        /* nobody writes at its end: the last line counts without LF  */
    bool cut;         /* truncated: what is at `offered` now is not what was there  */
    bool aligned;     /* a line begins at `offered`                                 */
    bool reading;     /* .. limit is being offered                                  */
    bool offered_end; /* the last reading was offered to its end                    */
    bool applied_end; /* ... applied                                                */
    bool from_end;    /* begun where it ended: `start: end`                         */
    bool blocked;     /* could not be opened: not before the next survey            */
    bool drained;     /* packed, pipe: all texts were offered                       */
    bool grown_told;
    bool counted;
};

struct stream {
    const char        *path; /* "-": standard input; malloc'd */
    u32                number;
    struct generation *first, *last;
    struct place       place; /* from the epoch, until the first look */
    bool restored;            /* `place` holds                        */
    bool globbed;
    bool open;   /* told to the engine                  */
    bool gone;   /* nothing is at the path              */
    bool ended;  /* nothing more will come              */
    bool left;   /* its name is gone, and its last file done: only remembered, for what comes under the name later */
    bool dirty;  /* its position changed since the cut  */
    bool saved;  /* the state may hold a position of it */
    int  fault;  /* of the last look; told              */
    u32  looked; /* survey that last had its path       */
    u64  gone_since; /* loop's clock, ms */
};

/* What is at one path. */
struct seen {
    const char *path;
    bool        globbed;
    int         fault; /* errno; 0: `look` holds */
    struct look look;
};

/* One look at all configured paths, sorted by path. */
struct survey {
    const struct option_names *path; /* lent */
    u32          count, room;
    struct seen *at;
    bool        *empty;  /* per configured path: a pattern that matches nothing */
    bool         full;   /* more than PARTITIONS_MAX */
    struct arena names;
};

/* One range of bytes that is out: a chunk's state. */
struct piece {
    struct chunk       chunk;
    struct generation *of;
    int                fd;
    u64                end;   /* what the worker takes for the end of the file */
    bool               last;  /* the range ends there                          */
    struct text       *text;  /* of a spring; NULL: bytes of the file          */
    _Atomic int        fault; /* errno of a failed read                        */
};

struct folder {
    const char *path;
    int         wd; /* -1: not watched */
    int         fault;
};

struct lines {
    struct source_setup         setup;
    const struct lines_options *options;
    struct inlet               *to;
    struct lines_counts         counts;
    bool                        bounded; /* read what is there, then done */

    u32             streams;
    struct stream  *stream[PARTITIONS_MAX]; /* sorted by path */
    bool            taken[PARTITIONS_MAX];  /* partitions' numbers */
    u32             next;                   /* stream whose turn it is */
    u32             opened, springs, out;
    struct spring  *spring;                 /* all that are not closed */
    u32             stales, stale_room;
    char          **stale;  /* paths whose positions are to be deleted */
    struct arena    cut;
    u32             surveyed; /* surveys taken in */
    u64             grown;    /* loop's clock, ms: something last grew */
    bool            waits;    /* rotated files, vanished names: their time will come */
    bool            stalled, stall_told; /* no descriptor to be had */
    bool            paused, failed, ended, closing;

    uv_loop_t      *loop;
    uv_timer_t      timer;
    uv_idle_t       turn;
    uv_async_t      wake;    /* a spring spoke */
    uv_poll_t       poll;    /* of `inotify`   */
    uv_work_t       work;
    struct survey  *survey;  /* in work on the pool; NULL: none */
    bool            again;
    u64             survey_at; /* loop's clock at which the next is due, ms */
    int             inotify;   /* -1: none */
    u32             folders;
    struct folder  *folder;
    u32             handles;
    void (*gone)(void *);
    void *gone_arg;
};

/* --- lines.c --- */
void lines_stir(struct lines *l);  /* the step runs in the next turn of the loop */
void lines_survey(struct lines *l); /* looks now, or once more right after the look in work */
void lines_fail(struct lines *l, const char *text);
bool lines_forget(struct lines *l); /* the name gone that was not written to for longest; false: none is remembered */
u64  lines_clock(const struct lines *l); /* ms */
__attribute__((format(printf, 4, 5))) void lines_complain(struct lines *l, const char *path, u64 offset,
                                                          const char *format, ...);

/* --- lines_survey.c --- */
struct survey *survey_new(const struct option_names *path);
void           survey_make(struct survey *v); /* any thread; blocks */
void           survey_free(struct survey *v);
bool           survey_is_pattern(const char *path);
bool           survey_is_rotated(const char *path, slice base); /* base, then . or -, digits, perhaps .gz */

/* --- lines_follow.c --- */
struct stream     *follow_stream(struct lines *l, const char *path, bool globbed, u32 number);
struct generation *follow_generation(struct stream *s, const struct look *look, u64 clock);
void               follow_open(struct lines *l, struct stream *s);
void               follow_place(struct lines *l, struct generation *g); /* as its stream's position says */
void               follow_survey(struct lines *l, const struct survey *v);
void               follow_glance(struct lines *l); /* at open files */
bool               follow_size(struct lines *l, struct generation *g); /* asks its descriptor; false: truncated */
void               follow_anew(struct lines *l, struct generation *g, u64 size, const char *how); /* begins at 0 */
void               follow_sure(struct lines *l, struct generation *g); /* its first bytes are the same, at this size */
void               follow_vanished(struct lines *l, struct generation *g); /* it cannot be found any more */
void               follow_ended(struct lines *l, struct stream *s); /* nothing more will come of it */

/* --- lines_search.c --- */
bool search_head(int fd, struct identity_of *is, u64 size); /* fills head and head_len; false: cannot be read */
bool search_is(int fd, const struct identity_of *is); /* the open file is this one */
bool search_is_held(const struct lines *l, const struct look *look); /* some stream has it that is not left */

/* The file of a name that is gone, if the open one is it: it has another name now. NULL: it is not. */
const struct generation *search_left(const struct lines *l, int fd, const struct look *look);

/* Opens what is at the path, if it is this file. A descriptor, or -1 with errno: 0, it is another. */
int search_named(const char *path, const struct identity_of *is);

/* Looks for the file in the path's folder, by inode. A descriptor, or -1. name: PATH_MAX bytes, filled. */
int search_inode(const char *path, const struct identity_of *is, char *name);

/* Plain files in the folder that are named as older generations of the path and were last written after `mtime`, oldest
 * first, without those that a stream of l has and what is at the path itself, under a second name. Gives how many; fds
 * are given. *packed: there are packed ones, too. */
u32 search_between(struct lines *l, const char *path, nanos mtime, int fd[static BETWEEN_MAX], bool *packed);

/* How many files are named as older generations of the path. one: NAME_MAX + 1 bytes, filled with the last by name. */
u32 search_older(const char *path, char *one);

/* --- lines_read.c --- */
bool gen_open(struct lines *l, struct generation *g);    /* false: not now */
void gen_release(struct lines *l, struct generation *g); /* closes it if nothing of it is out or wanted */
bool gen_step(struct lines *l, struct stream *s);        /* offers at most one chunk; false: has none */
void gen_finish(struct lines *l, struct stream *s);      /* passes over generations that are read to their end */
void gen_free(struct lines *l, struct generation *g);

i64   gen_bytes(const struct chunk *chunk, u64 at, void *to, size_t max); /* source_type.read ... */
void  gen_applied(struct source *s, struct chunk *chunk, const struct chunk_counts *counts);
slice gen_where(const struct chunk *chunk);
u64   gen_line(const struct chunk *chunk, u32 number, u64 *offset);

/* --- lines_spring.c --- */
void spring_open(struct lines *l, struct generation *g, bool pipe);
bool spring_step(struct lines *l, struct spring *s); /* offers at most one text; false: nothing was said */
bool spring_close(struct lines *l, struct spring *s); /* once its thread has ended and all is back; false: not yet */
struct spring *spring_next(const struct spring *s);
void spring_stop(struct spring *s);
void spring_back(struct spring *s, struct text *taken);

/* --- lines_place.c --- */
bool  place_read(struct place *p, slice value);
slice place_text(struct arena *a, const struct place *p);
