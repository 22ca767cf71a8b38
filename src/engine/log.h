/* SPDX-License-Identifier: Apache-2.0 */
/* log.h: what weir says while it runs: one line an event on standard error, never one a record.
 *
 *   2026-11-21T10:00:00Z warn source p2: /data/p2/_tcp_@1763719200: truncated, not read again
 */
#pragma once

#include "weir/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below `least` are not written. */
void log_open(enum log_level least);

/* Bytes below space and DEL in `format`'s arguments are written as '?': file names are strangers' text. */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);
