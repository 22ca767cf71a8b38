/* SPDX-License-Identifier: Apache-2.0 */
/* test_image.c: windows that are cut, crash, and go on from the image, against windows that were never disturbed. */
#include "store.h"

#include "weir/hash.h"

static struct rig *rig_of_tests(void **state)
{
    return *state;
}

/* --- a probe: conversations, their sites a minute, and five minutes; and all rows that were given out --- */

#define OPS   3u
#define LINES 16384u
#define SLOTS (2 * LINES)

struct line {
    char key[128];
    char values[192];
};

/* Rows by key, as a sink that upserts has them. */
struct out {
    u32         n;
    u32         slot[SLOTS]; /* line + 1; 0 free */
    struct line line[LINES];
};

struct probe {
    struct rig    *rig;
    u32            parts;  /* that records come in; 0: the one without a name */
    struct strings names;
    struct window *w[OPS]; /* raw, sites, sites of five minutes */
    struct whole  *whole[OPS];
    struct out    *out;
    u64            late;
};

static const i64 op_seconds[OPS] = { 60, 60, 300 };

static void probe_open(struct probe *p, struct rig *r, u32 parts)
{
    p->rig = r;
    p->late = 0;
    p->parts = parts;
    strings_init(&p->names, PARTITIONS_MAX);
    for (u32 op = 0; op < OPS; op++) {
        const struct group_layout *l = op == 0 ? &r->raw : &r->site;
        p->w[op] = rig_window_parts(l, op_seconds[op], 240, op == 0 ? 300 / (parts + !parts) : 4, 64, op, &p->names);
        whole_open(&p->whole[op], l);
    }
}

static void probe_close(struct probe *p)
{
    for (u32 op = 0; op < OPS; op++) {
        window_close(p->w[op]);
        whole_close(p->whole[op]);
    }
    strings_fini(&p->names);
}

static void out_put(struct out *o, const struct line *line)
{
    u32 i = (u32)hash_bytes(line->key, strlen(line->key)) % SLOTS;
    while (o->slot[i] != 0 && strcmp(o->line[o->slot[i] - 1].key, line->key) != 0) i = (i + 1) % SLOTS;
    if (o->slot[i] == 0) o->slot[i] = ++o->n;
    WEIR_ASSERT(o->n <= LINES);
    o->line[o->slot[i] - 1] = *line;
}

static void give_out(struct probe *p, u32 op, struct panes of, bool amended)
{
    u32                  revision;
    const struct groups *g = amended ? whole_amended(p->whole[op], of) : whole_all(p->whole[op], of, &revision);
    for (u32 i = 0; i < groups_count(g); i++) {
        const struct group_row *row = groups_row(g, i);
        if (amended && !(row->flags & GROUP_AMENDED)) continue;
        struct line line;
        char        key[96];
        struct sums s = rig_sums(g, i);
        rig_key(g, i, key, sizeof key);
        snprintf(line.key, sizeof line.key, "%u %lld %s %u", op, (long long)(row->start / SEC), key,
                 row->flags & GROUP_OTHER);
        snprintf(line.values, sizeof line.values, "%s r%u: %llu %llu %llu %llu %llu %llu/%llu",
                 close_reason_name(of.at[0]->why), row->revision, (unsigned long long)s.records,
                 (unsigned long long)s.conns, (unsigned long long)s.src_bytes, (unsigned long long)s.dst_bytes,
                 (unsigned long long)s.src_min,
                 (unsigned long long)s.src_rtt.sum_lo, (unsigned long long)s.src_rtt.n);
        out_put(p->out, &line);
    }
}

struct at_op {
    struct probe *p;
    u32           op;
};

static void probe_push(struct probe *p, u32 op, const struct groups *from, u32 part)
{
    if (op == OPS) return;
    struct window_push_counts c = { 0 };
    const struct feed        *feeds[OPS] = { &p->rig->same_raw, &p->rig->both, &p->rig->same_site };
    window_push_rows(p->w[op], feeds[op], from, 0, groups_count(from), part, &c);
    p->late += c.late;
    probe_push(p, op + 1, window_delta(p->w[op]), part);
    groups_reset(window_delta(p->w[op]));
    groups_reset(window_late(p->w[op]));
}

static void probe_closed(void *arg, struct panes of)
{
    struct at_op *at = arg;
    give_out(at->p, at->op, of, false);
    for (u32 i = 0; i < of.count; i++) probe_push(at->p, at->op + 1, &of.at[i]->groups, of.at[i]->part);
}

