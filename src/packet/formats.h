/* SPDX-License-Identifier: Apache-2.0 */
/* formats.h: what framing.c, pcap.c and pcapng.c share, and nobody else.
 *
 * A format is one function that takes records from the front of a slice. `at` of struct framing is the file offset of
 * that slice's first byte; `*used` grows from 0 as bytes are done with. */
#pragma once

#include "packet/framing.h"

#define INTERFACES_MAX 65536u /* of one pcapng section; packets of those beyond are counted as damaged */

typedef enum framing_result next_fn(struct framing *, slice text, size_t *used, struct frame *out);

/* Plain records only: stops before the first one that has more to be said of it. Gives how many. */
typedef u32 some_fn(struct framing *, slice text, size_t *used, struct frame *out, u32 n);

/* Counts a clock's ticks: seconds times 10^n or 2^n. */
struct ticks {
    u64  scale;   /* ns a tick; 0: less than one, or not whole                  */
    u128 divisor; /* ticks a second, where it is a power of ten                 */
    u8   shift;   /* ... or of two, binary logarithm                            */
    bool binary;
    i64  offset;  /* seconds that are added (if_tsoffset)                       */
};

struct interface {
    struct ticks ticks;
    u32          link;
    u32          snap; /* UINT32_MAX: frames are whole                          */
};

struct framing {
    next_fn              *next; /* NULL: the first bytes were not seen yet      */
    some_fn              *some; /* NULL: it has none                            */
    bool                  swapped;
    struct framing_counts counts;
    u64                   at;
    err                   fault;

    /* pcap.c */
    bool lengths_swapped, lengths_maybe_swapped;
    u32  link, snap, longest; /* longest: bytes of a record that are believed   */
    u32  scale;               /* ns a unit of the second time field             */

    /* pcapng.c */
    struct interface *interfaces; /* of the current section                     */
    u32               interfaces_count, interfaces_room;
    nanos             last;       /* time of the newest packet that has one     */
    u64               passing;    /* bytes of a block to be passed before its trailer */
    u64               passed_at;  /* where that block begins                    */
    u32               trailer;    /* its length as stated in front; 0: none is passed */
};

next_fn pcap_begin;   /* the file header, then records */
next_fn pcapng_next;

/* The rest cannot be read: keeps the words and the place, a file offset. */
enum framing_result framing_fail(struct framing *f, const char *what, u64 at);

u32 link_of(u32 stated); /* as enum link_type has it */

static inline u16 load_u16(const struct framing *f, slice text, size_t at)
{
    u16 n;
    memcpy(&n, text.at + at, sizeof n);
    return f->swapped ? __builtin_bswap16(n) : n;
}

static inline u32 load_u32(const struct framing *f, slice text, size_t at)
{
    u32 n;
    memcpy(&n, text.at + at, sizeof n);
    return f->swapped ? __builtin_bswap32(n) : n;
}

static inline u64 load_u64(const struct framing *f, slice text, size_t at)
{
    u64 n;
    memcpy(&n, text.at + at, sizeof n);
    return f->swapped ? __builtin_bswap64(n) : n;
}
