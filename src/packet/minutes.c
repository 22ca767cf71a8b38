/* SPDX-License-Identifier: Apache-2.0 */
/* minutes.c: frames are parsed, looked up and folded in batches; minutes are given out as time passes. See minutes.h.
 *
 * Time is the latest that any packet told. Minute m is given out once it is 3 s past its end, so at most two are open,
 * and what belongs to minute m stands at m & 1. Lines leave in order of minutes without exception: while two are open
 * only the older one's conversations are given out early, and where that is not enough it is given out as a whole.
 *
 * A batch asks for all its slots, then for all its flows, then for all their conversations, and folds last, in order:
 * what was found before is a guess by then, since packets of the batch may have added and evicted. */
#include "packet/minutes.h"

#include "packet/conversation.h"
#include "packet/dns.h"
#include "packet/ethers.h"
#include "packet/flows.h"
#include "packet/fragments.h"
#include "packet/p2line.h"

#include <stdlib.h>

#define MINUTE        (60 * NANOS_SECOND)
#define GRACE         (3 * NANOS_SECOND)
#define MINUTES_BIAS  (1 << 29)  /* minutes are numbered from far before any time, so that 0 is none */
#define SEALS_MAX     1440       /* empty minutes of a jump that are sealed one by one: a day */
#define BLOCK_BYTES   (256u << 10)
#define SWEEP_FRAMES  64u        /* so often */
#define SWEEP_ENTRIES 16u        /* so many flows are looked at whether they are silent */

#define REST_AHEAD     16u /* frames between asking for memory and using it */
#define LAST_AHEAD     8u

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

struct block {
    char  *at; /* NULL: never used */
    size_t used;
    u64    lines;
};

/* What is known of each frame of a batch before it is folded. */
struct batch_item {
    struct packet   p;
    struct flow_key key;
    u64             hash;
    u64             talk_hash; /* of the conversation; 0: the flow knew it */
    u32             dir;
    bool            own;       /* from an address to itself                */
    u32             guess;     /* of the flow; UINT32_MAX: none            */
    i32             minute;
};

struct minutes {
    struct minutes_setup  setup;
    struct minutes_out   *to;
    struct minutes_counts counts;
    bool                  begun;
    nanos                 now;
    i32                   first;  /* minute of the first frame: those before are not sealed */
    i32                   sealed; /* given out up to here */
    nanos                 due;    /* nothing is to be sealed before this time */
    nanos                 start;  /* of the minute of the last frame, `minute` */
    i32                   minute;
    i32                   early[2]; /* by parity, the last one that gave out a conversation before its end */
    struct flows          flows;
    struct conversations  talk;
    struct ethers         ethers;
    struct fragments     *fragments;
    struct dns           *dns;
    struct block          block[P2_FILES];
    struct batch_item     item[MINUTES_BATCH];
};

const char *p2_file_name(enum p2_file file)
{
    static const char names[P2_FILES][6] = { "tcp", "udp", "other", "arp", "eth" };
    WEIR_ASSERT((u32)file < P2_FILES);
    return names[file];
}

void minutes_defaults(struct minutes_setup *s)
{
    if (s->flows_max == 0) s->flows_max = 1u << 20;
    if (s->conversations_max == 0) s->conversations_max = 1u << 19;
    if (s->segments_max == 0) s->segments_max = 1u << 20;
    if (s->fragments_max == 0) s->fragments_max = 1u << 16;
}

struct minutes *minutes_open(const struct minutes_setup *setup, struct minutes_out *to)
{
    struct minutes *m = calloc(1, sizeof *m);
    WEIR_ASSERT(m != NULL);
    m->setup = *setup;
    m->to = to;
    m->due = NANOS_MIN;
    m->minute = MINUTES_BIAS;
    minutes_defaults(&m->setup);
    flows_init(&m->flows, m->setup.flows_max, m->setup.tcp, m->setup.segments_max);
    conversations_init(&m->talk, m->setup.conversations_max);
    ethers_init(&m->ethers);
    m->fragments = fragments_open(m->setup.fragments_max);
    m->dns = dns_open(DNS_OPEN_MAX);
    return m;
}

