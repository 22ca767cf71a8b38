/* SPDX-License-Identifier: Apache-2.0 */
/* line.c: text with one record a line, fields between single separators, to columns (the format P2 writes).
 *
 * Works in blocks small enough that text, index and cells stay in the first caches: scan.h makes the index of a block,
 * the lines with as many fields as the layout become rows, columns.h fills one used column after another, then rows
 * with a field that does not parse are taken out again. A line is good or refused as a whole; a field that is not used
 * is never looked at. The last line of the input counts without LF, too; a CR before a line's end is no part of it. */
#include "decode/line.h"

#include "decode/columns.h"
#include "decode/scan.h"
#include "decode/share.h"
#include "weir/arena.h"
#include "weir/strings.h"

#include <stdlib.h>

#define BLOCK_BYTES 24576u /* text of a block, unless one line is longer */

/* The index: it grows by a step while no line has ended within the limit, or fewer lines than a batch takes have. */
#define CUTS_MAX  (1 + LINE_BYTES_MAX + SCAN_STEP + SCAN_SLACK + 1)
#define LINES_MAX (BATCH_ROWS + SCAN_STEP + 1)

/* A used field: where its cells go. */
struct target {
    u32             field, slot;
    enum field_type type;
    u32             size; /* bytes of a cell */
    struct rule     rule;
    column_fn      *fill;
    char           *cells;
    u64            *nulls;   /* valid if `some` */
    bool            some;    /* a row of this batch is null */
};

/* A line that ends in the block. */
struct found {
    u32 at, end;      /* without LF and CR                                   */
    u32 next;         /* byte behind the line                                */
    u32 row;          /* of the block; UINT32_MAX: refused                   */
    u8  why;
};

struct decoder {
    struct arena     arena;
    u32              fields;
    char             separator;
    struct null_text null;
    locale_t         c;
    scan_fn         *scan;
    u32              targets;
    struct target   *target;
    struct target   *time; /* that is the event time; NULL: the file gives it */
    u32              columns;
    struct column   *column;
    struct scan      index;
    struct block     block;
    u32              founds;
    struct found     found[BATCH_ROWS];
    u64              nulls[BATCH_ROWS / 64]; /* of the column just filled, by the block's rows */
};

/* One call of decode. */
struct pass {
    slice           text;
    u64             offset;
    bool            last;
    size_t          at;    /* consumed      */
    u64             line;  /* number of the next line in the chunk */
    u32             rows;  /* in the batch  */
    struct rejects *bad;
};

/* ---- the layout ---- */

static bool scalable(enum field_type type)
{
    return type == FIELD_U64 || type == FIELD_F64 || type == FIELD_BINS;
}

static err layout_check(const struct layout *l)
{
    if (l->fields == 0) return layout_error("layout without fields", -1);
    if (l->fields > FIELDS_MAX) return layout_error("layout of more than 1024 fields", -1);
    if (l->separator == '\n' || l->separator == '\r' || l->separator == 0)
        return layout_error("separator is CR, LF or NUL", -1);
    if (l->null.len > NULL_TEXT_MAX) return layout_error("null text over 16 bytes", -1);
    for (size_t i = 0; i < l->null.len; i++) {
        char c = l->null.at[i];
        if (c == l->separator || c == '\n' || c == '\r' || c == 0)
            return layout_error("null text with the separator, CR, LF or NUL", -1);
    }
    return OK;
}

