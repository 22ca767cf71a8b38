/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c: the source `capture`: packets of files or of an interface, as the lines that `weir p2` would write; in
 * format packets, each as a record of its own (events.h).
 *
 * A thread of the source's own explains the packets and makes the lines of a minute; the loop offers them as chunks, a
 * chunk a text in memory, and tells the watermark behind each minute. The lines go through the same decoder as P2 files
 * do, so both ways give the same tables.
 *
 * Files are read again from the start after a crash, and what was applied is passed over (places.h): exactly once. An
 * interface cannot be read again: what is lost is counted and told, at the next start also what came meanwhile
 * (absence.h). Limits: `backlog` bytes of texts wait for workers; then reading files waits, and a live capture drops
 * minutes. */
#include "source/capture.h"

#include "shim/privileges.h"
#include "source/sources.h"
#include "weir/hash.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE   (60 * NANOS_SECOND)
#define TELL_MS  60000 /* a live capture's losses are complained of once in that time */
#define WORDS    640

static struct tap *of_source(struct source *s)
{
    return (struct tap *)s;
}

/* --- from the thread -------------------------------------------------------------------------------------------- */

void tap_push(struct tap *t, const struct frame *frames, u32 count)
{
    if (t->packets) events_push(&t->events, frames, count);
    else minutes_push(t->minutes, frames, count);
}

void tap_clock(struct tap *t, nanos now)
{
    if (t->packets) events_clock(&t->events, now);
    else minutes_clock(t->minutes, now);
}

void tap_file_end(struct tap *t)
{
    if (t->packets) events_file(&t->events);
}

void tap_end(struct tap *t)
{
    if (t->packets) events_end(&t->events);
    else minutes_end(t->minutes);
}

bool tap_is_astray(const struct tap *t)
{
    return t->texts.astray || t->events.astray;
}

/* What minutes would say of these frames, as far as it is known before they are explained. */
static struct minutes_counts events_shown(const struct events *e)
{
    const struct events_counts *c = &e->counts;
    return (struct minutes_counts){ .frames = c->frames, .bytes = c->bytes, .applied = c->records, .lines = c->records,
                                    .fragments_orphaned = fragments_counts(e->fragments)->orphans };
}

void tap_publish(struct tap *t, const struct tap_counts *own)
{
    pthread_mutex_lock(&t->lock);
    t->counts = *own;
    if (t->minutes) t->counts.minutes = *minutes_counts(t->minutes);
    else t->counts.minutes = events_shown(&t->events);
    pthread_mutex_unlock(&t->lock);
}

static char *words_of(const char *format, va_list args)
{
    char words[WORDS];
    vsnprintf(words, sizeof words, format, args);
    return slice_dup(slice_str(words));
}

void tap_complain(struct tap *t, u32 input, u64 offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct word w = { .kind = WORD_COMPLAINT, .input = input, .offset = offset, .what = words_of(format, args) };
    va_end(args);
    hand_say(&t->hand, &w);
}

void tap_damaged(struct tap *t, u32 input, u64 offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct word w = { .kind = WORD_COMPLAINT, .input = input, .offset = offset, .damage = true,
                      .what = words_of(format, args) };
    va_end(args);
    hand_say(&t->hand, &w);
}

void tap_fail(struct tap *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct word w = { .kind = WORD_FAIL, .what = words_of(format, args) };
    va_end(args);
    hand_say(&t->hand, &w);
}

void tap_summary(struct tap *t)
{
    if (t->packets) return; /* they are rejects */
    const struct minutes_counts *c = minutes_counts(t->minutes);
    char                         words[WORDS - 80] = "";
    size_t                       len = 0;
    u64                          all = c->late;
    if (c->late) len = (size_t)snprintf(words, sizeof words, ", late %llu", (unsigned long long)c->late);
    for (u32 i = 0; i < PACKET_FAULTS; i++) {
        if (i == PACKET_SOUND || c->fault[i] == 0 || len >= sizeof words) continue;
        len += (size_t)snprintf(words + len, sizeof words - len, ", %s %llu", packet_fault_name(i),
                                (unsigned long long)c->fault[i]);
        all += c->fault[i];
    }
    if (all == 0) return;
    tap_complain(t, NO_PLACE, 0, "of %llu frames, %llu are late, known in part or not at all: %s",
                 (unsigned long long)c->frames, (unsigned long long)all, words + 2);
}

