/* SPDX-License-Identifier: Apache-2.0 */
/* sink_sqlite.c: how long the store takes to commit a wide raw minute: 276,000 rows of 66 columns, one epoch.
 *
 *   sink_sqlite <folder> [rows] [epochs] [networks]
 *
 * The folder should be on the disk that a store would be on. Rows come in the order in which groups were first seen,
 * that is, not in key order; numbers are small, as most measures of most pairs are, and a third of the rows (of
 * datagrams) has none for the second half. The last epoch is the one before it once more, as an amended minute would
 * be. Prints for each epoch the wall time, the thread's CPU time and the WAL; at the end the most memory that the
 * process had.
 *
 * What was tried, with the rows of a generated wide minute and on two shared cores (the thread's CPU time; a difference
 * below 5 % is noise there):
 *   one INSERT ... SELECT from a virtual table, key cells decoded once, for a bound INSERT per row: 1.17 s -> 0.79 s.
 *     Of these a quarter is reading and ordering the rows, a seventh the kernel, the rest SQLite
 *   pages of 8, 16, 32, 64 KiB: the same. Large ones cost small epochs, which write whole pages
 *   cache of 2, 4, 8, 32 MiB: the same, so it is small
 *   a rowid and an index for the key: the same, and the file is a tenth larger
 *   INSERT OR FAIL, and replacing only where it fails: the same in new minutes, slower in amended ones
 *   prefetching the rows to come: the same; decoding numbers without branches: slower
 *   checkpoints by tick alone: 0.05 s go from apply to tick, but the WAL has no bound when epochs follow each other */
#include "sink/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 4, TAGS = 4, MEASURES = 55, COLUMNS = KEYS + TAGS + MEASURES + 3 };

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

static void put_net(struct row_writer *w, u64 number)
{
    struct value v = { .kind = VALUE_NET };
    u8 *b = v.range.at.b;
    b[10] = b[11] = 0xff, b[12] = 10, b[13] = (u8)(number >> 8), b[14] = (u8)number, v.range.bits = 120;
    if (number > 65535) b[12] = (u8)(number >> 24), b[13] = (u8)(number >> 16), b[14] = (u8)(number >> 8),
                        b[15] = (u8)number, v.range.bits = 128;
    row_value(w, &v);
}

/* Every fourth of the second half is a time. */
static bool is_real(u32 measure)
{
    return measure >= MEASURES / 2 && measure % 4 == 0;
}

static void put_measure(struct row_writer *w, u64 *random, u32 measure, bool datagrams)
{
    u64 v = draw(random);
    if (datagrams && measure >= MEASURES / 2) row_null(w);
    else if (is_real(measure)) row_mean(w, v % 50000000, 1 + v % 7);
    else if (v % 8 == 0) row_u64(w, v % 5000000);
    else if (v % 8 == 1) row_u64(w, 1 + v % 2000);
    else row_u64(w, v / 8 % 4);
}

static slice make_rows(u64 count, u64 nets, i64 timestamp, u64 *random)
{
    static const char *const names[] = { "headquarters", "branch-7", "web", "mail", "dns-resolvers", "printers" };
    struct row_writer w;
    row_writer_init(&w);
    for (u64 i = 0; i < count; i++) {
        row_put(&w, 0);
        row_i64(&w, timestamp);
        bool datagrams = draw(random) % 3 == 0;
        put_net(&w, draw(random) % nets);
        put_net(&w, draw(random) % nets);
        row_u64(&w, datagrams ? 17 : 6);
        for (u32 t = 0; t < TAGS; t++) row_text(&w, slice_str(names[draw(random) % WEIR_COUNT(names)]));
        for (u32 m = 0; m < MEASURES; m++) put_measure(&w, random, m, datagrams);
        row_u64(&w, 1 + draw(random) % 20);
        row_text(&w, S("sealed"));
        row_u64(&w, 0);
    }
    return row_writer_take(&w);
}

