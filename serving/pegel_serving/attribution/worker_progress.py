"""What the worker has got done of each model, and how it says so in the database every few seconds."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from pegel.errors import PegelError
from pegel.spec.clock import Clock
from pegel.spec.outside_text import shown
from pegel.store.worker_beats import ExplainedEvents, WorkerBeat, WorkerBeats
from pegel_serving.repeated_lines import RepeatedLines

log = structlog.stdlib.get_logger(__name__)

BEAT_EVERY_S: Final = 10.0
LONGEST_WHY: Final = 300


@dataclass(slots=True)
class _Model:
    rows: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    why: str = ""
    newest_ms: int | None = None


@dataclass(slots=True)
class WorkerProgress:
    """Counts since the worker started, by the key of the monitor; models are those of the registry, so they are few."""

    models: dict[str, _Model] = field(default_factory=dict)
    done: int = 0
    """Events that the worker is done with."""

    def explained(self, key: str, rows: int, time_ms: int) -> None:
        """Note an event whose explanation the broker has, of so many rows; `time_ms` is that of its request."""
        model = self.models.setdefault(key, _Model())
        model.rows += rows
        model.newest_ms = time_ms if model.newest_ms is None else max(time_ms, model.newest_ms)
        self.done += 1

    def refused(self, key: str, reason: str, why: str) -> None:
        """Note an event that is not explained."""
        model = self.models.setdefault(key, _Model())
        model.refused[reason] += 1
        model.why = shown(why, LONGEST_WHY) if why else reason
        self.done += 1

    def forget(self, key: str) -> None:
        """Drop a model that nobody explains any more."""
        self.models.pop(key, None)


class WorkerHeart:
    """Says in the database what a worker has got done; a database that does not answer is no reason to stop."""

    def __init__(self, beats: WorkerBeats, namespace: str, progress: WorkerProgress, clock: Clock) -> None:
        """Begin to beat with the first call."""
        self._beats, self._namespace, self._progress, self._clock = beats, namespace, progress, clock
        self._started_at = clock.now()
        self._done, self._progressed_at = 0, None if progress.done == 0 else clock.now()
        self._at: float | None = None
        self._failures = RepeatedLines()

    def beat(self, *, state: str = "running") -> None:
        """Say it, if it is time again; at the end, `stopped`, in any case."""
        now, seen = self._clock.now(), time.monotonic()
        if self._progress.done != self._done:
            self._done, self._progressed_at = self._progress.done, now
        if state == "running" and self._at is not None and seen - self._at < BEAT_EVERY_S:
            return
        self._at = seen
        models = {key: _told(model) for key, model in self._progress.models.items()}
        newest = [events.newest_event for events in models.values() if events.newest_event is not None]
        try:
            self._beats.put(
                WorkerBeat(
                    namespace=self._namespace,
                    at=now,
                    started_at=self._started_at,
                    progressed_at=self._progressed_at,
                    newest_event=max(newest, default=None),
                    pid=os.getpid(),
                    state=state,
                    models=models,
                )
            )
        except PegelError as error:
            if (times := self._failures.times(str(error))) is not None:
                log.warning("the database does not take what was done", why=str(error), times=times)


def _told(model: _Model) -> ExplainedEvents:
    newest = None if model.newest_ms is None else _instant(model.newest_ms)
    return ExplainedEvents(rows=model.rows, refused=dict(model.refused), why=model.why, newest_event=newest)


def _instant(time_ms: int) -> datetime | None:
    """Return an instant; None of a number that is none, which anybody who writes records may give."""
    try:
        return datetime.fromtimestamp(time_ms / 1_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
