/* SPDX-License-Identifier: Apache-2.0 */
/* metric.h: what a module counts, as a table: the ledger and later /metrics read it. */
#pragma once

#include "weir/types.h"

struct metric {
    const char *name; /* NULL ends the table              */
    const char *unit; /* "records", "bytes", "files"      */
    const char *doc;
    size_t      offset; /* of the u64 in the counts struct */
};
