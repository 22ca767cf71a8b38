/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c: the loop: opens all, decides when to cut and when to hold, and ends in order.
 *
 *   RUN ----- signal, or all input ended -----> DRAIN (no offers; chunks out come back) ----> LAST (cut what is left,
 *   sinks take it) ----> SHUT (handles close) ----> gone
 * A source that cannot go on ends it the same way, with another code: what the others hold back must not go with it. A
 * second signal, or a state that cannot be trusted, ends the process at once: the next start goes on from the last
 * epoch. */
#include "engine/engine.h"

#include "engine/epoch.h"
#include "engine/log.h"
#include "engine/stats.h"
#include "shim/clock.h"
#include "weir/hash.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define WHY_MAX      2048
#define TICK_MS      100
#define SINK_TICKS   50 /* retention and checkpoints every 5 s */
#define CUT_AFTER_NS 1000000000ull
#define END_NS_MAX   10000000000ull /* that sources, then sinks, may take to end after a failure */

/* What epochs came to; they are gone when it is told. */
struct figures {
    u64 number, longest_cut, image, recovery;
};

enum phase { PHASE_RUN, PHASE_DRAIN, PHASE_LAST, PHASE_SHUT };

struct engine {
    const struct recipe         *recipe;
    const struct engine_options *options;
    uv_loop_t                    loop;
    struct arena                 arena;
    struct intake_host           intake_host;
    struct epochs_host           epochs_host;
    struct plan                 *plan;
    struct lookup              **lookup; /* per step */
    struct pool                 *pool;
    struct flow                 *flow;
    struct arrivals             *arrivals;
    struct row_writer            rows, ahead;
    bool                        *ahead_of; /* per table: its rows go ahead of their epoch */
    struct epochs               *epochs;
    struct intake              **intake;
    u32                          intakes, gone;
    uv_timer_t                   tick;
    uv_signal_t                  on_int, on_term, on_hup;
    enum phase                   phase;
    bool                         opened;
    bool                         finished; /* --final: windows are closed */
    bool                         signalled;
    bool                         failing; /* a source cannot go on                    */
    u64                          since;   /* monotonic ns: its end has come so far    */
    char                         fault[WHY_MAX];
    bool                         told_ended, told_stats;
    char                        *sources; /* their figures when they closed; malloc'd  */
    u64                          told_saved; /* epoch                                 */
    u64                          damaged; /* faults of the input, as sources say      */
    u32                          ticks;
    int                          code;
    u64                          begin, committed;
    struct figures               figures;
};

static void engine_stir(struct engine *e);

/* --- the engine's bytes in an epoch -------------------------------------------------------------------------- */

static void on_collect(struct epochs_host *h, struct cut *to)
{
    struct engine    *e = container_of(h, struct engine, epochs_host);
    struct row_writer bytes;
    row_writer_init(&bytes);
    row_u64(&bytes, EPOCH_SAVED_MAGIC);
    row_u64(&bytes, epochs_tables_mark(e->recipe));
    row_u64(&bytes, *flow_arrived(e->flow));
    for (u32 i = 0; i < e->intakes; i++) {
        u32                    count;
        const struct position *position;
        intake_cut(e->intake[i], &count, &position);
        cut_positions(to, intake_name(e->intake[i]), count, position);
        intake_save(e->intake[i], &bytes);
        intake_ledger_row(e->intake[i], clock_wall());
    }
    arrivals_save(e->arrivals, &bytes);
    slice taken = row_writer_take(&bytes);
    cut_engine(to, taken);
    free((char *)(uintptr_t)taken.at);
    row_writer_fini(&bytes);
}

