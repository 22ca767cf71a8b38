/* SPDX-License-Identifier: Apache-2.0 */
/* mill.c: a chunk's bytes pass through one buffer that stays in the L2; what leaves is partial groups.
 *
 * A chunk owns the lines that begin in its range. So it starts behind the first LF at or after offset - 1 (unless the
 * source knows better), and ends behind the first LF at or after its last byte, which may lie beyond the range. A chunk
 * of records without line ends (decoder.records) begins and ends where the source cut it. */
#include "engine/mill.h"

#include "engine/strain.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK      ((size_t)192 << 10) /* read at once                                    */
#define MARGIN     64u                 /* decoders may look at these, never use them      */

/* The batch of a stream, filled anew each time. */
struct mill_stream {
    struct column   *column; /* plan->columns; of stream 0: decoded ones first       */
    struct expr_run *where;  /* NULL: stream 0                                       */
    struct strain   *strain;
    struct batch     batch;
    u16              origin[BATCH_ROWS]; /* row in the decoder's batch; not of stream 0 */
};

struct mill {
    const struct plan  *plan;
    struct decoder    **decoder; /* per layout                        */
    struct combine    **combine; /* per window                        */
    struct mill_stream *stream;  /* per stream                        */
    struct expr_run  ***derive;  /* per filter, per derived column    */
    u32                *tag_stream; /* per tag step: whose batch it extends */
    size_t              line_max; /* of the format; longer ones are rejected       */
    size_t              room;     /* of the buffer: a block and a line, both margins */
    char               *buffer;
    struct expr_counts  told;    /* of all runs, as far as jobs have got them */
    u64                 passed[BATCH_ROWS]; /* per row of the decoder's batch: bit s: stream s has it */
};

static void *must(void *memory)
{
    WEIR_ASSERT(memory != NULL);
    return memory;
}

/* Columns that tag steps make: fixed arrays, filled anew for each batch. */
static void open_tags(struct mill *m)
{
    const struct plan *p = m->plan;
    m->tag_stream = must(calloc(p->tags + 1, sizeof *m->tag_stream));
    for (u32 s = 0; s < p->streams; s++)
        for (u32 i = 0; i < p->stream[s].ops; i++)
            if (p->stream[s].op[i].work == PLAN_TAG) m->tag_stream[p->stream[s].op[i].index] = s;
    for (u32 t = 0; t < p->tags; t++) {
        const struct step_tag *tag = &p->tag[t]->tag;
        struct column         *column = m->stream[m->tag_stream[t]].column;
        for (u32 i = 0; i < tag->sides * tag->gives; i++) {
            size_t cell = (i32)(i % tag->gives) == tag->net_at ? sizeof(net) : sizeof(u32);
            column[tag->base[0] + i].cells = must(calloc(BATCH_ROWS, cell));
        }
    }
}

static void close_tags(struct mill *m)
{
    for (u32 t = 0; t < m->plan->tags; t++) {
        const struct step_tag *tag = &m->plan->tag[t]->tag;
        for (u32 i = 0; i < tag->sides * tag->gives; i++)
            free(m->stream[m->tag_stream[t]].column[tag->base[0] + i].cells);
    }
    free(m->tag_stream);
}

static void open_streams(struct mill *m)
{
    const struct plan *p = m->plan;
    m->stream = must(calloc(p->streams, sizeof *m->stream));
    for (u32 i = 0; i < p->streams; i++) {
        m->stream[i].column = must(calloc(p->columns + 1, sizeof(struct column)));
        if (i == 0) continue;
        m->stream[i].where = expr_open_run(p->stream[i].where->filter.where);
        m->stream[i].strain = strain_open(p->schema.field, p->columns, p->stream[i].column, p->stream[i].columns);
    }
    m->derive = must(calloc(p->filters + 1, sizeof *m->derive));
    for (u32 i = 0; i < p->filters; i++) {
        const struct step_filter *f = &p->filter[i]->filter;
        m->derive[i] = must(calloc(f->derives + 1, sizeof(struct expr_run *)));
        for (u32 k = 0; k < f->derives; k++)
            if (f->derive[k].expr) m->derive[i][k] = expr_open_run(f->derive[k].expr);
    }
}

