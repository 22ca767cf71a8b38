/* SPDX-License-Identifier: Apache-2.0 */
/* test_minutes.c: frames in, lines out: sums, directions, the minute's end, TCP's fates, limits, late frames. */
#include "packet/minutes.h"
#include "weir/hash.h"

#include "../unit.h"
#include "build.h"

#include <stdio.h>
#include <stdlib.h>

#define T0     (1700000040 * NANOS_SECOND) /* a minute's start */
#define MINUTE (60 * NANOS_SECOND)
#define MS     1000000ll
#define A      0x0a000001u
#define B      0x0a000002u
#define COLUMNS_MAX 80

/* Columns of formats of P2, section 4, counted from 1 as there. */
enum {
    SRC_IP = 1, DST_IP, PROTOCOL, SRC_MAC, DST_MAC, VLAN, FIRST, LAST, CONNECTIONS, PACKETS, PACKETS_BACK, BYTES,
    BYTES_BACK, PAYLOAD, PAYLOAD_BACK, MIN_SIZE, MIN_SIZE_BACK, MAX_SIZE, MAX_SIZE_BACK, MIN_TTL, MIN_TTL_BACK,
    TTL1, TTL1_BACK, FRAGMENTS, FRAGMENTS_BACK, SIZE_BINS, SIZE_BINS_BACK, GAP, GAP_BACK, PORTS, PORTS_BACK,
    TOP_PORT, SYN, SYN_BACK, SYNACK, SYNACK_BACK, PURE_ACK = 43, RETRANSMISSIONS = 45, MIN_WINDOW = 55,
    MIN_WINDOW_BACK, MSS, MSS_BACK, RTT, RTT_BACK, SETUP, RESPONSE, ESTABLISHED, REFUSED, UNANSWERED, QUERIES = 33,
    RESPONSES, DNS_ERRORS, DNS_TIME,
};

struct rig {
    struct minutes_out out;
    struct minutes    *m;
    char              *text; /* "minute file line\n" ... */
    size_t             used, room;
    char               field[64];
    struct build       build;
};

static void rig_write(struct rig *r, const char *at, size_t len)
{
    if (r->used + len + 1 > r->room) {
        r->room = (r->used + len + 1) * 2;
        r->text = realloc(r->text, r->room);
        assert_non_null(r->text);
    }
    memcpy(r->text + r->used, at, len);
    r->used += len;
    r->text[r->used] = '\0';
}

static void on_lines(struct minutes_out *out, nanos start, enum p2_file file, slice text, u64 lines)
{
    struct rig *r = container_of(out, struct rig, out);
    char        head[64];
    u64         n = 0;
    assert_true(text.len <= 256 * 1024 && text.at[text.len - 1] == '\n');
    while (text.len > 0) {
        size_t len = (size_t)((const char *)memchr(text.at, '\n', text.len) - text.at) + 1;
        int    h = snprintf(head, sizeof head, "%lld %s ", (long long)(start / MINUTE - T0 / MINUTE),
                            p2_file_name(file));
        rig_write(r, head, (size_t)h);
        rig_write(r, text.at, len);
        text = slice_of(text.at + len, text.len - len);
        n++;
    }
    assert_int_equal(n, lines);
}

static void on_sealed(struct minutes_out *out, nanos start)
{
    struct rig *r = container_of(out, struct rig, out);
    char        line[64];
    int         n = snprintf(line, sizeof line, "%lld sealed\n", (long long)(start / MINUTE - T0 / MINUTE));
    rig_write(r, line, (size_t)n);
}

static struct rig *rig_open(struct minutes_setup setup)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->out = (struct minutes_out){ on_lines, on_sealed };
    r->m = minutes_open(&setup, &r->out);
    rig_write(r, "", 0);
    return r;
}

static struct rig *rig_tcp(void)
{
    return rig_open((struct minutes_setup){ .tcp = true });
}

static void rig_close(struct rig *r)
{
    minutes_close(r->m);
    free(r->text);
    free(r);
}

static u32 rig_lines(const struct rig *r)
{
    u32 n = 0;
    for (const char *p = r->text; (p = strchr(p, '\n')) != NULL; p++) n++;
    return n;
}

/* Column `c` of the n-th thing that was told; 0 and -1: its minute, its file. */
static const char *rig_field(struct rig *r, u32 n, int c)
{
    const char *p = r->text;
    while (n-- > 0) p = strchr(p, '\n') + 1;
    for (int i = -1; i < c; i++) {
        p += strcspn(p, " \n");
        if (*p == '\n') return "(no such column)";
        p++;
    }
    size_t len = strcspn(p, " \n");
    assert_true(len < sizeof r->field);
    memcpy(r->field, p, len);
    r->field[len] = '\0';
    return r->field;
}

