/* SPDX-License-Identifier: Apache-2.0 */
/* state_objects.c: operators, their objects and pages as rows of state.db.
 *
 * A page is written where it stands: an update of the same length changes SQLite's pages in place, and only those whose
 * bytes differ. Objects are known in memory, so that a cut looks nothing up but the sums of the pages it replaces. */
#include "snapshot/state.h"
#include "weir/hash.h"

#include <stdlib.h>
#include <string.h>

#define PART_BITS 30 /* of a page id: part and number */

static u64 sum_page(i64 id, slice bytes)
{
    return hash_checksum(bytes.at, bytes.len, (u64)id << 3 | STATE_SUM_PAGE);
}

/* --- operators --- */

const struct state_op *state_op_find(const struct state *s, slice name)
{
    for (u32 i = 0; i < s->ops; i++)
        if (slice_is(name, s->op[i].name)) return &s->op[i];
    return NULL;
}

static i64 op_row_free(const struct state *s)
{
    i64 row = 1;
    for (u32 i = 0; i < s->ops; i++)
        if (s->op[i].row >= row) row = s->op[i].row + 1;
    return row;
}

err state_op_put(struct state *s, slice name, u64 fingerprint, i64 *row)
{
    struct state_op *op = (struct state_op *)(uintptr_t)state_op_find(s, name);
    if (op != NULL) {
        s->total -= state_sum_op(op);
        op->fingerprint = fingerprint;
    } else {
        struct state_op fresh = { op_row_free(s), slice_dup(name), fingerprint };
        s->op = realloc(s->op, (s->ops + 1) * sizeof *s->op);
        WEIR_ASSERT(s->op != NULL);
        op = &s->op[s->ops++];
        *op = fresh;
    }
    *row = op->row;
    s->total += state_sum_op(op);
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OP_PUT, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, op->row);
    sqlite_bind_text(st, 2, slice_str(op->name));
    sqlite_bind_u64(st, 3, fingerprint);
    sqlite_bind_u64(st, 4, state_sum_op(op));
    return state_done(s, st, "writing an operator");
}

err state_op_drop(struct state *s, i64 row)
{
    err e = OK;
    for (u32 i = s->objects; i-- > 0 && !err_is(e);)
        if (s->object[i].op == row) e = state_object_drop(s, row, s->object[i].object);
    if (err_is(e)) return e;
    sqlite3_stmt *st;
    e = state_statement(s, STATE_OP_DROP, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, row);
    e = state_done(s, st, "dropping an operator");
    for (u32 i = 0; i < s->ops && !err_is(e); i++) {
        if (s->op[i].row != row) continue;
        s->total -= state_sum_op(&s->op[i]);
        free(s->op[i].name);
        s->op[i] = s->op[--s->ops];
        break;
    }
    return e;
}

/* --- objects and pages --- */

/* Where (op, object) is or would be. */
static u32 object_place(const struct state *s, i64 op, u64 object, bool *found)
{
    u32 low = 0, high = s->objects;
    struct state_object key = { .op = op, .object = object };
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (state_object_cmp(&s->object[middle], &key) < 0) low = middle + 1;
        else high = middle;
    }
    *found = low < s->objects && state_object_cmp(&s->object[low], &key) == 0;
    return low;
}

/* Row ids are given upwards; what was dropped last before a start is given again. At 1,000 objects a minute they last
 * for eight years; then an export makes a file that counts from 1. */
static err object_row_free(struct state *s, i64 *row)
{
    if (s->rows_used + 1 < STATE_OBJECTS_MAX) {
        *row = ++s->rows_used;
        return OK;
    }
    state_refuse(s, "no row id for an object", "no row id left for an object: export and import the state");
    return (err){ ERR_FULL, "no row id for an object", STATE_OBJECTS_MAX };
}

