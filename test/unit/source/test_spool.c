/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool.c: the unified2 source over spools written here, with an engine in small.
 *
 * The engine applies chunks in the order offered and writes a line for all that happens: "0 e5+2" for event 5 with two
 * packets out of partition 0, "0 p7" for a packet alone, "! name words" for a complaint, "open 0", "closed 0", "done".
 * Positions go to a saved state at kit_cut, which kit_open gives back: a crash is a close without cut. */
#include "../unified2/draft.h"

#include "source/sources.h"
#include "source/spool.h"
#include "small.h"

#include <sys/stat.h>

struct kit {
    uv_loop_t             loop;
    char                  folder[64], path[4][128];
    const char           *name[4];
    struct spools_options options;
    struct layout_field   field;
    struct layout         layout;
    u32                   applied;
    u32                   apply_max; /* chunks that are applied in all; the rest stays out */
    bool                  done;
    char                  failed[512];
    struct small          core;
};

/* --- the engine in small ---------------------------------------------------------------------------------------- */

static void say_frame(struct kit *k, u32 partition, const struct u2_frame *f)
{
    static const char letters[] = "?epbxa";
    small_say(&k->core, "%u %c%u", partition, letters[f->kind], f->number[U2_N_EVENT]);
    u32 more = f->number[U2_N_PACKETS] + f->number[U2_N_BUFFERS] + f->number[U2_N_EXTRAS];
    if (f->kind == U2_KIND_EVENT && more) small_say(&k->core, "+%u", more);
    small_say(&k->core, "\n");
}

static void apply_one(struct kit *k)
{
    static char         bytes[1 << 22];
    struct chunk        c = small_take(&k->core);
    struct chunk_counts counts = { 0 };
    struct u2_frame     f;
    size_t              len = 0;
    i64                 n;
    while ((n = source_unified2.read(&c, c.offset + len, bytes + len, 1000)) > 0) len += (size_t)n;
    assert_int_equal(len, c.length);
    for (size_t at = 0; at < len; counts.lines++) {
        u32 size = u2_frames_next(slice_of(bytes + at, len - at), &f);
        assert_true(size > 0);
        say_frame(k, c.partition, &f);
        at += size;
    }
    k->applied++;
    source_unified2.applied(k->core.source, &c, &counts);
}

static void apply(struct kit *k)
{
    while (k->core.outs && k->applied < k->apply_max) apply_one(k);
    if (k->core.outs < k->core.out_max) small_resume(&k->core);
}

static struct kit *of(struct inlet *in)
{
    return container_of(in, struct kit, core.inlet);
}

static void on_offer(struct inlet *in, struct chunk *taken)
{
    assert_true(taken->aligned);
    small_offer(&of(in)->core, taken);
}

static void on_partition(struct inlet *in, u32 number, bool open)
{
    apply(of(in));
    small_say(&of(in)->core, "%s %u\n", open ? "open" : "closed", number);
}

static void on_done(struct inlet *in)
{
    apply(of(in));
    of(in)->done = of(in)->core.outs == 0;
    if (of(in)->done) small_say(&of(in)->core, "done\n");
}

static void on_complain(struct inlet *in, slice file, u64 offset, const char *what)
{
    apply(of(in));
    small_say(&of(in)->core, "! %s %llu %s\n", small_base(file), (unsigned long long)offset, what);
}

