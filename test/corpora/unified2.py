#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""unified2.py: weir u2 over every unified2 sample of $WEIR_CORPORA, record by record, against all that other programs said of it.

    json    idstools-u2json: each line byte for byte, with the maps and options of the reference's name
    truth   the format description's decoder: each record at its offset with type, length and every field; what is not good
            (short, unknown, cut) must be told at its offset and be in no line
    text    u2spewfoo of Snort 2.9.19 or 3.12: each line
    spool   the trace of a spool of four files: records, files and offsets, also from a bookmark (json as above)
    source  each sample as a spool of the source unified2: the lines of its `json` column are those of weir u2, which the others hold

Every difference stands in unified2.tsv with a reason; one that is new fails, and so does an entry that is no longer there.
Not compared: u2eve's imitation of EVE, which is no decoding of its own.

    test/corpora/unified2.py [--weir BINARY] [--only NAME] [--list]"""
import argparse
import base64
import difflib
import glob
import gzip
import hashlib
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]
import listed  # noqa: E402
import run as runner  # noqa: E402

LISTED = os.path.join(HERE, "unified2.tsv")
REASONS = {
    "stopped": "idstools or u2spewfoo ended at a record that it could not read; weir passed it over and went on",
    "appid": "idstools prints Python's notation of the bytes, NULs and what is behind them included; weir the name up to its NUL",
    "event3": "idstools puts fields of type 114 under other names and leaves null where the others stand (py-idstools PR 74)",
    "type-113": "idstools prints null for statistics of applications",
    "resynchronised": "the description's decoder ends at a header that makes no sense; weir finds the next record",
    "extended": "Sourcefire's extended header: the decoder takes it for an unknown type and loses its place, weir reads it",
    "rest": "bytes behind the fixed part of types 7 and 72: idstools takes them for an appid, weir prints them as rest",
    "complaint": "a line in which u2spewfoo says why it stops; weir says it on standard error",
    "inner-length": "u2spewfoo believes a packet's inner length and loses its place; weir the record's (the description, section 4)",
    "control": "a control character in extra data: u2spewfoo prints it raw, weir a dot",
    "event3-160": "u2spewfoo of Snort 3.12 refuses type 114 of 160 bytes, as Snort wrote it before 3.9.7",
}
MAPS = {"all-options": ("idstools", ["--packet-printable", "--packet-hex", "--extra-printable"]),
        "first400.mapped": ("ruby-unified2", [])}
# The decoder's names of what weir, like idstools, calls otherwise.
TRUTH_NAMES = {"packet-length": "length", "extra-event-type": "event-type", "extra-event-length": "event-length",
               "extra-type": "type", "blob-length": "data-length", "policy-id-context": "pid-context",
               "policy-id-inspect": "pid-inspect", "policy-id-detect": "pid-detect", "status-code": "status",
               "action-code": "action", "stat-second": "second"}
TRUTH_OWN = {"offset", "type", "length", "status", "kind", "appid-hex", "count"}  # frame, and what `appid` and `apps` say, too


def opened(path):
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")


def run(weir, *options):
    """(lines, words, exit code)"""
    p = subprocess.run([weir, "u2", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       check=False, timeout=120)
    if p.returncode not in (0, 65):
        raise ValueError("weir u2 %s ended with %d\n%s" % (" ".join(options), p.returncode, p.stderr.decode()))
    return p.stdout, p.stderr.decode("utf-8", "replace"), p.returncode


def short(value):
    """One cell of the list: long values by their beginning and their sum."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= 60 else "%s..%s" % (text[:40], hashlib.sha1(text.encode()).hexdigest()[:8])


# --- idstools -----------------------------------------------------------------------------------------------------------

def flat(line):
    """The record's fields, with its type."""
    o = json.loads(line)
    return {} if o is None else dict(o[o["type"]], **{"(type)": o["type"]})


