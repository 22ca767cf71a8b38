/* SPDX-License-Identifier: Apache-2.0 */
/* frames.h: joined events as records in a text: what the unified2 source gives a worker, which fills columns from it.
 *
 * A record is one event with what belongs to it, or a packet, buffer, extra data or statistics alone. It holds what
 * columns may ask for, not the records themselves: numbers, addresses, names, and where it is asked for the line that
 * `weir u2 --join` prints. It lies where the text says, in this machine's byte order, for it never leaves the process.
 *
 * OFFSET SIZE
 *    0   4  bytes of the record, a multiple of 8
 *    4   4  kind (enum u2_kind)
 *    8   8  event time, ns since 1970
 *   16   8  which numbers it has (bit: enum u2_number)
 *   24  12  which addresses, and zeros
 *   36   .  numbers, 4 bytes each; addresses, 16 each; lengths of texts + 1, 4 each, 0: none
 *    .   .  the texts, without gaps, and zeros to the end
 *
 * Texts are UTF-8 without control characters but tabs and line ends, at most STRING_BYTES_MAX bytes; the line is ASCII
 * and may be longer. */
#pragma once

#include "unified2/json.h"
#include "weir/addr.h"
#include "weir/strings.h"

enum u2_number {
    U2_N_SENSOR, U2_N_EVENT, U2_N_SID, U2_N_GID, U2_N_REVISION, U2_N_CLASS, U2_N_PRIORITY, U2_N_SRC_PORT, U2_N_DST_PORT,
    U2_N_ICMP_TYPE, U2_N_ICMP_CODE, U2_N_PROTOCOL, U2_N_IMPACT_FLAG, U2_N_IMPACT, U2_N_BLOCKED, U2_N_VLAN, U2_N_MPLS,
    U2_N_POLICY, U2_N_POLICY_CONTEXT, U2_N_POLICY_INSPECT, U2_N_POLICY_DETECT, U2_N_STATUS, U2_N_ACTION,
    U2_N_REQUEST_SIZE, U2_N_RESPONSE_SIZE, U2_N_LINK, U2_N_PACKETS, U2_N_BUFFERS, U2_N_EXTRAS, U2_N_PACKET_BYTES,
    U2_NUMBERS,
};

enum u2_address { U2_A_SRC, U2_A_DST, U2_A_CLIENT, U2_ADDRESSES };

enum u2_words {
    U2_T_SIGNATURE, U2_T_CLASS, U2_T_APP, U2_T_METHOD, U2_T_VERSION, U2_T_AGENT, U2_T_REFERER, U2_T_DETAIL, U2_T_URI,
    U2_T_HOST, U2_T_JSON, U2_TEXTS,
};

#define U2_FRAME_MAX (2u << 20) /* bytes of a record: a line that does not fit is left out or its packets go alone */

struct u2_frame {
    enum u2_kind kind;
    nanos        time;
    u64          has;     /* bits of number  */
    u32          has_addr;
    u32          number[U2_NUMBERS];
    addr         address[U2_ADDRESSES];
    slice        text[U2_TEXTS]; /* at NULL: none */
};

struct u2_framing {
    const struct u2_names *names; /* NULL: no signature, no classification          */
    u32                    texts; /* bits of enum u2_words: the others are not made */
};

/* j: an event with what belongs to it, or any other record as j->event, alone (count 0).
 * How many of j's `more` fit into a frame with their line; the others go alone. All, where no line is asked for. */
u32 u2_frames_fit(const struct u2_framing *how, const struct u2_joined *j);

/* Most bytes of the frame; at most U2_FRAME_MAX. */
size_t u2_frames_bound(const struct u2_framing *how, const struct u2_joined *j);

/* Writes the record into room for the bound, gives its size. *cut: the line would be too long, it is left out. */
u32 u2_frames_put(const struct u2_framing *how, const struct u2_joined *j, char *to, bool *cut);

/* The record at the front of `text`: its size and what it says (lent with the text); 0: there is no whole sound record.
 * Any bytes may come. */
u32 u2_frames_next(slice text, struct u2_frame *out);
