"""Which rows a finding is about, searched in a real archive beside a real database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables

from pegel.archive.folders import COMPLETE, Kept, date_folder, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import archive_schema
from pegel.cli.command_line import run
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.featurestore import LocalFeatureStore
from pegel.judge.findings import Finding
from pegel.judge.judge import judge
from pegel.labels.label_arrays import SCHEMA as LABELS
from pegel.past.finding_slices import FindingSlices, slices_of
from pegel.past.model_history import history
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import counted, sample_finding, sample_spec, sample_window, trained_on

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")

HOUR = timedelta(hours=1)
SCHEMA = Schema(
    (
        Field("airline", Kind.CATEGORICAL),
        Field("distance", Kind.NUMERIC),
        Field("delay", Kind.NUMERIC, Role.PREDICTION),
    )
)
NOON = Span(START + 12 * HOUR, START + 13 * HOUR)


def drawn(seed: int, n: int) -> dict[str, Any]:
    """Draw rows by the names of their fields."""
    rng = np.random.default_rng(seed)
    return {
        "airline": rng.choice(["WN", "DL", "AA"], n, p=[0.1, 0.5, 0.4]),
        "distance": rng.normal(800, 300, n).round(),
        "delay": rng.normal(10, 5, n),
    }


def archived(root: Path, start: Any, rows: Mapping[str, Any]) -> None:
    """Write an hour of rows, each an event of its own."""
    folder = Path(model_folder(str(root), Kept.ROWS, "default", "delays", 1)) / hour_folder(start)
    place = folder / written_folder(1) / "part-0.parquet"
    place.parent.mkdir(parents=True)
    count = len(rows["airline"])
    times = [start + at * HOUR / count for at in range(count)]
    own = {"event_id": [f"{start:%H} {at}" for at in range(count)], "row": [0] * count, "event_time": times}
    own |= {"answered_at": times, "p_delay": rows["delay"]}
    own |= {f"f_{name}": rows[name] for name in ("airline", "distance")}
    known = archive_schema(SCHEMA, [], {})
    pq.write_table(pa.table(own, schema=pa.schema([known.field(name) for name in own])), place)
    (place.parent / COMPLETE).touch()


class System:
    """A watched model with training data, an archive and a finding."""

    def __init__(self, home: Path, **spec: Any) -> None:
        """Make it in `home`."""
        self.settings = Settings(home=home)
        table = pa.table(drawn(1, 5_000))
        pq.write_table(table, home / "training.parquet")
        store = LocalFeatureStore(self.settings.features)
        source = store.register_training_data("delays", 1, home / "training.parquet", SCHEMA)
        self.engine = connect(self.settings.database)
        give_tables(self.engine)
        self.wish = wish = sample_spec(baseline={"source": str(source)}, **spec)
        Registry(self.engine).put(wish)
        self.baseline = trained_on(table, SCHEMA, wish)
        BaselineStore(self.engine).put(self.baseline)

    def found(self, **fields: Any) -> Finding:
        """Return a finding about the hour from noon."""
        own: dict[str, Any] = {"feature": "distance", "span": NOON, "baseline_id": self.baseline.id}
        return sample_finding(**(own | fields))

    def slices(self, **fields: Any) -> FindingSlices:
        """Search the slices of such a finding."""
        return slices_of(self.settings, self.engine, self.found(**fields))

    def changed(self) -> None:
        """Archive the hour of the finding: one airline flies farther."""
        rows = drawn(2, 4_000)
        rows["distance"] += 600 * (rows["airline"] == "WN")
        archived(Path(self.settings.archive_root), NOON.start, rows)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system whose rows are archived."""
    return System(tmp_path)


def test_rows_are_compared_with_the_training_data(system: System) -> None:
    """The slice of archived rows that differs from training is named by its field."""
    system.changed()

    told = system.slices()

    assert told.found is not None
    assert [str(one) for one in told.found.slices] == ["airline = WN"]
    assert "the training data local://delays?version=1&split=train" in str(told)
    assert json.loads(json.dumps(told.to_json()))["found"]["slices"][0]["text"] == "airline = WN"


def test_without_training_data_rows_before_are_taken(system: System) -> None:
    """Where training data are gone, or lie elsewhere, it is the archive of the week before that rows differ from."""
    store = LocalFeatureStore(system.settings.features)
    store.remove(store.references()[0])
    archived(Path(system.settings.archive_root), NOON.start - HOUR, drawn(3, 4_000))
    system.changed()

    told = system.slices()

    assert told.found is not None
    assert [str(one) for one in told.found.slices] == ["airline = WN"]
    assert told.compared_with.startswith("archived rows from ")


def test_a_part_that_is_not_archived_is_said(system: System) -> None:
    """Of a finding's time the hours without rows are named: what was searched is not all that was judged."""
    system.changed()

    whole, part = system.slices(), system.slices(span=Span(NOON.start - 2 * HOUR, NOON.end))

    assert () == whole.left_out
    assert part.found is not None
    words = "not searched: 2 of 3 hours, of which no row is archived (without requests, not yet, or not any more): "
    hours = ", ".join(f"{NOON.start - at * HOUR:%Y-%m-%d %H:%M}" for at in (2, 1))
    assert (words + hours,) == part.left_out
    assert part.left_out[0] in str(part)
    assert list(part.left_out) == part.to_json()["left_out"]


