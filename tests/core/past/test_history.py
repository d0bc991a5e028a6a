"""`pegel.history`: the stored past of a model as tables and as a story, read in pages, damaged rows named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

import pegel
from pegel.cli.command_line import run
from pegel.errors import InvalidSpec, PermanentError, SetupError
from pegel.past import window_tables
from pegel.past.interval import interval
from pegel.past.past_table import PastTable
from pegel.past.stored_pages import stored_pages
from pegel.past.story import story_of
from pegel.past.story_words import story_json
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.database import connect
from pegel.store.made_of_outliers import MadeOfOutliers
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_outlier

pytestmark = pytest.mark.environments("pandas", "pyarrow", "sqlalchemy")

FOUR_DAYS = ("2026-01-01", "2026-01-05")
NAMES = ("windows", "features", "findings", "outliers", "ledger", "superseded", "days", "performance")


@pytest.fixture
def past(home: Path) -> pegel.History:
    """The four days."""
    return pegel.history("delays/1", *FOUR_DAYS, home=home)


def test_the_story_tells_each_day(past: pegel.History) -> None:
    """Verdicts, the day without events, what was found when, what was counted again, and the alert, stand in words."""
    alert = past.story.alerts[0].id[:8]

    assert [
        "delays/1 from 2026-01-01 00:00 to 2026-01-05 00:00 UTC",
        "",
        "2026-01-01  ok in 24 windows          14,400 rows  1 outlier",
        "2026-01-02  drift in 3 of 24 windows  14,400 rows",
        "    the day as one: drift, revision 2: 3 windows counted again, 3 late in no count",
        "    departure_delay: shifted up by 0.32 σ, 3 windows from 14:00 to 17:00",  # noqa: RUF001
        "    performance: error rate 12 %, drift, 12,000 of 14,400 answers have labels, more may come",
        "    error rate by segment: airline=WN not defined, airline=AA 20 %",
        "2026-01-03  no events",
        "2026-01-04  ok in 24 windows          14,500 rows",
        "    1 window counted or judged again: the later rows stand",
        "",
        "Alerts",
        f"  drift of departure_delay: opened 2026-01-02 15:00, over 2026-01-03 09:00 ({alert})",
    ] == str(past).splitlines()


@pytest.mark.usefixtures("found_again")
def test_a_window_counts_once_and_a_day_is_none(home: Path) -> None:
    """Two tests of a window and its day find the same feature; what a day alone finds has the times of the day."""
    past = pegel.history("delays/1", *FOUR_DAYS, home=home)
    told = {one.feature: (one.windows, one.first, one.last) for one in past.story.days[1].found}
    day = START + timedelta(days=1)
    of_windows = (day + timedelta(hours=14), day + timedelta(hours=17))

    assert {"departure_delay": (3, *of_windows), "distance": (0, day, day + timedelta(days=1))} == told


def test_a_day_that_is_not_over_says_until_when(home: Path) -> None:
    """The parts of days at the ends of an interval carry their hours."""
    past = pegel.history("delays", "2026-01-02T18:00", datetime(2026, 1, 3, 6, tzinfo=UTC), home=home)
    days = [line for line in str(past).splitlines() if line.startswith("2026")]

    assert ["2026-01-02 18:00-24:00  ok in 6 windows  3,600 rows", "2026-01-03 00:00-06:00  no events"] == days


def test_a_day_that_nobody_has_counted_is_not_called_without_events(home: Path) -> None:
    """After the newest final window nobody knows whether there were events."""
    past = pegel.history("delays", "2026-01-04", datetime(2026, 1, 6, tzinfo=UTC), home=home)
    days = [line for line in str(past).splitlines() if line.startswith("2026")]

    assert ["2026-01-04  ok in 24 windows  14,500 rows", "2026-01-05  not counted"] == days


def test_an_unwatched_time_has_no_days(home: Path) -> None:
    """Before the first window there is no day to tell, and that is said."""
    past = pegel.history("delays/1", "2025-12-01", "2025-12-03", home=home)

    assert "no window of it is in that time: they are from 2026-01-01 00:00 to 2026-01-05 00:00 UTC" in str(past)
    assert (0, 0) == (past.windows.to_arrow().num_rows, past.findings.to_pandas().shape[0])


def test_the_story_is_a_page_in_a_notebook(past: pegel.History) -> None:
    """As HTML the story has a row per day, marked by more than colour, and nothing from elsewhere."""
    page = past._repr_html_()

    assert 4 == page.count('<td class="whole" data-label="Day">2026-01-0')
    assert "no events" in page
    assert '<span class="mark bad">drift in 3 of 24 windows</span>' in page
    assert [] == [word for word in ("http://", "https://", "<script", "src=") if word in page]


@pytest.mark.parametrize("name", NAMES)
def test_each_table_is_the_same_in_all_forms(past: pegel.History, name: str) -> None:
    """Arrow, pandas, polars, batches and files hold the same rows and columns; times are UTC."""
    table: PastTable = getattr(past, name)
    arrow = table.to_arrow()

    assert arrow.num_rows == len(table.to_pandas()) == len(table.to_polars())
    assert arrow.num_rows == sum(batch.num_rows for batch in table.batches())
    assert arrow.column_names == list(table.to_pandas().columns) == table.to_polars().columns
    assert {"UTC"} == {field.type.tz for field in arrow.schema if pa.types.is_timestamp(field.type)}
    assert arrow.num_rows > 0


def test_the_tables_hold_what_a_reader_sees(past: pegel.History) -> None:
    """Windows are those that stand; the row that a later one replaced is among the superseded."""
    windows, superseded = past.windows.to_pandas(), past.superseded.to_pandas()
    again = windows[windows.revision == 2]

    assert (96, ["batch"], [700]) == (len(windows), list(again.origin), list(again.rows))
    assert [("drift", 1, "stream")] == list(superseded[["verdict", "revision", "origin"]].itertuples(index=False))
    assert ["no_data"] * 24 == list(windows.verdict[48:72])


def test_days_are_those_of_the_last_revision(past: pegel.History) -> None:
    """A day that was made again is one row, of the last revision."""
    days = past.days.to_pandas()

    assert [("day", 2, "batch", "drift", 24)] == list(
        days[["rhythm", "revision", "origin", "verdict", "windows"]].itertuples(index=False, name=None)
    )


def test_fields_of_windows_are_rows_of_a_long_table(past: pegel.History) -> None:
    """Each judged field of each window has its statistic, p-value, effect and threshold."""
    features = past.features.to_pandas()

    assert ["departure_delay"] * 3 == list(features.feature)
    assert {(13.4, 3e-41, 0.31, 6e-6)} == set(
        features[["statistic", "p_value", "effect", "threshold"]].itertuples(index=False, name=None)
    )


def test_outlying_rows_have_what_the_model_made_of_them(past: pegel.History, home: Path) -> None:
    """As JSON beside the reasons, and nothing where it is not known."""
    made = {"raw": 1.5, "base": 1.0, "unit": "prediction", "method": "tree", "parts": {"a": 0.5}, "errors": {}}
    before = past.outliers.to_arrow().to_pylist()
    MadeOfOutliers(connect(Settings(home=home).database)).keep(sample_outlier("e1", 30), made)
    (now,) = past.outliers.to_arrow().to_pylist()

    assert [None] == [row["made"] for row in before]
    assert made == json.loads(now["made"])
    assert "departure_delay" == json.loads(now["reasons"])[0]["feature"]


def test_files_are_written_batch_by_batch(past: pegel.History, tmp_path: Path) -> None:
    """A table is written as Parquet or CSV, and reads back as it is."""
    past.windows.write(tmp_path / "w.parquet")
    past.findings.write(tmp_path / "f.csv")

    assert past.windows.to_arrow().equals(pq.read_table(tmp_path / "w.parquet"))
    assert past.findings.to_arrow()["id"].to_pylist() == pyarrow.csv.read_csv(tmp_path / "f.csv")["id"].to_pylist()


def test_a_library_that_is_missing_is_named(past: pegel.History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without polars a sentence says what to install and what works all the same."""
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(SetupError, match=r"expected polars to be installed.*take to_arrow\(\)"):
        past.windows.to_polars()


