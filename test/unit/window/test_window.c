/* SPDX-License-Identifier: Apache-2.0 */
/* test_window.c: panes in time, late comers, limits, feeds and cascades. Time is a number. Images: test_image.c. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct rig rig_of_tests(void **state)
{
    return *(struct rig *)*state;
}

/* Starts (in seconds) and reasons of closed panes, in the order told. */
struct told {
    u32               n;
    i64               start[64];
    enum close_reason why[64];
    u64               records[64];
};

static u64 pane_records(const struct pane *p)
{
    u64 sum = 0;
    for (u32 i = 0; i < groups_count(&p->groups); i++) sum += groups_row(&p->groups, i)->records;
    return sum;
}

static void tell(void *arg, struct panes of)
{
    struct told       *t = arg;
    const struct pane *p = of.at[0];
    assert_int_equal(of.count, 1);
    assert_true(t->n < WEIR_COUNT(t->start));
    t->start[t->n] = p->start / SEC;
    t->why[t->n] = p->why;
    t->records[t->n++] = pane_records(p);
}

static struct told advance(struct window *w, i64 second, enum close_reason why)
{
    struct told t = { 0 };
    window_advance(w, second * SEC, why, tell, &t);
    return t;
}

/* --- time --- */

static void windows_close_in_order_and_say_why(void **state)
{
    static const struct {
        i64               to;
        enum close_reason why;
        u32               closed;
        i64               start[4];
    } steps[] = {
        { 59, CLOSE_WATERMARK, 0, { 0 } },      { 60, CLOSE_SEALED, 1, { 0 } },
        { 60, CLOSE_IDLE, 0, { 0 } },           { 30, CLOSE_IDLE, 0, { 0 } },
        { 250, CLOSE_WATERMARK, 2, { 60, 120 } }, { 400, CLOSE_IDLE, 1, { 300 } },
        { 10000, CLOSE_END, 1, { 660 } },
    };
    static const struct talk talks[] = { { 130, 1, 2 }, { 0, 1, 2 }, { 61, 1, 2 }, { 700, 2, 1 },
                                            { 359, 3, 1 }, { 59, 1, 1 } };
    struct rig               r = rig_of_tests(state);
    struct window           *w = rig_window(&r.raw, 60, 0, 100, 100, 0);
    struct window_push_counts c = rig_push(&r, w, &r.same_raw, talks, WEIR_COUNT(talks));
    assert_int_equal(c.applied, 6);
    assert_int_equal(window_panes(w), 5);
    for (u32 i = 0; i < WEIR_COUNT(steps); i++) {
        struct told t = advance(w, steps[i].to, steps[i].why);
        assert_int_equal(t.n, steps[i].closed);
        for (u32 j = 0; j < t.n; j++) {
            assert_int_equal(t.start[j], steps[i].start[j]);
            assert_int_equal(t.why[j], steps[i].why);
        }
    }
    assert_int_equal(window_panes(w), 0); /* lateness 0: none is kept */
    window_close(w);
}

static void time_never_goes_back(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 0, 100, 100, 0);
    assert_true(window_watermark(w) == NANOS_MIN);
    advance(w, 100, CLOSE_WATERMARK);
    advance(w, 50, CLOSE_WATERMARK);
    assert_true(window_watermark(w) == 100 * SEC);
    window_close(w);
}

static void a_pane_is_kept_for_its_lateness(void **state)
{
    static const struct {
        i64 to;
        u32 panes;
    } steps[] = { { 60, 2 }, { 120, 2 }, { 179, 2 }, { 180, 1 }, { 239, 1 }, { 240, 0 } };
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 120, 100, 100, 0);
    rig_push1(&r, w, rig_talk(0, 1, 2, 1, 1));
    rig_push1(&r, w, rig_talk(60, 1, 2, 1, 1));
    for (u32 i = 0; i < WEIR_COUNT(steps); i++) {
        advance(w, steps[i].to, CLOSE_SEALED);
        assert_int_equal(window_panes(w), steps[i].panes);
    }
    window_close(w);
}

