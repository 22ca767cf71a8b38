/* SPDX-License-Identifier: Apache-2.0 */
/* lines_read.c: a generation becomes chunks, and chunks come back.
 *
 * A *reading* goes from what was offered before to a limit that stays fixed: what lies behind the last LF, or the size
 * if nobody writes there any more. Workers are told that the file ends there, however it grows meanwhile. A file's
 * first bytes are looked at before each reading: truncated and grown again it is another one, whatever its size says.
 */
#include "source/lines.h"

#include "source/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REST(g) ((g)->size > (g)->offered)

/* --- open and close --------------------------------------------------------------------------------------------- */

static bool gen_wanted(const struct generation *g)
{
    if (g->cut || g->blocked || g->drained || g->spring) return false;
    if (g->contents == CONTENTS_PACKED) return true;
    return REST(g) && (g->over || g->torn != g->size);
}

static bool gen_done(const struct generation *g)
{
    if (g->out || g->reading || g->spring || !g->over) return false;
    return g->cut || g->drained || (g->contents < CONTENTS_PACKED && !REST(g));
}

static void gen_close(struct lines *l, struct generation *g)
{
    if (g->fd < 0) return;
    close(g->fd);
    g->fd = -1;
    l->opened--;
}

void gen_release(struct lines *l, struct generation *g)
{
    if (g->out || g->reading || g->spring) return;
    if (gen_done(g) || g->drained || g->cut) gen_close(l, g);
}

void gen_free(struct lines *l, struct generation *g)
{
    gen_close(l, g);
    free(g);
}

/* Closes the file that has been idle for longest, of those that are still at their paths: they can be opened again. */
static bool gen_evict(struct lines *l)
{
    struct generation *longest = NULL;
    for (u32 i = 0; i < l->streams; i++) {
        struct generation *g = l->stream[i]->last;
        if (g == NULL || g->fd < 0 || g->out || g->reading || g->spring || g->rotated || l->stream[i]->gone) continue;
        if (strcmp(l->stream[i]->path, "-") == 0 || (REST(g) && g->torn != g->size)) continue;
        if (longest == NULL || g->changed < longest->changed) longest = g;
    }
    if (longest) gen_close(l, longest);
    return longest != NULL;
}

/* Not our file's fault: others' may be read meanwhile. */
static bool gen_stalled(struct lines *l, struct generation *g, int fault)
{
    if (!l->stall_told)
        lines_complain(l, g->stream->path, g->offered, "cannot be opened: %s; tried again at each look",
                       strerror(fault));
    l->stalled = l->stall_told = true;
    g->blocked = true;
    return false;
}

static bool gen_refused(struct lines *l, struct generation *g, int fault)
{
    if (fault == ENOENT) {
        follow_vanished(l, g);
        return false;
    }
    if (fault == EMFILE || fault == ENFILE || fault == ENOMEM) return gen_stalled(l, g, fault);
    g->blocked = true;
    if (g->fault != fault) {
        l->counts.unreadable++;
        lines_complain(l, g->stream->path, g->offered, "cannot be opened: %s%s", strerror(fault),
                       l->bounded ? "" : "; tried again at each look");
    }
    g->fault = fault;
    if (l->bounded) g->cut = true;
    return false;
}

/* The descriptor of this very file, wherever it is now; <0: -errno. */
static int open_file(const struct generation *g)
{
    char        name[PATH_MAX];
    struct look look;
    int         fd = open(g->stream->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), fault = errno;
    if (fd < 0 && fault != ENOENT) return -fault;
    if (fd >= 0 && look_at(fd, "", &look) == 0 && look.device == g->is.device && look.inode == g->is.inode) return fd;
    if (fd >= 0) close(fd);
    fd = search_inode(g->stream->path, &g->is, name);
    return fd < 0 ? -ENOENT : fd;
}

