/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_packet.c: any bytes of any link type are told within their bounds, alike each time, and no cut tells more.
 *
 * Input: link type, flags (1: inner, 2: half of it captured, 4: into the fragments' table), depth, then the frame. */
#include "packet/fragments.h"
#include "packet/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void packet_check(const struct packet *p, const struct frame *f, const struct packet_options *how)
{
    WEIR_ASSERT((u32)p->kind <= PACKET_BAD && (u32)p->fault < PACKET_FAULTS);
    WEIR_ASSERT((p->kind == PACKET_BAD) <= (p->fault != PACKET_SOUND));
    WEIR_ASSERT(packet_fault_name(p->fault)[0] != 0 && packet_tunnel_name(p->tunnel)[0] != 0);
    WEIR_ASSERT(p->time == f->time && p->frame_length == f->length);
    WEIR_ASSERT((p->vlans == 0) == (p->vlan == PACKET_NO_VLAN));
    if (p->kind != PACKET_IP) return;
    WEIR_ASSERT(p->version == 4 || p->version == 6);
    WEIR_ASSERT(p->version == 6 || (addr_is_v4(&p->src) && addr_is_v4(&p->dst)));
    WEIR_ASSERT(p->payload <= f->length && p->payload_captured <= p->payload);
    WEIR_ASSERT(p->payload_at >= f->at && p->payload_at + p->payload_captured <= f->at + f->captured);
    WEIR_ASSERT(p->ip_said == 0 || p->ip_said == p->ip_bytes);
    WEIR_ASSERT(how->inner ? p->depth <= (how->depth ? how->depth : 4) : p->depth == 0);
    WEIR_ASSERT(!how->inner || (p->depth > 0) == (p->tunnel != TUNNEL_NONE));
    WEIR_ASSERT(p->fragment || (!p->first && p->fragment_at == 0));
    WEIR_ASSERT(!p->ports || !p->fragment || p->first);
    u32 sum = 0;
    for (u32 i = 0; i < p->payload_captured; i++) sum += p->payload_at[i]; /* all of it can be read */
    WEIR_ASSERT(sum <= 255 * p->payload_captured);
}

/* The table takes each packet with its ports or without, and again. */
static void fragments_check(struct packet p)
{
    struct fragments *f = fragments_open(8);
    bool              known = p.ports;
    fragments_push(f, &p);
    fragments_push(f, &p);
    const struct fragments_counts *c = fragments_counts(f);
    WEIR_ASSERT(c->remembered + c->found + c->orphans <= 2 && p.ports == known);
    fragments_close(f);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const u32 links[] = { LINK_ETHERNET, LINK_NULL, LINK_PPP,       LINK_RAW,        LINK_LOOP, LINK_LINUX_SLL,
                                 LINK_IPV4,     LINK_IPV6, LINK_LINUX_SLL2, LINK_ETHERNET, LINK_ETHERNET, 160 };
    if (size < 3) return 0;
    u32 length = (u32)(size - 3), captured = data[1] & 2 ? length / 2 : length;
    u8 *exact = malloc(captured + !captured);
    WEIR_ASSERT(exact != NULL);
    if (captured > 0) memcpy(exact, data + 3, captured);
    struct packet_options how = { .inner = data[1] & 1, .depth = data[2] & 15 };
    struct frame          f = { 77, length, captured, links[data[0] % WEIR_COUNT(links)], exact };
    struct packet         p, again;
    memset(&p, 0xa5, sizeof p);
    memset(&again, 0x5a, sizeof again);
    packet_parse(&p, &f, &how);
    packet_parse(&again, &f, &how);
    packet_check(&p, &f, &how);
    WEIR_ASSERT(memcmp(&p.kind, &again.kind, sizeof p.kind) == 0 && memcmp(&p, &again, sizeof p) == 0);
    if (data[1] & 4) fragments_check(p);
    free(exact);
    return 0;
}
