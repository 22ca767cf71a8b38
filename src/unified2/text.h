/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: records as text for people, in the shape of Snort's u2spewfoo (type 114 in that of Snort 3's).
 *
 * Against u2spewfoo: names in a line of their own, if there are maps; `explain` adds what src/packet reads in a
 * packet's frame; all captured bytes are shown, whatever the inner length says; extra data is shown to its end, control
 * characters in it (but tabs and line ends) as dots; statistics of applications are shown; IPv6 is told from IPv4 in
 * X-Forwarded-For by its size, as writers mix the two up. The data are a stranger's: lines may look like records. */
#pragma once

#include "unified2/names.h"
#include "unified2/record.h"

struct u2_text {
    const struct u2_names *names; /* NULL: none */
    bool                   explain;
};

/* Most bytes of the text. */
size_t u2_text_bound(const struct u2_text *how, const struct u2_record *r);

/* The text at p, which has room for the bound; gives the place behind it. r: u2_whole and no unknown kind. */
char *u2_text_put(const struct u2_text *how, const struct u2_record *r, char *p);