/* A used field against the column it fills. */
static err field_check(const struct layout *layout, const struct layout_field *f, const struct schema *schema,
                       u32 number, const bool *taken)
{
    if (f->slot >= schema->tags + schema->measures) return layout_error("slot beyond the schema", number);
    const struct field *column = &schema->field[f->slot];
    if (taken[f->slot]) return layout_error("two fields for one column", number);
    if (parse_of(f->field.type) == NULL) return layout_error("type that no text has", number);
    if (column->type != f->field.type) return layout_error("type is not the column's", number);
    if (f->field.type == FIELD_BINS && (f->field.bins == 0 || f->field.bins > BINS_MAX))
        return layout_error("bins must be 1 to 64", number);
    if (f->field.type == FIELD_BINS && column->bins != f->field.bins) return layout_error("bins are not the column's",
        number);
    if (number == layout->time && f->field.type != FIELD_TIME)
        return layout_error("event time of another type", number);
    if (scalable(f->field.type) && f->scale == 0) return layout_error("scale of 0", number);
    if (!scalable(f->field.type) && f->scale > 1) return layout_error("type that cannot be scaled", number);
    return OK;
}

static void target_init(struct decoder *d, struct target *t, const struct layout_field *f, u32 number, enum path path)
{
    *t = (struct target){
        .field = number,
        .slot  = f->slot,
        .type  = f->field.type,
        .size  = cell_size(f->field.type, f->field.bins),
        .rule  = { .scale = f->scale, .bins = f->field.bins, .c = d->c },
        .fill  = column_of(path, f->field.type),
    };
    /* columns must not all begin at one place of a page: reading a row of each would use few sets of the cache */
    size_t shift = 64 * (size_t)(d->targets % 48);
    t->cells = (char *)arena_alloc(&d->arena, (size_t)t->size * BATCH_ROWS + shift) + shift;
    t->nulls = arena_array(&d->arena, u64, BATCH_ROWS / 64);
    d->column[f->slot].cells = t->cells;
}

static err targets_init(struct decoder *d, const struct layout *layout, const struct schema *schema, enum path path)
{
    bool *taken = arena_array(&d->arena, bool, d->columns + 1);
    d->target = arena_array(&d->arena, struct target, layout->fields);
    d->column = arena_array(&d->arena, struct column, d->columns + 1);
    for (u32 i = 0; i < layout->fields; i++) {
        const struct layout_field *f = &layout->field[i];
        if (!f->used) continue;
        err e = field_check(layout, f, schema, i, taken);
        if (err_is(e)) return e;
        taken[f->slot] = true;
        target_init(d, &d->target[d->targets], f, i, path);
        if (i == layout->time) d->time = &d->target[d->targets];
        d->targets++;
    }
    return OK;
}

static void line_close(struct decoder *d)
{
    if (d->c) freelocale(d->c);
    arena_fini(&d->arena);
    free(d);
}

err line_open(struct decoder **out, const struct layout *layout, const struct schema *schema, enum path path)
{
    *out = NULL;
    err e = layout_check(layout);
    if (err_is(e)) return e;
    struct decoder *d = calloc(1, sizeof *d);
    WEIR_ASSERT(d != NULL);
    arena_init(&d->arena, 0);
    d->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    WEIR_ASSERT(d->c != (locale_t)0);
    d->fields    = layout->fields;
    d->separator = layout->separator;
    d->scan      = scan_of(path);
    d->columns   = schema->tags + schema->measures;
    d->null.len  = (u32)layout->null.len;
    if (d->null.len > 0) memcpy(d->null.tail + 16 - d->null.len, layout->null.at, d->null.len);
    d->index.cut  = arena_array(&d->arena, u32, CUTS_MAX);
    d->index.line = arena_array(&d->arena, u32, LINES_MAX);
    e = targets_init(d, layout, schema, path);
    if (err_is(e)) {
        line_close(d);
        return e;
    }
    *out = d;
    return OK;
}

static err line_open_best(struct decoder **out, const struct layout *layout, const struct schema *schema)
{
    return line_open(out, layout, schema, path_best());
}

/* ---- refusals ---- */

static void reject_add(struct pass *p, u32 why, u64 line, u64 offset, u32 field, slice sample)
{
    reject_keep(p->bad, (struct reject){ .reason = why, .line = (u32)line, .offset = offset, .field = field }, sample);
}

