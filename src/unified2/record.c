/* SPDX-License-Identifier: Apache-2.0 */
/* record.c: bodies by their tables of offsets. Readers are called behind u2_whole: fixed offsets need no check. */
#include "unified2/record.h"

#include "unified2/bytes.h"

#define PACKET_DATA    28u
#define EXTRA_DATA     32u
#define APPS_ENTRIES   8u
#define EVENT3_APP     96u
#define EVENT3_APP_LEN 64u
#define EVENT3_HTTP    160u
#define EVENT3_END     1032u

enum u2_kind u2_kind_of(u32 type)
{
    switch (type) {
    case U2_PACKET: return U2_KIND_PACKET;
    case U2_BUFFER: return U2_KIND_BUFFER;
    case U2_EVENT:
    case U2_EVENT_IP6:
    case U2_EVENT_VLAN:
    case U2_EVENT_VLAN_IP6:
    case U2_EVENT_APP:
    case U2_EVENT_APP_IP6:
    case U2_EVENT3: return U2_KIND_EVENT;
    case U2_EXTRA: return U2_KIND_EXTRA;
    case U2_APPS: return U2_KIND_APPS;
    default: return U2_KIND_UNKNOWN;
    }
}

const char *u2_kind_name(enum u2_kind kind)
{
    static const char names[U2_KINDS][12] = { "unknown", "event", "packet", "buffer", "extra-data", "app-stats" };
    return names[kind];
}

u32 u2_fixed(u32 type)
{
    switch (type) {
    case U2_PACKET:
    case U2_BUFFER: return PACKET_DATA;
    case U2_EVENT: return 52;
    case U2_EVENT_IP6: return 76;
    case U2_EVENT_VLAN:
    case U2_EVENT_APP: return 60;
    case U2_EVENT_VLAN_IP6:
    case U2_EVENT_APP_IP6: return 84;
    case U2_EXTRA: return EXTRA_DATA;
    case U2_APPS: return APPS_ENTRIES;
    case U2_EVENT3: return EVENT3_HTTP;
    default: return 0;
    }
}

bool u2_whole(const struct u2_record *r)
{
    return r->kind != U2_KIND_UNKNOWN && r->length >= u2_fixed(r->type);
}

/* What follows the last NUL was never written, so a name ends at the first one. */
static slice c_string(const u8 *at, u32 room)
{
    const u8 *nul = room ? memchr(at, 0, room) : NULL;
    return slice_of((const char *)at, nul ? (size_t)(nul - at) : room);
}

static slice bytes_from(const struct u2_record *r, u32 from)
{
    return slice_of((const char *)r->body + from, r->length - from);
}

static struct u2_ip ip_of(u8 family, const u8 *at)
{
    return (struct u2_ip){ family, at };
}

/* --- events -------------------------------------------------------------------------------------------------- */

/* Types 7 to 112: two addresses of 4 or 16 bytes in the middle move all that is behind them. */
static void event_read(const struct u2_record *r, struct u2_event *e, u8 family, u8 version)
{
    const u8 *b = r->body;
    u32       width = family == 4 ? 4 : 16;
    e->version = version;
    e->key = (struct u2_key){ load32(b), load32(b + 4), load32(b + 8) };
    e->microsecond = load32(b + 12);
    e->sid = load32(b + 16);
    e->gid = load32(b + 20);
    e->revision = load32(b + 24);
    e->class_id = load32(b + 28);
    e->priority = load32(b + 32);
    e->source = ip_of(family, b + 36);
    e->destination = ip_of(family, b + 36 + width);
    const u8 *p = b + 36 + 2 * width;
    e->source_port = load16(p);
    e->destination_port = load16(p + 2);
    e->protocol = p[4];
    e->impact_flag = p[5];
    e->impact = p[6];
    e->blocked = p[7];
    e->app = slice_of(NULL, 0);
    e->http = false;
    u32 end = 44 + 2 * width;
    if (version == 2) {
        e->mpls = load32(p + 8);
        e->vlan = load16(p + 12);
        e->policy = load16(p + 14);
        e->app = c_string(p + 16, r->length - end - 8); /* 16 or 64 bytes; of types 104 and 105 if Snort 3 wrote them */
        end = r->length;
    }
    e->rest = bytes_from(r, end);
}

static struct u2_ip event3_ip(u8 version, const u8 *at)
{
    return version == 4 ? ip_of(4, at + 12) : version == 6 ? ip_of(6, at) : ip_of(0, NULL);
}

static void event3_http(const struct u2_record *r, struct u2_event *e)
{
    const u8 *b = r->body;
    e->http = true;
    e->request_size = load32(b + 160);
    e->response_size = load32(b + 164);
    e->method = c_string(b + 168, 80);
    e->http_version = c_string(b + 248, 16);
    e->agent = c_string(b + 264, 256);
    e->referer = c_string(b + 520, 256);
    e->detail = c_string(b + 776, 256);
}

/* gid and sid stand the other way round here. Snort 3 itself, when told to write the older types, puts `blocked` as
 * this table does: status can't, would, force. */
