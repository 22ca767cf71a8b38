# SPDX-License-Identifier: Apache-2.0
"""check.py: make: writes the input; else recomputes the tables from it and compares them with the store."""
import collections
import random
import sqlite3
import sys

START = 1763719200


def records():
    rng = random.Random(7)
    for minute in range(4):
        for kind in ("tcp", "udp"):
            for _ in range(2500):
                yield (START + 60 * minute, kind,
                       "10.%d.%d.%d" % (rng.choice((1, 4)), rng.randrange(3), rng.randrange(9)),
                       "10.%d.0.%d" % (rng.choice((2, 3, 5)), rng.randrange(9)), kind, rng.choice((53, 80, 443, 8080)),
                       rng.choice((None, rng.randrange(2000), rng.randrange(200000))), rng.randrange(3000))


def make():
    files = collections.defaultdict(list)
    for start, kind, *cells in records():
        files["p2/_%s_@%d" % (kind, start)].append(" ".join("-" if c is None else str(c) for c in cells))
    for name, lines in files.items():
        with open(name, "w") as f:
            f.write("\n".join(lines) + "\n")
    for minute in range(4):
        open("p2/__@%d.finished" % (START + 60 * minute), "w").close()


def add(row, *values):
    row[0] += 1
    for i, (how, value) in enumerate(values, 1):
        row[i] = value if row[i] is None else how(row[i], value)


def compute():
    def table():
        return collections.defaultdict(lambda: [0, None, None, None])
    sizes, sites, names, hits, ledger = table(), table(), table(), collections.Counter(), collections.Counter()

    def plus(a, b):
        return b if a is None else a if b is None else a + b
    for start, _, src, dst, proto, port, out, back in records():
        ledger["read"] += 1
        taken = False
        total = None if out is None else out + back
        if port in (80, 443) and total is not None and total >= 1000:
            taken = True
            size = "large" if total >= 100000 else "middle" if total >= 10000 else "small"
            add(sizes[start, size, port], (plus, total), (plus, out))
            if src.startswith("10.1."):
                most = max(out, back)
                site = {"2": "berlin", "3": "oslo"}.get(dst.split(".")[1], "")
                add(sites[start // 90 * 90, site], (max, most), (plus, out), (plus, total))
                if most > 90000 and site == "berlin":
                    hits[start, src, size, most, site] += 1
        if proto == "udp" and port == 53:
            taken = True
            add(names[start // 120 * 120, src], (plus, out))
        ledger["applied" if taken else "filtered"] += 1
    return sizes, sites, names, hits, ledger


def main():
    if sys.argv[1:] == ["make"]:
        return make()
    sizes, sites, names, hits, ledger = compute()
    db = sqlite3.connect("store.db")
    wrong = 0

    def compare(what, found, wanted):
        nonlocal wrong
        differ = set(found.items()) ^ set(wanted.items())
        print("%s: %d rows" % (what, len(wanted)))
        for each in sorted(differ, key=str)[:6]:
            print("  differs: %s" % (each,))
        wrong += len(differ)

    def groups(sql, keys):
        return {tuple("" if v is None else v for v in r[:keys]): tuple(r[keys:]) for r in db.execute(sql)}
    compare("sizes", groups("SELECT timestamp, size, port, records, total, srcBytes FROM p2_sizes", 3),
            {k: tuple(v[:3]) for k, v in sizes.items()})
    compare("sites", groups("SELECT timestamp, dstSite, records, most, srcBytes, total FROM p2_sites", 2),
            {k: tuple(v) for k, v in sites.items()})
    compare("names", groups("SELECT timestamp, srcIP, records, srcBytes FROM p2_names", 2),
            {k: tuple(v[:2]) for k, v in names.items()})
    compare("hits", collections.Counter(db.execute("SELECT timestamp, srcIP, size, most, dstSite FROM p2_hits")), hits)
    numbers = [r[0] for r in db.execute("SELECT arrived FROM p2_hits ORDER BY arrived")]
    wrong += numbers != list(range(1, len(numbers) + 1))
    row = db.execute("SELECT read, applied, late, filtered, rejected FROM p2_ledger ORDER BY timestamp DESC").fetchone()
    wanted = (ledger["read"], ledger["applied"], 0, ledger["filtered"], 0)
    print("ledger: read %d = applied %d + late %d + filtered %d + rejected %d" % row)
    wrong += row != wanted
    print("%d differences" % wrong)
    return 0


sys.exit(main())
