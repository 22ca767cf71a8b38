/* SPDX-License-Identifier: Apache-2.0 */
/* p2.c: weir p2: packets of recordings or of an interface, as P2 files a minute.
 *
 * Here are its options, the way of a frame, and what is said at the end; reading is p2_read.c's and p2_live.c's,
 * writing p2_files.c's, and what a line says src/packet's. */
#include "cli/p2.h"

#include "cli/command.h"
#include "config/units.h"
#include "shim/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#define SNAP_LENGTH 262144u
#define WORDS       512

/* --- what is said -------------------------------------------------------------------------------------------- */

void p2_say(const struct p2 *p, const char *format, ...)
{
    if (p->quiet) return;
    va_list list;
    va_start(list, format);
    command_say("p2", format, list);
    va_end(list);
}

/* The first failure gives the exit code. */
void p2_fail(struct p2 *p, int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    command_say("p2", format, list);
    va_end(list);
    if (p->code == EX_OK) p->code = code;
}

/* --- the way of a frame -------------------------------------------------------------------------------------- */

/* The filter for frames of this link type; NULL: it has none, code is set. */
static const struct capture_filter *filter_for(struct p2 *p, u32 link)
{
    for (u32 i = 0; i < p->filters; i++)
        if (p->filter[i].link == link) return p->filter[i].filter;
    char                   words[WORDS] = "", text[256];
    err                    e = OK;
    struct capture_filter *f = capture_filter_open(p->filter_text, link, SNAP_LENGTH, words, sizeof words, &e);
    if (f == NULL) {
        p2_fail(p, EX_USAGE, "--filter: link type %u: %s", link, words[0] ? words : err_text(e, text, sizeof text));
        p->broken = true;
        return NULL;
    }
    if (p->filters == P2_LINKS_MAX) capture_filter_close(p->filter[--p->filters].filter);
    p->filter[p->filters++] = (struct p2_filter){ link, f };
    return f;
}

bool p2_take(struct p2 *p, const struct frame *frame)
{
    if (p->filter_text) {
        const struct capture_filter *f = filter_for(p, frame->link);
        if (f == NULL) return false;
        if (!capture_filter_takes(f, frame)) {
            p->filtered++;
            return true;
        }
    }
    p->batch[p->batched++] = *frame;
    return p->batched < MINUTES_BATCH || p2_flush(p);
}

/* Says what ended the writing, once. */
static bool files_good(struct p2 *p)
{
    const char *path;
    char        text[256];
    err         e = p2_files_fault(p->files, &path);
    if (!err_is(e)) return true;
    if (p->broken) return false;
    p->broken = true;
    if (e.code == ERR_STATE) p2_fail(p, EX_CANTCREAT, "%s: %s: --replace writes over it", path, e.what);
    else p2_fail(p, EX_IOERR, "%s: %s", path, err_text(e, text, sizeof text));
    return false;
}

bool p2_flush(struct p2 *p)
{
    if (p->batched) minutes_push(p->minutes, p->batch, p->batched);
    p->batched = 0;
    return files_good(p);
}

/* --- signals ------------------------------------------------------------------------------------------------- */

static void signals_open(struct p2 *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    WEIR_ASSERT(p->signals >= 0);
}

