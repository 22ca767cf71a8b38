/* SPDX-License-Identifier: Apache-2.0 */
/* test_recipe.c: what a good recipe resolves to: columns, tables, operators; printing and reading again. */
#include "fake.h"

/* A file of the source tree (CONF is its conf folder), for the shipped layouts and the example. */
static bool disk_read(void *arg, struct arena *to, const char *path, slice *text, const char **why)
{
    FILE *f = fopen(path, "rb");
    *why = "not there";
    if (f == NULL) return false;
    char *buf = arena_alloc(to, 1 << 20);
    *text = slice_of(buf, fread(buf, 1, 1 << 20, f));
    fclose(f);
    return true;
}

static struct recipe *read_example(struct findings *f)
{
    struct recipe_lent lent = { fake_sources, fake_sinks, disk_read, NULL, NULL };
    struct recipe     *r = NULL;
    findings_init(f);
    recipe_read(&r, CONF "/p2.yaml", &lent, f);
    for (u32 i = 0; i < f->count; i++) print_error("%s:%u: %s\n", f->at[i].file, f->at[i].line, f->at[i].text);
    return r;
}

/* The recipe of `text`, which must be good. */
static struct recipe *good(const char *text)
{
    struct findings f;
    struct recipe  *r = fake_recipe_read(text, NULL, &f);
    for (u32 i = 0; i < f.count; i++) print_error("%u:%u %s\n", f.at[i].line, f.at[i].column, f.at[i].text);
    findings_fini(&f);
    assert_non_null(r);
    return r;
}

static struct recipe *good_with(const char *find, const char *by)
{
    char          *text = replaced(fake_recipe, find, by);
    struct recipe *r = good(text);
    free(text);
    return r;
}

static const struct recipe_step *step_named(const struct recipe *r, const char *name)
{
    for (u32 i = 0; i < r->steps; i++)
        if (slice_is(r->step[i].name, name)) return &r->step[i];
    fail_msg("no step %s", name);
    return NULL;
}

static const struct table *table_named(const struct recipe *r, const char *name)
{
    for (u32 i = 0; i < r->tables; i++)
        if (slice_is(r->table[i].name, name)) return &r->table[i];
    fail_msg("no table %s", name);
    return NULL;
}

static void expect_names(const struct field *field, u32 count, const char *expected)
{
    struct text out = { 0 };
    text_print(&out, "");
    for (u32 i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%.*s", i > 0 ? " " : "", (int)field[i].name.len, field[i].name.at);
        text_print(&out, name);
    }
    assert_string_equal(out.at, expected);
    free(out.at);
}

static void expect_columns(const struct table *t, u32 keys, const char *expected)
{
    static const char letters[] = { [COLUMN_INTEGER] = 'i', [COLUMN_REAL] = 'r', [COLUMN_TEXT] = 't' };
    struct text       out = { 0 };
    for (u32 i = 0; i < t->columns; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%.*s:%c", i > 0 ? " " : "", (int)t->column[i].name.len, t->column[i].name.at,
                 letters[t->column[i].kind]);
        text_print(&out, name);
    }
    assert_string_equal(out.at, expected);
    assert_int_equal(t->keys, keys);
    free(out.at);
}

static void decodes_only_what_is_used_and_numbers_it(void **state)
{
    struct recipe              *r = good(fake_recipe);
    const struct recipe_source *s = &r->source[0];
    expect_names(s->decoded.field, s->decoded.tags + s->decoded.measures,
                 "srcIP dstIP protocol srcBytes dstBytes srcRTT dstRTT sizes begin");
    assert_int_equal(s->decoded.tags, 3);
    assert_int_equal(s->decoded.field[3].mirror, 1);
    assert_int_equal(s->decoded.field[4].mirror, 0);
    const struct layout *l = &s->layout[0];
    assert_int_equal(l->fields, 12); /* with two skipped */
    for (u32 i = 0; i < l->fields; i++)
        if (l->field[i].used) assert_true(slice_eq(l->field[i].field.name, s->decoded.field[l->field[i].slot].name));
    assert_false(l->field[7].used || l->field[8].used);
    assert_int_equal(l->field[8].field.name.len, 0);
    assert_false(l->field[11].used); /* load */
    assert_true(slice_is(l->field[3].column, "bytesOut"));
    recipe_free(r);
}

