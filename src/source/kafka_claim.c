/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_claim.c: see kafka_claim.h. */
#include "source/kafka_claim.h"

#include "weir/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *claim_text(u64 state, u64 over, i64 at, slice recipe)
{
    char *text;
    WEIR_ASSERT(asprintf(&text, "weir state=%016llx over=%016llx at=%016llx recipe=%.*s", (unsigned long long)state,
                         (unsigned long long)over, (unsigned long long)at, (int)recipe.len, recipe.at) > 0);
    return text;
}

/* KEY=, then 16 hexadecimal digits. */
static bool parse_id(slice word, const char *key, u64 *out)
{
    char  digits[17] = "", *end;
    slice head = slice_str(key);
    if (!slice_starts(word, head) || word.len != head.len + 16) return false;
    memcpy(digits, word.at + head.len, 16);
    *out = strtoull(digits, &end, 16);
    return *end == '\0' && strspn(digits, "0123456789abcdef") == 16;
}

static void parse_recipe(slice word, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 7; i < word.len && n + 1 < size; i++)
        out[n++] = word.at[i] > ' ' && word.at[i] <= '~' ? word.at[i] : '?';
    out[n] = '\0';
}

void claim_parse(slice text, struct claim *out)
{
    *out = (struct claim){ 0 };
    struct claim found = { 0 };
    u64          at = 0;
    slice        rest;
    bool         good = slice_is(slice_cut(text, ' ', &rest), "weir");
    while (good && rest.at != NULL) {
        slice word = slice_cut(rest, ' ', &rest);
        if (slice_starts(word, S("state="))) good = parse_id(word, "state=", &found.state);
        else if (slice_starts(word, S("over="))) good = parse_id(word, "over=", &found.over);
        else if (slice_starts(word, S("at="))) good = parse_id(word, "at=", &at);
        else if (slice_starts(word, S("recipe="))) parse_recipe(word, found.recipe, sizeof found.recipe);
    }
    found.at = (i64)at;
    if (good && found.state != 0) *out = found;
}

/* Only a start looks at whose it is: whoever is ahead of a partition that we had in this run is at work now. */
enum claim_case claim_judge(const struct claim_case_of *c, const struct claim *by)
{
    enum claim_case plain = by->state ? CLAIM_OTHER : CLAIM_TOOL;
    if (c->committed < 0 || c->committed <= c->at) return CLAIM_NONE;
    if (c->begun) return c->committed == c->passed ? CLAIM_PASSED : plain;
    bool own = by->state != 0 && by->state == c->state;
    if (own && c->at >= by->at && !(c->alone && c->at < 0)) return CLAIM_SAME;
    if (c->alone) return CLAIM_ALONE;
    if (own) return CLAIM_OWN;
    if (c->moved) return CLAIM_MOVED;
    if (by->state != 0 && (by->state == c->over || (by->over != 0 && by->over == c->state))) return CLAIM_REPLACED;
    return plain;
}
