/* SPDX-License-Identifier: Apache-2.0 */
/* option.h: what a source or sink may be told, as a table: parsed, checked, printed and documented from here.
 *
 * A stage owns a plain struct for its set-up; each option names the member it fills. */
#pragma once

#include "weir/slice.h"
#include "weir/types.h"

enum option_type {
    OPTION_TEXT,   /* const char *                                         */
    OPTION_PATH,   /* const char *, relative to the recipe's folder        */
    OPTION_BOOL,   /* bool                                                 */
    OPTION_COUNT,  /* u64                                                  */
    OPTION_SIZE,   /* u64 bytes: 64MiB, 1GiB, 4096                         */
    OPTION_SPAN,   /* nanos: 500ms, 10s, 5m, 1h, 1d, 1y                    */
    OPTION_CHOICE, /* u32: index into `choices`                            */
    OPTION_NAMES,  /* struct option_names: a list of texts                 */
    OPTION_PATHS,  /* the same of paths, relative to the recipe's folder; - stays as it is */
    OPTION_PAIRS,  /* struct option_pairs: a mapping of text to text       */
};

struct option_names {
    u32          count;
    const char **name;
};

struct option_pairs {
    u32          count;
    const char **key;
    const char **value;
};

struct option {
    const char      *name;     /* as the recipe spells it; NULL ends the table          */
    enum option_type type;
    bool             required;
    const char      *fallback; /* its value when not given, as text; NULL: zero          */
    const char      *choices;  /* OPTION_CHOICE: "csv json"                              */
    u64              min, max; /* OPTION_COUNT, SIZE, SPAN; max 0: no limit              */
    size_t           offset;   /* of the member in the set-up struct                     */
    const char      *doc;      /* one line                                               */
    bool             own;      /* each instance of a recipe (`run --as NAME`) has its own: .NAME before a path's
                                * extension, -NAME behind a text                          */
};

/* Hears what is wrong with single options of a stage, all of it.
 *   option  its name
 *   entry   of its list or mapping: the name there; NULL: the option as such
 *   words   borrowed */
struct option_ear {
    void (*fault)(void *to, const char *option, const char *entry, const char *words);
    void *to;
};

#define OPTION_END { .name = NULL }
