/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c: the source `lines`: text files as they grow, packed ones, standard input; one record a line.
 *
 * A look at all paths, made on a thread of the pool every `poll`, is the truth; open files are looked at twenty times a
 * second while something grows, and events of inotify tell of names at once. Each path is a partition, whose chunks are
 * offered in turn. Time is in the records: the engine makes the watermark.
 *
 * Limits: paths PARTITIONS_MAX (the source fails there), open files OPEN_MAX (idle ones are closed, the rest waits),
 * files unpacked at once SPRINGS_MAX (the rest waits), text in memory `backlog` for each of those (unpacking waits). */
#include "source/lines.h"

#include "source/inotify.h"
#include "source/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lines *of_source(struct source *s)
{
    return (struct lines *)s;
}

u64 lines_clock(const struct lines *l)
{
    return uv_now(l->loop);
}

void lines_complain(struct lines *l, const char *path, u64 offset, const char *format, ...)
{
    char    words[320];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    l->to->complain(l->to, slice_str(strcmp(path, "-") == 0 ? "standard input" : path), offset, words);
}

void lines_fail(struct lines *l, const char *text)
{
    if (l->failed) return;
    l->failed = true;
    l->to->fail(l->to, text);
}

/* --- the step --------------------------------------------------------------------------------------------------- */

static void stream_free(struct lines *l, struct stream *s)
{
    while (s->first) {
        struct generation *g = s->first;
        s->first = g->next;
        gen_free(l, g);
    }
    l->taken[s->number] = false;
    free((char *)(uintptr_t)s->path);
    free(s);
}

/* Its position goes with it. */
static void stream_remove(struct lines *l, u32 at)
{
    struct stream *s = l->stream[at];
    if (s->saved) {
        if (l->stales == l->stale_room) {
            l->stale_room = l->stale_room ? l->stale_room * 2 : 16;
            l->stale = realloc(l->stale, l->stale_room * sizeof *l->stale);
            WEIR_ASSERT(l->stale != NULL);
        }
        l->stale[l->stales++] = slice_dup(slice_str(s->path));
    }
    l->streams--;
    memmove(l->stream + at, l->stream + at + 1, (l->streams - at) * sizeof(struct stream *));
    stream_free(l, s);
}

bool lines_forget(struct lines *l)
{
    u32 oldest = l->streams;
    for (u32 i = 0; i < l->streams; i++) {
        const struct stream *s = l->stream[i];
        if (!s->left || !s->ended) continue;
        if (oldest == l->streams || s->last->mtime < l->stream[oldest]->last->mtime) oldest = i;
    }
    if (oldest == l->streams) return false;
    stream_remove(l, oldest);
    return true;
}

/* Streams that have ended are forgotten, unless that is all that is waited for. Where the name is gone the stream is
 * kept, up to a number: if the name comes back, what had it in between is looked for. Gives how many have not ended. */
static u32 step_sweep(struct lines *l)
{
    u32 alive = 0, left = 0;
    for (u32 i = l->streams; i-- > 0;) {
        struct stream *s = l->stream[i];
        if (!s->ended) alive++;
        else if (s->left) left++;
        else if (!l->bounded && strcmp(s->path, "-") != 0) stream_remove(l, i);
    }
    while (!l->bounded && left > LEFT_MAX && lines_forget(l)) left--;
    return alive;
}

static void step(struct lines *l)
{
    u32 idle = 0;
    if (l->surveyed == 0) return; /* all partitions are open before any is read: none may run ahead of the others */
    while (idle < l->streams && !l->paused && !l->failed) {
        if (l->next >= l->streams) l->next = 0;
        struct stream *s = l->stream[l->next++];
        idle = !s->ended && gen_step(l, s) ? 0 : idle + 1;
    }
    if (l->paused || l->failed || l->ended) return;
    if (step_sweep(l) || l->springs || !l->bounded) return;
    l->ended = true;
    l->to->done(l->to);
}

