"""What was lost is told to whoever counts: one notice per endpoint, reason and minute, on the events' own topic."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from pegel_serving.logger.logged_event import Event

DROPPED = "org.pegel.logger.dropped"


class _Key(NamedTuple):
    topic: str
    namespace: str
    endpoint: str
    reason: str
    minute: int


class Drops:
    """Counts lost events until notices about them can be sent."""

    def __init__(self) -> None:
        """Begin with nothing lost."""
        self._counts: Counter[_Key] = Counter()

    def __len__(self) -> int:
        """Return how many lost events no notice has told of yet."""
        return self._counts.total()

    def add(self, event: Event, reason: str, count: int = 1) -> None:
        """Remember that `event` was lost. The loss of a notice counts what that notice told."""
        if event.header("ce_type") == DROPPED:
            told = orjson.loads(event.value)
            reason, count = told["reason"], told["count"]
        self._counts[
            _Key(
                event.topic,
                event.header("ce_namespace"),
                event.header("ce_inferenceservicename"),
                reason,
                event.timestamp_ms // 60_000,
            )
        ] += count

    def take(self) -> list[Event]:
        """Return a notice for all that was counted, and begin again. Its time lies in the minute of what was lost."""
        notices = [_notice(key, count) for key, count in self._counts.items()]
        self._counts.clear()
        return notices


def _notice(key: _Key, count: int) -> Event:
    timestamp_ms = key.minute * 60_000
    event_id = str(uuid.uuid4())
    attributes = {
        "ce_id": event_id,
        "ce_type": DROPPED,
        "ce_source": "pegel-logger",
        "ce_specversion": "1.0",
        "ce_time": _rfc3339(timestamp_ms / 1000),
        "ce_recordedtime": _rfc3339(time.time()),
        "ce_inferenceservicename": key.endpoint,
        "ce_namespace": key.namespace,
        "ce_component": "logger",
        "ce_endpoint": "",
        "ce_metadata": "{}",
        "content-type": "application/json",
    }
    return Event(
        topic=key.topic,
        key=event_id.encode(),
        value=orjson.dumps({"count": count, "reason": key.reason}),
        headers=tuple((name, value.encode("latin-1")) for name, value in attributes.items()),
        timestamp_ms=timestamp_ms,
    )


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
