/* SPDX-License-Identifier: Apache-2.0 */
/* community.c: SHA-1 over seed, addresses, protocol and ports, the lesser end first. See community.h.
 *
 * ICMP has no ports: the spec takes the type and the type that answers it, so that an echo and its reply are one flow. A
 * type that nothing answers stands with its code, and its two ends are not put in order.
 * What is hashed has 40 bytes at most, so SHA-1 (RFC 3174) is needed for one block only. It names things here, it
 * protects nothing. */
#include "packet/community.h"

#include "packet/explain.h"

#define BLOCK_MAX 55u /* bytes that fit into one block of SHA-1 with its padding */

/* ---- SHA-1 ---- */

static inline u32 rotate(u32 v, u32 by)
{
    return v << by | v >> (32 - by);
}

/* The 80 words that a block is stretched to, RFC 3174 section 6.1 (b). */
static void sha1_words(u32 w[80], const u8 *at, u32 len)
{
    u8 block[64] = { 0 };
    WEIR_ASSERT(len <= BLOCK_MAX);
    memcpy(block, at, len);
    block[len] = 0x80;
    block[63] = (u8)(len * 8);
    block[62] = (u8)(len * 8 >> 8);
    for (u32 i = 0; i < 16; i++) w[i] = load_be32(block + 4 * i);
    for (u32 i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
}

/* f: what the round makes of b, c and d. */
static inline void sha1_round(u32 h[5], u32 f, u32 constant, u32 word)
{
    u32 a = rotate(h[0], 5) + f + h[4] + constant + word;
    h[4] = h[3];
    h[3] = h[2];
    h[2] = rotate(h[1], 30);
    h[1] = h[0];
    h[0] = a;
}

/* digest: 20 bytes. len: at most BLOCK_MAX. */
static void sha1_short(u8 *digest, const u8 *at, u32 len)
{
    static const u32 start[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    u32              w[80], h[5];
    sha1_words(w, at, len);
    memcpy(h, start, sizeof h);
    for (u32 i = 0; i < 20; i++) sha1_round(h, (h[1] & h[2]) | (~h[1] & h[3]), 0x5a827999, w[i]);
    for (u32 i = 20; i < 40; i++) sha1_round(h, h[1] ^ h[2] ^ h[3], 0x6ed9eba1, w[i]);
    for (u32 i = 40; i < 60; i++) sha1_round(h, (h[1] & h[2]) | (h[1] & h[3]) | (h[2] & h[3]), 0x8f1bbcdc, w[i]);
    for (u32 i = 60; i < 80; i++) sha1_round(h, h[1] ^ h[2] ^ h[3], 0xca62c1d6, w[i]);
    for (u32 i = 0; i < 20; i++) digest[i] = (u8)((h[i / 4] + start[i / 4]) >> (24 - 8 * (i % 4)));
}

/* ---- the flow ---- */

/* The type that answers this one, or asks for it; 256: none. As Zeek has them, which the spec follows. */
static u32 icmp4_counterpart(u32 type)
{
    switch (type) {
    case 0:  return 8;  /* echo               */
    case 8:  return 0;
    case 9:  return 10; /* router discovery   */
    case 10: return 9;
    case 13: return 14; /* timestamp          */
    case 14: return 13;
    case 15: return 16; /* information        */
    case 16: return 15;
    case 17: return 18; /* address mask       */
    case 18: return 17;
    default: return 256;
    }
}

static u32 icmp6_counterpart(u32 type)
{
    switch (type) {
    case 128: return 129; /* echo                 */
    case 129: return 128;
    case 130: return 131; /* multicast listeners  */
    case 131: return 130;
    case 133: return 134; /* router discovery     */
    case 134: return 133;
    case 135: return 136; /* neighbour discovery  */
    case 136: return 135;
    case 139: return 140; /* node information     */
    case 140: return 139;
    case 144: return 145; /* home agent discovery */
    case 145: return 144;
    default: return 256;
    }
}

static bool is_icmp(const struct packet *p)
{
    return p->protocol == PROTOCOL_ICMP || p->protocol == PROTOCOL_ICMP6;
}

/* What stands for the ports of an ICMP message; true: another type answers it. */
static bool icmp_ports(const struct packet *p, u16 port[2])
{
    u32 type = p->src_port >> 8, code = p->src_port & 0xff;
    u32 other = p->protocol == PROTOCOL_ICMP ? icmp4_counterpart(type) : icmp6_counterpart(type);
    port[0] = (u16)type;
    port[1] = (u16)(other == 256 ? code : other);
    return other != 256;
}

static bool is_greater(const struct packet *p, const u16 port[2])
{
    int order = memcmp(&p->src, &p->dst, sizeof p->src);
    return order > 0 || (order == 0 && port[0] > port[1]);
}

static u32 put(u8 *to, u32 at, const void *from, u32 len)
{
    memcpy(to + at, from, len);
    return at + len;
}

/* Gives the length of what is hashed. to has BLOCK_MAX bytes. */
static u32 flow_bytes(u8 *to, const struct packet *p, bool has_ports)
{
    u16  port[2] = { p->src_port, p->dst_port };
    bool both = is_icmp(p) ? icmp_ports(p, port) : true;
    bool turn = both && is_greater(p, has_ports ? port : (const u16[2]){ 0, 0 });
    u32  size = p->version == 4 ? 4 : 16, len = 2;
    memset(to, 0, len); /* the seed */
    len = put(to, len, (turn ? p->dst.b : p->src.b) + 16 - size, size);
    len = put(to, len, (turn ? p->src.b : p->dst.b) + 16 - size, size);
    to[len++] = p->protocol;
    to[len++] = 0;
    for (u32 i = 0; i < 2 && has_ports; i++) {
        to[len++] = (u8)(port[i ^ turn] >> 8);
        to[len++] = (u8)port[i ^ turn];
    }
    return len;
}

/* ---- the text ---- */

/* 20 bytes are 28 characters, the last one of which is padding. */
static void base64_write(char *to, const u8 digest[20])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    u8                whole[21] = { 0 };
    memcpy(whole, digest, 20);
    for (u32 i = 0; i < 28; i++) {
        const u8 *at = whole + i / 4 * 3;
        u32       three = (u32)at[0] << 16 | (u32)at[1] << 8 | at[2];
        to[i] = letters[three >> (18 - 6 * (i % 4)) & 63];
    }
    to[27] = '=';
}

bool community_write(char *to, const struct packet *p)
{
    u8   bytes[BLOCK_MAX], digest[20];
    bool has_ports = protocol_is_ported(p->protocol) || is_icmp(p);
    if (p->kind != PACKET_IP || (has_ports && !p->ports)) return false;
    sha1_short(digest, bytes, flow_bytes(bytes, p, has_ports));
    to[0] = '1'; /* the version */
    to[1] = ':';
    base64_write(to + 2, digest);
    return true;
}
