#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""campaign.py: kills the real binary everywhere, lets it recover, and wants the oracle's tables each time.

Three parts:
  enumerate  three runs, each over a third of a small recording, with a SIGKILL (or a half write and SIGKILL) at file
             call N of one of them, for N = 1, 2, ... all (test/crash/fault.c); recoveries killed, too; the same while
             files arrive
  random     files arrive while weir runs; it is killed at seeded random times, again while it recovers, until all
             is fed
  named      disk full, EIO on fsync, read-only directory, unreadable file, state of another recipe, bits flipped in
             the state file, a state file older than its store, short writes: go on, or stop and say so; never a
             wrong table

    campaign.py [--weir BINARY] [--full | --every K --random N] [--only PART] [--seed N] [--keep] [-j N]

The default is a sample for CI, bounded in time (--budget, seconds); --full is everything. Needs gcc for the library."""
import argparse
import concurrent.futures
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TEST, "oracle"), TEST]
import oracle  # noqa: E402
import recording  # noqa: E402
import run as runner  # noqa: E402

ROOT = os.path.dirname(TEST)
TIMEOUT_S = 60

RECIPE = """\
weir: 1
name: {name}
include: [ {layouts} ]
state: {{ path: state.db, every: {every} }}
sources:
  p2: {{ type: directory, path: p2, format: p2, layouts: {{ tcp: p2-tcp, udp: p2-udp, other: p2-other }} }}
steps:
  tagged: {{ from: p2, tag: {{ table: networks.csv, of: {{ src: srcIP, dst: dstIP }}, gives: [net, site, service] }} }}
  raw:
    from: tagged
    window: 1m
    by: [srcNet, dstNet, protocol]
    measures: [connections, srcBytes, dstBytes, srcSizes, dstSizes, srcRTT, dstRTT, srcMinTTL, dstMinTTL]
    lateness: {lateness}
  site:
    from: raw
    cascade: [1m, 5m, 1h, 1d]
    ways: [src, dst, both]
    kind: site
    rank: {{ top: 5, fields: [connections, srcBytes, srcRTT] }}
    lateness: {lateness}
sinks:
  store: {{ type: sqlite, path: store.db, from: [raw, site] }}
