#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py: runs the tests of test/kafka against a real broker, with the real weir.

    run.py [--weir BINARY] [--full] [--keep] [--seed N] [-j N] [NAME...]      NAME: part of a test's name: sink.fenced

A test is a function test_*(kit) in a file test_*.py here; it passes by returning and fails by `assert ..., words`.
`kit` (kit.py) gives it the broker, a folder and a topic of its own, and weir; what it started through the kit is ended
for it. A new test is one more function. -j: so many tests at a time, each worker with a broker of its own. --full: many
more rounds where chance plays; --seed: the same chances again.

Where Kafka cannot run (broker.py: missing) every test is reported as skipped, by name, and the run passes; with
WEIR_KAFKA=required in the environment it fails."""
import argparse
import collections
import concurrent.futures
import importlib
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
import broker  # noqa: E402
import kit as kits  # noqa: E402


def find_tests(wanted):
    """[(name, function)]: file by file, in the order they are written."""
    found = []
    for file in sorted(os.listdir(HERE)):
        if file.startswith("test_") and file.endswith(".py"):
            module = importlib.import_module(file[:-3])
            for name, f in vars(module).items():
                if name.startswith("test_") and callable(f):
                    found.append(("%s.%s" % (file[5:-3], name[5:]), f))
    return [t for t in found if not wanted or any(w in t[0] for w in wanted)]


def run_test(name, f, kit):
    """"ok", "FAIL" or "skip", and why."""
    try:
        f(kit)
        return "ok", ""
    except kits.Skip as e:
        return "skip", str(e)
    except AssertionError as e:
        where = traceback.extract_tb(e.__traceback__)[-1]
        return "FAIL", "%s:%d: %s" % (os.path.basename(where.filename), where.lineno, e or where.line)
    except Exception:  # noqa: BLE001: a fault of the test or its broker is a failure with its trace
        return "FAIL", traceback.format_exc().strip()
    finally:
        kit.end()


def run_some(tests, a, folder, number):
    """Takes tests until there are none: the verdicts. All that is said of one test comes at once."""
    counts = collections.Counter()
    with broker.Broker(os.path.join(folder, "broker-%d" % number)) as b:
        while True:
            try:
                name, f = tests.popleft()
            except IndexError:
                return counts
            if b.process is None or b.process.poll() is not None:
                b.start()  # the test before ended it
            at = time.monotonic()
            kit = kits.Kit(b, name, os.path.join(folder, name), a.weir, a.full, random.Random("%d %s" % (a.seed, name)))
            verdict, why = run_test(name, f, kit)
            counts[verdict] += 1
            said = "%-4s %-60s %6.1f s%s\n" % (verdict, name, time.monotonic() - at, why and "  " + why)
            sys.stdout.write(said + (kit.said() + "\n" if verdict == "FAIL" else ""))
            sys.stdout.flush()


def run_all(tests, a, folder):
    left = collections.deque(tests)
    with concurrent.futures.ThreadPoolExecutor(a.j) as pool:
        workers = [pool.submit(run_some, left, a, folder, i) for i in range(a.j)]
        counts = sum((w.result() for w in workers), collections.Counter())
    return {key: counts[key] for key in ("ok", "FAIL", "skip")}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--full", action="store_true")
    p.add_argument("--keep", action="store_true", help="leaves the folder with all that was written")
    p.add_argument("-j", type=int, default=1, help="tests at a time")
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    try:
        broker.enter()
    except broker.Unavailable as e:
        required = os.environ.get("WEIR_KAFKA") == "required"
        tests = find_tests(a.names)
        for name, _ in tests:
            print("%-4s %-60s %s" % ("FAIL" if required else "skip", name, e))
        print("kafka: 0 passed, %d failed, %d skipped" % ((len(tests), 0) if required else (0, len(tests))))
        return 1 if required else 0
    a.weir = kits.find_weir(a.weir)
    folder = tempfile.mkdtemp(prefix="weir-kafka-")
    print("kafka: seed %d%s" % (a.seed, ", folder " + folder if a.keep else ""), flush=True)
    try:
        counts = run_all(find_tests(a.names), a, folder)
    finally:
        if not a.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("kafka: %(ok)d passed, %(FAIL)d failed, %(skip)d skipped" % counts)
    return 1 if counts["FAIL"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
