/* SPDX-License-Identifier: Apache-2.0 */
/* tcp.c: one segment at a time through its connection's state.
 *
 * In this order, as later steps rely on earlier ones: a SYN (another connection? who opened?), the answer to it, a RST,
 * the sequence numbers (new, in a hole, seen before), the acknowledgement (round trip, duplicate), then what both
 * complete: handshake and close. A segment in turn and its acknowledgement go the short way: sequence_in_turn,
 * acknowledge. Numbers further than a window can be (2^30, RFC 7323) from what was seen begin the direction anew. */
#include "packet/tcp_state.h"

#define FAR  (1 << 30)
#define SOON ((u32)((u64)3000000 >> 16)) /* too soon to be sent again where the round trip is unknown: 3 ms */
#define BARE (TCP_SYN | TCP_FIN | TCP_RST)

/* One call of tcp_push. */
struct step {
    struct tcp          *t;
    struct tcp_pool     *pool;
    const struct packet *p;
    struct tcp_seen     *out;
    struct way          *mine, *other;
    u32                  dir;
    u32                  end; /* past the segment's last number */
};

static nanos span(nanos from, nanos to)
{
    return to > from ? to - from : 0;
}

static bool says(const struct step *s, u32 flag)
{
    return s->p->tcp_flags & flag;
}

/* --- opening --- */

/* The number a SYN of this end would have if it began what was seen; false: nothing was seen that tells. */
static bool expected_syn(const struct step *s, u32 *seq)
{
    if (s->mine->marks & WAY_SEEN) {
        *seq = s->t->base[s->dir] - (s->mine->marks & WAY_SYN ? 0 : 1);
        return true;
    }
    *seq = s->other->ack - 1;
    return s->other->marks & WAY_ACKED;
}

/* A SYN with other numbers than those of the connection. A SYN-ACK's change while its SYN is being answered is a
 * server that forgot (SYN cookies, load balancers), not another connection. */
static bool is_anew(const struct step *s)
{
    u32 seq;
    if (!expected_syn(s, &seq) || seq == s->p->seq) return false;
    if (!says(s, TCP_ACK)) return true;
    bool answering = s->other->marks & WAY_SYN && !(s->t->marks & (TCP_DONE_SETUP | TCP_DONE));
    return !answering;
}

static void way_begin(struct step *s, u32 base)
{
    segments_drop(s->pool, s->mine);
    s->mine->holes = 0;
    s->mine->marks &= (u16)~(WAY_FIN | WAY_PROBE | WAY_KEEP_ALIVE);
    s->mine->marks |= WAY_SEEN;
    s->t->base[s->dir] = base;
}

static void syn_first(struct step *s)
{
    const struct packet *p = s->p;
    if (!(s->mine->marks & WAY_SEEN) || s->mine->marks & WAY_SYN) {
        way_begin(s, p->seq);
        s->mine->next = p->seq; /* the SYN itself is in turn then */
    }
    s->mine->marks |= WAY_SYN;
    s->mine->marks &= (u16)~(WAY_SYN_TWICE | WAY_SYN_WAITS);
    if (p->payload == 0) s->mine->marks |= WAY_SYN_WAITS;
    s->t->base[s->dir] = p->seq;
    s->t->syn_at[s->dir] = p->time;
}

static void syn_seen(struct step *s)
{
    struct tcp *t = s->t;
    if (is_anew(s)) {
        tcp_forget(t, s->pool);
        s->out->events |= TCP_IS_ANEW;
    }
    if (s->mine->marks & WAY_SYN && s->p->seq == t->base[s->dir]) s->mine->marks |= WAY_SYN_TWICE;
    else syn_first(s);
    if (says(s, TCP_ACK)) {
        if (t->client == 0) t->client = (u8)(2 - s->dir);
        return;
    }
    if (t->opener != 0) return;
    t->opener = t->client = (u8)(s->dir + 1);
    s->out->events |= TCP_IS_FIRST_SYN;
    if (!(s->other->marks & WAY_SEEN)) return;
    t->marks |= TCP_ANSWERED; /* the capture has the answer first */
    s->out->events |= TCP_IS_ANSWER;
}

static void answer_seen(struct step *s)
{
    s->t->marks |= TCP_ANSWERED;
    s->out->events |= TCP_IS_ANSWER;
}

/* --- sequence numbers --- */

/* Payload that was not there before: a question by the client, or the first reply to it. */
static inline void payload_new(struct tcp *t, u32 dir, const struct packet *p, struct tcp_seen *out)
{
    if (t->client == dir + 1) {
        t->asked_at = p->time;
        t->marks |= TCP_ASKED;
    } else if (t->marks & TCP_ASKED) {
        t->marks &= (u8)~TCP_ASKED;
        out->response = span(t->asked_at, p->time);
    }
}

