/* SPDX-License-Identifier: Apache-2.0 */
/* test_capture.c: the capture source over captures written here, with an engine in small.
 *
 * The engine applies chunks in the order offered and writes a line for all that happens: "udp 60 10.0.0.1 10.0.0.2" for
 * a chunk (protocol, minute, first address of each line), "sealed 120", "! name words" for a complaint, "done".
 * Positions go to a saved state at kit_cut, which kit_open gives back: a crash is a close without cut. */
#include "source/capture.h"
#include "source/sources.h"
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAVED 16

struct saved {
    char key[512], value[2048];
};

struct kit {
    uv_loop_t              loop;
    char                   folder[64];
    char                   path[4][128];
    const char            *file[4];
    struct capture_options options;
    struct source_setup    setup;
    struct inlet           inlet;
    struct source         *source;
    struct chunk           out[64];
    u32                    outs, applied;
    u32                    apply_max; /* chunks that are applied in all; the rest stays out */
    u32                    out_max;   /* paused with so many out; 0: never */
    bool                   paused, done, gone, expired;
    u64                    lost;
    const char            *failed;
    bool                   distrusted;
    u32                    damaged;
    char                   text[1 << 16];
    u32                    saves;
    struct saved           saved[SAVED];
};

static void say(struct kit *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct kit *k, const char *format, ...)
{
    size_t  len = strlen(k->text);
    va_list args;
    va_start(args, format);
    vsnprintf(k->text + len, sizeof k->text - len, format, args);
    va_end(args);
}

/* --- the engine in small ---------------------------------------------------------------------------------------- */

static void apply_one(struct kit *k)
{
    static char         bytes[1 << 21];
    struct chunk        c = k->out[0];
    struct chunk_counts counts = { 0 };
    size_t              len = 0;
    i64                 n;
    while ((n = source_capture.read(&c, c.offset + len, bytes + len, 1000)) > 0) len += (size_t)n;
    assert_int_equal(len, c.length);
    assert_int_equal(bytes[len - 1], '\n');
    say(k, "%s %lld", k->setup.layout_key[c.layout], (long long)(c.time / NANOS_SECOND));
    for (slice rest = { bytes, len }; rest.at && rest.len; counts.lines++) {
        slice line = slice_cut(rest, '\n', &rest), more;
        slice src = slice_cut(line, ' ', &more);
        say(k, " %.*s", (int)src.len, src.at);
    }
    say(k, "\n");
    k->applied++;
    k->outs--;
    memmove(k->out, k->out + 1, k->outs * sizeof k->out[0]);
    source_capture.applied(k->source, &c, &counts);
}

static void apply(struct kit *k)
{
    while (k->outs && k->applied < k->apply_max) apply_one(k);
    if (!k->paused || k->outs >= k->out_max) return;
    k->paused = false;
    source_capture.resume(k->source);
}

static struct kit *of(struct inlet *in)
{
    return container_of(in, struct kit, inlet);
}

static void on_offer(struct inlet *in, struct chunk *taken)
{
    struct kit *k = of(in);
    assert_false(k->paused);
    assert_true(k->outs < 64 && taken->length > 0 && taken->aligned);
    k->out[k->outs++] = *taken;
    if (k->out_max == 0 || k->outs < k->out_max) return;
    k->paused = true;
    source_capture.pause(k->source);
}

static void on_watermark(struct inlet *in, nanos to, enum close_reason why)
{
    apply(of(in));
    say(of(in), "%s %lld\n", close_reason_name(why), (long long)(to / NANOS_SECOND));
}

static void on_done(struct inlet *in)
{
    apply(of(in));
    say(of(in), "done\n");
    of(in)->done = true;
}

static void on_complain(struct inlet *in, slice file, u64 offset, const char *what)
{
    const char *slash = memrchr(file.at, '/', file.len);
    say(of(in), "! %s %llu %s\n", slash ? slash + 1 : file.at, (unsigned long long)offset, what);
}

static void on_fail(struct inlet *in, const char *text)
{
    of(in)->failed = text;
}

static void on_lost(struct inlet *in, u64 records)
{
    of(in)->lost += records;
}

static void on_distrust(struct inlet *in, const char *text)
{
    of(in)->distrusted = true;
    of(in)->failed = text;
}

static void on_damaged(struct inlet *in)
{
    of(in)->damaged++;
}

