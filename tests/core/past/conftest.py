"""Four days of one model in a real database: one quiet, one that drifted, one without events, one counted again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec.rhythms import Rhythm
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.alert_store import AlertStore
from pegel.store.database import connect, writing
from pegel.store.long_span_store import LongSpanStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import Origin, WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_ledger, sample_outlier, sample_spec, sample_window

HOUR = timedelta(hours=1)
TOLD = {
    "feature": "departure_delay",
    "detector": "drift",
    "test": "location",
    "verdict": "drift",
    "statistic": 13.4,
    "p_value": 3e-41,
    "p_relevant": 2e-35,
    "threshold": 6e-6,
    "effect": 0.31,
    "effect_unit": "sigma",
    "n": 600,
    "m": 24_871,
    "what": "shifted up",
}


def hour(number: int, **fields: Any) -> WindowRow:
    """Return the final window of one hour, counted from the beginning of the first day."""
    span = Span(START + number * HOUR, START + (number + 1) * HOUR)
    return sample_window(0, span=span, emitted_at=span.end, **fields)


PERFORMANCE = {
    "model": "delays",
    "version": 1,
    "segment": "",
    "span_start": START + 24 * HOUR,
    "span_end": START + 48 * HOUR,
    "revision": 1,
    "answered": 14_400,
    "labelled": 12_000,
    "settled": False,
    "counts": {},
    "verdict": "drift",
    "judgement": {"figures": [{"name": "error rate", "value": 0.124}]},
    "at": START + 96 * HOUR,
}
SEGMENTS = [
    PERFORMANCE | {"segment": f"airline={name}", "labelled": labelled, "answered": 5_000, "judgement": judgement}
    for name, labelled, judgement in (
        ("AA", 800, {"figures": [{"name": "error rate", "value": 0.2}]}),
        ("WN", 4_000, {"figures": [{"name": "error rate", "value": None}]}),
        ("other", 9, {}),
    )
]


def day_of(rows: list[WindowRow], revision: int, verdict: Verdict) -> LongSpanRow:
    """Return the day that some windows make, the second time with three of them counted again."""
    span = Span(rows[0].span.start, rows[-1].span.end)
    whole = replace(rows[0], span=span, revision=revision, origin=Origin.BATCH, rows=14_400, verdict=verdict)
    again = 3 if revision > 1 else 0
    return LongSpanRow(
        rhythm=Rhythm.DAY, row=whole, part=span, windows=24, inputs="", recounted=again, late_missing=again
    )


@pytest.fixture(scope="session")
def four_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a system that has watched `delays/1` for four days, an hour a window."""
    folder = tmp_path_factory.mktemp("four_days")
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    results = Results(engine)
    quiet = [hour(number) for number in (*range(24), *range(72, 96))]
    silent = [hour(number, rows=0, requests=0, verdict=Verdict.NO_DATA) for number in range(48, 72)]
    results.write([*quiet, *silent], outliers=[sample_outlier("e1", 30)], ledger=[sample_ledger(3)])
    drifted = [hour(number) for number in range(24, 48)]
    drifted[14:17] = [replace(row, verdict=Verdict.DRIFT, judgement={"features": [TOLD]}) for row in drifted[14:17]]
    found = [sample_finding(span=row.span, effect=0.3 + at / 100) for at, row in enumerate(drifted[14:17])]
    results.write(drifted, found)
    # The last day's first hour drifted, too, until its late rows were counted.
    wrong = replace(quiet[24], verdict=Verdict.DRIFT)
    again = replace(quiet[24], revision=2, rows=700, origin=Origin.BATCH)
    results.write([wrong, again], [sample_finding(span=wrong.span, feature="airline")])
    LongSpanStore(engine).write([day_of(drifted, 1, Verdict.OK)])
    LongSpanStore(engine).write([day_of(drifted, 2, Verdict.DRIFT)])
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.performance).values([PERFORMANCE, *SEGMENTS]))
    alert = Alert(
        id=found[0].id,
        model="delays",
        version=1,
        opened_at=found[0].span.end,
        since=found[0].span.start,
        last_end=found[-1].span.end,
        features=(
            AlertFeature(
                feature="departure_delay",
                since=found[0].span.start,
                unbroken_since=found[0].span.start,
                finding=found[0],
                windows=3,
            ),
        ),
        over_at=found[-1].span.end + 16 * HOUR,
    )
    AlertStore(engine).save(Change(key="delays/1", alert=alert, mail=None, cursor=None, at=alert.opened_at))
    engine.dispose()
    return folder


@pytest.fixture
def home(four_days: Path, tmp_path: Path) -> Path:
    """A copy of that folder that a test may change."""
    return shutil.copytree(four_days, tmp_path / "home")


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    """The database of that system."""
    engine = connect(Settings(home=home).database)
    yield engine
    engine.dispose()


@pytest.fixture
def found_again(engine: Engine) -> None:
    """The day that drifted, counted again: two tests of each drifted window find the delay, and the day as one, too."""
    rows = [hour(number) for number in range(24, 48)]
    again = [replace(row, revision=2, origin=Origin.BATCH, verdict=Verdict.DRIFT) for row in rows[14:17]]
    twice = [
        sample_finding(span=row.span, revision=2, origin="batch", test=test)
        for row in again
        for test in ("location", "scale")
    ]
    Results(engine).write(again, twice)
    day = day_of(rows, 3, Verdict.DRIFT)
    of_day: dict[str, Any] = {"span": day.row.span, "origin": "batch", "evidence": {"rhythm": "day"}}
    found = [sample_finding(feature=name, revision=3, **of_day) for name in ("departure_delay", "distance")]
    LongSpanStore(engine).write([day], found)


@pytest.fixture
def damage(engine: Engine) -> Iterator[sa.Connection]:
    """A connection through which a test damages rows."""
    with engine.execution_options(pegel_write=True).begin() as connection:
        yield connection
