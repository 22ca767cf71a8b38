/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_client.c: librdkafka's clients of a link: how they are configured, and born. */
#include "shim/privileges.h"
#include "sink/kafka_link_own.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Five requests of 1 MB are on their way to a broker at most. What waits beside them for longer than `linger.ms` while
 * no further one may go makes librdkafka's thread go in circles: few wait, and may wait long. What is not to wait,
 * kafka_link_kick sends. */
#define LINGER_MS      "100"
#define QUEUE_KIB      6144u
#define QUEUE_KIB_WIDE 65536u /* for messages that may be larger than the above */
/* The link counts what is in the queue (kafka_send.c). */
#define QUEUE_KIB_NEVER      "2097151"
#define QUEUE_MESSAGES_NEVER "10000000"

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_link *l = opaque;
    (void)code;
    if (rk == l->producer || l->producer == NULL) snprintf(l->last, sizeof l->last, "%s", reason);
}

/* What matters comes as an error; the rest is for who set the property `debug`. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka_link *l = rd_kafka_opaque(rk);
    char                     line[1024];
    if (l == NULL || l->setup->warn == NULL || !l->debug) return;
    (void)level;
    snprintf(line, sizeof line, "librdkafka %s: %s", facility, text);
    l->setup->warn(line);
}

static const struct kafka_ours ours[] = {
    { "transactional.id", "`transactional_id` of the sink" },
    { "transaction.timeout.ms", "`timeout` of the sink" },
    { "message.timeout.ms", "`timeout` of the sink" },
    { "delivery.timeout.ms", "`timeout` of the sink" },
    { "group.id", "`group` of the sink" },
    { "enable.idempotence", "`delivery` of the sink, both ways need it" },
    { "enable.gapless.guarantee", "`delivery` of the sink" },
    { "acks", "`delivery` of the sink, both ways need all" },
    { "request.required.acks", "`delivery` of the sink, both ways need all" },
    { "retries", "`timeout` of the sink" },
    { "message.send.max.retries", "`timeout` of the sink" },
    { "max.in.flight", "`delivery` of the sink" },
    { "max.in.flight.requests.per.connection", "`delivery` of the sink" },
    { "queuing.strategy", "`delivery` of the sink" },
    { "isolation.level", "`delivery` of the sink" },
    { "enable.auto.commit", "`delivery` of the sink" },
    { "enable.auto.offset.store", "`delivery` of the sink" },
    { "delivery.report.only.error", "`delivery` of the sink" },
    { "queue.buffering.max.messages", "queue.buffering.max.kbytes: the queue's bytes are what is bounded" },
    { NULL, NULL },
};

bool kafka_client_given(const struct kafka_link_setup *s, const char *property)
{
    for (u32 i = 0; i < s->properties->count; i++)
        if (strcmp(s->properties->key[i], property) == 0) return true;
    return false;
}

u64 kafka_client_queue(const struct kafka_link_setup *s)
{
    u64 kib = kafka_client_given(s, "message.max.bytes") ? QUEUE_KIB_WIDE : QUEUE_KIB;
    for (u32 i = 0; i < s->properties->count; i++) {
        slice value = slice_str(s->properties->value[i]);
        if (strcmp(s->properties->key[i], "queue.buffering.max.kbytes") == 0) slice_u64(value, &kib); /* was checked */
    }
    return kib << 10;
}

static void set_default(const struct kafka_link_setup *s, rd_kafka_conf_t *conf, const char *property,
                        const char *value)
{
    if (!kafka_client_given(s, property)) kafka_conf_own(conf, property, value);
}

static rd_kafka_conf_t *conf_base(const struct kafka_link_setup *s, char *words, size_t size)
{
    char client[256];
    snprintf(client, sizeof client, "weir-%.*s-%.*s", (int)s->recipe.len, s->recipe.at, (int)s->sink.len, s->sink.at);
    struct kafka_conf_spec spec = { s->brokers, s->properties, ours, client };
    rd_kafka_conf_t       *conf = kafka_conf_make(&spec, words, size);
    if (conf != NULL) set_default(s, conf, "reconnect.backoff.max.ms", "1000"); /* 10 s are much of a `timeout` */
    return conf;
}