static void on_fail(struct inlet *in, const char *text)
{
    snprintf(of(in)->failed, sizeof of(in)->failed, "%s", text);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static struct kit *kit_new(u32 spools)
{
    struct kit *k = calloc(1, sizeof *k);
    assert_non_null(k);
    small_folder(k->folder, sizeof k->folder);
    for (u32 i = 0; i < spools; i++) {
        snprintf(k->path[i], sizeof k->path[i], "%s/%c", k->folder, 'a' + (char)i);
        assert_int_equal(mkdir(k->path[i], 0755), 0);
        k->name[i] = k->path[i];
    }
    assert_int_equal(uv_loop_init(&k->loop), 0);
    k->options = (struct spools_options){ .path = { spools, k->name }, .timeout = 100000000, .rescan = 50000000,
                                          .join = true, .backlog = 64 << 20, .chunk = 1 };
    k->field = (struct layout_field){ .column = S("json"), .used = true };
    k->layout = (struct layout){ .fields = 1, .field = &k->field };
    k->core.type = &source_unified2;
    k->core.setup = (struct source_setup){ .name = S("alerts"), .options = &k->options, .decoder = &decoder_unified2,
                                           .layouts = 1, .layout = &k->layout, .once = true, .now = small_now };
    k->core.inlet = (struct inlet){ .offer = on_offer, .partition = on_partition, .done = on_done,
                                    .complain = on_complain, .fail = on_fail };
    k->apply_max = UINT32_MAX;
    return k;
}

static void kit_open(struct kit *k)
{
    k->done = false;
    k->failed[0] = '\0';
    k->applied = 0;
    small_open(&k->core, &k->loop);
}

static void kit_cut(struct kit *k)
{
    small_cut(&k->core);
}

/* Chunks still out are given back without a word: the state does not have them. */
static void kit_close(struct kit *k)
{
    size_t len = k->core.len;
    source_unified2.pause(k->core.source);
    k->core.out_max = 0;
    k->core.paused = false;
    k->apply_max = UINT32_MAX;
    apply(k);
    small_unsay(&k->core, len);
    small_close(&k->core, &k->loop);
}

static void kit_free(struct kit *k)
{
    if (k->core.source) kit_close(k);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    small_folder_gone(k->folder);
    free(k);
}

struct goal {
    struct kit *kit;
    const char *part;
};

static bool is_met(void *arg)
{
    const struct goal *g = arg;
    struct kit        *k = g->kit;
    apply(k);
    return g->part ? strstr(k->core.text, g->part) != NULL : k->done || k->failed[0] || k->applied >= k->apply_max;
}

/* Until the text has this (NULL: until it is done or failed). */
static bool run_until(struct kit *k, const char *part, u64 patience_ms)
{
    return small_run(&k->loop, is_met, &(struct goal){ k, part }, patience_ms);
}

static void kit_run(struct kit *k)
{
    kit_open(k);
    assert_true(run_until(k, NULL, 8000));
}

static void expect_within(struct kit *k, const char *part)
{
    if (!run_until(k, part, 8000)) fail_msg("\"%s\" is not in:\n%s", part, k->core.text);
}

static void clear(struct kit *k)
{
    small_unsay(&k->core, 0);
}

/* --- spools ----------------------------------------------------------------------------------------------------- */

static struct draft d;

static void write_as(struct kit *k, const char *name, const char *how)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", k->folder, name);
    FILE *f = fopen(path, how);
    assert_non_null(f);
    assert_int_equal(fwrite(d.at, 1, d.len, f), d.len);
    assert_int_equal(fclose(f), 0);
    d.len = 0;
}

/* The draft becomes a file, or is put behind one. */
static void put_file(struct kit *k, const char *name)
{
    write_as(k, name, "wb");
}

static void add_file(struct kit *k, const char *name)
{
    write_as(k, name, "ab");
}

static void put_pair(u32 id)
{
    put_event4(&d, id);
    put_packet_of(&d, U2_PACKET, id, "bytes");
}

static void put_apps(u32 second)
{
    put_header(&d, U2_APPS, 8);
    put_n(&d, second, 4);
    put_n(&d, 0, 4);
}

TEST(spool_gives_each_event_with_what_belongs_to_it_in_the_order_of_files)
{
    struct kit *k = kit_new(1);
    put_pair(3);
    put_file(k, "a/snort.u2.1000");
    put_pair(1);
    put_event4(&d, 2);
    put_file(k, "a/snort.u2.999");
    put_packet_of(&d, U2_BUFFER, 3, "late, in the next file");
    put_packet_of(&d, U2_PACKET, 9, "of no event");
    put_extra_of(&d, 3, 9, "/uri");
    put_file(k, "a/snort.u2.1001");
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 p9\n0 e1+1\n0 e2\n0 e3+3\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_without_join_gives_each_record_alone)
{
    struct kit *k = kit_new(1);
    put_pair(1);
    put_apps(7);
    put_file(k, "a/snort.u2.5");
    k->options.join = false;
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 e1\n0 p1\n0 a0\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_reads_several_directories_as_partitions)
{
    struct kit *k = kit_new(2);
    put_pair(1);
    put_file(k, "a/x.5");
    put_pair(2);
    put_file(k, "b/y.5");
    kit_run(k);
    assert_non_null(strstr(k->core.text, "0 e1+1\n"));
    assert_non_null(strstr(k->core.text, "1 e2+1\n"));
    assert_non_null(strstr(k->core.text, "done\n"));
    kit_free(k);
}

