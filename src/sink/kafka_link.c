/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_link.c: the producer's life and the transactions. What it says of the mark: kafka_mark.c. See kafka_link.h.
 *
 *   open: producer, init_transactions (fences whoever held the id), topics, mark
 *   epoch: ready -> begin -> put... -> offsets -> commit
 *   an error: the transaction is aborted, or the producer is given up where that does not help; the mark is in doubt
 *   fenced: the producer is given up; after a while (the other one marks what it holds) the mark tells who fenced it.
 *   Our own mark: nobody, the broker had ended a transaction that took too long, with the same words (#3928) */
#include "sink/kafka_link.h"

#include "shim/clock.h"
#include "shim/privileges.h"
#include "sink/kafka_link_own.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define STEP_MS    2000    /* of a wait that is told about */
#define FENCED_NS  (10 * 1000000000ull) /* longer than the other takes from its start to its first tick */
#define ABORT_MS   5000
#define REMARK_NS  (3600 * 1000000000ull)
#define RETRY_NS   (60 * 1000000000ull)
#define FLUSH_MS   20
/* Five requests of 1 MB are on their way to a broker at most. What waits beside them for longer than `linger.ms` while
 * no further one may go makes librdkafka's thread go in circles: few wait, and may wait long. What is not to wait,
 * kafka_link_kick sends. */
#define LINGER_MS  "100"
#define QUEUE_KIB      6144u
#define QUEUE_KIB_WIDE 65536u /* for messages that may be larger than the above */
/* The link counts what is in the queue, by what librdkafka tells of each message: so a batch is taken whole, in its
 * order, and the wait for room ends with the first message that is delivered. */
#define QUEUE_KIB_NEVER      "2097151"
#define QUEUE_MESSAGES_NEVER "10000000"
#define MESSAGE_BYTES        64u /* that a message is in librdkafka beside its bytes, or more */
#define POLL_MS              100

/* --- what librdkafka tells ---------------------------------------------------------------------------------------- */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_link *l = opaque;
    (void)code;
    if (rk == l->producer || l->producer == NULL) snprintf(l->last, sizeof l->last, "%s", reason);
}

static u64 message_bytes(size_t key, size_t value)
{
    return key + value + MESSAGE_BYTES;
}

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_link *l = opaque;
    u64                bytes = message_bytes(m->key_len, m->len);
    if (rk != l->producer) return; /* of one that was given up */
    l->queued -= bytes < l->queued ? bytes : l->queued;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR || m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    if (l->failed++ == 0)
        snprintf(l->failed_why, sizeof l->failed_why, "topic %s: %s", rd_kafka_topic_name(m->rkt),
                 rd_kafka_err2str(m->err));
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

err kafka_link_world(struct kafka_link *l, const char *doing, const char *what, char *why, size_t room)
{
    bool more = l->last[0] != 0 && strcmp(l->last, what) != 0;
    snprintf(why, room, "kafka %s: %s: %s%s%s%s", l->setup->brokers->name[0], doing, what, more ? " (" : "",
             more ? l->last : "", more ? ")" : "");
    return (err){ ERR_OS, "reach the Kafka brokers", ETIMEDOUT };
}

u64 kafka_link_deadline(u32 ms)
{
    return clock_monotonic() + (u64)ms * 1000000;
}

int kafka_link_left_ms(u64 deadline, int most)
{
    u64 now = clock_monotonic(), left = deadline > now ? (deadline - now) / 1000000 : 0;
    return left < (u64)most ? (int)left : most;
}

/* --- a client ----------------------------------------------------------------------------------------------------- */

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

static bool given(const struct kafka_link_setup *s, const char *property)
{
    for (u32 i = 0; i < s->properties->count; i++)
        if (strcmp(s->properties->key[i], property) == 0) return true;
    return false;
}

static u64 queue_max(const struct kafka_link_setup *s)
{
    u64 kib = given(s, "message.max.bytes") ? QUEUE_KIB_WIDE : QUEUE_KIB;
    for (u32 i = 0; i < s->properties->count; i++) {
        slice value = slice_str(s->properties->value[i]);
        if (strcmp(s->properties->key[i], "queue.buffering.max.kbytes") == 0) slice_u64(value, &kib); /* was checked */
    }
    return kib << 10;
}

