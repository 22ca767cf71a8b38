/* SPDX-License-Identifier: Apache-2.0 */
/* advice.c: warnings, once all of a recipe is read: what is no error, but will hardly be what was meant. */
#include "config/read.h"
#include "config/units.h"

/* A tag table may come later, but not after `weir run`. */
static void advise_table(struct draft *d, const struct step_draft *s, const char *path)
{
    const char        *why = "not readable";
    const struct node *tag = map_find(s->map, "tag"), *table = map_find(tag, "table");
    if (path == NULL || d->lent->readable == NULL || d->lent->readable(d->lent->arg, path, &why)) return;
    findings_warn(d->f, table->at, findings_hint(d->f, "`weir run` reads it when it starts, and ends without it"),
                  "tag table `%s` cannot be read: %s", path, why);
}

/* Windows close by wall clock after `idle`; a source that only looks now and then must have looked by then. */
static void advise_idle(struct draft *d, u32 source)
{
    const struct recipe_source *s = &d->r->source[source];
    const char                 *because = "";
    char                        idle[UNIT_TEXT], unseen[UNIT_TEXT];
    if (s->idle == 0 || s->type == NULL || s->type->unseen == NULL || s->options == NULL) return;
    nanos              longest = s->type->unseen(s->options, &because);
    const struct node *n = map_find(d->source[source].map, "idle");
    if (s->idle > longest) return;
    findings_warn(d->f, n != NULL ? n->at : d->source[source].at, findings_hint(d->f, "%s", because),
                  "`idle` of source `%.*s` is %.*s, but its input may lie unseen for %.*s: "
                  "windows would close before it is read", LEN(s->name), LEN(span_format(s->idle, idle)),
                  LEN(span_format(longest, unseen)));
}

void advice_give(struct draft *d)
{
    for (u32 i = 0; i < d->r->sources; i++) advise_idle(d, i);
    for (u32 i = 0; i < d->r->steps; i++)
        if (d->step[i].kind_ok && d->step[i].kind == STEP_TAG) advise_table(d, &d->step[i], d->r->step[i].tag.path);
}