static void idle_time_can_close_up_to_the_latest_open_pane(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 600, 100, 100, 0);
    assert_true(window_latest(w) == NANOS_MIN);
    rig_push1(&r, w, rig_talk(10, 1, 2, 1, 1));
    rig_push1(&r, w, rig_talk(70, 1, 2, 1, 1));
    assert_true(window_latest(w) == 120 * SEC);
    assert_true(window_due(w, 59 * SEC) == NANOS_MIN);
    assert_true(window_due(w, 60 * SEC) == 60 * SEC);
    assert_true(window_due(w, 119 * SEC) == 60 * SEC);
    assert_true(window_due(w, 500 * SEC) == 120 * SEC);
    struct told t = advance(w, window_latest(w) / SEC, CLOSE_IDLE);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.why[1], CLOSE_IDLE);
    assert_true(window_latest(w) == NANOS_MIN); /* kept panes are not open */
    assert_true(window_due(w, 500 * SEC) == NANOS_MIN);
    window_close(w);
}

static void the_end_closes_all_and_keeps_the_watermark(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 0, 100, 100, 0);
    struct told    t = { 0 };
    advance(w, 30, CLOSE_SEALED);
    rig_push1(&r, w, rig_talk(150, 1, 2, 1, 1));
    rig_push1(&r, w, rig_talk(40, 1, 2, 1, 1));
    window_end(w, tell, &t);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.start[0], 0);
    assert_int_equal(t.start[1], 120);
    assert_int_equal(t.why[1], CLOSE_END);
    assert_true(window_watermark(w) == 30 * SEC);

    /* Input after the end amends what was closed, and opens what was not there. */
    struct window_push_counts c = rig_push1(&r, w, rig_talk(41, 1, 2, 1, 1));
    assert_int_equal(c.amended, 1);
    c = rig_push1(&r, w, rig_talk(70, 1, 2, 1, 1));
    assert_int_equal(c.amended, 0);
    assert_int_equal(c.applied, 1);
    assert_true(window_flush_due(w));
    window_flush(w, tell, &t);
    groups_reset(window_delta(w));
    t = advance(w, 500, CLOSE_SEALED); /* only the pane of 60 was open */
    assert_int_equal(t.n, 1);
    assert_int_equal(t.start[0], 60);
    assert_int_equal(window_panes(w), 0);
    window_close(w);
}

/* --- late comers --- */

static struct told flush(struct window *w)
{
    struct told t = { 0 };
    window_flush(w, tell, &t);
    return t;
}

struct revised {
    u32 rows, amended, revision;
};

static void tell_revised(void *arg, struct panes of)
{
    const struct pane *p = of.at[0];
    struct revised *v = arg;
    for (u32 i = 0; i < groups_count(&p->groups); i++) {
        const struct group_row *row = groups_row(&p->groups, i);
        v->rows++;
        if (!(row->flags & GROUP_AMENDED)) continue;
        v->amended++;
        v->revision = row->revision;
    }
}

static void a_late_record_amends_its_row_and_is_collected_for_the_windows_above(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 300, 100, 100, 0);
    rig_push1(&r, w, rig_talk(10, 1, 2, 100, 7));
    rig_push1(&r, w, rig_talk(10, 3, 2, 1, 1));
    advance(w, 60, CLOSE_SEALED);
    assert_false(window_flush_due(w));

    struct window_push_counts c = rig_push1(&r, w, rig_talk(59, 1, 2, 50, 3));
    assert_int_equal(c.applied, 1);
    assert_int_equal(c.amended, 1);
    struct groups *delta = window_delta(w);
    assert_int_equal(groups_count(delta), 1);
    u32 d = rig_find(delta, 0, "10.1.0.0/16|10.2.0.0/16|6|site-1|site-2");
    assert_int_not_equal(d, UINT32_MAX);
    assert_int_equal(rig_sums(delta, d).src_bytes, 50); /* the difference, not the sum */
    assert_int_equal(rig_sums(delta, d).records, 1);
    groups_reset(delta);

    const struct groups *g = &window_pane(w, 0)->groups;
    u32                  i = rig_find(g, 0, "10.1.0.0/16|10.2.0.0/16|6|site-1|site-2");
    assert_int_equal(rig_sums(g, i).src_bytes, 150);
    assert_int_equal(groups_row(g, i)->revision, 0); /* raised when it is told */
    for (u32 revision = 1; revision <= 2; revision++) {
        struct revised v = { 0 };
        assert_true(window_flush_due(w));
        window_flush(w, tell_revised, &v);
        assert_int_equal(v.rows, 2);
        assert_int_equal(v.amended, 1);
        assert_int_equal(v.revision, revision);
        assert_int_equal(window_pane(w, 0)->revision, revision);
        assert_int_equal(flush(w).n, 0);
        rig_push1(&r, w, rig_talk(59, 1, 2, 1, 1));
        groups_reset(delta);
    }
    window_close(w);
}

