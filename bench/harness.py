#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""harness.py: what every bench needs: processes measured, memory warmed, rounds interleaved, figures printed with their
bars, recordings made once into bench/.cache, recipes written."""
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [p for p in (os.path.join(ROOT, "test"), os.path.join(ROOT, "test", "oracle")) if p not in sys.path]
import run as runner  # noqa: E402

CACHE = os.path.join(HERE, ".cache")
START = 1763676000  # a full hour


# --- running ----------------------------------------------------------------------------------------------------------

class Run:
    """One finished process: wall and CPU in seconds, greatest resident memory in MiB."""

    def __init__(self, wall, usage, out):
        self.wall, self.cpu = wall, usage.ru_utime + usage.ru_stime
        self.rss, self.out = usage.ru_maxrss / 1024, out


def run(command, cwd=None, cores=None, env=None):
    """Runs to the end; exits with its words if it fails."""
    if cores:
        command = ["taskset", "-c", cores] + command
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        p = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                             env=dict(os.environ, LC_ALL="C", **(env or {})))
        _, status, usage = os.wait4(p.pid, 0)
        wall = time.monotonic() - begin
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text = out.read().decode("utf-8", "replace")
        if p.returncode != 0:
            sys.exit("%s ended with %d\n%s%s" % (" ".join(command), p.returncode, text[-2000:],
                                                 err.read().decode("utf-8", "replace")[-2000:]))
    return Run(wall, usage, text)


def wait_for_quiet(limit_s=60):
    """Until two seconds of the machine show under 6 % use; false: it never was, and figures are to be doubted."""
    def busy():
        with open("/proc/stat", encoding="ascii") as f:
            v = [int(x) for x in f.readline().split()[1:8]]
        return sum(v), v[3] + v[4]
    for _ in range(limit_s // 2):
        all0, idle0 = busy()
        time.sleep(2)
        all1, idle1 = busy()
        if 1 - (idle1 - idle0) / max(all1 - all0, 1) < 0.06:
            return True
    return False


WARM = """import mmap, time
begin = time.monotonic()
m = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.madvise(mmap.MADV_HUGEPAGE)
for at in range(0, 1 << 30, 1 << 21):
    m[at] = 1
