/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_in.c: `in`: lists prepared once, then looked up row by row.
 *
 * Whole numbers: a few are compared one by one; close ones stand in a bit map, others are searched. Nets: a few are
 * compared by mask; many are sorted and those inside another left out, so that the last that begins at or before an
 * address is the only one that can hold it. */
#include "expr/kernel.h"

#include <stdlib.h>

#define FEW      4u
#define FEW_NETS 8u
#define MAP_SPAN 65536u /* bits of a map: 8 KiB */

/* --- preparing --- */

#define ORDER_OF(name, T, less)                                                                      \
    static int name(const void *p, const void *q)                                                    \
    {                                                                                                \
        const T *a = p, *b = q;                                                                      \
        return less(a, b) ? -1 : less(b, a) ? 1 : 0;                                                 \
    }

INLINE bool less_u64(const u64 *a, const u64 *b) { return *a < *b; }
INLINE bool less_f64(const f64 *a, const f64 *b) { return *a < *b; }
INLINE bool less_text(const slice *a, const slice *b) { return slice_cmp(*a, *b) < 0; }

INLINE bool range_is_v4(const struct range *n)
{
    return n->bits >= 96 && n->high == 0 && n->low >> 32 == 0xffff;
}

/* IPv4 first; by first address; the wider before those inside. */
INLINE bool less_range(const struct range *a, const struct range *b)
{
    bool a4 = range_is_v4(a), b4 = range_is_v4(b);
    if (a4 != b4) return a4;
    if (a->high != b->high) return a->high < b->high;
    return a->low != b->low ? a->low < b->low : a->bits < b->bits;
}

ORDER_OF(order_u64, u64, less_u64)
ORDER_OF(order_f64, f64, less_f64)
ORDER_OF(order_text, slice, less_text)
ORDER_OF(order_range, struct range, less_range)

