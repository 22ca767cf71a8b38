# SPDX-License-Identifier: Apache-2.0
"""test_source.py: the source `kafka` against a real broker: what was produced is what the store holds.

Each message is one JSON object with an id of its own and a value; a recipe with state sums values by minute and key,
one without lists ids. The test keeps its own sums of what it produced."""
import collections
import json
import os
import shutil
import sqlite3
import threading
import time

T0 = 1767312000  # 2026-01-02T00:00:00Z

RECIPE = """\
weir: 1
name: %(name)s
state: { path: %(name)s-state.db, every: 100ms }
layouts:
  - layout: event
    fields:
      - { name: at, type: time }
      - { name: id, type: u64 }
      - { name: key, type: string }
      - { name: n, type: u64, measure: n, agg: sum }
sources:
  in: { type: kafka, format: json, brokers: [ "%(brokers)s" ], topics: [ %(topics)s ], time: at, disorder: 1h,
        layouts: { event: event }%(more)s }
steps:
%(steps)s
sinks:
  store: { type: sqlite, path: %(name)s.db, from: [ %(step)s ] }
"""
SUMS = "  sums: { from: in, window: 1m, by: [ key ], lateness: 1d }"
LIST = "  list: { from: in, records: [ id, n ] }"
SHORT = ", properties: { session.timeout.ms: 3000, heartbeat.interval.ms: 500 }"


class Job:
    def __init__(self, kit, topics, more="", stateful=True, name="job"):
        self.kit, self.name, self.stateful = kit, name, stateful
        kit.write(name + ".yaml", RECIPE % {
            "name": name, "brokers": kit.broker.bootstrap, "topics": topics, "more": more,
            "steps": SUMS if stateful else LIST, "step": "sums" if stateful else "list"})

    def once(self):
        p = self.kit.run("run", self.name + ".yaml", "--once")
        assert p.code == 0, "%s ended with %d: %s" % (self.name, p.code, p.err[-1500:])
        return p

    def start(self, *more):
        return self.kit.start("run", self.name + ".yaml", *more)

    def rows(self, sql):
        path = self.kit.path(self.name + ".db")
        if not os.path.exists(path):
            return []
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10)
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []  # not made yet
        finally:
            db.close()

    def sums(self):
        return {(t, k): n for t, k, n in self.rows("select timestamp, key, n from in_sums")}

    def ids(self):
        return collections.Counter(i for i, in self.rows("select id from in_list"))


