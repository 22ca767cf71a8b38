/* SPDX-License-Identifier: Apache-2.0 */
/* frames.c: records written and read again. See frames.h. */
#include "unified2/frames.h"

#include "unified2/put.h"

struct head {
    u32  size, kind;
    i64  time;
    u64  has;
    u32  has_addr, zero[2];
    u32  number[U2_NUMBERS];
    addr address[U2_ADDRESSES];
    u32  text[U2_TEXTS];
};
static_assert(offsetof(struct head, number) == 36, "as frames.h draws it");
static_assert(U2_NUMBERS <= 64 && U2_TEXTS <= 32, "bits of a word");

#define HEAD        ((u32)sizeof(struct head))
#define TEXTS_BOUND ((size_t)(U2_TEXTS - 1) * STRING_BYTES_MAX)

enum { ICMP = 1, ICMP6 = 58, DROPPED = 32 };
enum { XFF_IP4 = 1, XFF_IP6 = 2, HTTP_URI = 9, HTTP_HOST = 10 };

/* One record in the making. */
struct making {
    const struct u2_framing *how;
    struct head              head;
    char                    *end; /* texts follow each other in the order of enum u2_words */
};

/* --- room ---------------------------------------------------------------------------------------------------- */

static bool wants(const struct u2_framing *how, enum u2_words is)
{
    return how->texts >> is & 1;
}

static struct u2_json json_of(const struct u2_framing *how)
{
    return (struct u2_json){ .names = how->names };
}

/* With the head, other texts and zeros at the end. */
static size_t line_bound(const struct u2_framing *how, const struct u2_joined *j)
{
    struct u2_json json = json_of(how);
    return u2_json_joined_bound(&json, j, (slice){ 0 });
}

#define LINE_ROOM ((size_t)U2_FRAME_MAX - sizeof(struct head) - TEXTS_BOUND - 8)

static size_t line_most(const struct u2_framing *how, const struct u2_joined *j)
{
    struct u2_json json = json_of(how);
    return u2_json_joined_most(&json, j);
}

static bool line_fits(const struct u2_framing *how, const struct u2_joined *j)
{
    return line_most(how, j) <= LINE_ROOM || line_bound(how, j) <= LINE_ROOM;
}

u32 u2_frames_fit(const struct u2_framing *how, const struct u2_joined *j)
{
    struct u2_joined part = { .event = j->event, .origin = j->origin };
    if (!wants(how, U2_T_JSON) || line_fits(how, j)) return j->count;
    size_t sum = line_bound(how, &part);
    for (part.count = 0; part.count < j->count; part.count++) {
        struct u2_joined one = { .event = &j->more[part.count] };
        sum += line_bound(how, &one);
        if (sum > LINE_ROOM) break;
    }
    return part.count;
}

size_t u2_frames_bound(const struct u2_framing *how, const struct u2_joined *j)
{
    size_t line = wants(how, U2_T_JSON) ? line_most(how, j) : 0;
    if (line > LINE_ROOM) line = line_bound(how, j);
    return HEAD + TEXTS_BOUND + (line <= LINE_ROOM ? line : 0) + 8;
}

/* --- parts --------------------------------------------------------------------------------------------------- */

static void number(struct making *m, enum u2_number is, u32 n)
{
    m->head.number[is] = n;
    m->head.has |= 1ull << is;
}

static void number_if(struct making *m, enum u2_number is, u32 n)
{
    if (n) number(m, is, n);
}

static void address(struct making *m, enum u2_address is, struct u2_ip ip)
{
    static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
    u8             *to = m->head.address[is].b;
    if (ip.family == 0) return;
    if (ip.family == 4) {
        memcpy(to, mapped, 12);
        memcpy(to + 12, ip.at, 4);
    } else {
        memcpy(to, ip.at, 16);
    }
    m->head.has_addr |= 1u << is;
}

static bool is_plain(slice s)
{
    bool odd = false;
    for (size_t i = 0; i < s.len; i++) odd |= (u8)(s.at[i] - 32) >= 95;
    return !odd;
}

/* What is longer than a string may be is cut, between two characters. */
static void words(struct making *m, enum u2_words is, slice s)
{
    if (!wants(m->how, is) || s.at == NULL) return;
    if (s.len > STRING_BYTES_MAX) {
        s.len = STRING_BYTES_MAX;
        while (s.len > STRING_BYTES_MAX - 4 && ((u8)s.at[s.len] & 0xc0) == 0x80) s.len--;
    }
    char *end = is_plain(s) ? put_slice(m->end, s) : put_plain(m->end, s);
    m->head.text[is] = (u32)(end - m->end) + 1;
    m->end = end;
}

static void words_if(struct making *m, enum u2_words is, slice s)
{
    if (s.len) words(m, is, s);
}

