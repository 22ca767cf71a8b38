/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c: blocks in a list; an allocation moves a mark. */
#include "weir/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t              size, used;
    _Alignas(16) char   bytes[];
};

#define BLOCK_DEFAULT 65536u
#define ROUND_MAX     ((size_t)4 << 20)

void arena_init(struct arena *a, size_t block)
{
    *a = (struct arena){ .block = block ? block : BLOCK_DEFAULT };
}

void arena_fini(struct arena *a)
{
    for (struct arena_block *b = a->first; b != NULL;) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    a->first = a->now = NULL;
}

void arena_reset(struct arena *a)
{
    for (struct arena_block *b = a->first; b != NULL; b = b->next) b->used = 0;
    a->now = a->first;
}

/* Puts a block of at least `size` bytes behind the present one. Larger ones than usual double in size up to a limit: if
 * each were as long as its text, a somewhat longer text in each batch would leave a block behind for ever. */
static struct arena_block *block_add(struct arena *a, size_t size)
{
    size_t room = a->block;
    while (room < size && room < ROUND_MAX) room *= 2;
    if (room < size) room = size;
    struct arena_block *b = malloc(sizeof *b + room);
    WEIR_ASSERT(b != NULL);
    b->size = room;
    b->used = 0;
    if (a->now == NULL) {
        b->next = a->first;
        a->first = b;
    } else {
        b->next = a->now->next;
        a->now->next = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    WEIR_ASSERT(size <= SIZE_MAX - 16);
    size = (size + 15) & ~(size_t)15;
    struct arena_block *b = a->now;
    while (b != NULL && b->size - b->used < size) b = b->next;
    if (b == NULL) b = block_add(a, size);
    a->now = b;
    void *at = b->bytes + b->used;
    b->used += size;
    return memset(at, 0, size);
}

slice arena_copy(struct arena *a, slice s)
{
    return (slice){ arena_str(a, s), s.len };
}

char *arena_str(struct arena *a, slice s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len) memcpy(copy, s.at, s.len);
    return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char probe[1]; /* only the length is wanted */
    int  len = vsnprintf(probe, sizeof probe, format, args);
    WEIR_ASSERT(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
