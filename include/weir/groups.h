/* SPDX-License-Identifier: Apache-2.0 */
/* groups.h: keys and their folded measures: the one table that partials, panes and cascades are made of.
 *
 * A row is fixed in width; what folds alike stands together, so that merging two rows is a few straight loops over
 * runs of words. The same layout serves a worker's partial and the window's pane, so merging needs no translation
 * but that of string ids.
 *
 *   OFFSET  SIZE
 *      0    8   hash       of bytes 24 .. key_end; 0: the row was appended. Not valid in a restored image until rebuilt
 *      8    8   records
 *     16    4   revision
 *     20    4   flags      GROUP_*
 *     24    8   start      ns: the window this row belongs to; the key begins here
 *     32    K   key        columns of 16, 8, 4 and 1 bytes in this order, zero-padded to 8
 *   32+K    C   carried    columns that follow from the key (a net's site); same encoding; not compared
 *    ...    P   present    one byte a measure: 1 = has a value (samplings use n, it stays 0); padded to 8
 *    ...    W   values     words, ordered by runs (struct group_run)
 *
 * Key and carried cells: FIELD_NET 16 bytes and a length byte; FIELD_ADDR 16 and a flag byte; FIELD_U64, FIELD_MAC and
 * FIELD_TIME 8 and a flag byte; FIELD_STRING and FIELD_TAG a u32 string id of this table's own dictionary, 0 null. Flag
 * byte 1 = null (its 8 or 16 bytes are zero then), length byte NET_NULL = null. */
#pragma once

#include "weir/addr.h"
#include "weir/batch.h"
#include "weir/err.h"
#include "weir/field.h"
#include "weir/pages.h"
#include "weir/strings.h"

#define GROUP_OTHER   1u /* collects what came when the table was full; its key is null everywhere */
#define GROUP_AMENDED 2u /* changed since its row was last given out                               */

struct group_row {
    u64   hash;
    u64   records;
    u32   revision;
    u32   flags;
    nanos start;
    /* key, carried, present, values */
};
static_assert(sizeof(struct group_row) == 32, "the key's fixed part ends at 32");

/* Where a key or carried column stands in a row, in bytes. */
struct group_column {
    enum field_type type;
    u16             at;   /* of the 16-, 8- or 4-byte cell                     */
    u16             flag; /* of its length or null byte; 0: a string id, none  */
};

/* Where a measure stands. */
struct group_measure {
    enum fold       fold;
    enum field_type type;
    u16             present; /* byte offset of its present byte           */
    u16             at;      /* byte offset of its first word             */
    u16             words;   /* 1; 2 FIRST LAST AVG; 5 SAMPLING; k BINS; 2^bits / 8 DISTINCT; 385 QUANTILES */
    u32             sketch;  /* DISTINCT, QUANTILES: as field.sketch      */
};

/* How to merge words: `count` values of one operation, from `from` to `to`. */
enum group_op {
    GROUP_OR,       /* bytes, count of them: the present flags      */
    GROUP_ADD,      /* u64, saturating at 2^64 - 1                  */
    GROUP_ADD_F64,
    GROUP_MIN,      /* u64; absent = 2^64 - 1                       */
    GROUP_MAX,      /* u64; absent = 0                              */
    GROUP_MIN_F64,  /* absent = +inf                                */
    GROUP_MAX_F64,  /* absent = -inf                                */
    GROUP_MIN_TIME, /* i64; absent = NANOS_MAX                      */
    GROUP_MAX_TIME, /* i64; absent = NANOS_MIN                      */
    GROUP_FIRST,    /* (time, value) pairs; absent time = NANOS_MAX */
    GROUP_LAST,     /* (time, value) pairs; absent time = NANOS_MIN */
    GROUP_SAMPLING, /* struct sampling; absent: n 0, min 2^64 - 1   */
    GROUP_MAX_BYTES, /* bytes, count of them; absent = 0             */
    GROUP_ADD_U32,   /* u32, count of them, saturating at 2^32 - 1   */
};

struct group_run {
    enum group_op op;
    u16           to, from; /* byte offsets in the target's and the source's row */
    u16           count;
};

#define GROUP_RUNS_MAX  64
#define GROUP_BYTES_MAX 32768u /* of a row; sketches are what makes rows wide */

/* A merge as a list of runs. */
struct group_program {
    u32              count;
    struct group_run run[GROUP_RUNS_MAX];
};

enum group_view {
    GROUP_STRAIGHT, /* whole row onto whole row                                                             */
    GROUP_MIRRORED, /* whole row, mirrored measures exchanged: a conversation seen from its other end       */
    GROUP_CROSSED,  /* only the mirrored measures, exchanged: after STRAIGHT, a conversation inside one site */
};

struct group_layout {
    u32                  keys, carried, measures;
    struct group_column  column[2 * KEYS_MAX + 8]; /* keys first, then carried */
    struct group_measure measure[MEASURES_MAX];
    u32                  mirror[MEASURES_MAX]; /* as field.mirror                   */
    u32                  key_end;   /* byte offset: the key is 24 .. key_end        */
    u32                  fixed_end; /* byte offset where the carried columns end    */
    u32                  size;      /* bytes of a row, a multiple of 8              */
    bool                 texts;     /* some key column is a string id               */
    u8                  *empty;     /* a row with no value in any measure           */
};

