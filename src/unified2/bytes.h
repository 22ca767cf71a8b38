/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h: big-endian loads. The caller has checked that the bytes are there. */
#pragma once

#include "weir/types.h"

#include <string.h>

static inline u16 load16(const u8 *at)
{
    u16 n;
    memcpy(&n, at, sizeof n);
    return __builtin_bswap16(n);
}

static inline u32 load32(const u8 *at)
{
    u32 n;
    memcpy(&n, at, sizeof n);
    return __builtin_bswap32(n);
}
