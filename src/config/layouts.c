/* SPDX-License-Identifier: Apache-2.0 */
/* layouts.c: what the columns of an input are called, what they hold and how they fold.
 *
 * A layout is checked by itself: types, folds that a type allows, names, and mirrors, which are symmetric: written on
 * one side or on both. What of it a recipe uses is resolve.c's business. */
#include "config/read.h"
#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"

#include <stdio.h>

struct type_name {
    const char     *name;
    enum field_type type;
};

struct fold_name {
    const char *name;
    enum fold   fold;
};

static const struct type_name type_names[];
static const struct fold_name fold_names[];
static const char *const      measure_keys[];

/* A layout while its fields are read. */
struct reading {
    struct draft      *d;
    struct layout_def *def;
    const struct node **mirror;    /* per field: its `mirror:`, NULL    */
    u32                 measures;
};

const char *layout_type_text(const struct field *f, char *buf)
{
    if (f->type == FIELD_BINS)
        snprintf(buf, 16, "bins(%u)", f->bins);
    else
        snprintf(buf, 16, "%s", field_type_name(f->type)); /* derived columns may be nets, too */
    return buf;
}

/* "bins(7)". */
static bool read_bins(struct draft *d, const struct node *n, slice text, struct field *f)
{
    u64 bins = 0;
    if (text.len > 6 && text.at[4] == '(' && text.at[text.len - 1] == ')' &&
        slice_u64(slice_of(text.at + 5, text.len - 6), &bins) && bins > 0 && bins <= BINS_MAX) {
        f->type = FIELD_BINS;
        f->bins = (u32)bins;
        return true;
    }
    findings_error(d->f, n->at, findings_hint(d->f, "write it as bins(7), with 1 to %d bins", BINS_MAX),
                   "type `%s` is not right", text.at);
    return false;
}

static bool read_type(struct draft *d, const struct node *n, struct field *f)
{
    slice       text;
    const char *names[12];
    u32         count = 0;
    if (!read_text(d, n, "type", &text)) return false;
    if (slice_starts(text, S("bins"))) return read_bins(d, n, text, f);
    for (const struct type_name *t = type_names; t->name != NULL; t++) {
        f->type = t->type;
        if (slice_is(text, t->name)) return true;
        names[count++] = t->type == FIELD_BINS ? "bins(k)" : t->name;
    }
    names[count] = NULL;
    findings_error(d->f, n->at, findings_suggest(d->f, text, names_of(&d->f->arena, names)), "unknown type `%s`",
                   text.at);
    return false;
}

/* What a measure of this type folds to when `agg` is not given; FOLD_NONE: cannot be a measure, or must say. */
static enum fold default_fold(enum field_type type)
{
    switch (type) {
    case FIELD_U64:
    case FIELD_F64: return FOLD_SUM;
    case FIELD_SAMPLING: return FOLD_SAMPLING;
    case FIELD_BINS: return FOLD_BINS;
    default: return FOLD_NONE;
    }
}

static bool fold_fits(enum field_type type, enum fold fold)
{
    if (fold == FOLD_DISTINCT) return type != FIELD_SAMPLING && type != FIELD_BINS;
    switch (type) {
    case FIELD_U64:
    case FIELD_F64: return (fold >= FOLD_SUM && fold <= FOLD_AVG) || fold == FOLD_QUANTILES;
    case FIELD_TIME: return fold >= FOLD_MIN && fold <= FOLD_LAST;
    case FIELD_SAMPLING: return fold == FOLD_SAMPLING;
    case FIELD_BINS: return fold == FOLD_BINS;
    default: return false;
    }
}

bool agg_read(struct draft *d, const struct node *n, struct field *f)
{
    slice       text;
    const char *names[12];
    char        type[16];
    u32         count = 0, i = 0;
    for (; fold_names[count].name != NULL; count++) names[count] = fold_names[count].name;
    names[count] = NULL;
    if (!read_text(d, n, "agg", &text)) return false;
    while (i < count && !slice_is(text, names[i])) i++;
    if (i == count) {
        findings_error(d->f, n->at, findings_suggest(d->f, text, names_of(&d->f->arena, names)), "unknown agg `%s`",
                       text.at);
        return false;
    }
    f->fold = fold_names[i].fold;
    if (f->type == FIELD_BINS && f->fold == FOLD_SUM) f->fold = FOLD_BINS;
    if (fold_fits(f->type, f->fold)) return true;
    findings_error(d->f, n->at, NULL, "agg `%s` does not fit type `%s`", text.at, layout_type_text(f, type));
    return false;
}