/* Tells the lines of the block that are refused, in order. */
static void rejects_tell(struct decoder *d, struct pass *p)
{
    const struct block *b = &d->block;
    for (u32 i = 0; i < d->founds; i++) {
        const struct found *f = &d->found[i];
        slice sample = slice_of(b->text + f->at, f->end - f->at);
        u32   why = f->why, field = UINT32_MAX;
        if (f->row != UINT32_MAX && b->why[f->row] != REASON_NONE) {
            why   = b->why[f->row];
            field = b->where[f->row];
            u32 at = b->cut[b->row[f->row] + field - 1] + 1, end = b->cut[b->row[f->row] + field];
            sample = slice_of(b->text + at, (end < f->end ? end : f->end) - at);
        }
        if (why != REASON_NONE) reject_add(p, why, p->line + i, p->offset + p->at + f->at, field, sample);
    }
}

/* ---- a block ---- */

/* A line without LF at the end of the input ends where the text ends. */
static void scan_last(struct scan *s, u32 len)
{
    u32 begins = s->lines ? s->cut[s->line[s->lines - 1]] + 1 : 0;
    if (begins == len) return;
    s->line[s->lines++] = s->cuts;
    s->cut[s->cuts++]   = len;
}

/* Indexes what is left of the text until there are `want` lines or a block of them. No line: none ends within
 * LINE_BYTES_MAX and a CR LF, or within the text. */
static void block_scan(struct decoder *d, const struct pass *p, u32 want)
{
    struct scan *s    = &d->index;
    const char  *text = p->text.at + p->at;
    size_t       left = p->text.len - p->at;
    u32          end  = (u32)(left < LINE_BYTES_MAX + 2 ? left : LINE_BYTES_MAX + 2), to = 0;
    s->cut[0] = UINT32_MAX;
    s->cuts   = 1;
    s->lines  = 0;
    s->nul    = false;
    while (to < end && s->lines < want && (to < BLOCK_BYTES || s->lines == 0)) {
        u32 from = to;
        to = end - from < SCAN_STEP ? end : from + SCAN_STEP;
        d->scan(s, text, from, to, d->separator);
    }
    if (p->last && to == left && s->lines < want) scan_last(s, to);
}

static enum reason line_fault(const struct decoder *d, const struct found *f, u32 ends)
{
    u32 len = f->end - f->at;
    if (len > LINE_BYTES_MAX) return REASON_LINE_LONG;
    if (d->index.nul && memchr(d->block.text + f->at, 0, len) != NULL) return REASON_NUL;
    if (ends < d->fields || len == 0) return REASON_FIELDS_MISSING;
    return ends > d->fields ? REASON_FIELDS_SURPLUS : REASON_NONE;
}

/* Makes rows of the lines that are as the layout says. Gives the number of faulty ones. */
static u32 block_admit(struct decoder *d, u32 lines)
{
    const struct scan *s = &d->index;
    struct block      *b = &d->block;
    u32                before = 0, faulty = 0;
    b->rows = 0;
    b->cr   = false;
    for (u32 i = 0; i < lines; i++) {
        u32          ends = s->line[i] - before, at = s->cut[before] + 1, end = s->cut[s->line[i]];
        struct found f = { .at = at, .end = end, .next = end + 1, .row = UINT32_MAX, .why = REASON_NONE };
        if (end > at && b->text[end - 1] == '\r') {
            f.end--;
            b->cr = true;
        }
        f.why = (u8)line_fault(d, &f, ends);
        if (f.why == REASON_NONE) {
            b->row[b->rows] = before + 1;
            f.row = b->rows++;
        } else {
            faulty++;
        }
        d->found[i] = f;
        before = s->line[i];
    }
    d->founds = lines;
    memset(b->why, REASON_NONE, b->rows);
    return faulty;
}

