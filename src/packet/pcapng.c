/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng.c: pcapng (draft-ietf-opsawg-pcapng): sections of blocks, each with its own byte order and interfaces.
 *
 * A block states its length in front and behind. If the two differ, where the next begins is anyone's guess: the rest
 * is unreadable. If they agree and what is inside does not fit (a packet longer than its block, an interface that was
 * never described, a time before 1970 or past 2262), the block is passed over and counted as damaged. Options are read
 * of interfaces alone, for their clocks. A simple packet has no time: it gets that of the newest packet before it. */
#include "packet/formats.h"

#include <stdlib.h>

/* A block.
 *    0  type     u32
 *    4  length   u32  of the whole block; some old writers leave the padding to 4 out
 *    8  body
 *   -4  length   u32  again */
#define FRONT   8u
#define TRAILER 4u
#define AROUND  (FRONT + TRAILER)

enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

#define ORDER_MAGIC       0x1a2b3c4du
#define OPTION_RESOLUTION 9u
#define OPTION_OFFSET     14u
#define TEN_MAX           38u /* the highest power of ten in 128 bits */

/* A packet as its block states it. */
struct carried {
    u32   interface, captured, length;
    u64   ticks;
    slice bytes; /* what of the block can be the packet: captured may say more */
    bool  timeless;
};

static struct ticks ticks_of(u8 resolution)
{
    struct ticks t = { .binary = resolution >> 7, .shift = resolution & 0x7f };
    if (t.binary) {
        t.scale = t.shift == 0 ? (u64)NANOS_SECOND : 0;
        return t;
    }
    t.divisor = 1;
    for (u32 i = 0; i < t.shift && i < TEN_MAX; i++) t.divisor *= 10;
    if (t.shift > TEN_MAX) t.divisor = ~(u128)0; /* 2^64 ticks are less than a nanosecond */
    t.scale = t.shift <= 9 ? (u64)NANOS_SECOND / (u64)t.divisor : 0;
    return t;
}

/* Whole ns, rounded down; false: before 1970 or past what i64 holds. */
static bool ticks_nanos(const struct ticks *t, u64 count, nanos *out)
{
    u64 plain;
    if (t->scale != 0 && t->offset == 0 && !__builtin_mul_overflow(count, t->scale, &plain) && plain <= NANOS_MAX) {
        *out = (nanos)plain;
        return true;
    }
    u128 product = (u128)count * (u64)NANOS_SECOND; /* under 2^94 */
    u128 whole = t->binary ? product >> t->shift : product / t->divisor;
    i128 sum = (i128)whole + (i128)t->offset * NANOS_SECOND;
    if (sum < 0 || sum > NANOS_MAX) return false;
    *out = (nanos)sum;
    return true;
}

/* The options behind an interface's description; words of what is wrong, NULL: nothing. */
static const char *options_take(const struct framing *f, slice options, struct interface *out)
{
    i64 offset = 0;
    u8  resolution = 6;
    while (options.len >= 4) {
        u32   code = load_u16(f, options, 0), length = load_u16(f, options, 2);
        slice value = slice_of(options.at + 4, length);
        size_t step = 4 + (size_t)round_up(length, 4);
        if (code == 0) break;
        if (length > options.len - 4) return "an interface's options run past their block";
        if (code == OPTION_RESOLUTION && length != 1) return "an interface's if_tsresol is not one byte";
        if (code == OPTION_OFFSET && length != 8) return "an interface's if_tsoffset is not eight bytes";
        if (code == OPTION_RESOLUTION) resolution = (u8)value.at[0];
        if (code == OPTION_OFFSET) offset = (i64)load_u64(f, value, 0);
        if (step >= options.len) break; /* the last value's padding may be missing */
        options = slice_of(options.at + step, options.len - step);
    }
    out->ticks = ticks_of(resolution);
    out->ticks.offset = offset;
    return NULL;
}

static void interface_keep(struct framing *f, const struct interface *i)
{
    if (f->interfaces_count == INTERFACES_MAX) return;
    if (f->interfaces_count == f->interfaces_room) {
        f->interfaces_room = f->interfaces_room ? 2 * f->interfaces_room : 4;
        f->interfaces = realloc(f->interfaces, f->interfaces_room * sizeof *f->interfaces);
        WEIR_ASSERT(f->interfaces != NULL);
    }
    f->interfaces[f->interfaces_count++] = *i;
}

/* 0 link u16, 2 reserved u16, 4 snap u32, 8 options. Without it the numbers and clocks of all packets are in doubt. */
static const char *interface_take(struct framing *f, slice body)
{
    if (body.len < 8) return "an interface's block is too short";
    u32              snap = load_u32(f, body, 4);
    struct interface i = { .link = link_of(load_u16(f, body, 0)), .snap = snap == 0 ? UINT32_MAX : snap };
    const char      *wrong = options_take(f, slice_of(body.at + 8, body.len - 8), &i);
    if (wrong == NULL) interface_keep(f, &i);
    return wrong;
}

/* 0 byte order magic u32, 4 major u16, 6 minor u16, 8 section length i64 (not needed), 16 options. */
static const char *section_take(struct framing *f, slice body)
{
    if (body.len < 16) return "a section's block is too short";
    if (load_u16(f, body, 4) != 1) return "pcapng of a version other than 1";
    f->interfaces_count = 0;
    return NULL;
}

/* 0 interface u32, 4 ticks, high half first, 12 captured u32, 16 length u32, 20 bytes. The obsolete form has an
 * interface of u16 and a count of drops as u16 instead. */
