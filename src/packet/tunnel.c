/* SPDX-License-Identifier: Apache-2.0 */
/* tunnel.c: packets that carry packets: what kind of tunnel, and where the inner one begins.
 *
 * One tunnel header a call; packet.c goes on from there and keeps count of the depth. Tunnels over UDP are known by
 * their ports, so a header that does not look like theirs is other traffic, no fault. GRE and IP-in-IP say what they
 * are: there a cut header is one. */
#include "packet/explain.h"

enum tunnel_port {
    PORT_GTP = 2152,
    PORT_TEREDO = 3544,
    PORT_VXLAN = 4789,
    PORT_VXLAN_LINUX = 8472, /* older kernels' default; OTV's header is the same */
    PORT_GENEVE = 6081,
};

#define GRE_CHECKSUM 0x8000u
#define GRE_ROUTING  0x4000u
#define GRE_KEY      0x2000u
#define GRE_SEQUENCE 0x1000u
#define GRE_ACK      0x0080u /* version 1 only */

/* Passes n bytes; TYPE_SHORT where they are not there. */
static u32 header_pass(struct bytes *b, u32 n, u32 type)
{
    if (!bytes_has(b, n)) return TYPE_SHORT;
    bytes_pass(b, n);
    return type;
}

/* draft-foschiano-erspan-03 section 4: type II has 8 bytes (and a GRE sequence number, which tells it from type I, that
 * has none), type III 12 and 8 more if its last bit is set. Type III says what it holds: 0 Ethernet, 2 IP. */
static u32 erspan_take(struct bytes *b, u32 type, u32 flags)
{
    if (type == TYPE_ERSPAN) return header_pass(b, flags & GRE_SEQUENCE ? 8 : 0, TYPE_ETHERNET);
    if (!bytes_has(b, 12)) return TYPE_SHORT;
    u32 last = load_be32(b->at + 8), frame = last >> 10 & 31;
    u32 inner = frame == 0 ? TYPE_ETHERNET : frame == 2 ? TYPE_IPV4 : TYPE_OPAQUE;
    return header_pass(b, last & 1 ? 20 : 12, inner);
}

/* Cisco's security group tag within GRE: the type that it hides, version, length in words, options. Within Ethernet the
 * type comes last (link.c). */
static u32 metadata_take(struct bytes *b)
{
    if (!bytes_has(b, 4)) return TYPE_SHORT;
    return header_pass(b, 4 + (u32)b->at[3] * 4, load_be16(b->at));
}

/* RFC 2784, RFC 2890 (key, sequence), RFC 2637 section 4.1 (version 1: PPTP; without a sequence number no payload).
 * RFC 1701's source routes are gone from the later standards and not followed. */
static enum packet_tunnel gre_open(struct bytes *b, u32 *type)
{
    *type = TYPE_SHORT;
    if (!bytes_has(b, 4)) return TUNNEL_GRE;
    u32 flags = load_be16(b->at), inner = load_be16(b->at + 2), version = flags & 7;
    u32 optional = version == 1 ? GRE_KEY | GRE_SEQUENCE | GRE_ACK : GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE;
    u32 size = 4 + 4 * (u32)__builtin_popcount(flags & optional);
    if (version == 1) {
        bool data = inner == TYPE_PPP && (flags & GRE_SEQUENCE);
        *type = header_pass(b, size, data ? TYPE_PPP : TYPE_OPAQUE);
        return TUNNEL_GRE;
    }
    *type = header_pass(b, size, version == 0 && !(flags & GRE_ROUTING) ? inner : TYPE_OPAQUE);
    if (*type == TYPE_METADATA) *type = metadata_take(b);
    if (*type != TYPE_ERSPAN && *type != TYPE_ERSPAN_III) return TUNNEL_GRE;
    *type = erspan_take(b, *type, flags);
    return TUNNEL_ERSPAN;
}

/* RFC 7348 section 5: the I flag, a network id, Ethernet. */
static enum packet_tunnel vxlan_open(struct bytes *b, u32 *type)
{
    if (!bytes_has(b, 8) || !(b->at[0] & 0x08)) return TUNNEL_NONE;
    *type = header_pass(b, 8, TYPE_ETHERNET);
    return TUNNEL_VXLAN;
}

