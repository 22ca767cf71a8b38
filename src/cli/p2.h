/* SPDX-License-Identifier: Apache-2.0 */
/* p2.h: what the ways in of weir p2 share: frames go through the filter into batches, batches into minutes. */
#pragma once

#include "cli/p2_files.h"
#include "cli/progress.h"
#include "packet/framing.h"
#include "packet/minutes.h"
#include "shim/capture.h"

#define P2_LINKS_MAX 16 /* link types a filter is compiled for in one run */

struct p2_filter {
    u32                    link;
    struct capture_filter *filter;
};

struct p2 {
    struct minutes  *minutes;
    struct p2_files *files;
    const char      *filter_text; /* NULL: everything */
    struct p2_filter filter[P2_LINKS_MAX];
    u32              filters;
    struct frame     batch[MINUTES_BATCH];
    u32              batched;
    int              signals; /* signalfd of SIGINT and SIGTERM          */
    bool             quiet;
    int              code;    /* exit code as far as it is known         */
    bool             broken;  /* what is open must not be given out      */
    struct progress  progress;
    /* What came in, beside the counts of minutes and files. */
    u64                   read_bytes;
    u64                   filtered;
    struct framing_counts framing;
    struct capture_stats  loss;
};

/* The frame joins the batch, which is pushed when full; its bytes must stay until p2_flush. False: the run is over. */
bool p2_take(struct p2 *p, const struct frame *frame);
/* False: the files cannot be written any more. */
bool p2_flush(struct p2 *p);

/* Waits until `fd` has something (timeout_ms < 0: for ever). 1: it has, 0: it has not, -1: a signal asks to end. */
int p2_wait(struct p2 *p, int fd, int timeout_ms);

__attribute__((format(printf, 2, 3))) void p2_say(const struct p2 *p, const char *format, ...); /* unless --quiet */
__attribute__((format(printf, 3, 4))) void p2_fail(struct p2 *p, int code, const char *format, ...);

/* Recordings, in the order given, as one stream. */
void p2_read(struct p2 *p, const char *const *paths, u32 count);

/* An interface, until a signal comes. */
void p2_live(struct p2 *p, const struct capture_setup *setup, bool keep_capabilities);