/* The object; made with an empty head if it is new. */
static err object_get(struct state *s, i64 op, u64 object, struct state_object **out, bool *fresh)
{
    bool found;
    u32 place = object_place(s, op, object, &found);
    *fresh = !found;
    if (!found) {
        i64 row;
        err e = object_row_free(s, &row);
        if (err_is(e)) return e;
        state_object_room(s);
        struct state_object *o = &s->object[place];
        memmove(o + 1, o, (s->objects - place) * sizeof *o);
        s->objects++;
        *o = (struct state_object){ .op = op, .object = object, .row = row,
                                    .head_sum = state_sum_slice(STATE_SUM_OBJECT, slice_of(NULL, 0)) };
    }
    *out = &s->object[place];
    return OK;
}

static err object_put(struct state *s, const struct state_object *o, slice head)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OBJECT_PUT, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, o->row);
    sqlite3_bind_int64(st, 2, o->op);
    sqlite_bind_u64(st, 3, o->object);
    sqlite_bind_blob(st, 4, head);
    sqlite_bind_u64(st, 5, o->pages);
    sqlite_bind_u64(st, 6, o->bytes);
    sqlite_bind_u64(st, 7, o->page_sum);
    sqlite_bind_u64(st, 8, state_sum_object(o));
    return state_done(s, st, "writing an object");
}

err state_head_put(struct state *s, i64 op, u64 object, slice head)
{
    struct state_object *o;
    bool fresh;
    err e = object_get(s, op, object, &o, &fresh);
    if (err_is(e)) return e;
    if (!fresh) s->total -= state_sum_object(o);
    o->head_sum = state_sum_slice(STATE_SUM_OBJECT, head);
    o->head_bytes = head.len;
    s->total += state_sum_object(o);
    return object_put(s, o, head);
}

/* The object's row after its pages changed; the head stays. */
static err object_count(struct state *s, const struct state_object *o)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OBJECT_COUNT, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, o->row);
    sqlite_bind_u64(st, 2, o->pages);
    sqlite_bind_u64(st, 3, o->bytes);
    sqlite_bind_u64(st, 4, o->page_sum);
    sqlite_bind_u64(st, 5, state_sum_object(o));
    return state_done(s, st, "writing an object");
}

/* The sum and length of the page that stands there; *there false: none. */
static err page_old(struct state *s, i64 id, bool *there, u64 *sum, u64 *bytes)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_PAGE_SUM, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, id);
    e = state_next(s, st, there, "reading a page's sum");
    if (err_is(e) || !*there) return e;
    slice old = sqlite_slice(st, 0);
    if (old.len == sizeof *sum) memcpy(sum, old.at, sizeof *sum);
    else e = state_damaged(s, "page", id, "has no check sum");
    *bytes = sqlite_u64(st, 1);
    sqlite3_reset(st);
    return e;
}

/* An update of the same length changes SQLite's pages in place, and only those whose bytes differ. */
err state_page_put(struct state *s, i64 op, u64 object, enum image_part part, u32 number, slice bytes)
{
    WEIR_ASSERT((u32)part < PARTS && PARTS <= 4);
    if (number >= STATE_PAGES_MAX) return (err){ ERR_FULL, "too many pages in an object", STATE_PAGES_MAX };
    struct state_object *o;
    bool fresh, there = false;
    err e = object_get(s, op, object, &o, &fresh);
    if (!err_is(e) && fresh) e = object_put(s, o, slice_of(NULL, 0));
    if (err_is(e)) return e;
    if (fresh) s->total += state_sum_object(o);
    i64 id = o->row << PART_BITS | (i64)part << 28 | (i64)number;
    u64 old_sum = 0, old_bytes = 0, sum = sum_page(id, bytes);
    e = page_old(s, id, &there, &old_sum, &old_bytes);
    if (err_is(e)) return e;
    sqlite3_stmt *st;
    e = state_statement(s, there ? STATE_PAGE_CHANGE : STATE_PAGE_PUT, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, id);
    sqlite_bind_blob(st, 2, slice_of((const char *)&sum, sizeof sum));
    sqlite_bind_blob(st, 3, bytes);
    e = state_done(s, st, "writing a page");
    s->total -= state_sum_object(o);
    o->pages += !there;
    o->bytes += bytes.len - old_bytes;
    o->page_sum += sum - old_sum;
    s->total += state_sum_object(o);
    return err_is(e) ? e : object_count(s, o);
}

