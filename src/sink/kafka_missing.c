/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_missing.c: stands for kafka.c in a weir that was built without librdkafka: recipes are told so. */
#include "sink/kafka_plan.h"
#include "sink/sinks.h"

const struct sink_type sink_kafka = {
    .name = "kafka",
    .options = kafka_sink_options,
    .options_size = sizeof(struct kafka_options),
    .missing = "built without librdkafka",
};
