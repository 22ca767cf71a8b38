/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: a blank line, a title, fields by tabs, bytes in rows of sixteen. */
#include "unified2/text.h"

#include "packet/packet.h"
#include "unified2/put.h"

#define FIXED_BOUND 2048u
#define ROW         16u
#define ROW_BOUND   96u

/* label N */
#define NUMBER(p, label, n) put_u32(PUT(p, label), (n))

size_t u2_text_bound(const struct u2_text *how, const struct u2_record *r)
{
    size_t names = how->names && r->kind == U2_KIND_EVENT ? 2u * U2_NAME_MAX : 0;
    if (r->kind == U2_KIND_APPS) return FIXED_BOUND + (size_t)r->length * 6; /* an entry of 24 bytes: 16 and 60 */
    return FIXED_BOUND + names + ((size_t)r->length / ROW + 1) * ROW_BOUND;
}

/* --- events -------------------------------------------------------------------------------------------------- */

static char *put_names(const struct u2_names *names, const struct u2_event *e, char *p)
{
    const struct u2_name *message = u2_names_message(names, e->gid, e->sid);
    const struct u2_name *class = u2_names_class(names, e->class_id);
    if (message) p = put_plain(PUT(p, "\tmsg: "), message->text);
    if (class) p = put_plain(PUT(p, "\tclass: "), class->text);
    if (message || class) *p++ = '\n';
    return p;
}

static char *put_event(const struct u2_event *e, char *p)
{
    p = e->source.family == 6 ? PUT(p, "\n(IPv6 Event)\n") : PUT(p, "\n(Event)\n");
    p = NUMBER(p, "\tsensor id: ", e->key.sensor);
    p = NUMBER(p, "\tevent id: ", e->key.id);
    p = NUMBER(p, "\tevent second: ", e->key.second);
    p = NUMBER(p, "\tevent microsecond: ", e->microsecond);
    p = NUMBER(p, "\n\tsig id: ", e->sid);
    p = NUMBER(p, "\tgen id: ", e->gid);
    p = NUMBER(p, "\trevision: ", e->revision);
    p = NUMBER(p, "\t classification: ", e->class_id);
    p = NUMBER(p, "\n\tpriority: ", e->priority);
    p = put_ip(PUT(p, "\tip source: "), e->source);
    p = put_ip(PUT(p, "\tip destination: "), e->destination);
    p = NUMBER(p, "\n\tsrc port: ", e->source_port);
    p = NUMBER(p, "\tdest port: ", e->destination_port);
    p = NUMBER(p, "\tprotocol: ", e->protocol);
    p = NUMBER(p, "\timpact_flag: ", e->impact_flag);
    p = NUMBER(p, "\tblocked: ", e->blocked);
    if (e->version == 2) {
        p = NUMBER(p, "\n\tmpls label: ", e->mpls);
        p = NUMBER(p, "\tvland id: ", e->vlan);
        p = NUMBER(p, "\tpolicy id: ", e->policy);
        if (e->app.len) p = put_plain(PUT(p, "\tappid: "), e->app);
    }
    return PUT(p, "\n");
}

static char *put_optional(char *p, slice label, slice text)
{
    if (text.len == 0) return p;
    p = put_plain(put_slice(p, label), text);
    *p++ = '\n';
    return p;
}

static char *put_http(const struct u2_event *e, char *p)
{
    p = put_optional(p, S("\tHTTP Method: "), e->method);
    if (e->request_size) p = PUT(NUMBER(p, "\tHTTP Request Size: ", e->request_size), "\n");
    if (e->response_size) p = PUT(NUMBER(p, "\tHTTP Response Size: ", e->response_size), "\n");
    p = put_optional(p, S("\tHTTP Version: "), e->http_version);
    p = put_optional(p, S("\tHTTP User-Agent: "), e->agent);
    p = put_optional(p, S("\tHTTP Referer: "), e->referer);
    return put_optional(p, S("\tMessage Detail: "), e->detail);
}

