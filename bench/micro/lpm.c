/* SPDX-License-Identifier: Apache-2.0 */
/* lpm.c: what tagging by longest prefix match costs: loading, memory, look-ups in batches and one by one, the stage.
 *
 * The nets are drawn from a seed to look like a global IPv4 routing table: lengths in its shares (60 % are /24), runs
 * of neighbours of one length, denser in some of the 45,000 /16s in use than in others. Addresses are drawn from all of
 * IPv4, or from 50,000 of those. The IPv6 nets are /32s to /64s inside 12 large blocks, the addresses inside nets.
 * Times are the best of several rounds; figures are printed with their units. */
#include "tag/tag.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FULL_TABLE  900000u
#define LOAD_LINES  1000000u
#define SMALL_TABLE 10000u
#define V6_TABLE    200000u
#define ADDRESSES   (1u << 21)
#define SKEWED      50000u
#define IN_USE      45000u /* of the 65,536 /16s */
#define ROUNDS      7
#define SITES       2000u

/* Per mille of the nets with each length, for 8..32. */
static const u16 length_share[33] = {
    [8] = 1,   [11] = 1,  [12] = 1,  [13] = 1,  [14] = 2,   [15] = 3,   [16] = 14,  [17] = 9,   [18] = 15, [19] = 27,
    [20] = 46, [21] = 54, [22] = 115, [23] = 102, [24] = 603, [25] = 1,  [26] = 1,  [28] = 1, [30] = 1, [32] = 2,
};

struct prefix {
    u32 at, bits;
};

static u64 draw(u64 *state)
{
    *state += 0x9e3779b97f4a7c15u;
    u64 z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static u32 draw_below(u64 *state, u32 n)
{
    return (u32)((draw(state) >> 32) * n >> 32);
}

static u32 draw_length(u64 *state)
{
    u32 at = draw_below(state, 1000);
    for (u32 bits = 8; bits <= 32; bits++) {
        if (at < length_share[bits]) return bits;
        at -= length_share[bits];
    }
    return 24;
}

static f64 seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + 1e-9 * (f64)t.tv_nsec;
}

static int prefix_cmp(const void *a, const void *b)
{
    const struct prefix *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (int)x->bits - (int)y->bits;
}

static u32 sort_unique(struct prefix *p, u32 n)
{
    u32 kept = 0;
    qsort(p, n, sizeof *p, prefix_cmp);
    for (u32 i = 0; i < n; i++)
        if (kept == 0 || prefix_cmp(&p[kept - 1], &p[i]) != 0) p[kept++] = p[i];
    return kept;
}

/* n different prefixes in order of address. Given. */
static struct prefix *draw_table(u32 n, u64 seed)
{
    u64            state = seed;
    u16           *in_use = malloc(IN_USE * sizeof *in_use);
    struct prefix *p = malloc((size_t)n * sizeof *p);
    WEIR_ASSERT(in_use != NULL && p != NULL);
    for (u32 i = 0; i < IN_USE; i++) in_use[i] = (u16)(256 + draw_below(&state, 223 * 256));
    for (u32 have = 0; have < n; have = sort_unique(p, have)) {
        while (have < n) {
            u32 one = draw_below(&state, IN_USE), other = draw_below(&state, IN_USE); /* the lesser of two: skewed */
            u32 at = (u32)in_use[one < other ? one : other] << 16 | (u32)(draw(&state) & 0xffff);
            u32 bits = draw_length(&state), run = bits < 16 ? 1 : 1 + draw_below(&state, 7);
            for (u32 i = 0; i < run && have < n; i++) {
                u32 next = (at & ~0u << (32 - bits)) + (i << (32 - bits));
                p[have++] = (struct prefix){ next, bits };
            }
        }
    }
    free(in_use);
    return p;
}

/* CSV of net, site and service. Given. */
static slice write_csv(const struct prefix *p, u32 n, u64 seed)
{
    static const char *const services[] = { "web", "mail", "dns", "voip", "backup", "printing", "storage", "" };
    size_t                   room = (size_t)n * 48 + 32, len = 0;
    char                    *text = malloc(room);
    u64                      state = seed;
    WEIR_ASSERT(text != NULL);
    len += (size_t)snprintf(text, room, "cidr,site,service\n");
    for (u32 i = 0; i < n; i++) {
        u32 at = p[i].at;
        len += (size_t)snprintf(text + len, room - len, "%u.%u.%u.%u/%u,site-%04u,%s\n", at >> 24, at >> 16 & 255,
                                at >> 8 & 255, at & 255, p[i].bits, draw_below(&state, SITES),
                                services[draw_below(&state, WEIR_COUNT(services))]);
    }
    return slice_of(text, len);
}

