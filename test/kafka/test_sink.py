# SPDX-License-Identifier: Apache-2.0
"""test_sink.py: the sink `kafka` against a real broker: what a read_committed reader finds is what the store holds.

Each test runs one recipe with two sinks: an SQLite store, and Kafka. The store is the measure (its own tests hold it
against the oracle): every row of it is in the topic, with the same values, once a revision."""
import json
import os
import re
import shutil
import sqlite3
import time

LAYOUTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "conf", "layouts",
                       "p2.yaml")

RECIPE = """\
weir: 1
name: %(name)s
state: { path: state.db, every: 100ms }
include: [ %(layouts)s ]
sources:
  p2: { type: directory, path: p2, format: p2, layouts: { tcp: p2-tcp, udp: p2-udp, other: p2-other } }
steps:
  tagged: { from: p2, tag: { table: networks.csv, of: { src: srcIP, dst: dstIP }, gives: [net, site, service] } }
  raw: { from: tagged, window: 1m, by: [srcNet, dstNet, protocol], measures: [connections, srcBytes, srcRTT] }
  site: { from: raw, cascade: [1m, 5m], ways: [src], kind: site, rank: { top: 5, fields: [connections] } }
sinks:
  store: { type: sqlite, path: store.db, from: [raw, site] }
  out: { type: kafka, brokers: [ "%(brokers)s" ], topic: "%(topic)s", from: [raw, site], timeout: 10s%(more)s }
"""
TABLES = ("p2_raw", "p2_srcsite_minutely", "p2_srcsite_fively", "p2_srcsite_minutely_rank", "p2_srcsite_fively_rank")


class Job:
    """A folder with a recipe, and minutes of input that are given to it one by one."""

    def __init__(self, kit, folder="job", topic=None, more="", minutes=6, lines=40, name="probe"):
        self.kit, self.folder, self.name = kit, kit.path(folder), name
        self.topic = topic or kit.topic(partitions=3)
        gen = kit.run("gen", "p2", "--dir", self.made("input"), "--minutes", str(minutes), "--lines", str(lines),
                      "--nets", "40", "--sites", "10", "--networks", self.path("networks.csv"), "--seed",
                      str(kit.random.randrange(1, 1 << 20)))
        assert gen.code == 0, gen.err
        self.made("p2")
        self.recipe(more)
        self.waiting = sorted({re.search(r"@(\d+)", f).group(1) for f in os.listdir(self.path("input"))})

    def path(self, name):
        return os.path.join(self.folder, name)

    def made(self, name):
        os.makedirs(self.path(name))
        return self.path(name)

    def recipe(self, more):
        with open(self.path("r.yaml"), "w", encoding="utf-8") as f:
            f.write(RECIPE % {"name": self.name, "layouts": LAYOUTS, "topic": self.topic, "more": more,
                              "brokers": self.kit.broker.bootstrap})

    def feed(self, minutes=1):
        """The next minutes' files, markers last."""
        for epoch in self.waiting[:minutes]:
            names = [f for f in os.listdir(self.path("input")) if "@" + epoch in f]
            for name in sorted(names, key=lambda n: n.endswith(".finished")):
                os.rename(os.path.join(self.path("input"), name), os.path.join(self.path("p2"), name))
        self.waiting = self.waiting[minutes:]

    def start(self, *more):
        return self.kit.start("run", self.path("r.yaml"), *more)

    def finish(self, seconds=90):
        """Feeds what is left, runs to the end."""
        self.feed(len(self.waiting))
        p = self.start("--once")
        assert p.wait(seconds) == 0, "the last run ended with %s" % p.code

    def stored(self):
        """{(table, key...): row} of the store."""
        db = sqlite3.connect(self.path("store.db"))
        db.row_factory = sqlite3.Row
        out = {}
        for table in TABLES:
            keys = [r["name"] for r in db.execute("PRAGMA table_info(%s)" % table) if r["pk"] > 0]
            for row in db.execute("SELECT * FROM %s" % table):
                out[(table,) + tuple(row[k] for k in keys)] = dict(row)
        self.keys = {t: [r["name"] for r in db.execute("PRAGMA table_info(%s)" % t) if r["pk"] > 0] for t in TABLES}
        db.close()
        return out

    def published(self, isolation="read_committed"):
        """[(table, row)] in the order of each partition."""
        rows = []
        for m in self.kit.broker.read(self.topic, isolation):
            row = json.loads(m.value)
            rows.append((row.pop("table"), row))
        return rows

    def check(self, once=True):
        """The topic against the store. once: no revision of a row comes twice."""
        stored, last, seen = self.stored(), {}, set()
        for table, row in self.published():
            key = (table,) + tuple(row[k] for k in self.keys[table])
            mark = key + (row.get("revision"),)
            assert not once or mark not in seen, "twice: %s" % (mark,)
            seen.add(mark)
            if key not in last or (row["revision"] or 0) >= (last[key]["revision"] or 0):
                last[key] = row
        assert stored, "the store is empty"
        plain = [k for k in stored if not k[0].endswith("_rank")]
        missing = [k for k in stored if k not in last]
        assert not missing, "%d of %d rows are not in the topic: %s" % (len(missing), len(stored), missing[:2])
        extra = [k for k in last if k not in stored and not k[0].endswith("_rank")]  # a ranking's old places stay
        assert not extra, "%d rows are only in the topic: %s" % (len(extra), extra[:2])
        for key in plain:
            for column, value in stored[key].items():
                got = last[key][column]
                assert got == value, "%s: %s is %r, stored is %r" % (key, column, got, value)
        return len(seen)


