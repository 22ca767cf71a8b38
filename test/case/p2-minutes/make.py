# SPDX-License-Identifier: Apache-2.0
from packets import MINUTE, MS, SECOND, T0, US, Pcap, Tcp, ether, udp

with Pcap("boundary.pcap") as c:
    t = Tcp(c, "10.0.0.1", 40000, "10.0.0.2", 80)
    t.handshake(T0 + 59 * SECOND)
    t.send(T0 + MINUTE - 1 * US, "a", b"q" * 10)
    t.send(T0 + MINUTE, "b", b"r" * 20)                          # 1 us
    t.ack(T0 + MINUTE + 7 * MS, "a")
    t.send(T0 + 5 * MINUTE, "a", b"q" * 30)                      # minutes 2 to 4 are silent
    t.ack(T0 + 5 * MINUTE + 9 * MS, "b")

with Pcap("late.pcap") as c:
    for seconds in (10, 62, 59, 64, 58):                         # 59 comes at 62: in time; 58 comes at 64: late
        c.add(T0 + seconds * SECOND, ether(udp("10.0.0.1", 1000, "10.0.0.2", 2000, b"x")))
