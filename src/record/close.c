/* SPDX-License-Identifier: Apache-2.0 */
/* close.c: the names of the reasons for which windows close, as result rows carry them in `closed_by`. */
#include "weir/close.h"

#include "weir/types.h"

static const char *const names[CLOSE_END + 1];

const char *close_reason_name(enum close_reason why)
{
    WEIR_ASSERT((unsigned)why <= CLOSE_END);
    return names[why];
}

static const char *const names[CLOSE_END + 1] = {
    [CLOSE_SEALED] = "sealed",
    [CLOSE_WATERMARK] = "watermark",
    [CLOSE_IDLE] = "idle",
    [CLOSE_END] = "end",
};
