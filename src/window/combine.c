/* SPDX-License-Identifier: Apache-2.0 */
/* combine.c: batches into a table of partial groups, 64 records at a time.
 *
 * Per block: pack the keys from their columns, find or add all 64 groups at once (which brings their rows near), then
 * fold column after column. A column without cells costs nothing; one without nulls needs no test a record, and its
 * present bytes are set for all such columns together, a word at a time.
 * A record counts once in its group's `records`, and once in groups.full where it went to the `other` group: no row
 * was free for its key, or no room for its key's strings. */
#include "window/combine.h"
#include "window/combine_sketch.h"

#include <stdlib.h>

#define BLOCK  GROUPS_BATCH
#define KEY_AT ((u32)offsetof(struct group_row, start))

/* How a cell folds into words; KERNEL_NONE never folds. */
enum kernel {
    KERNEL_NONE,
    KERNEL_ADD,
    KERNEL_ADD_F64,
    KERNEL_MIN,
    KERNEL_MAX,
    KERNEL_MIN_F64,
    KERNEL_MAX_F64,
    KERNEL_MIN_TIME,
    KERNEL_MAX_TIME,
    KERNEL_FIRST,
    KERNEL_LAST,
    KERNEL_AVG,
    KERNEL_AVG_F64,
    KERNEL_SAMPLING,
    KERNEL_BINS,
    KERNEL_SKETCH, /* combine_sketch.h */
};

static const u8 kernels[FOLDS][FIELD_BINS + 1];

struct combine {
    struct combine_spec spec;
    u32                 width;   /* bytes of a packed key                                              */
    u32                 marks;   /* bytes of the present part of a row                                 */
    u32                 marks_at;
    u8                 *kernel;  /* enum kernel of each measure                                        */
    u8                 *mark;    /* the present bytes that every record of the block sets              */
    u8                 *room;    /* of the keys, KEY_AT bytes before them: a key's cells stand as in a row */
    u8                 *keys;    /* BLOCK packed keys                                                  */
    bool                listable; /* rows of one key may stand side by side, see combine_turn          */
    bool                list;    /* ... and do in this partial                                         */
    u32                 turn;    /* partials since the last that was looked up                         */
    u64                 records, rows; /* of the last one that was                                     */
};

/* 64 records (fewer at a batch's end) on their way into their rows. */
struct block {
    const struct batch *in;
    struct groups      *into;
    u32                 at, n;      /* rows at .. at + n of the batch                */
    u64                 all;        /* n bits set                                    */
    bool                add;        /* the table takes new rows, so new words, too   */
    u64                 homeless;   /* bit i: a string of its key has no room        */
    nanos               start[BLOCK];
    u32                 found[BLOCK];
    u64                 fresh;
    u8                 *row[BLOCK];
};

/* Partials as lists give what tables give only if folding again in another grouping changes nothing: floating sums
 * would differ in their last bits. And words of a key may find no room. */
static bool combine_listable(const struct combine *c)
{
    for (u32 m = 0; m < c->spec.measures; m++)
        if (c->kernel[m] == KERNEL_ADD_F64 || c->kernel[m] == KERNEL_AVG_F64) return false;
    return !c->spec.layout->texts;
}

err combine_open(struct combine **out, const struct combine_spec *spec)
{
    const struct group_layout *l = spec->layout;
    WEIR_ASSERT(spec->length > 0 && spec->measures == l->measures);
    WEIR_ASSERT(spec->keys == l->keys && spec->carried == l->carried);
    struct combine *c = calloc(1, sizeof *c);
    WEIR_ASSERT(c != NULL);
    c->spec = *spec;
    c->width = l->key_end - KEY_AT;
    c->marks_at = l->fixed_end;
    c->marks = (u32)round_up(l->measures, 8);
    c->room = calloc(1, KEY_AT + (size_t)BLOCK * c->width);
    WEIR_ASSERT(c->room != NULL);
    c->keys = c->room + KEY_AT;
    c->mark = calloc(c->marks + 1, 1);
    c->kernel = calloc(l->measures + 1, 1);
    WEIR_ASSERT(c->mark != NULL && c->kernel != NULL);
    for (u32 i = 0; i < spec->keys + spec->carried; i++)
        WEIR_ASSERT(spec->stream->field[spec->column[i]].type == l->column[i].type);
    for (u32 m = 0; m < spec->measures; m++) {
        const struct group_measure *measure = &l->measure[m];
        const struct field         *field = &spec->stream->field[spec->column[spec->keys + spec->carried + m]];
        WEIR_ASSERT(field->type == measure->type && (field->type != FIELD_BINS || field->bins == measure->words));
        c->kernel[m] = kernels[measure->fold][measure->type];
        WEIR_ASSERT(c->kernel[m] != KERNEL_NONE);
    }
    c->listable = combine_listable(c);
    *out = c;
    return OK;
}