static bool read_bits(struct draft *d, const struct node *n, struct field *f)
{
    u64 bits = DISTINCT_BITS_DEFAULT;
    if (n != NULL && !read_count(d, n, "bits", DISTINCT_BITS_MIN, DISTINCT_BITS_MAX, &bits)) return false;
    f->sketch = (u32)bits;
    return true;
}

/* [50, 90, 99]: whole percents, ascending. */
static bool read_percents(struct draft *d, const struct node *n, struct field *f)
{
    struct names        names;
    const struct node **nodes;
    u64                 before = 0, percent = 0;
    f->sketch = n != NULL ? 0 : QUANTILES_DEFAULT;
    if (n == NULL) return true;
    if (!read_names(d, n, "at", &names, &nodes)) return false;
    if (names.count == 0 || names.count > QUANTILES_MAX) {
        findings_error(d->f, n->at, "as at: [50, 90, 99]", "`at` names 1 to %u percents, not %u", QUANTILES_MAX,
                       names.count);
        return false;
    }
    for (u32 i = 0; i < names.count; i++, before = percent) {
        if (!read_count(d, nodes[i], "at", 1, 99, &percent)) return false;
        if (percent <= before) {
            findings_error(d->f, nodes[i]->at, NULL, "`at` is not in ascending order");
            return false;
        }
        f->sketch |= (u32)percent << 8 * i;
    }
    return true;
}

bool sketch_read(struct draft *d, const struct node *map, struct field *f)
{
    const struct node *bits = map_find(map, "bits"), *at = map_find(map, "at");
    bool               good = true;
    if (bits != NULL && f->fold != FOLD_DISTINCT) {
        findings_error(d->f, bits->at, NULL, "`bits` is for agg: distinct");
        good = false;
    }
    if (at != NULL && f->fold != FOLD_QUANTILES) {
        findings_error(d->f, at->at, NULL, "`at` is for agg: quantiles");
        good = false;
    }
    if (f->fold == FOLD_DISTINCT) good = read_bits(d, bits, f) && good;
    if (f->fold == FOLD_QUANTILES) good = read_percents(d, at, f) && good;
    return good;
}

const char *sketch_text(struct arena *a, const struct field *f)
{
    if (f->fold == FOLD_DISTINCT) return arena_printf(a, ", bits: %u", f->sketch);
    if (f->fold != FOLD_QUANTILES) return "";
    const char *text = ", at: [";
    for (u32 i = 0; i < quantiles_percents(f->sketch); i++)
        text = arena_printf(a, "%s%s%u", text, i > 0 ? ", " : "", quantiles_percent(f->sketch, i));
    return arena_printf(a, "%s]", text);
}

/* `measure:` and `agg:`; agg alone makes a measure of the field's own name. */
static bool read_measure(struct reading *r, const struct node *map, struct field *f)
{
    struct draft      *d = r->d;
    const struct node *measure = map_find(map, "measure"), *agg = map_find(map, "agg");
    char               type[16];
    if (measure != NULL && !read_name(d, measure, "measure", &f->name)) return false;
    if (agg != NULL) {
        if (!agg_read(d, agg, f)) return false;
    } else if (measure != NULL) {
        f->fold = default_fold(f->type);
        if (f->fold == FOLD_NONE) {
            const char *hint = f->type == FIELD_TIME ? "say agg: min, max, first or last"
                                                     : "say agg: distinct to count how many different ones there are";
            findings_error(d->f, measure->at, hint, "a field of type `%s` is no measure as it stands",
                           layout_type_text(f, type));
            return false;
        }
    }
    if (f->fold != FOLD_NONE) return sketch_read(d, map, f);
    for (const char *const *key = measure_keys; *key != NULL; key++) {
        const struct node *n = map_find(map, *key);
        bool               parts = strcmp(*key, "scale") == 0 && f->type == FIELD_TIME; /* of a second */
        if (n != NULL && !parts)
            findings_error(d->f, n->at, NULL, "`%s` is for measures, and this field has no `measure`", *key);
    }
    return true;
}

bool unit_read(struct draft *d, const struct node *n, slice *unit)
{
    if (!read_text(d, n, "unit", unit)) return false;
    for (size_t i = 0; i < unit->len; i++)
        if ((unsigned char)unit->at[i] < ' ') { /* it becomes a comment in SQL */
            findings_error(d->f, n->at, NULL, "`unit` is one line of text");
            return false;
        }
    return true;
}

