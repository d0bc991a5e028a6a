"""An interval of a watched model is judged from stored windows, or from archived rows, as all of its rows would be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from blueprints import give_tables

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import archive_schema
from pegel.baseline.baseline import Baseline
from pegel.cli.command_line import run
from pegel.data.columns import Schema
from pegel.data.spans import Span
from pegel.errors import InvalidSpec, PermanentError
from pegel.judge.findings import Verdict
from pegel.notebook.interval_checking import PREVIOUS_WEEK, Where, check_interval
from pegel.past.stored_counts import Counts, stored_counts
from pegel.spec.settings import Settings
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, writing
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec, sample_window

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")

HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
DAY = Span(START + WEEK, START + WEEK + timedelta(days=1))
Draw = Callable[..., dict[str, Any]]
Count = Callable[..., Summary]


@dataclass
class World:
    """A system with the windows of two days, a week apart, the second without its hour from 5 to 6."""

    home: Path
    where: Where
    rows: dict[int, dict[str, Any]]
    """The rows of each hour of the second day."""


@pytest.fixture(scope="module")
def world(baseline: Baseline, draw: Draw, count: Count, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """That system; in the second day the delays are longer."""
    home = tmp_path_factory.mktemp("home")
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    store = BaselineStore(engine)
    store.promote("delays", 1, store.put(baseline), None, by="test", now=START)
    rows = {hour: draw(500, seed=hour, shift=0.5) for hour in range(24) if hour != 5}
    before = [window(baseline, START + hour * HOUR, count(baseline.layout, draw(500, hour + 50))) for hour in range(24)]
    now = [window(baseline, DAY.start + hour * HOUR, count(baseline.layout, some)) for hour, some in rows.items()]
    Results(engine).write([*before, *now])
    yield World(home, Where(engine, str(home / "archive")), rows)
    engine.dispose()


def window(baseline: Baseline, start: Any, summary: Summary) -> WindowRow:
    """Return the final window of an hour."""
    return sample_window(
        span=Span(start, start + HOUR),
        rows=500,
        summary=summary.to_bytes(),
        layout_hash=baseline.layout.layout_hash,
        baseline_id=baseline.id,
    )


def alike(one: Summary, other: Summary) -> bool:
    """Say whether two summaries count the same, bit by bit; moments agree to their last digits."""
    same = np.array_equal(one.cells, other.cells) and np.array_equal(one.counters, other.counters)
    return bool(same and np.allclose(one.settled_moments(), other.settled_moments(), rtol=1e-9, atol=1e-9))


def archive(root: Path, schema: Schema, hour: int, rows: dict[str, Any]) -> None:
    """Write the rows of an hour of the second day, answered at once."""
    start = DAY.start + hour * HOUR
    folder = Path(model_folder(str(root), Kept.ROWS, "default", "delays", 1)) / hour_folder(start) / written_folder(1)
    folder.mkdir(parents=True)
    times = [start + at * timedelta(seconds=7) for at in range(500)]
    columns = {f"f_{name}": pa.array(rows[name], from_pandas=True) for name in ("delay", "carrier", "stops")}
    columns |= {"p_late": pa.array(rows["late"]), "event_time": times, "answered_at": times}
    columns |= {"event_id": [f"e{at}" for at in range(500)]}
    columns |= {name: pa.nulls(500) for name in ("unparseable", "replaced", "answer_offset")}
    known = archive_schema(schema, [], {})
    pq.write_table(pa.table(columns, schema=pa.schema([known.field(name) for name in columns])), folder / "a.parquet")
    (folder / COMPLETE).touch()


def test_windows_that_tile_an_interval_are_all_of_its_rows(world: World, layout: Layout, count: Count) -> None:
    """The merged windows of an interval count what all rows counted at once do; an hour without a window is named."""
    told = stored_counts(world.where.engine, "delays", 1, DAY, layout)
    whole = {name: np.concatenate([rows[name] for rows in world.rows.values()]) for name in world.rows[0]}

    assert isinstance(told, Counts)
    assert alike(count(layout, whole), told.summary)
    assert (
        "counted from 23 stored windows",
        "no window, so no event, from 2026-01-08 05:00 UTC to 2026-01-08 06:00 UTC",
    ) == told.notes


def test_what_nobody_has_counted_yet_is_not_called_without_events(world: World, layout: Layout) -> None:
    """After the last final window, and where one is open, a time without a final window is not counted."""
    later = Span(DAY.start + 22 * HOUR, DAY.end + 2 * HOUR)
    tail = stored_counts(world.where.engine, "delays", 1, later, layout)
    opened = sample_window(1, span=Span(DAY.start + 5 * HOUR, DAY.start + 6 * HOUR), final=False, rows=5_000)
    Results(world.where.engine).write([opened])
    hole = stored_counts(world.where.engine, "delays", 1, DAY, layout)
    with writing(world.where.engine) as connection:
        connection.execute(sa.delete(tables.windows).where(~tables.windows.c.final))

    assert isinstance(tail, Counts)
    assert isinstance(hole, Counts)
    assert "not counted, as nothing later is, from 2026-01-09 00:00 UTC to 2026-01-09 02:00 UTC" == tail.notes[1]
    assert (
        "not counted, as windows are not final yet, from 2026-01-08 05:00 UTC to 2026-01-08 06:00 UTC" == hole.notes[1]
    )


def test_a_window_across_an_end_is_never_counted_whole(world: World, layout: Layout) -> None:
    """Where an interval cuts a window with rows, windows do not tell it, and which one is said."""
    cut = Span(DAY.start + HOUR / 2, DAY.end)

    assert "the window from 2026-01-08 00:00 UTC to 2026-01-08 01:00 UTC has rows on both sides of an end of it" == (
        stored_counts(world.where.engine, "delays", 1, cut, layout)
    )


def test_an_interval_that_windows_do_not_tell_is_counted_from_the_archive(
    world: World, schema: Schema, count: Count, tmp_path: Path
) -> None:
    """Counted again from archived rows, half an hour is what its rows are at once; a note says from where."""
    archive(tmp_path, schema, 3, world.rows[3])
    half = Span(DAY.start + 3 * HOUR, DAY.start + 3 * HOUR + timedelta(minutes=30))
    told = check_interval(replace(world.where, archive=str(tmp_path)), sample_spec(), half, now=DAY.end)
    first = {name: values[: 30 * 60 // 7 + 1] for name, values in world.rows[3].items()}

    assert alike(count(told.baseline.layout, first), told.summary)
    assert "counted again from the archive" == told.notes[0]


def test_an_interval_is_judged_against_the_baseline_and_against_a_week_before(world: World) -> None:
    """The shifted day drifts, whatever it is compared with; the day before does not against the baseline."""
    of_baseline = check_interval(world.where, sample_spec(), DAY, now=DAY.end)
    of_week = check_interval(world.where, sample_spec(), DAY, PREVIOUS_WEEK, now=DAY.end)
    quiet = check_interval(world.where, sample_spec(), Span(START, START + 24 * HOUR), now=DAY.end)
    named = check_interval(world.where, sample_spec(), DAY, "2026-01-01..2026-01-02", now=DAY.end)

    assert (Verdict.DRIFT, 1, 11_500) == (of_baseline.verdict, of_baseline.exit_code, of_baseline.rows)
    assert {"delay"} == {finding.feature for finding in of_baseline.findings}
    assert (Verdict.DRIFT, 12_000) == (of_week.verdict, of_week.baseline.rows)
    assert of_week.findings[0].statistic == named.findings[0].statistic
    assert (Verdict.OK, 0) == (quiet.verdict, quiet.exit_code)
    assert "note: counted from 23 stored windows" in str(of_baseline)
    assert "the time it is compared with: counted from 24 stored windows" in str(of_week)


@pytest.mark.parametrize("against", ["baseline", PREVIOUS_WEEK])
def test_labels_of_the_model_are_no_matter_of_a_check(world: World, against: str) -> None:
    """What is told of an interval is the same: nobody is asked for labels that the spec names already."""
    labelled = sample_spec(labels={"source": "topic"})
    plain, beside = (check_interval(world.where, spec, DAY, against, now=DAY.end) for spec in (sample_spec(), labelled))

    assert str(plain) == str(beside)
    assert "labels" not in str(beside)


def test_what_nobody_kept_is_refused(world: World) -> None:
    """Where neither windows nor archive tell an interval, both reasons are said; and so is what cannot be meant."""
    before = Span(START - 24 * HOUR, START)
    with pytest.raises(PermanentError, match=r"no window of it is stored, and that the archive has no row of it"):
        check_interval(world.where, sample_spec(), before, now=DAY.end)
    with pytest.raises(InvalidSpec, match=r"--against: expected `baseline`.*given 'last week'"):
        check_interval(world.where, sample_spec(), DAY, "last week", now=DAY.end)
    for strange in (0, 1e-300, 1e300):
        with pytest.raises(InvalidSpec, match=r"windows_per_week: expected more than 0"):
            check_interval(world.where, sample_spec(), DAY, now=DAY.end, windows_per_week=strange)


def test_an_interval_from_the_first_year_is_told_in_words(world: World) -> None:
    """Of the whole calendar the archive has no row, and before its first week there is none."""
    first = datetime(1, 1, 1, tzinfo=UTC)
    with pytest.raises(PermanentError, match=r"the archive has no row of it"):
        check_interval(world.where, sample_spec(), Span(first, START), now=DAY.end)
    with pytest.raises(InvalidSpec, match=r"of which no week before is known"):
        check_interval(world.where, sample_spec(), Span(first, DAY.end), PREVIOUS_WEEK, now=DAY.end)


def test_windows_of_another_baseline_are_not_merged(world: World, layout: Layout, tmp_path: Path) -> None:
    """Counts in the cells of another baseline are named; counts that are not stored any more, too."""
    copy = shutil.copytree(world.home, tmp_path / "home")
    engine = connect(Settings(home=copy).database)
    hour = Span(START, START + HOUR)
    of_hour = sa.update(tables.windows).where(tables.windows.c.span_start == START)

    with engine.execution_options(pegel_write=True).begin() as connection:
        connection.execute(of_hour.values(layout_hash="other"))
    other = stored_counts(engine, "delays", 1, hour, layout)
    with engine.execution_options(pegel_write=True).begin() as connection:
        connection.execute(of_hour.values(layout_hash=layout.layout_hash, summary=b""))
    gone = stored_counts(engine, "delays", 1, hour, layout)
    engine.dispose()

    assert "1 window of 1 were counted in the cells of another baseline" == other
    assert "the counts of 1 window are not stored any more" == gone


def test_the_command_answers_as_a_check_of_a_table(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pegel check --model` ends with the exit code of its verdict; what it does not take is refused as code 3."""
    asked = ["check", "--model", "delays/1", "--from", "2026-01-08", "--to", "2026-01-09", "--home", str(world.home)]

    assert 1 == run([*asked, "--json", "--save", str(tmp_path / "day.html")])
    assert "drift" == json.loads(capsys.readouterr().out)["verdict"]
    assert "11,500 rows against 20,000" in (tmp_path / "day.html").read_text()
    assert 1 == run([*asked, "--against", "PREVIOUS_WEEK"])
    assert [3, 3, 3] == [
        run([*asked, "--baseline", "x.json"]),
        run(["check", "--model", "delays/1", "--home", str(world.home)]),
        run(["check", "--from", "7d"]),
    ]


def test_the_report_of_an_interval_is_one_file(world: World, tmp_path: Path) -> None:
    """`pegel report --from --to` tells days and the whole, with nothing from elsewhere, and what it could not judge."""
    file, asked = (
        tmp_path / "day.html",
        ["report", "delays/1", "--home", str(world.home), "-o", str(tmp_path / "day.html")],
    )

    assert 0 == run([*asked, "--from", "2026-01-08", "--to", "2026-01-09"])
    page = file.read_text()
    assert '<td class="whole" data-label="Day">2026-01-08</td>' in page
    assert "drift in 1 of 4 features" in page
    assert [] == [word for word in ("http://", "https://", "<script", "src=", "url(") if word in page]
    assert 0 == run([*asked, "--from", "2026-01-08T00:30", "--to", "2026-01-09"])
    assert "has rows on both sides of an end of it" in file.read_text()


def test_the_settings_name_the_archive(world: World) -> None:
    """The archive is that of the home unless another is named."""
    assert world.where.archive == Settings(home=world.home).archive_root
