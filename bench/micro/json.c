/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: what the JSON decoder costs a record, and how much of it is looking for values.
 *
 * Suricata alerts of some 330 bytes, made in memory from a fixed seed, in three spellings: as Suricata writes them,
 * with white space, and with an escape in each line. Ten fields are wanted, then none (the line is checked all the
 * same). The text is given in pieces of 128 KiB; the best of several rounds is printed, in
 * processor time. No arguments. */
#include "weir/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PIECE  (128u << 10)
#define ROUNDS 9
#define LINES  60000u
#define WANTED 10u

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

static int put_event(char *to, u32 form, u64 *state)
{
    static const char *const text[] = {
        "{\"timestamp\":\"2024-05-%02u%s%02u:%02u:%02u.%06u+0200\",\"flow_id\":%u%08u,\"event_type\":\"alert\","
        "\"src_ip\":\"%u.%u.%u.%u\",\"src_port\":%u,\"dest_ip\":\"10.%u.%u.%u\",\"dest_port\":%u,\"proto\":\"TCP\","
        "\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":%u,\"rev\":%u,\"signature\":\"ET SCAN %s\","
        "\"category\":\"Attempted Leak\",\"severity\":%u}}\n",
        "{ \"timestamp\": \"2024-05-%02u%s%02u:%02u:%02u.%06u+0200\", \"flow_id\": %u%08u, \"event_type\": \"alert\", "
        "\"src_ip\": \"%u.%u.%u.%u\", \"src_port\": %u, \"dest_ip\": \"10.%u.%u.%u\", \"dest_port\": %u, "
        "\"proto\": \"TCP\", \"alert\": { \"action\": \"allowed\", \"gid\": 1, \"signature_id\": %u, \"rev\": %u, "
        "\"signature\": \"ET SCAN %s\", \"category\": \"Attempted Leak\", \"severity\": %u } }\n",
    };
    u32 a = (u32)draw(state), b = (u32)draw(state), c = (u32)draw(state);
    return sprintf(to, text[form == 1], 1 + a % 31, "T", b % 24, a % 60, b % 60, c % 1000000, 1 + a % 9, b % 100000000,
                   a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, b >> 16, c & 255, c >> 8 & 255, c >> 16 & 255,
                   a % 2 ? 22u : 443u, 2000000 + c % 40000, 1 + a % 20,
                   form == 2 ? "Potential \\/ SSH" : "Potential SSH", 1 + a % 3);
}

static struct text make(u32 form)
{
    u64         state = 88172645463325252u;
    struct text t = { malloc((size_t)LINES * 480 + 128), 64 };
    for (u32 i = 0; i < LINES; i++) t.len += (size_t)put_event(t.room + t.len, form, &state);
    return t;
}

static struct decoder *open_wanted(bool wanted)
{
    static const struct { const char *path; enum field_type type; } fields[WANTED] = {
        { "timestamp", FIELD_TIME },          { "event_type", FIELD_STRING },  { "src_ip", FIELD_ADDR },
        { "src_port", FIELD_U64 },            { "dest_ip", FIELD_ADDR },       { "dest_port", FIELD_U64 },
        { "proto", FIELD_STRING },            { "alert.signature_id", FIELD_U64 }, { "alert.signature", FIELD_STRING },
        { "alert.severity", FIELD_U64 },
    };
    static struct layout_field field[WANTED];
    static struct field        column[WANTED];
    struct decoder            *d;
    for (u32 i = 0; i < WANTED; i++) {
        field[i] = (struct layout_field){ .field = { .type = fields[i].type }, .column = slice_str(fields[i].path),
                                          .scale = 1, .used = wanted, .slot = i };
        column[i] = field[i].field;
    }
    struct layout layout = { .null = S("-"), .time = wanted ? 0 : LAYOUT_NO_TIME, .fields = WANTED, .field = field };
    struct schema schema = { 0, wanted ? WANTED : 0, column };
    err e = decoder_json.open(&d, &layout, &schema);
    if (!err_is(e)) return d;
    fprintf(stderr, "%s: field %lld\n", e.what, (long long)e.at);
    exit(1);
}

/* All of the text; gives the records. */
static u64 decode_all(struct decoder *d, slice text, struct rejects *bad)
{
    u64 records = 0, lines = 0;
    for (size_t at = 0; at < text.len;) {
        size_t end = text.len - at < PIECE ? text.len : at + PIECE, used = 1;
        while (used > 0 && at < end) {
            struct batch batch;
            decoder_json.decode(d, slice_of(text.at + at, end - at), at, end == text.len, &batch, bad, &used, &lines);
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

static void measure(const char *name, u32 form, bool wanted)
{
    static struct rejects bad;
    struct text           t = make(form);
    struct decoder       *d = open_wanted(wanted);
    slice                 text = slice_of(t.room + 64, t.len - 64);
    double                best = 1e9;
    for (u32 i = 0; i < ROUNDS; i++) {
        double begin = now();
        u64    took = decode_all(d, text, &bad);
        double seconds = now() - begin;
        if (took != LINES) {
            fprintf(stderr, "%s: %llu records of %u\n", name, (unsigned long long)took, LINES);
            exit(1);
        }
        if (seconds < best) best = seconds;
    }
    printf("json %-12s %2u fields  %4.0f bytes  %6.1f ns/record  %5.2f M records/s  %5.2f GB/s\n", name,
           wanted ? WANTED : 0, (double)text.len / LINES, best / LINES * 1e9, LINES / best * 1e-6,
           (double)text.len / best * 1e-9);
    decoder_json.close(d);
    free(t.room);
}

int main(void)
{
    static const char *const names[] = { "suricata", "white space", "escapes" };
    if (decoder_json.missing != NULL) {
        printf("json: %s\n", decoder_json.missing);
        return 0;
    }
    for (u32 form = 0; form < WEIR_COUNT(names); form++)
        for (u32 wanted = 0; wanted < 2; wanted++) measure(names[form], form, wanted == 0);
    return 0;
}
