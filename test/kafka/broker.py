#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""broker.py: a real Apache Kafka (KRaft, one node) on loopback for tests and benchmarks, and a client to look into it.

How to use it

    import broker
    broker.enter()                      # at the start of a script: goes on in the python that has the Kafka client
    b = broker.Broker(folder)           # nothing runs yet; data, configuration and log lie in `folder`
    b.start()                           # returns when it answers (3-5 s)
    b.bootstrap                         # "127.0.0.1:PORT"; stays the same over restarts
    b.topic("events", partitions=4)     # returns when it can be written to
    b.produce("events", [(key, value), ...])            # bytes or str; partition=N, timestamp=MS, headers= as well
    b.read("events")                    # [Message], all that is there now, as a read_committed reader sees it
    b.kill9(); b.restart()              # the data stays; restart() is kill9() + start()
    b.pause(); b.resume()               # SIGSTOP and SIGCONT: it hangs but its connections stay
    b.stop()                            # SIGTERM, then SIGKILL; `with broker.Broker(folder) as b:` does start and stop

Processes are ended by the id that was started here, never by name. `heap="1g"` and `fast=False` (all of the JVM's
compilers) are for benchmarks; tests want a quick start. `config={"log.retention.ms": ...}` adds to server.properties.

From a shell, for work by hand:   broker.py run FOLDER      starts one, prints its address, ends with Ctrl-C
                                  broker.py fetch           fills the cache, prints where it is
                                  broker.py java CLASS ...  a tool of Kafka, e.g. kafka.tools.ConsumerPerformance

What it needs: java (11 or later), maven and python3-venv. Kafka's jars (pom.xml says which) and a Python client
(confluent-kafka with a librdkafka of its own, newer than Debian's: a reader independent of the one under test) are
fetched once, as maven's and pip's own settings say, into $WEIR_KAFKA_CACHE, else $XDG_CACHE_HOME/weir/kafka, else
~/.cache/weir/kafka. `missing()` says why it cannot run here; WEIR_KAFKA=off is a reason, too. WEIR_KAFKA=required
(continuous integration) makes that a failure instead of skipped tests: see run.py."""
import atexit
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
POM = os.path.join(HERE, "pom.xml")
CLIENT = "confluent-kafka==2.16.1"
START_S = 90
LOGGING = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
"""


class Unavailable(Exception):
    """Kafka cannot run here; the text says why."""


# --- what is fetched once ---

def cache():
    """The folder for this pom and this client: another version is another folder."""
    base = os.environ.get("WEIR_KAFKA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir", "kafka")
    with open(POM, "rb") as f:
        mark = hashlib.sha256(f.read() + CLIENT.encode() + b"%d.%d" % sys.version_info[:2]).hexdigest()[:12]
    return os.path.join(base, mark)


def fetched(doing, words):
    """Runs a client of a registry; its last lines are the reason if it fails."""
    try:
        p = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=900, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable("%s: not done after 15 minutes" % doing) from None
    if p.returncode != 0:
        lines = [l for l in p.stdout.decode("utf-8", "replace").splitlines() if l.strip()]
        raise Unavailable("%s: %s" % (doing, " | ".join(lines[-3:])[:400]))


def fill(folder):
    if os.environ.get("WEIR_KAFKA") == "off":
        raise Unavailable("WEIR_KAFKA=off")
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Unavailable("no %s (Debian: default-jre-headless, maven)" % tool)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two suites at once: one fetches
        if os.path.exists(os.path.join(folder, "complete")):
            return
        jars, venv = os.path.join(folder, "jars"), os.path.join(folder, "venv")
        for old in (jars, venv):
            shutil.rmtree(old, ignore_errors=True)
        fetched("maven", ["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies", "-DoutputDirectory=" + jars,
                          "-DincludeScope=runtime"])
        fetched("python venv", [sys.executable, "-m", "venv", venv])
        fetched("pip", [os.path.join(venv, "bin", "pip"), "install", "-q", CLIENT])
        with open(os.path.join(folder, "complete"), "w", encoding="ascii"):
            pass


def missing():
    """Why Kafka cannot run here; None: it can. Fetches what is not there yet."""
    try:
        if not os.path.exists(os.path.join(cache(), "complete")) or os.environ.get("WEIR_KAFKA") == "off":
            fill(cache())
    except Unavailable as e:
        return str(e)
    return None


def client_python():
    return os.path.join(cache(), "venv", "bin", "python")


def enter():
    """Goes on in the python that has the client, unless this is it; raises Unavailable."""
    why = missing()
    if why:
        raise Unavailable(why)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.join(cache(), "venv")):
        sys.stdout.flush()
        os.execv(client_python(), [client_python()] + sys.argv)


