/* SPDX-License-Identifier: Apache-2.0 */
/* file_epoch.c: reading and replacing the epoch file. A text, so that an operator can read it when something is odd. */
#include "sink/file_epoch.h"

#include "shim/write.h"
#include "weir/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEADER    "weir-files 1\n"
#define BYTES_MAX ((size_t)16 << 20) /* a file this long is none of ours */
#define SUM_LINE  21                 /* "sum ", 16 digits, line end     */

static err refuse(const struct file_epoch *m, const char *how, char *why, size_t room)
{
    snprintf(why, room, "%s: %s; remove it to begin without knowing what the files hold", m->path, how);
    return (err){ ERR_STATE, "epoch file that cannot be believed", 0 };
}

/* The whole file; NULL with *e OK if there is none. */
static char *read_all(const char *path, size_t *len, err *e)
{
    *e = OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) *e = err_os("open");
        return NULL;
    }
    char *at = NULL;
    size_t room = 0;
    *len = 0;
    for (ssize_t n = 1; n > 0 && *len < BYTES_MAX;) {
        if (room - *len < 4096) at = realloc(at, room = 2 * room + 8192);
        WEIR_ASSERT(at != NULL);
        n = read(fd, at + *len, room - *len - 1);
        if (n < 0) *e = err_os("read");
        else *len += (size_t)n;
    }
    close(fd);
    if (err_is(*e)) {
        free(at);
        return NULL;
    }
    at[*len] = 0;
    return at;
}

static const char *parse_line(struct file_epoch *m, slice line, slice recipe)
{
    slice rest, word = slice_cut(line, ' ', &rest);
    if (slice_is(word, "recipe")) return slice_eq(rest, recipe) ? NULL : "belongs to another recipe";
    if (slice_is(word, "epoch")) return slice_u64(rest, &m->epoch) ? NULL : "has a bad epoch";
    if (!slice_is(word, "file")) return "has an unknown line";
    slice path;
    u64 length;
    if (!slice_u64(slice_cut(rest, ' ', &path), &length) || path.len == 0) return "has a bad line of a file";
    char *name = slice_dup(path);
    bool fresh;
    file_epoch_mark(m, name, length, &fresh);
    free(name);
    return fresh ? NULL : "names a file twice";
}

static const char *parse(struct file_epoch *m, slice text, slice recipe)
{
    if (!slice_starts(text, S("weir-files "))) return "is not an epoch file of weir";
    if (!slice_starts(text, S(HEADER))) return "is of a newer weir";
    char sum[SUM_LINE + 1];
    if (text.len < sizeof HEADER + SUM_LINE) return "is damaged (cut short)";
    slice body = slice_of(text.at, text.len - SUM_LINE);
    snprintf(sum, sizeof sum, "sum %016" PRIx64 "\n", hash_checksum(body.at, body.len, 0));
    if (!slice_ends(text, slice_of(sum, SUM_LINE))) return "is damaged (check sum)";
    const char *wrong = NULL;
    for (slice rest = slice_of(body.at + sizeof HEADER - 1, body.len - sizeof HEADER + 1); rest.len > 0 && !wrong;) {
        slice line = slice_cut(rest, '\n', &rest);
        wrong = parse_line(m, line, recipe);
    }
    return wrong;
}

err file_epoch_open(struct file_epoch *m, const char *path, slice recipe, char *why, size_t room)
{
    *m = (struct file_epoch){ .path = slice_dup(slice_str(path)) };
    size_t len;
    err e;
    char *text = read_all(path, &len, &e);
    if (err_is(e)) {
        snprintf(why, room, "%s: %s", path, strerror((int)e.at));
        return e;
    }
    if (text == NULL) return OK;
    const char *wrong = parse(m, slice_of(text, len), recipe);
    free(text);
    return wrong ? refuse(m, wrong, why, room) : OK;
}

void file_epoch_close(struct file_epoch *m)
{
    for (u32 i = 0; i < m->marks; i++) free(m->mark[i].path);
    free(m->mark);
    free(m->path);
    *m = (struct file_epoch){ 0 };
}

u32 file_epoch_mark(struct file_epoch *m, const char *path, u64 length, bool *fresh)
{
    *fresh = false;
    for (u32 i = 0; i < m->marks; i++)
        if (strcmp(m->mark[i].path, path) == 0) return i;
    *fresh = true;
    if (m->marks == m->room) {
        m->room = m->room ? 2 * m->room : 16;
        m->mark = realloc(m->mark, m->room * sizeof *m->mark);
        WEIR_ASSERT(m->mark != NULL);
    }
    m->mark[m->marks] = (struct file_mark){ slice_dup(slice_str(path)), length };
    return m->marks++;
}

static char *print(const struct file_epoch *m, slice recipe, size_t *len)
{
    char *text;
    FILE *to = open_memstream(&text, len);
    WEIR_ASSERT(to != NULL);
    fprintf(to, HEADER "recipe %.*s\nepoch %" PRIu64 "\n", (int)recipe.len, recipe.at, m->epoch);
    for (u32 i = 0; i < m->marks; i++) fprintf(to, "file %" PRIu64 " %s\n", m->mark[i].length, m->mark[i].path);
    fflush(to);
    u64 sum = hash_checksum(text, *len, 0);
    fprintf(to, "sum %016" PRIx64 "\n", sum);
    WEIR_ASSERT(fclose(to) == 0);
    return text;
}

err file_epoch_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? slice_dup(slice_of(path, slash == path ? 1 : (size_t)(slash - path))) : slice_dup(S("."));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err e = fd < 0 || fsync(fd) != 0 ? err_os("fsync of a directory") : OK;
    if (fd >= 0) close(fd);
    free(folder);
    return e;
}

static err replace(const struct file_epoch *m, const char *partial, const char *text, size_t len, bool *fatal)
{
    int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return err_os("open");
    err e = write_all(fd, text, len) == len ? OK : err_os("write");
    if (!err_is(e) && fsync(fd) != 0) e = err_os("fsync"), *fatal = true;
    close(fd);
    if (!err_is(e) && rename(partial, m->path) != 0) e = err_os("rename");
    if (err_is(e)) {
        unlink(partial);
        return e;
    }
    e = file_epoch_sync_folder(m->path);
    *fatal |= err_is(e);
    return e;
}

err file_epoch_write(const struct file_epoch *m, slice recipe, char *why, size_t room, bool *fatal)
{
    size_t len;
    char *text = print(m, recipe, &len), *partial;
    WEIR_ASSERT(asprintf(&partial, "%s.partial", m->path) >= 0);
    *fatal = false;
    err e = replace(m, partial, text, len, fatal);
    if (err_is(e)) snprintf(why, room, "%s: %s: %s", m->path, e.what, strerror((int)e.at));
    free(partial);
    free(text);
    return e;
}
