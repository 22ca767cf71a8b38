/* SPDX-License-Identifier: Apache-2.0 */
/* read.c: a table of nets from CSV text, whole or not at all.
 *
 * One pass reads rows and collects faults, then the nets are sorted, which brings the same nets together however they
 * are written, and the tries are built. A text with faults is read to its end all the same: all are told at once. */
#include "tag/csv.h"
#include "tag/problem.h"
#include "tag/table.h"

#include <stdio.h>
#include <stdlib.h>

#define CELL_NONE UINT32_MAX
#define ROOM_MIN  1024u

/* Where a row's net stands in the text. */
struct place {
    u32 line, column;
};

struct reader {
    struct csv           csv;
    struct tag_table    *table;
    struct tag_problems *problems;
    const slice         *names;
    u32                  columns;
    u32                  net_cell;
    u32                  word_cell[TAG_COLUMNS_MAX];
    u32                  cells_needed;
    bool                 plain;      /* the text is ASCII without NUL            */
    u32                  room;       /* rows for which there is memory           */
    u32                  wide_room;
    struct lpm_net      *nets;       /* of row i + 1                             */
    struct place        *places;
    err                  fault;      /* a limit was reached                      */
};

static void reader_init(struct reader *r, slice csv, u32 columns, const slice *names, struct tag_problems *problems);
static void reader_fini(struct reader *r);
static void read_rows(struct reader *r);
static void find_duplicates(struct reader *r);
static struct tag_table *finish(struct reader *r);

err tag_table_read(struct tag_table **out, slice csv, u32 columns, const slice *names, struct tag_problems *problems)
{
    WEIR_ASSERT(columns <= TAG_COLUMNS_MAX);
    struct reader *r = malloc(sizeof *r);
    WEIR_ASSERT(r != NULL);
    *out = NULL;
    problems->count = 0;
    reader_init(r, csv, columns, names, problems);
    read_rows(r);
    if (!err_is(r->fault)) find_duplicates(r);
    err e = r->fault;
    if (!err_is(e) && problems->count > 0) e = err_data("the table of nets has faults", problems->at[0].line);
    if (!err_is(e)) *out = finish(r);
    reader_fini(r);
    free(r);
    return e;
}

/* realloc that does not fail. */
static void *resize(void *at, u64 count, size_t size)
{
    at = realloc(at, (size_t)(count > 0 ? count : 1) * size);
    WEIR_ASSERT(at != NULL);
    return at;
}

static void reader_init(struct reader *r, slice csv, u32 columns, const slice *names, struct tag_problems *problems)
{
    memset(r, 0, sizeof *r);
    csv_init(&r->csv, csv);
    r->table = calloc(1, sizeof *r->table);
    WEIR_ASSERT(r->table != NULL);
    r->table->columns = columns;
    r->table->stride = TABLE_WORDS + columns;
    strings_init(&r->table->words, UINT32_MAX - 1);
    r->problems = problems;
    r->names = names;
    r->columns = columns;
    r->plain = utf8_plain(csv);
    for (u32 c = 0; c < columns; c++) r->word_cell[c] = c + 1;
    r->cells_needed = columns + 1;
}

static void reader_fini(struct reader *r)
{
    tag_table_free(r->table);
    csv_fini(&r->csv);
    free(r->nets);
    free(r->places);
}

/* Memory for one more row (row 0, no net, is there from the start). */
static void make_room(struct reader *r)
{
    struct tag_table *t = r->table;
    if (t->rows + 1 < r->room) return;
    r->room = r->room == 0 ? ROOM_MIN : r->room * 2;
    t->cells = resize(t->cells, r->room, t->stride * sizeof *t->cells);
    r->nets = resize(r->nets, r->room, sizeof *r->nets);
    r->places = resize(r->places, r->room, sizeof *r->places);
}

