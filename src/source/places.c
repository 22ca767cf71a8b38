/* SPDX-License-Identifier: Apache-2.0 */
/* places.c: files known again, minutes counted up, both as text. */
#include "source/places.h"

#include "source/absence.h"
#include "weir/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION      1u
#define HEAD_MAX     ((u64)64 << 10)
#define FILE_NUMBERS 9u                         /* version, identity, done, told, place */
#define MARK_NUMBERS (1u + 3u * P2_FILES)       /* start, bytes, lines, sums            */
#define MARKS_MAX    4096u                      /* in a position that may be believed   */

/* A restored file. */
struct known {
    slice           key;
    struct identity is;
    bool            done, taken;
    u64             told, place;
};

/* What was restored. */
struct restored {
    u32           files;
    struct known *file;
    bool          stream;
    u64           how;
};

/* --- what a file is -------------------------------------------------------------------------------------------- */

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* The sum of the first `len` bytes; false: errno. */
static bool head_of(const char *path, u64 len, u64 *sum)
{
    char    bytes[HEAD_MAX];
    size_t  have = 0, want = (size_t)(len < HEAD_MAX ? len : HEAD_MAX);
    ssize_t n = 1;
    int     fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return false;
    while (have < want && (n = pread(fd, bytes + have, want - have, (off_t)have)) > 0) have += (size_t)n;
    int fault = errno;
    close(fd);
    errno = fault;
    *sum = hash_checksum(bytes, have, 0);
    return n >= 0;
}

/* The path without links in its folders, so that it does not matter from where weir was started. */
static slice key_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char       *folder = slash ? slice_dup(slice_of(path, (size_t)(name - path))) : slice_dup(S("."));
    char       *whole = realpath(folder, NULL);
    char       *key = arena_printf(a, "file:%s/%s", whole ? whole : folder, name);
    free(whole);
    free(folder);
    return slice_str(key);
}

static err look_at(struct places *p, struct input *in, char why[static PLACES_WHY])
{
    struct stat s;
    in->pipe = in->there = is_stdin(in->path);
    in->key = key_of(&p->arena, in->path);
    if (in->pipe) return OK;
    if (stat(in->path, &s) < 0) {
        if (errno == ENOENT) return OK; /* it may be done */
    } else if (S_ISDIR(s.st_mode)) {
        errno = EISDIR;
    } else {
        in->there = true;
        in->pipe = !S_ISREG(s.st_mode);
        in->is = (struct identity){ .device = s.st_dev, .inode = s.st_ino, .size = (u64)s.st_size,
                                    .mtime = (nanos)s.st_mtim.tv_sec * NANOS_SECOND + s.st_mtim.tv_nsec };
        if (in->pipe || head_of(in->path, in->is.size, &in->is.head)) return OK;
    }
    err e = err_os("a file of the capture source");
    snprintf(why, PLACES_WHY, "%s", strerror((int)e.at));
    return e;
}

enum likeness { LIKE_OTHER, LIKE_GREW, LIKE_SAME };

/* Is the file that is there the one that was known? Copied with its time it is; touched it is, too. */
static enum likeness like(const struct input *in, const struct identity *was)
{
    bool same_place = in->is.device == was->device && in->is.inode == was->inode;
    u64  head;
    if (in->is.size == was->size)
        return in->is.head == was->head && (same_place || in->is.mtime == was->mtime) ? LIKE_SAME : LIKE_OTHER;
    if (in->is.size < was->size || !same_place || !head_of(in->path, was->size, &head)) return LIKE_OTHER;
    return head == was->head ? LIKE_GREW : LIKE_OTHER;
}

/* --- restoring -------------------------------------------------------------------------------------------------- */

/* At most `max` decimal numbers with spaces between them; 0: anything else, or more. */
static u32 numbers_of(slice text, u64 *number, u32 max)
{
    u32 n = 0;
    while (text.at != NULL) {
        if (n == max || !slice_u64(slice_cut(text, ' ', &text), &number[n])) return 0;
        n++;
    }
    return n;
}

static bool restore_file(struct restored *r, slice key, slice value)
{
    u64 n[FILE_NUMBERS];
    if (numbers_of(value, n, FILE_NUMBERS) != FILE_NUMBERS || n[0] != VERSION) return false;
    r->file[r->files++] = (struct known){
        .key = key, .is = { n[1], n[2], n[3], (nanos)n[4], n[5] }, .done = n[6] != 0, .told = n[7], .place = n[8]
    };
    return true;
}

