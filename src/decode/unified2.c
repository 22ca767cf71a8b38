/* SPDX-License-Identifier: Apache-2.0 */
/* unified2.c: each alert a record: frames of joined unified2 events (unified2/frames.h) to columns.
 *
 * The source has read the records, joined and named them; here is only which column is which of their numbers,
 * addresses and texts: the table at the end is all there are. One used column after the other is filled, 64 rows at a
 * time, so that a block's nulls are one word. Texts and the line are lent with the chunk's text. */
#include "decode/share.h"
#include "unified2/frames.h"
#include "weir/arena.h"
#include "weir/decoder.h"

#include <stdlib.h>

#define BLOCK      64u

enum part {
    PART_TIME, PART_KIND, PART_NUMBER, PART_ADDRESS, PART_TEXT, PART_STATUS, PART_ACTION, PART_EVENTS, PART_ONE,
};

/* Where a column comes from. */
struct origin {
    enum part part;
    u32       index; /* enum u2_number, u2_address, u2_words */
};

/* A used column. */
struct target {
    struct origin   from;
    enum field_type type;
    u32             slot;
    void           *cells;
    u64            *nulls;
    bool            some; /* a row of this batch is null */
};

struct decoder {
    struct arena    arena;
    u32             targets, columns;
    struct target  *target;
    struct column  *column;
    nanos          *time;
    u32             rows; /* of the block */
    struct u2_frame frame[BLOCK];
};

/* One call of decode. */
struct pass {
    slice           text;
    size_t          at;
    u64             offset, line;
    bool            last;
    struct rejects *bad;
};

static const struct decoder_column columns[];
static const struct origin         origins[];

/* ---- the layout ---- */

static err target_init(struct decoder *d, const struct layout_field *f, const struct schema *schema, u32 number)
{
    u32 is;
    err e = named_column(columns, f, schema, number, d->column, &is);
    if (err_is(e)) return e;
    struct target *t = &d->target[d->targets++];
    *t = (struct target){ .from = origins[is], .type = f->field.type, .slot = f->slot };
    t->cells = arena_alloc(&d->arena, (size_t)cell_size(t->type, 0) * BATCH_ROWS);
    t->nulls = arena_array(&d->arena, u64, BATCH_ROWS / 64);
    d->column[f->slot].cells = t->cells;
    return OK;
}

static void alerts_close(struct decoder *d)
{
    arena_fini(&d->arena);
    free(d);
}

static err alerts_open(struct decoder **out, const struct layout *layout, const struct schema *schema)
{
    struct decoder *d = calloc(1, sizeof *d);
    err             e = OK;
    WEIR_ASSERT(d != NULL);
    *out = NULL;
    arena_init(&d->arena, 0);
    d->columns = schema->tags + schema->measures;
    d->column = arena_array(&d->arena, struct column, d->columns + 1);
    d->target = arena_array(&d->arena, struct target, layout->fields + 1);
    d->time = arena_array(&d->arena, nanos, BATCH_ROWS);
    for (u32 i = 0; i < layout->fields && !err_is(e); i++)
        if (layout->field[i].used) e = target_init(d, &layout->field[i], schema, i);
    if (err_is(e)) alerts_close(d);
    else *out = d;
    return e;
}

/* ---- cells ---- */

static bool has(const struct u2_frame *f, enum u2_number is)
{
    return f->has >> is & 1;
}

/* False: null. */
static bool number_of(const struct u2_frame *f, struct origin from, u64 *to)
{
    switch (from.part) {
    case PART_TIME: *to = (u64)f->time; return true;
    case PART_EVENTS: *to = f->kind == U2_KIND_EVENT; return true;
    case PART_ONE: *to = 1; return true;
    case PART_NUMBER: *to = f->number[from.index]; return has(f, from.index);
    default: return false;
    }
}

static bool text_of(const struct u2_frame *f, struct origin from, slice *to)
{
    switch (from.part) {
    case PART_KIND: *to = slice_str(u2_kind_name(f->kind)); break;
    case PART_TEXT: *to = f->text[from.index]; break;
    case PART_STATUS: *to = slice_str(has(f, U2_N_STATUS) ? u2_status_name((u8)f->number[U2_N_STATUS]) : NULL); break;
    case PART_ACTION: *to = slice_str(has(f, U2_N_ACTION) ? u2_action_name((u8)f->number[U2_N_ACTION]) : NULL); break;
    default: return false;
    }
    return to->at != NULL;
}

static bool cell_fill(const struct target *t, const struct u2_frame *f, u32 row)
{
    switch (t->type) {
    case FIELD_ADDR: ((addr *)t->cells)[row] = f->address[t->from.index]; return f->has_addr >> t->from.index & 1;
    case FIELD_STRING: return text_of(f, t->from, (slice *)t->cells + row);
    default: return number_of(f, t->from, (u64 *)t->cells + row);
    }
}

/* base: a multiple of 64. */
static void block_fill(struct decoder *d, u32 base)
{
    for (u32 i = 0; i < d->rows; i++) d->time[base + i] = d->frame[i].time;
    for (u32 k = 0; k < d->targets; k++) {
        struct target *t = &d->target[k];
        u64            nulls = 0;
        for (u32 i = 0; i < d->rows; i++) nulls |= (u64)!cell_fill(t, &d->frame[i], base + i) << i;
        t->nulls[base / 64] = nulls;
        t->some = t->some || nulls != 0;
    }
}

/* ---- a block ---- */

