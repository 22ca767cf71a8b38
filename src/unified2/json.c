/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: a record's line, written by hand into room that was asked for once: no call per field but for numbers.
 *
 * Keys stand in u2json's order, so lines of the types that it reads rightly are the same byte for byte. */
#include "unified2/json.h"

#include "unified2/put.h"

#define FIXED_BOUND  2048u /* keys, numbers and addresses of any record */
#define ESCAPED_MOST 6u

/* --- room ---------------------------------------------------------------------------------------------------- */

static size_t name_bound(const struct u2_name *name)
{
    return name ? name->json.len : 0;
}

static size_t data_bound(size_t len, bool printable, bool hex)
{
    return len / 3 * 4 + 8 + (printable ? len * ESCAPED_MOST : 0) + (hex ? len * 3 : 0);
}

static size_t body_bound(const struct u2_json *how, const struct u2_record *r)
{
    struct u2_event e;
    switch (r->kind) {
    case U2_KIND_PACKET:
    case U2_KIND_BUFFER: return FIXED_BOUND + data_bound(r->length, how->packet_printable, how->packet_hex);
    case U2_KIND_EXTRA: return FIXED_BOUND + data_bound(r->length, how->extra_printable, false);
    case U2_KIND_APPS: return FIXED_BOUND + (size_t)r->length * 12; /* an entry of 24 bytes: 96 of a name and 90 */
    default: break;
    }
    size_t names = 0;
    if (how->names) {
        u2_event_read(r, &e);
        names =
            name_bound(u2_names_message(how->names, e.gid, e.sid)) + name_bound(u2_names_class(how->names, e.class_id));
    }
    return FIXED_BOUND + names + (size_t)r->length * ESCAPED_MOST;
}

size_t u2_json_bound(const struct u2_json *how, const struct u2_record *r, slice file)
{
    return body_bound(how, r) + (how->place ? file.len * ESCAPED_MOST : 0);
}

static size_t body_most(const struct u2_record *r)
{
    bool as_base64 = r->kind != U2_KIND_EVENT && r->kind != U2_KIND_APPS;
    return FIXED_BOUND + 8 + (size_t)r->length * (as_base64 ? 2 : 2 * ESCAPED_MOST);
}

size_t u2_json_joined_most(const struct u2_json *how, const struct u2_joined *j)
{
    WEIR_ASSERT(!how->packet_printable && !how->packet_hex && !how->extra_printable && !how->place);
    size_t sum = body_most(j->event) + 128 + (how->names ? 2 * (size_t)U2_NAME_MAX * ESCAPED_MOST : 0);
    for (u32 i = 0; i < j->count; i++) sum += body_most(&j->more[i]);
    return sum;
}

size_t u2_json_joined_bound(const struct u2_json *how, const struct u2_joined *j, slice file)
{
    size_t sum = u2_json_bound(how, j->event, file) + 128;
    for (u32 i = 0; i < j->count; i++) sum += body_bound(how, &j->more[i]);
    return sum;
}

/* --- parts --------------------------------------------------------------------------------------------------- */

/* , "key": N */
#define NUMBER(p, key, n) put_u32(PUT(p, ", \"" key "\": "), (n))
/* , "key": "text" */
#define TEXT(p, key, s) PUT(put_json(PUT(p, ", \"" key "\": \""), (s)), "\"")
#define BASE64(p, key, s) PUT(put_base64(PUT(p, ", \"" key "\": \""), (s)), "\"")

static char *put_key(char *p, const struct u2_key *key)
{
    p = put_u32(PUT(p, "\"sensor-id\": "), key->sensor);
    p = NUMBER(p, "event-id", key->id);
    return NUMBER(p, "event-second", key->second);
}

static char *put_address(char *p, struct u2_ip ip)
{
    if (ip.family == 0) return PUT(p, "null");
    *p++ = '"';
    p = ip.family == 4 ? put_ip4(p, ip.at) : put_ip6_full(p, ip.at);
    *p++ = '"';
    return p;
}

/* --- events -------------------------------------------------------------------------------------------------- */

static char *put_names(const struct u2_names *names, const struct u2_event *e, char *p)
{
    const struct u2_name *message = u2_names_message(names, e->gid, e->sid);
    const struct u2_name *class = u2_names_class(names, e->class_id);
    if (message) p = PUT(put_slice(PUT(p, "\"msg\": \""), message->json), "\", ");
    if (class) p = PUT(put_slice(PUT(p, "\"classification\": \""), class->json), "\", ");
    return p;
}

