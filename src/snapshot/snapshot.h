/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h: state.db: images of operators, positions of sources, outboxes of sinks, one epoch after the other.
 *
 * A cut is collected on the loop (it copies small things and borrows pages) and written by another thread in one
 * transaction: WAL, synchronous=FULL, one connection that writes and checkpoints (SQLite before 3.51.3 can corrupt a
 * WAL otherwise). All calls that touch the file block. Everything read back is checked (quick_check, check sums of
 * pages, heads and outboxes): a damaged state file is refused, never believed. */
#pragma once

#include "weir/err.h"
#include "weir/image.h"
#include "weir/source.h" /* struct position */

struct snapshot;

struct snapshot_op {
    slice name;
    u64   fingerprint;
};

#define SNAPSHOT_WHY 512

/* Opens or creates. recipe: the name the state belongs to; another name in the file is ERR_STATE.
 * `why` (SNAPSHOT_WHY bytes) gets the long form of an error. A second process on the same file is refused (lock). */
err  snapshot_open(struct snapshot **out, const char *path, slice recipe, char *why);
void snapshot_close(struct snapshot *s);

/* What the file holds. */
struct snapshot_load {
    u64   id;    /* of the file, drawn when it was made                     */
    u64   epoch; /* 0: a new file                                           */
    slice engine; /* the engine's own bytes of that epoch; lent until close */
};
err snapshot_begin(struct snapshot *s, struct snapshot_load *out, char *why);

enum snapshot_match { SNAPSHOT_NEW, SNAPSHOT_SAME, SNAPSHOT_CHANGED };

/* Puts operator state back: for an op of the same name and fingerprint, calls `to` (heads, pages, done). The number
 * `op` is the recipe's of today; a changed op's saved state is dropped with the next cut. */
err snapshot_read_op(struct snapshot *s, u32 op, struct snapshot_op as, struct image_reader *to,
                     enum snapshot_match *match, char *why);

/* Operators in the file that `ops` does not name: their state is dropped with the next cut. Tells each name. */
err snapshot_forget(struct snapshot *s, u32 ops, const struct snapshot_op *op, void (*tell)(void *arg, slice name),
                    void *arg, char *why);

/* Positions of a source: given in one arena-like block, lent until close. */
err snapshot_read_positions(struct snapshot *s, slice source, u32 *count, const struct position **position, char *why);

/* Rows that went to sinks ahead of their epoch, in a file beside the state (rowlog.h). bytes 0: there are none. */
struct streamed {
    u64 id; /* of the state */
    u64 epoch, bytes, sum;
    u32 slot;
};

/* Rows of the epoch that is not cut yet; *rows is moved past what was taken: all, but on an error, which may pass
 * unless *fatal. The next snapshot_write names them. */
err snapshot_stream(struct snapshot *s, slice *rows, char *why, bool *fatal);

/* Epochs up to this one are needed no more, though no epoch can be written that says so: their outboxes and files go
 * now, in a transaction of its own, so that a full disk has room. On the thread that writes. */
err snapshot_release(struct snapshot *s, u64 delivered, char *why, bool *fatal);

/* They as one piece of memory, once an epoch names them; proved. Any thread, beside a running writer. */
err  snapshot_streamed_open(const char *state, const struct streamed *s, slice *rows, char *why);
void snapshot_streamed_close(slice rows);
void snapshot_streamed_remove(const char *state); /* with the state that nobody wants any more */

/* Outboxes of epochs > after, oldest first; lent during the call. streamed: what went ahead of the rows. */
typedef err outbox_fn(void *arg, u64 epoch, const struct streamed *streamed, slice rows);
err snapshot_read_outboxes(struct snapshot *s, u64 after, outbox_fn *each, void *arg, char *why);

/* One epoch being collected. Also an image_writer. */
struct cut;

struct cut *cut_new(u64 epoch);
void        cut_free(struct cut *c);

/* The writer to hand to operators: heads are copied, pages borrowed until the engine thaws. Positions and the engine's
 * bytes are copied, too; rows are borrowed until written and may be empty. Delivered: outboxes up to this epoch are no
 * longer needed. */
struct image_writer *cut_image(struct cut *c);
void                 cut_positions(struct cut *c, slice source, u32 count, const struct position *position);
void                 cut_engine(struct cut *c, slice bytes);
void                 cut_outbox(struct cut *c, slice rows);
void                 cut_delivered(struct cut *c, u64 epoch);
u64                  cut_bytes(const struct cut *c);

/* One transaction. On an error nothing is changed; `fatal`: an fsync failed or the file is damaged, do not go on.
 * *streamed: the rows that went ahead of this epoch. */
err snapshot_write(struct snapshot *s, const struct cut *c, struct streamed *streamed, char *why, bool *fatal);

/* Checkpoints the WAL when it is large; called between epochs by the thread that writes. ERR_STATE: an fsync failed or
 * the file is damaged, do not go on; other errors pass, the WAL stays large. */
err snapshot_checkpoint(struct snapshot *s, char *why);

/* For `weir snapshot`: on a file that no weir has open, but list and show (read-only, safe beside a running weir). */
struct snapshot_entry {
    slice name;
    u64   fingerprint;
    u64   objects, pages, bytes;
};
err snapshot_list(const char *path, u64 *epoch, void (*each)(void *arg, const struct snapshot_entry *e), void *arg,
                  char *why);
/* One line of text per fact: heads with sizes, positions, outboxes. */
err snapshot_show(const char *path, slice op, void (*print)(void *arg, const char *line), void *arg, char *why);
/* A savepoint: a state file of its own that holds the named operators (all: count 0), without positions unless all. */
err snapshot_export(const char *path, const char *to, u32 count, const slice *op, char *why);
/* Positions of all sources in the file; read-only, safe beside a running weir. */
err snapshot_positions(const char *path, u64 *count, char *why);
/* The file is this recipe's from now on; on a file that no weir has open. One transaction, again is no change. */
err snapshot_rename(const char *path, slice recipe, char *why);
/* Replaces the state of these operators by the savepoint's; the recipe's fingerprints are checked at the next start. */
err snapshot_import(const char *path, const char *from, u32 count, const slice *op, char *why);