void minutes_close(struct minutes *m)
{
    if (m == NULL) return;
    for (u32 i = 0; i < P2_FILES; i++) free(m->block[i].at);
    dns_close(m->dns);
    fragments_close(m->fragments);
    ethers_fini(&m->ethers);
    conversations_fini(&m->talk);
    flows_fini(&m->flows);
    free(m);
}

/* --- minutes by number --- */

/* The two minutes at the very beginning of time are one, so that every start is in range. */
static i32 minute_of(nanos t)
{
    if (t < NANOS_MIN + MINUTE) t = NANOS_MIN + MINUTE;
    nanos whole = t / MINUTE;
    return (i32)(whole - (t % MINUTE < 0)) + MINUTES_BIAS;
}

static nanos minute_start(i32 minute)
{
    return (nanos)(minute - MINUTES_BIAS) * MINUTE;
}

/* The same of a time that is mostly in the minute of the one before. */
static inline i32 minute_next(struct minutes *m, nanos t)
{
    if ((u64)t - (u64)m->start < (u64)MINUTE) return m->minute;
    m->minute = minute_of(t);
    m->start = minute_start(m->minute);
    return m->minute;
}

/* The last minute that is over, grace included, at t. */
static i32 minute_over(nanos t)
{
    return minute_of(t < NANOS_MIN + GRACE ? NANOS_MIN : t - GRACE) - 1;
}

/* When the minute after `sealed` is over, grace included. */
static nanos minute_due(i32 sealed)
{
    nanos due;
    bool  never = __builtin_add_overflow(minute_start(sealed + 1), MINUTE + GRACE, &due);
    return never ? NANOS_MAX : due;
}

/* --- text --- */

static void block_flush(struct minutes *m, enum p2_file file, i32 minute)
{
    struct block *b = &m->block[file];
    if (b->lines == 0) return;
    m->to->lines(m->to, minute_start(minute), file, slice_of(b->at, b->used), b->lines);
    m->counts.lines += b->lines;
    b->used = 0;
    b->lines = 0;
}

/* Room for one more line. */
static char *block_room(struct minutes *m, enum p2_file file, i32 minute, size_t line_max)
{
    struct block *b = &m->block[file];
    if (b->at == NULL) b->at = malloc(BLOCK_BYTES);
    WEIR_ASSERT(b->at != NULL);
    if (b->used + line_max > BLOCK_BYTES) block_flush(m, file, minute);
    return b->at + b->used;
}

static void block_wrote(struct minutes *m, enum p2_file file, size_t bytes)
{
    m->block[file].used += bytes;
    m->block[file].lines++;
}

static enum p2_file file_of(u8 protocol)
{
    return protocol == PROTOCOL_TCP ? P2_TCP : protocol == PROTOCOL_UDP ? P2_UDP : P2_OTHER;
}

/* --- giving out --- */

static void conversation_out(struct minutes *m, u32 number)
{
    const struct conversation *it = conversations_get(&m->talk, number);
    enum p2_file               file = file_of(it->key.protocol);
    char                      *to = block_room(m, file, it->minute, P2LINE_MAX);
    block_wrote(m, file, p2line_write(to, it, &(struct p2line_how){ .tcp = m->setup.tcp }));
    conversations_drop(&m->talk, number);
}

static void ethers_out(struct minutes *m, i32 minute)
{
    u32 n = ethers_count(&m->ethers, minute & 1);
    for (u32 i = 0; i < n; i++) {
        const struct ether *it = ethers_get(&m->ethers, minute & 1, i);
        enum p2_file        file = it->key.type == 0x0806 ? P2_ARP : P2_ETH;
        block_wrote(m, file, ethers_line(block_room(m, file, minute, ETHERS_LINE_MAX), it));
    }
    if (n > 0) ethers_reset(&m->ethers, minute & 1);
}

/* The next minute after those that were. */
static void minute_seal(struct minutes *m)
{
    i32  minute = m->sealed + 1;
    u32  head;
    while ((head = m->talk.arrived[minute & 1].head) != 0) {
        WEIR_ASSERT(conversations_get(&m->talk, head - 1)->minute == minute);
        conversations_fetch_next(&m->talk, head - 1);
        conversation_out(m, head - 1);
    }
    ethers_out(m, minute);
    for (u32 i = 0; i < P2_FILES; i++) block_flush(m, (enum p2_file)i, minute);
    m->sealed = minute;
    if (minute >= m->first) m->to->sealed(m->to, minute_start(minute));
}

