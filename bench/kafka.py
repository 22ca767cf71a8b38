#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kafka.py: weir and its peers on one real broker (test/kafka/broker.py), in one run.

    bench/kafka.py [--weir BINARY] [--rounds N] [--small] [--room FOLDER] [--keep] [PART...]

    spool         a unified2 spool to a topic, one JSON message an event: weir (at_least_once, exactly_once), the script that a
                  site has today (kafka_peer.py: idstools + kafka-python from PyPI, with its native CRC), and a producer test of
                  librdkafka (kafka_load.c) that sends the very same messages from memory, nothing copied: as librdkafka is by
                  default (idempotent), and with the properties that weir's sink gives it
    window        4 million events of 300 bytes in a topic of 8 partitions, summed by minute, target and port: weir --once, and
                  kafka-consumer-perf-test, which only counts them; and weir on the same events in a file
    latency       50,000 events/s through weir from topic to topic, at least once: the age of each when it arrives
    transactions  exactly_once beside at_least_once, state every second, in a run that is long enough to be steady

Contestants take turns (A B C A B C ...); shown is the best of the rounds, by wall time of the whole process, start and end
included (of kafka-consumer-perf-test, which starts slowly, its own figure). CPU is user + system a million messages, of
the process and of the broker meanwhile: on two cores these decide. Topics are deleted after each turn. The broker has a
heap of 1 GiB, all of the JVM's compilers, and is warmed up first; its log is in --room (default bench/.cache/kafka).

Needs java and maven (test/kafka/broker.py fetches Kafka once), pip for the script, cc and librdkafka-dev.

Bars: spool 15 times the script, 0.85 of the producer test; window 0.8 of kafka-consumer-perf-test, from a file 1 M/s on
two cores; latency p99 under 50 ms; transactions at most 10 %."""
import argparse
import importlib.util
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from harness import CACHE, HERE, ROOT, machine, read_through, run, runner, show, wait_for_quiet, warm_memory

sys.path.insert(0, os.path.join(ROOT, "test", "kafka"))
import broker as kafka  # noqa: E402

PEER = ["idstools==0.6.5", "kafka-python[crc32c]==3.0.12"]
# What src/sink/kafka_link.c sets, so that librdkafka's thread does not go in circles.
TUNED = ["linger.ms=100", "queue.buffering.max.kbytes=6144"]
PREFIX = "snort.u2"
PEER_EVENTS = 20000
SPOOL_EVENTS = 1000000
WINDOW_EVENTS = 4000000
RATE, SECONDS = 50000, 15

RECIPE = """weir: 1
name: bench
state: { path: state.db, every: %(every)s }
include: [ %(include)s ]
sources:
  in: { %(source)s }
steps:
  out: { from: in, %(step)s }
sinks:
  to: { %(sink)s, from: [out] }
"""
# What a message of `kafka_load pace` has.
PACED = """layouts:
  - layout: eve
    fields:
      - { name: time, path: timestamp, type: time }
      - { name: sent, type: u64 }
      - { name: flow_id, type: u64 }
      - { name: src_ip, type: ip }
      - { name: src_port, type: u64 }
      - { name: dest_ip, type: ip }
      - { name: dest_port, type: u64 }
      - { name: srcBytes, path: flow.bytes_toserver, type: u64 }
      - { name: dstBytes, path: flow.bytes_toclient, type: u64 }