static nanos kit_now(void)
{
    return 0;
}

static struct kit *kit_new(void)
{
    static const char *const keys[] = { "tcp", "udp", "other" };
    struct kit *k = calloc(1, sizeof *k);
    assert_non_null(k);
    snprintf(k->folder, sizeof k->folder, "/tmp/weir-capture-XXXXXX");
    assert_non_null(mkdtemp(k->folder));
    assert_int_equal(uv_loop_init(&k->loop), 0);
    for (u32 i = 0; i < 4; i++) {
        snprintf(k->path[i], sizeof k->path[i], "%s/%c.pcap", k->folder, (int)('a' + i));
        k->file[i] = k->path[i];
    }
    k->options = (struct capture_options){ .file = { 1, k->file }, .depth = 4, .flows_max = 1024,
                                           .conversations_max = 1024, .backlog = 1 << 20 };
    k->setup = (struct source_setup){ .name = S("p2"), .options = &k->options, .layouts = 3, .layout_key = keys,
                                      .now = kit_now, .once = true };
    k->inlet = (struct inlet){ .offer = on_offer, .watermark = on_watermark, .done = on_done, .complain = on_complain,
                               .fail = on_fail, .lost = on_lost, .distrust = on_distrust, .damaged = on_damaged };
    k->apply_max = UINT32_MAX;
    return k;
}

static err kit_try(struct kit *k)
{
    struct position position[SAVED];
    for (u32 i = 0; i < k->saves; i++)
        position[i] = (struct position){ slice_str(k->saved[i].key), slice_str(k->saved[i].value) };
    k->setup.positions = k->saves;
    k->setup.position = position;
    k->text[0] = '\0';
    k->done = k->gone = false;
    k->applied = 0;
    return source_capture.open(&k->source, &k->loop, &k->inlet, &k->setup);
}

static void on_gone(void *arg)
{
    ((struct kit *)arg)->gone = true;
}

/* What is still out is given back without a word, as the engine drains. */
static void kit_close(struct kit *k)
{
    source_capture.pause(k->source);
    k->apply_max = UINT32_MAX;
    k->paused = false;
    while (k->outs) apply_one(k);
    source_capture.close(k->source, on_gone, k);
    while (!k->gone) uv_run(&k->loop, UV_RUN_ONCE);
    k->source = NULL;
    k->out_max = 0;
}

static void kit_free(struct kit *k)
{
    char command[128];
    if (k->source) kit_close(k);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    snprintf(command, sizeof command, "rm -rf %s", k->folder);
    assert_int_equal(system(command), 0);
    free(k);
}

static void on_expired(uv_timer_t *t)
{
    ((struct kit *)t->data)->expired = true;
}

/* Runs until the input has ended, all that may be applied is, or it failed. */
static void kit_run(struct kit *k)
{
    uv_timer_t timer;
    uv_timer_init(&k->loop, &timer);
    timer.data = k;
    k->expired = false;
    uv_timer_start(&timer, on_expired, 8000, 0);
    while (!k->done && !k->expired && !k->failed && k->applied < k->apply_max) {
        uv_run(&k->loop, UV_RUN_ONCE);
        apply(k);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&k->loop, UV_RUN_NOWAIT);
    assert_false(k->expired);
}

static void kit_open(struct kit *k)
{
    assert_int_equal(kit_try(k).code, ERR_NONE);
    kit_run(k);
}

static void kit_cut(struct kit *k)
{
    u32                    count;
    const struct position *p;
    source_capture.cut(k->source, &count, &p);
    for (u32 n = 0; n < count; n++) {
        u32 i = 0;
        while (i < k->saves && !slice_is(p[n].key, k->saved[i].key)) i++;
        if (p[n].value.at == NULL) {
            if (i < k->saves) k->saved[i] = k->saved[--k->saves];
            continue;
        }
        assert_true(i < SAVED);
        if (i == k->saves) k->saves++;
        snprintf(k->saved[i].key, sizeof k->saved[i].key, "%.*s", (int)p[n].key.len, p[n].key.at);
        snprintf(k->saved[i].value, sizeof k->saved[i].value, "%.*s", (int)p[n].value.len, p[n].value.at);
    }
}

static const struct tap_counts *kit_counts(struct kit *k)
{
    return (const void *)source_capture.counts(k->source);
}

/* --- captures --------------------------------------------------------------------------------------------------- */

