/* SPDX-License-Identifier: Apache-2.0 */
/* packet.c: the way through a frame: link headers, IP and its extensions, transport, and into tunnels on request.
 *
 * Ethernet, IPv4, TCP is one straight path. A header is believed as far as its bytes are captured; what lies behind a
 * sound IP header can spoil ports and payload, not the packet's being counted. */
#include "packet/explain.h"

#define DEPTH_DEFAULT 4u
#define DEPTH_MAX     255u

/* In vectors: what gcc makes of an assignment or of memset, rep stos, takes as long as all the rest of the usual
 * case. */
static inline void packet_clear(struct packet *p)
{
    typedef u64 lanes __attribute__((vector_size(16), aligned(8), may_alias));
    lanes *at = (lanes *)p;
#pragma GCC unroll 16
    for (u32 i = 0; i < sizeof *p / sizeof *at; i++) at[i] = (lanes){ 0 };
    memset(at + sizeof *p / sizeof *at, 0, sizeof *p % sizeof *at);
}

static bool ip_bad(struct packet *p, enum packet_fault why)
{
    p->kind = PACKET_BAD;
    p->fault = why;
    return false;
}

/* An outermost header that claims more than was on the wire: counted, told with what is there. An inner one may be the
 * first part of a fragmented tunnel packet. */
static inline void ip_cut(struct packet *p, struct bytes *b)
{
    if (__builtin_expect(p->ip_bytes > b->length, 0) && p->depth == 0) p->fault = PACKET_IP_TOTAL_LENGTH;
    bytes_cut(b, p->ip_bytes);
}

/* In whole words, as it is read again at once: a word written in parts could not be without a stall. */
static inline addr addr_v4(const u8 *at)
{
    addr a;
    u64  word[2] = { 0, 0xffff00000000u | load_be32(at) };
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) word[1] = __builtin_bswap64(word[1]);
    memcpy(&a, word, sizeof a);
    return a;
}

/* Segments that a network card cuts (TSO) leave the host with a total length of 0: the frame's length stands for it.
 * Only TCP, UDP and what may carry them are cut so. */
static bool ip4_offloads(u32 protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_GRE ||
           protocol == PROTOCOL_IPV4 || protocol == PROTOCOL_IPV6;
}

/* RFC 791 section 3.1. */
static inline bool ip4_explain(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 20)) return ip_bad(p, PACKET_IP_SHORT);
    const u8 *at = b->at;
    u32       header = (u32)(at[0] & 15) * 4, said = load_be16(at + 2), flags = load_be16(at + 6);
    if (header < 20) return ip_bad(p, PACKET_IP_HEADER_LENGTH);
    if (said < header && !(said == 0 && ip4_offloads(at[9]))) return ip_bad(p, PACKET_IP_TOTAL_LENGTH);
    if (!bytes_has(b, header)) return ip_bad(p, PACKET_IP_SHORT);
    p->version = 4;
    p->traffic_class = at[1];
    p->ip_said = said;
    p->ip_bytes = said != 0 ? said : b->length;
    p->ttl = at[8];
    p->protocol = at[9];
    p->src = addr_v4(at + 12);
    p->dst = addr_v4(at + 16);
    if (flags & 0x3fff) { /* more to come, or not the first */
        p->fragment = true;
        p->first = (flags & 0x1fff) == 0;
        p->fragment_id = load_be16(at + 4);
        p->fragment_at = (flags & 0x1fff) * 8;
    }
    ip_cut(p, b);
    bytes_pass(b, header);
    return true;
}

/* Size of the extension header that `next` announces; 0: it is none. 2 bytes of it are captured. */
static u32 extension_size(u32 next, const u8 *at)
{
    switch (next) {
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
    case PROTOCOL_HIP:
    case PROTOCOL_SHIM6:   return ((u32)at[1] + 1) * 8;
    case PROTOCOL_AH:      return ((u32)at[1] + 2) * 4; /* RFC 4302 section 2.2 */
    case PROTOCOL_FRAGMENT: return 8;
    default:               return 0;
    }
}

/* RFC 8200 section 4.5. One that is first and last at once (atomic, RFC 6946) is a whole datagram. */
static void fragment_explain(struct packet *p, const u8 *at)
{
    u32 word = load_be16(at + 2);
    if ((word & 0xfff9) == 0) return;
    p->fragment = true;
    p->first = word >> 3 == 0;
    p->fragment_id = load_be32(at + 4);
    p->fragment_at = word & 0xfff8;
}

