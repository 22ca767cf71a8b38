/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_group.c: which partitions are read, from where, and how they are left.
 *
 * Partitions come by the group's assignment or by `partitions`; either way an inquiry finds where each begins, and they
 * are assigned at those very offsets. librdkafka is never told to seek or to pause: its batches can skip messages after
 * that (before 2.1.0). What is to be read from elsewhere, or not at all for a while, is assigned anew.
 *
 * A revoked partition of a recipe without state is left once all that was offered is durable, so its next reader begins
 * behind it; what was fetched and not offered is dropped. That takes up to two epochs, and LEAVE_MS at most: then the
 * next reader begins at what is durable, and some messages have their effect twice.
 *
 * A recipe with state leaves at once: nobody else may read for it. Given a part of the partitions it reads none and
 * waits: a newcomer longer than a member that was killed counts (it may be its own predecessor under another name),
 * then it fails; one that had them all longer still, as the newcomer will be gone by then. So that it need not wait for
 * the process it takes the place of, it joins under a name of its own, made of the identity of its state (KIP-345): a
 * process with the same state has the dead one's partitions at once. Two weirs at work have two states, so they stay
 * two members. */
#include "source/kafka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAVE_MS    60000
#define PART_MS     60000 /* or three sessions, if that is longer */
#define PART_SPARE  4000
#define SLOW_MS     3000  /* the group has not said what is ours: that is told */
#define PARK_MS     3000  /* of pause, until partitions are given back to librdkafka unread */
#define AGAIN_MS    1000
#define AGAIN_MAX   10000
#define MISSING_MS  5000
#define TELL_MS     60000 /* between two complaints of the same kind */

/* --- words ------------------------------------------------------------------------------------------------------ */

void kafka_fail(struct kafka *k, enum err_code why, const char *format, ...)
{
    va_list args;
    if (k->failed || k->closing) return;
    va_start(args, format);
    vsnprintf(k->fault, sizeof k->fault, format, args);
    va_end(args);
    k->failed = true;
    if (why != ERR_OS && k->to->fail_as != NULL) k->to->fail_as(k->to, why, k->fault);
    else k->to->fail(k->to, k->fault);
}

__attribute__((format(printf, 3, 4)))
static void complain(struct kafka *k, const char *where, const char *format, ...)
{
    char    words[KAFKA_WORDS];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    k->to->complain(k->to, slice_str(where), 0, words);
}

static bool may_tell(struct kafka *k)
{
    u64 now = uv_now(k->loop);
    if (k->told_at && now - k->told_at < TELL_MS) return false;
    k->told_at = now | 1;
    return true;
}

/* --- assigning -------------------------------------------------------------------------------------------------- */

static void inquiry_start(struct kafka *k);
static bool subscribe(struct kafka *k);

static void inquiry_later(struct kafka *k, u64 ms)
{
    k->again_at = uv_now(k->loop) + ms + 1;
}

/* All that is ours and not at its end, each at the offset that is expected next. */
static void assign_ours(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->parts.count + 1);
    for (u32 i = 0; i < k->parts.count; i++) {
        const struct part *t = k->parts.at[i];
        if (t->ours && !t->ended)
            rd_kafka_topic_partition_list_add(list, t->topic, t->partition)->offset = t->next;
    }
    rd_kafka_resp_err_t e = rd_kafka_assign(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    k->last_topic = NULL;
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (may_tell(k)) complain(k, "", "partitions cannot be assigned: %s; tried again", rd_kafka_err2str(e));
    k->state = KAFKA_INQUIRY;
    inquiry_later(k, AGAIN_MS);
}

/* Nothing is read for a while. The group waits for an answer to what it gave, so it gets this one. */
static void assign_none(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
    rd_kafka_assign(k->rk, none);
    rd_kafka_topic_partition_list_destroy(none);
}

void kafka_unpark(struct kafka *k)
{
    if (!k->parked) return;
    k->parked = false;
    if (k->state == KAFKA_READING) assign_ours(k);
}

