/* SPDX-License-Identifier: Apache-2.0 */
/* test_kafka_parts.c: partitions' offsets, the recipe's words, and what librdkafka may be told; no broker needed. */
#include "source/kafka.h"
#include "source/sources.h"
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one partition ---------------------------------------------------------------------------------------------- */

TEST(part_takes_each_offset_once_and_steps_over_gaps)
{
    static const struct { i64 offset; enum part_verdict verdict; i64 next; } rows[] = {
        { 10, PART_TAKE, 11 }, { 11, PART_TAKE, 12 }, { 11, PART_AGAIN, 12 }, { 3, PART_AGAIN, 12 },
        { 12, PART_TAKE, 13 }, { 17, PART_TAKE, 18 }, { 13, PART_AGAIN, 18 }, { 17, PART_AGAIN, 18 },
        { 18, PART_TAKE, 19 },
    };
    struct parts p;
    parts_init(&p);
    struct part *t = parts_get(&p, "a", 0);
    part_begin(t, 10);
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        assert_int_equal(part_judge(t, rows[i].offset), rows[i].verdict);
        assert_int_equal(t->next, rows[i].next);
    }
    parts_fini(&p);
}

TEST(part_with_an_end_takes_nothing_from_there_on)
{
    struct parts p;
    parts_init(&p);
    struct part *t = parts_get(&p, "a", 0);
    part_begin(t, 0);
    t->end = 2;
    assert_int_equal(part_judge(t, 0), PART_TAKE);
    assert_int_equal(part_judge(t, 2), PART_BEHIND);
    assert_int_equal(t->next, 1);
    assert_int_equal(part_judge(t, 1), PART_TAKE);
    parts_fini(&p);
}

TEST(part_tells_the_group_only_what_is_durable)
{
    struct parts    p;
    struct position out;
    parts_init(&p);
    struct part *t = parts_get(&p, "a", 0);
    part_begin(t, 5);
    assert_int_equal(part_safe(t), 5); /* nothing had an effect yet */
    assert_int_equal(part_judge(t, 5), PART_TAKE);
    t->out = 1;
    t->offered = 6;
    part_settle(t);
    assert_false(part_is_safe(t));
    part_applied(t, 6);
    assert_false(part_is_safe(t));
    assert_true(part_cut(t, "g", &out));
    assert_true(slice_is(out.key, "a/0"));
    assert_true(slice_is(out.value, "6 g"));
    assert_false(part_is_safe(t));
    t->saved = t->cut;
    assert_true(part_is_safe(t));
    assert_int_equal(part_safe(t), 6);
    assert_false(part_cut(t, "g", &out)); /* it did not change */
    parts_fini(&p);
}

/* Under which group it was saved, and whose place it took, stays with it until it is begun under another. */
TEST(part_is_saved_under_its_group)
{
    struct parts    p;
    struct position out, old = { S("a/0"), S("7 before") }, older = { S("a/1"), S("8") },
                         here = { S("a/2"), S("9 g 00000000000000ab") };
    parts_init(&p);
    assert_true(parts_restore(&p, &old, S("g")));
    assert_true(parts_get(&p, "a", 5)->moved); /* the whole state is another group's */
    assert_true(parts_restore(&p, &older, S("g")));
    assert_true(parts_restore(&p, &here, S("g")));
    assert_false(parts_get(&p, "a", 6)->moved);
    struct part *t = parts_find(&p, "a", 0);
    assert_true(t->moved && !parts_find(&p, "a", 1)->moved && !parts_find(&p, "a", 2)->moved);
    assert_int_equal(parts_find(&p, "a", 2)->over, 0xab);
    assert_false(part_cut(t, "g", &out));
    part_begin(t, 7);
    t->over = 0xcd;
    assert_true(part_cut(t, "g", &out));
    assert_true(slice_is(out.value, "7 g 00000000000000cd"));
    assert_false(t->moved || part_cut(t, "g", &out));
    assert_false(part_cut(parts_find(&p, "a", 2), "g", &out));
    parts_fini(&p);
}

