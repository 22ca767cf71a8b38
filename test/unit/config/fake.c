/* SPDX-License-Identifier: Apache-2.0 */
/* fake.c: bodies of fake.h. */
#include "fake.h"
#include "any_decoder.h"

static const struct option source_options[] = {
    { .name = "path",
      .type = OPTION_PATH,
      .required = true,
      .offset = offsetof(struct fake_source_options, path),
      .doc = "directory to watch" },
    { .name = "pattern",
      .type = OPTION_TEXT,
      .fallback = "*",
      .offset = offsetof(struct fake_source_options, pattern) },
    { .name = "markers",
      .type = OPTION_BOOL,
      .fallback = "true",
      .offset = offsetof(struct fake_source_options, markers) },
    { .name = "depth",
      .type = OPTION_COUNT,
      .min = 1,
      .max = 9,
      .offset = offsetof(struct fake_source_options, depth) },
    { .name = "block",
      .type = OPTION_SIZE,
      .fallback = "1MiB",
      .min = 4096,
      .offset = offsetof(struct fake_source_options, block) },
    { .name = "grace",
      .type = OPTION_SPAN,
      .fallback = "20s",
      .max = 3600000000000,
      .offset = offsetof(struct fake_source_options, grace) },
    { .name = "order",
      .type = OPTION_CHOICE,
      .fallback = "name",
      .choices = "time name",
      .offset = offsetof(struct fake_source_options, order) },
    { .name = "kinds",
      .type = OPTION_NAMES,
      .fallback = "tcp udp",
      .offset = offsetof(struct fake_source_options, kinds) },
    { .name = "labels", .type = OPTION_PAIRS, .offset = offsetof(struct fake_source_options, labels) },
    OPTION_END,
};

static const struct option sink_options[] = {
    { .name = "path", .type = OPTION_PATH, .offset = offsetof(struct fake_sink_options, path) },
    { .name = "dsn", .type = OPTION_TEXT, .offset = offsetof(struct fake_sink_options, dsn) },
    { .name = "form",
      .type = OPTION_CHOICE,
      .choices = "csv json",
      .offset = offsetof(struct fake_sink_options, form) },
    { .name = "limit", .type = OPTION_COUNT, .offset = offsetof(struct fake_sink_options, limit) },
    OPTION_END,
};

static const struct decoder_type p2 = ANY_DECODER("p2");
static const struct decoder_type csv = ANY_DECODER("csv");

static const struct source_type directory = { .name = "directory",
                                              .options = source_options,
                                              .options_size = sizeof(struct fake_source_options),
                                              .decoders = { &p2, &csv } };
static const struct sink_type   sqlite = { .name = "sqlite",
                                           .options = sink_options,
                                           .options_size = sizeof(struct fake_sink_options) };
static const struct sink_type   file = { .name = "file",
                                         .options = sink_options,
                                         .options_size = sizeof(struct fake_sink_options) };

const struct source_type *const fake_sources[] = { &directory, NULL };
const struct sink_type *const   fake_sinks[] = { &sqlite, &file, NULL };

const char fake_recipe[] =
    "weir: 1\n"
    "name: probe\n"
    "state: { path: state.db, every: 10s }\n"
    "layouts:\n"
    "  - layout: small\n"
    "    fields:\n"
    "      - { name: srcIP, type: ip }\n"
    "      - { name: dstIP, type: ip }\n"
    "      - { name: protocol, type: u64 }\n"
    "      - { name: bytesOut, type: u64, measure: srcBytes, mirror: dstBytes, rank: true }\n"
    "      - { name: bytesIn, type: u64, measure: dstBytes, rank: true }\n"
    "      - { name: rtt, type: sampling, measure: srcRTT, mirror: dstRTT }\n"
    "      - { name: rttBack, type: sampling, measure: dstRTT }\n"
    "      - { skip: 2 }\n"
    "      - { name: sizes, type: bins(3), measure: sizes }\n"
    "      - { name: first, type: time, measure: begin, agg: min }\n"
    "      - { name: load, type: f64 }\n"
    "sources:\n"
    "  p2: { type: directory, path: data, format: p2, layouts: { tcp: small } }\n"
    "steps:\n"
    "  tagged:\n"
    "    from: p2\n"
    "    tag: { table: nets.csv, of: { src: srcIP, dst: dstIP }, gives: [net, site, service] }\n"
    "  raw: { from: tagged, window: 1m, by: [srcNet, dstNet, protocol] }\n"
    "  site: { from: raw, cascade: [1m, 5m, 1h], ways: [src, dst, both], kind: site, rank: { top: 10 } }\n"
    "sinks:\n"
    "  store: { type: sqlite, path: store.db, from: [raw, site], retain: { raw: 1d, 1m: 7d } }\n";

bool fake_read(void *arg, struct arena *to, const char *path, slice *text, const char **why)
{
    for (const struct fake_file *f = arg; f->path != NULL; f++) {
        if (strcmp(f->path, path) != 0) continue;
        *text = arena_copy(to, slice_str(f->text));
        return true;
    }
    *why = "No such file or directory";
    return false;
}

struct recipe *fake_recipe_read(const char *text, const struct fake_file *more, struct findings *f)
{
    struct fake_file files[16] = { { "conf/t.yaml", text } };
    for (u32 i = 0; more != NULL && more[i].path != NULL; i++) files[i + 1] = more[i];
    struct recipe_lent lent = { fake_sources, fake_sinks, fake_read, files, NULL };
    struct recipe     *r = NULL;
    findings_init(f);
    recipe_read(&r, "conf/t.yaml", &lent, f);
    return r;
}

char *replaced(const char *text, const char *find, const char *by)
{
    const char *at = strstr(text, find);
    WEIR_ASSERT(at != NULL);
    size_t room = strlen(text) + strlen(by) + 1;
    char  *out = malloc(room);
    WEIR_ASSERT(out != NULL);
    snprintf(out, room, "%.*s%s%s", (int)(at - text), text, by, at + strlen(find));
    return out;
}

void text_print(void *to, const char *text)
{
    struct text *t = to;
    size_t       more = strlen(text);
    t->at = realloc(t->at, t->len + more + 1);
    WEIR_ASSERT(t->at != NULL);
    memcpy(t->at + t->len, text, more + 1);
    t->len += more;
}
