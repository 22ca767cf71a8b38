/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c: the one place that names concrete stages. A new source or sink is one file in its folder and one line here. */
#include "engine/registry.h"

#include "sink/sinks.h"
#include "source/sources.h"

const struct source_type *const source_types[] = {
    &source_directory,
    &source_capture,
    &source_lines,
    &source_unified2,
    &source_kafka,
    NULL,
};

const struct sink_type *const sink_types[] = {
    &sink_sqlite,
    &sink_file,
    &sink_kafka,
    NULL,
};