static void probe_amended(void *arg, struct panes of)
{
    struct at_op *at = arg;
    give_out(at->p, at->op, of, true);
}

/* Of so many keys that panes have several pages, and some more than groups_max. */
static struct talk random_talk(u64 *random, i64 now)
{
    bool        late = rig_random(random) % 8 == 0;
    struct talk t = rig_random_talk(random, late ? now - 400 : now - 40, late ? 400 : 80);
    t.protocol = rig_random(random) % 30;
    return t;
}

/* Step i of the script: the same for all probes that run it. */
static void probe_step(struct probe *p, u64 seed, u32 i)
{
    u64 random = seed * 1000003 + i;
    rig_random(&random);
    i64 now = i * 7;
    u32 what = rig_random(&random) % 10;
    if (what < 6) {
        struct groups partial;
        groups_init(&partial, &p->rig->raw, 1000);
        for (u32 n = rig_random(&random) % 150; n > 0; n--)
            rig_add(p->rig, &partial, random_talk(&random, now));
        probe_push(p, 0, &partial, rig_part(&p->names, p->parts ? 1 + rig_random(&random) % p->parts : 0));
        groups_fini(&partial);
    } else if (what < 9) {
        i64 to = now - rig_random(&random) % 60;
        for (u32 op = 0; op < OPS; op++)
            window_advance(p->w[op], to * SEC, (enum close_reason)(i % 4), probe_closed, &(struct at_op){ p, op });
    } else {
        for (u32 op = 0; op < OPS; op++) window_flush(p->w[op], probe_amended, &(struct at_op){ p, op });
    }
}

static void probe_end(struct probe *p)
{
    for (u32 op = 0; op < OPS; op++)
        window_advance(p->w[op], NANOS_SECOND * 1000000, CLOSE_END, probe_closed, &(struct at_op){ p, op });
    for (u32 op = 0; op < OPS; op++) window_flush(p->w[op], probe_amended, &(struct at_op){ p, op });
}

/* --- cut, crash, go on --- */

#define STEPS 240u

/* What an epoch makes durable, beside the image. */
struct epoch {
    struct store *store;
    struct out   *out;
    u64           late, full;
    u32           step;
};

/* A run between two starts: the cut that is being written and what goes with it. */
struct run {
    struct probe  p;
    struct epoch *file;
    struct cut   *cut;
    struct out   *cut_out;
    u64           cut_late;
    u32           cut_step;
    u32           written, failed, crashed;
};

static u64 probe_full(const struct probe *p)
{
    return window_full(p->w[0]) + window_full(p->w[1]) + window_full(p->w[2]);
}

static void run_cut(struct run *r, u32 step)
{
    r->cut->n = 0;
    for (u32 op = 0; op < OPS; op++) window_cut(r->p.w[op], &r->cut->writer);
    memcpy(r->cut_out, r->p.out, sizeof *r->cut_out);
    r->cut_late = r->p.late;
    r->cut_step = step;
}

static void run_thaw(struct run *r, bool written)
{
    if (written) {
        store_write(r->file->store, r->cut);
        memcpy(r->file->out, r->cut_out, sizeof *r->cut_out);
        r->file->late = r->cut_late;
        r->file->step = r->cut_step;
        r->written++;
    } else {
        r->failed++;
    }
    for (u32 op = 0; op < OPS; op++) window_thaw(r->p.w[op], written);
}

/* A new process: nothing is left but the file. */
static u32 run_restart(struct run *r, bool cutting)
{
    if (cutting)
        for (u32 op = 0; op < OPS; op++) window_thaw(r->p.w[op], false);
    probe_close(&r->p);
    probe_open(&r->p, r->p.rig, r->p.parts);
    r->crashed++;
    memcpy(r->p.out, r->file->out, sizeof *r->p.out);
    r->p.late = r->file->late;
    if (r->written == 0) return 0;
    for (u32 op = 0; op < OPS; op++) {
        err e = store_restore(r->file->store, op, r->p.w[op]);
        if (err_is(e)) fail_msg("op %u: %s", op, e.what);
    }
    return r->file->step;
}

static void run_all(struct run *r, u64 seed, u64 chaos)
{
    bool cutting = false;
    for (u32 i = 0; i < STEPS;) {
        switch (rig_random(&chaos) % 24) {
        case 0: case 1: case 2: case 3: case 4: /* a cut, or the end of one */
            if (cutting) run_thaw(r, rig_random(&chaos) % 4 != 0);
            else run_cut(r, i);
            cutting = !cutting;
            break;
        case 5:
            if (r->crashed > 12) break;
            i = run_restart(r, cutting);
            cutting = false;
            break;
        default: probe_step(&r->p, seed, i++); break;
        }
    }
    if (cutting) run_thaw(r, true);
    probe_end(&r->p);
}

