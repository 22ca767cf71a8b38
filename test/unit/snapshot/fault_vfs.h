/* SPDX-License-Identifier: Apache-2.0 */
/* fault_vfs.h: a disk that fails when told: SQLite's own file layer with a countdown before its writes and syncs. */
#pragma once

struct fault {
    int writes;     /* this many writes succeed, then every one fails; <0: never   */
    int write_code; /* SQLITE_FULL, SQLITE_IOERR_WRITE                             */
    int syncs;      /* the same for fsync                                         */
    int seen_writes, seen_syncs; /* counted always                                */
};

/* Becomes the default VFS. The struct is the caller's; set its fields at any time. */
void fault_vfs_install(struct fault *f);
void fault_vfs_remove(void);
