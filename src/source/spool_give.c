/* SPDX-License-Identifier: Apache-2.0 */
/* spool_give.c: records are joined and framed; texts of frames are said to the loop with the place they reach.
 *
 * A text may end only where a place says truly what was given out: between two records, or between two events that are
 * given out with no record on its way. The ring `waiting` holds where the events in the join came from, so its front is
 * where a restart begins. Until a restarted run is where the one before it was, the clock of the join stands still and
 * its limits are the same, so no event goes out without what it had. */
#include "source/spool.h"

#include "shim/clock.h"

#include <stdlib.h>

#define TEXT_LEAST ((size_t)64 << 10)
#define TEXT_SPARE ((size_t)128 << 10) /* behind what the last text held: most frames ask for less */
#define RING       (U2_JOIN_EVENTS + 2)

/* --- time ---------------------------------------------------------------------------------------------------- */

/* Does not count while workers are waited for: an event's packet may lie in bytes that could not be read meanwhile. */
static void time_take(struct spool_give *g)
{
    nanos now = (nanos)clock_monotonic() - g->stalled;
    if (g->again) g->stalled += now - g->held;
    else g->held = now;
}

void spool_give_time(struct spool *s)
{
    time_take(&s->give);
    u2_join_tick(s->give.join, s->give.held);
}

/* --- texts --------------------------------------------------------------------------------------------------- */

static struct spool_at begin_of(const struct spool_give *g)
{
    return g->count ? g->waiting[g->first] : g->read;
}

/* Alone before the place where the run before this one was: what was given out there stays so. */
static struct spool_place place_of(const struct spool_give *g)
{
    struct spool_place p = { begin_of(g), g->read, g->records };
    if (g->again) p.read = g->past.read;
    return p;
}

/* Room for `size` bytes and not much more. */
static struct text *text_fit(struct text *x, size_t size)
{
    if (size <= x->room && x->room / 2 <= size) return x;
    x->room = size;
    x = realloc(x, sizeof *x + size);
    WEIR_ASSERT(x != NULL);
    return x;
}

static void say_text(struct spool *s, enum word_kind kind)
{
    struct spool_give *g = &s->give;
    struct text       *x = g->text;
    struct spool_mark  mark = { place_of(g) };
    g->text = NULL;
    nanos before = (nanos)clock_monotonic();
    if (s->stop || !hand_wait(&s->hand)) {
        s->stop = true;
        free(x);
        return;
    }
    g->stalled += (nanos)clock_monotonic() - before;
    x = text_fit(x, x->length + sizeof mark);
    memcpy(x->bytes + x->length, &mark, sizeof mark);
    g->made += x->length;
    g->like = x->length ? x->length : g->like;
    g->begin_said = mark.place.begin;
    s->own.chunks += x->length > 0;
    hand_say(&s->hand, &(struct word){ .kind = kind, .text = x });
}

static void text_new(struct spool *s, size_t room)
{
    struct spool_give *g = &s->give;
    struct text       *x = malloc(sizeof *x + room);
    WEIR_ASSERT(x != NULL);
    *x = (struct text){ .offset = g->made, .sum = g->records, .room = room };
    g->text = x;
}

static bool text_full(const struct spool *s)
{
    return s->give.text && s->give.text->length >= s->of->options->chunk;
}

static void text_finish(struct spool *s)
{
    if (s->give.text != NULL) say_text(s, WORD_TEXT);
}

static char *text_room(struct spool *s, size_t size)
{
    struct spool_give *g = &s->give;
    if (text_full(s) && !g->pushing) text_finish(s);
    if (g->text == NULL) text_new(s, (g->like > TEXT_LEAST ? g->like : TEXT_LEAST) + TEXT_SPARE);
    struct text *x = g->text;
    size_t       room = x->room;
    while (room - x->length < size) room *= 2;
    if (room > x->room) {
        x = g->text = realloc(x, sizeof *x + room);
        WEIR_ASSERT(x != NULL);
        x->room = room;
    }
    return x->bytes + x->length;
}

/* --- frames -------------------------------------------------------------------------------------------------- */

