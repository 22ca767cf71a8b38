/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_options.c: see kafka_options.h. */
#include "source/kafka_options.h"

#include "weir/err.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NAME_MAX_LEN   249 /* of a topic, as brokers have it; a group's is kept to the same */
#define PARTITION_MAX  1000000
#define TOPICS_MAX     256

/* --- texts ------------------------------------------------------------------------------------------------------ */

static bool time_of(slice text, i64 *ms)
{
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d" };
    char                     buf[32];
    if (text.len >= sizeof buf) return false;
    memcpy(buf, text.at, text.len);
    buf[text.len] = '\0';
    for (u32 i = 0; i < WEIR_COUNT(forms); i++) {
        struct tm   tm = { 0 };
        const char *end = strptime(buf, forms[i], &tm);
        if (end == NULL || *end) continue;
        time_t t = timegm(&tm);
        *ms = (i64)t * 1000;
        return t >= 0;
    }
    return false;
}

bool kafka_start_parse(slice text, struct kafka_start *out)
{
    u64 offset;
    *out = (struct kafka_start){ .kind = KAFKA_EARLIEST };
    if (slice_is(text, "earliest")) return true;
    out->kind = KAFKA_LATEST;
    if (slice_is(text, "latest")) return true;
    out->kind = KAFKA_OFFSET;
    if (slice_u64(text, &offset)) {
        out->at = (i64)offset;
        return offset <= INT64_MAX;
    }
    out->kind = KAFKA_TIME;
    return time_of(text, &out->at);
}

static int by_number(const void *a, const void *b)
{
    i32 x = *(const i32 *)a, y = *(const i32 *)b;
    return (x > y) - (x < y);
}

/* "3" or "0-3" into the list; false: neither, or no room. */
static bool add_range(slice range, i32 *list, u32 *count)
{
    slice high, low = slice_trim(slice_cut(range, '-', &high));
    u64   from, to;
    if (!slice_u64(low, &from)) return false;
    if (high.at == NULL) to = from;
    else if (!slice_u64(slice_trim(high), &to)) return false;
    if (to < from || to > PARTITION_MAX || to - from >= PARTITIONS_MAX - *count) return false;
    for (u64 n = from; n <= to; n++) list[(*count)++] = (i32)n;
    return true;
}

i32 *kafka_partitions_parse(slice text, u32 *count)
{
    i32 *list = malloc(PARTITIONS_MAX * sizeof *list);
    bool good = text.len > 0;
    WEIR_ASSERT(list != NULL);
    *count = 0;
    for (slice rest = text; good && rest.at != NULL;) good = add_range(slice_cut(rest, ',', &rest), list, count);
    if (good) qsort(list, *count, sizeof *list, by_number);
    for (u32 i = 1; good && i < *count; i++) good = list[i] != list[i - 1];
    if (good) return list;
    free(list);
    return NULL;
}

bool kafka_is_pattern(const char *topic)
{
    return topic[0] == '^';
}

char *kafka_group_name(const char *group, slice recipe, slice source)
{
    char  *name = NULL;
    size_t len;
    FILE  *to = open_memstream(&name, &len);
    WEIR_ASSERT(to != NULL);
    while (*group) {
        bool is_recipe = strncmp(group, "{recipe}", 8) == 0, is_source = strncmp(group, "{source}", 8) == 0;
        slice word = is_recipe ? recipe : is_source ? source : slice_of(group, 1);
        fwrite(word.at, 1, word.len, to);
        group += is_recipe || is_source ? 8 : 1;
    }
    WEIR_ASSERT(fclose(to) == 0);
    return name;
}

/* --- what may stand together ------------------------------------------------------------------------------------ */

static bool name_sound(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL) return false;
    return n > 0 && n <= NAME_MAX_LEN && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool topic_sound(const char *topic, char *words, size_t size)
{
    char    why[128];
    regex_t r;
    if (!kafka_is_pattern(topic)) {
        if (name_sound(topic)) return true;
        snprintf(words, size, "`%s` is no topic's name: letters, digits, dot, dash and underline, 249 at most", topic);
        return false;
    }
    int status = regcomp(&r, topic, REG_EXTENDED | REG_NOSUB);
    if (status == 0) {
        regfree(&r);
        return true;
    }
    regerror(status, &r, why, sizeof why);
    snprintf(words, size, "`%s` is no pattern (POSIX extended): %s", topic, why);
    return false;
}

static bool topics_sound(const struct kafka_options *o, char *words, size_t size)
{
    if (o->topics.count == 0 || o->topics.count > TOPICS_MAX) {
        snprintf(words, size, "`topics` names 1 to %d topics or patterns", TOPICS_MAX);
        return false;
    }
    for (u32 i = 0; i < o->topics.count; i++) {
        if (!topic_sound(o->topics.name[i], words, size)) return false;
        for (u32 k = 0; k < i; k++) {
            if (strcmp(o->topics.name[i], o->topics.name[k]) != 0) continue;
            snprintf(words, size, "`%s` is named twice", o->topics.name[i]);
            return false;
        }
        if (o->partitions == NULL || !kafka_is_pattern(o->topics.name[i])) continue;
        snprintf(words, size, "`%s` is a pattern: with fixed `partitions` topics are named one by one",
                 o->topics.name[i]);
        return false;
    }
    return true;
}

