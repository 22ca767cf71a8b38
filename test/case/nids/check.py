# SPDX-License-Identifier: Apache-2.0
"""check.py: see README.md.

    check.py rows STORE FILE...     every row of the store against the spool files
    check.py eve FILE... >eve.json  the same alerts as Suricata writes them
    check.py suricata RECIPE        the recipe with the comments of its two halves exchanged
    check.py kill RECIPE STORE      runs it --once, killed at random, until it ends by itself; against STORE"""
import collections
import datetime
import ipaddress
import json
import math
import os
import random
import re
import sqlite3
import struct
import subprocess
import sys
import time

LEVELS = {"minutely": 60, "fively": 300, "hourly": 3600, "daily": 86400}
Alert = collections.namedtuple("Alert", "us gid sid message priority source target port sport protocol size ssite tsite direction")


def names():
    out = {}
    for line in open("demo/spool/sid-msg.map"):
        if " || " in line:
            sid, message = line.rstrip("\n").split(" || ")
            out[1, int(sid)] = message
    for line in open("demo/spool/gen-msg.map"):
        if " || " in line:
            gid, sid, message = line.rstrip("\n").split(" || ")
            out[int(gid), int(sid)] = message
    return out


def nets():
    rows = [line.strip().split(",") for line in open("conf/networks.csv") if line[0] not in "#c"]
    return sorted(((ipaddress.ip_network(r[0]), r[1]) for r in rows), key=lambda n: -n[0].prefixlen)


def site_of(known, table, address):
    if address not in known:
        known[address] = next((site for net, site in table if address.version == net.version and address in net), None)
    return known[address]


def records(path):
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        kind, length = struct.unpack_from(">II", data, at)
        yield kind, data[at + 8:at + 8 + length]
        at += 8 + length


def alerts(paths):
    """Each event with the bytes of its packets."""
    name, table, known, out, size = names(), nets(), {}, {}, collections.Counter()
    for path in paths:
        for kind, b in records(path):
            if kind == 2:
                number, = struct.unpack_from(">I", b, 4)
                size[number] += struct.unpack_from(">I", b, 24)[0]
                continue
            width = {7: 4, 72: 16}[kind]
            number, second, us, sid, gid, _, _, priority = struct.unpack_from(">8I", b, 4)
            source, target = (ipaddress.ip_address(b[36 + i * width:36 + (i + 1) * width]) for i in (0, 1))
            sport, port, protocol = struct.unpack_from(">HHB", b, 36 + 2 * width)
            s, t = site_of(known, table, source), site_of(known, table, target)
            direction = (("local" if t else "outgoing") if s else "incoming" if t else "foreign")
            out[number] = [second * 1000000 + us, gid, sid, name.get((gid, sid)), priority, str(source), str(target), port,
                           sport, protocol, 0, s, t, direction]
    for number, a in out.items():
        a[10] = size[number]
    return [Alert(*a) for a in out.values()]


def key_of(step, a):
    """As a key stands in the store: what is not known is empty."""
    pair = (a.gid, a.sid, a.message or "", a.source, a.target)
    return {"signatures": pair[:3], "sources": (a.source, a.ssite or ""), "targets": (a.target, a.tsite or ""),
            "pairs": pair + (a.direction,), "lines": pair + (a.port, a.direction)}[step]


STEPS = {  # its keys, what it counts different ones of
    "signatures": ("generator, rule, message", {"sources": "source", "targets": "target"}),
    "sources": ("source, sourceSite", {"targets": "target", "rules": "sid"}),
    "targets": ("target, targetSite", {"sources": "source", "rules": "sid"}),
    "pairs": ("generator, rule, message, source, target, direction", {}),
    "lines": ("generator, rule, message, source, target, port, direction", {}),
}


