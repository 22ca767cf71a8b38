#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""recording.py: makes small P2 recordings that visit the corners: nulls, IPv6, both ends in one site, nested nets,
addresses no net has, samplings of several parts, huge and equal numbers, refused lines, missing and empty files.

Works from any layouts (it fills fields by their type). The same seed gives the same bytes. For large recordings there
is `weir gen p2`; this one does not share a line of code with it.

    recording.py --layouts FILE --dir DIR [--seed N] [--minutes N] [--lines N] [--start EPOCH] [--bad F]"""
import argparse
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle  # noqa: E402
import plainyaml  # noqa: E402


def networks(rng, sites=12):
    """Text of a CSV and the addresses to draw from: (csv, [address])."""
    rows, hosts = ["cidr,site,service"], []
    for s in range(sites):
        site = "site-%02d" % s
        rows.append("10.%d.0.0/16,%s,%s" % (s, site, "lan" if s % 3 else ""))
        rows.append('10.%d.7.0/24,%s,"web, public"' % (s, site))
        rows.append("10.%d.7.128/25,,%s" % (s, "dns"))
        rows.append("2001:db8:%x::/48,%s,v6" % (s, site))
        rows.append("2001:db8:%x:7::1,%s,host" % (s, site))
        hosts += ["10.%d.%d.%d" % (s, rng.choice((1, 2, 7)), rng.randrange(1, 255)) for _ in range(6)]
        hosts += ["2001:db8:%x:%x::%x" % (s, rng.choice((1, 7)), rng.randrange(1, 4)) for _ in range(2)]
    hosts += ["192.0.2.%d" % i for i in range(1, 6)] + ["2001:db8:ffff::%d" % i for i in range(1, 4)]
    hosts += ["::ffff:10.0.1.1", "2001:DB8:0:0:0:0:0:1"]
    rows += ["# the rest of the world has no site", "", "0.0.0.0/0,,internet"] if rng.random() < 0.5 else []
    return "\n".join(rows) + "\n", hosts


def sampling(rng):
    parts = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        low, high = sorted(rng.randrange(10**9) for _ in range(2))
        mean = (low + high) / 2
        parts.append("%d:%.9f:%s:%.9f" % (rng.choice((0, 1, 3, 70)), low / 1e9, repr(mean / 1e9), high / 1e9))
    return ";".join(parts)


def cell(rng, field, hosts, epoch, null):
    if field is None or rng.random() < 0.04 and field.name not in ("srcIP", "dstIP", "protocol"):
        return null
    if field.type == "ip":
        return null if rng.random() < 0.005 else rng.choice(hosts)
    if field.type == "u64":
        return str(rng.choice((0, 1, 1, 2, 3, rng.randrange(1000), rng.randrange(1000), rng.randrange(10**7))))
    if field.type == "f64":
        return repr(rng.random() * 1000)
    if field.type == "time":
        return "%d.%06d" % (epoch + rng.randrange(60), rng.randrange(10**6))
    if field.type == "mac":
        return oracle.mac_text(rng.randrange(2**48))
    if field.type == "sampling":
        return sampling(rng)
    if field.type == "string":
        return rng.choice(("a", "b", "\u00e4\u00f6", "x" * 40))
    return ",".join(str(rng.randrange(100)) for _ in range(int(field.type[5:-1])))


def bad_line(rng, line, layout):
    """A line that must be refused, whatever columns are used."""
    cells = line.split(layout.separator)
    return rng.choice((" ".join(cells[:-1]), line + " 1", "x", line[:20] + "\0" + line[20:],
                       " ".join(["10.0.0.256"] + cells[1:]), ""))


def protocol_number(rng, word):
    return {"tcp": "6", "udp": "17"}.get(word) or rng.choice(("1", "47", "50", "58"))


def file_text(rng, layout, word, epoch, lines, hosts, bad):
    out = []
    for _ in range(lines):
        cells = [protocol_number(rng, word) if f is not None and f.name == "protocol"
                 else cell(rng, f, hosts, epoch, layout.null) for f in layout.fields]
        line = layout.separator.join(cells)
        out.append(bad_line(rng, line, layout) if rng.random() < bad else line)
    end = "\r\n" if rng.random() < 0.2 else "\n"
    text = end.join(out) + ("" if rng.random() < 0.2 else end)
    return text.encode()


def files(layouts, seed=1, minutes=4, lines=60, start=1763719200, bad=0.02):
    """(csv of networks, [(name, bytes)] in the order P2 writes them, markers with b"" last of each minute)."""
    rng = random.Random(seed)
    csv, hosts = networks(rng)
    out = []
    for minute in range(minutes):
        epoch = start + 60 * minute
        for word, layout in layouts.items():
            if rng.random() < 0.08:
                continue
            n = 0 if rng.random() < 0.08 else rng.randrange(lines // 2, lines + 1)
            out.append(("_%s_@%d" % (word, epoch), file_text(rng, layout, word, epoch, n, hosts, bad) if n else b""))
        out.append(("__@%d.finished" % epoch, b""))
    return csv, out


def named_layouts(path):
    """The layouts of a file by the protocol word their names end in."""
    found = {}
    for part in plainyaml.load(path):
        for layout in oracle.layouts_in(part):
            found[layout.name.split("-")[-1]] = layout
    return {w: found[w] for w in ("tcp", "udp", "other") if w in found}


def write(directory, made):
    csv, parts = made
    os.makedirs(os.path.join(directory, "p2"), exist_ok=True)
    with open(os.path.join(directory, "networks.csv"), "w", encoding="utf-8") as f:
        f.write(csv)
    for name, data in parts:
        with open(os.path.join(directory, "p2", name), "wb") as f:
            f.write(data)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--layouts", required=True)
    p.add_argument("--dir", required=True, help="gets p2/ and networks.csv")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--minutes", type=int, default=4)
    p.add_argument("--lines", type=int, default=60)
    p.add_argument("--start", type=int, default=1763719200)
    p.add_argument("--bad", type=float, default=0.02)
    a = p.parse_args()
    write(a.dir, files(named_layouts(a.layouts), a.seed, a.minutes, a.lines, a.start, a.bad))


if __name__ == "__main__":
    main()
