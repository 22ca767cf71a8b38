/* SPDX-License-Identifier: Apache-2.0 */
/* minutes.c: what one packet costs from its frame to the minute's lines: parse, flow, TCP, conversation, text.
 *
 * The mix: 100,000 pairs of addresses with 250,000 5-tuples; half of the packets are bulk TCP of a tenth of the pairs,
 * the rest web connections that open, ask, answer and close, DNS and pings, in random order, so that each packet meets
 * a flow that no cache holds, or four of one flow in a row, as windows and stacks send them. Packets come at 3 million
 * a second of their own time, so minutes are given out in between. With the flood, one packet in 18 (10 million a
 * minute) is a SYN of a 5-tuple never seen before: of one source, or of many. Making frames is not counted. Printed
 * are the best and the mean ns a packet of rounds of 1 million, and memory at the end.
 *
 *   minutes [million packets a run, default 20] */
#include "packet/minutes.h"
#include "weir/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAIRS      100000u
#define TUPLES     250000u
#define CAPTURED   96u
#define ROUND      1000000u
#define STEP       333 /* ns between packets */
#define FLOOD_ONE  18u

enum kind { KIND_BULK, KIND_WEB, KIND_DNS, KIND_PING };
enum flood { FLOOD_NONE, FLOOD_PORTS, FLOOD_SOURCES };

struct tuple {
    u32       pair;
    u16       port;
    u16       step;
    u32       seq[2]; /* next, by end */
    enum kind kind;
};

struct traffic {
    u64           random;
    nanos         now;
    enum flood    flood;
    bool          small; /* 60 bytes each */
    u32           train; /* packets of a 5-tuple in a row */
    u32           left;  /* of the train */
    struct tuple *last;
    struct tuple *tuple;
    u8            bytes[MINUTES_BATCH][CAPTURED];
    struct frame  frame[MINUTES_BATCH];
};

struct sink {
    struct minutes_out out;
    u64                bytes, lines;
};

static u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static f64 seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec * 1e-9;
}

static void put16(u8 *at, u32 v)
{
    at[0] = (u8)(v >> 8);
    at[1] = (u8)v;
}

static void put32(u8 *at, u32 v)
{
    put16(at, v >> 16);
    put16(at + 2, v);
}

/* Ethernet and IPv4; gives the transport header. */
static u8 *frame_put(struct traffic *t, u32 i, u32 src, u32 dst, u8 protocol, u32 ip_bytes)
{
    u8 *at = t->bytes[i], *ip = at + 14;
    if (t->small && ip_bytes > 46) ip_bytes = 46;
    memset(at, 0, CAPTURED);
    put32(at, dst);
    put32(at + 6, src);
    put16(at + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, ip_bytes);
    ip[8] = 60;
    ip[9] = protocol;
    put32(ip + 12, src);
    put32(ip + 16, dst);
    u32 length = ip_bytes + 14 < 60 ? 60 : ip_bytes + 14;
    t->frame[i] = (struct frame){ t->now, length, length < CAPTURED ? length : CAPTURED, LINK_ETHERNET, at };
    return ip + 20;
}

