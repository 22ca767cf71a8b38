/* SPDX-License-Identifier: Apache-2.0 */
/* levels.c: a store describes itself by the names of its tables; which of them answer for a range. */
#include "cli/levels.h"

#include "config/units.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    i64         seconds;
} words[] = { { "minutely", 60 }, { "fively", 300 }, { "hourly", 3600 }, { "daily", 86400 } };

/* 0: no level's name. */
static i64 level_seconds(slice name)
{
    nanos       span;
    const char *why;
    for (u32 i = 0; i < WEIR_COUNT(words); i++)
        if (slice_is(name, words[i].name)) return words[i].seconds;
    return span_parse(name, &span, &why) && span >= NANOS_SECOND ? span / NANOS_SECOND : 0;
}

/* Its place among the others, narrow first. */
static void levels_add(struct levels *l, slice name, i64 seconds)
{
    u32 at = l->count;
    if (at == LEVELS_MAX) return;
    for (; at > 0 && l->at[at - 1].seconds > seconds; at--) l->at[at] = l->at[at - 1];
    l->at[at] = (struct level){ .seconds = seconds };
    snprintf(l->at[at].name, sizeof l->at[at].name, "%.*s", (int)name.len, name.at);
    l->count++;
}

/* A table's name: of this way and kind, or not. */
static void levels_take(struct levels *l, slice name, const char *source, const char *what)
{
    slice  stem = name;
    size_t len = strlen(what);
    while (stem.len > 0 && stem.at[stem.len - 1] != '_') stem.len--;
    slice level = { name.at + stem.len, name.len - stem.len };
    i64   seconds = level_seconds(level);
    if (seconds == 0 || stem.len < 2) return;
    stem.len--;
    if (!slice_ends(stem, slice_of(what, len)) || stem.len >= NAME_ROOM) return;
    if (source && !slice_is(slice_of(stem.at, stem.len - len), source)) return;
    if (l->count == 0) snprintf(l->stem, sizeof l->stem, "%.*s", (int)stem.len, stem.at);
    if (slice_is(stem, l->stem)) levels_add(l, level, seconds);
    else snprintf(l->also, sizeof l->also, "%.*s", (int)stem.len, stem.at);
}

/* Times that somebody else's file may hold are brought to where sums of them and windows stay in range. */
static i64 bounded(i64 t)
{
    const i64 most = INT64_MAX / 4;
    return t > most ? most : t < -most ? -most : t;
}

err levels_bounds(sqlite3 *db, const char *table, struct level *v)
{
    char *first = sqlite3_mprintf("SELECT min(timestamp) FROM \"%w\"", table);
    char *last = sqlite3_mprintf("SELECT max(timestamp) + %lld FROM \"%w\"", (long long)v->seconds, table);
    err   e = sqlite_get(db, first, 0, &v->first);
    if (!err_is(e)) e = sqlite_get(db, last, 0, &v->end);
    v->first = bounded(v->first);
    v->end = bounded(v->end);
    sqlite3_free(first);
    sqlite3_free(last);
    return e;
}

static err level_bounds(sqlite3 *db, const char *stem, struct level *v)
{
    char table[NAME_ROOM + sizeof v->name + 1];
    snprintf(table, sizeof table, "%s_%s", stem, v->name);
    return levels_bounds(db, table, v);
}

err levels_find(struct levels *l, sqlite3 *db, const char *source, const char *way, const char *kind)
{
    char          what[NAME_ROOM];
    sqlite3_stmt *st = NULL;
    bool          row = false;
    *l = (struct levels){ .count = 0 };
    snprintf(what, sizeof what, "_%s%s", way, kind);
    err e = sqlite_prepare(db, &st, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    while (!err_is(e) && !err_is(e = sqlite_step(st, &row)) && row) levels_take(l, sqlite_slice(st, 0), source, what);
    sqlite3_finalize(st);
    for (u32 i = 0; i < l->count && !err_is(e); i++) e = level_bounds(db, l->stem, &l->at[i]);
    return e;
}

err levels_of(struct levels *l, sqlite3 *db, const char *table)
{
    sqlite3_stmt *st = NULL;
    bool          row = false;
    slice         stem = slice_str(table);
    *l = (struct levels){ .count = 0 };
    while (stem.len > 0 && stem.at[stem.len - 1] != '_') stem.len--;
    if (stem.len < 2 || stem.len >= NAME_ROOM || level_seconds(slice_str(table + stem.len)) == 0) return OK;
    stem.len--;
    snprintf(l->stem, sizeof l->stem, "%.*s", (int)stem.len, stem.at);
    err e = sqlite_prepare(db, &st, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    while (!err_is(e) && !err_is(e = sqlite_step(st, &row)) && row) {
        slice name = sqlite_slice(st, 0), level = { 0 };
        if (name.len <= stem.len + 1 || !slice_starts(name, stem) || name.at[stem.len] != '_') continue;
        level = slice_of(name.at + stem.len + 1, name.len - stem.len - 1);
        if (level_seconds(level) > 0) levels_add(l, level, level_seconds(level));
    }
    sqlite3_finalize(st);
    for (u32 i = 0; i < l->count && !err_is(e); i++) e = level_bounds(db, l->stem, &l->at[i]);
    return e;
}

const struct level *levels_named(const struct levels *l, const char *name)
{
    i64 seconds = level_seconds(slice_str(name));
    for (u32 i = 0; i < l->count; i++)
        if (l->at[i].seconds == seconds) return &l->at[i];
    return NULL;
}

i64 levels_floor(i64 t, i64 step)
{
    i64 rest = t % step;
    return t - (rest < 0 ? rest + step : rest);
}

u32 levels_cut(const struct levels *l, i64 from, i64 to, struct piece *piece)
{
    u32 n = 0;
    i64 a = 0, b = 0; /* [a, b) is covered by wider windows; nothing yet if they are equal */
    for (u32 i = l->count; i-- > 0;) {
        const struct level *v = &l->at[i];
        i64                 least = v->first > from ? v->first : from, most = v->end < to ? v->end : to;
        least = -levels_floor(-least, v->seconds);
        most = levels_floor(most, v->seconds);
        if (least >= most) continue;
        if (a == b) {
            piece[n++] = (struct piece){ i, least, most };
            a = least;
            b = most;
            continue;
        }
        if (least < a) piece[n++] = (struct piece){ i, least, a };
        if (most > b) piece[n++] = (struct piece){ i, b, most };
        if (least < a) a = least;
        if (most > b) b = most;
    }
    return n;
}
