#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pcap_minutes.py: the per-minute tables of real captures as P2 files, through weir, against the oracle.

Each capture of $WEIR_CORPORA/pcap has tables per minute and conversation (minutes_ip_outer.tsv,
minutes_5tuple_outer.tsv). This turns their rows into P2 lines of a layout of its own, made from the table's header,
runs weir to the end and compares all tables. A capture is one P2 directory, so captures years apart do not meet in one
watermark.

    WEIR_CORPORA=DIR pcap_minutes.py [--weir BINARY] [--only TEXT] [--keep]      skipped when WEIR_CORPORA is not set"""
import argparse
import csv
import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TEST, "oracle"), TEST]
import oracle  # noqa: E402
import run as runner  # noqa: E402

TABLES = ("minutes_ip_outer.tsv", "minutes_5tuple_outer.tsv")
MINIMA = {"ttl_min"}
MAXIMA = {"ttl_max"}
SAMPLINGS = ("rtt", "rtt_clean")

RECIPE = """\
weir: 1
name: corpora
include: [ layout.yaml ]
state: { path: state.db, every: 1s }
sources:
  p2: { type: directory, path: p2, format: p2, layouts: { tcp: minutes, udp: minutes, other: minutes } }
steps:
  tagged: { from: p2, tag: { table: networks.csv, of: { src: a_addr, dst: b_addr }, gives: [net, site, service] } }
  raw: { from: tagged, window: 1m, by: [srcNet, dstNet, proto] }
  site: { from: raw, cascade: [1m, 5m, 1h, 1d], ways: [src, dst, both], kind: site, rank: { top: 5, fields: default } }
  service: { from: raw, cascade: [1m, 5m, 1h, 1d], ways: [src, dst], kind: service }
  ports: { from: p2, window: 1m, by: [a_addr, b_addr, a_port, b_port, vlan] }
sinks:
  store: { type: sqlite, path: store.db, from: [raw, site, service, ports] }
