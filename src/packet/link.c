/* SPDX-License-Identifier: Apache-2.0 */
/* link.c: from a frame's first byte to its IP header: Ethernet, VLAN tags, PPPoE, MPLS, Linux's cooked headers.
 *
 * Each *_take passes one header and gives the EtherType of what follows, so headers stack in any order. Every turn
 * eats captured bytes: a hostile stack ends with them. 802.3 frames (LLC, SNAP) are told as another protocol. */
#include "packet/explain.h"

#define ETHERNET_TYPE_MIN 0x600u /* below it the field is an 802.3 length */

/* IEEE 802.3 clause 3.2.6 and 802.2: SNAP (aa aa 03) with OUI 0 names an EtherType, other LLC frames have none. */
static u32 llc_take(struct packet *p, const struct bytes *b)
{
    p->ether_type = 0;
    if (bytes_has(b, 8) && load_be64(b->at) >> 16 == 0xaaaa03000000) p->ether_type = (u16)load_be16(b->at + 6);
    return TYPE_OPAQUE;
}

static inline u32 ethernet_take(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 14)) return TYPE_SHORT;
    u32 type = load_be16(b->at + 12);
    p->dst_mac = load_be64(b->at) >> 16;
    p->src_mac = load_be64(b->at + 6) >> 16;
    p->ether_type = (u16)type;
    bytes_pass(b, 14);
    return type < ETHERNET_TYPE_MIN ? llc_take(p, b) : type;
}

static void vlan_push(struct packet *p, u32 id)
{
    if (p->vlans == 0)      p->vlan = id;
    else if (p->vlans == 1) p->vlan |= id << 12;
    if (p->vlans < UINT8_MAX) p->vlans++;
}

/* IEEE 802.1Q clause 9.6: priority and id, then the type. */
static u32 vlan_take(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 4)) return TYPE_SHORT;
    u32 type = load_be16(b->at + 2);
    vlan_push(p, load_be16(b->at) & 0xfff);
    p->ether_type = (u16)type;
    bytes_pass(b, 4);
    return type < ETHERNET_TYPE_MIN ? llc_take(p, b) : type;
}

/* Version, length of the options in words, options; the type that it hides. */
static u32 metadata_take(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 2)) return TYPE_SHORT;
    u32 options = (u32)b->at[1] * 4;
    if (!bytes_has(b, 2 + options + 2)) return TYPE_SHORT;
    u32 type = load_be16(b->at + 2 + options);
    p->ether_type = (u16)type;
    bytes_pass(b, 2 + options + 2);
    return type < ETHERNET_TYPE_MIN ? TYPE_OPAQUE : type;
}

/* RFC 3032 section 2.1: labels to the bottom of the stack. What follows has no name: 4 and 6 are IP versions (RFC 4928
 * section 3), 0 a pseudowire's control word (RFC 4385 section 3), and that holds Ethernet more often than not. */
static u32 mpls_take(struct bytes *b)
{
    bool bottom = false;
    while (!bottom) {
        if (!bytes_has(b, 4)) return TYPE_SHORT;
        bottom = b->at[2] & 1;
        bytes_pass(b, 4);
    }
    if (!bytes_has(b, 1)) return TYPE_SHORT;
    u32 nibble = b->at[0] >> 4;
    if (nibble == 4 || nibble == 6) return TYPE_IPV4;
    if (nibble != 0) return TYPE_OPAQUE;
    if (!bytes_has(b, 4)) return TYPE_SHORT;
    bytes_pass(b, 4);
    return TYPE_ETHERNET;
}

/* RFC 1661 section 2, RFC 1662 section 3.1: address and control may stand in front, the protocol may be one byte. */
static u32 ppp_take(struct bytes *b)
{
    if (bytes_has(b, 2) && load_be16(b->at) == 0xff03) bytes_pass(b, 2);
    if (!bytes_has(b, 1)) return TYPE_SHORT;
    u32 size = b->at[0] & 1 ? 1 : 2;
    if (!bytes_has(b, size)) return TYPE_SHORT;
    u32 protocol = size == 1 ? b->at[0] : load_be16(b->at);
    bytes_pass(b, size);
    switch (protocol) {
    case 0x0021: return TYPE_IPV4;
    case 0x0057: return TYPE_IPV6;
    case 0x0281: return TYPE_MPLS;
    case 0x0283: return TYPE_MPLS_MULTICAST;
    default:     return TYPE_OPAQUE;
    }
}

