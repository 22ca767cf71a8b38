/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp.c: conversations of a few segments, and what each segment is said to be.
 *
 * A scenario is a table: who sends (0: the end that opens, where one does), when (ms), flags, numbers relative to the
 * ends' first ones, and what must come out. Each is played from several first numbers, so that each step wraps. */
#include "packet/tcp.h"

#include <stdlib.h>

#include "../unit.h"

#define Y   TCP_SYN
#define A   TCP_ACK
#define F   TCP_FIN
#define R   TCP_RST
#define P   TCP_PSH
#define WIN 1000

#define FIRST  TCP_IS_FIRST_SYN
#define ANSWER TCP_IS_ANSWER
#define EST    TCP_IS_ESTABLISHED
#define PURE   TCP_IS_PURE_ACK
#define RETR   TCP_IS_RETRANSMISSION
#define OOO    TCP_IS_OUT_OF_ORDER
#define DUP    TCP_IS_DUP_ACK
#define ZERO   TCP_IS_ZERO_WINDOW
#define KEEP   TCP_IS_KEEP_ALIVE
#define PROBE  TCP_IS_WINDOW_PROBE
#define CLOSED TCP_IS_CLOSED
#define MS     ((nanos)1000000)

/* Times of `out` in ms; 0 stands for none, so no scenario has a span of 0. */
struct row {
    u32 dir, ms, flags, seq, ack, payload, window;
    u32 events;
    u32 rtt, setup, response;
};

static struct packet row_packet(const struct row *r, const u32 *from)
{
    return (struct packet){ .kind = PACKET_IP,
                            .protocol = 6,
                            .time = (nanos)1700000000 * NANOS_SECOND + r->ms * MS,
                            .tcp_flags = (u8)r->flags,
                            .seq = r->seq + from[r->dir],
                            .ack = r->flags & A ? r->ack + from[!r->dir] : 0,
                            .payload = r->payload,
                            .window = (u16)r->window };
}

static nanos told(u32 ms)
{
    return ms ? ms * MS : -1;
}

static void play_from(const struct row *row, size_t rows, u32 swap, const u32 *from)
{
    struct tcp_pool *pool = tcp_pool_open(1000);
    struct tcp      *t = calloc(1, tcp_size());
    struct tcp_seen  seen;
    for (size_t i = 0; i < rows; i++) {
        struct packet p = row_packet(&row[i], from);
        tcp_push(t, pool, row[i].dir ^ swap, &p, &seen);
        if (seen.events != row[i].events)
            fail_msg("row %zu from %u: events %#x, not %#x", i, from[0], seen.events, row[i].events);
        if (seen.rtt != told(row[i].rtt)) fail_msg("row %zu: round trip %lld", i, (long long)seen.rtt);
        if (seen.setup != told(row[i].setup)) fail_msg("row %zu: setup %lld", i, (long long)seen.setup);
        if (seen.response != told(row[i].response)) fail_msg("row %zu: response %lld", i, (long long)seen.response);
        assert_int_equal(seen.resent, seen.events & RETR ? row[i].payload : 0);
    }
    tcp_forget(t, pool);
    assert_int_equal(tcp_pool_counts(pool)->live, 0);
    assert_int_equal(tcp_pool_counts(pool)->forgotten, 0);
    free(t);
    tcp_pool_close(pool);
}

static void play(const struct row *row, size_t rows)
{
    for (u32 swap = 0; swap < 2; swap++) {
        play_from(row, rows, swap, (u32[2]){ 1000, 5000000 });
        for (u32 back = 0; back < 420; back += 7) play_from(row, rows, swap, (u32[2]){ 0u - back, 0u - back * 2 });
        play_from(row, rows, swap, (u32[2]){ 0x80000000u - 100, 0x80000000u - 301 });
    }
}

#define PLAY(...)                                        \
    do {                                                 \
        static const struct row rows_[] = { __VA_ARGS__ }; \
        play(rows_, WEIR_COUNT(rows_));                  \
    } while (0)

/* SYN at 0, SYN-ACK at 10, ACK at 12: a round trip of 10 ms beyond, 2 ms before the probe. */
#define HANDSHAKE                                          \
    { 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },             \
    { 1, 10, Y | A, 0, 1, 0, WIN, ANSWER, 10, 0, 0 },      \
    { 0, 12, A, 1, 1, 0, WIN, PURE | EST, 2, 12, 0 }

