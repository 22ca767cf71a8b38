/* SPDX-License-Identifier: Apache-2.0 */
/* sources.h: every way in that this folder has; engine/registry.c lists them. */
#pragma once

#include "weir/source.h"

extern const struct source_type source_directory; /* P2 files in a watched directory    */
extern const struct source_type source_capture;   /* packets of files or an interface   */
extern const struct source_type source_lines;     /* text files that grow, packed ones, standard input */
extern const struct source_type source_unified2;  /* spools of Snort and Suricata     */
extern const struct source_type source_kafka;     /* topics of Kafka                     */
