/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c: see stats.h. Names of sources, topics and files are strangers' text: they are escaped. */
#include "engine/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static void put_text(FILE *to, slice s)
{
    fputc('"', to);
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        if (c < ' ' || c >= 0x7f) fprintf(to, "\\u%04x", c); /* bytes as Latin-1: only to be told apart */
        else fprintf(to, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    fputc('"', to);
}

/* Parts of a source come with their metrics one by one; those of a part follow each other. */
struct parts {
    FILE *to;
    char *last;
    bool  some;
};

static void on_part(void *arg, slice part, const char *metric, i64 value)
{
    struct parts *p = arg;
    bool          same = p->last != NULL && slice_is(part, p->last);
    if (!same) {
        fputs(p->some ? "}, " : ", \"parts\": {", p->to);
        put_text(p->to, part);
        fputs(": {", p->to);
        free(p->last);
        p->last = slice_dup(part);
        p->some = true;
    }
    fprintf(p->to, "%s\"%s\": %lld", same ? ", " : "", metric, (long long)value);
}

static void put_source(FILE *to, struct intake *in)
{
    const u64   *ledger = (const u64 *)intake_ledger(in);
    struct parts parts = { to, NULL, false };
    const u64   *counts;
    put_text(to, intake_name(in));
    fputs(": {", to);
    for (const struct metric *m = ledger_metrics; m->name; m++)
        fprintf(to, "\"%s\": %llu, ", m->name, (unsigned long long)ledger[m->offset / sizeof(u64)]);
    nanos watermark = intake_watermark(in);
    if (watermark == NANOS_MIN) fputs("\"watermark_s\": null", to);
    else fprintf(to, "\"watermark_s\": %.3f", (f64)watermark / 1e9);
    fputs(", \"metrics\": {", to);
    const struct metric *m = intake_metrics(in, &counts);
    for (u32 i = 0; m != NULL && m[i].name; i++)
        fprintf(to, "%s\"%s\": %llu", i > 0 ? ", " : "", m[i].name, (unsigned long long)counts[m[i].offset / sizeof(u64)]);
    fputc('}', to);
    intake_parts(in, on_part, &parts);
    fputs(parts.some ? "}}}" : "}", to);
    free(parts.last);
}

char *stats_sources(u32 count, struct intake *const *intake)
{
    char  *text = NULL;
    size_t len;
    FILE  *to = open_memstream(&text, &len);
    WEIR_ASSERT(to != NULL);
    fputc('{', to);
    for (u32 i = 0; i < count; i++) {
        if (i > 0) fputs(", ", to);
        put_source(to, intake[i]);
    }
    fputc('}', to);
    WEIR_ASSERT(fclose(to) == 0);
    return text;
}

static void put_stats(FILE *f, const struct stats *s)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    fprintf(f, "{\"lines\": %llu, \"bytes\": %llu, ", (unsigned long long)s->lines, (unsigned long long)s->bytes);
    fprintf(f, "\"applied_s\": %.6f, \"ranked_s\": %.6f, \"committed_s\": %.6f, \"run_s\": %.6f, ", s->applied_s,
            s->ranked_s, s->committed_s, s->run_s);
    fprintf(f, "\"cpu_user_s\": %ld.%06ld, \"cpu_system_s\": %ld.%06ld, \"rss_max_kib\": %ld, ",
            (long)use.ru_utime.tv_sec, (long)use.ru_utime.tv_usec, (long)use.ru_stime.tv_sec,
            (long)use.ru_stime.tv_usec, use.ru_maxrss);
    fprintf(f, "\"epochs\": %llu, \"longest_cut_s\": %.6f, \"image_bytes\": %llu, \"recovery_s\": %.6f, "
            "\"state_bytes\": %llu, \"sources\": %s}\n",
            (unsigned long long)s->epochs, (f64)s->longest_cut_ns / 1e9, (unsigned long long)s->image_bytes,
            (f64)s->recovery_ns / 1e9, (unsigned long long)s->state_bytes, s->sources ? s->sources : "{}");
}

bool stats_write(const char *path, const struct stats *s)
{
    char *new = NULL;
    WEIR_ASSERT(asprintf(&new, "%s.new", path) > 0);
    FILE *f = fopen(new, "w");
    bool  good = f != NULL;
    if (good) {
        put_stats(f, s);
        good = fclose(f) == 0 && rename(new, path) == 0;
    }
    free(new);
    return good;
}
