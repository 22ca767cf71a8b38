# SPDX-License-Identifier: Apache-2.0
"""kill.py: feeds files while weir runs, kills it again and again, lets it finish, and compares what is there with what
was fed."""
import csv
import os
import random
import sqlite3
import subprocess
import sys
import time

START, KILLS, FILES, LINES = 1763719200, 14, 28, 3000
rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
weir = [os.environ["WEIR"], "run", "weir.yaml"]


def start(*more):
    return subprocess.Popen(weir + list(more), stderr=open("log", "ab"))


def feed(minute, fed):
    lines = []
    for _ in range(LINES):
        fed.append((START + 60 * minute, len(fed), rng.randrange(1024), rng.randrange(1000)))
        lines.append("%d %d %d" % fed[-1][1:])
    name = "p2/_tcp_@%d" % (START + 60 * minute)
    half = len(lines) // 2
    with open(name, "w") as f:
        f.write("\n".join(lines[:half]) + "\n")
    time.sleep(rng.random() * 0.05)
    with open(name, "a") as f:
        f.write("\n".join(lines[half:]) + "\n")
    open("p2/__@%d.finished" % (START + 60 * minute), "w").close()


def main():
    fed, wrong, epochs = [], 0, 0
    p = start()
    for k in range(KILLS):
        for i in range(FILES // KILLS):
            feed(k * FILES // KILLS + i, fed)
        time.sleep(rng.random() * (0.05, 0.4, 0.15)[k % 3])
        if p.poll() is not None:
            sys.exit("ended by itself with %d" % p.returncode)
        p.kill()
        p.wait()
        p = start()
    p.kill()
    p.wait()
    code = start("--once").wait()
    if code != 0:
        sys.exit("the last run ended with %d" % code)
    with open("log", encoding="utf-8") as f:
        epochs = len({line.split("epoch ")[1].split()[0] for line in f if "running from epoch" in line})
    db = sqlite3.connect("store.db")
    tables = {"p2_all": ("timestamp, id, port, bytes", fed),
              "p2_halves": ("timestamp, id, half", [(t, i, b // 2) for t, i, _, b in fed if i % 2 and b // 2 > 100])}
    for table, (columns, wanted) in tables.items():
        found = db.execute("SELECT arrived, %s FROM %s ORDER BY arrived" % (columns, table)).fetchall()
        wrong += [r[0] for r in found] != list(range(1, len(wanted) + 1))
        wrong += sorted(r[1:] for r in found) != sorted(wanted)
        with open("csv/%s.csv" % table, newline="") as f:
            rows = list(csv.reader(f))[1:]
        wrong += [tuple(map(int, (r[1], r[0], *r[2:]))) for r in rows] != found
        print("%s: %d rows" % (table, len(wanted)))
    row = db.execute("SELECT read, applied, late, filtered FROM p2_ledger ORDER BY timestamp DESC").fetchone()
    wrong += row != (len(fed), len(fed), 0, 0)
    print("%s" % ("several epochs seen" if epochs > 1 else "only %d epochs seen" % epochs))
    print("%d faults" % wrong)


main()
