/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: weir plan: the SQL that sinks would run, and what memory the recipe may take. */
#include "cli/load.h"
#include "config/units.h"
#include "engine/engine.h"

#include <sysexits.h>
#include <unistd.h>

#define SLOT_BYTES 32u /* index of a group: two 8-byte slots at a load of a half, and a doubling in progress */

struct memory_line {
    slice name;
    u64   row, groups;
    nanos length, lateness;
};

static void print_bytes(FILE *to, f64 v)
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    u32                      u = 0;
    for (; v >= 1024 && u + 1 < WEIR_COUNT(unit); u++) v /= 1024;
    fprintf(to, "%.*f %s", u ? 1 : 0, v, unit[u]);
}

/* Panes of a line that live at once: the open one, and those kept for late comers. */
static u64 live_panes(nanos length, nanos lateness)
{
    return 2 + (u64)((lateness + length - 1) / length);
}

/* Windows that lateness keeps are all in memory: more than the machine has would end in swap or a kill. */
static void memory_warn(const struct memory_line *m)
{
    char text[UNIT_TEXT];
    u64  each = m->row + SLOT_BYTES, panes = live_panes(m->length, m->lateness);
    f64  need = (f64)each * (f64)m->groups * (f64)panes;
    f64  have = (f64)sysconf(_SC_PHYS_PAGES) * (f64)sysconf(_SC_PAGESIZE);
    if (m->lateness == 0 || need <= have) return;
    slice late = span_format(m->lateness, text);
    fprintf(stderr,
            "weir plan: warning: %.*s: `lateness` of %.*s keeps up to %llu windows; %llu groups (`groups_max`) of "
            "%llu bytes in each would take ",
            (int)m->name.len, m->name.at, (int)late.len, late.at, (unsigned long long)panes,
            (unsigned long long)m->groups, (unsigned long long)each);
    print_bytes(stderr, need);
    fprintf(stderr, ", and this machine has ");
    print_bytes(stderr, have);
    fprintf(stderr, "; 10,000 groups in each would take ");
    print_bytes(stderr, (f64)each * 10000 * (f64)panes);
    fputc('\n', stderr);
}

static void memory_print(struct memory_line m)
{
    u64 each = m.row + SLOT_BYTES;
    printf("  %-20.*s %4llu bytes a group; 10,000 groups ", (int)m.name.len, m.name.at, (unsigned long long)each);
    print_bytes(stdout, (f64)each * 10000);
    printf(" a window; at its limit of %llu groups ", (unsigned long long)m.groups);
    print_bytes(stdout, (f64)each * (f64)m.groups);
    printf("; up to %llu windows live\n", (unsigned long long)live_panes(m.length, m.lateness));
    memory_warn(&m);
}

/* Bytes of a cell on its way to the sinks (weir/rows.h): counters of middling size, words of middling length. */
static u64 cell_bytes(const struct field *f)
{
    switch (f->type) {
    case FIELD_U64: return 5;
    case FIELD_ADDR:
    case FIELD_NET: return 18;
    case FIELD_TAG:
    case FIELD_STRING: return 16;
    case FIELD_SAMPLING: return 30;
    case FIELD_BINS: return 2 * (u64)f->bins;
    default: return 9;
    }
}

/* Nothing is kept of records but rows that are on their way. */
static void records_print(slice name, const struct step_records *r)
{
    u64 row = 16; /* table, time, number */
    for (u32 i = 0; i < r->columns; i++) row += cell_bytes(&r->field[i]);
    printf("  %-20.*s about %llu bytes a record until the sinks have it; 100,000 records ", (int)name.len, name.at,
           (unsigned long long)row);
    print_bytes(stdout, (f64)row * 100000);
    printf("; past ");
    print_bytes(stdout, (f64)ENGINE_BACKLOG_MAX);
    printf(" in all tables sources wait\n");
}

static void plan_memory(const struct recipe *r)
{
    printf("Memory of the steps:\n");
    for (u32 i = 0; i < r->steps; i++) {
        const struct recipe_step *s = &r->step[i];
        if (s->kind == STEP_WINDOW)
            memory_print((struct memory_line){ s->name, s->window.layout.size, s->window.groups_max,
                                               s->window.length, s->window.lateness });
        if (s->kind == STEP_RECORDS) records_print(s->name, &s->records);
        if (s->kind != STEP_CASCADE) continue;
        for (u32 l = 0; l < s->cascade.lines; l++)
            memory_print((struct memory_line){ r->op[s->cascade.line[l].op].name, s->cascade.layout.size,
                                               s->cascade.groups_max,
                                               s->cascade.length[s->cascade.line[l].level],
                                               s->cascade.lateness });
    }
    for (u32 i = 0; i < r->sources; i++) {
        printf("  source %.*s: up to ", (int)r->source[i].name.len, r->source[i].name.at);
        print_bytes(stdout, (f64)r->source[i].in_flight);
        printf(" of input on its way through workers; parses %u of the columns\n",
               r->source[i].decoded.tags + r->source[i].decoded.measures);
    }
}

static void plan_sinks(const struct recipe *r)
{
    for (u32 i = 0; i < r->sinks; i++) {
        const struct recipe_sink *k = &r->sink[i];
        struct sink_setup setup = { k->name, r->name, k->options, r->tables, r->table, k->wanted, k->retains,
                                    k->retain };
        printf("-- sink %.*s (%s)\n", (int)k->name.len, k->name.at, k->type->name);
        if (k->type->plan) k->type->plan(&setup, print_to_file, stdout);
    }
}

static int run_plan(const struct args *a)
{
    int            code;
    struct recipe *r = load_recipe(a->positional[0], false, &code);
    if (r == NULL) return code;
    if (!args_has(a, "memory")) plan_sinks(r);
    if (!args_has(a, "sql")) plan_memory(r);
    recipe_free(r);
    return EX_OK;
}

static const char *const plan_text[] = {
    "Runs nothing and creates nothing.",
    NULL,
};

static const struct flag plan_flags[] = {
    { "sql", 0, NULL, NULL, "only what the sinks would create" },
    { "memory", 0, NULL, NULL, "only the memory estimate" },
    { .name = NULL },
};

const struct command command_plan = { .name = "plan",
                                      .usage = "FILE [--sql] [--memory]",
                                      .summary = "print the tables a recipe would create, and its memory",
                                      .text = plan_text,
                                      .flags = plan_flags,
                                      .least = 1,
                                      .most = 1,
                                      .run = run_plan };
