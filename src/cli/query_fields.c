/* SPDX-License-Identifier: Apache-2.0 */
/* query_fields.c: measures of a store's tables, and how each adds up over windows.
 *
 * What a table cannot say by a column's name stands in the comment at it: "-- bytes; agg: min". */
#include "cli/query.h"

#include <string.h>
#include <sysexits.h>

void fields_add(struct fields *f, const char *name)
{
    for (u32 i = 0; i < f->count; i++)
        if (strcmp(f->name[i], name) == 0) return;
    if (f->count < FIELDS_SHOWN) snprintf(f->name[f->count++], NAME_ROOM, "%s", name);
}

/* What the comment at a column says: "-- bytes; agg: min". Without one it is a sum; a way of folding that is not known
 * here does not add up. */
static enum how column_how(const struct query *q, const char *column, const char **why, enum query_time *time)
{
    static const struct { const char *name; enum how how; } agg[] = {
        { "min", HOW_MIN },   { "max", HOW_MAX },  { "avg", HOW_AVG }, { "first", HOW_NOT },
        { "last", HOW_NOT }, { "distinct", HOW_NOT }, { "quantiles", HOW_NOT },
    };
    enum how      how = HOW_SUM;
    bool          row = false;
    char         *line = sqlite3_mprintf("\n  \"%w\" ", column);
    sqlite3_stmt *st = query_prepare(q->db, "SELECT sql FROM sqlite_master WHERE name = %Q", q->table);
    if (st && !err_is(sqlite_step(st, &row)) && row) {
        const char *at = strstr((const char *)sqlite3_column_text(st, 0), line);
        slice       text = at ? slice_cut(slice_str(at + 1), '\n', &(slice){ 0 }) : slice_str("");
        const char *word = text.len ? memmem(text.at, text.len, "agg: ", 5) : NULL;
        if (text.len && memmem(text.at, text.len, "-- Unix ns", 10)) *time = QUERY_NANOS;
        else if (text.len && memmem(text.at, text.len, "-- Unix s", 9)) *time = QUERY_SECONDS;
        slice       name = word ? slice_of(word + 5, text.len - (size_t)(word + 5 - text.at)) : S("");
        if (word) how = HOW_NOT, *why = "a way of folding that is not known here";
        for (u32 i = 0; i < WEIR_COUNT(agg); i++)
            if (word && slice_is(name, agg[i].name)) how = agg[i].how, *why = agg[i].name;
    }
    sqlite3_finalize(st);
    sqlite3_free(line);
    return how;
}

/* A sampling's own columns, by its name or one of theirs. */
static bool part_sampling(const struct query *q, const char *field, struct part *p)
{
    static const struct { const char *end; enum how how; } ends[] = {
        { "", HOW_AVG }, { "_avg", HOW_AVG }, { "_n", HOW_SUM }, { "_min", HOW_MIN }, { "_max", HOW_MAX },
    };
    for (u32 i = 0; i < WEIR_COUNT(ends); i++) {
        if (!slice_ends(slice_str(field), slice_str(ends[i].end))) continue;
        int   len = (int)(strlen(field) - strlen(ends[i].end));
        char *n = sqlite3_mprintf("%.*s_n", len, field), *avg = sqlite3_mprintf("%.*s_avg", len, field);
        bool  is = query_has_column(q->db, q->table, n) && query_has_column(q->db, q->table, avg);
        if (is)
            *p = (struct part){ .how = ends[i].how,
                                .column = sqlite3_mprintf("%s", i == 0 ? avg : field),
                                .weight = sqlite3_mprintf("%s", n) };
        sqlite3_free(n);
        sqlite3_free(avg);
        if (is) return true;
    }
    return false;
}

/* alerts_share, where the ranking has it: the part of all alerts. It is told anew, of whatever range. */
static bool part_share(const struct query *q, const char *field, struct part *p)
{
    static const char end[] = "_share";
    char              rank[NAME_ROOM + 8];
    const char       *why;
    enum query_time   time = QUERY_NO_TIME;
    snprintf(rank, sizeof rank, "%s_rank", q->table);
    if (!slice_ends(slice_str(field), S("_share")) || !query_has_column(q->db, rank, field)) return false;
    *p = (struct part){ .column = sqlite3_mprintf("%.*s", (int)(strlen(field) - strlen(end)), field) };
    if (query_has_column(q->db, q->table, p->column) && column_how(q, p->column, &why, &time) == HOW_SUM)
        p->how = HOW_SHARE;
    return true;
}