#define FIELD(r, n, c, is) assert_string_equal(rig_field(r, n, c), is)

/* --- frames --- */

static void push(struct rig *r, nanos at)
{
    struct frame f = build_frame(&r->build, LINK_ETHERNET, at);
    minutes_push(r->m, &f, 1);
}

static void begin(struct rig *r, u32 src, u32 dst, u32 protocol)
{
    build_init(&r->build);
    build_ethernet(&r->build, 0x0800);
    build_ip4(&r->build, src, dst, protocol);
}

struct segment {
    nanos at;
    u32   src, dst, src_port, dst_port, seq, ack, flags, payload;
};

static void tcp(struct rig *r, struct segment s)
{
    begin(r, s.src, s.dst, 6);
    build_tcp(&r->build, s.src_port, s.dst_port, s.seq, s.ack, s.flags);
    build_payload(&r->build, s.payload);
    push(r, T0 + s.at);
}

static void udp(struct rig *r, nanos at, u32 src, u32 dst, u32 src_port, u32 dst_port, u32 payload)
{
    begin(r, src, dst, 17);
    build_udp(&r->build, src_port, dst_port);
    build_payload(&r->build, payload);
    push(r, T0 + at);
}

static void dns(struct rig *r, nanos at, bool back, u32 id, u32 flags)
{
    begin(r, back ? B : A, back ? A : B, 17);
    build_udp(&r->build, back ? 53 : 5000, back ? 5000 : 53);
    build_u16(&r->build, id);
    build_u16(&r->build, flags);
    build_fill(&r->build, 0, 8);
    push(r, T0 + at);
}

static void handshake(struct rig *r, nanos at)
{
    tcp(r, (struct segment){ at, A, B, 4000, 80, 100, 0, TCP_SYN, 0 });
    tcp(r, (struct segment){ at + 10 * MS, B, A, 80, 4000, 900, 101, TCP_SYN | TCP_ACK, 0 });
    tcp(r, (struct segment){ at + 30 * MS, A, B, 4000, 80, 101, 901, TCP_ACK, 0 });
}

/* --- sums and columns --- */

TEST(minutes_give_a_tcp_conversation_with_every_column_of_the_layout)
{
    struct rig *r = rig_tcp();
    handshake(r, 0);
    tcp(r, (struct segment){ 40 * MS, A, B, 4000, 80, 101, 901, TCP_ACK | TCP_PSH, 100 });
    tcp(r, (struct segment){ 45 * MS, B, A, 80, 4000, 901, 201, TCP_ACK, 1000 });
    tcp(r, (struct segment){ 60 * MS, A, B, 4000, 80, 201, 1901, TCP_ACK, 0 });
    minutes_end(r->m);
    assert_string_equal(
        r->text,
        "0 tcp 10.0.0.1 10.0.0.2 6 02:00:00:00:00:01 02:00:00:00:00:02 - 1700000040.000000000 1700000040.060000000 "
        "1 4 2 260 1080 100 1000 40 40 140 1040 64 64 0 0 0 0 3,0,1,0,0,0,0 1,0,0,0,0,1,0 "
        "3:0.010000000:0.020000000:0.030000000 1:0.035000000:0.035000000:0.035000000 1 1 80 "
        "1 0 0 1 0 0 0 0 1 0 2 0 0 0 0 0 0 0 0 0 0 0 1000 1000 100 1000 "
        "2:0.005000000:0.007500000:0.010000000 2:0.015000000:0.017500000:0.020000000 "
        "1:0.030000000:0.030000000:0.030000000 1:0.005000000:0.005000000:0.005000000 1 0 0\n"
        "0 sealed\n");
    rig_close(r);
}

TEST(minutes_leave_analysis_null_where_tcp_is_not_analysed)
{
    struct rig *r = rig_open((struct minutes_setup){ .tcp = false });
    handshake(r, 0);
    minutes_end(r->m);
    FIELD(r, 0, SYN, "1");
    FIELD(r, 0, SYNACK_BACK, "1");
    FIELD(r, 0, PURE_ACK, "1");
    for (int c = RETRANSMISSIONS; c < MIN_WINDOW; c++) FIELD(r, 0, c, "-");
    FIELD(r, 0, MIN_WINDOW, "1000");
    for (int c = RTT; c <= UNANSWERED; c++) FIELD(r, 0, c, "-");
    FIELD(r, 0, UNANSWERED + 1, "(no such column)");
    rig_close(r);
}