/* Walks the saved values: `arrived` and the counters of records tables are put back, a source's own bytes are given. */
static bool saved_find(struct engine *e, slice saved, slice source, slice *out)
{
    struct value_reader r = { (const u8 *)saved.at, (const u8 *)saved.at + saved.len };
    struct value        v;
    *out = (slice){ 0 };
    if (saved.len == 0) return true;
    if (!value_read(&r, &v) || v.kind != VALUE_U64 || v.u != EPOCH_SAVED_MAGIC) return false;
    if (!value_read(&r, &v) || v.kind != VALUE_U64) return false; /* epoch.c looked at it */
    if (!value_read(&r, &v) || v.kind != VALUE_U64) return false;
    *flow_arrived(e->flow) = v.u;
    while (r.at < r.end) {
        struct value name;
        if (!value_read(&r, &name) || name.kind != VALUE_TEXT) return false;
        if (!value_read(&r, &v) || v.kind != VALUE_TEXT) return false;
        if (slice_eq(name.text, source)) *out = v.text;
        if (arrivals_is(name.text) && !arrivals_load(e->arrivals, name.text, v.text)) return false;
    }
    return true;
}

/* --- ending -------------------------------------------------------------------------------------------------- */

static void engine_fail(struct engine *e, int code, const char *text)
{
    log_line(LOG_ERROR, "%s", text);
    log_line(LOG_ERROR, "stopped at once; the next start goes on from epoch %llu",
             (unsigned long long)(e->epochs ? epochs_number(e->epochs) : e->figures.number));
    _exit(code); /* threads may hold anything: the state file is what counts (crash-only) */
}

static void on_tick(uv_timer_t *timer);

/* The source is in the middle of a call of its own, so the end begins with the next tick, which is now. Others may fail
 * meanwhile (two captures of one interface): they are heard, too. */
static void fail_intake(struct engine *e, int code, const char *text)
{
    log_line(LOG_ERROR, "%s", text);
    if (e->failing) return;
    log_line(LOG_INFO, "a source cannot go on: finishing, then an epoch, then the end");
    e->failing = true;
    e->code = code;
    e->since = uv_hrtime();
    snprintf(e->fault, sizeof e->fault, "%s", text);
    if (e->phase != PHASE_SHUT) uv_timer_start(&e->tick, on_tick, 0, TICK_MS);
}

static void on_intake_fail(struct intake_host *h, const char *text)
{
    fail_intake(container_of(h, struct engine, intake_host), EX_IOERR, text);
}

static int code_of(enum err_code why)
{
    return why == ERR_STATE ? EX_DATAERR : why == ERR_CONFIG ? EX_CONFIG : EX_IOERR;
}

static void on_intake_fail_as(struct intake_host *h, enum err_code why, const char *text)
{
    fail_intake(container_of(h, struct engine, intake_host), code_of(why), text);
}

static void on_intake_distrust(struct intake_host *h, const char *text)
{
    engine_fail(container_of(h, struct engine, intake_host), EX_IOERR, text);
}

static void on_intake_damaged(struct intake_host *h)
{
    container_of(h, struct engine, intake_host)->damaged++;
}

static void on_epochs_fail(struct epochs_host *h, const char *text)
{
    engine_fail(container_of(h, struct engine, epochs_host), EX_IOERR, text);
}

/* No more offers but of what cannot be read again. */
static void engine_stop(struct engine *e)
{
    e->phase = PHASE_DRAIN;
    for (u32 i = 0; i < e->intakes; i++) intake_stop(e->intake[i]);
    engine_stir(e);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct engine *e = handle->data;
    if (e->signalled) {
        log_line(LOG_WARN, "second signal: stopped at once");
        _exit(128 + number);
    }
    e->signalled = true;
    log_line(LOG_INFO, "signal %d: finishing, then an epoch, then the end (again: stop at once)", number);
    if (e->phase != PHASE_RUN || e->failing) return; /* it is on its way */
    if (e->options->once) e->code = EX_TEMPFAIL;
    engine_stop(e);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct engine *e = handle->data;
    (void)number;
    for (u32 s = 0; s < e->recipe->steps; s++)
        if (e->lookup[s]) lookup_poll(e->lookup[s], true);
}