static void close_streams(struct mill *m)
{
    for (u32 i = 0; i < m->plan->streams; i++) {
        if (m->stream[i].where) expr_close_run(m->stream[i].where);
        strain_close(m->stream[i].strain);
        free(m->stream[i].column);
    }
    for (u32 i = 0; i < m->plan->filters; i++) {
        for (u32 k = 0; k < m->plan->filter[i]->filter.derives; k++)
            if (m->derive[i][k]) expr_close_run(m->derive[i][k]);
        free(m->derive[i]);
    }
    free(m->derive);
    free(m->stream);
}

static err open_decoders(struct mill *m)
{
    const struct plan *p = m->plan;
    m->decoder = must(calloc(p->from->layouts + 1, sizeof *m->decoder));
    for (u32 i = 0; i < p->from->layouts; i++) {
        err e = p->from->decoder->open(&m->decoder[i], &p->from->layout[i], &p->from->decoded);
        if (err_is(e)) return e;
    }
    return OK;
}

static err open_combines(struct mill *m)
{
    const struct plan *p = m->plan;
    m->combine = must(calloc(p->windows + 1, sizeof(struct combine *)));
    for (u32 i = 0; i < p->windows; i++) {
        const struct step_window *w = &p->window[i]->window;
        struct combine_spec       spec = { w->length,   &p->schema, w->keys, w->carried,
                                           w->measures, w->column,  &w->layout };
        err e = combine_open(&m->combine[i], &spec);
        if (err_is(e)) return e;
    }
    return OK;
}

err mill_open(struct mill **out, const struct plan *plan)
{
    struct mill *m = must(calloc(1, sizeof *m));
    m->plan = plan;
    m->line_max = plan->from->decoder->line_max ? plan->from->decoder->line_max : DECODER_LINE_MAX;
    m->room = BLOCK + m->line_max + 2 * MARGIN;
    m->buffer = must(malloc(m->room));
    memset(m->buffer, 0, m->room);
    open_streams(m);
    open_tags(m);
    err e = open_combines(m);
    if (!err_is(e)) e = open_decoders(m);
    if (err_is(e)) {
        mill_close(m);
        return e;
    }
    *out = m;
    return OK;
}

void mill_close(struct mill *m)
{
    for (u32 i = 0; m->decoder && i < m->plan->from->layouts; i++)
        if (m->decoder[i]) m->plan->from->decoder->close(m->decoder[i]);
    for (u32 i = 0; i < m->plan->windows; i++)
        if (m->combine[i]) combine_close(m->combine[i]);
    close_tags(m);
    close_streams(m);
    free(m->decoder);
    free(m->combine);
    free(m->buffer);
    free(m);
}

/* A column of words takes its dictionary from the table version that the job was given. */
static u32 *word_column(const struct job *job, u32 tag, struct column *column)
{
    column->words = tag_table_words(job->table[tag]->table);
    return column->cells;
}

static void mill_tag(const struct mill *m, const struct job *job, u32 tag, struct batch *b)
{
    const struct step_tag *s = &m->plan->tag[tag]->tag;
    net                    unused[BATCH_ROWS];
    for (u32 side = 0; side < s->sides; side++) {
        u32 *words[TAG_COLUMNS_MAX] = { NULL };
        u32  w = 0;
        for (u32 g = 0; g < s->gives; g++)
            if ((i32)g != s->net_at) words[w++] = word_column(job, tag, &b->column[s->base[side] + g]);
        net *nets = s->net_at < 0 ? unused : b->column[s->base[side] + (u32)s->net_at].cells;
        tag_apply(job->table[tag]->table, &b->column[s->address[side]], b->rows, nets, words);
    }
}

static void mill_derive(struct mill *m, u32 filter, struct batch *b)
{
    const struct step_filter *f = &m->plan->filter[filter]->filter;
    for (u32 k = 0; k < f->derives; k++)
        if (m->derive[filter][k]) expr_derive(m->derive[filter][k], b, &b->column[f->derive[k].column]);
}

static void mill_stream(struct mill *m, struct job *job, u32 stream);

static void mill_where(struct mill *m, struct job *job, u32 stream)
{
    const struct plan_stream *p = &m->plan->stream[stream];
    struct mill_stream       *s = &m->stream[stream], *parent = &m->stream[p->parent];
    u64                       keep[BATCH_ROWS / 64];
    u32                       rows = expr_where(s->where, &parent->batch, keep);
    if (rows == 0) return;
    s->batch.column = s->column;
    strain_take(s->strain, &parent->batch, keep, rows, p->parent ? parent->origin : NULL, &s->batch, s->origin);
    if (p->windows || p->records)
        for (u32 i = 0; i < rows; i++) m->passed[s->origin[i]] |= 1ull << stream;
    mill_stream(m, job, stream);
}