def test_tables_are_read_in_pages(home: Path) -> None:
    """Pages of any size give the same rows, in their order, each once."""
    source = window_tables.windows("delays", 1, interval(*FOUR_DAYS, now=START))

    def starts(at_once: int) -> list[list[datetime]]:
        url, problems = Settings(home=home).database, list[str]()
        pages = stored_pages(url, source.statement, source.place, at_once=at_once, what="", damaged=problems)
        return [[row["span_start"] for row in page] for page in pages]

    expected = [START + timedelta(hours=at) for at in range(96)]
    assert [expected] == starts(1_000)
    assert [expected[:48], expected[48:]] == starts(48)[:2]
    assert expected == [each for page in starts(7) for each in page]


def test_damaged_rows_hide_no_other(past: pegel.History, damage: sa.Connection) -> None:
    """A finding that is no JSON, a window without a time, a count that is text: named once, and all others are read."""
    start, finding = tables.windows.c.span_start, tables.findings
    seq = sa.select(sa.func.min(finding.c.seq)).scalar_subquery()
    damage.execute(sa.update(finding).where(finding.c.seq == seq).values(finding=sa.literal_column("'{'")))
    damage.execute(sa.update(tables.windows).where(start == START).values(rows=sa.literal_column("'many'")))
    later = start == START + timedelta(hours=95)
    damage.execute(sa.update(tables.windows).where(later).values(span_start=sa.literal_column("'2026-01-04 noon'")))
    damage.commit()

    assert 94 == past.windows.to_arrow().num_rows
    assert 3 == past.findings.to_arrow().num_rows
    assert 3 == len(past.unread)
    assert "Not read" in str(pegel.history("delays/1", *FOUR_DAYS, database=past.database))


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("7d", None, (timedelta(days=-7), timedelta(0))),
        (timedelta(hours=3), "1h", (timedelta(hours=-4), timedelta(hours=-1))),
        (date(2025, 12, 30), START.replace(tzinfo=None), (timedelta(days=-2), timedelta(0))),
        ("2025-12-31T23:00+01:00", "2025-12-31 23:00", (timedelta(hours=-2), timedelta(hours=-1))),
    ],
)
def test_intervals_are_written_in_many_ways(since: Any, until: Any, expected: tuple[timedelta, timedelta]) -> None:
    """Lengths of time, dates and instants with or without a zone are understood."""
    span = interval(since, until, now=START)

    assert expected == (span.start - START, span.end - START)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda home: pegel.history("delay/1", home=home), "given 'delay/1'; watched: delays/1.*mean `delays/1`"),
        (lambda home: pegel.history("delays", version=2, home=home), "given 'delays', version 2"),
        (lambda home: pegel.history("delays", "soon", home=home), "since: expected a length of time.*given 'soon'"),
        (lambda home: pegel.history("delays", "7", home=home), "since: .*given '7'"),
        (lambda home: pegel.history("delays", "2026-01-02", "2026-01-01", home=home), "since: expected an instant bef"),
    ],
)
def test_what_cannot_be_meant_is_refused(home: Path, ask: Callable[[Path], object], sentence: str) -> None:
    """A model that is not watched, or a time that is none, is refused in one sentence, with what is near."""
    with pytest.raises(InvalidSpec, match=sentence):
        ask(home)


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    """Where there is no results database that is said, and none is there afterwards."""
    with pytest.raises(SetupError, match="expected a results database"):
        pegel.history("delays/1", home=tmp_path)

    assert [] == list(tmp_path.iterdir())


