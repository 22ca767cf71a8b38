/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_packets.c: any text is packets, refusals and a rest; all columns are filled within their bounds, whatever the
 * frames are.
 *
 * Input: a mode, then bytes. Mode bit 0: the bytes are the text itself, damaged records and all; else they are cut into
 * frames (a length, a link type, a tunnel flag, then the frame), which become sound records. */
#include "packet/frames.h"
#include "packet/summary.h"
#include "weir/decoder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define COLUMNS_MAX 64
#define TEXT_MAX    (1u << 16)

static u64 string_sum(slice s)
{
    u64 sum = s.len;
    WEIR_ASSERT(s.len <= SUMMARY_MAX);
    for (size_t i = 0; i < s.len; i++) {
        WEIR_ASSERT(s.at[i] >= ' ' && s.at[i] <= '~');
        sum = sum * 31 + (u8)s.at[i];
    }
    return sum;
}

static void batch_check(const struct batch *out, const struct field *column)
{
    WEIR_ASSERT(out->rows <= BATCH_ROWS && out->time != NULL);
    for (u32 c = 0; c < out->columns; c++)
        for (u32 r = 0; r < out->rows; r++) {
            if (column_null(&out->column[c], r)) continue;
            if (column[c].type == FIELD_STRING) string_sum(((const slice *)out->column[c].cells)[r]);
        }
}

/* Sound records of the frames that the bytes are; gives their length. */
static size_t frames_make(char *text, const u8 *data, size_t size)
{
    static const u32 links[] = { LINK_ETHERNET, LINK_RAW, LINK_NULL, LINK_PPP, LINK_LINUX_SLL, LINK_LINUX_SLL2, 160 };
    size_t len = 0, at = 0;
    while (size - at > 3 && len < TEXT_MAX - FRAMES_RECORD_MAX) {
        u32 n = data[at], more = data[at + 2] >> 1;
        if (n > size - at - 3) n = (u32)(size - at - 3);
        struct frame      f = { (nanos)at, n + more, n, links[data[at + 1] % WEIR_COUNT(links)], data + at + 3 };
        struct frame_note note = { more & 1, 7, 8, { data[at + 2] & 1, 4 } };
        frames_put(text + len, &f, 96 + more, &note);
        len += frames_size(n, 96 + more);
        at += 3 + n;
    }
    return len;
}

static void decode_all(struct decoder *d, slice text, const struct field *column)
{
    static struct rejects bad;
    u64                   lines = 0, rows = 0, refused = 0;
    size_t                at = 0, used = 1;
    memset(&bad, 0, sizeof bad);
    while (at < text.len) {
        struct batch out;
        decoder_packets.decode(d, slice_of(text.at + at, text.len - at), at, true, &out, &bad, &used, &lines);
        WEIR_ASSERT(used > 0 && used <= text.len - at);
        batch_check(&out, column);
        rows += out.rows;
        at += used;
    }
    for (u32 i = 0; i < REASONS_MAX; i++) refused += bad.count[i];
    WEIR_ASSERT(rows + refused == lines && bad.sampled <= sizeof bad.samples);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct layout_field field[COLUMNS_MAX];
    struct field        column[COLUMNS_MAX];
    struct decoder     *d;
    u32                 n = 0;
    if (size < 1 || size > TEXT_MAX / 2) return 0;
    for (const struct decoder_column *c = decoder_packets.columns; c->name; c++, n++) {
        WEIR_ASSERT(n < COLUMNS_MAX);
        column[n] = (struct field){ .name = slice_str(c->name), .type = c->type };
        field[n] = (struct layout_field){ .field = column[n], .column = column[n].name, .scale = 1, .used = true,
                                          .slot = n };
    }
    struct layout layout = { .fields = n, .field = field };
    struct schema schema = { .measures = n, .field = column };
    WEIR_ASSERT(!err_is(decoder_packets.open(&d, &layout, &schema)));
    char  *text = malloc(TEXT_MAX);
    size_t len = size - 1;
    WEIR_ASSERT(text != NULL);
    if (data[0] & 1) memcpy(text, data + 1, len);
    else len = frames_make(text, data + 1, len);
    text = realloc(text, len + 1); /* so that its end is its memory's */
    decode_all(d, slice_of(text, len), column);
    free(text);
    decoder_packets.close(d);
    return 0;
}