static void a_new_key_in_a_closed_window_is_revision_one(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 300, 100, 100, 0);
    rig_push1(&r, w, rig_talk(10, 1, 2, 100, 7));
    advance(w, 60, CLOSE_SEALED);
    rig_push1(&r, w, rig_talk(10, 4, 2, 1, 1));
    struct revised v = { 0 };
    window_flush(w, tell_revised, &v);
    assert_int_equal(v.rows, 2);
    assert_int_equal(v.amended, 1);
    assert_int_equal(v.revision, 1);
    window_close(w);
}

static void a_window_that_was_empty_when_it_closed_is_made_for_a_late_record(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 120, 100, 100, 0);
    advance(w, 100, CLOSE_IDLE);
    struct window_push_counts c = rig_push1(&r, w, rig_talk(10, 1, 2, 1, 1));
    assert_int_equal(c.amended, 1);
    assert_int_equal(c.late, 0);
    assert_int_equal(window_pane(w, 0)->state, PANE_KEPT);
    assert_int_equal(window_pane(w, 0)->why, CLOSE_IDLE);
    assert_int_equal(groups_count(window_delta(w)), 1);
    assert_int_equal(advance(w, 120, CLOSE_SEALED).n, 0); /* not closed twice */
    assert_int_equal(flush(w).n, 1);
    window_close(w);
}

static void a_record_later_than_the_lateness_is_collected_as_late(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 120, 100, 100, 0);
    rig_push1(&r, w, rig_talk(10, 1, 2, 1, 1));
    advance(w, 180, CLOSE_SEALED);
    const struct talk         talks[] = { rig_talk(59, 1, 2, 5, 1), rig_talk(59, 1, 2, 6, 1),
                                          rig_talk(-1, 1, 2, 9, 1) };
    struct window_push_counts c = rig_push(&r, w, &r.same_raw, talks, 3);
    assert_int_equal(c.applied, 0);
    assert_int_equal(c.late, 3);
    struct groups *late = window_late(w);
    assert_int_equal(groups_count(late), 2);
    assert_int_equal(rig_sums(late, rig_find(late, 0, "10.1.0.0/16|10.2.0.0/16|6|site-1|site-2")).src_bytes, 11);
    assert_int_equal(rig_sums(late, rig_find(late, -60, "10.1.0.0/16|10.2.0.0/16|6|site-1|site-2")).src_bytes, 9);
    assert_int_equal(groups_count(window_delta(w)), 0);
    assert_int_equal(window_panes(w), 0);
    window_close(w);
}

static void an_amended_pane_past_its_lateness_is_told_before_it_goes_but_takes_no_more(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 120, 100, 100, 0);
    rig_push1(&r, w, rig_talk(10, 1, 2, 1, 1));
    advance(w, 60, CLOSE_SEALED);
    rig_push1(&r, w, rig_talk(10, 1, 2, 1, 1));
    advance(w, 1000, CLOSE_SEALED);
    assert_int_equal(window_panes(w), 1);
    assert_int_equal(rig_push1(&r, w, rig_talk(10, 1, 2, 1, 1)).late, 1);
    struct told t = flush(w);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.records[0], 2);
    assert_int_equal(window_panes(w), 0);
    window_close(w);
}

/* --- limits --- */

static void a_row_that_needs_one_pane_too_many_is_late(void **state)
{
    struct rig        r = rig_of_tests(state);
    struct window    *w = rig_window(&r.raw, 60, 0, 100, 2, 0);
    const struct talk talks[] = { rig_talk(0, 1, 2, 1, 1), rig_talk(60, 1, 2, 1, 1), rig_talk(120, 1, 2, 1, 1),
                                  rig_talk(1, 2, 2, 1, 1) };
    struct window_push_counts c = rig_push(&r, w, &r.same_raw, talks, 4);
    assert_int_equal(c.applied, 3);
    assert_int_equal(c.late, 1);
    assert_int_equal(groups_row(window_late(w), 0)->start, 120 * SEC);
    assert_int_equal(window_panes(w), 2);
    advance(w, 60, CLOSE_SEALED); /* one is free again */
    assert_int_equal(rig_push1(&r, w, rig_talk(120, 1, 2, 1, 1)).applied, 1);
    window_close(w);
}

