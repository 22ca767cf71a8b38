/* SPDX-License-Identifier: Apache-2.0 */
/* findings.h: what is wrong with a recipe, where, and what was probably meant.
 *
 * All faults of a recipe are collected in one run. Texts live in the findings' own arena, so they outlive the recipe
 * that was refused. Past FINDINGS_MAX they are only counted. */
#pragma once

#include "config/recipe.h"

/* Part of a line of a file: line and column (in characters) from 1, 0: the file as a whole; width in characters. */
struct place {
    const char *file;
    u32         line, column, width;
};

/* Names to choose from. */
struct names {
    u32    count;
    slice *at;
};

/* hint: NULL or a text that lives as long as the findings (findings_hint makes one). */
__attribute__((format(printf, 4, 5))) void findings_error(struct findings *f, struct place at, const char *hint,
                                                          const char *format, ...);
__attribute__((format(printf, 4, 5))) void findings_warn(struct findings *f, struct place at, const char *hint,
                                                         const char *format, ...);
__attribute__((format(printf, 2, 3))) const char *findings_hint(struct findings *f, const char *format, ...);

/* Keeps a file's text (borrowed; must live in f->arena) for the printed lines. Gives the path to name it by. */
const char *findings_keep(struct findings *f, const char *path, slice text);

/* By file in the order of reading, line, column. Stable. */
void findings_sort(struct findings *f);

/* Edits (insert, delete, replace, exchange of neighbours) that make `a` of `b`; names over 64 bytes: UINT32_MAX. */
u32 name_distance(slice a, slice b);

/* The nearest of `known` if it is at most a third of the word's length away (one edit for short words); else no
 * text (at == NULL). Among equals the first. Letter case does not count. */
slice name_nearest(slice word, struct names known);

/* "did you mean `top`?"; if nothing is near, "expected a, b or c" (up to 12 names), NULL if there are more or none. */
const char *findings_suggest(struct findings *f, slice word, struct names known);

/* For people: file:line:column: error: text, the line, a caret with tildes, the hint. With `colour`, ANSI sequences.
 * Bytes of the file that a terminal would obey are shown as '?'. */
void findings_print(const struct findings *f, bool colour, void (*print)(void *to, const char *text), void *to);

/* For programs: one JSON object: {"errors":1,"warnings":0,"findings":[{"file":...,"line":1,...}]}. */
void findings_print_json(const struct findings *f, void (*print)(void *to, const char *text), void *to);
