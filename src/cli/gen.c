/* SPDX-License-Identifier: Apache-2.0 */
/* gen.c: weir gen: recordings with the shape of a site's, from a seed: the same seed, the same bytes. Here: P2 files.
 *
 * Nets are drawn by a Zipf law, so that a few talk most. The columns are those of the shipped layouts
 * (conf/layouts/p2.yaml); --wide pads lines with further counters, and --layouts writes the layouts that name them. */
#include "cli/gen.h"

#include "cli/progress.h"
#include "shim/write.h"
#include "weir/addr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define LINE_ROOM  4096u
#define BUFFER     ((size_t)1 << 20)
#define COMMON     32u /* columns of every protocol */
#define WIDE_MAX   300u

enum protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_OTHER, PROTOCOLS };

static const char *const protocol_names[] = { "tcp", "udp", "other" };
static const u32         protocol_columns[] = { 65, 36, 32 };

struct gen {
    struct random rng;
    const char   *dir;
    u64           nets, sites, lines, minutes, start, wide;
    bool          protocol[PROTOCOLS];
    bool          markers;
    net          *net;
    struct zipf   talks; /* which of them */
    char         *buffer;
    size_t        used;
    int           fd;
    u64           written;
};

/* --- nets ---------------------------------------------------------------------------------------------------- */

/* Net i: mostly IPv4 /24 of 10.0.0.0/8 and on, each eighth an IPv6 /64 of 2001:db8::/32. */
static net net_make(u64 i)
{
    net n = { .bits = 120 };
    if (i % 8 == 7) {
        static const u8 doc[4] = { 0x20, 0x01, 0x0d, 0xb8 };
        memcpy(n.at.b, doc, 4);
        for (u32 k = 0; k < 4; k++) n.at.b[4 + k] = (u8)(i >> (8 * (3 - k)));
        n.bits = 64;
        return n;
    }
    u64 third = i & 0xff, second = i >> 8 & 0xff, first = 10 + (i >> 16);
    n.at.b[10] = n.at.b[11] = 0xff;
    n.at.b[12] = (u8)first;
    n.at.b[13] = (u8)second;
    n.at.b[14] = (u8)third;
    return n;
}

/* --- text ---------------------------------------------------------------------------------------------------- */

static char *put_u64(char *p, u64 n)
{
    char  digits[20];
    u32   len = 0;
    do digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    while (len) *p++ = digits[--len];
    *p++ = ' ';
    return p;
}

static char *put_null(char *p)
{
    *p++ = '-';
    *p++ = ' ';
    return p;
}

/* Seconds with nine digits behind the point, and then `by`. */
static char *put_seconds(char *p, u64 ns, char by)
{
    p = put_u64(p, ns / 1000000000);
    p[-1] = '.';
    u64 fraction = ns % 1000000000;
    for (u32 i = 9; i-- > 0; fraction /= 10) p[i] = (char)('0' + fraction % 10);
    p[9] = by;
    return p + 10;
}

static char *put_address(struct gen *g, char *p)
{
    net n = { .bits = 128 };
    if (random_below(&g->rng, 100) == 0) { /* of no net of ours */
        n.at.b[10] = n.at.b[11] = 0xff;
        n.at.b[12] = (u8)(192 + random_below(&g->rng, 30));
        n.at.b[13] = (u8)random_below(&g->rng, 4);
        n.at.b[14] = 7;
    } else {
        n.at = g->net[zipf_draw(&g->talks, &g->rng)].at;
    }
    n.at.b[15] = (u8)(1 + random_below(&g->rng, 254));
    p += addr_format(&n.at, p);
    *p++ = ' ';
    return p;
}

/* A count with a long tail: most are small. */
static u64 draw_count(struct gen *g, u32 bits)
{
    u64 r = random_u64(&g->rng);
    return (r >> 8) & ((1ull << (1 + r % bits)) - 1);
}

