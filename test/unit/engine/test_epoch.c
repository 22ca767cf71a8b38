/* SPDX-License-Identifier: Apache-2.0 */
/* test_epoch.c: epochs between a real state file and sinks that only remember what they were given.
 *
 * The recipe has no sources and no steps: rows are put into the writer as a window would. A run is opened, given rows,
 * and ended as the engine does it; several runs on one folder are restarts. */
#include "engine/epoch.h"

#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SINKS   2u
#define EPOCHS_ 64u

/* A sink's file: lives over restarts. On the sink's thread while a run is open, on the test's else. */
struct fake {
    u64  epoch;
    u64  given[EPOCHS_]; /* numbers of the epochs applied */
    u32  count;
    u32  failing; /* so many applies fail first           */
    u32  ticks;
    bool restless; /* tick always has more to do */
    enum sink_ahead ahead;
    bool dies;     /* the process ends when it is to settle              */
    u32  unsettled; /* so many settles fail first                        */
    u32  unstreamed; /* so many streams fail first                       */
    bool dies_applying;
    u64  want;      /* bytes of the epoch it died of                     */
    bool forgets;   /* what was streamed, once                           */
    u64  held;      /* bytes streamed since the last epoch               */
    u64  had[EPOCHS_]; /* bytes that came with an epoch and ahead of it   */
    char order[EPOCHS_]; /* s: stream, S: settled, h: held, f: forgotten, a: an epoch */
};

struct sink {
    struct fake *fake;
};

static err fake_open(struct sink **out, const struct sink_setup *setup, char *why, size_t room)
{
    (void)why, (void)room;
    *out = malloc(sizeof **out);
    assert_non_null(*out);
    (*out)->fake = *(struct fake *const *)setup->options;
    return OK;
}

static err fake_epoch(struct sink *s, u64 *out)
{
    *out = s->fake->epoch;
    return OK;
}

static err fake_apply(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    if (s->fake->dies_applying) _exit(9);
    if (s->fake->failing) {
        s->fake->failing--;
        snprintf(why, room, "no space left");
        return (err){ ERR_OS, "write", 28 };
    }
    assert_true(s->fake->count < EPOCHS_);
    s->fake->order[strlen(s->fake->order)] = 'a';
    s->fake->given[s->fake->count++] = number;
    s->fake->had[number] = s->fake->held + rows.len;
    s->fake->held = 0;
    s->fake->epoch = number;
    return OK;
}

static enum sink_ahead fake_ahead(const void *options, nanos every)
{
    return (*(struct fake *const *)options)->ahead;
}

static err fake_stream(struct sink *s, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    assert_true(rows.len > 0);
    if (s->fake->unstreamed) {
        s->fake->unstreamed--;
        snprintf(why, room, "no broker");
        return (err){ ERR_OS, "produce", 111 };
    }
    s->fake->order[strlen(s->fake->order)] = 's';
    s->fake->held += rows.len;
    return OK;
}

static err fake_settle(struct sink *s, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    if (s->fake->dies) _exit(9);
    if (s->fake->unsettled) {
        s->fake->unsettled--;
        snprintf(why, room, "no broker");
        return (err){ ERR_OS, "flush", 111 };
    }
    s->fake->order[strlen(s->fake->order)] = 'S';
    return OK;
}

/* Is what was streamed still there? One that forgets says no, and takes it again. */
static err fake_holds(struct sink *s, u64 number, u64 bytes, bool *all, char *why, size_t room, bool *fatal)
{
    (void)why, (void)room;
    *fatal = false;
    *all = s->fake->held == bytes && !s->fake->forgets;
    if (!*all) s->fake->held = 0;
    s->fake->forgets = false;
    s->fake->order[strlen(s->fake->order)] = *all ? 'h' : 'f';
    return OK;
}

static bool fake_tick(struct sink *s, nanos now, nanos watermark)
{
    (void)now, (void)watermark;
    s->fake->ticks++;
    return s->fake->restless;
}

static void fake_close(struct sink *s)
{
    free(s);
}

static const struct sink_type fake_type = { .name = "fake",      .open = fake_open,     .epoch = fake_epoch,
                                            .apply = fake_apply, .ahead = fake_ahead,   .stream = fake_stream,
                                            .tick = fake_tick,   .settle = fake_settle, .holds = fake_holds,
                                            .close = fake_close };

