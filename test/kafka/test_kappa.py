# SPDX-License-Identifier: Apache-2.0
"""test_kappa.py: one topic, several weirs: a second result set beside the running one, and one job in several processes.

Feeds and recipes are test_source.py's."""
import collections
import os
import shutil

from test_source import SUMS, Feed, Job, committed


def test_a_second_result_set_is_made_from_the_topic_while_the_first_goes_on(kit):
    feed = Feed(kit, kit.topic(partitions=3))
    job = Job(kit, feed.topic)
    feed.put(3000)
    first = job.start()
    kit.until(lambda: sum(committed(kit, "weir-job-in", feed.topic, 3)) == 3000, 30, "the first has read")
    with open(kit.path("job.yaml"), encoding="utf-8") as f:
        text = f.read()
    kit.write("new.yaml", text.replace("name: job", "name: job", 1).replace("by: [ key ]", "by: [ key ], groups_max: 5000"))
    second = kit.start("run", "new.yaml", "--as", "trial", "--from", "earliest")
    trial = Job(kit, feed.topic, name="unused")
    trial.name = "job.trial"
    kit.until(lambda: sum(committed(kit, "weir-job-trial-in-trial", feed.topic, 3)) == 3000, 30, "the second has read")
    feed.put(3000)  # both go on
    assert first.code is None and second.code is None
    assert first.term() == 0 and second.term() == 0
    for words in (("job.yaml",), ("new.yaml", "--as", "trial")):
        p = kit.run("run", *words, "--once")
        assert p.code == 0, p.err
    feed.check(job)
    feed.check(trial)
    p = kit.run("compare", "job.yaml", "new.yaml", "--as", "trial")
    assert p.code == 0, (p.code, p.out, p.err)
    # A recipe that makes other numbers is found out.
    kit.write("wrong.yaml", text.replace("type: u64, measure: n", "type: u64, measure: n, scale: 2"))
    p = kit.run("run", "wrong.yaml", "--as", "wrong", "--from", "earliest", "--once")
    assert p.code == 0, p.err
    p = kit.run("compare", "job.yaml", "wrong.yaml", "--as", "wrong")
    assert p.code == 1 and "in_sums" in p.out, (p.code, p.out, p.err)
    assert kit.run("drop", "wrong.yaml", "--as", "wrong").code == 0
    # The second takes the first's place, and goes on where it was.
    p = kit.run("switch", "new.yaml", "--as", "trial")
    assert p.code == 0, p.err
    feed.put(500)
    shutil.copy(kit.path("new.yaml"), kit.path("job.yaml"))
    job.once()
    feed.check(job)


def all_once(job, count):
    """Each message of the feed is in the store once."""
    ids = job.ids()
    lost, twice = set(range(count)) - set(ids), [i for i, n in ids.items() if n > 1]
    assert not lost and not twice and len(ids) == count, "%s: %d of %d lost, as %s; %d twice, as %s" % (
        job.name, len(lost), count, sorted(lost)[:3], len(twice), twice[:3])


def way_back(kit, name):
    """As doc/replay.md has it."""
    for path in (name + "-state.db", name + ".db"):
        for tail in ("-wal", "-shm"):
            if os.path.exists(kit.path(path + tail)):
                os.unlink(kit.path(path + tail))
        os.rename(kit.path(path + ".old"), kit.path(path))


