/* SPDX-License-Identifier: Apache-2.0 */
/* news.c: counts, first places, and the line made of them. */
#include "engine/news.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define QUIET_NS    60000000000ull /* between two lines of a source           */
#define GATHER_NS   1000000000ull  /* the first line waits: more may come     */
#define NAMED_MAX   5u             /* reasons of one line                     */

static void place_clear(struct news_place *p)
{
    free(p->file);
    *p = (struct news_place){ NULL, 0 };
}

static void news_clear(struct news *n)
{
    for (u32 k = 0; k < REASONS_MAX; k++) place_clear(&n->first[k]);
    place_clear(&n->first_late);
    memset(n->rejected, 0, sizeof n->rejected);
    n->late = n->lost = 0;
    n->any = false;
}

void news_fini(struct news *n)
{
    news_clear(n);
}

static void news_note(struct news *n, u64 now)
{
    if (!n->any) n->since = now;
    n->any = true;
}

static void place_note(struct news_place *p, slice file, u64 line)
{
    if (p->file == NULL) *p = (struct news_place){ slice_dup(file), line };
}

void news_reject(struct news *n, u32 reason, u64 count, slice file, u64 line, u64 now)
{
    WEIR_ASSERT(reason < REASONS_MAX && count > 0);
    news_note(n, now);
    n->rejected[reason] += count;
    place_note(&n->first[reason], file, line);
}

void news_late(struct news *n, u64 count, slice file, u64 now)
{
    news_note(n, now);
    n->late += count;
    place_note(&n->first_late, file, 0);
}

void news_lost(struct news *n, u64 count, u64 now)
{
    news_note(n, now);
    n->lost += count;
}

bool news_due(const struct news *n, u64 now)
{
    if (!n->any || now - n->since < GATHER_NS) return false;
    return !n->told_once || now - n->told >= QUIET_NS;
}

struct text {
    char  *at;
    size_t room, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at + t->len, t->room - t->len, format, args);
    va_end(args);
    t->len += n < 0 ? 0 : (size_t)n;
    if (t->len >= t->room) t->len = t->room - 1;
}

static void add_place(struct text *t, const struct news_place *p)
{
    if (p->file == NULL || p->file[0] == '\0') return;
    if (p->line) add(t, " (first %s:%llu)", p->file, (unsigned long long)p->line);
    else add(t, " (first in %s)", p->file);
}

/* The reason with most rejects that was not named yet; REASONS_MAX: none is left. */
static u32 next_reason(const struct news *n, const bool *named)
{
    u32 most = REASONS_MAX;
    for (u32 k = 0; k < REASONS_MAX; k++)
        if (n->rejected[k] && !named[k] && (most == REASONS_MAX || n->rejected[k] > n->rejected[most])) most = k;
    return most;
}

static void add_rejects(struct text *t, const struct news *n, const char *const *reasons)
{
    bool named[REASONS_MAX] = { false };
    u64  all = 0;
    for (u32 k = 0; k < REASONS_MAX; k++) all += n->rejected[k];
    if (all == 0) return;
    add(t, "rejected %llu: ", (unsigned long long)all);
    for (u32 i = 0; all > 0 && i < NAMED_MAX; i++) {
        u32 k = next_reason(n, named);
        named[k] = true;
        all -= n->rejected[k];
        add(t, "%s%s %llu", i ? ", " : "", reasons[k], (unsigned long long)n->rejected[k]);
        add_place(t, &n->first[k]);
    }
    if (all) add(t, ", other reasons %llu", (unsigned long long)all);
}

void news_tell(struct news *n, const char *const *reasons, u64 now, char *line, size_t room)
{
    struct text t = { line, room, 0 };
    line[0] = '\0';
    add_rejects(&t, n, reasons);
    if (n->late) {
        add(&t, "%slate %llu", t.len ? "; " : "", (unsigned long long)n->late);
        add_place(&t, &n->first_late);
    }
    if (n->lost) add(&t, "%slost %llu", t.len ? "; " : "", (unsigned long long)n->lost);
    n->told = now;
    n->told_once = true;
    news_clear(n);
}
