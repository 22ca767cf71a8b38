/* SPDX-License-Identifier: Apache-2.0 */
/* test_lines.c: the source `lines` on real files and a loop, with an engine in small.
 *
 * The engine applies chunks in the order offered, each by reading it as a worker does, and writes a line for all that
 * happens: "+0" a partition is open, "-0" it is not any more, "log a b" a file's lines, "! log words" a complaint,
 * "done". Positions go to a saved state at kit_cut, which kit_open gives back: a crash is a close without cut. */
#include "source/lines.h"
#include "source/sources.h"
#include "small.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#define PATIENCE_MS 8000

struct kit {
    uv_loop_t            loop;
    char                 folder[64];
    const char          *path[8];
    struct lines_options options;
    struct layout        layout;
    bool                 hold, quiet, damaged;
    u64                  lines, sum; /* sum: of all numbers that lines begin with */
    struct small         core;
};

/* --- the engine in small ---------------------------------------------------------------------------------------- */

/* All bytes from `at` to what the source calls the end. Given. */
static char *chunk_bytes(const struct chunk *c, u64 at, size_t *len)
{
    size_t room = 1 << 16;
    char  *bytes = malloc(room);
    *len = 0;
    assert_non_null(bytes);
    for (;;) {
        i64 n = source_lines.read(c, at + *len, bytes + *len, room - *len);
        if (n <= 0) return bytes;
        *len += (size_t)n;
        if (*len < room) continue;
        room *= 2;
        bytes = realloc(bytes, room);
        assert_non_null(bytes);
    }
}

/* The lines that begin in the chunk's range, as the engine's workers find them. */
static u64 chunk_lines(struct kit *k, const struct chunk *c)
{
    size_t len;
    bool   aligned = c->aligned || c->offset == 0;
    u64    at = c->offset - (aligned ? 0 : 1), lines = 0;
    char  *bytes = chunk_bytes(c, at, &len);
    slice  rest = { bytes, len };
    if (!aligned) slice_cut(rest, '\n', &rest);
    if (!k->quiet) small_say(&k->core, "%s", small_base(source_lines.where(c)));
    while (rest.at && rest.len && at + (u64)(rest.at - bytes) < c->offset + c->length) {
        slice line = slice_cut(rest, '\n', &rest);
        if (!k->quiet) small_say(&k->core, " %.*s", (int)line.len, line.at);
        k->sum += (u64)strtoull(line.at, NULL, 10);
        lines++;
    }
    if (!k->quiet) small_say(&k->core, "\n");
    free(bytes);
    return lines;
}

static void apply(struct kit *k)
{
    while (k->core.outs) {
        struct chunk        c = small_take(&k->core);
        struct chunk_counts counts = { .lines = chunk_lines(k, &c) };
        u64                 offset = 0;
        assert_true(source_lines.line(&c, 0, &offset) >= 1);
        k->lines += counts.lines;
        source_lines.applied(k->core.source, &c, &counts);
    }
    small_resume(&k->core);
}

static struct kit *of(struct inlet *in)
{
    return container_of(in, struct kit, core.inlet);
}

static void on_offer(struct inlet *in, struct chunk *taken)
{
    small_offer(&of(in)->core, taken);
}

static void on_partition(struct inlet *in, u32 number, bool open)
{
    if (!of(in)->hold) apply(of(in));
    small_say(&of(in)->core, "%c%u\n", open ? '+' : '-', number);
}

static void on_done(struct inlet *in)
{
    apply(of(in));
    small_say(&of(in)->core, "done\n");
}

static void on_complain(struct inlet *in, slice file, u64 offset, const char *what)
{
    if (!of(in)->hold) apply(of(in));
    small_say(&of(in)->core, "! %s %s\n", small_base(file), what);
}

static void on_fail(struct inlet *in, const char *text)
{
    small_say(&of(in)->core, "failed: %s\n", text);
}

