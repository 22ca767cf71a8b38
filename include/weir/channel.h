/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h: what a sink writes to outside of weir, named so that a recipe's stages can be compared: would one of its
 * sources read it, does another sink claim it?
 *
 * Only names are compared: hosts that have several names are several. */
#pragma once

#include "weir/option.h"

#include <string.h>
#include <strings.h>

struct channel {
    const char                *kind;   /* "topic": those of one kind can be the same  */
    slice                      name;
    const struct option_names *hosts;  /* with one in common they are at one place    */
    const char                *option; /* of the sink, that says so                   */
    bool                       sole;   /* no other sink may have it                   */
    u32                        table;  /* not sole: whose rows go there               */
};

/* Hears of channels, each lent for the call. */
struct channel_ear {
    void (*tell)(void *to, const struct channel *channel);
    void *to;
};

static inline bool channel_hosts_meet(const struct option_names *a, const struct option_names *b)
{
    for (u32 i = 0; i < a->count; i++)
        for (u32 k = 0; k < b->count; k++)
            if (strcasecmp(a->name[i], b->name[k]) == 0) return true;
    return false;
}

static inline bool channel_same(const struct channel *a, const struct channel *b)
{
    return strcmp(a->kind, b->kind) == 0 && slice_eq(a->name, b->name) && channel_hosts_meet(a->hosts, b->hosts);
}
