/* SPDX-License-Identifier: Apache-2.0 */
/* test_inflate.c: packed bytes in any portions give the text; what is damaged says so and gives no more. */
#include "shim/inflate.h"
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT 200000u

struct packed {
    char   bytes[2 * TEXT];
    size_t len;
};

static void text_make(char *text, u32 seed)
{
    for (u32 i = 0; i < TEXT; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = i % 40 == 39 ? '\n' : (char)('a' + (seed >> 28));
    }
}

static void pack_gzip(struct packed *p, const char *text, size_t len)
{
    z_stream z = { .zalloc = NULL };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)p->bytes + p->len;
    z.avail_out = (uInt)(sizeof p->bytes - p->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    p->len += z.total_out;
    deflateEnd(&z);
}

static void pack_zstd(struct packed *p, const char *text, size_t len)
{
    size_t n = ZSTD_compress(p->bytes + p->len, sizeof p->bytes - p->len, text, len, 3);
    assert_false(ZSTD_isError(n));
    p->len += n;
}

/* All that can be had, fed `in` and taken `out` bytes at a time. */
static size_t unpack(const struct packed *p, size_t in, size_t out, char *to, size_t room, bool *whole,
                     const char **why)
{
    bool                sure;
    size_t              at = 0, made_all = 0, fed = 0;
    enum inflate_format f = inflate_format_of(slice_of(p->bytes, p->len), &sure);
    struct inflate     *z = inflate_open(f);
    assert_true(sure);
    for (*why = NULL;;) {
        size_t used, made, left = room - made_all, take = out < left ? out : left;
        fed = at + in < p->len ? at + in : p->len;
        bool sound = inflate_step(z, slice_of(p->bytes + at, fed - at), &used, to + made_all, take, &made, why);
        at += used;
        made_all += made;
        if (!sound || (used == 0 && made == 0)) break;
    }
    *whole = inflate_whole(z);
    inflate_close(z);
    return made_all;
}

static void check(const struct packed *p, const char *text, size_t len)
{
    static const size_t portions[][2] = { { 1, 1 }, { 7, 100000 }, { 100000, 3 }, { 4096, 4096 },
                                          { 1 << 20, 1 << 20 } };
    char               *out = malloc(4 * TEXT);
    assert_non_null(out);
    for (size_t i = 0; i < WEIR_COUNT(portions); i++) {
        const char *why;
        bool        whole;
        size_t      n = unpack(p, portions[i][0], portions[i][1], out, 4 * TEXT, &whole, &why);
        assert_null(why);
        assert_true(whole);
        assert_int_equal(n, len);
        assert_memory_equal(out, text, len);
    }
    free(out);
}

TEST(inflate_gives_the_text_in_any_portions)
{
    static char          text[TEXT];
    static struct packed p;
    text_make(text, 1);
    p.len = 0;
    pack_gzip(&p, text, TEXT);
    check(&p, text, TEXT);
    p.len = 0;
    pack_zstd(&p, text, TEXT);
    check(&p, text, TEXT);
}

TEST(inflate_reads_members_one_behind_the_other)
{
    static char          text[TEXT];
    static struct packed p;
    text_make(text, 2);
    p.len = 0;
    pack_gzip(&p, text, 1000);
    pack_gzip(&p, text + 1000, 0);
    pack_gzip(&p, text + 1000, TEXT - 1000);
    memset(p.bytes + p.len, 0, 512);
    p.len += 512;
    check(&p, text, TEXT);
    p.len = 0;
    pack_zstd(&p, text, 1000);
    pack_zstd(&p, text + 1000, 0);
    memcpy(p.bytes + p.len, "\x51\x2a\x4d\x18\x03\0\0\0abc", 11); /* a frame to be skipped */
    p.len += 11;
    pack_zstd(&p, text + 1000, TEXT - 1000);
    check(&p, text, TEXT);
}

