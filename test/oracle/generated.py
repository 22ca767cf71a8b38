#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generated.py: runs weir over generated recordings and compares every table with the oracle, row by row.

At the end some larger runs with little room in flight, many chunks and many epochs: none may stall, and no record may
be lost. For each seed: one run to the end; a second run over the same input must give the same rows to the byte
(closed_by and revision included); and the same files in two halves with a run after each must give the same tables.

    generated.py [--weir BINARY] [--seeds N] [--keep]"""
import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import oracle  # noqa: E402
import recording  # noqa: E402
import run as runner  # noqa: E402

LAYOUTS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "conf", "layouts", "p2.yaml")
DAY = 1763683200  # midnight UTC
TIMEOUT_S = 180

RECIPE = """\
weir: 1
name: oracle
include: [ {layouts} ]
state: {{ path: state.db, every: 100ms }}
sources:
  p2: {{ type: directory, path: p2, format: p2, layouts: {{ tcp: p2-tcp, udp: p2-udp, other: p2-other }} }}
steps:
  tagged: {{ from: p2, tag: {{ table: networks.csv, of: {{ src: srcIP, dst: dstIP }}, gives: [net, site, service] }} }}
  raw: {{ from: tagged, window: 1m, by: [srcNet, dstNet, protocol], lateness: 2d }}
  site: {{ from: raw, cascade: [1m, 5m, 1h, 1d], ways: [src, dst, both], kind: site,
          rank: {{ top: 4, fields: default }}, lateness: 2d }}
  service: {{ from: raw, cascade: [1m, 5m, 1h, 1d], ways: [src, dst], kind: service,
             rank: {{ top: 2, fields: [srcRTT, srcBytes] }}, lateness: 2d }}
  few: {{ from: tagged, window: 5m, by: [protocol], measures: [connections, srcBytes], lateness: 2d }}
sinks:
  store: {{ type: sqlite, path: store.db, from: [raw, site, service, few] }}
"""


def prepare(room, name, csv):
    path = os.path.join(room, name)
    os.makedirs(os.path.join(path, "p2"))
    with open(os.path.join(path, "networks.csv"), "w", encoding="utf-8") as f:
        f.write(csv)
    with open(os.path.join(path, "weir.yaml"), "w", encoding="utf-8") as f:
        f.write(RECIPE.format(layouts=LAYOUTS))
    return path


def feed(path, files):
    for name, data in files:
        with open(os.path.join(path, "p2", name), "wb") as f:
            f.write(data)


def once(weir, path):
    """None, or what it said before it failed."""
    p = subprocess.run([weir, "run", "weir.yaml", "--once"], cwd=path, stdin=subprocess.DEVNULL, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
    said = p.stdout.decode("utf-8", "replace")[-3000:]
    return None if p.returncode == 0 else "ended with %d\n%s" % (p.returncode, said)


def rows_of(store):
    """All result rows as text, for comparing two stores of weir's own."""
    db = sqlite3.connect("file:%s?mode=ro" % store, uri=True)
    out = {}
    named = "SELECT name FROM sqlite_master WHERE type='table' AND name LIKE 'p2!_%' ESCAPE '!'"
    for (name,) in db.execute(named).fetchall():
        if not name.endswith("ledger"):
            out[name] = sorted(map(repr, db.execute('SELECT * FROM "%s"' % name)))
    db.close()
    return out


def wrong_with(path):
    found, given = oracle.check_store(os.path.join(path, "weir.yaml"), os.path.join(path, "store.db"))
    rows = sum(n for _, n in found.compared)
    if found.count:
        return "%d differences\n%s" % (found.count, "\n".join(found.shown)), rows
    return (None if rows and given.records else "nothing was compared"), rows


