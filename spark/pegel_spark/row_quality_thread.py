"""The driver's side of looking at rows: a thread with a short queue, and a process that runs Great Expectations.

Nothing of it holds up a batch: what finds no place in the queue is told as skipped, what takes too long is ended, and
whatever goes wrong is the reason why something is not told.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar

import structlog

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Schema
from pegel.errors import Unavailable
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.spec.clock import Clock, SystemClock
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.stream.window_quality import RowQuality, RowsUntold, told_of_rows
from pegel.stream.window_rows import FinalWindow

log = structlog.get_logger()
MOST_WAITING = 2
"""Windows that wait with their rows, beside the one that is looked at: of ten megabytes together at most."""
MOST_SKIPPED = 1_000
"""Windows without rows of which is still to be told that they were skipped; of more it is logged alone."""
ANSWER_WITHIN_S = 60.0
"""How long the process may take for one window before it is ended; the first one imports the library, some seconds."""
ASK_AGAIN_S = 1.0
CLOSED_WITHIN_S = 10.0
"""How long the end of a driver waits for what is looked at: less than it is given to stop."""
Answer = TypeVar("Answer")
GIVEN_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
)
"""Variables that the process is given: how Python and its packages are found, and no settings, passwords or tokens."""
SKIPPED = "it was skipped: rows of earlier windows were still looked at"


class RowChannel(Protocol):
    """Where the rows of final windows are looked at."""

    @property
    def skipped(self) -> int:
        """Windows so far whose rows found no place in the queue."""
        ...

    def look(self, windows: Iterable[FinalWindow]) -> None:
        """Let rows of windows be looked at. Returns at once, and never raises."""
        ...

    def close(self) -> None:
        """End it; what waits is looked at no more."""
        ...


class SuiteProcess:
    """A process that holds rows against suites, started with the first question and again after it was ended."""

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-m", "pegel_spark.jobs.row_quality"),
        within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """Start nothing yet."""
        self._command, self._within_s = tuple(command), within_s
        self._process: subprocess.Popen[bytes] | None = None
        self._connection, _ = multiprocessing.Pipe()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, rows: Columns, schema: Schema, expectations: Sequence[Expectation]) -> list[ExpectationOutcome]:
        """Return what rows say of expectations, in their order. Raises RowsUntold."""
        over = threading.Event()
        try:
            process = self._started()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise RowsUntold(f"the process that runs Great Expectations could not be started: {why}") from error

        def end() -> None:
            over.set()
            process.kill()

        # Both to ask and to wait for the answer may take for ever, where the other end is stuck.
        limit = threading.Timer(self._within_s, end)
        limit.daemon = True
        limit.start()
        try:
            self._connection.send((rows, schema, list(expectations)))
            answer: list[ExpectationOutcome] | str = self._connection.recv()
        except (EOFError, OSError) as error:
            self.end()
            why = f"took more than {self._within_s:g} s and was ended" if over.is_set() else "died"
            raise RowsUntold(f"the process that runs Great Expectations {why}") from error
        finally:
            limit.cancel()
        if isinstance(answer, str):
            raise RowsUntold(answer)
        return answer

    def close(self) -> None:
        """End the process for good; whoever waits for its answer hears that it died."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """End the process, if there is one. To be called by the thread that asks it, or when there is none."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self._connection.close()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise RowsUntold("its driver ends")
            if self._process is None:
                self._connection, theirs = multiprocessing.Pipe()
                with theirs:
                    descriptor = theirs.fileno()
                    self._process = subprocess.Popen(
                        [*self._command, str(descriptor)],
                        pass_fds=(descriptor,),
                        env={name: os.environ[name] for name in GIVEN_ON if name in os.environ},
                    )
            return self._process


@dataclass(slots=True)
class RowQualityThread:
    """Looks at rows in a thread, one window at a time, and stores what they say. `baseline` returns one by its id."""

    store: RowQualityStore
    baseline: Callable[[str], Baseline]
    process: SuiteProcess = field(default_factory=SuiteProcess)
    clock: Clock = field(default_factory=SystemClock)
    most_waiting: int = MOST_WAITING
    closed_within_s: float = CLOSED_WITHIN_S
    skipped: int = 0
    """Windows so far whose rows found no place in the queue."""
    _waiting: deque[FinalWindow] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closing: bool = False
    _thread: threading.Thread | None = None

    def look(self, windows: Iterable[FinalWindow]) -> None:
        """Let rows of windows be looked at. Returns at once, and never raises."""
        with self._changed:
            for window in windows:
                self._wait(window)
            if self._waiting and self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="row quality", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End the thread and the process; what waits is looked at no more."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self.process.close()
        if self._thread is not None:
            # Its database may take for ever to answer; a thread that is no part of the process's end is left behind.
            self._thread.join(self.closed_within_s)
            if self._thread.is_alive():
                log.warning("rows were still looked at", seconds=self.closed_within_s)
                return
        self.process.end()

    def _wait(self, window: FinalWindow) -> None:
        """Let a window wait; without its rows, where those of others wait already."""
        with_rows = sum(waiting.sample is not None for waiting in self._waiting)
        if window.sample is not None and with_rows >= self.most_waiting:
            self.skipped += 1
            window = replace(window, sample=None, why=SKIPPED)
        if len(self._waiting) >= MOST_SKIPPED:
            log.error("rows were skipped", monitor=window.row.key, start=window.row.span.start.isoformat())
            return
        self._waiting.append(window)

    def _run(self) -> None:
        while (window := self._next()) is not None:
            try:
                self._look(window)
            except Exception:  # one window's rows; the stream and other windows go on
                log.exception("rows could not be looked at", monitor=window.row.key)

    def _next(self) -> FinalWindow | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or bool(self._waiting))
            return None if self._closing else self._waiting.popleft()

    def _look(self, window: FinalWindow) -> None:
        if window.row.baseline_id is None:
            return
        baseline_id = window.row.baseline_id
        baseline = self._patiently(lambda: self.baseline(baseline_id))
        told = self._told(window, baseline)
        row = _row(told, self.clock.now())
        self._patiently(lambda: self.store.write(row, told.findings))
        log.info(
            "rows looked at",
            monitor=window.row.key,
            start=window.row.span.start.isoformat(),
            rows=told.looked_at,
            findings=len(told.findings),
        )

    def _told(self, window: FinalWindow, baseline: Baseline) -> RowQuality:
        """Return what rows say; where something goes wrong that nobody foresaw, that this is so."""
        try:
            return told_of_rows(window, baseline, self.process.run)
        except Exception as error:  # a window whose rows are not told of would look like one that is as it should be
            log.exception("rows could not be looked at", monitor=window.row.key)
            why = f"looking at its rows failed: {type(error).__name__}"
            return told_of_rows(replace(window, sample=None, why=why), baseline, self.process.run)

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """Return what the database says; while it is away, ask again. Raises Unavailable when the driver ends."""
        while True:
            try:
                return ask()
            except Unavailable:
                with self._changed:
                    if self._changed.wait_for(lambda: self._closing, ASK_AGAIN_S):
                        raise


def _row(told: RowQuality, now: datetime) -> RowQualityRow:
    outcomes = (outcome.to_json() for outcome in told.outcomes)
    return RowQualityRow.about(told.window.row, looked_at=told.looked_at, rows=told.rows, outcomes=outcomes, at=now)