TEST(minutes_leave_extremes_of_a_silent_direction_null_and_its_sums_0)
{
    struct rig *r = rig_tcp();
    udp(r, 0, A, B, 1000, 2000, 10);
    minutes_end(r->m);
    FIELD(r, 0, PACKETS_BACK, "0");
    FIELD(r, 0, BYTES_BACK, "0");
    FIELD(r, 0, MIN_SIZE, "38");
    FIELD(r, 0, MIN_SIZE_BACK, "-");
    FIELD(r, 0, MAX_SIZE_BACK, "-");
    FIELD(r, 0, MIN_TTL_BACK, "-");
    FIELD(r, 0, GAP, "-");
    FIELD(r, 0, TTL1_BACK, "0");
    FIELD(r, 0, SIZE_BINS_BACK, "0,0,0,0,0,0,0");
    FIELD(r, 0, DNS_TIME, "-");
    FIELD(r, 0, DNS_TIME + 1, "(no such column)");
    rig_close(r);
}

TEST(minutes_take_the_sender_of_the_first_packet_for_src)
{
    struct rig *r = rig_tcp();
    udp(r, 0, B, A, 2000, 1000, 10);
    udp(r, 1, A, B, 1000, 2000, 10);
    minutes_end(r->m);
    FIELD(r, 0, SRC_IP, "10.0.0.2");
    FIELD(r, 0, DST_IP, "10.0.0.1");
    FIELD(r, 0, TOP_PORT, "1000");
    rig_close(r);
}

TEST(minutes_take_the_sender_of_a_later_syn_for_src)
{
    struct rig *r = rig_tcp();
    tcp(r, (struct segment){ 0, B, A, 80, 4001, 5, 5, TCP_ACK, 70 }); /* of an old connection */
    handshake(r, MS);
    minutes_end(r->m);
    FIELD(r, 0, SRC_IP, "10.0.0.1");
    FIELD(r, 0, SRC_MAC, "02:00:00:00:00:02"); /* as the first packet told: it went the other way, from that station */
    FIELD(r, 0, PACKETS, "2");
    FIELD(r, 0, PACKETS_BACK, "2");
    FIELD(r, 0, PAYLOAD_BACK, "70");
    FIELD(r, 0, CONNECTIONS, "2");
    FIELD(r, 0, PORTS, "2");
    FIELD(r, 0, PORTS_BACK, "1");
    FIELD(r, 0, TOP_PORT, "80");
    rig_close(r);
}

TEST(minutes_tell_both_ends_of_one_address_apart_by_who_began)
{
    struct rig *r = rig_tcp();
    udp(r, 0, A, A, 9000, 53, 10);
    udp(r, 1, A, A, 53, 9000, 20);
    udp(r, 2, A, A, 40, 50, 30);
    minutes_end(r->m);
    FIELD(r, 0, PACKETS, "2");
    FIELD(r, 0, PAYLOAD, "40");
    FIELD(r, 0, PAYLOAD_BACK, "20");
    FIELD(r, 0, PORTS, "2");
    rig_close(r);
}

TEST(minutes_keep_vlans_apart_and_tell_the_outermost)
{
    struct rig *r = rig_tcp();
    for (u32 id = 1; id <= 2; id++) {
        build_init(&r->build);
        build_ethernet(&r->build, 0x8100);
        build_vlan(&r->build, 7, 0x8100);
        build_vlan(&r->build, id, 0x0800);
        build_ip4(&r->build, A, B, 17);
        build_udp(&r->build, 1, 2);
        push(r, T0);
    }
    minutes_end(r->m);
    assert_int_equal(rig_lines(r), 3);
    FIELD(r, 0, VLAN, "7");
    FIELD(r, 1, VLAN, "7");
    rig_close(r);
}

TEST(minutes_count_icmp_by_type_and_id_and_leave_ports_null)
{
    struct rig *r = rig_tcp();
    for (u32 i = 0; i < 4; i++) {
        begin(r, i & 1 ? B : A, i & 1 ? A : B, 1);
        build_icmp(&r->build, i & 1 ? 0 : 8, 0, 77);
        push(r, T0 + i);
    }
    minutes_end(r->m);
    FIELD(r, 0, -1, "0");
    FIELD(r, 0, 0, "other");
    FIELD(r, 0, CONNECTIONS, "2"); /* requests, replies */
    FIELD(r, 0, PORTS, "-");
    FIELD(r, 0, PORTS_BACK, "-");
    FIELD(r, 0, TOP_PORT, "-");
    FIELD(r, 0, TOP_PORT + 1, "(no such column)");
    rig_close(r);
}

