/* SPDX-License-Identifier: Apache-2.0 */
/* test_bad_recipe.c: every kind of mistake, with the exact place, words and hint.
 *
 * A row replaces one piece of the good recipe (fake.c) and says all that is then found: "line:column+width text |
 * hint", a line each. Line and column count from 1, the width is what is underlined; 0:0 is the file as a whole. */
#include "fake.h"

struct bad_recipe {
    const char *name;
    const char *find, *by;
    const char *found;
};

static const struct bad_recipe bad_recipes[];

static void put(struct text *to, const char *text)
{
    text_print(to, text);
}

static char *findings_text(const struct findings *f)
{
    struct text out = { 0 };
    char        place[64];
    put(&out, "");
    for (u32 i = 0; i < f->count; i++) {
        const struct finding *x = &f->at[i];
        snprintf(place, sizeof(place), "%s%u:%u+%u %s", i > 0 ? "\n" : "", x->line, x->column, x->width,
                 x->warning ? "warning: " : "");
        put(&out, place);
        put(&out, x->text);
        put(&out, x->hint != NULL ? " | " : "");
        put(&out, x->hint != NULL ? x->hint : "");
    }
    return out.at;
}

static void tells_each_mistake_with_its_place(void **state)
{
    u32 wrong = 0;
    for (const struct bad_recipe *row = bad_recipes; row->name != NULL; row++) {
        struct findings f;
        char           *text = replaced(fake_recipe, row->find, row->by);
        struct recipe  *r = fake_recipe_read(text, NULL, &f);
        char           *found = findings_text(&f);
        if (r != NULL || f.errors == 0 || strcmp(found, row->found) != 0) {
            print_error("%s: found\n%s\nexpected\n%s\n\n", row->name, found, row->found);
            wrong++;
        }
        recipe_free(r);
        findings_fini(&f);
        free(found);
        free(text);
    }
    assert_int_equal(wrong, 0);
}

static void the_recipe_that_is_spoilt_is_good(void **state)
{
    struct findings f;
    struct recipe  *r = fake_recipe_read(fake_recipe, NULL, &f);
    assert_non_null(r);
    assert_int_equal(f.count, 0);
    recipe_free(r);
    findings_fini(&f);
}

/* text: a file of its own. */
static void expect_found(const char *text, const struct fake_file *more, const char *expected)
{
    struct findings f;
    struct recipe  *r = fake_recipe_read(text, more, &f);
    char           *found = findings_text(&f);
    assert_null(r);
    assert_string_equal(found, expected);
    findings_fini(&f);
    free(found);
}

static void refuses_what_is_no_recipe(void **state)
{
    expect_found("", NULL, "0:0+0 the file is empty");
    expect_found("# only a comment\n", NULL, "0:0+0 the file is empty");
    expect_found("hello\n", NULL, "0:0+0 the file is no mapping of keys to values | as weir: 1");
    expect_found("[]\n", NULL, "0:0+0 the file is no mapping of keys to values | as weir: 1");
    expect_found("a: \xff\n", NULL, "1:4+1 not YAML: invalid leading UTF-8 octet");
    expect_found("a: \x01\n", NULL, "1:4+1 not YAML: control characters are not allowed");
}

