/* SPDX-License-Identifier: Apache-2.0 */
/* test_line_random.c: random layouts and lines, cut at random line ends, against a decoder that is slow and plain.
 *
 * The reference splits by memchr and reads by regular expressions and the C library; it shares no line with the program
 * but the form of a cell's text. Both give two texts, the rows and the refusals; they must be equal on every path,
 * however the input is cut. Seeds are fixed. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <regex.h>

#define ROUNDS    40
#define LINES     300
#define TEXT_MAX  (4u << 20)
#define FIELD_MAX 8192

/* A growing text. */
struct out {
    char  *at;
    size_t len;
};

static void out_open(struct out *o)
{
    o->at  = malloc(TEXT_MAX);
    o->len = 0;
    assert_non_null(o->at);
}

__attribute__((format(printf, 2, 3))) static void out_add(struct out *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(o->at + o->len, TEXT_MAX - o->len, format, args);
    va_end(args);
    o->len += (size_t)len;
    if (o->len >= TEXT_MAX) fail_msg("the test's own text is full");
}

/* ---- drawing ---- */

static u64 draw(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static u32 below(u64 *state, u32 limit)
{
    return (u32)(draw(state) % limit);
}

static void draw_digits(struct out *o, u64 *state, u32 most)
{
    u32 count = 1 + below(state, most);
    for (u32 i = 0; i < count; i++) out_add(o, "%u", below(state, 10));
}

static void draw_decimal(struct out *o, u64 *state, u32 whole, u32 fraction)
{
    draw_digits(o, state, whole);
    if (below(state, 4) != 0) {
        out_add(o, ".");
        draw_digits(o, state, fraction);
    }
    if (below(state, 12) == 0) out_add(o, "e%d", (int)below(state, 16) - 12);
}

static void draw_addr(struct out *o, u64 *state)
{
    u32 a = (u32)draw(state), b = (u32)draw(state);
    switch (below(state, 6)) {
    case 0: out_add(o, "2001:db8:%x::%x", a & 0xffff, b & 0xffff); break;
    case 1: out_add(o, "::ffff:%u.%u.%u.%u", a & 255, a >> 8 & 255, b & 255, b >> 8 & 255); break;
    case 2: out_add(o, "%u.%u.%u.%u", a & 1, a >> 8 & 15, b & 127, b >> 8 & 3); break;
    default: out_add(o, "%u.%u.%u.%u", a & 255, a >> 8 & 255, b & 255, b >> 8 & 255); break;
    }
}

static void draw_sampling(struct out *o, u64 *state)
{
    for (u32 more = below(state, 4) == 0 ? below(state, 5) : 0;; more--) {
        draw_digits(o, state, below(state, 3) ? 3 : 18);
        out_add(o, ":0.");
        draw_digits(o, state, below(state, 3) ? 7 : 14);
        out_add(o, ":");
        draw_decimal(o, state, 2, below(state, 3) ? 9 : 13);
        out_add(o, ":9");
        draw_decimal(o, state, below(state, 8) ? 3 : 10, below(state, 3) ? 9 : 11);
        if (more == 0) break;
        out_add(o, ";");
    }
}

static void draw_field(struct out *o, const struct spec *spec, u64 *state)
{
    static const char *const words[] = { "", "a", "GET", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x90\x8d",
        "x=1;y=2" };
    u32 a = (u32)draw(state) >> 8, b = (u32)draw(state) >> 8;
    if (below(state, 12) == 0) {
        out_add(o, "-");
        return;
    }
    switch (spec->type) {
    case FIELD_U64: draw_digits(o, state, below(state, 5) ? 9 : 20); break;
    case FIELD_F64:
        if (below(state, 5) == 0) out_add(o, "-");
        draw_decimal(o, state, below(state, 4) ? 6 : 18, below(state, 4) ? 6 : 18);
        break;
    case FIELD_TIME:
        out_add(o, "%u", 1700000000 + a % 1000000);
        if (below(state, 3)) out_add(o, ".");
        if (o->at[o->len - 1] == '.') draw_digits(o, state, 9);
        break;
    case FIELD_ADDR: draw_addr(o, state); break;
    case FIELD_MAC:
        out_add(o, "%02x:%02X:%02x:%02x:%02X:%02x", a & 255, a >> 8 & 255, a >> 16, b & 255, b >> 8 & 255, b >> 16);
        break;
    case FIELD_STRING: out_add(o, "%s%s", words[a % WEIR_COUNT(words)], words[b % WEIR_COUNT(words)]); break;
    case FIELD_SAMPLING: draw_sampling(o, state); break;
    case FIELD_BINS:
        for (u32 i = 0; i < spec->bins; i++) {
            if (i > 0) out_add(o, ",");
            draw_digits(o, state, below(state, 6) ? 4 : 18);
        }
        break;
    case FIELD_NET:
    case FIELD_TAG: break;
    }
}

/* A line; one in sixteen has a byte changed to one that means something somewhere. */
static void draw_line(struct out *o, const struct spec *spec, u32 fields, u64 *state)
{
    size_t start = o->len;
    for (u32 i = 0; i < fields; i++) {
        if (i > 0) out_add(o, " ");
        draw_field(o, &spec[i], state);
    }
    if (below(state, 16) == 0 && o->len > start) {
        static const char odd[] = "0059.:;,-+eE xaf\xff\xc3\x80\0\r\t/";
        o->at[start + below(state, (u32)(o->len - start))] = odd[below(state, sizeof odd - 1)];
    }
    if (below(state, 100) == 0) out_add(o, "\n");
    out_add(o, "%s\n", below(state, 20) == 0 ? "\r" : "");
}

/* ---- the reference ---- */

#define DECIMAL "[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?"
#define ONE     "[0-9]+:" DECIMAL ":" DECIMAL ":" DECIMAL

/* Compiled once for each of the few patterns; their text is known by its place. */
static bool matches(const char *pattern, const char *text)
{
    static struct { const char *pattern; regex_t r; } kept[8];
    u32 i = 0;
    while (i < WEIR_COUNT(kept) && kept[i].pattern != NULL && kept[i].pattern != pattern) i++;
    assert_true(i < WEIR_COUNT(kept));
    if (kept[i].pattern == NULL) {
        assert_int_equal(regcomp(&kept[i].r, pattern, REG_EXTENDED | REG_NOSUB), 0);
        kept[i].pattern = pattern;
    }
    return regexec(&kept[i].r, text, 0, NULL, 0) == 0;
}

static bool ref_u64(const char *text, u64 *out)
{
    errno = 0;
    *out  = strtoull(text, NULL, 10);
    return errno == 0;
}

/* A decimal times 10^9, halves to even; false: over 64 bits. Mantissas of the test stay below 10^38. */
static bool ref_nanos(const char *text, u64 *out)
{
    u128 mantissa = 0, rest, half;
    i64  ten = 9;
    bool behind = false;
    for (; *text != 0 && *text != 'e' && *text != 'E' && *text != ':' && *text != ';'; text++) {
        if (*text == '.') behind = true;
        else {
            u64 digit = (u64)(*text - '0');
            mantissa = mantissa * 10 + digit;
        }
        if (behind && *text != '.') ten--;
    }
    if (*text == 'e' || *text == 'E') ten += strtol(text + 1, NULL, 10);
    *out = 0;
    if (mantissa == 0 || ten < -38) return true;
    for (; ten > 0; ten--)
        if ((mantissa *= 10) > UINT64_MAX) return false;
    u128 divisor = 1;
    for (; ten < 0; ten++) divisor *= 10;
    rest = mantissa % divisor;
    half = divisor / 2;
    mantissa /= divisor;
    if (divisor > 1 && (rest > half || (rest == half && (mantissa & 1)))) mantissa++;
    *out = (u64)mantissa;
    return mantissa <= UINT64_MAX;
}

static bool ref_sampling(const char *text, struct sampling *s)
{
    *s = (struct sampling){ .min = UINT64_MAX };
    if (!matches("^" ONE "(;" ONE ")*$", text)) return false;
    u128 sum = 0;
    for (const char *at = text; at != NULL; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
        u64 n, value[3];
        if (!ref_u64(at, &n)) return false;
        const char *part = at;
        for (u32 i = 0; i < 3; i++) {
            part = strchr(part, ':') + 1;
            if (!ref_nanos(part, &value[i])) return false;
        }
        if (n == 0) continue;
        if (value[0] > value[2] || s->n + n < n) return false;
        s->n += n;
        if (value[0] < s->min) s->min = value[0];
        if (value[2] > s->max) s->max = value[2];
        sum += (u128)n * value[1];
    }
    s->sum_lo = (u64)sum;
    s->sum_hi = (u64)(sum >> 64);
    return true;
}

static bool ref_utf8(const char *text)
{
    const u8 *at = (const u8 *)text;
    while (*at != 0) {
        u32 extra = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : 9;
        if (extra == 9) return false;
        u32 point = extra == 0 ? *at : *at & (0x3fu >> extra);
        at++;
        for (u32 i = 0; i < extra; i++, at++) {
            if ((*at & 0xc0) != 0x80) return false;
            point = point << 6 | (*at & 0x3f);
        }
        static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
        if (point < least[extra] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    }
    return true;
}

/* A value in the cell's C type; false: refused. */
static bool ref_value(const struct spec *spec, const char *text, void *cell, bool *null)
{
    u64    *u64s = cell;
    addr   *a = cell;
    double *f64s = cell;
    switch (spec->type) {
    case FIELD_U64: return matches("^[0-9]+$", text) && ref_u64(text, u64s);
    case FIELD_F64:
        *f64s = strtod(text, NULL);
        return matches("^-?" DECIMAL "$", text) && isfinite(*f64s);
    case FIELD_TIME:
        return matches("^[0-9]+(\\.[0-9]{1,9})?$", text) && ref_nanos(text, u64s) && *u64s <= (u64)NANOS_MAX;
    case FIELD_ADDR:
        memset(a, 0, 10);
        memset(a->b + 10, 0xff, 2);
        return inet_pton(AF_INET, text, a->b + 12) == 1 || inet_pton(AF_INET6, text, a->b) == 1;
    case FIELD_MAC:
        *u64s = 0;
        for (u32 i = 0; text[i] != 0; i++)
            if (text[i] != ':') *u64s = *u64s << 4 | (u64)(text[i] <= '9' ? text[i] - '0' : (text[i] | 32) - 'a' + 10);
        return matches("^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$", text);
    case FIELD_STRING: *(slice *)cell = slice_str(text); return ref_utf8(text);
    case FIELD_SAMPLING:
        if (!ref_sampling(text, cell)) return false;
        *null = ((struct sampling *)cell)->n == 0;
        return true;
    case FIELD_BINS: {
        u32 count = 0;
        if (!matches("^[0-9]+(,[0-9]+)*$", text)) return false;
        for (const char *at = text; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
            if (count == spec->bins || !ref_u64(at, &u64s[count++])) return false;
        return count == spec->bins;
    }
    case FIELD_NET:
    case FIELD_TAG: break;
    }
    return false;
}

/* One line, cut into fields; adds to rows or gives the field that is refused, -1 the line, -2 none. */
static i32 ref_line(const struct spec *spec, u32 fields, slice line, struct out *rows)
{
    static char   field[FIELD_MAX], value[FIELD_MAX];
    static double cell[BINS_MAX]; /* aligned for any type */
    size_t        before = rows->len;
    if (memchr(line.at, 0, line.len) != NULL) return -1;
    u32 count = 1;
    for (size_t i = 0; i < line.len; i++) count += line.at[i] == ' ';
    if (count != fields || line.len == 0) return -1;
    slice rest = line;
    for (u32 i = 0; i < fields; i++) {
        const char *end = memchr(rest.at, ' ', rest.len);
        size_t      len = end ? (size_t)(end - rest.at) : rest.len;
        bool        null = false;
        assert_true(len < sizeof field);
        memcpy(field, rest.at, len);
        field[len] = 0;
        rest = end ? slice_of(end + 1, rest.len - len - 1) : slice_of(rest.at + len, 0);
        if (spec[i].skip) continue;
        if (strcmp(field, "-") == 0) null = true;
        else if (!ref_value(&spec[i], field, cell, &null)) {
            rows->len = before;
            return (i32)i;
        }
        struct field  type = { .type = spec[i].type, .bins = spec[i].bins };
        u64           bit = null;
        struct column column = { cell, null ? &bit : NULL };
        cell_text(value, sizeof value, &type, &column, 0);
        out_add(rows, "%s|", value);
    }
    out_add(rows, "\n");
    return -2;
}

static void ref_decode(const struct spec *spec, u32 fields, slice text, struct out *rows, struct out *refused)
{
    size_t at = 0;
    for (u32 number = 0; at < text.len; number++) {
        const char *lf  = memchr(text.at + at, '\n', text.len - at);
        size_t      end = lf ? (size_t)(lf - text.at) : text.len;
        slice       line = slice_of(text.at + at, end - at);
        if (line.len > 0 && line.at[line.len - 1] == '\r') line.len--;
        i32 field = ref_line(spec, fields, line, rows);
        if (field > -2) out_add(refused, "line %u at %zu field %d\n", number, at, field);
        at = end + 1;
    }
}

/* ---- the program ---- */

static void batch_text(const struct probe *p, const struct batch *b, struct out *rows)
{
    static char value[FIELD_MAX];
    for (u32 r = 0; r < b->rows; r++) {
        for (u32 c = 0; c < b->columns; c++) {
            cell_text(value, sizeof value, &p->column[c], &b->column[c], r);
            out_add(rows, "%s|", value);
        }
        out_add(rows, "\n");
    }
}

/* Decodes text[at .. end), a chunk of whole lines, until no whole line is left. */
static void decode_chunk(struct probe *p, slice whole, size_t at, size_t end, u64 *line, struct out *rows,
    struct out *refused)
{
    slice  text = chunk_make(slice_of(whole.at + at, end - at));
    size_t done = 0, used;
    do {
        struct rejects bad = { 0 };
        struct batch   batch;
        u64            before = *line, all = 0;
        decoder_line.decode(p->decoder, slice_of(text.at + done, text.len - done), at + done, end == whole.len, &batch,
            &bad, &used, line);
        batch_text(p, &batch, rows);
        for (u32 i = 0; i < REASONS_MAX; i++) all += bad.count[i];
        assert_int_equal(*line - before, batch.rows + all);
        assert_int_equal(all, bad.kept);
        assert_true(used > 0 || batch.rows == 0);
        for (u32 i = 0; i < bad.kept; i++)
            out_add(refused, "line %u at %llu field %d\n", bad.kept_at[i].line,
                (unsigned long long)bad.kept_at[i].offset, (int)bad.kept_at[i].field);
        done += used;
    } while (used > 0);
    assert_int_equal(done, text.len);
    chunk_free(text);
}

static void decode_cut(struct probe *p, slice text, u64 *state, struct out *rows, struct out *refused)
{
    u64 line = 0;
    u32 mean = 1 + below(state, 20000);
    for (size_t at = 0; at < text.len;) {
        size_t      end = at + 1 + below(state, mean * 2);
        const char *lf  = end < text.len ? memchr(text.at + end - 1, '\n', text.len - end + 1) : NULL;
        end = lf ? (size_t)(lf - text.at) + 1 : text.len;
        decode_chunk(p, text, at, end, &line, rows, refused);
        at = end;
    }
}

static void same_text(const struct out *a, const struct out *b, const char *what, u64 seed, enum path path)
{
    size_t i = 0;
    while (i < a->len && i < b->len && a->at[i] == b->at[i]) i++;
    if (i == a->len && i == b->len) return;
    while (i > 0 && a->at[i - 1] != '\n') i--;
    fail_msg("%s, seed %llu, path %d:\n%.400s\n but should be\n%.400s", what, (unsigned long long)seed, (int)path,
             i < a->len ? a->at + i : "(end)", i < b->len ? b->at + i : "(end)");
}

static u32 draw_layout(struct spec *spec, u64 *state)
{
    static const enum field_type types[] = { FIELD_U64,  FIELD_U64, FIELD_U64,    FIELD_U64,      FIELD_F64, FIELD_TIME,
                                             FIELD_ADDR, FIELD_MAC, FIELD_STRING, FIELD_SAMPLING, FIELD_BINS };
    u32 fields = 1 + below(state, below(state, 4) ? 12 : PROBE_FIELDS);
    for (u32 i = 0; i < fields; i++) {
        spec[i] = (struct spec){ .type = types[below(state, WEIR_COUNT(types))], .skip = below(state, 3) == 0 };
        if (spec[i].type == FIELD_BINS) spec[i].bins = 1 + below(state, 8);
    }
    return fields;
}

/* Gives the number of good lines. */
static u32 round_check(u64 seed)
{
    u64         state = seed;
    struct spec spec[PROBE_FIELDS];
    struct out  text, want_rows, want_refused;
    u32         fields = draw_layout(spec, &state);
    out_open(&text);
    out_open(&want_rows);
    out_open(&want_refused);
    for (u32 i = 0; i < LINES; i++) draw_line(&text, spec, fields, &state);
    if (seed % 2 && text.len > 0) text.len--; /* the last LF */
    slice whole = slice_of(text.at, text.len);
    ref_decode(spec, fields, whole, &want_rows, &want_refused);
    for (enum path path = PATH_PLAIN; path < PATHS; path++) {
        struct probe p;
        struct out   rows, refused;
        if (!path_runs(path)) continue;
        out_open(&rows);
        out_open(&refused);
        probe_open(&p, spec, fields, S("-"), path);
        decode_cut(&p, whole, &state, &rows, &refused);
        same_text(&refused, &want_refused, "refusals", seed, path);
        same_text(&rows, &want_rows, "rows", seed, path);
        probe_close(&p);
        free(rows.at);
        free(refused.at);
    }
    u32 good = 0;
    for (size_t i = 0; i < want_rows.len; i++) good += want_rows.at[i] == '\n';
    free(text.at);
    free(want_rows.at);
    free(want_refused.at);
    return good;
}

static void random_lines_decode_as_a_plain_reference_does(void **state)
{
    u32 good = 0;
    for (u64 seed = 1; seed <= ROUNDS; seed++) good += round_check(seed);
    assert_in_range(good, ROUNDS * LINES / 2, ROUNDS * LINES - ROUNDS); /* both kinds were there */
}

static void all_scans_agree_on_random_bytes(void **state)
{
    static const char   few[] = "  \n\0a1";
    struct spec         spec[3] = { { FIELD_STRING }, { FIELD_STRING }, { FIELD_STRING } };
    for (u64 seed = 1; seed <= 200; seed++) {
        u64        s = seed;
        struct out rows[2], refused[2], text;
        out_open(&text);
        u32 len = below(&s, 300);
        for (u32 i = 0; i < len; i++) text.at[text.len++] = few[below(&s, sizeof few - 1)];
        for (enum path path = PATH_PLAIN; path < PATHS; path++) {
            if (!path_runs(path)) continue;
            struct probe p;
            u32          which = path > PATH_PLAIN;
            out_open(&rows[which]);
            out_open(&refused[which]);
            probe_open(&p, spec, 3, S("-"), path);
            u64 cuts = seed;
            decode_cut(&p, slice_of(text.at, text.len), &cuts, &rows[which], &refused[which]);
            if (which) {
                same_text(&rows[1], &rows[0], "rows", seed, path);
                same_text(&refused[1], &refused[0], "refusals", seed, path);
                free(rows[1].at);
                free(refused[1].at);
            }
            probe_close(&p);
        }
        free(rows[0].at);
        free(refused[0].at);
        free(text.at);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lines_decode_as_a_plain_reference_does),
        cmocka_unit_test(all_scans_agree_on_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
