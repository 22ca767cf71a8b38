/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_topic.c: the sink's topics are there before anything is sent, or are made if the recipe says so.
 *
 * A broker that has just started can say for a moment that it knows a topic not, which it does; so it is asked again
 * for some seconds before that is believed. */
#include "sink/kafka_link_own.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ASK_MS    2000
#define UNSURE_MS 3000

/* Is it there? NO_ERROR, UNKNOWN_TOPIC_OR_PART, or what is in the way. */
static rd_kafka_resp_err_t topic_ask(struct kafka_link *l, u32 topic, int ms)
{
    const struct rd_kafka_metadata *m = NULL;
    kafka_guard_begin(l->guard, "asking for a topic");
    rd_kafka_resp_err_t code = rd_kafka_metadata(l->producer, 0, l->topic[topic], &m, ms > 100 ? ms : 100);
    kafka_guard_end(l->guard);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
    code = m->topic_cnt == 1 ? m->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy(m);
    return code;
}

static bool is_missing(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

/* Until it has a leader, or the answer is sure. */
static rd_kafka_resp_err_t topic_find(struct kafka_link *l, u32 topic, u64 deadline)
{
    u64  unsure = kafka_link_deadline(l->setup->create ? 0 : UNSURE_MS);
    bool told = false;
    for (;;) {
        rd_kafka_resp_err_t code = topic_ask(l, topic, kafka_link_left_ms(deadline, ASK_MS));
        rd_kafka_poll(l->producer, 0);
        bool missing = is_missing(code);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return code;
        if (missing && kafka_link_left_ms(unsure, UNSURE_MS) == 0) return code;
        if (kafka_link_left_ms(deadline, ASK_MS) == 0) return code;
        if (!missing && !told) kafka_link_tell(l, "waiting for the brokers", rd_kafka_err2str(code)), told = true;
        usleep(50000);
    }
}

static rd_kafka_resp_err_t answer_of(rd_kafka_event_t *ev, char *words, size_t size)
{
    size_t                          count = 0;
    rd_kafka_resp_err_t             code = rd_kafka_event_error(ev);
    const rd_kafka_topic_result_t **results = NULL;
    snprintf(words, size, "%s", rd_kafka_event_error_string(ev));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
    results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &count);
    if (count == 0) return RD_KAFKA_RESP_ERR_NO_ERROR;
    const char *told = rd_kafka_topic_result_error_string(results[0]);
    code = rd_kafka_topic_result_error(results[0]);
    snprintf(words, size, "%s", told ? told : rd_kafka_err2str(code));
    return code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
}

static err topic_make(struct kafka_link *l, u32 topic, u64 deadline, char *why, size_t room)
{
    const struct kafka_link_setup *s = l->setup;
    char                           words[256] = "";
    rd_kafka_NewTopic_t           *t = rd_kafka_NewTopic_new(s->topic[topic], s->partitions ? (int)s->partitions : -1,
                                                             s->replication ? (int)s->replication : -1, words,
                                                             sizeof words);
    if (t == NULL) {
        snprintf(why, room, "kafka: creating topic %s: %s", s->topic[topic], words);
        return (err){ ERR_CONFIG, "create a topic", 0 };
    }
    int                      left = kafka_link_left_ms(deadline, 30000);
    rd_kafka_queue_t        *answers = rd_kafka_queue_new(l->producer);
    rd_kafka_AdminOptions_t *how = rd_kafka_AdminOptions_new(l->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(how, left > 1000 ? left : 1000, words, sizeof words);
    kafka_guard_begin(l->guard, "creating a topic");
    rd_kafka_CreateTopics(l->producer, &t, 1, how, answers);
    rd_kafka_event_t *ev = rd_kafka_queue_poll(answers, left + 2000);
    kafka_guard_end(l->guard);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (ev != NULL) code = answer_of(ev, words, sizeof words);
    if (ev != NULL) rd_kafka_event_destroy(ev);
    rd_kafka_AdminOptions_destroy(how);
    rd_kafka_NewTopic_destroy(t);
    rd_kafka_queue_destroy(answers);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return OK;
    snprintf(why, room, "kafka: creating topic %s: %s", s->topic[topic], words[0] ? words : rd_kafka_err2str(code));
    return (err){ ERR_OS, "create a topic", ETIMEDOUT };
}

err kafka_topic_ensure(struct kafka_link *l, u32 topic, u64 deadline, char *why, size_t room)
{
    const char         *name = l->setup->topic[topic];
    rd_kafka_resp_err_t code = topic_find(l, topic, deadline);
    bool missing = is_missing(code);
    if (missing && l->setup->create) {
        err e = topic_make(l, topic, deadline, why, room);
        if (err_is(e)) return e;
        code = topic_find(l, topic, deadline);
        for (int i = 0; i < 100 && is_missing(code); i++) { /* it takes a moment */
            usleep(50000);
            code = topic_find(l, topic, deadline);
        }
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return OK;
    if (missing && !l->setup->create) {
        snprintf(why, room, "kafka: topic %s does not exist: create it, or set `create: true`", name);
        return (err){ ERR_CONFIG, "no such topic", 0 };
    }
    char doing[300];
    snprintf(doing, sizeof doing, "asking for topic %s", name);
    return kafka_link_world(l, doing, rd_kafka_err2str(code), why, room);
}