TEST(tcp_tells_handshake_request_reply_and_close)
{
    PLAY(HANDSHAKE,
         { 0, 20, A | P, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 31, A, 1, 101, 0, WIN, PURE, 11, 0, 0 },
         { 1, 50, A | P, 1, 101, 60, WIN, 0, 0, 0, 30 },
         { 1, 51, A | P, 61, 101, 40, WIN, 0, 0, 0, 0 },
         { 0, 53, A, 101, 101, 0, WIN, PURE, 2, 0, 0 },
         { 0, 60, A | F, 101, 101, 0, WIN, 0, 0, 0, 0 },
         { 1, 71, A | F, 101, 102, 0, WIN, 0, 11, 0, 0 },
         { 0, 73, A, 102, 102, 0, WIN, PURE | CLOSED, 2, 0, 0 });
}

TEST(tcp_measures_each_acknowledged_end_and_no_other)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 21, A, 101, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 22, A, 201, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 40, A, 1, 151, 0, WIN, PURE, 0, 0, 0 }, /* no end of a segment           */
         { 1, 41, A, 1, 301, 0, WIN, PURE, 19, 0, 0 }, /* both, told of the last       */
         { 1, 45, A, 1, 201, 0, WIN, PURE, 0, 0, 0 }); /* old: overtaken on the way    */
}

TEST(tcp_never_measures_what_was_sent_twice)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 21, A, 101, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 300, A, 1, 1, 100, WIN, RETR, 0, 0, 0 },
         { 1, 310, A, 1, 101, 0, WIN, PURE, 0, 0, 0 },
         { 1, 311, A, 1, 201, 0, WIN, PURE, 290, 0, 0 },
         { 0, 400, A, 201, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 600, A, 201, 1, 150, WIN, 0, 0, 0, 0 }, /* sent again with more: new, but not measured */
         { 1, 610, A, 1, 351, 0, WIN, PURE, 0, 0, 0 },
         { 0, 700, A, 1, 1, 100, WIN, RETR, 0, 0, 0 }); /* long acknowledged */
}

TEST(tcp_tells_out_of_order_from_resent_by_holes_and_time)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 21, A, 201, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 22, A, 101, 1, 100, WIN, OOO, 0, 0, 0 }, /* sooner than a round trip      */
         { 1, 33, A, 1, 201, 0, WIN, PURE, 11, 0, 0 }, /* and measured                  */
         { 1, 34, A, 1, 301, 0, WIN, PURE, 13, 0, 0 },
         { 0, 40, A, 401, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 60, A, 301, 1, 100, WIN, RETR, 0, 0, 0 }, /* lost before the probe        */
         { 0, 61, A, 301, 1, 100, WIN, RETR, 0, 0, 0 }, /* nothing is missing any more  */
         { 1, 70, A, 1, 501, 0, WIN, PURE, 30, 0, 0 });
}

TEST(tcp_fills_a_hole_in_parts)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 401, 1, 20, WIN, 0, 0, 0, 0 },
         { 0, 21, A, 101, 1, 100, WIN, OOO, 0, 0, 0 }, /* in the middle */
         { 0, 22, A, 101, 1, 100, WIN, RETR, 0, 0, 0 },
         { 0, 23, A, 1, 1, 100, WIN, OOO, 0, 0, 0 },
         { 0, 24, A, 201, 1, 50, WIN, OOO, 0, 0, 0 },
         { 0, 25, A, 351, 1, 50, WIN, OOO, 0, 0, 0 },
         { 0, 26, A, 251, 1, 100, WIN, OOO, 0, 0, 0 },
         { 0, 27, A, 251, 1, 100, WIN, RETR, 0, 0, 0 },
         { 1, 30, A, 1, 421, 0, WIN, PURE, 10, 0, 0 },
         { 0, 31, A, 351, 1, 70, WIN, RETR, 0, 0, 0 });
}

TEST(tcp_counts_what_the_other_end_already_has_as_resent)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 101, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 21, A, 1, 201, 0, WIN, PURE, 1, 0, 0 }, /* it has what the capture missed */
         { 0, 22, A, 1, 1, 100, WIN, RETR, 0, 0, 0 });
}