/* A second signal ends the process as it always does. */
static void signals_taken(struct p2 *p)
{
    struct signalfd_siginfo info;
    sigset_t                set;
    while (read(p->signals, &info, sizeof info) > 0) continue;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int p2_wait(struct p2 *p, int fd, int timeout_ms)
{
    struct pollfd watch[] = { { .fd = p->signals, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
    int           n = poll(watch, WEIR_COUNT(watch), timeout_ms);
    if (n > 0 && watch[0].revents) {
        signals_taken(p);
        return -1;
    }
    return n > 0 && watch[1].revents ? 1 : 0;
}

/* --- the report ---------------------------------------------------------------------------------------------- */

static void json_counts(FILE *f, const char *name, const struct metric *metrics, const void *counts)
{
    fprintf(f, ",\n \"%s\": {", name);
    for (u32 i = 0; metrics[i].name; i++) {
        u64 n;
        memcpy(&n, (const char *)counts + metrics[i].offset, sizeof n);
        fprintf(f, "%s\"%s\": %llu", i ? ", " : "", metrics[i].name, (unsigned long long)n);
    }
    fputc('}', f);
}

static void write_stats(struct p2 *p, const char *path, f64 seconds)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        p2_fail(p, EX_CANTCREAT, "%s: %s", path, strerror(errno));
        return;
    }
    const struct minutes_counts *c = minutes_counts(p->minutes);
    fprintf(f, "{\"packets\": %llu, \"bytes\": %llu, ", (unsigned long long)c->frames, (unsigned long long)c->bytes);
    fprintf(f, "\"filtered\": %llu, \"read_bytes\": %llu, ", (unsigned long long)p->filtered,
            (unsigned long long)p->read_bytes);
    fprintf(f, "\"seconds\": %.6f, \"packets_per_second\": %.0f, \"memory_bytes\": %llu, ", seconds,
            seconds > 0 ? (f64)c->frames / seconds : 0, (unsigned long long)minutes_memory(p->minutes));
    struct rusage used = { 0 };
    getrusage(RUSAGE_SELF, &used);
    fprintf(f, "\"rss_max_kib\": %ld", used.ru_maxrss);
    json_counts(f, "minutes", minutes_metrics, c);
    json_counts(f, "files", p2_files_metrics, p2_files_counts(p->files));
    fprintf(f, ",\n \"framing\": {\"frames\": %llu, \"passed\": %llu, \"damaged\": %llu}",
            (unsigned long long)p->framing.frames, (unsigned long long)p->framing.passed,
            (unsigned long long)p->framing.damaged);
    fprintf(f, ",\n \"capture\": {\"received\": %llu, \"dropped_kernel\": %llu, \"dropped_interface\": %llu}}\n",
            (unsigned long long)p->loss.received, (unsigned long long)p->loss.dropped_kernel,
            (unsigned long long)p->loss.dropped_interface);
    if (fclose(f) != 0) p2_fail(p, EX_IOERR, "%s: %s", path, strerror(errno));
}

/* "faults: link type unknown 3, ...", if there were any. */
static void say_faults(const struct p2 *p, const struct minutes_counts *c)
{
    char   text[1024];
    size_t used = 0;
    for (u32 i = PACKET_SOUND + 1; i < PACKET_FAULTS; i++) {
        if (c->fault[i] == 0 || used >= sizeof text) continue;
        int n = snprintf(text + used, sizeof text - used, "%s%s %llu", used ? ", " : "",
                         packet_fault_name((enum packet_fault)i), (unsigned long long)c->fault[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used) p2_say(p, "faults: %s", text);
}

static void say_limits(const struct p2 *p, const struct minutes_counts *c)
{
    if (c->conversations_early)
        p2_say(p, "%llu conversations given out before their minute's end: --conversations-max",
               (unsigned long long)c->conversations_early);
    if (c->flows_evicted)
        p2_say(p, "%llu connections forgotten for want of room: --flows-max", (unsigned long long)c->flows_evicted);
    if (c->segments_forgotten)
        p2_say(p, "%llu segments in flight forgotten for want of room: --segments-max",
               (unsigned long long)c->segments_forgotten);
}

static void say_report(struct p2 *p, bool live)
{
    const struct minutes_counts  *c = minutes_counts(p->minutes);
    const struct p2_files_counts *f = p2_files_counts(p->files);
    char                          lost[96] = "";
    if (live)
        snprintf(lost, sizeof lost, "; lost: kernel %llu, interface %llu", (unsigned long long)p->loss.dropped_kernel,
                 (unsigned long long)p->loss.dropped_interface);
    p2_say(p, "%llu packets, %llu bytes, %llu lines in %llu sets%s", (unsigned long long)c->frames,
           (unsigned long long)c->bytes, (unsigned long long)f->lines, (unsigned long long)f->sets, lost);
    if (p->filtered) p2_say(p, "%llu packets not taken by the filter", (unsigned long long)p->filtered);
    if (c->late)
        p2_say(p, "%llu packets came after their minute was given out and are in no line", (unsigned long long)c->late);
    say_faults(p, c);
    say_limits(p, c);
    if (f->gaps) p2_say(p, "%llu silences of more than a week without empty sets", (unsigned long long)f->gaps);
    if (f->refused_sets && !p->broken)
        p2_fail(p, EX_CANTCREAT, "%llu minutes (%llu lines) not written: finished before, or before 1970",
                (unsigned long long)f->refused_sets, (unsigned long long)f->refused_lines);
}

/* --- the command --------------------------------------------------------------------------------------------- */

static u64 size_option(const struct args *a, const char *flag)
{
    const char *text = args_text(a, flag), *why = "missing";
    u64         bytes;
    if (text && size_parse(slice_str(text), &bytes, &why)) return bytes;
    exit(usage_error(a, "--%s: %s: %s (a size is 64MiB, 1GiB)", flag, text ? text : "", why));
}

static struct minutes_setup minutes_options(const struct args *a)
{
    struct minutes_setup s = { 0 };
    minutes_defaults(&s);
    s.flows_max = (u32)args_u64(a, "flows-max", 64, 1u << 28);
    s.conversations_max = (u32)args_u64(a, "conversations-max", 64, 1u << 28);
    s.segments_max = (u32)args_u64(a, "segments-max", 64, 1u << 28);
    s.fragments_max = (u32)args_u64(a, "fragments-max", 64, 1u << 24);
    s.arp = args_has(a, "arp");
    s.eth = args_has(a, "eth");
    s.tcp = !args_has(a, "no-tcp");
    s.packet.inner = strcmp(args_text(a, "tunnels"), "inner") == 0;
    s.packet.depth = (u32)args_u64(a, "depth", 1, 16);
    return s;
}

static struct capture_setup capture_options(const struct args *a)
{
    return (struct capture_setup){ .interface = args_text(a, "interface"),
                                   .filter = args_text(a, "filter"),
                                   .snap_length = (u32)args_u64(a, "snap", 64, SNAP_LENGTH),
                                   .ring = size_option(a, "ring"),
                                   .promiscuous = args_has(a, "promiscuous"),
                                   .fanout = args_has(a, "fanout") ? (u32)args_u64(a, "fanout", 0, 65535) + 1 : 0 };
}

/* 0, or an exit code after a message. */
static int options_fit(const struct args *a)
{
    static const char *const live_only[] = { "snap", "ring", "promiscuous", "fanout", "keep-capabilities" };
    bool                     read = args_has(a, "read"), live = args_has(a, "interface");
    const char              *tunnels = args_text(a, "tunnels");
    if (read == live) return usage_error(a, "either -r FILE... or -i INTERFACE was expected");
    if (read && a->count == 0) return usage_error(a, "-r: no FILE is named");
    if (live && a->count) return usage_error(a, "-i reads no files: %s", a->positional[0]);
    if (args_text(a, "dir") == NULL) return usage_error(a, "--dir is missing");
    if (strcmp(tunnels, "outer") != 0 && strcmp(tunnels, "inner") != 0)
        return usage_error(a, "--tunnels: outer or inner was expected, not %s", tunnels);
    for (u32 i = 0; read && i < WEIR_COUNT(live_only); i++)
        if (args_has(a, live_only[i])) return usage_error(a, "--%s goes with -i", live_only[i]);
    return 0;
}

static void p2_fini(struct p2 *p)
{
    for (u32 i = 0; i < p->filters; i++) capture_filter_close(p->filter[i].filter);
    minutes_close(p->minutes);
    p2_files_close(p->files);
    close(p->signals);
}

static bool p2_open(struct p2 *p, const struct args *a, bool live)
{
    struct p2_files_setup to = { .dir = args_text(a, "dir"),
                                 .arp = args_has(a, "arp"),
                                 .eth = args_has(a, "eth"),
                                 .every_minute = live || args_has(a, "every-minute"),
                                 .replace = args_has(a, "replace"),
                                 .go_on = live };
    struct minutes_setup  setup = minutes_options(a);
    err                   e;
    char                  text[256];
    p->files = p2_files_open(&to, &e);
    if (p->files == NULL) {
        fprintf(stderr, "weir p2: %s: %s\n", to.dir, err_text(e, text, sizeof text));
        return false;
    }
    p->minutes = minutes_open(&setup, p2_files_out(p->files));
    signals_open(p);
    return true;
}

static int run_p2(const struct args *a)
{
    int code = options_fit(a);
    if (code) return code;
    bool                 live = args_has(a, "interface");
    struct capture_setup capture = capture_options(a);
    struct p2            p = { .quiet = args_has(a, "quiet"), .filter_text = live ? NULL : args_text(a, "filter") };
    u64                  begin = clock_monotonic();
    if (!p2_open(&p, a, live)) return EX_CANTCREAT;
    if (live) p2_live(&p, &capture, args_has(a, "keep-capabilities"));
    else p2_read(&p, a->positional, a->count);
    if (!p.broken) minutes_end(p.minutes);
    files_good(&p);
    if (!p.broken || minutes_counts(p.minutes)->frames) say_report(&p, live);
    if (args_has(a, "stats")) write_stats(&p, args_text(a, "stats"), (f64)(clock_monotonic() - begin) / 1e9);
    p2_fini(&p);
    return p.code;
}

static const char *const p2_text[] = {
    "Writes what every pair of addresses said to each other, minute by minute, as P2 files: _tcp_@E, _udp_@E and "
    "_other_@E are created, written and closed, then the empty marker __@E.finished. E is the minute's start, "
    "Unix seconds, by the packets' own clock. A minute is written when time has passed its end by 3 s. The "
    "columns are those of conf/layouts/p2.yaml.",
    "  weir p2 -r monday.pcap tuesday.pcapng -d p2\n"
    "  tcpdump -i eth0 -w - | weir p2 -r - -d p2\n"
    "  weir p2 -i eth0 -d /data/p2",
    "-r: the files named, pcap or pcapng, are one stream in the order given; - is standard input. Give them in "
    "the order of their time: a packet older than a minute that is written already is counted and is in no line. "
    "A minute of a recording in which nothing spoke has no set unless --every-minute is given (silences of more "
    "than a week have none even then). A damaged file is read up to the damage, then the next one, and the exit "
    "code is 65. SIGINT or SIGTERM: of files, minutes that are open are not written, exit code 75; of standard "
    "input, they are.",
    "-i: runs until SIGINT or SIGTERM, then writes what is open, marker included, and says what was lost; a "
    "second signal ends at once. Every minute has a set. Capabilities are dropped once the interface is open.",
    "A set that has its marker is not written over unless --replace is given: a recording ends there with exit "
    "code 73; a probe leaves that minute out, goes on and ends with 73. A set that could not be finished is "
    "removed.",
    NULL,
};

static const struct flag p2_flags[] = {
    { "read", 'r', NULL, NULL, "read the files that are named; - is standard input" },
    { "interface", 'i', "NAME", NULL, "listen on this interface" },
    { "dir", 'd', "DIR", NULL, "folder to write into; made if it is not there" },
    { "filter", 'f', "BPF", NULL, "take only these packets, in tcpdump's language" },
    { "tunnels", 0, "outer|inner", "outer", "whose addresses count where IP is in IP, GRE, VXLAN, GTP ..." },
    { "depth", 0, "N", "4", "tunnels gone through at most" },
    { "no-tcp", 0, NULL, NULL, "leave out retransmissions, round trips and their like: null in the lines" },
    { "arp", 0, NULL, NULL, "write _arp_@E, too" },
    { "eth", 0, NULL, NULL, "write _eth_@E, too: other Ethernet protocols" },
    { "every-minute", 0, NULL, NULL, "write empty sets for the minutes between others, too" },
    { "replace", 0, NULL, NULL, "write over sets that are finished" },
    { "snap", 0, "BYTES", "262144", "of a packet, with -i" },
    { "ring", 0, "SIZE", "64MiB", "of the kernel's buffer, with -i" },
    { "promiscuous", 'p', NULL, NULL, "packets for other machines, too, with -i" },
    { "fanout", 0, "GROUP", NULL, "share the interface with the other probes of this number, flow by flow, with -i" },
    { "keep-capabilities", 0, NULL, NULL, "do not drop them once the interface is open" },
    { "flows-max", 0, "N", "1048576", "connections remembered; then unanswered and silent ones are forgotten" },
    { "conversations-max", 0, "N", "524288", "lines that are open; then the smallest are given out early" },
    { "segments-max", 0, "N", "1048576", "TCP segments in flight that are remembered" },
    { "fragments-max", 0, "N", "65536", "fragmented datagrams whose ports are remembered" },
    { "stats", 0, "FILE", NULL, "write the run's figures to FILE at the end, as JSON" },
    { "quiet", 'q', NULL, NULL, "only failures on standard error" },
    { .name = NULL },
};
static_assert(WEIR_COUNT(p2_flags) <= FLAGS_MAX + 1, "args holds no more");

const struct command command_p2 = { .name = "p2",
                                    .usage = "-r FILE... -d DIR | -i NAME -d DIR",
                                    .summary = "packets in, P2 files out",
                                    .text = p2_text,
                                    .flags = p2_flags,
                                    .least = 0,
                                    .most = POSITIONALS_MAX,
                                    .run = run_p2 };