static bool minutes_empty(const struct minutes *m)
{
    return m->talk.store.live == 0 && ethers_count(&m->ethers, 0) == 0 && ethers_count(&m->ethers, 1) == 0;
}

/* Early lines may wait in the blocks of a minute whose conversations are gone: two are sealed before any is passed
 * over. */
static void minutes_seal(struct minutes *m, i32 through)
{
    for (u32 n = 0; m->sealed < through; n++) {
        if (n >= 2 && minutes_empty(m) && through - m->sealed > SEALS_MAX) m->sealed = through - 1;
        minute_seal(m);
    }
}

static void time_advance(struct minutes *m, nanos now)
{
    if (__builtin_expect(!m->begun, 0)) {
        m->begun = true;
        m->first = minute_of(now);
        m->sealed = minute_over(now);
    } else if (now <= m->now) {
        return;
    }
    m->now = now;
    if (now < m->due) return;
    minutes_seal(m, minute_over(now));
    m->due = minute_due(m->sealed);
}

/* Seals what is before `minute`, which is open: its lines come next. */
static void minutes_reach(struct minutes *m, i32 minute)
{
    if (minute > m->sealed + 1) minutes_seal(m, minute - 1);
}

/* --- conversations --- */

static void conversation_early(struct minutes *m, u32 number)
{
    i32 minute = conversations_get(&m->talk, number)->minute;
    minutes_reach(m, minute);
    conversation_out(m, number);
    m->early[minute & 1] = minute;
    m->counts.conversations_early++;
}

/* Room for one conversation more of `minute`. False: only by giving out this very minute, whose next one has it all. */
static bool conversations_room(struct minutes *m, i32 minute)
{
    i32 now = minute_of(m->now);
    if (!store_full(&m->talk.store)) return true;
    u32 number = conversations_least(&m->talk, (now - 1) & 1);
    if (number == UINT32_MAX) number = conversations_least(&m->talk, now & 1);
    conversation_early(m, number);
    return minute > m->sealed;
}

/* The flow's key has the lesser address first, too. */
static inline struct conversation_key conversation_key_of(const struct flow_key *k)
{
    return (struct conversation_key){ { k->end[0], k->end[1] }, .vlan = k->vlan, .protocol = k->protocol };
}

/* UINT32_MAX: the packet's minute had to be given out. */
static u32 conversation_find_add(struct minutes *m, const struct batch_item *i, u32 from)
{
    struct conversation_key key = conversation_key_of(&i->key);
    u64                     hash = i->talk_hash ? i->talk_hash : conversation_hash(&key, i->minute);
    u32                     number = conversations_find(&m->talk, &key, hash, i->minute);
    if (number != UINT32_MAX) return number;
    if (!conversations_room(m, i->minute)) return UINT32_MAX;
    return conversations_add(&m->talk, &key, hash, i->minute, from, &i->p);
}

/* A 5-tuple counts once a minute, also where its conversation was given out early and has a second line. */
static void connection_count(struct minutes *m, struct flow *f, const struct batch_item *i, u32 number, u32 from)
{
    struct conversation *it = conversations_get(&m->talk, number);
    if (f->counted[i->minute & 1] == i->minute) return;
    f->counted[i->minute & 1] = i->minute;
    it->connections++;
    if (!i->p.ports || file_of(i->p.protocol) == P2_OTHER) return;
    u16 port[2];
    port[from] = i->p.src_port;
    port[from ^ 1] = i->p.dst_port;
    conversations_ports(&m->talk, it, port);
}

static u32 conversation_of(struct minutes *m, struct flow *f, const struct batch_item *i, u32 from)
{
    u32 k = i->minute & 1, number = f->conversation[k];
    /* While all of its minute are there, the number is enough; else another may stand at it, of another id. */
    if (f->minute[k] == i->minute &&
        (m->early[k] != i->minute || conversations_get(&m->talk, number)->id == f->conversation_id[k]))
        return number;
    number = conversation_find_add(m, i, from);
    if (number == UINT32_MAX) return number;
    f->minute[k] = i->minute;
    f->conversation[k] = number;
    f->conversation_id[k] = conversations_get(&m->talk, number)->id;
    connection_count(m, f, i, number, from);
    return number;
}

