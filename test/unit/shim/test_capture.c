/* SPDX-License-Identifier: Apache-2.0 */
/* test_capture.c: filters on frames of files; and, where a pair of virtual interfaces can be made (root, Linux's veth),
 * frames that the test sends through it. */
#include "../unit.h"
#include "shim/capture.h"
#include "shim/privileges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS      512u
#define ETHER_OWN  0x88b5u /* for experiments within a site (IEEE 802): nobody else's on this link */
#define FRAME_SIZE 100u

/* --- filters ---------------------------------------------------------------------------------------------------- */

/* IPv4, TCP from 10.0.0.1:1234 to 10.0.0.2:80, no payload. */
#define IP_TCP                                                                                                     \
    0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0,   \
        0x50, 2, 0xff, 0xff, 0, 0, 0, 0
#define MACS 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1

static const u8 on_ethernet[] = { MACS, 8, 0, IP_TCP };
static const u8 on_vlan[] = { MACS, 0x81, 0, 0, 42, 8, 0, IP_TCP };
static const u8 on_raw[] = { IP_TCP };
static const u8 on_sll[] = { 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, IP_TCP };

static bool takes(const char *text, u32 link, const u8 *at, u32 captured, u32 length)
{
    char                   words[WORDS];
    err                    e;
    struct capture_filter *f = capture_filter_open(text, link, 0, words, sizeof words, &e);
    if (f == NULL) fail_msg("%s: %s", text, words);
    assert_false(err_is(e));
    u8 *own = malloc(captured + !captured); /* of its own size: a read past it is seen */
    memcpy(own, at, captured);
    struct frame frame = { .length = length, .captured = captured, .link = link, .at = own };
    bool         yes = capture_filter_takes(f, &frame);
    free(own);
    capture_filter_close(f);
    return yes;
}

TEST(capture_filter_takes_what_the_language_says_on_every_link_type)
{
    static const struct { const char *text; u32 link; const u8 *at; u32 size; bool yes; } rows[] = {
        { "", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, true },
        { "tcp port 80", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, true },
        { "tcp port 81", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, false },
        { "udp", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, false },
        { "src host 10.0.0.1", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, true },
        { "dst net 10.0.0.0/30 and tcp[13] & 2 != 0", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, true },
        { "tcp port 80", LINK_ETHERNET, on_vlan, sizeof on_vlan, false },
        { "vlan 42 and tcp port 80", LINK_ETHERNET, on_vlan, sizeof on_vlan, true },
        { "vlan 43", LINK_ETHERNET, on_vlan, sizeof on_vlan, false },
        { "tcp port 80", LINK_RAW, on_raw, sizeof on_raw, true },
        { "tcp port 81", LINK_RAW, on_raw, sizeof on_raw, false },
        { "tcp port 80", LINK_IPV4, on_raw, sizeof on_raw, true },
        { "tcp port 80", LINK_LINUX_SLL, on_sll, sizeof on_sll, true },
        { "udp port 80", LINK_LINUX_SLL, on_sll, sizeof on_sll, false },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++)
        if (takes(rows[i].text, rows[i].link, rows[i].at, rows[i].size, rows[i].size) != rows[i].yes)
            fail_msg("row %u: %s", i, rows[i].text);
}

TEST(capture_filter_reads_no_further_than_the_frame_was_captured)
{
    for (u32 captured = 0; captured < sizeof on_ethernet; captured++) {
        bool yes = takes("tcp port 80", LINK_ETHERNET, on_ethernet, captured, sizeof on_ethernet);
        assert_int_equal(yes, captured >= 14 + 20 + 4); /* the ports are there */
    }
}

TEST(capture_filter_measures_frames_as_they_were_on_the_wire)
{
    assert_true(takes("greater 1500", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, 1500));
    assert_false(takes("greater 1500", LINK_ETHERNET, on_ethernet, sizeof on_ethernet, 1499));
}

TEST(capture_filter_says_why_a_text_does_not_compile)
{
    static const struct { const char *text; u32 link; } rows[] = {
        { "tcp prot 80", LINK_ETHERNET }, { "port 99999", LINK_ETHERNET }, { "(tcp", LINK_ETHERNET },
        { "vlan 1", LINK_RAW }, { "ether host 02:00:00:00:00:01", LINK_RAW },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        char words[WORDS] = "";
        err  e = OK;
        if (capture_filter_open(rows[i].text, rows[i].link, 0, words, sizeof words, &e) != NULL) fail_msg("row %u", i);
        assert_int_equal(e.code, ERR_CONFIG);
        assert_string_equal(e.what, "the filter does not compile");
        assert_true(words[0] != 0);
    }
}

