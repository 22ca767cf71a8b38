/* SPDX-License-Identifier: Apache-2.0 */
/* lines_search.c: a file that was rotated away keeps its inode, mostly in the same folder.
 *
 * An inode may be given to another file once its own is deleted, so a file is known by its first bytes, too. Reads
 * folders on the loop: this happens once a rotation, not at each look. */
#include "source/lines.h"

#include "weir/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what a file is --------------------------------------------------------------------------------------------- */

static i64 head_read(int fd, char *head, u32 len)
{
    ssize_t n;
    do n = pread(fd, head, len, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

bool search_head(int fd, struct identity_of *is, u64 size)
{
    char head[HEAD_BYTES];
    u32  len = size < HEAD_BYTES ? (u32)size : HEAD_BYTES;
    if (head_read(fd, head, len) != len) return false;
    is->head_len = len;
    is->head = hash_checksum(head, len, 0);
    return true;
}

int search_named(const char *path, const struct identity_of *is)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || search_is(fd, is)) return fd;
    close(fd);
    errno = 0;
    return -1;
}

bool search_is(int fd, const struct identity_of *is)
{
    char        head[HEAD_BYTES];
    struct look look;
    if (look_at(fd, "", &look) != 0) return false;
    if (look.device != is->device || look.inode != is->inode) return false;
    if (is->head_len == 0) return true;
    return head_read(fd, head, is->head_len) == is->head_len && hash_checksum(head, is->head_len, 0) == is->head;
}

/* --- the folder ------------------------------------------------------------------------------------------------- */

static DIR *folder_open(const char *path)
{
    char        name[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return opendir(".");
    int n = snprintf(name, sizeof name, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return n < PATH_MAX ? opendir(name) : NULL;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int entry_open(DIR *folder, const struct dirent *e)
{
    if (e->d_type != DT_REG && e->d_type != DT_UNKNOWN) return -1;
    return openat(dirfd(folder), e->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
}

static int folder_search(const char *path, const struct identity_of *is, char *name)
{
    DIR           *folder = folder_open(path);
    struct dirent *e;
    int            fd = -1;
    while (folder && fd < 0 && (e = readdir(folder)) != NULL) {
        struct look look; /* not d_ino: of overlaid file systems it is another number */
        if (look_at(dirfd(folder), e->d_name, &look) != 0) continue;
        if (look.inode != is->inode || look.device != is->device) continue;
        if ((fd = entry_open(folder, e)) < 0) continue;
        if (search_is(fd, is)) {
            snprintf(name, PATH_MAX, "%.*s%s", (int)(base_of(path) - path), path, e->d_name);
            continue;
        }
        close(fd);
        fd = -1;
    }
    if (folder) closedir(folder);
    return fd;
}

int search_inode(const char *path, const struct identity_of *is, char *name)
{
    int fd = folder_search(path, is, name);
    return fd >= 0 ? fd : folder_search(path, is, name); /* renamed while the folder was read? */
}

/* --- generations between ---------------------------------------------------------------------------------------- */

struct candidate {
    int         fd;
    struct look look;
};

struct candidates {
    u32              count;
    bool             packed; /* there are packed ones, too */
    struct candidate at[BETWEEN_MAX];
};

bool search_is_held(const struct lines *l, const struct look *look)
{
    for (u32 i = 0; i < l->streams; i++)
        for (const struct generation *g = l->stream[i]->first; g && !l->stream[i]->left; g = g->next)
            if (!g->cut && g->is.inode == look->inode && g->is.device == look->device) return true;
    return false;
}

/* It is perhaps deleted since, and its inode another's: so the beginning is looked at, too. */
const struct generation *search_left(const struct lines *l, int fd, const struct look *look)
{
    for (u32 i = 0; i < l->streams; i++)
        for (const struct generation *g = l->stream[i]->first; g && l->stream[i]->left; g = g->next)
            if (g->is.inode == look->inode && !g->cut && look->size >= g->offered && search_is(fd, &g->is)) return g;
    return NULL;
}

static bool is_found(const struct candidates *c, const struct look *look)
{
    for (u32 i = 0; i < c->count; i++)
        if (c->at[i].look.inode == look->inode && c->at[i].look.device == look->device) return true;
    return false;
}

/* The live file may have a second name that looks rotated: a hard link. */
static bool is_live(const char *path, const struct look *look)
{
    struct look live;
    return look_at(AT_FDCWD, path, &live) == 0 && live.inode == look->inode && live.device == look->device;
}

/* fd: taken; kept if it is one. */
static void candidate_take(struct lines *l, struct candidates *c, const char *path, int fd, nanos mtime)
{
    char        magic[INFLATE_MAGIC];
    bool        sure;
    struct look look;
    if (fd < 0) return;
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    bool    is = n > 0 && look_at(fd, "", &look) == 0 && look.mtime > mtime && !search_is_held(l, &look) &&
                 search_left(l, fd, &look) == NULL && !is_live(path, &look);
    if (is && inflate_format_of(slice_of(magic, (size_t)n), &sure) != INFLATE_NONE) {
        c->packed = true;
        is = false;
    }
    if (is && !is_found(c, &look)) c->at[c->count++] = (struct candidate){ fd, look };
    else close(fd);
}

static int by_time(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->look.mtime > y->look.mtime) - (x->look.mtime < y->look.mtime);
}

static void candidates_add(struct lines *l, struct candidates *c, const char *path, nanos mtime)
{
    DIR           *folder = folder_open(path);
    struct dirent *e;
    while (folder && c->count < BETWEEN_MAX && (e = readdir(folder)) != NULL)
        if (survey_is_rotated(e->d_name, slice_str(base_of(path))))
            candidate_take(l, c, path, entry_open(folder, e), mtime);
    if (folder) closedir(folder);
}

/* A file that is renamed while its folder is read may be missed under both names, or another be opened under its old
 * one: so the folder is read until nothing new is found, and twice at least. */
u32 search_between(struct lines *l, const char *path, nanos mtime, int fd[static BETWEEN_MAX], bool *packed)
{
    struct candidates c = { .count = 0 };
    u32               before;
    candidates_add(l, &c, path, mtime);
    do {
        before = c.count;
        candidates_add(l, &c, path, mtime);
    } while (c.count > before);
    if (c.count == BETWEEN_MAX)
        lines_complain(l, path, 0, "more than %u older generations are unread: the rest is not", c.count);
    qsort(c.at, c.count, sizeof *c.at, by_time);
    for (u32 i = 0; i < c.count; i++) fd[i] = c.at[i].fd;
    *packed = c.packed;
    return c.count;
}

u32 search_older(const char *path, char *one)
{
    DIR           *folder = folder_open(path);
    struct dirent *e;
    u32            n = 0;
    while (folder && (e = readdir(folder)) != NULL) {
        if (!survey_is_rotated(e->d_name, slice_str(base_of(path)))) continue;
        if (n++ == 0 || strcmp(e->d_name, one) > 0) snprintf(one, NAME_MAX + 1, "%s", e->d_name);
    }
    if (folder) closedir(folder);
    return n;
}
