# SPDX-License-Identifier: Apache-2.0
"""test_kappa.py: one topic, several weirs: a second result set beside the running one, and one job in several processes.

Feeds and recipes are test_source.py's."""
import collections
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
