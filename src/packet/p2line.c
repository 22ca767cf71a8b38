/* SPDX-License-Identifier: Apache-2.0 */
/* p2line.c: columns in order, straight from the record: a minute has 100,000 lines. See p2line.h. */
#include "packet/p2line.h"

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

struct text {
    char *at;
};

static const char digits_two[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* --- numbers --- */

char *p2line_u64(char *p, u64 n)
{
    char room[20], *at = room + sizeof room;
    if (n < 10) {
        *p = (char)('0' + n);
        return p + 1;
    }
    while (n >= 100) {
        at -= 2;
        memcpy(at, digits_two + n % 100 * 2, 2);
        n /= 100;
    }
    if (n >= 10) {
        at -= 2;
        memcpy(at, digits_two + n * 2, 2);
    } else {
        *--at = (char)('0' + n);
    }
    size_t len = (size_t)(room + sizeof room - at);
    memcpy(p, at, len);
    return p + len;
}

/* Seconds with nine digits. */
static char *put_seconds(char *p, u64 ns)
{
    p = p2line_u64(p, ns / 1000000000);
    u32 rest = (u32)(ns % 1000000000);
    *p = '.';
    for (u32 i = 4; i > 0; i--, rest /= 100) memcpy(p + 2 * i, digits_two + rest % 100 * 2, 2);
    p[1] = (char)('0' + rest);
    return p + 10;
}

char *p2line_time(char *p, nanos t)
{
    if (t < 0) *p++ = '-';
    return put_seconds(p, t < 0 ? 0 - (u64)t : (u64)t);
}

char *p2line_mac(char *p, u64 mac)
{
    static const char hex[] = "0123456789abcdef";
    if (mac == PACKET_NO_MAC) {
        *p = '-';
        return p + 1;
    }
    for (u32 i = 0; i < 6; i++) {
        u32 b = (u32)(mac >> (40 - 8 * i)) & 0xff;
        if (i > 0) *p++ = ':';
        *p++ = hex[b >> 4];
        *p++ = hex[b & 15];
    }
    return p;
}

char *p2line_vlan(char *p, u32 vlan)
{
    if (vlan != PACKET_NO_VLAN) return p2line_u64(p, vlan & 0xfff);
    *p = '-';
    return p + 1;
}

/* --- columns, each with the space behind it --- */

static void put_null(struct text *t)
{
    *t->at++ = '-';
    *t->at++ = ' ';
}

static void put_u64(struct text *t, u64 n)
{
    t->at = p2line_u64(t->at, n);
    *t->at++ = ' ';
}

static void put_pair(struct text *t, u64 src, u64 dst)
{
    put_u64(t, src);
    put_u64(t, dst);
}

static void put_known(struct text *t, bool known, u64 n)
{
    if (known) put_u64(t, n);
    else put_null(t);
}

static void put_sample(struct text *t, u64 n, u64 sum, u64 min, u64 max)
{
    if (n == 0) {
        put_null(t);
        return;
    }
    u64 avg = sum / n + (sum % n >= n - n / 2); /* to the nearest */
    t->at = p2line_u64(t->at, n);
    *t->at++ = ':';
    t->at = put_seconds(t->at, min);
    *t->at++ = ':';
    t->at = put_seconds(t->at, avg);
    *t->at++ = ':';
    t->at = put_seconds(t->at, max);
    *t->at++ = ' ';
}

static void put_sampling(struct text *t, const struct sample *s)
{
    put_sample(t, s->n, s->sum, s->min, s->max);
}

static void put_gap(struct text *t, const struct way *w)
{
    put_sample(t, w->packets > 1 ? w->packets - 1 : 0, w->gap_sum, w->gap_min, w->gap_max);
}

static void put_bins(struct text *t, const struct way *w)
{
    for (u32 i = 0; i < SIZES; i++) {
        t->at = p2line_u64(t->at, w->sizes[i]);
        *t->at++ = i + 1 < SIZES ? ',' : ' ';
    }
}

static void put_ports(struct text *t, const struct ports *p)
{
    put_known(t, p->known, ports_count(p));
}

/* --- what all files have: columns 1-32 --- */

static void put_ends(struct text *t, const struct conversation *it, u32 src)
{
    t->at += addr_format(&it->key.end[src], t->at);
    *t->at++ = ' ';
    t->at += addr_format(&it->key.end[src ^ 1], t->at);
    *t->at++ = ' ';
    put_u64(t, it->key.protocol);
    t->at = p2line_mac(t->at, it->mac[src]);
    *t->at++ = ' ';
    t->at = p2line_mac(t->at, it->mac[src ^ 1]);
    *t->at++ = ' ';
    t->at = p2line_vlan(t->at, it->key.vlan);
    *t->at++ = ' ';
    t->at = p2line_time(t->at, it->first);
    *t->at++ = ' ';
    t->at = p2line_time(t->at, conversation_last(it));
    *t->at++ = ' ';
}

static void put_common(struct text *t, const struct conversation *it, u32 src, bool ports)
{
    const struct way *s = &it->way[src], *d = &it->way[src ^ 1];
    put_ends(t, it, src);
    put_u64(t, it->connections);
    put_pair(t, s->packets, d->packets);
    put_pair(t, s->bytes, d->bytes);
    put_pair(t, s->payload, d->payload);
    put_known(t, s->packets > 0, s->size_min);
    put_known(t, d->packets > 0, d->size_min);
    put_known(t, s->packets > 0, s->size_max);
    put_known(t, d->packets > 0, d->size_max);
    put_known(t, s->packets > 0, s->ttl_min);
    put_known(t, d->packets > 0, d->ttl_min);
    put_pair(t, s->ttl1, d->ttl1);
    put_pair(t, s->fragments, d->fragments);
    put_bins(t, s);
    put_bins(t, d);
    put_gap(t, s);
    put_gap(t, d);
    if (!ports) {
        for (u32 i = 0; i < 3; i++) put_null(t);
        return;
    }
    i32 top = way_top_port(s);
    put_ports(t, &it->ports[src]);
    put_ports(t, &it->ports[src ^ 1]);
    put_known(t, top >= 0, (u64)top);
}

/* --- columns 33-65 of TCP, 33-36 of UDP --- */

static void put_analysis(struct text *t, const struct way *s, const struct way *d)
{
    put_pair(t, s->retransmissions, d->retransmissions);
    put_pair(t, s->retransmitted, d->retransmitted);
    put_pair(t, s->out_of_order, d->out_of_order);
    put_pair(t, s->dup_ack, d->dup_ack);
    put_pair(t, s->zero_window, d->zero_window);
}

static void put_nulls(struct text *t, u32 n)
{
    while (n-- > 0) put_null(t);
}

static void put_tcp(struct text *t, const struct conversation *it, u32 src, bool analysed)
{
    const struct way *s = &it->way[src], *d = &it->way[src ^ 1];
    put_pair(t, s->syn, d->syn);
    put_pair(t, s->synack, d->synack);
    put_pair(t, s->fin, d->fin);
    put_pair(t, s->rst, d->rst);
    put_pair(t, s->psh, d->psh);
    put_pair(t, s->pure_ack, d->pure_ack);
    if (analysed) put_analysis(t, s, d);
    else put_nulls(t, 10);
    put_known(t, s->segments, s->window_min);
    put_known(t, d->segments, d->window_min);
    put_known(t, s->segments, s->segment_max);
    put_known(t, d->segments, d->segment_max);
    if (!analysed) {
        put_nulls(t, 7);
        return;
    }
    put_sampling(t, &it->tcp.rtt[src]);
    put_sampling(t, &it->tcp.rtt[src ^ 1]);
    put_sampling(t, &it->tcp.setup);
    put_sampling(t, &it->tcp.response);
    put_u64(t, it->tcp.established);
    put_u64(t, it->tcp.refused);
    put_u64(t, it->tcp.unanswered);
}

static void put_dns(struct text *t, const struct conversation *it)
{
    put_pair(t, it->dns.queries, it->dns.responses);
    put_u64(t, it->dns.errors);
    put_sampling(t, &it->dns.time);
}

size_t p2line_write(char *to, const struct conversation *it, const struct p2line_how *how)
{
    struct text t = { to };
    u32         src = conversation_src(it);
    bool        tcp = it->key.protocol == PROTOCOL_TCP, udp = it->key.protocol == PROTOCOL_UDP;
    put_common(&t, it, src, tcp || udp);
    if (tcp) put_tcp(&t, it, src, how->tcp);
    else if (udp) put_dns(&t, it);
    t.at[-1] = '\n';
    WEIR_ASSERT((size_t)(t.at - to) <= P2LINE_MAX);
    return (size_t)(t.at - to);
}
