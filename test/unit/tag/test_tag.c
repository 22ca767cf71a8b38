/* SPDX-License-Identifier: Apache-2.0 */
/* test_tag.c: what a table of nets answers to look-ups, and the stage that tags a column of addresses. */
#include "tag/tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROWS 200u /* a few blocks and a rest */

static struct tag_table *table_of(const char *csv)
{
    static const slice  names[] = { { "site", 4 }, { "service", 7 } };
    struct tag_problems problems;
    struct tag_table   *t;
    err                 e = tag_table_read(&t, slice_str(csv), 2, names, &problems);
    if (err_is(e)) fail_msg("%u:%u %s", problems.at[0].line, problems.at[0].column, problems.at[0].what);
    return t;
}

static addr address(const char *text)
{
    addr a;
    assert_true(addr_parse(slice_str(text), &a));
    return a;
}

/* "net site service" of one address through the stage. */
static const char *tagged(const struct tag_table *t, addr a, char *buf)
{
    struct column c = { &a, NULL };
    u32           site, service, *words[2] = { &site, &service };
    net           n;
    char          text[NET_TEXT];
    tag_apply(t, &c, 1, &n, words);
    net_format(&n, text);
    slice x = site ? strings_get(tag_table_words(t), site) : S("-");
    slice y = service ? strings_get(tag_table_words(t), service) : S("-");
    snprintf(buf, 128, "%s %.*s %.*s", text, (int)x.len, x.at, (int)y.len, y.at);
    return buf;
}

static const char nested[] = "::/0,world,\n"
                             "0.0.0.0/0,four,\n"
                             "10.0.0.0/8,site-a,\n"
                             "10.1.0.0/16,site-b,web\n"
                             "10.1.2.0/24,,mail\n"
                             "10.1.2.3/32,host,dns\n"
                             "2001:db8::/32,six,\n"
                             "2001:db8:0:1::/64,six-one,web\n"
                             "2001:db8:0:1::7,six-host,dns\n";

