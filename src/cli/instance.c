/* SPDX-License-Identifier: Apache-2.0 */
/* instance.c: weir drop, and what weir run asks before it runs an instance. weir switch: instance_switch.c. */
#include "cli/instance.h"

#include "cli/load.h"
#include "shim/lock.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int instance_refuse(const struct args *a, int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    command_say(a->command->name, format, list);
    va_end(list);
    return code;
}

int instance_name_bad(const struct args *a, const char *name)
{
    return usage_error(a, "--as: a name of letters, digits, _ and - was expected, not %s", name);
}

char *instance_marker(const struct recipe *r)
{
    char *path;
    WEIR_ASSERT(asprintf(&path, "%s.switch", r->state_first) >= 0);
    return path;
}

static bool marked(const struct recipe *r)
{
    char *path = instance_marker(r);
    bool  is = access(path, F_OK) == 0;
    free(path);
    return is;
}

/* A position says where to go on: --from would be passed over, and that is told instead. */
static int may_begin(const struct args *a, const struct recipe *r, const char *from)
{
    char why[SNAPSHOT_WHY] = "";
    u64  count = 0;
    bool state = strcmp(from, "state") == 0, there = access(r->state_path, F_OK) == 0;
    if (!state && !recipe_has_start(r))
        return instance_refuse(a, EX_USAGE, "--from: no source of %s has a `start`; it reads all that is there",
                               r->path);
    err e = there ? snapshot_positions(r->state_path, &count, why) : OK;
    if (err_is(e)) return instance_refuse(a, EX_DATAERR, "%s", why);
    if (state && count == 0)
        return instance_refuse(a, EX_USAGE, "--from state: %s has no positions", r->state_path);
    if (state || count == 0) return EX_OK;
    return instance_refuse(a, EX_USAGE,
                           "--from: %s has positions (%llu) and goes on there; leave --from away, or remove this "
                           "result set first (weir drop), or give it another name (--as)",
                           r->state_path, (unsigned long long)count);
}

int instance_may_run(const struct args *a, const struct recipe *r, const char *from)
{
    if (marked(r))
        return instance_refuse(a, EX_DATAERR, "%s.switch: a switch was not finished: run `weir switch` again first",
                               r->state_first);
    return from ? may_begin(a, r, from) : EX_OK;
}

/* --- drop ---------------------------------------------------------------------------------------------------- */

/* The log before what it belongs to: a database without its log is seen to be old (lock.h), a log without its database
 * could be taken for the next one's. */
static const char *const tails[] = { "-wal", "-shm", "-journal", "", ".lock" };

static char *tailed(const char *path, u32 tail)
{
    char *name;
    WEIR_ASSERT(asprintf(&name, "%s%s", path, tails[tail]) >= 0);
    return name;
}

static bool is_there(const char *path)
{
    bool is = false;
    for (u32 i = 0; i < WEIR_COUNT(tails) - 1; i++) {
        char *name = tailed(path, i);
        is = is || access(name, F_OK) == 0;
        free(name);
    }
    return is;
}

static int drop_file(const struct args *a, const char *path)
{
    int code = EX_OK;
    for (u32 i = 0; i < WEIR_COUNT(tails) && code == EX_OK; i++) {
        char *name = tailed(path, i);
        if (unlink(name) != 0 && errno != ENOENT) code = instance_refuse(a, EX_IOERR, "%s: %s", name, strerror(errno));
        free(name);
    }
    if (code == EX_OK) printf("removed %s\n", path);
    return code;
}

/* With the names put in that stand in braces, as stages do it. */
static void print_names(const char *text, slice recipe, const char *what, slice name)
{
    size_t own = strlen(what);
    while (*text) {
        bool  is_recipe = strncmp(text, "{recipe}", 8) == 0;
        bool  is_own = text[0] == '{' && strncmp(text + 1, what, own) == 0 && text[own + 1] == '}';
        slice out = is_recipe ? recipe : is_own ? name : slice_of(text, 1);
        printf("%.*s", (int)out.len, out.at);
        text += is_recipe ? 8 : is_own ? own + 2 : 1;
    }
    putchar('\n');
}