def compare_json(weir, sample, reference):
    name = os.path.basename(reference).replace(".gz", "")[len(os.path.basename(sample)):-len(".jsonl")].strip(".")
    options = []
    if name:
        folder, options = MAPS[name]
        maps = os.path.join(os.path.dirname(os.path.dirname(sample)), "maps", folder)
        options = options + ["-C", os.path.join(maps, "classification.config"), "-S", os.path.join(maps, "sid-msg.map"),
                             "-G", os.path.join(maps, "gen-msg.map")]
    out, _, _ = run(weir, *options, sample)
    with opened(reference) as f:
        want = f.read().split(b"\n")[:-1]
    have = out.split(b"\n")[:-1]
    if name.startswith("first400"):
        have = have[:400]
    found = []
    for i in range(max(len(want), len(have))):
        a, b = want[i] if i < len(want) else None, have[i] if i < len(have) else None
        if a == b:
            continue
        if a is None or b is None:
            found.append(("json", "record %d" % i, "(record)", "-" if a is None else "there", "-" if b is None else "there"))
            continue
        x, y = flat(a), flat(b)
        fields = [k for k in sorted(set(x) | set(y)) if x.get(k, "(none)") != y.get(k, "(none)")]
        found += [("json", "record %d" % i, k, short(x.get(k, "(none)")), short(y.get(k, "(none)"))) for k in fields]
        if not fields:
            found.append(("json", "record %d" % i, "(bytes)", short(a.decode()), short(b.decode())))
    return found, len(want)


# --- the description's decoder --------------------------------------------------------------------------------------------

def as_weir(row):
    """Its fields under our names, as we print them."""
    out = {TRUTH_NAMES.get(k, k): v for k, v in row.items() if k not in TRUTH_OWN}
    for k in ("source-ip", "destination-ip"):
        if out.get(k) and ":" in out[k]:
            out[k] = ipaddress.ip_address(out[k]).exploded
    if not out.get("appid", True):
        del out["appid"]
    if "trailing-hex" in out:
        out["rest"] = base64.b64encode(bytes.fromhex(out.pop("trailing-hex"))).decode()
    if "apps" in out:
        out["apps"] = [{"appid": a["name"], "initiator-bytes": a["tx-bytes"], "responder-bytes": a["rx-bytes"]} for a in out["apps"]]
    return out


def fields_of(row, ours):
    """(field, theirs, ours) of what differs; what only we print must follow from the record's type."""
    want = as_weir(row)
    kind = "app-stats" if row["kind"] == "appstat" else row["kind"]
    if (ours["type"], ours["record-type"], ours["record-length"]) != (kind, row["type"], row["length"]):
        yield "(frame)", [kind, row["type"], row["length"]], [ours["type"], ours["record-type"], ours["record-length"]]
    have = ours[ours["type"]]
    for k in sorted(set(want) | set(have)):
        if k in want and want[k] != have.get(k, "(none)"):
            yield k, want[k], have.get(k, "(none)")
        elif k not in want and k not in ("extra-data-type", "status-name", "action-name", "unused") and have[k] is not None \
                and not (row["type"] == 114 and k == "blocked"):
            yield k, "(none)", have[k]


def compare_truth(weir, sample, reference):
    out, words, code = run(weir, "--place", sample)
    ours = {o["offset"]: o for o in map(json.loads, out.splitlines())}
    told = {int(at) + i for at, size in re.findall(r":(\d+): .*?(?:(\d+) bytes?)? passed over", words) for i in range(int(size or 1))}
    found, rows = [], []
    with open(reference, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    types_told = set()
    for row in rows:
        at, mine = row["offset"], ours.pop(row["offset"], None)
        place = "offset %d" % at
        if row["status"] != "ok":
            if mine is not None:
                found.append(("truth", place, "(record)", row["status"], "there"))
            elif at not in told and row.get("type") not in types_told:
                found.append(("truth", place, "(told)", row["status"], "-"))
            if row["status"] == "unknown" and row["type"]:
                types_told.add(row["type"])
        elif mine is None:
            found.append(("truth", place, "(record)", "there", "-"))
        else:
            found += [("truth", place, k, short(x), short(y)) for k, x, y in fields_of(row, mine)]
    found += [("truth", "offset %d" % at, "(record)", "-", "there") for at in sorted(ours)]
    if code != (0 if all(r["status"] == "ok" for r in rows) else 65):
        found.append(("truth", "-", "(exit code)", "-", str(code)))
    return found, len(rows)


# --- u2spewfoo ------------------------------------------------------------------------------------------------------------

def compare_text(weir, sample, reference):
    have = run(weir, "--text", sample)[0].decode("utf-8", "surrogateescape").split("\n")
    with opened(reference) as f:
        want = f.read().decode("utf-8", "surrogateescape").split("\n")
    count = len(want)
    head = 0
    while head < min(len(have), len(want)) and have[head] == want[head]:
        head += 1
    found = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, want[head:], have[head:], False).get_opcodes():
        if tag != "equal":
            x, y = "\n".join(want[head + a:head + b]), "\n".join(have[head + c:head + d])
            found.append(("text", "line %d" % (head + a + 1), "(lines)", short(x) or "-", short(y) or "-"))
    return found, count


