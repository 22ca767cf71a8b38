/* SPDX-License-Identifier: Apache-2.0 */
/* state.h: the tables of state.db, row by row, each with its check sum. Of this folder alone.
 *
 *   meta      one row: recipe, identity, epoch, the engine's bytes, `total`
 *   op        an operator line: name and fingerprint
 *   object    head of an object, and how many pages it has with which sum
 *   page      id = object << 30 | part << 28 | number: a range of ids is an object, reading in id order is reading in
 *             file order; sum; bytes
 *   position  (source, key) -> value
 *   outbox    id = epoch << 16 | part: the rows of an epoch in parts of 16 MiB
 *   streamed  epoch -> slot, length and check sum of the rows that went ahead of it (rowlog.h)
 *
 * What is checked: every row's sum covers its key and content. `total` in meta is the sum of the rows' sums, so that a
 * row that is missing or doubled shows, too; pages are counted into their object instead, because they are only read
 * when their operator is. SQLite's own quick_check looks after the structure. Together: what is read back is what was
 * written, or it is refused.
 *
 * A WAL that lost its end would still be a sound, older state. The lock file therefore notes the epoch last committed
 * (lock.h); a file that holds an older one is refused.
 *
 * All functions give the long form of an error into `why`, which the caller sets before calling. */
#pragma once

#include "shim/lock.h"
#include "shim/sqlite.h"
#include "snapshot/snapshot.h"

#define STATE_APPLICATION 0x77656972 /* "weir", PRAGMA application_id */
#define STATE_FORMAT      2          /* PRAGMA user_version; 1: without `streamed`, is taken and made 2 */
/* One run each of 4 to 64 KiB, bare SQLite: small is slow for new pages, large where few bytes change. A middle. */
#define STATE_PAGE_BYTES  16384u
#define STATE_CACHE_KIB   8192u

#define STATE_PAGES_MAX   (1u << 28)       /* pages a part */
#define STATE_OBJECTS_MAX ((i64)1 << 32)   /* row ids of objects over the life of a file  */
#define STATE_EPOCHS_MAX  ((u64)1 << 47)

struct state_op {
    i64   row;
    char *name;        /* malloc'd */
    u64   fingerprint;
};

/* Kept in memory, some 80 bytes each, so that a cut needs no look-up in the file. Sorted by (op, object). */
struct state_object {
    i64 op; /* row of its operator */
    u64 object;
    i64 row;
    u64 head_sum, head_bytes;
    u64 pages, bytes, page_sum;
};

enum state_statement {
    STATE_META_PUT, STATE_META_GET,
    STATE_OP_PUT, STATE_OP_DROP, STATE_OP_GET,
    STATE_OBJECT_PUT, STATE_OBJECT_COUNT, STATE_OBJECT_DROP, STATE_OBJECT_GET, STATE_OBJECT_HEAD,
    STATE_PAGE_SUM, STATE_PAGE_PUT, STATE_PAGE_CHANGE, STATE_PAGE_DROP, STATE_PAGE_GET,
    STATE_POSITION_SUM, STATE_POSITION_PUT, STATE_POSITION_DROP, STATE_POSITION_GET, STATE_POSITION_OF,
    STATE_OUTBOX_SUM, STATE_OUTBOX_PUT, STATE_OUTBOX_DROP, STATE_OUTBOX_GET,
    STATE_STREAMED_SUM, STATE_STREAMED_PUT, STATE_STREAMED_DROP, STATE_STREAMED_GET,
    STATE_STATEMENTS
};

struct state {
    sqlite3             *db;
    char                *path; /* malloc'd */
    char                *why;  /* SNAPSHOT_WHY bytes, the caller's of the moment */
    bool                 reader;
    int                  format; /* of the file */
    struct lock          lock; /* a writer's */
    sqlite3_stmt        *statement[STATE_STATEMENTS]; /* prepared when first used */

