/* SPDX-License-Identifier: Apache-2.0 */
/* test_names.c: the three maps in the forms that are about, and what is told of other lines. */
#include "../unit.h"
#include "unified2/names.h"

#include <stdio.h>
#include <stdlib.h>

static void message_is(const struct u2_names *n, u32 gid, u32 sid, const char *text)
{
    const struct u2_name *name = u2_names_message(n, gid, sid);
    if (text == NULL) assert_null(name);
    else assert_true(name != NULL && slice_is(name->text, text));
}

TEST(names_reads_both_versions_of_sid_msg_map)
{
    struct u2_names      *n = u2_names_open();
    struct u2_name_faults f;
    u2_names_read(n, U2_MAP_SID, S("#v2\n\n103 || BACKDOOR subseven || arachnids,485\r\n"
                                   "116||12||3||bad-unknown||2||decoder event || url,x\n104||no blanks"), &f);
    assert_int_equal(f.count, 0);
    assert_int_equal(u2_names_messages(n), 3);
    message_is(n, 1, 103, "BACKDOOR subseven");
    message_is(n, 116, 12, "decoder event");
    message_is(n, 1, 104, "no blanks");
    message_is(n, 1, 116, NULL);
    u2_names_close(n);
}

TEST(names_looks_shared_object_rules_up_under_gid_1_too)
{
    struct u2_names      *n = u2_names_open();
    struct u2_name_faults f;
    message_is(n, 3, 10, NULL);
    u2_names_read(n, U2_MAP_SID, S("10 || ten\n11 || eleven\n"), &f);
    u2_names_read(n, U2_MAP_GEN, S("3 || 11 || its own\n122 || 1 || portscan || more\n"), &f);
    assert_int_equal(f.count, 0);
    message_is(n, 3, 10, "ten");
    message_is(n, 3, 11, "its own");
    message_is(n, 122, 1, "portscan");
    message_is(n, 122, 10, NULL);
    u2_names_close(n);
}

TEST(names_keeps_the_last_of_two_lines_and_any_number_of_them)
{
    struct u2_names      *n = u2_names_open();
    struct u2_name_faults f;
    char                 *text = malloc(64 * 20000), *p = text;
    assert_non_null(text);
    for (u32 i = 0; i < 20000; i++) p += sprintf(p, "%u || message %u\n", i % 15000, i);
    u2_names_read(n, U2_MAP_SID, slice_of(text, (size_t)(p - text)), &f);
    assert_int_equal(u2_names_messages(n), 15000);
    message_is(n, 1, 14999, "message 14999");
    message_is(n, 1, 0, "message 15000");
    message_is(n, 1, 15000, NULL);
    free(text);
    u2_names_close(n);
}

TEST(names_counts_classes_by_their_lines)
{
    struct u2_names      *n = u2_names_open();
    struct u2_name_faults f;
    u2_names_read(n, U2_MAP_CLASSIFICATION, S("# classes\nconfig classification: one,First \"class\",3\n\n"
                                              "config  classification : two, Second , 2 \r\n"), &f);
    assert_int_equal(f.count, 0);
    assert_int_equal(u2_names_classes(n), 2);
    assert_null(u2_names_class(n, 0));
    assert_true(slice_is(u2_names_class(n, 1)->text, "First \"class\""));
    assert_true(slice_is(u2_names_class(n, 1)->json, "First \\\"class\\\""));
    assert_true(slice_is(u2_names_class(n, 2)->text, "Second"));
    assert_null(u2_names_class(n, 3));
    u2_names_read(n, U2_MAP_CLASSIFICATION, S("config classification: x,Other,1"), &f);
    assert_int_equal(u2_names_classes(n), 1);
    u2_names_close(n);
}

TEST(names_tells_lines_that_are_none_by_their_number)
{
    static const struct {
        enum u2_map map;
        const char *text, *what;
        u32         line;
    } rows[] = {
        { U2_MAP_SID, "1 || good\nwhatever\n", "no signature", 2 },
        { U2_MAP_SID, "4294967296 || too large\n", "no signature", 1 },
        { U2_MAP_SID, "-1 || x\n", "no signature", 1 },
        { U2_MAP_GEN, "\n\n1 || 2\n", "no signature", 3 },
        { U2_MAP_CLASSIFICATION, "config reference: x,y,1", "no classification", 1 },
        { U2_MAP_CLASSIFICATION, "config classification: x,y", "a part is missing", 1 },
        { U2_MAP_CLASSIFICATION, "config classification: x,y,high", "a part is missing", 1 },
        { U2_MAP_CLASSIFICATION, "classification x", "no classification", 1 },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        struct u2_names      *n = u2_names_open();
        struct u2_name_faults f;
        u2_names_read(n, rows[i].map, slice_str(rows[i].text), &f);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.at[0].line, rows[i].line);
        assert_string_equal(f.at[0].what, rows[i].what);
        u2_names_close(n);
    }
}

TEST(names_refuses_texts_without_end_and_keeps_few_faults)
{
    struct u2_names      *n = u2_names_open();
    struct u2_name_faults f;
    char                  text[U2_NAME_MAX + 16] = "1 || ";
    memset(text + 5, 'x', U2_NAME_MAX + 1);
    u2_names_read(n, U2_MAP_SID, slice_of(text, U2_NAME_MAX + 6), &f);
    assert_int_equal(f.count, 1);
    assert_int_equal(u2_names_messages(n), 0);
    u2_names_read(n, U2_MAP_SID, slice_of(text, U2_NAME_MAX + 5), &f);
    assert_int_equal(f.count, 0);
    memset(text, '\n', sizeof text);
    for (u32 i = 0; i < sizeof text; i += 2) text[i] = 'x';
    u2_names_read(n, U2_MAP_GEN, slice_of(text, sizeof text), &f);
    assert_int_equal(f.count, sizeof text / 2);
    assert_int_equal(f.at[U2_NAME_FAULTS - 1].line, U2_NAME_FAULTS);
    u2_names_close(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_reads_both_versions_of_sid_msg_map),
        cmocka_unit_test(names_looks_shared_object_rules_up_under_gid_1_too),
        cmocka_unit_test(names_keeps_the_last_of_two_lines_and_any_number_of_them),
        cmocka_unit_test(names_counts_classes_by_their_lines),
        cmocka_unit_test(names_tells_lines_that_are_none_by_their_number),
        cmocka_unit_test(names_refuses_texts_without_end_and_keeps_few_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
