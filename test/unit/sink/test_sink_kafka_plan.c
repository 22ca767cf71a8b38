/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_kafka_plan.c: which message a row becomes, and which options do not stand together. No broker. */
#include "sink/kafka_plan.h"
#include "sink_fixture.h"

static const char *const one_broker[] = { "127.0.0.1:9092" };

static struct kafka_options options_of(const char *topic)
{
    struct kafka_options o = { .topic = topic, .separator = "|", .timeout = 30 * NANOS_SECOND,
                               .wait = NANOS_SECOND, .watchdog = 60 * NANOS_SECOND };
    o.brokers = (struct option_names){ 1, (const char **)(uintptr_t)one_broker };
    return o;
}

/* The first row of `w` as a message: "key=value", with (none) for what is not there. Lent until the next call. */
static const char *message_of(struct fixture *f, struct kafka_options *o, struct row_writer *w)
{
    static char         text[1024];
    struct kafka_plan   plan;
    const char         *at = NULL;
    struct value        value[8];
    struct row          row = { .value = value };
    struct lines        lines = { 0 };
    err                 e;
    f->setup.options = o;
    assert_true(kafka_plan_init(&plan, &f->setup, f->why, sizeof f->why, &at));
    slice             rows = row_writer_take(w);
    struct row_reader r = { (const u8 *)rows.at, (const u8 *)rows.at + rows.len, tables, TABLES };
    assert_true(row_next(&r, &row, &e));
    struct kafka_message m = kafka_plan_message(&plan, &plan.target[row.table], &row, &lines);
    slice key = kafka_text_of(&m.key, &lines), sent = kafka_text_of(&m.value, &lines);
    if (key.at == NULL) key = S("(none)");
    if (sent.at == NULL) sent = S("(none)");
    snprintf(text, sizeof text, "%s: %.*s=%.*s", plan.topic[plan.target[row.table].topic], (int)key.len, key.at,
             (int)sent.len, sent.at);
    free((char *)(uintptr_t)rows.at);
    lines_fini(&lines);
    kafka_plan_fini(&plan);
    return text;
}

static void kafka_keys_a_window_by_its_group_and_leads_json_by_the_table(void **state)
{
    struct fixture      *f = *state;
    struct kafka_options o = options_of("all");
    struct row_writer    w;
    row_writer_init(&w);
    put_raw(&w, 60, "10.0.0.0/8", 6, 1500, 0.25, 0);
    assert_string_equal(message_of(f, &o, &w),
                        "all: 10.0.0.0/8|6={\"table\":\"p2_raw\",\"timestamp\":60,\"net\":\"10.0.0.0/8\","
                        "\"protocol\":6,\"bytes\":1500,\"rtt\":0.25,\"revision\":0}");
    put_raw(&w, 60, NULL, 6, 1500, -1, 0);
    says(message_of(f, &o, &w), "all: |6={");
    row_writer_fini(&w);
}

static void kafka_gives_each_table_a_topic_where_the_pattern_says_so(void **state)
{
    struct fixture      *f = *state;
    struct kafka_options o = options_of("site.{table}.v1");
    struct row_writer    w;
    row_writer_init(&w);
    put_tops(&w, 300, "north", 7, 1);
    assert_string_equal(message_of(f, &o, &w), "site.p2_tops.v1: north={\"timestamp\":300,\"site\":\"north\","
                                               "\"bytes\":7,\"bytes_rank\":1}");
    row_writer_fini(&w);
}

static void kafka_passes_a_columns_bytes_on_as_they_are(void **state)
{
    struct fixture      *f = *state;
    const char          *key[] = { "protocol", "bytes" };
    struct kafka_options o = options_of("raw");
    struct row_writer    w;
    f->wanted[TOPS] = false;
    o.value = "net", o.separator = "/";
    o.key = (struct option_names){ 2, key };
    row_writer_init(&w);
    put_raw(&w, 60, "{\"a\": 1}", 6, 9, 0, 0);
    assert_string_equal(message_of(f, &o, &w), "raw: 6/9={\"a\": 1}");
    put_raw(&w, 60, NULL, 6, 9, 0, 0);
    assert_string_equal(message_of(f, &o, &w), "raw: 6/9=(none)");
    put_raw(&w, 60, "", 6, 9, 0, 0);
    assert_string_equal(message_of(f, &o, &w), "raw: 6/9=");
    row_writer_fini(&w);
}

static void kafka_gives_a_key_of_nulls_no_key(void **state)
{
    struct fixture      *f = *state;
    const char          *key[] = { "net" };
    struct kafka_options o = options_of("raw");
    struct row_writer    w;
    f->wanted[TOPS] = false;
    o.key = (struct option_names){ 1, key };
    row_writer_init(&w);
    put_raw(&w, 60, NULL, 6, 9, 0, 0);
    says(message_of(f, &o, &w), "raw: (none)={\"timestamp\":60,\"net\":null,");
    row_writer_fini(&w);
}

static void refuses(struct fixture *f, struct kafka_options *o, const char *key, const char *words)
{
    const char *at = NULL;
    f->setup.options = o;
    assert_false(sink_kafka.check(&f->setup, f->why, sizeof f->why, &at));
    says(f->why, words);
    assert_string_equal(at, key);
}

static void kafka_says_at_check_time_what_cannot_be(void **state)
{
    struct fixture      *f = *state;
    const char          *bad_broker[] = { "kafka" }, *site[] = { "site" };
    const char          *mine[] = { "transactional.id" }, *typo[] = { "linger.sm" }, *value[] = { "5" };
    struct kafka_options o = options_of("a b");
    refuses(f, &o, "topic", "`a b` cannot be a topic's name");
    o = options_of("t");
    o.key = (struct option_names){ 1, site };
    refuses(f, &o, "key", "`key` names `site`, but table p2_raw has no such column");
    o = options_of("t");
    o.value = "json";
    refuses(f, &o, "value", "`value` names `json`, but table p2_raw has no such column");
    o = options_of("t");
    o.brokers.name = bad_broker;
    refuses(f, &o, "brokers", "`kafka` is no broker");
    o = options_of("t");
    o.properties = (struct option_pairs){ 1, mine, value };
    refuses(f, &o, "properties", "use `transactional_id` of the sink");
    o.properties.key = typo;
    refuses(f, &o, "properties", "did you mean `linger.ms`");
    o = options_of("t");
    o.watchdog = o.timeout;
    refuses(f, &o, "watchdog", "longer than `timeout`");
    o = options_of("t");
    const char *at = NULL;
    f->setup.options = &o;
    assert_true(sink_kafka.check(&f->setup, f->why, sizeof f->why, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(kafka_keys_a_window_by_its_group_and_leads_json_by_the_table),
        CASE(kafka_gives_each_table_a_topic_where_the_pattern_says_so),
        CASE(kafka_passes_a_columns_bytes_on_as_they_are),
        CASE(kafka_gives_a_key_of_nulls_no_key),
        CASE(kafka_says_at_check_time_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
