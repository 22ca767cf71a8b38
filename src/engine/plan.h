/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: a source's way through the workers, read off the recipe: which tag steps and windows its batches pass. */
#pragma once

#include "config/recipe.h"

struct plan {
    u32                         source; /* index in the recipe                                  */
    const struct recipe_source *from;
    u32                         tags;
    const struct recipe_step  **tag;     /* in order                                             */
    u32                         windows; /* steps of STEP_WINDOW fed by batches                  */
    const struct recipe_step  **window;
    u32                        *step;    /* recipe step number of each window                    */
    u32                         columns; /* of a batch with all tag steps applied                */
    struct schema               stream;  /* types of these columns                               */
};

/* Arrays come from the arena. */
void plan_init(struct plan *p, const struct recipe *r, u32 source, struct arena *arena);
