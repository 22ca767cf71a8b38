/* SPDX-License-Identifier: Apache-2.0 */
/* test_conversation.c: distinct and most frequent ports, who goes first, the store below, and how numbers are written.
 * */
#include "../unit.h"
#include "packet/conversation.h"
#include "packet/p2line.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE_7 7

static struct packet packet_of(u16 src_port, u16 dst_port, nanos time)
{
    return (struct packet){ .time = time, .kind = PACKET_IP, .protocol = 17, .ip_bytes = 100, .payload = 72, .ttl = 9,
                            .ports = true, .src_port = src_port, .dst_port = dst_port, .src_mac = PACKET_NO_MAC,
                            .dst_mac = PACKET_NO_MAC, .vlan = PACKET_NO_VLAN };
}

static u32 add(struct conversations *c, u32 who, i32 minute)
{
    struct packet           p = packet_of(1, 2, 5);
    struct conversation_key key = { .protocol = 17 };
    memcpy(key.end[1].b + 12, &who, sizeof who);
    u64 hash = conversation_hash(&key, minute);
    assert_int_equal(conversations_find(c, &key, hash, minute), UINT32_MAX);
    u32 number = conversations_add(c, &key, hash, minute, 0, &p);
    assert_int_equal(conversations_find(c, &key, hash, minute), number);
    return number;
}

static u32 ports_after(struct conversations *c, u32 number, u32 n)
{
    struct conversation *it = conversations_get(c, number);
    for (u32 i = 0; i < n; i++)
        for (u32 twice = 0; twice < 2; twice++) conversations_ports(c, it, (u16[]){ (u16)(i * 7), 80 });
    assert_int_equal(ports_count(&it->ports[1]), 1);
    return ports_count(&it->ports[0]);
}

TEST(conversation_counts_distinct_ports_exactly_while_sets_are_free)
{
    static const u32     counts[] = { 1, 7, 8, 9, 1000, 65536 };
    struct conversations c;
    conversations_init(&c, 16);
    for (u32 i = 0; i < WEIR_COUNT(counts); i++)
        assert_int_equal(ports_after(&c, add(&c, i, MINUTE_7), counts[i]), counts[i]);
    conversations_fini(&c);
}

TEST(conversation_estimates_distinct_ports_when_no_set_is_left)
{
    struct conversations c;
    conversations_init(&c, 2);
    while (!store_full(&c.sets)) store_take(&c.sets);
    u32 n = ports_after(&c, add(&c, 1, MINUTE_7), 100);
    assert_in_range(n, 85, 115);
    assert_in_range(ports_after(&c, add(&c, 2, MINUTE_7), 65536), 500, 700);
    conversations_fini(&c);
}

TEST(conversation_gives_its_sets_back)
{
    struct conversations c;
    conversations_init(&c, 2);
    for (u32 i = 0; i < 100; i++) {
        u32 number = add(&c, i, MINUTE_7);
        assert_int_equal(ports_after(&c, number, 50), 50);
        conversations_drop(&c, number);
    }
    assert_int_equal(c.sets.live, 0);
    assert_int_equal(c.sets.used, 1);
    conversations_fini(&c);
}

TEST(conversation_finds_the_most_frequent_port_among_many)
{
    struct conversations c;
    conversations_init(&c, 2);
    u32 number = add(&c, 1, MINUTE_7);
    for (u32 i = 0; i < 3000; i++) {
        struct packet p = packet_of(9, i % 3 == 0 ? 443 : (u16)(1000 + i), i);
        conversations_fold(&c, number, 0, &p);
    }
    assert_int_equal(way_top_port(&conversations_get(&c, number)->way[0]), 443);
    assert_int_equal(way_top_port(&conversations_get(&c, number)->way[1]), -1);
    conversations_fini(&c);
}

