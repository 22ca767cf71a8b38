/* SPDX-License-Identifier: Apache-2.0 */
/* lines_follow.c: what is at the paths, compared with the streams.
 *
 *   grown             the new whole lines are read
 *   another file      the old one was rotated away: it is read to its end, and until it did not grow for `rotate_wait`
 *                     (a writer goes on until it is told); then the new one, and any that came and went between them
 *   smaller, or with other first bytes    truncated (copytruncate), or written anew: read from its start, complained of
 *   gone              waited for; of a pattern's names the stream ends after `rotate_wait`, and is remembered: what had
 *                     the name before it comes back is read, too
 *
 * At the start the same is told from the position: what was rotated while weir was down is looked for by inode. */
#include "source/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define U(n) ((unsigned long long)(n))

/* --- streams and generations ------------------------------------------------------------------------------------ */

/* Where the path is among the streams, or belongs. */
static u32 stream_at(const struct lines *l, const char *path, bool *there)
{
    u32 low = 0, high = l->streams;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (strcmp(l->stream[middle]->path, path) < 0) low = middle + 1;
        else high = middle;
    }
    *there = low < l->streams && strcmp(l->stream[low]->path, path) == 0;
    return low;
}

struct stream *follow_stream(struct lines *l, const char *path, bool globbed, u32 number)
{
    bool there;
    u32  at = stream_at(l, path, &there);
    if (there) return l->stream[at];
    if (number >= PARTITIONS_MAX || l->taken[number])
        for (number = 0; number < PARTITIONS_MAX && l->taken[number];) number++;
    if (number == PARTITIONS_MAX) return NULL;
    struct stream *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    *s = (struct stream){ .path = slice_dup(slice_str(path)), .number = number, .globbed = globbed };
    l->taken[number] = true;
    memmove(l->stream + at + 1, l->stream + at, (l->streams - at) * sizeof(struct stream *));
    l->stream[at] = s;
    l->streams++;
    return s;
}

struct generation *follow_generation(struct stream *s, const struct look *look, u64 clock)
{
    struct generation *g = calloc(1, sizeof *g);
    WEIR_ASSERT(g != NULL);
    *g = (struct generation){ .stream = s, .is = { .device = look->device, .inode = look->inode }, .size = look->size,
                              .mtime = look->mtime, .changed = clock, .fd = -1 };
    if (s->last) s->last->next = g;
    else s->first = g;
    s->last = g;
    return g;
}

void follow_ended(struct lines *l, struct stream *s)
{
    if (s->ended) return;
    s->ended = true;
    if (s->open) l->to->partition(l->to, s->number, false);
    s->open = false;
}

void follow_open(struct lines *l, struct stream *s)
{
    if (!s->open) l->to->partition(l->to, s->number, true);
    s->open = true;
}

/* --- one file changes ------------------------------------------------------------------------------------------- */

void follow_vanished(struct lines *l, struct generation *g)
{
    u64 unread = g->contents != CONTENTS_PACKED && g->size > g->offered ? g->size - g->offered : 0;
    g->cut = g->over = g->rotated = true;
    g->reading = false;
    if (unread) lines_complain(l, g->stream->path, g->offered, "gone, %llu bytes known unread", U(unread));
    else if (g->contents == CONTENTS_PACKED && !g->drained)
        lines_complain(l, g->stream->path, g->offered, "gone before it was read whole");
    else return;
    l->counts.vanished++;
}

void follow_anew(struct lines *l, struct generation *g, u64 size, const char *how)
{
    u64 known = g->contents == CONTENTS_PACKED ? g->size : g->sure;
    u64 unread = known > g->offered ? known - g->offered : 0;
    l->counts.truncated++;
    if (unread)
        lines_complain(l, g->stream->path, g->offered, "%s: read from its start; %llu bytes known unread are lost, and "
                                                       "what was written after the last look", how, U(unread));
    else
        lines_complain(l, g->stream->path, g->offered, "%s: read from its start; what was written after the last look, "
                                                       "if anything, is lost", how);
    g->cut = g->over = true;
    g->reading = false;
    struct look        look = { .device = g->is.device, .inode = g->is.inode, .size = size, .mtime = g->mtime };
    struct generation *last = g->stream->last, *n = follow_generation(g->stream, &look, lines_clock(l));
    n->rotated = g->rotated;
    if (g != last) { /* before those that came after it */
        last->next = NULL;
        g->stream->last = last;
        n->next = g->next;
        g->next = n;
    }
}