static struct mark *mark_of(struct places *p, nanos start)
{
    u32 i = p->marks;
    while (i > 0 && p->mark[i - 1].start > start) i--;
    if (i > 0 && p->mark[i - 1].start == start) return &p->mark[i - 1];
    if (p->marks == p->room) {
        p->room = p->room ? p->room * 2 : 8;
        p->mark = realloc(p->mark, p->room * sizeof *p->mark);
        WEIR_ASSERT(p->mark != NULL);
    }
    memmove(p->mark + i + 1, p->mark + i, (p->marks - i) * sizeof *p->mark);
    p->mark[i] = (struct mark){ .start = start };
    p->marks++;
    return &p->mark[i];
}

static bool restore_stream(struct places *p, struct restored *r, slice value)
{
    u32  max = 3 + MARKS_MAX * MARK_NUMBERS;
    u64 *n = malloc(max * sizeof *n);
    WEIR_ASSERT(n != NULL);
    u32  count = numbers_of(value, n, max);
    bool good = count >= 3 && n[0] == VERSION && (count - 3) % MARK_NUMBERS == 0 && !r->stream;
    if (good) {
        r->stream = true;
        r->how = n[1];
        p->passed = (nanos)n[2];
    }
    for (u32 at = 3; good && at < count; at += MARK_NUMBERS) {
        struct mark *m = mark_of(p, (nanos)n[at]);
        memcpy(m->bytes, n + at + 1, sizeof m->bytes);
        memcpy(m->lines, n + at + 1 + P2_FILES, sizeof m->lines);
        memcpy(m->sum, n + at + 1 + 2 * P2_FILES, sizeof m->sum);
    }
    free(n);
    return good;
}

static err restore(struct places *p, struct restored *r, const struct source_setup *setup)
{
    r->file = arena_array(&p->arena, struct known, setup->positions + 1);
    for (u32 i = 0; i < setup->positions; i++) {
        const struct position *at = &setup->position[i];
        slice key = arena_copy(&p->arena, at->key);
        if (slice_is(key, ABSENCE_KEY)) { /* the source had an interface before */
            p->stale[p->stales++] = key;
            continue;
        }
        bool  good = slice_is(key, "stream") ? restore_stream(p, r, at->value)
                                             : slice_starts(key, S("file:")) && restore_file(r, key, at->value);
        if (!good) return (err){ ERR_STATE, "a saved position of the capture source cannot be read", 0 };
    }
    return OK;
}

/* --- known again ------------------------------------------------------------------------------------------------ */

static bool named(const struct places *p, slice key)
{
    for (u32 i = 0; i < p->inputs; i++)
        if (slice_eq(p->input[i].key, key)) return true;
    return false;
}

static struct known *known_by_name(struct restored *r, const struct input *in)
{
    for (u32 i = 0; i < r->files; i++)
        if (slice_eq(r->file[i].key, in->key)) return &r->file[i];
    return NULL;
}

/* The same file under another name, which is no other file's now. */
static struct known *known_by_likeness(struct places *p, struct restored *r, const struct input *in)
{
    for (u32 i = 0; in->there && i < r->files; i++) {
        struct known *k = &r->file[i];
        if (k->taken || named(p, k->key) || k->is.mtime != in->is.mtime || like(in, &k->is) != LIKE_SAME) continue;
        p->stale[p->stales++] = k->key;
        return k;
    }
    return NULL;
}

static err recognise(struct places *p, struct restored *r, struct input *in, char why[static PLACES_WHY])
{
    struct known *k = known_by_name(r, in);
    if (k == NULL) k = known_by_likeness(p, r, in);
    if (k == NULL) return OK;
    enum likeness l = in->there ? like(in, &k->is) : k->done ? LIKE_SAME : LIKE_OTHER;
    k->taken = true;
    if (l == LIKE_OTHER && k->done) {
        in->replaced = true;
        return OK;
    }
    if (l == LIKE_OTHER) {
        snprintf(why, PLACES_WHY, in->there ? "another file than the one that was being read when weir stopped; put it "
                                              "back, or begin with an empty state"
                                            : "gone, and it was not read to its end; put it back, or begin with an "
                                              "empty state");
        return (err){ ERR_STATE, "a capture that was being read has changed", 0 };
    }
    in->grew = l == LIKE_GREW;
    in->is = k->is;
    in->done = k->done;
    in->saved = true;
    in->told = k->told;
    in->place = k->place;
    return OK;
}

