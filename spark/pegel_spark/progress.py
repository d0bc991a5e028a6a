"""What Spark says about its own progress, in the few words that are needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql.streaming.query import StreamingQuery


@dataclass(slots=True)
class Progress:
    """How far the query has read. `caught_up_at`: everything sent before this instant was read; None: not known."""

    trigger: timedelta
    lag: int = 0
    caught_up_at: datetime | None = None

    def look(self, query: StreamingQuery, now: datetime) -> None:
        """Look at the query once more."""
        status = query.status
        if not status["isTriggerActive"] and not status["isDataAvailable"]:
            # The last trigger found nothing new; it was at most one trigger and a bit ago.
            self.lag = 0
            self._caught_up(now - self.trigger - timedelta(milliseconds=500))
            return
        last = query.lastProgress
        if last:
            self.lag = behind(last["sources"])
            if self.lag == 0:
                self._caught_up(datetime.fromisoformat(str(last["timestamp"])))

    def _caught_up(self, instant: datetime) -> None:
        self.caught_up_at = instant if self.caught_up_at is None else max(self.caught_up_at, instant)


def behind(sources: list[Mapping[str, Any]]) -> int:
    """Return how many records the sources hold beyond what was read."""
    return sum(_total(source["latestOffset"]) - _total(source["endOffset"]) for source in sources)


def _total(offsets: Any) -> int:
    data = json.loads(offsets) if isinstance(offsets, str) else offsets
    return sum(sum(partitions.values()) for partitions in (data or {}).values())