static void on_source_gone(void *arg)
{
    struct engine *e = arg;
    e->gone++;
}

static void figures_take(struct engine *e)
{
    e->figures = (struct figures){ epochs_number(e->epochs), epochs_longest_cut(e->epochs), epochs_bytes(e->epochs),
                                   epochs_recovery(e->epochs) };
}

/* --- figures ------------------------------------------------------------------------------------------------- */

/* Seconds from the first offer to `at`; 0 where that never came. */
static f64 seconds_to(u64 first, u64 at)
{
    return at > first ? (f64)(at - first) / 1e9 : 0.0;
}

/* sources: of stats_sources; at the end, when they are closed, what they had said. */
static void engine_stats(struct engine *e, char *sources)
{
    struct stats s = { .sources = sources };
    u64          first = UINT64_MAX, applied = 0, closed = 0;
    for (u32 i = 0; i < e->intakes; i++) {
        const struct intake *in = e->intake[i];
        if (intake_first_offer(in) && intake_first_offer(in) < first) first = intake_first_offer(in);
        if (intake_last_apply(in) > applied) applied = intake_last_apply(in);
        if (intake_last_close(in) > closed) closed = intake_last_close(in);
        s.lines += intake_ledger(in)->read;
        s.bytes += intake_ledger(in)->bytes;
    }
    if (first == UINT64_MAX) first = e->begin;
    s.applied_s = seconds_to(first, applied);
    s.ranked_s = seconds_to(first, closed);
    s.committed_s = seconds_to(first, e->committed);
    s.run_s = seconds_to(e->begin, uv_hrtime());
    if (e->epochs) figures_take(e);
    s.epochs = e->figures.number;
    s.longest_cut_ns = e->figures.longest_cut;
    s.image_bytes = e->figures.image;
    s.recovery_ns = e->figures.recovery;
    s.state_bytes = flow_memory(e->flow);
    if (!stats_write(e->options->stats, &s) && !e->told_stats) {
        e->told_stats = true;
        log_line(LOG_WARN, "%s: cannot be written: %s", e->options->stats, strerror(errno));
    }
}

static void engine_shut(struct engine *e)
{
    e->phase = PHASE_SHUT;
    if (e->options->stats) e->sources = stats_sources(e->intakes, e->intake);
    uv_close((uv_handle_t *)&e->tick, NULL);
    uv_unref((uv_handle_t *)&e->on_int); /* watched to the end, see close_signals */
    uv_unref((uv_handle_t *)&e->on_term);
    uv_unref((uv_handle_t *)&e->on_hup);
    for (u32 i = 0; i < e->intakes; i++) intake_close(e->intake[i], on_source_gone, e);
    pool_close(e->pool);
    for (u32 s = 0; s < e->recipe->steps; s++)
        if (e->lookup[s]) lookup_close(e->lookup[s]);
    figures_take(e);
    epochs_close(e->epochs);
    e->epochs = NULL;
}

/* --- the loop's turn ----------------------------------------------------------------------------------------- */

static bool all_intakes(const struct engine *e, bool (*is)(const struct intake *))
{
    for (u32 i = 0; i < e->intakes; i++)
        if (!is(e->intake[i])) return false;
    return true;
}

static bool any_intake(const struct engine *e, bool (*is)(struct intake *))
{
    for (u32 i = 0; i < e->intakes; i++)
        if (is(e->intake[i])) return true;
    return false;
}

/* Every `every`, a second after the last where a window closed, at once where rows pile up; not where nothing
 * changed. */
static bool cut_due(const struct engine *e)
{
    if (epochs_writing(e->epochs) || epochs_behind(e->epochs)) return false;
    if (epochs_heavy(e->epochs)) return true;
    u64 since = uv_hrtime() - epochs_last(e->epochs);
    if (any_intake(e, intake_window_closed) && since >= CUT_AFTER_NS) return true;
    return any_intake(e, intake_changed) && since >= (u64)e->recipe->state_every;
}