/* A folder with a state file, two sinks, and a run on them. */
struct rig {
    char               folder[64], path[96], why[2048];
    int                code;
    bool               wanted[1];
    struct fake        fake[SINKS];
    struct fake       *lent[SINKS];
    struct recipe_sink sink[SINKS];
    struct table       table;
    struct recipe      recipe;
    struct recipe_step step;
    uv_loop_t          loop;
    struct flow       *flow;
    struct row_writer  rows, ahead;
    struct epochs_host host;
    struct epochs     *epochs;
};

static void on_settled(struct epochs_host *h)
{
    (void)h;
}

static void on_fail(struct epochs_host *h, const char *text)
{
    (void)h;
    fail_msg("%s", text);
}

/* The engine's bytes begin with these two: see epoch.h. */
static void on_collect(struct epochs_host *h, struct cut *to)
{
    struct rig       *r = container_of(h, struct rig, host);
    struct row_writer bytes;
    row_writer_init(&bytes);
    row_u64(&bytes, EPOCH_SAVED_MAGIC);
    row_u64(&bytes, epochs_tables_mark(&r->recipe));
    cut_engine(to, slice_of((const char *)bytes.at, bytes.len));
    row_writer_fini(&bytes);
}

static int set_up(void **state)
{
    struct rig *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* run_refused */
    if (r == MAP_FAILED) return -1;
    strcpy(r->folder, "/tmp/weir-epoch-XXXXXX");
    if (mkdtemp(r->folder) == NULL) return -1;
    snprintf(r->path, sizeof r->path, "%s/state.db", r->folder);
    r->host = (struct epochs_host){ on_settled, on_collect, on_fail };
    r->table = (struct table){ .name = S("talks") };
    r->recipe = (struct recipe){ .name = S("test"), .state_path = r->path, .sinks = 1, .tables = 1 };
    r->recipe.sink = r->sink;
    r->recipe.table = &r->table;
    r->step = (struct recipe_step){ .kind = STEP_RECORDS };
    r->recipe.step = &r->step;
    r->recipe.steps = 1;
    r->wanted[0] = true;
    for (u32 i = 0; i < SINKS; i++) {
        r->lent[i] = &r->fake[i];
        r->sink[i] = (struct recipe_sink){ .name = i ? S("second") : S("first"), .type = &fake_type,
                                           .options = &r->lent[i], .wanted = r->wanted };
    }
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    char        command[128];
    snprintf(command, sizeof command, "rm -rf %s", r->folder);
    int code = system(command);
    munmap(r, sizeof *r);
    return code;
}

/* A start; false: it was refused (r->why, r->code). */
static bool run_begin(struct rig *r)
{
    slice saved;
    assert_int_equal(uv_loop_init(&r->loop), 0);
    row_writer_init(&r->rows);
    row_writer_init(&r->ahead);
    assert_false(err_is(flow_open(&r->flow, &r->recipe, NULL, &r->rows)));
    err e = epochs_open(&r->epochs, &r->loop, &r->recipe, r->flow, &r->rows, &r->ahead, &r->host, &saved, &r->code,
                        r->why, sizeof r->why);
    return !err_is(e);
}

static void run_until_idle(struct rig *r)
{
    while (!epochs_idle(r->epochs)) uv_run(&r->loop, UV_RUN_ONCE);
}

/* A start that is refused ends the process, and gives nothing back: so it has a process of its own. Waits until a sink
 * that was given something would have it. */
static void run_refused(struct rig *r)
{
    int   status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool began = run_begin(r);
        usleep(50000);
        _exit(began ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Rows of at least `bytes` bytes, then an epoch; done when all sinks have it. */
static void run_epoch(struct rig *r, size_t bytes)
{
    static const char text[1000];
    for (size_t n = 0; n < bytes; n += sizeof text) row_text(&r->rows, slice_of(text, sizeof text));
    assert_true(epochs_cut(r->epochs));
    run_until_idle(r);
}

static void run_end(struct rig *r)
{
    epochs_close(r->epochs);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    flow_close(r->flow);
    row_writer_fini(&r->rows);
    row_writer_fini(&r->ahead);
}

/* A run of so many epochs. */
static void run_epochs(struct rig *r, u32 epochs)
{
    assert_true(run_begin(r));
    while (epochs--) run_epoch(r, 1000);
    run_end(r);
}

static void assert_given(const struct fake *f, u64 first, u64 last)
{
    assert_int_equal(f->count, last - first + 1);
    for (u32 i = 0; i < f->count; i++) assert_int_equal(f->given[i], first + i);
}

static void each_epoch_comes_once_and_in_order_over_restarts(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 3);
    run_epochs(r, 2);
    assert_given(&r->fake[0], 1, 5);
}

static void rows_of_one_window_may_be_more_than_the_backlog_takes(void **state)
{
    struct rig *r = *state;
    static const char text[1000];
    assert_true(run_begin(r));
    for (u32 n = 0; n < 120000; n++) row_text(&r->rows, slice_of(text, sizeof text));
    assert_true(epochs_full(r->epochs)); /* sources are held ... */
    assert_true(epochs_heavy(r->epochs));
    assert_false(epochs_behind(r->epochs)); /* ... but nothing keeps the cut that frees them */
    run_epoch(r, 0);
    assert_false(epochs_full(r->epochs));
    run_end(r);
    assert_given(&r->fake[0], 1, 1);
}

static void a_sink_that_fails_gets_the_same_epoch_again(void **state)
{
    struct rig *r = *state;
    r->fake[0].failing = 1;
    run_epochs(r, 2);
    assert_int_equal(r->fake[0].failing, 0);
    assert_given(&r->fake[0], 1, 2);
}

static void a_sink_that_lacks_the_last_epoch_gets_it_at_the_start(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 3);
    r->fake[0] = (struct fake){ .epoch = 2 };
    assert_true(run_begin(r));
    run_until_idle(r);
    run_end(r);
    assert_given(&r->fake[0], 3, 3);
}

