/* SPDX-License-Identifier: Apache-2.0 */
/* test_lpm.c: the tries against a search that tries every net.
 *
 * Tables are drawn from seeds: both families, nested, dense and sparse, with and without default routes. Asked for are
 * the first and last address of each net, their neighbours outside, and random addresses near and far, in batches of
 * all sizes, one by one, and families mixed. */
#include "tag/lpm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NETS_MAX 3000

struct kind {
    const char *name;
    u32         nets, rounds;
    u32         v4_share;  /* per cent                                             */
    u32         clusters;  /* different beginnings of addresses; few: deep nesting */
    u32         min4, max4, min6, max6;
    bool        default4, default6;
};

static const struct kind kinds[] = {
    { "empty", 0, 1, 0, 1, 0, 32, 0, 128, false, false },
    { "one v4 host", 1, 20, 100, 1, 32, 32, 0, 128, false, false },
    { "one v6 host", 1, 20, 0, 1, 0, 32, 128, 128, false, false },
    { "only default v4", 0, 1, 0, 1, 0, 32, 0, 128, true, false },
    { "only default v6", 0, 1, 0, 1, 0, 32, 0, 128, false, true },
    { "both defaults", 0, 1, 0, 1, 0, 32, 0, 128, true, true },
    { "v4 any length", 300, 12, 100, 1000, 0, 32, 0, 128, false, false },
    { "v4 nested", 300, 12, 100, 2, 0, 32, 0, 128, false, true },
    { "v4 like the internet", 1000, 2, 100, 40, 8, 24, 0, 128, true, false },
    { "v4 hosts, dense", 1000, 2, 100, 3, 26, 32, 0, 128, false, false },
    { "v4 hosts, sparse", 300, 4, 100, 100000, 32, 32, 0, 128, true, false },
    { "v6 any length", 300, 12, 0, 1000, 0, 32, 0, 128, false, false },
    { "v6 nested", 300, 12, 0, 2, 0, 32, 0, 128, true, true },
    { "v6 like the internet", 1000, 2, 0, 30, 8, 24, 20, 64, false, true },
    { "v6 hosts, dense", 500, 4, 0, 3, 0, 32, 118, 128, false, false },
    { "v6 hosts, sparse", 500, 4, 0, 100000, 0, 32, 128, 128, false, true },
    { "mixed", 500, 12, 50, 20, 0, 32, 0, 128, false, false },
    { "mixed with defaults", 500, 12, 50, 20, 4, 32, 8, 128, true, true },
    { "around the mapped range", 100, 12, 50, 1, 0, 8, 60, 100, false, true },
};

struct table {
    struct lpm_net net[NETS_MAX]; /* as drawn, kept for the search */
    u32            nets;
    struct lpm     lpm;
    u32            found[NETS_MAX * 6 + 4096];
    addr           ask[NETS_MAX * 6 + 4096];
    u32            asks;
};