/* Sets the bits of the block's rows in the batch's bitmap, which begins to be used with the first null. */
static void target_nulls(struct target *t, u32 base, u32 rows, const u64 *nulls)
{
    if (!t->some) memset(t->nulls, 0, BATCH_ROWS / 8);
    t->some = true;
    u32 word = base >> 6, shift = base & 63;
    for (u32 i = 0; i * 64 < rows; i++) {
        t->nulls[word + i] |= nulls[i] << shift;
        if (shift != 0 && word + i + 1 < BATCH_ROWS / 64) t->nulls[word + i + 1] |= nulls[i] >> (64 - shift);
    }
}

/* No window could take them. */
static void refuse_timeless(struct block *b, u32 field, const u64 *nulls)
{
    for (u32 r = 0; r < b->rows; r++) {
        if (!(nulls[r >> 6] >> (r & 63) & 1) || b->why[r] != REASON_NONE) continue;
        b->why[r] = REASON_TIME_NONE;
        b->where[r] = (u16)field;
    }
}

/* Nor these: they are so far off that a window would end behind the last ns. */
static void refuse_far(struct block *b, u32 field, const void *cells)
{
    const nanos *time = cells;
    for (u32 r = 0; r < b->rows; r++) {
        if (time[r] <= EVENT_TIME_MAX || b->why[r] != REASON_NONE) continue;
        b->why[r] = REASON_TIME_RANGE;
        b->where[r] = (u16)field;
    }
}

static void block_fill(struct decoder *d, u32 base)
{
    struct block *b = &d->block;
    for (u32 i = 0; i < d->targets; i++) {
        struct target    *t   = &d->target[i];
        struct column_job job = {
            .block = b,
            .null  = &d->null,
            .rule  = t->rule,
            .type  = t->type,
            .field = t->field,
            .size  = t->size,
            .cr    = b->cr && t->field + 1 == d->fields,
            .cells = t->cells + (size_t)base * t->size,
            .nulls = d->nulls,
        };
        t->fill(&job);
        if (job.any) target_nulls(t, base, b->rows, d->nulls);
        if (job.any && t == d->time) refuse_timeless(b, t->field, d->nulls);
        if (t == d->time) refuse_far(b, t->field, job.cells);
    }
}

/* Takes a column's refused rows out of the batch, from row `base`. */
static void target_compact(const struct block *b, struct target *t, u32 base)
{
    u32 to = base;
    for (u32 r = 0; r < b->rows; r++) {
        if (b->why[r] != REASON_NONE) continue;
        u32 from = base + r;
        memmove(t->cells + (size_t)to * t->size, t->cells + (size_t)from * t->size, t->size);
        if (t->some) {
            u64 null = t->nulls[from >> 6] >> (from & 63) & 1;
            t->nulls[to >> 6] = (t->nulls[to >> 6] & ~(1ull << (to & 63))) | null << (to & 63);
        }
        to++;
    }
    for (; t->some && to < base + b->rows; to++) t->nulls[to >> 6] &= ~(1ull << (to & 63));
}

/* Rows of the block that stay. */
static u32 block_compact(struct decoder *d, u32 base)
{
    const struct block *b = &d->block;
    u32 good = 0;
    for (u32 r = 0; r < b->rows; r++) good += b->why[r] == REASON_NONE;
    if (good == b->rows) return good;
    for (u32 i = 0; i < d->targets; i++) target_compact(b, &d->target[i], base);
    return good;
}

/* A line that did not end within LINE_BYTES_MAX. True: it is refused and passed over; false: its end is not there. */
static bool long_line_skip(struct pass *p)
{
    slice left = slice_of(p->text.at + p->at, p->text.len - p->at);
    if (left.len <= LINE_BYTES_MAX + 1) return false;
    const char *lf = memchr(left.at, '\n', left.len);
    if (lf == NULL && !p->last) return false;
    reject_add(p, REASON_LINE_LONG, p->line, p->offset + p->at, UINT32_MAX, left);
    p->at += lf ? (size_t)(lf - left.at) + 1 : left.len;
    p->line++;
    return true;
}

