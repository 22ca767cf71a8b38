/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c: the source `unified2`: alerts of Snort's and Suricata's spool directories, each an event with what belongs
 * to it.
 *
 * Each directory is a partition with a thread of its own (spool_read.c), which reads, joins and frames; the loop offers
 * its texts as chunks. What was applied decides where a restart begins (spool_place.h): each event once. Time is in the
 * records, so the engine makes the watermarks. Limits: SPOOLS_MAX directories; `backlog` bytes of texts wait for
 * workers, then reading waits; the join's own (unified2/join.h). */
#include "source/spool.h"

#include "source/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_MOST ((u64)256 << 20)
#define MIB      ((u64)1 << 20)

/* A chunk's state. */
struct spool_chunk {
    struct spool     *spool;
    struct text      *text;
    struct spool_mark mark; /* the place behind it */
};

static struct spools *of_source(struct source *s)
{
    return (struct spools *)s;
}

/* --- what the loop hears ---------------------------------------------------------------------------------------- */

static struct spool_mark mark_of(const struct text *x)
{
    struct spool_mark m;
    memcpy(&m, x->bytes + x->length, sizeof m);
    return m;
}

static void place_reached(struct spool *s, const struct spool_mark *m)
{
    s->place = m->place;
    s->dirty = true;
}

static void hear_text(struct spool *s, struct text *x)
{
    struct spools      *all = s->of;
    struct spool_chunk *c = malloc(sizeof *c);
    WEIR_ASSERT(c != NULL && x->length > 0);
    *c = (struct spool_chunk){ s, x, mark_of(x) };
    s->last = c;
    s->out++;
    all->chunks++;
    struct chunk chunk = { .source = (struct source *)all, .partition = s->number, .time = all->setup.now(),
                           .offset = x->offset, .length = x->length, .aligned = true, .state = c };
    all->to->offer(all->to, &chunk);
}

/* A place without records holds once all that came before it is applied. */
static void hear_place(struct spool *s, struct text *x)
{
    struct spool_mark m = mark_of(x);
    if (s->out) s->last->mark = m;
    else place_reached(s, &m);
    hand_give_back(&s->hand, x);
}

static void hear_complaint(struct spool *s, const struct word *w)
{
    if (w->input != SPOOL_NO_FILE) {
        s->told = (struct spool_at){ .stamp = (u64)w->start, .offset = w->offset + 1 };
        s->dirty = true;
    }
    s->of->to->complain(s->of->to, slice_str(w->what), w->offset, w->what + strlen(w->what) + 1);
}

static void hear_end(struct spool *s)
{
    struct spools *all = s->of;
    all->to->partition(all->to, s->number, false);
    if (++all->ended == all->count) all->to->done(all->to);
}

static void hear_failure(struct spools *all, const struct word *w)
{
    all->failed = true;
    free(all->fault);
    all->fault = slice_dup(slice_str(w->what + strlen(w->what) + 1));
    all->to->fail(all->to, all->fault);
}

static void hear(struct spool *s, const struct word *w)
{
    switch (w->kind) {
    case WORD_TEXT: hear_text(s, w->text); break;
    case WORD_FILE: hear_place(s, w->text); break;
    case WORD_COMPLAINT: hear_complaint(s, w); break;
    case WORD_END: hear_end(s); break;
    case WORD_FAIL: hear_failure(s->of, w); break;
    default: WEIR_ASSERT(false);
    }
    free(w->what);
}

/* A word of each spool in turn, so that none waits for another's backlog. */
static void step(struct spools *all)
{
    struct word w;
    for (u32 i = 0; i < all->count; i++) {
        struct spool *s = &all->spool[i];
        if (!s->opened) all->to->partition(all->to, s->number, true);
        s->opened = true;
    }
    for (bool any = true; any;) {
        any = false;
        for (u32 i = 0; i < all->count && !all->paused && !all->failed; i++) {
            if (!hand_hear(&all->spool[i].hand, &w)) continue;
            hear(&all->spool[i], &w);
            any = true;
        }
    }
}

static void on_turn(uv_idle_t *turn)
{
    uv_idle_stop(turn);
    step(container_of(turn, struct spools, turn));
}

static void stir(struct spools *all)
{
    if (!all->closing) uv_idle_start(&all->turn, on_turn);
}

static void try_shut(struct spools *all);

