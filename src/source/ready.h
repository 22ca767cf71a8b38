/* SPDX-License-Identifier: Apache-2.0 */
/* ready.h: the files that have something to be read, least (start, name) first. A heap that knows where each is. */
#pragma once

#include "source/ledger.h"

struct ready {
    struct file **at;
    u32           count, room;
};

void         ready_fini(struct ready *r);
void         ready_push(struct ready *r, struct file *f); /* nothing happens if it is in already */
void         ready_drop(struct ready *r, struct file *f); /* nothing happens if it is not in     */
struct file *ready_first(const struct ready *r);          /* NULL: none                          */
