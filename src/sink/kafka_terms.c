/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_terms.c: see kafka_terms.h.
 *
 * An option without effect is a fault: who wrote it expects one. */
#include "sink/kafka_terms.h"

#include "sink/kafka_link.h"
#include "sink/kafka_plan.h"

#include <stdio.h>
#include <stdlib.h>

#define AT_LEAST_ONCE 1

void kafka_terms_names(const struct sink_setup *setup, char **id, char **group)
{
    const struct kafka_options *o = setup->options;
    slice                       recipe = setup->recipe, name = setup->name;
    if (o->id != NULL) *id = slice_dup(slice_str(o->id));
    else WEIR_ASSERT(asprintf(id, "weir.%.*s.%.*s", (int)recipe.len, recipe.at, (int)name.len, name.at) > 0);
    if (o->group != NULL) *group = slice_dup(slice_str(o->group));
    else WEIR_ASSERT(asprintf(group, "%s.epoch", *id) > 0);
}

/* --- faults --- */

static void tell(const struct option_ear *to, const char *option, const char *words)
{
    to->fault(to->to, option, NULL, words);
}

/* Names that nothing is put into. */
static void check_name(const struct option_ear *to, const char *option, const char *name)
{
    char words[512];
    if (name == NULL) return;
    if (name[0] == 0) {
        snprintf(words, sizeof words, "`%s` is empty", option);
        tell(to, option, words);
    } else if (strchr(name, '{') != NULL) {
        snprintf(words, sizeof words, "`%s` is taken as it stands: nothing is put into `%s`", option, name);
        tell(to, option, words);
    }
}

static void check_id(const struct kafka_options *o, const struct option_ear *to)
{
    char words[512];
    if (o->id == NULL || o->delivery != AT_LEAST_ONCE) return;
    if (o->group != NULL) {
        tell(to, "transactional_id", "`transactional_id` is without effect where `delivery` is at_least_once");
        return;
    }
    snprintf(words, sizeof words, "`transactional_id` names only the group where `delivery` is at_least_once: write "
             "`group: %s.epoch` instead", o->id);
    tell(to, "transactional_id", words);
}

void kafka_terms_faults(const void *options, const struct option_ear *to)
{
    const struct kafka_options *o = options;
    kafka_link_faults(&o->brokers, &o->properties, to);
    check_name(to, "transactional_id", o->id);
    check_name(to, "group", o->group);
    check_id(o, to);
    if (!o->create && o->partitions > 0)
        tell(to, "partitions", "`partitions` is without effect unless `create` is true: topics that are there have "
             "theirs");
    if (!o->create && o->replication > 0)
        tell(to, "replication", "`replication` is without effect unless `create` is true: topics that are there have "
             "theirs");
    if (o->watchdog < o->timeout + 10 * NANOS_SECOND)
        tell(to, "watchdog", "`watchdog` must be longer than `timeout` by 10s or more");
}

bool kafka_terms_check(const struct sink_setup *setup, char *words, size_t size, const char **at)
{
    struct kafka_plan plan;
    bool              good = kafka_plan_init(&plan, setup, words, size, at);
    kafka_plan_fini(&plan);
    return good;
}

/* --- channels --- */

/* Two sinks of one id would fence each other for ever; of one mark, each would take the other's number for its own. */
static void tell_claims(const struct sink_setup *setup, const struct kafka_plan *plan, const struct channel_ear *to)
{
    const struct kafka_options *o = setup->options;
    struct channel              c = { .hosts = &o->brokers, .sole = true };
    char                       *id, *group, *mark = NULL;
    kafka_terms_names(setup, &id, &group);
    c.kind = c.option = "transactional_id";
    c.name = slice_str(id);
    if (o->delivery != AT_LEAST_ONCE) to->tell(to->to, &c);
    WEIR_ASSERT(asprintf(&mark, "%s, topic %s", group, plan->topic[0]) > 0);
    c.kind = c.option = "group";
    c.name = slice_str(mark);
    to->tell(to->to, &c);
    free(id);
    free(group);
    free(mark);
}

void kafka_terms_channels(const struct sink_setup *setup, const struct channel_ear *to)
{
    const struct kafka_options *o = setup->options;
    struct kafka_plan           plan;
    char                        words[512];
    const char                 *at = NULL;
    struct channel              c = { .kind = "topic", .option = "topic", .hosts = &o->brokers };
    WEIR_ASSERT(kafka_plan_init(&plan, setup, words, sizeof words, &at)); /* `check` was content */
    for (c.table = 0; c.table < plan.tables; c.table++) {
        if (plan.target[c.table].table == NULL) continue;
        c.name = slice_str(plan.topic[plan.target[c.table].topic]);
        to->tell(to->to, &c);
    }
    if (plan.topics > 0) tell_claims(setup, &plan, to);
    kafka_plan_fini(&plan);
}
