/* SPDX-License-Identifier: Apache-2.0 */
/* args.h: parsing; what commands themselves need is in command.h. */
#pragma once

#include "cli/command.h"
#include "weir/slice.h"

/* argv begins behind the command's name. 0, or an exit code after a message was printed. */
int  args_parse(struct args *a, const struct command *c, int argc, char **argv);
void args_fini(struct args *a);
