"""Results as feature groups of Hopsworks, written by the real client: every row once, whatever is run again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from blueprints import give_tables
from hopsworks_world import World, of_a_test
from sqlalchemy import Engine

from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.result_groups import FINDINGS, OUTLIERS, QUALITY, RESULT_GROUPS, WINDOWS, ResultGroup
from pegel.featurestore.hopsworks.validation_reports import group_of
from pegel.featurestore.hopsworks.writing_back import Written, write_back
from pegel.quality.expectation import IN_SET as SET
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.job_results import JobEnd, JobResults
from pegel.store.result_export import ResultExport
from pegel.store.results import Results
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.stream.result_rows import Origin
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline, sample_finding, sample_outlier, sample_window
from pegel_spark.jobs import write_back as launcher
from pegel_spark.launched_job import FAILED, REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HOUR = timedelta(hours=1)
REGEX = "expect_column_values_to_match_regex"
VALUES = [f"value {number}" for number in range(60)]
MINUTES = 30


@pytest.fixture
def hopsworks(tmp_path: Path) -> Iterator[World]:
    """A Hopsworks to write to."""
    with of_a_test(tmp_path) as started:
        yield started


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The address of a results database with half an hour of a model: windows, findings, outliers."""
    url = f"sqlite:///{tmp_path / 'results.db'}"
    engine = connect(url)
    give_tables(engine)
    baseline = sample_baseline()
    BaselineStore(engine).put(baseline)
    summary = Summary.empty(baseline.layout).to_bytes()
    windows = [sample_window(minute, baseline_id=baseline.id, summary=summary) for minute in range(MINUTES)]
    findings = [sample_finding(minute, feature) for minute in (3, 4) for feature in ("f0", "f1")]
    outliers = [sample_outlier(f"e{number}", number % MINUTES) for number in range(40)]
    provisional = [sample_window(MINUTES, final=False)]
    Results(engine).write([*windows, *provisional], findings, outliers)
    engine.dispose()
    return url


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """That database."""
    opened = connect(database)
    yield opened
    opened.dispose()


def written(hopsworks: World, engine: Engine, since: timedelta = timedelta(0), until: timedelta = HOUR) -> Written:
    """Write what became final in a time after the start of 2026."""
    with HopsworksClient.logged_in(hopsworks.connection) as client:
        export, baselines = ResultExport(engine), BaselineStore(engine)
        return write_back(export, baselines, client, since=START + since, until=START + until)


def group_in(hopsworks: World, group: ResultGroup) -> dict[str, Any]:
    """Return what Hopsworks says of a feature group."""
    assert hopsworks.server is not None
    (known,) = [each for each in hopsworks.server.contents.feature_groups if each["name"] == group.name]
    return known


def table_of(hopsworks: World, group: ResultGroup) -> pa.Table:
    """Return the rows of a feature group, as its files have them."""
    import deltalake

    known = group_in(hopsworks, group)
    return deltalake.DeltaTable(known["location"]).to_pyarrow_table()


def rows_of(hopsworks: World) -> dict[str, int]:
    """Return how many rows each feature group has, all of which have keys of their own."""
    counts = {}
    for group in RESULT_GROUPS:
        table = table_of(hopsworks, group)
        keys = table.select([*group.keys, group.event_time])
        assert len(set(map(str, keys.to_pylist()))) == table.num_rows
        counts[group.name] = table.num_rows
    return counts


EVERYTHING = {"pegel_windows": MINUTES, "pegel_findings": 4, "pegel_outliers": 40, "pegel_quality": 2 * MINUTES}


def test_results_are_four_feature_groups(hopsworks: World, engine: Engine) -> None:
    """Final windows, findings, outliers and what came in place of values are there with types, keys and times."""
    told = written(hopsworks, engine)

    assert (EVERYTHING, []) == (told.rows, told.left_out)
    assert EVERYTHING == rows_of(hopsworks)
    assert hopsworks.server is not None
    groups = {each["name"]: each for each in hopsworks.server.contents.feature_groups}
    for group in RESULT_GROUPS:
        made = groups[group.name]
        types = {each["name"]: each["type"] for each in made["features"]}
        keys = {each["name"] for each in made["features"] if each["primary"]}
        assert (dict(group.columns), set(group.keys), group.event_time) == (types, keys, made["eventTime"])
    # Its files have instants in UTC, without a zone.
    begin = (START + timedelta(minutes=3)).replace(tzinfo=None)
    (row,) = (each for each in table_of(hopsworks, WINDOWS).to_pylist() if each["window_start"] == begin)
    assert ("delays", 1, "ok", 600, begin + timedelta(minutes=1)) == tuple(
        row[name] for name in ("model", "version", "verdict", "rows", "window_end")
    )