/* --- what cannot be opened -------------------------------------------------------------------------------------- */

TEST(capture_refuses_a_setup_out_of_range)
{
    static const struct { struct capture_setup setup; const char *words; } rows[] = {
        { { .interface = NULL }, "no interface is named" },
        { { .interface = "" }, "no interface is named" },
        { { .interface = "lo", .snap_length = 262145 }, "a snap length over 262144 bytes" },
        { { .interface = "lo", .ring = 1ull << 31 }, "a ring over 2 GiB" },
        { { .interface = "lo", .fanout = 65537 }, "a fanout group over 65535" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct capture *c;
        char            words[WORDS];
        err             e = capture_open(&c, &rows[i].setup, words, sizeof words);
        assert_int_equal(e.code, ERR_CONFIG);
        assert_string_equal(words, rows[i].words);
        assert_null(c);
    }
}

/* --- a pair of interfaces --------------------------------------------------------------------------------------- */

struct pair {
    char near[IFNAMSIZ], far[IFNAMSIZ]; /* captured at, sent from */
    int  sender;
};

static bool run(const char *format, const char *a, const char *b)
{
    char line[256];
    snprintf(line, sizeof line, format, a, b);
    return system(line) == 0;
}

static void pair_close(struct pair *p)
{
    if (p->sender >= 0) close(p->sender);
    run("ip link del %s 2>/dev/null", p->near, "");
}

/* False: cannot be made here. */
static bool pair_open(struct pair *p)
{
    p->sender = -1;
    snprintf(p->near, sizeof p->near, "wt%dn", (int)getpid());
    snprintf(p->far, sizeof p->far, "wt%df", (int)getpid());
    if (geteuid() != 0 || !run("ip link add %s type veth peer name %s 2>/dev/null", p->near, p->far)) return false;
    p->sender = socket(AF_PACKET, SOCK_RAW, 0);
    if (p->sender >= 0 && run("ip link set %s up && ip link set %s up", p->near, p->far)) return true;
    pair_close(p);
    return false;
}

/* One frame of experiments with its number. */
static void pair_send(const struct pair *p, u32 number, u32 size)
{
    u8                 frame[1514] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, ETHER_OWN >> 8, ETHER_OWN & 0xff };
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(p->far), .sll_halen = 6 };
    memcpy(frame + 14, &number, sizeof number);
    for (u32 tries = 0; tries < 1000; tries++) {
        if (sendto(p->sender, frame, size, 0, (void *)&to, sizeof to) == (ssize_t)size) return;
        if (errno != ENOBUFS) break;
        usleep(1000);
    }
    fail_msg("send: %s", strerror(errno));
}

/* What arrived. */
struct basket {
    u32   count, link, captured, length, out_of_order;
    nanos first, last;
};

static void into_basket(void *arg, const struct frame *f)
{
    struct basket *b = arg;
    u32            number;
    assert_true(f->captured >= 18);
    memcpy(&number, f->at + 14, sizeof number);
    b->out_of_order += b->count > 0 && f->time < b->last;
    if (b->count++ == 0) b->first = f->time;
    b->last = f->time;
    b->link = f->link;
    b->captured = f->captured;
    b->length = f->length;
}

/* Until nothing more comes; false: the interface is gone. */
static bool take_all(struct capture *c, struct basket *b)
{
    struct pollfd at = { .fd = capture_fd(c), .events = POLLIN };
    for (u32 quiet = 0; quiet < 4;) {
        poll(&at, 1, 2 * CAPTURE_DELAY_MS);
        int n = capture_take(c, 64, into_basket, b);
        if (n < 0) return false;
        quiet = n == 0 ? quiet + 1 : 0;
    }
    return true;
}

static struct capture *open_near(const struct pair *p, struct capture_setup setup)
{
    char            words[WORDS], text[256];
    struct capture *c;
    setup.interface = p->near;
    if (setup.filter == NULL) setup.filter = "ether proto 0x88b5";
    err e = capture_open(&c, &setup, words, sizeof words);
    if (err_is(e)) fail_msg("%s: %s", err_text(e, text, sizeof text), words);
    return c;
}

static nanos wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (nanos)t.tv_sec * NANOS_SECOND + t.tv_nsec;
}