static bool read_extras(struct reading *r, const struct node *map, struct layout_field *field, slice *unit)
{
    struct draft      *d = r->d;
    const struct node *scale = map_find(map, "scale"), *rank = map_find(map, "rank"), *u = map_find(map, "unit"),
                      *path = map_find(map, "path");
    bool               good = true;
    field->scale = 1;
    if (scale != NULL) good = read_count(d, scale, "scale", 1, 1u << 30, &field->scale) && good;
    if (scale != NULL && field->field.type != FIELD_U64 && field->field.type != FIELD_F64 &&
        field->field.type != FIELD_TIME) {
        findings_error(d->f, scale->at, NULL, "`scale` is for fields of type u64, f64 and time");
        good = false;
    }
    if (path != NULL) good = read_text(d, path, "path", &field->column) && good;
    if (rank != NULL) good = read_bool(d, rank, "rank", &field->field.ranked) && good;
    if (u != NULL) good = unit_read(d, u, unit) && good;
    return good;
}

/* Another field of the layout goes by this name already. */
static bool name_taken(struct reading *r, slice name, struct place at)
{
    const struct layout *l = &r->def->layout;
    for (u32 i = 0; i < l->fields; i++) {
        if (name.len == 0 || !slice_eq(l->field[i].field.name, name)) continue;
        findings_error(r->d->f, at, findings_hint(r->d->f, "the first is in line %u", r->def->at[i].line),
                       "field or measure `%.*s` stands twice in layout `%.*s`", LEN(name), LEN(l->name));
        return true;
    }
    return false;
}

static bool room_for(struct reading *r, struct place at, u64 more)
{
    if (r->def->layout.fields + more <= FIELDS_MAX) return true;
    findings_error(r->d->f, at, NULL, "layout `%.*s` has more than %d fields", LEN(r->def->layout.name), FIELDS_MAX);
    return false;
}

static bool read_skip(struct reading *r, const struct node *map, const struct node *skip)
{
    u64 n = 0;
    for (u32 i = 0; i < map->count; i++) {
        if (slice_is(map->key[i].text, "skip")) continue;
        findings_error(r->d->f, map->key[i].at, "`skip` stands alone", "`%s` beside `skip`", map->key[i].text.at);
    }
    if (!read_count(r->d, skip, "skip", 1, FIELDS_MAX, &n)) return true;
    if (!room_for(r, map->at, n)) return false;
    for (u64 i = 0; i < n; i++) {
        r->def->at[r->def->layout.fields] = map->at;
        r->def->layout.field[r->def->layout.fields++] = (struct layout_field){ .scale = 1,
                                                                               .field.mirror = FIELD_NO_MIRROR };
    }
    return true;
}

static bool read_field_parts(struct reading *r, const struct node *map, struct layout_field *field, slice *unit)
{
    struct draft      *d = r->d;
    const struct node *name = map_find(map, "name"), *type = map_find(map, "type");
    bool               good = name != NULL && type != NULL;
    map_check(d, map, field_keys, "a field");
    if (name == NULL)
        findings_error(d->f, map->at, "as { name: srcIP, type: ip } or { skip: 3 }", "a field without `name`");
    if (type == NULL)
        findings_error(d->f, map->at, "as { name: srcIP, type: ip } or { skip: 3 }", "a field without `type`");
    if (name != NULL) good = read_name(d, name, "name", &field->column) && good;
    field->field.name = field->column;
    if (type != NULL) good = read_type(d, type, &field->field) && good;
    if (!good || !read_measure(r, map, &field->field)) return false;
    return read_extras(r, map, field, unit);
}

/* False: no room for more. */
static bool read_field(struct reading *r, const struct node *map)
{
    struct layout_def  *def = r->def;
    struct layout_field field = { .scale = 1, .field.mirror = FIELD_NO_MIRROR };
    slice               unit = { 0 };
    if (!read_map_of(r->d, map, "fields", "{ name: srcIP, type: ip }")) return true;
    const struct node *skip = map_find(map, "skip"), *name = map_find(map, "measure"), *path = map_find(map, "path");
    if (skip != NULL) return read_skip(r, map, skip);
    if (!room_for(r, map->at, 1)) return false;
    if (name == NULL) name = map_find(map, "name");
    if (!read_field_parts(r, map, &field, &unit) || name_taken(r, field.field.name, name->at))
        return true;
    u32 i = def->layout.fields++;
    def->layout.field[i] = field;
    def->unit[i] = unit;
    def->at[i] = name->at;
    if (path != NULL) def->path_at[i] = path->at;
    if (field.field.fold != FOLD_NONE) {
        r->mirror[i] = map_find(map, "mirror");
        r->measures++;
    }
    return true;
}

