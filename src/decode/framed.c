/* SPDX-License-Identifier: Apache-2.0 */
/* framed.c: see framed.h. */
#include "decode/framed.h"

/* ---- the layout ---- */

/* Which of the format's columns the field is; checks its type, scale and slot. */
static err column_find(const struct framed *f, const struct decoder_column *all, const struct layout_field *field,
                       const struct schema *schema, u32 number, u32 *is)
{
    for (*is = 0; all[*is].name != NULL && !slice_is(field->column, all[*is].name);) ++*is;
    if (all[*is].name == NULL) return layout_error("no column of this format", number);
    if (field->slot >= f->columns) return layout_error("slot beyond the schema", number);
    if (all[*is].type != field->field.type || schema->field[field->slot].type != field->field.type)
        return layout_error("type is not the column's", number);
    if (field->scale > 1) return layout_error("columns of this format have no scale", number);
    if (f->column[field->slot].cells != NULL) return layout_error("two fields for one column", number);
    return OK;
}

static err target_init(struct framed *f, const struct decoder_column *all, const struct layout_field *field,
                       const struct schema *schema, u32 number)
{
    u32 is;
    err e = column_find(f, all, field, schema, number, &is);
    if (err_is(e)) return e;
    struct framed_target *t = &f->target[f->targets++];
    *t = (struct framed_target){ .is = is, .type = field->field.type, .slot = field->slot };
    t->cells = arena_alloc(&f->arena, (size_t)cell_size(t->type, 0) * BATCH_ROWS);
    t->nulls = arena_array(&f->arena, u64, BATCH_ROWS / 64);
    f->column[field->slot].cells = t->cells;
    return OK;
}

err framed_open(struct framed *f, const struct decoder_column *all, const struct layout *layout,
                const struct schema *schema)
{
    err e = OK;
    *f = (struct framed){ .columns = schema->tags + schema->measures };
    arena_init(&f->arena, 0);
    f->column = arena_array(&f->arena, struct column, f->columns + 1);
    f->target = arena_array(&f->arena, struct framed_target, layout->fields + 1);
    f->time = arena_array(&f->arena, nanos, BATCH_ROWS);
    for (u32 i = 0; i < layout->fields && !err_is(e); i++)
        if (layout->field[i].used) e = target_init(f, all, &layout->field[i], schema, i);
    if (err_is(e)) framed_close(f);
    return e;
}

void framed_close(struct framed *f)
{
    arena_fini(&f->arena);
}

/* ---- a batch ---- */

void framed_begin(struct framed *f)
{
    for (u32 i = 0; i < f->targets; i++) {
        f->target[i].some = false;
        f->target[i].text_len = 0;
    }
}

void framed_batch(const struct framed *f, u32 rows, struct batch *out)
{
    for (u32 i = 0; i < f->targets; i++)
        f->column[f->target[i].slot].nulls = f->target[i].some ? f->target[i].nulls : NULL;
    *out = (struct batch){ .rows = rows, .columns = f->columns, .column = f->column, .time = f->time };
}

/* ---- refusals ---- */

void framed_reject(struct framed_pass *p, u32 why, slice bytes)
{
    struct reject at = { .reason = why, .line = (u32)p->line, .offset = p->offset + p->at, .field = UINT32_MAX };
    reject_keep_bytes(p->bad, at, bytes);
}

void framed_give_up(struct framed_pass *p, u32 why)
{
    slice rest = slice_of(p->text.at + p->at, p->text.len - p->at);
    if (!p->last || rest.len == 0) return;
    framed_reject(p, why, rest);
    p->at = p->text.len;
    p->line++;
}
