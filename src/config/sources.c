/* SPDX-License-Identifier: Apache-2.0 */
/* sources.c: the ways in, and the catalogue of columns that each one's layouts give together.
 *
 * Protocols share fields and measures by name, so one name must mean one thing in all layouts of a source. */
#include "config/options.h"
#include "config/units.h"

#include <stdio.h>

u32 source_column_find(const struct source_draft *s, slice name)
{
    for (u32 i = 0; i < s->columns; i++)
        if (slice_eq(s->column[i].field.name, name)) return i;
    return NONE;
}

/* What a layout's field is, for messages: "u64, sum". */
static const char *field_words(struct findings *f, const struct field *field)
{
    char type[16];
    layout_type_text(field, type);
    return findings_hint(f, "%s, %s%s", type, field->fold == FOLD_NONE ? "no measure" : fold_name(field->fold),
                         sketch_text(&f->arena, field));
}

static bool same_kind(struct draft *d, const struct source_column *known, const struct field *field, slice layout,
                      struct place at)
{
    const struct field *k = &known->field;
    if (k->type == field->type && k->fold == field->fold && k->bins == field->bins && k->sketch == field->sketch)
        return true;
    findings_error(d->f, at, findings_hint(d->f, "one name means one thing in all layouts of a source"),
                   "`%.*s` is %s in layout `%.*s`, but %s in `%.*s`", LEN(field->name), field_words(d->f, field),
                   LEN(layout), field_words(d->f, k), LEN(known->layout));
    return false;
}

/* Mirrors of the catalogue: those of the layouts, which must not contradict each other. */
static bool mirrors_agree(struct draft *d, struct source_draft *s, const struct layout_def *def)
{
    bool good = true;
    for (u32 i = 0; i < def->layout.fields; i++) {
        const struct field *field = &def->layout.field[i].field;
        if (field->mirror == FIELD_NO_MIRROR) continue;
        u32 a = source_column_find(s, field->name),
            b = source_column_find(s, def->layout.field[field->mirror].field.name);
        u32 before = s->column[a].field.mirror, other = s->column[b].field.mirror;
        if ((before == FIELD_NO_MIRROR || before == b) && (other == FIELD_NO_MIRROR || other == a)) {
            s->column[a].field.mirror = b;
            s->column[b].field.mirror = a;
            continue;
        }
        good = false;
        if (before != FIELD_NO_MIRROR && before != b)
            findings_error(d->f, def->at[i], NULL, "`%.*s` mirrors `%.*s` in layout `%.*s`, but `%.*s` in another",
                           LEN(field->name), LEN(s->column[b].field.name), LEN(def->layout.name),
                           LEN(s->column[before].field.name));
    }
    return good;
}

static bool add_layout(struct draft *d, struct source_draft *s, const struct layout_def *def)
{
    bool good = true;
    for (u32 i = 0; i < def->layout.fields; i++) {
        const struct field *field = &def->layout.field[i].field;
        if (field->name.len == 0) continue;
        u32 known = source_column_find(s, field->name);
        if (known == NONE) {
            struct source_column *c = &s->column[s->columns++];
            *c = (struct source_column){ .field = *field, .layout = def->layout.name, .unit = def->unit[i] };
            c->field.mirror = FIELD_NO_MIRROR;
        } else if (same_kind(d, &s->column[known], field, def->layout.name, def->at[i])) {
            s->column[known].field.ranked = s->column[known].field.ranked || field->ranked;
            if (s->column[known].unit.len == 0) s->column[known].unit = def->unit[i];
        } else {
            good = false;
        }
    }
    return good && mirrors_agree(d, s, def);
}

static const struct layout_def *layout_named(struct draft *d, const struct node *n)
{
    slice        name;
    struct names known = { 0, arena_array(&d->f->arena, slice, d->layouts) };
    if (!read_text(d, n, "layouts", &name)) return NULL;
    for (u32 i = 0; i < d->layouts; i++) {
        if (slice_eq(d->layout[i].layout.name, name)) return &d->layout[i];
        known.at[known.count++] = d->layout[i].layout.name;
    }
    const char *hint = findings_suggest(d->f, name, known);
    findings_error(d->f, n->at, hint != NULL ? hint : "layouts come from `include:` or stand under `layouts:`",
                   "unknown layout `%s`", name.at);
    return NULL;
}

