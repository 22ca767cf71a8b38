#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py: checks every #include of include/ and src/ against the rings of the source tree.

Arrows point down, siblings never include each other, the language (weir/...) is open to all; foreign libraries stay at
the edge, and pure code knows no descriptor, clock or thread. Only engine/registry names concrete stages."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

GROUND = {"base": set(), "record": {"base"}, "packet": {"base"}, "unified2": {"base", "packet"}, "expr": {"base", "record"},
          "json": {"base"}}
PURE = {name: {"base", "record"} for name in ("decode", "tag", "rule", "window", "rank", "config")}
PURE["decode"] |= {"json", "packet", "unified2"}
PURE["config"] |= {"expr"}
EDGES = {name: {"base", "record", "shim"} for name in ("source", "sink", "snapshot", "serve")}
EDGES["source"] |= {"packet", "unified2"}  # conversations: the one source whose records are made of many of its own
EDGES["shim"] = {"base", "record", "packet"}
TOP = {"engine": {"base", "record", "config", "snapshot", "serve", "shim", "tag", "window", "rank", "rule", "expr"},
       "cli": {"base", "record", "config", "engine", "packet", "snapshot", "shim", "unified2"}}
MAY = {**GROUND, **PURE, **EDGES, **TOP}
CONCRETE = {"source", "sink", "decode"}  # for engine/registry.* alone

# Foreign headers and the folders that may know them.
FOREIGN = {
    "uv.h": {"engine", "source", "sink", "snapshot", "serve", "shim"},
    "sqlite3.h": {"shim", "snapshot", "sink", "cli"},
    "yaml.h": {"config"},
    "librdkafka/rdkafka.h": {"shim", "source", "sink"},
    "libpq-fe.h": {"shim", "sink"},
    "pcap/pcap.h": {"shim"},
    "simdjson.h": {"json"},
    "zlib.h": {"shim"},
    "zstd.h": {"shim"},
    "microhttpd.h": {"serve"},
}
# What would give pure code a descriptor, a clock, a thread or a process (sys/mman.h is memory: huge pages for tables).
IMPURE = re.compile(r"(unistd|fcntl|time|poll|pthread|threads|signal|dirent|netdb|termios|spawn)\.h"
                    r"|sys/(stat|socket|inotify|epoll|eventfd|timerfd|time|wait|file|ioctl|uio|resource|signalfd)\.h"
                    r"|arpa/.*|net/.*|netinet/.*")


def faults_of(folder, name, quote, header):
    """Why src/<folder>/<name> may not include this header; None: it may."""
    if quote == "<":
        if header in FOREIGN and folder not in FOREIGN[header]:
            return "<%s> is for %s" % (header, ", ".join(sorted(FOREIGN[header])))
        if (folder in PURE or folder in GROUND) and folder != "base" and IMPURE.fullmatch(header):
            return "pure code includes <%s>" % header
        return None
    if header.startswith("weir/"):
        return None
    if "/" not in header:
        return 'write "%s/%s": an include line shows its ring' % (folder or "weir", header)
    ring = header.split("/")[0]
    if folder is None:
        return "contracts include contracts only"
    if ring == folder or ring in MAY[folder]:
        return None
    if folder == "engine" and ring in CONCRETE:
        return None if name.startswith("registry.") else "only engine/registry names concrete stages"
    return "%s does not include %s" % (folder, ring)


def sources():
    """(folder or None for contracts, path) of every C file."""
    for path, _, names in os.walk(os.path.join(ROOT, "include")):
        for n in names:
            yield None, os.path.join(path, n)
    src = os.path.join(ROOT, "src")
    for folder in sorted(os.listdir(src)):
        for path, _, names in os.walk(os.path.join(src, folder)):
            for n in names:
                if n.endswith((".c", ".h", ".cc")):
                    yield folder, os.path.join(path, n)


def main():
    files = failed = 0
    for folder, path in sorted(sources(), key=lambda s: s[1]):
        bad = []
        if folder is not None and folder not in MAY:
            bad.append((0, "folder src/%s is in no ring" % folder))
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                m = INCLUDE.match(line)
                why = m and not bad and faults_of(folder, os.path.basename(path), m.group(1), m.group(2))
                if why:
                    bad.append((number, why))
        files += 1
        failed += bool(bad)
        for number, why in bad:
            print("%s:%d: %s" % (os.path.relpath(path, ROOT), number, why))
    print("layers: %d passed, %d failed" % (files - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
