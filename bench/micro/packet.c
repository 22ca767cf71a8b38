/* SPDX-License-Identifier: Apache-2.0 */
/* packet.c: what explaining a frame costs, by kind of frame: link, IP and transport headers to numbers.
 *
 * Frames of one kind lie one behind the other as a capture file's buffer would hold them, 4096 of them with addresses
 * and ports that differ; `mixed` goes through all kinds in turn. Times are the best of several rounds. With an argument
 * only that kind runs, once: for counting instructions. */
#include "packet/packet.h"

#include "../../test/unit/packet/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FRAMES 4096u
#define ROOM   160u
#define PASSES 256u
#define ROUNDS 7

static f64 seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + 1e-9 * (f64)t.tv_nsec;
}

static void make_tcp(struct build *b, u32 i)
{
    build_ethernet(b, 0x0800);
    build_ip4(b, 0x0a000000 + i, 0x0b000000 + i * 7, 6);
    build_tcp(b, 1024 + i, 443, i * 1000, i * 900, TCP_ACK);
    build_payload(b, 20);
}

static void make_syn(struct build *b, u32 i)
{
    static const u8 options[20] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 };
    build_ethernet(b, 0x0800);
    build_ip4(b, 0x0a000000 + i, 0x0b000000 + i * 7, 6);
    build_tcp(b, 1024 + i, 443, i * 1000, 0, TCP_SYN);
    build_tcp_options(b, options, sizeof options);
}

static void make_udp(struct build *b, u32 i)
{
    build_ethernet(b, 0x0800);
    build_ip4(b, 0x0a000000 + i, 0x0b000000 + i * 7, 17);
    build_udp(b, 1024 + i, 53);
    build_payload(b, 40);
}

static void make_vlan(struct build *b, u32 i)
{
    build_ethernet(b, 0x88a8);
    build_vlan(b, 100, 0x8100);
    build_vlan(b, i & 0xfff, 0x0800);
    build_ip4(b, 0x0a000000 + i, 0x0b000000 + i * 7, 6);
    build_tcp(b, 1024 + i, 443, i * 1000, i * 900, TCP_ACK);
}

static void make_ip6(struct build *b, u32 i)
{
    build_ethernet(b, 0x86dd);
    build_ip6(b, i, i * 7, 6);
    build_tcp(b, 1024 + i, 443, i * 1000, i * 900, TCP_ACK);
}

static void make_vxlan(struct build *b, u32 i)
{
    build_ethernet(b, 0x0800);
    build_ip4(b, 0x0a000000 + i, 0x0b000000 + i * 7, 17);
    build_udp(b, 1024 + i, 4789);
    build_vxlan(b, 7);
    make_tcp(b, i);
}

struct kind {
    const char *name;
    void (*make)(struct build *, u32);
    bool inner;
};

static const struct kind kinds[] = {
    { "tcp", make_tcp, false },   { "syn", make_syn, false },     { "udp", make_udp, false },
    { "qinq", make_vlan, false }, { "ipv6", make_ip6, false },    { "vxlan-outer", make_vxlan, false },
    { "vxlan-inner", make_vxlan, true },
};

/* Frame i is of kind i mod n. */
static void make(struct frame *frame, u8 *room, const struct kind *of, u32 n)
{
    static struct build b;
    for (u32 i = 0; i < FRAMES; i++) {
        build_init(&b);
        of[i % n].make(&b, i);
        frame[i] = build_frame(&b, LINK_ETHERNET, (nanos)i * 1000);
        WEIR_ASSERT(b.len <= ROOM);
        frame[i].at = memcpy(room + (size_t)i * ROOM, b.at, b.len);
    }
}

/* ns a frame. */
static f64 run(const struct frame *frame, bool inner, u32 rounds)
{
    const struct packet_options how = { .inner = inner };
    f64                         best = 1e9;
    u64                         sum = 0;
    for (u32 round = 0; round < rounds; round++) {
        f64 from = seconds();
        for (u32 pass = 0; pass < (rounds == 1 ? 1 : PASSES); pass++) {
            for (u32 i = 0; i < FRAMES; i++) {
                struct packet p;
                packet_parse(&p, &frame[i], &how);
                sum += p.payload + p.src_port + p.src.b[15];
            }
        }
        f64 took = seconds() - from;
        if (took < best) best = took;
    }
    WEIR_ASSERT(sum > 0);
    return best / ((f64)FRAMES * PASSES) * 1e9;
}

int main(int argc, char **argv)
{
    struct frame *frame = malloc(FRAMES * sizeof *frame);
    u8           *room = malloc((size_t)FRAMES * ROOM);
    WEIR_ASSERT(frame != NULL && room != NULL);
    for (u32 k = 0; k < WEIR_COUNT(kinds); k++) {
        if (argc > 1 && strcmp(argv[1], kinds[k].name) != 0) continue;
        make(frame, room, &kinds[k], 1);
        printf("%-12s %7.1f ns a frame\n", kinds[k].name, run(frame, kinds[k].inner, argc > 1 ? 1 : ROUNDS));
    }
    if (argc == 1) {
        make(frame, room, kinds, 6);
        printf("%-12s %7.1f ns a frame\n", "mixed", run(frame, false, ROUNDS));
    }
    free(frame);
    free(room);
    return 0;
}
