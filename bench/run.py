#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py: measures weir beside its peers and prints each figure with its unit and its bar.

    bench/run.py [--build DIR] [--weir BINARY] [--rounds N] [--small] [NAME...]   `kafka` may be followed by parts of it

    wide      one minute, three files of 120 fields, 40 measures used: weir, mawk, DuckDB over the same aggregation
    narrow    lines of 10 fields, 200,000 groups, four levels and top 100
    catchup   many minutes back to back, on one core and on two; speed and memory of the first and the last part
    nominal   a minute of traffic a minute, for some minutes: CPU share of one core
    epochs    the longest stop of the loop by an epoch's cut, recovery of a large state
    packets   packets to conversations: weir p2, softflowd, nfpcapd, tshark
    kafka     spool, window, latency, transactions: on one real broker, beside Kafka's and Python's own (kafka.py)
    micro     decoder, prefix match, groups, rank, cut (programs of bench/micro)

Rounds are interleaved (A B C A B C ...); printed are the median and the least. CPU seconds are user + system of the
whole process, by wait4; weir's own times come from `run --stats`. Data is generated once, into bench/.cache. --small is
a hundredth of the size, to try the script itself: its figures mean nothing. Peers: mawk (Debian), DuckDB (npm
@duckdb/node-api)."""
import argparse
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from harness import (CACHE, ROOT, START, Bench, STORE, folder_of, interleaved, machine, median, read_through, run, show,
                     show_runs, size_of, steps, wait_for_quiet)
from peers import WIDE, awk_script, duck_script, duckdb_home, fields_of

HERE = os.path.dirname(os.path.abspath(__file__))
WIDE_LINES = 130000  # of a file: with 120 fields some 120 MB


def wide(b):
    """One wide minute: 3 files of 120 MB, 120 fields, 10,000 nets, 2,000 sites."""
    data = b.recording("wide", "--seed", "1", "--minutes", "1", "--lines", str(b.scale(WIDE_LINES)), "--nets",
                       str(b.scale(10000)), "--sites", str(b.scale(2000)), "--wide", "120", layouts=True)
    size, files = size_of(data)
    lines = 3 * b.scale(WIDE_LINES)
    read_through(files)
    print("wide: %d files, %.1f MB, %d lines, %.0f bytes a line" % (len(files), size / 1e6, lines, size / lines))
    layouts = os.path.join(data, "layouts.yaml")
    folder = folder_of("wide")
    b.recipe(folder, data, steps(WIDE), STORE, layouts)
    awk = os.path.join(folder, "raw.awk")
    with open(awk, "w", encoding="utf-8") as f:
        f.write(awk_script(fields_of(layouts)))
    sql = os.path.join(folder, "raw.sql")
    with open(sql, "w", encoding="utf-8") as f:
        f.write(duck_script(fields_of(layouts), files))
    # The peers' work alone: the raw aggregation. Only its sums by service, a few rows, are written, as the peers print
    # sums.
    alone = folder_of("wide-raw")
    b.recipe(alone, data,
             "  raw:\n    { from: tagged, window: 1m, by: [srcNet, dstNet, protocol], measures: [%s], "
             "groups_max: 10000000 }\n"
             "  sums: { from: raw, cascade: [1m], ways: [src], kind: service }\n" % ", ".join(WIDE),
             "  out: { type: file, path: out, format: csv, from: [sums] }\n", layouts)
    contestants = {"weir": lambda: b.once(folder), "weir raw": lambda: b.once(alone, cores="0"),
                   "mawk": lambda: run(["mawk", "-f", awk] + files, cores="0")}
    home = duckdb_home()
    if home:
        contestants["duckdb"] = lambda: run(["node", os.path.join(HERE, "duckdb.mjs"), "1", sql], cores="0",
                                            env={"DUCKDB_HOME": home})
    results = interleaved(b.rounds, contestants)
    w = results["weir"]
    show_runs("first byte to merged and ranked", w, lambda r: r.stats["ranked_s"], "s", ("<", 0.5))
    show_runs("first byte to all committed", w, lambda r: r.stats["committed_s"], "s", ("<", 2.5))
    show_runs("whole process, wall", w, lambda r: r.wall, "s")
    show_runs("whole process, CPU", w, lambda r: r.cpu, "s")
    show_runs("resident memory, greatest", w, lambda r: r.rss, "MiB", ("<", 300))
    for name in results:
        if name != "weir":
            show_runs("raw aggregation, one core, CPU: %s" % name, results[name], lambda r: r.cpu, "s")
    own = median(results["weir raw"], lambda r: r.cpu)
    show("CPU of mawk over weir's", median(results["mawk"], lambda r: r.cpu) / own, "times", (">", 50))
    if home:
        show("CPU of DuckDB over weir's", median(results["duckdb"], lambda r: r.cpu) / own, "times", (">", 5))
    print("  mawk says groups, records, bytes: %s" % results["mawk"][0].out.strip())
    if home:
        d = json.loads(results["duckdb"][0].out)
        print("  DuckDB says %s %s %s" % (d["groups"], d["records"], d["bytes"]))
    said = run(["sqlite3", os.path.join(folder, "store.db"),
                "SELECT count(*), sum(records), sum(srcBytes) FROM p2_raw"]).out.strip().replace("|", " ")
    print("  weir says %s" % said)


def narrow_lines(b, folder):
    """Ten fields, some 73 bytes a line, 200,000 raw groups; written here, as `gen p2` knows the shipped layouts
    only."""
    import random
    stamp = os.path.join(folder, "p2", "__@%d.finished" % START)
    if os.path.exists(stamp):
        return
    os.makedirs(os.path.join(folder, "p2"), exist_ok=True)
    rng = random.Random(1)
    groups = b.scale(200000)
    nets = 2000
    pairs = [(rng.randrange(nets), rng.randrange(nets)) for _ in range(groups)]
    with open(os.path.join(folder, "networks.csv"), "w", encoding="ascii") as f:
        f.write("cidr,site,service\n")
        for n in range(nets):
            f.write("10.%d.%d.0/24,site-%03d,service-%02d\n" % (n >> 8, n & 255, n % 400, n % 20))
    for word in ("tcp", "udp", "other"):
        with open(os.path.join(folder, "p2", "_%s_@%d" % (word, START)), "w", encoding="ascii") as f:
            for i in range(b.scale(1400000)):
                s, d = pairs[(i * 7919 + rng.randrange(64)) % groups]
                v = rng.getrandbits(60)
                f.write("10.%d.%d.%d 10.%d.%d.%d 6 %d %d %d %d %d %d %d\n" % (
                    s >> 8, s & 255, v & 255, d >> 8, d & 255, v >> 8 & 255, 1 + (v >> 16 & 7),
                    v >> 19 & 0xFFFFFF, v >> 30 & 0xFFFFFF,
                    v >> 40 & 4095, v >> 44 & 4095, v >> 20 & 65535, v >> 30 & 65535))
    with open(os.path.join(folder, "layouts.yaml"), "w", encoding="ascii") as f:
        for word in ("tcp", "udp", "other"):
            f.write("%s- layout: p2-%s\n  fields:\n" % ("layouts:\n" if word == "tcp" else "", word))
            f.write("    - { name: srcIP, type: ip }\n    - { name: dstIP, type: ip }\n"
                    "    - { name: protocol, type: u64 }\n"
                    "    - { name: n, type: u64, measure: connections, rank: true }\n"
                    "    - { name: sb, type: u64, measure: srcBytes, mirror: dstBytes, rank: true }\n"
                    "    - { name: db, type: u64, measure: dstBytes, rank: true }\n"
                    "    - { name: sp, type: u64, measure: srcPackets, mirror: dstPackets, rank: true }\n"
                    "    - { name: dp, type: u64, measure: dstPackets, rank: true }\n"
                    "    - { name: x, type: u64 }\n    - { name: y, type: u64 }\n")
    with open(stamp, "w", encoding="ascii"):
        pass


def narrow(b):
    """Narrow lines: two tags, three key sets, four levels, top 100, on one core."""
    data = os.path.join(CACHE, "narrow-small" if b.small else "narrow")
    narrow_lines(b, data)
    size, files = size_of(data)
    read_through(files)
    folder = folder_of("narrow")
    b.recipe(folder, data, steps(None), "  store: { type: sqlite, path: store.db, from: [site, service] }\n",
             os.path.join(data, "layouts.yaml"), workers=1)
    results = interleaved(b.rounds, {"one": lambda: b.once(folder, cores="0"), "two": lambda: b.once(folder)})
    lines = results["one"][0].stats["lines"]
    print("narrow: %.1f MB, %d lines, %.1f bytes a line" % (size / 1e6, lines, size / lines))
    show_runs("records per CPU second", results["one"], lambda r: lines / r.cpu / 1e6, "M/s", (">", 4))
    show_runs("records per second, one core, to ranked", results["one"],
              lambda r: lines / max(r.stats["ranked_s"], 1e-9) / 1e6, "M/s")
    show_runs("records per second, two cores, to ranked", results["two"],
              lambda r: lines / max(r.stats["ranked_s"], 1e-9) / 1e6, "M/s")
    show_runs("resident memory, greatest", results["one"], lambda r: r.rss, "MiB")


def ordinary(b, name, minutes):
    """Folder with recorded minutes as a middle-sized site writes them: 3 x 2,000 conversations, 2,000 nets, 400
    sites."""
    return b.recording(name, "--seed", "2", "--minutes", str(minutes), "--lines", str(b.scale(2000)), "--nets", "2000",
                       "--sites", "400")


def catchup(b):
    """24 h of minutes back to back, all tables; the first quarter's speed against that of all four."""
    minutes = 16 if b.small else 1440
    data = ordinary(b, "catchup", minutes)
    size, files = size_of(data)
    read_through(files)
    first = os.path.join(CACHE, "catchup-first")
    shutil.rmtree(first, ignore_errors=True)
    os.makedirs(os.path.join(first, "p2"))
    shutil.copy(os.path.join(data, "networks.csv"), first)
    for path in glob.glob(os.path.join(data, "p2", "*")):
        if int("".join(c for c in path.split("@")[-1] if c.isdigit())) < START + 60 * (minutes // 4):
            os.link(path, os.path.join(first, "p2", os.path.basename(path)))
    whole, quarter = folder_of("catchup"), folder_of("catchup-quarter")
    b.recipe(whole, data, steps(None), STORE)
    b.recipe(quarter, first, steps(None), STORE)
    print("catch-up: %d minutes, %.1f MB" % (minutes, size / 1e6))
    r = interleaved(max(1, b.rounds // 2), {"two": lambda: b.once(whole), "one": lambda: b.once(whole, cores="0"),
                                            "quarter": lambda: b.once(quarter)})
    two, one = median(r["two"], lambda x: x.wall), median(r["one"], lambda x: x.wall)
    show("times real time, two cores", minutes * 60 / two, "times", (">", 60))
    show("times real time, one core", minutes * 60 / one, "times")
    show("two cores over one", one / two, "times", (">", 1.7))
    show("wall per minute, all over first quarter",
         two / minutes / (median(r["quarter"], lambda x: x.wall) / (minutes // 4)), "times")
    show_runs("resident memory, all", r["two"], lambda x: x.rss, "MiB")
    show_runs("resident memory, first quarter", r["quarter"], lambda x: x.rss, "MiB")


def nominal(b):
    """A minute every minute for three minutes, from `replay`; the CPU of weir alone: ordinary minutes (catch-up's),
    then wide ones."""
    minutes = 1 if b.small else 3
    data = ordinary(b, "nominal", minutes)
    minute_a_minute(b, "ordinary minutes", data, minutes, b.layouts, None, ("<", 2))
    data = b.recording("nominal-wide", "--seed", "3", "--minutes", str(minutes), "--lines", str(b.scale(WIDE_LINES)),
                       "--nets", str(b.scale(10000)), "--sites", str(b.scale(2000)), "--wide", "120", layouts=True)
    minute_a_minute(b, "wide minutes", data, minutes, os.path.join(data, "layouts.yaml"), WIDE, None)


def minute_a_minute(b, name, data, minutes, layouts, measures, bar):
    """weir beside `replay` at speed 1."""
    folder = folder_of("nominal")
    live = os.path.join(folder, "live")
    os.makedirs(os.path.join(live, "p2"))
    shutil.copy(os.path.join(data, "networks.csv"), live)
    b.recipe(folder, live, steps(measures), STORE, layouts)
    p = subprocess.Popen([b.weir, "run", "weir.yaml", "--quiet", "--stats", "stats.json"], cwd=folder,
                         stdin=subprocess.DEVNULL)
    begin = time.monotonic()
    run([b.weir, "replay", os.path.join(data, "p2"), os.path.join(live, "p2"), "--shift", "now"])
    time.sleep(5)
    span = max(time.monotonic() - begin, 60 * minutes)
    p.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    print("nominal load, %s: %d minutes in %.0f s, exit code %d" % (name, minutes, span, p.returncode))
    show("CPU of one core", 100 * cpu / span, "%", bar)
    show("resident memory, greatest", usage.ru_maxrss / 1024, "MiB", ("<", 300))


def settled(folder, p, limit_s=600):
    """Waits until the state file has not grown for 6 s."""
    last, still = -1, 0
    for _ in range(2 * limit_s):
        time.sleep(0.5)
        size = sum(os.path.getsize(f) for f in glob.glob(os.path.join(folder, "state.db*")))
        still = still + 1 if size == last and size > 0 else 0
        last = size
        if still == 12 or p.poll() is not None:
            return


def live_run(b, folder, stats, more=None):
    """weir until its state has settled; `more` is called once it has started and read its state. Its stats."""
    p = subprocess.Popen([b.weir, "run", "weir.yaml", "--quiet", "--stats", stats], cwd=folder,
                         stdin=subprocess.DEVNULL)
    settled(folder, p)
    if more:
        more()
        settled(folder, p)
    p.send_signal(signal.SIGTERM)
    _, status, _ = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        sys.exit("weir ended with %d" % p.returncode)
    with open(os.path.join(folder, stats), encoding="utf-8") as f:
        return json.load(f)


def epochs(b):
    """A day's window of some 10^6 groups of all measures: started again, then 5 % more come: recovery, and the cut."""
    options = ["--seed", "4", "--nets", str(b.scale(50000)), "--sites", str(b.scale(20000)), "--skew", "0.3"]
    data = b.recording("epochs", "--minutes", "4", "--lines", str(b.scale(90000)), *options)
    fifth = b.recording("epochs-more", "--minutes", "1", "--lines", str(b.scale(18000)), *options)
    folder = folder_of("epochs")
    live = os.path.join(folder, "live")
    os.makedirs(os.path.join(live, "p2"))
    shutil.copy(os.path.join(data, "networks.csv"), live)
    os.mkdir(os.path.join(folder, "out"))
    for path in sorted(glob.glob(os.path.join(data, "p2", "*"))):
        os.link(path, os.path.join(live, "p2", os.path.basename(path)))
    b.recipe(folder, live,
             "  raw: { from: tagged, window: 1d, by: [srcNet, dstNet, protocol], groups_max: 10000000 }\n",
             "  out: { type: file, path: out, format: csv, from: [raw] }\n", every="1s")

    def more():
        for path in sorted(glob.glob(os.path.join(fifth, "p2", "_[tuo]*"))):
            name = os.path.basename(path).replace(str(START), str(START + 240))
            with open(path, "rb") as f, open(os.path.join(live, "p2", name), "wb") as to:
                shutil.copyfileobj(f, to)
        with open(os.path.join(live, "p2", "__@%d.finished" % (START + 240)), "wb"):
            pass

    first = live_run(b, folder, "stats.json")
    second = live_run(b, folder, "stats2.json", more)
    gib = os.path.getsize(os.path.join(folder, "state.db")) / 2**30
    print("epochs: state file %.3f GiB after %d and %d epochs" % (gib, first["epochs"], second["epochs"]))
    show("longest stop of the loop, 5 % changed", second["longest_cut_s"] * 1000, "ms", ("<", 10))
    show("longest stop of the loop while it was filled", first["longest_cut_s"] * 1000, "ms")
    show("recovery", second["recovery_s"], "s", ("<", 5))
    if gib > 0.1:
        show("recovery per GiB of state", second["recovery_s"] / gib, "s/GiB", ("<", 5))


def micro(b):
    """The programs of bench/micro, pinned to one core, as they print."""
    programs = sorted(glob.glob(os.path.join(b.build, "bench", "micro", "bench_*")))
    for path in [p for p in programs if os.access(p, os.X_OK) and os.path.isfile(p)]:
        wait_for_quiet(20)
        print("micro: %s" % os.path.basename(path))
        command = [path] + ([folder_of("micro")] if os.path.basename(path) in WRITERS else [])
        print("  " + run(command, cores="0").out.rstrip().replace("\n", "\n  "), flush=True)
    if not programs:
        print("micro: nothing is built; ninja -C %s bench-micro" % b.build)


def packets(b):
    """weir p2 beside softflowd, nfpcapd and tshark (packets.py), on captures made here."""
    small = ["--small"] if b.small else []
    command = [sys.executable, os.path.join(HERE, "packets.py"), "--weir", b.weir, "--rounds", str(b.rounds), "--keep"]
    subprocess.run(command + small, check=True)


KAFKA_PARTS = ("spool", "window", "latency", "transactions")


def kafka(b):
    """weir beside the script of today, librdkafka and kafka-consumer-perf-test (kafka.py), on one real broker."""
    small = ["--small"] if b.small else []
    subprocess.run([sys.executable, os.path.join(HERE, "kafka.py"), "--weir", b.weir, "--rounds", str(min(b.rounds, 3))] +
                   small + b.parts, check=True)


# Programs of bench/micro that want a folder to write into.
WRITERS = ("bench_sink_sqlite", "bench_state_write")

BENCHES = {f.__name__: f for f in (wide, narrow, catchup, nominal, epochs, packets, kafka, micro)}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--build", default=os.path.join(ROOT, "build"))
    p.add_argument("--weir")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--small", action="store_true")
    p.add_argument("name", nargs="*", help=", ".join(BENCHES))
    a = p.parse_args()
    parts = [n for n in a.name if n in KAFKA_PARTS and "kafka" in a.name]
    a.name = [n for n in a.name if n not in parts]
    unknown = [n for n in a.name if n not in BENCHES]
    if unknown:
        p.error("no bench %s; there are %s" % (", ".join(unknown), ", ".join(BENCHES)))
    b = Bench(a)
    b.parts = parts
    os.makedirs(CACHE, exist_ok=True)
    machine()
    for name in a.name or BENCHES:
        print("== %s: %s" % (name, BENCHES[name].__doc__.split("\n")[0]))
        BENCHES[name](b)


if __name__ == "__main__":
    main()