static void lines_sleep(struct lines *l);
static void lines_shut(struct lines *l);

static void on_turn(uv_idle_t *turn)
{
    struct lines *l = container_of(turn, struct lines, turn);
    uv_idle_stop(turn);
    step(l);
    lines_sleep(l);
}

void lines_stir(struct lines *l)
{
    if (!l->closing) uv_idle_start(&l->turn, on_turn);
}

static void on_wake(uv_async_t *wake)
{
    struct lines *l = container_of(wake, struct lines, wake);
    for (struct spring *s = l->spring, *next; l->closing && s; s = next) {
        next = spring_next(s);
        spring_close(l, s);
    }
    if (l->closing) lines_shut(l);
    else lines_stir(l);
}

/* --- looks ------------------------------------------------------------------------------------------------------ */

static void on_survey_work(uv_work_t *work)
{
    survey_make(container_of(work, struct lines, work)->survey);
}

static void lines_watch(struct lines *l);

static void on_survey_done(uv_work_t *work, int status)
{
    struct lines *l = container_of(work, struct lines, work);
    if (status == 0 && !l->closing) follow_survey(l, l->survey);
    survey_free(l->survey);
    l->survey = NULL;
    l->survey_at = lines_clock(l) + (u64)(l->options->poll / 1000000);
    if (l->closing) {
        lines_shut(l);
        return;
    }
    lines_watch(l);
    if (l->again) lines_survey(l);
    else lines_sleep(l);
}

void lines_survey(struct lines *l)
{
    if (l->closing || l->failed) return;
    if (l->survey) {
        l->again = true;
        return;
    }
    l->again = false;
    l->survey = survey_new(&l->options->path);
    int status = uv_queue_work(l->loop, &l->work, on_survey_work, on_survey_done);
    WEIR_ASSERT(status == 0);
}

/* Bounded input is looked at once; only descriptors may be waited for. */
static void lines_unblock(struct lines *l)
{
    for (u32 i = 0; i < l->streams; i++)
        for (struct generation *g = l->stream[i]->first; g; g = g->next) g->blocked = false;
    l->stalled = false;
    lines_stir(l);
}

static void on_timer(uv_timer_t *timer)
{
    struct lines *l = container_of(timer, struct lines, timer);
    if (l->bounded) {
        lines_unblock(l);
        return;
    }
    follow_glance(l);
    if (l->waits) lines_stir(l);
    if (lines_clock(l) >= l->survey_at) lines_survey(l);
    lines_sleep(l);
}

/* Sets the clock to the next look. */
static void lines_sleep(struct lines *l)
{
    u64 now = lines_clock(l), wait = (u64)(l->options->poll / 1000000);
    if (l->closing || l->failed || (l->bounded && !l->stalled)) return;
    if (!l->bounded && !l->survey) wait = l->survey_at > now ? l->survey_at - now : 0;
    bool busy = l->waits || (l->grown && now - l->grown < GLANCES_MS);
    if (!l->bounded && busy && wait > GLANCE_MS) wait = GLANCE_MS;
    if (uv_is_active((uv_handle_t *)&l->timer) && uv_timer_get_due_in(&l->timer) <= wait) return;
    uv_timer_start(&l->timer, on_timer, wait, 0);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void on_name(void *arg, slice name)
{
    struct lines *l = arg;
    char          text[256];
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.at);
    for (u32 i = 0; i < l->options->path.count; i++) {
        if (fnmatch(base_of(l->options->path.name[i]), text, 0) != 0) continue;
        if (l->survey_at > lines_clock(l) + GLANCE_MS) l->survey_at = lines_clock(l) + GLANCE_MS;
        follow_glance(l); /* it was perhaps closed after writing */
        lines_sleep(l);
        return;
    }
}

static void on_overflow(void *arg)
{
    struct lines *l = arg;
    l->counts.overflows++;
    lines_survey(l);
}