"""

# Sites by address block: coarse on purpose, so that captures fall into several, some into none.
NETWORKS = """\
cidr,site,service
10.0.0.0/8,ten,private
10.0.0.0/16,ten-zero,private
172.16.0.0/12,sixteen,private
192.168.0.0/16,home,private
192.168.1.0/24,home,lan
192.168.1.1,gateway,router
0.0.0.0/1,lower,
2000::/3,six,global
fe80::/10,link,
ff00::/8,,multicast
224.0.0.0/4,,multicast
"""


def measures_of(header):
    """Measures of one direction, in order: [(name, type, agg, columns of the table)], names without ab_ / ba_."""
    names = [h[3:] for h in header if h.startswith("ab_")]
    out, seen = [], set()
    for n in names:
        if n.startswith("rtt_"):
            end = "_clean" if n.endswith("_clean") else ""
            if "rtt" + end not in seen:
                seen.add("rtt" + end)
                out.append(("rtt" + end, "sampling", "sampling",
                            ["rtt_%s%s" % (p, end) for p in ("n", "min", "avg", "max")]))
        else:
            out.append((n, "u64", "min" if n in MINIMA else "max" if n in MAXIMA else "sum", [n]))
    return out


def camel(direction, name):
    return direction + "".join(p.capitalize() for p in name.split("_"))


def layout_text(measures):
    lines = ["layout: minutes", "fields:", "  - { name: a_addr, type: ip }", "  - { name: b_addr, type: ip }",
             "  - { name: proto, type: u64 }", "  - { name: a_port, type: u64 }", "  - { name: b_port, type: u64 }",
             "  - { name: vlan, type: string }", "  - { name: firstTime, type: time }"]
    ranked = {"packets", "ip_bytes", "syn", "rtt"}
    for d, o in (("src", "dst"), ("dst", "src")):
        for name, kind, agg, _ in measures:
            lines.append("  - { name: %s, type: %s, measure: %s, agg: %s, mirror: %s%s }" % (
                camel(d, name) + "Field", kind, camel(d, name), agg, camel(o, name),
                ", rank: true" if name in ranked else ""))
    return "\n".join(lines) + "\n"


def direction_cells(row, prefix, measures):
    for _, kind, _, columns in measures:
        cells = [row[prefix + c] for c in columns]
        if kind == "sampling":
            yield ":".join(cells) if all(cells) and cells[0] != "0" else "-"
        else:
            yield cells[0] or "-"


def protocol_of(row):
    return {"6": "tcp", "17": "udp"}.get(row["proto"], "other")


def convert(table, folder):
    """Writes p2/, layout.yaml, networks.csv, weir.yaml; gives the number of lines."""
    with open(table, encoding="utf-8", newline="") as f:
        reader = csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)
        measures = measures_of(reader.fieldnames)
        # Packets without a time or without addresses have no minute or no pair.
        rows = [r for r in reader if r["a_addr"] and r["b_addr"] and r["minute_epoch"].isdigit()]
    files = {}
    for r in rows:
        # Several values in a cell (tunnels) stand outermost first; this table is of the outermost header.
        head = [r["a_addr"].split(",")[0], r["b_addr"].split(",")[0], r["proto"] or "-", r["a_port"] or "-",
                r["b_port"] or "-", r["vlan"] or "-", r["first_time"] or "-"]
        line = " ".join(head + list(direction_cells(r, "ab_", measures)) + list(direction_cells(r, "ba_", measures)))
        files.setdefault((int(r["minute_epoch"]), protocol_of(r)), []).append(line)
    os.makedirs(os.path.join(folder, "p2"))
    for (epoch, protocol), lines in files.items():
        with open(os.path.join(folder, "p2", "_%s_@%d" % (protocol, epoch)), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        with open(os.path.join(folder, "p2", "__@%d.finished" % epoch), "wb"):
            pass
    for name, text in (("layout.yaml", layout_text(measures)), ("networks.csv", NETWORKS), ("weir.yaml", RECIPE)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    return len(rows)


def try_table(weir, table, folder):
    """(rows compared, lines, fault or None)"""
    lines = convert(table, folder)
    p = subprocess.run([weir, "run", "weir.yaml", "--once"], cwd=folder, stdin=subprocess.DEVNULL, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    if p.returncode != 0:
        return 0, lines, "ended with %d\n%s" % (p.returncode, p.stdout.decode("utf-8", "replace")[-2000:])
    found, given = oracle.check_store(os.path.join(folder, "weir.yaml"), os.path.join(folder, "store.db"), limit=5)
    rows = sum(n for _, n in found.compared)
    if found.count:
        return rows, lines, "%d differences\n%s" % (found.count, "\n".join(found.shown))
    if len(given.records) + len(given.rejects) != lines:
        return rows, lines, "%d lines were written, %d read" % (lines, len(given.records))
    if given.rejects:
        return rows, lines, "%d lines refused, the first: %s" % (len(given.rejects), given.rejects[0])
    return rows, lines, None


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--only", default="", help="captures whose name has this text")
    p.add_argument("--keep", action="store_true")
    a = p.parse_args()
    corpora = os.environ.get("WEIR_CORPORA")
    if not corpora:
        print("corpora: skipped, WEIR_CORPORA is not set")
        return 0
    weir = runner.find_weir(a.weir)
    room = tempfile.mkdtemp(prefix="weir-corpora-")
    passed = failed = rows = lines = 0
    for capture in sorted(glob.glob(os.path.join(corpora, "pcap", "*", ""))):
        name = os.path.basename(os.path.dirname(capture))
        for table in TABLES:
            path = os.path.join(capture, table)
            if a.only not in name or not os.path.exists(path):
                continue
            compared, given, fault = try_table(weir, path, os.path.join(room, name + "-" + table))
            rows, lines = rows + compared, lines + given
            passed, failed = passed + (fault is None), failed + (fault is not None)
            if fault:
                print("FAIL %s %s: %s" % (name, table, fault))
    if a.keep:
        print("kept: %s" % room)
    else:
        shutil.rmtree(room)
    print("%d lines of real captures, %d rows compared" % (lines, rows))
    print("corpora: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