static void groups_beyond_the_limit_count_as_other(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 0, 3, 10, 0);
    struct talk    talks[200];
    u64            bytes = 0;
    for (u32 i = 0; i < 200; i++) {
        talks[i] = rig_talk(5, 1 + i % 6, 1 + i % 5, i, 1);
        bytes += i;
    }
    rig_push(&r, w, &r.same_raw, talks, 200);
    const struct groups *g = &window_pane(w, 0)->groups;
    assert_int_equal(groups_count(g), 4);
    assert_int_not_equal(g->other, 0);
    u64 sum = 0;
    for (u32 i = 0; i < 4; i++) sum += rig_sums(g, i).src_bytes;
    assert_int_equal(sum, bytes);
    assert_int_equal(window_full(w), groups_row(g, g->other - 1)->records);
    char key[64];
    rig_key(g, g->other - 1, key, sizeof key);
    assert_string_equal(key, "-|-|-|-|-");

    /* In the window above the `other` row stays `other`, whatever the feed. */
    const struct feed *feeds[] = { &r.by_src, &r.both };
    for (u32 f = 0; f < 2; f++) {
        struct window            *site = rig_window(&r.site, 60, 0, 100, 10, 0);
        struct window_push_counts c = { 0 };
        window_push(site, feeds[f], g, &c);
        const struct groups *s = &window_pane(site, 0)->groups;
        assert_int_equal(c.applied, 200);
        assert_int_equal(groups_row(s, s->other - 1)->records, window_full(w));
        assert_int_equal(window_full(site), window_full(w));
        window_close(site);
    }
    window_close(w);
}

static void a_key_without_room_in_the_dictionary_counts_as_other(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.site, 60, 0, 100, 10, 0);
    struct talk    first = rig_talk(1, 1, 1, 1, 1), more = rig_talk(1, 2, 1, 10, 10);
    rig_push(&r, w, &r.by_src, &first, 1);
    struct groups *g = &window_pane(w, 0)->groups;
    g->words.max = 1;
    struct window_push_counts c = rig_push(&r, w, &r.by_src, &more, 1);
    assert_int_equal(c.applied, 1);
    assert_int_equal(groups_count(g), 2);
    assert_int_equal(rig_sums(g, g->other - 1).src_bytes, 10);
    assert_int_equal(rig_sums(g, rig_find(g, 0, "site-1")).src_bytes, 1);
    window_close(w);
}

/* A delta holds several windows; what overflowed in each of them must amend its own window above. */
static void amendments_of_other_rows_stay_in_their_window(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *below = rig_window(&r.raw, 60, 600, 1, 10, 0), *above = rig_window(&r.site, 60, 600, 10, 10, 0);
    const struct talk talks[] = { rig_talk(0, 1, 1, 1, 1), rig_talk(0, 2, 1, 2, 1), rig_talk(60, 3, 1, 4, 1),
                                  rig_talk(60, 4, 1, 8, 1), rig_talk(120, 5, 1, 16, 1), rig_talk(120, 6, 1, 32, 1) };
    rig_push(&r, below, &r.same_raw, talks, 6);
    advance(above, 180, CLOSE_SEALED);
    struct window_push_counts c = { 0 };
    for (u32 i = 0; i < 3; i++) window_push(above, &r.by_src, &window_pane(below, i)->groups, &c);
    assert_int_equal(c.amended, 6);
    struct groups *delta = window_delta(above);
    for (u32 i = 0; i < 3; i++) {
        u64 other = 0;
        for (u32 j = 0; j < groups_count(delta); j++)
            if (groups_row(delta, j)->start == i * 60 * SEC && groups_row(delta, j)->flags & GROUP_OTHER)
                other += rig_sums(delta, j).src_bytes;
        assert_int_equal(other, 2u << 2 * i);
    }
    window_close(below);
    window_close(above);
}

