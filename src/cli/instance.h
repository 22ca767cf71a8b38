/* SPDX-License-Identifier: Apache-2.0 */
/* instance.h: result sets of a name beside a recipe's own (`run --as NAME`): may one run, and what becomes of it. */
#pragma once

#include "cli/command.h"
#include "config/recipe.h"

/* Says what a name may be; EX_USAGE. */
int instance_name_bad(const struct args *a, const char *name);

/* Refused, said why: while a switch is not finished; where --from was given (`from`) and sources have positions, or
 * none of them has a `start`; where `from` is "state" and there are no positions. */
int instance_may_run(const struct args *a, const struct recipe *r, const char *from);

/* The file that is there while a switch is under way; malloc'd. Its text is the name. */
char *instance_marker(const struct recipe *r);

/* A line to standard error, as others of the command. Gives the code back. */
__attribute__((format(printf, 3, 4))) int instance_refuse(const struct args *a, int code, const char *format, ...);
