/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c: loads tag tables, watches their files, swaps them whole; a table with faults never replaces a good one. */
#include "engine/lookup.h"

#include "engine/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_BYTES_MAX ((u64)2 << 30)
#define WHY_MAX         2048

/* What tells one state of a file from another. */
struct file_mark {
    dev_t           device;
    ino_t           inode;
    off_t           size;
    struct timespec modified, changed; /* changed: its rights may be what was wrong */
};

struct lookup {
    const struct step_tag *step;
    struct lookup_version *now;
    struct file_mark       mark; /* of the file as last read, with faults or without */
    struct file_mark       seen; /* by the last poll that found it changed           */
    struct lane           *lane;
    struct lane_task       task;
    struct tag_table      *fresh; /* the lane's result */
    struct file_mark       fresh_mark;
    char                   why[WHY_MAX];
};

static bool mark_eq(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool mark_get(const char *path, struct file_mark *m)
{
    struct stat st;
    if (stat(path, &st) != 0) return false;
    *m = (struct file_mark){ st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
    return true;
}

err file_read(const char *path, u64 max, slice *out, char *why, size_t room)
{
    struct stat st;
    char       *bytes = NULL;
    err         e = OK;
    size_t      len = 0;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        e = err_os("open");
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (u64)st.st_size > max) {
        e = (err){ ERR_FULL, "not a regular file, or too large", (i64)max };
        goto out;
    }
    bytes = malloc((size_t)st.st_size + 1);
    WEIR_ASSERT(bytes != NULL);
    while (len < (size_t)st.st_size) {
        ssize_t n = read(fd, bytes + len, (size_t)st.st_size - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            e = err_os("read");
            goto out;
        }
        if (n == 0) break;
        len += (size_t)n;
    }
    bytes[len] = '\0';
    *out = slice_of(bytes, len);
out:
    if (fd >= 0) close(fd);
    if (err_is(e)) {
        char words[256];
        snprintf(why, room, "%s: %s", path, err_text(e, words, sizeof words));
        free(bytes);
    }
    return e;
}

static void problems_text(const char *path, const struct tag_problems *p, char *why, size_t room)
{
    size_t len = 0;
    for (u32 i = 0; i < p->count && i < TAG_PROBLEMS_MAX && len < room; i++)
        len += (size_t)snprintf(why + len, room - len, "%s%s:%u:%u: %s", i ? "\n" : "", path, p->at[i].line,
                                p->at[i].column, p->at[i].what);
    if (p->count > TAG_PROBLEMS_MAX && len < room)
        snprintf(why + len, room - len, "\n%s: %u more", path, p->count - TAG_PROBLEMS_MAX);
}

/* The words of the table: what `gives` names but the net. */
static u32 word_names(const struct step_tag *s, slice *names)
{
    u32 n = 0;
    for (u32 g = 0; g < s->gives; g++)
        if ((i32)g != s->net_at) names[n++] = s->give[g];
    return n;
}

static err table_load(const struct step_tag *step, struct tag_table **out, struct file_mark *mark, char *why,
                      size_t room)
{
    slice text, names[TAG_COLUMNS_MAX + 1];
    mark_get(step->path, mark); /* before reading: a change while we read is seen the next time */
    err e = file_read(step->path, TABLE_BYTES_MAX, &text, why, room);
    if (err_is(e)) return e;
    struct tag_problems *problems = calloc(1, sizeof *problems);
    WEIR_ASSERT(problems != NULL);
    u32 columns = word_names(step, names);
    e = tag_table_read(out, text, columns, names, problems);
    if (problems->count) problems_text(step->path, problems, why, room);
    else if (err_is(e)) {
        char words[256];
        snprintf(why, room, "%s: %s", step->path, err_text(e, words, sizeof words));
    }
    free(problems);
    free((char *)(uintptr_t)text.at);
    return e;
}

static struct lookup_version *version_new(struct tag_table *table)
{
    struct lookup_version *v = malloc(sizeof *v);
    WEIR_ASSERT(v != NULL);
    *v = (struct lookup_version){ table, 1 };
    return v;
}

struct lookup_version *lookup_use(struct lookup *l)
{
    l->now->users++;
    return l->now;
}

void lookup_release(struct lookup_version *v)
{
    WEIR_ASSERT(v->users > 0);
    if (--v->users) return;
    tag_table_free(v->table);
    free(v);
}

static void reload_run(struct lane_task *task)
{
    struct lookup *l = container_of(task, struct lookup, task);
    l->fresh = NULL;
    err e = table_load(l->step, &l->fresh, &l->fresh_mark, l->why, sizeof l->why);
    if (err_is(e)) l->fresh = NULL;
}

static void reload_done(struct lane_task *task)
{
    struct lookup *l = container_of(task, struct lookup, task);
    l->mark = l->fresh_mark;
    if (l->fresh == NULL) {
        log_line(LOG_ERROR, "tag table not reloaded, the old one stays in use: %s", l->why);
        return;
    }
    struct lookup_version *old = l->now;
    l->now = version_new(l->fresh);
    l->fresh = NULL;
    lookup_release(old);
    log_line(LOG_INFO, "tag table %s reloaded: %u nets", l->step->path, tag_table_rows(l->now->table));
}

void lookup_poll(struct lookup *l, bool force)
{
    struct file_mark m;
    if (lane_busy(l->lane)) return;
    if (!mark_get(l->step->path, &m)) {
        if (force) log_line(LOG_ERROR, "tag table %s: %s; the old one stays in use", l->step->path, strerror(errno));
        return;
    }
    if (!force && mark_eq(&m, &l->mark)) return;
    if (!force && !mark_eq(&m, &l->seen)) { /* somebody may be writing it: not before it stands still */
        l->seen = m;
        return;
    }
    l->task = (struct lane_task){ .run = reload_run, .done = reload_done };
    lane_give(l->lane, &l->task);
}

err lookup_open(struct lookup **out, uv_loop_t *loop, const struct step_tag *step, char *why, size_t room)
{
    struct lookup *l = calloc(1, sizeof *l);
    WEIR_ASSERT(l != NULL);
    l->step = step;
    struct tag_table *table;
    err               e = table_load(step, &table, &l->mark, why, room);
    if (err_is(e)) {
        free(l);
        return e;
    }
    l->now = version_new(table);
    l->lane = lane_open(loop, "weir-tags");
    *out = l;
    return OK;
}

bool lookup_busy(const struct lookup *l)
{
    return lane_busy(l->lane);
}

void lookup_close(struct lookup *l)
{
    lane_close(l->lane);
    lookup_release(l->now);
    free(l);
}
