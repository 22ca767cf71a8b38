/* SPDX-License-Identifier: Apache-2.0 */
/* test_parts.c: windows that keep their parts apart: what is given out for all of them together, and a part that moves
 * to another process with its image. */
#include "store.h"

#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"

/* --- alerts: by signature and port a minute, by signature five minutes, with sketches --- */

enum { A_SUM, A_FIRST_SEEN, A_TARGETS, A_SIZES, A_LAST, ALERT_MEASURES };

#define ALERT_FIELDS                                                                                         \
    { .type = FIELD_U64, .fold = FOLD_SUM, .mirror = FIELD_NO_MIRROR },                                      \
    { .type = FIELD_TIME, .fold = FOLD_MIN, .mirror = FIELD_NO_MIRROR },                                     \
    { .type = FIELD_U64, .fold = FOLD_DISTINCT, .mirror = FIELD_NO_MIRROR, .sketch = 8 },                    \
    { .type = FIELD_U64, .fold = FOLD_QUANTILES, .mirror = FIELD_NO_MIRROR, .sketch = QUANTILES_DEFAULT },   \
    { .type = FIELD_U64, .fold = FOLD_LAST, .mirror = FIELD_NO_MIRROR }

#define LEVELS 2u

static const i64 level_seconds[LEVELS] = { 60, 300 };

struct alert {
    nanos time;
    u32   signature, port; /* 0: null */
    u64   size, target;
};

struct layouts {
    struct group_layout  at[LEVELS];
    struct feed          same, up;
    struct group_program fold;
};

static void layouts_init(struct layouts *l)
{
    static const struct field fine[] = { { .type = FIELD_TAG },
                                         { .type = FIELD_U64 },
                                         { .type = FIELD_TAG },
                                         ALERT_FIELDS };
    static const struct field coarse[] = { { .type = FIELD_TAG }, ALERT_FIELDS };
    assert_false(err_is(group_layout_init(&l->at[0], 2, 1, ALERT_MEASURES, fine)));
    assert_false(err_is(group_layout_init(&l->at[1], 1, 0, ALERT_MEASURES, coarse)));
    feed_init(&l->same, FEED_SAME, NULL, &l->at[0], &l->at[0]);
    feed_init(&l->up, FEED_KEYS, &(u32){ 0 }, &l->at[1], &l->at[0]);
    group_program_init(&l->fold, &l->at[0], &l->at[0], GROUP_STRAIGHT);
}

static void layouts_fini(struct layouts *l)
{
    for (u32 i = 0; i < LEVELS; i++) group_layout_fini(&l->at[i]);
}

static u32 alert_word(struct groups *g, u32 n)
{
    char text[16];
    return n ? strings_add(&g->words, slice_of(text, (size_t)snprintf(text, sizeof text, "sig-%u", n))) : 0;
}

static void alert_row(const struct layouts *layouts, struct groups *g, const struct alert *a, u8 *row)
{
    const struct group_layout *l = &layouts->at[0];
    memcpy(row, l->empty, l->size);
    ((struct group_row *)(void *)row)->start = nanos_floor(a->time, 60 * SEC);
    ((struct group_row *)(void *)row)->records = 1;
    u32 word = alert_word(g, a->signature), class = alert_word(g, a->signature % 3);
    memcpy(row + l->column[0].at, &word, sizeof word);
    if (a->port) rig_put(row, l->column[1].at, a->port);
    else row[l->column[1].flag] = 1;
    memcpy(row + l->column[2].at, &class, sizeof class);
    rig_measure(l, row, A_SUM, a->size);
    rig_measure(l, row, A_FIRST_SEEN, (u64)a->time);
    row[l->measure[A_TARGETS].present] = row[l->measure[A_SIZES].present] = 1;
    const struct group_measure *targets = &l->measure[A_TARGETS];
    distinct_add(row + targets->at, targets->sketch, distinct_hash(&a->target, sizeof a->target));
    quantiles_add((u32 *)(void *)(row + l->measure[A_SIZES].at), quantiles_cell_u64(a->size));
    rig_measure(l, row, A_LAST, (u64)a->time);
    rig_put(row, l->measure[A_LAST].at + 8u, a->size);
}

