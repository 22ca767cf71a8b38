/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h: what packet.c, link.c, transport.c and tunnel.c share: bytes that shrink from the front, and EtherTypes.
 *
 * A header is taken from the front only after bytes_has said that it is captured, so nothing reads past the end. All
 * that may follow a link or tunnel header is named by an EtherType; what has none gets a number past 16 bits. */
#pragma once

#include "packet/packet.h"

/* What is left of the frame. captured <= length, always. */
struct bytes {
    const u8 *at;
    u32       captured; /* bytes at `at`                                        */
    u32       length;   /* the same on the wire, cut to what an IP header says  */
};

enum ether_type {
    TYPE_IPV4 = 0x0800, /* 4 or 6 is the IP header's word: seen mixed up, and tunnels carry either */
    TYPE_ARP = 0x0806,
    TYPE_ETHERNET = 0x6558, /* a whole Ethernet frame: GRE, NVGRE, Geneve */
    TYPE_VLAN = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_PPP = 0x880b,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE = 0x8864,
    TYPE_QINQ = 0x88a8,
    TYPE_ERSPAN = 0x88be,
    TYPE_METADATA = 0x8909, /* Cisco's security group tag, in front of the real type */
    TYPE_QINQ_OLD = 0x9100,
    TYPE_ERSPAN_III = 0x22eb,
    TYPE_OPAQUE = 0x10000, /* nothing that could hold an IP header   */
    TYPE_SHORT = 0x10001,  /* captured bytes end in the header       */
};

enum ip_protocol {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_GRE = 47,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMP6 = 58,
    PROTOCOL_NONE = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_SCTP = 132,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_HIP = 139,
    PROTOCOL_SHIM6 = 140,
};

/* Source and destination port are the header's first four bytes, and struct packet's are ports, not ICMP's numbers. */
static inline bool protocol_is_ported(u32 protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
}

static inline u32 load_be16(const u8 *at)
{
    u16 v;
    memcpy(&v, at, sizeof v);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline u32 load_be32(const u8 *at)
{
    u32 v;
    memcpy(&v, at, sizeof v);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline u64 load_be64(const u8 *at)
{
    u64 v;
    memcpy(&v, at, sizeof v);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline bool bytes_has(const struct bytes *b, u32 n)
{
    return b->captured >= n;
}

/* Only after bytes_has. */
static inline void bytes_pass(struct bytes *b, u32 n)
{
    b->at += n;
    b->captured -= n;
    b->length -= n;
}

/* What lies behind `length` bytes does not belong to it: padding. */
static inline void bytes_cut(struct bytes *b, u32 length)
{
    if (b->length > length) b->length = length;
    if (b->captured > b->length) b->captured = b->length;
}

/* Passes the link headers. true: an IP header comes next; false: p->kind is settled. */
bool link_explain(struct packet *p, struct bytes *b, u32 link);
/* The same from the header on that `type` (enum ether_type) announces. */
bool link_follow(struct packet *p, struct bytes *b, u32 type);

/* b begins behind the IP headers. Fills ports, payload and TCP's fields. */
void transport_explain(struct packet *p, struct bytes *b);

/* Does this IP packet carry others? Passes the tunnel's header in b, the packet's payload; *type: what follows it,
 * TYPE_SHORT if the header is cut. */
enum packet_tunnel tunnel_open(const struct packet *p, struct bytes *b, u32 *type);
