/* SPDX-License-Identifier: Apache-2.0 */
/* test_p2name.c: which names are P2's. */
#include "source/p2name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void p2name_tells_files_and_markers_from_anything_else(void **state)
{
    static const struct {
        const char  *name;
        enum p2_kind kind;
        i64          start;
        const char  *protocol;
    } rows[] = {
        { "_tcp_@1700000040", P2_FILE, 1700000040, "tcp" },
        { "_udp_@60", P2_FILE, 60, "udp" },
        { "_other_@0", P2_FILE, 0, "other" },
        { "_eth_@60", P2_FILE, 60, "eth" },
        { "_arp_@60", P2_FILE, 60, "arp" },
        { "_tcp_@0060", P2_FILE, 60, "tcp" },
        { "_tcp_@9223000000", P2_FILE, 9223000000, "tcp" },
        { "__@60.finished", P2_MARKER, 60, NULL },
        { "_tcp_@9223000001", P2_OTHER, 0, NULL }, /* no time in nanoseconds */
        { "_tcp_@18446744073709551676", P2_OTHER, 0, NULL },
        { "__@99999999999999999999.finished", P2_OTHER, 0, NULL },
        { "_tcp_@", P2_OTHER, 0, NULL },
        { "_tcp_@60 ", P2_OTHER, 0, NULL },
        { "_tcp_@-60", P2_OTHER, 0, NULL },
        { "_tcp_@+60", P2_OTHER, 0, NULL },
        { "_tcp_@60.swp", P2_OTHER, 0, NULL },
        { "._tcp_@60", P2_OTHER, 0, NULL },
        { "_TCP_@60", P2_OTHER, 0, NULL },
        { "_icmp_@60", P2_OTHER, 0, NULL },
        { "_tcp_60", P2_OTHER, 0, NULL },
        { "_others_@60", P2_OTHER, 0, NULL },
        { "tcp_@60", P2_OTHER, 0, NULL },
        { "__@60.finishedd", P2_OTHER, 0, NULL },
        { "__@.finished", P2_OTHER, 0, NULL },
        { "__@60", P2_OTHER, 0, NULL },
        { "__@", P2_OTHER, 0, NULL },
        { "_", P2_OTHER, 0, NULL },
        { "", P2_OTHER, 0, NULL },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        struct p2_name p = p2name_parse(slice_str(rows[i].name));
        if (p.kind != rows[i].kind || p.start != rows[i].start) fail_msg("%s", rows[i].name);
        if (rows[i].protocol) assert_true(slice_is(p.protocol, rows[i].protocol));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(p2name_tells_files_and_markers_from_anything_else) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
