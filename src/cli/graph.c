/* SPDX-License-Identifier: Apache-2.0 */
/* graph.c: weir graph: the recipe as a picture, in Mermaid's or Graphviz's words. */
#include "cli/load.h"
#include "config/units.h"

#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

/* One notation: how a graph begins, a node, an edge, and the end look. */
struct notation {
    const char *begin, *end;
    const char *node[3]; /* source, step, sink: id, label */
    const char *edge;    /* id, id                        */
    const char *line;    /* line break inside a label     */
    const char *quote, *less, *more, *back; /* what stands in a label for " < > \ */
};

static const struct notation mermaid = {
    "flowchart LR\n", "", { "  %s([\"%s\"])\n", "  %s[\"%s\"]\n", "  %s[(\"%s\")]\n" }, "  %s --> %s\n", "<br/>",
    "#quot;", "#lt;", "#gt;", "\\"
};

static const struct notation dot = {
    "digraph weir {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n",
    "}\n",
    { "  %s [shape=cds, label=\"%s\"];\n", "  %s [shape=box, label=\"%s\"];\n",
      "  %s [shape=cylinder, label=\"%s\"];\n" },
    "  %s -> %s;\n",
    "\\n",
    "\\\"", "<", ">", "\\\\"
};

struct label {
    char   at[1024];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void label_add(struct label *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->at + l->len, sizeof l->at - l->len, format, args);
    va_end(args);
    if (n > 0) l->len += (size_t)n < sizeof l->at - l->len ? (size_t)n : sizeof l->at - l->len - 1;
}

/* Names may hold '-', which neither notation takes in an id. */
static const char *node_id(char *buf, size_t size, const char *kind, slice name)
{
    snprintf(buf, size, "%s_%.*s", kind, (int)name.len, name.at);
    for (char *p = buf; *p; p++)
        if (*p == '-' || *p == '.') *p = '_';
    return buf;
}

static void label_window(struct label *l, const struct step_window *w, const char *br)
{
    char span[UNIT_TEXT];
    slice length = span_format(w->length, span);
    label_add(l, "%swindow %.*s by", br, (int)length.len, length.at);
    for (u32 k = 0; k < w->keys; k++)
        label_add(l, "%s %.*s", k ? "," : "", (int)w->field[k].name.len, w->field[k].name.at);
    label_add(l, "%s%u measures", br, w->measures);
}

static void label_cascade(struct label *l, const struct step_cascade *c, const char *br)
{
    static const char *const ways[] = { "src", "dst", "both" };
    label_add(l, "%scascade", br);
    for (u32 i = 0; i < c->levels; i++) {
        char span[UNIT_TEXT];
        slice length = span_format(c->length[i], span);
        label_add(l, "%s %.*s", i ? "," : "", (int)length.len, length.at);
    }
    label_add(l, "%sper%s%.*s%s", br, c->kind.len ? " " : "", (int)c->kind.len, c->kind.at, c->kind.len ? ":" : "");
    for (u32 i = 0; i < c->keys && c->kind.len == 0; i++)
        label_add(l, "%s %.*s", i ? "," : "", (int)c->field[i].name.len, c->field[i].name.at);
    for (u32 i = 0; i < c->lines && c->kind.len; i += c->levels)
        label_add(l, "%s %s", i ? "," : "", ways[c->line[i].way]);
    if (c->top) label_add(l, "%stop %u of %u fields", br, c->top, c->rank_fields);
}

static void label_tag(struct label *l, const struct step_tag *t, const char *br)
{
    const char *file = strrchr(t->path, '/');
    label_add(l, "%stag from %s:", br, file ? file + 1 : t->path);
    for (u32 g = 0; g < t->gives; g++) label_add(l, "%s %.*s", g ? "," : "", (int)t->give[g].len, t->give[g].at);
}

