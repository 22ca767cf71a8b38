/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_link_own.h: what the files of a link share: kafka_link.c, kafka_client.c, kafka_send.c, kafka_mark.c,
 * kafka_topic.c. Nobody else's. */
#pragma once

#include "sink/kafka_guard.h"
#include "sink/kafka_link.h"

#define INSTANCE_ROOM 17 /* 16 hexadecimal digits */

struct kafka_link {
    const struct kafka_link_setup *setup;
    bool                debug; /* the recipe wants librdkafka's log */
    struct kafka_guard *guard;
    rd_kafka_t         *producer; /* NULL: given up, the next epoch makes another */
    rd_kafka_t         *reader;   /* of marks; at_least_once keeps it              */
    rd_kafka_topic_t  **topic;    /* the producer's                                 */
    rd_kafka_consumer_group_metadata_t *membership;
    char                instance[INSTANCE_ROOM]; /* this process, in its marks                       */
    char                holder[INSTANCE_ROOM];   /* who wrote the mark that stands; empty: there is none */
    u64                 epoch;    /* of the mark                                    */
    bool                begun;    /* a transaction                                  */
    bool                doubt;    /* the mark may be another                        */
    u64                 fenced;   /* when; 0: not, or it was nobody                 */
    u64                 remark;   /* when the mark is written again                 */
    u64                 deadline; /* of the transaction                             */
    u64                 queued;   /* bytes of messages that librdkafka has yet to tell about */
    u64                 queue_max;
    u64                 failed;   /* messages given up                              */
    char                failed_why[256], last[256]; /* of the first such; of the last trouble with a broker */
};

u64 kafka_link_deadline(u32 ms);
int kafka_link_left_ms(u64 deadline, int most);

/* "kafka HOST: doing: what (last trouble)", and the error for what will pass. */
err  kafka_link_world(struct kafka_link *l, const char *doing, const char *what, char *why, size_t room);
void kafka_link_tell(struct kafka_link *l, const char *doing, const char *what); /* the same, to the log */

/* Clients; NULL: why. */
rd_kafka_t *kafka_client_producer(struct kafka_link *l, char *why, size_t room);
rd_kafka_t *kafka_client_reader(struct kafka_link *l, char *why, size_t room);
bool        kafka_client_given(const struct kafka_link_setup *s, const char *property); /* in the recipe */
u64         kafka_client_queue(const struct kafka_link_setup *s); /* bytes that may wait          */

/* librdkafka's report on a message. */
void kafka_send_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);

/* The mark as it is committed; the caller's to destroy. */
rd_kafka_topic_partition_list_t *kafka_mark_make(const struct kafka_link *l, u64 number);

/* It stands at the brokers now. */
void kafka_mark_done(struct kafka_link *l, u64 number);

/* first: any process of this recipe may have written it. Else it must be ours, or still the one found first: another's
 * is *fatal. */
err kafka_mark_read(struct kafka_link *l, u64 deadline, bool first, char *why, size_t room, bool *fatal);

/* The topic is there, or is made if the recipe says so. */
err kafka_topic_ensure(struct kafka_link *l, u32 topic, u64 deadline, char *why, size_t room);
