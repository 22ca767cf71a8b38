/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_sqlite.c: the store holds what was applied, once, fits the recipe or says why not, and forgets in steps. */
#include "../snapshot/fault_vfs.h"
#include "sink/sqlite_schema.h"
#include "sink_fixture.h"

/* --- asking the store as its shell would --- */

static void ask_at(const char *path, const char *sql, char *to, size_t room)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    size_t n = 0;
    to[0] = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_wal_autocheckpoint(db, 0);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(st) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const unsigned char *text = sqlite3_column_text(st, i);
            n += (size_t)snprintf(to + n, room - n, "%s%s", i ? "|" : "", text ? (const char *)text : "NULL");
            assert_true(n < room);
        }
        n += (size_t)snprintf(to + n, room - n, "\n");
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
}

struct store {
    struct fixture *f;
    char            path[96];
    const char     *options;
    char            text[4096];
    struct sink    *s; /* NULL: not open */
    struct row_writer w;
};


static void open_store(struct store *t)
{
    must(sink_sqlite.open(&t->s, &t->f->setup, t->f->why, sizeof t->f->why), t->f->why);
}

static void close_store(struct store *t)
{
    sink_sqlite.close(t->s);
    t->s = NULL;
}

/* A test finds a store that is not open yet, or one that is. */
static int closed_setup(void **state)
{
    struct store *t = calloc(1, sizeof *t);
    if (t == NULL || fixture_setup((void **)&t->f) != 0) return -1;
    snprintf(t->path, sizeof t->path, "%s/store.db", t->f->folder);
    t->options = t->path;
    t->f->setup.options = &t->options;
    row_writer_init(&t->w);
    *state = t;
    return 0;
}

static int open_setup(void **state)
{
    if (closed_setup(state) != 0) return -1;
    open_store(*state);
    return 0;
}

static int store_teardown(void **state)
{
    struct store *t = *state;
    if (t->s != NULL) close_store(t);
    row_writer_fini(&t->w);
    int code = fixture_teardown((void **)&t->f);
    free(t);
    return code;
}

/* Applies and forgets the rows that were put. */
static void apply_rows(struct store *t, u64 epoch)
{
    apply(&sink_sqlite, t->s, t->f, epoch, &t->w);
}

static const char *ask(struct store *t, const char *sql)
{
    ask_at(t->path, sql, t->text, sizeof t->text);
    return t->text;
}

static u64 epoch_of(struct store *t)
{
    u64 epoch;
    must(sink_sqlite.epoch(t->s, &epoch), "epoch");
    return epoch;
}

static void refused(struct store *t, const char *words)
{
    err e = sink_sqlite.open(&t->s, &t->f->setup, t->f->why, sizeof t->f->why);
    assert_true(err_is(e));
    assert_null(t->s);
    says(t->f->why, words);
    says(t->f->why, t->path);
}

/* --- rows --- */

static void sqlite_stores_every_kind_of_cell(void **state)
{
    struct store *t = *state;
    assert_int_equal(epoch_of(t), 0);
    put_raw(&t->w, 60, "10.0.0.0/8", 6, 1500, 0.25, 0);
    put_raw(&t->w, 60, NULL, 17, UINT64_MAX, -1, 0);
    put_raw(&t->w, 60, "", 18, INT64_MAX, 1e300, 0);
    row_put(&t->w, RAW);
    row_i64(&t->w, -60);
    row_value(&t->w, &(struct value){ .kind = VALUE_NET, .range = { { { [10] = 0xff, 0xff, 192, 0, 2, 0 } }, 120 } });
    row_null(&t->w); /* a null key */
    row_i64(&t->w, INT64_MIN);
    row_f64(&t->w, 3);
    row_value(&t->w, &(struct value){ .kind = VALUE_MAC, .u = 0x020000000001 });
    row_put(&t->w, RAW);
    row_i64(&t->w, 120);
    row_value(&t->w, &(struct value){ .kind = VALUE_ADDR, .at = { { 0x20, 1, 0xd, 0xb8, [15] = 1 } } });
    row_u64(&t->w, 6);
    for (u32 i = 0; i < 3; i++) row_null(&t->w);
    row_put(&t->w, TOPS); /* kinds beyond those of the columns stay what they are */
    row_f64(&t->w, 2);
    row_value(&t->w, &(struct value){ .kind = VALUE_MAC, .u = 0x020000000002 });
    row_value(&t->w, &(struct value){ .kind = VALUE_ADDR, .at = { { [10] = 0xff, 0xff, 192, 0, 2, 7 } } });
    row_text(&t->w, S(""));
    apply_rows(t, 1);
    assert_string_equal(ask(t, "SELECT *, typeof(bytes_rank) FROM p2_tops"), "2|02:00:00:00:00:02|192.0.2.7||text\n");
    assert_string_equal(ask(t, "SELECT *, typeof(bytes) FROM p2_raw"), /* in key order: ints before text */
                        "-60|192.0.2.0/24||-9223372036854775808|3.0|02:00:00:00:00:01|integer\n"
                        "60||17|1.84467440737096e+19|NULL|0|real\n"
                        "60||18|9223372036854775807|1.0e+300|0|integer\n"
                        "60|10.0.0.0/8|6|1500|0.25|0|integer\n"
                        "120|2001:db8::1|6|NULL|NULL|NULL|null\n");
    assert_int_equal(epoch_of(t), 1);
}

