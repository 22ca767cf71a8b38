# SPDX-License-Identifier: Apache-2.0
# make.py: the EVE of this case, on standard output.
import json
import sys


def alert(n, url, **more):
    event = {"timestamp": "2025-11-21T10:00:%02d.5+0000" % n, "event_type": "alert", "src_ip": "10.0.0.%d" % n,
             "alert": {"signature_id": 2000000 + n, "signature": "ET TEST"}, "http": {"url": url}}
    event.update(more)
    return json.dumps(event, separators=(",", ":")).encode()


def main():
    lines = [
        alert(1, "/short"),
        alert(2, "/unused", payload="QUJD" * 25000, payload_printable="\x01.\n\"" * 9000, packet="A" * 4097),
        alert(3, "/printable", payload_printable="p" * 70000),
        alert(4, "/" + "k" * 4095),
        alert(5, "/" + "k" * 4096),
        alert(6, "/most", payload_printable="m" * (1 << 20)),
        alert(7, "/odd\ud800", payload="\udc00\ud83d"),
        alert(8, "/nul\x00"),
        alert(9, "/raw").replace(b"/raw", b"/raw\xff"),
        alert(10, "/bad").replace(b"/bad", b"/bad\\ud80"),
    ]
    most = len(lines[5]) - (1 << 20)
    lines[5] = lines[5].replace(b"m" * most, b"", 1)  # a line of 1 MiB
    lines.insert(6, lines[5].replace(b"/most", b"/more"[:5] + b"!"))
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))


main()
