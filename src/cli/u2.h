/* SPDX-License-Identifier: Apache-2.0 */
/* u2.h: what the halves of weir u2 share: bytes go through the reader into records, records into lines. */
#pragma once

#include "cli/progress.h"
#include "unified2/join.h"
#include "unified2/json.h"
#include "unified2/reader.h"
#include "unified2/text.h"

struct u2 {
    struct u2_names   *names;
    struct u2_json     json;
    struct u2_text     text;
    bool               as_text;
    struct u2_join    *join; /* NULL: each record alone */
    struct u2_join_out joined;
    u32                record_max;
    char              *line; /* lines that are not written yet */
    size_t             used, room;
    bool               live; /* the input is no regular file: time passes, --wait holds */
    nanos              time;
    int                signals; /* signalfd of SIGINT and SIGTERM   */
    bool               quiet;
    int                code;   /* exit code as far as it is known  */
    bool               broken; /* standard output takes no more    */
    struct progress    progress;
    struct u2_counts   counts; /* of all files                     */
    u64                files, lines, written;
    u32                said; /* of this file's damage            */
};

/* A record of the file goes on its way. file: stays until u2_end, an event that waits may be of it. */
void u2_take(struct u2 *u, const struct u2_record *r, const char *file);

/* What is waiting and what time has passed: to standard output. */
void u2_tick(struct u2 *u);
void u2_flush(struct u2 *u);

/* Files in the order given; what is damaged is said and passed over. */
void u2_read(struct u2 *u, const char *const *paths, u32 count);

/* Waits until `fd` has something (timeout_ms < 0: for ever). 1: it has, 0: it has not, -1: a signal asks to end. */
int u2_wait(struct u2 *u, int fd, int timeout_ms);

__attribute__((format(printf, 3, 4))) void u2_fail(struct u2 *u, int code, const char *format, ...);
