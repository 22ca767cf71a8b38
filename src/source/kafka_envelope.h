/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_envelope.h: a message with all that Kafka says of it, as one JSON object:
 *
 *   {"topic":"alerts","partition":3,"offset":17,"time":1763719200123,"key":"10.0.0.1","headers":{"site":"a"},"value":...}
 *
 * time: the broker's or the producer's time stamp, ms; null: none. Keys and headers are texts, bytes that are no UTF-8
 * become U+FFFD; null: none. The value stands as it came, so it must be JSON. Of headers of one name the last counts, as
 * JSON has it. */
#pragma once

#include "weir/slice.h"

#include <librdkafka/rdkafka.h>

#define ENVELOPE_END "}"

/* What stands before the value: malloc'd, given. */
char *envelope_head(const char *topic, i32 partition, const rd_kafka_message_t *m, u32 *len);