TEST(capture_gives_every_frame_that_was_sent_with_its_time)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture *c = open_near(&p, (struct capture_setup){ .promiscuous = true, .snap_length = 60 });
    struct basket   b = { 0 };
    nanos           begun = wall();
    for (u32 i = 0; i < 3000; i++) pair_send(&p, i, FRAME_SIZE);
    assert_true(take_all(c, &b));
    struct capture_stats stats;
    assert_false(err_is(capture_stats(c, &stats)));
    assert_int_equal(b.count, 3000);
    assert_int_equal(b.link, LINK_ETHERNET);
    assert_int_equal(capture_link(c), LINK_ETHERNET);
    assert_int_equal(b.captured, 60);
    assert_int_equal(b.length, FRAME_SIZE);
    assert_int_equal(b.out_of_order, 0);
    assert_true(b.first >= begun - NANOS_SECOND && b.last <= wall() && b.last > b.first);
    assert_int_equal(stats.received, 3000);
    assert_int_equal(stats.dropped_kernel, 0);
    capture_close(c);
    pair_close(&p);
}

TEST(capture_declares_what_found_no_room_in_the_ring)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture *c = open_near(&p, (struct capture_setup){ .promiscuous = true, .ring = 600000 });
    struct basket   b = { 0 };
    for (u32 i = 0; i < 4000; i++) pair_send(&p, i, 1514);
    assert_true(take_all(c, &b));
    struct capture_stats stats;
    assert_false(err_is(capture_stats(c, &stats)));
    assert_true(stats.dropped_kernel > 0);
    assert_int_equal(stats.received, 4000);
    assert_int_equal(b.count + stats.dropped_kernel, 4000);
    pair_send(&p, 0, 1514); /* counters go on, each frame is counted once */
    assert_true(take_all(c, &b));
    assert_false(err_is(capture_stats(c, &stats)));
    assert_int_equal(b.count + stats.dropped_kernel, 4001);
    capture_close(c);
    pair_close(&p);
}

TEST(capture_listens_to_others_frames_only_when_asked)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    for (u32 promiscuous = 0; promiscuous < 2; promiscuous++) {
        struct capture *c = open_near(&p, (struct capture_setup){ .promiscuous = promiscuous });
        /* what a driver lets through is its own business; the kernel's count of who asked it to is ours */
        char line[256];
        snprintf(line, sizeof line, "ip -d link show %s | grep -q 'promiscuity %u'", p.near, promiscuous);
        assert_int_equal(system(line), 0);
        capture_close(c);
    }
    pair_close(&p);
}

TEST(capture_gives_only_what_its_filter_takes)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture *c = open_near(&p, (struct capture_setup){ .filter = "ether proto 0x88b5 and ether[14] = 7" });
    struct basket   b = { 0 };
    for (u32 i = 0; i < 2560; i++) pair_send(&p, i, FRAME_SIZE);
    assert_true(take_all(c, &b));
    assert_int_equal(b.count, 10);
    capture_close(c);
    pair_close(&p);
}

TEST(capture_refuses_a_filter_that_does_not_compile_on_the_interface)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture_setup setup = { .interface = p.near, .filter = "tcp prot 80" };
    struct capture      *c;
    char                 words[WORDS];
    err                  e = capture_open(&c, &setup, words, sizeof words);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_string_equal(e.what, "the filter does not compile");
    assert_true(words[0] != 0);
    assert_null(c);
    pair_close(&p);
}

TEST(capture_shares_a_link_among_the_members_of_a_group)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture_setup setup = { .promiscuous = true, .fanout = 1 + (u32)getpid() % 65536 };
    struct capture      *a = open_near(&p, setup), *b = open_near(&p, setup);
    struct basket        of_a = { 0 }, of_b = { 0 };
    for (u32 i = 0; i < 1000; i++) pair_send(&p, i, FRAME_SIZE);
    assert_true(take_all(a, &of_a));
    assert_true(take_all(b, &of_b));
    assert_int_equal(of_a.count + of_b.count, 1000);
    capture_close(a);
    capture_close(b);
    pair_close(&p);
}

TEST(capture_says_that_an_interface_does_not_exist)
{
    struct capture *c;
    char            words[WORDS];
    int             may = socket(AF_PACKET, SOCK_RAW, 0);
    if (may < 0) skip();
    close(may);
    err e = capture_open(&c, &(struct capture_setup){ .interface = "wt-none" }, words, sizeof words);
    assert_int_equal(e.code, ERR_OS);
    assert_int_equal(e.at, ENODEV);
    assert_string_equal(e.what, "no such interface");
    assert_null(c);
}

TEST(capture_says_that_an_interface_is_not_up)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    run("ip link set %s down", p.near, "");
    struct capture *c;
    char            words[WORDS];
    err             e = capture_open(&c, &(struct capture_setup){ .interface = p.near }, words, sizeof words);
    assert_int_equal(e.code, ERR_OS);
    assert_int_equal(e.at, ENETDOWN);
    assert_string_equal(e.what, "the interface is not up");
    pair_close(&p);
}

