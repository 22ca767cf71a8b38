# SPDX-License-Identifier: Apache-2.0
"""test_tls.py: source and sink over TLS with a password (SASL PLAIN), against a broker that has a listener for such.

Certificates are made for the test by openssl: an authority of its own, one for the broker, and an authority that signed
nothing."""
import os
import sqlite3
import subprocess

import broker
from test_source import T0

RECIPE = """\
weir: 1
name: tls
state: { path: %(name)s-state.db, every: 100ms }
layouts:
  - layout: event
    fields:
      - { name: at, type: time }
      - { name: id, type: u64 }
sources:
  in: { type: kafka, brokers: [ "%(address)s" ], topics: [ in ], time: at, layouts: { event: event }, properties: %(properties)s }
steps:
  list: { from: in, records: [ id ] }
sinks:
  store: { type: sqlite, path: %(name)s.db, from: [ list ] }
  out: { type: kafka, brokers: [ "%(address)s" ], topic: out, from: [ list ], wait: 20s, properties: %(properties)s }
"""


def openssl(folder, *words):
    subprocess.run(("openssl",) + words, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificates(folder):
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                "-keyout", name + ".key", "-out", name + ".crt")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "broker.key",
            "-out", "broker.csr")
    with open(os.path.join(folder, "names"), "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "broker.crt")
    openssl(folder, "pkcs8", "-topk8", "-nocrypt", "-in", "broker.key", "-out", "broker.pk8")
    with open(os.path.join(folder, "broker.pem"), "w", encoding="ascii") as out:
        for name in ("broker.pk8", "broker.crt", "ca.crt"):
            with open(os.path.join(folder, name), encoding="ascii") as f:
                out.write(f.read())


def secure_broker(folder):
    """A broker with one more listener, its address."""
    b = broker.Broker(os.path.join(folder, "secure"))
    address = "127.0.0.1:%d" % broker.free_port()
    b.config["listeners"] += ",SASL_SSL://" + address
    b.config["advertised.listeners"] += ",SASL_SSL://" + address
    b.config.update({
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
        "inter.broker.listener.name": "PLAINTEXT", "ssl.keystore.type": "PEM",
        "ssl.keystore.location": os.path.join(folder, "broker.pem"), "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config":
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_weir=\"secret\";",
    })
    return b, address


def test_source_and_sink_over_tls_with_a_password(kit):
    certificates(kit.folder)
    b, address = secure_broker(kit.folder)

    def recipe(name, **change):
        p = {"security.protocol": "sasl_ssl", "sasl.mechanisms": "PLAIN", "sasl.username": "weir",
             "sasl.password": "!file password", "ssl.ca.location": kit.path("ca.crt")}
        p.update({k.replace("_", "."): v for k, v in change.items()})
        text = "{ %s }" % ", ".join("%s: %s" % kv for kv in p.items())
        kit.write(name + ".yaml", RECIPE % {"name": name, "address": address, "properties": text})
        return name + ".yaml"

    kit.write("password", "secret\n")
    with b:
        for topic in ("in", "out"):
            b.topic(topic)
        b.produce("in", [(None, '{"at": %d, "id": %d}' % (T0 + i, i)) for i in range(500)])
        p = kit.run("run", recipe("good"), "--once")
        assert p.code == 0, p.err
        assert sqlite3.connect(kit.path("good.db")).execute("select count(*), sum(id) from in_list").fetchone() == (500, 124750)
        assert len(b.read("out")) == 500
        shown = kit.run("check", "good.yaml", "--print").out
        assert "secret" not in shown and "!file" in shown, shown
        for name, words, change in (("wrong", "uthentication", {"sasl_password": "guessed"}),
                                    ("stranger", "ertificate", {"ssl_ca_location": kit.path("other.crt")})):
            q = kit.start("run", recipe(name, **change), "--once")
            kit.until(lambda: words in q.text(), 40, "%s is told" % words)
            q.kill9()
            assert not os.path.exists(kit.path(name + ".db")) or not sqlite3.connect(kit.path(name + ".db")).execute(
                "select count(*) from sqlite_master where name = 'in_list'").fetchone()[0] or not sqlite3.connect(
                kit.path(name + ".db")).execute("select count(*) from in_list").fetchone()[0]
