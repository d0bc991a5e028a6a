"""A small real world to report on: a baseline, clean windows, then drifting ones, in a real database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blueprints import give_tables
from numpy.typing import NDArray

from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.judge.judge import judge
from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.report.reading import Sources
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.store.action_log import ActionLog
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit
from pegel.testing.manual_clock import START
from pegel.testing.samples import (
    MINUTE,
    sample_arrivals,
    sample_heartbeat,
    sample_invalid,
    sample_ledger,
    sample_outlier,
    sample_span,
    sample_spec,
    sample_window,
)

SCHEMA = Schema(
    (
        Field("departure_delay", Kind.NUMERIC, unit="min"),
        Field("airline", Kind.CATEGORICAL),
        Field("day_of_week", Kind.NUMERIC),
        Field("arrival_delay", Kind.NUMERIC, Role.PREDICTION, unit="min"),
    )
)
NOW = START + 24 * MINUTE + timedelta(seconds=20)
DRIFT_FROM = 18

Rows = dict[str, NDArray[Any]]


def _rows(rng: np.random.Generator, n: int, later: float = 0.0) -> Rows:
    """Return `n` rows whose delays are `later` minutes longer."""
    departure = np.round(rng.gamma(1.1, 16.0, n) - 12 + later)
    return {
        "departure_delay": departure,
        "airline": rng.choice(["WN", "DL", "<b>AA</b>"], n, p=[0.5, 0.3, 0.2]).astype(object),
        "day_of_week": rng.integers(1, 8, n).astype(np.float64),
        "arrival_delay": 0.9 * departure + rng.normal(0, 8, n),
    }


def _fill(summary: Summary, rows: Rows) -> Summary:
    n = rows["departure_delay"].size
    numeric = np.column_stack([rows["departure_delay"], rows["day_of_week"]])
    summary.update(Columns(n, numeric, None, (rows["airline"],), (None,)), Role.FEATURE)
    summary.update(Columns(n, rows["arrival_delay"][:, None], None, (), ()), Role.PREDICTION)
    return summary


@pytest.fixture(scope="session")
def baseline() -> Baseline:
    """The baseline of 5,000 rows."""
    rows = _rows(np.random.default_rng(1), 5_000)
    layout = build_layout(SCHEMA, rows)
    summary = _fill(Summary.empty(layout, exact=True), rows)
    build = partial(Baseline.build, layout=layout, summary=summary, model="delays", version=1, source="local://delays")
    return build(scores=None, watch=sample_spec().watch, created_at=START - timedelta(days=59))


@pytest.fixture(scope="session")
def judged(baseline: Baseline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twenty-four judged windows that drift from the nineteenth on; one alert, one restart, bad input."""
    folder = tmp_path_factory.mktemp("judged")
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    give_tables(engine)
    baselines = BaselineStore(engine)
    baselines.promote("delays", 1, baselines.put(baseline), None, by="test", now=NOW)
    Registry(engine).put(sample_spec())
    rng, results = np.random.default_rng(2), Results(engine)
    stream = StreamStore(engine)
    claim = stream.claim("default", 1, NOW)
    for minute in range(24):
        _write(stream, claim, baseline, minute, rng)
    results.write(outliers=[sample_outlier("<script>", 3)], invalid=[sample_invalid(3, sample="<script>alert(1)")])
    stream.heartbeat(claim, sample_heartbeat(NOW))
    restart = Action(
        kind=ActionKind.RESTART, target=Target.driver("default"), reason="exited with -9: killed", generation=2
    )
    ActionLog(engine).record([restart], START + MINUTE)
    inbox = AlertStore(engine).inbox("delays", 1, NOW)
    for change in update(inbox.alerts, inbox.findings, inbox.windows, NOW, [sample_spec()]):
        AlertStore(engine).save(change)
    engine.dispose()
    return folder


@pytest.fixture
def sources(judged: Path, tmp_path: Path) -> Iterator[Sources]:
    """A copy of the judged windows that a test may change."""
    shutil.copytree(judged, tmp_path / "copy")
    engine = connect(f"sqlite:///{tmp_path / 'copy' / 'pegel.db'}")
    yield Sources(engine)
    engine.dispose()


def _write(store: StreamStore, claim: Claim, baseline: Baseline, minute: int, rng: np.random.Generator) -> None:
    """Judge one window of 600 rows and write it."""
    later = 8.0 if minute >= DRIFT_FROM else 0.0
    summary = _fill(Summary.empty(baseline.layout), _rows(rng, 600, later))
    judged = judge(baseline, summary, spec=sample_spec(), span=sample_span(minute), revision=1)
    row = sample_window(
        minute,
        summary=summary.to_bytes(),
        layout_hash=baseline.layout.layout_hash,
        baseline_id=baseline.id,
        verdict=judged.verdict,
        judgement={"features": [verdict.to_json() for verdict in judged.features]},
    )
    ledger = [sample_ledger(minute)]
    commit = Commit(windows=[row], findings=list(judged.findings), ledger=ledger, arrivals=sample_arrivals(ledger))
    store.commit(claim, commit, row.emitted_at)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Sources]:
    """A database in which nothing is."""
    engine = connect(f"sqlite:///{tmp_path / 'empty.db'}")
    give_tables(engine)
    yield Sources(engine)
    engine.dispose()
