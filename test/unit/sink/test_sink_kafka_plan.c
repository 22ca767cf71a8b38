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

/* All faults, a line each. */
struct heard {
    char   text[4096];
    size_t len;
};

static void on_fault(void *to, const char *option, const char *entry, const char *words)
{
    struct heard *h = to;
    h->len += (size_t)snprintf(h->text + h->len, sizeof h->text - h->len, "%s%s%s: %s\n", option, entry ? "." : "",
                               entry ? entry : "", words);
    assert_true(h->len < sizeof h->text);
}

static void faults_are(const struct kafka_options *o, const char *text)
{
    struct heard h = { 0 };
    sink_kafka.faults(o, &(struct option_ear){ on_fault, &h });
    assert_string_equal(h.text, text);
}

static void kafka_tells_all_faults_of_its_options_at_once(void **state)
{
    const char          *broker[] = { "kafka", "k:9092", "k:x" };
    const char          *key[] = { "transactional.id", "linger.sm", "lost", "batch.size", "acks", "linger.ms" };
    const char          *value[] = { "5", "5", NULL, "0", "1", "7" };
    struct kafka_options o = options_of("t");
    faults_are(&o, "");
    o.brokers = (struct option_names){ 3, broker };
    o.properties = (struct option_pairs){ 6, key, value };
    o.watchdog = o.timeout;
    faults_are(&o,
               "brokers.kafka: `kafka` is no broker: host:port, as kafka.example.org:9092 or [2001:db8::1]:9092\n"
               "brokers.k:x: `k:x` is no broker: host:port, as kafka.example.org:9092 or [2001:db8::1]:9092\n"
               "properties.transactional.id: `transactional.id` is weir's own to set: use `transactional_id` of the "
               "sink\n"
               "properties.linger.sm: `linger.sm` is no property of librdkafka: did you mean `linger.ms`?\n"
               "properties.batch.size: property `batch.size`: Configuration property \"batch.size\" value 0 is outside "
               "allowed range 1..2147483647\n"
               "properties.acks: `acks` is weir's own to set: use `delivery` of the sink, both ways need all\n"
               "watchdog: `watchdog` must be longer than `timeout` by 10s or more\n");
}

static void kafka_tells_of_options_without_effect(void **state)
{
    struct kafka_options o = options_of("t");
    o.partitions = 3, o.replication = 2, o.group = "w-{recipe}", o.id = "";
    faults_are(&o,
               "transactional_id: `transactional_id` is empty\n"
               "group: `group` is taken as it stands: nothing is put into `w-{recipe}`\n"
               "partitions: `partitions` is without effect unless `create` is true: topics that are there have theirs\n"
               "replication: `replication` is without effect unless `create` is true: topics that are there have "
               "theirs\n");
    o.create = true, o.group = "g", o.id = "x";
    faults_are(&o, "");
    o.delivery = 1;
    faults_are(&o, "transactional_id: `transactional_id` is without effect where `delivery` is at_least_once\n");
    o.group = NULL;
    faults_are(&o, "transactional_id: `transactional_id` names only the group where `delivery` is at_least_once: write "
                   "`group: x.epoch` instead\n");
}

static void on_channel(void *to, const struct channel *c)
{
    struct heard *h = to;
    h->len += (size_t)snprintf(h->text + h->len, sizeof h->text - h->len, "%s %s %.*s", c->sole ? "its" : "a", c->kind,
                               (int)c->name.len, c->name.at);
    h->len += (size_t)snprintf(h->text + h->len, sizeof h->text - h->len, c->sole ? "\n" : " of %u\n", c->table);
    assert_true(h->len < sizeof h->text && strcmp(c->option, c->kind) == 0 && c->hosts->count == 1);
}

static void channels_are(struct fixture *f, struct kafka_options *o, const char *text)
{
    struct heard h = { 0 };
    f->setup.options = o;
    sink_kafka.channels(&f->setup, &(struct channel_ear){ on_channel, &h });
    assert_string_equal(h.text, text);
}

static void kafka_names_what_it_writes_to(void **state)
{
    struct fixture      *f = *state;
    char                 text[512];
    struct kafka_options o = options_of("x.{table}");
    o.id = "me";
    snprintf(text, sizeof text, "a topic x.p2_raw of %u\na topic x.p2_tops of %u\nits transactional_id me\n"
             "its group me.epoch, topic x.p2_raw\n", RAW, TOPS);
    channels_are(f, &o, text);
    o.delivery = 1, o.group = "g";
    f->wanted[RAW] = false;
    snprintf(text, sizeof text, "a topic x.p2_tops of %u\nits group g, topic x.p2_tops\n", TOPS);
    channels_are(f, &o, text);
}

static void kafka_says_at_check_time_what_cannot_be(void **state)
{
    struct fixture      *f = *state;
    const char          *site[] = { "site" };
    struct kafka_options o = options_of("a b");
    refuses(f, &o, "topic", "`a b` cannot be a topic's name");
    o = options_of("t");
    o.key = (struct option_names){ 1, site };
    refuses(f, &o, "key", "`key` names `site`, but table p2_raw has no such column");
    o = options_of("t");
    o.value = "json";
    refuses(f, &o, "value", "`value` names `json`, but table p2_raw has no such column");
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
        CASE(kafka_tells_all_faults_of_its_options_at_once),
        CASE(kafka_tells_of_options_without_effect),
        CASE(kafka_names_what_it_writes_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
