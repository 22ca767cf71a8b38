/* SPDX-License-Identifier: Apache-2.0 */
/* framing.h: frames out of the bytes of a pcap or pcapng file, told apart by their first bytes.
 *
 * Pure: the caller brings bytes as they come (file, pipe, standard input) and keeps what is not used. pcap: both byte
 * orders, micro- and nanoseconds (libpcap's savefile format). pcapng (draft-ietf-opsawg-pcapng): sections of both byte
 * orders, any if_tsresol and if_tsoffset, several interfaces; blocks that carry no packet are passed over. */
#pragma once

#include "packet/frame.h"
#include "weir/err.h"
#include "weir/slice.h"

#define FRAMING_RECORD_MAX (16u << 20) /* a longer record is damage, not a packet; what callers' buffers must hold */

enum framing_result {
    FRAMING_FRAME, /* *out is filled; lent with `text`                                                */
    FRAMING_MORE,  /* no whole record in what is left of `text`: bring more bytes behind it           */
    FRAMING_BAD,   /* the rest cannot be read: framing_fault says what and where                      */
};

struct framing_counts {
    u64 frames;
    u64 passed;    /* blocks without a packet                                                         */
    u64 damaged;   /* pcapng's packets passed over: lengths that contradict each other, an interface
                      that was not described, a time before 1970 or past 2262                         */
};

struct framing;

struct framing *framing_open(void);
void            framing_close(struct framing *);

/* Takes records from the front of `text`, which begins where the last call stopped using. *used: bytes done with,
 * whatever the result; a frame's bytes are in them. */
enum framing_result framing_next(struct framing *, slice text, size_t *used, struct frame *out);

/* The same for up to n frames: gives how many. *result: FRAMING_FRAME while there is nothing else to say. */
u32 framing_some(struct framing *, slice text, size_t *used, struct frame *out, u32 n, enum framing_result *result);

/* The end of input with `rest` bytes left: OK, or ERR_DATA ("the last record is cut short"), at: file offset. */
err framing_end(struct framing *, size_t rest);

err                          framing_fault(const struct framing *); /* at: file offset */
const struct framing_counts *framing_counts(const struct framing *);
