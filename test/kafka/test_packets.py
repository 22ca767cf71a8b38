# SPDX-License-Identifier: Apache-2.0
"""test_packets.py: conf/packets-to-kafka.yaml as it is shipped, and two weirs that share its topic: one is killed, the
other goes on where it stopped.

Packets come through a pipe for some seconds. Each has a time of its own, which is its name here; what a message's key
must be is worked out from the packet's addresses and ports by the Community ID's specification."""
import base64
import collections
import hashlib
import json
import os
import re
import socket
import struct
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(ROOT, "test"))
import packets as make  # noqa: E402

PARTITIONS = 4
FLOWS = 40

READER = """\
weir: 1
name: %(name)s
state: { path: %(name)s-state.db, every: 300ms }
layouts:
  - layout: packet
    fields:
      - { name: at, path: time, type: time, scale: 1000000000 }
      - { name: id, path: time, type: u64 }
      - { name: flow, path: communityID, type: string }
      - { name: arrived, type: u64 }
      - { name: summary, type: string }
sources:
  in:
    type: kafka
    format: json
    brokers: [ "%(brokers)s" ]
    topics: [ %(topic)s ]
    group: %(group)s
    time: at
    disorder: 1h
    chunk: 4KiB
    layouts: { packet: packet }
    properties: { session.timeout.ms: 3000, heartbeat.interval.ms: 500 }
steps:
  list: { from: in, records: [ id, flow, arrived, summary ] }
sinks:
  out: { type: file, path: %(name)s, format: json, from: [ list ] }
"""


def community_id(src, sport, dst, dport, protocol):
    ends = sorted((socket.inet_aton(a), p) for a, p in ((src, sport), (dst, dport)))
    data = struct.pack(">H", 0) + ends[0][0] + ends[1][0] + bytes([protocol, 0])
    return "1:" + base64.b64encode(hashlib.sha1(data + struct.pack(">HH", ends[0][1], ends[1][1])).digest()).decode()


class Traffic:
    """Flows that speak in turns, both ways: TCP, UDP, datagrams in parts; and ARP, which is no flow. `flow` is what was
    sent: {time: the flow's Community ID, None for ARP}."""

    def __init__(self, path, chances):
        self.random, self.flow, self.now = chances, {}, make.T0
        os.mkfifo(path)
        self.pipe = open(path, "r+b", buffering=0)  # both ends, so that its other reader need not be there yet
        self.capture = make.Pcap(self.pipe, nano=True)

    def add(self, frame, flow):
        self.now += 1 + self.random.randrange(make.MS)
        self.capture.add(self.now, frame)
        self.flow[self.now] = flow

    def packet(self):
        n, back = self.random.randrange(FLOWS + 1), self.random.random() < 0.5
        a, b = ("10.0.%d.%d" % (n % 3, n), 40000 + n), ("10.9.0.%d" % (n % 5), 80)
        if n == FLOWS:
            return self.add(make.arp(a[0], b[0]), None)
        (src, sport), (dst, dport) = (b, a) if back else (a, b)
        flow = community_id(src, sport, dst, dport, 6 if n % 2 else 17)
        if n % 2:
            return self.add(make.ether(make.tcp(src, sport, dst, dport, len(self.flow), 1, make.ACK, b"x")), flow)
        datagram = make.udp_datagram(src, sport, dst, dport, b"x" * (3000 if n == 4 else 30))
        for part in make.fragments(src, dst, 17, datagram, 1480, ident=len(self.flow) % 65536):
            self.add(make.ether(part), flow)

    def packets(self, count):
        for _ in range(count):
            self.packet()

    def end(self):
        self.pipe.close()


def feed_recipe(kit, topic, delivery):
    """The shipped recipe with this test's places and topic in it, and nothing else changed."""
    with open(os.path.join(ROOT, "conf", "packets-to-kafka.yaml"), encoding="utf-8") as f:
        text = f.read()
    for old, new in (("layouts/packets.yaml]", os.path.join(ROOT, "conf", "layouts", "packets.yaml") + "]"),
                     ("var/packets-to-kafka-state.db", "feed-state.db"), ("var/capture.pcap", "wire"),
                     ("localhost:9092", kit.broker.bootstrap), ("topic: packets", "topic: " + topic),
                     ("delivery: at_least_once", "delivery: " + delivery)):
        assert text.count(old) == 1, "the recipe has no longer one `%s`" % old
        text = text.replace(old, new)
    kit.write("feed.yaml", text)


class Reader:
    """A member of the group; what it wrote, line by line."""

    def __init__(self, kit, name, topic, group):
        self.kit, self.name = kit, name
        kit.write(name + ".yaml", READER % {"name": name, "brokers": kit.broker.bootstrap, "topic": topic,
                                            "group": group})

    def start(self):
        return self.kit.start("run", self.name + ".yaml")

    def rows(self):
        """A last line that kill -9 tore is none."""
        path = self.kit.path(os.path.join(self.name, "in_list.jsonl"))
        if not os.path.exists(path):
            return []
        with open(path, "rb") as f:
            return [json.loads(line) for line in f.read().split(b"\n")[:-1]]

    def ids(self):
        return [r["id"] for r in self.rows()]


