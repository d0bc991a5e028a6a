"""Rows are looked at by Great Expectations beside the stream: it never waits, and what is not told has a reason."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.stream.row_sample import RowSample, priorities
from pegel.stream.window_rows import FinalWindow
from pegel.testing.samples import counted, sample_spec, sample_window, trained_on
from pegel_spark.jobs.row_quality import FIRST_TO_GO, PATIENT
from pegel_spark.row_quality_thread import GIVEN_ON, SKIPPED, RowQualityThread, SuiteProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
SCHEMA = Schema((Field("distance", Kind.NUMERIC), Field("carrier", Kind.CATEGORICAL)))
EXPECTATIONS: list[dict[str, Any]] = [
    {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "carrier", "regex": "^[A-Z]{2}$"}},
    {"type": "expect_column_value_lengths_to_equal", "kwargs": {"column": "carrier", "value": 2, "mostly": 0.5}},
    {
        "type": "expect_column_pair_values_a_to_be_greater_than_b",
        "kwargs": {"column_A": "distance", "column_B": "carrier"},
    },
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "distance"}},
]
CATASTROPHE = {"type": EXPECTATIONS[0]["type"], "kwargs": {"column": "carrier", "regex": "^(([A-Za-z])+)+[0-9]$"}}
STUCK = (sys.executable, "-c", "import time; time.sleep(60)")
DIES = (sys.executable, "-c", "")


def spec_with(*expectations: dict[str, Any]) -> MonitorSpec:
    """Return a spec with a suite of its own."""
    suite = {"name": "mine", "made": "2026-11-29", "expectations": list(expectations)}
    return sample_spec(watch={"expectations": [suite]})


def table(carriers: Sequence[str | None]) -> pa.Table:
    """Return rows."""
    return pa.table({"distance": np.arange(1.0, len(carriers) + 1), "carrier": pa.array(carriers, pa.string())})


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """The baseline of clean rows."""
    return trained_on(table(["AA", "DL"] * 1_000), SCHEMA, spec_with(*EXPECTATIONS))


@pytest.fixture
def engine(tmp_path: Path, baseline: Baseline) -> Iterator[Engine]:
    """A database that keeps the baseline."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    BaselineStore(engine).put(baseline)
    yield engine
    engine.dispose()


Started = Callable[..., RowQualityThread]


@pytest.fixture
def started(engine: Engine) -> Iterator[Started]:
    """Make threads over that database; all are ended."""
    made: list[RowQualityThread] = []

    def start(**process: Any) -> RowQualityThread:
        store, baselines = RowQualityStore(engine), BaselineStore(engine)
        made.append(RowQualityThread(store, baselines.get, SuiteProcess(**process)))
        return made[-1]

    yield start
    for thread in made:
        thread.close()


def window_of(
    engine: Engine, baseline: Baseline, carriers: Sequence[str | None], *expectations: dict[str, Any], minute: int = 0
) -> FinalWindow:
    """Return a final window that is in the database, with all of its rows."""
    rows = table(carriers)
    row = sample_window(
        minute,
        summary=counted(baseline.layout, rows).to_bytes(),
        baseline_id=baseline.id,
        layout_hash=baseline.layout.layout_hash,
    )
    Results(engine).write(windows=[row])
    columns = columns_of(SCHEMA.of_role(Role.FEATURE), rows.to_batches()[0])
    drawn = priorities(np.arange(columns.n, dtype=np.uint64), np.zeros(columns.n, dtype=np.int64))
    return FinalWindow(row, spec_with(*(expectations or EXPECTATIONS)), RowSample.of(columns, drawn))


def told(engine: Engine, window: FinalWindow, within_s: float = 90.0) -> RowQualityRow:
    """Return what rows of a window said, once they have."""
    until = time.monotonic() + within_s
    while not (said := RowQualityStore(engine).of_windows([window.row])):
        assert time.monotonic() < until
        time.sleep(0.05)
    return said[window.row.span, window.row.revision]


def test_a_driver_ends_although_its_database_hangs(engine: Engine, baseline: Baseline, started: Started) -> None:
    """Whoever ends a driver is not kept waiting by what is looked at for more than a few seconds."""
    hangs, entered, thread = threading.Event(), threading.Event(), started()

    def never(_: str) -> Baseline:
        entered.set()
        hangs.wait(60)
        return baseline

    thread.baseline, thread.closed_within_s = never, 0.2
    thread.look([window_of(engine, baseline, ["AA"] * 10)])
    assert entered.wait(50)
    began = time.monotonic()
    thread.close()

    assert time.monotonic() - began < 30
    hangs.set()


def test_great_expectations_says_what_counts_could_not(engine: Engine, baseline: Baseline, started: Started) -> None:
    """Patterns, lengths and pairs of columns are looked at, with examples; what it cannot do has its reason.

    A rule that is not met is a finding of its window; what counts tell is not asked again.
    """
    window = window_of(engine, baseline, [*["AA"] * 97, "aa", "A1", None])
    started().look([window])
    said = told(engine, window)
    regex, lengths, pair = said.outcomes
    (finding,) = [each for _, each in Results(engine).findings("delays", 1)]

    assert (100, 100) == (said.looked_at, said.rows)
    assert (False, "2 % of 99 values are not so, such as 'aa', 'A1'") == (regex["met"], regex["there"])
    assert (True, 1.0) == (lengths["met"], lengths["p_value"])
    assert (None, "Great Expectations cannot tell") == (pair["met"], pair["there"].split(":")[0])
    assert ("carrier", "column_values_to_match_regex", True) == (
        finding.feature,
        finding.test,
        finding.evidence["rule"],
    )


