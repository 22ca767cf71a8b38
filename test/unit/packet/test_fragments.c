/* SPDX-License-Identifier: Apache-2.0 */
/* test_fragments.c: ports of first fragments, remembered for the rest, in a table that stays as large as it was. */
#include "../unit.h"
#include "build.h"

#include "packet/fragments.h"

#define A 0x0a000001u
#define B 0x0a000002u

/* One part of a UDP datagram over IPv4, through packet_parse. */
static struct packet part4(u32 src, u32 id, u32 at, bool more, u32 vlan, nanos time)
{
    static struct build         b;
    const struct packet_options how = { 0 };
    struct packet               p;
    build_init(&b);
    build_ethernet(&b, vlan ? 0x8100 : 0x0800);
    if (vlan) build_vlan(&b, vlan, 0x0800);
    build_ip4(&b, src, B, 17);
    build_ip4_fragment(&b, id, at, more);
    if (at == 0) build_udp(&b, 1000 + id, 53);
    build_payload(&b, 64);
    struct frame f = build_frame(&b, LINK_ETHERNET, time);
    packet_parse(&p, &f, &how);
    return p;
}

static struct packet part6(u32 id, u32 at, bool more, nanos time)
{
    static struct build         b;
    const struct packet_options how = { 0 };
    struct packet               p;
    build_init(&b);
    build_ethernet(&b, 0x86dd);
    build_ip6(&b, 1, 2, 44);
    build_ip6_fragment(&b, 6, id, at, more);
    if (at == 0) build_tcp(&b, 2000, 80, 1, 2, TCP_ACK);
    build_payload(&b, 64);
    struct frame f = build_frame(&b, LINK_ETHERNET, time);
    packet_parse(&p, &f, &how);
    return p;
}

static bool finds(struct fragments *f, struct packet p)
{
    assert_false(p.ports);
    fragments_push(f, &p);
    return p.ports;
}

static void remember(struct fragments *f, struct packet p)
{
    u64 before = fragments_counts(f)->remembered;
    assert_true(p.ports);
    fragments_push(f, &p);
    assert_int_equal(fragments_counts(f)->remembered, before + 1);
}

TEST(fragments_give_later_parts_the_ports_of_the_first)
{
    struct fragments *f = fragments_open(64);
    remember(f, part4(A, 5, 0, true, 0, 0));
    struct packet last = part4(A, 5, 144, false, 0, 10), middle = part4(A, 5, 72, true, 0, 20);
    fragments_push(f, &last);
    fragments_push(f, &middle);
    assert_true(last.ports && middle.ports);
    assert_int_equal(last.src_port, 1005);
    assert_int_equal(middle.dst_port, 53);
    remember(f, part6(0xdeadbeef, 0, true, 0));
    struct packet six = part6(0xdeadbeef, 80, false, 1);
    fragments_push(f, &six);
    assert_true(six.ports);
    assert_int_equal(six.src_port, 2000);
    assert_int_equal(fragments_counts(f)->found, 3);
    assert_int_equal(fragments_counts(f)->orphans, 0);
    fragments_close(f);
}

TEST(fragments_tell_datagrams_apart_by_address_id_protocol_and_vlan)
{
    struct fragments *f = fragments_open(64);
    remember(f, part4(A, 5, 0, true, 7, 0));
    struct packet other = part4(A, 5, 72, true, 7, 0);
    other.protocol = 6;
    assert_false(finds(f, other));
    assert_false(finds(f, part4(A + 1, 5, 72, true, 7, 0)));
    assert_false(finds(f, part4(A, 6, 72, true, 7, 0)));
    assert_false(finds(f, part4(A, 5, 72, true, 8, 0)));
    assert_false(finds(f, part4(A, 5, 72, true, 0, 0)));
    assert_true(finds(f, part4(A, 5, 72, true, 7, 0)));
    assert_int_equal(fragments_counts(f)->orphans, 5);
    fragments_close(f);
}

TEST(fragments_count_a_part_that_comes_before_the_first_as_orphan)
{
    struct fragments *f = fragments_open(64);
    assert_false(finds(f, part4(A, 5, 72, true, 0, 0)));
    remember(f, part4(A, 5, 0, true, 0, 1));
    assert_true(finds(f, part4(A, 5, 72, true, 0, 2)));
    assert_int_equal(fragments_counts(f)->orphans, 1);
    fragments_close(f);
}

