# SPDX-License-Identifier: Apache-2.0
"""make.py: whole.pcap, cut.pcap (its last record is short), odd.pcap (frames that are no packets), text.pcap."""
import os
import sys

sys.path.insert(0, os.environ["KIT"])
import packets as p  # noqa: E402


def talk(name, minute):
    with p.Pcap(name) as c:
        for i in range(4):
            c.add(p.T0 + minute * p.MINUTE + i * p.SECOND, p.ether(p.udp("10.0.0.%d" % (i + 1), 53, "10.0.1.1", 53)))


talk("cut.pcap", 0)
talk("whole.pcap", 1)
os.truncate("cut.pcap", os.path.getsize("cut.pcap") - 10)
with p.Pcap("odd.pcap") as c:
    c.add(p.T0 + 2 * p.MINUTE, p.ether(p.udp("10.0.0.5", 53, "10.0.1.1", 53)))
    c.add(p.T0 + 2 * p.MINUTE, p.ether(p.udp("10.0.0.6", 53, "10.0.1.1", 53))[:20])
    c.add(p.T0 + 2 * p.MINUTE, p.ether(b"\x75" + p.udp("10.0.0.6", 53, "10.0.1.1", 53)[1:], kind=0x0800))
    c.add(p.T0, p.ether(p.udp("10.0.0.7", 53, "10.0.1.1", 53)))
with open("text.pcap", "w", encoding="ascii") as f:
    f.write("no capture, but a line of text that is long enough to be one\n")
