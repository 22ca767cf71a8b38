/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c: the source `directory`: P2 files are read as they are completed, in the order (minute, name).
 *
 * Events of an inotify descriptor of our own say at once what was closed or moved in; a scan of the directory, made on
 * a thread of the pool every `rescan`, at each marker and after an overflow, is the truth. Callbacks note what
 * happened; the step, once a turn of the loop, offers files that are ready and tells the watermark between minutes.
 *
 * Limits: names `files_max` (the source fails there: skipping files would be worse), open files FILES_OPEN_MAX (the
 * rest waits), bytes out: the engine's pause. A hung network file system hangs opening a file, and so the loop. */
#include "source/directory.h"

#include "source/inotify.h"
#include "source/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct directory *of_source(struct source *s)
{
    return (struct directory *)s;
}

/* --- what is told ---------------------------------------------------------------------------------------------- */

void directory_complain(struct directory *d, const struct file *f, u64 offset, const char *format, ...)
{
    char    path[PATH_MAX + NAME_MAX + 2], words[256];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(path, sizeof path, "%s/%s", d->options->path, f->name);
    d->to->complain(d->to, slice_str(path), offset, words);
}

/* Of the directory itself. */
static void complain(struct directory *d, const char *doing, int fault)
{
    char words[256];
    snprintf(words, sizeof words, "%s: %s", doing, strerror(fault));
    d->to->complain(d->to, slice_str(d->options->path), 0, words);
}

void directory_fail(struct directory *d, const char *text)
{
    if (d->failed) return;
    d->failed = true;
    d->to->fail(d->to, text);
}

/* --- the step -------------------------------------------------------------------------------------------------- */

/* All that will be read of the first open minute is offered. Sealed by its own marker, time has come to the end of its
 * window, but no further than the next minute known; else to that one. */
static void step_pass(struct directory *d)
{
    const struct epoch *e = epochs_first(&d->epochs);
    i64                 second = epochs_second(&d->epochs);
    nanos               next = second == EPOCH_NONE ? NANOS_MAX : second * NANOS_SECOND;
    nanos               end = e->start * NANOS_SECOND + d->options->span;
    nanos               to = e->marker && end < next ? end : next;
    enum close_reason   why = e->marker ? CLOSE_SEALED : CLOSE_WATERMARK;
    epochs_pass(&d->epochs);
    if (to == NANOS_MAX || to <= d->watermark) return;
    d->watermark = to;
    d->to->watermark(d->to, to, why);
}

static void step(struct directory *d)
{
    bool more = true;
    while (more && !d->paused && !d->stalled && !d->failed) {
        struct file        *f = ready_first(&d->ready);
        const struct epoch *e = epochs_first(&d->epochs);
        if (e && epochs_over(&d->epochs, e->start) && (f == NULL || f->start > e->start)) step_pass(d);
        else more = f && reading_step(d, f);
    }
    if (!d->setup.once || d->ended || d->paused || d->stalled || d->failed || ready_first(&d->ready)) return;
    d->ended = true;
    d->to->done(d->to);
}

static void on_turn(uv_idle_t *turn)
{
    uv_idle_stop(turn);
    step(container_of(turn, struct directory, turn));
}

void directory_stir(struct directory *d)
{
    if (d->settled && !d->closing) uv_idle_start(&d->turn, on_turn);
}

/* --- scans ----------------------------------------------------------------------------------------------------- */

static void on_listing_work(uv_work_t *work)
{
    listing_make(container_of(work, struct directory, work)->listing);
}

static void directory_closed(struct directory *d);
static void directory_listed(struct directory *d, const struct listing *l);
static void directory_sleep(struct directory *d);

static void on_listing_done(uv_work_t *work, int status)
{
    struct directory *d = container_of(work, struct directory, work);
    if (status == 0 && !d->closing) directory_listed(d, d->listing); /* a scan asked for in here comes after this one */
    listing_free(d->listing);
    d->listing = NULL;
    d->rescan_at = uv_now(d->loop) + (u64)(d->options->rescan / 1000000);
    if (d->closing) {
        directory_closed(d);
        return;
    }
    if (d->again) directory_scan(d);
    else directory_sleep(d);
    directory_stir(d);
}

