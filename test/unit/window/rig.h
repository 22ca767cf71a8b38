/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h: what the tests of windows stand on: two layouts (conversations between nets that carry their sites, and
 * sites), partials made of plain records, and rows read back as plain sums. */
#pragma once

#include "weir/rows.h"
#include "window/whole.h"
#include "window/window.h"

#include <stdio.h>
#include <stdlib.h>

#define SEC      NANOS_SECOND
#define SITES    7u /* 0: no site */
#define MEASURED 7u

/* A conversation: nets 10.<src>.0.0/16 and 10.<dst>.0.0/16 of the sites of the same number. */
struct talk {
    i64 second;
    u32 src, dst, protocol;
    u64 src_bytes, dst_bytes, src_min, dst_min, src_rtt, dst_rtt; /* min: absent if UINT64_MAX; rtt: absent if 0 */
};

/* What a row holds. */
struct sums {
    u64             records, conns, src_bytes, dst_bytes, src_min, dst_min;
    struct sampling src_rtt, dst_rtt;
};

struct rig {
    struct group_layout  raw, site;
    struct group_program fold; /* raw onto raw  */
    struct feed          same_raw, same_site, by_src, both;
};

enum { M_CONNS, M_SRC_BYTES, M_DST_BYTES, M_SRC_MIN, M_DST_MIN, M_SRC_RTT, M_DST_RTT };

#define RIG_MEASURES                                                        \
    { .type = FIELD_U64, .fold = FOLD_SUM, .mirror = FIELD_NO_MIRROR },     \
    { .type = FIELD_U64, .fold = FOLD_SUM, .mirror = M_DST_BYTES },         \
    { .type = FIELD_U64, .fold = FOLD_SUM, .mirror = M_SRC_BYTES },         \
    { .type = FIELD_U64, .fold = FOLD_MIN, .mirror = M_DST_MIN },           \
    { .type = FIELD_U64, .fold = FOLD_MIN, .mirror = M_SRC_MIN },           \
    { .type = FIELD_SAMPLING, .fold = FOLD_SAMPLING, .mirror = M_DST_RTT }, \
    { .type = FIELD_SAMPLING, .fold = FOLD_SAMPLING, .mirror = M_SRC_RTT }

static inline void rig_init(struct rig *r)
{
    static const struct field raw[] = { { .type = FIELD_NET },
                                        { .type = FIELD_NET },
                                        { .type = FIELD_U64 },
                                        { .type = FIELD_TAG },
                                        { .type = FIELD_TAG },
                                        RIG_MEASURES };
    static const struct field site[] = { { .type = FIELD_TAG }, RIG_MEASURES };
    static const u32          sites[] = { 3, 4 }; /* srcSite, dstSite in raw */
    err                       e = group_layout_init(&r->raw, 3, 2, MEASURED, raw);
    WEIR_ASSERT(!err_is(e));
    e = group_layout_init(&r->site, 1, 0, MEASURED, site);
    WEIR_ASSERT(!err_is(e));
    group_program_init(&r->fold, &r->raw, &r->raw, GROUP_STRAIGHT);
    feed_init(&r->same_raw, FEED_SAME, NULL, &r->raw, &r->raw);
    feed_init(&r->same_site, FEED_SAME, NULL, &r->site, &r->site);
    feed_init(&r->by_src, FEED_KEY, sites, &r->site, &r->raw);
    feed_init(&r->both, FEED_BOTH, sites, &r->site, &r->raw);
}

static inline void rig_fini(struct rig *r)
{
    group_layout_fini(&r->raw);
    group_layout_fini(&r->site);
}

/* --- making partials --- */

static inline void rig_put(u8 *row, u32 at, u64 v)
{
    memcpy(row + at, &v, sizeof v);
}

static inline u64 rig_get(const u8 *row, u32 at)
{
    u64 v;
    memcpy(&v, row + at, sizeof v);
    return v;
}

