/* SPDX-License-Identifier: Apache-2.0 */
/* sources.h: every way in that this folder has; engine/registry.c lists them. */
#pragma once

#include "weir/source.h"

extern const struct source_type source_directory; /* P2 files in a watched directory    */
extern const struct source_type source_capture;   /* packets of files or an interface   */
