/* SPDX-License-Identifier: Apache-2.0 */
/* groups.c: what one record costs in a group table: find or add, and fold, through combine_push.
 *
 * Synthetic batches of 1,024 records over a number of groups, in random order, so that with many groups each record
 * meets a row that no cache holds. Printed are nanoseconds a record, the best and the median of several rounds.
 * Also: merging rows (what the loop does with partials), nanoseconds a row.
 *
 *   groups [records a round, default 4,000,000] [rounds, default 5] */
#include "weir/hash.h"
#include "window/combine.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 8u /* few, so that columns are near, as after decoding */

struct shape {
    const char *name;
    u32         groups;
    u32         sums, mins, maxs, samplings; /* measures; every second mirrors the one before */
    bool        nulls;                       /* every eighth value is null                    */
};

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

static void *must(void *memory)
{
    WEIR_ASSERT(memory != NULL);
    return memory;
}

/* Key columns u64 and net, then the measures. */
static u32 make_fields(struct field *f, const struct shape *s)
{
    u32 n = 0, measures = s->sums + s->mins + s->maxs + s->samplings;
    f[n++] = (struct field){ S("port"), FIELD_U64, FOLD_NONE, 0, FIELD_NO_MIRROR, false };
    f[n++] = (struct field){ S("net"), FIELD_NET, FOLD_NONE, 0, FIELD_NO_MIRROR, false };
    for (u32 m = 0; m < measures; m++) {
        struct field *to = &f[n++];
        *to = (struct field){ S("m"), FIELD_U64, FOLD_SUM, 0, m ^ 1, false };
        if (m >= s->sums) to->fold = FOLD_MIN;
        if (m >= s->sums + s->mins) to->fold = FOLD_MAX;
        if (m >= s->sums + s->mins + s->maxs) to->fold = FOLD_SAMPLING, to->type = FIELD_SAMPLING;
    }
    for (u32 m = 0; m < measures; m++) /* a last one alone of its kind has no partner */
        if ((m ^ 1) >= measures || f[2 + m].fold != f[2 + (m ^ 1)].fold) f[2 + m].mirror = FIELD_NO_MIRROR;
    return measures;
}

static void fill_keys(struct batch *b, u32 groups, u64 *state)
{
    for (u32 i = 0; i < b->rows; i++) {
        u64  g = random_next(state) % groups;
        net *n = &((net *)b->column[1].cells)[i];
        ((u64 *)b->column[0].cells)[i] = g & 7;
        *n = (net){ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, (u8)(g >> 16), (u8)(g >> 8), (u8)g } }, 128 };
    }
}

static void fill_measure(struct column *c, const struct field *f, bool nulls, u64 *state)
{
    c->cells = must(calloc(BATCH_ROWS, f->type == FIELD_SAMPLING ? sizeof(struct sampling) : sizeof(u64)));
    if (nulls) {
        c->nulls = must(calloc(BATCH_ROWS / 64, sizeof(u64)));
        for (u32 i = 0; i < BATCH_ROWS / 64; i++)
            c->nulls[i] = random_next(state) & random_next(state) & random_next(state);
    }
    for (u32 i = 0; i < BATCH_ROWS; i++) {
        u64 v = random_next(state) & 0xffff;
        if (f->type == FIELD_SAMPLING) ((struct sampling *)c->cells)[i] = (struct sampling){ 3, v, v * 2, v * 4, 0 };
        else ((u64 *)c->cells)[i] = v;
    }
}

static struct batch *make_batches(const struct shape *s, const struct field *f, u32 columns, u64 *state)
{
    struct batch *batches = must(calloc(BATCHES, sizeof *batches));
    for (u32 i = 0; i < BATCHES; i++) {
        struct batch *b = &batches[i];
        *b = (struct batch){ .rows = BATCH_ROWS, .columns = columns, .time_all = 1700000000 * NANOS_SECOND };
        b->column = must(calloc(columns, sizeof *b->column));
        b->column[0].cells = must(calloc(BATCH_ROWS, sizeof(u64)));
        b->column[1].cells = must(calloc(BATCH_ROWS, sizeof(net)));
        fill_keys(b, s->groups, state);
        if (i > 0) memcpy(b->column + 2, batches[0].column + 2, (columns - 2) * sizeof *b->column); /* shared: near */
        else
            for (u32 c = 2; c < columns; c++) fill_measure(&b->column[c], &f[c], s->nulls, state);
    }
    return batches;
}

static void free_batches(struct batch *batches, u32 columns)
{
    for (u32 c = 2; c < columns; c++) free(batches->column[c].cells), free(batches->column[c].nulls);
    for (u32 i = 0; i < BATCHES; i++) {
        free(batches[i].column[0].cells);
        free(batches[i].column[1].cells);
        free(batches[i].column);
    }
    free(batches);
}

static int f64_cmp(const void *a, const void *b)
{
    f64 x = *(const f64 *)a, y = *(const f64 *)b;
    return (x > y) - (x < y);
}