static struct tag_table *load(slice csv)
{
    const slice         names[] = { S("site"), S("service") };
    struct tag_problems problems;
    struct tag_table   *t;
    err                 e = tag_table_read(&t, csv, 2, names, &problems);
    WEIR_ASSERT(!err_is(e));
    return t;
}

static void set_v4(addr *a, u32 v4)
{
    *a = (addr){ { [10] = 0xff, 0xff, (u8)(v4 >> 24), (u8)(v4 >> 16), (u8)(v4 >> 8), (u8)v4 } };
}

/* Random addresses; of `few` different ones if that is not 0. */
static void draw_addresses(addr *at, u32 n, u32 few, u64 seed)
{
    for (u32 i = 0; i < n; i++) {
        u64 state = few == 0 ? draw(&seed) : draw(&seed) % few * 77777;
        set_v4(&at[i], (u32)(draw(&state) >> 32));
    }
}

/* Millions of look-ups a second, by blocks of a batch's size. */
static f64 batched(const struct tag_table *t, const addr *at)
{
    u32 rows[BATCH_ROWS];
    f64 best = 1e9;
    for (u32 round = 0; round < ROUNDS; round++) {
        f64 from = seconds();
        for (u32 i = 0; i < ADDRESSES; i += BATCH_ROWS) tag_find(t, at + i, BATCH_ROWS, rows);
        f64 took = seconds() - from;
        if (took < best) best = took;
    }
    return ADDRESSES / best / 1e6;
}

/* ns for one look-up by itself; `chained`: each waits for the result of the one before, so caches' latency shows. */
static f64 one_by_one(const struct tag_table *t, const addr *at, bool chained)
{
    f64 best = 1e9;
    u32 row = 0;
    for (u32 round = 0; round < ROUNDS; round++) {
        f64 from = seconds();
        for (u32 i = 0; i < ADDRESSES / 4; i++) tag_find(t, &at[2 * i + (chained ? row & 1 : 0)], 1, &row);
        f64 took = seconds() - from;
        if (took < best) best = took;
    }
    return best / (ADDRESSES / 4) * 1e9;
}

/* Millions of addresses a second through the stage: net and two words of each. */
static f64 staged(const struct tag_table *t, const addr *at)
{
    static const u64 no_nulls[BATCH_ROWS / 64] = { 0 };
    u32             *words[2] = { malloc(BATCH_ROWS * sizeof(u32)), malloc(BATCH_ROWS * sizeof(u32)) };
    net             *nets = malloc(BATCH_ROWS * sizeof *nets);
    f64              best = 1e9;
    for (u32 round = 0; round < ROUNDS; round++) {
        f64 from = seconds();
        for (u32 i = 0; i < ADDRESSES; i += BATCH_ROWS) {
            struct column c = { (void *)(uintptr_t)(at + i), (u64 *)(uintptr_t)no_nulls };
            tag_apply(t, &c, BATCH_ROWS, nets, words);
        }
        f64 took = seconds() - from;
        if (took < best) best = took;
    }
    free(words[0]);
    free(words[1]);
    free(nets);
    return ADDRESSES / best / 1e6;
}

static void report(const char *name, const struct tag_table *t, const addr *random, const addr *skewed)
{
    printf("%-24s %9u nets    %8.2f MiB (rows and words included)\n", name, tag_table_rows(t),
           (f64)tag_table_memory(t) / 1048576);
    printf("  batched, random        %9.1f M look-ups/s\n", batched(t, random));
    printf("  batched, skewed        %9.1f M look-ups/s\n", batched(t, skewed));
    printf("  single, random         %9.1f ns a look-up\n", one_by_one(t, random, false));
    printf("  single, skewed         %9.1f ns a look-up\n", one_by_one(t, skewed, false));
    printf("  single, chained, random%9.1f ns a look-up\n", one_by_one(t, random, true));
    printf("  single, chained, skewed%9.1f ns a look-up\n", one_by_one(t, skewed, true));
    printf("  stage, random          %9.1f M addresses/s\n", staged(t, random));
    printf("  stage, skewed          %9.1f M addresses/s\n", staged(t, skewed));
}