TEST(minutes_give_fragments_the_ports_of_their_first)
{
    struct rig *r = rig_tcp();
    begin(r, A, B, 17);
    build_ip4_fragment(&r->build, 9, 0, true);
    build_udp(&r->build, 1000, 2000);
    build_payload(&r->build, 16);
    push(r, T0);
    begin(r, A, B, 17);
    build_ip4_fragment(&r->build, 9, 24, false);
    build_payload(&r->build, 8);
    push(r, T0 + 1);
    minutes_end(r->m);
    FIELD(r, 0, CONNECTIONS, "1");
    FIELD(r, 0, FRAGMENTS, "2");
    FIELD(r, 0, PORTS, "1");
    FIELD(r, 0, PAYLOAD, "24");
    rig_close(r);
}

TEST(minutes_time_dns_by_id_and_count_errors)
{
    struct rig *r = rig_tcp();
    dns(r, 0, false, 1, 0x0100);
    dns(r, 1 * MS, false, 2, 0x0100);
    dns(r, 5 * MS, true, 2, 0x8183);
    dns(r, 9 * MS, true, 1, 0x8180);
    dns(r, 9 * MS, true, 1, 0x8180); /* once more: its query is answered */
    minutes_end(r->m);
    FIELD(r, 0, QUERIES, "2");
    FIELD(r, 0, RESPONSES, "3");
    FIELD(r, 0, DNS_ERRORS, "1");
    FIELD(r, 0, DNS_TIME, "2:0.004000000:0.006500000:0.009000000");
    rig_close(r);
}

/* --- minutes --- */

TEST(minutes_count_a_connection_once_in_each_minute)
{
    struct rig *r = rig_tcp();
    handshake(r, 0);
    tcp(r, (struct segment){ MINUTE - 1, A, B, 4000, 80, 101, 901, TCP_ACK, 10 });
    tcp(r, (struct segment){ MINUTE, B, A, 80, 4000, 901, 111, TCP_ACK, 10 });
    tcp(r, (struct segment){ MINUTE + MS, A, B, 4000, 80, 111, 911, TCP_ACK, 0 });
    minutes_end(r->m);
    assert_int_equal(rig_lines(r), 4);
    FIELD(r, 0, SRC_IP, "10.0.0.1");
    FIELD(r, 0, PACKETS, "3");
    FIELD(r, 0, CONNECTIONS, "1");
    FIELD(r, 2, -1, "1");
    FIELD(r, 2, SRC_IP, "10.0.0.2"); /* it was first in that minute */
    FIELD(r, 2, CONNECTIONS, "1");
    FIELD(r, 2, RTT, "1:0.001000000:0.001000000:0.001000000");
    FIELD(r, 2, RTT_BACK, "1:0.000000001:0.000000001:0.000000001");
    rig_close(r);
}

TEST(minutes_are_given_out_3_seconds_past_their_end)
{
    struct rig *r = rig_tcp();
    udp(r, 0, A, B, 1, 2, 0);
    udp(r, MINUTE + 3 * NANOS_SECOND - 1, A, B, 1, 2, 0);
    assert_int_equal(rig_lines(r), 0);
    udp(r, MINUTE - 1, A, B, 1, 2, 0); /* time goes back within what is open */
    udp(r, MINUTE + 3 * NANOS_SECOND, A, B, 1, 2, 0);
    assert_int_equal(rig_lines(r), 2);
    FIELD(r, 0, PACKETS, "2");
    udp(r, MINUTE - 1, A, B, 1, 2, 0);
    assert_int_equal(minutes_counts(r->m)->late, 1);
    assert_int_equal(minutes_counts(r->m)->applied, 4);
    assert_int_equal(minutes_counts(r->m)->frames, 5);
    rig_close(r);
}

TEST(minutes_between_are_sealed_one_by_one_when_time_jumps)
{
    struct rig *r = rig_tcp();
    udp(r, 0, A, B, 1, 2, 0);
    udp(r, 3 * MINUTE + 10 * NANOS_SECOND, A, B, 1, 2, 0);
    minutes_end(r->m);
    assert_int_equal(rig_lines(r), 6);
    FIELD(r, 1, -1, "0");
    FIELD(r, 2, -1, "1");
    FIELD(r, 3, -1, "2");
    FIELD(r, 4, -1, "3");
    FIELD(r, 5, -1, "3");
    rig_close(r);
}

