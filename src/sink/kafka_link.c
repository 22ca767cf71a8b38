/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_link.c: the producer's life and the transactions. See kafka_link.h. How clients are made: kafka_client.c;
 * messages: kafka_send.c; the mark: kafka_mark.c.
 *
 *   open: producer, init_transactions (fences whoever held the id), topics, mark
 *   epoch: ready -> begin -> put... -> offsets -> commit
 *   an error: the transaction is aborted, or the producer is given up where that does not help; the mark is in doubt
 *   fenced: the producer is given up; after a while (the other one marks what it holds) the mark tells who fenced it.
 *   Our own mark: nobody, the broker had ended a transaction that took too long, with the same words (#3928) */
#include "sink/kafka_link.h"

#include "shim/clock.h"
#include "sink/kafka_link_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define STEP_MS    2000    /* of a wait that is told about */
#define FENCED_NS  (10 * 1000000000ull) /* longer than the other takes from its start to its first tick */
#define ABORT_MS   5000
#define REMARK_NS  (3600 * 1000000000ull)
#define RETRY_NS   (60 * 1000000000ull)

/* --- words and waits -------------------------------------------------------------------------------------------- */

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

/* --- a producer --------------------------------------------------------------------------------------------------- */

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
    l->failed = 0;
    l->last[0] = 0;
    l->producer = kafka_client_producer(l, why, room);
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

/* Who was fenced looks whose mark stands, and rows may go on for long before the first epoch brings ours. Where there
 * is none nobody was at work; where it fails a tick does it. */
static void mark_at_once(struct kafka_link *l)
{
    char why[512];
    if (l->holder[0] == 0) return;
    if (!err_is(kafka_link_begin(l, why, sizeof why))) kafka_link_commit(l, l->epoch, why, sizeof why);
}

err kafka_link_open(struct kafka_link **out, const struct kafka_link_setup *setup, char *why, size_t room)
{
    struct kafka_link *l = calloc(1, sizeof *l);
    WEIR_ASSERT(l != NULL);
    *out = NULL;
    l->setup = setup;
    l->debug = kafka_client_given(setup, "debug");
    l->queue_max = kafka_client_queue(setup);
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
    if (!err_is(e) && setup->exactly) mark_at_once(l);
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
