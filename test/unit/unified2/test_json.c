/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c: each type's line, whole, against one written by hand. */
#include "draft.h"
#include "unified2/json.h"

#include <stdlib.h>

#define COMMON "\"sensor-id\": 7, \"event-id\": 1, \"event-second\": 1763719200, "
#define RULE                                                                                                           \
    "\"event-microsecond\": 483943, \"signature-id\": 2003, \"generator-id\": 3, \"signature-revision\": 8, "          \
    "\"classification-id\": 15, \"priority\": 2, \"sport-itype\": 1024, \"dport-icode\": 80, \"protocol\": 6, "
#define FLAGS  "\"impact-flag\": 32, \"impact\": 0, \"blocked\": 1, "
#define FOUR   "\"source-ip\": \"1.2.3.4\", \"destination-ip\": \"5.6.7.8\""
#define SIX    "\"source-ip\": \"0102:0304:0506:0708:090a:0b0c:0d0e:0f10\", \"destination-ip\": " \
               "\"1112:1314:1516:1718:191a:1b1c:1d1e:1f20\""

/* Into memory of just the bound, so that a sanitizer sees a line that is longer. */
static void line_is(const struct u2_json *how, const struct draft *d, const char *want)
{
    struct u2_record r = first_record(d);
    size_t           bound = u2_json_bound(how, &r, S("a\"b"));
    char            *have = malloc(bound + 1);
    assert_non_null(have);
    char *end = u2_json_line(how, &r, S("a\"b"), have);
    assert_true((size_t)(end - have) <= bound);
    *end = '\0';
    assert_string_equal(have, want);
    free(have);
}

TEST(json_prints_the_oldest_events_with_nulls_for_what_they_lack)
{
    struct u2_json how = { 0 };
    struct draft   d = { .len = 0 };
    put_event4(&d, 1);
    line_is(&how, &d, "{\"type\": \"event\", \"event\": {" COMMON RULE FLAGS
                      "\"mpls-label\": null, \"vlan-id\": null, \"pad2\": null, " FOUR "}}\n");
    d.len = 0;
    put_header(&d, U2_EVENT_IP6, 76);
    put_common(&d, 1, 16);
    line_is(&how, &d, "{\"type\": \"event\", \"event\": {" COMMON RULE FLAGS
                      "\"mpls-label\": null, \"vlan-id\": null, \"pad2\": null, " SIX "}}\n");
}

static void put_vlan(struct draft *d, u32 type, u32 width, const char *app, u32 app_room)
{
    put_header(d, type, 52 + 2 * width + app_room);
    put_common(d, 1, width);
    put_n(d, 1044495, 4);
    put_n(d, 4095, 2);
    put_n(d, 65, 2);
    put_raw(d, app, strlen(app) + 1);
    put_zeros(d, app_room - strlen(app) - 1);
}

TEST(json_prints_labels_and_the_application_up_to_its_nul)
{
    static const struct {
        u32 four, six, app_room;
    } rows[] = { { U2_EVENT_APP, U2_EVENT_APP_IP6, 16 }, { U2_EVENT_APP, U2_EVENT_APP_IP6, 64 },
                 { U2_EVENT_VLAN, U2_EVENT_VLAN_IP6, 64 } };
    struct u2_json how = { 0 };
    struct draft   d;
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        d.len = 0;
        put_vlan(&d, rows[i].four, 4, "ht\"p", rows[i].app_room);
        line_is(&how, &d,
                "{\"type\": \"event\", \"event\": {" COMMON RULE FLAGS
                "\"mpls-label\": 1044495, \"vlan-id\": 4095, \"pad2\": 65, \"appid\": \"ht\\\"p\", " FOUR "}}\n");
        d.len = 0;
        put_vlan(&d, rows[i].six, 16, "\xff", rows[i].app_room);
        line_is(&how, &d,
                "{\"type\": \"event\", \"event\": {" COMMON RULE FLAGS
                "\"mpls-label\": 1044495, \"vlan-id\": 4095, \"pad2\": 65, \"appid\": \"\\ufffd\", " SIX "}}\n");
    }
}