static char *put_mac(struct gen *g, char *p)
{
    static const char hex[] = "0123456789abcdef";
    u64               m = 0x020000000000u | random_below(&g->rng, 4096);
    for (u32 i = 0; i < 6; i++, p += 3) {
        u32 byte = (u32)(m >> (40 - 8 * i)) & 0xff;
        p[0] = hex[byte >> 4];
        p[1] = hex[byte & 15];
        p[2] = i < 5 ? ':' : ' ';
    }
    return p;
}

static char *put_one_sampling(struct gen *g, char *p, u64 least_ns)
{
    u64 n = 1 + draw_count(g, 10);
    u64 min = least_ns + draw_count(g, 24), avg = min + draw_count(g, 24), max = avg + draw_count(g, 26);
    if (n == 1) avg = max = min;
    p = put_u64(p, n);
    p[-1] = ':';
    p = put_seconds(p, min, ':');
    p = put_seconds(p, avg, ':');
    return put_seconds(p, max, ' ');
}

/* Absent in a quarter of the lines, of two parts in a sixteenth. */
static char *put_sampling(struct gen *g, char *p, u64 least_ns)
{
    u64 dice = random_below(&g->rng, 16);
    if (dice < 4) return put_null(p);
    p = put_one_sampling(g, p, least_ns);
    if (dice > 4) return p;
    p[-1] = ';';
    return put_one_sampling(g, p, least_ns);
}

static char *put_bins(struct gen *g, char *p, u64 packets)
{
    for (u32 i = 0; i < 7; i++) {
        u64 here = i == 6 ? packets : random_below(&g->rng, packets + 1);
        packets -= here;
        p = put_u64(p, here);
        if (i < 6) p[-1] = ',';
    }
    return p;
}

/* What both directions share: column pairs stand source first. */
struct sizes {
    u64 packets[2], bytes[2], payload[2];
};

static char *put_volume(struct gen *g, char *p, struct sizes *s)
{
    for (u32 d = 0; d < 2; d++) {
        s->packets[d] = d ? draw_count(g, 14) : 1 + draw_count(g, 14);
        u64 size = 40 + random_below(&g->rng, 1400);
        s->bytes[d] = s->packets[d] * size;
        s->payload[d] = s->packets[d] * (size - 40);
    }
    for (u32 d = 0; d < 2; d++) p = put_u64(p, s->packets[d]);
    for (u32 d = 0; d < 2; d++) p = put_u64(p, s->bytes[d]);
    for (u32 d = 0; d < 2; d++) p = put_u64(p, s->payload[d]);
    return p;
}

/* A value that a direction without packets does not have. */
static char *put_if(char *p, const struct sizes *s, u32 direction, u64 value)
{
    return s->packets[direction] ? put_u64(p, value) : put_null(p);
}

static char *put_common(struct gen *g, char *p, u64 epoch, u64 number, bool ports)
{
    struct sizes s;
    u64          first = random_below(&g->rng, 30000000000ull), last = first + random_below(&g->rng, 29000000000ull);
    p = put_address(g, p);
    p = put_address(g, p);
    p = put_u64(p, number);
    p = put_mac(g, p);
    p = put_mac(g, p);
    p = random_below(&g->rng, 4) ? put_null(p) : put_u64(p, 1 + random_below(&g->rng, 4094));
    p = put_seconds(p, epoch * 1000000000 + first, ' ');
    p = put_seconds(p, epoch * 1000000000 + last, ' ');
    p = put_u64(p, 1 + draw_count(g, 5));
    p = put_volume(g, p, &s);
    for (u32 d = 0; d < 2; d++) p = put_if(p, &s, d, 40 + random_below(&g->rng, 24));
    for (u32 d = 0; d < 2; d++) p = put_if(p, &s, d, 64 + random_below(&g->rng, 1455));
    for (u32 d = 0; d < 2; d++) p = put_if(p, &s, d, 1 + random_below(&g->rng, 255));
    for (u32 d = 0; d < 2; d++) p = put_u64(p, random_below(&g->rng, 50) ? 0 : draw_count(g, 4));
    for (u32 d = 0; d < 2; d++) p = put_u64(p, random_below(&g->rng, 80) ? 0 : draw_count(g, 4));
    for (u32 d = 0; d < 2; d++) p = put_bins(g, p, s.packets[d]);
    for (u32 d = 0; d < 2; d++) p = put_sampling(g, p, 1000);
    for (u32 d = 0; d < 2; d++) p = ports ? put_u64(p, 1 + draw_count(g, 5)) : put_null(p);
    return ports ? put_u64(p, random_below(&g->rng, 65536)) : put_null(p);
}