void follow_sure(struct lines *l, struct generation *g)
{
    if (g->size < g->sure) {
        l->counts.truncated++;
        lines_complain(l, g->stream->path, g->size, "cut short at its end: %llu bytes known unread are lost",
                       U(g->sure - g->size));
        if (g->reading && g->limit > g->size) g->limit = g->size;
        g->reading = g->reading && g->limit > g->offered;
    }
    g->sure = g->size;
}

static void follow_grown(struct lines *l, struct generation *g, const struct look *look)
{
    bool same = look->size == g->size;
    g->mtime = look->mtime;
    if (same) return;
    g->size = look->size;
    g->changed = l->grown = lines_clock(l);
    lines_stir(l);
    if (g->contents != CONTENTS_PACKED || g->spring == NULL || g->grown_told) return;
    g->grown_told = true;
    lines_complain(l, g->stream->path, g->offered,
                   "changed while it was being unpacked: what came is perhaps not read");
}

bool follow_size(struct lines *l, struct generation *g)
{
    struct look look;
    if (g->fd < 0 || g->contents == CONTENTS_PIPE || g->cut || look_at(g->fd, "", &look) != 0) return true;
    if (g->contents != CONTENTS_PACKED && look.size < g->offered) {
        follow_anew(l, g, look.size, "truncated");
        return false;
    }
    follow_grown(l, g, &look);
    if (g->size < g->sure && search_is(g->fd, &g->is)) follow_sure(l, g);
    return true;
}

void follow_glance(struct lines *l)
{
    u64 clock = lines_clock(l), wait = (u64)(l->options->rotate_wait / 1000000);
    l->waits = false;
    for (u32 i = 0; i < l->streams; i++)
        for (struct generation *g = l->stream[i]->first; g; g = g->next) {
            follow_size(l, g);
            if (!g->rotated || g->over) continue;
            g->over = clock - g->changed >= wait;
            l->waits = l->waits || !g->over;
            if (g->over) lines_stir(l);
        }
}

/* --- rotation --------------------------------------------------------------------------------------------------- */

/* A copy of the file that the position is of, made before that was truncated: what was read of it is not read again. */
static bool follow_copy(struct generation *g, const struct place *p)
{
    struct identity_of is = g->is;
    if (p->packed || p->left || p->is.head_len < HEAD_BYTES || g->size < p->offset) return false;
    is.head = p->is.head;
    is.head_len = p->is.head_len;
    if (!search_is(g->fd, &is)) return false;
    g->offered = g->applied = p->offset;
    g->lines = p->lines;
    return true;
}

/* Files that were at the path for a while, after one last written at `mtime`. True: one is a copy of the position's. */
static bool follow_between(struct lines *l, struct stream *s, nanos mtime)
{
    int  fd[BETWEEN_MAX];
    bool packed = false, copied = false;
    u32  n = search_between(l, s->path, mtime, fd, &packed);
    if (packed)
        lines_complain(l, s->path, 0, "rotated and packed before it was seen: a generation is not read");
    for (u32 i = 0; i < n; i++) {
        struct look look;
        if (look_at(fd[i], "", &look) != 0 || search_is_held(l, &look)) {
            close(fd[i]);
            continue;
        }
        struct generation *g = follow_generation(s, &look, lines_clock(l));
        search_head(fd[i], &g->is, look.size);
        g->fd = fd[i];
        g->rotated = true;
        l->opened++;
        l->counts.rotated++;
        copied = (s->restored && !copied && follow_copy(g, &s->place)) || copied;
    }
    return copied;
}

static void follow_away(struct lines *l, struct generation *g)
{
    if (g->rotated) return;
    g->rotated = true;
    g->changed = lines_clock(l);
    l->waits = true;
    if (!g->cut && !g->drained && g->fd < 0) gen_open(l, g);
    follow_size(l, g);
    if (l->bounded) g->over = true;
}

