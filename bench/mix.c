/* SPDX-License-Identifier: Apache-2.0 */
/* mix.c: writes a capture of ordinary traffic, from a seed: bulk transfers, web, DNS and a scan between many pairs of
 * addresses.
 *
 * Each conversation is a small state machine that says what it sends next and when; a heap by time makes one stream of
 * them. packets.py builds it and calls it. Payload is zeros: nobody measured here looks at it, but for DNS headers.
 *
 *   mix OUT PACKETS CONVERSATIONS SEED SNAP     (SNAP 0: whole frames)
 *   mix OUT PACKETS CONVERSATIONS SEED small    60-byte TCP frames between random pairs
 *   mix OUT PACKETS CONVERSATIONS SEED SNAP N   the first form N times, five minutes after five minutes */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US (1763719200ull * 1000000)
#define SPAN_US  (300ull * 1000000) /* five minutes */
#define MSS      1448u
#define FRAME    1514u

enum kind { BULK, WEB, DNS, SCAN };

struct talk {
    uint64_t  time; /* of the next packet, us */
    uint32_t  client, server;
    uint32_t  cseq, sseq;  /* next of each end                    */
    uint32_t  left;        /* segments of the answer to come      */
    uint32_t  rounds;      /* connections or queries to come      */
    uint32_t  rtt;         /* us                                  */
    uint16_t  cport, sport;
    uint8_t   kind, step, unacked;
    bool      resend;      /* the segment just sent is sent again */
};

static uint64_t random_u64(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t below(uint64_t *s, uint32_t n)
{
    return (uint32_t)((random_u64(s) >> 32) * n >> 32);
}

static FILE    *out;
static uint64_t start_us = START_US;
static uint32_t snap;
static uint64_t written, written_bytes;

static void put16(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
}

static void put32(uint8_t *p, uint32_t n)
{
    put16(p, n >> 16);
    put16(p + 2, n);
}

static void write_frame(uint64_t time, const uint8_t *frame, uint32_t length)
{
    uint32_t keep = snap && snap < length ? snap : length;
    uint32_t head[4] = { (uint32_t)(time / 1000000), (uint32_t)(time % 1000000), keep, length };
    fwrite(head, sizeof head, 1, out);
    fwrite(frame, keep, 1, out);
    written++;
    written_bytes += length;
}

/* Ethernet and IPv4; gives the frame's length. */
static uint32_t headers(uint8_t *f, const struct talk *t, bool from_client, uint8_t protocol, uint32_t l4)
{
    uint32_t src = from_client ? t->client : t->server, dst = from_client ? t->server : t->client, sum = 0;
    static const uint8_t macs[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
    memcpy(f, macs, 14);
    uint8_t *ip = f + 14;
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, 20 + l4);
    ip[6] = 0x40;
    ip[8] = from_client ? 64 : 57;
    ip[9] = protocol;
    put32(ip + 12, src);
    put32(ip + 16, dst);
    for (uint32_t i = 0; i < 20; i += 2) sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~sum & 0xffff);
    put16(ip + 20, from_client ? t->cport : t->sport);
    put16(ip + 22, from_client ? t->sport : t->cport);
    return 34 + l4;
}

static void write_tcp(struct talk *t, bool from_client, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
    static uint8_t f[FRAME + 64];
    uint32_t       options = 12, length = headers(f, t, from_client, 6, 20 + options + payload);
    uint8_t       *tcp = f + 34;
    put32(tcp + 4, seq);
    put32(tcp + 8, flags & 16 ? ack : 0);
    tcp[12] = (uint8_t)((20 + options) / 4 << 4);
    tcp[13] = flags;
    put16(tcp + 14, 64240);
    memset(tcp + 16, 0, 4);
    memset(tcp + 20, 1, options); /* no operation, in place of timestamps */
    write_frame(t->time, f, length < 60 ? 60 : length);
}

static void write_dns(struct talk *t, bool from_client, uint32_t payload)
{
    static uint8_t f[FRAME + 64];
    uint32_t       length = headers(f, t, from_client, 17, 8 + payload);
    uint8_t       *udp = f + 34;
    put16(udp + 4, 8 + payload);
    put16(udp + 6, 0);
    memset(udp + 8, 0, payload);
    put16(udp + 8, t->cseq & 0xffff);
    udp[10] = from_client ? 1 : 0x81;
    udp[11] = from_client ? 0 : 0x80;
    udp[13] = 1;
    write_frame(t->time, f, length < 60 ? 60 : length);
}

