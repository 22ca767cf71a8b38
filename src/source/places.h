/* SPDX-License-Identifier: Apache-2.0 */
/* places.h: which capture files were read, and how far their minutes are applied: the capture source's memory.
 *
 * The files of the recipe that are not done make one stream: minutes and connections reach from one into the next. A
 * stream is read again from its start after a crash, and what was applied of it is passed over; so until it is done its
 * files, their order and what decides their lines must stay as they are, and places_open refuses what has changed.
 * A done file is known by its identity; another one under its name is new. What is appended to a file after its size
 * was first seen is not read: it could not be told from a new capture. Pipes have no memory.
 *
 * A position has the key "stream" or "file:" and the path; values are decimal numbers with spaces, 1 (the version of
 * this form) first, so that `weir snapshot show` can be read. Lives on the loop. */
#pragma once

#include "packet/minutes.h"
#include "weir/arena.h"
#include "weir/source.h"

/* Applied of a minute that is not wholly applied. */
struct mark {
    nanos start;
    u64   bytes[P2_FILES], lines[P2_FILES];
    u64   sum[P2_FILES]; /* over these bytes                  */
    u32   out;           /* texts offered, not applied        */
    bool  sealed;        /* no more texts of it will come     */
};

struct identity {
    u64   device, inode, size;
    nanos mtime;
    u64   head; /* sum of the first bytes */
};

struct input {
    const char     *path;  /* as the recipe says it: to open, to name in messages */
    slice           key;
    struct identity is;
    bool            pipe;  /* standard input, a FIFO: read once, never known again */
    bool            there;
    bool            grew;     /* behind what is known of it: that is not read                */
    bool            replaced; /* a done file had its name before: this one is read           */
    bool            done;  /* read to the end, wholly applied  */
    bool            saved; /* a position was restored          */
    u64             told;  /* complaints about it that are in the state */
    u64             said;  /* complaints by this run           */
    u64             place; /* in the stream                    */
};

struct places {
    struct arena   arena, cut;
    u32            inputs;
    struct input  *input;  /* as in the recipe */
    u32            streams;
    struct input **stream; /* to be read, in order */
    u32            stales;
    slice         *stale;  /* keys of renamed files: deleted by the next cut */
    u64            how;    /* sum of what decides the lines */
    bool           keeps;  /* a pipe or an interface keeps no positions */
    bool           begun;  /* the state has, or will have, the stream   */
    bool           ended;  /* finished: its files are done              */
    bool           dirty;
    nanos          passed; /* minutes up to this start are wholly applied; NANOS_MIN: none */
    u32            marks, room;
    struct mark   *mark;   /* by start */
};

#define PLACES_WHY 512

/* files: lent for life. how: sum of all that decides the lines. why: what is wrong, in words, beside an error. */
err  places_open(struct places *p, const struct option_names *files, u64 how, const struct source_setup *setup,
                 char why[static PLACES_WHY]);
void places_fini(struct places *p);

bool               places_passed(const struct places *p, nanos start);
const struct mark *places_mark(const struct places *p, nanos start);

/* Minutes alone, for the thread; freed with places_fini. */
void places_copy(struct places *to, const struct places *from);

void places_offered(struct places *p, nanos start);
/* bytes: of the file, up to the text's end. */
void places_applied(struct places *p, nanos start, enum p2_file file, u64 bytes, u64 sum, u64 lines);
u64  places_lines(const struct places *p, nanos start, enum p2_file file);
void places_sealed(struct places *p, nanos start);
/* A complaint about input i of the stream; false: told before the restart. */
bool places_tell(struct places *p, u32 i);
/* The end was said; once no text is out, the files are done. */
void places_finish(struct places *p);

void places_cut(struct places *p, u32 *count, const struct position **position);
