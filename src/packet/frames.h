/* SPDX-License-Identifier: Apache-2.0 */
/* frames.h: captured frames as records in a text: what the capture source gives a worker where each packet is an event.
 *
 * A record is a header and the front of the frame, padded to 8 bytes; it lies where the text says, in this machine's
 * byte order, for it never leaves the process. Of a frame at most `keep` bytes are kept: headers, not payload. What
 * only the one who saw all frames knows goes along: the ports of a later fragment, and whether to look inside tunnels.
 *
 * OFFSET SIZE
 *    0   4  bytes of the record, a multiple of 8
 *    4   4  bytes kept of the frame, behind the header
 *    8   4  length of the frame on the wire
 *   12   4  link type
 *   16   8  time, ns since 1970 UTC
 *   24   2  source port    } known to the capture alone,
 *   26   2  destination port } if flag 1 is set
 *   28   1  flags: 1 ports, 2 look inside tunnels
 *   29   1  tunnels at most
 *   30   2  0
 *   32      the frame */
#pragma once

#include "packet/packet.h"

#define FRAMES_HEAD       32u
#define FRAMES_KEEP_MAX   2048u
#define FRAMES_RECORD_MAX (FRAMES_HEAD + FRAMES_KEEP_MAX)

/* What goes along with a frame. */
struct frame_note {
    bool                  ports; /* src_port, dst_port are remembered from a first fragment */
    u16                   src_port, dst_port;
    struct packet_options how;
};

/* Bytes of the record of a frame of which `captured` bytes are there. */
u32 frames_size(u32 captured, u32 keep);

/* Writes the record, frames_size bytes. keep: at most FRAMES_KEEP_MAX. */
void frames_put(void *to, const struct frame *f, u32 keep, const struct frame_note *note);

/* The record at the front of `text`: its size, the frame (lent with the text) and its note; 0: there is no whole sound
 * record. Any bytes may come. */
u32 frames_next(slice text, struct frame *out, struct frame_note *note);

/* Ports that the note has and a later fragment has not. A first fragment without them is cut short: whoever asks for its
 * ports would look for a header that is not there. */
void frame_note_apply(const struct frame_note *note, struct packet *p);
