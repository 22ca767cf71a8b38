/* SPDX-License-Identifier: Apache-2.0 */
/* u2_read.c: records of files and of standard input, by read(2) into one buffer, and words about what was passed over.
 *
 * The buffer begins at BUFFER_LEAST and grows only for a record that does not fit, up to --record-max. Lines are
 * written whenever the buffer's records are done, so that a pipe shows them at once. */
#include "cli/u2.h"

#include "weir/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define BUFFER_LEAST ((size_t)256 << 10)
#define SAID_MAX     100u /* damaged places of a file that are told one by one */
#define TYPES_MAX    32u  /* unknown types of a file that are told             */
#define TICK_MS      200

typedef unsigned long long llu;

struct input {
    const char      *path, *name;
    int              fd;
    struct u2_reader reader;
    char            *buffer;
    size_t           room, begin, end; /* unread: [begin, end) */
    u32              type[TYPES_MAX];
    u32              types;
};

enum reading { READING_MORE, READING_END, READING_STOP };

static bool fail_os(struct u2 *u, const char *name, err e)
{
    char text[256];
    u2_fail(u, EX_IOERR, "%s: %s", name, err_text(e, text, sizeof text));
    return false;
}

/* --- what was passed over ------------------------------------------------------------------------------------ */

static bool may_say(struct u2 *u)
{
    if (u->code == EX_OK) u->code = EX_DATAERR;
    return u->said++ < SAID_MAX;
}

static void say_damage(struct u2 *u, const struct input *in)
{
    const struct u2_damage *d = &in->reader.damage;
    char                    header[64] = "";
    if (!may_say(u)) return;
    if (d->type || d->length) snprintf(header, sizeof header, " (type %u, length %u)", d->type, d->length);
    u2_fail(u, EX_DATAERR, "%s:%llu: %s%s, expected %s; %llu byte%s passed over", in->name, (llu)d->offset, d->what,
            header, d->expected, (llu)d->bytes, d->bytes == 1 ? "" : "s");
}

static void say_short(struct u2 *u, const struct input *in, const struct u2_record *r)
{
    if (may_say(u))
        u2_fail(u, EX_DATAERR, "%s:%llu: %s of %u bytes (type %u), expected %u or more; passed over", in->name,
                (llu)r->offset, u2_kind_name(r->kind), r->length, r->type, u2_fixed(r->type));
}

/* Each type once. */
static void say_unknown(struct u2 *u, struct input *in, const struct u2_record *r)
{
    for (u32 i = 0; i < in->types; i++)
        if (in->type[i] == r->type) return;
    if (in->types == TYPES_MAX) return;
    in->type[in->types++] = r->type;
    u2_fail(u, EX_DATAERR,
            "%s:%llu: a record of type %u, expected a type whose layout is known; passed over, as are others like it",
            in->name, (llu)r->offset, r->type);
}

/* False: nothing of this file can be read. */
static bool say(struct u2 *u, struct input *in, enum u2_result got, const struct u2_record *r)
{
    if (got == U2_DAMAGED) say_damage(u, in);
    else if (got == U2_SHORT) say_short(u, in, r);
    else if (got == U2_UNKNOWN) say_unknown(u, in, r);
    else u2_fail(u, EX_DATAERR, "%s:0: %s, expected unified2", in->name, in->reader.damage.what);
    return got != U2_FOREIGN;
}

/* --- bytes --------------------------------------------------------------------------------------------------- */

static void make_room(struct u2 *u, struct input *in)
{
    size_t most = (size_t)u->record_max + U2_HEADERS + BUFFER_LEAST;
    memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
    in->end -= in->begin;
    in->begin = 0;
    if (in->end < in->room) return;
    WEIR_ASSERT(in->room < most);
    in->room = in->room * 2 > most ? most : in->room * 2;
    in->buffer = realloc(in->buffer, in->room);
    WEIR_ASSERT(in->buffer != NULL);
}

/* Until there are bytes; what waits for its packets is looked after meanwhile. */
static bool wait_bytes(struct u2 *u, const struct input *in)
{
    for (;;) {
        bool waiting = u->join && u2_join_waiting(u->join);
        int  n = u2_wait(u, in->fd, waiting ? TICK_MS : -1);
        u2_tick(u); /* what comes now came now, not when the last did */
        if (u->broken) return false;
        if (n > 0) return true;
        if (n < 0) {
            u2_fail(u, EX_TEMPFAIL, "%s:%llu: ended by a signal", in->name, (llu)in->reader.at);
            return false;
        }
    }
}