/* --- TCP and DNS --- */

/* The SYN's minute may be given out by now: then it stays unanswered there. */
static void syn_answered(struct minutes *m, struct flow *f)
{
    struct conversation *it = conversations_get(&m->talk, f->syn_conversation);
    if (it->id == f->syn_id) it->tcp.unanswered--;
    f->syn_id = 0;
}

static void segment_apply(struct minutes *m, struct flow *f, const struct batch_item *i, u32 number, u32 from)
{
    struct conversation *it = conversations_get(&m->talk, number);
    struct tcp_seen      seen;
    tcp_push(flows_tcp(&m->flows, f), m->flows.segments, i->dir, &i->p, &seen);
    conversation_fold_tcp(it, from, &seen);
    if ((seen.events & ~(u32)TCP_IS_PURE_ACK) == 0) return;
    if (seen.events & TCP_IS_ANEW) f->syn_id = 0, f->closed = false;
    if (seen.events & (TCP_IS_ANSWER | TCP_IS_REFUSED) && f->syn_id != 0) syn_answered(m, f);
    if (seen.events & TCP_IS_FIRST_SYN && f->syn_id == 0) {
        f->syn_conversation = number;
        f->syn_id = it->id;
        it->tcp.unanswered++;
    }
    if (seen.events & TCP_IS_CLOSED) f->closed = true;
}

static void datagram_apply(struct minutes *m, const struct batch_item *i, u32 number)
{
    struct conversation *it = conversations_get(&m->talk, number);
    nanos                waited;
    enum dns_kind        kind = dns_push(m->dns, i->hash, &i->p, &waited);
    if (kind == DNS_NONE) return;
    if (kind == DNS_QUERY) it->dns.queries++;
    else it->dns.responses++;
    if (kind == DNS_ERROR) it->dns.errors++;
    if (waited >= 0) sample_add(&it->dns.time, waited);
}

/* --- one frame --- */

/* False: it came too late. */
static bool ip_apply(struct minutes *m, const struct batch_item *i)
{
    struct flow *f = flows_push(&m->flows, &i->key, i->hash, i->guess, i->dir, &i->p);
    u32          from = i->own ? i->dir ^ f->starter : i->dir;
    u32          number = conversation_of(m, f, i, from);
    if (number == UINT32_MAX) return false;
    bool segment = conversations_fold(&m->talk, number, from, &i->p);
    if (segment && m->setup.tcp) segment_apply(m, f, i, number, from);
    else if (i->p.protocol == PROTOCOL_UDP) datagram_apply(m, i, number);
    if (conversations_get(&m->talk, number)->way[from].packets == UINT32_MAX) conversation_early(m, number);
    return true;
}

static void ether_apply(struct minutes *m, const struct batch_item *i, const struct frame *frame)
{
    bool arp = i->p.kind == PACKET_ARP;
    if (arp) m->counts.arp++;
    else m->counts.eth++;
    if (!(arp ? m->setup.arp : m->setup.eth) || ethers_push(&m->ethers, i->minute & 1, &i->p, frame)) return;
    minutes_reach(m, i->minute);
    ethers_out(m, i->minute);
    ethers_push(&m->ethers, i->minute & 1, &i->p, frame);
}

static void frame_apply(struct minutes *m, const struct batch_item *i, const struct frame *frame)
{
    m->counts.frames++;
    m->counts.bytes += i->p.frame_length;
    if (m->counts.frames % SWEEP_FRAMES == 0) flows_sweep(&m->flows, m->now, m->sealed, SWEEP_ENTRIES);
    if (i->p.kind == PACKET_BAD) {
        m->counts.bad++;
        m->counts.fault[i->p.fault]++;
        return;
    }
    time_advance(m, i->p.time);
    if (i->minute > m->sealed && i->minute < m->first) m->first = i->minute;
    if (i->minute <= m->sealed || (i->p.kind == PACKET_IP && !ip_apply(m, i))) {
        m->counts.late++;
        return;
    }
    m->counts.applied++;
    m->counts.tunnelled += i->p.tunnel != TUNNEL_NONE;
    if (i->p.fault != PACKET_SOUND) m->counts.fault[i->p.fault]++;
    if (i->p.kind != PACKET_IP) ether_apply(m, i, frame);
}