    char                *recipe; /* malloc'd; NULL before the first epoch of a new file */
    u64                  id;     /* drawn when the file was made                        */
    u64                  epoch;
    u8                  *engine; /* malloc'd */
    size_t               engine_len;
    u64                  total;
    u32                  streams; /* epochs whose rows lie beside the file, oldest first */
    struct streamed     *stream;

    u32                  ops;
    struct state_op     *op;
    u32                  objects, objects_room;
    struct state_object *object;
    i64                  rows_used; /* objects' row ids up to here have been given */
};

/* Opens. A writer takes the lock, creates what is missing and runs quick_check; a reader reads what the last epoch
 * left, also beside a running writer. recipe: empty for "any". */
err  state_open(struct state *s, const char *path, enum sqlite_how how, slice recipe, char *why);
void state_close(struct state *s);

/* Reads meta, ops, objects, and proves that all rows but pages are there and sound. Forgets what memory knew. */
err state_load(struct state *s);

/* Changes, inside a transaction that the caller has begun; after a failed one: state_undo. */
err state_begin(struct state *s);
err state_commit(struct state *s, u64 epoch); /* writes meta */
err state_undo(struct state *s);              /* back to what the file holds */

err state_op_put(struct state *s, slice name, u64 fingerprint, i64 *row); /* or finds it; its fingerprint is set */
err state_op_drop(struct state *s, i64 row);                              /* with its objects and pages           */
err state_head_put(struct state *s, i64 op, u64 object, slice head);
err state_page_put(struct state *s, i64 op, u64 object, enum image_part part, u32 number, slice bytes);
err state_object_drop(struct state *s, i64 op, u64 object); /* one that is not there is fine */
err state_position_put(struct state *s, slice source, const struct position *p);
err state_outbox_put(struct state *s, u64 epoch, slice rows);
err state_outbox_drop(struct state *s, u64 upto); /* what was streamed, too */
err state_streamed_put(struct state *s, const struct streamed *t);
void state_engine_set(struct state *s, slice bytes);

const struct state_op *state_op_find(const struct state *s, slice name);

/* Gives the heads of an operator, its pages, then done; everything is checked. An error of `to` is told as damage. */
err state_op_read(struct state *s, const struct state_op *op, struct image_reader *to);

/* Every row of these is proved. `each` with ERR_NONE goes on. source: empty for all. */
err state_positions(struct state *s, slice source, err (*each)(void *arg, slice source, const struct position *p),
                    void *arg);
err state_outboxes(struct state *s, u64 after, outbox_fn *each, void *arg);

/* Long form of an error that is ours: "path: ..." into s->why, as ERR_STATE. */
__attribute__((format(printf, 3, 4))) err state_refuse(struct state *s, const char *what, const char *format, ...);

/* Long form of SQLite's. */
err state_explain(struct state *s, err e, const char *doing);

/* --- between the files of state_*.c --- */

/* Seeds, so that a row of one table is not a row of another. */
enum { STATE_SUM_META = 1, STATE_SUM_OP, STATE_SUM_OBJECT, STATE_SUM_PAGE, STATE_SUM_POSITION, STATE_SUM_OUTBOX,
       STATE_SUM_STREAMED };

u64 state_sum_slice(u64 sum, slice s); /* its length, too, so that neighbours cannot trade bytes */
u64 state_sum_op(const struct state_op *op);
u64 state_sum_object(const struct state_object *o);
u64 state_sum_position(slice source, const struct position *p);
u64 state_sum_outbox(i64 id, slice rows);
u64 state_sum_streamed(const struct streamed *t);

/* A statement, prepared when first used; a step; a run without rows: SQLite's errors are explained. */
err state_statement(struct state *s, enum state_statement which, sqlite3_stmt **st);
err state_next(struct state *s, sqlite3_stmt *st, bool *row, const char *doing);
err state_done(struct state *s, sqlite3_stmt *st, const char *doing);

/* "the state file is damaged: table, row: how" */
err state_damaged(struct state *s, const char *table, i64 id, const char *how);

/* Order of the objects in memory, and room for one more behind the last. */
int                  state_object_cmp(const void *a, const void *b);
struct state_object *state_object_room(struct state *s);