static bool packet_timed(const struct framing *f, slice body, bool obsolete, struct carried *out)
{
    if (body.len < 20) return false;
    *out = (struct carried){
        .interface = obsolete ? load_u16(f, body, 0) : load_u32(f, body, 0),
        .ticks = (u64)load_u32(f, body, 4) << 32 | load_u32(f, body, 8),
        .captured = load_u32(f, body, 12),
        .length = load_u32(f, body, 16),
        .bytes = slice_of(body.at + 20, body.len - 20),
    };
    return true;
}

/* 0 length u32, 4 bytes: as many as the first interface's snap length lets through. */
static bool packet_simple(const struct framing *f, slice body, struct carried *out)
{
    if (body.len < 4 || f->interfaces_count == 0) return false;
    u32 length = load_u32(f, body, 0), snap = f->interfaces[0].snap;
    *out = (struct carried){
        .captured = length < snap ? length : snap,
        .length = length,
        .bytes = slice_of(body.at + 4, body.len - 4),
        .timeless = true,
    };
    return true;
}

/* False: the block contradicts itself. */
static bool packet_take(struct framing *f, u32 type, slice body, struct frame *out)
{
    struct carried p;
    bool whole = type == BLOCK_SIMPLE ? packet_simple(f, body, &p) : packet_timed(f, body, type == BLOCK_PACKET, &p);
    if (!whole || p.captured > p.bytes.len || p.interface >= f->interfaces_count) return false;
    const struct interface *i = &f->interfaces[p.interface];
    if (!p.timeless && !ticks_nanos(&i->ticks, p.ticks, &f->last)) return false;
    *out = (struct frame){
        .time = f->last,
        .length = p.length,
        .captured = p.captured < p.length ? p.captured : p.length,
        .link = i->link,
        .at = (const u8 *)p.bytes.at,
    };
    return true;
}

/* A block's type and length. */
struct front {
    u32  type, stated;
    u64  length; /* with the padding */
    bool carries;
    bool passed; /* nothing in it for us: not asked to be in one piece */
};

/* A section's first block says which byte order its length has. */
static const char *order_take(struct framing *f, slice block)
{
    f->swapped = false;
    u32 magic = load_u32(f, block, FRONT);
    f->swapped = magic == __builtin_bswap32(ORDER_MAGIC);
    return magic == ORDER_MAGIC || f->swapped ? NULL : "a section without its byte order mark";
}

static const char *front_take(struct framing *f, slice block, struct front *out)
{
    u32 type = load_u32(f, block, 0);
    if (type == BLOCK_SECTION) {
        const char *wrong = order_take(f, block);
        if (wrong != NULL) return wrong;
    }
    u32 stated = load_u32(f, block, 4);
    *out = (struct front){
        .type = type,
        .stated = stated,
        .length = round_up(stated, 4),
        .carries = type == BLOCK_PACKET || type == BLOCK_SIMPLE || type == BLOCK_ENHANCED,
    };
    out->passed = !out->carries && type != BLOCK_SECTION && type != BLOCK_INTERFACE;
    if (stated < AROUND) return "a block too short to be one";
    if (!out->passed && out->length > FRAMING_RECORD_MAX) return "a block longer than any packet: the file is damaged";
    return NULL;
}

/* A whole block; *filled: it had a packet. */
static const char *block_take(struct framing *f, const struct front *front, slice block, struct frame *out,
                              bool *filled)
{
    if (load_u32(f, block, front->length - TRAILER) != front->stated) return "a block's two lengths differ";
    slice body = slice_of(block.at + FRONT, front->length - AROUND);
    if (front->carries) {
        *filled = packet_take(f, front->type, body, out);
        f->counts.damaged += !*filled;
        return NULL;
    }
    f->counts.passed++;
    return front->type == BLOCK_SECTION ? section_take(f, body) : interface_take(f, body);
}

static void pass_begin(struct framing *f, const struct front *front, size_t *used)
{
    f->passing = front->length - AROUND;
    f->passed_at = f->at + *used;
    f->trailer = front->stated;
    *used += FRONT;
}

/* Goes on in a block that is passed, in what pieces it may come. FRAMING_FRAME: it is done with. */
static enum framing_result pass(struct framing *f, slice text, size_t *used)
{
    size_t room = text.len - *used;
    size_t step = f->passing < room ? (size_t)f->passing : room;
    f->passing -= step;
    *used += step;
    if (f->passing != 0 || room - step < TRAILER) return FRAMING_MORE;
    if (load_u32(f, text, *used) != f->trailer) return framing_fail(f, "a block's two lengths differ", f->passed_at);
    f->trailer = 0;
    f->counts.passed++;
    *used += TRAILER;
    return FRAMING_FRAME;
}

enum framing_result pcapng_next(struct framing *f, slice text, size_t *used, struct frame *out)
{
    for (;;) {
        if (f->trailer != 0) {
            enum framing_result r = pass(f, text, used);
            if (r != FRAMING_FRAME) return r;
        }
        slice rest = slice_of(text.at + *used, text.len - *used);
        if (rest.len < AROUND) return FRAMING_MORE;
        struct front front;
        const char  *wrong = front_take(f, rest, &front);
        if (wrong != NULL) return framing_fail(f, wrong, f->at + *used);
        if (front.passed) {
            pass_begin(f, &front, used);
            continue;
        }
        if (rest.len < front.length) return FRAMING_MORE;
        bool filled = false;
        wrong = block_take(f, &front, rest, out, &filled);
        if (wrong != NULL) return framing_fail(f, wrong, f->at + *used);
        *used += front.length;
        if (filled) return FRAMING_FRAME;
    }
}
