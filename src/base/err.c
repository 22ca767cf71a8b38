/* SPDX-License-Identifier: Apache-2.0 */
/* err.c: errors as text. */
#include "weir/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

err err_os(const char *doing)
{
    return (err){ ERR_OS, doing, errno };
}

const char *err_text(err e, char *buf, size_t size)
{
    switch (e.code) {
    case ERR_NONE: snprintf(buf, size, "no error"); break;
    case ERR_OS: {
        char        words[128];
        const char *text = strerror_r((int)e.at, words, sizeof words);
        snprintf(buf, size, "%s: %s", e.what, text);
        break;
    }
    case ERR_SQL: snprintf(buf, size, "%s (SQLite code %lld)", e.what, (long long)e.at); break;
    case ERR_FULL: snprintf(buf, size, "%s (limit %lld)", e.what, (long long)e.at); break;
    case ERR_DATA: snprintf(buf, size, "%s (at %lld)", e.what, (long long)e.at); break;
    case ERR_CONFIG:
    case ERR_STATE: snprintf(buf, size, "%s", e.what); break;
    }
    return buf;
}
