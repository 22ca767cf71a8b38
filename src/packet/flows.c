/* SPDX-License-Identifier: Apache-2.0 */
/* flows.c: the table of 5-tuples, who leaves it and when. See flows.h. */
#include "packet/flows.h"
#include "weir/hash.h"

#define PROTOCOL_ICMP   1
#define PROTOCOL_TCP    6
#define PROTOCOL_ICMP_6 58

void flows_init(struct flows *f, u32 max, bool tcp, u32 segments_max)
{
    *f = (struct flows){ 0 };
    store_init(&f->store, sizeof(struct flow), max);
    if (!tcp) return;
    store_init(&f->tcp, (u32)round_up(tcp_size(), 64), max);
    f->segments = tcp_pool_open(segments_max);
}

void flows_fini(struct flows *f)
{
    if (f->segments) {
        store_fini(&f->tcp);
        tcp_pool_close(f->segments);
    }
    store_fini(&f->store);
}

u64 flows_memory(const struct flows *f)
{
    return store_memory(&f->store) + (f->segments ? store_memory(&f->tcp) + tcp_pool_memory(f->segments) : 0);
}

/* --- keys --- */

/* Both directions have one key: the lesser (address, port) stands first. */
static u32 key_order(const struct packet *p, bool icmp)
{
    int order = memcmp(p->src.b, p->dst.b, sizeof p->src.b);
    if (order == 0 && !icmp && p->ports) order = (p->src_port > p->dst_port) - (p->src_port < p->dst_port);
    return order > 0;
}

u32 flow_key_make(struct flow_key *k, const struct packet *p)
{
    bool icmp = p->protocol == PROTOCOL_ICMP || p->protocol == PROTOCOL_ICMP_6;
    u32  dir = key_order(p, icmp), src = icmp ? 0 : dir;
    *k = (struct flow_key){ .vlan = p->vlan, .protocol = p->protocol };
    k->end[dir] = p->src;
    k->end[dir ^ 1] = p->dst;
    if (p->ports) {
        k->port[src] = p->src_port;
        k->port[src ^ 1] = p->dst_port;
    }
    return dir;
}

u64 flow_key_hash(const struct flow_key *k)
{
    return hash_bytes(k, sizeof *k);
}

static bool key_eq(const struct flow_key *a, const struct flow_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- the unanswered, oldest first --- */

static void embryo_append(struct flows *f, u32 number)
{
    struct flow *it = flows_get(f, number);
    it->embryo = true;
    it->before = f->tail;
    it->after = 0;
    if (f->tail) flows_get(f, f->tail - 1)->after = number + 1;
    else f->head = number + 1;
    f->tail = number + 1;
}

static void embryo_remove(struct flows *f, struct flow *it)
{
    it->embryo = false;
    if (it->before) flows_get(f, it->before - 1)->after = it->after;
    else f->head = it->after;
    if (it->after) flows_get(f, it->after - 1)->before = it->before;
    else f->tail = it->before;
}

/* --- leaving --- */

static void flow_drop(struct flows *f, u32 number)
{
    struct flow *it = flows_get(f, number);
    if (it->embryo) embryo_remove(f, it);
    if (it->tcp) {
        tcp_forget(store_get(&f->tcp, it->tcp - 1), f->segments);
        store_give(&f->tcp, it->tcp - 1);
    }
    store_unindex(&f->store, number);
    store_give(&f->store, number);
}

static bool flow_idle(const struct flow *it, nanos now)
{
    nanos limit = it->key.protocol != PROTOCOL_TCP ? FLOW_IDLE : it->closed ? FLOW_CLOSED_IDLE : FLOW_TCP_IDLE;
    return now > it->last && (u64)now - (u64)it->last > (u64)limit;
}

static u32 clock_turn(struct flows *f)
{
    for (;;) {
        u32 number = f->hand;
        f->hand = f->hand + 1 < f->store.used ? f->hand + 1 : 0;
        struct flow *it = flows_get(f, number);
        if (it->hash == 0) continue;
        if (!it->referenced) return number;
        it->referenced = false;
    }
}

static void flows_evict(struct flows *f)
{
    f->evicted++;
    if (f->head == 0) {
        flow_drop(f, clock_turn(f));
        return;
    }
    u32 then = flows_get(f, f->head - 1)->after; /* in a flood it is the next to go */
    if (then) {
        const struct flow *next = flows_get(f, then - 1);
        __builtin_prefetch(next);
        __builtin_prefetch((const u8 *)next + 64);
    }
    flow_drop(f, f->head - 1);
}

void flows_sweep(struct flows *f, nanos now, i32 sealed, u32 n)
{
    if (n > f->store.used) n = f->store.used;
    for (; n > 0; n--) {
        if (++f->sweep >= f->store.used) f->sweep = 0;
        const struct flow *it = flows_get(f, f->sweep);
        if (it->hash == 0 || it->counted[0] > sealed || it->counted[1] > sealed) continue;
        if (flow_idle(it, now)) flow_drop(f, f->sweep);
    }
}

/* --- finding --- */

static u32 flows_find(const struct flows *f, const struct flow_key *key, u64 hash)
{
    const struct store *s = &f->store;
    u64                 slot;
    if (s->bits == 0) return UINT32_MAX;
    for (u32 i = store_home(s, hash); (slot = s->slot[i]) != 0; i = store_next(s, i)) {
        if (!store_fits(slot, hash)) continue;
        const struct flow *it = flows_get(f, (u32)slot - 1);
        if (it->hash == hash && key_eq(&it->key, key)) return (u32)slot - 1;
    }
    return UINT32_MAX;
}

static bool opens(const struct packet *p)
{
    return p->protocol == PROTOCOL_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static u32 flow_add(struct flows *f, const struct flow_key *key, u64 hash, u32 dir, const struct packet *p)
{
    if (store_full(&f->store)) flows_evict(f);
    u32          number = store_take(&f->store);
    struct flow *it = flows_get(f, number);
    it->hash = hash;
    it->key = *key;
    it->last = p->time;
    it->starter = (u8)dir;
    store_index(&f->store, number);
    if (opens(p)) embryo_append(f, number);
    return number;
}

/* It was silent for so long that this is another flow; only what its minutes know of it stays. */
static void flow_renew(struct flows *f, u32 number, u32 dir, const struct packet *p)
{
    struct flow *it = flows_get(f, number);
    if (it->tcp) tcp_forget(store_get(&f->tcp, it->tcp - 1), f->segments);
    it->last = p->time;
    it->syn_id = 0;
    it->closed = false;
    it->starter = (u8)dir;
    if (opens(p) && !it->embryo) embryo_append(f, number);
}

struct flow *flows_push(struct flows *f, const struct flow_key *key, u64 hash, u32 guess, u32 dir,
                        const struct packet *p)
{
    u32 number = guess;
    if (guess == UINT32_MAX || flows_get(f, guess)->hash != hash || !key_eq(&flows_get(f, guess)->key, key))
        number = flows_find(f, key, hash);
    if (number == UINT32_MAX) number = flow_add(f, key, hash, dir, p);
    else if (flow_idle(flows_get(f, number), p->time)) flow_renew(f, number, dir, p);
    struct flow *it = flows_get(f, number);
    if (p->time > it->last) it->last = p->time;
    it->referenced = true;
    if (it->embryo && dir != it->starter) embryo_remove(f, it);
    return it;
}

struct tcp *flows_tcp(struct flows *f, struct flow *it)
{
    if (f->segments == NULL) return NULL;
    if (it->tcp == 0) it->tcp = store_take(&f->tcp) + 1;
    return store_get(&f->tcp, it->tcp - 1);
}