static void check_cut(struct packed *p, const char *text)
{
    static char out[TEXT];
    const char *why;
    bool        whole;
    p->len /= 2;
    size_t n = unpack(p, 4096, 4096, out, TEXT, &whole, &why);
    assert_null(why);
    assert_false(whole);
    assert_true(n < TEXT);
    assert_memory_equal(out, text, n);
}

TEST(inflate_says_that_the_input_ends_inside_a_member)
{
    static char          text[TEXT];
    static struct packed p;
    text_make(text, 3);
    p.len = 0;
    pack_gzip(&p, text, TEXT);
    check_cut(&p, text);
    p.len = 0;
    pack_zstd(&p, text, TEXT);
    check_cut(&p, text);
}

TEST(inflate_refuses_damage_and_what_stands_behind_the_end)
{
    static char          text[TEXT], out[TEXT + 8192];
    static struct packed p;
    const char          *why;
    bool                 whole;
    text_make(text, 4);
    p.len = 0;
    pack_gzip(&p, text, TEXT);
    p.bytes[p.len - 8] ^= 1; /* of the check sum */
    unpack(&p, 4096, 4096, out, sizeof out, &whole, &why);
    assert_string_equal(why, "damaged gzip data");
    p.len = 0;
    pack_gzip(&p, text, 10);
    memcpy(p.bytes + p.len, "garbage", 7);
    p.len += 7;
    assert_int_equal(unpack(&p, 4096, 4096, out, TEXT, &whole, &why), 10);
    assert_string_equal(why, "damaged gzip data");
    p.len = 0;
    pack_zstd(&p, text, 10);
    memcpy(p.bytes + p.len, "garbage", 7);
    p.len += 7;
    assert_int_equal(unpack(&p, 4096, 4096, out, TEXT, &whole, &why), 10);
    assert_string_equal(why, "damaged Zstandard data, or a window of more than 128 MiB");
}

TEST(inflate_bears_any_flipped_byte)
{
    static char          text[TEXT], out[TEXT];
    static struct packed p;
    text_make(text, 5);
    for (u32 kind = 0; kind < 2; kind++) {
        p.len = 0;
        if (kind) pack_zstd(&p, text, 3000);
        else pack_gzip(&p, text, 3000);
        for (size_t i = 4; i < p.len; i++) {
            const char *why;
            bool        whole;
            p.bytes[i] ^= (char)(1 + i % 255);
            unpack(&p, 1 << 20, 1 << 20, out, TEXT, &whole, &why);
            p.bytes[i] ^= (char)(1 + i % 255);
        }
    }
}

TEST(inflate_tells_formats_by_their_first_bytes)
{
    static const struct {
        slice               begin;
        enum inflate_format format;
        bool                sure;
    } rows[] = {
        { S(""), INFLATE_NONE, false },
        { S("{"), INFLATE_NONE, true },
        { S("\x1f"), INFLATE_NONE, false },
        { S("\x1f\x8b"), INFLATE_GZIP, true }, { S("\x1f{"), INFLATE_NONE, true },    { S("("), INFLATE_NONE, false },
        { S("\x28\xb5\x2f"), INFLATE_NONE, false }, { S("\x28\xb5\x2f\xfd"), INFLATE_ZSTD, true },
        { S("\x28\xb5\x2f\xfe"), INFLATE_NONE, true },
        { S("P"), INFLATE_NONE, false },
        { S("Post"), INFLATE_NONE, true },
        { S("\x5f\x2a\x4d\x18"), INFLATE_ZSTD, true }, { S("\x5f\x2a\x4d\x18zz"), INFLATE_ZSTD, true },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        bool sure;
        assert_int_equal(inflate_format_of(rows[i].begin, &sure), rows[i].format);
        assert_int_equal(sure, rows[i].sure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inflate_gives_the_text_in_any_portions),
        cmocka_unit_test(inflate_reads_members_one_behind_the_other),
        cmocka_unit_test(inflate_says_that_the_input_ends_inside_a_member),
        cmocka_unit_test(inflate_refuses_damage_and_what_stands_behind_the_end),
        cmocka_unit_test(inflate_bears_any_flipped_byte),
        cmocka_unit_test(inflate_tells_formats_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
