# SPDX-License-Identifier: Apache-2.0
import struct

from packets import SECOND, T0, Pcap, Pcapng, ether, ping, udp


def some(capture, begin, count):
    with capture as c:
        for i in range(begin, begin + count):
            c.add(T0 + i * SECOND, ether(udp("10.0.0.1", 1000 + i, "10.0.0.2", 2000, b"x" * i)))
            c.add(T0 + i * SECOND, ether(ping("10.0.0.1", "10.0.0.9", 7, i)))


some(Pcap("whole.pcap"), 0, 40)
some(Pcap("first.pcap"), 0, 20)
some(Pcapng("second.pcapng"), 20, 20)
with open("whole.pcap", "rb") as f:
    whole = f.read()
with open("cut.pcap", "wb") as f:
    f.write(whole[:1000])
with open("damaged.pcap", "wb") as f:
    f.write(whole[:957] + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30) + whole[957:])  # behind 11 packets
with open("text.pcap", "w", encoding="utf-8") as f:
    f.write("no capture at all\n" * 10)
with open("nothing.pcap", "wb"):
    pass
with Pcap("none.pcap"):
    pass
# A record larger than the reader's first buffer.
with Pcap("large.pcap", snap=1 << 24) as c:
    c.add(T0, ether(udp("10.0.0.1", 1, "10.0.0.2", 2, b"small")))
    c.add(T0, ether(udp("10.0.0.1", 1, "10.0.0.2", 2, b"jumbo")) + b"\0" * (5 << 20))
    c.add(T0, ether(udp("10.0.0.1", 1, "10.0.0.2", 2, b"small")))
