/* SPDX-License-Identifier: Apache-2.0 */
/* intake.c: the queue of a source: chunks on their way through workers, watermarks waiting behind them. */
#include "engine/intake.h"

#include "engine/log.h"
#include "engine/news.h"
#include "engine/partitions.h"
#include "shim/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_A_WORKER        3    /* chunks out per worker: one in work, one waiting, one coming back */
#define REJECTS_A_MINUTE_MAX 1000 /* rows of one source and event minute in the rejects table         */
#define ROWS_A_PARTIAL_MAX   (1u << 28)
#define NEWS_LINE            1800 /* characters of a line of the log */
#define TICK_NS_MAX          1000000000ull /* of silence that one tick can tell of: see intake_tick */

#define FUTURE               (3600 * NANOS_SECOND) /* a record's time may be so far ahead of the clock and still count */

enum item_kind { ITEM_JOB, ITEM_WATERMARK, ITEM_PARTITION, ITEM_DONE, ITEM_STOPPED };

struct item {
    enum item_kind    kind;
    struct job       *job;
    nanos             to;
    enum close_reason why;
    u32               number; /* of a partition */
    bool              open;
    struct item      *next;
};

struct intake {
    struct inlet         inlet; /* first: what the source holds */
    struct intake_host  *host;
    const struct recipe *recipe;
    const struct plan   *plan;
    struct source       *source;
    struct item         *first, **end; /* in the order offered */
    struct job          *spare;        /* jobs at rest, with their memory */
    u64                  in_flight;    /* bytes of ranges out */
    u32                  jobs;
    bool                 held, paused, ended, changed, closed;
    bool                 stopping; /* the source still offers what it held back */
    nanos                watermark;
    struct partitions    partitions; /* of a timed source */
    nanos                given;      /* to windows, because of them */
    u64                  silent; /* ns without an offer or apply, as ticks saw it */
    u64                  ticked; /* monotonic ns of the last tick                 */
    struct ledger        ledger;
    struct expr_counts   values;
    nanos                rejects_minute;
    u64                  rejects_given;
    struct news          news; /* for the log */
    u64                  first_offer, last_apply, last_close;
};

static u64 monotonic(void)
{
    return uv_hrtime();
}

/* --- jobs ---------------------------------------------------------------------------------------------------- */

static struct job *job_new(const struct plan *plan)
{
    struct job *j = calloc(1, sizeof *j);
    WEIR_ASSERT(j != NULL);
    j->plan = plan;
    j->table = calloc(plan->tags + 1, sizeof(struct lookup_version *));
    j->partial = calloc(plan->windows + 1, sizeof *j->partial);
    j->bad = calloc(1, sizeof *j->bad);
    j->rows = calloc(plan->records + 1, sizeof *j->rows);
    WEIR_ASSERT(j->table != NULL && j->partial != NULL && j->bad != NULL && j->rows != NULL);
    for (u32 r = 0; r < plan->records; r++) record_rows_init(&j->rows[r]);
    for (u32 w = 0; w < plan->windows; w++)
        groups_init(&j->partial[w], &plan->window[w]->window.layout, ROWS_A_PARTIAL_MAX);
    return j;
}

static void job_free(struct job *j)
{
    for (u32 w = 0; w < j->plan->windows; w++) groups_fini(&j->partial[w]);
    for (u32 r = 0; r < j->plan->records; r++) record_rows_fini(&j->rows[r]);
    tally_fini(&j->tally);
    free(j->rows);
    free(j->table);
    free(j->partial);
    free(j->bad);
    free(j);
}

static struct job *job_take(struct intake *i)
{
    struct job *j = i->spare;
    if (j == NULL) return job_new(i->plan);
    i->spare = j->next;
    return j;
}

