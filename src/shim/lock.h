/* SPDX-License-Identifier: Apache-2.0 */
/* lock.h: one process a file: an advisory lock on "<path>.lock" that ends with the process, however it ends.
 *
 * The lock file stays behind; its one line says who holds it and, as a note, what the holder wants to be remembered
 * outside the locked file. It is written without fsync: after a power loss the note may be old or empty. */
#pragma once

#include "weir/err.h"

#define LOCK_NOTE 96

struct lock {
    int  fd;             /* -1: none                                   */
    char note[LOCK_NOTE]; /* of the last holder, as found at lock_open */
};

/* Refused (ERR_STATE) while another holds it, this process included; `why` names the holder's process id. */
err lock_open(struct lock *l, const char *path, char *why, size_t room);

/* Replaces the note; at most LOCK_NOTE - 1 bytes, no line end. A failure is not reported: it is a hint. */
void lock_note(struct lock *l, const char *note);
void lock_close(struct lock *l);
