/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.c: values to cells, and the tails of paths. The document is checked: no step here looks for its faults. */
#include "decode/json_value.h"

#include "decode/json_text.h"
#include "decode/json_time.h"

#include <math.h>

/* The wish and where it is had. */
struct job {
    const struct json_wish *wish;
    const struct json_doc  *d;
    struct arena           *room;
};

static enum json_reason one_fill(const struct job *j, u32 token, void *cell);

/* ---- text of a value ---- */

/* A number, a word or a bracket as written. */
static slice word_text(const struct json_doc *d, u32 token)
{
    const char *from = d->at + d->token[token], *end = d->at + d->token[token + 1];
    while (end > from + 1 && json_blank(end[-1])) end--;
    return slice_of(from, (size_t)(end - from));
}

/* A string's bytes. */
static slice string_text(const struct job *j, u32 token)
{
    slice raw = json_string_raw(j->d, token);
    if (!j->d->escapes || memchr(raw.at, '\\', raw.len) == NULL) return raw;
    char *to = arena_alloc(j->room, json_unescaped_len(raw) + 1);
    return slice_of(to, json_unescape(raw, to));
}

static slice token_text(const struct json_doc *d, u32 token)
{
    if (json_first(d, token) != '"') return word_text(d, token);
    slice raw = json_string_raw(d, token);
    return slice_of(raw.at - 1, raw.len + 2);
}

/* An object's text without white space; what is escaped stays so. The last token of all has nothing behind it, but
 * is the document's, and no value. */
static slice object_text(const struct job *j, u32 token)
{
    u32    behind = json_behind(j->d, token);
    size_t len = 0;
    for (u32 i = token; i < behind; i++) len += token_text(j->d, i).len;
    char *text = arena_alloc(j->room, len), *to = text;
    for (u32 i = token; i < behind; i++) {
        slice part = token_text(j->d, i);
        memcpy(to, part.at, part.len);
        to += part.len;
    }
    return slice_of(text, len);
}

/* ---- numbers ---- */

/* A number as written: digits with a point somewhere among them. */
struct number {
    const char *at;
    u32         whole, fraction; /* digits before and behind the point   */
    i32         exponent;        /* held to what no line's digits undo   */
    bool        minus;
};

#define EXPONENT_MAX 10000000

static u32 digits_count(slice s, size_t from)
{
    size_t i = from;
    while (i < s.len && (u8)(s.at[i] - '0') < 10) i++;
    return (u32)(i - from);
}

/* [eE][+-]digits from `i` to the end. */
static bool exponent_read(slice s, size_t i, i32 *out)
{
    i32 value = 0;
    if (s.at[i] != 'e' && s.at[i] != 'E') return false;
    bool minus = ++i < s.len && s.at[i] == '-';
    if (i < s.len && (s.at[i] == '-' || s.at[i] == '+')) i++;
    if (i == s.len || i + digits_count(s, i) != s.len) return false;
    for (; i < s.len && value < EXPONENT_MAX; i++) value = value * 10 + (s.at[i] - '0');
    *out = minus ? -value : value;
    return true;
}

/* JSON's form, leading zeros allowed; false: another. */
static bool number_read(slice s, struct number *n)
{
    *n = (struct number){ .minus = s.len > 0 && s.at[0] == '-' };
    size_t i = n->minus;
    n->at = s.at + i;
    n->whole = digits_count(s, i);
    i += n->whole;
    if (n->whole == 0) return false;
    if (i < s.len && s.at[i] == '.') {
        n->fraction = digits_count(s, i + 1);
        i += 1 + n->fraction;
        if (n->fraction == 0) return false;
    }
    return i == s.len || exponent_read(s, i, &n->exponent);
}

