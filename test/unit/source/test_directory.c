/* SPDX-License-Identifier: Apache-2.0 */
/* test_directory.c: the directory source on a real directory and loop, situation by situation (p2.md section 1). */
#include "probe.h"
#include "weir/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- what a test finds: a source that is not open yet, one that is, one that scans once an hour ------------------- */

static int fresh(void **state)
{
    *state = probe_new();
    return 0;
}

static int opened(void **state)
{
    fresh(state);
    probe_open(*state);
    probe_scans(*state, 1);
    return 0;
}

static int calm(void **state)
{
    struct probe *p = probe_new();
    *state = p;
    p->options.rescan = 3600 * NANOS_SECOND;
    probe_open(p);
    probe_settle(p);
    return 0;
}

static int gone(void **state)
{
    probe_free(*state);
    return 0;
}

#define FRESH(test)  cmocka_unit_test_setup_teardown(test, fresh, gone)
#define OPENED(test) cmocka_unit_test_setup_teardown(test, opened, gone)
#define CALM(test)   cmocka_unit_test_setup_teardown(test, calm, gone)

static void polling(struct probe *p)
{
    p->options.watch = false;
}

/* --- files come -------------------------------------------------------------------------------------------------- */

static void directory_reads_a_minute_and_its_marker_as_they_are_closed(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_udp_@60", "u1\nu2\n");
    probe_put(p, "_tcp_@60", "t1\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 t1\n_udp_@60 u1 u2\nsealed 120\n");
    assert_int_equal(probe_counts(p)->files, 2);
    assert_int_equal(probe_counts(p)->bytes, 9);
    assert_int_equal(probe_counts(p)->markers, 1);
}

static void directory_reads_a_closed_file_at_once_and_not_before(void **state)
{
    struct probe *p = *state;
    int fd = open(probe_path(p, "_tcp_@60"), O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, "a\nb\n", 4), 4);
    probe_settle(p);
    assert_string_equal(p->text, "");
    close(fd);
    probe_expect(p, "_tcp_@60 a b\n");
}

static void directory_reads_the_tail_of_a_file_that_is_appended_to_and_closed_again(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nb\n");
    probe_expect(p, "_tcp_@60 a b\n");
    probe_append(p, "_tcp_@60", "c\n");
    probe_expect(p, "_tcp_@60 a b\n_tcp_@60 c\n");
    probe_append(p, "_tcp_@60", "d\n");
    probe_expect(p, "_tcp_@60 a b\n_tcp_@60 c\n_tcp_@60 d\n");
    assert_int_equal(probe_counts(p)->files, 1);
}

static void directory_offers_a_tail_that_comes_while_the_head_is_out(void **state)
{
    struct probe *p = *state;
    p->hold = true;
    probe_put(p, "_tcp_@60", "a\n");
    probe_settle(p);
    assert_int_equal(p->outs, 1);
    probe_append(p, "_tcp_@60", "b\n");
    probe_settle(p);
    p->hold = false;
    probe_expect(p, "_tcp_@60 a\n_tcp_@60 b\n"); /* the first chunk ends where the file ended then */
}

static void directory_reads_a_file_that_is_renamed_into_place(void **state)
{
    struct probe *p = *state;
    probe_move(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
    probe_put(p, "_udp_@60.part", "u\n");
    char from[512];
    snprintf(from, sizeof from, "%s", probe_path(p, "_udp_@60.part"));
    assert_int_equal(rename(from, probe_path(p, "_udp_@60")), 0);
    probe_expect(p, "_tcp_@60 a\n_udp_@60 u\n");
}

static void directory_finishes_an_empty_file_and_counts_it_as_closed(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@120", "");
    probe_expect(p, "_tcp_@60 a\n");
    probe_skip(p, 30 * NANOS_SECOND);
    probe_expect(p, "_tcp_@60 a\nwatermark 120\n");
    assert_int_equal(probe_counts(p)->files, 2);
}

static void directory_seals_a_minute_that_lacks_protocols_or_all_files(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_udp_@60", "u\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_udp_@60 u\nsealed 120\n");
    probe_put(p, "__@120.finished", "");
    probe_expect(p, "_udp_@60 u\nsealed 120\nsealed 180\n");
}

static void directory_ignores_what_is_not_p2s(void **state)
{
    static const char *const names[] = { "_tcp_@60.swp", ".hidden", "_tcp_@", "_tcp_@18446744073709551616", "_icmp_@60",
                                         "_tcp_@99999999999", "__@60.finishe", "__@.finished", "_eth_@60", "_arp_@60" };
    struct probe *p = *state;
    for (size_t i = 0; i < WEIR_COUNT(names); i++) probe_put(p, names[i], "x\n");
    assert_int_equal(mkdir(probe_path(p, "_tcp_@120"), 0755), 0);
    assert_int_equal(mkfifo(probe_path(p, "_udp_@120"), 0644), 0);
    assert_int_equal(symlink("/tmp", probe_path(p, "_other_@120")), 0);
    assert_int_equal(symlink("nowhere", probe_path(p, "_other_@180")), 0);
    p->setup.once = true;
    probe_open(p);
    probe_expect(p, "done\n");
    assert_int_equal(probe_counts(p)->ignored, WEIR_COUNT(names) + 4);
}

/* --- markers, and none ------------------------------------------------------------------------------------------- */

static void directory_reads_a_file_after_its_marker_and_counts_it_late(void **state)
{
    struct probe *p = *state;
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "sealed 120\n");
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "sealed 120\n_tcp_@60 a\n");
    assert_int_equal(probe_counts(p)->late_files, 1);
}