static void on_lost(void *arg, int wd)
{
    struct lines *l = arg;
    for (u32 i = 0; i < l->folders; i++) {
        if (l->folder[i].wd != wd) continue;
        inotify_unwatch(l->inotify, wd);
        l->folder[i].wd = -1;
        lines_survey(l);
    }
}

static const struct inotify_ear ear = { on_name, on_overflow, on_lost };

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct lines *l = container_of(poll, struct lines, poll);
    char          buffer[INOTIFY_BUFFER];
    ssize_t       n;
    if (status < 0) {
        uv_poll_stop(poll); /* the looks are the truth */
        return;
    }
    while (!l->failed && (n = read(l->inotify, buffer, sizeof buffer)) > 0) inotify_tell(buffer, (size_t)n, &ear, l);
}

static void folder_add(struct lines *l, const char *path)
{
    const char *base = base_of(path);
    char       *name = base == path ? slice_dup(S("./")) : slice_dup(slice_of(path, (size_t)(base - path)));
    bool        known = strpbrk(name, "*?[") != NULL; /* folders of a pattern are looked at, not watched */
    for (u32 i = 0; i < l->folders; i++) known = known || strcmp(l->folder[i].path, name) == 0;
    if (known || strcmp(path, "-") == 0) {
        free(name);
        return;
    }
    l->folder[l->folders++] = (struct folder){ .path = name, .wd = -1 };
}

/* Folders that came since the last look. */
static void lines_watch(struct lines *l)
{
    for (u32 i = 0; l->inotify >= 0 && i < l->folders; i++) {
        struct folder *f = &l->folder[i];
        if (f->wd >= 0) continue;
        f->wd = inotify_watch(l->inotify, f->path);
        if (f->wd < 0 && f->wd != -ENOENT && f->fault != -f->wd)
            lines_complain(l, f->path, 0, "cannot be watched: %s; looked at every `poll`", strerror(-f->wd));
        f->fault = f->wd < 0 ? -f->wd : 0;
        if (f->wd < 0) f->wd = -1;
    }
}

static void lines_listen(struct lines *l)
{
    l->inotify = inotify_open();
    if (l->inotify < 0) {
        lines_complain(l, l->options->path.name[0], 0,
                       "no inotify is left (fs.inotify.max_user_instances): looked at every `poll`");
        l->inotify = -1;
        return;
    }
    int status = uv_poll_init(l->loop, &l->poll, l->inotify);
    WEIR_ASSERT(status == 0);
    l->handles++;
    uv_poll_start(&l->poll, UV_READABLE, on_readable);
    for (u32 i = 0; i < l->options->path.count; i++) folder_add(l, l->options->path.name[i]);
    lines_watch(l);
}

/* --- open ------------------------------------------------------------------------------------------------------- */

/* Is a stream of this name still asked for? What is not keeps its position: it may be asked for again. */
static bool is_wanted(const struct lines *l, const char *path, bool *globbed)
{
    *globbed = false;
    for (u32 i = 0; i < l->options->path.count; i++)
        if (strcmp(l->options->path.name[i], path) == 0) return true;
    *globbed = true;
    for (u32 i = 0; i < l->options->path.count; i++)
        if (fnmatch(l->options->path.name[i], path, FNM_PATHNAME | FNM_PERIOD) == 0) return true;
    return false;
}

static err lines_restore(struct lines *l, const struct source_setup *setup)
{
    for (u32 i = 0; i < setup->positions; i++) {
        struct place p;
        bool         globbed;
        if (!place_read(&p, setup->position[i].value))
            return (err){ ERR_STATE, "a position of a source `lines` is damaged", i };
        char          *path = slice_dup(setup->position[i].key);
        struct stream *s = is_wanted(l, path, &globbed) ? follow_stream(l, path, globbed, p.number) : NULL;
        free(path);
        if (s == NULL) continue;
        s->place = p;
        s->restored = s->saved = true;
    }
    return OK;
}

