/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.h: what the files of the source `kafka` share. Nobody else includes it but its tests.
 *
 *   kafka.c          the source: handles, the loop's turn, positions, tables
 *   kafka_haul.c     messages become chunks, and are read by workers
 *   kafka_group.c    which partitions are ours: assignment, revocation, errors
 *   kafka_inquiry.c   what has to be asked of brokers before reading, on a thread of libuv's
 *   kafka_claim.h    whose offsets the group holds
 *   kafka_parts.h    partitions and how far each has come       kafka_options.h   the recipe's words */
#pragma once

#include "shim/kafka_conf.h"
#include "source/kafka_claim.h"
#include "source/kafka_options.h"
#include "source/kafka_parts.h"

#include <stdatomic.h>
#include <uv.h>

#define KAFKA_BATCH 1024 /* messages taken from librdkafka at once */
#define KAFKA_WORDS 1024

/* --- hauls ------------------------------------------------------------------------------------------------------ */

struct kafka;

/* What stands around a message's value (option `envelope`). Both malloc'd in one, at head. */
struct sheath {
    char  *head;
    u32    head_len;
};

/* Messages of one partition in the order of their offsets: a chunk. Their text is each value, in its envelope if there
 * is one, and an LF. */
struct haul {
    struct kafka        *of;
    struct part         *part;
    struct haul         *next;   /* in a list */
    u32                  count;
    u64                  length; /* of the text */
    u32                  cursor; /* the reading worker's: the message that is read next */
    u64                  cursor_at; /* and where its text begins */
    rd_kafka_message_t **at;
    struct sheath       *sheath; /* of each; NULL: without envelopes */
};

/* --- what brokers are asked ------------------------------------------------------------------------------------- */

enum inquiry_outcome {
    INQUIRY_OK,
    INQUIRY_AGAIN,   /* brokers did not answer: words                        */
    INQUIRY_MISSING, /* a topic or partition does not exist: words           */
    INQUIRY_PART,    /* it keeps state, but not all partitions are ours: words */
    INQUIRY_FAIL,    /* the position is not in the log, and the recipe says stop: words */
};

/* One partition: what is known, and what was found. */
struct inquiry_ask {
    struct part *part; /* the loop's; the thread only carries it */
    char        *topic;
    i32          partition;
    i64          at;      /* our own position, or KAFKA_NO_OFFSET                       */
    bool         newborn; /* of a topic that we know: begun at its begin, whatever `start` says */
    u64          over;    /* as of the part; found: as it is now                        */
    i64          passed;
    bool         begun, moved;
    i64          committed, low, high;
    struct claim by;      /* whose `committed` is                                       */
    i64          start;   /* found: read from here                                      */
    bool         reset;   /* as `at` is not in the log: `lost` offsets are passed over  */
    u64          lost;
    bool         bent;    /* `start` is an offset that the log does not have            */
};

struct inquiry {
    uv_work_t                   work; /* first */
    void                       *of; /* struct kafka */
    rd_kafka_t                 *rk;
    const struct kafka_options *options;
    struct kafka_start          start;
    const char                 *group;
    bool                        once;
    bool                        whole;     /* a part of the topics will not do           */
    bool                        asks;      /* what the group has committed is of interest */
    bool                        committed; /* the group's offsets count where they are ahead */
    u64                         state;
    bool                        alone;
    u32                         count;
    struct inquiry_ask          *ask;
    atomic_bool                 stop;      /* nobody waits for it any more */
    bool                        stale;     /* the loop's: what it finds is of no use */
    enum inquiry_outcome         outcome;
    char                        words[KAFKA_WORDS];
};

/* How the group stands to our position. */
enum claim_case inquiry_case(const struct inquiry *s, const struct inquiry_ask *a);

/* On a thread. Blocks some seconds at most. */
void inquiry_run(struct inquiry *s);

/* Where to begin, of what was asked: the part that needs no broker. INQUIRY_FAIL: words. */
enum inquiry_outcome inquiry_resolve(struct inquiry *s, struct inquiry_ask *a);

void inquiry_free(struct inquiry *s);

/* --- the source ------------------------------------------------------------------------------------------------- */

enum kafka_state {
    KAFKA_ABSENT,   /* nothing is ours                                    */
    KAFKA_INQUIRY,   /* brokers are asked about what is assigned           */
    KAFKA_READING,
    KAFKA_LEAVING,  /* revoked: what is out must become durable first     */
};