static void a_specification_out_of_range_is_refused(void **state)
{
    struct rig               r = rig_of_tests(state);
    const struct window_spec specs[] = {
        { 0, 0, 1, 1, &r.raw, 0 },  { -60, 0, 1, 1, &r.raw, 0 },         { 60, -1, 1, 1, &r.raw, 0 },
        { 60, 0, 0, 1, &r.raw, 0 }, { 60, 0, UINT32_MAX, 1, &r.raw, 0 }, { 60, 0, 1, 0, &r.raw, 0 },
    };
    for (u32 i = 0; i < WEIR_COUNT(specs); i++) {
        struct window *w;
        assert_int_equal(window_open(&w, &specs[i]).code, ERR_CONFIG);
    }
}

static void times_at_the_ends_of_the_range_have_windows(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 3600, 86400, 100, 100, 0);
    struct groups  partial;
    const nanos    starts[] = { NANOS_MIN, NANOS_MIN + 1, -1, 0, NANOS_MAX - 1, NANOS_MAX };
    for (u32 i = 0; i < WEIR_COUNT(starts); i++) {
        struct window_push_counts c = { 0 };
        groups_init(&partial, &r.raw, 10);
        rig_add(&r, &partial, rig_talk(0, 1, 2, 1, 1));
        groups_row_write(&partial, 0)->start = starts[i];
        window_push(w, &r.same_raw, &partial, &c);
        assert_int_equal(c.applied, 1);
        groups_fini(&partial);
    }
    assert_int_equal(window_panes(w), 4);
    struct told t = { 0 };
    window_advance(w, NANOS_MAX, CLOSE_END, tell, &t);
    assert_int_equal(t.n, 4);
    assert_int_equal(window_panes(w), 0);
    window_close(w);
}

/* --- feeds --- */

static void a_key_feed_leaves_out_records_without_the_key(void **state)
{
    struct rig        r = rig_of_tests(state);
    struct window    *w = rig_window(&r.site, 60, 0, 100, 10, 0);
    const struct talk talks[] = { rig_talk(0, 1, 2, 10, 1), rig_talk(0, 0, 2, 5, 1), rig_talk(0, 1, 0, 7, 2),
                                  rig_talk(600, 0, 1, 5, 1) };
    struct window_push_counts c = rig_push(&r, w, &r.by_src, talks, 4);
    assert_int_equal(c.applied, 2);
    assert_int_equal(c.left_out, 2);
    assert_int_equal(window_panes(w), 1); /* what is left out opens no pane */
    const struct groups *g = &window_pane(w, 0)->groups;
    assert_int_equal(groups_count(g), 1);
    struct sums s = rig_sums(g, rig_find(g, 0, "site-1"));
    assert_int_equal(s.src_bytes, 17);
    assert_int_equal(s.dst_bytes, 3);
    assert_int_equal(s.records, 2);
    window_close(w);
}

static void a_feed_of_both_ends_turns_the_record_for_the_second(void **state)
{
    struct rig        r = rig_of_tests(state);
    struct window    *w = rig_window(&r.site, 60, 0, 100, 10, 0);
    const struct talk talks[] = {
        { 0, 1, 2, 6, 100, 7, 40, 60, 5, 9 }, /* one to two       */
        { 0, 2, 0, 6, 1000, 70, 50, 90, 3, 0 }, /* two to nowhere   */
        { 0, 0, 0, 6, 1, 1, 1, 1, 1, 1 },     /* nobody's          */
    };
    struct window_push_counts c = rig_push(&r, w, &r.both, talks, 3);
    assert_int_equal(c.applied, 2);
    assert_int_equal(c.left_out, 1);
    const struct groups *g = &window_pane(w, 0)->groups;
    assert_int_equal(groups_count(g), 2);
    struct sums one = rig_sums(g, rig_find(g, 0, "site-1")), two = rig_sums(g, rig_find(g, 0, "site-2"));
    assert_int_equal(one.src_bytes, 100);
    assert_int_equal(one.dst_bytes, 7);
    assert_int_equal(one.records, 1);
    assert_int_equal(two.src_bytes, 1007);
    assert_int_equal(two.dst_bytes, 170);
    assert_int_equal(two.src_min, 50);
    assert_int_equal(two.dst_min, 40);
    assert_int_equal(two.src_rtt.n, 2);
    assert_int_equal(two.src_rtt.sum_lo, 12);
    assert_int_equal(two.dst_rtt.sum_lo, 5);
    assert_int_equal(two.records, 2);
    assert_int_equal(two.conns, 2);
    window_close(w);
}