void combine_close(struct combine *c)
{
    if (c == NULL) return;
    free(c->room);
    free(c->mark);
    free(c->kernel);
    free(c);
}

/* Bit i: record i of the block has a value in the column. */
static u64 values_of(const struct block *b, const struct column *column)
{
    if (column->cells == NULL) return 0;
    if (column->nulls == NULL) return b->all;
    return ~column->nulls[b->at >> 6] & b->all;
}

#define EACH_BIT(i, bits) \
    (u64 left_ = (bits), i; left_ != 0 && (i = (u64)__builtin_ctzll(left_), true); left_ &= left_ - 1)

/* A loop body that is compiled once for each constant it is called with. */
#define BODY static inline __attribute__((always_inline))

/* --- keys --- */

static void pack_starts(const struct combine *c, struct block *b)
{
    if (b->in->time == NULL) {
        nanos start = nanos_floor(b->in->time_all, c->spec.length);
        for (u32 i = 0; i < b->n; i++) b->start[i] = start;
        return;
    }
    nanos start = 0, end = 0; /* of the last window met: neighbours in a batch are mostly neighbours in time */
    for (u32 i = 0; i < b->n; i++) {
        nanos t = b->in->time[b->at + i];
        if (t < start || t >= end) {
            start = nanos_floor(t, c->spec.length);
            end = start + c->spec.length;
        }
        b->start[i] = start;
    }
}

/* The id in the table of a cell of text; 0 where the word has none and there is no room, or it is too long for one: the
 * record is marked. */
static u32 word_of(struct block *b, enum field_type type, const struct column *column, u64 i)
{
    u32 id;
    if (type == FIELD_TAG) {
        u32 from = ((const u32 *)column->cells)[i];
        if (from == 0) return 0;
        id = groups_word(b->into, column->words, from, b->add);
    } else {
        slice text = ((const slice *)column->cells)[i];
        if (text.len > STRING_BYTES_MAX) id = 0;
        else id = b->add ? strings_add(&b->into->words, text) : strings_find(&b->into->words, text);
    }
    if (id == 0) b->homeless |= 1ull << (i - b->at);
    return id;
}

/* Writes record i's cell as rows hold it. `to` is where the row's byte 0 would be; cell and flag are zero there. */
BODY void put_cell(struct block *b, enum field_type type, const struct group_column *g, const struct column *column,
                   u64 i, u8 *to)
{
    const void *cells = column->cells;
    i += b->at;
    if (type == FIELD_NET) {
        const net *n = (const net *)cells + i;
        to[g->flag] = n->bits;
        if (n->bits != NET_NULL) memcpy(to + g->at, n->at.b, 16);
    } else if (type == FIELD_ADDR) {
        memcpy(to + g->at, (const addr *)cells + i, 16);
    } else if (type == FIELD_TAG || type == FIELD_STRING) {
        u32 id = word_of(b, type, column, i);
        memcpy(to + g->at, &id, 4);
    } else {
        memcpy(to + g->at, (const u64 *)cells + i, 8);
    }
}

static void put_null(const struct group_column *g, u8 *to)
{
    if (g->flag) to[g->flag] = g->type == FIELD_NET ? NET_NULL : 1;
}

BODY void pack_as(struct block *b, enum field_type type, const struct group_column *g, const struct column *column,
                  u64 values, u8 *base, u32 width)
{
    for EACH_BIT (i, values) put_cell(b, type, g, column, i, base + i * width);
}

/* base: where byte 0 of the first record's row would be. */
static void pack_column(struct block *b, const struct group_column *g, const struct column *column, u8 *base, u32 width)
{
    u64 values = values_of(b, column);
    switch (g->type) {
    case FIELD_NET: pack_as(b, FIELD_NET, g, column, values, base, width); break;
    case FIELD_ADDR: pack_as(b, FIELD_ADDR, g, column, values, base, width); break;
    case FIELD_TAG: pack_as(b, FIELD_TAG, g, column, values, base, width); break;
    case FIELD_STRING: pack_as(b, FIELD_STRING, g, column, values, base, width); break;
    default: pack_as(b, FIELD_U64, g, column, values, base, width); break;
    }
    for EACH_BIT (i, b->all & ~values) put_null(g, base + i * width);
}

