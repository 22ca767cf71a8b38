/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_text.c: texts: tests, changes, and values to and from text. Only rows with a value are looked at.
 *
 * Texts that are made live in the run's arena until its next batch. */
#include "expr/kernel.h"
#include "expr/times.h"

#include <stdio.h>

#define EACH(n, g) for (u32 i = 0; i < (n); i++) if (!is_null(g, i))

/* --- tests --- */

static bool contains(slice s, slice part)
{
    return part.len == 0 || (s.len >= part.len && memmem(s.at, s.len, part.at, part.len) != NULL);
}

#define TEST_TEXT(name, test)                                                 \
    static void name(struct expr_run *r, const struct op *o)                  \
    {                                                                         \
        struct reg  *g = reg_begin(r, o);                                     \
        const slice *a = reg_a(r, o)->cells, *b = reg_b(r, o)->cells;         \
        u32          x = reg_a(r, o)->step, y = reg_b(r, o)->step;            \
        u64         *out = g->cells;                                          \
        nulls_join(r, g, reg_a(r, o), reg_b(r, o));                           \
        memset(out, 0, words_of(r->rows) * sizeof *out);                      \
        EACH(r->rows, g) out[i >> 6] |= (u64)test(a[i * x], b[i * y]) << (i & 63); \
    }

TEST_TEXT(starts, slice_starts)
TEST_TEXT(ends, slice_ends)
TEST_TEXT(holds, contains)

/* --- changes --- */

static void length(struct expr_run *r, const struct op *o)
{
    struct reg  *g = reg_begin(r, o);
    const slice *a = reg_a(r, o)->cells;
    u64         *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    EACH(r->rows, g) out[i] = a[i].len;
}

static slice lowered(struct arena *texts, slice s)
{
    char *copy = arena_str(texts, s);
    for (size_t k = 0; k < s.len; k++)
        if (copy[k] >= 'A' && copy[k] <= 'Z') copy[k] = (char)(copy[k] | 0x20);
    return slice_of(copy, s.len);
}

static void lower(struct expr_run *r, const struct op *o)
{
    struct reg  *g = reg_begin(r, o);
    const slice *a = reg_a(r, o)->cells;
    slice       *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    EACH(r->rows, g) out[i] = lowered(r->texts, a[i]);
}

/* --- from text: what is no number is null --- */

static void text_u64(struct expr_run *r, const struct op *o)
{
    struct reg  *g = reg_begin(r, o);
    const slice *a = reg_a(r, o)->cells;
    u64         *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    EACH(r->rows, g)
        if (!slice_u64(a[i], &out[i])) nulls_own(g)[i >> 6] |= (u64)1 << (i & 63);
}

static void text_f64(struct expr_run *r, const struct op *o)
{
    struct reg  *g = reg_begin(r, o);
    const slice *a = reg_a(r, o)->cells;
    f64         *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    EACH(r->rows, g)
        if (!f64_parse(a[i], &out[i])) nulls_own(g)[i >> 6] |= (u64)1 << (i & 63);
}

/* --- to text --- */

static size_t write_u64(const u64 *v, char *buf) { return (size_t)sprintf(buf, "%llu", (unsigned long long)*v); }
static size_t write_i64(const i64 *v, char *buf) { return (size_t)sprintf(buf, "%lld", (long long)*v); }
static size_t write_f64(const f64 *v, char *buf) { return f64_format(*v, buf); }
static size_t write_time(const i64 *v, char *buf) { return time_format(*v, buf); }
static size_t write_mac(const u64 *v, char *buf) { return mac_format(*v, buf); }
static size_t write_addr(const addr *v, char *buf) { return addr_format(v, buf); }
static size_t write_net(const net *v, char *buf) { return net_format(v, buf); }

#define TO_TEXT(name, T, write)                                               \
    static void name(struct expr_run *r, const struct op *o)                  \
    {                                                                         \
        struct reg *g = reg_begin(r, o);                                      \
        const T    *a = reg_a(r, o)->cells;                                   \
        slice      *out = g->cells;                                           \
        char        buf[64];                                                  \
        nulls_join(r, g, reg_a(r, o), NULL);                                  \
        EACH(r->rows, g) out[i] = arena_copy(r->texts, slice_of(buf, write(&a[i], buf))); \
    }

TO_TEXT(u64_text, u64, write_u64)
TO_TEXT(i64_text, i64, write_i64)
TO_TEXT(f64_text, f64, write_f64)
TO_TEXT(time_text, i64, write_time)
TO_TEXT(mac_text, u64, write_mac)
TO_TEXT(addr_text, addr, write_addr)
TO_TEXT(net_text, net, write_net)

static void bits_text(struct expr_run *r, const struct op *o)
{
    struct reg *g = reg_begin(r, o);
    const u64  *a = reg_a(r, o)->cells;
    slice      *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    EACH(r->rows, g) out[i] = bit(a, i) ? S("true") : S("false");
}

static void text_text(struct expr_run *r, const struct op *o)
{
    struct reg  *g = reg_begin(r, o);
    const slice *a = reg_a(r, o)->cells;
    slice       *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    EACH(r->rows, g) out[i] = a[i];
}

const struct kernels text_kernels[NODES] = {
    [NODE_STARTS] = { { [KIND_TEXT] = starts } },
    [NODE_ENDS] = { { [KIND_TEXT] = ends } },
    [NODE_CONTAINS] = { { [KIND_TEXT] = holds } },
    [NODE_LENGTH] = { { [KIND_TEXT] = length } },
    [NODE_LOWER] = { { [KIND_TEXT] = lower } },
    [NODE_TO_U64] = { { [KIND_TEXT] = text_u64 } },
    [NODE_TO_F64] = { { [KIND_TEXT] = text_f64 } },
    [NODE_TO_TEXT] = { { [KIND_BOOL] = bits_text, [KIND_U64] = u64_text, [KIND_I64] = i64_text, [KIND_F64] = f64_text,
                         [KIND_TIME] = time_text, [KIND_MAC] = mac_text, [KIND_ADDR] = addr_text, [KIND_NET] = net_text,
                         [KIND_TEXT] = text_text } },
};
