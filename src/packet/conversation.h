/* SPDX-License-Identifier: Apache-2.0 */
/* conversation.h: what two addresses said to each other in one minute, by protocol and VLAN stack.
 *
 * Both directions are kept by end (0: the lesser address), and which of them is `src` is decided when the record is
 * given out: the sender of the first SYN without ACK, else of the first packet. Between equal addresses end 0 is, in
 * each 5-tuple, the one that sent its first packet.
 *
 * Distinct ports: exact up to PORTS_FEW an end; past that exact in a set of 65,536 bits while one of PORT_SETS_MAX is
 * free; else linear counting over PORTS_BITS bits (Whang 1990): a tenth off up to 100 ports, and never above 621.
 * Most frequent port: space-saving (Metwally 2005) over TOPS ports: one with more than a quarter of the packets is in
 * it. */
#pragma once

#include "packet/packet.h"
#include "packet/store.h"
#include "packet/tcp.h"

#define PORTS_FEW     8u
#define PORTS_BITS    (PORTS_FEW * 16)
#define PORT_SETS_MAX 4096u
#define SIZES         7u
#define TOPS          4u
#define CLASSES       4u /* by packets: 1, 2-3, 4-15, 16 and more */

struct conversation_key {
    addr end[2]; /* the lesser first */
    u32  vlan;   /* as packet.vlan   */
    u8   protocol;
    u8   zero[3];
};
static_assert(sizeof(struct conversation_key) == 40, "no padding: hashed and compared as bytes");

/* Durations in ns; n 0: none. */
struct sample {
    u64 n, sum, min, max;
};

/* What one end sent. The first two lines are all that an ordinary packet writes. Counters are u32 since a conversation
 * is given out before a direction has 2^32 packets. */
struct way {
    u32   packets, size_min, size_max, segment_max; /* segment_max: largest TCP payload */
    u64   bytes, payload;
    nanos last;                      /* the latest                  */
    u64   gap_sum, gap_min, gap_max; /* of packets - 1 gaps         */

    u32 sizes[SIZES]; /* <= 64, 128, 256, 512, 1024, 1518, larger */
    u8  ttl_min;
    u8  tops : 4, segments : 1; /* segments: a whole TCP header was there */
    u16 window_min;
    u32 top_count[TOPS]; /* of ports that this end sent to */
    u16 top_port[TOPS];
    u32 psh, pure_ack;

    u32 ttl1, fragments;
    u32 syn, synack, fin, rst;
    u32 retransmissions, out_of_order, dup_ack, zero_window;
    u64 retransmitted;
    u64 zero[2];
};
static_assert(offsetof(struct way, sizes) == 64 && offsetof(struct way, ttl1) == 128, "lines of the cache");
static_assert(sizeof(struct way) == 192, "whole lines of the cache");

struct ports {
    u16 few[PORTS_FEW]; /* or PORTS_BITS bits   */
    u32 n;              /* distinct; estimated: bits set */
    u32 set;            /* number + 1           */
    bool estimated, known;
};

/*   0  hash   u64, 0: given out
 *   8  key
 *  48  id     u32, one for each conversation there ever was
 *  52  minute, as the caller counts: never 0
 *  56  what its first packets change, and each of its connections
 *  64  what most packets leave alone */
struct conversation {
    u64                     hash;
    struct conversation_key key;
    u32                     id;
    i32                     minute;
    u8                      class, spoken; /* spoken: packets of both, up to the highest class's */
    u8                      starter;
    u8                      syn_seen : 1, syn_from : 1;
    u32                     connections;
    nanos                   first;         /* of packets of either direction  */
    u32                     before, after; /* in order of arrival, number + 1 */
    u32                     up, down;      /* in its class                    */
    u64                     mac[2];
    struct way              way[2] __attribute__((aligned(64)));
    struct ports            ports[2];
    union {
        struct {
            struct sample rtt[2]; /* of what each end sent: a line, as the others are seldom written */
            u32           established, refused, unanswered;
            struct sample setup, response;
        } tcp;
        struct {
            u32           queries, responses, errors;
            struct sample time;
        } dns;
    } __attribute__((aligned(64)));
};
static_assert(offsetof(struct conversation, first) == 64, "a line of the cache begins");
static_assert(offsetof(struct conversation, way) == 128, "a line of the cache begins");

struct conversation_list {
    u32 head, tail; /* number + 1 */
};

/* The conversations of two open minutes: minute m stands in [m & 1]. */
struct conversations {
    struct store             store;
    struct store             sets; /* of ports; 8 bytes of a header, then the bits */
    struct conversation_list arrived[2];
    struct conversation_list classes[2][CLASSES];
    u32                      id;
};

void conversations_init(struct conversations *, u32 max);
void conversations_fini(struct conversations *);
u64  conversations_memory(const struct conversations *);

static inline struct conversation *conversations_get(const struct conversations *c, u32 number)
{
    return store_get(&c->store, number);
}

u64 conversation_hash(const struct conversation_key *, i32 minute);

/* UINT32_MAX: there is none. */
u32  conversations_find(const struct conversations *, const struct conversation_key *, u64 hash, i32 minute);
/* There must be room. from: the end that sent p. */
u32  conversations_add(struct conversations *, const struct conversation_key *, u64 hash, i32 minute, u32 from,
                       const struct packet *p);
/* Takes it out: it was given out. */
void conversations_drop(struct conversations *, u32 number);
/* Asks the memory for what conversations_drop of those after this one in order of arrival will touch. */
void conversations_fetch_next(const struct conversations *, u32 number);
/* Of this parity, the longest in the lowest class, UINT32_MAX: none. */
u32  conversations_least(const struct conversations *, u32 parity);

/* Ports of a 5-tuple that is new in this minute. */
void conversations_ports(struct conversations *, struct conversation *, const u16 port[2]);
u32  ports_count(const struct ports *);

/* Adds a packet that end `from` sent; class and times, too. Whether it is a segment: packet_is_segment. */
bool conversations_fold(struct conversations *, u32 number, u32 from, const struct packet *p);
void conversation_fold_tcp(struct conversation *, u32 from, const struct tcp_seen *seen);
nanos conversation_last(const struct conversation *);
/* Which end is src: 0, 1. */
u32  conversation_src(const struct conversation *);
/* The port sent to most by this end, the lowest of equals; -1: none. */
i32  way_top_port(const struct way *);

/* TCP header whole: not a later fragment, not cut. */
static inline bool packet_is_segment(const struct packet *p)
{
    return p->protocol == 6 && p->ports && (!p->fragment || p->first) && p->fault != PACKET_TRANSPORT_SHORT &&
           p->fault != PACKET_TCP_HEADER_LENGTH;
}

static inline void sample_add(struct sample *s, nanos d)
{
    u64 v = d < 0 ? 0 : (u64)d;
    if (s->n == 0 || v < s->min) s->min = v;
    if (v > s->max) s->max = v;
    s->n++;
    if (__builtin_add_overflow(s->sum, v, &s->sum)) s->sum = UINT64_MAX;
}
