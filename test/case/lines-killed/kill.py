# SPDX-License-Identifier: Apache-2.0
"""kill.py: appends to a log and rotates it while weir follows it, kills weir again and again, lets it finish, and
compares what is there with what was written."""
import collections
import os
import random
import sqlite3
import subprocess
import sys
import time

START, KILLS, LINES = 1763719200, 12, 4000
LOG = "logs/event.log"
rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
weir = [os.environ["WEIR"], "run", "weir.yaml"]


def start(*more):
    return subprocess.Popen(weir + list(more), stderr=open("log", "ab"))


def rows():
    try:
        db = sqlite3.connect("file:store.db?mode=ro", uri=True)
        return db.execute("SELECT count(*) FROM log_all").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


class Writer:
    """Appends lines; a piece ends anywhere, also within a line."""

    def __init__(self):
        self.fed, self.rest, self.rotations = [], b"", 0

    def write(self):
        lines = []
        for _ in range(rng.randrange(LINES)):
            n = len(self.fed)
            self.fed.append((START + n // 500, n, rng.randrange(8), rng.randrange(1000)))
            lines.append("%d %d %d %d\n" % self.fed[-1])
        text = self.rest + "".join(lines).encode()
        cut = rng.randrange(max(len(text) - 20, 0), len(text) + 1)
        self.rest = text[cut:]
        with open(LOG, "ab") as f:
            f.write(text[:cut])

    def finish_line(self):
        with open(LOG, "ab") as f:
            f.write(self.rest)
        self.rest = b""

    def rotate(self):
        """As logrotate does; its writer does not tear lines over two files."""
        self.finish_line()
        for k in range(99, 0, -1):
            if os.path.exists("%s.%d" % (LOG, k)):
                os.rename("%s.%d" % (LOG, k), "%s.%d" % (LOG, k + 1))
        os.rename(LOG, LOG + ".1")
        open(LOG, "wb").close()
        self.rotations += 1


def compare(fed):
    wrong = 0
    db = sqlite3.connect("store.db")
    found = db.execute("SELECT timestamp, id, bytes FROM log_all ORDER BY id").fetchall()
    wrong += found != [(t, i, b) for t, i, _, b in fed]
    sums = collections.Counter()
    for t, _, port, b in fed:
        sums[t // 60 * 60, port] += b
    rows = db.execute("SELECT timestamp, port, bytes FROM log_minutes ORDER BY timestamp, port").fetchall()
    wrong += rows != sorted((t, p, b) for (t, p), b in sums.items())
    row = db.execute("SELECT read, applied, late, rejected FROM log_ledger ORDER BY timestamp DESC").fetchone()
    wrong += row != (len(fed), len(fed), 0, 0)
    if wrong:
        print(len(found), len(fed), len(rows), len(sums), row, file=sys.stderr)
    return wrong


def main():
    w = Writer()
    while not w.fed:
        w.write()
    p = start()
    for _ in range(400):  # what is rotated away before weir has ever looked is nobody's loss
        if rows():
            break
        time.sleep(0.05)
    for k in range(KILLS):
        for _ in range(3):
            w.write()
            time.sleep(rng.random() * 0.1)
            if rng.random() < 0.3:
                w.rotate()
                time.sleep(rng.random() * 0.3)
        time.sleep(rng.random() * (0.05, 0.5, 0.2)[k % 3])
        if p.poll() is not None:
            sys.exit("ended by itself with %d" % p.returncode)
        p.kill()
        p.wait()
        if k % 2:  # while it is down
            w.write()
            for _ in range(rng.randrange(3)):
                w.rotate()
                time.sleep(0.02)
                w.write()
        p = start()
    w.finish_line()
    p.kill()
    p.wait()
    code = start("--once").wait()
    if code != 0:
        sys.exit("the last run ended with %d" % code)
    with open("log", encoding="utf-8") as f:
        epochs = len({line.split("epoch ")[1].split()[0] for line in f if "running from epoch" in line})
    print("several rotations" if w.rotations > 3 else "%d rotations" % w.rotations)
    print("several epochs seen" if epochs > 1 else "only %d epochs seen" % epochs)
    print("%d faults" % compare(w.fed))


main()