print(time.monotonic() - begin)"""


def warm_memory():
    """Touches a GiB in huge pages and gives it back; returns the seconds. A virtual machine's host takes back what its
    guest has freed, and the next first touch waits for the host: many times what touching costs on a machine of
    one's own, and the more, the longer the machine idled. So each contestant begins with memory that is there.
    In a process of its own: a child's greatest resident memory begins with its parent's."""
    return float(subprocess.run([sys.executable, "-c", WARM], check=True, capture_output=True).stdout)


def interleaved(rounds, contestants):
    """name -> [Run], the contestants taking turns."""
    results = {name: [] for name in contestants}
    quiet = True
    for _ in range(rounds):
        for name, go in contestants.items():
            quiet = wait_for_quiet(20) and quiet
            warm_memory()
            results[name].append(go())
    if not quiet:
        print("  (other work ran on this machine meanwhile)")
    return results


def median(runs, what):
    return statistics.median(what(r) for r in runs)


def show(name, value, unit, bar=None, least=None):
    """One line: figure, unit, the least of the rounds, the bar and whether it is held."""
    text = "  %-44s %12s %-10s" % (name, "%.4g" % value if value < 1e5 else "%.0f" % value, unit)
    if least is not None:
        text += " least %.4g" % least
    if bar:
        sign, limit = bar
        held = value <= limit if sign == "<" else value >= limit
        text += "  bar %s %g: %s" % (sign, limit, "held" if held else "MISSED")
    print(text, flush=True)


def show_runs(name, runs, what, unit, bar=None):
    show(name, median(runs, what), unit, bar, min(what(r) for r in runs))



def machine():
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "unknown")
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1]) / 2**20
    begin, cpu = time.monotonic(), time.process_time()
    n = 0
    while n < 3000000:
        n += 1
    print("machine: %s, %d cores, %.0f GiB, Linux %s; 3 M Python steps in %.3f s, CPU over wall %.2f" % (
        model, os.cpu_count(), memory, os.uname().release, time.monotonic() - begin,
        (time.process_time() - cpu) / (time.monotonic() - begin)))
    print("memory: a GiB touched in %.2f s, again in %.2f s" % (warm_memory(), warm_memory()))


# --- data and recipes -------------------------------------------------------------------------------------------------

class Bench:
    def __init__(self, a):
        self.weir = runner.find_weir(a.weir)
        self.build, self.rounds, self.small = a.build, a.rounds, a.small
        self.layouts = os.path.join(ROOT, "conf", "layouts", "p2.yaml")

    def scale(self, n):
        return max(n // 100, 1) if self.small else n

    def recording(self, name, *options, layouts=False):
        """Folder with p2/, networks.csv and, for padded lines, layouts.yaml; made once for these options."""
        key = "%s%s" % (name, "-small" if self.small else "")
        folder = os.path.join(CACHE, key)
        stamp = os.path.join(folder, "options")
        want = " ".join(options)
        if os.path.exists(stamp):
            with open(stamp, encoding="utf-8") as f:
                if f.read() == want:
                    return folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        more = ["--layouts", os.path.join(folder, "layouts.yaml"), "--base-layouts", self.layouts] if layouts else []
        run([self.weir, "gen", "p2", "--dir", os.path.join(folder, "p2"), "--networks",
             os.path.join(folder, "networks.csv"), "--start", str(START), *options, *more])
        with open(stamp, "w", encoding="utf-8") as f:
            f.write(want)
        return folder

    def recipe(self, folder, data, steps, sinks, layouts=None, every="10s", workers=None):
        """Writes weir.yaml into the folder."""
        text = "weir: 1\nname: bench\ninclude: [ %s ]\nstate: { path: state.db, every: %s }\n" % (
            layouts or self.layouts, every)
        if workers:
            text += "workers: %d\n" % workers
        text += ("sources:\n  p2: { type: directory, path: %s, format: p2, layouts: { tcp: p2-tcp, udp: p2-udp, "
                 "other: p2-other } }\nsteps:\n" % os.path.join(data, "p2"))
        text += ("  tagged:\n    from: p2\n"
                 "    tag: { table: %s, of: { src: srcIP, dst: dstIP }, gives: [net, site, service] }\n"
                 % os.path.join(data, "networks.csv"))
        with open(os.path.join(folder, "weir.yaml"), "w", encoding="utf-8") as f:
            f.write(text + steps + "sinks:\n" + sinks)

    def once(self, folder, cores=None, keep=False):
        """A run to the end from nothing; .stats is weir's own account."""
        if not keep:
            for path in glob.glob(os.path.join(folder, "s*.db*")):
                os.unlink(path)
            shutil.rmtree(os.path.join(folder, "out"), ignore_errors=True)
            os.mkdir(os.path.join(folder, "out"))
        r = run([self.weir, "run", "weir.yaml", "--once", "--quiet", "--stats", "stats.json"], cwd=folder, cores=cores)
        with open(os.path.join(folder, "stats.json"), encoding="utf-8") as f:
            r.stats = json.load(f)
        return r


def folder_of(name):
    path = os.path.join(CACHE, "run-" + name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def steps(measures):
    few = " measures: [%s]," % ", ".join(measures) if measures else ""
    return ("  raw: { from: tagged, window: 1m, by: [srcNet, dstNet, protocol],%s groups_max: 10000000 }\n"
            "  site: { from: raw, cascade: [1m, 5m, 1h, 1d], ways: [src, dst, both], kind: site,"
            " rank: { top: 100, fields: default } }\n"
            "  service: { from: raw, cascade: [1m, 5m, 1h, 1d], ways: [src, dst], kind: service,"
            " rank: { top: 100, fields: default } }\n" % few)


STORE = "  store: { type: sqlite, path: store.db, from: [raw, site, service] }\n"


def size_of(data):
    files = [f for f in glob.glob(os.path.join(data, "p2", "_*")) if not f.endswith(".finished")]
    return sum(os.path.getsize(f) for f in files), files


def read_through(files):
    """Into the page cache."""
    for name in files:
        with open(name, "rb") as f:
            while f.read(1 << 20):
                pass