static void on_damaged(struct inlet *in)
{
    of(in)->damaged = true;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static char *kit_path(const struct kit *k, const char *name)
{
    static char path[4][256];
    static u32  turn;
    char       *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", k->folder, name);
    return p;
}

static void kit_paths(struct kit *k, u32 count, ...)
{
    va_list args;
    va_start(args, count);
    for (u32 i = 0; i < k->options.path.count; i++) free((char *)(uintptr_t)k->path[i]);
    for (u32 i = 0; i < count; i++) {
        const char *name = va_arg(args, const char *);
        k->path[i] = slice_dup(slice_str(strcmp(name, "-") == 0 ? name : kit_path(k, name)));
    }
    va_end(args);
    k->options.path = (struct option_names){ count, k->path };
}

static int fresh(void **state)
{
    static const char *const keys[] = { "any" };
    struct kit *k = calloc(1, sizeof *k);
    assert_non_null(k);
    small_folder(k->folder, sizeof k->folder);
    assert_int_equal(uv_loop_init(&k->loop), 0);
    k->options = (struct lines_options){ .follow = true, .poll = 30000000, .watch = true, .rotate_wait = 60000000,
                                         .chunk = 1 << 20, .backlog = 8 << 20 };
    k->core.type = &source_lines;
    k->core.setup = (struct source_setup){ .name = S("log"), .options = &k->options, .decoder = &decoder_line,
                                           .layouts = 1, .layout = &k->layout, .layout_key = keys, .fresh = true,
                                           .now = small_now };
    k->core.inlet = (struct inlet){ .offer = on_offer, .partition = on_partition, .done = on_done,
                                    .complain = on_complain, .fail = on_fail, .damaged = on_damaged };
    kit_paths(k, 1, "log");
    *state = k;
    return 0;
}

static void kit_open(struct kit *k)
{
    small_unsay(&k->core, 0);
    small_open(&k->core, &k->loop);
}

static void kit_cut(struct kit *k)
{
    small_cut(&k->core);
    k->core.setup.fresh = false;
}

/* Chunks still out are given back without a word. */
static void kit_close(struct kit *k)
{
    size_t len = k->core.len;
    source_lines.pause(k->core.source);
    k->core.out_max = 0;
    k->core.paused = false;
    apply(k);
    small_unsay(&k->core, len);
    small_close(&k->core, &k->loop);
}

static int gone(void **state)
{
    struct kit *k = *state;
    if (k->core.source) kit_close(k);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    small_folder_gone(k->folder);
    for (u32 i = 0; i < k->options.path.count; i++) free((char *)(uintptr_t)k->path[i]);
    free(k);
    return 0;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

struct goal {
    struct kit *kit;
    const char *text;
    u64         lines;
};

static bool is_met(void *arg)
{
    const struct goal *g = arg;
    struct kit        *k = g->kit;
    if (!k->hold) apply(k);
    return (g->text && strcmp(k->core.text, g->text) == 0) || (g->lines && k->lines >= g->lines);
}

static bool run_until(struct kit *k, const char *text, u64 lines, u64 patience_ms)
{
    return small_run(&k->loop, is_met, &(struct goal){ k, text, lines }, patience_ms);
}

/* Until the text since the last kit_expect is this. */
static void kit_expect(struct kit *k, const char *text)
{
    if (!run_until(k, text, 0, PATIENCE_MS)) assert_string_equal(k->core.text, text);
    small_unsay(&k->core, 0);
}

static void kit_settle(struct kit *k)
{
    run_until(k, NULL, 0, 150);
}

static const struct lines_counts *counts(const struct kit *k)
{
    return (const void *)source_lines.counts(k->core.source);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static void write_bytes(struct kit *k, const char *name, int how, const void *bytes, size_t len)
{
    int fd = open(kit_path(k, name), O_WRONLY | O_CREAT | how, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static void put(struct kit *k, const char *name, const char *text)
{
    write_bytes(k, name, O_TRUNC, text, strlen(text));
}

static void append(struct kit *k, const char *name, const char *text)
{
    write_bytes(k, name, O_APPEND, text, strlen(text));
}

static void move(struct kit *k, const char *from, const char *to)
{
    assert_int_equal(rename(kit_path(k, from), kit_path(k, to)), 0);
}

static size_t gzip(char *to, size_t room, const char *text, size_t len)
{
    z_stream z = { .zalloc = NULL };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void put_gzip(struct kit *k, const char *name, const char *text)
{
    char bytes[4096];
    write_bytes(k, name, O_TRUNC, bytes, gzip(bytes, sizeof bytes, text, strlen(text)));
}

static void put_zstd(struct kit *k, const char *name, const char *text, size_t len)
{
    size_t room = ZSTD_compressBound(len);
    char  *bytes = malloc(room);
    assert_non_null(bytes);
    size_t n = ZSTD_compress(bytes, room, text, len, 1);
    assert_false(ZSTD_isError(n));
    write_bytes(k, name, O_TRUNC, bytes, n);
    free(bytes);
}

static int give_stdin(int fd)
{
    int kept = dup(STDIN_FILENO);
    assert_true(kept >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    close(fd);
    return kept;
}

static void take_stdin(int kept)
{
    dup2(kept, STDIN_FILENO);
    close(kept);
}

/* Lines "1\n" .. "count\n". Given. */
static char *numbers(u64 count, size_t *len)
{
    char  *text = malloc(count * 8 + 1);
    assert_non_null(text);
    *len = 0;
    for (u64 i = 1; i <= count; i++) *len += (size_t)sprintf(text + *len, "%llu\n", (unsigned long long)i);
    return text;
}

/* --- following -------------------------------------------------------------------------------------------------- */

static void lines_follows_a_file_that_grows(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a b\n");
    append(k, "log", "c\n");
    kit_expect(k, "log c\n");
    kit_settle(k);
    append(k, "log", "d\ne\n");
    kit_expect(k, "log d e\n");
}

static void lines_leaves_a_torn_last_line_until_its_end_comes(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb");
    kit_open(k);
    kit_expect(k, "+0\nlog a\n");
    append(k, "log", "c");
    kit_settle(k);
    kit_expect(k, "");
    append(k, "log", "d\n");
    kit_expect(k, "log bcd\n");
}

static void lines_waits_for_a_file_that_is_not_there(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    kit_expect(k, "! log is not there; looked for every `poll`\n");
    put(k, "log", "a\n");
    kit_expect(k, "+0\nlog a\n");
}

static void lines_begins_at_the_end_where_it_is_told_to_and_only_at_first(void **state)
{
    struct kit *k = *state;
    k->options.start = LINES_END;
    kit_paths(k, 2, "log", "new");
    put(k, "log", "a\nb\ntorn");
    kit_open(k);
    kit_settle(k);
    kit_cut(k);
    kit_expect(k, "+0\n! new is not there; looked for every `poll`\n");
    append(k, "log", " rest\nc\n");
    kit_expect(k, "log c\n");
    put(k, "new", "n\n");
    kit_expect(k, "+1\nnew n\n");
    kit_close(k);
    append(k, "log", "d\n");
    kit_open(k); /* the position of the first cut, before c */
    kit_expect(k, "+0\n+1\nlog c d\nnew n\n");
}

static void lines_ignores_a_time_without_growth_and_splits_by_chunks(void **state)
{
    struct kit *k = *state;
    size_t      len;
    char       *text = numbers(100000, &len);
    k->options.chunk = 64 << 10;
    k->quiet = true;
    k->core.out_max = 3;
    write_bytes(k, "log", O_TRUNC, text, len);
    kit_open(k);
    assert_true(run_until(k, NULL, 100000, PATIENCE_MS));
    assert_int_equal(k->lines, 100000);
    assert_int_equal(k->sum, 100000ull * 100001 / 2);
    assert_int_equal(counts(k)->bytes, len);
    free(text);
}

/* --- rotation --------------------------------------------------------------------------------------------------- */

static void lines_reads_a_renamed_file_to_its_end_then_the_new_one(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a\n");
    append(k, "log", "b\n");
    move(k, "log", "log.1");
    put(k, "log", "x\n");
    append(k, "log.1", "c\nd"); /* its writer was not told yet */
    run_until(k, NULL, 5, PATIENCE_MS);
    assert_int_equal(k->lines, 5); /* however they came: */
    const char *order[] = { " b", " c", " d", " x" };
    for (u32 i = 1; i < 4; i++) assert_true(strstr(k->core.text, order[i - 1]) < strstr(k->core.text, order[i]));
    assert_int_equal(counts(k)->rotated, 1);
    kit_settle(k);
    small_unsay(&k->core, 0);
    append(k, "log", "y\n");
    kit_expect(k, "log y\n");
}

static void lines_reads_a_file_once_that_is_rotated_after_a_look_at_it(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a\n");
    kit_settle(k); /* the next file is written later, whatever the clock's grain */
    move(k, "log", "log.1");
    put(k, "log", "b\n");
    struct survey *v = survey_new(&k->options.path);
    survey_make(v);
    move(k, "log.1", "log.2");
    move(k, "log", "log.1");
    put(k, "log", "c\n");
    follow_survey((struct lines *)k->core.source, v);
    survey_free(v);
    kit_expect(k, "log b\nlog c\n");
    kit_settle(k);
    assert_string_equal(k->core.text, "");
}

static void lines_takes_a_rotated_file_that_was_deleted_to_its_end(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a\n");
    append(k, "log", "b\nc\n");
    assert_int_equal(unlink(kit_path(k, "log")), 0);
    kit_expect(k, "log b c\n");
    put(k, "log", "d\n");
    kit_expect(k, "log d\n");
}

static void lines_reads_from_the_start_after_copytruncate(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a b\n");
    put(k, "log", "c\n");
    kit_expect(k, "! log truncated: read from its start; what was written after the last look, if anything, is lost\n"
                  "log c\n");
    assert_int_equal(counts(k)->truncated, 1);
    kit_settle(k);
    assert_string_equal(k->core.text, ""); /* told once */
}

static void lines_says_how_much_it_had_seen_of_a_truncated_file_and_not_read(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb\ncd");
    kit_open(k);
    kit_expect(k, "+0\nlog a b\n");
    put(k, "log", "e\n");
    kit_expect(k, "! log truncated: read from its start; 2 bytes known unread are lost, and what was written after the "
                  "last look\nlog e\n");
}

/* What tells a file from another, its first 256 bytes, are there still. */
static void lines_tells_of_a_file_that_was_cut_short_behind_its_place(void **state)
{
    struct kit *k = *state;
    char        text[512] = "";
    for (u32 i = 0; i < 75; i++) strcat(text, "100\n");
    put(k, "log", text);
    append(k, "log", "bcd");
    k->quiet = true;
    kit_open(k);
    run_until(k, NULL, 75, PATIENCE_MS);
    k->quiet = false;
    assert_int_equal(truncate(kit_path(k, "log"), 301), 0);
    kit_expect(k, "+0\n! log cut short at its end: 2 bytes known unread are lost\n");
    assert_int_equal(counts(k)->truncated, 1);
    append(k, "log", "e\n");
    kit_expect(k, "log be\n");
    append(k, "log", "fgh");
    kit_settle(k);
    kit_cut(k);
    kit_close(k);
    assert_int_equal(truncate(kit_path(k, "log"), 303), 0);
    kit_open(k);
    kit_expect(k, "+0\n! log cut short at its end: 3 bytes known unread are lost\n");
}

static void lines_knows_a_file_that_was_truncated_and_has_grown_past_its_place(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb\n");
    k->options.watch = false;
    k->options.poll = 300000000;
    kit_open(k);
    kit_expect(k, "+0\nlog a b\n");
    put(k, "log", "x\ny\nz\n");
    kit_expect(k, "! log written anew: read from its start; what was written after the last look, if anything, is "
                  "lost\nlog x y z\n");
}

static void lines_does_not_read_rotated_names_of_a_pattern(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 1, "*");
    put(k, "log", "a\n");
    put(k, "log.1", "old\n");
    put(k, "log-20251120", "old\n");
    put_gzip(k, "log.2.gz", "older\n");
    put(k, "logger", "l\n");
    kit_open(k);
    run_until(k, NULL, 2, PATIENCE_MS);
    assert_non_null(strstr(k->core.text, "! log 3 older generations (one is log.2.gz) were there before weir knew the "
                                         "path: they are not read\n"));
    assert_non_null(strstr(k->core.text, "log a\nlogger l\n"));
    small_unsay(&k->core, 0);
    move(k, "log", "log.3");
    put(k, "log", "b\n");
    kit_expect(k, "log b\n");
    kit_settle(k);
    kit_expect(k, "");
}

static void lines_ends_the_stream_of_a_patterns_name_that_is_gone(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 1, "eve-*");
    put(k, "eve-1", "a\n");
    kit_open(k);
    kit_expect(k, "+0\neve-1 a\n");
    kit_cut(k);
    assert_int_equal(k->core.saves, 1);
    assert_int_equal(unlink(kit_path(k, "eve-1")), 0);
    kit_expect(k, "-0\n");
    put(k, "eve-2", "b\n"); /* with the same inode, mostly */
    kit_expect(k, "+1\neve-2 b\n");
    put(k, "eve-1", "c\n");
    kit_expect(k, "+0\neve-1 c\n");
    kit_cut(k);
    assert_int_equal(k->core.saves, 2);
}

static void lines_remembers_a_patterns_name_that_is_gone(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 1, "*.log");
    put(k, "a.log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\na.log a\n");
    move(k, "a.log", "a.log.1");
    kit_expect(k, "-0\n");
    kit_cut(k);
    put(k, "a.log", "b\n");
    kit_expect(k, "+0\na.log b\n");
    kit_close(k); /* b is in no epoch, and is rotated away */
    move(k, "a.log.1", "a.log.2");
    move(k, "a.log", "a.log.1");
    kit_open(k);
    kit_expect(k, "! *.log matches nothing; looked for every `poll`\n+0\na.log b\n-0\n");
    kit_cut(k);
    put(k, "a.log", "c\n");
    kit_expect(k, "+0\na.log c\n");
    kit_close(k);
    move(k, "a.log", "a.log.0");
    usleep(20000);
    put(k, "a.log", "d\n");
    kit_open(k);
    kit_expect(k, "+0\na.log c\na.log d\n");
}

static void lines_says_nothing_of_a_name_that_was_read_and_stays_gone(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 1, "*.log");
    put(k, "a.log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\na.log a\n");
    assert_int_equal(unlink(kit_path(k, "a.log")), 0);
    kit_expect(k, "-0\n");
    kit_cut(k);
    for (u32 i = 0; i < 2; i++) {
        kit_close(k);
        kit_open(k);
        kit_settle(k);
        kit_cut(k);
        kit_expect(k, "! *.log matches nothing; looked for every `poll`\n");
    }
    put(k, "a.log", "b\nc\n"); /* with the same inode, mostly */
    kit_expect(k, "+0\na.log b c\n");
}

static void lines_goes_on_in_a_file_that_took_another_name_of_the_pattern(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 1, "*.log");
    put(k, "a.log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\na.log a\n");
    move(k, "a.log", "b.log");
    kit_expect(k, "-0\n+1\n");
    append(k, "b.log", "b\n");
    kit_expect(k, "b.log b\n");
}

static void lines_remembers_so_many_names(void **state)
{
    struct kit  *k = *state;
    const u32    files = LEFT_MAX + 20;
    struct lines *l;
    char         name[32];
    kit_paths(k, 1, "*.log");
    k->quiet = true;
    k->core.out_max = 100;
    for (u32 i = 0; i < files; i++) {
        snprintf(name, sizeof name, "%u.log", i);
        put(k, name, "1\n");
    }
    kit_open(k);
    l = (struct lines *)k->core.source;
    assert_true(run_until(k, NULL, files, PATIENCE_MS));
    assert_int_equal(l->streams, files);
    for (u32 i = 0; i < files; i++) {
        snprintf(name, sizeof name, "%u.log", i);
        assert_int_equal(unlink(kit_path(k, name)), 0);
    }
    for (u32 i = 0; i < 40 && l->streams > LEFT_MAX; i++) kit_settle(k);
    assert_int_equal(l->streams, LEFT_MAX);
    assert_int_equal(l->stales, 0); /* no position of theirs was ever saved */
}

/* --- restarts --------------------------------------------------------------------------------------------------- */

static void lines_goes_on_at_the_byte(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a b\n");
    kit_cut(k);
    append(k, "log", "c\n");
    kit_expect(k, "log c\n");
    kit_close(k); /* without a cut: c is not in the state */
    append(k, "log", "d\n");
    kit_open(k);
    kit_expect(k, "+0\nlog c d\n");
}

static void lines_goes_on_inside_a_file_that_is_read_in_chunks(void **state)
{
    struct kit *k = *state;
    size_t      len;
    char       *text = numbers(60000, &len);
    k->options.chunk = 64 << 10;
    k->quiet = true;
    k->core.out_max = 1;
    write_bytes(k, "log", O_TRUNC, text, len);
    free(text);
    kit_open(k);
    run_until(k, NULL, 20000, PATIENCE_MS);
    kit_cut(k);
    u64 lines = k->lines, sum = k->sum;
    kit_close(k);
    k->lines = lines; /* what came after the cut is not in the state */
    k->sum = sum;
    kit_open(k);
    run_until(k, NULL, 60000, PATIENCE_MS);
    assert_int_equal(k->lines, 60000);
    assert_int_equal(k->sum, 60000ull * 60001 / 2);
}

static void lines_knows_a_path_from_its_first_look_on(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    k->hold = true;
    kit_open(k);
    kit_settle(k);
    kit_cut(k); /* nothing is applied */
    assert_int_equal(k->core.saves, 1);
    kit_close(k);
    k->hold = false;
    move(k, "log", "log.1");
    usleep(20000);
    put(k, "log", "b\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a\nlog b\n");
}

static void lines_does_not_take_a_second_name_of_the_live_file_for_an_older_one(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a\n");
    kit_settle(k);
    move(k, "log", "log.1");
    put(k, "log", "b\n");
    assert_int_equal(link(kit_path(k, "log"), kit_path(k, "log.2")), 0);
    kit_expect(k, "log b\n");
    kit_settle(k);
    append(k, "log", "c");
    kit_settle(k);
    kit_expect(k, ""); /* not left: a torn line is waited for */
    append(k, "log", "d\n");
    kit_expect(k, "log cd\n");
    assert_int_equal(counts(k)->rotated, 1);
}

static void lines_finds_what_was_rotated_while_it_was_down(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a\n");
    kit_cut(k);
    kit_close(k);
    append(k, "log", "b\n");
    move(k, "log", "log.2");
    usleep(20000);
    put(k, "log.1", "c\n"); /* came and went */
    usleep(20000);
    put(k, "log", "d\n");
    kit_open(k);
    kit_expect(k, "+0\nlog b\nlog c\nlog d\n");
    kit_cut(k);
    kit_close(k);
    kit_open(k);
    kit_settle(k);
    kit_expect(k, "+0\n");
}

static void lines_tells_what_is_known_to_be_unread_where_it_is_gone(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\n");
    k->hold = true;
    kit_open(k);
    kit_settle(k);
    k->hold = false;
    apply(k);
    append(k, "log", "b\nc\n");
    k->hold = true;
    kit_settle(k); /* seen, not applied */
    kit_cut(k);
    kit_close(k);
    k->hold = false;
    assert_int_equal(unlink(kit_path(k, "log")), 0);
    put(k, "other", "takes the inode\n");
    put(k, "log", "d\n");
    kit_open(k);
    kit_expect(k, "! log rotated away while weir was down, 4 bytes known unread\n+0\nlog d\n");
    assert_int_equal(counts(k)->vanished, 1);
}

static void lines_knows_a_recycled_inode_by_the_first_bytes(void **state)
{
    struct kit *k = *state;
    put(k, "log", "aaaa\n");
    kit_open(k);
    kit_expect(k, "+0\nlog aaaa\n");
    kit_cut(k);
    kit_close(k);
    put(k, "log", "bbbb\ncccc\n"); /* the same inode, as if it were given anew */
    kit_open(k);
    kit_expect(k, "! log written anew while weir was down (or deleted, and its inode given to another): read from its "
                  "start, 0 bytes known unread\n+0\nlog bbbb cccc\n");
    assert_int_equal(counts(k)->truncated, 1);
}

static void lines_goes_on_in_the_copy_of_a_file_that_was_truncated_while_it_was_down(void **state)
{
    struct kit *k = *state;
    char        text[1024] = "";
    for (u32 i = 0; i < 100; i++) snprintf(text + strlen(text), 8, "%u\n", i + 100);
    k->quiet = true;
    put(k, "log", text);
    kit_open(k);
    run_until(k, NULL, 100, PATIENCE_MS);
    kit_cut(k);
    kit_close(k);
    k->quiet = false;
    usleep(20000);
    put(k, "log.1", text); /* as copytruncate does */
    append(k, "log.1", "x\n");
    memcpy(text, "b\n", 2);
    put(k, "log", "");
    append(k, "log", "b\n");
    for (u32 i = 0; i < 2; i++) append(k, "log", text + 4);
    kit_open(k);
    run_until(k, NULL, 302, PATIENCE_MS);
    kit_settle(k);
    assert_non_null(strstr(k->core.text, "+0\nlog x\nlog b 101 102"));
    assert_int_equal(k->lines, 100 + 1 + 1 + 2 * 99);
}

static void lines_reads_from_the_start_what_was_truncated_while_it_was_down(void **state)
{
    struct kit *k = *state;
    put(k, "log", "a\nb\nc\n");
    kit_open(k);
    kit_expect(k, "+0\nlog a b c\n");
    kit_cut(k);
    kit_close(k);
    put(k, "log", "d\n");
    kit_open(k);
    kit_expect(k, "! log truncated while weir was down: read from its start; 0 bytes known unread are lost, and what "
                  "was written after the last epoch\n+0\nlog d\n");
}

static void lines_keeps_the_position_of_a_path_that_is_not_asked_for(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 2, "log", "two");
    put(k, "log", "a\n");
    put(k, "two", "b\n");
    kit_open(k);
    kit_expect(k, "+0\n+1\nlog a\ntwo b\n");
    kit_cut(k);
    kit_close(k);
    kit_paths(k, 1, "two");
    kit_open(k);
    kit_settle(k);
    kit_cut(k);
    kit_expect(k, "+1\n"); /* its number is its own */
    kit_close(k);
    kit_paths(k, 2, "log", "two");
    kit_open(k);
    kit_settle(k);
    kit_expect(k, "+0\n+1\n");
}

/* --- byte order marks ------------------------------------------------------------------------------------------- */

#define BOM "\xef\xbb\xbf"

static void lines_passes_over_a_byte_order_mark_at_the_beginning_of_a_file(void **state)
{
    struct kit *k = *state;
    put(k, "log", "");
    kit_open(k);
    for (const char *c = BOM; *c; c++) {
        append(k, "log", (char[]){ *c, '\0' });
        kit_settle(k);
    }
    kit_cut(k);
    kit_close(k);
    kit_open(k);
    append(k, "log", "a\n" BOM "b\n");
    kit_expect(k, "+0\nlog a " BOM "b\n"); /* elsewhere it is text */
    kit_cut(k);
    kit_close(k);
    append(k, "log", "c\n");
    kit_open(k);
    kit_expect(k, "+0\nlog c\n");
    move(k, "log", "log.1");
    put(k, "log", BOM "d\n");
    kit_expect(k, "log d\n");
}

static void lines_begins_behind_the_mark_after_a_crash(void **state)
{
    struct kit *k = *state;
    put(k, "log", BOM "a");
    kit_open(k);
    kit_settle(k);
    kit_cut(k); /* a position behind the mark, where a line begins */
    kit_close(k);
    append(k, "log", "b\n");
    kit_open(k);
    kit_expect(k, "+0\nlog ab\n");
}

static void lines_passes_over_a_mark_behind_gzip_zstd_and_a_pipe(void **state)
{
    struct kit *k = *state;
    int         ends[2];
    k->core.setup.once = true;
    kit_paths(k, 4, "log", "three", "two", "-");
    put_gzip(k, "log", BOM "a\nb\n");
    put_zstd(k, "three", "\xef\xbb", 2);
    put_zstd(k, "two", BOM "c\n" BOM "d", 9);
    assert_int_equal(pipe(ends), 0);
    for (u32 i = 0; i < 2; i++) assert_int_equal(write(ends[1], i ? "\xbf" "e\n" : "\xef\xbb", i ? 3 : 2), i ? 3 : 2);
    close(ends[1]);
    int kept = give_stdin(ends[0]);
    kit_open(k);
    run_until(k, NULL, 6, PATIENCE_MS);
    run_until(k, NULL, 0, 100);
    assert_non_null(strstr(k->core.text, "log a b\n"));
    assert_non_null(strstr(k->core.text, "two c " BOM "d\n"));
    assert_non_null(strstr(k->core.text, "three \xef\xbb\n"));
    assert_non_null(strstr(k->core.text, "- e\n"));
    assert_non_null(strstr(k->core.text, "done\n"));
    take_stdin(kept);
}

static void lines_goes_on_inside_a_packed_file_with_a_mark(void **state)
{
    struct kit *k = *state;
    size_t      len;
    char       *body = numbers(100000, &len), *text = malloc(len + 3);
    assert_non_null(text);
    memcpy(text, BOM, 3);
    memcpy(text + 3, body, len);
    k->core.setup.once = k->quiet = true;
    k->options.chunk = k->options.backlog = 64 << 10;
    k->core.out_max = 1;
    put_zstd(k, "log", text, len + 3);
    free(body);
    free(text);
    kit_open(k);
    run_until(k, NULL, 20000, PATIENCE_MS);
    kit_cut(k);
    u64 lines = k->lines, sum = k->sum;
    assert_true(lines < 100000);
    kit_close(k);
    k->lines = lines;
    k->sum = sum;
    kit_open(k);
    run_until(k, "+0\n-0\ndone\n", 0, PATIENCE_MS);
    assert_int_equal(k->lines, 100000);
    assert_int_equal(k->sum, 100000ull * 100001 / 2);
}

/* --- bounded input ---------------------------------------------------------------------------------------------- */

static void lines_reads_what_is_there_once_with_the_last_line(void **state)
{
    struct kit *k = *state;
    k->core.setup.once = true;
    kit_paths(k, 3, "log", "missing", "none-*");
    put(k, "log", "a\nb");
    kit_open(k);
    kit_expect(k, "! none-* matches nothing\n+0\n! missing is not there\nlog a b\n-0\ndone\n");
    kit_cut(k);
    kit_close(k);
    append(k, "log", "c\nd\n");
    kit_paths(k, 1, "log");
    kit_open(k);
    kit_expect(k, "+0\n! log appended to behind a last line without LF, which was read: the new bytes up to the next "
                  "LF are passed over\nlog d\n-0\ndone\n");
}

static void lines_unpacks_gzip_and_zstd_by_their_first_bytes(void **state)
{
    struct kit *k = *state;
    k->core.setup.once = true;
    kit_paths(k, 1, "*");
    put_gzip(k, "one", "a\nb\n");
    put_zstd(k, "two", "c\nd", 3);
    put(k, "three.gz", "not packed\n");
    kit_open(k);
    run_until(k, NULL, 5, PATIENCE_MS);
    run_until(k, NULL, 0, 100);
    assert_non_null(strstr(k->core.text, "one a b\n"));
    assert_non_null(strstr(k->core.text, "two c d\n"));
    assert_non_null(strstr(k->core.text, "three.gz not packed\n"));
    assert_non_null(strstr(k->core.text, "done\n"));
    assert_int_equal(counts(k)->unpacked, 2);
    kit_cut(k);
    kit_close(k);
    kit_open(k);
    kit_expect(k, "+0\n+1\n+2\n-0\n-1\n-2\ndone\n"); /* once */
}

static void lines_goes_on_inside_a_packed_file(void **state)
{
    struct kit *k = *state;
    size_t      len;
    char       *text = numbers(300000, &len);
    k->core.setup.once = true;
    k->options.chunk = k->options.backlog = 64 << 10;
    k->quiet = true;
    k->core.out_max = 1;
    put_zstd(k, "log", text, len);
    free(text);
    kit_open(k);
    run_until(k, NULL, 100000, PATIENCE_MS);
    assert_true(k->lines < 300000);
    kit_cut(k);
    u64 lines = k->lines, sum = k->sum;
    kit_close(k);
    k->lines = lines;
    k->sum = sum;
    k->options.chunk = 100000; /* texts end elsewhere now */
    kit_open(k);
    run_until(k, "+0\n-0\ndone\n", 0, PATIENCE_MS);
    assert_int_equal(k->lines, 300000);
    assert_int_equal(k->sum, 300000ull * 300001 / 2);
}

static void lines_reads_another_packed_file_that_came_while_it_was_down(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 1, "old*");
    put_gzip(k, "old", "a\n");
    kit_open(k);
    kit_expect(k, "+0\nold a\n");
    kit_settle(k);
    kit_cut(k);
    kit_close(k);
    put_gzip(k, "old", "b\nc\n"); /* the same inode */
    kit_open(k);
    kit_expect(k, "+0\nold b c\n");
}

