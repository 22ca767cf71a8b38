/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_print.c: a recipe as YAML again, with every default written out; it reads back to the same recipe.
 *
 * Layouts stand in the recipe itself, so the text needs no other file but tag tables. Fields that are decoded are
 * marked in a comment. Paths are written as seen from the recipe's folder; secrets as the files they came from. */
#include "config/read.h"
#include "config/units.h"

#include <stdio.h>

struct printing {
    const struct recipe *r;
    slice                folder;
    struct arena         scratch;
    void (*print)(void *to, const char *text);
    void *to;
};

#define PUT(p, ...) (p)->print((p)->to, arena_printf(&(p)->scratch, __VA_ARGS__))

static const char *const way_names[] = { "src", "dst", "both" };

static bool plain_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
    return letter || (!first && ((c >= '0' && c <= '9') || c == '-' || c == '.' || c == '+' || c == '@'));
}

/* A scalar: plain where that is safe anywhere, else in double quotes with escapes. */
static const char *scalar(struct printing *p, slice s)
{
    bool plain = s.len > 0;
    for (size_t i = 0; i < s.len; i++) plain = plain && plain_char(s.at[i], i == 0);
    if (plain) return arena_str(&p->scratch, s);
    char *text = arena_alloc(&p->scratch, s.len * 4 + 3), *at = text;
    *at++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        bool unsafe = (c == 0xc2 && i + 1 < s.len && (u8)s.at[i + 1] < 0xa0) || c == 0xe2 || c == 0xef;
        if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            at += sprintf(at, "\\x%02x", c);
        } else if (unsafe && i + (c == 0xc2 ? 1 : 2) < s.len) {
            /* C1 controls, U+2028, U+FEFF and their neighbours: line breaks or nothing to YAML, so by number */
            u32 code = c == 0xc2 ? (u8)s.at[i + 1]
                                 : ((c & 0xfu) << 12 | ((u8)s.at[i + 1] & 0x3fu) << 6 | ((u8)s.at[i + 2] & 0x3fu));
            at += sprintf(at, "\\u%04x", code);
            i += c == 0xc2 ? 1 : 2;
        } else {
            *at++ = (char)c;
        }
    }
    *at++ = '"';
    *at = 0;
    return text;
}

static const char *text_of(struct printing *p, const char *text)
{
    return scalar(p, slice_str(text));
}

static const char *path_of(struct printing *p, const char *path)
{
    return scalar(p, path_within(p->folder, path));
}

static const char *span_of(struct printing *p, nanos span)
{
    char buf[UNIT_TEXT];
    return arena_str(&p->scratch, span_format(span, buf));
}

static const char *size_of(struct printing *p, u64 bytes)
{
    char buf[UNIT_TEXT];
    return arena_str(&p->scratch, size_format(bytes, buf));
}

static void put_names(struct printing *p, const struct field *f, u32 count)
{
    PUT(p, "[");
    for (u32 i = 0; i < count; i++) PUT(p, "%s%.*s", i > 0 ? ", " : "", LEN(f[i].name));
    PUT(p, "]\n");
}

/* --- options --- */

/* A text as it may be written again: a secret is the file that it came from. */
static const char *value_of(struct printing *p, const char *text)
{
    for (u32 i = 0; i < p->r->secrets; i++)
        if (p->r->secret[i].value == text)
            return arena_printf(&p->scratch, "!file %s", path_of(p, p->r->secret[i].path));
    return text_of(p, text);
}

static void put_option_text(struct printing *p, const struct option *o, const char *text)
{
    PUT(p, "    %s: %s\n", o->name, o->type == OPTION_PATH ? path_of(p, text) : value_of(p, text));
}

static slice choice_word(const char *choices, u32 number)
{
    slice rest = slice_str(choices), word = slice_cut(rest, ' ', &rest);
    while (number-- > 0) word = slice_cut(rest, ' ', &rest);
    return word;
}

static void put_option_lists(struct printing *p, const struct option *o, const void *at)
{
    const struct option_names *names = at;
    const struct option_pairs *pairs = at;
    if (o->type != OPTION_PAIRS && (names->count > 0 || o->fallback != NULL)) {
        PUT(p, "    %s: [", o->name);
        for (u32 i = 0; i < names->count; i++) PUT(p, "%s%s", i > 0 ? ", " : "",
                o->type == OPTION_PATHS ? path_of(p, names->name[i]) : text_of(p, names->name[i]));
        PUT(p, "]\n");
    }
    if (o->type == OPTION_PAIRS && pairs->count > 0) {
        PUT(p, "    %s: { ", o->name);
        for (u32 i = 0; i < pairs->count; i++)
            PUT(p, "%s%s: %s", i > 0 ? ", " : "", text_of(p, pairs->key[i]), value_of(p, pairs->value[i]));
        PUT(p, " }\n");
    }
}

