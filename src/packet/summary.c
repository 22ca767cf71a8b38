/* SPDX-License-Identifier: Apache-2.0 */
/* summary.c: a packet in tcpdump's words. See summary.h.
 *
 * Written by hand and not by snprintf: a line for each packet is a matter of speed. The writer stops at its end, so
 * however many options a hostile header has, a line is at most SUMMARY_MAX long. */
#include "packet/summary.h"

#include "packet/explain.h"

struct text {
    char *at, *end;
};

static void put(struct text *t, slice s)
{
    size_t room = (size_t)(t->end - t->at), n = s.len < room ? s.len : room;
    if (n > 0) memcpy(t->at, s.at, n);
    t->at += n;
}

static void put_number(struct text *t, u64 v)
{
    char digits[20], *at = digits + sizeof digits;
    do *--at = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    put(t, slice_of(at, (size_t)(digits + sizeof digits - at)));
}

/* ", seq " and a number */
static void put_named(struct text *t, slice name, u64 v)
{
    put(t, name);
    put_number(t, v);
}

static void put_hex(struct text *t, u64 v, u32 digits)
{
    static const char hex[] = "0123456789abcdef";
    char              out[16];
    for (u32 i = 0; i < digits; i++) out[i] = hex[v >> (4 * (digits - 1 - i)) & 15];
    put(t, slice_of(out, digits));
}

static void put_mac(struct text *t, u64 mac)
{
    for (u32 i = 0; i < 6; i++) {
        if (i > 0) put(t, S(":"));
        put_hex(t, mac >> (40 - 8 * i) & 0xff, 2);
    }
}

static void put_v4(struct text *t, const u8 *at)
{
    for (u32 i = 0; i < 4; i++) {
        if (i > 0) put(t, S("."));
        put_number(t, at[i]);
    }
}

static void put_addr(struct text *t, const addr *a)
{
    char buf[ADDR_TEXT];
    if (addr_is_v4(a)) put_v4(t, a->b + 12);
    else put(t, slice_of(buf, addr_format(a, buf)));
}

static void put_v6(struct text *t, const u8 *at)
{
    addr a;
    memcpy(a.b, at, sizeof a.b);
    put_addr(t, &a);
}

u32 summary_flags(char *to, u8 flags)
{
    static const struct { u8 flag; char is; } names[] = {
        { TCP_FIN, 'F' }, { TCP_SYN, 'S' }, { TCP_RST, 'R' }, { TCP_PSH, 'P' },
        { TCP_ACK, '.' }, { TCP_URG, 'U' }, { TCP_ECE, 'E' }, { TCP_CWR, 'W' },
    };
    u32 n = 0;
    for (u32 i = 0; i < WEIR_COUNT(names); i++)
        if (flags & names[i].flag) to[n++] = names[i].is;
    if (n > 0) return n;
    slice none = S("none");
    memcpy(to, none.at, none.len);
    return (u32)none.len;
}

/* --- TCP --------------------------------------------------------------------------------------------------------- */

static void put_sack(struct text *t, const u8 *at, u32 size)
{
    put_named(t, S("sack "), size / 8);
    put(t, S(" "));
    for (u32 i = 0; i + 8 <= size; i += 8) {
        put_named(t, S("{"), load_be32(at + i));
        put_named(t, S(":"), load_be32(at + i + 4));
        put(t, S("}"));
    }
}

/* An option of `size` bytes, kind and length included. */
static void put_option(struct text *t, const u8 *at, u32 size)
{
    switch ((u32)at[0] << 8 | size) {
    case 2 << 8 | 4: put_named(t, S("mss "), load_be16(at + 2)); return;
    case 3 << 8 | 3: put_named(t, S("wscale "), at[2]); return;
    case 4 << 8 | 2: put(t, S("sackOK")); return;
    case 8 << 8 | 10:
        put_named(t, S("TS val "), load_be32(at + 2));
        put_named(t, S(" ecr "), load_be32(at + 6));
        return;
    }
    if (at[0] == 5 && size > 2) put_sack(t, at + 2, size - 2);
    else put_named(t, S("unknown-"), at[0]);
}

/* RFC 9293 section 3.2. A list that does not fit its header ends with [bad opt]. */
static void put_options(struct text *t, const u8 *at, u32 size)
{
    put(t, S(", options ["));
    for (u32 i = 0, n; i < size; i += n) {
        if (i > 0) put(t, S(","));
        n = 1;
        if (at[i] == 0) {
            put(t, S("eol"));
            break;
        }
        if (at[i] == 1) {
            put(t, S("nop"));
            continue;
        }
        if (size - i < 2 || at[i + 1] < 2 || at[i + 1] > size - i) {
            put(t, S("[bad opt]"));
            break;
        }
        n = at[i + 1];
        put_option(t, at + i, n);
    }
    put(t, S("]"));
}