static void a_conversation_inside_one_site_counts_once_with_both_directions(void **state)
{
    struct rig        r = rig_of_tests(state);
    struct window    *w = rig_window(&r.site, 60, 0, 100, 10, 0);
    const struct talk inside = { 0, 3, 3, 6, 100, 7, 40, 60, 5, 9 };
    rig_push(&r, w, &r.both, &inside, 1);
    const struct groups *g = &window_pane(w, 0)->groups;
    struct sums          s = rig_sums(g, rig_find(g, 0, "site-3"));
    assert_int_equal(groups_count(g), 1);
    assert_int_equal(s.records, 1);
    assert_int_equal(s.conns, 1);
    assert_int_equal(s.src_bytes, 107);
    assert_int_equal(s.dst_bytes, 107);
    assert_int_equal(s.src_min, 40);
    assert_int_equal(s.dst_min, 40);
    assert_int_equal(s.src_rtt.n, 2);
    assert_int_equal(s.dst_rtt.sum_lo, 14);
    window_close(w);
}

/* After a reload of the tags a net may be another site's; in a window that has the net already it stays as it was. */
static void carried_columns_are_those_of_the_first_record(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 0, 100, 10, 0);
    struct groups  partial;
    const char    *want = "10.1.0.0/16|10.2.0.0/16|6|site-1|site-2";
    groups_init(&partial, &r.raw, 100);
    rig_push1(&r, w, rig_talk(0, 1, 2, 1, 1));
    rig_add(&r, &partial, rig_talk(0, 1, 2, 1, 1));
    u32 other_site = rig_word(&partial, 5);
    memcpy((u8 *)groups_row_write(&partial, 0) + r.raw.column[3].at, &other_site, sizeof other_site);
    struct window_push_counts c = { 0 };
    window_push(w, &r.same_raw, &partial, &c);
    assert_int_equal(groups_count(&window_pane(w, 0)->groups), 1);
    assert_int_equal(rig_find(&window_pane(w, 0)->groups, 0, want), 0);
    groups_fini(&partial);
    window_close(w);
}

/* A worker's table is emptied and filled again: the same id of the same dictionary is another word then. */
static void a_partial_used_again_brings_its_own_words(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.site, 60, 0, 100, 10, 0);
    struct groups  partial;
    groups_init(&partial, &r.raw, 100);
    for (u32 site = 1; site <= 3; site++) {
        struct window_push_counts c = { 0 };
        rig_add(&r, &partial, rig_talk(0, site, site, site, 0));
        window_push(w, &r.by_src, &partial, &c);
        groups_reset(&partial);
    }
    const struct groups *g = &window_pane(w, 0)->groups;
    assert_int_equal(groups_count(g), 3);
    assert_int_equal(rig_sums(g, rig_find(g, 0, "site-3")).src_bytes, 3);
    groups_fini(&partial);
    window_close(w);
}

/* --- cascades --- */

#define LEVELS 3u
static const i64 level_seconds[LEVELS] = { 60, 300, 3600 };

/* What the sites' windows must hold, from the records themselves: sums[level][window][site]. */
struct direct {
    struct sums at[LEVELS][60][SITES];
};

static void sampling_one(struct sampling *s, u64 v)
{
    if (v == 0) return;
    s->min = v < s->min ? v : s->min;
    s->max = v > s->max ? v : s->max;
    s->n++;
    s->sum_lo += v;
}

static void direct_end(struct sums *s, u64 out, u64 in, u64 out_min, u64 in_min, u64 out_rtt, u64 in_rtt)
{
    s->src_bytes += out;
    s->dst_bytes += in;
    s->src_min = out_min < s->src_min ? out_min : s->src_min;
    s->dst_min = in_min < s->dst_min ? in_min : s->dst_min;
    sampling_one(&s->src_rtt, out_rtt);
    sampling_one(&s->dst_rtt, in_rtt);
}