/* readdir may give a marker and miss a file that was closed before it, if both came while it ran. */
static void directory_counts_a_marker_in_the_scan_after_the_one_that_found_it(void **state)
{
    struct probe *p = *state;
    polling(p);
    p->options.rescan = 3600 * NANOS_SECOND;
    probe_open(p);
    probe_settle(p);
    struct directory *d = (struct directory *)p->source;
    probe_put(p, "__@60.finished", "");
    struct listing *l = listing_new(p->path, -1, 10, ++d->scans);
    listing_make(l);
    assert_int_equal(l->count, 1);
    probe_put(p, "_tcp_@60", "a\n");
    d->listing = l; /* as if a scan of the pool had come back with it */
    notice_listing(d, l);
    d->listing = NULL;
    listing_free(l);
    directory_stir(d);
    assert_true(d->again);
    directory_scan(d);
    probe_expect(p, "_tcp_@60 a\nsealed 120\n");
    assert_int_equal(probe_counts(p)->late_files, 0);
}

static void directory_takes_a_minute_for_complete_when_a_later_one_closed_and_grace_passed(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@120", "b\n");
    probe_scans(p, 3);
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\n"); /* grace has not passed */
    probe_skip(p, 21 * NANOS_SECOND);
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\nwatermark 120\n");
    probe_skip(p, 3600 * NANOS_SECOND);
    probe_scans(p, 2);
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\nwatermark 120\n"); /* the last minute waits for another */
    probe_put(p, "__@120.finished", "");
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\nwatermark 120\nsealed 180\n");
}

static void directory_wakes_when_grace_ends_though_the_next_scan_is_far(void **state)
{
    struct probe *p = *state;
    p->options.rescan = 3600 * NANOS_SECOND;
    p->options.grace = 50000000;
    probe_open(p);
    probe_settle(p);
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@120", "b\n");
    probe_settle(p);
    probe_put(p, "_junk", ""); /* no scan: nothing but the events above */
    assert_int_equal(probe_counts(p)->rescans, 1);
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\nwatermark 120\n");
}

static void directory_seals_earlier_minutes_by_a_later_marker(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@120", "b\n");
    probe_put(p, "__@120.finished", "");
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\nwatermark 120\nsealed 180\n");
}

static void directory_without_markers_ignores_them(void **state)
{
    struct probe *p = *state;
    p->options.markers = false;
    probe_open(p);
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\n");
    probe_scans(p, 2);
    probe_expect(p, "_tcp_@60 a\n");
    assert_int_equal(probe_counts(p)->ignored, 1);
    assert_int_equal(probe_counts(p)->markers, 0);
}

static void directory_reads_two_interleaved_minutes_as_they_come(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
    probe_put(p, "_tcp_@120", "c\n");
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 c\n");
    probe_put(p, "_udp_@60", "b\n");
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 c\n_udp_@60 b\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 c\n_udp_@60 b\nsealed 120\n");
    assert_int_equal(probe_counts(p)->late_files, 0);
}

static void directory_keeps_the_watermark_behind_a_minute_that_starts_within_another(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@90", "b\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\n_tcp_@90 b\nsealed 90\n");
}

/* --- what was there at the start --------------------------------------------------------------------------------- */

static void directory_reads_what_was_there_in_order_with_watermarks_between(void **state)
{
    struct probe *p = *state;
    const char *const names[] = { "_udp_@120", "_tcp_@180", "_other_@60", "_tcp_@60", "_tcp_@120", "_tcp_@1020" };
    for (size_t i = 0; i < WEIR_COUNT(names); i++) probe_put(p, names[i], "x\n"), probe_old(p, names[i]);
    probe_put(p, "__@60.finished", "");
    probe_put(p, "__@180.finished", "");
    probe_open(p);
    probe_expect(p, "_other_@60 x\n_tcp_@60 x\nsealed 120\n_tcp_@120 x\n_udp_@120 x\nwatermark 180\n_tcp_@180 x\n"
                    "sealed 240\n_tcp_@1020 x\n");
}

static void directory_reads_once_and_is_done(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nb"); /* the last line counts without LF */
    probe_put(p, "__@60.finished", "");
    probe_put(p, "_tcp_@120", "c\n");
    probe_put(p, "_tcp_@180", "d");
    p->setup.once = true;
    probe_open(p);
    probe_expect(p, "_tcp_@60 a b\nsealed 120\n_tcp_@120 c\nwatermark 180\n_tcp_@180 d\ndone\n");
}