static struct names measure_names(struct draft *d, const struct layout *l)
{
    struct names n = { 0, arena_array(&d->f->arena, slice, l->fields) };
    for (u32 i = 0; i < l->fields; i++)
        if (l->field[i].field.fold != FOLD_NONE) n.at[n.count++] = l->field[i].field.name;
    return n;
}

/* The other side of a mirror is a measure of this layout that is alike and free. */
static void join_mirror(struct reading *r, u32 i, const struct node *n, slice other)
{
    struct draft  *d = r->d;
    struct layout *l = &r->def->layout;
    struct field  *a = &l->field[i].field;
    u32            j = 0;
    while (j < l->fields && (l->field[j].field.fold == FOLD_NONE || !slice_eq(l->field[j].field.name, other))) j++;
    if (j == l->fields) {
        findings_error(d->f, n->at, findings_suggest(d->f, other, measure_names(d, l)),
                       "`%.*s` cannot mirror `%s`, which is no measure of layout `%.*s`", LEN(a->name), other.at,
                       LEN(l->name));
        return;
    }
    struct field *b = &l->field[j].field;
    if (i == j) {
        findings_error(d->f, n->at, NULL, "`%.*s` cannot mirror itself", LEN(a->name));
    } else if (a->type != b->type || a->fold != b->fold || a->bins != b->bins || a->sketch != b->sketch) {
        findings_error(d->f, n->at, "mirrors have the same type and agg",
                       "`%.*s` cannot mirror `%.*s`, which is of another kind", LEN(a->name), LEN(b->name));
    } else if ((a->mirror != FIELD_NO_MIRROR && a->mirror != j) || (b->mirror != FIELD_NO_MIRROR && b->mirror != i)) {
        u32 taken = a->mirror != FIELD_NO_MIRROR && a->mirror != j ? i : j;
        findings_error(d->f, n->at, NULL, "`%.*s` cannot mirror `%.*s`: `%.*s` mirrors `%.*s` already", LEN(a->name),
                       LEN(b->name), LEN(l->field[taken].field.name),
                       LEN(l->field[l->field[taken].field.mirror].field.name));
    } else {
        a->mirror = j;
        b->mirror = i;
    }
}

static void join_mirrors(struct reading *r)
{
    for (u32 i = 0; i < r->def->layout.fields; i++) {
        slice other;
        if (r->mirror[i] != NULL && read_text(r->d, r->mirror[i], "mirror", &other))
            join_mirror(r, i, r->mirror[i], other);
    }
}

static void read_fields(struct draft *d, struct layout_def *def, const struct node *list)
{
    struct reading r = { .d = d, .def = def, .mirror = arena_array(d->a, const struct node *, FIELDS_MAX) };
    def->layout.field = arena_array(d->a, struct layout_field, FIELDS_MAX);
    def->unit = arena_array(d->a, slice, FIELDS_MAX);
    def->at = arena_array(d->a, struct place, FIELDS_MAX);
    def->path_at = arena_array(d->a, struct place, FIELDS_MAX);
    u32 errors = d->f->errors;
    for (u32 i = 0; i < list->count && read_field(&r, &list->item[i]);) i++;
    join_mirrors(&r);
    if (r.measures > MEASURES_MAX)
        findings_error(d->f, list->at, NULL, "layout `%.*s` has more than %d measures", LEN(def->layout.name),
                       MEASURES_MAX);
    if (list->count == 0) findings_error(d->f, list->at, NULL, "layout `%.*s` has no fields", LEN(def->layout.name));
    def->ok = d->f->errors == errors;
}

/* A character that is not part of any value. */
static void read_separator(struct draft *d, const struct node *n, char *out)
{
    if (n->kind == NODE_TEXT && n->text.len == 1 && n->text.at[0] != '\n' && n->text.at[0] != '\r' &&
        (u8)n->text.at[0] < 0x80)
        *out = n->text.at[0];
    else
        findings_error(d->f, n->at, "as separator: \" \"",
                       "`separator` must be one ASCII character that is no line end");
}

static bool layout_known(struct draft *d, slice name, struct place at)
{
    for (u32 i = 0; i < d->layouts; i++) {
        if (!slice_eq(d->layout[i].layout.name, name)) continue;
        findings_error(
            d->f, at, findings_hint(d->f, "the first is %s:%u", d->layout[i].named_at.file, d->layout[i].named_at.line),
            "layout `%.*s` is defined twice", LEN(name));
        d->layout[i].ok = false; /* which one is meant? */
        return true;
    }
    return false;
}

