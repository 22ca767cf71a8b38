/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_conf.h: librdkafka's configuration from a recipe's `brokers` and `properties`, checked before anything runs.
 *
 * What weir itself answers for (delivery, positions, identity) may not be set behind its back: those keys are refused
 * with the recipe's own key to use instead. */
#pragma once

#include "weir/option.h"

#include <librdkafka/rdkafka.h>

/* A property that the recipe may not set, and what to write instead. */
struct kafka_ours {
    const char *property;
    const char *instead; /* "`group` of the source" */
};

struct kafka_conf_spec {
    const struct option_names *brokers;    /* host:port, one at least                  */
    const struct option_pairs *properties; /* as librdkafka spells them                */
    const struct kafka_ours   *ours;       /* property NULL ends                       */
    const char                *client;     /* client.id                                */
};

/* Tells all that is wrong with `brokers` and `properties`. */
void kafka_conf_faults(const struct kafka_conf_spec *spec, const struct option_ear *to);

/* The caller's, to be given to rd_kafka_new or rd_kafka_conf_destroy. NULL: words say what is wrong first. */
rd_kafka_conf_t *kafka_conf_make(const struct kafka_conf_spec *spec, char *words, size_t size);

/* As kafka_conf_make sets it, for keys that are weir's own: they must be known and valid. */
void kafka_conf_own(rd_kafka_conf_t *conf, const char *property, const char *value);

/* What the linked library is known to get wrong, for the log at start; NULL: nothing. */
const char *kafka_library_warning(void);
