/* SPDX-License-Identifier: Apache-2.0 */
/* put.h: text written by hand: each call puts something at `p` and gives the place behind it. Nobody checks room here:
 * a record's text has a known bound, which is asked for once (json.h, text.h). */
#pragma once

#include "unified2/record.h"

#define PUT(p, literal) put_bytes((p), "" literal, sizeof(literal) - 1)

/* Of a length known when compiled, this is a few stores. */
__attribute__((always_inline)) static inline char *put_bytes(char *p, const char *at, size_t len)
{
    memcpy(p, at, len);
    return p + len;
}

extern const char put_pairs[201];     /* "00" .. "99"                   */
extern const char put_octets[256][4]; /* "0" .. "255", [3] is the length */

static inline char *put_slice(char *p, slice s)
{
    if (s.len) memcpy(p, s.at, s.len);
    return p + s.len;
}

char *put_u32_long(char *p, u32 n);

static inline char *put_u32(char *p, u32 n)
{
    if (n >= 10) return put_u32_long(p, n);
    *p = (char)('0' + n);
    return p + 1;
}

/* Writes 4 bytes, whatever it needs. */
static inline char *put_u8(char *p, u8 n)
{
    memcpy(p, put_octets[n], 4);
    return p + put_octets[n][3];
}

char *put_u64(char *p, u64 n);

/* "10.1.2.3" */
static inline char *put_ip4(char *p, const u8 *at)
{
    p = put_u8(p, at[0]);
    *p++ = '.';
    p = put_u8(p, at[1]);
    *p++ = '.';
    p = put_u8(p, at[2]);
    *p++ = '.';
    return put_u8(p, at[3]);
}

/* Eight groups of four digits, nothing left out. */
char *put_ip6_full(char *p, const u8 *at);

/* RFC 5952, and IPv4 dotted; "none". At most 45 bytes. */
char *put_ip(char *p, struct u2_ip ip);

/* Standard alphabet, padded: (len + 2) / 3 * 4 bytes. */
char *put_base64(char *p, slice s);

/* Inside of a JSON string, ASCII only: at most 6 bytes for each. A byte that is not UTF-8 becomes U+FFFD. */
char *put_json(char *p, slice s);

/* Printable bytes (32..126 and white space) as they are, others as dots, then as put_json. */
char *put_json_printable(char *p, slice s);

/* "2f 61": lower-case pairs, blanks between. */
char *put_hex(char *p, slice s);

/* For a terminal: valid UTF-8, tabs and line ends stay; other control characters and bytes become dots. */
char *put_plain(char *p, slice s);
