#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py: runs the cases of test/case with the real binary and compares what they print with what they should.

A case is a folder: README.md says what is shown, `steps` is a shell script, `expected` is what it prints; all else
(recipe, layouts, P2 files, nets) is its input. The steps run in a copy of the folder with the helpers of
test/case/prelude.sh. Only what the steps print is compared, so they send standard error there where it matters.

    run.py [--weir BINARY] [--bless] [--keep] [-j N] [CASE...]

The binary is --weir, else $WEIR, else the build directory's. --bless writes what was printed into `expected`."""
import argparse
import concurrent.futures
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "case")
TIMEOUT_S = int(os.environ.get("CASE_SECONDS", "60"))  # of one case; sanitizers need more


def find_weir(given=None):
    """Path of the binary, absolute; exits with a hint if there is none."""
    root = os.path.dirname(HERE)
    for path in (given, os.environ.get("WEIR"), os.path.join(root, "build", "weir"),
                 os.path.join(root, "build", "src", "cli", "weir")):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    sys.exit("no weir binary: ./dev build makes it, or set WEIR")


def plain(text, folder):
    """Takes out what differs from run to run: the folder's name and the log's clock."""
    text = text.replace(folder, "@")
    return re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z ", "", text, flags=re.M)


def run_steps(case, folder, weir):
    """(printed, error text or None). A case that hangs is ended with all that it started."""
    env = dict(os.environ, WEIR=weir, KIT=HERE, LC_ALL="C.UTF-8", TZ="UTC", NO_COLOR="1")
    script = '. "$KIT/case/prelude.sh"; . ./steps'
    p = subprocess.Popen(["sh", "-eu", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = p.communicate(timeout=TIMEOUT_S)
        late = None
    except subprocess.TimeoutExpired:
        late = "not done after %d s" % TIMEOUT_S
    try:
        os.killpg(p.pid, signal.SIGKILL)  # whatever a failed case left running
    except ProcessLookupError:
        pass
    if late:
        out, err = p.communicate()
    text = plain(out.decode("utf-8", "replace"), folder)
    tail = plain(err.decode("utf-8", "replace"), folder)
    if late:
        return text, late + "\n" + tail
    if p.returncode != 0:
        return text, "steps ended with %d\n%s" % (p.returncode, tail)
    return text, None


def run_case(name, weir, bless, keep):
    """(name, failure text or None)."""
    case = os.path.join(CASES, name)
    room = tempfile.mkdtemp(prefix="weir-case-")
    folder = os.path.join(room, name)
    try:
        shutil.copytree(case, folder, ignore=shutil.ignore_patterns("expected"))
        printed, fault = run_steps(case, folder, weir)
        golden = os.path.join(case, "expected")
        if fault:
            return name, fault + printed
        if bless:
            with open(golden, "w", encoding="utf-8") as f:
                f.write(printed)
            return name, None
        if not os.path.exists(golden):
            return name, "no `expected`: look at what it prints, then --bless\n" + printed
        with open(golden, encoding="utf-8") as f:
            wanted = f.read()
        if printed == wanted:
            return name, None
        return name, "".join(difflib.unified_diff(wanted.splitlines(True), printed.splitlines(True),
                                                  "expected", "printed"))
    finally:
        if keep:
            print("kept: %s" % folder)
        else:
            subprocess.run(["chmod", "-R", "u+rwX", room], check=False)
            shutil.rmtree(room, ignore_errors=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--bless", action="store_true")
    p.add_argument("--keep", action="store_true", help="leave the folders of the run")
    p.add_argument("-j", type=int, default=2)
    p.add_argument("case", nargs="*")
    a = p.parse_args()
    weir = find_weir(a.weir)
    names = a.case or sorted(n for n in os.listdir(CASES) if os.path.exists(os.path.join(CASES, n, "steps")))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(a.j) as pool:
        for name, fault in pool.map(lambda n: run_case(os.path.basename(n.rstrip("/")), weir, a.bless, a.keep), names):
            failed += fault is not None
            print("%-4s %s" % ("FAIL" if fault else "ok", name))
            if fault:
                print("    " + fault.rstrip("\n").replace("\n", "\n    "))
    print("cases: %d passed, %d failed" % (len(names) - failed, failed))
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