TEST(conversation_takes_the_lowest_of_equally_frequent_ports)
{
    struct conversations c;
    conversations_init(&c, 2);
    u32 number = add(&c, 1, MINUTE_7);
    for (u32 i = 0; i < 4; i++) {
        struct packet p = packet_of(9, i % 2 ? 22 : 443, i);
        conversations_fold(&c, number, 0, &p);
    }
    assert_int_equal(way_top_port(&conversations_get(&c, number)->way[0]), 22);
    conversations_fini(&c);
}

TEST(conversation_with_least_packets_goes_first_and_the_oldest_of_them)
{
    struct conversations c;
    struct packet        p = packet_of(1, 2, 5);
    u32                  number[4];
    conversations_init(&c, 4);
    for (u32 i = 0; i < 4; i++) {
        number[i] = add(&c, i, MINUTE_7);
        for (u32 k = 0; k < (i == 0 ? 20u : i == 2 ? 3u : 1u); k++) conversations_fold(&c, number[i], k & 1, &p);
    }
    static const u32 order[] = { 1, 3, 2, 0 };
    for (u32 i = 0; i < 4; i++) {
        assert_int_equal(conversations_least(&c, MINUTE_7 & 1), number[order[i]]);
        conversations_drop(&c, number[order[i]]);
    }
    assert_int_equal(conversations_least(&c, 0), UINT32_MAX);
    assert_int_equal(conversations_least(&c, 1), UINT32_MAX);
    conversations_fini(&c);
}

TEST(conversation_counts_no_negative_gap_where_time_goes_back)
{
    struct conversations c;
    static const nanos   times[] = { 100, 90, 130 };
    conversations_init(&c, 4);
    u32 number = add(&c, 1, MINUTE_7);
    for (u32 i = 0; i < 3; i++) {
        struct packet p = packet_of(1, 2, times[i]);
        conversations_fold(&c, number, 1, &p);
    }
    const struct conversation *it = conversations_get(&c, number);
    assert_int_equal(it->way[1].gap_min, 0);
    assert_int_equal(it->way[1].gap_max, 30);
    assert_int_equal(it->way[1].gap_sum, 30);
    assert_int_equal(conversation_last(it), 130);
    conversations_fini(&c);
}

TEST(conversation_sizes_fall_into_seven_bins)
{
    static const u32     sizes[] = { 64, 65, 128, 129, 256, 257, 512, 513, 1024, 1025, 1518, 1519, 65535 };
    struct conversations c;
    conversations_init(&c, 4);
    u32 number = add(&c, 1, MINUTE_7);
    for (u32 i = 0; i < WEIR_COUNT(sizes); i++) {
        struct packet p = packet_of(1, 2, 0);
        p.ip_bytes = sizes[i];
        conversations_fold(&c, number, 0, &p);
    }
    const u32 *bins = conversations_get(&c, number)->way[0].sizes;
    for (u32 i = 0; i < SIZES; i++) assert_int_equal(bins[i], i == 0 ? 1 : 2);
    conversations_fini(&c);
}

/* --- the store --- */

TEST(store_finds_all_that_are_in_it_after_any_taking_out)
{
    struct store s;
    bool         in[3000] = { false };
    u64          random = 3;
    store_init(&s, 16, 3000);
    for (u32 i = 0; i < 3000; i++) assert_int_equal(store_take(&s), i);
    for (u32 round = 0; round < 30000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        u32 i = (u32)(random >> 33) % 3000;
        if (in[i]) store_unindex(&s, i);
        else {
            *(u64 *)store_get(&s, i) = (u64)(i % 50 + 1) << 52 | i; /* many with one home */
            store_index(&s, i);
        }
        in[i] = !in[i];
    }
    for (u32 i = 0; i < 3000; i++) {
        u64  hash = (u64)(i % 50 + 1) << 52 | i, slot;
        bool found = false;
        for (u32 k = store_home(&s, hash); (slot = s.slot[k]) != 0; k = store_next(&s, k)) found |= (u32)slot == i + 1;
        assert_int_equal(found, in[i]);
    }
    store_fini(&s);
}

