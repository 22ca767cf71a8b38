/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_order.c: keys as bytes that compare like SQLite's records do: numbers, then text by bytes. */
#include "sink/sqlite_order.h"

#include <endian.h>
#include <stdlib.h>

void order_init(struct order *o)
{
    *o = (struct order){ 0 };
}

void order_fini(struct order *o)
{
    free(o->row);
    free(o->keys);
    *o = (struct order){ 0 };
}

void order_reset(struct order *o)
{
    o->rows = 0;
    o->len = 0;
    o->common = 0;
}

static u8 *key_room(struct order *o, size_t n)
{
    if (o->keys_room - o->len < n) {
        o->keys_room = 2 * o->keys_room + n + 65536;
        o->keys = realloc(o->keys, o->keys_room);
        WEIR_ASSERT(o->keys != NULL && o->keys_room < UINT32_MAX);
    }
    return o->keys + o->len;
}

/* Big-endian with the sign turned round; doubles by their bits, which order like the numbers they are. */
static u64 number_bits(const struct value *v)
{
    if (v->kind == VALUE_U64) return v->u > INT64_MAX ? UINT64_MAX : v->u | (u64)1 << 63;
    if (v->kind == VALUE_I64) return (u64)v->i ^ (u64)1 << 63;
    u64 bits;
    memcpy(&bits, &v->f, 8);
    return bits >> 63 ? ~bits : bits | (u64)1 << 63;
}

static void add_cell(struct order *o, const struct value *v)
{
    char buf[VALUE_TEXT_ROOM];
    bool number = v->kind == VALUE_U64 || v->kind == VALUE_I64 || v->kind == VALUE_F64;
    if (number) {
        u64 bits = htobe64(number_bits(v));
        u8 *to = key_room(o, 9);
        *to = 1;
        memcpy(to + 1, &bits, 8);
        o->len += 9;
        return;
    }
    slice text = value_text(v, buf);
    u8 *to = key_room(o, text.len + 2);
    *to = 2;
    if (text.len > 0) memcpy(to + 1, text.at, text.len);
    to[text.len + 1] = 0; /* a shorter text comes first */
    o->len += text.len + 2;
}

static u32 shared(const u8 *a, const u8 *b, u32 len)
{
    u32 n = 0;
    while (n < len && a[n] == b[n]) n++;
    return n;
}

void order_add(struct order *o, const struct row *row, u32 keys, const u8 *at)
{
    if (o->rows == o->room) {
        o->room = o->room ? 2 * o->room : 4096;
        o->row = realloc(o->row, o->room * sizeof *o->row);
        WEIR_ASSERT(o->row != NULL);
    }
    size_t from = o->len;
    for (u32 i = 0; i < keys; i++) add_cell(o, &row->value[i]);
    struct order_row *to = &o->row[o->rows++];
    *to = (struct order_row){ .at = (u32)from, .len = (u32)(o->len - from), .row = at };
    u32 most = o->rows == 1 || to->len < o->common ? to->len : o->common;
    o->common = shared(o->keys, o->keys + from, most);
}

static int row_cmp(const void *pa, const void *pb, void *keys)
{
    const struct order_row *a = pa, *b = pb;
    if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
    u32 len = a->len < b->len ? a->len : b->len;
    int by = memcmp((u8 *)keys + a->at, (u8 *)keys + b->at, len);
    if (by != 0) return by;
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

void order_sort(struct order *o)
{
    for (u32 i = 0; i < o->rows; i++) {
        struct order_row *r = &o->row[i];
        u8  first[8] = { 0 };
        u32 left = r->len - o->common;
        memcpy(first, o->keys + r->at + o->common, left < 8 ? left : 8);
        memcpy(&r->prefix, first, 8);
        r->prefix = be64toh(r->prefix);
        r->at += o->common, r->len -= o->common;
    }
    if (o->rows > 1) qsort_r(o->row, o->rows, sizeof *o->row, row_cmp, o->keys);
}