static void projects_to_the_measures_that_are_named(void **state)
{
    struct recipe *r = good_with("protocol] }", "protocol], measures: [dstBytes, begin, srcBytes] }");
    expect_names(r->source[0].decoded.field, 6, "srcIP dstIP protocol srcBytes dstBytes begin");
    const struct step_window *w = &step_named(r, "raw")->window;
    expect_names(w->field + w->keys + w->carried, w->measures, "dstBytes begin srcBytes");
    assert_int_equal(w->field[7].mirror, 2);
    assert_int_equal(w->field[8].mirror, FIELD_NO_MIRROR);
    assert_int_equal(w->field[9].mirror, 0);
    const u32 columns[] = { 6, 9, 2, 7, 10, 8, 11, 4, 5, 3 };
    assert_memory_equal(w->column, columns, sizeof(columns));
    recipe_free(r);
}

static void carries_the_words_that_follow_from_a_net(void **state)
{
    struct recipe            *r = good(fake_recipe);
    const struct step_window *w = &step_named(r, "raw")->window;
    expect_names(w->field, w->keys + w->carried, "srcNet dstNet protocol srcSite dstSite srcService dstService");
    assert_int_equal(w->keys, 3);
    assert_int_equal(w->layout.keys, 3);
    assert_int_equal(w->layout.carried, 4);
    recipe_free(r);
    char *sites = replaced(fake_recipe, "[srcNet, dstNet, protocol]", "[srcSite, dstNet, protocol]");
    r = good(sites);
    w = &step_named(r, "raw")->window;
    expect_names(w->field, w->keys + w->carried, "srcSite dstNet protocol dstSite dstService");
    recipe_free(r);
    free(sites);
    r = good_with("protocol] }", "protocol], carry: [dstSite, srcSite] }");
    w = &step_named(r, "raw")->window;
    expect_names(w->field, w->keys + w->carried, "srcNet dstNet protocol dstSite srcSite");
    assert_int_equal(step_named(r, "site")->cascade.column[0], 4);
    assert_int_equal(step_named(r, "site")->cascade.column[1], 3);
    recipe_free(r);
}

static void numbers_the_columns_of_a_tag_step_behind_the_decoded_ones(void **state)
{
    struct recipe            *r = good(fake_recipe);
    const struct recipe_step *s = step_named(r, "tagged");
    assert_int_equal(s->tag.sides, 2);
    assert_int_equal(s->tag.gives, 3);
    assert_int_equal(s->tag.net_at, 0);
    assert_int_equal(s->tag.base[0], 9);
    assert_int_equal(s->tag.base[1], 12);
    assert_int_equal(s->tag.address[0], 0);
    assert_int_equal(s->tag.address[1], 1);
    assert_string_equal(s->tag.path, "conf/nets.csv");
    assert_int_equal(s->out.tags + s->out.measures, 15);
    expect_names(s->out.field + 9, 6, "srcNet srcSite srcService dstNet dstSite dstService");
    assert_int_equal(s->out.field[9].type, FIELD_NET);
    assert_int_equal(s->out.field[10].type, FIELD_TAG);
    recipe_free(r);
}

static void keeps_one_numbering_over_all_tag_steps_of_a_source(void **state)
{
    char *one = replaced(fake_recipe, "  raw: {",
                         "  nets: { from: p2, tag: { table: a.csv, of: { near: srcIP }, gives: [net] } }\n"
                         "  rest: { from: nets, window: 1m, by: [nearNet] }\n  raw: {");
    char *two = replaced(one, "from: [raw, site]", "from: [rest, raw, site]");
    struct recipe            *r = good(two);
    const struct recipe_step *s = step_named(r, "nets");
    assert_int_equal(s->tag.base[0], 15); /* behind the six of `tagged`, though it takes from the source */
    assert_int_equal(s->out.tags + s->out.measures, 16);
    assert_int_equal(step_named(r, "rest")->window.column[0], 15);
    recipe_free(r);
    free(one);
    free(two);
}

static void feeds_each_level_from_the_one_below(void **state)
{
    struct recipe             *r = good(fake_recipe);
    const struct step_cascade *c = &step_named(r, "site")->cascade;
    assert_int_equal(c->lines, 9);
    for (u32 i = 0; i < c->lines; i++) {
        assert_int_equal(c->line[i].way, i / 3);
        assert_int_equal(c->line[i].level, i % 3);
        assert_int_equal(c->line[i].below, i % 3 == 0 ? UINT32_MAX : i - 1);
        assert_int_equal(c->line[i].op, i + 1);
    }
    assert_true(slice_is(r->op[0].name, "raw"));
    assert_true(slice_is(r->op[1].name, "site/src/1m"));
    assert_true(slice_is(r->op[9].name, "site/both/1h"));
    assert_int_equal(c->top, 10);
    assert_int_equal(c->rank_fields, 2);
    expect_names(c->field, 3, "site srcBytes dstBytes");
    assert_int_equal(c->field[1].mirror, 1);
    recipe_free(r);
}

