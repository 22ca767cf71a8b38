/* SPDX-License-Identifier: Apache-2.0 */
/* dns.h: queries and responses over UDP port 53 (RFC 1035 section 4.1.1), and how long a query waited, by id.
 *
 * Only the 12 bytes of the header are read. Open queries stand in a table of fixed size, four to a bucket; the oldest
 * of a full bucket gives way, and its time is not measured: counted. A query asked again counts from the first time,
 * unless that was more than 30 s ago. */
#pragma once

#include "packet/packet.h"

#define DNS_OPEN_MAX 65536u
#define DNS_WAIT     (30 * NANOS_SECOND)

enum dns_kind { DNS_NONE, DNS_QUERY, DNS_RESPONSE, DNS_ERROR /* a response with rcode != 0 */ };

struct dns;

struct dns *dns_open(u32 queries_max);
void        dns_close(struct dns *);
u64         dns_memory(const struct dns *);
u64         dns_forgotten(const struct dns *);

/* flow: hash of the 5-tuple. *waited: from the query to this response; -1: this is none, or its query was not seen. */
enum dns_kind dns_push(struct dns *, u64 flow, const struct packet *p, nanos *waited);