static u32 add_wide(struct reader *r, const addr *at)
{
    struct tag_table *t = r->table;
    if (t->wides == r->wide_room) {
        r->wide_room = r->wide_room == 0 ? ROOM_MIN : r->wide_room * 2;
        t->wide = resize(t->wide, r->wide_room, sizeof *t->wide);
    }
    t->wide[t->wides] = *at;
    return t->wides++;
}

static u64 half_of(const addr *a, u32 from)
{
    u64 half = 0;
    for (u32 i = from; i < from + 8; i++) half = half << 8 | a->b[i];
    return half;
}

static void add_row(struct reader *r, const net *n, const struct csv_cell *cell, const u32 *words)
{
    struct tag_table *t = r->table;
    if (t->rows == TAG_ROWS_MAX) {
        r->fault = (err){ ERR_FULL, "too many nets in the table", TAG_ROWS_MAX };
        return;
    }
    make_room(r);
    u32  row = ++t->rows, *cells = t->cells + (size_t)row * t->stride;
    bool v4 = addr_is_v4(&n->at) && n->bits >= 96;
    cells[0] = n->bits | (v4 ? 0 : TABLE_WIDE);
    cells[1] = v4 ? (u32)half_of(&n->at, 8) : add_wide(r, &n->at);
    for (u32 c = 0; c < r->columns; c++) cells[TABLE_WORDS + c] = words[c];
    r->nets[row - 1] = (struct lpm_net){ half_of(&n->at, 0), half_of(&n->at, 8), row, n->bits };
    r->places[row - 1] = (struct place){ cell->line, cell->column };
}

/* What is wrong with text that net_parse refuses. */
static void tell_bad_net(struct reader *r, const struct csv_cell *cell)
{
    char  whole[ECHO_ROOM], part[ECHO_ROOM];
    slice bits, at = slice_cut(cell->text, '/', &bits);
    addr  a;
    problem_echo(cell->text, whole);
    if (cell->text.len == 0)
        problem_add(r->problems, cell->line, cell->column, "no net, expected one such as 10.0.0.0/8 or 2001:db8::/32");
    else if (!addr_parse(at, &a))
        problem_add(r->problems, cell->line, cell->column,
                    "bad net %s: expected one such as 10.0.0.0/8 or 2001:db8::/32", whole);
    else
        problem_add(r->problems, cell->line, cell->column, "bad net %s: length \"%s\", expected 0 to %d", whole,
                    problem_echo(bits, part), memchr(at.at, ':', at.len) != NULL ? 128 : 32);
}

static bool read_net(struct reader *r, const struct csv_cell *cell, net *out)
{
    bool host_bits = false;
    if (!net_parse(cell->text, out, &host_bits)) {
        tell_bad_net(r, cell);
        return false;
    }
    if (!host_bits) return true;
    char written[ECHO_ROOM], right[NET_TEXT];
    net_format(out, right);
    problem_add(r->problems, cell->line, cell->column, "host bits set: %s, the net is %s",
                problem_echo(cell->text, written), right);
    return false;
}

/* The id of a word; 0 for an empty cell and for a faulty one. `before`: the row before has this, most often again. */
static u32 read_word(struct reader *r, const struct csv_cell *cell, u32 before)
{
    struct strings *words = &r->table->words;
    slice           text = cell->text;
    if (text.len == 0) return 0;
    if (before != 0 && slice_eq(strings_get(words, before), text)) return before;
    if (text.len > STRING_BYTES_MAX) {
        problem_add(r->problems, cell->line, cell->column, "word of %zu bytes, at most %u are allowed", text.len,
                    STRING_BYTES_MAX);
        return 0;
    }
    size_t bad = r->plain ? text.len : utf8_fault(text);
    if (bad < text.len) {
        char shown[ECHO_ROOM];
        problem_add(r->problems, cell->line, cell->column, "word is not UTF-8: byte 0x%02x at its offset %zu in %s",
                    (u8)text.at[bad], bad, problem_echo(text, shown));
        return 0;
    }
    u32 id = strings_add(words, text);
    if (id == 0) r->fault = (err){ ERR_FULL, "too many words in the table of nets", (i64)strings_count(words) };
    return id;
}