static bool lookups_busy(const struct engine *e)
{
    for (u32 s = 0; s < e->recipe->steps; s++)
        if (e->lookup[s] && lookup_busy(e->lookup[s])) return true;
    return false;
}

/* Windows stay open where a source failed: nobody asked for an end, and what they lack may come at the next start. */
static void engine_finish(struct engine *e)
{
    if (!e->options->final || e->finished || e->options->once || e->failing) return;
    for (u32 i = 0; i < e->intakes; i++) intake_finish(e->intake[i]);
    e->finished = true;
}

/* What was asked to stop does not wait for a disk that is full: what counts is in the state file, or still in the
 * input. */
static bool stop_stuck(struct engine *e)
{
    if (!e->signalled && !e->failing) return false;
    if (epochs_state_stuck(e->epochs)) engine_fail(e, EX_IOERR, "the last epoch cannot be written");
    if (!epochs_sinks_stuck(e->epochs)) return false;
    if (epochs_writing(e->epochs))
        engine_fail(e, EX_TEMPFAIL, "a sink does not work: what it lacks is read again at the next start");
    log_line(LOG_WARN, "a sink does not work: what it lacks is kept in the state file and delivered at the next start");
    return true;
}

static void turn_last(struct engine *e)
{
    epochs_rest(e->epochs);
    bool stuck = stop_stuck(e);
    if (epochs_writing(e->epochs)) return;
    if (any_intake(e, intake_changed)) {
        epochs_cut(e->epochs);
        return;
    }
    if ((!epochs_idle(e->epochs) && !stuck) || lookups_busy(e)) return;
    e->committed = uv_hrtime();
    engine_shut(e);
}

/* Writing the state takes what it takes; a sink that is slow gets the rest at the next start. */
static void end_in_time(struct engine *e)
{
    if (!e->failing || e->phase == PHASE_RUN || e->phase == PHASE_SHUT) return;
    if (e->phase == PHASE_LAST && epochs_writing(e->epochs)) e->since = uv_hrtime();
    if (uv_hrtime() - e->since < END_NS_MAX) return;
    bool drain = e->phase == PHASE_DRAIN;
    engine_fail(e, e->code, drain ? "a source takes too long to end" : "a sink takes too long to end");
}

/* Of files alone, say: nothing more will come, but nobody said --once. */
static void tell_ended(struct engine *e)
{
    if (e->told_ended || !all_intakes(e, intake_ended)) return;
    e->told_ended = true;
    log_line(LOG_INFO, "all input has ended; waiting for a signal (--once ends here)");
}

static void engine_stir(struct engine *e)
{
    if (!e->opened) return; /* a source that speaks while it opens is heard afterwards */
    if (e->phase != PHASE_SHUT) epochs_stream(e->epochs);
    switch (e->phase) {
    case PHASE_RUN:
        if (cut_due(e)) epochs_cut(e->epochs);
        bool hold = epochs_full(e->epochs);
        for (u32 i = 0; i < e->intakes; i++) intake_hold(e->intake[i], hold);
        if (!e->options->once) tell_ended(e);
        if (!e->options->once || !all_intakes(e, intake_ended)) break;
        e->phase = PHASE_DRAIN;
        /* fall through */
    case PHASE_DRAIN:
        if (!all_intakes(e, intake_quiet)) break;
        engine_finish(e);
        e->phase = PHASE_LAST;
        e->since = uv_hrtime();
        /* fall through */
    case PHASE_LAST: turn_last(e); break;
    case PHASE_SHUT: break;
    }
}

static void on_gathered(struct intake_host *h)
{
    epochs_stream(container_of(h, struct engine, intake_host)->epochs);
}

static void on_stir(struct intake_host *h)
{
    engine_stir(container_of(h, struct engine, intake_host));
}

