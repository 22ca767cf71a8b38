/* SPDX-License-Identifier: Apache-2.0 */
/* p2_live.c: frames of an interface until SIGINT or SIGTERM.
 *
 * The kernel's frames are lent for the call that shows them, a batch is pushed later, so their bytes are copied
 * into `bytes`. The wall clock drives minutes on only while nothing waits in the ring: a probe that lags must not
 * close a minute whose frames are still there. */
#include "cli/p2.h"
#include "shim/clock.h"
#include "shim/privileges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define BYTES     ((size_t)4 << 20)
#define TAKE_MOST 4096
#define WAIT_MS   100
#define DRAIN_MAX 4096 /* takes after a signal: what the ring held, not what comes for ever */
#define WORDS     512

struct live {
    struct p2      *p;
    struct capture *capture;
    char           *bytes;
    size_t          used;
    bool            go_on;
};

static void live_push(struct live *l)
{
    if (l->go_on) l->go_on = p2_flush(l->p);
    l->used = 0;
}

static void live_frame(void *arg, const struct frame *frame)
{
    struct live *l = arg;
    struct frame mine = *frame;
    if (!l->go_on) return;
    if (mine.captured > BYTES) mine.captured = (u32)BYTES;
    if (l->used + mine.captured > BYTES) live_push(l);
    memcpy(l->bytes + l->used, frame->at, mine.captured);
    mine.at = (const u8 *)l->bytes + l->used;
    l->used += mine.captured;
    l->p->read_bytes += mine.captured;
    l->go_on = l->go_on && p2_take(l->p, &mine);
    if (l->p->batched == 0) l->used = 0;
}

/* Until a signal, or the interface is gone, or the files cannot be written. */
static void live_loop(struct live *l)
{
    int fd = capture_fd(l->capture);
    while (l->go_on) {
        int ready = p2_wait(l->p, fd, WAIT_MS);
        if (ready < 0) return;
        int n = capture_take(l->capture, TAKE_MOST, live_frame, l);
        live_push(l);
        if (n < 0) {
            p2_fail(l->p, EX_IOERR, "the interface is gone: what is open is given out");
            return;
        }
        const char *path;
        if (n == 0) minutes_clock(l->p->minutes, clock_wall());
        if (l->go_on && err_is(p2_files_fault(l->p->files, &path))) l->go_on = p2_flush(l->p);
        if (!l->p->quiet) progress_at(&l->p->progress, l->p->read_bytes);
    }
}

/* What was on the wire before the signal is in the ring. */
static void live_drain(struct live *l)
{
    for (u32 i = 0; i < DRAIN_MAX && l->go_on; i++) {
        int n = capture_take(l->capture, TAKE_MOST, live_frame, l);
        live_push(l);
        if (n <= 0) return;
    }
}

static int open_code(err e)
{
    if (e.code == ERR_CONFIG) return EX_USAGE;
    return e.code == ERR_OS && (e.at == EPERM || e.at == EACCES) ? EX_NOPERM : EX_UNAVAILABLE;
}

void p2_live(struct p2 *p, const struct capture_setup *setup, bool keep_capabilities)
{
    char        words[WORDS] = "", text[WORDS + 128];
    struct live l = { .p = p, .go_on = true };
    err         e = capture_open(&l.capture, setup, words, sizeof words);
    if (err_is(e)) {
        if (words[0]) snprintf(text, sizeof text, "%s: %s", e.what, words); /* libpcap's say more than errno's */
        else err_text(e, text, sizeof text);
        p2_fail(p, open_code(e), "%s: %s", setup->interface, text);
        p->broken = true;
        return;
    }
    if (!keep_capabilities && err_is(e = privileges_drop()))
        p2_say(p, "capabilities are kept: %s", err_text(e, text, sizeof text));
    l.bytes = malloc(BYTES);
    WEIR_ASSERT(l.bytes != NULL);
    p2_say(p, "listening on %s", setup->interface);
    progress_open(&p->progress, "p2", 0);
    live_loop(&l);
    live_drain(&l);
    if (!p->quiet) progress_close(&p->progress, p->read_bytes);
    if (err_is(e = capture_stats(l.capture, &p->loss)))
        p2_fail(p, EX_IOERR, "%s: what was lost is not known: %s", setup->interface, err_text(e, text, sizeof text));
    capture_close(l.capture);
    free(l.bytes);
    if (l.go_on) p2_say(p, "ended: what is open is given out");
}