/* Data of the server in pairs, each pair acknowledged half a round trip later. One in 300 is lost behind us, comes
 * again. */
static void step_data(struct talk *t, uint64_t *s)
{
    if (t->unacked == 2 || (t->left == 0 && t->unacked)) {
        write_tcp(t, true, 16, t->cseq, t->sseq, 0);
        t->unacked = 0;
        t->time += t->rtt / 8 + below(s, 200);
        if (t->left == 0) t->step++;
        return;
    }
    if (t->resend) {
        write_tcp(t, false, 16, t->sseq - MSS, t->cseq, MSS);
        t->resend = false;
        t->time += 300;
        return;
    }
    write_tcp(t, false, t->left == 1 ? 24 : 16, t->sseq, t->cseq, MSS);
    t->sseq += MSS;
    t->left--;
    t->unacked++;
    t->resend = below(s, 300) == 0;
    t->time += t->resend ? t->rtt : t->unacked == 2 ? t->rtt / 2 : 12 + below(s, 20);
}

static void step_tcp(struct talk *t, uint64_t *s, bool *over)
{
    switch (t->step) {
    case 0:
        t->cport = (uint16_t)(32768 + below(s, 28000));
        t->cseq = (uint32_t)random_u64(s);
        t->sseq = (uint32_t)random_u64(s);
        write_tcp(t, true, 2, t->cseq++, 0, 0);
        t->time += t->rtt;
        break;
    case 1: write_tcp(t, false, 18, t->sseq++, t->cseq, 0); t->time += 60; break;
    case 2: write_tcp(t, true, 16, t->cseq, t->sseq, 0); t->time += 100; break;
    case 3: {
        uint32_t request = 200 + below(s, 600);
        write_tcp(t, true, 24, t->cseq, t->sseq, request);
        t->cseq += request;
        t->time += t->rtt + below(s, 5000);
        break;
    }
    case 4: step_data(t, s); return;
    case 5: write_tcp(t, true, 17, t->cseq++, t->sseq, 0); t->time += t->rtt; break;
    case 6: write_tcp(t, false, 17, t->sseq++, t->cseq, 0); t->time += 60; break;
    default:
        write_tcp(t, true, 16, t->cseq, t->sseq, 0);
        *over = --t->rounds == 0;
        t->time += 100000 + below(s, 20000000);
        t->left = 2 + below(s, 24);
        t->unacked = 0;
        t->step = 0;
        return;
    }
    t->step++;
}

static void step_dns(struct talk *t, uint64_t *s, bool *over)
{
    if (t->step == 0) {
        t->cport = (uint16_t)(32768 + below(s, 28000));
        t->cseq = (uint32_t)random_u64(s);
        write_dns(t, true, 30 + below(s, 20));
        t->time += t->rtt;
        t->step = 1;
        return;
    }
    write_dns(t, false, 60 + below(s, 200));
    *over = --t->rounds == 0;
    t->time += 10000 + below(s, 60000000);
    t->step = 0;
}

/* A SYN to each port in turn; half of them are refused. */
static void step_scan(struct talk *t, uint64_t *s, bool *over)
{
    if (t->step == 0) {
        t->sport++;
        t->cseq = (uint32_t)random_u64(s);
        write_tcp(t, true, 2, t->cseq, 0, 0);
        t->step = t->sport & 1;
        t->time += t->step ? t->rtt : 5000;
        if (t->step) return;
    } else {
        write_tcp(t, false, 20, 0, t->cseq + 1, 0);
        t->step = 0;
        t->time += 5000;
    }
    *over = --t->rounds == 0;
}

