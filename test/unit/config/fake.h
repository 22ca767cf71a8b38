/* SPDX-License-Identifier: Apache-2.0 */
/* fake.h: what the tests of config lend it: a source type, two sink types, files in memory, a base recipe.
 *
 * The types have no functions: config only reads their tables. */
#pragma once

#include "config/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fake_source_options {
    const char         *path;
    const char         *pattern;
    bool                markers;
    u64                 depth;
    u64                 block;
    nanos               grace;
    u32                 order;
    struct option_names kinds;
    struct option_pairs labels;
};

struct fake_sink_options {
    const char *path;
    const char *dsn;
    u32         form;
    u64         limit;
};

struct fake_file {
    const char *path;
    const char *text;
};

extern const struct source_type *const fake_sources[];
extern const struct sink_type *const   fake_sinks[];
extern const char                      fake_recipe[]; /* a good one, named conf/t.yaml by convention */

/* arg: a list of struct fake_file, ended by path == NULL. */
bool fake_read(void *arg, struct arena *to, const char *path, slice *text, const char **why);

/* Reads `text` as conf/t.yaml, with `more` files (NULL: none). */
struct recipe *fake_recipe_read(const char *text, const struct fake_file *more, struct findings *f);

/* A malloc'd copy of `text` with the first `find` (must be there) replaced. */
char *replaced(const char *text, const char *find, const char *by);

/* Growing text: a print function's `to`. */
struct text {
    char  *at;
    size_t len;
};
void text_print(void *to, const char *text);