static void begin_part(struct kafka *k, const struct inquiry *s, const struct inquiry_ask *a)
{
    struct part *t = a->part;
    bool         ahead = inquiry_case(s, a) != CLAIM_NONE;
    if (a->reset) {
        complain(k, t->name, "our position is no longer in the log (offsets %lld to %lld): reading goes on at %lld, "
                 "%llu offsets are passed over", (long long)a->low, (long long)a->high, (long long)a->start,
                 (unsigned long long)a->lost);
        k->counts.resets++;
        k->to->lost(k->to, a->lost);
    }
    part_begin(t, a->start);
    t->passed = ahead && a->start < a->committed ? a->committed : KAFKA_NO_OFFSET;
    t->unsaid = t->unsaid || t->over != a->over;
    t->over = a->over;
    if (k->setup.once && t->end == KAFKA_NO_OFFSET) t->end = a->high;
    t->ended = t->end != KAFKA_NO_OFFSET && t->next >= t->end;
    if (!t->open && !k->done) {
        t->open = true;
        k->to->partition(k->to, t->number, true);
    }
}

static void close_others(struct kafka *k)
{
    for (u32 i = 0; i < k->parts.count; i++) {
        struct part *t = k->parts.at[i];
        if (t->ours || !t->open) continue;
        t->open = false;
        k->to->partition(k->to, t->number, false);
    }
}

static void begin(struct kafka *k, const struct inquiry *s)
{
    kafka_tell_starts(k, s);
    for (u32 i = 0; i < s->count; i++) begin_part(k, s, &s->ask[i]);
    close_others(k);
    k->tries = 0;
    k->part_by = 0;
    k->had_all = true;
    k->told_missing = false;
    k->parked = false;
    k->outage_at = 0;
    k->state = KAFKA_READING;
    assign_ours(k);
    kafka_commit(k); /* that the group holds what was decided, not what was decided against */
    kafka_try_end(k);
}

/* --- the inquiry ------------------------------------------------------------------------------------------------- */

static void on_inquiry(uv_work_t *w)
{
    inquiry_run(container_of(w, struct inquiry, work));
}

static void inquiry_again(struct kafka *k, const struct inquiry *s)
{
    u64 wait = (u64)AGAIN_MS << (k->tries < 4 ? k->tries : 4);
    if (k->tries++ == 1) complain(k, "", "brokers were asked in vain (%s): weir goes on asking", s->words);
    inquiry_later(k, wait < AGAIN_MAX ? wait : AGAIN_MAX);
}

static void inquiry_missing(struct kafka *k, const struct inquiry *s)
{
    if (k->setup.once) {
        kafka_fail(k, ERR_CONFIG, "%s", s->words);
        return;
    }
    if (!k->told_missing) complain(k, "", "%s; weir waits for it", s->words);
    k->told_missing = true;
    inquiry_later(k, MISSING_MS);
}

static u64 part_wait(const struct kafka *k)
{
    u64 longest = 3 * k->session_ms + PART_SPARE;
    if (!k->had_all) return k->session_ms + PART_SPARE;
    return longest > PART_MS ? longest : PART_MS;
}

static void part_tell(struct kafka *k, const struct inquiry *s, u64 wait)
{
    unsigned long long seconds = wait / 1000;
    if (k->had_all) complain(k, "", "%s. Nothing is read until then, for %llu s at most", s->words, seconds);
    else kafka_note(k, "group %s gave %u of its partitions to this process. If the others are a dead process's, they "
                    "come within %llu s: waiting", k->group, s->count, seconds);
}

static void inquiry_part(struct kafka *k, const struct inquiry *s)
{
    u64 now = uv_now(k->loop), wait = part_wait(k);
    if (k->part_by && now >= k->part_by) {
        kafka_fail(k, ERR_CONFIG, "%s", s->words);
        return;
    }
    if (k->part_by == 0) {
        part_tell(k, s, wait);
        k->part_by = now + wait;
        if (k->resident && !subscribe(k)) return; /* it may have got its predecessor's share of topics as they were */
    }
    inquiry_later(k, MISSING_MS < wait / 4 ? MISSING_MS : wait / 4);
}

static void on_inquired(uv_work_t *w, int status)
{
    struct inquiry *s = container_of(w, struct inquiry, work);
    struct kafka  *k = s->of;
    k->inquiry = NULL;
    if (k->closing) kafka_try_shut(k);
    else if (!s->stale && !k->failed) {
        if (s->outcome != INQUIRY_OK) assign_none(k);
        switch (s->outcome) {
        case INQUIRY_OK: begin(k, s); break;
        case INQUIRY_AGAIN: inquiry_again(k, s); break;
        case INQUIRY_MISSING: inquiry_missing(k, s); break;
        case INQUIRY_PART: inquiry_part(k, s); break;
        case INQUIRY_FAIL: kafka_fail(k, ERR_STATE, "%s", s->words); break;
        }
    }
    inquiry_free(s);
    if (k->closing) return;
    if (k->again_at && uv_now(k->loop) >= k->again_at && k->inquiry == NULL) inquiry_start(k);
    kafka_stir(k);
}

