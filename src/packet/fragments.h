/* SPDX-License-Identifier: Apache-2.0 */
/* fragments.h: ports of a datagram's first fragment, remembered for the rest of it.
 *
 * A table of fixed size; the oldest entry of a full bucket gives way. A later fragment that comes before its first one
 * stays without ports (RFC 791 gives no order): counted. */
#pragma once

#include "packet/packet.h"

struct fragments;

struct fragments_counts {
    u64 remembered; /* first fragments                               */
    u64 found;      /* later ones that got their ports               */
    u64 orphans;    /* later ones whose first one was not seen       */
    u64 evicted;    /* first fragments that gave way before they were 30 s old */
};

/* entries: rounded up to a power of two. */
struct fragments *fragments_open(u32 entries);
void              fragments_close(struct fragments *);

/* For each packet with `fragment` set: remembers it (first) or gives it its ports (later). Entries older than 30 s do
 * not count. Key: addresses, protocol, fragment id, vlan. */
void fragments_push(struct fragments *, struct packet *p);

const struct fragments_counts *fragments_counts(const struct fragments *);
