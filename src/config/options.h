/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: the set-up struct of a source or sink, filled from its mapping by its option table, and printed back. */
#pragma once

#include "config/read.h"

#define OPTIONS_MAX 64 /* of a table, with the keys that all of its kind have */

/* Fills a new, zeroed struct of `size` bytes in the recipe's arena: fallbacks first, then what `map` gives.
 *   map     the source's or sink's mapping
 *   also    NULL-ended: keys that the caller reads itself
 *   in      "source `p2`", for messages;  at: where a missing option is told
 * Faults are told. Texts of !file are read through recipe_lent.read, without the line end behind them, and noted as
 * secrets. */
void *options_read(struct draft *d, const struct node *map, const struct option *table, size_t size,
                   const char *const *also, const char *in, struct place at);

/* What the stage finds wrong with single options, each at its place; NULL: it finds nothing.
 *   whole   all options could be read. If not, an option may be wrong because of another: only single names of lists
 *           and mappings are told of */
void options_faults(struct draft *d, const struct node *map, void (*faults)(const void *, const struct option_ear *),
                    const void *options, const char *in, struct place at, bool whole);