struct part field_part(const struct query *q, const char *field)
{
    static const char *const others[] = { "timestamp", "closed_by", "revision" };
    struct part              p = { .how = HOW_NONE };
    for (u32 i = 0; i < WEIR_COUNT(others); i++)
        if (strcmp(field, others[i]) == 0) return p;
    if (keys_has(q, field) || part_sampling(q, field, &p)) return p;
    if (!query_has_column(q->db, q->table, field)) {
        part_share(q, field, &p);
        return p;
    }
    p.how = column_how(q, field, &p.why, &p.time);
    p.column = sqlite3_mprintf("%s", field);
    if (p.how == HOW_AVG) p.weight = sqlite3_mprintf("records");
    return p;
}

enum query_time query_column_time(const struct query *q, const char *column)
{
    const char     *why;
    enum query_time time = QUERY_NO_TIME;
    column_how(q, column, &why, &time);
    return time;
}

void part_free(struct part *p)
{
    sqlite3_free(p->column);
    sqlite3_free(p->weight);
}

void part_sql(sqlite3_str *sql, const struct part *p, const char *whole)
{
    if (p->how == HOW_MIN) sqlite3_str_appendf(sql, ", min(\"%w\")", p->column);
    else if (p->how == HOW_MAX) sqlite3_str_appendf(sql, ", max(\"%w\")", p->column);
    else if (p->how == HOW_SUM) sqlite3_str_appendf(sql, ", sum(\"%w\")", p->column);
    else if (p->how == HOW_NOT) sqlite3_str_appendf(sql, ", CASE WHEN count(*) = 1 THEN max(\"%w\") END", p->column);
    else if (p->how == HOW_SHARE)
        sqlite3_str_appendf(sql, ", round(1.0 * sum(\"%w\") / (SELECT sum(\"%w\") FROM %s), 6)", p->column, p->column,
                            whole);
    else
        sqlite3_str_appendf(sql, ", sum(\"%w\" * \"%w\") / sum(CASE WHEN \"%w\" IS NOT NULL THEN \"%w\" END)",
                            p->weight, p->column, p->column, p->weight);
}

void fields_list(struct fields *f, const char *list)
{
    for (slice rest = slice_str(list); rest.at != NULL;) {
        char  name[NAME_ROOM];
        slice word = slice_cut(rest, ',', &rest);
        snprintf(name, sizeof name, "%.*s", (int)word.len, word.at);
        fields_add(f, name);
    }
}

/* What the ranking has beside the table's own columns: x_rank of each ranked x (`cut`: off it), x_share. */
static void pick_ranked(const struct query *q, struct fields *f, const char *end, size_t cut, enum pick what)
{
    sqlite3_stmt *st = query_prepare(q->db,
                                     "SELECT substr(name, 1, length(name) - %d) FROM pragma_table_info('%q_rank') "
                                     "WHERE name LIKE '%%\\%s' ESCAPE '\\' ORDER BY cid",
                                     (int)cut, q->table, end);
    bool          row = false;
    u32           most = f->count + SHOWN_FIELDS;
    while (st && !err_is(sqlite_step(st, &row)) && row && f->count < most) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        struct part p = field_part(q, name);
        bool        adds = p.how != HOW_NOT || what == PICK_SERIES || (what == PICK_TOP && q->one);
        if (p.how != HOW_NONE && adds) fields_add(f, name);
        part_free(&p);
    }
    sqlite3_finalize(st);
}

/* The first and last time that something was seen; they fold by min and max. */
static void pick_times(const struct query *q, struct fields *f)
{
    bool          row = false;
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q) ORDER BY cid", q->table);
    while (st && !err_is(sqlite_step(st, &row)) && row) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        struct part p = field_part(q, name);
        if (p.time != QUERY_NO_TIME && (p.how == HOW_MIN || p.how == HOW_MAX)) fields_add(f, name);
        part_free(&p);
    }
    sqlite3_finalize(st);
}

void fields_pick(const struct query *q, struct fields *f, const char *by, enum pick what)
{
    if (by) fields_add(f, by);
    pick_ranked(q, f, "_rank", 5, what);
    if (what != PICK_NEW) pick_ranked(q, f, "_share", 0, what);
    if (f->count == 0) fields_add(f, "records");
    if (what == PICK_TOP) pick_times(q, f);
}

int field_unknown(const struct query *q, const char *field)
{
    fprintf(stderr, "weir query: table %s has no field %s; it has:", q->table, field);
    sqlite3_stmt *st = query_prepare(q->db,
                                     "SELECT name FROM pragma_table_info(%Q) WHERE pk = 0 AND name NOT IN "
                                     "('closed_by', 'revision')", q->table);
    bool          row = false;
    while (st && !err_is(sqlite_step(st, &row)) && row)
        fprintf(stderr, " %s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    fputc('\n', stderr);
    return EX_USAGE;
}
