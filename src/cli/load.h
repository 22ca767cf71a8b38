/* SPDX-License-Identifier: Apache-2.0 */
/* load.h: a recipe from its file for a command, findings printed. */
#pragma once

#include "cli/command.h"
#include "config/findings.h"

/* NULL: findings went to standard error (as JSON to standard output with `json`), *code is the exit code. */
struct recipe *load_recipe(const char *path, bool json, int *code);

/* A path that means a recipe (*.yaml, *.yml), where a command takes a store or a state file as well. */
bool load_is_recipe(const char *path);

/* For functions that print through a callback: `to` is a FILE. */
void print_to_file(void *to, const char *text);
