/* SPDX-License-Identifier: Apache-2.0 */
/* file_epoch.h: the small file beside a sink's files that says which epoch they hold and how long each is. Of this
 * folder.
 *
 *   weir-files 1
 *   recipe <name>
 *   epoch <number>
 *   file <length in bytes> <path>
 *   ...
 *   sum <16 hex digits over all lines above>
 *
 * It is replaced whole (temporary file, fsync, rename, fsync of the directory) after the data it speaks of is on disk.
 * What lies in a file behind its length is of an epoch that was not finished. */
#pragma once

#include "weir/err.h"
#include "weir/slice.h"

struct file_mark {
    char *path;   /* malloc'd */
    u64   length;
};

struct file_epoch {
    char             *path; /* malloc'd: of this small file */
    u64               epoch;
    u32               marks, room;
    struct file_mark *mark;
};

/* Reads it; a file that is not there is epoch 0 without files. Damage, and another recipe's name, is ERR_STATE. */
err  file_epoch_open(struct file_epoch *m, const char *path, slice recipe, char *why, size_t room);
void file_epoch_close(struct file_epoch *m);

/* Index of the file's mark, made with `length` if there is none (*fresh). */
u32 file_epoch_mark(struct file_epoch *m, const char *path, u64 length, bool *fresh);

/* fatal: an fsync failed. Otherwise on an error the old one still stands. */
err file_epoch_write(const struct file_epoch *m, slice recipe, char *why, size_t room, bool *fatal);

/* fsync of the directory that `path` is in. */
err file_epoch_sync_folder(const char *path);
