/* SPDX-License-Identifier: Apache-2.0 */
/* rowlog.c: blocks of a MiB into the slot's file, and back as one piece of memory. See rowlog.h. */
#include "snapshot/rowlog.h"

#include "weir/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((u32)1 << 20)
#define SPARES 2u /* files that wait to be used again */
#define ALIGN 4096u /* of what goes around the page cache */

static char *path_of(const char *state, u32 slot)
{
    char *path;
    WEIR_ASSERT(asprintf(&path, "%s-rows.%u", state, slot) > 0);
    return path;
}

static void slot_remove(const char *state, u32 slot)
{
    char *path = path_of(state, slot);
    unlink(path);
    free(path);
}

/* The folder of the state, with no / at its end; malloc'd. */
static char *folder_of(const char *state)
{
    const char *slash = strrchr(state, '/');
    if (slash == NULL) return slice_dup(S("."));
    return slice_dup(slice_of(state, slash == state ? 1 : (size_t)(slash - state)));
}

/* Which slots have a file? What cannot be listed has none. */
static void slots_find(const char *state, bool there[ROWLOG_SLOTS])
{
    const char *slash = strrchr(state, '/'), *base = slash ? slash + 1 : state;
    size_t      len = strlen(base);
    char       *folder = folder_of(state);
    DIR        *d = opendir(folder);
    memset(there, 0, ROWLOG_SLOTS * sizeof *there);
    for (struct dirent *n; d != NULL && (n = readdir(d)) != NULL;) {
        u64 slot;
        if (strncmp(n->d_name, base, len) != 0 || strncmp(n->d_name + len, "-rows.", 6) != 0) continue;
        if (slice_u64(slice_str(n->d_name + len + 6), &slot) && slot < ROWLOG_SLOTS) there[slot] = true;
    }
    if (d != NULL) closedir(d);
    free(folder);
}

void snapshot_streamed_remove(const char *state)
{
    bool there[ROWLOG_SLOTS];
    slots_find(state, there);
    for (u32 i = 0; i < ROWLOG_SLOTS; i++)
        if (there[i]) slot_remove(state, i);
}

static u64 sum_begin(u64 id, u64 epoch)
{
    const u64 words[] = { id, epoch };
    return hash_checksum(words, sizeof words, 0);
}

/* --- open, close --- */

/* But for the first `spare` of them. */
static void free_remove(struct rowlog *l, u32 spare)
{
    for (u32 i = 0; i < ROWLOG_SLOTS; i++) {
        if (!l->there[i] || l->used[i] != 0) continue;
        if (spare > 0) {
            spare--;
            continue;
        }
        slot_remove(l->path, i);
        l->there[i] = false;
    }
}

void rowlog_open(struct rowlog *l, char *path, u64 id, u32 count, const struct streamed *kept)
{
    *l = (struct rowlog){ .path = path, .id = id, .fd = -1 };
    for (u32 i = 0; i < count; i++) l->used[kept[i].slot] = kept[i].epoch + 1;
    slots_find(path, l->there);
    free_remove(l, 0);
}

void rowlog_close(struct rowlog *l)
{
    if (l->path == NULL) return;
    if (l->fd >= 0) close(l->fd);
    free_remove(l, 0);
    free(l->block);
    *l = (struct rowlog){ .fd = -1 };
}

/* A file's name is as much as its content. */
static err folder_sync(const char *path)
{
    char *folder = folder_of(path);
    int   fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) return err_os("open the state's folder");
    err e = fsync(fd) == 0 ? OK : err_os("sync the state's folder");
    close(fd);
    return e;
}

/* Not every file system can go around the page cache. */
static int slot_file(const char *path)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC, fd = open(path, flags | O_DIRECT, 0600);
    return fd >= 0 || errno != EINVAL ? fd : open(path, flags, 0600);
}

static err slot_begin(struct rowlog *l, u64 epoch)
{
    u32 slot = 0;
    while (slot < ROWLOG_SLOTS && l->used[slot] != 0) slot++;
    if (slot == ROWLOG_SLOTS) return (err){ ERR_FULL, "epochs whose rows are kept", ROWLOG_SLOTS };
    char *path = path_of(l->path, slot);
    l->fd = slot_file(path);
    err e = l->fd >= 0 ? folder_sync(l->path) : err_os("open a file of rows beside the state");
    free(path);
    if (err_is(e)) {
        if (l->fd >= 0) close(l->fd);
        l->fd = -1;
        return e;
    }
    if (l->block == NULL) l->block = aligned_alloc(ALIGN, BLOCK);
    WEIR_ASSERT(l->block != NULL);
    l->slot = slot;
    l->used[slot] = epoch + 1;
    l->there[slot] = true;
    l->fill = 0;
    l->bytes = 0;
    l->sum = sum_begin(l->id, epoch);
    l->sealed = false;
    return OK;
}

/* --- writing --- */