static void lines_tells_damage_and_reads_no_torn_line(void **state)
{
    struct kit *k = *state;
    char        bytes[4096], text[8192];
    size_t      len = 0;
    for (u32 i = 0; i < 400; i++) len += (size_t)sprintf(text + len, "%u line\n", i * 7919u);
    size_t n = gzip(bytes, sizeof bytes, text, len);
    k->core.setup.once = true;
    write_bytes(k, "log", O_TRUNC, bytes, n / 2);
    k->quiet = true;
    kit_open(k);
    kit_expect(k, "+0\n! log ends inside packed data: its last line is not read\n-0\ndone\n");
    assert_true(k->damaged && k->lines > 0 && k->lines < 400);
    u64 sum = 0;
    for (u32 i = 0; i < k->lines; i++) sum += i * 7919u;
    assert_int_equal(k->sum, sum);
}

static void lines_passes_over_a_line_that_no_text_can_hold(void **state)
{
    struct kit *k = *state;
    size_t      len = 400000;
    char       *text = malloc(len + 8);
    assert_non_null(text);
    memcpy(text, "1\n", 2);
    memset(text + 2, '5', len);
    text[2] = '0';
    text[3] = 'x';
    memcpy(text + 2 + len, "\n2\n", 3);
    k->core.setup.once = true;
    k->options.chunk = 64 << 10;
    k->quiet = true;
    put_zstd(k, "log", text, len + 5);
    free(text);
    kit_open(k);
    kit_expect(k, "+0\n-0\ndone\n");
    assert_int_equal(k->lines, 3); /* 1, the long one once, 2: what is inside of it is no line */
    assert_int_equal(k->sum, 3);
}

