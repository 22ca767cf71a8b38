# SPDX-License-Identifier: Apache-2.0
"""test_packets.py: conf/packets-to-kafka.yaml as it is shipped, and two weirs that share its topic: one is killed, the
other goes on where it stopped.

Packets come through a pipe for some seconds. Each has a time of its own, which is its name here; what a message's key
must be is worked out from the packet's addresses and ports by the Community ID's specification."""
import base64
import hashlib
import json
import os
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
SESSION_S = 5  # a member that was killed is missed so late

READER = """\
weir: 1
name: %(name)s
state: { path: %(name)s-state.db, every: 300ms }
layouts:
  - layout: packet
    fields:
      - { name: at, path: timestamp, type: time }
      - { name: id, path: time, type: u64 }
      - { name: flow, path: communityID, type: string }
      - { name: number, path: arrived, type: u64 }
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
    properties: { session.timeout.ms: %(session)d, heartbeat.interval.ms: 500 }
steps:
  list: { from: in, records: [ id, flow, number, summary ] }
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

    def __init__(self, path, chances, pipe=True):
        self.random, self.flow, self.now = chances, {}, make.T0
        if pipe:
            os.mkfifo(path)
        # of a pipe both ends, so that its other reader need not be there yet
        self.capture = make.Pcap(open(path, "r+b", buffering=0) if pipe else path, nano=True)

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

    def until(self, stop):
        """Some thousand packets a second until the event is set, on a thread."""
        def run():
            while not stop.is_set():
                self.packets(25)
                time.sleep(0.02)
            self.capture.close()
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def flows_after(self, ids, then):
        """Of these packets the flows of those that came after `then`."""
        return {self.flow[i] for i in ids if i > then}


def feed_recipe(kit, name, topic, delivery, every="1s"):
    """The shipped recipe with this test's places and topic in it, and nothing else changed."""
    with open(os.path.join(ROOT, "conf", "packets-to-kafka.yaml"), encoding="utf-8") as f:
        text = f.read()
    for old, new in (("layouts/packets.yaml]", os.path.join(ROOT, "conf", "layouts", "packets.yaml") + "]"),
                     ("var/packets-to-kafka-state.db", name + "-state.db"),
                     ("every: 1s", "every: " + every), ("var/capture.pcap", name + ".pcap"),
                     ("localhost:9092", kit.broker.bootstrap), ("topic: packets", "topic: " + topic),
                     ("delivery: at_least_once", "delivery: " + delivery)):
        assert text.count(old) == 1, "the recipe has no longer one `%s`" % old
        text = text.replace(old, new)
    kit.write(name + ".yaml", text)


def start_feed(kit, name, topic, delivery):
    """What it reads, and weir."""
    feed_recipe(kit, name, topic, delivery)
    traffic = Traffic(kit.path(name + ".pcap"), kit.random)
    return traffic, kit.start("run", name + ".yaml", "--once")


class Reader:
    """A member of the group; what it wrote, line by line."""

    def __init__(self, kit, name, topic, group):
        self.kit, self.name = kit, name
        kit.write(name + ".yaml", READER % {"name": name, "brokers": kit.broker.bootstrap, "topic": topic,
                                            "group": group, "session": 1000 * SESSION_S})

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


def committed(kit, group, topic):
    from confluent_kafka import Consumer, TopicPartition
    c = Consumer(kit.broker.quiet({"group.id": group}))
    try:
        asked = [TopicPartition(topic, i) for i in range(PARTITIONS)]
        return [max(p.offset, 0) for p in c.committed(asked, timeout=20)]
    finally:
        c.close()


def check_topic(kit, delivery):
    topic = kit.topic_name()
    traffic, feed = start_feed(kit, "feed", topic, delivery)
    traffic.packets(3000)
    traffic.capture.close()
    assert feed.wait(60) == 0, feed.text()
    placed(kit, topic, traffic)


def test_each_packet_is_a_message_and_flows_keep_their_order(kit):
    check_topic(kit, "at_least_once")


def test_with_transactions_it_is_the_same(kit):
    check_topic(kit, "exactly_once")


def kill_while_it_sends(kit, topic):
    """Some thousand messages after its first one; after 2 s in any case, as all may be sent."""
    from confluent_kafka import Consumer, TopicPartition
    c = Consumer(kit.broker.quiet({"group.id": "look"}))
    parts = [TopicPartition(topic, i) for i in range(PARTITIONS)]

    def there():
        return sum(c.get_watermark_offsets(part, timeout=20)[1] for part in parts)
    enough, p, end = there() + kit.random.randrange(1, 20000), kit.start("run", "feed.yaml"), time.monotonic() + 2
    while there() < enough and time.monotonic() < end:
        time.sleep(0.002)
    p.kill9()
    c.close()


