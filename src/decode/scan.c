/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c: compare 64 bytes at once, keep the result as bits, turn bits into positions.
 *
 * A path differs from another in two leaves only: how 64 bytes become masks (probe) and how the bits of a mask become
 * positions (spread). The walk around them is one always-inlined function, compiled once for each path. */
#include "decode/scan.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET_AVX2   __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define TARGET_AVX512 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt,avx512f,avx512bw,avx512vl")))
#define TARGET_VBMI2 \
    __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")))
#endif

#define INLINE static inline __attribute__((always_inline))

/* Bit i is about byte i. */
struct probe {
    u64 separator, newline, nul;
};

/* Positions of the bits, ascending, by fours: most blocks have about as many bits as the one before, so the branch
 * is foreseen. Writes up to three entries more than there are. */
#define SPREAD_BY_BITS(to, bits, base)                            \
    for (u64 left_ = (bits); left_ != 0;) {                       \
        for (u32 i_ = 0; i_ < 4; i_++) {                          \
            (to)[i_] = (base) + (u32)__builtin_ctzll(left_ | 1ull << 63); \
            left_ &= left_ - 1;                                   \
        }                                                         \
        (to) += 4;                                                \
    }

/* The walk; PROBE and SPREAD are the path's leaves. A newline is rare enough for a loop of its own. */
#define SCAN_WALK(PROBE, SPREAD)                                                         \
    u32 *cut = s->cut + s->cuts, *line = s->line + s->lines;                             \
    u64  nul = 0;                                                                        \
    u32  ordinal = s->cuts;                                                              \
    for (u32 at = from; at < to; at += 64) {                                             \
        struct probe p = PROBE(text + at, separator);                                    \
        u64 keep = to - at < 64 ? (1ull << (to - at)) - 1 : ~0ull;                       \
        u64 newline = p.newline & keep, ends = (p.separator | p.newline) & keep;         \
        nul |= p.nul & keep;                                                             \
        SPREAD(cut, ends, at);                                                           \
        for (; newline != 0; newline &= newline - 1)                                     \
            *line++ = ordinal + (u32)__builtin_popcountll(ends & ((newline & -newline) - 1)); \
        u32 count = (u32)__builtin_popcountll(ends);                                     \
        cut += count;                                                                    \
        ordinal += count;                                                                \
    }                                                                                    \
    s->cuts  = ordinal;                                                                  \
    s->lines = (u32)(line - s->line);                                                    \
    s->nul |= nul != 0

INLINE struct probe probe_plain(const char *at, char separator)
{
    struct probe p = { 0 };
    for (u32 i = 0; i < 64; i++) {
        p.separator |= (u64)(at[i] == separator) << i;
        p.newline |= (u64)(at[i] == '\n') << i;
        p.nul |= (u64)(at[i] == 0) << i;
    }
    return p;
}

INLINE void spread_plain(u32 *to, u64 bits, u32 base)
{
    SPREAD_BY_BITS(to, bits, base);
}

static void scan_plain(struct scan *s, const char *text, u32 from, u32 to, char separator)
{
    SCAN_WALK(probe_plain, spread_plain);
}

#if defined(__x86_64__)

INLINE u64 equal_sse2(const char *at, char c)
{
    __m128i want = _mm_set1_epi8(c);
    u64     bits = 0;
    for (u32 i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        bits |= (u64)(u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, want)) << 16 * i;
    }
    return bits;
}

INLINE struct probe probe_sse2(const char *at, char separator)
{
    return (struct probe){ equal_sse2(at, separator), equal_sse2(at, '\n'), equal_sse2(at, 0) };
}

static void scan_sse2(struct scan *s, const char *text, u32 from, u32 to, char separator)
{
    SCAN_WALK(probe_sse2, spread_plain);
}

TARGET_AVX2 INLINE u64 equal_avx2(__m256i low, __m256i high, char c)
{
    __m256i want = _mm256_set1_epi8(c);
    u64     bits = (u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want));
    return bits | (u64)(u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want)) << 32;
}

