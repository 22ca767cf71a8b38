/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c: the byte string of result rows, and values as text and in order.
 *
 * The writer trusts its caller and the heap (out of memory aborts). The reader trusts nobody: an outbox comes back from
 * a file, so every length is held against what is left, and a row that does not fit its table ends the stream.
 * Varints are LEB128 of at most ten bytes; i64 is zigzag first, so that small negative numbers stay short. */
#include "weir/rows.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define VARINT_MAX 10u /* bytes of 2^64 - 1 */

/* First bytes of a cell beyond enum value_kind. */
#define CELL_NET4    13u              /* IPv4 net: its 4 bytes and the length           */
#define CELL_MEAN    14u              /* varint ns, varint n: read as VALUE_F64 seconds */
#define CELL_SECONDS 15u              /* varint ns: read as VALUE_F64 seconds           */
static_assert(VALUE_MAC < CELL_NET4 && CELL_SECONDS < ROW_SMALL, "kinds and the codec's own bytes are apart");

#define FIRST_ROOM 4096u
#define FIRST_MOST ((size_t)2 << 20)
#define GROW_SLOWLY ((size_t)16 << 20) /* beyond it by a half: two such blocks live while one is copied */

/* --- writing --- */

void row_writer_init(struct row_writer *w)
{
    *w = (struct row_writer){ 0 };
}

void row_writer_fini(struct row_writer *w)
{
    free(w->at);
    *w = (struct row_writer){ 0 };
}

/* What it held will be needed again, all but surely: growing to it step by step is a copy of all, and fresh pages. */
static size_t first_room(const struct row_writer *w)
{
    size_t like = w->len + w->len / 8;
    return like < FIRST_ROOM ? FIRST_ROOM : like < FIRST_MOST ? like : FIRST_MOST;
}

slice row_writer_take(struct row_writer *w)
{
    slice bytes = slice_of((char *)w->at, w->len);
    *w = (struct row_writer){ .first = first_room(w) };
    return bytes;
}

/* Room for n more bytes at the end; the writer grows by a factor, so a byte is copied a few times at most. */
static u8 *more(struct row_writer *w, size_t n)
{
    if (w->room - w->len < n) {
        WEIR_ASSERT(n < SIZE_MAX / 4 && w->len < SIZE_MAX / 4);
        size_t room = w->room ? w->room : w->first ? w->first : FIRST_ROOM;
        while (room - w->len < n) room += room < GROW_SLOWLY ? room : room / 2;
        u8 *at = realloc(w->at, room);
        WEIR_ASSERT(at != NULL);
        w->at = at;
        w->room = room;
    }
    return w->at + w->len;
}

static u8 *varint_put(u8 *at, u64 v)
{
    while (v >= 0x80) {
        *at++ = (u8)(v | 0x80);
        v >>= 7;
    }
    *at++ = (u8)v;
    return at;
}

/* Zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
static u64 zigzag(i64 v)
{
    return ((u64)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static i64 unzigzag(u64 v)
{
    return (i64)((v >> 1) ^ (0 - (v & 1)));
}

static void put_varint(struct row_writer *w, u8 kind, u64 v)
{
    u8 *at = more(w, 1 + VARINT_MAX);
    *at = kind;
    w->len = (size_t)(varint_put(at + 1, v) - w->at);
}

static void put_bytes(struct row_writer *w, u8 kind, const void *bytes, size_t n)
{
    u8 *at = more(w, 1 + n);
    *at = kind;
    if (n > 0) memcpy(at + 1, bytes, n);
    w->len += 1 + n;
}

void row_put(struct row_writer *w, u32 table)
{
    put_varint(w, ROW_PUT, table);
    w->rows++;
}

void row_clear(struct row_writer *w, u32 table, i64 timestamp)
{
    put_varint(w, ROW_CLEAR, table);
    row_i64(w, timestamp);
    w->rows++;
}

void row_null_long(struct row_writer *w)
{
    put_bytes(w, VALUE_NULL, NULL, 0);
}

void row_u64_long(struct row_writer *w, u64 v)
{
    if (v > ROW_SMALL_MAX) {
        put_varint(w, VALUE_U64, v);
        return;
    }
    *more(w, 1) = (u8)(ROW_SMALL + v);
    w->len++;
}

void row_seconds(struct row_writer *w, u64 ns)
{
    put_varint(w, CELL_SECONDS, ns);
}

void row_mean(struct row_writer *w, u128 ns, u64 n)
{
    if (ns >> 64) {
        row_f64(w, (f64)ns / (f64)n / 1e9);
        return;
    }
    put_varint(w, CELL_MEAN, (u64)ns);
    u8 *at = more(w, VARINT_MAX);
    w->len += (size_t)(varint_put(at, n) - at);
}

void row_i64(struct row_writer *w, i64 v)
{
    put_varint(w, VALUE_I64, zigzag(v));
}

/* The 8 bytes of the double's bits, least first, whatever the machine. */
void row_f64(struct row_writer *w, f64 v)
{
    u64 bits;
    u8 bytes[8];
    memcpy(&bits, &v, 8);
    for (u32 i = 0; i < 8; i++) bytes[i] = (u8)(bits >> 8 * i);
    put_bytes(w, VALUE_F64, bytes, 8);
}

void row_text(struct row_writer *w, slice s)
{
    put_varint(w, VALUE_TEXT, s.len);
    u8 *at = more(w, s.len);
    if (s.len > 0) memcpy(at, s.at, s.len);
    w->len += s.len;
}

void row_value(struct row_writer *w, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL: row_null(w); break;
    case VALUE_U64: row_u64(w, v->u); break;
    case VALUE_I64: row_i64(w, v->i); break;
    case VALUE_F64: row_f64(w, v->f); break;
    case VALUE_TEXT: row_text(w, v->text); break;
    case VALUE_ADDR: put_bytes(w, VALUE_ADDR, v->at.b, 16); break;
    case VALUE_NET: {
        u8 bytes[17];
        bool v4 = addr_is_v4(&v->range.at); /* any length: the address is whole */
        memcpy(bytes, v->range.at.b, 16);
        bytes[16] = v->range.bits;
        if (v4) put_bytes(w, CELL_NET4, bytes + 12, 5);
        else put_bytes(w, VALUE_NET, bytes, 17);
        break;
    }
    case VALUE_MAC: put_varint(w, VALUE_MAC, v->u); break;
    }
}

void row_writer_join(struct row_writer *w, struct row_writer *from)
{
    size_t first = first_room(from);
    if (w->len == 0) {
        struct row_writer empty = *w;
        *w = *from;
        *from = (struct row_writer){ .at = empty.at, .room = empty.room, .first = first };
        w->rows += empty.rows;
        w->first = empty.first;
        return;
    }
    u8 *at = more(w, from->len);
    if (from->len > 0) memcpy(at, from->at, from->len);
    w->len += from->len;
    w->rows += from->rows;
    from->len = 0;
    from->rows = 0;
}

/* Seven bits to each of eight bytes, lowest first. */
static u64 spread_sevens(u64 v)
{
    v = (v & 0x000000000fffffffu) | (v & 0x00fffffff0000000u) << 4;
    v = (v & 0x00003fff00003fffu) | (v & 0x0fffc0000fffc000u) << 2;
    return (v & 0x007f007f007f007fu) | (v & 0x3f803f803f803f80u) << 1;
}

size_t row_number(struct row_writer *w)
{
    u8 *at = more(w, 9);
    *at = VALUE_U64;
    w->len += 9;
    row_number_set(w, w->len - 8, 0);
    return w->len - 8;
}

/* A varint of eight bytes, the last of which may be zero. */
void row_number_set(struct row_writer *w, size_t place, u64 n)
{
    WEIR_ASSERT(n < ROW_NUMBER_MAX && place + 8 <= w->len);
    u64 eight = htole64(spread_sevens(n) | 0x0080808080808080u);
    memcpy(w->at + place, &eight, 8);
}

/* --- reading --- */

