#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""oracle.py: recomputes every result table from the P2 files alone, and compares a store with it row by row.

Written apart from weir and on purpose another way: no partials, no cascades. Each level of each line is folded straight
from the records, in whole Python numbers; longest prefixes are looked up in one dictionary per prefix length. What both
agree on is therefore not a shared mistake of composing. It knows no lateness: every record counts.

    oracle.py --recipe FILE --store STORE [--p2 DIR] [--networks CSV]    compare; exit 1 on differences
    oracle.py --recipe FILE --print TABLE                                show what a table should hold

Limits: all records are held in memory (about 2 KiB each); f64 sums are compared to a relative 1e-12. Sketches (agg:
distinct, quantiles) are held against the exact answer, within their error; rankings by them are not known here."""
import argparse
import collections
import csv
import decimal
import ipaddress
import math
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plainyaml  # noqa: E402

U64_MAX = 2**64 - 1
TIME_MAX = 2**63 - 1
LINE_MAX = 64 * 1024
SECOND = 10**9
LEVEL_NAMES = {60: "minutely", 300: "fively", 3600: "hourly", 86400: "daily"}
SPAN_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND,
              "d": 86400 * SECOND, "w": 7 * 86400 * SECOND, "y": 365 * 86400 * SECOND}
decimal.getcontext().prec = 60


class Reject(Exception):
    """A line that must not be counted; the text says why in the oracle's own words."""


def span(text):
    """`5m` in ns."""
    if text == "0":
        return 0
    m = re.fullmatch(r"(\d+)([a-z]+)", text)
    if not m or m.group(2) not in SPAN_UNITS:
        raise ValueError("not a span: %s" % text)
    return int(m.group(1)) * SPAN_UNITS[m.group(2)]


# --- values -----------------------------------------------------------------------------------------------------------

DIGITS = re.compile(r"[0-9]+")
SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
TIME = re.compile(r"([0-9]+)(?:\.([0-9]{1,9}))?")
MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")


def read_u64(text):
    if not DIGITS.fullmatch(text) or int(text) > U64_MAX:
        raise Reject("not a u64: %s" % text)
    return int(text)


def read_f64(text):
    if not NUMBER.fullmatch(text) or math.isinf(float(text)):
        raise Reject("not a number: %s" % text)
    return float(text)


def read_time(text):
    m = TIME.fullmatch(text)
    if not m:
        raise Reject("not a time: %s" % text)
    ns = int(m.group(1)) * SECOND + int((m.group(2) or "").ljust(9, "0"))
    if ns > TIME_MAX:
        raise Reject("time out of range: %s" % text)
    return ns


def read_ip(text):
    """The address as a 128-bit number, IPv4 mapped."""
    if "%" in text or "/" in text:
        raise Reject("not an address: %s" % text)
    try:
        a = ipaddress.ip_address(text)
    except ValueError:
        raise Reject("not an address: %s" % text) from None
    return int(a) | (0xFFFF << 32 if a.version == 4 else 0)


def read_mac(text):
    if not MAC.fullmatch(text):
        raise Reject("not a MAC: %s" % text)
    return int(text.replace(":", ""), 16)


def read_seconds(text):
    """Decimal seconds as whole ns, halves to even."""
    if not SECONDS.fullmatch(text):
        raise Reject("not a duration: %s" % text)
    ns = decimal.Decimal(text).scaleb(9).to_integral_value(rounding=decimal.ROUND_HALF_EVEN)
    if ns > U64_MAX:
        raise Reject("too long: %s" % text)
    return int(ns)


def read_sampling(text):
    """(n, min, max, sum) in ns; None if there is not one sample."""
    n, least, most, total = 0, None, None, 0
    for part in text.split(";"):
        cells = part.split(":")
        if len(cells) != 4:
            raise Reject("not a sampling: %s" % text)
        count = read_u64(cells[0])
        low, avg, high = (read_seconds(c) for c in cells[1:])
        if count == 0:
            continue
        if low > high:
            raise Reject("minimum over maximum: %s" % text)
        n, total = n + count, total + count * avg
        least = low if least is None else min(least, low)
        most = high if most is None else max(most, high)
    return (n, least, most, total) if n else None