static inline u32 rig_word(struct groups *g, u32 site)
{
    char name[16];
    if (site == 0) return 0;
    return strings_add(&g->words, slice_of(name, (size_t)snprintf(name, sizeof name, "site-%u", site)));
}

static inline void rig_net(const struct group_column *c, u8 *row, u32 number)
{
    const u8 mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, (u8)number };
    memcpy(row + c->at, mapped, sizeof mapped);
    row[c->flag] = 112;
}

static inline void rig_measure(const struct group_layout *l, u8 *row, u32 m, u64 v)
{
    row[l->measure[m].present] = 1;
    rig_put(row, l->measure[m].at, v);
}

static inline void rig_sampling(const struct group_layout *l, u8 *row, u32 m, u64 v)
{
    if (v == 0) return;
    u32 at = l->measure[m].at;
    rig_put(row, at + offsetof(struct sampling, n), 1);
    rig_put(row, at + offsetof(struct sampling, min), v);
    rig_put(row, at + offsetof(struct sampling, max), v);
    rig_put(row, at + offsetof(struct sampling, sum_lo), v);
}

/* The record as a row of its own, key and measures. */
static inline void rig_row(struct rig *r, struct groups *g, const struct talk *t, u8 *row)
{
    const struct group_layout *l = &r->raw;
    memcpy(row, l->empty, l->size);
    ((struct group_row *)(void *)row)->start = nanos_floor(t->second * SEC, 60 * SEC);
    rig_net(&l->column[0], row, t->src);
    rig_net(&l->column[1], row, t->dst);
    rig_put(row, l->column[2].at, t->protocol);
    u32 words[2] = { rig_word(g, t->src), rig_word(g, t->dst) };
    memcpy(row + l->column[3].at, &words[0], sizeof words[0]);
    memcpy(row + l->column[4].at, &words[1], sizeof words[1]);
    rig_measure(l, row, M_CONNS, 1);
    rig_measure(l, row, M_SRC_BYTES, t->src_bytes);
    rig_measure(l, row, M_DST_BYTES, t->dst_bytes);
    if (t->src_min != UINT64_MAX) rig_measure(l, row, M_SRC_MIN, t->src_min);
    if (t->dst_min != UINT64_MAX) rig_measure(l, row, M_DST_MIN, t->dst_min);
    rig_sampling(l, row, M_SRC_RTT, t->src_rtt);
    rig_sampling(l, row, M_DST_RTT, t->dst_rtt);
}

/* Folds a record into a partial. */
static inline void rig_add(struct rig *r, struct groups *g, struct talk t)
{
    _Alignas(8) u8 row[1024];
    u32            i;
    u64            fresh;
    WEIR_ASSERT(r->raw.size <= sizeof row);
    rig_row(r, g, &t, row);
    groups_find_add(g, row + offsetof(struct group_row, start), 1, &i, &fresh);
    u8 *to = (u8 *)groups_row_write(g, i);
    if (fresh) memcpy(to + r->raw.key_end, row + r->raw.key_end, r->raw.fixed_end - r->raw.key_end);
    ((struct group_row *)(void *)to)->records++;
    groups_merge_row(&r->fold, to, row);
}

/* A talk where only place and bytes matter. */
static inline struct talk rig_talk(i64 second, u32 src, u32 dst, u64 src_bytes, u64 dst_bytes)
{
    return (struct talk){ second, src, dst, 6, src_bytes, dst_bytes, UINT64_MAX, UINT64_MAX, 0, 0 };
}

/* Pushes the records as one partial. */
static inline struct window_push_counts rig_push(struct rig *r, struct window *w, const struct feed *f,
                                                 const struct talk *talk, u32 n)
{
    struct window_push_counts counts = { 0 };
    struct groups             partial;
    groups_init(&partial, &r->raw, 1u << 20);
    for (u32 i = 0; i < n; i++) rig_add(r, &partial, talk[i]);
    window_push(w, f, &partial, &counts);
    groups_fini(&partial);
    return counts;
}

