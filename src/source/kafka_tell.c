/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_tell.c: what the log hears of partitions that do not begin where one might think: the group is ahead of the
 * state, or `start` is an offset that the log does not have. Once a run for each partition, summed up. */
#include "source/kafka.h"

#include <stdarg.h>
#include <stdio.h>

void kafka_note(struct kafka *k, const char *format, ...)
{
    char    words[KAFKA_WORDS];
    va_list args;
    if (k->setup.warn == NULL) return;
    va_start(args, format);
    int n = snprintf(words, sizeof words, "%.*s: ", (int)k->setup.name.len, k->setup.name.at);
    vsnprintf(words + n, sizeof words - (size_t)n, format, args);
    va_end(args);
    k->setup.warn(words);
}

/* Partitions of which the group holds offsets of one case. */
struct heap_of {
    u32                 partitions;
    u64                 messages; /* between where we begin, or would have, and the group's offset */
    const struct claim *by;       /* of the first                                                  */
    bool                several;
};

static void heap_add(struct heap_of *h, const struct inquiry_ask *a, i64 from)
{
    if (h->partitions++ == 0) h->by = &a->by;
    h->several = h->several || a->by.state != h->by->state;
    h->messages += a->committed > from ? (u64)(a->committed - from) : 0;
}

static const char *who(const struct heap_of *h, char *words, size_t size)
{
    if (h->by->state == 0) snprintf(words, size, "a tool, or a weir of old");
    else snprintf(words, size, "weir %s%s", h->by->recipe, h->several ? " and others" : "");
    return words;
}

/* The state had positions of these partitions. */
static void tell_ahead(struct kafka *k, enum claim_case c, const struct heap_of *h)
{
    static const char *const then[CLAIM_CASES] = {
        [CLAIM_OTHER] = "taken as applied there; `--from state` reads them here",
        [CLAIM_TOOL] = "reading goes on there; `--from state` reads them here",
        [CLAIM_OWN] = "that was this very state, which was put back since: it decides, they are read again",
        [CLAIM_MOVED] = "the state's positions are of another group (another `group`, or `weir switch`): the state "
                        "decides, they are read here",
        [CLAIM_REPLACED] = "that state and this one took each other's place: this one decides, they are read here",
        [CLAIM_ALONE] = "read here, as --from says",
    };
    char        words[128];
    const char *so = then[c];
    if (h->partitions == 0 || so == NULL) return;
    if (claim_counts(c) && k->setup.stateful) so = "a recipe that keeps state goes by it: read here";
    kafka_note(k, "group %s is ahead of the state by %llu messages (partitions: %u), committed by %s: %s", k->group,
               (unsigned long long)h->messages, h->partitions, who(h, words, sizeof words), so);
}

/* It had none. */
static void tell_new(struct kafka *k, const struct heap_of *h)
{
    char words[128];
    if (h->partitions == 0) return;
    kafka_note(k, "the state has no positions of %u partitions, but group %s has, committed by %s: reading goes on "
               "there, not at `start`. To read from elsewhere, say --from with a new state", h->partitions, k->group,
               who(h, words, sizeof words));
}

static void tell_bent(struct kafka *k, const struct inquiry *s)
{
    const struct inquiry_ask *first = NULL;
    u32                       others = 0;
    for (u32 i = 0; i < s->count; i++) {
        if (!s->ask[i].bent) continue;
        if (first != NULL) others++;
        else first = &s->ask[i];
    }
    if (first == NULL) return;
    kafka_note(k, "start: offset %lld is beyond the end of %s/%d, which is %lld (other partitions: %u): reading begins "
               "at the end", (long long)s->start.at, first->topic, first->partition, (long long)first->high, others);
}

void kafka_tell_starts(struct kafka *k, const struct inquiry *s)
{
    struct heap_of ahead[CLAIM_CASES] = { 0 }, fresh = { 0 };
    for (u32 i = 0; i < s->count; i++) {
        const struct inquiry_ask *a = &s->ask[i];
        enum claim_case           c = inquiry_case(s, a);
        if (a->begun || c == CLAIM_NONE || c == CLAIM_SAME) continue;
        if (a->at >= 0) heap_add(&ahead[c], a, a->at);
        else if (s->committed && claim_counts(c)) heap_add(&fresh, a, 0);
    }
    for (u32 c = 0; c < CLAIM_CASES; c++) tell_ahead(k, c, &ahead[c]);
    tell_new(k, &fresh);
    tell_bent(k, s);
}