/* Bytes of a varint that begins in these eight, lowest first; 9 if it is longer. */
static u32 varint_len(u64 eight)
{
    u64 last = ~eight & 0x8080808080808080u;
    return last ? (u32)__builtin_ctzll(last) / 8 + 1 : 9;
}

/* The lowest seven bits of each of eight bytes, side by side. */
static u64 pack_sevens(u64 v)
{
    v = (v & 0x007f007f007f007fu) | (v & 0x7f007f007f007f00u) >> 1;
    v = (v & 0x00003fff00003fffu) | (v & 0x3fff00003fff0000u) >> 2;
    return (v & 0x000000000fffffffu) | (v & 0x0fffffff00000000u) >> 4;
}

static u64 eight_at(const u8 *at)
{
    u64 v;
    memcpy(&v, at, 8);
    return le64toh(v);
}

static bool varint_get_long(struct row_reader *r, u64 *out)
{
    u64 v = 0;
    for (u32 i = 0; i < VARINT_MAX && r->at < r->end; i++) {
        u8 byte = *r->at++;
        if (i == VARINT_MAX - 1 && byte > 1) return false; /* beyond 64 bits */
        v |= (u64)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* Lengths vary from cell to cell, so that a loop over bytes is mispredicted at nearly each. */
static bool varint_get(struct row_reader *r, u64 *out)
{
    if (r->end - r->at < 8) return varint_get_long(r, out);
    u64 eight = eight_at(r->at);
    u32 len = varint_len(eight);
    if (len > 8) return varint_get_long(r, out);
    *out = pack_sevens(eight & UINT64_MAX >> (64 - 8 * len));
    r->at += len;
    return true;
}

/* The next n bytes; NULL if the stream is shorter. */
static const u8 *take(struct row_reader *r, u64 n)
{
    if ((u64)(r->end - r->at) < n) return NULL;
    const u8 *at = r->at;
    r->at += n;
    return at;
}

static const char *f64_get(struct row_reader *r, f64 *out)
{
    const u8 *at = take(r, 8);
    if (at == NULL) return "number runs past the end of the rows";
    u64 bits = eight_at(at);
    memcpy(out, &bits, 8);
    return NULL;
}

static const char *text_get(struct row_reader *r, slice *out)
{
    u64 len;
    if (!varint_get(r, &len)) return "bad length of a text in the rows";
    const u8 *at = take(r, len);
    if (at == NULL) return "text runs past the end of the rows";
    *out = slice_of((const char *)at, (size_t)len);
    return NULL;
}

static const char *net_get(struct row_reader *r, net *out)
{
    const u8 *at = take(r, 17);
    if (at == NULL) return "network runs past the end of the rows";
    memcpy(out->at.b, at, 16);
    out->bits = at[16];
    return out->bits > 128 ? "prefix length over 128 in the rows" : NULL;
}

static const char *net4_get(struct row_reader *r, net *out)
{
    const u8 *at = take(r, 5);
    if (at == NULL) return "network runs past the end of the rows";
    out->at = (addr){ { [10] = 0xff, [11] = 0xff } };
    memcpy(out->at.b + 12, at, 4);
    out->bits = at[4];
    return out->bits > 128 ? "prefix length over 128 in the rows" : NULL;
}

static const char *mean_get(struct row_reader *r, f64 *out)
{
    u64 ns, n;
    if (!varint_get(r, &ns) || !varint_get(r, &n) || n == 0) return "bad number in the rows";
    *out = (f64)ns / (f64)n / 1e9;
    return NULL;
}

static const char *addr_get(struct row_reader *r, addr *out)
{
    const u8 *at = take(r, 16);
    if (at == NULL) return "address runs past the end of the rows";
    memcpy(out->b, at, 16);
    return NULL;
}

/* NULL, or what is wrong with the cell. */
static const char *cell_get(struct row_reader *r, struct value *v)
{
    const u8 *kind = take(r, 1);
    if (kind == NULL) return "row has too few cells";
    if (*kind >= ROW_SMALL) {
        v->kind = VALUE_U64;
        v->u = *kind - ROW_SMALL;
        return NULL;
    }
    v->kind = (enum value_kind)*kind;
    switch (*kind) {
    case CELL_NET4: v->kind = VALUE_NET; return net4_get(r, &v->range);
    case CELL_MEAN: v->kind = VALUE_F64; return mean_get(r, &v->f);
    case CELL_SECONDS:
        if (!varint_get(r, &v->u)) return "bad number in the rows";
        v->kind = VALUE_F64;
        v->f = (f64)v->u / 1e9;
        return NULL;
    case VALUE_NULL: return NULL;
    case VALUE_MAC:
    case VALUE_U64: return varint_get(r, &v->u) ? NULL : "bad number in the rows";
    case VALUE_I64:
        if (!varint_get(r, &v->u)) return "bad number in the rows";
        v->i = unzigzag(v->u);
        return NULL;
    case VALUE_F64: return f64_get(r, &v->f);
    case VALUE_TEXT: return text_get(r, &v->text);
    case VALUE_ADDR: return addr_get(r, &v->at);
    case VALUE_NET: return net_get(r, &v->range);
    default: v->kind = VALUE_NULL; return "unknown kind of cell in the rows";
    }
}

bool value_read(struct value_reader *r, struct value *out)
{
    struct row_reader cells = { .at = r->at, .end = r->end };
    if (r->at == r->end || cell_get(&cells, out) != NULL) return false;
    r->at = cells.at;
    return true;
}

static bool fault(const struct row_reader *r, err *e, const char *what, const u8 *at)
{
    *e = (err){ ERR_STATE, what, (i64)(at - r->row) };
    return false;
}

bool row_cell_long(struct row_reader *r, struct value *out, err *e)
{
    const u8 *cell = r->at;
    const char *wrong = cell_get(r, out);
    return wrong == NULL || fault(r, e, wrong, cell);
}

/* Bytes of the cell at `at`, which has 16 bytes; 0: look closer. */
static u32 cell_len(const u8 *at)
{
    switch (*at) {
    case VALUE_U64:
    case VALUE_I64:
    case VALUE_MAC:
    case CELL_SECONDS: {
        u32 len = varint_len(eight_at(at + 1));
        return len > 8 ? 0 : 1 + len;
    }
    case VALUE_F64: return 9;
    default: return 0;
    }
}

bool row_skip(struct row_reader *r, u32 cells, err *e)
{
    struct value unused;
    for (; cells > 0; cells--) {
        if (r->at < r->end && (*r->at >= ROW_SMALL || *r->at == VALUE_NULL)) {
            r->at++;
            continue;
        }
        u32 len = r->end - r->at >= 16 ? cell_len(r->at) : 0;
        if (len == 0 && !row_cell_long(r, &unused, e)) return false;
        r->at += len;
    }
    return true;
}

bool row_open(struct row_reader *r, struct row *row, err *e)
{
    *e = OK;
    if (r->at == r->end) return false;
    r->row = r->at;
    u8 op = *r->at++;
    if (op != ROW_PUT && op != ROW_CLEAR) return fault(r, e, "unknown row operation", r->row);
    u64 table;
    if (!varint_get(r, &table)) return fault(r, e, "bad table number in the rows", r->at);
    if (table >= r->tables) return fault(r, e, "rows of a table that the recipe does not have", r->at);
    row->op = (enum row_op)op;
    row->table = (u32)table;
    row->columns = op == ROW_CLEAR ? 1 : r->table[table].columns;
    if (op == ROW_CLEAR && r->at < r->end && *r->at != VALUE_I64)
        return fault(r, e, "row to clear has no timestamp", r->row);
    return true;
}

bool row_next(struct row_reader *r, struct row *row, err *e)
{
    if (!row_open(r, row, e)) return false;
    for (u32 i = 0; i < row->columns; i++)
        if (!row_cell(r, &row->value[i], e)) return false;
    return true;
}

/* --- values --- */

/* The shortest of three precisions that reads back as the same double; 17 digits always do. */
static size_t f64_text(f64 v, char *buf)
{
    if (isnan(v)) return (size_t)snprintf(buf, VALUE_TEXT_ROOM, "nan");
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(buf, VALUE_TEXT_ROOM, "%.*g", digits, v);
        if (strtod(buf, NULL) == v) break;
    }
    return (size_t)n;
}

static size_t mac_text(u64 v, char *buf)
{
    unsigned b[6];
    for (u32 i = 0; i < 6; i++) b[i] = (unsigned)(v >> (40 - 8 * i)) & 0xff;
    return (size_t)snprintf(buf, VALUE_TEXT_ROOM, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

/* At the end of buf: digits come last first. */
static slice u64_text(u64 v, char *buf)
{
    char *end = buf + VALUE_TEXT_ROOM, *at = end;
    do *--at = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    return slice_of(at, (size_t)(end - at));
}

static slice i64_text(i64 v, char *buf)
{
    slice s = u64_text(v < 0 ? 0 - (u64)v : (u64)v, buf);
    if (v >= 0) return s;
    char *at = buf + VALUE_TEXT_ROOM - s.len - 1;
    *at = '-';
    return slice_of(at, s.len + 1);
}

slice value_text(const struct value *v, char *buf)
{
    size_t n = 0;
    switch (v->kind) {
    case VALUE_NULL: break;
    case VALUE_U64: return u64_text(v->u, buf);
    case VALUE_I64: return i64_text(v->i, buf);
    case VALUE_F64: n = f64_text(v->f, buf); break;
    case VALUE_TEXT: return v->text;
    case VALUE_ADDR: n = addr_format(&v->at, buf); break;
    case VALUE_NET: n = net_format(&v->range, buf); break;
    case VALUE_MAC: n = mac_text(v->u, buf); break;
    }
    return slice_of(buf, n);
}

/* Kinds in the order of value_cmp: null, numbers, texts; then addresses and networks, each by bytes. */
static const u8 class_of[VALUE_MAC + 1];

/* An integer kind as a number that holds all of them. */
static i128 whole(const struct value *v)
{
    return v->kind == VALUE_I64 ? (i128)v->i : (i128)v->u;
}

static int f64_cmp(f64 a, f64 b)
{
    if (isnan(a) || isnan(b)) return isnan(b) - isnan(a); /* below all numbers, so that sorting has an end */
    return (a > b) - (a < b);
}

/* Exact, where a conversion of the integer to a double would make neighbours above 2^53 equal. */
static int whole_f64_cmp(i128 a, f64 b)
{
    if (isnan(b)) return 1;
    if (b >= 0x1p64) return -1;
    if (b < -0x1p63) return 1;
    i128 floor_b = (i128)floor(b);
    if (a != floor_b) return a < floor_b ? -1 : 1;
    return floor(b) < b ? -1 : 0;
}

static int number_cmp(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_F64 && b->kind == VALUE_F64) return f64_cmp(a->f, b->f);
    if (a->kind == VALUE_F64) return -whole_f64_cmp(whole(b), a->f);
    if (b->kind == VALUE_F64) return whole_f64_cmp(whole(a), b->f);
    return (whole(a) > whole(b)) - (whole(a) < whole(b));
}

int value_cmp(const struct value *a, const struct value *b)
{
    int by_class = class_of[a->kind] - class_of[b->kind];
    if (by_class != 0) return by_class;
    switch (a->kind) {
    case VALUE_NULL: return 0;
    case VALUE_TEXT: return slice_cmp(a->text, b->text);
    case VALUE_ADDR: return memcmp(a->at.b, b->at.b, 16);
    case VALUE_NET: {
        int by_address = memcmp(a->range.at.b, b->range.at.b, 16);
        return by_address != 0 ? by_address : a->range.bits - b->range.bits;
    }
    default: return number_cmp(a, b);
    }
}

static const u8 class_of[VALUE_MAC + 1] = {
    [VALUE_NULL] = 0, [VALUE_U64] = 1,  [VALUE_I64] = 1,  [VALUE_F64] = 1,
    [VALUE_MAC] = 1,  [VALUE_TEXT] = 2, [VALUE_ADDR] = 3, [VALUE_NET] = 4,
};