/* Empties the job and keeps its memory for the next. */
static void job_rest(struct intake *i, struct job *j)
{
    for (u32 w = 0; w < j->plan->windows; w++) groups_reset(&j->partial[w]);
    for (u32 r = 0; r < j->plan->records; r++) record_rows_reset(&j->rows[r]);
    tally_reset(&j->tally);
    memset(j->bad->count, 0, sizeof j->bad->count);
    j->bad->kept = j->bad->sampled = 0;
    j->counts = (struct chunk_counts){ 0 };
    j->failed = 0;
    j->done = false;
    j->next = i->spare;
    i->spare = j;
}

/* --- back-pressure ------------------------------------------------------------------------------------------- */

static void intake_balance(struct intake *i)
{
    bool full = i->in_flight >= i->plan->from->in_flight || i->jobs >= JOBS_A_WORKER * pool_workers(i->host->pool);
    bool pause = full || i->held;
    if (pause == i->paused || i->source == NULL) return;
    i->paused = pause;
    if (pause) i->plan->from->type->pause(i->source);
    else i->plan->from->type->resume(i->source);
}

void intake_hold(struct intake *i, bool hold)
{
    i->held = hold;
    intake_balance(i);
}

/* --- what the source says ------------------------------------------------------------------------------------ */

static struct intake *of_inlet(struct inlet *in)
{
    return container_of(in, struct intake, inlet);
}

static void item_push(struct intake *i, struct item it)
{
    struct item *at = malloc(sizeof *at);
    WEIR_ASSERT(at != NULL);
    *at = it;
    at->next = NULL;
    *i->end = at;
    i->end = &at->next;
}

static void on_offer(struct inlet *in, struct chunk *taken)
{
    struct intake *i = of_inlet(in);
    WEIR_ASSERT(taken->layout < i->plan->from->layouts && taken->length > 0);
    struct job *j = job_take(i);
    j->chunk = *taken;
    j->horizon = clock_wall() + FUTURE;
    j->newest = NANOS_MIN;
    for (u32 t = 0; t < i->plan->tags; t++)
        j->table[t] = lookup_use(i->host->lookup[i->plan->tag[t] - i->recipe->step]);
    item_push(i, (struct item){ .kind = ITEM_JOB, .job = j });
    i->in_flight += taken->length;
    i->jobs++;
    i->silent = 0;
    if (i->first_offer == 0) i->first_offer = monotonic();
    pool_give(i->host->pool, j);
    intake_balance(i);
}

static void intake_drain(struct intake *i);

static void on_watermark(struct inlet *in, nanos to, enum close_reason why)
{
    struct intake *i = of_inlet(in);
    item_push(i, (struct item){ .kind = ITEM_WATERMARK, .to = to, .why = why });
    intake_drain(i);
}

static void on_partition(struct inlet *in, u32 number, bool open)
{
    struct intake *i = of_inlet(in);
    WEIR_ASSERT(number < PARTITIONS_MAX && i->plan->from->type->timed);
    item_push(i, (struct item){ .kind = ITEM_PARTITION, .number = number, .open = open });
    intake_drain(i);
}

static void on_done(struct inlet *in)
{
    struct intake *i = of_inlet(in);
    item_push(i, (struct item){ .kind = ITEM_DONE });
    intake_drain(i);
}

static void on_stopped(struct inlet *in)
{
    struct intake *i = of_inlet(in);
    item_push(i, (struct item){ .kind = ITEM_STOPPED });
    intake_drain(i);
}

void intake_stop(struct intake *i)
{
    bool (*stop)(struct source *) = i->plan->from->type->stop;
    if (i->ended) return;
    i->stopping = stop != NULL && stop(i->source);
    intake_hold(i, !i->stopping);
}

static bool rejects_room(struct intake *i, nanos time)
{
    nanos minute = nanos_floor(time, 60 * NANOS_SECOND);
    if (minute != i->rejects_minute) {
        i->rejects_minute = minute;
        i->rejects_given = 0;
    }
    return i->rejects_given++ < REJECTS_A_MINUTE_MAX;
}