static void lines_follows_plain_files_beside_packed_ones(void **state)
{
    struct kit *k = *state;
    kit_paths(k, 2, "log", "old");
    put_gzip(k, "old", "o\n");
    put(k, "log", "a\n");
    kit_open(k);
    kit_expect(k, "+0\n+1\nlog a\nold o\n");
    append(k, "log", "b\n");
    kit_expect(k, "log b\n");
    put_gzip(k, "older", "another\n");
    move(k, "older", "old");
    kit_expect(k, "old another\n");
}

/* --- standard input --------------------------------------------------------------------------------------------- */

static void lines_reads_a_pipe_as_it_comes(void **state)
{
    struct kit *k = *state;
    int         ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = give_stdin(ends[0]);
    kit_paths(k, 1, "-");
    kit_open(k);
    assert_int_equal(write(ends[1], "a\nb\nc", 5), 5);
    kit_expect(k, "+0\n- a b\n");
    assert_int_equal(write(ends[1], "d\ne", 3), 3);
    kit_expect(k, "- cd\n");
    close(ends[1]);
    kit_expect(k, "- e\n-0\ndone\n");
    kit_cut(k);
    assert_int_equal(k->core.saves, 0);
    take_stdin(kept);
}

static void lines_unpacks_a_pipe_and_takes_a_file_given_as_standard_input_for_one(void **state)
{
    struct kit *k = *state;
    char        bytes[256];
    int         ends[2];
    size_t      n = gzip(bytes, sizeof bytes, "a\nb\n", 4);
    kit_paths(k, 1, "-");
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, n), n);
    close(ends[1]);
    int kept = give_stdin(ends[0]);
    kit_open(k);
    kit_expect(k, "+0\n- a b\n-0\ndone\n");
    kit_close(k);
    put(k, "file", "1\n2\n");
    assert_true(dup2(open(kit_path(k, "file"), O_RDONLY), STDIN_FILENO) == STDIN_FILENO);
    kit_open(k);
    kit_expect(k, "+0\n- 1 2\n-0\ndone\n");
    kit_cut(k);
    assert_int_equal(k->core.saves, 1);
    kit_close(k);
    append(k, "file", "3\n");
    kit_open(k);
    kit_expect(k, "+0\n- 3\n-0\ndone\n");
    take_stdin(kept);
}

