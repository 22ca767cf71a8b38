/* SPDX-License-Identifier: Apache-2.0 */
/* help.c: --help and the man page, both from the command tables. */
#include "cli/command.h"
#include "config/recipe.h"
#include "engine/registry.h"
#include "weir/slice.h"

#include <string.h>
#include <sysexits.h>

struct exit_line {
    int         code;
    const char *meaning;
};

static const struct exit_line exit_lines[] = {
    { EX_OK, "all went well" },
    { 1, "`compare`: the stores differ" },
    { EX_USAGE, "the command line is wrong" },
    { EX_DATAERR, "a state file or store was refused: damaged, another recipe's, out of step; a capture is damaged; "
                  "what a topic had at the saved position is gone, and the recipe says stop (`reset`)" },
    { EX_NOINPUT, "a file to read is not there" },
    { EX_UNAVAILABLE, "an interface cannot be listened to" },
    { EX_SOFTWARE, "a bug of weir's" },
    { EX_CANTCREAT, "a file cannot be made, or a finished one would have been written over" },
    { EX_IOERR, "a disk, a source or a sink failed; it may work the next time" },
    { EX_TEMPFAIL, "`run --once` or `p2 -r` was told to stop before it had read all, or a sink hangs or lacks an epoch; "
                   "run it again" },
    { EX_NOPERM, "an interface may not be listened to" },
    { EX_CONFIG, "the recipe or a table it names is wrong; a topic or partition is not there (--once); the consumer "
                 "group of a recipe with windows has another member. It will not work before something is changed" },
};

static void flag_line(const struct flag *f, FILE *to)
{
    char head[80], letter[8] = "    ";
    if (f->letter) snprintf(letter, sizeof letter, "-%c, ", f->letter);
    snprintf(head, sizeof head, "%s--%s%s%s", letter, f->name, f->value ? " " : "", f->value ? f->value : "");
    fprintf(to, "  %-28s %s", head, f->doc);
    if (f->value && f->fallback) fprintf(to, " (default %s)", f->fallback);
    fputc('\n', to);
}

void help_command(const struct command *c, FILE *to)
{
    fprintf(to, "usage: weir %s %s\n\n%s\n", c->name, c->usage, c->summary);
    for (u32 i = 0; c->text && c->text[i]; i++) fprintf(to, "\n%s\n", c->text[i]);
    if (c->flags == NULL) return;
    fprintf(to, "\nOptions:\n");
    for (const struct flag *f = c->flags; f->name; f++) flag_line(f, to);
    fprintf(to, "  %-28s %s\n", "-h, --help", "this text");
}

void help_all(FILE *to)
{
    fprintf(to, "usage: weir COMMAND ...\n\nWindowed statistics and rankings of network telemetry, exactly once.\n\n");
    for (u32 i = 0; commands[i]; i++) fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\nweir COMMAND --help says more of each, weir help recipe what a recipe may hold.\n");
}

static void key_line(const char *name, const char *value, const char *doc, FILE *to)
{
    char head[80];
    snprintf(head, sizeof head, "%s: %s", name, value);
    fprintf(to, "  %-28s %s", head, doc);
}

static const char *option_value(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_TEXT] = "text",   [OPTION_PATH] = "path", [OPTION_BOOL] = "true|false", [OPTION_COUNT] = "number",
        [OPTION_SIZE] = "size",   [OPTION_SPAN] = "span", [OPTION_CHOICE] = "one of",   [OPTION_NAMES] = "list",
        [OPTION_PATHS] = "path or list",
        [OPTION_PAIRS] = "mapping",
    };
    return names[type];
}

static void help_options(const char *what, const char *name, const struct option *options, FILE *to)
{
    fprintf(to, "\n%s, type: %s\n", what, name);
    for (const struct option *o = options; o->name; o++) {
        key_line(o->name, o->choices ? o->choices : option_value(o->type), o->doc, to);
        if (o->required) fputs(" (required)", to);
        if (o->fallback) fprintf(to, " (default %s)", o->fallback);
        fputc('\n', to);
    }
}

/* All that a recipe may hold. */
static void help_recipe(FILE *to)
{
    fprintf(to,
            "A recipe is a file of YAML: sources, steps, sinks, each by a name of its own. `weir check` checks one.\n");
    for (const struct recipe_part *p = recipe_parts; p->title; p++) {
        fprintf(to, "\n%s\n", p->title);
        for (const struct recipe_key *k = p->keys; k->name; k++) {
            key_line(k->name, k->value, k->doc, to);
            fputc('\n', to);
        }
    }
    for (u32 i = 0; source_types[i]; i++) help_options("A source", source_types[i]->name, source_types[i]->options, to);
    for (u32 i = 0; sink_types[i]; i++) help_options("A sink", sink_types[i]->name, sink_types[i]->options, to);
}

/* Text for roff: a backslash and a dot or quote at a line's start would be obeyed. */
static void man_text(const char *s, FILE *to)
{
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\'')) fputs("\\&", to);
        if (*s == '\\') fputs("\\e", to);
        else if (*s == '-') fputs("\\-", to);
        else fputc(*s, to);
        start = *s == '\n';
    }
}

