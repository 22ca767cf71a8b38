/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_plan.c: tables to topics, columns to keys. See kafka_plan.h. */
#include "sink/kafka_plan.h"

#include <stdio.h>
#include <stdlib.h>

#define TOPIC_LEN_MAX 249 /* of Kafka: it names folders by topics */

/* --- topics --- */

static bool topic_sound(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > TOPIC_LEN_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-') return false;
    }
    return true;
}

/* The pattern with the table's name in every {table}. malloc'd. */
static char *topic_of(const char *pattern, slice table)
{
    char  *name = NULL;
    size_t len = 0;
    FILE  *text = open_memstream(&name, &len);
    WEIR_ASSERT(text != NULL);
    const char *at = pattern, *hole;
    for (; (hole = strstr(at, "{table}")) != NULL; at = hole + 7)
        fprintf(text, "%.*s%.*s", (int)(hole - at), at, (int)table.len, table.at);
    fputs(at, text);
    WEIR_ASSERT(fclose(text) == 0);
    return name;
}

/* Takes the name. */
static u32 topic_add(struct kafka_plan *p, char *name)
{
    for (u32 i = 0; i < p->topics; i++) {
        if (!slice_is(slice_str(p->topic[i]), name)) continue;
        free(name);
        return i;
    }
    p->topic[p->topics] = name;
    return p->topics++;
}

/* --- columns --- */

static u32 column_of(const struct table *t, const char *name)
{
    for (u32 i = 0; i < t->columns; i++)
        if (slice_is(t->column[i].name, name)) return i;
    return KAFKA_COLUMN_NONE;
}

/* weir's own account of its input, and of what came late: of other columns than the results. */
static bool is_account(const struct table *t)
{
    return slice_is(t->level, "ledger") || slice_is(t->level, "rejects") || slice_is(t->level, "late");
}

/* A window's row has a key: what names its group. A record is its own. */
static void key_by_table(struct kafka_target *t)
{
    if (t->table->length == 0 || is_account(t->table)) return;
    for (u32 i = 1; i < t->table->keys; i++) t->key[t->keys++] = i;
}

static bool key_by_name(struct kafka_target *t, const struct option_names *names, char *words, size_t size)
{
    slice table = t->table->name;
    for (u32 i = 0; i < names->count; i++) {
        u32 column = column_of(t->table, names->name[i]);
        if (column == KAFKA_COLUMN_NONE) {
            snprintf(words, size, "`key` names `%s`, but table %.*s has no such column", names->name[i],
                     (int)table.len, table.at);
            return false;
        }
        t->key[t->keys++] = column;
    }
    return true;
}

static bool target_columns(struct kafka_target *t, const struct kafka_options *o, char *words, size_t size,
                           const char **at)
{
    slice name = t->table->name;
    t->key = calloc(t->table->columns + o->key.count + 1, sizeof *t->key);
    WEIR_ASSERT(t->key != NULL);
    t->value = KAFKA_COLUMN_NONE;
    if (is_account(t->table)) return true;
    *at = "key";
    if (o->key.count == 0) key_by_table(t);
    else if (!key_by_name(t, &o->key, words, size)) return false;
    if (o->value == NULL) return true;
    t->value = column_of(t->table, o->value);
    *at = "value";
    if (t->value != KAFKA_COLUMN_NONE) return true;
    snprintf(words, size, "`value` names `%s`, but table %.*s has no such column", o->value, (int)name.len, name.at);
    return false;
}

static bool target_topic(struct kafka_plan *p, struct kafka_target *t, const char *pattern, char *words, size_t size,
                         const char **at)
{
    char *name = topic_of(pattern, t->table->name);
    *at = "topic";
    if (topic_sound(name)) {
        t->topic = topic_add(p, name);
        return true;
    }
    snprintf(words, size, "`%s` cannot be a topic's name: 1 to %d of a-z A-Z 0-9 . _ -", name, TOPIC_LEN_MAX);
    free(name);
    return false;
}

