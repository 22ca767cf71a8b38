/* SPDX-License-Identifier: Apache-2.0 */
/* test_unified2.c: records of unified2 framed and decoded: values and nulls by name, times, names, the line, what is
 * too long. */
#include "../unified2/draft.h"
#include "probe.h"

#include "unified2/frames.h"

#define ROOM (8u << 20)

/* A decoder with these columns, and a text that frames are added to. */
struct kit {
    struct probe      probe;
    struct u2_framing how;
    u32               columns;
    char             *text;
    size_t            len;
    bool              cut;
};

static enum field_type type_of(const char *name)
{
    for (const struct decoder_column *c = decoder_unified2.columns; c->name; c++)
        if (strcmp(c->name, name) == 0) return c->type;
    return FIELD_F64;
}

static err kit_try(struct kit *k, const char *const *name, u32 names)
{
    struct probe *p = &k->probe;
    *k = (struct kit){ .how.texts = ~(1u << U2_T_JSON), .columns = names, .text = malloc(ROOM) };
    assert_non_null(k->text);
    for (u32 i = 0; i < names; i++) {
        p->column[i] = (struct field){ .name = slice_str(name[i]), .type = type_of(name[i]) };
        p->field[i] = (struct layout_field){ .field = p->column[i], .column = slice_str(name[i]), .scale = 1,
                                             .used = true, .slot = i };
        if (strcmp(name[i], "json") == 0) k->how.texts |= 1u << U2_T_JSON;
    }
    p->layout = (struct layout){ .fields = names, .field = p->field };
    p->schema = (struct schema){ .measures = names, .field = p->column };
    return decoder_unified2.open(&p->decoder, &p->layout, &p->schema);
}

static void kit_close(struct kit *k)
{
    if (k->probe.decoder) decoder_unified2.close(k->probe.decoder);
    u2_names_close((struct u2_names *)(uintptr_t)k->how.names);
    free(k->text);
}

/* The draft's first record with the others. */
static u32 kit_add(struct kit *k, const struct draft *d)
{
    static struct u2_record r[4096];
    struct u2_reader        reader;
    u32                     n = 0;
    size_t                  used, at = 0;
    u2_reader_init(&reader, 0, 0);
    while (u2_reader_next(&reader, slice_of((const char *)d->at + at, d->len - at), true, &used, &r[n]) == U2_RECORD) {
        at += used;
        n++;
    }
    struct u2_joined j = { .event = &r[0], .more = &r[1], .count = n - 1 };
    j.count = u2_frames_fit(&k->how, &j);
    size_t bound = u2_frames_bound(&k->how, &j);
    assert_true(bound <= U2_FRAME_MAX && k->len + bound <= ROOM);
    u32 size = u2_frames_put(&k->how, &j, k->text + k->len, &k->cut);
    assert_true(size <= bound && size % 8 == 0);
    k->len += size;
    return j.count;
}

/* "name=value " of each row and column that is not null. */
static const char *kit_say(struct kit *k)
{
    static char           said[1 << 16];
    static struct rejects bad;
    struct batch          out;
    size_t                used = 0, len = 0;
    u64                   lines = 0;
    char                 *text = malloc(k->len + 1); /* its end is its memory's */
    assert_non_null(text);
    memcpy(text, k->text, k->len);
    memset(&bad, 0, sizeof bad);
    decoder_unified2.decode(k->probe.decoder, slice_of(text, k->len), 0, true, &out, &bad, &used, &lines);
    assert_int_equal(used, k->len);
    assert_int_equal(lines, out.rows + bad.count[0]);
    said[0] = '\0';
    for (u32 row = 0; row < out.rows; row++) {
        for (u32 c = 0; c < k->columns; c++) {
            if (column_null(&out.column[c], row)) continue;
            len += (size_t)snprintf(said + len, sizeof said - len, "%.*s=", (int)k->probe.column[c].name.len,
                                    k->probe.column[c].name.at);
            len += (size_t)cell_text(said + len, sizeof said - len, &k->probe.column[c], &out.column[c], row);
            said[len++] = ' ';
        }
        said[len - 1] = '\n';
        said[len] = '\0';
    }
    free(text);
    return said;
}

static void check(const char *const *name, u32 names, const struct draft *d, const char *want)
{
    struct kit k;
    assert_int_equal(kit_try(&k, name, names).code, ERR_NONE);
    kit_add(&k, d);
    assert_string_equal(kit_say(&k), want);
    kit_close(&k);
}

