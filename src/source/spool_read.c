/* SPDX-License-Identifier: Apache-2.0 */
/* spool_read.c: the files of a spool, in the order of their numbers, through one buffer.
 *
 * A file is finished when a later one was seen and a read after that gave nothing: only then is a torn record at its
 * end damage, else it is waited for. Files older than the one that is read are never gone back to. What the writer did
 * to the file under us (it was written over in place, or another one took its name) is told, and read from its start.
 * inotify says when to look; the directory is read again every `rescan` in any case. */
#include "source/spool.h"

#include "shim/clock.h"
#include "source/inotify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK    ((size_t)256 << 10)
#define ROOM     ((size_t)U2_RECORD_DEFAULT + U2_HEADERS + BLOCK)
#define SAID_MAX 20u /* damaged places of a file that are told one by one */
#define TICK_MS  200 /* while events wait for their time                  */
#define WORDS    640

typedef unsigned long long llu;

/* --- words --------------------------------------------------------------------------------------------------- */

/* Path, NUL, words: malloc'd. */
static char *told_words(const char *path, const char *format, va_list args)
{
    char words[WORDS];
    vsnprintf(words, sizeof words, format, args);
    size_t a = strlen(path) + 1, b = strlen(words) + 1;
    char  *both = malloc(a + b);
    WEIR_ASSERT(both != NULL);
    memcpy(both, path, a);
    memcpy(both + a, words, b);
    return both;
}

void spool_complain(struct spool *s, u64 offset, const char *format, ...)
{
    struct spool_at at = { .stamp = s->file.stamp, .offset = offset };
    if (spool_at_cmp(&at, &s->told_before) < 0) return; /* told by the run before this one */
    va_list args;
    va_start(args, format);
    struct word w = { .kind = WORD_COMPLAINT, .input = s->number, .start = (nanos)at.stamp, .offset = offset,
                      .what = told_words(s->file.path, format, args) };
    va_end(args);
    hand_say(&s->hand, &w);
}

void spool_warn(struct spool *s, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct word w = { .kind = WORD_COMPLAINT, .input = SPOOL_NO_FILE, .what = told_words(path, format, args) };
    va_end(args);
    hand_say(&s->hand, &w);
}

void spool_fail(struct spool *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct word w = { .kind = WORD_FAIL, .what = told_words("", format, args) };
    va_end(args);
    hand_say(&s->hand, &w);
    s->stop = true;
}

/* False: too many were told. */
static bool may_say(struct spool *s)
{
    return s->file.said++ < SAID_MAX;
}

static void say_damage(struct spool *s)
{
    const struct u2_damage *d = &s->file.reader.damage;
    char                    header[64] = "";
    if (!may_say(s)) return;
    if (d->type || d->length) snprintf(header, sizeof header, " (type %u, length %u)", d->type, d->length);
    spool_complain(s, d->offset, "%s%s, expected %s; %llu byte%s passed over", d->what, header, d->expected,
                   (llu)d->bytes, d->bytes == 1 ? "" : "s");
}

/* Each type once. */
static void say_unknown(struct spool *s, const struct u2_record *r)
{
    struct spool_file *f = &s->file;
    for (u32 i = 0; i < f->types; i++)
        if (f->type[i] == r->type) return;
    if (f->types == WEIR_COUNT(f->type)) return;
    f->type[f->types++] = r->type;
    spool_complain(s, r->offset, "a record of type %u, expected a type whose layout is known; passed over, as are "
                                 "others like it", r->type);
}

static void say(struct spool *s, enum u2_result got, const struct u2_record *r)
{
    if (got == U2_DAMAGED) say_damage(s);
    else if (got == U2_UNKNOWN) say_unknown(s, r);
    else if (may_say(s))
        spool_complain(s, r->offset, "%s of %u bytes (type %u), expected %u or more; passed over",
                       u2_kind_name(r->kind), r->length, r->type, u2_fixed(r->type));
}

