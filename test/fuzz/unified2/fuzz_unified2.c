/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_unified2.c: any bytes as a unified2 file, and as maps.
 *
 * Read whole and in pieces, whose sizes the first byte chooses: the same records, damage and counts, all bytes
 * accounted for. Each record is printed in both shapes into memory of just its bound: one line, ASCII. Joined, as many
 * records come out as went in. */
#include "unified2/json.h"
#include "unified2/reader.h"
#include "unified2/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What a reading comes to: all results in one number. */
struct reading {
    u64              hash;
    struct u2_counts counts;
    u64              records;
};

struct ways {
    struct u2_json     json;
    struct u2_text     text;
    struct u2_join_out out;
    struct u2_join    *join;
    u64                given;
};

static void mix(u64 *hash, u64 n)
{
    *hash = (*hash ^ n) * 1099511628211u;
}

static void line_check(const char *line, const char *end, size_t bound)
{
    WEIR_ASSERT((size_t)(end - line) <= bound && end > line && end[-1] == '\n');
    for (const char *p = line; p < end - 1; p++) WEIR_ASSERT(*p >= 32 && *p < 127);
}

static void out_event(struct u2_join_out *out, const struct u2_joined *j)
{
    struct ways *w = container_of(out, struct ways, out);
    size_t       bound = u2_json_joined_bound(&w->json, j, S("f"));
    char        *line = malloc(bound);
    WEIR_ASSERT(line != NULL);
    line_check(line, u2_json_joined(&w->json, j, S("f"), line), bound);
    w->given += 1 + j->count;
    free(line);
}

static void out_alone(struct u2_join_out *out, const struct u2_record *r, const void *origin)
{
    struct ways *w = container_of(out, struct ways, out);
    size_t       bound = u2_json_bound(&w->json, r, S("f")), room = u2_text_bound(&w->text, r);
    char        *line = malloc(bound), *text = malloc(room);
    WEIR_ASSERT(line != NULL && text != NULL);
    line_check(line, u2_json_line(&w->json, r, S("f"), line), bound);
    WEIR_ASSERT((size_t)(u2_text_put(&w->text, r, text) - text) <= room);
    w->given++;
    free(line);
    free(text);
}

static void take(struct reading *g, const struct u2_reader *r, enum u2_result got, const struct u2_record *out,
                 struct ways *w)
{
    mix(&g->hash, (u64)got);
    if (got == U2_DAMAGED) {
        mix(&g->hash, r->damage.offset);
        mix(&g->hash, r->damage.bytes);
        WEIR_ASSERT(r->damage.bytes > 0);
        return;
    }
    mix(&g->hash, out->offset);
    mix(&g->hash, out->type);
    for (u32 i = 0; i < out->length; i++) mix(&g->hash, out->body[i]);
    if (got != U2_RECORD || w == NULL) return;
    g->records++;
    out_alone(&w->out, out, NULL);
    u2_join_push(w->join, out, NULL, 0);
}

static struct reading read_pieces(slice text, size_t piece, struct ways *w)
{
    struct reading   g = { .hash = 14695981039346656037u };
    struct u2_reader r;
    size_t           done = 0, here = 0, used;
    bool             last = false;
    enum u2_result   got = U2_MORE;
    u2_reader_init(&r, 0, 4096);
    while (got == U2_MORE) {
        size_t begun = done;
        char  *own = malloc(here - done + !(here - done));
        WEIR_ASSERT(own != NULL);
        if (here > done) memcpy(own, text.at + done, here - done);
        for (;;) {
            struct u2_record out;
            got = u2_reader_next(&r, slice_of(own + (done - begun), here - done), last, &used, &out);
            WEIR_ASSERT(used <= here - done);
            done += used;
            if (got == U2_MORE || got == U2_END || got == U2_FOREIGN) break;
            take(&g, &r, got, &out, w);
        }
        free(own);
        WEIR_ASSERT(r.at == done && r.counts.bytes == done && (got == U2_MORE) <= !last);
        WEIR_ASSERT(here - done <= 4096 + U2_HEADERS + piece);
        last = here == text.len;
        here = text.len - here < piece ? text.len : here + piece;
    }
    WEIR_ASSERT(got == U2_FOREIGN || done == text.len);
    g.counts = r.counts;
    return g;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 2) return 0;
    slice                 text = slice_of((const char *)data + 2, size - 2);
    struct u2_name_faults faults;
    struct u2_names      *names = u2_names_open();
    u2_names_read(names, (enum u2_map)(data[1] % 3), text, &faults);
    u2_names_read(names, U2_MAP_SID, S("1 || one\n2 || \xff\n"), &faults);
    bool        more = data[1] & 64;
    struct ways w = { .json = { names, more, more, more, more },
                      .text = { names, true },
                      .out = { out_event, out_alone } };
    w.join = u2_join_open(&(struct u2_join_setup){ .events_max = 1 + data[1] % 8, .bytes_max = 8192 }, &w.out);
    struct reading whole = read_pieces(text, text.len + 1, &w), parts = read_pieces(text, 1 + data[0] % 97, NULL);
    u2_join_end(w.join);
    WEIR_ASSERT(w.given == 2 * whole.records);
    WEIR_ASSERT(whole.hash == parts.hash && memcmp(&whole.counts, &parts.counts, sizeof whole.counts) == 0);
    u2_join_close(w.join);
    u2_names_close(names);
    return 0;
}