/* A number that was not given and has no fallback is 0, which its own limits may forbid: then it is left out. */
static bool left_out(const struct option *o, u64 value)
{
    return value == 0 && o->fallback == NULL && o->min > 0;
}

static void put_option(struct printing *p, const struct option *o, const void *at)
{
    u64   number = 0;
    nanos span = 0;
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_PATH:
        if (*(const char *const *)at != NULL) put_option_text(p, o, *(const char *const *)at);
        break;
    case OPTION_BOOL: PUT(p, "    %s: %s\n", o->name, *(const bool *)at ? "true" : "false"); break;
    case OPTION_COUNT:
    case OPTION_SIZE:
        number = *(const u64 *)at;
        if (left_out(o, number)) break;
        if (o->type == OPTION_SIZE)
            PUT(p, "    %s: %s\n", o->name, size_of(p, number));
        else
            PUT(p, "    %s: %llu\n", o->name, (unsigned long long)number);
        break;
    case OPTION_SPAN:
        span = *(const nanos *)at;
        if (!left_out(o, (u64)span)) PUT(p, "    %s: %s\n", o->name, span_of(p, span));
        break;
    case OPTION_CHOICE: PUT(p, "    %s: %s\n", o->name, scalar(p, choice_word(o->choices, *(const u32 *)at))); break;
    case OPTION_NAMES:
    case OPTION_PATHS:
    case OPTION_PAIRS: put_option_lists(p, o, at); break;
    }
}

static void put_options(struct printing *p, const struct option *table, const void *setup)
{
    for (const struct option *o = table; o != NULL && o->name != NULL; o++)
        put_option(p, o, (const u8 *)setup + o->offset);
}

/* --- layouts --- */

/* Some source decodes this field of this layout. */
static bool decoded(const struct recipe *r, slice layout, u32 field)
{
    for (u32 s = 0; s < r->sources; s++)
        for (u32 l = 0; l < r->source[s].layouts; l++)
            if (slice_eq(r->source[s].layout[l].name, layout) && r->source[s].layout[l].field[field].used) return true;
    return false;
}