def read_bins(k):
    def read(text):
        cells = text.split(",")
        if len(cells) != k:
            raise Reject("not %d bins: %s" % (k, text))
        return tuple(read_u64(c) for c in cells)
    return read


def read_string(text):
    return text


READERS = {"u64": read_u64, "f64": read_f64, "time": read_time, "ip": read_ip, "mac": read_mac,
           "string": read_string, "sampling": read_sampling}


def reader_of(type_name):
    m = re.fullmatch(r"bins\((\d+)\)", type_name)
    return read_bins(int(m.group(1))) if m else READERS[type_name]


def scaled(value, type_name, scale):
    """`scale` multiplies numbers and bins; what no longer fits 64 bits is a bad field."""
    if value is None or scale == 1 or not (type_name in ("u64", "f64") or type_name.startswith("bins")):
        return value
    out = tuple(v * scale for v in value) if isinstance(value, tuple) else value * scale
    if type_name != "f64" and max(out if isinstance(out, tuple) else (out,)) > U64_MAX:
        raise Reject("over 64 bits when scaled")
    return out


def ip_text(number):
    if number >> 32 == 0xFFFF:
        return str(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(number))


def mac_text(number):
    return ":".join("%02x" % (number >> s & 255) for s in range(40, -1, -8))


# --- layouts and recipe -----------------------------------------------------------------------------------------------

Field = collections.namedtuple("Field", "name type read measure agg scale mirror ranked sketch", defaults=(None,))
Layout = collections.namedtuple("Layout", "name separator null fields")  # None in fields: a skipped column
Measure = collections.namedtuple("Measure", "name type agg mirror ranked sketch", defaults=(None,))


def sketch_of(f):
    """Bits of a distinct, percents of quantiles."""
    if f.get("agg") == "distinct":
        return int(f.get("bits", "10"))
    return [int(p) for p in as_list(f.get("at", ["50", "90", "99"]))] if f.get("agg") == "quantiles" else None


def fold_of(f):
    """The fold a field that does not say one has."""
    if "agg" in f:
        return f["agg"]
    kind = f["type"].split("(")[0]
    return kind if kind in ("sampling", "bins") else "sum"


def layout_of(doc):
    """A layout from its YAML mapping."""
    fields = []
    for f in doc["fields"]:
        if "skip" in f and "name" not in f:
            fields.extend([None] * int(f["skip"]))
            continue
        agg = fold_of(f)
        if f["type"].startswith("bins") and agg == "sum":
            agg = "bins"
        fields.append(Field(f["name"], f["type"], reader_of(f["type"]),
                            f.get("measure", f["name"] if "agg" in f else None), agg,
                            int(f.get("scale", "1")), f.get("mirror"), f.get("rank") in ("true", "yes"),
                            sketch_of(f)))
    return Layout(doc["layout"], doc.get("separator", " "), doc.get("null", "-"), fields)


def layouts_in(doc):
    """All layouts of a document: the document itself, or its list or mapping `layouts:`."""
    if not isinstance(doc, dict):
        return
    if "layout" in doc and "fields" in doc:
        yield layout_of(doc)
    inner = doc.get("layouts")
    if isinstance(inner, list):
        for each in inner:
            yield layout_of(each)
    elif isinstance(inner, dict):
        for name, each in inner.items():
            if isinstance(each, dict):
                yield layout_of(dict(each, layout=name))


def as_list(v):
    return [] if v is None else v if isinstance(v, list) else [v]


Window = collections.namedtuple("Window", "step table length by carried measures")
Cascade = collections.namedtuple("Cascade", "step prefix kind levels ways by top fields measures")


