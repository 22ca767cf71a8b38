#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""capture.py: the source `capture` on an interface, over a pair of virtual ones: what was sent is what was
counted, plus what was said to be lost.

With time to read nothing is lost, nor by an end in the middle of a minute, whether weir is told to end or the
interface is removed; with weir stopped (SIGSTOP) while more is sent than its ring can hold, the kernel counts the
rest. After SIGKILL the open minute is gone, and the next start says so. Minutes end by the wall clock: nothing is
sent any more then.

    capture.py [--weir BINARY] [--part I/N] [TEST...]        root only, else skipped (exit 77); up to six minutes"""
import argparse
import datetime
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = os.path.dirname(HERE)
sys.path.insert(0, TEST)
import packets  # noqa: E402
import run as runner  # noqa: E402

RECIPE = """\
weir: 1
name: live
include: [ {layouts} ]
state: {{ path: state.db, every: 1s }}
sources:
  p2:
    type: capture
    interface: {here}
    filter: src net 10.77.0.0/16
    ring: 1MiB
    layouts: {{ tcp: p2-tcp, udp: p2-udp, other: p2-other }}
steps:
  raw: {{ from: p2, window: 1m, by: [srcIP, protocol], measures: [srcPackets, srcBytes] }}
sinks:
  store: {{ type: sqlite, path: store.db, from: [raw] }}
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Wire:
    """A veth pair without traffic of its own."""

    def __init__(self):
        self.here, self.there = "weirt%d" % (os.getpid() % 10**5), "weiru%d" % (os.getpid() % 10**5)
        self.packets = self.bytes = 0
        self.open()

    def open(self):
        ip("link", "add", self.here, "type", "veth", "peer", "name", self.there)
        for name in (self.here, self.there):
            if os.path.isdir("/proc/sys/net/ipv6/conf/" + name):
                with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name, "w", encoding="ascii") as f:
                    f.write("1")
            ip("link", "set", name, "up")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((self.there, 0))

    def send(self, count, size=100):
        frames = [packets.ether(packets.udp("10.77.0.%d" % (i % 50), 1000 + i, "10.78.0.1", 53, b"x" * size))
                  for i in range(200)]
        for i in range(count):
            self.socket.send(frames[i % 200])
        self.packets += count
        self.bytes += count * (size + 28)

    def close(self):
        self.socket.close()
        subprocess.run(["ip", "link", "del", self.here], check=False)


def counted(folder):
    """(packets, bytes) of closed minutes in the store."""
    try:
        db = sqlite3.connect("file:%s/store.db?mode=ro" % folder, uri=True)
        return db.execute("select coalesce(sum(srcPackets), 0), coalesce(sum(srcBytes), 0) from p2_raw").fetchone()
    except sqlite3.Error:
        return 0, 0


def gaps(folder):
    """Spans of time that weir says it did not see, in seconds."""
    db = sqlite3.connect("file:%s/store.db?mode=ro" % folder, uri=True)
    rows = db.execute("select reason from p2_rejects where reason like 'not running from%' order by timestamp")
    spans = [re.findall(r"from (\S+)Z to (\S+)Z", reason)[0] for reason, in rows]
    return [tuple(datetime.datetime.fromisoformat(t + "+00:00").timestamp() for t in span) for span in spans]


def said(folder):
    with open(os.path.join(folder, "log"), encoding="utf-8") as f:
        return f.read()


def start(weir, folder):
    with open(os.path.join(folder, "log"), "wb") as log:
        p = subprocess.Popen([weir, "run", "weir.yaml"], cwd=folder, stderr=log)
    for _ in range(100):
        if "running from epoch" in said(folder):
            time.sleep(0.5)
            return p
        time.sleep(0.1)
    sys.exit("weir does not run: %s" % said(folder))


def stop(p, folder):
    """All lost, as the ledger has it."""
    p.send_signal(signal.SIGTERM)
    if p.wait(30) != 0:
        sys.exit("weir ended with %d: %s" % (p.returncode, said(folder)))
    return int(re.findall(r"in all .* lost (\d+)", said(folder))[-1])


def away_from_the_end():
    """A minute's end must not come between two sends."""
    while time.time() % 60 > 40:
        time.sleep(0.5)


def settle(folder, wanted):
    """Until the store has so many packets and bytes and no more come."""
    for _ in range(100):
        time.sleep(1)
        if counted(folder)[0] >= wanted:
            break
    time.sleep(1)


