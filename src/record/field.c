/* SPDX-License-Identifier: Apache-2.0 */
/* field.c: what types and folds are called, in recipes, layouts and messages. */
#include "weir/field.h"

static const char *const type_names[] = {
    [FIELD_U64] = "u64", [FIELD_F64] = "f64",       [FIELD_TIME] = "time", [FIELD_ADDR] = "ip",
    [FIELD_MAC] = "mac", [FIELD_STRING] = "string", [FIELD_NET] = "net",   [FIELD_TAG] = "tag",
    [FIELD_BINS] = "bins", [FIELD_SAMPLING] = "sampling",
};

static const char *const fold_names[] = {
    [FOLD_NONE] = "none", [FOLD_SUM] = "sum",   [FOLD_MIN] = "min",
    [FOLD_MAX] = "max",   [FOLD_AVG] = "avg",   [FOLD_SAMPLING] = "sampling",
    [FOLD_LAST] = "last", [FOLD_BINS] = "bins", [FOLD_FIRST] = "first",
    [FOLD_DISTINCT] = "distinct", [FOLD_QUANTILES] = "quantiles",
};

const char *field_type_name(enum field_type type)
{
    WEIR_ASSERT((u32)type < WEIR_COUNT(type_names));
    return type_names[type];
}

const char *fold_name(enum fold fold)
{
    WEIR_ASSERT((u32)fold < WEIR_COUNT(fold_names));
    return fold_names[fold];
}