def test_rows_of_one_run_are_in_the_topic_once_with_the_stores_values(kit):
    job = Job(kit)
    job.finish()
    assert job.check() > 100
    offset, words = kit.broker.committed("weir.probe.out.epoch", job.topic)
    assert offset > 0 and re.match("weir epoch %d by [0-9a-f]{16} of probe" % offset, words), words


def test_kill_9_at_random_moments_repeats_and_loses_nothing(kit):
    rounds = 200 if kit.full else 20
    job = Job(kit, minutes=rounds + 3)
    kills = 0
    for _ in range(rounds):
        p = job.start()
        at = time.monotonic() + kit.random.uniform(0.02, 1.4)
        job.feed()
        while time.monotonic() < at and p.code is None:
            time.sleep(0.005)
        assert p.code is None, "ended by itself with %s" % p.code
        p.kill9()
        kills += 1
    job.finish(180)
    assert job.check() > 100 and kills == rounds


def test_kill_9_of_the_broker_repeats_and_loses_nothing(kit):
    rounds = 20 if kit.full else 3
    job = Job(kit, minutes=3 * rounds + 3, topic=kit.topic(partitions=3))
    p = job.start()
    for _ in range(rounds):
        job.feed(2)
        time.sleep(kit.random.uniform(0.1, 2.5))
        kit.broker.kill9()
        job.feed(1)
        time.sleep(kit.random.uniform(0.0, 1.0))
        kit.broker.start()
        assert p.code is None, "ended by itself with %s" % p.code
    assert p.term(90) == 0, "ended with %s" % p.code
    job.finish(120)
    assert job.check() > 100


def test_a_broker_that_is_away_for_longer_than_a_transaction_may_take_is_ridden_out(kit):
    job = Job(kit, more=", transactional_id: away", minutes=8)
    p = job.start()
    job.feed(3)
    kit.until(lambda: kit.broker.committed("away.epoch", job.topic)[0], 30, "an epoch in the topic")
    kit.broker.pause()
    job.feed(2)
    kit.until(lambda: "the sources wait" in p.text(), 60, "it says that it waits")
    time.sleep(6)
    kit.broker.resume()
    kit.until(lambda: "works again" in p.text(), 90, "it goes on")
    assert p.term(60) == 0, "ended with %s" % p.code
    job.finish()
    assert job.check() > 100