static void makes_tables_with_the_promised_columns(void **state)
{
    struct recipe *r = good(fake_recipe);
#define RTTS "srcRTT_n:i srcRTT_min:r srcRTT_avg:r srcRTT_max:r dstRTT_n:i dstRTT_min:r dstRTT_avg:r dstRTT_max:r"
#define REST "sizes_1:i sizes_2:i sizes_3:i begin:r records:i"
    expect_columns(table_named(r, "p2_raw"), 4,
                   "timestamp:i srcNet:t dstNet:t protocol:i srcSite:t dstSite:t srcService:t dstService:t "
                   "srcBytes:i dstBytes:i " RTTS " " REST " closed_by:t revision:i");
    expect_columns(table_named(r, "p2_raw_late"), 5,
                   "timestamp:i srcNet:t dstNet:t protocol:i arrived:i srcSite:t dstSite:t srcService:t dstService:t "
                   "srcBytes:i dstBytes:i " RTTS " " REST);
    expect_columns(table_named(r, "p2_bothsite_hourly"), 2,
                   "timestamp:i site:t srcBytes:i dstBytes:i " RTTS " " REST " closed_by:t revision:i");
    expect_columns(table_named(r, "p2_srcsite_fively_rank"), 2,
                   "timestamp:i site:t srcBytes:i srcBytes_rank:i dstBytes:i dstBytes_rank:i " RTTS " " REST
                   " closed_by:t revision:i");
    expect_columns(table_named(r, "p2_rejects"), 3, "timestamp:i file:t offset:i line:i reason:t field:t sample:t");
    expect_columns(table_named(r, "p2_ledger"), 1,
                   "timestamp:i read:i applied:i late:i duplicate:i filtered:i rejected:i lost:i bytes:i complaints:i");
    assert_true(slice_is(table_named(r, "p2_raw")->level, "raw"));
    assert_true(slice_is(table_named(r, "p2_srcsite_fively_rank")->level, "5m"));
    assert_true(slice_is(table_named(r, "p2_srcsite_fively_rank")->base, "p2_srcsite_fively"));
    assert_int_equal(r->tables, 2 + 18 + 2);
    for (u32 i = 0; i < r->tables; i++) assert_true(r->sink[0].wanted[i]);
    recipe_free(r);
}

static void makes_no_table_that_no_sink_wants(void **state)
{
    struct recipe *r = good_with("from: [raw, site], retain: { raw: 1d, 1m: 7d }", "from: site");
    assert_int_equal(r->tables, 18 + 2);
    assert_int_equal(step_named(r, "raw")->window.table, UINT32_MAX);
    assert_int_equal(step_named(r, "raw")->window.late_table, UINT32_MAX);
    assert_int_equal(r->ops, 10);
    recipe_free(r);
    r = good_with("rank: { top: 10 }", "table: other");
    assert_int_equal(r->tables, 2 + 9 + 2);
    table_named(r, "other_dstsite_minutely");
    assert_int_equal(step_named(r, "site")->cascade.line[0].rank_table, UINT32_MAX);
    recipe_free(r);
}

static void gives_each_sink_its_own_tables(void **state)
{
    struct recipe *r = good_with("  store: { type: sqlite, path: store.db, from: [raw, site]",
                                 "  lines: { type: file, path: out, form: json, from: raw }\n  store: { type: sqlite, "
                                 "path: store.db, from: [raw, site]");
    u32            count = 0;
    for (u32 i = 0; i < r->tables; i++) count += r->sink[0].wanted[i] ? 1 : 0;
    assert_int_equal(count, 4); /* raw, late, rejects, ledger */
    assert_int_equal(r->sink[1].retains, 2);
    assert_true(slice_is(r->sink[1].retain[1].level, "1m"));
    const struct fake_sink_options *o = r->sink[0].options;
    assert_int_equal(o->form, 1);
    assert_string_equal(o->path, "conf/out");
    recipe_free(r);
}

