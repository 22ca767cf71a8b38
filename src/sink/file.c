/* SPDX-License-Identifier: Apache-2.0 */
/* file.c: result tables as CSV or JSON lines: a file a table, or all on stdout.
 *
 * Files only grow: an amended row is one more line, with a higher revision; a cleared ranking stays, the new one
 * follows with a higher revision. Nothing is ever deleted: rotating and removing is the operator's, while weir is
 * stopped.
 * Exactly once: data first, fsync, then the epoch file with the new lengths (file_epoch.h); what lies behind a recorded
 * length at start is of an unfinished epoch and is cut off. Stdout cannot be cut: after a crash the last epoch may
 * come again, and tables follow each other in one stream with the table's name in front. */
#include "shim/lock.h"
#include "shim/write.h"
#include "sink/file_epoch.h"
#include "sink/file_format.h"
#include "sink/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BYTES ((size_t)1 << 20) /* lines are gathered up to so much before a write */

struct file_options {
    const char *path;
    u32         format; /* 0 csv, 1 json */
    bool        header;
    bool        escape_formulas;
};

/* A wanted table and its file. */
struct target {
    const struct table *table; /* NULL: not wanted               */
    u32                 mark;  /* in the epoch file; not for stdout */
    int                 fd;    /* -1: not opened yet             */
    u64                 at;    /* bytes written, of this epoch, too */
    bool                headed, touched;
    struct lines        lines;
};

struct sink {
    const struct file_options *options;
    struct line_format  format;
    bool                out; /* to stdout */
    slice               recipe;
    u32                 tables;
    const struct table *table;
    struct target      *target;
    struct value       *value;
    struct lines        lines; /* stdout: of all tables, in order */
    struct file_epoch   marks;
    struct lock         lock;
    u64                 epoch;
};

/* --- paths --- */

/* "-", also where it was put behind the recipe's folder, as paths of a recipe are. */
static bool is_stdout(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, "-") == 0;
}

/* The pattern with the table's name in every {table}; without a {table} it is a directory. malloc'd. */
static char *path_of(const struct file_options *o, slice table)
{
    struct lines to = { 0 };
    FILE *text = open_memstream(&to.at, &to.len);
    WEIR_ASSERT(text != NULL);
    const char *at = o->path, *hole;
    bool pattern = strstr(at, "{table}") != NULL;
    for (; (hole = strstr(at, "{table}")) != NULL; at = hole + 7)
        fprintf(text, "%.*s%.*s", (int)(hole - at), at, (int)table.len, table.at);
    fputs(at, text);
    if (!pattern) fprintf(text, "/%.*s.%s", (int)table.len, table.at, o->format ? "jsonl" : "csv");
    WEIR_ASSERT(fclose(text) == 0);
    return to.at;
}

/* The folder that holds all files: the directory itself, or what stands before the component with {table}. malloc'd. */
static char *folder_of(const struct file_options *o)
{
    const char *hole = strstr(o->path, "{table}");
    if (hole == NULL) return slice_dup(slice_str(o->path));
    while (hole > o->path && hole[-1] != '/') hole--;
    if (hole == o->path) return slice_dup(S("."));
    return slice_dup(slice_of(o->path, hole - 1 == o->path ? 1 : (size_t)(hole - 1 - o->path)));
}

static err os_fault(const char *path, const char *doing, char *why, size_t room)
{
    err e = err_os(doing);
    snprintf(why, room, "%s: %s: %s", path, doing, strerror((int)e.at));
    return e;
}

/* One level: a missing parent is more likely a typing error. */
static err make_folder(const char *path, char *why, size_t room)
{
    struct stat at;
    if (mkdir(path, 0755) == 0) return OK;
    if (errno != EEXIST) return os_fault(path, "make the directory", why, room);
    if (stat(path, &at) == 0 && S_ISDIR(at.st_mode)) return OK;
    snprintf(why, room, "%s: is not a directory; for one file a table give a path with {table} in it", path);
    return (err){ ERR_OS, "make the directory", ENOTDIR };
}

/* A name from the recipe must not leave the directory, nor break a line of the epoch file. */
static err check_name(slice name, char *why, size_t room)
{
    bool bad = name.len == 0 || name.len > 200 || name.at[0] == '.';
    for (size_t i = 0; i < name.len; i++) bad |= name.at[i] == '/' || (u8)name.at[i] < 0x20;
    if (!bad) return OK;
    snprintf(why, room, "table `%.*s`: its name cannot be a file's", (int)name.len, name.at);
    return (err){ ERR_CONFIG, "table name cannot be a file's", 0 };
}

/* --- opening --- */

static u64 length_of(const char *path)
{
    struct stat at;
    return stat(path, &at) == 0 && at.st_size > 0 ? (u64)at.st_size : 0;
}