/* Frames of the experiments' type, none of which may be lost on the way down. */
TEST(capture_waits_for_an_interface_that_went_down_to_come_up_again)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture *c = open_near(&p, (struct capture_setup){ .promiscuous = true });
    struct basket   b = { 0 };
    pair_send(&p, 0, FRAME_SIZE);
    run("ip link set %s down", p.near, "");
    for (u32 i = 0; i < 3; i++) assert_true(take_all(c, &b));
    struct pollfd at = { .fd = capture_fd(c), .events = POLLIN };
    assert_int_equal(poll(&at, 1, 0), 0); /* else who waits would turn and turn */
    run("ip link set %s up", p.near, "");
    for (u32 i = 0; i < 50 && b.count == 1; i++) { /* the kernel takes its time until frames pass again */
        pair_send(&p, i, FRAME_SIZE);
        assert_true(take_all(c, &b));
    }
    assert_int_equal(b.count, 2);
    for (u32 i = 0; i < 100; i++) pair_send(&p, i, FRAME_SIZE);
    assert_true(take_all(c, &b));
    assert_int_equal(b.count, 102);
    capture_close(c);
    pair_close(&p);
}

TEST(capture_ends_when_its_interface_is_gone)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture *c = open_near(&p, (struct capture_setup){ 0 });
    struct basket   b = { 0 };
    assert_true(take_all(c, &b));
    run("ip link del %s", p.near, "");
    bool there = true;
    for (u32 i = 0; i < 50 && there; i++) there = take_all(c, &b);
    assert_false(there);
    capture_close(c);
    pair_close(&p);
}

/* In a process of its own: what is given up is gone. 0: as it should be, else the number of the step that was not. */
static int without_capabilities(const struct pair *p, struct capture *c)
{
    struct basket   b = { 0 };
    struct capture *other;
    char            words[WORDS];
    if (err_is(privileges_drop())) return 1;
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM) return 2;
    err e = capture_open(&other, &(struct capture_setup){ .interface = p->near }, words, sizeof words);
    if (e.code != ERR_OS || e.at != EPERM || strcmp(e.what, "capturing needs CAP_NET_RAW") != 0) return 3;
    for (u32 i = 0; i < 100; i++) pair_send(p, i, FRAME_SIZE);
    if (!take_all(c, &b) || b.count != 100) return 4;
    FILE *f = fopen("/etc/shadow", "r"); /* root's files stay readable */
    if (f == NULL && errno != ENOENT) return 5;
    if (f) fclose(f);
    if (system("ip link set lo mtu 65536 2>/dev/null") == 0) return 6; /* nor does a program that is started get it */
    return err_is(privileges_drop()) ? 7 : 0;
}

TEST(capture_goes_on_without_capabilities_and_nothing_else_can_capture)
{
    struct pair p;
    if (!pair_open(&p)) skip();
    struct capture *c = open_near(&p, (struct capture_setup){ .promiscuous = true });
    pid_t           child = fork();
    if (child == 0) _exit(without_capabilities(&p, c));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    capture_close(c);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capture_filter_takes_what_the_language_says_on_every_link_type),
        cmocka_unit_test(capture_filter_reads_no_further_than_the_frame_was_captured),
        cmocka_unit_test(capture_filter_measures_frames_as_they_were_on_the_wire),
        cmocka_unit_test(capture_filter_says_why_a_text_does_not_compile),
        cmocka_unit_test(capture_refuses_a_setup_out_of_range),
        cmocka_unit_test(capture_gives_every_frame_that_was_sent_with_its_time),
        cmocka_unit_test(capture_declares_what_found_no_room_in_the_ring),
        cmocka_unit_test(capture_listens_to_others_frames_only_when_asked),
        cmocka_unit_test(capture_gives_only_what_its_filter_takes),
        cmocka_unit_test(capture_refuses_a_filter_that_does_not_compile_on_the_interface),
        cmocka_unit_test(capture_shares_a_link_among_the_members_of_a_group),
        cmocka_unit_test(capture_says_that_an_interface_does_not_exist),
        cmocka_unit_test(capture_says_that_an_interface_is_not_up),
        cmocka_unit_test(capture_waits_for_an_interface_that_went_down_to_come_up_again),
        cmocka_unit_test(capture_ends_when_its_interface_is_gone),
        cmocka_unit_test(capture_goes_on_without_capabilities_and_nothing_else_can_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