/* The batch of a stream through what takes it. */
static void mill_stream(struct mill *m, struct job *job, u32 stream)
{
    const struct plan_stream *p = &m->plan->stream[stream];
    struct batch             *b = &m->stream[stream].batch;
    for (u32 i = 0; i < p->ops; i++) {
        u32 n = p->op[i].index;
        switch (p->op[i].work) {
        case PLAN_TAG: mill_tag(m, job, n, b); break;
        case PLAN_DERIVE: mill_derive(m, n, b); break;
        case PLAN_WHERE: mill_where(m, job, n); break;
        case PLAN_WINDOW: combine_push(m->combine[n], b, &job->partial[n]); break;
        case PLAN_RECORDS: record_rows_push(&job->rows[n], &m->plan->record[n]->records, b); break;
        }
    }
}

/* Counts records by window and by the streams that have them; neighbours are mostly alike. */
static void mill_tally(const struct mill *m, struct job *job, const struct batch *b)
{
    nanos grid = m->plan->grid, start = 0, was = 0;
    u64   mask = 0, same = 0;
    for (u32 i = 0; i < b->rows; i++) {
        if (grid && (i == 0 || b->time)) start = nanos_floor(b->time ? b->time[i] : b->time_all, grid);
        if (same && (start != was || m->passed[i] != mask)) {
            tally_add(&job->tally, was, mask, same);
            same = 0;
        }
        was = start;
        mask = m->passed[i];
        same++;
    }
    tally_add(&job->tally, was, mask, same);
}

/* The newest time among the job's records. One from the future is none to go by: all that follows would be late. */
static void mill_newest(struct job *job, const struct batch *b)
{
    nanos newest = b->time ? NANOS_MIN : b->time_all;
    for (u32 i = 0; b->time && i < b->rows; i++)
        if (b->time[i] > newest && b->time[i] <= job->horizon) newest = b->time[i];
    if (newest > job->newest && newest <= job->horizon) job->newest = newest;
}

/* One decoded batch through all steps. */
static void mill_batch(struct mill *m, struct job *job, const struct batch *decoded)
{
    struct mill_stream *s = &m->stream[0];
    if (decoded->rows == 0) return;
    if (decoded->columns) memcpy(s->column, decoded->column, decoded->columns * sizeof *s->column);
    s->batch = *decoded;
    s->batch.columns = m->plan->columns;
    s->batch.column = s->column;
    if (s->batch.time == NULL) s->batch.time_all = job->chunk.time;
    if (m->plan->from->type->timed) mill_newest(job, &s->batch);
    if (m->plan->streams > 1) memset(m->passed, 0, s->batch.rows * sizeof *m->passed);
    mill_stream(m, job, 0);
    if (m->plan->streams > 1) mill_tally(m, job, &s->batch);
    job->counts.applied += s->batch.rows;
}

/* Decodes all whole lines of text; gives the bytes used. */
static size_t mill_text(struct mill *m, struct job *job, slice text, u64 offset, bool last)
{
    const struct decoder_type *type = m->plan->from->decoder;
    struct decoder            *d = m->decoder[job->chunk.layout];
    size_t                     used_all = 0;
    for (;;) {
        struct batch out = { 0 };
        size_t       used = 0;
        type->decode(d, slice_of(text.at + used_all, text.len - used_all), offset + used_all, last, &out, job->bad, &used,
                     &job->counts.lines);
        mill_batch(m, job, &out);
        used_all += used;
        if (used == 0 || used_all == text.len) return used_all;
    }
}

/* The part of a file that is in the buffer. */
struct view {
    size_t begin, end; /* in the buffer: what is not decoded yet    */
    u64    offset;     /* of `begin` in the file                    */
    bool   eof;
    bool   skip;       /* inside a line that is not ours or too long */
};

