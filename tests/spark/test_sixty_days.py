"""Sixty days of three models, two of them on a real broker: counted by the stream and told by the batch half.

The third one stands in a table: `test_sixty_nights.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pytest
from batch_system import System
from pyspark.sql import SparkSession
from sixty_days import (
    A_DAY,
    CONCEPT,
    CORRECTED,
    DAY,
    DAYS,
    EVENTS,
    FEATURES,
    HARMLESS,
    LABELS_AFTER,
    LATE,
    MISSING,
    ROWS,
    SEGMENT,
    START,
    WINDOW,
    WINDOWS,
    days_of_flights,
    ended,
    is_of_labels,
    started,
    table_of,
)
from wires import Wire, wire_to
from worlds import new_world

import pegel
from pegel.batch.archived_counts import ArchiveRecount
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.findings import Finding, Verdict
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.class_counts import ClassCounts
from pegel.store.database import connect
from pegel.store.long_span_store import LongSpanStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.window_keys import WindowKeys
from pegel.testing.manual_clock import ManualClock
from pegel.testing.samples import sample_spec
from pegel_local.kafka.broker import Broker

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]


@dataclass(frozen=True)
class Watched:
    """A model of the story: what it predicts, and the column of what really was."""

    name: str
    prediction: str
    truth: str

    def spec(self, namespace: str) -> MonitorSpec:
        """Return what is asked for: windows of six hours, segments by carrier, labels by topic."""
        return sample_spec(
            self.name,
            namespace=namespace,
            windowing={"length": "6h", "lateness": "1h"},
            watch={"rows_per_day": A_DAY, "outliers_per_day": 12, "segments": ["carrier"]},
            labels={"source": "topic", "horizon": "7d"},
        )


DELAYS, LATES = Watched("delays", "delay", "true_delay"), Watched("lates", "late", "true_late")


class Story:
    """Sixty days gone by, ten at a time: they reach the stream, are archived, labelled, and made into long spans."""

    def __init__(self, system: System, wire: Wire, clock: ManualClock) -> None:
        self.system, self.wire, self.clock = system, wire, clock
        self.engine = connect(system.settings.database)
        self.specs = {model.name: model.spec(wire.namespace) for model in (DELAYS, LATES)}
        self.truth = days_of_flights()

    def watch(self) -> None:
        """Learn what training looked like, and watch both models."""
        world, training = self.system.world, table_of(np.random.default_rng(7), 20_000)
        for model in (DELAYS, LATES):
            baseline = pegel.profile(
                training.select([*FEATURES, model.prediction, model.truth]),
                predictions=[model.prediction],
                label=model.truth,
                answer=model.prediction,
                segments=["carrier"],
                name=model.name,
            )
            world.baselines.promote(model.name, 1, world.baselines.put(baseline), None, by="test", now=START)
            world.registry.put(self.specs[model.name])

    def go_by(self) -> None:
        """Let all days pass."""
        for ten in range(0, DAYS, 10):
            for day in range(ten, ten + 10):
                if day not in (MISSING, LATE):
                    self.send_events(day)
                self.clock.advance(DAY)
                if day == LATE + 3:
                    self.system.count()
                    self.send_events(LATE)
                    # Within the eight days in which the ledger books them on their own minutes.
                    self.system.count()
                self.send_labels(day)
            until = START + (ten + 10) * DAY
            self.system.count()
            assert [] == self.system.archive().left_out
            assert {} == self.system.join_labels(until + LABELS_AFTER + DAY).failed
            self.make_long_spans(START + ten * DAY, until)

    def send_events(self, day: int) -> None:
        """Send what both models were asked and answered on a day, in the order of its times."""
        for event in range(WINDOWS * EVENTS):
            hours, minutes = divmod(event, EVENTS)
            at = START + day * DAY + hours * WINDOW + timedelta(minutes=1 + minutes)
            rows = self.truth[day].slice(event * ROWS, ROWS)
            asked = json.dumps({"instances": [*zip(*(rows[name].to_pylist() for name in FEATURES), strict=True)]})
            for model in (DELAYS, LATES):
                answer = json.dumps({"predictions": rows[model.prediction].to_pylist()})
                about, endpoint = f"{model.name}-{day}-{event}", f"{model.name}-v1"
                self.wire.send(about, REQUEST_TYPE, endpoint, asked.encode(), at)
                self.wire.send(about, RESPONSE_TYPE, endpoint, answer.encode(), at + timedelta(milliseconds=20))

    def send_labels(self, day: int) -> None:
        """Send what really was, two days later; of one day something else first."""
        for model in (DELAYS, LATES):
            true = self.truth[day][model.truth].to_pylist()
            if day == CORRECTED:
                self._send_labels(model, day, [_other(one) for one in true], LABELS_AFTER)
            self._send_labels(model, day, true, LABELS_AFTER + timedelta(hours=day == CORRECTED))

    def _send_labels(self, model: Watched, day: int, outcomes: list[object], after: timedelta) -> None:
        sent = START + day * DAY + after
        for event in range(len(outcomes) // ROWS):
            labels = [
                {
                    "model": model.name,
                    "event_id": f"{model.name}-{day}-{event}",
                    "row": row,
                    "label": outcomes[event * ROWS + row],
                    "at": sent.isoformat(),
                }
                for row in range(ROWS)
            ]
            self.wire.producer.send(
                names.labels_topic(self.wire.namespace),
                value=json.dumps(labels).encode(),
                timestamp_ms=round(sent.timestamp() * 1000),
            )

    def make_long_spans(self, since: datetime, until: datetime) -> None:
        """Make what is due, as the workflow does of the time after its last run."""
        for spec in self.specs.values():
            recount = ArchiveRecount(self.system.settings.archive_root, WindowKeys(self.engine))
            LongSpanMaker(self.engine, recount=recount).make_due(spec, since, until, now=until + DAY)

    def days(self, model: Watched, segment: str = "") -> dict[int, LongSpanRow]:
        """Return the newest row of each day by its number."""
        rows = LongSpanStore(self.engine).spans(model.name, 1, Rhythm.DAY, segment=segment)
        return {(row.span.start - START) // DAY: row for row in rows}

    def performance(self, model: Watched) -> dict[int, PerformanceRow]:
        """Return how a model did on each day by its number."""
        rows = PerformanceStore(self.engine).rows(model.name, 1, START, segment="")
        return {(row.span.start - START) // DAY: row for row in rows if row.span.end - row.span.start == DAY}

    def findings(self, model: Watched) -> list[Finding]:
        """Return everything that was found."""
        return [finding for _, finding in self.system.world.results.findings(model.name, 1)]


def _other(outcome: object) -> object:
    return {"0": "1", "1": "0"}[outcome] if isinstance(outcome, str) else outcome + 50.0  # type: ignore[operator]


@pytest.fixture(scope="module")
def story(spark: SparkSession, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The sixty days, over."""
    wire, folder, clock = wire_to(broker, create=False), tmp_path_factory.mktemp("sixty"), ManualClock(START)
    # What is dated two months ago would be gone before anybody reads it.
    wire.create(configs={"retention.ms": "-1"})
    world = new_world(folder / "home")
    told = Story(System(spark, world, wire, folder / "note", clock), wire, clock)
    told.watch()
    told.system.stream.look()
    told.go_by()
    yield told
    wire.producer.close()


