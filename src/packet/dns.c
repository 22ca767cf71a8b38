/* SPDX-License-Identifier: Apache-2.0 */
/* dns.c: open queries by 5-tuple and id. See dns.h. */
#include "packet/dns.h"

#include <stdlib.h>

#define PROTOCOL_UDP 17
#define PORT_DNS     53
#define HEADER_BYTES 12u
#define WAYS         4u

struct query {
    u64   key; /* 0: free */
    nanos time;
};

struct dns {
    u32          mask; /* buckets - 1 */
    u64          forgotten;
    struct query query[];
};

struct dns *dns_open(u32 queries_max)
{
    u32 buckets = 1;
    while (buckets * WAYS < queries_max) buckets *= 2;
    struct dns *d = calloc(1, sizeof *d + (size_t)buckets * WAYS * sizeof d->query[0]);
    WEIR_ASSERT(d != NULL);
    d->mask = buckets - 1;
    return d;
}

void dns_close(struct dns *d)
{
    free(d);
}

u64 dns_memory(const struct dns *d)
{
    return sizeof *d + ((u64)d->mask + 1) * WAYS * sizeof d->query[0];
}

u64 dns_forgotten(const struct dns *d)
{
    return d->forgotten;
}

/* The flow's hash is keyed; the id is spread over it by an odd factor, so that ids of one flow differ in bucket. */
static u64 query_key(u64 flow, u16 id)
{
    u64 key = flow ^ (id + 1) * 0x9e3779b97f4a7c15u;
    key ^= key >> 32;
    return key ? key : 1;
}

static bool query_old(const struct query *q, nanos now)
{
    return now > q->time && (u64)now - (u64)q->time > (u64)DNS_WAIT;
}

static void query_note(struct dns *d, struct query *bucket, u64 key, nanos now)
{
    struct query *to = &bucket[0];
    for (u32 i = 0; i < WAYS; i++) {
        if (bucket[i].key == key) {
            if (query_old(&bucket[i], now)) bucket[i].time = now;
            return;
        }
        if (to->key != 0 && (bucket[i].key == 0 || bucket[i].time < to->time)) to = &bucket[i];
    }
    if (to->key != 0 && !query_old(to, now)) d->forgotten++;
    *to = (struct query){ key, now };
}

static nanos query_answer(struct query *bucket, u64 key, nanos now)
{
    for (u32 i = 0; i < WAYS; i++) {
        if (bucket[i].key != key) continue;
        bucket[i].key = 0;
        if (query_old(&bucket[i], now)) return -1;
        return now > bucket[i].time ? now - bucket[i].time : 0;
    }
    return -1;
}

enum dns_kind dns_push(struct dns *d, u64 flow, const struct packet *p, nanos *waited)
{
    *waited = -1;
    if (p->protocol != PROTOCOL_UDP || !p->ports) return DNS_NONE;
    if (p->src_port != PORT_DNS && p->dst_port != PORT_DNS) return DNS_NONE;
    if ((p->fragment && !p->first) || p->payload_captured < HEADER_BYTES) return DNS_NONE;
    const u8     *h = p->payload_at;
    u64           key = query_key(flow, (u16)(h[0] << 8 | h[1]));
    struct query *bucket = &d->query[(size_t)(key & d->mask) * WAYS];
    if ((h[2] & 0x80) == 0) {
        query_note(d, bucket, key, p->time);
        return DNS_QUERY;
    }
    *waited = query_answer(bucket, key, p->time);
    return (h[3] & 0x0f) != 0 ? DNS_ERROR : DNS_RESPONSE;
}