/* Where several tables share a topic each message says whose it is. */
static void name_sharers(struct kafka_plan *p)
{
    for (u32 i = 0; i < p->tables; i++)
        for (u32 k = 0; k < i && p->target[i].table != NULL; k++)
            if (p->target[k].table != NULL && p->target[k].topic == p->target[i].topic)
                p->target[i].named = p->target[k].named = true;
}

bool kafka_plan_init(struct kafka_plan *p, const struct sink_setup *setup, char *words, size_t size, const char **at)
{
    const struct kafka_options *o = setup->options;
    *p = (struct kafka_plan){ .tables = setup->tables, .separator = slice_str(o->separator), .widest = 1 };
    p->target = calloc(setup->tables + 1, sizeof *p->target);
    p->topic = calloc(setup->tables + 1, sizeof *p->topic);
    WEIR_ASSERT(p->target != NULL && p->topic != NULL);
    for (u32 i = 0; i < setup->tables; i++) {
        const struct table *t = &setup->table[i];
        if (t->columns > p->widest) p->widest = t->columns;
        if (!setup->wanted[i] || (is_account(t) && !o->accounts)) continue;
        p->target[i].table = t;
        if (!target_columns(&p->target[i], o, words, size, at)) return false;
        if (!target_topic(p, &p->target[i], o->topic, words, size, at)) return false;
    }
    name_sharers(p);
    for (u32 i = 0; i < p->tables && o->value != NULL; i++) {
        if (p->target[i].table == NULL || !p->target[i].named || p->target[i].value != KAFKA_COLUMN_NONE) continue;
        snprintf(words, size, "with `value` the accounts need topics of their own: put {table} into `topic`");
        *at = "accounts";
        return false;
    }
    return true;
}

void kafka_plan_fini(struct kafka_plan *p)
{
    for (u32 i = 0; i < p->tables && p->target != NULL; i++) free(p->target[i].key);
    for (u32 i = 0; i < p->topics; i++) free(p->topic[i]);
    free(p->target);
    free(p->topic);
    *p = (struct kafka_plan){ 0 };
}

/* --- messages --- */

/* Appends the key to `to`; its length. */
static size_t key_add(const struct kafka_plan *p, const struct kafka_target *t, const struct row *row,
                      struct lines *to)
{
    size_t before = to->len;
    bool   some = false;
    for (u32 i = 0; i < t->keys; i++) {
        const struct value *v = &row->value[t->key[i]];
        char                buf[VALUE_TEXT_ROOM];
        if (i > 0) lines_add(to, p->separator);
        lines_add(to, value_text(v, buf));
        some = some || v->kind != VALUE_NULL;
    }
    if (!some) to->len = before;
    return to->len - before;
}

/* A null column is no value, which to a compacted topic means that the key is deleted. */
static slice value_of(const struct kafka_target *t, const struct row *row, char *buf)
{
    const struct value *v = &row->value[t->value];
    if (v->kind == VALUE_NULL) return (slice){ 0 };
    return value_text(v, buf);
}

slice kafka_text_of(const struct kafka_text *t, const struct lines *lines)
{
    if (t->none) return (slice){ 0 };
    if (t->row != NULL) return slice_of(t->row, t->len);
    return slice_of(lines->len > 0 ? lines->at + t->at : "", t->len);
}

struct kafka_message kafka_plan_message(const struct kafka_plan *p, const struct kafka_target *t, const struct row *row,
                                        struct lines *to)
{
    struct kafka_message m = { 0 };
    char                 buf[VALUE_TEXT_ROOM];
    m.key = (struct kafka_text){ .at = to->len };
    m.key.len = key_add(p, t, row, to);
    m.key.none = m.key.len == 0;
    m.value = (struct kafka_text){ .at = to->len };
    if (t->value == KAFKA_COLUMN_NONE) {
        lines_row(to, &(struct line_format){ .json = true, .table = t->named }, t->table, row);
        to->len--; /* a message needs no line's end */
        m.value.len = to->len - m.value.at;
        return m;
    }
    slice v = value_of(t, row, buf);
    m.value.none = v.at == NULL;
    m.value.len = v.len;
    if (row->value[t->value].kind == VALUE_TEXT) m.value.row = v.at;
    else lines_add(to, v);
    return m;
}
