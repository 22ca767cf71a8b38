/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_inquiry.c: before partitions are read, brokers are asked where their logs begin and end, what the group has
 * committed, and how many partitions there are in all; then each partition's first offset is settled here.
 *
 * So nothing is left to librdkafka's own choice of a start, and a position that fell out of the log is told with the
 * log's range. The calls block, so this runs on a thread of libuv's; each has a time limit, and `stop` is looked at
 * between them. */
#include "source/kafka.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALL_MS     3000
#define BEYOND_MAX  10 /* looks at a log that ends before our position: a new leader may not know all at first */
#define BEYOND_NS   200000000

void inquiry_free(struct inquiry *s)
{
    for (u32 i = 0; i < s->count; i++) free(s->ask[i].topic);
    free(s->ask);
    free(s);
}

__attribute__((format(printf, 3, 4)))
static enum inquiry_outcome say(struct inquiry *s, enum inquiry_outcome o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->words, sizeof s->words, format, args);
    va_end(args);
    return o;
}

static enum inquiry_outcome failed(struct inquiry *s, const char *doing, rd_kafka_resp_err_t e)
{
    return say(s, INQUIRY_AGAIN, "%s: %s", doing, rd_kafka_err2str(e));
}

static bool stopped(const struct inquiry *s)
{
    return atomic_load_explicit(&s->stop, memory_order_relaxed);
}

/* --- topics ----------------------------------------------------------------------------------------------------- */

static const rd_kafka_metadata_topic_t *topic_find(const rd_kafka_metadata_t *all, const char *name)
{
    for (int i = 0; i < all->topic_cnt; i++)
        if (all->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && strcmp(all->topics[i].topic, name) == 0)
            return &all->topics[i];
    return NULL;
}

/* Is the topic asked for, by name or pattern? */
static bool topic_wanted(const regex_t *pattern, const struct option_names *topics, const char *name)
{
    for (u32 i = 0; i < topics->count; i++) {
        if (kafka_is_pattern(topics->name[i]) ? regexec(&pattern[i], name, 0, NULL, 0) == 0
                                              : strcmp(topics->name[i], name) == 0)
            return true;
    }
    return false;
}

static u64 partitions_wanted(const struct option_names *topics, const rd_kafka_metadata_t *all)
{
    u64      n = 0;
    regex_t *pattern = calloc(topics->count, sizeof *pattern);
    WEIR_ASSERT(pattern != NULL);
    for (u32 i = 0; i < topics->count; i++)
        if (kafka_is_pattern(topics->name[i]))
            WEIR_ASSERT(regcomp(&pattern[i], topics->name[i], REG_EXTENDED | REG_NOSUB) == 0); /* checked before */
    for (int i = 0; i < all->topic_cnt; i++)
        if (all->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && topic_wanted(pattern, topics, all->topics[i].topic))
            n += (u64)all->topics[i].partition_cnt;
    for (u32 i = 0; i < topics->count; i++)
        if (kafka_is_pattern(topics->name[i])) regfree(&pattern[i]);
    free(pattern);
    return n;
}

/* A recipe with state sees all partitions, or those that it is told to: else its sums would be of a part, and moved
 * about between processes. */
static enum inquiry_outcome check_whole(struct inquiry *s, const rd_kafka_metadata_t *all)
{
    u64 n = partitions_wanted(&s->options->topics, all);
    if (!s->whole || n <= s->count) return INQUIRY_OK;
    return say(s, INQUIRY_PART,
               "group %s has another member: of %llu partitions it gave %u to this process, but the recipe keeps state "
               "(windows or the like), whose sums would each be of a part. Give each process fixed `partitions:`, or a "
               "`group:` of its own, or run one alone",
               s->group, (unsigned long long)n, s->count);
}

