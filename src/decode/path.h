/* SPDX-License-Identifier: Apache-2.0 */
/* path.h: which instructions the line decoder uses. All paths give the same; tests hold them against each other. */
#pragma once

#include "weir/types.h"

enum path {
    PATH_PLAIN,   /* C alone, any machine                    */
    PATH_SSE2,    /* every x86-64                            */
    PATH_AVX2,    /* and BMI1, BMI2                          */
    PATH_AVX512,  /* F, BW, VL and the above                 */
    PATH_VBMI2,   /* and byte compress                       */
    PATHS,
};

/* Can this machine run it? */
bool path_runs(enum path path);

/* The fastest that this machine can run. */
enum path path_best(void);