/* RFC 8926 section 3.4: version 0, options in words, an EtherType. */
static enum packet_tunnel geneve_open(struct bytes *b, u32 *type)
{
    if (!bytes_has(b, 8) || b->at[0] >> 6 != 0) return TUNNEL_NONE;
    *type = header_pass(b, 8 + (u32)(b->at[0] & 0x3f) * 4, load_be16(b->at + 2));
    return TUNNEL_GENEVE;
}

/* 3GPP TS 29.281 section 5: version 1, protocol type GTP, message 255 (G-PDU). With any of E, S, PN there are 4 bytes
 * more, the last of them the next extension header's type; an extension's first byte is its length in words, its last
 * the next one's type. The user's packet is told by its first nibble; PPP and Ethernet are not known by it. */
static enum packet_tunnel gtp_open(struct bytes *b, u32 *type)
{
    if (!bytes_has(b, 8) || (b->at[0] & 0xf0) != 0x30 || b->at[1] != 255) return TUNNEL_NONE;
    u32 flags = b->at[0] & 7, next = 0;
    *type = TYPE_SHORT;
    bytes_pass(b, 8);
    if (flags != 0) {
        if (!bytes_has(b, 4)) return TUNNEL_GTP;
        next = flags & 4 ? b->at[3] : 0;
        bytes_pass(b, 4);
    }
    while (next != 0) {
        if (!bytes_has(b, 1)) return TUNNEL_GTP;
        u32 size = (u32)b->at[0] * 4;
        if (size == 0 || !bytes_has(b, size)) return TUNNEL_GTP;
        next = b->at[size - 1];
        bytes_pass(b, size);
    }
    if (!bytes_has(b, 1)) return TUNNEL_GTP;
    *type = b->at[0] >> 4 == 4 || b->at[0] >> 4 == 6 ? TYPE_IPV4 : TYPE_OPAQUE;
    return TUNNEL_GTP;
}

/* RFC 4380 section 5.1.1: an authentication (0 1, two lengths, those bytes, 9 more) and an origin indication (0 0, 6
 * bytes) may come before the IPv6 header. */
static enum packet_tunnel teredo_open(struct bytes *b, u32 *type)
{
    if (bytes_has(b, 4) && load_be16(b->at) == 1) {
        u32 size = 4u + b->at[2] + b->at[3] + 9;
        if (!bytes_has(b, size)) return TUNNEL_NONE;
        bytes_pass(b, size);
    }
    if (bytes_has(b, 8) && load_be16(b->at) == 0) bytes_pass(b, 8);
    if (!bytes_has(b, 1) || b->at[0] >> 4 != 6) return TUNNEL_NONE;
    *type = TYPE_IPV6;
    return TUNNEL_TEREDO;
}

/* VXLAN and Geneve draw their source port by flow and are sent to their own; GTP and Teredo answer from it. */
static enum packet_tunnel udp_open(const struct packet *p, struct bytes *b, u32 *type)
{
    switch (p->dst_port) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX: return vxlan_open(b, type);
    case PORT_GENEVE: return geneve_open(b, type);
    case PORT_GTP: return gtp_open(b, type);
    case PORT_TEREDO: return teredo_open(b, type);
    }
    if (p->src_port == PORT_GTP) return gtp_open(b, type);
    if (p->src_port == PORT_TEREDO) return teredo_open(b, type);
    return TUNNEL_NONE;
}

enum packet_tunnel tunnel_open(const struct packet *p, struct bytes *b, u32 *type)
{
    switch (p->protocol) {
    case PROTOCOL_UDP: return udp_open(p, b, type);
    case PROTOCOL_GRE: return gre_open(b, type);
    case PROTOCOL_IPV4: *type = TYPE_IPV4; return TUNNEL_IPIP;
    case PROTOCOL_IPV6: *type = TYPE_IPV6; return p->version == 4 ? TUNNEL_6IN4 : TUNNEL_IPIP;
    default: return TUNNEL_NONE;
    }
}