TEST(parts_come_back_from_their_positions)
{
    static const struct { const char *key, *value; bool good; } rows[] = {
        { "a.b-c/0", "12", true }, { "a/12", "9223372036854775807", true }, { "a", "1", false }, { "a/", "1", false },
        { "a/x", "1", false },     { "a/0", "", false },                    { "a/0", "-1", false },
        { "a/2147483648", "1", false }, { "", "", false },                  { "a/0", "1 g x", false },
        { "a/0", "1 g 00000000000000001", false }, { "a/0", "1 g ", false }, { "a/0", " g", false },
    };
    struct parts p;
    parts_init(&p);
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct position at = { slice_str(rows[i].key), slice_str(rows[i].value) };
        assert_int_equal(parts_restore(&p, &at, S("g")), rows[i].good);
    }
    assert_int_equal(p.count, 3);
    assert_int_equal(parts_find(&p, "a.b-c", 0)->next, 12);
    assert_null(parts_find(&p, "a", 1));
    assert_true(parts_know_topic(&p, "a"));
    assert_false(parts_know_topic(&p, "b"));
    parts_fini(&p);
}

TEST(parts_are_at_most_as_many_as_the_engine_has)
{
    struct parts p;
    parts_init(&p);
    for (i32 i = 0; i < PARTITIONS_MAX; i++) assert_int_equal(parts_get(&p, "a", i)->number, i);
    assert_null(parts_get(&p, "a", PARTITIONS_MAX));
    assert_non_null(parts_get(&p, "a", 17));
    parts_fini(&p);
}

/* --- where to begin --------------------------------------------------------------------------------------------- */

struct begin_row {
    struct kafka_start start;
    u32                reset;
    bool               group; /* the group's offsets count */
    bool               newborn;
    i64                at, committed; /* the log is 100 to 200 */
    i64                found;         /* -1: it stops */
    u64                lost;
};