static void put_tcp(struct text *t, const struct packet *p)
{
    const u8 *at = p->upper_at;
    char      flags[9];
    u32       header = (u32)(at[12] >> 4) * 4;
    put(t, S(" Flags ["));
    put(t, slice_of(flags, summary_flags(flags, p->tcp_flags)));
    put(t, S("]"));
    if (header < 20) {
        put_named(t, S(" [bad hdr length "), header);
        put(t, S("]"));
        return;
    }
    if (p->payload > 0 || p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) {
        put_named(t, S(", seq "), p->seq);
        if (p->payload > 0) put_named(t, S(":"), p->seq + p->payload);
    }
    if (p->tcp_flags & TCP_ACK) put_named(t, S(", ack "), p->ack);
    put_named(t, S(", win "), p->window);
    if (p->tcp_flags & TCP_URG) put_named(t, S(", urg "), load_be16(at + 18));
    if (header > 20) put_options(t, at + 20, (header < p->upper_captured ? header : p->upper_captured) - 20);
    put_named(t, S(", length "), p->payload);
}

/* --- ICMP -------------------------------------------------------------------------------------------------------- */

/* The packet that the message is about: its destination, and for a port its protocol and port. */
static void put_about(struct text *t, const u8 *at, u32 captured, bool port)
{
    u32 header = captured > 0 ? (u32)(at[0] & 15) * 4 : 0;
    if (captured < 20) return;
    put(t, S(" "));
    put_v4(t, at + 16);
    if (!port || header < 20 || captured < header + 4) return;
    put(t, at[9] == PROTOCOL_TCP ? S(" tcp") : at[9] == PROTOCOL_UDP ? S(" udp") : S(" protocol"));
    if (at[9] != PROTOCOL_TCP && at[9] != PROTOCOL_UDP) put_named(t, S(" "), at[9]);
    put_named(t, S(" port "), load_be16(at + header + 2));
}

/* RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1. */
static void put_unreachable(struct text *t, const struct packet *p, const u8 *at)
{
    const u8 *about = at + 8;
    u32       captured = p->upper_captured - 8, code = at[1];
    bool      whole = code == 0 || code == 6 || code == 9 || code == 11;
    if (code == 2 && captured >= 20) {
        put_about(t, about, captured, false);
        put_named(t, S(" protocol "), about[9]);
        put(t, S(" unreachable"));
        return;
    }
    if (code != 3 && code != 4) put(t, whole ? S(" net") : S(" host"));
    put_about(t, about, captured, code == 3);
    put(t, S(" unreachable"));
    if (code == 4) put_named(t, S(" - need to frag (mtu "), load_be16(at + 6));
    if (code == 4) put(t, S(")"));
    if (code == 9 || code == 10) put(t, S(" - admin prohibited"));
    if (code == 13) put(t, S(" - admin prohibited filter"));
}

static void put_icmp(struct text *t, const struct packet *p)
{
    const u8 *at = p->upper_at;
    put(t, S(" ICMP"));
    switch (at[0]) {
    case 0:
    case 8:
        put(t, at[0] ? S(" echo request") : S(" echo reply"));
        put_named(t, S(", id "), load_be16(at + 4));
        put_named(t, S(", seq "), load_be16(at + 6));
        break;
    case 3: put_unreachable(t, p, at); break;
    case 5:
        put(t, S(" redirect"));
        put_about(t, at + 8, p->upper_captured - 8, false);
        put(t, at[1] & 1 ? S(" to host ") : S(" to net "));
        put_v4(t, at + 4);
        break;
    case 11: put(t, at[1] == 0 ? S(" time exceeded in-transit") : S(" ip reassembly time exceeded")); break;
    default:
        put_named(t, S(" type-#"), at[0]);
        if (at[1]) put_named(t, S(" code "), at[1]);
    }
    put_named(t, S(", length "), p->payload + 8);
}

static slice icmp6_name(u32 type)
{
    switch (type) {
    case 1:   return S("destination unreachable");
    case 2:   return S("packet too big");
    case 3:   return S("time exceeded in-transit");
    case 4:   return S("parameter problem");
    case 128: return S("echo request");
    case 129: return S("echo reply");
    case 130: return S("multicast listener query");
    case 131: return S("multicast listener report");
    case 132: return S("multicast listener done");
    case 133: return S("router solicitation");
    case 134: return S("router advertisement");
    case 135: return S("neighbor solicitation");
    case 136: return S("neighbor advertisement");
    case 137: return S("redirect");
    case 143: return S("multicast listener report v2");
    default:  return (slice){ 0 };
    }
}

/* RFC 4443, RFC 4861. */
static void put_icmp6(struct text *t, const struct packet *p)
{
    const u8 *at = p->upper_at;
    slice     name = icmp6_name(at[0]);
    put(t, S(" ICMP6, "));
    put(t, name);
    if (name.len == 0) put_named(t, S("type-#"), at[0]);
    if (at[0] == 128 || at[0] == 129) {
        put_named(t, S(", id "), load_be16(at + 4));
        put_named(t, S(", seq "), load_be16(at + 6));
    } else if (at[0] == 2) {
        put_named(t, S(", mtu "), load_be32(at + 4));
    } else if ((at[0] == 135 || at[0] == 136) && p->upper_captured >= 24) {
        put(t, at[0] == 135 ? S(", who has ") : S(", tgt is "));
        put_v6(t, at + 8);
    } else if (at[0] == 143) {
        put_named(t, S(", "), load_be16(at + 6));
        put(t, S(" group record(s)"));
    }
    put_named(t, S(", length "), p->payload + 8);
}

