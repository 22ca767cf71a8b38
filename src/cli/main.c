/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: finds the subcommand and hands over; exit codes are those of sysexits.h. */
#include "cli/args.h"
#include "config/findings.h"
#include "weir/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define COMMANDS_MAX 32

const struct command *const commands[] = {
    &command_run,     &command_check,  &command_plan, &command_graph,  &command_query, &command_compare,
    &command_switch,  &command_drop,   &command_gen,  &command_replay, &command_p2,    &command_u2,
    &command_snapshot, &command_man,   &command_version, &command_help,
    NULL,
};

static const struct command *command_find(const char *name)
{
    for (u32 i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static void unknown_command(const char *name)
{
    slice        at[COMMANDS_MAX];
    struct names known = { 0, at };
    for (u32 i = 0; commands[i] && known.count < COMMANDS_MAX; i++) at[known.count++] = slice_str(commands[i]->name);
    slice near = name_nearest(slice_str(name), known);
    fprintf(stderr, "weir: there is no command %s\n", name);
    if (near.at) fprintf(stderr, "did you mean weir %.*s?\n", (int)near.len, near.at);
    else help_all(stderr);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

int main(int argc, char **argv)
{
    struct args a;
    hash_seed_init();
    if (argc < 2) {
        help_all(stderr);
        return EX_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    const struct command *c = command_find(name);
    if (c == NULL) {
        unknown_command(name);
        return EX_USAGE;
    }
    if (wants_help(argc - 2, argv + 2)) {
        help_command(c, stdout);
        return EX_OK;
    }
    int code = args_parse(&a, c, argc - 2, argv + 2);
    if (code == 0) code = c->run(&a);
    args_fini(&a);
    if (fflush(stdout) != 0 && code == 0) {
        perror("weir: standard output");
        code = EX_IOERR;
    }
    return code;
}
