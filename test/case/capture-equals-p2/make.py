# SPDX-License-Identifier: Apache-2.0
"""make.py: a.pcap and b.pcapng, seeded; c.pcap, a minute later."""
import os
import random
import sys

sys.path.insert(0, os.environ["KIT"])
import packets as p  # noqa: E402


def talk(capture, seed, begin, end, count):
    r = random.Random(seed)
    for i, t in enumerate(sorted(r.randrange(begin, end) for _ in range(count))):
        a, b = "10.1.%d.%d" % (r.randrange(3), r.randrange(1, 20)), "10.2.0.%d" % r.randrange(1, 20)
        kind = r.randrange(4)
        if kind == 0:
            capture.add(t, p.ether(p.udp(a, 1024 + r.randrange(99), b, 53, p.dns(r.randrange(65536)))))
        elif kind == 1:
            capture.add(t, p.ether(p.ping(a, b, 7, i & 0xffff)))
        else:
            flags = r.choice((p.SYN, p.ACK, p.PSH | p.ACK, p.FIN | p.ACK, p.RST))
            data = b"x" * r.randrange(100) if flags & p.PSH else b""
            capture.add(t, p.ether(p.tcp(a, 1024 + r.randrange(99), b, 80, r.randrange(2**32), 1, flags, data)))


with p.Pcap("a.pcap") as c:
    talk(c, 1, p.T0, p.T0 + 150 * p.SECOND, 1500)
with p.Pcapng("b.pcapng", ((p.ETHERNET, 9),)) as c:
    talk(c, 2, p.T0 + 150 * p.SECOND, p.T0 + 4 * p.MINUTE, 1000)
with p.Pcap("c.pcap", nano=True, big=True) as c:
    talk(c, 3, p.T0 + 6 * p.MINUTE, p.T0 + 7 * p.MINUTE, 300)