/* --- what the loop hears ---------------------------------------------------------------------------------------- */

static const char *name_of(const struct tap *t, u32 input)
{
    if (t->options->interface) return t->options->interface;
    return t->places.stream[input == NO_PLACE ? 0 : input]->path;
}

/* A chunk's state: the text, and what it is called in messages. */
struct offered {
    struct text *text;
    struct tap  *tap;
    char         where[64];
};

static void hear_text(struct tap *t, struct text *x)
{
    struct offered *o = malloc(sizeof *o);
    WEIR_ASSERT(o != NULL && t->layout[x->file] != NO_PLACE && x->length > 0);
    *o = (struct offered){ .text = x, .tap = t };
    snprintf(o->where, sizeof o->where, "_%s_@%lld", p2_file_name(x->file), (long long)(x->start / NANOS_SECOND));
    nanos        time = t->packets ? x->time : x->start;
    struct chunk c = { .source = (struct source *)t, .layout = t->layout[x->file], .time = time, .offset = x->offset,
                       .length = x->length, .aligned = true, .state = o };
    places_offered(&t->places, x->start);
    t->out++;
    t->chunks++;
    t->to->offer(t->to, &c);
}

static void hear_complaint(struct tap *t, const struct word *w)
{
    if (w->damage && t->to->damaged) t->to->damaged(t->to); /* also where it was told before the restart */
    if (w->input != NO_PLACE && !places_tell(&t->places, w->input)) return;
    bool  all = w->input == NO_PLACE && t->places.streams > 1;
    slice file = { 0 };
    if (!all) file = slice_str(name_of(t, w->input));
    t->to->complain(t->to, file, w->offset, w->what);
}

static void tell_losses(struct tap *t)
{
    char words[256];
    if (t->untold_kernel + t->untold_interface + t->untold_lines == 0) return;
    snprintf(words, sizeof words,
             "lost since last told: %llu packets dropped by the kernel (a larger `ring` holds more), %llu by the "
             "interface, %llu %s that did not fit into `backlog` or were unfinished at the end",
             (unsigned long long)t->untold_kernel, (unsigned long long)t->untold_interface,
             (unsigned long long)t->untold_lines, t->packets ? "packets" : "lines");
    t->untold_kernel = t->untold_interface = t->untold_lines = 0;
    t->told_at = uv_now(t->loop) + 1;
    t->to->complain(t->to, slice_str(t->options->interface), 0, words);
}

static void hear_loss(struct tap *t, const struct word *w)
{
    t->dropped_kernel += w->dropped_kernel;
    t->dropped_interface += w->dropped_interface;
    t->lost += w->lines;
    t->untold_kernel += w->dropped_kernel;
    t->untold_interface += w->dropped_interface;
    t->untold_lines += w->lines;
    t->to->lost(t->to, w->dropped_kernel + w->dropped_interface + w->lines);
    if (t->told_at == 0 || uv_now(t->loop) >= t->told_at + TELL_MS) tell_losses(t);
}

/* A live capture has said all: an epoch comes that must tell of it. */
static void hear_last(struct tap *t, nanos said)
{
    t->said = said;
    tell_losses(t);
}

static void hear_failure(struct tap *t, const struct word *w)
{
    t->failed = true;
    free(t->fault);
    t->fault = slice_dup(slice_str(w->what));
    if (t->live) hear_last(t, w->start);
    if (w->astray && t->to->distrust) t->to->distrust(t->to, t->fault);
    else t->to->fail(t->to, t->fault);
    if (t->stopping) t->to->stopped(t->to);
}