/* The names that rows must have cells for: "net, site, service". */
static void list_wanted(const struct reader *r, char *to, size_t room)
{
    size_t len = (size_t)snprintf(to, room, "net");
    for (u32 c = 0; c < r->columns && len + ECHO_ROOM + 2 < room; c++) {
        char shown[ECHO_ROOM];
        len += (size_t)snprintf(to + len, room - len, ", %s", problem_echo(r->names[c], shown));
    }
}

static void read_row(struct reader *r)
{
    const struct csv *csv = &r->csv;
    if (csv->cells < r->cells_needed) {
        char wanted[108]; /* with the rest of the message less than tag_problem.what */
        list_wanted(r, wanted, sizeof wanted);
        problem_add(r->problems, csv->row_end.line, csv->row_end.column, "%u cell%s, expected at least %u (%s)",
                    csv->cells, csv->cells == 1 ? "" : "s", r->cells_needed, wanted);
        return;
    }
    const u32 *before = r->table->rows > 0 ? table_row(r->table, r->table->rows) + TABLE_WORDS : NULL;
    u32        words[TAG_COLUMNS_MAX] = { 0 };
    for (u32 c = 0; c < r->columns; c++)
        if (r->word_cell[c] != CELL_NONE)
            words[c] = read_word(r, &csv->cell[r->word_cell[c]], before != NULL ? before[c] : 0);
    net n;
    if (read_net(r, &csv->cell[r->net_cell], &n)) add_row(r, &n, &csv->cell[r->net_cell], words);
}

/* ASCII letters alike whatever their case. */
static bool same_name(slice a, slice b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        u8 x = (u8)a.at[i], y = (u8)b.at[i];
        if (x >= 'A' && x <= 'Z') x |= 0x20;
        if (y >= 'A' && y <= 'Z') y |= 0x20;
        if (x != y) return false;
    }
    return true;
}

/* A header's first cell is not a net and does not look like a net that is wrong. */
static bool is_header(const struct csv *csv)
{
    slice first = csv->cell[0].text;
    net   n;
    bool  host_bits;
    if (net_parse(first, &n, &host_bits)) return false;
    bool digit = first.len > 0 && first.at[0] >= '0' && first.at[0] <= '9';
    return !digit && (first.len == 0 || memchr(first.at, ':', first.len) == NULL);
}

static u32 header_cells(const struct csv *csv)
{
    return csv->cells < CSV_CELLS_MAX ? csv->cells : CSV_CELLS_MAX;
}

/* The cell with this name; twice is a fault. */
static u32 find_name(struct reader *r, slice name)
{
    u32 found = CELL_NONE;
    for (u32 i = 0; i < header_cells(&r->csv); i++) {
        const struct csv_cell *cell = &r->csv.cell[i];
        char                   shown[ECHO_ROOM];
        if (!same_name(cell->text, name)) continue;
        if (found == CELL_NONE) found = i;
        else problem_add(r->problems, cell->line, cell->column, "column %s is twice in the header",
                         problem_echo(name, shown));
    }
    return found;
}

static bool is_wanted(const struct reader *r, slice name)
{
    for (u32 c = 0; c < r->columns; c++)
        if (same_name(r->names[c], name)) return true;
    return false;
}

/* The column with the nets: by name, else the first if that is no other one. */
static u32 find_net_column(struct reader *r)
{
    const slice usual[] = { S("cidr"), S("net"), S("network"), S("prefix") };
    for (u32 i = 0; i < WEIR_COUNT(usual); i++) {
        u32 cell = is_wanted(r, usual[i]) ? CELL_NONE : find_name(r, usual[i]);
        if (cell != CELL_NONE) return cell;
    }
    const struct csv_cell *first = &r->csv.cell[0];
    if (is_wanted(r, first->text))
        problem_add(r->problems, first->line, first->column,
                    "header has no column for the net, expected one named cidr, net, network or prefix");
    return 0;
}

