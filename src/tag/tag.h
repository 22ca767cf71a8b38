/* SPDX-License-Identifier: Apache-2.0 */
/* tag.h: longest prefix match of addresses, and the table of nets it looks up in.
 *
 * A table is read from CSV text, checked whole, and never changes afterwards: a reload makes a new one. Any number of
 * threads may look up at once. Knows no file: the text comes in. */
#pragma once

#include "weir/addr.h"
#include "weir/batch.h"
#include "weir/err.h"
#include "weir/strings.h"

struct tag_table;

#define TAG_COLUMNS_MAX  8
#define TAG_ROWS_MAX     (1u << 24)
#define TAG_PROBLEMS_MAX 20

/* One fault of the text. Lines and columns count from 1. */
struct tag_problem {
    u32  line, column;
    /* "host bits set: 10.0.0.1/8, the net is 10.0.0.0/8", "duplicate net 10.0.0.0/8 (first in line 7)" */
    char what[160];
};

struct tag_problems {
    u32                count; /* all; the first TAG_PROBLEMS_MAX are kept */
    struct tag_problem at[TAG_PROBLEMS_MAX];
};

/* Reads CSV: the first column is the net, the others are words (`columns` of them, named as `names` says).
 * With a header line (its first cell is not a net) columns are found by name; without one they are taken in order.
 * '#' begins a comment line; cells may be quoted ("" is a quote); an empty cell is null; blank lines are passed over.
 * Faults (bad net, host bits set, duplicate net, missing cells, quote not closed, a header without a wanted name) are
 * put into `problems`, and ERR_DATA is returned: nothing is half loaded. More than TAG_ROWS_MAX nets: ERR_FULL. */
err  tag_table_read(struct tag_table **out, slice csv, u32 columns, const slice *names, struct tag_problems *problems);
void tag_table_free(struct tag_table *t);

u32 tag_table_rows(const struct tag_table *t);
u64 tag_table_memory(const struct tag_table *t);

/* The rows (1 ..) whose nets are the longest match of each address; 0: none. Batched: memory latency is hidden. */
void tag_find(const struct tag_table *t, const addr *at, u32 n, u32 *rows);

/* row 1 .. tag_table_rows. */
net tag_row_net(const struct tag_table *t, u32 row);
u32 tag_row_word(const struct tag_table *t, u32 row, u32 column); /* 0: null */

/* Dictionary of all words of the table. */
const struct strings *tag_table_words(const struct tag_table *t);

/* The stage: from an address column, a net column and `columns` word columns for rows 0 .. n.
 * No match: the net is the address itself (all bits), words are null. A null address gives a null net (NET_NULL).
 *   nets   n cells;  words[c]  n cells for column c, NULL: not wanted */
void tag_apply(const struct tag_table *t, const struct column *address, u32 n, net *nets, u32 *const *words);
