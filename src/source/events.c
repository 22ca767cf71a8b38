/* SPDX-License-Identifier: Apache-2.0 */
/* events.c: one text being filled; full, old or at the end of its file it is said, and the watermark behind it.
 *
 * Workers explain the packets, since that is what takes time; here only fragments are, whose ports are known from one
 * another. What cannot be one is told by a look at its header. */
#include "source/events.h"

#include "weir/hash.h"

#include <stdlib.h>

#define ROOM          ((size_t)1 << 20)
#define SPAN          NANOS_SECOND
#define FRAGMENTS_MAX (1u << 16)

void events_init(struct events *e, const struct events_setup *how)
{
    *e = (struct events){ .how = *how, .newest = NANOS_MIN, .told = NANOS_MIN };
    e->fragments = fragments_open(FRAGMENTS_MAX);
}

void events_fini(struct events *e)
{
    if (e->fragments) fragments_close(e->fragments);
    free(e->text);
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

static void text_new(struct events *e, nanos time)
{
    struct text *x = malloc(sizeof *x + ROOM);
    WEIR_ASSERT(x != NULL);
    *x = (struct text){ .start = e->file, .file = EVENTS_FILE, .offset = e->made, .time = time, .room = ROOM };
    e->text = x;
}

/* The frames are not those of the run before: nothing that follows may be believed. */
static void astray(struct events *e)
{
    struct word w = { .kind = WORD_FAIL, .astray = true, .what = slice_dup(S(
        "the capture gives other packets than before the restart: it was changed, or this is another version of weir; "
        "finish with the old one, or begin with an empty state")) };
    if (!e->astray) hand_say(e->how.hand, &w);
    e->astray = true;
}

/* Was the text applied before the restart? */
static bool known(struct events *e, const struct text *x)
{
    if (places_passed(e->how.past, x->start)) return true;
    const struct mark *m = places_mark(e->how.past, x->start);
    u64                end = x->offset + x->length;
    if (m == NULL || x->offset >= m->bytes[EVENTS_FILE]) return false;
    u64 applied = m->bytes[EVENTS_FILE];
    if (end > applied || (end == applied && x->sum != m->sum[EVENTS_FILE])) astray(e);
    return true;
}

/* Dropped frames are counted, not told here. False: it is not to be said. */
static bool admit(struct events *e, const struct text *x)
{
    if (known(e, x) || e->stopped || e->astray) return false;
    if (e->how.live) {
        bool drop = e->silent || hand_full(e->how.hand);
        if (drop) e->lost += x->records;
        return !drop;
    }
    e->stopped = !hand_wait(e->how.hand);
    return !e->stopped;
}

static void tell_time(struct events *e, nanos newest)
{
    struct word w = { .kind = WORD_TIME, .start = newest - e->how.disorder };
    if (newest < NANOS_MIN + e->how.disorder || w.start <= e->told) return;
    if (e->stopped || e->silent || e->astray) return;
    e->told = w.start;
    hand_say(e->how.hand, &w);
}

static void text_finish(struct events *e)
{
    struct text *x = e->text;
    if (x == NULL) return;
    e->text = NULL;
    e->sum = x->sum = hash_checksum(x->bytes, x->length, e->sum);
    e->made += x->length;
    if (admit(e, x)) {
        if (x->length < x->room / 2) { /* waiting texts are counted by their room */
            x->room = x->length;
            x = realloc(x, sizeof *x + x->length);
            WEIR_ASSERT(x != NULL);
        }
        hand_say(e->how.hand, &(struct word){ .kind = WORD_TEXT, .text = x });
    } else {
        free(x);
    }
    tell_time(e, e->newest);
}

/* --- frames ------------------------------------------------------------------------------------------------------ */

enum { ETHERNET = 14, TYPE_IP4 = 0x0800, TYPE_IP6 = 0x86dd, TCP = 6, UDP = 17 };

/* No fragment for certain, and no tunnel to look into: plain IPv4 or IPv6 in plain Ethernet. Bytes 6 and 7 of IPv4 are
 * flags and offset (RFC 791 section 3.1), byte 9 its protocol, byte 6 IPv6's next header (RFC 8200 section 3). */
static bool plain(const struct frame *f, bool inner)
{
    if (f->link != LINK_ETHERNET || f->captured < ETHERNET + 20) return false;
    const u8 *ip = f->at + ETHERNET;
    u32       type = (u32)f->at[12] << 8 | f->at[13], protocol;
    if (type == TYPE_IP4) {
        if ((ip[6] & 0x3f) != 0 || ip[7] != 0) return false;
        protocol = ip[9];
    } else if (type == TYPE_IP6) {
        protocol = ip[6];
        if (protocol != TCP && protocol != UDP) return false;
    } else {
        return false;
    }
    return !inner || protocol == TCP;
}

/* Ports of a later fragment, which its first one had. */
static void note_ports(struct events *e, const struct frame *f, struct frame_note *note)
{
    struct packet p;
    if (plain(f, e->how.how.inner)) return;
    packet_parse(&p, f, &e->how.how);
    if (p.kind != PACKET_IP || !p.fragment) return;
    fragments_push(e->fragments, &p);
    if (p.first || !p.ports) return;
    note->ports = true;
    note->src_port = p.src_port;
    note->dst_port = p.dst_port;
}

static void push_one(struct events *e, const struct frame *f)
{
    struct frame_note note = { .how = e->how.how };
    u32               size = frames_size(f->captured < f->length ? f->captured : f->length, e->how.keep);
    struct text      *x = e->text;
    note_ports(e, f, &note);
    if (x && (x->room - x->length < size || f->time - x->time >= SPAN || x->time - f->time >= SPAN)) text_finish(e);
    if (e->text == NULL) text_new(e, f->time);
    x = e->text;
    frames_put(x->bytes + x->length, f, e->how.keep, &note);
    x->length += size;
    x->records++;
    if (f->time > e->newest) e->newest = f->time;
    e->counts.frames++;
    e->counts.records++;
    e->counts.bytes += f->length;
}

void events_push(struct events *e, const struct frame *frames, u32 count)
{
    for (u32 i = 0; i < count && !e->stopped; i++) push_one(e, &frames[i]);
}

/* The clock may be behind the frames' or jump: time only goes on. */
void events_clock(struct events *e, nanos now)
{
    if (e->text && (now - e->text->time >= SPAN || now < e->text->time)) text_finish(e);
    if (e->text == NULL) tell_time(e, now);
}

void events_file(struct events *e)
{
    const struct mark *m = places_mark(e->how.past, e->file);
    text_finish(e);
    if (m != NULL && e->made < m->bytes[EVENTS_FILE]) astray(e);
    if (!e->stopped && !e->astray) hand_say(e->how.hand, &(struct word){ .kind = WORD_FILE, .start = e->file });
    e->file++;
    e->made = e->sum = 0;
}

void events_end(struct events *e)
{
    text_finish(e);
}