struct kafka {
    struct source_setup         setup;
    const struct kafka_options *options;
    struct inlet               *to;
    struct kafka_start          start;
    char                       *group, *client;
    bool                        flat;  /* an LF in a value becomes a blank: format json */
    bool                        fixed; /* `partitions`: the group does not say          */
    bool                        resident; /* a member of the group under a name of its own: KIP-345 */
    u64                         session_ms; /* a member that was killed counts so long     */

    rd_kafka_t         *rk;
    rd_kafka_queue_t   *queue;
    rd_kafka_message_t *batch[KAFKA_BATCH];
    int                 event; /* an eventfd that librdkafka writes to */

    uv_loop_t  *loop;
    uv_poll_t   poll;
    uv_idle_t   turn; /* active: the queue was not emptied */
    uv_timer_t  tick;
    uv_work_t   shut;
    u32         handles;

    enum kafka_state state;
    struct parts     parts;
    struct part     *last; /* of the message before */
    rd_kafka_topic_t *last_topic;
    struct haul     *ready, **ready_end; /* to be offered, in order */
    struct haul     *spare;
    u32              spares;
    struct inquiry   *inquiry; /* on its thread */
    u64              again_at; /* uv_now: the inquiry is repeated; 0: not */
    u32              tries;
    u64              leave_by; /* uv_now */
    u64              part_by;  /* uv_now until which another member may go again; 0: all are ours, or none was */
    u64              paused_at;
    u32              out;
    bool             paused, parked, failed, closing, opening, done, told_missing;
    bool             had_all; /* partitions of the topics, at some time */
    bool             assigned, told_waits;
    u64              joined_at;  /* uv_now */
    u64              outage_at;  /* uv_now when no broker answered last; 0: they do */
    u64              told_at;    /* uv_now when an error was told last */
    struct position *position;   /* lent by cut */
    u32              position_room;
    struct kafka_counts counts;
    char             fault[KAFKA_WORDS]; /* lent to inlet.fail */
    char             reason[256];        /* the last error of a connection */
    void (*gone)(void *);
    void *gone_arg;
};

static inline struct kafka *kafka_of(struct source *s)
{
    return (struct kafka *)(void *)s;
}

/* kafka_haul.c */
void  haul_add(struct kafka *k, struct part *t, rd_kafka_message_t *taken); /* into the part's haul */
void  haul_flush(struct kafka *k);          /* hauls that still grow are ready, too             */
void  haul_offer(struct kafka *k);          /* what is ready, unless paused                     */
void  haul_drop(struct kafka *k);           /* what was not offered                             */
void  haul_rest(struct kafka *k, struct haul *taken); /* its messages are given back            */
void  haul_fini(struct kafka *k);
i64   haul_read(struct haul *h, u64 at, char *to, size_t max);
i64   haul_offset_of(const struct haul *h, u64 text_at); /* of the message whose text that is */

/* kafka_group.c */
void kafka_join(struct kafka *k);
void kafka_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *arg);
void kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *arg);
void kafka_on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *arg);
void kafka_hear_error(struct kafka *k, const rd_kafka_message_t *m); /* one that came instead of a message */
void kafka_commit(struct kafka *k);     /* what is durable, to the group */
void kafka_try_leave(struct kafka *k);  /* LEAVING ends, if it may       */
void kafka_try_end(struct kafka *k);    /* --once: is that all?          */
void kafka_watch(struct kafka *k);      /* each second                   */
void kafka_unpark(struct kafka *k);
void kafka_tell_parts(struct source *s, void (*tell)(void *to, slice part, const char *metric, i64 value), void *to);
/* why: as inlet.fail_as; ERR_OS: the world, it may work the next time. */
__attribute__((format(printf, 3, 4))) void kafka_fail(struct kafka *k, enum err_code why, const char *format, ...);
__attribute__((format(printf, 2, 3))) void kafka_note(struct kafka *k, const char *format, ...); /* to the log */
void kafka_tell_starts(struct kafka *k, const struct inquiry *s); /* what is not as one might think: kafka_tell.c */

/* What the group may be told and was not; given. */
rd_kafka_topic_partition_list_t *kafka_committable(struct kafka *k);

/* kafka.c */
struct part *kafka_part_of(struct kafka *k, const rd_kafka_message_t *m); /* NULL: not known */
void kafka_take(struct kafka *k, rd_kafka_message_t *taken); /* one message, as it came  */
void kafka_stir(struct kafka *k);                            /* there may be something to do */
void kafka_try_shut(struct kafka *k);                        /* closing: nobody else is busy */
