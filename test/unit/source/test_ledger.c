/* SPDX-License-Identifier: Apache-2.0 */
/* test_ledger.c: the table of names, positions as text, whose file a name means, and the queue of ready files. */
#include "source/ledger.h"
#include "source/ready.h"
#include "weir/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct file *added(struct ledger *l, const char *name)
{
    struct p2_name p2 = p2name_parse(slice_str(name));
    return ledger_add(l, slice_str(name), &p2);
}

/* Adds and removes in a pattern that leaves runs with holes, against a plain array of flags. */
static void ledger_finds_what_was_added_and_not_removed(void **state)
{
    enum { NAMES = 5000 };
    struct ledger l;
    static bool   in[NAMES];
    char          name[32];
    u32           draw = 1, count = 0;
    ledger_init(&l, NAMES);
    for (int turn = 0; turn < 40000; turn++) {
        draw = draw * 1664525u + 1013904223u;
        u32 i = (draw >> 8) % NAMES;
        snprintf(name, sizeof name, "_tcp_@%u", i);
        struct file *f = ledger_find(&l, slice_str(name));
        assert_int_equal(f != NULL, in[i]);
        if (f) {
            assert_int_equal(f->start, i);
            ledger_remove(&l, f);
            file_free(f);
        } else added(&l, name);
        in[i] = !in[i];
        count += in[i] ? 1 : UINT32_MAX;
        assert_int_equal(l.count, count);
    }
    ledger_fini(&l);
}

static void ledger_that_is_full_adds_nothing(void **state)
{
    struct ledger l;
    ledger_init(&l, 2);
    assert_non_null(added(&l, "_tcp_@1"));
    assert_non_null(added(&l, "_tcp_@2"));
    assert_null(added(&l, "_tcp_@3"));
    ledger_fini(&l);
}

static struct position only(struct ledger *l)
{
    u32                    count;
    const struct position *p;
    ledger_cut(l, &count, &p);
    assert_int_equal(count, 1);
    return p[0];
}

static void ledger_cuts_only_what_changed_and_deletes_what_was_saved(void **state)
{
    struct ledger          l;
    u32                    count;
    const struct position *p;
    ledger_init(&l, 10);
    struct file *a = added(&l, "_tcp_@1"), *b = added(&l, "_tcp_@2");
    ledger_touch(&l, a);
    ledger_touch(&l, a);
    assert_true(slice_is(only(&l).key, "_tcp_@1"));
    ledger_cut(&l, &count, &p);
    assert_int_equal(count, 0);
    ledger_touch(&l, b); /* never saved: needs no deletion */
    ledger_remove(&l, b);
    file_free(b);
    ledger_touch(&l, a);
    ledger_remove(&l, a);
    file_free(a);
    struct position gone = only(&l);
    assert_true(slice_is(gone.key, "_tcp_@1"));
    assert_null(gone.value.at);
    ledger_fini(&l);
}

static void ledger_gives_one_position_when_a_name_was_removed_and_came_back(void **state)
{
    struct ledger l;
    ledger_init(&l, 10);
    struct file *a = added(&l, "_tcp_@1");
    ledger_touch(&l, a);
    only(&l);
    ledger_remove(&l, a);
    file_free(a);
    a = added(&l, "_tcp_@1");
    a->applied = a->look.size = 7;
    ledger_touch(&l, a);
    assert_non_null(only(&l).value.at);
    ledger_fini(&l);
}

static void ledger_restores_what_it_cut(void **state)
{
    struct ledger l, again;
    ledger_init(&l, 10);
    ledger_init(&again, 10);
    struct file *f = added(&l, "_udp_@60");
    f->look = (struct look){ 1ull << 40, UINT64_MAX, 1700000000123456789, 1000, 1700000001000000001 };
    f->home = 99;
    f->applied = 900;
    f->lines = 12;
    f->ended = true;
    ledger_touch(&l, f);
    struct position p = only(&l);
    assert_int_equal(ledger_restore(&again, &p).code, ERR_NONE);
    struct file *g = ledger_find(&again, S("_udp_@60"));
    assert_memory_equal(&g->look, &f->look, sizeof f->look);
    assert_true(g->home == 99 && g->applied == 900 && g->offered == 900 && g->lines == 12 && g->start == 60);
    assert_true(g->restored && g->ended && !g->quarantined);
    assert_int_equal(ledger_restore(&again, &p).code, ERR_STATE); /* twice */
    ledger_fini(&l);
    ledger_fini(&again);
}