def placed(kit, topic, traffic):
    """{time: (partition, offset)}, after a look at the topic: each packet once, keyed by its flow, a flow in one place,
    in order."""
    where, home, last = {}, {}, {}
    for m in sorted(kit.broker.read(topic), key=lambda m: (m.partition, m.offset)):
        row = json.loads(m.value)
        at, key = row["time"], m.key.decode() if m.key else None
        assert at not in where, "packet %d is in the topic twice" % at
        where[at] = m.partition, m.offset
        assert key == row["communityID"] == traffic.flow[at], "%s: the flow is %s" % (m, traffic.flow[at])
        if key is not None:
            assert home.setdefault(key, m.partition) == m.partition, "%s is in two partitions" % key
            assert last.get(key, 0) < at, "%s is not in order" % key
            last[key] = at
    missing = set(traffic.flow) - set(where)
    assert not missing, "%d of %d packets are not in the topic" % (len(missing), len(traffic.flow))
    assert len(set(home.values())) > 1, "all flows are in one partition"
    return where


def check_order(reader, traffic):
    """Within what one member wrote each flow is in order."""
    last = collections.Counter()
    for i in reader.ids():
        flow = traffic.flow[i]
        assert flow is None or last[flow] < i, "%s: a packet of %s came after a later one" % (reader.name, flow)
        if flow is not None:
            last[flow] = i


def committed(kit, group, topic):
    from confluent_kafka import Consumer, TopicPartition
    c = Consumer(kit.broker.quiet({"group.id": group}))
    try:
        return [max(p.offset, 0) for p in c.committed([TopicPartition(topic, i) for i in range(PARTITIONS)], timeout=20)]
    finally:
        c.close()


def feed_slowly(traffic, stop):
    while not stop.is_set():
        traffic.packets(25)
        time.sleep(0.02)
    traffic.packets(200)
    traffic.end()


def run_feed(kit, delivery):
    """Packets of both kinds of delivery are in the topic as they should."""
    topic = kit.topic_name()
    traffic = Traffic(kit.path("wire"), kit.random)
    feed_recipe(kit, topic, delivery)
    p = kit.start("run", "feed.yaml", "--once")
    traffic.packets(3000)
    traffic.end()
    assert p.wait(60) == 0, p.text()
    placed(kit, topic, traffic)


def test_each_packet_is_a_message_and_flows_keep_their_order(kit):
    run_feed(kit, "at_least_once")


def test_the_same_with_transactions(kit):
    run_feed(kit, "exactly_once")


def test_a_killed_reader_is_followed_where_it_stopped(kit):
    topic, group = kit.topic(partitions=PARTITIONS), kit.topic_name()
    traffic, stop = Traffic(kit.path("wire"), kit.random), threading.Event()
    feed_recipe(kit, topic, "at_least_once")
    feed = kit.start("run", "feed.yaml", "--once")
    one, two = (Reader(kit, name, topic, group) for name in ("one", "two"))
    p, q = one.start(), two.start()
    thread = threading.Thread(target=feed_slowly, args=(traffic, stop))
    thread.start()
    try:
        kit.until(lambda: one.ids() and two.ids(), 60, "both have a share")
        have = len(one.ids())
        kit.until(lambda: len(one.ids()) > have + 500, 60, "the first reads on")
        time.sleep(kit.random.random())
        p.kill9()
        safe = committed(kit, group, topic)  # before anybody can follow: that takes the session's 3 s
        time.sleep(4)
    finally:
        stop.set()
        thread.join()
    assert feed.wait(60) == 0, feed.text()
    kit.until(lambda: set(one.ids()) | set(two.ids()) == set(traffic.flow), 60, "the second takes over")
    assert q.code is None, q.text()
    where = placed(kit, topic, traffic)
    check_taken_over(one, two, where, safe)
    for reader in (one, two):
        check_order(reader, traffic)
    check_return(kit, one, two, traffic, where, safe)
    assert q.term() == 0


def check_taken_over(one, two, where, safe):
    """Both have each packet once; what both have is behind the killed one's last epoch, and all behind that is the
    other's."""
    for reader in (one, two):
        twice = [i for i, n in collections.Counter(reader.ids()).items() if n > 1]
        assert not twice, "%s has %d packets twice" % (reader.name, len(twice))
    mine, theirs = set(one.ids()), set(two.ids())
    early = [i for i in mine & theirs if where[i][1] < safe[where[i][0]]]
    assert not early, "%d packets were read again from before the last epoch" % len(early)
    left = [i for i, (partition, offset) in where.items() if offset >= safe[partition] and i not in theirs]
    assert not left, "%d packets behind the last epoch are not the second's" % len(left)
    assert mine - theirs and theirs - mine, "one of them read everything"


def check_return(kit, one, two, traffic, where, safe):
    """The killed one is started again: what it had written without an epoch is cut off, what is known to the group is
    not read again."""
    p = one.start()
    kit.until(lambda: re.search(r"kafka|reads|partition", p.text()) or p.code is not None or len(one.ids()), 30, "it runs")
    time.sleep(5)
    assert p.term() == 0, p.text()
    again = set(one.ids()) & set(two.ids())
    early = [i for i in again if where[i][1] < safe[where[i][0]]]
    assert not early and len(one.ids()) == len(set(one.ids())), "%d packets again" % len(early)
    assert set(one.ids()) | set(two.ids()) == set(traffic.flow), "it lost what it had"
