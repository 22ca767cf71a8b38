/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c: what the line decoder costs, on each instruction path this machine has.
 *
 * Two shapes, made in memory from a fixed seed: wide (120 fields, some 900 bytes, 40 used: 2 addresses, 4 samplings,
 * numbers of 1 to 9 digits, one tenth of eight columns null) and narrow (10 fields, some 73 bytes, 8 used). The text is
 * given in pieces of 128 KiB, as a worker reads files; the best of several rounds is printed, in processor time. No
 * arguments. */
#include "decode/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PIECE  (128u << 10)
#define ROUNDS 9

enum kind { ADDR, TIME, NUMBER, SMALL, NULLABLE, SAMPLING, MAC };

struct shape {
    const char *name;
    u32         fields, lines;
    enum kind (*kind)(u32 field);
    bool (*used)(u32 field);
};

struct text {
    char  *room;
    size_t len;
};

static u64 draw(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* As many digits as any other number of 1 to most. */
static u64 draw_number(u64 *state, u32 most)
{
    u64 limit = 10;
    for (u64 digits = draw(state) % most; digits > 0; digits--) limit *= 10;
    return draw(state) % limit;
}

static int put(char *to, enum kind kind, u64 *state)
{
    u32 a = (u32)draw(state), b = (u32)draw(state);
    switch (kind) {
    case ADDR: return sprintf(to, "%u.%u.%u.%u", a & 255, a >> 8 & 255, b & 255, b >> 8 & 255);
    case TIME: return sprintf(to, "17%08u.%06u", a % 100000000, b % 1000000);
    case NULLABLE: return a % 10 == 0 ? sprintf(to, "-") : sprintf(to, "%u", b % 4096);
    case SAMPLING:
        return sprintf(to, "%u:0.%06u:0.%06u:%u.%06u", a % 1000, b % 500, b % 1000, a >> 10 & 3, b % 1000000);
    case MAC: return sprintf(to, "02:00:%02x:%02x:%02x:%02x", a & 255, a >> 8 & 255, b & 255, b >> 8 & 255);
    case NUMBER:
    case SMALL: break;
    }
    return sprintf(to, "%llu", (unsigned long long)draw_number(state, kind == SMALL ? 5 : 9));
}

static enum kind wide_kind(u32 field)
{
    if (field < 2) return ADDR;
    if (field == 3 || field == 4) return MAC;
    if (field % 20 == 10) return SAMPLING;
    return field % 10 == 5 ? NULLABLE : NUMBER;
}

static bool wide_used(u32 field)
{
    return field < 2 || (field % 20 == 10 && field < 80) || (field > 10 && field % 10 != 0 && field % 3 == 0) ||
        field == 2;
}

static enum kind narrow_kind(u32 field)
{
    return field < 2 ? ADDR : field == 2 ? TIME : SMALL;
}

static bool narrow_used(u32 field)
{
    return field < 8;
}

static struct text make(const struct shape *s)
{
    u64         state = 88172645463325252u;
    struct text t = { malloc((size_t)s->lines * s->fields * 40 + 128), 64 };
    for (u32 line = 0; line < s->lines; line++)
        for (u32 f = 0; f < s->fields; f++) {
            t.len += (size_t)put(t.room + t.len, s->kind(f), &state);
            t.room[t.len++] = f + 1 == s->fields ? '\n' : ' ';
        }
    return t;
}

static enum field_type type_of(enum kind kind)
{
    static const enum field_type types[] = { FIELD_ADDR,     FIELD_TIME, FIELD_U64, FIELD_U64, FIELD_U64,
                                             FIELD_SAMPLING, FIELD_MAC };
    return types[kind];
}

static struct decoder *open_shape(const struct shape *s, enum path path, u32 *used)
{
    static struct layout_field field[FIELDS_MAX];
    static struct field        column[FIELDS_MAX];
    *used = 0;
    for (u32 f = 0; f < s->fields; f++) {
        field[f] = (struct layout_field){ .field = { .type = type_of(s->kind(f)) }, .scale = 1, .used = s->used(f),
            .slot = *used };
        if (field[f].used) column[(*used)++] = field[f].field;
    }
    struct layout   layout = { .separator = ' ', .null = S("-"), .time = LAYOUT_NO_TIME, .fields = s->fields,
                                .field = field };
    struct schema   schema = { 0, *used, column };
    struct decoder *d;
    err e = line_open(&d, &layout, &schema, path);
    if (err_is(e)) {
        fprintf(stderr, "%s: field %lld\n", e.what, (long long)e.at);
        exit(1);
    }
    return d;
}

/* All of the text; gives the records. */
static u64 decode_all(struct decoder *d, slice text, struct rejects *bad)
{
    u64 records = 0, lines = 0;
    for (size_t at = 0; at < text.len;) {
        size_t end = text.len - at < PIECE ? text.len : at + PIECE, used = 1;
        while (used > 0 && at < end) {
            struct batch batch;
            decoder_line.decode(d, slice_of(text.at + at, end - at), at, end == text.len, &batch, bad, &used, &lines);
            records += batch.rows;
            at += used;
        }
    }
    return records;
}

/* Processor time of this thread: other processes of the machine do not count. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(const struct shape *s, slice text, enum path path, const char *name)
{
    u32             used;
    struct decoder *d = open_shape(s, path, &used);
    struct rejects *bad = calloc(1, sizeof *bad);
    double          best = 1e9;
    u64             records = 0;
    for (u32 i = 0; i < ROUNDS; i++) {
        double start = now();
        records = decode_all(d, text, bad);
        double took = now() - start;
        if (took < best) best = took;
    }
    if (records != s->lines) fprintf(stderr, "%llu of %u lines decoded\n", (unsigned long long)records, s->lines);
    printf("%-7s %-7s %3u of %3u fields %6.0f B/line %7.2f GB/s %8.1f ns/line %7.2f Mrec/s\n", s->name, name, used,
           s->fields, (double)text.len / s->lines, (double)text.len / best * 1e-9, best * 1e9 / s->lines,
           s->lines / best * 1e-6);
    free(bad);
    decoder_line.close(d);
}

int main(void)
{
    static const char *const names[PATHS] = { "plain", "sse2", "avx2", "avx512", "vbmi2" };
    static const struct shape shapes[] = {
        { "wide", 120, 20000, wide_kind, wide_used },
        { "narrow", 10, 200000, narrow_kind, narrow_used },
    };
    for (u32 i = 0; i < WEIR_COUNT(shapes); i++) {
        struct text t = make(&shapes[i]);
        for (enum path p = PATH_PLAIN; p < PATHS; p++)
            if (path_runs(p)) measure(&shapes[i], slice_of(t.room + 64, t.len - 64), p, names[p]);
        free(t.room);
    }
    return 0;
}