static u64 draw(u64 *state)
{
    *state += 0x9e3779b97f4a7c15u;
    u64 z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static u32 draw_between(u64 *state, u32 least, u32 most)
{
    return least + (u32)(draw(state) % (most - least + 1));
}

static u128 to_key(u64 hi, u64 lo)
{
    return (u128)hi << 64 | lo;
}

static u128 mask_of(u32 bits)
{
    return bits == 0 ? 0 : ~(u128)0 << (128 - bits);
}

static addr to_addr(u128 key)
{
    addr a;
    for (u32 i = 0; i < 16; i++) a.b[i] = (u8)(key >> (120 - 8 * i));
    return a;
}

static u128 key_of(const addr *a)
{
    u128 key = 0;
    for (u32 i = 0; i < 16; i++) key = key << 8 | a->b[i];
    return key;
}

/* Adds the net unless it is there. Rows are numbered as nets are drawn. */
static void add_net(struct table *t, u128 key, u32 bits)
{
    key &= mask_of(bits);
    for (u32 i = 0; i < t->nets; i++)
        if (to_key(t->net[i].hi, t->net[i].lo) == key && t->net[i].bits == bits) return;
    t->net[t->nets] = (struct lpm_net){ (u64)(key >> 64), (u64)key, t->nets + 1, bits };
    t->nets++;
}

/* Beginnings are few, ends are random: the fewer, the more nets lie in one another. */
static u128 draw_key(const struct kind *k, bool v4, u64 *state)
{
    u64  beginning = draw_between(state, 1, k->clusters) * 0xd1342543de82ef95u;
    u64  hi = draw(&beginning), lo = draw(&beginning);
    u32  shared = draw_between(state, 0, v4 ? 32 : 128); /* bits of the beginning that stay */
    u128 key = v4 ? to_key(hi, lo) >> 96 : to_key(hi, lo), noise = to_key(draw(state), draw(state));
    if (v4) {
        u32 ends = shared < 32 ? 0xffffffffu >> shared : 0;
        return ((u32)key & ~ends) | ((u32)noise & ends) | (u128)0xffff << 32;
    }
    if (k->clusters == 1) key = (u128)0xffff << 32; /* near the mapped range */
    return (key & mask_of(shared)) | (noise & ~mask_of(shared));
}

static void draw_table(struct table *t, const struct kind *k, u64 *state)
{
    t->nets = 0;
    if (k->default4) add_net(t, (u128)0xffff << 32, 96);
    if (k->default6) add_net(t, 0, 0);
    for (u32 i = 0; i < k->nets; i++) {
        bool v4 = draw(state) % 100 < k->v4_share;
        u32  bits = v4 ? 96 + draw_between(state, k->min4, k->max4) : draw_between(state, k->min6, k->max6);
        add_net(t, draw_key(k, v4, state), bits);
    }
    static struct lpm_net sorted[NETS_MAX], spare[NETS_MAX];
    memcpy(sorted, t->net, t->nets * sizeof *sorted);
    lpm_sort(sorted, spare, t->nets);
    lpm_init(&t->lpm, sorted, t->nets);
}

static void draw_asks(struct table *t, const struct kind *k, u64 *state)
{
    t->asks = 0;
    for (u32 i = 0; i < t->nets; i++) {
        u128 first = to_key(t->net[i].hi, t->net[i].lo), last = first | ~mask_of(t->net[i].bits);
        u128 inside = first | (to_key(draw(state), draw(state)) & ~mask_of(t->net[i].bits));
        u128 ask[6] = { first, last, first - 1, last + 1, inside, inside ^ 1 };
        for (u32 j = 0; j < 6; j++) t->ask[t->asks++] = to_addr(ask[j]);
    }
    for (u32 i = 0; i < 1000; i++) {
        u128 key = to_key(draw(state), draw(state));
        t->ask[t->asks++] = to_addr(i % 2 ? key : (key >> 96 | (u128)0xffff << 32));
        t->ask[t->asks++] = to_addr(draw_key(k, i % 3 == 0, state));
    }
    for (u32 i = t->asks - 1; i > 0; i--) { /* families and hits in any order */
        u32  j = (u32)(draw(state) % (i + 1));
        addr swap = t->ask[i];
        t->ask[i] = t->ask[j];
        t->ask[j] = swap;
    }
}

static u32 search(const struct table *t, const addr *a)
{
    u128 key = key_of(a);
    u32  best = 0;
    for (u32 i = 0; i < t->nets; i++) {
        bool holds = ((key ^ to_key(t->net[i].hi, t->net[i].lo)) & mask_of(t->net[i].bits)) == 0;
        if (holds && (best == 0 || t->net[i].bits > t->net[best - 1].bits)) best = i + 1;
    }
    return best;
}

static void compare(const struct table *t, const char *name)
{
    for (u32 i = 0; i < t->asks; i++) {
        u32 want = search(t, &t->ask[i]);
        if (t->found[i] == want) continue;
        char text[ADDR_TEXT];
        addr_format(&t->ask[i], text);
        fail_msg("%s: %s is in row %u, not %u", name, text, want, t->found[i]);
    }
}

static void look_up_in_batches(struct table *t, u64 *state, u32 most)
{
    for (u32 i = 0; i < t->asks;) {
        u32 n = draw_between(state, 0, most);
        if (n > t->asks - i) n = t->asks - i;
        lpm_find(&t->lpm, t->ask + i, n, t->found + i);
        i += n;
    }
}

static void the_longest_net_is_found(void **state)
{
    struct table *t = malloc(sizeof *t);
    u64           seed = 1;
    for (size_t i = 0; i < WEIR_COUNT(kinds); i++) {
        for (u32 round = 0; round < kinds[i].rounds; round++) {
            draw_table(t, &kinds[i], &seed);
            draw_asks(t, &kinds[i], &seed);
            static const u32 most[] = { 1, 3, 5, 200, 2000 };
            look_up_in_batches(t, &seed, most[round % WEIR_COUNT(most)]);
            compare(t, kinds[i].name);
            lpm_fini(&t->lpm);
        }
    }
    free(t);
}

/* Blocks of one family and of both take different ways. */
static void families_do_not_disturb_each_other(void **state)
{
    struct table *t = malloc(sizeof *t);
    u64           seed = 77;
    const struct kind *k = &kinds[WEIR_COUNT(kinds) - 2];
    draw_table(t, k, &seed);
    for (u32 share = 0; share <= 4; share++) {
        t->asks = 1024;
        for (u32 i = 0; i < t->asks; i++) t->ask[i] = to_addr(draw_key(k, draw(&seed) % 4 < share, &seed));
        lpm_find(&t->lpm, t->ask, t->asks, t->found);
        compare(t, k->name);
    }
    lpm_fini(&t->lpm);
    free(t);
}

/* More nets than LPM_WIDE_NETS: the root has 18 bits. Every /24 and some hosts of 10.0.0.0/8, /48s of 2001:db8::/32. */
static void large_tables_have_a_wide_root(void **state)
{
    enum { V4 = 1 << 16, V6 = 1 << 15 };
    struct lpm_net *nets = malloc((2 * V4 + 2 * V6) * sizeof *nets);
    u32             n = 0;
    for (u32 i = 0; i < V4; i++) {
        u64 at = 0xffff00000000u | 10u << 24 | i << 8;
        nets[n] = (struct lpm_net){ 0, at, n + 1, 120 };
        n++;
        if (i % 7 != 0) continue;
        nets[n] = (struct lpm_net){ 0, at | (i % 256), n + 1, 128 };
        n++;
    }
    u32 v4 = n;
    for (u32 i = 0; i < V6 + 1000; i++) {
        nets[n] = (struct lpm_net){ 0x20010db800000000u | (u64)i << 16, 0, n + 1, 48 };
        n++;
    }
    struct lpm l;
    lpm_init(&l, nets, n);
    assert_int_equal(l.v4.root_bits, 18);
    assert_int_equal(l.v6.root_bits, 18);
    for (u32 i = 0, row = 1; i < V4; i++) {
        addr ask[5];
        u32  rows[5];
        u32  last[5] = { 0, 255, i % 256, (i % 256) ^ 1, 77 };
        for (u32 j = 0; j < 5; j++) ask[j] = to_addr(0xffff00000000u | 10u << 24 | i << 8 | last[j]);
        lpm_find(&l, ask, 5, rows);
        for (u32 j = 0; j < 5; j++) assert_int_equal(rows[j], i % 7 == 0 && last[j] == i % 256 ? row + 1 : row);
        row += i % 7 == 0 ? 2 : 1;
    }
    for (u32 i = 0; i < V6 + 1000; i += 3) {
        addr ask[4];
        u32  rows[4];
        u64  hi = 0x20010db800000000u | (u64)i << 16;
        ask[0] = to_addr(to_key(hi, 0));
        ask[1] = to_addr(to_key(hi | 0xffff, ~0ull));
        ask[2] = to_addr(to_key(hi | 1ull << 48 << 15, 5)); /* another /32: none */
        ask[3] = to_addr(to_key(hi, i));
        lpm_find(&l, ask, 4, rows);
        assert_int_equal(rows[0], v4 + i + 1);
        assert_int_equal(rows[1], v4 + i + 1);
        assert_int_equal(rows[2], 0);
        assert_int_equal(rows[3], v4 + i + 1);
    }
    lpm_fini(&l);
    free(nets);
}

/* A chain of 129 nets, each in the one before, and the same for hosts alone: no memory for bits without a fork. */
static void long_prefixes_without_forks_cost_little(void **state)
{
    static struct lpm_net nets[10000];
    u64                   seed = 5;
    for (u32 i = 0; i < 10000; i++)
        nets[i] = (struct lpm_net){ 0x20010db800000000u + i * 7919u, draw(&seed), i + 1, 128 };
    struct lpm l;
    lpm_init(&l, nets, 10000);
    assert_in_range(lpm_memory(&l), 1, 2 << 20);
    lpm_fini(&l);
    for (u32 i = 0; i <= 128; i++) nets[i] = (struct lpm_net){ 0, 0, i + 1, i };
    lpm_init(&l, nets, 129);
    for (u32 i = 0; i <= 128; i++) {
        addr ask = to_addr(i == 128 ? 0 : (u128)1 << (127 - i));
        u32  row;
        lpm_find(&l, &ask, 1, &row);
        assert_int_equal(row, i + 1);
    }
    lpm_fini(&l);
}

static void nets_are_sorted_by_address_then_length(void **state)
{
    static struct lpm_net nets[NETS_MAX], spare[NETS_MAX];
    u64                   seed = 3;
    for (u32 shape = 0; shape < 4; shape++) {
        for (u32 i = 0; i < NETS_MAX; i++) {
            u64 hi = shape == 0 ? 0 : draw(&seed) << 48, lo = shape == 1 ? 0 : draw(&seed) % 1000;
            nets[i] = (struct lpm_net){ hi, lo, i, shape == 2 ? 64 : (u32)(draw(&seed) % 129) };
        }
        lpm_sort(nets, spare, NETS_MAX);
        u64 rows = 0;
        for (u32 i = 0; i < NETS_MAX; i++) {
            rows += nets[i].row;
            if (i == 0) continue;
            const struct lpm_net *a = &nets[i - 1], *b = &nets[i];
            u128                  x = to_key(a->hi, a->lo), y = to_key(b->hi, b->lo);
            bool ordered = x < y || (x == y && (a->bits < b->bits || (a->bits == b->bits && a->row < b->row)));
            assert_true(ordered);
        }
        assert_int_equal(rows, (u64)NETS_MAX * (NETS_MAX - 1) / 2);
    }
    lpm_sort(nets, spare, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_net_is_found),
        cmocka_unit_test(families_do_not_disturb_each_other),
        cmocka_unit_test(large_tables_have_a_wide_root),
        cmocka_unit_test(long_prefixes_without_forks_cost_little),
        cmocka_unit_test(nets_are_sorted_by_address_then_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
