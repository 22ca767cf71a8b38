/* SPDX-License-Identifier: Apache-2.0 */
/* lex.c: the text of an expression in tokens; literals become values here.
 *
 * A run of letters, digits, dots and colons is one token: with a colon it is an address, with a digit in front a number
 * or an IPv4 address, else a name. So `10.0.0.0/8` is a net where `10 / 8` is a quotient. */
#include "expr/times.h"
#include "expr/tree.h"

#include <stdarg.h>
#include <stdio.h>

struct unit {
    const char *name;
    u64         factor;
    enum form   form;
};

static const struct unit units[19];

void *parse_fault(struct parser *p, u32 offset, u32 len, const char *format, ...)
{
    p->hints = !p->failed || offset < p->fault->offset;
    if (!p->hints) return NULL;
    va_list args;
    va_start(args, format);
    *p->fault = (struct expr_fault){ .offset = offset, .len = len };
    vsnprintf(p->fault->words, sizeof p->fault->words, format, args);
    va_end(args);
    p->failed = true;
    return NULL;
}

void parse_hint(struct parser *p, const char *format, ...)
{
    if (!p->hints || p->fault->hint[0] != '\0') return;
    va_list args;
    va_start(args, format);
    vsnprintf(p->fault->hint, sizeof p->fault->hint, format, args);
    va_end(args);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char char_at(const struct parser *p, size_t at)
{
    return at < p->text.len ? p->text.at[at] : '\0';
}

/* Ends the token at `end`, with a fault there. */
__attribute__((format(printf, 3, 4))) static void bad(struct parser *p, u32 end, const char *what, ...)
{
    char    words[EXPR_WORDS];
    va_list args;
    va_start(args, what);
    vsnprintf(words, sizeof words, what, args);
    va_end(args);
    p->now.type = TOKEN_BAD;
    p->now.len = end - p->now.offset;
    p->at = end;
    parse_fault(p, p->now.offset, p->now.len, "%s", words);
}

static void end_value(struct parser *p, u32 end, struct value v)
{
    p->now.type = TOKEN_VALUE;
    p->now.value = v;
    p->now.len = end - p->now.offset;
    p->at = end;
}

/* --- text and quoted names --- */

/* Between two `by`, of which two inside stand for one. */
static void lex_quoted(struct parser *p, char by)
{
    u32   from = p->now.offset, i = from + 1, len = 0;
    char *copy = arena_alloc(p->arena, p->text.len + 1);
    for (;; i++) {
        if (i >= p->text.len) {
            bad(p, (u32)p->text.len, "the quote is not closed");
            return;
        }
        if (p->text.at[i] == by && char_at(p, ++i) != by) break;
        copy[len++] = p->text.at[i];
    }
    slice s = slice_of(copy, len);
    if (by != '`') {
        end_value(p, i, (struct value){ .kind = KIND_TEXT, .text = s });
        return;
    }
    p->now.type = TOKEN_QUOTED;
    p->now.text = s;
    p->now.len = i - from;
    p->at = i;
}

/* --- addresses --- */

static void lex_net(struct parser *p, u32 end)
{
    net  n;
    bool host = false;
    for (end++; is_digit(char_at(p, end)) || is_letter(char_at(p, end));) end++;
    slice text = slice_of(p->text.at + p->now.offset, end - p->now.offset);
    if (!net_parse(text, &n, &host)) {
        bad(p, end, "`%.*s` is not a net", (int)(text.len < 60 ? text.len : 60), text.at);
    } else if (host) {
        char meant[NET_TEXT];
        net_format(&n, meant);
        bad(p, end, "bits are set behind the prefix of `%.*s`", (int)text.len, text.at);
        parse_hint(p, "did you mean `%s`?", meant);
    } else {
        end_value(p, end, (struct value){ .kind = KIND_NET, .in = n });
    }
}

static void lex_address(struct parser *p, u32 end)
{
    slice text = slice_of(p->text.at + p->now.offset, end - p->now.offset);
    addr  a;
    u64   mac;
    if (char_at(p, end) == '/' && is_digit(char_at(p, end + 1)))
        lex_net(p, end);
    else if (addr_parse(text, &a))
        end_value(p, end, (struct value){ .kind = KIND_ADDR, .at = a });
    else if (mac_parse(text, &mac))
        end_value(p, end, (struct value){ .kind = KIND_MAC, .u = mac });
    else
        bad(p, end, "`%.*s` is not an address", (int)(text.len < 60 ? text.len : 60), text.at);
}

/* --- numbers --- */

static bool hex_u64(slice s, u64 *out)
{
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = (char)(s.at[i] | 0x20);
        u64  digit = is_digit(s.at[i]) ? (u64)(s.at[i] - '0') : c >= 'a' && c <= 'f' ? (u64)(c - 'a') + 10 : 16;
        if (digit == 16 || *out >> 60 != 0) return false;
        *out = *out << 4 | digit;
    }
    return s.len > 0;
}