TEST(fragments_forget_after_30_seconds_of_the_frames_time)
{
    struct fragments *f = fragments_open(64);
    remember(f, part4(A, 5, 0, true, 0, 0));
    assert_true(finds(f, part4(A, 5, 72, true, 0, 30 * NANOS_SECOND)));
    assert_false(finds(f, part4(A, 5, 72, true, 0, 30 * NANOS_SECOND + 1)));
    assert_false(finds(f, part4(A, 5, 72, true, 0, -31 * NANOS_SECOND)));
    assert_false(finds(f, part4(A, 5, 72, true, 0, NANOS_MAX)));
    assert_false(finds(f, part4(A, 5, 72, true, 0, NANOS_MIN)));
    remember(f, part4(A, 5, 0, true, 0, 100 * NANOS_SECOND)); /* the id again: another datagram in the same place */
    assert_true(finds(f, part4(A, 5, 72, true, 0, 100 * NANOS_SECOND)));
    assert_int_equal(fragments_counts(f)->evicted, 0);
    fragments_close(f);
}

TEST(fragments_let_the_oldest_of_a_full_bucket_give_way)
{
    struct fragments *f = fragments_open(4); /* one bucket */
    for (u32 i = 0; i < 4; i++) remember(f, part4(A, i, 0, true, 0, (nanos)i));
    remember(f, part4(A, 0, 0, true, 0, 10)); /* a copy renews: now 1 is the oldest */
    assert_int_equal(fragments_counts(f)->evicted, 0);
    remember(f, part4(A, 9, 0, true, 0, 11));
    assert_int_equal(fragments_counts(f)->evicted, 1);
    assert_false(finds(f, part4(A, 1, 72, false, 0, 12)));
    for (u32 i = 0; i < 4; i++)
        if (i != 1) assert_true(finds(f, part4(A, i, 72, false, 0, 12)));
    assert_true(finds(f, part4(A, 9, 72, false, 0, 12)));
    remember(f, part4(A, 10, 0, true, 0, 40 * NANOS_SECOND)); /* what is out of date gives way for nothing */
    assert_int_equal(fragments_counts(f)->evicted, 1);
    fragments_close(f);
}

TEST(fragments_keep_most_of_what_fits_and_account_for_the_rest)
{
    struct fragments *f = fragments_open(4000); /* 4096 */
    u32               found = 0;
    for (u32 i = 0; i < 20000; i++) remember(f, part4(A + i, 1, 0, true, 0, (nanos)i));
    for (u32 i = 0; i < 20000; i++) found += finds(f, part4(A + i, 1, 72, false, 0, 20000));
    assert_int_equal(found, 4096);
    const struct fragments_counts *c = fragments_counts(f);
    assert_int_equal(c->remembered, 20000);
    assert_int_equal(c->evicted, 20000 - 4096);
    assert_int_equal(c->found + c->orphans, 20000);
    fragments_close(f);
}

TEST(fragments_pass_by_what_has_no_ports)
{
    struct fragments *f = fragments_open(1);
    struct packet     esp = part4(A, 5, 72, true, 0, 0), whole = part4(A, 5, 0, false, 0, 0);
    struct packet     cut = part4(A, 5, 0, true, 0, 0);
    esp.protocol = 50;
    cut.ports = false; /* the snap length ends in its UDP header */
    fragments_push(f, &esp);
    fragments_push(f, &whole);
    fragments_push(f, &cut);
    static const struct fragments_counts none;
    assert_memory_equal(fragments_counts(f), &none, sizeof none);
    fragments_close(f);
    fragments_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_give_later_parts_the_ports_of_the_first),
        cmocka_unit_test(fragments_tell_datagrams_apart_by_address_id_protocol_and_vlan),
        cmocka_unit_test(fragments_count_a_part_that_comes_before_the_first_as_orphan),
        cmocka_unit_test(fragments_forget_after_30_seconds_of_the_frames_time),
        cmocka_unit_test(fragments_let_the_oldest_of_a_full_bucket_give_way),
        cmocka_unit_test(fragments_keep_most_of_what_fits_and_account_for_the_rest),
        cmocka_unit_test(fragments_pass_by_what_has_no_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
