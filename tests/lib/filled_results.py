"""A small results database with something for every view: a model with windows, findings, labels, a driver."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.severity import Severity
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.judge.performance.span_judgement import judge_counts
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.health_alerts import HealthAlerts
from pegel.store.passes import RECONCILE, Passes
from pegel.store.performance_store import PerformanceStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit
from pegel.stream.result_rows import Origin
from pegel.testing.manual_clock import START, ManualClock
from pegel.testing.samples import (
    sample_arrivals,
    sample_baseline,
    sample_finding,
    sample_heartbeat,
    sample_ledger,
    sample_outlier,
    sample_spec,
    sample_window,
)

ODD = "d\x00\ud800"
"""A name that PostgreSQL would not take."""
VERDICT: dict[str, Any] = {
    "feature": "departure_delay",
    "detector": "drift",
    "verdict": "drift",
    "test": "location",
    "statistic": 13.4,
    "p_value": 3e-41,
    "p_relevant": 2e-35,
    "threshold": 6e-6,
    "budget_share": 1 / 12,
    "effect": 0.31,
    "effect_unit": "sigma",
    "n": 600,
    "m": 24_871,
    "what": "shifted up",
    "evidence": {"far": math.inf},
}
FURTHER = VERDICT | {"feature": ODD, "verdict": "ok", "effect": None, "statistic": math.inf, "p_relevant": None}
NUL = "d\x00"
CALM = VERDICT | {"verdict": "below_margin", "p_value": 0.004, "effect": 0.01}
JUDGEMENT = {"features": [VERDICT], "further": [FURTHER], "notes": ["\ud800"]}
OUTCOME: dict[str, Any] = {
    "suite": "delays",
    "type": "expect_column_values_to_be_between",
    "kwargs": {"max_value": math.inf},
    "feature": "airline",
    "test": "between",
    "expected": "0 to 1",
    "met": None,
    "severity": "critical",
    "there": "3 % of 600 values are not so, such as \x00",
    "n": 600,
    "p_value": 0.25,
}
LABELLED = PerformanceCounts.of(
    LabelledRows.of_classes(
        ["1", "0", "0"],
        ["1", "1", None],
        event_time=np.full(3, "2026-01-01T00:10", dtype="datetime64[us]"),
        arrived_at=np.array(["2026-01-02", "2026-01-02", "NaT"], dtype="datetime64[us]"),
        score=np.array([0.9, 0.2, 0.4]),
    )
)


def fill(engine: Engine) -> None:
    """Write something for every view: a model with windows of several revisions, findings, labels, a driver."""
    spec, baseline = sample_spec(), sample_baseline()
    Registry(engine, ManualClock(START)).put(spec)
    BaselineStore(engine).put(baseline)
    BaselineStore(engine).promote("delays", 1, baseline.id, expected=None, now=START, by="tests", why="first")
    first = sample_window(judgement={"features": [VERDICT]})
    second = sample_window(revision=2, judgement=JUDGEMENT, verdict=Verdict.DRIFT, late=1)
    found = [sample_finding(revision=2), sample_finding(revision=2, feature=NUL, p_relevant=None)]
    batch = sample_window(1, origin=Origin.BATCH, verdict=Verdict.BELOW_MARGIN, judgement={"features": [CALM]})
    open_one = sample_window(2, final=False, judgement=JUDGEMENT)
    segment = sample_window(segment="airline=AA", judgement={"features": [VERDICT]})
    results = Results(engine)
    results.write([first, second, sample_window(1), batch, open_one, segment], found, [sample_outlier()])
    RowQualityStore(engine).write(RowQualityRow.about(second, looked_at=599, rows=600, outcomes=[OUTCOME], at=START))
    PerformanceStore(engine).write([performance(), replace(performance(), segment="airline=AA", judgement={})])
    begun = found[0].span.start
    about = AlertFeature(feature="departure_delay", since=begun, unbroken_since=begun, finding=found[0])
    alert = Alert(
        id=found[0].id,
        model="delays",
        version=1,
        opened_at=START,
        since=found[0].span.start,
        last_end=found[0].span.end,
        features=(about,),
        severity=Severity.CRITICAL,
        held_by=(3, 5),
    )
    AlertStore(engine).save(Change(key="delays/1", alert=alert, mail=None, cursor=1, at=START))
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    rows = [sample_ledger(), sample_ledger(1, judged=7)]
    store.commit(claim, Commit(ledger=rows, arrivals=sample_arrivals(rows[:1])), START)
    store.heartbeat(claim, sample_heartbeat(START, generation=claim.generation))
    Passes(engine).note(RECONCILE, START)
    watching = HealthAlert(
        kind=HealthKind.BEHIND,
        about="default",
        group="default",
        models=("delays/1", "fraud/2"),
        since=START - timedelta(days=1),
        reason="records wait",
        severity=Severity.CRITICAL,
    )
    HealthAlerts(engine).keep(watching, START)
    HealthAlerts(engine).keep(replace(watching, kind=HealthKind.NO_TRAFFIC, models=("delays/1",)), START)
    HealthAlerts(engine).forget(HealthKind.NO_TRAFFIC, "default", START)


def performance() -> PerformanceRow:
    """Return an hour of labelled answers."""
    return PerformanceRow(
        model="delays",
        version=1,
        span=Span(START, START + timedelta(hours=1)),
        counts=LABELLED,
        settled=True,
        verdict=Verdict.BASELINE_MISSING,
        judgement=judge_counts(LABELLED, None, level=0.01, margin=0.1).to_json(),
        at=START,
    )
