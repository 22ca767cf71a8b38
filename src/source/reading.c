/* SPDX-License-Identifier: Apache-2.0 */
/* reading.c: a ready file becomes chunks, and chunks come back.
 *
 * A *reading* goes from what was offered before to a limit that stays fixed: the size at the time, or what lies behind
 * the last LF if the last line may be torn. Workers are told that the file ends there, however it grows meanwhile; its
 * tail is another reading. The file stays open from the first chunk of a reading until the last one is back, so that a
 * deleter cannot take it away from under a worker. */
#include "source/directory.h"

#include "source/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX (1u << 20) /* a longer last line waits for its LF */

enum begun { BEGUN, BEGUN_NOTHING, BEGUN_STOP };

/* --- what is to be read ---------------------------------------------------------------------------------------- */

static bool reading_wanted(const struct file *f)
{
    if (f->layout == NO_LAYOUT || f->quarantined || f->blocked || f->evidence == FILE_SEEN) return false;
    return f->offered < f->look.size && !(f->evidence == FILE_QUIET && f->torn == f->look.size);
}

/* Read to its end for the first time. */
static void reading_finish(struct directory *d, struct file *f)
{
    if (f->counted || f->retired || f->quarantined || f->evidence == FILE_SEEN || f->applied != f->look.size) return;
    f->counted = true;
    d->counts.files++;
    ledger_touch(&d->ledger, f);
}

void reading_consider(struct directory *d, struct file *f)
{
    directory_stir(d);
    if (f->quarantined && f->ready != NOWHERE) ready_drop(&d->ready, f);
    if (f->quarantined) f->reading = false;
    if (reading_wanted(f)) ready_push(&d->ready, f);
    else reading_finish(d, f);
    reading_release(d, f);
}

/* --- open and close -------------------------------------------------------------------------------------------- */

