"""What is older than it is kept goes, on both databases: a few rows at a time, never before its day is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.batch.keeping_house import House, Removal, keep_house
from pegel.cli.command_line import run
from pegel.data.spans import Span
from pegel.errors import SetupError
from pegel.longspans.long_span_row import LongSpanRow
from pegel.retention.keeping import DEFAULTS, Keeping, ResultKind
from pegel.spec.rhythms import Rhythm
from pegel.store import old_rows, tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate, reading, writing
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.long_span_store import LongSpanStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import Origin, WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import (
    sample_baseline,
    sample_finding,
    sample_invalid,
    sample_ledger,
    sample_outlier,
    sample_spec,
    sample_window,
)

pytestmark = pytest.mark.environments("sqlalchemy")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 100 * DAY
KEEPING = Keeping.parse("windows=90d, findings=90d, ledger=30d")


def windows_of(day: int, **fields: Any) -> list[WindowRow]:
    """Return the hours of a day as windows."""
    starts = [START + day * DAY + hour * HOUR for hour in range(24)]
    return [sample_window(span=Span(start, start + HOUR), emitted_at=start + HOUR, **fields) for start in starts]


def made(rhythm: Rhythm, day: int) -> LongSpanRow:
    """Return a day, or its first hour."""
    start = START + day * DAY
    span = Span(start, start + rhythm.length)
    row = sample_window(span=span, origin=Origin.BATCH, rows=14_400)
    return LongSpanRow(rhythm=rhythm, row=row, part=span, windows=24, inputs="")


def rows_of(engine: Engine, table: sa.Table) -> int:
    """Count the rows of a table."""
    with reading(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> House:
    """Twelve days of windows, of which the tenth and those after it are not made as days; results of all kinds."""
    for name in ("delays", "aaa"):
        Registry(engine).put(sample_spec(name))
    results = Results(engine)
    windows = [row for day in range(12) for row in windows_of(day)]
    found = sample_finding(span=windows[0].span)
    results.write(windows, [found], [sample_outlier()], [sample_ledger(day * 1_440) for day in range(100)])
    results.write(invalid=[sample_invalid(0)])
    store = LongSpanStore(engine)
    for day in range(9):
        store.write([made(Rhythm.DAY, day)])
        store.write([made(Rhythm.HOUR, day)])
    return House(engine, str(tmp_path / "archive"))


def of_kind(removals: list[Removal], kind: ResultKind) -> Removal:
    """Return what was told of a kind."""
    (found,) = [one for one in removals if one.kind is kind]
    return found


def test_windows_go_up_to_the_first_whose_day_is_not_made(house: House) -> None:
    """Of ten days that are old nine go; the tenth stays, as it is in no day, and that is said."""
    told = of_kind(keep_house(house, KEEPING, now=NOW, dry_run=False), ResultKind.WINDOWS)

    assert (9 * 24, "the day of 2026-01-10 is not made") == (told.count, told.kept)
    assert 3 * 24 == rows_of(house.engine, tables.windows)
    assert 9 + 9 == rows_of(house.engine, tables.long_spans)


@pytest.mark.parametrize("is_watched", [False, True], ids=["not watched", "without days"])
def test_windows_of_which_nobody_makes_days_wait_for_none(house: House, *, is_watched: bool) -> None:
    """Those of a model that is not watched any more, or has no days, go when they are old; its hours do as well."""
    registry = Registry(house.engine)
    if is_watched:
        registry.put(sample_spec(watch={"long_spans": ["hour"]}))
    else:
        registry.remove("delays", 1)
    told = of_kind(keep_house(house, KEEPING, now=NOW, dry_run=False), ResultKind.WINDOWS)

    assert (10 * 24, "") == (told.count, told.kept)


def test_of_windows_that_overlap_none_holds_up_the_others(house: House) -> None:
    """One that begins in a made day and ends in the next is in no day, and goes with the first."""
    across = Span(START + 2 * DAY - HOUR / 2, START + 2 * DAY + HOUR / 2)
    Results(house.engine).write([sample_window(span=across, emitted_at=across.end)])
    told = of_kind(keep_house(house, KEEPING, now=NOW, dry_run=False), ResultKind.WINDOWS)

    assert 9 * 24 + 1 == told.count


def test_a_dry_run_says_what_then_goes(house: House) -> None:
    """A dry run removes nothing and tells the counts that go without it; a second run finds nothing more."""
    planned = keep_house(house, KEEPING, now=NOW, dry_run=True)
    left = rows_of(house.engine, tables.windows), rows_of(house.engine, tables.removals)
    done = keep_house(house, KEEPING, now=NOW, dry_run=False)

    assert (12 * 24, 0) == left
    assert planned == done
    assert {ResultKind.WINDOWS: 216, ResultKind.OUTLIERS: 1, ResultKind.LEDGER: 70, ResultKind.INVALID: 1} == {
        one.kind: one.count for one in done
    }
    assert [0] == [one.count for one in keep_house(house, KEEPING, now=NOW, dry_run=False)]
    assert 4 == rows_of(house.engine, tables.removals)


def test_what_was_not_told_goes_once_it_has_not_happened_for_long(house: House) -> None:
    """A failure that began long ago and happened lately stays."""
    failures = DispatchFailures(house.engine)
    for reason in ("no such person", "no connection"):
        failures.record("aaa", 1, reason, NOW - 91 * DAY)
    failures.record("aaa", 1, "no connection", NOW - DAY)
    told = of_kind(keep_house(house, KEEPING, now=NOW, dry_run=False), ResultKind.NOT_TOLD)

    assert 1 == told.count
    assert ["no connection"] == [one.reason for one in failures.recent("aaa", 1)]


def test_findings_wait_until_the_dispatcher_has_read_them(house: House) -> None:
    """A finding that nobody was told of stays, however old it is."""
    keep_house(house, KEEPING, now=NOW, dry_run=False)
    unread = rows_of(house.engine, tables.findings)
    with writing(house.engine) as connection:
        connection.execute(sa.update(tables.inboxes).values(cursor=tables.inboxes.c.newest))
    keep_house(house, KEEPING, now=NOW, dry_run=False)

    assert (1, 0) == (unread, rows_of(house.engine, tables.findings))


def test_rows_go_a_few_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is a transaction of its own, the oldest windows first, with a pause after it."""
    monkeypatch.setitem(old_rows.AT_ONCE, ResultKind.WINDOWS, 50)
    pauses: list[float] = []
    oldest: list[datetime] = []
    with reading(house.engine) as connection:
        rows = old_rows.old_rows(connection, ResultKind.WINDOWS, "delays", 1, NOW - 90 * DAY, has_days=True)
    for _removed in old_rows.removed_in_batches(house.engine, rows, pauses.append):
        with reading(house.engine) as connection:
            oldest.append(connection.execute(sa.select(sa.func.min(tables.windows.c.span_start))).scalar_one())

    assert [START + hours * HOUR for hours in (50, 100, 150, 200, 216)] == oldest
    assert 4 == len(pauses)


