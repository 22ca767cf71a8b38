# SPDX-License-Identifier: Apache-2.0
"""kill.py: see README.md. What the kills hit differs from run to run; what is printed does not."""
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.environ["KIT"])
import packets as p  # noqa: E402

WEIR, SEEDS = os.environ["WEIR"], 4


def frames(r):
    for _ in range(3000):
        a, b = "10.0.0.%d" % r.randrange(1, 99), "10.1.0.%d" % r.randrange(1, 9)
        if r.random() < 0.1:
            whole = p.udp_datagram(a, 2000, b, 3000, b"x" * 40)
            yield from map(p.ether, p.fragments(a, b, 17, whole, 24, ident=r.randrange(65536)))
        elif r.random() < 0.01:
            yield p.ether(p.ping(a, b, 1, 1))[:30]
        else:
            yield p.ether(p.udp(a, 1024 + r.randrange(99), b, r.choice((53, 123)), b"y" * r.randrange(99)))


def write(name, seed, begin, rounds):
    r = random.Random(seed)
    some = list(frames(r))
    with p.Pcap(name, nano=True) as c:
        for i in range(rounds):
            for k, f in enumerate(some):
                c.add(begin + i * p.SECOND + k * 200 * p.US, f)


def clear():
    for name in os.listdir("."):
        if name.startswith(("state.db", "store.db")):
            os.unlink(name)
    shutil.rmtree("json", ignore_errors=True)


def start():
    with open("log", "wb") as log:
        return subprocess.Popen([WEIR, "run", "weir.yaml", "--once"], stderr=log)


def whole():
    """All rows of all tables but the ledger, which tells when weir ran. Ends the case where weir failed."""
    code = start().wait()
    if code:
        sys.exit("weir ended with %d: %s" % (code, open("log").read()))
    db = sqlite3.connect("store.db")
    names = [n for n, in db.execute("select name from sqlite_master where type = 'table' order by name")]
    rows = {n: sorted(map(repr, db.execute('select * from "%s"' % n)))
            for n in names if not n.startswith("weir_") and not n.endswith("_ledger")}
    with open("json/wire_lines.jsonl", encoding="utf-8") as f:
        rows["json"] = sorted(f)
    return rows


def half_read():
    """Does the state stand between the beginning and the end of the capture?"""
    if not os.path.exists("state.db"):
        return False
    shown = subprocess.run([WEIR, "snapshot", "show", "weir.yaml"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return b" stream = " in shown.stdout


def killed(after):
    w = start()
    time.sleep(after)
    w.kill()
    w.wait()
    return half_read()


def campaign():
    clear()
    begun = time.monotonic()
    start().wait()
    span, wrong, struck = time.monotonic() - begun, 0, 0
    wanted = whole()
    for seed in range(SEEDS):
        r = random.Random(seed)
        for _ in range(12):
            clear()
            if killed(r.random() * span):
                struck += 1
                killed(r.random() * span)
                break
        wrong += whole() != wanted
    print("%d wrong%s; rows:" % (wrong, "" if struck else ", NO KILL STRUCK"),
          ", ".join("%s %d" % (n, len(rows)) for n, rows in wanted.items() if rows))
    for i in range(1, 100):
        clear()
        if killed(span * (i % 10) / 10):
            return
    sys.exit("no kill struck half-way")


def refused(what, change):
    with open("weir.yaml", encoding="utf-8") as f:
        text = f.read()
    with open("weir.yaml", "w", encoding="utf-8") as f:
        f.write(change(text))
    code = start().wait()
    words = re.findall(r"warn source wire: (.*)", open("log").read())
    print("%s: %d %s" % (what, code, "; ".join(words)))
    with open("weir.yaml", "w", encoding="utf-8") as f:
        f.write(text)


write("a.pcap", 1, p.T0, 100)
write("b.pcap", 2, p.T0 + 100 * p.SECOND, 100)
campaign()
refused("another keep", lambda t: t.replace("keep: 96", "keep: 128"))
refused("another order", lambda t: t.replace("[a.pcap, b.pcap]", "[b.pcap, a.pcap]"))
