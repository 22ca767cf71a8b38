/* SPDX-License-Identifier: Apache-2.0 */
/* query_keys.c: what names a group of a table, and which groups a question is about.
 *
 * A site has one key, a pair of a signature and two addresses several. Behind the kind or step on the command line
 * stand values in their order, or KEY=VALUE; what is not named may be anything. */
#include "cli/query.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

void keys_find(struct query *q)
{
    bool          row = false;
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q) WHERE pk > 1 ORDER BY pk",
                                     q->table);
    q->keys = 0;
    while (st && !err_is(sqlite_step(st, &row)) && row && q->keys < QUERY_KEYS_MAX)
        snprintf(q->key[q->keys++], NAME_ROOM, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
}

static u32 key_find(const struct query *q, slice name)
{
    for (u32 i = 0; i < q->keys; i++)
        if (strlen(q->key[i]) == name.len && strncasecmp(q->key[i], name.at, name.len) == 0) return i;
    return UINT32_MAX;
}

bool keys_has(const struct query *q, const char *name)
{
    return key_find(q, slice_str(name)) != UINT32_MAX;
}

static int key_unknown(const struct query *q, const char *word)
{
    fprintf(stderr, "weir query: %s: not a key of %s; it has:", word, q->levels.stem);
    for (u32 i = 0; i < q->keys; i++) fprintf(stderr, " %s", q->key[i]);
    if (q->keys == 1) fprintf(stderr, " (a value that has a = in it: %s=%s)", q->key[0], word);
    fputc('\n', stderr);
    return EX_USAGE;
}

/* A value of a single key may have a = in it, if what stands before could not be a wrong name: a URL. */
static bool names_column(const char *word, const char *equals)
{
    bool good = equals > word;
    for (const char *c = word; c < equals; c++) good = good && (isalnum((unsigned char)*c) || *c == '_' || *c == '-');
    return good;
}

int keys_only(struct query *q, u32 skip)
{
    for (u32 i = skip; i < q->args->count; i++) {
        const char *word = q->args->positional[i], *equals = strchr(word, '=');
        u32         key = equals ? key_find(q, slice_of(word, (size_t)(equals - word))) : UINT32_MAX;
        if (key != UINT32_MAX) {
            q->only[key] = equals + 1;
            continue;
        }
        if (equals && (q->keys > 1 || names_column(word, equals))) return key_unknown(q, word);
        for (key = 0; key < q->keys && q->only[key]; key++) continue;
        if (key == q->keys) return key_unknown(q, word);
        q->only[key] = word;
    }
    return EX_OK;
}

void query_where(sqlite3_str *sql, const char *column, const char *value)
{
    bool none = strcmp(value, "-") == 0;
    sqlite3_str_appendf(sql, none ? " AND coalesce(\"%w\", '') IN ('', %Q)" : " AND CAST(\"%w\" AS TEXT) = %Q", column,
                        value);
}

void keys_where(const struct query *q, sqlite3_str *sql)
{
    for (u32 i = 0; i < q->keys; i++)
        if (q->only[i]) query_where(sql, q->key[i], q->only[i]);
}
