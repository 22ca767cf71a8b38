/* SPDX-License-Identifier: Apache-2.0 */
/* p2name.h: what the name of a directory entry says, by the rules of the P2 exporter.
 *
 *   _tcp_@1700000040        a file of conversations of the minute that starts at that Unix second
 *   __@1700000040.finished  the marker: all files of that minute, and of earlier ones, are closed
 *
 * Anything else (temporary files, .swp, names with a number that is no time) is not P2's. */
#pragma once

#include "weir/slice.h"

/* Starts beyond this are not taken for times: start and window together must fit in nanoseconds (year 2262). */
#define P2_START_MAX 9223000000ll

enum p2_kind { P2_OTHER, P2_FILE, P2_MARKER };

struct p2_name {
    enum p2_kind kind;
    i64          start;    /* Unix seconds                                       */
    slice        protocol; /* P2_FILE: "tcp", "udp", "other", "eth" or "arp"; lent for ever */
};

struct p2_name p2name_parse(slice name);