def test_what_is_written_again_is_there_once(hopsworks: World, engine: Engine) -> None:
    """Intervals that overlap, the same one again, and a part of one leave the rows that one run leaves."""
    minutes = [timedelta(minutes=number) for number in (0, 20, 40, 60)]
    for since, until in [(0, 2), (1, 3), (0, 2), (1, 2)]:
        written(hopsworks, engine, minutes[since], minutes[until])

    assert EVERYTHING == rows_of(hopsworks)


@pytest.mark.long
def test_a_window_that_was_summarised_again_takes_its_place(hopsworks: World, engine: Engine) -> None:
    """A batch job's row of a span replaces the stream's, and its findings stand beside the former's."""
    written(hopsworks, engine)
    again = replace(sample_window(3), origin=Origin.BATCH, rows=601, emitted_at=START + 2 * HOUR)
    Results(engine).write([again], [sample_finding(3, "f0", origin="batch")])

    told = written(hopsworks, engine, HOUR, 3 * HOUR)

    assert (1, 1) == (told.rows[WINDOWS.name], told.rows[FINDINGS.name])
    assert EVERYTHING | {FINDINGS.name: 5} == rows_of(hopsworks)
    assert [601] == [row["rows"] for row in table_of(hopsworks, WINDOWS).to_pylist() if row["origin"] == "batch"]


def test_what_cannot_be_read_is_left_out_and_told(hopsworks: World, engine: Engine) -> None:
    """A damaged window costs itself, one whose baseline is gone its row of quality; both are named."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE windows SET verdict = 'odd' WHERE rowid = 11")
        connection.exec_driver_sql("UPDATE windows SET baseline_id = 'sha256:gone' WHERE rowid = 12")

    told = written(hopsworks, engine)

    assert EVERYTHING | {WINDOWS.name: MINUTES - 1, QUALITY.name: 2 * (MINUTES - 2)} == told.rows
    assert ["cannot be read", "keeps no baseline sha256:gone"] == [
        next(words for words in ("cannot be read", "keeps no baseline sha256:gone") if words in line)
        for line in told.left_out
    ]


def test_nothing_is_made_of_nothing(hopsworks: World, engine: Engine) -> None:
    """An hour without a final window asks for no feature group."""
    told = written(hopsworks, engine, 5 * HOUR, 6 * HOUR)

    assert ({}, "nothing became final in this time") == (told.rows, str(told))
    assert hopsworks.server is not None
    assert ["transactions"] == [each["name"] for each in hopsworks.server.contents.feature_groups]


def look_at(
    minute: int, *, met: bool | None = True, at: timedelta = timedelta(0), regex: str = "^a", **fields: Any
) -> RowQualityRow:
    """Return what rows of a minute said of two expectations, one of them as `met`."""
    pattern, large = Expectation(REGEX, {"column": "f0", "regex": regex}, "mine"), {"column": "f1", "value_set": VALUES}
    outcomes = [
        ExpectationOutcome(expectation=pattern, met=met, n=100, seen=0 if met else 7, most_seen=0 if met else 7),
        ExpectationOutcome(expectation=Expectation(SET, large, "mine", "warning"), met=True, n=100),
    ]
    window = replace(sample_window(minute), **fields)
    said = [outcome.to_json() for outcome in outcomes]
    return RowQualityRow.about(window, looked_at=100, rows=100, outcomes=said, at=START + at)


def reports_of(hopsworks: World, group: ResultGroup) -> list[dict[str, Any]]:
    """Return the validation reports beside a feature group, as Hopsworks keeps them."""
    assert hopsworks.server is not None
    return hopsworks.server.contents.reports.get(group_in(hopsworks, group)["id"], [])


def test_looks_at_rows_are_validation_reports_of_a_suite(hopsworks: World, engine: Engine) -> None:
    """Each look is a report beside the model's own feature group, whose suite it is of; rows say the same."""
    store = RowQualityStore(engine)
    for look in [look_at(1), look_at(2, met=False), look_at(3, met=None)]:
        store.write(look)

    told = written(hopsworks, engine)
    group = group_of("delays", 1)
    reports = [json.loads(each["meta"]) | each for each in reports_of(hopsworks, group)]
    rows = table_of(hopsworks, group).to_pylist()
    assert hopsworks.server is not None
    suite = hopsworks.server.contents.suites[group_in(hopsworks, group)["id"]]

    assert (3, 6) == (told.reports, told.rows[group.name])
    assert [(True, 0), (False, 0), (True, 1)] == [(each["success"], each["cannot_be_told"]) for each in reports]
    assert ["cannot be told", "met", "not met"] == sorted({row["told"] for row in rows})
    assert ([REGEX, SET], False) == (
        [each["expectationType"] for each in suite["expectations"]],
        suite["runValidation"],
    )
    # Sets of many values are told in words alone.
    assert {"column": "f1"} == json.loads(suite["expectations"][1]["kwargs"])