"""
UNIFIED2 = "type: unified2, path: [ %s ], layouts: { alerts: alerts }"
SUMS = "window: 1m, by: [dest_ip, dest_port], measures: [srcBytes, dstBytes, srcPackets, dstPackets], groups_max: 1000000"


class Room:
    """The broker, a folder for each run, and what is built and made once."""

    def __init__(self, a):
        self.weir, self.rounds, self.small, self.keep = runner.find_weir(a.weir), a.rounds, a.small, a.keep
        self.folder = os.path.abspath(a.room)
        self.load = built("kafka_load", os.path.join(HERE, "kafka_load.c"))
        self.topics = 0
        shutil.rmtree(self.folder, ignore_errors=True)
        self.broker = kafka.Broker(os.path.join(self.folder, "broker"), heap="1g", fast=False, config={
            "log.segment.delete.delay.ms": "1000", "log.retention.check.interval.ms": "5000",
            "log.initial.task.delay.ms": "1000"})

    def scale(self, n):
        return max(n // 100, 1) if self.small else n

    def topic(self, partitions=4):
        self.topics += 1
        return self.broker.topic("bench-%d" % self.topics, partitions)

    def broker_cpu(self):
        with open("/proc/%d/stat" % self.broker.process.pid, encoding="ascii") as f:
            v = f.read().rsplit(")", 1)[1].split()
        return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")

    def count(self, topic):
        return sum(end - first for first, end in self.broker.ends(topic).values())

    def drop(self, topic):
        if not self.keep:
            self.broker.delete_topic(topic)

    def recipe(self, include, source, step, sink, every="1s"):
        """A fresh folder with weir.yaml."""
        folder = os.path.join(self.folder, "weir")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(os.path.join(folder, "weir.yaml"), "w", encoding="utf-8") as f:
            f.write(RECIPE % {"every": every, "include": include, "source": source, "step": step, "sink": sink})
        return folder

    def sink(self, topic, delivery, more=""):
        return "type: kafka, brokers: [ \"%s\" ], topic: %s, delivery: %s%s" % (self.broker.bootstrap, topic, delivery, more)

    def source(self, topic):
        return ("type: kafka, format: json, brokers: [ \"%s\" ], topics: [ %s ], group: %s, time: time, disorder: 10s, "
                "layouts: { eve: eve }" % (self.broker.bootstrap, topic, topic))

    def once(self, folder):
        return run([self.weir, "run", "weir.yaml", "--once", "--quiet"], cwd=folder)

    def turn(self, go):
        """One contestant's turn, with what the broker used meanwhile."""
        before = self.broker_cpu()
        r = go()
        r.broker = self.broker_cpu() - before
        return r


def layouts(name):
    return os.path.join(ROOT, "conf", "layouts", name + ".yaml")


def built(name, source):
    """Path of a program, built again when its source is newer."""
    os.makedirs(CACHE, exist_ok=True)
    program = os.path.join(CACHE, name)
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", program, source,
                        "-lrdkafka"], check=True)
    return program


def peer_python():
    """The python that has idstools and kafka-python, or None."""
    room = os.path.join(CACHE, "kafka-peer")
    python = os.path.join(room, "bin", "python")
    if not os.path.exists(os.path.join(room, "complete")):
        for command in ([sys.executable, "-m", "venv", "--clear", room], [python, "-m", "pip", "install", "-q"] + PEER):
            if subprocess.run(command, check=False).returncode:
                print("  idstools and kafka-python cannot be installed: left out")
                return None
        with open(os.path.join(room, "complete"), "w", encoding="ascii"):
            pass
    return python


def turns(room, contestants):
    """name -> [Run], in turns. A machine that is never quiet holds it up for some seconds each, no more."""
    results, quiet = {name: [] for name in contestants}, True
    for _ in range(room.rounds):
        for name, go in contestants.items():
            quiet = wait_for_quiet(4) and quiet
            warm_memory()
            results[name].append(room.turn(go))
    if not quiet:
        print("  (other work ran on this machine meanwhile)")
    return results


def rate(runs):
    return max(r.messages / r.wall for r in runs)


def table(results):
    print("  %-30s %12s %12s %16s %16s" % ("", "messages/s", "least", "CPU s/M, own", "CPU s/M, broker"))
    for name, runs in results.items():
        best = min(runs, key=lambda r: r.wall / r.messages)
        broker_s = "%.3f" % (best.broker * 1e6 / best.messages) if best.broker is not None else "-"
        print("  %-30s %12.0f %12.0f %16.3f %16s" % (name, rate(runs), min(r.messages / r.wall for r in runs),
                                                     best.cpu * 1e6 / best.messages, broker_s), flush=True)