static void on_wake(uv_async_t *wake)
{
    struct spools *all = container_of(wake, struct spools, wake);
    if (all->closing) try_shut(all);
    else step(all);
}

/* --- what the engine calls -------------------------------------------------------------------------------------- */

static void spools_pause(struct source *s)
{
    of_source(s)->paused = true;
}

static void spools_resume(struct source *s)
{
    of_source(s)->paused = false;
    stir(of_source(s));
}

static i64 spools_read(const struct chunk *chunk, u64 at, void *to, size_t max)
{
    const struct text *x = ((const struct spool_chunk *)chunk->state)->text;
    if (at < x->offset || at - x->offset >= x->length) return 0;
    size_t from = (size_t)(at - x->offset), n = x->length - from < max ? x->length - from : max;
    memcpy(to, x->bytes + from, n);
    return (i64)n;
}

static void spools_applied(struct source *source, struct chunk *chunk, const struct chunk_counts *counts)
{
    struct spool_chunk *c = chunk->state;
    struct spool       *s = c->spool;
    WEIR_ASSERT((struct source *)s->of == source && s->out > 0);
    place_reached(s, &c->mark);
    if (--s->out == 0) s->last = NULL;
    hand_give_back(&s->hand, c->text);
    free(c);
}

static void spools_cut(struct source *source, u32 *count, const struct position **position)
{
    struct spools *all = of_source(source);
    u32            n = 0;
    for (u32 i = 0; i < all->count; i++) {
        struct spool *s = &all->spool[i];
        if (!s->dirty) continue;
        size_t len = spool_place_put(all->value[i], &s->place, &s->told, s->dir.prefix);
        all->cut[n++] = (struct position){ s->key, slice_of(all->value[i], len) };
        s->dirty = false;
    }
    *count = n;
    *position = all->cut;
}

static slice spools_where(const struct chunk *chunk)
{
    return slice_str(((const struct spool_chunk *)chunk->state)->spool->dir.path);
}

static u64 spools_line(const struct chunk *chunk, u32 number, u64 *offset)
{
    return ((const struct spool_chunk *)chunk->state)->text->sum + number + 1;
}

static void counts_sum(struct spool_counts *sum, const struct spool_counts *more)
{
    static_assert(sizeof *sum % sizeof(u64) == 0, "counters alone");
    u64       *to = &sum->files;
    const u64 *from = &more->files;
    for (size_t i = 0; i < sizeof *sum / sizeof(u64); i++) to[i] += from[i];
}

static const u64 *spools_count(struct source *source)
{
    struct spools *all = of_source(source);
    all->shown = (struct spool_counts){ 0 };
    pthread_mutex_lock(&all->lock);
    for (u32 i = 0; i < all->count; i++) counts_sum(&all->shown, &all->spool[i].counts);
    pthread_mutex_unlock(&all->lock);
    all->shown.chunks = all->chunks;
    return &all->shown.files;
}

/* --- maps ------------------------------------------------------------------------------------------------------- */

/* The file's bytes, malloc'd; NULL: *e says why. */
static char *whole_file(const char *path, size_t *size, err *e)
{
    struct stat st;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    char       *text = NULL;
    ssize_t     n = 1;
    *size = 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        *e = err_os("open");
        if (fd >= 0) close(fd);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || (u64)st.st_size > MAP_MOST) *e = (err){ ERR_CONFIG, "no file of at most 256 MiB", 0 };
    else text = malloc((size_t)st.st_size + 1);
    while (text && n > 0 && *size < (size_t)st.st_size) {
        n = read(fd, text + *size, (size_t)st.st_size - *size);
        if (n < 0 && errno == EINTR) n = 1;
        else if (n > 0) *size += (size_t)n;
    }
    if (n < 0) {
        *e = err_os("read");
        free(text);
        text = NULL;
    }
    close(fd);
    return text;
}

