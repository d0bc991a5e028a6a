"""Windows counted again from the archive are what the stream would have counted of all their rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import archive_schema
from pegel.baseline.baseline import Baseline
from pegel.batch.archived_counts import ArchiveRecount
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.spans import Span
from pegel.longspans.late_windows import CountedAgain
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.store.window_keys import WindowKeys
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_ledger, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy", "pyarrow")
MINUTE = timedelta(minutes=1)
WINDOW = Span(START + MINUTE, START + 2 * MINUTE)
SCHEMA = Schema(
    (Field("x", Kind.NUMERIC), Field("carrier", Kind.CATEGORICAL), Field("late", Kind.NUMERIC, Role.PREDICTION))
)
VALUES: list[float | None] = [0.5, None, float("nan"), float("inf"), None, 2.0]
CARRIERS = ["WN", "never seen", None, "AA", "WN", None]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """A baseline without a cut-off."""
    rng = np.random.default_rng(0)
    values = {
        "x": rng.normal(size=1_000),
        "carrier": rng.choice(np.array(["WN", "AA"], dtype=object), 1_000),
        "late": rng.random(1_000),
    }
    layout = build_layout(SCHEMA, values)
    summary = Summary.empty(layout, exact=True)
    summary.update(Columns(1_000, values["x"][:, None], None, (values["carrier"],), (None,)), Role.FEATURE)
    summary.update(Columns(1_000, values["late"][:, None], None, (), ()), Role.PREDICTION)
    given: dict[str, Any] = {"model": "delays", "version": 1, "source": "x", "scores": None}
    return Baseline.build(layout=layout, summary=summary, watch=sample_spec().watch, **given)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database without results."""
    opened = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(opened)
    yield opened
    opened.dispose()


def archived(root: Path, **instead: list[Any]) -> None:
    """Archive six requests of one window, one with features that a store did not have, and one of the next window.

    `instead`: other values of some columns.
    """
    at = [WINDOW.start + timedelta(seconds=second) for second in (0, 1, 2, 3, 4, 5)]
    answered: list[datetime | None] = [one + timedelta(seconds=57) for one in at]
    columns = {
        "event_id": [f"e{number}" for number in range(7)],
        "row": [0] * 7,
        "event_time": [*at, WINDOW.end],
        "answered_at": [*answered, None],
        "replaced": [None] * 5 + ["unknown", None],
        "unparseable": [None, None, None, None, ["f_x"], None, None],
        "f_x": [*VALUES, 9.0],
        "f_carrier": [*CARRIERS, "WN"],
        "p_late": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, None],
    }
    columns |= instead
    folder = Path(model_folder(str(root), Kept.ROWS, "default", "delays", 1)) / hour_folder(START) / written_folder(1)
    folder.mkdir(parents=True)
    known = archive_schema(SCHEMA, [], {})
    pq.write_table(
        pa.table(columns, schema=pa.schema([known.field(name) for name in columns])), folder / "part.parquet"
    )
    (folder / COMPLETE).touch()


def expected(baseline: Baseline) -> Summary:
    """Count the window's rows as the stream does: the answers that ended in it, no row with a replaced feature."""
    summary = Summary.empty(baseline.layout)
    numbers = np.array([[np.nan if value is None else value] for value in VALUES[:5]])
    codes = [Missing.PRESENT, Missing.NULL, Missing.PRESENT, Missing.PRESENT, Missing.UNPARSEABLE]
    missing = np.array(codes, dtype=np.uint8)[:, None]
    summary.update(Columns(5, numbers, missing, (np.array(CARRIERS[:5], dtype=object),), (None,)), Role.FEATURE)
    summary.update(Columns(3, np.array([[0.1], [0.2], [0.3]]), None, (), ()), Role.PREDICTION)
    return summary


def test_a_window_is_counted_as_the_stream_counts(tmp_path: Path, engine: Engine, baseline: Baseline) -> None:
    """Nulls, NaN, infinities, unparseable and unseen values, and answers in the window of their end: bit for bit."""
    archived(tmp_path / "archive")
    Results(engine).write(ledger=[sample_ledger(1, judged=6, late=3)])
    (found,) = ArchiveRecount(str(tmp_path / "archive"), WindowKeys(engine))(sample_spec(), baseline, [WINDOW]).values()
    assert isinstance(found, CountedAgain)
    stream = expected(baseline)

    assert (5, 6) == (found.rows, found.requests)
    assert np.array_equal(stream.counters, found.summary.counters)
    assert np.array_equal(stream.cells, found.summary.cells)
    assert np.array_equal(stream.ranges, found.summary.ranges)


def test_an_event_counts_once_whatever_its_rows(tmp_path: Path, engine: Engine, baseline: Baseline) -> None:
    """Of two rows it is one request; one id that came in two panes is two, as the stream has counted it."""
    archived(tmp_path / "archive", event_id=["a", "a", "a", *"bcde"], row=[0, 1, 0, 0, 0, 0, 0])
    recount = ArchiveRecount(str(tmp_path / "archive"), WindowKeys(engine))
    Results(engine).write(ledger=[sample_ledger(1, judged=5, late=2)])
    (found,) = recount(sample_spec(), baseline, [WINDOW]).values()
    Results(engine).write(ledger=[sample_ledger(1, judged=5, late=3)])

    assert isinstance(found, CountedAgain)
    assert (5, 5) == (found.rows, found.requests)
    assert {} == recount(sample_spec(), baseline, [WINDOW])


def test_what_the_archive_lacks_is_not_counted_again(tmp_path: Path, engine: Engine, baseline: Baseline) -> None:
    """Where the stream has read more events of a minute than are archived, or a counted field is private, none is."""
    archived(tmp_path / "archive")
    recount = ArchiveRecount(str(tmp_path / "archive"), WindowKeys(engine))
    Results(engine).write(ledger=[sample_ledger(1, judged=6, late=4)])
    private = sample_spec(archive={"private": ["carrier"]})

    assert {} == recount(sample_spec(), baseline, [WINDOW])
    Results(engine).write(ledger=[sample_ledger(1, judged=6, late=3)])
    assert {} == recount(private, baseline, [WINDOW])
    assert {} == recount(sample_spec(archive={"keep": 0}), baseline, [WINDOW])


def test_what_cannot_be_read_keeps_no_other_window_waiting(tmp_path: Path, engine: Engine, baseline: Baseline) -> None:
    """A damaged file is told of the windows that it is about; those of other hours are counted."""
    archived(tmp_path / "archive")
    Results(engine).write(ledger=[sample_ledger(1, judged=6, late=3)])
    hour = timedelta(hours=1)
    later = Span(WINDOW.start + 2 * hour, WINDOW.end + 2 * hour)
    folder = Path(model_folder(str(tmp_path / "archive"), Kept.ROWS, "default", "delays", 1))
    folder = folder / hour_folder(START + 2 * hour) / written_folder(1)
    folder.mkdir(parents=True)
    (folder / "part.parquet").write_bytes(b"no Parquet")
    (folder / COMPLETE).touch()
    found = ArchiveRecount(str(tmp_path / "archive"), WindowKeys(engine))(sample_spec(), baseline, [later, WINDOW])

    assert isinstance(found[WINDOW], CountedAgain)
    assert f"the archive from {later.start:%Y-%m-%d %H:%M} on cannot be read" in str(found[later])
