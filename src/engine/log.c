/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: lines on standard error. A line is one write, so that lines of two threads do not mix. */
#include "engine/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static enum log_level least_level = LOG_INFO; /* set once, before threads start */

void log_open(enum log_level least)
{
    least_level = least;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level < least_level) return;
    char      line[2048];
    time_t    now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    len += (size_t)snprintf(line + len, sizeof line - len, "%s ", level_names[level]);
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(line + len, sizeof line - len - 1, format, args);
    va_end(args);
    size_t body = wanted < 0 ? 0 : (size_t)wanted;
    if (body > sizeof line - len - 2) body = sizeof line - len - 2;
    for (size_t i = len; i < len + body; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) line[i] = '?';
    len += body;
    line[len++] = '\n';
    ssize_t wrote = write(STDERR_FILENO, line, len);
    (void)wrote; /* nowhere left to say it */
}