static void direct_add(struct direct *d, const struct talk *t)
{
    for (u32 level = 0; level < LEVELS; level++) {
        struct sums *sites = d->at[level][t->second / level_seconds[level]];
        for (u32 site = 1; site < SITES; site++) {
            struct sums *s = &sites[site];
            if (t->src != site && t->dst != site) continue;
            if (s->records++ == 0) /* what an empty row holds */
                s->src_min = s->dst_min = s->src_rtt.min = s->dst_rtt.min = UINT64_MAX;
            s->conns++;
            if (t->src == site)
                direct_end(s, t->src_bytes, t->dst_bytes, t->src_min, t->dst_min, t->src_rtt, t->dst_rtt);
            if (t->dst == site)
                direct_end(s, t->dst_bytes, t->src_bytes, t->dst_min, t->src_min, t->dst_rtt, t->src_rtt);
        }
    }
}

/* raw -> sites a minute -> five minutes -> an hour, closed panes and deltas alike. */
struct cascade {
    struct rig    *rig;
    struct window *raw, *level[LEVELS];
    struct direct  got; /* the last given out of each row */
    u32            revised;
};

struct closing {
    struct cascade *c;
    u32             level; /* that gets the closed pane; LEVELS: none */
};

static void keep(struct cascade *c, u32 level, const struct groups *g, bool amended)
{
    for (u32 i = 0; i < groups_count(g); i++) {
        const struct group_row *row = groups_row(g, i);
        if (amended && !(row->flags & GROUP_AMENDED)) continue;
        char key[64];
        rig_key(g, i, key, sizeof key);
        c->got.at[level][row->start / SEC / level_seconds[level]][strtoul(key + 5, NULL, 10)] = rig_sums(g, i);
        c->revised += row->revision;
    }
}

static void feed_level(struct cascade *c, u32 level, const struct groups *g)
{
    if (level == LEVELS) return;
    struct window_push_counts counts = { 0 };
    window_push(c->level[level], level == 0 ? &c->rig->both : &c->rig->same_site, g, &counts);
    assert_int_equal(counts.late, 0);
    feed_level(c, level + 1, window_delta(c->level[level]));
    groups_reset(window_delta(c->level[level]));
}

static void cascade_closed(void *arg, struct panes of)
{
    struct closing *to = arg;
    if (to->level > 0) keep(to->c, to->level - 1, &of.at[0]->groups, false);
    feed_level(to->c, to->level, &of.at[0]->groups);
}

static void cascade_amended(void *arg, struct panes of)
{
    struct closing *to = arg;
    if (to->level > 0) keep(to->c, to->level - 1, &of.at[0]->groups, true);
}

static void cascade_advance(struct cascade *c, i64 second)
{
    window_advance(c->raw, second * SEC, CLOSE_WATERMARK, cascade_closed, &(struct closing){ c, 0 });
    for (u32 l = 0; l < LEVELS; l++)
        window_advance(c->level[l], second * SEC, CLOSE_WATERMARK, cascade_closed, &(struct closing){ c, l + 1 });
}

static void cascade_flush(struct cascade *c)
{
    window_flush(c->raw, cascade_amended, &(struct closing){ c, 0 });
    for (u32 l = 0; l < LEVELS; l++) window_flush(c->level[l], cascade_amended, &(struct closing){ c, l + 1 });
}

static void cascade_run(struct rig *r, u64 seed, struct direct *want, struct cascade *c)
{
    struct groups partial;
    groups_init(&partial, &r->raw, 1000);
    i64 watermark = 0;
    while (watermark < 3600) {
        for (u32 n = rig_random(&seed) % 40; n > 0; n--) {
            i64 from = watermark < 600 ? 0 : watermark - 600; /* many of them late, all within the lateness */
            i64 to = watermark + 200 > 3600 ? 3600 : watermark + 200;
            struct talk t = rig_random_talk(&seed, from, to - from);
            direct_add(want, &t);
            rig_add(r, &partial, t);
        }
        struct window_push_counts counts = { 0 };
        window_push(c->raw, &r->same_raw, &partial, &counts);
        assert_int_equal(counts.late + counts.left_out, 0);
        groups_reset(&partial);
        feed_level(c, 0, window_delta(c->raw));
        groups_reset(window_delta(c->raw));
        if (rig_random(&seed) % 3 == 0) cascade_advance(c, watermark += rig_random(&seed) % 150);
        if (rig_random(&seed) % 4 == 0) cascade_flush(c);
    }
    cascade_advance(c, 4000);
    cascade_flush(c);
    groups_fini(&partial);
}