def test_rows_that_are_not_there_are_said(system: System) -> None:
    """Before the hour is archived nothing can be searched, and it is said why."""
    told = system.slices()

    assert told.found is None
    assert told.why.startswith("no row of that time is archived yet")
    assert str(told).startswith("which rows  not known, because ")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"detector": "events", "feature": "outliers"}, "not about the values of one field"),
        ({"segment": "airline=WN"}, "about a part of the rows already"),
        ({"feature": "gone"}, "not about the values of one field"),
        ({"evidence": {"rule": True}}, "not about the values of one field"),
        ({"detector": "performance", "feature": "error rate"}, "no labels are known"),
        ({"baseline_id": "sha256:" + "0" * 64}, "its baseline is gone"),
        ({"model": "other"}, "not watched any more"),
    ],
)
def test_what_has_no_slices_is_said(system: System, fields: dict[str, Any], why: str) -> None:
    """A finding that is not about the values of one field has a sentence in place of slices."""
    system.changed()

    assert why in system.slices(**fields).why


def test_a_model_that_is_not_archived_says_so(tmp_path: Path) -> None:
    """Without an archive there are no rows to search."""
    assert "are not archived" in System(tmp_path, archive={"keep": 0}).slices().why


def test_a_private_field_is_no_condition(tmp_path: Path) -> None:
    """What nobody may read stands in no condition, and is searched for no slice."""
    system = System(tmp_path, archive={"private": {"airline": "drop"}})
    system.changed()

    told = system.slices()

    assert told.found is not None
    assert all("airline" not in str(one) for one in told.found.slices)
    assert "private" in system.slices(feature="airline").why


def test_a_damaged_archive_is_said(system: System) -> None:
    """A file that is no Parquet keeps nothing but the search from being told."""
    system.changed()
    for place in Path(system.settings.archive_root).rglob("*.parquet"):
        place.write_bytes(b"no Parquet")

    assert "cannot be read" in system.slices().why


def test_errors_of_answers_have_slices(tmp_path: Path) -> None:
    """Of rows with labels the slice is named whose answers became wrong."""
    system = System(tmp_path, labels={"source": "topic"})
    root = Path(system.settings.archive_root)
    for seed, start in ((3, NOON.start - HOUR), (4, NOON.start)):
        rows = drawn(seed, 4_000)
        archived(root, start, rows)
        wrong = 30.0 * ((rows["airline"] == "WN") & (start == NOON.start))
        labelled(root, start, rows["delay"] + np.random.default_rng(seed).normal(0, 3, 4_000) + wrong)

    told = system.slices(detector="performance", feature="mean absolute error")

    assert told.found is not None
    assert told.found.what == "more errors"
    assert [str(one) for one in told.found.slices] == ["airline = WN"]


def labelled(root: Path, start: Any, numbers: Any) -> None:
    """Keep a label of each row of an hour, two hours later."""
    folder = Path(model_folder(str(root), Kept.LABELS, "default", "delays", 1)) / date_folder(start.date())
    folder.mkdir(parents=True, exist_ok=True)
    count, at = len(numbers), int((start + 2 * HOUR).timestamp() * 1_000_000)
    columns: dict[str, Any] = {
        "key": [f"{start:%H} {place}" for place in range(count)],
        "place": [0] * count,
        "category": [str(number) for number in numbers],
        "number": numbers,
        "at_us": [at] * count,
        "arrived_us": [at] * count,
        "topic_id": ["t"] * count,
        "partition": [0] * count,
        "offset": [start.hour * 10_000 + place for place in range(count)],
        "item": [0] * count,
    }
    pq.write_table(pa.table(columns, schema=LABELS), folder / f"{start:%H}.parquet")


def test_a_notebook_and_the_command_line_ask_for_them(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    """`pegel.history(...).slices(id)` and `pegel explain ID --rows` say the same; the latter behind the arithmetic."""
    system.changed()
    drifted = drawn(2, 4_000)
    drifted["distance"] += 600 * (drifted["airline"] == "WN")
    summary = counted(system.baseline.layout, pa.table(drifted))
    judgement = judge(system.baseline, summary, spec=system.wish, span=NOON, revision=1)
    (finding,) = (one for one in judgement.findings if one.detector == "drift")
    row = sample_window(span=NOON, summary=summary.to_bytes(), baseline_id=system.baseline.id, emitted_at=NOON.end)
    Results(system.engine).write([row], judgement.findings)
    home = system.settings.home

    told = history("delays/1", None, home=home).slices(finding.id[:8])
    code = run(["explain", finding.id, "--rows", "--home", str(home)])
    shown = capsys.readouterr().out

    assert code == 0
    assert "which rows  larger, most of it in a part of the rows" in shown
    assert str(told) in shown
    assert run(["explain", finding.id, "--rows", "--json", "--home", str(home)]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == told.to_json()