def test_a_switch_without_state_loses_and_repeats_nothing_and_so_does_the_way_back(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    job = Job(kit, feed.topic, stateful=False)
    trial = Job(kit, feed.topic, stateful=False, name="unused")
    trial.name = "job.trial"
    feed.put(1000)
    job.once()
    p = kit.run("run", "job.yaml", "--as", "trial", "--from", "earliest", "--once")
    assert p.code == 0, p.err
    all_once(trial, 1000)
    feed.put(1000)
    job.once()  # the group is now ahead of the second's positions
    assert kit.run("switch", "job.yaml", "--as", "trial").code == 0
    feed.put(1000)
    p = job.once()
    assert "is ahead of the state by 1000 messages" in p.err and "read here" in p.err, p.err
    all_once(job, 3000)
    feed.put(500)
    p = job.once()
    assert "is ahead" not in p.err, p.err
    all_once(job, 3500)
    kept = [kit.path(n) for n in ("job-state.db", "job.db")]
    for path in kept:
        shutil.copy(path, path + ".kept")
    way_back(kit, "job")
    p = job.once()  # the first stood at 2000
    assert "is ahead of the state by 1500 messages" in p.err and "each other's place" in p.err, p.err
    all_once(job, 3500)
    feed.put(500)
    job.once()
    all_once(job, 4000)
    for path in kept:  # and forth again
        os.replace(path + ".kept", path)
    p = job.once()
    all_once(job, 4000)


def test_a_result_set_that_was_dropped_can_be_made_again_from_the_begin(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    job = Job(kit, feed.topic, stateful=False)
    trial = Job(kit, feed.topic, stateful=False, name="unused")
    trial.name = "job.x"
    feed.put(1000)
    for _ in range(2):
        p = kit.run("run", "job.yaml", "--as", "x", "--from", "earliest", "--once")
        assert p.code == 0, p.err
        all_once(trial, 1000)
        p = kit.run("drop", "job.yaml", "--as", "x")
        assert p.code == 0 and "group weir-job-x-in-x\n" in p.out, (p.out, p.err)
    # Without --from the group's offsets count, and that is said.
    p = kit.run("run", "job.yaml", "--as", "x", "--once")
    assert p.code == 0 and not trial.ids(), p.err
    assert "has no positions of 2 partitions, but group weir-job-x-in-x has, committed by weir job-x" in p.err, p.err


def test_a_state_that_was_put_back_reads_again(kit):
    feed = Feed(kit, kit.topic(partitions=2))
    job = Job(kit, feed.topic, stateful=False)
    feed.put(1000)
    job.once()
    for path in ("job-state.db", "job.db"):
        shutil.copy(kit.path(path), kit.path(path + ".backup"))
    feed.put(1000)
    job.once()
    for path in ("job-state.db", "job.db"):
        os.replace(kit.path(path + ".backup"), kit.path(path))
        os.unlink(kit.path(path + ".lock"))
    p = job.once()
    assert "is ahead of the state by 1000 messages" in p.err and "put back" in p.err, p.err
    all_once(job, 2000)


def test_what_another_member_or_a_tool_did_is_taken_unless_from_state_is_said(kit):
    from confluent_kafka import Consumer, TopicPartition
    feed = Feed(kit, kit.topic())
    name = kit.topic_name()
    one, two = (Job(kit, feed.topic, ", group: " + name, stateful=False, name=n) for n in ("one", "two"))
    feed.put(100)
    one.once()
    feed.put(100)
    p = two.once()
    assert "the state has no positions of 1 partitions, but group %s has, committed by weir one" % name in p.err, p.err
    assert sorted(two.ids()) == list(range(100, 200))
    p = one.once()
    assert ("group %s is ahead of the state by 100 messages (partitions: 1), committed by weir two: taken as applied" %
            name) in p.err, p.err
    assert sorted(one.ids()) == list(range(100))
    feed.put(100)
    c = Consumer(kit.broker.quiet({"group.id": name}))
    c.commit(offsets=[TopicPartition(feed.topic, 0, 250)], asynchronous=False)
    c.close()
    p = one.once()
    assert "by 50 messages (partitions: 1), committed by a tool" in p.err, p.err
    assert sorted(one.ids()) == list(range(100)) + list(range(250, 300))
    p = kit.run("run", "two.yaml", "--once", "--from", "state")
    assert p.code == 0 and "as --from says" in p.err, p.err
    assert sorted(two.ids()) == list(range(100, 300))
    p = kit.run("run", "three.yaml", "--once", "--from", "state")
    assert p.code != 0
    Job(kit, feed.topic, ", group: " + name, stateful=False, name="three")
    p = kit.run("run", "three.yaml", "--once", "--from", "state")
    assert p.code == 64 and "has no positions" in p.err, p.err


def test_parts_of_a_topic_in_several_processes_add_up_to_the_whole(kit):
    feed = Feed(kit, kit.topic(partitions=4))
    feed.put(4000)
    parts = [Job(kit, feed.topic, ", partitions: %s" % p, name=n) for p, n in (("0-1", "low"), ("2", "mid"), ("3", "high"))]
    whole = Job(kit, feed.topic, name="whole")
    for job in parts + [whole]:
        job.once()
    feed.check(whole)
    added = collections.Counter()
    for job in parts:
        assert 0 < len(job.sums())
        added.update(job.sums())
    assert added == collections.Counter(whole.sums())
    assert SUMS in open(kit.path("low.yaml"), encoding="utf-8").read()
