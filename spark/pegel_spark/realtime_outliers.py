"""The driver's side of telling outliers in real time: starts the reader, tells it what to do, hears what it told.

All of it happens in a thread of its own, because a process that hangs must hold up no batch.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from pegel.stream.result_rows import OutlierRow
from pegel_spark.realtime_process import ReaderProcess
from pegel_spark.realtime_progress import BEHIND_FOR_S, RealtimeProgress
from pegel_spark.realtime_reader import Orders, ToldRow, told_row

log = structlog.get_logger()
MOST_DEATHS = 3
DEATHS_WITHIN_S = 60.0
REST = timedelta(minutes=10)
"""How long outliers are told with their batches only, after the reader died `MOST_DEATHS` times within a minute."""
SILENT_FOR_S = 20.0
"""A reader that says nothing for so long hangs: it is ended, and another one begins with what is new then."""
TURN_S = 0.1
REMEMBERED = 100_000
"""Outlying rows of which is remembered that they were told. They come with a batch within seconds."""


class RealtimeChannel(Protocol):
    """Where outliers are told before they are counted. No call raises or waits."""

    def follow(self, orders: Orders) -> None:
        """Say what is to be told in real time from now on; `orders.documents` holds those of all its baselines."""
        ...

    def has_told(self, row: OutlierRow) -> bool:
        """Say whether an outlying row was told as it is, with the same score and cut-off."""
        ...

    @property
    def note(self) -> str:
        """Return in words how outliers are told; empty where no model wants them in real time."""
        ...

    def close(self) -> None:
        """End the reader."""
        ...


@dataclass(slots=True)
class RealtimeOutliers:
    """The reader as a process. It is started with the first model that wants it, and ended with the last."""

    kafka: str
    command: tuple[str, ...] = (sys.executable, "-m", "pegel_spark.jobs.outliers")
    silent_for_s: float = SILENT_FOR_S
    behind_for_s: float = BEHIND_FOR_S
    _orders: Orders = field(default_factory=Orders)
    _thread: threading.Thread | None = None
    _closing: threading.Event = field(default_factory=threading.Event)
    _reader: ReaderProcess | None = None
    _progress: RealtimeProgress = field(default_factory=RealtimeProgress)
    _deaths: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_DEATHS))
    _resting_until: datetime | None = None
    _why: str = ""
    _told: dict[ToldRow, None] = field(default_factory=dict)

    def follow(self, orders: Orders) -> None:
        """Say what is to be told in real time from now on."""
        self._orders = orders
        if orders.monitors and self._thread is None and not self._closing.is_set():
            self._thread = threading.Thread(target=self._run, name="realtime outliers", daemon=True)
            self._thread.start()

    def has_told(self, row: OutlierRow) -> bool:
        """Say whether an outlying row was told as it is, with the same score and cut-off."""
        return told_row(row) in self._told

    @property
    def note(self) -> str:
        """Return in words how outliers are told; empty where no model wants them in real time."""
        orders = self._orders
        owner = "its baseline has" if len(orders.unscored) == 1 else "their baselines have"
        none = f"no outliers of {', '.join(orders.unscored)}: {owner} no cut-off" if orders.unscored else ""
        return "; ".join(filter(None, (self._way if orders.monitors else "", none)))

    @property
    def _way(self) -> str:
        """Return in words how they are told of the monitors that have a reader."""
        if self._resting_until is not None:
            again = f"{self._resting_until:%H:%M:%S} UTC"
            return f"outliers are told with their batches, not in real time: {self._why}; tried again at {again}"
        progress = self._progress
        if progress.keeps_up:
            return f"outliers in real time, but {progress.trouble}" if progress.trouble else "outliers in real time"
        if progress.trouble:
            return f"outliers are told with their batches, not in real time: {progress.trouble}"
        return "outliers with their batches, in real time soon"

    def close(self) -> None:
        """End the reader."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - whatever ends the talk with the reader: it is begun anew
                self._died(error)
        self._end()

    def _turn(self) -> None:
        orders = self._orders
        if not orders.monitors or self._is_resting():
            self._end()
            self._closing.wait(TURN_S)
            return
        if self._reader is None:
            self._progress = RealtimeProgress(behind_for_s=self.behind_for_s)
            self._reader = ReaderProcess(self.command, self.kafka)
        self._reader.order(orders)
        self._hear(self._reader)

    def _is_resting(self) -> bool:
        if self._resting_until is not None and datetime.now(UTC) >= self._resting_until:
            self._resting_until = None
            self._deaths.clear()
        return self._resting_until is not None

    def _hear(self, reader: ReaderProcess) -> None:
        # Before the report: what is counted while the reader speaks it cannot know of.
        counted = self._orders.read
        report = reader.report(TURN_S)
        if report is None:
            if reader.silent_for_s > self.silent_for_s:
                raise EOFError
            return
        self._progress.take(report, counted, time.monotonic())
        self._told.update(dict.fromkeys(report.told))
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]

    def _died(self, error: Exception) -> None:
        hung = self._reader is not None and self._reader.silent_for_s > self.silent_for_s
        code = self._end()
        self._why = f"its reader said nothing for {self.silent_for_s:.0f} s" if hung else f"its reader {_ended(code)}"
        log.error("reader of outliers died", why=self._why, error=f"{error!r:.300}")
        self._deaths.append(time.monotonic())
        if len(self._deaths) == MOST_DEATHS and self._deaths[-1] - self._deaths[0] <= DEATHS_WITHIN_S:
            self._resting_until = datetime.now(UTC) + REST
            self._why += f", {MOST_DEATHS} times within a minute"

    def _end(self) -> int | None:
        """End the reader if there is one; return its exit code."""
        reader, self._reader = self._reader, None
        self._progress = RealtimeProgress()
        return None if reader is None else reader.end()


def _ended(code: int | None) -> str:
    """Return how a process ended, in words."""
    if code is None:
        return "could not be started"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