err state_object_drop(struct state *s, i64 op, u64 object)
{
    bool found;
    u32 place = object_place(s, op, object, &found);
    if (!found) return OK;
    struct state_object o = s->object[place];
    sqlite3_stmt *pages, *self;
    err e = state_statement(s, STATE_PAGE_DROP, &pages);
    if (!err_is(e)) e = state_statement(s, STATE_OBJECT_DROP, &self);
    if (err_is(e)) return e;
    sqlite3_bind_int64(pages, 1, o.row << PART_BITS);
    sqlite3_bind_int64(pages, 2, (o.row + 1) << PART_BITS);
    e = state_done(s, pages, "dropping pages");
    if (err_is(e)) return e;
    sqlite3_bind_int64(self, 1, o.row);
    e = state_done(s, self, "dropping an object");
    s->total -= state_sum_object(&o);
    s->objects--;
    memmove(&s->object[place], &s->object[place + 1], (s->objects - place) * sizeof o);
    return e;
}

/* --- reading operators --- */

static err told_off(struct state *s, const struct state_op *op, const struct state_object *o, err e)
{
    char text[256];
    return state_refuse(s, "state does not fit", "operator %s, object %llu: %s", op->name,
                        (unsigned long long)(o ? o->object : 0), err_text(e, text, sizeof text));
}

static err read_head(struct state *s, const struct state_op *op, const struct state_object *o, struct image_reader *to)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OBJECT_HEAD, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, o->row);
    bool row;
    e = state_next(s, st, &row, "reading a head");
    if (err_is(e)) return e;
    if (!row) return state_damaged(s, "object", o->row, "is missing");
    slice head = sqlite_slice(st, 0);
    if (state_sum_slice(STATE_SUM_OBJECT, head) != o->head_sum) {
        e = state_damaged(s, "object", o->row, "head's check sum differs");
    } else {
        err told = to->head(to, o->object, head);
        if (err_is(told)) e = told_off(s, op, o, told);
    }
    sqlite3_reset(st);
    return e;
}

static err read_page(struct state *s, const struct state_op *op, struct state_object *seen, sqlite3_stmt *st,
                     struct image_reader *to)
{
    i64 id = sqlite3_column_int64(st, 0);
    slice old = sqlite_slice(st, 1), bytes = sqlite_slice(st, 2);
    u64 sum = sum_page(id, bytes);
    if (old.len != sizeof sum || memcmp(old.at, &sum, sizeof sum) != 0)
        return state_damaged(s, "page", id, "check sum differs");
    u32 part = (u32)(id >> 28) & 3;
    if (part >= PARTS) return state_damaged(s, "page", id, "is of no part");
    seen->pages++;
    seen->page_sum += sum;
    err told = to->page(to, seen->object, (enum image_part)part, (u32)id & (STATE_PAGES_MAX - 1), bytes);
    return err_is(told) ? told_off(s, op, seen, told) : OK;
}

static err read_pages(struct state *s, const struct state_op *op, const struct state_object *o, struct image_reader *to)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_PAGE_GET, &st);
    if (err_is(e)) return e;
    sqlite3_bind_int64(st, 1, o->row << PART_BITS);
    sqlite3_bind_int64(st, 2, (o->row + 1) << PART_BITS);
    struct state_object seen = { .object = o->object };
    bool row = true;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading pages");
        if (!err_is(e) && row) e = read_page(s, op, &seen, st, to);
    }
    sqlite3_reset(st);
    if (!err_is(e) && (seen.pages != o->pages || seen.page_sum != o->page_sum))
        e = state_damaged(s, "page", o->row << PART_BITS, "pages of this object are missing or doubled");
    return e;
}

err state_op_read(struct state *s, const struct state_op *op, struct image_reader *to)
{
    err e = OK;
    for (u32 i = 0; i < s->objects && !err_is(e); i++)
        if (s->object[i].op == op->row) e = read_head(s, op, &s->object[i], to);
    for (u32 i = 0; i < s->objects && !err_is(e); i++)
        if (s->object[i].op == op->row) e = read_pages(s, op, &s->object[i], to);
    if (err_is(e)) return e;
    err told = to->done(to);
    return err_is(told) ? told_off(s, op, NULL, told) : OK;
}