static void name_columns(struct table_column *column, char (*names)[16])
{
    static const char *const fixed[] = { "timestamp", "srcNet",  "dstNet",     "protocol",
                                         "srcSite",   "dstSite", "srcService", "dstService" };
    for (u32 i = 0; i < COLUMNS; i++) {
        u32 measure = i - KEYS - TAGS;
        if (i < KEYS + TAGS) snprintf(names[i], 16, "%s", fixed[i]);
        else snprintf(names[i], 16, "measure%u", measure);
        bool text = (i > 0 && i < KEYS + TAGS && i != 3) || i == COLUMNS - 2;
        bool real = i >= KEYS + TAGS && measure < MEASURES && is_real(measure);
        column[i] = (struct table_column){ slice_str(names[i]),
                                           text ? COLUMN_TEXT : real ? COLUMN_REAL : COLUMN_INTEGER, { 0 } };
    }
}

/* One epoch and the idle work behind it; false: it failed and was told. */
static bool measure(struct sink *s, u64 n, slice rows, u64 count, i64 timestamp, const char *wal)
{
    char why[512];
    bool fatal;
    struct stat at = { 0 };
    f64 wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    if (err_is(sink_sqlite.apply(s, n, rows, why, sizeof why, &fatal))) return fprintf(stderr, "%s\n", why), false;
    f64 applied = seconds(CLOCK_MONOTONIC), applied_cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    stat(wal, &at);
    u32 steps = 0;
    nanos mark = (nanos)timestamp * NANOS_SECOND;
    for (u32 quiet = 0; quiet < 2; steps++) quiet += !sink_sqlite.tick(s, mark, mark);
    f64 idle = seconds(CLOCK_MONOTONIC);
    printf("epoch %llu: %.1f MB of rows: apply %.0f ms (cpu %.0f ms), %.2f us a row, WAL %.1f MB; %u ticks %.0f ms\n",
           (unsigned long long)n, (f64)rows.len / 1e6, (applied - wall) * 1e3, (applied_cpu - cpu) * 1e3,
           (applied - wall) / (f64)count * 1e6, (f64)at.st_size / 1e6, steps, (idle - applied) * 1e3);
    return true;
}

static u64 number_of(int argc, char **argv, int i, u64 otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: sink_sqlite <folder> [rows] [epochs] [networks]\n"), 64;
    u64 count = number_of(argc, argv, 2, 276000), epochs = number_of(argc, argv, 3, 5);
    u64 nets = number_of(argc, argv, 4, 10000), random = 42, before = random;
    struct table_column column[COLUMNS];
    char names[COLUMNS][16], path[4096], wal[4104], why[512];
    name_columns(column, names);
    struct table table = { .name = S("p2_raw"), .step = S("raw"), .level = S("raw"), .keys = KEYS, .columns = COLUMNS,
                           .column = column };
    snprintf(path, sizeof path, "%s/weir-bench-store.db", argv[1]);
    snprintf(wal, sizeof wal, "%s-wal", path);
    const char *options = path;
    bool wanted = true, right = true;
    struct retain retain = { S("raw"), 180 * NANOS_SECOND };
    struct sink_setup setup = { S("store"), S("bench"), &options, 1, &table, &wanted, 1, &retain };
    struct sink *s;
    if (err_is(sink_sqlite.open(&s, &setup, why, sizeof why))) return fprintf(stderr, "%s\n", why), 1;
    for (u64 n = 1; n <= epochs && right; n++) {
        bool  amend = n == epochs && n > 1;
        i64   timestamp = 60 * (i64)(amend ? n - 1 : n);
        if (amend) random = before; /* the same keys */
        else before = random;
        slice rows = make_rows(count, nets, timestamp, &random);
        right = measure(s, n, rows, count, timestamp, wal);
        free((char *)(uintptr_t)rows.at);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("most memory: %ld MB, rows included\n", used.ru_maxrss / 1024);
    sink_sqlite.close(s);
    unlink(path);
    snprintf(path, sizeof path, "%s/weir-bench-store.db.lock", argv[1]);
    unlink(path);
    return right ? 0 : 1;
}
