/* SPDX-License-Identifier: Apache-2.0 */
/* capture_link.h: libpcap's DLT_* of this system and LINKTYPE_* of files, where the two differ. */
#pragma once

#include "weir/types.h"

u32 link_of_dlt(int dlt);
int dlt_of_link(u32 link);
