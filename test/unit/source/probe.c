/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c: see probe.h. */
#include "probe.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 8000

static nanos clock_skew; /* source_setup.now takes no argument */

static nanos probe_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (nanos)t.tv_sec * NANOS_SECOND + t.tv_nsec + clock_skew;
}

__attribute__((format(printf, 2, 3))) static void say(struct probe *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->text + p->text_len, PROBE_TEXT - p->text_len, format, args);
    va_end(args);
    assert_true(n >= 0 && p->text_len + (size_t)n < PROBE_TEXT);
    p->text_len += (size_t)n;
}

/* --- the engine in small --------------------------------------------------------------------------------------- */

static const char *base_name(slice path)
{
    const char *slash = memrchr(path.at, '/', path.len);
    return slash ? slash + 1 : path.at;
}

static void on_offer(struct inlet *in, struct chunk *taken)
{
    struct probe *p = container_of(in, struct probe, inlet);
    assert_false(p->paused);
    assert_true(taken->length > 0);
    if (p->outs == p->out_room) {
        p->out_room = p->out_room ? p->out_room * 2 : 16;
        p->out = realloc(p->out, p->out_room * sizeof *p->out);
        assert_non_null(p->out);
    }
    p->out[p->outs++] = *taken;
    if (p->out_max && p->outs >= p->out_max) {
        p->paused = true;
        source_directory.pause(p->source);
    }
}

static void on_watermark(struct inlet *in, nanos to, enum close_reason why)
{
    struct probe *p = container_of(in, struct probe, inlet);
    if (!p->hold) probe_apply(p, UINT32_MAX); /* it stands behind the chunks offered before */
    say(p, "%s %lld\n", close_reason_name(why), (long long)(to / NANOS_SECOND));
}

static void on_done(struct inlet *in)
{
    struct probe *p = container_of(in, struct probe, inlet);
    if (!p->hold) probe_apply(p, UINT32_MAX);
    say(p, "done\n");
}

static void on_complain(struct inlet *in, slice file, u64 offset, const char *what)
{
    say(container_of(in, struct probe, inlet), "! %s %s\n", base_name(file), what);
}

static void on_fail(struct inlet *in, const char *text)
{
    container_of(in, struct probe, inlet)->failed = text;
}

/* All bytes from `at` to what the source calls the end. Given. */
static char *chunk_bytes(struct probe *p, const struct chunk *c, u64 at, size_t *len)
{
    char *bytes = malloc(1 << 16);
    size_t room = 1 << 16;
    *len = 0;
    assert_non_null(bytes);
    for (;;) {
        i64 n = source_directory.read(c, at + *len, bytes + *len, room - *len);
        if (n < 0) p->fault = n;
        if (n <= 0) return bytes;
        *len += (size_t)n;
        if (*len == room) {
            room *= 2;
            bytes = realloc(bytes, room);
            assert_non_null(bytes);
        }
    }
}

/* The lines that begin in the chunk's range. */
static u64 chunk_lines(struct probe *p, const struct chunk *c)
{
    size_t len;
    bool   aligned = c->aligned || c->offset == 0;
    u64    at = c->offset - (aligned ? 0 : 1), lines = 0;
    char  *bytes = chunk_bytes(p, c, at, &len);
    slice  rest = { bytes, len };
    if (!aligned) slice_cut(rest, '\n', &rest);
    if (!p->quiet) say(p, "%s", base_name(source_directory.where(c)));
    while (rest.len && at + (u64)(rest.at - bytes) < c->offset + c->length) {
        slice line = slice_cut(rest, '\n', &rest);
        if (!p->quiet) say(p, " %.*s", (int)line.len, line.at);
        lines++;
    }
    if (!p->quiet) say(p, "\n");
    free(bytes);
    return lines;
}

void probe_apply(struct probe *p, u32 chunks)
{
    u32 n = 0;
    for (; n < chunks && n < p->outs; n++) {
        struct chunk_counts counts = { .lines = chunk_lines(p, &p->out[n]) };
        p->lines += counts.lines;
        source_directory.applied(p->source, &p->out[n], &counts);
    }
    p->outs -= n;
    if (n) memmove(p->out, p->out + n, p->outs * sizeof *p->out);
    if (p->paused && p->outs < p->out_max) {
        p->paused = false;
        source_directory.resume(p->source);
    }
}

/* --- the state in small ---------------------------------------------------------------------------------------- */

static void save(struct probe *p, const struct position *position)
{
    u32 i = 0;
    while (i < p->saves && !slice_is(position->key, p->saved[i].key)) i++;
    if (position->value.at == NULL) {
        if (i < p->saves) p->saved[i] = p->saved[--p->saves];
        return;
    }
    assert_true(i < PROBE_SAVED);
    if (i == p->saves) p->saves++;
    snprintf(p->saved[i].key, sizeof p->saved[i].key, "%.*s", (int)position->key.len, position->key.at);
    snprintf(p->saved[i].value, sizeof p->saved[i].value, "%.*s", (int)position->value.len, position->value.at);
}

