/* SPDX-License-Identifier: Apache-2.0 */
/* args.c: argv against a command's flag table. GNU manner: --name value, --name=value, -n value, -- ends flags. */
#include "cli/args.h"

#include "config/units.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static i32 flag_find(const struct command *c, slice name)
{
    for (u32 i = 0; c->flags && c->flags[i].name; i++)
        if (slice_is(name, c->flags[i].name)) return (i32)i;
    return -1;
}

static i32 flag_letter(const struct command *c, char letter)
{
    for (u32 i = 0; c->flags && c->flags[i].name; i++)
        if (c->flags[i].letter && c->flags[i].letter == letter) return (i32)i;
    return -1;
}

void command_say(const char *command, const char *format, va_list list)
{
    fprintf(stderr, "weir %s: ", command);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
}

int usage_error(const struct args *a, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "weir %s: ", a->command->name);
    vfprintf(stderr, format, list);
    fprintf(stderr, "\nusage: weir %s %s\n       weir %s --help\n", a->command->name, a->command->usage,
            a->command->name);
    va_end(list);
    return EX_USAGE;
}

/* One flag at argv[*i]; its value may be the next word. */
static int parse_flag(struct args *a, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    slice       name, value = { NULL, 0 };
    i32         at;
    if (word[1] == '-') {
        name = slice_cut(slice_str(word + 2), '=', &value);
        at = flag_find(a->command, name);
    } else {
        name = slice_of(word + 1, 1);
        at = flag_letter(a->command, word[1]);
        if (word[2]) value = slice_str(word + 2);
    }
    if (at < 0) return usage_error(a, "unknown option %s", word);
    const struct flag *f = &a->command->flags[at];
    if (f->value == NULL && value.at) return usage_error(a, "--%s takes no value", f->name);
    if (f->value != NULL && value.at == NULL) {
        if (*i + 1 >= argc) return usage_error(a, "--%s needs a value: %s", f->name, f->value);
        value = slice_str(argv[++*i]);
    }
    a->value[at] = f->value ? value.at : "";
    return 0;
}

int args_parse(struct args *a, const struct command *c, int argc, char **argv)
{
    bool flags = true;
    *a = (struct args){ .command = c, .positional = calloc((size_t)argc + 1, sizeof(char *)) };
    WEIR_ASSERT(a->positional != NULL);
    for (int i = 0; i < argc; i++) {
        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
        } else if (flags && argv[i][0] == '-' && argv[i][1]) {
            int code = parse_flag(a, argc, argv, &i);
            if (code) return code;
        } else {
            if (a->count >= POSITIONALS_MAX) return usage_error(a, "more than %u arguments", POSITIONALS_MAX);
            a->positional[a->count++] = argv[i];
        }
    }
    if (a->count < c->least) return usage_error(a, "an argument is missing");
    if (a->count > c->most) return usage_error(a, "one argument too many: %s", a->positional[c->most]);
    return 0;
}

void args_fini(struct args *a)
{
    free(a->positional);
}

static u32 flag_get(const struct args *a, const char *flag)
{
    i32 at = flag_find(a->command, slice_str(flag));
    WEIR_ASSERT(at >= 0 && at < FLAGS_MAX);
    return (u32)at;
}

bool args_has(const struct args *a, const char *flag)
{
    return a->value[flag_get(a, flag)] != NULL;
}

const char *args_text(const struct args *a, const char *flag)
{
    u32 at = flag_get(a, flag);
    return a->value[at] ? a->value[at] : a->command->flags[at].fallback;
}

u64 args_u64(const struct args *a, const char *flag, u64 least, u64 most)
{
    const char *text = args_text(a, flag);
    u64         n;
    if (text && slice_u64(slice_str(text), &n) && n >= least && n <= most) return n;
    exit(usage_error(a, "--%s: a number from %llu to %llu was expected, not %s", flag, (unsigned long long)least,
                     (unsigned long long)most, text ? text : "nothing"));
}

f64 args_f64(const struct args *a, const char *flag, f64 least, f64 most)
{
    const char *text = args_text(a, flag);
    char       *end = NULL;
    f64         n = text ? strtod(text, &end) : 0;
    if (text && end != text && *end == '\0' && n >= least && n <= most) return n;
    exit(usage_error(a, "--%s: a number from %g to %g was expected, not %s", flag, least, most,
                     text ? text : "nothing"));
}

nanos args_span(const struct args *a, const char *flag)
{
    const char *text = args_text(a, flag), *why = "missing";
    nanos       span;
    if (text && span_parse(slice_str(text), &span, &why)) return span;
    exit(usage_error(a, "--%s: %s: %s (a span is 30s, 5m, 1h, 2d)", flag, text ? text : "", why));
}

/* Nothing, Z, or +01:00 as weir query prints local time. */
static bool zone_parse(const char *text, i64 *seconds_east)
{
    *seconds_east = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0) return true;
    u64   hours = 0, minutes = 0;
    slice rest, first = slice_cut(slice_str(text + 1), ':', &rest);
    if ((*text != '+' && *text != '-') || first.len != 2 || rest.len != 2) return false;
    if (!slice_u64(first, &hours) || !slice_u64(rest, &minutes) || hours > 14 || minutes > 59) return false;
    *seconds_east = (i64)(hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
    return true;
}

bool args_time_parse(const char *text, i64 *out)
{
    u64       seconds;
    i64       seconds_east;
    struct tm tm = { .tm_mday = 1 };
    if (slice_u64(slice_str(text), &seconds) && seconds <= INT32_MAX * (u64)1000) {
        *out = (i64)seconds;
        return true;
    }
    const char *end = strptime(text, "%Y-%m-%dT%H:%M", &tm), *exact = end ? strptime(end, ":%S", &tm) : NULL;
    if (exact) end = exact;
    if (end == NULL) end = strptime(text, "%Y-%m-%d", &tm);
    if (end == NULL || !zone_parse(end, &seconds_east)) return false;
    *out = (i64)timegm(&tm) - seconds_east;
    return true;
}

i64 args_time(const struct args *a, const char *flag)
{
    i64 seconds;
    if (args_time_parse(args_text(a, flag), &seconds)) return seconds;
    exit(usage_error(a, "--%s: Unix seconds or 2026-01-31T12:00 (UTC) were expected", flag));
}

bool colour_on(FILE *to)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no && no[0]) return false;
    if (term == NULL || strcmp(term, "dumb") == 0) return false;
    return isatty(fileno(to));
}
