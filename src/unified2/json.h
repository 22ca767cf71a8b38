/* SPDX-License-Identifier: Apache-2.0 */
/* json.h: records as lines of JSON, in the shape of idstools' u2json, whose faults are left out.
 *
 *   {"type": "event", "event": {"msg": .., "classification": .., "sensor-id": ..}}     so are packet and extra-data
 *   {"type": "buffer", "buffer": {..}}         Snort 3's rebuilt data: the fields of a packet
 *   {"type": "app-stats", "app-stats": {"second": .., "apps": [{"appid": .., "initiator-bytes": .., ..}]}}
 *
 * Against u2json: appid is the name up to its NUL; type 114 has protocol, dport-icode and blocked like the others, its
 * own fields behind them, names of status and action, and the HTTP fields; an address that the sensor did not see is
 * null. impact-flag, impact and pad2 are null where a record has no such field; bytes behind all that is known: "rest",
 * base64. */
#pragma once

#include "unified2/join.h"
#include "unified2/names.h"
#include "unified2/record.h"

struct u2_json {
    const struct u2_names *names; /* NULL: no msg, no classification */
    bool packet_printable, packet_hex, extra_printable; /* data once more in these forms      */
    bool place;                   /* file, offset, record-type, record-length behind each */
};

/* Most bytes of the line. file: as it is printed with `place`. */
size_t u2_json_bound(const struct u2_json *how, const struct u2_record *r, slice file);

/* The line with its LF at p, which has room for the bound; gives the place behind it. r: u2_whole, of a known kind. */
char *u2_json_line(const struct u2_json *how, const struct u2_record *r, slice file, char *p);

/* The same of an event and what belongs to it: "packets", "buffers", "extra-data" in the event, arrays in the order of
 * the records, each only if there are any. `place` is the event's. */
size_t u2_json_joined_bound(const struct u2_json *how, const struct u2_joined *j, slice file);
/* As much or more, by kinds and lengths alone. Not of other forms and `place`. */
size_t u2_json_joined_most(const struct u2_json *how, const struct u2_joined *j);
char  *u2_json_joined(const struct u2_json *how, const struct u2_joined *j, slice file, char *p);