static nanos time_of(u32 second, u32 microsecond)
{
    return (nanos)second * NANOS_SECOND + (nanos)(microsecond < 1000000 ? microsecond : 999999) * 1000;
}

static void key(struct making *m, const struct u2_key *k)
{
    number(m, U2_N_SENSOR, k->sensor);
    number(m, U2_N_EVENT, k->id);
}

/* --- events -------------------------------------------------------------------------------------------------- */

static void event_ports(struct making *m, const struct u2_event *e)
{
    bool icmp = e->protocol == ICMP || e->protocol == ICMP6;
    bool none = e->source_port == 0 && e->destination_port == 0 && e->protocol != 6 && e->protocol != 17;
    if (icmp) {
        number(m, U2_N_ICMP_TYPE, e->source_port);
        number(m, U2_N_ICMP_CODE, e->destination_port);
    } else if (!none) {
        number(m, U2_N_SRC_PORT, e->source_port);
        number(m, U2_N_DST_PORT, e->destination_port);
    }
}

static void event3(struct making *m, const struct u2_event *e)
{
    number(m, U2_N_POLICY_CONTEXT, e->policy_context);
    number(m, U2_N_POLICY_INSPECT, e->policy_inspect);
    number(m, U2_N_POLICY_DETECT, e->policy_detect);
    number(m, U2_N_STATUS, e->status);
    number(m, U2_N_ACTION, e->action);
    if (!e->http) return;
    number(m, U2_N_REQUEST_SIZE, e->request_size);
    number(m, U2_N_RESPONSE_SIZE, e->response_size);
    words_if(m, U2_T_METHOD, e->method);
    words_if(m, U2_T_VERSION, e->http_version);
    words_if(m, U2_T_AGENT, e->agent);
    words_if(m, U2_T_REFERER, e->referer);
    words_if(m, U2_T_DETAIL, e->detail);
}

static void event_names(struct making *m, const struct u2_event *e)
{
    const struct u2_name *name;
    if (m->how->names == NULL) return;
    if (wants(m->how, U2_T_SIGNATURE) && (name = u2_names_message(m->how->names, e->gid, e->sid)) != NULL)
        words(m, U2_T_SIGNATURE, name->text);
    if (wants(m->how, U2_T_CLASS) && (name = u2_names_class(m->how->names, e->class_id)) != NULL)
        words(m, U2_T_CLASS, name->text);
}

/* Suricata tells what it dropped by the impact flag alone. */
static void event_verdict(struct making *m, const struct u2_event *e)
{
    bool dropped = e->version < 3 && e->blocked == 0 && e->impact_flag == DROPPED;
    number(m, U2_N_BLOCKED, dropped ? 1 : e->blocked);
    if (e->version == 3) return;
    number(m, U2_N_IMPACT_FLAG, e->impact_flag);
    number(m, U2_N_IMPACT, e->impact);
    if (e->version == 2) number(m, U2_N_POLICY, e->policy);
}

static void make_event(struct making *m, const struct u2_record *r)
{
    struct u2_event e;
    u2_event_read(r, &e);
    m->head.time = time_of(e.key.second, e.microsecond);
    key(m, &e.key);
    number(m, U2_N_SID, e.sid);
    number(m, U2_N_GID, e.gid);
    number(m, U2_N_REVISION, e.revision);
    number_if(m, U2_N_CLASS, e.class_id);
    number(m, U2_N_PRIORITY, e.priority);
    number(m, U2_N_PROTOCOL, e.protocol);
    address(m, U2_A_SRC, e.source);
    address(m, U2_A_DST, e.destination);
    event_ports(m, &e);
    event_verdict(m, &e);
    if (e.version > 1) {
        number_if(m, U2_N_MPLS, e.mpls);
        number_if(m, U2_N_VLAN, e.vlan);
    }
    event_names(m, &e);
    words_if(m, U2_T_APP, e.app);
    if (e.version == 3) event3(m, &e);
}

/* --- what belongs to them ------------------------------------------------------------------------------------ */

static void make_packet(struct making *m, const struct u2_record *r, bool alone)
{
    struct u2_packet p;
    u2_packet_read(r, &p);
    m->head.number[r->kind == U2_KIND_BUFFER ? U2_N_BUFFERS : U2_N_PACKETS]++;
    m->head.number[U2_N_PACKET_BYTES] += (u32)p.data.len;
    if (r->kind == U2_KIND_PACKET && !(m->head.has >> U2_N_LINK & 1)) number(m, U2_N_LINK, p.link);
    if (!alone) return;
    m->head.time = time_of(p.second, p.microsecond);
    key(m, &p.key);
}