static void directory_that_is_empty_is_done_at_once(void **state)
{
    struct probe *p = *state;
    p->setup.once = true;
    probe_open(p);
    probe_expect(p, "done\n");
}

/* --- torn lines -------------------------------------------------------------------------------------------------- */

static void directory_leaves_a_last_line_without_lf_until_its_minute_is_over(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nhal");
    probe_expect(p, "_tcp_@60 a\n");
    probe_append(p, "_tcp_@60", "f\nb");
    probe_expect(p, "_tcp_@60 a\n_tcp_@60 half\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\n_tcp_@60 half\n_tcp_@60 b\nsealed 120\n");
}

static void directory_reads_a_last_line_without_lf_after_it_lay_still_for_grace(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a");
    probe_scans(p, 3);
    probe_expect(p, "");
    probe_skip(p, 21 * NANOS_SECOND);
    probe_expect(p, "_tcp_@60 a\n");
    assert_int_equal(probe_counts(p)->files, 1);
}

static void directory_passes_over_what_continues_a_line_that_was_read(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "hal");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 hal\nsealed 120\n");
    probe_clear(p);
    probe_append(p, "_tcp_@60", "f\nb\n");
    probe_expect(p, "! _tcp_@60 appended to behind a last line without LF, which was read: "
                    "the new bytes up to the next LF are passed over\n_tcp_@60 b\n");
}

static void directory_polled_never_reads_a_torn_line_of_a_growing_file(void **state)
{
    struct probe *p = *state;
    polling(p);
    probe_open(p);
    int fd = open(probe_path(p, "_tcp_@60"), O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, "a\nb\nto", 6), 6);
    probe_scans(p, 1);
    probe_expect(p, ""); /* it may be growing */
    probe_expect(p, "_tcp_@60 a b\n"); /* unchanged for two scans */
    assert_int_equal(write(fd, "rn\nlas", 6), 6);
    probe_expect(p, "_tcp_@60 a b\n_tcp_@60 torn\n");
    assert_int_equal(write(fd, "t", 1), 1);
    close(fd);
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a b\n_tcp_@60 torn\n_tcp_@60 last\nsealed 120\n");
}

static void directory_polled_finds_files_and_markers(void **state)
{
    struct probe *p = *state;
    polling(p);
    probe_open(p);
    probe_scans(p, 1);
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\nsealed 120\n");
    probe_put(p, "_tcp_@120", "b\n");
    probe_expect(p, "_tcp_@60 a\nsealed 120\n_tcp_@120 b\n");
}

/* --- chunks and back-pressure ------------------------------------------------------------------------------------ */

static void directory_cuts_files_into_chunks_that_own_the_lines_that_begin_in_them(void **state)
{
    struct probe *p = *state;
    char          text[4001], *at = text;
    p->quiet = true;
    for (int i = 0; i < 1000; i++) at += sprintf(at, "%d\n", i % 10 == 0 ? 0 : i % 1000 / (i % 3 ? 1 : 10));
    u64 size = (u64)(at - text);
    probe_put(p, "_tcp_@60", text);
    p->setup.once = true;
    for (p->options.chunk = 1; p->options.chunk < 40; p->options.chunk += 3) {
        p->lines = 0;
        probe_clear(p);
        probe_open(p);
        probe_expect(p, "done\n");
        assert_int_equal(p->lines, 1000);
        assert_int_equal(probe_counts(p)->chunks, (size + p->options.chunk - 1) / p->options.chunk);
        assert_int_equal(probe_counts(p)->bytes, size);
        probe_close(p);
    }
}

static void directory_offers_nothing_while_paused(void **state)
{
    struct probe *p = *state;
    p->options.chunk = 2;
    p->out_max = 3;
    p->hold = true;
    probe_put(p, "_tcp_@60", "a\nb\nc\nd\ne\nf\n");
    probe_put(p, "_tcp_@120", "g\n");
    probe_put(p, "__@120.finished", "");
    probe_open(p);
    probe_settle(p); /* on_offer asserts that the source is not paused */
    probe_settle(p);
    assert_int_equal(p->outs, 3);
    probe_apply(p, 1);
    probe_settle(p);
    assert_int_equal(p->outs, 3);
    p->hold = false;
    probe_expect(p, "_tcp_@60 a\n_tcp_@60 b\n_tcp_@60 c\n_tcp_@60 d\n_tcp_@60 e\n_tcp_@60 f\nwatermark 120\n"
                    "_tcp_@120 g\nsealed 180\n");
}

static void directory_holds_few_files_open(void **state)
{
    struct probe *p = *state;
    char          name[64];
    p->hold = p->quiet = true;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "_tcp_@%d", 60 * (i + 1));
        probe_put(p, name, "x\n");
    }
    p->setup.once = true;
    probe_open(p);
    probe_settle(p);
    probe_settle(p);
    assert_int_equal(p->outs, FILES_OPEN_MAX);
    p->hold = false;
    probe_expect_within(p, "done\n");
    assert_int_equal(p->lines, 200);
}

