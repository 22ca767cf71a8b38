/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c: one line, drawn over itself. */
#include "cli/progress.h"

#include "shim/clock.h"

#include <stdio.h>
#include <unistd.h>

#define BAR       30u
#define REDRAW_NS 100000000u

void progress_open(struct progress *p, const char *what, u64 total)
{
    *p = (struct progress){ .what = what, .total = total, .begin = clock_monotonic(), .on = isatty(STDERR_FILENO) };
}

static void progress_draw(struct progress *p, u64 done, u64 now)
{
    f64 seconds = (f64)(now - p->begin) / 1e9, rate = seconds > 0 ? (f64)done / seconds : 0;
    f64 part = p->total ? (f64)done / (f64)p->total : 0;
    if (part > 1) part = 1;
    char bar[BAR + 1];
    for (u32 i = 0; i < BAR; i++) bar[i] = (f64)i < part * BAR ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r%s [%s] %3.0f %% %8.1f MB %8.1f MB/s", p->what, bar, part * 100, (f64)done / 1e6, rate / 1e6);
    if (p->total > done && rate > 0) {
        u64 left = (u64)((f64)(p->total - done) / rate);
        fprintf(stderr, " ETA %llu:%02llu", (unsigned long long)(left / 60), (unsigned long long)(left % 60));
    } else {
        fprintf(stderr, "          ");
    }
    fflush(stderr);
    p->shown = now;
}

void progress_at(struct progress *p, u64 done)
{
    if (!p->on) return;
    u64 now = clock_monotonic();
    if (now - p->shown >= REDRAW_NS) progress_draw(p, done, now);
}

void progress_close(struct progress *p, u64 done)
{
    if (!p->on) return;
    if (p->total == 0 || p->total > done) p->total = done;
    progress_draw(p, done, clock_monotonic());
    fputc('\n', stderr);
}
