/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_none.c: the source `kafka` of a build without librdkafka: its options are known, it says what it lacks. */
#include "source/kafka_options.h"
#include "source/sources.h"

const struct source_type source_kafka = {
    .name = "kafka",
    .options = kafka_options,
    .options_size = sizeof(struct kafka_options),
    .metrics = kafka_metrics,
    .decoders = { &decoder_json, &decoder_line, NULL },
    .first = true,
    .timed = true,
    .missing = "built without librdkafka",
};