static inline struct window_push_counts rig_push1(struct rig *r, struct window *w, struct talk talk)
{
    return rig_push(r, w, &r->same_raw, &talk, 1);
}

/* --- reading back --- */

static inline struct sums rig_sums(const struct groups *g, u32 i)
{
    const struct group_row     *row = groups_row(g, i);
    const struct group_measure *m = g->layout->measure;
    const u8                   *at = (const u8 *)row;
    struct sums s = { row->records, rig_get(at, m[M_CONNS].at), rig_get(at, m[M_SRC_BYTES].at),
                      rig_get(at, m[M_DST_BYTES].at), rig_get(at, m[M_SRC_MIN].at), rig_get(at, m[M_DST_MIN].at) };
    memcpy(&s.src_rtt, at + m[M_SRC_RTT].at, sizeof s.src_rtt);
    memcpy(&s.dst_rtt, at + m[M_DST_RTT].at, sizeof s.dst_rtt);
    return s;
}

/* Key and carried columns as text with a bar between, "-" for null. */
static inline void rig_key(const struct groups *g, u32 i, char *out, size_t room)
{
    size_t n = 0;
    for (u32 c = 0; c < g->layout->keys + g->layout->carried; c++) {
        struct value v;
        char         buf[VALUE_TEXT_ROOM];
        groups_value(g, groups_row(g, i), c, &v);
        slice text = v.kind == VALUE_NULL ? S("-") : value_text(&v, buf);
        n += (size_t)snprintf(out + n, room - n, "%s%.*s", c ? "|" : "", (int)text.len, text.at);
        WEIR_ASSERT(n < room);
    }
}

/* The row with this start and key text; UINT32_MAX if there is none. */
static inline u32 rig_find(const struct groups *g, i64 second, const char *key)
{
    char text[256];
    for (u32 i = 0; i < groups_count(g); i++) {
        rig_key(g, i, text, sizeof text);
        if (groups_row(g, i)->start == second * SEC && strcmp(text, key) == 0) return i;
    }
    return UINT32_MAX;
}

static inline struct window *rig_window_parts(const struct group_layout *l, i64 length, i64 lateness, u32 groups_max,
                                              u32 panes_max, u32 op, struct strings *parts)
{
    struct window *w;
    err            e = window_open(
        &w, &(struct window_spec){ length * SEC, lateness * SEC, groups_max, panes_max, l, op, parts });
    WEIR_ASSERT(!err_is(e));
    return w;
}

static inline struct window *rig_window(const struct group_layout *l, i64 length, i64 lateness, u32 groups_max,
                                        u32 panes_max, u32 op)
{
    return rig_window_parts(l, length, lateness, groups_max, panes_max, op, NULL);
}

/* The number of part "t/<n>"; 0: of the one without a name. */
static inline u32 rig_part(struct strings *names, u32 n)
{
    char name[16];
    return n ? strings_add(names, slice_of(name, (size_t)snprintf(name, sizeof name, "t/%u", n))) : 0;
}

/* A small random number generator, so that runs repeat. */
static inline u32 rig_random(u64 *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (u32)(*state >> 33);
}

static inline struct talk rig_random_talk(u64 *state, i64 from, i64 span)
{
    struct talk t = { from + rig_random(state) % span, rig_random(state) % SITES, rig_random(state) % SITES,
                      6 + 11 * (rig_random(state) % 2), rig_random(state) % 1500, rig_random(state) % 1500,
                      40 + rig_random(state) % 1000, UINT64_MAX, rig_random(state) % 50, 0 };
    if (rig_random(state) % 2) t.dst_min = 40 + rig_random(state) % 1000;
    if (rig_random(state) % 2) t.dst_rtt = rig_random(state) % 50;
    return t;
}