void layout_read(struct draft *d, const struct node *map)
{
    struct layout_def  def = { .layout = { .separator = ' ', .null = S("-"), .time = LAYOUT_NO_TIME,
                                         .source = slice_str(map->at.file) } };
    const struct node *name = map_find(map, "layout"), *fields = map_find(map, "fields");
    const struct node *separator = map_find(map, "separator"), *null = map_find(map, "null");
    map_check(d, map, layout_keys, "a layout");
    if (name == NULL) findings_error(d->f, map->at, "as layout: p2-tcp", "a layout without a name (`layout`)");
    if (fields == NULL) findings_error(d->f, map->at, NULL, "a layout without `fields`");
    if (separator != NULL) read_separator(d, separator, &def.layout.separator);
    if (null != NULL) read_text(d, null, "null", &def.layout.null);
    if (name == NULL || !read_name(d, name, "layout", &def.layout.name) || layout_known(d, def.layout.name, name->at))
        return;
    def.named_at = name->at;
    if (fields != NULL && read_list_of(d, fields, "fields", "- { name: srcIP, type: ip }"))
        read_fields(d, &def, fields);
    struct layout_def *all = arena_array(d->a, struct layout_def, d->layouts + 1);
    if (d->layouts > 0) memcpy(all, d->layout, sizeof(*all) * d->layouts);
    all[d->layouts++] = def;
    d->layout = all;
}

void layouts_read(struct draft *d, const struct node *list)
{
    if (!read_list_of(d, list, "layouts", "- layout: p2-tcp")) return;
    for (u32 i = 0; i < list->count; i++)
        if (read_map_of(d, &list->item[i], "layouts", "- layout: p2-tcp")) layout_read(d, &list->item[i]);
}

static const struct type_name type_names[] = {
    { "u64", FIELD_U64 },           { "f64", FIELD_F64 },   { "time", FIELD_TIME },
    { "ip", FIELD_ADDR },           { "mac", FIELD_MAC },   { "string", FIELD_STRING },
    { "sampling", FIELD_SAMPLING }, { "bins", FIELD_BINS }, { NULL, 0 },
};

static const struct fold_name fold_names[] = {
    { "sum", FOLD_SUM },           { "min", FOLD_MIN },   { "max", FOLD_MAX },
    { "first", FOLD_FIRST },       { "last", FOLD_LAST }, { "avg", FOLD_AVG },
    { "sampling", FOLD_SAMPLING }, { "bins", FOLD_BINS }, { "distinct", FOLD_DISTINCT },
    { "quantiles", FOLD_QUANTILES }, { NULL, 0 },
};

const struct recipe_key layout_keys[] = {
    { "layout", "name", "what sources call it by (required)" },
    { "separator", "character", "between fields: one ASCII character (default a space)" },
    { "null", "text", "a field that holds this is absent (default -)" },
    { "fields", "list of fields", "in the order of the line (required)" },
    { NULL, NULL, NULL },
};

const struct recipe_key field_keys[] = {
    { "name", "name", "of the column (required)" },
    { "path", "text", "where the value stands, if not under the name: alert.gid, answers[0], /a.b (format json)" },
    { "type", "type", "u64, f64, time, ip, mac, string, sampling or bins(K) (required)" },
    { "measure", "name", "the field is a measure of this name and folds in windows" },
    { "agg", "fold",
      "sum, min, max, first, last, avg, sampling, bins, distinct (how many different values) or quantiles; default by "
      "type: sum, sampling, bins. A sum of u64 that passes 2^64 - 1 stays there, which nothing counts" },
    { "bits", "number",
      "of a distinct: a group takes 2^bits bytes for it, and its number is off by 104 % / sqrt(2^bits) as a standard "
      "error; 6 to 12 (default 10: 1 KiB, 3.25 %)" },
    { "at", "list of numbers",
      "of quantiles: the percents that are shown, 1 to 99; the column <measure>_p99 is off by 2.9 % at most (default "
      "[50, 90, 99])" },
    { "scale", "number",
      "values are multiplied by it, so that decimals are whole numbers; of a time that is a number (format json): parts "
      "of a second, as 1000 (default 1)" },
    { "mirror", "name", "the measure of the other direction: they change places in way `both`" },
    { "rank", "true|false", "ranked where a cascade ranks the default fields (default false)" },
    { "unit", "text", "for people: it becomes a comment at the column" },
    { "skip", "number", "instead of a name: so many fields of the line are passed over" },
    { NULL, NULL, NULL },
};

static const char *const measure_keys[] = { "agg", "bits", "at", "scale", "mirror", "rank", NULL };