TEST(tcp_tells_duplicate_acknowledgements)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 30, A, 1, 101, 0, WIN, PURE, 10, 0, 0 },
         { 1, 31, A, 1, 101, 0, WIN, PURE | DUP, 0, 0, 0 },
         { 1, 32, A, 1, 101, 0, WIN, PURE | DUP, 0, 0, 0 },
         { 1, 33, A, 1, 101, 0, 2 * WIN, PURE, 0, 0, 0 }, /* a window update           */
         { 1, 34, A, 1, 101, 5, 2 * WIN, 0, 0, 0, 14 },   /* payload                   */
         { 1, 35, A | F, 6, 101, 0, 2 * WIN, 0, 0, 0, 0 });
}

TEST(tcp_tells_keep_alives_and_their_answers)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 30, A, 1, 101, 0, WIN, PURE, 10, 0, 0 },
         { 0, 9000, A, 100, 1, 1, WIN, KEEP, 0, 0, 0 },
         { 1, 9010, A, 1, 101, 0, WIN, PURE, 0, 0, 0 }, /* no duplicate  */
         { 0, 18000, A, 100, 1, 0, WIN, KEEP | PURE, 0, 0, 0 },
         { 1, 18010, A, 1, 101, 0, WIN, PURE, 0, 0, 0 },
         { 0, 19000, A, 101, 1, 1, WIN, 0, 0, 0, 0 },
         { 0, 19300, A, 101, 1, 1, WIN, RETR, 0, 0, 0 }, /* a typed byte that nobody acknowledged */
         { 1, 19310, A, 1, 102, 0, WIN, PURE, 0, 0, 0 });
}

TEST(tcp_tells_zero_windows_and_probes)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 30, A, 1, 101, 0, 0, PURE | ZERO, 10, 0, 0 },
         { 0, 40, A, 101, 1, 1, WIN, PROBE, 0, 0, 0 },
         { 1, 50, A, 1, 101, 0, 0, PURE | ZERO, 0, 0, 0 },
         { 0, 60, A, 101, 1, 1, WIN, PROBE, 0, 0, 0 },
         { 1, 70, A, 1, 102, 0, 0, PURE | ZERO, 0, 0, 0 }, /* took the byte       */
         { 0, 80, A, 102, 1, 1, WIN, PROBE, 0, 0, 0 },
         { 1, 90, A, 1, 102, 0, WIN, PURE, 0, 0, 0 },
         { 0, 91, A, 102, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 99, A, 1, 202, 0, WIN, PURE, 0, 0, 0 }, /* its first byte was sent before: Karn */
         { 1, 100, R | A, 1, 202, 0, 0, CLOSED, 0, 0, 0 });
}

TEST(tcp_counts_syn_retries_and_the_refusal)
{
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 0, 1000, Y, 0, 0, 0, WIN, RETR, 0, 0, 0 },
         { 0, 3000, Y, 0, 0, 0, WIN, RETR, 0, 0, 0 },
         { 1, 3005, R | A, 0, 1, 0, 0, ANSWER | TCP_IS_REFUSED | CLOSED, 0, 0, 0 },
         { 0, 3500, Y, 0, 0, 0, WIN, RETR, 0, 0, 0 },
         { 1, 3505, R | A, 0, 1, 0, 0, 0, 0, 0, 0 });
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 1, 5, R | A, 0, 1, 0, 0, ANSWER | TCP_IS_REFUSED | CLOSED, 5, 0, 0 });
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 0, 1000, Y, 0, 0, 0, WIN, RETR, 0, 0, 0 },
         { 1, 1010, Y | A, 0, 1, 0, WIN, ANSWER, 0, 0, 0 },
         { 0, 1012, A, 1, 1, 0, WIN, PURE | EST, 2, 1012, 0 }); /* as long as the user waited */
}

TEST(tcp_reset_of_a_half_open_connection_refuses_nothing)
{
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 1, 10, Y | A, 0, 1, 0, WIN, ANSWER, 10, 0, 0 },
         { 0, 11, R, 1, 0, 0, 0, CLOSED, 0, 0, 0 });
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 1, 10, Y | A, 0, 1, 0, WIN, ANSWER, 10, 0, 0 },
         { 1, 50, R | A, 1, 1, 0, 0, CLOSED, 0, 0, 0 });
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 1, 10, R | A, 0, 300001, 0, 0, ANSWER | CLOSED, 0, 0, 0 }); /* answers another SYN */
}