class Spec:
    """What to compute: filled from a recipe, or by hand.

    source     name of the source (first part of table names)
    p2         directory of the files
    protocols  protocol word -> Layout
    sides      side word -> field of the address ("src" -> "srcIP")
    gives      words of a tag step in order ("net", "site", "service"); networks: path of the CSV
    windows    [Window], cascades [Cascade]: times in ns; measures: names, None: all
    measures   [Measure]: the union over the layouts, in order of first appearance"""

    def __init__(self):
        self.source, self.p2, self.networks = None, None, None
        self.protocols, self.sides, self.gives = {}, {}, []
        self.windows, self.cascades, self.measures = [], [], []

    def union_measures(self):
        seen = {}
        for layout in self.protocols.values():
            for f in layout.fields:
                if f is not None and f.measure and f.measure not in seen:
                    seen[f.measure] = Measure(f.measure, f.type, f.agg, f.mirror, f.ranked, f.sketch)
        wanted = set()
        for w in self.windows:
            wanted.update(seen if w.measures is None else w.measures)
        self.measures = [m for m in seen.values() if m.name in wanted]


def read_recipe(path):
    """A Spec from the recipe's YAML. Paths in it are relative to its folder."""
    here = os.path.dirname(os.path.abspath(path))
    doc = plainyaml.load(path)[0]
    layouts = {}
    for name in [path] + [os.path.join(here, p) for p in as_list(doc.get("include"))]:
        for part in plainyaml.load(name):
            layouts.update((l.name, l) for l in layouts_in(part))
    spec = Spec()
    [(spec.source, source)] = doc["sources"].items()
    spec.p2 = os.path.join(here, source["path"])
    spec.protocols = {key: layouts[name] for key, name in source["layouts"].items()}
    windows = {}
    for name, step in doc["steps"].items():
        if "tag" in step:
            tag = step["tag"]
            spec.networks, spec.sides = os.path.join(here, tag["table"]), dict(tag["of"])
            spec.gives = as_list(tag["gives"])
        elif "window" in step:
            by = as_list(step["by"])
            follows = [side + g[0].upper() + g[1:] for side in spec.sides if side + "Net" in by
                       for g in spec.gives if g != "net"]
            carried = as_list(step["carry"]) if "carry" in step else [c for c in follows if c not in by]
            table = step.get("table", "%s_%s" % (spec.source, name))
            windows[name] = Window(name, table, span(step["window"]), by, carried,
                                   as_list(step["measures"]) if "measures" in step else None)
    for name, step in doc["steps"].items():
        if "cascade" in step:
            rank = step.get("rank") or {}
            fields = rank.get("fields", "default")
            by = as_list(step["by"]) if "by" in step else None
            prefix = "%s_%s" % (spec.source, name) if by else spec.source
            spec.cascades.append(Cascade(name, step.get("table", prefix), step.get("kind"),
                                         [span(l) for l in as_list(step["cascade"])],
                                         ["by"] if by else as_list(step.get("ways", ["src", "dst", "both"])), by,
                                         int(rank["top"]) if "top" in rank else 100 if rank else 0,
                                         fields if fields == "default" else as_list(fields),
                                         windows[step["from"]].measures))
    spec.windows = list(windows.values())
    spec.union_measures()
    taken = set()
    for sink in (doc.get("sinks") or {}).values():
        taken.update(as_list(sink["from"]) if "from" in sink else list(doc["steps"]))
    spec.windows = [w for w in spec.windows if w.step in taken]
    spec.cascades = [c for c in spec.cascades if c.step in taken]
    return spec


# --- tagging ----------------------------------------------------------------------------------------------------------