/* Could it stand at `name:`? A path may be anything. */
static bool is_name(slice s)
{
    bool good = s.len > 0 && !(s.at[0] >= '0' && s.at[0] <= '9') && s.at[0] != '-';
    for (size_t i = 0; i < s.len && good; i++) {
        char c = s.at[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    return good;
}

static void put_field(struct printing *p, const struct layout *l, u32 i, slice unit)
{
    const struct layout_field *f = &l->field[i];
    char                       type[16];
    bool path = f->field.fold == FOLD_NONE ? !slice_eq(f->column, f->field.name) : !is_name(f->column);
    PUT(p, "      - { name: %.*s", LEN(path ? f->field.name : f->column));
    if (path) PUT(p, ", path: %s", scalar(p, f->column));
    PUT(p, ", type: %s", layout_type_text(&f->field, type));
    if (f->field.fold != FOLD_NONE) PUT(p, ", measure: %.*s, agg: %s", LEN(f->field.name), fold_name(f->field.fold));
    PUT(p, "%s", sketch_text(&p->scratch, &f->field));
    if (f->scale != 1) PUT(p, ", scale: %llu", (unsigned long long)f->scale);
    if (f->field.mirror != FIELD_NO_MIRROR) PUT(p, ", mirror: %.*s", LEN(l->field[f->field.mirror].field.name));
    if (f->field.fold != FOLD_NONE && f->field.ranked) PUT(p, ", rank: true");
    if (unit.len > 0) PUT(p, ", unit: %s", scalar(p, unit));
    PUT(p, decoded(p->r, l->name, i) ? " } # used\n" : " }\n");
}

static void put_layout(struct printing *p, const struct layout *l, const slice *unit)
{
    PUT(p, "  - layout: %.*s\n    separator: %s\n", LEN(l->name), scalar(p, slice_of(&l->separator, 1)));
    PUT(p, "    \"null\": %s\n    fields:\n", scalar(p, l->null));
    for (u32 i = 0; i < l->fields; i++) {
        u32 skipped = 0;
        while (i + skipped < l->fields && l->field[i + skipped].column.len == 0) skipped++;
        if (skipped > 0) {
            PUT(p, "      - { skip: %u }\n", skipped);
            i += skipped - 1;
        } else {
            put_field(p, l, i, unit[i]);
        }
    }
}

/* Has an earlier source, or this one before, the same layout? Names of layouts are unique. */
static bool layout_printed(const struct recipe *r, u32 source, u32 layout)
{
    for (u32 s = 0; s <= source; s++)
        for (u32 l = 0; l < (s == source ? layout : r->source[s].layouts); l++)
            if (slice_eq(r->source[s].layout[l].name, r->source[source].layout[layout].name)) return true;
    return false;
}

/* --- sources, steps, sinks --- */

static void put_source(struct printing *p, const struct recipe_source *s)
{
    PUT(p, "  %.*s:\n    type: %s\n    format: %s\n    layouts: { ", LEN(s->name), s->type->name, s->decoder->name);
    for (u32 l = 0; l < s->layouts; l++)
        PUT(p, "%s%s: %.*s", l > 0 ? ", " : "", text_of(p, s->layout_key[l]), LEN(s->layout[l].name));
    PUT(p, " }\n    idle: %s\n    in_flight: %s\n", span_of(p, s->idle), size_of(p, s->in_flight));
    if (s->type->timed) {
        if (!s->decoder->timed) PUT(p, "    time: %s\n", s->time.len ? scalar(p, s->time) : "arrival");
        PUT(p, "    disorder: %s\n", span_of(p, s->disorder));
    }
    put_options(p, s->type->options, s->options);
}

static void put_tag(struct printing *p, const struct recipe_step *s)
{
    const struct step_tag *t = &s->tag;
    PUT(p, "    tag:\n      table: %s\n      of: { ", path_of(p, t->path));
    for (u32 side = 0; side < t->sides; side++) {
        slice name = s->out.field[t->base[side]].name; /* srcNet: the side is what stands before `Net` */
        PUT(p, "%s%.*s: %.*s", side > 0 ? ", " : "", (int)(name.len - t->give[0].len), name.at,
            LEN(s->out.field[t->address[side]].name));
    }
    PUT(p, " }\n      gives: [");
    for (u32 g = 0; g < t->gives; g++) PUT(p, "%s%.*s", g > 0 ? ", " : "", LEN(t->give[g]));
    PUT(p, "]\n");
}

static void put_window(struct printing *p, const struct recipe_step *s)
{
    const struct step_window *w = &s->window;
    PUT(p, "    window: %s\n    by: ", span_of(p, w->length));
    put_names(p, w->field, w->keys);
    PUT(p, "    carry: ");
    put_names(p, w->field + w->keys, w->carried);
    PUT(p, "    measures: ");
    put_names(p, w->field + w->keys + w->carried, w->measures);
    PUT(p, "    lateness: %s\n    groups_max: %u\n    table: %.*s\n", span_of(p, w->lateness), w->groups_max,
        LEN(s->prefix));
}

static void put_cascade(struct printing *p, const struct recipe_step *s)
{
    const struct step_cascade *c = &s->cascade;
    PUT(p, "    cascade: [");
    for (u32 i = 0; i < c->levels; i++) PUT(p, "%s%s", i > 0 ? ", " : "", span_of(p, c->length[i]));
    PUT(p, "]\n");
    if (c->kind.len > 0) {
        PUT(p, "    ways: [");
        for (u32 i = 0; i < c->lines; i += c->levels) PUT(p, "%s%s", i > 0 ? ", " : "", way_names[c->line[i].way]);
        PUT(p, "]\n    kind: %.*s\n", LEN(c->kind));
    } else {
        PUT(p, "    by: ");
        put_names(p, c->field, c->keys);
    }
    if (c->top > 0) {
        PUT(p, "    rank:\n      top: %u\n      fields: [", c->top);
        for (u32 i = 0; i < c->rank_fields; i++)
            PUT(p, "%s%.*s", i > 0 ? ", " : "", LEN(c->field[c->keys + c->rank_measure[i]].name));
        PUT(p, "]\n");
        for (u32 i = 0; i < c->shares; i++)
            PUT(p, "%s%.*s%s", i > 0 ? ", " : "      share: [", LEN(c->field[c->keys + c->share_measure[i]].name),
                i + 1 == c->shares ? "]\n" : "");
    }
    PUT(p, "    lateness: %s\n    groups_max: %u\n    table: %.*s\n", span_of(p, c->lateness), c->groups_max,
        LEN(s->prefix));
}

static void put_filter(struct printing *p, const struct recipe_step *s)
{
    const struct step_filter *f = &s->filter;
    if (f->where != NULL) PUT(p, "    where: %s\n", scalar(p, f->where_text));
    if (f->derives > 0) PUT(p, "    derive:\n");
    for (u32 i = 0; i < f->derives; i++) {
        const struct field *made = &s->out.field[f->derive[i].column];
        PUT(p, "      %.*s: { expr: %s", LEN(made->name), scalar(p, f->derive[i].text));
        if (made->fold != FOLD_NONE) PUT(p, ", agg: %s%s", fold_name(made->fold), sketch_text(&p->scratch, made));
        if (f->derive[i].unit.len > 0) PUT(p, ", unit: %s", scalar(p, f->derive[i].unit));
        PUT(p, " }\n");
    }
}

static void put_records(struct printing *p, const struct recipe_step *s)
{
    PUT(p, "    records: ");
    put_names(p, s->records.field, s->records.columns);
    PUT(p, "    table: %.*s\n", LEN(s->prefix));
}

static void put_step(struct printing *p, const struct recipe_step *s)
{
    slice from = s->from_step < 0 ? p->r->source[s->from_source].name : p->r->step[s->from_step].name;
    PUT(p, "  %.*s:\n    from: %.*s\n", LEN(s->name), LEN(from));
    if (s->kind == STEP_TAG) put_tag(p, s);
    if (s->kind == STEP_WINDOW) put_window(p, s);
    if (s->kind == STEP_CASCADE) put_cascade(p, s);
    if (s->kind == STEP_FILTER) put_filter(p, s);
    if (s->kind == STEP_RECORDS) put_records(p, s);
}

/* A sink wants all tables of a step or none. */
static bool takes(const struct recipe_sink *k, const struct recipe_step *s)
{
    u32 table = UINT32_MAX;
    if (s->kind == STEP_WINDOW) table = s->window.table;
    if (s->kind == STEP_CASCADE) table = s->cascade.line[0].table;
    if (s->kind == STEP_RECORDS) table = s->records.table;
    return table != UINT32_MAX && k->wanted[table];
}

static void put_sink(struct printing *p, const struct recipe_sink *k)
{
    const char *glue = "";
    PUT(p, "  %.*s:\n    type: %s\n    from: [", LEN(k->name), k->type->name);
    for (u32 i = 0; i < p->r->steps; i++) {
        if (!takes(k, &p->r->step[i])) continue;
        PUT(p, "%s%.*s", glue, LEN(p->r->step[i].name));
        glue = ", ";
    }
    PUT(p, "]\n");
    if (k->retains > 0) PUT(p, "    retain: { ");
    for (u32 i = 0; i < k->retains; i++)
        PUT(p, "%s%.*s: %s", i > 0 ? ", " : "", LEN(k->retain[i].level), span_of(p, k->retain[i].span));
    if (k->retains > 0) PUT(p, " }\n");
    put_options(p, k->type->options, k->options);
}

void recipe_print(const struct recipe *r, void (*print)(void *to, const char *text), void *to)
{
    struct printing p = { .r = r, .folder = folder_of(r->path), .print = print, .to = to };
    arena_init(&p.scratch, 0);
    PUT(&p, "weir: 1\nname: %.*s\nstate: { path: %s, every: %s }\nworkers: %u\nlayouts:\n", LEN(r->name),
        path_of(&p, r->state_path), span_of(&p, r->state_every), r->workers);
    for (u32 s = 0; s < r->sources; s++)
        for (u32 l = 0; l < r->source[s].layouts; l++)
            if (!layout_printed(r, s, l)) put_layout(&p, &r->source[s].layout[l], r->source[s].unit[l]);
    PUT(&p, "sources:\n");
    for (u32 i = 0; i < r->sources; i++) put_source(&p, &r->source[i]);
    PUT(&p, "steps:\n");
    for (u32 i = 0; i < r->steps; i++) put_step(&p, &r->step[i]);
    PUT(&p, "sinks:\n");
    for (u32 i = 0; i < r->sinks; i++) put_sink(&p, &r->sink[i]);
    arena_fini(&p.scratch);
}