REFUSING = {
    "sqlite": [
        "CREATE TRIGGER refuse BEFORE DELETE ON windows WHEN OLD.model = 'aaa' BEGIN SELECT RAISE(ABORT, 'no'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''no''; END' LANGUAGE plpgsql",
        "CREATE TRIGGER refuse BEFORE DELETE ON windows FOR ROW WHEN (OLD.model = 'aaa') EXECUTE FUNCTION refuse()",
    ],
}
"""Has a database refuse to delete windows of one model."""


def test_one_model_that_fails_holds_up_no_other(house: House) -> None:
    """What a database refuses of one model is told in its place, and the others' results go."""
    Results(house.engine).write([replace(row, model="aaa") for row in windows_of(0)])
    day = made(Rhythm.DAY, 0)
    LongSpanStore(house.engine).write([replace(day, row=replace(day.row, model="aaa"))])
    with writing(house.engine) as connection:
        for statement in REFUSING[house.engine.dialect.name]:
            connection.exec_driver_sql(statement)
    removals = keep_house(house, KEEPING, now=NOW, dry_run=False)

    assert [("aaa", ResultKind.WINDOWS, 0)] == [(one.model, one.kind, one.count) for one in removals if one.failed]
    assert 216 == next(one.count for one in removals if one.kind is ResultKind.WINDOWS and one.model == "delays")


def test_baselines_that_anything_refers_to_stay(engine: Engine, tmp_path: Path) -> None:
    """Of four old baselines those stay that are current, that a window or that a finding was judged by."""
    store = BaselineStore(engine)
    made_of = [sample_baseline(seed, created_at=START - 400 * DAY, model="delays") for seed in range(4)]
    ids = [store.put(one) for one in made_of]
    store.promote("delays", 1, ids[0], None, by="test", now=START)
    found = sample_finding(0, baseline_id=ids[2])
    Results(engine).write([sample_window(0, baseline_id=ids[1])], [found])
    removals = keep_house(House(engine, str(tmp_path)), Keeping.parse("baselines=30d"), now=START, dry_run=False)

    assert 1 == of_kind(removals, ResultKind.BASELINES).count
    with reading(engine) as connection:
        assert set(ids[:3]) == set(connection.execute(sa.select(tables.baselines.c.id)).scalars())


