"""The job of labels: how models did, whatever came late, twice or corrected, and whatever a run before left undone."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from blueprints import give_tables
from labelled_traffic import class_baseline
from pyspark.sql import SparkSession
from sqlalchemy import Engine
from wires import Wire

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import INSTANT
from pegel.archive.subject import Subject
from pegel.data.keyed_hash import NO_SECRET
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.labels.label_keys import LabelKeys
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.concept_chart_store import ConceptCharts
from pegel.store.database import connect, writing
from pegel.store.erasure_store import ErasureStore
from pegel.store.label_store import LabelStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.registry import Registry
from pegel.stream.result_rows import Heartbeat
from pegel_spark.label_intake import LabelIntake
from pegel_spark.labels_job import JoinedLabelsOfRun, LabelsJob

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
DAWN = NOW.replace(minute=0, second=0, microsecond=0) - 30 * HOUR
SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("row", pa.int32()),
        ("event_time", INSTANT),
        ("f_x", pa.float64()),
        ("p_p", pa.float64()),
        ("p_yhat", pa.string()),
    ]
)


class World:
    """A results database with one classifier and one model whose table of labels is nowhere; an archive; a broker."""

    def __init__(self, spark: SparkSession, wire: Wire, folder: Path) -> None:
        """Register both."""
        self.spark, self.wire, self.archive = spark, wire, folder / "archive"
        self.engine: Engine = connect(f"sqlite:///{folder}/results.db")
        give_tables(self.engine)
        self.settings = Settings(archive=str(self.archive), kafka=wire.address)
        baseline = BaselineStore(self.engine).put(class_baseline())
        for name, labels in (
            ("delays", {"source": "topic", "horizon": "2d"}),
            ("broken", {"source": f"parquet:{folder}/nowhere", "field": "y"}),
        ):
            spec = MonitorSpec.parse(
                {
                    "model": {"name": name, "uri": "m"},
                    "namespace": wire.namespace,
                    "baseline": {"source": "local://delays"},
                    "labels": labels,
                }
            )
            BaselineStore(self.engine).register(spec, baseline, by="test", now=NOW)

    def answer(self, hour: int, events: int, number: int = 1) -> None:
        """Archive an hour after dawn in which the model said 1 of each even event, the others 0."""
        start = DAWN + hour * HOUR
        folder = Path(model_folder(str(self.archive), Kept.ROWS, self.wire.namespace, "delays", 1))
        folder = folder / hour_folder(start) / written_folder(number)
        folder.mkdir(parents=True)
        rows = [
            {
                "event_id": f"{hour}-{at}",
                "row": 0,
                "event_time": start + timedelta(seconds=at),
                "f_x": 0.5,
                "p_p": 0.9 if at % 2 == 0 else 0.1,
                "p_yhat": "1" if at % 2 == 0 else "0",
            }
            for at in range(events)
        ]
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "part-0.parquet")
        (folder / COMPLETE).touch()

    def send(self, *labels: tuple[str, Any]) -> None:
        """Send labels of events."""
        for event, outcome in labels:
            body = {"model": "delays", "event_id": event, "label": outcome}
            self.wire.producer.send(names.labels_topic(self.wire.namespace), value=json.dumps(body).encode())
        self.wire.producer.flush()

    def run(self, now: datetime | None = None) -> JoinedLabelsOfRun:
        """Run the job."""
        return LabelsJob(self.spark, self.settings, self.engine, now or datetime.now(UTC)).run()

    def beat(self, head: datetime) -> None:
        """Let the driver say that it has read up to an instant, and is not at the end of its topics."""
        beat = Heartbeat(
            group=Registry(self.engine).list()[0].group,
            generation=1,
            fingerprint="",
            batch_id=1,
            lag=9,
            event_time_head=head,
            at=head,
            started_at=DAWN,
            pid=1,
        )
        with writing(self.engine) as connection:
            connection.execute(sa.delete(tables.heartbeats))
            connection.execute(sa.insert(tables.heartbeats).values(asdict(beat)))

    def hours(self) -> list[PerformanceRow]:
        """Return the hours that are kept."""
        rows = PerformanceStore(self.engine).rows("delays", 1)
        return [row for row in rows if row.span.end - row.span.start == HOUR]


@pytest.fixture
def labelled(spark: SparkSession, wire: Wire, tmp_path: Path) -> World:
    """Two models with labels."""
    return World(spark, wire, tmp_path)


def told(rows: list[PerformanceRow]) -> list[tuple[int, int, int | None, int]]:
    """Return of each hour its answered and labelled rows, wrong answers, and its revision."""
    return [(row.counts.answered, row.counts.labelled, row.counts.compared.errors, row.revision) for row in rows]  # type: ignore[union-attr]


def test_labels_come_in_any_order(labelled: World) -> None:
    """An hour is counted as its labels come: before its rows, later, corrected; what changes nothing is no revision."""
    labelled.answer(0, 4)
    labelled.send(("0-0", 1), ("0-1", "1"), ("1-0", 1), ("none", 1))
    first = labelled.run()
    one = told(labelled.hours())
    labelled.answer(1, 2)
    labelled.send(("0-1", 0), ("0-2", True), ("0-0", 1))
    second = labelled.run()
    two = told(labelled.hours())
    third = labelled.run()
    (day,) = LabelStore(labelled.engine).days("delays", 1)

    assert (4, {"broken/1"}) == (first.taken, set(first.failed))
    assert "labels.source" in first.failed["broken/1"]
    assert [(4, 2, 1, 0)] == one
    assert ({"delays/1": 2, "broken/1": 0}, [(4, 3, 0, 1), (2, 1, 0, 0)]) == (second.hours, two)
    assert (0, 0, two) == (third.taken, third.hours["delays/1"], told(labelled.hours()))
    assert (7, 5, 4, False) == (day.received, day.subjects, day.matched, day.is_over)


def test_an_hour_that_is_not_read_to_its_end_does_not_settle_by_its_labels(labelled: World) -> None:
    """All its archived rows have labels, and its driver lags: charts wait. Once it is past, the next run settles it."""
    labelled.answer(0, 4)
    labelled.send(*((f"0-{at}", 1) for at in range(4)))
    labelled.beat(DAWN + HOUR / 2)
    labelled.run()
    first, charts = labelled.hours(), ConceptCharts(labelled.engine).of("delays", 1)
    labelled.beat(DAWN + 2 * HOUR)
    labelled.run()

    assert ([False], []) == ([row.settled for row in first], charts)
    assert [True] == [row.settled for row in labelled.hours()]
    assert DAWN + HOUR == ConceptCharts(labelled.engine).of("delays", 1)[0].up_to


def test_a_label_is_found_however_its_record_is_dated(labelled: World) -> None:
    """One that a program dated in 1970 is in the figures as any other."""
    labelled.answer(0, 2)
    body = {"model": "delays", "event_id": "0-0", "label": 1}
    topic = names.labels_topic(labelled.wire.namespace)
    labelled.wire.producer.send(topic, value=json.dumps(body).encode(), timestamp_ms=1)
    labelled.send(("0-1", 0))
    labelled.run()

    assert [(2, 2, 0, 0)] == told(labelled.hours())


def test_a_chart_that_nobody_can_go_on_with_ends_no_run(labelled: World) -> None:
    """A state that is none of ours is kept aside, and its chart begins anew; only the model that always fails does."""
    labelled.answer(0, 2)
    labelled.send(("0-0", 1), ("0-1", 0))
    first = labelled.run()
    with writing(labelled.engine) as connection:
        connection.execute(sa.update(tables.concept_charts).values(state={"of": "another version"}))
    labelled.answer(1, 2)
    labelled.send(("1-0", 1), ("1-1", 0))
    second = labelled.run()

    assert ({"broken/1"}, {"broken/1"}) == (set(first.failed), set(second.failed))
    assert [True] == [one.aside is not None for one in ConceptCharts(labelled.engine).of("delays", 1)]


@pytest.mark.long
def test_a_run_that_was_ended_halfway(labelled: World) -> None:
    """What a run took and did not join, the next one joins: the same figures as if nothing had happened."""
    labelled.answer(0, 6)
    labelled.answer(20, 6)
    labelled.send(*((f"{hour}-{at}", 1) for hour in (0, 20) for at in range(6)))
    intake = LabelIntake(labelled.spark, labelled.settings, LabelStore(labelled.engine))
    keys = LabelKeys.of_specs(Registry(labelled.engine).list())
    taken = intake.take(labelled.wire.namespace, keys, datetime.now(UTC))
    again = labelled.run()

    assert (12, 0, [(6, 6, 3, 0), (6, 6, 3, 0)]) == (taken.labels, again.taken, told(labelled.hours()))


@pytest.mark.long
def test_an_hour_settles_when_its_horizon_ends(labelled: World) -> None:
    """What comes after the horizon is late: counted, in no figure; the hour is settled by time alone."""
    labelled.answer(0, 4)
    labelled.send(("0-0", 1))
    labelled.run()
    later = NOW + 3 * 24 * HOUR
    labelled.run(later)
    (row,) = labelled.hours()

    assert (True, 1, 1) == (row.settled, row.revision, row.counts.labelled)
    assert row.coverage is not None
    assert (4, 1, 0) == tuple(row.coverage[name] for name in ("rows", "labelled", "late"))


@pytest.mark.long
def test_a_table_is_taken_once(labelled: World, tmp_path: Path) -> None:
    """What it said weeks ago, two horizons of its labels and more, is no news."""
    pq.write_table(pa.table({"event_id": ["a", "b"], "y": [1, 0]}), tmp_path / "nowhere")

    assert [2, 0] == [labelled.run(now).taken for now in (NOW, NOW + timedelta(days=20))]


@pytest.mark.long
def test_a_job_that_failed_for_long_is_made_good(labelled: World) -> None:
    """An hour that fell due two weeks ago, and one that nobody has looked at, settle in the next run that succeeds."""
    labelled.answer(0, 4)
    labelled.send(("0-0", 1))
    labelled.run()
    labelled.answer(1, 2)
    labelled.run(NOW + timedelta(days=16))

    assert [True, True] == [row.settled for row in labelled.hours()]
    (errors, *_) = ConceptCharts(labelled.engine).of("delays", 1)
    assert DAWN + 2 * HOUR == errors.up_to


@pytest.mark.long
def test_a_damaged_chart_begins_anew(labelled: World) -> None:
    """Its model's hours are judged all the same, and it goes on from where it stood; its state is kept aside."""
    labelled.answer(0, 4)
    labelled.send(("0-0", 1))
    labelled.run(NOW + 3 * 24 * HOUR)
    with writing(labelled.engine) as connection:
        connection.execute(sa.text("UPDATE concept_charts SET state = '{half'"))
    labelled.answer(1, 2)
    done = labelled.run(NOW + 3 * 24 * HOUR)
    (errors,) = ConceptCharts(labelled.engine).of("delays", 1)

    assert ("delays/1" in done.failed, 2) == (False, len(labelled.hours()))
    assert errors.aside is not None
    assert (DAWN + 2 * HOUR, "{half") == (errors.up_to, errors.aside["state"])


def test_labels_of_whom_somebody_erased_are_not_taken(labelled: World) -> None:
    """What came before the erasure and was not read by then; the others of the same record are."""
    labelled.answer(0, 4)
    labelled.send(("0-0", 1), ("0-1", "1"))
    ErasureStore(labelled.engine).note(Subject.of(["0-0"], NO_SECRET), "test", datetime.now(UTC) + HOUR, {})
    done = labelled.run()
    kept = (labelled.archive / Kept.LABELS).rglob("*.parquet")

    assert (1, [(4, 1, 1, 0)]) == (done.taken, told(labelled.hours()))
    assert ["0-1"] == [key for path in kept for key in pq.ParquetFile(path).read()["key"].to_pylist()]
