/* SPDX-License-Identifier: Apache-2.0 */
/* spool_dir.h: which files a spool directory has, in the order of their writing: <prefix>.<number>, by number.
 *
 * Only digits without leading zeros behind the last dot; a file of the bare prefix, as Snort writes it without time
 * stamps, counts as number 0, but only where the recipe names the prefix. */
#pragma once

#include "source/spool_place.h"

#define SPOOL_FILES_MAX (1u << 20) /* that are not read yet, of one spool */

enum spool_scan {
    SPOOL_SCANNED,
    SPOOL_FAULT,   /* errno says why the directory cannot be read    */
    SPOOL_MIXED,   /* files of several prefixes: words names them    */
    SPOOL_CROWDED, /* more than SPOOL_FILES_MAX                      */
};

struct spool_dir {
    const char *path;
    char        prefix[SPOOL_PREFIX]; /* empty: whichever is found, then that one for good */
    bool        named;                /* by the recipe                                     */
    u64        *stamp;                /* of the last scan, ascending                       */
    u32         count, room;
    char        words[512];
};

/* from: lesser numbers are of no interest. */
enum spool_scan spool_dir_scan(struct spool_dir *d, u64 from);
void            spool_dir_fini(struct spool_dir *d);

/* The least number of the last scan from `from` on; false: none. */
bool spool_dir_next(const struct spool_dir *d, u64 from, u64 *stamp);

/* The file's path. */
void spool_dir_path(const struct spool_dir *d, u64 stamp, char *to, size_t size);
