/* SPDX-License-Identifier: Apache-2.0 */
/* step_records.c: records: a row for each record, with the columns that are named, or `all`: the source's, then those
 * that tag and filter steps on the way made. */
#include "config/read.h"

#define COLUMNS_MAX 1000 /* of the table: PostgreSQL takes 1600, SQLite 2000 */

static u32 all_columns(const struct draft *d, u32 step)
{
    u32 count = d->source[d->step[step].source].columns;
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step) count += d->step[up].own;
    return count;
}

/* Steps on the way stand behind the source, the nearest to it first. */
static u32 add_all(const struct draft *d, u32 step, struct column_ref *ref)
{
    u32 count = 0, total = all_columns(d, step), end = total;
    for (u32 i = 0; i < d->source[d->step[step].source].columns; i++) ref[count++] = (struct column_ref){ NONE, i };
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step) {
        end -= d->step[up].own;
        for (u32 i = 0; i < d->step[up].own; i++) ref[end + i] = (struct column_ref){ up, i };
    }
    WEIR_ASSERT(end == count);
    return total;
}

static bool add_named(struct draft *d, u32 step, const struct node *n, u32 *count, struct column_ref **ref)
{
    struct names        names;
    const struct node **nodes;
    bool                good = read_names(d, n, "records", &names, &nodes);
    if (!good) return false;
    if (names.count == 0)
        findings_error(d->f, n->at, "as records: [srcIP, dstIP], or records: all", "`records` is empty");
    good = names.count > 0;
    *ref = arena_array(d->a, struct column_ref, names.count);
    for (u32 i = 0; i < names.count && d->step[step].ok; i++) {
        if (step_column_find(d, step, names.at[i], &(*ref)[*count])) {
            ++*count;
            continue;
        }
        findings_error(d->f, nodes[i]->at, findings_suggest(d->f, names.at[i], step_columns(d, step)),
                       "unknown field `%s`", names.at[i].at);
        good = false;
    }
    return good;
}

static u32 row_columns(const struct field *f)
{
    return f->type == FIELD_SAMPLING ? 4 : f->type == FIELD_BINS ? f->bins : 1;
}

static bool make_fields(struct draft *d, u32 step)
{
    struct step_draft   *s = &d->step[step];
    struct step_records *r = &d->r->step[step].records;
    u32                  columns = 2;
    r->field = arena_array(d->a, struct field, r->columns);
    s->unit = arena_array(d->a, slice, r->columns);
    for (u32 i = 0; i < r->columns; i++) {
        r->field[i] = *column_field(d, s->source, s->ref[i]);
        r->field[i].mirror = FIELD_NO_MIRROR;
        s->unit[i] = column_unit(d, s->source, s->ref[i]);
        columns += row_columns(&r->field[i]);
    }
    if (columns <= COLUMNS_MAX) return true;
    findings_error(d->f, s->at, "name fewer fields", "the table of `%.*s` would have %u columns; %d are possible",
                   LEN(s->name), columns, COLUMNS_MAX);
    return false;
}

void step_records_read(struct draft *d, u32 step)
{
    struct step_draft   *s = &d->step[step];
    struct step_records *r = &d->r->step[step].records;
    const struct node   *n = map_find(s->map, "records"), *table = map_find(s->map, "table");
    bool                 good = true;
    r->table = NONE;
    map_check(d, s->map, records_keys, findings_hint(d->f, "records step `%.*s`", LEN(s->name)));
    if (table != NULL) read_name(d, table, "table", &s->table);
    if (n->kind == NODE_TEXT && slice_is(n->text, "all")) {
        if (!s->ok) return;
        s->ref = arena_array(d->a, struct column_ref, all_columns(d, step));
        r->columns = add_all(d, step, s->ref);
    } else {
        good = add_named(d, step, n, &r->columns, &s->ref);
    }
    s->ok = s->ok && good;
    if (s->ok) s->ok = make_fields(d, step);
}

const struct recipe_key records_keys[] = {
    { "from", "name", "the source, tag or filter step that it takes records from (required)" },
    { "records", "list of names",
      "a row for each record, with these columns; `all`: every column there is (required)" },
    { "table", "name", "of its rows; default: <source>_<step>" },
    { NULL, NULL, NULL },
};
