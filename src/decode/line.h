/* SPDX-License-Identifier: Apache-2.0 */
/* line.h: what the tests of the line decoder may choose beyond its contract (weir/decoder.h). */
#pragma once

#include "decode/path.h"
#include "weir/decoder.h"

/* decoder_line's open with the instructions given; path_runs(path) must hold.
 * ERR_CONFIG, `at` the layout field (-1: the layout): a layout and a schema that do not fit each other. */
err line_open(struct decoder **out, const struct layout *layout, const struct schema *schema, enum path path);