/* A row of the rejects table; the key is (timestamp, file, offset). */
static void reject_row(struct intake *i, nanos time, slice file, u64 offset, u64 line, slice reason, slice field,
                       slice sample)
{
    u32 table = i->plan->from->rejects_table;
    if (table == UINT32_MAX || !rejects_room(i, time)) return;
    struct row_writer *w = i->host->out;
    row_put(w, table);
    row_i64(w, nanos_floor(time, NANOS_SECOND) / NANOS_SECOND);
    row_text(w, file);
    row_u64(w, offset);
    if (line) row_u64(w, line);
    else row_null(w);
    row_text(w, reason);
    if (field.len) row_text(w, field);
    else row_null(w);
    if (sample.at) row_text(w, sample);
    else row_null(w);
}

static void on_complain(struct inlet *in, slice file, u64 offset, const char *what)
{
    struct intake *i = of_inlet(in);
    i->ledger.complaints++;
    i->changed = true;
    log_line(LOG_WARN, "source %.*s: %.*s%s%s", (int)i->plan->from->name.len, i->plan->from->name.at, (int)file.len,
             file.at ? file.at : "", file.len ? ": " : "", what);
    reject_row(i, clock_wall(), file, offset, 0, slice_str(what), (slice){ 0 }, (slice){ 0 });
}

static void on_lost(struct inlet *in, u64 records)
{
    struct intake *i = of_inlet(in);
    i->ledger.read += records;
    i->ledger.lost += records;
    i->changed = i->changed || records > 0;
    if (records) news_lost(&i->news, records, monotonic());
}

static void on_duplicate(struct inlet *in, u64 records)
{
    struct intake *i = of_inlet(in);
    i->ledger.read += records;
    i->ledger.duplicate += records;
    i->changed = i->changed || records > 0;
}

static void on_fail(struct inlet *in, const char *text)
{
    struct intake *i = of_inlet(in);
    i->host->fail(i->host, text);
}

static void on_fail_as(struct inlet *in, enum err_code why, const char *text)
{
    struct intake *i = of_inlet(in);
    i->host->fail_as(i->host, why, text);
}

static void on_distrust(struct inlet *in, const char *text)
{
    struct intake *i = of_inlet(in);
    i->host->distrust(i->host, text);
}

static void on_damaged(struct inlet *in)
{
    struct intake *i = of_inlet(in);
    i->host->damaged(i->host);
}

/* --- applying ------------------------------------------------------------------------------------------------ */

/* The sample as text: what is not printable ASCII or well-formed text stands as '?'. */
static slice sample_clean(char *at, u32 len)
{
    for (u32 k = 0; k < len; k++)
        if ((unsigned char)at[k] < ' ' || (unsigned char)at[k] > '~') at[k] = '?';
    return slice_of(at, len);
}

static void apply_rejects(struct intake *i, struct job *j)
{
    const struct recipe_source *r = i->plan->from;
    const struct layout        *layout = &r->layout[j->chunk.layout];
    slice                       file = r->type->where(&j->chunk);
    for (u32 k = 0; k < j->bad->kept; k++) {
        const struct reject *bad = &j->bad->kept_at[k];
        slice field = bad->field < layout->fields ? layout->field[bad->field].column : (slice){ 0 };
        u64   offset = bad->offset, line = r->type->line(&j->chunk, bad->line, &offset);
        reject_row(i, j->chunk.time, file, offset, line,
                   slice_str(r->decoder->reasons[bad->reason]),
                   field, sample_clean(j->bad->samples + bad->sample, bad->sample_len));
    }
}