INLINE u64 load_be64(const u8 *at)
{
    u64 v;
    memcpy(&v, at, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static struct range range_of(const net *n)
{
    u32          b = n->bits;
    struct range r = { .high = load_be64(n->at.b), .low = load_be64(n->at.b + 8), .bits = n->bits };
    r.mask_high = b >= 64 ? ~(u64)0 : b == 0 ? 0 : ~(u64)0 << (64 - b);
    r.mask_low = b <= 64 ? 0 : ~(u64)0 << (128 - b);
    r.no_v4 = b < 96 && (r.high & r.mask_high) == 0 && ((u64)0xffff << 32 & r.mask_low) == (r.low & r.mask_low);
    return r;
}

INLINE bool in_prefix(const struct range *n, u64 high, u64 low)
{
    return (((high ^ n->high) & n->mask_high) | ((low ^ n->low) & n->mask_low)) == 0;
}

INLINE bool in_range(const struct range *n, u64 high, u64 low)
{
    bool v4 = high == 0 && low >> 32 == 0xffff;
    return in_prefix(n, high, low) & !(n->no_v4 & v4);
}

static void list_nets(struct listed *l, const struct node *in, struct arena *a)
{
    struct range *n = arena_array(a, struct range, in->listed);
    u32           kept = 0;
    for (u32 i = 0; i < in->listed; i++) n[i] = range_of(&in->list[i].in);
    l->net = n;
    if (in->listed <= FEW_NETS) return;
    qsort(n, in->listed, sizeof *n, order_range);
    for (u32 i = 0; i < in->listed; i++) {
        bool same_family = kept > 0 && range_is_v4(&n[kept - 1]) == range_is_v4(&n[i]);
        if (same_family && in_prefix(&n[kept - 1], n[i].high, n[i].low)) continue;
        n[kept++] = n[i];
        if (range_is_v4(&n[kept - 1])) l->nets_v4++;
        else l->nets_v6++;
    }
}

static void list_whole(struct listed *l, const struct node *in, struct arena *a)
{
    u64 *whole = arena_array(a, u64, in->listed);
    for (u32 i = 0; i < in->listed; i++) whole[i] = in->list[i].u;
    qsort(whole, in->listed, sizeof *whole, order_u64);
    l->whole = whole;
    l->least = whole[0];
    l->span = whole[in->listed - 1] - whole[0];
    if (in->listed <= FEW || l->span >= MAP_SPAN) return;
    u64 *map = arena_array(a, u64, l->span / 64 + 1);
    for (u32 i = 0; i < in->listed; i++) map[(whole[i] - l->least) >> 6] |= (u64)1 << ((whole[i] - l->least) & 63);
    l->map = map;
}

const struct listed *emit_list(const struct node *in, struct arena *a)
{
    struct listed *l = arena_new(a, struct listed);
    enum kind      k = in->arg[0]->kind;
    l->count = in->listed;
    if (k == KIND_ADDR || k == KIND_NET) {
        list_nets(l, in, a);
    } else if (k == KIND_TEXT) {
        slice *text = arena_array(a, slice, in->listed);
        for (u32 i = 0; i < in->listed; i++) text[i] = arena_copy(a, in->list[i].text);
        qsort(text, in->listed, sizeof *text, order_text);
        l->text = text;
    } else if (k == KIND_F64) {
        f64 *decimal = arena_array(a, f64, in->listed);
        for (u32 i = 0; i < in->listed; i++) decimal[i] = in->list[i].f;
        qsort(decimal, in->listed, sizeof *decimal, order_f64);
        l->decimal = decimal;
    } else {
        list_whole(l, in, a);
    }
    return l;
}

kernel *in_addr_kernel(const struct listed *l)
{
    return l->count == 1 ? in_addr_one : l->nets_v4 + l->nets_v6 == 0 ? in_addr_few : in_addr_many;
}

/* --- looking up --- */

/* Is `key` among n sorted ones? */
#define SEARCH(name, T, less)                                                 \
    static bool name(const T *at, u32 n, const T *key)                        \
    {                                                                         \
        while (n > 1) {                                                       \
            u32 half = n / 2;                                                 \
            at += less(key, &at[half]) ? 0 : half;                            \
            n -= half;                                                        \
        }                                                                     \
        return n == 1 && !less(at, key) && !less(key, at);                    \
    }

SEARCH(find_u64, u64, less_u64)
SEARCH(find_text, slice, less_text)

/* What is no number is equal to nothing, though in no order either. */
INLINE bool equal_or_less(const f64 *key, const f64 *at) { return *key < *at; }
SEARCH(find_ordered, f64, equal_or_less)

INLINE bool find_f64(const f64 *at, u32 n, const f64 *key)
{
    return *key == *key && find_ordered(at, n, key);
}

static struct reg *in_begin(struct expr_run *r, const struct op *o)
{
    struct reg *g = reg_begin(r, o);
    memset(g->cells, 0, words_of(r->rows) * sizeof(u64));
    nulls_join(r, g, reg_a(r, o), NULL);
    return g;
}

void in_whole(struct expr_run *r, const struct op *o)
{
    const struct listed *l = o->list;
    const u64           *a = reg_a(r, o)->cells;
    struct reg          *g = in_begin(r, o);
    u64                 *out = g->cells, bits;
    u32                  n = r->rows;
    for (u32 w = 0; w < words_of(n); w++) {
        if (l->count <= FEW) {
            for (u32 k = 0; k < l->count; k++) {
                u64 one = l->whole[k];
                PACK_ROWS(n, w, bits, a[i] == one);
                out[w] |= bits;
            }
        } else if (l->map != NULL) {
            u64 least = l->least, span = l->span;
            PACK_ROWS(n, w, out[w], (a[i] - least <= span && bit(l->map, (u32)(a[i] - least))));
        } else {
            PACK_ROWS(n, w, out[w], find_u64(l->whole, l->count, &a[i]));
        }
    }
    bits_done(r, g);
}

void in_decimal(struct expr_run *r, const struct op *o)
{
    const struct listed *l = o->list;
    const f64           *a = reg_a(r, o)->cells;
    struct reg          *g = in_begin(r, o);
    u64                 *out = g->cells;
    for (u32 w = 0; w < words_of(r->rows); w++) PACK_ROWS(r->rows, w, out[w], find_f64(l->decimal, l->count, &a[i]));
    bits_done(r, g);
}

/* Only where there is a text. */
void in_text(struct expr_run *r, const struct op *o)
{
    const struct listed *l = o->list;
    const slice         *a = reg_a(r, o)->cells;
    struct reg          *g = in_begin(r, o);
    u64                 *out = g->cells;
    for (u32 i = 0; i < r->rows; i++)
        if (!is_null(g, i)) out[i >> 6] |= (u64)find_text(l->text, l->count, &a[i]) << (i & 63);
}

static bool find_id(const u32 *at, u32 n, u32 key)
{
    while (n > 1) {
        u32 half = n / 2;
        at += key < at[half] ? 0 : half;
        n -= half;
    }
    return n == 1 && *at == key;
}

static int order_id(const void *p, const void *q)
{
    const u32 *a = p, *b = q;
    return (*a > *b) - (*a < *b);
}

/* The list's words as ids of this batch's dictionary, ascending; words that it does not know are left out. */
static u32 ids_of(const struct listed *l, const struct strings *words, u32 *id)
{
    u32 n = 0;
    for (u32 i = 0; i < l->count && words != NULL; i++) {
        id[n] = strings_find(words, l->text[i]);
        n += id[n] != 0;
    }
    if (n > 0) qsort(id, n, sizeof *id, order_id);
    return n;
}

void in_tag(struct expr_run *r, const struct op *o)
{
    const struct reg *a = reg_a(r, o);
    const u32        *x = a->cells;
    u32              *id = arena_array(r->texts, u32, o->list->count + 1);
    u32               n = ids_of(o->list, a->words, id);
    struct reg       *g = in_begin(r, o);
    u64              *out = g->cells, bits;
    for (u32 w = 0; w < words_of(r->rows); w++) {
        for (u32 k = 0; k < n && n <= FEW; k++) {
            u32 one = id[k];
            PACK_ROWS(r->rows, w, bits, x[i] == one);
            out[w] |= bits;
        }
        if (n > FEW) PACK_ROWS(r->rows, w, out[w], find_id(id, n, x[i]));
    }
    bits_done(r, g);
}

/* --- nets --- */

static void addr_in_one(u32 n, const addr *a, const struct range *of, u64 *out)
{
    struct range one = *of;
    for (u32 w = 0; w < words_of(n); w++) {
        u64 bits;
        if (one.no_v4) PACK_ROWS(n, w, bits, in_range(&one, load_be64(a[i].b), load_be64(a[i].b + 8)));
        else PACK_ROWS(n, w, bits, in_prefix(&one, load_be64(a[i].b), load_be64(a[i].b + 8)));
        out[w] |= bits;
    }
}

void in_addr_one(struct expr_run *r, const struct op *o)
{
    struct reg *g = in_begin(r, o);
    addr_in_one(r->rows, reg_a(r, o)->cells, &o->list->net[0], g->cells);
    bits_done(r, g);
}

void in_addr_few(struct expr_run *r, const struct op *o)
{
    struct reg *g = in_begin(r, o);
    for (u32 k = 0; k < o->list->count; k++) addr_in_one(r->rows, reg_a(r, o)->cells, &o->list->net[k], g->cells);
    bits_done(r, g);
}

/* The last net of one family that begins at or before the address. */
static bool find_net(const struct range *at, u32 n, u64 high, u64 low)
{
    u128 key = (u128)high << 64 | low;
    while (n > 1) {
        u32 half = n / 2;
        at += key < ((u128)at[half].high << 64 | at[half].low) ? 0 : half;
        n -= half;
    }
    return n == 1 && in_prefix(at, high, low);
}

void in_addr_many(struct expr_run *r, const struct op *o)
{
    const struct listed *l = o->list;
    const addr          *a = reg_a(r, o)->cells;
    struct reg          *g = in_begin(r, o);
    u64                 *out = g->cells;
    for (u32 i = 0; i < r->rows; i++) {
        bool v4 = addr_is_v4(&a[i]);
        bool in = find_net(l->net + (v4 ? 0 : l->nets_v4), v4 ? l->nets_v4 : l->nets_v6, load_be64(a[i].b),
                           load_be64(a[i].b + 8));
        out[i >> 6] |= (u64)in << (i & 63);
    }
    bits_done(r, g);
}

/* A net is in another that is as wide or wider; IPv4 nets by the rule of addresses. */
void in_net(struct expr_run *r, const struct op *o)
{
    const struct listed *l = o->list;
    const net           *a = reg_a(r, o)->cells;
    struct reg          *g = in_begin(r, o);
    u32                  n = l->nets_v4 + l->nets_v6 > 0 ? l->nets_v4 + l->nets_v6 : l->count;
    u64                 *out = g->cells;
    for (u32 i = 0; i < r->rows; i++) {
        u64  high = load_be64(a[i].at.b), low = load_be64(a[i].at.b + 8);
        bool v4 = high == 0 && low >> 32 == 0xffff && a[i].bits >= 96, in = false;
        for (u32 k = 0; k < n && !in; k++)
            in = a[i].bits >= l->net[k].bits && in_prefix(&l->net[k], high, low) && !(l->net[k].no_v4 && v4);
        out[i >> 6] |= (u64)in << (i & 63);
    }
    bits_done(r, g);
}