static bool partitions_sound(const struct kafka_options *o, char *words, size_t size)
{
    u32 count;
    if (o->partitions == NULL) return true;
    i32 *list = kafka_partitions_parse(slice_str(o->partitions), &count);
    bool good = list != NULL && (u64)count * o->topics.count <= PARTITIONS_MAX;
    free(list);
    if (!good)
        snprintf(words, size, "`%s` are no partitions: 0-3,7; each once, %d over all topics at most", o->partitions,
                 PARTITIONS_MAX);
    return good;
}

static bool group_sound(const char *group, char *words, size_t size)
{
    bool good = group[0] != '\0' && strlen(group) <= NAME_MAX_LEN;
    for (const char *c = group; *c; c++) good = good && (unsigned char)*c > ' ' && *c != 0x7f;
    if (!good) snprintf(words, size, "a group's name has 1 to %d bytes, and no blanks", NAME_MAX_LEN);
    return good;
}

bool kafka_options_check(const struct kafka_options *o, char *words, size_t size, const char **at)
{
    struct kafka_start start;
    *at = "topics";
    if (!topics_sound(o, words, size)) return false;
    *at = "partitions";
    if (!partitions_sound(o, words, size)) return false;
    *at = "group";
    if (!group_sound(o->group, words, size)) return false;
    *at = "start";
    if (kafka_start_parse(slice_str(o->start), &start)) return true;
    snprintf(words, size, "`%s` is no start: earliest, latest, an offset, or a time as 2026-01-02T03:04Z (UTC)",
             o->start);
    return false;
}

bool kafka_options_fit(const void *options, const struct decoder_type *format, char *words, size_t size,
                       const char **at)
{
    const struct kafka_options *o = options;
    *at = "envelope";
    if (!o->envelope || strcmp(format->name, "json") == 0) return true;
    snprintf(words, size, "an `envelope` is JSON: it goes with format json, not with %s", format->name);
    return false;
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct kafka_options, member)
#define KIB ((u64)1 << 10)

const struct option kafka_options[] = {
    { "brokers", OPTION_NAMES, true, NULL, NULL, 0, 0, AT(brokers),
      "host:port of a few of the cluster's brokers; they tell of the others" },
    { "topics", OPTION_NAMES, true, NULL, NULL, 0, 0, AT(topics),
      "to read; one that begins with ^ is a pattern (POSIX extended)" },
    { "group", OPTION_TEXT, false, "weir-{recipe}-{source}", NULL, 0, 0, AT(group),
      "consumer group, with the names of both put in. Its committed offsets follow weir's own positions", true },
    { "start", OPTION_TEXT, false, "earliest", NULL, 0, 0, AT(start),
      "where a partition without a position is begun: earliest, latest, an offset, 2026-01-02T03:04Z" },
    { "partitions", OPTION_TEXT, false, NULL, NULL, 0, 0, AT(partitions),
      "of each topic, as 0-3,7: read these, whatever the group's other members do" },
    { "reset", OPTION_CHOICE, false, "stop", "stop earliest latest", 0, 0, AT(reset),
      "a position that is no longer in the log: stop, or go on at its begin or end and count the loss" },
    { "isolation", OPTION_CHOICE, false, "committed", "committed uncommitted", 0, 0, AT(isolation),
      "uncommitted: messages of transactions that are open or were aborted, too" },
    { "chunk", OPTION_SIZE, false, "256KiB", NULL, 4 * KIB, 16384 * KIB, AT(chunk),
      "messages of a partition that a worker takes at once" },
    { "prefetch", OPTION_SIZE, false, "128MiB", NULL, 1024 * KIB, 2000 * 1024 * KIB, AT(prefetch),
      "messages fetched ahead, of all partitions together" },
    { "envelope", OPTION_BOOL, false, "false", NULL, 0, 0, AT(envelope),
      "records are { topic, partition, offset, time, key, headers, value }, the message's value in it (format json)" },
    { "properties", OPTION_PAIRS, false, NULL, NULL, 0, 0, AT(properties),
      "of librdkafka's consumer, as its CONFIGURATION.md spells them: TLS, SASL, tuning" },
    OPTION_END,
};

#define COUNT(member) offsetof(struct kafka_counts, member)

const struct metric kafka_metrics[] = {
    { "messages", "messages", "taken from the topics", COUNT(messages) },
    { "bytes", "bytes", "of their values", COUNT(bytes) },
    { "chunks", "chunks", "offered", COUNT(chunks) },
    { "duplicates", "messages", "that came again and were dropped", COUNT(duplicates) },
    { "tombstones", "messages", "without a value: passed over", COUNT(tombstones) },
    { "lag", "messages", "between our positions and the ends of the log, all partitions", COUNT(lag) },
    { "lag_most", "messages", "of the partition that lags most", COUNT(lag_most) },
    { "partitions", "partitions", "that are read at the moment", COUNT(partitions) },
    { "rebalances", "rebalances", "of the group", COUNT(rebalances) },
    { "resets", "partitions", "whose position was no longer in the log", COUNT(resets) },
    { "outages", "outages", "in which no broker answered", COUNT(outages) },
    { "errors", "errors", "told by librdkafka", COUNT(errors) },
    { "uncommitted", "commits", "of the group's offsets that failed; weir's positions do not need them",
      COUNT(uncommitted) },
    { NULL },
};
