/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.c: the source `kafka`: messages of topics, each a line of text to the decoder.
 *
 * librdkafka fetches on threads of its own and writes to an eventfd when its queue is no longer empty; the loop takes
 * messages in batches, gathers them by partition and offers what came together. Where each partition is read from is
 * weir's own affair (kafka_group.c): positions live in weir's epochs, the group's committed offsets only follow.
 *
 * A message below the next expected offset of its partition came a second time (librdkafka before 2.1.1 does that after
 * an outage) and is dropped, counted. A step upwards is no loss: transaction markers and compaction leave such gaps.
 * Keys and headers are not read. Limits: PARTITIONS_MAX partitions; `prefetch` bytes wait in librdkafka. */
#include "source/kafka.h"

#include "source/sources.h"
#include "weir/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TURN_MESSAGES (16 * KAFKA_BATCH) /* then others on the loop have their turn */
#define TICK_MS       1000
#define GOODBYE_MS    3000 /* for the last commit */

/* --- messages --------------------------------------------------------------------------------------------------- */

/* Messages come in runs of one partition. */
struct part *kafka_part_of(struct kafka *k, const rd_kafka_message_t *m)
{
    if (m->rkt == NULL) return NULL;
    if (m->rkt == k->last_topic && m->partition == k->last->partition) return k->last;
    struct part *t = parts_find(&k->parts, rd_kafka_topic_name(m->rkt), m->partition);
    k->last = t;
    k->last_topic = t ? m->rkt : NULL;
    return t;
}

static void again(struct kafka *k)
{
    k->counts.duplicates++;
    k->to->duplicate(k->to, 1);
}

/* False: it has no text to offer. */
static bool admit(struct kafka *k, struct part *t, const rd_kafka_message_t *m)
{
    switch (part_judge(t, m->offset)) {
    case PART_AGAIN: again(k); return false;
    case PART_BEHIND: t->ended = true; return false;
    case PART_TAKE: break;
    }
    t->ended = t->end != KAFKA_NO_OFFSET && t->next >= t->end;
    k->counts.messages++;
    k->counts.bytes += m->len;
    if (m->payload != NULL || k->options->envelope) return true; /* there a null has its key beside it */
    k->counts.tombstones++;
    part_settle(t);
    return false;
}

void kafka_take(struct kafka *k, rd_kafka_message_t *taken)
{
    struct part *t = NULL;
    if (taken->err) kafka_hear_error(k, taken);
    else if (k->state == KAFKA_READING && !k->parked) t = kafka_part_of(k, taken);
    if (t != NULL) k->outage_at = 0;
    if (t != NULL && t->ours && admit(k, t, taken)) haul_add(k, t, taken);
    else rd_kafka_message_destroy(taken);
}

/* --- the loop's turn -------------------------------------------------------------------------------------------- */

/* Between `pause` and parking messages stay with librdkafka; events that are no messages are always heard. */
static bool may_drain(const struct kafka *k)
{
    bool waits = k->paused && !k->parked && k->state == KAFKA_READING;
    return !waits && !k->failed && !k->closing;
}

static void work(struct kafka *k)
{
    u32     taken = 0;
    ssize_t n = KAFKA_BATCH;
    while (n > 0 && taken < TURN_MESSAGES && may_drain(k)) {
        n = rd_kafka_consume_batch_queue(k->queue, 0, k->batch, KAFKA_BATCH);
        for (ssize_t i = 0; i < n; i++) kafka_take(k, k->batch[i]);
        taken += n > 0 ? (u32)n : 0;
        haul_offer(k);
    }
    if (n <= 0 || !may_drain(k)) {
        uv_idle_stop(&k->turn);
        haul_flush(k);
    }
    haul_offer(k);
    kafka_try_end(k);
}

static void on_turn(uv_idle_t *turn)
{
    work(container_of(turn, struct kafka, turn));
}

void kafka_stir(struct kafka *k)
{
    if (!k->closing && !k->failed) uv_idle_start(&k->turn, on_turn);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct kafka *k = container_of(poll, struct kafka, poll);
    u64           n;
    while (read(k->event, &n, sizeof n) < 0 && errno == EINTR) {}
    kafka_stir(k);
}

static void on_tick(uv_timer_t *tick)
{
    struct kafka *k = container_of(tick, struct kafka, tick);
    if (k->failed) return;
    kafka_watch(k);
    kafka_stir(k);
}

static void kafka_pause(struct source *s)
{
    struct kafka *k = kafka_of(s);
    k->paused = true;
    k->paused_at = uv_now(k->loop);
}

