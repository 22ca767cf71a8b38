# SPDX-License-Identifier: Apache-2.0
import random

from packets import MINUTE, MS, SECOND, T0, Pcap, Tcp, dns, ether, ping, udp

dice = random.Random(3)
frames = []


class Later:
    """Collects frames, so that conversations may overlap."""

    def add(self, time, frame):
        frames.append((time, len(frames), frame))


for n in range(60):
    a, b, at = "10.0.%d.%d" % (n % 4, n + 1), "10.1.%d.1" % (n % 7), T0 + dice.randrange(3 * MINUTE)
    t = Tcp(Later(), a, 30000 + n, b, 443)
    t.handshake(at, rtt=(n + 1) * MS)
    for i in range(n % 9):
        t.send(at + (i + 1) * SECOND, "a", b"q" * dice.randrange(1, 900))
        t.send(at + (i + 1) * SECOND + 20 * MS, "b", b"r" * dice.randrange(1, 1400))
        if i % 4 == 3:
            t.again(at + (i + 1) * SECOND + 300 * MS, "b")
        t.ack(at + (i + 1) * SECOND + 301 * MS, "a")
    t.finish(at + 12 * SECOND)
    Later().add(at, ether(udp(a, 5000 + n, "10.2.0.53", 53, dns(n))))
    Later().add(at + n * MS, ether(udp("10.2.0.53", 53, a, 5000 + n, dns(n, True, n % 5 == 0 and 3 or 0))))
    Later().add(at, ether(ping(a, "2001:db8::1" if ":" in a else "10.3.0.1", n, 1)))
with Pcap("a.pcap") as c:
    for time, _, frame in sorted(frames):
        c.add(time, frame)
print(len(frames), "packets", sum(len(f) - 14 for _, _, f in frames), "bytes")
