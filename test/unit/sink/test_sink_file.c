/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_file.c: lines as RFC 4180 and RFC 8259 want them, and files that hold each epoch once. */
#include "sink_fixture.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct options {
    const char *path;
    u32         format;
    bool        header, escape_formulas;
};

struct files {
    struct fixture *f;
    char            path[128], mark[128];
    struct options  options;
    struct sink    *s;
};

/* path: behind the test's folder, "/out" or a pattern. */
static void files_at(struct files *t, struct fixture *f, const char *path)
{
    *t = (struct files){ .f = f };
    snprintf(t->path, sizeof t->path, "%s%s", f->folder, path);
    t->options = (struct options){ t->path, 0, true, false };
    f->setup.options = &t->options;
    snprintf(t->mark, sizeof t->mark, "%s/out/.weir-store.epoch", f->folder);
}

static void open_files(struct files *t)
{
    must(sink_file.open(&t->s, &t->f->setup, t->f->why, sizeof t->f->why), t->f->why);
}

static void refused(struct files *t, const char *words)
{
    assert_true(err_is(sink_file.open(&t->s, &t->f->setup, t->f->why, sizeof t->f->why)));
    assert_null(t->s);
    says(t->f->why, words);
}

static u64 epoch_of(struct files *t)
{
    u64 epoch;
    must(sink_file.epoch(t->s, &epoch), "epoch");
    return epoch;
}

