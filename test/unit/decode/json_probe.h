/* SPDX-License-Identifier: Apache-2.0 */
/* json_probe.h: a JSON decoder of a few columns on text that ends where its memory ends (probe.h). */
#pragma once

#include "../unit.h"
#include "probe.h"

#define JSON_COLUMNS 8

struct json_column {
    const char     *path;
    enum field_type type;
    u64             scale; /* 0: 1 */
};

struct json_probe {
    struct layout_field field[JSON_COLUMNS];
    struct field        column[JSON_COLUMNS];
    struct layout       layout;
    struct schema       schema;
    struct decoder     *decoder;
    struct batch        batch;
    struct rejects      bad;
    slice               chunk;
    size_t              used;
    u64                 lines;
};

static inline err json_try(struct json_probe *p, const struct json_column *column, u32 columns, u32 time)
{
    memset(p, 0, sizeof *p);
    for (u32 i = 0; i < columns; i++) {
        p->field[i] = (struct layout_field){ .field = { .type = column[i].type }, .column = slice_str(column[i].path),
                                             .scale = column[i].scale ? column[i].scale : 1, .used = true, .slot = i };
        p->column[i] = p->field[i].field;
    }
    p->layout = (struct layout){ .null = S("-"), .time = time, .fields = columns, .field = p->field };
    p->schema = (struct schema){ .measures = columns, .field = p->column };
    return decoder_json.open(&p->decoder, &p->layout, &p->schema);
}

static inline void json_probe_open(struct json_probe *p, const struct json_column *column, u32 columns, u32 time)
{
    err e = json_try(p, column, columns, time);
    if (err_is(e)) fail_msg("open: %s at %lld", e.what, (long long)e.at);
}

/* One call; the text lives until the next. Offsets begin with 1000, lines with 5. */
static inline void json_give(struct json_probe *p, slice text, bool last)
{
    if (p->chunk.at != NULL) chunk_free(p->chunk);
    p->chunk = chunk_make(text);
    memset(&p->bad, 0, sizeof p->bad);
    p->lines = 5;
    decoder_json.decode(p->decoder, p->chunk, 1000, last, &p->batch, &p->bad, &p->used, &p->lines);
}

static inline void json_probe_close(struct json_probe *p)
{
    if (p->chunk.at != NULL) chunk_free(p->chunk);
    decoder_json.close(p->decoder);
}

static inline const char *json_cell(struct json_probe *p, u32 column, u32 row, char *room, size_t size)
{
    assert_true(row < p->batch.rows);
    cell_text(room, size, &p->column[column], &p->batch.column[column], row);
    return room;
}

static inline u64 json_refused(const struct json_probe *p)
{
    u64 all = 0;
    for (u32 i = 0; i < REASONS_MAX; i++) all += p->bad.count[i];
    return all;
}

static inline int json_tests_skipped(void)
{
    printf("skipped: %s\n", decoder_json.missing);
    return 77;
}
