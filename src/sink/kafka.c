/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.c: result rows as messages of Kafka topics, each once or each at least once.
 *
 * exactly_once: an epoch is one transaction: its rows and its number (kafka_link.h). Rows of records tables go into it
 * while the epoch lasts; where it is lost meanwhile, they are let go of until the epoch, which brings them again from
 * beside the state. A read_committed reader sees each row once, whatever is killed when. at_least_once: an idempotent
 * producer; the number is committed after the rows are acknowledged, so that a crash repeats at most what came after it.
 * Nothing is ever deleted: an amended row is one more message with the same key and a higher revision; of a cleared
 * ranking the old rows stay, the new ones follow with a higher revision.
 * A queue of librdkafka's holds what the brokers have not taken (6 MiB unless `properties` say otherwise). Where it
 * stays full for a `timeout`, apply is an error that the engine repeats, and the sources wait. */
#include "sink/kafka_link.h"
#include "sink/kafka_plan.h"
#include "sink/kafka_terms.h"
#include "sink/sinks.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_AHEAD 2048
#define BATCH_BYTES ((size_t)256 << 10) /* of messages; more than that is one message */
#define KICK_BYTES ((size_t)256 << 10) /* fewer are all there were: more gather while the sink is at work */

/* How far rows were put that must be tried again: at least once does not begin anew, or an outage would fill the queue
 * with copies. */
struct progress {
    u64    number; /* of the epoch */
    size_t len, at;
};

struct sink {
    struct kafka_link_setup setup;
    struct kafka_link      *link;
    struct kafka_plan       plan;
    u32                     tables;
    const struct table     *table;
    struct value           *value;
    struct lines            lines;
    char                   *id, *group;
    struct progress         applying, streaming;
    u64                     held;   /* bytes of rows streamed into the open transaction                       */
    bool                    broken; /* it is gone, with some of them: those that follow need not come either  */
};

/* --- set-up --- */

static u32 ms_of(nanos span)
{
    return (u32)(span / 1000000);
}

/* id, group: malloc'd. */
static void link_setup(struct kafka_link_setup *l, const struct sink_setup *setup, const struct kafka_plan *plan,
                       char **id, char **group)
{
    const struct kafka_options *o = setup->options;
    kafka_terms_names(setup, id, group);
    *l = (struct kafka_link_setup){ .brokers = &o->brokers, .properties = &o->properties, .id = *id, .group = *group,
                                    .sink = setup->name, .recipe = setup->recipe,
                                    .exactly = o->delivery == 0,
                                    .topics = plan->topics, .topic = (const char *const *)plan->topic,
                                    .create = o->create, .partitions = (u32)o->partitions,
                                    .replication = (u32)o->replication, .timeout_ms = ms_of(o->timeout),
                                    .wait_ms = ms_of(o->wait), .watchdog_ms = ms_of(o->watchdog),
                                    .warn = setup->warn };
}

static void kafka_close(struct sink *s)
{
    if (s == NULL) return;
    kafka_link_close(s->link);
    kafka_plan_fini(&s->plan);
    lines_fini(&s->lines);
    free(s->value);
    free(s->id);
    free(s->group);
    free(s);
}

static err kafka_open(struct sink **out, const struct sink_setup *setup, char *why, size_t room)
{
    const char  *at = NULL;
    struct sink *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    *out = NULL;
    s->tables = setup->tables, s->table = setup->table;
    err e = OK;
    if (!kafka_plan_init(&s->plan, setup, why, room, &at)) e = (err){ ERR_CONFIG, "kafka options", 0 };
    s->value = calloc(s->plan.widest, sizeof *s->value);
    WEIR_ASSERT(s->value != NULL);
    const char *flaw = kafka_library_warning();
    if (!err_is(e) && flaw != NULL && setup->warn != NULL) setup->warn(flaw);
    if (!err_is(e)) {
        link_setup(&s->setup, setup, &s->plan, &s->id, &s->group);
        e = kafka_link_open(&s->link, &s->setup, why, room);
    }
    if (err_is(e)) kafka_close(s);
    else *out = s;
    return e;
}