def try_seed(weir, room, seed):
    """[(what, fault or None)]"""
    # Seeds start at different places: at midnight, just before it, at the end of an hour.
    start = DAY + (0, 86400 - 120, 3600 - 60, 3600 * 5 + 240)[seed % 4]
    csv, files = recording.files(recording.named_layouts(LAYOUTS), seed, minutes=7, lines=120, start=start)
    whole = prepare(room, "whole", csv)
    feed(whole, files)
    fault = once(weir, whole)
    if fault is None:
        fault, rows = wrong_with(whole)
        if fault is None:
            print("seed %d: %d rows equal" % (seed, rows))
    yield "seed %d against the oracle" % seed, fault

    again = prepare(room, "again", csv)
    feed(again, files)
    fault = once(weir, again)
    if fault is None:
        a, b = (rows_of(os.path.join(p, "store.db")) for p in (whole, again))
        differ = [t for t in sorted(set(a) | set(b)) if a.get(t) != b.get(t)]
        fault = "two runs over one input differ in %s" % ", ".join(differ) if differ else None
    yield "seed %d twice" % seed, fault

    halves = prepare(room, "halves", csv)
    feed(halves, files[:len(files) // 2])
    fault = once(weir, halves)
    feed(halves, files[len(files) // 2:])
    fault = fault or once(weir, halves) or wrong_with(halves)[0]
    yield "seed %d in two halves" % seed, fault


PRESSURE = ("layouts: { tcp: p2-tcp, udp: p2-udp, other: p2-other }",
            "layouts: { tcp: p2-tcp, udp: p2-udp, other: p2-other }, in_flight: 1MiB, chunk: 64KiB")


def under_pressure(weir, room, csv_and_p2, number):
    """A run with many small chunks: ends, and every level holds every record."""
    path = prepare(room, "pressure-%d" % number, "")
    shutil.copy(os.path.join(csv_and_p2, "networks.csv"), path)
    os.rmdir(os.path.join(path, "p2"))
    os.symlink(os.path.join(csv_and_p2, "p2"), os.path.join(path, "p2"))
    with open(os.path.join(path, "weir.yaml"), "r+", encoding="utf-8") as f:
        text = f.read()
        assert PRESSURE[0] in text
        f.seek(0)
        f.write(text.replace(*PRESSURE))
    try:
        fault = once(weir, path)
    except subprocess.TimeoutExpired:
        return "no end: it stalls"
    if fault:
        return fault
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(path, "store.db"), uri=True)
    try:
        (lines,) = db.execute("SELECT sum(records) FROM p2_raw").fetchone()
        sums = {level: db.execute("SELECT sum(records), sum(srcBytes) FROM p2_srcsite_%s" % level).fetchone()
                for level in ("minutely", "fively", "hourly", "daily")}
    finally:
        db.close()
    if lines != PRESSURE_LINES:
        return "%d lines were written, the raw table has %s" % (PRESSURE_LINES, lines)
    return None if len(set(sums.values())) == 1 else "levels differ: %s" % sums


PRESSURE_LINES = 30 * 3 * 2000


def pressures(weir, room, times):
    data = os.path.join(room, "data")
    os.mkdir(data)
    subprocess.run([weir, "gen", "p2", "--dir", os.path.join(data, "p2"), "--networks",
                    os.path.join(data, "networks.csv"), "--minutes", "30", "--lines", "2000", "--nets", "500",
                    "--start", str(DAY)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for i in range(times):
        yield "run %d under pressure" % i, under_pressure(weir, room, data, i)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--seeds", type=int, default=4)
    p.add_argument("--keep", action="store_true")
    a = p.parse_args()
    weir = runner.find_weir(a.weir)
    passed = failed = 0
    work = [lambda room, seed=seed: try_seed(weir, room, seed) for seed in range(a.seeds)]
    for each in work + [lambda room: pressures(weir, room, 3)]:
        room = tempfile.mkdtemp(prefix="weir-oracle-")
        for what, fault in each(room):
            passed, failed = passed + (fault is None), failed + (fault is not None)
            if fault:
                print("FAIL %s: %s" % (what, fault))
        if a.keep:
            print("kept: %s" % room)
        else:
            shutil.rmtree(room)
    print("oracle: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