/* Passes RFC 8200's chain up to the transport header, or to the fragment header of a later part. Whatever `next` is
 * where bytes end stays the protocol. */
static void ip6_extensions(struct packet *p, struct bytes *b, u32 next)
{
    static const u8 none[2];
    for (;;) {
        bool there = bytes_has(b, 2);
        u32  size = extension_size(next, there ? b->at : none);
        p->protocol = (u8)next;
        if (size == 0) return;
        if (!there || !bytes_has(b, size)) {
            p->fault = PACKET_EXTENSION_SHORT;
            return;
        }
        if (next == PROTOCOL_FRAGMENT) fragment_explain(p, b->at);
        next = b->at[0];
        bytes_pass(b, size);
        if (p->fragment && !p->first) {
            p->protocol = (u8)next;
            return;
        }
    }
}

/* RFC 8200 section 3. A payload length of 0 is a jumbogram's (RFC 2675) or TSO's, unless nothing follows. */
static bool ip6_explain(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 40)) return ip_bad(p, PACKET_IP_SHORT);
    const u8 *at = b->at;
    u32       length = load_be16(at + 4), next = at[6];
    p->version = 6;
    p->traffic_class = (u8)(load_be16(at) >> 4);
    p->ip_said = length != 0 || next == PROTOCOL_NONE ? length + 40 : 0;
    p->ip_bytes = p->ip_said != 0 ? p->ip_said : b->length;
    p->ttl = at[7];
    memcpy(p->src.b, at + 8, 16);
    memcpy(p->dst.b, at + 24, 16);
    ip_cut(p, b);
    bytes_pass(b, 40);
    ip6_extensions(p, b, next);
    return true;
}

/* The IP header says its version itself: EtherTypes have been seen to lie. */
static inline bool ip_explain(struct packet *p, struct bytes *b)
{
    p->kind = PACKET_IP;
    if (!bytes_has(b, 1)) return ip_bad(p, PACKET_IP_SHORT);
    u32 version = b->at[0] >> 4;
    if (__builtin_expect(version == 4, 1)) return ip4_explain(p, b);
    return version == 6 ? ip6_explain(p, b) : ip_bad(p, PACKET_IP_VERSION);
}

static inline void upper_set(struct packet *p, const struct bytes *b)
{
    p->upper_at = b->at;
    p->upper_captured = b->captured;
}

static inline void upper_explain(struct packet *p, struct bytes *b)
{
    upper_set(p, b);
    if (__builtin_expect(p->fault != PACKET_EXTENSION_SHORT, 1)) {
        transport_explain(p, b);
        return;
    }
    p->payload = b->length;
    p->payload_at = b->at;
    p->payload_captured = b->captured;
}

/* A later fragment is the middle of something. */
static bool tunnel_possible(const struct packet *p)
{
    bool known = p->fault == PACKET_SOUND || p->fault == PACKET_IP_TOTAL_LENGTH;
    return known && (!p->fragment || p->first);
}

/* The frame and its link headers stay those of the whole; an Ethernet header in the tunnel adds to them. */
static void inner_start(struct packet *in, const struct packet *outer, enum packet_tunnel tunnel)
{
    packet_clear(in);
    in->time = outer->time;
    in->frame_length = outer->frame_length;
    in->ether_type = outer->ether_type;
    in->vlans = outer->vlans;
    in->vlan = outer->vlan;
    in->src_mac = outer->src_mac;
    in->dst_mac = outer->dst_mac;
    in->tunnel = tunnel;
    in->depth = (u8)(outer->depth + 1);
}

/* One tunnel's depth on. false: nothing more to enter; *p is what can be told. */
static bool tunnel_enter(struct packet *p, u32 depth)
{
    struct bytes       b = { p->payload_at, p->payload_captured, p->payload };
    u32                type = TYPE_OPAQUE;
    enum packet_tunnel tunnel = tunnel_open(p, &b, &type);
    if (tunnel == TUNNEL_NONE || p->depth >= depth) return false;
    struct packet in;
    inner_start(&in, p, tunnel);
    if (link_follow(&in, &b, type) && ip_explain(&in, &b)) {
        upper_explain(&in, &b);
        *p = in;
        return tunnel_possible(p);
    }
    if (in.kind == PACKET_BAD) p->fault = PACKET_TUNNEL_BAD;
    return false;
}

