/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_send.c: messages into librdkafka's queue, and what becomes of them.
 *
 * The link counts what is in the queue, by what librdkafka tells of each message: so a batch is taken whole, in its
 * order, and the wait for room ends with the first message that is delivered. */
#include "sink/kafka_link_own.h"

#include <stdio.h>
#include <string.h>

#define STEP_MS       2000 /* of a wait that is told about */
#define FLUSH_MS      20
#define POLL_MS       100
#define MESSAGE_BYTES 64u /* that a message is in librdkafka beside its bytes, or more */

static u64 message_bytes(size_t key, size_t value)
{
    return key + value + MESSAGE_BYTES;
}

void kafka_send_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
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
