/* SPDX-License-Identifier: Apache-2.0 */
/* mill.h: what a worker does with a chunk: read, decode, tag, derive, filter; then combine for windows, encode for
 * records tables. One mill a worker and source; no state between chunks but scratch memory. */
#pragma once

#include "engine/lookup.h"
#include "engine/plan.h"
#include "engine/records.h"
#include "engine/tally.h"
#include "window/combine.h"

struct mill;

/* A chunk's way there and back: what the loop gives, and what the worker makes of it. */
struct job {
    struct chunk            chunk;
    const struct plan      *plan;
    struct lookup_version **table;   /* per tag step of the plan; held by the loop                     */
    struct groups          *partial; /* per window of the plan; empty when given, filled by the worker  */
    struct record_rows     *rows;    /* the same per records step                                       */
    struct tally            tally;   /* of all records, where the plan has several streams              */
    struct chunk_counts     counts;  /* applied: records decoded; the loop sorts out late and filtered ones */
    struct rejects         *bad;
    struct expr_counts      values;  /* of derived columns: what had none and why                       */
    nanos                   horizon; /* no record's time beyond it says how far time has come            */
    nanos                   newest;  /* of the records' times up to the horizon; NANOS_MIN: none         */
    i64                     failed;  /* 0, or -errno of a read                                          */
    bool                    done;    /* loop only: came back                                            */
    struct job             *next;
};

err  mill_open(struct mill **out, const struct plan *plan);
void mill_close(struct mill *m);
void mill_run(struct mill *m, struct job *job);