/* Seconds from text to a ready table, best of three. */
static void report_load(u32 lines)
{
    struct prefix *p = draw_table(lines, 3);
    slice          csv = write_csv(p, lines, 5);
    f64            best = 1e9;
    for (u32 round = 0; round < 3; round++) {
        f64               from = seconds();
        struct tag_table *t = load(csv);
        f64               took = seconds() - from;
        if (took < best) best = took;
        tag_table_free(t);
    }
    printf("load, sorted             %9u lines   %8.3f s (%.0f MB/s)\n", lines, best, (f64)csv.len / best / 1e6);
    free((void *)(uintptr_t)csv.at);
    u64 state = 9;
    for (u32 i = lines - 1; i > 0; i--) {
        u32           j = draw_below(&state, i + 1);
        struct prefix swap = p[i];
        p[i] = p[j];
        p[j] = swap;
    }
    csv = write_csv(p, lines, 5);
    f64               from = seconds();
    struct tag_table *t = load(csv);
    printf("load, shuffled           %9u lines   %8.3f s\n", lines, seconds() - from);
    tag_table_free(t);
    free((void *)(uintptr_t)csv.at);
    free(p);
}

static void report_table(const char *name, u32 nets, const addr *random, const addr *skewed)
{
    struct prefix    *p = draw_table(nets, 1);
    slice             csv = write_csv(p, nets, 2);
    struct tag_table *t = load(csv);
    report(name, t, random, skewed);
    tag_table_free(t);
    free((void *)(uintptr_t)csv.at);
    free(p);
}

/* n IPv6 nets as CSV, and addresses of which most lie in one of them. Given. */
static slice write_csv_v6(u32 n, addr *at)
{
    static const u8 lengths[8] = { 32, 36, 40, 44, 48, 48, 48, 64 };
    size_t          room = (size_t)n * 64, len = 0;
    char           *text = malloc(room);
    addr           *first = malloc((size_t)n * sizeof *first);
    u64             state = 21;
    WEIR_ASSERT(text != NULL && first != NULL);
    for (u32 i = 0; i < n; i++) {
        u32  bits = lengths[draw_below(&state, 8)];
        u32  of = bits < 48 ? i : draw_below(&state, n); /* shorter ones have a /32 of their own, others lie in any */
        u32  block = of % 12 << 20 | (of * 0x9e375u & 0xfffff);
        net  x = { .at = { { 0x24, (u8)(block >> 16), (u8)(block >> 8), (u8)block } }, .bits = (u8)bits };
        char shown[NET_TEXT];
        for (u32 b = 4; b < bits / 8; b++) x.at.b[b] = (u8)draw(&state);
        first[i] = x.at;
        net_format(&x, shown);
        len += (size_t)snprintf(text + len, room - len, "%s,site-%04u,x\n", shown, draw_below(&state, SITES));
    }
    for (u32 i = 0; i < ADDRESSES; i++) {
        at[i] = first[draw_below(&state, n)];
        for (u32 b = 7; b < 16; b++) at[i].b[b] = (u8)draw(&state);
    }
    free(first);
    return slice_of(text, len);
}

static void report_v6(void)
{
    addr             *at = malloc(ADDRESSES * sizeof *at);
    WEIR_ASSERT(at != NULL);
    slice             csv = write_csv_v6(V6_TABLE, at);
    struct tag_table *t = load(csv);
    printf("%-24s %9u nets    %8.2f MiB (rows and words included)\n", "IPv6 table", tag_table_rows(t),
           (f64)tag_table_memory(t) / 1048576);
    printf("  batched, in the nets   %9.1f M look-ups/s\n", batched(t, at));
    printf("  single, in the nets    %9.1f ns a look-up\n", one_by_one(t, at, false));
    tag_table_free(t);
    free((void *)(uintptr_t)csv.at);
    free(at);
}

int main(void)
{
    addr *random = malloc(ADDRESSES * sizeof *random), *skewed = malloc(ADDRESSES * sizeof *skewed);
    WEIR_ASSERT(random != NULL && skewed != NULL);
    draw_addresses(random, ADDRESSES, 0, 11);
    draw_addresses(skewed, ADDRESSES, SKEWED, 12);
    report_load(LOAD_LINES);
    report_table("full table", FULL_TABLE, random, skewed);
    report_table("small table", SMALL_TABLE, random, skewed);
    report_v6();
    free(random);
    free(skewed);
    return 0;
}
