/* SPDX-License-Identifier: Apache-2.0 */
/* test_instance.c: what a second result set of a recipe has for itself, and where its sources begin. */
#include "fake.h"
#include "any_decoder.h"

struct out_options {
    const char *path, *topic, *group;
};

struct in_options {
    const char *path, *start;
    u32         begin;
};

static const struct option out_table[] = {
    { .name = "path", .type = OPTION_PATH, .offset = offsetof(struct out_options, path), .own = true },
    { .name = "topic", .type = OPTION_TEXT, .fallback = "rows", .offset = offsetof(struct out_options, topic), .own = true },
    { .name = "group", .type = OPTION_TEXT, .offset = offsetof(struct out_options, group) },
    OPTION_END,
};

static const struct option in_table[] = {
    { .name = "path", .type = OPTION_PATH, .offset = offsetof(struct in_options, path) },
    { .name = "start", .type = OPTION_TEXT, .offset = offsetof(struct in_options, start), .fallback = "earliest" },
    OPTION_END,
};

static const struct option file_table[] = {
    { .name = "path", .type = OPTION_PATH, .offset = offsetof(struct in_options, path) },
    { .name = "start", .type = OPTION_CHOICE, .choices = "begin end", .fallback = "begin",
      .offset = offsetof(struct in_options, begin) },
    OPTION_END,
};

static const struct decoder_type p2 = ANY_DECODER("p2");
static const char *const keys[] = { "tcp", NULL };

static const struct source_type log_type = { .name = "log", .options = in_table, .options_size = sizeof(struct in_options),
                                             .decoders = { &p2 }, .layout_keys = keys };
static const struct source_type file_type = { .name = "spool", .options = file_table,
                                              .options_size = sizeof(struct in_options), .decoders = { &p2 },
                                              .layout_keys = keys };
static const struct sink_type out_type = { .name = "out", .options = out_table,
                                           .options_size = sizeof(struct out_options) };

static const char recipe_text[] = "weir: 1\n"
                                  "name: probe\n"
                                  "state: { path: /var/lib/state.db }\n"
                                  "layouts:\n"
                                  "  - layout: l\n"
                                  "    fields: [ { name: n, type: u64 }, { name: m, type: u64, measure: m, agg: sum } ]\n"
                                  "sources:\n"
                                  "  a: { type: log, path: in, layouts: { tcp: l } }\n"
                                  "  b: { type: spool, path: in, layouts: { tcp: l } }\n"
                                  "steps:\n"
                                  "  w: { from: a, window: 1m, by: [n] }\n"
                                  "  v: { from: b, window: 1m, by: [n] }\n"
                                  "sinks:\n"
                                  "  o: { type: out, path: PATH, group: g, from: [w, v] }\n";

/* NULL: it had a fault, whose words are in `words`. */
static struct recipe *read_as(const char *path, const char *as, const char *from, char *words)
{
    const struct source_type *const sources[] = { &log_type, &file_type, NULL };
    const struct sink_type *const   sinks[] = { &out_type, NULL };
    char                           *text = replaced(recipe_text, "PATH", path);
    struct fake_file                files[] = { { "conf/t.yaml", text }, { NULL, NULL } };
    struct recipe_lent              lent = { .sources = sources, .sinks = sinks, .read = fake_read, .arg = files,
                                             .as = as, .from = from };
    struct findings                 f;
    struct recipe                  *r = NULL;
    findings_init(&f);
    recipe_read(&r, "conf/t.yaml", &lent, &f);
    if (words) snprintf(words, 256, "%s", f.count ? f.at[0].text : "");
    else if (f.count) print_error("%s\n", f.at[0].text);
    findings_fini(&f);
    free(text);
    return r;
}

static void path_becomes(const char *path, const char *as, const char *wanted)
{
    struct recipe *r = read_as(path, as, NULL, NULL);
    assert_non_null(r);
    assert_string_equal(((const struct out_options *)r->sink[0].options)->path, wanted);
    recipe_free(r);
}

static void own_paths_get_the_name_before_their_extension(void **state)
{
    path_becomes("store.db", NULL, "conf/store.db");
    path_becomes("store.db", "v2", "conf/store.v2.db");
    path_becomes("/data/s.d/store", "v2", "/data/s.d/store.v2");
    path_becomes("a.b/.store", "v2", "conf/a.b/.store.v2");
    path_becomes("out/", "v2", "conf/out.v2");
    path_becomes("x.tar.gz", "v2", "conf/x.tar.v2.gz");
    path_becomes("\"-\"", "v2", "-");
}

static void a_pattern_gets_a_folder_of_its_own(void **state)
{
    path_becomes("\"out/{table}.csv\"", "v2", "conf/out.v2/{table}.csv");
    path_becomes("\"{table}.csv\"", "v2", "conf/v2/{table}.csv");
    path_becomes("\"/{table}.csv\"", "v2", "/v2/{table}.csv");
    path_becomes("\"/data/a.b/x-{table}/{table}\"", "v2", "/data/a.v2.b/x-{table}/{table}");
}

static void the_name_the_state_and_own_texts_get_it_and_others_do_not(void **state)
{
    struct recipe            *r = read_as("store.db", "v2", NULL, NULL);
    const struct out_options *o = r->sink[0].options;
    assert_true(slice_is(r->name, "probe-v2"));
    assert_string_equal(r->state_path, "/var/lib/state.v2.db");
    assert_string_equal(r->state_first, "/var/lib/state.db");
    assert_string_equal(o->topic, "rows-v2");
    assert_string_equal(o->group, "g");
    recipe_free(r);
    r = read_as("store.db", NULL, NULL, NULL);
    assert_true(slice_is(r->name, "probe"));
    assert_string_equal(r->state_path, r->state_first);
    assert_string_equal(((const struct out_options *)r->sink[0].options)->topic, "rows");
    recipe_free(r);
}

static void from_takes_the_place_of_start_in_either_spelling(void **state)
{
    struct recipe *r = read_as("s.db", NULL, "latest", NULL);
    assert_true(recipe_has_start(r));
    assert_string_equal(((const struct in_options *)r->source[0].options)->start, "latest");
    assert_int_equal(((const struct in_options *)r->source[1].options)->begin, 1);
    recipe_free(r);
    r = read_as("s.db", NULL, "earliest", NULL);
    assert_int_equal(((const struct in_options *)r->source[1].options)->begin, 0);
    recipe_free(r);
}

static void from_is_checked_as_start_is(void **state)
{
    char words[256];
    assert_null(read_as("s.db", NULL, "2026-01-31", words));
    assert_non_null(strstr(words, "`--from 2026-01-31` is no start for source `b`"));
}

static void names_are_letters_digits_and_dashes(void **state)
{
    static const char *const good[] = { "v2", "2", "a-b_c", "A" }, *const bad[] = { "", "-a", "a/b", "..", "a b", "å" };
    for (u32 i = 0; i < WEIR_COUNT(good); i++) assert_true(instance_name_good(good[i]));
    for (u32 i = 0; i < WEIR_COUNT(bad); i++) assert_false(instance_name_good(bad[i]));
    assert_false(instance_name_good("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")); /* 49 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_paths_get_the_name_before_their_extension),
        cmocka_unit_test(a_pattern_gets_a_folder_of_its_own),
        cmocka_unit_test(the_name_the_state_and_own_texts_get_it_and_others_do_not),
        cmocka_unit_test(from_takes_the_place_of_start_in_either_spelling),
        cmocka_unit_test(from_is_checked_as_start_is),
        cmocka_unit_test(names_are_letters_digits_and_dashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
