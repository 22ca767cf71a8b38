/* SPDX-License-Identifier: Apache-2.0 */
/* strings.h: a dictionary: each distinct byte string once, known by a small number.
 *
 * Ids start at 1 in order of first appearance; 0 means null. Entries and bytes live in pages, so a dictionary is part
 * of its owner's image; the index is rebuilt. The limit is the owner's: strings_add says when it is reached. */
#pragma once

#include "weir/pages.h"
#include "weir/slice.h"

#define STRING_BYTES_MAX 4096u /* of one string; longer ones are cut by the decoder's rule, never here */

struct strings {
    struct pages entries; /* struct string_entry, id - 1                         */
    struct pages bytes;   /* records of 1 byte; a string never straddles a page  */
    u64         *slots;   /* open addressing: upper half hash, lower half id; 0 free */
    u32          mask;
    u32          max;     /* most ids                                            */
};

void strings_init(struct strings *d, u32 max);
void strings_fini(struct strings *d);
void strings_reset(struct strings *d);

/* The id of `s`, added if new; 0 if the dictionary is full. */
u32 strings_add(struct strings *d, slice s);

/* The id of `s`, 0 if unknown. */
u32 strings_find(const struct strings *d, slice s);

/* Lent until the dictionary's next change; id 0 gives an empty slice with at == NULL. */
slice strings_get(const struct strings *d, u32 id);

static inline u32 strings_count(const struct strings *d)
{
    return d->entries.count;
}

u64 strings_memory(const struct strings *d);

/* After both pages were restored: checks each entry (false: the image is damaged) and builds the index. */
bool strings_restored(struct strings *d);
