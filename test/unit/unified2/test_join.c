/* SPDX-License-Identifier: Apache-2.0 */
/* test_join.c: what goes out with which event, when, and in which order. */
#include "draft.h"
#include "unified2/join.h"

#include <stdio.h>

#define TOLD_MAX 4096u

/* "1:pb " an event with a packet and a buffer; "p7 " a packet alone. */
struct sheet {
    struct u2_join_out out;
    char               text[TOLD_MAX];
    size_t             len;
};

static char letter(const struct u2_record *r)
{
    return "?epbxa"[r->kind];
}

static u32 id_of(const struct u2_record *r)
{
    struct u2_key k = { 0 };
    u2_key_read(r, &k);
    return k.id;
}

static void sheet_event(struct u2_join_out *out, const struct u2_joined *j)
{
    struct sheet *s = container_of(out, struct sheet, out);
    s->len += (size_t)sprintf(s->text + s->len, "%u:", id_of(j->event));
    for (u32 i = 0; i < j->count; i++) {
        assert_int_equal(id_of(&j->more[i]), id_of(j->event));
        s->text[s->len++] = letter(&j->more[i]);
    }
    s->text[s->len++] = ' ';
    s->text[s->len] = '\0';
    assert_ptr_equal(j->origin, s);
}

static void sheet_alone(struct u2_join_out *out, const struct u2_record *r, const void *origin)
{
    struct sheet *s = container_of(out, struct sheet, out);
    s->len += (size_t)sprintf(s->text + s->len, "%c%u ", letter(r), id_of(r));
}

static struct u2_join *sheet_open(struct sheet *s, struct u2_join_setup setup)
{
    *s = (struct sheet){ .out = { sheet_event, sheet_alone } };
    return u2_join_open(&setup, &s->out);
}

/* Records by letter and id: "e1 p1 x1". */
static void push(struct u2_join *j, struct sheet *s, const char *what, nanos now)
{
    char kind;
    u32  id;
    int  n;
    for (; sscanf(what, " %c%u%n", &kind, &id, &n) == 2; what += n) {
        struct draft d = { .len = 0 };
        if (kind == 'e') put_event4(&d, id);
        else if (kind == 'x') put_extra_of(&d, id, 9, "uri");
        else put_packet_of(&d, kind == 'b' ? U2_BUFFER : U2_PACKET, id, "frame");
        struct u2_record r = first_record(&d);
        u2_join_push(j, &r, s, now);
    }
}

TEST(join_gives_an_event_with_all_that_came_before_the_end_in_order_of_events)
{
    struct sheet    s;
    struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ 0 });
    push(j, &s, "e1 x1 p1 e2 p2 b1 p1 e3 p2", 0);
    assert_string_equal(s.text, "");
    assert_int_equal(u2_join_waiting(j), 3);
    u2_join_end(j);
    assert_string_equal(s.text, "1:xpbp 2:pp 3: ");
    assert_int_equal(u2_join_counts(j)->joined, 6);
    assert_int_equal(u2_join_counts(j)->bare, 1);
    u2_join_close(j);
}

TEST(join_lets_what_has_no_event_go_alone_at_once)
{
    struct sheet    s;
    struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ .events_max = 2 });
    push(j, &s, "p9 e1 e2 e3 p1 p3", 0);
    assert_string_equal(s.text, "p9 1: p1 ");
    u2_join_end(j);
    assert_string_equal(s.text, "p9 1: p1 2: 3:p ");
    assert_int_equal(u2_join_counts(j)->orphans, 2);
    u2_join_close(j);
}

TEST(join_gives_the_later_of_two_events_of_one_key_what_comes)
{
    struct sheet    s;
    struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ 0 });
    push(j, &s, "e1 p1 e1 p1 x1", 0);
    u2_join_end(j);
    assert_string_equal(s.text, "1:p 1:px ");
    u2_join_close(j);
}

