/* SPDX-License-Identifier: Apache-2.0 */
/* gen_u2.c: weir gen u2: a spool of alerts with the shape of a site's: a few signatures make most of the noise, and
 * what matters hides below it.
 *
 * Hosts are those of conf/networks.csv and, as the rest of the world, of 198.18.0.0/15 (RFC 2544) and 3fff::/20
 * (RFC 9637). Every event has its packet. Beside the noise there are four stories: a sweep over many hosts, passwords
 * that are tried for hours, and, in the last day only, a host that calls home and an exploit. Records are of type 7 and
 * 72 (events) and 2 (packets). */
#include "cli/gen.h"

#include "cli/progress.h"
#include "shim/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define BUFFER      ((size_t)1 << 20)
#define RECORD_ROOM 4096u
#define HOSTS       3000u /* on either side that noise is about */
#define DAY         86400u

enum toward { OUT, IN, WITHIN };

struct kind {
    const char *word;
    u32         class_id, priority;
    enum toward toward;
    u16         port;
    u8          protocol;
};

/* One event as it is written. */
struct alert {
    u64 at_us; /* since 1970 */
    u32 number, sid, gid, class_id, priority;
    bool v6;
    u8  src[16], dst[16]; /* the first four of v4 */
    u16 sport, dport, payload;
    u8  protocol;
};

struct spool {
    const char        *dir;
    struct random      rng;
    struct zipf        signature, host;
    u64                events, hours, files, start;
    char              *buffer;
    size_t             used;
    u64                written;
    int                fd;
};

static const struct kind  kinds[];
static const char *const  subjects[];
static const char *const  classes[];
static const char *const  stories[];

/* --- who ------------------------------------------------------------------------------------------------------ */