static void print_line(const char *name, const char *what, f64 *ns, u32 rounds, const struct groups *g)
{
    qsort(ns, rounds, sizeof *ns, f64_cmp);
    printf("%-26s %-8s %9u %5u B %8.1f %8.1f\n", name, what, groups_count(g), g->layout->size, ns[0], ns[rounds / 2]);
}

/* Merges every row of the table into another, as the window does with a partial. */
static f64 merge_rows(const struct groups *g, struct groups *to, const struct group_program *p)
{
    u32   n = groups_count(g), width = g->layout->key_end - (u32)offsetof(struct group_row, start);
    u8   *keys = must(calloc(GROUPS_BATCH, width));
    f64   began = seconds_now();
    for (u32 at = 0; at < n; at += GROUPS_BATCH) {
        u32 count = n - at < GROUPS_BATCH ? n - at : GROUPS_BATCH, rows[GROUPS_BATCH];
        u64 fresh;
        for (u32 i = 0; i < count; i++) memcpy(keys + i * width, &groups_row(g, at + i)->start, width);
        groups_find_add(to, keys, count, rows, &fresh);
        for (u32 i = 0; i < count; i++)
            groups_merge_row(p, (u8 *)groups_row_write(to, rows[i]), (const u8 *)groups_row(g, at + i));
    }
    f64 took = seconds_now() - began;
    free(keys);
    return took * 1e9 / n;
}

static void run(const struct shape *s, u64 records, u32 rounds)
{
    struct field       *f = must(calloc(2 + MEASURES_MAX, sizeof *f));
    u32                 measures = make_fields(f, s), column[2 + MEASURES_MAX];
    struct schema       schema = { 2, measures, f };
    struct group_layout layout;
    for (u32 i = 0; i < 2 + measures; i++) column[i] = i;
    WEIR_ASSERT(!err_is(group_layout_init(&layout, 2, 0, measures, f)));
    struct combine     *c;
    struct combine_spec spec = { 60 * NANOS_SECOND, &schema, 2, 0, measures, column, &layout };
    WEIR_ASSERT(!err_is(combine_open(&c, &spec)));
    u64           state = 42;
    struct batch *batches = make_batches(s, f, 2 + measures, &state);
    struct groups g, to;
    groups_init(&g, &layout, 1u << 22);
    groups_init(&to, &layout, 1u << 22);
    f64 *ns = must(calloc(rounds, sizeof *ns));
    for (u32 r = 0; r <= rounds; r++) { /* round 0 adds the groups and warms up */
        f64 spent = 0;
        u64 pushes = records / BATCH_ROWS;
        for (u64 done = 0; done < pushes; done += BATCHES) {
            for (u32 i = 0; i < BATCHES; i++) fill_keys(&batches[i], s->groups, &state); /* not counted */
            f64 began = seconds_now();
            for (u32 i = 0; i < BATCHES; i++) combine_push(c, &batches[i], &g);
            spent += seconds_now() - began;
        }
        if (r > 0) ns[r - 1] = spent * 1e9 / (f64)((pushes + BATCHES - 1) / BATCHES * BATCHES * BATCH_ROWS);
    }
    print_line(s->name, "update", ns, rounds, &g);
    struct group_program straight;
    group_program_init(&straight, &layout, &layout, GROUP_STRAIGHT);
    merge_rows(&g, &to, &straight);
    for (u32 r = 0; r < rounds; r++) ns[r] = merge_rows(&g, &to, &straight);
    print_line(s->name, "merge", ns, rounds, &to);
    free(ns);
    groups_fini(&g);
    groups_fini(&to);
    free_batches(batches, 2 + measures);
    combine_close(c);
    group_layout_fini(&layout);
    free(f);
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {
        { "5 sums, in cache", 2000, 5, 0, 0, 0, false },
        { "5 sums", 200000, 5, 0, 0, 0, false },
        { "5 sums, 1/8 null", 200000, 5, 0, 0, 0, true },
        { "40 measures, in cache", 2000, 26, 5, 5, 4, false },
        { "40 measures", 200000, 26, 5, 5, 4, false },
        { "40 measures, 1/8 null", 200000, 26, 5, 5, 4, true },
    };
    u64 records = argc > 1 ? strtoull(argv[1], NULL, 10) : 4000000;
    u32 rounds = argc > 2 ? (u32)strtoul(argv[2], NULL, 10) : 5;
    if (records < BATCHES * BATCH_ROWS) records = BATCHES * BATCH_ROWS;
    if (rounds < 1 || rounds > 1000) rounds = 5;
    hash_seed_init();
    printf("%-26s %-8s %9s %7s %8s %8s\n", "measures", "", "groups", "row", "best ns", "median");
    for (u32 i = 0; i < WEIR_COUNT(shapes); i++) run(&shapes[i], records, rounds);
    return 0;
}