static void a_sink_that_is_an_old_copy_is_refused_and_given_nothing(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 4);
    r->fake[0] = (struct fake){ .epoch = 1 };
    run_refused(r);
    assert_int_equal(r->code, 65);
    assert_non_null(strstr(r->why, "old copy"));
    assert_int_equal(r->fake[0].count, 0);
}

static void a_sink_that_is_ahead_of_the_state_is_refused(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 2);
    r->fake[0].epoch = 3;
    run_refused(r);
    assert_int_equal(r->code, 65);
}

static void a_new_sink_begins_with_what_is_still_there(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 3);
    r->recipe.sinks = 2;
    run_epochs(r, 1);
    assert_given(&r->fake[0], 1, 4);
    assert_given(&r->fake[1], 3, 4);
}

static void a_new_sink_gets_no_results_made_for_other_tables(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 3);
    r->recipe.sinks = 2;
    r->table.name = S("other");
    run_epochs(r, 2);
    assert_given(&r->fake[0], 1, 5);
    assert_given(&r->fake[1], 4, 5);
}

static void results_that_a_sink_lacks_keep_the_tables_from_changing(void **state)
{
    struct rig *r = *state;
    run_epochs(r, 3);
    r->fake[0].epoch = 2;
    r->table.name = S("other");
    run_refused(r);
    assert_int_equal(r->code, 78);
    assert_non_null(strstr(r->why, "first"));
    assert_int_equal(r->fake[0].count, 3);
}

static void idle_work_without_end_does_not_keep_the_process_from_ending(void **state)
{
    struct rig *r = *state;
    r->fake[0].restless = true;
    assert_true(run_begin(r));
    epochs_tick(r->epochs, 0, 0);
    for (u32 i = 0; i < 5; i++) uv_run(&r->loop, UV_RUN_ONCE);
    assert_false(epochs_idle(r->epochs));
    epochs_rest(r->epochs);
    run_until_idle(r);
    assert_true(r->fake[0].ticks >= 2);
    run_end(r);
}

static void rows_ahead_of_their_epoch_are_settled_before_it_is_written(void **state)
{
    struct rig *r = *state;
    r->fake[0].ahead = AHEAD_SETTLES;
    r->fake[0].unsettled = 1;
    assert_true(run_begin(r));
    row_text(&r->ahead, S("a row"));
    epochs_stream(r->epochs);
    row_text(&r->ahead, S("gathers while the sink is at work"));
    epochs_stream(r->epochs);
    assert_true(r->ahead.len > 0);
    assert_true(epochs_cut(r->epochs));
    assert_int_equal(r->ahead.len, 0);
    run_until_idle(r);
    run_end(r);
    assert_string_equal(r->fake[0].order, "ssSa");
}

static void an_epoch_whose_rows_were_not_settled_was_never(void **state)
{
    struct rig *r = *state;
    int         status = 0;
    run_epochs(r, 1);
    r->fake[0].ahead = AHEAD_SETTLES;
    r->fake[0].dies = true;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) run_epochs(r, 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    assert_true(run_begin(r));
    assert_int_equal(epochs_number(r->epochs), 1);
    run_end(r);
}

