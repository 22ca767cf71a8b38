/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c: addresses and nets to and from text. IPv6 text is libc's: inet_pton, inet_ntop (RFC 5952 form in glibc). */
#include "weir/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

static void map_v4(addr *out, const u8 four[4])
{
    *out = (addr){ { [10] = 0xff, [11] = 0xff } };
    memcpy(out->b + 12, four, 4);
}

/* Four decimal parts 0..255 without leading zeros (RFC 6943 section 3.1.1: the strict form). */
static bool parse_v4(slice text, addr *out)
{
    u8     four[4];
    size_t i = 0;
    for (u32 part = 0; part < 4; part++) {
        u32 n = 0, digits = 0;
        for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && digits < 4; i++, digits++)
            n = n * 10 + (u32)(text.at[i] - '0');
        if (digits == 0 || digits > 3 || n > 255 || (digits > 1 && text.at[i - digits] == '0')) return false;
        four[part] = (u8)n;
        if (part < 3 && (i >= text.len || text.at[i++] != '.')) return false;
    }
    if (i != text.len) return false;
    map_v4(out, four);
    return true;
}

bool addr_parse(slice text, addr *out)
{
    if (text.len && memchr(text.at, ':', text.len) == NULL) return parse_v4(text, out);
    char z[ADDR_TEXT];
    if (text.len == 0 || text.len >= sizeof z || memchr(text.at, 0, text.len)) return false;
    memcpy(z, text.at, text.len);
    z[text.len] = '\0';
    return inet_pton(AF_INET6, z, out->b) == 1;
}

static char *put_u8(char *p, u8 n)
{
    if (n >= 100) *p++ = (char)('0' + n / 100);
    if (n >= 10) *p++ = (char)('0' + n / 10 % 10);
    *p++ = (char)('0' + n % 10);
    return p;
}

size_t addr_format(const addr *a, char *buf)
{
    if (!addr_is_v4(a)) {
        const char *text = inet_ntop(AF_INET6, a->b, buf, ADDR_TEXT);
        WEIR_ASSERT(text != NULL);
        return strlen(buf);
    }
    char *p = buf;
    for (u32 i = 12; i < 16; i++) {
        if (i > 12) *p++ = '.';
        p = put_u8(p, a->b[i]);
    }
    *p = '\0';
    return (size_t)(p - buf);
}

size_t net_format(const net *n, char *buf)
{
    size_t len = addr_format(&n->at, buf);
    if (n->bits >= 128) return len;
    bool v4 = addr_is_v4(&n->at) && n->bits >= 96;
    if (!v4 && addr_is_v4(&n->at)) { /* ::ffff:0:0/90: shorter than the mapped range, so not an IPv4 net */
        const char *text = inet_ntop(AF_INET6, n->at.b, buf, ADDR_TEXT);
        WEIR_ASSERT(text != NULL);
        len = strlen(buf);
    }
    char *p = buf + len;
    *p++ = '/';
    p = put_u8(p, (u8)(v4 ? n->bits - 96 : n->bits));
    *p = '\0';
    return (size_t)(p - buf);
}

/* Clears what stands behind the first `bits`; true if something did. */
static bool mask_host(addr *a, u32 bits)
{
    bool set = false;
    for (u32 i = bits / 8; i < 16; i++) {
        u8 keep = (u8)(i == bits / 8 ? 0xff00u >> (bits % 8) & 0xff : 0u);
        set |= (a->b[i] & (u8)~keep) != 0;
        a->b[i] &= keep;
    }
    return set;
}

bool net_parse(slice text, net *out, bool *host_bits)
{
    slice rest;
    slice at = slice_cut(text, '/', &rest);
    u64   bits = 128;
    if (!addr_parse(at, &out->at)) return false;
    bool dotted = memchr(at.at, ':', at.len) == NULL;
    if (rest.at != NULL) {
        if (rest.len > 3 || (rest.len > 1 && rest.at[0] == '0') || !slice_u64(rest, &bits)) return false;
        if (bits > (dotted ? 32u : 128u)) return false;
        if (dotted) bits += 96;
    }
    out->bits = (u8)bits;
    *host_bits = mask_host(&out->at, (u32)bits);
    return true;
}
