/* SPDX-License-Identifier: Apache-2.0 */
/* lines_spring.c: a thread that unpacks a file, or reads a pipe; its texts are handed to the loop, which offers them.
 *
 * A text ends behind a LF. A line that is longer than the decoder takes is cut, and the text behind it begins inside a
 * line, which the decoder passes over. A byte order mark at the beginning is no part of the text: offsets count from
 * behind it. Of a file that was begun before a restart, what was applied is unpacked again and thrown away. What a pipe
 * has given and is not yet a whole text is offered as soon as the pipe runs dry. */
#include "source/lines.h"

#include "weir/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT ((size_t)256 << 10) /* read at once */

struct spring {
    struct hand        hand;
    pthread_t          thread;
    struct generation *of;
    struct spring     *next;
    bool               joined, full_told;

    /* The thread's. */
    int             fd;
    bool            pipe;
    u64             at;      /* of a file: bytes read             */
    u64             skip;    /* applied before the restart        */
    size_t          room;    /* of a text                         */
    size_t          line_max;
    struct inflate *inflate; /* NULL: plain, or not known yet     */
    bool            known;   /* the format is                     */
    bool            begun;   /* behind what may be a mark         */
    struct text    *text;    /* being filled                      */
    u64             made;    /* bytes in texts before it          */
    char            before;  /* the last of them                  */
    size_t          begin, end;
    char            input[INPUT];
};

/* --- texts ------------------------------------------------------------------------------------------------------ */

static struct text *text_new(struct spring *s, size_t room)
{
    struct text *x = malloc(sizeof *x + room);
    WEIR_ASSERT(x != NULL);
    *x = (struct text){ .offset = s->made, .torn = s->made > 0 && s->before != '\n', .room = room };
    return x;
}

/* Drops the byte order mark; offsets count from behind it. False: more bytes must tell whether it is one. */
static bool text_begin(struct spring *s)
{
    struct text *x = s->text;
    slice        mark = MARK;
    size_t       n = x->length < mark.len ? x->length : mark.len;
    bool         same = memcmp(x->bytes, mark.at, n) == 0;
    s->begun = !same || n == mark.len;
    if (!s->begun || !same) return s->begun;
    x->length -= n;
    memmove(x->bytes, x->bytes + n, x->length);
    return true;
}

/* What was applied before the restart goes from the front. */
static void text_skip(struct spring *s)
{
    struct text *x = s->text;
    if (!s->begun && !text_begin(s)) return;
    if (s->made >= s->skip || x->length == 0) return;
    size_t n = s->skip - s->made < x->length ? (size_t)(s->skip - s->made) : x->length;
    s->before = x->bytes[n - 1];
    memmove(x->bytes, x->bytes + n, x->length - n);
    x->length -= n;
    s->made += n;
    x->offset = s->made;
    x->torn = s->before != '\n';
}

/* Says the first n bytes of the text; the rest begins the next one. False: the loop wants no more. */
static bool text_say(struct spring *s, size_t n)
{
    struct text *x = s->text;
    size_t       rest = x->length - n;
    if (n == 0) return true;
    if (!hand_wait(&s->hand)) return false;
    s->before = x->bytes[n - 1];
    s->made += n;
    s->text = text_new(s, rest > s->room ? rest : s->room);
    memcpy(s->text->bytes, x->bytes + n, rest);
    s->text->length = rest;
    x->length = n;
    if (x->room - n > s->room / 2) { /* a pipe's small texts: what waits is counted by its room */
        x->room = n;
        x = realloc(x, sizeof *x + n);
        WEIR_ASSERT(x != NULL);
    }
    hand_say(&s->hand, &(struct word){ .kind = WORD_TEXT, .text = x });
    return true;
}

static size_t text_whole(const struct text *x)
{
    const char *lf = x->length ? memrchr(x->bytes, '\n', x->length) : NULL;
    return lf ? (size_t)(lf - x->bytes) + 1 : 0;
}

