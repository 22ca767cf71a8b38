# SPDX-License-Identifier: Apache-2.0
"""test_streamed.py: rows of a records table that go into a transaction while its epoch lasts: exactly once, whatever is
killed when. Each line of the input has a number; the topic's numbers are the measure."""
import collections
import json
import os
import time

RECIPE = """\
weir: 1
name: probe
state: { path: state.db, every: %(every)s }
layouts:
  - { layout: events, fields: [ { name: n, type: u64 }, { name: pad, type: string } ] }
sources:
  in: { type: lines, path: [ in.json ], format: json, time: arrival, layouts: { events: events } }
steps:
  seen: { from: in, records: [ n, pad ] }
sinks:
  out: { type: kafka, brokers: [ "%(brokers)s" ], topic: "%(topic)s", from: [ seen ], %(delivery)s%(more)s }
"""


class Stream:
    """A file that grows, and a topic that has each of its lines once."""

    def __init__(self, kit, every="200ms", delivery="timeout: 10s", more=""):
        self.kit, self.topic, self.lines = kit, kit.topic(partitions=3), 0
        self.words = {"every": every, "delivery": delivery, "more": more, "topic": self.topic,
                      "brokers": kit.broker.bootstrap}
        self.recipe()
        kit.write("in.json", "")

    def recipe(self, **changed):
        self.words.update(changed)
        self.kit.write("r.yaml", RECIPE % self.words)

    def grow(self, lines):
        with open(self.kit.path("in.json"), "a", encoding="ascii") as f:
            for n in range(self.lines, self.lines + lines):
                f.write('{"n":%d,"pad":"%s"}\n' % (n, "x" * (n % 400)))
        self.lines += lines

    def start(self, *more):
        return self.kit.start("run", "r.yaml", *more)

    def numbers(self, isolation="read_committed"):
        return collections.Counter(json.loads(m.value)["n"] for m in self.kit.broker.read(self.topic, isolation))

    def finish(self):
        p = self.start("--once")
        assert p.wait(120) == 0, "the last run ended with %s" % p.code
        got = self.numbers()
        twice = [n for n, times in got.items() if times > 1]
        lost = [n for n in range(self.lines) if n not in got]
        assert not twice and not lost, "%d twice (%s), %d lost (%s)" % (len(twice), twice[:3], len(lost), lost[:3])
        assert len(got) == self.lines

    def named(self):
        """Words on the last rows that the state says lie beside it, or None."""
        return (self.streamed() or [None])[-1]

    def streamed(self):
        said = self.kit.run("snapshot", "show", "state.db").out.splitlines()
        return [line.split() for line in said if line.startswith("streamed")]

    def beside(self):
        return [f for f in os.listdir(self.kit.folder) if f.startswith("state.db-rows.")]


def test_rows_are_in_the_broker_before_their_epoch_and_seen_with_it(kit):
    job = Stream(kit, every="12s", delivery="timeout: 30s")
    job.grow(50000)
    p = job.start()
    kit.until(lambda: job.numbers("read_uncommitted").total() >= 40000, 30, "the rows are on their way")
    assert not kit.broker.committed("weir.probe.out.epoch", job.topic)[0], "the epoch was cut too early to tell"
    assert job.numbers().total() == 0, "a committed reader sees rows of an epoch that is not cut"
    assert job.beside(), "no rows lie beside the state"
    assert p.term(60) == 0
    job.finish()


def test_kill_9_at_random_moments_repeats_and_loses_nothing(kit):
    rounds = 200 if kit.full else 20
    job = Stream(kit)
    for _ in range(rounds):
        p = job.start()
        at = time.monotonic() + kit.random.uniform(0.02, 1.0)
        job.grow(kit.random.randrange(20000))
        while time.monotonic() < at and p.code is None:
            time.sleep(0.005)
        assert p.code is None, "ended by itself with %s" % p.code
        p.kill9()
    job.finish()
    assert sorted(job.beside()) == sorted("state.db-" + words[-1] for words in job.streamed()), "files of no epoch are left"


def test_kill_9_of_the_broker_repeats_and_loses_nothing(kit):
    rounds = 20 if kit.full else 3
    job = Stream(kit)
    p = job.start()
    for _ in range(rounds):
        job.grow(20000)
        time.sleep(kit.random.uniform(0.0, 1.0))
        kit.broker.kill9()
        job.grow(20000)
        time.sleep(kit.random.uniform(0.0, 1.0))
        kit.broker.start()
        assert p.code is None, "ended by itself with %s" % p.code
    assert p.term(90) == 0, "ended with %s" % p.code
    job.finish()


def test_a_transaction_that_the_broker_ended_is_made_again_from_beside_the_state(kit):
    job = Stream(kit, every="2s", delivery="timeout: 5s")
    job.grow(30000)
    p = job.start()
    kit.until(lambda: job.numbers("read_uncommitted").total() >= 20000, 30, "the rows are on their way")
    kit.broker.pause()
    job.grow(30000)
    kit.until(lambda: "the sources wait" in p.text(), 60, "it says that it waits")
    time.sleep(6)
    kit.broker.resume()
    kit.until(lambda: "works again" in p.text(), 90, "it goes on")
    job.grow(1000)
    assert p.term(60) == 0, "ended with %s" % p.code
    job.finish()


def test_what_was_streamed_goes_to_a_sink_that_takes_no_rows_ahead_any_more(kit):
    """Killed between the state's epoch and the sink's; then the recipe says another delivery."""
    job = Stream(kit, every="1s")
    job.grow(1000)
    p = job.start()
    kit.until(lambda: job.numbers().total() == 1000, 30, "the first rows")
    kit.broker.pause()
    job.grow(20000)
    kit.until(lambda: job.beside(), 30, "rows beside the state")
    time.sleep(3)
    p.kill9()
    kit.broker.resume()
    job.recipe(every="1m")  # longer than half a timeout: rows go with their epoch
    job.finish()


def test_damaged_rows_beside_the_state_are_refused(kit):
    job = Stream(kit, every="1s", delivery="timeout: 20s")
    job.grow(1000)
    p = job.start()
    kit.until(lambda: job.numbers().total() == 1000, 30, "the first rows")
    kit.broker.pause()
    job.grow(20000)
    kit.until(lambda: job.named() and int(job.named()[3]) > 1000000, 30, "an epoch names its rows")
    p.kill9()
    kit.broker.resume()
    with open(kit.path("state.db-" + job.named()[-1]), "r+b") as f:
        f.seek(5000)
        f.write(b"\0\1\2\3")
    p = job.start("--once")
    assert p.wait(60) != 0
    assert "check sum differs" in p.text(), p.text()


def test_a_result_set_that_is_dropped_leaves_no_rows_beside_its_state(kit):
    job = Stream(kit, every="300ms", more=", create: true")
    p = job.start("--as", "trial")
    job.grow(20000)
    kit.until(lambda: [f for f in os.listdir(kit.folder) if "-rows." in f], 30, "rows beside the trial's state")
    p.kill9()
    r = kit.run("drop", "r.yaml", "--as", "trial")
    assert r.code == 0, r.err
    assert not [f for f in os.listdir(kit.folder) if "-rows." in f or f.startswith("state") and "trial" in f]
