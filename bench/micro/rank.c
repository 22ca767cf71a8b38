/* SPDX-License-Identifier: Apache-2.0 */
/* rank.c: what a ranking of one closed window costs: 10,000 sites (and 200,000) x 15 fields x top 100.
 *
 * Rows have 50 measures, 13 of the ranked fields are sums and 2 samplings. Values are spread evenly, or mostly zero (so
 * that the cut goes through thousands of ties, which keys must break), or ascending (each row is the best so far: a
 * heap's worst case). Printed are milliseconds a ranking, the best and the median of several.
 *
 *   rank [rounds, default 9] */
#include "rank/rank.h"
#include "weir/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SUMS      46u
#define SAMPLINGS 4u
#define MEASURES  (SUMS + SAMPLINGS)
#define FIELDS    15u

enum spread { SPREAD_EVEN, SPREAD_ZERO, SPREAD_ASCENDING };

static const char *const spread_names[] = { "even", "mostly 0", "ascending" };

static u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static f64 seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec * 1e-9;
}

static void make_layout(struct group_layout *l)
{
    struct field f[1 + MEASURES] = { { .type = FIELD_TAG } };
    for (u32 m = 0; m < MEASURES; m++) {
        f[1 + m] = (struct field){ .type = FIELD_U64, .fold = FOLD_SUM, .mirror = m ^ 1 };
        if (m >= SUMS) f[1 + m].type = FIELD_SAMPLING, f[1 + m].fold = FOLD_SAMPLING;
    }
    WEIR_ASSERT(!err_is(group_layout_init(l, 1, 0, MEASURES, f)));
}

static void put_measures(u8 *row, const struct group_layout *l, u32 i, enum spread spread, u64 *state)
{
    for (u32 m = 0; m < MEASURES; m++) {
        u64 v = random_next(state) >> 20;
        if (spread == SPREAD_ZERO && v % 256 != 0) v = 0;
        if (spread == SPREAD_ASCENDING) v = (u64)i + 1;
        struct sampling s = { 3, v, v, v * 3, 0 };
        if (m < SUMS) memcpy(row + l->measure[m].at, &v, 8), row[l->measure[m].present] = 1;
        else memcpy(row + l->measure[m].at, &s, sizeof s);
    }
}

static void make_table(struct groups *g, const struct group_layout *l, u32 rows, enum spread spread)
{
    u64 state = 42;
    groups_init(g, l, rows);
    for (u32 i = 0; i < rows; i++) {
        struct {
            nanos start;
            u32   id, pad;
        } key = { 0 };
        char text[32];
        int  len = snprintf(text, sizeof text, "site-%07u", (u32)(random_next(&state) >> 36) * 8 + i % 8);
        key.id = strings_add(&g->words, slice_of(text, (size_t)len));
        u32 row;
        u64 fresh;
        groups_find_add(g, (const u8 *)&key, 1, &row, &fresh);
        put_measures((u8 *)groups_row_write(g, row), l, i, spread, &state);
    }
}

static int f64_cmp(const void *a, const void *b)
{
    f64 x = *(const f64 *)a, y = *(const f64 *)b;
    return (x > y) - (x < y);
}

static void run(u32 rows, enum spread spread, u32 rounds)
{
    u32                 field[FIELDS];
    struct group_layout l;
    struct groups       g;
    struct rank        *r;
    struct ranked       got = { 0 };
    make_layout(&l);
    WEIR_ASSERT(l.key_end == sizeof(struct group_row) + 8);
    make_table(&g, &l, rows, spread);
    for (u32 f = 0; f < FIELDS; f++) field[f] = f < 13 ? f * 3 : SUMS + f - 13;
    struct rank_spec spec = { 100, FIELDS, field };
    WEIR_ASSERT(!err_is(rank_open(&r, &spec, &l)));
    f64 *ms = calloc(rounds, sizeof *ms);
    WEIR_ASSERT(ms != NULL);
    rank_groups(r, &g, &got); /* warms up */
    for (u32 i = 0; i < rounds; i++) {
        f64 began = seconds_now();
        rank_groups(r, &g, &got);
        ms[i] = (seconds_now() - began) * 1e3;
    }
    qsort(ms, rounds, sizeof *ms, f64_cmp);
    printf("%8u %-10s %6u %8.2f %8.2f\n", groups_count(&g), spread_names[spread], got.rows, ms[0], ms[rounds / 2]);
    free(ms);
    rank_close(r);
    groups_fini(&g);
    group_layout_fini(&l);
}

int main(int argc, char **argv)
{
    u32 rounds = argc > 1 ? (u32)strtoul(argv[1], NULL, 10) : 9;
    if (rounds < 1 || rounds > 1000) rounds = 9;
    hash_seed_init();
    printf("%8s %-10s %6s %8s %8s\n", "groups", "values", "lines", "best ms", "median");
    for (enum spread s = SPREAD_EVEN; s <= SPREAD_ASCENDING; s++) run(10000, s, rounds);
    for (enum spread s = SPREAD_EVEN; s <= SPREAD_ASCENDING; s++) run(200000, s, rounds);
    return 0;
}