/* What the survey saw at the path. It may have been rotated away since then and be among those that were found
 * elsewhere: what is at the path now, the next look says. old: the last that was known before; if it is gone, its inode
 * is perhaps another's. */
static void follow_latest(struct lines *l, struct stream *s, struct generation *old, const struct look *look)
{
    for (struct generation *g = s->first; g; g = g->next)
        if (!g->cut && !(s->left && g == old) && g->is.inode == look->inode && g->is.device == look->device) return;
    follow_generation(s, look, lines_clock(l));
}

static void follow_rotated(struct lines *l, struct stream *s, const struct look *look)
{
    struct generation *old = s->last;
    l->counts.rotated++;
    follow_away(l, old);
    if (!old->drained) follow_between(l, s, s->last->mtime);
    follow_latest(l, s, old, look);
    follow_open(l, s);
    lines_stir(l);
}

/* The name of a pattern was gone and its file left; here it is again. With the same file it was only away. */
static void follow_return(struct lines *l, struct stream *s, const struct look *look)
{
    struct generation *old = s->last;
    int                fd = search_named(s->path, &old->is);
    bool               same = fd >= 0 && !old->cut && look->size >= old->offered;
    if (fd >= 0) close(fd);
    s->ended = s->gone = false;
    if (same) {
        old->rotated = old->over = old->counted = false;
    } else {
        if (!old->drained) follow_between(l, s, old->mtime);
        follow_latest(l, s, old, look);
    }
    s->left = false;
    s->dirty = true;
    follow_open(l, s);
}

/* --- the first look --------------------------------------------------------------------------------------------- */

void follow_place(struct lines *l, struct generation *g)
{
    const struct place *p = &g->stream->place;
    g->is = p->is;
    g->offered = g->applied = p->offset;
    g->lines = p->lines;
    if (p->packed) g->contents = CONTENTS_PACKED;
    else g->offered_end = g->applied_end = p->done, g->sure = p->size;
    g->drained = p->packed && p->done;
    if (g->drained && g->size != p->size)
        lines_complain(l, g->stream->path, 0, "changed after it was read whole: what came is not read");
}

static struct generation *follow_placed(struct lines *l, struct stream *s, const struct look *look)
{
    struct generation *g = follow_generation(s, look, lines_clock(l));
    follow_place(l, g);
    return g;
}

/* Its file is no longer at the path, nor elsewhere. */
static void follow_missed(struct lines *l, struct generation *g, const struct look *look)
{
    const struct place *p = &g->stream->place;
    bool                anew = look && look->inode == p->is.inode && look->device == p->is.device;
    u64                 unread = p->packed || p->size < p->offset ? 0 : p->size - p->offset;
    if (anew) l->counts.truncated++;
    else l->counts.vanished++;
    lines_complain(l, g->stream->path, p->offset, "%s, %llu bytes known unread",
                   anew ? "written anew while weir was down (or deleted, and its inode given to another): read from "
                          "its start"
                        : "rotated away while weir was down",
                   U(unread));
}

/* Its file is no longer at the path. look: what is; NULL: nothing. */
static void follow_moved(struct lines *l, struct stream *s, const struct look *look)
{
    const struct place *p = &s->place;
    char                name[PATH_MAX];
    struct look         old = { .device = p->is.device, .inode = p->is.inode, .size = p->size, .mtime = p->mtime }, now;
    bool                whole = p->packed && p->done;
    int                 fd = whole || p->left ? -1 : search_inode(s->path, &p->is, name);
    bool                found = fd >= 0 && look_at(fd, "", &now) == 0 && (p->packed || now.size >= p->offset);
    bool                missed = !found && !whole && !p->left;
    struct generation  *g = follow_placed(l, s, found ? &now : &old);
    g->rotated = g->counted = true;
    g->over = !found;
    s->left = p->left;
    if (found) {
        g->fd = fd;
        g->counted = false;
        l->opened++;
        l->counts.rotated++;
    } else if (fd >= 0) {
        close(fd);
    }
    g->cut = p->left ? (p->packed ? !p->done : p->size > p->offset) /* that was told */ : !found;
    if ((whole || !follow_between(l, s, g->mtime)) && missed) follow_missed(l, g, look);
    if (look) follow_latest(l, s, g, look);
    s->left = s->left && g == s->last;
    s->dirty = true;
}