/* --- counts -------------------------------------------------------------------------------------------------- */

static void counts_add(struct u2_counts *sum, const struct u2_counts *more)
{
    for (u32 i = 0; u2_metrics[i].name; i++) {
        u64 *to = (u64 *)(void *)((char *)sum + u2_metrics[i].offset);
        *to += *(const u64 *)(const void *)((const char *)more + u2_metrics[i].offset);
    }
}

static void publish(struct spool *s)
{
    struct spool_counts c = s->own;
    c.join = *u2_join_counts(s->give.join);
    if (s->file.fd >= 0) counts_add(&c.reader, &s->file.reader.counts);
    pthread_mutex_lock(&s->of->lock);
    s->counts = c;
    pthread_mutex_unlock(&s->of->lock);
}

/* --- a file -------------------------------------------------------------------------------------------------- */

void spool_at_set(struct spool_at *at, const struct spool_file *f, u64 offset)
{
    at->stamp = f->stamp;
    at->offset = offset;
    at->head = f->head_len < offset ? f->head_len : offset;
    at->head_sum = at->head == SPOOL_HEAD ? f->head_sum : spool_head_sum(f->head, at->head);
}

/* Does the file begin as the one of this place did? */
static bool is_same(int fd, const struct spool_at *at)
{
    u8          head[SPOOL_HEAD];
    struct stat st;
    if (fstat(fd, &st) != 0 || (u64)st.st_size < at->offset) return false;
    ssize_t n = at->head ? pread(fd, head, at->head, 0) : 0;
    return n == (ssize_t)at->head && spool_head_sum(head, at->head) == at->head_sum;
}

static void head_learn(struct spool_file *f)
{
    if (f->head_len == SPOOL_HEAD) return;
    ssize_t n = pread(f->fd, f->head, SPOOL_HEAD, 0);
    f->head_len = n > 0 ? (u32)n : 0;
    if (f->head_len == SPOOL_HEAD) f->head_sum = spool_head_sum(f->head, SPOOL_HEAD);
}

/* Where reading of the file begins; what was known of a file that is not this one is forgotten. */
static u64 file_begin(struct spool *s)
{
    struct spool_place *past = &s->give.past;
    struct spool_file  *f = &s->file;
    u64                 offset = 0;
    if (s->resumed && past->begin.stamp == f->stamp) {
        if (is_same(f->fd, &past->begin)) offset = past->begin.offset;
        else
            spool_warn(s, f->path,
                       "not the file that was read before (it begins otherwise, or is shorter than the %llu bytes that "
                       "were read): read from its start", (llu)past->begin.offset);
        if (offset < past->begin.offset) past->read = s->told_before = (struct spool_at){ .stamp = f->stamp };
    }
    bool other = past->read.stamp == f->stamp && !is_same(f->fd, &past->read);
    if (s->give.again && other) past->read = (struct spool_at){ .stamp = f->stamp };
    s->resumed = s->resumed && past->begin.stamp > f->stamp;
    return offset;
}

static bool file_open(struct spool *s, u64 stamp)
{
    struct spool_file *f = &s->file;
    struct stat        st;
    f->stamp = stamp;
    spool_dir_path(&s->dir, stamp, f->path, sizeof f->path);
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f->fd >= 0 && (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(f->fd);
        f->fd = -1;
        errno = EINVAL;
    }
    if (f->fd < 0) return false;
    posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    f->inode = st.st_ino;
    f->head_len = f->said = f->types = 0;
    f->foreign = false;
    s->begin = s->end = 0;
    head_learn(f);
    u64 offset = file_begin(s);
    u2_reader_init(&f->reader, offset, 0);
    if (lseek(f->fd, (off_t)offset, SEEK_SET) < 0) u2_reader_init(&f->reader, 0, 0);
    s->fault = 0;
    s->own.files++;
    spool_give_read(s, offset);
    return true;
}

