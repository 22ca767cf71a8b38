/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: a source's way through the workers, read off the recipe: which steps its batches pass, and in what order.
 *
 * A stream is what passed the same `where`s: stream 0 all records of the source, and one more for each `where`, with a
 * batch of its own that holds only the rows and columns that somebody behind it takes. So a step works on the records
 * that reach it and on no others, and one without a `where` before it works on the decoder's batch itself. */
#pragma once

#include "config/recipe.h"

enum plan_work {
    PLAN_TAG,     /* index: of tag[]                                    */
    PLAN_DERIVE,  /* of filter[]: its columns                           */
    PLAN_WHERE,   /* of stream[]: fills it and does its work            */
    PLAN_WINDOW,  /* of window[]                                        */
    PLAN_RECORDS, /* of records[]                                       */
};

struct plan_op {
    enum plan_work work;
    u32            index;
};

struct plan_stream {
    u32                       parent; /* stream; its own number for stream 0 */
    const struct recipe_step *where;  /* NULL: stream 0                      */
    u32                       ops;
    struct plan_op           *op;     /* in the recipe's order               */
    u32                       columns;
    u32                      *column; /* taken over from the parent's batch  */
    u32                       windows, records; /* that take its records     */
};

struct plan {
    u32                         source; /* index in the recipe                                  */
    const struct recipe_source *from;
    u32                         tags;
    const struct recipe_step  **tag;     /* in order                                             */
    u32                         windows; /* steps of STEP_WINDOW fed by batches                  */
    const struct recipe_step  **window;
    u32                        *step;    /* recipe step number of each window                    */
    u32                        *window_stream; /* whose records it takes                         */
    u32                         records;
    const struct recipe_step  **record;  /* steps of STEP_RECORDS                                */
    u32                        *record_step; /* recipe step number of each                       */
    u32                         filters;
    const struct recipe_step  **filter;
    u32                         streams;
    struct plan_stream         *stream;
    nanos                       grid;    /* every window's length is a multiple of it; 0: no windows */
    u32                         columns; /* of a batch with all steps applied                    */
    struct schema               schema;  /* types of these columns                               */
};

/* Arrays come from the arena. */
void plan_init(struct plan *p, const struct recipe *r, u32 source, struct arena *arena);
