/* SPDX-License-Identifier: Apache-2.0 */
/* draft.h: a recipe being read: names that are not yet numbers, and what the files of this folder share.
 *
 * The order of work (recipe_read): text -> tree -> layouts -> sources with their catalogues of columns -> steps,
 * sorted so that `from` comes first -> sinks -> if nothing was wrong: numbers (resolve), fingerprints, tables. Each
 * stage tells all its faults and marks what is not `ok`, so that later stages do not complain about what follows from
 * them. */
#pragma once

#include "config/tree.h"

#define NONE UINT32_MAX

#define NAME_MAX_BYTES 48 /* of sources, steps, sinks, layouts, fields       */
#define SIDES_MAX      2  /* of a tag step                                   */
#define GIVES_MAX      9  /* the net and 8 words                             */
#define CARRIED_MAX    16
#define LEVELS_MAX     16
#define STEPS_MAX      256
#define SOURCES_MAX    64
#define SINKS_MAX      64
#define LAYOUTS_MAX    64 /* of a source */

/* A layout as written; mirrors and places are known, use is not. */
struct layout_def {
    struct layout layout; /* field.mirror: index of a field of this layout */
    slice        *unit;   /* per field                                     */
    struct place *at;     /* per field                                     */
    struct place *path_at; /* per field: of its `path`; line 0: has none   */
    struct place  named_at;
    bool          ok;
};

/* A column that some layout of a source has. */
struct source_column {
    struct field field;  /* mirror: index in the source's catalogue */
    slice        layout; /* the first that has it                   */
    slice        unit;
    bool         used;
    u32          slot;   /* used: column of the decoded batch       */
};

struct source_draft {
    struct place          at;
    const struct node    *map;
    bool                  ok;      /* the catalogue is whole         */
    bool                  needed;  /* a step reads it                */
    u32                   columns;
    struct source_column *column;  /* in order of first appearance   */
};

/* A column of a step's input: of the catalogue, or made by a tag or filter step. */
struct column_ref {
    u32 step;  /* NONE: of the source        */
    u32 index; /* in the catalogue or in the step's own columns */
};

/* An expression that compiled. */
struct expr_draft {
    slice              text; /* canonical; empty: none                */
    u32                uses;
    struct column_ref *use;
    bool               used; /* somebody takes the column it makes    */
    u64                sum;  /* of all that its values depend on      */
};

struct step_draft {
    slice              name;
    struct place       at;
    const struct node *map, *from;
    enum step_kind     kind;
    bool               ok;      /* readable so far, and so is what it comes from        */
    bool               kind_ok; /* exactly one kind is given                            */
    bool               needed;  /* a step or sink takes from it                         */
    bool               clash;   /* told: two columns of one name                        */
    u32                from_step, source; /* NONE: unknown                              */
    u32                own;     /* columns it makes: STEP_TAG: sides x gives; STEP_FILTER: derived */
    struct field      *field;   /* of these                                             */
    slice             *own_unit; /* STEP_FILTER: of these                               */
    struct expr_draft  where, *derive; /* STEP_FILTER: derive per own column            */
    struct column_ref  address[SIDES_MAX];
    struct column_ref *ref;     /* STEP_WINDOW: keys, carried, measures; STEP_RECORDS: columns */
    /* STEP_WINDOW, STEP_CASCADE: of recipe_step.out.field; STEP_RECORDS: of records.field */
    slice             *unit;
    slice              table;   /* `table:` as written; empty: not given                */
};

struct sink_draft {
    struct place       at;
    const struct node *map;
    const struct node *retain;
    bool               ok;    /* its `from` is known whole */
    bool              *takes; /* per step                  */
};

struct draft {
    struct recipe            *r;
    struct arena             *a; /* the recipe's */
    struct findings          *f;
    const struct recipe_lent *lent;
    slice                     folder; /* of the recipe, with its last '/'; empty: here */
    u32                       layouts;
    struct layout_def        *layout;
    struct source_draft      *source; /* as r->source */
    struct step_draft        *step;   /* as r->step: `from` comes first */
    struct sink_draft        *sink;   /* as r->sink   */
    bool                      sources_ok, steps_ok, sinks_ok; /* their names are known whole */
};

