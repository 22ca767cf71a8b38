/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_line.c: any layout, any text: every line is a row or a refusal, every byte is used once, all paths agree.
 *
 * Input: fields - 1 (modulo 16), the cut, then a byte a field (type, used), then text. The text is decoded twice: at
 * once by plain C, and in two pieces cut at a line's end by the fastest path; the values' hashes must be equal. */
#include "decode/line.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define FIELDS 16

struct shape {
    struct layout_field field[FIELDS];
    struct field        column[FIELDS];
    struct layout       layout;
    struct schema       schema;
};

/* What was seen of a text. */
struct sum {
    u64 rows, lines, hash;
    struct rejects bad;
};

static void mix(struct sum *s, const void *bytes, size_t len)
{
    const u8 *at = bytes;
    for (size_t i = 0; i < len; i++) s->hash = (s->hash ^ at[i]) * 0x100000001b3u;
}

static void shape_make(struct shape *s, const u8 *data, u32 fields)
{
    static const enum field_type types[] = { FIELD_U64, FIELD_F64,    FIELD_TIME,     FIELD_ADDR,
                                             FIELD_MAC, FIELD_STRING, FIELD_SAMPLING, FIELD_BINS };
    u32 used = 0;
    for (u32 i = 0; i < fields; i++) {
        enum field_type type = types[data[i] & 7];
        bool scaled = (type == FIELD_U64 || type == FIELD_F64 || type == FIELD_BINS) && (data[i] & 16);
        s->field[i] = (struct layout_field){
            .field = { .type = type, .bins = type == FIELD_BINS ? 1u + (data[i] >> 5) : 0 },
            .scale = scaled ? 1000 : 1,
            .used  = !(data[i] & 8),
            .slot  = used,
        };
        if (s->field[i].used) s->column[used++] = s->field[i].field;
    }
    s->layout = (struct layout){ .separator = ' ', .null = S("-"), .time = LAYOUT_NO_TIME, .fields = fields,
                                .field = s->field };
    s->schema = (struct schema){ 0, used, s->column };
}

static size_t cell_bytes(const struct field *f)
{
    switch (f->type) {
    case FIELD_ADDR: return sizeof(addr);
    case FIELD_SAMPLING: return sizeof(struct sampling);
    case FIELD_BINS: return f->bins * sizeof(u64);
    default: return sizeof(u64);
    }
}

static void batch_sum(struct sum *sum, const struct shape *s, const struct batch *b)
{
    WEIR_ASSERT(b->rows <= BATCH_ROWS && b->columns == s->schema.measures);
    sum->rows += b->rows;
    for (u32 r = 0; r < b->rows; r++)
        for (u32 c = 0; c < b->columns; c++) {
            size_t      bytes = cell_bytes(&s->column[c]);
            const char *cell  = (const char *)b->column[c].cells + r * bytes;
            bool        null  = column_null(&b->column[c], r);
            mix(sum, &null, 1);
            if (null) continue;
            if (s->column[c].type == FIELD_STRING) {
                const slice *text = (const slice *)b->column[c].cells + r;
                mix(sum, text->at, text->len);
            } else {
                mix(sum, cell, bytes);
            }
        }
}

/* Decodes a copy that ends where its memory ends; gives the bytes consumed. */
static size_t decode_some(struct decoder *d, const struct shape *s, slice text, u64 offset, bool last, struct sum *sum)
{
    char *room = malloc(text.len + 128);
    WEIR_ASSERT(room != NULL);
    memset(room, '3', text.len + 128);
    if (text.len > 0) memcpy(room + 64, text.at, text.len);
    size_t at = 0, used = 1;
    while (used > 0) {
        struct batch batch;
        decoder_line.decode(d, slice_of(room + 64 + at, text.len - at), offset + at, last, &batch, &sum->bad, &used,
            &sum->lines);
        batch_sum(sum, s, &batch);
        WEIR_ASSERT(used > 0 || batch.rows == 0);
        at += used;
    }
    WEIR_ASSERT(at <= text.len && (at == text.len || !last));
    WEIR_ASSERT(at == 0 || last || room[64 + at - 1] == '\n');
    free(room);
    return at;
}

static void sum_check(const struct sum *sum, slice text)
{
    u64 refused = 0, lines = 0;
    for (u32 i = 0; i < REASONS_MAX; i++) refused += sum->bad.count[i];
    for (size_t i = 0; i < text.len; i++) lines += text.at[i] == '\n' || i + 1 == text.len;
    WEIR_ASSERT(sum->rows + refused == sum->lines && sum->lines == lines);
    WEIR_ASSERT(sum->bad.kept == (refused < REJECTS_MAX ? refused : REJECTS_MAX));
    for (u32 i = 0; i < sum->bad.kept; i++) {
        const struct reject *r = &sum->bad.kept_at[i];
        WEIR_ASSERT(r->offset <= text.len && (r->offset == 0 || text.at[r->offset - 1] == '\n'));
        WEIR_ASSERT(i == 0 || (r->line > r[-1].line && r->offset > r[-1].offset));
        WEIR_ASSERT(decoder_line.reasons[r->reason] != NULL && r->sample + r->sample_len <= sum->bad.sampled);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct sum whole, cut;
    struct shape      s;
    if (size < 2 + FIELDS) return 0;
    u32   fields = 1 + data[0] % FIELDS;
    slice text = slice_of((const char *)data + 2 + FIELDS, size - 2 - FIELDS);
    shape_make(&s, data + 2, fields);
    memset(&whole, 0, sizeof whole);
    memset(&cut, 0, sizeof cut);
    struct decoder *plain, *fast;
    WEIR_ASSERT(!err_is(line_open(&plain, &s.layout, &s.schema, PATH_PLAIN)));
    WEIR_ASSERT(!err_is(line_open(&fast, &s.layout, &s.schema, path_best())));
    decode_some(plain, &s, text, 0, true, &whole);
    size_t first = decode_some(fast, &s, slice_of(text.at, text.len * data[1] / 256), 0, false, &cut);
    decode_some(fast, &s, slice_of(text.at + first, text.len - first), first, true, &cut);
    sum_check(&whole, text);
    sum_check(&cut, text);
    WEIR_ASSERT(whole.hash == cut.hash && whole.rows == cut.rows);
    WEIR_ASSERT(memcmp(whole.bad.count, cut.bad.count, sizeof cut.bad.count) == 0);
    decoder_line.close(plain);
    decoder_line.close(fast);
    return 0;
}