def test_a_killed_feed_repeats_the_same_and_leaves_nothing_out(kit):
    topic = kit.topic(partitions=PARTITIONS)
    traffic = Traffic(kit.path("feed.pcap"), kit.random, pipe=False)
    traffic.packets(30000)
    traffic.capture.close()
    feed_recipe(kit, "feed", topic, "at_least_once", kit.random.choice(("100ms", "400ms", "2s")))
    for _ in range(20 if kit.full else 3):
        kill_while_it_sends(kit, topic)
    last = kit.run("run", "feed.yaml", "--once")
    assert last.code == 0, last.err
    seen, flows, again = {}, {}, 0
    for m in sorted(kit.broker.read(topic), key=lambda m: (m.partition, m.offset)):
        row = json.loads(m.value)
        again += row["time"] in seen
        assert seen.setdefault(row["time"], m.value) == m.value, "it came again, and not the same: %s" % m
        if seen[row["time"]] is m.value and m.key is not None:  # the first time
            assert flows.get(m.key, 0) < row["time"], "%s is not in order" % m.key
            flows[m.key] = row["time"]
    assert set(seen) == set(traffic.flow), "%d of %d packets" % (len(seen), len(traffic.flow))
    print("     %d packets, %d came again" % (len(seen), again))


def kill_and_return(kit, one, two, traffic, topic, group):
    """What the first had written when it was killed, and where the group stood then."""
    p, q = one.start(), two.start()
    kit.until(lambda: (one.ids() and two.ids()) or p.code or q.code, 60, "both have a share")
    have = len(one.ids())
    kit.until(lambda: len(one.ids()) > have + 300, 60, "the first reads on")
    time.sleep(kit.random.random())
    p.kill9()
    at = time.monotonic()
    safe, killed, then = committed(kit, group, topic), one.ids(), traffic.now
    assert time.monotonic() - at < SESSION_S - 1, "this machine is too slow to look before the second follows"
    whole = set(traffic.flow.values())
    kit.until(lambda: traffic.flows_after(two.ids(), then) == whole, 60, "the second has all flows")
    then = traffic.now
    p = one.start()
    kit.until(lambda: traffic.flows_after(one.ids(), then), 60, "the first is back")
    assert p.code is None and q.code is None, p.text() + q.text()
    return killed, safe


def check_readers(one, two, traffic, where, killed, safe):
    """All is read. Read twice is at most what the killed one had written behind the group's offsets; up to these it
    keeps what it had. What each wrote is in order, flow by flow."""
    mine, theirs = one.ids(), two.ids()
    again = {i for i in killed if where[i][1] >= safe[where[i][0]]}
    missing = set(traffic.flow) - set(mine) - set(theirs)
    assert not missing, "%d of %d packets were read by none" % (len(missing), len(traffic.flow))
    assert set(killed) - again <= set(mine), "the first lost what it had"
    assert again <= set(theirs), "the second began behind the group's offsets"
    both = set(mine) & set(theirs)
    assert both <= again, "%d packets were read again, %d may be" % (len(both), len(again))
    for name, ids in (("first", mine), ("second", theirs)):
        last = {None: 0}
        for i in ids:
            flow = traffic.flow[i]
            assert flow is None or last.get(flow, 0) < i, "the %s has %d of %s after a later one" % (name, i, flow)
            last[flow] = i
        arp = [i for i in ids if traffic.flow[i] is None]
        assert len(arp) == len(set(arp)), "the %s has packets twice" % name


def take_over(kit, number):
    topic, group, stop = kit.topic(partitions=PARTITIONS), kit.topic_name(), threading.Event()
    traffic, feed = start_feed(kit, "feed%d" % number, topic, "at_least_once")
    one, two = (Reader(kit, "%s%d" % (name, number), topic, group) for name in ("one", "two"))
    thread = traffic.until(stop)
    try:
        killed, safe = kill_and_return(kit, one, two, traffic, topic, group)
    finally:
        stop.set()
        thread.join()
    assert feed.wait(60) == 0, feed.text()
    kit.until(lambda: set(one.ids()) | set(two.ids()) == set(traffic.flow), 60, "all is read")
    for reader in kit.started[-3:]:
        assert reader.code is not None or reader.term() == 0, reader.text()
    check_readers(one, two, traffic, placed(kit, topic, traffic), killed, safe)


def test_a_killed_reader_is_followed_where_it_stopped(kit):
    for number in range(10 if kit.full else 1):
        take_over(kit, number)