static void alert_add(const struct layouts *layouts, struct groups *g, const struct alert *a)
{
    _Alignas(8) u8             row[8192];
    const struct group_layout *l = &layouts->at[0];
    u32                        i;
    u64                        fresh;
    WEIR_ASSERT(l->size <= sizeof row);
    alert_row(layouts, g, a, row);
    groups_find_add(g, row + offsetof(struct group_row, start), 1, &i, &fresh);
    u8 *to = (u8 *)groups_row_write(g, i);
    if (fresh) memcpy(to + l->key_end, row + l->key_end, l->fixed_end - l->key_end);
    ((struct group_row *)(void *)to)->records++;
    groups_merge_row(&layouts->fold, to, row);
}

/* --- a process: both levels, fed by part --- */

struct job {
    const struct layouts *l;
    struct strings        names;
    struct window        *w[LEVELS];
    struct whole         *whole[LEVELS];
};

static void job_open(struct job *j, const struct layouts *l, u32 groups_max)
{
    j->l = l;
    strings_init(&j->names, PARTITIONS_MAX);
    for (u32 i = 0; i < LEVELS; i++) {
        j->w[i] = rig_window_parts(&l->at[i], level_seconds[i], 7200, groups_max, 1000, i, &j->names);
        whole_open(&j->whole[i], &l->at[i]);
    }
}

static void job_close(struct job *j)
{
    for (u32 i = 0; i < LEVELS; i++) {
        window_close(j->w[i]);
        whole_close(j->whole[i]);
    }
    strings_fini(&j->names);
}

static void job_up(struct job *j, const struct groups *g, u32 part)
{
    struct window_push_counts c = { 0 };
    window_push_rows(j->w[1], &j->l->up, g, 0, groups_count(g), part, &c);
    assert_int_equal(c.late, 0);
    groups_reset(window_delta(j->w[1]));
}

static void job_push(struct job *j, u32 part, const struct alert *a, u32 n)
{
    struct window_push_counts c = { 0 };
    struct groups             partial;
    u32                       number = rig_part(&j->names, part);
    groups_init(&partial, &j->l->at[0], 100000);
    for (u32 i = 0; i < n; i++) alert_add(j->l, &partial, &a[i]);
    window_push_rows(j->w[0], &j->l->same, &partial, 0, groups_count(&partial), number, &c);
    assert_int_equal(c.applied, n);
    job_up(j, window_delta(j->w[0]), number);
    groups_reset(window_delta(j->w[0]));
    groups_fini(&partial);
}

static void job_closed(void *arg, struct panes of)
{
    for (u32 i = 0; i < of.count; i++) job_up(arg, &of.at[i]->groups, of.at[i]->part);
}

static void nobody(void *arg, struct panes of)
{
}

static void job_advance(struct job *j, i64 second)
{
    window_advance(j->w[0], second * SEC, CLOSE_WATERMARK, job_closed, j);
    window_advance(j->w[1], second * SEC, CLOSE_WATERMARK, nobody, NULL);
}

static void job_flush(struct job *j)
{
    for (u32 i = 0; i < LEVELS; i++) window_flush(j->w[i], nobody, NULL);
}

/* --- comparing --- */

#define PARTS_MAX 8u

/* The panes of a start in several jobs, in the order of names. */
struct gathered {
    u32          count;
    struct pane *at[PARTS_MAX];
    slice        name[PARTS_MAX];
};

