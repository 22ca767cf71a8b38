/* SPDX-License-Identifier: Apache-2.0 */
/* conversation.c: records of pairs of addresses, in order of arrival and by how much they said. See conversation.h. */
#include "packet/conversation.h"
#include "weir/hash.h"

#include <math.h>

#define SET_WORDS  (65536 / 64)
#define CLASS_LAST 16 /* packets of both ends that make the highest class */

void conversations_init(struct conversations *c, u32 max)
{
    *c = (struct conversations){ 0 };
    store_init(&c->store, (u32)round_up(sizeof(struct conversation), 64), max);
    store_init(&c->sets, 8 + SET_WORDS * 8, max < PORT_SETS_MAX ? max : PORT_SETS_MAX);
}

void conversations_fini(struct conversations *c)
{
    store_fini(&c->store);
    store_fini(&c->sets);
}

u64 conversations_memory(const struct conversations *c)
{
    return store_memory(&c->store) + store_memory(&c->sets);
}

/* --- lists: of arrival, of a class --- */

static void arrived_append(struct conversations *c, u32 number)
{
    struct conversation      *it = conversations_get(c, number);
    struct conversation_list *l = &c->arrived[it->minute & 1];
    it->before = l->tail;
    it->after = 0;
    if (l->tail) conversations_get(c, l->tail - 1)->after = number + 1;
    else l->head = number + 1;
    l->tail = number + 1;
}

static void arrived_remove(struct conversations *c, const struct conversation *it)
{
    struct conversation_list *l = &c->arrived[it->minute & 1];
    if (it->before) conversations_get(c, it->before - 1)->after = it->after;
    else l->head = it->after;
    if (it->after) conversations_get(c, it->after - 1)->before = it->before;
    else l->tail = it->before;
}

static void class_append(struct conversations *c, u32 number, u8 class)
{
    struct conversation      *it = conversations_get(c, number);
    struct conversation_list *l = &c->classes[it->minute & 1][class];
    it->class = class;
    it->up = l->tail;
    it->down = 0;
    if (l->tail) conversations_get(c, l->tail - 1)->down = number + 1;
    else l->head = number + 1;
    l->tail = number + 1;
}

static void class_remove(struct conversations *c, const struct conversation *it)
{
    struct conversation_list *l = &c->classes[it->minute & 1][it->class];
    if (it->up) conversations_get(c, it->up - 1)->down = it->down;
    else l->head = it->down;
    if (it->down) conversations_get(c, it->down - 1)->up = it->up;
    else l->tail = it->up;
}

u32 conversations_least(const struct conversations *c, u32 parity)
{
    for (u32 i = 0; i < CLASSES; i++) {
        u32 head = c->classes[parity][i].head;
        if (head == 0) continue;
        u32 then = conversations_get(c, head - 1)->down; /* in a flood it is the next to go */
        if (then) __builtin_prefetch(conversations_get(c, then - 1));
        return head - 1;
    }
    return UINT32_MAX;
}

/* --- records --- */

u64 conversation_hash(const struct conversation_key *key, i32 minute)
{
    struct { struct conversation_key key; u64 minute; } both = { *key, (u64)minute };
    return hash_bytes(&both, sizeof both);
}

u32 conversations_find(const struct conversations *c, const struct conversation_key *key, u64 hash, i32 minute)
{
    const struct store *s = &c->store;
    u64                 slot;
    if (s->bits == 0) return UINT32_MAX;
    for (u32 i = store_home(s, hash); (slot = s->slot[i]) != 0; i = store_next(s, i)) {
        if (!store_fits(slot, hash)) continue;
        const struct conversation *it = conversations_get(c, (u32)slot - 1);
        if (it->hash == hash && it->minute == minute && memcmp(&it->key, key, sizeof *key) == 0) return (u32)slot - 1;
    }
    return UINT32_MAX;
}

u32 conversations_add(struct conversations *c, const struct conversation_key *key, u64 hash, i32 minute, u32 from,
                      const struct packet *p)
{
    u32                  number = store_take(&c->store);
    struct conversation *it = conversations_get(c, number);
    it->hash = hash;
    it->key = *key;
    it->minute = minute;
    if (++c->id == 0) c->id = 1; /* 0 names no conversation */
    it->id = c->id;
    it->first = p->time;
    it->starter = (u8)from;
    it->mac[from] = p->src_mac;
    it->mac[from ^ 1] = p->dst_mac;
    store_index(&c->store, number);
    arrived_append(c, number);
    class_append(c, number, 0);
    return number;
}