TEST(minutes_do_not_seal_a_jump_of_years_one_by_one)
{
    struct rig *r = rig_tcp();
    udp(r, 0, A, B, 1, 2, 0);
    udp(r, 1000000 * MINUTE, A, B, 1, 2, 0);
    minutes_end(r->m);
    assert_true(rig_lines(r) < 10);
    FIELD(r, rig_lines(r) - 1, -1, "1000000");
    rig_close(r);
}

TEST(minutes_bear_the_ends_of_time)
{
    static const nanos times[] = { NANOS_MIN, 0, -1, NANOS_MAX };
    struct rig        *r = rig_tcp();
    for (u32 i = 0; i < WEIR_COUNT(times); i++) {
        begin(r, A, B, 17);
        build_udp(&r->build, 1, 2);
        push(r, times[i]);
    }
    minutes_end(r->m);
    const struct minutes_counts *c = minutes_counts(r->m);
    assert_int_equal(c->lines, 4);
    assert_int_equal(c->applied, 4);
    rig_close(r);
}

TEST(minutes_are_given_out_by_the_clock_where_no_packet_comes)
{
    struct rig *r = rig_tcp();
    minutes_clock(r->m, T0 + NANOS_SECOND);
    udp(r, 2 * NANOS_SECOND, A, B, 1, 2, 0);
    minutes_clock(r->m, T0 + MINUTE + 2 * NANOS_SECOND);
    assert_int_equal(rig_lines(r), 0);
    minutes_clock(r->m, T0 + MINUTE + 3 * NANOS_SECOND);
    assert_int_equal(rig_lines(r), 2);
    minutes_clock(r->m, T0 + 2 * MINUTE + 3 * NANOS_SECOND);
    assert_int_equal(rig_lines(r), 3);
    minutes_clock(r->m, T0); /* set back: nothing */
    assert_int_equal(rig_lines(r), 3);
    rig_close(r);
}

TEST(minutes_do_not_seal_what_was_before_the_first_frame)
{
    struct rig *r = rig_tcp();
    udp(r, NANOS_SECOND, A, B, 1, 2, 0); /* the minute before is open by its 3 s */
    minutes_end(r->m);
    assert_int_equal(rig_lines(r), 2);
    FIELD(r, 1, -1, "0");
    rig_close(r);
}

/* --- a SYN's fate --- */

TEST(minutes_count_a_syn_without_answer_in_its_own_minute)
{
    struct rig *r = rig_tcp();
    tcp(r, (struct segment){ MINUTE - MS, A, B, 4000, 80, 100, 0, TCP_SYN, 0 });
    tcp(r, (struct segment){ MINUTE + MS, A, B, 4000, 80, 100, 0, TCP_SYN, 0 }); /* tries again */
    tcp(r, (struct segment){ MINUTE + 3 * NANOS_SECOND, B, A, 80, 4000, 900, 101, TCP_SYN | TCP_ACK, 0 });
    minutes_end(r->m);
    FIELD(r, 0, UNANSWERED, "1");
    FIELD(r, 2, UNANSWERED, "0");
    FIELD(r, 2, SYN, "1");
    FIELD(r, 2, RETRANSMISSIONS, "1");
    rig_close(r);
}

TEST(minutes_take_an_answer_within_3_seconds_of_the_minutes_end)
{
    struct rig *r = rig_tcp();
    tcp(r, (struct segment){ MINUTE - MS, A, B, 4000, 80, 100, 0, TCP_SYN, 0 });
    tcp(r, (struct segment){ MINUTE + 2 * NANOS_SECOND, B, A, 80, 4000, 900, 101, TCP_SYN | TCP_ACK, 0 });
    tcp(r, (struct segment){ MINUTE + 2 * NANOS_SECOND + MS, A, B, 4000, 80, 101, 901, TCP_ACK, 0 });
    minutes_end(r->m);
    FIELD(r, 0, UNANSWERED, "0");
    FIELD(r, 0, ESTABLISHED, "0");
    FIELD(r, 2, ESTABLISHED, "1");
    FIELD(r, 2, SETUP, "1:2.002000000:2.002000000:2.002000000");
    rig_close(r);
}

TEST(minutes_tell_refused_from_unanswered)
{
    struct rig *r = rig_tcp();
    tcp(r, (struct segment){ 0, A, B, 4000, 80, 100, 0, TCP_SYN, 0 });
    tcp(r, (struct segment){ MS, B, A, 80, 4000, 0, 101, TCP_RST | TCP_ACK, 0 });
    tcp(r, (struct segment){ 2 * MS, A, B, 4001, 81, 100, 0, TCP_SYN, 0 });
    minutes_end(r->m);
    FIELD(r, 0, REFUSED, "1");
    FIELD(r, 0, UNANSWERED, "1");
    FIELD(r, 0, ESTABLISHED, "0");
    rig_close(r);
}

