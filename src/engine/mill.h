/* SPDX-License-Identifier: Apache-2.0 */
/* mill.h: what a worker does with a chunk: read, decode, tag, combine. One mill a worker and source; no state between
 * chunks but scratch memory. */
#pragma once

#include "engine/lookup.h"
#include "engine/plan.h"
#include "window/combine.h"

struct mill;

/* A chunk's way there and back: what the loop gives, and what the worker makes of it. */
struct job {
    struct chunk            chunk;
    const struct plan      *plan;
    struct lookup_version **table;   /* per tag step of the plan; held by the loop                     */
    struct groups          *partial; /* per window of the plan; empty when given, filled by the worker  */
    struct chunk_counts     counts;  /* applied: records decoded; the loop sorts out late ones          */
    struct rejects         *bad;
    i64                     failed;  /* 0, or -errno of a read                                          */
    bool                    done;    /* loop only: came back                                            */
    struct job             *next;
};

err  mill_open(struct mill **out, const struct plan *plan);
void mill_close(struct mill *m);
void mill_run(struct mill *m, struct job *job);
