/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_unified2_frames.c: any text is alerts, refusals and a rest; any unified2 file becomes sound records whose texts
 * are strings.
 *
 * Input: a mode, then bytes. Mode bit 0: the bytes are the text itself, damaged records and all; else they are a
 * unified2 file, whose records are joined four by four. Bit 1: with the line of JSON. */
#include "unified2/frames.h"
#include "unified2/reader.h"
#include "weir/decoder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define COLUMNS_MAX 96
#define SIZE_MAX_   (1u << 15)
#define JOINED      4u

static void batch_check(const struct batch *out, const struct field *column, slice text)
{
    WEIR_ASSERT(out->rows <= BATCH_ROWS && out->time != NULL);
    for (u32 c = 0; c < out->columns; c++)
        for (u32 r = 0; r < out->rows; r++) {
            if (column_null(&out->column[c], r) || column[c].type != FIELD_STRING) continue;
            slice s = ((const slice *)out->column[c].cells)[r];
            bool  inside = s.at >= text.at && s.len <= text.len && s.at + s.len <= text.at + text.len;
            WEIR_ASSERT(s.at != NULL && (inside || s.len < 16));
            WEIR_ASSERT(s.len <= STRING_BYTES_MAX || slice_is(column[c].name, "json"));
            if (s.len) WEIR_ASSERT(memchr(s.at, 0, s.len) == NULL || inside);
        }
}

/* Whole records of the file, joined; given. */
static char *frames_make(const u8 *data, size_t size, u32 texts, size_t *len)
{
    struct u2_framing how = { .texts = texts };
    struct u2_reader  reader;
    struct u2_record  r[JOINED];
    char             *text = NULL;
    size_t            at = 0, used = 0;
    u32               n = 0;
    enum u2_result    got;
    u2_reader_init(&reader, 0, 0);
    do {
        got = u2_reader_next(&reader, slice_of((const char *)data + at, size - at), true, &used, &r[n]);
        at += used;
        bool joins = got == U2_RECORD && n > 0 && r[n].kind != U2_KIND_EVENT && r[n].kind != U2_KIND_APPS;
        if (n > 0 && (!joins || n + 1 == JOINED)) {
            struct u2_joined j = { .event = &r[0], .more = &r[1], .count = n - 1 };
            bool             cut;
            size_t           bound = u2_frames_bound(&how, &j);
            j.count = u2_frames_fit(&how, &j);
            WEIR_ASSERT(bound <= U2_FRAME_MAX && (text = realloc(text, *len + bound)) != NULL);
            u32 frame = u2_frames_put(&how, &j, text + *len, &cut);
            WEIR_ASSERT(frame <= bound && !cut);
            *len += frame;
            r[0] = r[n];
            n = 0;
        }
        n += got == U2_RECORD;
    } while (got != U2_END && got != U2_FOREIGN && got != U2_MORE);
    return text;
}

static void decode_all(struct decoder *d, slice text, const struct field *column, bool sound)
{
    static struct rejects bad;
    u64                   lines = 0, rows = 0, refused = 0;
    size_t                at = 0, used = 1;
    memset(&bad, 0, sizeof bad);
    while (at < text.len) {
        struct batch out;
        decoder_unified2.decode(d, slice_of(text.at + at, text.len - at), at, true, &out, &bad, &used, &lines);
        WEIR_ASSERT(used > 0 && used <= text.len - at);
        batch_check(&out, column, text);
        rows += out.rows;
        at += used;
    }
    for (u32 i = 0; i < REASONS_MAX; i++) refused += bad.count[i];
    WEIR_ASSERT(rows + refused == lines && bad.sampled <= sizeof bad.samples && !(sound && refused));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct layout_field field[COLUMNS_MAX];
    struct field        column[COLUMNS_MAX];
    struct decoder     *d;
    u32                 n = 0;
    if (size < 1 || size > SIZE_MAX_) return 0;
    for (const struct decoder_column *c = decoder_unified2.columns; c->name; c++, n++) {
        WEIR_ASSERT(n < COLUMNS_MAX);
        column[n] = (struct field){ .name = slice_str(c->name), .type = c->type };
        field[n] = (struct layout_field){ .field = column[n], .column = column[n].name, .scale = 1, .used = true,
                                          .slot = n };
    }
    struct layout layout = { .fields = n, .field = field };
    struct schema schema = { .measures = n, .field = column };
    WEIR_ASSERT(!err_is(decoder_unified2.open(&d, &layout, &schema)));
    bool   raw = data[0] & 1;
    u32    texts = data[0] & 2 ? ~0u : ~(1u << U2_T_JSON);
    size_t len = raw ? size - 1 : 0;
    char  *text = raw ? malloc(len + 1) : frames_make(data + 1, size - 1, texts, &len);
    if (raw) memcpy(text, data + 1, len);
    if (len) {
        text = realloc(text, len); /* so that its end is its memory's */
        WEIR_ASSERT(text != NULL);
        decode_all(d, slice_of(text, len), column, !raw);
    }
    free(text);
    decoder_unified2.close(d);
    return 0;
}