"""


class Kit:
    """What all tests of a campaign share: binary, library, recording, the tables it must give."""

    def __init__(self, weir, room, seed):
        self.weir, self.room, self.seed = weir, room, seed
        self.layouts = os.path.join(ROOT, "conf", "layouts", "p2.yaml")
        self.fault = os.path.join(room, "fault.so")
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-o",
                        self.fault, os.path.join(HERE, "fault.c"), "-ldl"], check=True)
        self.csv, self.files = recording.files(recording.named_layouts(self.layouts), seed, minutes=6, lines=24)
        self.model = self.folder("model")
        self.feed_all(self.model)
        spec = oracle.read_recipe(os.path.join(self.model, "weir.yaml"))
        self.given = oracle.Input(spec).read()
        self.spec, self.tables = spec, oracle.compute(spec, self.given.records)
        if not self.given.records or not all(t.rows for t in self.tables.values()):
            sys.exit("campaign: the recording leaves a table empty; another seed, please")

    def folder(self, name, every="100ms", recipe_name="crash", lateness="0s"):
        """A fresh folder with the recipe and an empty watched directory."""
        path = os.path.join(self.room, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(os.path.join(path, "p2"))
        with open(os.path.join(path, "networks.csv"), "w", encoding="utf-8") as f:
            f.write(self.csv)
        self.write_recipe(path, every, recipe_name, lateness)
        return path

    def write_recipe(self, path, every="100ms", recipe_name="crash", lateness="0s"):
        with open(os.path.join(path, "weir.yaml"), "w", encoding="utf-8") as f:
            f.write(RECIPE.format(name=recipe_name, layouts=self.layouts, every=every, lateness=lateness))

    def feed_all(self, path):
        for name, data in self.files:
            with open(os.path.join(path, "p2", name), "wb") as f:
                f.write(data)

    def start(self, path, *arguments, fault=None, log="log"):
        """A weir in that folder; its words are appended to `log`."""
        env = dict(os.environ, NO_COLOR="1")
        for key in [k for k in env if k.startswith("WEIR_FAULT_")]:
            del env[key]
        if fault:
            env.update(("WEIR_FAULT_" + k, str(v)) for k, v in fault.items())
            env["LD_PRELOAD"] = (os.environ.get("LD_PRELOAD", "") + " " + self.fault).strip()
        with open(os.path.join(path, log), "ab") as out:
            return subprocess.Popen([self.weir, "run", "weir.yaml", *arguments], cwd=path, env=env,
                                    stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def once(self, path, fault=None, log="log"):
        """Exit code of a run to the end (negative: the signal)."""
        p = self.start(path, "--once", fault=fault, log=log)
        try:
            return p.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            return "no end after %d s" % TIMEOUT_S

    def differences(self, path):
        """None, or what differs from the oracle."""
        found = oracle.compare(os.path.join(path, "store.db"), self.spec, self.given, self.tables, limit=5)
        return "\n".join(["%d differences" % found.count] + found.shown) if found.count else None

    def finish(self, path, times=1):
        """Runs to the end and compares: None or the fault."""
        for _ in range(times):
            code = self.once(path)
            if code != 0:
                return "recovery ended with %s\n%s" % (code, tail(path))
        return self.differences(path)


def tail(path, log="log", lines=15):
    with open(os.path.join(path, log), encoding="utf-8", errors="replace") as f:
        return "".join(f.readlines()[-lines:])


def said(path, *words, log="log"):
    with open(os.path.join(path, log), encoding="utf-8", errors="replace") as f:
        text = f.read().lower()
    return all(w.lower() in text for w in words)


# --- every call -------------------------------------------------------------------------------------------------------

# Runs to the end, each over a third of the files: epochs, windows that are amended, files that are known already.
PARTS = 3


def in_parts(kit, path, fault, at_part):
    """Feeds a third, runs to the end, and so on; the fault strikes in part at_part. (exit code of that part, error)."""
    struck = None
    for part in range(PARTS):
        begin, end = (len(kit.files) * p // PARTS for p in (part, part + 1))
        for name, data in kit.files[begin:end]:
            with open(os.path.join(path, "p2", name), "wb") as f:
                f.write(data)
        code = kit.once(path, fault if part == at_part else None)
        if part == at_part:
            struck = code
            if code != 0:
                code = kit.once(path)
        if code != 0:
            return struck, "part %d ended with %s\n%s" % (part, code, tail(path))
    return struck, None


def count_calls(kit, at_part):
    """File calls of one part's run."""
    path = kit.folder("count", lateness="2d")
    count = os.path.join(path, "count")
    code, fault = in_parts(kit, path, {"KIND": "count", "COUNT_FILE": count}, at_part)
    if fault or code != 0:
        sys.exit("campaign: a run without faults ended with %s\n%s" % (code, fault or tail(path)))
    wrong = kit.differences(path)
    if wrong:
        sys.exit("campaign: a run without faults is wrong already\n%s" % wrong)
    with open(count, encoding="ascii") as f:
        return int(f.read().split()[0])


def killed_at(kit, kind, part, n, again):
    """Kill at call n of a part, with `again` a second time while it recovers, then to the end."""
    name = "%s-%d-%d" % (kind, part, n)
    path = kit.folder(name, lateness="2d")
    struck, fault = in_parts(kit, path, {"KIND": kind, "AT": n}, part)
    if fault:
        return name, fault
    if struck not in (0, -signal.SIGKILL):
        return name, "ended with %s at the fault\n%s" % (struck, tail(path))
    if again:
        code = kit.once(path, {"KIND": kind, "AT": again})
        if code not in (0, -signal.SIGKILL):
            return name, "ended with %s at the second fault\n%s" % (code, tail(path))
    fault = kit.finish(path)
    if fault is None:
        shutil.rmtree(path)
    return name, fault


def recovery_killed_at(kit, n, m):
    """Double crash: kill at call n of the second part, kill the recovery at its call m, then to the end."""
    name = "double-%d-%d" % (n, m)
    path = kit.folder(name, lateness="2d")
    half = len(kit.files) // 2
    for part in (kit.files[:half], kit.files[half:]):
        for file, data in part:
            with open(os.path.join(path, "p2", file), "wb") as f:
                f.write(data)
        if part == kit.files[:half] and kit.once(path) != 0:
            return name, "first run failed\n%s" % tail(path)
    for at in (n, m):
        code = kit.once(path, {"KIND": "kill", "AT": at})
        if code not in (0, -signal.SIGKILL):
            return name, "ended with %s at the fault\n%s" % (code, tail(path))
    fault = kit.finish(path)
    if fault is None:
        shutil.rmtree(path)
    return name, fault