static const struct {
    const char *address, *want;
} answers[] = {
    { "9.255.255.255", "0.0.0.0/0 four -" },
    { "10.0.0.0", "10.0.0.0/8 site-a -" },
    { "10.255.255.255", "10.0.0.0/8 site-a -" },
    { "11.0.0.0", "0.0.0.0/0 four -" },
    { "10.1.0.0", "10.1.0.0/16 site-b web" },
    { "10.1.1.255", "10.1.0.0/16 site-b web" },
    { "10.1.2.2", "10.1.2.0/24 - mail" },
    { "10.1.2.3", "10.1.2.3 host dns" },
    { "10.1.2.4", "10.1.2.0/24 - mail" },
    { "10.1.3.0", "10.1.0.0/16 site-b web" },
    { "255.255.255.255", "0.0.0.0/0 four -" },
    { "::ffff:10.1.2.3", "10.1.2.3 host dns" },
    { "::", "::/0 world -" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0 world -" },
    { "2001:db7:ffff::", "::/0 world -" },
    { "2001:db8::", "2001:db8::/32 six -" },
    { "2001:db8:0:1::6", "2001:db8:0:1::/64 six-one web" },
    { "2001:db8:0:1::7", "2001:db8:0:1::7 six-host dns" },
    { "2001:db8:0:2::7", "2001:db8::/32 six -" },
};

static void an_address_gets_the_longest_net_and_its_words(void **state)
{
    struct tag_table *t = table_of(nested);
    for (size_t i = 0; i < WEIR_COUNT(answers); i++) {
        char got[128];
        if (strcmp(tagged(t, address(answers[i].address), got), answers[i].want) != 0)
            fail_msg("%s: %s, not %s", answers[i].address, got, answers[i].want);
    }
    tag_table_free(t);
}

static void without_a_match_the_net_is_the_address_itself(void **state)
{
    struct tag_table *t = table_of("10.0.0.0/8,a,b\n");
    char              got[128];
    assert_string_equal(tagged(t, address("11.0.0.1"), got), "11.0.0.1 - -");
    assert_string_equal(tagged(t, address("2001:db8::1"), got), "2001:db8::1 - -");
    tag_table_free(t);
}

static void an_empty_table_matches_nothing(void **state)
{
    struct tag_table *t = table_of("");
    char              got[128];
    assert_int_equal(tag_table_rows(t), 0);
    assert_string_equal(tagged(t, address("10.0.0.1"), got), "10.0.0.1 - -");
    assert_string_equal(tagged(t, address("::1"), got), "::1 - -");
    tag_table_free(t);
}

static void ipv6_nets_around_the_mapped_range_hold_ipv4(void **state)
{
    struct tag_table *t = table_of("::/0,world,\n::/64,low,\n::fffe:0:0/95,pair,\n10.0.0.0/8,ten,\n");
    char              got[128];
    assert_string_equal(tagged(t, address("10.0.0.1"), got), "10.0.0.0/8 ten -");
    assert_string_equal(tagged(t, address("192.0.2.1"), got), "::fffe:0:0/95 pair -");
    assert_string_equal(tagged(t, address("::1"), got), "::/64 low -");
    assert_string_equal(tagged(t, address("2001::1"), got), "::/0 world -");
    tag_table_free(t);
}

static void rows_are_numbered_as_in_the_text(void **state)
{
    struct tag_table *t = table_of("cidr,site,service\n192.0.2.0/24,a,b\n10.0.0.0/8,c,d\n2001:db8::/32,e,f\n");
    addr              ask[4] = { address("10.1.1.1"), address("192.0.2.255"), address("2001:db8::1"), address("::1") };
    u32               rows[4];
    tag_find(t, ask, 4, rows);
    static const u32 want[4] = { 2, 1, 3, 0 };
    assert_memory_equal(rows, want, sizeof want);
    assert_int_equal(tag_row_net(t, 3).bits, 32);
    assert_int_equal(tag_row_net(t, 1).bits, 96 + 24);
    tag_table_free(t);
}

/* A column of matches, misses and nulls; what stands under a null must not show. */
static void a_null_address_has_no_net_and_no_words(void **state)
{
    struct tag_table *t = table_of(nested);
    addr              at[ROWS];
    u64               nulls[ROWS / 64 + 1] = { 0 };
    net               nets[ROWS];
    u32               site[ROWS], service[ROWS], *both[2] = { site, service }, *one[2] = { NULL, service };
    for (u32 i = 0; i < ROWS; i++) {
        at[i] = address(answers[i % WEIR_COUNT(answers)].address);
        if (i % 3 == 0 || i == ROWS - 1) nulls[i / 64] |= 1ull << (i % 64);
    }
    struct column c = { at, nulls };
    tag_apply(t, &c, ROWS, nets, both);
    for (u32 i = 0; i < ROWS; i++) {
        if (column_null(&c, i)) {
            assert_int_equal(nets[i].bits, NET_NULL);
            assert_int_equal(site[i], 0);
            assert_int_equal(service[i], 0);
            continue;
        }
        u32 row;
        tag_find(t, &at[i], 1, &row);
        net n = tag_row_net(t, row);
        assert_memory_equal(&nets[i], &n, sizeof n);
        assert_int_equal(site[i], tag_row_word(t, row, 0));
        assert_int_equal(service[i], tag_row_word(t, row, 1));
    }
    u32 before[ROWS];
    memcpy(before, site, sizeof before);
    memset(service, 0xff, sizeof service);
    tag_apply(t, &c, ROWS, nets, one);
    assert_memory_equal(before, site, sizeof before); /* not wanted: left alone */
    assert_int_equal(service[0], 0);
    tag_table_free(t);
}

static void an_absent_column_is_null_everywhere(void **state)
{
    struct tag_table *t = table_of(nested);
    struct column     c = { NULL, NULL };
    net               nets[3];
    u32               site[3] = { 9, 9, 9 }, *words[2] = { site, NULL };
    tag_apply(t, &c, 3, nets, words);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(nets[i].bits, NET_NULL);
        assert_int_equal(site[i], 0);
    }
    tag_table_free(t);
}

/* A reload reads the new table while the old one is in use. */
static void two_tables_live_side_by_side(void **state)
{
    struct tag_table *old = table_of("10.0.0.0/8,a,b\n");
    struct tag_table *new = table_of("10.0.0.0/9,c,d\n10.0.0.0/8,a,x\n");
    char              got[128];
    assert_string_equal(tagged(old, address("10.0.0.1"), got), "10.0.0.0/8 a b");
    assert_string_equal(tagged(new, address("10.0.0.1"), got), "10.0.0.0/9 c d");
    tag_table_free(old);
    assert_string_equal(tagged(new, address("10.200.0.1"), got), "10.0.0.0/8 a x");
    tag_table_free(new);
    tag_table_free(NULL);
}

static void ten_thousand_nets_take_little_memory(void **state)
{
    size_t room = 10000 * 40, len = 0;
    char  *csv = malloc(room);
    for (u32 i = 0; i < 10000; i++)
        len += (size_t)snprintf(csv + len, room - len, "10.%u.%u.%u/28,s%u,x\n", i >> 8, i & 255, i % 16 * 16,
                                i % 2000);
    struct tag_table *t = table_of(csv);
    assert_int_equal(tag_table_rows(t), 10000);
    assert_in_range(tag_table_memory(t), 10000, 2 << 20);
    tag_table_free(t);
    free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_gets_the_longest_net_and_its_words),
        cmocka_unit_test(without_a_match_the_net_is_the_address_itself),
        cmocka_unit_test(an_empty_table_matches_nothing),
        cmocka_unit_test(ipv6_nets_around_the_mapped_range_hold_ipv4),
        cmocka_unit_test(rows_are_numbered_as_in_the_text),
        cmocka_unit_test(a_null_address_has_no_net_and_no_words),
        cmocka_unit_test(an_absent_column_is_null_everywhere),
        cmocka_unit_test(two_tables_live_side_by_side),
        cmocka_unit_test(ten_thousand_nets_take_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
