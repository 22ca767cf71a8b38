/* SPDX-License-Identifier: Apache-2.0 */
/* read.h: what a node of the tree is expected to be, with the fault told where it is not.
 *
 * Each call gives false after telling the fault. `what` is the key's name, as messages quote it. */
#pragma once

#include "config/draft.h"

/* The value of a key; NULL: not given. */
const struct node *map_find(const struct node *map, const char *key);

/* All keys are among `known`; others are told with the nearest name. `in`: "a source". */
void map_check(struct draft *d, const struct node *map, const struct recipe_key *known, const char *in);
void map_check_names(struct draft *d, const struct node *map, const char *const *known, const char *in);

/* The keys as a NULL-ended list. */
const char *const *key_names(struct arena *a, const struct recipe_key *keys);

/* The node is a mapping; a list; `example` shows one, as a hint. */
bool read_map_of(struct draft *d, const struct node *n, const char *what, const char *example);
bool read_list_of(struct draft *d, const struct node *n, const char *what, const char *example);

/* A scalar that is not empty and not !file. */
bool read_text(struct draft *d, const struct node *n, const char *what, slice *out);

/* The same as a name: letters, digits, '_' and '-', a letter first, at most NAME_MAX_BYTES. */
bool read_name(struct draft *d, const struct node *n, const char *what, slice *out);

/* A list of texts, or one text as a list of itself. Duplicates are told and left out. */
bool read_names(struct draft *d, const struct node *n, const char *what, struct names *out,
                const struct node ***nodes);

bool read_span(struct draft *d, const struct node *n, const char *what, nanos min, nanos max, nanos *out);
bool read_count(struct draft *d, const struct node *n, const char *what, u64 min, u64 max, u64 *out);
bool read_size(struct draft *d, const struct node *n, const char *what, u64 min, u64 max, u64 *out);
bool read_bool(struct draft *d, const struct node *n, const char *what, bool *out);

/* Index of the text among `choices`. */
bool read_choice(struct draft *d, const struct node *n, const char *what, struct names choices, u32 *out);

/* A NULL-ended list as names. */
struct names names_of(struct arena *a, const char *const *list);

#define LEN(s) (int)(s).len, (s).at /* for %.*s */
