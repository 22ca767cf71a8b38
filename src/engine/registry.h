/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h: every way in and every way out, by name. */
#pragma once

#include "weir/sink.h"
#include "weir/source.h"

extern const struct source_type *const source_types[]; /* NULL ends */
extern const struct sink_type *const   sink_types[];   /* NULL ends */