static void directory_waits_when_the_process_has_no_descriptor_left(void **state)
{
    struct probe *p = *state;
    struct rlimit had, none;
    getrlimit(RLIMIT_NOFILE, &had);
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "__@60.finished", "");
    none = (struct rlimit){ 3, had.rlim_max };
    setrlimit(RLIMIT_NOFILE, &none);
    probe_expect_within(p, "! _tcp_@60 cannot be opened: Too many open files; reading waits\n");
    probe_settle(p);
    setrlimit(RLIMIT_NOFILE, &had);
    probe_expect_within(p, "_tcp_@60 a\nsealed 120\n"); /* no watermark went by */
    assert_null(strstr(p->text, "sealed 120\n_tcp"));
}

/* --- files go ---------------------------------------------------------------------------------------------------- */

static void directory_tells_of_a_file_that_vanished_while_queued(void **state)
{
    struct probe *p = *state;
    p->hold = true;
    p->out_max = 1;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_udp_@60", "b\n");
    probe_put(p, "_tcp_@120", "c\n");
    probe_put(p, "__@120.finished", "");
    probe_settle(p);
    assert_int_equal(p->outs, 1);
    probe_remove(p, "_tcp_@60"); /* open: read to its end all the same */
    probe_remove(p, "_udp_@60");
    p->hold = false;
    probe_expect_within(p, "sealed 180\n");
    assert_string_equal(p->text, "_tcp_@60 a\n! _udp_@60 vanished before it was read\nwatermark 120\n_tcp_@120 c\n"
                                 "sealed 180\n");
    assert_int_equal(probe_counts(p)->vanished, 1);
}

static void directory_prunes_the_ledger_when_files_that_were_read_are_deleted(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_udp_@60", "b\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\n_udp_@60 b\nsealed 120\n");
    probe_cut(p);
    assert_int_equal(p->saves, 2);
    probe_remove(p, "_tcp_@60");
    probe_remove(p, "__@60.finished");
    probe_scans(p, 2);
    probe_cut(p);
    assert_int_equal(p->saves, 1);
    assert_string_equal(p->saved[0].key, "_udp_@60");
    assert_int_equal(((struct directory *)p->source)->ledger.count, 1);
    assert_int_equal(probe_counts(p)->vanished, 0);
}

static void directory_reads_a_replaced_file_as_a_new_one(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
    probe_cut(p);
    probe_move(p, "_tcp_@60", "b\nc\n");
    probe_expect(p, "_tcp_@60 a\n! _tcp_@60 replaced by another file after it was read: read as a new one\n"
                    "_tcp_@60 b c\n");
    assert_int_equal(probe_counts(p)->replaced, 1);
    probe_cut(p);
    assert_int_equal(p->saves, 1);
    probe_close(p);
    probe_clear(p);
    probe_open(p);
    probe_scans(p, 3);
    probe_expect(p, ""); /* the saved position is the new file's */
}

static void directory_never_reads_a_truncated_file_again(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nb\n");
    probe_expect(p, "_tcp_@60 a b\n");
    probe_put(p, "_tcp_@60", "c\n");
    const char *told = "_tcp_@60 a b\n! _tcp_@60 truncated after it was read: what it holds now is not read\n";
    probe_expect(p, told);
    probe_append(p, "_tcp_@60", "d\ne\nf\n");
    probe_scans(p, 2);
    probe_expect(p, told);
    assert_int_equal(probe_counts(p)->truncated, 1);
    probe_cut(p);
    probe_close(p);
    probe_clear(p);
    probe_open(p);
    probe_scans(p, 3);
    probe_expect(p, ""); /* nor after a restart */
}

static void directory_gives_up_a_chunk_whose_file_is_cut_short_under_it(void **state)
{
    struct probe *p = *state;
    p->hold = true;
    probe_put(p, "_tcp_@60", "a\nbbbbbbbb\n");
    probe_settle(p);
    assert_int_equal(p->outs, 1);
    assert_int_equal(truncate(probe_path(p, "_tcp_@60"), 4), 0);
    p->hold = false;
    probe_expect_within(p, "truncated");
    assert_int_equal(p->fault, -ENODATA); /* an end there would have made "bb" a line */
    assert_int_equal(probe_counts(p)->unreadable, 1);
}

static void directory_tells_once_of_a_file_rewritten_at_its_size(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
    probe_old(p, "_tcp_@60");
    probe_scans(p, 3);
    probe_expect(p, "_tcp_@60 a\n! _tcp_@60 written to after it was read, at the same size: not read again\n");
}

