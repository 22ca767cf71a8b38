/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h: every name in the directory and how far it was read: the directory source's memory.
 *
 * One entry a name. What a name stands for is its identity: device, inode and time of birth (where the file system
 * tells it); another identity under the same name is a new file. Entries of files turn into positions (text, so that
 * `weir snapshot show` can be read) when something of them was applied; the ledger knows which changed since the last
 * cut.
 *
 * Lives on the loop; reads no clock and no directory. */
#pragma once

#include "source/look.h"
#include "source/p2name.h"
#include "weir/arena.h"
#include "weir/source.h"

#define NOWHERE   UINT32_MAX /* not in the list or heap that the index belongs to */
#define NO_LAYOUT UINT32_MAX /* a P2 file of a protocol that the recipe does not feed */

/* How sure it is that nobody is writing at the file's end as last seen. */
enum evidence {
    FILE_SEEN,     /* not at all: it is left alone                                       */
    FILE_QUIET,    /* closed, or unchanged for a while: whole lines of it may be read    */
    FILE_COMPLETE, /* its minute is over: the last line counts even without LF           */
};

/* One name. A file's bytes 0 .. applied are in the state, .. offered are out, .. limit are wanted at the moment. */
struct file {
    u64           hash;
    enum p2_kind  kind;
    u32           layout; /* P2_FILE: index or NO_LAYOUT */
    i64           start;  /* Unix seconds                */
    struct look   look;   /* as last seen                */
    u64           home;   /* inode of the directory it was in: an unmounted disk must not empty the ledger */
    u64           applied, offered, limit;
    u64           lines;   /* applied                                                   */
    u64           torn;    /* size at which the part behind the last LF was left alone  */
    nanos         changed; /* wall clock when size or mtime were last seen to be new    */
    enum evidence evidence;
    u32           same;  /* looks in a row that showed no change                 */
    u32           since; /* scan at whose time it was first seen                 */
    u32           seen;  /* scan at whose time it was last seen                  */
    int           fault; /* errno of the last failed open, 0: none               */
    int           fd;    /* -1: closed. Open as long as a chunk is out           */
    u32           out;   /* chunks                                               */
    char         *path;  /* while open                                           */
    u32           at;    /* index in ledger.file                                 */
    u32           dirty; /* index in ledger.dirty, or NOWHERE                    */
    u32           ready; /* index in the queue of ready files, or NOWHERE        */
    bool          restored;    /* from a position, not yet seen in the directory */
    bool          saved;       /* the state may hold a position under this name  */
    bool          ended;       /* `applied` is where an earlier reading saw the end of input */
    bool          offered_end; /* the same of `offered`                          */
    bool          reading;     /* between the first and the last chunk of a reading          */
    bool          aligned;     /* a line begins at the next chunk of the reading             */
    bool          blocked;     /* could not be opened: not again before the next scan        */
    bool          quarantined; /* shrunk: never read again                                   */
    bool          counted;     /* in counts.files                                            */
    bool          retired;     /* not in the ledger any more; lives until its chunks are back */
    u32           name_len;
    char          name[]; /* NUL-terminated */
};

static inline slice file_name(const struct file *f)
{
    return slice_of(f->name, f->name_len);
}

/* Frees an entry that is in no ledger, not open, and has no chunk out. */
void file_free(struct file *f);

struct ledger {
    struct file **file; /* dense, in no order */
    u32           count, room;
    struct file **slot; /* open addressing by hash; a power of two */
    u32           mask;
    u64           max;
    struct file **dirty; /* positions to be saved by the next cut   */
    u32           dirties, dirty_room;
    char        **gone; /* names whose positions are to be deleted */
    u32           gones, gone_room;
    struct arena  cut; /* what the last cut lent out               */
};

/* max: most names; see ledger_add. */
void ledger_init(struct ledger *l, u64 max);
void ledger_fini(struct ledger *l);

struct file *ledger_find(const struct ledger *l, slice name);

/* A new entry of a name that is not in the ledger. NULL: the ledger is full. */
struct file *ledger_add(struct ledger *l, slice name, const struct p2_name *p2);

/* Takes the entry out; its position, if one was saved, is deleted by the next cut. The entry is given to the caller. */
void ledger_remove(struct ledger *l, struct file *f);

/* The file's position has changed. */
void ledger_touch(struct ledger *l, struct file *f);

/* Positions that changed since the last call; lent until the next. */
void ledger_cut(struct ledger *l, u32 *count, const struct position **position);

/* Puts a saved position back as an entry with `restored` set. ERR_STATE: it is not one of ours; ERR_FULL. */
err ledger_restore(struct ledger *l, const struct position *p);

/* Is what stat shows under the entry's name the file that the entry means? Within a run device, inode and birth decide.
 * Over a restart device numbers may have been dealt out anew, so an unknown device is believed where the inode is the
 * same and the file did not shrink, or (a directory copied to another disk) where size and mtime are the same. */
bool file_is(const struct file *f, const struct look *look);
