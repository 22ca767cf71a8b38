/* SPDX-License-Identifier: Apache-2.0 */
/* addr.h: IP addresses and networks as values, and their text.
 *
 * 16 bytes in network order; IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so the two forms are equal.
 * A net's length counts from the start of the 128 bits: IPv4 /24 is 120. */
#pragma once

#include "weir/slice.h"

typedef struct {
    u8 b[16];
} addr;

typedef struct {
    addr at;
    u8   bits; /* 0..128 of the mapped form; NET_NULL: no net */
} net;

#define NET_NULL   255
#define ADDR_TEXT  46 /* room for any address with its NUL  */
#define NET_TEXT   50 /* the same with "/128"               */

static inline bool addr_is_v4(const addr *a)
{
    static const u8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    return memcmp(a->b, mapped, 12) == 0;
}

/* Dotted IPv4 (four decimal parts, no leading zeros) or any RFC 4291 section 2.2 form; whole slice. No zone ids. */
bool addr_parse(slice text, addr *out);

/* IPv4 dotted; IPv6 as RFC 5952. Gives the length; buf has ADDR_TEXT bytes. */
size_t addr_format(const addr *a, char *buf);

/* "10.0.0.0/8", "2001:db8::/32"; a net of all bits is written as the address alone. buf has NET_TEXT bytes. */
size_t net_format(const net *n, char *buf);

/* CIDR text; a bare address is a net of all bits. `host_bits` tells whether bits behind the prefix were set. */
bool net_parse(slice text, net *out, bool *host_bits);
