"""Steady traffic of one model as its logger writes it, with copies; whoever sends remembers what was sent."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import numpy as np
from confluent_kafka import Producer
from wires import headers_of, request_body, response_body

from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.spec import names
from pegel.testing.stream_fakes import LoggedRecord

TICK_S = 0.02
BODIES = 256
"""Different requests and answers; more would tell nothing more and take longer to make."""
COPIED_AMONG = 400
"""Copies are of one of so many newest records, so that none comes after its window."""
BEHIND = timedelta(seconds=90)
"""How far event time is behind the clock, so that one event of the present closes every window."""


@dataclass
class EventLoad:
    """Sends `rate` records a second in the background, some of them twice. As a context it begins and ends.

    `copies`: the share that is sent twice. `sent`: everything in the order in which it was sent.
    """

    address: str
    namespace: str
    rate: int = 1_000
    copies: float = 0.05
    endpoint: str = "delays-v1"
    prefix: str = "e"
    sent: list[LoggedRecord] = field(default_factory=list)
    refused: int = 0
    """Records that the broker did not take."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        """Connect, and draw the bodies."""
        self._rng = np.random.default_rng(11)
        self._bodies = [(request_body(self._rng), response_body(self._rng)) for _ in range(BODIES)]
        self._producer = Producer(
            {
                "bootstrap.servers": self.address,
                "enable.idempotence": True,  # what is on the topic is what was sent, also across a dead broker
                "linger.ms": 5,
                "message.timeout.ms": 0,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        """Begin to send."""
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop sending; wait until the broker has everything."""
        self.stop()

    def stop(self) -> None:
        """Stop sending; wait until the broker has everything."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None
        if left := self._producer.flush(120):
            raise TimeoutError(f"{left} records never reached the broker")

    def send(self, record: LoggedRecord) -> None:
        """Send one record and remember it."""
        self._hand_over(record)
        self.sent.append(record)

    def close_windows(self) -> None:
        """Send a pair of the present, after which no earlier window is open."""
        self.pair(datetime.now(UTC))
        self._producer.flush(60)

    def pair(self, at: datetime) -> None:
        """Send a request with its answer, and now and then a copy of something."""
        asked, answered = self._bodies[len(self.sent) % BODIES]
        event_id = f"{self.prefix}{len(self.sent)}"
        self.send(LoggedRecord(event_id, REQUEST_TYPE, self.endpoint, asked, at))
        self.send(LoggedRecord(event_id, RESPONSE_TYPE, self.endpoint, answered, at))

    def _send(self) -> None:
        began, before = time.monotonic(), len(self.sent)
        while not self._stop.wait(TICK_S):
            due = before + int((time.monotonic() - began) * self.rate)
            at = _milliseconds(datetime.now(UTC) - BEHIND)
            while len(self.sent) < due:
                self.pair(at)
                if self._rng.random() < 2 * self.copies:
                    self.send(self.sent[-1 - int(self._rng.integers(min(COPIED_AMONG, len(self.sent))))])
            self._producer.poll(0)

    def _hand_over(self, record: LoggedRecord) -> None:
        self._producer.produce(
            names.inference_topic(self.namespace),
            key=record.event_id.encode(),
            value=record.body,
            headers=dict(headers_of(record.event_id, record.kind, record.endpoint, self.namespace)),
            timestamp=round(record.at.timestamp() * 1000),
            on_delivery=self._delivered,
        )

    def _delivered(self, error: Any, _message: Any) -> None:
        self.refused += error is not None


def _milliseconds(instant: datetime) -> datetime:
    """Return an instant as the wire carries it."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