static char *put_tcp(struct gen *g, char *p)
{
    for (u32 i = 33; i <= 44; i++) p = put_u64(p, draw_count(g, i < 41 ? 3 : 9)); /* flags and pure ACKs  */
    for (u32 i = 45; i <= 54; i++)
        p = put_u64(p, random_below(&g->rng, 8) ? 0 : draw_count(g, i == 47 || i == 48 ? 14 : 5));
    for (u32 i = 55; i <= 56; i++) p = put_u64(p, random_below(&g->rng, 65536)); /* windows */
    for (u32 i = 57; i <= 58; i++) p = put_u64(p, random_below(&g->rng, 1461));  /* segments */
    for (u32 i = 59; i <= 62; i++) p = put_sampling(g, p, 100000);
    for (u32 i = 63; i <= 65; i++) p = put_u64(p, draw_count(g, 3));
    return p;
}

static char *put_udp(struct gen *g, char *p)
{
    for (u32 i = 33; i <= 35; i++) p = put_u64(p, draw_count(g, 4));
    return put_sampling(g, p, 100000);
}

/* --- files --------------------------------------------------------------------------------------------------- */

static bool gen_flush(struct gen *g)
{
    if (write_all(g->fd, g->buffer, g->used) < g->used) return false;
    g->written += g->used;
    g->used = 0;
    return true;
}

static char *put_line(struct gen *g, char *p, enum protocol proto, u64 epoch)
{
    static const u64 others[] = { 1, 47, 50, 58, 132 };
    u64              number = proto == PROTOCOL_TCP ? 6 : proto == PROTOCOL_UDP ? 17 : others[random_below(&g->rng, 5)];
    p = put_common(g, p, epoch, number, proto != PROTOCOL_OTHER);
    if (proto == PROTOCOL_TCP) p = put_tcp(g, p);
    if (proto == PROTOCOL_UDP) p = put_udp(g, p);
    for (u64 i = protocol_columns[proto]; i < g->wide; i++) p = put_u64(p, draw_count(g, 42));
    p[-1] = '\n';
    return p;
}

bool gen_fail(const char *path)
{
    fprintf(stderr, "weir gen: %s: %s\n", path, strerror(errno));
    return false;
}

static bool gen_file(struct gen *g, enum protocol proto, u64 epoch, struct progress *progress)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/_%s_@%llu", g->dir, protocol_names[proto], (unsigned long long)epoch);
    g->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (g->fd < 0) return gen_fail(path);
    bool good = true;
    for (u64 i = 0; i < g->lines && good; i++) {
        if (g->used + LINE_ROOM > BUFFER) good = gen_flush(g);
        g->used = (size_t)(put_line(g, g->buffer + g->used, proto, epoch) - g->buffer);
        if (i % 4096 == 0) progress_at(progress, g->written);
    }
    good = good && gen_flush(g);
    if (close(g->fd) != 0) good = false;
    return good || gen_fail(path);
}

static bool gen_marker(struct gen *g, u64 epoch)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/__@%llu.finished", g->dir, (unsigned long long)epoch);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return gen_fail(path);
    close(fd);
    return true;
}

/* --- the table and the layouts that go with it --------------------------------------------------------------- */

static const char *const services[] = { "web", "dns", "mail", "voice", "backup", "storage", "database", "monitoring",
                                        "directory", "print", "video", "vpn", "build", "lab", "guest", "office" };