static FILE *pcap_new(struct kit *k, u32 i)
{
    static const u32 head[] = { 0xa1b2c3d4, 4u << 16 | 2, 0, 0, 262144, 101 }; /* raw IP */
    FILE *f = fopen(k->path[i], "w");
    assert_non_null(f);
    assert_int_equal(fwrite(head, sizeof head, 1, f), 1);
    return f;
}

/* A datagram of 10.0.0.<host> to 10.0.1.1 at a second. */
static void datagram(FILE *f, u32 second, u8 host, u8 protocol)
{
    u32 head[] = { second, 0, 28, 28 };
    u8  ip[28] = { 0x45, 0, 0,  28,   0,  0, 0, 0, 64, protocol, 0, 0, 10, 0,
                   0,    host, 10, 0, 1, 1, 16, 0, 16, 1, 0, 8, 0, 0 };
    fwrite(head, sizeof head, 1, f);
    fwrite(ip, sizeof ip, 1, f);
}

/* Minutes 60, 120, 180: one UDP packet each, of hosts 1, 2, 3, and an ICMP packet in 120. */
static void three_minutes(struct kit *k)
{
    FILE *f = pcap_new(k, 0);
    datagram(f, 61, 1, 17);
    datagram(f, 125, 2, 17);
    datagram(f, 126, 9, 1);
    datagram(f, 190, 3, 17);
    fclose(f);
}

static const char three_minutes_text[] = "udp 60 10.0.0.1\nsealed 120\nudp 120 10.0.0.2\nother 120 10.0.0.9\n"
                                         "sealed 180\nudp 180 10.0.0.3\nsealed 240\ndone\n";

/* --- tests ------------------------------------------------------------------------------------------------------ */

TEST(capture_gives_each_minute_and_seals_it)
{
    struct kit *k = kit_new();
    three_minutes(k);
    kit_open(k);
    assert_string_equal(k->text, three_minutes_text);
    assert_int_equal(kit_counts(k)->minutes.frames, 4);
    assert_int_equal(kit_counts(k)->files, 1);
    assert_int_equal(kit_counts(k)->chunks, 4);
    kit_free(k);
}

TEST(capture_takes_several_files_as_one)
{
    struct kit *k = kit_new();
    FILE       *a = pcap_new(k, 0), *b = pcap_new(k, 1);
    datagram(a, 61, 1, 17);
    datagram(b, 62, 1, 17); /* the same conversation: one line */
    datagram(b, 125, 2, 17);
    fclose(a);
    fclose(b);
    k->options.file.count = 2;
    kit_open(k);
    assert_string_equal(k->text, "udp 60 10.0.0.1\nsealed 120\nudp 120 10.0.0.2\nsealed 180\ndone\n");
    kit_free(k);
}

TEST(capture_keeps_what_stands_before_a_damaged_tail_and_goes_on_with_the_next_file)
{
    struct kit *k = kit_new();
    three_minutes(k);
    assert_int_equal(truncate(k->path[0], 24 + 3 * 44 + 20), 0);
    FILE *b = pcap_new(k, 1);
    datagram(b, 250, 4, 17);
    fclose(b);
    k->options.file.count = 2;
    kit_open(k);
    assert_non_null(strstr(k->text, "! a.pcap 156 "));
    assert_non_null(strstr(k->text, "udp 240 10.0.0.4\n"));
    assert_null(strstr(k->text, "10.0.0.3"));
    kit_free(k);
}

TEST(capture_tells_what_is_no_capture)
{
    struct kit *k = kit_new();
    FILE       *f = fopen(k->path[0], "w");
    fputs("this is no capture at all, but a text", f);
    fclose(f);
    kit_open(k);
    assert_memory_equal(k->text, "! a.pcap 0 ", 11);
    assert_int_equal(k->damaged, 1);
    assert_non_null(strstr(k->text, "done\n"));
    kit_free(k);
}

TEST(capture_leaves_out_what_the_filter_does_not_take)
{
    struct kit *k = kit_new();
    three_minutes(k);
    k->options.filter = "udp and src host 10.0.0.2";
    kit_open(k);
    assert_string_equal(k->text, "udp 120 10.0.0.2\nsealed 180\ndone\n");
    assert_int_equal(kit_counts(k)->filtered, 3);
    kit_free(k);
}

