/* SPDX-License-Identifier: Apache-2.0 */
/* u2.c: weir u2: Snort's unified2 files as lines of JSON or as text.
 *
 * Here are its options, the maps, the way of a record to standard output, and what is said at the end; reading is
 * u2_read.c's, and what a line says src/unified2's. */
#include "cli/u2.h"

#include "cli/command.h"
#include "config/units.h"
#include "shim/clock.h"
#include "shim/write.h"
#include "weir/err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define LINES_FULL ((size_t)128 << 10) /* written then: what is in L2 is read from there */
#define MAP_MOST   ((size_t)256 << 20)

typedef unsigned long long llu;

/* The first failure gives the exit code. */
void u2_fail(struct u2 *u, int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    command_say("u2", format, list);
    va_end(list);
    if (u->code == EX_OK) u->code = code;
}

/* --- out ----------------------------------------------------------------------------------------------------- */

void u2_flush(struct u2 *u)
{
    size_t done = u->broken ? 0 : write_all(STDOUT_FILENO, u->line, u->used);
    if (done < u->used && !u->broken) {
        char text[256];
        u2_fail(u, EX_IOERR, "standard output: %s", err_text(err_os("write"), text, sizeof text));
        u->broken = true;
    }
    u->written += done;
    u->used = 0;
}

static char *reserve(struct u2 *u, size_t bound)
{
    if (u->used >= LINES_FULL) u2_flush(u);
    if (u->used + bound > u->room) {
        u->room = u->used + bound + LINES_FULL;
        u->line = realloc(u->line, u->room);
        WEIR_ASSERT(u->line != NULL);
    }
    return u->line + u->used;
}

static void put_done(struct u2 *u, const char *end, size_t bound)
{
    size_t used = (size_t)(end - (u->line + u->used));
    WEIR_ASSERT(used <= bound);
    u->used += used;
    u->lines++;
}

static void put_text(struct u2 *u, const struct u2_record *r)
{
    size_t bound = u2_text_bound(&u->text, r);
    put_done(u, u2_text_put(&u->text, r, reserve(u, bound)), bound);
}

static void put_alone(struct u2_join_out *out, const struct u2_record *r, const void *file)
{
    struct u2 *u = container_of(out, struct u2, joined);
    slice      name = u->json.place ? slice_str(file) : slice_of(NULL, 0);
    if (u->as_text) {
        put_text(u, r);
        return;
    }
    size_t bound = u2_json_bound(&u->json, r, name);
    put_done(u, u2_json_line(&u->json, r, name, reserve(u, bound)), bound);
}

static void put_joined(struct u2_join_out *out, const struct u2_joined *j)
{
    struct u2 *u = container_of(out, struct u2, joined);
    slice      name = u->json.place ? slice_str(j->origin) : slice_of(NULL, 0);
    if (u->as_text) {
        put_text(u, j->event);
        for (u32 i = 0; i < j->count; i++) put_text(u, &j->more[i]);
        return;
    }
    size_t bound = u2_json_joined_bound(&u->json, j, name);
    put_done(u, u2_json_joined(&u->json, j, name, reserve(u, bound)), bound);
}

void u2_take(struct u2 *u, const struct u2_record *r, const char *file)
{
    if (u->join) u2_join_push(u->join, r, file, u->time);
    else put_alone(&u->joined, r, file);
}

void u2_tick(struct u2 *u)
{
    if (u->live) u->time = (nanos)clock_monotonic();
    if (u->join) u2_join_tick(u->join, u->time);
    u2_flush(u);
}

/* --- signals ------------------------------------------------------------------------------------------------- */

static void signals_open(struct u2 *u)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    u->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    WEIR_ASSERT(u->signals >= 0);
}