static struct inquiry *inquiry_new(struct kafka *k)
{
    struct inquiry *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    *s = (struct inquiry){ .of = k, .rk = k->rk, .options = k->options, .start = k->start, .group = k->group,
                          .once = k->setup.once, .whole = !k->fixed && k->setup.stateful,
                          .asks = !k->fixed, .committed = !k->fixed && !k->setup.stateful,
                          .state = k->setup.state, .alone = k->setup.alone };
    s->ask = calloc(k->parts.count + 1, sizeof *s->ask);
    WEIR_ASSERT(s->ask != NULL);
    for (u32 i = 0; i < k->parts.count; i++) {
        struct part *t = k->parts.at[i];
        if (!t->ours) continue;
        s->ask[s->count++] = (struct inquiry_ask){
            .part = t, .topic = slice_dup(slice_str(t->topic)), .partition = t->partition, .at = t->next,
            .newborn = t->next == KAFKA_NO_OFFSET && parts_know_topic(&k->parts, t->topic),
            .over = t->over, .passed = t->passed, .begun = t->begun, .moved = t->moved,
            .committed = KAFKA_NO_OFFSET, .start = KAFKA_NO_OFFSET,
        };
    }
    return s;
}

/* What an earlier one finds is of no use any more; while it still runs, the new one waits. */
static void inquiry_stale(struct kafka *k)
{
    k->again_at = 0;
    if (k->inquiry == NULL) return;
    k->inquiry->stale = true;
    atomic_store_explicit(&k->inquiry->stop, true, memory_order_relaxed);
}

static void inquiry_start(struct kafka *k)
{
    inquiry_stale(k);
    k->state = KAFKA_INQUIRY;
    if (k->inquiry) {
        inquiry_later(k, 0);
        return;
    }
    k->inquiry = inquiry_new(k);
    int status = uv_queue_work(k->loop, &k->inquiry->work, on_inquiry, on_inquired);
    WEIR_ASSERT(status == 0);
}

/* --- the group -------------------------------------------------------------------------------------------------- */

static bool take_over(struct kafka *k, const char *topic, i32 partition)
{
    struct part *t = parts_get(&k->parts, topic, partition);
    if (t != NULL) t->ours = true;
    else
        kafka_fail(k, ERR_CONFIG, "more than %d partitions: share them among processes (`partitions:`)",
                   PARTITIONS_MAX);
    return t != NULL;
}

static void join_fixed(struct kafka *k)
{
    u32  count;
    i32 *list = kafka_partitions_parse(slice_str(k->options->partitions), &count);
    bool good = true;
    WEIR_ASSERT(list != NULL); /* checked before */
    for (u32 i = 0; i < k->options->topics.count; i++)
        for (u32 n = 0; n < count && good; n++) good = take_over(k, k->options->topics.name[i], list[n]);
    free(list);
    if (good) inquiry_start(k);
}

/* Again: the group shares its partitions anew. */
static bool subscribe(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->options->topics.count);
    for (u32 i = 0; i < k->options->topics.count; i++)
        rd_kafka_topic_partition_list_add(list, k->options->topics.name[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (e) kafka_fail(k, ERR_CONFIG, "topics cannot be subscribed: %s", rd_kafka_err2str(e));
    return !e;
}

void kafka_join(struct kafka *k)
{
    k->joined_at = uv_now(k->loop);
    if (k->fixed) join_fixed(k);
    else subscribe(k);
}

/* Nothing is ours any more; the group may give the partitions to others. */
static void leave(struct kafka *k, bool commit)
{
    if (commit) kafka_commit(k);
    for (u32 i = 0; i < k->parts.count; i++) k->parts.at[i]->ours = k->parts.at[i]->ended = false;
    k->state = KAFKA_ABSENT;
    k->last_topic = NULL;
    rd_kafka_assign(k->rk, NULL);
}

void kafka_try_leave(struct kafka *k)
{
    if (k->state != KAFKA_LEAVING) return;
    bool safe = true;
    for (u32 i = 0; i < k->parts.count && safe; i++)
        safe = !k->parts.at[i]->ours || part_is_safe(k->parts.at[i]);
    if (safe || uv_now(k->loop) >= k->leave_by) leave(k, true);
}

static void revoked(struct kafka *k)
{
    bool lost = rd_kafka_assignment_lost(k->rk);
    bool wait = k->state == KAFKA_READING && !lost && !k->setup.stateful;
    inquiry_stale(k);
    haul_drop(k);
    k->leave_by = uv_now(k->loop) + LEAVE_MS;
    if (wait) k->state = KAFKA_LEAVING;
    else leave(k, !lost);
    kafka_try_leave(k);
}

static void assigned(struct kafka *k, const rd_kafka_topic_partition_list_t *list)
{
    bool good = true;
    for (u32 i = 0; i < k->parts.count; i++) k->parts.at[i]->ours = k->parts.at[i]->ended = false;
    for (int i = 0; i < list->cnt && good; i++) good = take_over(k, list->elems[i].topic, list->elems[i].partition);
    if (good) inquiry_start(k);
}

void kafka_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct kafka *k = arg;
    if (k->closing || k->failed) { /* closing: on another thread, which owns all */
        rd_kafka_assign(rk, NULL);
        return;
    }
    k->counts.rebalances++;
    k->assigned = true;
    if (e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) assigned(k, list);
    else revoked(k);
}

