"""batch_monitor: hours and days of every model, once, however often and over whichever time it runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import seeds
import sqlalchemy as sa

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.errors import PermanentError
from pegel.judge.findings import Verdict
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec.rhythms import Rhythm
from pegel.spec.settings import Settings
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.testing.manual_clock import START
from pegel.testing.samples import baseline_of, sample_window
from pegel_airflow import services
from pegel_airflow.long_span_runs import chosen, make_long_spans

LENGTH = timedelta(minutes=10)
HOUR = timedelta(hours=1)
SCHEMA = Schema((Field("x", Kind.NUMERIC),))
WHOLE_DAY = {"since": START.isoformat(), "until": (START + timedelta(days=1)).isoformat()}

RunDag = Callable[..., str]


def drawn(seed: int, n: int, shift: float = 0.0) -> Columns:
    """Draw rows of one number."""
    return Columns(n, np.random.default_rng(seed).normal(shift, size=(n, 1)), None, (), ())


def watched(settings: Settings, name: str, *, shift: float = 0.0, hours: int = 24) -> Baseline:
    """Watch a model whose windows of ten minutes lie in the first hours of a day; returns its baseline."""
    stores = services.stores(settings)
    rows = drawn(0, 5_000)
    baseline = baseline_of(SCHEMA, {"x": rows.numeric[:, 0]}, rows, scores=None, model=name)
    stores.baselines.put(baseline)
    stores.registry.put(seeds.spec(model={"name": name, "uri": "file:///m"}, windowing={"length": "10m"}))
    windows = []
    for at in range(6 * hours):
        summary = Summary.empty(baseline.layout)
        summary.update(drawn(at + 1, 20, shift), Role.FEATURE)
        span = Span(START + at * LENGTH, START + (at + 1) * LENGTH)
        named: dict[str, Any] = {"baseline_id": baseline.id, "layout_hash": baseline.layout.layout_hash, "rows": 20}
        windows.append(sample_window(span=span, model=name, summary=summary.to_bytes(), **named))
    stores.results.write(windows)
    return baseline


def spans(settings: Settings, name: str, rhythm: Rhythm) -> list[LongSpanRow]:
    """Return what is stored of a model."""
    return services.stores(settings).long_spans.spans(name, 1, rhythm)


def test_each_model_is_judged_whatever_becomes_of_others(settings: Settings, run_dag: RunDag) -> None:
    """A damaged baseline fails the run and is named; the other model has its day, and run again nothing changes."""
    watched(settings, "delays", shift=0.4)
    damaged = watched(settings, "refunds")
    with services.engine(settings.database).begin() as connection:
        broken = sa.update(tables.baselines).where(tables.baselines.c.id == damaged.id)
        connection.execute(broken.values(document=b"no document"))
    first = run_dag("batch_monitor", **WHOLE_DAY)
    stored, findings = spans(settings, "delays", Rhythm.DAY), services.stores(settings).results.findings("delays", 1)
    again = run_dag("batch_monitor", **WHOLE_DAY)

    assert ("failed", "failed") == (first, again)
    assert [(Verdict.DRIFT, 2_880, 1)] == [(day.row.verdict, day.row.rows, day.revision) for day in stored]
    assert 24 == len(spans(settings, "delays", Rhythm.HOUR))
    assert [] == spans(settings, "refunds", Rhythm.DAY)
    assert {Rhythm.DAY} <= {finding.rhythm for _, finding in findings}
    assert (stored, findings) == (
        spans(settings, "delays", Rhythm.DAY),
        services.stores(settings).results.findings("delays", 1),
    )


def test_a_back_fill_over_a_running_day_does_no_harm(settings: Settings) -> None:
    """Hour after hour, twice over and all at once leave the same spans; the day is there once it is over."""
    watched(settings, "delays", hours=20)
    specs = services.stores(settings).registry.list()
    settled = START + timedelta(hours=27)
    for hour in (*range(20), 3, 7):
        make_long_spans(settings, specs, START + hour * HOUR, START + (hour + 1) * HOUR, now=settled)
    hours = spans(settings, "delays", Rhythm.HOUR)
    waiting = spans(settings, "delays", Rhythm.DAY)
    report = make_long_spans(settings, specs, START, START + timedelta(days=2), now=START + timedelta(days=3))

    assert [1] * 20 == [hour.revision for hour in hours]
    assert [] == waiting
    assert {"delays/1": 30} == report.written
    assert [2_400, 0] == [day.row.rows for day in spans(settings, "delays", Rhythm.DAY)]
    assert {} == report.failed


def test_a_model_without_windows_is_none_to_judge(settings: Settings, run_dag: RunDag) -> None:
    """A model onboarded yesterday, of which nothing came yet, has no spans and fails nothing."""
    services.stores(settings).registry.put(seeds.spec(windowing={"length": "10m"}))

    assert "success" == run_dag("batch_monitor", models=["delays"], **WHOLE_DAY)
    assert [] == spans(settings, "delays", Rhythm.DAY)


def test_who_names_a_model_that_is_not_watched_is_told(settings: Settings) -> None:
    """Models named by hand must be watched; those that an asset names may be gone by now."""
    watched(settings, "delays", hours=1)

    assert ["delays/1"] == [spec.key for spec in chosen(settings, ["delays", "gone/1"])]
    with pytest.raises(PermanentError, match="gone/1: nothing was judged"):
        chosen(settings, ["delays/1", "gone/1"], by_hand=True)