@pytest.mark.long
def test_a_look_is_reported_once(hopsworks: World, engine: Engine) -> None:
    """Whatever time is written again; looks of one second are told apart, and a later look is another report."""
    store = RowQualityStore(engine)
    for minute in range(4):
        store.write(look_at(minute))
    counts = [written(hopsworks, engine).reports for _ in range(2)]
    store.write(look_at(2, met=False, at=timedelta(minutes=50), regex="^b"))
    counts += [written(hopsworks, engine, timedelta(minutes=30)).reports, written(hopsworks, engine).reports]
    reports = reports_of(hopsworks, group_of("delays", 1))

    assert hopsworks.server is not None
    suite = hopsworks.server.contents.suites[group_in(hopsworks, group_of("delays", 1))["id"]]

    assert [4, 0, 1, 0] == counts
    # A suite has the arguments of the last look, and grows by none that change; each result has its own.
    assert [{"column": "f0", "regex": "^b"}, {"column": "f1"}] == [
        json.loads(each["kwargs"]) for each in suite["expectations"]
    ]
    configs = [json.loads(each["results"][0]["expectationConfig"])["kwargs"]["regex"] for each in reports]
    assert ["^a"] * 4 + ["^b"] == configs
    assert 5 == len({each["validationTime"] for each in reports}) == len({each["meta"] for each in reports})


def environment_of(hopsworks: World, database: str) -> dict[str, str]:
    """Return what the job is told by its environment."""
    there = hopsworks.connection
    given: dict[str, Any] = {"HOPSWORKS": there.address, "HOPSWORKS_PROJECT": there.project, "DATABASE_URL": database}
    given |= {"HOPSWORKS_KEY_FILE": there.key_file, "HOPSWORKS_CA": there.ca}
    return {f"PEGEL_{name}": str(value) for name, value in given.items()}


@pytest.mark.long
def test_two_runs_at_once_leave_every_row_once(
    hopsworks: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two jobs that begin together one may be told of the other; tried again, it changes nothing."""
    for name, value in environment_of(hopsworks, database).items():
        monkeypatch.setenv(name, value)
    opened = connect(database)
    for minute in range(12):
        RowQualityStore(opened).write(look_at(minute, at=timedelta(seconds=minute // 3)))
    opened.dispose()
    told = ["--since", START.isoformat(), "--until", (START + HOUR).isoformat()]
    command = [sys.executable, "-W", "ignore", "-m", "pegel_spark.jobs.write_back", *told]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [job.communicate(timeout=240) for job in both]
    codes = [job.returncode for job in both]

    assert codes.count(0) >= 1, ended
    assert {0, FAILED} >= set(codes), ended
    assert 0 == launcher.main([*told, "--id", "again"])
    assert EVERYTHING == rows_of(hopsworks)
    reports = reports_of(hopsworks, group_of("delays", 1))
    assert 12 == len(reports) == len({each["meta"] for each in reports})
    assert [key not in f"{ended}" for key in (hopsworks.connection.key(),)] == [True]


def test_the_job_says_how_it_ended(
    hopsworks: World, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Done with its counts, or refused with one sentence, under its id; the key is in none of it."""
    for name, value in environment_of(hopsworks, database).items():
        monkeypatch.setenv(name, value)
    until = ["--until", (START + HOUR).isoformat()]
    done = launcher.main(["--since", START.isoformat(), *until, "--id", "done"])
    refused = launcher.main(["--since", "yesterday", *until, "--id", "refused"])
    monkeypatch.setenv("PEGEL_HOPSWORKS_PROJECT", "nowhere")
    unknown = launcher.main(["--since", START.isoformat(), *until, "--id", "unknown"])
    jobs = JobResults(connect(database))
    results = {name: jobs.take(name) for name in ("done", "refused", "unknown")}

    assert (0, REFUSED, REFUSED) == (done, refused, unknown)
    assert results["done"] is not None
    assert (JobEnd.DONE, {"rows": EVERYTHING, "reports": 0, "left_out": []}) == (
        results["done"].state,
        results["done"].result,
    )
    assert "expected an instant with its offset from UTC" in str(results["refused"])
    assert "no project nowhere" in str(results["unknown"])
    assert EVERYTHING == json.loads(capsys.readouterr().out.splitlines()[0])["rows"]
    assert hopsworks.connection.key() not in str(results)


@pytest.mark.long
def test_outliers_of_windows_that_overlap_are_one(hopsworks: World, engine: Engine) -> None:
    """Sliding windows share their rows: an outlier in two of them is one row."""
    span = sample_window(0).span
    longer = replace(sample_window(0), span=replace(span, end=span.end + timedelta(minutes=1)))
    Results(engine).write([longer])

    assert 40 == written(hopsworks, engine).rows[OUTLIERS.name]