static void talk_begin(struct talk *t, uint32_t number, uint64_t *s, uint32_t bulk)
{
    uint32_t dice = below(s, 1000);
    t->kind = dice < 20 ? BULK : dice < 500 ? WEB : dice < 900 ? DNS : SCAN;
    t->client = 0x0a000000u + number % 60000 + 1;
    t->server = t->kind == DNS ? 0x0a640000u + number % 97 + (number / 60000 << 8) : 0xc6120000u + number % 50021;
    t->sport = t->kind == DNS ? 53 : t->kind == SCAN ? (uint16_t)below(s, 1000) : 443;
    t->rtt = 300 + below(s, 40000);
    t->time = start_us + random_u64(s) % (SPAN_US * 4 / 5);
    t->left = t->kind == BULK ? bulk / 2 + below(s, bulk) : 2 + below(s, 24);
    t->rounds = t->kind == BULK ? 1 : t->kind == WEB ? 1 + below(s, 2) : 1 + below(s, 6);
    if (t->kind == BULK) t->rtt = 300 + below(s, 3000);
}

static void heap_down(struct talk **heap, uint32_t n, uint32_t i)
{
    struct talk *t = heap[i];
    for (uint32_t c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && heap[c + 1]->time < heap[c]->time) c++;
        if (heap[c]->time >= t->time) break;
        heap[i] = heap[c];
    }
    heap[i] = t;
}

static void write_small(uint64_t packets, uint32_t count, uint64_t seed)
{
    struct talk t = { 0 };
    for (uint64_t i = 0; i < packets; i++) {
        uint32_t n = below(&seed, count);
        t.client = 0x0a000000u + n;
        t.server = 0xc6120000u + n % 50021;
        t.cport = (uint16_t)(1024 + n % 60000);
        t.sport = 443;
        t.time = START_US + i * SPAN_US / packets;
        static uint8_t f[64];
        uint8_t       *tcp = f + 34;
        headers(f, &t, true, 6, 20);
        put32(tcp + 4, (uint32_t)i);
        tcp[12] = 0x50;
        tcp[13] = 16;
        put16(tcp + 14, 64240);
        write_frame(t.time, f, 60);
    }
}

static void write_mix(uint64_t packets, uint32_t count, uint64_t seed)
{
    struct talk  *talks = calloc(count, sizeof *talks);
    struct talk **heap = calloc(count, sizeof *heap);
    if (talks == NULL || heap == NULL) exit(1);
    /* Web, DNS and scan make some 17 packets a conversation; bulk, one in 50, makes the rest at 1.5 packets a
     * segment. */
    int64_t  rest = (int64_t)packets - 17 * (int64_t)count;
    uint32_t bulk = rest > 0 ? (uint32_t)((double)rest / (count / 50.0) / 1.5) + 10 : 10, n = count;
    for (uint32_t i = 0; i < count; i++) {
        talk_begin(&talks[i], i, &seed, bulk);
        heap[i] = &talks[i];
    }
    for (uint32_t i = n / 2; i-- > 0;) heap_down(heap, n, i);
    while (n) {
        struct talk *t = heap[0];
        bool         over = false;
        if (t->kind == DNS) step_dns(t, &seed, &over);
        else if (t->kind == SCAN) step_scan(t, &seed, &over);
        else step_tcp(t, &seed, &over);
        if (over || t->time >= start_us + SPAN_US) heap[0] = heap[--n];
        if (n) heap_down(heap, n, 0);
    }
    free(heap);
    free(talks);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: mix OUT PACKETS CONVERSATIONS SEED SNAP|small [TIMES]\n");
        return 64;
    }
    uint64_t packets = strtoull(argv[2], NULL, 10), seed = strtoull(argv[4], NULL, 10);
    uint32_t count = (uint32_t)strtoul(argv[3], NULL, 10);
    uint32_t times = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 1;
    bool     small = strcmp(argv[5], "small") == 0;
    snap = small ? 0 : (uint32_t)strtoul(argv[5], NULL, 10);
    out = fopen(argv[1], "wb");
    if (out == NULL || count == 0) {
        perror(argv[1]);
        return 74;
    }
    static char buffer[1 << 20];
    setvbuf(out, buffer, _IOFBF, sizeof buffer);
    uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, snap ? snap : 262144, 1 };
    fwrite(head, sizeof head, 1, out);
    if (small) write_small(packets, count, seed);
    for (uint32_t i = 0; i < times && !small; i++, start_us += SPAN_US) write_mix(packets, count, seed + i);
    if (fclose(out) != 0) {
        perror(argv[1]);
        return 74;
    }
    printf("{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n", written, written_bytes);
    return 0;
}
