/* SPDX-License-Identifier: Apache-2.0 */
/* unified2.c: each alert a record: frames of joined unified2 events (unified2/frames.h) to columns.
 *
 * The source has read the records, joined and named them; here is only which column is which of their numbers,
 * addresses and texts: the table at the end is all there are. Texts and the line are lent with the chunk's text. */
#include "decode/framed.h"
#include "unified2/frames.h"

#include <stdlib.h>

enum part {
    PART_TIME, PART_KIND, PART_NUMBER, PART_ADDRESS, PART_TEXT, PART_STATUS, PART_ACTION, PART_EVENTS, PART_ONE,
};

/* Where a column comes from. */
struct origin {
    enum part part;
    u32       index; /* enum u2_number, u2_address, u2_words */
};

struct decoder {
    struct framed   framed;
    struct u2_frame frame[FRAMED_BLOCK];
};

static const struct decoder_column columns[];
static const struct origin         origins[];

static void alerts_close(struct decoder *d)
{
    framed_close(&d->framed);
    free(d);
}

static err alerts_open(struct decoder **out, const struct layout *layout, const struct schema *schema)
{
    struct decoder *d = calloc(1, sizeof *d);
    WEIR_ASSERT(d != NULL);
    err e = framed_open(&d->framed, columns, layout, schema);
    *out = err_is(e) ? NULL : d;
    if (err_is(e)) free(d);
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

static bool alerts_cell(const struct decoder *d, struct framed_target *t, u32 i, u32 row)
{
    const struct u2_frame *f = &d->frame[i];
    struct origin          from = origins[t->is];
    switch (t->type) {
    case FIELD_ADDR: ((addr *)t->cells)[row] = f->address[from.index]; return f->has_addr >> from.index & 1;
    case FIELD_STRING: return text_of(f, from, (slice *)t->cells + row);
    default: return number_of(f, from, (u64 *)t->cells + row);
    }
}

/* ---- the contract ---- */

static u32 alerts_next(struct decoder *d, slice rest, u32 i, struct framed_pass *p, bool *kept)
{
    (void)p, (void)kept;
    return u2_frames_next(rest, &d->frame[i]);
}

static nanos alerts_time(const struct decoder *d, u32 i)
{
    return d->frame[i].time;
}

static const struct framed_format alerts_format = { alerts_next, alerts_time, alerts_cell, 0 };

static void alerts_decode(struct decoder *d, slice text, u64 offset, bool last, struct batch *out, struct rejects *bad,
                          size_t *used, u64 *lines)
{
    struct framed_pass p = { .text = text, .offset = offset, .line = *lines, .last = last, .bad = bad };
    framed_decode(&alerts_format, &d->framed, d, p, out, used, lines);
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