static void gather(struct gathered *g, struct job *j, u32 level, nanos start)
{
    for (u32 i = 0; i < window_panes(j->w[level]); i++) {
        struct pane *p = window_pane(j->w[level], i);
        slice        name = strings_get(&j->names, p->part);
        u32          at = g->count;
        if (p->start != start) continue;
        WEIR_ASSERT(g->count < PARTS_MAX);
        for (; at > 0 && slice_cmp(g->name[at - 1], name) > 0; at--) {
            g->at[at] = g->at[at - 1];
            g->name[at] = g->name[at - 1];
        }
        g->at[at] = p;
        g->name[at] = name;
        g->count++;
    }
}

/* One table beside another: the same rows, in the same order, byte for byte but for hashes. */
static void assert_tables_equal(const struct groups *a, const struct groups *b)
{
    assert_int_equal(groups_count(a), groups_count(b));
    for (u32 i = 0; i < groups_count(a); i++)
        assert_memory_equal((const u8 *)groups_row(a, i) + 8, (const u8 *)groups_row(b, i) + 8, a->layout->size - 8);
    assert_int_equal(strings_count(&a->words), strings_count(&b->words));
}

/* All that job `one` holds is what the `n` jobs hold together. Gives the rows compared. */
static u32 assert_jobs_equal(struct job *one, struct job **jobs, u32 n)
{
    u32 rows = 0;
    for (u32 level = 0; level < LEVELS; level++) {
        for (u32 i = 0; i < window_panes(one->w[level]); i++) {
            struct gathered all = { 0 }, some = { 0 };
            u32             revision[2];
            nanos           start = window_pane(one->w[level], i)->start;
            gather(&all, one, level, start);
            for (u32 k = 0; k < n; k++) gather(&some, jobs[k], level, start);
            const struct groups *a = whole_all(one->whole[level], (struct panes){ all.count, all.at }, &revision[0]);
            const struct groups *b =
                whole_all(jobs[0]->whole[level], (struct panes){ some.count, some.at }, &revision[1]);
            assert_tables_equal(a, b);
            assert_int_equal(revision[0], revision[1]);
            rows += groups_count(a);
        }
    }
    return rows;
}

/* The same groups, whatever their order: keys as text. */
static void assert_same_groups(const struct groups *a, const struct groups *b)
{
    assert_int_equal(groups_count(a), groups_count(b));
    for (u32 i = 0; i < groups_count(a); i++) {
        const struct group_row *row = groups_row(a, i);
        char                    key[128];
        rig_key(a, i, key, sizeof key);
        u32 other = rig_find(b, row->start / SEC, key);
        assert_int_not_equal(other, UINT32_MAX);
        assert_int_equal(row->records, groups_row(b, other)->records);
        u32 at = a->layout->fixed_end;
        assert_memory_equal((const u8 *)row + at, (const u8 *)groups_row(b, other) + at, a->layout->size - at);
    }
}

/* --- random days --- */

#define PARTS_OF_TOPIC 3u

struct day {
    u64 random;
    u64 alerts; /* so far: makes times unique */
    i64 now;
};

static struct alert day_alert(struct day *d)
{
    bool late = rig_random(&d->random) % 6 == 0;
    i64  second = late ? d->now - 400 + rig_random(&d->random) % 400 : d->now + rig_random(&d->random) % 90;
    if (second < 0) second = 0;
    return (struct alert){ second * SEC + (nanos)d->alerts++, rig_random(&d->random) % 12, rig_random(&d->random) % 3,
                           40 + rig_random(&d->random) % 1460, rig_random(&d->random) % 200 };
}

/* One step of the day for job `one`, and for job of[part]. */
static void day_step(struct day *d, struct job *one, struct job **of, u32 jobs)
{
    struct alert a[60];
    u32          n = rig_random(&d->random) % 60, part = rig_random(&d->random) % PARTS_OF_TOPIC;
    for (u32 i = 0; i < n; i++) a[i] = day_alert(d);
    job_push(one, part + 1, a, n);
    if (jobs > 0) job_push(of[part], part + 1, a, n);
    d->now += rig_random(&d->random) % 30;
    bool advance = rig_random(&d->random) % 3 == 0, flush = rig_random(&d->random) % 3 == 0;
    for (u32 k = 0; k < 1 + jobs; k++) {
        struct job *j = k == 0 ? one : of[k - 1];
        if (k > 1 && j == of[0]) continue; /* two parts of one job */
        if (advance) job_advance(j, d->now);
        if (flush) job_flush(j);
    }
}