static int line_order(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

static void out_sort(struct out *o)
{
    qsort(o->line, o->n, sizeof *o->line, line_order);
}

static void assert_out(struct out *got, struct out *want)
{
    out_sort(got);
    out_sort(want);
    for (u32 i = 0; i < want->n && i < got->n; i++) {
        assert_string_equal(got->line[i].key, want->line[i].key);
        assert_string_equal(got->line[i].values, want->line[i].values);
    }
    assert_int_equal(got->n, want->n);
}

static void disturbed(struct rig *rig, u64 seed, u32 parts)
{
    struct probe calm = { .out = calloc(1, sizeof *calm.out) };
    probe_open(&calm, rig, parts);
    for (u32 i = 0; i < STEPS; i++) probe_step(&calm, seed, i);
    probe_end(&calm);
    assert_true(calm.out->n > 1000 && calm.late > 0); /* the script shows all that can happen */
    assert_true(window_full(calm.w[0]) > 0 && window_full(calm.w[1]) > 0);

    struct epoch file = { .store = calloc(1, sizeof *file.store), .out = calloc(1, sizeof *file.out) };
    struct run   r = { .file = &file, .cut = cut_make(), .cut_out = calloc(1, sizeof *r.cut_out) };
    r.p.out = calloc(1, sizeof *r.p.out);
    probe_open(&r.p, rig, parts);
    run_all(&r, seed, seed * 77 + 5);
    assert_out(r.p.out, calm.out);
    assert_int_equal(r.p.late, calm.late);
    assert_int_equal(probe_full(&r.p), probe_full(&calm));
    assert_true(r.written > 5 && r.failed > 0 && r.crashed > 0);

    /* When all panes are gone, so are their objects. */
    run_cut(&r, STEPS);
    run_thaw(&r, true);
    u32 left = 0;
    for (u32 i = 0; i < OBJECTS; i++) left += file.store->object[i].used;
    assert_int_equal(left, OPS); /* the windows' own heads */
    assert_true(file.store->drops > 10);
    probe_close(&r.p);
    probe_close(&calm);
    store_free(file.store);
    free(file.out);
    free(r.cut);
    free(r.cut_out);
    free(r.p.out);
    free(calm.out);
}

static void windows_go_on_from_their_image_as_if_nothing_had_happened(void **state)
{
    for (u64 seed = 1; seed <= 8; seed++) disturbed(rig_of_tests(state), seed, 0);
}

/* The names of parts are numbered anew with each start, by the order in which the image and records name them. */
static void windows_of_several_parts_go_on_from_their_image(void **state)
{
    for (u64 seed = 11; seed <= 18; seed++) disturbed(rig_of_tests(state), seed, 2 + (u32)seed % 3);
}

/* --- what a cut tells --- */

static void nobody(void *arg, struct panes of)
{
}

static u32 entries(const struct cut *c, enum entry_kind kind)
{
    u32 n = 0;
    for (u32 i = 0; i < c->n; i++) n += c->entry[i].kind == kind;
    return n;
}

static struct cut *cut_now(struct cut *c, struct window *w)
{
    c->n = 0;
    window_cut(w, &c->writer);
    return c;
}

static void a_cut_tells_only_what_changed(void **state)
{
    struct rig    *r = rig_of_tests(state);
    struct window *w = rig_window(&r->raw, 60, 600, 100, 10, 7);
    struct cut    *c = cut_make();
    rig_push1(r, w, rig_talk(0, 1, 2, 1, 1));
    rig_push1(r, w, rig_talk(60, 1, 2, 1, 1));
    cut_now(c, w);
    assert_int_equal(entries(c, ENTRY_HEAD), 3);
    assert_int_equal(entries(c, ENTRY_PAGE), 6);
    assert_int_equal(c->entry[0].op, 7);
    window_thaw(w, true);
    assert_int_equal(cut_now(c, w)->n, 0);
    window_thaw(w, true);

    rig_push1(r, w, rig_talk(60, 1, 2, 1, 1)); /* no new key: one page of one pane */
    cut_now(c, w);
    assert_int_equal(entries(c, ENTRY_HEAD), 1);
    assert_int_equal(entries(c, ENTRY_PAGE), 1);
    window_thaw(w, false);
    assert_int_equal(entries(cut_now(c, w), ENTRY_PAGE), 1); /* not written: told again */
    window_thaw(w, true);
    window_advance(w, 60 * SEC, CLOSE_SEALED, nobody, NULL);
    cut_now(c, w);
    assert_int_equal(entries(c, ENTRY_HEAD), 2); /* the watermark, and the pane that closed */
    assert_int_equal(entries(c, ENTRY_PAGE), 0);
    window_thaw(w, true);
    free(c);
    window_close(w);
}

static void a_drop_is_told_until_it_is_written(void **state)
{
    struct rig    *r = rig_of_tests(state);
    struct window *w = rig_window(&r->raw, 60, 0, 100, 10, 0);
    struct cut    *c = cut_make();
    rig_push1(r, w, rig_talk(0, 1, 2, 1, 1));
    cut_now(c, w);
    window_thaw(w, true);
    window_advance(w, 60 * SEC, CLOSE_SEALED, nobody, NULL);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(entries(cut_now(c, w), ENTRY_DROP), 1);
        window_thaw(w, i == 2);
    }
    assert_int_equal(cut_now(c, w)->n, 0);
    window_thaw(w, true);
    free(c);
    window_close(w);
}