/* Cuts a file to what its mark says. Missing or shorter: somebody else was at it. */
static err cut_back(const struct sink *s, const struct file_mark *m, char *why, size_t room)
{
    struct stat at;
    bool there = stat(m->path, &at) == 0;
    if (!there && m->length == 0) return OK;
    if (!there || (u64)at.st_size < m->length) {
        char is[64] = "is missing";
        if (there) snprintf(is, sizeof is, "has %llu bytes", (unsigned long long)at.st_size);
        snprintf(why, room, "%s: %s, but %llu were written up to epoch %llu; put it back, or remove %s to start anew",
                 m->path, is, (unsigned long long)m->length, (unsigned long long)s->marks.epoch, s->marks.path);
        return (err){ ERR_STATE, "file of the sink was changed", 0 };
    }
    if ((u64)at.st_size == m->length) return OK;
    int fd = open(m->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return os_fault(m->path, "open", why, room);
    bool failed = ftruncate(fd, (off_t)m->length) != 0 || fsync(fd) != 0;
    err e = failed ? os_fault(m->path, "cut off an unfinished epoch", why, room) : OK;
    close(fd);
    return e;
}

/* The first line of a CSV file that goes on must be today's header. */
static err check_header(const struct sink *s, const struct table *t, const struct file_mark *m, char *why, size_t room)
{
    if (s->options->format != 0 || !s->options->header || m->length == 0) return OK;
    struct lines want = { 0 };
    lines_header(&want, &s->format, t);
    char *is = calloc(1, want.len);
    WEIR_ASSERT(is != NULL);
    int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, is, want.len, 0);
    err e = OK;
    if (n < 0) {
        e = os_fault(m->path, "read", why, room);
    } else if ((size_t)n != want.len || memcmp(is, want.at, want.len) != 0) {
        snprintf(why, room, "%s: its columns are not those of table %.*s; move the file and %s away", m->path,
                 (int)t->name.len, t->name.at, s->marks.path);
        e = (err){ ERR_STATE, "columns of a file do not fit the recipe", 0 };
    }
    if (fd >= 0) close(fd);
    free(is);
    lines_fini(&want);
    return e;
}

static err shared(const struct sink *s, u32 a, u32 b, char *why, size_t room)
{
    slice one = s->table[a].name, two = s->table[b].name;
    snprintf(why, room, "%s: tables %.*s and %.*s would share this file", s->marks.mark[s->target[a].mark].path,
             (int)one.len, one.at, (int)two.len, two.at);
    return (err){ ERR_CONFIG, "two tables in one file", 0 };
}

/* A file without a mark keeps what it has: its length is recorded before anything is appended. */
static err find_targets(struct sink *s, char *why, size_t room, bool *fresh_marks)
{
    err e = OK;
    for (u32 i = 0; i < s->tables && !err_is(e); i++) {
        struct target *t = &s->target[i];
        if (t->table == NULL) continue;
        e = check_name(t->table->name, why, room);
        if (err_is(e)) break;
        char *path = path_of(s->options, t->table->name);
        bool fresh;
        t->mark = file_epoch_mark(&s->marks, path, length_of(path), &fresh);
        for (u32 k = 0; k < i && !err_is(e); k++)
            if (s->target[k].table != NULL && s->target[k].mark == t->mark) e = shared(s, k, i, why, room);
        *fresh_marks |= fresh;
        free(path);
    }
    return e;
}

static err open_files(struct sink *s, const struct sink_setup *setup, char *why, size_t room)
{
    char *folder = folder_of(s->options), *path;
    WEIR_ASSERT(asprintf(&path, "%s/.weir-%.*s.epoch", folder, (int)setup->name.len, setup->name.at) >= 0);
    bool fresh = false, fatal;
    err e = make_folder(folder, why, room);
    if (!err_is(e)) e = lock_open(&s->lock, path, why, room);
    if (!err_is(e)) e = file_epoch_open(&s->marks, path, s->recipe, why, room);
    for (u32 i = 0; i < s->marks.marks && !err_is(e); i++) e = cut_back(s, &s->marks.mark[i], why, room);
    if (!err_is(e)) e = find_targets(s, why, room, &fresh);
    for (u32 i = 0; i < s->tables && !err_is(e); i++) {
        struct target *t = &s->target[i];
        if (t->table == NULL) continue;
        t->at = s->marks.mark[t->mark].length;
        t->headed = t->at > 0;
        e = check_header(s, t->table, &s->marks.mark[t->mark], why, room);
    }
    if (!err_is(e) && fresh) e = file_epoch_write(&s->marks, s->recipe, why, room, &fatal);
    s->epoch = s->marks.epoch;
    free(folder);
    free(path);
    return e;
}