def test_every_day_is_the_sum_of_its_windows(story: Story) -> None:
    """All rows of a day are in it, and of the missing one none; the last one still waits for its last windows."""
    for model in (DELAYS, LATES):
        rows = {day: row.row.rows for day, row in story.days(model).items() if day < DAYS - 1}

        assert {day: 0 if day == MISSING else A_DAY for day in range(DAYS - 1)} == rows


def test_late_events_are_counted_again(story: Story) -> None:
    """The day whose events all came late is made of the archive, in a revision of its own."""
    late = story.days(DELAYS)[LATE]

    assert [WINDOWS, 0, "batch"] == [late.recounted, late.late_missing, late.row.origin]
    assert late.revision > 1


def test_a_drift_that_does_not_hurt(story: Story) -> None:
    """It is found in the input from its first day on, and performance says that it does no harm."""
    found = story.findings(DELAYS)
    aged = [started(finding) for finding in found if finding.feature == "age"]
    hurt = [finding for finding in found if is_of_labels(finding) and HARMLESS <= started(finding) < CONCEPT]
    verdicts = {row.verdict for day, row in story.performance(DELAYS).items() if HARMLESS <= day < CONCEPT}

    assert (HARMLESS, []) == (min(aged), hurt)
    assert {Verdict.OK} == verdicts


def test_a_changed_concept_is_found_by_labels_alone(story: Story) -> None:
    """The error rate tells of it on its first day; inputs and answers do not, until other things change."""
    found = story.findings(LATES)
    told = {finding.feature: started(finding) for finding in reversed(found) if is_of_labels(finding)}
    rest = [
        finding
        for finding in found
        if not is_of_labels(finding) and started(finding) >= CONCEPT and ended(finding) <= SEGMENT
    ]

    assert (CONCEPT, []) == (min(told.values()), rest)
    assert CONCEPT == int(told["error rate"])


def test_a_drift_of_one_segment_is_told_as_such(story: Story) -> None:
    """Flights of one carrier are farther: its segment says so, and no other."""
    where = {finding.segment for finding in story.findings(DELAYS) if finding.segment and finding.feature == "distance"}
    first = min(ended(finding) for finding in story.findings(DELAYS) if finding.segment == "carrier=WN")

    assert {"carrier=WN"} == where
    assert SEGMENT < first < SEGMENT + 7


def test_corrected_labels_count(story: Story) -> None:
    """Of the day whose labels were wrong first, the figures are those of the right ones; every row has one."""
    day, rows = story.performance(LATES)[CORRECTED], story.truth[CORRECTED]
    errors = sum(
        one != other for one, other in zip(*(rows[name].to_pylist() for name in ("late", "true_late")), strict=True)
    )
    compared = day.counts.compared

    assert isinstance(compared, ClassCounts)
    assert (errors, A_DAY) == (compared.errors, compared.rows)


def test_history_tells_the_story(story: Story) -> None:
    """A person reads of the missing day, of the segment and of the errors."""
    told = str(pegel.history("lates/1", since=START, database=story.system.settings.database))

    for words in ("no events", "distance where carrier=WN", "error rate"):
        assert words in told