static void fills_options_with_what_is_given_and_else_with_fallbacks(void **state)
{
    struct recipe *r = good_with(
        "path: data,",
        "path: /data/p2, pattern: '', markers: false, depth: 3, block: 64KiB, grace: 500ms, order: time, "
        "kinds: [a], labels: { x: y, z: \"1 2\" }, idle: 0s, in_flight: 1GiB,");
    const struct fake_source_options *o = r->source[0].options;
    assert_string_equal(o->path, "/data/p2");
    assert_string_equal(o->pattern, "");
    assert_false(o->markers);
    assert_int_equal(o->depth, 3);
    assert_int_equal(o->block, 65536);
    assert_int_equal(o->grace, 500000000);
    assert_int_equal(o->order, 0);
    assert_int_equal(o->kinds.count, 1);
    assert_string_equal(o->labels.key[1], "z");
    assert_string_equal(o->labels.value[1], "1 2");
    assert_int_equal(r->source[0].idle, 0);
    assert_int_equal(r->source[0].in_flight, 1 << 30);
    recipe_free(r);
    r = good(fake_recipe);
    o = r->source[0].options;
    assert_string_equal(o->path, "conf/data");
    assert_string_equal(o->pattern, "*");
    assert_true(o->markers);
    assert_int_equal(o->depth, 0);
    assert_int_equal(o->grace, 20 * NANOS_SECOND);
    assert_int_equal(o->order, 1);
    assert_int_equal(o->kinds.count, 2);
    assert_string_equal(o->kinds.name[1], "udp");
    assert_int_equal(r->source[0].idle, 300 * NANOS_SECOND);
    recipe_free(r);
}

static char *print_of(const struct recipe *r)
{
    struct text out = { 0 };
    recipe_print(r, text_print, &out);
    return out.at;
}

static void reads_a_secret_from_its_file_and_never_prints_it(void **state)
{
    const struct fake_file files[] = { { "conf/key", "host=db password=hunter2\n" }, { NULL, NULL } };
    char                  *text = replaced(fake_recipe, "path: store.db", "dsn: !file key");
    struct findings        f;
    struct recipe         *r = fake_recipe_read(text, files, &f);
    assert_non_null(r);
    assert_string_equal(((const struct fake_sink_options *)r->sink[0].options)->dsn, "host=db password=hunter2");
    char *out = print_of(r);
    assert_null(strstr(out, "hunter2"));
    assert_non_null(strstr(out, "dsn: !file key\n"));
    free(out);
    recipe_free(r);
    findings_fini(&f);
    free(text);
}

/* Print, read again, print again: equal texts, tables and operators. */
static void expect_round_trip(const char *text)
{
    struct recipe *first = good(text);
    char          *once = print_of(first);
    struct recipe *second = good(once);
    char          *twice = print_of(second);
    assert_string_equal(once, twice);
    assert_int_equal(first->tables, second->tables);
    assert_int_equal(first->ops, second->ops);
    for (u32 i = 0; i < first->tables; i++) assert_true(slice_eq(first->table[i].name, second->table[i].name));
    for (u32 i = 0; i < first->ops; i++) {
        assert_true(slice_eq(first->op[i].name, second->op[i].name));
        assert_true(first->op[i].fingerprint == second->op[i].fingerprint);
    }
    recipe_free(first);
    recipe_free(second);
    free(once);
    free(twice);
}

static void prints_what_reads_back_to_the_same(void **state)
{
    static const char *const rows[][2] = {
        { "name: probe", "name: probe" },
        { "path: data,",
          "path: \"/a b/\\u00e9\\u2028\\\"#: \\t'\", pattern: '', labels: { \"x: y\": '- a' }, depth: 9," },
        { "protocol] }", "protocol], measures: [dstBytes, srcBytes], carry: [dstSite, srcSite], lateness: 90s, "
                         "groups_max: 5, table: lines }" },
        { "rank: { top: 10 }", "table: other" },
        { "rank: { top: 10 }", "lateness: 1h, rank: { top: 3, fields: [dstRTT, sizes] }" },
        { "ways: [src, dst, both]", "ways: [both, src]" },
        { "from: [raw, site], retain: { raw: 1d, 1m: 7d }", "from: site, limit: 7" },
        { "name: load, type: f64", "name: load, type: f64, measure: load, agg: avg, scale: 8, unit: \"%\"" },
        { "name: load, type: f64", "name: load, type: f64, measure: load, agg: quantiles, at: [5, 95]" },
        { "name: load, type: f64", "name: load, type: f64, measure: loads, agg: distinct, bits: 7" },
        { "  - layout: small", "  - separator: \"\\t\"\n    \"null\": \"NULL\"\n    layout: small" },
        { "state: {", "workers: 3\nstate: {" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        char *text = replaced(fake_recipe, rows[i][0], rows[i][1]);
        expect_round_trip(text);
        free(text);
    }
}

/* Fingerprint of an operator after a change of the recipe. */
static u64 print_with(const char *find, const char *by, const char *op)
{
    struct recipe *r = good_with(find, by);
    u64            sum = 0;
    for (u32 i = 0; i < r->ops; i++)
        if (slice_is(r->op[i].name, op)) sum = r->op[i].fingerprint;
    assert_true(sum != 0);
    recipe_free(r);
    return sum;
}

static void changes_a_fingerprint_when_state_would_mean_something_else(void **state)
{
    static const char *const rows[][2] = {
        { "window: 1m", "window: 30s" },
        { ", mirror: dstRTT", "" },
        { "name: bytesIn", "name: bytesInto" },
        { "type: bins(3)", "type: bins(4)" },
        { "agg: min", "agg: max" },
        { "table: nets.csv", "table: other.csv" },
        { "protocol] }", "protocol], carry: [srcSite, dstSite] }" },
        { "src: srcIP", "src: dstIP" },
        { "type: u64, measure: dstBytes", "type: u64, scale: 10, measure: dstBytes" },
    };
    u64 raw = print_with("name: probe", "name: probe", "raw"),
        hour = print_with("name: probe", "name: probe", "site/dst/1h");
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        assert_true(print_with(rows[i][0], rows[i][1], "raw") != raw);
        assert_true(print_with(rows[i][0], rows[i][1], "site/dst/1h") != hour);
    }
    assert_true(print_with("[1m, 5m, 1h]", "[1m, 1h]", "site/dst/1h") != hour);
}