static void a_pane_that_was_never_saved_is_not_dropped(void **state)
{
    struct rig    *r = rig_of_tests(state);
    struct window *w = rig_window(&r->raw, 60, 0, 100, 10, 0);
    struct cut    *c = cut_make();
    rig_push1(r, w, rig_talk(0, 1, 2, 1, 1));
    window_advance(w, 60 * SEC, CLOSE_SEALED, nobody, NULL);
    cut_now(c, w);
    assert_int_equal(entries(c, ENTRY_DROP), 0);
    assert_int_equal(entries(c, ENTRY_HEAD), 1);
    window_thaw(w, true);
    free(c);
    window_close(w);
}

/* The first cut of a pane may still be on its way when the pane goes: its pages stay readable, and whether there is
 * something to drop depends on whether it was written. */
static void a_pane_that_goes_during_its_cut_keeps_its_pages(void **state)
{
    for (u32 written = 0; written < 2; written++) {
        struct rig    *r = rig_of_tests(state);
        struct window *w = rig_window(&r->raw, 60, 0, 100, 10, 0);
        struct cut    *c = cut_make();
        rig_push1(r, w, rig_talk(0, 1, 2, 77, 1));
        cut_now(c, w);
        window_advance(w, 60 * SEC, CLOSE_SEALED, nobody, NULL);
        rig_push1(r, w, rig_talk(60, 1, 2, 99, 1)); /* must not take the old table's memory */
        u32 pages = 0;
        for (u32 i = 0; i < c->n; i++) {
            if (c->entry[i].kind != ENTRY_PAGE || c->entry[i].part != PART_ROWS) continue;
            pages++;
            assert_int_equal(rig_get(c->entry[i].page.at, r->raw.measure[M_SRC_BYTES].at), 77);
        }
        assert_int_equal(pages, 1);
        window_thaw(w, written == 1);
        cut_now(c, w);
        assert_int_equal(entries(c, ENTRY_DROP), written);
        window_thaw(w, true);
        free(c);
        window_close(w);
    }
}

/* --- forged images --- */

/* An image of one window with a kept, amended pane (object 1) and an open one (object 2) with an `other` row. */
static struct store *sample_image(struct rig *r)
{
    struct window    *w = rig_window(&r->raw, 60, 600, 3, 10, 0);
    struct store     *s = calloc(1, sizeof *s);
    struct cut       *c = cut_make();
    const struct talk more[] = { rig_talk(60, 1, 2, 1, 1), rig_talk(60, 2, 2, 1, 1), rig_talk(60, 3, 2, 1, 1),
                                 rig_talk(60, 4, 2, 1, 1) };
    rig_push1(r, w, rig_talk(0, 1, 2, 1, 1));
    window_advance(w, 60 * SEC, CLOSE_SEALED, nobody, NULL);
    rig_push1(r, w, rig_talk(0, 1, 2, 1, 1));
    groups_reset(window_delta(w));
    rig_push(r, w, &r->same_raw, more, 4);
    store_write(s, cut_now(c, w));
    window_thaw(w, true);
    free(c);
    window_close(w);
    return s;
}

