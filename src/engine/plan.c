/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: picks a source's steps out of the recipe. The stream's columns are those of the widest tag step. */
#include "engine/plan.h"

void plan_init(struct plan *p, const struct recipe *r, u32 source, struct arena *arena)
{
    *p = (struct plan){ .source = source, .from = &r->source[source] };
    p->tag = arena_array(arena, const struct recipe_step *, r->steps + 1);
    p->window = arena_array(arena, const struct recipe_step *, r->steps + 1);
    p->step = arena_array(arena, u32, r->steps + 1);
    p->stream = p->from->decoded;
    for (u32 i = 0; i < r->steps; i++) {
        const struct recipe_step *s = &r->step[i];
        if (s->from_source != source) continue;
        if (s->kind == STEP_TAG) {
            p->tag[p->tags++] = s;
            if (s->out.tags + s->out.measures > p->stream.tags + p->stream.measures) p->stream = s->out;
        } else if (s->kind == STEP_WINDOW) {
            p->step[p->windows] = i;
            p->window[p->windows++] = s;
        }
    }
    p->columns = p->stream.tags + p->stream.measures;
}