/* The segment raises the highest number, from `start` on. */
static void sequence_rise(struct step *s, bool resent)
{
    struct way *w = s->mine;
    bool        heard = s->other->marks & WAY_SEEN;
    if (!(w->marks & WAY_SYN_WAITS && says(s, TCP_SYN)))
        segments_add(s->pool, w, heard,
                     &(struct segment){ .at = s->p->time, .start = s->p->seq, .end = s->end, .resent = resent });
    w->next = s->end;
    if (says(s, TCP_FIN)) w->marks |= WAY_FIN;
    if (s->p->payload > 0) payload_new(s->t, s->dir, s->p, s->out);
}

static bool is_probe(const struct step *s)
{
    return s->p->payload == 1 && !says(s, BARE) && s->other->marks & WAY_SEEN && s->other->window == 0;
}

/* seq is next: nothing missing, nothing twice, but for the byte of a probe that was not taken. */
static inline void sequence_in_turn(struct step *s)
{
    if (s->end == s->mine->next) return;
    if (__builtin_expect(is_probe(s), 0)) {
        s->out->events |= TCP_IS_WINDOW_PROBE;
        s->mine->marks |= WAY_PROBE;
        return;
    }
    bool probed = s->mine->marks & WAY_PROBE;
    s->mine->marks &= (u16)~WAY_PROBE;
    sequence_rise(s, probed);
}

static void sequence_first(struct step *s)
{
    way_begin(s, s->p->seq);
    s->mine->next = s->p->seq;
    sequence_in_turn(s);
}

/* The last byte again, or none before it, which the other end has acknowledged as far as is known. One byte that it
 * has not is a retransmission of a short segment (typing). */
static bool is_keep_alive(const struct step *s)
{
    if (s->p->seq + 1 != s->mine->next || s->p->payload > 1 || says(s, BARE)) return false;
    if (s->mine->marks & WAY_FIN) return false;
    return s->p->payload == 0 || !(s->other->marks & WAY_ACKED) || tcp_ahead(s->other->ack, s->mine->next) >= 0;
}

/* seq..end was sent before: Karn. */
static void sent_again(struct step *s, u32 end)
{
    if (s->mine->marks & WAY_SYN_WAITS && s->p->seq == s->t->base[s->dir]) s->mine->marks |= WAY_SYN_TWICE;
    segments_spoil(s->pool, s->mine, s->p->seq, end);
}

/* Ends at or below the highest number. */
static void sequence_below(struct step *s)
{
    const struct packet *p = s->p;
    struct way          *w = s->mine;
    if (is_keep_alive(s)) {
        s->out->events |= TCP_IS_KEEP_ALIVE;
        w->marks |= WAY_KEEP_ALIVE;
        return;
    }
    if (s->end == p->seq) return; /* an old acknowledgement */
    u32 age = 0;
    if (s->other->marks & WAY_ACKED) holes_prune(s->t, s->dir, s->other->ack);
    bool fills = w->holes > 0 && holes_fill(s->t, s->dir, p->seq, s->end, p->time, &age);
    if (fills && age < (s->t->round ? s->t->round : SOON)) {
        s->out->events |= TCP_IS_OUT_OF_ORDER;
        if (p->payload > 0) payload_new(s->t, s->dir, s->p, s->out);
    } else {
        s->out->events |= TCP_IS_RETRANSMISSION;
        s->out->resent = p->payload;
    }
    sent_again(s, s->end);
    if (fills)
        segments_insert(s->pool, w, s->other->marks & WAY_SEEN,
                        &(struct segment){ .at = p->time, .start = p->seq, .end = s->end });
}

/* Begins below the highest number, ends above it: new, though part of it was there. */
static void sequence_across(struct step *s)
{
    u32 age;
    holes_fill(s->t, s->dir, s->p->seq, s->mine->next, s->p->time, &age);
    sent_again(s, s->mine->next);
    s->mine->marks &= (u16)~WAY_PROBE;
    sequence_rise(s, true);
}

static void sequence_beyond(struct step *s)
{
    if (s->end == s->p->seq) return; /* a bare acknowledgement: what it jumps over may yet come in turn */
    if (s->other->marks & WAY_ACKED) holes_prune(s->t, s->dir, s->other->ack);
    holes_add(s->t, s->dir, s->mine->next, s->p->seq, s->p->time);
    s->mine->marks &= (u16)~WAY_PROBE;
    sequence_rise(s, false);
}