/* Counts them, and notes for the log where the first of each reason stands. */
static void count_rejects(struct intake *i, struct job *j)
{
    const struct source_type *type = i->plan->from->type;
    u64                       line[REASONS_MAX] = { 0 };
    for (u32 k = j->bad->kept; k-- > 0;) {
        u64 offset = j->bad->kept_at[k].offset;
        line[j->bad->kept_at[k].reason] = type->line(&j->chunk, j->bad->kept_at[k].line, &offset);
    }
    for (u32 k = 0; k < REASONS_MAX; k++) {
        if (j->bad->count[k] == 0) continue;
        j->counts.rejected += j->bad->count[k];
        news_reject(&i->news, k, j->bad->count[k], type->where(&j->chunk), line[k], monotonic());
    }
}

static void apply_read_error(struct intake *i, struct job *j)
{
    char words[160];
    snprintf(words, sizeof words, "read: %s", strerror((int)-j->failed));
    on_complain(&i->inlet, i->plan->from->type->where(&j->chunk), j->chunk.offset + j->counts.bytes, words);
}

/* The part of windows that the chunk belongs to. */
static u32 part_of(struct intake *i, const struct chunk *c)
{
    const struct source_type *type = i->plan->from->type;
    if (!type->apart || i->plan->windows == 0) return 0;
    return flow_part(i->host->flow, i->plan->source, type->where(c));
}

/* Folds the job into windows. Gives the records that no window took, if all windows see all records. */
static u64 apply_windows(struct intake *i, struct job *j)
{
    u32 part = part_of(i, &j->chunk);
    u64 late = i->plan->windows ? UINT64_MAX : 0;
    for (u32 w = 0; w < i->plan->windows; w++) {
        struct window_push_counts counts = { 0 };
        flow_push(i->host->flow, i->plan->step[w], part, &j->partial[w], &counts);
        if (counts.late < late) late = counts.late;
    }
    return i->plan->stream[0].records ? 0 : late;
}

static void apply_records(struct intake *i, struct job *j)
{
    for (u32 r = 0; r < i->plan->records; r++) {
        u32 step = i->plan->record_step[r], table = i->plan->record[r]->records.table;
        if (table != UINT32_MAX)
            record_rows_give(&j->rows[r], arrivals_of(i->host->arrivals, step),
                             i->host->ahead_of[table] ? i->host->ahead : i->host->out);
    }
    if (i->host->ahead->len > 0) i->host->gathered(i->host);
}

/* Did some window or records step take the records of a cell? offered: did they come to one at all? */
static bool cell_taken(const struct intake *i, const struct tally_cell *c, bool *offered)
{
    const struct plan *p = i->plan;
    u64                mask = c->mask | 1; /* stream 0 has them all */
    *offered = false;
    for (u32 s = 0; s < p->streams; s++) {
        if ((mask >> s & 1) == 0) continue;
        if (p->stream[s].records) return *offered = true;
        *offered = *offered || p->stream[s].windows;
    }
    for (u32 w = 0; w < p->windows; w++)
        if ((mask >> p->window_stream[w] & 1) && flow_took(i->host->flow, p->step[w], c->start)) return true;
    return false;
}

/* Where a record came to no window and no records step, a `where` left it out. */
static void sort_out(const struct intake *i, const struct job *j, struct chunk_counts *c)
{
    u64 all = 0;
    c->late = c->filtered = 0;
    for (u32 k = 0; k < j->tally.room; k++) {
        const struct tally_cell *cell = &j->tally.cell[k];
        bool                     offered;
        if (cell->records == 0) continue;
        all += cell->records;
        if (cell_taken(i, cell, &offered)) continue;
        if (offered) c->late += cell->records;
        else c->filtered += cell->records;
    }
    WEIR_ASSERT(all == c->applied);
}

static void apply_watermark(struct intake *i, nanos to, enum close_reason why)
{
    if (to > i->watermark) i->watermark = to; /* a window that is new in the recipe may still be behind it */
    flow_flush(i->host->flow);
    if (flow_advance(i->host->flow, i->plan->source, to, why)) {
        i->closed = true;
        i->last_close = monotonic();
    }
}

