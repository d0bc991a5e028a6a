"""Readers of the experiment: they note when an outlier and a window's result could be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import orjson
from confluent_kafka import Consumer, TopicPartition

from pegel.judge.findings import Verdict
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.results import Details, Results

EVERY_S = 0.05
NEWEST = 12
"""Windows that are looked at: more than become final at the same time."""


@dataclass(frozen=True, slots=True)
class Told:
    """An outlier on its topic: the time in the message, and when it was read; seconds since 1970, as all times here."""

    stamped: float
    read: float


@dataclass(frozen=True, slots=True)
class FinalWindow:
    """A final window: its span, when its result was made, when it could be read, and what it holds."""

    start: float
    end: float
    emitted: float
    read: float
    requests: int
    is_drifting: bool


@dataclass(slots=True)
class Readers:
    """What was read so far: the first telling of each outlier by event id, how many came again, and final windows."""

    address: str
    results: Results
    spec: MonitorSpec
    outliers: dict[str, Told] = field(default_factory=dict)
    told_again: int = 0
    windows: dict[float, FinalWindow] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read in threads."""
        threads = [threading.Thread(target=each, daemon=True) for each in (self._read_topic, self._read_windows)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(30)

    def _read_topic(self) -> None:
        consumer = Consumer(
            {"bootstrap.servers": self.address, "group.id": "readers", "enable.auto.commit": False, "log_level": 0}
        )
        consumer.assign([TopicPartition(names.outliers_topic("default"), 0, 0)])
        with closing(consumer):
            while not self._stop.is_set():
                for message in consumer.consume(1_000, timeout=0.01):
                    if message.error() is None:
                        told = Told(message.timestamp()[1] / 1_000, time.time())
                        name = str(orjson.loads(message.value() or b"{}")["event_id"])
                        self.told_again += name in self.outliers
                        self.outliers.setdefault(name, told)

    def _read_windows(self) -> None:
        model = self.spec.model
        while not self._stop.wait(EVERY_S):
            rows = self.results.windows(model.name, model.version, final_only=True, limit=NEWEST, details=Details.NONE)
            now = time.time()
            for row in rows:
                if row.span.start.timestamp() not in self.windows:
                    window = FinalWindow(
                        row.span.start.timestamp(),
                        row.span.end.timestamp(),
                        row.emitted_at.timestamp(),
                        now,
                        row.requests,
                        row.verdict in {Verdict.DRIFT, Verdict.DRIFTING},
                    )
                    self.windows[window.start] = window