static void a_fingerprint_knows_the_size_of_sketches_and_not_what_is_shown_of_them(void **state)
{
    static const char *const how[] = {
        "name: load, type: f64, agg: distinct",           "name: load, type: f64, agg: distinct, bits: 10",
        "name: load, type: f64, agg: distinct, bits: 11", "name: load, type: f64, agg: quantiles",
        "name: load, type: f64, agg: quantiles, at: 99",
    };
    u64 sum[WEIR_COUNT(how)];
    for (u32 i = 0; i < WEIR_COUNT(how); i++) sum[i] = print_with("name: load, type: f64", how[i], "raw");
    assert_true(sum[0] == sum[1]);
    assert_true(sum[1] != sum[2] && sum[2] != sum[3]);
    assert_true(sum[3] == sum[4]);
}

static void keeps_a_fingerprint_when_only_the_way_of_rows_changes(void **state)
{
    static const char *const rows[][2] = {
        { "name: probe", "name: other" },
        { "window: 1m", "window: 1m, lateness: 5m, groups_max: 7, table: x" },
        { "top: 10", "top: 20, fields: [sizes]" },
        { "[1m, 5m, 1h]", "[1m, 5m, 1h, 1d]" },
        { "ways: [src, dst, both]", "ways: [dst]" },
        { "name: load, type: f64", "name: load, type: u64" },
        { "{ skip: 2 }", "{ skip: 3 }" },
        { "retain: { raw: 1d, 1m: 7d }", "retain: { raw: 2d }" },
        { "path: data", "path: elsewhere" },
    };
    u64 raw = print_with("name: probe", "name: probe", "raw"),
        hour = print_with("name: probe", "name: probe", "site/dst/1h");
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        assert_true(print_with(rows[i][0], rows[i][1], "raw") == raw);
        assert_true(print_with(rows[i][0], rows[i][1], "site/dst/1h") == hour);
    }
}

static void unites_the_layouts_of_a_source(void **state)
{
    const struct fake_file files[] = {
        { "conf/b.yaml", "layout: b\nfields:\n  - { name: dstIP, type: ip }\n  - { name: srcIP, type: ip }\n"
                         "  - { name: extra, type: u64, measure: extra }\n"
                         "  - { name: out, type: u64, measure: srcBytes, rank: true }\n" },
        { NULL, NULL }
    };
    char *one = replaced(fake_recipe, "name: probe", "include: [b.yaml]"),
         *text = replaced(one, "tcp: small", "udp: b, tcp: small");
    struct findings f;
    struct recipe  *r = fake_recipe_read(text, files, &f);
    assert_non_null(r);
    assert_true(slice_is(r->name, "t")); /* the file's */
    expect_names(r->source[0].decoded.field, 10,
                 "dstIP srcIP protocol extra srcBytes dstBytes srcRTT dstRTT sizes begin");
    assert_string_equal(r->source[0].layout_key[0], "udp");
    assert_int_equal(r->source[0].layout[0].field[3].slot, 4);
    assert_int_equal(r->source[0].layout[1].field[3].slot, 4);
    assert_int_equal(r->source[0].decoded.field[4].mirror, 2);
    recipe_free(r);
    findings_fini(&f);
    free(one);
    free(text);
}