TEST(capture_refuses_a_file_that_is_not_there)
{
    struct kit *k = kit_new();
    assert_int_equal(kit_try(k).code, ERR_OS);
    assert_non_null(strstr(k->text, "No such file"));
    kit_free(k);
}

TEST(capture_refuses_a_pipe_among_files)
{
    struct kit *k = kit_new();
    three_minutes(k);
    assert_int_equal(mkfifo(k->path[1], 0600), 0);
    k->options.file.count = 2;
    assert_int_equal(kit_try(k).code, ERR_CONFIG);
    kit_free(k);
}

/* Killed after each number of chunks applied and saved: what follows is what is missing. */
TEST(capture_goes_on_after_a_crash_where_the_state_is)
{
    for (u32 n = 0; n <= 4; n++) {
        struct kit *k = kit_new();
        three_minutes(k);
        k->apply_max = n;
        k->out_max = n + 1;
        kit_open(k);
        char first[sizeof k->text];
        kit_cut(k);
        memcpy(first, k->text, sizeof first);
        kit_close(k); /* what this applies is not in the state */
        kit_open(k);
        static const char *const line[] = { "udp 60 ", "udp 120 ", "other 120 ", "udp 180 " };
        for (u32 i = 0; i < WEIR_COUNT(line); i++) {
            assert_true((strstr(first, line[i]) != NULL) == (i < n));
            assert_true((strstr(k->text, line[i]) != NULL) == (i >= n));
        }
        assert_non_null(strstr(k->text, "done\n"));
        kit_cut(k);
        kit_close(k);
        kit_open(k);
        assert_string_equal(k->text, "done\n");
        kit_free(k);
    }
}

TEST(capture_tells_a_damage_once_over_a_crash)
{
    struct kit *k = kit_new();
    three_minutes(k);
    assert_int_equal(truncate(k->path[0], 24 + 3 * 44 + 20), 0);
    FILE *b = pcap_new(k, 1);
    datagram(b, 190, 4, 17);
    datagram(b, 250, 5, 17);
    fclose(b);
    k->options.file.count = 2;
    k->apply_max = 4; /* the first of minute 180, of which the damage is before */
    k->out_max = 5;
    kit_open(k);
    assert_non_null(strstr(k->text, "! a.pcap"));
    kit_cut(k);
    kit_close(k);
    assert_int_equal(k->damaged, 1);
    kit_open(k);
    assert_int_equal(k->damaged, 2); /* it counts again for who asks how the run ended */
    assert_null(strstr(k->text, "! a.pcap"));
    assert_non_null(strstr(k->text, "udp 240 10.0.0.5\nsealed 300\ndone\n"));
    kit_free(k);
}

static void open_half_read(struct kit *k)
{
    three_minutes(k);
    k->apply_max = 1;
    k->out_max = 2;
    kit_open(k);
    kit_cut(k);
    kit_close(k);
    assert_int_equal(k->saves, 2);
}

TEST(capture_refuses_another_file_under_the_name_of_a_half_read_one)
{
    struct kit *k = kit_new();
    open_half_read(k);
    FILE *f = pcap_new(k, 0);
    datagram(f, 61, 7, 17);
    fclose(f);
    assert_int_equal(kit_try(k).code, ERR_STATE);
    assert_non_null(strstr(k->text, "another file than the one that was being read"));
    kit_free(k);
}

TEST(capture_refuses_a_half_read_list_that_has_changed)
{
    struct kit *k = kit_new();
    open_half_read(k);
    FILE *f = pcap_new(k, 1);
    datagram(f, 250, 7, 17);
    fclose(f);
    k->options.file.count = 2;
    assert_int_equal(kit_try(k).code, ERR_STATE);
    assert_non_null(strstr(k->text, "list of files was changed"));
    kit_free(k);
}

TEST(capture_refuses_another_filter_for_a_half_read_file)
{
    struct kit *k = kit_new();
    open_half_read(k);
    k->options.filter = "udp";
    assert_int_equal(kit_try(k).code, ERR_STATE);
    kit_free(k);
}

TEST(capture_reads_a_new_file_under_the_name_of_a_done_one)
{
    struct kit *k = kit_new();
    three_minutes(k);
    kit_open(k);
    kit_cut(k);
    kit_close(k);
    FILE *f = pcap_new(k, 0);
    datagram(f, 301, 7, 17);
    fclose(f);
    kit_open(k);
    assert_string_equal(k->text, "! a.pcap 0 not the file of this name that was read before: read, too\n"
                                 "udp 300 10.0.0.7\nsealed 360\ndone\n");
    kit_free(k);
}