def with_time(weir, wire, folder):
    p = start(weir, folder)
    away_from_the_end()
    for _ in range(20):
        wire.send(200)
        time.sleep(0.02)
    settle(folder, 4000)
    lost, got = stop(p, folder), counted(folder)
    good = lost == 0 and got == (4000, 4000 * 128)
    return good, "%s packets and bytes counted of 4000 sent, %d lost" % (got, lost)


def without_time(weir, wire, folder):
    p = start(weir, folder)
    away_from_the_end()
    before = wire.packets
    wire.send(500)
    time.sleep(1)
    p.send_signal(signal.SIGSTOP)
    wire.send(40000)
    p.send_signal(signal.SIGCONT)
    time.sleep(2)
    wire.send(500)
    sent = wire.packets - before
    settle(folder, 1000)
    lost, got = stop(p, folder), counted(folder)[0]
    good = lost > 0 and got + lost == sent and "dropped by the kernel" in said(folder)
    return good, "%d counted + %d lost of %d sent" % (got, lost, sent)


def told_to_end(weir, wire, folder):
    """In the middle of a minute: what is open is given out, and the next start goes on with that minute."""
    lost = 0
    for last in (False, True):
        p = start(weir, folder)
        away_from_the_end()
        wire.send(1000)
        time.sleep(1)
        if last:
            settle(folder, 2000)
        lost += stop(p, folder)
    got = counted(folder)[0]
    return lost == 0 and got == 2000, "%d counted of 2000 sent in two runs, %d lost" % (got, lost)


def removed(weir, wire, folder):
    """The interface goes in the middle of a minute: what it had given is in the state, and weir says why it ends."""
    p = start(weir, folder)
    away_from_the_end()
    wire.send(1000)
    time.sleep(1)
    begun = time.time()
    wire.close()
    code = p.wait(30)
    took = time.time() - begun
    good = code == 74 and took < 10 and "the interface is gone" in said(folder)
    wire.open()
    p = start(weir, folder)
    away_from_the_end()
    wire.send(500)
    settle(folder, 1500)
    lost, got = stop(p, folder), counted(folder)[0]
    told = gaps(folder)
    good = good and lost == 0 and got == 1500 and len(told) == 1 and told[0][0] < begun + 1 < told[0][1] + 10
    return good, "exit %d after %.1f s; %d counted of 1500 sent, %d lost; not seen %s" % (code, took, got, lost, told)


def killed(weir, wire, folder):
    """SIGKILL: the next start tells since when nothing is certain; so it does after an end in order."""
    p = start(weir, folder)
    away_from_the_end()
    begun = time.time()
    wire.send(1000)
    time.sleep(2)
    p.kill()
    p.wait()
    dead = time.time()
    time.sleep(1)
    p = start(weir, folder)
    time.sleep(2)
    stop(p, folder)
    ended = time.time()
    time.sleep(1)
    p = start(weir, folder)
    lost = stop(p, folder)
    told = gaps(folder)
    good = lost == 0 and len(told) == 2
    good = good and told[0][0] < begun and dead < told[0][1] < dead + 5 and ended - 3 < told[1][0] < ended < told[1][1]
    return good, "killed at %.1f, ended at %.1f; said not to have run %s" % (dead, ended, told)


TESTS = (told_to_end, removed, killed, with_time, without_time)


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a.add_argument("--weir")
    a.add_argument("--part", default="1/1", metavar="I/N", help="each Nth test from the Ith on: parts may run together")
    a.add_argument("test", nargs="*", metavar="TEST", help="of these alone")
    a = a.parse_args()
    weir = runner.find_weir(a.weir)
    part, parts = map(int, a.part.split("/"))
    tests = [t for t in TESTS if not a.test or t.__name__ in a.test][part - 1::parts]
    if os.geteuid() != 0:
        print("skipped: live/capture needs root, to make interfaces")
        return 77
    if shutil.which("ip") is None:
        print("skipped: live/capture needs ip (iproute2)")
        return 77
    failed = 0
    layouts = os.path.join(TEST, "..", "conf", "layouts", "p2.yaml")
    wire = Wire()
    try:
        for test in tests:
            with tempfile.TemporaryDirectory(prefix="weir-live-") as folder:
                with open(os.path.join(folder, "weir.yaml"), "w", encoding="utf-8") as f:
                    f.write(RECIPE.format(layouts=layouts, here=wire.here))
                good, text = test(weir, wire, folder)
                print("%-4s %s: %s" % ("ok" if good else "FAIL", test.__name__, text), flush=True)
                if not good:
                    print(said(folder))
                failed += not good
    finally:
        wire.close()
    print("live capture: %d passed, %d failed" % (len(tests) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