def test_a_dry_run_takes_what_goes_with_windows_for_gone(house: House) -> None:
    """What rows said of windows goes after them, in a dry run as without."""
    c = tables.windows.c
    key = [c.model, c.version, c.segment, c.span_start, c.span_end, c.revision]
    with writing(house.engine) as connection:
        rows = [dict(row) for row in connection.execute(sa.select(*key)).mappings()]
        said = {"at": START, "origin": "stream", "looked_at": 1, "rows": 1, "outcomes": {}}
        connection.execute(sa.insert(tables.row_quality), [row | said for row in rows])
    planned = of_kind(keep_house(house, KEEPING, now=NOW, dry_run=True), ResultKind.ROW_QUALITY)

    assert 216 == planned.count
    assert planned == of_kind(keep_house(house, KEEPING, now=NOW, dry_run=False), ResultKind.ROW_QUALITY)


def test_a_dry_run_counts_baselines_that_the_same_run_sets_free(house: House) -> None:
    """Of baselines that windows, days, findings and charts were judged by it counts what then goes."""
    store = BaselineStore(house.engine)
    owners = ["delays", "delays", "m8", "m8", "delays", "delays", "delays"]
    made_of = [sample_baseline(seed, created_at=START - 400 * DAY, model=name) for seed, name in enumerate(owners)]
    ids = [store.put(one) for one in made_of]
    old, new = (Span(at, at + HOUR) for at in (START - 10 * DAY, NOW - DAY))
    windows = [(old, ids[0]), (old, ids[1]), (new, ids[1]), (old, ids[5])]
    judged = [
        sample_window(0, model=f"m{at}", span=span, emitted_at=span.end, baseline_id=baseline)
        for at, (span, baseline) in enumerate(windows)
    ]
    told = [sample_finding(0, model="m8", span=at, baseline_id=ids[place]) for place, at in ((2, old), (3, new))]
    judged += [sample_window(0, model="m8", span=one.span, emitted_at=one.span.end) for one in told]
    Results(house.engine).write(judged, told)
    day = made(Rhythm.DAY, 0)
    LongSpanStore(house.engine).write([replace(day, row=replace(day.row, model="m9", baseline_id=ids[4]))])
    chart = {"segment": "", "chart": "errors", "state": {}, "baseline_id": ids[5], "up_to": NOW}
    with writing(house.engine) as connection:
        connection.execute(sa.update(tables.inboxes).values(cursor=tables.inboxes.c.newest))
        connection.execute(sa.insert(tables.concept_charts), [chart | {"model": "delays", "version": 1}])
    keeping = Keeping.parse("windows=90d, days=90d, findings=90d, ledger=30d, baselines=30d")
    planned = keep_house(house, keeping, now=NOW, dry_run=True)
    there = rows_of(house.engine, tables.baselines)
    done = keep_house(house, keeping, now=NOW, dry_run=False)

    assert (planned, 7) == (done, there)
    freed = {one.model: one.count for one in done if one.kind is ResultKind.BASELINES}
    assert {"delays": 3, "m8": 1} == freed
    with reading(house.engine) as connection:
        left = set(connection.execute(sa.select(tables.baselines.c.id)).scalars())
    assert {ids[1], ids[3], ids[5]} == left


def test_what_is_known_of_a_model_without_windows_goes_too(engine: Engine, tmp_path: Path) -> None:
    """A model of which nothing but old hours of labels is left leaves nothing behind."""
    hours = [{"model": "gone", "version": 3, "start": NOW - 400 * DAY, "written": 1}]
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.label_hours), hours)
    removals = keep_house(House(engine, str(tmp_path)), KEEPING, now=NOW, dry_run=False)

    assert [("gone", ResultKind.LABEL_HOURS, 1)] == [(one.model, one.kind, one.count) for one in removals]


def test_a_strange_folder_of_the_archive_holds_up_no_other(house: House) -> None:
    """What lies beside the folders of versions is passed over, and old days of models go."""
    models = Path(house.archive) / "rows/namespace=default/model=delays"
    for name in ("version=1.bak", "version=1", "version="):
        (models / name / "date=2025-12-01").mkdir(parents=True)
    told = keep_house(house, KEEPING, now=NOW, dry_run=False)

    assert [] == [one.failed for one in told if one.failed]
    assert ["version=", "version=1.bak"] == sorted(path.parent.name for path in models.glob("*/date=*"))