/* What is no record ends the chunk: where the next one begins is not known. */
static void give_up(struct pass *p)
{
    slice         rest = slice_of(p->text.at + p->at, p->text.len - p->at);
    struct reject at = { .line = (u32)p->line, .offset = p->offset + p->at, .field = UINT32_MAX };
    if (!p->last || rest.len == 0) return;
    reject_keep_bytes(p->bad, at, rest);
    p->at = p->text.len;
    p->line++;
}

static void block_take(struct decoder *d, struct pass *p)
{
    for (d->rows = 0; d->rows < BLOCK; d->rows++) {
        u32 size = u2_frames_next(slice_of(p->text.at + p->at, p->text.len - p->at), &d->frame[d->rows]);
        if (size == 0) {
            give_up(p);
            return;
        }
        p->at += size;
        p->line++;
    }
}

/* ---- the contract ---- */

static void alerts_decode(struct decoder *d, slice text, u64 offset, bool last, struct batch *out, struct rejects *bad,
                          size_t *used, u64 *lines)
{
    struct pass p = { .text = text, .offset = offset, .line = *lines, .last = last, .bad = bad };
    u32         rows = 0;
    for (u32 i = 0; i < d->targets; i++) d->target[i].some = false;
    do {
        block_take(d, &p);
        block_fill(d, rows);
        rows += d->rows;
    } while (d->rows == BLOCK && rows < BATCH_ROWS);
    for (u32 i = 0; i < d->targets; i++)
        d->column[d->target[i].slot].nulls = d->target[i].some ? d->target[i].nulls : NULL;
    *out = (struct batch){ .rows = rows, .columns = d->columns, .column = d->column, .time = d->time };
    *used = p.at;
    *lines = p.line;
}

/* ---- tables ---- */

#define NUMBERS(X) \
    X("sensor", U2_N_SENSOR) X("eventID", U2_N_EVENT) X("signatureID", U2_N_SID) X("generatorID", U2_N_GID) \
    X("revision", U2_N_REVISION) X("classificationID", U2_N_CLASS) X("priority", U2_N_PRIORITY) \
    X("srcPort", U2_N_SRC_PORT) X("dstPort", U2_N_DST_PORT) X("icmpType", U2_N_ICMP_TYPE) \
    X("icmpCode", U2_N_ICMP_CODE) X("protocol", U2_N_PROTOCOL) X("impactFlag", U2_N_IMPACT_FLAG) \
    X("impact", U2_N_IMPACT) X("blocked", U2_N_BLOCKED) X("vlan", U2_N_VLAN) X("mpls", U2_N_MPLS) \
    X("policy", U2_N_POLICY) X("policyContext", U2_N_POLICY_CONTEXT) X("policyInspect", U2_N_POLICY_INSPECT) \
    X("policyDetect", U2_N_POLICY_DETECT) X("status", U2_N_STATUS) X("action", U2_N_ACTION) \
    X("requestSize", U2_N_REQUEST_SIZE) X("responseSize", U2_N_RESPONSE_SIZE) X("linkType", U2_N_LINK) \
    X("packets", U2_N_PACKETS) X("buffers", U2_N_BUFFERS) X("extraData", U2_N_EXTRAS) \
    X("packetBytes", U2_N_PACKET_BYTES)
#define ADDRESSES(X) X("srcIP", U2_A_SRC) X("dstIP", U2_A_DST) X("clientIP", U2_A_CLIENT)
#define TEXTS(X) \
    X("signature", U2_T_SIGNATURE) X("classification", U2_T_CLASS) X("appid", U2_T_APP) X("method", U2_T_METHOD) \
    X("httpVersion", U2_T_VERSION) X("userAgent", U2_T_AGENT) X("referer", U2_T_REFERER) X("detail", U2_T_DETAIL) \
    X("uri", U2_T_URI) X("host", U2_T_HOST) X("json", U2_T_JSON)

#define NUMBER_COLUMN(name, is)  { name, FIELD_U64 },
#define ADDRESS_COLUMN(name, is) { name, FIELD_ADDR },
#define TEXT_COLUMN(name, is)    { name, FIELD_STRING },
#define NUMBER_ORIGIN(name, is)  { PART_NUMBER, is },
#define ADDRESS_ORIGIN(name, is) { PART_ADDRESS, is },
#define TEXT_ORIGIN(name, is)    { PART_TEXT, is },

static const struct decoder_column columns[] = {
    { "time", FIELD_TIME }, { "kind", FIELD_STRING }, { "events", FIELD_U64 }, { "records", FIELD_U64 },
    { "statusName", FIELD_STRING }, { "actionName", FIELD_STRING },
    NUMBERS(NUMBER_COLUMN)
    ADDRESSES(ADDRESS_COLUMN)
    TEXTS(TEXT_COLUMN)
    { NULL, 0 },
};

static const struct origin origins[] = {
    { PART_TIME, 0 }, { PART_KIND, 0 }, { PART_EVENTS, 0 }, { PART_ONE, 0 },
    { PART_STATUS, 0 }, { PART_ACTION, 0 },
    NUMBERS(NUMBER_ORIGIN)
    ADDRESSES(ADDRESS_ORIGIN)
    TEXTS(TEXT_ORIGIN)
};
static_assert(WEIR_COUNT(columns) == WEIR_COUNT(origins) + 1, "each column comes from somewhere");

static const char *const alerts_reasons[] = { "no record of an alert", NULL };

const struct decoder_type decoder_unified2 = {
    .name     = "unified2",
    .reasons  = alerts_reasons,
    .records  = true,
    .line_max = U2_FRAME_MAX,
    .timed    = true,
    .columns  = columns,
    .open     = alerts_open,
    .close    = alerts_close,
    .decode   = alerts_decode,
};
