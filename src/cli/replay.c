/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c: weir replay: recorded P2 files into a folder as P2 would write them: create, write, close, then the marker.
 *
 * The recording keeps its gaps: minute m appears m minutes after the first, divided by the speed. Only file names are
 * shifted in time; lines are copied as they are. */
#include "cli/command.h"
#include "cli/progress.h"
#include "shim/write.h"
#include "weir/slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define BUFFER    ((size_t)256 << 10)
#define FILES_MAX (1u << 20)
#define PATH_ROOM 4096

struct recorded {
    u64  epoch;
    u64  size;
    bool marker;
    char name[64]; /* "_tcp_@" or "__@": what stands before the epoch */
};

struct replay {
    const char      *from, *to;
    struct recorded *file;
    u32              count;
    f64              speed; /* 0: as fast as it goes */
    i64              shift; /* seconds               */
    u64              keep;  /* minutes left in `to`; 0: all */
    u64              period; /* of the recording, seconds */
    u64              done;
    char            *buffer;
    struct progress  progress;
    struct timespec  begin;
};

static bool replay_fail(const char *path)
{
    fprintf(stderr, "weir replay: %s: %s\n", path, strerror(errno));
    return false;
}

/* _PROTO_@E or __@E.finished; false: not P2's. */
static bool recorded_parse(const char *name, struct recorded *r)
{
    slice rest, head = slice_cut(slice_str(name), '@', &rest);
    if (rest.at == NULL || head.len + 2 > sizeof r->name || !slice_starts(head, S("_"))) return false;
    r->marker = slice_eq(head, S("__")) && slice_ends(rest, S(".finished"));
    if (r->marker) rest.len -= 9;
    else if (head.len < 3 || !slice_ends(head, S("_"))) return false;
    snprintf(r->name, sizeof r->name, "%.*s@", (int)head.len, head.at);
    return slice_u64(rest, &r->epoch) && r->epoch < 100000000000ull;
}

/* By epoch; data by name before the marker. */
static int recorded_cmp(const void *a, const void *b)
{
    const struct recorded *x = a, *y = b;
    if (x->epoch != y->epoch) return x->epoch < y->epoch ? -1 : 1;
    if (x->marker != y->marker) return x->marker ? 1 : -1;
    return strcmp(x->name, y->name);
}

static bool replay_list(struct replay *r)
{
    DIR *dir = opendir(r->from);
    if (dir == NULL) return replay_fail(r->from);
    u32 room = 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct recorded f;
        struct stat     st;
        if (!recorded_parse(d->d_name, &f) || fstatat(dirfd(dir), d->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
            continue;
        f.size = (u64)st.st_size;
        if (r->count == room) {
            room = room ? room * 2 : 1024;
            if (room > FILES_MAX) {
                fprintf(stderr, "weir replay: %s: more than %u files\n", r->from, FILES_MAX);
                closedir(dir);
                return false;
            }
            r->file = realloc(r->file, room * sizeof *r->file);
            WEIR_ASSERT(r->file != NULL);
        }
        r->file[r->count++] = f;
    }
    closedir(dir);
    if (r->count == 0) {
        fprintf(stderr, "weir replay: %s: no P2 files (_tcp_@EPOCH and the like)\n", r->from);
        return false;
    }
    qsort(r->file, r->count, sizeof *r->file, recorded_cmp);
    r->period = r->file[r->count - 1].epoch - r->file[0].epoch + 60;
    return true;
}

static void file_path(char *path, const char *dir, const struct recorded *f, i64 shift)
{
    snprintf(path, PATH_ROOM, "%s/%s%lld%s", dir, f->name, (long long)((i64)f->epoch + shift),
             f->marker ? ".finished" : "");
}

static bool replay_file(struct replay *r, const struct recorded *f, i64 shift)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    file_path(from, r->from, f, 0);
    file_path(to, r->to, f, shift);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return replay_fail(from);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (out < 0) {
        close(in);
        return replay_fail(to);
    }
    ssize_t n;
    while ((n = read(in, r->buffer, BUFFER)) > 0) {
        if (write_all(out, r->buffer, (size_t)n) < (size_t)n) break;
        r->done += (u64)n;
        progress_at(&r->progress, r->done);
    }
    bool good = n == 0;
    close(in);
    if (close(out) != 0) good = false;
    return good || replay_fail(to);
}