TEST(minutes_count_a_5_tuple_once_though_it_was_closed_and_opened_again)
{
    struct rig *r = rig_tcp();
    handshake(r, 0);
    tcp(r, (struct segment){ NANOS_SECOND, B, A, 80, 4000, 901, 101, TCP_RST, 0 });
    for (u32 i = 0; i < 3000; i++) udp(r, 20 * NANOS_SECOND + i, 5, 6, 7, 8, 0); /* silent entries are looked for */
    tcp(r, (struct segment){ 30 * NANOS_SECOND, A, B, 4000, 80, 70000, 0, TCP_SYN, 0 });
    minutes_end(r->m);
    FIELD(r, 0, CONNECTIONS, "1");
    FIELD(r, 0, UNANSWERED, "1");
    rig_close(r);
}

/* --- limits --- */

TEST(minutes_give_the_oldest_with_least_packets_out_early)
{
    struct rig *r = rig_open((struct minutes_setup){ .tcp = true, .conversations_max = 2 });
    for (u32 i = 0; i < 8; i++) udp(r, i, A, B, 1, 2, 0);
    udp(r, 10, A, 3, 1, 2, 0);
    udp(r, 11, A, 4, 1, 2, 0); /* gives out 3 */
    udp(r, 12, A, 3, 1, 2, 0); /* gives out 4; a second line of 3 */
    minutes_end(r->m);
    assert_int_equal(minutes_counts(r->m)->conversations_early, 2);
    assert_int_equal(rig_lines(r), 5);
    FIELD(r, 0, DST_IP, "0.0.0.3");
    FIELD(r, 1, DST_IP, "0.0.0.4");
    FIELD(r, 2, DST_IP, "10.0.0.2");
    FIELD(r, 2, PACKETS, "8");
    FIELD(r, 3, DST_IP, "0.0.0.3");
    FIELD(r, 3, CONNECTIONS, "0"); /* it was counted in the first line */
    rig_close(r);
}

TEST(minutes_leave_in_order_though_the_table_is_full_between_two)
{
    struct rig *r = rig_open((struct minutes_setup){ .conversations_max = 2 });
    udp(r, MINUTE - 1, A, B, 1, 2, 0);
    for (u32 i = 0; i < 5; i++) udp(r, MINUTE + i, A, 10 + i, 1, 2, 0);
    udp(r, MINUTE - 1, A, 99, 1, 2, 0); /* its minute had to go: late */
    minutes_end(r->m);
    for (u32 i = 1; i < rig_lines(r); i++) {
        int before = atoi(rig_field(r, i - 1, -1));
        assert_true(before <= atoi(rig_field(r, i, -1)));
    }
    const struct minutes_counts *c = minutes_counts(r->m);
    assert_int_equal(c->lines, 6);
    assert_int_equal(c->late, 1);
    assert_int_equal(c->frames, c->applied + c->late + c->bad);
    rig_close(r);
}

TEST(minutes_count_a_frame_late_if_only_its_own_minute_could_make_room)
{
    struct rig *r = rig_open((struct minutes_setup){ .conversations_max = 2 });
    udp(r, MINUTE, A, B, 1, 2, 0);
    udp(r, MINUTE, A, 3, 1, 2, 0);
    udp(r, MINUTE - 1, A, B, 1, 2, 0);
    minutes_end(r->m);
    assert_int_equal(minutes_counts(r->m)->late, 1);
    assert_int_equal(minutes_counts(r->m)->lines, 2);
    rig_close(r);
}

TEST(minutes_evict_unanswered_flows_first)
{
    struct rig *r = rig_open((struct minutes_setup){ .tcp = true, .flows_max = 64 });
    handshake(r, 0);
    for (u32 i = 0; i < 10000; i++) tcp(r, (struct segment){ MS * 31 + i, A, 9, 1024 + i, 80, i, 0, TCP_SYN, 0 });
    tcp(r, (struct segment){ NANOS_SECOND, A, B, 4000, 80, 101, 901, TCP_ACK, 10 });
    tcp(r, (struct segment){ NANOS_SECOND + MS, B, A, 80, 4000, 901, 111, TCP_ACK, 0 });
    minutes_end(r->m);
    FIELD(r, 0, CONNECTIONS, "1"); /* it was not forgotten */
    FIELD(r, 0, RTT, "2:0.001000000:0.005500000:0.010000000");
    FIELD(r, 1, CONNECTIONS, "10000");
    FIELD(r, 1, UNANSWERED, "10000");
    FIELD(r, 1, PORTS, "10000");
    FIELD(r, 1, PORTS_BACK, "1");
    assert_int_equal(minutes_counts(r->m)->flows_evicted, 10000 + 1 - 64);
    rig_close(r);
}