/* Exactly, or not: digits that count behind the point are refused. */
static enum json_reason number_whole(const struct number *n, u64 *out)
{
    i64  kept = (i64)n->whole + n->exponent; /* digits before the point, once it is moved */
    u32  count = n->whole + n->fraction;
    bool over = false, rest = false;
    u64  value = 0;
    for (u32 i = 0; i < count; i++) {
        u32 digit = (u8)(n->at[i < n->whole ? i : i + 1] - '0');
        rest |= i >= kept && digit != 0;
        if (i >= kept) continue;
        over |= __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value);
    }
    for (i64 i = count; i < kept && value != 0 && !over; i++) over = __builtin_mul_overflow(value, 10u, &value);
    if (n->minus && (value != 0 || rest || over)) return JSON_BELOW;
    if (rest) return JSON_WHOLE;
    *out = value;
    return over ? JSON_OVER : JSON_GOOD;
}

static enum json_reason whole_fill(slice text, u64 scale, u64 *cell)
{
    u64 value = 0;
    u32 digits = 0;
    while (digits < text.len && digits < 19 && (u8)(text.at[digits] - '0') < 10)
        value = value * 10 + (u64)(text.at[digits++] - '0');
    if (digits == 0 || digits < text.len) {
        struct number    n;
        enum json_reason why = number_read(text, &n) ? number_whole(&n, &value) : JSON_WHOLE;
        if (why != JSON_GOOD) return why;
    }
    return __builtin_mul_overflow(value, scale, cell) ? JSON_SCALED : JSON_GOOD;
}

static enum json_reason decimal_fill(slice text, const struct rule *rule, void *cell)
{
    switch (parse_f64(text, rule, cell)) {
    case REASON_NONE: return JSON_GOOD;
    case REASON_DECIMAL_RANGE: return JSON_DECIMAL_RANGE;
    case REASON_DECIMAL_LONG: return JSON_DECIMAL_LONG;
    default: return JSON_DECIMAL;
    }
}

/* ---- one value ---- */

static enum json_reason time_fill(slice text, u64 parts, nanos *cell)
{
    return json_time_is_number(text) ? json_time_number(text, parts, cell) : json_time_text(text, cell);
}

/* Four parts of one to three digits, nothing more; else addr_parse has the last word. */
static bool v4_fill(slice text, addr *out)
{
    u32 four = 0, part = 0, digits = 0, dots = 0;
    if (text.len < 7 || text.len > 15) return false;
    for (size_t i = 0; i < text.len; i++) {
        u32 digit = (u8)(text.at[i] - '0');
        if (digit < 10 && digits < 3 && !(digits > 0 && part == 0)) {
            part = part * 10 + digit;
            digits++;
        } else if (text.at[i] == '.' && digits > 0 && part < 256) {
            four = four << 8 | part;
            part = digits = 0;
            dots++;
        } else {
            return false;
        }
    }
    if (dots != 3 || digits == 0 || part > 255) return false;
    four = __builtin_bswap32(four << 8 | part);
    *out = (addr){ { [10] = 0xff, [11] = 0xff } };
    memcpy(out->b + 12, &four, 4);
    return true;
}

static enum json_reason text_fill(slice text, slice *cell)
{
    *cell = text;
    return JSON_GOOD;
}

static enum json_reason string_fill(const struct job *j, u32 token, void *cell)
{
    slice text = string_text(j, token);
    if (text.len == j->wish->null.len && text.len > 0 && slice_eq(text, j->wish->null)) return JSON_NULL;
    switch (j->wish->type) {
    case FIELD_U64: return whole_fill(text, j->wish->rule.scale, cell);
    case FIELD_F64: return decimal_fill(text, &j->wish->rule, cell);
    case FIELD_TIME: return time_fill(text, j->wish->rule.scale, cell);
    case FIELD_ADDR: return v4_fill(text, cell) || addr_parse(text, cell) ? JSON_GOOD : JSON_ADDR;
    case FIELD_MAC: return parse_mac(text, NULL, cell) == REASON_NONE ? JSON_GOOD : JSON_MAC;
    default: return text_fill(text, cell);
    }
}