static err kafka_epoch(struct sink *s, u64 *out)
{
    *out = kafka_link_epoch(s->link);
    return OK;
}

/* --- rows --- */

/* Messages that go to librdkafka together: of one table, in the order of their rows. */
struct batch {
    const struct kafka_target *target;
    u32                        count;
    size_t                     bytes;
    struct kafka_message       message[KAFKA_PUTS];
    size_t                     end[KAFKA_PUTS]; /* of the row, in the rows */
};

/* *from is moved behind the rows that were taken. */
static err batch_put(struct sink *s, struct batch *b, size_t *from, char *why, size_t room)
{
    struct kafka_put put[KAFKA_PUTS];
    u32              taken = 0;
    if (b->count == 0) return OK;
    for (u32 i = 0; i < b->count; i++)
        put[i] = (struct kafka_put){ kafka_text_of(&b->message[i].key, &s->lines),
                                     kafka_text_of(&b->message[i].value, &s->lines) };
    const struct kafka_target *t = b->target;
    bool                       header = t->named && t->value != KAFKA_COLUMN_NONE;
    err e = kafka_link_put(s->link, t->topic, b->count, put, header ? &t->table->name : NULL, &taken, why, room);
    if (taken > 0) *from = b->end[taken - 1];
    b->count = 0;
    b->bytes = 0;
    s->lines.len = 0;
    return e;
}

static err put_row(struct sink *s, struct batch *b, const struct row *row, size_t end, size_t *from, char *why,
                   size_t room)
{
    const struct kafka_target *t = &s->plan.target[row->table];
    if (t->table == NULL || row->op != ROW_PUT) return OK;
    bool full = b->count == KAFKA_PUTS || b->bytes >= BATCH_BYTES || (b->count > 0 && b->target != t);
    err  e = full ? batch_put(s, b, from, why, room) : OK;
    if (err_is(e)) return e;
    b->target = t;
    b->message[b->count] = kafka_plan_message(&s->plan, t, row, &s->lines);
    b->bytes += b->message[b->count].key.len + b->message[b->count].value.len;
    b->end[b->count++] = end;
    return OK;
}

/* Rows were written on another core, and only their heads are looked at here, so each would be waited for: what lies
 * two rows or so ahead is fetched meanwhile, as much of it as this row had. */
static void fetch_ahead(const struct row_reader *r)
{
    const u8 *from = r->at + FETCH_AHEAD, *to = from + (r->at - r->row);
    if (to > r->end) return;
    for (; from < to; from += 64) __builtin_prefetch(from, 0, 2);
}

/* From byte *from on, which is moved to the first row that was not put. */
static err put_rows(struct sink *s, slice rows, size_t *from, char *why, size_t room, bool *fatal)
{
    if (rows.len == 0) return OK;
    const u8         *begin = (const u8 *)rows.at;
    struct row_reader r = { begin + *from, begin + rows.len, s->table, s->tables };
    struct row        row = { .value = s->value };
    err               e = OK, faulty = OK;
    struct batch      b = { 0 };
    s->lines.len = 0;
    while (!err_is(e) && row_next(&r, &row, &faulty)) {
        fetch_ahead(&r);
        e = put_row(s, &b, &row, (size_t)(r.at - begin), from, why, room);
    }
    if (!err_is(e)) e = batch_put(s, &b, from, why, room);
    if (!err_is(e) && !err_is(faulty)) *from = rows.len;
    *fatal = err_is(faulty) || (err_is(e) && e.code != ERR_OS); /* another try would be the same */
    if (err_is(faulty)) snprintf(why, room, "kafka: the rows of an epoch are damaged: %s", faulty.what);
    return err_is(e) ? e : faulty;
}

/* --- exactly once --- */

/* Nothing is streamed, and what was is forgotten. */
static void let_go(struct sink *s)
{
    kafka_link_abort(s->link);
    s->held = 0;
    s->broken = false;
}

/* Rows into the transaction; an error takes it down. */
static err put_exactly(struct sink *s, slice rows, char *why, size_t room, bool *fatal)
{
    size_t at = 0;
    err    e = kafka_link_begun(s->link) ? OK : kafka_link_begin(s->link, why, room);
    if (!err_is(e)) e = put_rows(s, rows, &at, why, room, fatal);
    if (err_is(e)) {
        kafka_link_abort(s->link);
        s->broken = true;
    }
    return e;
}