class Networks:
    """Longest prefix match: one dictionary per prefix length of the 128-bit form."""

    def __init__(self, path, words):
        self.by_length = {}
        self.words = words
        columns = list(range(1, 1 + len(words)))
        with open(path, encoding="utf-8", newline="") as f:
            rows = csv.reader(line for line in f if line.strip() and not line.lstrip().startswith("#"))
            for i, row in enumerate(rows):
                cells = [c.strip() for c in row]
                try:
                    net = ipaddress.ip_network(cells[0])
                except ValueError:
                    if i:
                        raise
                    columns = [cells.index(w) for w in words]
                    continue
                self.add(net, tuple(cells[c] or None for c in columns))
        self.lengths = sorted(self.by_length, reverse=True)
        self.cache = {}

    def add(self, net, words):
        bits = net.prefixlen + (96 if net.version == 4 else 0)
        number = int(net.network_address) | (0xFFFF << 32 if net.version == 4 else 0)
        text = str(net) if net.prefixlen < net.max_prefixlen else str(net.network_address)
        table = self.by_length.setdefault(bits, {})
        prefix = number >> (128 - bits)
        if prefix in table:
            raise ValueError("%s twice" % net)
        table[prefix] = (text, words)

    def find(self, number):
        """(net text, words): of the longest match, else the address itself and nulls."""
        hit = self.cache.get(number)
        if hit is None:
            for bits in self.lengths:
                hit = self.by_length[bits].get(number >> (128 - bits))
                if hit:
                    break
            else:
                hit = (ip_text(number), (None,) * len(self.words))
            self.cache[number] = hit
        return hit


# --- records ----------------------------------------------------------------------------------------------------------

Record = collections.namedtuple("Record", "time tags values mirrored crossed")
Bad = collections.namedtuple("Bad", "file line offset why")


class Input:
    """All records of a directory, in the order (epoch, name, line), and the refused lines."""

    def __init__(self, spec):
        self.spec = spec
        self.records, self.rejects, self.lines, self.files = [], [], 0, 0
        words = [g for g in spec.gives if g != "net"]
        self.networks = Networks(spec.networks, words) if spec.networks else None
        self.words = words
        index = {m.name: i for i, m in enumerate(spec.measures)}
        self.mirror = [index.get(m.mirror) for m in spec.measures]
        for i, j in enumerate(self.mirror):  # a layout may name the pair on one side alone
            if j is not None and self.mirror[j] is None:
                self.mirror[j] = i
        self.tag_fields = set(spec.sides.values())
        for w in spec.windows:
            self.tag_fields.update(w.by + w.carried)
        for c in spec.cascades:
            self.tag_fields.update(c.by or ())
        self.plans = {}

    def read(self):
        names = []
        for name in os.listdir(self.spec.p2):
            m = re.fullmatch(r"_(tcp|udp|other|eth|arp)_@([0-9]+)", name)
            if m and m.group(1) in self.spec.protocols:
                names.append((int(m.group(2)), name, m.group(1)))
        for epoch, name, protocol in sorted(names):
            with open(os.path.join(self.spec.p2, name), "rb") as f:
                self.read_file(f.read(), name, epoch * SECOND, self.spec.protocols[protocol])
            self.files += 1
        return self

    def plan(self, layout):
        """Of each field that is used: (column, Field, tag name or None, measure index or None)."""
        if layout.name not in self.plans:
            index = {m.name: i for i, m in enumerate(self.spec.measures)}
            self.plans[layout.name] = [
                (i, f, f.name if f.name in self.tag_fields else None, index.get(f.measure))
                for i, f in enumerate(layout.fields)
                if f is not None and (f.name in self.tag_fields or f.measure in index)]
        return self.plans[layout.name]

    def read_file(self, data, name, time, layout):
        offset = 0
        lines = data.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        for number, line in enumerate(lines, 1):
            self.lines += 1
            try:
                self.records.append(self.record(line, time, layout))
            except Reject as why:
                self.rejects.append(Bad(name, number, offset, str(why)))
            offset += len(line) + 1

    def record(self, line, time, layout):
        if len(line) > LINE_MAX:
            raise Reject("line too long")
        if line.endswith(b"\r"):
            line = line[:-1]
        if b"\0" in line:
            raise Reject("NUL byte")
        cells = line.split(layout.separator.encode())
        if len(cells) != len(layout.fields):
            raise Reject("%d fields for %d" % (len(cells), len(layout.fields)))
        tags, values = {}, [None] * len(self.spec.measures)
        null = layout.null.encode()
        for column, field, tag, measure in self.plan(layout):
            if cells[column] == null:
                value = None
            else:
                try:
                    text = cells[column].decode("utf-8" if field.type == "string" else "ascii")
                except UnicodeDecodeError:
                    raise Reject("not text") from None
                value = scaled(field.read(text), field.type, field.scale)
            if tag:
                tags[tag] = (field.type, value)
            if measure is not None:
                values[measure] = value
        return self.tagged(time, tags, values)

    def tagged(self, time, tags, values):
        """Adds what the tag step gives, and the record as its other end sees it."""
        out = {name: tag_text(*cell) for name, cell in tags.items()}
        for side, field in self.spec.sides.items():
            number = tags.get(field, ("ip", None))[1]
            if number is None:
                net, words = None, (None,) * len(self.words)
            else:
                net, words = self.networks.find(number)
            out[side + "Net"] = net
            for name, word in zip(self.words, words):
                out[side + name[0].upper() + name[1:]] = word
        mirrored = [values[i if j is None else j] for i, j in enumerate(self.mirror)]
        crossed = [None if j is None else values[j] for j in self.mirror]
        return Record(time, out, values, mirrored, crossed)


