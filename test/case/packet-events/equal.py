# SPDX-License-Identifier: Apache-2.0
"""equal.py STORE: the table of ports against what make.py counted."""
import json
import sqlite3
import sys

with open("many.json", encoding="utf-8") as f:
    wanted = json.load(f)
rows = sqlite3.connect(sys.argv[1]).execute("select timestamp, protocol, dstPort, packets, bytes from wire_ports")
found = {"%d %d %s" % (t, protocol, port if port != "" else None): [n, size] for t, protocol, port, n, size in rows}
wrong = [k for k in set(wanted) | set(found) if wanted.get(k) != found.get(k)]
print("%d groups, %d packets, %d wrong" % (len(found), sum(n for n, _ in found.values()), len(wrong)), *sorted(wrong)[:5])