/* A stream that was begun goes on with the same files in the same order, and with the same way to make lines. */
static err same_stream(const struct places *p, const struct restored *r, u32 *at, char why[static PLACES_WHY])
{
    u32 open = 0;
    for (u32 i = 0; i < r->files; i++) open += !r->file[i].done;
    *at = 0;
    if (r->how != p->how) {
        snprintf(why, PLACES_WHY, "filter, tunnels, limits or layouts were changed while it was being read; finish "
                                  "with the old ones, or begin with an empty state");
        return (err){ ERR_STATE, "what decides the capture's lines has changed", 0 };
    }
    u32 same = 0;
    while (same < p->streams && p->stream[same]->saved && p->stream[same]->place == same) same++;
    if (same == p->streams && same == open) return OK;
    if (same < p->streams) *at = (u32)(p->stream[same] - p->input);
    snprintf(why, PLACES_WHY, "the list of files was changed while they were being read; finish with the old list, or "
                              "begin with an empty state");
    return (err){ ERR_STATE, "the list of captures has changed", 0 };
}

static err make_stream(struct places *p, struct restored *r, u32 *at, char why[static PLACES_WHY])
{
    p->stream = arena_array(&p->arena, struct input *, p->inputs + 1);
    for (u32 i = 0; i < p->inputs; i++) {
        struct input *in = &p->input[i];
        *at = i;
        if (in->done) continue;
        if (!in->there) {
            snprintf(why, PLACES_WHY, "%s", strerror(ENOENT));
            return (err){ ERR_OS, "a file of the capture source", ENOENT };
        }
        if (in->pipe && p->inputs > 1) {
            snprintf(why, PLACES_WHY, "standard input or a pipe cannot be read again, so it stands alone in `file`");
            return (err){ ERR_CONFIG, "a pipe among files", 0 };
        }
        p->stream[p->streams++] = in;
    }
    p->keeps = p->inputs > 0 && !p->input[0].pipe;
    if (r->stream && p->keeps) {
        err e = same_stream(p, r, at, why);
        if (err_is(e)) return e;
        p->begun = true;
    } else {
        p->marks = 0;
        p->passed = NANOS_MIN;
    }
    for (u32 i = 0; i < p->streams; i++) p->stream[i]->place = i;
    p->dirty = p->stales > 0;
    return OK;
}

err places_open(struct places *p, const struct option_names *files, u64 how, const struct source_setup *setup,
                char why[static PLACES_WHY])
{
    struct restored r = { 0 };
    char            words[PLACES_WHY] = "";
    *p = (struct places){ .how = how, .passed = NANOS_MIN };
    arena_init(&p->arena, 0);
    arena_init(&p->cut, 0);
    p->inputs = files->count;
    p->input = arena_array(&p->arena, struct input, files->count + 1);
    p->stale = arena_array(&p->arena, slice, files->count + 1);
    u32 at = 0;
    err e = files->count ? restore(p, &r, setup) : OK; /* an interface has no memory */
    if (err_is(e)) {
        snprintf(why, PLACES_WHY, "%s", e.what);
        return e;
    }
    for (u32 i = 0; i < p->inputs && !err_is(e); i++) {
        p->input[i].path = files->name[i];
        e = look_at(p, &p->input[at = i], words);
    }
    for (u32 i = 0; i < p->inputs && !err_is(e); i++)
        if (!p->input[i].pipe) e = recognise(p, &r, &p->input[at = i], words);
    if (!err_is(e)) e = make_stream(p, &r, &at, words);
    if (err_is(e)) snprintf(why, PLACES_WHY, "%.200s: %s", p->inputs ? p->input[at].path : "", words);
    return e;
}

void places_fini(struct places *p)
{
    arena_fini(&p->arena);
    arena_fini(&p->cut);
    free(p->mark);
}

/* --- minutes ---------------------------------------------------------------------------------------------------- */

bool places_passed(const struct places *p, nanos start)
{
    return start <= p->passed;
}

const struct mark *places_mark(const struct places *p, nanos start)
{
    for (u32 i = 0; i < p->marks; i++)
        if (p->mark[i].start == start) return &p->mark[i];
    return NULL;
}

void places_copy(struct places *to, const struct places *from)
{
    *to = (struct places){ .passed = from->passed, .marks = from->marks, .room = from->marks };
    arena_init(&to->arena, 0);
    arena_init(&to->cut, 0);
    to->mark = malloc((from->marks + 1) * sizeof *to->mark);
    WEIR_ASSERT(to->mark != NULL);
    if (from->marks) memcpy(to->mark, from->mark, from->marks * sizeof *to->mark);
}