/* What was applied up to here will not be read again. */
static void tell_saved(struct engine *e)
{
    if (!e->opened || e->phase == PHASE_SHUT || !epochs_everywhere(e->epochs)) return;
    if (e->told_saved == epochs_number(e->epochs)) return;
    e->told_saved = epochs_number(e->epochs);
    for (u32 i = 0; i < e->intakes; i++) intake_saved(e->intake[i]);
}

static void on_settled(struct epochs_host *h)
{
    struct engine *e = container_of(h, struct engine, epochs_host);
    if (e->epochs == NULL) return;
    tell_saved(e);
    engine_stir(e);
}

static void on_job_done(void *arg, struct job *j)
{
    struct engine *e = arg;
    intake_job_done(e->intake[j->plan->source], j);
}

static nanos least_watermark(const struct engine *e)
{
    nanos least = NANOS_MAX;
    for (u32 i = 0; i < e->intakes; i++)
        if (intake_watermark(e->intake[i]) < least) least = intake_watermark(e->intake[i]);
    return least;
}

static void on_tick(uv_timer_t *timer)
{
    struct engine *e = timer->data;
    nanos          now = clock_wall();
    e->ticks++;
    if (e->failing && e->phase == PHASE_RUN) engine_stop(e);
    end_in_time(e);
    if (e->phase == PHASE_RUN && !e->options->once)
        for (u32 i = 0; i < e->intakes; i++) intake_tick(e->intake[i], now);
    for (u32 i = 0; i < e->intakes; i++) intake_tell(e->intake[i], false);
    if (e->ticks % 10 == 0)
        for (u32 s = 0; s < e->recipe->steps && e->phase == PHASE_RUN; s++)
            if (e->lookup[s]) lookup_poll(e->lookup[s], false);
    if (e->ticks % SINK_TICKS == 0 && e->phase == PHASE_RUN) epochs_tick(e->epochs, now, least_watermark(e));
    if (e->ticks % SINK_TICKS == 0 && e->phase == PHASE_RUN && e->options->stats) {
        char *sources = stats_sources(e->intakes, e->intake);
        engine_stats(e, sources);
        free(sources);
    }
    engine_stir(e);
}

/* --- opening ------------------------------------------------------------------------------------------------- */

static bool open_lookups(struct engine *e)
{
    bool good = true;
    e->lookup = arena_array(&e->arena, struct lookup *, e->recipe->steps + 1);
    for (u32 s = 0; s < e->recipe->steps; s++) {
        char why[WHY_MAX];
        if (e->recipe->step[s].kind != STEP_TAG) continue;
        err x = lookup_open(&e->lookup[s], &e->loop, &e->recipe->step[s].tag, why, sizeof why);
        if (!err_is(x)) continue;
        e->lookup[s] = NULL;
        good = false;
        char *rest = why; /* one line a fault */
        for (char *line; (line = strsep(&rest, "\n")) != NULL;) log_line(LOG_ERROR, "tag table: %s", line);
    }
    if (!good) e->code = EX_CONFIG;
    return good;
}

static bool open_pool(struct engine *e)
{
    u32 workers = e->recipe->workers;
    if (workers == 0) workers = (u32)uv_available_parallelism();
    e->plan = arena_array(&e->arena, struct plan, e->recipe->sources);
    for (u32 i = 0; i < e->recipe->sources; i++) plan_init(&e->plan[i], e->recipe, i, &e->arena);
    err x = pool_open(&e->pool, &e->loop, workers, e->recipe->sources, e->plan, on_job_done, e);
    if (!err_is(x)) return true;
    char words[128];
    log_line(LOG_ERROR, "workers: %s", err_text(x, words, sizeof words));
    e->code = EX_CONFIG;
    return false;
}