/* Standard input: a file that is given whole is one; all else cannot be read again. */
static void lines_stdin(struct lines *l, struct stream *s)
{
    struct look look = { .inode = 0 };
    bool        file = look_at(STDIN_FILENO, "", &look) == 0 && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
    int         fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        lines_complain(l, s->path, 0, "%s", strerror(errno));
        l->counts.unreadable++;
        s->ended = true;
        return;
    }
    struct generation *g = follow_generation(s, &look, lines_clock(l));
    g->fd = fd;
    l->opened++;
    g->over = true;
    follow_open(l, s);
    if (!file) {
        g->contents = CONTENTS_PIPE;
        s->restored = false;
        spring_open(l, g, true);
        return;
    }
    const struct place *p = &s->place;
    if (s->restored && search_is(fd, &p->is) && (p->packed || look.size >= p->offset)) follow_place(l, g);
    else search_head(fd, &g->is, look.size);
    s->restored = false;
}

static void lines_streams(struct lines *l)
{
    for (u32 i = 0; i < l->options->path.count; i++) {
        const char *path = l->options->path.name[i];
        if (survey_is_pattern(path)) continue;
        struct stream *s = follow_stream(l, path, false, PARTITIONS_MAX);
        if (s && strcmp(path, "-") == 0) lines_stdin(l, s);
    }
}

static void lines_free(struct lines *l)
{
    for (u32 i = 0; i < l->streams; i++) stream_free(l, l->stream[i]);
    for (u32 i = 0; i < l->stales; i++) free(l->stale[i]);
    for (u32 i = 0; i < l->folders; i++) free((char *)(uintptr_t)l->folder[i].path);
    if (l->inotify >= 0) close(l->inotify);
    arena_fini(&l->cut);
    free(l->stale);
    free(l->folder);
    free(l);
}

static bool lines_bounded(const struct lines *l)
{
    bool files = false;
    for (u32 i = 0; i < l->options->path.count; i++) files = files || strcmp(l->options->path.name[i], "-") != 0;
    return l->setup.once || !l->options->follow || !files;
}

static err lines_open(struct source **out, struct uv_loop_s *loop, struct inlet *to, const struct source_setup *setup)
{
    struct lines *l = calloc(1, sizeof *l);
    WEIR_ASSERT(l != NULL);
    l->setup = *setup;
    l->options = setup->options;
    l->to = to;
    l->loop = loop;
    l->inotify = -1;
    l->handles = 3;
    l->bounded = lines_bounded(l);
    arena_init(&l->cut, 0);
    l->folder = calloc(l->options->path.count + 1, sizeof *l->folder);
    WEIR_ASSERT(l->folder != NULL);
    err e = setup->layouts == 1 ? OK : (err){ ERR_CONFIG, "a source `lines` has one layout", setup->layouts };
    if (!err_is(e)) e = lines_restore(l, setup);
    if (err_is(e)) {
        lines_free(l);
        return e;
    }
    uv_timer_init(loop, &l->timer);
    uv_idle_init(loop, &l->turn);
    uv_async_init(loop, &l->wake, on_wake);
    if (l->options->watch && !l->bounded) lines_listen(l);
    lines_streams(l);
    lines_survey(l);
    *out = (struct source *)l;
    return OK;
}

static void lines_pause(struct source *s)
{
    of_source(s)->paused = true;
}

static void lines_resume(struct source *s)
{
    of_source(s)->paused = false;
    lines_stir(of_source(s));
}

/* --- saving ----------------------------------------------------------------------------------------------------- */

/* It is known by its first bytes even if it was not opened yet. */
static void stream_head(struct generation *g)
{
    if (g->is.head_len || g->size == 0 || g->rotated) return;
    int fd = search_named(g->stream->path, &g->is);
    if (fd < 0) return;
    search_head(fd, &g->is, g->size);
    close(fd);
}