def live_killed_at(kit, n):
    """Files come while it runs, epoch after epoch; killed at call n, started again, fed to the end."""
    name = "live-%d" % n
    path = kit.folder(name)
    rng = random.Random(n)
    p = kit.start(path, fault={"KIND": "kill", "AT": n})
    for file, data in kit.files:
        feed_one(rng, path, file, data)
        time.sleep(0.04)
        if p.poll() is not None and p.returncode != -signal.SIGKILL:
            return name, "died by itself with %s\n%s" % (p.returncode, tail(path))
        if p.returncode is not None:
            p = kit.start(path)
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    code = p.wait(TIMEOUT_S)
    if code not in (0, -signal.SIGKILL):
        return name, "SIGTERM ended it with %s\n%s" % (code, tail(path))
    fault = kit.finish(path)
    if fault is None:
        shutil.rmtree(path)
    return name, fault


def enumerate_jobs(kit, every):
    rng = random.Random(kit.seed)
    points, calls = [], [count_calls(kit, part) for part in range(PARTS)]
    for part in range(PARTS):
        for n in range(1 + rng.randrange(every), calls[part] + 3, every):
            points.append((killed_at, "torn" if n // every % 4 == 3 else "kill", part, n, 0))
    for n in range(1 + rng.randrange(3 * every), calls[1] + 3, 3 * every):
        points.append((recovery_killed_at, n, rng.randrange(1, 60)))
    for n in range(1 + rng.randrange(2 * every), 4 * calls[0], 5 * every):
        points.append((live_killed_at, n))
    rng.shuffle(points)  # if time runs out, what was left out is spread over the whole run
    print("enumerate: runs of %s file calls; %d points" % (" + ".join(map(str, calls)), len(points)), flush=True)
    for test, *arguments in points:
        yield lambda test=test, arguments=arguments: test(kit, *arguments)


# --- any time ---------------------------------------------------------------------------------------------------------

def feed_one(rng, path, name, data):
    """As P2 writes, in one of the ways the protocol allows."""
    target = os.path.join(path, "p2", name)
    way = rng.randrange(3) if data else 0
    if way == 2:  # written elsewhere, moved in
        aside = os.path.join(path, "aside")
        with open(aside, "wb") as f:
            f.write(data)
        os.rename(aside, target)
        return
    half = data.rfind(b"\n", 0, len(data) // 2) + 1 if way == 1 else 0
    with open(target, "wb") as f:
        f.write(data[:half] if half else data)
    if half:  # closed, opened again, appended
        time.sleep(rng.random() * 0.01)
        with open(target, "ab") as f:
            f.write(data[half:])


def random_kills(kit, seed, kills):
    """Feeds while weir runs and dies; (name, fault)."""
    rng = random.Random(seed)
    name = "random-%d" % seed
    path = kit.folder(name, every=rng.choice(("100ms", "100ms", "300ms")))
    waiting = list(kit.files)
    p = kit.start(path)
    for i in range(kills):
        for _ in range(rng.randrange(0, 2 * len(kit.files) // kills + 1)):
            if waiting:
                feed_one(rng, path, *waiting.pop(0))
                time.sleep(rng.random() * 0.02)
        # One in three dies while it is still recovering, another after an epoch or more.
        time.sleep(rng.random() * (0.3, 1.6, 0.03)[i % 3])
        if p.poll() is not None:
            return name, "died by itself with %s\n%s" % (p.returncode, tail(path))
        p.send_signal(signal.SIGKILL)
        p.wait()
        p = kit.start(path)
    for each in waiting:
        feed_one(rng, path, *each)
        time.sleep(rng.random() * 0.01)
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    try:
        code = p.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        p.kill()
        return name, "SIGTERM did not end it\n%s" % tail(path)
    if code != 0:
        return name, "SIGTERM ended it with %s\n%s" % (code, tail(path))
    fault = kit.finish(path)
    if fault is None:
        shutil.rmtree(path)
    return name, fault


# --- named faults -----------------------------------------------------------------------------------------------------

def stopped(code):
    return isinstance(code, int) and code > 0


def disk_full(kit, what):
    """Live: the disk is full for a second from the first write on `what` on, then it is not. weir goes on by itself."""
    path = kit.folder("disk-full-" + what.split(".")[0])  # without .db: PATH must not mean the log beside it
    full = os.path.join(path, "full")
    p = kit.start(path, fault={"KIND": "enospc", "AT": 1, "TIMES": 0, "WHILE": full, "PATH": what, "CALL": "write"})
    half = len(kit.files) // 2
    for name, data in kit.files[:half]:
        feed_one(random.Random(1), path, name, data)
    time.sleep(0.5)
    with open(full, "w", encoding="ascii"):
        pass
    for name, data in kit.files[half:]:
        feed_one(random.Random(1), path, name, data)
    for _ in range(100):
        time.sleep(0.1)
        if p.poll() is not None or said(path, "full"):
            break
    if p.poll() is not None:
        return "ended with %s when the disk was full\n%s" % (p.returncode, tail(path))
    if not said(path, "full"):
        p.kill()
        p.wait()
        return "said nothing of a full disk\n%s" % tail(path)
    os.unlink(full)
    time.sleep(3)
    p.send_signal(signal.SIGTERM)
    try:
        code = p.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return "SIGTERM did not end it after the disk was full\n%s" % tail(path)
    if code != 0:
        return "ended with %s after space was back\n%s" % (code, tail(path))
    return kit.finish(path)


def fsync_error(kit, what, at):
    """EIO on an fsync ends the process with a message; the next start is right. Never a second try at the sync."""
    path = kit.folder("fsync-%s-%d" % (what.split(".")[0], at))
    kit.feed_all(path)
    code = kit.once(path, {"KIND": "eio", "CALL": "fsync", "PATH": what, "AT": at})
    if not stopped(code):
        return "ended with %s at EIO on fsync\n%s" % (code, tail(path))
    if not (said(path, "i/o") or said(path, "fsync") or said(path, "input/output")):
        return "said nothing of the fsync\n%s" % tail(path)
    return kit.finish(path)


def write_error(kit, kind, at):
    """EIO or a short write somewhere, once: it goes on or stops with a message; what is there in the end is right."""
    path = kit.folder("write-%s-%d" % (kind, at))
    kit.feed_all(path)
    code = kit.once(path, {"KIND": kind, "CALL": "write", "PATH": ".db", "AT": at})
    if code != 0 and not stopped(code):
        return "ended with %s\n%s" % (code, tail(path))
    return kit.finish(path)


def read_only_directory(kit):
    """A state path whose folder is not there or may not be written: a message that names it, exit code not 0."""
    path = kit.folder("read-only")
    kit.feed_all(path)
    with open(os.path.join(path, "weir.yaml"), encoding="utf-8") as f:
        text = f.read()
    with open(os.path.join(path, "weir.yaml"), "w", encoding="utf-8") as f:
        f.write(text.replace("path: state.db", "path: locked/state.db"))
    locked = os.path.join(path, "locked")
    os.mkdir(locked)
    # root may write anywhere: for root a file stands where the folder should be
    if os.geteuid() == 0:
        os.rmdir(locked)
        with open(locked, "w", encoding="ascii"):
            pass
    else:
        os.chmod(locked, 0o500)
    code = kit.once(path)
    if not stopped(code):
        return "ended with %s where state cannot be written" % code
    if not said(path, "locked/state.db"):
        return "did not name the path\n%s" % tail(path)
    if os.geteuid() == 0:
        os.unlink(locked)
        os.mkdir(locked)
    else:
        os.chmod(locked, 0o700)
    return kit.finish(path)


def unreadable_file(kit):
    """A file that cannot be read is counted and named; all others are read."""
    path = kit.folder("unreadable")
    kit.feed_all(path)
    name = next(n for n, data in kit.files if data)
    victim = os.path.join(path, "p2", name)
    os.unlink(victim)
    os.symlink("loop", os.path.join(path, "p2", "loop"))
    os.symlink("loop", victim)  # ELOOP for everyone, root included
    code = kit.once(path)
    if code != 0:
        return "ended with %s for one unreadable file\n%s" % (code, tail(path))
    spec = oracle.read_recipe(os.path.join(path, "weir.yaml"))
    os.unlink(victim)
    given = oracle.Input(spec).read()
    found = oracle.compare(os.path.join(path, "store.db"), spec, given, oracle.compute(spec, given.records), 5)
    return "\n".join(found.shown) if found.count else None


def other_recipe(kit):
    """State of another recipe name is refused with both names in the message."""
    path = kit.folder("other-recipe")
    kit.feed_all(path)
    if kit.once(path) != 0:
        return "first run failed\n%s" % tail(path)
    kit.write_recipe(path, recipe_name="another")
    code = kit.once(path, log="log2")
    if code != 65:
        return "ended with %s, not 65\n%s" % (code, tail(path, "log2"))
    return None if said(path, "crash", "another", log="log2") else "did not name both\n%s" % tail(path, "log2")


def half_run(kit, path):
    """A run that was cut short by a kill and left state that matters."""
    kit.feed_all(path)
    code = kit.once(path, {"KIND": "kill", "CALL": "fsync", "AT": 12})
    if code != -signal.SIGKILL:
        return "the run was to be killed, it ended with %s\n%s" % (code, tail(path))
    db = sqlite3.connect(os.path.join(path, "state.db"))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return None


def flipped_bits(kit, seed):
    """Bits flipped in the state file: refused with exit code 65, or so placed that nothing read them: then right
    tables."""
    path = kit.folder("flipped-%d" % seed)
    fault = half_run(kit, path)
    if fault:
        return fault
    rng = random.Random(seed)
    with open(os.path.join(path, "state.db"), "r+b") as f:
        data = bytearray(f.read())
        for _ in range(rng.choice((1, 1, 8, 64))):
            at = rng.randrange(len(data))
            data[at] ^= 1 << rng.randrange(8)
        f.seek(0)
        f.write(data)
    code = kit.once(path)
    if code == 0:
        return kit.differences(path)
    return None if code == 65 else "ended with %s, neither 0 nor 65\n%s" % (code, tail(path))


def truncated_state(kit):
    """A state file cut off in the middle is refused."""
    path = kit.folder("truncated")
    fault = half_run(kit, path)
    if fault:
        return fault
    state = os.path.join(path, "state.db")
    os.truncate(state, os.path.getsize(state) // 2)
    code = kit.once(path)
    return None if code == 65 else "ended with %s, not 65\n%s" % (code, tail(path))


def not_a_state(kit):
    """A state path that is some other file is refused and left as it is."""
    path = kit.folder("not-a-state")
    kit.feed_all(path)
    state = os.path.join(path, "state.db")
    with open(state, "w", encoding="ascii") as f:
        f.write("these are somebody's notes\n" * 100)
    with open(state, "rb") as f:
        before = f.read()
    code = kit.once(path)
    with open(state, "rb") as f:
        if f.read() != before:
            return "overwrote a file that was not its own"
    return None if code == 65 else "ended with %s, not 65\n%s" % (code, tail(path))


def old_state(kit, name):
    """A folder where an older copy of the state file lies under a newer store: (path, fault)."""
    path = kit.folder(name)
    state = os.path.join(path, "state.db")
    half = len(kit.files) // 2
    for part in (kit.files[:half], kit.files[half:]):
        for file, data in part:
            feed_one(random.Random(1), path, file, data)
        if kit.once(path) != 0:
            return path, "a run failed\n%s" % tail(path)
        if part == kit.files[:half]:
            shutil.copy(state, os.path.join(path, "old.db"))
    for end in ("", "-wal", "-shm"):
        if os.path.exists(state + end):
            os.unlink(state + end)
    shutil.copy(os.path.join(path, "old.db"), state)
    return path, None


def state_set_back(kit):
    """An old copy of the state file is refused: what was committed is known beside it."""
    path, fault = old_state(kit, "set-back")
    if fault:
        return fault
    code = kit.once(path, log="log2")
    if code != 65:
        return "ended with %s, not 65\n%s" % (code, tail(path, "log2"))
    return None if said(path, "old copy", log="log2") else "did not say why\n%s" % tail(path, "log2")


def sink_ahead(kit):
    """The same where nothing but the store knows: the store is ahead of the state; refused, and it says why."""
    path, fault = old_state(kit, "sink-ahead")
    if fault:
        return fault
    lock = os.path.join(path, "state.db.lock")
    if os.path.exists(lock):
        os.unlink(lock)
    code = kit.once(path, log="log2")
    if code != 65:
        return "ended with %s, not 65\n%s" % (code, tail(path, "log2"))
    return None if said(path, "store", "epoch", log="log2") else "did not say why\n%s" % tail(path, "log2")


def two_at_once(kit):
    """A second weir on the same state is refused while the first runs, and does it no harm."""
    path = kit.folder("two")
    kit.feed_all(path)
    first = kit.start(path)
    for _ in range(100):
        if os.path.exists(os.path.join(path, "store.db")):
            break
        time.sleep(0.05)
    code = kit.once(path, log="log2")
    first.send_signal(signal.SIGTERM)
    try:
        ended = first.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        first.kill()
        first.wait()
        return "SIGTERM did not end the first\n%s" % tail(path)
    if not stopped(code):
        return "the second ended with %s\n%s" % (code, tail(path, "log2"))
    if ended != 0:
        return "the first ended with %s\n%s" % (ended, tail(path))
    return kit.finish(path)


def ends_twice(kit):
    """Running to the end again and again changes nothing."""
    path = kit.folder("again")
    kit.feed_all(path)
    return kit.finish(path, times=3)


NAMED = [
    ("disk full under the state", lambda kit: disk_full(kit, "state.db")),
    ("disk full under the store", lambda kit: disk_full(kit, "store.db")),
    ("EIO on the state's first fsync", lambda kit: fsync_error(kit, "state.db", 1)),
    ("EIO on a later fsync of the state", lambda kit: fsync_error(kit, "state.db", 3)),
    ("EIO on an fsync of the store", lambda kit: fsync_error(kit, "store.db", 4)),
    ("EIO on an early write", lambda kit: write_error(kit, "eio", 5)),
    ("EIO on a later write", lambda kit: write_error(kit, "eio", 60)),
    ("short write", lambda kit: write_error(kit, "short", 30)),
    ("no space for one write", lambda kit: write_error(kit, "enospc", 45)),
    ("read-only directory", read_only_directory),
    ("unreadable file", unreadable_file),
    ("state of another recipe", other_recipe),
    ("truncated state file", truncated_state),
    ("a file that is no state", not_a_state),
    ("an old state file put back", state_set_back),
    ("store ahead of the state", sink_ahead),
    ("two on one state", two_at_once),
    ("run to the end three times", ends_twice),
]


def named_jobs(kit, flips):
    for name, test in NAMED:
        yield lambda name=name, test=test: (name, test(kit))
    for seed in range(flips):
        yield lambda seed=seed: ("flipped bits, seed %d" % seed, flipped_bits(kit, seed))


# --- all of it --------------------------------------------------------------------------------------------------------

def run_all(part, jobs, workers, until):
    """(passed, failed, left out for lack of time)."""
    passed = failed = skipped = 0

    def guarded(job):
        if time.monotonic() > until:
            return None
        try:
            return job()
        except (OSError, sqlite3.Error, subprocess.SubprocessError) as e:
            return part, "%s: %s" % (type(e).__name__, e)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for result in pool.map(guarded, jobs):
            if result is None:
                skipped += 1
            elif result[1] is None:
                passed += 1
            else:
                failed += 1
                print("FAIL %s: %s" % (result[0], result[1].rstrip().replace("\n", "\n     ")), flush=True)
    print("%s: %d passed, %d failed%s" % (part, passed, failed, ", %d left out for lack of time" % skipped
                                          if skipped else ""), flush=True)
    return passed, failed


def rooms(keep):
    """Where the folders go: memory if there is some, since a kill -9 does not need a disk to be one."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) and not keep else None
    return tempfile.mkdtemp(prefix="weir-crash-", dir=base)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--full", action="store_true", help="every call, 200 flips, no time limit")
    p.add_argument("--every", type=int, default=0, help="kill at every Kth call (default: at each)")
    p.add_argument("--random", type=int, default=0, help="runs with random kills (5 kills each; default 40)")
    p.add_argument("--flips", type=int, default=0, help="runs with flipped bits")
    p.add_argument("--only", choices=("enumerate", "random", "named"))
    p.add_argument("--seed", type=int, default=3)
    p.add_argument("--budget", type=int, default=330, help="seconds, all parts together")
    p.add_argument("--keep", action="store_true")
    p.add_argument("-j", type=int, default=2)
    a = p.parse_args()
    room = rooms(a.keep)
    kit = Kit(runner.find_weir(a.weir), room, a.seed)
    begin = time.monotonic()
    end = begin + (10**9 if a.full else a.budget)
    total = [0, 0]
    shares = {"named": 0.4, "random": 0.7, "enumerate": 1.0}
    jobs = {"named": lambda: named_jobs(kit, a.flips or (200 if a.full else 10)),
            "random": lambda: (lambda s=s: random_kills(kit, s, 5) for s in range(a.random or 40)),
            "enumerate": lambda: enumerate_jobs(kit, a.every or 1)}
    for part in jobs:
        if a.only in (None, part):
            until = end if a.full or a.only else begin + shares[part] * (end - begin)
            passed, failed = run_all(part, jobs[part](), a.j, until)
            total = [total[0] + passed, total[1] + failed]
    if a.keep or total[1]:
        print("folders of what failed: %s" % room)
    else:
        shutil.rmtree(room)
    print("crash: %d passed, %d failed" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