TEST(tcp_knows_a_simultaneous_open)
{
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 1, 3, Y, 0, 0, 0, WIN, ANSWER, 0, 0, 0 },
         { 0, 10, Y | A, 0, 1, 0, WIN, RETR, 7, 0, 0 },
         { 1, 13, Y | A, 0, 1, 0, WIN, RETR | EST, 0, 13, 0 },
         { 0, 20, A, 1, 1, 10, WIN, 0, 0, 0, 0 },
         { 1, 31, A, 1, 11, 0, WIN, PURE, 11, 0, 0 });
}

TEST(tcp_picks_up_midway)
{
    PLAY({ 0, 0, A | P, 700, 300, 100, WIN, 0, 0, 0, 0 },
         { 1, 10, A, 300, 800, 0, WIN, PURE, 10, 0, 0 },
         { 0, 20, A, 800, 300, 100, WIN, 0, 0, 0, 0 },
         { 0, 40, A, 800, 300, 100, WIN, RETR, 0, 0, 0 },
         { 0, 41, A, 1000, 300, 100, WIN, 0, 0, 0, 0 },
         { 0, 43, A, 900, 300, 100, WIN, OOO, 0, 0, 0 },  /* 3 ms where no handshake was seen */
         { 0, 51, A, 1200, 300, 100, WIN, 0, 0, 0, 0 },
         { 0, 55, A, 1100, 300, 100, WIN, RETR, 0, 0, 0 },
         { 1, 60, A | F, 300, 1300, 0, WIN, 0, 9, 0, 0 },
         { 0, 61, A | F, 1300, 301, 0, WIN, 0, 1, 0, 0 },
         { 1, 70, A, 301, 1301, 0, WIN, PURE | CLOSED, 9, 0, 0 });
}

TEST(tcp_reads_one_direction_only)
{
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 0, 12, A, 1, 1, 0, WIN, PURE | EST, 0, 12, 0 }, /* goes on: so it was answered */
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 40, A, 1, 1, 100, WIN, RETR, 0, 0, 0 },
         { 0, 9000, A, 100, 1, 1, WIN, KEEP, 0, 0, 0 },
         { 0, 9100, A | F, 101, 1, 0, WIN, 0, 0, 0, 0 });
    PLAY({ 1, 0, Y | A, 0, 1, 0, WIN, 0, 0, 0, 0 }, /* the other one only */
         { 1, 20, A, 1, 101, 50, WIN, EST, 0, 0, 0 },
         { 1, 21, A, 1, 101, 50, WIN, RETR, 0, 0, 0 });
}

TEST(tcp_knows_another_connection_on_the_same_ports)
{
    PLAY(HANDSHAKE,
         { 0, 20, R, 1, 0, 0, 0, CLOSED, 0, 0, 0 },
         { 0, 30, Y, 500000, 0, 0, WIN, FIRST | TCP_IS_ANEW, 0, 0, 0 },
         { 1, 40, Y | A, 700000, 500001, 0, WIN, ANSWER, 10, 0, 0 },
         { 0, 42, A, 500001, 700001, 0, WIN, PURE | EST, 2, 12, 0 },
         { 0, 43, Y, 500000, 0, 0, WIN, RETR, 0, 0, 0 }, /* a late copy is none */
         { 1, 50, Y, 900000, 0, 0, WIN, FIRST | TCP_IS_ANEW, 0, 0, 0 });
    PLAY({ 0, 0, A, 700, 300, 10, WIN, 0, 0, 0, 0 }, /* of a connection met midway */
         { 1, 5, Y, 900000, 0, 0, WIN, FIRST | TCP_IS_ANEW, 0, 0, 0 });
    PLAY({ 1, 0, Y | A, 0, 1, 0, WIN, 0, 0, 0, 0 }, /* seen through its answers only */
         { 1, 9, A, 1, 101, 50, WIN, EST, 0, 0, 0 },
         { 1, 20, Y | A, 800000, 600001, 0, WIN, TCP_IS_ANEW, 0, 0, 0 });
}

TEST(tcp_takes_the_answer_before_the_syn)
{
    PLAY({ 1, 10, Y | A, 0, 1, 0, WIN, 0, 0, 0, 0 },
         { 0, 9, Y, 0, 0, 0, WIN, FIRST | ANSWER, 0, 0, 0 },
         { 0, 12, A, 1, 1, 0, WIN, PURE | EST, 2, 3, 0 });
}