/* A second signal ends the process as it always does. */
static void signals_taken(struct u2 *u)
{
    struct signalfd_siginfo info;
    sigset_t                set;
    while (read(u->signals, &info, sizeof info) > 0) continue;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int u2_wait(struct u2 *u, int fd, int timeout_ms)
{
    struct pollfd watch[] = { { .fd = u->signals, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
    int           n = poll(watch, WEIR_COUNT(watch), timeout_ms);
    if (n > 0 && watch[0].revents) {
        signals_taken(u);
        return -1;
    }
    return n > 0 && watch[1].revents ? 1 : 0;
}

/* --- maps ---------------------------------------------------------------------------------------------------- */

/* The file's bytes, malloc'd; NULL: said why. */
static char *whole_file(struct u2 *u, const char *path, size_t *size)
{
    struct stat st;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > MAP_MOST) {
        u2_fail(u, EX_NOINPUT, "%s: %s", path, fd < 0 ? strerror(errno) : "no file of at most 256 MiB");
        if (fd >= 0) close(fd);
        return NULL;
    }
    char *text = malloc((size_t)st.st_size + 1);
    WEIR_ASSERT(text != NULL);
    ssize_t n = 1;
    for (*size = 0; n > 0 && *size < (size_t)st.st_size; *size += n > 0 ? (size_t)n : 0) {
        n = read(fd, text + *size, (size_t)st.st_size - *size);
        if (n < 0 && errno == EINTR) n = 0;
    }
    close(fd);
    if (n >= 0) return text;
    u2_fail(u, EX_IOERR, "%s: %s", path, strerror(errno));
    free(text);
    return NULL;
}

/* Faulty lines are told and passed over; a file that cannot be read ends the run. */
static bool map_read(struct u2 *u, enum u2_map which, const char *path)
{
    if (path == NULL) return true;
    if (u->names == NULL) u->names = u2_names_open();
    size_t size;
    char  *text = whole_file(u, path, &size);
    if (text == NULL) return false;
    struct u2_name_faults faults;
    u2_names_read(u->names, which, slice_of(text, size), &faults);
    free(text);
    for (u32 i = 0; i < faults.count && i < U2_NAME_FAULTS; i++)
        u2_fail(u, EX_DATAERR, "%s:%u: %s, expected %s; passed over", path, faults.at[i].line, faults.at[i].what,
                faults.at[i].expected);
    if (faults.count > U2_NAME_FAULTS)
        u2_fail(u, EX_DATAERR, "%s: %u more faults", path, faults.count - U2_NAME_FAULTS);
    return true;
}

static bool maps_read(struct u2 *u, const struct args *a)
{
    return map_read(u, U2_MAP_CLASSIFICATION, args_text(a, "classification")) &&
           map_read(u, U2_MAP_GEN, args_text(a, "gen-map")) && map_read(u, U2_MAP_SID, args_text(a, "sid-map"));
}

/* --- the report ---------------------------------------------------------------------------------------------- */

static void json_counts(FILE *f, const char *name, const struct metric *metrics, const void *counts)
{
    fprintf(f, ",\n \"%s\": {", name);
    for (u32 i = 0; metrics[i].name; i++) {
        u64 n;
        memcpy(&n, (const char *)counts + metrics[i].offset, sizeof n);
        fprintf(f, "%s\"%s\": %llu", i ? ", " : "", metrics[i].name, (llu)n);
    }
    fputc('}', f);
}

static void write_stats(struct u2 *u, const char *path, f64 seconds)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        u2_fail(u, EX_CANTCREAT, "%s: %s", path, strerror(errno));
        return;
    }
    fprintf(f, "{\"files\": %llu, \"lines\": %llu, \"written_bytes\": %llu, ", (llu)u->files, (llu)u->lines,
            (llu)u->written);
    fprintf(f, "\"seconds\": %.6f, \"events_per_second\": %.0f", seconds,
            seconds > 0 ? (f64)u->counts.events / seconds : 0);
    json_counts(f, "reader", u2_metrics, &u->counts);
    if (u->join) json_counts(f, "join", u2_join_metrics, u2_join_counts(u->join));
    if (u->names)
        fprintf(f, ",\n \"names\": {\"signatures\": %u, \"classes\": %u}", u2_names_messages(u->names),
                u2_names_classes(u->names));
    fputs("}\n", f);
    if (fclose(f) != 0) u2_fail(u, EX_IOERR, "%s: %s", path, strerror(errno));
}

/* Only if something is not in the output. */
static void say_report(struct u2 *u)
{
    const struct u2_counts *c = &u->counts;
    if (c->unknown + c->brief + c->damaged == 0) return;
    u64 good = c->events + c->packets + c->buffers + c->extra + c->apps;
    fprintf(stderr,
            "weir u2: %llu records good; passed over: %llu of unknown type, %llu short, %llu bytes in %llu places\n",
            (llu)good, (llu)c->unknown, (llu)c->brief, (llu)c->damaged_bytes, (llu)c->damaged);
}

/* --- the command --------------------------------------------------------------------------------------------- */

static u32 size_option(const struct args *a, const char *flag, u64 least, u64 most)
{
    const char *text = args_text(a, flag), *why = "too small or too large";
    u64         bytes;
    if (text && size_parse(slice_str(text), &bytes, &why) && bytes >= least && bytes <= most) return (u32)bytes;
    exit(usage_error(a, "--%s: %s: %s (a size is 64KiB, 1MiB)", flag, text ? text : "", why));
}

static void join_open(struct u2 *u, const struct args *a)
{
    struct u2_join_setup setup = { .events_max = (u32)args_u64(a, "events-max", 1, 1u << 20),
                                   .bytes_max = size_option(a, "bytes-max", 64u << 10, 1u << 31),
                                   .wait = args_span(a, "wait") };
    if (args_has(a, "join")) u->join = u2_join_open(&setup, &u->joined);
}