static void directory_takes_two_names_of_one_file_for_two_files(void **state)
{
    struct probe *p = *state;
    char          from[512];
    probe_put(p, "_tcp_@60", "a\n");
    snprintf(from, sizeof from, "%s", probe_path(p, "_tcp_@60"));
    assert_int_equal(link(from, probe_path(p, "_udp_@60")), 0);
    p->setup.once = true;
    probe_open(p);
    probe_expect(p, "_tcp_@60 a\n_udp_@60 a\ndone\n");
}

static void directory_tries_an_unreadable_file_again_at_each_scan(void **state)
{
    if (geteuid() == 0) skip(); /* root may read everything; the next test stands in */
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    chmod(probe_path(p, "_tcp_@60"), 0);
    const char *told = "! _tcp_@60 cannot be opened: Permission denied; tried again at each scan\n";
    probe_expect(p, told);
    probe_scans(p, 3);
    probe_expect(p, told);
    chmod(probe_path(p, "_tcp_@60"), 0644);
    probe_expect_within(p, "_tcp_@60 a\n");
}

/* A symbolic link into a loop of links can be listed, but not opened. */
static void directory_tells_once_of_a_file_that_cannot_be_opened(void **state)
{
    struct probe *p = *state;
    p->hold = true;
    p->out_max = 1;
    probe_put(p, "_other_@60", "a\n");
    probe_put(p, "_tcp_@60", "b\n");
    probe_settle(p);
    assert_int_equal(p->outs, 1);
    probe_remove(p, "_tcp_@60");
    assert_int_equal(symlink("_tcp_@60", probe_path(p, "_tcp_@60")), 0);
    p->hold = false;
    probe_expect_within(p, "! _tcp_@60");
    assert_non_null(strstr(p->text, "cannot be opened: Too many levels of symbolic links; tried again at each scan\n"));
    probe_remove(p, "_tcp_@60");
    probe_put(p, "_tcp_@60", "c\n");
    probe_expect_within(p, "_tcp_@60 c\n");
}

/* --- restarts ---------------------------------------------------------------------------------------------------- */

static void directory_reads_what_arrived_while_it_was_down_and_nothing_twice(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_udp_@60", "b\n");
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\n_udp_@60 b\nsealed 120\n");
    probe_cut(p);
    probe_close(p);
    probe_append(p, "_udp_@60", "c\n");
    probe_put(p, "_tcp_@180", "e\n");
    probe_put(p, "_tcp_@120", "d\n");
    probe_put(p, "__@120.finished", "");
    probe_put(p, "__@180.finished", "");
    probe_clear(p);
    probe_open(p);
    probe_expect(p, "_udp_@60 c\nsealed 120\n_tcp_@120 d\nsealed 180\n_tcp_@180 e\nsealed 240\n");
}

static void directory_resumes_inside_a_file_at_every_chunk(void **state)
{
    const char *whole = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
    for (u32 chunks = 0; chunks < 6; chunks++)
        for (u64 size = 3; size < 12; size += 2) {
            struct probe *p = probe_new();
            p->quiet = true;
            p->setup.once = true;
            p->options.chunk = size;
            probe_put(p, "_tcp_@60", whole);
            p->hold = true;
            probe_open(p);
            probe_settle(p);
            u32 n = chunks < p->outs ? chunks : p->outs;
            probe_apply(p, n);
            probe_cut(p);
            u64 before = p->lines;
            probe_close(p); /* what it applies is lost: a crash */
            p->lines = before;
            p->hold = false;
            probe_clear(p);
            probe_open(p);
            probe_expect(p, "done\n");
            assert_int_equal(p->lines, 7);
            probe_free(p);
        }
}

static void directory_resumes_behind_the_last_lf_of_a_growing_file(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nb\ntor");
    probe_expect(p, "_tcp_@60 a b\n");
    probe_cut(p);
    probe_close(p);
    probe_append(p, "_tcp_@60", "n\nc\n");
    probe_clear(p);
    probe_open(p);
    probe_expect(p, "_tcp_@60 torn c\n");
}

static void directory_counts_lines_over_a_restart(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nb\n");
    probe_expect(p, "_tcp_@60 a b\n");
    probe_cut(p);
    probe_close(p);
    probe_append(p, "_tcp_@60", "c\n");
    p->hold = true;
    probe_open(p);
    probe_scans(p, 3);
    probe_settle(p);
    assert_int_equal(p->outs, 1);
    u64 offset = 4;
    assert_int_equal(source_directory.line(&p->out[0], 0, &offset), 3);
    assert_int_equal(offset, 4);
}

static void directory_drops_positions_of_files_deleted_while_it_was_down(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
    probe_cut(p);
    assert_int_equal(p->saves, 1);
    probe_close(p);
    probe_remove(p, "_tcp_@60");
    probe_open(p);
    probe_scans(p, 1);
    probe_cut(p);
    assert_int_equal(p->saves, 0);
    assert_int_equal(probe_counts(p)->vanished, 0);
}