/* --- restarts --------------------------------------------------------------------------------------------------- */

/* Events, packets that are late by a few events, orphans, events of one key, damage, six files; more events than wait
 * at once. */
static void write_mixed(struct kit *k)
{
    static const char *const names[] = { "a/m.10", "a/m.11", "a/m.12", "a/m.13", "a/m.14", "a/m.15" };
    u32                      seed = 5;
    for (u32 file = 0, id = 0; file < WEIR_COUNT(names); file++) {
        for (u32 i = 0; i < 500; i++) {
            seed = seed * 1103515245 + 12345;
            u32 dice = seed >> 16 & 15, back = seed >> 24 & 63;
            if (i % 97 == 50) put_zeros(&d, 40);
            if (dice < 7) put_event4(&d, ++id % 400);
            else if (dice < 12) put_packet_of(&d, U2_PACKET, (id - back % 8) % 400, "payload");
            else if (dice < 13) put_packet_of(&d, U2_PACKET, 5000 + i, "orphan");
            else if (dice < 14) put_extra_of(&d, (id - back) % 400, 9, "/uri");
            else if (dice < 15) put_apps(i);
            else put_packet_of(&d, U2_BUFFER, id % 400, "rebuilt");
        }
        put_file(k, names[file]);
    }
}

/* Without complaints and what is said of partitions. */
static char *records_of(const char *text)
{
    char *all = strdup(text), *to = all;
    assert_non_null(all);
    for (slice rest = slice_str(text), line; rest.at != NULL && rest.len;) {
        line = slice_cut(rest, '\n', &rest);
        if (line.len == 0 || line.at[0] != '0') continue;
        memcpy(to, line.at, line.len);
        to += line.len;
        *to++ = '\n';
    }
    *to = '\0';
    return all;
}

static u32 restart_after_each(struct kit *k, u32 step, const char *want)
{
    u32 runs = 0;
    clear(k);
    k->core.saves = 0;
    do {
        k->apply_max = step;
        kit_run(k);
        kit_cut(k);
        kit_close(k);
        assert_true(++runs < 3000);
    } while (!k->done);
    char *have = records_of(k->core.text);
    assert_string_equal(have, want);
    free(have);
    return runs;
}

TEST(spool_restarted_behind_any_chunk_gives_the_same_records)
{
    struct kit *k = kit_new(1);
    write_mixed(k);
    kit_run(k);
    char *want = records_of(k->core.text), *all = strdup(k->core.text);
    kit_close(k);
    assert_true(restart_after_each(k, 1, want) > 1000); /* one chunk, then a crash; and again, to the end */
    assert_true(restart_after_each(k, 7, want) > 150);
    /* Each complaint came once, too, though much was read several times. */
    clear(k);
    k->core.saves = 0;
    u32 complaints = 0, seen = 0;
    for (const char *at = all; (at = strstr(at, "\n! ")) != NULL; at++) complaints++;
    restart_after_each(k, 40, want);
    for (const char *at = k->core.text; (at = strstr(at, "\n! ")) != NULL; at++) seen++;
    assert_true(complaints > 0 && seen == complaints);
    free(want);
    free(all);
    kit_free(k);
}