def test_no_time_is_no_interval(home: Path) -> None:
    """What pandas puts where no time is, the least of an empty column, is refused as any other text would be."""
    none = pd.Series([], dtype="datetime64[us]").min()
    for since, until in ((none, None), ("7d", none)):
        with pytest.raises(InvalidSpec, match=r"expected a length of time.*NaT"):
            pegel.history("delays/1", since, until, home=home)


def test_a_table_is_written_to_a_file_by_its_name_and_never_over_the_database(
    past: pegel.History, home: Path, tmp_path: Path
) -> None:
    """A name may be a text; the database that is read is refused under any name, and a folder in words."""
    past.findings.write(str(tmp_path / "f.parquet"))
    (tmp_path / "link.csv").symlink_to(home / "pegel.db")
    before = (home / "pegel.db").read_bytes()

    assert 4 == pq.read_table(tmp_path / "f.parquet").num_rows
    for place in (home / "pegel.db", tmp_path / "link.csv"):
        with pytest.raises(InvalidSpec, match="expected a file that is not read"):
            past.windows.write(place)
    with pytest.raises(PermanentError, match=r"expected a place to write to, .*: (?!None)"):
        past.windows.write(tmp_path)
    assert before == (home / "pegel.db").read_bytes()


def test_days_that_have_not_begun_are_not_told(home: Path) -> None:
    """An interval that ends in the year 9999 has the days up to now, or up to the newest window, and no others."""
    told = story_of(Settings(home=home).database, "delays", 1, interval(None, "9999-12-31", now=START), now=START)

    assert (date(2026, 1, 1), date(2026, 1, 4)) == (told.days[0].span.start.date(), told.days[-1].span.start.date())


def test_the_command_tells_the_story(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pegel history` prints words or JSON, or writes the table that is named."""
    asked = ["history", "delays/1", "--since", FOUR_DAYS[0], "--until", FOUR_DAYS[1], "--home", str(home)]
    file = tmp_path / "found.csv"

    assert 0 == run(asked)
    assert "2026-01-03  no events" in capsys.readouterr().out
    assert 0 == run([*asked, "--json"])
    told = story_of(Settings(home=home).database, "delays", 1, interval(*FOUR_DAYS, now=START), now=START)
    assert story_json(told) == json.loads(capsys.readouterr().out)
    assert 0 == run([*asked, "--table", "findings", "--csv", str(file)])
    assert 5 == len(file.read_text().splitlines())
    assert 2 == run([*asked, "--json", "--csv", str(file)])
    assert 2 == run(["history", "delay", "--home", str(home)])


def test_a_report_of_a_time_before_all_windows_is_refused(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is known of it: the sentence says of which time windows are."""
    file = tmp_path / "report.html"
    asked = ["report", "delays/1", "--from", "2025-12-01", "--to", "2025-12-03", "-o", str(file), "--home", str(home)]

    assert (2, False) == (run(asked), file.exists())
    said = capsys.readouterr().err
    assert (
        "given 2025-12-01 00:00 to 2025-12-03 00:00 UTC: no window of it is in that time: they are from 2026-" in said
    )
    assert 2 == run(["history", "delays/1", "--since", "2999-01-01", "--home", str(home)])
    assert capsys.readouterr().err.startswith("--since: expected an instant before ")