static void directory_finds_a_file_truncated_while_it_was_down(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\nb\n");
    probe_expect(p, "_tcp_@60 a b\n");
    probe_cut(p);
    probe_close(p);
    probe_put(p, "_tcp_@60", "c\n");
    probe_clear(p);
    probe_open(p);
    probe_expect(p, "! _tcp_@60 truncated after it was read: what it holds now is not read\n");
    probe_scans(p, 2);
    assert_int_equal(probe_counts(p)->files, 0);
}

static void directory_keeps_its_ledger_while_another_directory_is_at_its_path(void **state)
{
    struct probe *p = *state;
    char          aside[128];
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
    probe_cut(p);
    probe_close(p);
    snprintf(aside, sizeof aside, "%s.disk", p->path);
    assert_int_equal(rename(p->path, aside), 0); /* the disk is not mounted: its mount point is an empty directory */
    assert_int_equal(mkdir(p->path, 0755), 0);
    probe_clear(p);
    probe_open(p);
    probe_expect_within(p, "another directory is at this path");
    probe_scans(p, 2);
    probe_cut(p);
    assert_int_equal(p->saves, 1);
    assert_int_equal(rmdir(p->path), 0);
    assert_int_equal(rename(aside, p->path), 0);
    probe_clear(p);
    probe_scans(p, 3);
    assert_null(strstr(p->text, "_tcp_@60 a")); /* not read twice */
}

/* --- the watch --------------------------------------------------------------------------------------------------- */

static void directory_scans_when_events_were_lost(void **state)
{
    struct probe        *p = *state;
    struct inotify_event lost = { .wd = -1, .mask = IN_Q_OVERFLOW };
    u64 before = probe_counts(p)->rescans;
    directory_take((struct directory *)p->source, (const char *)&lost, sizeof lost);
    probe_settle(p);
    assert_int_equal(probe_counts(p)->rescans, before + 1);
    assert_int_equal(probe_counts(p)->overflows, 1);
}

/* More events than the kernel's queue holds, none of which can be merged with the one before. */
static void directory_reads_everything_after_a_real_overflow(void **state)
{
    struct probe *p = *state;
    FILE         *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int           max = 16384;
    if (limit && fscanf(limit, "%d", &max) != 1) max = 16384;
    if (limit) fclose(limit);
    if (max > 100000) skip();
    for (int i = 0; i <= max / 2; i++) probe_put(p, "noise1", ""), probe_put(p, "noise2", "");
    probe_put(p, "_tcp_@60", "a\n"); /* this event is lost */
    probe_put(p, "__@60.finished", "");
    probe_expect(p, "_tcp_@60 a\nsealed 120\n");
    assert_true(probe_counts(p)->overflows >= 1);
}

static void directory_complains_once_of_its_directory_and_goes_on_when_it_is_back(void **state)
{
    struct probe *p = *state;
    char          aside[128];
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@120", "b\n");
    probe_expect(p, "_tcp_@60 a\n_tcp_@120 b\n");
    probe_skip(p, 21 * NANOS_SECOND);
    snprintf(aside, sizeof aside, "%s.gone", p->path);
    assert_int_equal(rename(p->path, aside), 0);
    probe_expect_within(p, "the directory cannot be read; tried again at each scan: No such file or directory\n");
    size_t len = strlen(p->text);
    probe_scans(p, 3);
    assert_int_equal(strlen(p->text), len);
    u64 scans = probe_counts(p)->rescans;
    probe_settle(p);
    assert_true(probe_counts(p)->rescans <= scans + 1); /* no faster, though grace ended meanwhile */
    assert_int_equal(rename(aside, p->path), 0);
    probe_scans(p, 2);
    p->options.rescan = 3600 * NANOS_SECOND; /* from now on, only the watch can tell */
    probe_scans(p, 1);
    probe_clear(p);
    probe_put(p, "_udp_@120", "c\n");
    probe_expect(p, "_udp_@120 c\n");
}

static void directory_watches_the_directory_that_took_the_place_of_another(void **state)
{
    struct probe *p = *state;
    assert_int_equal(rmdir(p->path), 0);
    assert_int_equal(mkdir(p->path, 0755), 0);
    probe_scans(p, 3);
    p->options.rescan = 3600 * NANOS_SECOND;
    probe_scans(p, 1);
    probe_clear(p);
    probe_put(p, "_tcp_@60", "a\n");
    probe_expect(p, "_tcp_@60 a\n");
}

/* --- limits and set-up ------------------------------------------------------------------------------------------- */

static void directory_reads_a_burst_of_ten_thousand_files_in_order(void **state)
{
    struct probe *p = *state;
    char          name[64];
    p->quiet = true;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "_%s_@%d", i % 2 ? "tcp" : "udp", 60 * (1 + i / 2));
        probe_put(p, name, "x\ny\n");
        if (i % 2) {
            snprintf(name, sizeof name, "__@%d.finished", 60 * (1 + i / 2));
            probe_put(p, name, "");
        }
    }
    u64 begin = uv_hrtime();
    probe_expect_within(p, "sealed 300060\n");
    print_message("10000 files of a burst in %.0f ms\n", (f64)(uv_hrtime() - begin) / 1e6);
    assert_int_equal(p->lines, 20000);
    assert_int_equal(probe_counts(p)->files, 10000);
    assert_int_equal(probe_counts(p)->markers, 5000);
    const char *at = p->text; /* each minute was closed, in order */
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(strtol(strchr(at, ' '), NULL, 10), 60 * (i + 2));
        at = strchr(at, '\n') + 1;
    }
}

