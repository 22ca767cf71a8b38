/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_kafka.c: what the brokers may answer, by librdkafka's mock cluster; real ones are in test/kafka.
 *
 * The mock forgets what a transaction says of a group's offsets, so the faults come in the first epoch, where no mark
 * is what the sink expects to find. */
#include "sink/kafka_guard.h"
#include "sink/kafka_plan.h"
#include "sink_fixture.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/wait.h>
#include <time.h>

enum { PRODUCE = 0, INIT_PRODUCER_ID = 22, ADD_PARTITIONS = 24, END_TXN = 26, TXN_OFFSET_COMMIT = 28 };

struct mock {
    struct fixture          *f;
    rd_kafka_t              *host;
    rd_kafka_mock_cluster_t *cluster;
    const char              *broker[1];
    char                     address[64];
    struct kafka_options     options;
    struct sink             *s;
    bool                     fatal;
};

static void no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
}

static int mock_setup(void **state)
{
    if (fixture_setup(state) != 0) return -1;
    struct mock     *m = calloc(1, sizeof *m);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char             why[256];
    m->f = *state;
    rd_kafka_conf_set_log_cb(conf, no_log);
    m->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    m->cluster = rd_kafka_mock_cluster_new(m->host, 1);
    if (m->cluster == NULL || rd_kafka_mock_topic_create(m->cluster, "t", 2, 1) != 0) return -1;
    snprintf(m->address, sizeof m->address, "%s", rd_kafka_mock_cluster_bootstraps(m->cluster));
    m->broker[0] = m->address;
    m->options = (struct kafka_options){ .topic = "t", .separator = "|", .timeout = 5 * NANOS_SECOND,
                                         .wait = 5 * NANOS_SECOND, .watchdog = 60 * NANOS_SECOND };
    m->options.brokers = (struct option_names){ 1, m->broker };
    m->f->setup.options = &m->options;
    *state = m;
    return 0;
}

static int mock_teardown(void **state)
{
    struct mock *m = *state;
    void        *f = m->f;
    if (m->s != NULL) sink_kafka.close(m->s);
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->host);
    free(m);
    return fixture_teardown(&f);
}

static void open_sink(struct mock *m)
{
    must(sink_kafka.open(&m->s, &m->f->setup, m->f->why, sizeof m->f->why), m->f->why);
}

static err try_epoch(struct mock *m, u64 number, u32 count)
{
    struct row_writer w;
    row_writer_init(&w);
    for (u32 i = 0; i < count; i++) put_raw(&w, 60, "10.0.0.0/8", i, 1, 0.5, 0);
    slice rows = row_writer_take(&w);
    err   e = sink_kafka.apply(m->s, number, rows, m->f->why, sizeof m->f->why, &m->fatal);
    free((char *)(uintptr_t)rows.at);
    row_writer_fini(&w);
    return e;
}

/* As the engine does: again after a while, until it works. How often it did not; fails after `tries`. */
static u32 until_applied(struct mock *m, u64 number, u32 tries)
{
    for (u32 i = 0; i < tries; i++) {
        if (!err_is(try_epoch(m, number, 100))) return i;
        if (m->fatal) fail_msg("fatal: %s", m->f->why);
        nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
    }
    fail_msg("not applied: %s", m->f->why);
    return tries;
}

static void kafka_applies_epochs_and_passes_over_those_it_has(void **state)
{
    struct mock *m = *state;
    u64          epoch = 9;
    open_sink(m);
    must(sink_kafka.epoch(m->s, &epoch), "epoch");
    assert_int_equal(epoch, 0);
    must(try_epoch(m, 1, 100), m->f->why);
    must(try_epoch(m, 2, 0), m->f->why);
    must(sink_kafka.epoch(m->s, &epoch), "epoch");
    assert_int_equal(epoch, 2);
    must(try_epoch(m, 2, 100), m->f->why);
    must(try_epoch(m, 3, 5), m->f->why);
}

