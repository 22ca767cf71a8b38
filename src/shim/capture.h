/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h: libpcap's live side in our err and frame: an interface opened on TPACKET_V3, a filter, the kernel's drop
 * counters.
 *
 * Files are not libpcap's here (packet/framing.h reads them), filters on them are: bpf_filter over what was
 * compiled. */
#pragma once

#include "packet/frame.h"
#include "weir/err.h"

struct capture_setup {
    const char *interface;
    const char *filter;      /* tcpdump's language; NULL or "": everything   */
    u32         snap_length; /* bytes a frame; 0: 262144                     */
    u64         ring;        /* bytes of the kernel's ring; 0: 64 MiB        */
    bool        promiscuous;
    u32         fanout;      /* PACKET_FANOUT group + 1 that several probes share on one link (flow hash with
                                defragmentation); 0: none                                                     */
};

struct capture;

/* The kernel keeps frames of a quiet link back for so long: to see the last ones, go on polling for twice that. */
#define CAPTURE_DELAY_MS 10

/* Opens, activates, sets the filter, joins the group. words: room for libpcap's own, also for its warnings on success
 * ("": none). Capabilities are kept: privileges_drop, when all is open. ERR_OS: ENODEV, EPERM, ENETDOWN...;
 * ERR_CONFIG: the setup or its filter. */
err  capture_open(struct capture **out, const struct capture_setup *, char *words, size_t size);
void capture_close(struct capture *);
int  capture_fd(const struct capture *);   /* readable: frames wait; for poll */
u32  capture_link(const struct capture *); /* LINKTYPE_*                      */
/* Calls `each` for at most `most` waiting frames without waiting; gives their number, < 0: the interface is gone. */
int  capture_take(struct capture *, int most, void (*each)(void *arg, const struct frame *), void *arg);

/* Since capture_open. received: passed the filter, whether it then found room in the ring or was dropped. The kernel
 * counts to 2^32: ask at least every few minutes. */
struct capture_stats { u64 received, dropped_kernel, dropped_interface; };
err  capture_stats(struct capture *, struct capture_stats *out);

/* A filter for frames of files of one link type. link: LINKTYPE_*. NULL with *e and libpcap's words if it does not
 * compile. */
struct capture_filter;
struct capture_filter *capture_filter_open(const char *text, u32 link, u32 snap_length, char *words, size_t size,
                                           err *e);
bool                   capture_filter_takes(const struct capture_filter *, const struct frame *);
void                   capture_filter_close(struct capture_filter *);