static struct place stream_place(const struct stream *s)
{
    struct generation *g = s->first;
    bool packed = g->contents == CONTENTS_PACKED;
    stream_head(g);
    return (struct place){ .number = s->number, .packed = packed, .left = s->left,
                           .done = packed ? g->drained && g->out == 0 && g->applied == g->offered : g->applied_end,
                           .is = g->is, .size = g->size, .mtime = g->mtime < 0 ? 0 : g->mtime, .offset = g->applied,
                           .lines = g->lines };
}

static void lines_cut(struct source *source, u32 *count, const struct position **position)
{
    struct lines *l = of_source(source);
    u32           n = 0;
    arena_reset(&l->cut);
    struct position *at = arena_array(&l->cut, struct position, l->streams + l->stales + 1);
    for (u32 i = 0; i < l->stales; i++) {
        at[n++] = (struct position){ .key = arena_copy(&l->cut, slice_str(l->stale[i])) };
        free(l->stale[i]);
    }
    l->stales = 0;
    for (u32 i = 0; i < l->streams; i++) {
        struct stream *s = l->stream[i];
        if (!s->dirty || s->first == NULL || s->first->contents == CONTENTS_PIPE) continue;
        struct place p = stream_place(s);
        at[n++] = (struct position){ arena_copy(&l->cut, slice_str(s->path)), place_text(&l->cut, &p) };
        s->dirty = false;
        s->saved = true;
    }
    *count = n;
    *position = at;
}

static const u64 *lines_count(struct source *s)
{
    return &of_source(s)->counts.files;
}

/* --- close ------------------------------------------------------------------------------------------------------ */

static void lines_closed(struct lines *l)
{
    if (--l->handles) return;
    void (*gone)(void *) = l->gone;
    void *arg = l->gone_arg;
    lines_free(l);
    gone(arg);
}

static void on_closed_timer(uv_handle_t *h)
{
    lines_closed(container_of((uv_timer_t *)h, struct lines, timer));
}

static void on_closed_turn(uv_handle_t *h)
{
    lines_closed(container_of((uv_idle_t *)h, struct lines, turn));
}

static void on_closed_wake(uv_handle_t *h)
{
    lines_closed(container_of((uv_async_t *)h, struct lines, wake));
}

static void on_closed_poll(uv_handle_t *h)
{
    lines_closed(container_of((uv_poll_t *)h, struct lines, poll));
}

/* Once the look in work and all threads have ended. */
static void lines_shut(struct lines *l)
{
    if (l->survey || l->spring || uv_is_closing((uv_handle_t *)&l->wake)) return;
    uv_close((uv_handle_t *)&l->timer, on_closed_timer);
    uv_close((uv_handle_t *)&l->turn, on_closed_turn);
    uv_close((uv_handle_t *)&l->wake, on_closed_wake);
    if (l->inotify >= 0) uv_close((uv_handle_t *)&l->poll, on_closed_poll);
}

static void lines_close(struct source *s, void (*gone)(void *), void *arg)
{
    struct lines *l = of_source(s);
    WEIR_ASSERT(l->out == 0 && !l->closing);
    l->closing = true;
    l->gone = gone;
    l->gone_arg = arg;
    uv_idle_stop(&l->turn);
    uv_timer_stop(&l->timer);
    for (struct spring *at = l->spring; at; at = spring_next(at)) spring_stop(at);
    if (l->survey) uv_cancel((uv_req_t *)&l->work); /* EBUSY: it runs, and on_survey_done comes */
    uv_async_send(&l->wake);
}

/* --- what the recipe may say ------------------------------------------------------------------------------------ */

static nanos lines_unseen(const void *options, const char **because)
{
    const struct lines_options *o = options;
    *because = "files are looked at every `poll`";
    return o->follow ? o->poll : 0;
}

