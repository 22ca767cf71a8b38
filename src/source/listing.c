/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c: opendir, readdir, statx. */
#include "source/listing.h"

#include "source/inotify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* File systems that other hosts change without a word to our kernel's inotify. */
static const u32 remotes[] = {
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, AFS_SUPER_MAGIC, CODA_SUPER_MAGIC,
    V9FS_MAGIC,      CEPH_SUPER_MAGIC, 0x0bd00bd0u /* Lustre */, 0x47504653u /* GPFS */, 0x013111a8u /* IBRIX */,
};

bool listing_look(const char *directory, slice name, struct look *out)
{
    char path[PATH_MAX];
    int  n = snprintf(path, sizeof path, "%s/%.*s", directory, (int)name.len, name.at);
    return n > 0 && (size_t)n < sizeof path && look_at(AT_FDCWD, path, out) == 0;
}

static void listing_add(struct listing *l, int directory, const struct dirent *entry)
{
    slice         name = slice_str(entry->d_name);
    struct listed item = { .p2 = p2name_parse(name) };
    if (item.p2.kind != P2_OTHER && entry->d_type == DT_DIR) item.p2 = (struct p2_name){ P2_OTHER };
    if (item.p2.kind == P2_FILE) {
        int fault = look_at(directory, entry->d_name, &item.look);
        if (fault == ENOENT && entry->d_type != DT_LNK) return; /* vanished since readdir saw it */
        if (fault == EINVAL || fault == ENOENT || fault == ELOOP) item.p2 = (struct p2_name){ P2_OTHER };
        item.known = fault == 0;
    }
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 1024;
        l->at = realloc(l->at, l->room * sizeof *l->at);
        WEIR_ASSERT(l->at != NULL);
    }
    item.name = arena_copy(&l->names, name);
    l->at[l->count++] = item;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int listing_read(struct listing *l, DIR *directory)
{
    struct dirent *entry;
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        if (is_dots(entry->d_name)) continue;
        if (l->count >= l->max) {
            l->full = true;
            return 0;
        }
        listing_add(l, dirfd(directory), entry);
    }
    return errno;
}

static int listing_home(struct listing *l, int fd)
{
    struct stat   s;
    struct statfs file_system;
    if (fstat(fd, &s) < 0 || fstatfs(fd, &file_system) < 0) return errno;
    l->home = s.st_ino;
    for (size_t i = 0; i < WEIR_COUNT(remotes); i++) l->remote |= (u32)file_system.f_type == remotes[i];
    return 0;
}

struct listing *listing_new(const char *path, int inotify, u64 max, u32 number)
{
    struct listing *l = calloc(1, sizeof *l);
    WEIR_ASSERT(l != NULL);
    *l = (struct listing){ .path = path, .inotify = inotify, .max = max, .number = number };
    arena_init(&l->names, 0);
    return l;
}

void listing_make(struct listing *l)
{
    if (l->inotify >= 0) l->wd = inotify_watch(l->inotify, l->path);
    int fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        l->fault = errno;
        return;
    }
    l->fault = listing_home(l, fd);
    DIR *directory = l->fault ? NULL : fdopendir(fd);
    if (directory == NULL) {
        if (l->fault == 0) l->fault = errno;
        close(fd);
        return;
    }
    l->fault = listing_read(l, directory);
    closedir(directory);
}

void listing_free(struct listing *l)
{
    free(l->at);
    arena_fini(&l->names);
    free(l);
}