/* A number, true or false. */
static enum json_reason word_fill(const struct job *j, u32 token, void *cell)
{
    slice text = word_text(j->d, token);
    char  first = text.at[0];
    bool  number = first != 't' && first != 'f';
    switch (j->wish->type) {
    case FIELD_U64:
        if (number) return whole_fill(text, j->wish->rule.scale, cell);
        return whole_fill(first == 't' ? S("1") : S("0"), j->wish->rule.scale, cell);
    case FIELD_F64: return number ? decimal_fill(text, &j->wish->rule, cell) : JSON_DECIMAL;
    case FIELD_TIME: return json_time_number(text, j->wish->rule.scale, cell);
    case FIELD_ADDR: return JSON_ADDR;
    case FIELD_MAC: return JSON_MAC;
    default: return text_fill(text, cell);
    }
}

/* Into arrays, as long as there are any; JSON_NONE: one has no elements. */
static u32 first_of(const struct json_doc *d, u32 token)
{
    while (json_first(d, token) == '[')
        if (json_first(d, ++token) == ']') return JSON_NONE;
    return token;
}

static enum json_reason one_fill(const struct job *j, u32 token, void *cell)
{
    token = first_of(j->d, token);
    if (token == JSON_NONE) return JSON_NULL;
    switch (json_first(j->d, token)) {
    case 'n': return JSON_NULL;
    case '"': return string_fill(j, token, cell);
    case '{': return j->wish->type == FIELD_STRING ? text_fill(object_text(j, token), cell) : JSON_OBJECT;
    default: return word_fill(j, token, cell);
    }
}

/* ---- tails ---- */

static bool is_name(const struct json_doc *d, u32 token, slice name)
{
    char  room[JSON_NAME_MAX];
    slice raw = json_string_raw(d, token);
    if (!d->escapes || memchr(raw.at, '\\', raw.len) == NULL) return slice_eq(raw, name);
    if (json_unescaped_len(raw) != name.len) return false;
    return slice_eq(slice_of(room, json_unescape(raw, room)), name);
}

/* The last member of that name in the first object that `token` leads to; JSON_NONE: none. */
static u32 member_of(const struct json_doc *d, u32 token, slice name)
{
    u32 found = JSON_NONE;
    token = first_of(d, token);
    if (token == JSON_NONE || json_first(d, token) != '{') return JSON_NONE;
    for (u32 i = token + 1; json_first(d, i) != '}';) {
        if (is_name(d, i, name)) found = i + 2;
        i = json_behind(d, i + 2);
        if (json_first(d, i) == ',') i++;
    }
    return found;
}

/* Element `at`: *element is its token, JSON_NONE: there are fewer. Gives how many were passed. */
static u32 element_of(const struct json_doc *d, u32 token, u32 at, u32 *element)
{
    u32 count = 0;
    *element = at == 0 ? token : JSON_NONE;
    if (json_first(d, token) != '[') return 1;
    *element = JSON_NONE;
    for (u32 i = token + 1; json_first(d, i) != ']'; count++) {
        if (count == at) {
            *element = i;
            return count;
        }
        i = json_behind(d, i);
        if (json_first(d, i) == ',') i++;
    }
    return count;
}

/* Along names and elements, to the first other step; JSON_NONE: nothing there. */
static u32 tail_go(const struct json_doc *d, u32 token, const struct json_step *step, u32 steps, u32 *done)
{
    for (*done = 0; *done < steps && token != JSON_NONE; ++*done) {
        const struct json_step *s = &step[*done];
        if (s->kind == JSON_STEP_NAME) token = member_of(d, token, s->name);
        else if (s->kind == JSON_STEP_ITEM) element_of(d, token, s->item, &token);
        else break;
    }
    return token;
}

#define JOINED_BYTES 4096u

/* Strings of all elements with commas between them; what is longer than most goes to `long_at`. */
struct joined {
    char   short_at[JOINED_BYTES];
    char  *long_at;
    size_t len, max; /* max: bytes of the array as written, which they are no longer than */
    bool   any;
};

static char *joined_at(struct joined *to)
{
    return to->long_at != NULL ? to->long_at : to->short_at;
}