# --- the spool ------------------------------------------------------------------------------------------------------------

def compare_spool(weir, folder, reference):
    """Files by number; a trace from a bookmark begins behind it."""
    mark = re.search(r"resume-(\d+)-(\d+)", reference)
    after = (int(mark.group(1)), int(mark.group(2))) if mark else (0, 0)
    files = sorted((f for f in os.listdir(os.path.join(folder, "dir")) if re.fullmatch(r"snort\.u2\.\d+", f)),
                   key=lambda f: int(f.rsplit(".", 1)[1]))
    out, _, _ = run(weir, "--place", *(os.path.join(folder, "dir", f) for f in files))
    have = []
    for o in map(json.loads, out.splitlines()):
        name = os.path.basename(o["file"])
        if (int(name.rsplit(".", 1)[1]), o["offset"]) >= after:
            have.append({"file": name, "next-offset": o["offset"] + 8 + o["record-length"], "record": {k: o[k] for k in ("type", o["type"])}})
    with open(reference, encoding="utf-8") as f:
        want = [json.loads(line) for line in f]
    end = want.pop()
    if have and (end["file"], end["offset"]) != (have[-1]["file"], have[-1]["next-offset"]):
        found_end = [("spool", "-", "(end)", short(end), short([have[-1]["file"], have[-1]["next-offset"]]))]
    else:
        found_end = []
    found = found_end + [("spool", "record %d" % i, "(record)", short(a), short(b)) for i, (a, b) in enumerate(zip(want, have)) if a != b]
    if len(want) != len(have):
        found.append(("spool", "-", "(records)", str(len(want)), str(len(have))))
    return found, len(want)


# --- the source -----------------------------------------------------------------------------------------------------------

RECIPE = """weir: 1
name: corpora
include: [ %s ]
state: { path: state.db, every: 10s }
sources:
  alerts: { type: unified2, format: unified2, path: [ spool ], join: %s, chunk: 4KiB, layouts: { alerts: alerts } }
steps: { lines: { from: alerts, records: [ json ] } }
sinks: { out: { type: file, path: out, format: json, from: [ lines ] } }
"""


def through_source(weir, files, join):
    """Lines of the json column, in order. An empty later file makes the last one finished."""
    with tempfile.TemporaryDirectory(prefix="weir-corpora-") as room:
        os.mkdir(os.path.join(room, "spool"))
        for number, path in enumerate(files + [os.devnull]):
            shutil.copyfile(path, os.path.join(room, "spool", "x.%d" % (number + 1)))
        layout = os.path.join(os.path.dirname(os.path.dirname(HERE)), "conf", "layouts", "unified2.yaml")
        with open(os.path.join(room, "weir.yaml"), "w", encoding="utf-8") as f:
            f.write(RECIPE % (layout, "true" if join else "false"))
        p = subprocess.run([weir, "run", "weir.yaml", "--once"], cwd=room, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                           timeout=120)
        if p.returncode:
            raise ValueError("weir run over %s ended with %d\n%s" % (files[0], p.returncode, p.stdout.decode()))
        path = os.path.join(room, "out", "alerts_lines.jsonl")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as f:
            return [json.loads(line)["json"] for line in f]


def check_source(weir, corpora, only):
    """(spools checked, lines, [what differs])"""
    root, bad, lines, spools = os.path.join(corpora, "unified2"), [], 0, []
    for sample in sorted(glob.glob(os.path.join(root, "real", "*")) + glob.glob(os.path.join(root, "synthetic", "*.u2"))):
        if not re.search(r"\.(jsonl|txt|gz|outcome)$", sample):
            spools.append((os.path.relpath(sample, root), [sample]))
    trace = glob.glob(os.path.join(root, "spool-a", "dir", "snort.u2.*"))
    spools.append(("spool-a", sorted((f for f in trace if f.rsplit(".", 1)[1].isdigit()), key=lambda f: int(f.rsplit(".", 1)[1]))))
    for name, files in spools:
        for join in (False, True):
            if only not in name:
                continue
            want = run(weir, *(["--join"] if join else []), *files)[0].decode().splitlines()
            have = through_source(weir, files, join)
            lines += len(want)
            if have != want:
                bad.append("%s%s: the source gives %d lines, weir u2 %d" % (name, " joined" if join else "", len(have), len(want)))
    return len(spools), lines, bad


