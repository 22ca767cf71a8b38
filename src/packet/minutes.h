/* SPDX-License-Identifier: Apache-2.0 */
/* minutes.h: frames in, P2's lines out: one record per pair of addresses, protocol and VLAN a minute.
 *
 * Time is that of the frames (and of minutes_clock where packets are awaited live). A minute is given out when time has
 * passed its end by 3 s, the time a SYN has to be answered. A frame older than what was given out is counted as late
 * and is in no record. Memory is bounded: flows, conversations, fragments and segments in flight have limits; past the
 * conversations' limit the oldest with least packets is given out early (a second line follows if it speaks again:
 * sums stay right but for distinct ports, which count in both), past the flows' limit unanswered ones go first, then
 * the longest silent; all counted. Frames without IP have 32,768 lines a minute; past that they are given out early.
 * */
#pragma once

#include "packet/frame.h"
#include "packet/packet.h"
#include "weir/metric.h"
#include "weir/slice.h"

enum p2_file { P2_TCP, P2_UDP, P2_OTHER, P2_ARP, P2_ETH, P2_FILES };

/* "tcp" */
const char *p2_file_name(enum p2_file);

struct minutes_out {
    /* Whole lines of one file of the minute that starts at `start`; borrowed. Minutes in order, files in any. */
    void (*lines)(struct minutes_out *, nanos start, enum p2_file, slice text, u64 lines);
    /* Nothing of this minute or an earlier one will come. Told of each minute from that of the first frame (or clock)
     * on, empty ones too; of a jump over more than a day of empty ones, of the last. */
    void (*sealed)(struct minutes_out *, nanos start);
};

struct minutes_setup {
    u32                   flows_max;         /* 5-tuples: 1,048,576     */
    u32                   conversations_max; /* of both open minutes: 524,288 */
    u32                   segments_max;      /* in flight: 1,048,576    */
    u32                   fragments_max;     /* 65,536                  */
    bool                  arp, eth;          /* write these files, too  */
    bool                  tcp;               /* analyse TCP: retransmissions, round trips ... (false: null) */
    struct packet_options packet;
};

/* What setup's zeros stand for. */
void minutes_defaults(struct minutes_setup *);

/* Read: frames = applied + late + bad. */
struct minutes_counts {
    u64 frames, bytes;
    u64 applied;
    u64 late;
    u64 bad;                  /* no packet: its fault is counted, too                  */
    u64 arp, eth;             /* of those applied                                      */
    u64 fault[PACKET_FAULTS]; /* of bad and of applied frames; [PACKET_SOUND] unused   */
    u64 lines;
    u64 conversations_early; /* given out before their minute's end    */
    u64 flows_evicted;       /* may be counted as a connection again   */
    u64 segments_forgotten;
    u64 fragments_orphaned;
    u64 tunnelled;
};
extern const struct metric minutes_metrics[];

struct minutes;

#define MINUTES_BATCH 64

struct minutes      *minutes_open(const struct minutes_setup *, struct minutes_out *to);
void                 minutes_close(struct minutes *);
/* n <= MINUTES_BATCH frames in order of arrival. Parsed and looked up together, so that memory is waited for once. */
void                 minutes_push(struct minutes *, const struct frame *frame, u32 n);
/* Live: wall clock says `now`; minutes that ended 3 s before are given out though no packet came. */
void                 minutes_clock(struct minutes *, nanos now);
/* The end of input: what is open is given out and sealed. */
void                 minutes_end(struct minutes *);
const struct minutes_counts *minutes_counts(const struct minutes *);
/* Bytes held now, but for the fragments' table, which is of fixed size; bounded by the set-up. */
u64                  minutes_memory(const struct minutes *);
