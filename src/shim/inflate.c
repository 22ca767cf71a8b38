/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.c: the only file that knows zlib and libzstd. */
#include "shim/inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define WINDOW_LOG_MAX 27 /* of a Zstandard frame: 128 MiB */
#define GZIP_BITS (15 + 16) /* the largest window, with a gzip header */

struct inflate {
    enum inflate_format format;
    bool                begun; /* inside a member                                 */
    bool                ended; /* a member has ended: what follows is another one  */
    z_stream            gzip;
    ZSTD_DStream       *zstd;
};

static bool is_begin(slice s, const char *magic, size_t len)
{
    return memcmp(s.at, magic, s.len < len ? s.len : len) == 0;
}

enum inflate_format inflate_format_of(slice s, bool *sure)
{
    *sure = s.len >= INFLATE_MAGIC;
    if (s.len == 0) return INFLATE_NONE;
    bool gzip = is_begin(s, "\x1f\x8b", 2);
    bool zstd = is_begin(s, "\x28\xb5\x2f\xfd", 4);
    bool skip = ((u8)s.at[0] & 0xf0) == 0x50 && is_begin(slice_of(s.at + 1, s.len - 1), "\x2a\x4d\x18", 3);
    if (!gzip && !zstd && !skip) *sure = true;
    if (gzip && s.len >= 2) return *sure = true, INFLATE_GZIP;
    return *sure && (zstd || skip) ? INFLATE_ZSTD : INFLATE_NONE;
}

struct inflate *inflate_open(enum inflate_format format)
{
    struct inflate *z = calloc(1, sizeof *z);
    WEIR_ASSERT(z != NULL && format != INFLATE_NONE);
    z->format = format;
    if (format == INFLATE_GZIP) {
        int status = inflateInit2(&z->gzip, GZIP_BITS);
        WEIR_ASSERT(status == Z_OK);
        return z;
    }
    z->zstd = ZSTD_createDStream();
    WEIR_ASSERT(z->zstd != NULL);
    size_t status = ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    WEIR_ASSERT(!ZSTD_isError(status));
    return z;
}

void inflate_close(struct inflate *z)
{
    if (z->format == INFLATE_GZIP) inflateEnd(&z->gzip);
    else ZSTD_freeDStream(z->zstd);
    free(z);
}

/* Zeros behind a member: tapes and disks fill up with them. */
static size_t zeros(slice s)
{
    size_t n = 0;
    while (n < s.len && s.at[n] == '\0') n++;
    return n;
}

static bool gzip_step(struct inflate *z, slice from, size_t *used, void *to, size_t room, size_t *made,
                      const char **why)
{
    if (z->ended) {
        *used = zeros(from);
        if (*used || from.len == 0) return true;
        inflateReset(&z->gzip);
        z->ended = false;
    }
    z_stream *g = &z->gzip;
    uInt      in = from.len < UINT_MAX ? (uInt)from.len : UINT_MAX, out = room < UINT_MAX ? (uInt)room : UINT_MAX;
    g->next_in = (Bytef *)(uintptr_t)from.at;
    g->avail_in = in;
    g->next_out = to;
    g->avail_out = out;
    int status = inflate(g, Z_NO_FLUSH);
    *used = in - g->avail_in;
    *made = out - g->avail_out;
    z->begun = z->begun || *used > 0;
    if (status == Z_STREAM_END) {
        z->ended = true;
        z->begun = false;
    }
    WEIR_ASSERT(status != Z_STREAM_ERROR && status != Z_MEM_ERROR);
    if (status != Z_DATA_ERROR && status != Z_NEED_DICT) return true;
    *why = "damaged gzip data";
    return false;
}

static bool zstd_step(struct inflate *z, slice from, size_t *used, void *to, size_t room, size_t *made,
                      const char **why)
{
    ZSTD_inBuffer  in = { from.at, from.len, 0 };
    ZSTD_outBuffer out = { to, room, 0 };
    size_t         status = ZSTD_decompressStream(z->zstd, &out, &in);
    *used = in.pos;
    *made = out.pos;
    if (ZSTD_isError(status)) {
        *why = "damaged Zstandard data, or a window of more than 128 MiB";
        return false;
    }
    z->begun = status != 0 && (z->begun || in.pos > 0);
    return true;
}

bool inflate_step(struct inflate *z, slice from, size_t *used, void *to, size_t room, size_t *made, const char **why)
{
    *used = *made = 0;
    if (room == 0) return true;
    if (z->format == INFLATE_GZIP) return gzip_step(z, from, used, to, room, made, why);
    return zstd_step(z, from, used, to, room, made, why);
}

bool inflate_whole(const struct inflate *z)
{
    return !z->begun;
}