/* A file of the test's folder as text; "(none)" if it is not there. Lent until the next call. */
static const char *text_of(struct files *t, const char *name)
{
    static char text[65536];
    char path[256];
    snprintf(path, sizeof path, "%s/%s", t->f->folder, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) return "(none)";
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static void append(struct files *t, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", t->f->folder, name);
    FILE *f = fopen(path, "a");
    fputs(text, f);
    fclose(f);
}

/* --- lines --- */

static void file_writes_csv_with_quotes_where_they_are_needed(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    open_files(&t);
    struct row_writer w;
    row_writer_init(&w);
    put_tops(&w, 300, "plain", UINT64_MAX, 1);
    put_tops(&w, 300, "a,b", 0, 1);
    put_tops(&w, 300, "say \"hi\"", 0, 1);
    put_tops(&w, 300, "two\nlines", 0, 1);
    put_tops(&w, 300, " blank ", 0, 1);
    put_tops(&w, 300, "", 0, 1);
    put_tops(&w, 300, "=1+1", 0, 1);
    put_raw(&w, -60, NULL, 6, 5, 0.1, 0);
    put_raw(&w, 60, "n", 6, 5, -1, 1);
    apply(&sink_file, t.s, t.f, 1, &w);
    assert_string_equal(text_of(&t, "out/p2_tops.csv"), "timestamp,site,bytes,bytes_rank\n"
                                                         "300,plain,18446744073709551615,1\n"
                                                         "300,\"a,b\",0,1\n"
                                                         "300,\"say \"\"hi\"\"\",0,1\n"
                                                         "300,\"two\nlines\",0,1\n"
                                                         "300,\" blank \",0,1\n"
                                                         "300,,0,1\n"
                                                         "300,=1+1,0,1\n");
    assert_string_equal(text_of(&t, "out/p2_raw.csv"), "timestamp,net,protocol,bytes,rtt,revision\n"
                                                        "-60,,6,5,0.1,0\n"
                                                        "60,n,6,5,,1\n");
    sink_file.close(t.s);
}

static void file_escapes_formulas_when_told(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    t.options.escape_formulas = true, t.options.header = false;
    open_files(&t);
    struct row_writer w;
    row_writer_init(&w);
    static const char *const sites[] = { "=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "=a,\"b\"", "safe=1" };
    for (size_t i = 0; i < WEIR_COUNT(sites); i++) put_tops(&w, -1, sites[i], 1, 1);
    apply(&sink_file, t.s, t.f, 1, &w);
    assert_string_equal(text_of(&t, "out/p2_tops.csv"),
                        "-1,'=cmd|' /C calc'!A0,1,1\n-1,'+1,1,1\n-1,'-1,1,1\n-1,'@x,1,1\n"
                        "-1,'\tx,1,1\n-1,\"'=a,\"\"b\"\"\",1,1\n-1,safe=1,1,1\n");
    sink_file.close(t.s);
}

static void file_writes_json_lines_exactly(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    t.options.format = 1;
    open_files(&t);
    struct row_writer w;
    row_writer_init(&w);
    put_raw(&w, 60, "q\"b\\n\nt\tc\x01\x7f\xc3\xa9", 6, UINT64_MAX, 0.1, 0);
    put_raw(&w, 60, NULL, 6, 9007199254740993, INFINITY, 0);
    put_raw(&w, 60, "eight by\"te\xffs, and \xe2\x82\xac then \xe2\x82", 6, 10, 1, 0);
    row_put(&w, RAW);
    row_i64(&w, 60);
    row_value(&w, &(struct value){ .kind = VALUE_NET, .range = { { { [10] = 0xff, 0xff, 10, 0, 0, 0 } }, 104 } });
    row_value(&w, &(struct value){ .kind = VALUE_MAC, .u = 0x0a0b0c0d0e0f });
    row_i64(&w, INT64_MIN);
    row_f64(&w, NAN);
    row_null(&w);
    apply(&sink_file, t.s, t.f, 1, &w);
    assert_string_equal(
        text_of(&t, "out/p2_raw.jsonl"),
        "{\"timestamp\":60,\"net\":\"q\\\"b\\\\n\\nt\\tc\\u0001\x7f\xc3\xa9\",\"protocol\":6,"
        "\"bytes\":18446744073709551615,\"rtt\":0.1,\"revision\":0}\n"
        "{\"timestamp\":60,\"net\":null,\"protocol\":6,\"bytes\":9007199254740993,\"rtt\":null,\"revision\":0}\n"
        "{\"timestamp\":60,\"net\":\"eight by\\\"te\xef\xbf\xbds, and \xe2\x82\xac then \xef\xbf\xbd\xef\xbf\xbd\","
        "\"protocol\":6,\"bytes\":10,\"rtt\":1,\"revision\":0}\n"
        "{\"timestamp\":60,\"net\":\"10.0.0.0/8\",\"protocol\":\"0a:0b:0c:0d:0e:0f\",\"bytes\":-9223372036854775808,"
        "\"rtt\":null,\"revision\":null}\n");
    sink_file.close(t.s);
}

static void file_names_files_by_the_pattern(void **state)
{
    static const char *const patterns[][2] = {
        { "/out/x-{table}.csv", "out/x-p2_tops.csv" },
        { "/out/{table}/rows", "out/p2_tops/rows" },
        { "/out/{table}/{table}.csv", "out/p2_tops/p2_tops.csv" },
    };
    for (size_t i = 0; i < WEIR_COUNT(patterns); i++) {
        struct files t;
        files_at(&t, *state, patterns[i][0]);
        t.options.header = false;
        open_files(&t);
        struct row_writer w;
        row_writer_init(&w);
        put_tops(&w, 300, "a", 1, 1);
        apply(&sink_file, t.s, t.f, i + 1, &w);
        assert_string_equal(text_of(&t, patterns[i][1]), "300,a,1,1\n");
        sink_file.close(t.s);
        assert_int_equal(access(t.mark, F_OK), 0); /* beside the tables, not inside one */
    }
}

static void file_appends_what_is_amended_and_clears_nothing(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    t.f->wanted[RAW] = false;
    open_files(&t);
    struct row_writer w;
    row_writer_init(&w);
    put_tops(&w, 300, "a", 1, 1);
    put_raw(&w, 60, "n", 6, 1, 0, 0);
    apply(&sink_file, t.s, t.f, 1, &w);
    row_clear(&w, TOPS, 300);
    put_tops(&w, 300, "a", 2, 1);
    apply(&sink_file, t.s, t.f, 2, &w);
    assert_string_equal(text_of(&t, "out/p2_tops.csv"), "timestamp,site,bytes,bytes_rank\n300,a,1,1\n300,a,2,1\n");
    assert_string_equal(text_of(&t, "out/p2_raw.csv"), "(none)");
    sink_file.close(t.s);
}

static void file_writes_stdout_as_one_stream_with_table_names(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    t.options.path = "-";
    char path[128];
    snprintf(path, sizeof path, "%s/stdout", t.f->folder);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_non_null(freopen(path, "w", stdout));
    for (u32 json = 0; json < 2; json++) {
        t.options.format = json;
        t.options.path = json ? "/etc/weir/-" : "-";
        open_files(&t);
        assert_int_equal(epoch_of(&t), 0);
        struct row_writer w;
        row_writer_init(&w);
        put_tops(&w, 300, "a", 1, 1);
        put_raw(&w, 60, "n", 6, 1, -1, 0);
        put_tops(&w, 300, "b", 1, 2);
        apply(&sink_file, t.s, t.f, 1, &w);
        assert_int_equal(epoch_of(&t), 1);
        sink_file.close(t.s);
    }
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_string_equal(text_of(&t, "stdout"),
                        "table,timestamp,site,bytes,bytes_rank\np2_tops,300,a,1,1\n"
                        "table,timestamp,net,protocol,bytes,rtt,revision\np2_raw,60,n,6,1,,0\n"
                        "p2_tops,300,b,1,2\n"
                        "{\"table\":\"p2_tops\",\"timestamp\":300,\"site\":\"a\",\"bytes\":1,\"bytes_rank\":1}\n"
                        "{\"table\":\"p2_raw\",\"timestamp\":60,\"net\":\"n\",\"protocol\":6,\"bytes\":1,\"rtt\":null,"
                        "\"revision\":0}\n"
                        "{\"table\":\"p2_tops\",\"timestamp\":300,\"site\":\"b\",\"bytes\":1,\"bytes_rank\":2}\n");
}

static void file_ends_when_stdout_breaks(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    t.options.path = "-";
    open_files(&t);
    struct row_writer w;
    row_writer_init(&w);
    put_tops(&w, 300, "a", 1, 1);
    slice rows = row_writer_take(&w);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_non_null(freopen("/dev/full", "w", stdout));
    bool fatal = false;
    err e = sink_file.apply(t.s, 1, rows, t.f->why, sizeof t.f->why, &fatal);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_true(err_is(e) && fatal);
    says(t.f->why, "stdout: epoch 1: write: No space left on device");
    free((char *)(uintptr_t)rows.at);
    sink_file.close(t.s);
}

/* --- exactly once --- */

static void one_row(struct files *t, u64 epoch, const char *site)
{
    struct row_writer w;
    row_writer_init(&w);
    put_tops(&w, 300, site, epoch, 1);
    apply(&sink_file, t->s, t->f, epoch, &w);
}

static void file_cuts_off_an_unfinished_epoch(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    open_files(&t);
    one_row(&t, 1, "one");
    one_row(&t, 1, "again");
    one_row(&t, 2, "two");
    sink_file.close(t.s);
    append(&t, "out/p2_tops.csv", "300,thr"); /* a crash in the middle of epoch 3 */
    append(&t, "out/p2_raw.csv", "a file that the third epoch began\n");
    open_files(&t);
    assert_int_equal(epoch_of(&t), 2);
    one_row(&t, 3, "three");
    assert_string_equal(text_of(&t, "out/p2_tops.csv"),
                        "timestamp,site,bytes,bytes_rank\n300,one,1,1\n300,two,2,1\n300,three,3,1\n");
    assert_string_equal(text_of(&t, "out/p2_raw.csv"), "");
    sink_file.close(t.s);
}

static void file_keeps_what_stood_there_before_the_first_epoch(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    t.options.header = false;
    char folder[128];
    snprintf(folder, sizeof folder, "%s/out", t.f->folder);
    mkdir(folder, 0755);
    append(&t, "out/p2_tops.csv", "theirs\n");
    open_files(&t);
    sink_file.close(t.s);
    append(&t, "out/p2_tops.csv", "300,unfinished");
    open_files(&t);
    one_row(&t, 1, "ours");
    assert_string_equal(text_of(&t, "out/p2_tops.csv"), "theirs\n300,ours,1,1\n");
    sink_file.close(t.s);
}

static void file_refuses_files_that_somebody_changed(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    open_files(&t);
    one_row(&t, 4, "one");
    sink_file.close(t.s);
    char path[160];
    snprintf(path, sizeof path, "%s/p2_tops.csv", t.path);
    assert_int_equal(truncate(path, 10), 0);
    refused(&t, "p2_tops.csv: has 10 bytes, but 44 were written up to epoch 4");
    unlink(path);
    refused(&t, "p2_tops.csv: is missing, but 44 were written up to epoch 4; put it back, or remove");
    append(&t, "out/p2_tops.csv", "stamp,site,bytes,bytes_rank,and_more_columns\n300,one,1,1\n");
    refused(&t, "its columns are not those of table p2_tops; move the file and");
    unlink(path);
    unlink(t.mark);
    open_files(&t);
    assert_int_equal(epoch_of(&t), 0);
    struct sink *first = t.s;
    refused(&t, "is in use by another weir");
    sink_file.close(first);
    t.f->setup.recipe = S("another");
    refused(&t, "belongs to another recipe");
}

static void file_never_believes_a_damaged_epoch_file(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    open_files(&t);
    one_row(&t, 9, "one");
    sink_file.close(t.s);
    char whole[1024];
    strcpy(whole, text_of(&t, "out/.weir-store.epoch"));
    size_t len = strlen(whole);
    says(whole, "weir-files 1\nrecipe probe\nepoch 9\nfile 0 ");
    for (size_t at = 0; at < 2 * len; at++) { /* each bit-flipped byte, then each length */
        char bad[1024];
        memcpy(bad, whole, len);
        if (at < len) bad[at] ^= (char)(1 << at % 7);
        FILE *f = fopen(t.mark, "w");
        fwrite(bad, 1, at < len ? len : at - len, f);
        fclose(f);
        refused(&t, "; remove it to begin");
    }
}

static void file_leaves_files_alone_when_the_disk_is_full(void **state)
{
    struct files t;
    files_at(&t, *state, "/out");
    open_files(&t);
    one_row(&t, 1, "one");
    struct row_writer w;
    row_writer_init(&w);
    for (u32 i = 0; i < 200000; i++) put_tops(&w, 300, "a site with a longer name", i, i);
    slice rows = row_writer_take(&w);
    struct rlimit old, small = { 3 << 20, RLIM_INFINITY };
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small); /* a write past 3 MiB fails, as on a full disk */
    bool fatal = true;
    err e = sink_file.apply(t.s, 2, rows, t.f->why, sizeof t.f->why, &fatal);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_true(err_is(e));
    assert_false(fatal);
    says(t.f->why, "p2_tops.csv: epoch 2: write: File too large");
    assert_string_equal(text_of(&t, "out/p2_tops.csv"), "timestamp,site,bytes,bytes_rank\n300,one,1,1\n");
    assert_int_equal(epoch_of(&t), 1);
    must(sink_file.apply(t.s, 2, rows, t.f->why, sizeof t.f->why, &fatal), t.f->why); /* there is room again */
    free((char *)(uintptr_t)rows.at);
    sink_file.close(t.s);
    open_files(&t);
    assert_int_equal(epoch_of(&t), 2);
    sink_file.close(t.s);
}