void probe_cut(struct probe *p)
{
    u32                    count;
    const struct position *position;
    source_directory.cut(p->source, &count, &position);
    for (u32 i = 0; i < count; i++) save(p, &position[i]);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

struct probe *probe_new(void)
{
    static const char *const keys[] = { "tcp", "udp", "other" };
    struct probe *p = calloc(1, sizeof *p);
    assert_non_null(p);
    /* In memory where that is possible: thousands of files take seconds on a busy disk. */
    const char *under = getenv("TMPDIR") ? getenv("TMPDIR") : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(p->path, sizeof p->path, "%s/weir-directory-XXXXXX", under);
    assert_non_null(mkdtemp(p->path));
    assert_int_equal(uv_loop_init(&p->loop), 0);
    clock_skew = 0;
    p->options = (struct directory_options){ .path = p->path, .rescan = 100000000, .watch = true, .markers = true,
                                             .grace = 20 * NANOS_SECOND, .span = 60 * NANOS_SECOND,
                                             .chunk = 4 << 20, .files_max = 1000000 };
    p->setup = (struct source_setup){ .name = S("p2"), .options = &p->options, .layouts = 3, .layout_key = keys,
                                      .now = probe_now };
    p->inlet = (struct inlet){ .offer = on_offer, .watermark = on_watermark, .done = on_done, .complain = on_complain, .fail = on_fail };
    return p;
}

void probe_open(struct probe *p)
{
    struct position position[PROBE_SAVED];
    for (u32 i = 0; i < p->saves; i++)
        position[i] = (struct position){ slice_str(p->saved[i].key), slice_str(p->saved[i].value) };
    p->setup.positions = p->saves;
    p->setup.position = position;
    err e = source_directory.open(&p->source, &p->loop, &p->inlet, &p->setup);
    assert_int_equal(e.code, ERR_NONE);
}

static void on_gone(void *arg)
{
    ((struct probe *)arg)->gone = true;
}

/* Chunks still out are given back first, without a word. */
void probe_close(struct probe *p)
{
    size_t len = p->text_len;
    source_directory.pause(p->source);
    p->out_max = 0;
    p->paused = false;
    probe_apply(p, UINT32_MAX);
    p->text_len = len;
    p->text[len] = '\0';
    source_directory.close(p->source, on_gone, p);
    while (!p->gone) uv_run(&p->loop, UV_RUN_ONCE);
    p->gone = false;
    p->source = NULL;
}

void probe_free(struct probe *p)
{
    char command[192];
    if (p->source) probe_close(p);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    snprintf(command, sizeof command, "rm -rf %s %s.*", p->path, p->path);
    assert_int_equal(system(command), 0);
    free(p->out);
    free(p);
}

void probe_skip(struct probe *p, nanos by)
{
    clock_skew += by;
}

/* --- running --------------------------------------------------------------------------------------------------- */

static void on_expired(uv_timer_t *t)
{
    ((struct probe *)t->data)->expired = true;
}

typedef bool probe_test(const struct probe *p, const void *arg);

static bool run_until(struct probe *p, probe_test *test, const void *arg, u64 patience_ms)
{
    uv_timer_t timer;
    uv_timer_init(&p->loop, &timer);
    timer.data = p;
    p->expired = false;
    uv_update_time(&p->loop);
    uv_timer_start(&timer, on_expired, patience_ms, 0);
    for (;;) {
        if (!p->hold) probe_apply(p, UINT32_MAX);
        if (test(p, arg) || p->expired) break;
        uv_run(&p->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&p->loop, UV_RUN_NOWAIT); /* ends the timer, which lives on this stack */
    return test(p, arg);
}

static bool text_is(const struct probe *p, const void *arg)
{
    return strcmp(p->text, arg) == 0;
}

static bool text_has(const struct probe *p, const void *arg)
{
    return strstr(p->text, arg) != NULL;
}

static bool scans_are(const struct probe *p, const void *arg)
{
    return probe_counts(p)->rescans >= *(const u64 *)arg;
}

void probe_expect(struct probe *p, const char *text)
{
    if (!run_until(p, text_is, text, PATIENCE_MS)) assert_string_equal(p->text, text);
}

void probe_expect_within(struct probe *p, const char *part)
{
    if (!run_until(p, text_has, part, PATIENCE_MS)) fail_msg("\"%s\" is not in:\n%s", part, p->text);
}

void probe_scans(struct probe *p, u32 scans)
{
    u64 wanted = probe_counts(p)->rescans + scans;
    assert_true(run_until(p, scans_are, &wanted, PATIENCE_MS));
}

static bool never(const struct probe *p, const void *arg)
{
    return false;
}

void probe_settle(struct probe *p)
{
    run_until(p, never, NULL, 30);
}

void probe_clear(struct probe *p)
{
    p->text_len = 0;
    p->text[0] = '\0';
}

const struct directory_counts *probe_counts(const struct probe *p)
{
    return (const void *)source_directory.counts(p->source);
}

/* --- files ----------------------------------------------------------------------------------------------------- */

char *probe_path(const struct probe *p, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", p->path, name);
    return path;
}

static void write_file(const char *path, int how, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | how, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

void probe_put(struct probe *p, const char *name, const char *text)
{
    write_file(probe_path(p, name), O_TRUNC, text);
}

void probe_append(struct probe *p, const char *name, const char *text)
{
    write_file(probe_path(p, name), O_APPEND, text);
}

/* Written beside the directory, then moved in. */
void probe_move(struct probe *p, const char *name, const char *text)
{
    char beside[128];
    snprintf(beside, sizeof beside, "%s.tmp", p->path);
    write_file(beside, O_TRUNC, text);
    assert_int_equal(rename(beside, probe_path(p, name)), 0);
}

void probe_old(struct probe *p, const char *name)
{
    struct timespec t = { time(NULL) - 3600, 0 }, times[2] = { t, t };
    assert_int_equal(utimensat(AT_FDCWD, probe_path(p, name), times, 0), 0);
}

void probe_remove(struct probe *p, const char *name)
{
    assert_int_equal(unlink(probe_path(p, name)), 0);
}