static void sqlite_replaces_an_amended_row_and_clears_a_ranking(void **state)
{
    struct store *t = *state;
    put_tops(&t->w, 300, "a", 10, 1);
    put_tops(&t->w, 300, "b", 9, 2);
    put_tops(&t->w, 600, "a", 1, 1);
    put_raw(&t->w, 60, "n", 6, 1, 0, 0);
    apply_rows(t, 1);
    put_raw(&t->w, 60, "n", 6, 2, 0, 1);
    put_raw(&t->w, 60, "n", 6, 3, 0, 2); /* twice in one epoch: the later one stays */
    put_tops(&t->w, 300, "gone", 1, 3); /* put before its own clear */
    row_clear(&t->w, TOPS, 300);
    put_tops(&t->w, 300, "c", 12, 1);
    put_tops(&t->w, 300, "a", 10, 2);
    apply_rows(t, 2);
    assert_string_equal(ask(t, "SELECT * FROM p2_tops"), "300|a|10|2\n300|c|12|1\n600|a|1|1\n");
    assert_string_equal(ask(t, "SELECT bytes, revision FROM p2_raw"), "3|2\n");
}

/* count rows of the raw table, every one a key of its own, in an order that is none of keys. */
static void put_many(struct row_writer *w, u32 count, u32 step, u64 bytes)
{
    char name[16];
    for (u32 i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%u", i * 7919 % count * step);
        put_raw(w, 60, name, 6, bytes, 0, 0);
    }
}

static void sqlite_replaces_many_rows_among_new_ones(void **state)
{
    struct store *t = *state;
    static const char *const tables_there[] = {
        NULL, /* the sink's own */
        "CREATE TABLE p2_raw(timestamp INTEGER NOT NULL, net TEXT NOT NULL, protocol INTEGER NOT NULL, bytes INTEGER,"
        " rtt REAL, revision INTEGER, PRIMARY KEY(timestamp, net, protocol))", /* with rowids */
    };
    for (u32 i = 0; i < WEIR_COUNT(tables_there); i++) {
        unlink(t->path);
        if (tables_there[i] != NULL) ask(t, tables_there[i]);
        open_store(t);
        put_many(&t->w, 5000, 2, 1); /* n0, n2, ... n9998 */
        apply_rows(t, 1);
        put_many(&t->w, 10000, 1, 2); /* several statements */
        put_raw(&t->w, 60, "n10", 6, 3, 0, 0); /* again in the same epoch */
        put_raw(&t->w, 60, "n11", 6, 3, 0, 0);
        apply_rows(t, 2);
        assert_string_equal(ask(t, "SELECT bytes, count(*) FROM p2_raw GROUP BY 1"), "2|9998\n3|2\n");
        assert_string_equal(ask(t, "PRAGMA integrity_check"), "ok\n");
        close_store(t);
    }
}

/* With a trigger SQLite reads all rows of a statement before it writes one. */
static void sqlite_replaces_rows_of_a_table_with_a_trigger(void **state)
{
    struct store *t = *state;
    ask(t, "CREATE TABLE seen(net TEXT PRIMARY KEY)");
    ask(t, "CREATE TRIGGER look AFTER INSERT ON p2_raw BEGIN INSERT OR IGNORE INTO seen VALUES(new.net); END");
    put_many(&t->w, 50, 2, 1);
    apply_rows(t, 1);
    put_many(&t->w, 100, 1, 2);
    put_raw(&t->w, 60, "n10", 6, 3, 0, 0);
    apply_rows(t, 2);
    assert_string_equal(ask(t, "SELECT bytes, count(*) FROM p2_raw GROUP BY 1"), "2|99\n3|1\n");
    assert_string_equal(ask(t, "SELECT count(*) FROM seen"), "100\n");
}

