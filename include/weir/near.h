/* SPDX-License-Identifier: Apache-2.0 */
/* near.h: which name was probably meant: the one that the fewest edits make of what was written. */
#pragma once

#include "weir/slice.h"

/* Edits (insert, delete, replace, exchange of neighbours) that make `a` of `b`; over 64 bytes: UINT32_MAX. fold: letter
 * case does not count. */
u32 near_distance(slice a, slice b, bool fold);

/* The nearest of n names if it is at most a third of the word's length away (one edit for short words), whatever the
 * letters' case; among equals the first. at == NULL: none is near. */
slice near_name(slice word, u32 n, slice (*name)(const void *of, u32 i), const void *of);
