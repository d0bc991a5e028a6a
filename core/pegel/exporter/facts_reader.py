"""The facts kept for as long as they are fresh, so that several scrapers ask the database once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Engine

from pegel.errors import PegelError
from pegel.exporter.exported_facts import Caps, ExportedFacts, read_facts
from pegel.exporter.exported_metrics import metrics_of
from pegel.spec.clock import Clock
from pegel.spec.limits import NOT_WATCHED_FOR
from pegel.store.result_views import GROUP

FRESH_FOR = timedelta(seconds=10)
PASS_WITHIN = timedelta(minutes=5)
"""How old the end of a workflow may be that runs each minute."""


class FactsReader(Collector):
    """Reads facts whenever somebody asks and the last ones are older than `fresh_for`; one reads, the others wait."""

    def __init__(self, engine: Engine, clock: Clock, caps: Caps, *, fresh_for: timedelta = FRESH_FOR) -> None:
        """Use the database behind `engine`, which has views."""
        self._engine, self._clock, self._caps, self._fresh_for = engine, clock, caps, fresh_for
        self._lock = threading.Lock()
        self._facts: ExportedFacts | None = None
        self._read_at: datetime | None = None
        self._took_s, self._failures = 0.0, 0
        self.problem = ""
        """Why the database could not be read the last time; empty: it was."""

    def facts(self) -> ExportedFacts | None:
        """Return fresh facts; None while the database cannot be read."""
        with self._lock:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at >= self._fresh_for:
                self._read(now)
            return self._facts

    def _read(self, now: datetime) -> None:
        began = time.perf_counter()
        self._read_at = now
        try:
            self._facts, self.problem = read_facts(self._engine, now), ""
        except PegelError as error:
            self._fail(str(error))
        except (TypeError, ValueError) as error:
            # SQLite keeps any value in any column.
            self._fail(f"a row of the views cannot be read: {error!r}. Nothing is told of models until it is mended.")
        self._took_s = time.perf_counter() - began

    def _fail(self, problem: str) -> None:
        self._facts, self.problem = None, problem
        self._failures += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of models, and those of reading itself, which are there without a database, too."""
        facts = self.facts()
        yield GaugeMetricFamily(
            "pegel_database_up", "1 if the database was read the last time", float(facts is not None)
        )
        yield GaugeMetricFamily("pegel_exporter_read_seconds", "How long that took", self._took_s)
        text = "How often the database could not be read"
        yield CounterMetricFamily("pegel_exporter_read_failures", text, self._failures)
        if facts is not None:
            yield from metrics_of(facts, self._caps)

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: registering asks no database."""
        return iter(())

    def wrong(self) -> list[str]:
        """Return what is wrong with Pegel itself, in sentences; empty: nothing."""
        facts, now = self.facts(), self._clock.now()
        if facts is None:
            return [self.problem]
        said = [
            f"{name} did not come to its end since {end:%Y-%m-%d %H:%M:%S} UTC: Airflow's scheduler is not at work, or "
            f"the workflow is paused or fails"
            for name, end in sorted(facts.passes.items())
            if now - end > PASS_WITHIN
        ]
        said += [] if facts.passes else ["no workflow of Airflow has ever come to its end"]
        watching = {row[GROUP] for row in facts.models}
        return said + [
            f"the driver of group {row[GROUP]} is silent since {row['at']:%Y-%m-%d %H:%M:%S} UTC: its models are not "
            "watched"
            for row in facts.groups
            if row[GROUP] in watching and now - row["at"] > NOT_WATCHED_FOR
        ]
