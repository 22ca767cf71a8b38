#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kafka_peer.py: the script that weir is to take the place of: a unified2 spool to Kafka with idstools and kafka-python.

    python -I bench/kafka_peer.py BROKERS TOPIC FOLDER PREFIX

A message an event, its packets and extra data in it, as weir's. (-I: bench/kafka.py is not to be taken for kafka-python.)
In its best form: batches of 256 KiB, the native CRC, no bookmark, nothing printed."""
import base64
import json
import sys

from idstools import unified2
from kafka import KafkaProducer


def plain(record):
    out = {k: v for k, v in record.items() if not k.endswith(".raw")}
    if "data" in out:
        out["data"] = base64.b64encode(out["data"]).decode("ascii")
    return out


def events(folder, prefix):
    """Events, each with what belongs to it."""
    event = None
    for record in unified2.SpoolRecordReader(folder, prefix):
        if isinstance(record, unified2.Event):
            if event is not None:
                yield event
            event = plain(record)
        elif event is not None and isinstance(record, unified2.Packet):
            event["packets"].append(plain(record))
        elif event is not None and isinstance(record, unified2.ExtraData):
            event["extra-data"].append(plain(record))
    if event is not None:
        yield event


def main():
    brokers, topic, folder, prefix = sys.argv[1:]
    producer = KafkaProducer(bootstrap_servers=brokers, acks="all", batch_size=1 << 18, linger_ms=20)
    count = 0
    for event in events(folder, prefix):
        producer.send(topic, json.dumps(event, separators=(",", ":")).encode())
        count += 1
    producer.flush()
    producer.close()
    print(count)


if __name__ == "__main__":
    main()
