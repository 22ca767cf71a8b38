/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_plan.h: what the recipe says of a Kafka sink, and which message each row becomes. Knows no broker. Of this
 * folder alone.
 *
 * Value: the row as a JSON object, led by its table's name where a topic gets several tables; or one column's bytes as
 * they are. Key: columns as text, joined; null is empty, and a key whose columns are all null is none. */
#pragma once

#include "sink/file_format.h"
#include "weir/sink.h"

struct kafka_options {
    struct option_names brokers;
    const char         *topic; /* {table} in it is the table's name */
    struct option_names key;
    const char         *separator;
    const char         *value; /* a column; NULL: JSON */
    u32                 delivery; /* 0 exactly_once, 1 at_least_once */
    const char         *id;    /* NULL: weir.RECIPE.SINK */
    const char         *group; /* NULL: ID.epoch         */
    bool                accounts;
    bool                create;
    u64                 partitions, replication; /* 0: the broker's default */
    nanos               timeout, wait, watchdog;
    struct option_pairs properties;
};

extern const struct option kafka_sink_options[];

#define KAFKA_COLUMN_NONE UINT32_MAX

/* A table's messages. */
struct kafka_target {
    const struct table *table; /* NULL: not sent                                  */
    u32                 topic; /* index in plan.topic                             */
    u32                 keys;  /* columns of the key                              */
    u32                *key;
    u32                 value; /* column; KAFKA_COLUMN_NONE: JSON                 */
    bool                named; /* others share the topic: the table's name goes with it */
};

struct kafka_plan {
    u32                  tables;
    struct kafka_target *target;
    u32                  topics; /* one at least */
    char               **topic;
    slice                separator;
    u32                  widest; /* columns of a row */
};

/* False: `words` say what is wrong, *at the option. The plan is the caller's to fini, also then. */
bool kafka_plan_init(struct kafka_plan *p, const struct sink_setup *setup, char *words, size_t size, const char **at);
void kafka_plan_fini(struct kafka_plan *p);

/* A message's key or value: lent from the row, or appended to the lines that the message was written to. */
struct kafka_text {
    const char *row; /* NULL: in the lines, from `at` on */
    size_t      at, len;
    bool        none;
};

struct kafka_message {
    struct kafka_text key, value;
};

/* .at NULL: none. Lent until the lines grow or the row goes. */
slice kafka_text_of(const struct kafka_text *t, const struct lines *lines);

/* The message of a row; appends to `to`. */
struct kafka_message kafka_plan_message(const struct kafka_plan *p, const struct kafka_target *t, const struct row *row,
                                        struct lines *to);