/* --- a batch --- */

/* Functions that only prefetch must be inlined: a compiler that finds that they change nothing drops their calls. */
#define FETCHES static inline __attribute__((always_inline)) void

FETCHES fetch_lines(const void *at, u32 bytes)
{
    for (u32 i = 0; i < bytes; i += 64) __builtin_prefetch((const u8 *)at + i, 1);
}

FETCHES fetch_slot(const struct store *s, u64 hash)
{
    if (s->bits) __builtin_prefetch(&s->slot[store_home(s, hash)]);
}

static inline void item_parse(struct minutes *m, struct batch_item *i, const struct frame *frame)
{
    packet_parse(&i->p, frame, &m->setup.packet);
    i->guess = UINT32_MAX;
    i->talk_hash = 0;
    i->minute = minute_next(m, i->p.time);
    if (i->p.kind != PACKET_IP) return;
    if (i->p.fragment) fragments_push(m->fragments, &i->p);
    u32 dir = flow_key_make(&m->flows, &i->key, &i->hash, &i->p);
    i->dir = dir & 1;
    i->own = dir & FLOW_OWN;
    fetch_slot(&m->flows.store, i->hash);
}

static inline void item_fetch_flow(struct minutes *m, struct batch_item *i)
{
    if (i->p.kind != PACKET_IP) return;
    i->guess = store_guess(&m->flows.store, i->hash);
    if (i->guess != UINT32_MAX) fetch_lines(flows_get(&m->flows, i->guess), sizeof(struct flow));
}

/* What a packet writes: the conversation's first line, its direction. */
FETCHES fetch_conversation(const struct minutes *m, u32 number, u32 dir)
{
    const struct conversation *it = conversations_get(&m->talk, number);
    fetch_lines(it, 64);
    fetch_lines(&it->way[dir], offsetof(struct way, ttl1));
}

/* The conversation and the connection that the flow knows; where it knows none, the slot to find it by. */
static inline void item_fetch_rest(struct minutes *m, struct batch_item *i)
{
    if (i->p.kind != PACKET_IP) return;
    const struct flow *f = i->guess != UINT32_MAX ? flows_get(&m->flows, i->guess) : NULL;
    u32                k = i->minute & 1;
    if (f != NULL && f->minute[k] == i->minute) {
        fetch_conversation(m, f->conversation[k], i->dir);
        if (f->tcp) fetch_lines(&conversations_get(&m->talk, f->conversation[k])->tcp.rtt, sizeof(struct sample) * 2);
    } else {
        struct conversation_key key = conversation_key_of(&i->key);
        i->talk_hash = conversation_hash(&key, i->minute);
        fetch_slot(&m->talk.store, i->talk_hash);
    }
    if (f != NULL && f->tcp) fetch_lines(store_get(&m->flows.tcp, f->tcp - 1), 64);
}

/* The connection's line, or the conversation's slot, has come by now. */
FETCHES item_fetch_last(struct minutes *m, struct batch_item *i)
{
    if (i->talk_hash) {
        u32 number = store_guess(&m->talk.store, i->talk_hash);
        if (number != UINT32_MAX) {
            fetch_conversation(m, number, i->dir);
            fetch_lines(&conversations_get(&m->talk, number)->ports, sizeof(struct ports) * 2);
        }
    }
    if (!m->setup.tcp || i->guess == UINT32_MAX || i->p.protocol != PROTOCOL_TCP) return;
    const struct flow *f = flows_get(&m->flows, i->guess);
    if (f->tcp) tcp_fetch(store_get(&m->flows.tcp, f->tcp - 1), m->flows.segments, i->dir);
}

static void counts_gather(struct minutes *m)
{
    m->counts.flows_evicted = m->flows.evicted;
    m->counts.segments_forgotten = m->flows.segments ? tcp_pool_counts(m->flows.segments)->forgotten : 0;
    m->counts.fragments_orphaned = fragments_counts(m->fragments)->orphans;
}

