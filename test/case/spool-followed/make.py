# SPDX-License-Identifier: Apache-2.0
"""make.py PART: the next part of the spools: see README.md and steps."""
import os
import sys

sys.path.insert(0, os.environ["KIT"])
from unified2 import T0, event, extra, packet  # noqa: E402


def web(number, **more):
    return event(number, "10.0.0.1", "192.0.2.80", sid=100, class_id=1, second=T0 + number, **more)


def ping(number):
    return event(number, "2001:db8::1", "2001:db8::2", sid=200, class_id=2, second=T0 + number, protocol=58, sport=8, dport=0)


def log(number, size=60):
    return packet(number, b"x" * size, second=T0 + number)


def add(name, data):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "ab") as f:
        f.write(data)


TORN = web(4) + log(4)
PARTS = {
    "begin": lambda: (add("snort/snort.log.1000", b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(64)),
                      add("snort/snort.log.1001", web(1) + extra(1, 9, b"/a?b=\xff", second=T0 + 1) + log(1) + log(1)),
                      add("suricata/unified2.alert.2000", event(1, "10.0.0.9", "10.0.0.10", sid=300, sensor=7, class_id=0, second=T0 + 1))),
    "torn": lambda: (add("snort/snort.log.1001", ping(2) + log(2) + web(3) + log(3) + TORN[:30])),
    "whole": lambda: (add("snort/snort.log.1001", TORN[30:])),
    "rollover": lambda: (add("snort/snort.log.1001", web(5)), add("snort/snort.log.1002", log(5) + ping(6)),
                         add("snort/snort.log.999", web(99))),
    "damage": lambda: (add("snort/snort.log.1002", bytes(40) + web(7) + log(7) + web(8)[:30])),
    "last": lambda: (add("snort/snort.log.1003", web(9) + log(9) + packet(77, b"alone", second=T0 + 30))),
}
PARTS[sys.argv[1]]()
