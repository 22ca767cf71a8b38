/* SPDX-License-Identifier: Apache-2.0 */
/* p2_files.c: the sets of the minutes that are open, at most SETS_OPEN, each file with a buffer of its own.
 *
 * A file is created with its first lines; those without any, when the minute is sealed. The marker comes last, when all
 * are closed. */
#include "cli/p2_files.h"

#include "shim/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETS_OPEN 4u
#define BUFFER    ((size_t)256 << 10)
#define PATH_ROOM 4096
#define MINUTE    (60 * NANOS_SECOND)

struct out_file {
    int    fd; /* -1: not created yet */
    char  *buffer;
    size_t used;
};

struct set {
    nanos           start;
    bool            open, refused;
    struct out_file file[P2_FILES];
};

struct p2_files {
    struct minutes_out     out;
    struct p2_files_setup  setup;
    struct set             set[SETS_OPEN];
    nanos                  sealed; /* the last one; NANOS_MIN: none */
    struct p2_files_counts counts;
    err                    fault;
    char                   path[PATH_ROOM]; /* of the fault */
};

/* --- paths --------------------------------------------------------------------------------------------------- */

static void file_path(const struct p2_files *f, nanos start, enum p2_file which, char *path)
{
    snprintf(path, PATH_ROOM, "%s/_%s_@%lld", f->setup.dir, p2_file_name(which), (long long)(start / NANOS_SECOND));
}

static void marker_path(const struct p2_files *f, nanos start, char *path)
{
    snprintf(path, PATH_ROOM, "%s/__@%lld.finished", f->setup.dir, (long long)(start / NANOS_SECOND));
}

static bool fail(struct p2_files *f, const char *path, err e)
{
    if (!err_is(f->fault)) {
        f->fault = e;
        snprintf(f->path, sizeof f->path, "%s", path);
    }
    return false;
}

/* --- one file ------------------------------------------------------------------------------------------------ */

static bool file_create(struct p2_files *f, struct set *s, enum p2_file which)
{
    char path[PATH_ROOM];
    file_path(f, s->start, which, path);
    s->file[which].fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return s->file[which].fd >= 0 || fail(f, path, err_os("create"));
}

static bool file_flush(struct p2_files *f, struct set *s, enum p2_file which, slice more)
{
    struct out_file *file = &s->file[which];
    bool             good = write_all(file->fd, file->buffer, file->used) == file->used &&
                            write_all(file->fd, more.at, more.len) == more.len;
    file->used = 0;
    if (good) return true;
    err  e = err_os("write");
    char path[PATH_ROOM];
    file_path(f, s->start, which, path);
    return fail(f, path, e);
}

static bool file_write(struct p2_files *f, struct set *s, enum p2_file which, slice text)
{
    struct out_file *file = &s->file[which];
    if (file->fd < 0 && !file_create(f, s, which)) return false;
    if (file->buffer == NULL) {
        file->buffer = malloc(BUFFER);
        WEIR_ASSERT(file->buffer != NULL);
    }
    f->counts.bytes += text.len;
    if (file->used + text.len > BUFFER) return file_flush(f, s, which, text);
    memcpy(file->buffer + file->used, text.at, text.len);
    file->used += text.len;
    return true;
}

static bool file_close(struct p2_files *f, struct set *s, enum p2_file which)
{
    struct out_file *file = &s->file[which];
    bool             good = file_flush(f, s, which, slice_of(NULL, 0));
    int              fd = file->fd;
    file->fd = -1;
    if (close(fd) == 0) return good;
    err  e = err_os("close");
    char path[PATH_ROOM];
    file_path(f, s->start, which, path);
    return fail(f, path, e);
}

/* --- a set --------------------------------------------------------------------------------------------------- */

static bool wanted(const struct p2_files *f, enum p2_file which)
{
    return which == P2_ARP ? f->setup.arp : which == P2_ETH ? f->setup.eth : true;
}

/* A finished set makes place for its successor: marker first, so that no half set is marked. */
static void set_remove(const struct p2_files *f, nanos start)
{
    char path[PATH_ROOM];
    marker_path(f, start, path);
    unlink(path);
    for (u32 i = 0; i < P2_FILES; i++) {
        file_path(f, start, (enum p2_file)i, path);
        unlink(path);
    }
}

static void set_begin(struct p2_files *f, struct set *s, nanos start)
{
    char path[PATH_ROOM];
    s->start = start;
    s->open = true;
    s->refused = false;
    marker_path(f, start, path);
    if (start < 0) { /* a file's name has no sign */
        s->refused = true;
    } else if (access(path, F_OK) == 0) {
        if (f->setup.replace) set_remove(f, start);
        else s->refused = true;
        if (s->refused && !f->setup.go_on) fail(f, path, (err){ ERR_STATE, "this minute is finished already", 0 });
    }
    if (s->refused) f->counts.refused_sets++;
}

static struct set *set_find(struct p2_files *f, nanos start)
{
    struct set *room = NULL;
    for (u32 i = 0; i < SETS_OPEN; i++) {
        if (f->set[i].open && f->set[i].start == start) return &f->set[i];
        if (!f->set[i].open && room == NULL) room = &f->set[i];
    }
    WEIR_ASSERT(room != NULL && (f->sealed == NANOS_MIN || start > f->sealed));
    set_begin(f, room, start);
    return room;
}

