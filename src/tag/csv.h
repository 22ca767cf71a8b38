/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h: comma-separated text, row by row (RFC 4180 and what people write instead).
 *
 * Beyond the RFC: LF or CR LF ends a line, blanks around a cell do not belong to it unless quoted, a line whose first
 * byte that is no blank is '#' is a comment, blank lines are passed over, a UTF-8 byte order mark at the start is
 * skipped. A quoted cell may hold commas, line breaks and "" for a quote; a quote inside an unquoted cell is a byte
 * like others.
 * Knows nothing of what the cells mean. At most CSV_CELLS_MAX cells of a row are kept, all are counted. */
#pragma once

#include "weir/arena.h"

#define CSV_CELLS_MAX 256

struct csv_cell {
    slice text;         /* lent until the next row; an empty cell has len 0   */
    u32   line, column; /* of its first byte, from 1; columns count bytes     */
};

enum csv_fault {
    CSV_FINE,
    CSV_OPEN,   /* the quote at `fault_at` is not closed: nothing follows                       */
    CSV_BEHIND, /* text behind a closing quote; the rest of that line is skipped                */
};

struct csv {
    const char     *at, *end;
    const char     *line_at;      /* first byte of the line */
    u32             line;
    struct arena    unquoted;     /* cells with "" in them  */
    u32             cells;        /* of the row, all        */
    struct csv_cell cell[CSV_CELLS_MAX];
    struct csv_cell row_end;      /* where its last line ends; no text */
    enum csv_fault  fault;        /* of the row             */
    struct csv_cell fault_at;     /* the byte at fault      */
    struct csv_cell opened;       /* CSV_BEHIND: the quote that the cell began with */
};

/* text: lent until csv_fini. */
void csv_init(struct csv *c, slice text);
void csv_fini(struct csv *c);

/* Reads the next row that is not blank and no comment; false at the end. A row with a fault has no cells. */
bool csv_next(struct csv *c);
