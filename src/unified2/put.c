/* SPDX-License-Identifier: Apache-2.0 */
/* put.c: numbers, addresses, base64 and escaped text. */
#include "unified2/put.h"

#include "weir/addr.h"

const char put_pairs[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

#define ONE(n)         { '0' + (n), 0, 0, 1 }
#define TWO(t, n)      { '0' + (t), '0' + (n), 0, 2 }
#define THREE(h, t, n) { '0' + (h), '0' + (t), '0' + (n), 3 }
#define TWOS(t)                                                                                                        \
    TWO(t, 0), TWO(t, 1), TWO(t, 2), TWO(t, 3), TWO(t, 4), TWO(t, 5), TWO(t, 6), TWO(t, 7), TWO(t, 8), TWO(t, 9)
#define SIXES(h, t)    THREE(h, t, 0), THREE(h, t, 1), THREE(h, t, 2), THREE(h, t, 3), THREE(h, t, 4), THREE(h, t, 5)
#define THREES(h, t)   SIXES(h, t), THREE(h, t, 6), THREE(h, t, 7), THREE(h, t, 8), THREE(h, t, 9)
const char put_octets[256][4] = {
    ONE(0),       ONE(1),       ONE(2),       ONE(3),       ONE(4),       ONE(5),       ONE(6),       ONE(7),
    ONE(8),       ONE(9),       TWOS(1),      TWOS(2),      TWOS(3),      TWOS(4),      TWOS(5),      TWOS(6),
    TWOS(7),      TWOS(8),      TWOS(9),      THREES(1, 0), THREES(1, 1), THREES(1, 2), THREES(1, 3), THREES(1, 4),
    THREES(1, 5), THREES(1, 6), THREES(1, 7), THREES(1, 8), THREES(1, 9), THREES(2, 0), THREES(2, 1), THREES(2, 2),
    THREES(2, 3), THREES(2, 4), SIXES(2, 5),
};
#undef ONE
#undef TWO
#undef THREE
#undef TWOS
#undef SIXES
#undef THREES

static const char digits[] = "0123456789abcdef";

/* --- numbers ------------------------------------------------------------------------------------------------- */

static char *pair(char *p, u32 n)
{
    memcpy(p, put_pairs + 2 * n, 2);
    return p + 2;
}

static char *one_or_two(char *p, u32 n)
{
    if (n >= 10) return pair(p, n);
    *p = (char)('0' + n);
    return p + 1;
}

static char *four(char *p, u32 n)
{
    return pair(pair(p, n / 100), n % 100);
}

char *put_u32_long(char *p, u32 n)
{
    if (n < 100) return pair(p, n);
    if (n < 10000) return pair(one_or_two(p, n / 100), n % 100);
    if (n < 1000000) return four(one_or_two(p, n / 10000), n % 10000);
    if (n < 100000000) return four(pair(one_or_two(p, n / 1000000), n / 10000 % 100), n % 10000);
    return four(four(one_or_two(p, n / 100000000), n / 10000 % 10000), n % 10000);
}

char *put_u64(char *p, u64 n)
{
    if (n <= UINT32_MAX) return put_u32(p, (u32)n);
    p = put_u64(p, n / 100000000);
    return four(four(p, (u32)(n % 100000000) / 10000), (u32)(n % 10000));
}

char *put_ip6_full(char *p, const u8 *at)
{
    for (u32 i = 0; i < 16; i++) {
        if (i && i % 2 == 0) *p++ = ':';
        *p++ = digits[at[i] >> 4];
        *p++ = digits[at[i] & 15];
    }
    return p;
}

/* ::ffff:0:0/96 in an IPv6 header stays IPv6: the family is the record's, not the address's. */
char *put_ip(char *p, struct u2_ip ip)
{
    if (ip.family == 4) return put_ip4(p, ip.at);
    if (ip.family != 6) return PUT(p, "none");
    addr a;
    char text[ADDR_TEXT];
    memcpy(a.b, ip.at, sizeof a.b);
    if (addr_is_v4(&a)) p = PUT(p, "::ffff:");
    return put_slice(p, slice_of(text, addr_format(&a, text)));
}

/* --- base64 -------------------------------------------------------------------------------------------------- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_three(char *p, u32 n)
{
    p[0] = base64[n >> 18];
    p[1] = base64[n >> 12 & 63];
    p[2] = base64[n >> 6 & 63];
    p[3] = base64[n & 63];
    return p + 4;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* 24 bytes to 32 letters at once (Mula, Lemire: Faster Base64 Encoding and Decoding Using AVX2 Instructions, 2018):
 * each group of three is spread over four bytes, two multiplications shift the sixes into place, and a table of
 * differences, chosen by range, makes them letters. Reads the 4 bytes before `at`; gives the bytes done, a multiple
 * of 24. */
__attribute__((target("avx2"))) static size_t base64_avx2(char *p, const u8 *at, size_t len)
{
    const __m256i spread = _mm256_setr_epi8(5, 4, 6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14, 1, 0, 2, 1, 4, 3, 5,
                                            4, 7, 6, 8, 7, 10, 9, 11, 10);
    const __m256i shift = _mm256_setr_epi8(65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0, 65, 71, -4,
                                           -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0);
    size_t        done = 0;
    for (; done + 28 <= len; done += 24, p += 32) {
        __m256i in = _mm256_loadu_si256((const void *)(at + done - 4));
        in = _mm256_shuffle_epi8(in, spread);
        __m256i high =
            _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
        __m256i low =
            _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
        __m256i six = _mm256_or_si256(high, low);
        __m256i range = _mm256_subs_epu8(six, _mm256_set1_epi8(51));
        range = _mm256_sub_epi8(range, _mm256_cmpgt_epi8(six, _mm256_set1_epi8(25)));
        _mm256_storeu_si256((void *)p, _mm256_add_epi8(six, _mm256_shuffle_epi8(shift, range)));
    }
    return done;
}

/* The first two groups go by hand: there are no four bytes before them that are ours. */
static size_t base64_fast(char *p, const u8 *at, size_t len)
{
    if (len < 64 || !__builtin_cpu_supports("avx2")) return 0;
    for (size_t i = 0; i < 6; i += 3)
        p = base64_three(p, (u32)at[i] << 16 | (u32)at[i + 1] << 8 | at[i + 2]);
    return 6 + base64_avx2(p, at + 6, len - 6);
}
#else
static size_t base64_fast(char *p, const u8 *at, size_t len)
{
    return 0;
}
#endif

char *put_base64(char *p, slice s)
{
    const u8 *at = (const u8 *)s.at;
    size_t    i = base64_fast(p, at, s.len);
    p += i / 3 * 4;
    for (; i + 3 <= s.len; i += 3) p = base64_three(p, (u32)at[i] << 16 | (u32)at[i + 1] << 8 | at[i + 2]);
    if (i == s.len) return p;
    bool two = i + 2 == s.len;
    base64_three(p, (u32)at[i] << 16 | (two ? (u32)at[i + 1] << 8 : 0));
    if (!two) p[2] = '=';
    p[3] = '=';
    return p + 4;
}

/* --- text ---------------------------------------------------------------------------------------------------- */

/* The character at the front of s (RFC 3629: shortest form, no surrogates) and its bytes; 0 bytes: it is none. */
static u32 utf8_take(slice s, u32 *size)
{
    const u8 *at = (const u8 *)s.at;
    u32       more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : 1, c = at[0] & (0x3fu >> more);
    *size = 0;
    if (at[0] < 0xc2 || at[0] > 0xf4 || s.len <= more) return 0;
    for (u32 i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (at[i] & 0x3f);
    }
    static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
    *size = more + 1;
    return c;
}

static char *put_unit(char *p, u32 n)
{
    p = PUT(p, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4) *p++ = digits[n >> shift & 15];
    return p;
}

static char *put_escaped(char *p, u8 c)
{
    static const char letters[] = "btn\0fr"; /* of 8 .. 13 */
    *p = '\\';
    if (c == '"' || c == '\\') p[1] = (char)c;
    else if (c >= 8 && c <= 13 && c != 11) p[1] = letters[c - 8];
    else return put_unit(p, c);
    return p + 2;
}

static bool json_safe(u8 c)
{
    return c >= 32 && c < 127 && c != '"' && c != '\\';
}

char *put_json(char *p, slice s)
{
    for (size_t i = 0; i < s.len;) {
        u8 c = (u8)s.at[i];
        if (c < 128) {
            if (json_safe(c)) *p++ = (char)c;
            else p = put_escaped(p, c);
            i++;
            continue;
        }
        u32 size, n = utf8_take(slice_of(s.at + i, s.len - i), &size);
        if (size == 0) p = put_unit(p, 0xfffd);
        else if (n < 0x10000) p = put_unit(p, n);
        else p = put_unit(put_unit(p, 0xd800 + ((n - 0x10000) >> 10)), 0xdc00 + ((n - 0x10000) & 0x3ff));
        i += size ? size : 1;
    }
    return p;
}

char *put_json_printable(char *p, slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        if (json_safe(c)) *p++ = (char)c;
        else if (c == '"' || c == '\\' || (c >= 9 && c <= 13)) p = put_escaped(p, c);
        else *p++ = '.';
    }
    return p;
}

char *put_hex(char *p, slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (i) *p++ = ' ';
        *p++ = digits[(u8)s.at[i] >> 4];
        *p++ = digits[s.at[i] & 15];
    }
    return p;
}

char *put_plain(char *p, slice s)
{
    for (size_t i = 0; i < s.len;) {
        u8   c = (u8)s.at[i];
        bool line_end = c == '\n' || (c == '\r' && i + 1 < s.len && s.at[i + 1] == '\n');
        u32  size = 1, n = c;
        if (c >= 128) n = utf8_take(slice_of(s.at + i, s.len - i), &size);
        bool fine = size > 0 && n != 127 && (n >= 32 || c == '\t' || line_end) && !(n >= 128 && n < 160);
        if (!fine) size = 1;
        if (fine) p = put_slice(p, slice_of(s.at + i, size));
        else *p++ = '.';
        i += size;
    }
    return p;
}
