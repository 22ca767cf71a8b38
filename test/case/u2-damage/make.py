# SPDX-License-Identifier: Apache-2.0
import struct
from unified2 import event, extra, packet, record, write

e, p, x = event(1, "10.0.0.1", "10.0.0.2"), packet(1, b"payload of a packet"), extra(1, 9, b"/")
write("whole.u2", e, p, x)
write("torn.u2", e, p[:30])
write("header.u2", e, p[:5])
write("short.u2", e, record(7, bytes(50)), record(2, b""), p)
write("hole.u2", e, bytes(4096), p, b"\x86\xdd" * 7, x)
write("length.u2", e, struct.pack(">II", 2, 0xfffffff0), p, x)
write("unknown.u2", record(200, b"what is it"), e, record(99, bytes(60)), record(200, b""), p)
write("inside.u2", e, struct.pack(">II", 2, 5000), p, x)
write("long.u2", e, packet(2, bytes(100000)), x)
write("capture.u2", bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
write("empty.u2")
write("many.u2", *[record(7, b"") for _ in range(150)])