static void put(struct spool *s, const struct u2_joined *j)
{
    const struct u2_framing *how = &s->of->framing;
    bool                     cut = false;
    char                    *to = text_room(s, u2_frames_bound(how, j));
    u32                      size = u2_frames_put(how, j, to, &cut);
    s->give.text->length += size;
    s->give.text->records++;
    s->give.records++;
    s->own.records++;
    s->own.cut += cut;
}

static void on_event(struct u2_join_out *out, const struct u2_joined *j)
{
    struct spool      *s = container_of(out, struct spool, give.out);
    struct spool_give *g = &s->give;
    u32                fit = u2_frames_fit(&s->of->framing, j);
    WEIR_ASSERT(g->count > 0 && g->waiting[g->first].offset == j->event->offset);
    put(s, fit == j->count ? j : &(struct u2_joined){ j->event, j->more, fit, j->origin });
    g->first = g->first + 1 < RING ? g->first + 1 : 0;
    g->count--;
    if (fit == j->count) return;
    s->own.split += j->count - fit;
    bool pushing = g->pushing;
    g->pushing = true; /* one event, one text: a place cannot lie inside of it */
    for (u32 i = fit; i < j->count; i++) put(s, &(struct u2_joined){ .event = &j->more[i] });
    g->pushing = pushing;
}

static void on_alone(struct u2_join_out *out, const struct u2_record *r, const void *origin)
{
    struct spool *s = container_of(out, struct spool, give.out);
    if (s->give.again) s->own.again++;
    else put(s, &(struct u2_joined){ .event = r });
}

/* --- records ------------------------------------------------------------------------------------------------- */

/* Where the run before this one was, now we are, too. */
static void caught_up(struct spool *s)
{
    struct spool_give *g = &s->give;
    if (!g->again || spool_at_cmp(&g->read, &g->past.read) < 0) return;
    time_take(g);
    g->again = false;
    if (!s->of->options->join) u2_join_end(g->join);
}

void spool_give_record(struct spool *s, const struct u2_record *r)
{
    struct spool_give *g = &s->give;
    if (g->discard) return;
    if (!g->again && !s->of->options->join) {
        g->pushing = true;
        put(s, &(struct u2_joined){ .event = r });
        g->pushing = false;
        return;
    }
    if (r->kind == U2_KIND_EVENT) {
        WEIR_ASSERT(g->count < RING);
        u32 at = g->first + g->count++;
        spool_at_set(&g->waiting[at < RING ? at : at - RING], &s->file, r->offset);
    }
    g->pushing = true;
    u2_join_push(g->join, r, NULL, g->held);
    g->pushing = false;
}

void spool_give_read(struct spool *s, u64 offset)
{
    struct spool_give *g = &s->give;
    spool_at_set(&g->read, &s->file, offset);
    caught_up(s);
    if (text_full(s)) text_finish(s);
}

void spool_give_next(struct spool *s, u64 stamp)
{
    s->give.read = (struct spool_at){ .stamp = stamp };
    caught_up(s);
}

/* A place that moved without a text. */
static void say_place(struct spool *s)
{
    struct spool_give *g = &s->give;
    struct spool_place p = place_of(g);
    if (s->stop || spool_at_cmp(&p.begin, &g->begin_said) == 0) return;
    text_new(s, 0);
    say_text(s, WORD_FILE);
}

void spool_give_idle(struct spool *s)
{
    spool_give_time(s);
    text_finish(s);
    say_place(s);
}

void spool_give_all(struct spool *s)
{
    u2_join_end(s->give.join);
}

/* --- life ---------------------------------------------------------------------------------------------------- */

void spool_give_open(struct spool *s)
{
    struct spool_give    *g = &s->give;
    struct u2_join_setup how = { .wait = s->of->setup.once ? 0 : s->of->options->timeout };
    g->out = (struct u2_join_out){ on_event, on_alone };
    g->join = u2_join_open(&how, &g->out);
    g->records = g->past.records;
    g->read = g->begin_said = g->past.begin;
    g->again = spool_at_cmp(&g->past.begin, &g->past.read) < 0;
    g->held = (nanos)clock_monotonic();
}

void spool_give_close(struct spool *s)
{
    u2_join_close(s->give.join);
    free(s->give.text);
    s->give.join = NULL;
    s->give.text = NULL;
}