TEST(capture_does_not_read_a_done_file_again_that_grew_was_renamed_or_is_gone)
{
    struct kit *k = kit_new();
    three_minutes(k);
    kit_open(k);
    kit_cut(k);
    kit_close(k);
    FILE *f = fopen(k->path[0], "a");
    datagram(f, 301, 7, 17);
    fclose(f);
    kit_open(k);
    assert_non_null(strstr(k->text, "grew since it was first seen"));
    assert_null(strstr(k->text, "udp"));
    kit_close(k);
    assert_int_equal(truncate(k->path[0], 24 + 4 * 44), 0);
    assert_int_equal(unlink(k->path[0]), 0);
    kit_open(k);
    assert_string_equal(k->text, "done\n");
    kit_free(k);
}

TEST(capture_knows_a_done_file_by_another_name)
{
    struct kit *k = kit_new();
    three_minutes(k);
    kit_open(k);
    kit_cut(k);
    kit_close(k);
    assert_int_equal(rename(k->path[0], k->path[2]), 0);
    k->file[0] = k->path[2];
    kit_open(k);
    assert_string_equal(k->text, "done\n");
    kit_cut(k);
    assert_int_equal(k->saves, 1);
    assert_non_null(strstr(k->saved[0].key, "c.pcap"));
    kit_free(k);
}

TEST(capture_reads_the_new_files_of_a_longer_list)
{
    struct kit *k = kit_new();
    three_minutes(k);
    kit_open(k);
    kit_cut(k);
    kit_close(k);
    FILE *f = pcap_new(k, 1);
    datagram(f, 301, 7, 17);
    fclose(f);
    k->options.file.count = 2;
    kit_open(k);
    assert_string_equal(k->text, "udp 300 10.0.0.7\nsealed 360\ndone\n");
    kit_free(k);
}

TEST(capture_refuses_positions_that_are_not_its_own)
{
    static const char *const bad[][2] = {
        { "_tcp_@60", "1 2 3" }, { "stream", "2 0 0" }, { "stream", "1 0" }, { "stream", "1 0 0 60" },
        { "stream", "1 0 x" },   { "file:/a", "1 2 3 4 5 6 7 8" }, { "file:/a", "" },
    };
    for (u32 i = 0; i < WEIR_COUNT(bad); i++) {
        struct kit *k = kit_new();
        three_minutes(k);
        k->saves = 1;
        snprintf(k->saved[0].key, 512, "%s", bad[i][0]);
        snprintf(k->saved[0].value, 2048, "%s", bad[i][1]);
        assert_int_equal(kit_try(k).code, ERR_STATE);
        kit_free(k);
    }
}

static u64 waiting_bytes(struct kit *k)
{
    struct tap *t = (struct tap *)k->source;
    pthread_mutex_lock(&t->hand.lock);
    u64 waiting = t->hand.waiting;
    pthread_mutex_unlock(&t->hand.lock);
    return waiting;
}

/* Many megabytes of lines through a backlog of one: the thread waits, and closing wakes it. */
TEST(capture_waits_for_room_and_can_be_closed_meanwhile)
{
    struct kit *k = kit_new();
    FILE       *f = pcap_new(k, 0);
    for (u32 m = 1; m <= 400; m++)
        for (u32 h = 0; h < 200; h++) datagram(f, m * 60, (u8)h, 17);
    fclose(f);
    k->apply_max = 0;
    k->out_max = 4;
    assert_int_equal(kit_try(k).code, ERR_NONE);
    for (u32 i = 0; i < 100 && k->outs < 4; i++) uv_run(&k->loop, UV_RUN_ONCE);
    assert_int_equal(k->outs, 4);
    u64 waiting = waiting_bytes(k);
    for (u32 i = 0; i < 3000 && waiting < 1 << 20; i++, waiting = waiting_bytes(k)) usleep(10000); /* until it is full */
    usleep(50000);                                                                                 /* and it stays so  */
    waiting = waiting_bytes(k);
    assert_true(waiting >= 1 << 20 && waiting < 3 << 20);
    kit_close(k);
    k->out_max = 8;
    kit_open(k);
    assert_true(k->done);
    assert_int_equal(kit_counts(k)->minutes.lines, 400 * 200);
    kit_free(k);
}