/* A row ahead of the epoch, and one with it. */
static u64 run_streamed(struct rig *r)
{
    row_text(&r->ahead, S("ahead of its epoch"));
    u64 bytes = r->ahead.len;
    epochs_stream(r->epochs);
    row_text(&r->ahead, S("while the sink is at work"));
    row_text(&r->rows, S("with it"));
    bytes = r->fake[0].want = bytes + r->ahead.len + r->rows.len;
    assert_true(epochs_cut(r->epochs));
    row_text(&r->ahead, S("of the next epoch"));
    epochs_stream(r->epochs);
    assert_true(r->ahead.len > 0); /* it waits until the sink was given this one */
    run_until_idle(r);
    r->ahead.len = 0;
    return bytes;
}

static void a_sink_that_holds_gets_what_was_streamed_once(void **state)
{
    struct rig *r = *state;
    r->fake[0].ahead = AHEAD_HOLDS;
    assert_true(run_begin(r));
    u64 bytes = run_streamed(r);
    run_end(r);
    assert_string_equal(r->fake[0].order, "ssha");
    assert_int_equal(r->fake[0].had[1], bytes);
}

static void a_sink_that_forgot_what_was_streamed_gets_it_again(void **state)
{
    struct rig *r = *state;
    r->fake[0].ahead = AHEAD_HOLDS;
    r->fake[0].forgets = true;
    assert_true(run_begin(r));
    u64 bytes = run_streamed(r);
    run_end(r);
    assert_string_equal(r->fake[0].order, "ssfsa");
    assert_int_equal(r->fake[0].had[1], bytes);
}

/* The process ends between the state's epoch and the sink's. */
static void streamed_and_killed(struct rig *r)
{
    int   status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        r->fake[0].dies_applying = true;
        assert_true(run_begin(r));
        run_streamed(r);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    r->fake[0].dies_applying = false;
    r->fake[0].held = 0;
    memset(r->fake[0].order, 0, sizeof r->fake[0].order);
}

static void what_was_streamed_comes_again_after_a_kill(void **state)
{
    struct rig *r = *state;
    r->fake[0].ahead = AHEAD_HOLDS;
    streamed_and_killed(r);
    assert_true(run_begin(r));
    run_until_idle(r);
    run_end(r);
    assert_string_equal(r->fake[0].order, "fsa");
    assert_int_equal(r->fake[0].had[1], r->fake[0].want);
}

/* Of a sink that lost some of an epoch, the rest of it is let go of, too, and all comes again: so it must not grow. */
static void an_epoch_of_which_rows_were_lost_is_cut_at_once(void **state)
{
    struct rig *r = *state;
    r->fake[0].ahead = AHEAD_HOLDS;
    r->fake[0].unstreamed = 1;
    assert_true(run_begin(r));
    row_text(&r->ahead, S("a row"));
    epochs_stream(r->epochs);
    assert_false(epochs_heavy(r->epochs));
    while (!epochs_heavy(r->epochs)) uv_run(&r->loop, UV_RUN_ONCE);
    assert_true(epochs_cut(r->epochs));
    assert_false(epochs_heavy(r->epochs));
    run_until_idle(r);
    assert_false(epochs_heavy(r->epochs));
    run_end(r);
    assert_int_equal(r->fake[0].epoch, 1);
}

static void what_was_streamed_comes_with_the_epoch_to_a_sink_that_takes_nothing_ahead_any_more(void **state)
{
    struct rig *r = *state;
    r->fake[0].ahead = AHEAD_HOLDS;
    streamed_and_killed(r);
    r->fake[0].ahead = AHEAD_NOT;
    assert_true(run_begin(r));
    run_until_idle(r);
    run_end(r);
    assert_string_equal(r->fake[0].order, "a");
    assert_int_equal(r->fake[0].had[1], r->fake[0].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sink_that_holds_gets_what_was_streamed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_that_forgot_what_was_streamed_gets_it_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_epoch_of_which_rows_were_lost_is_cut_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_streamed_comes_again_after_a_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_streamed_comes_with_the_epoch_to_a_sink_that_takes_nothing_ahead_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_epoch_comes_once_and_in_order_over_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_of_one_window_may_be_more_than_the_backlog_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_that_fails_gets_the_same_epoch_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_that_lacks_the_last_epoch_gets_it_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_that_is_an_old_copy_is_refused_and_given_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_that_is_ahead_of_the_state_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_sink_begins_with_what_is_still_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_sink_gets_no_results_made_for_other_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(results_that_a_sink_lacks_keep_the_tables_from_changing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_ahead_of_their_epoch_are_settled_before_it_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_epoch_whose_rows_were_not_settled_was_never, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_work_without_end_does_not_keep_the_process_from_ending, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
