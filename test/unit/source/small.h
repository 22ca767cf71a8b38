/* SPDX-License-Identifier: Apache-2.0 */
/* small.h: an engine in small, for tests of timed sources: the parts that are alike in all of them.
 *
 * It keeps the chunks that are out, in order, and pauses the source when there are too many; writes what happens into a
 * text; keeps the positions of small_cut for the next small_open, so that a crash is a close without cut; and runs the
 * loop until a test is content. How a chunk is applied, and in which words, is each test's own. */
#pragma once

#include "../unit.h"
#include "weir/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define SMALL_OUTS  4096u
#define SMALL_SAVED 16u
#define SMALL_TEXT  (1u << 20)

struct small_saved {
    char key[512], value[4096];
};

struct small {
    const struct source_type *type;
    struct source            *source; /* NULL: not open */
    struct source_setup       setup;
    struct inlet              inlet;
    struct chunk              out[SMALL_OUTS];
    u32                       outs, out_max; /* paused with so many out; 0: never */
    bool                      paused, gone;
    u32                       saves;
    struct small_saved        saved[SMALL_SAVED];
    size_t                    len;
    char                      text[SMALL_TEXT];
};

static inline nanos small_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (nanos)t.tv_sec * NANOS_SECOND + t.tv_nsec;
}

/* --- the text --------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static inline void small_say(struct small *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->text + s->len, sizeof s->text - s->len, format, args);
    va_end(args);
    assert_true(n >= 0 && s->len + (size_t)n < sizeof s->text);
    s->len += (size_t)n;
}

/* Takes back what was said after the text was so long; 0: all. */
static inline void small_unsay(struct small *s, size_t len)
{
    s->len = len;
    s->text[len] = '\0';
}

static inline const char *small_base(slice path)
{
    const char *slash = path.len ? memrchr(path.at, '/', path.len) : NULL;
    return slash ? slash + 1 : path.at ? path.at : "";
}

/* --- chunks ----------------------------------------------------------------------------------------------------- */

/* inlet.offer */
static inline void small_offer(struct small *s, const struct chunk *taken)
{
    assert_false(s->paused);
    assert_true(s->outs < SMALL_OUTS && taken->length > 0 && taken->time > 0);
    s->out[s->outs++] = *taken;
    if (s->out_max == 0 || s->outs < s->out_max) return;
    s->paused = true;
    s->type->pause(s->source);
}

/* The oldest; the test reads it and tells the source of it. */
static inline struct chunk small_take(struct small *s)
{
    struct chunk c = s->out[0];
    assert_true(s->outs > 0);
    s->outs--;
    memmove(s->out, s->out + 1, s->outs * sizeof s->out[0]);
    return c;
}

static inline void small_resume(struct small *s)
{
    if (!s->paused) return;
    s->paused = false;
    s->type->resume(s->source);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

/* With what was saved. */
static inline void small_open(struct small *s, uv_loop_t *loop)
{
    struct position position[SMALL_SAVED];
    for (u32 i = 0; i < s->saves; i++)
        position[i] = (struct position){ slice_str(s->saved[i].key), slice_str(s->saved[i].value) };
    s->setup.positions = s->saves;
    s->setup.position = position;
    s->paused = s->gone = false;
    err e = s->type->open(&s->source, loop, &s->inlet, &s->setup);
    assert_int_equal(e.code, ERR_NONE);
}

static inline void small_save(struct small *s, const struct position *p)
{
    u32 i = 0;
    while (i < s->saves && !slice_is(p->key, s->saved[i].key)) i++;
    if (p->value.at == NULL) {
        if (i < s->saves) s->saved[i] = s->saved[--s->saves];
        return;
    }
    assert_true(i < SMALL_SAVED && p->key.len < sizeof s->saved[i].key && p->value.len < sizeof s->saved[i].value);
    if (i == s->saves) s->saves++;
    snprintf(s->saved[i].key, sizeof s->saved[i].key, "%.*s", (int)p->key.len, p->key.at);
    snprintf(s->saved[i].value, sizeof s->saved[i].value, "%.*s", (int)p->value.len, p->value.at);
}

static inline void small_cut(struct small *s)
{
    u32                    count;
    const struct position *position;
    s->type->cut(s->source, &count, &position);
    for (u32 i = 0; i < count; i++) small_save(s, &position[i]);
}

static inline void small_gone(void *small)
{
    ((struct small *)small)->gone = true;
}

/* All chunks are back. */
static inline void small_close(struct small *s, uv_loop_t *loop)
{
    s->type->close(s->source, small_gone, s);
    while (!s->gone) uv_run(loop, UV_RUN_ONCE);
    s->source = NULL;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

static inline void small_expired(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

/* Runs the loop until `met`, which is asked after each turn and applies what is to be; false: it took too long. */
static inline bool small_run(uv_loop_t *loop, bool (*met)(void *arg), void *arg, u64 patience_ms)
{
    uv_timer_t timer;
    bool       expired = false, is;
    uv_timer_init(loop, &timer);
    timer.data = &expired;
    uv_update_time(loop);
    uv_timer_start(&timer, small_expired, patience_ms, 0);
    while (!(is = met(arg)) && !expired) uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT); /* ends the timer, which lives on this stack */
    return is;
}

/* --- folders ---------------------------------------------------------------------------------------------------- */

/* A new one, in memory where that is possible. path: at least 64 bytes. */
static inline void small_folder(char *path, size_t size)
{
    snprintf(path, size, "%s/weir-source-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline void small_folder_gone(const char *path)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}