/* Moves the rest to the front and reads more behind it. */
static void view_fill(struct mill *m, struct job *job, struct view *v)
{
    size_t rest = v->end - v->begin;
    memmove(m->buffer + MARGIN, m->buffer + v->begin, rest);
    v->begin = MARGIN;
    v->end = MARGIN + rest;
    size_t room = m->room - MARGIN - v->end;
    if (room > BLOCK) room = BLOCK;
    i64 n = job->chunk.source ? m->plan->from->type->read(&job->chunk, v->offset + rest, m->buffer + v->end, room) : 0;
    if (n < 0) job->failed = n;
    if (n <= 0) v->eof = true;
    else v->end += (size_t)n;
}

/* Drops bytes up to and with the next LF; false: none in the buffer, all dropped. */
static bool view_skip(struct mill *m, struct view *v)
{
    const char *from = m->buffer + v->begin;
    const char *lf = memchr(from, '\n', v->end - v->begin);
    size_t      gone = lf ? (size_t)(lf - from) + 1 : v->end - v->begin;
    v->begin += gone;
    v->offset += gone;
    v->skip = lf == NULL;
    return lf != NULL;
}

/* Bytes of the buffer that belong to lines of ours: up to behind the LF at or after the range's last byte; records
 * that the source cut end with the range. `whole` is set when that end (or the end of input) is in the buffer. */
static size_t view_own(const struct mill *m, const struct view *v, u64 limit, bool *whole)
{
    size_t have = v->end - v->begin;
    *whole = v->eof;
    if (v->offset + have < limit) return have;
    if (m->plan->from->decoder->records) {
        *whole = true;
        return (size_t)(limit - v->offset);
    }
    size_t      to_last = v->offset >= limit ? 0 : (size_t)(limit - 1 - v->offset);
    const char *from = m->buffer + v->begin + to_last;
    const char *lf = memchr(from, '\n', have - to_last);
    if (lf == NULL) return have;
    *whole = true;
    return to_last + (size_t)(lf - from) + 1;
}

/* A line that does not end within the buffer: the decoder rejects its first bytes, the rest is passed over. */
static void view_overlong(struct mill *m, struct job *job, struct view *v)
{
    mill_text(m, job, slice_of(m->buffer + v->begin, v->end - v->begin), v->offset, true);
    v->offset += v->end - v->begin;
    v->begin = v->end; /* a full buffer would have no room for what follows: that would look like the end of the file */
    v->skip = true;
}

/* What the runs counted since the last job. */
static void mill_values(struct mill *m, struct job *job)
{
    struct expr_counts all = { 0 };
    for (u32 i = 0; i < m->plan->filters; i++)
        for (u32 k = 0; k < m->plan->filter[i]->filter.derives; k++) {
            if (m->derive[i][k] == NULL) continue;
            const struct expr_counts *c = expr_counts(m->derive[i][k]);
            all.rows += c->rows, all.null += c->null, all.overflow += c->overflow, all.by_zero += c->by_zero;
        }
    job->values = (struct expr_counts){ all.rows - m->told.rows, all.null - m->told.null,
                                        all.overflow - m->told.overflow, all.by_zero - m->told.by_zero };
    m->told = all;
}

void mill_run(struct mill *m, struct job *job)
{
    const struct chunk *c = &job->chunk;
    u64                 limit = c->offset + c->length;
    bool                aligned = c->aligned || c->offset == 0;
    struct view         v = { MARGIN, MARGIN, c->offset - (aligned ? 0 : 1), false, !aligned };
    bool                begun = aligned; /* the first line of ours is found */
    u64                 start = v.offset;
    while (job->failed == 0) {
        view_fill(m, job, &v);
        if (v.skip && !view_skip(m, &v)) {
            if (v.eof || v.offset >= limit) break;
            continue;
        }
        if (!begun) start = v.offset;
        begun = true;
        if (v.offset >= limit) break; /* no line begins in the rest of the range */
        bool   whole;
        size_t own = view_own(m, &v, limit, &whole);
        bool   cut = m->plan->from->decoder->records ? whole : v.eof && v.begin + own == v.end;
        bool   last = cut && job->failed == 0; /* a torn line is no last line */
        size_t used = mill_text(m, job, slice_of(m->buffer + v.begin, own), v.offset, last);
        v.begin += used;
        v.offset += used;
        if (whole || v.offset >= limit) break;
        if (v.end - v.begin > m->line_max) view_overlong(m, job, &v);
    }
    job->counts.bytes = begun ? v.offset - start : 0;
    mill_values(m, job);
}