static void directory_fails_with_more_names_than_it_may_keep(void **state)
{
    struct probe *p = *state;
    probe_close(p);
    p->options.files_max = 2;
    probe_put(p, "_tcp_@60", "a\n");
    probe_put(p, "_tcp_@120", "a\n");
    probe_put(p, "_tcp_@180", "a\n");
    probe_open(p);
    while (p->failed == NULL) uv_run(&p->loop, UV_RUN_ONCE);
    assert_non_null(strstr(p->failed, "files_max"));
}

static void directory_refuses_what_it_cannot_use(void **state)
{
    static const char *const wrong[] = { "tcp", "icmp" };
    struct probe            *p = *state;
    struct position          bad = { S("_tcp_@60"), S("1 2 3") };
    struct source           *s = NULL;
    p->options.path = "/tmp/no-such-directory-of-weir";
    err e = source_directory.open(&s, &p->loop, &p->inlet, &p->setup);
    assert_int_equal(e.code, ERR_OS);
    assert_int_equal(e.at, ENOENT);
    p->options.path = "/dev/null";
    e = source_directory.open(&s, &p->loop, &p->inlet, &p->setup);
    assert_int_equal(e.at, ENOTDIR);
    p->options.path = p->path;
    p->setup.positions = 1;
    p->setup.position = &bad;
    e = source_directory.open(&s, &p->loop, &p->inlet, &p->setup);
    assert_int_equal(e.code, ERR_STATE);
    p->setup.positions = 0;
    p->setup.layout_key = wrong;
    p->setup.layouts = 2;
    e = source_directory.open(&s, &p->loop, &p->inlet, &p->setup);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_null(s);
}

static void directory_closes_while_a_scan_is_in_work(void **state)
{
    struct probe *p = *state;
    probe_put(p, "_tcp_@60", "a\n");
    for (int i = 0; i < 20; i++) {
        probe_open(p);
        if (i % 2) uv_run(&p->loop, UV_RUN_NOWAIT);
        probe_close(p);
    }
}

/* --- everything at once ------------------------------------------------------------------------------------------ */