def grouped(every, step, seconds):
    groups = collections.defaultdict(list)
    for a in every:
        groups[(a.us // 1000000 // seconds * seconds,) + key_of(step, a)].append(a)
    return groups


def near(estimate, value):
    """Within five standard errors of a sketch of 2^8 bytes."""
    return abs(estimate - value) <= 1 + 5 * 1.04 / 16 * value


def quantile(values, percent):
    return sorted(values)[math.ceil(percent * len(values) / 100) - 1]


def row_good(row, group, step):
    if row["alerts"] != len(group) or row["records"] != len(group) or row["gravest"] != min(a.priority for a in group):
        return False
    if abs(row["firstSeen"] * 1e6 - min(a.us for a in group)) > 1 or abs(row["lastSeen"] * 1e6 - max(a.us for a in group)) > 1:
        return False
    for column, of in STEPS[step][1].items():
        if not near(row[column], len({getattr(a, of) for a in group})):
            return False
    for percent in (50, 99) if step == "signatures" else ():
        if abs(row["size_p%d" % percent] / quantile([a.size for a in group], percent) - 1) > 0.03:
            return False
    return step != "lines" or (row["sourceSite"], row["targetSite"]) == (group[0].ssite, group[0].tsite)


def compare(db, table, step, groups):
    keys = STEPS[step][0].split(", ")
    rows = {tuple(r[k] for k in ["timestamp"] + keys): r for r in db.execute("SELECT * FROM nids_" + table)}
    faults = set(rows) ^ set(groups)
    faults |= {k for k in set(rows) & set(groups) if not row_good(rows[k], groups[k], step)}
    for k in sorted(faults, key=repr)[:3]:
        print("fault: %s %s: %s" % (table, k, dict(rows[k]) if k in rows else "is not there"))
    return rows, len(faults)


def compare_rank(db, table, step, rows):
    """Of each window and measure the first 100, and no row that is not one of them."""
    keys, faults = ["timestamp"] + STEPS[step][0].split(", "), 0
    ranked = {tuple(r[k] for k in keys): r for r in db.execute("SELECT * FROM nids_%s_rank" % table)}
    windows = collections.defaultdict(list)
    for k in rows:
        windows[k[0]].append(k)
    wanted = set()
    for members in windows.values():
        whole = sum(rows[k]["alerts"] for k in members)
        for measure in ["alerts"] + list(STEPS[step][1]):
            values = sorted((rows[k][measure] for k in members), reverse=True)
            place = {}
            for i, v in enumerate(values):
                place.setdefault(v, i + 1)
            least = values[min(len(values), 100) - 1]
            have = [k for k in members if k in ranked and ranked[k][measure + "_rank"] is not None]
            faults += len(have) != min(len(values), 100)
            faults += sum(ranked[k][measure + "_rank"] != place[rows[k][measure]] or rows[k][measure] < least for k in have)
            wanted |= set(have)
        if step == "signatures":
            faults += sum(abs(ranked[k]["alerts_share"] - rows[k]["alerts"] / whole) > 1e-9 for k in members if k in ranked)
    return len(ranked), faults + len(wanted ^ set(ranked))


def check_rows(store, paths):
    every = alerts(paths)
    db = sqlite3.connect(store)
    db.row_factory = sqlite3.Row
    rows, faults = compare(db, "lines", "lines", grouped(every, "lines", 3600))
    print("%d alerts; %d lines, %d faults" % (len(every), len(rows), faults))
    for step in ("signatures", "sources", "targets", "pairs"):
        said = []
        for level, seconds in LEVELS.items():
            table = "%s_%s" % (step, level)
            rows, faults = compare(db, table, step, grouped(every, step, seconds))
            ranked, wrong = compare_rank(db, table, step, rows)
            said.append("%s %d, ranked %d" % (level, len(rows), ranked) + (" (%d + %d FAULTS)" % (faults, wrong) if faults + wrong else ""))
        print("%s: %s" % (step, "; ".join(said)))


def write_eve(paths):
    for i, a in enumerate(alerts(paths)):
        when = datetime.datetime.fromtimestamp(a.us // 1000000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        event = {"timestamp": "%s.%06d+0000" % (when, a.us % 1000000), "flow_id": i, "event_type": "alert", "src_ip": a.source,
                 "src_port": a.sport, "dest_ip": a.target, "dest_port": a.port, "proto": "TCP",
                 "alert": {"gid": a.gid, "signature_id": a.sid, "rev": 1, "severity": a.priority},
                 "flow": {"bytes_toserver": a.size - 20, "bytes_toclient": 20}}
        if a.message:
            event["alert"]["signature"] = a.message
        print(json.dumps(event))
        if i % 7 == 0:
            print(json.dumps(dict(event, event_type="flow")))


def suricata(recipe):
    """Snort's `nids` and `seen` become comments, Suricata's no longer are."""
    out, off = [], False
    for line in open(recipe).read().split("\n"):
        if re.match("  (nids|seen):", line):
            off = True
        elif not line.startswith("    "):
            off = False
        shown = re.match("  # ((nids|seen):.*|  .*)", line)
        out.append("# " + line if off else "  " + shown.group(1) if shown else line)
    print("\n".join(out).replace("/var/log/suricata/eve.json", "../eve.json").replace("../demo/nids", "../demo/eve"))


def everything(store):
    db, out = sqlite3.connect(store), {}
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'nids\\_%' ESCAPE '\\'").fetchall():
        columns = [r[1] for r in db.execute("PRAGMA table_info(%s)" % table) if r[1] not in ("closed_by", "revision")]
        if "ledger" not in table:
            out[table] = sorted(db.execute("SELECT %s FROM %s" % (", ".join(columns), table)), key=repr)
    return out


def kill(recipe, store):
    r, struck = random.Random(1), 0
    with open("log", "ab") as log:
        while struck < 12:
            w = subprocess.Popen([os.environ["WEIR"], "run", recipe, "--once"], stderr=log)
            time.sleep(r.uniform(0.03, 0.2))
            w.kill()
            if w.wait() == 0:
                break
            struck += 1
        if subprocess.call([os.environ["WEIR"], "run", recipe, "--once"], stderr=log):
            sys.exit("weir failed: " + open("log").read())
    mine, other = everything("demo/killed.db"), everything(store)
    bad = [t for t in mine if mine[t] != other.get(t)]
    print("killed%s: %d tables, the same rows: %s" % ("" if struck else " (NEVER)", len(mine), bad or mine.keys() == other.keys()))


def main():
    what, *rest = sys.argv[1:]
    {"rows": lambda: check_rows(rest[0], rest[1:]), "eve": lambda: write_eve(rest), "suricata": lambda: suricata(rest[0]),
     "kill": lambda: kill(*rest)}[what]()


main()
