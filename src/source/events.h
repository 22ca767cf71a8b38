/* SPDX-License-Identifier: Apache-2.0 */
/* events.h: frames gathered into texts of records (packet/frames.h), on the capture source's thread.
 *
 * A text ends when it is full, when it spans a second of packet time, and with its file; what of that happens depends
 * on nothing but the frames before it, so a file that is read again after a crash gives the same texts: those that
 * were applied are passed over, and their sums must be as they were. In places.h each file of the stream stands as the
 * minute of its number, with one P2 file. Behind each text comes a watermark: the newest time so far, less `disorder`.
 *
 * A live capture cannot wait for room: a text for which there is none is dropped, its packets are counted as lost. */
#pragma once

#include "packet/fragments.h"
#include "packet/frames.h"
#include "source/hand.h"
#include "source/places.h"

#define EVENTS_FILE P2_TCP /* what a text and a mark call the one file of theirs */

struct events_setup {
    struct hand          *hand;
    const struct places  *past; /* what is applied already, lent and unchanged as long as the thread runs */
    struct packet_options how;
    u32                   keep; /* bytes of a frame, at most FRAMES_KEEP_MAX */
    nanos                 disorder;
    bool                  live;
};

struct events_counts {
    u64 frames, bytes, records;
};

struct events {
    struct events_setup  how;
    struct fragments    *fragments;
    struct text         *text;   /* being filled; NULL: none          */
    nanos                newest; /* of all frames                     */
    nanos                told;   /* the last watermark                */
    u32                  file;   /* number in the stream              */
    u64                  made, sum; /* bytes of the file, up to the text */
    struct events_counts counts;
    u64                  lost;    /* packets that were dropped; the owner takes them from here */
    bool                 silent;  /* what comes is not said any more: the end of a live capture */
    bool                 stopped; /* the loop does not want more                               */
    bool                 astray;  /* not the frames of before: told, nothing more is said      */
};

void events_init(struct events *e, const struct events_setup *how);
void events_fini(struct events *e);

/* frames: borrowed. */
void events_push(struct events *e, const struct frame *frames, u32 count);

/* Live: all frames until `now` were pushed. Ends a text that has waited for a second, and tells the time. */
void events_clock(struct events *e, nanos now);

/* The file has ended: what comes is of the next one. */
void events_file(struct events *e);

/* The end of a live capture. */
void events_end(struct events *e);