def test_baselines_that_a_database_refuses_hide_nothing_that_went(house: House) -> None:
    """Where baselines cannot go that is told in their place, and `removals` knows what went before."""
    store = BaselineStore(house.engine)
    for seed in range(2):
        store.put(sample_baseline(seed, created_at=START - 400 * DAY, model="delays"))
    with writing(house.engine) as connection:
        for statement in REFUSING[house.engine.dialect.name]:
            connection.exec_driver_sql(statement.replace("windows", "baselines").replace("aaa", "delays"))
    removals = keep_house(house, KEEPING, now=NOW, dry_run=False)

    assert [ResultKind.BASELINES] == [one.kind for one in removals if one.failed]
    assert 5 == rows_of(house.engine, tables.removals)


def test_old_days_of_the_archive_go_whole(house: House) -> None:
    """Folders of days before the cut-off go; those after it, and folders of other names, stay."""
    model = Path(house.archive) / "rows/namespace=default/model=delays/version=1"
    for name in ("date=2025-12-01", "date=2026-04-01", "elsewhere"):
        (model / name / "hour=07").mkdir(parents=True)
    told = of_kind(keep_house(house, KEEPING, now=NOW, dry_run=False), ResultKind.ROWS)

    assert (1, "delays") == (told.count, told.model)
    assert ["date=2026-04-01", "elsewhere"] == sorted(path.name for path in model.iterdir())


def test_new_rows_take_the_place_of_those_that_went(tmp_path: Path) -> None:
    """A file of SQLite does not shrink, but grows no more: 40 MB of windows that went make room for as many."""
    file = tmp_path / "pegel.db"
    engine = connect(f"sqlite:///{file}")
    migrate(engine)
    results, store = Results(engine), LongSpanStore(engine)
    counts = bytes(range(256)) * 80
    sizes = []
    for first in (0, 90):
        for day in range(first, first + 80):
            results.write(windows_of(day, summary=counts))
            store.write([made(Rhythm.DAY, day)])
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        sizes.append(file.stat().st_size)
        keep_house(House(engine, ""), KEEPING, now=START + (first + 180) * DAY, dry_run=False)
    engine.dispose()

    assert sizes[0] > 38_000_000
    assert sizes[1] < 1.1 * sizes[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("window=3d", "did you mean `windows`|Did you mean `windows`"),
        ("windows=3d", "at least 15d"),
        ("outliers=soon", "expected `forever` or at least 1d"),
        ("outliers", "given 'outliers'"),
        ("days=4000d", "must be at most 366 days"),
    ],
)
def test_a_length_that_cannot_be_kept_is_refused(text: str, sentence: str) -> None:
    """A kind that is none, a length that is none and one that is too short are refused in one sentence."""
    with pytest.raises(SetupError, match=sentence):
        Keeping.parse(text)


def test_what_is_not_named_keeps_its_default() -> None:
    """A setting says what differs."""
    assert dict(DEFAULTS) | {ResultKind.DAYS: DAY} == dict(Keeping.parse(" days = 1d ").lengths)


def test_the_command_says_what_would_go(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pegel housekeeping --dry-run` prints a line per model and kind, and removes nothing."""
    monkeypatch.setenv("PEGEL_DATABASE_URL", house.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PEGEL_HOME", house.archive)

    assert 0 == run(["housekeeping", "--dry-run"])
    assert "delays/1: windows before" in capsys.readouterr().out
    assert 12 * 24 == rows_of(house.engine, tables.windows)


def test_what_is_known_of_archive_and_labels_goes_too(house: House) -> None:
    """Old hours of labels, old skew, and old ranges of archived records but the last of each partition."""
    key = {"model": "delays", "version": 1}
    archived = {"topic": "t", "topic_id": "a", "rows": 1, "files": 1, "at": START}
    ranges = [(0, 0, 9), (0, 9, 20), (1, 0, 5)]
    starts = [NOW - 400 * DAY, NOW]
    with writing(house.engine) as connection:
        rows = [{"partition": each, "from_offset": start, "up_to_offset": end} for each, start, end in ranges]
        connection.execute(sa.insert(tables.archived), [key | archived | row for row in rows])
        hours = [key | {"start": start, "written": 1} for start in starts]
        connection.execute(sa.insert(tables.label_hours), hours)
        spans = [{"span_start": start - HOUR, "span_end": start, "at": start} for start in starts]
        counts = {"compared": 1, "unknown": 0, "differing": {}}
        connection.execute(sa.insert(tables.skew), [key | counts | span for span in spans])
    removals = keep_house(house, KEEPING, now=NOW, dry_run=False)
    kinds = (ResultKind.ARCHIVED, ResultKind.LABEL_HOURS, ResultKind.SKEW)

    assert [1, 1, 1] == [of_kind(removals, kind).count for kind in kinds]
    assert [2, 1, 1] == [rows_of(house.engine, one) for one in (tables.archived, tables.label_hours, tables.skew)]
    with pytest.raises(SetupError, match="at least 180d"):
        Keeping.parse("label_hours=90d")