static void knows_a_kind_by_its_letters_whatever_their_case(void **state)
{
    char *one = replaced(fake_recipe, "by: [srcNet, dstNet, protocol]", "by: [srcIP, dstIP]");
    char *two = replaced(one, "kind: site", "kind: ip");
    struct recipe *r = good(two);
    assert_int_equal(step_named(r, "site")->cascade.field[0].type, FIELD_ADDR);
    table_named(r, "p2_bothip_minutely");
    recipe_free(r);
    free(one);
    free(two);
}

static void sorts_steps_so_that_from_comes_first(void **state)
{
    char          *one = replaced(fake_recipe, "  tagged:\n",
                                  "  zero: { from: early, cascade: [2m], kind: ip, table: z }\n"
                                  "  early: { from: p2, window: 1m, by: [srcIP, dstIP] }\n  tagged:\n");
    char *two = replaced(one, "from: [raw, site]", "from: [raw, site, zero]");
    struct recipe *r = good(two);
    assert_true(slice_is(r->step[0].name, "early"));
    assert_true(slice_is(r->step[1].name, "zero"));
    assert_int_equal(r->step[1].from_step, 0);
    assert_int_equal(r->step[0].from_step, -1);
    table_named(r, "z_bothip_2m");
    recipe_free(r);
    free(one);
    free(two);
}

static void reads_the_shipped_example_and_layouts(void **state)
{
    struct findings f;
    struct recipe  *r = read_example(&f);
    assert_non_null(r);
    assert_int_equal(f.count, 0);
    const struct recipe_source *s = &r->source[0];
    assert_int_equal(s->layouts, 3);
    assert_int_equal(s->layout[0].fields, 65);
    assert_int_equal(s->layout[1].fields, 36);
    assert_int_equal(s->layout[2].fields, 32);
    assert_true(slice_is(s->layout[0].field[32].column, "numberSYNSrcToDst"));
    assert_true(slice_is(s->layout[0].field[58].column, "rttSrcToDst"));
    assert_true(slice_is(s->layout[1].field[35].column, "dnsTime"));
    expect_names(s->decoded.field, s->decoded.tags, "srcIP dstIP protocol");
    assert_int_equal(s->decoded.measures, 23 + 33 + 4);
    const struct step_cascade *c = &step_named(r, "site")->cascade;
    assert_int_equal(c->rank_fields, 15);
    assert_int_equal(c->lines, 12);
    table_named(r, "p2_bothservice_daily_rank");
    for (u32 i = 0; i < s->decoded.measures; i++) {
        const struct field *m = &s->decoded.field[s->decoded.tags + i];
        bool                side = slice_starts(m->name, S("src")) || slice_starts(m->name, S("dst"));
        assert_true(side == (m->mirror != FIELD_NO_MIRROR));
        if (!side) continue;
        const struct field *other = &s->decoded.field[s->decoded.tags + m->mirror];
        assert_true(
            slice_eq(slice_of(m->name.at + 3, m->name.len - 3), slice_of(other->name.at + 3, other->name.len - 3)));
        assert_memory_not_equal(m->name.at, other->name.at, 3);
    }
    char *text = print_of(r);
    recipe_free(r);
    findings_fini(&f);
    expect_round_trip(text);
    free(text);
}

/* The recipe with more steps before `raw`, and more that the sink takes. */
static char *with_steps(const char *steps, const char *taken)
{
    char  more[2048], from[256];
    char *one, *two;
    snprintf(more, sizeof more, "%s  raw: {", steps);
    snprintf(from, sizeof from, "from: [raw, site%s]", taken);
    one = replaced(fake_recipe, "  raw: {", more);
    two = replaced(one, "from: [raw, site]", from);
    free(one);
    return two;
}

static struct recipe *good_steps(const char *steps, const char *taken)
{
    char          *text = with_steps(steps, taken);
    struct recipe *r = good(text);
    free(text);
    return r;
}

static void gives_a_table_of_single_records(void **state)
{
    struct recipe *r = good_steps("  rows: { from: tagged, "
                                  "records: [load, srcSite, sizes, srcRTT, begin, srcIP] }\n", ", rows");
    expect_columns(table_named(r, "p2_rows"), 2,
                   "timestamp:i arrived:i load:r srcSite:t sizes_1:i sizes_2:i sizes_3:i srcRTT_n:i srcRTT_min:r "
                   "srcRTT_avg:r srcRTT_max:r begin:r srcIP:t");
    assert_true(r->source[0].decoded.tags == 4); /* load, which no window takes */
    recipe_free(r);
    r = good_steps("  rows: { from: tagged, records: all, table: events }\n", ", rows");
    const struct step_records *s = &step_named(r, "rows")->records;
    expect_names(s->field, s->columns,
                 "srcIP dstIP protocol srcBytes dstBytes srcRTT dstRTT sizes begin load srcNet srcSite srcService "
                 "dstNet dstSite dstService");
    assert_int_equal(table_named(r, "events")->keys, 2);
    recipe_free(r);
}

