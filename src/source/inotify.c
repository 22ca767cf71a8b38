/* SPDX-License-Identifier: Apache-2.0 */
/* inotify.c: three system calls and the walk over their events. */
#include "source/inotify.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

int inotify_open(void)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int inotify_watch(int fd, const char *path)
{
    int wd = inotify_add_watch(fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    return wd < 0 ? -errno : wd;
}

void inotify_unwatch(int fd, int wd)
{
    inotify_rm_watch(fd, wd); /* EINVAL: the kernel removed it first, which is as good */
}

static void tell_event(const struct inotify_event *e, slice name, const struct inotify_ear *ear, void *arg)
{
    if (e->mask & IN_Q_OVERFLOW) ear->overflow(arg);
    else if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) ear->lost(arg, e->wd);
    else if (name.len && !(e->mask & IN_ISDIR)) ear->name(arg, name);
}

void inotify_tell(const char *buffer, size_t len, const struct inotify_ear *ear, void *arg)
{
    struct inotify_event e;
    while (len >= sizeof e) {
        memcpy(&e, buffer, sizeof e); /* the kernel pads to sizeof e, but a buffer of bytes promises no alignment */
        if (e.len > len - sizeof e) return;
        tell_event(&e, slice_of(buffer + sizeof e, strnlen(buffer + sizeof e, e.len)), ear, arg);
        buffer += sizeof e + e.len;
        len -= sizeof e + e.len;
    }
}
