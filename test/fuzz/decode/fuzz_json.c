/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_json.c: weir's JSON against jansson's, line by line: both take a line or both refuse it, and see the same in it.
 *
 * Input: where the text is cut in two, then the text. It is decoded once for each column below; jansson reads every
 * line by itself. Where the two are meant to differ, the comparisons say so; where weir reads U+FFFD for an escape that
 * jansson refuses or keeps, jansson is given \ufffd: the rest must be the same. Texts of more than 60 lines are passed
 * over, so that every refusal is kept. */
#include "weir/decoder.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define LINES      60u
#define JOINED_MAX 65536u

enum kind { NOTHING, TEXT, WHOLE, DECIMAL, BELOW, JOINED, COUNT, KINDS };

static const struct { const char *path; enum field_type type; } columns[KINDS] = {
    [NOTHING] = { "a", FIELD_STRING }, /* not used: the line alone */
    [TEXT] = { "a", FIELD_STRING },       [WHOLE] = { "a", FIELD_U64 },     [DECIMAL] = { "a", FIELD_F64 },
    [BELOW] = { "a.b", FIELD_STRING },    [JOINED] = { "a[*]", FIELD_STRING }, [COUNT] = { "a[#]", FIELD_U64 },
};

/* What weir made of a line. */
struct seen {
    bool   there, null;
    u32    reason; /* if it is not a row */
    slice  text;   /* a copy             */
    u64    whole;
    double decimal;
};

/* What jansson made of it. */
struct read {
    json_t *json;     /* NULL: refused                                                 */
    bool    as_reals; /* an integer was beyond its 63 bits: integers are doubles here  */
    bool    either;   /* it refuses what weir may take                                 */
};

static void cell_see(struct seen *s, const struct column *c, enum kind kind, u32 row)
{
    s->there = true;
    s->null = kind == NOTHING || column_null(c, row);
    if (s->null) return;
    if (columns[kind].type == FIELD_STRING) {
        slice text = ((const slice *)c->cells)[row];
        s->text = slice_of(slice_dup(text), text.len);
    } else if (columns[kind].type == FIELD_U64) {
        s->whole = ((const u64 *)c->cells)[row];
    } else {
        s->decimal = ((const double *)c->cells)[row];
    }
}

/* Lines in order: those that are not refused are the rows. */
static u32 batch_see(struct seen *seen, u32 from, u64 lines, const struct batch *b, const struct rejects *bad,
                     enum kind kind)
{
    u32 row = 0, refused = 0;
    for (u32 i = from; i < lines; i++) {
        WEIR_ASSERT(i < LINES);
        if (refused < bad->kept && bad->kept_at[refused].line == i) {
            seen[i].reason = bad->kept_at[refused++].reason;
            WEIR_ASSERT(decoder_json.reasons[seen[i].reason] != NULL);
        } else {
            cell_see(&seen[i], b->column, kind, row++);
        }
    }
    WEIR_ASSERT(row == b->rows && refused == bad->kept);
    return (u32)lines;
}

/* Decodes a copy that ends where its memory ends, in two pieces. */
static u32 text_see(struct decoder *d, slice text, size_t cut, struct seen *seen, enum kind kind)
{
    static struct rejects bad;
    char  *room = malloc(text.len + 128);
    size_t at = 0, used = 0;
    u32    from = 0;
    u64    lines = 0;
    WEIR_ASSERT(room != NULL);
    memset(room, '"', text.len + 128);
    if (text.len > 0) memcpy(room + 64, text.at, text.len);
    for (u32 turn = 0; turn < 2; turn++)
        do {
            struct batch b;
            memset(&bad, 0, sizeof bad);
            slice piece = slice_of(room + 64 + at, (turn == 1 ? text.len : cut) - at);
            decoder_json.decode(d, piece, at, turn == 1, &b, &bad, &used, &lines);
            from = batch_see(seen, from, lines, &b, &bad, kind);
            at += used;
        } while (used > 0);
    WEIR_ASSERT(at == text.len);
    free(room);
    return from;
}

static struct decoder *open_kind(enum kind kind)
{
    struct layout_field field = { .field = { .type = columns[kind].type }, .column = slice_str(columns[kind].path),
                                  .scale = 1, .used = kind != NOTHING };
    struct layout       layout = { .null = S("-"), .time = LAYOUT_NO_TIME, .fields = 1, .field = &field };
    struct schema       schema = { 0, kind != NOTHING, &field.field };
    struct decoder     *d;
    WEIR_ASSERT(!err_is(decoder_json.open(&d, &layout, &schema)));
    return d;
}

