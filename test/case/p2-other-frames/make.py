# SPDX-License-Identifier: Apache-2.0
import struct

from packets import MS, SECOND, T0, Pcap, arp, ether, fragments, ip, ping, udp, udp_datagram

A, B = "10.0.0.1", "10.0.0.2"
with Pcap("a.pcap") as c:
    c.add(T0, ether(udp(A, 1000, B, 2000, b"x"), vlans=(7,)))
    c.add(T0 + 1 * MS, ether(udp(A, 1000, B, 2000, b"xx"), vlans=(8,)))
    c.add(T0 + 2 * MS, ether(udp(A, 1000, B, 2000, b"xxx"), vlans=(7,)))
    whole = udp_datagram("10.0.0.3", 1000, "10.0.0.4", 2000, b"f" * 3000)
    for part in fragments("10.0.0.3", "10.0.0.4", 17, whole, 1480):
        c.add(T0 + SECOND, ether(part))
    whole = udp_datagram("2001:db8::3", 1000, "2001:db8::4", 2000, b"f" * 2000)
    for part in fragments("2001:db8::3", "2001:db8::4", 17, whole, 1024):
        c.add(T0 + SECOND, ether(part))
    for i in range(3):
        c.add(T0 + (2 + i) * SECOND, ether(ping(A, B, 99, i, ttl=1 if i else 64)))
        c.add(T0 + (2 + i) * SECOND + 4 * MS, ether(ping(B, A, 99, i, reply=True)))
    c.add(T0 + 6 * SECOND, ether(ping("2001:db8::1", "2001:db8::2", 5, 1)))
    c.add(T0 + 7 * SECOND, arp(A, B))
    c.add(T0 + 7 * SECOND + 1 * MS, arp(B, A, reply=True, src_mac="02:00:00:00:00:0b", dst_mac="02:00:00:00:00:0a"))
    c.add(T0 + 8 * SECOND, ether(b"\2\7" + b"\0" * 48, kind=0x88cc))
    inside = udp("172.16.0.1", 1, "172.16.0.2", 2, b"inner")
    c.add(T0 + 9 * SECOND, ether(ip(A, "10.0.0.5", 47, struct.pack(">HH", 0, 0x0800) + inside)))
    # No packets: cut in the IP header, an IP version of 9, a header length of 4.
    c.add(T0 + 10 * SECOND, ether(udp(A, 1, B, 2))[:20], length=42)
    c.add(T0 + 10 * SECOND, ether(b"\x95" + udp(A, 1, B, 2)[1:], kind=0x0800))
    c.add(T0 + 10 * SECOND, ether(b"\x41" + udp(A, 1, B, 2)[1:]))