void conversations_drop(struct conversations *c, u32 number)
{
    struct conversation *it = conversations_get(c, number);
    arrived_remove(c, it);
    class_remove(c, it);
    for (u32 e = 0; e < 2; e++)
        if (it->ports[e].set) store_give(&c->sets, it->ports[e].set - 1);
    store_unindex(&c->store, number);
    store_give(&c->store, number);
}

void conversations_fetch_next(const struct conversations *c, u32 number)
{
    const struct conversation *it = conversations_get(c, number);
    if (it->after == 0) return;
    const struct conversation *next = conversations_get(c, it->after - 1);
    __builtin_prefetch(&c->store.slot[store_home(&c->store, next->hash)], 1);
    if (next->after == 0) return;
    const u8 *then = (const u8 *)conversations_get(c, next->after - 1);
    for (u32 i = 0; i < sizeof *it; i += 64) __builtin_prefetch(then + i, 1);
    __asm__ volatile("");
}

/* --- ports --- */

/* Linear counting needs bits as if by chance: neighbours spread evenly (by one multiplication) would count too high. It
 * need not be keyed, since what a stranger can do to it is what any flood does: fill it. */
static u32 port_bit(u16 port)
{
    u32 h = port * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return (h ^ h >> 16) % PORTS_BITS;
}

static void bits_add(struct ports *s, u16 port)
{
    u16 *word = &s->few[port_bit(port) / 16], bit = (u16)(1u << port_bit(port) % 16);
    if (*word & bit) return;
    *word |= bit;
    s->n++;
}

static void set_add(struct conversations *c, struct ports *s, u16 port)
{
    u64 *word = (u64 *)store_get(&c->sets, s->set - 1) + 1 + port / 64, bit = 1ull << port % 64;
    if (*word & bit) return;
    *word |= bit;
    s->n++;
}

/* From a list to a set, or to an estimate where no set is free. */
static void ports_widen(struct conversations *c, struct ports *s)
{
    u16 few[PORTS_FEW];
    memcpy(few, s->few, sizeof few);
    s->n = 0;
    s->estimated = store_full(&c->sets);
    if (s->estimated) memset(s->few, 0, sizeof s->few);
    else s->set = store_take(&c->sets) + 1;
    for (u32 i = 0; i < PORTS_FEW; i++) {
        if (s->estimated) bits_add(s, few[i]);
        else set_add(c, s, few[i]);
    }
}

static void ports_add(struct conversations *c, struct ports *s, u16 port)
{
    s->known = true;
    if (!s->estimated && s->set == 0) {
        for (u32 i = 0; i < s->n; i++)
            if (s->few[i] == port) return;
        if (s->n < PORTS_FEW) {
            s->few[s->n++] = port;
            return;
        }
        ports_widen(c, s);
    }
    if (s->estimated) bits_add(s, port);
    else set_add(c, s, port);
}

void conversations_ports(struct conversations *c, struct conversation *it, const u16 port[2])
{
    ports_add(c, &it->ports[0], port[0]);
    ports_add(c, &it->ports[1], port[1]);
}

u32 ports_count(const struct ports *s)
{
    if (!s->estimated) return s->n;
    f64 clear = s->n < PORTS_BITS ? (f64)(PORTS_BITS - s->n) : 1;
    u32 n = (u32)lround(-(f64)PORTS_BITS * log(clear / PORTS_BITS));
    return n > PORTS_FEW ? n : PORTS_FEW + 1;
}

static void top_add(struct way *w, u16 port)
{
    u32 least = 0;
    for (u32 i = 0; i < w->tops; i++) {
        if (w->top_port[i] == port) {
            w->top_count[i]++;
            return;
        }
        if (w->top_count[i] < w->top_count[least]) least = i;
    }
    if (w->tops < TOPS) {
        least = w->tops;
        w->tops++;
    }
    w->top_port[least] = port;
    w->top_count[least]++; /* what it takes over is its error */
}

i32 way_top_port(const struct way *w)
{
    i32 best = -1;
    u32 count = 0;
    for (u32 i = 0; i < w->tops; i++) {
        if (w->top_count[i] < count || (w->top_count[i] == count && w->top_port[i] > best)) continue;
        best = w->top_port[i];
        count = w->top_count[i];
    }
    return best;
}

/* --- folding --- */

/* Powers of two up to 1024 end the first five. */
static u32 size_bin(u32 bytes)
{
    if (bytes > 1024) return 5 + (bytes > 1518);
    return bytes > 64 ? 26 - (u32)__builtin_clz(bytes - 1) : 0;
}

