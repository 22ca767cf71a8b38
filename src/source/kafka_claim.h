/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_claim.h: whose offsets a consumer group holds, and whether they count. Knows nothing of librdkafka.
 *
 * What weir commits carries a note of whose it is: the identity of the state file that has the effect of the messages
 * before the offset, and the recipe's name. Where the group is ahead of our own position, that note tells a group whose
 * other member went on (its offset counts) from one that stands where our own state had been before it was put back, or
 * where the state stood whose place ours took (`weir switch`): then our position counts. */
#pragma once

#include "weir/slice.h"

/* A note; state 0: there is none, or none of weir's. */
struct claim {
    u64  state;
    u64  over;       /* the state whose place this one took; 0: of none that is known        */
    i64  at;         /* its position that was durable then: up to the offset nothing else had an effect; -1: none */
    char recipe[64]; /* printable                                                            */
};

/* Given. */
char *claim_text(u64 state, u64 over, i64 at, slice recipe);

/* Any bytes may come. */
void claim_parse(slice text, struct claim *out);

enum claim_case {
    CLAIM_NONE,     /* the group is not ahead                                            */
    CLAIM_OTHER,    /* another state went on                                             */
    CLAIM_TOOL,     /* no weir says that it did: a tool has set it                       */
    CLAIM_SAME,     /* this very state is there: what lies between had no effect on it   */
    CLAIM_OWN,      /* this very state had been there, and was put back                  */
    CLAIM_MOVED,    /* our position is of another group                                  */
    CLAIM_REPLACED, /* a state that took the place of ours, or whose place ours took     */
    CLAIM_ALONE,    /* `--from` was said                                                 */
    CLAIM_PASSED,   /* it was decided against before, in this run                        */
    CLAIM_CASES
};

/* What is known when a partition is begun. */
struct claim_case_of {
    i64  at, committed; /* our position and the group's; below 0: none              */
    u64  state;         /* ours                                                     */
    u64  over;          /* whose place it took                                      */
    i64  passed;        /* what the group held when it was decided against; -1: no  */
    bool begun;         /* in this run, before                                      */
    bool moved;         /* our position was saved under another group               */
    bool alone;         /* source_setup.alone                                       */
};

enum claim_case claim_judge(const struct claim_case_of *c, const struct claim *by);

/* Does the group's offset count? */
static inline bool claim_counts(enum claim_case c)
{
    return c == CLAIM_OTHER || c == CLAIM_TOOL || c == CLAIM_SAME;
}
