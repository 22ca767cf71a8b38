/* SPDX-License-Identifier: Apache-2.0 */
/* build.h: frames for tests, header by header from the front: build_init, build_ethernet, build_ip4, build_tcp ...
 *
 * build_frame ends the frame: it fills in the lengths (and IPv4's header checksum; those of TCP and UDP stay 0).
 * Until then b->at may be changed at will; build_pad adds bytes that no length counts. */
#pragma once

#include "packet/packet.h"
#include "weir/types.h"

#include <string.h>

#define BUILD_MAX     65600u
#define BUILD_LENGTHS 16u

enum build_length_kind { BUILD_IP4, BUILD_IP6, BUILD_UDP, BUILD_PPPOE };

/* A length field that counts from `from` to the frame's end, without `less`. */
struct build_length {
    enum build_length_kind kind;
    u32                    field, from;
};

struct build {
    u8                  at[BUILD_MAX];
    u32                 len;
    u32                 padding; /* of len: counted by no length      */
    u32                 ip;      /* where the last IP header begins   */
    u32                 tcp;     /* where the last TCP header begins  */
    u32                 lengths;
    struct build_length length[BUILD_LENGTHS];
};

static inline void build_init(struct build *b)
{
    b->len = b->padding = b->ip = b->tcp = b->lengths = 0;
}

static inline void build_bytes(struct build *b, const void *at, u32 n)
{
    WEIR_ASSERT(n <= BUILD_MAX - b->len);
    if (n > 0) memcpy(b->at + b->len, at, n);
    b->len += n;
}

static inline void build_fill(struct build *b, u8 with, u32 n)
{
    WEIR_ASSERT(n <= BUILD_MAX - b->len);
    memset(b->at + b->len, with, n);
    b->len += n;
}

static inline void build_u8(struct build *b, u32 v)
{
    build_fill(b, (u8)v, 1);
}

static inline void build_u16(struct build *b, u32 v)
{
    build_u8(b, v >> 8);
    build_u8(b, v);
}

static inline void build_u32(struct build *b, u32 v)
{
    build_u16(b, v >> 16);
    build_u16(b, v);
}

/* Overwrites two bytes at `at`. */
static inline void build_set16(struct build *b, u32 at, u32 v)
{
    b->at[at] = (u8)(v >> 8);
    b->at[at + 1] = (u8)v;
}

static inline void build_count(struct build *b, enum build_length_kind kind, u32 field, u32 from)
{
    WEIR_ASSERT(b->lengths < BUILD_LENGTHS);
    b->length[b->lengths++] = (struct build_length){ kind, field, from };
}

#define BUILD_SRC_MAC 0x020000000001u
#define BUILD_DST_MAC 0x020000000002u

static inline void build_mac(struct build *b, u64 mac)
{
    build_u16(b, (u32)(mac >> 32));
    build_u32(b, (u32)mac);
}

static inline void build_ethernet(struct build *b, u32 type)
{
    build_mac(b, BUILD_DST_MAC);
    build_mac(b, BUILD_SRC_MAC);
    build_u16(b, type);
}

/* Behind a header whose type announced a tag. */
static inline void build_vlan(struct build *b, u32 id, u32 type)
{
    build_u16(b, 0xa000 | id); /* priority 5 */
    build_u16(b, type);
}

static inline void build_sll(struct build *b, u32 type)
{
    build_u16(b, 0);
    build_u16(b, 1);
    build_u16(b, 6);
    build_mac(b, BUILD_SRC_MAC);
    build_u16(b, 0);
    build_u16(b, type);
}

static inline void build_sll2(struct build *b, u32 type)
{
    build_u16(b, type);
    build_u16(b, 0);
    build_u32(b, 3);
    build_u16(b, 1);
    build_u8(b, 0);
    build_u8(b, 6);
    build_mac(b, BUILD_SRC_MAC);
    build_u16(b, 0);
}

static inline void build_pppoe(struct build *b, u32 protocol)
{
    build_u16(b, 0x1100);
    build_u16(b, 7);
    build_u16(b, 0);
    build_count(b, BUILD_PPPOE, b->len - 2, b->len);
    build_u16(b, protocol);
}

static inline void build_mpls(struct build *b, u32 label, bool bottom)
{
    build_u32(b, label << 12 | (u32)bottom << 8 | 64);
}

/* TTL 64, id 1, no options; length and checksum by build_frame. */
static inline void build_ip4(struct build *b, u32 src, u32 dst, u32 protocol)
{
    b->ip = b->len;
    build_count(b, BUILD_IP4, b->len + 2, b->len);
    build_u32(b, 0x45000000);
    build_u32(b, 0x00010000);
    build_u32(b, 64u << 24 | protocol << 16);
    build_u32(b, src);
    build_u32(b, dst);
}

