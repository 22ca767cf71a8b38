/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_options.h: what the source `kafka` may be told, and what its texts mean. Knows nothing of librdkafka: a build
 * without it must still be able to say what it lacks. */
#pragma once

#include "weir/option.h"
#include "weir/source.h"

enum kafka_reset { KAFKA_RESET_STOP, KAFKA_RESET_EARLIEST, KAFKA_RESET_LATEST };

struct kafka_options {
    struct option_names brokers;
    struct option_names topics; /* ^... is a pattern */
    const char         *group;
    const char         *start;
    const char         *partitions; /* NULL: the group says */
    u32                 reset;      /* enum kafka_reset     */
    u32                 isolation;  /* 0 committed, 1 uncommitted */
    u64                 chunk;
    u64                 prefetch;
    bool                envelope;
    struct option_pairs properties;
};

extern const struct option      kafka_options[];
extern const struct metric      kafka_metrics[];

/* Of the metrics: see kafka_options.c. */
struct kafka_counts {
    u64 messages, bytes, chunks;
    u64 duplicates, tombstones;
    u64 lag, lag_most, partitions;
    u64 rebalances, resets, outages, errors, uncommitted;
};

/* Where a partition without a position is begun. */
enum kafka_start_kind { KAFKA_EARLIEST, KAFKA_LATEST, KAFKA_OFFSET, KAFKA_TIME };

struct kafka_start {
    enum kafka_start_kind kind;
    i64                   at; /* offset, or ms since 1970 UTC */
};

/* earliest, latest, 12345, 2026-01-02, 2026-01-02T03:04Z, 2026-01-02T03:04:05Z. */
bool kafka_start_parse(slice text, struct kafka_start *out);

/* "0-3,7" as ascending numbers: given (free), *count of them. NULL: no such list, or over PARTITIONS_MAX. */
i32 *kafka_partitions_parse(slice text, u32 *count);

/* Tells of a {word} in a group's name that nothing is put in for. */
void kafka_group_faults(const char *group, const struct option_ear *to);

/* As source_type.reads. */
bool kafka_reads(const void *options, const struct channel *channel);

/* May these stand together? As source_type.check, without what librdkafka is asked. */
bool kafka_options_check(const struct kafka_options *o, char *words, size_t size, const char **at);

/* As source_type.fits. */
bool kafka_options_fit(const void *options, const struct decoder_type *format, char *words, size_t size,
                       const char **at);

bool kafka_is_pattern(const char *topic);

/* The group's name: {recipe} and {source} in it are these two's. Given. */
char *kafka_group_name(const char *group, slice recipe, slice source);
