# SPDX-License-Identifier: Apache-2.0
"""test_apart.py: windows over a topic of several partitions: state is kept by partition, results are of all together.

Messages are events of a signature and a port; windows sum them by both a minute, a cascade by signature, with a ranking,
distinct targets and quantiles of sizes. Sums, counts, extremes and ranks are computed again here; what a sketch says,
by a weir that reads the same events from one file."""
import collections
import json
import os
import random
import sqlite3
import threading
import time

T0 = 1767312000  # 2026-01-02T00:00:00Z
PARTITIONS = 4

RECIPE = """\
weir: 1
name: %(name)s
state: { path: %(name)s-state.db, every: 100ms }
layouts:
  - layout: event
    fields:
      - { name: at, type: time }
      - { name: sig, type: string }
      - { name: port, type: u64 }
      - { name: n, type: u64, measure: n, agg: sum }
      - { name: least, type: u64, measure: least, agg: min }
      - { name: who, type: u64, measure: targets, agg: distinct }
      - { name: size, type: u64, measure: size, agg: quantiles, at: [50, 99] }
sources:
  in: { %(source)s, format: json, time: at, disorder: 20s, layouts: { event: event } }
steps:
  raw: { from: in, window: 1m, by: [ sig, port ], lateness: 1d }
  sigs: { from: raw, cascade: [ 1m, 5m ], by: [ sig ], lateness: 1d, rank: { top: 3, fields: [ n, targets ] } }
sinks:
  store: { type: sqlite, path: %(name)s.db, from: [ raw, sigs ] }
  files: { type: file, path: %(name)s-out, format: csv, from: [ raw, sigs ] }
"""
TABLES = {"in_raw": ("sig, port", 60), "in_sigs_minutely": ("sig", 60), "in_sigs_fively": ("sig", 300)}


def recipe(kit, name, source):
    kit.write(name + ".yaml", RECIPE % {"name": name, "source": source})


def from_topic(kit, name, topic, more=""):
    recipe(kit, name, "type: kafka, brokers: [ \"%s\" ], topics: [ %s ], partitions: 0-%d, chunk: 4KiB%s" % (
        kit.broker.bootstrap, topic, PARTITIONS - 1, more))


def once(kit, name):
    p = kit.run("run", name + ".yaml", "--once")
    assert p.code == 0, "%s ended with %d: %s" % (name, p.code, p.err[-1500:])


def table(kit, name, sql):
    db = sqlite3.connect("file:%s?mode=ro" % kit.path(name + ".db"), uri=True, timeout=10)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def results(kit, name, columns="records, n, least, targets, size_p50, size_p99"):
    """{(table, time, key...): (values...)}; ranks with their places."""
    got = {}
    for t, (keys, _) in TABLES.items():
        n = 1 + len(keys.split(","))
        for row in table(kit, name, "select timestamp, %s, %s from %s" % (keys, columns, t)):
            got[(t,) + row[:n]] = row[n:]
        if t == "in_raw":
            continue
        for row in table(kit, name, "select timestamp, sig, %s, n_rank, targets_rank from %s_rank" % (columns, t)):
            got[(t + "_rank",) + row[:2]] = row[2:]
    return got


