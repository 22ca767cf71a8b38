/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c: the header's two words, and what to do when they make no sense. */
#include "unified2/reader.h"

#include "unified2/bytes.h"

#define HEADER      8u
#define EXTENDED    16u         /* with time and check sum: Sourcefire's own, not counted in the length */
#define EXTENSION   0x80000000u
#define TYPE_MOST   0xffffu     /* higher numbers are no types but bytes of something else */
#define LOOKS       36u         /* bytes that tell a record from chance: header and the least fixed part */
#define MICROSECONDS 1000000u

struct announcement {
    u8          size, bytes[4];
    const char *what;
};

void u2_reader_init(struct u2_reader *r, u64 offset, u32 record_max)
{
    WEIR_ASSERT(record_max <= U2_RECORD_MOST);
    *r = (struct u2_reader){ .at = offset, .record_max = record_max ? record_max : U2_RECORD_DEFAULT };
}

/* --- other formats ------------------------------------------------------------------------------------------- */

static const char *foreign_words(slice text)
{
    static const struct announcement known[] = {
        { 4, { 0xd4, 0xc3, 0xb2, 0xa1 }, "a pcap capture: weir p2 reads it" },
        { 4, { 0xa1, 0xb2, 0xc3, 0xd4 }, "a pcap capture: weir p2 reads it" },
        { 4, { 0x4d, 0x3c, 0xb2, 0xa1 }, "a pcap capture: weir p2 reads it" },
        { 4, { 0xa1, 0xb2, 0x3c, 0x4d }, "a pcap capture: weir p2 reads it" },
        { 4, { 0x0a, 0x0d, 0x0d, 0x0a }, "a pcapng capture: weir p2 reads it" },
        { 2, { 0x1f, 0x8b }, "compressed with gzip: use `zcat FILE | weir u2 -`" },
        { 4, { 0x28, 0xb5, 0x2f, 0xfd }, "compressed with zstd: use `zstdcat FILE | weir u2 -`" },
        { 4, { 0xfd, '7', 'z', 'X' }, "compressed with xz: use `xzcat FILE | weir u2 -`" },
        { 3, { 'B', 'Z', 'h' }, "compressed with bzip2: use `bzcat FILE | weir u2 -`" },
        { 4, { 0x04, 0x22, 0x4d, 0x18 }, "compressed with lz4: use `lz4cat FILE | weir u2 -`" },
    };
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        if (text.len >= known[i].size && memcmp(text.at, known[i].bytes, known[i].size) == 0) return known[i].what;
    return NULL;
}

/* --- out of step --------------------------------------------------------------------------------------------- */

static void lose(struct u2_reader *r, const char *what, const char *expected, u32 type, u32 length)
{
    r->damage = (struct u2_damage){ what, expected, r->at, 0, type, length };
    r->lost = true;
    r->seek = r->at + 1;
}

static bool event_length(u32 type, u32 length)
{
    switch (type) {
    case U2_EVENT: return length == 52;
    case U2_EVENT_IP6: return length == 76;
    case U2_EVENT_VLAN:
    case U2_EVENT_APP: return length == 60 || length == 76 || length == 124;
    case U2_EVENT_VLAN_IP6:
    case U2_EVENT_APP_IP6: return length == 84 || length == 100 || length == 148;
    default: return length == 160 || length == 1032;
    }
}

/* Is this a record, all but surely? `at` has LOOKS bytes. */
static bool looks_right(const struct u2_reader *r, const u8 *at)
{
    u32       type = load32(at), length = load32(at + 4);
    const u8 *body = at + HEADER;
    if (length > r->record_max || length < u2_fixed(type)) return false;
    switch (u2_kind_of(type)) {
    case U2_KIND_EVENT: return event_length(type, length) && load32(body + 12) < MICROSECONDS;
    case U2_KIND_PACKET:
    case U2_KIND_BUFFER: return load32(body + 16) < MICROSECONDS && load32(body + 24) == length - 28;
    case U2_KIND_EXTRA: return load32(body) == 4 && load32(body + 4) == length && load32(body + 24) == 1;
    case U2_KIND_APPS: {
        u32 count = load32(body + 4), space = length - 8;
        return count && count <= space / 24 && (space == count * 24 || space == count * 72);
    }
    default: return false;
    }
}

/* Bytes up to text[n] belong to the damage. */
static void pass(struct u2_reader *r, size_t n, size_t *used)
{
    *used = n;
    r->at += n;
    r->damage.bytes += n;
    r->counts.bytes += n;
    r->counts.damaged_bytes += n;
}

