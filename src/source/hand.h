/* SPDX-License-Identifier: Apache-2.0 */
/* hand.h: what a source's own thread says to the loop, word by word, in order.
 *
 * Texts are handed over, not copied. What was said and not given back yet is counted against a limit: a thread that can
 * wait does so (hand_wait), one that cannot looks first (hand_full). Nothing here knows what a text means. */
#pragma once

#include "packet/minutes.h"
#include "weir/err.h"

#include <pthread.h>
#include <uv.h>

/* Whole lines of one file of a minute: what becomes one chunk. */
struct text {
    nanos        start;  /* of the minute; of format packets: the file's number   */
    nanos        time;   /* format packets: of the first one                      */
    u64          records; /* format packets: in the text                          */
    enum p2_file file;
    u64          offset; /* of its first byte among all of this file and minute   */
    u64          sum;    /* over that file's bytes from its first to our last one */
    bool         torn;   /* source `lines`: begins inside a line   */
    size_t       length, room;
    char         bytes[];
};

enum word_kind {
    WORD_TEXT,
    WORD_SEALED,    /* all texts of minutes up to `start` were said     */
    WORD_TIME,      /* format packets: nothing older than `start` comes */
    WORD_FILE,      /* format packets: all texts of file `start` were said */
    WORD_COMPLAINT, /* `what` of input number `input` at `offset`       */
    WORD_LOSS,      /* packets and lines that are in no text            */
    WORD_END,       /* the input has ended                              */
    WORD_STOPPED,   /* what was held back was said, all up to `start`: hand_finish */
    WORD_FAIL,      /* `what`: it cannot go on, all was said, of a live capture up to `start` */
};

struct word {
    enum word_kind kind;
    struct text   *text; /* taken by who hears it      */
    nanos          start;
    u32            input;
    u64            offset;
    u64            dropped_kernel, dropped_interface, lines; /* WORD_LOSS */
    char          *what; /* malloc'd: taken by who hears it */
    bool           damage; /* WORD_COMPLAINT: the input is not sound                        */
    bool           astray; /* WORD_FAIL: nor is it what it was before the restart           */
};

struct spoken; /* a word in the queue */

struct hand {
    pthread_mutex_t lock;
    pthread_cond_t  room;
    struct spoken  *first, **end;
    u64             waiting, limit; /* bytes of texts out and queued */
    bool            stop, finish, over;
    int             event; /* readable once the thread is told to stop: for poll */
    uv_async_t     *wake;
};

/* limit: bytes of texts that may be out before the thread waits. wake: sent after each word; lent until hand_fini. */
err  hand_init(struct hand *h, u64 limit, uv_async_t *wake);
void hand_fini(struct hand *h);

/* The thread's side. */
bool hand_wait(struct hand *h); /* until a text may be said; false: it was told to stop */
bool hand_full(struct hand *h);
bool hand_stopped(struct hand *h);
bool hand_finishing(struct hand *h); /* it is to end and say what it holds back */
void hand_say(struct hand *h, const struct word *w);
void hand_over(struct hand *h); /* the thread's last call */

/* The loop's side. */
bool hand_hear(struct hand *h, struct word *out); /* false: nothing was said */
void hand_give_back(struct hand *h, struct text *taken);
void hand_stop(struct hand *h);
void hand_finish(struct hand *h);
bool hand_is_over(struct hand *h);
