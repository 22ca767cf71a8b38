/* SPDX-License-Identifier: Apache-2.0 */
/* key.c: the columns that name a group, as a reader sees them: values, and their order. */
#include "weir/groups.h"
#include "weir/rows.h"

static u64 cell_u64(const u8 *row, const struct group_column *c)
{
    u64 v;
    memcpy(&v, row + c->at, sizeof v);
    return v;
}

static u32 cell_id(const u8 *row, const struct group_column *c)
{
    u32 id;
    memcpy(&id, row + c->at, sizeof id);
    return id;
}

static bool cell_null(const u8 *row, const struct group_column *c)
{
    if (!c->flag) return cell_id(row, c) == 0;
    return row[c->flag] == (c->type == FIELD_NET ? NET_NULL : 1);
}

void groups_value(const struct groups *g, const struct group_row *row, u32 column, struct value *out)
{
    WEIR_ASSERT(column < g->layout->keys + g->layout->carried);
    const struct group_column *c = &g->layout->column[column];
    const u8                  *at = (const u8 *)row;
    *out = (struct value){ VALUE_NULL };
    if (cell_null(at, c)) return;
    switch (c->type) {
    case FIELD_U64: out->kind = VALUE_U64, out->u = cell_u64(at, c); break;
    case FIELD_MAC: out->kind = VALUE_MAC, out->u = cell_u64(at, c); break;
    case FIELD_TIME: out->kind = VALUE_I64, out->i = (i64)cell_u64(at, c); break;
    case FIELD_ADDR: out->kind = VALUE_ADDR, memcpy(out->at.b, at + c->at, sizeof out->at.b); break;
    case FIELD_NET:
        out->kind = VALUE_NET;
        memcpy(out->range.at.b, at + c->at, sizeof out->range.at.b);
        out->range.bits = at[c->flag];
        break;
    default: out->kind = VALUE_TEXT, out->text = strings_get(&g->words, cell_id(at, c)); break;
    }
}

static int cell_cmp(const struct groups *ga, const u8 *a, const struct groups *gb, const u8 *b,
                    const struct group_column *c)
{
    bool no_a = cell_null(a, c), no_b = cell_null(b, c);
    if (no_a || no_b) return no_b - no_a;
    u64 x, y;
    int order;
    switch (c->type) {
    case FIELD_NET: order = memcmp(a + c->at, b + c->at, 16); return order ? order : a[c->flag] - b[c->flag];
    case FIELD_ADDR: return memcmp(a + c->at, b + c->at, 16);
    case FIELD_U64:
    case FIELD_MAC:
    case FIELD_TIME:
        x = cell_u64(a, c), y = cell_u64(b, c);
        if (c->type == FIELD_TIME) return ((i64)x > (i64)y) - ((i64)x < (i64)y);
        return (x > y) - (x < y);
    default:
        if (ga == gb && cell_id(a, c) == cell_id(b, c)) return 0;
        return slice_cmp(strings_get(&ga->words, cell_id(a, c)), strings_get(&gb->words, cell_id(b, c)));
    }
}

int groups_key_cmp(const struct groups *ga, const struct group_row *a, const struct groups *gb,
                   const struct group_row *b)
{
    for (u32 i = 0; i < ga->layout->keys; i++) {
        int order = cell_cmp(ga, (const u8 *)a, gb, (const u8 *)b, &ga->layout->column[i]);
        if (order) return order;
    }
    return 0;
}
