# SPDX-License-Identifier: Apache-2.0
"""test_check.py: what `weir check` refuses of a recipe with Kafka's source and sink, and that what the manual gives as
the way out works."""
import collections
import json
import time

from test_source import SHORT, Feed

RECIPE = """\
weir: 1
name: %(name)s
state: { path: state.db, every: 200ms }
layouts:
  - { layout: event, fields: [ { name: at, type: time }, { name: id, type: u64 } ] }
sources:
  in: { type: kafka, brokers: [ "%(brokers)s" ], topics: [ '%(topics)s' ], time: at, layouts: { event: event }%(more)s }
steps:
  list: { from: in, records: [ id ] }
sinks:
  out: { type: kafka, brokers: [ "%(brokers)s" ], topic: '%(topic)s', from: [ list ]%(sink)s }
"""


def recipe(kit, path, topics, topic, name="probe", more="", sink=""):
    return kit.write(path, RECIPE % {"name": name, "brokers": kit.broker.bootstrap, "topics": topics, "topic": topic,
                                     "more": more, "sink": sink})


def words(kit, *more, **also):
    """Line, column and words of all that check finds."""
    p = kit.run("check", recipe(kit, "check/r.yaml", *more, **also), "--json")
    return ["%d:%d %s" % (f["line"], f["column"], f["text"]) for f in json.loads(p.out)["findings"]]


def test_a_recipe_may_not_read_what_it_writes(kit):
    loop = "11:%d sink `out` writes topic `%s`, which source `in` (line 7) reads"
    column = 47 + len(kit.broker.bootstrap)
    assert words(kit, "flows", "flows") == [loop % (column, "flows")]
    assert words(kit, "^flows[.]", "flows.{table}") == [loop % (column, "flows.in_list")]
    assert words(kit, "^flows$", "flows.{table}") == []
    assert words(kit, "^flows[.]", "flows.{table}", more=", properties: { topic.blacklist: '^flows[.]in_' }") == []
    assert words(kit, "^flows[.].*_l", "flows.{table}", sink=", accounts: true") == [loop % (column, "flows.in_list")]
    assert words(kit, "^flows[.].*_rejects", "flows.{table}") == []
    assert words(kit, "^flows[.].*_r", "flows.{table}", sink=", accounts: true") == [loop % (column, "flows.in_rejects")]


def test_all_faults_of_both_ends_are_told_at_once(kit):
    found = words(kit, "a", "b", more=", group: 'w-{reciep}', properties: { fetch.min.bytez: 1, group.id: x }",
                  sink=", delivery: exactly-once, properties: { linger.mz: 1, batch.size: 0 }")
    for part in ("`group` would have `{reciep}` in its name", "did you mean `fetch.min.bytes`", "use `group`",
                 "`delivery` cannot be `exactly-once`", "did you mean `linger.ms`", "property `batch.size`"):
        assert sum(part in f for f in found) == 1, (part, found)
    assert len(found) == 6 and len({f.split(" ")[0] for f in found}) == 6, found


def test_members_of_a_group_with_names_of_their_own_share_a_topic_exactly_once(kit):
    feed, out, group = Feed(kit, kit.topic(partitions=4)), kit.topic(partitions=2), kit.topic_name()
    runs = []
    for name in ("one", "two"):
        runs.append(kit.start("run", recipe(kit, name + "/r.yaml", feed.topic, out, name=name,
                                            more=", group: " + group + SHORT)))
    for i in range(24):  # longer than it takes to find out who fenced whom
        feed.put(50, partition=i % 4)
        time.sleep(0.5)
    kit.until(lambda: len(kit.broker.read(out)) >= feed.sent, 60, "all are there")
    assert [p.term(60) for p in runs] == [0, 0], [p.text()[-500:] for p in runs]
    ids = collections.Counter(json.loads(m.value)["id"] for m in kit.broker.read(out))
    assert len(ids) == feed.sent and max(ids.values()) == 1, "%d ids of %d, one %d times" % (
        len(ids), feed.sent, max(ids.values()))
