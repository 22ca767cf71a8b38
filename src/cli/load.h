/* SPDX-License-Identifier: Apache-2.0 */
/* load.h: a recipe from its file for a command, findings printed. */
#pragma once

#include "cli/command.h"
#include "config/findings.h"

/* NULL: findings went to standard error (as JSON to standard output with `json`), *code is the exit code. */
struct recipe *load_recipe(const char *path, bool json, int *code);

/* The same as the instance `as`, its sources beginning at `from` (recipe_lent); either may be NULL. */
struct recipe *load_instance(const char *path, const char *as, const char *from, int *code);

/* The recipe itself where an instance of it was loaded, nothing printed. NULL: it has changed on disk since. */
struct recipe *load_again(const char *path);

/* The path of a sqlite sink; NULL: it is another sink. Lent by the recipe. */
const char *load_sink_store(const struct recipe_sink *sink);

/* A store's path, malloc'd: `file` itself, or where it is a recipe that of its first sqlite sink (of instance `as`).
 * NULL: said why, *code. */
char *load_store(const struct args *a, const char *file, const char *as, int *code);

/* A path that means a recipe (*.yaml, *.yml), where a command takes a store or a state file as well. */
bool load_is_recipe(const char *path);

/* For functions that print through a callback: `to` is a FILE. */
void print_to_file(void *to, const char *text);
