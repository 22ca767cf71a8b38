/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_options.c: what a recipe may say of a Kafka sink; in a table of its own, since a weir without librdkafka
 * reads it, too. */
#include "sink/kafka_plan.h"

#define DAY (86400 * NANOS_SECOND)
#define AT(member) .offset = offsetof(struct kafka_options, member)

const struct option kafka_sink_options[] = {
    { .name = "brokers", .type = OPTION_NAMES, .required = true, AT(brokers),
      .doc = "[host:port, ...]: some, each tells of all" },
    { .name = "topic", .type = OPTION_TEXT, .required = true, AT(topic), .own = true,
      .doc = "where rows go; {table} in it is the table's name, else all share one topic" },
    { .name = "key", .type = OPTION_NAMES, AT(key),
      .doc = "columns whose text is the message key; not given: the table's key without timestamp, for records none" },
    { .name = "separator", .type = OPTION_TEXT, .fallback = "|", AT(separator), .doc = "between the columns of a key" },
    { .name = "value", .type = OPTION_TEXT, AT(value),
      .doc = "a column whose bytes are the message as they are; not given: the row as a JSON object" },
    { .name = "delivery", .type = OPTION_CHOICE, .fallback = "exactly_once",
      .choices = "exactly_once at_least_once", AT(delivery),
      .doc = "exactly_once: a transaction an epoch; at_least_once: a crash repeats some" },
    { .name = "transactional_id", .type = OPTION_TEXT, AT(id), .own = true,
      .doc = "exactly_once: who writes, to the brokers; a second one fences the first; not given: weir.RECIPE.SINK" },
    { .name = "group", .type = OPTION_TEXT, AT(group), .own = true,
      .doc = "the consumer group that holds the last epoch's number; not given: the transactional id and .epoch" },
    { .name = "accounts", .type = OPTION_BOOL, .fallback = "false", AT(accounts),
      .doc = "late rows, rejects and the ledger go out, too" },
    { .name = "create", .type = OPTION_BOOL, .fallback = "false", AT(create),
      .doc = "topics that do not exist are made" },
    { .name = "partitions", .type = OPTION_COUNT, .fallback = "0", .max = 100000, AT(partitions),
      .doc = "create: of a topic that is made; 0: as the brokers do" },
    { .name = "replication", .type = OPTION_COUNT, .fallback = "0", .max = 100, AT(replication),
      .doc = "create: copies of a topic that is made; 0: as the brokers do" },
    { .name = "timeout", .type = OPTION_SPAN, .fallback = "30s", .min = 5 * NANOS_SECOND, .max = 900 * NANOS_SECOND,
      AT(timeout), .doc = "how long a transaction may take, and its readers wait for a dead one; then again" },
    { .name = "wait", .type = OPTION_SPAN, .fallback = "1m", .min = NANOS_SECOND, .max = DAY, AT(wait),
      .doc = "how long a start waits for the brokers" },
    { .name = "watchdog", .type = OPTION_SPAN, .fallback = "1m", .min = 15 * NANOS_SECOND, .max = DAY,
      AT(watchdog), .doc = "a call of librdkafka that takes longer ends the process, exit code 75" },
    { .name = "properties", .type = OPTION_PAIRS, AT(properties),
      .doc = "more of librdkafka's producer properties, as security.protocol, compression.type" },
    OPTION_END,
};
