/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_terms.h: what a recipe says of a Kafka sink, before anything runs: what cannot be, and what it would write to.
 * Connects nowhere. Of this folder alone. */
#pragma once

#include "weir/sink.h"

/* As the brokers know the writer, and the consumer group of its mark. Both malloc'd. */
void kafka_terms_names(const struct sink_setup *setup, char **id, char **group);

/* As sink_type has them. */
void kafka_terms_faults(const void *options, const struct option_ear *to);
bool kafka_terms_check(const struct sink_setup *setup, char *words, size_t size, const char **at);
void kafka_terms_channels(const struct sink_setup *setup, const struct channel_ear *to);
