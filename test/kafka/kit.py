# SPDX-License-Identifier: Apache-2.0
"""kit.py: what a test of test/kafka is given: kit.broker (broker.py), kit.folder, a topic, weir as a process.

    topic = kit.topic(partitions=3)          # made, with a name of its own
    kit.write("r.yaml", TEXT % (kit.broker.bootstrap, topic))
    p = kit.run("run", "r.yaml", "--once")   # weir, waits for it; p.code, p.out, p.err (text)
    p = kit.start("run", "r.yaml")           # weir in the background: p.wait(S), p.kill9(), p.term(), p.text(), p.pid
    kit.until(lambda: "listening" in p.text(), 20, "it listens")
    kit.random                               # chances from --seed; kit.full: --full was given
    raise Skip("why")"""
import importlib.util
import os
import re
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.util.spec_from_file_location("cases", os.path.join(os.path.dirname(HERE), "run.py"))
_cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_cases)
find_weir = _cases.find_weir


class Skip(Exception):
    """The test cannot run here; the words say why."""


class Weir:
    """A weir that was started: what it says goes into one file, in the order it came."""

    def __init__(self, words, folder, log):
        self.log, self.words = log, words
        with open(log, "wb") as f:
            self.process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                            env=dict(os.environ, NO_COLOR="1", TZ="UTC"))
        self.pid = self.process.pid

    @property
    def code(self):
        """Exit code, -9 after SIGKILL; None: it runs."""
        return self.process.poll()

    def text(self):
        with open(self.log, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def wait(self, seconds=60):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("%s runs still after %d s" % (" ".join(self.words[1:]), seconds)) from None

    def kill9(self):
        self.process.kill()
        return self.process.wait()

    def term(self, seconds=60):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)


class Ran:
    def __init__(self, p):
        self.code = p.returncode
        self.out, self.err = p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")


class Kit:
    def __init__(self, broker, name, folder, weir, full, chances):
        self.broker, self.name, self.folder, self.weir = broker, name, folder, weir
        self.full, self.random, self.started, self.topics = full, chances, [], 0
        os.makedirs(folder)

    def topic(self, partitions=1, config=None):
        return self.broker.topic(self.topic_name(), partitions, config)

    def topic_name(self):
        """A name that no other test has; the topic is not made."""
        self.topics += 1
        return re.sub(r"[^a-z0-9.]+", "-", "%s.%d" % (self.name, self.topics))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def run(self, *words, seconds=120):
        p = subprocess.run([self.weir] + list(words), cwd=self.folder, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds, check=False,
                           env=dict(os.environ, NO_COLOR="1", TZ="UTC"))
        return Ran(p)

    def start(self, *words):
        p = Weir([self.weir] + list(words), self.folder, self.path("weir-%d.log" % len(self.started)))
        self.started.append(p)
        return p

    def until(self, holds, seconds, what):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "not within %d s: %s" % (seconds, what)
            time.sleep(0.05)

    def said(self):
        """The last lines of what the last weirs said, for a failure's report."""
        return "\n".join("     | " + line for p in self.started[-2:] for line in p.text().splitlines()[-15:])

    def end(self):
        for p in self.started:
            if p.code is None:
                p.kill9()