TEST(tcp_takes_data_on_the_syn)
{
    PLAY({ 0, 0, Y, 0, 0, 80, WIN, FIRST, 0, 0, 0 }, /* fast open: all of it is taken */
         { 1, 10, Y | A, 0, 81, 0, WIN, ANSWER, 10, 0, 0 },
         { 1, 11, A, 1, 81, 40, WIN, 0, 0, 0, 11 },
         { 0, 12, A, 81, 41, 0, WIN, PURE | EST, 1, 12, 0 });
    PLAY({ 0, 0, Y, 0, 0, 80, WIN, FIRST, 0, 0, 0 }, /* none of it */
         { 1, 10, Y | A, 0, 1, 0, WIN, ANSWER, 0, 0, 0 },
         { 0, 12, A, 1, 1, 80, WIN, RETR | EST, 2, 12, 0 },
         { 1, 22, A, 1, 81, 0, WIN, PURE, 0, 0, 0 });
}

TEST(tcp_counts_a_fin_sent_again)
{
    PLAY(HANDSHAKE,
         { 0, 20, A | F, 1, 1, 10, WIN, 0, 0, 0, 0 },
         { 0, 220, A | F, 1, 1, 10, WIN, RETR, 0, 0, 0 },
         { 0, 420, A | F, 11, 1, 0, WIN, RETR, 0, 0, 0 },
         { 1, 430, A | F, 1, 12, 0, WIN, 0, 0, 0, 0 },
         { 1, 630, A | F, 1, 12, 0, WIN, RETR, 0, 0, 0 },
         { 0, 632, A, 12, 2, 0, WIN, PURE | CLOSED, 0, 0, 0 },
         { 1, 700, A | F, 1, 12, 0, WIN, RETR, 0, 0, 0 });
    PLAY({ 0, 0, Y, 0, 0, 0, WIN, FIRST, 0, 0, 0 },
         { 0, 5, F, 0, 0, 0, WIN, RETR, 0, 0, 0 }, /* the SYN's number under another flag: Karn, too */
         { 1, 9, Y | A, 0, 1, 0, WIN, ANSWER, 0, 0, 0 });
}

TEST(tcp_begins_a_direction_anew_past_any_window)
{
    PLAY(HANDSHAKE,
         { 0, 20, A, 1, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 21, A, 0x60000000, 1, 100, WIN, 0, 0, 0, 0 },
         { 0, 22, A, 0x60000064, 1, 100, WIN, 0, 0, 0, 0 },
         { 1, 30, A, 1, 0x60000064, 0, WIN, PURE, 9, 0, 0 },
         { 0, 31, A, 0x60000000, 1, 200, WIN, RETR, 0, 0, 0 });
}

/* --- limits --- */

struct rig {
    struct tcp_pool *pool;
    struct tcp      *t;
    struct tcp_seen  seen;
};

static void rig_open(struct rig *g, u32 segments)
{
    *g = (struct rig){ .pool = tcp_pool_open(segments), .t = calloc(1, tcp_size()) };
}

static void rig_close(struct rig *g)
{
    free(g->t);
    tcp_pool_close(g->pool);
}

static void say(struct rig *g, u32 dir, u32 ms, u32 seq, u32 ack, u32 payload)
{
    struct packet p = row_packet(&(struct row){ dir, ms, A, seq, ack, payload, WIN, 0, 0, 0, 0 }, (u32[2]){ 0, 0 });
    tcp_push(g->t, g->pool, dir, &p, &g->seen);
}

TEST(tcp_forgets_the_lowest_hole_past_eight)
{
    struct rig g;
    rig_open(&g, 1000);
    say(&g, 0, 0, 0, 1, 10);
    for (u32 i = 1; i <= 9; i++) say(&g, 0, 1, i * 20, 1, 10); /* 10..20, 30..40, ... 170..180 are missing */
    say(&g, 0, 2, 10, 1, 10);
    assert_int_equal(g.seen.events, RETR);
    say(&g, 1, 2, 20, 1, 10); /* the other direction finds no place */
    say(&g, 1, 2, 40, 1, 10);
    say(&g, 1, 2, 30, 1, 10);
    assert_int_equal(g.seen.events, RETR);
    for (u32 i = 2; i <= 9; i++) {
        say(&g, 0, 2, i * 20 - 10, 1, 10);
        assert_int_equal(g.seen.events, OOO);
    }
    say(&g, 1, 2, 60, 1, 10); /* now it does */
    say(&g, 1, 2, 50, 1, 10);
    assert_int_equal(g.seen.events, OOO);
    rig_close(&g);
}