static enum inquiry_outcome check_there(struct inquiry *s, const rd_kafka_metadata_t *all)
{
    const struct option_names *topics = &s->options->topics;
    for (u32 i = 0; s->once && i < topics->count; i++)
        if (!kafka_is_pattern(topics->name[i]) && topic_find(all, topics->name[i]) == NULL)
            return say(s, INQUIRY_MISSING, "topic %s does not exist, or may not be read", topics->name[i]);
    for (u32 i = 0; i < s->count; i++) {
        const rd_kafka_metadata_topic_t *t = topic_find(all, s->ask[i].topic);
        if (t == NULL) return say(s, INQUIRY_MISSING, "topic %s does not exist any more", s->ask[i].topic);
        if (s->ask[i].partition >= t->partition_cnt)
            return say(s, INQUIRY_MISSING, "topic %s has no partition %d: it has %d", t->topic, s->ask[i].partition,
                       t->partition_cnt);
    }
    return check_whole(s, all);
}

static enum inquiry_outcome ask_topics(struct inquiry *s)
{
    const rd_kafka_metadata_t *all;
    rd_kafka_resp_err_t        e = rd_kafka_metadata(s->rk, 1, NULL, &all, CALL_MS);
    if (e) return failed(s, "topics", e);
    enum inquiry_outcome o = check_there(s, all);
    rd_kafka_metadata_destroy(all);
    return o;
}

/* --- offsets ---------------------------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_of(const struct inquiry *s, i64 offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->count);
    for (u32 i = 0; i < s->count; i++)
        rd_kafka_topic_partition_list_add(list, s->ask[i].topic, s->ask[i].partition)->offset = offset;
    return list;
}

/* Elements are in the order asked, but the library makes no promise of it. */
static enum inquiry_outcome keep(struct inquiry *s, rd_kafka_topic_partition_list_t *list, const char *doing,
                                size_t member)
{
    for (u32 i = 0; i < s->count; i++) {
        struct inquiry_ask                *a = &s->ask[i];
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, a->topic, a->partition);
        if (found == NULL) return failed(s, doing, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
        if (found->err) return failed(s, doing, found->err);
        *(i64 *)(void *)((char *)a + member) = found->offset;
    }
    return INQUIRY_OK;
}

/* `at`: a time in ms, or RD_KAFKA_OFFSET_BEGINNING or _END, which the protocol takes in its place. */
static enum inquiry_outcome ask_offsets(struct inquiry *s, i64 at, const char *doing, size_t member)
{
    rd_kafka_topic_partition_list_t *list = list_of(s, at);
    rd_kafka_resp_err_t              e = rd_kafka_offsets_for_times(s->rk, list, CALL_MS);
    enum inquiry_outcome              o = e ? failed(s, doing, e) : keep(s, list, doing, member);
    rd_kafka_topic_partition_list_destroy(list);
    return o;
}

static void keep_claims(struct inquiry *s, rd_kafka_topic_partition_list_t *list)
{
    for (u32 i = 0; i < s->count; i++) {
        struct inquiry_ask               *a = &s->ask[i];
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, a->topic, a->partition);
        if (found && found->metadata) claim_parse(slice_of(found->metadata, found->metadata_size), &a->by);
    }
}

