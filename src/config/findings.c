/* SPDX-License-Identifier: Apache-2.0 */
/* findings.c: collects faults and finds the name that was probably meant.
 *
 * Nearness is the Damerau-Levenshtein distance in its restricted form (no piece is edited twice), because most slips of
 * the keyboard are one letter too many, one missing, one wrong or two exchanged. Printing is findings_print.c. */
#include "config/findings.h"

#include "weir/near.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SUGGEST_MAX     12

void findings_init(struct findings *f)
{
    *f = (struct findings){ 0 };
    arena_init(&f->arena, 0);
}

void findings_fini(struct findings *f)
{
    arena_fini(&f->arena);
    *f = (struct findings){ 0 };
}

static char *findings_format(struct findings *f, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    WEIR_ASSERT(len >= 0);
    char *text = arena_alloc(&f->arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

static void findings_add(struct findings *f, struct place at, bool warning, const char *hint, const char *text)
{
    if (!warning) f->errors++;
    if (f->count == FINDINGS_MAX) {
        f->dropped++;
        return;
    }
    if (f->at == NULL) f->at = arena_array(&f->arena, struct finding, FINDINGS_MAX);
    const char *file = NULL;
    for (u32 i = 0; i < f->files && file == NULL; i++)
        if (strcmp(f->file[i].path, at.file) == 0) file = f->file[i].path;
    if (file == NULL) file = arena_str(&f->arena, slice_str(at.file));
    f->at[f->count++] = (struct finding){ .file = file, .line = at.line, .column = at.column, .width = at.width,
                                          .warning = warning, .text = text, .hint = hint };
}

void findings_error(struct findings *f, struct place at, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = findings_format(f, format, args);
    va_end(args);
    findings_add(f, at, false, hint, text);
}

void findings_warn(struct findings *f, struct place at, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = findings_format(f, format, args);
    va_end(args);
    findings_add(f, at, true, hint, text);
}

const char *findings_hint(struct findings *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = findings_format(f, format, args);
    va_end(args);
    return text;
}

const char *findings_keep(struct findings *f, const char *path, slice text)
{
    struct finding_file *files = arena_array(&f->arena, struct finding_file, f->files + 1);
    if (f->files > 0) memcpy(files, f->file, sizeof(*files) * f->files);
    files[f->files] = (struct finding_file){ arena_str(&f->arena, slice_str(path)), text };
    f->file = files;
    return files[f->files++].path;
}

/* Number of a finding's file in the order of reading; files that could not be read come last. */
static u32 findings_file(const struct findings *f, const char *path)
{
    u32 i = 0;
    while (i < f->files && (path == NULL || strcmp(f->file[i].path, path) != 0)) i++;
    return i;
}

static bool finding_before(const struct findings *f, const struct finding *a, const struct finding *b)
{
    u32 fa = findings_file(f, a->file), fb = findings_file(f, b->file);
    if (fa != fb) return fa < fb;
    if (a->line != b->line) return a->line < b->line;
    return a->column < b->column;
}

void findings_sort(struct findings *f)
{
    for (u32 i = 1; i < f->count; i++) {
        struct finding moved = f->at[i];
        u32            j = i;
        for (; j > 0 && finding_before(f, &moved, &f->at[j - 1]); j--) f->at[j] = f->at[j - 1];
        f->at[j] = moved;
    }
}

u32 name_distance(slice a, slice b)
{
    return near_distance(a, b, false);
}

static slice name_at(const void *of, u32 i)
{
    return ((const struct names *)of)->at[i];
}

slice name_nearest(slice word, struct names known)
{
    return near_name(word, known.count, name_at, &known);
}

static const char *suggest_list(struct findings *f, struct names known)
{
    if (known.count == 0 || known.count > SUGGEST_MAX) return NULL;
    const char *text = "expected ";
    for (u32 i = 0; i < known.count; i++) {
        const char *glue = i == 0 ? "" : i + 1 == known.count ? " or " : ", ";
        text = findings_hint(f, "%s%s%.*s", text, glue, (int)known.at[i].len, known.at[i].at);
    }
    return text;
}

const char *findings_suggest(struct findings *f, slice word, struct names known)
{
    slice near = name_nearest(word, known);
    if (near.at != NULL) return findings_hint(f, "did you mean `%.*s`?", (int)near.len, near.at);
    return suggest_list(f, known);
}