@pytest.mark.parametrize(
    ("process", "why"),
    [
        (
            {"command": STUCK, "within_s": 0.5},
            "the process that runs Great Expectations took more than 0.5 s and was ended",
        ),
        ({"command": DIES}, "the process that runs Great Expectations died"),
    ],
)
def test_a_process_that_hangs_or_dies_is_a_reason(
    engine: Engine, baseline: Baseline, started: Started, process: dict[str, Any], why: str
) -> None:
    """Nothing is said to be met, why is told, and the next window is asked of a new process."""
    thread = started(**process)
    windows = [window_of(engine, baseline, ["AA"] * 60, minute=minute) for minute in range(2)]
    for window in windows:
        thread.look([window])
        outcomes = told(engine, window).outcomes

        assert [(None, why)] * 3 == [(outcome["met"], outcome["there"]) for outcome in outcomes]
    assert [] == Results(engine).findings("delays", 1)


def test_a_process_that_cannot_be_started_is_a_reason(engine: Engine, baseline: Baseline, started: Started) -> None:
    """Where there is no such program, or no room for one more process, that is told of the window."""
    window = window_of(engine, baseline, ["AA"] * 60)
    started(command=("/nowhere",)).look([window])
    why = "the process that runs Great Expectations could not be started: No such file or directory"

    assert [why] * 3 == [outcome["there"] for outcome in told(engine, window, 20.0).outcomes]


def test_what_nobody_foresaw_is_a_reason(engine: Engine, baseline: Baseline, started: Started) -> None:
    """Whatever exception is made while rows are looked at, the window is told as not looked at."""
    window = window_of(engine, baseline, ["AA"] * 60)
    thread = started(command=("no\0program",))
    thread.look([window])

    assert ["looking at its rows failed: ValueError"] * 3 == [
        outcome["there"] for outcome in told(engine, window, 20.0).outcomes
    ]


@pytest.mark.long
def test_a_pattern_that_never_ends_holds_up_nobody(engine: Engine, baseline: Baseline, started: Started) -> None:
    """While a pattern of exponential cost is tried, this process goes on; then the other one is ended."""
    window = window_of(engine, baseline, ["x" * 60] * 3, CATASTROPHE)
    started(within_s=8.0).look([window])
    turns, longest, last = 0, 0.0, time.monotonic()
    while not RowQualityStore(engine).of_windows([window.row]):
        time.sleep(0.01)
        turns, longest, last = turns + 1, max(longest, time.monotonic() - last), time.monotonic()
    (outcome,) = told(engine, window).outcomes

    assert "the process that runs Great Expectations took more than 8 s and was ended" == outcome["there"]
    assert turns > 50
    assert longest < 4.0


def test_what_finds_no_place_is_told_as_skipped(engine: Engine, baseline: Baseline, started: Started) -> None:
    """However many windows come at once, whoever hands them over does not wait, and each gets its word."""
    thread = started(command=STUCK, within_s=1.0)
    windows = [window_of(engine, baseline, ["AA"] * 60, minute=minute) for minute in range(6)]
    began = time.monotonic()
    thread.look(windows)
    took = time.monotonic() - began
    whys = [told(engine, window).outcomes[0]["there"] for window in windows]

    assert took < 0.5
    assert 4 == thread.skipped
    assert [SKIPPED] * 4 == whys[2:]


def test_rows_that_are_not_at_hand_start_no_process(engine: Engine, baseline: Baseline, started: Started) -> None:
    """A window without its rows is told at once, by whoever is there already."""
    window = replace(window_of(engine, baseline, ["AA"] * 60), sample=None, why="they are away")
    started(command=("/nowhere",)).look([window])

    assert ["they are away"] * 3 == [outcome["there"] for outcome in told(engine, window).outcomes]


def test_the_process_is_given_no_settings_and_no_secrets(
    engine: Engine, baseline: Baseline, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told how Python is found, and nothing else of its driver's variables."""
    told_to = tmp_path / "variables"
    monkeypatch.setenv("PEGEL_DATABASE_URL", "postgresql://pegel:secret@host/pegel")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    code = f"import os, pathlib; pathlib.Path({str(told_to)!r}).write_text(chr(10).join(os.environ))"
    window = window_of(engine, baseline, ["AA"] * 60)
    started(command=(sys.executable, "-c", code)).look([window])
    told(engine, window)

    assert set() == set(told_to.read_text().split()) - set(GIVEN_ON) - {"LC_CTYPE"}
    assert "PATH" in told_to.read_text().split()


def test_it_stands_back() -> None:
    """Whoever counts comes first: where processor or memory are short, the process that looks at rows lacks them."""
    code = "import os; from pegel_spark.jobs import row_quality as job; job.stand_back(); print(os.nice(0))"
    told = f"{code}; print(open('/proc/self/oom_score_adj').read())"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert [str(min(19, os.nice(0) + PATIENT)), FIRST_TO_GO] == done.stdout.split()


def test_it_ends_with_its_driver(engine: Engine, baseline: Baseline, started: Started) -> None:
    """However long a window would still take, the end waits for none, and leaves neither thread nor process."""
    thread = started(command=STUCK)
    before = {each.name for each in threading.enumerate()}
    thread.look([window_of(engine, baseline, ["AA"] * 60)])
    began = time.monotonic()
    thread.close()

    assert time.monotonic() - began < 10
    assert before >= {each.name for each in threading.enumerate()}