static void tunnels_explain(struct packet *p, const struct packet_options *how)
{
    if (!tunnel_possible(p)) return;
    if (!how->inner) {
        struct bytes b = { p->payload_at, p->payload_captured, p->payload };
        u32          type;
        p->tunnel = tunnel_open(p, &b, &type);
        return;
    }
    u32 depth = how->depth == 0 ? DEPTH_DEFAULT : how->depth < DEPTH_MAX ? how->depth : DEPTH_MAX;
    while (tunnel_enter(p, depth)) continue;
}

#define PLAIN 54u /* Ethernet, IPv4 and TCP without options */

/* A TCP segment after the SYN in one IPv4 packet in one untagged Ethernet frame, captured past PLAIN: what the long way
 * tells of it, told at once. false: nothing is, go that way. */
static inline bool plain_explain(struct packet *p, const struct frame *in, u32 captured)
{
    const u8 *at = in->at;
    if (in->link != LINK_ETHERNET || captured < PLAIN) return false;
    if (load_be16(at + 12) != TYPE_IPV4 || at[14] != 0x45 || at[23] != PROTOCOL_TCP) return false;
    u32 said = load_be16(at + 16), header = (u32)(at[46] >> 4) * 4;
    if (load_be16(at + 20) & 0x3fff || header < 20 || said < 20 + header || said > in->length - 14) return false;
    if (at[47] & TCP_SYN) return false;
    u32 there = captured - 14 < said ? captured - 34 : said - 20, seen = header < there ? header : there;
    u32 ports = load_be32(at + 34);
    p->ether_type = TYPE_IPV4;
    p->dst_mac = load_be64(at) >> 16;
    p->src_mac = load_be64(at + 6) >> 16;
    p->version = 4;
    p->traffic_class = at[15];
    p->ip_said = p->ip_bytes = said;
    p->ttl = at[22];
    p->protocol = PROTOCOL_TCP;
    p->src = addr_v4(at + 26);
    p->dst = addr_v4(at + 30);
    p->upper_at = at + 34;
    p->upper_captured = there;
    p->ports = true;
    p->src_port = (u16)(ports >> 16);
    p->dst_port = (u16)ports;
    p->seq = load_be32(at + 38);
    p->ack = load_be32(at + 42);
    p->tcp_flags = at[47];
    p->window = (u16)load_be16(at + 48);
    p->payload = said - 20 - header;
    p->payload_at = at + 34 + seen;
    p->payload_captured = there - seen;
    return true;
}

void packet_parse(struct packet *out, const struct frame *in, const struct packet_options *how)
{
    struct bytes b = { in->at, in->captured < in->length ? in->captured : in->length, in->length };
    packet_clear(out);
    out->time = in->time;
    out->frame_length = in->length;
    out->vlan = PACKET_NO_VLAN;
    if (plain_explain(out, in, b.captured)) return;
    out->src_mac = out->dst_mac = PACKET_NO_MAC;
    if (!link_explain(out, &b, in->link) || !ip_explain(out, &b)) {
        if (out->kind != PACKET_BAD) upper_set(out, &b);
        return;
    }
    upper_explain(out, &b);
    if (out->protocol != PROTOCOL_TCP) tunnels_explain(out, how);
}

const char *packet_fault_name(enum packet_fault fault)
{
    static const char *const names[PACKET_FAULTS] = {
        PACKET_FAULT_NAMES
    };
    WEIR_ASSERT((u32)fault < PACKET_FAULTS);
    return names[fault];
}

const char *packet_tunnel_name(enum packet_tunnel tunnel)
{
    static const char *const names[] = {
        [TUNNEL_NONE] = "none", [TUNNEL_GRE] = "gre",   [TUNNEL_ERSPAN] = "erspan", [TUNNEL_VXLAN] = "vxlan",
        [TUNNEL_GENEVE] = "geneve", [TUNNEL_GTP] = "gtp", [TUNNEL_IPIP] = "ipip",   [TUNNEL_6IN4] = "6in4",
        [TUNNEL_TEREDO] = "teredo",
    };
    WEIR_ASSERT((u32)tunnel < WEIR_COUNT(names));
    return names[tunnel];
}