static void files_close(struct sink *s)
{
    if (s == NULL) return;
    for (u32 i = 0; i < s->tables; i++) {
        if (s->target[i].fd >= 0) close(s->target[i].fd);
        lines_fini(&s->target[i].lines);
    }
    file_epoch_close(&s->marks);
    lock_close(&s->lock);
    lines_fini(&s->lines);
    free(s->target);
    free(s->value);
    free(s);
}

static err files_open(struct sink **out, const struct sink_setup *setup, char *why, size_t room)
{
    struct sink *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    s->options = setup->options, s->recipe = setup->recipe;
    s->tables = setup->tables, s->table = setup->table;
    s->lock.fd = -1;
    s->out = is_stdout(s->options->path);
    s->format = (struct line_format){ s->options->format == 1, s->out, s->options->escape_formulas };
    s->target = calloc(s->tables + 1, sizeof *s->target);
    u32 widest = 1;
    for (u32 i = 0; i < s->tables; i++) {
        if (s->table[i].columns > widest) widest = s->table[i].columns;
        s->target[i] = (struct target){ .table = setup->wanted[i] ? &s->table[i] : NULL, .fd = -1 };
    }
    s->value = calloc(widest, sizeof *s->value);
    WEIR_ASSERT(s->target != NULL && s->value != NULL);
    err e = s->out ? OK : open_files(s, setup, why, room);
    *out = err_is(e) ? NULL : s;
    if (err_is(e)) files_close(s);
    return e;
}

static err files_epoch(struct sink *s, u64 *out)
{
    *out = s->epoch;
    return OK;
}

/* --- applying an epoch --- */

static const char *path_at(const struct sink *s, const struct target *t)
{
    return s->out ? "stdout" : s->marks.mark[t->mark].path;
}

/* The folder of a {table} in the middle of the path is made with its first row. */
static err open_target(struct sink *s, struct target *t)
{
    if (t->fd >= 0) return OK;
    const char *path = path_at(s, t);
    t->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (t->fd < 0 && errno == ENOENT) {
        char *folder = slice_dup(slice_of(path, (size_t)(strrchr(path, '/') - path)));
        if (mkdir(folder, 0755) == 0) file_epoch_sync_folder(folder);
        free(folder);
        t->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    }
    return t->fd < 0 ? err_os("open") : OK;
}

static err write_stream(struct lines *lines)
{
    if (write_all(STDOUT_FILENO, lines->at, lines->len) < lines->len) return err_os("write");
    lines->len = 0;
    return OK;
}

static err write_out(struct sink *s, struct target *t)
{
    err e = open_target(s, t);
    const char *at = t->lines.at;
    for (size_t left = t->lines.len; left > 0 && !err_is(e);) {
        ssize_t n = pwrite(t->fd, at, left, (off_t)t->at);
        if (n < 0 && errno != EINTR) e = err_os("write");
        if (n > 0) at += n, left -= (size_t)n, t->at += (u64)n;
    }
    t->lines.len = 0;
    return e;
}

static err add_row(struct sink *s, struct target *t, const struct row *row)
{
    struct lines *to = s->out ? &s->lines : &t->lines;
    t->touched = true;
    if (!t->headed && s->options->header && !s->format.json) lines_header(to, &s->format, t->table);
    t->headed = true;
    lines_row(to, &s->format, t->table, row);
    if (to->len < WRITE_BYTES) return OK;
    return s->out ? write_stream(to) : write_out(s, t);
}

/* *at_fault: the table whose file failed. */
static err add_rows(struct sink *s, slice rows, struct target **at_fault)
{
    if (rows.len == 0) return OK;
    struct row_reader r = { (const u8 *)rows.at, (const u8 *)rows.at + rows.len, s->table, s->tables };
    struct row row = { .value = s->value };
    err e = OK, faulty;
    while (!err_is(e) && row_next(&r, &row, &faulty)) {
        struct target *t = &s->target[row.table];
        if (t->table == NULL || row.op != ROW_PUT) continue;
        e = add_row(s, t, &row);
        *at_fault = t;
    }
    return err_is(e) ? e : faulty;
}

/* A new file's name must be on disk, too, before the epoch file speaks of it. */
static err sync_all(struct sink *s, struct target **at_fault, bool *fatal)
{
    err e = OK;
    for (u32 i = 0; i < s->tables && !err_is(e); i++) {
        struct target *t = &s->target[i];
        if (!t->touched) continue;
        *at_fault = t;
        e = write_out(s, t);
        if (err_is(e)) break;
        if (fdatasync(t->fd) != 0) e = err_os("fsync");
        else if (s->marks.mark[t->mark].length == 0) e = file_epoch_sync_folder(path_at(s, t));
        *fatal = err_is(e);
    }
    return e;
}