static void pack_keys(const struct combine *c, struct block *b)
{
    memset(c->keys, 0, (size_t)b->n * c->width);
    pack_starts(c, b);
    for (u32 i = 0; i < b->n; i++) memcpy(c->keys + (size_t)i * c->width, &b->start[i], 8);
    for (u32 k = 0; k < c->spec.keys; k++)
        pack_column(b, &c->spec.layout->column[k], &b->in->column[c->spec.column[k]], c->room, c->width);
}

/* A key whose string has no room is no key of the table: these records go to `other`, the rest close ranks. */
static void find_some(const struct combine *c, struct block *b)
{
    u32 kept = 0, found[BLOCK];
    u8  at[BLOCK];
    u64 fresh;
    for EACH_BIT (i, b->all & ~b->homeless) {
        memmove(c->keys + (size_t)kept * c->width, c->keys + i * c->width, c->width);
        at[kept++] = (u8)i;
    }
    groups_find_add(b->into, c->keys, kept, found, &fresh);
    b->fresh = 0;
    for (u32 k = 0; k < kept; k++) {
        b->found[at[k]] = found[k];
        b->fresh |= (fresh >> k & 1) << at[k];
    }
    for EACH_BIT (i, b->homeless) b->found[i] = groups_other(b->into, b->start[i]);
}

static void find_rows(const struct combine *c, struct block *b)
{
    if (b->homeless) {
        find_some(c, b);
    } else if (c->list && groups_room(b->into) >= b->n) {
        groups_append(b->into, c->keys, b->n, b->found);
        b->fresh = b->all;
    } else {
        groups_find_add(b->into, c->keys, b->n, b->found, &b->fresh);
    }
    for (u32 i = 0; i < b->n; i++) {
        struct group_row *row = groups_row_write(b->into, b->found[i]);
        row->records++;
        b->row[i] = (u8 *)row;
    }
}

/* What follows from a key is taken from its first record. A string without room is null. */
static void put_carried(const struct combine *c, struct block *b)
{
    for (u32 k = c->spec.keys; k < c->spec.keys + c->spec.carried; k++) {
        const struct group_column *g = &c->spec.layout->column[k];
        const struct column       *column = &b->in->column[c->spec.column[k]];
        u64                        values = values_of(b, column) & b->fresh;
        for EACH_BIT (i, values) put_cell(b, g->type, g, column, i, b->row[i]);
        for EACH_BIT (i, b->fresh & ~values) put_null(g, b->row[i]);
    }
}

/* --- measures --- */