static void sequence_seen(struct step *s)
{
    i32 ahead = tcp_ahead(s->p->seq, s->mine->next);
    if (!(s->mine->marks & WAY_SEEN) || ahead > FAR || ahead < -FAR) sequence_first(s);
    else if (ahead == 0) sequence_in_turn(s);
    else if (ahead > 0) sequence_beyond(s);
    else if (tcp_ahead(s->end, s->mine->next) > 0) sequence_across(s);
    else sequence_below(s);
}

/* --- acknowledgements --- */

static bool is_dup_ack(const struct step *s)
{
    const struct packet *p = s->p;
    if (p->payload > 0 || says(s, BARE) || !(s->mine->marks & WAY_ACKED)) return false;
    if (p->ack != s->mine->ack || p->window == 0 || p->window != s->mine->window) return false;
    return p->seq == s->mine->next && !(s->other->marks & WAY_KEEP_ALIVE);
}

/* Acknowledges something else than the segment before did. */
static inline void acknowledge(struct step *s)
{
    struct way *o = s->other;
    u32         ack = s->p->ack;
    nanos       at = segments_release(s->pool, o, ack);
    if (__builtin_expect(o->marks & WAY_SYN_WAITS, 0)) {
        u32 end = s->t->base[!s->dir] + 1;
        if (tcp_ahead(ack, end) >= 0) o->marks &= (u16)~WAY_SYN_WAITS;
        if (ack == end && !(o->marks & WAY_SYN_TWICE)) at = s->t->syn_at[!s->dir];
    }
    if (at != NANOS_MIN) s->out->rtt = span(at, s->p->time);
    if (__builtin_expect(o->marks & WAY_PROBE, 0) && ack == o->next + 1) { /* the probe's byte was taken */
        o->next = ack;
        o->marks &= (u16)~WAY_PROBE;
    }
}

static inline void ack_seen(struct step *s)
{
    struct way *w = s->mine;
    if (w->marks & WAY_ACKED && w->ack == s->p->ack) {
        if (is_dup_ack(s)) s->out->events |= TCP_IS_DUP_ACK;
        return;
    }
    acknowledge(s);
    w->ack = s->p->ack;
    w->marks |= WAY_ACKED;
}

/* --- completing --- */

static bool syn_acked(const struct tcp *t, u32 dir)
{
    return t->way[!dir].marks & WAY_ACKED && tcp_ahead(t->way[!dir].ack, t->base[dir] + 1) >= 0;
}

/* Both SYNs acknowledged. Where one was not captured: its receiver goes on to acknowledge. */
static bool is_established(const struct step *s)
{
    const struct tcp *t = s->t;
    bool              syn[2] = { t->way[0].marks & WAY_SYN, t->way[1].marks & WAY_SYN };
    if (syn[0] && syn[1]) return syn_acked(t, 0) && syn_acked(t, 1);
    u32 known = syn[1];
    if (!syn[known]) return false;
    bool goes_on = s->dir == known && says(s, TCP_ACK) && !says(s, TCP_SYN);
    if (t->opener == known + 1) return goes_on;
    return syn_acked(t, known) || (goes_on && !(s->other->marks & WAY_SEEN));
}

static void establish(struct step *s)
{
    struct tcp *t = s->t;
    t->marks |= TCP_DONE_SETUP;
    s->out->events |= TCP_IS_ESTABLISHED;
    if (t->opener == 0) return;
    u32 by = t->opener - 1u;
    s->out->setup = span(t->syn_at[by], s->p->time);
    if (t->way[by].marks & WAY_SYN_TWICE) return;
    u64 round = (u64)s->out->setup >> 16;
    t->round = round > UINT32_MAX ? UINT32_MAX : (u32)round;
}

static void close_once(struct step *s)
{
    if (s->t->marks & TCP_DONE) return;
    s->t->marks |= TCP_DONE;
    s->out->events |= TCP_IS_CLOSED;
}

static void reset_seen(struct step *s)
{
    struct tcp *t = s->t;
    u32         first = t->base[!s->dir] + 1;
    bool        answers = !says(s, TCP_ACK) || (u32)(s->p->ack - first) <= UINT16_MAX;
    if (t->opener == 2 - s->dir && answers && !(t->marks & (TCP_DONE_SETUP | TCP_DONE_REFUSED)) &&
        !(s->mine->marks & WAY_SYN)) {
        t->marks |= TCP_DONE_REFUSED;
        s->out->events |= TCP_IS_REFUSED;
    }
    if (says(s, TCP_ACK)) acknowledge(s);
    segments_drop(s->pool, s->mine);
    segments_drop(s->pool, s->other);
    close_once(s);
}

static bool is_closed(const struct step *s)
{
    const struct way *w = s->mine, *o = s->other;
    return w->marks & o->marks & WAY_FIN && w->marks & o->marks & WAY_ACKED && w->ack == o->next && o->ack == w->next;
}