/* Faulty lines are told and passed over. */
static err map_read(struct spools *all, enum u2_map which, const char *path)
{
    struct u2_name_faults faults;
    size_t                size;
    char                  words[256];
    err                   e = OK;
    if (path == NULL) return OK;
    char *text = whole_file(path, &size, &e);
    if (text == NULL) {
        all->to->complain(all->to, slice_str(path), 0, err_text(e, words, sizeof words));
        return (err){ ERR_CONFIG, "a map of the unified2 source cannot be read", 0 };
    }
    if (all->names == NULL) all->names = u2_names_open();
    u2_names_read(all->names, which, slice_of(text, size), &faults);
    free(text);
    for (u32 i = 0; i < faults.count && i < U2_NAME_FAULTS; i++) {
        snprintf(words, sizeof words, "line %u: %s, expected %s; passed over", faults.at[i].line, faults.at[i].what,
                 faults.at[i].expected);
        all->to->complain(all->to, slice_str(path), 0, words);
    }
    if (faults.count <= U2_NAME_FAULTS) return OK;
    snprintf(words, sizeof words, "%u more faulty lines", faults.count - U2_NAME_FAULTS);
    all->to->complain(all->to, slice_str(path), 0, words);
    return OK;
}

static err maps_read(struct spools *all)
{
    const struct spools_options *o = all->options;
    err e = map_read(all, U2_MAP_CLASSIFICATION, o->classification);
    if (!err_is(e)) e = map_read(all, U2_MAP_GEN, o->gen_map);
    if (!err_is(e)) e = map_read(all, U2_MAP_SID, o->sid_map);
    return e;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

/* Texts that no column asks for are not made: the line of JSON costs more than all else. */
static void frame_what(struct spools *all)
{
    static const struct { const char *column; enum u2_words is; } made[] = {
        { "signature", U2_T_SIGNATURE }, { "classification", U2_T_CLASS }, { "appid", U2_T_APP },
        { "method", U2_T_METHOD },       { "httpVersion", U2_T_VERSION },  { "userAgent", U2_T_AGENT },
        { "referer", U2_T_REFERER },     { "detail", U2_T_DETAIL },        { "uri", U2_T_URI },
        { "host", U2_T_HOST },           { "json", U2_T_JSON },
    };
    static_assert(WEIR_COUNT(made) == U2_TEXTS, "each text has a column");
    const struct layout *l = &all->setup.layout[0];
    all->framing.names = all->names;
    for (u32 i = 0; i < l->fields; i++)
        for (u32 k = 0; k < U2_TEXTS; k++)
            if (l->field[i].used && slice_is(l->field[i].column, made[k].column))
                all->framing.texts |= 1u << made[k].is;
}

static err spool_restore(struct spool *s, const struct source_setup *setup)
{
    for (u32 i = 0; i < setup->positions; i++) {
        const struct position *p = &setup->position[i];
        char                   prefix[SPOOL_PREFIX];
        if (!slice_eq(p->key, s->key)) continue;
        if (!spool_place_read(p->value, &s->place, &s->told, prefix))
            return (err){ ERR_STATE, "a position of the unified2 source is damaged", (i64)i };
        if (!s->dir.named) memcpy(s->dir.prefix, prefix, sizeof prefix);
        s->give.past = s->place;
        s->told_before = s->told;
        s->resumed = true;
    }
    return OK;
}

static err spool_init(struct spools *all, u32 number)
{
    const struct spools_options *o = all->options;
    struct spool                *s = &all->spool[number];
    struct stat                  st;
    s->of = all;
    s->number = number;
    s->dir.path = o->path.name[number];
    s->dir.named = o->prefix != NULL;
    if (o->prefix) snprintf(s->dir.prefix, sizeof s->dir.prefix, "%s", o->prefix);
    size_t size = strlen(s->dir.path) + strlen(s->dir.prefix) + 3;
    char  *key = malloc(size);
    WEIR_ASSERT(key != NULL);
    snprintf(key, size, "%s%s%s", s->dir.path, o->prefix ? "/" : "", s->dir.prefix);
    s->key = slice_str(key);
    err e = hand_init(&s->hand, o->backlog / o->path.count, &all->wake);
    if (err_is(e)) return e;
    all->started++; /* to be taken down */
    if (stat(s->dir.path, &st) < 0) e = err_os("path of the unified2 source");
    else if (!S_ISDIR(st.st_mode)) e = (err){ ERR_OS, "path of the unified2 source", ENOTDIR };
    else if (access(s->dir.path, R_OK | X_OK) < 0) e = err_os("path of the unified2 source");
    if (err_is(e)) {
        char words[256];
        all->to->complain(all->to, slice_str(s->dir.path), 0, err_text(e, words, sizeof words));
        return e;
    }
    return spool_restore(s, &all->setup);
}

static void spools_free(struct spools *all)
{
    for (u32 i = 0; i < all->count; i++) {
        if (i < all->started) hand_fini(&all->spool[i].hand);
        free((char *)(uintptr_t)all->spool[i].key.at);
    }
    pthread_mutex_destroy(&all->lock);
    u2_names_close(all->names);
    free(all->spool);
    free(all->value);
    free(all->cut);
    free(all->fault);
    free(all);
}

static void spools_start(struct spools *all)
{
    for (u32 i = 0; i < all->count; i++) {
        struct spool *s = &all->spool[i];
        int           status = pthread_create(&s->thread, NULL, spool_main, s);
        WEIR_ASSERT(status == 0);
        pthread_setname_np(s->thread, "weir-unified2");
    }
}

static err spools_open(struct source **out, struct uv_loop_s *loop, struct inlet *to, const struct source_setup *setup)
{
    struct spools *all = calloc(1, sizeof *all);
    err            e = OK;
    WEIR_ASSERT(all != NULL);
    *all = (struct spools){ .setup = *setup, .options = setup->options, .to = to, .loop = loop, .handles = 2 };
    pthread_mutex_init(&all->lock, NULL);
    all->count = all->options->path.count;
    all->spool = calloc(all->count, sizeof *all->spool);
    all->value = calloc(all->count, sizeof *all->value);
    all->cut = calloc(all->count, sizeof *all->cut);
    WEIR_ASSERT(all->spool != NULL && all->value != NULL && all->cut != NULL);
    if (setup->layouts != 1) e = (err){ ERR_CONFIG, "format unified2 has one layout", 1 };
    for (u32 i = 0; i < all->count && !err_is(e); i++) e = spool_init(all, i);
    if (!err_is(e)) e = maps_read(all);
    if (err_is(e)) {
        spools_free(all);
        return e;
    }
    frame_what(all);
    uv_async_init(loop, &all->wake, on_wake);
    uv_idle_init(loop, &all->turn);
    spools_start(all);
    stir(all);
    *out = (struct source *)all;
    return OK;
}

static void on_closed(struct spools *all)
{
    if (--all->handles) return;
    void (*gone)(void *) = all->gone;
    void *arg = all->gone_arg;
    spools_free(all);
    gone(arg);
}

static void on_closed_wake(uv_handle_t *h)
{
    on_closed(container_of((uv_async_t *)h, struct spools, wake));
}

static void on_closed_turn(uv_handle_t *h)
{
    on_closed(container_of((uv_idle_t *)h, struct spools, turn));
}

/* Once all threads have ended. What they had said and nobody heard is read again. */
static void try_shut(struct spools *all)
{
    for (u32 i = 0; i < all->count; i++)
        if (!hand_is_over(&all->spool[i].hand)) return;
    if (uv_is_closing((uv_handle_t *)&all->wake)) return;
    for (u32 i = 0; i < all->count; i++) pthread_join(all->spool[i].thread, NULL);
    uv_close((uv_handle_t *)&all->wake, on_closed_wake);
    uv_close((uv_handle_t *)&all->turn, on_closed_turn);
}

static void spools_close(struct source *source, void (*gone)(void *), void *arg)
{
    struct spools *all = of_source(source);
    WEIR_ASSERT(!all->closing);
    all->closing = true;
    all->gone = gone;
    all->gone_arg = arg;
    uv_idle_stop(&all->turn);
    for (u32 i = 0; i < all->count; i++) {
        WEIR_ASSERT(all->spool[i].out == 0);
        hand_stop(&all->spool[i].hand);
    }
    try_shut(all);
}

/* --- what the recipe may say ------------------------------------------------------------------------------------ */

static bool spools_check(const void *options, char *words, size_t size, const char **at)
{
    const struct spools_options *o = options;
    *at = "path";
    if (o->path.count == 0 || o->path.count > SPOOLS_MAX) {
        snprintf(words, size, "`path` has 1 to %u directories, not %u", SPOOLS_MAX, o->path.count);
        return false;
    }
    for (u32 i = 0; i < o->path.count; i++)
        for (u32 k = 0; k < i; k++) {
            if (strcmp(o->path.name[i], o->path.name[k]) != 0) continue;
            snprintf(words, size, "`path` has %s twice", o->path.name[i]);
            return false;
        }
    *at = "prefix";
    if (o->prefix == NULL) return true;
    bool good = *o->prefix != '\0' && strlen(o->prefix) < SPOOL_PREFIX && strchr(o->prefix, '/') == NULL;
    if (!good) snprintf(words, size, "`prefix` is what stands before .<number> in the names of files: snort.log");
    return good;
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct spools_options, member)
#define MS         ((u64)1000000)
#define DAY        (86400 * (u64)NANOS_SECOND)

static const struct option spools_options[] = {
    { "path", OPTION_PATHS, true, NULL, NULL, 0, 0, AT(path),
      "directories that Snort or Suricata writes its spool to" },
    { "prefix", OPTION_TEXT, false, NULL, NULL, 0, 0, AT(prefix),
      "what stands before .<number> in the files' names: snort.log; needed where a directory has several" },
    { "classification", OPTION_PATH, false, NULL, NULL, 0, 0, AT(classification),
      "classification.config: names of classes" },
    { "sid_map", OPTION_PATH, false, NULL, NULL, 0, 0, AT(sid_map), "sid-msg.map: messages of signatures" },
    { "gen_map", OPTION_PATH, false, NULL, NULL, 0, 0, AT(gen_map), "gen-msg.map: messages of preprocessors" },
    { "join", OPTION_BOOL, false, "true", NULL, 0, 0, AT(join),
      "an event and what belongs to it are one record; false: each is its own" },
    { "timeout", OPTION_SPAN, false, "5s", NULL, 10 * MS, DAY, AT(timeout),
      "an event waits so long for its packets, if no later ones push it out" },
    { "start", OPTION_CHOICE, false, "begin", "begin end", 0, 0, AT(start),
      "of a spool that was never read: with its oldest file, or behind what is there" },
    { "rescan", OPTION_SPAN, false, "1s", NULL, 10 * MS, DAY, AT(rescan),
      "the directory is read this often, whatever inotify says" },
    { "backlog", OPTION_SIZE, false, "16MiB", NULL, MIB, 65536 * MIB, AT(backlog),
      "records that wait for workers; past it reading waits" },
    { "chunk", OPTION_SIZE, false, "1MiB", NULL, 1024, 16 * MIB, AT(chunk), "records that a worker gets at once" },
    OPTION_END,
};

#define COUNT(member) offsetof(struct spool_counts, member)

static const struct metric spools_metrics[] = {
    { "files", "files", "opened", COUNT(files) },
    { "foreign", "files", "passed over: another format, by its first bytes", COUNT(foreign) },
    { "chunks", "chunks", "offered", COUNT(chunks) },
    { "records", "records", "given out: events with what belongs to them, and what came alone", COUNT(records) },
    { "again", "records", "read again after a restart and not given out twice", COUNT(again) },
    { "split", "records", "given out alone, since their event's line of JSON would be too long", COUNT(split) },
    { "cut", "records", "without their line of JSON, which would be too long", COUNT(cut) },
    { "bytes", "bytes", "read", COUNT(reader.bytes) },
    { "events", "records", "read: events", COUNT(reader.events) },
    { "packets", "records", "packets", COUNT(reader.packets) },
    { "buffers", "records", "buffers: rebuilt data", COUNT(reader.buffers) },
    { "extra", "records", "extra data", COUNT(reader.extra) },
    { "apps", "records", "statistics of applications", COUNT(reader.apps) },
    { "unknown", "records", "passed over: of a type whose layout is not known", COUNT(reader.unknown) },
    { "short", "records", "passed over: body shorter than its fixed part", COUNT(reader.brief) },
    { "damaged", "places", "where no record could be read", COUNT(reader.damaged) },
    { "damaged_bytes", "bytes", "passed over there", COUNT(reader.damaged_bytes) },
    { "joined", "records", "packets, buffers and extra data that went with their event", COUNT(join.joined) },
    { "orphans", "records", "... that came without one: it had gone or never was", COUNT(join.orphans) },
    { "bare", "events", "without any", COUNT(join.bare) },
    { "early", "events", "given out before their time, for want of memory", COUNT(join.early) },
    { NULL },
};

const struct source_type source_unified2 = {
    .name = "unified2",
    .options = spools_options,
    .options_size = sizeof(struct spools_options),
    .metrics = spools_metrics,
    .decoders = { &decoder_unified2, NULL },
    .timed = true,
    .check = spools_check,
    .open = spools_open,
    .pause = spools_pause,
    .resume = spools_resume,
    .read = spools_read,
    .applied = spools_applied,
    .cut = spools_cut,
    .where = spools_where,
    .line = spools_line,
    .counts = spools_count,
    .close = spools_close,
};
