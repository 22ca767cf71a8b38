/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h: what the files of the capture source share. Nobody else includes it but its tests.
 *
 *   capture.c       the loop's side: handles, the turn, tables
 *   capture_file.c  the thread of a source that reads files
 *   capture_live.c  the thread of a source that listens
 *   texts.h         minutes' lines become texts        hand.h    the way from the thread to the loop
 *   events.h        format packets: frames become texts
 *   places.h        files and minutes that are applied
 *   absence.h       up to when an interface's packets are */
#pragma once

#include "packet/framing.h"
#include "shim/capture.h"
#include "source/absence.h"
#include "source/events.h"
#include "source/hand.h"
#include "source/places.h"
#include "source/texts.h"

struct capture_options {
    struct option_names file;
    const char         *interface;
    const char         *filter;
    u64                 snap;
    bool                promiscuous;
    u64                 ring;
    u64                 fanout;
    u32                 tunnels; /* 0 outer, 1 inner */
    u64                 depth;
    u64                 flows_max, conversations_max;
    u64                 backlog;
    u64                 keep;
    nanos               disorder;
};

struct tap_counts {
    u64 files, bytes, chunks;
    u64 filtered, damaged;
    u64 dropped_kernel, dropped_interface, lost;
    struct minutes_counts minutes;
};

struct tap {
    struct source_setup           setup;
    const struct capture_options *options;
    struct inlet                 *to;
    bool                          packets; /* the format: each packet is a record, not each conversation's minute */
    u32                           layout[P2_FILES]; /* index, or NO_PLACE */
    struct minutes_setup          how;

    /* The loop's. */
    uv_loop_t        *loop;
    uv_async_t        wake;
    uv_idle_t         turn; /* active: there is something to hear */
    struct places     places;
    struct absence    absence; /* live                                                     */
    nanos             said;    /* live: texts of all packets until then were heard; or NANOS_MIN */
    struct tap_counts shown; /* lent by counts */
    u64               files, chunks, lost;
    u64               dropped_kernel, dropped_interface;
    u64               untold_kernel, untold_interface, untold_lines; /* losses since they were last complained of */
    u64               told_at; /* uv_now, ms; 0: never */
    u32               out;     /* chunks */
    bool              paused, failed, stopping, closing, begun;
    u32               handles;
    char             *fault; /* lent to inlet.fail */
    void (*gone)(void *);
    void *gone_arg;

    /* The thread's, once it runs. */
    bool             started;
    pthread_t        thread;
    struct hand      hand;
    struct places    past; /* for texts */
    struct texts     texts;
    struct minutes  *minutes; /* NULL: format packets */
    struct events    events;
    struct capture  *live; /* NULL: files */

    pthread_mutex_t  lock;
    struct tap_counts counts; /* under lock; told by the thread now and then */
};

#define NO_PLACE UINT32_MAX

/* The thread's body for each kind. */
void *tap_file_main(void *arg);
void *tap_live_main(void *arg);

/* From the thread: the counts as they stand. */
void tap_publish(struct tap *t, const struct tap_counts *own);

/* From the thread: a complaint about file number `input` of the stream, NO_PLACE: about the whole. */
__attribute__((format(printf, 4, 5))) void tap_complain(struct tap *t, u32 input, u64 offset, const char *format, ...);
/* The same of what makes the file unsound. */
__attribute__((format(printf, 4, 5))) void tap_damaged(struct tap *t, u32 input, u64 offset, const char *format, ...);
__attribute__((format(printf, 2, 3))) void tap_fail(struct tap *t, const char *format, ...);

/* From the thread: frames on their way to minutes or events, lent; the end of a file; of all. */
void tap_push(struct tap *t, const struct frame *frames, u32 count);
void tap_clock(struct tap *t, nanos now); /* live: all frames until `now` were pushed */
void tap_file_end(struct tap *t);
void tap_end(struct tap *t);

/* From the thread: what comes will not be taken. */
bool tap_is_astray(const struct tap *t);

/* From the thread, at the end: tells how many frames are in no line, and why. */
void tap_summary(struct tap *t);