TEST(store_gives_zeroed_records_and_forgets_in_place)
{
    struct store s;
    store_init(&s, 24, 2);
    for (u32 round = 0; round < 3; round++) {
        u32  i = store_take(&s);
        u64 *at = store_get(&s, i);
        assert_true(at[0] == 0 && at[1] == 0 && at[2] == 0);
        memset(at, 0xff, 24);
        store_give(&s, i);
    }
    memset(store_get(&s, store_take(&s)), 0xff, 24);
    store_reset(&s);
    assert_int_equal(store_take(&s), 0);
    assert_int_equal(store_hash(&s, 0), 0);
    store_fini(&s);
}

/* --- text --- */

TEST(p2line_writes_numbers_and_times)
{
    static const u64 numbers[] = { 0, 9, 10, 99, 100, 101, 4294967296, 9999999999, UINT64_MAX };
    char             buf[64], is[64];
    for (u32 i = 0; i < WEIR_COUNT(numbers); i++) {
        *p2line_u64(buf, numbers[i]) = '\0';
        snprintf(is, sizeof is, "%llu", (unsigned long long)numbers[i]);
        assert_string_equal(buf, is);
    }
    *p2line_time(buf, 1700000000000000012) = '\0';
    assert_string_equal(buf, "1700000000.000000012");
    *p2line_time(buf, -1500000000) = '\0';
    assert_string_equal(buf, "-1.500000000");
    *p2line_time(buf, NANOS_MIN) = '\0';
    assert_string_equal(buf, "-9223372036.854775808");
    *p2line_time(buf, 1123456789) = '\0';
    assert_string_equal(buf, "1.123456789");
    *p2line_mac(buf, PACKET_NO_MAC) = '\0';
    assert_string_equal(buf, "-");
    *p2line_mac(buf, 0x0a1b2c3d4e5f) = '\0';
    assert_string_equal(buf, "0a:1b:2c:3d:4e:5f");
    *p2line_vlan(buf, 12 << 12 | 34) = '\0';
    assert_string_equal(buf, "34");
}

TEST(p2line_has_room_for_the_widest_of_everything)
{
    struct conversation it;
    char                buf[P2LINE_MAX];
    memset(&it, 0xff, sizeof it);
    memset(it.key.end, 0x11, sizeof it.key.end); /* IPv6 in full */
    it.key.protocol = 6;
    it.syn_seen = 0;
    it.starter = 1;
    it.first = NANOS_MIN;
    it.way[0].tops = it.way[1].tops = TOPS;
    for (u32 e = 0; e < 2; e++) {
        it.mac[e] = 0xffffffffffff;
        it.ports[e] = (struct ports){ .n = 65536, .known = true };
    }
    size_t len = p2line_write(buf, &it, &(struct p2line_how){ .tcp = true });
    assert_true(len < P2LINE_MAX);
    u32 columns = 1;
    for (size_t i = 0; i < len; i++) columns += buf[i] == ' ';
    assert_int_equal(columns, 65);
    assert_int_equal(buf[len - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversation_counts_distinct_ports_exactly_while_sets_are_free),
        cmocka_unit_test(conversation_estimates_distinct_ports_when_no_set_is_left),
        cmocka_unit_test(conversation_gives_its_sets_back),
        cmocka_unit_test(conversation_finds_the_most_frequent_port_among_many),
        cmocka_unit_test(conversation_takes_the_lowest_of_equally_frequent_ports),
        cmocka_unit_test(conversation_with_least_packets_goes_first_and_the_oldest_of_them),
        cmocka_unit_test(conversation_counts_no_negative_gap_where_time_goes_back),
        cmocka_unit_test(conversation_sizes_fall_into_seven_bins),
        cmocka_unit_test(store_finds_all_that_are_in_it_after_any_taking_out),
        cmocka_unit_test(store_gives_zeroed_records_and_forgets_in_place),
        cmocka_unit_test(p2line_writes_numbers_and_times),
        cmocka_unit_test(p2line_has_room_for_the_widest_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