#define CHECK(d, want, ...) \
    do { \
        static const char *const names_[] = { __VA_ARGS__ }; \
        check(names_, WEIR_COUNT(names_), (d), (want)); \
    } while (0)

static struct draft d;

static struct draft *fresh(void)
{
    d.len = 0;
    return &d;
}

TEST(alert_has_its_fields_by_name)
{
    put_event4(fresh(), 5);
    CHECK(&d, "kind='event' time=1763719200483943000 sensor=7 eventID=5 signatureID=2003 generatorID=3 revision=8 "
              "classificationID=15 priority=2 srcIP=00000000000000000000ffff01020304 "
              "dstIP=00000000000000000000ffff05060708 "
              "srcPort=1024 dstPort=80 protocol=6 impactFlag=32 impact=0 blocked=1 events=1 records=1 packets=0 "
              "packetBytes=0\n",
          "kind", "time", "sensor", "eventID", "signatureID", "generatorID", "revision", "signature",
          "classificationID", "classification", "priority", "srcIP", "dstIP", "clientIP", "srcPort", "dstPort",
          "icmpType", "icmpCode", "protocol", "impactFlag", "impact", "blocked", "vlan", "mpls", "policy",
          "policyContext", "status", "statusName", "actionName", "appid", "uri", "linkType", "events", "records",
          "packets", "packetBytes");
}

TEST(alert_counts_what_belongs_to_it_and_takes_the_first_texts)
{
    put_event4(fresh(), 5);
    put_packet_of(&d, U2_PACKET, 5, "12345");
    put_packet_of(&d, U2_BUFFER, 5, "123");
    put_extra_of(&d, 5, 9, "/index.html");
    put_extra_of(&d, 5, 9, "/second");
    put_extra_of(&d, 5, 10, "exa\x01mple\xff.org");
    put_extra_of(&d, 5, 1, "\x0a\x01\x02\x03");
    CHECK(&d, "events=1 packets=1 buffers=1 extraData=4 packetBytes=8 linkType=1 uri='/index.html' "
              "host='exa.mple..org' clientIP=00000000000000000000ffff0a010203\n",
          "events", "packets", "buffers", "extraData", "packetBytes", "linkType", "uri", "host", "clientIP");
}

TEST(what_came_alone_is_no_event)
{
    put_packet_of(fresh(), U2_PACKET, 9, "12345");
    CHECK(&d, "kind='packet' time=1763719201000005000 sensor=7 eventID=9 events=0 records=1 packets=1 packetBytes=5\n",
          "kind", "time", "sensor", "eventID", "signatureID", "srcIP", "events", "records", "packets", "packetBytes");
    put_extra_of(fresh(), 9, 9, "/x");
    CHECK(&d, "kind='extra-data' time=1763719200000000000 eventID=9 uri='/x' packets=0 extraData=1\n",
          "kind", "time", "eventID", "uri", "packets", "extraData");
    put_header(fresh(), U2_APPS, 8);
    put_n(&d, 77, 4);
    put_n(&d, 0, 4);
    CHECK(&d, "kind='app-stats' time=77000000000 records=1\n", "kind", "time", "sensor", "eventID", "records");
}

static void put_icmp(struct draft *to, u32 protocol)
{
    put_event4(to, 1);
    to->at[8 + 44] = 0, to->at[8 + 45] = 3, to->at[8 + 46] = 0, to->at[8 + 47] = 1;
    to->at[8 + 48] = (u8)protocol;
}

TEST(icmp_has_type_and_code_and_no_ports)
{
    put_icmp(fresh(), 1);
    CHECK(&d, "icmpType=3 icmpCode=1 protocol=1\n", "srcPort", "dstPort", "icmpType", "icmpCode", "protocol");
    put_icmp(fresh(), 58);
    CHECK(&d, "icmpType=3 icmpCode=1 protocol=58\n", "srcPort", "dstPort", "icmpType", "icmpCode", "protocol");
    put_icmp(fresh(), 132);
    CHECK(&d, "srcPort=3 dstPort=1 protocol=132\n", "srcPort", "dstPort", "icmpType", "icmpCode", "protocol");
}

