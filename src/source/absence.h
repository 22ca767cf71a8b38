/* SPDX-License-Identifier: Apache-2.0 */
/* absence.h: up to when a live capture's packets are in the state, so that the next start can say what is not.
 *
 * An interface cannot be read again. What came after `until` is in no epoch: weir was stopped, or killed with it. The
 * position has the key "live" and the value 1 (the version of this form) and `until`, ns since 1970, as places.h's.
 * Lives on the loop. */
#pragma once

#include "weir/source.h"

#define ABSENCE_KEY "live"

struct absence {
    nanos           until;
    bool            dirty;
    char            text[32];
    struct position position; /* lent by absence_cut */
};

/* Capturing begins now. words: what was not seen since the last epoch, empty where nothing is known of it. What is told
 * is not told again: it is for the caller to tell before the next cut. Errors: ERR_STATE, a position that is none. */
err absence_open(struct absence *a, const struct source_setup *setup, nanos now, char *words, size_t size);

/* All packets until then are applied. */
void absence_note(struct absence *a, nanos until);

void absence_cut(struct absence *a, u32 *count, const struct position **position);
