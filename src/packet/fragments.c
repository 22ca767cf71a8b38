/* SPDX-License-Identifier: Apache-2.0 */
/* fragments.c: a set-associative table of first fragments: a hash chooses four cells, a full bucket's oldest gives way.
 *
 * One cell is a cache line. Nothing is removed when a datagram is complete: parts come in any order, and a copy of
 * the middle one may follow the last. Age is the distance of the frames' own times, whichever is the later. */
#include "packet/fragments.h"

#include "packet/explain.h"
#include "weir/hash.h"

#include <stdlib.h>

#define BUCKET_CELLS 4u
#define AGE_MAX      ((u64)(30 * NANOS_SECOND))

/* What all parts of a datagram have in common (RFC 791 section 3.2, RFC 8200 section 4.5), within a VLAN. */
struct fragment_key {
    addr src, dst;
    u32  id;
    u32  vlan;
    u32  protocol;
};
static_assert(sizeof(struct fragment_key) == 44, "hashed and compared as bytes: no padding");

/*    0  key   44  of the datagram
 *   44  ports  4  source, destination
 *   48  hash   8  of the key; 0 marks a free cell
 *   56  seen   8  time of the first fragment */
struct fragment_cell {
    struct fragment_key key;
    u16                 src_port, dst_port;
    u64                 hash;
    nanos               seen;
};
static_assert(sizeof(struct fragment_cell) == 64, "a cell is a cache line");

struct fragments {
    u64                     buckets; /* a power of two */
    struct fragment_cell   *cell;    /* buckets * BUCKET_CELLS */
    struct fragments_counts counts;
};

struct fragments *fragments_open(u32 entries)
{
    struct fragments *f = calloc(1, sizeof *f);
    WEIR_ASSERT(f != NULL);
    f->buckets = 1;
    while (f->buckets * BUCKET_CELLS < entries) f->buckets *= 2;
    size_t size = f->buckets * BUCKET_CELLS * sizeof *f->cell;
    f->cell = aligned_alloc(sizeof *f->cell, size);
    WEIR_ASSERT(f->cell != NULL);
    memset(f->cell, 0, size);
    return f;
}

void fragments_close(struct fragments *f)
{
    if (f == NULL) return;
    free(f->cell);
    free(f);
}

static u64 age_of(const struct fragment_cell *c, nanos now)
{
    return now > c->seen ? (u64)now - (u64)c->seen : (u64)c->seen - (u64)now;
}

static bool cell_holds(const struct fragment_cell *c, const struct fragment_key *key, u64 hash)
{
    return c->hash == hash && memcmp(&c->key, key, sizeof *key) == 0;
}

/* The datagram's own cell, a free one, else that of the greatest age. */
static struct fragment_cell *cell_choose(struct fragment_cell *bucket, const struct fragment_key *key, u64 hash,
                                         nanos now)
{
    struct fragment_cell *oldest = bucket;
    for (u32 i = 0; i < BUCKET_CELLS; i++) {
        struct fragment_cell *c = &bucket[i];
        if (cell_holds(c, key, hash)) return c;
        if (oldest->hash == 0) continue;
        if (c->hash == 0 || age_of(c, now) > age_of(oldest, now)) oldest = c;
    }
    return oldest;
}

static void first_push(struct fragments *f, struct fragment_cell *bucket, const struct fragment_key *key, u64 hash,
                       const struct packet *p)
{
    struct fragment_cell *c = cell_choose(bucket, key, hash, p->time);
    if (c->hash != 0 && !cell_holds(c, key, hash) && age_of(c, p->time) <= AGE_MAX) f->counts.evicted++;
    *c = (struct fragment_cell){ *key, p->src_port, p->dst_port, hash, p->time };
    f->counts.remembered++;
}

static void later_push(struct fragments *f, const struct fragment_cell *bucket, const struct fragment_key *key,
                       u64 hash, struct packet *p)
{
    for (u32 i = 0; i < BUCKET_CELLS; i++) {
        const struct fragment_cell *c = &bucket[i];
        if (!cell_holds(c, key, hash) || age_of(c, p->time) > AGE_MAX) continue;
        p->ports = true;
        p->src_port = c->src_port;
        p->dst_port = c->dst_port;
        f->counts.found++;
        return;
    }
    f->counts.orphans++;
}

/* Others have nothing to remember: their parts are neither found nor orphans. */
static bool protocol_is_remembered(u32 protocol)
{
    return protocol_is_ported(protocol) || protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMP6;
}

void fragments_push(struct fragments *f, struct packet *p)
{
    if (p->kind != PACKET_IP || !p->fragment || !protocol_is_remembered(p->protocol)) return;
    if (p->first && !p->ports) return;
    struct fragment_key   key = { p->src, p->dst, p->fragment_id, p->vlan, p->protocol };
    u64                   hash = hash_bytes(&key, sizeof key);
    struct fragment_cell *bucket = f->cell + (hash & (f->buckets - 1)) * BUCKET_CELLS;
    if (p->first) first_push(f, bucket, &key, hash, p);
    else          later_push(f, bucket, &key, hash, p);
}

const struct fragments_counts *fragments_counts(const struct fragments *f)
{
    return &f->counts;
}