/* Six digits, unless it is more than a second. */
static char *put_fraction(char *p, u32 microsecond)
{
    for (u32 least = 100000; least > 1 && microsecond < least; least /= 10) *p++ = '0';
    return put_u32(p, microsecond);
}

static char *put_named(char *p, const char *name, u8 n)
{
    return name ? put_slice(p, slice_str(name)) : put_u32(p, n);
}

static char *put_event3(const struct u2_event *e, char *p)
{
    static const char digits[] = "0123456789abcdef";
    p = NUMBER(p, "\n(Event)\n\tSnort ID: ", e->key.sensor);
    p = NUMBER(p, "\tEvent ID: ", e->key.id);
    p = put_fraction(PUT(NUMBER(p, "\tSeconds: ", e->key.second), "."), e->microsecond);
    p = NUMBER(p, "\n\tPolicy ID:\tContext: ", e->policy_context);
    p = NUMBER(p, "\tInspect: ", e->policy_inspect);
    p = NUMBER(p, "\tDetect: ", e->policy_detect);
    p = NUMBER(NUMBER(NUMBER(p, "\n\tRule ", e->gid), ":", e->sid), ":", e->revision);
    p = NUMBER(p, "\tClass: ", e->class_id);
    p = NUMBER(p, "\tPriority: ", e->priority);
    p = NUMBER(p, "\n\tMPLS Label: ", e->mpls);
    p = PUT(NUMBER(p, "\tVLAN ID: ", e->vlan), "\tIP Version: 0x");
    *p++ = digits[e->ip_version >> 4];
    *p++ = digits[e->ip_version & 15];
    p = NUMBER(p, "\tIP Proto: ", e->protocol);
    p = put_ip(PUT(p, "\n\tSrc IP: "), e->source);
    p = NUMBER(p, "\tPort: ", e->source_port);
    p = put_ip(PUT(p, "\n\tDst IP: "), e->destination);
    p = NUMBER(p, "\tPort: ", e->destination_port);
    p = PUT(put_plain(PUT(p, "\n\tApp Name: "), e->app.len ? e->app : S("none")), "\n");
    if (e->http) p = put_http(e, p);
    p = put_named(PUT(p, "\tStatus: "), u2_status_name(e->status), e->status);
    return PUT(put_named(PUT(p, "\tAction: "), u2_action_name(e->action), e->action), "\n");
}

/* --- packets ------------------------------------------------------------------------------------------------- */

/* [   16] 41 42 ..  AB.. */
static char *put_row(char *p, size_t at, const u8 *bytes, size_t count)
{
    static const char digits[] = "0123456789ABCDEF";
    *p++ = '[';
    for (size_t least = 10000; least > 1 && at < least; least /= 10) *p++ = ' ';
    p = PUT(put_u32(p, (u32)at), "] ");
    for (size_t i = 0; i < ROW; i++) {
        p[0] = i < count ? digits[bytes[i] >> 4] : ' ';
        p[1] = i < count ? digits[bytes[i] & 15] : ' ';
        p[2] = ' ';
        p += 3;
    }
    *p++ = ' ';
    for (size_t i = 0; i < count; i++)
        *p++ = bytes[i] >= 32 && bytes[i] < 127 ? (char)bytes[i] : '.';
    *p++ = '\n';
    return p;
}

static char *put_rows(char *p, slice data)
{
    for (size_t at = 0; at < data.len; at += ROW)
        p = put_row(p, at, (const u8 *)data.at + at, data.len - at < ROW ? data.len - at : ROW);
    return p;
}

static char *put_end_of(char *p, const addr *a, bool port_known, u16 port)
{
    char text[ADDR_TEXT];
    bool brackets = port_known && !addr_is_v4(a);
    if (brackets) *p++ = '[';
    p = put_slice(p, slice_of(text, addr_format(a, text)));
    if (brackets) *p++ = ']';
    return port_known ? NUMBER(p, ":", port) : p;
}

