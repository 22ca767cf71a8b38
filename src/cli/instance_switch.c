/* SPDX-License-Identifier: Apache-2.0 */
/* instance_switch.c: weir switch: the second result set takes the place of the first, both stopped.
 *
 *   1. all four kinds of files are locked, and every database is made one plain file (no log beside it), which SQLite
 *      only grants while nobody else has it open
 *   2. the marker <state>.switch is written: from here on no weir starts on either
 *   3. per file, stores first, the state last: inside it the instance's name becomes the recipe's; first -> first.old,
 *      second -> first
 *   4. the marker goes
 * Each step of 3 sees by which files are there whether it was done, so that after a crash the same command ends what
 * was begun. */
#include "cli/instance.h"
#include "cli/load.h"
#include "shim/lock.h"
#include "shim/sqlite.h"
#include "shim/write.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct move {
    const char *first, *second; /* lent by the recipes */
    char       *old;            /* malloc'd            */
    bool        state;
};

struct change {
    const struct args   *args;
    const struct recipe *first, *second;
    u32                  moves, locks;
    struct move         *move;
    struct lock         *lock;   /* two a move */
    char                *marker; /* malloc'd   */
};

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* --- what is to be moved ------------------------------------------------------------------------------------- */

static void add_move(struct change *c, const char *first, const char *second, bool state)
{
    struct move *m = &c->move[c->moves++];
    *m = (struct move){ .first = first, .second = second, .state = state };
    WEIR_ASSERT(asprintf(&m->old, "%s.old", first) >= 0);
}

/* Stores first, the state last. A sink that is no store cannot be switched by renaming. */
static int change_init(struct change *c)
{
    c->move = calloc(c->second->sinks + 1, sizeof *c->move);
    c->lock = calloc(2 * (c->second->sinks + 1), sizeof *c->lock);
    c->marker = instance_marker(c->second);
    WEIR_ASSERT(c->move != NULL && c->lock != NULL && c->first->sinks == c->second->sinks);
    for (u32 i = 0; i < c->second->sinks; i++) {
        const struct recipe_sink *k = &c->second->sink[i];
        if (load_sink_store(k) == NULL)
            return instance_refuse(c->args, EX_USAGE,
                                   "sink %.*s is of type %s: only stores of sqlite sinks can take another's place",
                                   (int)k->name.len, k->name.at, k->type->name);
        add_move(c, load_sink_store(&c->first->sink[i]), load_sink_store(k), false);
    }
    add_move(c, c->first->state_path, c->second->state_path, true);
    return EX_OK;
}

static void change_fini(struct change *c)
{
    while (c->locks > 0) lock_close(&c->lock[--c->locks]);
    for (u32 i = 0; i < c->moves; i++) free(c->move[i].old);
    free(c->move);
    free(c->lock);
    free(c->marker);
}

/* Before anything is changed: the second is whole, and no old file would be written over. */
static int change_look(const struct change *c)
{
    for (u32 i = 0; i < c->moves; i++) {
        const struct move *m = &c->move[i];
        if (!is_there(m->second))
            return instance_refuse(c->args, EX_NOINPUT, "%s: %s; was it made with `weir run %s --as %s`?", m->second,
                                   strerror(ENOENT), c->second->path, args_text(c->args, "as"));
        if (is_there(m->old))
            return instance_refuse(c->args, EX_CANTCREAT, "%s is there from an earlier switch: move it away", m->old);
    }
    return EX_OK;
}

/* --- locks, logs, marker ------------------------------------------------------------------------------------- */

static int lock_one(struct change *c, const char *path)
{
    char why[512];
    if (err_is(lock_open(&c->lock[c->locks], path, why, sizeof why)))
        return instance_refuse(c->args, EX_DATAERR, "%s", why);
    c->locks++;
    return EX_OK;
}

/* The second's state comes last: snapshot_rename takes that lock itself. */
static int lock_all(struct change *c)
{
    int code = EX_OK;
    for (u32 i = 0; i < c->moves && code == EX_OK; i++) code = lock_one(c, c->move[i].first);
    for (u32 i = 0; i < c->moves && code == EX_OK; i++) code = lock_one(c, c->move[i].second);
    return code;
}