static inline u64 add_saturated(u64 a, u64 b)
{
    u64 sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline void fold_sampling(struct sampling *to, const struct sampling *from)
{
    if (from->n == 0) return;
    u64 low = to->sum_lo + from->sum_lo;
    to->n = add_saturated(to->n, from->n);
    to->min = from->min < to->min ? from->min : to->min;
    to->max = from->max > to->max ? from->max : to->max;
    to->sum_hi += from->sum_hi + (low < from->sum_lo);
    to->sum_lo = low;
}

/* One column of a block. */
struct fold_job {
    u8 *const   *row;
    u32          n, at, words; /* at: byte offset in the row */
    const void  *cells;        /* of the block's first record */
    const nanos *time;         /* the same; NULL: all time_all */
    nanos        time_all;
};

/* The one place that knows what each kernel does. Inlined with a constant kernel, the switch is gone. */
BODY void fold_cell(enum kernel kernel, const struct fold_job *j, u64 i)
{
    u8          *to = j->row[i] + j->at;
    u64         *word = (void *)to;
    f64         *real = (void *)to;
    nanos       *time = (void *)to;
    u64          u = ((const u64 *)j->cells)[kernel < KERNEL_SAMPLING ? i : 0];
    f64          f = ((const f64 *)j->cells)[kernel < KERNEL_SAMPLING ? i : 0];
    nanos        t = ((const nanos *)j->cells)[kernel < KERNEL_SAMPLING ? i : 0];
    nanos        when = kernel == KERNEL_FIRST || kernel == KERNEL_LAST ? (j->time ? j->time[i] : j->time_all) : 0;
    switch (kernel) {
    case KERNEL_ADD: word[0] = add_saturated(word[0], u); break;
    case KERNEL_ADD_F64: real[0] += f; break;
    case KERNEL_MIN: word[0] = u < word[0] ? u : word[0]; break;
    case KERNEL_MAX: word[0] = u > word[0] ? u : word[0]; break;
    case KERNEL_MIN_F64: real[0] = f < real[0] ? f : real[0]; break;
    case KERNEL_MAX_F64: real[0] = f > real[0] ? f : real[0]; break;
    case KERNEL_MIN_TIME: time[0] = t < time[0] ? t : time[0]; break;
    case KERNEL_MAX_TIME: time[0] = t > time[0] ? t : time[0]; break;
    case KERNEL_FIRST:
        if (when < time[0]) time[0] = when, word[1] = u;
        break;
    case KERNEL_LAST:
        if (when >= time[0]) time[0] = when, word[1] = u;
        break;
    case KERNEL_AVG: word[0] = add_saturated(word[0], u), word[1]++; break;
    case KERNEL_AVG_F64: real[0] += f, word[1]++; break;
    case KERNEL_SAMPLING: fold_sampling((void *)to, (const struct sampling *)j->cells + i); break;
    case KERNEL_BINS:
        for (u32 k = 0; k < j->words; k++) word[k] = add_saturated(word[k], ((const u64 *)j->cells)[i * j->words + k]);
        break;
    case KERNEL_SKETCH:
    case KERNEL_NONE: break;
    }
}

BODY void fold_as(enum kernel kernel, const struct fold_job *j, u64 values, bool all)
{
    if (all)
        for (u64 i = 0; i < j->n; i++) fold_cell(kernel, j, i);
    else
        for EACH_BIT (i, values) fold_cell(kernel, j, i);
}

static void fold_column(enum kernel kernel, const struct fold_job *j, u64 values, bool all)
{
    switch (kernel) {
    case KERNEL_ADD: fold_as(KERNEL_ADD, j, values, all); break;
    case KERNEL_ADD_F64: fold_as(KERNEL_ADD_F64, j, values, all); break;
    case KERNEL_MIN: fold_as(KERNEL_MIN, j, values, all); break;
    case KERNEL_MAX: fold_as(KERNEL_MAX, j, values, all); break;
    case KERNEL_MIN_F64: fold_as(KERNEL_MIN_F64, j, values, all); break;
    case KERNEL_MAX_F64: fold_as(KERNEL_MAX_F64, j, values, all); break;
    case KERNEL_MIN_TIME: fold_as(KERNEL_MIN_TIME, j, values, all); break;
    case KERNEL_MAX_TIME: fold_as(KERNEL_MAX_TIME, j, values, all); break;
    case KERNEL_FIRST: fold_as(KERNEL_FIRST, j, values, all); break;
    case KERNEL_LAST: fold_as(KERNEL_LAST, j, values, all); break;
    case KERNEL_AVG: fold_as(KERNEL_AVG, j, values, all); break;
    case KERNEL_AVG_F64: fold_as(KERNEL_AVG_F64, j, values, all); break;
    case KERNEL_SAMPLING: fold_as(KERNEL_SAMPLING, j, values, all); break;
    case KERNEL_BINS: fold_as(KERNEL_BINS, j, values, all); break;
    case KERNEL_SKETCH:
    case KERNEL_NONE: break;
    }
}

static size_t cell_size(const struct group_measure *m)
{
    if (m->type == FIELD_SAMPLING) return sizeof(struct sampling);
    return m->type == FIELD_BINS ? m->words * sizeof(u64) : sizeof(u64);
}

/* A sampling says by its n whether it has a value; it has no mark. */
static void mark_some(const struct block *b, const struct group_measure *m, u64 values)
{
    for EACH_BIT (i, values) b->row[i][m->present] = 1;
}

static void mark_all(const struct combine *c, const struct block *b)
{
    for (u32 i = 0; i < b->n; i++) {
        u8 *to = b->row[i] + c->marks_at;
        for (u32 k = 0; k < c->marks; k += 8) *(u64 *)(void *)(to + k) |= *(const u64 *)(const void *)(c->mark + k);
    }
}

static void fold_measures(const struct combine *c, const struct block *b)
{
    struct fold_job job = { .row = b->row, .n = b->n, .time_all = b->in->time_all };
    if (b->in->time) job.time = b->in->time + b->at;
    memset(c->mark, 0, c->marks);
    bool any = false;
    for (u32 i = 0; i < c->spec.measures; i++) {
        const struct group_measure *m = &c->spec.layout->measure[i];
        const struct column        *column = &b->in->column[c->spec.column[c->spec.keys + c->spec.carried + i]];
        u64                         values = values_of(b, column);
        if (values == 0) continue;
        if (c->kernel[i] == KERNEL_SKETCH) {
            values = combine_sketch(m, column, b->at, values, b->row);
        } else {
            job.at = m->at;
            job.words = m->words;
            job.cells = (const u8 *)column->cells + b->at * cell_size(m);
            fold_column(c->kernel[i], &job, values, values == b->all);
        }
        if (m->fold == FOLD_SAMPLING) continue;
        if (values == b->all) c->mark[m->present - c->marks_at] = 1, any = true;
        else mark_some(b, m, values);
    }
    if (any) mark_all(c, b);
}

#define LIST_SHARE 4  /* of so many records three in rows of their own make a list worth while */
#define LIST_TURNS 16 /* partials until one is looked up again                                 */

/* A new partial: where the last one had nearly as many rows as records, looking keys up finds nothing, and the partial
 * is a mere list of rows that the window merges all the same. Now and then one is looked up, to see whether that still
 * holds. */
static void combine_turn(struct combine *c)
{
    bool crowded = c->listable && c->rows * LIST_SHARE >= c->records * (LIST_SHARE - 1) && c->records > 0;
    c->list = crowded && ++c->turn < LIST_TURNS;
    if (c->list) return;
    c->turn = 0;
    c->records = c->rows = 0;
}

void combine_push(struct combine *c, const struct batch *in, struct groups *into)
{
    WEIR_ASSERT(into->layout == c->spec.layout);
    if (groups_count(into) == 0) combine_turn(c);
    for (u32 at = 0; at < in->rows; at += BLOCK) {
        u32          n = in->rows - at < BLOCK ? in->rows - at : BLOCK;
        struct block b;
        b.in = in, b.into = into, b.at = at, b.n = n, b.homeless = 0;
        b.all = n == 64 ? ~0ull : (1ull << n) - 1;
        b.add = !groups_full(into);
        pack_keys(c, &b);
        find_rows(c, &b);
        if (b.fresh) put_carried(c, &b);
        fold_measures(c, &b);
    }
    if (c->list) return;
    c->records += in->rows;
    c->rows = groups_count(into);
}

static const u8 kernels[FOLDS][FIELD_BINS + 1] = {
    [FOLD_SUM] = { [FIELD_U64] = KERNEL_ADD, [FIELD_F64] = KERNEL_ADD_F64 },
    [FOLD_MIN] = { [FIELD_U64] = KERNEL_MIN, [FIELD_MAC] = KERNEL_MIN, [FIELD_F64] = KERNEL_MIN_F64,
                   [FIELD_TIME] = KERNEL_MIN_TIME },
    [FOLD_MAX] = { [FIELD_U64] = KERNEL_MAX, [FIELD_MAC] = KERNEL_MAX, [FIELD_F64] = KERNEL_MAX_F64,
                   [FIELD_TIME] = KERNEL_MAX_TIME },
    [FOLD_FIRST] = { [FIELD_U64] = KERNEL_FIRST, [FIELD_MAC] = KERNEL_FIRST, [FIELD_F64] = KERNEL_FIRST,
                     [FIELD_TIME] = KERNEL_FIRST },
    [FOLD_LAST] = { [FIELD_U64] = KERNEL_LAST, [FIELD_MAC] = KERNEL_LAST, [FIELD_F64] = KERNEL_LAST,
                    [FIELD_TIME] = KERNEL_LAST },
    [FOLD_AVG] = { [FIELD_U64] = KERNEL_AVG, [FIELD_F64] = KERNEL_AVG_F64 },
    [FOLD_SAMPLING] = { [FIELD_SAMPLING] = KERNEL_SAMPLING },
    [FOLD_BINS] = { [FIELD_BINS] = KERNEL_BINS },
    [FOLD_DISTINCT] = { [FIELD_U64] = KERNEL_SKETCH, [FIELD_F64] = KERNEL_SKETCH, [FIELD_TIME] = KERNEL_SKETCH,
                        [FIELD_ADDR] = KERNEL_SKETCH, [FIELD_MAC] = KERNEL_SKETCH, [FIELD_STRING] = KERNEL_SKETCH,
                        [FIELD_NET] = KERNEL_SKETCH, [FIELD_TAG] = KERNEL_SKETCH },
    [FOLD_QUANTILES] = { [FIELD_U64] = KERNEL_SKETCH, [FIELD_F64] = KERNEL_SKETCH },
};
