/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_parts.h: the partitions that the source `kafka` knows, and how far each has come. Knows nothing of librdkafka.
 *
 * A partition's offsets run through these marks, each at or behind the one before it:
 *
 *    committed   told to the group          applied   in the state
 *    saved       durable for certain        offered   given to the engine
 *    cut         in the last epoch's cut    next      expected from the broker: all below was taken or passed over
 *
 * What is known of a partition is kept as long as the source lives; there are at most PARTITIONS_MAX. */
#pragma once

#include "weir/source.h"

#define KAFKA_NO_OFFSET (-1)

struct haul; /* messages on their way: kafka.h */

struct part {
    char *name;  /* topic/partition: the position's key */
    char *topic;
    i32   partition;
    u32   number; /* the engine's */
    i64   committed, saved, cut, applied, offered, next; /* KAFKA_NO_OFFSET: none yet */
    i64   due;    /* behind the last message that had an effect: not told to the group before `saved` is there */
    i64   end;    /* --once: read up to here                     */
    bool  ours;   /* assigned to us                              */
    bool  open;   /* as the engine was told                      */
    bool  ended;  /* --once: there is nothing more               */
    u32   out;    /* hauls at the engine                         */
    u32   held;   /* hauls that were not offered yet             */
    struct haul *filling; /* the youngest of these, may still grow  */
    bool  begun;  /* in this run                             */
    bool  moved;  /* as saved, it was under another group    */
    bool  unsaid; /* what stands beside the offset is not saved yet */
    u64   over;   /* the state whose place ours took; 0: none */
    i64   passed; /* what the group held when that was decided against */
    char *value;  /* lent by cut                             */
};

struct parts {
    u32          count;
    bool         home, abroad; /* some position was saved under today's group; under another */
    struct part *at[PARTITIONS_MAX];
    u32          bucket[PARTITIONS_MAX]; /* index + 1 of the first; 0: none */
    u32          chain[PARTITIONS_MAX];
};

void parts_init(struct parts *p);
void parts_fini(struct parts *p);

/* NULL: not known. Lent for the table's life. */
struct part *parts_find(const struct parts *p, const char *topic, i32 partition);

/* Found, or added. NULL: PARTITIONS_MAX are there. */
struct part *parts_get(struct parts *p, const char *topic, i32 partition);

/* Is any partition of the topic known? */
bool parts_know_topic(const struct parts *p, const char *topic);

/* From a saved position: OFFSET [GROUP [OVER]], of which states before had the offset alone. False: it is none, or
 * there is no room. group: today's. */
bool parts_restore(struct parts *p, const struct position *position, slice group);

enum part_verdict { PART_TAKE, PART_AGAIN, PART_BEHIND };

/* A message came. AGAIN: one below `next`, for the second time. BEHIND: at or over `end`. TAKE: `next` is behind it. */
enum part_verdict part_judge(struct part *t, i64 offset);

/* All below `next` is offered, if nothing is held; and applied, if nothing is out. */
void part_settle(struct part *t);

/* It is begun at `start`, under today's group; what is out or held stays before it. */
void part_begin(struct part *t, i64 start);

/* One of its hauls was applied; `end` is behind it. */
void part_applied(struct part *t, i64 end);

/* Is all durable that was offered? What the group may be told: an offset below which nothing can be lost any more. */
bool part_is_safe(const struct part *t);
i64  part_safe(const struct part *t);

/* What is held was dropped: it is to be read again. */
void part_drop(struct part *t);

/* Positions that changed since the last time: the value is written. False: not this one. */
bool part_cut(struct part *t, const char *group, struct position *out);
