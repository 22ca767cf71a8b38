/* SPDX-License-Identifier: Apache-2.0 */
/* test_events.c: where texts of packets end, what time is told behind them, what a second reading passes over, what a
 * live capture drops. The hand is heard here, without a thread. */
#include "../unit.h"
#include "source/events.h"

#include <stdlib.h>

#define MS ((nanos)1000000)

struct kit {
    uv_loop_t     loop;
    uv_async_t    wake;
    struct hand   hand;
    struct places past;
    struct events events;
    u8            bytes[64];
};

static void on_wake(uv_async_t *wake __attribute__((unused)))
{
}

static struct kit *kit_open(bool live, u64 limit)
{
    struct kit *k = calloc(1, sizeof *k);
    assert_non_null(k);
    assert_int_equal(uv_loop_init(&k->loop), 0);
    uv_async_init(&k->loop, &k->wake, on_wake);
    assert_int_equal(hand_init(&k->hand, limit, &k->wake).code, ERR_NONE);
    k->past = (struct places){ .passed = NANOS_MIN };
    struct events_setup how = { .hand = &k->hand, .past = &k->past, .keep = 64, .disorder = NANOS_SECOND,
                                .live = live };
    events_init(&k->events, &how);
    return k;
}

static void kit_close(struct kit *k)
{
    events_fini(&k->events);
    hand_fini(&k->hand);
    uv_close((uv_handle_t *)&k->wake, NULL);
    uv_run(&k->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    free(k);
}

static void push(struct kit *k, nanos time, u8 first)
{
    k->bytes[0] = first;
    struct frame f = { .time = time, .length = 60, .captured = 60, .link = LINK_ETHERNET, .at = k->bytes };
    events_push(&k->events, &f, 1);
}

/* The next word: "3@0" for a text of three records of file 0, "t 5" for a time in ms, "f 0", "!"; "": none. */
static const char *heard(struct kit *k, struct text **kept)
{
    static char text[64];
    struct word w;
    text[0] = 0;
    if (!hand_hear(&k->hand, &w)) return text;
    switch (w.kind) {
    case WORD_TEXT: snprintf(text, sizeof text, "%d@%d", (int)w.text->records, (int)w.text->start); break;
    case WORD_TIME: snprintf(text, sizeof text, "t %lld", (long long)(w.start / MS)); break;
    case WORD_FILE: snprintf(text, sizeof text, "f %d", (int)w.start); break;
    default: snprintf(text, sizeof text, "!");
    }
    free(w.what);
    if (w.text && kept) *kept = w.text;
    else if (w.text) hand_give_back(&k->hand, w.text);
    return text;
}

static void hears(struct kit *k, const char *const *words)
{
    for (; *words; words++) assert_string_equal(heard(k, NULL), *words);
    assert_string_equal(heard(k, NULL), "");
}
#define HEARS(k, ...) hears(k, (const char *const[]){ __VA_ARGS__, NULL })

TEST(a_text_ends_with_a_second_of_packet_time_and_with_its_file)
{
    struct kit *k = kit_open(false, 1 << 30);
    push(k, 5000 * MS, 0);
    push(k, 5999 * MS, 0);
    push(k, 6000 * MS, 0);
    HEARS(k, "2@0", "t 4999");
    push(k, 5500 * MS, 0); /* older than the newest, and in time: in the same text */
    events_file(&k->events);
    HEARS(k, "2@0", "t 5000", "f 0");
    push(k, 5600 * MS, 0);
    push(k, 4600 * MS, 0); /* a second back ends it, too; time does not go back */
    events_file(&k->events);
    HEARS(k, "1@1", "1@1", "f 1");
    kit_close(k);
}

TEST(a_full_text_ends)
{
    struct kit *k = kit_open(false, 1 << 30);
    u32         room = (1u << 20) / frames_size(60, 64);
    for (u32 i = 0; i <= room; i++) push(k, MS, 0);
    char words[32];
    snprintf(words, sizeof words, "%u@0", room);
    HEARS(k, words, "t -999");
    kit_close(k);
}

/* Pushes six frames in three texts and a file's end. */
static void push_six(struct kit *k, u8 last)
{
    for (u32 i = 0; i < 6; i++) push(k, (nanos)(i / 2) * NANOS_SECOND, (u8)(i < 5 ? i : last));
    events_file(&k->events);
}

/* What was applied of a first reading: up to the end of its second text. */
static struct mark applied(void)
{
    struct kit  *k = kit_open(false, 1 << 30);
    struct text *x = NULL;
    push_six(k, 5);
    for (u32 i = 0; i < 3; i++) {
        x = NULL;
        heard(k, &x);
        if (i < 2 && x) hand_give_back(&k->hand, x);
    }
    assert_non_null(x);
    struct mark m = { .start = 0 };
    m.bytes[EVENTS_FILE] = x->offset + x->length;
    m.sum[EVENTS_FILE] = x->sum;
    hand_give_back(&k->hand, x);
    kit_close(k);
    return m;
}

TEST(a_second_reading_passes_over_what_was_applied)
{
    struct mark m = applied();
    struct kit *k = kit_open(false, 1 << 30);
    k->past.mark = &m;
    k->past.marks = 1;
    push_six(k, 5);
    HEARS(k, "t -1000", "t 0", "2@0", "t 1000", "f 0");
    kit_close(k);
}

TEST(other_packets_than_before_are_refused)
{
    struct mark m = applied();
    struct kit *k = kit_open(false, 1 << 30);
    m.sum[EVENTS_FILE]++;
    k->past.mark = &m;
    k->past.marks = 1;
    push_six(k, 5);
    HEARS(k, "t -1000", "!");
    assert_true(k->events.astray);
    kit_close(k);
}

TEST(fewer_packets_than_before_are_refused)
{
    struct mark m = applied();
    struct kit *k = kit_open(false, 1 << 30);
    k->past.mark = &m;
    k->past.marks = 1;
    push(k, 0, 0);
    push(k, 0, 1);
    events_file(&k->events);
    HEARS(k, "t -1000", "!");
    kit_close(k);
}

TEST(a_live_capture_drops_a_text_without_room_and_counts_it)
{
    struct kit  *k = kit_open(true, 1);
    struct text *x = NULL;
    push(k, 0, 0);
    events_clock(&k->events, 999 * MS);
    assert_string_equal(heard(k, NULL), "");
    events_clock(&k->events, 1000 * MS);
    assert_string_equal(heard(k, &x), "1@0");
    push(k, 1100 * MS, 0);
    push(k, 1100 * MS, 0);
    events_clock(&k->events, 2200 * MS);
    assert_int_equal(k->events.lost, 2);
    hand_give_back(&k->hand, x);
    push(k, 2300 * MS, 0);
    events_end(&k->events);
    HEARS(k, "t -1000", "t 0", "t 100", "t 1200", "1@0", "t 1300");
    assert_int_equal(k->events.lost, 2);
    kit_close(k);
}

static void push_part(struct kit *k, bool first)
{
    static const u8 ip[] = { 0x45, 0, 0, 44, 0, 9, 0x20, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 53 };
    u8              frame[58] = { [12] = 8 };
    memcpy(frame + 14, ip, sizeof ip);
    if (!first) frame[20] = 0, frame[21] = 3, frame[34] = 0xff;
    events_push(&k->events, &(struct frame){ 0, 58, 58, LINK_ETHERNET, frame }, 1);
}

TEST(a_later_fragment_goes_with_its_ports)
{
    struct kit       *k = kit_open(false, 1 << 30);
    struct text      *x = NULL;
    struct frame      f;
    struct frame_note note;
    push_part(k, true);
    push_part(k, false);
    events_file(&k->events);
    assert_string_equal(heard(k, &x), "2@0");
    u32 size = frames_next(slice_of(x->bytes, x->length), &f, &note);
    assert_false(note.ports);
    assert_int_not_equal(frames_next(slice_of(x->bytes + size, x->length - size), &f, &note), 0);
    assert_true(note.ports);
    assert_int_equal(note.src_port, 1000);
    assert_int_equal(note.dst_port, 53);
    hand_give_back(&k->hand, x);
    kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_ends_with_a_second_of_packet_time_and_with_its_file),
        cmocka_unit_test(a_full_text_ends),
        cmocka_unit_test(a_second_reading_passes_over_what_was_applied),
        cmocka_unit_test(other_packets_than_before_are_refused),
        cmocka_unit_test(fewer_packets_than_before_are_refused),
        cmocka_unit_test(a_live_capture_drops_a_text_without_room_and_counts_it),
        cmocka_unit_test(a_later_fragment_goes_with_its_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
