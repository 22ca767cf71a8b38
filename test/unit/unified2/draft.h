/* SPDX-License-Identifier: Apache-2.0 */
/* draft.h: unified2 files in the making: records written field by field. */
#pragma once

#include "../unit.h"
#include "unified2/reader.h"

#include <string.h>

#define DRAFT_MAX 65536u
#define SECOND    1763719200u

struct draft {
    u8     at[DRAFT_MAX];
    size_t len;
};

static inline void put_raw(struct draft *d, const void *bytes, size_t len)
{
    assert_true(d->len + len <= sizeof d->at);
    if (len) memcpy(d->at + d->len, bytes, len);
    d->len += len;
}

static inline void put_n(struct draft *d, u64 n, u32 width)
{
    for (u32 i = width; i-- > 0;) put_raw(d, &(u8){ (u8)(n >> 8 * i) }, 1);
}

static inline void put_zeros(struct draft *d, size_t count)
{
    for (size_t i = 0; i < count; i++) put_n(d, 0, 1);
}

static inline void put_header(struct draft *d, u32 type, u32 length)
{
    put_n(d, type, 4);
    put_n(d, length, 4);
}

/* 44 bytes behind which the type's own fields stand: ports 1024, 80, TCP, flags 32, 0, 1. */
static inline void put_common(struct draft *d, u32 id, u32 width)
{
    static const u32 words[] = { 483943, 2003, 3, 8, 15, 2 }; /* microsecond, sid, gid, revision, class, priority */
    put_n(d, 7, 4);
    put_n(d, id, 4);
    put_n(d, SECOND, 4);
    for (u32 i = 0; i < WEIR_COUNT(words); i++) put_n(d, words[i], 4);
    for (u32 i = 0; i < 2 * width; i++) put_n(d, i + 1, 1);
    put_n(d, 1024, 2);
    put_n(d, 80, 2);
    put_n(d, 6, 1);
    put_n(d, 32, 1);
    put_n(d, 0, 1);
    put_n(d, 1, 1);
}

static inline void put_event4(struct draft *d, u32 id)
{
    put_header(d, U2_EVENT, 52);
    put_common(d, id, 4);
}

static inline void put_packet_of(struct draft *d, u32 type, u32 id, const char *data)
{
    size_t len = strlen(data);
    put_header(d, type, 28 + (u32)len);
    const u32 words[] = { 7, id, SECOND, SECOND + 1, 5, 1, (u32)len };
    for (u32 i = 0; i < WEIR_COUNT(words); i++) put_n(d, words[i], 4);
    put_raw(d, data, len);
}

static inline void put_extra_of(struct draft *d, u32 id, u32 kind, const char *data)
{
    size_t len = strlen(data);
    put_header(d, U2_EXTRA, 32 + (u32)len);
    const u32 words[] = { 4, 32 + (u32)len, 7, id, SECOND, kind, 1, (u32)len + 8 };
    for (u32 i = 0; i < WEIR_COUNT(words); i++) put_n(d, words[i], 4);
    put_raw(d, data, len);
}

static inline slice text_of(const struct draft *d)
{
    return slice_of((const char *)d->at, d->len);
}

/* The record at the file's front. */
static inline struct u2_record first_record(const struct draft *d)
{
    struct u2_reader r;
    struct u2_record out;
    size_t           used;
    u2_reader_init(&r, 0, 0);
    assert_int_equal(u2_reader_next(&r, text_of(d), true, &used, &out), U2_RECORD);
    return out;
}
