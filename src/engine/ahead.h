/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.h: rows of records tables on their way to sinks before their epoch is cut.
 *
 *   gathered -> each sink that takes rows ahead
 *            -> the file beside state.db, where some sink holds them until the epoch (AHEAD_HOLDS)
 *
 * What gathers is handed on when those sinks have nothing else to do, or when it is much: the slower they are, the more
 * they get at once. Before an epoch is written, all that belongs to it is in the file and settled in the sinks that
 * settle; sinks that hold get nothing of the next epoch until they were given this one. */
#pragma once

#include "engine/outlet.h"

struct ahead_host {
    void (*arrived)(struct ahead_host *);                /* more is in the file                       */
    void (*fail)(struct ahead_host *, const char *text); /* the file must not be written any further  */
    u64 (*delivered)(struct ahead_host *);               /* files up to this epoch are not needed     */
};

struct ahead_setup {
    struct row_writer  *rows; /* what gathers */
    struct snapshot    *snapshot;
    struct lane        *lane; /* that writes state.db */
    const char         *state_path;
    u32                 outlets;
    struct outlet     **outlet;
    struct ahead_host  *host;
};

struct ahead;

struct ahead *ahead_open(uv_loop_t *loop, const struct ahead_setup *setup);
void          ahead_close(struct ahead *a); /* when ahead_idle */

/* Hands on what has gathered, if it is time. cutting: a cut is out. */
void ahead_stream(struct ahead *a, bool cutting);

/* A cut was taken: hands on all there is, and asks the sinks to settle it. */
void ahead_cut(struct ahead *a);
/* Is all of that settled, and in the file? */
bool ahead_settled(const struct ahead *a);

bool ahead_idle(const struct ahead *a);  /* nothing on its way to the file                          */
bool ahead_stuck(const struct ahead *a); /* the file cannot be written; tried again every second    */
/* Since the last cut there was as much as a file is to hold, or a sink lost some: what it must be given again shall not
 * grow. */
bool ahead_heavy(const struct ahead *a);

u64  ahead_bytes(const struct ahead *a); /* gathered, or on their way to the file                   */
