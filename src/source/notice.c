/* SPDX-License-Identifier: Apache-2.0 */
/* notice.c: what the directory shows, compared with the ledger.
 *
 * Two questions are kept apart. *May a file be read?* As soon as there is some evidence that nobody writes at its end:
 * it was closed or moved here, it did not change for two scans, its last change is long past. Then its whole lines are
 * read; being wrong costs nothing, since what comes later is read later. *May its last line be read without its LF?*
 * Only when its minute is over (marker, or a later minute and grace), when it did not change for max(grace, two scans)
 * as watched by us, or when the input is bounded. So no torn line is ever decoded, even of a file that is reopened the
 * moment it was closed, or that another host writes unannounced.
 *
 * A marker counts in the scan that *begins* after it was seen: whatever P2 closed before it is then in the listing,
 * although the queue of events may still hold it.
 *
 * What else can happen to a name:
 *   grown            the new tail is read
 *   shrunk           quarantined: complained of, never read again under this identity
 *   same size, new mtime, already read    complained of once, not read again
 *   another file under the name           a new file, read whole
 *   gone, read to its end                 its entry and position are dropped
 *   gone before that                      complained of and counted as vanished
 *   gone with its directory (unmounted)   kept until it is back */
#include "source/directory.h"

#include <string.h>

static nanos settle_span(const struct directory *d)
{
    nanos two = 2 * d->options->rescan;
    return d->options->grace > two ? d->options->grace : two;
}

static bool is_fed(const struct file *f)
{
    return f->kind == P2_FILE && f->layout != NO_LAYOUT;
}

static bool is_unread(const struct file *f)
{
    bool never = !f->counted && f->evidence == FILE_SEEN && !f->restored; /* even if its size was 0 when last seen */
    return is_fed(f) && !f->quarantined && (f->offered < f->look.size || never);
}

/* --- entries come and go --------------------------------------------------------------------------------------- */

void notice_forget(struct directory *d, struct file *f)
{
    ready_drop(&d->ready, f);
    ledger_remove(&d->ledger, f);
    file_free(f);
}

void notice_vanished(struct directory *d, struct file *f)
{
    d->counts.vanished++;
    directory_complain(d, f, f->offered, "vanished before %s was read", f->offered ? "its new tail" : "it");
    notice_forget(d, f);
}

/* Another file has taken the name. Chunks that are out are read through the open descriptor; no more is offered. */
static void notice_replaced(struct directory *d, struct file *f)
{
    d->counts.replaced++;
    if (f->offered < f->look.size && is_fed(f))
        directory_complain(d, f, f->offered, "replaced by another file before it was read to its end");
    else if (f->offered) directory_complain(d, f, 0, "replaced by another file after it was read: read as a new one");
    ready_drop(&d->ready, f);
    ledger_remove(&d->ledger, f);
    f->retired = true;
    f->reading = false;
    f->limit = f->offered;
    reading_release(d, f);
    if (f->out == 0) file_free(f);
}

/* Makes room in a full ledger: what is known of files of a former directory at this path goes first. */
static void notice_evict(struct directory *d)
{
    for (u32 i = d->ledger.count; i-- > 0;) {
        struct file *f = d->ledger.file[i];
        if (f->home != d->home && f->fd < 0 && f->out == 0) notice_forget(d, f);
    }
}

static u32 layout_of(const struct directory *d, slice protocol)
{
    for (u32 i = 0; i < d->setup.layouts; i++)
        if (slice_is(protocol, d->setup.layout_key[i])) return i;
    return NO_LAYOUT;
}

void notice_restored(struct directory *d)
{
    for (u32 i = 0; i < d->ledger.count; i++) {
        struct p2_name p2 = p2name_parse(file_name(d->ledger.file[i]));
        d->ledger.file[i]->layout = layout_of(d, p2.protocol);
    }
}

static struct file *notice_new(struct directory *d, slice name, const struct p2_name *p2)
{
    struct file *f = ledger_add(&d->ledger, name, p2);
    if (f == NULL) {
        notice_evict(d);
        f = ledger_add(&d->ledger, name, p2);
    }
    if (f == NULL) {
        directory_fail(d, "more names in the directory than files_max: delete old files or raise it");
        return NULL;
    }
    f->since = d->scans;
    f->home = d->home;
    f->layout = p2->kind == P2_FILE ? layout_of(d, p2->protocol) : NO_LAYOUT;
    if (f->kind == P2_MARKER) d->counts.markers++;
    else if (!is_fed(f)) d->counts.ignored++;
    return f;
}