/* --- the group's offsets, for others to see --------------------------------------------------------------------- */

/* What was not told is said again the next second. */
static void untold(struct kafka *k)
{
    for (u32 i = 0; i < k->parts.count; i++) k->parts.at[i]->committed = KAFKA_NO_OFFSET;
}

void kafka_commit(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = kafka_committable(k);
    if (list->cnt > 0 && rd_kafka_commit(k->rk, list, 1) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        k->counts.uncommitted++;
        untold(k);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

rd_kafka_topic_partition_list_t *kafka_committable(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (u32 i = 0; i < k->parts.count; i++) {
        struct part *t = k->parts.at[i];
        i64          safe = part_safe(t);
        if (!t->ours || safe == KAFKA_NO_OFFSET || safe == t->committed) continue;
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, t->topic, t->partition);
        to->offset = t->committed = safe;
        if (k->setup.state == 0) continue;
        to->metadata = claim_text(k->setup.state, t->over, t->saved, k->setup.recipe); /* the list frees it */
        to->metadata_size = strlen(to->metadata);
    }
    return list;
}

void kafka_on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct kafka *k = arg;
    bool          bad = e && e != RD_KAFKA_RESP_ERR__NO_OFFSET;
    bool          soon = e == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS || e == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
                e == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
    for (int i = 0; list && i < list->cnt; i++) {
        struct part *t = parts_find(&k->parts, list->elems[i].topic, list->elems[i].partition);
        bool         told = !bad && list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        /* An older one may have been tried again, and have come behind the newer. */
        if (t == NULL || (told && list->elems[i].offset == t->committed)) continue;
        t->committed = KAFKA_NO_OFFSET; /* said again the next time */
        if (told) continue;
        if (!bad) e = list->elems[i].err;
    }
    if (bad && (list == NULL || list->cnt == 0)) untold(k);
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR || e == RD_KAFKA_RESP_ERR__NO_OFFSET || soon || k->closing) return;
    k->counts.uncommitted++;
    if (may_tell(k))
        complain(k, "", "group %s cannot be told our offsets: %s; weir's own positions are saved", k->group,
                 rd_kafka_err2str(e));
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

static void outage(struct kafka *k)
{
    u64  now = uv_now(k->loop) | 1;
    bool news = k->outage_at == 0 || now - k->outage_at > TELL_MS;
    k->outage_at = now;
    if (!news) return;
    k->counts.outages++;
    complain(k, "", "no broker answers%s%s: weir goes on trying", k->reason[0] ? ": " : "", k->reason);
}

/* It comes by whichever way librdkafka takes first: to `on_error`, or as a message. */
static void fatal(struct kafka *k)
{
    char                words[KAFKA_WORDS - 64] = "";
    rd_kafka_resp_err_t e = rd_kafka_fatal_error(k->rk, words, sizeof words);
    if (e == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        kafka_fail(k, ERR_CONFIG, "another process has taken our place in group %s: it has the same group.instance.id, "
                   "as two on copies of one state have. Only one of them may run", k->group);
    else kafka_fail(k, ERR_OS, "librdkafka gives up: %s", words);
}

void kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *arg)
{
    struct kafka *k = arg;
    if (k->closing) return;
    k->counts.errors++;
    switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:
        fatal(k);
        break;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: outage(k); break;
    default: snprintf(k->reason, sizeof k->reason, "%s", reason);
    }
}

