/* SPDX-License-Identifier: Apache-2.0 */
/* capture_live.c: frames of an interface, as they come.
 *
 * The thread waits for the ring, hands each frame to minutes where it lies, and tells minutes the time, so that a
 * minute ends though nothing is sent any more. It never waits for the loop: what is not taken in time is dropped and
 * told (texts.h), and so is what the kernel and the interface dropped. At the end, also where the interface is gone, it
 * says what is in open minutes; that they are over it does not say: the next start may go on with them.
 *
 * A frame is pushed by itself: the ring may be written over once the next one is asked for. */
#include "source/capture.h"

#include "shim/clock.h"
#include "shim/privileges.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define TAKE      4096 /* frames between two looks at the clock */
#define WAIT_MS   100
#define STATS_NS  NANOS_SECOND
#define DRAIN_MAX 4096 /* takes at the end */

struct listener {
    struct tap          *tap;
    struct tap_counts    counts;
    struct capture_stats seen; /* as told so far */
    nanos                stats_at;
    char                 fault[512]; /* why it cannot go on; empty: it can */
};

static void on_frame(void *arg, const struct frame *f)
{
    struct listener *l = arg;
    tap_push(l->tap, f, 1);
    l->counts.bytes += f->captured;
}

/* What was lost since the last look, said to the loop. */
static void tell_losses(struct listener *l)
{
    struct tap          *t = l->tap;
    struct capture_stats now;
    struct word          w = { .kind = WORD_LOSS, .lines = t->texts.lost + t->events.lost };
    if (!err_is(capture_stats(t->live, &now))) {
        w.dropped_kernel = now.dropped_kernel - l->seen.dropped_kernel;
        if (l->fault[0] == '\0') w.dropped_interface = now.dropped_interface - l->seen.dropped_interface;
        l->seen = now;
    }
    t->texts.lost = t->events.lost = 0;
    if (w.lines || w.dropped_kernel || w.dropped_interface) hand_say(&t->hand, &w);
    tap_publish(t, &l->counts);
}

/* waiting: frames may still be in the ring, whose minute must not end before them. */
static void on_clock(struct listener *l, bool waiting)
{
    nanos now = clock_wall();
    if (!waiting) tap_clock(l->tap, now);
    if (now - l->stats_at < STATS_NS && now >= l->stats_at) return;
    l->stats_at = now;
    tell_losses(l);
}

/* False: the loop wants no more, or there is a fault. */
static bool listen_once(struct listener *l)
{
    struct tap   *t = l->tap;
    struct pollfd at[] = { { .fd = capture_fd(t->live), .events = POLLIN }, { .fd = t->hand.event, .events = POLLIN } };
    int           n = poll(at, WEIR_COUNT(at), WAIT_MS);
    if (n < 0 && errno != EINTR) {
        snprintf(l->fault, sizeof l->fault, "%s: poll: %s", t->options->interface, strerror(errno));
        return false;
    }
    int frames = capture_take(t->live, TAKE, on_frame, l);
    if (frames < 0) {
        snprintf(l->fault, sizeof l->fault, "%s: the interface is gone; what it had given is counted",
                 t->options->interface);
        return false;
    }
    on_clock(l, frames > 0);
    return n <= 0 || at[1].revents == 0;
}

/* What the ring held, not what comes for ever. Of an interface that is gone the kernel gives its last block once the
 * time for that is up. Gives when it began. */
static nanos drain(struct listener *l)
{
    if (l->fault[0]) poll(NULL, 0, 2 * CAPTURE_DELAY_MS);
    nanos now = clock_wall();
    for (u32 i = 0; i < DRAIN_MAX && capture_take(l->tap->live, TAKE, on_frame, l) > 0;) i++;
    return now;
}

void *tap_live_main(void *arg)
{
    struct listener l = { .tap = arg };
    struct tap     *t = arg;
    privileges_drop(); /* a capability is a thread's; the loop drops its own */
    while (listen_once(&l)) {}
    nanos now = drain(&l);
    bool  heard = hand_finishing(&t->hand) || (l.fault[0] && !hand_stopped(&t->hand));
    t->texts.unsealed = heard;                      /* the next start may go on with this very minute */
    t->texts.silent = t->events.silent = !heard; /* the loop takes no more: what is open is lost, counted */
    tap_end(t);
    tell_losses(&l);
    struct word last = { .kind = WORD_STOPPED, .start = now };
    if (l.fault[0]) last = (struct word){ .kind = WORD_FAIL, .start = now, .what = slice_dup(slice_str(l.fault)) };
    if (heard) hand_say(&t->hand, &last);
    hand_over(&t->hand);
    return NULL;
}
