/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_conf.c: librdkafka checks each property as it is set; so a recipe's are set here, at check time as at start.
 *
 * Properties that would load code, or put weir's own wiring out of order, are nobody's to set. See kafka_conf.h. */
#include "shim/kafka_conf.h"

#include "weir/err.h"
#include "weir/near.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY_SOUND  0x020503ff /* 2.5.3: see kafka_library_warning */
#define BROKERS_LENGTH 8192
#define HOST_MAX       253
#define PROPERTIES_MAX 512

/* Of every client: the property, and why it cannot be set. */
static const struct kafka_ours common[] = {
    { "bootstrap.servers", "use `brokers`" },
    { "metadata.broker.list", "use `brokers`" },
    { "client.id", "it is made of the recipe's names" },
    { "plugin.library.paths", "weir loads no code that a recipe names" },
    { "enabled_events", "it listens to what it needs" },
    { "log.queue", "it listens to what it needs" },
    { "test.mock.num.brokers", "use `brokers`" },
    { NULL, NULL },
};

/* --- brokers ---------------------------------------------------------------------------------------------------- */

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool host_sound(slice host)
{
    bool six = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (host.len == 0 || host.len > HOST_MAX) return false;
    if (six) host = slice_of(host.at + 1, host.len - 2);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        bool name = isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
        if (six ? !isxdigit((unsigned char)c) && c != ':' && c != '.' : !name) return false;
    }
    return true;
}

static bool broker_sound(slice broker)
{
    const char *colon = broker.len ? memrchr(broker.at, ':', broker.len) : NULL;
    u64         port = 0;
    if (colon == NULL) return false;
    slice host = slice_of(broker.at, (size_t)(colon - broker.at));
    slice digits = slice_of(colon + 1, broker.len - host.len - 1);
    return host_sound(host) && slice_u64(digits, &port) && port > 0 && port < 65536;
}

/* All of them as librdkafka takes them. */
static void brokers_check(const struct option_names *brokers, char *list, size_t room, const struct option_ear *to)
{
    char   words[512];
    size_t len = 0;
    list[0] = 0;
    if (brokers->count == 0) to->fault(to->to, "brokers", NULL, "`brokers` names none: host:port, one at least");
    for (u32 i = 0; i < brokers->count; i++) {
        const char *broker = brokers->name[i];
        if (!broker_sound(slice_str(broker))) {
            snprintf(words, sizeof words, "`%s` is no broker: host:port, as kafka.example.org:9092 or "
                     "[2001:db8::1]:9092", broker);
            to->fault(to->to, "brokers", broker, words);
        }
        if (len < room) len += (size_t)snprintf(list + len, room - len, "%s%s", i ? "," : "", broker);
    }
    if (len >= room)
        to->fault(to->to, "brokers", NULL, "`brokers` is too long: a few are enough, each tells of all");
}

/* --- properties ------------------------------------------------------------------------------------------------- */

static const char *ours_find(const struct kafka_ours *ours, const char *property)
{
    for (; ours && ours->property; ours++)
        if (strcmp(ours->property, property) == 0) return ours->instead;
    return NULL;
}

struct known {
    u32   count;
    slice name[PROPERTIES_MAX];
};

static slice known_name(const void *of, u32 i)
{
    return ((const struct known *)of)->name[i];
}

/* Of the table that librdkafka prints: a line a property, its name before the first blank. */
static void read_known(struct known *k, slice table)
{
    k->count = 0;
    for (slice rest = table; rest.at != NULL && k->count < PROPERTIES_MAX;) {
        slice line = slice_cut(rest, '\n', &rest), more, name = slice_cut(line, ' ', &more);
        if (name.len > 1 && memchr(line.at, '|', line.len)) k->name[k->count++] = name;
    }
}

