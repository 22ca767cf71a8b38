/* SPDX-License-Identifier: Apache-2.0 */
/* flows.h: 5-tuples (and VLAN stack), both directions as one, across minutes.
 *
 * A flow remembers its conversation of each open minute, so that the conversations' table is asked once a flow and
 * minute, and in which minutes it was counted as a connection. Where there are no ports they are 0; ICMP has type and
 * code for the one and the id for the other, whichever way it goes.
 *
 * Silence ends it: closed TCP after 10 s, other TCP after 15 min, the rest after 5 min; but its entry stays until the
 * minutes that counted it are given out, so that none counts it twice. Past its limit the table gives up
 * the oldest that has sent a SYN and heard nothing, then, among the others, one that was silent since the hand of the
 * clock came by last (second chance). */
#pragma once

#include "packet/packet.h"
#include "packet/store.h"
#include "packet/tcp.h"

#include <string.h>

#define FLOW_CLOSED_IDLE (10 * NANOS_SECOND)
#define FLOW_TCP_IDLE    (900 * NANOS_SECOND)
#define FLOW_IDLE        (300 * NANOS_SECOND)

struct flow_key {
    addr end[2]; /* the lesser first, then by port */
    u16  port[2];
    u32  vlan;
    u8   protocol;
    u8   zero[7];
};
static_assert(sizeof(struct flow_key) == 48, "no padding: hashed and compared as bytes");

struct flow {
    u64             hash; /* 0: free */
    struct flow_key key;
    nanos           last;
    /* By parity of the minute: */
    i32 counted[2];         /* minute that it was counted in as a connection; 0: none yet */
    i32 minute[2];          /* ... that the next two are of                      */
    u32 conversation[2];
    u32 conversation_id[2];
    u32 syn_conversation;   /* where a SYN waits for its answer                  */
    u32 syn_id;             /* 0: none waits                                     */
    u32 tcp;                /* number + 1                                        */
    u32 before, after;      /* among the unanswered, number + 1                  */
    u8  starter;            /* direction of its first packet                     */
    bool embryo;            /* a SYN and nothing back: in the list               */
    bool closed;
    bool referenced;        /* since the hand came by                            */
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow) == 128, "two lines of the cache");

#define FLOW_SECRETS 7

struct flows {
    struct store     store;
    u64              secret[FLOW_SECRETS]; /* of the hash */
    struct store     tcp;  /* connections' state: none if TCP is not analysed */
    struct tcp_pool *segments;
    u32              head, tail; /* of the unanswered, number + 1 */
    u32              hand, sweep;
    u64              evicted;
};

void flows_init(struct flows *, u32 max, bool tcp, u32 segments_max);
void flows_fini(struct flows *);
u64  flows_memory(const struct flows *);

#define FLOW_OWN 2u /* beside the direction: both addresses are one */

/* Gives the direction: 0 if the key's first end sent p. hash: never 0, keyed as hash.h wants it. */
u32 flow_key_make(const struct flows *, struct flow_key *, u64 *hash, const struct packet *p);

static inline bool flow_key_eq(const struct flow_key *a, const struct flow_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline struct flow *flows_get(const struct flows *f, u32 number)
{
    return store_get(&f->store, number);
}

struct flow *flows_push_any(struct flows *, const struct flow_key *, u64 hash, u32 dir, const struct packet *p);

/* Finds or adds; may evict others. guess: from store_guess, or UINT32_MAX. The flow is that of p from now on:
 * direction, time and list are brought up to date. Lent until the next call. */
static inline struct flow *flows_push(struct flows *f, const struct flow_key *key, u64 hash, u32 guess, u32 dir,
                                      const struct packet *p)
{
    if (__builtin_expect(guess == UINT32_MAX, 0)) return flows_push_any(f, key, hash, dir, p);
    struct flow *it = flows_get(f, guess);
    bool         right = it->hash == hash && flow_key_eq(&it->key, key);
    if (!right || it->embryo || (p->time > it->last && (u64)p->time - (u64)it->last > (u64)FLOW_CLOSED_IDLE))
        return flows_push_any(f, key, hash, dir, p);
    if (p->time > it->last) it->last = p->time; /* shorter silence than any that ends one */
    it->referenced = true;
    return it;
}

struct tcp *flows_tcp_first(struct flows *, struct flow *);

/* The connection's state; TCP is analysed. */
static inline struct tcp *flows_tcp(struct flows *f, struct flow *it)
{
    return it->tcp ? store_get(&f->tcp, it->tcp - 1) : flows_tcp_first(f, it);
}

/* Looks at the next n entries and gives up those that were silent for too long. sealed: the last minute given out. */
void flows_sweep(struct flows *, nanos now, i32 sealed, u32 n);