/* The first of each sort. Old Suricatas call an IPv6 client IPv4: its size decides. */
static void make_extra(struct making *m, const struct u2_record *r, bool alone)
{
    struct u2_extra x;
    u2_extra_read(r, &x);
    m->head.number[U2_N_EXTRAS]++;
    if (alone) {
        m->head.time = time_of(x.key.second, 0);
        key(m, &x.key);
    }
    bool client = (x.type == XFF_IP4 || x.type == XFF_IP6) && (x.data.len == 4 || x.data.len == 16);
    if (client && !(m->head.has_addr >> U2_A_CLIENT & 1))
        address(m, U2_A_CLIENT, (struct u2_ip){ x.data.len == 4 ? 4 : 6, (const u8 *)x.data.at });
}

static void make_apps(struct making *m, const struct u2_record *r)
{
    struct u2_apps a;
    u2_apps_read(r, &a);
    m->head.time = time_of(a.second, 0);
}

static void make_one(struct making *m, const struct u2_record *r, bool alone)
{
    switch (r->kind) {
    case U2_KIND_EVENT: make_event(m, r); break;
    case U2_KIND_EXTRA: make_extra(m, r, alone); break;
    case U2_KIND_APPS: make_apps(m, r); break;
    default: make_packet(m, r, alone); break;
    }
}

/* The first extra data of a type as text, as it stands behind the event's own. */
static void extra_words(struct making *m, const struct u2_joined *j, u32 type, enum u2_words is)
{
    struct u2_extra x;
    if (!wants(m->how, is)) return;
    for (u32 i = 0; i <= j->count; i++) {
        const struct u2_record *r = i ? &j->more[i - 1] : j->event;
        if (r->kind != U2_KIND_EXTRA) continue;
        u2_extra_read(r, &x);
        if (x.type != type || x.data.len == 0) continue;
        words(m, is, x.data);
        return;
    }
}

/* --- whole records ------------------------------------------------------------------------------------------- */

/* False: there is no room for it. */
static bool line(struct making *m, const struct u2_joined *j)
{
    struct u2_json json = json_of(m->how);
    if (!wants(m->how, U2_T_JSON)) return true;
    if (!line_fits(m->how, j)) return false;
    char *end = u2_json_joined(&json, j, (slice){ 0 }, m->end);
    m->head.text[U2_T_JSON] = (u32)(end - m->end); /* without its LF */
    m->end = end - 1;
    return true;
}

u32 u2_frames_put(const struct u2_framing *how, const struct u2_joined *j, char *to, bool *cut)
{
    struct making m = { .how = how, .end = to + HEAD };
    m.head.kind = j->event->kind;
    make_one(&m, j->event, true);
    for (u32 i = 0; i < j->count; i++) make_one(&m, &j->more[i], false);
    m.head.has |= 1ull << U2_N_PACKETS | 1ull << U2_N_BUFFERS | 1ull << U2_N_EXTRAS | 1ull << U2_N_PACKET_BYTES;
    extra_words(&m, j, HTTP_URI, U2_T_URI);
    extra_words(&m, j, HTTP_HOST, U2_T_HOST);
    memcpy(to, &m.head, HEAD); /* not behind the line, where it would wait for all of the line's stores */
    *cut = !line(&m, j);
    memcpy(to + offsetof(struct head, text[U2_T_JSON]), &m.head.text[U2_T_JSON], sizeof m.head.text[0]);
    size_t len = (size_t)(m.end - to), size = (len + 7) & ~(size_t)7;
    memset(m.end, 0, size - len);
    WEIR_ASSERT(size <= U2_FRAME_MAX);
    m.head.size = (u32)size;
    memcpy(to, &m.head.size, sizeof m.head.size);
    return m.head.size;
}

u32 u2_frames_next(slice text, struct u2_frame *out)
{
    struct head h;
    if (text.len < HEAD) return 0;
    memcpy(&h, text.at, HEAD);
    if (h.size < HEAD || h.size > text.len || h.size > U2_FRAME_MAX || h.kind >= U2_KINDS) return 0;
    u32 at = HEAD;
    for (u32 i = 0; i < U2_TEXTS; i++) {
        u32 len = h.text[i] ? h.text[i] - 1 : 0;
        if (len > h.size - at || (i != U2_T_JSON && len > STRING_BYTES_MAX)) return 0;
        out->text[i] = h.text[i] ? slice_of(text.at + at, len) : (slice){ 0 };
        at += len;
    }
    if (h.size != ((at + 7) & ~7u)) return 0;
    out->kind = h.kind;
    out->time = h.time;
    out->has = h.has;
    out->has_addr = h.has_addr;
    memcpy(out->number, h.number, sizeof h.number);
    memcpy(out->address, h.address, sizeof h.address);
    return h.size;
}
