/* SPDX-License-Identifier: Apache-2.0 */
/* test_crossings.c: what stages tell of themselves at check time: all faults of their options, each at its name; where
 * they write to, so that loops and things claimed twice are found. The types are of no use but for that. */
#include "any_decoder.h"
#include "fake.h"

struct options {
    struct option_names hosts, boxes;
    const char         *key;
    u64                 least, most;
    struct option_pairs more;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct option table[] = {
    { .name = "hosts", .type = OPTION_NAMES, .required = true, AT(hosts) },
    { .name = "box", .type = OPTION_NAMES, .required = true, AT(boxes) },
    { .name = "key", .type = OPTION_TEXT, AT(key) },
    { .name = "least", .type = OPTION_COUNT, .fallback = "1", AT(least) },
    { .name = "most", .type = OPTION_COUNT, .fallback = "9", AT(most) },
    { .name = "more", .type = OPTION_PAIRS, AT(more) },
    OPTION_END,
};

/* Names are in small letters. */
static void faults(const void *options, const struct option_ear *to)
{
    const struct options *o = options;
    char                  words[128];
    for (u32 i = 0; i < o->hosts.count; i++) {
        snprintf(words, sizeof words, "`%s` is no host", o->hosts.name[i]);
        if (o->hosts.name[i][0] < 'a') to->fault(to->to, "hosts", o->hosts.name[i], words);
    }
    for (u32 i = 0; i < o->more.count; i++) {
        snprintf(words, sizeof words, "`%s` is no key", o->more.key[i]);
        if (o->more.key[i][0] < 'a') to->fault(to->to, "more", o->more.key[i], words);
    }
    if (o->least > o->most) to->fault(to->to, "least", NULL, "`least` is more than `most`");
}

/* The first box gets all tables; `key` is the sink's alone. */
static void channels(const struct sink_setup *setup, const struct channel_ear *to)
{
    const struct options *o = setup->options;
    struct channel        c = { .kind = "box", .name = slice_str(o->boxes.name[0]), .hosts = &o->hosts, .option = "box" };
    for (c.table = 0; c.table < setup->tables; c.table++)
        if (setup->wanted[c.table]) to->tell(to->to, &c);
    c = (struct channel){ .kind = "key", .name = slice_str(o->key ? o->key : "none"), .hosts = &o->hosts,
                          .option = "key", .sole = true };
    if (o->key != NULL) to->tell(to->to, &c);
}

static bool reads(const void *options, const struct channel *c)
{
    const struct options *o = options;
    bool                  found = false;
    for (u32 i = 0; i < o->boxes.count; i++) found = found || slice_is(c->name, o->boxes.name[i]);
    return found && channel_hosts_meet(&o->hosts, c->hosts);
}

static const struct decoder_type       any = ANY_DECODER("any");
static const struct source_type        in = { .name = "in", .options = table, .options_size = sizeof(struct options),
                                              .decoders = { &any }, .faults = faults, .reads = reads };
static const struct sink_type          out = { .name = "out", .options = table, .options_size = sizeof(struct options),
                                               .faults = faults, .channels = channels };
static const struct source_type *const sources[] = { &in, NULL };
static const struct sink_type *const   sinks[] = { &out, NULL };

/* Sources a and b, with records steps r and s. */
static const char head[] = "weir: 1\n"
                           "layouts: [ { layout: l, fields: [ { name: n, type: u64 } ] } ]\n"
                           "steps:\n"
                           "  r: { from: a, records: [n] }\n"
                           "  s: { from: b, records: [n] }\n"
                           "sources:\n";

static void finds(const char *rest, const char *expected)
{
    char               text[2048], found[2048] = "";
    struct fake_file   files[2] = { { "t.yaml", text } };
    struct recipe_lent lent = { sources, sinks, fake_read, files, NULL };
    struct recipe     *r = NULL;
    struct findings    f;
    size_t             len = 0;
    snprintf(text, sizeof text, "%s%s", head, rest);
    findings_init(&f);
    recipe_read(&r, "t.yaml", &lent, &f);
    for (u32 i = 0; i < f.count; i++)
        len += (size_t)snprintf(found + len, sizeof found - len, "%u:%u %s\n", f.at[i].line, f.at[i].column, f.at[i].text);
    assert_string_equal(found, expected);
    assert_int_equal(r == NULL, expected[0] != 0);
    recipe_free(r);
    findings_fini(&f);
}

static void a_sink_may_not_write_what_its_source_reads(void **state)
{
    finds("  a: { type: in, hosts: [h, i], box: [x, y], layouts: { t: l } }\n"
          "  b: { type: in, hosts: [h], box: [z], layouts: { t: l } }\n"
          "sinks:\n"
          "  o: { type: out, hosts: [j, i], box: y, from: [r, s] }\n"
          "  p: { type: out, hosts: [j], box: y, from: [r, s] }\n",
          "10:39 sink `o` writes box `y`, which source `a` (line 7) reads\n");
}

static void loops_over_several_sources_are_found(void **state)
{
    finds("  a: { type: in, hosts: [h], box: [x], layouts: { t: l } }\n"
          "  b: { type: in, hosts: [h], box: [z], layouts: { t: l } }\n"
          "sinks:\n"
          "  o: { type: out, hosts: [h], box: z, from: [r] }\n"
          "  p: { type: out, hosts: [h], box: x, from: [s] }\n",
          "10:36 sink `o` writes box `z`, which source `b` (line 8) reads\n"
          "11:36 sink `p` writes box `x`, which source `a` (line 7) reads\n");
}

static void a_source_may_read_what_another_ones_records_become(void **state)
{
    finds("  a: { type: in, hosts: [h], box: [x], layouts: { t: l } }\n"
          "  b: { type: in, hosts: [h], box: [z], layouts: { t: l } }\n"
          "sinks:\n"
          "  o: { type: out, hosts: [h], box: z, from: [r] }\n"
          "  p: { type: out, hosts: [h], box: end, from: [s] }\n",
          "");
}

static void two_sinks_may_not_claim_one_thing(void **state)
{
    finds("  a: { type: in, hosts: [h], box: [x], layouts: { t: l } }\n"
          "  b: { type: in, hosts: [h], box: [z], layouts: { t: l } }\n"
          "sinks:\n"
          "  o: { type: out, hosts: [h], box: e, from: [r], key: k }\n"
          "  p: { type: out, hosts: [i], box: e, from: [s], key: k }\n"
          "  q: { type: out, hosts: [h], box: e, from: [s], key: m }\n"
          "  t: { type: out, hosts: [i, h], box: e, from: [s], key: k }\n",
          "13:58 sink `t`: key `k` is that of sink `o` (line 10), too\n");
}

static void all_faults_of_a_stage_are_told_each_at_its_name(void **state)
{
    finds("  a: { type: in, hosts: [h, X, Y], box: [x], layouts: { t: l }, more: { B: 1, c: 2, D: 3 }, least: 10 }\n"
          "  b: { type: in, hosts: Z, box: [z], layouts: { t: l } }\n"
          "sinks:\n"
          "  o: { type: out, hosts: [h], box: e, from: [r, s], least: 3, most: 2 }\n",
          "7:29 source `a`: `X` is no host\n"
          "7:32 source `a`: `Y` is no host\n"
          "7:73 source `a`: `B` is no key\n"
          "7:85 source `a`: `D` is no key\n"
          "7:100 source `a`: `least` is more than `most`\n"
          "8:25 source `b`: `Z` is no host\n"
          "10:60 sink `o`: `least` is more than `most`\n");
}

/* What cannot be read has its fallback: whether others go with it cannot be said, but what has a bad name has one. */
static void an_option_that_cannot_be_read_hides_no_bad_names(void **state)
{
    finds("  a: { type: in, hosts: [h, '', X, h], box: [x], layouts: { t: l }, least: ten, most: 0 }\n"
          "  b: { type: in, hosts: [h], box: [z], layouts: { t: l } }\n"
          "sinks:\n"
          "  o: { type: out, hosts: [h], from: [r, s], more: { B: 1, c: [], D: {} } }\n",
          "7:29 `hosts` is empty\n"
          "7:33 source `a`: `X` is no host\n"
          "7:36 `h` stands twice in `hosts`\n"
          "7:76 `least`: `ten` is not a whole number\n"
          "10:3 sink `o` has no `box`\n"
          "10:53 sink `o`: `B` is no key\n"
          "10:62 `c` must be a text; it is a list\n"
          "10:66 sink `o`: `D` is no key\n"
          "10:69 `D` must be a text; it is a mapping\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sink_may_not_write_what_its_source_reads),
        cmocka_unit_test(loops_over_several_sources_are_found),
        cmocka_unit_test(a_source_may_read_what_another_ones_records_become),
        cmocka_unit_test(two_sinks_may_not_claim_one_thing),
        cmocka_unit_test(all_faults_of_a_stage_are_told_each_at_its_name),
        cmocka_unit_test(an_option_that_cannot_be_read_hides_no_bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