/* Each 23rd net has no site, each tenth no service. */
static bool gen_networks(const struct gen *g, const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) return gen_fail(path);
    fprintf(f, "# made by weir gen\ncidr,site,service\n");
    for (u64 i = 0; i < g->nets; i++) {
        char text[NET_TEXT];
        net_format(&g->net[i], text);
        fprintf(f, "%s,", text);
        if (i % 23 != 22) fprintf(f, "site-%04llu", (unsigned long long)(i * 7919 % g->sites));
        fprintf(f, ",%s\n", i % 10 == 3 ? "" : services[i * 31 % WEIR_COUNT(services)]);
    }
    return fclose(f) == 0 || gen_fail(path);
}

static bool gen_layouts(const struct gen *g, const char *path, const char *from)
{
    char  line[1024];
    FILE *in = fopen(from, "r");
    if (in == NULL) return gen_fail(from);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fclose(in);
        return gen_fail(path);
    }
    i32 now = -1;
    while (fgets(line, sizeof line, in)) {
        const char *at = strstr(line, "layout: p2-");
        if (at && now >= 0 && g->wide > protocol_columns[now])
            fprintf(out, "      - { skip: %llu }\n", (unsigned long long)(g->wide - protocol_columns[now]));
        for (u32 i = 0; at && i < PROTOCOLS; i++)
            if (strncmp(at + 11, protocol_names[i], strlen(protocol_names[i])) == 0) now = (i32)i;
        fputs(line, out);
    }
    if (now >= 0 && g->wide > protocol_columns[now])
        fprintf(out, "      - { skip: %llu }\n", (unsigned long long)(g->wide - protocol_columns[now]));
    fclose(in);
    return fclose(out) == 0 || gen_fail(path);
}

/* --- the command --------------------------------------------------------------------------------------------- */

static bool gen_protocols(struct gen *g, const char *list)
{
    for (slice rest = slice_str(list); rest.at;) {
        slice name = slice_cut(rest, ',', &rest);
        bool  known = false;
        for (u32 i = 0; i < PROTOCOLS; i++)
            if (slice_is(name, protocol_names[i])) g->protocol[i] = known = true;
        if (!known) return false;
    }
    return true;
}

static u64 gen_bytes(const struct gen *g)
{
    u64 bytes = 0; /* an estimate for the progress bar */
    for (u32 i = 0; i < PROTOCOLS; i++)
        if (g->protocol[i]) bytes += g->lines * g->minutes * ((u64)protocol_columns[i] * 5 + 130);
    return bytes;
}

static bool gen_minutes(struct gen *g)
{
    struct progress p;
    progress_open(&p, "gen", gen_bytes(g));
    bool good = true;
    for (u64 m = 0; m < g->minutes && good; m++) {
        u64 epoch = g->start + 60 * m;
        for (u32 i = 0; i < PROTOCOLS && good; i++)
            if (g->protocol[i]) good = gen_file(g, (enum protocol)i, epoch, &p);
        if (good && g->markers) good = gen_marker(g, epoch);
    }
    progress_close(&p, g->written);
    return good;
}

static int gen_fini(struct gen *g, bool good)
{
    free(g->net);
    zipf_fini(&g->talks);
    free(g->buffer);
    return good ? EX_OK : EX_IOERR;
}

/* Flags that only one kind knows. */
static const struct {
    const char *flag;
    bool        u2;
} of_one_kind[] = {
    { "nets", false },         { "sites", false },      { "lines", false },     { "minutes", false },
    { "protocols", false },    { "networks", false },   { "wide", false },      { "layouts", false },
    { "base-layouts", false }, { "no-markers", false }, { "events", true },     { "signatures", true },
    { "hours", true },         { "files", true },
};