static void kafka_resume(struct source *s)
{
    struct kafka *k = kafka_of(s);
    k->paused = false;
    if (k->failed) return;
    kafka_unpark(k);
    kafka_stir(k);
}

/* --- chunks ----------------------------------------------------------------------------------------------------- */

static i64 kafka_read(const struct chunk *c, u64 at, void *to, size_t max)
{
    return haul_read(c->state, at, to, max);
}

static void kafka_applied(struct source *s, struct chunk *c, const struct chunk_counts *counts)
{
    struct kafka *k = kafka_of(s);
    struct haul  *h = c->state;
    part_applied(h->part, h->at[h->count - 1]->offset + 1);
    k->out--;
    haul_rest(k, h);
    kafka_try_leave(k);
}

static slice kafka_where(const struct chunk *c)
{
    return slice_str(((const struct haul *)c->state)->part->name);
}

/* Topics count by offset, from 0. */
static u64 kafka_line(const struct chunk *c, u32 number, u64 *offset)
{
    return *offset = (u64)haul_offset_of(c->state, *offset);
}

/* --- positions -------------------------------------------------------------------------------------------------- */

static void kafka_saved(struct source *s)
{
    struct kafka *k = kafka_of(s);
    for (u32 i = 0; i < k->parts.count; i++) k->parts.at[i]->saved = k->parts.at[i]->cut;
    if (k->state == KAFKA_READING) kafka_commit(k);
    kafka_try_leave(k);
}

/* The engine cuts again only when the cut before is durable. */
static void kafka_cut(struct source *s, u32 *count, const struct position **position)
{
    struct kafka *k = kafka_of(s);
    kafka_saved(s);
    if (k->position_room < k->parts.count) {
        k->position_room = k->parts.count;
        k->position = realloc(k->position, k->position_room * sizeof *k->position);
        WEIR_ASSERT(k->position != NULL);
    }
    *count = 0;
    for (u32 i = 0; i < k->parts.count; i++)
        if (part_cut(k->parts.at[i], k->group, &k->position[*count])) ++*count;
    *position = k->position;
}

static const u64 *kafka_count(struct source *s)
{
    return (const u64 *)&kafka_of(s)->counts;
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static const struct kafka_ours ours[] = {
    { "group.id", "`group`" },
    { "isolation.level", "`isolation`" },
    { "auto.offset.reset", "`start` and `reset`" },
    { "queued.max.messages.kbytes", "`prefetch`" },
    { "enable.auto.commit", "nothing: positions are in weir's epochs, the group is told of them" },
    { "auto.commit.enable", "nothing: positions are in weir's epochs, the group is told of them" },
    { "enable.auto.offset.store", "nothing: positions are in weir's epochs" },
    { "enable.partition.eof", "nothing: weir listens to it" },
    { "partition.assignment.strategy", "nothing: members of a group must agree, and all weirs say range" },
    { NULL, NULL },
};

static bool given(const struct option_pairs *p, const char *key)
{
    for (u32 i = 0; i < p->count; i++)
        if (strcmp(p->key[i], key) == 0) return true;
    return false;
}

/* librdkafka's own lines go nowhere, but for what it finds odd in the configuration: errors come as such. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *words)
{
    struct kafka *k = rd_kafka_opaque(rk);
    if (k != NULL && strncmp(facility, "CONFWARN", 8) == 0 && k->opening) /* said while it opens, by this thread */
        k->to->complain(k->to, (slice){ 0 }, 0, words);
}

static rd_kafka_conf_t *conf_make(const struct kafka_options *o, const char *client, char *words, size_t size)
{
    struct kafka_conf_spec spec = { &o->brokers, &o->properties, ours, client };
    return kafka_conf_make(&spec, words, size);
}

/* Under which name the group knows a recipe with state, the same at each start: see kafka_group.c. Other topics make
 * another name, as the group would go on with the old ones. */
static void settle_membership(struct kafka *k, rd_kafka_conf_t *conf)
{
    const struct option_names *topics = &k->options->topics;
    char                       text[64];
    size_t                     size = sizeof text;
    u64                        sum = 0;
    bool                       known = rd_kafka_conf_get(conf, "session.timeout.ms", text, &size) == RD_KAFKA_CONF_OK;
    k->session_ms = known ? strtoull(text, NULL, 10) : 45000;
    k->resident = k->setup.stateful && !k->fixed && k->setup.state != 0;
    if (!k->resident || given(&k->options->properties, "group.instance.id")) return;
    for (u32 i = 0; i < topics->count; i++) sum = hash_checksum(topics->name[i], strlen(topics->name[i]), sum);
    snprintf(text, sizeof text, "weir-%016llx-%08x", (unsigned long long)k->setup.state, (unsigned)(sum >> 32));
    kafka_conf_own(conf, "group.instance.id", text);
}