static void put_event3(struct draft *d, u8 versions, bool http)
{
    static const u32 words[] = { 7, 1, SECOND, 483943, 3, 2003, 8, 15, 2, 11, 12, 13 };
    put_header(d, U2_EVENT3, http ? 1032 : 160);
    for (u32 i = 0; i < WEIR_COUNT(words); i++) put_n(d, words[i], 4);
    put_zeros(d, 12);
    put_n(d, 0x01020304, 4);
    put_zeros(d, 12);
    put_n(d, 0x05060708, 4);
    put_n(d, 21, 4);
    put_n(d, 1024, 2);
    put_n(d, 80, 2);
    put_n(d, 99, 2);
    put_n(d, 0, 2);
    put_n(d, versions, 1);
    put_n(d, 6, 1);
    put_n(d, 3, 1);
    put_n(d, 9, 1); /* no action that has a name */
    put_raw(d, "HTTP", 4);
    put_zeros(d, 60);
    if (!http) return;
    put_n(d, 12, 4);
    put_n(d, 3456, 4);
    put_raw(d, "GET", 3);
    put_zeros(d, 861);
}

#define EVENT3(head, tail)                                                                                             \
    "{\"type\": \"event\", \"event\": {" COMMON RULE "\"impact-flag\": null, \"impact\": null, \"blocked\": 1, "       \
    "\"mpls-label\": 21, \"vlan-id\": 99, \"pad2\": null, \"appid\": \"HTTP\", \"pid-context\": 11, \"pid-inspect\": " \
    "12, "                                                                                                             \
    "\"pid-detect\": 13, \"unused\": 0, \"ip-version\": " head                                                         \
    ", \"status\": 3, \"status-name\": \"force\", \"action\": 9, "                                                     \
    "\"action-name\": null, " tail "}}\n"

TEST(json_prints_snort_3_events_with_the_names_of_the_others)
{
    struct u2_json how = { 0 };
    struct draft   d = { .len = 0 };
    put_event3(&d, 0x44, false);
    line_is(&how, &d, EVENT3("68", FOUR));
    d.len = 0;
    put_event3(&d, 0, false);
    line_is(&how, &d, EVENT3("0", "\"source-ip\": null, \"destination-ip\": null"));
    d.len = 0;
    put_event3(&d, 0x44, true);
    line_is(&how, &d, EVENT3("68", "\"http-request-size\": 12, \"http-response-size\": 3456, \"http-method\": \"GET\", "
                                   "\"http-version\": \"\", \"http-user-agent\": \"\", \"http-referer\": \"\", "
                                   "\"message-detail\": \"\", " FOUR));
}

TEST(json_prints_packets_buffers_and_extra_data_in_every_form_that_was_asked_for)
{
    struct u2_json plain = { 0 }, all = { .packet_printable = true, .packet_hex = true, .extra_printable = true };
    struct draft   d = { .len = 0 };
    put_packet_of(&d, U2_PACKET, 1, "a\"\x01");
    line_is(&plain, &d,
            "{\"type\": \"packet\", \"packet\": {" COMMON "\"packet-second\": 1763719201, \"packet-microsecond\": 5, "
            "\"linktype\": 1, \"length\": 3, \"data\": \"YSIB\"}}\n");
    line_is(&all, &d,
            "{\"type\": \"packet\", \"packet\": {" COMMON "\"packet-second\": 1763719201, \"packet-microsecond\": 5, "
            "\"linktype\": 1, \"length\": 3, \"data\": \"YSIB\", \"data-printable\": \"a\\\".\", \"data-hex\": \"61 22 "
            "01\"}}\n");
    d.len = 0;
    put_packet_of(&d, U2_BUFFER, 1, "");
    line_is(&plain, &d,
            "{\"type\": \"buffer\", \"buffer\": {" COMMON "\"packet-second\": 1763719201, \"packet-microsecond\": 5, "
            "\"linktype\": 1, \"length\": 0, \"data\": \"\"}}\n");
    d.len = 0;
    put_extra_of(&d, 1, 9, "/");
    line_is(&all, &d,
            "{\"type\": \"extra-data\", \"extra-data\": {\"extra-data-type\": \"http_uri\", \"event-type\": 4, "
            "\"event-length\": 33, " COMMON "\"type\": 9, \"data-type\": 1, \"data-length\": 9, \"data\": \"Lw==\", "
            "\"data-printable\": \"/\"}}\n");
    d.len = 0;
    put_extra_of(&d, 1, 99, "/");
    line_is(&plain, &d, "{\"type\": \"extra-data\", \"extra-data\": {\"event-type\": 4, \"event-length\": 33, " COMMON
                        "\"type\": 99, \"data-type\": 1, \"data-length\": 9, \"data\": \"Lw==\"}}\n");
}

static void put_apps(struct draft *d, u32 said, u32 entries, u32 width, u32 rest)
{
    put_header(d, U2_APPS, 8 + entries * (width + 8) + rest);
    put_n(d, SECOND, 4);
    put_n(d, said, 4);
    for (u32 i = 0; i < entries; i++) {
        put_raw(d, "dns", 4);
        put_zeros(d, width - 4);
        put_n(d, i, 4);
        put_n(d, 7, 4);
    }
    for (u32 i = 0; i < rest; i++) put_n(d, 255, 1);
}

