/* SPDX-License-Identifier: Apache-2.0 */
/* tcp.h: what a segment means within its connection: new, resent, out of order, acknowledging, how fast.
 *
 * Definitions: formats of P2, section 4. Sequence numbers wrap (RFC 1982 arithmetic); Karn's rule for round trips. A
 * connection may begin in the middle, and one direction may be missing. What is missing of a direction is a list of
 * holes: eight for both directions; past them the lowest is forgotten, and what fills it counts as resent. A
 * connection's memory is fixed but for segments in flight, which stand in a pool of fixed size shared by all: a
 * direction has at most a 64th of what is free, and eight while the other end was never heard. Past that the newest is
 * not measured: counted. Measured round trips are right then, only fewer. */
#pragma once

#include "packet/packet.h"

enum tcp_event {
    /* Payload, SYN or FIN that ends at or below the highest number seen is one of these three. */
    TCP_IS_RETRANSMISSION = 1u << 0,
    TCP_IS_OUT_OF_ORDER = 1u << 1,   /* fills a hole sooner than it could have been sent again: within the handshake's
                                        round trip, or 3 ms where that is unknown */
    TCP_IS_KEEP_ALIVE = 1u << 4,     /* at most one byte, the last one, which the other end has */
    TCP_IS_DUP_ACK = 1u << 2,        /* says what the last one did, and answers no keep-alive */
    TCP_IS_ZERO_WINDOW = 1u << 3,    /* RST left out */
    TCP_IS_WINDOW_PROBE = 1u << 5,   /* one new byte into a zero window: the highest number stays */
    TCP_IS_PURE_ACK = 1u << 6,
    TCP_IS_ESTABLISHED = 1u << 7,    /* this segment completed the handshake; never of a connection met midway */
    TCP_IS_REFUSED = 1u << 8,        /* RST that answers a SYN, once a connection */
    TCP_IS_FIRST_SYN = 1u << 9,      /* opens: an answer is awaited from now on */
    TCP_IS_ANSWER = 1u << 10,        /* the first segment back: the SYN is answered */
    TCP_IS_CLOSED = 1u << 11,        /* by RST, or by both FINs and the last ACK: its entry may go soon */
    TCP_IS_ANEW = 1u << 12,          /* a SYN with other numbers on a closed or old 5-tuple: another connection */
};

struct tcp_seen {
    u32   events;   /* enum tcp_event                                                                   */
    u32   resent;   /* payload bytes of a retransmission                                                */
    nanos rtt;      /* this ACK acknowledges a segment that the *other* end sent so long ago; -1        */
    nanos setup;    /* first SYN to this ACK of the SYN-ACK; -1                                         */
    nanos response; /* last request byte to this first reply byte, where it is known who opened; -1     */
};

struct tcp;      /* one connection's state: tcp_size() bytes, aligned to 8; zeroed = nothing seen yet */
struct tcp_pool; /* segments in flight of all connections                                             */

struct tcp_pool_counts {
    u64 live, most;
    u64 forgotten; /* segments whose round trip was not measured for want of room or of patience */
};

struct tcp_pool *tcp_pool_open(u32 segments_max);
void             tcp_pool_close(struct tcp_pool *);
const struct tcp_pool_counts *tcp_pool_counts(const struct tcp_pool *);
u64              tcp_pool_memory(const struct tcp_pool *);

size_t tcp_size(void);

/* dir: 0 or 1, which end sent p; any numbering, the same for the connection's life. p: PACKET_IP, protocol TCP, header
 * whole. Time may step back: a span is 0 then. */
void tcp_push(struct tcp *, struct tcp_pool *, u32 dir, const struct packet *p, struct tcp_seen *out);

/* Asks the memory ahead of time for what tcp_push will touch of the pool; changes nothing. */
void tcp_fetch(const struct tcp *, const struct tcp_pool *, u32 dir);

/* Which end opened (sent the first SYN without ACK): 0, 1, or -1. */
int tcp_opener(const struct tcp *);

/* Gives the connection's segments back to the pool and zeroes it. */
void tcp_forget(struct tcp *, struct tcp_pool *);
