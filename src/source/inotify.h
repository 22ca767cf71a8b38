/* SPDX-License-Identifier: Apache-2.0 */
/* inotify.h: the kernel's word that a file was closed or moved into a directory.
 *
 * Our own descriptor, because libuv's uv_fs_event never asks for IN_CLOSE_WRITE and throws IN_Q_OVERFLOW away. Only a
 * hint: what another host does to a network file system is never announced, so scanning is the truth. */
#pragma once

#include "weir/slice.h"

/* Enough for many events of the longest name, read at once. */
#define INOTIFY_BUFFER 65536u

struct inotify_ear {
    void (*name)(void *arg, slice name); /* closed after writing, or moved here; borrowed           */
    void (*overflow)(void *arg);         /* events were lost: scan                                  */
    void (*lost)(void *arg, int wd);     /* the directory was removed or moved, or its disk went away */
};

/* A descriptor, non-blocking and close-on-exec; <0: -errno. */
int inotify_open(void);

/* Watches a directory. Gives the watch (the same one for the same directory) or -errno. Any thread. */
int inotify_watch(int fd, const char *path);

void inotify_unwatch(int fd, int wd);

/* Tells the ear each event in a buffer that read() filled. */
void inotify_tell(const char *buffer, size_t len, const struct inotify_ear *ear, void *arg);