class Feed:
    """Events, and what they come to."""

    def __init__(self, kit, topic, seed):
        from confluent_kafka import Producer
        self.kit, self.topic, self.chances, self.events = kit, topic, random.Random(seed), []
        self.producer = Producer(kit.broker.quiet({"linger.ms": 5, "enable.idempotence": True}))

    def event(self, second):
        c = self.chances
        sig = min(int(c.expovariate(0.25)), 15)
        return {"at": second, "sig": "sig-%d" % sig, "port": c.choice((22, 80, 443)), "n": c.randrange(1, 50),
                "least": c.randrange(10, 10000), "who": c.randrange(300), "size": int(c.expovariate(1 / 400.0))}

    def put(self, events, partition):
        for e in events:
            self.producer.produce(self.topic, json.dumps(e).encode(), partition=partition)
            self.producer.poll(0)
        self.events += events

    def done(self):
        assert self.producer.flush(60) == 0, "not all was produced"

    def round(self, second):
        """Some seconds of all partitions, each a little out of order, not all of the same length."""
        for p in range(PARTITIONS):
            self.put([self.event(second + self.chances.randrange(-9, 10)) for _ in range(self.chances.randrange(15, 60))],
                     p)

    def rounds(self, count):
        for i in range(count):
            self.round(T0 + 10 + i * 10)
        self.done()

    def sums(self):
        """What the tables must have but for sketches: {key: [records, n, least, {who}]}."""
        want = collections.defaultdict(lambda: [0, 0, 1 << 60, set()])
        for e in self.events:
            for t, (keys, length) in TABLES.items():
                at = want[(t, e["at"] // length * length) + tuple(e[k] for k in keys.split(", "))]
                at[0] += 1
                at[1] += e["n"]
                at[2] = min(at[2], e["least"])
                at[3].add(e["who"])
        return want

    def check(self, name):
        got, want = results(self.kit, name), self.sums()
        rows = {k: v for k, v in got.items() if not k[0].endswith("_rank")}
        wrong = [(k, rows.get(k), v[:3]) for k, v in want.items() if rows.get(k, ())[:3] != tuple(v[:3])]
        assert not wrong and len(rows) == len(want), "%d of %d rows differ (%d got), as %s" % (
            len(wrong), len(want), len(rows), wrong[:2])
        for k, v in want.items():
            many = len(v[3])
            assert abs(rows[k][3] - many) <= 0.13 * many + 2, "%s: %d targets, not %d" % (k, rows[k][3], many)
        self.check_ranks(got, want)
        return got

    def check_ranks(self, got, want):
        """The greatest three by n of each window, with their places."""
        windows = collections.defaultdict(list)
        for k, v in want.items():
            if k[0] != "in_raw":
                windows[k[:2]].append((-v[1], k[2]))
        for (t, start), found in windows.items():
            top = sorted(found)[:3]
            place = {sig: 1 + sum(m < n for m, _ in found) for n, sig in top}
            ours = {k[2]: v[-2] for k, v in got.items() if k[:2] == (t + "_rank", start) and v[-2] is not None}
            assert ours == place, "%s %d: places %s, not %s" % (t, start, ours, place)

    def check_file(self, name):
        """The same as one file, read by one weir: with all sketches."""
        self.kit.write("all.json", "".join(json.dumps(e) + "\n" for e in sorted(self.events, key=lambda e: e["at"])))
        recipe(self.kit, "file", "type: lines, path: all.json")
        for old in ("file.db", "file-state.db"):
            if os.path.exists(self.kit.path(old)):
                os.remove(self.kit.path(old))
        once(self.kit, "file")
        ours, theirs = results(self.kit, name), results(self.kit, "file")
        wrong = [(k, ours.get(k), v) for k, v in theirs.items() if ours.get(k) != v]
        assert not wrong and len(ours) == len(theirs), "%d rows of the file's differ, as %s" % (len(wrong), wrong[:2])


def parts_of_state(kit, name):
    """The names at the ends of panes' heads."""
    db = sqlite3.connect(kit.path(name + "-state.db"))
    try:
        heads = [h for h, in db.execute("select head from object")]
    finally:
        db.close()
    return {h[48:].decode() for h in heads if h[:4] == b"\2\0\0\0"}


def kill_while_fed(kit, name, feed, rounds, kills):
    stop = threading.Event()

    def go():
        for i in range(rounds):
            if stop.is_set():
                return
            feed.round(T0 + 10 + i * 7)
            feed.done()
            time.sleep(0.05)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        for _ in range(kills):
            p = kit.start("run", name + ".yaml")
            time.sleep(0.2 + kit.random.random())
            assert p.code is None, "it ended with %s: %s" % (p.code, p.text()[-1500:])
            p.kill9()
        thread.join()
    finally:
        stop.set()
        thread.join()


def test_partitions_together_are_what_one_file_is(kit):
    feed = Feed(kit, kit.topic(partitions=PARTITIONS), kit.random.random())
    from_topic(kit, "job", feed.topic)
    feed.rounds(60)
    once(kit, "job")
    feed.check("job")
    feed.check_file("job")
    assert parts_of_state(kit, "job") == {"%s/%d" % (feed.topic, p) for p in range(PARTITIONS)}
    assert table(kit, "job", "select max(late) from in_ledger") == [(0,)], "some came late"


def test_large_windows_are_put_together_while_they_feed_others(kit):
    """More rows than a closing window leaves to one thread."""
    feed = Feed(kit, kit.topic(partitions=PARTITIONS), kit.random.random())
    from_topic(kit, "job", feed.topic)
    for minute in range(3):
        for p in range(PARTITIONS):
            feed.put([dict(feed.event(T0 + 60 * minute + i // 100), sig="s%d" % feed.chances.randrange(6000))
                      for i in range(6000)], p)
    feed.done()
    once(kit, "job")
    feed.check("job")
    feed.check_file("job")


def test_the_same_messages_give_the_same_bytes(kit):
    feed = Feed(kit, kit.topic(partitions=PARTITIONS), kit.random.random())
    feed.rounds(40)
    names = ("one", "two", "three")
    for name, more in zip(names, ("", ", prefetch: 1MiB", ", properties: { fetch.min.bytes: 100000 }")):
        from_topic(kit, name, feed.topic, more)
        once(kit, name)
    first = kit.path("one-out")
    tables = [f for f in os.listdir(first) if f.endswith(".csv") and f != "in_ledger.csv"]
    assert len(tables) >= 5
    for file in tables:
        texts = [open(os.path.join(kit.path(n + "-out"), file), "rb").read() for n in names]
        assert len(texts[0]) > 100 and texts[0] == texts[1] == texts[2], "%s differs" % file


def test_kills_lose_and_repeat_nothing_of_any_partition(kit):
    feed = Feed(kit, kit.topic(partitions=PARTITIONS), kit.random.random())
    from_topic(kit, "job", feed.topic)
    kill_while_fed(kit, "job", feed, 120, 60 if kit.full else 6)
    once(kit, "job")
    feed.check("job")
    feed.check_file("job")


def test_late_events_of_one_partition_amend_the_rows_of_all(kit):
    feed = Feed(kit, kit.topic(partitions=PARTITIONS), kit.random.random())
    from_topic(kit, "job", feed.topic)
    feed.rounds(60)
    once(kit, "job")
    before = results(kit, "job", "records, revision")
    late = [dict(feed.event(T0 + 130), sig="sig-0", port=80) for _ in range(5)]
    feed.put(late[:3], 2)
    feed.done()
    once(kit, "job")
    middle = results(kit, "job", "records, revision")
    feed.put(late[3:] + [dict(feed.event(T0 + 130), sig="new", port=1)], 2)
    feed.put([dict(feed.event(T0 + 130), sig="new", port=1)], 3)
    feed.done()
    p = kit.start("run", "job.yaml")
    kit.until(lambda: results(kit, "job").get(("in_raw", T0 + 120, "new", 1), (0,))[0] == 2, 30, "the late are counted")
    p.kill9()
    once(kit, "job")
    feed.check("job")
    feed.check_file("job")
    after = results(kit, "job", "records, revision")
    for key in (("in_raw", T0 + 120, "sig-0", 80), ("in_sigs_minutely", T0 + 120, "sig-0"),
                ("in_sigs_fively", T0, "sig-0")):
        assert before[key][1] < middle[key][1] < after[key][1], "%s: revisions %d, %d, %d" % (
            key, before[key][1], middle[key][1], after[key][1])
        assert after[key][0] == before[key][0] + 5, key
    assert after["in_raw", T0 + 120, "new", 1][1] >= 1
    same = [k for k in before if k[0] == "in_raw" and k[1] != T0 + 120]
    assert same and all(before[k] == after[k] for k in same), "rows that nothing amended were given out again"
