/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_state.h: a connection's bytes, and what tcp.c, tcp_segments.c and tcp_ranges.c share. Nobody else includes it.
 *
 * Three cache lines: the first is all that a segment in turn and its acknowledgement touch; the second is the
 * handshake's and the response time's; holes, mostly none, are the rest. */
#pragma once

#include "packet/tcp.h"

#define TCP_HOLES 8u

/* RFC 1982: how far a is ahead of b. */
static inline i32 tcp_ahead(u32 a, u32 b)
{
    return (i32)(a - b);
}

enum way_mark {
    WAY_SEEN = 1u << 0,       /* next and window are known                                          */
    WAY_ACKED = 1u << 1,      /* ack is known                                                       */
    WAY_SYN = 1u << 2,        /* base is that of a SYN                                              */
    WAY_SYN_TWICE = 1u << 3,  /* ... sent again before it was acknowledged: Karn                    */
    WAY_SYN_WAITS = 1u << 4,  /* ... without payload, not yet acknowledged: its time is in syn_at   */
    WAY_FIN = 1u << 5,        /* next is past a FIN                                                 */
    WAY_PROBE = 1u << 6,      /* the byte at next was sent into a zero window, and was not taken    */
    WAY_KEEP_ALIVE = 1u << 7, /* the last segment was one                                           */
};

enum tcp_mark {
    TCP_ANSWERED = 1u << 0,
    TCP_DONE_SETUP = 1u << 1,
    TCP_DONE_REFUSED = 1u << 2,
    TCP_DONE = 1u << 3,
    TCP_ASKED = 1u << 4, /* the client has sent since the server last did */
};

/* One direction, named by its sender.
 *    0  next    u32  past the highest sequence number seen
 *    4  ack     u32  last acknowledgement sent
 *    8  oldest  u32  segments in flight, ascending; 0: none
 *   12  newest  u32
 *   16  flight  u16  how many
 *   18  window  u16  last one told, unscaled
 *   20  marks   u16  enum way_mark
 *   22  holes   u16  */
struct way {
    u32 next, ack;
    u32 oldest, newest;
    u16 flight, window;
    u16 marks;
    u16 holes;
};

/* start..end was jumped over at `at` (ns >> 16: turns after 78 hours). */
struct hole {
    u32 start, end, at;
};

/*    0  way       one direction each
 *   48  marks     u8   enum tcp_mark
 *   49  opener    u8   direction + 1; 0: unknown
 *   50  client    u8   likewise, known by a SYN-ACK, too
 *   52  round     u32  the handshake's round trip, ns >> 16; 0: unknown
 *   56  asked_at  i64  last byte of the client's request
 *   64  syn_at    i64  first SYN of each
 *   80  base      u32  sequence number of the SYN, or of the first segment seen
 *   88  hole      the first direction's from the front, ascending; the second's from the back
 *  184            */
struct tcp {
    struct way  way[2];
    u8          marks, opener, client;
    u32         round;
    nanos       asked_at;
    nanos       syn_at[2];
    u32         base[2];
    struct hole hole[TCP_HOLES];
};
static_assert(sizeof(struct way) == 24 && offsetof(struct tcp, syn_at) == 64, "one line for the common path");
static_assert(sizeof(struct tcp) <= 192, "three lines");

/* A segment in flight, or a free place: links are indices, 0 is none.
 *    0  at      i64  first sent
 *    8  start   u32
 *   12  end     u32
 *   16  next    u32  younger one, or next free
 *   20  resent  u32  Karn: measures nothing */
struct segment {
    nanos at;
    u32   start, end;
    u32   next;
    u32   resent;
};

struct tcp_pool {
    struct segment        *at; /* [0] unused */
    u32                    max, touched, free;
    struct tcp_pool_counts counts;
};

/* --- tcp_segments.c --- */

/* A new segment ends past all others. Past the limits of tcp.h it is not remembered, counted. */
void segments_add(struct tcp_pool *, struct way *, bool heard, const struct segment *);
/* One that fills a hole, where it belongs. */
void segments_insert(struct tcp_pool *, struct way *, bool heard, const struct segment *);
/* start..end was sent again: what overlaps measures nothing. Looks at 64 segments; past them all are forgotten. */
void segments_spoil(struct tcp_pool *, struct way *, u32 start, u32 end);
/* Acknowledged up to `ack`. The time of the segment that ends there, unless it was resent; NANOS_MIN: none. */
nanos segments_release(struct tcp_pool *, struct way *, u32 ack);
void  segments_drop(struct tcp_pool *, struct way *);

/* --- tcp_ranges.c --- */

/* start..end was jumped over. */
void holes_add(struct tcp *, u32 dir, u32 start, u32 end, nanos now);
/* Fills. False: all of start..end was there. Else `age` is that of the youngest hole touched, ns >> 16. */
bool holes_fill(struct tcp *, u32 dir, u32 start, u32 end, nanos now, u32 *age);
/* What lies below `ack` was received, though not seen. */
void holes_prune(struct tcp *, u32 dir, u32 ack);
