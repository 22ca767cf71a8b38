/* SPDX-License-Identifier: Apache-2.0 */
/* p2_files.h: minutes into a folder as P2 writes them: _tcp_@E ... created, written, closed, then the marker
 * __@E.finished.
 *
 * A set that has its marker is never written over unless `replace` is set: a recording ends there, a live probe
 * leaves that minute out and counts it. What is not sealed when the writer closes is taken away again: half sets
 * stay in no folder. */
#pragma once

#include "packet/minutes.h"
#include "weir/err.h"

#define P2_FILES_GAP_MAX 10080 /* minutes: a longer silence is not filled with empty sets */

struct p2_files_setup {
    const char *dir;          /* made if it is not there                                          */
    bool        arp, eth;     /* write these files, too                                           */
    bool        every_minute; /* empty sets for the minutes between others in which nothing spoke */
    bool        replace;      /* write over finished sets                                         */
    bool        go_on;        /* past a finished set that may not be replaced                     */
};

struct p2_files_counts {
    u64 sets, empty_sets;
    u64 lines, bytes;
    u64 refused_sets, refused_lines; /* finished sets that were kept; minutes before 1970                */
    u64 gaps;                        /* silences longer than P2_FILES_GAP_MAX, left without empty sets   */
};
extern const struct metric p2_files_metrics[];

struct p2_files;

/* dir is borrowed until close. NULL with *e if the folder cannot be made. */
struct p2_files              *p2_files_open(const struct p2_files_setup *, err *e);
void                          p2_files_close(struct p2_files *);
struct minutes_out           *p2_files_out(struct p2_files *);
const struct p2_files_counts *p2_files_counts(const struct p2_files *);
/* OK, or what ended the writing: ERR_OS, or ERR_STATE where a finished set is in the way. It writes nothing more after
 * that. *path: of the file, lent with the writer. */
err p2_files_fault(const struct p2_files *, const char **path);