/* paths.c */
slice       folder_of(const char *path);
const char *path_join(struct arena *a, slice folder, slice path);

/* As it may be written in the recipe of this folder: the reverse of path_join. */
slice path_within(slice folder, const char *path);

/* instance.c: a recipe's name, paths and texts as the instance that is read (recipe_lent.as) has them; as they are
 * where that is NULL. */
void  instance_apply(struct draft *d);
slice instance_path(const struct draft *d, slice path);
slice instance_text(const struct draft *d, slice text);

/* recipe_lent.from as this source's `start` would have it. */
slice instance_start(const struct draft *d, const struct option *o);
bool  instance_start_fits(const struct draft *d, const struct option *o); /* one of the choices, if there are any */

/* layouts.c: those of a `layouts:` list or of a file of its own; added to the draft. */
void layouts_read(struct draft *d, const struct node *list);
void layout_read(struct draft *d, const struct node *map);
/* "ip", "bins(7)": as layouts spell it; buf has 16 bytes. */
const char *layout_type_text(const struct field *f, char *buf);

/* `agg:` of a field whose type is known; `unit:`. */
bool agg_read(struct draft *d, const struct node *n, struct field *f);
/* `bits:` and `at:` beside an agg that was read. */
bool sketch_read(struct draft *d, const struct node *map, struct field *f);
/* The same as text, after an agg: ", bits: 10"; empty for what is no sketch. */
const char *sketch_text(struct arena *a, const struct field *f);
bool unit_read(struct draft *d, const struct node *n, slice *unit);

/* sources.c */
void sources_read(struct draft *d, const struct node *map);
u32  source_column_find(const struct source_draft *s, slice name); /* NONE: unknown */

/* steps.c: names, kinds, order. step_*.c: what a kind says. */
void steps_read(struct draft *d, const struct node *map);
void step_tag_read(struct draft *d, u32 step);
void step_window_read(struct draft *d, u32 step);
void step_cascade_read(struct draft *d, u32 step);
void step_records_read(struct draft *d, u32 step);
void step_filter_read(struct draft *d, u32 step);
bool step_column_find(const struct draft *d, u32 step, slice name, struct column_ref *out);
const struct field *column_field(const struct draft *d, u32 source, struct column_ref ref);
slice column_unit(const struct draft *d, u32 source, struct column_ref ref);
/* All columns of the records that the step takes; only: FOLD_NONE for tags, anything else for measures. */
struct names step_column_names(const struct draft *d, u32 step, bool measures);
struct names step_columns(const struct draft *d, u32 step); /* both */

/* sinks.c */
void sinks_read(struct draft *d, const struct node *map);

/* Beside each parser the keys that it knows; keys.c has them in the order of the manual. */
extern const struct recipe_key recipe_keys[], state_keys[], include_keys[], layout_keys[], field_keys[];
extern const struct recipe_key tag_step_keys[], tag_keys[], filter_keys[], derive_keys[], window_keys[], cascade_keys[],
    rank_keys[], records_keys[], source_keys[], sink_keys[];

/* advice.c: what is no error, but will hardly be what was meant. */
void advice_give(struct draft *d);

/* What no one takes from: sources, steps. */
void unused_check(struct draft *d);
void sinks_check(struct draft *d);    /* once tables are made  */
struct sink_setup sink_setup_of(const struct recipe *r, u32 sink);
void crossings_check(struct draft *d); /* once sinks are content */
void decoders_check(struct draft *d); /* once columns have slots */

/* After everything was read without error: slots and columns (resolve.c), operators and fingerprints (fingerprint.c),
 * result tables and who wants them (tables.c; tells names that clash). */
void columns_resolve(struct draft *d);
void fingerprints_make(struct draft *d);
void tables_make(struct draft *d);
