/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_parts.c: a table with chains by hash; see kafka_parts.h. */
#include "source/kafka_parts.h"

#include "weir/hash.h"

#include <stdio.h>
#include <stdlib.h>

void parts_init(struct parts *p)
{
    memset(p, 0, sizeof *p);
}

void parts_fini(struct parts *p)
{
    for (u32 i = 0; i < p->count; i++) {
        WEIR_ASSERT(p->at[i]->out == 0 && p->at[i]->held == 0);
        free(p->at[i]->name);
        free(p->at[i]->topic);
        free(p->at[i]->value);
        free(p->at[i]);
    }
    p->count = 0;
}

static u32 bucket_of(const char *topic, i32 partition)
{
    return (u32)(hash_checksum(topic, strlen(topic), (u64)(u32)partition) % PARTITIONS_MAX);
}

struct part *parts_find(const struct parts *p, const char *topic, i32 partition)
{
    for (u32 i = p->bucket[bucket_of(topic, partition)]; i > 0; i = p->chain[i - 1]) {
        struct part *t = p->at[i - 1];
        if (t->partition == partition && strcmp(t->topic, topic) == 0) return t;
    }
    return NULL;
}

static struct part *part_new(const char *topic, i32 partition, u32 number)
{
    struct part *t = calloc(1, sizeof *t);
    WEIR_ASSERT(t != NULL);
    *t = (struct part){ .partition = partition, .number = number, .committed = KAFKA_NO_OFFSET,
                        .saved = KAFKA_NO_OFFSET, .cut = KAFKA_NO_OFFSET, .applied = KAFKA_NO_OFFSET,
                        .offered = KAFKA_NO_OFFSET, .next = KAFKA_NO_OFFSET, .due = KAFKA_NO_OFFSET,
                        .end = KAFKA_NO_OFFSET, .passed = KAFKA_NO_OFFSET };
    t->topic = slice_dup(slice_str(topic));
    WEIR_ASSERT(asprintf(&t->name, "%s/%d", topic, partition) > 0);
    return t;
}

struct part *parts_get(struct parts *p, const char *topic, i32 partition)
{
    struct part *t = parts_find(p, topic, partition);
    if (t != NULL) return t;
    if (p->count == PARTITIONS_MAX) return NULL;
    u32 bucket = bucket_of(topic, partition);
    t = part_new(topic, partition, p->count);
    t->moved = p->abroad && !p->home; /* one that the state does not know yet */
    p->at[p->count] = t;
    p->chain[p->count] = p->bucket[bucket];
    p->bucket[bucket] = ++p->count;
    return t;
}

bool parts_know_topic(const struct parts *p, const char *topic)
{
    for (u32 i = 0; i < p->count; i++)
        if (p->at[i]->applied != KAFKA_NO_OFFSET && strcmp(p->at[i]->topic, topic) == 0) return true;
    return false;
}

/* What stands behind the offset. False: it is not ours. */
static bool restore_note(struct parts *p, struct part *t, slice note, slice group)
{
    slice rest, name = slice_cut(note, ' ', &rest);
    char  digits[17] = "", *end = digits;
    t->unsaid = !slice_eq(name, group);
    t->moved = name.len > 0 && t->unsaid;
    p->home = p->home || (name.len > 0 && !t->moved);
    p->abroad = p->abroad || t->moved;
    if (rest.at == NULL) return true;
    if (rest.len >= sizeof digits) return false;
    memcpy(digits, rest.at, rest.len);
    t->over = strtoull(digits, &end, 16);
    return rest.len > 0 && *end == '\0';
}

bool parts_restore(struct parts *p, const struct position *position, slice group)
{
    const char *slash = position->key.len ? memrchr(position->key.at, '/', position->key.len) : NULL;
    u64         partition, offset;
    if (slash == NULL) return false;
    slice topic = slice_of(position->key.at, (size_t)(slash - position->key.at));
    slice number = slice_of(slash + 1, position->key.len - topic.len - 1);
    if (!slice_u64(number, &partition) || partition > INT32_MAX) return false;
    slice note, at = slice_cut(position->value, ' ', &note);
    if (!slice_u64(at, &offset) || offset > INT64_MAX) return false;
    char        *name = slice_dup(topic);
    struct part *t = parts_get(p, name, (i32)partition);
    free(name);
    if (t == NULL) return false;
    t->saved = t->cut = t->applied = t->offered = t->next = (i64)offset;
    return restore_note(p, t, note, group);
}

enum part_verdict part_judge(struct part *t, i64 offset)
{
    if (t->end != KAFKA_NO_OFFSET && offset >= t->end) return PART_BEHIND;
    if (offset < t->next) return PART_AGAIN;
    t->next = offset + 1;
    return PART_TAKE;
}

void part_settle(struct part *t)
{
    if (t->held == 0) t->offered = t->next;
    if (t->out == 0) t->applied = t->offered;
}

void part_begin(struct part *t, i64 start)
{
    if (t->out == 0 && start < t->next) t->due = KAFKA_NO_OFFSET; /* another log under the old name */
    t->next = start;
    t->begun = true;
    t->moved = false;
    part_settle(t);
}

void part_applied(struct part *t, i64 end)
{
    WEIR_ASSERT(t->out > 0);
    t->out--;
    t->due = t->applied = end;
    part_settle(t);
}

bool part_is_safe(const struct part *t)
{
    return t->out == 0 && t->saved >= t->due;
}

i64 part_safe(const struct part *t)
{
    return part_is_safe(t) ? t->applied : t->saved;
}

void part_drop(struct part *t)
{
    WEIR_ASSERT(t->held == 0);
    t->next = t->offered;
}

/* Until it is begun under today's group, it stays under the one it was saved under. */
bool part_cut(struct part *t, const char *group, struct position *out)
{
    char over[24] = "";
    if (t->applied == t->cut && !(t->unsaid && t->begun)) return false;
    t->cut = t->applied;
    t->unsaid = false;
    if (t->over) snprintf(over, sizeof over, " %016llx", (unsigned long long)t->over);
    free(t->value);
    WEIR_ASSERT(asprintf(&t->value, "%lld %s%s", (long long)t->cut, group, over) > 0);
    *out = (struct position){ slice_str(t->name), slice_str(t->value) };
    return true;
}