static err forged_restore(struct rig *r, const struct store *s)
{
    struct window *w = rig_window(&r->raw, 60, 600, 3, 10, 0);
    err            e = store_restore(s, 0, w);
    window_close(w);
    return e;
}

static void a_forged_image_is_refused_with_its_reason(void **state)
{
    static const struct {
        u64         object;
        i32         part; /* -1: the head */
        u32         at, byte;
        const char *what;
    } rows[] = {
        { 0, -1, 0, 2, "the head of the window has another version" },
        { 0, -1, 4, 9, "unknown reason of closing" },
        { 0, -1, 8, 1, "the window had another length" },
        { 0, -1, 24, 0, "the next object's number is 0" },
        { 0, -1, 24, 2, "a pane's number was not given out yet" },
        { 0, -1, 23, 0x7f, "a pane's state does not agree with the watermark" },
        { 0, -1, 23, 0x80, "a pane's state does not agree with the watermark" },
        { 1, -1, 0, 3, "the head of a pane has another version" },
        { 1, -1, 0, 2, "the head of a pane has another size" }, /* a name of no bytes */
        { 1, -1, 4, 2, "a pane has an unknown state" },
        { 1, -1, 4, 0, "a pane's state does not agree with the watermark" },
        { 1, -1, 5, 4, "a pane has an unknown state" },
        { 1, -1, 6, 2, "a pane has an unknown state" },
        { 1, -1, 7, 1, "a pane has an unknown state" },
        { 1, -1, 6, 0, "an amended row in a pane that is not" },
        { 2, -1, 6, 1, "an open pane cannot be amended" },
        { 1, -1, 8, 1, "a pane starts between two windows" },
        { 1, -1, 16, 0, "a page behind the last row or string of its pane" },
        { 1, -1, 16, 2, "a page has another size than its pane says" },
        { 1, -1, 16, 4, "a pane has more groups than groups_max" },
        { 1, -1, 19, 0xff, "a pane has more groups than groups_max" },
        { 1, -1, 20, 1, "a page has another size than its pane says" },
        { 1, -1, 23, 0xff, "a pane has more strings than its dictionary takes" },
        { 1, -1, 24, 1, "a page has another size than its pane says" },
        { 1, -1, 26, 1, "a page has another size than its pane says" },
        { 1, -1, 28, 1, "a pane's `other` row is not where its head says" },
        { 1, -1, 28, 2, "a pane's `other` row is not one of its rows" },
        { 2, -1, 28, 1, "a pane's `other` row is not where its head says" },
        { 2, -1, 28, 0, "a pane has more groups than groups_max" },
        { 1, -1, 44, 1, "a pane's rows have another width" },
        { 1, PART_ROWS, offsetof(struct group_row, start), 1, "a row lies outside its pane" },
        { 2, PART_ROWS, offsetof(struct group_row, revision), 1, "a row's revision is newer than its pane's" },
        { 2, PART_ROWS, offsetof(struct group_row, flags), GROUP_AMENDED, "an amended row in a pane that is not" },
        { 2, PART_ROWS, offsetof(struct group_row, flags), GROUP_OTHER, "a pane's groups are damaged" },
        { 2, PART_ROWS, offsetof(struct group_row, flags) + 3, 1, "a pane's groups are damaged" },
        { 1, PART_WORD_ENTRIES, 4, 0xff, "a pane's groups are damaged" },
        { 1, PART_WORD_ENTRIES, 2, 0xff, "a pane's groups are damaged" },
    };
    struct rig *r = rig_of_tests(state);
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct store  *s = sample_image(r);
        struct object *o = store_find(s, 0, rows[i].object);
        u8            *at = rows[i].part < 0 ? o->head : o->page[rows[i].part][0].at;
        at[rows[i].at] = (u8)rows[i].byte;
        err e = forged_restore(r, s);
        if (e.code != ERR_STATE || strcmp(e.what, rows[i].what) != 0)
            fail_msg("row %u: %s, expected %s", i, e.what ? e.what : "accepted", rows[i].what);
        store_free(s);
    }
}

static void a_word_that_is_there_twice_is_refused(void **state)
{
    struct rig       *r = rig_of_tests(state);
    struct store     *s = sample_image(r);
    struct kept_page *bytes = &store_find(s, 0, 2)->page[PART_WORD_BYTES][0];
    assert_memory_equal(bytes->at, "site-1site-2", 12);
    bytes->at[11] = '1';
    err e = forged_restore(r, s);
    assert_string_equal(e.what, "a pane has a word twice");
    store_free(s);
}