/* Back to the last epoch: what was appended is cut off now. False: it could not be, only a start can. */
static bool undo(struct sink *s)
{
    bool undone = true;
    for (u32 i = 0; i < s->tables; i++) {
        struct target *t = &s->target[i];
        if (t->table == NULL || !t->touched) continue;
        t->lines.len = 0;
        t->at = s->marks.mark[t->mark].length;
        t->headed = t->at > 0;
        t->touched = false;
        if (t->fd >= 0 && ftruncate(t->fd, (off_t)t->at) != 0) undone = false;
    }
    return undone;
}

static err apply_files(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    struct target *at_fault = NULL;
    err e = add_rows(s, rows, &at_fault);
    if (!err_is(e)) e = sync_all(s, &at_fault, fatal);
    if (err_is(e)) {
        char text[160];
        err_text(e, text, sizeof text);
        snprintf(why, room, "%s: epoch %llu: %s", at_fault ? path_at(s, at_fault) : s->options->path,
                 (unsigned long long)number, text);
        if (!undo(s) || e.code == ERR_STATE) *fatal = true;
        return e;
    }
    u64 *old = calloc(s->marks.marks + 1, sizeof *old);
    WEIR_ASSERT(old != NULL);
    for (u32 i = 0; i < s->marks.marks; i++) old[i] = s->marks.mark[i].length;
    for (u32 i = 0; i < s->tables; i++)
        if (s->target[i].table != NULL) s->marks.mark[s->target[i].mark].length = s->target[i].at;
    s->marks.epoch = number;
    e = file_epoch_write(&s->marks, s->recipe, why, room, fatal);
    if (err_is(e)) {
        for (u32 i = 0; i < s->marks.marks; i++) s->marks.mark[i].length = old[i];
        s->marks.epoch = s->epoch;
        if (!undo(s)) *fatal = true;
    }
    free(old);
    return e;
}

/* A stream that broke has taken part of an epoch already: trying again cannot mend it. */
static err apply_stream(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    struct target *at_fault = NULL;
    err e = add_rows(s, rows, &at_fault);
    if (!err_is(e)) e = write_stream(&s->lines);
    if (!err_is(e)) return OK;
    char text[160];
    snprintf(why, room, "stdout: epoch %llu: %s", (unsigned long long)number, err_text(e, text, sizeof text));
    *fatal = true;
    return e;
}

static err files_apply(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    if (number <= s->epoch) return OK;
    err e = s->out ? apply_stream(s, number, rows, why, room, fatal) : apply_files(s, number, rows, why, room, fatal);
    if (err_is(e)) return e;
    for (u32 i = 0; i < s->tables; i++) s->target[i].touched = false;
    s->epoch = number;
    return OK;
}

/* Stdout promises no more than at least once, so records need not wait for an epoch there. */
static enum sink_ahead files_ahead(const void *options, nanos every)
{
    return is_stdout(((const struct file_options *)options)->path) ? AHEAD_SETTLES : AHEAD_NOT;
}

static err files_stream(struct sink *s, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = false;
    return apply_stream(s, s->epoch + 1, rows, why, room, fatal);
}

static err files_settle(struct sink *s, char *why, size_t room, bool *fatal)
{
    *fatal = false; /* what was written is written */
    return OK;
}

static bool files_tick(struct sink *s, nanos now, nanos watermark)
{
    return false; /* files only grow */
}

static const struct option file_options[] = {
    { .name = "path", .type = OPTION_PATH, .required = true, .offset = offsetof(struct file_options, path),
      .doc = "a directory, a path with {table} in it, or - for stdout (there at least once, not exactly once)",
      .own = true },
    { .name = "format", .type = OPTION_CHOICE, .fallback = "csv", .choices = "csv json",
      .offset = offsetof(struct file_options, format), .doc = "csv (RFC 4180) or json (a JSON object a line)" },
    { .name = "header", .type = OPTION_BOOL, .fallback = "true", .offset = offsetof(struct file_options, header),
      .doc = "csv: the first line of a file names its columns" },
    { .name = "escape_formulas", .type = OPTION_BOOL, .fallback = "false",
      .offset = offsetof(struct file_options, escape_formulas),
      .doc = "csv: ' before a text that a spreadsheet would take for a formula" },
    OPTION_END,
};

const struct sink_type sink_file = {
    .name = "file",
    .options = file_options,
    .options_size = sizeof(struct file_options),
    .open = files_open,
    .epoch = files_epoch,
    .apply = files_apply,
    .ahead = files_ahead,
    .stream = files_stream,
    .settle = files_settle,
    .tick = files_tick,
    .close = files_close,
};