def java(*words, heap="256m", fast=True):
    """The command line of a class of Kafka's."""
    options = ["-Xmx" + heap, "-Xms" + heap]
    if fast:
        options += ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return ["java"] + options + ["-cp", os.path.join(cache(), "jars", "*")] + list(words)


# --- the broker ---

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Message:
    """What a reader got: bytes, and None where the record has none."""
    __slots__ = ("partition", "offset", "key", "value", "headers", "timestamp")

    def __init__(self, m):
        self.partition, self.offset = m.partition(), m.offset()
        self.key, self.value, self.headers = m.key(), m.value(), dict(m.headers() or [])
        self.timestamp = m.timestamp()[1]

    def __repr__(self):
        return "%d@%d %r=%r" % (self.partition, self.offset, self.key, self.value)


class Broker:
    def __init__(self, folder, config=None, heap="512m", fast=True):
        self.folder = os.path.abspath(folder)
        self.heap, self.fast, self.process = heap, fast, None
        self.port, control = free_port(), free_port()
        self.bootstrap = "127.0.0.1:%d" % self.port
        self.config = {
            "process.roles": "broker,controller", "node.id": "1",
            "controller.quorum.voters": "1@127.0.0.1:%d" % control, "controller.listener.names": "CONTROLLER",
            "listeners": "PLAINTEXT://%s,CONTROLLER://127.0.0.1:%d" % (self.bootstrap, control),
            "advertised.listeners": "PLAINTEXT://" + self.bootstrap,
            "log.dirs": os.path.join(self.folder, "data"),
            "auto.create.topics.enable": "false", "num.partitions": "1",
            "offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0", "group.min.session.timeout.ms": "1000",
            # One that was killed counts as there so long, and its successor may not register before.
            "broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500",
        }
        self.config.update(config or {})

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def log(self):
        return os.path.join(self.folder, "broker.log")

    def format(self):
        """Configuration and an empty store, once in a folder's life."""
        os.makedirs(self.folder, exist_ok=True)
        paths = [os.path.join(self.folder, name) for name in ("server.properties", "log4j.properties")]
        for path, text in zip(paths, ("".join("%s=%s\n" % kv for kv in sorted(self.config.items())), LOGGING)):
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        if os.path.exists(os.path.join(self.folder, "data", "meta.properties")):
            return
        p = subprocess.run(java("kafka.tools.StorageTool", "format", "-t", "d2VpcldFSVJ3ZWlyV0VJUg", "-c", paths[0]),
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if p.returncode != 0:
            raise RuntimeError("kafka format: " + p.stdout.decode("utf-8", "replace"))

    def spawn(self):
        """Starts without waiting: wait_ready() does that."""
        self.format()
        words = java("-Dlog4j.configuration=file:" + os.path.join(self.folder, "log4j.properties"), "kafka.Kafka",
                     os.path.join(self.folder, "server.properties"), heap=self.heap, fast=self.fast)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            start_new_session=True)
        atexit.register(self.process.kill)  # a script that failed leaves none behind; killing twice does no harm

    def wait_ready(self):
        """Until metadata come with a broker in them, and the listener takes connections."""
        from confluent_kafka.admin import AdminClient
        end = time.monotonic() + START_S
        admin = None
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                admin = admin or AdminClient(self.quiet({}))
                if admin.list_topics(timeout=2).brokers:
                    return self
            except Exception:  # noqa: BLE001: refused, timed out, not yet the controller: all mean later
                pass
            time.sleep(0.1)
        tail = open(self.log, "rb").read()[-2000:].decode("utf-8", "replace")
        raise RuntimeError("kafka is not up after %d s:\n%s" % (START_S, tail))

    def start(self):
        self.spawn()
        return self.wait_ready()

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.kill9()
        return self.start()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        self.kill9()

    # --- a look inside, by the independent client ---

    def quiet(self, more):
        """Settings of a client that says nothing while the broker is away."""
        return dict({"bootstrap.servers": self.bootstrap, "logger": _Mute(), "reconnect.backoff.max.ms": 500}, **more)

    def topic(self, name, partitions=1, config=None):
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient(self.quiet({}))
        admin.create_topics([NewTopic(name, partitions, 1, config=config or {})])[name].result(30)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            at = admin.list_topics(timeout=10).topics.get(name)
            if at and len(at.partitions) == partitions and all(p.leader >= 0 for p in at.partitions.values()):
                return name
            time.sleep(0.05)
        raise RuntimeError("topic %s has no leader after 30 s" % name)

    def delete_topic(self, name):
        from confluent_kafka.admin import AdminClient
        admin = AdminClient(self.quiet({}))  # held: the answer dies with it
        admin.delete_topics([name])[name].result(30)

    def add_partitions(self, name, total):
        from confluent_kafka.admin import AdminClient, NewPartitions
        admin = AdminClient(self.quiet({}))
        admin.create_partitions([NewPartitions(name, total)])[name].result(30)

    def produce(self, topic, messages, partition=None, timestamp=None, headers=None):
        """messages: an iterable of (key, value)."""
        from confluent_kafka import Producer
        faults = []
        p = Producer(self.quiet({"linger.ms": 5, "enable.idempotence": True}))
        more = {"on_delivery": lambda e, _: faults.append(e) if e else None}
        for name, value in (("partition", partition), ("timestamp", timestamp), ("headers", headers)):
            if value is not None:
                more[name] = value
        for key, value in messages:
            while True:
                try:
                    p.produce(topic, value=value, key=key, **more)
                    break
                except BufferError:
                    p.poll(0.1)
            p.poll(0)
        if p.flush(60) > 0 or faults:
            raise RuntimeError("produce to %s: %s" % (topic, faults[:1] or "not done after 60 s"))

    def ends(self, topic, isolation="read_committed"):
        """{partition: (first, end)} offsets; the end for a read_committed reader is the last stable offset."""
        from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
        c = Consumer(self.quiet({"group.id": "look", "isolation.level": isolation}))
        limit = time.monotonic() + 20
        try:
            while True:
                try:
                    found = c.list_topics(topic, timeout=20).topics[topic]
                    return {p: c.get_watermark_offsets(TopicPartition(topic, p), timeout=20) for p in found.partitions}
                except KafkaException as e:  # a topic that was just made
                    if e.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > limit:
                        raise
                    time.sleep(0.1)
        finally:
            c.close()

    def stable_ends(self, topic, seconds=3):
        """Ends for a read_committed reader. A commit is answered before its markers stand in all partitions, so they are
        waited for, but not for ever: a transaction may be open."""
        limit = time.monotonic() + seconds
        while True:
            ends = self.ends(topic)
            if ends == self.ends(topic, "read_uncommitted") or time.monotonic() > limit:
                return ends
            time.sleep(0.05)

    def read(self, topic, isolation="read_committed", seconds=60):
        """All messages between the ends that stand now; transactions that are open then are not in it."""
        from confluent_kafka import Consumer, KafkaError, TopicPartition
        ends = self.stable_ends(topic) if isolation == "read_committed" else self.ends(topic, isolation)
        ends = {p: e for p, e in ends.items() if e[1] > e[0]}
        c = Consumer(self.quiet({"group.id": "look", "isolation.level": isolation, "enable.auto.commit": False,
                                 "enable.partition.eof": True}))
        out, limit = [], time.monotonic() + seconds
        try:
            c.assign([TopicPartition(topic, p, first) for p, (first, _) in ends.items()])
            left = set(ends)
            while left:
                if time.monotonic() > limit:
                    raise RuntimeError("read of %s: partitions %s not done after %d s" % (topic, sorted(left), seconds))
                for m in c.consume(1000, timeout=0.2):
                    p = m.partition()
                    if m.error():
                        if m.error().code() != KafkaError._PARTITION_EOF:
                            raise RuntimeError("read of %s: %s" % (topic, m.error()))
                        left.discard(p)
                    elif p in left and m.offset() < ends[p][1]:
                        out.append(Message(m))
                    else:
                        left.discard(p)
        finally:
            c.close()
        return out

    def committed(self, group, topic, partition=0):
        """(offset, metadata) that a group has committed; offset None: nothing."""
        from confluent_kafka import Consumer, KafkaException, TopicPartition
        c = Consumer(self.quiet({"group.id": group}))
        end = time.monotonic() + 30
        try:
            while True:
                try:
                    got = c.committed([TopicPartition(topic, partition)], timeout=5)[0]
                    break
                except KafkaException:  # the first question makes the brokers' own topic of offsets
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.2)
        finally:
            c.close()
        try:  # this client reads on behind the metadata's end: compare the beginning
            words = got.metadata
        except UnicodeDecodeError as e:
            words = e.object[:e.start].decode()
        return (got.offset if got.offset >= 0 else None), words


class _Mute:
    """A logger that throws away: a broker that is away on purpose is no news."""

    def log(self, *_, **__):
        pass


def main(words):
    if words[:1] == ["fetch"]:
        why = missing()
        print(why or cache())
        return 1 if why else 0
    if words[:1] == ["java"] and len(words) > 1:
        if missing():
            sys.exit(missing())
        return subprocess.run(java(*words[1:], fast=False), check=False).returncode
    if words[:1] == ["run"] and len(words) == 2:
        enter()
        at = time.monotonic()
        with Broker(words[1]) as b:
            print("%s up after %.1f s, log %s" % (b.bootstrap, time.monotonic() - at, b.log), flush=True)
            try:
                signal.sigwait([signal.SIGINT, signal.SIGTERM])
            except KeyboardInterrupt:
                pass
        return 0
    print(__doc__)
    return 64


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Unavailable as e:
        sys.exit(str(e))