static bool set_finish(struct p2_files *f, struct set *s)
{
    for (u32 i = 0; i < P2_FILES; i++)
        if (wanted(f, (enum p2_file)i) && s->file[i].fd < 0 && !file_create(f, s, (enum p2_file)i)) return false;
    for (u32 i = 0; i < P2_FILES; i++)
        if (s->file[i].fd >= 0 && !file_close(f, s, (enum p2_file)i)) return false;
    char path[PATH_ROOM];
    marker_path(f, s->start, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return fail(f, path, err_os("create"));
    close(fd);
    f->counts.sets++;
    return true;
}

/* What is not whole goes away again. */
static void set_abandon(struct p2_files *f, struct set *s)
{
    for (u32 i = 0; i < P2_FILES; i++) {
        if (s->file[i].fd < 0) continue;
        close(s->file[i].fd);
        s->file[i].fd = -1;
    }
    if (s->open && !s->refused) set_remove(f, s->start);
    s->open = false;
}

static void set_empty(struct p2_files *f, nanos start)
{
    struct set *s = set_find(f, start);
    if (err_is(f->fault)) return;
    if (!s->refused && set_finish(f, s)) f->counts.empty_sets++;
    if (!err_is(f->fault)) s->open = false;
}

/* --- what minutes says --------------------------------------------------------------------------------------- */

static void out_lines(struct minutes_out *out, nanos start, enum p2_file which, slice text, u64 lines)
{
    struct p2_files *f = container_of(out, struct p2_files, out);
    if (err_is(f->fault) || text.len == 0) return;
    struct set *s = set_find(f, start);
    if (err_is(f->fault)) return;
    if (s->refused) {
        f->counts.refused_lines += lines;
        return;
    }
    if (file_write(f, s, which, text)) f->counts.lines += lines;
}

static bool spoke(const struct p2_files *f, nanos start)
{
    for (u32 i = 0; i < SETS_OPEN; i++)
        if (f->set[i].open && f->set[i].start == start) return true;
    return false;
}

static void fill_gap(struct p2_files *f, nanos until)
{
    if (f->sealed == NANOS_MIN || until - f->sealed <= MINUTE) return;
    if ((until - f->sealed) / MINUTE > P2_FILES_GAP_MAX) {
        f->counts.gaps++;
        return;
    }
    for (nanos at = f->sealed + MINUTE; at < until && !err_is(f->fault); at += MINUTE) {
        if (!spoke(f, at)) set_empty(f, at);
    }
}

static void out_sealed(struct minutes_out *out, nanos start)
{
    struct p2_files *f = container_of(out, struct p2_files, out);
    if (err_is(f->fault)) return;
    WEIR_ASSERT(f->sealed == NANOS_MIN || start > f->sealed);
    if (!spoke(f, start)) {
        if (!f->setup.every_minute) return;
        fill_gap(f, start);
        if (!err_is(f->fault)) set_empty(f, start);
    } else {
        if (f->setup.every_minute) fill_gap(f, start);
        struct set *s = set_find(f, start);
        if (!err_is(f->fault) && !s->refused) set_finish(f, s);
        if (!err_is(f->fault)) s->open = false;
    }
    f->sealed = start;
}

/* --- open and close ------------------------------------------------------------------------------------------ */

struct p2_files *p2_files_open(const struct p2_files_setup *setup, err *e)
{
    *e = OK;
    if (mkdir(setup->dir, 0755) != 0 && errno != EEXIST) {
        *e = err_os("make folder");
        return NULL;
    }
    struct p2_files *f = calloc(1, sizeof *f);
    WEIR_ASSERT(f != NULL);
    f->out = (struct minutes_out){ .lines = out_lines, .sealed = out_sealed };
    f->setup = *setup;
    f->sealed = NANOS_MIN;
    for (u32 i = 0; i < SETS_OPEN; i++)
        for (u32 k = 0; k < P2_FILES; k++) f->set[i].file[k].fd = -1;
    return f;
}

void p2_files_close(struct p2_files *f)
{
    if (f == NULL) return;
    for (u32 i = 0; i < SETS_OPEN; i++) {
        set_abandon(f, &f->set[i]);
        for (u32 k = 0; k < P2_FILES; k++) free(f->set[i].file[k].buffer);
    }
    free(f);
}

struct minutes_out *p2_files_out(struct p2_files *f)
{
    return &f->out;
}

const struct p2_files_counts *p2_files_counts(const struct p2_files *f)
{
    return &f->counts;
}

err p2_files_fault(const struct p2_files *f, const char **path)
{
    *path = f->path;
    return f->fault;
}

#define COUNT(field, unit, doc) { #field, unit, doc, offsetof(struct p2_files_counts, field) }
const struct metric p2_files_metrics[] = {
    COUNT(sets, "sets", "minutes written, marker and all"),
    COUNT(empty_sets, "sets", "... of which nothing spoke in"),
    COUNT(lines, "lines", "written"),
    COUNT(bytes, "bytes", "written"),
    COUNT(refused_sets, "sets", "not written: finished before, or before 1970"),
    COUNT(refused_lines, "lines", "not written for that reason"),
    COUNT(gaps, "gaps", "silences of more than a week, not filled with empty sets"),
    { .name = NULL },
};
#undef COUNT