static void sketches_are_columns_of_their_own(void **state)
{
    struct recipe *r = good_steps("  more: { from: tagged, derive: { hosts: { expr: srcIP, agg: distinct, bits: 6 }, "
                                  "nets: { expr: srcNet, agg: distinct }, size: { expr: dstBytes, agg: quantiles, "
                                  "unit: B }, wait: { expr: load, agg: quantiles, at: [1, 50, 75, 99] } } }\n"
                                  "  sums: { from: more, window: 1m, by: [protocol], measures: [hosts, nets, size, "
                                  "wait] }\n",
                                  ", sums");
    expect_columns(table_named(r, "p2_sums"), 2,
                   "timestamp:i protocol:i hosts:i nets:i size_p50:r size_p90:r size_p99:r wait_p1:r wait_p50:r "
                   "wait_p75:r wait_p99:r records:i closed_by:t revision:i");
    recipe_free(r);
}

static void derives_columns_in_order_and_only_those_that_are_used(void **state)
{
    struct recipe *r = good_steps("  big: { from: tagged, where: kb > 2, derive: { "
                                  "kb: { expr: srcBytes / 1024, agg: sum, unit: KiB }, "
                                  "mb: kb / 1024, no: load } }\n"
                                  "  rows: { from: big, records: [mb] }\n"
                                  "  sums: { from: big, window: 1m, by: [protocol], measures: [kb] }\n",
                                  ", rows, sums");
    const struct step_filter *f = &step_named(r, "big")->filter;
    assert_int_equal(f->derives, 3);
    assert_true(f->first && f->where != NULL);
    assert_true(f->derive[0].used && f->derive[1].used && !f->derive[2].used);
    assert_null(f->derive[2].expr);
    assert_int_equal(f->derive[1].column, f->derive[0].column + 1);
    assert_int_equal(step_named(r, "rows")->records.column[0], f->derive[1].column);
    assert_int_equal(step_named(r, "sums")->window.column[1], f->derive[0].column);
    expect_columns(table_named(r, "p2_sums"), 2, "timestamp:i protocol:i kb:r records:i closed_by:t revision:i");
    assert_true(slice_is(table_named(r, "p2_sums")->column[2].unit, "KiB"));
    assert_true(r->source[0].decoded.tags == 3); /* `load` is for `no` alone: not decoded */
    recipe_free(r);
}

static void keeps_columns_of_one_name_apart_in_branches(void **state)
{
    struct recipe *r = good_steps("  a: { from: p2, derive: { x: srcBytes } }\n"
                                  "  b: { from: p2, derive: { x: dstBytes } }\n"
                                  "  c: { from: a, where: x > 1 }\n  d: { from: b, where: x > 2 }\n"
                                  "  ra: { from: c, records: [x] }\n  rb: { from: d, records: [x] }\n",
                                  ", ra, rb");
    u32 a = step_named(r, "a")->filter.derive[0].column, b = step_named(r, "b")->filter.derive[0].column;
    assert_int_not_equal(a, b);
    assert_int_equal(step_named(r, "ra")->records.column[0], a);
    assert_int_equal(step_named(r, "rb")->records.column[0], b);
    assert_true(expr_uses(step_named(r, "c")->filter.where, a) && !expr_uses(step_named(r, "c")->filter.where, b));
    assert_true(expr_uses(step_named(r, "d")->filter.where, b) && !expr_uses(step_named(r, "d")->filter.where, a));
    recipe_free(r);
}

static u64 raw_sum(const char *big)
{
    char *text = replaced(fake_recipe, "  raw: { from: tagged,", big);
    struct recipe *r = good(text);
    u64            sum = step_named(r, "raw")->fingerprint;
    recipe_free(r);
    free(text);
    return sum;
}