/* "5m": the unit behind `digits` of the run. */
static void lex_quantity(struct parser *p, slice run, size_t digits, u32 end)
{
    slice unit = slice_of(run.at + digits, run.len - digits);
    u64   n;
    if (!slice_u64(slice_of(run.at, digits), &n)) {
        bad(p, end, "the number is too large");
        return;
    }
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (!slice_is(unit, u->name)) continue;
        u64 most = u->form == FORM_SPAN ? INT64_MAX : UINT64_MAX;
        if (n > most / u->factor)
            bad(p, end, "the number is too large");
        else
            end_value(p, end, (struct value){ .kind = KIND_U64, .form = u->form, .u = n * u->factor });
        return;
    }
    bad(p, end, "`%.*s` is not a unit", (int)(unit.len < 60 ? unit.len : 60), unit.at);
    parse_hint(p, "spans: ns us ms s m h d w y; sizes: B KiB MiB GiB TiB KB MB GB TB");
}

static void lex_decimal(struct parser *p, slice run, u32 end)
{
    f64 f;
    if (f64_parse(run, &f)) {
        end_value(p, end, (struct value){ .kind = KIND_F64, .f = f });
        return;
    }
    bad(p, end, "`%.*s` is not a number", (int)(run.len < 60 ? run.len : 60), run.at);
    if (is_letter(run.at[run.len - 1])) parse_hint(p, "units follow whole numbers: 90m, not 1.5h");
}

static void lex_number(struct parser *p, u32 end)
{
    slice  run = slice_of(p->text.at + p->now.offset, end - p->now.offset);
    size_t digits = 0, dots = 0;
    u64    n;
    for (size_t i = 0; i < run.len; i++) dots += run.at[i] == '.';
    while (digits < run.len && is_digit(run.at[digits])) digits++;
    if (dots == 3) {
        lex_address(p, end);
    } else if (digits == run.len) {
        if (slice_u64(run, &n)) end_value(p, end, (struct value){ .kind = KIND_U64, .u = n });
        else bad(p, end, "the number is too large: whole numbers go up to %llu", (unsigned long long)UINT64_MAX);
    } else if (digits == 1 && run.at[0] == '0' && (run.at[1] | 0x20) == 'x') {
        if (hex_u64(slice_of(run.at + 2, run.len - 2), &n))
            end_value(p, end, (struct value){ .kind = KIND_U64, .form = FORM_HEX, .u = n });
        else bad(p, end, "`%.*s` is not a hexadecimal number of 64 bits", (int)(run.len < 60 ? run.len : 60), run.at);
    } else if (run.at[digits] == '.' || (run.at[digits] | 0x20) == 'e') {
        lex_decimal(p, run, end);
    } else {
        lex_quantity(p, run, digits, end);
    }
}

/* Does a run of digits that ends in "e" go on behind a sign? */
static bool exponent_goes_on(const struct parser *p, u32 from, u32 end)
{
    char sign = char_at(p, end);
    if ((char_at(p, end - 1) | 0x20) != 'e' || (sign != '-' && sign != '+')) return false;
    if (!is_digit(char_at(p, end + 1))) return false;
    for (u32 i = from; i + 1 < end; i++)
        if (!is_digit(p->text.at[i]) && p->text.at[i] != '.') return false;
    return is_digit(p->text.at[from]);
}