void directory_scan(struct directory *d)
{
    if (d->closing || d->failed) return;
    if (d->listing) {
        d->again = true;
        return;
    }
    d->listing = listing_new(d->options->path, d->inotify, d->options->files_max, ++d->scans);
    d->again = false;
    uv_timer_stop(&d->timer);
    int status = uv_queue_work(d->loop, &d->work, on_listing_work, on_listing_done);
    WEIR_ASSERT(status == 0);
}

static void on_timer(uv_timer_t *timer)
{
    directory_scan(container_of(timer, struct directory, timer));
}

/* Sets the clock to the next scan: when `rescan` has passed since the last, or when grace ends. Bounded input is
 * scanned again only for want of descriptors. */
static void directory_sleep(struct directory *d)
{
    if (d->listing || d->failed || (d->setup.once && !d->stalled)) return;
    u64   now = uv_now(d->loop), wait = d->rescan_at > now ? d->rescan_at - now : 0;
    nanos due = d->due == NANOS_MAX ? NANOS_MAX : d->due - d->now;
    if (due < (nanos)wait * 1000000) wait = due < 0 ? 0 : (u64)(due / 1000000) + 1;
    uv_timer_start(&d->timer, on_timer, wait, 0);
}

/* wd: of a new or the old watch, or -errno. A directory that is not there has been told of. */
static void directory_watched(struct directory *d, int wd, bool there)
{
    if (d->inotify < 0) return;
    if (wd < 0) {
        const char *doing = wd == -ENOSPC
                                ? "no watch is left (fs.inotify.max_user_watches); new files are found by scans only"
                                : "cannot be watched; new files are found by scans only";
        if (there && d->watch_fault != -wd) complain(d, doing, -wd);
        d->watch_fault = there ? -wd : 0;
        return;
    }
    d->watch_fault = 0;
    if (d->wd >= 0 && d->wd != wd) inotify_unwatch(d->inotify, d->wd);
    d->wd = wd;
}

static void directory_listed(struct directory *d, const struct listing *l)
{
    d->now = d->setup.now();
    d->counts.rescans++;
    directory_watched(d, l->wd, l->fault == 0);
    if (l->fault && l->fault != d->fault)
        complain(d, "the directory cannot be read; tried again at each scan", l->fault);
    if (l->fault && d->setup.once) directory_fail(d, "the directory cannot be read");
    d->fault = l->fault;
    if (l->full) directory_fail(d, "more names in the directory than files_max: delete old files or raise it");
    if (d->failed) return;
    if (l->remote && !d->remote_told) {
        d->remote_told = true;
        d->to->complain(d->to, slice_str(d->options->path), 0,
                        "on a network file system: what other hosts write is found by scans only");
    }
    if (l->fault) {
        d->due = NANOS_MAX; /* grace ends with a scan that succeeds */
        return;
    }
    notice_listing(d, l);
    if (d->setup.once && d->listed == 1) d->again = true; /* markers count in the second */
    if (d->listed >= 2 || !d->again) d->settled = true;
}

/* --- events ---------------------------------------------------------------------------------------------------- */

static void on_name(void *arg, slice name)
{
    notice_name(arg, name);
}

static void on_overflow(void *arg)
{
    struct directory *d = arg;
    d->counts.overflows++;
    directory_scan(d);
}

static void on_lost(void *arg, int wd)
{
    struct directory *d = arg;
    if (wd != d->wd) return; /* of a watch that was given up */
    inotify_unwatch(d->inotify, wd);
    d->wd = -1;
    directory_scan(d); /* tells if it is gone, watches what is there now */
}

static const struct inotify_ear ear = { on_name, on_overflow, on_lost };

