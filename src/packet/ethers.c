/* SPDX-License-Identifier: Apache-2.0 */
/* ethers.c: counts of frames without IP. See ethers.h. */
#include "packet/ethers.h"
#include "packet/p2line.h"
#include "weir/hash.h"

#define TYPE_ARP 0x0806

void ethers_init(struct ethers *e)
{
    for (u32 i = 0; i < 2; i++) store_init(&e->store[i], sizeof(struct ether), ETHERS_MAX);
}

void ethers_fini(struct ethers *e)
{
    for (u32 i = 0; i < 2; i++) store_fini(&e->store[i]);
}

u64 ethers_memory(const struct ethers *e)
{
    return store_memory(&e->store[0]) + store_memory(&e->store[1]);
}

void ethers_reset(struct ethers *e, u32 parity)
{
    store_reset(&e->store[parity]);
}

/* RFC 826: the operation stands 6 bytes into the packet, which follows the last tag. */
static u16 operation_of(const struct packet *p, const struct frame *f)
{
    u32 at = 14 + 4u * p->vlans;
    if (p->kind != PACKET_ARP || f->link != LINK_ETHERNET || f->captured < at + 8) return 0;
    if ((f->at[at - 2] << 8 | f->at[at - 1]) != TYPE_ARP) return 0;
    return (u16)(f->at[at + 6] << 8 | f->at[at + 7]);
}

static u32 ethers_find(const struct store *s, const struct ether_key *key, u64 hash)
{
    u64 slot;
    if (s->bits == 0) return UINT32_MAX;
    for (u32 i = store_home(s, hash); (slot = s->slot[i]) != 0; i = store_next(s, i)) {
        const struct ether *it = store_get(s, (u32)slot - 1);
        if (it->hash == hash && memcmp(&it->key, key, sizeof *key) == 0) return (u32)slot - 1;
    }
    return UINT32_MAX;
}

bool ethers_push(struct ethers *e, u32 parity, const struct packet *p, const struct frame *frame)
{
    struct store    *s = &e->store[parity];
    struct ether_key key = { p->src_mac, p->dst_mac, p->vlan, p->ether_type, operation_of(p, frame) };
    u64              hash = hash_bytes(&key, sizeof key);
    u32              number = ethers_find(s, &key, hash);
    if (number == UINT32_MAX) {
        if (store_full(s)) return false;
        number = store_take(s);
        *(struct ether *)store_get(s, number) = (struct ether){ hash, key, p->time, p->time, 0, 0 };
        store_index(s, number);
    }
    struct ether *it = store_get(s, number);
    if (p->time < it->first) it->first = p->time;
    if (p->time > it->last) it->last = p->time;
    it->packets++;
    it->bytes += p->frame_length;
    return true;
}

size_t ethers_line(char *to, const struct ether *it)
{
    char *p = p2line_mac(to, it->key.src);
    *p++ = ' ';
    p = p2line_mac(p, it->key.dst);
    *p++ = ' ';
    p = p2line_vlan(p, it->key.vlan);
    *p++ = ' ';
    p = p2line_u64(p, it->key.type);
    *p++ = ' ';
    if (it->key.operation) p = p2line_u64(p, it->key.operation);
    else *p++ = '-';
    *p++ = ' ';
    p = p2line_time(p, it->first);
    *p++ = ' ';
    p = p2line_time(p, it->last);
    *p++ = ' ';
    p = p2line_u64(p, it->packets);
    *p++ = ' ';
    p = p2line_u64(p, it->bytes);
    *p++ = '\n';
    return (size_t)(p - to);
}
