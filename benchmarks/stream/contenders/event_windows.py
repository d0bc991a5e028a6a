"""What each contender reads alike: a topic's requests from the first to the last, as windows of rows by time.

It needs librdkafka's client, orjson and numpy, and nothing of ours: the contenders run in environments of their own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
from confluent_kafka import Consumer, TopicPartition

Differing: TypeAlias = dict[str, list[int]]
CHUNK = 10_000
LENGTH_MS = 15_000


def read_windows(address: str, topic: str, events: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each window's begin, in ms since 1970, and its rows, shape (rows, features), once all events are read."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"contender-{os.getpid()}", "log_level": 0})
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    rows: dict[int, list[list[float]]] = {}
    read = 0
    while read < events:
        messages = consumer.consume(CHUNK, timeout=1.0)
        read += len(messages)
        documents = orjson.loads(b"[%b]" % b",".join([message.value() or b"" for message in messages]))
        for message, document in zip(messages, documents, strict=True):
            if "instances" in document:
                at = message.timestamp()[1]
                rows.setdefault(at - at % LENGTH_MS, []).extend(document["instances"])
    consumer.close()
    for begin in sorted(rows):
        yield begin, np.array(rows[begin], dtype=np.float64)


def contend(start: Callable[[np.ndarray], Callable[[Any], Differing]], hand: Callable[[np.ndarray], Any]) -> None:
    """Judge every window, and print what it took of the processor and what was found, as JSON.

    `hand` puts rows into the form that is judged. `start` is given the reference, and returns what judges a window: by
    its ways of judging, the columns that differ. The command line is ADDRESS TOPIC EVENTS REFERENCE.
    """
    address, topic, events, reference = sys.argv[1:]
    judge = start(np.load(Path(reference)))
    started = time.process_time()
    windows = list(read_windows(address, topic, int(events)))
    read = time.process_time()
    handed = [hand(rows) for _, rows in windows]
    judging = time.process_time()
    differing = [judge(rows) for rows in handed]
    ended = time.process_time()
    took = {"start_s": started, "read_s": read - started, "hand_s": judging - read, "judge_s": ended - judging}
    print(json.dumps(took | {"begins": [begin for begin, _ in windows], "differing": differing}))