/* As INSERT OR REPLACE has it. */
static void sqlite_replaces_by_a_unique_index_that_somebody_added(void **state)
{
    struct store *t = *state;
    ask(t, "CREATE UNIQUE INDEX mine ON p2_tops(bytes)");
    put_tops(&t->w, 300, "a", 10, 1);
    put_tops(&t->w, 300, "b", 10, 1);
    apply_rows(t, 1);
    assert_string_equal(ask(t, "SELECT * FROM p2_tops"), "300|b|10|1\n");
}

static void sqlite_sorts_what_comes_in_any_order(void **state)
{
    struct store *t = *state;
    u64 random = 3;
    char name[16];
    for (u32 i = 0; i < 3000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        snprintf(name, sizeof name, "%u", (u32)(random >> 33) % 500);
        if (i % 7 == 0) put_tops(&t->w, (i64)i, name, i, 1); /* ends a run of the other table */
        else put_raw(&t->w, (i64)(random >> 40) % 5 - 2, name, i % 3, 1, 0, i);
    }
    apply_rows(t, 1);
    assert_string_equal(ask(t, "SELECT count(*), max(bytes) FROM p2_tops"), "429|2996\n");
    assert_string_equal(ask(t, "PRAGMA integrity_check"), "ok\n");
    assert_string_equal(ask(t, "SELECT count(*) > 2000, max(revision) FROM p2_raw"), "1|2999\n");
}

static void sqlite_applies_an_epoch_once(void **state)
{
    struct store *t = *state;
    put_raw(&t->w, 60, "n", 6, 1, 0, 0);
    apply_rows(t, 7);
    put_raw(&t->w, 60, "n", 6, 999, 0, 0);
    apply_rows(t, 7); /* again, after a crash between commit and notice */
    put_raw(&t->w, 60, "n", 6, 998, 0, 0);
    apply_rows(t, 6);
    assert_string_equal(ask(t, "SELECT bytes FROM p2_raw"), "1\n");
    apply_rows(t, 8); /* empty: the number advances */
    close_store(t);
    open_store(t);
    assert_int_equal(epoch_of(t), 8);
    close_store(t);
    t->f->setup.recipe = S("another"); /* each recipe has a number of its own */
    open_store(t);
    assert_int_equal(epoch_of(t), 0);
    apply_rows(t, 2);
    close_store(t);
    assert_string_equal(ask(t, "SELECT * FROM weir_epoch ORDER BY recipe"), "another|2\nprobe|8\n");
}