/* What the partitions have reached. Windows are told when a multiple of their lengths is passed, not at each chunk. */
static void partitions_apply(struct intake *i)
{
    nanos to = partitions_watermark(&i->partitions), grid = i->plan->grid;
    if (to > i->watermark) i->watermark = to;
    if (grid == 0 || to == NANOS_MIN || nanos_floor(to, grid) <= i->given) return;
    i->given = nanos_floor(to, grid);
    apply_watermark(i, i->given, CLOSE_WATERMARK);
    i->changed = true;
}

static void apply_job(struct intake *i, struct job *j)
{
    struct chunk_counts *c = &j->counts;
    count_rejects(i, j);
    apply_rejects(i, j);
    if (j->failed) apply_read_error(i, j);
    c->late = apply_windows(i, j);
    apply_records(i, j);
    if (i->plan->streams > 1) sort_out(i, j, c);
    WEIR_ASSERT(c->late + c->filtered <= c->applied && c->applied + c->rejected == c->lines);
    c->applied -= c->late + c->filtered;
    i->ledger.read += c->lines;
    i->ledger.applied += c->applied;
    i->ledger.late += c->late;
    if (c->late) news_late(&i->news, c->late, i->plan->from->type->where(&j->chunk), monotonic());
    i->ledger.filtered += c->filtered;
    i->ledger.rejected += c->rejected;
    i->ledger.bytes += c->bytes;
    if (i->plan->from->type->timed) {
        partitions_heard(&i->partitions, j->chunk.partition, j->newest);
        partitions_apply(i);
    }
    i->values.overflow += j->values.overflow;
    i->values.by_zero += j->values.by_zero;
    for (u32 t = 0; t < i->plan->tags; t++) lookup_release(j->table[t]);
    i->plan->from->type->applied(i->source, &j->chunk, c);
    i->in_flight -= j->chunk.length;
    i->jobs--;
    i->silent = 0;
    i->last_apply = monotonic();
    job_rest(i, j);
}

void intake_finish(struct intake *i)
{
    flow_flush(i->host->flow);
    flow_end(i->host->flow, i->plan->source);
    flow_flush(i->host->flow); /* what the end amended in levels above */
    i->closed = i->changed = true;
    i->last_close = monotonic();
}

/* Applies all that stands finished at the front of the queue. */
static void intake_drain(struct intake *i)
{
    bool some = false;
    while (i->first != NULL && (i->first->kind != ITEM_JOB || i->first->job->done)) {
        struct item *it = i->first;
        if ((i->first = it->next) == NULL) i->end = &i->first;
        switch (it->kind) {
        case ITEM_JOB: apply_job(i, it->job); break;
        case ITEM_WATERMARK: apply_watermark(i, it->to, it->why); break;
        case ITEM_PARTITION:
            partitions_open(&i->partitions, it->number, it->open);
            partitions_apply(i);
            break;
        case ITEM_DONE:
            intake_finish(i);
            i->ended = true;
            break;
        case ITEM_STOPPED: i->stopping = false; break;
        }
        free(it);
        some = i->changed = true;
    }
    if (!some) return;
    intake_balance(i);
    i->host->stir(i->host);
}

/* The pool's call: a chunk came back. */
void intake_job_done(struct intake *i, struct job *j)
{
    j->done = true;
    intake_drain(i);
}

/* Partitions that had nothing to say are not waited for, if others have. */
static void intake_age(struct intake *i, u64 since)
{
    nanos before = i->given;
    partitions_age(&i->partitions, since);
    if (i->partitions.count < 2) return;
    partitions_apply(i);
    if (i->given != before) i->host->stir(i->host);
}

/* A source is silent where it could have spoken: not while it is held back, nor while the loop itself stood still (a
 * stopped process, a suspended machine), nor because somebody set the clock. The wall clock only says how far time has
 * come; it goes no further than what there is to close, so that a backlog that comes after all is not late. */
