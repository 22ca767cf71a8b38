/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: weir plan: the SQL that sinks would run, and what memory the recipe may take. */
#include "cli/load.h"

#include <sysexits.h>

#define SLOT_BYTES 32u /* index of a group: two 8-byte slots at a load of a half, and a doubling in progress */

struct memory_line {
    slice name;
    u64   row, groups, panes;
};

static void print_bytes(u64 n)
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    f64                      v = (f64)n;
    u32                      u = 0;
    for (; v >= 1024 && u + 1 < WEIR_COUNT(unit); u++) v /= 1024;
    printf("%.*f %s", u ? 1 : 0, v, unit[u]);
}

/* Panes of a line that live at once: the open one, and those kept for late comers. */
static u64 live_panes(nanos length, nanos lateness)
{
    return 2 + (u64)((lateness + length - 1) / length);
}

static void memory_print(struct memory_line m)
{
    u64 each = m.row + SLOT_BYTES;
    printf("  %-20.*s %4llu bytes a group; 10,000 groups ", (int)m.name.len, m.name.at, (unsigned long long)each);
    print_bytes(each * 10000);
    printf(" a window; at its limit of %llu groups ", (unsigned long long)m.groups);
    print_bytes(each * m.groups);
    printf("; up to %llu windows live\n", (unsigned long long)m.panes);
}

static void plan_memory(const struct recipe *r)
{
    printf("Memory of the windows:\n");
    for (u32 i = 0; i < r->steps; i++) {
        const struct recipe_step *s = &r->step[i];
        if (s->kind == STEP_WINDOW)
            memory_print((struct memory_line){ s->name, s->window.layout.size, s->window.groups_max,
                                               live_panes(s->window.length, s->window.lateness) });
        if (s->kind != STEP_CASCADE) continue;
        for (u32 l = 0; l < s->cascade.lines; l++)
            memory_print((struct memory_line){ r->op[s->cascade.line[l].op].name, s->cascade.layout.size, s->cascade.groups_max,
                                               live_panes(s->cascade.length[s->cascade.line[l].level], s->cascade.lateness) });
    }
    for (u32 i = 0; i < r->sources; i++) {
        printf("  source %.*s: up to ", (int)r->source[i].name.len, r->source[i].name.at);
        print_bytes(r->source[i].in_flight);
        printf(" of input on its way through workers; parses %u of the columns\n",
               r->source[i].decoded.tags + r->source[i].decoded.measures);
    }
}

static void plan_sinks(const struct recipe *r)
{
    for (u32 i = 0; i < r->sinks; i++) {
        const struct recipe_sink *k = &r->sink[i];
        struct sink_setup setup = { k->name, r->name, k->options, r->tables, r->table, k->wanted, k->retains, k->retain };
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