/* A position is known. 0, or the errno for which the file cannot be looked at now. */
static int follow_resume(struct lines *l, struct stream *s, const struct look *look)
{
    const struct place *p = &s->place;
    bool                inode = look && look->device == p->is.device && look->inode == p->is.inode, same = inode;
    if (same) {
        int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && errno != ENOENT) return errno;
        same = fd >= 0 && search_is(fd, &p->is);
        if (fd >= 0) close(fd);
    }
    if (inode && !p->left && look->size < p->is.head_len)
        same = true; /* truncated so far that not even its beginning is there */
    if (!same || (p->left && !p->packed && look->size < p->offset)) {
        follow_moved(l, s, look);
        return 0;
    }
    if (p->packed || (look->size >= p->offset && look->size >= p->is.head_len)) {
        follow_placed(l, s, look);
        return 0;
    }
    l->counts.truncated++;
    lines_complain(l, s->path, p->offset, "truncated while weir was down: read from its start; %llu bytes known unread "
                                          "are lost, and what was written after the last epoch",
                   U(p->size > p->offset ? p->size - p->offset : 0));
    follow_generation(s, look, lines_clock(l));
    s->dirty = true;
    return 0;
}

/* Its place is kept until it can be opened. */
static void follow_refused(struct lines *l, struct stream *s, int fault)
{
    if (s->fault != fault) {
        l->counts.unreadable++;
        lines_complain(l, s->path, 0, "cannot be opened: %s%s", strerror(fault),
                       l->bounded ? "" : "; tried again at each look");
    }
    s->fault = fault;
    if (l->bounded) follow_ended(l, s);
}

/* A file that was left under another name of the pattern goes on where it was. */
static void follow_renamed(struct lines *l, struct generation *g)
{
    struct look look;
    int         fd = open(g->stream->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && look_at(fd, "", &look) == 0 && look.inode == g->is.inode && look.device == g->is.device) {
        const struct generation *was = search_left(l, fd, &look);
        if (was) {
            g->is = was->is;
            g->offered = g->applied = was->offered;
            g->lines = was->lines;
            g->contents = was->contents;
            g->drained = was->drained;
            g->offered_end = g->applied_end = was->applied_end;
        }
    }
    if (fd >= 0) close(fd);
}

/* Nothing tells whether they were ever read: this may be the first start, or the one before it was killed too early. */
static void follow_older(struct lines *l, struct stream *s)
{
    char one[NAME_MAX + 1];
    u32  n = search_older(s->path, one);
    if (n == 1) lines_complain(l, s->path, 0, "%s was there before weir knew the path: it is not read", one);
    if (n > 1)
        lines_complain(l, s->path, 0, "%u older generations (one is %s) were there before weir knew the path: they are "
                                      "not read", n, one);
}

static void follow_begin(struct lines *l, struct stream *s, const struct look *look)
{
    int fault = s->restored ? follow_resume(l, s, look) : 0;
    if (fault) {
        follow_refused(l, s, fault);
        return;
    }
    s->fault = 0;
    if (s->restored) {
        s->restored = false;
        s->saved = true;
    } else if (look) {
        struct generation *g = follow_generation(s, look, lines_clock(l));
        s->dirty = true; /* from its first epoch on it is found again, even if nothing of it was read */
        if (s->globbed) follow_renamed(l, g);
        if (!l->bounded && l->options->start != LINES_END) follow_older(l, s);
        if (l->options->start == LINES_END && l->setup.fresh && l->surveyed == 0 && !l->bounded) {
            g->from_end = true;
            g->offered = g->applied = look->size;
            gen_open(l, g);
        }
    }
    if (s->first && (look || s->first->next || !s->first->over)) follow_open(l, s);
    lines_stir(l);
}

