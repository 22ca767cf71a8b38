# SPDX-License-Identifier: Apache-2.0
"""kill.py: see README.md. What the kills hit differs from run to run; what is printed does not."""
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import time

WEIR, T0 = os.environ["WEIR"], 1763719200
SEEDS, SEEDS_SLOW = 3, 1  # slow: a run under sanitizers takes longer than SLOW_S
SLOW_S = 2


def frame(r, time_us):
    """A raw IP packet, UDP or ICMP, between hosts of 10.0.0.0/16 and 10.1.0.0/24."""
    host, peer, protocol = r.randrange(6000), r.randrange(200), 17 if r.random() < 0.8 else 1
    ip = struct.pack(">BBHHHBBH2sH2sH", 0x45, 0, 28, 0, 0, 64, protocol, 0, b"\x0a\x00", host, b"\x0a\x01", peer)
    body = struct.pack(">HHHH", 1024 + r.randrange(9), 53, 8, 0) if protocol == 17 else b"\x08\x00\0\0\0\x07\0\x01"
    return struct.pack("<IIII", T0 + time_us // 10**6, time_us % 10**6, 28, 28) + ip + body


def write(name, seed, minute, minutes, count):
    r = random.Random(seed)
    with open(name, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
        for t in sorted(r.randrange(minute * 60 * 10**6, (minute + minutes) * 60 * 10**6) for _ in range(count)):
            f.write(frame(r, t))


def clear():
    for name in os.listdir("."):
        if name.startswith(("state.db", "store.db")):
            os.unlink(name)


def start(**fault):
    """fault: for test/crash/fault.c, whose library strikes at a file call."""
    env = dict(os.environ, **{"WEIR_FAULT_" + k: str(v) for k, v in fault.items()})
    if fault:
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"  # the library comes first
        env["LD_PRELOAD"] = os.environ.get("LD_PRELOAD", "") + " " + os.path.abspath("fault.so")
    with open("log", "wb") as log:
        return subprocess.Popen([WEIR, "run", "weir.yaml", "--once"], env=env, stderr=log)


def whole():
    """All rows of all tables but the ledger, which tells when weir ran. Ends the case where weir failed."""
    code = start().wait()
    if code:
        sys.exit("weir ended with %d: %s" % (code, open("log").read()))
    db = sqlite3.connect("store.db")
    names = [n for n, in db.execute("select name from sqlite_master where type = 'table' order by name")]
    return {n: sorted(map(repr, db.execute('select * from "%s"' % n)))
            for n in names if not n.startswith("weir_") and not n.endswith("_ledger")}


def half_read():
    """Does the state stand between the beginning and the end of the capture?"""
    if not os.path.exists("state.db"):
        return False
    shown = subprocess.run([WEIR, "snapshot", "show", "weir.yaml"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return b" stream = " in shown.stdout


def campaign(first):
    """Some seeds, or more until a kill struck half-way: how many gave wrong tables, in words; seconds of an
    undisturbed run; kills that struck half-way."""
    clear()
    begun = time.monotonic()
    wanted = whole()
    span = time.monotonic() - begun
    clear()
    start(KIND="count", COUNT_FILE="count").wait()
    with open("count", encoding="ascii") as f:
        calls = int(f.read().split()[0])
    wrong, struck = 0, 0
    seeds = SEEDS if span < SLOW_S else SEEDS_SLOW
    for n in range(5 * seeds):
        if n >= seeds and struck:
            break
        r = random.Random(first + n)
        clear()
        for _ in range(r.randrange(1, 6)):
            if r.random() < 0.7:
                start(KIND="kill", AT=r.randrange(1, calls)).wait()
            else:
                p = start()
                time.sleep(r.random() * span)
                p.kill()
                p.wait()
            struck += half_read()
        wrong += whole() != wanted
    rows = sum(map(len, wanted.values()))
    return "%d wrong%s" % (wrong, "" if rows > 1000 else ", FEW ROWS"), span, struck


def recipe(change=lambda text: text):
    with open("weir.yaml", encoding="utf-8") as f:
        text = f.read()
    with open("weir.yaml", "w", encoding="utf-8") as f:
        f.write(change(text))
    return text


def refused(what):
    code = start().wait()
    words = re.findall(r"warn source p2: (.*)", open("log").read())
    print("%s: %d %s" % (what, code, "; ".join(words)))


def half_way(span):
    r = random.Random(1)
    for _ in range(60):
        clear()
        p = start()
        time.sleep(0.05 + r.random() * span)
        p.kill()
        p.wait()
        if half_read():
            return
    sys.exit("no kill struck half-way")


subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-o", "fault.so",
                os.path.join(os.environ["KIT"], "crash", "fault.c"), "-ldl"], check=True)
write("a.pcap", 1, 0, 2, 300000)
write("b.pcap", 2, 2, 2, 300000)
text, longest, struck = campaign(0)
print("plenty of room:", text)
recipe(lambda t: t.replace("flows_max: 1000000", "flows_max: 3000, conversations_max: 3000"))
text, _, more = campaign(100)
print("little room:", text)
print("kills struck half-way" if struck and more else "NO KILL STRUCK HALF-WAY")

recipe(lambda t: t.replace("flows_max: 3000, conversations_max: 3000", "flows_max: 1000000"))
half_way(longest)
was = recipe(lambda t: t.replace("[a.pcap, b.pcap]", "[b.pcap, a.pcap]"))
refused("another order")
recipe(lambda t: was.replace("type: capture", "type: capture, filter: udp"))
refused("another filter")
recipe(lambda t: was)
shutil.copy2("b.pcap", "b.kept")
write("b.pcap", 3, 2, 2, 1000)
refused("another file")
os.unlink("b.pcap")
refused("no file")
shutil.copy2("b.kept", "b.pcap")
found = whole()
clear()
print("put back:", "alike" if found == whole() else "WRONG")