/* Waits until `seconds` of the recording's time have passed since the first minute. */
static void replay_wait(const struct replay *r, f64 seconds)
{
    if (r->speed <= 0) return;
    f64             at = seconds / r->speed;
    struct timespec until = r->begin;
    until.tv_sec += (time_t)at;
    until.tv_nsec += (long)((at - (f64)(time_t)at) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
}

/* As a site's file deleter would: what is older than `keep` minutes goes. */
static void replay_delete(const struct replay *r, i64 epoch)
{
    DIR *dir = r->keep ? opendir(r->to) : NULL;
    if (dir == NULL) return;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct recorded f;
        if (recorded_parse(d->d_name, &f) && (i64)(f.epoch + 60 * r->keep) <= epoch) unlinkat(dirfd(dir), d->d_name, 0);
    }
    closedir(dir);
}

static bool replay_pass(struct replay *r, u64 pass)
{
    i64 shift = r->shift + (i64)(pass * r->period);
    u64 first = r->file[0].epoch, last = UINT64_MAX;
    for (u32 i = 0; i < r->count; i++) {
        const struct recorded *f = &r->file[i];
        if (f->epoch != last) {
            replay_wait(r, (f64)(pass * r->period + (f->epoch - first)));
            replay_delete(r, (i64)f->epoch + shift);
        }
        last = f->epoch;
        if (!replay_file(r, f, shift)) return false;
    }
    return true;
}

/* --shift now: the first minute of the recording becomes this one. */
static bool replay_shift(struct replay *r, const char *text)
{
    char *end;
    if (text == NULL) return true;
    if (strcmp(text, "now") == 0) {
        i64 now = (i64)time(NULL);
        r->shift = now - now % 60 - (i64)(r->file[0].epoch - r->file[0].epoch % 60);
        return true;
    }
    r->shift = strtoll(text, &end, 10);
    return end != text && *end == '\0' && (i64)r->file[0].epoch + r->shift >= 0;
}

/* Into the recording itself, it would truncate the files it is about to read. */
static bool same_folder(const char *from, const char *to)
{
    struct stat a, b;
    return stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Plays the listed files, pass after pass. */
static int replay_play(struct replay *r, const struct args *a)
{
    u64 passes = args_has(a, "loop") ? UINT64_MAX : 1, bytes = 0;
    if (!replay_shift(r, args_text(a, "shift"))) return usage_error(a, "--shift: `now` or seconds were expected");
    if (mkdir(r->to, 0755) != 0 && errno != EEXIST) return replay_fail(r->to), EX_IOERR;
    if (same_folder(r->from, r->to))
        return usage_error(a, "FROM and TO are the same folder: the recording would be overwritten");
    r->buffer = malloc(BUFFER);
    WEIR_ASSERT(r->buffer != NULL);
    for (u32 i = 0; i < r->count; i++) bytes += r->file[i].size;
    progress_open(&r->progress, "replay", args_has(a, "loop") ? 0 : bytes);
    clock_gettime(CLOCK_MONOTONIC, &r->begin);
    bool good = true;
    for (u64 pass = 0; pass < passes && good; pass++) good = replay_pass(r, pass);
    progress_close(&r->progress, r->done);
    return good ? EX_OK : EX_IOERR;
}

static int run_replay(const struct args *a)
{
    struct replay r = { .from = a->positional[0], .to = a->positional[1] };
    r.speed = args_f64(a, "speed", 0, 1e9);
    r.keep = args_u64(a, "keep", 0, 1u << 30);
    int code = replay_list(&r) ? replay_play(&r, a) : EX_NOINPUT;
    free(r.buffer);
    free(r.file);
    return code;
}

static const char *const replay_text[] = {
    "Copies the P2 files of FROM into TO, minute by minute: each file is created, written and closed, the marker "
    "comes last. At speed 1 a minute takes a minute; at 60, a second; 0 does not wait.",
    "  weir replay recording /data/p2 --shift now --loop --keep 60",
    NULL,
};

static const struct flag replay_flags[] = {
    { "speed", 0, "FACTOR", "1", "times real time; 0: as fast as it goes" },
    { "shift", 0, "now|SECONDS", NULL, "shift the minutes in file names: to now, or by seconds" },
    { "loop", 0, NULL, NULL, "begin again at the end, later minutes each time, for ever" },
    { "keep", 0, "MINUTES", "0", "delete files older than this from TO; 0: keep all" },
    { .name = NULL },
};

const struct command command_replay = { .name = "replay",
                                        .usage = "FROM TO [--speed FACTOR] [--shift now|SECONDS] [--loop]",
                                        .summary = "play recorded P2 files into a folder, as P2 writes them",
                                        .text = replay_text,
                                        .flags = replay_flags,
                                        .least = 2,
                                        .most = 2,
                                        .run = run_replay };