static char *put_word(char *p, const char *word)
{
    if (word == NULL) return PUT(p, "null");
    *p++ = '"';
    p = put_slice(p, slice_str(word));
    *p++ = '"';
    return p;
}

static char *put_event3(const struct u2_event *e, char *p)
{
    p = NUMBER(p, "pid-context", e->policy_context);
    p = NUMBER(p, "pid-inspect", e->policy_inspect);
    p = NUMBER(p, "pid-detect", e->policy_detect);
    p = NUMBER(p, "unused", e->unused);
    p = NUMBER(p, "ip-version", e->ip_version);
    p = NUMBER(p, "status", e->status);
    p = put_word(PUT(p, ", \"status-name\": "), u2_status_name(e->status));
    p = NUMBER(p, "action", e->action);
    p = put_word(PUT(p, ", \"action-name\": "), u2_action_name(e->action));
    if (!e->http) return p;
    p = NUMBER(p, "http-request-size", e->request_size);
    p = NUMBER(p, "http-response-size", e->response_size);
    p = TEXT(p, "http-method", e->method);
    p = TEXT(p, "http-version", e->http_version);
    p = TEXT(p, "http-user-agent", e->agent);
    p = TEXT(p, "http-referer", e->referer);
    return TEXT(p, "message-detail", e->detail);
}

static char *put_event_flags(const struct u2_event *e, char *p)
{
    if (e->version == 3) p = PUT(p, ", \"impact-flag\": null, \"impact\": null");
    else p = put_u8(PUT(put_u8(PUT(p, ", \"impact-flag\": "), e->impact_flag), ", \"impact\": "), e->impact);
    p = put_u8(PUT(p, ", \"blocked\": "), e->blocked);
    if (e->version == 1) return PUT(p, ", \"mpls-label\": null, \"vlan-id\": null, \"pad2\": null");
    p = NUMBER(p, "mpls-label", e->mpls);
    p = NUMBER(p, "vlan-id", e->vlan);
    if (e->version == 3) return PUT(p, ", \"pad2\": null");
    return NUMBER(p, "pad2", e->policy);
}

static char *put_event(const struct u2_json *how, const struct u2_record *r, char *p)
{
    struct u2_event e;
    u2_event_read(r, &e);
    if (how->names) p = put_names(how->names, &e, p);
    p = put_key(p, &e.key);
    p = NUMBER(p, "event-microsecond", e.microsecond);
    p = NUMBER(p, "signature-id", e.sid);
    p = NUMBER(p, "generator-id", e.gid);
    p = NUMBER(p, "signature-revision", e.revision);
    p = NUMBER(p, "classification-id", e.class_id);
    p = NUMBER(p, "priority", e.priority);
    p = NUMBER(p, "sport-itype", e.source_port);
    p = NUMBER(p, "dport-icode", e.destination_port);
    p = put_u8(PUT(p, ", \"protocol\": "), e.protocol);
    p = put_event_flags(&e, p);
    if (e.app.len) p = TEXT(p, "appid", e.app);
    if (e.version == 3) p = put_event3(&e, p);
    p = put_address(PUT(p, ", \"source-ip\": "), e.source);
    p = put_address(PUT(p, ", \"destination-ip\": "), e.destination);
    if (e.rest.len) p = BASE64(p, "rest", e.rest);
    return p;
}

/* --- the others ---------------------------------------------------------------------------------------------- */

static char *put_packet(const struct u2_json *how, const struct u2_record *r, char *p)
{
    struct u2_packet k;
    u2_packet_read(r, &k);
    p = put_key(p, &k.key);
    p = NUMBER(p, "packet-second", k.second);
    p = NUMBER(p, "packet-microsecond", k.microsecond);
    p = NUMBER(p, "linktype", k.link);
    p = NUMBER(p, "length", k.said);
    p = BASE64(p, "data", k.data);
    if (how->packet_printable) p = PUT(put_json_printable(PUT(p, ", \"data-printable\": \""), k.data), "\"");
    if (how->packet_hex) p = PUT(put_hex(PUT(p, ", \"data-hex\": \""), k.data), "\"");
    return p;
}

