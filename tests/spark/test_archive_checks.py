"""The job that looks at archived rows: of each model what it asks for, from files to findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from sqlalchemy import Engine

from pegel.alerts.alert_kind import AlertKind
from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import archive_schema
from pegel.data.columns import Field, Kind, Schema
from pegel.data.spans import Span
from pegel.judge.skew import explain_skew
from pegel.quality.archive_checks_wanted import wants_archive_checks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.row_quality_store import RowQualityStore
from pegel.store.skew_store import SkewStore
from pegel.testing.samples import sample_ledger, sample_spec, trained_on
from pegel_spark.archived_row_checks import ArchiveChecks, RowsLookedAt
from pegel_spark.jobs import archive_checks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Span(NOON, NOON + timedelta(hours=1))
SCHEMA = Schema((Field("distance", Kind.NUMERIC), Field("airline", Kind.CATEGORICAL)))
SUITE = {
    "name": "mine",
    "made": "2026-11-29",
    "expectations": [
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "airline", "regex": "^[A-Z]{2}$"}}
    ],
}
ROWS = 300


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a home of its own."""
    return Settings(home=tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """Its results database."""
    engine = connect(settings.database)
    give_tables(engine)
    yield engine
    engine.dispose()


def wish(folder: Path, name: str = "delays", **parts: Any) -> MonitorSpec:
    """Return a spec with a suite and a table that its online store is filled from."""
    online = {"source": "local://flights", "keys": ["flight"], "features": ["distance", "airline"]}
    skew = {"table": f"parquet:{folder}/flights", "time": "updated"}
    whole = {"online": online, "skew": skew, "watch": {"expectations": [SUITE]}}
    return sample_spec(name, **{**whole, **parts})


def watched(engine: Engine, spec: MonitorSpec) -> MonitorSpec:
    """Watch a model by a baseline of clean rows."""
    rows = pa.table({"distance": np.arange(2_000.0), "airline": pa.array(["WN", "AA"] * 1_000, pa.string())})
    baselines = BaselineStore(engine)
    baseline = baselines.put(trained_on(rows, SCHEMA, spec))
    baselines.promote(spec.model.name, 1, baseline, None, by="ada", now=NOON)
    Registry(engine).put(spec)
    return spec


def archive(settings: Settings, spec: MonitorSpec, airline: str = "wn") -> None:
    """Write rows of flights whose distance is their number, and the table that says so with another airline."""
    columns = archive_schema(SCHEMA, spec.online.keys, {})
    values: dict[str, list[Any]] = {name: [None] * ROWS for name in columns.names}
    values |= {"event_id": [f"e{at}" for at in range(ROWS)], "row": [0] * ROWS}
    values |= {"event_time": [NOON + timedelta(seconds=at) for at in range(ROWS)]}
    values |= {"e_flight": [f"WN{at}" for at in range(ROWS)], "f_distance": [float(at) for at in range(ROWS)]}
    values |= {"f_airline": [airline] * ROWS}
    folder = Path(model_folder(settings.archive_root, Kept.ROWS, spec.namespace, spec.model.name, 1))
    folder = folder / hour_folder(NOON) / written_folder(1)
    folder.mkdir(parents=True)
    pq.write_table(pa.table(values, schema=columns), folder / "part-0.parquet")
    (folder / COMPLETE).touch()
    table = {
        "flight": [f"WN{at}" for at in range(ROWS)],
        "updated": pa.array([NOON - timedelta(days=1)] * ROWS, pa.timestamp("us", "UTC")),
        "distance": list(range(ROWS)),
        "airline": ["WN"] * ROWS,
    }
    pq.write_table(pa.table(table), settings.home / "flights")


def looked(spark: Any, settings: Settings, engine: Engine, *specs: MonitorSpec) -> RowsLookedAt:
    """Look at the hour's rows of models."""
    checked = RowsLookedAt()
    for spec in specs:
        ArchiveChecks(spark, settings, engine, HOUR, NOON + timedelta(hours=2)).look_at(spec, checked)
    return checked


def test_rows_that_are_not_all_archived_yet_are_not_judged(spark: Any, settings: Settings, engine: Engine) -> None:
    """A part of an hour would be told as all of it: the run fails for that model, and nothing is stored."""
    spec = watched(engine, wish(settings.home))
    archive(settings, spec)
    lagging = replace(sample_ledger(judged=ROWS, late=1, invalid=0, duplicate=0), minute=NOON)
    Results(engine).write(ledger=[lagging])
    checked = looked(spark, settings, engine, spec)

    assert ["quality", "skew"] == [line.split(": ")[1] for line in checked.failed]
    assert "has not all rows of that time" in checked.failed[0]
    assert [] == RowQualityStore(engine).of_spans("delays", 1)


def test_rows_become_findings(spark: Any, settings: Settings, engine: Engine) -> None:
    """Files of an hour are held against suite and table: two findings of two kinds, with what was looked at; once."""
    spec = watched(engine, wish(settings.home))
    archive(settings, spec)
    checked = looked(spark, settings, engine, spec, spec)
    findings = [finding for _, finding in Results(engine).findings("delays", 1)]
    (skew,) = SkewStore(engine).list("delays", 1)
    (quality,) = RowQualityStore(engine).of_spans("delays", 1)

    assert ([], 4) == (checked.failed, len(checked.lines))
    assert {AlertKind.QUALITY, AlertKind.SKEW} == {AlertKind.of(finding) for finding in findings}
    assert ("airline", "airline") == tuple(finding.feature for finding in findings)
    assert (ROWS, 0, {"distance": 0, "airline": ROWS}) == (skew.skew.compared, skew.skew.unknown, skew.skew.differing)
    assert (ROWS, ROWS, False) == (quality.looked_at, quality.rows, quality.outcomes[0]["met"])
    assert "e" == quality.outcomes[0]["rows"][0][0]
    assert explain_skew(next(each for each in findings if each.detector == "skew")).agrees


def test_one_models_trouble_is_told(spark: Any, settings: Settings, engine: Engine) -> None:
    """A table that is not there is a sentence that names the setting; the other model is looked at all the same."""
    lost = watched(engine, wish(settings.home / "absent", "lost", watch={}))
    spec = watched(engine, wish(settings.home))
    archive(settings, spec, "WN")
    checked = looked(spark, settings, engine, lost, spec)

    assert 1 == len(checked.failed)
    assert checked.failed[0].startswith("lost/1: skew.table: ")
    assert checked.failed[0].endswith("Nothing was compared.")
    assert [
        "delays/1: 300 rows, 0 of 1 expectations not met",
        "delays/1: 300 served rows compared, 0 features served otherwise than the table says",
    ] == checked.lines


def test_who_asks_for_nothing_starts_no_spark(
    settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model without suites and without a table is not looked at, and neither is one whose rows are not kept."""
    plain = sample_spec()
    unkept = wish(settings.home, archive={"keep": 0})
    job = archive_checks.checked(HOUR, frozenset(), settings, engine)

    assert [False, False, True] == [wants_archive_checks(spec) for spec in (plain, unkept, wish(settings.home))]
    assert RowsLookedAt() == job
