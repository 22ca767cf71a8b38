/* SPDX-License-Identifier: Apache-2.0 */
/* mill.c: a chunk's bytes pass through one buffer that stays in the L2; what leaves is partial groups.
 *
 * A chunk owns the lines that begin in its range. So it starts behind the first LF at or after offset - 1 (unless the
 * source knows better), and ends behind the first LF at or after its last byte, which may lie beyond the range. */
#include "engine/mill.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK      ((size_t)192 << 10) /* read at once                                    */
#define LINE_MAX_  ((size_t)64 << 10)  /* p2.md section 2; longer ones are rejected       */
#define MARGIN     64u                 /* decoders may look at these, never use them      */
#define BUFFER     (BLOCK + LINE_MAX_ + 2 * MARGIN)

struct mill {
    const struct plan *plan;
    struct decoder   **decoder; /* per layout */
    struct combine   **combine; /* per window */
    struct column     *column;  /* decoded and tagged columns of the batch in work */
    net              **nets;    /* per tag step and side: BATCH_ROWS nets          */
    u32              **words;   /* per tag step, side and give                     */
    char              *buffer;
};

static void *must(void *memory)
{
    WEIR_ASSERT(memory != NULL);
    return memory;
}

/* Columns that tag steps make: fixed arrays, filled anew for each batch. */
static void mill_tag_columns(struct mill *m)
{
    for (u32 t = 0; t < m->plan->tags; t++) {
        const struct step_tag *s = &m->plan->tag[t]->tag;
        for (u32 side = 0; side < s->sides; side++)
            for (u32 g = 0; g < s->gives; g++) {
                size_t cell = (i32)g == s->net_at ? sizeof(net) : sizeof(u32);
                m->column[s->base[side] + g].cells = must(calloc(BATCH_ROWS, cell));
            }
    }
}

err mill_open(struct mill **out, const struct plan *plan)
{
    struct mill *m = must(calloc(1, sizeof *m));
    m->plan = plan;
    m->buffer = must(malloc(BUFFER));
    memset(m->buffer, 0, BUFFER);
    m->decoder = must(calloc(plan->from->layouts + 1, sizeof *m->decoder));
    m->combine = must(calloc(plan->windows + 1, sizeof(struct combine *)));
    m->column = must(calloc(plan->columns + 1, sizeof *m->column));
    mill_tag_columns(m);
    for (u32 i = 0; i < plan->from->layouts; i++) {
        err e = plan->from->decoder->open(&m->decoder[i], &plan->from->layout[i], &plan->from->decoded);
        if (err_is(e)) {
            mill_close(m);
            return e;
        }
    }
    for (u32 i = 0; i < plan->windows; i++) {
        const struct step_window *w = &plan->window[i]->window;
        struct combine_spec       spec = { w->length,   &plan->stream, w->keys, w->carried,
                                           w->measures, w->column,     &w->layout };
        err e = combine_open(&m->combine[i], &spec);
        if (err_is(e)) {
            mill_close(m);
            return e;
        }
    }
    *out = m;
    return OK;
}

void mill_close(struct mill *m)
{
    for (u32 i = 0; i < m->plan->from->layouts; i++)
        if (m->decoder[i]) m->plan->from->decoder->close(m->decoder[i]);
    for (u32 i = 0; i < m->plan->windows; i++)
        if (m->combine[i]) combine_close(m->combine[i]);
    u32 decoded = m->plan->from->decoded.tags + m->plan->from->decoded.measures;
    for (u32 c = decoded; c < m->plan->columns; c++) free(m->column[c].cells);
    free(m->decoder);
    free(m->combine);
    free(m->column);
    free(m->buffer);
    free(m);
}

/* A column of words takes its dictionary from the table version that the job was given. */
static u32 *word_column(struct mill *m, const struct job *job, u32 tag, u32 column)
{
    m->column[column].words = tag_table_words(job->table[tag]->table);
    return m->column[column].cells;
}

static void mill_tag(struct mill *m, const struct job *job, u32 rows)
{
    for (u32 t = 0; t < m->plan->tags; t++) {
        const struct step_tag *s = &m->plan->tag[t]->tag;
        net                    unused[BATCH_ROWS];
        for (u32 side = 0; side < s->sides; side++) {
            u32 *words[TAG_COLUMNS_MAX] = { NULL };
            u32  w = 0;
            for (u32 g = 0; g < s->gives; g++)
                if ((i32)g != s->net_at) words[w++] = word_column(m, job, t, s->base[side] + g);
            net *nets = s->net_at < 0 ? unused : m->column[s->base[side] + (u32)s->net_at].cells;
            tag_apply(job->table[t]->table, &m->column[s->address[side]], rows, nets, words);
        }
    }
}

/* One decoded batch through tags and windows. */
static void mill_batch(struct mill *m, struct job *job, const struct batch *decoded)
{
    if (decoded->rows == 0) return;
    memcpy(m->column, decoded->column, decoded->columns * sizeof *m->column);
    struct batch all = *decoded;
    all.columns = m->plan->columns;
    all.column = m->column;
    if (all.time == NULL) all.time_all = job->chunk.time;
    mill_tag(m, job, all.rows);
    for (u32 i = 0; i < m->plan->windows; i++) combine_push(m->combine[i], &all, &job->partial[i]);
    job->counts.applied += all.rows;
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
    size_t room = BUFFER - MARGIN - v->end;
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

/* Bytes of the buffer that belong to lines of ours: up to behind the LF at or after the range's last byte.
 * `whole` is set when that LF (or the end of input) is in the buffer. */
static size_t view_own(const struct mill *m, const struct view *v, u64 limit, bool *whole)
{
    size_t have = v->end - v->begin;
    *whole = v->eof;
    if (v->offset + have < limit) return have;
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
        bool   last = v.eof && job->failed == 0 && v.begin + own == v.end; /* a torn line is no last line */
        size_t used = mill_text(m, job, slice_of(m->buffer + v.begin, own), v.offset, last);
        v.begin += used;
        v.offset += used;
        if (whole || v.offset >= limit) break;
        if (v.end - v.begin > LINE_MAX_) view_overlong(m, job, &v);
    }
    job->counts.bytes = begun ? v.offset - start : 0;
}