static struct minutes_setup small(void)
{
    return (struct minutes_setup){ .tcp = true, .flows_max = 1024, .conversations_max = 512, .segments_max = 256,
                                   .fragments_max = 64, .arp = true, .eth = true };
}

/* Any pairs, any flags, time in jerks. */
static void noise(struct rig *r, u32 n, u32 batch)
{
    static struct build b[MINUTES_BATCH];
    struct frame        f[MINUTES_BATCH];
    u64                 state = 7;
    nanos               now = T0;
    for (u32 i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        u32 x = (u32)(state >> 32), k = i % batch;
        now += x % 5000000;
        build_init(&b[k]);
        build_ethernet(&b[k], x % 97 == 0 ? 0x88cc : 0x0800);
        build_ip4(&b[k], A + x % 40, B + x / 64 % 40, x % 3 == 0 ? 17 : 6);
        if (x % 3 == 0) build_udp(&b[k], x % 500, 53);
        else build_tcp(&b[k], x % 700, 80, x >> 8, x >> 5, x >> 11 & 0x1f);
        build_payload(&b[k], x >> 20 & 0x3f);
        f[k] = build_frame(&b[k], LINK_ETHERNET, now - (x % 11 == 0 ? NANOS_SECOND : 0));
        if (k + 1 == batch || i + 1 == n) minutes_push(r->m, f, k + 1);
    }
    minutes_end(r->m);
}

TEST(minutes_say_the_same_whatever_the_batches_and_the_hash)
{
    struct rig *a = rig_open(small()), *b, *c;
    hash_seed_set(1);
    noise(a, 100000, MINUTES_BATCH);
    b = rig_open(small());
    noise(b, 100000, 7);
    hash_seed_set(2);
    c = rig_open(small());
    noise(c, 100000, MINUTES_BATCH);
    assert_true(a->used > 100000);
    assert_true(minutes_counts(a->m)->conversations_early > 0 && minutes_counts(a->m)->flows_evicted > 0);
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->text, c->text);
    rig_close(a), rig_close(b), rig_close(c);
}

TEST(minutes_lose_no_packet_at_their_limits)
{
    struct rig *r = rig_open(small());
    u64         packets = 0, lines = 0;
    noise(r, 50000, MINUTES_BATCH);
    const struct minutes_counts *c = minutes_counts(r->m);
    for (const char *p = r->text; *p; p = strchr(p, '\n') + 1, lines++) {
        unsigned long n[2];
        if (sscanf(p, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &n[0], &n[1]) == 2) packets += n[0] + n[1];
    }
    assert_int_equal(c->frames, 50000);
    assert_int_equal(c->frames, c->applied + c->late + c->bad);
    assert_int_equal(packets, c->applied - c->eth);
    rig_close(r);
}

TEST(minutes_hold_no_more_memory_under_a_longer_flood)
{
    struct rig *r = rig_open(small());
    u64         held = 0;
    for (u32 i = 0; i < 60000; i++) {
        tcp(r, (struct segment){ i * 1000, 0x0b000000 + i * 7919, B, i, 80, i, 0, TCP_SYN, 0 });
        if (i == 5000) held = minutes_memory(r->m);
        r->used = 0;
    }
    assert_int_equal(minutes_memory(r->m), held);
    assert_true(held < 40u << 20);
    assert_int_equal(minutes_counts(r->m)->conversations_early, 60000 - 512);
    rig_close(r);
}

/* --- frames without IP --- */

TEST(minutes_count_arp_and_write_it_on_request)
{
    for (u32 write = 0; write < 2; write++) {
        struct rig *r = rig_open((struct minutes_setup){ .arp = write });
        for (u32 i = 0; i < 3; i++) {
            build_init(&r->build);
            build_ethernet(&r->build, 0x0806);
            build_u32(&r->build, 0x00010800);
            build_u32(&r->build, 0x06040000 | (i == 2 ? 2 : 1));
            build_fill(&r->build, 0, 20);
            push(r, T0 + i);
        }
        minutes_end(r->m);
        assert_int_equal(minutes_counts(r->m)->arp, 3);
        assert_string_equal(r->text, write ? "0 arp 02:00:00:00:00:01 02:00:00:00:00:02 - 2054 1 1700000040.000000000 "
                                             "1700000040.000000001 2 84\n"
                                             "0 arp 02:00:00:00:00:01 02:00:00:00:00:02 - 2054 2 1700000040.000000002 "
                                             "1700000040.000000002 1 42\n0 sealed\n"
                                           : "0 sealed\n");
        rig_close(r);
    }
}