static void windows_of_parts_give_out_what_one_window_of_all_does(void **state)
{
    struct layouts l;
    layouts_init(&l);
    for (u64 seed = 1; seed <= 5; seed++) {
        struct job apart, flat;
        struct day a = { .random = seed }, b = { .random = seed };
        job_open(&apart, &l, 10000);
        job_open(&flat, &l, 10000);
        for (u32 i = 0; i < 120; i++) {
            day_step(&a, &apart, NULL, 0);
            struct alert alert[60]; /* the same step, all in one part */
            u32          n = rig_random(&b.random) % 60;
            rig_random(&b.random);
            for (u32 k = 0; k < n; k++) alert[k] = day_alert(&b);
            job_push(&flat, 0, alert, n);
            b.now += rig_random(&b.random) % 30;
            if (rig_random(&b.random) % 3 == 0) job_advance(&flat, b.now);
            if (rig_random(&b.random) % 3 == 0) job_flush(&flat);
        }
        u32 together = 0;
        for (u32 level = 0; level < LEVELS; level++) {
            for (u32 i = 0; i < window_panes(flat.w[level]); i++) {
                struct pane    *p = window_pane(flat.w[level], i);
                struct gathered all = { 0 };
                u32             revision;
                gather(&all, &apart, level, p->start);
                assert_same_groups(whole_all(apart.whole[level], (struct panes){ all.count, all.at }, &revision),
                                   &p->groups);
                together += all.count > 1;
            }
        }
        assert_true(together > 20);
        job_close(&apart);
        job_close(&flat);
    }
    layouts_fini(&l);
}

/* --- a part moves --- */

static void job_cut(struct job *j, struct store *s)
{
    struct cut *c = cut_make();
    for (u32 i = 0; i < LEVELS; i++) window_cut(j->w[i], &c->writer);
    store_write(s, c);
    for (u32 i = 0; i < LEVELS; i++) window_thaw(j->w[i], true);
    free(c);
}

/* The name at the end of a pane's head. */
static bool object_is_of(const struct object *o, const char *name)
{
    return o->id == 0 || slice_is(slice_of((const char *)o->head + 48, o->head_len - 48), name);
}

/* The windows' own heads and the panes of part `name`, or all but these. */
static struct store *store_of(const struct store *from, const char *name, bool of)
{
    struct store *s = calloc(1, sizeof *s);
    for (u32 i = 0; i < OBJECTS; i++) {
        const struct object *o = &from->object[i];
        if (!o->used || (o->id != 0 && object_is_of(o, name) != of)) continue;
        s->object[i] = *o;
        for (u32 k = 0; k < PARTS * PAGES_MAX; k++) {
            struct kept_page *p = &s->object[i].page[k / PAGES_MAX][k % PAGES_MAX];
            if (p->at == NULL) continue;
            u8 *copy = malloc(p->len);
            memcpy(copy, p->at, p->len);
            p->at = copy;
        }
    }
    return s;
}

static void job_restore(struct job *j, const struct store *from, const char *name, bool of)
{
    struct store *s = store_of(from, name, of);
    for (u32 i = 0; i < LEVELS; i++) {
        err e = store_restore(s, i, j->w[i]);
        if (err_is(e)) fail_msg("level %u: %s (%lld)", i, e.what, (long long)e.at);
    }
    store_free(s);
}