static void file_refuses_paths_that_cannot_be(void **state)
{
    struct files t;
    files_at(&t, *state, "/no/such/place");
    refused(&t, "make the directory: No such file or directory");
    files_at(&t, *state, "/file");
    append(&t, "file", "x");
    refused(&t, "is not a directory; for one file a table give a path with {table} in it");
    struct table odd[TABLES] = { tables[RAW], tables[TOPS] };
    files_at(&t, *state, "/out");
    t.f->setup.table = odd;
    odd[TOPS].name = S("../escape");
    refused(&t, "table `../escape`: its name cannot be a file's");
    odd[TOPS].name = odd[RAW].name;
    refused(&t, "tables p2_raw and p2_raw would share this file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(file_writes_csv_with_quotes_where_they_are_needed),
        CASE(file_escapes_formulas_when_told),
        CASE(file_writes_json_lines_exactly),
        CASE(file_names_files_by_the_pattern),
        CASE(file_appends_what_is_amended_and_clears_nothing),
        CASE(file_writes_stdout_as_one_stream_with_table_names),
        CASE(file_ends_when_stdout_breaks),
        CASE(file_cuts_off_an_unfinished_epoch),
        CASE(file_keeps_what_stood_there_before_the_first_epoch),
        CASE(file_refuses_files_that_somebody_changed),
        CASE(file_never_believes_a_damaged_epoch_file),
        CASE(file_leaves_files_alone_when_the_disk_is_full),
        CASE(file_refuses_paths_that_cannot_be),
    };
    return cmocka_run_group_tests_name("sink_file", tests, NULL, NULL);
}
