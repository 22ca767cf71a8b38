/* SPDX-License-Identifier: Apache-2.0 */
/* rowlog.h: rows that sinks were given ahead of their epoch, kept beside state.db until each sink has the epoch.
 *
 *   <state>-rows.<slot>   the rows of one epoch, byte after byte; another epoch's once nobody needs them
 *
 * Such rows are many, and mostly nobody ever reads them again: so they are written once, around the page cache where
 * the file system can, over blocks that are there already, and are synced before the transaction that names slot,
 * length and check sum. What no transaction names is nothing. Rows that go to their sinks with the epoch stay in state.db. */
#pragma once

#include "snapshot/snapshot.h"

#define ROWLOG_SLOTS 1024u /* epochs whose rows may be kept; the engine holds the sources long before */

struct rowlog {
    char *path;  /* of state.db; lent */
    u64   id;    /* of state.db       */
    int   fd;    /* of the slot that is written; -1: none */
    u32   slot;
    u8   *block; /* what is not written yet; aligned  */
    u32   fill;
    u64   bytes; /* of this epoch, `fill` not counted */
    u64   sum;   /* of these                          */
    bool  sealed; /* `last` is of all there is         */
    struct streamed last;
    u64   used[ROWLOG_SLOTS]; /* epoch + 1; 0: free */
    bool  there[ROWLOG_SLOTS]; /* has a file */
};

/* Files of no slot in `kept` are removed. */
void rowlog_open(struct rowlog *l, char *path, u64 id, u32 count, const struct streamed *kept);
void rowlog_close(struct rowlog *l); /* removes the files of free slots */

/* Takes rows of the epoch that follows; *rows is moved past what was taken, all of them but on an error (no space: it
 * may pass). */
err rowlog_append(struct rowlog *l, u64 epoch, slice *rows);

/* What was appended is on the disk; *out.bytes 0: it was nothing. Again gives the same. *fatal: a sync failed. */
err rowlog_seal(struct rowlog *l, u64 epoch, struct streamed *out, bool *fatal);

/* The transaction that names the sealed rows is committed, and that epochs up to this one are needed no more. */
void rowlog_committed(struct rowlog *l, u64 delivered);

/* Epochs up to this one are needed no more, a transaction says so: of files that are free, `spare` stay. */
void rowlog_release(struct rowlog *l, u64 delivered, u32 spare);