# --- all of it ------------------------------------------------------------------------------------------------------------

def references(corpora, only):
    """(name, compare function, sample, reference)"""
    root = os.path.join(corpora, "unified2")
    for sample in sorted(glob.glob(os.path.join(root, "real", "*")) + glob.glob(os.path.join(root, "synthetic", "*.u2"))):
        name = os.path.relpath(sample, root)
        if re.search(r"\.(jsonl|txt|gz|outcome)$", sample) or only not in name:
            continue
        for reference in sorted(glob.glob(glob.escape(sample) + ".*")):
            if reference.endswith(".truth.jsonl"):
                yield name, compare_truth, sample, reference
            elif re.search(r"\.u2spewfoo\.txt(\.gz)?$", reference):
                yield name, compare_text, sample, reference
            elif re.search(r"\.jsonl(\.gz)?$", reference) and not reference.endswith(".u2eve.jsonl"):
                if os.path.basename(reference)[len(os.path.basename(sample)):].count(".jsonl") == 1 and \
                        not any(reference.startswith(s + ".") for s in glob.glob(glob.escape(sample) + "-*")):
                    yield name, compare_json, sample, reference
    for reference in sorted(glob.glob(os.path.join(root, "spool-a", "expected*.jsonl"))):
        if only in "spool-a":
            yield "spool-a", compare_spool, os.path.join(root, "spool-a"), reference


def is_foreign(weir, corpora):
    """A pcap and a barnyard bookmark are named as what they are, or as no records; nothing is printed."""
    bad = []
    for name, words in (("not-unified2-pcap.head4096", "a pcap capture"), ("barnyard.waldo", "no record")):
        path = os.path.join(corpora, "unified2", "real", name)
        out, said, code = run(weir, path)
        if out or code != 65 or words not in said:
            bad.append("%s: %d, %s" % (name, code, said.strip()))
    return bad


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--only", default="", help="samples whose name has this text")
    p.add_argument("--list", action="store_true", help="print differences and judge nothing")
    a = p.parse_args()
    corpora = os.environ.get("WEIR_CORPORA")
    if not corpora:
        print("corpora unified2: skipped, WEIR_CORPORA is not set")
        return 0
    weir, known = runner.find_weir(a.weir), listed.load(LISTED)
    found, compared, checked = {}, 0, 0
    for name, compare, sample, reference in references(corpora, a.only):
        differences, count = compare(weir, sample, reference)
        kind = {compare_json: "json", compare_truth: "truth", compare_text: "text", compare_spool: "spool"}[compare]
        label = kind if compare is not compare_json else os.path.basename(reference)[len(os.path.basename(sample)) + 1:].replace(".gz", "")
        label = os.path.basename(reference) if kind == "spool" else label
        found[name, label] = [(name, label) + d[1:] for d in differences]
        compared, checked = compared + count, checked + 1
    if a.list:
        for rows in found.values():
            for row in rows:
                print("\t".join(row + (known.get(row, "?"),)))
        return 0
    failed = 0
    for (name, label), rows in found.items():
        words = listed.judge(known, (name, label), rows, " | ")
        failed += bool(words)
        if words:
            print("FAIL %s %s: %d\n    %s" % (name, label, len(words), "\n    ".join(words[:20])))
    bad = sorted({r for r in known.values() if r not in REASONS})
    bad += [] if a.only else is_foreign(weir, corpora)
    spools, lines, differ = check_source(weir, corpora, a.only)
    bad += differ
    bad += [] if a.only else ["listed, no such reference: %s %s" % k for k in sorted({k[:2] for k in known} - set(found))]
    for words in bad:
        print("FAIL %s" % words)
    print("%d records and lines compared with %d references, %d differences for a listed reason" % (
        compared, checked, sum(map(len, found.values()))))
    print("%d lines of %d spools through the source" % (lines, spools))
    print("corpora unified2: %d passed, %d failed" % (checked - failed, failed + len(bad)))
    return 1 if failed or bad or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