def tag_text(type_name, value):
    if value is None or type_name in ("u64", "time", "string", "f64"):
        return value
    return ip_text(value) if type_name == "ip" else mac_text(value)


# --- folding ----------------------------------------------------------------------------------------------------------

def fold(agg, type_name, values):
    """The non-null values of one group, in order, as one; None if there is none."""
    if not values:
        return None
    if agg == "sampling":
        counts, lows, highs, sums = zip(*values)
        return (sum(counts), min(lows), max(highs), sum(sums))
    if agg == "distinct":
        return len(set(values))
    if agg == "quantiles":
        return sorted(values)
    if agg == "bins":
        return tuple(min(sum(c), U64_MAX) for c in zip(*values))
    if agg == "sum":
        return math.fsum(values) if type_name == "f64" else min(sum(values), U64_MAX)
    if agg == "avg":
        return math.fsum(values) / len(values) if type_name == "f64" else sum(values) / len(values)
    return {"min": min, "max": max, "first": lambda v: v[0], "last": lambda v: v[-1]}[agg](values)


class Group:
    """One key in one window: rows of measure values, and how many records they stand for."""

    __slots__ = ("rows", "records", "carried")

    def __init__(self, carried=()):
        self.rows, self.records, self.carried = [], 0, carried

    def values(self, measures, at):
        """Folds of the measures, which stand at the indices `at` of a row."""
        columns = list(zip(*self.rows))
        return [fold(m.agg, m.type, [v for v in columns[i] if v is not None]) if columns else None
                for m, i in zip(measures, at)]


def floor(time, length):
    return time - time % length


def window_groups(records, length, by, carried):
    groups = {}
    for r in records:
        key = (floor(r.time, length),) + tuple(r.tags.get(b) for b in by)
        g = groups.get(key)
        if g is None:
            g = groups[key] = Group(tuple(r.tags.get(c) for c in carried))
        g.rows.append(r.values)
        g.records += 1
    return groups


def cascade_groups(records, length, way, kind):
    """Groups of one line of a cascade. `both`: each end sees the record from its own side, one site sees it once."""
    column = kind[0].upper() + kind[1:]
    groups = collections.defaultdict(Group)
    for r in records:
        start = floor(r.time, length)
        src, dst = r.tags.get("src" + column), r.tags.get("dst" + column)
        views = []
        if way in ("src", "both") and src is not None:
            views.append((src, r.values))
        if way == "dst" and dst is not None:
            views.append((dst, r.values))
        if way == "both" and dst is not None and dst != src:
            views.append((dst, r.mirrored))
        for end, values in views:
            g = groups[(start, end)]
            g.rows.append(values)
            g.records += 1
        if way == "both" and src is not None and src == dst:
            groups[(start, src)].rows.append(r.crossed)
    return groups