/* --- evidence -------------------------------------------------------------------------------------------------- */

static void notice_closed(struct directory *d, const struct file *f, bool announced)
{
    struct epoch *e = epochs_get(&d->epochs, f->start);
    if (e == NULL) return;
    nanos when = d->now; /* files that were there at the start have been closed when they were last written */
    if (d->listed == 0 && !announced && f->look.mtime < when) when = f->look.mtime;
    if (when >= e->closed) return;
    e->closed = when;
    if (epochs_first(&d->epochs)->start < f->start && when + d->options->grace < d->due)
        d->due = when + d->options->grace; /* then the minutes before it are over: directory_take sets the clock */
}

static void notice_evidence(struct directory *d, struct file *f, bool announced)
{
    nanos         still = d->now - f->changed, settle = settle_span(d);
    enum evidence e = FILE_SEEN;
    if (announced || d->now - f->look.mtime >= settle) e = FILE_QUIET;
    if (f->same >= 1 && still >= d->options->rescan) e = FILE_QUIET;
    if (f->same >= 2 && still >= settle) e = FILE_COMPLETE;
    if (e > f->evidence) f->evidence = e;
    if (f->evidence >= FILE_QUIET) notice_closed(d, f, announced);
}

static void notice_shrunk(struct directory *d, struct file *f)
{
    if (f->quarantined) return;
    f->quarantined = true;
    d->counts.truncated++;
    directory_complain(d, f, f->look.size, "truncated after it was read: what it holds now is not read");
    ledger_touch(&d->ledger, f);
}

static void notice_rewritten(struct directory *d, struct file *f)
{
    d->counts.rewritten++;
    directory_complain(d, f, 0, "written to after it was read, at the same size: not read again");
    ledger_touch(&d->ledger, f);
}

/* Takes in what stat says now of the entry's own file. */
static void notice_look(struct directory *d, struct file *f, const struct look *look, bool announced)
{
    epochs_get(&d->epochs, f->start); /* its minute is known from now on */
    bool grew = look->size != f->look.size;
    bool touched = look->mtime != f->look.mtime;
    bool was_read = f->offered && f->offered == look->size;
    if (f->seen == 0 || grew || touched) { /* seen for the first time in this run, or changed */
        f->changed = d->now;
        f->same = 0;
        f->evidence = FILE_SEEN;
    } else if (!announced) f->same++;
    f->look = *look;
    f->home = d->home;
    f->restored = false;
    if (look->size < f->offered) notice_shrunk(d, f);
    else if (touched && !grew && was_read) notice_rewritten(d, f);
    notice_evidence(d, f, announced);
}

/* Finds or makes the entry of a P2 file and shows it to notice_look. */
static void notice_file(struct directory *d, slice name, const struct p2_name *p2, const struct look *look,
                        bool announced)
{
    struct file *f = ledger_find(&d->ledger, name);
    if (f && f->kind != P2_FILE) { /* a directory was there */
        notice_forget(d, f);
        f = NULL;
    }
    if (f && is_fed(f) && !file_is(f, look)) {
        notice_replaced(d, f);
        f = NULL;
    }
    if (f == NULL && (f = notice_new(d, name, p2)) == NULL) return;
    if (is_fed(f)) {
        notice_look(d, f, look, announced);
        reading_consider(d, f);
    }
    f->seen = d->scans;
}

/* The kind of thing a name stands for: without markers, a marker is none of P2's files. */
static enum p2_kind kind_of(const struct directory *d, const struct p2_name *p2)
{
    return p2->kind == P2_MARKER && !d->options->markers ? P2_OTHER : p2->kind;
}

void notice_name(struct directory *d, slice name)
{
    struct p2_name p2 = p2name_parse(name);
    struct look    look;
    p2.kind = kind_of(d, &p2);
    if (p2.kind == P2_FILE) {
        if (listing_look(d->options->path, name, &look)) notice_file(d, name, &p2, &look, true);
        return; /* not there any more: the next scan will say what became of it */
    }
    struct file *f = ledger_find(&d->ledger, name);
    if (f == NULL && (f = notice_new(d, name, &p2)) == NULL) return;
    f->seen = d->scans;
    if (f->kind == P2_MARKER && f->evidence == FILE_SEEN) directory_scan(d);
}