/* As a recipe that says nothing. */
static struct capture_options usual(void)
{
    static const struct {
        const char *name;
        u64         value;
    } fallback[] = { { "256KiB", 256 << 10 }, { "64MiB", 64 << 20 }, { "4", 4 }, { "1048576", 1048576 },
                     { "524288", 524288 },    { "256", 256 } };
    struct capture_options o = { .disorder = NANOS_SECOND };
    for (const struct option *at = source_capture.options; at->name; at++)
        for (u32 i = 0; at->type == OPTION_COUNT || at->type == OPTION_SIZE; i++) {
            if (at->fallback == NULL || i == WEIR_COUNT(fallback)) break;
            if (strcmp(at->fallback, fallback[i].name) == 0) *(u64 *)((char *)&o + at->offset) = fallback[i].value;
        }
    return o;
}

TEST(capture_check_finds_what_does_not_stand_together)
{
    const char *two[] = { "a", "-" };
    struct capture_options neither = { 0 }, both = { .file = { 1, two }, .interface = "lo" };
    struct capture_options in = { .file = { 2, two } }, filter = { .interface = "lo", .filter = "tcp prot 80" };
    struct capture_options good = usual(), one = usual(), several = usual();
    struct capture_options deep = usual(), inner = usual();
    good.interface = deep.interface = inner.interface = "lo";
    good.filter = "vlan 3 and tcp port 80";
    one.file = several.file = (struct option_names){ 1, two };
    several.ring = one.ring = 1 << 20;
    several.fanout = 7;
    deep.depth = inner.depth = 2;
    inner.tunnels = 1;
    struct { const struct capture_options *o; const char *at, *words; } const row[] = {
        { &neither, "file", "needs `file`" }, { &both, "interface", "exclude each other" },
        { &in, "file", "stands alone" }, { &filter, "filter", "`filter` is none" },
        { &one, "ring", "`ring`: without effect on files" },
        { &several, "ring", "`ring`, `fanout`: without effect on files" },
        { &deep, "depth", "`depth`: without effect unless `tunnels` is inner" },
    };
    char        words[512];
    const char *at;
    for (u32 i = 0; i < WEIR_COUNT(row); i++) {
        assert_false(source_capture.check(row[i].o, words, sizeof words, &at));
        assert_string_equal(at, row[i].at);
        assert_non_null(strstr(words, row[i].words));
    }
    assert_true(source_capture.check(&good, words, sizeof words, &at));
    assert_true(source_capture.check(&inner, words, sizeof words, &at));
}

TEST(capture_check_finds_what_is_of_no_use_to_the_format)
{
    struct capture_options plain = usual(), keep = usual(), late = usual(), flows = usual();
    struct capture_options snap = usual(), cut = usual();
    keep.keep = 512;
    late.disorder = 0;
    flows.flows_max = 1000;
    snap.snap = 256;
    cut.snap = 96;
    struct { const struct capture_options *o; const struct decoder_type *format; const char *at; } const row[] = {
        { &plain, &decoder_line, NULL },   { &plain, &decoder_packets, NULL },
        { &keep, &decoder_line, "keep" },  { &keep, &decoder_packets, NULL },
        { &late, &decoder_line, "disorder" }, { &late, &decoder_packets, NULL },
        { &flows, &decoder_line, NULL },   { &flows, &decoder_packets, "flows_max" },
        { &snap, &decoder_line, NULL },    { &snap, &decoder_packets, "snap" },
        { &cut, &decoder_line, NULL },     { &cut, &decoder_packets, NULL },
    };
    for (u32 i = 0; i < WEIR_COUNT(row); i++) {
        char        words[512];
        const char *at = NULL;
        assert_int_equal(source_capture.fits(row[i].o, row[i].format, words, sizeof words, &at), row[i].at == NULL);
        if (row[i].at) assert_string_equal(at, row[i].at);
        if (row[i].at) assert_non_null(strstr(words, "without effect"));
    }
}

/* --- what a live capture remembers ------------------------------------------------------------------------------- */

static err absence_try(struct absence *a, const char *value, nanos now, char words[static 256])
{
    struct position     saved[] = { { S("stream"), S("1 2 3") }, { S("live"), slice_str(value) } };
    struct source_setup setup = { .positions = 2, .position = saved };
    return absence_open(a, &setup, now, words, 256);
}

