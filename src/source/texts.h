/* SPDX-License-Identifier: Apache-2.0 */
/* texts.h: minutes' lines gathered into texts of a chunk's size, on the capture source's thread.
 *
 * Where a text is cut depends on nothing but the lines before it, so a file that is read again after a crash gives the
 * same texts again: those that were applied are passed over, and their sums must be as they were. A live capture cannot
 * wait for room: a minute for which there is none is dropped from there on, and its lines are counted as lost. */
#pragma once

#include "source/hand.h"
#include "source/places.h"

struct texts_setup {
    struct hand         *hand;
    const struct places *past;   /* what is applied already: lent, unchanged as long as the thread runs */
    bool                 wanted[P2_FILES]; /* has a layout */
    bool                 live;
};

struct texts {
    struct minutes_out  out; /* first: what minutes writes to */
    struct texts_setup  how;
    struct minute_text *open; /* oldest first */
    u64                 lost; /* lines that were dropped; the owner takes them from here */
    bool                silent;  /* what comes is not said any more, but counted as lost: the end of a live capture */
    bool                unsealed; /* minutes are said, but not that they are over: a live capture was told to finish */
    bool                stopped; /* the loop does not want more                          */
    bool                astray;  /* not the lines of before: told, nothing more is said  */
};

void texts_init(struct texts *t, const struct texts_setup *how);
void texts_fini(struct texts *t);
