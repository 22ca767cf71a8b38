/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h: a captured frame, as any container or interface gives it. Not what is in it: packet.h. */
#pragma once

#include "weir/types.h"

/* LINKTYPE_* of the tcpdump group's registry, the ones that packet.c explains. */
enum link_type {
    LINK_NULL = 0,        /* BSD loopback: family in the writer's byte order */
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW = 101,       /* an IP header comes first                        */
    LINK_LOOP = 108,      /* OpenBSD loopback: family in network order       */
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_LINUX_SLL2 = 276,
};

struct frame {
    nanos     time;     /* ns since 1970 UTC                                   */
    u32       length;   /* on the wire                                         */
    u32       captured; /* bytes at `at`, at most `length`                     */
    u32       link;     /* enum link_type, or a number that nobody explains    */
    const u8 *at;       /* lent until the next frame is asked for              */
};
