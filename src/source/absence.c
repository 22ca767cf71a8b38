/* SPDX-License-Identifier: Apache-2.0 */
/* absence.c: one number in the state, and the words for what lies between it and now. */
#include "source/absence.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* 2026-11-21T10:00:00.125Z */
static void time_text(nanos at, char *to, size_t size)
{
    time_t    seconds = (time_t)(at / NANOS_SECOND);
    struct tm utc;
    char      date[32];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(to, size, "%s.%03dZ", date, (int)(at % NANOS_SECOND / (NANOS_SECOND / 1000)));
}

/* False: it is none of ours. */
static bool read_until(slice value, nanos *until)
{
    u64   version, at;
    slice rest;
    bool  good = slice_u64(slice_cut(value, ' ', &rest), &version) && version == 1 && slice_u64(rest, &at);
    if (!good || at > (u64)NANOS_MAX) return false;
    *until = (nanos)at;
    return true;
}

err absence_open(struct absence *a, const struct source_setup *setup, nanos now, char *words, size_t size)
{
    *a = (struct absence){ .until = now, .dirty = true };
    words[0] = '\0';
    for (u32 i = 0; i < setup->positions; i++) {
        nanos until;
        char  from[48], to[48];
        if (!slice_is(setup->position[i].key, ABSENCE_KEY)) continue;
        if (!read_until(setup->position[i].value, &until))
            return (err){ ERR_STATE, "a saved position of the capture source cannot be read", 0 };
        if (until >= now) continue; /* somebody set the clock back */
        time_text(until, from, sizeof from);
        time_text(now, to, sizeof to);
        snprintf(words, size,
                 "not running from %s to %s, or killed before the next epoch: packets of these minutes are not counted "
                 "in full",
                 from, to);
    }
    return OK;
}

void absence_note(struct absence *a, nanos until)
{
    if (until <= a->until) return;
    a->until = until;
    a->dirty = true;
}

void absence_cut(struct absence *a, u32 *count, const struct position **position)
{
    *count = 0;
    if (!a->dirty) return;
    a->dirty = false;
    int len = snprintf(a->text, sizeof a->text, "1 %" PRIu64, (u64)a->until);
    a->position = (struct position){ S(ABSENCE_KEY), slice_of(a->text, (size_t)len) };
    *count = 1;
    *position = &a->position;
}
