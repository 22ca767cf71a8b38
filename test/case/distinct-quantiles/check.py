# SPDX-License-Identifier: Apache-2.0
"""check.py: feeds files while weir runs, kills it once, adds late lines, lets it finish, and holds every row against sets
and sorted lists; then runs all of it again at once, which must give the same rows."""
import collections
import os
import random
import sqlite3
import subprocess
import sys
import time

START, MINUTES, LINES = 1763719200, 12, 1200
SITES = {1: "north", 2: "south", 3: "west"}
BITS = {"srcPorts": 8, "dstPorts": 8, "agents": 12, "macs": 10, "targets": 10, "nets": 6, "sites": 10}
PERCENTS = {"size": (50, 90, 99), "took": (50, 95)}
rng = random.Random(11)
Line = collections.namedtuple("Line", "src dst srcPorts dstPorts agents macs size took")


def line():
    a, b = rng.choice((1, 1, 1, 2)), rng.choice((1, 2, 2, 3))
    null = rng.random() < 0.02
    return Line("10.%d.0.%d" % (a, rng.randrange(250)), "10.%d.%d.%d" % (b, rng.randrange(8), rng.randrange(250)),
                rng.randrange(1024, 9000), rng.choice((53, 80, 443, 443, rng.randrange(1024))),
                None if null else "agent/%d" % int(rng.expovariate(0.002)), "00:1b:21:00:%02x:%02x" %
                (rng.randrange(4), rng.randrange(256)), None if null else int(rng.paretovariate(0.9) * 40) - 40,
                round(rng.lognormvariate(-6, 2), 9))


def text(lines):
    return "".join(" ".join("-" if c is None else "%.9f" % c if isinstance(c, float) else str(c) for c in l) + "\n"
                   for l in lines)


def site(address):
    return SITES[int(address.split(".")[1])]


def feed(minute, lines, mode="w"):
    with open("p2/_tcp_@%d" % (START + 60 * minute), mode) as f:
        f.write(text(lines))
    open("p2/__@%d.finished" % (START + 60 * minute), "w").close()


def until(what):
    for _ in range(400):
        try:
            db = sqlite3.connect("file:store.db?mode=ro", uri=True)
            if db.execute("SELECT count(*) FROM p2_raw WHERE %s" % what).fetchone()[0]:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.05)
    sys.exit("waited in vain for %s" % what)


def run(*more):
    return subprocess.Popen([os.environ["WEIR"], "run", "weir.yaml", *more], stderr=open("log", "ab"))


def views(fed, key):
    """Group key -> [(line as that group sees it, derived values)], over (time, line)."""
    groups = collections.defaultdict(list)
    for t, l in fed:
        for k, seen in key(t, l):
            groups[k].append(seen)
    return groups


def mirrored(l):
    return l._replace(srcPorts=l.dstPorts, dstPorts=l.srcPorts)


def both(length):
    def key(t, l):
        a, b = site(l.src), site(l.dst)
        out = [((t - t % length, a), (l, True))]
        if a != b:
            out.append(((t - t % length, b), (mirrored(l), True)))
        else:
            out.append(((t - t % length, a), (mirrored(l), False)))  # only what is mirrored
        return out
    return key


def wanted(lines):
    """Column -> (exact value, how far off it may be)."""
    whole = [l for l, all_of_it in lines if all_of_it]
    sets = {m: {getattr(l, m) for l in whole} for m in ("agents", "macs")}
    sets.update({m: {getattr(l, m) for l, _ in lines} for m in ("srcPorts", "dstPorts")})
    sets["targets"] = {l.dst for l in whole}
    sets["nets"] = {l.dst.split(".")[1] for l in whole}
    sets["sites"] = {site(l.dst) for l in whole}
    out = {}
    for m, values in sets.items():
        n = len(values - {None})
        out[m] = (n, 5 * 1.04 / 2**(BITS[m] / 2) * n + 1)
    for m, percents in PERCENTS.items():
        values = sorted(getattr(l, m) for l in whole if getattr(l, m) is not None)
        for p in percents:
            v = values[-(-len(values) * p // 100) - 1]
            out["%s_p%d" % (m, p)] = (v, 0.0289 * v + 6e-8)
    return out


def rows(table):
    db = sqlite3.connect("store.db")
    db.row_factory = sqlite3.Row
    return [dict(r) for r in db.execute("SELECT * FROM %s" % table)]


def compare(table, keys, groups):
    wrong, found = 0, rows(table)
    wrong += {tuple(r[k] for k in keys) for r in found} != set(groups)
    for r in found:
        for column, (value, off) in wanted(groups[tuple(r[k] for k in keys)]).items():
            if r[column] is None or abs(r[column] - value) > off:
                print("%s %s: %s is %r, should be %r +- %.3f" % (table, r["timestamp"], column, r[column], value, off))
                wrong += 1
    print("%s: %d rows, %d faults" % (table, len(found), wrong))


def ranks(table):
    """Places follow the numbers shown; quantiles by the last one."""
    wrong, windows = 0, collections.defaultdict(list)
    for r in rows(table):
        windows[r["timestamp"]].append(r)
    for column, rank in (("targets", "targets_rank"), ("size_p99", "size_rank")):
        for w in windows.values():
            placed = sorted((r for r in w if r[rank]), key=lambda r: r[rank])
            wrong += not placed or [r[column] for r in placed] != sorted((r[column] for r in placed), reverse=True)
    print("%s: %d windows, %d faults" % (table, len(windows), wrong))


TABLES = ("p2_raw", "p2_srcsite_minutely", "p2_srcsite_fively", "p2_srcsite_hourly", "p2_bothsite_minutely",
          "p2_bothsite_fively", "p2_bothsite_hourly")


def numbers():
    """All that does not tell how a row came about."""
    return {t: sorted(str({c: v for c, v in r.items() if c not in ("closed_by", "revision")}) for r in rows(t))
            for t in TABLES}


def main():
    fed = []
    minutes = [[line() for _ in range(LINES)] for _ in range(MINUTES)]
    late = [line() for _ in range(400)]
    p = run()
    for m in range(5):
        feed(m, minutes[m])
    until("timestamp = %d" % (START + 180))
    p.kill()
    p.wait()
    p = run()
    feed(5, minutes[5])
    until("timestamp = %d" % (START + 300))
    feed(1, late, "a")
    until("revision > 0")
    p.kill()
    p.wait()
    for m in range(6, MINUTES):
        feed(m, minutes[m])
    if run("--once").wait() != 0:
        sys.exit("the last run failed")
    for m in range(MINUTES):
        fed += [(START + 60 * m, l) for l in minutes[m]]
    fed += [(START + 60, l) for l in late]
    compare("p2_raw", ("timestamp", "srcSite", "dstSite"),
            views(fed, lambda t, l: [((t, site(l.src), site(l.dst)), (l, True))]))
    for length, name in ((60, "minutely"), (300, "fively"), (3600, "hourly")):
        compare("p2_srcsite_" + name, ("timestamp", "site"),
                views(fed, lambda t, l, length=length: [((t - t % length, site(l.src)), (l, True))]))
        compare("p2_bothsite_" + name, ("timestamp", "site"), views(fed, both(length)))
    ranks("p2_bothsite_fively_rank")
    killed = numbers()
    for name in os.listdir("."):
        if name.startswith(("store.db", "state.db")):
            os.remove(name)
    if run("--once").wait() != 0:
        sys.exit("the run at once failed")
    print("the same numbers as of one run" if numbers() == killed else "other numbers than of one run")


main()