TEST(minutes_give_ethernet_lines_out_early_past_their_limit)
{
    struct rig *r = rig_open((struct minutes_setup){ .eth = true });
    for (u32 i = 0; i < 40000; i++) {
        build_init(&r->build);
        build_mac(&r->build, i);
        build_mac(&r->build, 1);
        build_u16(&r->build, 0x88cc);
        build_fill(&r->build, 0, 46);
        push(r, T0 + i);
    }
    minutes_end(r->m);
    assert_int_equal(minutes_counts(r->m)->eth, 40000);
    assert_int_equal(minutes_counts(r->m)->lines, 40000);
    rig_close(r);
}

TEST(minutes_count_frames_that_are_no_packet_by_their_fault)
{
    struct rig *r = rig_tcp();
    build_init(&r->build);
    build_ethernet(&r->build, 0x0800);
    build_u32(&r->build, 0x45000000);
    push(r, T0);
    minutes_end(r->m);
    const struct minutes_counts *c = minutes_counts(r->m);
    assert_int_equal(c->bad, 1);
    assert_int_equal(c->fault[PACKET_IP_SHORT], 1);
    assert_int_equal(rig_lines(r), 0);
    rig_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_give_a_tcp_conversation_with_every_column_of_the_layout),
        cmocka_unit_test(minutes_leave_analysis_null_where_tcp_is_not_analysed),
        cmocka_unit_test(minutes_leave_extremes_of_a_silent_direction_null_and_its_sums_0),
        cmocka_unit_test(minutes_take_the_sender_of_the_first_packet_for_src),
        cmocka_unit_test(minutes_take_the_sender_of_a_later_syn_for_src),
        cmocka_unit_test(minutes_tell_both_ends_of_one_address_apart_by_who_began),
        cmocka_unit_test(minutes_keep_vlans_apart_and_tell_the_outermost),
        cmocka_unit_test(minutes_count_icmp_by_type_and_id_and_leave_ports_null),
        cmocka_unit_test(minutes_give_fragments_the_ports_of_their_first),
        cmocka_unit_test(minutes_time_dns_by_id_and_count_errors),
        cmocka_unit_test(minutes_count_a_connection_once_in_each_minute),
        cmocka_unit_test(minutes_are_given_out_3_seconds_past_their_end),
        cmocka_unit_test(minutes_between_are_sealed_one_by_one_when_time_jumps),
        cmocka_unit_test(minutes_do_not_seal_a_jump_of_years_one_by_one),
        cmocka_unit_test(minutes_bear_the_ends_of_time),
        cmocka_unit_test(minutes_are_given_out_by_the_clock_where_no_packet_comes),
        cmocka_unit_test(minutes_do_not_seal_what_was_before_the_first_frame),
        cmocka_unit_test(minutes_count_a_syn_without_answer_in_its_own_minute),
        cmocka_unit_test(minutes_take_an_answer_within_3_seconds_of_the_minutes_end),
        cmocka_unit_test(minutes_tell_refused_from_unanswered),
        cmocka_unit_test(minutes_count_a_5_tuple_once_though_it_was_closed_and_opened_again),
        cmocka_unit_test(minutes_give_the_oldest_with_least_packets_out_early),
        cmocka_unit_test(minutes_leave_in_order_though_the_table_is_full_between_two),
        cmocka_unit_test(minutes_count_a_frame_late_if_only_its_own_minute_could_make_room),
        cmocka_unit_test(minutes_evict_unanswered_flows_first),
        cmocka_unit_test(minutes_say_the_same_whatever_the_batches_and_the_hash),
        cmocka_unit_test(minutes_lose_no_packet_at_their_limits),
        cmocka_unit_test(minutes_hold_no_more_memory_under_a_longer_flood),
        cmocka_unit_test(minutes_count_arp_and_write_it_on_request),
        cmocka_unit_test(minutes_give_ethernet_lines_out_early_past_their_limit),
        cmocka_unit_test(minutes_count_frames_that_are_no_packet_by_their_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