def test_a_second_weir_with_the_same_transactional_id_fences_the_first(kit):
    first = Job(kit, "first", more=", transactional_id: pair", minutes=10)
    old = first.start()
    first.feed(3)
    kit.until(lambda: kit.broker.committed("pair.epoch", first.topic)[0], 30, "an epoch of the first")
    old.process.send_signal(19)  # SIGSTOP: its state is copied as it stands
    shutil.copytree(first.folder, kit.path("second"))
    new = kit.start("run", kit.path("second/r.yaml"))
    kit.until(lambda: "running from epoch" in new.text(), 30, "the second runs")
    old.process.send_signal(18)
    first.feed(2)
    assert old.wait(60) != 0, "the first ended as if nothing was"
    assert "another weir with transactional id pair took over" in old.text(), old.text()[-600:]
    assert new.code is None, "the second ended with %s" % new.code
    first.folder = kit.path("second")
    first.waiting = sorted({re.search(r"@(\d+)", f).group(1) for f in os.listdir(first.path("input"))})
    assert new.term(60) == 0
    first.finish()
    assert first.check() > 100


def test_at_least_once_loses_nothing_to_kills(kit):
    job = Job(kit, more=", delivery: at_least_once", minutes=8)
    for _ in range(5):
        p = job.start()
        job.feed()
        time.sleep(kit.random.uniform(0.1, 1.2))
        p.kill9()
    job.finish()
    assert job.check(once=False) > 100


def test_at_least_once_rides_out_a_broker_that_is_killed(kit):
    job = Job(kit, more=", delivery: at_least_once", minutes=6)
    p = job.start()
    job.feed(2)
    time.sleep(1)
    kit.broker.kill9()
    job.feed(2)
    time.sleep(2)
    kit.broker.start()
    assert p.term(90) == 0, "ended with %s" % p.code
    job.finish()
    assert job.check(once=False) > 100


def test_a_broker_that_comes_up_later_is_waited_for(kit):
    job = Job(kit)
    kit.broker.stop()
    job.feed(3)
    p = job.start()
    time.sleep(4)
    assert p.code is None, "ended with %s" % p.code
    kit.broker.start()
    kit.until(lambda: "running from epoch" in p.text(), 60, "it runs")
    assert p.term(60) == 0
    job.finish()
    assert job.check() > 100


def test_a_topic_that_is_missing_is_said_or_made(kit):
    topic = kit.topic_name()
    job = Job(kit, topic=topic)
    p = job.start("--once")
    assert p.wait(60) == 78 and "topic %s does not exist" % topic in p.text(), p.text()
    job.recipe(", create: true, partitions: 5")
    job.finish()
    assert job.check() > 100
    assert len(kit.broker.ends(topic)) == 5


def murmur2(data):
    """The hash by which Kafka's own clients choose a partition."""
    m, mask = 0x5bd1e995, 0xffffffff
    h = (0x9747b28c ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def test_rows_of_a_key_are_in_the_partition_that_javas_client_would_choose(kit):
    job = Job(kit)
    job.finish()
    job.stored()
    messages = kit.broker.read(job.topic)
    for m in messages:
        row = json.loads(m.value)
        words = [k for k in job.keys[row["table"]] if k != "timestamp"]
        key = "|".join("" if row[w] is None else str(row[w]) for w in words)
        assert (m.key or b"").decode() == key, (m.key, key)
        assert not m.key or m.partition == (murmur2(m.key) & 0x7fffffff) % 3, m
    assert {m.partition for m in messages} == {0, 1, 2}


def test_a_topic_a_table_and_a_column_as_it_is(kit):
    prefix = kit.topic_name()
    topics = [kit.broker.topic("%s.%s" % (prefix, t)) for t in TABLES]
    job = Job(kit, topic=prefix + ".{table}", more=", value: closed_by, key: [ timestamp ]")
    job.finish()
    stored = job.stored()
    for table, topic in zip(TABLES, topics):
        got = kit.broker.read(topic)
        assert len(got) >= sum(k[0] == table for k in stored) > 0, "%s: %d messages" % (topic, len(got))
        assert {m.value for m in got} <= {row["closed_by"].encode() for row in stored.values()}, got[:3]
        assert all(m.key.isdigit() and not m.headers for m in got)