/* --- a scan ---------------------------------------------------------------------------------------------------- */

static void notice_listed(struct directory *d, const struct listed *item)
{
    struct p2_name p2 = item->p2;
    p2.kind = kind_of(d, &p2);
    struct file *f = ledger_find(&d->ledger, item->name);
    if (f && f->kind != p2.kind) { /* a directory where a file was, or the other way round */
        if (f->kind == P2_FILE) notice_replaced(d, f);
        else notice_forget(d, f);
        f = NULL;
    }
    /* Seen by an event since the scan began: what the listing says is older. */
    bool older = f && f->seen == d->scans;
    if (p2.kind == P2_FILE && item->known && !older) {
        if (f) f->blocked = false;
        notice_file(d, item->name, &p2, &item->look, false);
        return;
    }
    if (f == NULL && (f = notice_new(d, item->name, &p2)) == NULL) return;
    f->seen = d->scans;
    f->blocked = false;
    if (is_fed(f) && item->known) reading_consider(d, f);
}

static void notice_missing(struct directory *d, struct file *f)
{
    if (f->fd >= 0 || f->out) return; /* it can still be read to its end */
    if (f->home != d->home && f->kind == P2_FILE) {
        ready_drop(&d->ready, f);
        if (!d->foreign_told)
            d->to->complain(d->to, slice_str(d->options->path), 0,
                            "another directory is at this path (is a disk not mounted?): "
                            "what is known of the files of the former one is kept");
        d->foreign_told = true;
    } else if (is_unread(f)) notice_vanished(d, f);
    else notice_forget(d, f);
}

static void notice_markers(struct directory *d)
{
    for (u32 i = 0; i < d->ledger.count; i++) {
        struct file *f = d->ledger.file[i];
        if (f->kind != P2_MARKER || f->evidence != FILE_SEEN) continue;
        if (f->since == d->scans) {
            directory_scan(d); /* it was not known when this scan began */
            continue;
        }
        f->evidence = FILE_COMPLETE;
        struct epoch *e = epochs_get(&d->epochs, f->start);
        if (e) e->marker = true;
        if (f->start > d->epochs.sealed) d->epochs.sealed = f->start;
    }
}

/* Minutes in (sealed, d->epochs.sealed] and (ripe, d->epochs.ripe] have come to their end with this scan. A file that
 * changes although only grace ended its minute is read as far as its lines are whole. */
static void notice_over(struct directory *d, i64 sealed, i64 ripe)
{
    for (u32 i = 0; i < d->ledger.count; i++) {
        struct file *f = d->ledger.file[i];
        if (!is_fed(f) || f->seen != d->scans || f->evidence == FILE_COMPLETE) continue;
        bool now_sealed = f->start > sealed && f->start <= d->epochs.sealed;
        bool now_ripe = f->start > ripe && f->start <= d->epochs.ripe;
        if (now_sealed || (now_ripe && f->evidence == FILE_QUIET)) f->evidence = FILE_COMPLETE;
        else if (now_ripe) f->evidence = FILE_QUIET;
        else continue;
        notice_closed(d, f, false);
        reading_consider(d, f);
    }
}

/* Bounded input: every minute is over, and what is being written at this moment counts as it is. */
static void notice_bounded(struct directory *d)
{
    d->epochs.ripe = P2_START_MAX;
    for (u32 i = 0; i < d->ledger.count; i++) {
        struct file *f = d->ledger.file[i];
        if (!is_fed(f) || f->seen != d->scans) continue;
        f->evidence = FILE_COMPLETE;
        reading_consider(d, f);
    }
}

void notice_listing(struct directory *d, const struct listing *l)
{
    i64 sealed = d->epochs.sealed, ripe = d->epochs.ripe;
    WEIR_ASSERT(l->number == d->scans);
    if (l->home != d->home) d->foreign_told = false;
    d->home = l->home;
    d->stalled = false;
    for (u32 i = 0; i < l->count && !d->failed; i++) notice_listed(d, &l->at[i]);
    if (d->failed) return;
    for (u32 i = d->ledger.count; i-- > 0;)
        if (d->ledger.file[i]->seen != d->scans) notice_missing(d, d->ledger.file[i]);
    notice_markers(d);
    d->due = epochs_ripen(&d->epochs, d->now, d->options->grace);
    notice_over(d, sealed, ripe);
    if (d->setup.once && d->listed) notice_bounded(d);
    d->listed++;
}