static void a_part_goes_on_in_another_process_and_together_they_are_one(void **state)
{
    struct layouts l;
    layouts_init(&l);
    for (u64 seed = 1; seed <= 6; seed++) {
        struct day    d = { .random = seed };
        struct store *s = calloc(1, sizeof *s);
        struct job    one, left, moved;
        u32           groups_max = seed % 2 ? 10000 : 9; /* 9: `other` rows in every part */
        job_open(&one, &l, groups_max);
        job_open(&left, &l, groups_max);
        job_open(&moved, &l, groups_max);
        for (u32 i = 0; i < 60; i++) day_step(&d, &one, NULL, 0);
        job_cut(&one, s);
        job_restore(&moved, s, "t/2", true);
        job_restore(&left, s, "t/2", false);
        assert_true(window_panes(moved.w[0]) > 1 && window_panes(left.w[0]) > 2);
        struct job *of[PARTS_OF_TOPIC] = { &left, &moved, &left }, *both[2] = { &left, &moved };
        assert_true(assert_jobs_equal(&one, both, 2) > 100);
        for (u32 i = 0; i < 60; i++) {
            day_step(&d, &one, of, PARTS_OF_TOPIC);
            if (i % 10 == 0) assert_jobs_equal(&one, both, 2);
        }
        assert_true(assert_jobs_equal(&one, both, 2) > 200);
        job_close(&one);
        job_close(&left);
        job_close(&moved);
        store_free(s);
    }
    layouts_fini(&l);
}

/* --- one start --- */

/* What was told of closings and amendments: of the last time, rows and records of all, bytes and revision of site 1. */
struct told {
    struct whole *whole;
    bool          amended;
    u32           times, parts, rows, revision;
    u64           bytes, records;
};

static void tell(void *arg, struct panes of)
{
    struct told         *t = arg;
    u32                  greatest;
    const struct groups *g = t->amended ? whole_amended(t->whole, of) : whole_all(t->whole, of, &greatest);
    u32                  row = rig_find(g, of.at[0]->start / SEC, "site-1");
    t->times++;
    t->parts = of.count;
    t->rows = groups_count(g);
    t->records = 0;
    for (u32 i = 0; i < groups_count(g); i++) t->records += groups_row(g, i)->records;
    t->bytes = row == UINT32_MAX ? 0 : rig_sums(g, row).src_bytes;
    t->revision = row == UINT32_MAX ? 0 : groups_row(g, row)->revision;
}

struct few {
    struct rig     rig;
    struct strings names;
    struct window *w;
    struct told    closed, amended;
};

static void few_open(struct few *f, i64 lateness, u32 panes_max)
{
    *f = (struct few){ 0 };
    rig_init(&f->rig);
    strings_init(&f->names, PARTITIONS_MAX);
    f->w = rig_window_parts(&f->rig.site, 60, lateness, 100, panes_max, 0, &f->names);
    whole_open(&f->closed.whole, &f->rig.site);
    whole_open(&f->amended.whole, &f->rig.site);
    f->amended.amended = true;
}

static void few_close(struct few *f)
{
    window_close(f->w);
    whole_close(f->closed.whole);
    whole_close(f->amended.whole);
    strings_fini(&f->names);
    rig_fini(&f->rig);
}

static struct window_push_counts few_push(struct few *f, u32 part, i64 second, u32 site, u64 bytes)
{
    struct window_push_counts c = { 0 };
    struct groups             partial;
    groups_init(&partial, &f->rig.raw, 10);
    rig_add(&f->rig, &partial, rig_talk(second, site, 0, bytes, 0));
    window_push_rows(f->w, &f->rig.by_src, &partial, 0, 1, rig_part(&f->names, part), &c);
    groups_fini(&partial);
    groups_reset(window_delta(f->w));
    groups_reset(window_late(f->w));
    return c;
}

static void few_advance(struct few *f, i64 second)
{
    window_advance(f->w, second * SEC, CLOSE_IDLE, tell, &f->closed);
}

static void few_flush(struct few *f)
{
    window_flush(f->w, tell, &f->amended);
}