static int run_gen(const struct args *a)
{
    struct gen g = { .dir = args_text(a, "dir"), .markers = !args_has(a, "no-markers") };
    bool       u2 = strcmp(a->positional[0], "u2") == 0;
    if (!u2 && strcmp(a->positional[0], "p2") != 0)
        return usage_error(a, "p2 or u2 was expected, not %s", a->positional[0]);
    for (u32 i = 0; i < WEIR_COUNT(of_one_kind); i++)
        if (args_has(a, of_one_kind[i].flag) && u2 != of_one_kind[i].u2)
            return usage_error(a, "--%s: not of %s", of_one_kind[i].flag, a->positional[0]);
    if (g.dir == NULL) return usage_error(a, "--dir is missing");
    if (u2) return gen_u2(a);
    random_seed(&g.rng, args_u64(a, "seed", 0, UINT64_MAX));
    g.nets = args_u64(a, "nets", 1, 1000000);
    g.sites = args_u64(a, "sites", 1, 1000000);
    g.lines = args_u64(a, "lines", 0, 1000000000);
    g.minutes = args_u64(a, "minutes", 1, 1000000);
    g.start = args_u64(a, "start", 0, 99999999999ull);
    g.wide = args_u64(a, "wide", 0, WIDE_MAX);
    if (!gen_protocols(&g, args_text(a, "protocols")))
        return usage_error(a, "--protocols: tcp, udp and other are known");
    if (mkdir(g.dir, 0755) != 0 && errno != EEXIST) return gen_fail(g.dir), EX_IOERR;
    g.net = malloc(g.nets * sizeof *g.net);
    g.buffer = malloc(BUFFER);
    WEIR_ASSERT(g.net && g.buffer);
    for (u64 i = 0; i < g.nets; i++) g.net[i] = net_make(i);
    zipf_init(&g.talks, g.nets, args_f64(a, "skew", 0, 5));
    bool good = true;
    if (args_has(a, "networks")) good = gen_networks(&g, args_text(a, "networks"));
    if (good && args_has(a, "layouts")) good = gen_layouts(&g, args_text(a, "layouts"), args_text(a, "base-layouts"));
    return gen_fini(&g, good && gen_minutes(&g));
}

static const char *const gen_text[] = {
    "p2 writes P2 files minute by minute into a folder: _tcp_@E, _udp_@E, _other_@E and the marker __@E.finished, in "
    "the shipped layouts. The same options give the same bytes.",
    "  weir gen p2 --dir recording --minutes 10 --networks networks.csv",
    "u2 writes a spool of alerts with their packets (unified2, snort.u2.SECONDS) and the files that name them: much "
    "noise of few signatures, a sweep, passwords that are tried, and two things that come in the last day only.",
    "  weir gen u2 --dir spool --events 100000 --hours 48",
    NULL,
};

static const struct flag gen_flags[] = {
    { "dir", 'd', "DIR", NULL, "folder to write into; made if it is not there" },
    { "seed", 0, "N", "1", "seed of everything random" },
    { "nets", 0, "N", "1000", "networks that talk" },
    { "sites", 0, "N", "100", "sites that the networks belong to" },
    { "lines", 0, "N", "1000", "lines a file" },
    { "minutes", 0, "N", "5", "minutes to write" },
    { "start", 0, "EPOCH", "1700000040", "where it begins, Unix seconds" },
    { "skew", 0, "S", "1", "Zipf exponent: 0 is even, 1 has a few that talk most" },
    { "protocols", 0, "LIST", "tcp,udp,other", "files of a minute" },
    { "networks", 0, "FILE", NULL, "write the table of networks: cidr,site,service" },
    { "wide", 0, "N", "0", "pad lines to N columns" },
    { "layouts", 0, "FILE", NULL, "write the layouts of the padded lines" },
    { "base-layouts", 0, "FILE", "conf/layouts/p2.yaml", "layouts that --layouts begins with" },
    { "no-markers", 0, NULL, NULL, "write no markers" },
    { "events", 0, "N", "100000", "u2: alerts" },
    { "signatures", 0, "N", "200", "u2: different ones that make noise" },
    { "hours", 0, "N", "48", "u2: time from the first alert to the last" },
    { "files", 0, "N", "8", "u2: so many files" },
    { .name = NULL },
};

const struct command command_gen = { .name = "gen",
                                     .usage = "p2|u2 --dir DIR [--minutes N] [--events N] ...",
                                     .summary = "write a synthetic recording: P2 files, or a spool of alerts",
                                     .text = gen_text,
                                     .flags = gen_flags,
                                     .least = 1,
                                     .most = 1,
                                     .run = run_gen };