static void ledger_refuses_positions_that_are_not_its_own(void **state)
{
    static const char *const rows[][2] = {
        { "_tcp_@60", "" },
        { "_tcp_@60", "1 1 1 1 1 10 1 5 1" },       /* a number short   */
        { "_tcp_@60", "1 1 1 1 1 10 1 5 1 0 0" },   /* one too many     */
        { "_tcp_@60", "2 1 1 1 1 10 1 5 1 0" },     /* another version  */
        { "_tcp_@60", "1 1 1 1 1 10 1 x 1 0" },     /* no number        */
        { "_tcp_@60", "1 1 1 1 1 10 1 11 1 0" },    /* beyond the end   */
        { "__@60.finished", "1 1 1 1 1 10 1 5 1 0" },
        { "", "1 1 1 1 1 10 1 5 1 0" },
    };
    struct ledger l;
    ledger_init(&l, 10);
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        struct position p = { slice_str(rows[i][0]), slice_str(rows[i][1]) };
        if (ledger_restore(&l, &p).code != ERR_STATE) fail_msg("row %zu", i);
    }
    assert_int_equal(l.count, 0);
    ledger_fini(&l);
}

static void file_is_the_one_that_was_read_or_another(void **state)
{
    static const struct {
        const char *what;
        bool        restored, same;
        struct look had, now; /* device, inode, born, size, mtime */
    } rows[] = {
        { "grown", false, true, { 1, 2, 3, 10, 5 }, { 1, 2, 3, 20, 6 } },
        { "shrunk", true, true, { 1, 2, 3, 10, 5 }, { 1, 2, 3, 5, 6 } },
        { "another inode", false, false, { 1, 2, 3, 10, 5 }, { 1, 9, 3, 10, 5 } },
        { "inode used again", false, false, { 1, 2, 3, 10, 5 }, { 1, 2, 4, 10, 5 } },
        { "birth not told", false, true, { 1, 2, 0, 10, 5 }, { 1, 2, 4, 10, 5 } },
        { "device changes in a run", false, false, { 1, 2, 3, 10, 5 }, { 7, 2, 3, 10, 5 } },
        { "device renumbered by a reboot", true, true, { 1, 2, 3, 10, 5 }, { 7, 2, 3, 20, 6 } },
        { "that, and shrunk", true, false, { 1, 2, 3, 10, 5 }, { 7, 2, 3, 9, 6 } },
        { "copied to another disk", true, true, { 1, 2, 3, 10, 5 }, { 7, 8, 9, 10, 5 } },
        { "new on another disk", true, false, { 1, 2, 3, 10, 5 }, { 7, 8, 9, 10, 6 } },
        { "replaced while down", true, false, { 1, 2, 3, 10, 5 }, { 1, 8, 9, 10, 5 } },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        struct file f = { .look = rows[i].had, .restored = rows[i].restored };
        if (file_is(&f, &rows[i].now) != rows[i].same) fail_msg("%s", rows[i].what);
    }
}

static void ready_gives_files_by_start_and_name_whatever_was_dropped(void **state)
{
    struct ledger l;
    struct ready  r = { 0 };
    char          name[32];
    u32           draw = 3;
    ledger_init(&l, 5000);
    for (u32 i = 0; i < 1000; i++) {
        draw = draw * 1664525u + 1013904223u;
        snprintf(name, sizeof name, "_%s_@%u", i % 3 ? i % 3 == 1 ? "tcp" : "udp" : "other", (draw >> 8) % 3000);
        struct file *f = ledger_find(&l, slice_str(name));
        if (f == NULL) f = added(&l, name);
        ready_push(&r, f);
        ready_push(&r, f);
    }
    for (u32 i = 0; i < l.count; i += 7) ready_drop(&r, l.file[i]), ready_drop(&r, l.file[i]);
    u32          left = r.count, dropped = (l.count + 6) / 7;
    struct file *before = NULL, *f;
    assert_int_equal(left, l.count - dropped);
    for (; (f = ready_first(&r)) != NULL; before = f, left--) {
        int order = before == NULL || before->start < f->start ? -1 : strcmp(before->name, f->name);
        assert_true(order < 0 && (before == NULL || before->start <= f->start));
        ready_drop(&r, f);
        assert_int_equal(f->ready, NOWHERE);
    }
    assert_int_equal(left, 0);
    ready_fini(&r);
    ledger_fini(&l);
}

int main(void)
{
    hash_seed_set(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ledger_finds_what_was_added_and_not_removed),
        cmocka_unit_test(ledger_that_is_full_adds_nothing),
        cmocka_unit_test(ledger_cuts_only_what_changed_and_deletes_what_was_saved),
        cmocka_unit_test(ledger_gives_one_position_when_a_name_was_removed_and_came_back),
        cmocka_unit_test(ledger_restores_what_it_cut),
        cmocka_unit_test(ledger_refuses_positions_that_are_not_its_own),
        cmocka_unit_test(file_is_the_one_that_was_read_or_another),
        cmocka_unit_test(ready_gives_files_by_start_and_name_whatever_was_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
