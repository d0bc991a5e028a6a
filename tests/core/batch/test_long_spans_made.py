"""Hours, days and weeks made from what the stream left: once, as far as they are over, and again where that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.batch.long_span_maker import LongSpanMaker, LongSpansOutcome
from pegel.cli.explain import explained
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.judge.recomputation import explain
from pegel.longspans.late_windows import CountedAgain
from pegel.longspans.long_span_row import LongSpanRow
from pegel.report.alert_mail import render
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.spec.settings import Settings
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, writing
from pegel.store.long_span_store import LongSpanStore
from pegel.store.results import Results
from pegel.store.window_keys import StoredWindow, WindowKeys
from pegel.stream.result_rows import Origin, WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import baseline_of, sample_ledger, sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
LENGTH = timedelta(minutes=10)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LATER = START + timedelta(days=30)
"""By then everything is settled."""
PARTED = sample_spec(windowing={"length": "10m"}, watch={"segments": [{"column": "y", "cuts": [1.3]}]})
SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC)))


def drawn(seed: int, n: int, shift: float = 0.0) -> Columns:
    """Draw rows of two numbers, the first of them shifted."""
    values = np.random.default_rng(seed).normal((shift, 0.0), size=(n, 2))
    return Columns(n, values, None, (), ())


def learnt(seed: int, rows: int = 5_000) -> Baseline:
    """Return a baseline."""
    columns = drawn(seed, rows)
    return baseline_of(SCHEMA, {"x": columns.numeric[:, 0], "y": columns.numeric[:, 1]}, columns, scores=None)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """A baseline of 5,000 rows."""
    return learnt(0)


@pytest.fixture
def spec() -> MonitorSpec:
    """A model judged in windows of ten minutes, hours, days and weeks."""
    return sample_spec(windowing={"length": "10m"})


@pytest.fixture
def engine(tmp_path: Path, baseline: Baseline) -> Iterator[Engine]:
    """A database that holds the baseline."""
    opened = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(opened)
    BaselineStore(opened).put(baseline)
    yield opened
    opened.dispose()


def window(at: int, baseline: Baseline, rows: Columns, **fields: Any) -> WindowRow:
    """Return a final window as the stream writes it."""
    summary = Summary.empty(baseline.layout)
    summary.update(rows, Role.FEATURE)
    start = START + at * LENGTH
    given: dict[str, Any] = {
        "span": Span(start, start + LENGTH),
        "rows": rows.n,
        "requests": rows.n,
        "summary": summary.to_bytes(),
    }
    named = {"baseline_id": baseline.id, "layout_hash": baseline.layout.layout_hash}
    return sample_window(**(given | named | fields))


@pytest.fixture
def fill(engine: Engine, baseline: Baseline) -> Callable[..., None]:
    """Write windows of 20 rows, as many and from where it is said; keywords as for `drawn`."""

    def write(windows: Iterable[int], *, shift: float = 0.0, by: Baseline | None = None, **fields: Any) -> None:
        rows = [window(at, by or baseline, drawn(at + 1, 20, shift), **fields) for at in windows]
        Results(engine).write(rows)

    return write


def made(engine: Engine, spec: MonitorSpec, **changed: Any) -> LongSpansOutcome:
    """Make the first day."""
    given: dict[str, Any] = {"start": START, "end": START + DAY, "now": LATER} | changed
    return LongSpanMaker(engine, recount=given.pop("recount", None)).make(spec, **given)


def spans(engine: Engine, rhythm: Rhythm, **changed: Any) -> list[LongSpanRow]:
    """Return what is stored of a rhythm."""
    return LongSpanStore(engine).spans("delays", 1, rhythm, **changed)


def test_a_day_is_found_where_no_window_is(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """A shift that no window of 20 rows shows is found in the day, once; made again, nothing changes."""
    fill(range(144), shift=0.3)
    first, again = made(engine, spec), made(engine, spec)
    (day,) = spans(engine, Rhythm.DAY)
    findings = Results(engine).findings("delays", 1)
    found = [finding for _, finding in findings if finding.span == day.span]

    assert (24, 1, 1) == tuple(
        sum(one.rhythm is rhythm and one.rows > 0 for one in first.written) for rhythm in spec.rhythms[1:]
    )
    assert [] == again.written
    assert findings == Results(engine).findings("delays", 1)
    assert (Verdict.DRIFT, 2_880, 144, Origin.BATCH) == (day.row.verdict, day.row.rows, day.windows, day.row.origin)
    assert [("x", "batch", "day")] == [(one.feature, one.origin, one.evidence["rhythm"]) for one in found]
    assert 144 == len(Results(engine).windows("delays", 1))


def test_a_finding_of_a_day_is_recomputed(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None], tmp_path: Path
) -> None:
    """What was found in a day is found again by `pegel explain`, to 1e-9, from what is stored of it."""
    fill(range(144), shift=0.3)
    made(engine, spec)
    findings = [finding for _, finding in Results(engine).findings("delays", 1)]
    again = [explained(Settings(home=tmp_path, database_url=str(engine.url)), finding.id) for finding in findings]

    assert [True] * len(findings) == [explanation.agrees for explanation in again]
    assert any("\nday         2026-01-01T00:00:00+00:00 to 2026-01-02" in str(explanation) for explanation in again)
    assert any("of the false-alarm budget of each day" in str(explanation) for explanation in again)


def test_hours_of_silence_and_the_day_before_the_first(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """An hour without rows is told as such, the days before a model's first window are not; those to come are none."""
    fill(range(6))
    fill(range(12, 18))
    made(engine, spec, start=START - 3 * DAY, end=START + 2 * DAY)
    hours = spans(engine, Rhythm.HOUR)

    assert [START + at * HOUR for at in range(48)] == [hour.span.start for hour in hours]
    assert [Verdict.OK, Verdict.NO_DATA, Verdict.OK] == [hour.row.verdict for hour in hours[:3]]
    assert [120, 0] == [hour.row.rows for hour in hours[:2]]
    assert [START, START + DAY] == [day.span.start for day in spans(engine, Rhythm.DAY)]


