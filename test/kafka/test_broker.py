# SPDX-License-Identifier: Apache-2.0
"""test_broker.py: the broker of the other tests itself: without it their word counts for nothing."""


def test_what_is_written_is_read_back_also_after_a_kill(kit):
    topic = kit.topic(partitions=3)
    sent = [(b"k%d" % i, b"v%d" % i) for i in range(1000)]
    kit.broker.produce(topic, sent)
    kit.broker.restart()
    got = kit.broker.read(topic)
    assert sorted((m.key, m.value) for m in got) == sorted(sent), "%d messages of 1000" % len(got)
    assert len({m.partition for m in got}) == 3, "one partition is empty"
