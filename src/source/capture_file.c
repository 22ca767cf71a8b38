/* SPDX-License-Identifier: Apache-2.0 */
/* capture_file.c: capture files, one after the other, through one buffer into minutes.
 *
 * Frames are not copied: minutes gets up to MINUTES_BATCH of them where they lie in the buffer, before more is read
 * over them. The buffer can hold the longest record that framing accepts; only the part that is used costs memory.
 * What is damaged in a file is told, and the next file goes on; what the disk does not give ends the source, since
 * going on would give other lines than a second reading. */
#include "source/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK   ((size_t)256 << 10) /* read at once */
#define ROOM    ((size_t)FRAMING_RECORD_MAX + 2 * BLOCK)
#define LINKS_MAX 16u /* link types of one source that have a filter of their own */

struct link_filter {
    u32                    link;
    struct capture_filter *filter; /* NULL: it does not fit this link type, no frame passes */
};

struct reader {
    struct tap        *tap;
    struct tap_counts  counts;
    u32                input;  /* number in the stream */
    const struct input *in;
    int                fd;
    struct framing    *framing;
    u8                *buffer;
    size_t             begin, end;
    u64                left;   /* bytes of the file that may still be read */
    struct frame       batch[MINUTES_BATCH];
    u32                frames;
    u32                links;
    struct link_filter link[LINKS_MAX];
    bool               stop;
};

/* --- the filter ------------------------------------------------------------------------------------------------- */

static struct link_filter *filter_of(struct reader *r, u32 link)
{
    for (u32 i = 0; i < r->links; i++)
        if (r->link[i].link == link) return &r->link[i];
    if (r->links == LINKS_MAX) return NULL;
    char                words[256] = "";
    err                 e = OK;
    struct link_filter *f = &r->link[r->links++];
    f->link = link;
    f->filter = capture_filter_open(r->tap->options->filter, link, 0, words, sizeof words, &e);
    if (f->filter == NULL)
        tap_complain(r->tap, r->input, 0, "the filter does not fit link type %u, whose frames are left out: %s", link,
                     words);
    return f;
}

static bool taken(struct reader *r, const struct frame *f)
{
    const char *filter = r->tap->options->filter;
    if (filter == NULL || *filter == '\0') return true;
    const struct link_filter *l = filter_of(r, f->link);
    if (l && l->filter && capture_filter_takes(l->filter, f)) return true;
    r->counts.filtered++;
    return false;
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

static void batch_push(struct reader *r)
{
    if (r->frames) tap_push(r->tap, r->batch, r->frames);
    r->frames = 0;
}

/* All whole records of the buffer. False: the rest of the file cannot be read. */
static bool frames_take(struct reader *r)
{
    for (;;) {
        slice               text = slice_of((const char *)r->buffer + r->begin, r->end - r->begin);
        size_t              used = 0;
        enum framing_result got = framing_next(r->framing, text, &used, &r->batch[r->frames]);
        r->begin += used;
        if (got == FRAMING_FRAME && taken(r, &r->batch[r->frames]) && ++r->frames == MINUTES_BATCH) batch_push(r);
        if (got == FRAMING_FRAME) continue;
        batch_push(r);
        return got == FRAMING_MORE;
    }
}

/* --- bytes ------------------------------------------------------------------------------------------------------ */

/* A pipe may be silent for ever: the wait ends when the loop says so. */
static bool wait_readable(struct reader *r)
{
    struct pollfd at[] = { { .fd = r->fd, .events = POLLIN }, { .fd = r->tap->hand.event, .events = POLLIN } };
    while (poll(at, WEIR_COUNT(at), -1) < 0)
        if (errno != EINTR) return true; /* read will tell */
    return at[1].revents == 0;
}

/* Moves the rest to the front and reads behind it. 0: the end, or `stop`. */
static size_t fill(struct reader *r)
{
    if (r->begin > 0) memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
    r->end -= r->begin;
    r->begin = 0;
    size_t  room = ROOM - r->end < BLOCK ? ROOM - r->end : BLOCK;
    ssize_t n;
    if (room > r->left) room = (size_t)r->left;
    do {
        r->stop = hand_stopped(&r->tap->hand) || tap_is_astray(r->tap) || (r->in->pipe && !wait_readable(r));
        if (r->stop || room == 0) return 0;
        n = read(r->fd, r->buffer + r->end, room);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0) {
        tap_fail(r->tap, "%s: read: %s", r->in->path, strerror(errno));
        r->stop = true;
        return 0;
    }
    r->end += (size_t)n;
    r->left -= (u64)n;
    r->counts.bytes += (u64)n;
    return (size_t)n;
}

/* --- a file ----------------------------------------------------------------------------------------------------- */

static void read_whole(struct reader *r)
{
    bool sound = true;
    while (sound && fill(r) > 0) {
        sound = frames_take(r);
        tap_publish(r->tap, &r->counts);
    }
    if (r->stop) return;
    if (!r->in->pipe && sound && r->left > 0) { /* it shrank while it was read */
        tap_fail(r->tap, "%s: shorter than it was: it was changed while it was being read", r->in->path);
        r->stop = true;
        return;
    }
    err e = sound ? framing_end(r->framing, r->end - r->begin) : framing_fault(r->framing);
    if (err_is(e)) tap_damaged(r->tap, r->input, (u64)e.at, "%s", e.what);
}

static bool file_open(struct reader *r)
{
    bool in = strcmp(r->in->path, "-") == 0;
    r->fd = in ? STDIN_FILENO : open(r->in->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (r->in->pipe ? O_NONBLOCK : 0));
    r->left = r->in->pipe ? UINT64_MAX : r->in->is.size;
    if (r->fd >= 0) return true;
    tap_fail(r->tap, "%s: open: %s", r->in->path, strerror(errno));
    return false;
}

static void read_file(struct reader *r)
{
    if (!file_open(r)) {
        r->stop = true;
        return;
    }
    if (!r->in->pipe) posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    r->begin = r->end = 0;
    r->framing = framing_open();
    read_whole(r);
    u64 damaged = framing_counts(r->framing)->damaged;
    r->counts.damaged += damaged;
    if (damaged && !r->stop)
        tap_damaged(r->tap, r->input, 0, "%llu records passed over: their own lengths contradict each other",
                    (unsigned long long)damaged);
    framing_close(r->framing);
    if (r->fd != STDIN_FILENO) close(r->fd);
    r->counts.files += !r->stop;
    if (!r->stop) tap_file_end(r->tap);
}

void *tap_file_main(void *arg)
{
    struct tap    *t = arg;
    struct reader *r = calloc(1, sizeof *r);
    WEIR_ASSERT(r != NULL);
    r->tap = t;
    r->buffer = malloc(ROOM);
    WEIR_ASSERT(r->buffer != NULL);
    for (; r->input < t->places.streams && !r->stop; r->input++) {
        r->in = t->places.stream[r->input];
        read_file(r);
    }
    if (!r->stop) {
        tap_end(t);
        tap_publish(t, &r->counts);
        tap_summary(t);
        hand_say(&t->hand, &(struct word){ .kind = WORD_END });
    }
    for (u32 i = 0; i < r->links; i++)
        if (r->link[i].filter) capture_filter_close(r->link[i].filter);
    free(r->buffer);
    free(r);
    hand_over(&t->hand);
    return NULL;
}