static void file_close(struct spool *s)
{
    struct spool_file *f = &s->file;
    if (f->said > SAID_MAX) spool_complain(s, f->reader.at, "%u more damaged places", f->said - SAID_MAX);
    counts_add(&s->own.reader, &f->reader.counts);
    close(f->fd);
    f->fd = -1;
    s->begin = s->end = 0;
}

/* The first file is opened, or the next one. False: there is none, or it cannot be read now. */
static bool file_next(struct spool *s)
{
    const struct spool_at *at = &s->give.past.begin;
    u64                    stamp;
    if (!spool_dir_next(&s->dir, s->next, &stamp)) {
        bool lost = s->resumed && !s->gone_told && at->offset > 0;
        if (lost)
            spool_warn(s, s->dir.path, "the file that was read last, number %llu, is gone, and none is after it: "
                                       "waiting for one", (llu)at->stamp);
        s->gone_told = s->gone_told || lost;
        return false;
    }
    if (s->resumed && stamp > at->stamp && at->offset > 0 && !s->gone_told)
        spool_warn(s, s->dir.path, "the file that was read last, number %llu, is gone: what was behind byte %llu of "
                                   "it is not read; going on with number %llu",
                   (llu)at->stamp, (llu)at->offset, (llu)stamp);
    s->gone_told = true;
    if (file_open(s, stamp)) {
        s->next = stamp;
        return true;
    }
    int fault = errno;
    if (fault == ENOENT) {
        spool_warn(s, s->file.path, "was taken away before it was read");
        s->next = stamp + 1;
        return true;
    }
    if (s->of->setup.once) spool_fail(s, "%s: open: %s", s->file.path, strerror(fault));
    else if (s->fault != fault) spool_warn(s, s->file.path, "open: %s; tried again", strerror(fault));
    s->fault = fault;
    return false;
}

/* --- bytes --------------------------------------------------------------------------------------------------- */

/* All whole records of the buffer. */
static void take(struct spool *s, bool last)
{
    struct spool_file *f = &s->file;
    spool_give_time(s);
    while (!s->stop) {
        struct u2_record r;
        size_t           used = 0;
        slice            text = slice_of(s->buffer + s->begin, s->end - s->begin);
        enum u2_result   got = u2_reader_next(&f->reader, text, last, &used, &r);
        s->begin += used;
        if (got == U2_MORE || got == U2_END) return;
        if (got == U2_FOREIGN) {
            f->foreign = true;
            s->own.foreign++;
            spool_complain(s, 0, "%s; not unified2, passed over", f->reader.damage.what);
            return;
        }
        if (got == U2_RECORD) spool_give_record(s, &r);
        else say(s, got, &r);
        spool_give_read(s, f->reader.at);
    }
}

/* False: no byte is there now. */
static bool fill(struct spool *s)
{
    memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    size_t  room = ROOM - s->end < BLOCK ? ROOM - s->end : BLOCK;
    ssize_t n;
    do n = read(s->file.fd, s->buffer + s->end, room);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (s->of->setup.once) spool_fail(s, "%s: read: %s", s->file.path, strerror(errno));
        else if (s->fault != errno) spool_warn(s, s->file.path, "read: %s; tried again", strerror(errno));
        s->fault = errno;
        return false;
    }
    if (n > 0) head_learn(&s->file);
    s->end += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void read_all(struct spool *s)
{
    while (!s->stop && !s->file.foreign && fill(s)) {
        take(s, false);
        publish(s);
        s->stop = s->stop || hand_stopped(&s->hand);
    }
}

/* Every byte was read: what is torn is damage. The next one is a later one, or what now has the name. */
static void file_finish(struct spool *s, u64 next)
{
    if (!s->file.foreign) take(s, true);
    if (s->stop) return;
    file_close(s);
    s->next = next;
    spool_give_next(s, next);
}