/* Makes the last IPv4 header a fragment's: offset in bytes. */
static inline void build_ip4_fragment(struct build *b, u32 id, u32 offset, bool more)
{
    build_set16(b, b->ip + 4, id);
    build_set16(b, b->ip + 6, (more ? 0x2000u : 0) | offset / 8);
}

/* 2001:db8::src to 2001:db8::dst, hop limit 64. */
static inline void build_ip6(struct build *b, u32 src, u32 dst, u32 next)
{
    static const u8 prefix[12] = { 0x20, 0x01, 0x0d, 0xb8 };
    b->ip = b->len;
    build_count(b, BUILD_IP6, b->len + 4, b->len + 40);
    build_u32(b, 0x60000000);
    build_u32(b, next << 8 | 64);
    build_bytes(b, prefix, 12);
    build_u32(b, src);
    build_bytes(b, prefix, 12);
    build_u32(b, dst);
}

/* An extension header of `units` * 8 bytes: hop-by-hop, routing, destination options. */
static inline void build_extension(struct build *b, u32 next, u32 units)
{
    build_u8(b, next);
    build_u8(b, units - 1);
    build_fill(b, 0, units * 8 - 2);
}

static inline void build_ip6_fragment(struct build *b, u32 next, u32 id, u32 offset, bool more)
{
    build_u16(b, next << 8);
    build_u16(b, offset | more);
    build_u32(b, id);
}

/* No options; window 1000. */
static inline void build_tcp(struct build *b, u32 src, u32 dst, u32 seq, u32 ack, u32 flags)
{
    b->tcp = b->len;
    build_u16(b, src);
    build_u16(b, dst);
    build_u32(b, seq);
    build_u32(b, ack);
    build_u16(b, 0x5000 | flags);
    build_u16(b, 1000);
    build_u32(b, 0);
}

/* n, a multiple of 4, bytes of options right behind build_tcp. */
static inline void build_tcp_options(struct build *b, const void *at, u32 n)
{
    build_bytes(b, at, n);
    b->at[b->tcp + 12] = (u8)((20 + n) / 4 << 4);
}

static inline void build_udp(struct build *b, u32 src, u32 dst)
{
    build_count(b, BUILD_UDP, b->len + 4, b->len);
    build_u16(b, src);
    build_u16(b, dst);
    build_u32(b, 0);
}

/* ICMP or ICMPv6. */
static inline void build_icmp(struct build *b, u32 type, u32 code, u32 id)
{
    build_u8(b, type);
    build_u8(b, code);
    build_u16(b, 0);
    build_u16(b, id);
    build_u16(b, 1);
}

/* flags: as in the header; their optional words are added. */
static inline void build_gre(struct build *b, u32 flags, u32 type)
{
    build_u16(b, flags);
    build_u16(b, type);
    if (flags & 0x8000) build_u32(b, 0);
    if (flags & 0x2000) build_u32(b, 42);
    if (flags & 0x1000) build_u32(b, 1);
}

static inline void build_vxlan(struct build *b, u32 id)
{
    build_u32(b, 0x08000000);
    build_u32(b, id << 8);
}

/* options: words of them. */
static inline void build_geneve(struct build *b, u32 options, u32 type)
{
    build_u16(b, options << 8);
    build_u16(b, type);
    build_u32(b, 77u << 8);
    build_fill(b, 0, options * 4);
}

/* A G-PDU; flags E, S, PN. With any of them the caller adds the 4 bytes they stand for. */
static inline void build_gtp(struct build *b, u32 flags)
{
    build_u16(b, 0x3000 | flags << 8 | 255);
    build_u16(b, 0);
    build_u32(b, 9);
}

static inline void build_payload(struct build *b, u32 n)
{
    build_fill(b, 0x5a, n);
}

/* Ethernet's padding. */
static inline void build_pad(struct build *b, u32 n)
{
    build_fill(b, 0, n);
    b->padding += n;
}

static inline u32 build_checksum(const u8 *at)
{
    u32 sum = 0;
    for (u32 i = 0; i < 20; i += 2) sum += i == 10 ? 0 : (u32)at[i] << 8 | at[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16)) & 0xffff;
}

static inline void build_lengths(struct build *b)
{
    for (u32 i = 0; i < b->lengths; i++) {
        const struct build_length *l = &b->length[i];
        build_set16(b, l->field, b->len - b->padding - l->from);
        if (l->kind == BUILD_IP4) build_set16(b, l->from + 10, build_checksum(b->at + l->from));
    }
    b->lengths = 0;
}

/* The frame with its lengths filled in; what is changed after it stays changed. Lent with b. */
static inline struct frame build_frame(struct build *b, u32 link, nanos time)
{
    build_lengths(b);
    return (struct frame){ .time = time, .length = b->len, .captured = b->len, .link = link, .at = b->at };
}