/* Minutes at the front that are wholly applied become one number. */
static void pass(struct places *p)
{
    u32 n = 0;
    while (n < p->marks && p->mark[n].sealed && p->mark[n].out == 0) n++;
    if (n > 0) {
        if (p->mark[n - 1].start > p->passed) p->passed = p->mark[n - 1].start;
        p->marks -= n;
        memmove(p->mark, p->mark + n, p->marks * sizeof *p->mark);
        p->dirty = p->begun = true;
    }
    if (!p->ended || p->marks) return;
    for (u32 i = 0; i < p->streams; i++) p->stream[i]->done = true;
    p->dirty = p->dirty || p->streams > 0;
}

void places_offered(struct places *p, nanos start)
{
    mark_of(p, start)->out++;
}

void places_applied(struct places *p, nanos start, enum p2_file file, u64 bytes, u64 sum, u64 lines)
{
    struct mark *m = mark_of(p, start);
    WEIR_ASSERT(m->out > 0 && m->bytes[file] < bytes);
    m->out--;
    m->bytes[file] = bytes;
    m->sum[file] = sum;
    m->lines[file] += lines;
    p->dirty = p->begun = true;
    pass(p);
}

u64 places_lines(const struct places *p, nanos start, enum p2_file file)
{
    const struct mark *m = places_mark(p, start);
    return m ? m->lines[file] : 0;
}

void places_sealed(struct places *p, nanos start)
{
    if (places_passed(p, start)) return;
    mark_of(p, start);
    for (u32 i = 0; i < p->marks && p->mark[i].start <= start; i++) p->mark[i].sealed = true;
    pass(p);
}

bool places_tell(struct places *p, u32 i)
{
    WEIR_ASSERT(i < p->streams);
    struct input *in = p->stream[i];
    if (++in->said <= in->told) return false;
    in->told = in->said;
    p->dirty = p->begun = true;
    return true;
}

void places_finish(struct places *p)
{
    p->ended = true;
    for (u32 i = 0; i < p->marks; i++) p->mark[i].sealed = true;
    pass(p);
}

/* --- saving ----------------------------------------------------------------------------------------------------- */

static slice file_text(struct places *p, const struct input *in)
{
    const struct identity *is = &in->is;
    const char *identity = arena_printf(&p->cut, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, is->device,
                                        is->inode, is->size, (u64)is->mtime, is->head);
    return slice_str(arena_printf(&p->cut, "%u %s %u %" PRIu64 " %" PRIu64, VERSION, identity, (unsigned)in->done,
                                  in->told, in->place));
}

static slice stream_text(struct places *p)
{
    char  *bytes = NULL;
    size_t len = 0;
    FILE  *f = open_memstream(&bytes, &len);
    WEIR_ASSERT(f != NULL);
    fprintf(f, "%u %" PRIu64 " %" PRIu64, VERSION, p->how, (u64)p->passed);
    for (u32 i = 0; i < p->marks; i++) {
        const struct mark *m = &p->mark[i];
        fprintf(f, " %" PRIu64, (u64)m->start);
        for (u32 k = 0; k < P2_FILES; k++) fprintf(f, " %" PRIu64, m->bytes[k]);
        for (u32 k = 0; k < P2_FILES; k++) fprintf(f, " %" PRIu64, m->lines[k]);
        for (u32 k = 0; k < P2_FILES; k++) fprintf(f, " %" PRIu64, m->sum[k]);
    }
    WEIR_ASSERT(fclose(f) == 0 && bytes != NULL);
    slice text = arena_copy(&p->cut, slice_of(bytes, len));
    free(bytes);
    return text;
}

void places_cut(struct places *p, u32 *count, const struct position **position)
{
    u32 n = 0;
    arena_reset(&p->cut);
    *count = 0;
    if (!p->keeps || !p->dirty) return;
    struct position *at = arena_array(&p->cut, struct position, p->inputs + p->stales + 1);
    for (u32 i = 0; i < p->stales; i++) at[n++] = (struct position){ .key = p->stale[i] };
    for (u32 i = 0; i < p->inputs; i++)
        at[n++] = (struct position){ p->input[i].key, file_text(p, &p->input[i]) };
    at[n++] = (struct position){ .key = S("stream") };
    if (!p->ended || p->marks) at[n - 1].value = stream_text(p);
    p->stales = 0;
    p->dirty = false;
    *count = n;
    *position = at;
}