static void unknown(const char *property, char *words, size_t size)
{
    char        *table = NULL;
    size_t       len = 0;
    struct known known;
    FILE        *f = open_memstream(&table, &len);
    WEIR_ASSERT(f != NULL);
    rd_kafka_conf_properties_show(f);
    fclose(f);
    read_known(&known, slice_of(table, len));
    slice near = near_name(slice_str(property), known.count, known_name, &known);
    if (near.len)
        snprintf(words, size, "`%s` is no property of librdkafka: did you mean `%.*s`?", property, (int)near.len,
                 near.at);
    else snprintf(words, size, "`%s` is no property of librdkafka %s", property, rd_kafka_version_str());
    free(table);
}

/* What librdkafka says may end in line breaks. */
static void invalid(const char *property, char *why, char *words, size_t size)
{
    size_t len = strlen(why);
    while (len > 0 && (isspace((unsigned char)why[len - 1]) || iscntrl((unsigned char)why[len - 1]))) why[--len] = 0;
    snprintf(words, size, "property `%s`: %s", property, why);
}

/* What librdkafka says of a bad value it says well; a secret's value is not in it. */
static bool set_property(rd_kafka_conf_t *conf, const struct kafka_ours *ours, const char *key, const char *value,
                         char *words, size_t size)
{
    char        why[512] = "";
    const char *instead = ours_find(ours, key), *never = ours_find(common, key);
    if (instead || never) {
        snprintf(words, size, "`%s` is weir's own to set: %s%s", key, instead ? "use " : "", instead ? instead : never);
        return false;
    }
    switch (rd_kafka_conf_set(conf, key, value, why, sizeof why)) {
    case RD_KAFKA_CONF_OK: return true;
    case RD_KAFKA_CONF_UNKNOWN: unknown(key, words, size); return false;
    case RD_KAFKA_CONF_INVALID: invalid(key, why, words, size); return false;
    }
    return false;
}

/* Sets what is right and tells what is not. A value that could not be read has been told of. */
static void conf_set(const struct kafka_conf_spec *spec, rd_kafka_conf_t *conf, const struct option_ear *to)
{
    char                       brokers[BROKERS_LENGTH], words[768];
    const struct option_pairs *p = spec->properties;
    brokers_check(spec->brokers, brokers, sizeof brokers, to);
    kafka_conf_own(conf, "bootstrap.servers", brokers);
    if (spec->client) kafka_conf_own(conf, "client.id", spec->client);
    for (u32 i = 0; p && i < p->count; i++)
        if (p->value[i] != NULL && !set_property(conf, spec->ours, p->key[i], p->value[i], words, sizeof words))
            to->fault(to->to, "properties", p->key[i], words);
}

void kafka_conf_faults(const struct kafka_conf_spec *spec, const struct option_ear *to)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    conf_set(spec, conf, to);
    rd_kafka_conf_destroy(conf);
}

struct first_fault {
    char  *words;
    size_t size;
    bool   heard;
};

static void on_first(void *to, const char *option, const char *entry, const char *words)
{
    struct first_fault *f = to;
    (void)option, (void)entry;
    if (!f->heard) snprintf(f->words, f->size, "%s", words);
    f->heard = true;
}

rd_kafka_conf_t *kafka_conf_make(const struct kafka_conf_spec *spec, char *words, size_t size)
{
    rd_kafka_conf_t   *conf = rd_kafka_conf_new();
    struct first_fault fault = { words, size, false };
    conf_set(spec, conf, &(struct option_ear){ on_first, &fault });
    if (!fault.heard) return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

void kafka_conf_own(rd_kafka_conf_t *conf, const char *property, const char *value)
{
    char why[512];
    WEIR_ASSERT(rd_kafka_conf_set(conf, property, value, why, sizeof why) == RD_KAFKA_CONF_OK);
}

/* 2.1.1 (duplicates after offset validation), 2.3.0 (false fatal sequence errors), 2.4.0 (duplicates of a stale fetch)
 * and 2.5.0 to 2.5.3 (a batch made otherwise on retry), as its CHANGELOG tells. */
const char *kafka_library_warning(void)
{
    if (rd_kafka_version() >= LIBRARY_SOUND) return NULL;
    return "this librdkafka is older than 2.5.3: a consumer of it can give a message twice (weir's source drops that), "
           "a producer can fail for good without cause or send a batch twice after an outage";
}
