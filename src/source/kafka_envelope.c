/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_envelope.c: see kafka_envelope.h. */
#include "source/kafka_envelope.h"

#include "unified2/put.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_GROWS 6   /* bytes of a byte in a JSON string, at most */
#define FRAME_MAX  192 /* names, numbers and signs                  */

static char *put_text(char *p, const void *at, size_t len)
{
    if (at == NULL) return PUT(p, "null");
    *p++ = '"';
    p = put_json(p, slice_of(at, len));
    *p++ = '"';
    return p;
}

/* Bytes of all headers as JSON, at most. */
static size_t headers_bound(const rd_kafka_headers_t *headers)
{
    const char *name;
    const void *value;
    size_t      bound = 2, size;
    for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++)
        bound += TEXT_GROWS * (strlen(name) + size) + 8;
    return bound;
}

static char *put_headers(char *p, const rd_kafka_headers_t *headers)
{
    const char *name;
    const void *value;
    size_t      size;
    *p++ = '{';
    for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
        if (i > 0) *p++ = ',';
        p = put_text(p, name, strlen(name));
        *p++ = ':';
        p = put_text(p, value, size);
    }
    *p++ = '}';
    return p;
}

char *envelope_head(const char *topic, i32 partition, const rd_kafka_message_t *m, u32 *len)
{
    rd_kafka_headers_t      *headers = NULL; /* the message's */
    rd_kafka_timestamp_type_t type;
    i64                       time = rd_kafka_message_timestamp(m, &type);
    rd_kafka_message_headers(m, &headers);
    size_t room = FRAME_MAX + strlen(topic) * TEXT_GROWS + m->key_len * TEXT_GROWS + headers_bound(headers);
    char  *head = malloc(room), *p = head;
    WEIR_ASSERT(head != NULL);
    p = put_text(PUT(p, "{\"topic\":"), topic, strlen(topic));
    p += snprintf(p, FRAME_MAX, ",\"partition\":%d,\"offset\":%lld,\"time\":", partition, (long long)m->offset);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time < 0) p = PUT(p, "null");
    else p = put_u64(p, (u64)time);
    p = put_text(PUT(p, ",\"key\":"), m->key, m->key_len);
    p = put_headers(PUT(p, ",\"headers\":"), headers);
    p = PUT(p, ",\"value\":");
    *len = (u32)(p - head);
    WEIR_ASSERT(*len <= room);
    return head;
}
