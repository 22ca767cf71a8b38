/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_mark.c: the epoch's number as a committed offset, its writer beside it. See kafka_link.h.
 *
 *   group     GROUP (`group`, else transactional id + ".epoch"); nobody joins it
 *   offset    the number, of partition 0 of the first topic
 *   metadata  weir epoch NUMBER by INSTANCE of RECIPE
 * Read by a read_committed consumer, for which the brokers hold the answer back while a transaction is about to end. */
#include "sink/kafka_link_own.h"

#include "shim/clock.h"

#include <stdio.h>
#include <unistd.h>

#define METADATA_ROOM 512
#define READ_MS       2000

rd_kafka_topic_partition_list_t *kafka_mark_make(const struct kafka_link *l, u64 number)
{
    char text[METADATA_ROOM];
    int  len = snprintf(text, sizeof text, "weir epoch %llu by %s of %.*s", (unsigned long long)number, l->instance,
                        (int)l->setup->recipe.len, l->setup->recipe.at);
    WEIR_ASSERT(len > 0 && (size_t)len < sizeof text);
    rd_kafka_topic_partition_list_t *at = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t      *p = rd_kafka_topic_partition_list_add(at, l->setup->topic[0], 0);
    p->offset = (i64)number;
    p->metadata = slice_dup(slice_of(text, (size_t)len)); /* librdkafka frees it */
    p->metadata_size = (size_t)len;
    return at;
}