/* Room in the arena for one more layout of the source, and the layout as its own copy: use differs by source. */
static void keep_layout(struct draft *d, struct recipe_source *out, const char *key, const struct layout_def *def)
{
    u32            i = out->layouts++;
    struct layout *l = &out->layout[i];
    *l = def->layout;
    l->time = LAYOUT_NO_TIME;
    l->field = arena_array(d->a, struct layout_field, l->fields);
    if (l->fields > 0) memcpy(l->field, def->layout.field, sizeof(*l->field) * l->fields);
    out->layout_key[i] = key;
    out->unit[i] = def->unit;
}

static void read_layouts(struct draft *d, u32 source, const struct node *map)
{
    struct recipe_source *out = &d->r->source[source];
    struct source_draft  *s = &d->source[source];
    u32                   columns = 0, measures = 0;
    if (!read_map_of(d, map, "layouts", "{ tcp: p2-tcp, udp: p2-udp }")) return;
    if (map->count == 0 || map->count > LAYOUTS_MAX) {
        findings_error(d->f, map->at, NULL, "source `%.*s` needs 1 to %d layouts", LEN(out->name), LAYOUTS_MAX);
        return;
    }
    out->layout = arena_array(d->a, struct layout, map->count);
    out->layout_key = arena_array(d->a, const char *, map->count);
    out->unit = arena_array(d->a, slice *, map->count);
    s->ok = true;
    const struct layout_def **defs = arena_array(d->a, const struct layout_def *, map->count);
    for (u32 i = 0; i < map->count; i++) {
        defs[i] = layout_named(d, &map->item[i]);
        s->ok = s->ok && defs[i] != NULL && defs[i]->ok;
        columns += defs[i] != NULL ? defs[i]->layout.fields : 0;
    }
    s->column = arena_array(d->a, struct source_column, columns);
    for (u32 i = 0; i < map->count; i++) {
        if (defs[i] == NULL) continue;
        keep_layout(d, out, map->key[i].text.at, defs[i]);
        if (!add_layout(d, s, defs[i])) s->ok = false;
    }
    for (u32 i = 0; i < s->columns; i++) measures += s->column[i].field.fold != FOLD_NONE ? 1 : 0;
    if (measures <= MEASURES_MAX) return;
    findings_error(d->f, map->at, NULL, "the layouts of source `%.*s` have more than %d measures together",
                   LEN(out->name), MEASURES_MAX);
    s->ok = false;
}

static struct names source_type_names(struct draft *d)
{
    u32 count = 0;
    while (d->lent->sources[count] != NULL) count++;
    struct names n = { count, arena_array(&d->f->arena, slice, count) };
    for (u32 i = 0; i < count; i++) n.at[i] = slice_str(d->lent->sources[i]->name);
    return n;
}

/* P2 files are lines; recipes may say either. */
static bool format_is(const struct decoder_type *t, slice name)
{
    return slice_is(name, t->name) || (slice_is(name, "p2") && strcmp(t->name, "line") == 0);
}

static void read_format(struct draft *d, struct recipe_source *out, const struct node *n)
{
    const struct decoder_type *const *all = out->type->decoders;
    const size_t                      most = WEIR_COUNT(out->type->decoders);
    struct names                      known = { 0, arena_array(&d->f->arena, slice, most) };
    slice                             name;
    if (!read_text(d, n, "format", &name)) return;
    for (u32 i = 0; i < most && all[i] != NULL; i++) {
        if (format_is(all[i], name)) {
            out->decoder = all[i];
            return;
        }
        known.at[known.count++] = slice_str(all[i]->name);
    }
    findings_error(d->f, n->at, findings_suggest(d->f, name, known), "source type `%s` does not read format `%s`",
                   out->type->name, name.at);
}

