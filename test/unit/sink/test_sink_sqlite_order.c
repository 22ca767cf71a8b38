/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_sqlite_order.c: rows come out in SQLite's order of their keys, those of equal keys as they came in. */
#include "sink/sqlite_order.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROWS_MAX 4000u

/* Rows of two key cells and one more, their number; written all first, since the order lends their bytes. */
struct rows {
    struct row_writer w;
    size_t            start[ROWS_MAX];
    u32               count;
};

static void add_row(struct rows *r, const struct value *a, const struct value *b)
{
    assert_true(r->count < ROWS_MAX);
    r->start[r->count] = r->w.len;
    row_value(&r->w, a);
    row_value(&r->w, b);
    row_u64(&r->w, r->count++);
}

static void add_all(struct order *o, const struct rows *r)
{
    order_start(o, 2);
    for (u32 i = 0; i < r->count; i++) {
        struct value_reader at = { r->w.at + r->start[i], r->w.at + r->w.len };
        struct value unused;
        const u8 *cell[3] = { at.at };
        for (u32 k = 1; k < 3; k++) {
            assert_true(value_read(&at, &unused));
            cell[k] = at.at;
        }
        order_add(o, cell);
    }
    order_sort(o);
}

/* The number that the i-th row in order came with. */
static u64 number_at(const struct order *o, const struct rows *r, u32 i)
{
    struct value_reader at = { order_rest(o, i), r->w.at + r->w.len };
    struct value number;
    assert_true(value_read(&at, &number));
    return number.u;
}

/* Ascending but where a row says that it is equal to the one before. */
static const struct {
    struct value v;
    bool         equal;
    const char  *text; /* as the key is given out; NULL: a number */
} keys[] = {
    { { VALUE_F64, .f = -INFINITY }, false, NULL },
    { { VALUE_I64, .i = INT64_MIN }, false, NULL },
    { { VALUE_F64, .f = -0x1p63 }, true, NULL },
    { { VALUE_I64, .i = -2 }, false, NULL },
    { { VALUE_F64, .f = -1.5 }, false, NULL },
    { { VALUE_I64, .i = -1 }, false, NULL },
    { { VALUE_U64, .u = 0 }, false, NULL },
    { { VALUE_F64, .f = -0.0 }, true, NULL },
    { { VALUE_F64, .f = 0.5 }, false, NULL },
    { { VALUE_I64, .i = 7 }, false, NULL },
    { { VALUE_U64, .u = 7 }, true, NULL },
    { { VALUE_F64, .f = 7 }, true, NULL },
    { { VALUE_U64, .u = ((u64)1 << 53) + 1 }, false, NULL },
    { { VALUE_I64, .i = INT64_MAX }, false, NULL },
    { { VALUE_U64, .u = (u64)1 << 63 }, false, NULL },
    { { VALUE_U64, .u = ((u64)1 << 63) + 1 }, true, NULL }, /* the same double */
    { { VALUE_NULL }, false, "" },
    { { VALUE_F64, .f = NAN }, true, "" },
    { { VALUE_TEXT, .text = { "", 0 } }, true, "" },
    { { VALUE_TEXT, .text = { "\0", 1 } }, false, "" },
    { { VALUE_MAC, .u = 0x020000000001 }, false, "02:00:00:00:00:01" },
    { { VALUE_NET, .range = { { { [10] = 0xff, 0xff, 10, 0, 10, 0 } }, 120 } }, false, "10.0.10.0/24" },
    { { VALUE_NET, .range = { { { [10] = 0xff, 0xff, 10, 0, 9, 0 } }, 120 } }, false, "10.0.9.0/24" }, /* as text */
    { { VALUE_ADDR, .at = { { [10] = 0xff, 0xff, 10, 0, 9, 1 } } }, false, "10.0.9.1" },
    { { VALUE_TEXT, .text = { "10.0.9.1", 8 } }, true, "10.0.9.1" },
    { { VALUE_TEXT, .text = { "headquarters", 12 } }, false, "headquarters" },
    { { VALUE_TEXT, .text = { "headquarters-2", 14 } }, false, "headquarters-2" },
};
#define KEYS ((u32)WEIR_COUNT(keys))

static u32 rank_of(u32 key)
{
    u32 rank = 0;
    for (u32 i = 1; i <= key; i++) rank += !keys[i].equal;
    return rank;
}

