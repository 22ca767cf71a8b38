/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h: a directory, a loop and an engine in small: what the directory source says becomes a text to compare.
 *
 * The engine in small applies chunks in the order offered, each by reading it as a worker does. It writes a line for
 * all that happens:
 *   _tcp_@60 a b        the chunk's lines           sealed 120, watermark 120    the watermark's time and reason
 *   ! _tcp_@60 words    a complaint                 done                         the input ended
 * Positions go to a saved state at probe_cut, which probe_open gives back to the source: so a crash is a close
 * without cut. */
#pragma once

#include "source/directory.h"
#include "source/sources.h"

#define PROBE_TEXT (1u << 20)
#define PROBE_SAVED 64

struct probe_saved {
    char key[256], value[256];
};

struct probe {
    uv_loop_t                loop;
    char                     path[64];
    struct directory_options options;
    struct source_setup      setup;
    struct inlet             inlet;
    struct source           *source; /* NULL: not open */
    struct chunk            *out;    /* copies, as the engine keeps them, oldest first */
    u32                      outs, out_room;
    u32                      out_max; /* the source is paused while that many are out; 0: never */
    bool                     paused;
    bool                     hold;    /* chunks are not applied */
    bool                     quiet;   /* chunks are counted, not written */
    u64                      lines;
    i64                      fault; /* of the last failed read */
    const char              *failed;
    bool                     gone, expired;
    char                     text[PROBE_TEXT];
    size_t                   text_len;
    struct probe_saved       saved[PROBE_SAVED];
    u32                      saves;
};

/* A new, empty directory; options for quick tests: scans each 100 ms, grace 20 s. The wall clock can be moved. */
struct probe *probe_new(void);
void          probe_free(struct probe *p); /* closes the source, removes the directory */

/* With what was saved. */
void probe_open(struct probe *p);
void probe_close(struct probe *p);
void probe_cut(struct probe *p);

/* Moves the wall clock that the source is told. */
void probe_skip(struct probe *p, nanos by);

/* Runs the loop until the text is (or, with_text, contains) this; fails after some seconds, showing both. */
void probe_expect(struct probe *p, const char *text);
void probe_expect_within(struct probe *p, const char *part);

/* Runs until `scans` more scans were taken in. For what must not happen. */
void probe_scans(struct probe *p, u32 scans);

/* Runs until nothing is to be done at the moment. */
void probe_settle(struct probe *p);
void probe_apply(struct probe *p, u32 chunks);
void probe_clear(struct probe *p); /* the text */

const struct directory_counts *probe_counts(const struct probe *p);

/* Files of the directory: made anew and closed; appended to and closed; moved in; last written an hour ago. */
void probe_put(struct probe *p, const char *name, const char *text);
void probe_append(struct probe *p, const char *name, const char *text);
void probe_move(struct probe *p, const char *name, const char *text);
void probe_old(struct probe *p, const char *name);
void probe_remove(struct probe *p, const char *name);
char *probe_path(const struct probe *p, const char *name); /* lent until the next call */