static void tcp_put(struct traffic *t, u32 i, struct tuple *f, u32 from, u8 flags, u32 payload)
{
    u32 client = 0x0a000000u + f->pair, server = 0xc0000000u + f->pair * 7;
    if (t->small && payload > 6) payload = 6;
    u8 *h = frame_put(t, i, from ? server : client, from ? client : server, 6, 40 + payload);
    put16(h + (from ? 2 : 0), f->port);
    put16(h + (from ? 0 : 2), 443);
    put32(h + 4, f->seq[from]);
    if (flags & TCP_ACK) put32(h + 8, f->seq[from ^ 1]);
    h[12] = 0x50;
    h[13] = flags;
    put16(h + 14, 29200);
    f->seq[from] += payload + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

static void tcp_next(struct traffic *t, u32 i, struct tuple *f)
{
    u32 step = f->step++, last = f->kind == KIND_BULK ? 60000 : 24;
    if (step == 0) tcp_put(t, i, f, 0, TCP_SYN, 0);
    else if (step == 1) tcp_put(t, i, f, 1, TCP_SYN | TCP_ACK, 0);
    else if (step == 2) tcp_put(t, i, f, 0, TCP_ACK, 0);
    else if (step == 3) tcp_put(t, i, f, 0, TCP_ACK | TCP_PSH, 400);
    else if (step == last) tcp_put(t, i, f, 1, TCP_ACK | TCP_FIN, 0);
    else if (step == last + 1) tcp_put(t, i, f, 0, TCP_ACK | TCP_FIN, 0);
    else if (step > last + 1) {
        tcp_put(t, i, f, 1, TCP_ACK, 0);
        f->step = 0;
        f->port++; /* the next connection */
        f->seq[0] = f->seq[1] = (u32)random_next(&t->random);
    } else if (step % 3 == 0) tcp_put(t, i, f, 0, TCP_ACK, 0);
    else tcp_put(t, i, f, 1, TCP_ACK, 1448);
}

static void dns_next(struct traffic *t, u32 i, struct tuple *f)
{
    u32 from = f->step & 1, client = 0x0a000000u + f->pair, server = 0xc0000000u + f->pair * 7;
    u8 *h = frame_put(t, i, from ? server : client, from ? client : server, 17, from ? 200 : 62);
    put16(h + (from ? 2 : 0), f->port);
    put16(h + (from ? 0 : 2), 53);
    put16(h + 4, from ? 180 : 42);
    put16(h + 8, f->step >> 1);
    h[10] = from ? 0x80 : 0;
    f->step++;
}

static void ping_next(struct traffic *t, u32 i, struct tuple *f)
{
    u32 from = f->step++ & 1, client = 0x0a000000u + f->pair, server = 0xc0000000u + f->pair * 7;
    u8 *h = frame_put(t, i, from ? server : client, from ? client : server, 1, 84);
    h[0] = from ? 0 : 8;
    put16(h + 4, f->port);
}

static void flood_next(struct traffic *t, u32 i)
{
    u64 r = random_next(&t->random);
    u32 src = t->flood == FLOOD_SOURCES ? (u32)r : 0x0b000001u;
    u8 *h = frame_put(t, i, src, t->flood == FLOOD_SOURCES ? 0x0c000001u : 0x0c000000u + (u32)(r >> 56), 6, 40);
    put16(h, (u32)(r >> 32));
    put16(h + 2, t->flood == FLOOD_SOURCES ? 80u : (u32)(r >> 16) & 0xffffu);
    put32(h + 4, (u32)r);
    h[12] = 0x50;
    h[13] = TCP_SYN;
}

static void traffic_batch(struct traffic *t)
{
    for (u32 i = 0; i < MINUTES_BATCH; i++) {
        u64 r = random_next(&t->random);
        t->now += STEP;
        if (t->flood != FLOOD_NONE && r % FLOOD_ONE == 0) {
            flood_next(t, i);
            continue;
        }
        r >>= 8;
        if (t->left-- == 0) {
            t->last = &t->tuple[r & 1 ? (r >> 1) % (TUPLES / 10) : (r >> 1) % TUPLES];
            t->left = t->train - 1;
        }
        struct tuple *f = t->last;
        if (f->kind == KIND_DNS) dns_next(t, i, f);
        else if (f->kind == KIND_PING) ping_next(t, i, f);
        else tcp_next(t, i, f);
    }
}

static void traffic_init(struct traffic *t, enum flood flood, bool small, u32 train)
{
    *t = (struct traffic){
        .random = 42, .now = 1700000040 * NANOS_SECOND, .flood = flood, .small = small, .train = train,
    };
    t->tuple = calloc(TUPLES, sizeof *t->tuple);
    WEIR_ASSERT(t->tuple != NULL);
    for (u32 i = 0; i < TUPLES; i++) {
        struct tuple *f = &t->tuple[i];
        f->kind = i < TUPLES / 10 ? KIND_BULK : i % 20 == 0 ? KIND_PING : i % 4 == 0 ? KIND_DNS : KIND_WEB;
        f->pair = f->kind == KIND_BULK ? i % (PAIRS / 10) : PAIRS / 10 + i % (PAIRS - PAIRS / 10);
        f->port = (u16)(1024 + random_next(&t->random) % 60000);
        f->seq[0] = f->seq[1] = (u32)random_next(&t->random);
    }
}

static void on_lines(struct minutes_out *to, nanos start, enum p2_file file, slice text, u64 lines)
{
    struct sink *s = container_of(to, struct sink, out);
    s->bytes += text.len;
    s->lines += lines;
}

static void on_sealed(struct minutes_out *to, nanos start)
{
}

static void run(const char *name, u64 packets, enum flood flood, bool small, bool tcp, u32 train)
{
    struct traffic *t = malloc(sizeof *t);
    WEIR_ASSERT(t != NULL);
    traffic_init(t, flood, small, train);
    struct sink           sink = { .out = { on_lines, on_sealed } };
    struct minutes_setup  setup = { .tcp = tcp };
    struct minutes       *m = minutes_open(&setup, &sink.out);
    f64                   best = 1e9, all = 0;
    u64                   rounds = packets / ROUND;
    for (u64 r = 0; r < rounds; r++) {
        f64 spent = 0;
        for (u32 i = 0; i < ROUND / MINUTES_BATCH; i++) {
            traffic_batch(t);
            f64 began = seconds_now();
            minutes_push(m, t->frame, MINUTES_BATCH);
            spent += seconds_now() - began;
        }
        f64 ns = spent * 1e9 / (ROUND / MINUTES_BATCH * MINUTES_BATCH);
        all += ns;
        if (ns < best) best = ns;
    }
    f64 began = seconds_now();
    minutes_end(m);
    f64 mean = all / (f64)rounds + (seconds_now() - began) * 1e9 / (f64)packets;
    const struct minutes_counts *c = minutes_counts(m);
    printf("%-26s %8.1f %8.1f %8.2f %10lu %10lu %10lu %8lu\n", name, best, mean, 1e3 / mean, (unsigned long)c->lines,
           (unsigned long)c->conversations_early, (unsigned long)c->flows_evicted,
           (unsigned long)(minutes_memory(m) >> 20));
    minutes_close(m);
    free(t->tuple);
    free(t);
}

int main(int argc, char **argv)
{
    u64 millions = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
    if (millions < 1 || millions > 100000) millions = 20;
    hash_seed_init();
    printf("%-26s %8s %8s %8s %10s %10s %10s %8s\n", "traffic", "best ns", "mean ns", "M/s", "lines", "early",
           "evicted", "MiB");
    run("mix", millions * ROUND, FLOOD_NONE, false, true, 1);
    run("mix in trains of 4", millions * ROUND, FLOOD_NONE, false, true, 4);
    run("mix, TCP not analysed", millions * ROUND, FLOOD_NONE, false, false, 1);
    run("60 bytes, not analysed", millions * ROUND, FLOOD_NONE, true, false, 1);
    run("mix and flood of ports", millions * ROUND, FLOOD_PORTS, false, true, 1);
    run("mix and flood of sources", millions * ROUND, FLOOD_SOURCES, false, true, 1);
    return 0;
}
