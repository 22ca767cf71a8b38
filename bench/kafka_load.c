/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_load.c: the bench's own ends of a topic, which bench/kafka.py builds and runs.
 *
 *   kafka_load make FILE COUNT                        events as Suricata's eve.json has them, some 300 bytes each
 *   kafka_load send BROKERS TOPIC FILE [NAME=VALUE..] each line of a file is a message, as fast as it goes
 *   kafka_load pace BROKERS TOPIC RATE SECONDS [..]   such events with the time they are sent at, so many a second
 *   kafka_load watch BROKERS TOPIC SECONDS [..]       reads all there is and comes: how old is each message?
 *
 * NAME=VALUE are librdkafka's properties. What was done goes to stdout as one JSON object. `watch` says "ready" on
 * stderr when it reads, passes over the first SKIP_S seconds (connections, first fetches), and ends SECONDS after the
 * first message. Times are CLOCK_REALTIME in ns: both ends are on one machine. */
#include <librdkafka/rdkafka.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EVENT_ROOM 512
#define SKIP_S     3
#define STEP_US    10       /* of the histogram */
#define STEPS      1000000  /* 10 s; what is older is in the last one */
#define BATCH      2000

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "kafka_load: %s: %s\n", what, why);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- events --- */

/* splitmix64: the same events from the same number. */
static uint64_t mixed(uint64_t n)
{
    n += 0x9e3779b97f4a7c15u;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9u;
    n = (n ^ n >> 27) * 0x94d049bb133111ebu;
    return n ^ n >> 31;
}

/* The end of a flow at `ns`, and when it was sent (0: not told). Targets are 2,000 of five ports. */
static size_t event_put(char *to, uint64_t n, uint64_t ns, uint64_t sent)
{
    static const unsigned ports[] = { 443, 80, 53, 8080, 22 };
    uint64_t  r = mixed(n), q = mixed(r);
    time_t    second = (time_t)(ns / 1000000000u);
    struct tm t;
    char      extra[40] = "";
    gmtime_r(&second, &t);
    if (sent > 0) snprintf(extra, sizeof extra, "\"sent\":%llu,", (unsigned long long)sent);
    int len = snprintf(to, EVENT_ROOM,
        "{\"timestamp\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06llu+0000\",%s\"flow_id\":%llu,\"event_type\":\"flow\","
        "\"src_ip\":\"10.%u.%u.%u\",\"src_port\":%u,\"dest_ip\":\"192.168.%u.%u\",\"dest_port\":%u,\"proto\":\"TCP\","
        "\"flow\":{\"pkts_toserver\":%u,\"pkts_toclient\":%u,\"bytes_toserver\":%u,\"bytes_toclient\":%u,\"age\":%u,"
        "\"state\":\"closed\"}}\n",
        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
        (unsigned long long)(ns / 1000 % 1000000),
        extra, (unsigned long long)(r >> 13), (unsigned)(r & 31), (unsigned)(r >> 5 & 255), (unsigned)(r >> 13 & 255),
        1024 + (unsigned)(r >> 21 & 32767), (unsigned)(q % 2000 / 250), (unsigned)(q % 250), ports[q / 2000 % 5],
        (unsigned)(q >> 20 & 63) + 1, (unsigned)(q >> 26 & 63) + 1, (unsigned)(q >> 32 & 65535) + 60,
        (unsigned)(q >> 48) + 60,
        (unsigned)(r >> 40 & 127));
    return (size_t)len;
}

/* Ten minutes of events, evenly. */
static void make(const char *path, uint64_t count)
{
    const uint64_t begin = 1767312000000000000u, step = 600000000000u / (count + 1);
    FILE          *f = fopen(path, "w");
    uint64_t       bytes = 0;
    char           text[EVENT_ROOM];
    if (f == NULL) fail(path, "cannot be written");
    for (uint64_t i = 0; i < count; i++) {
        size_t n = event_put(text, i, begin + i * step, 0);
        bytes += n;
        if (fwrite(text, 1, n, f) != n) fail(path, "cannot be written");
    }
    if (fclose(f) != 0) fail(path, "cannot be written");
    printf("{\"messages\": %llu, \"bytes\": %llu}\n", (unsigned long long)count, (unsigned long long)bytes);
}