static bool open_intake(struct engine *e, u32 i, slice saved)
{
    struct intake_setup setup = { .recipe = e->recipe,
                                  .plan = &e->plan[i],
                                  .once = e->options->once,
                                  .fresh = epochs_fresh(e->epochs),
                                  .alone = e->options->alone,
                                  .state = epochs_state(e->epochs) };
    char  why[SNAPSHOT_WHY] = "", words[128];
    slice name = e->recipe->source[i].name;
    err   x = epochs_positions(e->epochs, name, &setup.positions, &setup.position, why);
    if (!err_is(x) && !saved_find(e, saved, name, &setup.saved))
        x = (err){ ERR_STATE, "the engine's saved bytes are damaged", 0 };
    if (!err_is(x)) x = intake_open(&e->intake[i], &e->loop, &e->intake_host, &setup);
    if (!err_is(x)) return true;
    log_line(LOG_ERROR, "source %.*s: %s", (int)name.len, name.at, why[0] ? why : err_text(x, words, sizeof words));
    e->code = code_of(x.code);
    return false;
}

/* A records table of which every sink takes rows ahead of their epoch. */
static void find_ahead(struct engine *e)
{
    const struct recipe *r = e->recipe;
    e->ahead_of = arena_array(&e->arena, bool, r->tables + 1);
    for (u32 s = 0; s < r->steps; s++) {
        u32 table = r->step[s].kind == STEP_RECORDS ? r->step[s].records.table : UINT32_MAX, takers = 0, ahead = 0;
        for (u32 i = 0; table != UINT32_MAX && i < r->sinks; i++) {
            if (!r->sink[i].wanted[table]) continue;
            takers++;
            ahead += sink_ahead(r, i) != AHEAD_NOT;
        }
        if (takers > 0) e->ahead_of[table] = takers == ahead;
    }
}

static bool open_all(struct engine *e)
{
    char  why[WHY_MAX];
    slice saved;
    if (!open_lookups(e) || !open_pool(e)) return false;
    err x = flow_open(&e->flow, e->recipe, e->pool, &e->rows);
    if (err_is(x)) {
        log_line(LOG_ERROR, "windows: %s", err_text(x, why, sizeof why));
        e->code = EX_CONFIG;
        return false;
    }
    x = epochs_open(&e->epochs, &e->loop, e->recipe, e->flow, &e->rows, &e->ahead, &e->epochs_host, &saved, &e->code, why,
                    sizeof why);
    if (err_is(x)) {
        log_line(LOG_ERROR, "%s", why);
        return false;
    }
    e->arrivals = arrivals_open(e->recipe);
    find_ahead(e);
    e->intake_host = (struct intake_host){ e->pool,     e->flow,   &e->rows, &e->ahead,     e->ahead_of,
                                           e->arrivals, e->lookup, on_stir,  on_gathered,
                                           on_intake_fail, on_intake_distrust, on_intake_damaged, on_intake_fail_as };
    e->intake = arena_array(&e->arena, struct intake *, e->recipe->sources + 1);
    for (u32 i = 0; i < e->recipe->sources; i++) {
        if (!open_intake(e, i, saved)) return false;
        e->intakes++;
    }
    return true;
}

static void open_signals(struct engine *e)
{
    uv_signal_init(&e->loop, &e->on_int);
    uv_signal_init(&e->loop, &e->on_term);
    uv_signal_init(&e->loop, &e->on_hup);
    uv_timer_init(&e->loop, &e->tick);
    e->on_int.data = e->on_term.data = e->on_hup.data = e->tick.data = e;
    uv_signal_start(&e->on_int, on_signal, SIGINT);
    uv_signal_start(&e->on_term, on_signal, SIGTERM);
    uv_signal_start(&e->on_hup, on_hangup, SIGHUP);
    uv_timer_start(&e->tick, on_tick, TICK_MS, TICK_MS);
}