void intake_tick(struct intake *i, nanos now)
{
    nanos idle = i->plan->from->idle;
    u64   since = monotonic() - i->ticked;
    i->ticked += since;
    since = since < TICK_NS_MAX ? since : TICK_NS_MAX;
    i->silent += since;
    if (i->first != NULL || i->paused) i->silent = 0;
    else intake_age(i, since);
    if (idle == 0 || i->silent < (u64)idle) return;
    nanos to = flow_due(i->host->flow, i->plan->source, now - idle);
    if (to == NANOS_MIN) return;
    apply_watermark(i, to, CLOSE_IDLE);
    i->changed = true;
    i->host->stir(i->host);
}

void intake_tell(struct intake *i, bool rest)
{
    char line[NEWS_LINE];
    u64  now = monotonic();
    if (!(rest ? i->news.any : news_due(&i->news, now))) return;
    news_tell(&i->news, i->plan->from->decoder->reasons, now, line, sizeof line);
    log_line(LOG_WARN, "source %.*s: %s", (int)i->plan->from->name.len, i->plan->from->name.at, line);
}

/* --- opening, saving ----------------------------------------------------------------------------------------- */

#define SAVED_VERSION 1u

struct saved {
    u64           version;
    nanos         watermark;
    struct ledger ledger;
    nanos         rejects_minute;
    u64           rejects_given;
};

void intake_save(const struct intake *i, struct row_writer *to)
{
    struct saved s = { SAVED_VERSION, i->watermark, i->ledger, i->rejects_minute, i->rejects_given };
    row_text(to, i->plan->from->name);
    row_text(to, slice_of((const char *)&s, sizeof s));
}

static bool intake_load(struct intake *i, slice bytes)
{
    struct saved s;
    if (bytes.len == 0) return true;
    if (bytes.len != sizeof s) return false;
    memcpy(&s, bytes.at, sizeof s);
    if (s.version != SAVED_VERSION) return false;
    i->watermark = s.watermark;
    i->ledger = s.ledger;
    i->rejects_minute = s.rejects_minute;
    i->rejects_given = s.rejects_given;
    return true;
}

static void warn(const char *text)
{
    log_line(LOG_WARN, "source: %s", text);
}

err intake_open(struct intake **out, uv_loop_t *loop, struct intake_host *host, const struct intake_setup *setup)
{
    const struct recipe_source *r = setup->plan->from;
    struct intake              *i = calloc(1, sizeof *i);
    WEIR_ASSERT(i != NULL);
    i->inlet = (struct inlet){ on_offer, on_watermark, on_partition, on_done, on_stopped, on_complain,
                                on_fail, on_lost, on_duplicate, on_distrust, on_damaged, on_fail_as };
    i->host = host;
    i->recipe = setup->recipe;
    i->plan = setup->plan;
    i->end = &i->first;
    i->watermark = NANOS_MIN;
    partitions_init(&i->partitions, r->disorder, r->idle);
    i->ticked = monotonic();
    if (!intake_load(i, setup->saved)) {
        free(i);
        return (err){ ERR_STATE, "the saved ledger of a source is damaged", 0 };
    }
    i->given = i->watermark;
    struct source_setup s = {
        .name = r->name,
        .recipe = setup->recipe->name,
        .options = r->options,
        .decoder = r->decoder,
        .layouts = r->layouts,
        .layout = r->layout,
        .layout_key = r->layout_key,
        .once = setup->once,
        .fresh = setup->fresh,
        .positions = setup->positions,
        .position = setup->position,
        .now = clock_wall,
        .warn = warn,
        .stateful = setup->plan->windows > 0,
        .state = setup->state,
        .alone = setup->alone,
    };
    *out = i;
    err e = r->type->open(&i->source, loop, &i->inlet, &s);
    if (err_is(e)) {
        *out = NULL;
        free(i);
        return e;
    }
    return OK;
}