static void man_paragraph(const char *text, FILE *to)
{
    bool example = strncmp(text, "  ", 2) == 0;
    fputs(example ? ".PP\n.EX\n" : ".PP\n", to);
    man_text(text, to);
    fputs(example ? "\n.EE\n" : "\n", to);
}

static void man_command(const struct command *c, FILE *to)
{
    fputs(".SS \"weir ", to);
    man_text(c->name, to);
    fputc(' ', to);
    man_text(c->usage, to);
    fputs("\"\n", to);
    man_text(c->summary, to);
    fputs(".\n", to);
    for (u32 i = 0; c->text && c->text[i]; i++) man_paragraph(c->text[i], to);
    for (const struct flag *f = c->flags; f && f->name; f++) {
        fputs(".TP\n.B ", to);
        if (f->letter) fprintf(to, "\\-%c, ", f->letter);
        fputs("\\-\\-", to);
        man_text(f->name, to);
        if (f->value) fprintf(to, " \\fI%s\\fP", f->value);
        fputc('\n', to);
        man_text(f->doc, to);
        if (f->value && f->fallback) fprintf(to, " (default %s)", f->fallback);
        fputc('\n', to);
    }
}

/* A mapping of the recipe, from the table that its parser checks it by. */
static void man_part(const struct recipe_part *p, FILE *to)
{
    fprintf(to, ".SS \"%s\"\n", p->title);
    for (const struct recipe_key *k = p->keys; k->name; k++) {
        fputs(".TP\n.B ", to);
        man_text(k->name, to);
        fprintf(to, ": \\fI%s\\fP\n", k->value);
        man_text(k->doc, to);
        fputc('\n', to);
    }
}

/* What a source or sink may be told in the recipe. */
static void man_options(const char *what, const char *name, const struct option *options, FILE *to)
{
    fprintf(to, ".SS \"%s, type: ", what);
    man_text(name, to);
    fputs("\"\n", to);
    for (const struct option *o = options; o->name; o++) {
        fputs(".TP\n.B ", to);
        man_text(o->name, to);
        fprintf(to, ": \\fI%s%s%s\\fP\n", option_value(o->type), o->choices ? " " : "", o->choices ? o->choices : "");
        man_text(o->doc, to);
        if (o->required) fputs(" (required)", to);
        if (o->fallback) fprintf(to, " (default %s)", o->fallback);
        fputc('\n', to);
    }
}

void man_page(FILE *to)
{
    fputs(".TH WEIR 1 \"\" \"weir " WEIR_VERSION "\" \"User Commands\"\n.SH NAME\n"
          "weir \\- windowed statistics and rankings of network telemetry, exactly once\n"
          ".SH SYNOPSIS\n.B weir\n.I COMMAND\n[\\fIoption\\fP ...]\n.SH COMMANDS\n",
          to);
    for (u32 i = 0; commands[i]; i++) man_command(commands[i], to);
    fputs(".SH RECIPE\n", to);
    for (const struct recipe_part *p = recipe_parts; p->title; p++) man_part(p, to);
    for (u32 i = 0; source_types[i]; i++) man_options("source", source_types[i]->name, source_types[i]->options, to);
    for (u32 i = 0; sink_types[i]; i++) man_options("sink", sink_types[i]->name, sink_types[i]->options, to);
    fputs(".SH EXIT STATUS\n", to);
    for (u32 i = 0; i < WEIR_COUNT(exit_lines); i++) {
        fprintf(to, ".TP\n.B %d\n", exit_lines[i].code);
        man_text(exit_lines[i].meaning, to);
        fputc('\n', to);
    }
    fputs(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nIf set and not empty, no colour is written.\n", to);
}

static int run_man(const struct args *a)
{
    man_page(stdout);
    return EX_OK;
}

static int run_version(const struct args *a)
{
    printf("weir %s\n", WEIR_VERSION);
    return EX_OK;
}

static int run_help(const struct args *a)
{
    for (u32 i = 0; a->count && commands[i]; i++)
        if (strcmp(commands[i]->name, a->positional[0]) == 0) {
            help_command(commands[i], stdout);
            return EX_OK;
        }
    if (a->count && strcmp(a->positional[0], "recipe") == 0) {
        help_recipe(stdout);
        return EX_OK;
    }
    if (a->count) return usage_error(a, "there is no command %s", a->positional[0]);
    help_all(stdout);
    return EX_OK;
}

const struct command command_man = {
    .name = "man", .usage = "", .summary = "write the manual page (roff) to standard output", .run = run_man
};
const struct command command_version = {
    .name = "version", .usage = "", .summary = "say which version this is", .run = run_version
};
const struct command command_help = {
    .name = "help",
    .usage = "[COMMAND|recipe]",
    .summary = "say what a command does, or a recipe may hold",
    .most = 1,
    .run = run_help,
};