static void hear(struct tap *t, const struct word *w)
{
    switch (w->kind) {
    case WORD_TEXT: hear_text(t, w->text); break;
    case WORD_SEALED:
        t->to->watermark(t->to, w->start + MINUTE, CLOSE_SEALED);
        places_sealed(&t->places, w->start);
        break;
    case WORD_TIME:
        t->said = w->start;
        t->to->watermark(t->to, w->start, CLOSE_WATERMARK);
        break;
    case WORD_FILE: places_sealed(&t->places, w->start); break;
    case WORD_COMPLAINT: hear_complaint(t, w); break;
    case WORD_LOSS: hear_loss(t, w); break;
    case WORD_END:
        places_finish(&t->places); /* before: the last epoch may be cut at once */
        t->to->done(t->to);
        break;
    case WORD_STOPPED:
        hear_last(t, w->start);
        t->to->stopped(t->to);
        break;
    case WORD_FAIL: hear_failure(t, w); break;
    }
    free(w->what);
}

/* Not before: another source may still have had to open its interface. */
static void begin_live(struct tap *t)
{
    t->begun = true;
    privileges_drop();
    t->to->watermark(t->to, NANOS_MIN, CLOSE_WATERMARK); /* says nothing but that an epoch, with the start, is due */
}

static void step(struct tap *t)
{
    struct word w;
    if (t->live && !t->begun) begin_live(t);
    while (!t->paused && !t->failed && hand_hear(&t->hand, &w)) hear(t, &w);
}

static void on_turn(uv_idle_t *turn)
{
    uv_idle_stop(turn);
    step(container_of(turn, struct tap, turn));
}

static void tap_stir(struct tap *t)
{
    if (!t->closing) uv_idle_start(&t->turn, on_turn);
}

static void tap_try_shut(struct tap *t);

static void on_wake(uv_async_t *wake)
{
    struct tap *t = container_of(wake, struct tap, wake);
    if (t->closing) tap_try_shut(t);
    else step(t);
}

/* --- what the engine calls -------------------------------------------------------------------------------------- */

static void tap_pause(struct source *s)
{
    of_source(s)->paused = true;
}

static void tap_resume(struct source *s)
{
    of_source(s)->paused = false;
    tap_stir(of_source(s));
}

/* Files are read again from where they were. */
static bool tap_stop(struct source *s)
{
    struct tap *t = of_source(s);
    if (t->live == NULL || t->failed) return false;
    t->stopping = true;
    hand_finish(&t->hand);
    return true;
}

static i64 tap_read(const struct chunk *chunk, u64 at, void *to, size_t max)
{
    const struct text *x = ((const struct offered *)chunk->state)->text;
    if (at < x->offset || at - x->offset >= x->length) return 0;
    size_t from = (size_t)(at - x->offset), n = x->length - from < max ? x->length - from : max;
    memcpy(to, x->bytes + from, n);
    return (i64)n;
}

static void tap_applied(struct source *s, struct chunk *chunk, const struct chunk_counts *counts)
{
    struct tap     *t = of_source(s);
    struct offered *o = chunk->state;
    struct text    *x = o->text;
    WEIR_ASSERT(o->tap == t && t->out > 0);
    t->out--;
    places_applied(&t->places, x->start, x->file, x->offset + x->length, x->sum, counts->lines);
    if (t->live && t->packets) absence_note(&t->absence, x->time - t->options->disorder);
    hand_give_back(&t->hand, x);
    free(o);
}

static void tap_cut(struct source *s, u32 *count, const struct position **position)
{
    struct tap *t = of_source(s);
    if (t->live == NULL) {
        places_cut(&t->places, count, position);
        return;
    }
    if (t->out == 0) absence_note(&t->absence, t->said);
    if (!t->packets && t->places.passed != NANOS_MIN) absence_note(&t->absence, t->places.passed + MINUTE);
    absence_cut(&t->absence, count, position);
}

static slice tap_where(const struct chunk *chunk)
{
    const struct offered *o = chunk->state;
    if (o->tap->packets) return slice_str(name_of(o->tap, (u32)o->text->start));
    return slice_str(o->where);
}

static u64 tap_line(const struct chunk *chunk, u32 number, u64 *offset)
{
    const struct offered *o = chunk->state;
    return places_lines(&o->tap->places, o->text->start, o->text->file) + number + 1;
}