static void event3_read(const struct u2_record *r, struct u2_event *e)
{
    static const u8 blocked[] = { 0, 3, 2, 1 };
    const u8       *b = r->body;
    e->version = 3;
    e->key = (struct u2_key){ load32(b), load32(b + 4), load32(b + 8) };
    e->microsecond = load32(b + 12);
    e->gid = load32(b + 16);
    e->sid = load32(b + 20);
    e->revision = load32(b + 24);
    e->class_id = load32(b + 28);
    e->priority = load32(b + 32);
    e->policy_context = load32(b + 36);
    e->policy_inspect = load32(b + 40);
    e->policy_detect = load32(b + 44);
    e->ip_version = b[92];
    e->source = event3_ip(e->ip_version >> 4, b + 48);
    e->destination = event3_ip(e->ip_version & 15, b + 64);
    e->mpls = load32(b + 80);
    e->source_port = load16(b + 84);
    e->destination_port = load16(b + 86);
    e->vlan = load16(b + 88);
    e->unused = load16(b + 90);
    e->protocol = b[93];
    e->status = b[94];
    e->action = b[95];
    e->blocked = e->status < sizeof blocked ? blocked[e->status] : 0;
    e->impact_flag = e->impact = 0;
    e->policy = 0;
    e->app = c_string(b + EVENT3_APP, EVENT3_APP_LEN);
    e->http = false;
    if (r->length >= EVENT3_END) event3_http(r, e);
    e->rest = bytes_from(r, e->http ? EVENT3_END : EVENT3_HTTP);
}

void u2_event_read(const struct u2_record *r, struct u2_event *out)
{
    WEIR_ASSERT(r->kind == U2_KIND_EVENT && u2_whole(r));
    switch (r->type) {
    case U2_EVENT: event_read(r, out, 4, 1); break;
    case U2_EVENT_IP6: event_read(r, out, 6, 1); break;
    case U2_EVENT_VLAN:
    case U2_EVENT_APP: event_read(r, out, 4, 2); break;
    case U2_EVENT_VLAN_IP6:
    case U2_EVENT_APP_IP6: event_read(r, out, 6, 2); break;
    default: event3_read(r, out); break;
    }
}

/* --- the others ---------------------------------------------------------------------------------------------- */

void u2_packet_read(const struct u2_record *r, struct u2_packet *out)
{
    WEIR_ASSERT((r->kind == U2_KIND_PACKET || r->kind == U2_KIND_BUFFER) && u2_whole(r));
    const u8 *b = r->body;
    out->key = (struct u2_key){ load32(b), load32(b + 4), load32(b + 8) };
    out->second = load32(b + 12);
    out->microsecond = load32(b + 16);
    out->link = load32(b + 20);
    out->said = load32(b + 24);
    out->data = bytes_from(r, PACKET_DATA);
}

void u2_extra_read(const struct u2_record *r, struct u2_extra *out)
{
    WEIR_ASSERT(r->kind == U2_KIND_EXTRA && u2_whole(r));
    const u8 *b = r->body;
    out->event_type = load32(b);
    out->event_length = load32(b + 4);
    out->key = (struct u2_key){ load32(b + 8), load32(b + 12), load32(b + 16) };
    out->type = load32(b + 20);
    out->data_type = load32(b + 24);
    out->said = load32(b + 28);
    out->data = bytes_from(r, EXTRA_DATA);
}

/* The width of names is nowhere said: it follows from the length, 16 or 64. Entries that are not there do not count. */
void u2_apps_read(const struct u2_record *r, struct u2_apps *out)
{
    WEIR_ASSERT(r->kind == U2_KIND_APPS && u2_whole(r));
    u32 space = r->length - APPS_ENTRIES, said = load32(r->body + 4);
    out->second = load32(r->body);
    out->width = said && space / said >= 72 ? 64 : 16;
    u32 fits = space / (out->width + 8);
    out->count = said < fits ? said : fits;
    u32 used = out->count * (out->width + 8);
    out->entries = slice_of((const char *)r->body + APPS_ENTRIES, used);
    out->rest = bytes_from(r, APPS_ENTRIES + used);
}

struct u2_app u2_apps_get(const struct u2_apps *apps, u32 i)
{
    WEIR_ASSERT(i < apps->count);
    const u8 *at = (const u8 *)apps->entries.at + (size_t)i * (apps->width + 8);
    return (struct u2_app){ c_string(at, apps->width), load32(at + apps->width), load32(at + apps->width + 4) };
}

bool u2_key_read(const struct u2_record *r, struct u2_key *out)
{
    if (r->kind == U2_KIND_UNKNOWN || r->kind == U2_KIND_APPS || !u2_whole(r)) return false;
    const u8 *b = r->body + (r->kind == U2_KIND_EXTRA ? 8 : 0);
    *out = (struct u2_key){ load32(b), load32(b + 4), load32(b + 8) };
    return true;
}

/* --- names --------------------------------------------------------------------------------------------------- */

const char *u2_extra_name(u32 type)
{
    static const char names[][16] = { "",           "xff_ip4",        "xff_ip6",      "reviewed_by",   "gzip_data",
                                      "smtp_filename", "smtp_mail_from", "smtp_rcpt_to", "smtp_headers", "http_uri",
                                      "http_hostname", "ip6_src_addr",   "ip6_dst_addr", "normalized_js" };
    return type && type < WEIR_COUNT(names) ? names[type] : NULL;
}

const char *u2_status_name(u8 status)
{
    static const char names[][6] = { "allow", "can't", "would", "force" };
    return status < WEIR_COUNT(names) ? names[status] : NULL;
}

const char *u2_action_name(u8 action)
{
    static const char names[][8] = { "trust", "pass", "hold", "retry", "rewrite", "drop", "block", "reset" };
    return action < WEIR_COUNT(names) ? names[action] : NULL;
}
