/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c: an interface through libpcap, in the order that Linux wants it.
 *
 * TPACKET_V3 hands over blocks of frames: one that is not full is handed over after CAPTURE_DELAY_MS. Immediate mode
 * would make libpcap fall back to TPACKET_V2, a frame at a time: it stays off. */
#include "shim/capture.h"

#include "shim/capture_link.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SNAP_LENGTH 262144u /* libpcap's own limit */
#define RING        (64u << 20)
#define FANOUT_MAX  65535u /* a group is 16 bits */

struct capture {
    pcap_t              *pcap;
    u32                  link;
    struct pcap_stat     last; /* libpcap's counters are 32 bits wide and wrap */
    struct capture_stats sum;
};

/* Where the frames of one capture_take go. */
struct taker {
    u32   link;
    void (*each)(void *arg, const struct frame *);
    void *arg;
};

static err refused(pcap_t *p, int code, char *words, size_t size)
{
    const char *text = pcap_geterr(p);
    snprintf(words, size, "%s", text[0] ? text : pcap_statustostr(code));
    switch (code) {
    case PCAP_ERROR_NO_SUCH_DEVICE: return (err){ ERR_OS, "no such interface", ENODEV };
    case PCAP_ERROR_IFACE_NOT_UP: return (err){ ERR_OS, "the interface is not up", ENETDOWN };
    case PCAP_ERROR_PERM_DENIED: return (err){ ERR_OS, "capturing needs CAP_NET_RAW", EPERM };
    case PCAP_ERROR_PROMISC_PERM_DENIED: return (err){ ERR_OS, "promiscuous mode needs CAP_NET_ADMIN", EPERM };
    default: return (err){ ERR_OS, "cannot capture on this interface", EIO };
    }
}

static err refused_config(const char *what, char *words, size_t size)
{
    snprintf(words, size, "%s", what);
    return (err){ ERR_CONFIG, what, 0 };
}

static err setup_check(const struct capture_setup *s, char *words, size_t size)
{
    if (s->interface == NULL || s->interface[0] == 0) return refused_config("no interface is named", words, size);
    if (s->snap_length > SNAP_LENGTH) return refused_config("a snap length over 262144 bytes", words, size);
    if (s->ring > INT32_MAX) return refused_config("a ring over 2 GiB", words, size);
    if (s->fanout > FANOUT_MAX + 1) return refused_config("a fanout group over 65535", words, size);
    return OK;
}

static err activate(pcap_t *p, const struct capture_setup *s, char *words, size_t size)
{
    pcap_set_snaplen(p, (int)(s->snap_length ? s->snap_length : SNAP_LENGTH));
    pcap_set_promisc(p, s->promiscuous);
    pcap_set_timeout(p, CAPTURE_DELAY_MS);
    pcap_set_buffer_size(p, (int)(s->ring ? s->ring : RING));
    pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
    int code = pcap_activate(p);
    if (code < 0) return refused(p, code, words, size);
    if (code > 0) snprintf(words, size, "%s", code == PCAP_WARNING ? pcap_geterr(p) : pcap_statustostr(code));
    if (pcap_get_tstamp_precision(p) != PCAP_TSTAMP_PRECISION_NANO)
        return (err){ ERR_OS, "this system has no nanosecond timestamps", ENOTSUP };
    char text[PCAP_ERRBUF_SIZE];
    if (pcap_setnonblock(p, 1, text) == 0) return OK;
    snprintf(words, size, "%s", text);
    return (err){ ERR_OS, "cannot make a capture non-blocking", EIO };
}

static err filter_set(pcap_t *p, const char *filter, char *words, size_t size)
{
    struct bpf_program program;
    if (filter == NULL || filter[0] == 0) return OK;
    if (pcap_compile(p, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(words, size, "%s", pcap_geterr(p));
        return (err){ ERR_CONFIG, "the filter does not compile", 0 };
    }
    int code = pcap_setfilter(p, &program);
    pcap_freecode(&program);
    return code == 0 ? OK : refused(p, code, words, size);
}

/* All members of a group share the interface's frames, a conversation staying with one: the hash is the same both ways.
 * Fragments are put together first, since those after the first have no ports to hash. */
static err fanout_join(pcap_t *p, u32 group, char *words, size_t size)
{
    u32 how = group | (u32)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16;
    if (setsockopt(pcap_fileno(p), SOL_PACKET, PACKET_FANOUT, &how, sizeof how) == 0) return OK;
    err e = err_os("join a fanout group");
    snprintf(words, size, "group %u: another capture of it has other settings or another interface", group);
    return e;
}

err capture_open(struct capture **out, const struct capture_setup *setup, char *words, size_t size)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    if (size) words[0] = 0;
    *out = NULL;
    err e = setup_check(setup, words, size);
    if (err_is(e)) return e;
    pcap_t *p = pcap_create(setup->interface, text);
    if (p == NULL) {
        snprintf(words, size, "%s", text);
        return (err){ ERR_OS, "cannot capture", EIO };
    }
    e = activate(p, setup, words, size);
    if (!err_is(e)) e = filter_set(p, setup->filter, words, size);
    if (!err_is(e) && setup->fanout) e = fanout_join(p, setup->fanout - 1, words, size);
    if (!err_is(e) && pcap_get_selectable_fd(p) < 0)
        e = (err){ ERR_OS, "this interface cannot be waited for", ENOTSUP };
    if (err_is(e)) {
        pcap_close(p);
        return e;
    }
    struct capture *c = calloc(1, sizeof *c);
    WEIR_ASSERT(c != NULL);
    *c = (struct capture){ .pcap = p, .link = link_of_dlt(pcap_datalink(p)) };
    *out = c;
    return OK;
}

void capture_close(struct capture *c)
{
    if (c == NULL) return;
    pcap_close(c->pcap);
    free(c);
}

int capture_fd(const struct capture *c)
{
    return pcap_get_selectable_fd(c->pcap);
}

u32 capture_link(const struct capture *c)
{
    return c->link;
}

static void on_frame(u_char *arg, const struct pcap_pkthdr *head, const u_char *bytes)
{
    const struct taker *t = (const void *)arg;
    struct frame        f = {
               .time = (nanos)head->ts.tv_sec * NANOS_SECOND + head->ts.tv_usec, /* nanoseconds, as asked for */
               .length = head->len,
               .captured = head->caplen < head->len ? head->caplen : head->len,
               .link = t->link,
               .at = bytes,
    };
    t->each(t->arg, &f);
}

int capture_take(struct capture *c, int most, void (*each)(void *arg, const struct frame *), void *arg)
{
    struct taker t = { c->link, each, arg };
    WEIR_ASSERT(most > 0);
    return pcap_dispatch(c->pcap, most, on_frame, (u_char *)&t);
}

err capture_stats(struct capture *c, struct capture_stats *out)
{
    struct pcap_stat now;
    if (pcap_stats(c->pcap, &now) != 0) return (err){ ERR_OS, "cannot read the capture's counters", EIO };
    c->sum.received += (u32)(now.ps_recv - c->last.ps_recv);
    c->sum.dropped_kernel += (u32)(now.ps_drop - c->last.ps_drop);
    c->sum.dropped_interface += (u32)(now.ps_ifdrop - c->last.ps_ifdrop);
    c->last = now;
    *out = c->sum;
    return OK;
}
