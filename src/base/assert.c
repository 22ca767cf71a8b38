/* SPDX-License-Identifier: Apache-2.0 */
/* assert.c: how a broken invariant ends the process: one line on standard error, then abort. */
#include "weir/types.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void weir_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "weir: %s:%d: invariant broken: %s\n", file, line, what);
    abort();
}
