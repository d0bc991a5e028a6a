"""Labels from a real broker beside archived rows: each row has its label, whatever came first, twice or corrected."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from pyspark.sql import SparkSession
from sqlalchemy import Engine
from wires import Wire

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import INSTANT
from pegel.data.instants import to_us
from pegel.judge.performance.reach import usual_reach
from pegel.labels.label import EventRow, Label
from pegel.labels.label_arrays import Arrival, LabelArrays, LabelPartition
from pegel.labels.label_keys import EntityKeys, LabelKeys
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.stats.class_counts import ClassCounts
from pegel.stats.performance_counts import PerformanceCounts
from pegel.store.database import connect
from pegel.store.label_store import LabelStore
from pegel_spark.label_intake import LabelIntake
from pegel_spark.label_joining import LabelledHour, ModelLabels

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
DAWN = NOW.replace(minute=0, second=0, microsecond=0) - 5 * HOUR


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A results database without results."""
    engine = connect(f"sqlite:///{tmp_path}/results.db")
    give_tables(engine)
    return engine


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The root of an archive without rows."""
    return tmp_path / "archive"


def spec_of(namespace: str, **labels: Any) -> MonitorSpec:
    """Return a spec of a model whose labels come by topic."""
    return MonitorSpec.parse(
        {
            "model": {"name": "delays", "uri": "m"},
            "namespace": namespace,
            "baseline": {"source": "local://delays"},
            "labels": {"source": "topic", **labels},
        }
    )


def write_hour(
    archive: Path,
    namespace: str,
    start: datetime,
    events: list[str],
    number: int = 1,
    *,
    answers: tuple[float | str, float | str] = (0.0, 1.0),
) -> None:
    """Archive an hour: of each event two rows, a minute after the other, of a flight named like the event."""
    folder = Path(model_folder(str(archive), Kept.ROWS, namespace, "delays", 1)) / hour_folder(start)
    folder /= written_folder(number)
    folder.mkdir(parents=True)
    rows = [
        {
            "event_id": event,
            "row": row,
            "event_time": start + timedelta(minutes=at),
            "e_flight": event.upper(),
            "p_late": answers[row],
        }
        for at, event in enumerate(events)
        for row in (0, 1)
    ]
    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("row", pa.int32()),
            ("event_time", INSTANT),
            ("e_flight", pa.string()),
            ("p_late", pa.string() if isinstance(answers[0], str) else pa.float64()),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "part-0.parquet")
    (folder / COMPLETE).touch()


def send(wire: Wire, *bodies: Any) -> None:
    """Send records of labels, as JSON or as they are."""
    for body in bodies:
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        wire.producer.send(names.labels_topic(wire.namespace), value=value)
    wire.producer.flush()


def label(event: str, row: int, outcome: Any, **more: Any) -> dict[str, Any]:
    """Return a label as it is sent."""
    return {"model": "delays", "event_id": event, "row": row, "label": outcome, **more}


def seen(hours: list[LabelledHour]) -> list[list[float | None]]:
    """Return the labels of each hour in the order of rows."""
    return [[None if each != each else each for each in hour.rows.label.tolist()] for hour in hours]  # noqa: PLR0124


Make = Callable[..., tuple[LabelIntake, ModelLabels]]


@pytest.fixture
def make(spark: SparkSession, engine: Engine, archive: Path, wire: Wire) -> Make:
    """Make what takes and joins the labels of a spec, as of now."""

    def build(**labels: Any) -> tuple[LabelIntake, ModelLabels]:
        settings = Settings(archive=str(archive), kafka=wire.address)
        store, spec = LabelStore(engine), spec_of(wire.namespace, **labels)
        since, now = usual_reach(spec.labels.horizon, NOW), datetime.now(UTC)
        return LabelIntake(spark, settings, store), ModelLabels(spark, settings, store, spec, None, now, since)

    return build


def test_labels_meet_their_rows(make: Make, wire: Wire, archive: Path) -> None:
    """What came before its row, twice, corrected or wrong is joined, folded, counted; a second run takes nothing."""
    write_hour(archive, wire.namespace, DAWN, ["a", "b"])
    intake, model = make()
    keys = LabelKeys.of_specs([model.spec])
    send(
        wire,
        [label("a", 0, 1), label("a", 1, 1), label("c", 0, 1), {"model": "delays", "lable": 1}],
        label("a", 1, 0),
        label("a", 0, 1),
        label("x", 0, 1, version=2),
        {"model": "delays", "entity": {"flight": "A"}, "time": DAWN.isoformat(), "label": 1},
        b"\xff",
    )
    taken = intake.take(wire.namespace, keys, NOW)
    again = intake.take(wire.namespace, keys, NOW)
    kept = model.kept(NOW.date() - timedelta(days=1))
    assert kept is not None
    hours, days = model.touched(kept, {})
    write_hour(archive, wire.namespace, DAWN + HOUR, ["c"])
    joined = list(model.labelled([DAWN, DAWN + HOUR], model.written()))

    assert (5, {"unknown_field": 1, "unknown_model": 1, "other_match": 1, "not_json": 1}) == (
        taken.labels,
        taken.refused,
    )
    assert (0, {}) == (again.labels, again.refused)
    assert ({DAWN}, [(5, 3, 2)]) == (hours, [(day.received, day.subjects, day.matched) for day in days])
    assert [[1.0, 0.0, None, None], [1.0, None]] == seen(joined)
    assert (4, 2, 1, 1) == tuple(joined[0].coverage[name] for name in ("rows", "labelled", "copies", "corrections"))
    assert [1, 1] == [hour.written for hour in joined]


def test_answers_in_text_are_classes(make: Make, wire: Wire, archive: Path) -> None:
    """A baseline without labels does not say so: all of them are answered, and right or wrong."""
    write_hour(archive, wire.namespace, DAWN, ["a", "b"], answers=("early", "late"))
    intake, model = make()
    send(wire, label("a", 0, "early"), label("a", 1, "early"))
    intake.take(wire.namespace, LabelKeys.of_specs([model.spec]), NOW)
    (hour,) = model.labelled([DAWN], model.written())
    counts = PerformanceCounts.of(hour.rows)

    assert isinstance(counts.compared, ClassCounts)
    assert (4, 0, 2, 1) == (counts.answered, counts.unanswered, counts.labelled, counts.compared.errors)


def test_what_was_kept_twice_is_one_label(make: Make, wire: Wire, archive: Path, tmp_path: Path) -> None:
    """Two runs over the same records, as where one was killed before it noted its end, leave copies that count once."""
    write_hour(archive, wire.namespace, DAWN, ["a"])
    intake, model = make()
    keys = LabelKeys.of_specs([model.spec])
    send(wire, label("a", 0, 1))
    intake.take(wire.namespace, keys, NOW)
    other = connect(f"sqlite:///{tmp_path}/before.db")
    give_tables(other)
    replace(intake, store=LabelStore(other)).take(wire.namespace, keys, NOW)
    (hour,) = model.labelled([DAWN], model.written())
    kept = model.kept(NOW.date() - timedelta(days=1))

    assert kept is not None
    assert (2, 1, 0) == (kept.count(), hour.coverage["labelled"], hour.coverage["copies"])


def test_only_what_is_new_touches_an_hour(make: Make, wire: Wire, archive: Path, engine: Engine) -> None:
    """Labels up to a position are in the figures; one beyond it touches the hour of its row alone."""
    write_hour(archive, wire.namespace, DAWN, ["a"])
    write_hour(archive, wire.namespace, DAWN + HOUR, ["b"])
    intake, model = make()
    keys = LabelKeys.of_specs([model.spec])
    send(wire, label("a", 0, 1))
    intake.take(wire.namespace, keys, NOW)
    joined = LabelStore(engine).positions(wire.namespace)
    send(wire, label("b", 1, 1))
    intake.take(wire.namespace, keys, NOW)
    kept = model.kept(NOW.date() - timedelta(days=1))
    assert kept is not None
    hours, days = model.touched(kept, joined)

    assert ({DAWN + HOUR}, [2]) == (hours, [day.matched for day in days])


def test_labels_of_a_model_without_a_secret_wait_for_it(make: Make, wire: Wire, archive: Path) -> None:
    """Other models of its namespace go on meanwhile; what was passed over is read again for it alone, and is new."""
    write_hour(archive, wire.namespace, DAWN, ["a"])
    intake, model = make()
    send(wire, label("a", 0, 1), label("a", 1, 1, version=2), b"\xff")
    own, other = EntityKeys(), {"delays/2": EntityKeys()}
    held = intake.take(wire.namespace, LabelKeys(other, {"delays/1": "no secret"}), NOW)
    send(wire, label("a", 1, 0), label("b", 0, 1))
    again = intake.take(wire.namespace, LabelKeys(other, {"delays/1": "no secret"}), NOW)
    began = model.store.held("delays", 1)
    released = intake.take(wire.namespace, LabelKeys(other | {"delays/1": own}), NOW)
    (hour,) = model.labelled([DAWN], model.written())

    assert [(1, {"not_json": 1}), (0, {}), (3, {})] == [(each.labels, each.refused) for each in (held, again, released)]
    assert ([0], {}) == (list(began.values()), model.store.held("delays", 1))
    assert [[1.0, 0.0]] == seen([hour])


def test_labels_of_a_topic_made_again_are_new(make: Make, wire: Wire, archive: Path) -> None:
    """Their offsets begin anew, far below where those of the former topic are in the figures."""
    write_hour(archive, wire.namespace, DAWN, ["a"])
    write_hour(archive, wire.namespace, DAWN + HOUR, ["b"])
    _, model = make()
    came = [("a", Arrival(0, 90, to_us(NOW), "former")), ("b", Arrival(0, 0, to_us(NOW), "again"))]
    batches = [
        LabelArrays.of([(0, Label("delays", 1, EventRow(event), 1))], arrival).to_arrow() for event, arrival in came
    ]
    kept = model.spark.createDataFrame(pa.Table.from_batches(batches))
    former, again = LabelPartition("former", 0), LabelPartition("again", 0)
    first, _ = model.touched(kept, {former: 91}, {former: 91, again: 1})
    second, days = model.touched(kept, {former: 91, again: 1}, {former: 91, again: 1})

    assert ({DAWN + HOUR}, set()) == (first, second)
    assert [2] == [day.matched for day in days]


def test_an_entity_within_a_tolerance(make: Make, wire: Wire, archive: Path) -> None:
    """By entity a label is that of all rows of its key near its time, of several the nearest."""
    write_hour(archive, wire.namespace, DAWN, ["a", "b"])
    intake, model = make(match="entity", keys=["flight"], tolerance="10m")
    about = {"model": "delays", "entity": {"flight": "B"}}
    send(
        wire,
        about | {"time": (DAWN + timedelta(minutes=6)).isoformat(), "label": 2},
        about | {"time": (DAWN + timedelta(minutes=3)).isoformat(), "label": 3},
        about | {"time": (DAWN + timedelta(hours=1)).isoformat(), "label": 4},
    )
    intake.take(wire.namespace, LabelKeys.of_specs([model.spec]), NOW)
    (hour,) = model.labelled([DAWN], model.written())
    kept = model.kept(NOW.date() - timedelta(days=1))
    assert kept is not None

    assert [[None, None, 3.0, 3.0]] == seen([hour])
    assert {DAWN} == model.touched(kept, {})[0]


@pytest.mark.long
def test_hours_of_one_entity_are_touched_by_labels_near_their_rows(make: Make, wire: Wire, archive: Path) -> None:
    """An entity that is asked about all day: a label touches the hours of rows within the tolerance, edges included."""
    for hour in range(4):
        write_hour(archive, wire.namespace, DAWN + hour * HOUR, ["b"])
    intake, model = make(match="entity", keys=["flight"], tolerance="10m")
    _, exact = make(match="entity", keys=["flight"])
    for at in (-10, 70, 110, 131, 180):
        when = DAWN + timedelta(minutes=at)
        send(wire, {"model": "delays", "entity": {"flight": "B"}, "time": when.isoformat(), "label": at})
    intake.take(wire.namespace, LabelKeys.of_specs([model.spec]), NOW)
    kept = model.kept(NOW.date() - timedelta(days=1))
    assert kept is not None
    hours, (day,) = model.touched(kept, {})

    assert ({DAWN + hour * HOUR for hour in range(4)}, 5, 4) == (hours, day.subjects, day.matched)
    assert {DAWN + 3 * HOUR} == exact.touched(kept, {})[0]
