/* SPDX-License-Identifier: Apache-2.0 */
/* packets.c: each packet a record: frames of a capture (packet/frames.h) to columns.
 *
 * A frame that is no packet is refused with packet.h's reason; one that is known in part is a record whose `fault` says
 * so. The table at the end is all the columns there are. */
#include "decode/framed.h"
#include "packet/community.h"
#include "packet/explain.h"
#include "packet/frames.h"
#include "packet/summary.h"

#include <stdlib.h>

#define FLAGS_TEXT  9u

enum packets_column {
    COLUMN_TIME, COLUMN_SRC_IP, COLUMN_DST_IP, COLUMN_SRC_PORT, COLUMN_DST_PORT, COLUMN_PROTOCOL, COLUMN_IP_VERSION,
    COLUMN_TTL, COLUMN_TRAFFIC_CLASS, COLUMN_SRC_MAC, COLUMN_DST_MAC, COLUMN_VLAN, COLUMN_INNER_VLAN, COLUMN_ETHER_TYPE,
    COLUMN_TUNNEL, COLUMN_FRAME_LENGTH, COLUMN_IP_LENGTH, COLUMN_PAYLOAD, COLUMN_TCP_FLAGS, COLUMN_FLAGS, COLUMN_SEQ,
    COLUMN_ACK, COLUMN_WINDOW, COLUMN_ICMP_TYPE, COLUMN_ICMP_CODE, COLUMN_FRAGMENT_ID, COLUMN_FRAGMENT_OFFSET,
    COLUMN_KIND, COLUMN_FAULT, COLUMN_SUMMARY, COLUMN_COMMUNITY_ID, COLUMN_PACKETS, COLUMNS,
};

#define REASON_DAMAGED PACKET_FAULTS /* the bytes are no record: our own fault, or the memory's */

struct decoder {
    struct framed framed;
    char          flags[256][FLAGS_TEXT]; /* tcpdump's words for each set of them */
    u8            flags_len[256];
    struct packet packet[FRAMED_BLOCK];
    struct frame  frame[FRAMED_BLOCK];
};

static const struct decoder_column columns[];

/* Bytes at most of a cell that is written for its batch; 0: what is there already is pointed to. */
static u32 text_max(u32 is)
{
    return is == COLUMN_SUMMARY ? SUMMARY_MAX : is == COLUMN_COMMUNITY_ID ? COMMUNITY_TEXT : 0;
}

static void packets_close(struct decoder *d)
{
    framed_close(&d->framed);
    free(d);
}

static err packets_open(struct decoder **out, const struct layout *layout, const struct schema *schema)
{
    struct decoder *d = calloc(1, sizeof *d);
    struct framed  *f;
    WEIR_ASSERT(d != NULL);
    f = &d->framed;
    err e = framed_open(f, columns, layout, schema);
    *out = err_is(e) ? NULL : d;
    if (err_is(e)) {
        free(d);
        return e;
    }
    for (u32 i = 0; i < 256; i++) d->flags_len[i] = (u8)summary_flags(d->flags[i], (u8)i);
    for (u32 i = 0; i < f->targets; i++)
        if (text_max(f->target[i].is) > 0)
            f->target[i].text = arena_alloc(&f->arena, (size_t)text_max(f->target[i].is) * BATCH_ROWS);
    return OK;
}

/* ---- cells ---- */

static bool is_ip(const struct packet *p)
{
    return p->kind == PACKET_IP;
}

/* TCP's, UDP's and SCTP's; what stands in their place for ICMP is type, code and id. */
static bool has_ports(const struct packet *p)
{
    return p->ports && protocol_is_ported(p->protocol);
}

/* A later fragment that was given its ports has no header of its own. */
static bool is_tcp(const struct packet *p)
{
    return p->ports && p->protocol == PROTOCOL_TCP && !(p->fragment && !p->first);
}

static bool is_icmp(const struct packet *p)
{
    return p->ports && (p->protocol == PROTOCOL_ICMP || p->protocol == PROTOCOL_ICMP6) && !(p->fragment && !p->first);
}