static char *put_extra(const struct u2_json *how, const struct u2_record *r, char *p)
{
    struct u2_extra x;
    u2_extra_read(r, &x);
    const char *name = u2_extra_name(x.type);
    if (name) p = PUT(put_slice(PUT(p, "\"extra-data-type\": \""), slice_str(name)), "\", ");
    p = put_u32(PUT(p, "\"event-type\": "), x.event_type);
    p = NUMBER(p, "event-length", x.event_length);
    p = put_key(PUT(p, ", "), &x.key);
    p = NUMBER(p, "type", x.type);
    p = NUMBER(p, "data-type", x.data_type);
    p = NUMBER(p, "data-length", x.said);
    p = BASE64(p, "data", x.data);
    if (how->extra_printable) p = PUT(put_json_printable(PUT(p, ", \"data-printable\": \""), x.data), "\"");
    return p;
}

static char *put_apps(const struct u2_record *r, char *p)
{
    struct u2_apps a;
    u2_apps_read(r, &a);
    p = put_u32(PUT(p, "\"second\": "), a.second);
    p = PUT(p, ", \"apps\": [");
    for (u32 i = 0; i < a.count; i++) {
        struct u2_app app = u2_apps_get(&a, i);
        if (i) p = PUT(p, ", ");
        p = PUT(put_json(PUT(p, "{\"appid\": \""), app.name), "\"");
        p = NUMBER(p, "initiator-bytes", app.initiator);
        p = NUMBER(p, "responder-bytes", app.responder);
        *p++ = '}';
    }
    *p++ = ']';
    if (a.rest.len) p = BASE64(p, "rest", a.rest);
    return p;
}

/* --- lines --------------------------------------------------------------------------------------------------- */

static char *put_body(const struct u2_json *how, const struct u2_record *r, char *p)
{
    switch (r->kind) {
    case U2_KIND_EVENT: return put_event(how, r, PUT(p, "{\"type\": \"event\", \"event\": {"));
    case U2_KIND_PACKET: return put_packet(how, r, PUT(p, "{\"type\": \"packet\", \"packet\": {"));
    case U2_KIND_BUFFER: return put_packet(how, r, PUT(p, "{\"type\": \"buffer\", \"buffer\": {"));
    case U2_KIND_EXTRA: return put_extra(how, r, PUT(p, "{\"type\": \"extra-data\", \"extra-data\": {"));
    default:
        WEIR_ASSERT(r->kind == U2_KIND_APPS);
        return put_apps(r, PUT(p, "{\"type\": \"app-stats\", \"app-stats\": {"));
    }
}

static char *put_end(const struct u2_json *how, const struct u2_record *r, slice file, char *p)
{
    *p++ = '}';
    if (how->place) {
        p = TEXT(p, "file", file);
        p = put_u64(PUT(p, ", \"offset\": "), r->offset);
        p = NUMBER(p, "record-type", r->type);
        p = NUMBER(p, "record-length", r->length);
    }
    return PUT(p, "}\n");
}

char *u2_json_line(const struct u2_json *how, const struct u2_record *r, slice file, char *p)
{
    return put_end(how, r, file, put_body(how, r, p));
}

/* "packets": [{..}, ..], if there are any of that kind. */
static char *put_kind(const struct u2_json *how, const struct u2_joined *j, enum u2_kind kind, slice key, char *p)
{
    bool any = false;
    for (u32 i = 0; i < j->count; i++) {
        const struct u2_record *r = &j->more[i];
        if (r->kind != kind) continue;
        p = any ? PUT(p, ", {") : PUT(put_slice(p, key), "[{");
        p = kind == U2_KIND_EXTRA ? put_extra(how, r, p) : put_packet(how, r, p);
        *p++ = '}';
        any = true;
    }
    if (any) *p++ = ']';
    return p;
}

char *u2_json_joined(const struct u2_json *how, const struct u2_joined *j, slice file, char *p)
{
    p = put_body(how, j->event, p);
    p = put_kind(how, j, U2_KIND_PACKET, S(", \"packets\": "), p);
    p = put_kind(how, j, U2_KIND_BUFFER, S(", \"buffers\": "), p);
    p = put_kind(how, j, U2_KIND_EXTRA, S(", \"extra-data\": "), p);
    return put_end(how, j->event, file, p);
}
