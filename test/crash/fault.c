/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c: an LD_PRELOAD library that counts a program's file calls and strikes at the Nth.
 *
 * Counted: writes (write pwrite writev pwritev), fsync fdatasync, ftruncate, rename, unlink and every open that may
 * create, on regular files and directories only: pipes, event descriptors and terminals are none of a crash test's
 * business. Not seen: what libc calls inside itself (stdio's own writes) and stores into mapped memory.
 *
 *   WEIR_FAULT_AT=N          strike at call N (from 1) and, as TIMES says, at those after it. Absent: only count
 *   WEIR_FAULT_TIMES=K       for kinds that return: at most K strikes (default 1; 0: for ever)
 *   WEIR_FAULT_WHILE=FILE    strike only while this file exists (a disk that is full until space returns)
 *   WEIR_FAULT_KIND=         kill  SIGKILL before the call      torn  half of a write is done, then SIGKILL
 *                            eio, enospc  the call fails        short a write takes half
 *   WEIR_FAULT_CALL=write    count only write, fsync, ftruncate, rename, unlink or open
 *   WEIR_FAULT_PATH=TEXT     count only calls on files whose path has this text
 *   WEIR_FAULT_COUNT_FILE=F  the count goes there, at the end or before the kill */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_COUNT, KIND_KILL, KIND_TORN, KIND_EIO, KIND_ENOSPC, KIND_SHORT };

/* A preloaded library has no caller to hold its state. */
static atomic_long  calls, strikes;
static long         strike_at, strike_times = 1;
static enum kind    strike_kind;
static const char  *strike_call, *strike_path, *strike_while, *count_file;

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void fault_begin(void)
{
    static const char *const kinds[] = { "count", "kill", "torn", "eio", "enospc", "short" };

    const char *kind = getenv("WEIR_FAULT_KIND");
    strike_at = number("WEIR_FAULT_AT", 0);
    strike_times = number("WEIR_FAULT_TIMES", 1);
    strike_call = getenv("WEIR_FAULT_CALL");
    strike_path = getenv("WEIR_FAULT_PATH");
    strike_while = getenv("WEIR_FAULT_WHILE");
    count_file = getenv("WEIR_FAULT_COUNT_FILE");
    for (unsigned i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0) strike_kind = (enum kind)i;
}

static void count_write(void)
{
    if (!count_file) return;
    char text[64];
    int  n = snprintf(text, sizeof text, "%ld %ld\n", atomic_load(&calls), atomic_load(&strikes));
    long fd = syscall(SYS_openat, AT_FDCWD, count_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return;
    syscall(SYS_write, fd, text, (size_t)n);
    syscall(SYS_close, fd);
}

__attribute__((destructor)) static void fault_end(void)
{
    count_write();
}

static void die(void)
{
    count_write();
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

/* Whether a call on this path is one of those that count. */
static bool path_counts(const char *path)
{
    return !strike_path || (path && strstr(path, strike_path));
}

static bool fd_counts(int fd)
{
    struct stat s;
    if (fstat(fd, &s) != 0 || !(S_ISREG(s.st_mode) || S_ISDIR(s.st_mode))) return false;
    if (!strike_path) return true;
    char    link[64], path[PATH_MAX + 1];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX);
    if (n < 0) return false;
    path[n] = '\0';
    return path_counts(path);
}

/* Counts a call; true: it is to be struck now. */
static bool due(const char *call, bool counts)
{
    if (!counts || (strike_call && strcmp(strike_call, call) != 0)) return false;
    long n = atomic_fetch_add(&calls, 1) + 1;
    if (strike_at == 0 || strike_kind == KIND_COUNT || n < strike_at) return false;
    if (strike_while && syscall(SYS_faccessat, AT_FDCWD, strike_while, F_OK) != 0) return false;
    return strike_times == 0 || atomic_fetch_add(&strikes, 1) < strike_times;
}

/* What a struck call returns where there is no half of it to do. */
static int fail(void)
{
    if (strike_kind == KIND_KILL || strike_kind == KIND_TORN) die();
    errno = strike_kind == KIND_EIO ? EIO : ENOSPC;
    return -1;
}

static bool halves(void)
{
    return strike_kind == KIND_TORN || strike_kind == KIND_SHORT;
}

static void *next(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (!f) abort();
    return f;
}

#define NEXT(name) ((__typeof__(&name))next(#name))

ssize_t write(int fd, const void *from, size_t n)
{
    if (!due("write", fd_counts(fd))) return NEXT(write)(fd, from, n);
    if (!halves()) return fail();
    ssize_t got = NEXT(write)(fd, from, n > 1 ? n / 2 : n);
    if (strike_kind == KIND_TORN) die();
    return got;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    if (!due("write", fd_counts(fd))) return NEXT(pwrite)(fd, from, n, at);
    if (!halves()) return fail();
    ssize_t got = NEXT(pwrite)(fd, from, n > 1 ? n / 2 : n, at);
    if (strike_kind == KIND_TORN) die();
    return got;
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
    return pwrite(fd, from, n, at);
}

ssize_t writev(int fd, const struct iovec *from, int n)
{
    if (!due("write", fd_counts(fd))) return NEXT(writev)(fd, from, n);
    if (!halves()) return fail();
    ssize_t got = NEXT(writev)(fd, from, n > 1 ? n / 2 : n);
    if (strike_kind == KIND_TORN) die();
    return got;
}

ssize_t pwritev(int fd, const struct iovec *from, int n, off_t at)
{
    if (!due("write", fd_counts(fd))) return NEXT(pwritev)(fd, from, n, at);
    if (!halves()) return fail();
    ssize_t got = NEXT(pwritev)(fd, from, n > 1 ? n / 2 : n, at);
    if (strike_kind == KIND_TORN) die();
    return got;
}

ssize_t pwritev64(int fd, const struct iovec *from, int n, off64_t at)
{
    return pwritev(fd, from, n, at);
}

int fsync(int fd)
{
    return due("fsync", fd_counts(fd)) ? fail() : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    return due("fsync", fd_counts(fd)) ? fail() : NEXT(fdatasync)(fd);
}

int ftruncate(int fd, off_t length)
{
    return due("ftruncate", fd_counts(fd)) ? fail() : NEXT(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

int rename(const char *from, const char *to)
{
    return due("rename", path_counts(from) || path_counts(to)) ? fail() : NEXT(rename)(from, to);
}

int renameat(int d1, const char *from, int d2, const char *to)
{
    return due("rename", path_counts(from) || path_counts(to)) ? fail() : NEXT(renameat)(d1, from, d2, to);
}

int unlink(const char *path)
{
    return due("unlink", path_counts(path)) ? fail() : NEXT(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags)
{
    return due("unlink", path_counts(path)) ? fail() : NEXT(unlinkat)(dir, path, flags);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (due("open", flags & O_CREAT && path_counts(path))) return fail();
    return NEXT(openat)(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(dir, path, flags | O_LARGEFILE, mode);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