/* len: of the block, up to what must be aligned. */
static err put(struct rowlog *l, u32 len)
{
    for (u32 done = 0; done < len;) {
        ssize_t n = pwrite(l->fd, l->block + done, len - done, (off_t)(l->bytes + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EINVAL && fcntl(l->fd, F_GETFL) & O_DIRECT) { /* it can, but not for these blocks */
            if (fcntl(l->fd, F_SETFL, 0) == 0) continue;
        }
        if (n < 0) return err_os("write rows beside the state");
        if (n == 0) return (err){ ERR_OS, "write rows beside the state", ENOSPC };
        done += (u32)n;
    }
    return OK;
}

static err block_put(struct rowlog *l)
{
    err e = put(l, BLOCK);
    if (err_is(e)) return e;
    l->sum = hash_checksum(l->block, BLOCK, l->sum);
    l->bytes += BLOCK;
    l->fill = 0;
    return OK;
}

err rowlog_append(struct rowlog *l, u64 epoch, slice *rows)
{
    err e = l->fd < 0 && rows->len > 0 ? slot_begin(l, epoch) : OK;
    if (rows->len > 0) l->sealed = false;
    while (!err_is(e) && rows->len > 0) {
        if (l->fill == BLOCK) e = block_put(l);
        if (err_is(e)) break;
        u32 n = rows->len < BLOCK - l->fill ? (u32)rows->len : BLOCK - l->fill;
        memcpy(l->block + l->fill, rows->at, n);
        l->fill += n;
        *rows = slice_of(rows->at + n, rows->len - n);
    }
    return e;
}

/* The last block is shorter than its write: what lies behind `bytes` means nothing. */
static err tail_put(struct rowlog *l)
{
    u32 len = (u32)round_up(l->fill, ALIGN);
    memset(l->block + l->fill, 0, len - l->fill);
    return put(l, len);
}

err rowlog_seal(struct rowlog *l, u64 epoch, struct streamed *out, bool *fatal)
{
    *out = (struct streamed){ 0 };
    *fatal = false;
    if (l->fd < 0) return OK;
    WEIR_ASSERT(l->used[l->slot] == epoch + 1);
    if (!l->sealed) {
        err e = l->fill > 0 ? tail_put(l) : OK;
        if (err_is(e)) return e;
        if (fdatasync(l->fd) != 0) { /* the kernel may have thrown away what it could not write: never again */
            *fatal = true;
            return err_os("sync rows beside the state");
        }
        u64 sum = l->fill > 0 ? hash_checksum(l->block, l->fill, l->sum) : l->sum;
        l->last = (struct streamed){ .id = l->id, .epoch = epoch, .bytes = l->bytes + l->fill, .sum = sum,
                                     .slot = l->slot };
        l->sealed = true;
    }
    *out = l->last;
    return OK;
}

void rowlog_release(struct rowlog *l, u64 delivered, u32 spare)
{
    for (u32 i = 0; i < ROWLOG_SLOTS; i++)
        if (l->used[i] != 0 && l->used[i] <= delivered + 1 && (l->fd < 0 || i != l->slot)) l->used[i] = 0;
    free_remove(l, spare);
}

void rowlog_committed(struct rowlog *l, u64 delivered)
{
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    rowlog_release(l, delivered, SPARES);
}

/* --- reading --- */

static err unreadable(const char *path, const char *words, char *why)
{
    snprintf(why, SNAPSHOT_WHY, "%s: %s", path, words);
    return (err){ ERR_STATE, "rows beside the state cannot be read", 0 };
}

static err map(const char *path, const struct streamed *s, slice *rows, char *why)
{
    struct stat at;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return unreadable(path, strerror(errno), why);
    err e = fstat(fd, &at) == 0 && (u64)at.st_size >= s->bytes ? OK : unreadable(path, "is shorter than it was", why);
    void *mapped = err_is(e) ? MAP_FAILED : mmap(NULL, s->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (!err_is(e) && mapped == MAP_FAILED) e = unreadable(path, strerror(errno), why);
    close(fd);
    if (!err_is(e)) *rows = slice_of(mapped, s->bytes);
    return e;
}

static bool sound(const struct streamed *s, slice rows)
{
    u64 sum = sum_begin(s->id, s->epoch);
    for (size_t at = 0; at < rows.len; at += BLOCK) {
        size_t left = rows.len - at;
        sum = hash_checksum(rows.at + at, left < BLOCK ? left : BLOCK, sum);
    }
    return sum == s->sum;
}

err snapshot_streamed_open(const char *state, const struct streamed *s, slice *rows, char *why)
{
    *rows = (slice){ 0 };
    if (s->bytes == 0) return OK;
    char *path = path_of(state, s->slot);
    err   e = map(path, s, rows, why);
    if (!err_is(e) && !sound(s, *rows)) {
        e = unreadable(path, "is damaged: check sum differs", why);
        snapshot_streamed_close(*rows);
        *rows = (slice){ 0 };
    }
    free(path);
    return e;
}

void snapshot_streamed_close(slice rows)
{
    if (rows.len > 0) munmap((void *)(uintptr_t)rows.at, rows.len);
}