static void lines_ends_while_a_pipe_is_silent(void **state)
{
    struct kit *k = *state;
    int         ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = give_stdin(ends[0]);
    kit_paths(k, 1, "-");
    kit_open(k);
    kit_settle(k);
    kit_close(k);
    close(ends[1]);
    take_stdin(kept);
}

/* --- what it may be told ---------------------------------------------------------------------------------------- */

static void lines_checks_its_paths(void **state)
{
    static const char *twice[] = { "-", "a", "-" };
    struct lines_options o = { .path = { 3, twice } };
    char                 words[128];
    const char          *at;
    assert_false(source_lines.check(&o, words, sizeof words, &at));
    assert_string_equal(words, "standard input (`-`) stands twice in `path`");
    assert_string_equal(at, "path");
    o.path.count = 2;
    assert_true(source_lines.check(&o, words, sizeof words, &at));
    o.path.count = 0;
    assert_false(source_lines.check(&o, words, sizeof words, &at));
}

static void lines_refuses_positions_that_are_damaged(void **state)
{
    static const char *const bad[] = { "", "1", "2 0 0 1 1 1 1 1 1 1 1", "1 4096 0 1 1 1 1 1 1 1 1",
                                       "1 0 8 1 1 1 1 1 1 1 1", "1 0 0 1 1 1 1 257 1 1 1",
                                       "1 0 0 1 1 1 1 1 1 1 1 1", "1 0 0 1 1 1 x 1 1 1 1" };
    struct place p;
    for (size_t i = 0; i < WEIR_COUNT(bad); i++) assert_false(place_read(&p, slice_str(bad[i])));
    assert_true(place_read(&p, S("1 5 3 2 3 4 5 6 7 8 9")));
    assert_true(p.packed && p.done && !p.left && p.number == 5 && p.is.head_len == 6 && p.offset == 8 && p.lines == 9);
    assert_true(place_read(&p, S("1 5 5 2 3 4 5 6 7 8 9")));
    assert_true(!p.packed && p.done && p.left);
}

