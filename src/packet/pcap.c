/* SPDX-License-Identifier: Apache-2.0 */
/* pcap.c: libpcap's classic savefile (draft-ietf-opsawg-pcap): one header, then a record a packet.
 *
 * Nothing marks where a record begins: after a length that cannot be, the rest is unreadable. Snapped lengths are
 * treated as tcpdump does: a record longer than the header's snap length is cut to it, and lengths that old writers
 * had the wrong way round (version 2.2 and before, 543: always, 2.3: sometimes) are turned. */
#include "packet/formats.h"

/* The file header.
 *    0  magic     u32  0xa1b2c3d4 microseconds, 0xa1b23c4d nanoseconds, in the writer's byte order
 *    4  major     u16  2 (543: DG/UX)
 *    6  minor     u16  4
 *    8  reserved  8 bytes, once the time zone and accuracy
 *   16  snap      u32  bytes a frame at most; 0: not known
 *   20  link      u32  low 26 bits: LINKTYPE_*; above, how many bytes of check sequence frames end with */
#define HEADER 24u

/* A record's header.
 *    0  seconds   u32  since 1970 UTC, unsigned: till 2106
 *    4  fraction  u32
 *    8  captured  u32  bytes that follow
 *   12  length    u32  on the wire */
#define RECORD 16u

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_NANO  0xa1b23c4du
#define LINK_MASK   0x03ffffffu
#define USUAL_MAX   262144u /* libpcap writes none longer, whatever snap length it is asked for */

static next_fn pcap_next;
static some_fn pcap_some, pcap_some_swapped;

static void header_lengths(struct framing *f, u32 snap)
{
    f->snap = snap == 0 || snap > INT32_MAX ? UINT32_MAX : snap;
    f->longest = snap < USUAL_MAX ? USUAL_MAX : snap;
    if (f->longest > FRAMING_RECORD_MAX - RECORD) f->longest = FRAMING_RECORD_MAX - RECORD;
}

enum framing_result pcap_begin(struct framing *f, slice text, size_t *used, struct frame *out)
{
    if (text.len < HEADER) return FRAMING_MORE;
    u32 magic = load_u32(f, text, 0);
    f->swapped = magic != MAGIC_MICRO && magic != MAGIC_NANO;
    f->scale = load_u32(f, text, 0) == MAGIC_NANO ? 1 : 1000;
    u16 major = load_u16(f, text, 4), minor = load_u16(f, text, 6);
    if (major != 2 && major != 543) return framing_fail(f, "pcap of a version other than 2", f->at + 4);
    f->lengths_swapped = major == 543 || minor < 3;
    f->lengths_maybe_swapped = major == 2 && minor == 3;
    header_lengths(f, load_u32(f, text, 16));
    f->link = link_of(load_u32(f, text, 20) & LINK_MASK);
    f->next = pcap_next;
    if (!f->lengths_swapped && !f->lengths_maybe_swapped) f->some = f->swapped ? pcap_some_swapped : pcap_some;
    *used = HEADER;
    return pcap_next(f, text, used, out);
}

static void turn(const struct framing *f, u32 *captured, u32 *length)
{
    if (!f->lengths_swapped && !(f->lengths_maybe_swapped && *captured > *length)) return;
    u32 first = *captured;
    *captured = *length;
    *length = first;
}

static inline u32 smaller(u32 a, u32 b)
{
    return a < b ? a : b;
}

static enum framing_result pcap_next(struct framing *f, slice text, size_t *used, struct frame *out)
{
    size_t at = *used, room = text.len - at;
    if (room < RECORD) return FRAMING_MORE;
    u32 seconds = load_u32(f, text, at), fraction = load_u32(f, text, at + 4);
    u32 captured = load_u32(f, text, at + 8), length = load_u32(f, text, at + 12);
    if (__builtin_expect(f->lengths_swapped | f->lengths_maybe_swapped, 0)) turn(f, &captured, &length);
    if (__builtin_expect(captured > f->longest, 0))
        return framing_fail(f, "a record longer than any packet: the file is damaged", f->at + at);
    if (room - RECORD < captured) return FRAMING_MORE;
    /* at most 2^32 s and 2^32 ms: under 2^63 ns */
    out->time = (nanos)seconds * NANOS_SECOND + (nanos)fraction * (nanos)f->scale;
    out->length = length;
    out->captured = smaller(smaller(captured, length), f->snap);
    out->link = f->link;
    out->at = (const u8 *)text.at + at + RECORD;
    *used = at + RECORD + captured;
    return FRAMING_FRAME;
}

static inline u32 field(const u8 *at, bool swapped)
{
    u32 n;
    memcpy(&n, at, sizeof n);
    return swapped ? __builtin_bswap32(n) : n;
}

/* pcap_next for the usual file, in a loop of its own: half of what a record costs is else asking what file it is of. */
static inline __attribute__((always_inline)) u32 records(const struct framing *f, slice text, size_t *used,
                                                         struct frame *out, u32 n, bool swapped)
{
    size_t at = 0;
    u32    got = 0;
    nanos  scale = (nanos)f->scale;
    for (; got < n && text.len - at >= RECORD; got++) {
        const u8 *head = (const u8 *)text.at + at;
        u32       captured = field(head + 8, swapped), length = field(head + 12, swapped);
        if (captured > f->longest || text.len - at - RECORD < captured) break;
        nanos seconds = (nanos)field(head, swapped), fraction = (nanos)field(head + 4, swapped);
        out[got] = (struct frame){ .time = seconds * NANOS_SECOND + fraction * scale,
                                   .length = length,
                                   .captured = smaller(smaller(captured, length), f->snap),
                                   .link = f->link,
                                   .at = head + RECORD };
        at += RECORD + captured;
    }
    *used = at;
    return got;
}

static u32 pcap_some(struct framing *f, slice text, size_t *used, struct frame *out, u32 n)
{
    return records(f, text, used, out, n, false);
}

static u32 pcap_some_swapped(struct framing *f, slice text, size_t *used, struct frame *out, u32 n)
{
    return records(f, text, used, out, n, true);
}