/* --- what happens to a file ---------------------------------------------------------------------------------- */

/* What waits belongs to records that are no longer there: it cannot be read again. */
static void start_over(struct spool *s)
{
    u64 stamp = s->file.stamp;
    spool_give_all(s);
    file_close(s);
    s->give.past.read = s->told_before = (struct spool_at){ .stamp = stamp };
    s->next = stamp;
    spool_give_next(s, stamp);
}

static u64 bytes_read(const struct spool *s)
{
    return s->file.reader.at + (s->end - s->begin);
}

/* Written over in place, as Snort does when it restarts within a second, or without time stamps. */
static bool is_overwritten(const struct spool_file *f, u64 was_read)
{
    u8          head[SPOOL_HEAD];
    struct stat st;
    if (fstat(f->fd, &st) != 0) return false;
    if ((u64)st.st_size < was_read) return true;
    ssize_t n = f->head_len ? pread(f->fd, head, f->head_len, 0) : 0;
    return n >= 0 && ((u32)n < f->head_len || memcmp(head, f->head, f->head_len) != 0);
}

/* Another file has taken the name. */
static bool is_replaced(const struct spool_file *f)
{
    struct stat st;
    return stat(f->path, &st) == 0 && st.st_ino != f->inode;
}

/* True: there is more to read at once. */
static bool file_look(struct spool *s)
{
    struct spool_file *f = &s->file;
    if (is_overwritten(f, bytes_read(s))) {
        spool_warn(s, f->path, "written over in place after %llu bytes: read from its start", (llu)f->reader.at);
        start_over(s);
        return true;
    }
    if (is_replaced(f)) {
        read_all(s);
        if (s->stop) return false;
        if (!f->foreign) take(s, true);
        spool_warn(s, f->path, "another file has its name now: read from its start");
        start_over(s);
        return true;
    }
    return false;
}

/* --- the directory ------------------------------------------------------------------------------------------- */

/* start: end: begins in the newest file, behind what is there. */
static void begin_at_end(struct spool *s)
{
    bool first = !s->begun && !s->resumed;
    s->begun = true;
    if (!first || s->of->options->start != SPOOL_END || s->dir.count == 0) return;
    s->next = s->dir.stamp[s->dir.count - 1];
    s->give.discard = true;
}

/* True: it was read. */
static bool scan(struct spool *s)
{
    u64 now = clock_monotonic();
    if (!s->look && now < s->scan_at) return false;
    s->look = false;
    s->scan_at = now + (u64)s->of->options->rescan;
    switch (spool_dir_scan(&s->dir, s->next)) {
    case SPOOL_SCANNED: s->fault = s->file.fd < 0 && s->dir.count ? s->fault : 0; break;
    case SPOOL_FAULT:
        if (s->of->setup.once) spool_fail(s, "%s: %s", s->dir.path, strerror(errno));
        else if (s->fault != errno)
            spool_warn(s, s->dir.path, "the directory cannot be read: %s; tried again", strerror(errno));
        s->fault = errno;
        return false;
    case SPOOL_MIXED:
        spool_fail(s, "%s: has files of several spools: %s; say which with `prefix:`", s->dir.path, s->dir.words);
        return false;
    case SPOOL_CROWDED:
        spool_fail(s, "%s: more than %u files that are not read yet", s->dir.path, SPOOL_FILES_MAX);
        return false;
    }
    begin_at_end(s);
    return true;
}

/* True: there may be more at once. */
static bool advance(struct spool *s)
{
    struct spool_file *f = &s->file;
    u64                later;
    if (f->fd < 0) {
        scan(s);
        return !s->stop && file_next(s);
    }
    bool newer = spool_dir_next(&s->dir, f->stamp + 1, &later);
    read_all(s);
    if (s->stop) return false;
    if (newer) {
        file_finish(s, f->stamp + 1);
        return !s->stop;
    }
    struct stat st;
    if (fstat(f->fd, &st) == 0 && (u64)st.st_size < bytes_read(s)) s->look = true;
    if (!scan(s)) return false;
    if (file_look(s)) return true;
    return !s->stop && spool_dir_next(&s->dir, f->stamp + 1, &later);
}