/* One block of lines into the batch. False: no whole line is left. */
static bool block_decode(struct decoder *d, struct pass *p)
{
    u32 room = BATCH_ROWS - p->rows;
    d->block.text = p->text.at + p->at;
    block_scan(d, p, room);
    d->block.cut = d->index.cut;
    u32 lines = d->index.lines < room ? d->index.lines : room;
    if (lines == 0) return long_line_skip(p);
    u32 faulty = block_admit(d, lines);
    block_fill(d, p->rows);
    u32 good = block_compact(d, p->rows);
    if (faulty > 0 || good < d->block.rows) rejects_tell(d, p);
    size_t behind = d->found[lines - 1].next, left = p->text.len - p->at;
    p->at += behind < left ? behind : left; /* the last line may lack its LF */
    p->line += lines;
    p->rows += good;
    return true;
}

/* ---- the contract ---- */

static void line_decode(struct decoder *d, slice text, u64 offset, bool last, struct batch *out, struct rejects *bad,
                        size_t *used, u64 *lines)
{
    struct pass p = { .text = text, .offset = offset, .last = last, .line = *lines, .bad = bad };
    for (u32 i = 0; i < d->targets; i++) d->target[i].some = false;
    while (p.rows < BATCH_ROWS && p.at < text.len && block_decode(d, &p)) continue;
    for (u32 i = 0; i < d->targets; i++)
        d->column[d->target[i].slot].nulls = d->target[i].some ? d->target[i].nulls : NULL;
    out->rows    = p.rows;
    out->columns = d->columns;
    out->column  = d->column;
    out->time    = d->time ? (const nanos *)(const void *)d->time->cells : NULL;
    *used        = p.at;
    *lines       = p.line;
}

static const char *const line_reasons[REASONS + 1] = {
    [REASON_FIELDS_MISSING]    = "fields missing",
    [REASON_FIELDS_SURPLUS]    = "too many fields",
    [REASON_NUL]               = "NUL byte in the line",
    [REASON_LINE_LONG]         = "line over 64 KiB",
    [REASON_FIELD_EMPTY]       = "empty field",
    [REASON_NUMBER]            = "not a whole number",
    [REASON_NUMBER_RANGE]      = "number over 64 bits",
    [REASON_NUMBER_SCALED]     = "number over 64 bits when scaled",
    [REASON_DECIMAL]           = "not a decimal number",
    [REASON_DECIMAL_RANGE]     = "decimal number out of range",
    [REASON_DECIMAL_LONG]      = "decimal number over 1024 bytes",
    [REASON_TIME]              = "not a time in seconds",
    [REASON_TIME_FRACTION]     = "time with more than 9 fraction digits",
    [REASON_TIME_RANGE]        = "time out of range",
    [REASON_TIME_NONE]         = "no event time",
    [REASON_ADDR]              = "not an IP address",
    [REASON_MAC]               = "not a MAC address",
    [REASON_STRING_UTF8]       = "string is not UTF-8",
    [REASON_STRING_LONG]       = "string over 4096 bytes",
    [REASON_SAMPLING]          = "not a sampling n:min:avg:max",
    [REASON_SAMPLING_NEGATIVE] = "negative sampling value",
    [REASON_SAMPLING_COUNT]    = "sampling count over 64 bits",
    [REASON_SAMPLING_RANGE]    = "sampling value out of range",
    [REASON_SAMPLING_ORDER]    = "sampling minimum above its maximum",
    [REASON_BINS_FEW]          = "bins missing",
    [REASON_BINS_MANY]         = "too many bins",
    [REASON_BIN]               = "bin is not a whole number",
};
static_assert(REASONS < REASONS_MAX, "rejects count every reason");
static_assert(STRING_BYTES_MAX == 4096 && DECIMAL_MAX == 1024 && LINE_BYTES_MAX == 65536,
    "limits stand in the reasons' words");

const struct decoder_type decoder_line = {
    .name    = "p2",
    .reasons = line_reasons,
    .placed  = true,
    .open    = line_open_best,
    .close   = line_close,
    .decode  = line_decode,
};
