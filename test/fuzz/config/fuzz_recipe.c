/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_recipe.c: any bytes as a recipe that may include one small layout.
 *
 * Either there are errors, each with words and a place inside the text, which print; or there is a recipe, whose
 * printed form reads back without an error, to the same printed form and the same operators. */
#include "config/findings.h"
#include "../../unit/config/any_decoder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct set_up {
    const char         *path;
    const char         *text;
    bool                yes;
    u64                 count, size;
    nanos               span;
    u32                 choice;
    struct option_names names;
    struct option_pairs pairs;
};

static const struct option options[] = {
    { .name = "path", .type = OPTION_PATH, .fallback = "data", .offset = offsetof(struct set_up, path) },
    { .name = "text", .type = OPTION_TEXT, .offset = offsetof(struct set_up, text) },
    { .name = "yes", .type = OPTION_BOOL, .offset = offsetof(struct set_up, yes) },
    { .name = "count", .type = OPTION_COUNT, .min = 1, .max = 99, .offset = offsetof(struct set_up, count) },
    { .name = "size", .type = OPTION_SIZE, .fallback = "1MiB", .offset = offsetof(struct set_up, size) },
    { .name = "span", .type = OPTION_SPAN, .fallback = "20s", .offset = offsetof(struct set_up, span) },
    { .name = "choice", .type = OPTION_CHOICE, .choices = "a b", .offset = offsetof(struct set_up, choice) },
    { .name = "names", .type = OPTION_NAMES, .fallback = "x y", .offset = offsetof(struct set_up, names) },
    { .name = "pairs", .type = OPTION_PAIRS, .offset = offsetof(struct set_up, pairs) },
    OPTION_END,
};

static const struct decoder_type p2 = ANY_DECODER("p2");
static const struct source_type  directory = {
    .name = "directory", .options = options, .options_size = sizeof(struct set_up), .decoders = { &p2 }
};
static const struct sink_type    file = { .name = "file", .options = options, .options_size = sizeof(struct set_up) };

static const struct source_type *const sources[] = { &directory, NULL };
static const struct sink_type *const   sinks[] = { &file, NULL };

static const char layout[] =
    "layout: small\nfields:\n"
    "  - { name: srcIP, type: ip }\n  - { name: dstIP, type: ip }\n  - { name: protocol, type: u64 }\n"
    "  - { name: out, type: u64, measure: srcBytes, mirror: dstBytes, rank: true }\n"
    "  - { name: in, type: u64, measure: dstBytes }\n  - { name: rtt, type: sampling, measure: rtt }\n";

static bool read_file(void *arg, struct arena *to, const char *path, slice *text, const char **why)
{
    const slice *recipe = arg;
    *why = "not there";
    if (strcmp(path, "r/recipe.yaml") == 0) *text = arena_copy(to, *recipe);
    else if (strcmp(path, "r/small.yaml") == 0) *text = slice_of(layout, sizeof(layout) - 1);
    else return false;
    return true;
}

struct text {
    char  *at;
    size_t len, room;
};

static void keep(void *to, const char *text)
{
    struct text *t = to;
    size_t       more = strlen(text);
    if (t->len + more + 1 > t->room) {
        t->room = (t->len + more + 1) * 2;
        t->at = realloc(t->at, t->room);
        WEIR_ASSERT(t->at != NULL);
    }
    memcpy(t->at + t->len, text, more + 1);
    t->len += more;
}

static struct recipe *read_recipe(slice *text, struct findings *f)
{
    struct recipe_lent lent = { sources, sinks, read_file, text, NULL };
    struct recipe     *r = NULL;
    findings_init(f);
    recipe_read(&r, "r/recipe.yaml", &lent, f);
    WEIR_ASSERT((r == NULL) == (f->errors > 0));
    return r;
}

static void check_findings(const struct findings *f, size_t size)
{
    struct text out = { 0 };
    for (u32 i = 0; i < f->count; i++) {
        const struct finding *x = &f->at[i];
        WEIR_ASSERT(x->file != NULL && x->text != NULL && x->text[0] != 0);
        WEIR_ASSERT(x->line <= size + sizeof(layout) && (x->line == 0) == (x->column == 0));
    }
    findings_print(f, size % 2 == 0, keep, &out);
    findings_print_json(f, keep, &out);
    free(out.at);
}

static void check_same(const struct recipe *a, const struct recipe *b)
{
    WEIR_ASSERT(a->ops == b->ops && a->tables == b->tables && a->steps == b->steps);
    for (u32 i = 0; i < a->ops; i++)
        WEIR_ASSERT(slice_eq(a->op[i].name, b->op[i].name) && a->op[i].fingerprint == b->op[i].fingerprint);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    slice           text = { (const char *)data, size };
    struct findings first, second;
    struct recipe  *r = read_recipe(&text, &first);
    check_findings(&first, size);
    if (r != NULL) {
        struct text once = { 0 }, twice = { 0 };
        recipe_print(r, keep, &once);
        slice          printed = slice_of(once.at, once.len);
        struct recipe *again = read_recipe(&printed, &second);
        WEIR_ASSERT(again != NULL);
        recipe_print(again, keep, &twice);
        WEIR_ASSERT(strcmp(once.at, twice.at) == 0);
        check_same(r, again);
        recipe_free(again);
        findings_fini(&second);
        free(once.at);
        free(twice.at);
    }
    recipe_free(r);
    findings_fini(&first);
    return 0;
}