/* An expression may have in it what the notation takes for its own. */
static void label_expr(struct label *l, slice text, const struct notation *n)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '"') label_add(l, "%s", n->quote);
        else if (c == '<') label_add(l, "%s", n->less);
        else if (c == '>') label_add(l, "%s", n->more);
        else if (c == '\\') label_add(l, "%s", n->back);
        else label_add(l, "%c", (u8)c < ' ' ? ' ' : c);
    }
}

static void label_filter(struct label *l, const struct step_filter *f, const struct notation *n)
{
    if (f->where) {
        label_add(l, "%swhere ", n->line);
        label_expr(l, f->where_text, n);
    }
    for (u32 i = 0; i < f->derives; i++) {
        label_add(l, "%s%.*s = ", n->line, (int)f->derive[i].name.len, f->derive[i].name.at);
        label_expr(l, f->derive[i].text, n);
    }
}

static void graph_step(const struct recipe *r, const struct recipe_step *s, const struct notation *n)
{
    char         id[300], from[300];
    struct label l = { .len = 0 };
    label_add(&l, "%.*s", (int)s->name.len, s->name.at);
    switch (s->kind) {
    case STEP_TAG: label_tag(&l, &s->tag, n->line); break;
    case STEP_WINDOW: label_window(&l, &s->window, n->line); break;
    case STEP_CASCADE: label_cascade(&l, &s->cascade, n->line); break;
    case STEP_RECORDS: label_add(&l, "%srecords: %u fields", n->line, s->records.columns); break;
    case STEP_FILTER: label_filter(&l, &s->filter, n); break;
    }
    node_id(id, sizeof id, "step", s->name);
    printf(n->node[1], id, l.at);
    if (s->from_step >= 0) node_id(from, sizeof from, "step", r->step[s->from_step].name);
    else node_id(from, sizeof from, "source", r->source[s->from_source].name);
    printf(n->edge, from, id);
}

/* A sink hangs on each step of which it takes a table. */
static void graph_sink(const struct recipe *r, const struct recipe_sink *k, const struct notation *n)
{
    char         id[300], from[300];
    struct label l = { .len = 0 };
    label_add(&l, "%.*s%s%s", (int)k->name.len, k->name.at, n->line, k->type->name);
    node_id(id, sizeof id, "sink", k->name);
    printf(n->node[2], id, l.at);
    for (u32 s = 0; s < r->steps; s++) {
        bool takes = false;
        for (u32 t = 0; t < r->tables; t++) takes |= k->wanted[t] && slice_eq(r->table[t].step, r->step[s].name);
        if (takes) printf(n->edge, node_id(from, sizeof from, "step", r->step[s].name), id);
    }
}

static int run_graph(const struct args *a)
{
    int            code;
    struct recipe *r = load_recipe(a->positional[0], false, &code);
    if (r == NULL) return code;
    const struct notation *n = args_has(a, "dot") ? &dot : &mermaid;
    fputs(n->begin, stdout);
    for (u32 i = 0; i < r->sources; i++) {
        char         id[300];
        struct label l = { .len = 0 };
        label_add(&l, "%.*s%s%s", (int)r->source[i].name.len, r->source[i].name.at, n->line, r->source[i].type->name);
        printf(n->node[0], node_id(id, sizeof id, "source", r->source[i].name), l.at);
    }
    for (u32 i = 0; i < r->steps; i++) graph_step(r, &r->step[i], n);
    for (u32 i = 0; i < r->sinks; i++) graph_sink(r, &r->sink[i], n);
    fputs(n->end, stdout);
    recipe_free(r);
    return EX_OK;
}

static const struct flag graph_flags[] = {
    { "dot", 0, NULL, NULL, "for Graphviz; else for Mermaid" },
    { .name = NULL },
};

static const char *const graph_text[] = {
    "  weir graph probe.yaml --dot | dot -Tsvg > probe.svg",
    NULL,
};

const struct command command_graph = { .name = "graph",
                                       .usage = "FILE [--dot]",
                                       .summary = "draw a recipe",
                                       .text = graph_text,
                                       .flags = graph_flags,
                                       .least = 1,
                                       .most = 1,
                                       .run = run_graph };
