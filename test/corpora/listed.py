# SPDX-License-Identifier: Apache-2.0
"""listed.py: differences that are known, each with its reason: a table of tab-separated cells, the reason last.

A run judges what it found against the rows of its own part: what is new fails, and so does what is no longer there."""
import os


def load(path):
    """{cells before the reason: reason}"""
    out = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    *cells, reason = line.rstrip("\n").split("\t")
                    out[tuple(cells)] = reason
    return out


def judge(known, part, rows, glue):
    """Words about what is new and what is stale among the rows that begin with `part`, (sample, way); none: as listed."""
    rows, expected = set(rows), {k for k in known if k[:2] == part}
    words = ["new: %s" % glue.join(k[2:]) for k in sorted(rows - expected)]
    return words + ["listed, no longer there: %s" % glue.join(k[2:]) for k in sorted(expected - rows)]