static void every_kind_of_key_has_its_place(void **state)
{
    struct rows r = { 0 };
    struct order o = { 0 };
    for (u32 i = 0; i < KEYS * KEYS; i++) { /* all pairs, in an order that is none */
        u32 at = i * 331 % (KEYS * KEYS);
        add_row(&r, &keys[at / KEYS].v, &keys[at % KEYS].v);
    }
    add_all(&o, &r);
    assert_int_equal(o.rows, KEYS * KEYS);
    u64 last = 0, last_number = 0;
    for (u32 i = 0; i < o.rows; i++) {
        u64 number = number_at(&o, &r, i);
        u32 at = (u32)number * 331 % (KEYS * KEYS);
        u64 place = (u64)rank_of(at / KEYS) << 32 | rank_of(at % KEYS);
        if (i > 0) assert_true(place > last || (place == last && number > last_number));
        last = place, last_number = number;
        struct value v;
        order_value(&o, i, 1, &v);
        const char *text = keys[at % KEYS].text;
        assert_int_equal(v.kind == VALUE_TEXT, text != NULL);
        if (text != NULL && keys[at % KEYS].v.kind != VALUE_TEXT) assert_true(slice_eq(v.text, slice_str(text)));
        if (keys[at % KEYS].v.kind == VALUE_TEXT) assert_true(slice_eq(v.text, keys[at % KEYS].v.text));
        if (text == NULL && keys[at % KEYS].v.kind == VALUE_I64) assert_true(v.i == keys[at % KEYS].v.i);
        if (text == NULL) assert_true(v.kind == VALUE_I64 || value_cmp(&v, &keys[at % KEYS].v) == 0 || v.f == 0x1p63);
    }
    row_writer_fini(&r.w);
    order_fini(&o);
}

/* A run leaves nothing behind for the next, whatever its columns and size. */
static void runs_of_any_size_follow_each_other(void **state)
{
    static const u32 sizes[] = { 1, 3000, 2, 0, 700, 4000, 1 };
    struct order o = { 0 };
    u64 random = 5;
    for (u32 n = 0; n < WEIR_COUNT(sizes); n++) {
        struct rows r = { 0 };
        for (u32 i = 0; i < sizes[n]; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            struct value a = { VALUE_U64, .u = random >> 40 & 63 };
            struct value b = { VALUE_NET, .range = { { { [10] = 0xff, 0xff, 10, (u8)(random >> 50), 1, 0 } }, 120 } };
            add_row(&r, &a, &b);
        }
        add_all(&o, &r);
        assert_int_equal(o.rows, sizes[n]);
        struct value was[2], is[2];
        u64 sum = 0;
        for (u32 i = 0; i < o.rows; i++) {
            for (u32 k = 0; k < 2; k++) order_value(&o, i, k, &is[k]);
            int by = i == 0 ? -1 : value_cmp(&was[0], &is[0]) ? value_cmp(&was[0], &is[0]) : value_cmp(&was[1], &is[1]);
            assert_true(by < 0 || (by == 0 && number_at(&o, &r, i - 1) < number_at(&o, &r, i)));
            memcpy(was, is, sizeof is);
            sum += number_at(&o, &r, i);
        }
        assert_int_equal(sum, (u64)sizes[n] * (sizes[n] - (sizes[n] > 0)) / 2);
        row_writer_fini(&r.w);
    }
    order_fini(&o);
}

static void it_is_full_with_too_many_different_keys(void **state)
{
    struct row_writer w;
    struct order o = { 0 };
    row_writer_init(&w);
    for (u32 i = 0; i < ORDER_KEYS_MAX + 1; i++) row_u64(&w, (u64)1 << 40 | i);
    u32 each = (u32)(w.len / (ORDER_KEYS_MAX + 1));
    order_start(&o, 1);
    while (!order_full(&o)) {
        const u8 *cell[2] = { w.at + (size_t)o.rows * each, w.at + (size_t)(o.rows + 1) * each };
        order_add(&o, cell);
    }
    assert_int_equal(o.rows, ORDER_KEYS_MAX);
    order_start(&o, 1);
    while (!order_full(&o)) { /* few keys: more rows */
        const u8 *at = w.at + (size_t)(o.rows % 100) * each, *cell[2] = { at, at + each };
        order_add(&o, cell);
    }
    assert_int_equal(o.rows, ORDER_ROWS_MAX);
    row_writer_fini(&w);
    order_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_has_its_place),
        cmocka_unit_test(runs_of_any_size_follow_each_other),
        cmocka_unit_test(it_is_full_with_too_many_different_keys),
    };
    return cmocka_run_group_tests_name("sink_sqlite_order", tests, NULL, NULL);
}