static enum u2_result reader_seek(struct u2_reader *r, slice text, bool last, size_t *used)
{
    const u8 *at = (const u8 *)text.at;
    size_t    i = (size_t)(r->seek - r->at);
    for (; i + LOOKS <= text.len; i++)
        if (at[i] == 0 && looks_right(r, at + i)) break;
    bool found = i + LOOKS <= text.len;
    if (!found && last) i = text.len;
    if (i > text.len) i = text.len; /* the byte behind the lost header is not here yet */
    pass(r, i, used);
    if (r->seek < r->at) r->seek = r->at;
    if (!found && !last) return U2_MORE;
    r->lost = false;
    r->counts.damaged++;
    return U2_DAMAGED;
}

/* --- in step ------------------------------------------------------------------------------------------------- */

/* Why the header cannot be one; NULL: it can. */
static const char *nonsense(const struct u2_reader *r, u32 type, u32 length)
{
    if (type == 0) return "no record: type 0";
    if (type > TYPE_MOST) return "no record: a type that does not exist";
    if (length > r->record_max) return "a record longer than any: its length is damaged";
    if (u2_kind_of(type) == U2_KIND_EVENT && length > U2_EVENT_MOST)
        return "an event longer than any: its length is damaged";
    return NULL;
}

static enum u2_result reader_torn(struct u2_reader *r, slice text, bool last, size_t *used, u32 type, u32 length)
{
    if (!last) return U2_MORE;
    if (text.len == 0) return U2_END;
    if (text.len < HEADER) lose(r, "the file ends in a record's header", "8 bytes", 0, 0);
    else lose(r, "the file ends in a record", "its whole body", type, length);
    return reader_seek(r, text, last, used);
}

static enum u2_result reader_give(struct u2_reader *r, const struct u2_record *out)
{
    u64 *const by_kind[U2_KINDS] = { &r->counts.unknown, &r->counts.events, &r->counts.packets,
                                     &r->counts.buffers, &r->counts.extra,  &r->counts.apps };
    if (out->kind != U2_KIND_UNKNOWN && !u2_whole(out)) {
        r->counts.brief++;
        return U2_SHORT;
    }
    ++*by_kind[out->kind];
    return out->kind == U2_KIND_UNKNOWN ? U2_UNKNOWN : U2_RECORD;
}

static enum u2_result reader_first(struct u2_reader *r, slice text, bool last)
{
    if (text.len < 4 && !last) return U2_MORE;
    const char *what = foreign_words(text);
    if (what == NULL) return U2_RECORD;
    r->damage = (struct u2_damage){ what, "unified2", 0, 0, 0, 0 };
    r->foreign = true;
    return U2_FOREIGN;
}

enum u2_result u2_reader_next(struct u2_reader *r, slice text, bool last, size_t *used, struct u2_record *out)
{
    *used = 0;
    if (__builtin_expect(r->at == 0, 0)) {
        enum u2_result first = r->foreign ? U2_FOREIGN : reader_first(r, text, last);
        if (first != U2_RECORD) return first;
    }
    if (r->lost) return reader_seek(r, text, last, used);
    if (text.len < HEADER) return reader_torn(r, text, last, used, 0, 0);
    const u8 *at = (const u8 *)text.at;
    u32       type = load32(at), length = load32(at + 4), header = HEADER;
    if (type & EXTENSION && u2_kind_of(type & ~EXTENSION) != U2_KIND_UNKNOWN) {
        type &= ~EXTENSION;
        header = EXTENDED;
    }
    const char *why = nonsense(r, type, length);
    if (why != NULL) {
        lose(r, why, "a record's type and length", type, length);
        return reader_seek(r, text, last, used);
    }
    if (text.len - HEADER < length + (size_t)(header - HEADER)) return reader_torn(r, text, last, used, type, length);
    *out = (struct u2_record){ r->at, type, length, header, u2_kind_of(type), at + header };
    *used = header + (size_t)length;
    r->at += *used;
    r->counts.bytes += *used;
    return reader_give(r, out);
}

#define COUNT(field, unit, doc) { #field, unit, doc, offsetof(struct u2_counts, field) }
const struct metric u2_metrics[] = {
    COUNT(bytes, "bytes", "read"),
    COUNT(events, "records", "events"),
    COUNT(packets, "records", "packets"),
    COUNT(buffers, "records", "buffers: rebuilt data"),
    COUNT(extra, "records", "extra data"),
    COUNT(apps, "records", "statistics of applications"),
    COUNT(unknown, "records", "passed over: of a type whose layout is not known"),
    { "short", "records", "passed over: body shorter than its fixed part", offsetof(struct u2_counts, brief) },
    COUNT(damaged, "places", "where no record could be read"),
    COUNT(damaged_bytes, "bytes", "passed over there"),
    { .name = NULL },
};
#undef COUNT