# --- spool ------------------------------------------------------------------------------------------------------------

def spool_of(room, name, events):
    """Folder with one unified2 file of so many events of a packet each."""
    spec = importlib.util.spec_from_file_location("bench_unified2", os.path.join(HERE, "unified2.py"))
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    path, folder = bench.made(events, 0), os.path.join(room.folder, name)
    os.makedirs(folder, exist_ok=True)
    to = os.path.join(folder, "%s.1763719200" % PREFIX)
    if not os.path.exists(to):
        try:
            os.link(path, to)
        except OSError:  # another file system
            shutil.copyfile(path, to)
    read_through([to])
    return folder, to


def weir_spool(room, folder, events, delivery):
    topic = room.topic()
    at = room.recipe(layouts("unified2"), UNIFIED2 % folder, "records: [json]", room.sink(topic, delivery, ", value: json"))
    r = room.once(at)
    r.messages, there = events, room.count(topic)
    # A transaction's end is an offset, too, in each partition that it wrote to.
    if there < events or (delivery == "at_least_once" and there != events):
        sys.exit("%d messages of %d are in the topic" % (there, events))
    room.drop(topic)
    return r


def other(room, count, *command):
    """A producer that is not weir; TOPIC in its words is the topic."""
    topic = room.topic()
    r = run([topic if w == "TOPIC" else w for w in command])
    r.messages = count
    if room.count(topic) != count:
        sys.exit("%s: %d messages of %d are in the topic" % (command[0], room.count(topic), count))
    room.drop(topic)
    return r


def spool(room):
    """A unified2 spool to a topic: weir, idstools + kafka-python, librdkafka's producer test."""
    events, few_events = room.scale(SPOOL_EVENTS), min(PEER_EVENTS, room.scale(SPOOL_EVENTS))
    folder, path = spool_of(room, "spool", events)
    few, _ = spool_of(room, "spool-few", few_events)
    lines = os.path.join(room.folder, "spool.json")
    with open(lines, "wb") as f:
        subprocess.run([room.weir, "u2", "--join", path], stdout=f, check=True)
    size = os.path.getsize(lines) // events - 1
    print("spool: %d events of a packet each, %.1f MB; %d bytes a message" % (events, os.path.getsize(path) / 1e6, size))
    send = [room.load, "send", room.broker.bootstrap, "TOPIC", lines]
    contestants = {"weir at_least_once": lambda: weir_spool(room, folder, events, "at_least_once"),
                   "weir exactly_once": lambda: weir_spool(room, folder, events, "exactly_once"),
                   "librdkafka": lambda: other(room, events, *send),
                   "librdkafka, weir's properties": lambda: other(room, events, *send, *TUNED)}
    python = peer_python()
    if python:
        script = [python, "-I", os.path.join(HERE, "kafka_peer.py"), room.broker.bootstrap, "TOPIC", few, PREFIX]
        contestants["idstools + kafka-python"] = lambda: other(room, few_events, *script)
    results = turns(room, contestants)
    os.unlink(lines)
    table(results)
    for name in ("weir at_least_once", "weir exactly_once"):
        if python:
            show("%s over the script" % name, rate(results[name]) / rate(results["idstools + kafka-python"]), "times", (">", 15))
        best = max(rate(results[n]) for n in results if n.startswith("librdkafka"))
        show("%s over librdkafka, the faster" % name, rate(results[name]) / best, "times", (">", 0.85))


# --- window -----------------------------------------------------------------------------------------------------------

def events_file(room, count):
    path = os.path.join(CACHE, "kafka-events-%d.json" % count)
    if not os.path.exists(path):
        run([room.load, "make", path + ".part", str(count)])
        os.rename(path + ".part", path)
    return path