/* --- a segment --- */

static inline void window_seen(struct step *s)
{
    if (s->p->window == 0) s->out->events |= TCP_IS_ZERO_WINDOW;
    s->mine->window = s->p->window;
}

static __attribute__((noinline)) void any_push(struct tcp *t, struct tcp_pool *pool, u32 dir, const struct packet *p,
                                               struct tcp_seen *out)
{
    u32         numbers = (p->tcp_flags & TCP_SYN ? 1u : 0) + (p->tcp_flags & TCP_FIN ? 1u : 0);
    struct step s = { t, pool, p, out, &t->way[dir], &t->way[!dir], dir, p->seq + p->payload + numbers };

    if ((p->tcp_flags & (TCP_SYN | TCP_RST)) == TCP_SYN) syn_seen(&s);
    if (t->opener == 2 - dir && !(t->marks & TCP_ANSWERED)) answer_seen(&s);
    if (p->tcp_flags & TCP_RST) {
        reset_seen(&s);
        return;
    }
    s.mine->marks &= (u16)~WAY_KEEP_ALIVE;
    if (s.mine->marks & WAY_SEEN && p->seq == s.mine->next) sequence_in_turn(&s);
    else sequence_seen(&s);
    if (p->tcp_flags & TCP_ACK) ack_seen(&s);
    window_seen(&s);
    if (p->tcp_flags == TCP_ACK && p->payload == 0) out->events |= TCP_IS_PURE_ACK;
    if (!(t->marks & TCP_DONE_SETUP) && (s.mine->marks | s.other->marks) & WAY_SYN && is_established(&s)) establish(&s);
    if (s.mine->marks & s.other->marks & WAY_FIN && is_closed(&s)) close_once(&s);
}

/* Nothing is on its way to be completed: no handshake, probe, keep-alive or close. */
static inline bool is_settled(const struct tcp *t, u32 dir)
{
    u32 mine = t->way[dir].marks, other = t->way[!dir].marks;
    if ((mine & (WAY_SEEN | WAY_PROBE | WAY_KEEP_ALIVE)) != WAY_SEEN) return false;
    if (other & (WAY_SYN_WAITS | WAY_PROBE | WAY_KEEP_ALIVE) || mine & other & WAY_FIN) return false;
    if (t->opener == 2 - dir && !(t->marks & TCP_ANSWERED)) return false;
    return t->marks & TCP_DONE_SETUP || !((mine | other) & WAY_SYN);
}

/* ACK, perhaps PSH, in turn, within a settled connection: what the long way does of it, and nothing else. */
static inline void plain_push(struct tcp *t, struct tcp_pool *pool, u32 dir, const struct packet *p,
                              struct tcp_seen *out)
{
    struct way *w = &t->way[dir], *o = &t->way[!dir];
    if (p->payload > 0) {
        u32 end = p->seq + p->payload;
        segments_add(pool, w, o->marks & WAY_SEEN,
                     &(struct segment){ .at = p->time, .start = p->seq, .end = end });
        w->next = end;
        payload_new(t, dir, p, out);
    } else if (p->tcp_flags == TCP_ACK) {
        out->events |= TCP_IS_PURE_ACK;
    }
    if (!(w->marks & WAY_ACKED) || w->ack != p->ack) {
        nanos at = segments_release(pool, o, p->ack);
        if (at != NANOS_MIN) out->rtt = span(at, p->time);
        w->ack = p->ack;
        w->marks |= WAY_ACKED;
    } else if (p->payload == 0 && p->window == w->window) {
        out->events |= TCP_IS_DUP_ACK;
    }
    w->window = p->window;
}

void tcp_push(struct tcp *t, struct tcp_pool *pool, u32 dir, const struct packet *p, struct tcp_seen *out)
{
    WEIR_ASSERT(dir <= 1);
    *out = (struct tcp_seen){ .rtt = -1, .setup = -1, .response = -1 };
    if ((p->tcp_flags & ~(u32)TCP_PSH) == TCP_ACK && p->seq == t->way[dir].next && p->window > 0 && p->payload != 1 &&
        is_settled(t, dir))
        plain_push(t, pool, dir, p, out);
    else
        any_push(t, pool, dir, p, out);
}

size_t tcp_size(void)
{
    return sizeof(struct tcp);
}

int tcp_opener(const struct tcp *t)
{
    return (int)t->opener - 1;
}

void tcp_forget(struct tcp *t, struct tcp_pool *pool)
{
    segments_drop(pool, &t->way[0]);
    segments_drop(pool, &t->way[1]);
    memset(t, 0, sizeof *t);
}
