# SPDX-License-Identifier: Apache-2.0
"""kill.py: see README.md. What the kills hit differs from run to run; what is printed does not."""
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.environ["KIT"])
from unified2 import T0, event, packet  # noqa: E402

WEIR, EVENTS, FILES = os.environ["WEIR"], 12000, 6


def records(r):
    """(bytes, event or None) in the order of the spool: packets of an event come up to 20 events later, some have none."""
    late = []
    for i in range(1, EVENTS + 1):
        yield event(i, "10.0.0.%d" % r.randrange(1, 99), "192.0.2.1", sid=r.randrange(1, 30), second=T0 + i // 100)
        if r.random() < 0.02:
            yield packet(100000 + i, b"of no event", second=T0 + i // 100)
        late += [i] * r.choice((0, 1, 1, 1, 3))
        while late and (len(late) > 20 or r.random() < 0.6):
            k = late.pop(r.randrange(len(late)))
            yield packet(k, r.randbytes(r.randrange(10, 300)), second=T0 + k // 100)


def parts():
    """Bytes of each file."""
    every = list(records(random.Random(1)))
    size = len(every) // FILES + 1
    return [b"".join(every[i:i + size]) for i in range(0, len(every), size)]


def clear():
    shutil.rmtree("spool", ignore_errors=True)
    os.makedirs("spool")
    for name in os.listdir("."):
        if name.startswith(("state.db", "store.db")):
            os.unlink(name)


def write_slowly(data, seconds):
    r, began = random.Random(2), time.monotonic()
    total, done = sum(map(len, data)), 0
    for number, bytes_ in enumerate(data):
        with open("spool/snort.log.%d" % (1000 + number), "ab", buffering=0) as f:
            at = 0
            while at < len(bytes_):
                n = r.randrange(1, 30000)
                f.write(bytes_[at:at + n])
                at, done = at + n, done + n
                time.sleep(max(0, began + seconds * done / total - time.monotonic()))


def start(*options):
    with open("log", "ab") as log:
        return subprocess.Popen([WEIR, "run", "weir.yaml", *options], stderr=log)


def once():
    if start("--once").wait():
        sys.exit("weir failed: %s" % open("log").read())


def rows(table, columns):
    db = sqlite3.connect("store.db")
    return sorted(db.execute("select %s from alerts_%s" % (columns, table)), key=repr)


def kills(r, seconds, *options):
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        w = start(*options)
        time.sleep(r.uniform(0.05, 0.4))
        w.kill()
        count += w.wait() == -9
    return count


def wanted():
    """Sums by signature: events alone; packets and their bytes over all."""
    clear()
    data = parts()
    write_slowly(data, 0)
    once()
    return data, rows("each", "time, kind, eventID, signatureID, packets, packetBytes, json"), rows("sigs", "timestamp, signatureID, events, packets")


def main():
    data, each, sigs = wanted()
    sums = [sum(row[i] for row in each) for i in (4, 5)]
    events = sorted(row[2] for row in each if row[1] == "event")
    print("undisturbed: each event once: %s, %d rows, %d packets" % (events == list(range(1, EVENTS + 1)), len(each), sums[0]))

    clear()
    writer = threading.Thread(target=write_slowly, args=(data, 5))
    writer.start()
    struck = kills(random.Random(3), 6)
    writer.join()
    once()
    have = rows("each", "time, kind, eventID, signatureID, packets, packetBytes, json")
    print("killed while it grew%s: each event once: %s, packets and bytes: %s" % (
        "" if struck > 5 else " (TOO FEW KILLS)", sorted(row[2] for row in have if row[1] == "event") == events,
        [sum(row[i] for row in have) for i in (4, 5)] == sums))
    by = {}
    for row in rows("sigs", "signatureID, events"):
        by[row[0]] = by.get(row[0], 0) + row[1]
    want = {}
    for row in sigs:
        want[row[1]] = want.get(row[1], 0) + row[2]
    print("windows of it: %s" % (by == want))

    clear()
    write_slowly(data, 0)
    struck = 0
    for seed in range(12):
        w = start("--once")
        time.sleep(random.Random(seed).uniform(0.01, 0.12))
        w.kill()
        struck += w.wait() == -9
    once()
    print("killed in one go%s: the same rows: %s, windows: %s" % (
        "" if struck else " (NO KILL STRUCK)", rows("each", "time, kind, eventID, signatureID, packets, packetBytes, json") == each,
        rows("sigs", "timestamp, signatureID, events, packets") == sigs))


main()