/* The header's names for a message, as many as fit. */
static void list_header(const struct csv *csv, char *to)
{
    char   all[2 * ECHO_ROOM];
    size_t len = 0;
    for (u32 i = 0; i < header_cells(csv) && len < ECHO_ROOM; i++) {
        slice  name = csv->cell[i].text;
        size_t part = name.len < ECHO_ROOM / 2 ? name.len : ECHO_ROOM / 2;
        len += (size_t)snprintf(all + len, 3, "%s", i > 0 ? ", " : "");
        if (part) memcpy(all + len, name.at, part);
        len += part;
    }
    problem_echo(slice_of(all, len), to);
}

static void read_header(struct reader *r)
{
    const struct csv_cell *first = &r->csv.cell[0];
    r->cells_needed = 0;
    for (u32 c = 0; c < r->columns; c++) {
        u32 cell = find_name(r, r->names[c]);
        r->word_cell[c] = cell;
        if (cell == CELL_NONE) {
            char name[ECHO_ROOM], has[ECHO_ROOM];
            list_header(&r->csv, has);
            problem_add(r->problems, first->line, first->column, "header has no column %s (it has: %s)",
                        problem_echo(r->names[c], name), has);
        } else if (cell >= r->cells_needed) {
            r->cells_needed = cell + 1;
        }
    }
    r->net_cell = find_net_column(r);
    if (r->net_cell >= r->cells_needed) r->cells_needed = r->net_cell + 1;
}

static void tell_csv_fault(struct reader *r)
{
    const struct csv      *csv = &r->csv;
    const struct csv_cell *at = &csv->fault_at;
    if (csv->fault == CSV_OPEN)
        problem_add(r->problems, at->line, at->column, "quote not closed, expected another \" before the end");
    else
        problem_add(r->problems, at->line, at->column,
                    "text behind a closing quote, expected a comma or the line's end (opened in line %u, column %u)",
                    csv->opened.line, csv->opened.column);
}

static void read_rows(struct reader *r)
{
    make_room(r);
    u32 *none = r->table->cells; /* row 0: no net found */
    memset(none, 0, r->table->stride * sizeof *none);
    none[0] = 128;
    for (bool first = true; !err_is(r->fault) && csv_next(&r->csv); first = false) {
        if (r->csv.fault != CSV_FINE)          tell_csv_fault(r);
        else if (first && is_header(&r->csv)) read_header(r);
        else                                   read_row(r);
    }
}

/* Sorts the nets and tells those that are there twice, each time with the first of them. */
static void find_duplicates(struct reader *r)
{
    u32             rows = r->table->rows;
    struct lpm_net *spare = resize(NULL, rows, sizeof *spare);
    lpm_sort(r->nets, spare, rows);
    free(spare);
    for (u32 i = 1, first = 0; i < rows; i++) {
        const struct lpm_net *a = &r->nets[first], *b = &r->nets[i];
        if (a->hi != b->hi || a->lo != b->lo || a->bits != b->bits) {
            first = i;
            continue;
        }
        char         text[NET_TEXT];
        net          n = tag_row_net(r->table, b->row);
        struct place at = r->places[b->row - 1];
        net_format(&n, text);
        problem_add(r->problems, at.line, at.column, "duplicate net %s (first in line %u)", text,
                    r->places[a->row - 1].line);
    }
}

/* The table is given. */
static struct tag_table *finish(struct reader *r)
{
    struct tag_table *t = r->table;
    r->table = NULL;
    t->cells = resize(t->cells, (u64)t->rows + 1, t->stride * sizeof *t->cells);
    t->wide = resize(t->wide, t->wides, sizeof *t->wide);
    lpm_init(&t->lpm, r->nets, t->rows);
    return t;
}