/* What sinks that are no store wrote under a name of its own, and where sources stand elsewhere. */
static void tell_kept(const struct recipe *r, const char *what, slice name, const struct option *o,
                      const void *options)
{
    for (; o != NULL && o->name != NULL; o++) {
        const char *const *text = (const void *)((const char *)options + o->offset);
        if (!o->own || (o->type != OPTION_PATH && o->type != OPTION_TEXT)) continue;
        if (*text == NULL || strcmp(*text, "-") == 0) continue;
        printf("kept: %s %.*s: %s ", what, (int)name.len, name.at, o->name);
        print_names(*text, r->name, what, name);
    }
}

/* The state first: a store without its state is refused by the next start, the reverse would not be seen. */
static int drop_all(const struct args *a, const struct recipe *r)
{
    int code = is_there(r->state_path) ? drop_file(a, r->state_path) : EX_OK;
    if (code == EX_OK) snapshot_streamed_remove(r->state_path);
    for (u32 i = 0; i < r->sinks && code == EX_OK; i++) {
        const char *store = load_sink_store(&r->sink[i]);
        if (store && is_there(store)) code = drop_file(a, store);
        else if (!store) tell_kept(r, "sink", r->sink[i].name, r->sink[i].type->options, r->sink[i].options);
    }
    for (u32 i = 0; i < r->sources && code == EX_OK; i++)
        tell_kept(r, "source", r->source[i].name, r->source[i].type->options, r->source[i].options);
    return code;
}

static int drop_locked(const struct args *a, const struct recipe *r)
{
    struct lock *lock = calloc(r->sinks + 1, sizeof *lock);
    char         why[512];
    u32          locks = 0;
    int          code = EX_OK, some = 0;
    WEIR_ASSERT(lock != NULL);
    for (u32 i = 0; i <= r->sinks && code == EX_OK; i++) {
        const char *path = i < r->sinks ? load_sink_store(&r->sink[i]) : r->state_path;
        if (path == NULL || !is_there(path)) continue;
        some++;
        if (err_is(lock_open(&lock[locks], path, why, sizeof why))) code = instance_refuse(a, EX_DATAERR, "%s", why);
        else locks++;
    }
    if (code == EX_OK && some == 0)
        code = instance_refuse(a, EX_NOINPUT, "%s: there is no result set %s of %s", r->state_path,
                               args_text(a, "as"), a->positional[0]);
    if (code == EX_OK) code = drop_all(a, r);
    while (locks > 0) lock_close(&lock[--locks]);
    free(lock);
    return code;
}

static int run_drop(const struct args *a)
{
    int         code;
    const char *as = args_text(a, "as");
    if (as == NULL) return usage_error(a, "--as says which result set goes; the recipe's own is not dropped");
    if (!instance_name_good(as)) return instance_name_bad(a, as);
    struct recipe *r = load_instance(a->positional[0], as, NULL, &code);
    if (r == NULL) return code;
    if (marked(r))
        code = instance_refuse(a, EX_DATAERR, "%s.switch: a switch was not finished: run `weir switch` again first",
                               r->state_first);
    else code = drop_locked(a, r);
    recipe_free(r);
    return code;
}

static const char *const drop_text[] = {
    "Removes the state file and the SQLite stores of `weir run FILE --as NAME`. Refused while a weir has one of them "
    "open. What other sinks wrote (files, topics) stays, and its names are printed.",
    "  weir drop nids-new.yaml --as trial",
    NULL,
};

static const struct flag drop_flags[] = {
    { "as", 0, "NAME", NULL, "the result set (required)" },
    { .name = NULL },
};

const struct command command_drop = { .name = "drop",
                                      .usage = "FILE --as NAME",
                                      .summary = "remove a second result set",
                                      .text = drop_text,
                                      .flags = drop_flags,
                                      .least = 1,
                                      .most = 1,
                                      .run = run_drop };