TEST(spool_killed_without_a_cut_begins_at_the_last_one)
{
    struct kit *k = kit_new(1);
    for (u32 i = 1; i <= 6; i++) put_pair(i);
    put_file(k, "a/x.5");
    k->apply_max = 2;
    kit_run(k);
    kit_cut(k);
    kit_close(k);
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 e3+1\n0 e4+1\n0 e5+1\n0 e6+1\nclosed 0\ndone\n");
    kit_close(k); /* no cut: again */
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 e3+1\n0 e4+1\n0 e5+1\n0 e6+1\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_read_to_its_end_goes_on_with_what_was_added)
{
    struct kit *k = kit_new(1);
    put_pair(1);
    put_file(k, "a/x.5");
    kit_run(k);
    kit_cut(k);
    kit_close(k);
    put_packet_of(&d, U2_PACKET, 1, "later");
    put_pair(2);
    add_file(k, "a/x.5");
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 p1\n0 e2+1\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_whose_bookmark_is_gone_goes_on_with_the_next_file_and_says_so)
{
    struct kit *k = kit_new(1);
    char        path[256];
    for (u32 i = 1; i <= 4; i++) put_pair(i);
    put_file(k, "a/x.5");
    k->apply_max = 2;
    kit_run(k);
    kit_cut(k);
    kit_close(k);
    snprintf(path, sizeof path, "%s/a/x.5", k->folder);
    assert_int_equal(unlink(path), 0);
    put_pair(8);
    put_file(k, "a/x.4"); /* older: never gone back to */
    put_pair(9);
    put_file(k, "a/x.7");
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n! a 0 the file that was read last, number 5, is gone: what was behind "
                                      "byte 202 of it is not read; going on with number 7\n0 e9+1\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_whose_bookmark_is_another_file_reads_it_from_its_start)
{
    struct kit *k = kit_new(1);
    for (u32 i = 1; i <= 4; i++) put_pair(i);
    put_file(k, "a/x.5");
    k->apply_max = 2;
    kit_run(k);
    kit_cut(k);
    kit_close(k);
    put_pair(21);
    put_pair(22);
    put_pair(23);
    put_file(k, "a/x.5");
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n! x.5 0 not the file that was read before (it begins otherwise, or is "
                                 "shorter than the 202 bytes that were read): read from its start\n"
                                 "0 e21+1\n0 e22+1\n0 e23+1\nclosed 0\ndone\n");
    kit_free(k);
}

/* Both are longer than what a file is known by. */
TEST(spool_knows_the_file_that_took_a_read_ones_name)
{
    struct kit *k = kit_new(1);
    for (u32 i = 1; i <= 10; i++) put_pair(i);
    put_file(k, "a/x.5");
    kit_run(k);
    kit_cut(k);
    kit_close(k);
    for (u32 i = 21; i <= 32; i++) put_pair(i);
    put_file(k, "a/x.5");
    kit_run(k);
    kit_cut(k);
    kit_close(k);
    put_pair(33);
    add_file(k, "a/x.5");
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 e33+1\nclosed 0\ndone\n");
    kit_free(k);
}

/* --- what is no unified2, or damaged ----------------------------------------------------------------------------- */

TEST(spool_passes_over_a_pcap_of_the_same_name_and_says_so)
{
    struct kit *k = kit_new(1);
    put_raw(&d, "\xd4\xc3\xb2\xa1\x02\x00\x04\x00", 8);
    put_zeros(&d, 100);
    put_file(k, "a/snort.log.5");
    put_pair(1);
    put_file(k, "a/snort.log.6");
    kit_run(k);
    kit_cut(k);
    assert_string_equal(k->core.text, "open 0\n! snort.log.5 0 a pcap capture: weir p2 reads it; not unified2, passed "
                                      "over\n0 e1+1\nclosed 0\ndone\n");
    kit_close(k);
    clear(k);
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_of_two_prefixes_asks_which)
{
    struct kit *k = kit_new(1);
    put_pair(1);
    put_file(k, "a/merged.log.5");
    put_pair(2);
    put_file(k, "a/snort.log.5");
    kit_run(k);
    assert_non_null(strstr(k->failed, "merged.log"));
    assert_non_null(strstr(k->failed, "snort.log"));
    assert_non_null(strstr(k->failed, "say which with `prefix:`"));
    kit_close(k);
    clear(k);
    k->options.prefix = "snort.log";
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 e2+1\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_takes_only_digits_behind_the_dot)
{
    struct kit *k = kit_new(1);
    static const char *const others[] = { "a/x.5.gz", "a/x", "a/x.05", "a/x.", "a/.5", "a/x.5a", "a/_x.bookmark",
                                          "a/x.99999999999999999999999" };
    for (u32 i = 0; i < WEIR_COUNT(others); i++) {
        put_pair(100 + i);
        put_file(k, others[i]);
    }
    put_pair(1);
    put_file(k, "a/x.5");
    kit_run(k);
    assert_string_equal(k->core.text, "open 0\n0 e1+1\nclosed 0\ndone\n");
    kit_free(k);
}

TEST(spool_tells_of_damage_and_goes_on)
{
    struct kit *k = kit_new(1);
    put_pair(1);
    put_zeros(&d, 40);
    put_pair(2);
    put_header(&d, U2_EVENT, 52);
    put_zeros(&d, 10); /* torn, but a later file exists */
    put_file(k, "a/x.5");
    put_pair(3);
    put_event4(&d, 4);
    put_header(&d, U2_PACKET, 1000);
    put_file(k, "a/x.6");
    kit_run(k);
    assert_non_null(strstr(k->core.text, "! x.5 101 no record: type 0"));
    assert_non_null(strstr(k->core.text, "the file ends in a record (type 7, length 52), expected its whole body"));
    assert_non_null(strstr(k->core.text, "! x.6 0 ends in 8 bytes that are no whole record: not read"));
    assert_non_null(strstr(k->core.text, "0 e1+1\n0 e2+1\n0 e3+1\n0 e4\n"));
    const u64 *counts = source_unified2.counts(k->core.source);
    u64        places = counts[offsetof(struct spool_counts, reader.damaged) / 8];
    assert_int_equal(places, 2);
    kit_free(k);
}

/* --- following --------------------------------------------------------------------------------------------------- */

TEST(spool_is_followed_over_torn_records_and_rollover)
{
    struct kit *k = kit_new(1);
    k->core.setup.once = false;
    k->options.rescan = 20 * NANOS_SECOND; /* inotify alone */
    put_pair(1);
    put_file(k, "a/x.5");
    kit_open(k);
    expect_within(k, "0 e1+1\n"); /* by the timeout */
    put_pair(2);
    size_t whole = d.len;
    d.len = 70; /* the packet is torn */
    add_file(k, "a/x.5");
    run_until(k, "never", 30);
    put_pair(2);
    assert_int_equal(d.len, whole);
    memmove(d.at, d.at + 70, whole - 70);
    d.len = whole - 70;
    add_file(k, "a/x.5");
    expect_within(k, "0 e2+1\n");
    put_event4(&d, 3);
    add_file(k, "a/x.5");
    put_packet_of(&d, U2_PACKET, 3, "in the next file");
    put_file(k, "a/x.6");
    expect_within(k, "0 e3+1\n");
    assert_null(strstr(k->core.text, "!"));
    kit_free(k);
}

TEST(spool_is_found_by_scans_alone)
{
    struct kit *k = kit_new(1);
    k->core.setup.once = false;
    kit_open(k);
    run_until(k, "never", 60);
    put_pair(1);
    put_file(k, "a/x.5");
    expect_within(k, "0 e1+1\n");
    kit_free(k);
}

TEST(spool_begins_behind_what_is_there_if_so_told)
{
    struct kit *k = kit_new(1);
    k->core.setup.once = false;
    k->options.start = SPOOL_END;
    put_pair(1);
    put_file(k, "a/x.5");
    put_pair(2);
    put_file(k, "a/x.6");
    kit_open(k);
    run_until(k, "never", 100);
    kit_cut(k);
    assert_int_equal(k->core.saves, 1); /* the place is kept though nothing was given out */
    kit_close(k);
    put_pair(3);
    add_file(k, "a/x.6");
    clear(k);
    kit_open(k);
    expect_within(k, "0 e3+1\n");
    assert_null(strstr(k->core.text, "e2"));
    kit_free(k);
}

TEST(spool_written_over_in_place_is_read_again_from_its_start)
{
    struct kit *k = kit_new(1);
    k->core.setup.once = false;
    put_pair(1);
    put_pair(2);
    put_file(k, "a/x.5");
    kit_open(k);
    expect_within(k, "0 e2+1\n");
    put_pair(7);
    put_file(k, "a/x.5");
    expect_within(k, "0 e7+1\n");
    expect_within(k, "! x.5 0 written over in place after 202 bytes: read from its start\n");
    kit_cut(k);
    kit_close(k);
    clear(k);
    put_pair(8);
    add_file(k, "a/x.5");
    kit_open(k);
    expect_within(k, "0 e8+1\n");
    assert_null(strstr(k->core.text, "e7"));
    kit_free(k);
}

TEST(spool_waits_while_the_engine_is_paused)
{
    struct kit *k = kit_new(1);
    for (u32 i = 1; i <= 300; i++) put_pair(i);
    put_file(k, "a/x.5");
    k->core.out_max = 1;
    k->apply_max = 0;
    kit_open(k);
    run_until(k, "never", 50);
    assert_int_equal(k->core.outs, 1);
    k->apply_max = UINT32_MAX;
    expect_within(k, "0 e300+1\n");
    kit_free(k);
}

TEST(spool_position_that_is_damaged_is_refused)
{
    struct kit        *k = kit_new(1);
    struct position    p = { slice_str(k->path[0]), S("1 2 3") };
    struct spool_place place;
    struct spool_at    told;
    char               prefix[SPOOL_PREFIX];
    k->core.setup.positions = 1;
    k->core.setup.position = &p;
    assert_int_equal(source_unified2.open(&k->core.source, &k->loop, &k->core.inlet, &k->core.setup).code, ERR_STATE);
    k->core.source = NULL;
    assert_false(spool_place_read(S("2 5 202 202 1 5 202 202 1 0 0 2 x"), &place, &told, prefix));
    assert_false(spool_place_read(S("1 5 202 202 1 5 201 201 1 0 0 2 x"), &place, &told, prefix));
    assert_false(spool_place_read(S("1 5 2020 2020 1 5 2020 2020 1 0 0 2 x"), &place, &told, prefix));
    assert_true(spool_place_read(S("1 5 202 202 1 6 20 20 1 5 8 2 a b"), &place, &told, prefix));
    assert_string_equal(prefix, "a b");
    assert_int_equal(told.offset, 8);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spool_gives_each_event_with_what_belongs_to_it_in_the_order_of_files),
        cmocka_unit_test(spool_without_join_gives_each_record_alone),
        cmocka_unit_test(spool_reads_several_directories_as_partitions),
        cmocka_unit_test(spool_restarted_behind_any_chunk_gives_the_same_records),
        cmocka_unit_test(spool_killed_without_a_cut_begins_at_the_last_one),
        cmocka_unit_test(spool_read_to_its_end_goes_on_with_what_was_added),
        cmocka_unit_test(spool_whose_bookmark_is_gone_goes_on_with_the_next_file_and_says_so),
        cmocka_unit_test(spool_whose_bookmark_is_another_file_reads_it_from_its_start),
        cmocka_unit_test(spool_knows_the_file_that_took_a_read_ones_name),
        cmocka_unit_test(spool_passes_over_a_pcap_of_the_same_name_and_says_so),
        cmocka_unit_test(spool_of_two_prefixes_asks_which),
        cmocka_unit_test(spool_takes_only_digits_behind_the_dot),
        cmocka_unit_test(spool_tells_of_damage_and_goes_on),
        cmocka_unit_test(spool_is_followed_over_torn_records_and_rollover),
        cmocka_unit_test(spool_is_found_by_scans_alone),
        cmocka_unit_test(spool_begins_behind_what_is_there_if_so_told),
        cmocka_unit_test(spool_written_over_in_place_is_read_again_from_its_start),
        cmocka_unit_test(spool_waits_while_the_engine_is_paused),
        cmocka_unit_test(spool_position_that_is_damaged_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
