/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "weir/addr.h"

TEST(addresses_parse_and_print)
{
    static const struct {
        const char *text, *printed; /* printed NULL: refused */
    } rows[] = {
        { "1.2.3.4", "1.2.3.4" },
        { "255.255.255.255", "255.255.255.255" },
        { "0.0.0.0", "0.0.0.0" },
        { "::ffff:10.0.0.1", "10.0.0.1" },
        { "::FFFF:a00:1", "10.0.0.1" },
        { "2001:DB8::1", "2001:db8::1" },
        { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
        { "::", "::" },
        { "::1.2.3.4", "::1.2.3.4" },
        { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
        { "1.2.3", NULL },
        { "1.2.3.4.5", NULL },
        { "1.2.3.256", NULL },
        { "01.2.3.4", NULL },
        { "1.2.3.", NULL },
        { "1.2.3.4 ", NULL },
        { "1..3.4", NULL },
        { "1.2.3.0004", NULL },
        { ":::", NULL },
        { "1:2:3:4:5:6:7", NULL },
        { "12345::", NULL },
        { "fe80::1%eth0", NULL },
        { "", NULL },
        { "a", NULL },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        addr a;
        char buf[ADDR_TEXT];
        bool good = addr_parse(slice_str(rows[i].text), &a);
        if (good != (rows[i].printed != NULL)) fail_msg("%s", rows[i].text);
        if (!good) continue;
        assert_int_equal(addr_format(&a, buf), strlen(rows[i].printed));
        assert_string_equal(buf, rows[i].printed);
    }
}

TEST(nets_parse_and_print)
{
    static const struct {
        const char *text, *printed;
        bool        host_bits;
    } rows[] = {
        { "10.0.0.0/8", "10.0.0.0/8", false },
        { "10.1.2.3/8", "10.0.0.0/8", true },
        { "0.0.0.0/0", "0.0.0.0/0", false },
        { "1.2.3.4", "1.2.3.4", false },
        { "1.2.3.4/32", "1.2.3.4", false },
        { "2001:db8::/32", "2001:db8::/32", false },
        { "2001:db8::1/32", "2001:db8::/32", true },
        { "::/0", "::/0", false },
        { "::ffff:10.0.0.0/104", "10.0.0.0/8", false },
        { "2001:db8::1", "2001:db8::1", false },
        { "10.0.0.0/33", NULL, false },
        { "10.0.0.0/08", NULL, false },
        { "10.0.0.0/", NULL, false },
        { "2001:db8::/129", NULL, false },
        { "10.0.0.0/-1", NULL, false },
        { "/8", NULL, false },
        { "net", NULL, false },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        net  n;
        bool host = false;
        char buf[NET_TEXT];
        bool good = net_parse(slice_str(rows[i].text), &n, &host);
        if (good != (rows[i].printed != NULL)) fail_msg("%s", rows[i].text);
        if (!good) continue;
        assert_int_equal(host, rows[i].host_bits);
        net_format(&n, buf);
        assert_string_equal(buf, rows[i].printed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_parse_and_print),
        cmocka_unit_test(nets_parse_and_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