static bool has_option(const struct source_type *type, const char *name)
{
    for (const struct option *o = type->options; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

/* What this build was made without. */
static void check_built(struct draft *d, const struct recipe_source *out, struct place at)
{
    if (out->type != NULL && out->type->missing != NULL)
        findings_error(d->f, at, NULL, "source type `%s`: this weir was %s", out->type->name, out->type->missing);
    if (out->decoder != NULL && out->decoder->missing != NULL)
        findings_error(d->f, at, NULL, "format `%s`: this weir was %s", out->decoder->name, out->decoder->missing);
}

static void read_common(struct draft *d, struct recipe_source *out, const struct node *map, struct place at)
{
    const struct node *format = map_find(map, "format"), *idle = map_find(map, "idle"),
                      *in_flight = map_find(map, "in_flight");
    out->idle = 300 * NANOS_SECOND;
    out->in_flight = 64u << 20;
    if (idle != NULL) read_span(d, idle, "idle", 0, 366 * NANOS_DAY, &out->idle);
    if (in_flight != NULL) read_size(d, in_flight, "in_flight", 1u << 20, 1ull << 40, &out->in_flight);
    if (out->type == NULL) return;
    if (format != NULL)
        read_format(d, out, format);
    else if (out->type->decoders[0] != NULL && (out->type->decoders[1] == NULL || out->type->first))
        out->decoder = out->type->decoders[0];
    else
        findings_error(d->f, at, NULL, "source `%.*s` has no `format`", LEN(out->name));
}

/* The field of each layout that is the record's time; it is decoded whoever else takes it. */
static void take_time(struct draft *d, u32 source, const struct node *n)
{
    struct recipe_source *out = &d->r->source[source];
    struct source_draft  *s = &d->source[source];
    for (u32 l = 0; l < out->layouts; l++) {
        struct layout *layout = &out->layout[l];
        struct names   known = { 0, arena_array(&d->f->arena, slice, layout->fields) };
        for (u32 i = 0; i < layout->fields; i++) {
            const struct field *f = &layout->field[i].field;
            if (f->type != FIELD_TIME || f->fold != FOLD_NONE || f->name.len == 0) continue;
            known.at[known.count++] = f->name;
            if (slice_eq(f->name, out->time)) layout->time = i;
        }
        if (layout->time == LAYOUT_NO_TIME)
            findings_error(d->f, n->at, findings_suggest(d->f, out->time, known),
                           "layout `%.*s` has no field `%.*s` of type `time`", LEN(layout->name), LEN(out->time));
    }
    u32 column = source_column_find(s, out->time);
    if (column != NONE) s->column[column].used = true;
}

/* `time` and `disorder` are for records that carry their time, among others that do not. */
static void read_time(struct draft *d, u32 source, const struct node *map, struct place at)
{
    struct recipe_source *out = &d->r->source[source];
    const struct node    *time = map_find(map, "time"), *disorder = map_find(map, "disorder");
    if (out->type == NULL || out->decoder == NULL) return;
    if (!out->type->timed || out->decoder->timed) {
        if (time != NULL)
            findings_error(d->f, time->at, NULL, "source `%.*s` takes no `time`: its input has one of its own",
                           LEN(out->name));
    } else if (time == NULL) {
        findings_error(d->f, at, "as time: timestamp, a field of its layout, or time: arrival",
                       "source `%.*s` has no `time`", LEN(out->name));
    } else if (read_text(d, time, "time", &out->time)) {
        if (slice_is(out->time, "arrival")) out->time = (slice){ 0 };
        else take_time(d, source, time);
    }
    if (disorder == NULL) return;
    if (out->type->timed) read_span(d, disorder, "disorder", 0, 366 * NANOS_DAY, &out->disorder);
    else if (!has_option(out->type, "disorder"))
        findings_error(d->f, disorder->at, NULL, "source type `%s` has no `disorder`", out->type->name);
}

static void check_column(struct draft *d, const struct decoder_type *t, const struct layout_field *f, struct place at)
{
    u32 i = 0, count = 0;
    while (t->columns[count].name != NULL) count++;
    struct names known = { count, arena_array(&d->f->arena, slice, count) };
    for (u32 k = 0; k < count; k++) known.at[k] = slice_str(t->columns[k].name);
    while (i < count && !slice_eq(f->column, known.at[i])) i++;
    if (i == count) {
        findings_error(d->f, at, findings_suggest(d->f, f->column, known), "format `%s` has no column `%.*s`", t->name,
                       LEN(f->column));
        return;
    }
    char text[16];
    if (t->columns[i].type != f->field.type)
        findings_error(d->f, at, NULL, "`%.*s` is of type `%s` in format `%s`", LEN(f->column),
                       layout_type_text(&(struct field){ .type = t->columns[i].type }, text), t->name);
    if (f->scale != 1) findings_error(d->f, at, NULL, "format `%s` has no `scale`", t->name);
}

static const struct layout_def *layout_of(const struct draft *d, slice name)
{
    u32 i = 0;
    while (!slice_eq(d->layout[i].layout.name, name)) i++;
    return &d->layout[i];
}

/* The columns of a format that names its own. */
static void check_columns(struct draft *d, const struct recipe_source *out)
{
    if (out->decoder == NULL || out->decoder->columns == NULL) return;
    for (u32 l = 0; l < out->layouts; l++) {
        const struct layout_def *def = layout_of(d, out->layout[l].name);
        for (u32 k = 0; k < def->layout.fields; k++)
            if (def->layout.field[k].column.len > 0)
                check_column(d, out->decoder, &def->layout.field[k], def->at[k]);
    }
}

/* The layout as if steps used all that it names, each field in a column of its own: what no step uses today may be
 * wrong, too. Where the format has columns of its own, check_columns has looked at them. */
static struct layout whole_layout(struct draft *d, const struct recipe_source *out, u32 number, struct schema *schema)
{
    struct layout whole = out->layout[number];
    struct field *column = arena_array(d->a, struct field, whole.fields);
    whole.field = arena_array(d->a, struct layout_field, whole.fields);
    *schema = (struct schema){ .field = column };
    for (u32 i = 0; i < whole.fields; i++) {
        struct layout_field *f = &whole.field[i];
        *f = out->layout[number].field[i];
        f->used = f->used || (out->decoder->columns == NULL && f->column.len > 0);
        f->slot = f->used ? schema->tags : 0;
        if (f->used) column[schema->tags++] = f->field;
    }
    return whole;
}

/* The decoder tells one fault at a time: without that field it is asked again. */
static void check_layout(struct draft *d, const struct recipe_source *out, u32 number)
{
    const struct layout_def *def = layout_of(d, out->layout[number].name);
    struct schema            schema;
    struct layout            whole = whole_layout(d, out, number, &schema);
    struct decoder          *decoder = NULL;
    err                      e = OK;
    while (err_is(e = out->decoder->open(&decoder, &whole, &schema))) {
        bool         field = e.at >= 0 && (u64)e.at < def->layout.fields;
        bool         path = field && def->path_at[e.at].line > 0 && strstr(e.what, "path") != NULL;
        struct place at = path ? def->path_at[e.at] : field ? def->at[e.at] : def->named_at;
        findings_error(d->f, at, NULL, "format `%s`: layout `%.*s`: %s", out->decoder->name, LEN(def->layout.name),
                       e.what);
        if (!field || !whole.field[e.at].used || (u64)e.at == whole.time) return;
        whole.field[e.at].used = false;
    }
    out->decoder->close(decoder);
}

/* What the decoder says of the layouts: paths, scales, types. Once columns have their slots. */
void decoders_check(struct draft *d)
{
    for (u32 s = 0; s < d->r->sources; s++)
        for (u32 l = 0; l < d->r->source[s].layouts && d->r->source[s].decoder->missing == NULL; l++)
            check_layout(d, &d->r->source[s], l);
}

/* `path` is for formats whose fields have names. */
static void check_paths(struct draft *d, const struct recipe_source *out)
{
    if (out->decoder == NULL || !out->decoder->placed) return;
    for (u32 l = 0; l < out->layouts; l++) {
        const struct layout_def *def = layout_of(d, out->layout[l].name);
        for (u32 k = 0; k < def->layout.fields; k++)
            if (def->path_at[k].line > 0)
                findings_error(d->f, def->path_at[k], "only formats with named fields (json) have paths",
                               "`path` is of no use to format `%s`: its fields stand in the order of the layout",
                               out->decoder->name);
    }
}

/* What a type asks of its options together. */
static void check_options(struct draft *d, const struct recipe_source *out, const struct node *map, const char *in,
                          struct place at)
{
    char               words[512] = "";
    const char        *key = NULL;
    if ((out->type->check == NULL || out->type->check(out->options, words, sizeof words, &key)) &&
        (out->type->fits == NULL || out->decoder == NULL ||
         out->type->fits(out->options, out->decoder, words, sizeof words, &key)))
        return;
    bool               from = d->lent->from != NULL && key != NULL && strcmp(key, "start") == 0;
    const struct node *n = key != NULL && !from ? map_find(map, key) : NULL;
    findings_error(d->f, n != NULL ? n->at : at, from ? "the start is what --from says" : NULL, "%s: %s", in, words);
}

/* What kinds of input the layouts are for. */
static void check_layout_keys(struct draft *d, const struct recipe_source *out, const struct node *map)
{
    if (out->type == NULL || out->decoder == NULL || out->layouts == 0) return;
    if (out->decoder->records) {
        if (map->count != 1) findings_error(d->f, map->at, NULL, "format `%s` has one layout", out->decoder->name);
        return;
    }
    u32 count = 0;
    while (out->type->layout_keys != NULL && out->type->layout_keys[count] != NULL) count++;
    struct names known = { count, arena_array(&d->f->arena, slice, count) };
    for (u32 k = 0; k < count; k++) known.at[k] = slice_str(out->type->layout_keys[k]);
    for (u32 i = 0; i < map->count && count > 0; i++) {
        u32 k = 0;
        while (k < count && !slice_eq(map->key[i].text, known.at[k])) k++;
        if (k == count)
            findings_error(d->f, map->key[i].at, findings_suggest(d->f, map->key[i].text, known),
                           "source `%.*s` has no input `%s`", LEN(out->name), map->key[i].text.at);
    }
}

static void read_source(struct draft *d, u32 i, const struct node *map)
{
    struct recipe_source *out = &d->r->source[i];
    struct place          at = d->source[i].at;
    const char           *in = findings_hint(d->f, "source `%.*s`", LEN(out->name));
    const struct node    *type = map_find(map, "type"), *layouts = map_find(map, "layouts");
    struct names          types = source_type_names(d);
    u32                   number = 0;
    if (type == NULL)
        findings_error(d->f, at, findings_suggest(d->f, S(""), types), "%s has no `type`", in);
    else if (read_choice(d, type, "type", types, &number))
        out->type = d->lent->sources[number];
    read_common(d, out, map, at);
    if (out->type != NULL) {
        u32 before = d->f->errors;
        out->options = options_read(d, map, out->type->options, out->type->options_size,
                                    key_names(&d->f->arena, source_keys), in, at);
        bool whole = d->f->errors == before;
        options_faults(d, map, out->type->faults, out->options, in, at, whole);
        if (whole) check_options(d, out, map, in, at);
    }
    if (layouts != NULL)
        read_layouts(d, i, layouts);
    else
        findings_error(d->f, at, "as layouts: { tcp: p2-tcp }", "%s has no `layouts`", in);
    read_time(d, i, map, at);
    check_built(d, out, type != NULL ? type->at : at);
    check_columns(d, out);
    check_paths(d, out);
    if (layouts != NULL) check_layout_keys(d, out, layouts);
}

void sources_read(struct draft *d, const struct node *map)
{
    if (!read_map_of(d, map, "sources", "p2: { type: directory, path: data }")) return;
    if (map->count == 0 || map->count > SOURCES_MAX) {
        findings_error(d->f, map->at, NULL, "a recipe has 1 to %d sources, not %u", SOURCES_MAX, map->count);
        return;
    }
    d->sources_ok = true;
    d->r->source = arena_array(d->a, struct recipe_source, map->count);
    d->source = arena_array(d->a, struct source_draft, map->count);
    for (u32 i = 0; i < map->count; i++) {
        u32 now = d->r->sources;
        if (!read_name(d, &map->key[i], "sources", &d->r->source[now].name) ||
            !read_map_of(d, &map->item[i], map->key[i].text.at, "{ type: directory, path: data }")) {
            d->sources_ok = false;
            continue;
        }
        d->r->sources++;
        d->source[now].at = map->key[i].at;
        d->source[now].map = &map->item[i];
        d->r->source[now].rejects_table = d->r->source[now].ledger_table = UINT32_MAX;
        read_source(d, now, &map->item[i]);
    }
}

const struct recipe_key source_keys[] = {
    { "type", "name", "one of those below, with its own options (required)" },
    { "format", "name", "what it reads; default: the only format, or the usual one, of its type" },
    { "layouts", "mapping", "layout by the kind of input: { tcp: p2-tcp, udp: p2-udp } (required)" },
    { "time", "name", "the field of the layouts that is a record's time, or arrival; not where the input has its own" },
    { "disorder", "span", "a record may come so much later than a newer one of its partition (default 0: in order)" },
    { "idle", "span", "after this long without input wall clock closes windows; 0: never (default 5m)" },
    { "in_flight", "size", "bytes of input on their way through workers; then reading waits (default 64MiB)" },
    { NULL, NULL, NULL },
};