static void set_ms(rd_kafka_conf_t *conf, const char *property, u64 ms)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)ms);
    kafka_conf_own(conf, property, text);
}

/* A message that waits longer than three quarters of a transaction can go with the next one. At least once has no
 * other attempt: there it waits for ever, and the queue is what fills. */
static rd_kafka_conf_t *conf_producer(const struct kafka_link_setup *s, char *words, size_t size)
{
    rd_kafka_conf_t *conf = conf_base(s, words, size);
    if (conf == NULL) return NULL;
    set_default(s, conf, "partitioner", "murmur2_random");
    kafka_conf_own(conf, "queue.buffering.max.kbytes", QUEUE_KIB_NEVER);
    kafka_conf_own(conf, "queue.buffering.max.messages", QUEUE_MESSAGES_NEVER);
    if (!kafka_client_given(s, "queue.buffering.max.ms")) set_default(s, conf, "linger.ms", LINGER_MS);
    kafka_conf_own(conf, "enable.idempotence", "true");
    set_ms(conf, "message.timeout.ms", s->exactly ? s->timeout_ms - s->timeout_ms / 4 : 0);
    if (s->exactly) {
        kafka_conf_own(conf, "transactional.id", s->id);
        set_ms(conf, "transaction.timeout.ms", s->timeout_ms);
    }
    return conf;
}

static rd_kafka_conf_t *conf_reader(const struct kafka_link_setup *s, char *words, size_t size)
{
    rd_kafka_conf_t *conf = conf_base(s, words, size);
    if (conf == NULL) return NULL;
    kafka_conf_own(conf, "group.id", s->group);
    kafka_conf_own(conf, "enable.auto.commit", "false");
    kafka_conf_own(conf, "isolation.level", "read_committed");
    return conf;
}

void kafka_link_faults(const struct option_names *brokers, const struct option_pairs *properties,
                       const struct option_ear *to)
{
    kafka_conf_faults(&(struct kafka_conf_spec){ brokers, properties, ours, NULL }, to);
}

struct birth {
    rd_kafka_type_t  type;
    rd_kafka_conf_t *conf;
    rd_kafka_t      *rk;
    char             why[512];
};

static void *birth_main(void *arg)
{
    struct birth *b = arg;
    privileges_drop();
    b->rk = rd_kafka_new(b->type, b->conf, b->why, sizeof b->why);
    return NULL;
}

/* librdkafka's threads inherit what the thread that makes the client may do: less than one that opens a capture. */
static rd_kafka_t *client_new(struct kafka_link *l, rd_kafka_type_t type, rd_kafka_conf_t *conf, char *why, size_t room)
{
    struct birth b = { .type = type, .conf = conf };
    pthread_t    thread;
    rd_kafka_conf_set_opaque(conf, l);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, kafka_send_delivered);
    WEIR_ASSERT(pthread_create(&thread, NULL, birth_main, &b) == 0);
    pthread_join(thread, NULL);
    if (b.rk != NULL) return b.rk;
    rd_kafka_conf_destroy(conf);
    snprintf(why, room, "kafka: %s", b.why);
    return NULL;
}

rd_kafka_t *kafka_client_producer(struct kafka_link *l, char *why, size_t room)
{
    rd_kafka_conf_t *conf = conf_producer(l->setup, why, room);
    return conf ? client_new(l, RD_KAFKA_PRODUCER, conf, why, room) : NULL;
}

rd_kafka_t *kafka_client_reader(struct kafka_link *l, char *why, size_t room)
{
    rd_kafka_conf_t *conf = conf_reader(l->setup, why, room);
    return conf ? client_new(l, RD_KAFKA_CONSUMER, conf, why, room) : NULL;
}
