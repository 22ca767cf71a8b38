/* SPDX-License-Identifier: Apache-2.0 */
/* framing.c: which format the first bytes announce, and what both formats share.
 *
 * What is no capture is told in words that say what to do, where the first bytes betray what it is instead. */
#include "packet/formats.h"

#include <stdlib.h>

#define MAGIC    4u /* bytes that tell the formats apart */
#define MODIFIED "pcap in Kuznetzov's modified format is not supported: editcap converts it"

struct announcement {
    u8          size, bytes[MAGIC];
    next_fn    *begin; /* NULL: what says why not */
    const char *what;
};

static const struct announcement announcements[] = {
    { 4, { 0xd4, 0xc3, 0xb2, 0xa1 }, pcap_begin, NULL },
    { 4, { 0xa1, 0xb2, 0xc3, 0xd4 }, pcap_begin, NULL },
    { 4, { 0x4d, 0x3c, 0xb2, 0xa1 }, pcap_begin, NULL }, /* nanoseconds */
    { 4, { 0xa1, 0xb2, 0x3c, 0x4d }, pcap_begin, NULL },
    { 4, { 0x0a, 0x0d, 0x0d, 0x0a }, pcapng_next, NULL }, /* the same in both orders */
    { 4, { 0x34, 0xcd, 0xb2, 0xa1 }, NULL, MODIFIED },
    { 4, { 0xa1, 0xb2, 0xcd, 0x34 }, NULL, MODIFIED },
    { 4, { 's', 'n', 'o', 'o' }, NULL, "a snoop capture, not pcap or pcapng: editcap converts it" },
    { 2, { 0x1f, 0x8b }, NULL, "compressed with gzip: use `zcat FILE | weir p2 -r -`" },
    { 4, { 0x28, 0xb5, 0x2f, 0xfd }, NULL, "compressed with zstd: use `zstdcat FILE | weir p2 -r -`" },
    { 4, { 0xfd, '7', 'z', 'X' }, NULL, "compressed with xz: use `xzcat FILE | weir p2 -r -`" },
    { 3, { 'B', 'Z', 'h' }, NULL, "compressed with bzip2: use `bzcat FILE | weir p2 -r -`" },
    { 4, { 0x04, 0x22, 0x4d, 0x18 }, NULL, "compressed with lz4: use `lz4cat FILE | weir p2 -r -`" },
};

struct framing *framing_open(void)
{
    struct framing *f = calloc(1, sizeof *f);
    WEIR_ASSERT(f != NULL);
    return f;
}

void framing_close(struct framing *f)
{
    if (f == NULL) return;
    free(f->interfaces);
    free(f);
}

static enum framing_result failed_next(struct framing *f, slice text, size_t *used, struct frame *out)
{
    return FRAMING_BAD;
}

enum framing_result framing_fail(struct framing *f, const char *what, u64 at)
{
    f->fault = err_data(what, (i64)at);
    f->next = failed_next;
    f->some = NULL;
    return FRAMING_BAD;
}

static enum framing_result announced(struct framing *f, slice text)
{
    if (text.len < MAGIC) return FRAMING_MORE;
    for (size_t i = 0; i < WEIR_COUNT(announcements); i++) {
        const struct announcement *a = &announcements[i];
        if (memcmp(text.at, a->bytes, a->size) != 0) continue;
        if (a->begin == NULL) return framing_fail(f, a->what, 0);
        f->next = a->begin;
        return FRAMING_FRAME;
    }
    return framing_fail(f, "neither pcap nor pcapng by its first bytes", 0);
}

enum framing_result framing_next(struct framing *f, slice text, size_t *used, struct frame *out)
{
    *used = 0;
    if (__builtin_expect(f->next == NULL, 0)) {
        enum framing_result r = announced(f, text);
        if (r != FRAMING_FRAME) return r;
    }
    enum framing_result r = f->next(f, text, used, out);
    WEIR_ASSERT(*used <= text.len);
    f->at += *used;
    f->counts.frames += r == FRAMING_FRAME;
    return r;
}

u32 framing_some(struct framing *f, slice text, size_t *used, struct frame *out, u32 n, enum framing_result *result)
{
    u32 got = 0;
    *used = 0;
    *result = FRAMING_FRAME;
    if (f->some != NULL) {
        got = f->some(f, text, used, out, n);
        f->at += *used;
        f->counts.frames += got;
    }
    while (got < n) { /* what is not plain, and what comes at the end */
        size_t one;
        *result = framing_next(f, slice_of(text.at + *used, text.len - *used), &one, &out[got]);
        *used += one;
        if (*result != FRAMING_FRAME) break;
        got++;
    }
    WEIR_ASSERT(*used <= text.len);
    return got;
}

err framing_end(struct framing *f, size_t rest)
{
    if (err_is(f->fault)) return f->fault;
    if (f->at == 0 && rest == 0) return err_data("no capture: not one byte", 0);
    if (f->at == 0) return err_data("a capture's first header is cut short", 0);
    if (f->trailer != 0) return err_data("the last record is cut short", (i64)f->passed_at);
    if (rest != 0) return err_data("the last record is cut short", (i64)f->at);
    return OK;
}

err framing_fault(const struct framing *f)
{
    return f->fault;
}

const struct framing_counts *framing_counts(const struct framing *f)
{
    return &f->counts;
}

/* Files of some writers state their system's own number for raw IP (12, OpenBSD 14); both mean LINKTYPE_RAW. */
u32 link_of(u32 stated)
{
    return stated == 12 || stated == 14 ? LINK_RAW : stated;
}
