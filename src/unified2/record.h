/* SPDX-License-Identifier: Apache-2.0 */
/* record.h: what the records of Snort's unified2 say: bodies as numbers and slices. Framing is reader.h's.
 *
 * All integers are unsigned and big-endian. A type does not fix its length: bodies have grown, so each has a fixed part
 * and what is behind it. Bytes behind all that is known are `rest`. Nothing is copied: slices are lent with it. */
#pragma once

#include "weir/slice.h"

enum u2_type {
    U2_PACKET = 2,
    U2_BUFFER = 3, /* Snort 3: rebuilt or decoded data, laid out as a packet, but no frame */
    U2_EVENT = 7,
    U2_EVENT_IP6 = 72,
    U2_EVENT_VLAN = 104, /* and MPLS */
    U2_EVENT_VLAN_IP6 = 105,
    U2_EXTRA = 110,
    U2_EVENT_APP = 111,
    U2_EVENT_APP_IP6 = 112,
    U2_APPS = 113,
    U2_EVENT3 = 114, /* Snort 3 */
};

enum u2_kind {
    U2_KIND_UNKNOWN, /* reserved numbers without a public layout, and any other */
    U2_KIND_EVENT,
    U2_KIND_PACKET,
    U2_KIND_BUFFER,
    U2_KIND_EXTRA,
    U2_KIND_APPS,
    U2_KINDS,
};

struct u2_record {
    u64          offset; /* of its header in the file                        */
    u32          type;
    u32          length; /* of the body                                      */
    u32          header; /* 8, or 16 where Sourcefire's extended bit was set */
    enum u2_kind kind;
    const u8    *body;
};

/* Which event, packet or extra data belong together. */
struct u2_key {
    u32 sensor, id, second;
};

struct u2_ip {
    u8        family; /* 4, 6; 0: the sensor saw none */
    const u8 *at;     /* 4 or 16 bytes; NULL: none    */
};

struct u2_event {
    u8            version; /* 1: types 7, 72; 2: 104, 105, 111, 112, they have MPLS, VLAN and policy; 3: type 114 */
    struct u2_key key;
    u32           microsecond;
    u32           sid, gid, revision, class_id, priority;
    struct u2_ip  source, destination;
    u16           source_port, destination_port; /* ICMP: type, code */
    u8            protocol, impact_flag, impact, blocked;
    u32           mpls;
    u16           vlan, policy;
    slice         app; /* up to its NUL; empty: none */
    /* Version 3: */
    u32   policy_context, policy_inspect, policy_detect;
    u16   unused;
    u8    ip_version, status, action;
    bool  http; /* Snort 3.9.7 and later: */
    u32   request_size, response_size;
    slice method, http_version, agent, referer, detail;
    slice rest;
};

/* A packet or a buffer. */
struct u2_packet {
    struct u2_key key;
    u32           second, microsecond; /* of the packet itself                                    */
    u32           link;
    u32           said; /* length as the writer meant it; what is there is data.len */
    slice         data;
};

struct u2_extra {
    u32           event_type, event_length;
    struct u2_key key;
    u32           type; /* u2_extra_name */
    u32           data_type;
    u32           said; /* data's length + 8, as the writer meant it */
    slice         data;
};

/* Statistics of applications: an interval's start; entries of name, bytes sent by initiator and by responder. */
struct u2_apps {
    u32   second, count;
    u32   width; /* of a name, NULs included */
    slice entries;
    slice rest;
};

struct u2_app {
    slice name;
    u32   initiator, responder;
};

enum u2_kind u2_kind_of(u32 type);
const char  *u2_kind_name(enum u2_kind kind); /* "extra-data", as JSON spells it */

/* Least bytes of a body of this type; 0 for unknown types. */
u32 u2_fixed(u32 type);

/* Each: r is of that kind and has its fixed part (u2_whole), filled whatever the bytes are. */
bool u2_whole(const struct u2_record *r);
void u2_event_read(const struct u2_record *r, struct u2_event *out);
void u2_packet_read(const struct u2_record *r, struct u2_packet *out);
void u2_extra_read(const struct u2_record *r, struct u2_extra *out);
void u2_apps_read(const struct u2_record *r, struct u2_apps *out);

/* i < apps->count */
struct u2_app u2_apps_get(const struct u2_apps *apps, u32 i);

/* Of an event, packet, buffer or extra data; false: the record has none. */
bool u2_key_read(const struct u2_record *r, struct u2_key *out);

/* "http_uri"; NULL for kinds that nobody has named. */
const char *u2_extra_name(u32 type);
/* "allow", "can't", "would", "force"; "trust" .. "reset": of version 3. NULL: unknown. */
const char *u2_status_name(u8 status);
const char *u2_action_name(u8 action);