def weir_window(room, source, count):
    folder = room.recipe(layouts("eve"), source, SUMS, "type: sqlite, path: store.db", every="10s")
    r = room.once(folder)
    db = sqlite3.connect(os.path.join(folder, "store.db"))
    r.messages, = db.execute("SELECT sum(records) FROM in_out").fetchone()
    db.close()
    if r.messages != count:
        sys.exit("weir summed %s events of %d" % (r.messages, count))
    return r


def perf_test(room, topic, count):
    """kafka-consumer-perf-test: its own time, from subscribing to the last message, without the JVM's start."""
    r = run(kafka.java("org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", room.broker.bootstrap, "--topic",
                       topic, "--messages", str(count), "--hide-header", "--timeout", "60000", heap="1g", fast=False))
    figures = [w.strip() for w in r.out.strip().splitlines()[-1].split(",")]
    r.messages, r.process = int(figures[4]), r.wall
    r.wall = r.messages / float(figures[5])
    if r.messages < count:
        sys.exit("kafka-consumer-perf-test read %d messages of %d" % (r.messages, count))
    return r


def window(room):
    """Events of a topic summed by minute, target and port, beside kafka-consumer-perf-test; and from a file."""
    count = room.scale(WINDOW_EVENTS)
    path, topic = events_file(room, count), room.topic(8)
    read_through([path])
    filled = json.loads(run([room.load, "send", room.broker.bootstrap, topic, path]).out)
    print("window: %d events, %d bytes each; %d partitions; written by kafka_load at %d messages/s" % (
        count, filled["bytes"] // count, 8, filled["per_s"]))
    lines = "type: lines, path: [ %s ], format: json, follow: false, time: time, disorder: 10s, layouts: { eve: eve }" % path
    results = turns(room, {"kafka-consumer-perf-test": lambda: perf_test(room, topic, count),
                           "weir, topic": lambda: weir_window(room, room.source(topic), count),
                           "weir, file": lambda: weir_window(room, lines, count)})
    room.drop(topic)
    table(results)
    tool, own = results["kafka-consumer-perf-test"], results["weir, topic"]
    show("weir over kafka-consumer-perf-test", rate(own) / rate(tool), "times", (">", 0.8))
    show("weir over it, its start included, too", rate(own) * min(r.process for r in tool) / count, "times")
    show("weir, from a file, two cores", rate(results["weir, file"]) / 1e6, "M/s", (">", 1))


# --- latency ----------------------------------------------------------------------------------------------------------

def watched(room, topic, into, seconds):
    """What `watch` says of a topic while `pace` writes into another, or the same."""
    watch = subprocess.Popen([room.load, "watch", room.broker.bootstrap, topic, str(seconds + 2)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    said = watch.stderr.readline()
    if said != b"ready\n":
        sys.exit((said + watch.stderr.read()).decode("utf-8", "replace").strip() or "kafka_load watch ended at once")
    begin = room.broker_cpu()
    pace = json.loads(run([room.load, "pace", room.broker.bootstrap, into, str(room.scale(RATE)), str(seconds)]).out)
    out, words = watch.communicate()
    if watch.returncode:
        sys.exit("kafka_load watch: " + words.decode("utf-8", "replace"))
    r = json.loads(out)
    r.update(sent=pace["messages"], per_s=pace["per_s"], broker_s=room.broker_cpu() - begin, weir_s=None)
    if r["messages"] + r["skipped"] != r["sent"]:
        print("  %d of %d messages arrived" % (r["messages"] + r["skipped"], r["sent"]))
    return r


def through_weir(room, seconds, more=""):
    """From a topic to another by a weir that runs meanwhile."""
    first, second, own = room.topic(), room.topic(), os.path.join(room.folder, "paced.yaml")
    with open(own, "w", encoding="utf-8") as f:
        f.write(PACED)
    folder = room.recipe(own, room.source(first), "records: [time, sent, flow_id, src_ip, src_port, dest_ip, dest_port, "
                         "srcBytes, dstBytes]", room.sink(second, "at_least_once", more))
    weir = subprocess.Popen([room.weir, "run", "weir.yaml", "--quiet"], cwd=folder, stdin=subprocess.DEVNULL)
    try:
        time.sleep(2)
        r = watched(room, second, first, seconds)
        weir.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(weir.pid, 0)
    except BaseException:
        weir.kill()
        raise
    weir.returncode = os.waitstatus_to_exitcode(status)
    if weir.returncode:
        sys.exit("weir ended with %d" % weir.returncode)
    r["weir_s"] = usage.ru_utime + usage.ru_stime
    for topic in (first, second):
        room.drop(topic)
    return r


def latency(room):
    """50,000 events/s from topic to topic: how old each is when a reader has it."""
    seconds = 5 if room.small else SECONDS
    turn = []
    for _ in range(max(1, min(2, room.rounds))):
        wait_for_quiet(4)
        warm_memory()
        topic = room.topic()
        turn.append((watched(room, topic, topic, seconds), through_weir(room, seconds)))
        room.drop(topic)
    print("  %-30s %8s %8s %8s %8s %8s %13s %16s" % ("ms, after the first 3 s", "p50", "p90", "p99", "p99.9", "most",
                                                     "CPU s/M, weir", "CPU s/M, broker"))
    best = [min((t[i] for t in turn), key=lambda r: r["p99_ms"]) for i in (0, 1)]
    for name, r in zip(("one topic, no weir", "topic, weir, topic"), best):
        own = "%.3f" % (r["weir_s"] * 1e6 / r["sent"]) if r["weir_s"] else "-"
        print("  %-30s %8.2f %8.2f %8.2f %8.2f %8.2f %13s %16.3f" % (
            name, r["p50_ms"], r["p90_ms"], r["p99_ms"], r["p999_ms"], r["max_ms"], own, r["broker_s"] * 1e6 / r["sent"]))
    show("sent", best[1]["per_s"], "messages/s")
    show("p99 through weir", best[1]["p99_ms"], "ms", ("<", 50))


# --- transactions -----------------------------------------------------------------------------------------------------

def transactions(room):
    """exactly_once beside at_least_once, on a spool of twice the events, state every second."""
    events = room.scale(SPOOL_EVENTS)
    folder, path = spool_of(room, "spool-twice", events)
    more = os.path.join(folder, "%s.1763719201" % PREFIX)
    os.link(path, more)
    results = turns(room, {d: lambda d=d: weir_spool(room, folder, 2 * events, d) for d in ("at_least_once", "exactly_once")})
    table(results)
    show("what transactions cost", 100 * (rate(results["at_least_once"]) / rate(results["exactly_once"]) - 1), "% wall", ("<", 10))


PARTS = {f.__name__: f for f in (spool, window, latency, transactions)}


def warm_up(room):
    """The JVM compiles what it finds hot: some seconds of writing and reading that are not measured."""
    topic, path = room.topic(), events_file(room, room.scale(1000000))
    for _ in range(2):
        run([room.load, "send", room.broker.bootstrap, topic, path])
    room.drop(topic)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--small", action="store_true", help="a hundredth: figures mean nothing")
    p.add_argument("--room", default=os.path.join(CACHE, "kafka"), help="folder for the broker's log: some GB")
    p.add_argument("--keep", action="store_true", help="do not delete topics")
    p.add_argument("part", nargs="*", help=", ".join(PARTS))
    a = p.parse_args()
    unknown = [n for n in a.part if n not in PARTS]
    if unknown:
        p.error("no part %s; there are %s" % (", ".join(unknown), ", ".join(PARTS)))
    kafka.enter()
    machine()
    room = Room(a)
    with room.broker:
        warm_up(room)
        for name in a.part or PARTS:
            print("-- %s: %s" % (name, PARTS[name].__doc__.split("\n")[0]), flush=True)
            PARTS[name](room)
    if not a.keep:
        shutil.rmtree(room.folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except kafka.Unavailable as e:
        sys.exit("kafka: left out: %s" % e)
