/* SPDX-License-Identifier: Apache-2.0 */
/* close.h: why a window closed. Stored with every row of it. */
#pragma once

enum close_reason {
    CLOSE_SEALED,    /* its input said that it is complete: a marker, the end of a recording */
    CLOSE_WATERMARK, /* nothing older will come                                             */
    CLOSE_IDLE,      /* all its partitions were silent: wall clock took over                */
    CLOSE_END,       /* bounded input ended                                                 */
};

/* "sealed", "watermark", "idle", "end". */
const char *close_reason_name(enum close_reason why);
