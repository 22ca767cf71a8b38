/* SPDX-License-Identifier: Apache-2.0 */
/* lock.c: flock on a file of its own: the database itself has SQLite's byte-range locks, which any close of the file in
 * the same process would drop. */
#include "shim/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LINE 160 /* bytes of the file: fixed, so that a shorter note leaves nothing of a longer one */

/* "pid <number> <note>", padded with spaces. */
static void read_line(int fd, long *pid, char *note)
{
    char line[LINE + 1];
    ssize_t n = pread(fd, line, LINE, 0);
    line[n > 0 ? n : 0] = 0;
    *pid = 0;
    note[0] = 0;
    int at = 0;
    if (sscanf(line, "pid %ld %n", pid, &at) < 1 || at == 0) return;
    size_t len = strcspn(line + at, "\n");
    while (len > 0 && line[at + (int)len - 1] == ' ') len--;
    if (len >= LOCK_NOTE) len = 0;
    memcpy(note, line + at, len);
    note[len] = 0;
}

#define TRIES      20
#define BETWEEN_MS 50 /* a second in all: a process that was killed lives on for a moment */

static bool take(int fd)
{
    for (u32 i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
        if (errno != EWOULDBLOCK) return false;
        if (i + 1 < TRIES) nanosleep(&(struct timespec){ .tv_nsec = BETWEEN_MS * 1000000l }, NULL);
        errno = EWOULDBLOCK;
    }
    return false;
}

err lock_open(struct lock *l, const char *path, char *why, size_t room)
{
    *l = (struct lock){ .fd = -1 };
    char *name;
    WEIR_ASSERT(asprintf(&name, "%s.lock", path) >= 0);
    err e = OK;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        e = err_os("open a lock file");
        snprintf(why, room, "%s: cannot create %s: %s", path, name, strerror(errno));
        goto done;
    }
    long pid;
    read_line(fd, &pid, l->note);
    if (take(fd)) {
        read_line(fd, &pid, l->note); /* the holder of a moment ago may have written again */
        l->fd = fd;
        lock_note(l, l->note);
    } else if (errno == EWOULDBLOCK) {
        e = (err){ ERR_STATE, "file is in use by another process", pid };
        snprintf(why, room, "%s: is in use by another weir (process %ld, lock %s)", path, pid, name);
        close(fd);
    } else {
        e = err_os("lock a file");
        snprintf(why, room, "%s: cannot lock %s: %s", path, name, strerror(errno));
        close(fd);
    }
done:
    free(name);
    return e;
}

void lock_note(struct lock *l, const char *note)
{
    char line[LINE + 1];
    int n = snprintf(line, sizeof line, "pid %ld %s", (long)getpid(), note);
    WEIR_ASSERT(n > 0 && n < LINE);
    memset(line + n, ' ', (size_t)(LINE - 1 - n));
    line[LINE - 1] = '\n';
    ssize_t written = pwrite(l->fd, line, LINE, 0);
    (void)written;
}

void lock_close(struct lock *l)
{
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
}