void kafka_mark_done(struct kafka_link *l, u64 number)
{
    l->epoch = number;
    l->remark = clock_monotonic() + 3600 * 1000000000ull;
    memcpy(l->holder, l->instance, sizeof l->holder);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct mark {
    u64   epoch;
    slice instance, recipe; /* empty: no mark */
};

static bool take(slice *rest, const char *word)
{
    slice w = slice_str(word);
    if (!slice_starts(*rest, w)) return false;
    *rest = slice_of(rest->at + w.len, rest->len - w.len);
    return true;
}

static bool mark_parse(slice text, i64 offset, struct mark *m)
{
    slice rest = text;
    if (!take(&rest, "weir epoch ")) return false;
    slice number = slice_cut(rest, ' ', &rest);
    if (!slice_u64(number, &m->epoch) || (i64)m->epoch != offset) return false;
    if (rest.at == NULL || !take(&rest, "by ")) return false;
    m->instance = slice_cut(rest, ' ', &rest);
    if (m->instance.len != INSTANCE_ROOM - 1 || rest.at == NULL || !take(&rest, "of ")) return false;
    m->recipe = rest;
    return true;
}

static err alien(const struct kafka_link *l, const char *how, char *why, size_t room)
{
    snprintf(why, room, "kafka: group %s holds an offset for topic %s that %s: give the sink another `group`, or "
             "delete that group's offset", l->setup->group, l->setup->topic[0], how);
    return (err){ ERR_STATE, "a mark that is not this recipe's", 0 };
}

static err taken_over(const struct kafka_link *l, const struct mark *m, char *why, size_t room, bool *fatal)
{
    *fatal = true;
    if (m->instance.len == 0) {
        snprintf(why, room, "kafka: the mark of epoch %llu is gone from group %s: was the group or the topic deleted?",
                 (unsigned long long)l->epoch, l->setup->group);
        return (err){ ERR_STATE, "the mark is gone", 0 };
    }
    snprintf(why, room, "kafka: another weir with transactional id %s took over (its mark: epoch %llu by %.*s; ours "
             "was epoch %llu). If both are to run, each needs a `name` of its own, or its sink a `%s`", l->setup->id,
             (unsigned long long)m->epoch, (int)m->instance.len, m->instance.at, (unsigned long long)l->epoch,
             l->setup->exactly ? "transactional_id" : "group");
    return (err){ ERR_STATE, "another weir took over", 0 };
}

/* p: what the brokers hold. */
static err mark_take(struct kafka_link *l, const rd_kafka_topic_partition_t *p, bool first, char *why, size_t room,
                     bool *fatal)
{
    struct mark m = { 0 };
    slice       text = slice_of(p->metadata, p->metadata_size);
    bool        there = p->offset >= 0;
    if (there && (text.len == 0 || !mark_parse(text, p->offset, &m))) return alien(l, "weir did not write", why, room);
    if (there && !slice_eq(m.recipe, l->setup->recipe)) return alien(l, "is another recipe's", why, room);
    bool ours = slice_is(m.instance, l->instance);
    bool as_found = slice_is(m.instance, l->holder) && m.epoch == l->epoch;
    if (!first && !ours && !as_found) return taken_over(l, &m, why, room, fatal);
    l->epoch = m.epoch;
    snprintf(l->holder, sizeof l->holder, "%.*s", (int)m.instance.len, m.instance.at ? m.instance.at : "");
    return OK;
}

static err mark_fetch(struct kafka_link *l, rd_kafka_topic_partition_list_t *at, u64 deadline, char *why, size_t room)
{
    for (bool told = false;;) {
        int left = kafka_link_left_ms(deadline, READ_MS);
        kafka_guard_begin(l->guard, "reading the epoch's mark");
        rd_kafka_resp_err_t code = rd_kafka_committed(l->reader, at, left > 100 ? left : 100);
        kafka_guard_end(l->guard);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = at->elems[0].err;
        rd_kafka_poll(l->reader, 0);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return OK;
        if (kafka_link_left_ms(deadline, READ_MS) == 0)
            return kafka_link_world(l, "reading the epoch's mark", rd_kafka_err2str(code), why, room);
        if (!told && l->setup->exactly == false) kafka_link_tell(l, "waiting for the brokers", rd_kafka_err2str(code));
        told = true;
        usleep(50000); /* a group's first question makes the brokers' own topic for it */
    }
}

err kafka_mark_read(struct kafka_link *l, u64 deadline, bool first, char *why, size_t room, bool *fatal)
{
    if (l->reader == NULL) l->reader = kafka_client_reader(l, why, room);
    if (l->reader == NULL) return (err){ ERR_CONFIG, "kafka properties", 0 };
    rd_kafka_topic_partition_list_t *at = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(at, l->setup->topic[0], 0);
    err e = mark_fetch(l, at, deadline, why, room);
    if (!err_is(e)) e = mark_take(l, &at->elems[0], first, why, room, fatal);
    rd_kafka_topic_partition_list_destroy(at);
    if (!l->setup->exactly) return e;
    kafka_guard_begin(l->guard, "closing a Kafka consumer");
    rd_kafka_destroy(l->reader);
    kafka_guard_end(l->guard);
    l->reader = NULL;
    return e;
}

/* --- at least once: written after the messages -------------------------------------------------------------------- */

err kafka_link_mark(struct kafka_link *l, u64 number, char *why, size_t room)
{
    rd_kafka_topic_partition_list_t *at = kafka_mark_make(l, number);
    rd_kafka_queue_t                *answers = rd_kafka_queue_new(l->reader);
    u64                              deadline = kafka_link_deadline(l->setup->timeout_ms);
    rd_kafka_resp_err_t              code;
    do {
        kafka_guard_begin(l->guard, "committing the epoch's mark");
        code = rd_kafka_commit_queue(l->reader, at, answers, NULL, NULL);
        rd_kafka_event_t *ev = code ? NULL : rd_kafka_queue_poll(answers, kafka_link_left_ms(deadline, 2 * READ_MS));
        kafka_guard_end(l->guard);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = ev ? rd_kafka_event_error(ev) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (ev != NULL) rd_kafka_event_destroy(ev);
        rd_kafka_poll(l->reader, 0);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) usleep(100000);
    } while (code != RD_KAFKA_RESP_ERR_NO_ERROR && kafka_link_left_ms(deadline, READ_MS) > 0);
    rd_kafka_queue_destroy(answers);
    rd_kafka_topic_partition_list_destroy(at);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_link_world(l, "committing the epoch's mark", rd_kafka_err2str(code), why, room);
    kafka_mark_done(l, number);
    return OK;
}