static void sqlite_passes_over_tables_that_are_not_wanted(void **state)
{
    struct store *t = *state;
    t->f->wanted[RAW] = false;
    open_store(t);
    put_raw(&t->w, 60, "n", 6, 1, 0, 0);
    row_clear(&t->w, RAW, 60);
    put_tops(&t->w, 300, "a", 10, 1);
    apply_rows(t, 1);
    assert_string_equal(ask(t, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"),
                        "p2_tops\nweir_epoch\n");
    assert_string_equal(ask(t, "SELECT * FROM p2_tops"), "300|a|10|1\n");
}

static void sqlite_refuses_damaged_rows_and_changes_nothing(void **state)
{
    struct store *t = *state;
    put_tops(&t->w, 300, "a", 10, 1);
    put_raw(&t->w, 60, "n", 6, 1, 0, 0);
    slice rows = row_writer_take(&t->w);
    bool fatal;
    err e = sink_sqlite.apply(t->s, 1, slice_of(rows.at, rows.len - 3), t->f->why, sizeof t->f->why, &fatal);
    assert_true(err_is(e) && fatal);
    says(t->f->why, "applying epoch 1");
    assert_int_equal(epoch_of(t), 0);
    assert_string_equal(ask(t, "SELECT count(*) FROM p2_tops"), "0\n");
    free((char *)(uintptr_t)rows.at);
}

/* --- tables that are there --- */

static void sqlite_adds_columns_that_a_table_lacks(void **state)
{
    struct store *t = *state;
    ask(t,
        "CREATE TABLE p2_tops(\"timestamp\" INTEGER, site TEXT, old TEXT, bytes integer, PRIMARY KEY(timestamp, site))"
        " WITHOUT ROWID");
    ask(t, "INSERT INTO p2_tops VALUES(0, 's', 'kept', 5)");
    open_store(t);
    put_tops(&t->w, 300, "a", 10, 1);
    apply_rows(t, 1);
    assert_string_equal(ask(t, "SELECT * FROM p2_tops"), "0|s|kept|5|NULL\n300|a|NULL|10|1\n");
}

static void sqlite_names_what_does_not_fit(void **state)
{
    struct store *t = *state;
    static const char *const misfits[][3] = {
        { "CREATE TABLE p2_tops(timestamp INTEGER, site TEXT, bytes TEXT, bytes_rank INTEGER, "
          "PRIMARY KEY(timestamp, site))",
          "table p2_tops, column bytes: is TEXT, the recipe wants INTEGER; rename the old table" },
        { "CREATE TABLE p2_tops(timestamp INTEGER, site TEXT, bytes INTEGER, PRIMARY KEY(timestamp))",
          "table p2_tops, column site: is not of the primary key, the recipe wants it as number 2 of the primary key" },
        { "CREATE TABLE p2_tops(timestamp INTEGER, bytes INTEGER, PRIMARY KEY(timestamp))",
          "table p2_tops, column site: is not there, the recipe wants it as number 2" },
        { "CREATE TABLE p2_tops(timestamp INTEGER, site TEXT, PRIMARY KEY(site, timestamp))",
          "table p2_tops, column timestamp: is number 2 of the primary key" },
        { "CREATE TABLE p2_tops(timestamp INTEGER, site TEXT, bytes INTEGER, PRIMARY KEY(timestamp, site, bytes))",
          "table p2_tops, column bytes: is number 3 of the primary key, the recipe wants it outside the primary key" },
        { "CREATE TABLE p2_tops(timestamp INTEGER, site TEXT, x TEXT, PRIMARY KEY(timestamp, site, x))",
          "table p2_tops: has 3 key columns, the recipe has 2" },
        { "CREATE VIEW p2_tops AS SELECT 1 AS timestamp", "column timestamp: is not of the primary key" },
    };
    for (size_t i = 0; i < WEIR_COUNT(misfits); i++) {
        unlink(t->path);
        ask(t, misfits[i][0]);
        refused(t, misfits[i][1]);
        /* nothing of the other tables was made */
        assert_string_equal(ask(t, "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"), "p2_tops\n");
    }
}

static void sqlite_says_what_is_wrong_with_the_file(void **state)
{
    struct store *t = *state;
    FILE *f = fopen(t->path, "w");
    for (u32 i = 0; i < 100; i++) fprintf(f, "no database, line %u\n", i);
    fclose(f);
    refused(t, "is not an SQLite database");
    unlink(t->path);
    open_store(t);
    struct sink *first = t->s;
    refused(t, "is in use by another weir");
    sink_sqlite.close(first);
    snprintf(t->path, sizeof t->path, "%s/missing/store.db", t->f->folder);
    refused(t, "No such file or directory");
}

/* --- forgetting --- */

static u32 ticks_until_quiet(struct store *t, nanos watermark)
{
    u32 n = 1;
    while (sink_sqlite.tick(t->s, NANOS_MAX, watermark)) assert_true(n++ < 100);
    return n;
}

static void sqlite_deletes_old_rows_in_small_steps(void **state)
{
    struct store *t = *state;
    t->f->retain[0] = (struct retain){ S("raw"), 3600 * NANOS_SECOND };
    t->f->retain[1] = (struct retain){ S("5m"), 86400 * NANOS_SECOND };
    t->f->setup.retains = 2;
    open_store(t);
    char name[16];
    for (u32 i = 0; i < 12001; i++) {
        snprintf(name, sizeof name, "%u", i % 6000);
        put_raw(&t->w, i < 6000 ? 0 : 60, name, i / 12000, 1, 0, 0);
    }
    put_raw(&t->w, 120, "young", 6, 1, 0, 0);
    for (u32 i = 0; i < 10; i++) put_tops(&t->w, 0, &"abcdefghij"[i], 1, 1);
    apply_rows(t, 1);

    ticks_until_quiet(t, NANOS_MIN); /* nothing is known of event time, whatever the clock says */
    ticks_until_quiet(t, 3600 * NANOS_SECOND); /* rows at 0 are not older than 0 */
    assert_string_equal(ask(t, "SELECT count(*) FROM p2_raw"), "12002\n");
    assert_true(sink_sqlite.tick(t->s, NANOS_MAX, 3720 * NANOS_SECOND));
    assert_string_equal(ask(t, "SELECT count(*), min(timestamp) FROM p2_raw"), "7002|0\n");
    assert_true(sink_sqlite.tick(t->s, NANOS_MAX, 3720 * NANOS_SECOND));
    assert_string_equal(ask(t, "SELECT count(*), min(timestamp) FROM p2_raw"), "2002|60\n");
    ticks_until_quiet(t, 3720 * NANOS_SECOND);
    assert_string_equal(ask(t, "SELECT timestamp, net FROM p2_raw"), "120|young\n");
    assert_string_equal(ask(t, "SELECT count(*) FROM p2_tops"), "10\n"); /* has a day */
    ticks_until_quiet(t, (86400 + 1) * NANOS_SECOND);
    assert_string_equal(ask(t, "SELECT count(*) FROM p2_tops"), "0\n");
    assert_string_equal(ask(t, "PRAGMA integrity_check"), "ok\n");
}

/* The delete walks the primary key: no scan of the table, no sort. */
static void sqlite_finds_old_rows_by_the_primary_key(void **state)
{
    struct store *t = *state;
    char *(*const makes[])(const struct table *) = { sqlite_schema_age, sqlite_schema_age_rest, sqlite_schema_clear };
    for (u32 i = 0; i < WEIR_COUNT(makes); i++) {
        char *sql = makes[i](&tables[RAW]), *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
        ask(t, explain);
        says(t->text, "SEARCH p2_raw USING PRIMARY KEY");
        assert_null(strstr(t->text, "SCAN"));
        assert_null(strstr(t->text, "TEMP B-TREE"));
        sqlite3_free(sql), sqlite3_free(explain);
    }
}

/* --- readers and faults --- */

static void sqlite_goes_on_beside_a_reader_that_stays(void **state)
{
    struct store *t = *state;
    put_tops(&t->w, 300, "a", 10, 1);
    apply_rows(t, 1);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open_v2(t->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM p2_tops", -1, &st, NULL), SQLITE_OK);
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    for (u64 epoch = 2; epoch < 6; epoch++) {
        for (u32 i = 0; i < 1000; i++) put_tops(&t->w, (i64)(epoch * 1000 + i), "some site", i, 1);
        apply_rows(t, epoch);
        for (u32 i = 0; i < 3; i++) sink_sqlite.tick(t->s, 0, 0);
    }
    sqlite3_reset(st);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 1);
    sqlite3_finalize(st);
    sqlite3_close(db);
    sink_sqlite.tick(t->s, 0, 0);
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", t->path);
    FILE *f = fopen(wal, "r");
    assert_non_null(f);
    assert_int_equal(fgetc(f), EOF); /* quiet and alone: the WAL was emptied */
    fclose(f);
    assert_string_equal(ask(t, "SELECT count(*) FROM p2_tops"), "4001\n");
}

static void sqlite_keeps_an_epoch_whole_when_the_disk_fails(void **state)
{
    struct fault fault = { .writes = -1, .syncs = -1, .write_code = SQLITE_FULL };
    fault_vfs_install(&fault);
    struct store *t = *state;
    open_store(t);
    for (u32 i = 0; i < 2000; i++) put_tops(&t->w, 300, &"abcdefghijklmnopqrstuvwxyz"[i % 26], i, 1);
    for (u32 i = 0; i < 2000; i++) put_tops(&t->w, (i64)i, "site", i, 1);
    slice rows = row_writer_take(&t->w);
    bool fatal;
    u32 failures = 0;
    for (int at = 0;; at++) {
        fault.writes = at;
        fault.write_code = at % 2 ? SQLITE_IOERR_WRITE : SQLITE_FULL;
        err e = sink_sqlite.apply(t->s, 1, rows, t->f->why, sizeof t->f->why, &fatal);
        fault.writes = -1;
        if (!err_is(e)) break;
        assert_false(fatal);
        says(t->f->why, at % 2 ? "applying epoch 1" : "no space left");
        assert_int_equal(epoch_of(t), 0);
        failures++;
    }
    assert_true(failures > 3);
    assert_int_equal(epoch_of(t), 1);
    fault.syncs = 0;
    assert_true(err_is(sink_sqlite.apply(t->s, 2, rows, t->f->why, sizeof t->f->why, &fatal)));
    assert_true(fatal);
    fault.syncs = -1;
    free((char *)(uintptr_t)rows.at);
    close_store(t);
    fault_vfs_remove();
}

static void sqlite_tells_a_failed_checkpoint_with_the_next_epoch(void **state)
{
    struct fault fault = { .writes = -1, .syncs = -1 };
    fault_vfs_install(&fault);
    struct store *t = *state;
    open_store(t);
    put_tops(&t->w, 300, "a", 10, 1);
    apply_rows(t, 1);
    sink_sqlite.tick(t->s, 0, 0);
    fault.syncs = 0;
    sink_sqlite.tick(t->s, 0, 0);
    fault.syncs = -1;
    bool fatal = false;
    assert_true(err_is(sink_sqlite.apply(t->s, 2, slice_of(NULL, 0), t->f->why, sizeof t->f->why, &fatal)));
    assert_true(fatal);
    says(t->f->why, "checkpointing");
    close_store(t);
    fault_vfs_remove();
}

static void sqlite_ends_when_somebody_drops_its_table(void **state)
{
    struct store *t = *state;
    ask(t, "DROP TABLE p2_tops");
    put_tops(&t->w, 300, "a", 10, 1);
    slice rows = row_writer_take(&t->w);
    bool fatal = false;
    assert_true(err_is(sink_sqlite.apply(t->s, 1, rows, t->f->why, sizeof t->f->why, &fatal)));
    assert_true(fatal);
    says(t->f->why, "no such table: p2_tops");
    free((char *)(uintptr_t)rows.at);
}

static void collect(void *to, const char *text)
{
    strcat(to, text);
}

static void sqlite_plan_is_the_sql_that_makes_the_tables(void **state)
{
    struct store *t = *state;
    t->f->wanted[RAW] = false;
    char plan[4096] = "";
    sink_sqlite.plan(&t->f->setup, collect, plan);
    assert_string_equal(plan, "CREATE TABLE IF NOT EXISTS weir_epoch (\n  recipe TEXT PRIMARY KEY,\n"
                              "  epoch INTEGER NOT NULL\n);\n"
                              "CREATE TABLE IF NOT EXISTS \"p2_tops\" (\n  \"timestamp\" INTEGER NOT NULL, -- s\n"
                              "  \"site\" TEXT NOT NULL,\n  \"bytes\" INTEGER,\n  \"bytes_rank\" INTEGER,\n"
                              "  PRIMARY KEY (\"timestamp\", \"site\")\n) WITHOUT ROWID;\n");
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, closed_setup, store_teardown)
#define OPEN(test)   cmocka_unit_test_setup_teardown(test, open_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN(sqlite_stores_every_kind_of_cell),
        OPEN(sqlite_replaces_an_amended_row_and_clears_a_ranking),
        CLOSED(sqlite_replaces_many_rows_among_new_ones),
        OPEN(sqlite_replaces_rows_of_a_table_with_a_trigger),
        OPEN(sqlite_replaces_by_a_unique_index_that_somebody_added),
        OPEN(sqlite_sorts_what_comes_in_any_order),
        OPEN(sqlite_applies_an_epoch_once),
        CLOSED(sqlite_passes_over_tables_that_are_not_wanted),
        OPEN(sqlite_refuses_damaged_rows_and_changes_nothing),
        CLOSED(sqlite_adds_columns_that_a_table_lacks),
        CLOSED(sqlite_names_what_does_not_fit),
        CLOSED(sqlite_says_what_is_wrong_with_the_file),
        CLOSED(sqlite_deletes_old_rows_in_small_steps),
        OPEN(sqlite_finds_old_rows_by_the_primary_key),
        OPEN(sqlite_goes_on_beside_a_reader_that_stays),
        CLOSED(sqlite_keeps_an_epoch_whole_when_the_disk_fails),
        CLOSED(sqlite_tells_a_failed_checkpoint_with_the_next_epoch),
        OPEN(sqlite_ends_when_somebody_drops_its_table),
        CLOSED(sqlite_plan_is_the_sql_that_makes_the_tables),
    };
    return cmocka_run_group_tests_name("sink_sqlite", tests, NULL, NULL);
}