TEST(json_prints_statistics_of_both_widths_and_no_entry_that_is_not_there)
{
    struct u2_json how = { 0 };
    struct draft   d = { .len = 0 };
    put_apps(&d, 1, 1, 64, 0);
    line_is(&how, &d,
            "{\"type\": \"app-stats\", \"app-stats\": {\"second\": 1763719200, \"apps\": [{\"appid\": \"dns\", "
            "\"initiator-bytes\": 0, \"responder-bytes\": 7}]}}\n");
    d.len = 0;
    put_apps(&d, 0xffffffffu, 1, 16, 3);
    line_is(&how, &d,
            "{\"type\": \"app-stats\", \"app-stats\": {\"second\": 1763719200, \"apps\": [{\"appid\": \"dns\", "
            "\"initiator-bytes\": 0, \"responder-bytes\": 7}], \"rest\": \"////\"}}\n");
    d.len = 0;
    put_apps(&d, 0, 0, 16, 0);
    line_is(&how, &d, "{\"type\": \"app-stats\", \"app-stats\": {\"second\": 1763719200, \"apps\": []}}\n");
}

TEST(json_prints_names_place_and_bytes_beyond_what_is_known)
{
    struct u2_names      *names = u2_names_open();
    struct u2_name_faults f;
    struct u2_json        how = { .names = names, .place = true };
    struct draft          d = { .len = 0 };
    u2_names_read(names, U2_MAP_SID, S("2003 || a \"worm\" \xe9"), &f);
    put_header(&d, U2_EVENT, 53);
    put_common(&d, 1, 4);
    put_n(&d, 'x', 1);
    line_is(&how, &d, "{\"type\": \"event\", \"event\": {\"msg\": \"a \\\"worm\\\" \\ufffd\", " COMMON RULE FLAGS
                      "\"mpls-label\": null, \"vlan-id\": null, \"pad2\": null, " FOUR ", \"rest\": \"eA==\"}, "
                      "\"file\": \"a\\\"b\", \"offset\": 0, \"record-type\": 7, \"record-length\": 53}\n");
    u2_names_close(names);
}

TEST(json_puts_what_belongs_to_an_event_into_it)
{
    struct u2_json how = { 0 };
    struct draft   d[4] = { { .len = 0 } };
    put_event4(&d[0], 1);
    put_packet_of(&d[1], U2_PACKET, 1, "a");
    put_extra_of(&d[2], 1, 9, "/");
    put_packet_of(&d[3], U2_PACKET, 1, "b");
    struct u2_record event = first_record(&d[0]),
                     more[] = { first_record(&d[1]), first_record(&d[2]), first_record(&d[3]) };
    struct u2_joined j = { &event, more, 3, NULL };
    size_t           bound = u2_json_joined_bound(&how, &j, S(""));
    char            *have = malloc(bound + 1);
    assert_non_null(have);
    *u2_json_joined(&how, &j, S(""), have) = '\0';
#define PACKET(data)                                                                                                   \
    "{" COMMON                                                                                                         \
    "\"packet-second\": 1763719201, \"packet-microsecond\": 5, \"linktype\": 1, \"length\": 1, \"data\": \"" data      \
    "\"}"
    assert_string_equal(have, "{\"type\": \"event\", \"event\": {" COMMON RULE FLAGS
                              "\"mpls-label\": null, \"vlan-id\": null, \"pad2\": null, " FOUR
                              ", \"packets\": [" PACKET("YQ==") ", " PACKET(
                                  "Yg==") "], \"extra-data\": [{\"extra-data-type\": \"http_uri\", \"event-type\": 4, "
                                          "\"event-length\": 33, " COMMON
                                          "\"type\": 9, \"data-type\": 1, \"data-length\": 9, "
                                          "\"data\": \"Lw==\"}]}}\n");
    free(have);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_prints_the_oldest_events_with_nulls_for_what_they_lack),
        cmocka_unit_test(json_prints_labels_and_the_application_up_to_its_nul),
        cmocka_unit_test(json_prints_snort_3_events_with_the_names_of_the_others),
        cmocka_unit_test(json_prints_packets_buffers_and_extra_data_in_every_form_that_was_asked_for),
        cmocka_unit_test(json_prints_statistics_of_both_widths_and_no_entry_that_is_not_there),
        cmocka_unit_test(json_prints_names_place_and_bytes_beyond_what_is_known),
        cmocka_unit_test(json_puts_what_belongs_to_an_event_into_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