/* --- clients --- */

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *const *given, char **property)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char             why[512] = "";
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    for (; *given; given += 2)
        if (rd_kafka_conf_set(conf, given[0], given[1], why, sizeof why)) fail(given[0], why);
    for (; *property; property++) {
        char *value = strchr(*property, '=');
        if (value == NULL) fail(*property, "no `=`");
        *value++ = '\0';
        if (rd_kafka_conf_set(conf, *property, value, why, sizeof why)) fail(*property, why);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk == NULL) fail("librdkafka", why);
    return rk;
}

static rd_kafka_t *producer(const char *brokers, char **property)
{
    static const char *const given[] = { "enable.idempotence", "true", "delivery.report.only.error", "true", NULL };
    return client(RD_KAFKA_PRODUCER, brokers, given, property);
}

static void put(rd_kafka_t *rk, rd_kafka_topic_t *to, const char *text, size_t len, int flags)
{
    while (rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, flags, (void *)(uintptr_t)text, len, NULL, 0, NULL)) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(code));
        rd_kafka_poll(rk, 5);
    }
}

static void finish(rd_kafka_t *rk, rd_kafka_topic_t *to)
{
    if (rd_kafka_flush(rk, 120000)) fail("flush", "not done after two minutes");
    rd_kafka_topic_destroy(to);
    rd_kafka_destroy(rk);
}

static void told(uint64_t count, uint64_t bytes, uint64_t begin)
{
    double s = (double)(now_ns() - begin) / 1e9;
    printf("{\"messages\": %llu, \"bytes\": %llu, \"seconds\": %.4f, \"per_s\": %.0f, \"cpu_s\": %.3f}\n",
           (unsigned long long)count, (unsigned long long)bytes, s, (double)count / s, cpu_s());
}

/* Messages point into the mapped file: nothing is copied. */
static void send_file(const char *brokers, const char *topic, const char *path, char **property)
{
    int         fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) || st.st_size == 0) fail(path, "cannot be read");
    const char *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    const char *end = at + st.st_size;
    if (at == MAP_FAILED) fail(path, "cannot be mapped");
    rd_kafka_t       *rk = producer(brokers, property);
    rd_kafka_topic_t *to = rd_kafka_topic_new(rk, topic, NULL);
    uint64_t          begin = now_ns(), count = 0;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        put(rk, to, at, (size_t)(stop - at), 0);
        if (++count % 1000 == 0) rd_kafka_poll(rk, 0);
        at = stop + 1;
    }
    finish(rk, to);
    told(count, (uint64_t)st.st_size - count, begin);
}

/* Every millisecond what is due; one that falls behind sends at once, and the time sent tells the truth. */
static void pace(const char *brokers, const char *topic, uint64_t rate, uint64_t seconds, char **property)
{
    rd_kafka_t       *rk = producer(brokers, property);
    rd_kafka_topic_t *to = rd_kafka_topic_new(rk, topic, NULL);
    uint64_t          begin = now_ns(), count = 0, bytes = 0, all = rate * seconds;
    char              text[EVENT_ROOM];
    while (count < all) {
        uint64_t now = now_ns(), due = (now - begin) / 1000 * rate / 1000000;
        for (; count < due && count < all; count++) {
            uint64_t sent = now_ns();
            size_t   n = event_put(text, count, sent, sent) - 1;
            bytes += n;
            put(rk, to, text, n, RD_KAFKA_MSG_F_COPY);
        }
        rd_kafka_poll(rk, 0);
        usleep(1000);
    }
    finish(rk, to);
    told(count, bytes, begin);
}

/* --- how old is what arrives --- */

