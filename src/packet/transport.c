/* SPDX-License-Identifier: Apache-2.0 */
/* transport.c: what stands behind the IP headers: TCP with the options of a SYN, UDP, SCTP's common header, ICMP and
 * ICMPv6.
 *
 * Other protocols have no ports here. SCTP has, though P2 counts it as OTHER, whose lines have none. Payload is counted
 * on the wire: a snap length takes bytes away, not lengths. */
#include "packet/explain.h"

/* `header` bytes are the transport's; those not captured leave no payload to look at. */
static inline void payload_set(struct packet *p, const struct bytes *b, u32 header)
{
    u32 seen = header < b->captured ? header : b->captured;
    p->payload = b->length > header ? b->length - header : 0;
    p->payload_at = b->at + seen;
    p->payload_captured = b->captured - seen;
}

static inline void ports_set(struct packet *p, u32 both)
{
    p->src_port = (u16)(both >> 16);
    p->dst_port = (u16)both;
    p->ports = true;
}

static void transport_short(struct packet *p, const struct bytes *b, u32 header)
{
    p->fault = PACKET_TRANSPORT_SHORT;
    payload_set(p, b, header);
}

/* RFC 9293 section 3.1 and RFC 7323 section 2: kind, length, value; kinds 0 and 1 are single bytes. A shift over 14
 * counts as 14. What does not fit ends the list. */
static void tcp_options(struct packet *p, const u8 *at, u32 size)
{
    for (u32 i = 0; i < size && at[i] != 0;) {
        if (at[i] == 1) {
            i++;
            continue;
        }
        if (size - i < 2 || at[i + 1] < 2 || at[i + 1] > size - i) return;
        if (at[i] == 2 && at[i + 1] == 4) p->mss = (u16)load_be16(at + i + 2);
        if (at[i] == 3 && at[i + 1] == 3) p->scale = (u8)(1 + (at[i + 2] < 14 ? at[i + 2] : 14));
        i += at[i + 1];
    }
}

/* The data offset of a header that is not all there: 5 where it is not captured, either. */
static u32 tcp_header_guess(const struct bytes *b)
{
    return bytes_has(b, 13) && b->at[12] >> 4 >= 5 ? (u32)(b->at[12] >> 4) * 4 : 20;
}

static void tcp_explain(struct packet *p, const struct bytes *b)
{
    if (!bytes_has(b, 20)) {
        transport_short(p, b, tcp_header_guess(b));
        return;
    }
    const u8 *at = b->at;
    u32       header = (u32)(at[12] >> 4) * 4;
    ports_set(p, load_be32(at));
    p->seq = load_be32(at + 4);
    p->ack = load_be32(at + 8);
    p->tcp_flags = at[13];
    p->window = (u16)load_be16(at + 14);
    if (header < 20 || header > b->length) {
        p->fault = PACKET_TCP_HEADER_LENGTH;
        payload_set(p, b, b->length);
        return;
    }
    payload_set(p, b, header);
    if (p->tcp_flags & TCP_SYN) tcp_options(p, at + 20, (header < b->captured ? header : b->captured) - 20);
}

static void udp_explain(struct packet *p, const struct bytes *b)
{
    if (!bytes_has(b, 8)) {
        transport_short(p, b, 8);
        return;
    }
    ports_set(p, load_be32(b->at));
    payload_set(p, b, 8);
}

/* RFC 9260 section 3.1: ports, verification tag, checksum; then chunks. */
static void sctp_explain(struct packet *p, const struct bytes *b)
{
    if (!bytes_has(b, 12)) {
        transport_short(p, b, 12);
        return;
    }
    ports_set(p, load_be32(b->at));
    payload_set(p, b, 12);
}

/* RFC 792, RFC 4443 section 4: type, code, checksum; echo messages go on with their id. */
static void icmp_explain(struct packet *p, const struct bytes *b, u32 echo, u32 reply)
{
    if (!bytes_has(b, 8)) {
        transport_short(p, b, 8);
        return;
    }
    u32  type = b->at[0];
    bool has_id = type == echo || type == reply;
    ports_set(p, load_be16(b->at) << 16 | (has_id ? load_be16(b->at + 4) : 0));
    payload_set(p, b, 8);
}

void transport_explain(struct packet *p, struct bytes *b)
{
    if (p->fragment && !p->first) {
        payload_set(p, b, 0);
        return;
    }
    switch (p->protocol) {
    case PROTOCOL_TCP:   tcp_explain(p, b); break;
    case PROTOCOL_UDP:   udp_explain(p, b); break;
    case PROTOCOL_SCTP:  sctp_explain(p, b); break;
    case PROTOCOL_ICMP:  icmp_explain(p, b, 8, 0); break;
    case PROTOCOL_ICMP6: icmp_explain(p, b, 128, 129); break;
    default:             payload_set(p, b, 0);
    }
}