static const u64 *tap_count(struct source *s)
{
    struct tap *t = of_source(s);
    pthread_mutex_lock(&t->lock);
    t->shown = t->counts;
    pthread_mutex_unlock(&t->lock);
    t->shown.chunks = t->chunks;
    t->shown.dropped_kernel = t->dropped_kernel;
    t->shown.dropped_interface = t->dropped_interface;
    t->shown.lost = t->lost;
    return &t->shown.files;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static err tap_layouts(struct tap *t, const struct source_setup *setup)
{
    for (u32 f = 0; f < P2_FILES; f++) t->layout[f] = NO_PLACE;
    if (t->packets) {
        t->layout[EVENTS_FILE] = 0;
        return setup->layouts == 1 ? OK : (err){ ERR_CONFIG, "format packets has one layout", 1 };
    }
    for (u32 i = 0; i < setup->layouts; i++) {
        u32 f = 0;
        while (f < P2_FILES && strcmp(p2_file_name(f), setup->layout_key[i]) != 0) f++;
        if (f == P2_FILES) return (err){ ERR_CONFIG, "layouts of P2 lines are keyed tcp, udp, other, eth or arp", i };
        t->layout[f] = i;
    }
    return OK;
}

static void tap_how(struct tap *t)
{
    const struct capture_options *o = t->options;
    minutes_defaults(&t->how);
    t->how.flows_max = (u32)o->flows_max;
    t->how.conversations_max = (u32)o->conversations_max;
    t->how.tcp = t->layout[P2_TCP] != NO_PLACE;
    t->how.arp = t->layout[P2_ARP] != NO_PLACE;
    t->how.eth = t->layout[P2_ETH] != NO_PLACE;
    t->how.packet = (struct packet_options){ .inner = o->tunnels == 1, .depth = (u32)o->depth };
}

/* Over all that decides which lines there are, and where a text ends. */
static u64 how_sum(const struct tap *t)
{
    const struct capture_options *o = t->options;
    const char *filter = o->filter ? o->filter : "";
    u64 number[] = { o->tunnels, o->tunnels ? o->depth : 0, o->flows_max, o->conversations_max, 0 };
    for (u32 f = 0; f < P2_FILES; f++) number[4] |= (u64)(t->layout[f] != NO_PLACE) << f;
    if (t->packets) {
        number[2] = number[3] = 0; /* of conversations */
        number[4] = 1u << 31 | o->keep;
    }
    return hash_checksum(number, sizeof number, hash_checksum(filter, strlen(filter), 0));
}

static err open_live(struct tap *t, char why[static PLACES_WHY])
{
    const struct capture_options *o = t->options;
    u64                           snap = t->packets && o->keep < o->snap ? o->keep : o->snap;
    struct capture_setup          s = { .interface = o->interface, .filter = o->filter, .snap_length = (u32)snap,
                                        .ring = o->ring, .promiscuous = o->promiscuous,
                                        .fanout = o->fanout ? (u32)o->fanout + 1 : 0 };
    char                          words[256] = "";
    if (t->setup.once) {
        snprintf(why, PLACES_WHY, "an interface has no end to run to: leave out --once");
        return (err){ ERR_CONFIG, "a live capture with --once", 0 };
    }
    err e = capture_open(&t->live, &s, words, sizeof words);
    if (err_is(e)) snprintf(why, PLACES_WHY, "%s", words);
    else if (words[0]) t->to->complain(t->to, slice_str(o->interface), 0, words);
    return e;
}

static err begin_absence(struct tap *t)
{
    char words[256];
    err  e = absence_open(&t->absence, &t->setup, t->setup.now(), words, sizeof words);
    if (words[0]) t->to->complain(t->to, slice_str(t->options->interface), 0, words);
    return e;
}

static err tap_begin(struct tap *t, const struct source_setup *setup, char why[static PLACES_WHY])
{
    t->packets = setup->decoder != NULL && setup->decoder->records;
    err e = tap_layouts(t, setup);
    if (err_is(e)) return e;
    tap_how(t);
    e = places_open(&t->places, &t->options->file, how_sum(t), setup, why);
    if (err_is(e) || t->options->interface == NULL) return e;
    e = open_live(t, why);
    return err_is(e) ? e : begin_absence(t);
}

/* What is odd about files, though it does not hinder. */
static void tell_files(struct tap *t)
{
    for (u32 i = 0; i < t->places.inputs; i++) {
        const struct input *in = &t->places.input[i];
        if (in->replaced)
            t->to->complain(t->to, slice_str(in->path), 0, "not the file of this name that was read before: read, too");
        if (in->grew)
            t->to->complain(t->to, slice_str(in->path), in->is.size,
                            "grew since it was first seen: what was appended is not read");
    }
}

static void tap_free(struct tap *t)
{
    if (t->live) capture_close(t->live);
    if (t->minutes) minutes_close(t->minutes);
    events_fini(&t->events);
    texts_fini(&t->texts);
    places_fini(&t->places);
    places_fini(&t->past);
    pthread_mutex_destroy(&t->lock);
    free(t->fault);
    free(t);
}

static void start_events(struct tap *t)
{
    const struct capture_options *o = t->options;
    struct events_setup how = { .hand = &t->hand, .past = &t->past, .how = t->how.packet, .keep = (u32)o->keep,
                                .disorder = o->disorder, .live = t->live != NULL };
    events_init(&t->events, &how);
}

/* The thread that makes lines; none where all files are done. */
static void tap_start(struct tap *t)
{
    struct texts_setup how = { .hand = &t->hand, .past = &t->past, .live = t->live != NULL };
    for (u32 f = 0; f < P2_FILES; f++) how.wanted[f] = t->layout[f] != NO_PLACE;
    places_copy(&t->past, &t->places);
    texts_init(&t->texts, &how);
    if (t->live == NULL && t->places.streams == 0) {
        hand_say(&t->hand, &(struct word){ .kind = WORD_END });
        hand_over(&t->hand);
        return;
    }
    if (t->packets) start_events(t);
    else t->minutes = minutes_open(&t->how, &t->texts.out);
    int status = pthread_create(&t->thread, NULL, t->live ? tap_live_main : tap_file_main, t);
    WEIR_ASSERT(status == 0);
    pthread_setname_np(t->thread, "weir-capture");
    t->started = true;
}

static err tap_open(struct source **out, struct uv_loop_s *loop, struct inlet *to, const struct source_setup *setup)
{
    struct tap *t = calloc(1, sizeof *t);
    char        why[PLACES_WHY] = "";
    WEIR_ASSERT(t != NULL);
    *t = (struct tap){ .setup = *setup, .options = setup->options, .to = to, .loop = loop, .said = NANOS_MIN,
                       .handles = 2 };
    pthread_mutex_init(&t->lock, NULL);
    err e = tap_begin(t, setup, why);
    if (!err_is(e)) e = hand_init(&t->hand, t->options->backlog, &t->wake);
    if (err_is(e)) {
        if (why[0]) to->complain(to, slice_str(t->options->interface ? t->options->interface : ""), 0, why);
        tap_free(t);
        return e;
    }
    uv_async_init(loop, &t->wake, on_wake);
    uv_idle_init(loop, &t->turn);
    tell_files(t);
    tap_start(t);
    tap_stir(t);
    *out = (struct source *)t;
    return OK;
}

static void on_closed(struct tap *t)
{
    if (--t->handles) return;
    void (*gone)(void *) = t->gone;
    void *arg = t->gone_arg;
    hand_fini(&t->hand);
    tap_free(t);
    gone(arg);
}

static void on_closed_wake(uv_handle_t *h)
{
    on_closed(container_of((uv_async_t *)h, struct tap, wake));
}

static void on_closed_turn(uv_handle_t *h)
{
    on_closed(container_of((uv_idle_t *)h, struct tap, turn));
}

static u64 lines_of(const struct text *x)
{
    u64 lines = x->records;
    for (size_t i = 0; i < x->length && x->records == 0; i++) lines += x->bytes[i] == '\n';
    return lines;
}

/* What a live capture had said and nobody offered will not come again. */
static void tap_unheard(struct tap *t)
{
    struct word w, unheard = { .kind = WORD_LOSS };
    while (hand_hear(&t->hand, &w)) {
        if (t->live && w.kind == WORD_TEXT) unheard.lines += lines_of(w.text);
        if (t->live && w.kind == WORD_LOSS) hear_loss(t, &w);
        free(w.text);
        free(w.what);
    }
    if (t->live) hear_loss(t, &unheard);
    if (t->live) tell_losses(t);
}

/* Once the thread has ended. */
static void tap_try_shut(struct tap *t)
{
    if (!hand_is_over(&t->hand) || uv_is_closing((uv_handle_t *)&t->wake)) return;
    if (t->started) pthread_join(t->thread, NULL);
    tap_unheard(t);
    uv_close((uv_handle_t *)&t->wake, on_closed_wake);
    uv_close((uv_handle_t *)&t->turn, on_closed_turn);
}

static void tap_close(struct source *s, void (*gone)(void *), void *arg)
{
    struct tap *t = of_source(s);
    WEIR_ASSERT(t->out == 0 && !t->closing);
    t->closing = true;
    t->gone = gone;
    t->gone_arg = arg;
    uv_idle_stop(&t->turn);
    hand_stop(&t->hand);
    tap_try_shut(t);
}

/* --- what the recipe may say ------------------------------------------------------------------------------------ */

#define MIB            ((u64)1 << 20)
#define SNAP_DEFAULT   ((u64)256 << 10) /* as the table's texts at the end */
#define RING_DEFAULT   (64 * MIB)
#define DEPTH_DEFAULT  4u
#define FLOWS_DEFAULT  ((u64)1 << 20)
#define TALKS_DEFAULT  ((u64)1 << 19)
#define KEEP_DEFAULT   256u
#define LAG_DEFAULT    NANOS_SECOND

/* An option that something else makes useless. Its default is taken for not said. */
struct useless {
    const char *name;
    bool        said;
};

/* True: none of them was said. Else they are named, the first as the place. */
static bool none_useless(const struct useless *all, u32 count, const char *why, char *words, size_t size,
                         const char **at)
{
    size_t len = 0;
    for (u32 i = 0; i < count; i++) {
        if (!all[i].said || len >= size) continue;
        if (len == 0) *at = all[i].name;
        len += (size_t)snprintf(words + len, size - len, "%s`%s`", len ? ", " : "", all[i].name);
    }
    if (len > 0 && len < size) snprintf(words + len, size - len, ": without effect %s", why);
    return len == 0;
}

static bool check_use(const struct capture_options *o, char *words, size_t size, const char **at)
{
    const struct useless of_interface[] = { { "snap", o->snap != SNAP_DEFAULT },
                                            { "promiscuous", o->promiscuous },
                                            { "ring", o->ring != RING_DEFAULT },
                                            { "fanout", o->fanout != 0 } };
    const struct useless of_inner = { "depth", o->tunnels == 0 && o->depth != DEPTH_DEFAULT };
    const char          *why = "on files, only on an `interface`";
    if (o->file.count && !none_useless(of_interface, WEIR_COUNT(of_interface), why, words, size, at)) return false;
    return none_useless(&of_inner, 1, "unless `tunnels` is inner", words, size, at);
}

static bool tap_fits(const void *options, const struct decoder_type *format, char *words, size_t size, const char **at)
{
    const struct capture_options *o = options;
    const struct useless of_packets[] = { { "keep", o->keep != KEEP_DEFAULT },
                                          { "disorder", o->disorder != LAG_DEFAULT } };
    const struct useless of_lines[] = { { "flows_max", o->flows_max != FLOWS_DEFAULT },
                                        { "conversations_max", o->conversations_max != TALKS_DEFAULT } };
    const struct useless of_snap = { "snap", o->snap != SNAP_DEFAULT && o->snap >= o->keep };
    if (!format->records)
        return none_useless(of_packets, WEIR_COUNT(of_packets), "unless `format` is packets", words, size, at);
    return none_useless(of_lines, WEIR_COUNT(of_lines), "where `format` is packets", words, size, at) &&
           none_useless(&of_snap, 1, "where `keep` is less", words, size, at);
}

/* The filter is compiled for Ethernet: what is no filter at all is found before anything runs. */
static bool check_filter(const struct capture_options *o, char *words, size_t size, const char **at)
{
    if (o->filter == NULL || *o->filter == '\0') return true;
    err                    e = OK;
    char                   why[256] = "";
    struct capture_filter *f = capture_filter_open(o->filter, LINK_ETHERNET, 0, why, sizeof why, &e);
    *at = "filter";
    if (f) capture_filter_close(f);
    else snprintf(words, size, "`filter` is none: %s", why);
    return f != NULL;
}

static bool tap_check(const void *options, char *words, size_t size, const char **at)
{
    const struct capture_options *o = options;
    *at = "file";
    if (o->file.count && o->interface) {
        *at = "interface";
        snprintf(words, size, "`file` and `interface` exclude each other: two sources, please");
        return false;
    }
    if (o->file.count == 0 && o->interface == NULL) {
        snprintf(words, size, "needs `file` (a capture, or a list of them) or `interface`");
        return false;
    }
    for (u32 i = 0; o->file.count > 1 && i < o->file.count; i++) {
        if (strcmp(o->file.name[i], "-") != 0) continue;
        snprintf(words, size, "standard input (`-`) cannot be read again, so it stands alone in `file`");
        return false;
    }
    return check_filter(o, words, size, at) && check_use(o, words, size, at);
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct capture_options, member)

static const struct option capture_options[] = {
    { "file", OPTION_PATHS, false, NULL, NULL, 0, 0, AT(file),
      "pcap or pcapng files, read in this order as one capture; -: standard input" },
    { "interface", OPTION_TEXT, false, NULL, NULL, 0, 0, AT(interface), "listen here instead" },
    { "filter", OPTION_TEXT, false, NULL, NULL, 0, 0, AT(filter), "only what this tcpdump expression takes" },
    { "snap", OPTION_SIZE, false, "256KiB", NULL, 64, 256 << 10, AT(snap), "interface: bytes taken of a frame" },
    { "promiscuous", OPTION_BOOL, false, "false", NULL, 0, 0, AT(promiscuous),
      "interface: frames for others, too" },
    { "ring", OPTION_SIZE, false, "64MiB", NULL, MIB, 2047 * MIB, AT(ring),
      "interface: the kernel's memory for frames that wait" },
    { "fanout", OPTION_COUNT, false, NULL, NULL, 1, 65534, AT(fanout),
      "interface: probes that give the same number share its flows" },
    { "tunnels", OPTION_CHOICE, false, "outer", "outer inner", 0, 0, AT(tunnels),
      "outer: the tunnel is the conversation; inner: what goes through it is" },
    { "depth", OPTION_COUNT, false, "4", NULL, 1, 16, AT(depth), "tunnels inner: so many within each other at most" },
    { "flows_max", OPTION_COUNT, false, "1048576", NULL, 16, 1 << 28, AT(flows_max),
      "connections known at once; past it unanswered ones, then the longest silent are forgotten" },
    { "conversations_max", OPTION_COUNT, false, "524288", NULL, 16, 1 << 28, AT(conversations_max),
      "conversations of the open minutes; past it the smallest are given out early, the oldest first" },
    { "backlog", OPTION_SIZE, false, "256MiB", NULL, MIB, 65536 * MIB, AT(backlog),
      "lines that wait for workers; past it reading a file waits, an interface's minutes are dropped and counted" },
    { "keep", OPTION_SIZE, false, "256", NULL, 64, FRAMES_KEEP_MAX, AT(keep),
      "format packets: bytes of a frame that are looked at; a header behind them is cut short" },
    { "disorder", OPTION_SPAN, false, "1s", NULL, 0, 86400 * (u64)NANOS_SECOND, AT(disorder),
      "format packets: a packet may come so much after a newer one, and is in time" },
    OPTION_END,
};

static const char *const layout_keys[] = { "tcp", "udp", "other", "arp", "eth", NULL }; /* as p2_file_name */

#define COUNT(member) offsetof(struct tap_counts, member)
#define FAULT(which) offsetof(struct tap_counts, minutes.fault[which])

static const struct metric capture_metrics[] = {
    { "files", "files", "read to their end", COUNT(files) },
    { "bytes", "bytes", "of files read, or of frames captured", COUNT(bytes) },
    { "chunks", "chunks", "offered", COUNT(chunks) },
    { "frames", "frames", "that the filter took", COUNT(minutes.frames) },
    { "frame_bytes", "bytes", "of these on the wire", COUNT(minutes.bytes) },
    { "applied", "frames", "in some line", COUNT(minutes.applied) },
    { "late", "frames", "older than the minutes that are still open", COUNT(minutes.late) },
    { "bad", "frames", "that are no packet", COUNT(minutes.bad) },
    { "filtered", "frames", "of files that the filter did not take", COUNT(filtered) },
    { "damaged", "records", "of files passed over since their lengths contradict each other", COUNT(damaged) },
    { "link_unknown", "frames", "of a link type that nobody explains", FAULT(PACKET_LINK_UNKNOWN) },
    { "link_short", "frames", "that end in the link header", FAULT(PACKET_LINK_SHORT) },
    { "ip_short", "frames", "that end in the IP header", FAULT(PACKET_IP_SHORT) },
    { "ip_version", "frames", "of an IP version that is neither 4 nor 6", FAULT(PACKET_IP_VERSION) },
    { "ip_header_length", "frames", "with an IP header length below 20", FAULT(PACKET_IP_HEADER_LENGTH) },
    { "ip_total_length", "frames", "with an IP length below its header's", FAULT(PACKET_IP_TOTAL_LENGTH) },
    { "extension_short", "frames", "that end in IPv6 extensions", FAULT(PACKET_EXTENSION_SHORT) },
    { "transport_short", "frames", "that end in the transport header: counted as IP", FAULT(PACKET_TRANSPORT_SHORT) },
    { "tcp_header_length", "frames", "with a wrong TCP data offset", FAULT(PACKET_TCP_HEADER_LENGTH) },
    { "tunnel_bad", "frames", "whose tunnel's inside is malformed: the outside is told", FAULT(PACKET_TUNNEL_BAD) },
    { "arp", "frames", "of ARP", COUNT(minutes.arp) },
    { "eth", "frames", "of other Ethernet protocols", COUNT(minutes.eth) },
    { "lines", "lines", "made", COUNT(minutes.lines) },
    { "conversations_early", "lines", "given out before their minute's end", COUNT(minutes.conversations_early) },
    { "flows_evicted", "flows", "forgotten at the limit", COUNT(minutes.flows_evicted) },
    { "segments_forgotten", "segments", "whose round trip was not measured", COUNT(minutes.segments_forgotten) },
    { "fragments_orphaned", "packets", "later fragments without ports", COUNT(minutes.fragments_orphaned) },
    { "tunnelled", "packets", "that went through a tunnel", COUNT(minutes.tunnelled) },
    { "dropped_kernel", "packets", "that the kernel had no room for", COUNT(dropped_kernel) },
    { "dropped_interface", "packets", "that the interface dropped", COUNT(dropped_interface) },
    { "lost", "lines", "of a live capture without room for them, or unfinished at the end", COUNT(lost) },
    { NULL },
};

const struct source_type source_capture = {
    .name = "capture",
    .layout_keys = layout_keys,
    .options = capture_options,
    .options_size = sizeof(struct capture_options),
    .metrics = capture_metrics,
    .decoders = { &decoder_line, &decoder_packets, NULL },
    .first = true,
    .check = tap_check,
    .fits = tap_fits,
    .open = tap_open,
    .pause = tap_pause,
    .resume = tap_resume,
    .stop = tap_stop,
    .read = tap_read,
    .applied = tap_applied,
    .cut = tap_cut,
    .where = tap_where,
    .line = tap_line,
    .counts = tap_count,
    .close = tap_close,
};
