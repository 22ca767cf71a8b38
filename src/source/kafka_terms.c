/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_terms.c: what the source `kafka` would read, before anything runs. See kafka_options.h. */
#include "source/kafka_options.h"

#include "weir/channel.h"
#include "weir/err.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

/* As librdkafka matches: anywhere in the name, unless the pattern says where. */
static bool matches(const char *pattern, const char *topic)
{
    regex_t r;
    if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0) return false;
    bool found = regexec(&r, topic, 0, NULL, 0) == 0;
    regfree(&r);
    return found;
}

/* The next pattern of a list that commas part; two of them are one that is meant. malloc'd; *rest NULL: none is left. */
static char *cut_pattern(const char **rest)
{
    char *pattern = calloc(1, strlen(*rest) + 1), *end = pattern;
    WEIR_ASSERT(pattern != NULL);
    for (; **rest != 0; *end++ = *(*rest)++) {
        if (**rest != ',') continue;
        if (*++*rest != ',') return pattern;
    }
    *rest = NULL;
    return pattern;
}

/* librdkafka takes these topics for not there. */
static bool blacklisted(const struct option_pairs *p, const char *topic)
{
    bool found = false;
    for (u32 i = 0; i < p->count; i++) {
        const char *rest = strcmp(p->key[i], "topic.blacklist") == 0 ? p->value[i] : NULL;
        while (rest != NULL && *rest != 0) {
            char *pattern = cut_pattern(&rest);
            found = found || matches(pattern, topic);
            free(pattern);
        }
    }
    return found;
}

bool kafka_reads(const void *options, const struct channel *channel)
{
    const struct kafka_options *o = options;
    bool                        found = false;
    if (strcmp(channel->kind, "topic") != 0 || !channel_hosts_meet(&o->brokers, channel->hosts)) return false;
    char *topic = slice_dup(channel->name);
    for (u32 i = 0; i < o->topics.count && !found; i++) {
        const char *wanted = o->topics.name[i];
        found = kafka_is_pattern(wanted) ? matches(wanted, topic) : strcmp(wanted, topic) == 0;
    }
    found = found && !blacklisted(&o->properties, topic);
    free(topic);
    return found;
}

void kafka_group_faults(const char *group, const struct option_ear *to)
{
    char words[512];
    for (const char *hole = group; (hole = strchr(hole, '{')) != NULL; hole++) {
        if (strncmp(hole, "{recipe}", 8) == 0 || strncmp(hole, "{source}", 8) == 0) continue;
        snprintf(words, sizeof words, "`group` would have `%.*s` in its name: what is put in is {recipe} and {source}",
                 (int)(strcspn(hole, "}") + (strchr(hole, '}') != NULL)), hole);
        to->fault(to->to, "group", NULL, words);
        return;
    }
}
