/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: JSON with one object a line (NDJSON, Suricata's EVE, alert_json of Snort 3) to columns.
 *
 * A layout's field names its value by a path (json_path.h); json_value.h says what value a type takes, json_walk.h what
 * of a line is checked: all. Some lines at a time are indexed by vector code (json/index.h), each is walked once beside
 * the tree of wanted names, then its cells are filled. A block of lines that the index finds a fault in is indexed
 * again line by line, so that one bad line costs no other. A value that is not there is null; a line with a value that
 * does not fit its column is refused as a whole. */
#include "decode/json_value.h"
#include "decode/share.h"
#include "json/index.h"
#include "weir/decoder.h"

#include <stdlib.h>

#define JSON_LINE_MAX (1u << 20) /* bytes without LF or CR LF                       */
#define BLOCK_BYTES   16384u     /* indexed at once, unless one line is longer      */
#define SAMPLE_BEFORE 16u        /* bytes of a sample before the place of its fault */

/* A used field. */
struct target {
    u32              field, slot, node;
    u32              size; /* bytes of a cell */
    struct json_wish wish;
    char            *cells;
    u64             *nulls;
    bool             some; /* a row of this batch is null */
};

struct decoder {
    struct arena       arena; /* until close       */
    struct arena       text;  /* until the next call: strings that do not stand in the chunk so */
    struct json_index *index;
    struct json_tree   tree;
    locale_t           c;
    u32                targets, columns;
    struct target     *target;
    struct target     *time; /* that is the event time; NULL: the container gives it */
    struct column     *column;
    u32               *place; /* of the line's wanted values, by node */
    u32                guess; /* tokens of the last line              */
};

/* One call of decode. */
struct pass {
    slice           text;
    u64             offset;
    bool            last;
    size_t          at;   /* consumed                           */
    u64             line; /* number of the next line in the chunk */
    u32             rows; /* in the batch                       */
    struct rejects *bad;
};

/* ---- the layout ---- */

/* Of numbers a factor; of a time given as a number how many units a second has. */
static bool scale_fits(enum field_type type, u64 scale)
{
    if (type == FIELD_TIME) return scale == 1 || scale == 1000 || scale == 1000000 || scale == 1000000000;
    return type == FIELD_U64 || type == FIELD_F64 ? scale > 0 : scale <= 1;
}

static err field_check(const struct decoder *d, const struct layout_field *f, const struct schema *schema, i64 number)
{
    if (f->slot >= d->columns) return layout_error("slot beyond the schema", number);
    if (d->column[f->slot].cells != NULL) return layout_error("two fields for one column", number);
    if (f->field.type == FIELD_SAMPLING || f->field.type == FIELD_BINS)
        return layout_error("type that JSON does not have", number);
    if (schema->field[f->slot].type != f->field.type) return layout_error("type is not the column's", number);
    if (!scale_fits(f->field.type, f->scale))
        return layout_error(f->field.type == FIELD_TIME ? "scale of a time is not 1, 1000, 1000000 or 1000000000"
                                                  : "scale that does not go with the type", number);
    return OK;
}

static err target_init(struct decoder *d, const struct layout *l, u32 number, const struct schema *schema)
{
    const struct layout_field *f = &l->field[number];
    struct json_path           path;
    err e = field_check(d, f, schema, number);
    if (err_is(e)) return e;
    const char *wrong = json_path_read(f->column, &d->arena, &path);
    if (wrong != NULL) return layout_error(wrong, number);
    struct target *t = &d->target[d->targets++];
    u32            tail, shift = 64 * (d->targets % 48); /* as line.c: not all at one place of a page */
    *t = (struct target){ .field = number, .slot = f->slot, .size = cell_size(f->field.type, 0) };
    t->node = json_tree_add(&d->tree, &path, &tail);
    t->wish = (struct json_wish){ .type = f->field.type, .steps = path.steps - tail, .step = path.step + tail,
                                  .null = arena_copy(&d->arena, l->null), .rule = { .scale = f->scale, .c = d->c } };
    if ((wrong = json_wish_check(&t->wish)) != NULL) return layout_error(wrong, number);
    t->cells = (char *)arena_alloc(&d->arena, (size_t)t->size * BATCH_ROWS + shift) + shift;
    t->nulls = arena_array(&d->arena, u64, BATCH_ROWS / 64);
    d->column[f->slot].cells = t->cells;
    if (number == l->time) d->time = t;
    return f->field.type == FIELD_TIME || number != l->time ? OK : layout_error("event time of another type", number);
}

static err targets_init(struct decoder *d, const struct layout *l, const struct schema *schema)
{
    u32 used = 0;
    err e = OK;
    if (l->fields > FIELDS_MAX) return layout_error("layout of more than 1024 fields", -1);
    for (u32 i = 0; i < l->fields; i++) used += l->field[i].used;
    d->target = arena_array(&d->arena, struct target, used + 1);
    json_tree_init(&d->tree, 1 + used * JSON_STEPS_MAX, &d->arena);
    for (u32 i = 0; i < l->fields && !err_is(e); i++)
        if (l->field[i].used) e = target_init(d, l, i, schema);
    if (err_is(e)) return e;
    if (l->time != LAYOUT_NO_TIME && d->time == NULL) return layout_error("event time that is not used", l->time);
    json_tree_done(&d->tree, &d->arena);
    d->place = arena_array(&d->arena, u32, d->tree.nodes);
    return OK;
}

static void json_close(struct decoder *d)
{
    if (d->c) freelocale(d->c);
    json_index_close(d->index);
    arena_fini(&d->text);
    arena_fini(&d->arena);
    free(d);
}

static err json_open(struct decoder **out, const struct layout *layout, const struct schema *schema)
{
    *out = NULL;
    struct decoder *d = calloc(1, sizeof *d);
    WEIR_ASSERT(d != NULL);
    arena_init(&d->arena, 0);
    arena_init(&d->text, JSON_LINE_MAX + 64); /* a line's longest text fits each block: no odd ones pile up */
    d->columns = schema->tags + schema->measures;
    d->column = arena_array(&d->arena, struct column, d->columns + 1);
    d->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    WEIR_ASSERT(d->c != (locale_t)0);
    d->index = json_index_open(JSON_LINE_MAX + 2);
    err e = d->index != NULL ? targets_init(d, layout, schema) : layout_error("simdjson does not run here", -1);
    if (err_is(e)) json_close(d);
    else *out = d;
    return e;
}

/* ---- refusals ---- */

static void reject_add(struct pass *p, enum json_reason why, u32 field, slice sample)
{
    struct reject at = { .reason = why, .line = (u32)p->line, .offset = p->offset + p->at, .field = field };
    reject_keep(p->bad, at, sample);
}

/* The whole line, its sample a little before position `at`. */
static void reject_line(struct pass *p, enum json_reason why, slice line, size_t at)
{
    size_t from = at > SAMPLE_BEFORE ? at - SAMPLE_BEFORE : 0;
    reject_add(p, why, UINT32_MAX, slice_of(line.at + from, line.len - from));
}

/* The sample of a value begins with it. */
static void reject_value(struct pass *p, enum json_reason why, const struct target *t, const struct json_doc *doc,
                         u32 token)
{
    if (token == JSON_NONE) {
        reject_add(p, why, t->field, (slice){ 0 });
        return;
    }
    u32 behind = json_behind(doc, token), from = doc->token[token], end = doc->token[behind];
    while (end > from && json_blank(doc->at[end - 1])) end--;
    reject_add(p, why, t->field, slice_of(doc->at + from, end - from));
}

static enum json_reason reason_of(enum json_fault fault)
{
    static const enum json_reason reasons[] = {
        [JSON_FAULT_UTF8] = JSON_UTF8,       [JSON_FAULT_STRING_OPEN] = JSON_STRING_OPEN,
        [JSON_FAULT_CONTROL] = JSON_CONTROL, [JSON_FAULT_BLANK] = JSON_EMPTY,
        [JSON_FAULT_OTHER] = JSON_NOT_OBJECT,
    };
    return reasons[fault];
}

/* ---- a line ---- */

/* What is wrong with tokens that do not begin with { and end with }: never reached by good lines. */
static enum json_reason frame_fault(const struct json_doc *doc, slice line, u32 *at)
{
    u32 open = 0;
    *at = doc->token[0];
    if (line.len >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0) return JSON_BOM;
    if (json_first(doc, 0) != '{') return JSON_NOT_OBJECT;
    for (u32 i = 0; i < doc->tokens; i++) {
        char c = json_first(doc, i);
        *at = doc->token[i];
        if (i > 0 && open == 0) return JSON_TRAILING;
        open += c == '{' || c == '[';
        open -= c == '}' || c == ']';
    }
    return JSON_CUT;
}

static void cell_null(struct target *t, u32 row, bool null)
{
    u64 bit = 1ull << (row & 63);
    t->nulls[row >> 6] = (t->nulls[row >> 6] & ~bit) | (u64)null << (row & 63);
    t->some |= null;
}

/* Of the value of the event time: may a window hold it? */
static enum json_reason event_time(const struct target *t, u32 row, enum json_reason why)
{
    if (why == JSON_NULL) return JSON_TIME_NONE;
    if (why != JSON_GOOD) return why;
    nanos at = ((const nanos *)(const void *)t->cells)[row];
    return at < EVENT_TIME_MIN || at > EVENT_TIME_MAX ? JSON_TIME_RANGE : JSON_GOOD;
}

/* Fills the row behind the last; false: refused. */
static bool row_fill(struct decoder *d, struct pass *p, const struct json_doc *doc)
{
    for (u32 i = 0; i < d->targets; i++) {
        struct target   *t = &d->target[i];
        u32              token = d->place[t->node];
        enum json_reason why = JSON_NULL;
        if (token != JSON_NONE) why = json_fill(&t->wish, doc, token, &d->text, t->cells + (size_t)p->rows * t->size);
        if (t == d->time) why = event_time(t, p->rows, why);
        if (why < JSON_GOOD) {
            reject_value(p, why, t, doc, token);
            return false;
        }
        cell_null(t, p->rows, why == JSON_NULL);
    }
    return true;
}

/* doc: of this line, positions from its first byte on. */
static void line_take(struct decoder *d, struct pass *p, const struct json_doc *doc, slice line)
{
    u32 at = 0, begin = (u32)(line.at - doc->at);
    enum json_reason why;
    if (doc->tokens == 0) {
        why = JSON_EMPTY;
    } else if (json_first(doc, 0) != '{' || json_first(doc, doc->tokens - 1) != '}') {
        why = frame_fault(doc, line, &at);
    } else {
        why = json_walk(&d->tree, doc, d->place, &at);
    }
    if (line.len > JSON_LINE_MAX) why = JSON_LONG, at = begin;
    if (why != JSON_GOOD) reject_line(p, why, line, at > begin ? at - begin : 0);
    else p->rows += row_fill(d, p, doc);
}

/* ---- blocks ---- */

/* The line that begins at p->at, without LF and CR; *next: bytes with them. */
static slice line_of(const struct pass *p, size_t end, size_t *next)
{
    const char *from = p->text.at + p->at, *lf = memchr(from, '\n', end - p->at);
    size_t      len = lf != NULL ? (size_t)(lf - from) : end - p->at;
    *next = len + (lf != NULL);
    return slice_of(from, len - (len > 0 && from[len - 1] == '\r'));
}

static void line_done(struct pass *p, size_t next)
{
    p->at += next;
    p->line++;
}

/* How many of the tokens stand before `end`; lines of a file are alike, so look near the last line's count. */
static u32 tokens_before(struct decoder *d, const u32 *token, u32 tokens, size_t end)
{
    u32 n = d->guess < tokens ? d->guess : tokens;
    while (n > 0 && token[n - 1] >= end) n--;
    while (n < tokens && token[n] < end) n++;
    d->guess = n;
    return n;
}

/* Lines of a block in which something is wrong, each by itself. */
static void lines_apart(struct decoder *d, struct pass *p, size_t end)
{
    while (p->at < end && p->rows < BATCH_ROWS) {
        size_t          next;
        slice           line = line_of(p, end, &next);
        struct json_doc doc = { .at = line.at };
        enum json_fault fault = json_index_scan(d->index, line.at, line.len, &doc.token, &doc.tokens);
        if (fault != JSON_SOUND) {
            reject_line(p, reason_of(fault), line, 0);
        } else {
            doc.escapes = memchr(line.at, '\\', line.len) != NULL;
            line_take(d, p, &doc, line);
        }
        line_done(p, next);
    }
}

/* Lines of a block whose index is sound. The library's plain code takes a backslash and a LF in a string for an escape,
 * where its vector code sees a control character: from a line with a backslash at its end on, none is believed. */
static void lines_indexed(struct decoder *d, struct pass *p, size_t end, const u32 *token, u32 tokens, bool escapes)
{
    size_t base = p->at;
    while (p->at < end && p->rows < BATCH_ROWS) {
        size_t next;
        slice  line = line_of(p, end, &next);
        if (escapes && line.len > 0 && line.at[line.len - 1] == '\\') {
            lines_apart(d, p, end);
            return;
        }
        u32    mine = tokens_before(d, token, tokens, p->at - base + next);
        struct json_doc doc = { p->text.at + base, token, mine, escapes };
        line_take(d, p, &doc, line);
        line_done(p, next);
        token += mine;
        tokens -= mine;
    }
}

/* End of the lines that are decoded next: as many as fit a block, or one that is longer. 0: none that ends within
 * JSON_LINE_MAX and a CR LF. */
static size_t block_end(const struct pass *p)
{
    const char *from = p->text.at + p->at;
    size_t      left = p->text.len - p->at, most = left < JSON_LINE_MAX + 2 ? left : JSON_LINE_MAX + 2;
    if (p->last && left <= BLOCK_BYTES) return p->text.len;
    const char *lf = memrchr(from, '\n', left < BLOCK_BYTES ? left : BLOCK_BYTES);
    if (lf == NULL && left > BLOCK_BYTES) lf = memchr(from + BLOCK_BYTES, '\n', most - BLOCK_BYTES);
    if (lf != NULL) return p->at + (size_t)(lf - from) + 1;
    return p->last && left == most ? p->text.len : 0;
}

/* A line that did not end within JSON_LINE_MAX. True: it is refused and passed over; false: its end is not there. */
static bool long_line_skip(struct pass *p)
{
    slice left = slice_of(p->text.at + p->at, p->text.len - p->at);
    if (left.len <= JSON_LINE_MAX + 1) return false;
    const char *lf = memchr(left.at, '\n', left.len);
    if (lf == NULL && !p->last) return false;
    reject_line(p, JSON_LONG, left, 0);
    line_done(p, lf != NULL ? (size_t)(lf - left.at) + 1 : left.len);
    return true;
}

/* False: no whole line is left. */
static bool block_decode(struct decoder *d, struct pass *p)
{
    const u32  *token;
    u32         tokens;
    size_t      end = block_end(p), len = end - p->at;
    const char *from = p->text.at + p->at;
    if (end == 0) return long_line_skip(p);
    if (json_index_scan(d->index, from, len, &token, &tokens) == JSON_SOUND)
        lines_indexed(d, p, end, token, tokens, memchr(from, '\\', len) != NULL);
    else
        lines_apart(d, p, end);
    return true;
}

/* ---- the contract ---- */

static void json_decode(struct decoder *d, slice text, u64 offset, bool last, struct batch *out, struct rejects *bad,
                        size_t *used, u64 *lines)
{
    struct pass p = { .text = text, .offset = offset, .last = last, .line = *lines, .bad = bad };
    arena_reset(&d->text);
    for (u32 i = 0; i < d->targets; i++) {
        memset(d->target[i].nulls, 0, BATCH_ROWS / 8);
        d->target[i].some = false;
    }
    while (p.rows < BATCH_ROWS && p.at < text.len && block_decode(d, &p)) continue;
    for (u32 i = 0; i < d->targets; i++) {
        struct target *t = &d->target[i];
        if (p.rows < BATCH_ROWS) cell_null(t, p.rows, false); /* of a line refused last */
        d->column[t->slot].nulls = t->some ? t->nulls : NULL;
    }
    *out = (struct batch){ .rows = p.rows, .columns = d->columns, .column = d->column };
    if (d->time != NULL) out->time = (const nanos *)(const void *)d->time->cells;
    *used = p.at;
    *lines = p.line;
}

static const char *const json_reasons[JSON_REASONS + 1] = {
    [JSON_EMPTY]         = "empty line",
    [JSON_LONG]          = "line over 1 MiB",
    [JSON_BOM]           = "byte order mark before the object",
    [JSON_UTF8]          = "not UTF-8",
    [JSON_STRING_OPEN]   = "string is not closed",
    [JSON_CONTROL]       = "control character in a string",
    [JSON_NOT_OBJECT]    = "not a JSON object",
    [JSON_CUT]           = "object is not closed",
    [JSON_TRAILING]      = "text behind the object",
    [JSON_NAME]          = "no member name where one must be",
    [JSON_COLON]         = "no colon behind a member name",
    [JSON_COMMA]         = "neither comma nor end behind a value",
    [JSON_VALUE]         = "not a JSON value",
    [JSON_NUMBER]        = "not a JSON number",
    [JSON_ESCAPE]        = "wrong escape in a string",
    [JSON_DEEP]          = "nested over 1024 deep",
    [JSON_TIME_NONE]     = "no event time",
    [JSON_OBJECT]        = "object instead of one value",
    [JSON_WHOLE]         = "not a whole number",
    [JSON_BELOW]         = "number below 0",
    [JSON_OVER]          = "number over 64 bits",
    [JSON_SCALED]        = "number over 64 bits when scaled",
    [JSON_DECIMAL]       = "not a decimal number",
    [JSON_DECIMAL_RANGE] = "decimal number out of range",
    [JSON_DECIMAL_LONG]  = "decimal number over 1024 bytes",
    [JSON_TIME]          = "not a time",
    [JSON_TIME_YEAR]     = "time without a year",
    [JSON_TIME_FRACTION] = "time finer than ns",
    [JSON_TIME_RANGE]    = "time out of range",
    [JSON_ADDR]          = "not an IP address",
    [JSON_MAC]           = "not a MAC address",
};
static_assert(JSON_REASONS < REASONS_MAX, "rejects count every reason");
static_assert(DECIMAL_MAX == 1024 && JSON_LINE_MAX == 1 << 20 && JSON_DEPTH_MAX == 1024,
    "limits stand in the reasons' words");

const struct decoder_type decoder_json = {
    .name     = "json",
    .reasons  = json_reasons,
    .line_max = JSON_LINE_MAX,
#ifndef WEIR_SIMDJSON
    .missing  = "built without simdjson",
#endif
    .open     = json_open,
    .close    = json_close,
    .decode   = json_decode,
};