/* Leaving WAL mode writes the log into the file and removes it; SQLite refuses while another connection is open. */
static int detach(const struct change *c, const char *path)
{
    sqlite3 *db;
    char     why[512];
    bool     row = false, alone = false;
    if (!is_there(path)) return EX_OK;
    err e = sqlite_open(&db, path, SQLITE_HOW_WRITE, why, sizeof why);
    if (err_is(e)) return instance_refuse(c->args, EX_IOERR, "%s", why);
    sqlite3_busy_timeout(db, 1000);
    sqlite3_stmt *st = NULL;
    e = sqlite_prepare(db, &st, "PRAGMA journal_mode=DELETE");
    if (!err_is(e)) e = sqlite_step(st, &row);
    if (!err_is(e) && row) alone = slice_is(sqlite_slice(st, 0), "delete");
    sqlite3_finalize(st);
    bool busy = (e.at & 0xff) == SQLITE_BUSY || (!err_is(e) && !alone);
    if (err_is(e)) sqlite_explain(e, db, path, "closing its log", why, sizeof why);
    sqlite_close(db);
    if (busy) return instance_refuse(c->args, EX_DATAERR, "%s: somebody reads it: try again later", path);
    return err_is(e) ? instance_refuse(c->args, EX_IOERR, "%s", why) : EX_OK;
}

static int detach_all(const struct change *c)
{
    int code = EX_OK;
    for (u32 i = 0; i < c->moves && code == EX_OK; i++) code = detach(c, c->move[i].first);
    for (u32 i = 0; i < c->moves && code == EX_OK; i++) code = detach(c, c->move[i].second);
    return code;
}

/* The directory's entry for `path` is on disk. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char       *folder = slash ? slice_dup(slice_of(path, (size_t)(slash - path) + 1)) : slice_dup(S("."));
    int         fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool        good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    free(folder);
    return good;
}

static int mark(const struct change *c)
{
    char  text[128];
    slice name = slice_of(text, (size_t)snprintf(text, sizeof text, "%s\n", args_text(c->args, "as")));
    int   fd = open(c->marker, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool  good = fd >= 0 && write_all(fd, name.at, name.len) == name.len && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0) good = false;
    if (good && sync_folder(c->marker)) return EX_OK;
    return instance_refuse(c->args, EX_IOERR, "%s: %s", c->marker, strerror(errno));
}

/* Of a switch that was begun (*begun): it must be this one. Behind a marker that is not whole nothing has moved. */
static int check_marker(const struct change *c, bool *begun)
{
    char    text[128] = "";
    *begun = false;
    if (!is_there(c->marker)) return EX_OK;
    int     fd = open(c->marker, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n < 0) return instance_refuse(c->args, EX_IOERR, "%s: %s", c->marker, strerror(errno));
    slice name;
    *begun = n > 0 && text[n - 1] == '\n';
    name = slice_of(text, *begun ? (size_t)n - 1 : 0);
    if (!*begun || slice_is(name, args_text(c->args, "as"))) return EX_OK;
    return instance_refuse(c->args, EX_DATAERR, "%s: a switch to %.*s was not finished: run that again first",
                           c->marker, (int)name.len, name.at);
}

/* --- the switch ---------------------------------------------------------------------------------------------- */

/* The store's note of the last epoch goes by the recipe's name. */
static int store_rename(const struct change *c, const char *path)
{
    sqlite3 *db;
    char     why[512];
    err      e = sqlite_open(&db, path, SQLITE_HOW_WRITE, why, sizeof why);
    if (err_is(e)) return instance_refuse(c->args, EX_IOERR, "%s", why);
    char *from = slice_dup(c->second->name), *to = slice_dup(c->first->name);
    e = sqlite_runf(db, "PRAGMA synchronous=FULL; UPDATE OR REPLACE weir_epoch SET recipe = %Q WHERE recipe = %Q", to,
                    from);
    sqlite_explain(e, db, path, "changing its name", why, sizeof why);
    sqlite_close(db);
    free(from);
    free(to);
    return err_is(e) ? instance_refuse(c->args, EX_IOERR, "%s", why) : EX_OK;
}

