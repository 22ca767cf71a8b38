#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""unit.py: runs `meson test` in a build directory and counts the test functions inside its programs.

    unit.py BUILDDIR [-j N]      ends with "unit: N passed, N failed"

A program that crashes, hangs or counts nothing is one failure."""
import json
import os
import re
import subprocess
import sys


def count(test):
    """(passed, failed) of one line of meson's test log."""
    text = (test.get("stdout") or "") + (test.get("stderr") or "")
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
    failed = len(set(re.findall(r"^\[  FAILED  \] (?!\S*: ?\d+ test)(?!\d+ test)(\S+)", text, re.M)))
    ok = test["result"] == "OK"
    if ok and failed == 0:
        return max(passed, 1), 0
    return passed, max(failed, 1)


def main():
    build = sys.argv[1]
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    jobs = sys.argv[3] if len(sys.argv) > 3 and sys.argv[2] == "-j" else "2"
    code = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                           "--num-processes", jobs, "--timeout-multiplier", "10"], check=False).returncode
    passed = failed = 0
    if os.path.exists(log):
        with open(log, encoding="utf-8") as f:
            for line in f:
                if line.strip():
                    good, bad = count(json.loads(line))
                    passed, failed = passed + good, failed + bad
    if code != 0 and failed == 0:
        failed = 1
    print("unit: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