static void changes_the_fingerprint_with_what_a_filter_means(void **state)
{
    u64 none = raw_sum("  raw: { from: tagged,");
    u64 ten = raw_sum("  big: { from: tagged, where: srcBytes > 10 }\n  raw: { from: big,");
    assert_int_not_equal(none, ten);
    assert_int_equal(ten, raw_sum("  more: { from: tagged, where: '(srcBytes  >  10)' }\n  raw: { from: more,"));
    assert_int_not_equal(ten, raw_sum("  big: { from: tagged, where: srcBytes > 11 }\n  raw: { from: big,"));
    /* What is derived beside it, and not taken, is no part of its state. */
    assert_int_equal(none, raw_sum("  big: { from: tagged, derive: { kb: srcBytes / 1024 } }\n  raw: { from: big,"));
    u64 kb = raw_sum("  big: { from: tagged, derive: { kb: { expr: srcBytes / 1024, agg: sum } } }\n"
                     "  raw: { from: big, measures: [kb, srcBytes, dstBytes],");
    assert_int_not_equal(kb, raw_sum("  big: { from: tagged, derive: { kb: { expr: srcBytes / 1000, agg: sum } } }\n"
                                     "  raw: { from: big, measures: [kb, srcBytes, dstBytes],"));
    assert_int_equal(kb,
                     raw_sum("  big: { from: tagged, derive: { kb: { expr: srcBytes/1024, agg: sum }, n: protocol } }\n"
                             "  raw: { from: big, measures: [kb, srcBytes, dstBytes],"));
}

static void prints_filters_and_records_that_read_back(void **state)
{
    char *text = with_steps("  big: { from: tagged, where: \"srcSite == 'a' and load > 0.5\", "
                            "derive: { kb: { expr: srcBytes / 1024, agg: max, unit: KiB }, part: 'srcRTT.avg' } }\n"
                            "  rows: { from: big, records: all }\n"
                            "  sums: { from: big, window: 1m, by: [protocol] }\n",
                            ", rows, sums");
    struct recipe *r = good(text);
    struct text    once = { 0 }, twice = { 0 };
    recipe_print(r, text_print, &once);
    struct recipe *again = good(once.at);
    recipe_print(again, text_print, &twice);
    assert_string_equal(once.at, twice.at);
    assert_non_null(strstr(once.at, "kb: { expr: \"srcBytes / 1024.0\", agg: max, unit: KiB }"));
    for (u32 i = 0; i < r->steps; i++) assert_int_equal(r->step[i].fingerprint, again->step[i].fingerprint);
    recipe_free(r);
    recipe_free(again);
    free(once.at);
    free(twice.at);
    free(text);
}

static void documents_every_key_that_it_knows(void **state)
{
    u32 keys = 0;
    for (const struct recipe_part *p = recipe_parts; p->title != NULL; p++)
        for (const struct recipe_key *k = p->keys; k->name != NULL; k++, keys++) {
            assert_true(strlen(k->value) > 0 && strlen(k->doc) > 10);
            assert_null(strchr(k->doc, '\n'));
            for (const struct recipe_key *other = p->keys; other != k; other++)
                assert_string_not_equal(other->name, k->name);
        }
    assert_true(keys > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_only_what_is_used_and_numbers_it),
        cmocka_unit_test(projects_to_the_measures_that_are_named),
        cmocka_unit_test(carries_the_words_that_follow_from_a_net),
        cmocka_unit_test(numbers_the_columns_of_a_tag_step_behind_the_decoded_ones),
        cmocka_unit_test(keeps_one_numbering_over_all_tag_steps_of_a_source),
        cmocka_unit_test(feeds_each_level_from_the_one_below),
        cmocka_unit_test(makes_tables_with_the_promised_columns),
        cmocka_unit_test(makes_no_table_that_no_sink_wants),
        cmocka_unit_test(gives_each_sink_its_own_tables),
        cmocka_unit_test(fills_options_with_what_is_given_and_else_with_fallbacks),
        cmocka_unit_test(reads_a_secret_from_its_file_and_never_prints_it),
        cmocka_unit_test(prints_what_reads_back_to_the_same),
        cmocka_unit_test(changes_a_fingerprint_when_state_would_mean_something_else),
        cmocka_unit_test(keeps_a_fingerprint_when_only_the_way_of_rows_changes),
        cmocka_unit_test(a_fingerprint_knows_the_size_of_sketches_and_not_what_is_shown_of_them),
        cmocka_unit_test(sketches_are_columns_of_their_own),
        cmocka_unit_test(unites_the_layouts_of_a_source),
        cmocka_unit_test(knows_a_kind_by_its_letters_whatever_their_case),
        cmocka_unit_test(sorts_steps_so_that_from_comes_first),
        cmocka_unit_test(reads_the_shipped_example_and_layouts),
        cmocka_unit_test(gives_a_table_of_single_records),
        cmocka_unit_test(derives_columns_in_order_and_only_those_that_are_used),
        cmocka_unit_test(keeps_columns_of_one_name_apart_in_branches),
        cmocka_unit_test(changes_the_fingerprint_with_what_a_filter_means),
        cmocka_unit_test(prints_filters_and_records_that_read_back),
        cmocka_unit_test(documents_every_key_that_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