TEST(inquiry_finds_where_a_partition_begins)
{
    static const struct begin_row rows[] = {
        { { KAFKA_EARLIEST, 0 }, 0, false, false, -1, -1, 100, 0 },
        { { KAFKA_LATEST, 0 }, 0, false, false, -1, -1, 200, 0 },
        { { KAFKA_LATEST, 0 }, 0, false, true, -1, -1, 100, 0 }, /* came to be while we read its topic */
        { { KAFKA_OFFSET, 150 }, 0, false, false, -1, -1, 150, 0 },
        { { KAFKA_OFFSET, 5 }, 0, false, false, -1, -1, 100, 0 },
        { { KAFKA_OFFSET, 500 }, 0, false, false, -1, -1, 200, 0 },
        { { KAFKA_LATEST, 0 }, 0, false, false, 120, 180, 120, 0 }, /* alone: the group's offset is for others */
        { { KAFKA_LATEST, 0 }, 0, true, false, 120, 180, 180, 0 },
        { { KAFKA_LATEST, 0 }, 0, true, false, 120, 110, 120, 0 },
        { { KAFKA_LATEST, 0 }, 0, true, false, -1, 130, 130, 0 },
        { { KAFKA_EARLIEST, 0 }, KAFKA_RESET_STOP, false, false, 99, -1, -1, 0 },
        { { KAFKA_EARLIEST, 0 }, KAFKA_RESET_STOP, false, false, 201, -1, -1, 0 },
        { { KAFKA_EARLIEST, 0 }, KAFKA_RESET_STOP, false, false, 200, -1, 200, 0 },
        { { KAFKA_EARLIEST, 0 }, KAFKA_RESET_EARLIEST, false, false, 40, -1, 100, 60 },
        { { KAFKA_EARLIEST, 0 }, KAFKA_RESET_LATEST, false, false, 40, -1, 200, 160 },
        { { KAFKA_EARLIEST, 0 }, KAFKA_RESET_EARLIEST, false, false, 400, -1, 100, 0 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        const struct begin_row *r = &rows[i];
        struct kafka_options    o = { .reset = r->reset };
        struct inquiry          s = { .options = &o, .start = r->start, .committed = r->group };
        struct inquiry_ask      a = { .topic = (char *)(uintptr_t)"t", .partition = 3, .at = r->at,
                                      .newborn = r->newborn, .committed = r->committed, .low = 100, .high = 200,
                                      .start = -1 };
        enum inquiry_outcome    o2 = inquiry_resolve(&s, &a);
        assert_int_equal(o2, r->found < 0 ? INQUIRY_FAIL : INQUIRY_OK);
        if (r->found >= 0) assert_int_equal(a.start, r->found);
        else assert_non_null(strstr(s.words, "t/3: our position is offset"));
        assert_int_equal(a.lost, r->lost);
        assert_int_equal(a.bent, r->at < 0 && r->start.kind == KAFKA_OFFSET && r->start.at > a.high);
    }
}

/* --- whose offsets a group holds -------------------------------------------------------------------------------- */

TEST(claim_comes_back_from_its_note)
{
    struct claim c;
    char        *text = claim_text(0xfeedfacecafebeef, 0x12, -1, S("job-1"));
    claim_parse(slice_str(text), &c);
    assert_true(c.state == 0xfeedfacecafebeef && c.over == 0x12 && c.at == -1);
    assert_string_equal(c.recipe, "job-1");
    free(text);
}

TEST(claim_of_others_is_none)
{
    static const char *const rows[] = {
        "", "x", "weir", "weir ", "weir state=", "weir state=12", "weir state=0000000000000000",
        "weir state=00000000000000zz", "weir state= 000000000000012", "WEIR state=0000000000000001",
        "weir state=0000000000000001 over=1", "weir state=0000000000000001 at=", "{\"state\": 1}", " weir state=1",
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct claim c = { .state = 7 };
        claim_parse(slice_str(rows[i]), &c);
        assert_int_equal(c.state, 0);
    }
    struct claim c;
    char         text[400] = "weir later=1 state=0000000000000001 recipe=";
    memset(text + strlen(text), '\n', 300);
    claim_parse(slice_str(text), &c); /* what is not known is passed over; a name is cut, and printable */
    assert_int_equal(c.state, 1);
    assert_int_equal(strlen(c.recipe), sizeof c.recipe - 1);
    assert_int_equal(strspn(c.recipe, "?"), sizeof c.recipe - 1);
}

TEST(claim_says_whether_the_group_counts)
{
    enum { US = 1, THEM = 2, THIRD = 3 };
    static const struct { struct claim_case_of c; struct claim by; enum claim_case is; } rows[] = {
        { { .at = 10, .committed = 10, .state = US }, { .state = THEM }, CLAIM_NONE },
        { { .at = 10, .committed = -1001, .state = US }, { 0 }, CLAIM_NONE },
        { { .at = -1, .committed = -1, .state = US }, { 0 }, CLAIM_NONE },
        { { .at = 10, .committed = 20, .state = US }, { .state = THEM }, CLAIM_OTHER },
        { { .at = -1, .committed = 20, .state = US }, { .state = THEM }, CLAIM_OTHER },
        { { .at = 10, .committed = 20, .state = US }, { 0 }, CLAIM_TOOL },
        /* Ours: 20 was said when 10 was durable, and nothing between had an effect; or when 15 was. */
        { { .at = 10, .committed = 20, .state = US }, { .state = US, .at = 10 }, CLAIM_SAME },
        { { .at = 10, .committed = 20, .state = US }, { .state = US, .at = 15 }, CLAIM_OWN },
        { { .at = -1, .committed = 20, .state = US }, { .state = US, .at = -1 }, CLAIM_SAME },
        { { .at = -1, .committed = 20, .state = US, .alone = true }, { .state = US, .at = -1 }, CLAIM_ALONE },
        /* A switch, and the way back. */
        { { .at = 10, .committed = 20, .state = US, .moved = true }, { .state = THEM }, CLAIM_MOVED },
        { { .at = 10, .committed = 20, .state = US, .moved = true }, { 0 }, CLAIM_MOVED },
        { { .at = 10, .committed = 20, .state = US, .over = THEM }, { .state = THEM }, CLAIM_REPLACED },
        { { .at = 10, .committed = 20, .state = US }, { .state = THEM, .over = US }, CLAIM_REPLACED },
        { { .at = 10, .committed = 20, .state = US, .over = THIRD }, { .state = THEM, .over = THIRD }, CLAIM_OTHER },
        { { .at = 10, .committed = 20, .over = THEM }, { 0 }, CLAIM_TOOL },
        /* Said on the command line. */
        { { .at = 10, .committed = 20, .state = US, .alone = true }, { .state = THEM }, CLAIM_ALONE },
        { { .at = 10, .committed = 20, .state = US, .alone = true }, { 0 }, CLAIM_ALONE },
        /* Within a run: whoever is ahead is at work now, but for what was passed over before. */
        { { .at = 10, .committed = 20, .state = US, .begun = true, .passed = -1, .alone = true }, { .state = THEM },
          CLAIM_OTHER },
        { { .at = 10, .committed = 20, .state = US, .begun = true, .passed = 20 }, { .state = THEM }, CLAIM_PASSED },
        { { .at = 10, .committed = 21, .state = US, .begun = true, .passed = 20 }, { 0 }, CLAIM_TOOL },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) assert_int_equal(claim_judge(&rows[i].c, &rows[i].by), rows[i].is);
}

/* --- the recipe's words ----------------------------------------------------------------------------------------- */

TEST(start_is_a_word_an_offset_or_a_time)
{
    static const struct { const char *text; bool good; enum kafka_start_kind kind; i64 at; } rows[] = {
        { "earliest", true, KAFKA_EARLIEST, 0 },
        { "latest", true, KAFKA_LATEST, 0 },
        { "0", true, KAFKA_OFFSET, 0 },
        { "123456789012", true, KAFKA_OFFSET, 123456789012 },
        { "2026-01-02", true, KAFKA_TIME, 1767312000000 },
        { "2026-01-02T03:04Z", true, KAFKA_TIME, 1767323040000 },
        { "2026-01-02T03:04:05Z", true, KAFKA_TIME, 1767323045000 },
        { "2026-01-02T03:04", false, 0, 0 },
        { "-1", false, 0, 0 },
        { "", false, 0, 0 },
        { "first", false, 0, 0 },
        { "9223372036854775808", false, 0, 0 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct kafka_start s;
        assert_int_equal(kafka_start_parse(slice_str(rows[i].text), &s), rows[i].good);
        if (!rows[i].good) continue;
        assert_int_equal(s.kind, rows[i].kind);
        assert_int_equal(s.at, rows[i].at);
    }
}

TEST(partitions_are_numbers_and_ranges_each_once)
{
    static const struct { const char *text, *list; } rows[] = {
        { "0", "0" },          { "0-3,7", "0 1 2 3 7" }, { " 7 , 1 - 2 ", "1 2 7" }, { "", NULL },    { "a", NULL },
        { "1,1", NULL },       { "0-2,1", NULL },        { "3-1", NULL },            { "1,", NULL },  { "-1", NULL },
        { "0-4096", NULL },    { "0-4294967296", NULL }, { "1--2", NULL },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        u32  count;
        char text[64] = "";
        i32 *list = kafka_partitions_parse(slice_str(rows[i].text), &count);
        assert_int_equal(list != NULL, rows[i].list != NULL);
        for (u32 n = 0; list && n < count; n++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", n ? " " : "", list[n]);
        if (list) assert_string_equal(text, rows[i].list);
        free(list);
    }
}

struct check_row {
    const char *broker, *topic, *group, *start, *partitions, *key, *value;
    const char *at, *words; /* NULL: nothing is wrong */
};

/* The first fault that is told. */
struct heard {
    const char *at;
    char        words[256];
};

static void on_fault(void *to, const char *option, const char *entry, const char *words)
{
    struct heard *h = to;
    if (h->at != NULL) return;
    h->at = option;
    snprintf(h->words, sizeof h->words, "%s", words);
}

TEST(check_names_what_cannot_be)
{
    static const struct check_row rows[] = {
        { "h:9092", "t", "g", "earliest", NULL, "fetch.min.bytes", "10", NULL, NULL },
        { "[::1]:9092", "^t.*[0-9]", "g", "latest", NULL, "security.protocol", "ssl", NULL, NULL },
        { "h", "t", "g", "earliest", NULL, NULL, NULL, "brokers", "`h` is no broker" },
        { "h:0", "t", "g", "earliest", NULL, NULL, NULL, "brokers", "no broker" },
        { "h:9092,i:9092", "t", "g", "earliest", NULL, NULL, NULL, "brokers", "no broker" },
        { "h i:9", "t", "g", "earliest", NULL, NULL, NULL, "brokers", "no broker" },
        { "h:1", "a b", "g", "earliest", NULL, NULL, NULL, "topics", "no topic's name" },
        { "h:1", "^a(", "g", "earliest", NULL, NULL, NULL, "topics", "no pattern" },
        { "h:1", "^a", "g", "earliest", "0", NULL, NULL, "topics", "is a pattern" },
        { "h:1", "t", "", "earliest", NULL, NULL, NULL, "group", "1 to 249 bytes" },
        { "h:1", "t", "weir-{reciep}-{source}", "earliest", NULL, NULL, NULL, "group", "have `{reciep}` in its name" },
        { "h:1", "t", "weir-{recipe}-{", "earliest", NULL, NULL, NULL, "group", "have `{` in its name" },
        { "h:1", "t", "g", "yesterday", NULL, NULL, NULL, "start", "no start" },
        { "h:1", "t", "g", "earliest", "0,0", NULL, NULL, "partitions", "are no partitions" },
        { "h:1", "t", "g", "earliest", NULL, "group.id", "x", "properties", "use `group`" },
        { "h:1", "t", "g", "earliest", NULL, "enable.auto.commit", "true", "properties", "weir's own" },
        { "h:1", "t", "g", "earliest", NULL, "bootstrap.servers", "x:1", "properties", "use `brokers`" },
        { "h:1", "t", "g", "earliest", NULL, "plugin.library.paths", "x.so", "properties", "loads no code" },
        { "h:1", "t", "g", "earliest", NULL, "sasl.passwrd", "x", "properties", "did you mean `sasl.password`?" },
        { "h:1", "t", "g", "earliest", NULL, "security.protocol", "tls", "properties", "Invalid value" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct check_row     r = rows[i];
        struct kafka_options o = { .brokers = { 1, &r.broker }, .topics = { 1, &r.topic }, .group = r.group,
                                   .start = r.start, .partitions = r.partitions, .chunk = 1 << 18,
                                   .properties = { r.key != NULL, &r.key, &r.value } };
        struct heard h = { 0 };
        if (source_kafka.check(&o, h.words, sizeof h.words, &h.at)) {
            h = (struct heard){ 0 };
            source_kafka.faults(&o, &(struct option_ear){ on_fault, &h });
        }
        assert_int_equal(h.at == NULL, r.words == NULL);
        if (r.words == NULL) continue;
        assert_string_equal(h.at, r.at);
        if (strstr(h.words, r.words) == NULL) fail_msg("\"%s\" is not in \"%s\"", r.words, h.words);
    }
}

TEST(kafka_knows_whether_it_would_read_a_topic)
{
    static const struct {
        const char *topic, *blacklist, *host, *written;
        bool        read;
    } rows[] = {
        { "flows", NULL, "b:1", "flows", true },        { "flows", NULL, "B:1", "flows", true },
        { "flows", NULL, "c:1", "flows", false },       { "flows", NULL, "b:1", "flows.raw", false },
        { "^flows", NULL, "b:1", "flows.raw", true },   { "^flows$", NULL, "b:1", "flows.raw", false },
        { "^.*raw", NULL, "b:1", "flows.raw.1", true }, { "^flows[.](raw|top)$", NULL, "b:1", "flows.top", true },
        { "^flows", "^x,raw$", "b:1", "flows.raw", false }, { "^flows", "^x,^raw", "b:1", "flows.raw", true },
        { "^fl", "^f.{2,,9}$", "b:1", "flows", false }, { "^fl", "^f.{8,,9}$", "b:1", "flows", true },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        const char          *brokers[] = { "a:1", "b:1" }, *host = rows[i].host, *topic = rows[i].topic;
        const char          *key = "topic.blacklist", *value = rows[i].blacklist;
        struct kafka_options o = { .brokers = { 2, brokers }, .topics = { 1, &topic },
                                   .properties = { value != NULL, &key, &value } };
        struct option_names  hosts = { 1, &host };
        struct channel       c = { .kind = "topic", .name = slice_str(rows[i].written), .hosts = &hosts };
        if (source_kafka.reads(&o, &c) != rows[i].read) fail_msg("row %u: %s, %s", i, topic, rows[i].written);
        c.kind = "table";
        assert_false(source_kafka.reads(&o, &c));
    }
}

TEST(group_has_the_sources_name_where_it_says_so)
{
    char *plain = kafka_group_name("g", S("probe"), S("flows")),
         *made = kafka_group_name("weir-{recipe}-{source}-new", S("probe"), S("flows"));
    assert_string_equal(plain, "g");
    assert_string_equal(made, "weir-probe-flows-new");
    free(plain);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_takes_each_offset_once_and_steps_over_gaps),
        cmocka_unit_test(part_with_an_end_takes_nothing_from_there_on),
        cmocka_unit_test(part_tells_the_group_only_what_is_durable),
        cmocka_unit_test(part_is_saved_under_its_group),
        cmocka_unit_test(parts_come_back_from_their_positions),
        cmocka_unit_test(parts_are_at_most_as_many_as_the_engine_has),
        cmocka_unit_test(inquiry_finds_where_a_partition_begins),
        cmocka_unit_test(claim_comes_back_from_its_note),
        cmocka_unit_test(claim_of_others_is_none),
        cmocka_unit_test(claim_says_whether_the_group_counts),
        cmocka_unit_test(start_is_a_word_an_offset_or_a_time),
        cmocka_unit_test(partitions_are_numbers_and_ranges_each_once),
        cmocka_unit_test(check_names_what_cannot_be),
        cmocka_unit_test(kafka_knows_whether_it_would_read_a_topic),
        cmocka_unit_test(group_has_the_sources_name_where_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
