/* SPDX-License-Identifier: Apache-2.0 */
/* err.h: an error is a small value: its kind, static words, and where.
 *
 * Faulty data: drop the record, count, go on. The world: the edge retries, the engine pauses sources.
 * Our bug: WEIR_ASSERT. Only cli/ ends the process (and snapshot's fsync rule, through the engine). */
#pragma once

#include "weir/types.h"

enum err_code {
    ERR_NONE = 0,
    ERR_DATA,   /* input that does not parse: `at` is a byte offset or a line            */
    ERR_CONFIG, /* the recipe or an option is wrong                                      */
    ERR_OS,     /* a system call failed: `at` is errno                                   */
    ERR_FULL,   /* a limit was reached: `at` is the limit                                */
    ERR_STATE,  /* a state file or store that must not be believed or does not fit       */
    ERR_SQL,    /* SQLite: `at` is the extended result code                              */
};

typedef struct {
    enum err_code code; /* ERR_NONE is 0: (err){0} is success */
    const char   *what; /* static words: "line over 64 KiB"   */
    i64           at;
} err;

#define OK ((err){ 0 })

static inline bool err_is(err e)
{
    return e.code != ERR_NONE;
}

static inline err err_data(const char *what, i64 at)
{
    return (err){ ERR_DATA, what, at };
}

/* From errno, with what was being done: "open", "read". */
err err_os(const char *doing);

/* "what (detail)" into `buf`, always terminated; gives buf back. Knows errno and SQLite codes by `code`. */
const char *err_text(err e, char *buf, size_t size);
