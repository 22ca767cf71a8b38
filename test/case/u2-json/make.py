# SPDX-License-Identifier: Apache-2.0
import packets
from unified2 import apps, buffer, event, event3, extra, packet, write

frame = packets.ether(packets.ip("10.0.0.1", "10.0.0.2", 6, bytes.fromhex("9c40005000000009000000005002200000000000")))
write("old.u2", event(1, "10.0.0.1", "10.0.0.2", sid=2003, rev=8, us=7), packet(1, frame),
      event(2, "2001:db8::1", "2001:db8::2", sid=11, gid=3, class_id=2, protocol=58, sport=128, dport=0),
      event(3, "10.0.0.3", "10.0.0.4", sid=12, vlan=4095, mpls=1048575, policy=65, flags=(32, 0, 1), class_id=9, sensor=4294967295),
      event(4, "10.0.0.3", "10.0.0.4", sid=13, app=b'"http\xff'.ljust(16, b"\0")),
      extra(4, 9, b"/index.html?a=\x1b[31m"), extra(4, 1, b"\x0a\x01\x02\x03"))
write("snort3.u2", event3(5, "10.0.0.1", None, sid=1, status=3, action=6, app=b"HTTP"),
      event3(6, "2001:db8::1", "10.0.0.2", sid=2, http=(12, 3456, b"GET", b"HTTP/1.1", b"curl/8", b"http://r/", b"")),
      buffer(6, b"GET / HTTP/1.1\r\n\r\n"), apps(1763719260, [(b"dns", 10, 20), (b"quic", 0, 4294967295)]))
