/* SPDX-License-Identifier: Apache-2.0 */
/* summary.h: one line a packet, in the terms of tcpdump -nn -S: `IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 1`.
 *
 * Link, IP, TCP with its options, UDP, ICMP and ICMPv6, ARP and fragments are told; what is inside UDP or TCP is not:
 * `UDP, length 40`. Sequence numbers are as they stand in the packet, for a line knows no other. Text is ASCII. */
#pragma once

#include "packet/packet.h"

#define SUMMARY_MAX 512u /* a longer one is cut */

/* What tcpdump calls a set of TCP flags: "S.", "none". Gives the length; to has 9 bytes. */
u32 summary_flags(char *to, u8 flags);

/* Gives the length; to has SUMMARY_MAX bytes. p: explained from f; not of kind PACKET_BAD. */
u32 summary_write(char *to, const struct packet *p, const struct frame *f);
