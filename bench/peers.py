#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peers.py: the same raw aggregation as mawk and DuckDB do it, each in its best form, made from the layouts."""
import os
import subprocess

from harness import CACHE
import oracle
import plainyaml

DUCKDB = "@duckdb/node-api@1.5.6-r.1"

# The 40 measures of the wide minute: counts, sizes, minima and maxima, bins and samplings of all protocols and of TCP.
WIDE = """connections srcPackets dstPackets srcBytes dstBytes srcPayload dstPayload srcMinSize dstMinSize srcMaxSize
dstMaxSize srcMinTTL dstMinTTL srcTTL1 dstTTL1 srcFragments dstFragments srcGap dstGap srcPorts dstPorts srcSYN dstSYN
srcSYNACK dstSYNACK srcFIN dstFIN srcRST dstRST srcPSH dstPSH srcRetransmissions dstRetransmissions srcOutOfOrder
dstOutOfOrder srcZeroWindow dstZeroWindow srcRTT dstRTT setup""".split()


def fields_of(path):
    """protocol -> [Field or None]"""
    out = {}
    for doc in plainyaml.load(path):
        for layout in oracle.layouts_in(doc):
            out[layout.name.split("-")[-1]] = layout.fields
    return out


def awk_program(fields):
    """The raw aggregation for one protocol's columns: one key, the same measures. Nets by cutting the last part off."""
    body = []
    for i, f in enumerate(fields, 1):
        if f is None or f.measure not in WIDE:
            continue
        m = f.measure
        if f.type == "u64" and f.agg == "sum":
            body.append('if ($%d != "-") %s[k] += $%d' % (i, m, i))
        elif f.type == "u64":
            sign = "<" if f.agg == "min" else ">"
            body.append('if ($%d != "-" && (!(k in %s) || $%d + 0 %s %s[k])) %s[k] = $%d + 0'
                        % (i, m, i, sign, m, m, i))
        elif f.type == "sampling":
            body.append('if ($%d != "-") { c = split($%d, parts, ";");'
                        ' for (j = 1; j <= c; j++) { split(parts[j], v, ":");'
                        ' %s_n[k] += v[1]; %s_s[k] += v[1] * v[3];'
                        ' if (!((k) in %s_l) || v[2] < %s_l[k]) %s_l[k] = v[2];'
                        ' if (v[4] > %s_h[k]) %s_h[k] = v[4] } }' % (i, i, m, m, m, m, m, m, m))
    return "\n  ".join(body)


def awk_script(layouts):
    """All three files in one go, told apart by their names. Prints records and the sum of srcBytes."""
    parts = ["function net(a) { if (index(a, \":\")) sub(/:[^:]*$/, \"\", a); "
             "else sub(/\\.[0-9]+$/, \"\", a); return a }",
             "{ k = net($1) \" \" net($2) \" \" $3; records[k]++ }"]
    for word, fields in layouts.items():
        parts.append('FILENAME ~ /_%s_/ {\n  %s\n}' % (word, awk_program(fields)))
    parts.append("END { for (k in records) { groups++; n += records[k]; b += srcBytes[k] } "
                 "printf \"%d %d %.0f\\n\", groups, n, b }")
    return "\n".join(parts) + "\n"


def duck_sampling(m, c):
    parts = "string_split(%s, ';')" % c
    def part(i, kind):
        return "list_transform(%s, lambda x: split_part(x, ':', %d)::%s)" % (parts, i, kind)
    return ["sum(list_sum(%s)) AS %s_n" % (part(1, "BIGINT"), m),
            "min(list_min(%s)) AS %s_l" % (part(2, "DOUBLE"), m),
            "sum(list_sum(list_transform(%s, "
            "lambda x: split_part(x, ':', 1)::DOUBLE * split_part(x, ':', 3)::DOUBLE))) AS %s_s"
            % (parts, m), "max(list_max(%s)) AS %s_h" % (part(4, "DOUBLE"), m)]


def duck_select(fields, files, measures):
    """Typed projection of one protocol's files; measures it lacks are null."""
    columns = []
    for i, f in enumerate(fields):
        used = f is not None and (f.measure in WIDE or f.name in ("srcIP", "dstIP", "protocol"))
        kind = "UBIGINT" if used and f.type == "u64" else "VARCHAR"
        columns.append("'c%d': '%s'" % (i, kind))
    index = {f.measure: i for i, f in enumerate(fields) if f is not None and f.measure}
    names = {f.name: i for i, f in enumerate(fields) if f is not None}
    picked = ["c%d AS srcIP" % names["srcIP"], "c%d AS dstIP" % names["dstIP"], "c%d AS protocol" % names["protocol"]]
    picked += ["c%d AS %s" % (index[m], m) if m in index else "NULL AS %s" % m for m in measures]
    return ("SELECT %s FROM read_csv([%s], delim=' ', header=false, quote='', escape='', nullstr='-', "
            "auto_detect=false, "
            "columns={%s})" % (", ".join(picked), ", ".join("'%s'" % f for f in files), ", ".join(columns)))


def duck_script(layouts, files):
    kinds = {}
    for fields in layouts.values():
        kinds.update((f.measure, f) for f in fields if f is not None and f.measure in WIDE)
    measures = list(kinds)
    union = " UNION ALL ".join(duck_select(fields, [f for f in files if "/_%s_" % w in f], measures)
                               for w, fields in layouts.items())
    folds = []
    for m, f in kinds.items():
        folds += duck_sampling(m, m) if f.type == "sampling" else ["%s(%s) AS %s" % (f.agg, m, m)]
    net = "regexp_replace({0}, '[.:][^.:]*$', '')"
    inner = "SELECT %s AS s, %s AS d, protocol, count(*) AS records, %s FROM (%s) GROUP BY ALL" % (
        net.format("srcIP"), net.format("dstIP"), ", ".join(folds), union)
    # Every column of the result is used, so that none of the work can be left out.
    outputs = ["count(*) AS groups", "sum(records) AS records", "sum(srcBytes) AS bytes"]
    for m, f in kinds.items():
        outputs += ["sum(%s%s)" % (m, e) for e in ("_n", "_l", "_s", "_h")] if f.type == "sampling" else ["sum(%s)" % m]
    return "SELECT %s FROM (%s)" % (", ".join(outputs), inner)


def duckdb_home():
    """Folder with the package, installed once; None: it could not be had."""
    home = os.path.join(CACHE, "duckdb")
    if not os.path.isdir(os.path.join(home, "node_modules", "@duckdb", "node-api")):
        os.makedirs(home, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", home, DUCKDB],
                           check=True, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as e:
            print("  DuckDB is left out: %s" % e)
            return None
    return home
