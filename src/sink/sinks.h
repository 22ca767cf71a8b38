/* SPDX-License-Identifier: Apache-2.0 */
/* sinks.h: the ways out of this folder; only the engine's registry names them. */
#pragma once

#include "weir/sink.h"

extern const struct sink_type sink_sqlite; /* an embedded store: tables in an SQLite file */
extern const struct sink_type sink_file;   /* CSV or JSON lines, a file a table, or stdout */
extern const struct sink_type sink_kafka;  /* topics of Apache Kafka: a message a row, a transaction an epoch */
