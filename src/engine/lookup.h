/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.h: tag tables as they are lent: one version is in use, older ones live until their last chunk is done. */
#pragma once

#include "engine/lane.h"
#include "engine/plan.h"
#include "tag/tag.h"

/* A loaded version of a table. */
struct lookup_version {
    struct tag_table *table;
    u32               users; /* loop only: chunks out, and the lookup itself */
};

struct lookup;

/* Reads the table for the first time, blocking; on an error `why` (room bytes) says file, line, column and what. */
err  lookup_open(struct lookup **out, uv_loop_t *loop, const struct step_tag *step, char *why, size_t room);
void lookup_close(struct lookup *l); /* not while a reload is out: see lookup_busy */
bool lookup_busy(const struct lookup *l);

/* On the loop. A version given is released by the same caller. */
struct lookup_version *lookup_use(struct lookup *l);
void                   lookup_release(struct lookup_version *v);

/* Looks at the file; if it changed (or `force`), reads and checks it on a thread and swaps it whole. */
void lookup_poll(struct lookup *l, bool force);

/* Whole file into malloc'd bytes (given); errno-style messages in `why`. */
err file_read(const char *path, u64 max, slice *out, char *why, size_t room);