/* False: null. */
static bool number_of(const struct packet *p, enum packets_column is, u64 *to)
{
    switch (is) {
    case COLUMN_TIME:            *to = (u64)p->time; return true;
    case COLUMN_SRC_PORT:        *to = p->src_port; return has_ports(p);
    case COLUMN_DST_PORT:        *to = p->dst_port; return has_ports(p);
    case COLUMN_PROTOCOL:        *to = p->protocol; return is_ip(p);
    case COLUMN_IP_VERSION:      *to = p->version; return is_ip(p);
    case COLUMN_TTL:             *to = p->ttl; return is_ip(p);
    case COLUMN_TRAFFIC_CLASS:   *to = p->traffic_class; return is_ip(p);
    case COLUMN_SRC_MAC:         *to = p->src_mac; return p->src_mac != PACKET_NO_MAC;
    case COLUMN_DST_MAC:         *to = p->dst_mac; return p->dst_mac != PACKET_NO_MAC;
    case COLUMN_VLAN:            *to = p->vlan & 0xfff; return p->vlan != PACKET_NO_VLAN;
    case COLUMN_INNER_VLAN:      *to = p->vlan >> 12; return p->vlans > 1;
    case COLUMN_ETHER_TYPE:      *to = p->ether_type; return p->ether_type != 0;
    case COLUMN_FRAME_LENGTH:    *to = p->frame_length; return true;
    case COLUMN_IP_LENGTH:       *to = p->ip_bytes; return is_ip(p);
    case COLUMN_PAYLOAD:         *to = p->payload; return is_ip(p);
    case COLUMN_TCP_FLAGS:       *to = p->tcp_flags; return is_tcp(p);
    case COLUMN_SEQ:             *to = p->seq; return is_tcp(p);
    case COLUMN_ACK:             *to = p->ack; return is_tcp(p) && p->tcp_flags & TCP_ACK;
    case COLUMN_WINDOW:          *to = p->window; return is_tcp(p);
    case COLUMN_ICMP_TYPE:       *to = p->src_port >> 8; return is_icmp(p);
    case COLUMN_ICMP_CODE:       *to = p->src_port & 0xff; return is_icmp(p);
    case COLUMN_FRAGMENT_ID:     *to = p->fragment_id; return p->fragment;
    case COLUMN_FRAGMENT_OFFSET: *to = p->fragment_at; return p->fragment;
    case COLUMN_PACKETS:         *to = 1; return true;
    default: return false;
    }
}

/* False: null. */
static bool written_of(const struct decoder *d, struct framed_target *t, u32 i, slice *to)
{
    char *at = t->text + t->text_len;
    u32   len;
    if (t->is == COLUMN_SUMMARY) len = summary_write(at, &d->packet[i], &d->frame[i]);
    else len = community_write(at, &d->packet[i]) ? COMMUNITY_TEXT : 0;
    t->text_len += len;
    *to = slice_of(at, len);
    return len > 0;
}

static bool text_of(const struct decoder *d, struct framed_target *t, u32 i, slice *to)
{
    const struct packet *p = &d->packet[i];
    switch (t->is) {
    case COLUMN_TUNNEL:  *to = slice_str(packet_tunnel_name(p->tunnel)); return p->tunnel != TUNNEL_NONE;
    case COLUMN_FLAGS:   *to = slice_of(d->flags[p->tcp_flags], d->flags_len[p->tcp_flags]); return is_tcp(p);
    case COLUMN_KIND:    *to = is_ip(p) ? S("ip") : p->kind == PACKET_ARP ? S("arp") : S("other"); return true;
    case COLUMN_FAULT:   *to = slice_str(packet_fault_name(p->fault)); return p->fault != PACKET_SOUND;
    default: return written_of(d, t, i, to);
    }
}

static bool packets_cell(const struct decoder *d, struct framed_target *t, u32 i, u32 row)
{
    const struct packet *p = &d->packet[i];
    switch (t->type) {
    case FIELD_ADDR:
        ((addr *)t->cells)[row] = t->is == COLUMN_SRC_IP ? p->src : p->dst;
        return is_ip(p);
    case FIELD_STRING: return text_of(d, t, i, (slice *)t->cells + row);
    default: return number_of(p, t->is, (u64 *)t->cells + row);
    }
}

/* ---- the contract ---- */