static char *put_flags(char *p, u8 flags)
{
    static const char letters[] = "FSRPAUEC";
    for (u32 i = 0; i < 8; i++)
        if (flags >> i & 1) *p++ = letters[i];
    return flags ? p : PUT(p, "none");
}

static char *put_transport(char *p, const struct packet *k)
{
    enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };
    switch (k->protocol) {
    case ICMP: p = PUT(p, "\tICMP"); break;
    case TCP: p = PUT(p, "\tTCP"); break;
    case UDP: p = PUT(p, "\tUDP"); break;
    case ICMP6: p = PUT(p, "\tICMPv6"); break;
    default: p = NUMBER(p, "\tprotocol ", k->protocol); break;
    }
    if (k->ports && (k->protocol == ICMP || k->protocol == ICMP6))
        p = NUMBER(NUMBER(p, " type ", (u32)k->src_port >> 8), " code ", k->src_port & 255u);
    if (k->ports && k->protocol == TCP) {
        p = put_flags(PUT(p, "\tflags: "), k->tcp_flags);
        p = NUMBER(p, "\tseq: ", k->seq);
        p = NUMBER(p, "\tack: ", k->ack);
    }
    return p;
}

static char *put_ip_packet(char *p, const struct packet *k)
{
    bool ports = k->ports && k->protocol != 1 && k->protocol != 58;
    p = put_end_of(PUT(p, "\tframe: "), &k->src, ports, k->src_port);
    p = put_end_of(PUT(p, " > "), &k->dst, ports, k->dst_port);
    p = put_transport(p, k);
    p = NUMBER(p, "\tttl: ", k->ttl);
    p = NUMBER(p, "\tip length: ", k->ip_bytes);
    p = NUMBER(p, "\tpayload: ", k->payload);
    if (k->vlans) p = NUMBER(p, "\tvlan: ", k->vlan & 0xfff);
    if (k->fragment) p = NUMBER(p, "\tfragment at: ", k->fragment_at);
    return p;
}

/* What the frame says itself. 12 and 14 are the numbers that some systems have for raw IP. */
static char *put_frame(char *p, const struct u2_packet *in)
{
    u32          captured = (u32)in->data.len;
    struct frame f = { .time = (nanos)in->second * NANOS_SECOND + (nanos)in->microsecond * 1000,
                       .length = in->said > captured ? in->said : captured,
                       .captured = captured,
                       .link = in->link == 12 || in->link == 14 ? LINK_RAW : in->link,
                       .at = (const u8 *)in->data.at };
    struct packet k;
    packet_parse(&k, &f, &(struct packet_options){ 0 });
    if (k.kind == PACKET_IP) p = put_ip_packet(p, &k);
    else if (k.kind == PACKET_ARP) p = PUT(p, "\tframe: ARP");
    else if (k.kind == PACKET_OTHER) p = NUMBER(p, "\tframe: ether type ", k.ether_type);
    else p = PUT(p, "\tframe: not read");
    if (k.fault != PACKET_SOUND) p = put_slice(PUT(p, "\tfault: "), slice_str(packet_fault_name(k.fault)));
    *p++ = '\n';
    return p;
}

static char *put_packet(const struct u2_text *how, const struct u2_packet *k, char *p)
{
    p = NUMBER(p, "\nPacket\n\tsensor id: ", k->key.sensor);
    p = NUMBER(p, "\tevent id: ", k->key.id);
    p = NUMBER(p, "\tevent second: ", k->key.second);
    p = NUMBER(p, "\n\tpacket second: ", k->second);
    p = NUMBER(p, "\tpacket microsecond: ", k->microsecond);
    p = NUMBER(p, "\n\tlinktype: ", k->link);
    p = PUT(NUMBER(p, "\tpacket_length: ", k->said), "\n");
    if (how->explain) p = put_frame(p, k);
    return put_rows(p, k->data);
}