static u64 mix(u64 x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Host k of the site, where it is always found. */
static void put_local(u8 *at, u64 k, bool v6)
{
    static const u8 nets[][3] = { { 10, 1, 1 },  { 10, 1, 10 }, { 10, 1, 20 }, { 10, 2, 7 },
                                  { 10, 2, 10 }, { 10, 3, 40 }, { 172, 16, 9 }, { 192, 168, 3 } };
    const u8       *net = nets[k % WEIR_COUNT(nets)];
    u64             host = k / WEIR_COUNT(nets);
    memset(at, 0, 16);
    if (v6) {
        static const u8 doc[6] = { 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x10 };
        memcpy(at, doc, 6);
        at[14] = (u8)(k >> 8);
        at[15] = (u8)k;
        return;
    }
    memcpy(at, net, 3);
    at[2] = (u8)(at[2] + host / 250);
    at[3] = (u8)(1 + host % 250);
}

static void put_foreign(u8 *at, u64 k, bool v6)
{
    u64 x = mix(k + 1);
    memset(at, 0, 16);
    at[0] = v6 ? 0x3f : 198;
    at[1] = v6 ? 0xff : (u8)(18 + (x & 1));
    for (u32 i = 2; i < (v6 ? 16u : 4u); i++) at[i] = (u8)(v6 && i == 2 ? x >> 60 & 0x0f : x >> (4 * i));
}

/* --- what ----------------------------------------------------------------------------------------------------- */

static u32 sid_of(u64 signature)
{
    return (u32)(2000001 + signature * 13);
}

/* The third most frequent is a preprocessor's, as in most spools. */
static bool is_preprocessor(u64 signature)
{
    return signature == 2;
}

static void draw_noise(struct spool *s, struct alert *a)
{
    u64 i = zipf_draw(&s->signature, &s->rng), h = mix(i * 977), near = zipf_draw(&s->host, &s->rng), far = near;
    if (random_below(&s->rng, 100) < 93) { /* the same few hosts again and again */
        u64 hot = random_below(&s->rng, 1 + h % 9);
        near = mix(h + hot) % 400;
        far = hot;
    }
    const struct kind *k = &kinds[i % 8];
    a->v6 = near % 10 == 9;
    a->sid = is_preprocessor(i) ? 12 : sid_of(i);
    a->gid = is_preprocessor(i) ? 129 : 1;
    a->class_id = k->class_id;
    a->priority = k->priority;
    a->protocol = k->protocol;
    a->sport = (u16)(1024 + random_below(&s->rng, 60000));
    a->dport = k->port;
    a->payload = (u16)(20 + h % 900 + random_below(&s->rng, 200));
    u8 *local = k->toward == IN ? a->dst : a->src, *other = k->toward == IN ? a->src : a->dst;
    put_local(local, near, a->v6);
    if (k->toward == WITHIN) put_local(other, 11 + far % 5, a->v6);
    else put_foreign(other, mix(i) % 50 + far % (4 + i % 60), a->v6);
}

/* Story n: 0 sweep, 1 passwords, 2 a host that calls home, 3 an exploit. */
static void draw_story(struct spool *s, struct alert *a, u32 story)
{
    static const struct { u32 class_id, priority, port, payload; } is[] = {
        { 2, 2, 445, 0 }, { 3, 2, 22, 140 }, { 1, 1, 443, 96 }, { 4, 1, 8080, 1180 },
    };
    a->sid = 3000001 + story;
    a->gid = 1;
    a->class_id = is[story].class_id;
    a->priority = is[story].priority;
    a->protocol = 6;
    a->sport = (u16)(1024 + random_below(&s->rng, 60000));
    a->dport = (u16)is[story].port;
    a->payload = (u16)is[story].payload;
    put_foreign(story == 2 ? a->dst : a->src, 700000 + story, false);
    put_local(story == 2 ? a->src : a->dst,
              story == 0 ? random_below(&s->rng, 2000) : story == 3 ? random_below(&s->rng, 3) : 41, false);
}

static struct alert draw(struct spool *s, u64 i)
{
    f64          place = (f64)i / (f64)s->events, dice = random_unit(&s->rng);
    u64          slot = s->hours * 3600 * 1000000 / s->events, last = s->hours > 24 ? s->hours - 24 : s->hours / 2;
    struct alert a = { .number = (u32)i + 1 };
    a.at_us = s->start * 1000000 + (u64)((u128)i * (s->hours * 3600u * 1000000u) / s->events) +
              (slot > 0 ? random_below(&s->rng, slot) : 0);
    bool fresh = a.at_us >= (s->start + last * 3600) * 1000000;
    if (place >= 0.30 && place < 0.34 && dice < 0.5) draw_story(s, &a, 0);
    else if (place >= 0.36 && place < 0.48 && dice < 0.2) draw_story(s, &a, 1);
    else if (fresh && dice < 0.01) draw_story(s, &a, 2);
    else if (fresh && dice < 0.011) draw_story(s, &a, 3);
    else draw_noise(s, &a);
    return a;
}

/* --- records -------------------------------------------------------------------------------------------------- */

static u8 *put_be(u8 *p, u64 n, u32 bytes)
{
    for (u32 i = bytes; i-- > 0; n >>= 8) p[i] = (u8)n;
    return p + bytes;
}

/* RFC 1071: the sum of 16-bit words, so far. */
static u64 sum_words(u64 sum, const u8 *at, u32 len)
{
    for (u32 i = 0; i + 1 < len; i += 2) sum += (u64)at[i] << 8 | at[i + 1];
    return len % 2 ? sum + ((u64)at[len - 1] << 8) : sum;
}

static u16 sum_close(u64 sum)
{
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (u16)~sum;
}

/* IP, TCP or UDP, and letters. Gives its end. */
static u8 *put_ip(struct spool *s, u8 *p, const struct alert *a)
{
    u32 width = a->v6 ? 16 : 4, upper = (a->protocol == 6 ? 20u : 8u) + a->payload;
    u8 *ip = p;
    if (a->v6) {
        p = put_be(p, 0x60000000, 4);
        p = put_be(p, upper, 2);
        *p++ = a->protocol;
        *p++ = 64;
    } else {
        p = put_be(p, 0x45000000 + 20 + upper, 4);
        p = put_be(p, (u64)a->number << 16 | 0x4000, 4);
        p = put_be(p, 0x40000000 | (u64)a->protocol << 16, 4);
    }
    memcpy(p, a->src, width);
    memcpy(p + width, a->dst, width);
    u64 sum = sum_words((u64)a->protocol + upper, p, 2 * width);
    p += 2 * width;
    if (!a->v6) put_be(ip + 10, sum_close(sum_words(0, ip, 20)), 2);
    u8 *tcp = p;
    p = put_be(put_be(p, a->sport, 2), a->dport, 2);
    if (a->protocol == 6) {
        p = put_be(put_be(p, random_u64(&s->rng), 4), random_u64(&s->rng), 4);
        p = put_be(put_be(p, 0x5018faf0, 4), 0, 4);
    } else {
        p = put_be(put_be(p, upper, 2), 0, 2);
    }
    for (u32 i = 0; i < a->payload; i++) *p++ = (u8)('a' + i % 26);
    put_be(tcp + (a->protocol == 6 ? 16 : 6), sum_close(sum_words(sum, tcp, upper)), 2);
    return p;
}

static u8 *put_event(u8 *p, const struct alert *a)
{
    u32 width = a->v6 ? 16 : 4;
    p = put_be(put_be(p, a->v6 ? 72 : 7, 4), 44 + 2 * width, 4);
    const u64 words[] = { 0,      a->number, a->at_us / 1000000, a->at_us % 1000000, a->sid,
                          a->gid, 1,         a->class_id,        a->priority };
    for (u32 i = 0; i < WEIR_COUNT(words); i++) p = put_be(p, words[i], 4);
    memcpy(p, a->src, width);
    memcpy(p + width, a->dst, width);
    p = put_be(put_be(p + 2 * width, a->sport, 2), a->dport, 2);
    return put_be(p, (u64)a->protocol << 24, 4);
}

static u8 *put_packet(struct spool *s, u8 *p, const struct alert *a)
{
    static const u8 macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    u8             *begin = p;
    p = put_be(put_be(p, 2, 4), 0, 4);
    const u64 words[] = { 0, a->number, a->at_us / 1000000, a->at_us / 1000000, a->at_us % 1000000, 1, 0 };
    for (u32 i = 0; i < WEIR_COUNT(words); i++) p = put_be(p, words[i], 4);
    u8 *frame = p;
    memcpy(p, macs, 12);
    p = put_be(p + 12, a->v6 ? 0x86dd : 0x0800, 2);
    p = put_ip(s, p, a);
    put_be(begin + 4, (u64)(p - begin) - 8, 4);
    put_be(frame - 4, (u64)(p - frame), 4);
    return p;
}

/* --- files ---------------------------------------------------------------------------------------------------- */

static bool flush(struct spool *s)
{
    bool good = write_all(s->fd, s->buffer, s->used) == s->used;
    s->written += s->used;
    s->used = 0;
    return good;
}

/* Snort names a file by the second in which it begins; two of one second would be one file. */
static bool next_file(struct spool *s, const struct alert *a, u64 *name, char *path, size_t room)
{
    u64 second = a->at_us / 1000000;
    *name = second > *name ? second : *name + 1;
    if (s->fd >= 0 && (!flush(s) || close(s->fd) != 0)) return false;
    snprintf(path, room, "%s/snort.u2.%llu", s->dir, (unsigned long long)*name);
    s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return s->fd >= 0;
}

static bool write_spool(struct spool *s)
{
    struct progress progress;
    char            path[4096];
    u64             name = 0, of = (s->events + s->files - 1) / s->files;
    bool            good = true;
    snprintf(path, sizeof path, "%s", s->dir);
    progress_open(&progress, "gen", s->events * 720);
    for (u64 i = 0; i < s->events && good; i++) {
        struct alert a = draw(s, i);
        if (i % of == 0) good = next_file(s, &a, &name, path, sizeof path);
        else if (s->used + RECORD_ROOM > BUFFER) good = flush(s);
        u8 *p = (u8 *)s->buffer + s->used;
        p = put_packet(s, put_event(p, &a), &a);
        s->used = (size_t)(p - (u8 *)s->buffer);
        if (i % 4096 == 0) progress_at(&progress, s->written);
    }
    good = good && flush(s);
    if (s->fd >= 0 && close(s->fd) != 0) good = false;
    progress_close(&progress, s->written);
    return good || gen_fail(path);
}

/* --- names ---------------------------------------------------------------------------------------------------- */

static void put_message(FILE *to, u64 i)
{
    fprintf(to, "%s %s", kinds[i % 8].word, subjects[(i * 5 + i / 16) % 16]);
    if (i >= 16) fprintf(to, ", form %llu", (unsigned long long)(i / 16 + 1));
}

static bool write_names(const struct spool *s, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", s->dir, file);
    FILE *to = fopen(path, "w");
    if (to == NULL) return gen_fail(path);
    fputs("# made by weir gen\n", to);
    bool sids = strcmp(file, "sid-msg.map") == 0;
    for (u64 i = 0; sids && i < s->signature.n; i++) {
        fprintf(to, "%u || ", sid_of(i));
        put_message(to, i);
        fputc('\n', to);
    }
    for (u32 i = 0; sids && stories[i]; i++) fprintf(to, "%u || %s\n", 3000001 + i, stories[i]);
    if (strcmp(file, "gen-msg.map") == 0) fputs("129 || 12 || stream: consecutive TCP small segments\n", to);
    for (u32 i = 0; strcmp(file, "classification.config") == 0 && classes[i]; i++)
        fprintf(to, "config classification: %s\n", classes[i]);
    return fclose(to) == 0 || gen_fail(path);
}

int gen_u2(const struct args *a)
{
    struct spool s = { .dir = args_text(a, "dir"), .fd = -1 };
    random_seed(&s.rng, args_u64(a, "seed", 0, UINT64_MAX));
    s.events = args_u64(a, "events", 1, 1000000000);
    s.hours = args_u64(a, "hours", 1, 24 * 366);
    s.files = args_u64(a, "files", 1, 10000);
    s.start = args_u64(a, "start", 0, 4000000000);
    if (s.start + s.hours * 3600 > UINT32_MAX) return usage_error(a, "--start: unified2 ends with the year 2105");
    if (mkdir(s.dir, 0755) != 0 && errno != EEXIST) return gen_fail(s.dir), EX_IOERR;
    s.buffer = malloc(BUFFER);
    WEIR_ASSERT(s.buffer != NULL);
    zipf_init(&s.signature, args_u64(a, "signatures", 1, 50000), args_f64(a, "skew", 0, 5));
    zipf_init(&s.host, HOSTS, 1);
    bool good = write_names(&s, "sid-msg.map") && write_names(&s, "gen-msg.map") &&
                write_names(&s, "classification.config") && write_spool(&s);
    zipf_fini(&s.signature);
    zipf_fini(&s.host);
    free(s.buffer);
    return good ? EX_OK : EX_IOERR;
}

/* --- tables --------------------------------------------------------------------------------------------------- */

/* By signature modulo 8. class_id is a line of `classes`, from 1. */
static const struct kind kinds[] = {
    { "POLICY", 5, 3, OUT, 80, 6 },     { "INFO", 6, 3, OUT, 53, 17 },      { "STREAM", 6, 3, IN, 443, 6 },
    { "SCAN", 2, 2, IN, 1433, 6 },      { "POLICY", 5, 3, WITHIN, 445, 6 }, { "WEB", 4, 1, IN, 80, 6 },
    { "DNS", 6, 3, OUT, 53, 17 },       { "EXPLOIT", 3, 1, IN, 5060, 17 },
};

static const char *const subjects[] = {
    "outdated user agent", "name of a dynamic DNS service", "unusual header", "login without encryption",
    "large answer",        "unknown protocol version",      "long parameter", "expired certificate",
    "file with two endings", "remote desktop",              "peer to peer",   "time server of another country",
    "empty request",       "administrative share",          "odd characters", "too many redirections",
};

static const char *const stories[] = {
    "SCAN sweep of port 445",
    "SCAN many passwords tried at ssh",
    "TROJAN host calls home",
    "EXPLOIT upload of a web shell",
    NULL,
};

static const char *const classes[] = {
    "trojan-activity,A Network Trojan was detected,1",
    "attempted-recon,Attempted Information Leak,2",
    "attempted-admin,Attempted Administrator Privilege Gain,1",
    "web-application-attack,Web Application Attack,1",
    "policy-violation,Potential Corporate Privacy Violation,3",
    "misc-activity,Misc activity,3",
    NULL,
};
