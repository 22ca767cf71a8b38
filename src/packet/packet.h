/* SPDX-License-Identifier: Apache-2.0 */
/* packet.h: what a frame says: link, IP and transport headers, as numbers. No state, no allocation, never past the end.
 *
 * Outer headers by default; with `inner` the innermost IP header that can be reached within `depth` tunnels. Ports of a
 * fragment after the first are not in the frame: fragments.h remembers them. */
#pragma once

#include "packet/frame.h"
#include "weir/addr.h"
#include "weir/slice.h"

enum packet_kind {
    PACKET_IP,
    PACKET_ARP,
    PACKET_OTHER, /* another Ethernet protocol: its number is `ether_type` */
    PACKET_BAD,   /* malformed or truncated: `fault` says why              */
};

/* Why a frame is no packet, or why its packet is known only in part. One counter each: packet_fault_name. */
enum packet_fault {
    PACKET_SOUND,
    PACKET_LINK_UNKNOWN,      /* link type that nobody explains           */
    PACKET_LINK_SHORT,        /* captured bytes end in the link header    */
    PACKET_IP_SHORT,          /* ... in the IP header                     */
    PACKET_IP_VERSION,        /* neither 4 nor 6                          */
    PACKET_IP_HEADER_LENGTH,  /* IHL below 5                              */
    PACKET_IP_TOTAL_LENGTH,   /* total length below the header's; past the frame's end: counted as IP        */
    PACKET_EXTENSION_SHORT,   /* captured bytes end in IPv6 extensions: counted as IP, ports null            */
    PACKET_TRANSPORT_SHORT,   /* ... in the TCP, UDP, SCTP, ICMP header: counted as IP, ports null           */
    PACKET_TCP_HEADER_LENGTH, /* data offset below 5 or past the datagram: counted as IP, ports known        */
    PACKET_TUNNEL_BAD,        /* the outer packet is told instead         */
    PACKET_FAULTS,
};

/* Their words, for constant tables by enum packet_fault. */
#define PACKET_FAULT_NAMES \
    [PACKET_SOUND] = "sound", \
    [PACKET_LINK_UNKNOWN] = "link type unknown", \
    [PACKET_LINK_SHORT] = "link header cut short", \
    [PACKET_IP_SHORT] = "IP header cut short", \
    [PACKET_IP_VERSION] = "IP version neither 4 nor 6", \
    [PACKET_IP_HEADER_LENGTH] = "IP header length below 5", \
    [PACKET_IP_TOTAL_LENGTH] = "IP total length below the header's or past the frame", \
    [PACKET_EXTENSION_SHORT] = "IPv6 extension cut short", \
    [PACKET_TRANSPORT_SHORT] = "transport header cut short", \
    [PACKET_TCP_HEADER_LENGTH] = "TCP data offset out of range", \
    [PACKET_TUNNEL_BAD] = "tunnel's content malformed",

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64,
                TCP_CWR = 128 };

enum packet_tunnel { TUNNEL_NONE, TUNNEL_GRE, TUNNEL_ERSPAN, TUNNEL_VXLAN, TUNNEL_GENEVE, TUNNEL_GTP, TUNNEL_IPIP,
                     TUNNEL_6IN4, TUNNEL_TEREDO };

#define PACKET_NO_MAC  UINT64_MAX
#define PACKET_NO_VLAN UINT32_MAX

struct packet {
    nanos             time;
    enum packet_kind  kind;
    enum packet_fault fault;
    u32               frame_length; /* on the wire                                                       */
    u16               ether_type;   /* of the innermost link header; 0 where there is none               */
    u8                vlans;        /* tags of the stack                                                 */
    u32               vlan;         /* outermost tag's id | next one's << 12; PACKET_NO_VLAN: untagged   */
    u64               src_mac, dst_mac; /* 48 bits; PACKET_NO_MAC                                        */
    addr              src, dst;     /* of PACKET_IP, IPv4 mapped: here, where it is aligned             */
    enum packet_tunnel tunnel;      /* the last one gone through (tunnels inner), or the first one seen (outer) */
    u8                depth;        /* IP headers in front of the one that is told                       */
    /* PACKET_IP: */
    u8                version;      /* 4, 6                                                              */
    u8                protocol;     /* of the transport header, IPv6 extensions passed over              */
    u8                ttl;          /* or hop limit                                                      */
    u8                traffic_class; /* DSCP and ECN                                                     */
    /* IPv4 total length, IPv6 payload length + 40; where that is 0 (TSO, jumbo), what the frame holds */
    u32               ip_bytes;
    u32               ip_said;      /* the same as the header says: 0 stays 0                            */
    bool              fragment;     /* part of a datagram (an atomic IPv6 fragment is none)              */
    bool              first;        /* ... its first part: ports are here                                */
    u32               fragment_id;
    u32               fragment_at;  /* offset in bytes of this part                                      */
    u32               payload;      /* bytes above layer 4 on the wire; fragments after the first: all above IP */
    const u8         *payload_at;   /* captured part of the payload, lent with the frame                 */
    u32               payload_captured;
    /* behind the IP headers, of ARP and others behind the link's; NULL: PACKET_BAD */
    const u8         *upper_at;
    u32               upper_captured; /* bytes captured there, lent with the frame                       */
    bool              ports;        /* src_port, dst_port are known                                      */
    u16               src_port, dst_port; /* ICMP: type << 8 | code, and the id of echo messages, 0 else */
    /* protocol TCP and the header whole: */
    u8                tcp_flags;    /* enum tcp_flag                                                     */
    u32               seq, ack;
    u16               window;       /* unscaled                                                          */
    u8                scale;        /* window scale option of a SYN + 1; 0: none                         */
    u16               mss;          /* MSS option of a SYN; 0: none                                      */
};

struct packet_options {
    bool inner; /* look inside tunnels                        */
    u32  depth; /* tunnels at most; 0 with `inner`: 4         */
};

/* out is filled whatever comes; kind PACKET_BAD has a fault, PACKET_IP may have PACKET_IP_TOTAL_LENGTH,
 * PACKET_EXTENSION_SHORT, PACKET_TRANSPORT_SHORT, PACKET_TCP_HEADER_LENGTH or PACKET_TUNNEL_BAD. */
void packet_parse(struct packet *out, const struct frame *in, const struct packet_options *how);

/* "link type unknown": as counters and the manual call it. */
const char *packet_fault_name(enum packet_fault fault);
/* "gre" */
const char *packet_tunnel_name(enum packet_tunnel tunnel);