static int options(struct u2 *u, const struct args *a)
{
    if (!args_has(a, "text") && args_has(a, "explain")) return usage_error(a, "--explain goes with --text");
    if (args_has(a, "text") && (args_has(a, "packet-printable") || args_has(a, "packet-hex") ||
                                args_has(a, "extra-printable") || args_has(a, "place")))
        return usage_error(a,
                           "--packet-printable, --packet-hex, --extra-printable and --place are for JSON, not --text");
    u->as_text = args_has(a, "text");
    u->quiet = args_has(a, "quiet");
    u->record_max = size_option(a, "record-max", 64u << 10, U2_RECORD_MOST);
    u->joined = (struct u2_join_out){ .event = put_joined, .alone = put_alone };
    join_open(u, a);
    return EX_OK;
}

static int run_u2(const struct args *a)
{
    struct u2 u = { 0 };
    u64       begin = clock_monotonic();
    int       code = options(&u, a);
    if (code) return code;
    if (maps_read(&u, a)) {
        u.json = (struct u2_json){ u.names, args_has(a, "packet-printable"), args_has(a, "packet-hex"),
                                   args_has(a, "extra-printable"), args_has(a, "place") };
        u.text = (struct u2_text){ u.names, args_has(a, "explain") };
        signals_open(&u);
        u2_read(&u, a->positional, a->count);
        if (u.join) u2_join_end(u.join);
        u2_flush(&u);
        close(u.signals);
        if (!u.quiet) say_report(&u);
        if (args_has(a, "stats")) write_stats(&u, args_text(a, "stats"), (f64)(clock_monotonic() - begin) / 1e9);
    }
    u2_join_close(u.join);
    u2_names_close(u.names);
    free(u.line);
    return u.code;
}

static const char *const u2_text_doc[] = {
    "Prints the events, packets and extra data of Snort's and Suricata's unified2 files to standard output: one JSON "
    "object a line, as idstools-u2json does, or with --text as u2spewfoo does. All types of Snort 2 and 3 whose layout "
    "is known are read. The files are one stream in the order given; - is standard input, whose lines come as soon as "
    "its records do.",
    "  weir u2 -C classification.config -S sid-msg.map -G gen-msg.map snort.u2.1299698138\n"
    "  weir u2 --join --place /var/log/snort/snort.u2.1*\n"
    "  tail -c +1 -f snort.u2.1299698138 | weir u2 --join -",
    "What is damaged is told as file:offset, passed over up to the next record, and counted; so are records of unknown "
    "type. The exit code is then 65: something of the input is not in the output. Lines of maps that cannot be read "
    "are told as file:line and passed over, exit code 65, too. SIGINT or SIGTERM: what is waiting is printed, exit "
    "code 75.",
    "--join: an event waits for its packets and extra data (same sensor, event id, second) until --events-max later "
    "events have come, --wait has passed, or the end; then it is one line with \"packets\", \"buffers\" and "
    "\"extra-data\" in the event. What comes after its event went out, or has none, is a line of its own.",
    "Unlike idstools: appid is the name alone; Snort 3's events (type 114) have the other events' keys, and "
    "status-name, action-name and the HTTP fields beside them; Snort 3's buffers and statistics of applications have "
    "types of their own (buffer, app-stats); bytes of a body beyond what is known are in \"rest\".",
    NULL,
};

static const struct flag u2_flags[] = {
    { "text", 't', NULL, NULL, "print text, not JSON" },
    { "explain", 0, NULL, NULL, "with --text: what each packet's headers say" },
    { "join", 'j', NULL, NULL, "one line for an event with all that belongs to it" },
    { "classification", 'C', "FILE", NULL, "classification.config: names of classes" },
    { "sid-map", 'S', "FILE", NULL, "sid-msg.map, version 1 or 2: messages of signatures" },
    { "gen-map", 'G', "FILE", NULL, "gen-msg.map: messages of preprocessors" },
    { "packet-printable", 0, NULL, NULL, "packets' bytes as text, too: data-printable" },
    { "packet-hex", 0, NULL, NULL, "packets' bytes as hexadecimal pairs, too: data-hex" },
    { "extra-printable", 0, NULL, NULL, "extra data as text, too: data-printable" },
    { "place", 0, NULL, NULL, "say where each record stands: file, offset, record-type, record-length" },
    { "events-max", 0, "N", "1024", "events that wait, with --join; then the oldest goes out" },
    { "bytes-max", 0, "SIZE", "64MiB", "of all that waits, with --join; then the oldest goes out" },
    { "wait", 0, "SPAN", "5s", "an event waits at most, with --join, where the input is no regular file" },
    { "record-max", 0, "SIZE", "1MiB", "a longer record is damage" },
    { "stats", 0, "FILE", NULL, "write the run's figures to FILE at the end, as JSON" },
    { "quiet", 'q', NULL, NULL, "only failures on standard error" },
    { .name = NULL },
};
static_assert(WEIR_COUNT(u2_flags) <= FLAGS_MAX + 1, "args holds no more");

const struct command command_u2 = { .name = "u2",
                                    .usage = "FILE...",
                                    .summary = "Snort's unified2 files as JSON or text",
                                    .text = u2_text_doc,
                                    .flags = u2_flags,
                                    .least = 1,
                                    .most = POSITIONALS_MAX,
                                    .run = run_u2 };