/* snapshot_rename is a writer like any other: it has the lock while it works. */
static int state_rename(struct change *c, const char *path)
{
    char why[SNAPSHOT_WHY] = "", words[128];
    lock_close(&c->lock[--c->locks]);
    err e = snapshot_rename(path, c->first->name, why);
    if (err_is(e))
        return instance_refuse(c->args, EX_DATAERR, "%s", why[0] ? why : err_text(e, words, sizeof words));
    return lock_one(c, path);
}

static int move_name(const struct change *c, const char *from, const char *to)
{
    if (rename(from, to) == 0 && sync_folder(to)) return EX_OK;
    return instance_refuse(c->args, EX_IOERR, "%s: cannot become %s: %s", from, to, strerror(errno));
}

static void unlink_lock(const char *path)
{
    char *name;
    WEIR_ASSERT(asprintf(&name, "%s.lock", path) >= 0);
    unlink(name);
    free(name);
}

/* Of a second file that is not there, this was done before. */
static int move_one(struct change *c, const struct move *m)
{
    bool before = is_there(m->first);
    if (!is_there(m->second)) return EX_OK;
    int code = m->state ? state_rename(c, m->second) : store_rename(c, m->second);
    if (code == EX_OK) code = detach(c, m->second);
    if (code == EX_OK) code = detach(c, m->first);
    if (code == EX_OK && before) code = move_name(c, m->first, m->old);
    if (code == EX_OK) code = move_name(c, m->second, m->first);
    if (code != EX_OK) return code;
    unlink_lock(m->second);
    if (before) printf("%s is now %s, the old one %s\n", m->second, m->first, m->old);
    else printf("%s is now %s\n", m->second, m->first);
    return EX_OK;
}

static int change_do(struct change *c)
{
    bool begun;
    int  code = check_marker(c, &begun);
    if (code == EX_OK && !begun) code = change_look(c);
    if (code == EX_OK) code = lock_all(c);
    if (code == EX_OK) code = detach_all(c);
    if (code == EX_OK && !begun) code = mark(c);
    for (u32 i = 0; i < c->moves && code == EX_OK; i++) code = move_one(c, &c->move[i]);
    if (code != EX_OK) {
        if (is_there(c->marker)) instance_refuse(c->args, code, "not finished: run it again");
        return code;
    }
    if (unlink(c->marker) == 0 && sync_folder(c->marker)) return EX_OK;
    return instance_refuse(c->args, EX_IOERR, "%s: %s", c->marker, strerror(errno));
}

static int run_switch(const struct args *a)
{
    int           code;
    const char   *as = args_text(a, "as");
    struct change c = { .args = a };
    if (as == NULL) return usage_error(a, "--as says which result set takes the recipe's place");
    if (!instance_name_good(as)) return instance_name_bad(a, as);
    struct recipe *second = load_instance(a->positional[0], as, NULL, &code);
    if (second == NULL) return code;
    struct recipe *first = load_again(a->positional[0]);
    if (first == NULL || first->sinks != second->sinks) {
        code = instance_refuse(a, EX_CONFIG, "%s: has changed meanwhile", a->positional[0]);
    } else {
        c.first = first;
        c.second = second;
        code = change_init(&c);
        if (code == EX_OK) code = change_do(&c);
        change_fini(&c);
    }
    if (first) recipe_free(first);
    recipe_free(second);
    return code;
}

static const char *const switch_text[] = {
    "Puts what `weir run FILE --as NAME` has made in the place of what `weir run FILE` has made: state file and SQLite "
    "stores. The old files stay, with .old behind their names. Both must be stopped and nobody may read them; else it "
    "is refused and nothing has changed. Afterwards `weir run FILE` goes on where NAME stopped.",
    "If it is interrupted, no weir starts on these files until the same command has been run again, which ends what "
    "was begun. A recipe with other sinks than sqlite is refused: what they wrote cannot be renamed.",
    "  weir switch nids-new.yaml --as trial",
    NULL,
};

static const struct flag switch_flags[] = {
    { "as", 0, "NAME", NULL, "the result set (required)" },
    { .name = NULL },
};

const struct command command_switch = { .name = "switch",
                                        .usage = "FILE --as NAME",
                                        .summary = "put a second result set in the first's place",
                                        .text = switch_text,
                                        .flags = switch_flags,
                                        .least = 1,
                                        .most = 1,
                                        .run = run_switch };