class Feed:
    """Produces messages and knows what their sums are."""

    def __init__(self, kit, topic):
        self.kit, self.topic, self.sent, self.sums = kit, topic, 0, collections.Counter()

    def put(self, count, partition=None, **more):
        messages = []
        for _ in range(count):
            i = self.sent
            at, key, n = T0 + i % 600, "k%d" % (i % 7), i % 1000
            messages.append((b"%d" % i, json.dumps({"at": at, "id": i, "key": key, "n": n}).encode()))
            self.sums[at // 60 * 60, key] += n
            self.sent += 1
        self.kit.broker.produce(self.topic, messages, partition=partition, **more)

    def check(self, job):
        got = job.sums()
        wrong = {k: (got.get(k), v) for k, v in self.sums.items() if got.get(k) != v}
        assert not wrong and len(got) == len(self.sums), "%d of %d sums differ, as %s" % (
            len(wrong), len(self.sums), list(wrong.items())[:2])


def group(kit):
    return ", group: " + kit.topic_name()


def committed(kit, name, topic, partitions):
    from confluent_kafka import Consumer, KafkaException, TopicPartition
    c = Consumer(kit.broker.quiet({"group.id": name}))
    try:
        return [p.offset for p in c.committed([TopicPartition(topic, i) for i in range(partitions)], timeout=10)]
    except KafkaException:
        return [-1]  # a broker that has just come back
    finally:
        c.close()


def test_once_reads_to_the_end_and_goes_on_there(kit):
    feed = Feed(kit, kit.topic(partitions=3))
    name = kit.topic_name()
    job = Job(kit, feed.topic, ", group: " + name)
    feed.put(3000)
    job.once()
    feed.check(job)
    feed.put(500)
    job.once()
    feed.check(job)
    job.once()
    feed.check(job)
    assert sum(committed(kit, name, feed.topic, 3)) == 3500, "the group's offsets did not follow"


def test_start_is_earliest_latest_an_offset_or_a_time(kit):
    topic = kit.topic()
    for i in range(10):
        kit.broker.produce(topic, [(None, json.dumps({"at": T0, "id": i, "key": "k", "n": 1}).encode())],
                           timestamp=(T0 + 60 * i) * 1000)
    for start, ids in (("earliest", range(10)), ("7", range(7, 10)), ("2026-01-02T00:04Z", range(4, 10)),
                       ("2026-01-03", ()), ("latest", ())):
        job = Job(kit, topic, ", partitions: '0', start: '%s'" % start, stateful=False, name="s" + start.split(":")[0])
        job.once()
        assert sorted(job.ids()) == list(ids), "%s: %s" % (start, sorted(job.ids()))


def test_a_start_beyond_the_end_is_told(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    job = Job(kit, feed.topic, ", partitions: 0-1, start: '99999'", stateful=False)
    feed.put(3, partition=0)
    p = job.once()
    assert ("start: offset 99999 is beyond the end of %s/0, which is 3 (other partitions: 1)" % feed.topic) in p.err, p.err
    feed.put(2, partition=0)
    job.once()
    assert sorted(job.ids()) == [3, 4]


def test_aborted_and_open_transactions_are_not_read(kit):
    from confluent_kafka import Producer
    topic = kit.topic()
    p = Producer(kit.broker.quiet({"transactional.id": topic}))
    p.init_transactions(30)
    for i, commit in enumerate((True, False, True)):
        p.begin_transaction()
        p.produce(topic, json.dumps({"at": T0, "id": i, "key": "k", "n": 1}))
        p.flush(30)
        (p.commit_transaction if commit else p.abort_transaction)(30)
    clean, dirty = (Job(kit, topic, ", partitions: '0', isolation: " + i, stateful=False, name=i)
                    for i in ("committed", "uncommitted"))
    clean.once()
    dirty.once()
    assert sorted(clean.ids()) == [0, 2] and sorted(dirty.ids()) == [0, 1, 2]


def test_a_topic_that_is_not_there_fails_once_and_is_waited_for(kit):
    topic = kit.topic_name()
    job = Job(kit, topic, group(kit), stateful=False)
    p = kit.run("run", "job.yaml", "--once")
    assert p.code == 78 and topic in p.err, "%d: %s" % (p.code, p.err)
    p = job.start()
    kit.until(lambda: topic in p.text(), 20, "it says what it waits for")
    kit.broker.topic(topic)
    Feed(kit, topic).put(5)
    kit.until(lambda: len(job.ids()) == 5, 60, "the topic that came is read")
    assert p.term() == 0


def test_figures_tell_each_partitions_lag_while_it_runs(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    job = Job(kit, feed.topic)
    feed.put(300)
    p = job.start("--stats", "stats.json")

    def parts():
        try:
            with open(kit.path("stats.json"), encoding="utf-8") as f:
                return json.load(f)["sources"]["in"].get("parts", {})
        except FileNotFoundError:
            return {}

    kit.until(lambda: sum(at["saved"] for at in parts().values()) == 300, 30, "all of it is saved, and told")
    assert sorted(parts()) == [feed.topic + "/0", feed.topic + "/1"]
    assert all(at["lag"] == 0 and at["applied"] == at["saved"] for at in parts().values()), parts()
    assert p.term() == 0
    with open(kit.path("stats.json"), encoding="utf-8") as f:
        stats = json.load(f)["sources"]["in"]
    assert stats["read"] == 300 and stats["metrics"]["messages"] == 300 and stats["metrics"]["lag"] == 0, stats


ENVELOPE = """\
weir: 1
name: wrapped
state: { path: state.db, every: 100ms }
layouts:
  - layout: event
    fields:
      - { name: sent, path: time, type: time, scale: 1000 }
      - { name: at, path: offset, type: u64 }
      - { name: partition, type: u64 }
      - { name: topic, type: string }
      - { name: key, type: string }
      - { name: site, path: headers.site, type: string }
      - { name: id, path: value.id, type: u64 }
      - { name: deep, path: "value.list[1].x", type: string }
sources:
  in: { type: kafka, brokers: [ "%s" ], topics: [ %s ], time: sent, envelope: true, chunk: 4KiB, layouts: { event: event } }
steps:
  list: { from: in, records: [ at, partition, topic, key, site, id, deep, sent ] }
sinks:
  store: { type: sqlite, path: store.db, from: [ list ] }
"""


def test_an_envelope_has_key_headers_and_time_beside_the_value(kit):
    topic = kit.topic()
    b = kit.broker
    pretty = json.dumps({"id": 1, "list": [0, {"x": "a\nb"}]}, indent=2)
    b.produce(topic, [(b"k\xff1", pretty)], timestamp=1767312000123, headers=[("site", b"one"), ("site", b'"two"')])
    b.produce(topic, [("gone", None)], timestamp=1767312001000)
    b.produce(topic, [(None, "{} {}")], timestamp=1767312002000)
    b.produce(topic, [("k%d" % i, json.dumps({"id": i, "fill": "x" * 500})) for i in range(100)], timestamp=1767312003000)
    kit.write("wrapped.yaml", ENVELOPE % (b.bootstrap, topic))
    p = kit.run("run", "wrapped.yaml", "--once")
    assert p.code == 0, p.err
    db = sqlite3.connect(kit.path("store.db"))
    rows = db.execute("select at, partition, topic, key, site, id, deep, sent from in_list order by at").fetchall()
    assert rows[0] == (0, 0, topic, "k\ufffd1", '"two"', 1, "a\nb", 1767312000123000000), rows[0]
    assert rows[1] == (1, 0, topic, "gone", None, None, None, 1767312001000000000), rows[1]
    assert [r[5] for r in rows[2:]] == list(range(100)), rows[2:]
    assert [r[3] for r in rows[2:]] == ["k%d" % i for i in range(100)]
    refused = db.execute("select file, offset, line from in_rejects").fetchall()
    assert refused == [("%s/0" % topic, 2, 2)], refused


def test_new_partitions_and_topics_of_a_pattern_are_found(kit):
    stem = kit.topic_name()
    feed = Feed(kit, kit.broker.topic(stem + ".a"))
    job = Job(kit, "'^%s[.]'" % stem.replace(".", "[.]"), group(kit) +
              ", start: latest, properties: { topic.metadata.refresh.interval.ms: 1000 }", stateful=False)
    p = job.start()
    end = time.monotonic() + 30
    while not job.ids() and time.monotonic() < end:
        feed.put(1)
        time.sleep(0.3)
    at = feed.sent
    kit.broker.add_partitions(feed.topic, 2)
    feed.put(20, partition=1)
    kit.until(lambda: set(range(at, at + 20)) <= set(job.ids()), 60, "a new partition is read from its begin")
    feed.topic = kit.broker.topic(stem + ".b")
    assert p.term() == 0


def test_an_offset_out_of_retention_stops_or_is_counted(kit):
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient
    feed = Feed(kit, kit.topic())
    feed.put(100)
    jobs = [Job(kit, feed.topic, ", partitions: '0', reset: " + r, stateful=False, name=r)
            for r in ("stop", "earliest", "latest")]
    for job in jobs:
        job.once()
    feed.put(100)
    admin = AdminClient(kit.broker.quiet({}))
    admin.delete_records([TopicPartition(feed.topic, 0, 150)])[TopicPartition(feed.topic, 0)].result(30)
    p = kit.run("run", "stop.yaml", "--once")
    assert p.code == 65, p.err
    assert "%s/0: our position is offset 100, but the log has 150 to 200" % feed.topic in p.err, p.err
    for job, ids, lost in ((jobs[1], list(range(100)) + list(range(150, 200)), 50), (jobs[2], list(range(100)), 100)):
        job.once()
        assert sorted(job.ids()) == ids, job.name
        got, = job.rows("select sum(lost) from in_ledger")
        assert got[0] == lost, "%s: %s lost" % (job.name, got[0])


def feed_slowly(feed, stop, total):
    while feed.sent < total and not stop.is_set():
        feed.put(min(200, total - feed.sent))
        time.sleep(0.02)


def kill_often(kit, job, feed, total, kills):
    stop = threading.Event()
    thread = threading.Thread(target=feed_slowly, args=(feed, stop, total))
    thread.start()
    try:
        for _ in range(kills):
            p = job.start()
            time.sleep(0.15 + 0.8 * kit.random.random())
            assert p.code is None, "it ended with %s: %s" % (p.code, p.text()[-1500:])
            p.kill9()
    finally:
        if kills == 0:
            thread.join()
        stop.set()
        thread.join()


def test_kills_at_any_moment_lose_and_repeat_nothing(kit):
    feed = Feed(kit, kit.topic(partitions=3))
    job = Job(kit, feed.topic, ", partitions: 0-2, chunk: 4KiB")
    kill_often(kit, job, feed, 20000, 200 if kit.full else 15)
    job.once()
    feed.check(job)
    assert feed.sent > 1000


def test_a_broker_that_dies_is_waited_for(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    job = Job(kit, feed.topic, ", partitions: 0-1")
    p = job.start("--stats", "stats.json")
    for _ in range(3 if kit.full else 1):
        feed.put(500)
        kit.until(lambda: sum(committed(kit, "weir-job-in", feed.topic, 2)) == feed.sent, 60, "it reads")
        kit.broker.kill9()
        time.sleep(1)
        kit.broker.start()
    feed.put(500)
    kit.until(lambda: "no broker answers" in p.text(), 20, "the outage is told")
    assert p.code is None, p.text()
    kit.until(lambda: sum(committed(kit, "weir-job-in", feed.topic, 2)) == feed.sent, 60, "it went on")
    assert p.term() == 0
    job.once()
    feed.check(job)


def test_a_second_one_with_state_is_refused_and_the_first_goes_on(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    name = kit.topic_name()
    first, second = (Job(kit, feed.topic, ", group: " + name + SHORT, name=n) for n in ("first", "second"))
    feed.put(200)
    p = first.start()
    kit.until(lambda: sum(committed(kit, name, feed.topic, 2)) == 200, 30, "the first reads")
    q = second.start()
    assert q.wait(60) == 78, q.text()
    assert "has another member" in q.text(), q.text()
    assert not second.sums(), "it wrote sums of a part"
    feed.put(200)
    kit.until(lambda: sum(committed(kit, name, feed.topic, 2)) == 400, 90, "the first goes on")
    assert p.code is None and p.term() == 0
    first.once()
    feed.check(first)


def reads_within(kit, feed, job, name, partitions, seconds):
    """Starts the job; it has read and saved what is put now."""
    feed.put(50)
    p = job.start()
    kit.until(lambda: p.code is not None or sum(committed(kit, name, feed.topic, partitions)) == feed.sent, seconds,
              "all is read")
    assert p.code is None, p.text()
    return p


def test_a_killed_one_with_state_reads_on_at_once(kit):
    feed = Feed(kit, kit.topic(partitions=3))
    name = kit.topic_name()
    job = Job(kit, feed.topic, ", group: " + name)
    p = reads_within(kit, feed, job, name, 3, 30)
    for pause in (0, 0.5, 2, 4, 0):
        p.kill9()
        q = job.start()  # killed while it starts, too
        time.sleep(pause)
        assert q.code is None, q.text()
        q.kill9()
        p = reads_within(kit, feed, job, name, 3, 8)
    assert p.term() == 0
    # Partitions that came while nobody looked, and another list of topics: the old share will not do.
    kit.broker.add_partitions(feed.topic, 4)
    feed.put(40, partition=3)
    p = reads_within(kit, feed, job, name, 4, 12)
    p.kill9()
    other = kit.topic(partitions=2)
    job = Job(kit, feed.topic + ", " + other, ", group: " + name)
    feed.put(40)
    p = job.start()
    kit.until(lambda: -1001 not in committed(kit, name, other, 2), 40, "the new topic is read")
    assert p.code is None and p.term() == 0, p.text()
    job.once()
    feed.check(job)


def test_two_on_copies_of_one_state_are_one_member(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    name = kit.topic_name()
    job = Job(kit, feed.topic, ", group: " + name)
    p = reads_within(kit, feed, job, name, 2, 30)
    assert p.term() == 0
    with open(kit.path("job.yaml"), encoding="utf-8") as f:
        kit.write("copy/job.yaml", f.read())
    for file in ("job-state.db", "job.db"):
        shutil.copy(kit.path(file), kit.path("copy/" + file))
    p = reads_within(kit, feed, job, name, 2, 30)
    q = kit.start("run", "copy/job.yaml")
    assert p.wait(40) == 78 and "two on copies of one state" in p.text(), p.text()
    feed.put(50)
    kit.until(lambda: sum(committed(kit, name, feed.topic, 2)) == feed.sent, 30, "the younger reads")
    assert q.code is None and q.term() == 0, q.text()


def test_another_state_waits_for_the_dead_ones_share(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    name = kit.topic_name()
    first, second = (Job(kit, feed.topic, ", group: " + name + SHORT, name=n) for n in ("first", "second"))
    p = reads_within(kit, feed, first, name, 2, 30)
    p.kill9()
    q = reads_within(kit, feed, second, name, 2, 30)
    assert q.term() == 0
    second.once()
    feed.check(second)


def test_members_without_state_share_and_take_over(kit):
    feed = Feed(kit, kit.topic(partitions=4))
    name = kit.topic_name()
    jobs = [Job(kit, feed.topic, ", group: " + name + SHORT, stateful=False, name=n) for n in ("one", "two")]
    p, q = (job.start() for job in jobs)
    end = time.monotonic() + 60
    while not (jobs[0].ids() and jobs[1].ids()) and time.monotonic() < end:
        feed.put(40)
        time.sleep(0.3)
    assert jobs[0].ids() and jobs[1].ids(), "one has all partitions"
    p.kill9()
    feed.put(400)
    kit.until(lambda: set(jobs[0].ids()) | set(jobs[1].ids()) == set(range(feed.sent)), 60, "the other takes over")
    for job in jobs:
        assert max(job.ids().values()) == 1, "%s has a message twice" % job.name
    assert q.term() == 0


def test_a_rebalance_in_order_repeats_nothing(kit):
    feed = Feed(kit, kit.topic(partitions=4))
    name = kit.topic_name()
    jobs = [Job(kit, feed.topic, ", group: " + name, stateful=False, name=n) for n in ("one", "two")]
    p = jobs[0].start()
    stop = threading.Event()
    thread = threading.Thread(target=feed_slowly, args=(feed, stop, 1 << 30))
    thread.start()
    try:
        kit.until(jobs[0].ids, 30, "the first reads")
        for _ in range(3):
            q = jobs[1].start()
            before = len(jobs[1].ids())
            kit.until(lambda: len(jobs[1].ids()) > before, 60, "the second has its share")  # noqa: B023
            assert q.term() == 0
    finally:
        stop.set()
        thread.join()
    whole = collections.Counter()
    def all_there():
        whole.clear()
        for job in jobs:
            whole.update(job.ids())
        return len(whole) == feed.sent
    kit.until(all_there, 60, "all are read")
    assert p.term() == 0
    twice = [i for i, n in whole.items() if n > 1]
    assert not twice, "%d of %d messages twice, as %s" % (len(twice), feed.sent, twice[:5])