void directory_take(struct directory *d, const char *buffer, size_t len)
{
    d->now = d->setup.now();
    inotify_tell(buffer, len, &ear, d);
    directory_sleep(d);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct directory *d = container_of(poll, struct directory, poll);
    char              buffer[INOTIFY_BUFFER];
    ssize_t           n;
    if (status < 0) {
        complain(d, "events cannot be read; new files are found by scans only", -status);
        uv_poll_stop(poll);
        return;
    }
    while (!d->failed && (n = read(d->inotify, buffer, sizeof buffer)) > 0) directory_take(d, buffer, (size_t)n);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

/* Of P2 files, by the kind of traffic. */
static const char *const p2_files[] = { "tcp", "udp", "other", "eth", "arp", NULL };

static err directory_check(struct directory *d, const struct source_setup *setup)
{
    for (u32 i = 0; i < setup->layouts; i++) {
        bool known = false;
        for (size_t k = 0; p2_files[k] != NULL; k++) known |= strcmp(p2_files[k], setup->layout_key[i]) == 0;
        if (!known) return (err){ ERR_CONFIG, "layouts of P2 files are keyed tcp, udp, other, eth or arp", i };
    }
    struct stat s;
    if (stat(d->options->path, &s) < 0) return err_os("path of the directory source");
    if (!S_ISDIR(s.st_mode)) return (err){ ERR_OS, "path of the directory source", ENOTDIR };
    if (access(d->options->path, R_OK | X_OK) < 0) return err_os("path of the directory source");
    d->home = s.st_ino;
    return OK;
}

static err directory_restore(struct directory *d, const struct source_setup *setup)
{
    for (u32 i = 0; i < setup->positions; i++) {
        err e = ledger_restore(&d->ledger, &setup->position[i]);
        if (err_is(e)) return e;
    }
    notice_restored(d);
    return OK;
}

static void directory_free(struct directory *d)
{
    if (d->inotify >= 0) close(d->inotify);
    ready_fini(&d->ready);
    ledger_fini(&d->ledger);
    epochs_fini(&d->epochs);
    free(d);
}

/* Polls the descriptor of inotify, if one can be had. */
static void directory_listen(struct directory *d)
{
    int fd = inotify_open();
    if (fd < 0) {
        complain(d, "no inotify is left (fs.inotify.max_user_instances); new files are found by scans only", -fd);
        return;
    }
    d->inotify = fd;
    int status = uv_poll_init(d->loop, &d->poll, fd);
    WEIR_ASSERT(status == 0);
    d->handles++;
    uv_poll_start(&d->poll, UV_READABLE, on_readable);
}

static nanos directory_unseen(const void *options, const char **because)
{
    const struct directory_options *o = options;
    *because = "with `watch: false` new files are found every `rescan`";
    return o->watch ? 0 : o->rescan;
}

static err directory_open(struct source **out, struct uv_loop_s *loop, struct inlet *to,
                          const struct source_setup *setup)
{
    struct directory *d = calloc(1, sizeof *d);
    WEIR_ASSERT(d != NULL);
    *d = (struct directory){ .setup = *setup, .options = setup->options, .to = to, .loop = loop, .inotify = -1,
                             .wd = -1, .watermark = NANOS_MIN, .due = NANOS_MAX, .handles = 2 };
    d->now = setup->now();
    epochs_init(&d->epochs);
    ledger_init(&d->ledger, d->options->files_max);
    err e = directory_check(d, setup);
    if (!err_is(e)) e = directory_restore(d, setup);
    if (err_is(e)) {
        directory_free(d);
        return e;
    }
    uv_timer_init(loop, &d->timer);
    uv_idle_init(loop, &d->turn);
    if (d->options->watch && !setup->once) directory_listen(d);
    directory_scan(d);
    *out = (struct source *)d;
    return OK;
}

static void directory_pause(struct source *s)
{
    of_source(s)->paused = true;
}

static void directory_resume(struct source *s)
{
    of_source(s)->paused = false;
    directory_stir(of_source(s));
}

static void directory_cut(struct source *s, u32 *count, const struct position **position)
{
    ledger_cut(&of_source(s)->ledger, count, position);
}

static const u64 *directory_count(struct source *s)
{
    return &of_source(s)->counts.files;
}

static void directory_closed(struct directory *d)
{
    if (d->handles || d->listing) return;
    void (*gone)(void *) = d->gone;
    void *arg = d->gone_arg;
    directory_free(d);
    gone(arg);
}

static void on_closed_timer(uv_handle_t *h)
{
    struct directory *d = container_of(h, struct directory, timer);
    d->handles--;
    directory_closed(d);
}

static void on_closed_turn(uv_handle_t *h)
{
    struct directory *d = container_of(h, struct directory, turn);
    d->handles--;
    directory_closed(d);
}

static void on_closed_poll(uv_handle_t *h)
{
    struct directory *d = container_of(h, struct directory, poll);
    d->handles--;
    directory_closed(d);
}

/* Waits for the scan in work, which cannot be broken off. */
static void directory_close(struct source *s, void (*gone)(void *), void *arg)
{
    struct directory *d = of_source(s);
    WEIR_ASSERT(d->out == 0 && !d->closing);
    d->closing = true;
    d->gone = gone;
    d->gone_arg = arg;
    for (u32 i = 0; i < d->ledger.count; i++) { /* readings that a pause broke off */
        d->ledger.file[i]->reading = false;
        reading_release(d, d->ledger.file[i]);
    }
    if (d->listing) uv_cancel((uv_req_t *)&d->work); /* EBUSY: it runs, and on_listing_done comes */
    uv_close((uv_handle_t *)&d->timer, on_closed_timer);
    uv_close((uv_handle_t *)&d->turn, on_closed_turn);
    if (d->inotify >= 0) uv_close((uv_handle_t *)&d->poll, on_closed_poll);
}

/* --- tables ---------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct directory_options, member)
#define MS ((u64)1000000)
#define S_ ((u64)NANOS_SECOND)

static const struct option directory_options[] = {
    { "path", OPTION_PATH, true, NULL, NULL, 0, 0, AT(path), "the directory that P2 writes to" },
    { "rescan", OPTION_SPAN, false, "10s", NULL, 100 * MS, 86400 * S_, AT(rescan),
      "the directory is read whole this often: the truth, and the only means on network file systems" },
    { "watch", OPTION_BOOL, false, "true", NULL, 0, 0, AT(watch),
      "hear of new files at once (inotify); false: scans only" },
    { "markers", OPTION_BOOL, false, "true", NULL, 0, 0, AT(markers),
      "the site writes __@<start>.finished when a minute is complete" },
    { "grace", OPTION_SPAN, false, "20s", NULL, 0, 86400 * S_, AT(grace),
      "without marker, a minute is complete this long after a later one has closed its first file" },
    { "span", OPTION_SPAN, false, "1m", NULL, S_, 86400 * S_, AT(span), "the time that one file covers" },
    { "chunk", OPTION_SIZE, false, "1MiB", NULL, 64 << 10, 256 << 20, AT(chunk),
      "bytes that one worker takes at once" },
    { "files_max", OPTION_COUNT, false, "1000000", NULL, 1, 100000000, AT(files_max),
      "most names in the directory; with more the source fails" },
    OPTION_END,
};

#define COUNT(member) offsetof(struct directory_counts, member)

static const struct metric directory_metrics[] = {
    { "files", "files", "read to their end for the first time", COUNT(files) },
    { "bytes", "bytes", "of files, applied", COUNT(bytes) },
    { "chunks", "chunks", "offered", COUNT(chunks) },
    { "markers", "files", "seen", COUNT(markers) },
    { "ignored", "names", "that are not P2's, or of a protocol without layout", COUNT(ignored) },
    { "late_files", "files", "begun after the watermark had passed their minute", COUNT(late_files) },
    { "vanished", "files", "gone before they were read to their end", COUNT(vanished) },
    { "replaced", "files", "whose name was taken by another file", COUNT(replaced) },
    { "truncated", "files", "that shrank below what had been read; not read again", COUNT(truncated) },
    { "rewritten", "files", "written to at the same size after they had been read; not read again", COUNT(rewritten) },
    { "unreadable", "files", "that could not be opened or read, each fault once", COUNT(unreadable) },
    { "rescans", "scans", "of the whole directory", COUNT(rescans) },
    { "overflows", "events", "that said that the kernel lost events; each is followed by a scan", COUNT(overflows) },
    { NULL },
};

const struct source_type source_directory = {
    .name = "directory",
    .layout_keys = p2_files,
    .options = directory_options,
    .options_size = sizeof(struct directory_options),
    .metrics = directory_metrics,
    .decoders = { &decoder_line, NULL },
    .unseen = directory_unseen,
    .open = directory_open,
    .pause = directory_pause,
    .resume = directory_resume,
    .read = reading_bytes,
    .applied = reading_applied,
    .cut = directory_cut,
    .where = reading_where,
    .line = reading_line,
    .counts = directory_count,
    .close = directory_close,
};