static bool lines_check(const void *options, char *words, size_t size, const char **at)
{
    const struct lines_options *o = options;
    u32                         pipes = 0;
    *at = "path";
    for (u32 i = 0; i < o->path.count; i++) pipes += strcmp(o->path.name[i], "-") == 0;
    if (o->path.count == 0) snprintf(words, size, "needs `path`: files, patterns of files, or -");
    else if (pipes > 1) snprintf(words, size, "standard input (`-`) stands twice in `path`");
    else if (o->path.count > PARTITIONS_MAX) snprintf(words, size, "more than %d in `path`", PARTITIONS_MAX);
    else return true;
    return false;
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct lines_options, member)
#define MS ((u64)1000000)
#define DAY (86400 * (u64)NANOS_SECOND)

static const struct option lines_options[] = {
    { "path", OPTION_PATHS, true, NULL, NULL, 0, 0, AT(path),
      "files, patterns of files (*, ?, [..]), or -: standard input; gzip and Zstandard are unpacked" },
    { "follow", OPTION_BOOL, false, "true", NULL, 0, 0, AT(follow),
      "go on as files grow, are rotated and come; false, or --once: read what is there" },
    { "start", OPTION_CHOICE, false, "begin", "begin end", 0, 0, AT(start),
      "end: at the very first start, what is in the files already is passed over" },
    { "poll", OPTION_SPAN, false, "1s", NULL, 10 * MS, DAY, AT(poll),
      "all paths are looked at this often; files that grow, twenty times a second" },
    { "watch", OPTION_BOOL, false, "true", NULL, 0, 0, AT(watch), "hear of new names at once (inotify)" },
    { "rotate_wait", OPTION_SPAN, false, "2s", NULL, 0, DAY, AT(rotate_wait),
      "a file that was renamed is left for the new one when it has not grown for so long" },
    { "chunk", OPTION_SIZE, false, "1MiB", NULL, 64 << 10, 256 << 20, AT(chunk),
      "bytes that one worker takes at once" },
    { "backlog", OPTION_SIZE, false, "8MiB", NULL, 64 << 10, (u64)16 << 30, AT(backlog),
      "unpacked text of one file that waits for workers" },
    OPTION_END,
};

#define COUNT(member) offsetof(struct lines_counts, member)

static const struct metric lines_metrics[] = {
    { "files", "files", "read to their end and left", COUNT(files) },
    { "bytes", "bytes", "of text, applied", COUNT(bytes) },
    { "chunks", "chunks", "offered", COUNT(chunks) },
    { "rotated", "files", "whose name was taken by another", COUNT(rotated) },
    { "truncated", "files", "that shrank, or were written anew", COUNT(truncated) },
    { "vanished", "files", "gone before they were read to their end", COUNT(vanished) },
    { "missing", "paths", "where nothing that can be read was found, each time anew", COUNT(missing) },
    { "unreadable", "files", "that could not be opened or read, each fault once", COUNT(unreadable) },
    { "unpacked", "files", "of gzip or Zstandard, read whole", COUNT(unpacked) },
    { "damaged", "files", "packed ones that end too early or hold what cannot be unpacked", COUNT(damaged) },
    { "looks", "looks", "at all paths", COUNT(looks) },
    { "overflows", "events", "that said that the kernel lost events; each is followed by a look", COUNT(overflows) },
    { NULL },
};

const struct source_type source_lines = {
    .name = "lines",
    .options = lines_options,
    .options_size = sizeof(struct lines_options),
    .metrics = lines_metrics,
    .decoders = { &decoder_json, &decoder_line, NULL },
    .first = true,
    .timed = true,
    .check = lines_check,
    .unseen = lines_unseen,
    .open = lines_open,
    .pause = lines_pause,
    .resume = lines_resume,
    .read = gen_bytes,
    .applied = gen_applied,
    .cut = lines_cut,
    .where = gen_where,
    .line = gen_line,
    .counts = lines_count,
    .close = lines_close,
};
