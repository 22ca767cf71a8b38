/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_link.h: a producer that can say which epoch it was last told, whatever happened in between. Of this folder
 * alone.
 *
 * The mark: the number of the last epoch, as the offset that a consumer group of ours has committed for partition 0 of
 * the first topic, with "weir epoch N by INSTANCE of RECIPE" beside it. exactly_once commits it in the epoch's
 * transaction; at_least_once after the epoch's messages are acknowledged.
 *
 * After anything that leaves open whether a transaction was committed, the mark decides: it is read again before the
 * next one begins, and it must be what this process wrote or found at its start. If another process wrote it, that one
 * has taken over, and this one must end. A producer that librdkafka gave up is replaced.
 * Every call blocks for at most some `timeout`s, under the watchdog of kafka_guard.h; one thread at a time. */
#pragma once

#include "shim/kafka_conf.h"
#include "weir/err.h"

struct kafka_link_setup {
    const struct option_names *brokers;
    const struct option_pairs *properties;
    const char        *id;    /* transactional.id */
    const char        *group; /* of the mark      */
    slice              sink, recipe;
    bool               exactly;
    u32                topics;
    const char *const *topic;
    bool               create;
    u32                partitions, replication; /* 0: the broker's default */
    u32                timeout_ms, wait_ms, watchdog_ms;
    void             (*warn)(const char *text); /* may be NULL */
};

struct kafka_link;

/* Tells all that is wrong with them for this sink. Connects nowhere. */
void kafka_link_faults(const struct option_names *brokers, const struct option_pairs *properties,
                       const struct option_ear *to);

/* Waits up to wait_ms for the brokers, makes the producer the only one of its id, looks for the topics, reads the mark.
 * setup: lent for life. */
err kafka_link_open(struct kafka_link **out, const struct kafka_link_setup *setup, char *why, size_t room);

u64 kafka_link_epoch(const struct kafka_link *l); /* of the mark */

/* Before an epoch: a producer that works, and no doubt left about the mark. An error will pass unless *fatal. */
err kafka_link_ready(struct kafka_link *l, char *why, size_t room, bool *fatal);

/* exactly_once: begin, put..., then commit with the number; after an error of any of them nothing is committed, or
 * kafka_link_ready finds out. An epoch of no messages is committed, too. Brokers end a transaction that is open for
 * longer than a `timeout`. */
err kafka_link_begin(struct kafka_link *l, char *why, size_t room);
bool kafka_link_begun(const struct kafka_link *l); /* and not ended, as far as this end knows */
err kafka_link_commit(struct kafka_link *l, u64 number, char *why, size_t room);
void kafka_link_abort(struct kafka_link *l);

/* Messages of one topic, copied, in their order: key or value NULL: none; `table` goes along as a header, NULL: none.
 * Waits for room in the queue, at most a `timeout`: then ERR_OS, which will pass. ERR_FULL: larger than a message may be;
 * ERR_STATE: at_least_once has lost messages that it was to deliver. *taken: so many were, before the first that was
 * not. */
struct kafka_put {
    slice key, value;
};

#define KAFKA_PUTS 256u

err kafka_link_put(struct kafka_link *l, u32 topic, u32 count, const struct kafka_put *put, const slice *table,
                   u32 *taken, char *why, size_t room);

/* Hears what became of messages; an error shows at the next call. */
void kafka_link_poll(struct kafka_link *l);

/* at_least_once: what was put goes now, not after `linger.ms`; waits for it a moment. For when no more is at hand: what
 * comes meanwhile goes together. */
void kafka_link_kick(struct kafka_link *l);

/* at_least_once: all that was put is acknowledged (an error will pass unless *fatal), then the mark is set. */
err kafka_link_settle(struct kafka_link *l, char *why, size_t room, bool *fatal);
err kafka_link_mark(struct kafka_link *l, u64 number, char *why, size_t room);

/* Brokers forget offsets that nobody commits for long (7 days): writes the mark again if that was some time ago, and
 * soon after the start, so that whoever held the id before sees who has it now. */
void kafka_link_tick(struct kafka_link *l);

void kafka_link_close(struct kafka_link *l);
