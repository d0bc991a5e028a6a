"""The facts kept for as long as they are fresh, so that several scrapers ask the database once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Engine

from pegel.errors import PegelError
from pegel.exporter.exported_facts import Caps, ExportedFacts, read_facts
from pegel.exporter.exported_metrics import metrics_of
from pegel.spec.clock import Clock
from pegel.spec.limits import NOT_WATCHED_FOR
from pegel.store.passes import DISPATCH, RECONCILE
from pegel.store.result_views import GROUP

FRESH_FOR = timedelta(seconds=10)
PATIENCE_S = 8.0
"""How long somebody who asks waits for the database: Prometheus itself waits 10 s by default, and a scrape that fails
says less than one without models."""
PASS_WITHIN = timedelta(minutes=5)
"""How old the end of a workflow may be that runs each minute."""


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """What came of asking the database once."""

    facts: ExportedFacts | None
    """None: it could not be read."""
    metrics: tuple[Metric, ...] = ()
    """What they are to Prometheus."""
    problem: str = ""
    """Why; empty: it was."""
    took_s: float = 0.0


class FactsReader(Collector):
    """Reads facts whenever somebody asks and the last ones are older than `fresh_for`; one reads, the others wait.

    Whoever asks waits for `patience_s` at most, whatever holds the database up: then it counts as not read, and is
    waited for by whoever asks next.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        caps: Caps,
        *,
        fresh_for: timedelta = FRESH_FOR,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Use the database behind `engine`, which has views."""
        self._engine, self._clock, self._caps, self._fresh_for = engine, clock, caps, fresh_for
        self._patience_s, self._failures = patience_s, 0
        self._lock = threading.Lock()
        self._attempt: _Attempt | None = None

    def facts(self) -> ExportedFacts | None:
        """Return fresh facts; None while the database cannot be read."""
        return self.reading().facts

    def reading(self) -> ReadFacts:
        """Return fresh facts, or why there are none."""
        with self._lock:
            now, last = self._clock.now(), self._attempt
            if last is None or (last.ended.is_set() and now - last.at >= self._fresh_for):
                last = self._attempt = _Attempt(self._engine, now, self._caps)
        if last.ended.wait(self._patience_s):
            found = last.reading
        else:
            waited = time.perf_counter() - last.began
            found = ReadFacts(
                None, problem=f"the database did not answer for {waited:.0f} s. It is waited for.", took_s=waited
            )
        with self._lock:
            self._failures += last.fails(found)
        return found

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of models, and those of reading itself, which are there without a database, too."""
        found = self.reading()
        up = float(found.facts is not None)
        yield GaugeMetricFamily("pegel_database_up", "1 if the database was read the last time", up)
        yield GaugeMetricFamily("pegel_exporter_read_seconds", "How long that took", found.took_s)
        text = "How often the database could not be read"
        yield CounterMetricFamily("pegel_exporter_read_failures", text, self._failures)
        yield from found.metrics

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: registering asks no database."""
        return iter(())

    def wrong(self) -> list[str]:
        """Return what is wrong with Pegel itself, in sentences; empty: nothing."""
        found, now = self.reading(), self._clock.now()
        facts = found.facts
        if facts is None:
            return [found.problem]
        ends = {name: facts.passes.get(name) for name in (DISPATCH, RECONCILE)}
        said = [
            f"{name} {_since(end)}: Airflow's scheduler is not at work, or the workflow is paused or fails"
            for name, end in ends.items()
            if end is None or now - end > PASS_WITHIN
        ]
        watching = {row[GROUP] for row in facts.models}
        return said + [
            f"the driver of group {row[GROUP]} is silent since {row['at']:%Y-%m-%d %H:%M:%S} UTC: its models are not "
            "watched"
            for row in facts.groups
            if row[GROUP] in watching and now - row["at"] > NOT_WATCHED_FOR
        ]


def _since(end: datetime | None) -> str:
    return "has never come to its end" if end is None else f"did not come to its end since {end:%Y-%m-%d %H:%M:%S} UTC"


class _Attempt:
    """One reading, in a thread of its own, which ends with the process."""

    def __init__(self, engine: Engine, at: datetime, caps: Caps) -> None:
        self.at, self.began, self.ended = at, time.perf_counter(), threading.Event()
        self.reading = ReadFacts(None)
        self._engine, self._caps, self._told = engine, caps, False
        threading.Thread(target=self._run, daemon=True).start()

    def fails(self, found: ReadFacts) -> bool:
        """Say whether it failed by what was found, and was not said to have before."""
        first, self._told = found.facts is None and not self._told, self._told or found.facts is None
        return first

    def _run(self) -> None:
        problem = "the database could not be read, as the log of this process says"
        try:
            facts = read_facts(self._engine, self.at)
            self.reading, problem = ReadFacts(facts, tuple(metrics_of(facts, self._caps))), ""
        except PegelError as error:
            problem = str(error)
        except (TypeError, ValueError) as error:
            # SQLite keeps any value in any column.
            problem = f"a row of the views cannot be read: {error!r}. Nothing is told of models until it is mended."
        except sa.exc.DBAPIError as error:
            # As where its role may not read the views.
            problem = f"the database refuses to be read: {error.orig}. Nothing is told of models until it is mended."
        finally:
            self.reading = replace(self.reading, problem=problem, took_s=time.perf_counter() - self.began)
            self.ended.set()
