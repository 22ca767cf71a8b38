/* SPDX-License-Identifier: Apache-2.0 */
/* crossings.c: where a recipe's stages meet outside of weir: a source would read what comes of its own records, two
 * sinks claim one thing.
 *
 * Stages tell channels (weir/channel.h); what these are is not known here. Only loops are faults: a source may read
 * what comes of another one's records. Loops over several recipes cannot be seen. */
#include "config/read.h"

#define ALL_SOURCES 64
static_assert(SOURCES_MAX <= ALL_SOURCES, "a source is a bit");

struct crossing {
    u32            sink;
    struct channel channel;
};

struct crossings {
    struct draft    *d;
    u32              sink; /* that is telling */
    u32              count, room;
    struct crossing *at;
};

static void on_channel(void *to, const struct channel *channel)
{
    struct crossings *x = to;
    if (x->count == x->room) {
        struct crossing *more = arena_array(x->d->a, struct crossing, x->room ? 2 * x->room : 16);
        if (x->count > 0) memcpy(more, x->at, sizeof(*more) * x->count);
        x->at = more;
        x->room = x->room ? 2 * x->room : 16;
    }
    x->at[x->count] = (struct crossing){ x->sink, *channel };
    x->at[x->count++].channel.name = arena_copy(x->d->a, channel->name);
}

static struct place option_place(const struct draft *d, const struct crossing *c)
{
    const struct node *n = map_find(d->sink[c->sink].map, c->channel.option);
    return n != NULL ? n->at : d->sink[c->sink].at;
}

/* --- loops --- */

static bool step_has(const struct recipe_step *s, u32 table)
{
    if (s->kind == STEP_WINDOW) return s->window.table == table || s->window.late_table == table;
    if (s->kind == STEP_RECORDS) return s->records.table == table;
    for (u32 i = 0; s->kind == STEP_CASCADE && i < s->cascade.lines; i++)
        if (s->cascade.line[i].table == table || s->cascade.line[i].rank_table == table) return true;
    return false;
}

/* Whose records a table's rows come of. */
static u32 source_of(const struct recipe *r, u32 table)
{
    for (u32 i = 0; i < r->sources; i++)
        if (r->source[i].rejects_table == table || r->source[i].ledger_table == table) return i;
    for (u32 i = 0; i < r->steps; i++)
        if (step_has(&r->step[i], table)) return r->step[i].from_source;
    return NONE;
}

static bool reads(const struct recipe *r, u32 source, const struct channel *c)
{
    const struct source_type *type = r->source[source].type;
    return !c->sole && type->reads != NULL && type->reads(r->source[source].options, c);
}

/* fed[s]: bits of the sources that s's records come to, over any number of channels. */
static void find_fed(const struct crossings *x, u64 *fed)
{
    const struct recipe *r = x->d->r;
    for (u32 i = 0; i < x->count; i++) {
        u32 from = x->at[i].channel.sole ? NONE : source_of(r, x->at[i].channel.table);
        for (u32 s = 0; from != NONE && s < r->sources; s++)
            if (reads(r, s, &x->at[i].channel)) fed[from] |= (u64)1 << s;
    }
    for (u32 over = 0; over < r->sources; over++)
        for (u32 s = 0; s < r->sources; s++)
            if (fed[s] >> over & 1) fed[s] |= fed[over];
}

static void tell_loop(const struct crossings *x, const struct crossing *c, u32 source)
{
    struct draft *d = x->d;
    findings_error(d->f, option_place(d, c), "a loop: what it writes would come in again, and again",
                   "sink `%.*s` writes %s `%.*s`, which source `%.*s` (line %u) reads", LEN(d->r->sink[c->sink].name),
                   c->channel.kind, LEN(c->channel.name), LEN(d->r->source[source].name), d->source[source].at.line);
}

/* One finding for a sink and a source, of however many tables. */
static void check_loops(const struct crossings *x)
{
    const struct recipe *r = x->d->r;
    u64                  fed[ALL_SOURCES] = { 0 }, told[SINKS_MAX] = { 0 };
    find_fed(x, fed);
    for (u32 i = 0; i < x->count; i++) {
        const struct crossing *c = &x->at[i];
        u32                    from = c->channel.sole ? NONE : source_of(r, c->channel.table);
        for (u32 s = 0; from != NONE && s < r->sources; s++) {
            bool back = s == from || (fed[s] >> from & 1);
            if (!back || (told[c->sink] >> s & 1) || !reads(r, s, &c->channel)) continue;
            told[c->sink] |= (u64)1 << s;
            tell_loop(x, c, s);
        }
    }
}

/* --- claims --- */

static bool same_claim(const struct crossing *a, const struct crossing *b)
{
    return a->sink != b->sink && a->channel.sole && b->channel.sole && channel_same(&a->channel, &b->channel);
}

/* One finding for two sinks, of however many claims. */
static void check_claims(const struct crossings *x)
{
    struct draft *d = x->d;
    u32           last = NONE;
    for (u32 i = 0; i < x->count; i++) {
        const struct crossing *c = &x->at[i];
        u32                    k = 0;
        while (k < i && !same_claim(&x->at[k], c)) k++;
        if (k == i || c->sink == last) continue;
        last = c->sink;
        findings_error(d->f, option_place(d, c), "give each its own, or leave it out",
                       "sink `%.*s`: %s `%.*s` is that of sink `%.*s` (line %u), too", LEN(d->r->sink[c->sink].name),
                       c->channel.kind, LEN(c->channel.name), LEN(d->r->sink[x->at[k].sink].name),
                       d->sink[x->at[k].sink].at.line);
    }
}

void crossings_check(struct draft *d)
{
    struct crossings x = { .d = d };
    for (x.sink = 0; x.sink < d->r->sinks; x.sink++) {
        struct sink_setup setup = sink_setup_of(d->r, x.sink);
        if (d->r->sink[x.sink].type->channels != NULL)
            d->r->sink[x.sink].type->channels(&setup, &(struct channel_ear){ on_channel, &x });
    }
    check_loops(&x);
    check_claims(&x);
}