static void lex_run(struct parser *p)
{
    u32  from = p->now.offset, end = from;
    bool colon = false;
    for (char c = char_at(p, end); is_letter(c) || is_digit(c) || c == '.' || c == ':'; c = char_at(p, ++end))
        colon |= c == ':';
    if (exponent_goes_on(p, from, end))
        for (end++; is_digit(char_at(p, end));) end++;
    if (colon) {
        lex_address(p, end);
    } else if (is_digit(p->text.at[from]) || p->text.at[from] == '.') {
        lex_number(p, end);
    } else {
        p->now.type = TOKEN_NAME;
        p->now.text = slice_of(p->text.at + from, end - from);
        p->now.len = end - from;
        p->at = end;
    }
}

/* --- marks --- */

static void lex_wrong_mark(struct parser *p, char c)
{
    static const struct {
        char        at[3];
        const char *hint;
    } meant[] = {
        { "=", "write `==` to compare" }, { "&&", "write `and`" }, { "||", "write `or`" }, { "!", "write `not`" },
        { "=~", "regular expressions are not among the tests: starts_with, ends_with, contains" },
        { "<>", "write `!=`" },
    };
    u32 len = 1;
    for (u32 i = 0; i < WEIR_COUNT(meant); i++)
        if (meant[i].at[1] != '\0' && c == meant[i].at[0] && char_at(p, p->now.offset + 1) == meant[i].at[1]) len = 2;
    slice mark = slice_of(p->text.at + p->now.offset, len);
    if ((u8)c < 0x20 || (u8)c >= 0x7f) bad(p, p->now.offset + 1, "the byte 0x%02x has no meaning here", (u8)c);
    else bad(p, p->now.offset + len, "`%.*s` has no meaning here", (int)len, mark.at);
    for (u32 i = 0; i < WEIR_COUNT(meant); i++)
        if (slice_is(mark, meant[i].at)) parse_hint(p, "%s", meant[i].hint);
}

static void lex_mark(struct parser *p)
{
    char c = p->text.at[p->now.offset], d = char_at(p, p->now.offset + 1);
    bool two = (d == '=' && (c == '=' || c == '!' || c == '<' || c == '>')) || (c == '?' && d == '?');
    bool wrong = (c == '&' && d == '&') || (c == '<' && d == '>');
    if (wrong || (!two && (c == '\0' || strchr("()[],+-*/%&<>", c) == NULL))) {
        lex_wrong_mark(p, c);
        return;
    }
    p->now.type = TOKEN_MARK;
    p->now.mark = MARK(c, two ? d : 0);
    p->now.len = two ? 2 : 1;
    p->at = p->now.offset + p->now.len;
}

void lex_next(struct parser *p)
{
    p->end = p->now.offset + p->now.len;
    while (p->at < p->text.len && is_blank(p->text.at[p->at])) p->at++;
    p->now = (struct token){ .offset = p->at };
    if (p->at >= p->text.len) return;
    char c = p->text.at[p->at];
    if (is_letter(c) || is_digit(c) || c == ':' || (c == '.' && is_digit(char_at(p, p->at + 1)))) lex_run(p);
    else if (c == '\'' || c == '"' || c == '`') lex_quoted(p, c);
    else lex_mark(p);
}

static const struct unit units[19] = {
    { "ns", 1, FORM_SPAN },
    { "us", 1000, FORM_SPAN },
    { "ms", 1000000, FORM_SPAN },
    { "s", 1000000000, FORM_SPAN },
    { "m", 60ull * 1000000000, FORM_SPAN },
    { "h", 3600ull * 1000000000, FORM_SPAN },
    { "d", 86400ull * 1000000000, FORM_SPAN },
    { "w", 7 * 86400ull * 1000000000, FORM_SPAN },
    { "y", 365 * 86400ull * 1000000000, FORM_SPAN },
    { "B", 1, FORM_SIZE },
    { "KiB", 1ull << 10, FORM_SIZE },
    { "MiB", 1ull << 20, FORM_SIZE },
    { "GiB", 1ull << 30, FORM_SIZE },
    { "TiB", 1ull << 40, FORM_SIZE },
    { "KB", 1000, FORM_SIZE },
    { "MB", 1000000, FORM_SIZE },
    { "GB", 1000000000, FORM_SIZE },
    { "TB", 1000000000000, FORM_SIZE },
    { NULL, 0, FORM_PLAIN },
};
