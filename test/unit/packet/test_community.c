/* SPDX-License-Identifier: Apache-2.0 */
/* test_community.c: Community IDs against the spec's own reference data (baseline/baseline_deflt.json there), and what
 * has none. */
#include "packet/community.h"

#include "weir/addr.h"

#include "../unit.h"

/* An address is IPv6 if it has a colon. ports: for ICMP type and code, as struct packet has them. */
static struct packet packet_of(u32 protocol, const char *src, const char *dst, u32 src_port, u32 dst_port)
{
    struct packet p = { .kind = PACKET_IP, .protocol = (u8)protocol, .version = strchr(src, ':') ? 6 : 4 };
    assert_true(addr_parse(slice_str(src), &p.src));
    assert_true(addr_parse(slice_str(dst), &p.dst));
    p.ports = true;
    p.src_port = (u16)src_port;
    p.dst_port = (u16)dst_port;
    return p;
}

static void id_is(const struct packet *p, const char *wanted)
{
    char id[COMMUNITY_TEXT + 1] = { 0 };
    assert_true(community_write(id, p));
    assert_string_equal(id, wanted);
}

static struct packet turned(const struct packet *p)
{
    struct packet back = *p;
    back.src = p->dst;
    back.dst = p->src;
    back.src_port = p->dst_port;
    back.dst_port = p->src_port;
    return back;
}

TEST(both_directions_have_the_ids_of_the_specs_reference_data)
{
    static const struct {
        u32         protocol;
        const char *src, *dst;
        u32         src_port, dst_port;
        const char *id;
    } rows[] = {
        { 6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
        { 6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
          "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
        { 17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
        { 132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=" },
        { 46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct packet p = packet_of(rows[i].protocol, rows[i].src, rows[i].dst, rows[i].src_port, rows[i].dst_port);
        struct packet back = turned(&p);
        id_is(&p, rows[i].id);
        id_is(&back, rows[i].id);
    }
}

TEST(icmp_goes_by_its_type_and_the_one_that_answers)
{
    static const struct {
        u32         protocol;
        const char *src, *dst;
        u32         type, code;
        const char *id;
    } rows[] = {
        { 1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
        { 1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
        { 1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM=" },
        { 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
        { 58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
        { 58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 0, "1:zavyT/cezQr1fmImYCwYnMXbgck=" },
        { 58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=" },
        { 58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
          "1:hLZd0XGWojozrvxqE0dWB1iM6R0=" },
        { 58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=" },
        { 58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=" },
        { 58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 0, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=" },
        { 58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 0, "1:pkvHqCL88/tg1k4cPigmZXUtL00=" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        u32           both = rows[i].type << 8 | rows[i].code;
        struct packet p = packet_of(rows[i].protocol, rows[i].src, rows[i].dst, both, 77); /* 77: of an echo, no part */
        id_is(&p, rows[i].id);
    }
}

TEST(between_equal_addresses_the_ports_give_the_order)
{
    char          a[COMMUNITY_TEXT], b[COMMUNITY_TEXT];
    struct packet p = packet_of(17, "127.0.0.1", "127.0.0.1", 2000, 53), back = turned(&p);
    assert_true(community_write(a, &p) && community_write(b, &back));
    assert_memory_equal(a, b, COMMUNITY_TEXT);
}

TEST(what_is_no_ip_or_lacks_its_ports_has_no_id)
{
    static const u32 protocols[] = { 6, 17, 132, 1, 58 };
    char             id[COMMUNITY_TEXT];
    struct packet    p = packet_of(6, "10.0.0.1", "10.0.0.2", 1, 2);
    p.kind = PACKET_ARP;
    assert_false(community_write(id, &p));
    p.kind = PACKET_IP;
    p.ports = false;
    for (u32 i = 0; i < WEIR_COUNT(protocols); i++) {
        p.protocol = (u8)protocols[i];
        assert_false(community_write(id, &p));
    }
    p.protocol = 50; /* ESP has none */
    assert_true(community_write(id, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_have_the_ids_of_the_specs_reference_data),
        cmocka_unit_test(icmp_goes_by_its_type_and_the_one_that_answers),
        cmocka_unit_test(between_equal_addresses_the_ports_give_the_order),
        cmocka_unit_test(what_is_no_ip_or_lacks_its_ports_has_no_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
