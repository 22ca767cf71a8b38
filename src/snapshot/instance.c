/* SPDX-License-Identifier: Apache-2.0 */
/* instance.c: what `weir run --from` and `weir switch` need to know of a state file, and change in it: whether sources
 * have positions there, and whose it is. */
#include "snapshot/state.h"

#include <stdlib.h>

static err count_one(void *arg, slice source, const struct position *p)
{
    ++*(u64 *)arg;
    return OK;
}

err snapshot_positions(const char *path, u64 *count, char *why)
{
    struct state s;
    *count = 0;
    err e = state_open(&s, path, SQLITE_HOW_READ, slice_of(NULL, 0), why);
    if (err_is(e)) return e;
    e = state_positions(&s, slice_of(NULL, 0), count_one, count);
    state_close(&s);
    return e;
}

err snapshot_rename(const char *path, slice recipe, char *why)
{
    struct state s;
    err e = state_open(&s, path, SQLITE_HOW_WRITE, slice_of(NULL, 0), why);
    if (err_is(e)) return e;
    if (!slice_is(recipe, s.recipe)) {
        free(s.recipe);
        s.recipe = slice_dup(recipe);
        e = state_begin(&s);
        if (!err_is(e)) e = state_commit(&s, s.epoch);
        if (err_is(e)) sqlite_rollback(s.db);
    }
    state_close(&s);
    return e;
}
