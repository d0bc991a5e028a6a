"""One model under load, a driver that watches it, and what became of every event once the fault is over."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from event_load import EventLoad
from fault_outcomes import FaultOutcome
from plain_windows import compared, plain_windows
from stream_drivers import Drivers

from pegel.baseline.baseline import Baseline
from pegel.reconcile.driver_health import why_doubtful
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow
from pegel.testing.samples import brief_spec

LATENESS_S = 30
"""Longer than any skew that a fault here makes between partitions, so that nothing is late and windows are exact."""


@dataclass
class FaultScene:
    """A watched model under load. `recoveries`: seconds from the end of a fault to the next batch that is stored."""

    drivers: Drivers
    spec: MonitorSpec
    baseline: Baseline
    load: EventLoad
    recoveries: list[float] = field(default_factory=list)

    def read_up_to(self) -> int:
        """Return up to which offset all partitions were read, added up."""
        path = self.drivers.world.settings.home / "pegel.db"
        with closing(sqlite3.connect(path, timeout=60)) as database:
            return int(database.execute('SELECT coalesce(sum("end"), 0) FROM offsets').fetchone()[0])

    def goes_on(self) -> None:
        """Wait until a batch is stored that is not now, and note how long that took."""
        since, before = time.monotonic(), self.read_up_to()
        self.drivers.wait(lambda: self.read_up_to() > before)
        self.recoveries.append(time.monotonic() - since)

    def next_driver(self) -> None:
        """Wait for the end of the driver and start the next one, as the reconciler would."""
        self.drivers.started[-1].wait(120)
        self.drivers.start(len(self.drivers.started) + 1)

    def doubts(self) -> str:
        """Return why the page says that the group is not watched now; empty if it is."""
        beats = self.drivers.world.results.heartbeats()
        now = self.drivers.world.now()
        return "; ".join(filter(None, (why_doubtful(beat, now) for beat in beats)))

    def never_read(self) -> list[int | None]:
        """Return the sizes of all gaps that were noted; None for those that nobody knows."""
        gaps = self.drivers.world.results.gaps("default", None)
        return [None if gap.is_unknown else gap.end - gap.start for gap in gaps]

    def outcome(self, fault: str) -> FaultOutcome:
        """End the load, wait until every window of it is final, and return what the fault did to them."""
        self.load.stop()
        sent = list(self.load.sent)
        self.load.close_windows()
        expected = plain_windows(self.spec, self.baseline, sent)
        newest = max(record.at for record in sent)
        self.drivers.wait(lambda: self.finals(newest)[-1:] and self.finals(newest)[-1].span == expected[-1].span)
        difference = compared(expected, self.finals(newest), self.baseline.layout)
        return FaultOutcome(
            fault=fault,
            sent=len(sent),
            lost=difference.lost,
            doubled=difference.doubled,
            windows=difference.windows,
            exact=difference.exact,
            recovery_s=max(self.recoveries, default=None),
        )

    def finals(self, newest: datetime) -> list[WindowRow]:
        """Return the final windows that begin at an instant or before it, the oldest first."""
        rows = self.drivers.world.results.windows(self.spec.model.name, 1, final_only=True)
        return sorted((row for row in rows if row.span.start <= newest), key=lambda row: row.span.start)


@contextmanager
def scene_of(drivers: Drivers, *, copies: float = 0.05, lateness_s: int = LATENESS_S) -> Iterator[FaultScene]:
    """Begin the load and a driver; yield once the driver has stored its first batch."""
    windowing = {"length": 5, "lateness": lateness_s}
    spec = brief_spec(namespace=drivers.wire.namespace, windowing=windowing)
    baseline = drivers.world.watch(spec)
    with EventLoad(drivers.wire.address, drivers.wire.namespace, copies=copies) as load:
        scene = FaultScene(drivers, spec, baseline, load)
        drivers.start()
        drivers.wait(lambda: scene.read_up_to() > 0)
        try:
            yield scene
        finally:
            scene.load.stop()