def test_a_span_that_is_not_over_waits(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """A running day is not made; one whose driver has not read it to its end waits, for six hours at most."""
    fill(range(144))
    running = made(engine, spec, now=START + DAY - timedelta(seconds=1))
    ended = made(engine, spec, now=START + DAY + timedelta(minutes=2))

    assert [] == [one for one in running.written if one.rhythm is Rhythm.DAY]
    assert Span(START, START + DAY) in [span for rhythm, span, _ in ended.waiting if rhythm is Rhythm.DAY]
    assert {"nobody reads its records yet"} == {why for *_, why in ended.waiting}
    assert 1 == len([one for one in made(engine, spec, now=START + DAY + 7 * HOUR).written if one.rhythm is Rhythm.DAY])


def test_two_baselines_are_told_apart(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """A day with two baselines has a part for each, which share its level, and says so."""
    second = learnt(1)
    BaselineStore(engine).put(second)
    fill(range(72))
    fill(range(72, 144), by=second, shift=0.4)
    made(engine, spec)
    early, late = spans(engine, Rhythm.DAY)
    found = [finding for _, finding in Results(engine).findings("delays", 1) if finding.span == late.part]

    assert [(START, START + DAY / 2), (START + DAY / 2, START + DAY)] == [
        (row.part.start, row.part.end) for row in (early, late)
    ]
    assert [1_440, 1_440] == [row.row.rows for row in (early, late)]
    assert [1, 1] == [row.notes["other_parts"] for row in (early, late)]
    assert [second.id] == [finding.baseline_id for finding in found]
    row = LongSpanStore(engine).row_of(found[0])
    assert row is not None
    assert explain(found[0], Summary.from_bytes(row.row.summary, second.layout), second).agrees


def test_late_rows_are_counted_again(
    engine: Engine, spec: MonitorSpec, baseline: Baseline, fill: Callable[..., None]
) -> None:
    """A day with late rows is made anew from the archive once that has them; until then it says how many it lacks."""
    fill(range(144))
    made(engine, spec)
    minute = 34
    Results(engine).write(ledger=[sample_ledger(late=7, minute=minute)])
    made(engine, spec)
    without = spans(engine, Rhythm.DAY)
    asked: list[Span] = []

    def recount(_: MonitorSpec, by: Baseline, windows: Sequence[Span], /) -> Mapping[Span, CountedAgain]:
        asked.extend(windows)
        summary = Summary.empty(by.layout)
        summary.update(drawn(4, 20), Role.FEATURE)
        summary.update(drawn(99, 7), Role.FEATURE)
        return {span: CountedAgain(summary, 27, 27) for span in windows}

    made(engine, spec, recount=recount)
    (day,), (hour, *_) = spans(engine, Rhythm.DAY), spans(engine, Rhythm.HOUR)

    assert [(2, 7, 2_880)] == [(row.revision, row.late_missing, row.row.rows) for row in without]
    assert [Span(START + 3 * LENGTH, START + 4 * LENGTH)] == asked
    assert [(3, 0, 1, 2_887), (3, 0, 1, 127)] == [
        (row.revision, row.late_missing, row.recounted, row.row.rows) for row in (day, hour)
    ]
    assert [1, 2, 3] == [row.revision for row in spans(engine, Rhythm.DAY, latest_revision=False)]
    assert {"recounted": 1, "earlier_looks": 1}.items() <= day.notes.items()
    assert [] == made(engine, spec, recount=recount).written


class FromArchive:
    """Counts windows again with some further rows, or says why it cannot."""

    def __init__(self, further: int, unread: str = "") -> None:
        self.further, self.unread = further, unread
        self.asked: list[Span] = []

    def __call__(self, _: MonitorSpec, by: Baseline, windows: Sequence[Span], /) -> Mapping[Span, CountedAgain | str]:
        """Return 20 rows and the further ones of each window."""
        self.asked += windows
        if self.unread:
            return dict.fromkeys(windows, self.unread)
        rows = 20 + self.further
        found = {span: CountedAgain(Summary.empty(by.layout), rows, rows) for span in windows}
        for again in found.values():
            again.summary.update(drawn(4, rows), Role.FEATURE)
        return found


def due(engine: Engine, spec: MonitorSpec, hour: int, recount: FromArchive | None = None) -> LongSpansOutcome:
    """Make what is due in the run of an hour, twelve hours after it."""
    begin = START + hour * HOUR
    return LongSpanMaker(engine, recount=recount).make_due(spec, begin, begin + HOUR, now=begin + 12 * HOUR)


def test_late_rows_of_last_week_are_taken_in(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """However old a span is, the next run makes it anew of rows that came late, and what it is a part of; then no more.

    A run looks at 26 hours by itself; nothing else that is older is touched.
    """
    monday = START + 4 * DAY
    fill([0, *range(4 * 144, 6 * 144)])
    made(engine, spec, end=START + 21 * DAY, now=START + 22 * DAY)
    Results(engine).write(ledger=[sample_ledger(late=7, minute=4 * 24 * 60 + 34)])
    archive = FromArchive(7)
    first, again = due(engine, spec, 21 * 24, archive), due(engine, spec, 21 * 24 + 1, archive)
    hour, day = (spans(engine, rhythm, since=monday)[0] for rhythm in (Rhythm.HOUR, Rhythm.DAY))

    assert [(2, 7, 0, 127), (2, 7, 0, 2_887)] == [
        (row.revision, row.late_known, row.late_missing, row.row.rows) for row in (hour, day)
    ]
    older = [(one.rhythm, one.span.start) for one in first.written if one.revision > 1]
    assert [(Rhythm.HOUR, monday), (Rhythm.DAY, monday), (Rhythm.WEEK, monday)] == older
    assert [] == [one for one in again.written if one.span.end <= START + 21 * DAY]
    assert [Span(monday + 3 * LENGTH, monday + 4 * LENGTH)] == archive.asked


def test_an_archive_that_lags_is_asked_again_for_a_day(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """Late rows of an old span that are not archived yet are counted by a later run, for 26 hours."""
    fill(range(144))
    made(engine, spec, end=START + 14 * DAY, now=START + 15 * DAY)
    Results(engine).write(ledger=[sample_ledger(late=7, minute=34)])
    due(engine, spec, 14 * 24)
    without = spans(engine, Rhythm.DAY)[0].late_missing
    too_late, in_time = FromArchive(7), FromArchive(7)
    due(engine, spec, 14 * 24 + 26, too_late)
    due(engine, spec, 14 * 24 + 25, in_time)

    assert ([], 7, 0) == (too_late.asked, without, spans(engine, Rhythm.DAY)[0].late_missing)


def test_late_rows_stay_when_their_ledger_is_gone(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """A back-fill over a time of which no minute of the ledger is kept makes nothing of fewer rows than there were."""
    fill(range(144))
    Results(engine).write(ledger=[sample_ledger(late=7, minute=34)])
    made(engine, spec, recount=FromArchive(7))
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ledger")
        connection.exec_driver_sql("DELETE FROM long_spans WHERE rhythm = 'day'")
    again = made(engine, spec, recount=FromArchive(7))

    assert [(Rhythm.DAY, 2_887)] == [(one.rhythm, one.rows) for one in again.written]
    assert 127 == spans(engine, Rhythm.HOUR)[0].row.rows


def test_an_archive_that_cannot_be_read_stops_no_span(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """Every span is made of its windows; late events are in no count, and why is told with the span and of the run."""
    fill(range(144))
    Results(engine).write(ledger=[sample_ledger(late=7, minute=34)])
    outcome = made(engine, spec, recount=FromArchive(0, "the archive is damaged"))
    day, hours = spans(engine, Rhythm.DAY)[0], spans(engine, Rhythm.HOUR)

    assert (24, 7, 2_880) == (len(hours), day.late_missing, day.row.rows)
    assert [["the archive is damaged"]] * 3 == [outcome.unread, day.notes["unread"], hours[0].notes["unread"]]


def test_late_rows_are_no_matter_of_segments(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """Nobody knows of which segment they are: its spans are not said to lack them, and not made again for them."""
    fill(range(6))
    fill(range(6), segment="a=1")
    made(engine, spec, end=START + HOUR)
    Results(engine).write(ledger=[sample_ledger(late=7, minute=34)])
    made(engine, spec, end=START + HOUR)
    rows = [spans(engine, Rhythm.HOUR, segment=segment)[0] for segment in ("", "a=1")]

    assert [(2, 7), (1, 0)] == [(row.revision, row.late_missing) for row in rows]


def test_days_whose_windows_are_gone_stay(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """Once the windows of a span are deleted, it is not made anew of what is left of them."""
    fill(range(144))
    made(engine, spec)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM windows WHERE span_end <= ?", (str((START + DAY / 2).replace(tzinfo=None)),)
        )
    left = len(Results(engine).windows("delays", 1))
    again = made(engine, spec)

    assert 0 < left < 144
    assert [] == again.written
    assert [2_880] == [day.row.rows for day in spans(engine, Rhythm.DAY) if day.row.rows]


def test_a_week_is_made_of_days(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """A week that is over has the rows of all its windows, whichever of its days were made before."""
    monday = START + timedelta(days=(7 - START.weekday()) % 7)
    at = (monday - START) // LENGTH
    fill(range(at, at + 7 * 144, 12))
    made(engine, spec, start=monday, end=monday + DAY)
    made(engine, spec, start=monday, end=monday + 7 * DAY)
    weeks = [week for week in spans(engine, Rhythm.WEEK) if week.span.start == monday]

    assert [(20 * 84, 84, 1)] == [(week.row.rows, week.windows, week.revision) for week in weeks]


def test_segments_are_made_by_themselves(engine: Engine, spec: MonitorSpec, fill: Callable[..., None]) -> None:
    """Windows of a segment add up to that segment's hours."""
    fill(range(6))
    fill(range(6), segment="a=1", shift=1.5)
    made(engine, spec, end=START + HOUR)
    hours = LongSpanStore(engine).spans("delays", 1, Rhythm.HOUR, segment="a=1")

    assert [120] == [hour.row.rows for hour in hours]
    # The baseline knows no such segment: its rows are not held against those of all.
    assert [Verdict.INSUFFICIENT] == [hour.row.verdict for hour in hours]
    assert "a=1" not in {finding.segment for _, finding in Results(engine).findings("delays", 1)}


def test_a_segment_is_held_against_its_own_training_rows(engine: Engine) -> None:
    """A day's windows of a segment are one row, which finds what the whole day does not, and is explained again."""
    columns = drawn(3, 20_000)
    values = {"x": columns.numeric[:, 0], "y": columns.numeric[:, 1]}
    parted = baseline_of(SCHEMA, values, columns, scores=None, segments=PARTED.watch.segments)
    BaselineStore(engine).put(parted)
    for at in range(144):
        rows = drawn(1_000 + at, 200)
        rows.numeric[rows.numeric[:, 1] > 1.3, 0] += 0.2
        of_part = SegmentCounts(parted.layout, parted.segments.segments)
        of_part.update(rows, Role.FEATURE, parted.segments.segments.rows(parted.layout, rows))
        part = of_part.summaries["y>1.3"]
        whole = window(at, parted, rows)
        own = replace(whole, segment="y>1.3", rows=part.most_rows, summary=part.to_bytes())
        Results(engine).write([whole, own])
    made(engine, PARTED)
    (finding,) = {
        one.feature: one for _, one in Results(engine).findings("delays", 1) if one.rhythm is Rhythm.DAY and one.segment
    }.values()
    (day,) = spans(engine, Rhythm.DAY, segment="y>1.3")

    assert ("x", "y>1.3", Verdict.DRIFT) == (finding.feature, finding.segment, day.row.verdict)
    assert explain(finding, Summary.from_bytes(day.row.summary, parted.layout), parted).agrees
    results, now = Results(engine), START + DAY + HOUR
    changes = update([], results.findings("delays", 1), results.windows("delays", 1), now, [PARTED])
    (mail,) = [change.mail for change in changes if change.mail]
    tally = results.tally("delays", 1, START, now, mail.alert.names)
    told = render(mail, baseline=parted, tally=tally, page_url="http://x", now=now, long_spans={finding.id: day})

    assert "x in y>1.3 " in told.subject
    assert told.text.startswith("delays v1: x in y>1.3 shifted up by 0.1")


def test_a_run_since_the_first_year_makes_what_there_is(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """However early a run is asked for, it looks at nothing before the first window."""
    fill(range(144))
    outcome = made(engine, spec, start=datetime(1, 1, 1, tzinfo=UTC))

    assert (24 + 1 + 1, 0) == (len(outcome.written), len(outcome.waiting))


def test_windows_of_one_week_are_looked_at_at_once(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """However long a time is asked for: with segments and short windows a year has some forty million of them."""
    fill(range(0, 144 * 24, 144))
    maker = LongSpanMaker(engine)
    maker.keys = keys = RecordedKeys(engine)
    maker.make(spec, START, START + 24 * DAY, now=LATER)

    assert max(keys.asked) <= 7 * DAY
    assert [START + at * DAY for at in range(24)] == [day.span.start for day in spans(engine, Rhythm.DAY)]
    assert 24 == sum(week.windows for week in spans(engine, Rhythm.WEEK))


class RecordedKeys(WindowKeys):
    """Remembers of how long a time windows were asked for at once."""

    def __init__(self, engine: Engine) -> None:
        """Begin with nothing."""
        super().__init__(engine)
        self.asked: list[timedelta] = []

    def windows(self, model: str, version: int, start: datetime, end: datetime) -> list[StoredWindow]:
        """Return what is there."""
        self.asked.append(end - start)
        return super().windows(model, version, start, end)


@pytest.mark.parametrize("damaged", [{"summary": b"PGLS1 of another version"}, {"verdict": "no verdict"}])
def test_a_window_that_cannot_be_read_stops_no_span(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None], damaged: dict[str, Any]
) -> None:
    """Such a window is in no count and named; hours, days and weeks are made of the others, and made again by none."""
    fill(range(144))
    with writing(engine) as connection:
        of_window = tables.windows.c.span_start == START + 30 * LENGTH
        connection.execute(sa.update(tables.windows).where(of_window).values(damaged))
    first, again = made(engine, spec), made(engine, spec)
    hours, (day,) = spans(engine, Rhythm.HOUR), spans(engine, Rhythm.DAY)

    assert ([120] * 5 + [100] + [120] * 18, 2_860) == ([one.row.rows for one in hours], day.row.rows)
    assert (1, [], list(first.unread)) == (len(first.unread), again.written, day.notes["unread"])
    assert ["unread" in one.notes for one in hours] == [at == 5 for at in range(24)]


def test_a_damaged_baseline_stops_its_own_spans_alone(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """What its windows counted nobody can say, so they have no hour, each run names them; others have theirs."""
    other = learnt(7)
    BaselineStore(engine).put(other)
    fill(range(72))
    fill(range(72, 144), by=other)
    with writing(engine) as connection:
        damaged = sa.update(tables.baselines).where(tables.baselines.c.id == other.id)
        connection.execute(damaged.values(document=b"no document"))
    outcome = made(engine, spec)

    assert [120] * 12 == [one.row.rows for one in spans(engine, Rhythm.HOUR)]
    assert ([], 12 + 1 + 1) == (spans(engine, Rhythm.DAY), len(outcome.failed))
    assert all("expected a readable baseline" in why for why in outcome.failed)


def test_an_hour_that_cannot_be_read_is_made_of_its_windows_for_the_day(
    engine: Engine, spec: MonitorSpec, fill: Callable[..., None]
) -> None:
    """A day needs none of its hours where it has the windows."""
    fill(range(144))
    made(engine, spec, end=START + 6 * HOUR, now=START + 8 * HOUR)
    with writing(engine) as connection:
        connection.execute(sa.update(tables.long_spans).values(summary=b"PGLS1 of another version"))
    made(engine, spec)

    assert [2_880] == [one.row.rows for one in spans(engine, Rhythm.DAY)]