TEST(event_of_snort3_has_policies_status_and_http)
{
    put_header(fresh(), U2_EVENT3, 1032);
    put_zeros(&d, 1032);
    u8 *b = d.at + 8;
    b[11] = 5; /* second */
    b[19] = 1; /* gid */
    b[39] = 4; /* context */
    b[59] = 0xff;
    b[92] = 0x40; /* IPv4, none */
    b[93] = 6;
    b[94] = 3;
    b[95] = 7;
    memcpy(b + 96, "http", 5);
    memcpy(b + 168, "GET", 4);
    memcpy(b + 264, "agent", 6);
    CHECK(&d, "time=5000000000 generatorID=1 policyContext=4 status=3 statusName='force' action=7 actionName='reset' "
              "blocked=1 appid='http' method='GET' userAgent='agent' requestSize=0 "
              "srcIP=00000000000000000000ffff00000000\n",
          "time", "generatorID", "policyContext", "status", "statusName", "action", "actionName", "blocked",
          "impactFlag", "appid", "method", "userAgent", "referer", "requestSize", "srcIP", "dstIP");
}

TEST(names_are_those_of_the_maps)
{
    static const char *const names[] = { "signature", "classification" };
    struct u2_name_faults    faults;
    struct kit               k;
    assert_int_equal(kit_try(&k, names, 2).code, ERR_NONE);
    struct u2_names *maps = u2_names_open();
    u2_names_read(maps, U2_MAP_GEN, S("3 || 2003 || A \"probe\" of \xff\n"), &faults);
    k.how.names = maps;
    put_event4(fresh(), 1);
    kit_add(&k, &d);
    assert_string_equal(kit_say(&k), "signature='A \"probe\" of .'\n");
    kit_close(&k);
}

TEST(line_is_that_of_weir_u2)
{
    static const char *const names[] = { "eventID", "json" };
    struct kit               k;
    assert_int_equal(kit_try(&k, names, 2).code, ERR_NONE);
    put_event4(fresh(), 1);
    put_packet_of(&d, U2_PACKET, 1, "abc");
    kit_add(&k, &d);
    const char *said = kit_say(&k);
    assert_non_null(strstr(said, "eventID=1 json='{\"type\": \"event\", \"event\": {\"sensor-id\": 7, "));
    assert_non_null(strstr(said, "\"data\": \"YWJj\"}]}}'\n"));
    kit_close(&k);
}

TEST(line_that_would_be_too_long_leaves_its_last_packets_out)
{
    static const char *const names[] = { "packets", "json" };
    static struct u2_record  r[3000];
    static u8                body[28 + 1000];
    static char              to[U2_FRAME_MAX];
    struct kit               k;
    struct draft             e = { .len = 0 };
    bool                     cut = true;
    assert_int_equal(kit_try(&k, names, 2).code, ERR_NONE);
    put_event4(&e, 1);
    r[0] = first_record(&e);
    for (u32 i = 1; i < WEIR_COUNT(r); i++)
        r[i] = (struct u2_record){ .type = U2_PACKET, .length = sizeof body, .header = 8, .kind = U2_KIND_PACKET,
                                   .body = body };
    struct u2_joined j = { .event = r, .more = r + 1, .count = WEIR_COUNT(r) - 1 };
    u32              fit = u2_frames_fit(&k.how, &j);
    assert_true(fit > 400 && fit < j.count);
    j.count = fit;
    assert_true(u2_frames_bound(&k.how, &j) <= sizeof to);
    assert_true(u2_frames_put(&k.how, &j, to, &cut) <= sizeof to && !cut);
    k.how.texts = 0; /* without the line all belong to it */
    j.count = WEIR_COUNT(r) - 1;
    assert_int_equal(u2_frames_fit(&k.how, &j), j.count);
    kit_close(&k);
}

TEST(statistics_too_long_for_a_line_have_none)
{
    static const char *const names[] = { "kind", "json" };
    static u8                body[1 << 20];
    static char              to[U2_FRAME_MAX];
    struct kit               k;
    bool                     cut = false;
    assert_int_equal(kit_try(&k, names, 2).code, ERR_NONE);
    struct u2_record r = { .type = U2_APPS, .length = sizeof body, .header = 8, .kind = U2_KIND_APPS, .body = body };
    struct u2_joined j = { .event = &r };
    assert_true(u2_frames_bound(&k.how, &j) <= sizeof to);
    k.len = u2_frames_put(&k.how, &j, to, &cut);
    assert_true(cut);
    memcpy(k.text, to, k.len);
    assert_string_equal(kit_say(&k), "kind='app-stats'\n");
    kit_close(&k);
}