bool gen_open(struct lines *l, struct generation *g)
{
    if (g->fd >= 0) return true;
    if (g->blocked || (l->opened >= OPEN_MAX && !gen_evict(l))) return false;
    int fd = open_file(g);
    if ((fd == -EMFILE || fd == -ENFILE) && gen_evict(l)) fd = open_file(g);
    if (fd < 0) return gen_refused(l, g, -fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    g->fd = fd;
    g->fault = 0;
    l->opened++;
    if (g->is.head_len == 0) search_head(fd, &g->is, g->size);
    return true;
}

/* --- what it is ------------------------------------------------------------------------------------------------- */

/* False: its first bytes do not tell yet. */
static bool gen_sniff(struct generation *g)
{
    char    magic[INFLATE_MAGIC];
    bool    sure;
    ssize_t n = pread(g->fd, magic, sizeof magic, 0);
    if (n <= 0) return false;
    g->format = inflate_format_of(slice_of(magic, (size_t)n), &sure);
    if (!sure && !g->over) return false;
    g->contents = g->format == INFLATE_NONE ? CONTENTS_PLAIN : CONTENTS_PACKED;
    if (g->contents == CONTENTS_PACKED && g->from_end) g->drained = true;
    return true;
}

/* Packed files are read once, when nobody seems to write to them. */
static void gen_packed(struct lines *l, struct generation *g)
{
    u64 wait = (u64)(l->options->rotate_wait / 1000000);
    if (g->drained) {
        gen_release(l, g);
        return;
    }
    if (!g->over && lines_clock(l) - g->changed < wait) {
        l->waits = true;
        return;
    }
    if (l->springs < SPRINGS_MAX) spring_open(l, g, false);
}

/* --- a reading -------------------------------------------------------------------------------------------------- */

static bool gen_marked(const struct generation *g)
{
    char first[8];
    slice mark = MARK;
    return pread(g->fd, first, mark.len, 0) == (ssize_t)mark.len && slice_eq(slice_of(first, mark.len), mark);
}

/* Does a line begin where this reading does? */
static bool gen_aligned(struct lines *l, struct generation *g)
{
    char before;
    if (g->offered == 0 || (g->offered == MARK.len && gen_marked(g))) return true;
    if (pread(g->fd, &before, 1, (off_t)(g->offered - 1)) != 1) return false;
    if (before != '\n' && g->offered_end)
        lines_complain(l, g->stream->path, g->offered, "appended to behind a last line without LF, which was read: "
                                                       "the new bytes up to the next LF are passed over");
    return before == '\n';
}

/* Sets the limit. False: there is no whole line. */
static bool gen_limit(struct lines *l, struct generation *g)
{
    u64 from = g->torn > g->offered && g->torn <= g->size ? g->torn : g->offered; /* else it was cut short */
    i64 limit = (i64)g->size;
    if (!g->over && from < g->size) limit = bytes_last_line(g->fd, from, g->size, TAIL_MAX);
    if (limit < 0) return gen_refused(l, g, (int)-limit);
    if ((u64)limit == from && !g->over) {
        g->torn = g->size;
        return false;
    }
    g->limit = (u64)limit;
    return g->limit > g->offered;
}

static bool gen_begin(struct lines *l, struct generation *g)
{
    if (!gen_open(l, g) || !follow_size(l, g)) return false;
    if (!search_is(g->fd, &g->is)) {
        follow_anew(l, g, g->size, "written anew");
        return false;
    }
    if (g->is.head_len < HEAD_BYTES && g->size > g->is.head_len) search_head(g->fd, &g->is, g->size);
    if (g->contents == CONTENTS_UNKNOWN && !gen_sniff(g)) {
        g->torn = g->size;
        return false;
    }
    if (g->contents == CONTENTS_PACKED) {
        gen_packed(l, g);
        return false;
    }
    follow_sure(l, g);
    if (g->offered == 0 && gen_marked(g)) g->offered = g->applied = MARK.len;
    if (!gen_limit(l, g)) return false;
    g->reading = true;
    g->aligned = gen_aligned(l, g);
    return true;
}

static void gen_offer(struct lines *l, struct generation *g)
{
    u64           left = g->limit - g->offered, length = left < l->options->chunk ? left : l->options->chunk;
    struct piece *p = calloc(1, sizeof *p);
    WEIR_ASSERT(p != NULL);
    *p = (struct piece){
        .chunk = { .source = (struct source *)l, .partition = g->stream->number, .time = l->setup.now(),
                   .offset = g->offered, .length = length, .aligned = g->aligned, .state = p },
        .of = g, .fd = g->fd, .end = g->limit, .last = length == left,
    };
    g->aligned = false;
    g->offered += length;
    g->offered_end = p->last;
    g->reading = !p->last;
    g->out++;
    l->out++;
    l->counts.chunks++;
    l->to->offer(l->to, &p->chunk);
}

/* A generation is read to its end, and so is the stream if nothing can come after it. */
void gen_finish(struct lines *l, struct stream *s)
{
    while (s->first && gen_done(s->first)) {
        struct generation *g = s->first;
        if (!g->counted && !g->cut) l->counts.files++;
        g->counted = true;
        gen_release(l, g);
        if (g->next == NULL) {
            if (s->gone && s->globbed) s->left = s->dirty = true;
            if (l->bounded || s->left) follow_ended(l, s);
            return;
        }
        s->first = g->next;
        s->dirty = true;
        gen_free(l, g);
    }
}

bool gen_step(struct lines *l, struct stream *s)
{
    gen_finish(l, s);
    struct generation *g = s->first;
    if (g == NULL) return false;
    if (g->spring) return spring_step(l, g->spring);
    if (!g->reading && (!gen_wanted(g) || !gen_begin(l, g))) {
        gen_finish(l, s);
        return s->first != g && s->first != NULL;
    }
    gen_offer(l, g);
    return true;
}

/* --- what the engine calls -------------------------------------------------------------------------------------- */

static i64 text_bytes(const struct text *x, u64 at, char *to, size_t max)
{
    size_t n = 0;
    if (at + 1 == x->offset && max) { /* what stood before it: asked for if it begins inside a line */
        to[n++] = x->torn ? '.' : '\n';
        at++;
    }
    if (at < x->offset || at >= x->offset + x->length) return (i64)n;
    size_t left = (size_t)(x->offset + x->length - at), room = max - n;
    memcpy(to + n, x->bytes + (at - x->offset), left < room ? left : room);
    return (i64)(n + (left < room ? left : room));
}

i64 gen_bytes(const struct chunk *chunk, u64 at, void *to, size_t max)
{
    struct piece *p = chunk->state;
    if (p->text) return text_bytes(p->text, at, to, max);
    i64 n = bytes_read(p->fd, at, p->end, to, max);
    if (n < 0) p->fault = (int)-n;
    return n;
}

void gen_applied(struct source *source, struct chunk *chunk, const struct chunk_counts *counts)
{
    struct lines      *l = (struct lines *)source;
    struct piece      *p = chunk->state;
    struct generation *g = p->of;
    WEIR_ASSERT(p->chunk.offset == g->applied && g->out > 0);
    g->applied += p->chunk.length;
    g->lines += counts->lines;
    g->applied_end = p->last;
    g->stream->dirty = true;
    l->counts.bytes += p->chunk.length;
    if (p->fault) l->counts.unreadable++;
    g->out--;
    l->out--;
    if (p->text) spring_back(g->spring, p->text);
    free(p);
    lines_stir(l);
}

slice gen_where(const struct chunk *chunk)
{
    const struct piece *p = chunk->state;
    return slice_str(p->of->stream->path);
}

u64 gen_line(const struct chunk *chunk, u32 number, u64 *offset)
{
    const struct piece *p = chunk->state;
    return p->of->lines + number + 1;
}