TEST(absence_is_told_from_the_last_epoch_to_the_start)
{
    struct absence         a;
    char                   words[256];
    u32                    count;
    const struct position *p;
    assert_int_equal(absence_try(&a, "1 1763719200250000000", 1763719261000000000, words).code, ERR_NONE);
    assert_non_null(strstr(words, "not running from 2025-11-21T10:00:00.250Z to 2025-11-21T10:01:01.000Z"));
    absence_cut(&a, &count, &p);
    assert_int_equal(count, 1);
    assert_true(slice_is(p->key, "live") && slice_is(p->value, "1 1763719261000000000")); /* told once */
    absence_note(&a, 1763719200000000000);
    absence_cut(&a, &count, &p);
    assert_int_equal(count, 0);
    absence_note(&a, 1763719320000000000);
    absence_cut(&a, &count, &p);
    assert_true(count == 1 && slice_is(p->value, "1 1763719320000000000"));
}

TEST(absence_is_not_told_of_a_first_start_nor_of_a_clock_that_was_set_back)
{
    struct absence a;
    char           words[256] = "x";
    assert_int_equal(absence_open(&a, &(struct source_setup){ 0 }, 7, words, sizeof words).code, ERR_NONE);
    assert_string_equal(words, "");
    assert_int_equal(absence_try(&a, "1 8", 7, words).code, ERR_NONE);
    assert_string_equal(words, "");
}

TEST(absence_refuses_a_position_that_is_not_its_own)
{
    static const char *const bad[] = { "", "1", "2 7", "1 x", "1 7 7", "1 18446744073709551615" };
    struct absence           a;
    char                     words[256];
    for (u32 i = 0; i < WEIR_COUNT(bad); i++) assert_int_equal(absence_try(&a, bad[i], 9, words).code, ERR_STATE);
}

/* --- texts by themselves ---------------------------------------------------------------------------------------- */

struct bench {
    uv_loop_t    loop;
    uv_async_t   wake;
    struct hand  hand;
    struct texts texts;
};

static void bench_open(struct bench *b, u64 limit, bool live)
{
    uv_loop_init(&b->loop);
    uv_async_init(&b->loop, &b->wake, NULL);
    assert_int_equal(hand_init(&b->hand, limit, &b->wake).code, ERR_NONE);
    texts_init(&b->texts, &(struct texts_setup){ .hand = &b->hand, .wanted = { true, true, true }, .live = live });
}