static err apply_exactly(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    err e = put_exactly(s, rows, why, room, fatal);
    if (!err_is(e)) e = kafka_link_commit(s->link, number, why, room);
    s->broken = err_is(e);
    if (!err_is(e)) s->held = 0;
    return e;
}

/* A transaction that is gone took rows with it. What comes after them waits until a broker is there again, so that an
 * outage holds the sources, but needs to go nowhere. */
static err stream_exactly(struct sink *s, slice rows, char *why, size_t room, bool *fatal)
{
    s->broken = s->broken || (s->held > 0 && !kafka_link_begun(s->link));
    if (s->broken) return OK;
    err e = put_exactly(s, rows, why, room, fatal);
    if (!err_is(e)) s->held += rows.len;
    kafka_link_poll(s->link);
    return e;
}

static err kafka_holds(struct sink *s, u64 number, u64 bytes, bool *all, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    err e = kafka_link_ready(s->link, why, room, fatal);
    if (err_is(e)) return e;
    bool has = number <= kafka_link_epoch(s->link);
    *all = has || (!s->broken && s->held == bytes && (bytes == 0 || kafka_link_begun(s->link)));
    if (has || !*all) let_go(s);
    return OK;
}

/* Puts what of the rows was not put yet. */
static err put_rest(struct sink *s, struct progress *p, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    if (p->number != number || p->len != rows.len) *p = (struct progress){ number, rows.len, 0 };
    return put_rows(s, rows, &p->at, why, room, fatal);
}

static err apply_at_least(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    err e = put_rest(s, &s->applying, number, rows, why, room, fatal);
    if (!err_is(e)) e = kafka_link_settle(s->link, why, room, fatal);
    if (!err_is(e)) e = kafka_link_mark(s->link, number, why, room);
    return e;
}

static err kafka_apply(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    if (number <= kafka_link_epoch(s->link)) return OK;
    err e = kafka_link_ready(s->link, why, room, fatal);
    if (err_is(e) || number <= kafka_link_epoch(s->link)) return e;
    return s->setup.exactly ? apply_exactly(s, number, rows, why, room, fatal)
                            : apply_at_least(s, number, rows, why, room, fatal);
}

/* --- ahead of the epoch --- */

/* A transaction may not take longer than `timeout`: an epoch that is cut in good time before can be one. */
static enum sink_ahead kafka_ahead(const void *options, nanos every)
{
    const struct kafka_options *o = options;
    if (o->delivery == 1) return AHEAD_SETTLES;
    return every <= o->timeout / 2 ? AHEAD_HOLDS : AHEAD_NOT;
}

static err kafka_stream(struct sink *s, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    err e = kafka_link_ready(s->link, why, room, fatal);
    if (!err_is(e) && s->setup.exactly) return stream_exactly(s, rows, why, room, fatal);
    if (!err_is(e)) e = put_rest(s, &s->streaming, 0, rows, why, room, fatal);
    if (err_is(e)) return e;
    s->streaming = (struct progress){ 0 };
    if (rows.len < KICK_BYTES) kafka_link_kick(s->link);
    return OK;
}

static err kafka_settle(struct sink *s, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    return kafka_link_settle(s->link, why, room, fatal);
}

static bool kafka_tick(struct sink *s, nanos now, nanos watermark)
{
    kafka_link_tick(s->link);
    return false;
}

const struct sink_type sink_kafka = {
    .name = "kafka",
    .options = kafka_sink_options,
    .options_size = sizeof(struct kafka_options),
    .faults = kafka_terms_faults,
    .check = kafka_terms_check,
    .channels = kafka_terms_channels,
    .open = kafka_open,
    .epoch = kafka_epoch,
    .apply = kafka_apply,
    .ahead = kafka_ahead,
    .stream = kafka_stream,
    .settle = kafka_settle,
    .holds = kafka_holds,
    .tick = kafka_tick,
    .close = kafka_close,
};