static void set_default(const struct kafka_link_setup *s, rd_kafka_conf_t *conf, const char *property,
                        const char *value)
{
    if (!given(s, property)) kafka_conf_own(conf, property, value);
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
    if (!given(s, "queue.buffering.max.ms")) set_default(s, conf, "linger.ms", LINGER_MS);
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
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    WEIR_ASSERT(pthread_create(&thread, NULL, birth_main, &b) == 0);
    pthread_join(thread, NULL);
    if (b.rk != NULL) return b.rk;
    rd_kafka_conf_destroy(conf);
    snprintf(why, room, "kafka: %s", b.why);
    return NULL;
}

rd_kafka_t *kafka_link_reader(struct kafka_link *l, char *why, size_t room)
{
    rd_kafka_conf_t *conf = conf_reader(l->setup, why, room);
    return conf ? client_new(l, RD_KAFKA_CONSUMER, conf, why, room) : NULL;
}

static void producer_drop(struct kafka_link *l)
{
    if (l->producer == NULL) return;
    kafka_guard_begin(l->guard, "giving up a Kafka producer");
    for (u32 i = 0; i < l->setup->topics; i++)
        if (l->topic[i] != NULL) rd_kafka_topic_destroy(l->topic[i]);
    memset(l->topic, 0, l->setup->topics * sizeof(rd_kafka_topic_t *));
    rd_kafka_purge(l->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_destroy(l->producer);
    kafka_guard_end(l->guard);
    l->producer = NULL;
    l->begun = false;
    l->queued = 0;
    l->doubt = true;
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

enum verdict { GOOD, AGAIN, ABORT, FENCED, BROKEN };

static bool says_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Takes e. What is flagged in no way is taken for the end of this producer, as librdkafka's manual recommends. */
static enum verdict judge(struct kafka_link *l, rd_kafka_error_t *e, char *text, size_t size)
{
    char         fatal[256] = "";
    enum verdict v = BROKEN;
    if (e == NULL) return GOOD;
    rd_kafka_resp_err_t code = rd_kafka_error_code(e), deep = rd_kafka_fatal_error(l->producer, fatal, sizeof fatal);
    if (rd_kafka_error_is_fatal(e) || deep != RD_KAFKA_RESP_ERR_NO_ERROR)
        v = says_fenced(code) || says_fenced(deep) ? FENCED : BROKEN;
    else if (rd_kafka_error_txn_requires_abort(e)) v = ABORT;
    else if (rd_kafka_error_is_retriable(e)) v = AGAIN;
    snprintf(text, size, "%s%s%s", rd_kafka_error_string(e), fatal[0] ? ": " : "", fatal);
    rd_kafka_error_destroy(e);
    return v;
}

/* After an error in a transaction: it is aborted, or goes down with its producer. */
static void give_up(struct kafka_link *l, enum verdict v)
{
    char text[256];
    l->doubt = true;
    u64  deadline = kafka_link_deadline(ABORT_MS);
    while (v == ABORT || v == AGAIN) {
        int left = kafka_link_left_ms(deadline, ABORT_MS);
        kafka_guard_begin(l->guard, "abort_transaction");
        v = judge(l, rd_kafka_abort_transaction(l->producer, left), text, sizeof text);
        kafka_guard_end(l->guard);
        if (v == GOOD) {
            l->begun = false;
            return;
        }
        if (kafka_link_left_ms(deadline, ABORT_MS) == 0) break;
        if (v == AGAIN) usleep(50000);
    }
    if (v == FENCED) l->fenced = clock_monotonic();
    producer_drop(l);
}

/* --- open, ready -------------------------------------------------------------------------------------------------- */

static err init_transactions(struct kafka_link *l, u64 deadline, char *why, size_t room)
{
    bool told = false;
    for (;;) {
        char text[256];
        kafka_guard_begin(l->guard, "init_transactions");
        int          left = kafka_link_left_ms(deadline, STEP_MS);
        enum verdict v = judge(l, rd_kafka_init_transactions(l->producer, left > 100 ? left : 100), text, sizeof text);
        kafka_guard_end(l->guard);
        rd_kafka_poll(l->producer, 0);
        if (v == GOOD) return OK;
        if (v != AGAIN || kafka_link_left_ms(deadline, STEP_MS) == 0) {
            if (v == FENCED) l->fenced = clock_monotonic();
            return kafka_link_world(l, "init_transactions", text, why, room);
        }
        if (!told) kafka_link_tell(l, "waiting for the brokers", text);
        told = true;
    }
}

void kafka_link_tell(struct kafka_link *l, const char *doing, const char *what)
{
    char text[512];
    if (l->setup->warn == NULL) return;
    kafka_link_world(l, doing, what, text, sizeof text);
    l->setup->warn(text);
}

static err producer_open(struct kafka_link *l, u64 deadline, char *why, size_t room)
{
    rd_kafka_conf_t *conf = conf_producer(l->setup, why, room);
    if (conf == NULL) return (err){ ERR_CONFIG, "kafka properties", 0 };
    l->failed = 0;
    l->last[0] = 0;
    l->producer = client_new(l, RD_KAFKA_PRODUCER, conf, why, room);
    if (l->producer == NULL) return (err){ ERR_CONFIG, "kafka properties", 0 };
    err e = l->setup->exactly ? init_transactions(l, deadline, why, room) : OK;
    for (u32 i = 0; i < l->setup->topics && !err_is(e); i++) {
        l->topic[i] = rd_kafka_topic_new(l->producer, l->setup->topic[i], NULL);
        WEIR_ASSERT(l->topic[i] != NULL);
    }
    if (err_is(e)) producer_drop(l);
    return e;
}

static void draw_instance(struct kafka_link *l)
{
    u64 drawn = 0;
    WEIR_ASSERT(getrandom(&drawn, sizeof drawn, 0) == sizeof drawn);
    snprintf(l->instance, sizeof l->instance, "%016llx", (unsigned long long)drawn);
}

err kafka_link_open(struct kafka_link **out, const struct kafka_link_setup *setup, char *why, size_t room)
{
    struct kafka_link *l = calloc(1, sizeof *l);
    WEIR_ASSERT(l != NULL);
    *out = NULL;
    l->setup = setup, l->debug = given(setup, "debug");
    l->queue_max = queue_max(setup);
    l->topic = calloc(setup->topics + 1, sizeof *l->topic);
    WEIR_ASSERT(l->topic != NULL);
    l->guard = kafka_guard_open(setup->watchdog_ms, setup->warn);
    l->membership = rd_kafka_consumer_group_metadata_new(setup->group);
    draw_instance(l);
    u64  deadline = kafka_link_deadline(setup->wait_ms);
    bool fatal;
    err  e = producer_open(l, deadline, why, room);
    for (u32 i = 0; i < setup->topics && !err_is(e); i++) e = kafka_topic_ensure(l, i, deadline, why, room);
    if (!err_is(e)) e = kafka_mark_read(l, deadline, true, why, room, &fatal);
    l->doubt = false;
    if (err_is(e)) kafka_link_close(l);
    else *out = l;
    return e;
}

u64 kafka_link_epoch(const struct kafka_link *l)
{
    return l->epoch;
}

/* Was it another weir, or the broker that lost patience? */
static err find_fencer(struct kafka_link *l, char *why, size_t room, bool *fatal)
{
    if (clock_monotonic() - l->fenced < FENCED_NS) {
        snprintf(why, room, "kafka: fenced: another weir with transactional id %s took over, or the brokers were away "
                 "for longer than a transaction may take; looking which", l->setup->id);
        return (err){ ERR_OS, "fenced", EAGAIN };
    }
    err e = kafka_mark_read(l, kafka_link_deadline(l->setup->timeout_ms), false, why, room, fatal);
    if (!err_is(e)) l->fenced = 0;
    return e;
}

err kafka_link_ready(struct kafka_link *l, char *why, size_t room, bool *fatal)
{
    u64 deadline = kafka_link_deadline(l->setup->timeout_ms);
    err e = l->fenced != 0 ? find_fencer(l, why, room, fatal) : OK;
    if (!err_is(e) && l->producer == NULL) e = producer_open(l, deadline, why, room);
    if (!err_is(e) && l->doubt && l->setup->exactly) e = kafka_mark_read(l, deadline, false, why, room, fatal);
    if (!err_is(e)) l->doubt = false;
    return e;
}

/* --- a transaction ------------------------------------------------------------------------------------------------ */

static err failed(struct kafka_link *l, const char *doing, enum verdict v, const char *text, char *why, size_t room)
{
    rd_kafka_poll(l->producer, 0);
    err e = kafka_link_world(l, doing, l->failed > 0 ? l->failed_why : text, why, room);
    l->failed = 0;
    give_up(l, v);
    return e;
}

err kafka_link_begin(struct kafka_link *l, char *why, size_t room)
{
    char text[256];
    l->failed = 0;
    l->last[0] = 0;
    kafka_guard_begin(l->guard, "begin_transaction");
    enum verdict v = judge(l, rd_kafka_begin_transaction(l->producer), text, sizeof text);
    kafka_guard_end(l->guard);
    l->begun = v == GOOD;
    if (v == GOOD) return OK;
    return failed(l, "begin_transaction", v == AGAIN ? BROKEN : v, text, why, room);
}

bool kafka_link_begun(const struct kafka_link *l)
{
    return l->begun;
}

void kafka_link_abort(struct kafka_link *l)
{
    if (l->begun) give_up(l, ABORT);
}

static err send_mark(struct kafka_link *l, u64 number, char *why, size_t room)
{
    rd_kafka_topic_partition_list_t *at = kafka_mark_make(l, number);
    for (;;) {
        char text[256];
        kafka_guard_begin(l->guard, "send_offsets_to_transaction");
        int          left = kafka_link_left_ms(l->deadline, STEP_MS);
        enum verdict v = judge(l, rd_kafka_send_offsets_to_transaction(l->producer, at, l->membership,
                                                                       left > 100 ? left : 100), text, sizeof text);
        kafka_guard_end(l->guard);
        if (v == AGAIN && kafka_link_left_ms(l->deadline, STEP_MS) > 0) {
            usleep(20000);
            continue;
        }
        rd_kafka_topic_partition_list_destroy(at);
        return v == GOOD ? OK : failed(l, "the epoch's number", v, text, why, room);
    }
}

err kafka_link_commit(struct kafka_link *l, u64 number, char *why, size_t room)
{
    l->deadline = kafka_link_deadline(l->setup->timeout_ms);
    err e = send_mark(l, number, why, room);
    while (!err_is(e)) {
        char text[256];
        kafka_guard_begin(l->guard, "commit_transaction");
        enum verdict v = judge(l, rd_kafka_commit_transaction(l->producer, -1), text, sizeof text);
        kafka_guard_end(l->guard);
        rd_kafka_poll(l->producer, 0);
        if (v == GOOD) {
            kafka_mark_done(l, number);
            l->begun = false;
            return OK;
        }
        if (v == AGAIN && kafka_link_left_ms(l->deadline, STEP_MS) > 0) continue;
        e = failed(l, "commit_transaction", v == AGAIN ? BROKEN : v, text, why, room);
    }
    return e;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t produce_named(struct kafka_link *l, u32 topic, const struct kafka_put *m, const slice *table)
{
    void *value = (void *)(uintptr_t)m->value.at;
    return rd_kafka_producev(l->producer, RD_KAFKA_V_RKT(l->topic[topic]), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_VALUE(value, m->value.len), RD_KAFKA_V_KEY(m->key.at, m->key.len),
                             RD_KAFKA_V_HEADER("table", table->at, (ssize_t)table->len), RD_KAFKA_V_END);
}

/* All at once: locks and clocks are asked for once. Gives what became of the first that was not taken. */
static rd_kafka_resp_err_t produce_all(struct kafka_link *l, u32 topic, u32 count, const struct kafka_put *put,
                                       u32 *taken)
{
    rd_kafka_message_t m[KAFKA_PUTS];
    memset(m, 0, count * sizeof *m);
    for (u32 i = 0; i < count; i++) {
        m[i].payload = (void *)(uintptr_t)put[i].value.at;
        m[i].len = put[i].value.len;
        m[i].key = (void *)(uintptr_t)put[i].key.at;
        m[i].key_len = put[i].key.len;
    }
    int done = rd_kafka_produce_batch(l->topic[topic], RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, m, (int)count);
    if (done == (int)count) {
        *taken = count;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    while (*taken < count && m[*taken].err == RD_KAFKA_RESP_ERR_NO_ERROR) ++*taken;
    return *taken < count ? m[*taken].err : RD_KAFKA_RESP_ERR__FAIL;
}

static rd_kafka_resp_err_t produce(struct kafka_link *l, u32 topic, u32 count, const struct kafka_put *put,
                                   const slice *table, u32 *taken)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    *taken = 0;
    if (table == NULL) return produce_all(l, topic, count, put, taken);
    while (*taken < count && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = produce_named(l, topic, &put[*taken], table);
        *taken += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return code;
}

/* At least once: what librdkafka has given up is lost to this process; the next one reads it again. */
static err lost(const struct kafka_link *l, char *why, size_t room)
{
    char                text[256] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(l->producer, text, sizeof text);
    if (l->failed == 0 && code == RD_KAFKA_RESP_ERR_NO_ERROR) return OK;
    snprintf(why, room, "kafka: %llu messages were not taken: %s%s%s", (unsigned long long)l->failed, l->failed_why,
             text[0] ? ": " : "", text);
    return (err){ ERR_STATE, "messages were not taken", 0 };
}

static err not_put(struct kafka_link *l, const char *doing, const char *what, char *why, size_t room)
{
    rd_kafka_poll(l->producer, 0);
    err e = l->setup->exactly ? OK : lost(l, why, room);
    return err_is(e) ? e : kafka_link_world(l, doing, l->failed ? l->failed_why : what, why, room);
}

static err too_large(const struct kafka_link *l, u32 topic, const struct kafka_put *m, char *why, size_t room)
{
    size_t len = m->key.len + m->value.len;
    snprintf(why, room, "kafka: a message of %zu bytes for topic %s is larger than `message.max.bytes`: raise it in "
             "`properties`, and the topic's max.message.bytes", len, l->setup->topic[topic]);
    return (err){ ERR_FULL, "message too large", (i64)len };
}

static err wait_for_room(struct kafka_link *l, char *why, size_t room)
{
    u64 deadline = 0;
    rd_kafka_poll(l->producer, 0);
    while (l->queued >= l->queue_max) {
        if (deadline == 0) deadline = kafka_link_deadline(l->setup->timeout_ms);
        rd_kafka_poll(l->producer, POLL_MS);
        if (l->failed > 0 || kafka_link_left_ms(deadline, STEP_MS) == 0)
            return not_put(l, "the queue is full", "no broker takes what is in it", why, room);
    }
    return OK;
}

err kafka_link_put(struct kafka_link *l, u32 topic, u32 count, const struct kafka_put *put, const slice *table,
                   u32 *taken, char *why, size_t room)
{
    WEIR_ASSERT(count <= KAFKA_PUTS);
    *taken = 0;
    err e = wait_for_room(l, why, room);
    if (err_is(e)) return e;
    rd_kafka_resp_err_t code = produce(l, topic, count, put, table, taken);
    for (u32 i = 0; i < *taken; i++) l->queued += message_bytes(put[i].key.len, put[i].value.len);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return OK;
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) return too_large(l, topic, &put[*taken], why, room);
    return not_put(l, "produce", rd_kafka_err2str(code), why, room);
}

void kafka_link_poll(struct kafka_link *l)
{
    if (l->producer != NULL) rd_kafka_poll(l->producer, 0);
}

void kafka_link_kick(struct kafka_link *l)
{
    kafka_guard_begin(l->guard, "flush");
    rd_kafka_flush(l->producer, FLUSH_MS);
    kafka_guard_end(l->guard);
}

err kafka_link_settle(struct kafka_link *l, char *why, size_t room, bool *fatal)
{
    u64 deadline = kafka_link_deadline(l->setup->timeout_ms);
    l->last[0] = 0;
    for (;;) {
        kafka_guard_begin(l->guard, "flush");
        bool done = rd_kafka_flush(l->producer, kafka_link_left_ms(deadline, STEP_MS)) == RD_KAFKA_RESP_ERR_NO_ERROR;
        kafka_guard_end(l->guard);
        err e = lost(l, why, room);
        *fatal = err_is(e);
        if (err_is(e) || done) return e;
        if (kafka_link_left_ms(deadline, STEP_MS) > 0) continue;
        char text[64];
        snprintf(text, sizeof text, "%d messages wait", rd_kafka_outq_len(l->producer));
        return kafka_link_world(l, "no broker takes what was sent", text, why, room);
    }
}

/* --- idle, end ---------------------------------------------------------------------------------------------------- */

void kafka_link_tick(struct kafka_link *l)
{
    char why[512];
    bool fatal = false;
    u64  now = clock_monotonic();
    kafka_link_poll(l);
    if (now < l->remark || l->begun) return;
    l->remark = now + RETRY_NS;
    err e = kafka_link_ready(l, why, sizeof why, &fatal);
    if (!err_is(e) && !l->setup->exactly) e = kafka_link_mark(l, l->epoch, why, sizeof why);
    if (!err_is(e) && l->setup->exactly) {
        e = kafka_link_begin(l, why, sizeof why);
        if (!err_is(e)) e = kafka_link_commit(l, l->epoch, why, sizeof why);
    }
    if (!err_is(e)) l->remark = now + REMARK_NS;
    if (fatal) l->doubt = true; /* apply tells it, or nothing is to be told */
}

void kafka_link_close(struct kafka_link *l)
{
    if (l == NULL) return;
    producer_drop(l);
    if (l->reader != NULL) rd_kafka_destroy(l->reader);
    if (l->membership != NULL) rd_kafka_consumer_group_metadata_destroy(l->membership);
    kafka_guard_close(l->guard);
    free(l->topic);
    free(l);
}