static void a_cascade_equals_aggregation_from_the_records(void **state)
{
    struct rig r = rig_of_tests(state);
    for (u64 seed = 1; seed <= 30; seed++) {
        struct direct  *want = calloc(1, sizeof *want);
        struct cascade *c = calloc(1, sizeof *c);
        c->rig = &r;
        c->raw = rig_window(&r.raw, 60, 700, 1000, 100, 0);
        for (u32 l = 0; l < LEVELS; l++) c->level[l] = rig_window(&r.site, level_seconds[l], 700, 100, 100, 1 + l);
        cascade_run(&r, seed, want, c);
        assert_memory_equal(&c->got, want, sizeof *want);
        assert_true(c->revised > 0);
        window_close(c->raw);
        for (u32 l = 0; l < LEVELS; l++) window_close(c->level[l]);
        free(want);
        free(c);
    }
}

/* Many keys in one push: several batches, panes that take turns, rows that find each other. */
static void large_partials_of_many_windows_are_folded_whole(void **state)
{
    struct rig     r = rig_of_tests(state);
    struct window *w = rig_window(&r.raw, 60, 0, 100000, 100, 0);
    u64            seed = 7, bytes = 0, got = 0;
    struct groups  partial;
    groups_init(&partial, &r.raw, 100000);
    for (u32 i = 0; i < 20000; i++) {
        struct talk t = rig_random_talk(&seed, 0, 1200);
        t.protocol = rig_random(&seed) % 40;
        bytes += t.src_bytes;
        rig_add(&r, &partial, t);
    }
    for (u32 twice = 0; twice < 2; twice++) {
        struct window_push_counts c = { 0 };
        window_push(w, &r.same_raw, &partial, &c);
        assert_int_equal(c.applied, 20000);
    }
    u32 rows = 0;
    for (u32 i = 0; i < window_panes(w); i++) {
        const struct groups *g = &window_pane(w, i)->groups;
        rows += groups_count(g);
        for (u32 j = 0; j < groups_count(g); j++) got += rig_sums(g, j).src_bytes;
    }
    assert_int_equal(window_panes(w), 20);
    assert_int_equal(rows, groups_count(&partial));
    assert_int_equal(got, 2 * bytes);
    assert_true(window_memory(w) > (u64)rows * r.raw.size);
    groups_fini(&partial);
    window_close(w);
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    rig_init(r);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_close_in_order_and_say_why),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(a_pane_is_kept_for_its_lateness),
        cmocka_unit_test(idle_time_can_close_up_to_the_latest_open_pane),
        cmocka_unit_test(the_end_closes_all_and_keeps_the_watermark),
        cmocka_unit_test(a_late_record_amends_its_row_and_is_collected_for_the_windows_above),
        cmocka_unit_test(a_new_key_in_a_closed_window_is_revision_one),
        cmocka_unit_test(a_window_that_was_empty_when_it_closed_is_made_for_a_late_record),
        cmocka_unit_test(a_record_later_than_the_lateness_is_collected_as_late),
        cmocka_unit_test(an_amended_pane_past_its_lateness_is_told_before_it_goes_but_takes_no_more),
        cmocka_unit_test(a_row_that_needs_one_pane_too_many_is_late),
        cmocka_unit_test(groups_beyond_the_limit_count_as_other),
        cmocka_unit_test(a_key_without_room_in_the_dictionary_counts_as_other),
        cmocka_unit_test(amendments_of_other_rows_stay_in_their_window),
        cmocka_unit_test(a_specification_out_of_range_is_refused),
        cmocka_unit_test(times_at_the_ends_of_the_range_have_windows),
        cmocka_unit_test(a_key_feed_leaves_out_records_without_the_key),
        cmocka_unit_test(a_feed_of_both_ends_turns_the_record_for_the_second),
        cmocka_unit_test(a_conversation_inside_one_site_counts_once_with_both_directions),
        cmocka_unit_test(carried_columns_are_those_of_the_first_record),
        cmocka_unit_test(a_partial_used_again_brings_its_own_words),
        cmocka_unit_test(a_cascade_equals_aggregation_from_the_records),
        cmocka_unit_test(large_partials_of_many_windows_are_folded_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