/* Makes room in a full text. */
static bool text_room(struct spring *s)
{
    struct text *x = s->text;
    if (x->length < x->room) return true;
    size_t whole = text_whole(x);
    if (whole) return text_say(s, whole);
    if (x->length > s->line_max) return text_say(s, x->length);
    size_t room = x->room * 2;
    x = realloc(x, sizeof *x + room);
    WEIR_ASSERT(x != NULL);
    x->room = room;
    s->text = x;
    return true;
}

/* --- input ------------------------------------------------------------------------------------------------------ */

static void say_words(struct spring *s, enum word_kind kind, const char *words)
{
    struct word w = { .kind = kind, .offset = s->made + s->text->length, .what = slice_dup(slice_str(words)) };
    hand_say(&s->hand, &w);
}

/* A pipe may be silent for ever: the wait ends when the loop says so. False: it did. */
static bool wait_readable(struct spring *s)
{
    struct pollfd at[] = { { .fd = s->fd, .events = POLLIN }, { .fd = s->hand.event, .events = POLLIN } };
    if (poll(at, 1, 0) == 0 && !text_say(s, text_whole(s->text))) return false;
    while (poll(at, WEIR_COUNT(at), -1) < 0)
        if (errno != EINTR) return true; /* read will tell */
    return at[1].revents == 0;
}

static ssize_t input_read(struct spring *s)
{
    ssize_t n;
    do {
        if (hand_stopped(&s->hand) || (s->pipe && !wait_readable(s))) return -ECANCELED;
        if (s->pipe) n = read(s->fd, s->input + s->end, INPUT - s->end);
        else n = pread(s->fd, s->input + s->end, INPUT - s->end, (off_t)s->at);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0) return -errno;
    s->at += (u64)n;
    s->end += (size_t)n;
    return n;
}

/* Once enough of the beginning is there. */
static void input_know(struct spring *s, bool all)
{
    bool                sure;
    enum inflate_format f = inflate_format_of(slice_of(s->input, s->end), &sure);
    s->known = sure || all;
    if (s->known && f != INFLATE_NONE) s->inflate = inflate_open(f);
}

/* --- unpacking -------------------------------------------------------------------------------------------------- */

/* One step of it, into the room of the text. */
static bool unpack_step(struct spring *s, size_t *used, size_t *made, const char **why)
{
    struct text *x = s->text;
    char        *to = x->bytes + x->length;
    size_t       have = s->end - s->begin, room = x->room - x->length;
    if (s->inflate) return inflate_step(s->inflate, slice_of(s->input + s->begin, have), used, to, room, made, why);
    *used = *made = have < room ? have : room;
    memcpy(to, s->input + s->begin, *used);
    return true;
}