/* A signal that comes when all is done must not make a failure of it. */
static void close_signals(struct engine *e)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    uv_close((uv_handle_t *)&e->on_int, NULL);
    uv_close((uv_handle_t *)&e->on_term, NULL);
    uv_close((uv_handle_t *)&e->on_hup, NULL);
    uv_run(&e->loop, UV_RUN_DEFAULT);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void log_ledgers(const struct engine *e)
{
    for (u32 i = 0; i < e->intakes; i++) {
        const struct ledger *l = intake_ledger(e->intake[i]);
        slice                name = intake_name(e->intake[i]);
        log_line(LOG_INFO,
                 "source %.*s: in all read %llu = applied %llu + late %llu + duplicate %llu + filtered %llu + "
                 "rejected %llu + lost %llu",
                 (int)name.len, name.at, (unsigned long long)l->read, (unsigned long long)l->applied,
                 (unsigned long long)l->late, (unsigned long long)l->duplicate, (unsigned long long)l->filtered,
                 (unsigned long long)l->rejected, (unsigned long long)l->lost);
        const struct expr_counts *v = intake_values(e->intake[i]);
        if (v->overflow == 0 && v->by_zero == 0) continue;
        log_line(LOG_WARN, "source %.*s: derived values left empty: %llu out of range, %llu divided by zero",
                 (int)name.len, name.at, (unsigned long long)v->overflow, (unsigned long long)v->by_zero);
    }
}

static void log_state(const struct engine *e)
{
    log_line(LOG_INFO, "%.*s: ended with epoch %llu; windows that are open or kept take %llu bytes of memory",
             (int)e->recipe->name.len, e->recipe->name.at, (unsigned long long)e->figures.number,
             (unsigned long long)flow_memory(e->flow));
}

/* The end's own code comes before what the input was like. */
static int engine_code(const struct engine *e)
{
    if (e->failing)
        log_line(LOG_ERROR, "ended with epoch %llu, since %s", (unsigned long long)e->figures.number, e->fault);
    if (e->code != EX_OK || !e->options->once || e->damaged == 0) return e->code;
    log_line(LOG_WARN, "the input was damaged in %llu places: all that can be read is applied",
             (unsigned long long)e->damaged);
    return EX_DATAERR;
}

int engine_run(const struct recipe *r, const struct engine_options *options)
{
    struct engine e = { .recipe = r, .options = options, .begin = uv_hrtime() };
    signal(SIGPIPE, SIG_IGN);
    WEIR_ASSERT(uv_loop_init(&e.loop) == 0);
    arena_init(&e.arena, 0);
    row_writer_init(&e.rows);
    row_writer_init(&e.ahead);
    e.epochs_host = (struct epochs_host){ on_settled, on_collect, on_epochs_fail };
    open_signals(&e);
    if (!open_all(&e)) { /* a sink's thread may be at work on an outbox it lacked: nothing that it uses may be freed */
        fflush(NULL);
        _exit(e.code ? e.code : EX_SOFTWARE);
    }
    log_line(LOG_INFO, "%.*s: running from epoch %llu with %u workers", (int)r->name.len, r->name.at,
             (unsigned long long)epochs_number(e.epochs), pool_workers(e.pool));
    e.opened = true;
    engine_stir(&e);
    uv_run(&e.loop, UV_RUN_DEFAULT);
    close_signals(&e);
    WEIR_ASSERT(e.gone == e.intakes);
    for (u32 i = 0; i < e.intakes; i++) intake_tell(e.intake[i], true);
    log_ledgers(&e);
    if (!options->once) log_state(&e); /* there all windows are closed and gone */
    if (options->stats) engine_stats(&e, e.sources);
    free(e.sources);
    for (u32 i = 0; i < e.intakes; i++) intake_free(e.intake[i]);
    flow_close(e.flow);
    arrivals_close(e.arrivals);
    row_writer_fini(&e.rows);
    row_writer_fini(&e.ahead);
    arena_fini(&e.arena);
    WEIR_ASSERT(uv_loop_close(&e.loop) == 0);
    return engine_code(&e);
}