static char *path_join(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char  *path = malloc(size);
    WEIR_ASSERT(path != NULL);
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

void reading_release(struct directory *d, struct file *f)
{
    if (f->fd < 0 || f->out || f->reading) return;
    close(f->fd);
    f->fd = -1;
    free(f->path);
    f->path = NULL;
    d->open_files--;
    directory_stir(d); /* another file may be waiting for the descriptor */
}

/* It is left alone until the next scan; each new fault is told once. */
static enum begun reading_refused(struct directory *d, struct file *f, const char *doing, int fault)
{
    ready_drop(&d->ready, f);
    f->blocked = true;
    if (f->fault != fault) {
        f->fault = fault;
        d->counts.unreadable++;
        directory_complain(d, f, f->offered, "%s: %s; tried again at each scan", doing, strerror(fault));
    }
    return BEGUN_NOTHING;
}

static enum begun reading_failed(struct directory *d, struct file *f, int fault)
{
    if (fault == ENOENT) {
        notice_vanished(d, f);
        return BEGUN_NOTHING;
    }
    if (fault != EMFILE && fault != ENFILE && fault != ENOMEM) return reading_refused(d, f, "cannot be opened", fault);
    /* Our own want, not the file's fault: going on with later files would spoil the order. */
    if (!d->stall_told) directory_complain(d, f, f->offered, "cannot be opened: %s; reading waits", strerror(fault));
    d->stalled = d->stall_told = true;
    return BEGUN_STOP;
}

static enum begun reading_open(struct directory *d, struct file *f)
{
    if (d->open_files >= FILES_OPEN_MAX) return BEGUN_STOP;
    char       *path = path_join(d->options->path, f->name);
    struct stat s;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int         fault = fd < 0 || fstat(fd, &s) < 0 ? errno : 0;
    if (fault || s.st_ino != f->look.inode) {
        if (fd >= 0) close(fd);
        free(path);
        if (fault) return reading_failed(d, f, fault);
        ready_drop(&d->ready, f); /* replaced since it was seen: the scan will tell */
        f->blocked = true;
        directory_scan(d);
        return BEGUN_NOTHING;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    f->fd = fd;
    f->path = path;
    f->fault = 0;
    d->open_files++;
    d->stall_told = false;
    return BEGUN;
}

/* --- a reading ------------------------------------------------------------------------------------------------- */

/* Does a line begin where this reading does? Only the end of an earlier one is worth a look: at a place inside a file
 * (after a restart) the worker looks itself, as it would have done without the restart. */
static bool reading_aligned(struct directory *d, struct file *f)
{
    char before;
    if (f->offered == 0) return true;
    if (!f->offered_end || pread(f->fd, &before, 1, (off_t)(f->offered - 1)) != 1) return false;
    if (before != '\n')
        directory_complain(d, f, f->offered, "appended to behind a last line without LF, which was read: "
                                             "the new bytes up to the next LF are passed over");
    return before == '\n';
}

static enum begun reading_begin(struct directory *d, struct file *f)
{
    if (f->fd < 0) {
        enum begun b = reading_open(d, f);
        if (b != BEGUN) return b;
    }
    u64 size = f->look.size;
    i64 limit = f->evidence == FILE_COMPLETE ? (i64)size : bytes_last_line(f->fd, f->offered, size, TAIL_MAX);
    if (limit < 0) {
        enum begun b = reading_refused(d, f, "cannot be read", (int)-limit);
        reading_release(d, f);
        return b;
    }
    if ((u64)limit == f->offered) { /* nothing but the beginning of a line */
        f->torn = f->look.size;
        ready_drop(&d->ready, f);
        reading_release(d, f);
        return BEGUN_NOTHING;
    }
    if (f->offered == 0 && d->watermark != NANOS_MIN && f->start * NANOS_SECOND < d->watermark) d->counts.late_files++;
    f->limit = (u64)limit;
    f->reading = true;
    f->aligned = reading_aligned(d, f);
    return BEGUN;
}

static void reading_offer(struct directory *d, struct file *f)
{
    u64 length = f->limit - f->offered < d->options->chunk ? f->limit - f->offered : d->options->chunk;
    struct piece *p = calloc(1, sizeof *p);
    WEIR_ASSERT(p != NULL);
    *p = (struct piece){
        .chunk = { .source = (struct source *)d, .layout = f->layout, .time = f->start * NANOS_SECOND,
                   .offset = f->offered, .length = length, .aligned = f->aligned, .state = p },
        .directory = d, .file = f, .fd = f->fd, .end = f->limit, .last = f->offered + length == f->limit,
    };
    f->aligned = false;
    f->offered += length;
    f->offered_end = p->last;
    f->reading = !p->last;
    if (p->last) ready_drop(&d->ready, f);
    f->out++;
    d->out++;
    d->counts.chunks++;
    d->to->offer(d->to, &p->chunk);
}

bool reading_step(struct directory *d, struct file *f)
{
    if (!f->reading) {
        enum begun b = reading_begin(d, f);
        if (b != BEGUN) return b == BEGUN_NOTHING;
    }
    while (f->reading && !d->paused) reading_offer(d, f);
    if (f->reading) return false;
    if (reading_wanted(f)) ready_push(&d->ready, f); /* it grew, or its minute ended, meanwhile */
    return true;
}

/* --- what the engine calls ------------------------------------------------------------------------------------- */

i64 reading_bytes(const struct chunk *chunk, u64 at, void *to, size_t max)
{
    struct piece *p = chunk->state;
    i64           n = bytes_read(p->fd, at, p->end, to, max);
    if (n < 0) p->fault = (int)-n;
    return n;
}

void reading_applied(struct source *s, struct chunk *chunk, const struct chunk_counts *counts)
{
    struct directory *d = (struct directory *)s;
    struct piece     *p = chunk->state;
    struct file      *f = p->file;
    WEIR_ASSERT(p->directory == d && p->chunk.offset == f->applied && f->out > 0);
    f->applied += p->chunk.length;
    f->lines += counts->lines;
    f->ended = p->last;
    d->counts.bytes += p->chunk.length;
    if (p->fault) d->counts.unreadable++;
    f->out--;
    d->out--;
    free(p);
    ledger_touch(&d->ledger, f);
    reading_release(d, f);
    reading_finish(d, f);
    if (f->retired && f->out == 0) file_free(f);
}

slice reading_where(const struct chunk *chunk)
{
    const struct piece *p = chunk->state;
    return slice_str(p->file->path);
}

u64 reading_line(const struct chunk *chunk, u32 number, u64 *offset)
{
    const struct piece *p = chunk->state;
    return p->file->lines + number + 1;
}
