/* SPDX-License-Identifier: Apache-2.0 */
/* ethers.h: frames that carry no IP: one line a minute for each pair of stations, VLAN stack, protocol and ARP
 * operation.
 *
 * Formats of P2 leave these files' columns open; weir writes nine, in arp and eth alike, separated by one space:
 *   srcMAC dstMAC vlan etherType operation firstPacketTime lastPacketTime numPkts numBytes
 * as the frames went (nothing is paired), etherType in decimal, operation that of ARP (1 request, 2 reply) and `-` for
 * all else, bytes: of the frames on the wire. */
#pragma once

#include "packet/packet.h"
#include "packet/store.h"

#define ETHERS_MAX      32768u /* a minute */
#define ETHERS_LINE_MAX 256u

struct ether_key {
    u64 src, dst;
    u32 vlan;
    u16 type;
    u16 operation; /* 0: unknown */
};

struct ether {
    u64              hash;
    struct ether_key key;
    nanos            first, last;
    u64              packets, bytes;
};

/* By parity of the minute. */
struct ethers {
    struct store store[2];
};

void ethers_init(struct ethers *);
void ethers_fini(struct ethers *);
u64  ethers_memory(const struct ethers *);

/* False: there is no room; give out and reset, then again. */
bool ethers_push(struct ethers *, u32 parity, const struct packet *p, const struct frame *frame);

static inline u32 ethers_count(const struct ethers *e, u32 parity)
{
    return e->store[parity].used;
}

/* In order of arrival. */
static inline const struct ether *ethers_get(const struct ethers *e, u32 parity, u32 i)
{
    return store_get(&e->store[parity], i);
}

void   ethers_reset(struct ethers *, u32 parity);
size_t ethers_line(char *to, const struct ether *);
