/* SPDX-License-Identifier: Apache-2.0 */
/* columns_plain.c: the column loops in plain C, 8 digits to a word; and what all paths share. */
#include "decode/columns.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define LOOP static
#define LEAF static inline __attribute__((always_inline))

/* Two words, first character lowest; bytes before the field are zero in `mask`. */
struct tail {
    u64 high, low;           /* the first and the last 8 characters */
    u64 high_mask, low_mask;
};

LEAF u64 word_load(const char *at)
{
    u64 word;
    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

LEAF u64 word_mask(u32 len)
{
    return len == 0 ? 0 : ~0ull << (64 - 8 * len);
}

LEAF struct tail tail_load(const char *end, u32 len)
{
    return (struct tail){ word_load(end - 16), word_load(end - 8), word_mask(len > 8 ? len - 8 : 0),
                          word_mask(len < 8 ? len : 8) };
}

LEAF struct tail tail_joined(const char *end, u32 len, u32 fraction)
{
    struct tail t = tail_load(end, len), before = tail_load(end - 1, len), after = tail_load(end, fraction);
    t.high = (t.high & after.high_mask) | (before.high & ~after.high_mask);
    t.low  = (t.low & after.low_mask) | (before.low & ~after.low_mask);
    return t;
}

LEAF bool tail_is(struct tail t, const struct null_text *null)
{
    const char *tail = (const char *)null->tail;
    return (((t.high ^ word_load(tail)) & t.high_mask) | ((t.low ^ word_load(tail + 8)) & t.low_mask)) == 0;
}

/* Eight digits as bytes, the first lowest: pairs, then fours, then all. */
LEAF u64 word_number(u64 word)
{
    word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ffu;
    word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffffu;
    return (word * 10000 + (word >> 32)) & 0xffffffffu;
}

LEAF bool tail_number(struct tail t, u64 *out)
{
    const u64 zeros = 0x3030303030303030u, over = 0x7676767676767676u, tops = 0x8080808080808080u;
    u64 high = (t.high ^ zeros) & t.high_mask, low = (t.low ^ zeros) & t.low_mask;
    *out = word_number(high) * 100000000 + word_number(low);
    return (((high + over) | high | (low + over) | low) & tops) == 0;
}

LEAF u64 bits_of(const char *at, char c)
{
    u64 bits = 0;
#if defined(__SSE2__)
    for (u32 i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        bits |= (u64)(u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))) << 16 * i;
    }
#else
    for (u32 i = 0; i < 64; i++) bits |= (u64)(at[i] == c) << i;
#endif
    return bits;
}

/* Four octets, one by one: at most three digits, no leading zero, at most 255. */
LEAF bool octets(const char *at, u32 len, addr *out)
{
    static const u8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    u32 from = 0;
    memcpy(out->b, mapped, 12);
    if (len > 15) return false;
    for (u32 i = 0; i < 4; i++) {
        u32 value = 0, to = from;
        while (to < len && to - from < 3 && (u8)(at[to] - '0') < 10) value = value * 10 + (u32)(at[to++] - '0');
        if (to == from || value > 255 || (to - from > 1 && at[from] == '0')) return false;
        if (i < 3 ? to >= len || at[to] != '.' : to != len) return false;
        out->b[12 + i] = (u8)value;
        from = to + 1;
    }
    return true;
}

#include "decode/columns_body.h"

void column_settle(struct column_job *job, u32 row)
{
    struct block *b = job->block;
    struct view   v = column_view(job);
    struct place  p = column_place(&v, row);
    slice         text = slice_of(b->text + p.at, p.end - p.at);
    char         *cell = job->cells + (size_t)row * job->size;
    slice         null = slice_of((const char *)job->null->tail + 16 - job->null->len, job->null->len);
    bool          is_null = slice_eq(text, null);
    enum reason   why = REASON_NONE;
    if (is_null) memset(cell, 0, job->size);
    else if (text.len == 0 && job->type != FIELD_STRING) why = REASON_FIELD_EMPTY;
    else why = parse_of(job->type)(text, &job->rule, cell);
    if (why == REASON_NONE && job->type == FIELD_SAMPLING) {
        struct sampling s;
        memcpy(&s, cell, sizeof s);
        is_null |= s.n == 0;
    }
    if (is_null) {
        job->nulls[row >> 6] |= 1ull << (row & 63);
        job->any = 1;
    }
    if (why != REASON_NONE && b->why[row] == REASON_NONE) {
        b->why[row]   = (u8)why;
        b->where[row] = (u16)job->field;
    }
}

column_fn *column_of(enum path path, enum field_type type)
{
#if defined(__x86_64__)
    if (path >= PATH_AVX2) return column_table_avx2()[type];
#endif
    return column_table[type];
}

const char column_tail_mask[33] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

const u64 column_tens[20] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u, 10000000000u, 100000000000u,
    1000000000000u, 10000000000000u, 100000000000000u, 1000000000000000u, 10000000000000000u, 100000000000000000u,
    1000000000000000000u, 10000000000000000000u,
};