/* All of the input that is there. False: the end: it is damaged, or the loop wants no more. */
static bool unpack(struct spring *s)
{
    for (;;) {
        size_t      used = 0, made = 0;
        const char *why = NULL;
        if (!text_room(s)) return false;
        struct text *x = s->text;
        bool         sound = unpack_step(s, &used, &made, &why);
        s->begin += used;
        x->length += made;
        text_skip(s);
        if (!sound) {
            char words[128];
            snprintf(words, sizeof words, "%s: what follows is not read", why);
            if (!text_say(s, text_whole(x))) return false;
            say_words(s, WORD_COMPLAINT, words);
            return false;
        }
        if (used == 0 && made == 0) break;
    }
    memmove(s->input, s->input + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    return true;
}

static void spring_run(struct spring *s)
{
    char words[128];
    for (;;) {
        ssize_t n = input_read(s);
        if (n == -ECANCELED) return;
        if (n < 0) {
            snprintf(words, sizeof words, "cannot be read: %s: what follows is not read", strerror((int)-n));
            if (!text_say(s, text_whole(s->text))) return;
            say_words(s, WORD_COMPLAINT, words);
            break;
        }
        if (!s->known) input_know(s, n == 0);
        if (!s->known) continue;
        if (!unpack(s)) break;
        if (n > 0) continue;
        s->begun = true; /* too short for a mark */
        text_skip(s);
        bool whole = s->inflate == NULL || inflate_whole(s->inflate);
        if (!text_say(s, whole ? s->text->length : text_whole(s->text))) return;
        if (!whole) say_words(s, WORD_COMPLAINT, "ends inside packed data: its last line is not read");
        break;
    }
    if (s->made < s->skip && !hand_stopped(&s->hand))
        say_words(s, WORD_COMPLAINT, "shorter than what was read of it before the restart");
    if (!hand_stopped(&s->hand)) hand_say(&s->hand, &(struct word){ .kind = WORD_END });
}

static void *spring_main(void *arg)
{
    struct spring *s = arg;
    s->text = text_new(s, s->room);
    spring_run(s);
    free(s->text);
    if (s->inflate) inflate_close(s->inflate);
    hand_over(&s->hand);
    return NULL;
}

/* --- the loop's side -------------------------------------------------------------------------------------------- */

void spring_open(struct lines *l, struct generation *g, bool pipe)
{
    struct spring *s = malloc(sizeof *s);
    WEIR_ASSERT(s != NULL && g->spring == NULL && g->fd >= 0);
    memset(s, 0, offsetof(struct spring, input));
    err e = hand_init(&s->hand, l->options->backlog, &l->wake);
    if (err_is(e)) { /* no descriptor: tried again at the next look */
        free(s);
        l->stalled = g->blocked = true;
        return;
    }
    u64 line_max = l->setup.decoder && l->setup.decoder->line_max ? l->setup.decoder->line_max : DECODER_LINE_MAX;
    s->of = g;
    s->fd = g->fd;
    s->pipe = pipe;
    s->skip = g->offered;
    s->room = l->options->chunk;
    s->line_max = (size_t)line_max + 2; /* its line end */
    s->next = l->spring;
    l->spring = s;
    l->springs++;
    g->spring = s;
    int status = pthread_create(&s->thread, NULL, spring_main, s);
    WEIR_ASSERT(status == 0);
    pthread_setname_np(s->thread, "weir-lines");
}

static void hear_text(struct lines *l, struct spring *s, struct text *x)
{
    struct generation *g = s->of;
    struct piece      *p = calloc(1, sizeof *p);
    WEIR_ASSERT(p != NULL && x->length > 0 && x->offset == g->offered);
    *p = (struct piece){
        .chunk = { .source = (struct source *)l, .partition = g->stream->number, .time = l->setup.now(),
                   .offset = x->offset, .length = x->length, .aligned = !x->torn, .state = p },
        .of = g, .text = x,
    };
    g->offered += x->length;
    g->out++;
    l->out++;
    l->counts.chunks++;
    l->to->offer(l->to, &p->chunk);
}

bool spring_step(struct lines *l, struct spring *s)
{
    struct word        w;
    struct generation *g = s->of;
    if (!hand_hear(&s->hand, &w)) {
        spring_close(l, s);
        return false;
    }
    if (w.kind == WORD_TEXT) hear_text(l, s, w.text);
    else if (w.kind == WORD_COMPLAINT) {
        l->counts.damaged++;
        if (l->bounded && l->to->damaged) l->to->damaged(l->to);
        lines_complain(l, g->stream->path, w.offset, "%s", w.what);
    } else {
        g->drained = true;
        g->stream->dirty = true;
        if (!s->pipe) l->counts.unpacked++;
        if (s->pipe) g->over = true;
    }
    free(w.what);
    return true;
}

void spring_back(struct spring *s, struct text *taken)
{
    hand_give_back(&s->hand, taken);
}

struct spring *spring_next(const struct spring *s)
{
    return s->next;
}

void spring_stop(struct spring *s)
{
    hand_stop(&s->hand);
}

bool spring_close(struct lines *l, struct spring *s)
{
    if (!hand_is_over(&s->hand) || s->of->out || (!s->of->drained && !l->closing)) return false;
    struct spring **at = &l->spring;
    pthread_join(s->thread, NULL);
    hand_fini(&s->hand);
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    l->springs--;
    s->of->spring = NULL;
    s->of->stream->dirty = true;
    gen_release(l, s->of);
    free(s);
    lines_stir(l);
    return true;
}
