/* SPDX-License-Identifier: Apache-2.0 */
/* command.h: a subcommand as a table: what it is called, what it may be told, and what runs.
 *
 * --help, the man page and the parser all read this table, so they cannot disagree. */
#pragma once

#include "weir/types.h"

#include <stdarg.h>
#include <stdio.h>

#define FLAGS_MAX       24
#define POSITIONALS_MAX 1024

struct flag {
    const char *name; /* long name without dashes; NULL ends the table */
    char        letter; /* 0: none                                     */
    const char *value; /* what its value is called; NULL: it has none  */
    const char *fallback; /* shown in help; given to args_text as it is */
    const char *doc;
};

struct args {
    const struct command *command;
    const char           *value[FLAGS_MAX]; /* by place in the flag table; "" for one without value; NULL: not given */
    u32                   count;
    const char          **positional;
};

struct command {
    const char        *name;
    const char        *usage;   /* behind the name: "FILE [--once]"                                        */
    const char        *summary; /* one line                                                               */
    const char *const *text;    /* paragraphs, NULL ends; a line that begins with two spaces is an example */
    const struct flag *flags;   /* may be NULL */
    u32                least, most; /* positionals */
    int (*run)(const struct args *);  /* gives the exit code */
};

extern const struct command *const commands[]; /* NULL ends */

/* Flags of one command after parsing. The flag must be in its table. */
bool        args_has(const struct args *a, const char *flag);
const char *args_text(const struct args *a, const char *flag); /* its value, or the table's fallback (may be NULL) */

/* Numbers and spans; a bad value prints a message and ends with EX_USAGE. */
u64   args_u64(const struct args *a, const char *flag, u64 least, u64 most);
f64   args_f64(const struct args *a, const char *flag, f64 least, f64 most);
nanos args_span(const struct args *a, const char *flag);
i64   args_time(const struct args *a, const char *flag); /* seconds: a number, or 2026-01-31T12:00 (UTC) */

/* The same of any text. */
bool args_time_parse(const char *text, i64 *seconds);

/* "weir gen: ..." on standard error, a line. */
__attribute__((format(printf, 2, 0))) void command_say(const char *command, const char *format, va_list list);

/* "weir gen: ..." on standard error and the place where to read more; gives EX_USAGE. */
__attribute__((format(printf, 2, 3))) int usage_error(const struct args *a, const char *format, ...);

/* --help of one command; the man page of all. */
void help_command(const struct command *c, FILE *to);
void help_all(FILE *to);
void man_page(FILE *to);

/* Colour is used on a terminal unless NO_COLOR is set (no-color.org) or TERM is dumb. */
bool colour_on(FILE *to);

#define WEIR_VERSION "0.1.0"

/* The commands, one file each. */
extern const struct command command_run, command_check, command_plan, command_graph, command_replay, command_gen,
    command_p2, command_compare, command_drop, command_query, command_switch, command_snapshot, command_u2,
    command_version, command_man, command_help;