/* RFC 2516 section 4: version and type 1, code 0 in a session, its id, the length of what follows. */
static u32 pppoe_take(struct bytes *b)
{
    if (!bytes_has(b, 6)) return TYPE_SHORT;
    bool session = b->at[0] == 0x11 && b->at[1] == 0;
    u32  length = load_be16(b->at + 4);
    bytes_pass(b, 6);
    if (length > 0) bytes_cut(b, length);
    return session ? TYPE_PPP : TYPE_OPAQUE;
}

bool link_follow(struct packet *p, struct bytes *b, u32 type)
{
    for (;;) {
        switch (type) {
        case TYPE_IPV4:
        case TYPE_IPV6: return true;
        case TYPE_ARP: p->kind = PACKET_ARP; return false;
        case TYPE_VLAN:
        case TYPE_QINQ:
        case TYPE_QINQ_OLD: type = vlan_take(p, b); break;
        case TYPE_MPLS:
        case TYPE_MPLS_MULTICAST: type = mpls_take(b); break;
        case TYPE_PPPOE: type = pppoe_take(b); break;
        case TYPE_PPP: type = ppp_take(b); break;
        case TYPE_ETHERNET: type = ethernet_take(p, b); break;
        case TYPE_METADATA: type = metadata_take(p, b); break;
        case TYPE_SHORT:
            p->kind = PACKET_BAD;
            p->fault = PACKET_LINK_SHORT;
            return false;
        default: p->kind = PACKET_OTHER; return false;
        }
    }
}

/* Of a cooked header: `at` has room for 8 bytes, `length` of them are the sender's address. */
static void cooked_explain(struct packet *p, const u8 *at, u32 length, u32 type)
{
    if (length == 6) p->src_mac = load_be64(at) >> 16;
    p->ether_type = (u16)(type < ETHERNET_TYPE_MIN ? 0 : type);
}

/* LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length, address (8), protocol. Numbers below an EtherType's are
 * Linux's own (1: Novell's 802.3, 4: 802.2). */
static u32 sll_take(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 16)) return TYPE_SHORT;
    u32 type = load_be16(b->at + 14);
    cooked_explain(p, b->at + 6, load_be16(b->at + 4), type);
    bytes_pass(b, 16);
    return type < ETHERNET_TYPE_MIN ? TYPE_OPAQUE : type;
}

/* LINKTYPE_LINUX_SLL2: protocol, 2 reserved, interface, ARPHRD (2), packet type, address length (1 each), address
 * (8). */
static u32 sll2_take(struct packet *p, struct bytes *b)
{
    if (!bytes_has(b, 20)) return TYPE_SHORT;
    u32 type = load_be16(b->at);
    cooked_explain(p, b->at + 12, b->at[11], type);
    bytes_pass(b, 20);
    return type < ETHERNET_TYPE_MIN ? TYPE_OPAQUE : type;
}

/* The family is AF_INET (2 everywhere) or AF_INET6 (10 Linux, 24 NetBSD and OpenBSD, 28 FreeBSD, 30 Darwin), in the
 * order of the machine that wrote it or the network's: all small, so it is the one nonzero byte at either end. */
static u32 loopback_take(struct bytes *b)
{
    if (!bytes_has(b, 4)) return TYPE_SHORT;
    u32 family = load_be32(b->at);
    if ((family & 0xffffff) == 0) family >>= 24;
    bytes_pass(b, 4);
    switch (family) {
    case 2:  return TYPE_IPV4;
    case 10:
    case 24:
    case 28:
    case 30: return TYPE_IPV6;
    default: return TYPE_OPAQUE;
    }
}

bool link_explain(struct packet *p, struct bytes *b, u32 link)
{
    if (__builtin_expect(link == LINK_ETHERNET, 1)) {
        u32 type = ethernet_take(p, b);
        return type == TYPE_IPV4 || link_follow(p, b, type);
    }
    switch (link) {
    case LINK_NULL:
    case LINK_LOOP: return link_follow(p, b, loopback_take(b));
    case LINK_PPP: return link_follow(p, b, TYPE_PPP);
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6: return true;
    case LINK_LINUX_SLL: return link_follow(p, b, sll_take(p, b));
    case LINK_LINUX_SLL2: return link_follow(p, b, sll2_take(p, b));
    default:
        p->kind = PACKET_BAD;
        p->fault = PACKET_LINK_UNKNOWN;
        return false;
    }
}
