/* SPDX-License-Identifier: Apache-2.0 */
/* p2line.h: a conversation as a line of P2's TCP, UDP or OTHER file (formats of P2, section 4).
 *
 * A minimum, maximum or sampling of nothing is null (`-`), a sum of nothing 0. Sampling: `n:min:avg:max` in seconds
 * with nine digits; bins joined by `,`; vlan: the outermost id. */
#pragma once

#include "packet/conversation.h"

#define P2LINE_MAX 2048u /* 65 columns, the widest of each: 1,600 */

struct p2line_how {
    bool tcp; /* TCP was analysed; false: its columns are null */
};

/* Gives the length, LF included; to has P2LINE_MAX bytes. */
size_t p2line_write(char *to, const struct conversation *it, const struct p2line_how *how);

/* Parts of other lines: give the end. */
char *p2line_u64(char *p, u64 n);
char *p2line_time(char *p, nanos t);
char *p2line_mac(char *p, u64 mac);
char *p2line_vlan(char *p, u32 vlan);
