#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packets.py: weir p2 beside softflowd, nfpcapd and tshark, on the same captures, in the same run.

    bench/packets.py [--weir BINARY] [--rounds N] [--small] [--packets N] [--peers NAME,..] [--keep]
    bench/packets.py --make FILE [--packets N] [--conversations N] [--seed N] [--snap N|small]     only writes a capture

Three captures are made by mix.c (built here with cc), once, into bench/.cache: an ordinary mix of whole frames (bulk,
web, DNS, a scan; 100,000 conversations in five minutes), the same mix cut to 60 bytes a frame, and 60-byte frames each
of which is of another of 100,000 pairs, at random. They are read through first, so that all read from the page cache.
One core each. tshark reads the first part of the mix only, and its time is scaled: it is that slow. softflowd sends its
flows to a port where nobody listens, and may hold all of them (-m), so that it never looks for one to expire; nfpcapd
writes its files into the cache folder.

Bars (mix): 3 million packets/s a core with full TCP analysis; 6 times softflowd, 100 times tshark -T fields, faster
than nfpcapd. 60 bytes, --no-tcp: 5 million packets/s, of the mix cut short. The random pairs have no bar: no packet has
to do with those before it, which no traffic is like; they measure the machine's memory."""
import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

from harness import CACHE, HERE, interleaved, machine, median, run, runner, show, show_runs

TSHARK_PACKETS = 100000
TSHARK_FIELDS = ["frame.time_epoch", "ip.src", "ip.dst", "ip.proto", "tcp.srcport", "tcp.dstport", "udp.srcport",
                 "udp.dstport", "ip.len", "tcp.flags", "tcp.analysis.retransmission", "tcp.analysis.ack_rtt"]


def mix_program():
    """mix, built again when its source is newer."""
    os.makedirs(CACHE, exist_ok=True)
    source, program = os.path.join(HERE, "mix.c"), os.path.join(CACHE, "mix")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, source], check=True)
    return program


def make(path, packets, conversations=100000, seed=1, snap="0"):
    """{"packets", "bytes"} of the capture written to `path`."""
    out = subprocess.run([mix_program(), path, str(packets), str(conversations), str(seed), str(snap)], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out)


def made(name, *options):
    """(path, {"packets", "bytes"}) of a capture in the cache."""
    path = os.path.join(CACHE, name + ".pcap")
    told, key = path + ".json", list(map(str, options))
    if os.path.exists(told):
        with open(told, encoding="utf-8") as f:
            facts = json.load(f)
        if facts["key"] == key and os.path.exists(path):
            return path, facts
    facts = dict(make(path, *options), key=key)
    with open(told, "w", encoding="utf-8") as f:
        json.dump(facts, f)
    return path, facts


def first_packets(path, count, to):
    """A capture of the first packets of another."""
    with open(path, "rb") as f, open(to, "wb") as out:
        out.write(f.read(24))
        for _ in range(count):
            head = f.read(16)
            if len(head) < 16:
                break
            out.write(head + f.read(struct.unpack("<4I", head)[2]))
    return to


def read_through(path):
    with open(path, "rb") as f:
        while f.read(1 << 24):
            pass


