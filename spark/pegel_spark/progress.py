"""What Spark says about its own progress, in the few words that are needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)
from pyspark.sql.streaming.query import StreamingQuery


class IdleTriggers(StreamingQueryListener):
    """Remembers when a trigger last found nothing new. `at` is when that trigger began; None: none did yet."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802 - Spark's own name
        """Remember the trigger."""
        self.at = datetime.fromisoformat(event.timestamp)

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 - Spark's own name
        """Say nothing: a query that has started has read nothing yet."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802 - Spark's own name
        """Say nothing: the query itself is asked for its progress."""

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802 - Spark's own name
        """Say nothing: the main loop sees it."""


@dataclass(slots=True)
class Progress:
    """How far the query has read. `caught_up_at`: everything sent before this instant was read; None: not known."""

    idle: IdleTriggers = field(default_factory=IdleTriggers)
    lag: int = 0
    caught_up_at: datetime | None = None
    _since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Forget what the query before said: this one may have more to read. To be called before it is started."""
        self._since, self.lag, self.caught_up_at = now, 0, None

    def look(self, query: StreamingQuery) -> None:
        """Look at the query once more."""
        last = query.lastProgress
        idle_at = self.idle.at
        if idle_at is not None and self._since is not None and idle_at < self._since:
            idle_at = None
        if last:
            read_at = datetime.fromisoformat(str(last["timestamp"]))
            self.lag = behind(last["sources"]) if idle_at is None or idle_at < read_at else 0
            if self.lag == 0:
                self._caught_up(read_at)
        if idle_at is not None:
            self._caught_up(idle_at)

    def _caught_up(self, instant: datetime) -> None:
        self.caught_up_at = instant if self.caught_up_at is None else max(self.caught_up_at, instant)


def behind(sources: list[Mapping[str, Any]]) -> int:
    """Return how many records the sources hold beyond what was read."""
    return sum(_total(source["latestOffset"]) - _total(source["endOffset"]) for source in sources)


def _total(offsets: Any) -> int:
    data = json.loads(offsets) if isinstance(offsets, str) else offsets
    return sum(sum(partitions.values()) for partitions in (data or {}).values())