static void kafka_rides_out_what_brokers_say_of_themselves(void **state)
{
    struct mock *m = *state;
    open_sink(m);
    rd_kafka_mock_push_request_errors(m->cluster, PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    rd_kafka_mock_push_request_errors(m->cluster, TXN_OFFSET_COMMIT, 2, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    rd_kafka_mock_push_request_errors(m->cluster, END_TXN, 2, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(until_applied(m, 1, 1), 0);
}

static void kafka_applies_an_aborted_epoch_again(void **state)
{
    struct mock *m = *state;
    open_sink(m);
    rd_kafka_mock_push_request_errors(m->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_true(until_applied(m, 1, 5) >= 1);
    must(try_epoch(m, 2, 10), m->f->why);
}

static void kafka_replaces_a_producer_that_librdkafka_gave_up(void **state)
{
    struct mock *m = *state;
    open_sink(m);
    rd_kafka_mock_push_request_errors(m->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    until_applied(m, 1, 5);
    must(try_epoch(m, 2, 10), m->f->why);
}

/* A broker that ended the transaction itself says the same as one that knows a newer producer: the mark tells. */
static void kafka_looks_who_fenced_it_and_goes_on_if_it_was_nobody(void **state)
{
    struct mock *m = *state;
    open_sink(m);
    rd_kafka_mock_push_request_errors(m->cluster, END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_true(err_is(try_epoch(m, 1, 10)));
    assert_false(m->fatal);
    assert_true(err_is(try_epoch(m, 1, 10)));
    says(m->f->why, "looking which");
    until_applied(m, 1, 20);
}

static void kafka_says_that_a_topic_is_missing(void **state)
{
    struct mock *m = *state;
    rd_kafka_mock_topic_set_error(m->cluster, "t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    err e = sink_kafka.open(&m->s, &m->f->setup, m->f->why, sizeof m->f->why);
    assert_int_equal(e.code, ERR_CONFIG);
    says(m->f->why, "topic t does not exist: create it, or set `create: true`");
}

static void kafka_waits_at_open_and_then_names_the_broker(void **state)
{
    struct mock *m = *state;
    m->broker[0] = "127.0.0.1:1";
    m->options.wait = NANOS_SECOND;
    err e = sink_kafka.open(&m->s, &m->f->setup, m->f->why, sizeof m->f->why);
    assert_int_equal(e.code, ERR_OS);
    says(m->f->why, "kafka 127.0.0.1:1: init_transactions: ");
}

static void kafka_streams_ahead_at_least_once(void **state)
{
    struct mock *m = *state;
    m->options.delivery = 1;
    assert_int_equal(sink_kafka.ahead(&m->options, 10 * NANOS_SECOND), AHEAD_SETTLES);
    open_sink(m);
    struct row_writer w;
    row_writer_init(&w);
    put_raw(&w, 60, "10.0.0.0/8", 6, 1, 0.5, 0);
    slice rows = row_writer_take(&w);
    must(sink_kafka.stream(m->s, rows, m->f->why, sizeof m->f->why, &m->fatal), m->f->why);
    must(sink_kafka.settle(m->s, m->f->why, sizeof m->f->why, &m->fatal), m->f->why);
    must(try_epoch(m, 1, 10), m->f->why);
    free((char *)(uintptr_t)rows.at);
    row_writer_fini(&w);
}

static void kafka_at_least_once_ends_where_a_streamed_row_was_refused(void **state)
{
    struct mock *m = *state;
    m->options.delivery = 1;
    open_sink(m);
    rd_kafka_mock_push_request_errors(m->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_true(err_is(try_epoch(m, 1, 10)));
    assert_true(m->fatal);
    says(m->f->why, "messages were not taken: topic t: ");
}

static void kafka_guard_ends_a_process_whose_call_hangs(void **state)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct kafka_guard *g = kafka_guard_open(50, NULL);
        fclose(stderr);
        kafka_guard_begin(g, "first");
        kafka_guard_end(g);
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL); /* between calls any time may pass */
        kafka_guard_begin(g, "second");
        nanosleep(&(struct timespec){ .tv_sec = 10 }, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 75);
}

#define MOCK(f) cmocka_unit_test_setup_teardown(f, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafka_guard_ends_a_process_whose_call_hangs),
        MOCK(kafka_applies_epochs_and_passes_over_those_it_has),
        MOCK(kafka_rides_out_what_brokers_say_of_themselves),
        MOCK(kafka_applies_an_aborted_epoch_again),
        MOCK(kafka_replaces_a_producer_that_librdkafka_gave_up),
        MOCK(kafka_looks_who_fenced_it_and_goes_on_if_it_was_nobody),
        MOCK(kafka_says_that_a_topic_is_missing),
        MOCK(kafka_waits_at_open_and_then_names_the_broker),
        MOCK(kafka_streams_ahead_at_least_once),
        MOCK(kafka_at_least_once_ends_where_a_streamed_row_was_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