/* The unit of a \u escape at `at`; UINT32_MAX: there is none. */
static u32 unit_at(slice s, size_t at)
{
    u32 unit = 0;
    if (s.len < at + 6 || s.at[at] != '\\' || s.at[at + 1] != 'u') return UINT32_MAX;
    for (size_t i = at + 2; i < at + 6; i++) {
        const char *digit = s.at[i] ? strchr("0123456789abcdef", s.at[i] | 0x20) : NULL;
        if (digit == NULL || s.at[i] < '0') return UINT32_MAX;
        unit = unit << 4 | (u32)(digit - "0123456789abcdef");
    }
    return unit;
}

/* The text, \ufffd in place of each \u0000 and of each half of a pair that has no other half. A backslash is always
 * inside a string, or the text is bad here and there. Given. */
static slice replaced(slice s)
{
    char *to = slice_dup(s);
    for (size_t at = 0; at < s.len;) {
        u32 unit = unit_at(s, at), low = unit_at(s, at + 6);
        bool pair = unit >= 0xd800 && unit < 0xdc00 && low >= 0xdc00 && low < 0xe000;
        if (!pair && (unit == 0 || (unit >= 0xd800 && unit < 0xe000))) memcpy(to + at, "\\ufffd", 6);
        at += pair ? 12 : unit != UINT32_MAX ? 6 : s.at[at] == '\\' ? 2 : 1;
    }
    return slice_of(to, s.len);
}

/* jansson's integers end at 2^63 - 1, its reals at the greatest double. Weir looks at such a number only if it is
 * wanted. */
static struct read line_read(slice line)
{
    json_error_t fault;
    slice        text = replaced(line);
    struct read  r = { .json = json_loadb(text.at, text.len, 0, &fault) };
    if (r.json == NULL && json_error_code(&fault) == json_error_numeric_overflow) {
        r.json = json_loadb(text.at, text.len, JSON_DECODE_INT_AS_REAL, &fault);
        r.as_reals = true;
    }
    free((char *)(uintptr_t)text.at);
    r.either = r.json == NULL && json_error_code(&fault) == json_error_numeric_overflow;
    if (r.json != NULL && !json_is_object(r.json)) { /* an array */
        json_decref(r.json);
        r.json = NULL;
    }
    return r;
}

static bool is(const struct seen *s, const char *reason)
{
    return !s->there && strcmp(decoder_json.reasons[s->reason], reason) == 0;
}

/* The first element of an array, of its first element ...; NULL: there is none. */
static const json_t *first_of(const json_t *v)
{
    while (json_is_array(v)) v = json_array_get(v, 0);
    return v;
}

/* A string as a string column has it. */
static void check_string(const struct seen *s, const char *at, size_t len)
{
    if (len == 1 && *at == '-') WEIR_ASSERT(s->null);
    else WEIR_ASSERT(s->there && !s->null && slice_eq(s->text, slice_of(at, len)));
}

/* Numbers as written must be the same number, an object's text the same object. */
static void check_written(const struct seen *s, const json_t *v, const struct read *r)
{
    WEIR_ASSERT(s->there && !s->null);
    slice   text = replaced(s->text);
    json_t *again = json_loadb(text.at, text.len, JSON_DECODE_ANY | (r->as_reals ? JSON_DECODE_INT_AS_REAL : 0), NULL);
    WEIR_ASSERT(again != NULL && json_equal(again, v));
    json_decref(again);
    free((char *)(uintptr_t)text.at);
}

static void check_text(const struct seen *s, const json_t *v, const struct read *r)
{
    v = first_of(v);
    if (v == NULL || json_is_null(v)) WEIR_ASSERT(s->there && s->null);
    else if (json_is_string(v)) check_string(s, json_string_value(v), json_string_length(v));
    else check_written(s, v, r);
}

static void check_whole(const struct seen *s, const json_t *v)
{
    v = first_of(v);
    if (v == NULL || json_is_null(v)) WEIR_ASSERT(s->there && s->null);
    else if (json_is_boolean(v)) WEIR_ASSERT(s->there && s->whole == json_is_true(v));
    else if (json_is_object(v)) WEIR_ASSERT(is(s, "object instead of one value"));
    else if (json_is_integer(v) && json_integer_value(v) < 0) WEIR_ASSERT(is(s, "number below 0"));
    else if (json_is_integer(v)) WEIR_ASSERT(s->there && s->whole == (u64)json_integer_value(v));
    else if (json_is_real(v) && s->there) WEIR_ASSERT((double)s->whole == json_real_value(v)); /* weir's is exact */
    else if (json_is_real(v)) WEIR_ASSERT(json_real_value(v) <= 0 || json_real_value(v) >= 0x1p64 ||
                                          is(s, "not a whole number") || is(s, "number over 64 bits"));
}