static void a_whole_image_is_believed(void **state)
{
    struct rig   *r = rig_of_tests(state);
    struct store *s = sample_image(r);
    err           e = forged_restore(r, s);
    assert_int_equal(e.code, ERR_NONE);
    store_free(s);
}

static void pieces_that_are_missing_or_too_many_are_refused(void **state)
{
    struct rig    *r = rig_of_tests(state);
    struct store  *s = sample_image(r);
    struct object *window = store_find(s, 0, 0), *pane = store_find(s, 0, 1);
    slice          head = slice_of((char *)pane->head, pane->head_len);
    slice          top = slice_of((char *)window->head, window->head_len);
    slice          page = slice_of((char *)pane->page[PART_ROWS][0].at, pane->page[PART_ROWS][0].len);

    struct window *w = rig_window(&r->raw, 60, 600, 3, 10, 0);
    assert_string_equal(window_restore_done(w).what, "the window has no head");
    assert_string_equal(window_restore_page(w, 1, PART_ROWS, 0, page).what, "a page of a pane that has no head");
    assert_string_equal(window_restore_head(w, 1, slice_of(head.at, head.len - 1)).what,
                        "the head of a pane has another size");
    assert_string_equal(window_restore_head(w, 0, slice_of(top.at, 0)).what, "the head of the window has another size");
    assert_false(err_is(window_restore_head(w, 0, top)));
    assert_string_equal(window_restore_head(w, 0, top).what, "the window has two heads");
    assert_false(err_is(window_restore_head(w, 1, head)));
    assert_string_equal(window_restore_head(w, 1, head).what, "a pane has two heads");
    assert_string_equal(window_restore_head(w, 2, head).what, "two panes start at the same time");
    assert_string_equal(window_restore_done(w).what, "a pane lacks a page");
    assert_false(err_is(window_restore_page(w, 1, PART_ROWS, 0, page)));
    assert_string_equal(window_restore_page(w, 1, PART_ROWS, 0, page).what, "a page comes twice");
    assert_string_equal(window_restore_page(w, 1, PARTS, 0, page).what, "a page of an unknown part");
    assert_string_equal(window_restore_page(w, 1, PART_ROWS, 1, page).what,
                        "a page behind the last row or string of its pane");
    window_close(w);
    store_free(s);
}

/* Any byte may be wrong: the image is refused, or it is whole enough to work with. */
static void a_changed_byte_never_breaks_the_window(void **state)
{
    struct rig *r = rig_of_tests(state);
    u64         random = 3;
    u32         refused = 0;
    for (u32 i = 0; i < 1500; i++) {
        struct store  *s = sample_image(r);
        struct object *o = store_find(s, 0, rig_random(&random) % 3);
        u32            part = rig_random(&random) % (PARTS + 1);
        if (part == PARTS || o->id == 0) {
            o->head[rig_random(&random) % o->head_len] ^= (u8)(1 + rig_random(&random) % 255);
        } else {
            struct kept_page *p = &o->page[part][0];
            p->at[rig_random(&random) % p->len] ^= (u8)(1 + rig_random(&random) % 255);
        }
        struct window *w = rig_window(&r->raw, 60, 600, 3, 10, 0);
        if (err_is(store_restore(s, 0, w))) {
            refused++;
        } else {
            for (u32 n = 0; n < 20; n++) rig_push1(r, w, rig_random_talk(&random, -100, 400));
            window_flush(w, nobody, NULL);
            window_advance(w, 10000 * SEC, CLOSE_END, nobody, NULL);
        }
        window_close(w);
        store_free(s);
    }
    assert_true(refused > 500 && refused < 1500);
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
        cmocka_unit_test(windows_go_on_from_their_image_as_if_nothing_had_happened),
        cmocka_unit_test(windows_of_several_parts_go_on_from_their_image),
        cmocka_unit_test(a_cut_tells_only_what_changed),
        cmocka_unit_test(a_drop_is_told_until_it_is_written),
        cmocka_unit_test(a_pane_that_was_never_saved_is_not_dropped),
        cmocka_unit_test(a_pane_that_goes_during_its_cut_keeps_its_pages),
        cmocka_unit_test(a_whole_image_is_believed),
        cmocka_unit_test(a_forged_image_is_refused_with_its_reason),
        cmocka_unit_test(a_word_that_is_there_twice_is_refused),
        cmocka_unit_test(pieces_that_are_missing_or_too_many_are_refused),
        cmocka_unit_test(a_changed_byte_never_breaks_the_window),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