/* --- IP ---------------------------------------------------------------------------------------------------------- */

static bool has_ports(const struct packet *p)
{
    return p->ports && protocol_is_ported(p->protocol);
}

static void put_end(struct text *t, const struct packet *p, const addr *a, u32 port)
{
    put_addr(t, a);
    if (has_ports(p) && !(p->fragment && !p->first)) put_named(t, S("."), port);
}

/* UDP's own length; of a header that lies, what is there. */
static u32 udp_length(const struct packet *p)
{
    u32 length = load_be16(p->upper_at + 4);
    return length < 8 ? p->payload : length - 8;
}

static void put_upper(struct text *t, const struct packet *p)
{
    bool later = p->fragment && !p->first;
    if (later || !p->ports) {
        if (p->fault == PACKET_TRANSPORT_SHORT) put(t, S(" [|short]"));
        put_named(t, S(" ip-proto-"), p->protocol);
        if (!later) put_named(t, S(" "), p->payload);
        return;
    }
    switch (p->protocol) {
    case PROTOCOL_TCP:   put_tcp(t, p); break;
    case PROTOCOL_UDP:   put_named(t, S(" UDP, length "), udp_length(p)); break;
    case PROTOCOL_SCTP:  put_named(t, S(" sctp, length "), p->payload); break;
    case PROTOCOL_ICMP:  put_icmp(t, p); break;
    case PROTOCOL_ICMP6: put_icmp6(t, p); break;
    }
}

static void put_tunnel(struct text *t, const struct packet *p)
{
    put(t, S(" "));
    put(t, slice_str(packet_tunnel_name(p->tunnel)));
    put_named(t, S(" tunnel, length "), p->payload);
}

static void put_ip(struct text *t, const struct packet *p)
{
    put(t, p->version == 6 ? S("IP6 ") : S("IP "));
    put_end(t, p, &p->src, p->src_port);
    put(t, S(" > "));
    put_end(t, p, &p->dst, p->dst_port);
    put(t, S(":"));
    if (p->version == 6 && p->fragment) {
        u32 size = p->payload + (p->first && has_ports(p) && p->payload_at ? (u32)(p->payload_at - p->upper_at) : 0);
        put_named(t, S(" frag ("), p->fragment_at);
        put_named(t, S("|"), size);
        put(t, S(")"));
        if (!p->first) return;
    }
    if (p->tunnel != TUNNEL_NONE && p->depth == 0) put_tunnel(t, p);
    else put_upper(t, p);
}

/* --- other frames ------------------------------------------------------------------------------------------------ */

static u32 length_left(const struct packet *p, const struct frame *f)
{
    return p->frame_length - (u32)(p->upper_at - f->at);
}

/* RFC 826, for IPv4 over Ethernet. */
static void put_arp(struct text *t, const struct packet *p, const struct frame *f)
{
    const u8 *at = p->upper_at;
    put(t, S("ARP, "));
    if (p->upper_captured < 28 || load_be64(at) >> 16 != 0x000108000604) {
        put(t, S("hardware or protocol unknown"));
    } else if (load_be16(at + 6) == 1) {
        put(t, S("Request who-has "));
        put_v4(t, at + 24);
        put(t, S(" tell "));
        put_v4(t, at + 14);
    } else if (load_be16(at + 6) == 2) {
        put(t, S("Reply "));
        put_v4(t, at + 14);
        put(t, S(" is-at "));
        put_mac(t, load_be64(at + 8) >> 16);
    } else {
        put_named(t, S("operation "), load_be16(at + 6));
    }
    put_named(t, S(", length "), length_left(p, f));
}

static void put_other(struct text *t, const struct packet *p)
{
    if (p->src_mac != PACKET_NO_MAC) put_mac(t, p->src_mac);
    if (p->dst_mac != PACKET_NO_MAC) {
        put(t, S(" > "));
        put_mac(t, p->dst_mac);
    }
    if (p->src_mac != PACKET_NO_MAC) put(t, S(", "));
    put(t, S("ethertype 0x"));
    put_hex(t, p->ether_type, 4);
    put_named(t, S(", length "), p->frame_length);
}

u32 summary_write(char *to, const struct packet *p, const struct frame *f)
{
    struct text t = { to, to + SUMMARY_MAX };
    WEIR_ASSERT(p->kind != PACKET_BAD && p->upper_at >= f->at);
    switch (p->kind) {
    case PACKET_IP:  put_ip(&t, p); break;
    case PACKET_ARP: put_arp(&t, p, f); break;
    default:         put_other(&t, p);
    }
    return (u32)(t.at - to);
}