/* --- waiting ------------------------------------------------------------------------------------------------- */

#define WATCH (IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

static void watch_open(struct spool *s)
{
    s->inotify = s->of->setup.once ? -1 : inotify_open();
    if (s->inotify < 0 || inotify_add_watch(s->inotify, s->dir.path, WATCH) >= 0) return;
    close(s->inotify);
    s->inotify = -1;
}

/* Anything but bytes behind a file means that the directory changed. A watch that ended is made again. */
static void watch_take(struct spool *s)
{
    _Alignas(struct inotify_event) char buffer[4096];
    ssize_t n;
    bool    ended = false;
    while ((n = read(s->inotify, buffer, sizeof buffer)) > 0)
        for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
            struct inotify_event e;
            memcpy(&e, buffer + at, sizeof e);
            if (e.mask & ~(u32)IN_MODIFY) s->look = true;
            ended = ended || e.mask & (IN_IGNORED | IN_UNMOUNT);
            at += (ssize_t)(sizeof e + e.len);
        }
    if (!ended) return;
    close(s->inotify);
    s->inotify = -1;
}

/* Until something happens, or time has come. */
static void wait(struct spool *s)
{
    u64 now = clock_monotonic();
    if (s->inotify < 0) watch_open(s);
    int ms = s->scan_at > now ? (int)((s->scan_at - now) / 1000000) + 1 : 0;
    if (u2_join_waiting(s->give.join) && s->of->options->timeout && ms > TICK_MS) ms = TICK_MS;
    struct pollfd at[] = { { .fd = s->hand.event, .events = POLLIN }, { .fd = s->inotify, .events = POLLIN } };
    int           n = poll(at, s->inotify < 0 ? 1 : 2, ms);
    if (n > 0 && at[1].revents) watch_take(s);
    if (n > 0 && at[0].revents) s->stop = true;
}

/* --- the thread ---------------------------------------------------------------------------------------------- */

static void follow(struct spool *s)
{
    while (!s->stop) {
        while (advance(s)) {}
        if (s->stop) return;
        s->give.discard = false;
        spool_give_idle(s);
        publish(s);
        if (!s->stop) wait(s);
    }
}

/* What is there, to its end. */
static void run_once(struct spool *s)
{
    do s->look = true; /* a later file may have come meanwhile */
    while (advance(s));
    if (s->stop) return;
    u64 torn = s->file.fd < 0 || s->file.foreign ? 0 : s->end - s->begin;
    if (s->file.fd >= 0 && s->file.reader.lost) torn += s->file.reader.damage.bytes;
    if (torn)
        spool_warn(s, s->file.path, "ends in %llu bytes that are no whole record: not read, as the writer may be at it",
                   (llu)torn);
    s->give.discard = false;
    spool_give_all(s);
    spool_give_idle(s);
    publish(s);
    if (!s->stop) hand_say(&s->hand, &(struct word){ .kind = WORD_END, .input = s->number });
}

void *spool_main(void *arg)
{
    struct spool *s = arg;
    s->buffer = malloc(ROOM);
    WEIR_ASSERT(s->buffer != NULL);
    s->file.fd = s->inotify = -1;
    s->look = true;
    s->next = s->resumed ? s->give.past.begin.stamp : 0;
    spool_give_open(s);
    watch_open(s);
    if (s->of->setup.once) run_once(s);
    else follow(s);
    if (s->file.fd >= 0) close(s->file.fd);
    if (s->inotify >= 0) close(s->inotify);
    spool_give_close(s);
    spool_dir_fini(&s->dir);
    free(s->buffer);
    hand_over(&s->hand);
    return NULL;
}