static void lines_tells_rotated_names(void **state)
{
    static const struct {
        const char *name;
        bool        is;
    } rows[] = { { "log.1", true }, { "log-20251121", true }, { "log-20251121-1.gz", true }, { "log.12.zst", true },
                 { "log", false }, { "log.", false }, { "log.x", false }, { "log.1x", false }, { "logger.1", false },
                 { "log.json", false }, { "log.1.json", false } };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++)
        assert_int_equal(survey_is_rotated(rows[i].name, S("log")), rows[i].is);
}

#define KIT(test) cmocka_unit_test_setup_teardown(test, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT(lines_follows_a_file_that_grows),
        KIT(lines_leaves_a_torn_last_line_until_its_end_comes),
        KIT(lines_waits_for_a_file_that_is_not_there),
        KIT(lines_begins_at_the_end_where_it_is_told_to_and_only_at_first),
        KIT(lines_ignores_a_time_without_growth_and_splits_by_chunks),
        KIT(lines_reads_a_renamed_file_to_its_end_then_the_new_one),
        KIT(lines_reads_a_file_once_that_is_rotated_after_a_look_at_it),
        KIT(lines_takes_a_rotated_file_that_was_deleted_to_its_end),
        KIT(lines_reads_from_the_start_after_copytruncate),
        KIT(lines_says_how_much_it_had_seen_of_a_truncated_file_and_not_read),
        KIT(lines_tells_of_a_file_that_was_cut_short_behind_its_place),
        KIT(lines_knows_a_file_that_was_truncated_and_has_grown_past_its_place),
        KIT(lines_does_not_read_rotated_names_of_a_pattern),
        KIT(lines_ends_the_stream_of_a_patterns_name_that_is_gone),
        KIT(lines_remembers_a_patterns_name_that_is_gone),
        KIT(lines_says_nothing_of_a_name_that_was_read_and_stays_gone),
        KIT(lines_goes_on_in_a_file_that_took_another_name_of_the_pattern),
        KIT(lines_remembers_so_many_names),
        KIT(lines_goes_on_at_the_byte),
        KIT(lines_goes_on_inside_a_file_that_is_read_in_chunks),
        KIT(lines_knows_a_path_from_its_first_look_on),
        KIT(lines_does_not_take_a_second_name_of_the_live_file_for_an_older_one),
        KIT(lines_finds_what_was_rotated_while_it_was_down),
        KIT(lines_tells_what_is_known_to_be_unread_where_it_is_gone),
        KIT(lines_knows_a_recycled_inode_by_the_first_bytes),
        KIT(lines_goes_on_in_the_copy_of_a_file_that_was_truncated_while_it_was_down),
        KIT(lines_reads_from_the_start_what_was_truncated_while_it_was_down),
        KIT(lines_keeps_the_position_of_a_path_that_is_not_asked_for),
        KIT(lines_passes_over_a_byte_order_mark_at_the_beginning_of_a_file),
        KIT(lines_begins_behind_the_mark_after_a_crash),
        KIT(lines_passes_over_a_mark_behind_gzip_zstd_and_a_pipe),
        KIT(lines_goes_on_inside_a_packed_file_with_a_mark),
        KIT(lines_reads_what_is_there_once_with_the_last_line),
        KIT(lines_unpacks_gzip_and_zstd_by_their_first_bytes),
        KIT(lines_goes_on_inside_a_packed_file),
        KIT(lines_reads_another_packed_file_that_came_while_it_was_down),
        KIT(lines_tells_damage_and_reads_no_torn_line),
        KIT(lines_passes_over_a_line_that_no_text_can_hold),
        KIT(lines_follows_plain_files_beside_packed_ones),
        KIT(lines_reads_a_pipe_as_it_comes),
        KIT(lines_unpacks_a_pipe_and_takes_a_file_given_as_standard_input_for_one),
        KIT(lines_ends_while_a_pipe_is_silent),
        KIT(lines_checks_its_paths),
        KIT(lines_refuses_positions_that_are_damaged),
        KIT(lines_tells_rotated_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