/* Lays out `keys` and `carried` columns and the measures of `f` (keys, then carried, then measures; mirror counts from
 * the first measure). The empty row is allocated from malloc: group_layout_fini.
 * Errors: ERR_CONFIG if a column or measure cannot be one (`at`: which), ERR_FULL if the row is wider than
 * GROUP_BYTES_MAX (`at`: the widest measure, the first of several) or has more runs than GROUP_RUNS_MAX (`at`: -1). */
err  group_layout_init(struct group_layout *l, u32 keys, u32 carried, u32 measures, const struct field *f);
void group_layout_fini(struct group_layout *l);

/* How rows of `from` fold into rows of `to`; both have the same measures in the same order, keys may differ. */
void group_program_init(struct group_program *p, const struct group_layout *to, const struct group_layout *from,
                        enum group_view view);

struct groups {
    const struct group_layout *layout; /* borrowed for life                                    */
    struct pages               rows;
    struct strings             words;  /* string ids of keys and carried columns               */
    u64                       *slots;  /* open addressing: upper 32 hash bits, row + 1; 0 free */
    u32                        mask;
    u32                        max;    /* most rows, the `other` row not counted               */
    u32                        other;  /* row of GROUP_OTHER + 1; 0: none yet                  */
    u64                        full;   /* keys that found `other` instead of a row, since init or reset */
    u32                       *memo;   /* groups_word's: id in memo_of -> id in words, 0 unknown */
    u32                        memo_room;
    const struct strings      *memo_of;
};

/* max: 1 .. 2^31 - 1. The dictionary has room for what max rows, and one batch that overflows, can name. */
void groups_init(struct groups *g, const struct group_layout *layout, u32 max);
void groups_fini(struct groups *g);
void groups_reset(struct groups *g);
u64  groups_memory(const struct groups *g);

static inline u32 groups_count(const struct groups *g)
{
    return g->rows.count;
}

static inline const struct group_row *groups_row(const struct groups *g, u32 i)
{
    return pages_get(&g->rows, i);
}

static inline struct group_row *groups_row_write(struct groups *g, u32 i)
{
    return pages_write(&g->rows, i);
}

#define GROUPS_BATCH 64 /* keys a find-or-add call takes: enough to hide memory behind */

/* Finds or adds n <= GROUPS_BATCH keys at once, prefetching.
 *   keys   n x (key_end - 24) bytes, packed: start and key as they stand in a row, string ids of this table
 *   rows   filled: row numbers. A new row is `empty` with its key; its carried columns are zero
 *   fresh  filled: bit i set where row i was added by this call
 * With the table full, rows[i] is the `other` row, which has the start of the first key that overflowed, and `full` is
 * one more. (How many *records* went there, that row's `records` says, once the caller has folded them.) */
void groups_find_add(struct groups *g, const u8 *keys, u32 n, u32 *rows, u64 *fresh);

/* Adds a row for each of n keys without asking whether there is one: the table is a list of partial groups from now on,
 * to be merged into another table and reset, not to be searched or saved. Rows are in keys' order; there must be
 * room. */
void groups_append(struct groups *g, const u8 *keys, u32 n, u32 *rows);

/* The row of one key, UINT32_MAX if unknown. */
u32 groups_find(const struct groups *g, const u8 *key);

/* The `other` row, made with this start if there is none yet: where records go whose key has no room in the dictionary.
 * Counts one in `full`, as groups_find_add does. */
u32 groups_other(struct groups *g, nanos start);

/* New keys that find a row of their own. */
static inline u32 groups_room(const struct groups *g)
{
    u32 rows = g->rows.count - (g->other != 0);
    return rows < g->max ? g->max - rows : 0;
}

/* A new key now finds the `other` row. */
static inline bool groups_full(const struct groups *g)
{
    return groups_room(g) == 0;
}

u32 groups_word_slow(struct groups *g, const struct strings *from, u32 id, bool add);

/* The id in g->words of entry `id` of another dictionary, which may grow but not change while g remembers it (until
 * groups_reset, or until another dictionary is asked for). An unknown word is added if `add` is set; without that, or
 * with the dictionary full, it is 0. Id 0 (null) stays 0. */
static inline u32 groups_word(struct groups *g, const struct strings *from, u32 id, bool add)
{
    if (from == g->memo_of && id < g->memo_room && g->memo[id]) return g->memo[id];
    return groups_word_slow(g, from, id, add);
}

/* Folds a source row's words into a target row's. Rows must not overlap. Records and header are the caller's. */
void groups_merge_row(const struct group_program *program, u8 *to, const u8 *from);

/* After the pages of rows and words were put back (pages_restored on each): checks rows and words (false: the image is
 * damaged, use the table only for groups_fini) and rebuilds hashes and index. Pages stay clean. */
bool groups_restored(struct groups *g);

/* A key or carried cell as a value for results. */
struct value;
void groups_value(const struct groups *g, const struct group_row *row, u32 column, struct value *out);

/* Order of two rows by their key columns as a reader sees them (addresses by bytes, numbers by size, strings by
 * bytes, null first): the tie-break of ranks and the order of results. The rows may be of two tables of one layout. */
int groups_key_cmp(const struct groups *ga, const struct group_row *a, const struct groups *gb,
                   const struct group_row *b);