TEST(texts_are_cut_between_characters_at_the_longest_string)
{
    static const char *const names[] = { "uri" };
    static char              long_uri[STRING_BYTES_MAX + 10];
    struct kit               k;
    for (u32 i = 0; i + 3 < sizeof long_uri; i += 3) memcpy(long_uri + i, "\xe2\x82\xac", 3);
    long_uri[4098] = '\0';
    assert_int_equal(kit_try(&k, names, 1).code, ERR_NONE);
    put_extra_of(fresh(), 9, 9, long_uri);
    kit_add(&k, &d);
    const char *said = kit_say(&k);
    assert_int_equal(strlen(said), strlen("uri=''\n") + 4095);
    assert_null(strchr(said, '.'));
    kit_close(&k);
}

TEST(what_is_no_record_ends_the_chunk_with_a_reject)
{
    static const char *const names[] = { "eventID" };
    struct kit               k;
    struct rejects           bad = { 0 };
    struct batch             out;
    size_t                   used = 0;
    u64                      lines = 0;
    assert_int_equal(kit_try(&k, names, 1).code, ERR_NONE);
    put_event4(fresh(), 1);
    kit_add(&k, &d);
    size_t sound = k.len;
    memset(k.text + k.len, 0, 20);
    k.len += 20;
    decoder_unified2.decode(k.probe.decoder, slice_of(k.text, k.len), 100, false, &out, &bad, &used, &lines);
    assert_int_equal(out.rows, 1);
    assert_int_equal(used, sound);
    used = 0;
    decoder_unified2.decode(k.probe.decoder, slice_of(k.text + sound, 20), 100 + sound, true, &out, &bad, &used,
                            &lines);
    assert_int_equal(used, 20);
    assert_int_equal(lines, 2);
    assert_int_equal(bad.count[0], 1);
    assert_int_equal(bad.kept_at[0].offset, 100 + sound);
    assert_string_equal(decoder_unified2.reasons[0], "no record of an alert");
    kit_close(&k);
}

TEST(many_alerts_come_in_batches)
{
    static const char *const names[] = { "eventID" };
    struct kit               k;
    struct rejects           bad = { 0 };
    u64                      lines = 0, rows = 0;
    assert_int_equal(kit_try(&k, names, 1).code, ERR_NONE);
    for (u32 i = 0; i < 2500; i++) {
        put_event4(fresh(), i);
        kit_add(&k, &d);
    }
    for (size_t at = 0, used = 0; at < k.len; at += used) {
        struct batch out;
        decoder_unified2.decode(k.probe.decoder, slice_of(k.text + at, k.len - at), at, true, &out, &bad, &used,
                                &lines);
        for (u32 i = 0; i < out.rows; i++) assert_int_equal(((const u64 *)out.column[0].cells)[i], rows + i);
        rows += out.rows;
        assert_true(used > 0 && out.rows <= BATCH_ROWS);
    }
    assert_int_equal(rows, 2500);
    kit_close(&k);
}

TEST(layout_with_what_alerts_do_not_have_is_refused)
{
    static const char *const names[] = { "signatures" };
    struct kit               k;
    assert_int_equal(kit_try(&k, names, 1).code, ERR_CONFIG);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alert_has_its_fields_by_name),
        cmocka_unit_test(alert_counts_what_belongs_to_it_and_takes_the_first_texts),
        cmocka_unit_test(what_came_alone_is_no_event),
        cmocka_unit_test(icmp_has_type_and_code_and_no_ports),
        cmocka_unit_test(event_of_snort3_has_policies_status_and_http),
        cmocka_unit_test(names_are_those_of_the_maps),
        cmocka_unit_test(line_is_that_of_weir_u2),
        cmocka_unit_test(line_that_would_be_too_long_leaves_its_last_packets_out),
        cmocka_unit_test(statistics_too_long_for_a_line_have_none),
        cmocka_unit_test(texts_are_cut_between_characters_at_the_longest_string),
        cmocka_unit_test(what_is_no_record_ends_the_chunk_with_a_reject),
        cmocka_unit_test(many_alerts_come_in_batches),
        cmocka_unit_test(layout_with_what_alerts_do_not_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
