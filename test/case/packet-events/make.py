# SPDX-License-Identifier: Apache-2.0
"""make.py: few.pcap, a packet of each sort; many-1.pcap and many-2.pcapng, seeded, and many.json: what they hold, by (second,
protocol, port)."""
import json
import os
import random
import struct
import sys

sys.path.insert(0, os.environ["KIT"])
import packets as p  # noqa: E402

A, B, A6, B6 = "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"
MSS = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + struct.pack(">II", 7, 0) + b"\x01\x03\x03\x07"


def few():
    syn = p.tcp(A, 40000, B, 80, 1000, 0, p.SYN, options=MSS, window=64240)
    yield p.ether(syn)
    yield p.ether(p.tcp(B, 80, A, 40000, 5000, 1001, p.SYN | p.ACK))
    yield p.ether(p.tcp(A, 40000, B, 80, 1001, 5001, p.PSH | p.ACK, b"GET / HTTP/1.0\r\n\r\n"), vlans=(100, 7))
    yield p.ether(p.tcp(B, 80, A, 40000, 5001, 1019, p.RST))
    for part in p.fragments(A, B, 17, p.udp_datagram(A, 5000, B, 6000, b"x" * 2000), 1480, ident=77):
        yield p.ether(part)
    yield p.ether(p.udp(A6, 5353, B6, 53, p.dns(9)))
    yield p.ether(p.ping(A, B, 3, 4))
    yield p.ether(p.ping(B6, A6, 3, 4, reply=True))
    yield p.arp(A, B)
    yield p.arp(B, A, reply=True)
    yield p.ether(p.ip(A, B, 4, p.udp("192.168.0.1", 1, "192.168.0.2", 2, b"in")))
    yield p.ether(p.ip(A, B, 132, b"\x0b\x59\x8e\x3c" + b"\0" * 8))
    yield p.ether(b"\0" * 46, kind=0x88cc)
    yield p.ether(syn)[:20]
    yield p.ether(syn)[:44]
    yield p.ether(b"\x55" + syn[1:], kind=0x0800)


def many(capture, r, begin, end, counts):
    for t in sorted(r.randrange(begin, end) for _ in range(10000)):
        a, b, port = "10.1.0.%d" % r.randrange(1, 250), "10.2.0.%d" % r.randrange(1, 20), r.choice((53, 80, 443, 8080))
        protocol = r.choice((1, 6, 17))
        if protocol == 1:
            frame, port = p.ether(p.ping(a, b, 1, 1)), None
        elif protocol == 6:
            frame = p.ether(p.tcp(a, 1024 + r.randrange(9999), b, port, 1, 1, p.ACK, b"y" * r.randrange(1400)))
        else:
            frame = p.ether(p.udp(a, 1024 + r.randrange(9999), b, port, b"z" * r.randrange(400)))
        t += r.randrange(900 * p.MS)  # not in order any more
        capture.add(t, frame)
        cell = counts.setdefault("%d %d %s" % (t // p.SECOND, protocol, port), [0, 0])
        cell[0] += 1
        cell[1] += len(frame)


with p.Pcap("few.pcap") as c:
    for i, f in enumerate(few()):
        c.add(p.T0 + i * 250 * p.MS, f, length=60 if len(f) < 45 else None)
counts, r = {}, random.Random(5)
with p.Pcap("many-1.pcap", nano=True) as c:
    many(c, r, p.T0, p.T0 + 20 * p.SECOND, counts)
with p.Pcapng("many-2.pcapng", ((p.ETHERNET, 9),)) as c:
    many(c, r, p.T0 + 21 * p.SECOND, p.T0 + 50 * p.SECOND, counts)
with open("many.json", "w", encoding="utf-8") as f:
    json.dump(counts, f)
