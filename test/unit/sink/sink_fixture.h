/* SPDX-License-Identifier: Apache-2.0 */
/* sink_fixture.h: a folder, two tables and a way to say rows, for the tests of all sinks. */
#pragma once

#include "sink/sinks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RAW, TOPS, TABLES };

struct fixture {
    char              folder[64];
    char              why[512];
    bool              wanted[TABLES];
    struct retain     retain[2];
    struct sink_setup setup;
};

static const struct table_column raw_columns[] = {
    { { "timestamp", 9 }, COLUMN_INTEGER, { "s", 1 } },
    { { "net", 3 }, COLUMN_TEXT, { 0 } },
    { { "protocol", 8 }, COLUMN_INTEGER, { 0 } },
    { { "bytes", 5 }, COLUMN_INTEGER, { "bytes", 5 } },
    { { "rtt", 3 }, COLUMN_REAL, { "s", 1 } },
    { { "revision", 8 }, COLUMN_INTEGER, { 0 } },
};

static const struct table_column tops_columns[] = {
    { { "timestamp", 9 }, COLUMN_INTEGER, { "s", 1 } },
    { { "site", 4 }, COLUMN_TEXT, { 0 } },
    { { "bytes", 5 }, COLUMN_INTEGER, { 0 } },
    { { "bytes_rank", 10 }, COLUMN_INTEGER, { 0 } },
};

static const struct table tables[TABLES] = {
    { { "p2_raw", 6 }, { "raw", 3 }, { "raw", 3 }, { 0 }, 60 * NANOS_SECOND, 3, 6, raw_columns },
    { { "p2_tops", 7 }, { "site", 4 }, { "5m", 2 }, { 0 }, 300 * NANOS_SECOND, 2, 4, tops_columns },
};

static int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/weir-sink-XXXXXX");
    if (mkdtemp(f->folder) == NULL) return -1;
    f->wanted[RAW] = f->wanted[TOPS] = true;
    f->setup = (struct sink_setup){ .name = S("store"), .recipe = S("probe"), .tables = TABLES, .table = tables,
                                    .wanted = f->wanted, .retain = f->retain };
    *state = f;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    int code = system(command);
    free(f);
    return code;
}

static void put_raw(struct row_writer *w, i64 timestamp, const char *from, u64 protocol, u64 bytes, f64 rtt,
                    u64 revision)
{
    row_put(w, RAW);
    row_i64(w, timestamp);
    if (from != NULL) row_text(w, slice_str(from));
    else row_null(w);
    row_u64(w, protocol);
    row_u64(w, bytes);
    if (rtt >= 0) row_f64(w, rtt);
    else row_null(w);
    row_u64(w, revision);
}

static inline void put_tops(struct row_writer *w, i64 timestamp, const char *site, u64 bytes, u64 rank)
{
    row_put(w, TOPS);
    row_i64(w, timestamp);
    row_text(w, slice_str(site));
    row_u64(w, bytes);
    row_u64(w, rank);
}

static inline void must(err e, const char *why)
{
    if (err_is(e)) fail_msg("unexpected error: %s (%s)", why, e.what);
}

static inline void says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) fail_msg("`%s` not in `%s`", words, text);
}

/* Applies and empties the writer. */
static inline void apply(const struct sink_type *type, struct sink *s, struct fixture *f, u64 epoch,
                         struct row_writer *w)
{
    bool  fatal;
    slice rows = row_writer_take(w);
    must(type->apply(s, epoch, rows, f->why, sizeof f->why, &fatal), f->why);
    free((char *)(uintptr_t)rows.at);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