static enum inquiry_outcome ask_committed(struct inquiry *s)
{
    rd_kafka_topic_partition_list_t *list = list_of(s, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_resp_err_t              e = rd_kafka_committed(s->rk, list, CALL_MS);
    enum inquiry_outcome              o = e ? failed(s, "the group's offsets", e)
                              : keep(s, list, "the group's offsets", offsetof(struct inquiry_ask, committed));
    if (o == INQUIRY_OK) keep_claims(s, list);
    rd_kafka_topic_partition_list_destroy(list);
    return o;
}

enum claim_case inquiry_case(const struct inquiry *s, const struct inquiry_ask *a)
{
    struct claim_case_of c = { a->at, a->committed, s->state, a->over, a->passed, a->begun, a->moved, s->alone };
    return claim_judge(&c, &a->by);
}

/* A group's other members may have gone on with a partition that was ours: then their offsets are ahead. */
static i64 position_of(const struct inquiry *s, const struct inquiry_ask *a)
{
    return s->committed && claim_counts(inquiry_case(s, a)) ? a->committed : a->at;
}

/* Is the group's offset of a state whose place ours took, or that took the place of ours? Once found, it is kept: that
 * other may come back, and will then know ours by it. */
static void find_over(const struct inquiry *s, struct inquiry_ask *a)
{
    const struct claim *by = &a->by;
    bool                swapped = a->moved || (by->over != 0 && by->over == s->state);
    if (by->state != 0 && by->state != s->state && swapped && !a->begun) a->over = by->state;
}

static bool any_beyond(const struct inquiry *s)
{
    for (u32 i = 0; i < s->count; i++)
        if (position_of(s, &s->ask[i]) > s->ask[i].high) return true;
    return false;
}

static enum inquiry_outcome ask_range(struct inquiry *s)
{
    enum inquiry_outcome o =
        ask_offsets(s, RD_KAFKA_OFFSET_BEGINNING, "the logs' begins", offsetof(struct inquiry_ask, low));
    for (u32 i = 0; o == INQUIRY_OK && i < BEYOND_MAX && !stopped(s); i++) {
        if (i > 0) nanosleep(&(struct timespec){ 0, BEYOND_NS }, NULL);
        o = ask_offsets(s, RD_KAFKA_OFFSET_END, "the logs' ends", offsetof(struct inquiry_ask, high));
        if (!any_beyond(s)) break;
    }
    return o;
}

/* --- where to begin --------------------------------------------------------------------------------------------- */

static i64 within(i64 at, i64 low, i64 high)
{
    return at < low ? low : at > high ? high : at;
}

static enum inquiry_outcome begin_fresh(const struct inquiry *s, struct inquiry_ask *a)
{
    switch (s->start.kind) {
    case KAFKA_EARLIEST: a->start = a->low; break;
    case KAFKA_LATEST: a->start = a->newborn ? a->low : a->high; break;
    case KAFKA_OFFSET:
        a->start = a->newborn ? a->low : within(s->start.at, a->low, a->high);
        a->bent = a->start < s->start.at;
        break;
    case KAFKA_TIME: a->start = a->start < 0 ? a->high : within(a->start, a->low, a->high); break;
    }
    return INQUIRY_OK;
}

static enum inquiry_outcome begin_again(struct inquiry *s, struct inquiry_ask *a, i64 at)
{
    a->reset = true;
    switch (s->options->reset) {
    case KAFKA_RESET_EARLIEST: a->start = a->low; break;
    case KAFKA_RESET_LATEST: a->start = a->high; break;
    default:
        return say(s, INQUIRY_FAIL,
                   "%s/%d: our position is offset %lld, but the log has %lld to %lld: %s. `reset: earliest` (or "
                   "latest) goes on there and counts the loss",
                   a->topic, a->partition, (long long)at, (long long)a->low, (long long)a->high,
                   at < a->low ? "what lies between was deleted before it was read"
                               : "it is not the log that was read before, or its end was lost");
    }
    a->lost = a->start > at ? (u64)(a->start - at) : 0;
    return INQUIRY_OK;
}

enum inquiry_outcome inquiry_resolve(struct inquiry *s, struct inquiry_ask *a)
{
    i64 at = position_of(s, a);
    a->reset = a->bent = false;
    a->lost = 0;
    if (s->asks) find_over(s, a);
    if (at < 0) return begin_fresh(s, a);
    if (at < a->low || at > a->high) return begin_again(s, a, at);
    a->start = at;
    return INQUIRY_OK;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static enum inquiry_outcome inquiry_all(struct inquiry *s)
{
    enum inquiry_outcome o = ask_topics(s);
    if (s->count == 0) return o;
    if (o == INQUIRY_OK && s->asks && !stopped(s)) o = ask_committed(s);
    if (o == INQUIRY_OK && s->start.kind == KAFKA_TIME && !stopped(s))
        o = ask_offsets(s, s->start.at, "offsets of a time", offsetof(struct inquiry_ask, start));
    if (o == INQUIRY_OK && !stopped(s)) o = ask_range(s);
    if (stopped(s)) return INQUIRY_AGAIN;
    for (u32 i = 0; o == INQUIRY_OK && i < s->count; i++) o = inquiry_resolve(s, &s->ask[i]);
    return o;
}

void inquiry_run(struct inquiry *s)
{
    s->outcome = inquiry_all(s);
}
