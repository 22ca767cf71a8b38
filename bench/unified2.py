#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""unified2.py: weir u2 beside idstools' u2json (PyPI, idstools), on the same spool file, in the same run.

    bench/unified2.py [--weir BINARY] [--rounds N] [--small] [--events N] [--data BYTES] [--u2json PROGRAM]

A million events (types 104 and 7, some of IPv6) of a packet each, whose sizes are those that alerts have (60 bytes to 1,514,
404 on average; --data gives all the same size), made once into bench/.cache. Both print JSON to /dev/null; one core each; the
file is read through first. idstools reads the first part only, and its time is scaled: it is that slow. It is installed into
a virtual environment in bench/.cache by pip, unless --u2json names it or it is in the path.

Bars: 1.5 million events/s a core, 20 times idstools."""
import argparse
import os
import random
import shutil
import subprocess
import sys

from harness import CACHE, interleaved, machine, median, run, runner, show, show_runs
import unified2

IDSTOOLS = "idstools==0.6.5"
PEER_EVENTS = 50000
SIZES = (60, 60, 66, 74, 74, 90, 105, 122, 160, 210, 280, 370, 512, 640, 1010, 1514, 1514)


def frame(rng, size):
    """Ethernet, IPv4, TCP and bytes of all sorts."""
    head = bytes.fromhex("02000000000b02000000000a0800") + bytes([0x45, 0]) + (size - 14).to_bytes(2, "big")
    return (head + rng.randbytes(size))[:size]


def pairs(events, data, seed=1):
    """Event and packet, again and again, out of a few hundred that differ; ids and seconds go on."""
    rng = random.Random(seed)
    forms = []
    for _ in range(500):
        ends = ("2001:db8::%x" % rng.randrange(65536), "2001:db8:1::%x" % rng.randrange(65536)) if rng.random() < 0.05 else (
            "10.%d.%d.%d" % tuple(rng.randrange(256) for _ in range(3)), "192.168.%d.%d" % (rng.randrange(256), rng.randrange(256)))
        e = unified2.event(0, *ends, sid=rng.randrange(1, 3000000), gid=rng.choice((1, 1, 1, 1, 3, 116, 129)), rev=rng.randrange(1, 20),
                           us=rng.randrange(1000000), sport=rng.randrange(1024, 65536), dport=rng.choice((80, 443, 25, 53, 8080)),
                           class_id=rng.randrange(1, 35), priority=rng.randrange(1, 4), vlan=rng.choice((0, 0, 12, None)))
        p = unified2.packet(0, frame(rng, data or rng.choice(SIZES)), us=rng.randrange(1000000))
        forms.append((bytearray(e), bytearray(p)))
    for i in range(events):
        e, p = forms[i % len(forms)]
        number, second = (i & 0xffff).to_bytes(4, "big"), (unified2.T0 + i // 100).to_bytes(4, "big")
        e[12:16] = p[12:16] = number
        e[16:20] = p[16:20] = p[20:24] = second
        yield e
        yield p


def made(events, data):
    """Path of the file; made once for these figures."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.join(CACHE, "unified2-%d-%d.u2" % (events, data))
    if not os.path.exists(path):
        with open(path + ".part", "wb") as f:
            f.writelines(pairs(events, data))
        os.rename(path + ".part", path)
    return path


def u2json(given):
    """The peer's program, or None."""
    if given or shutil.which("idstools-u2json"):
        return given or shutil.which("idstools-u2json")
    room = os.path.join(CACHE, "idstools")
    program = os.path.join(room, "bin", "idstools-u2json")
    if not os.path.exists(program):
        for command in ([sys.executable, "-m", "venv", room], [os.path.join(room, "bin", "pip"), "install", "-q", IDSTOOLS]):
            if subprocess.run(command, check=False).returncode:
                print("  idstools cannot be installed: left out")
                return None
    return program


def quiet(*command):
    return run(["sh", "-c", 'exec "$@" >/dev/null', "sh", *command], cores="0")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--small", action="store_true", help="a hundredth of the events")
    p.add_argument("--events", type=int, default=1000000)
    p.add_argument("--data", type=int, default=0, help="bytes of every packet")
    p.add_argument("--u2json", help="idstools' program")
    a = p.parse_args()
    weir, events = runner.find_weir(a.weir), a.events // 100 if a.small else a.events
    few_events = min(PEER_EVENTS, events)
    path, few, peer = made(events, a.data), made(few_events, a.data), u2json(a.u2json)
    machine()
    with open(path, "rb") as f:
        while f.read(1 << 24):
            pass
    print("%d events of a packet each, %.1f MB" % (events, os.path.getsize(path) / 1e6))
    contestants = {"weir u2": lambda: quiet(weir, "u2", path), "weir u2 --join": lambda: quiet(weir, "u2", "--join", path),
                   "weir u2 --text": lambda: quiet(weir, "u2", "--text", path)}
    if peer:
        contestants["idstools"] = lambda: quiet(peer, few)
    results = interleaved(a.rounds, contestants)
    rate = {n: (few_events if n == "idstools" else events) / 1e6 / median(results[n], lambda r: r.cpu) for n in results}
    for n in results:
        show("million events per CPU second: %s" % n, rate[n], "M/s", (">", 1.5) if n == "weir u2" else None)
    show_runs("weir u2, wall", results["weir u2"], lambda r: r.wall, "s")
    show_runs("weir u2, resident memory, greatest", results["weir u2"], lambda r: r.rss, "MiB")
    if peer:
        show("weir u2 over idstools", rate["weir u2"] / rate["idstools"], "times", (">", 20))


if __name__ == "__main__":
    main()