void minutes_push(struct minutes *m, const struct frame *frame, u32 n)
{
    WEIR_ASSERT(n <= MINUTES_BATCH);
    for (u32 i = 0; i < n; i++) item_parse(m, &m->item[i], &frame[i]);
    for (u32 i = 0; i < n; i++) item_fetch_flow(m, &m->item[i]);
    for (u32 i = 0; i < n + REST_AHEAD; i++) { /* spread over the folding: so many requests at once would queue */
        if (i < n) item_fetch_rest(m, &m->item[i]);
        if (i >= REST_AHEAD - LAST_AHEAD && i < n + REST_AHEAD - LAST_AHEAD)
            item_fetch_last(m, &m->item[i - (REST_AHEAD - LAST_AHEAD)]);
        if (i >= REST_AHEAD) frame_apply(m, &m->item[i - REST_AHEAD], &frame[i - REST_AHEAD]);
    }
    counts_gather(m);
}

void minutes_clock(struct minutes *m, nanos now)
{
    time_advance(m, now);
}

void minutes_end(struct minutes *m)
{
    if (m->begun) minutes_seal(m, minute_of(m->now));
}

const struct minutes_counts *minutes_counts(const struct minutes *m)
{
    return &m->counts;
}

u64 minutes_memory(const struct minutes *m)
{
    u64 bytes = sizeof *m + flows_memory(&m->flows) + conversations_memory(&m->talk) + ethers_memory(&m->ethers) +
                dns_memory(m->dns);
    for (u32 i = 0; i < P2_FILES; i++) bytes += m->block[i].at ? BLOCK_BYTES : 0;
    return bytes;
}

#define COUNT(member) offsetof(struct minutes_counts, member)
#define FAULT(which) (COUNT(fault) + PACKET_##which * sizeof(u64))

const struct metric minutes_metrics[] = {
    { "frames", "frames", "read", COUNT(frames) },
    { "bytes", "bytes", "of frames on the wire", COUNT(bytes) },
    { "applied", "frames", "in a record, or counted as ARP or Ethernet", COUNT(applied) },
    { "late", "frames", "of a minute that was given out before", COUNT(late) },
    { "bad", "frames", "no packet: see the faults", COUNT(bad) },
    { "arp", "frames", "ARP", COUNT(arp) },
    { "eth", "frames", "another Ethernet protocol", COUNT(eth) },
    { "link_unknown", "frames", "link type that nobody explains", FAULT(LINK_UNKNOWN) },
    { "link_short", "frames", "captured bytes end in the link header", FAULT(LINK_SHORT) },
    { "ip_short", "frames", "captured bytes end in the IP header", FAULT(IP_SHORT) },
    { "ip_version", "frames", "neither IPv4 nor IPv6", FAULT(IP_VERSION) },
    { "ip_header_length", "frames", "IP header length below 20", FAULT(IP_HEADER_LENGTH) },
    { "ip_total_length", "frames", "IP total length below the header's", FAULT(IP_TOTAL_LENGTH) },
    { "extension_short", "frames", "captured bytes end in IPv6 extensions", FAULT(EXTENSION_SHORT) },
    { "transport_short", "frames", "captured bytes end in the transport header: counted, ports null",
      FAULT(TRANSPORT_SHORT) },
    { "tcp_header_length", "frames", "TCP header length is wrong: counted, not analysed", FAULT(TCP_HEADER_LENGTH) },
    { "tunnel_bad", "frames", "tunnel that cannot be followed: the outer packet is counted", FAULT(TUNNEL_BAD) },
    { "lines", "lines", "given out", COUNT(lines) },
    { "conversations_early", "lines", "given out before their minute's end: no room", COUNT(conversations_early) },
    { "flows_evicted", "flows", "forgotten for lack of room: may count as a connection again", COUNT(flows_evicted) },
    { "segments_forgotten", "segments", "whose round trip was not measured: no room", COUNT(segments_forgotten) },
    { "fragments_orphaned", "frames", "later fragments whose first one was not seen", COUNT(fragments_orphaned) },
    { "tunnelled", "frames", "went through a tunnel", COUNT(tunnelled) },
    { NULL, NULL, NULL, 0 },
};
