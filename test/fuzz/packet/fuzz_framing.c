/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_framing.c: any bytes as a capture file.
 *
 * Read whole and again in pieces, whose sizes the first byte chooses: the same frames, the same end, the same counts.
 * Each piece stands in memory of its own size, so that a read past it is seen. */
#include "packet/framing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What a reading comes to: all frames in one number. */
struct reading {
    u64                   hash;
    err                   end;
    struct framing_counts counts;
};

static void mix(u64 *hash, u64 n)
{
    *hash = (*hash ^ n) * 1099511628211u;
}

static void mix_frame(u64 *hash, const struct frame *f)
{
    WEIR_ASSERT(f->captured <= f->length && f->captured <= FRAMING_RECORD_MAX && f->time >= 0);
    mix(hash, (u64)f->time);
    mix(hash, f->length);
    mix(hash, f->captured);
    mix(hash, f->link);
    for (u32 i = 0; i < f->captured; i++) mix(hash, f->at[i]);
}

static struct reading read_pieces(slice text, size_t piece)
{
    struct reading      r = { .hash = 14695981039346656037u };
    struct framing     *f = framing_open();
    struct frame        frame;
    size_t              done = 0, here = 0, used = 0;
    enum framing_result last = FRAMING_MORE;
    while (last == FRAMING_MORE) {
        size_t begun = done;
        char  *own = malloc(here - begun + !(here - begun));
        WEIR_ASSERT(own != NULL);
        if (here > begun) memcpy(own, text.at + begun, here - begun);
        while ((last = framing_next(f, slice_of(own + (done - begun), here - done), &used, &frame)) == FRAMING_FRAME) {
            WEIR_ASSERT(used > 0 && used <= here - done);
            mix_frame(&r.hash, &frame);
            done += used;
        }
        done += used;
        free(own);
        if (here == text.len) break;
        here = text.len - here < piece ? text.len : here + piece;
    }
    WEIR_ASSERT((last == FRAMING_BAD) == err_is(framing_fault(f)));
    r.end = framing_end(f, text.len - done);
    r.counts = *framing_counts(f);
    framing_close(f);
    return r;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 1) return 0;
    slice          text = slice_of((const char *)data + 1, size - 1);
    struct reading whole = read_pieces(text, text.len + 1), parts = read_pieces(text, 1 + data[0] % 97);
    WEIR_ASSERT(whole.hash == parts.hash && whole.end.code == parts.end.code && whole.end.at == parts.end.at);
    WEIR_ASSERT(whole.end.what == parts.end.what);
    WEIR_ASSERT(memcmp(&whole.counts, &parts.counts, sizeof whole.counts) == 0);
    WEIR_ASSERT(!err_is(whole.end) || (whole.end.at >= 0 && (u64)whole.end.at <= text.len));
    return 0;
}