TEST(join_lets_an_event_wait_no_longer_than_told)
{
    struct sheet    s;
    struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ .wait = 5 * NANOS_SECOND });
    push(j, &s, "e1 p1", 0);
    push(j, &s, "e2", 3 * NANOS_SECOND);
    u2_join_tick(j, 5 * NANOS_SECOND - 1);
    assert_string_equal(s.text, "");
    u2_join_tick(j, 5 * NANOS_SECOND);
    assert_string_equal(s.text, "1:p ");
    push(j, &s, "p2 p1", 7 * NANOS_SECOND);
    push(j, &s, "p2", 9 * NANOS_SECOND);
    assert_string_equal(s.text, "1:p p1 2:p p2 ");
    u2_join_close(j);
}

TEST(join_gives_the_oldest_out_when_memory_ends)
{
    struct sheet    s;
    struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ .bytes_max = 400 });
    push(j, &s, "e1 p1 e2 p2 p2 p2", 0);
    assert_string_equal(s.text, "1:p ");
    push(j, &s, "p2 p2 p2 p2 p2", 0);
    assert_true(u2_join_counts(j)->early >= 2);
    assert_int_equal(u2_join_waiting(j), 0);
    u2_join_close(j);
}

TEST(join_finds_every_event_of_a_full_ring_round_after_round)
{
    struct sheet    s;
    struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ .events_max = 64 });
    for (u32 i = 1; i <= 1000; i++) {
        char what[32];
        snprintf(what, sizeof what, "e%u p%u", i, i > 63 ? i - 63 : i); /* the oldest that waits */
        push(j, &s, what, 0);
        s.len = 0;
    }
    u2_join_end(j);
    assert_int_equal(u2_join_counts(j)->events, 1000);
    assert_int_equal(u2_join_counts(j)->joined, 1000);
    assert_int_equal(u2_join_counts(j)->orphans, 0);
    u2_join_close(j);
}

/* As the join does it, by looking at all that waits. */
struct model {
    struct { u32 id, count; char more[64]; } at[16];
    u32  waiting, most;
    char text[TOLD_MAX];
};

static void model_first(struct model *m)
{
    sprintf(m->text + strlen(m->text), "%u:%s ", m->at[0].id, m->at[0].more);
    memmove(m->at, m->at + 1, --m->waiting * sizeof m->at[0]);
}

static void model_push(struct model *m, char kind, u32 id)
{
    if (kind == 'e') {
        if (m->waiting == m->most) model_first(m);
        memset(&m->at[m->waiting], 0, sizeof m->at[0]);
        m->at[m->waiting++].id = id;
        return;
    }
    for (u32 i = m->waiting; i-- > 0;)
        if (m->at[i].id == id && m->at[i].count < sizeof m->at[i].more - 1) {
            m->at[i].more[m->at[i].count++] = kind;
            return;
        }
    sprintf(m->text + strlen(m->text), "%c%u ", kind, id);
}

TEST(join_gives_each_record_to_the_latest_of_its_key_however_they_are_mixed)
{
    u64 seed = 1;
    for (u32 round = 0; round < 200; round++) {
        struct sheet    s;
        struct model    m = { .most = 1 + round % 16 };
        struct u2_join *j = sheet_open(&s, (struct u2_join_setup){ .events_max = m.most });
        for (u32 i = 0; i < 200; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            char kind = "eepppxb"[(seed >> 33) % 7], what[32];
            u32  id = 1 + (u32)(seed >> 40) % (1 + round % 24);
            snprintf(what, sizeof what, "%c%u", kind, id);
            push(j, &s, what, 0);
            model_push(&m, kind, id);
            assert_int_equal(u2_join_waiting(j), m.waiting);
        }
        u2_join_end(j);
        while (m.waiting) model_first(&m);
        assert_string_equal(s.text, m.text);
        u2_join_close(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join_gives_an_event_with_all_that_came_before_the_end_in_order_of_events),
        cmocka_unit_test(join_lets_what_has_no_event_go_alone_at_once),
        cmocka_unit_test(join_gives_the_later_of_two_events_of_one_key_what_comes),
        cmocka_unit_test(join_lets_an_event_wait_no_longer_than_told),
        cmocka_unit_test(join_gives_the_oldest_out_when_memory_ends),
        cmocka_unit_test(join_finds_every_event_of_a_full_ring_round_after_round),
        cmocka_unit_test(join_gives_each_record_to_the_latest_of_its_key_however_they_are_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
