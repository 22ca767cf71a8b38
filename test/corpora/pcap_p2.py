#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pcap_p2.py: real captures through `weir p2`, minute by minute and pair by pair against what tshark and tcptrace say.

For each capture of $WEIR_CORPORA/pcap our lines are summed per minute and pair of addresses (over protocols and VLANs)
and compared with minutes_ip_outer.tsv, and of `--tunnels inner` with minutes_ip_inner.tsv where there is one:
  exactly        packets, bytes, SYN (with and without ACK), FIN, RST, least TTL, packets with TTL 1, fragments
                 (packets.tsv)
  within 1 us    least and greatest round trip, of the columns without retransmitted segments
  by either      retransmissions, out of order, duplicate ACKs, zero windows: as tshark has it for the minute, or as
                 tcptrace has it
                 for the pair over the whole capture
What still differs stands in pcap_p2.tsv beside this, each line with a reason of REASONS below. A difference that is not
listed fails the capture, and so does a listed one that is no longer there.

    WEIR_CORPORA=DIR pcap_p2.py [--weir BINARY] [--only TEXT] [--list]      skipped when WEIR_CORPORA is not set
--list prints the differences in the form of pcap_p2.tsv, reason `?` where none is listed yet."""
import argparse
import collections
import csv
import glob
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
import packets  # noqa: E402
import run as runner  # noqa: E402

LISTED = os.path.join(HERE, "pcap_p2.tsv")
REASONS = {
    "malformed": "a header length below 5: tshark's row is a courtesy, we count a fault and no packet",
    "quoted": "the innermost IP header of two ICMP errors is the packet they quote: tshark takes it, we tell the ICMP "
              "message itself",
    "vlans": "tshark takes the copies of one connection in several VLANs for one stream (oracle_caveats)",
    "copy-late": "the segment was acknowledged before its copy was sent: a clean sample then; tshark's clean columns "
                 "leave out all that was ever sent twice (the listed copies come up to 300 s later)",
    "ack-first": "captured out of order: the ACK (frame 6) stands before the data it covers (frame 8), which is new "
                 "when it comes and has no round trip; tshark calls it spurious and measures to the second ACK (frame "
                 "9)",
    "other-bounds": "bytes sent in two segments of different boundaries before their ACK (pppoe-over-qinq frames 24 "
                    "and 32, tcp-reassembly-gaps 110 and 114): Karn's rule leaves them out; tshark's clean columns "
                    "compare first numbers only",
    "variant": "tshark takes the damaged file for a patched libpcap's, whose record headers are 8 bytes longer, and "
               "reads the frame from its ninth byte; it is a plain one with an IPv4 packet in it",
    "exact-copy": "frames 57 and 58 are copies of 50 and 51 of 1.5 s before: sent again; tshark goes by the time "
                  "since the newest segment and calls them out of order. The sum of both is the same",
    "straddles": "frames 52 and 77 begin below the highest sequence number and end above it: not a retransmission by "
                 "p2.md",
    "seen-before": "frames 1226 to 1277 repeat bytes that were seen, no hole is filled: sent again, 52 in number; "
                   "tshark goes by the time since the newest segment and calls them out of order. Frame 262 ends "
                   "above the highest number: new",
}
# Packets where tshark's numbering knows others: (packets, why).
PACKETS = {
    "fmt-bad-record-length": (1, "the second record's length is damage, tshark shows it as a packet"),
    "fmt-ng-be-102": (5, "three blocks are no packets (custom), tshark numbers them"),
    "fmt-ng-le-202": (8, "three blocks are no packets (custom), tshark numbers them"),
}
EXACT = ("packets", "bytes", "syn", "fin", "rst", "ttl_min", "ttl1", "fragments")
EITHER = ("retrans", "out_of_order", "dup_ack", "zero_window")
TIMES = ("rtt_min", "rtt_max")
SUFFIXES = (".pcap", ".pcapng")
DAMAGED = {"fmt-bad-record-length"}  # their exit code is 65

# Ours, per direction: what is added, from the columns of the layout (Src -> Dst).
OURS = {"packets": ["numPktsSrcToDst"], "bytes": ["numBytesSrcToDst"], "ttl1": ["numPktsTTL1SrcToDst"],
        "fragments": ["numFragmentsSrcToDst"], "syn": ["numberSYNSrcToDst", "numberSYNACKSrcToDst"],
        "fin": ["numberFINSrcToDst"],
        "rst": ["numberRSTSrcToDst"], "retrans": ["numRetransmissionsSrcToDst"],
        "out_of_order": ["numOutOfOrderSrcToDst"],
        "dup_ack": ["numDupACKSrcToDst"], "zero_window": ["numZeroWindowSrcToDst"]}
TSHARK = {"packets": "packets", "bytes": "ip_bytes", "ttl1": "ttl1_packets", "syn": "syn", "fin": "fin", "rst": "rst",
          "retrans": "retrans", "out_of_order": "out_of_order", "dup_ack": "dup_ack", "zero_window": "zero_window",
          "ttl_min": "ttl_min"}
TCPTRACE = {"rexmt data pkts": "retrans", "outoforder pkts": "out_of_order", "duplicate acks": "dup_ack",
            "zero win adv": "zero_window"}
NAMES = packets.columns()


def nanoseconds(text):
    whole, _, part = text.partition(".")
    return int(whole) * packets.SECOND + int((part + "0" * 9)[:9])


def canonical(text):
    a = ipaddress.ip_address(text)
    return str(getattr(a, "ipv4_mapped", None) or a)


class Way(collections.Counter):
    """What one end sent to the other in a minute; extremes apart, None where there are none."""

    def __init__(self):
        super().__init__()
        self.extreme = {}

    def least(self, name, value):
        self.extreme[name] = min(self.extreme.get(name, value), value)

    def greatest(self, name, value):
        self.extreme[name] = max(self.extreme.get(name, value), value)

    def round_trips(self, least, greatest):
        self.least("rtt_min", least)
        self.greatest("rtt_max", greatest)

    def value(self, name):
        return self.extreme.get(name) if name in TIMES or name == "ttl_min" else self[name]


# --- ours -------------------------------------------------------------------------------------------------------------

def fold_line(ways, start, row):
    for src, dst, turn in (("srcIP", "dstIP", False), ("dstIP", "srcIP", True)):
        def cell(name):
            if turn:
                name = name.replace("SrcToDst", "DstToSrc")
            return row.get(name, "-")
        if cell("numPktsSrcToDst") == "0":
            continue
        way = ways[start, canonical(row[src]), canonical(row[dst])]
        for measure, names in OURS.items():
            way[measure] += sum(int(v) for v in map(cell, names) if v != "-")
        if cell("minTTLSrcToDst") != "-":
            way.least("ttl_min", int(cell("minTTLSrcToDst")))
        rtt = row.get("rttDstToSrc" if turn else "rttSrcToDst", "-")
        for sampling in rtt.split(";") if rtt != "-" else ():
            _, least, _, greatest = sampling.split(":")
            way.round_trips(nanoseconds(least), nanoseconds(greatest))


def ours(folder):
    """{(minute, from, to): Way}"""
    ways = collections.defaultdict(Way)
    for start, kind, values in packets.records(folder):
        if len(values) != len(NAMES[kind]):
            raise ValueError("%s line of %d has %d columns" % (kind, start, len(values)))
        fold_line(ways, start, dict(zip(NAMES[kind], values)))
    return ways


# --- theirs -----------------------------------------------------------------------------------------------------------

def rows_of(path):
    with open(path, encoding="utf-8", newline="") as f:
        yield from csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)


def fold_row(ways, row):
    minute = int(row["minute_epoch"]) if row["minute_epoch"].isdigit() else None
    a, b = canonical(row["a_addr"]), canonical(row["b_addr"])
    for src, dst, sent, answered in ((a, b, "ab_", "ba_"), (b, a, "ba_", "ab_")):
        if row[sent + "packets"] in ("", "0"):
            continue
        way = ways[minute, src, dst]
        for measure, column in TSHARK.items():
            cell = row[sent + column]
            if cell and measure == "ttl_min":
                way.least(measure, int(cell))
            elif cell:
                way[measure] += int(cell)
        # Their samples stand with the end that acknowledged, ours with the one whose data was acknowledged.
        for end in (answered,) if a != b else ("ab_", "ba_"):
            if row[end + "rtt_min_clean"]:
                way.round_trips(nanoseconds(row[end + "rtt_min_clean"]), nanoseconds(row[end + "rtt_max_clean"]))


def fold_fragments(ways, path, inner):
    """Fragments are in no table of minutes: counted from the packets."""
    at = -1 if inner else 0
    for row in rows_of(path):
        four, six = row["ip.src"].split(","), row["ipv6.src"].split(",")
        if row["ip.src"]:
            src, dst = four[at], row["ip.dst"].split(",")[at]
            more, offset = row["ip.flags.mf"].split(",")[at], row["ip.frag_offset"].split(",")[at]
        elif row["ipv6.src"]:
            src, dst = six[at], row["ipv6.dst"].split(",")[at]
            more, offset = row["ipv6.fraghdr.more"].split(",")[at], row["ipv6.fraghdr.offset"].split(",")[at]
        else:
            continue
        if more in ("1", "True") or offset not in ("", "0"):
            time = row["frame.time_epoch"]
            minute = nanoseconds(time) // packets.MINUTE * 60 if time else None
            ways[minute, canonical(src), canonical(dst)]["fragments"] += 1


def theirs(folder, view):
    ways = collections.defaultdict(Way)
    for row in rows_of(os.path.join(folder, "minutes_ip_%s.tsv" % view)):
        if row["a_addr"] and row["b_addr"]:
            fold_row(ways, row)
    path = os.path.join(folder, "packets.tsv")
    if os.path.exists(path):
        fold_fragments(ways, path, view == "inner")
    return ways


def whole(text):
    """None: tcptrace cuts long IPv6 addresses short."""
    try:
        return canonical(text)
    except ValueError:
        return None


def tcptrace(folder):
    """{(from, to): Counter} over the whole capture."""
    out, ends = collections.defaultdict(collections.Counter), {}
    path = os.path.join(folder, "tcptrace.txt")
    if not os.path.exists(path):
        return out
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = re.match(r"\thost (\w+): +(\S+):\d+$", line.rstrip())
            if m:
                ends = {} if len(ends) == 2 else ends
                ends[len(ends)] = whole(m.group(2))
            m = re.match(r" +([a-z ]+): +(\d+)(?: \w+)? +\1: +(\d+)", line)
            if m and m.group(1) in TCPTRACE and len(ends) == 2 and all(ends.values()):
                out[ends[0], ends[1]][TCPTRACE[m.group(1)]] += int(m.group(2))
                out[ends[1], ends[0]][TCPTRACE[m.group(1)]] += int(m.group(3))
    return out


# --- comparing --------------------------------------------------------------------------------------------------------

def fold_minutes(ways, pairs):
    """Packets without a time have no minute: for their pairs all minutes count as one."""
    for key in [k for k in ways if k[1:] in pairs and k[0] is not None]:
        into, way = ways[(None,) + key[1:]], ways.pop(key)
        into.update(way)
        for name, fold in (("ttl_min", min), ("rtt_min", min), ("rtt_max", max)):
            if name in way.extreme:
                into.extreme[name] = fold(into.extreme.get(name, way.extreme[name]), way.extreme[name])


def total(ways, pair, measure):
    return sum(w[measure] for k, w in ways.items() if k[1:] == pair)


def compare(have, want, trace, slack):
    """(minute, from, to, measure, theirs, ours) of what differs, and how often was compared."""
    timeless = {k[1:] for k in want if k[0] is None}
    fold_minutes(have, timeless)
    fold_minutes(want, timeless)
    totals = {}
    differences, count = [], 0
    for key in sorted(set(have) | set(want), key=lambda k: (k[0] or 0, k[1:])):
        a, b = want.get(key, Way()), have.get(key, Way())
        for measure in EXACT + EITHER + TIMES:
            x, y = a.value(measure), b.value(measure)
            count += 1
            if x == y or (measure in TIMES and None not in (x, y) and abs(x - y) <= slack):
                continue
            if measure in EITHER and key[1:] in trace:
                pair = key[1:]
                if (pair, measure) not in totals:
                    totals[pair, measure] = total(have, pair, measure)
                if totals[pair, measure] == trace[pair][measure]:
                    continue
            differences.append((str(key[0] or "-"), key[1], key[2], measure, str("-" if x is None else x),
                                str("-" if y is None else y)))
    return differences, count


def run_p2(weir, capture, folder, view):
    """(exit code, figures, words)"""
    stats = os.path.join(folder, "stats.json")
    p = subprocess.run([weir, "p2", "-r", capture, "-d", os.path.join(folder, "p2"), "--stats", stats, "--tunnels",
                        view],
                       stdin=subprocess.DEVNULL, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=120)
    figures = None
    if os.path.exists(stats):
        with open(stats, encoding="utf-8") as f:
            figures = json.load(f)
    return p.returncode, figures, p.stdout.decode("utf-8", "replace")


def try_capture(weir, folder, capture, view, room):
    """(differences, compared, fault)"""
    name = os.path.basename(folder)
    with open(os.path.join(folder, "meta.json"), encoding="utf-8") as f:
        meta = json.load(f)
    here = tempfile.mkdtemp(dir=room)
    code, stats, words = run_p2(weir, capture, here, view)
    if code != (65 if name in DAMAGED else 0) or stats is None:
        return [], 0, "ended with %d\n%s" % (code, words)
    m = stats["minutes"]
    wanted = PACKETS.get(name, (meta["packets"],))[0]
    if m["frames"] != wanted:
        return [], 0, "%d packets of %d" % (m["frames"], wanted)
    if m["applied"] + m["late"] + m["bad"] != m["frames"] or m["lines"] != stats["files"]["lines"]:
        return [], 0, "figures do not add up: %s" % m
    slack = 2000 if "pow2" in capture else 1000
    found, count = compare(ours(os.path.join(here, "p2")), theirs(folder, view), tcptrace(folder), slack)
    shutil.rmtree(here)
    return found, count, None


def captures_of(corpora, only):
    """(name, folder, file, view); a folder with several files has one capture in several encodings."""
    for folder in sorted(glob.glob(os.path.join(corpora, "pcap", "*", ""))):
        folder = folder.rstrip("/")
        name = os.path.basename(folder)
        for view in ("outer", "inner"):
            if only in name and os.path.exists(os.path.join(folder, "minutes_ip_%s.tsv" % view)):
                for f in sorted(os.listdir(folder)):
                    if f.endswith(SUFFIXES):
                        yield name, folder, os.path.join(folder, f), view


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--only", default="", help="captures whose name has this text")
    p.add_argument("--list", action="store_true", help="print differences and judge nothing")
    a = p.parse_args()
    corpora = os.environ.get("WEIR_CORPORA")
    if not corpora:
        print("corpora p2: skipped, WEIR_CORPORA is not set")
        return 0
    weir, known = runner.find_weir(a.weir), listed.load(LISTED)
    bad = sorted({r for r in known.values() if r not in REASONS})
    if bad and not a.list:
        print("pcap_p2.tsv: no such reason: %s" % ", ".join(bad))
    room = tempfile.mkdtemp(prefix="weir-p2-")
    passed = failed = compared = differing = 0
    for name, folder, capture, view in captures_of(corpora, a.only):
        found, count, fault = try_capture(weir, folder, capture, view, room)
        compared, differing = compared + count, differing + len(found)
        if a.list:
            for d in found:
                print("\t".join((name, view) + d + (known.get((name, view) + d, "?"),)))
        words = [fault] if fault else listed.judge(known, (name, view), {(name, view) + d for d in found}, " ")
        passed, failed = passed + (not words), failed + bool(words)
        if words and (fault or not a.list):
            print("FAIL %s %s (%s): %d\n    %s"
                  % (name, view, os.path.basename(capture), len(words), "\n    ".join(words[:20])))
    shutil.rmtree(room)
    print("%d values of real captures compared, %d differ for a listed reason" % (compared, differing))
    print("corpora p2: %d passed, %d failed" % (passed, failed + bool(bad)))
    return 1 if failed or bad or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