TARGET_AVX2 INLINE struct probe probe_avx2(const char *at, char separator)
{
    __m256i low  = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    return (struct probe){ equal_avx2(low, high, separator), equal_avx2(low, high, '\n'), equal_avx2(low, high, 0) };
}

TARGET_AVX2 INLINE void spread_avx2(u32 *to, u64 bits, u32 base)
{
    SPREAD_BY_BITS(to, bits, base);
}

TARGET_AVX2 static void scan_avx2(struct scan *s, const char *text, u32 from, u32 to, char separator)
{
    SCAN_WALK(probe_avx2, spread_avx2);
}

TARGET_AVX512 INLINE struct probe probe_avx512(const char *at, char separator)
{
    __m512i bytes = _mm512_loadu_si512(at);
    return (struct probe){ _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(separator)),
                           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n')),
                           _mm512_testn_epi8_mask(bytes, bytes) };
}

/* Sixteen candidates at a time, those wanted pressed together; writes up to 16 entries more than there are. */
TARGET_AVX512 INLINE void spread_avx512(u32 *to, u64 bits, u32 base)
{
    __m512i step = _mm512_set1_epi32(16);
    __m512i at = _mm512_add_epi32(_mm512_set1_epi32((i32)base),
                                  _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    for (u32 i = 0; i < 4; i++, bits >>= 16) {
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi32((__mmask16)bits, at));
        to += __builtin_popcountll(bits & 0xffff);
        at = _mm512_add_epi32(at, step);
    }
}

TARGET_AVX512 static void scan_avx512(struct scan *s, const char *text, u32 from, u32 to, char separator)
{
    SCAN_WALK(probe_avx512, spread_avx512);
}

TARGET_VBMI2 INLINE struct probe probe_vbmi2(const char *at, char separator)
{
    return probe_avx512(at, separator);
}

TARGET_VBMI2 INLINE void widen_vbmi2(u32 *to, __m128i bytes, __m512i base)
{
    _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_cvtepu8_epi32(bytes), base));
}

/* All 64 places as bytes, pressed together at once, then widened by 16: text has rarely more ends in 64 bytes. */
TARGET_VBMI2 INLINE void spread_vbmi2(u32 *to, u64 bits, u32 base)
{
    __m512i places = _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
                                     42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22,
                                     21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i found = _mm512_maskz_compress_epi8(bits, places), from = _mm512_set1_epi32((i32)base);
    widen_vbmi2(to, _mm512_castsi512_si128(found), from);
    if (__builtin_expect(__builtin_popcountll(bits) > 16, 0)) {
        widen_vbmi2(to + 16, _mm512_extracti32x4_epi32(found, 1), from);
        widen_vbmi2(to + 32, _mm512_extracti32x4_epi32(found, 2), from);
        widen_vbmi2(to + 48, _mm512_extracti32x4_epi32(found, 3), from);
    }
}

TARGET_VBMI2 static void scan_vbmi2(struct scan *s, const char *text, u32 from, u32 to, char separator)
{
    SCAN_WALK(probe_vbmi2, spread_vbmi2);
}

bool path_runs(enum path path)
{
    switch (path) {
    case PATH_PLAIN:
    case PATH_SSE2: return true;
    case PATH_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
               __builtin_cpu_supports("popcnt");
    case PATH_AVX512:
        return path_runs(PATH_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
    case PATH_VBMI2:
        return path_runs(PATH_AVX512) && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
    case PATHS: break;
    }
    return false;
}

scan_fn *scan_of(enum path path)
{
    static scan_fn *const scans[PATHS] = { scan_plain, scan_sse2, scan_avx2, scan_avx512, scan_vbmi2 };
    return scans[path];
}

#else

bool path_runs(enum path path)
{
    return path == PATH_PLAIN;
}

scan_fn *scan_of(enum path path)
{
    return scan_plain;
}

#endif

enum path path_best(void)
{
    enum path best = PATH_PLAIN;
    for (enum path p = PATH_PLAIN; p < PATHS; p++)
        if (path_runs(p)) best = p;
    return best;
}