static void check_decimal(const struct seen *s, const json_t *v)
{
    v = first_of(v);
    if (v == NULL || json_is_null(v)) WEIR_ASSERT(s->there && s->null);
    else if (json_is_boolean(v)) WEIR_ASSERT(is(s, "not a decimal number"));
    else if (json_is_object(v)) WEIR_ASSERT(is(s, "object instead of one value"));
    else if (json_is_number(v) && !is(s, "decimal number over 1024 bytes"))
        WEIR_ASSERT(s->there && s->decimal == json_number_value(v));
}

/* Arrays of strings and nulls; the others are check_written's. */
static void check_joined(const struct seen *s, const json_t *v)
{
    char   to[JOINED_MAX];
    size_t len = 0;
    bool   any = false;
    if (!json_is_array(v)) return;
    WEIR_ASSERT(s->there);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *e = first_of(json_array_get(v, i));
        if (e == NULL || json_is_null(e) || (json_is_string(e) && strcmp(json_string_value(e), "-") == 0)) continue;
        if (!json_is_string(e) || len + json_string_length(e) + 1 > sizeof to) return;
        if (any) to[len++] = ',';
        memcpy(to + len, json_string_value(e), json_string_length(e));
        len += json_string_length(e);
        any = true;
    }
    WEIR_ASSERT(s->null == !any && (!any || slice_eq(s->text, slice_of(to, len))));
}

static void check_count(const struct seen *s, const json_t *v)
{
    WEIR_ASSERT(s->there && s->null == (v == NULL || json_is_null(v)));
    if (!s->null) WEIR_ASSERT(s->whole == (json_is_array(v) ? json_array_size(v) : 1));
}

static void check_value(const struct seen *s, enum kind kind, const struct read *r)
{
    const json_t *v = json_object_get(r->json, "a");
    switch (kind) {
    case NOTHING: break;
    case TEXT: check_text(s, v, r); break;
    case WHOLE: check_whole(s, v); break;
    case DECIMAL: check_decimal(s, v); break;
    case BELOW: check_text(s, json_object_get(first_of(v), "b"), r); break;
    case JOINED: check_joined(s, v); break;
    case COUNT: check_count(s, v); break;
    case KINDS: break;
    }
}

/* seen: of the line, by kind. jansson loses a NUL behind a number; for weir there is none in any good line. */
static void line_check(struct seen (*seen)[LINES], u32 line, slice text)
{
    if (memchr(text.at, 0, text.len) != NULL) {
        for (u32 k = 0; k < KINDS; k++) WEIR_ASSERT(!seen[k][line].there);
        return;
    }
    struct read        r = line_read(text);
    const struct seen *alone = &seen[NOTHING][line];
    if (is(alone, "nested over 1024 deep")) { /* jansson goes to 2048 */
        for (u32 k = 0; k < KINDS; k++) WEIR_ASSERT(seen[k][line].reason == alone->reason);
    } else if (!r.either) {
        WEIR_ASSERT(alone->there == (r.json != NULL));
        for (enum kind k = NOTHING; k < KINDS; k++) {
            if (!alone->there) WEIR_ASSERT(!seen[k][line].there && seen[k][line].reason == alone->reason);
            else check_value(&seen[k][line], k, &r);
        }
    }
    json_decref(r.json);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct seen     seen[KINDS][LINES];
    static struct decoder *decoder[KINDS]; /* kept: what they have decoded must not matter */
    u32                    lines = 1;
    if (size < 1) return 0;
    slice text = slice_of((const char *)data + 1, size - 1), rest = text;
    for (size_t i = 0; i < text.len; i++) lines += text.at[i] == '\n';
    if (lines > LINES) return 0;
    memset(seen, 0, sizeof seen);
    for (enum kind k = NOTHING; k < KINDS; k++) {
        if (decoder[k] == NULL) decoder[k] = open_kind(k);
        u32 count = text_see(decoder[k], text, text.len * data[0] / 256, seen[k], k);
        WEIR_ASSERT(count == lines - (text.len == 0 || text.at[text.len - 1] == '\n'));
    }
    for (u32 i = 0; rest.at != NULL && rest.len > 0; i++) {
        slice line = slice_cut(rest, '\n', &rest);
        line_check(seen, i, line);
    }
    for (u32 k = 0; k < KINDS; k++)
        for (u32 i = 0; i < LINES; i++) free((char *)(uintptr_t)seen[k][i].text.at);
    return 0;
}