static rd_kafka_t *reader(const char *brokers, const char *topic, char **property)
{
    static const char *const given[] = { "group.id", "bench", "enable.auto.commit", "false", "fetch.wait.max.ms", "10",
                                         NULL };
    rd_kafka_t              *rk = client(RD_KAFKA_CONSUMER, brokers, given, property);
    const struct rd_kafka_metadata  *seen;
    rd_kafka_topic_t                *t = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    rd_kafka_resp_err_t              code = rd_kafka_metadata(rk, 0, t, &seen, 10000);
    if (code || seen->topic_cnt != 1) fail("metadata", rd_kafka_err2str(code));
    for (int p = 0; p < seen->topics[0].partition_cnt; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(seen);
    rd_kafka_topic_destroy(t);
    return rk;
}

struct ages {
    uint64_t *step, count, skipped, first, most; /* first: when the first message came */
};

static void age_add(struct ages *a, const rd_kafka_message_t *m, uint64_t now)
{
    static const char mark[] = "\"sent\":";
    if (m->err) return;
    const char *at = memmem(m->payload, m->len, mark, sizeof mark - 1);
    if (at == NULL) fail("watch", "a message without `sent`");
    uint64_t sent = strtoull(at + sizeof mark - 1, NULL, 10), age = now > sent ? now - sent : 0;
    if (a->first == 0) a->first = now;
    if (now - a->first < SKIP_S * 1000000000ull) {
        a->skipped++;
        return;
    }
    uint64_t i = age / 1000 / STEP_US;
    a->step[i < STEPS ? i : STEPS - 1]++;
    a->count++;
    if (age > a->most) a->most = age;
}

static double age_ms(const struct ages *a, double part)
{
    uint64_t sum = 0, want = (uint64_t)((double)a->count * part);
    size_t   i = 0;
    while (i < STEPS - 1 && (sum += a->step[i]) < want) i++;
    return (double)(i + 1) * STEP_US / 1000;
}

static void watch(const char *brokers, const char *topic, uint64_t seconds, char **property)
{
    rd_kafka_t         *rk = reader(brokers, topic, property);
    rd_kafka_queue_t   *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_message_t *batch[BATCH];
    struct ages         a = { .step = calloc(STEPS, sizeof *a.step) };
    uint64_t            limit = now_ns() + (seconds + 60) * 1000000000u;
    if (a.step == NULL) fail("watch", "no memory");
    fprintf(stderr, "ready\n");
    while (now_ns() < (a.first ? a.first + seconds * 1000000000u : limit)) {
        ssize_t  n = rd_kafka_consume_batch_queue(queue, 1, batch, BATCH);
        uint64_t now = now_ns();
        for (ssize_t i = 0; i < n; i++) {
            age_add(&a, batch[i], now);
            rd_kafka_message_destroy(batch[i]);
        }
    }
    printf("{\"messages\": %llu, \"skipped\": %llu, \"p50_ms\": %.2f, \"p90_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"p999_ms\": %.2f, \"max_ms\": %.2f, \"cpu_s\": %.3f}\n", (unsigned long long)a.count,
           (unsigned long long)a.skipped, age_ms(&a, 0.5), age_ms(&a, 0.9), age_ms(&a, 0.99), age_ms(&a, 0.999),
           (double)a.most / 1e6, cpu_s());
    free(a.step);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (argc == 4 && strcmp(what, "make") == 0) make(argv[2], strtoull(argv[3], NULL, 10));
    else if (argc >= 5 && strcmp(what, "send") == 0) send_file(argv[2], argv[3], argv[4], argv + 5);
    else if (argc >= 6 && strcmp(what, "pace") == 0)
        pace(argv[2], argv[3], strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10), argv + 6);
    else if (argc >= 5 && strcmp(what, "watch") == 0) watch(argv[2], argv[3], strtoull(argv[4], NULL, 10), argv + 5);
    else fail("usage", "make, send, pace or watch: see the beginning of bench/kafka_load.c");
    return 0;
}