static void bench_close(struct bench *b)
{
    texts_fini(&b->texts);
    uv_close((uv_handle_t *)&b->wake, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    hand_fini(&b->hand);
    uv_loop_close(&b->loop);
}

static void lines(struct bench *b, nanos start, u32 n)
{
    for (u32 i = 0; i < n; i++)
        b->texts.out.lines(&b->texts.out, start, P2_UDP, S("a line of thirty-two characters\n"), 1);
}

/* Lengths of the texts said, and that they are whole lines one after the other. */
static u32 texts_said(struct bench *b, u64 *bytes)
{
    struct word w;
    u32         n = 0;
    *bytes = 0;
    while (hand_hear(&b->hand, &w)) {
        if (w.kind != WORD_TEXT) continue;
        assert_int_equal(w.text->offset, *bytes);
        assert_int_equal(w.text->length % 32, 0);
        *bytes += w.text->length;
        n++;
        hand_give_back(&b->hand, w.text);
    }
    return n;
}

TEST(texts_are_cut_alike_however_the_lines_come)
{
    static char many[32 * 5000];
    struct bench a, b;
    u64          bytes[2];
    bench_open(&a, 1u << 30, false);
    bench_open(&b, 1u << 30, false);
    for (u32 i = 0; i < 5000; i++) memcpy(many + 32 * i, "a line of thirty-two characters\n", 32);
    lines(&a, 60, 5000);
    b.texts.out.lines(&b.texts.out, 60, P2_UDP, slice_of(many, 32 * 7), 7);
    b.texts.out.lines(&b.texts.out, 60, P2_UDP, slice_of(many, 32 * 4993), 4993);
    a.texts.out.sealed(&a.texts.out, 60);
    b.texts.out.sealed(&b.texts.out, 60);
    u32 n = texts_said(&a, &bytes[0]);
    assert_true(n > 2);
    assert_int_equal(texts_said(&b, &bytes[1]), n);
    assert_int_equal(bytes[0], sizeof many);
    assert_int_equal(bytes[1], sizeof many);
    bench_close(&a);
    bench_close(&b);
}

TEST(texts_of_a_live_minute_without_room_are_dropped_and_counted)
{
    struct bench b;
    u64          bytes;
    bench_open(&b, 100000, true);
    lines(&b, 60, 10000);
    b.texts.out.sealed(&b.texts.out, 60);
    assert_int_equal(b.hand.stop, false);
    assert_true(texts_said(&b, &bytes) > 0);
    assert_int_equal(bytes / 32 + b.texts.lost, 10000);
    assert_true(b.texts.lost > 0);
    u64 lost = b.texts.lost;
    lines(&b, 120, 100); /* there is room again */
    b.texts.out.sealed(&b.texts.out, 120);
    assert_int_equal(texts_said(&b, &bytes), 1);
    assert_int_equal(b.texts.lost, lost);
    b.texts.silent = true;
    lines(&b, 180, 50);
    b.texts.out.sealed(&b.texts.out, 180);
    assert_int_equal(b.texts.lost, lost + 50);
    bench_close(&b);
}

TEST(texts_that_differ_from_those_before_a_crash_end_the_source)
{
    struct mark   was = { .start = 60, .bytes[P2_UDP] = 32, .sum[P2_UDP] = 4711 };
    struct places past = { .passed = NANOS_MIN, .marks = 1, .mark = &was };
    struct bench  b;
    struct word   w;
    for (u32 n = 0; n < 3; n++) { /* none of the lines, other ones, more than then */
        bench_open(&b, 1u << 20, false);
        b.texts.how.past = &past;
        lines(&b, 60, n);
        b.texts.out.sealed(&b.texts.out, 60);
        assert_true(hand_hear(&b.hand, &w));
        assert_int_equal(w.kind, WORD_FAIL);
        assert_true(w.astray);
        free(w.what);
        assert_false(hand_hear(&b.hand, &w));
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capture_gives_each_minute_and_seals_it),
        cmocka_unit_test(capture_takes_several_files_as_one),
        cmocka_unit_test(capture_keeps_what_stands_before_a_damaged_tail_and_goes_on_with_the_next_file),
        cmocka_unit_test(capture_tells_what_is_no_capture),
        cmocka_unit_test(capture_leaves_out_what_the_filter_does_not_take),
        cmocka_unit_test(capture_refuses_a_file_that_is_not_there),
        cmocka_unit_test(capture_refuses_a_pipe_among_files),
        cmocka_unit_test(capture_goes_on_after_a_crash_where_the_state_is),
        cmocka_unit_test(capture_tells_a_damage_once_over_a_crash),
        cmocka_unit_test(capture_refuses_another_file_under_the_name_of_a_half_read_one),
        cmocka_unit_test(capture_refuses_a_half_read_list_that_has_changed),
        cmocka_unit_test(capture_refuses_another_filter_for_a_half_read_file),
        cmocka_unit_test(capture_reads_a_new_file_under_the_name_of_a_done_one),
        cmocka_unit_test(capture_does_not_read_a_done_file_again_that_grew_was_renamed_or_is_gone),
        cmocka_unit_test(capture_knows_a_done_file_by_another_name),
        cmocka_unit_test(capture_reads_the_new_files_of_a_longer_list),
        cmocka_unit_test(capture_refuses_positions_that_are_not_its_own),
        cmocka_unit_test(capture_waits_for_room_and_can_be_closed_meanwhile),
        cmocka_unit_test(capture_check_finds_what_does_not_stand_together),
        cmocka_unit_test(capture_check_finds_what_is_of_no_use_to_the_format),
        cmocka_unit_test(absence_is_told_from_the_last_epoch_to_the_start),
        cmocka_unit_test(absence_is_not_told_of_a_first_start_nor_of_a_clock_that_was_set_back),
        cmocka_unit_test(absence_refuses_a_position_that_is_not_its_own),
        cmocka_unit_test(texts_are_cut_alike_however_the_lines_come),
        cmocka_unit_test(texts_of_a_live_minute_without_room_are_dropped_and_counted),
        cmocka_unit_test(texts_that_differ_from_those_before_a_crash_end_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