static inline void way_gap(struct way *w, nanos t)
{
    u64 gap = t > w->last ? (u64)t - (u64)w->last : 0; /* time that went back is no negative gap */
    if (w->packets == 1 || gap < w->gap_min) w->gap_min = gap;
    if (gap > w->gap_max) w->gap_max = gap;
    w->gap_sum += gap;
    if (t > w->last) w->last = t;
}

static void way_fold(struct way *w, const struct packet *p)
{
    if (w->packets > 0) {
        way_gap(w, p->time);
        if (p->ip_bytes < w->size_min) w->size_min = p->ip_bytes;
        if (p->ttl < w->ttl_min) w->ttl_min = p->ttl;
    } else {
        w->last = p->time;
        w->size_min = p->ip_bytes;
        w->ttl_min = p->ttl;
    }
    w->packets++;
    if (p->ip_bytes > w->size_max) w->size_max = p->ip_bytes;
    w->bytes += p->ip_bytes;
    w->payload += p->payload;
    if (p->ttl == 1) w->ttl1++;
    w->sizes[size_bin(p->ip_bytes)]++;
    if (p->fragment) w->fragments++;
    if (p->ports) top_add(w, p->dst_port);
}

static void way_fold_segment(struct way *w, const struct packet *p)
{
    u32 flags = p->tcp_flags;
    w->psh += (flags & TCP_PSH) != 0;
    w->pure_ack += flags == TCP_ACK && p->payload == 0;
    if (!w->segments || p->window < w->window_min) w->window_min = p->window;
    w->segments = 1;
    if (p->payload > w->segment_max) w->segment_max = p->payload;
    if ((flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0) return;
    if (flags & TCP_SYN && flags & TCP_ACK) w->synack++;
    else if (flags & TCP_SYN) w->syn++;
    w->fin += (flags & TCP_FIN) != 0;
    w->rst += (flags & TCP_RST) != 0;
}

/* One packet more. */
static void class_update(struct conversations *c, u32 number)
{
    struct conversation *it = conversations_get(c, number);
    u8                   n = ++it->spoken;
    if (n != 2 && n != 4 && n != CLASS_LAST) return;
    class_remove(c, it);
    class_append(c, number, it->class + 1);
}

bool conversations_fold(struct conversations *c, u32 number, u32 from, const struct packet *p)
{
    struct conversation *it = conversations_get(c, number);
    struct way          *w = &it->way[from];
    /* Time that does not go back within a direction has no part in `first`, and that line is left alone. */
    if ((w->packets == 0 || p->time < w->last) && p->time < it->first) it->first = p->time;
    way_fold(w, p);
    if (w->packets <= CLASS_LAST && it->spoken < CLASS_LAST) class_update(c, number);
    if (!packet_is_segment(p)) return false;
    way_fold_segment(w, p);
    if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN || it->syn_seen) return true;
    it->syn_seen = 1;
    it->syn_from = from & 1;
    return true;
}

void conversation_fold_tcp(struct conversation *it, u32 from, const struct tcp_seen *seen)
{
    struct way *w = &it->way[from];
    u32         e = seen->events;
    if (e & (TCP_IS_RETRANSMISSION | TCP_IS_OUT_OF_ORDER | TCP_IS_DUP_ACK | TCP_IS_ZERO_WINDOW)) {
        w->retransmissions += (e & TCP_IS_RETRANSMISSION) != 0;
        w->out_of_order += (e & TCP_IS_OUT_OF_ORDER) != 0;
        w->dup_ack += (e & TCP_IS_DUP_ACK) != 0;
        w->zero_window += (e & TCP_IS_ZERO_WINDOW) != 0;
        if (e & TCP_IS_RETRANSMISSION) w->retransmitted += seen->resent;
    }
    if (seen->rtt >= 0) sample_add(&it->tcp.rtt[from ^ 1], seen->rtt);
    if (seen->setup >= 0) sample_add(&it->tcp.setup, seen->setup);
    if (seen->response >= 0) sample_add(&it->tcp.response, seen->response);
    if (e & TCP_IS_ESTABLISHED) it->tcp.established++; /* else the line is not touched */
    if (e & TCP_IS_REFUSED) it->tcp.refused++;
}

nanos conversation_last(const struct conversation *it)
{
    const struct way *a = &it->way[0], *b = &it->way[1];
    if (a->packets == 0 || b->packets == 0) return a->packets == 0 ? b->last : a->last;
    return a->last > b->last ? a->last : b->last;
}

u32 conversation_src(const struct conversation *it)
{
    return it->syn_seen ? it->syn_from : it->starter;
}
