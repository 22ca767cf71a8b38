/* SPDX-License-Identifier: Apache-2.0 */
/* sink_sqlite.c: how long the store takes to commit a raw minute: 200,000 rows of 50 columns, one epoch.
 *
 *   sink_sqlite <folder> [rows] [epochs]
 *
 * The folder should be on the disk that a store would be on. Rows come in the order in which groups were first seen, that
 * is, not in key order; numbers are small, as most measures of most pairs are. Prints milliseconds for each epoch. */
#include "sink/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 4, TAGS = 4, MEASURES = 39, COLUMNS = KEYS + TAGS + MEASURES + 3 };

static f64 seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec / 1e9;
}

static u64 draw(u64 *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

static void put_net(struct row_writer *w, u64 number, bool site)
{
    struct value v = { .kind = VALUE_NET };
    u8 *b = v.range.at.b;
    b[10] = b[11] = 0xff, b[12] = 10, b[13] = (u8)(number >> 16), b[14] = (u8)(number >> 8), b[15] = (u8)number;
    v.range.bits = 128;
    if (site) b[15] = 0, v.range.bits = 120;
    row_value(w, &v);
}

static void put_measure(struct row_writer *w, u64 *random)
{
    u64 v = draw(random);
    switch (v % 8) {
    case 0: row_null(w); break;
    case 1: row_u64(w, v % 5000000); break;
    case 2: row_u64(w, 1 + v % 2000); break;
    default: row_u64(w, v / 8 % 4); break;
    }
}

static slice make_rows(u64 count, i64 timestamp, u64 *random)
{
    static const char *const names[] = { "headquarters", "branch-7", "web", "mail", "dns-resolvers", "printers" };
    struct row_writer w;
    row_writer_init(&w);
    for (u64 i = 0; i < count; i++) {
        row_put(&w, 0);
        row_i64(&w, timestamp);
        put_net(&w, draw(random) % 2000 << 8, true);
        put_net(&w, draw(random) % 16000000, false);
        row_u64(&w, draw(random) % 3 ? 6 : 17);
        for (u32 t = 0; t < TAGS; t++) row_text(&w, slice_str(names[draw(random) % WEIR_COUNT(names)]));
        for (u32 m = 0; m < MEASURES; m++) put_measure(&w, random);
        row_u64(&w, 1 + draw(random) % 20);
        row_text(&w, S("sealed"));
        row_u64(&w, 0);
    }
    return row_writer_take(&w);
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: sink_sqlite <folder> [rows] [epochs]\n"), 64;
    u64 count = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000, epochs = argc > 3 ? strtoull(argv[3], NULL, 10) : 5;
    static const char *const fixed[] = { "timestamp", "srcNet", "dstNet", "protocol", "srcSite", "dstSite", "srcService",
                                         "dstService" };
    struct table_column column[COLUMNS];
    char names[COLUMNS][16];
    for (u32 i = 0; i < COLUMNS; i++) {
        if (i < KEYS + TAGS) snprintf(names[i], 16, "%s", fixed[i]);
        else snprintf(names[i], 16, "measure%u", i - KEYS - TAGS);
        bool text = (i > 0 && i < KEYS + TAGS && i != 3) || i == COLUMNS - 2;
        column[i] = (struct table_column){ slice_str(names[i]), text ? COLUMN_TEXT : COLUMN_INTEGER, { 0 } };
    }
    struct table table = { .name = S("p2_raw"), .step = S("raw"), .level = S("raw"), .keys = KEYS, .columns = COLUMNS,
                           .column = column };
    char path[4096], why[512];
    snprintf(path, sizeof path, "%s/weir-bench-store.db", argv[1]);
    const char *options = path;
    bool wanted = true;
    struct retain retain = { S("raw"), 60 * NANOS_SECOND };
    struct sink_setup setup = { S("store"), S("bench"), &options, 1, &table, &wanted, 1, &retain };
    struct sink *s;
    if (err_is(sink_sqlite.open(&s, &setup, why, sizeof why))) return fprintf(stderr, "%s\n", why), 1;
    u64 random = 42, steps = 0;
    for (u64 n = 1; n <= epochs; n++) {
        slice rows = make_rows(count, (i64)(60 * n), &random);
        f64 wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        bool fatal;
        if (err_is(sink_sqlite.apply(s, n, rows, why, sizeof why, &fatal))) return fprintf(stderr, "%s\n", why), 1;
        f64 applied = seconds(CLOCK_MONOTONIC), applied_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        u64 before = steps;
        nanos mark = (nanos)(60 * n) * NANOS_SECOND;
        for (u32 quiet = 0; quiet < 2; steps++) quiet += !sink_sqlite.tick(s, mark, mark);
        f64 idle = seconds(CLOCK_MONOTONIC);
        printf("epoch %llu: %.1f MB of rows: apply %.0f ms (cpu %.0f ms), %.2f us a row; %llu ticks %.0f ms\n",
               (unsigned long long)n, (f64)rows.len / 1e6, (applied - wall) * 1e3, (applied_cpu - cpu) * 1e3,
               (applied - wall) / (f64)count * 1e6, (unsigned long long)(steps - before), (idle - applied) * 1e3);
        free((char *)(uintptr_t)rows.at);
    }
    sink_sqlite.close(s);
    unlink(path);
    snprintf(path, sizeof path, "%s/weir-bench-store.db.lock", argv[1]);
    unlink(path);
    return 0;
}
