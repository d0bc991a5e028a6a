"""What was lost is told to whoever counts: one notice per endpoint, reason and minute, on the events' own topic."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

import orjson

from pegel.data import wire
from pegel.spec import names
from pegel_serving import door_limits
from pegel_serving.cloudevent import rfc3339
from pegel_serving.logger.dead_letters import DEFAULT_NAMESPACE
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.untold_losses import Loss, UntoldLosses

_MINUTE_MS = 60_000
_MOST = 10**9
"""More events are not lost in a minute."""
_KEY_BYTES = 300
"""Memory of one counter, without its names."""


class _Key(NamedTuple):
    topic: str
    namespace: str
    endpoint: str
    reason: str
    minute: int

    @property
    def size(self) -> int:
        return _KEY_BYTES + len(self.topic) + len(self.namespace) + len(self.endpoint)


class Drops:
    """Counts lost events until notices about them can be sent.

    Names come from outside, so the counters are bounded: beyond `max_bytes` losses are told of no endpoint in
    particular, in the minute in which they are counted, on the topic of the default namespace.
    """

    def __init__(self, *, max_bytes: int = 4 << 20) -> None:
        """Begin with nothing lost."""
        self._counts: Counter[_Key] = Counter()
        self._bytes, self._max_bytes = 0, max_bytes
        self.untold = UntoldLosses()
        """The same in few places, for the note on disk."""

    def __len__(self) -> int:
        """Return how many lost events no notice has told of yet."""
        return self._counts.total()

    def __bool__(self) -> bool:
        """Say whether there is anything to tell."""
        return bool(self._counts)

    def add(self, event: KafkaRecord, reason: str) -> None:
        """Remember that `event` was lost. The loss of a notice counts what that notice told."""
        count = 1
        if event.header(wire.HEADER_TYPE) == wire.DROPPED_TYPE:
            reason, count = read_notice(event.value)
        # a time that the broker refused for an event it would refuse for the notice too
        at_ms = _told_at_ms(event.timestamp_ms) if reason != "invalid_timestamp" else _now_ms()
        namespace, endpoint = event.header(wire.HEADER_NAMESPACE), event.header(wire.HEADER_ENDPOINT)
        self._count(_Key(event.topic, namespace, endpoint, reason, at_ms // _MINUTE_MS), count)

    def add_beside(self, event: KafkaRecord, reason: str, count: int) -> None:
        """Remember losses of which only the number is known, and that `event` lay beside them."""
        minute = _told_at_ms(event.timestamp_ms) // _MINUTE_MS
        self._count(_Key(event.topic, event.header(wire.HEADER_NAMESPACE), "", reason, minute), count)

    def add_loss(self, loss: Loss, count: int) -> None:
        """Remember losses of which nobody knows when they were: they are told as of now."""
        topic, minute = names.inference_topic(loss.namespace), _now_ms() // _MINUTE_MS
        self._count(_Key(topic, *loss, minute), count)

    def take(self) -> list[KafkaRecord]:
        """Return a notice for all that was counted, and begin again. Its time lies in the minute of what was lost."""
        notices = [_notice(key, count) for key, count in self._counts.items()]
        self._counts.clear()
        self._bytes, self.untold = 0, UntoldLosses()
        return notices

    def _count(self, key: _Key, count: int) -> None:
        self.untold.add(Loss.of(key.namespace, key.endpoint, key.reason), count)
        if key not in self._counts:
            if self._bytes + key.size > self._max_bytes:
                topic, minute = names.inference_topic(DEFAULT_NAMESPACE), _now_ms() // _MINUTE_MS
                key = _Key(topic, DEFAULT_NAMESPACE, "", key.reason, minute)
            self._bytes += key.size
        self._counts[key] += count


def read_notice(value: bytes) -> tuple[str, int]:
    """Return reason and count of a notice; one that is spoiled counts as one event, under a reason of its own."""
    with suppress(orjson.JSONDecodeError):
        told = orjson.loads(value)
        match told:
            case {"reason": str(reason), "count": int(count)} if 0 < count <= _MOST:
                return reason, count
    return wire.NOTICE_UNREADABLE, 1


def _told_at_ms(at_ms: int) -> int:
    """Return the time under which the loss of an event of `at_ms` is told: at most a week ago, never ahead."""
    now_ms = _now_ms()
    return min(max(at_ms, now_ms - door_limits.OLDEST_DAYS * 86_400_000), now_ms)


def _notice(key: _Key, count: int) -> KafkaRecord:
    timestamp_ms = key.minute * _MINUTE_MS
    event_id = str(uuid.uuid4())
    attributes = {
        wire.HEADER_ID: event_id,
        wire.HEADER_TYPE: wire.DROPPED_TYPE,
        wire.HEADER_SOURCE: "pegel-logger",
        wire.HEADER_SPEC_VERSION: wire.SPEC_VERSION,
        wire.HEADER_TIME: rfc3339(timestamp_ms * 10**6),
        wire.HEADER_RECORDED_TIME: rfc3339(time.time_ns()),
        wire.HEADER_ENDPOINT: key.endpoint,
        wire.HEADER_NAMESPACE: key.namespace,
        wire.HEADER_COMPONENT: "logger",
        wire.HEADER_POD_LABEL: "",
        wire.HEADER_METADATA: "{}",
        wire.HEADER_CONTENT_TYPE: wire.JSON,
    }
    return KafkaRecord(
        topic=key.topic,
        key=event_id.encode(),
        value=orjson.dumps({"count": count, "reason": key.reason}),
        headers=tuple((name, value.encode()) for name, value in attributes.items()),
        timestamp_ms=timestamp_ms,
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