/* What weir needs as it is, and what it would rather have unless the recipe says otherwise. */
static void conf_settle(struct kafka *k, rd_kafka_conf_t *conf)
{
    static const char *const own[][2] = {
        { "enable.auto.commit", "false" },   { "enable.auto.offset.store", "false" },
        { "auto.offset.reset", "error" },    { "partition.assignment.strategy", "range" },
        { "enable.partition.eof", "true" },
    };
    static const char *const wish[][2] = {
        { "session.timeout.ms", "10000" },      /* a member that was killed holds others up so long    */
        { "queued.min.messages", "1000000" },   /* `prefetch` is the limit                             */
        { "fetch.queue.backoff.ms", "10" },     /* since 2.2.0: a queue that was full is filled again   */
        { "socket.keepalive.enable", "true" },
    };
    char kib[32];
    for (u32 i = 0; i < WEIR_COUNT(own); i++) kafka_conf_own(conf, own[i][0], own[i][1]);
    for (u32 i = 0; i < WEIR_COUNT(wish); i++)
        if (!given(&k->options->properties, wish[i][0])) rd_kafka_conf_set(conf, wish[i][0], wish[i][1], NULL, 0);
    snprintf(kib, sizeof kib, "%llu", (unsigned long long)k->options->prefetch / 1024);
    kafka_conf_own(conf, "queued.max.messages.kbytes", kib);
    kafka_conf_own(conf, "isolation.level", k->options->isolation ? "read_uncommitted" : "read_committed");
    kafka_conf_own(conf, "group.id", k->group);
    settle_membership(k, conf);
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, kafka_on_commit);
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    if (!given(&k->options->properties, "debug")) rd_kafka_conf_set_log_cb(conf, on_log);
}

static err open_client(struct kafka *k)
{
    char             words[512] = "";
    rd_kafka_conf_t *conf = conf_make(k->options, k->client, words, sizeof words);
    if (conf != NULL) {
        conf_settle(k, conf);
        k->opening = true;
        k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
        k->opening = false;
        if (k->rk == NULL) rd_kafka_conf_destroy(conf);
    }
    if (k->rk == NULL) {
        k->to->complain(k->to, (slice){ 0 }, 0, words);
        return (err){ ERR_CONFIG, "librdkafka refuses the configuration", 0 };
    }
    rd_kafka_poll_set_consumer(k->rk);
    k->queue = rd_kafka_queue_get_consumer(k->rk);
    rd_kafka_queue_io_event_enable(k->queue, k->event, &(u64){ 1 }, sizeof(u64));
    return OK;
}

static void kafka_free(struct kafka *k)
{
    haul_fini(k);
    parts_fini(&k->parts);
    if (k->event >= 0) close(k->event);
    free(k->position);
    free(k->group);
    free(k->client);
    free(k);
}

static err restore(struct kafka *k, const struct source_setup *setup)
{
    for (u32 i = 0; i < setup->positions; i++)
        if (!parts_restore(&k->parts, &setup->position[i], slice_str(k->group)))
            return (err){ ERR_STATE, "a position of no partition", i };
    return OK;
}

static struct kafka *kafka_new(uv_loop_t *loop, struct inlet *to, const struct source_setup *setup)
{
    const struct kafka_options *o = setup->options;
    struct kafka               *k = calloc(1, sizeof *k);
    WEIR_ASSERT(k != NULL);
    *k = (struct kafka){ .setup = *setup, .options = o, .to = to, .loop = loop, .event = -1, .handles = 3 };
    k->ready_end = &k->ready;
    k->group = kafka_group_name(o->group, setup->recipe, setup->name);
    WEIR_ASSERT(asprintf(&k->client, "weir-%.*s", (int)setup->name.len, setup->name.at) > 0);
    k->fixed = o->partitions != NULL;
    k->flat = setup->decoder != NULL && strcmp(setup->decoder->name, "json") == 0;
    WEIR_ASSERT(kafka_start_parse(slice_str(o->start), &k->start)); /* checked before */
    parts_init(&k->parts);
    return k;
}

static err kafka_begin(struct kafka *k, const struct source_setup *setup)
{
    if (setup->layouts != 1) return (err){ ERR_CONFIG, "messages of a topic have one layout", setup->layouts };
    err e = restore(k, setup);
    if (err_is(e)) return e;
    k->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return k->event < 0 ? err_os("eventfd") : open_client(k);
}

