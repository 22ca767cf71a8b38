/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h: one reading of the directory: all names, and what stat says of the P2 files among them.
 *
 * Made on a thread of the pool, because on a network file system ten thousand stats take seconds; the loop then
 * compares it with the ledger. Knows nothing of what was read before. */
#pragma once

#include "source/ledger.h"

struct listed {
    slice          name;
    struct p2_name p2;
    bool           known; /* `look` is filled: a regular file of P2's that could be looked at */
    struct look    look;
};

struct listing {
    /* Asked for. */
    const char *path;       /* lent                                                                       */
    int         inotify;    /* descriptor; -1: none. The watch is set before the directory is read        */
    u64         max;        /* most names; more: `full`                                                   */
    u32         number;     /* of the scan, from 1                                                        */
    /* Found. */
    int            fault;   /* errno; 0: everything below holds                */
    int            wd;      /* of the watch, or -errno; 0 where inotify is -1  */
    u64            home;    /* the directory's inode                           */
    bool           remote;  /* on a network file system                        */
    bool           full;
    u32            count, room;
    struct listed *at;
    struct arena   names;
};

/* Asks; path is lent until listing_free. */
struct listing *listing_new(const char *path, int inotify, u64 max, u32 number);

/* Reads the directory. Any thread; blocks. */
void listing_make(struct listing *l);
void listing_free(struct listing *l);

/* Looks at one name. False: it is not there, no regular file, or cannot be looked at. */
bool listing_look(const char *directory, slice name, struct look *out);