static char *put_buffer(const struct u2_packet *k, char *p)
{
    p = NUMBER(p, "\nBuffer\n\tsensor_id: ", k->key.sensor);
    p = NUMBER(p, "\tevent_id: ", k->key.id);
    p = NUMBER(p, "\tevent_second: ", k->key.second);
    p = NUMBER(p, "\n\tpacket_second: ", k->second);
    p = NUMBER(p, "\tpacket_microsecond: ", k->microsecond);
    p = PUT(NUMBER(p, "\n\tpacket_length: ", k->said), "\n");
    return put_rows(p, k->data);
}

/* --- extra data ---------------------------------------------------------------------------------------------- */

static slice extra_label(u32 type)
{
    switch (type) {
    case 1:
    case 2: return S("Original Client IP: ");
    case 4: return S("GZIP Decompressed Data: ");
    case 5: return S("SMTP Attachment Filename: ");
    case 6: return S("SMTP MAIL FROM Addresses: ");
    case 7: return S("SMTP RCPT TO Addresses: ");
    case 8: return S("SMTP EMAIL HEADERS: \n");
    case 9: return S("HTTP URI: ");
    case 10: return S("HTTP Hostname: ");
    case 11: return S("IPv6 Source Address: ");
    case 12: return S("IPv6 Destination Address: ");
    case 13: return S("Normalized JavaScript Data: ");
    default: return S("");
    }
}

static char *put_extra(const struct u2_extra *x, char *p)
{
    p = NUMBER(p, "\n(ExtraDataHdr)\n\tevent type: ", x->event_type);
    p = NUMBER(p, "\tevent length: ", x->event_length);
    p = NUMBER(p, "\n\n(ExtraData)\n\tsensor id: ", x->key.sensor);
    p = NUMBER(p, "\tevent id: ", x->key.id);
    p = NUMBER(p, "\tevent second: ", x->key.second);
    p = NUMBER(p, "\n\ttype: ", x->type);
    p = NUMBER(p, "\tdatatype: ", x->data_type);
    p = PUT(NUMBER(p, "\tbloblength: ", x->said), "\t");
    p = put_slice(p, extra_label(x->type));
    bool      is_ip = x->type == 1 || x->type == 2 || x->type == 11 || x->type == 12;
    const u8 *at = (const u8 *)x->data.at;
    if (is_ip && x->data.len == 4) p = put_ip4(p, at);
    else if (is_ip && x->data.len == 16) p = put_ip(p, (struct u2_ip){ 6, at });
    else p = put_plain(p, x->data);
    *p++ = '\n';
    return p;
}

static char *put_apps(const struct u2_apps *a, char *p)
{
    p = NUMBER(p, "\n(AppStats)\n\tsecond: ", a->second);
    p = PUT(NUMBER(p, "\tapps: ", a->count), "\n");
    for (u32 i = 0; i < a->count; i++) {
        struct u2_app app = u2_apps_get(a, i);
        p = put_plain(PUT(p, "\tapp: "), app.name);
        p = NUMBER(p, "\tinitiator bytes: ", app.initiator);
        p = PUT(NUMBER(p, "\tresponder bytes: ", app.responder), "\n");
    }
    return p;
}

/* --- one record ---------------------------------------------------------------------------------------------- */

static char *put_any_event(const struct u2_text *how, const struct u2_record *r, char *p)
{
    struct u2_event e;
    u2_event_read(r, &e);
    p = e.version == 3 ? put_event3(&e, p) : put_event(&e, p);
    return how->names ? put_names(how->names, &e, p) : p;
}

char *u2_text_put(const struct u2_text *how, const struct u2_record *r, char *p)
{
    struct u2_packet packet;
    struct u2_extra  extra;
    struct u2_apps   apps;
    switch (r->kind) {
    case U2_KIND_EVENT: return put_any_event(how, r, p);
    case U2_KIND_PACKET: u2_packet_read(r, &packet); return put_packet(how, &packet, p);
    case U2_KIND_BUFFER: u2_packet_read(r, &packet); return put_buffer(&packet, p);
    case U2_KIND_EXTRA: u2_extra_read(r, &extra); return put_extra(&extra, p);
    default: u2_apps_read(r, &apps); return put_apps(&apps, p);
    }
}