static enum reading fill(struct u2 *u, struct input *in)
{
    make_room(u, in);
    for (;;) {
        if (!wait_bytes(u, in)) return READING_STOP;
        ssize_t n = read(in->fd, in->buffer + in->end, in->room - in->end);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) {
            fail_os(u, in->name, err_os("read"));
            return READING_END;
        }
        in->end += (size_t)n;
        return n ? READING_MORE : READING_END;
    }
}

/* All whole records of the buffer. False: the file is over. */
static bool take(struct u2 *u, struct input *in, bool last)
{
    for (;;) {
        struct u2_record r;
        size_t           used = 0;
        slice            text = slice_of(in->buffer + in->begin, in->end - in->begin);
        enum u2_result   got = u2_reader_next(&in->reader, text, last, &used, &r);
        WEIR_ASSERT(used <= text.len);
        in->begin += used;
        if (got == U2_RECORD) u2_take(u, &r, in->path);
        else if (got == U2_MORE) return true;
        else if (got == U2_END || !say(u, in, got, &r)) return false;
        if (u->broken) return false;
    }
}

/* False: the run is over. */
static bool read_stream(struct u2 *u, struct input *in, u64 before)
{
    for (;;) {
        enum reading more = fill(u, in);
        if (more == READING_STOP) return false;
        bool go_on = take(u, in, more == READING_END);
        u2_tick(u);
        if (u->broken) return false;
        progress_at(&u->progress, before + in->reader.at);
        if (!go_on || more == READING_END) return true;
    }
}

/* --- files --------------------------------------------------------------------------------------------------- */

static void add_counts(struct u2_counts *sum, const struct u2_counts *more)
{
    for (u32 i = 0; u2_metrics[i].name; i++) {
        u64 *to = (u64 *)(void *)((char *)sum + u2_metrics[i].offset);
        *to += *(const u64 *)(const void *)((const char *)more + u2_metrics[i].offset);
    }
}

static bool read_one(struct u2 *u, struct input *in, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    in->path = path;
    in->name = standard ? "standard input" : path;
    in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) return fail_os(u, path, err_os("open"));
    struct stat st;
    u->live = fstat(in->fd, &st) != 0 || !S_ISREG(st.st_mode);
    if (!standard) posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    in->begin = in->end = 0;
    in->types = 0;
    u->said = 0;
    u2_reader_init(&in->reader, 0, u->record_max);
    bool go_on = read_stream(u, in, u->counts.bytes);
    if (u->said > SAID_MAX) u2_fail(u, EX_DATAERR, "%s: %u more damaged places", in->name, u->said - SAID_MAX);
    add_counts(&u->counts, &in->reader.counts);
    u->files++;
    if (!standard) close(in->fd);
    return go_on;
}

/* Bytes of all files; 0 where that is not known. Says at once which of them is not there. */
static bool sizes(struct u2 *u, const char *const *paths, u32 count, u64 *total)
{
    bool known = true;
    *total = 0;
    for (u32 i = 0; i < count; i++) {
        struct stat st;
        bool        standard = strcmp(paths[i], "-") == 0;
        if (standard ? fstat(STDIN_FILENO, &st) != 0 : stat(paths[i], &st) != 0 || access(paths[i], R_OK) != 0) {
            u2_fail(u, EX_NOINPUT, "%s: %s", paths[i], strerror(errno));
            return false;
        }
        if (S_ISDIR(st.st_mode)) {
            u2_fail(u, EX_NOINPUT, "%s: is a folder", paths[i]);
            return false;
        }
        known = known && S_ISREG(st.st_mode);
        *total += (u64)st.st_size;
    }
    if (!known) *total = 0;
    return true;
}

void u2_read(struct u2 *u, const char *const *paths, u32 count)
{
    u64 total;
    if (!sizes(u, paths, count, &total)) return;
    struct input in = { .buffer = malloc(BUFFER_LEAST), .room = BUFFER_LEAST };
    WEIR_ASSERT(in.buffer != NULL);
    progress_open(&u->progress, "u2", total);
    u->progress.on = u->progress.on && !u->quiet && !isatty(STDOUT_FILENO);
    bool go_on = true;
    for (u32 i = 0; i < count && go_on; i++) go_on = read_one(u, &in, paths[i]);
    progress_close(&u->progress, u->counts.bytes);
    free(in.buffer);
}
