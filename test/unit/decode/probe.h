/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h: a line decoder on text that ends where its memory ends, and cells as text, for the tests of this folder.
 *
 * The text is copied between two pads of 64 bytes and the chunk's memory is exactly that long, so an address sanitizer
 * sees every byte read beyond what the contract allows. The pads hold digits: a decoder that used them would be
 * wrong. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode/line.h"

#include <stdio.h>
#include <stdlib.h>

#define PROBE_FIELDS 160

/* A field of a layout; bins and scale 0 are none and 1. */
struct spec {
    enum field_type type;
    u32             bins;
    u64             scale;
    bool            skip;
};

struct probe {
    struct layout_field field[PROBE_FIELDS];
    struct field        column[PROBE_FIELDS];
    struct layout       layout;
    struct schema       schema;
    struct decoder     *decoder;
};

static inline err probe_try(struct probe *p, const struct spec *spec, u32 fields, slice null, enum path path)
{
    u32 used = 0;
    for (u32 i = 0; i < fields; i++) {
        p->field[i] = (struct layout_field){
            .field = { .type = spec[i].type, .bins = spec[i].bins },
            .scale = spec[i].scale ? spec[i].scale : 1,
            .used  = !spec[i].skip,
            .slot  = used,
        };
        if (!spec[i].skip) p->column[used++] = p->field[i].field;
    }
    p->layout = (struct layout){ .separator = ' ', .null = null, .time = LAYOUT_NO_TIME, .fields = fields,
                                 .field = p->field };
    p->schema = (struct schema){ .measures = used, .field = p->column };
    return line_open(&p->decoder, &p->layout, &p->schema, path);
}

static inline void probe_open(struct probe *p, const struct spec *spec, u32 fields, slice null, enum path path)
{
    err e = probe_try(p, spec, fields, null, path);
    if (err_is(e)) fail_msg("open: %s at %lld", e.what, (long long)e.at);
}

static inline void probe_close(struct probe *p)
{
    decoder_line.close(p->decoder);
}

/* A chunk's memory; free(chunk_room(text)) ends it. */
static inline slice chunk_make(slice text)
{
    char *room = malloc(text.len + 128);
    assert_non_null(room);
    memset(room, '7', 64);
    if (text.len > 0) memcpy(room + 64, text.at, text.len);
    memset(room + 64 + text.len, '7', 64);
    return slice_of(room + 64, text.len);
}

static inline void chunk_free(slice chunk)
{
    free((char *)(uintptr_t)(chunk.at - 64));
}

/* Text of a cell: the value in a form that is different for different values. */
static inline int cell_text(char *to, size_t room, const struct field *type, const struct column *c, u32 row)
{
    char       *hex = to;
    const u64  *u64s = c->cells;
    if (column_null(c, row)) return snprintf(to, room, "null");
    switch (type->type) {
    case FIELD_U64: return snprintf(to, room, "%llu", (unsigned long long)u64s[row]);
    case FIELD_MAC: return snprintf(to, room, "%012llx", (unsigned long long)u64s[row]);
    case FIELD_F64: return snprintf(to, room, "%.17g", ((const double *)c->cells)[row]);
    case FIELD_TIME: return snprintf(to, room, "%lld", (long long)((const nanos *)c->cells)[row]);
    case FIELD_STRING: {
        slice s = ((const slice *)c->cells)[row];
        return snprintf(to, room, "'%.*s'", (int)s.len, s.at);
    }
    case FIELD_ADDR:
        for (u32 i = 0; i < 16; i++) hex += sprintf(hex, "%02x", ((const addr *)c->cells)[row].b[i]);
        return 32;
    case FIELD_SAMPLING: {
        const struct sampling *s = (const struct sampling *)c->cells + row;
        return snprintf(to, room, "%llu:%llu:%llu:%llu+%llu", (unsigned long long)s->n, (unsigned long long)s->min,
                        (unsigned long long)s->max, (unsigned long long)s->sum_hi, (unsigned long long)s->sum_lo);
    }
    case FIELD_BINS:
        for (u32 i = 0; i < type->bins; i++)
            hex += sprintf(hex, "%llu,", (unsigned long long)u64s[(size_t)row * type->bins + i]);
        return (int)(hex - to);
    case FIELD_NET:
    case FIELD_TAG: break;
    }
    fail_msg("no text has this type");
    return 0;
}
