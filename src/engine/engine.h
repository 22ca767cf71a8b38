/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h: a recipe, run. */
#pragma once

#include "config/recipe.h"

/* Bytes of result rows on their way to sinks; past it the sources wait. */
#define ENGINE_BACKLOG_MAX ((u64)96 << 20)

struct engine_options {
    bool        once;  /* read what is there, close all windows, end          */
    bool        final; /* at SIGINT or SIGTERM close all windows with `end`   */
    bool        alone; /* sources begin where they are told to, whatever others noted: source_setup.alone */
    const char *stats; /* file that has the run's figures as JSON, every 5 s and at the end; NULL: none */
};

/* Runs until the input ends (once) or a signal comes; gives the process's exit code (sysexits). Errors are logged. */
int engine_run(const struct recipe *r, const struct engine_options *options);