static u32 draw(u32 *seed, u32 below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Writes lines "<n>." in pieces that need not be whole, closing after each; gives the next n. */
static u32 write_pieces(struct probe *p, u32 *seed, const char *name, u32 n, u32 lines)
{
    char   text[4096];
    size_t len = 0, at = 0;
    for (u32 end = n + lines; n < end; n++) len += (size_t)snprintf(text + len, sizeof text - len, "%u.\n", n);
    while (at < len) {
        char   piece[4096];
        size_t size = 1 + draw(seed, (u32)len);
        if (size > len - at) size = len - at;
        snprintf(piece, sizeof piece, "%.*s", (int)size, text + at);
        probe_append(p, name, piece);
        at += size;
        for (u32 turns = draw(seed, 4); turns; turns--) uv_run(&p->loop, UV_RUN_NOWAIT);
        probe_apply(p, draw(seed, 4));
    }
    return n;
}

/* Every line of the text once, whole: the numbers 0 .. count - 1. */
static void assert_all_once(const struct probe *p, u32 count, u32 seed)
{
    bool *seen = calloc(count, sizeof *seen);
    u32   found = 0;
    for (const char *at = p->text; (at = strchr(at, ' ')) != NULL;) {
        char         *end;
        unsigned long n = strtoul(++at, &end, 10);
        if (*end != '.') continue; /* a watermark */
        if (n >= count || seen[n]) fail_msg("seed %u: line %lu twice, or torn", seed, n);
        seen[n] = true;
        found++;
    }
    if (found != count) fail_msg("seed %u: %u lines of %u", seed, found, count);
    free(seen);
}

/* Minutes are written in pieces while weir is stopped, started and killed; half of the time without its events. */
static void directory_counts_every_line_once_over_crashes(void **state)
{
    static const char *const protocols[] = { "tcp", "udp", "other" };
    for (u32 seed = 1; seed <= 40; seed++) {
        struct probe *p = probe_new();
        u32           random = seed, lines = 0;
        size_t        kept = 0; /* of the text, at the last cut */
        char          name[64], last[64];
        p->options.chunk = 1 + draw(&random, 40);
        p->options.watch = seed % 2;
        p->hold = true;
        probe_open(p);
        for (i64 minute = 60; minute <= 600; minute += 60) {
            for (u32 i = 0; i < 3; i++) {
                snprintf(name, sizeof name, "_%s_@%lld", protocols[i], (long long)minute);
                lines = write_pieces(p, &random, name, lines, draw(&random, 12));
                if (draw(&random, 3) == 0) probe_cut(p), kept = p->text_len;
                if (draw(&random, 5)) continue;
                probe_close(p); /* killed: what was applied since the cut is undone */
                p->text[p->text_len = kept] = '\0';
                char text[64];
                snprintf(text, sizeof text, "%u.\n", lines++);
                probe_append(p, name, text); /* while it is down */
                probe_open(p);
            }
            snprintf(last, sizeof last, "__@%lld.finished", (long long)minute);
            probe_put(p, last, "");
        }
        p->hold = false;
        probe_expect_within(p, "sealed 660\n");
        assert_all_once(p, lines, seed);
        probe_free(p);
    }
}

int main(void)
{
    hash_seed_set(7);
    const struct CMUnitTest tests[] = {
        OPENED(directory_reads_a_minute_and_its_marker_as_they_are_closed),
        CALM(directory_reads_a_closed_file_at_once_and_not_before),
        OPENED(directory_reads_the_tail_of_a_file_that_is_appended_to_and_closed_again),
        OPENED(directory_offers_a_tail_that_comes_while_the_head_is_out),
        CALM(directory_reads_a_file_that_is_renamed_into_place),
        OPENED(directory_finishes_an_empty_file_and_counts_it_as_closed),
        OPENED(directory_seals_a_minute_that_lacks_protocols_or_all_files),
        FRESH(directory_ignores_what_is_not_p2s),
        OPENED(directory_reads_a_file_after_its_marker_and_counts_it_late),
        FRESH(directory_counts_a_marker_in_the_scan_after_the_one_that_found_it),
        OPENED(directory_takes_a_minute_for_complete_when_a_later_one_closed_and_grace_passed),
        FRESH(directory_wakes_when_grace_ends_though_the_next_scan_is_far),
        OPENED(directory_seals_earlier_minutes_by_a_later_marker),
        FRESH(directory_without_markers_ignores_them),
        OPENED(directory_reads_two_interleaved_minutes_as_they_come),
        OPENED(directory_keeps_the_watermark_behind_a_minute_that_starts_within_another),
        FRESH(directory_reads_what_was_there_in_order_with_watermarks_between),
        FRESH(directory_reads_once_and_is_done),
        FRESH(directory_that_is_empty_is_done_at_once),
        OPENED(directory_leaves_a_last_line_without_lf_until_its_minute_is_over),
        OPENED(directory_reads_a_last_line_without_lf_after_it_lay_still_for_grace),
        OPENED(directory_passes_over_what_continues_a_line_that_was_read),
        FRESH(directory_polled_never_reads_a_torn_line_of_a_growing_file),
        FRESH(directory_polled_finds_files_and_markers),
        FRESH(directory_cuts_files_into_chunks_that_own_the_lines_that_begin_in_them),
        FRESH(directory_offers_nothing_while_paused),
        FRESH(directory_holds_few_files_open),
        OPENED(directory_waits_when_the_process_has_no_descriptor_left),
        OPENED(directory_tells_of_a_file_that_vanished_while_queued),
        OPENED(directory_prunes_the_ledger_when_files_that_were_read_are_deleted),
        OPENED(directory_reads_a_replaced_file_as_a_new_one),
        OPENED(directory_never_reads_a_truncated_file_again),
        OPENED(directory_gives_up_a_chunk_whose_file_is_cut_short_under_it),
        OPENED(directory_tells_once_of_a_file_rewritten_at_its_size),
        FRESH(directory_takes_two_names_of_one_file_for_two_files),
        OPENED(directory_tries_an_unreadable_file_again_at_each_scan),
        OPENED(directory_tells_once_of_a_file_that_cannot_be_opened),
        OPENED(directory_reads_what_arrived_while_it_was_down_and_nothing_twice),
        cmocka_unit_test(directory_resumes_inside_a_file_at_every_chunk),
        OPENED(directory_resumes_behind_the_last_lf_of_a_growing_file),
        OPENED(directory_counts_lines_over_a_restart),
        OPENED(directory_drops_positions_of_files_deleted_while_it_was_down),
        OPENED(directory_finds_a_file_truncated_while_it_was_down),
        OPENED(directory_keeps_its_ledger_while_another_directory_is_at_its_path),
        CALM(directory_scans_when_events_were_lost),
        OPENED(directory_reads_everything_after_a_real_overflow),
        OPENED(directory_complains_once_of_its_directory_and_goes_on_when_it_is_back),
        OPENED(directory_watches_the_directory_that_took_the_place_of_another),
        OPENED(directory_reads_a_burst_of_ten_thousand_files_in_order),
        OPENED(directory_fails_with_more_names_than_it_may_keep),
        FRESH(directory_refuses_what_it_cannot_use),
        FRESH(directory_closes_while_a_scan_is_in_work),
        cmocka_unit_test(directory_counts_every_line_once_over_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
