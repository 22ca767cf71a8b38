/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tcp.c: any segments on a few connections with a small pool: nothing is lost of the pool, spans are sound, and
 * what is said depends neither on where numbers begin nor on which end is called 0.
 *
 * Input: 12 bytes a segment: connection and direction, flags, payload, window, step of time, numbers near those of the
 * connection or (one bit) anywhere. It is played twice, the second time with shifted numbers and swapped ends. */
#include "packet/tcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define CONNECTIONS  4u
#define SEGMENTS_MAX 300u
#define STEP         12u

struct world {
    struct tcp_pool *pool;
    struct tcp      *tcp[CONNECTIONS];
    nanos            now;
    u32              shift[2]; /* what each end's numbers begin at */
    u32              swap;
};

static u32 read_u32(const u8 *at)
{
    u32 v;
    memcpy(&v, at, sizeof v);
    return v;
}

static u32 number(const u8 *at, bool anywhere)
{
    return anywhere ? read_u32(at) : (u32)(at[0] << 2 | (at[1] & 3));
}

static void world_open(struct world *w, u32 shift, u32 swap)
{
    *w = (struct world){ .pool = tcp_pool_open(SEGMENTS_MAX), .shift = { shift, shift * 3 }, .swap = swap };
    for (u32 i = 0; i < CONNECTIONS; i++) w->tcp[i] = calloc(1, tcp_size());
}

static void world_close(struct world *w)
{
    for (u32 i = 0; i < CONNECTIONS; i++) {
        tcp_forget(w->tcp[i], w->pool);
        free(w->tcp[i]);
    }
    WEIR_ASSERT(tcp_pool_counts(w->pool)->live == 0);
    tcp_pool_close(w->pool);
}

static void world_push(struct world *w, const u8 *d, struct tcp_seen *out)
{
    u32 dir = d[0] >> 2 & 1;
    w->now += (nanos)(d[4] & 0x7f) * (d[4] & 0x80 ? NANOS_SECOND : 100000) - (d[0] & 8 ? NANOS_SECOND : 0);
    struct packet p = {
        .kind = PACKET_IP,
        .protocol = 6,
        .time = w->now,
        .tcp_flags = d[1],
        .payload = d[0] & 16 ? (u32)d[2] << 8 : d[2] & 15u,
        .window = d[3],
        .seq = number(d + 5, d[0] & 32) + w->shift[dir],
        .ack = number(d + 8, d[0] & 64) + w->shift[!dir],
    };
    tcp_push(w->tcp[d[0] & 3], w->pool, dir ^ w->swap, &p, out);
    if ((d[0] & 0x80) && d[11] == 0) tcp_forget(w->tcp[d[0] & 3], w->pool);
}

static void check(const struct tcp_seen *s, const struct tcp_seen *t)
{
    u32 kinds = s->events & (TCP_IS_RETRANSMISSION | TCP_IS_OUT_OF_ORDER | TCP_IS_KEEP_ALIVE | TCP_IS_WINDOW_PROBE);
    WEIR_ASSERT((kinds & (kinds - 1)) == 0);
    WEIR_ASSERT(s->rtt >= -1 && s->setup >= -1 && s->response >= -1);
    WEIR_ASSERT(s->resent == 0 || kinds == TCP_IS_RETRANSMISSION);
    WEIR_ASSERT(s->events == t->events && s->resent == t->resent);
    WEIR_ASSERT(s->rtt == t->rtt && s->setup == t->setup && s->response == t->response);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct world one, two;
    if (size < 4) return 0;
    world_open(&one, 0, 0);
    world_open(&two, read_u32(data), 1);
    for (data += 4, size -= 4; size >= STEP; data += STEP, size -= STEP) {
        struct tcp_seen a, b;
        world_push(&one, data, &a);
        world_push(&two, data, &b);
        check(&a, &b);
        WEIR_ASSERT(tcp_pool_counts(one.pool)->live == tcp_pool_counts(two.pool)->live);
        WEIR_ASSERT(tcp_pool_counts(one.pool)->live <= SEGMENTS_MAX);
        for (u32 i = 0; i < CONNECTIONS; i++) {
            int by = tcp_opener(one.tcp[i]);
            WEIR_ASSERT(tcp_opener(two.tcp[i]) == (by < 0 ? by : !by));
        }
    }
    world_close(&one);
    world_close(&two);
    return 0;
}