static void join(struct joined *to, slice text, struct arena *room)
{
    size_t len = to->len + to->any + text.len;
    WEIR_ASSERT(len <= to->max);
    if (len > JOINED_BYTES && to->long_at == NULL) {
        to->long_at = arena_alloc(room, to->max);
        memcpy(to->long_at, to->short_at, to->len);
    }
    char *at = joined_at(to);
    if (to->any) at[to->len] = ',';
    if (text.len > 0) memcpy(at + len - text.len, text.at, text.len);
    to->len = len;
    to->any = true;
}

/* Adds or joins one element's value. */
static enum json_reason element_add(const struct job *j, u32 token, struct joined *text, u64 *whole, double *decimal)
{
    union { u64 whole; double decimal; slice text; } cell;
    enum json_reason why = one_fill(j, token, &cell);
    if (why != JSON_GOOD) return why == JSON_NULL ? JSON_GOOD : why;
    if (j->wish->type == FIELD_STRING) {
        join(text, cell.text, j->room);
        return JSON_GOOD;
    }
    text->any = true;
    if (j->wish->type == FIELD_U64) return __builtin_add_overflow(*whole, cell.whole, whole) ? JSON_OVER : JSON_GOOD;
    *decimal += cell.decimal;
    return isfinite(*decimal) ? JSON_GOOD : JSON_DECIMAL_RANGE;
}

/* Values of `rest` in every element. */
static enum json_reason all_fill(const struct job *j, u32 token, const struct json_step *rest, u32 steps, void *cell)
{
    struct joined    text; /* not zeroed: it is large */
    enum json_reason why = JSON_GOOD;
    u64              whole = 0;
    double           decimal = 0;
    u32              i, done;
    bool             array = json_first(j->d, token) == '[';
    text.long_at = NULL, text.len = 0, text.any = false;
    text.max = j->d->token[json_behind(j->d, token)] - j->d->token[token];
    for (i = token + array; why == JSON_GOOD && json_first(j->d, i) != ']';) {
        u32 at = tail_go(j->d, i, rest, steps, &done);
        if (at != JSON_NONE) why = element_add(j, at, &text, &whole, &decimal);
        i = json_behind(j->d, i);
        if (!array) break;
        if (json_first(j->d, i) == ',') i++;
    }
    if (why != JSON_GOOD || !text.any) return why != JSON_GOOD ? why : JSON_NULL;
    if (j->wish->type == FIELD_STRING) {
        slice joined = slice_of(joined_at(&text), text.len);
        if (text.long_at == NULL) joined = arena_copy(j->room, joined);
        memcpy(cell, &joined, sizeof joined);
    } else {
        memcpy(cell, j->wish->type == FIELD_U64 ? (void *)&whole : (void *)&decimal, sizeof whole);
    }
    return JSON_GOOD;
}

static enum json_reason tail_fill(const struct job *j, u32 token, void *cell)
{
    const struct json_wish *w = j->wish;
    u32 done, none, at = tail_go(j->d, token, w->step, w->steps, &done);
    if (at == JSON_NONE || json_first(j->d, at) == 'n') return JSON_NULL;
    if (done == w->steps) return one_fill(j, at, cell);
    if (w->step[done].kind == JSON_STEP_ALL) return all_fill(j, at, w->step + done + 1, w->steps - done - 1, cell);
    u64 count = element_of(j->d, at, UINT32_MAX, &none);
    return __builtin_mul_overflow(count, w->rule.scale, (u64 *)cell) ? JSON_SCALED : JSON_GOOD;
}

enum json_reason json_fill(const struct json_wish *wish, const struct json_doc *d, u32 token, struct arena *room,
                           void *cell)
{
    struct job j = { wish, d, room };
    return wish->steps == 0 ? one_fill(&j, token, cell) : tail_fill(&j, token, cell);
}

const char *json_wish_check(const struct json_wish *w)
{
    for (u32 i = 0; i < w->steps; i++) {
        if (w->step[i].kind == JSON_STEP_COUNT && w->type != FIELD_U64) return "path with [#] for other than u64";
        if (w->step[i].kind == JSON_STEP_ALL && w->type != FIELD_U64 && w->type != FIELD_F64 && w->type != FIELD_STRING)
            return "path with [*] for other than u64, f64 and string";
    }
    return NULL;
}
