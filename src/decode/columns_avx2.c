/* SPDX-License-Identifier: Apache-2.0 */
/* columns_avx2.c: the column loops with 16 digits at once; only called where path_runs(PATH_AVX2). */
#include "decode/columns.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define LOOP TARGET static
#define LEAF TARGET static inline __attribute__((always_inline))

struct tail {
    __m128i bytes, mask;
};

LEAF __m128i bytes_load(const void *at)
{
    return _mm_loadu_si128(at);
}

LEAF struct tail tail_load(const char *end, u32 len)
{
    return (struct tail){ bytes_load(end - 16), bytes_load(column_tail_mask + len) };
}

LEAF struct tail tail_joined(const char *end, u32 len, u32 fraction)
{
    __m128i after = bytes_load(column_tail_mask + fraction);
    return (struct tail){ _mm_blendv_epi8(bytes_load(end - 17), bytes_load(end - 16), after),
                          bytes_load(column_tail_mask + len) };
}

LEAF bool tail_is(struct tail t, const struct null_text *null)
{
    return _mm_testz_si128(_mm_xor_si128(t.bytes, bytes_load(null->tail)), t.mask);
}

/* Pairs, fours, eights: each step multiplies neighbours by 10, 100, 10000 and 1 and adds them. */
LEAF bool tail_number(struct tail t, u64 *out)
{
    const __m128i tens = _mm_set1_epi16(0x010a), hundreds = _mm_set1_epi32(0x00010064);
    const __m128i thousands = _mm_set1_epi32(0x00012710);
    __m128i digits = _mm_and_si128(_mm_sub_epi8(t.bytes, _mm_set1_epi8('0')), t.mask);
    __m128i over   = _mm_subs_epu8(digits, _mm_set1_epi8(9));
    __m128i fours  = _mm_madd_epi16(_mm_maddubs_epi16(digits, tens), hundreds);
    __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), thousands);
    u64     both   = (u64)_mm_cvtsi128_si64(eights);
    *out = (both & 0xffffffffu) * 100000000 + (both >> 32);
    return _mm_testz_si128(over, over);
}

LEAF u64 bits_of(const char *at, char c)
{
    __m256i want = _mm256_set1_epi8(c);
    __m256i low  = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    u64     bits = (u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want));
    return bits | (u64)(u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want)) << 32;
}

LEAF i32 four_load(const char *end)
{
    i32 bytes;
    memcpy(&bytes, end - 4, 4);
    return bytes;
}

/* Four octets in four lanes: the four bytes that end where each octet ends, what is before it shifted out. */
LEAF bool octets(const char *at, u32 len, addr *out)
{
    __m128i bytes = bytes_load(at);
    u32 dots = (u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))) & ((1u << (len & 15)) - 1);
    u32 second = dots & (dots - 1), third = second & (second - 1);
    if ((len > 15) | (third == 0) | ((third & (third - 1)) != 0)) return false;
    i32     a = __builtin_ctz(dots), b = __builtin_ctz(second), c = __builtin_ctz(third);
    __m128i ends   = _mm_setr_epi32(a, b, c, (i32)len);
    __m128i starts = _mm_add_epi32(_mm_slli_si128(ends, 4), _mm_setr_epi32(0, 1, 1, 1));
    __m128i count  = _mm_sub_epi32(ends, starts);
    __m128i faults = _mm_or_si128(_mm_cmpgt_epi32(_mm_set1_epi32(1), count), _mm_cmpgt_epi32(count, _mm_set1_epi32(3)));
    __m128i shift  = _mm_sub_epi32(_mm_set1_epi32(32), _mm_slli_epi32(count, 3));
    __m128i text   = _mm_setr_epi32(four_load(at + a), four_load(at + b), four_load(at + c), four_load(at + len));
    __m128i digits = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    digits = _mm_sllv_epi32(_mm_srlv_epi32(digits, shift), shift);
    faults = _mm_or_si128(faults, _mm_subs_epu8(digits, _mm_set1_epi8(9)));
    /* 100, 10, 1 on the last three bytes of each lane; a value under the least of its length has a leading zero */
    __m128i value = _mm_madd_epi16(_mm_maddubs_epi16(digits, _mm_set1_epi32(0x010a6400)), _mm_set1_epi16(1));
    __m128i least = _mm_castps_si128(_mm_permutevar_ps(_mm_castsi128_ps(_mm_setr_epi32(0, 0, 10, 100)), count));
    faults = _mm_or_si128(faults, _mm_cmpgt_epi32(value, _mm_set1_epi32(255)));
    faults = _mm_or_si128(faults, _mm_cmpgt_epi32(least, value));
    __m128i last4 = _mm_shuffle_epi8(value, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12));
    __m128i mapped = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 0, 0, 0, 0);
    _mm_storeu_si128((__m128i *)(void *)out->b, _mm_or_si128(last4, mapped));
    return _mm_testz_si128(faults, faults);
}

#include "decode/columns_body.h"

column_fn *const *column_table_avx2(void)
{
    return column_table;
}

#endif
