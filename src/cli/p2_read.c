/* SPDX-License-Identifier: Apache-2.0 */
/* p2_read.c: frames of files and of standard input, by read(2) into one buffer.
 *
 * The buffer begins at BUFFER_LEAST and grows only for a record that does not fit, up to what framing.h calls a
 * packet. Frames are lent from it, so the batch is pushed before a byte moves. A damaged file gives what stands
 * before the damage. */
#include "cli/p2.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define BUFFER_LEAST ((size_t)256 << 10) /* stays in L2: larger ones cost a fifth more */
#define BUFFER_MOST  ((size_t)FRAMING_RECORD_MAX + ((size_t)1 << 20))

struct reader {
    const char     *name;
    int             fd;
    struct framing *framing;
    char           *buffer;
    size_t          room, begin, end; /* unread: [begin, end) */
};

enum reading { READING_MORE, READING_END, READING_STOP };

static bool fail_os(struct p2 *p, const char *name, err e)
{
    char text[256];
    p2_fail(p, EX_IOERR, "%s: %s", name, err_text(e, text, sizeof text));
    return false;
}

static void reader_make_room(struct reader *r)
{
    memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
    r->end -= r->begin;
    r->begin = 0;
    if (r->end < r->room || r->room == BUFFER_MOST) return;
    r->room = r->room * 2 > BUFFER_MOST ? BUFFER_MOST : r->room * 2;
    r->buffer = realloc(r->buffer, r->room);
    WEIR_ASSERT(r->buffer != NULL);
}

/* Bytes behind what is left. A record that fills the largest buffer is one that framing must have refused. */
static enum reading reader_fill(struct p2 *p, struct reader *r)
{
    reader_make_room(r);
    WEIR_ASSERT(r->end < r->room);
    for (;;) {
        if (p2_wait(p, r->fd, -1) < 0) {
            bool whole = r->fd == STDIN_FILENO;
            p->broken = !whole;
            p2_fail(p, whole ? EX_OK : EX_TEMPFAIL, "%s: ended by a signal: %s", r->name,
                    whole ? "what is open is given out" : "the minutes that are open are not written");
            return READING_STOP;
        }
        ssize_t n = read(r->fd, r->buffer + r->end, r->room - r->end);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) {
            fail_os(p, r->name, err_os("read"));
            return READING_STOP;
        }
        r->end += (size_t)n;
        p->read_bytes += (u64)n;
        if (!p->quiet) progress_at(&p->progress, p->read_bytes);
        return n ? READING_MORE : READING_END;
    }
}

/* file:offset, what is wrong, and how far it was good. */
static void damaged(struct p2 *p, const struct reader *r, err e)
{
    u64 frames = framing_counts(r->framing)->frames;
    p2_fail(p, EX_DATAERR, "%s:%lld: %s; %llu packet%s before it", r->name, (long long)e.at, e.what,
            (unsigned long long)frames, frames == 1 ? "" : "s");
}

/* All whole records of the buffer, as they are: straight into the batch. */
static enum framing_result reader_take_all(struct p2 *p, struct reader *r, bool *go_on)
{
    enum framing_result got = FRAMING_FRAME;
    while (*go_on && got == FRAMING_FRAME) {
        size_t used;
        slice  text = slice_of(r->buffer + r->begin, r->end - r->begin);
        p->batched += framing_some(r->framing, text, &used, p->batch + p->batched, MINUTES_BATCH - p->batched, &got);
        r->begin += used;
        *go_on = p2_flush(p);
    }
    return got;
}

/* All whole records of the buffer that the filter takes. */
static enum framing_result reader_take(struct p2 *p, struct reader *r, bool *go_on)
{
    if (p->filter_text == NULL) return reader_take_all(p, r, go_on);
    for (;;) {
        struct frame        frame;
        size_t              used = 0;
        slice               text = slice_of(r->buffer + r->begin, r->end - r->begin);
        enum framing_result got = framing_next(r->framing, text, &used, &frame);
        WEIR_ASSERT(used <= r->end - r->begin);
        r->begin += used;
        if (got == FRAMING_FRAME) {
            *go_on = p2_take(p, &frame);
            if (*go_on) continue;
        }
        if (*go_on) *go_on = p2_flush(p);
        return got;
    }
}

/* False: the run is over. */
static bool read_stream(struct p2 *p, struct reader *r)
{
    bool go_on = true;
    for (;;) {
        enum reading more = reader_fill(p, r);
        if (more == READING_STOP) return false;
        enum framing_result got = reader_take(p, r, &go_on);
        if (!go_on) return false;
        if (got == FRAMING_BAD) {
            damaged(p, r, framing_fault(r->framing));
            return true;
        }
        if (more == READING_END) {
            err e = framing_end(r->framing, r->end - r->begin);
            if (err_is(e)) damaged(p, r, e);
            return true;
        }
    }
}

static void count_framing(struct p2 *p, const struct reader *r)
{
    const struct framing_counts *c = framing_counts(r->framing);
    p->framing.frames += c->frames;
    p->framing.passed += c->passed;
    p->framing.damaged += c->damaged;
    if (c->damaged)
        p2_fail(p, EX_DATAERR, "%s: %llu damaged record%s passed over: lengths contradict each other", r->name,
                (unsigned long long)c->damaged, c->damaged == 1 ? "" : "s");
}

static bool read_one(struct p2 *p, struct reader *r, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    r->name = standard ? "standard input" : path;
    r->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) return fail_os(p, path, err_os("open"));
    if (!standard) posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    r->framing = framing_open();
    r->begin = r->end = 0;
    bool go_on = read_stream(p, r);
    count_framing(p, r);
    framing_close(r->framing);
    if (!standard) close(r->fd);
    return go_on;
}

/* Bytes of all files; 0 where that is not known. Says at once which of them is not there. */
static bool sizes(struct p2 *p, const char *const *paths, u32 count, u64 *total)
{
    bool known = true;
    *total = 0;
    for (u32 i = 0; i < count; i++) {
        struct stat st;
        bool        standard = strcmp(paths[i], "-") == 0;
        if (standard ? fstat(STDIN_FILENO, &st) != 0 : stat(paths[i], &st) != 0 || access(paths[i], R_OK) != 0) {
            p2_fail(p, EX_NOINPUT, "%s: %s", paths[i], strerror(errno));
            return false;
        }
        if (S_ISDIR(st.st_mode)) {
            p2_fail(p, EX_NOINPUT, "%s: is a folder", paths[i]);
            return false;
        }
        known = known && S_ISREG(st.st_mode);
        *total += (u64)st.st_size;
    }
    if (!known) *total = 0;
    return true;
}

void p2_read(struct p2 *p, const char *const *paths, u32 count)
{
    u64 total;
    if (!sizes(p, paths, count, &total)) {
        p->broken = true;
        return;
    }
    struct reader r = { .buffer = malloc(BUFFER_LEAST), .room = BUFFER_LEAST };
    WEIR_ASSERT(r.buffer != NULL);
    progress_open(&p->progress, "p2", total);
    bool go_on = true;
    for (u32 i = 0; i < count && go_on; i++) go_on = read_one(p, &r, paths[i]);
    if (!p->quiet) progress_close(&p->progress, p->read_bytes);
    free(r.buffer);
}
