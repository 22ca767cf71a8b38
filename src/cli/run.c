/* SPDX-License-Identifier: Apache-2.0 */
/* run.c: weir run, and weir check beside it: both begin with the same look at the recipe. */
#include "cli/instance.h"
#include "cli/load.h"
#include "engine/engine.h"
#include "engine/log.h"

#include <string.h>
#include <sysexits.h>

static int run_run(const struct args *a)
{
    int         code;
    const char *as = args_text(a, "as"), *from = args_text(a, "from");
    const char *start = from && strcmp(from, "state") != 0 ? from : NULL;
    if (as && !instance_name_good(as)) return instance_name_bad(a, as);
    struct recipe *r = load_instance(a->positional[0], as, start, &code);
    if (r == NULL) return code;
    code = instance_may_run(a, r, from);
    if (code) {
        recipe_free(r);
        return code;
    }
    log_open(args_has(a, "quiet") ? LOG_WARN : LOG_INFO);
    struct engine_options options = { .once = args_has(a, "once"),
                                      .final = args_has(a, "final"),
                                      .alone = from != NULL,
                                      .stats = args_text(a, "stats") };
    code = engine_run(r, &options);
    recipe_free(r);
    return code;
}

static int run_check(const struct args *a)
{
    int            code;
    bool           json = args_has(a, "json");
    struct recipe *r = load_recipe(a->positional[0], json, &code);
    if (r == NULL) return code;
    if (args_has(a, "print")) recipe_print(r, print_to_file, stdout);
    else if (!json)
        printf("%s: no errors: %u source%s, %u step%s, %u sink%s, %u tables\n", a->positional[0], r->sources,
               r->sources == 1 ? "" : "s", r->steps, r->steps == 1 ? "" : "s", r->sinks, r->sinks == 1 ? "" : "s",
               r->tables);
    recipe_free(r);
    return code;
}

static const char *const run_text[] = {
    "Reads what the recipe's sources give, keeps windows, writes results to its sinks, each row exactly once. After a "
    "crash or a stop it goes on where it was: positions and open windows are in the recipe's state file.",
    "SIGINT or SIGTERM: finishes what is in work, cuts an epoch, ends. A second one: ends at once. SIGHUP: reads tag "
    "tables again. Open windows stay open over a stop unless --final is given.",
    "--as NAME makes a second result set beside the running first, from the same recipe or a new one. Its state file "
    "and what its sinks write have NAME in their names: store.db becomes store.NAME.db, a topic alerts alerts-NAME; "
    "nothing is shared. --from says where its sources begin, of a state that has no positions yet; `--from state`: "
    "at the positions it has, though a consumer group is ahead of them. `weir compare` shows what differs, `weir "
    "switch` puts it in the first's place, `weir drop` removes it.",
    "  weir run nids-new.yaml --as trial --from earliest --once",
    NULL,
};

static const struct flag run_flags[] = {
    { "once", 0, NULL, NULL, "read what is there, close every window (closed_by: end), exit 0" },
    { "final", 0, NULL, NULL, "when told to stop, close every window first" },
    { "as", 0, "NAME", NULL, "a result set of this name, with a state and outputs of its own" },
    { "from", 0, "WHERE", NULL, "earliest, latest or a time, in place of the `start` of sources; state must be fresh. "
      "state: its positions, whatever a consumer group holds" },
    { "stats", 0, "FILE", NULL, "keep the run's figures in FILE, as JSON: every 5 s, and at the end" },
    { "quiet", 'q', NULL, NULL, "only warnings and errors on standard error" },
    { .name = NULL },
};

const struct command command_run = { .name = "run",
                                     .usage = "FILE [--once] [--final] [--as NAME] [--from WHERE] [--stats FILE] "
                                              "[--quiet]",
                                     .summary = "run a recipe",
                                     .text = run_text,
                                     .flags = run_flags,
                                     .least = 1,
                                     .most = 1,
                                     .run = run_run };

static const char *const check_text[] = {
    "Shows all faults at once, each with file:line:column, the line, and what was probably meant. Exit code 78 if "
    "there is an error. --print writes the recipe as weir understood it, every default filled in.",
    NULL,
};

static const struct flag check_flags[] = {
    { "print", 0, NULL, NULL, "write the recipe with everything filled in" },
    { "json", 0, NULL, NULL, "findings as JSON on standard output" },
    { .name = NULL },
};

const struct command command_check = { .name = "check",
                                       .usage = "FILE [--print] [--json]",
                                       .summary = "check a recipe and run nothing",
                                       .text = check_text,
                                       .flags = check_flags,
                                       .least = 1,
                                       .most = 1,
                                       .run = run_check };
