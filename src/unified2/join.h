/* SPDX-License-Identifier: Apache-2.0 */
/* join.h: events with the packets and extra data that belong to them: same sensor, event id and second.
 *
 * Nothing in a record says that an event is complete, so events wait: until `events_max` later ones have come, until
 * they have waited `wait` by the caller's clock, until their bytes are needed (`bytes_max`), or until the end. They are
 * given out in the order of their coming. Ids restart with the sensor's process: of two waiting events of one key the
 * later one gets what comes. A packet whose event is gone or never was goes out alone, at once: nothing is dropped. */
#pragma once

#include "unified2/record.h"
#include "weir/metric.h"

#define U2_JOIN_EVENTS 1024u
#define U2_JOIN_BYTES  (64u << 20)

/* Lent during the call. */
struct u2_joined {
    const struct u2_record *event;
    const struct u2_record *more; /* in the order of their coming */
    u32                     count;
    const void             *origin; /* as pushed with the event */
};

struct u2_join_out {
    void (*event)(struct u2_join_out *, const struct u2_joined *);
    void (*alone)(struct u2_join_out *, const struct u2_record *, const void *origin);
};

struct u2_join_setup {
    u32   events_max; /* 0: U2_JOIN_EVENTS; at most 2^20                   */
    u32   bytes_max;  /* of what waits; 0: U2_JOIN_BYTES. One event may be larger: it is given out when it is */
    nanos wait;       /* 0: for ever                                      */
};

struct u2_join_counts {
    u64 events;
    u64 joined;      /* packets, buffers and extra data given out with their event */
    u64 orphans;     /* ... given out alone                                         */
    u64 bare;        /* events without any                                          */
    u64 early;       /* events given out before their time: bytes_max               */
};

struct u2_join;

/* setup: copied. out: borrowed until u2_join_close. */
struct u2_join *u2_join_open(const struct u2_join_setup *setup, struct u2_join_out *out);
void            u2_join_close(struct u2_join *); /* what waits is forgotten: u2_join_end comes first */

/* A whole record of any known kind; its body is copied if it waits. now: never goes back. origin: given back with it */
void u2_join_push(struct u2_join *, const struct u2_record *r, const void *origin, nanos now);

/* Gives out what has waited long enough; _end: all. */
void u2_join_tick(struct u2_join *, nanos now);
void u2_join_end(struct u2_join *);

u32                          u2_join_waiting(const struct u2_join *);
const struct u2_join_counts *u2_join_counts(const struct u2_join *);
extern const struct metric   u2_join_metrics[];