# --- tables -----------------------------------------------------------------------------------------------------------

class Table:
    """keys: names of the key columns; rows: key tuple -> {column: value}, as SQLite should hold them."""

    def __init__(self, name, keys, columns):
        self.name, self.keys, self.columns, self.rows = name, keys, columns, {}


def measure_columns(m):
    if m.agg == "sampling":
        return [m.name + s for s in ("_n", "_min", "_avg", "_max")]
    if m.agg == "quantiles":
        return ["%s_p%d" % (m.name, p) for p in m.sketch]
    if m.agg == "bins":
        k = int(re.search(r"\((\d+)\)", m.type).group(1))
        return ["%s_%d" % (m.name, i) for i in range(1, k + 1)]
    return [m.name]


class Near:
    """A number that the store knows by an estimate."""

    def __init__(self, value, off):
        self.value, self.off = value, off

    def __repr__(self):
        return "%r +- %r" % (self.value, self.off)


def measure_cells(m, value):
    names = measure_columns(m)
    if value is None:
        return {name: None for name in names}
    if m.agg == "sampling":
        n, least, most, total = value
        return dict(zip(names, (n, least / SECOND, total / (n * SECOND), most / SECOND)))
    if m.agg == "bins":
        return dict(zip(names, value))
    if m.agg == "distinct":  # five standard errors, and two values that share a register
        return {names[0]: Near(value, 5 * 1.04 / 2**(m.sketch / 2) * value + 2)}
    if m.agg == "quantiles":
        return {name: Near(v, 0.0289 * v) for name, v in
                ((name, value[-(-len(value) * p // 100) - 1]) for name, p in zip(names, m.sketch))}
    return {names[0]: value / SECOND if m.type == "time" else value}


def key_order(key):
    """Null first, numbers by size, texts by bytes."""
    return tuple((0, 0, b"") if k is None else (1, k, b"") if isinstance(k, (int, float)) else (2, 0, k.encode())
                 for k in key)


def rank_value(m, value):
    """What a measure is ranked by; None takes no part."""
    if value is None:
        return None
    if m.agg == "sampling":
        return float(value[3]) / float(value[0])
    return sum(value) if m.agg == "bins" else value


def places(values, top):
    """values: [(key, value)] of one window -> {key: rank}: 1, 1, 3; at the cut the lesser keys stay."""
    order = sorted(((k, v) for k, v in values if v is not None), key=lambda kv: (-kv[1], key_order(kv[0])))
    out, rank = {}, 0
    for i, (key, value) in enumerate(order[:top]):
        if i == 0 or value != order[i - 1][1]:
            rank = i + 1
        out[key] = rank
    return out


def fill(table, groups, folded, measures, carried):
    for key, g in groups.items():
        row = dict(zip(carried, g.carried))
        for m, value in zip(measures, folded[key]):
            row.update(measure_cells(m, value))
        row["records"] = g.records
        table.rows[(key[0] // SECOND,) + key[1:]] = row


def ranked_table(name, plain, folded, measures, fields, top):
    """The rank table of a plain one: rows in some field's top, `<field>_rank` null where it is not in that one's."""
    index = {m.name: i for i, m in enumerate(measures)}
    table = Table(name, plain.keys, plain.columns + [f + "_rank" for f in fields])
    by_window = collections.defaultdict(list)
    for key in folded:
        by_window[key[0]].append(key)
    for start, keys in by_window.items():
        by_field = {f: places([(k[1:], rank_value(measures[index[f]], folded[k][index[f]])) for k in keys], top)
                    for f in fields}
        for key in keys:
            ranks = {f + "_rank": by_field[f].get(key[1:]) for f in fields}
            if any(r is not None for r in ranks.values()):
                at = (start // SECOND,) + key[1:]
                table.rows[at] = dict(plain.rows[at], **ranks)
    return table


def level_name(length):
    if length // SECOND in LEVEL_NAMES and length % SECOND == 0:
        return LEVEL_NAMES[length // SECOND]
    for unit in ("d", "h", "m", "s", "ms"):
        if length % SPAN_UNITS[unit] == 0:
            return "%d%s" % (length // SPAN_UNITS[unit], unit)
    raise ValueError("no name for a level of %d ns" % length)


def chosen(spec, names):
    """(measures, their indices in a record's values)."""
    at = [i for i, m in enumerate(spec.measures) if names is None or m.name in names]
    return [spec.measures[i] for i in at], at


def columns_of(measures):
    return [c for m in measures for c in measure_columns(m)]


def compute(spec, records):
    """name -> Table, of everything the spec asks for."""
    out = {}
    for w in spec.windows:
        measures, at = chosen(spec, w.measures)
        table = Table(w.table, ["timestamp"] + w.by, w.carried + columns_of(measures) + ["records"])
        groups = window_groups(records, w.length, w.by, w.carried)
        fill(table, groups, {k: g.values(measures, at) for k, g in groups.items()}, measures, w.carried)
        out[w.table] = table
    for c in spec.cascades:
        measures, at = chosen(spec, c.measures)
        fields = [m.name for m in measures if m.ranked] if c.fields == "default" else c.fields
        for way in c.ways:
            for length in c.levels:
                stem = c.prefix if c.by else "%s_%s%s" % (c.prefix, way, c.kind)
                name = "%s_%s" % (stem, level_name(length))
                table = Table(name, ["timestamp"] + (c.by or [c.kind]), columns_of(measures) + ["records"])
                groups = window_groups(records, length, c.by, ()) if c.by else cascade_groups(records, length, way, c.kind)
                folded = {k: g.values(measures, at) for k, g in groups.items()}
                fill(table, groups, folded, measures, ())
                out[name] = table
                if c.top:
                    out[name + "_rank"] = ranked_table(name + "_rank", table, folded, measures, fields, c.top)
    return out


# --- comparing --------------------------------------------------------------------------------------------------------

class Differences:
    """Collects what differs; keeps the first `limit` for print."""

    def __init__(self, limit=20):
        self.count, self.limit, self.shown, self.compared = 0, limit, [], []

    def add(self, table, key, what):
        self.count += 1
        if len(self.shown) < self.limit:
            self.shown.append("%s %s: %s" % (table, list(key), what))


def same(a, b):
    if a is None or b is None:
        return a is b
    if isinstance(a, Near):
        return abs(a.value - b) <= a.off
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if isinstance(a, int) and isinstance(b, int):
            return a == b
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=0.0)
    return a == b


def stored_rows(db, table):
    """Key tuple -> {column: value} of the store's table; key cells '' are null."""
    cursor = db.execute('SELECT * FROM "%s"' % table.name)
    names = [d[0] for d in cursor.description]
    at = [names.index(k) for k in table.keys]
    rows = {}
    for row in cursor:
        key = tuple(None if row[i] == "" else row[i] for i in at)
        rows[key] = dict(zip(names, row))
    return names, rows


def compare_table(db, table, out):
    try:
        names, rows = stored_rows(db, table)
    except (sqlite3.Error, ValueError) as e:
        out.add(table.name, (), "cannot be read: %s" % e)
        return
    missing = [c for c in table.columns if c not in names]
    if missing:
        out.add(table.name, (), "columns missing: %s" % ", ".join(missing))
    columns = [c for c in table.columns if c in names]
    for key in sorted(set(table.rows) | set(rows), key=key_order):
        if key not in rows:
            out.add(table.name, key, "row missing")
        elif key not in table.rows:
            out.add(table.name, key, "row too many")
        else:
            wrong = [c for c in columns if not same(table.rows[key].get(c),
                                                    rows[key][c] if rows[key][c] != "" else None)]
            for c in wrong:
                out.add(table.name, key, "%s is %r, should be %r" % (c, rows[key][c], table.rows[key].get(c)))
    out.compared.append((table.name, len(table.rows)))


def compare_rejects(db, spec, given, out):
    """Every row of the rejects table is a line the oracle refuses; all of them, as long as the sample was not cut."""
    name = "%s_rejects" % spec.source
    try:
        rows = db.execute('SELECT file, "offset", line FROM "%s"' % name).fetchall()
    except sqlite3.Error:
        return  # no sink wants it
    expected = {(b.file, b.offset): b for b in given.rejects}
    found = {(os.path.basename(f), o): l for f, o, l in rows}
    for (file, offset), line in found.items():
        bad = expected.get((file, offset))
        if bad is None:
            out.add(name, (file, offset), "a good line was refused")
        elif line is not None and line != bad.line:
            out.add(name, (file, offset), "line is %s, should be %d" % (line, bad.line))
    if len(expected) <= 64:
        for at in sorted(set(expected) - set(found)):
            out.add(name, at, "not refused: %s" % expected[at].why)
    out.compared.append((name, len(expected)))


def open_store(path):
    if not os.path.exists(path):
        raise SystemExit("oracle: no store %s" % path)
    return sqlite3.connect("file:%s?mode=ro" % path, uri=True)


def compare(store, spec, given, tables, limit=20):
    """All tables of the store with the computed ones. Result tables that should not be there count, too."""
    out = Differences(limit)
    db = open_store(store)
    try:
        for table in tables.values():
            compare_table(db, table, out)
        compare_rejects(db, spec, given, out)
        there = {r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name in sorted(there - set(tables)):
            if re.search(r"(minutely|fively|hourly|daily)(_rank)?$", name):
                out.add(name, (), "table too many")
    finally:
        db.close()
    return out


def check_store(recipe, store, p2=None, networks=None, limit=20):
    """The whole way in one call: (Differences, Input)."""
    spec = read_recipe(recipe)
    spec.p2, spec.networks = p2 or spec.p2, networks or spec.networks
    given = Input(spec).read()
    return compare(store, spec, given, compute(spec, given.records), limit), given


def print_table(table, out=sys.stdout):
    names = table.keys + table.columns
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(names)
    for key in sorted(table.rows, key=key_order):
        row = table.rows[key]
        writer.writerow(["" if c is None else c for c in list(key) + [row.get(c) for c in table.columns]])


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--recipe", required=True, help="recipe that says layouts, tags, windows, cascades, ranks")
    p.add_argument("--store", help="SQLite store to compare")
    p.add_argument("--p2", help="directory of P2 files (default: the recipe's)")
    p.add_argument("--networks", help="CSV of nets (default: the recipe's)")
    p.add_argument("--print", dest="show", help="print this table instead")
    p.add_argument("--limit", type=int, default=20, help="differences to print")
    a = p.parse_args(argv)
    spec = read_recipe(a.recipe)
    spec.p2, spec.networks = a.p2 or spec.p2, a.networks or spec.networks
    given = Input(spec).read()
    tables = compute(spec, given.records)
    if a.show:
        try:
            print_table(tables[a.show])
        except BrokenPipeError:
            sys.stdout = None  # the reader has seen enough
        return 0
    if not a.store:
        p.error("--store or --print")
    found = compare(a.store, spec, given, tables, a.limit)
    for name, rows in found.compared:
        print("%-36s %8d rows" % (name, rows))
    print("%d files, %d lines, %d refused" % (given.files, given.lines, len(given.rejects)))
    for line in found.shown:
        print("DIFFERS %s" % line)
    print("%d differences" % found.count)
    return 1 if found.count else 0


if __name__ == "__main__":
    sys.exit(main())