TEST(tcp_measures_fewer_when_the_pool_is_full_but_none_wrong)
{
    struct rig g;
    rig_open(&g, 128);
    say(&g, 1, 0, 1, 0, 0);
    for (u32 i = 0; i < 100; i++) say(&g, 0, i, i * 10, 1, 10);
    const struct tcp_pool_counts *n = tcp_pool_counts(g.pool);
    assert_int_equal(n->live, 2);
    assert_int_equal(n->forgotten, 98);
    say(&g, 1, 200, 1, 20, 0);
    assert_int_equal(g.seen.rtt, 199 * MS);
    say(&g, 1, 201, 1, 1000, 0);
    assert_int_equal(g.seen.rtt, -1);
    assert_int_equal(n->live, 0);
    rig_close(&g);
}

TEST(tcp_holds_few_segments_for_a_connection_nobody_answers)
{
    struct rig g;
    rig_open(&g, 1u << 16);
    for (u32 i = 0; i < 100; i++) say(&g, 0, i, i * 10, 1, 10);
    assert_int_equal(tcp_pool_counts(g.pool)->live, 8);
    say(&g, 1, 200, 1, 80, 0);
    assert_int_equal(g.seen.rtt, 193 * MS);
    rig_close(&g);
}

TEST(tcp_forgets_a_flight_it_would_have_to_search)
{
    struct rig g;
    rig_open(&g, 1u << 16);
    say(&g, 1, 0, 1, 0, 0);
    for (u32 i = 0; i < 200; i++) say(&g, 0, i, i * 10, 1, 10);
    say(&g, 0, 300, 1900, 1, 10);
    assert_int_equal(g.seen.events, RETR);
    assert_int_equal(tcp_pool_counts(g.pool)->forgotten, 200);
    say(&g, 1, 310, 1, 1910, 0);
    assert_int_equal(g.seen.rtt, -1);
    say(&g, 0, 320, 2000, 1, 10);
    say(&g, 1, 330, 1, 2010, 0);
    assert_int_equal(g.seen.rtt, 10 * MS);
    rig_close(&g);
}

TEST(tcp_state_of_a_connection_is_three_cache_lines)
{
    assert_in_range(tcp_size(), 1, 192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_tells_handshake_request_reply_and_close),
        cmocka_unit_test(tcp_measures_each_acknowledged_end_and_no_other),
        cmocka_unit_test(tcp_never_measures_what_was_sent_twice),
        cmocka_unit_test(tcp_tells_out_of_order_from_resent_by_holes_and_time),
        cmocka_unit_test(tcp_fills_a_hole_in_parts),
        cmocka_unit_test(tcp_counts_what_the_other_end_already_has_as_resent),
        cmocka_unit_test(tcp_tells_duplicate_acknowledgements),
        cmocka_unit_test(tcp_tells_keep_alives_and_their_answers),
        cmocka_unit_test(tcp_tells_zero_windows_and_probes),
        cmocka_unit_test(tcp_counts_syn_retries_and_the_refusal),
        cmocka_unit_test(tcp_reset_of_a_half_open_connection_refuses_nothing),
        cmocka_unit_test(tcp_knows_a_simultaneous_open),
        cmocka_unit_test(tcp_picks_up_midway),
        cmocka_unit_test(tcp_reads_one_direction_only),
        cmocka_unit_test(tcp_knows_another_connection_on_the_same_ports),
        cmocka_unit_test(tcp_takes_the_answer_before_the_syn),
        cmocka_unit_test(tcp_takes_data_on_the_syn),
        cmocka_unit_test(tcp_counts_a_fin_sent_again),
        cmocka_unit_test(tcp_begins_a_direction_anew_past_any_window),
        cmocka_unit_test(tcp_forgets_the_lowest_hole_past_eight),
        cmocka_unit_test(tcp_measures_fewer_when_the_pool_is_full_but_none_wrong),
        cmocka_unit_test(tcp_holds_few_segments_for_a_connection_nobody_answers),
        cmocka_unit_test(tcp_forgets_a_flight_it_would_have_to_search),
        cmocka_unit_test(tcp_state_of_a_connection_is_three_cache_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
