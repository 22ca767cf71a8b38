/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h: memory with one end of life.
 *
 * Allocations are zeroed, never freed one by one, and live until arena_reset or arena_fini. Blocks are kept over
 * a reset, so a worker's arena stops asking the allocator after the first chunks. Out of memory aborts. */
#pragma once

#include "weir/slice.h"

struct arena_block;

struct arena {
    struct arena_block *first; /* all blocks, in order of use     */
    struct arena_block *now;   /* the one being filled            */
    size_t              block; /* bytes of an ordinary block      */
};

/* block: bytes of an ordinary block, 0 for 64 KiB; a larger allocation has a block of its own. */
void arena_init(struct arena *a, size_t block);
void arena_fini(struct arena *a);
void arena_reset(struct arena *a);

/* Aligned to 16. */
void *arena_alloc(struct arena *a, size_t size);

#define arena_new(a, type)          ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_alloc((a), sizeof(type) * (size_t)(count)))

slice arena_copy(struct arena *a, slice s);

/* NUL-terminated. */
char *arena_str(struct arena *a, slice s);

__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *format, ...);