static u32 packets_next(struct decoder *d, slice rest, u32 i, struct framed_pass *p, bool *kept)
{
    struct frame_note note;
    struct frame     *f = &d->frame[i];
    struct packet    *to = &d->packet[i];
    u32               size = frames_next(rest, f, &note);
    if (size == 0) return 0;
    packet_parse(to, f, &note.how);
    frame_note_apply(&note, to);
    *kept = to->kind != PACKET_BAD;
    if (!*kept) framed_reject(p, to->fault, slice_of((const char *)f->at, f->captured));
    return size;
}

static nanos packets_time(const struct decoder *d, u32 i)
{
    return d->packet[i].time;
}

static const struct framed_format packets_format = { packets_next, packets_time, packets_cell, REASON_DAMAGED };

static void packets_decode(struct decoder *d, slice text, u64 offset, bool last, struct batch *out, struct rejects *bad,
                           size_t *used, u64 *lines)
{
    struct framed_pass p = { .text = text, .offset = offset, .line = *lines, .last = last, .bad = bad };
    framed_decode(&packets_format, &d->framed, d, p, out, used, lines);
}

/* ---- tables ---- */

static const struct decoder_column columns[] = {
    [COLUMN_TIME] = { "time", FIELD_TIME },
    [COLUMN_SRC_IP] = { "srcIP", FIELD_ADDR },
    [COLUMN_DST_IP] = { "dstIP", FIELD_ADDR },
    [COLUMN_SRC_PORT] = { "srcPort", FIELD_U64 },
    [COLUMN_DST_PORT] = { "dstPort", FIELD_U64 },
    [COLUMN_PROTOCOL] = { "protocol", FIELD_U64 },
    [COLUMN_IP_VERSION] = { "ipVersion", FIELD_U64 },
    [COLUMN_TTL] = { "ttl", FIELD_U64 },
    [COLUMN_TRAFFIC_CLASS] = { "trafficClass", FIELD_U64 },
    [COLUMN_SRC_MAC] = { "srcMAC", FIELD_MAC },
    [COLUMN_DST_MAC] = { "dstMAC", FIELD_MAC },
    [COLUMN_VLAN] = { "vlan", FIELD_U64 },
    [COLUMN_INNER_VLAN] = { "innerVlan", FIELD_U64 },
    [COLUMN_ETHER_TYPE] = { "etherType", FIELD_U64 },
    [COLUMN_TUNNEL] = { "tunnel", FIELD_STRING },
    [COLUMN_FRAME_LENGTH] = { "frameLength", FIELD_U64 },
    [COLUMN_IP_LENGTH] = { "ipLength", FIELD_U64 },
    [COLUMN_PAYLOAD] = { "payload", FIELD_U64 },
    [COLUMN_TCP_FLAGS] = { "tcpFlags", FIELD_U64 },
    [COLUMN_FLAGS] = { "flags", FIELD_STRING },
    [COLUMN_SEQ] = { "seq", FIELD_U64 },
    [COLUMN_ACK] = { "ack", FIELD_U64 },
    [COLUMN_WINDOW] = { "window", FIELD_U64 },
    [COLUMN_ICMP_TYPE] = { "icmpType", FIELD_U64 },
    [COLUMN_ICMP_CODE] = { "icmpCode", FIELD_U64 },
    [COLUMN_FRAGMENT_ID] = { "fragmentID", FIELD_U64 },
    [COLUMN_FRAGMENT_OFFSET] = { "fragmentOffset", FIELD_U64 },
    [COLUMN_KIND] = { "kind", FIELD_STRING },
    [COLUMN_FAULT] = { "fault", FIELD_STRING },
    [COLUMN_SUMMARY] = { "summary", FIELD_STRING },
    [COLUMN_COMMUNITY_ID] = { "communityID", FIELD_STRING },
    [COLUMN_PACKETS] = { "packets", FIELD_U64 },
    [COLUMNS] = { NULL, 0 },
};

static const char *const packets_reasons[] = {
    PACKET_FAULT_NAMES
    [REASON_DAMAGED] = "no record of a frame",
    NULL,
};
static_assert(WEIR_COUNT(packets_reasons) == PACKET_FAULTS + 2, "a word for each fault");
static_assert(PACKET_FAULTS < REASONS_MAX, "rejects count every reason");

const struct decoder_type decoder_packets = {
    .name    = "packets",
    .reasons = packets_reasons,
    .records = true,
    .columns = columns,
    .open    = packets_open,
    .close   = packets_close,
    .decode  = packets_decode,
};