static err kafka_open(struct source **out, struct uv_loop_s *loop, struct inlet *to, const struct source_setup *setup)
{
    struct kafka *k = kafka_new(loop, to, setup);
    err           e = kafka_begin(k, setup);
    if (err_is(e)) {
        kafka_free(k);
        return e;
    }
    if (kafka_library_warning() && setup->warn) setup->warn(kafka_library_warning());
    uv_poll_init(loop, &k->poll, k->event);
    uv_poll_start(&k->poll, UV_READABLE, on_event);
    uv_idle_init(loop, &k->turn);
    uv_timer_init(loop, &k->tick);
    uv_timer_start(&k->tick, on_tick, TICK_MS, TICK_MS);
    *out = (struct source *)k;
    kafka_join(k);
    return OK;
}

/* --- closing ---------------------------------------------------------------------------------------------------- */

static void on_closed(struct kafka *k)
{
    if (--k->handles) return;
    void (*gone)(void *) = k->gone;
    void *arg = k->gone_arg;
    kafka_free(k);
    gone(arg);
}

static void on_closed_poll(uv_handle_t *h)
{
    on_closed(container_of((uv_poll_t *)h, struct kafka, poll));
}

static void on_closed_turn(uv_handle_t *h)
{
    on_closed(container_of((uv_idle_t *)h, struct kafka, turn));
}

static void on_closed_tick(uv_handle_t *h)
{
    on_closed(container_of((uv_timer_t *)h, struct kafka, tick));
}

/* What is durable, told to the group before we leave it. */
static void last_commit(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = kafka_committable(k);
    rd_kafka_queue_t                *answer = rd_kafka_queue_new(k->rk);
    if (list->cnt > 0 && rd_kafka_commit_queue(k->rk, list, answer, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_t *e = rd_kafka_queue_poll(answer, GOODBYE_MS);
        if (e) rd_kafka_event_destroy(e);
    }
    rd_kafka_queue_destroy(answer);
    rd_kafka_topic_partition_list_destroy(list);
}

/* On a thread of libuv's: librdkafka waits for its own threads and for the group's coordinator. */
static void on_shut(uv_work_t *w)
{
    struct kafka *k = container_of(w, struct kafka, shut);
    last_commit(k);
    rd_kafka_consumer_close(k->rk);
    rd_kafka_queue_destroy(k->queue);
    rd_kafka_destroy(k->rk);
}

static void on_shut_done(uv_work_t *w, int status)
{
    struct kafka *k = container_of(w, struct kafka, shut);
    uv_close((uv_handle_t *)&k->poll, on_closed_poll);
    uv_close((uv_handle_t *)&k->turn, on_closed_turn);
    uv_close((uv_handle_t *)&k->tick, on_closed_tick);
}

void kafka_try_shut(struct kafka *k)
{
    if (k->inquiry) return;
    int status = uv_queue_work(k->loop, &k->shut, on_shut, on_shut_done);
    WEIR_ASSERT(status == 0);
}

static void kafka_close(struct source *s, void (*gone)(void *), void *arg)
{
    struct kafka *k = kafka_of(s);
    WEIR_ASSERT(k->out == 0 && !k->closing);
    k->closing = true;
    k->gone = gone;
    k->gone_arg = arg;
    uv_poll_stop(&k->poll);
    uv_idle_stop(&k->turn);
    uv_timer_stop(&k->tick);
    rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
    haul_drop(k);
    if (k->inquiry) atomic_store_explicit(&k->inquiry->stop, true, memory_order_relaxed);
    kafka_try_shut(k);
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

static void kafka_faults(const void *options, const struct option_ear *to)
{
    const struct kafka_options *o = options;
    kafka_conf_faults(&(struct kafka_conf_spec){ &o->brokers, &o->properties, ours, NULL }, to);
    kafka_group_faults(o->group, to);
}

static bool kafka_check(const void *options, char *words, size_t size, const char **at)
{
    return kafka_options_check(options, words, size, at);
}

const struct source_type source_kafka = {
    .name = "kafka",
    .options = kafka_options,
    .options_size = sizeof(struct kafka_options),
    .metrics = kafka_metrics,
    .decoders = { &decoder_json, &decoder_line, NULL },
    .timed = true,
    .apart = true,
    .first = true,
    .faults = kafka_faults,
    .check = kafka_check,
    .fits = kafka_options_fit,
    .reads = kafka_reads,
    .open = kafka_open,
    .pause = kafka_pause,
    .resume = kafka_resume,
    .read = kafka_read,
    .applied = kafka_applied,
    .cut = kafka_cut,
    .saved = kafka_saved,
    .where = kafka_where,
    .line = kafka_line,
    .counts = kafka_count,
    .parts = kafka_tell_parts,
    .close = kafka_close,
};