static void a_late_record_of_one_part_amends_the_row_of_all(void **state)
{
    struct few f;
    few_open(&f, 600, 10);
    for (u32 part = 1; part <= 3; part++) few_push(&f, part, 10, 1, 100 * part);
    few_push(&f, 1, 10, 2, 7);
    few_advance(&f, 60);
    assert_int_equal(f.closed.times, 1);
    assert_int_equal(f.closed.parts, 3);
    assert_int_equal(f.closed.rows, 2);
    assert_int_equal(f.closed.bytes, 600);
    assert_int_equal(f.closed.revision, 0);

    assert_int_equal(few_push(&f, 2, 20, 1, 1000).amended, 1);
    few_flush(&f);
    assert_int_equal(f.amended.rows, 1); /* the other site is as it was */
    assert_int_equal(f.amended.bytes, 1600);
    assert_int_equal(f.amended.revision, 1);

    few_push(&f, 3, 20, 1, 10000);
    few_push(&f, 1, 20, 1, 10000);
    few_flush(&f);
    assert_int_equal(f.amended.bytes, 21600);
    assert_int_equal(f.amended.revision, 3); /* two parts were amended */
    few_flush(&f);
    assert_int_equal(f.amended.times, 2);
    few_close(&f);
}

static void a_part_that_comes_late_is_as_the_others_of_its_start(void **state)
{
    struct few f;
    few_open(&f, 600, 10);
    few_push(&f, 1, 10, 1, 1);
    few_advance(&f, 60);
    assert_int_equal(few_push(&f, 2, 20, 1, 10).amended, 1);
    assert_int_equal(window_pane(f.w, 1)->state, PANE_KEPT);
    assert_int_equal(window_pane(f.w, 1)->why, CLOSE_IDLE);
    few_flush(&f);
    assert_int_equal(f.amended.parts, 2);
    assert_int_equal(f.amended.bytes, 11);
    assert_int_equal(f.amended.revision, 1);

    /* Bounded input ends before the watermark is there: what comes after all amends, whatever part it is of. */
    few_push(&f, 1, 100, 1, 1);
    window_end(f.w, tell, &f.closed);
    assert_int_equal(f.closed.bytes, 1);
    assert_int_equal(few_push(&f, 3, 100, 1, 10).amended, 1);
    few_flush(&f);
    assert_int_equal(f.amended.bytes, 11);
    assert_int_equal(window_pane(f.w, 3)->why, CLOSE_END);
    few_advance(&f, 120);
    assert_int_equal(f.closed.times, 2);
    few_close(&f);
}

static void parts_stand_by_their_names_whichever_came_first(void **state)
{
    struct few f;
    few_open(&f, 600, 10);
    static const u32 parts[] = { 3, 1, 0, 2 };
    for (u32 i = 0; i < WEIR_COUNT(parts); i++) few_push(&f, parts[i], 10, parts[i] + 1, 1);
    assert_int_equal(window_panes(f.w), 4);
    for (u32 i = 0; i < 4; i++) assert_int_equal(window_pane(f.w, i)->part, rig_part(&f.names, i));
    u32                  revision;
    struct pane         *at[4] = { window_pane(f.w, 0), window_pane(f.w, 1), window_pane(f.w, 2), window_pane(f.w, 3) };
    const struct groups *g = whole_all(f.closed.whole, (struct panes){ 4, at }, &revision);
    for (u32 i = 0; i < 4; i++) {
        char key[64], want[64];
        rig_key(g, i, key, sizeof key);
        snprintf(want, sizeof want, "site-%u", i + 1);
        assert_string_equal(key, want);
    }
    few_close(&f);
}

