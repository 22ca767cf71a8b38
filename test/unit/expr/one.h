/* SPDX-License-Identifier: Apache-2.0 */
/* one.h: a stream with a column of every type and a batch of one row in it, for the tests of this folder.
 *
 *   a 7   b 3   zero 0   big 2^64 - 1   none null (u64)   f 2.5   g null (f64)
 *   at 2026-01-02T03:04:05Z   src 10.1.2.3   dst 2001:db8::1   nowhere null (ip)   mac 02:00:5e:10:00:01
 *   name "Web Server"   empty ""   noname null (string)   net 10.1.0.0/16   nonet (NET_NULL)
 *   site "north"   peer "north" of another dictionary   nosite 0   rtt n 4, 10..50 ns, sum 100   nortt n 0
 *   sizes [1, 2, 3, 4]   `odd-name` 9   alert.sid 2001   missing: an absent column (u64); event time
 * 1970-01-01T00:00:01Z */
#pragma once

#include "../unit.h"

#include "weir/expr.h"

#include <stdio.h>
#include <stdlib.h>

enum { ONE_COLUMNS = 27 };

struct one {
    struct field   field[ONE_COLUMNS];
    struct schema  schema;
    struct column  column[ONE_COLUMNS];
    struct batch   batch;
    u64            null;
    struct strings words, others;
    _Alignas(16) char cells[ONE_COLUMNS][64];
};

static inline void one_put(struct one *o, const char *name, enum field_type type, const void *cell, size_t bytes)
{
    u32 c = o->schema.measures++;
    assert_true(c < ONE_COLUMNS && bytes <= sizeof o->cells[c]);
    o->field[c] = (struct field){ .name = slice_str(name), .type = type, .bins = type == FIELD_BINS ? 4 : 0 };
    memcpy(o->cells[c], cell, bytes);
    o->column[c].cells = o->cells[c];
}

static inline void one_null(struct one *o)
{
    o->column[o->schema.measures - 1].nulls = &o->null;
}

static inline addr one_addr(const char *text)
{
    addr a;
    assert_true(addr_parse(slice_str(text), &a));
    return a;
}

static inline net one_net(const char *text)
{
    net  n;
    bool host;
    assert_true(net_parse(slice_str(text), &n, &host) && !host);
    return n;
}

static inline void one_put_u64(struct one *o, const char *name, u64 v)
{
    one_put(o, name, FIELD_U64, &v, sizeof v);
}

static inline void one_put_text(struct one *o, const char *name, slice s)
{
    one_put(o, name, FIELD_STRING, &s, sizeof s);
}

static inline void one_put_addr(struct one *o, const char *name, const char *text)
{
    addr a = one_addr(text);
    one_put(o, name, FIELD_ADDR, &a, sizeof a);
}

static inline void one_put_tag(struct one *o, const char *name, struct strings *words, const char *word)
{
    u32 id = word ? strings_add(words, slice_str(word)) : 0;
    one_put(o, name, FIELD_TAG, &id, sizeof id);
    o->column[o->schema.measures - 1].words = words;
}

static inline void one_init_rest(struct one *o)
{
    struct sampling rtt = { .n = 4, .min = 10, .max = 50, .sum_lo = 100 }, nortt = { 0 };
    u64             sizes[4] = { 1, 2, 3, 4 }, mac = 0x02005e100001;
    net             in = one_net("10.1.0.0/16"), no = { .bits = NET_NULL };
    one_put(o, "mac", FIELD_MAC, &mac, sizeof mac);
    one_put_text(o, "name", S("Web Server"));
    one_put_text(o, "empty", S(""));
    one_put_text(o, "noname", slice_of((const char *)8, 1u << 20)); /* unspecified under a null: never read */
    one_null(o);
    one_put(o, "net", FIELD_NET, &in, sizeof in);
    one_put(o, "nonet", FIELD_NET, &no, sizeof no);
    one_put_tag(o, "site", &o->words, "north");
    one_put_tag(o, "peer", &o->others, "north");
    one_put_tag(o, "nosite", &o->words, NULL);
    one_put(o, "rtt", FIELD_SAMPLING, &rtt, sizeof rtt);
    one_put(o, "nortt", FIELD_SAMPLING, &nortt, sizeof nortt);
    one_put(o, "sizes", FIELD_BINS, sizes, sizeof sizes);
    one_put_u64(o, "odd-name", 9);
    one_put_u64(o, "alert.sid", 2001);
    one_put_u64(o, "missing", 1);
    o->column[o->schema.measures - 1].cells = NULL;
}

static inline struct one *one_open(void)
{
    struct one *o = calloc(1, sizeof *o);
    f64         f = 2.5;
    i64         at = 1767323045 * NANOS_SECOND;
    assert_non_null(o);
    o->null = 1;
    o->schema.field = o->field;
    strings_init(&o->words, 100);
    strings_init(&o->others, 100);
    (void)strings_add(&o->others, S("south"));
    one_put_u64(o, "a", 7);
    one_put_u64(o, "b", 3);
    one_put_u64(o, "zero", 0);
    one_put_u64(o, "big", UINT64_MAX);
    one_put_u64(o, "none", 5);
    one_null(o);
    one_put(o, "f", FIELD_F64, &f, sizeof f);
    one_put(o, "g", FIELD_F64, &f, sizeof f);
    one_null(o);
    one_put(o, "at", FIELD_TIME, &at, sizeof at);
    one_put_addr(o, "src", "10.1.2.3");
    one_put_addr(o, "dst", "2001:db8::1");
    one_put_addr(o, "nowhere", "10.0.0.1");
    one_null(o);
    one_init_rest(o);
    o->batch = (struct batch){ .rows = 1, .columns = o->schema.measures, .column = o->column, .time_all =
                               NANOS_SECOND };
    return o;
}

static inline void one_close(struct one *o)
{
    strings_fini(&o->words);
    strings_fini(&o->others);
    free(o);
}

/* The value of `text` as text, "null", or "!words" if it does not compile. */
static inline void one_show(const struct one *o, const char *text, char *buf, size_t size)
{
    struct expr_fault fault;
    struct column     out;
    struct expr      *e = expr_compile(slice_str(text), &o->schema, EXPR_VALUE, &fault);
    if (e == NULL) {
        snprintf(buf, size, "!%s", fault.words);
        return;
    }
    struct expr_run *r = expr_open_run(e);
    char             shown[NET_TEXT];
    expr_derive(r, &o->batch, &out);
    if (column_null(&out, 0)) snprintf(buf, size, "null");
    else switch (expr_type(e)) {
    case FIELD_F64: snprintf(buf, size, "%.10g", *(const f64 *)out.cells); break;
    case FIELD_TIME: snprintf(buf, size, "%lld", (long long)*(const i64 *)out.cells); break;
    case FIELD_ADDR: addr_format(out.cells, shown), snprintf(buf, size, "%s", shown); break;
    case FIELD_NET: net_format(out.cells, shown), snprintf(buf, size, "%s", shown); break;
    case FIELD_STRING:
        snprintf(buf, size, "%.*s", (int)((const slice *)out.cells)->len, ((const slice *)out.cells)->at);
        break;
    default: snprintf(buf, size, "%llu", (unsigned long long)*(const u64 *)out.cells);
    }
    expr_close_run(r);
    expr_free(e);
}