def fresh(name):
    folder = os.path.join(CACHE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def weir_p2(weir, path, *more):
    """One run into a new folder; .stats is what it says itself."""
    folder = fresh("p2-out")
    stats = os.path.join(CACHE, "p2-stats.json")
    r = run([weir, "p2", "-r", path, "-d", folder, "--stats", stats, "--quiet"] + list(more), cores="0")
    with open(stats, encoding="utf-8") as f:
        r.stats = json.load(f)
    return r


def peers_of(path, few):
    """name -> (what to run, share of the mix's packets that it reads)."""
    out = {}
    if shutil.which("softflowd"):
        out["softflowd"] = lambda: run(["softflowd", "-d", "-r", path, "-n", "127.0.0.1:9", "-m", "2000000",
                                        "-p", os.path.join(CACHE, "softflowd.pid"), "-c", "none"], cores="0")
    if shutil.which("nfpcapd"):
        out["nfpcapd"] = lambda: run(["nfpcapd", "-r", path, "-w", fresh("nfpcapd-out")], cores="0")
    if shutil.which("tshark"):
        fields = [x for f in TSHARK_FIELDS for x in ("-e", f)]
        out["tshark"] = lambda: run(["tshark", "-n", "-r", few, "-T", "fields"] + fields, cores="0")
    return out


def compare(a, weir):
    scale = 100 if a.small else 1
    path, facts = made("mix-small" if a.small else "mix", a.packets // scale, 100000 // scale, a.seed, 0)
    count = facts["packets"]
    few_count = min(TSHARK_PACKETS, count)
    few = first_packets(path, few_count, os.path.join(CACHE, "mix-few.pcap"))
    read_through(path)
    print("mix: %d packets, %.1f MB, %.0f bytes a packet" % (count, facts["bytes"] / 1e6, facts["bytes"] / count))
    peers = peers_of(path, few)
    if a.peers is not None:
        peers = {n: go for n, go in peers.items() if n in a.peers.split(",")}
    contestants = {"weir": lambda: weir_p2(weir, path), "weir --no-tcp": lambda: weir_p2(weir, path, "--no-tcp")}
    results = interleaved(a.rounds, {**contestants, **peers})
    rate = {n: (few_count if n == "tshark" else count) / 1e6 / median(results[n], lambda r: r.cpu) for n in results}
    for n in results:
        show("million packets per CPU second: %s" % n, rate[n], "M/s", (">", 3) if n == "weir" else None)
    show_runs("weir, wall", results["weir"], lambda r: r.wall, "s")
    show_runs("weir, resident memory, greatest", results["weir"], lambda r: r.rss, "MiB")
    own = results["weir"][0].stats
    print("  weir says %d packets, %d bytes, %d lines" % (own["packets"], own["bytes"], own["files"]["lines"]))
    for n, bar in (("softflowd", 6), ("tshark", 100), ("nfpcapd", 1)):
        if n in rate:
            show("weir over %s, packets per CPU second" % n, rate["weir"] / rate[n], "times", (">", bar))
    if own["packets"] != count:
        sys.exit("weir read %d packets of %d" % (own["packets"], count))
    shorts = compare_short(a, weir, scale)
    if not a.keep:
        for p in [path, few] + shorts:
            os.unlink(p)


def compare_short(a, weir, scale):
    """60 bytes a frame: the mix cut short, and random pairs. Gives the captures."""
    tail = "-small" if a.small else ""
    cut, cut_facts = made("mix-cut60" + tail, a.packets // scale, 100000 // scale, a.seed, 60)
    pairs, pairs_facts = made("pairs60" + tail, 4 * a.packets // 3 // scale, 100000 // scale, a.seed, "small")
    for p in (cut, pairs):
        read_through(p)
    results = interleaved(a.rounds, {"cut": lambda: weir_p2(weir, cut, "--no-tcp"),
                                     "cut, TCP": lambda: weir_p2(weir, cut),
                                     "pairs": lambda: weir_p2(weir, pairs, "--no-tcp")})

    def rate(name, facts):
        return facts["packets"] / 1e6 / median(results[name], lambda r: r.cpu)
    show("mix cut to 60 bytes, --no-tcp, per CPU second", rate("cut", cut_facts), "M/s", (">", 5))
    show("mix cut to 60 bytes, per CPU second", rate("cut, TCP", cut_facts), "M/s")
    show("random pairs, --no-tcp, per CPU second", rate("pairs", pairs_facts), "M/s")
    return [cut, pairs]


def day(a, weir):
    """24 h of traffic through a pipe: what an hour and what the day holds in memory."""
    held = []
    for times in (12, 288):
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            command = '"$0" /dev/fd/3 %d %d %d 60 %d 3>&1 >/dev/null | "$1" p2 -r - -d "$2" --quiet --stats "$3"' % (
                50000 // (100 if a.small else 1), 5000, a.seed, times)
            told = os.path.join(folder, "stats.json")
            run(["bash", "-c", command, mix_program(), weir, os.path.join(folder, "p2"), told])
            with open(told, encoding="utf-8") as f:
                stats = json.load(f)
            held.append(stats["rss_max_kib"] / 1024)
            show("memory after %g h, %d packets" % (times / 12, stats["packets"]), held[-1], "MiB")
    show("memory of 24 h over that of the first", held[1] / held[0], "times", ("<", 1.1))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--small", action="store_true", help="a hundredth: figures mean nothing")
    p.add_argument("--packets", type=int, default=3000000, help="of the mix, about")
    p.add_argument("--conversations", type=int, default=100000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--snap", default="0", help="bytes kept of a frame; 0: all; small: 60-byte frames")
    p.add_argument("--peers", help="softflowd,nfpcapd,tshark: those of them that are there")
    p.add_argument("--keep", action="store_true", help="leave the captures in bench/.cache")
    p.add_argument("--make", metavar="FILE")
    a = p.parse_args()
    if a.make:
        print(json.dumps(make(a.make, a.packets, a.conversations, a.seed, a.snap)))
        return
    machine()
    compare(a, runner.find_weir(a.weir))
    day(a, runner.find_weir(a.weir))


if __name__ == "__main__":
    main()
