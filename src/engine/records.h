/* SPDX-License-Identifier: Apache-2.0 */
/* records.h: a row for each record: written by the worker, numbered and given out by the loop.
 *
 * The worker knows the record, the loop knows how many came before it. So the worker leaves room for the number, and
 * the loop sets it where it stands: the bytes change hands, they are not copied. */
#pragma once

#include "config/recipe.h"
#include "weir/batch.h"
#include "weir/rows.h"

/* Records of one job and one step. Limit: none here; a job's chunk is bounded. */
struct record_rows {
    struct row_writer rows;
    size_t           *number; /* where each row's is */
    size_t            count, room;
};

void record_rows_init(struct record_rows *r);
void record_rows_fini(struct record_rows *r);
void record_rows_reset(struct record_rows *r); /* keeps the memory, if it is not much */

/* Writes all rows of the batch, if some sink wants them. */
void record_rows_push(struct record_rows *r, const struct step_records *step, const struct batch *b);

/* Numbers them and gives them out; *arrived: number of the table's last record. */
void record_rows_give(struct record_rows *r, u64 *arrived, struct row_writer *to);

/* How many records went into each records table. Kept by the table's name, even if the recipe no longer has the table:
 * its rows may still be in a store, and no number is used twice. */
struct arrivals;

struct arrivals *arrivals_open(const struct recipe *r);
void             arrivals_close(struct arrivals *a);

/* The counter of a records step. */
u64 *arrivals_of(struct arrivals *a, u32 step);

/* As pairs of a name and a value among the engine's saved bytes. False: the pair is damaged. */
void arrivals_save(const struct arrivals *a, struct row_writer *to);
bool arrivals_is(slice name);
bool arrivals_load(struct arrivals *a, slice name, slice value);
