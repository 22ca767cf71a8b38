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
    for (u64 i = 0; i < FLOW_SECRETS; i++) f->secret[i] = hash_bytes(&i, sizeof i); /* of the process's key */
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

/* An address as two words, as they stand in memory. */
struct words {
    u64 at[2];
};

static inline struct words words_of(const addr *a)
{
    struct words w;
    static_assert(sizeof w == sizeof *a, "all of it");
    memcpy(&w, a, sizeof w);
    return w;
}

static inline u64 be(u64 word)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(word) : word;
}

/* As memcmp says it of both addresses: > 0, 0, < 0. */
static inline int words_order(struct words a, struct words b)
{
    u32 which = a.at[0] == b.at[0];
    u64 x = be(which ? a.at[1] : a.at[0]), y = be(which ? b.at[1] : b.at[0]);
    return (x > y) - (x < y);
}

/* A product of 128 bits, folded. */
static inline u64 fold(u64 a, u64 b)
{
    u128 product = (u128)a * b;
    return (u64)product ^ (u64)(product >> 64);
}

/* What XXH3 does with keys of few words, of this one length: pairs of words, each masked by a secret, multiplied. The
 * words are in registers: the key's own fields, just written, could not be read back as words without a stall. */
static inline u64 words_hash(const u64 *secret, struct words low, struct words high, u64 ports_vlan, u64 protocol)
{
    u64 h = fold(low.at[0] ^ secret[0], low.at[1] ^ secret[1]) ^ fold(high.at[0] ^ secret[2], high.at[1] ^ secret[3]) ^
            fold(ports_vlan ^ secret[4], protocol ^ secret[5]);
    h = fold(h ^ secret[6], 0x9e3779b97f4a7c15u);
    return h ? h : 1;
}

/* Both directions have one key: the lesser (address, port) stands first. Without branches: which end is the lesser is
 * anyone's guess. */
u32 flow_key_make(const struct flows *f, struct flow_key *k, u64 *hash, const struct packet *p)
{
    bool         icmp = p->protocol == PROTOCOL_ICMP || p->protocol == PROTOCOL_ICMP_6;
    struct words low = words_of(&p->src), high = words_of(&p->dst);
    int          order = words_order(low, high);
    u32          from = p->src_port, to = p->dst_port, own = order == 0 ? FLOW_OWN : 0;
    if (__builtin_expect(!p->ports, 0)) from = to = 0;
    if (__builtin_expect(order == 0 && !icmp, 0)) order = (from > to) - (from < to);
    u32 dir = order > 0;
    u64 turn = 0 - (u64)dir, x0 = (low.at[0] ^ high.at[0]) & turn, x1 = (low.at[1] ^ high.at[1]) & turn;
    u32 port = icmp ? 0 : (from ^ to) & (u32)turn;
    low.at[0] ^= x0, low.at[1] ^= x1;
    high.at[0] ^= x0, high.at[1] ^= x1;
    from ^= port, to ^= port;
    *hash = words_hash(f->secret, low, high, (u64)p->vlan << 32 | to << 16 | from, p->protocol);
    *k = (struct flow_key){ .port = { (u16)from, (u16)to }, .vlan = p->vlan, .protocol = p->protocol };
    memcpy(&k->end[0], &low, sizeof low);
    memcpy(&k->end[1], &high, sizeof high);
    return dir | own;
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
        if (it->hash == hash && flow_key_eq(&it->key, key)) return (u32)slot - 1;
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

struct flow *flows_push_any(struct flows *f, const struct flow_key *key, u64 hash, u32 dir, const struct packet *p)
{
    u32 number = flows_find(f, key, hash);
    if (number == UINT32_MAX) number = flow_add(f, key, hash, dir, p);
    else if (flow_idle(flows_get(f, number), p->time)) flow_renew(f, number, dir, p);
    struct flow *it = flows_get(f, number);
    if (p->time > it->last) it->last = p->time;
    it->referenced = true;
    if (it->embryo && dir != it->starter) embryo_remove(f, it);
    return it;
}

struct tcp *flows_tcp_first(struct flows *f, struct flow *it)
{
    it->tcp = store_take(&f->tcp) + 1;
    return store_get(&f->tcp, it->tcp - 1);
}