static void hear_end(struct kafka *k, const rd_kafka_message_t *m)
{
    struct part *t = kafka_part_of(k, m);
    k->outage_at = 0;
    if (t == NULL || !t->ours || k->state != KAFKA_READING || k->parked) return;
    if (m->offset > t->next) t->next = m->offset; /* what lies between is no message */
    part_settle(t);
    t->ended = t->end != KAFKA_NO_OFFSET && t->next >= t->end;
}

static void hear_missing(struct kafka *k, const rd_kafka_message_t *m)
{
    const char *words = rd_kafka_message_errstr(m);
    if (k->setup.once) kafka_fail(k, ERR_CONFIG, "%s", words);
    else if (!k->told_missing) complain(k, "", "%s; weir waits for it", words);
    k->told_missing = true;
}

void kafka_hear_error(struct kafka *k, const rd_kafka_message_t *m)
{
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: hear_end(k, m); return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        k->counts.errors++;
        if (k->state == KAFKA_READING) inquiry_start(k);
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        k->counts.errors++;
        hear_missing(k, m);
        return;
    case RD_KAFKA_RESP_ERR__FATAL:
        k->counts.errors++;
        fatal(k);
        return;
    default:
        k->counts.errors++;
        if (may_tell(k)) complain(k, m->rkt ? rd_kafka_topic_name(m->rkt) : "", "%s", rd_kafka_message_errstr(m));
    }
}

/* --- each second ------------------------------------------------------------------------------------------------ */

/* Messages behind what was taken, as far as librdkafka knows the end. */
static u64 lag_of(const struct kafka *k, const struct part *t)
{
    i64 low, high;
    if (rd_kafka_get_watermark_offsets(k->rk, t->topic, t->partition, &low, &high) || high <= t->next) return 0;
    return (u64)(high - t->next);
}

static void measure_lag(struct kafka *k)
{
    struct kafka_counts *c = &k->counts;
    c->lag = c->lag_most = c->partitions = 0;
    for (u32 i = 0; i < k->parts.count; i++) {
        const struct part *t = k->parts.at[i];
        if (!t->ours || k->state != KAFKA_READING) continue;
        u64 lag = lag_of(k, t);
        c->partitions++;
        c->lag += lag;
        if (lag > c->lag_most) c->lag_most = lag;
    }
}

void kafka_tell_parts(struct source *s, void (*tell)(void *to, slice part, const char *metric, i64 value), void *to)
{
    const struct kafka *k = kafka_of(s);
    for (u32 i = 0; i < k->parts.count; i++) {
        const struct part *t = k->parts.at[i];
        if (!t->ours || k->state != KAFKA_READING) continue;
        tell(to, slice_str(t->name), "lag", (i64)lag_of(k, t));
        tell(to, slice_str(t->name), "applied", t->applied); /* the offset that is read after a restart, or -1 */
        tell(to, slice_str(t->name), "saved", t->saved);
    }
}

static void tell_slow(struct kafka *k, u64 now)
{
    if (k->fixed || k->assigned || k->told_waits || k->outage_at || now - k->joined_at < SLOW_MS) return;
    k->told_waits = true;
    kafka_note(k, "group %s has not said yet which partitions are ours: a member that was killed counts until %llu s "
               "have passed (session.timeout.ms)", k->group, (unsigned long long)k->session_ms / 1000);
}

void kafka_watch(struct kafka *k)
{
    u64 now = uv_now(k->loop);
    measure_lag(k);
    tell_slow(k, now);
    kafka_try_leave(k);
    if (k->again_at && now >= k->again_at && k->inquiry == NULL) inquiry_start(k);
    if (k->state != KAFKA_READING) return;
    kafka_commit(k);
    if (k->paused && !k->parked && now - k->paused_at >= PARK_MS) {
        k->parked = true;
        assign_none(k);
    }
}

void kafka_try_end(struct kafka *k)
{
    if (!k->setup.once || k->done || k->failed || k->state != KAFKA_READING || k->ready) return;
    for (u32 i = 0; i < k->parts.count; i++)
        if (k->parts.at[i]->ours && (!k->parts.at[i]->ended || k->parts.at[i]->held)) return;
    k->done = true;
    for (u32 i = 0; i < k->parts.count; i++) {
        if (!k->parts.at[i]->open) continue;
        k->parts.at[i]->open = false;
        k->to->partition(k->to, k->parts.at[i]->number, false);
    }
    k->to->done(k->to);
}