static void the_limit_of_panes_is_of_starts(void **state)
{
    struct few f;
    few_open(&f, 0, 2);
    for (u32 part = 0; part < 3; part++)
        for (u32 minute = 0; minute < 2; minute++) assert_int_equal(few_push(&f, part, 60 * minute, 1, 1).applied, 1);
    assert_int_equal(window_panes(f.w), 6);
    assert_int_equal(few_push(&f, 1, 120, 1, 1).late, 1);
    assert_false(window_took(f.w, 120 * SEC));
    assert_true(window_took(f.w, 60 * SEC));
    assert_int_equal(few_push(&f, 4, 60, 1, 1).applied, 1); /* one more part of a start that is there */
    few_advance(&f, 60);
    assert_int_equal(window_panes(f.w), 4);
    assert_int_equal(few_push(&f, 1, 120, 1, 1).applied, 1);
    few_close(&f);
}

/* The row that is given out again is of all parts, so none of them may go before. */
static void an_amended_part_keeps_the_others_of_its_start(void **state)
{
    struct few f;
    few_open(&f, 60, 10);
    few_push(&f, 1, 10, 1, 1);
    few_push(&f, 2, 10, 1, 10);
    few_push(&f, 2, 70, 1, 5);
    few_advance(&f, 60);
    few_push(&f, 2, 10, 1, 100);
    few_advance(&f, 300);
    assert_int_equal(window_panes(f.w), 2);
    assert_int_equal(few_push(&f, 1, 10, 1, 1).late, 1);
    few_flush(&f);
    assert_int_equal(f.amended.bytes, 111);
    assert_int_equal(window_panes(f.w), 0);
    few_close(&f);
}

static void other_rows_of_parts_become_one(void **state)
{
    struct few f;
    few_open(&f, 600, 10);
    window_close(f.w);
    f.w = rig_window_parts(&f.rig.site, 60, 600, 1, 10, 0, &f.names);
    for (u32 part = 1; part <= 3; part++)
        for (u32 site = 1; site <= 4; site++) few_push(&f, part, 10, (part + site) % 4 + 1, 1);
    few_advance(&f, 60);
    assert_int_equal(f.closed.rows, 4); /* each part has a site of its own, and what is beyond */
    few_push(&f, 2, 10, 6, 1);
    few_flush(&f);
    assert_int_equal(f.amended.rows, 1);
    assert_int_equal(f.amended.records, 10); /* with those of the parts that were not amended */
    const struct pane *p = window_pane(f.w, 0);
    struct pane       *at[3] = { window_pane(f.w, 0), window_pane(f.w, 1), window_pane(f.w, 2) };
    u32                revision, other;
    assert_int_equal(p->groups.other, 2);
    const struct groups *g = whole_all(f.closed.whole, (struct panes){ 3, at }, &revision);
    other = g->other - 1;
    assert_int_equal(groups_row(g, other)->records, 10);
    assert_int_equal(groups_row(g, other)->revision, 1);
    assert_int_equal(revision, 1);
    few_close(&f);
}

/* --- heads --- */

/* An image of two minutes in parts 0 and 1: objects 1 and 2, closed, 3 and 4, open. */
static struct store *parts_image(struct few *f)
{
    struct store *s = calloc(1, sizeof *s);
    struct cut   *c = cut_make();
    few_push(f, 0, 10, 1, 1);
    few_push(f, 1, 10, 1, 10);
    few_push(f, 0, 70, 1, 1);
    few_push(f, 1, 70, 1, 10);
    few_advance(f, 60);
    window_cut(f->w, &c->writer);
    store_write(s, c);
    window_thaw(f->w, true);
    free(c);
    return s;
}

static err parts_restore(struct few *f, const struct store *s, struct strings *names)
{
    struct window *w = rig_window_parts(&f->rig.site, 60, 600, 100, 10, 0, names);
    err            e = store_restore(s, 0, w);
    window_close(w);
    return e;
}

