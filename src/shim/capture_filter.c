/* SPDX-License-Identifier: Apache-2.0 */
/* capture_filter.c: tcpdump's filter language over frames of files, and the numbers it knows link types by. */
#include "shim/capture.h"

#include "shim/capture_link.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAP_LENGTH 262144u

struct capture_filter {
    struct bpf_program program;
};

/* The rest have one number for both (pcap-linktype(7)). */
static const struct { int dlt; u32 link; } unlike[] = {
    { DLT_ATM_RFC1483, 100 }, { DLT_RAW, LINK_RAW }, { DLT_SLIP_BSDOS, 102 }, { DLT_PPP_BSDOS, 103 },
    { DLT_ATM_CLIP, 106 },    { DLT_PFSYNC, 246 },
};

u32 link_of_dlt(int dlt)
{
    for (size_t i = 0; i < WEIR_COUNT(unlike); i++)
        if (unlike[i].dlt == dlt) return unlike[i].link;
    return (u32)dlt;
}

int dlt_of_link(u32 link)
{
    for (size_t i = 0; i < WEIR_COUNT(unlike); i++)
        if (unlike[i].link == link) return unlike[i].dlt;
    return link > INT32_MAX ? INT32_MAX : (int)link;
}

struct capture_filter *capture_filter_open(const char *text, u32 link, u32 snap_length, char *words, size_t size,
                                           err *e)
{
    u32     snap = snap_length && snap_length < SNAP_LENGTH ? snap_length : SNAP_LENGTH;
    pcap_t *p = pcap_open_dead(dlt_of_link(link), (int)snap);
    if (size) words[0] = 0;
    WEIR_ASSERT(p != NULL);
    struct capture_filter *f = calloc(1, sizeof *f);
    WEIR_ASSERT(f != NULL);
    *e = OK;
    if (pcap_compile(p, &f->program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(words, size, "%s", pcap_geterr(p));
        *e = (err){ ERR_CONFIG, "the filter does not compile", 0 };
        free(f);
        f = NULL;
    }
    pcap_close(p);
    return f;
}

bool capture_filter_takes(const struct capture_filter *f, const struct frame *frame)
{
    return bpf_filter(f->program.bf_insns, frame->at, frame->length, frame->captured) != 0;
}

void capture_filter_close(struct capture_filter *f)
{
    if (f == NULL) return;
    pcap_freecode(&f->program);
    free(f);
}