void intake_close(struct intake *i, void (*gone)(void *arg), void *arg)
{
    WEIR_ASSERT(i->first == NULL);
    struct source *source = i->source;
    const struct source_type *type = i->plan->from->type;
    while (i->spare) {
        struct job *j = i->spare;
        i->spare = j->next;
        job_free(j);
    }
    type->close(source, gone, arg); /* the inlet stays valid until `gone`: the engine frees it then */
}

void intake_free(struct intake *i)
{
    news_fini(&i->news);
    partitions_fini(&i->partitions);
    free(i);
}

/* --- asking -------------------------------------------------------------------------------------------------- */

void intake_cut(struct intake *i, u32 *count, const struct position **position)
{
    const struct ledger *l = &i->ledger;
    WEIR_ASSERT(l->read == l->applied + l->late + l->duplicate + l->filtered + l->rejected + l->lost);
    i->plan->from->type->cut(i->source, count, position);
    i->changed = i->closed = false;
}

void intake_saved(struct intake *i)
{
    if (i->plan->from->type->saved) i->plan->from->type->saved(i->source);
}

void intake_ledger_row(struct intake *i, nanos now)
{
    u32 table = i->plan->from->ledger_table;
    if (table == UINT32_MAX) return;
    struct row_writer *w = i->host->out;
    row_put(w, table);
    row_i64(w, nanos_floor(now, 60 * NANOS_SECOND) / NANOS_SECOND);
    const u64 *counts = (const u64 *)&i->ledger;
    for (const struct metric *m = ledger_metrics; m->name; m++) row_u64(w, counts[m->offset / sizeof(u64)]);
}

bool intake_quiet(const struct intake *i)
{
    return i->first == NULL && !i->stopping;
}

bool intake_ended(const struct intake *i)
{
    return i->ended;
}

bool intake_changed(struct intake *i)
{
    return i->changed;
}

bool intake_window_closed(struct intake *i)
{
    return i->closed;
}

const struct metric *intake_metrics(struct intake *i, const u64 **counts)
{
    const struct source_type *type = i->plan->from->type;
    if (type->metrics == NULL || type->counts == NULL) return NULL;
    *counts = type->counts(i->source);
    return type->metrics;
}

void intake_parts(struct intake *i, void (*tell)(void *to, slice part, const char *metric, i64 value), void *to)
{
    const struct source_type *type = i->plan->from->type;
    if (type->parts) type->parts(i->source, tell, to);
}

slice intake_name(const struct intake *i)
{
    return i->plan->from->name;
}

const struct ledger *intake_ledger(const struct intake *i)
{
    return &i->ledger;
}

const struct expr_counts *intake_values(const struct intake *i)
{
    return &i->values;
}

nanos intake_watermark(const struct intake *i)
{
    return i->watermark;
}

u64 intake_first_offer(const struct intake *i)
{
    return i->first_offer;
}

u64 intake_last_apply(const struct intake *i)
{
    return i->last_apply;
}

u64 intake_last_close(const struct intake *i)
{
    return i->last_close;
}

/* In the order of the ledger table's columns. */
const struct metric ledger_metrics[] = {
    { "read", "records", "lines read", offsetof(struct ledger, read) },
    { "applied", "records", "taken by some window or records step", offsetof(struct ledger, applied) },
    { "late", "records", "older than any window that may still be amended", offsetof(struct ledger, late) },
    { "duplicate", "records", "delivered twice by the source, applied once", offsetof(struct ledger, duplicate) },
    { "filtered", "records", "left out by `where` of all that could take them", offsetof(struct ledger, filtered) },
    { "rejected", "records", "not of the layout", offsetof(struct ledger, rejected) },
    { "lost", "records", "counted as lost by the kernel or by sequence numbers", offsetof(struct ledger, lost) },
    { "bytes", "bytes", "of whole lines read", offsetof(struct ledger, bytes) },
    { "complaints", "events", "files or ranges that were not read: gone, unreadable, truncated, written anew",
      offsetof(struct ledger, complaints) },
    { NULL, NULL, NULL, 0 },
};