static void panes_without_a_name_have_the_head_they_always_had(void **state)
{
    struct few f;
    few_open(&f, 600, 10);
    struct store  *s = parts_image(&f);
    struct object *plain = store_find(s, 0, 1), *named = store_find(s, 0, 2);
    assert_int_equal(plain->head_len, 48);
    assert_int_equal(plain->head[0], 1);
    assert_int_equal(named->head_len, 48 + 3);
    assert_int_equal(named->head[0], 2);
    assert_memory_equal(named->head + 48, "t/1", 3);
    few_close(&f);
    store_free(s);
}

static void a_forged_part_is_refused_with_its_reason(void **state)
{
    static const struct {
        u32         at, byte, len; /* of the named pane's head; len 0: as it is */
        const char *what;
    } rows[] = {
        { 0, 2, 0, "accepted" },
        { 0, 1, 0, "the head of a pane has another size" },
        { 0, 2, 48, "the head of a pane has another size" },
        { 0, 2, 47, "the head of a pane has another size" },
        { 0, 1, 48, "two panes start at the same time" },
        { 4, PANE_OPEN, 0, "a pane's state does not agree with the watermark" },
        { 48, 0, 0, "accepted" }, /* names are bytes */
    };
    struct few f;
    few_open(&f, 600, 10);
    struct store  *s = parts_image(&f);
    struct object *o = store_find(s, 0, 2), was = *o;
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        *o = was;
        o->head[rows[i].at] = (u8)rows[i].byte;
        if (rows[i].len) o->head_len = rows[i].len;
        err e = parts_restore(&f, s, &f.names);
        const char *got = err_is(e) ? e.what : "accepted";
        if (strcmp(got, rows[i].what) != 0) fail_msg("row %u: %s, expected %s", i, got, rows[i].what);
    }
    *o = was;
    o = store_find(s, 0, 4);
    was = *o;
    o->head[4] = PANE_KEPT; /* as if input had ended for this part alone */
    o->head[5] = CLOSE_END;
    assert_string_equal(parts_restore(&f, s, &f.names).what, "the parts of a window are in different states");
    *o = was;
    assert_string_equal(parts_restore(&f, s, NULL).what, "a pane is of a part that the window cannot have");
    struct strings full;
    strings_init(&full, 1);
    strings_add(&full, S("t/0"));
    assert_string_equal(parts_restore(&f, s, &full).what, "a pane is of a part that the window cannot have");
    strings_fini(&full);
    few_close(&f);
    store_free(s);
}

static void a_name_may_be_long_but_not_longer(void **state)
{
    struct few f;
    few_open(&f, 600, 10);
    char          name[PART_NAME_MAX + 1];
    struct store *s = parts_image(&f);
    memset(name, 'x', sizeof name);
    for (u32 more = 0; more < 2; more++) {
        u8             head[48 + sizeof name];
        struct window *w = rig_window_parts(&f.rig.site, 60, 600, 100, 10, 0, &f.names);
        memcpy(head, store_find(s, 0, 2)->head, 48);
        memcpy(head + 48, name, sizeof name);
        err e = window_restore_head(w, 2, slice_of((const char *)head, 48 + PART_NAME_MAX + more));
        assert_int_equal(err_is(e), more);
        window_close(w);
    }
    few_close(&f);
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_of_parts_give_out_what_one_window_of_all_does),
        cmocka_unit_test(a_part_goes_on_in_another_process_and_together_they_are_one),
        cmocka_unit_test(a_late_record_of_one_part_amends_the_row_of_all),
        cmocka_unit_test(a_part_that_comes_late_is_as_the_others_of_its_start),
        cmocka_unit_test(parts_stand_by_their_names_whichever_came_first),
        cmocka_unit_test(the_limit_of_panes_is_of_starts),
        cmocka_unit_test(an_amended_part_keeps_the_others_of_its_start),
        cmocka_unit_test(other_rows_of_parts_become_one),
        cmocka_unit_test(panes_without_a_name_have_the_head_they_always_had),
        cmocka_unit_test(a_forged_part_is_refused_with_its_reason),
        cmocka_unit_test(a_name_may_be_long_but_not_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