/* --- a look ----------------------------------------------------------------------------------------------------- */

static void follow_present(struct lines *l, struct stream *s, const struct look *look)
{
    struct generation *g = s->last;
    s->gone = false;
    if (g) s->fault = 0;
    for (struct generation *k = s->first; k; k = k->next) k->blocked = false;
    if (g == NULL) follow_begin(l, s, look);
    else if (s->left) follow_return(l, s, look);
    else if (g->cut || g->is.device != look->device || g->is.inode != look->inode) follow_rotated(l, s, look);
    else if (g->fd >= 0) follow_size(l, g);
    else if (g->contents != CONTENTS_PACKED && look->size < g->offered) follow_anew(l, g, look->size, "truncated");
    else if (look->size < g->sure && gen_open(l, g)) follow_size(l, g);
    else follow_grown(l, g, look);
    lines_stir(l);
}

static void follow_absent(struct lines *l, struct stream *s, int fault)
{
    u64 clock = lines_clock(l), wait = (u64)(l->options->rotate_wait / 1000000);
    if (s->restored && fault == ENOENT) follow_begin(l, s, NULL);
    if (fault != s->fault && (fault != ENOENT || s->first == NULL)) {
        const char *words = fault == EINVAL ? "is no regular file" : fault == ENOENT ? "is not there" : strerror(fault);
        lines_complain(l, s->path, 0, l->bounded ? "%s" : "%s; looked for every `poll`", words);
        l->counts.missing++;
    }
    s->fault = fault;
    if (s->first == NULL) {
        if (l->bounded || s->globbed) follow_ended(l, s);
        return;
    }
    if (!s->gone) s->gone_since = clock;
    s->gone = true;
    if (!s->globbed) return;
    if (clock - s->gone_since < wait) l->waits = true;
    else follow_away(l, s->last);
}

/* A pattern's name that is another stream's older generation is not one of its own. */
static bool is_older(const struct lines *l, const char *path)
{
    for (u32 i = 0; i < l->streams; i++)
        if (survey_is_rotated(path, slice_str(l->stream[i]->path))) return true;
    return false;
}

static bool follow_seen(struct lines *l, const struct seen *at)
{
    bool there;
    u32  i = stream_at(l, at->path, &there);
    if (!there && !l->bounded && at->globbed && (is_older(l, at->path) || search_is_held(l, &at->look))) return true;
    struct stream *s = there ? l->stream[i] : follow_stream(l, at->path, at->globbed, PARTITIONS_MAX);
    while (s == NULL && lines_forget(l)) s = follow_stream(l, at->path, at->globbed, PARTITIONS_MAX);
    if (s == NULL) return false;
    s->looked = l->surveyed + 1;
    if (s->ended && (l->bounded || !s->left)) return true;
    if (at->fault) follow_absent(l, s, at->fault);
    else follow_present(l, s, &at->look);
    return true;
}

static void follow_empty(struct lines *l, const struct survey *v)
{
    for (u32 i = 0; l->surveyed == 0 && i < v->path->count; i++) {
        if (!v->empty[i]) continue;
        l->counts.missing++;
        lines_complain(l, v->path->name[i], 0, "matches nothing%s", l->bounded ? "" : "; looked for every `poll`");
    }
}

void follow_survey(struct lines *l, const struct survey *v)
{
    l->counts.looks++;
    follow_empty(l, v);
    for (u32 i = 0; i < v->count; i++)
        if (!follow_seen(l, &v->at[i])) {
            lines_fail(l, "more than 4096 files at the paths of a source `lines`: give it fewer");
            return;
        }
    for (u32 i = 0; i < l->streams; i++) {
        struct stream *s = l->stream[i];
        if (s->looked <= l->surveyed && !s->ended && strcmp(s->path, "-") != 0) follow_absent(l, s, ENOENT);
    }
    for (u32 i = 0; l->bounded && i < l->streams; i++)
        for (struct generation *g = l->stream[i]->first; g; g = g->next) g->over = true;
    l->surveyed++;
    l->stalled = false;
    follow_glance(l);
    lines_stir(l);
}