static void refuses_deep_and_large_files(void **state)
{
    char *deep = replaced("weir: @", "@", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
    expect_found(deep, NULL, "1:38+1 more than 32 levels of nesting");
    free(deep);
    char *large = malloc((1u << 20) + 2);
    memset(large, ' ', (1u << 20) + 1);
    large[(1u << 20) + 1] = 0;
    expect_found(large, NULL, "0:0+0 larger than 1024 KiB");
    char *many = malloc(16 * 5000);
    char *at = many;
    for (u32 i = 0; i < 5000; i++) at += sprintf(at, "k%u: 1\n", i);
    expect_found(many, NULL, "1:1+1 more than 4096 entries in one mapping");
    free(large);
    free(many);
}

static void tells_faults_of_included_files_in_them(void **state)
{
    const struct fake_file files[] = { { "conf/one.yaml", "layout: one\nfields:\n  - { name: a, type: u46 }\n" },
                                       { "conf/two.yaml", "layouts: []\nsteps: {}\n" },
                                       { "conf/three.yaml", "" },
                                       { NULL, NULL } };
    char           *text = replaced(fake_recipe, "name: probe", "include: [one.yaml, two.yaml, three.yaml]");
    struct findings f;
    assert_null(fake_recipe_read(text, files, &f));
    assert_int_equal(f.count, 3);
    assert_string_equal(f.at[0].file, "conf/one.yaml");
    assert_int_equal(f.at[0].line, 3);
    assert_int_equal(f.at[0].column, 22);
    assert_string_equal(f.at[1].file, "conf/two.yaml");
    assert_string_equal(f.at[1].text, "unknown key `steps` in an included file");
    assert_string_equal(f.at[2].file, "conf/three.yaml");
    assert_string_equal(f.at[2].text, "the file is empty");
    findings_fini(&f);
    free(text);
}

static void tells_what_two_layouts_disagree_on(void **state)
{
    const struct fake_file type[] = {
        { "conf/more.yaml", "layout: other\nfields: [ { name: x, type: f64, measure: srcBytes } ]\n" }, { NULL, NULL }
    };
    const struct fake_file tag[] = { { "conf/more.yaml", "layout: other\nfields: [ { name: srcIP, type: string } ]\n" },
                                     { NULL, NULL } };
    const struct fake_file mirror[] = { { "conf/more.yaml",
                                          "layout: other\nfields:\n  - { name: x, type: u64, measure: srcBytes, "
                                          "mirror: back }\n  - { name: y, type: u64, measure: back }\n" },
                                        { NULL, NULL } };
    const char *rule = "one name means one thing in all layouts of a source";
    char       *some = replaced(fake_recipe, "{ tcp: small }", "{ tcp: small, udp: other }");
    char       *text = replaced(some, "name: probe", "include: more.yaml");
    char        expected[256];
    snprintf(expected, sizeof(expected),
             "2:42+8 `srcBytes` is f64, sum in layout `other`, but u64, sum in `small` | %s", rule);
    expect_found(text, type, expected);
    snprintf(expected, sizeof(expected),
             "2:19+5 `srcIP` is string, no measure in layout `other`, but ip, no measure in `small` | %s", rule);
    expect_found(text, tag, expected);
    expect_found(text, mirror, "3:36+8 `srcBytes` mirrors `back` in layout `other`, but `dstBytes` in another");
    free(some);
    free(text);
}

static void refuses_more_measures_than_a_stream_has(void **state)
{
    struct text layout = { 0 };
    char        field[64];
    put(&layout, "layout: wide\nfields:\n");
    for (u32 i = 0; i < MEASURES_MAX + 1; i++) {
        snprintf(field, sizeof(field), "  - { name: f%u, type: u64, measure: m%u }\n", i, i);
        put(&layout, field);
    }
    const struct fake_file files[] = { { "conf/wide.yaml", layout.at }, { NULL, NULL } };
    char                  *text = replaced(fake_recipe, "name: probe", "include: wide.yaml");
    expect_found(text, files, "3:3+1 layout `wide` has more than 256 measures");
    free(text);
    free(layout.at);
}

static void keeps_the_first_findings_and_counts_the_rest(void **state)
{
    struct text text = { 0 };
    char        line[32];
    put(&text, fake_recipe);
    for (u32 i = 0; i < 600; i++) {
        snprintf(line, sizeof(line), "k%u: 1\n", i);
        put(&text, line);
    }
    struct findings f;
    assert_null(fake_recipe_read(text.at, NULL, &f));
    assert_int_equal(f.count, FINDINGS_MAX);
    assert_int_equal(f.errors, 600);
    assert_int_equal(f.dropped, 100);
    findings_fini(&f);
    free(text.at);
}

static void says_that_the_recipe_is_not_there(void **state)
{
    struct fake_file   none = { NULL, NULL };
    struct recipe_lent lent = { fake_sources, fake_sinks, fake_read, &none, NULL };
    struct recipe     *r = (struct recipe *)&none;
    struct findings    f;
    findings_init(&f);
    recipe_read(&r, "a.yaml", &lent, &f);
    assert_null(r);
    assert_string_equal(f.at[0].text, "cannot read recipe `a.yaml`");
    assert_string_equal(f.at[0].hint, "No such file or directory");
    findings_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recipe_that_is_spoilt_is_good),
        cmocka_unit_test(tells_each_mistake_with_its_place),
        cmocka_unit_test(refuses_what_is_no_recipe),
        cmocka_unit_test(refuses_deep_and_large_files),
        cmocka_unit_test(tells_faults_of_included_files_in_them),
        cmocka_unit_test(tells_what_two_layouts_disagree_on),
        cmocka_unit_test(refuses_more_measures_than_a_stream_has),
        cmocka_unit_test(keeps_the_first_findings_and_counts_the_rest),
        cmocka_unit_test(says_that_the_recipe_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static const struct bad_recipe bad_recipes[] = {
    { "unknown top key",
      "name: probe",
      "nam: probe",
      "2:1+3 unknown key `nam` in a recipe | did you mean `name`?" },
    { "unknown source key",
      "path: data",
      "path: data, patern: x",
      "19:38+6 unknown key `patern` in source `p2` | did you mean `pattern`?" },
    { "unknown step key",
      "window: 1m,",
      "window: 1m, lateness_: 5s,",
      "24:36+9 unknown key `lateness_` in window step `raw` | did you mean `lateness`?" },
    { "unknown rank key",
      "rank: { top: 10 }",
      "rank: { topp: 10 }",
      "25:89+4 unknown key `topp` in a rank | did you mean `top`?" },
    { "unknown sink key",
      "retain: {",
      "retian: {",
      "27:61+6 unknown key `retian` in sink `store` | did you mean `retain`?" },
    { "unknown field key",
      "name: load, type: f64",
      "name: load, type: f64, aggr: sum",
      "17:34+4 unknown key `aggr` in a field | did you mean `agg`?" },
    { "duplicate key",
      "name: probe\n",
      "name: probe\n"
      "name: other\n",
      "3:1+4 duplicate key `name` | it stands first in line 2" },
    { "duplicate step",
      "  raw: {",
      "  tagged: { from: p2 }\n"
      "  raw: {",
      "24:3+6 duplicate key `tagged` | it stands first in line 21" },
    { "duplicate layout",
      "layouts:\n"
      "  -",
      "layouts:\n"
      "  - { layout: small, fields: [ { name: a, type: u64 } ] }\n"
      "  -",
      "6:13+5 layout `small` is defined twice | the first is conf/t.yaml:5" },
    { "step named as source",
      "  raw: {",
      "  p2: {",
      "24:3+2 `p2` is the name of a source already\n"
      "25:17+3 unknown source or step `raw` | expected p2, tagged or p2\n"
      "27:49+3 unknown step `raw` | expected p2 or site" },
    { "reserved step name",
      "  raw: {",
      "  late: {",
      "24:3+4 `late` is a name that weir uses itself\n"
      "25:17+3 unknown source or step `raw` | expected p2, tagged or late\n"
      "27:49+3 unknown step `raw` | expected late or site" },
    { "bad name",
      "  raw: {",
      "  \"r/w\": {",
      "24:3+5 `r/w` is not a name that can be used here | letters, digits, `_` and `-`, a letter "
      "first, at most 48\n"
      "25:17+3 unknown source or step `raw` | did you mean `r/w`?\n"
      "27:49+3 unknown step `raw` | did you mean `r/w`?" },
    { "unknown source or step",
      "from: tagged",
      "from: taged",
      "24:16+5 unknown source or step `taged` | did you mean `tagged`?" },
    { "unknown step in sink",
      "from: [raw, site]",
      "from: [raw, sites]",
      "27:54+5 unknown step `sites` | did you mean `site`?" },
    { "sink takes tag step",
      "from: [raw, site]",
      "from: [raw, site, tagged]",
      "27:60+6 step `tagged` gives no table; sinks take windows, cascades and records" },
    { "records of a window",
      "kind: site, rank: { top: 10 } }\n",
      "kind: site }\n  rows: { from: raw, records: all }\n",
      "26:17+3 a records step takes records: `from` must be a source, a tag or a filter step, and `raw` is none | "
      "the rows of `raw` go to a sink that names it in its `from`" },
    { "window of records",
      "  raw: { from: tagged,",
      "  rows: { from: p2, records: all }\n  raw: { from: rows,",
      "25:16+4 a window takes records: `from` must be a source, a tag or a filter step, and `rows` is none | take from "
      "what `rows` takes from" },
    { "records of an unknown field",
      "  raw: { from: tagged,",
      "  rows: { from: tagged, records: [srcIP, dstSit] }\n  raw: { from: tagged,",
      "24:3+4 step `rows` is used by no sink and no step | remove it, or name it in the `from` of a sink or step\n"
      "24:42+6 unknown field `dstSit` | did you mean `dstSite`?" },
    { "retain of a records step that is not taken",
      "raw: 1d",
      "rows: 1d",
      "27:71+4 `rows` is no level that this sink takes | expected raw, 1m, 5m, 1h, late, rejects or ledger" },
    { "where with an unknown field",
      "  raw: { from: tagged,",
      "  big: { from: tagged, where: srcByts > 10 }\n  raw: { from: big,",
      "24:31+7 `where`: no field is named `srcByts` | did you mean `srcBytes`?" },
    { "where in quotes, with a fault behind a letter of two bytes",
      "  raw: { from: tagged,",
      "  big: { from: tagged, where: \"srcSite == '\xc3\xa4' and\" }\n  raw: { from: big,",
      "24:50+1 `where`: the expression ends where a value is expected" },
    { "where that is no condition",
      "  raw: { from: tagged,",
      "  big: { from: tagged, where: srcBytes + 1 }\n  raw: { from: big,",
      "24:31+12 `where`: a condition is expected, this is whole number" },
    { "derived twice",
      "  raw: { from: tagged,",
      "  big: { from: tagged, derive: { kb: srcBytes / 1024, sizes: protocol } }\n  raw: { from: big,",
      "24:55+5 step `big` makes `sizes`, which exists already" },
    { "derived column used before it is made",
      "  raw: { from: tagged,",
      "  big: { from: tagged, derive: { kb: 1 + mb, mb: srcBytes / 1024 } }\n  raw: { from: big,",
      "24:42+2 `kb`: no field is named `mb`" },
    { "derived measure of a type that does not fold so",
      "  raw: { from: tagged,",
      "  big: { from: tagged, derive: { who: { expr: srcSite, agg: sum } } }\n  raw: { from: big,",
      "24:61+3 agg `sum` does not fit type `string`" },
    { "nothing derived",
      "  raw: { from: tagged,",
      "  big: { from: tagged, derive: {} }\n  raw: { from: big,",
      "24:32+1 `derive` makes 1 to 64 columns, not 0 | as derive: { kb: \"srcBytes / 1024\" }" },
    { "sink without from",
      "from: [raw, site], ",
      "",
      "27:3+5 sink `store` has no `from` | as from: [raw, site]" },
    { "sink with empty from",
      "from: [raw, site]",
      "from: []",
      "27:48+1 sink `store` has an empty `from` | as from: [raw, site]" },
    { "unknown layout",
      "tcp: small",
      "tcp: smal",
      "19:66+4 unknown layout `smal` | did you mean `small`?" },
    { "unknown source type",
      "type: directory",
      "type: direktory",
      "19:15+9 `type` cannot be `direktory` | did you mean `directory`?" },
    { "unknown sink type",
      "type: sqlite",
      "type: postgres",
      "27:18+8 `type` cannot be `postgres` | expected sqlite or file" },
    { "missing type",
      "type: sqlite, ",
      "",
      "27:3+5 sink `store` has no `type` | expected sqlite or file" },
    { "unknown format",
      "format: p2",
      "format: p3",
      "19:46+2 source type `directory` does not read format `p3` | did you mean `p2`?" },
    { "format not given",
      "format: p2, ",
      "",
      "19:3+2 source `p2` has no `format`" },
    { "layouts not given",
      ", layouts: { tcp: small }",
      "",
      "19:3+2 source `p2` has no `layouts` | as layouts: { tcp: p2-tcp }" },
    { "required option missing",
      "path: data, ",
      "",
      "19:3+2 source `p2` has no `path` | path: directory to watch" },
    { "option bad bool",
      "path: data",
      "path: data, markers: yes",
      "19:47+3 `markers` must be true or false, not `yes`" },
    { "option out of range",
      "path: data",
      "path: data, depth: 10",
      "19:45+2 `depth` must be from 1 to 9, not 10" },
    { "option bad choice",
      "path: data",
      "path: data, order: tim",
      "19:45+3 `order` cannot be `tim` | did you mean `time`?" },
    { "option bad size",
      "path: data",
      "path: data, block: 1MB5",
      "19:45+4 `block`: `1MB5` is not a size: a whole number of bytes, or with a unit, as 64MiB "
      "(units: B KiB MiB GiB TiB KB MB GB TB)" },
    { "option too small",
      "path: data",
      "path: data, block: 1KiB",
      "19:45+4 `block` must be at least 4KiB, not 1KiB" },
    { "option bad pairs",
      "path: data",
      "path: data, labels: [a]",
      "19:46+1 `labels` must be a mapping; it is a list | write it as { key: text }" },
    { "option nested text",
      "path: data",
      "path: { a: b }",
      "19:32+1 `path` must be a text; it is a mapping" },
    { "option not a text for file",
      "path: data",
      "path: !file data",
      "19:32+10 `path` cannot come from a file | `!file` is for text options of sources and sinks" },
    { "secret missing",
      "path: store.db",
      "path: store.db, dsn: !file secret",
      "27:47+12 `dsn`: no such file to read it from | conf/secret: No such file or directory" },
    { "unknown tag",
      "path: store.db",
      "path: !secret store.db",
      "27:32+16 tag `!secret` is not known | the only tag is `!file`, before a path" },
    { "anchor",
      "path: store.db",
      "path: &p store.db",
      "27:32+11 anchors (`&p`) are not supported | write the value out" },
    { "alias",
      "path: store.db",
      "path: *p",
      "27:32+2 aliases (`*p`) are not supported | write the value out" },
    { "unknown field",
      "by: [srcNet,",
      "by: [srcNett,",
      "24:41+7 unknown field `srcNett` | did you mean `srcNet`?" },
    { "measure as key",
      "protocol] }",
      "srcBytes] }",
      "24:57+8 `srcBytes` is a measure; `by` takes fields that are none" },
    { "f64 as key",
      "protocol] }",
      "load] }",
      "24:57+4 `load` is of type f64, which cannot stand in `by`" },
    { "key twice",
      "protocol] }",
      "srcNet] }",
      "24:57+6 `srcNet` stands twice in `by`" },
    { "no keys",
      "by: [srcNet, dstNet, protocol]",
      "by: []",
      "24:40+1 `by` names 1 to 8 fields, not 0" },
    { "by missing",
      ", by: [srcNet, dstNet, protocol]",
      "",
      "24:3+3 window `raw` has no `by` | as by: [srcIP, dstIP]" },
    { "too many keys",
      "protocol] }",
      "protocol, srcSite, dstSite, srcService, dstService, srcIP, dstIP] }",
      "24:40+1 `by` names 1 to 8 fields, not 9" },
    { "carried key",
      "protocol] }",
      "protocol], carry: [srcNet, srcSite] }",
      "24:76+6 `srcNet` is a key already and need not be carried" },
    { "measure no layout gives",
      "protocol] }",
      "protocol], measures: [srcBytez] }",
      "24:79+8 no layout gives a measure `srcBytez` | did you mean `srcBytes`?" },
    { "tag as measure",
      "protocol] }",
      "protocol], measures: [srcIP] }",
      "24:79+5 `srcIP` is no measure | expected srcBytes, dstBytes, srcRTT, dstRTT, sizes or begin" },
    { "both without mirror",
      "protocol] }",
      "protocol], measures: [srcBytes] }",
      "25:51+1 way `both` needs `dstBytes`, the mirror of `srcBytes` | add `dstBytes` to the "
      "measures of `raw`" },
    { "bad unit",
      "window: 1m",
      "window: 1min",
      "24:32+4 `window`: `1min` is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, "
      "1d (units: ns us ms s m h d w y)" },
    { "no unit",
      "window: 1m",
      "window: 60",
      "24:32+2 `window`: `60` is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, 1d "
      "(units: ns us ms s m h d w y)" },
    { "fractional",
      "window: 1m",
      "window: 0.5m",
      "24:32+4 `window`: `0.5m` is not a whole number" },
    { "window not whole seconds",
      "window: 1m",
      "window: 1500ms",
      "24:32+6 a window is a number of whole seconds, not `1500ms`" },
    { "window too long",
      "window: 1m",
      "window: 2y",
      "24:32+2 `window` must be from 1s to 366d, not 2y" },
    { "lateness negative",
      "window: 1m",
      "window: 1m, lateness: -1s",
      "24:46+3 `lateness`: `-1s` is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, "
      "1d (units: ns us ms s m h d w y)" },
    { "groups_max 0",
      "window: 1m",
      "window: 1m, groups_max: 0",
      "24:48+1 `groups_max` must be from 1 to 100000000, not 0" },
    { "window is list",
      "window: 1m",
      "window: [1m]",
      "24:32+1 `window` must be a text; it is a list" },
    { "level does not divide",
      "[1m, 5m, 1h]",
      "[1m, 7m, 1h]",
      "25:40+2 level 7m does not divide level 1h | 1h is no whole number of 7m" },
    { "levels not ascending",
      "[1m, 5m, 1h]",
      "[1m, 1h, 5m]",
      "25:40+2 level 5m is not longer than 1h before it" },
    { "first level not of window",
      "[1m, 5m, 1h]",
      "[90s, 3m]",
      "25:32+3 the first level, 90s, is no multiple of the windows of `raw`, 1m\n"
      "27:80+2 `1m` is no level that this sink takes | did you mean `3m`?" },
    { "no levels",
      "[1m, 5m, 1h]",
      "[]",
      "25:31+1 a cascade has 1 to 16 levels | as cascade: [1m, 5m, 1h, 1d]" },
    { "unknown way",
      "ways: [src, dst, both]",
      "ways: [src, dest]",
      "25:57+4 `ways` cannot be `dest` | did you mean `dst`?" },
    { "unknown kind",
      "kind: site",
      "kind: sit",
      "25:75+3 kind `sit` needs `srcSit` among the keys or carried fields of `raw` | did you mean "
      "`site`?" },
    { "kind missing",
      "kind: site, ",
      "",
      "25:3+4 cascade `site` has no `kind` | as kind: site, or by: [dstPort]" },
    { "kind not carried",
      "protocol] }",
      "protocol], carry: [] }",
      "25:75+4 kind `site` needs `srcSite` among the keys or carried fields of `raw` | expected net" },
    { "rank top 0",
      "top: 10",
      "top: 0",
      "25:94+1 `top` must be from 1 to 1000000, not 0" },
    { "rank field no measure",
      "top: 10",
      "top: 10, fields: [srcBytes, protocol]",
      "25:117+8 `protocol` is no measure of `raw` | expected srcBytes, dstBytes, srcRTT, dstRTT, "
      "sizes or begin" },
    { "rank wrong kind",
      "rank: { top: 10 }",
      "rank: 10",
      "25:87+2 `rank` must be a mapping; it is a text | write it as { top: 100, fields: default }" },
    { "cascade from tag",
      "{ from: raw, cascade",
      "{ from: tagged, cascade",
      "25:17+6 a cascade takes closed windows: `from` must be a window step, and `tagged` is none" },
    { "window from window",
      "{ from: tagged, window",
      "{ from: site, window",
      "24:16+4 a window takes records: `from` must be a source, a tag or a filter step, and `site` is none | "
      "wider windows of the same groups are a `cascade`\n"
      "24:16+4 steps go round in a circle: raw <- site <- raw" },
    { "self",
      "from: tagged, window",
      "from: raw, window",
      "24:16+3 steps go round in a circle: raw <- raw" },
    { "circle",
      "    from: p2\n"
      "    tag: { table",
      "    from: third\n"
      "    tag: { table",
      "22:11+5 unknown source or step `third` | expected p2, raw or site" },
    { "real circle",
      "  raw: {",
      "  a: { from: b, tag: { table: x.csv, of: { x: srcIP }, gives: [net] } }\n"
      "  b: { from: a, tag: { table: x.csv, of: { y: srcIP }, gives: [net] } }\n"
      "  raw: {",
      "24:14+1 steps go round in a circle: a <- b <- a" },
    { "two kinds",
      "window: 1m",
      "window: 1m, cascade: [1m]",
      "24:45+1 step `raw` is a window already | make a step of its own of it" },
    { "no kind",
      "window: 1m, ",
      "",
      "24:3+3 step `raw` needs one of `tag`, `where`, `derive`, `window`, `cascade`, `records`" },
    { "no from",
      "from: tagged, ",
      "",
      "24:3+3 step `raw` has no `from` | the name of a source or step" },
    { "unused step",
      "from: [raw, site]",
      "from: [raw]",
      "25:3+4 step `site` is used by no sink and no step | remove it, or name it in the `from` of "
      "a sink or step\n"
      "27:74+2 `1m` is no level that this sink takes | expected raw, late, rejects or ledger" },
    { "unused source",
      "steps:",
      "  other: { type: directory, path: x, format: p2, layouts: { a: small } }\n"
      "steps:",
      "20:3+5 source `other` is used by no step | remove it, or name it in the `from` of a step" },
    { "address not ip",
      "src: srcIP",
      "src: protocol",
      "23:40+8 `protocol` is no address; it is of type u64" },
    { "address unknown",
      "src: srcIP",
      "src: srcIp4",
      "23:40+6 unknown field `srcIp4` | did you mean `srcIP`?" },
    { "tag of empty",
      "of: { src: srcIP, dst: dstIP }",
      "of: {}",
      "23:33+1 `of` names 1 to 2 sides | as of: { src: srcIP, dst: dstIP }" },
    { "tag gives missing",
      ", gives: [net, site, service]",
      "",
      "23:10+1 a tag without `gives` | as gives: [net, site]" },
    { "tag gives twice",
      "[net, site, service]",
      "[net, site, site]",
      "23:80+4 `site` stands twice in `gives`" },
    { "tag as text",
      "tag: { table: nets.csv, of: { src: srcIP, dst: dstIP }, gives: [net, site, service] }",
      "tag: nets.csv",
      "23:10+8 `tag` must be a mapping; it is a text | write it as { table: networks.csv, of: { "
      "src: srcIP }, gives: [net, site] }" },
    { "tag column taken",
      "{ src: srcIP, dst: dstIP }, gives: [net, site, service]",
      "{ src: srcIP, dst: dstIP }, gives: [net, site, IP]",
      "23:33+1 step `tagged` makes `srcIP`, which exists already\n"
      "23:33+1 step `tagged` makes `dstIP`, which exists already" },
    { "second words",
      "  raw: {",
      "  more: { from: tagged, tag: { table: a.csv, of: { x: srcIP }, gives: [owner] } }\n"
      "  fine: { from: more, window: 1m, by: [xOwner] }\n"
      "  raw: {",
      "24:3+4 step `more` gives words, and so does `tagged`: one tag step of a source can | put "
      "the words into one table, or give only `net` here\n"
      "25:3+4 step `fine` is used by no sink and no step | remove it, or name it in the `from` of "
      "a sink or step" },
    { "unknown type",
      "type: f64",
      "type: f46",
      "17:29+3 unknown type `f46` | did you mean `f64`?" },
    { "bins without count",
      "bins(3)",
      "bins",
      "15:30+4 type `bins` is not right | write it as bins(7), with 1 to 64 bins" },
    { "bins too many",
      "bins(3)",
      "bins(65)",
      "15:30+8 type `bins(65)` is not right | write it as bins(7), with 1 to 64 bins" },
    { "unknown agg",
      "agg: min",
      "agg: mim",
      "16:57+3 unknown agg `mim` | did you mean `min`?" },
    { "agg does not fit",
      "agg: min",
      "agg: sum",
      "16:57+3 agg `sum` does not fit type `time`" },
    { "time without agg",
      ", agg: min",
      "",
      "16:45+5 a field of type `time` is no measure as it stands | say agg: min, max, first or last" },
    { "ip as measure",
      "name: srcIP, type: ip",
      "name: srcIP, type: ip, measure: x",
      "7:43+1 a field of type `ip` is no measure as it stands | say agg: distinct to count "
      "how many different ones there are" },
    { "measure twice",
      "measure: sizes",
      "measure: dstRTT",
      "15:48+6 field or measure `dstRTT` stands twice in layout `small` | the first is in line 13" },
    { "mirror unknown",
      "mirror: dstBytes",
      "mirror: dstByte",
      "10:65+7 `srcBytes` cannot mirror `dstByte`, which is no measure of layout `small` | did you "
      "mean `dstBytes`?" },
    { "mirror of another type",
      "mirror: dstRTT",
      "mirror: dstBytes",
      "12:63+8 `srcRTT` cannot mirror `dstBytes`, which is of another kind | mirrors have the same "
      "type and agg" },
    { "mirror itself",
      "mirror: dstRTT",
      "mirror: srcRTT",
      "12:63+6 `srcRTT` cannot mirror itself" },
    { "mirror taken",
      "measure: sizes",
      "measure: sizes2, agg: sum }\n"
      "      - { name: z, type: sampling, measure: z, mirror: srcRTT",
      "16:56+6 `z` cannot mirror `srcRTT`: `srcRTT` mirrors `dstRTT` already" },
    { "rank without measure",
      "name: load, type: f64",
      "name: load, type: f64, rank: true",
      "17:40+4 `rank` is for measures, and this field has no `measure`" },
    { "skip with name",
      "{ skip: 2 }",
      "{ skip: 2, name: x }",
      "14:20+4 `name` beside `skip` | `skip` stands alone" },
    { "skip 0",
      "{ skip: 2 }",
      "{ skip: 0 }",
      "14:17+1 `skip` must be from 1 to 1024, not 0" },
    { "1025 fields",
      "{ skip: 2 }",
      "{ skip: 1020 }",
      "14:9+1 layout `small` has more than 1024 fields" },
    { "no type",
      "name: load, type: f64",
      "name: load",
      "17:9+1 a field without `type` | as { name: srcIP, type: ip } or { skip: 3 }" },
    { "scale on ip",
      "name: srcIP, type: ip",
      "name: srcIP, type: sampling, measure: x, scale: 2",
      "7:59+1 `scale` is for fields of type u64, f64 and time" },
    { "separator",
      "  - layout: small",
      "  - separator: ab\n"
      "    layout: small",
      "5:16+2 `separator` must be one ASCII character that is no line end | as separator: \" \"" },
    { "retain unknown level",
      "1m: 7d",
      "2m: 7d",
      "27:80+2 `2m` is no level that this sink takes | did you mean `1m`?" },
    { "retain cascade",
      "1m: 7d",
      "site: 7d",
      "27:80+4 `site` is no level that this sink takes | a cascade is kept by level: 1m, 5m, 1h ..." },
    { "retain twice",
      "1m: 7d",
      "1m: 7d, 60s: 8d",
      "27:88+3 level `60s` stands twice in `retain`" },
    { "retain bad span",
      "1m: 7d",
      "1m: 7",
      "27:84+1 `retain`: `7` is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, 1d "
      "(units: ns us ms s m h d w y)" },
    { "sources missing",
      "sources:\n"
      "  p2: { type: directory, path: data, format: p2, layouts: { tcp: small } }\n",
      "",
      "0:0+0 the recipe has no `sources`" },
    { "sinks empty",
      "sinks:\n"
      "  store: { type: sqlite, path: store.db, from: [raw, site], retain: { raw: 1d, 1m: 7d } }\n",
      "sinks: {}\n",
      "26:8+1 a recipe has 1 to 64 sinks, not 0" },
    { "sinks as list",
      "sinks:\n"
      "  store: {",
      "sinks:\n"
      "  - {",
      "27:3+1 `sinks` must be a mapping; it is a list | write it as store: { type: sqlite, path: "
      "store.db, from: [raw] }" },
    { "version",
      "weir: 1",
      "weir: 2",
      "1:7+1 recipes of version `2` are not known here | write weir: 1" },
    { "no version",
      "weir: 1\n",
      "",
      "0:0+0 no `weir: 1`: this may be no recipe | begin with weir: 1" },
    { "state every",
      "every: 10s",
      "every: 10",
      "3:33+2 `every`: `10` is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, 1d "
      "(units: ns us ms s m h d w y)" },
    { "state every long",
      "every: 10s",
      "every: 2d",
      "3:33+2 `every` must be from 100ms to 1h, not 2d" },
    { "http is a warning beside errors",
      "name: probe",
      "http: 127.0.0.1:80\n"
      "workers: 999",
      "2:7+12 warning: `http` has no effect: this build serves no HTTP\n"
      "3:10+3 `workers` must be from 0 to 256, not 999" },
    { "state of wrong kind",
      "state: { path: state.db, every: 10s }",
      "state: state.db",
      "3:8+8 `state` must be a mapping; it is a text | write it as { path: state.db, every: 10s }" },
    { "empty value",
      "name: probe",
      "name:",
      "2:6+1 `name` must be a text; it is empty" },
    { "nul in text",
      "path: store.db",
      "path: \"a\\0b\"",
      "27:32+6 a text must not have a NUL character in it\n"
      "27:32+6 `path` is empty" },
    { "several at once",
      "[1m, 5m, 1h], ways: [src, dst, both], kind: site, rank: { top: 10 }",
      "[1m, 5x], ways: [sr], kind: sites, rank: { top: -1, field: x }, foo: 1",
      "25:36+2 `cascade`: `5x` is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, 1d "
      "(units: ns us ms s m h d w y)\n"
      "25:48+2 `ways` cannot be `sr` | did you mean `src`?\n"
      "25:79+2 `top`: `-1` is not a whole number\n"
      "25:83+5 unknown key `field` in a rank | did you mean `fields`?\n"
      "25:95+3 unknown key `foo` in cascade step `site` | expected from, cascade, ways, kind, by, "
      "rank, lateness, groups_max or table" },
    { "workers",
      "name: probe",
      "workers: many",
      "2:10+4 `workers`: `many` is not a whole number" },
    { "include missing",
      "name: probe",
      "include: [layouts/none.yaml]",
      "2:11+17 cannot read included file `conf/layouts/none.yaml` | No such file or directory" },
    { "syntax",
      "by: [srcNet,",
      "by: [srcNet, }",
      "24:49+1 not YAML: did not find expected node content | while parsing a flow node that "
      "begins in line 24" },
    { "tab",
      "state:",
      "\tstate:",
      "3:1+1 not YAML: found a tab character that violates indentation | while scanning a plain "
      "scalar that begins in line 2" },
    { "second document",
      "steps:",
      "---\n"
      "steps:",
      "20:1+1 a second document begins here; a file has one" },
    { "list key",
      "name: probe",
      "[a, b]: c",
      "2:1+1 a key must be a text, not a list" },
    { "table clash",
      "window: 1m",
      "window: 1m, table: P2_srcsite_FIVELY",
      "25:3+4 table `p2_srcsite_fively` would be that of step `raw`, too | give one of them "
      "`table: NAME`" },
    { "two cascades of one kind",
      "sinks:\n"
      "  store: {",
      "  again: { from: raw, cascade: [1m], ways: [src], kind: site }\n"
      "sinks:\n"
      "  more: { type: file, from: again }\n"
      "  store: {",
      "26:3+5 table `p2_srcsite_minutely` would be that of step `site`, too | give one of them "
      "`table: NAME`" },
    { "column clash",
      "name: first, type: time, measure: begin",
      "name: first, type: time, measure: records",
      "24:3+3 table `p2_raw` would have two columns `records` | rename a field or measure\n"
      "25:3+4 table `p2_srcsite_minutely` would have two columns `records` | rename a field or "
      "measure" },
    { "column clash by case",
      "name: first, type: time, measure: begin",
      "name: first, type: time, measure: SRCBYTES",
      "24:3+3 table `p2_raw` would have two columns `SRCBYTES` | rename a field or measure\n"
      "25:3+4 table `p2_srcsite_minutely` would have two columns `SRCBYTES` | rename a field or "
      "measure" },
    { NULL, NULL, NULL, NULL },
};
