/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h: records out of the bytes of a unified2 file, as they come. Pure: the caller brings bytes and keeps those
 * that are not used; what comes out does not depend on how they were cut.
 *
 * A file has no header, no sums and no marks between records, so damage shows only where the next header makes no sense
 * (type 0, a number that no type will ever have, a length over the limit) or the file ends in a record. Then the bytes
 * are passed over up to the next place that looks like a record inside and out: known type, length right for it, and
 * fields that agree with it. A record whose length is wrong but small takes what follows into its body; the loss shows
 * at its end. What looks like a record in a packet's bytes may be one that a stranger sent: where bytes were passed
 * over, the records behind them are as good as the bytes are. */
#pragma once

#include "unified2/record.h"
#include "weir/metric.h"

#define U2_RECORD_DEFAULT (1u << 20)
#define U2_RECORD_MOST    (64u << 20)
#define U2_EVENT_MOST     (64u << 10) /* of an event's body: the longest known has 1032 */
#define U2_HEADERS        64u /* a caller's buffer holds record_max and this, then it never waits in vain */

enum u2_result {
    U2_RECORD,  /* a whole record of a known type                                                      */
    U2_UNKNOWN, /* one of a type whose layout is not known: passed over by its length                  */
    U2_SHORT,   /* one whose body is shorter than its fixed part: passed over by its length            */
    U2_DAMAGED, /* u2_damage says what was passed over; the reader goes on                             */
    U2_MORE,    /* nothing whole in what is left: bring more bytes behind it                           */
    U2_END,     /* all bytes are used, and no more will come                                           */
    U2_FOREIGN, /* another format by its first bytes: nothing is read; u2_damage says which            */
};

struct u2_damage {
    const char *what;         /* static words: "a record is cut short"         */
    const char *expected;     /* "its whole body"                              */
    u64         offset, bytes; /* passed over                                  */
    u32         type, length; /* as the header said; 0, 0 where there was none */
};

struct u2_counts {
    u64 bytes; /* used, whatever they were */
    u64 events, packets, buffers, extra, apps;
    u64 unknown, brief;           /* records passed over: layout unknown, body shorter than its fixed part */
    u64 damaged, damaged_bytes;   /* places, and what was passed over there */
};

struct u2_reader {
    u64              at; /* offset of the next byte */
    u32              record_max;
    bool             lost;  /* out of step since damage.offset  */
    bool             foreign;
    u64              seek;  /* lost: no record begins before    */
    struct u2_damage damage;
    struct u2_counts counts;
};

/* offset: where reading begins, of a record's header; record_max: longest body, 0: the default. */
void u2_reader_init(struct u2_reader *r, u64 offset, u32 record_max);

/* Takes records from the front of `text`, which begins where the last call stopped using.
 *   last   no byte will come behind `text`
 *   used   bytes done with, whatever the result; the record lies in them and is lent with `text` */
enum u2_result u2_reader_next(struct u2_reader *r, slice text, bool last, size_t *used, struct u2_record *out);

extern const struct metric u2_metrics[]; /* of u2_counts */
