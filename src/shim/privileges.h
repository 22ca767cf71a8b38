/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.h: what a capture needs to be opened, and nothing needs afterwards. */
#pragma once

#include "weir/err.h"

/* Gives up CAP_NET_RAW and CAP_NET_ADMIN for good (PR_SET_NO_NEW_PRIVS, bounding and permitted sets), for the calling
 * thread and those it starts. Files stay readable. */
err privileges_drop(void);
