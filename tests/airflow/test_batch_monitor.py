"""batch_monitor: each task whatever becomes of others, each span once, however often and over whichever time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cluster
import httpx
import numpy as np
import pytest
import seeds
import sqlalchemy as sa

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span, floor
from pegel.errors import PermanentError
from pegel.judge.findings import Verdict
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec.rhythms import Rhythm
from pegel.spec.settings import Settings
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.testing.manual_clock import START
from pegel.testing.samples import baseline_of, sample_window, tabled
from pegel_airflow import services
from pegel_airflow.assets import LABELS
from pegel_airflow.long_span_runs import chosen, make_long_spans

LENGTH = timedelta(minutes=10)
HOUR = timedelta(hours=1)
SCHEMA = Schema((Field("x", Kind.NUMERIC),))
WHOLE_DAY = {"since": START.isoformat(), "until": (START + timedelta(days=1)).isoformat()}

RunDag = Callable[..., str]


def drawn(seed: int, n: int, shift: float = 0.0) -> Columns:
    """Draw rows of one number."""
    return Columns(n, np.random.default_rng(seed).normal(shift, size=(n, 1)), None, (), ())


def watched(
    settings: Settings, name: str, *, shift: float = 0.0, hours: int = 24, begin: datetime = START, **wishes: object
) -> Baseline:
    """Watch a model whose windows of ten minutes lie in the hours after `begin`; returns its baseline."""
    stores = services.stores(settings)
    rows = drawn(0, 5_000)
    baseline = baseline_of(SCHEMA, {"x": rows.numeric[:, 0]}, rows, scores=None, model=name)
    stores.baselines.put(baseline)
    stores.registry.put(seeds.spec(model={"name": name, "uri": "file:///m"}, windowing={"length": "10m"}, **wishes))
    windows = []
    for at in range(6 * hours):
        summary = Summary.empty(baseline.layout)
        summary.update(drawn(at + 1, 20, shift), Role.FEATURE)
        span = Span(begin + at * LENGTH, begin + (at + 1) * LENGTH)
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
        make_long_spans(settings, specs, START + hour * HOUR, START + (hour + 1) * HOUR, only=True, now=settled)
    hours = spans(settings, "delays", Rhythm.HOUR)
    waiting = spans(settings, "delays", Rhythm.DAY)
    until = START + timedelta(days=2)
    report = make_long_spans(settings, specs, START, until, only=True, now=until + timedelta(days=1))

    assert [1] * 20 == [hour.revision for hour in hours]
    assert [] == waiting
    assert {"delays/1": 30} == report.written
    assert [2_400, 0] == [day.row.rows for day in spans(settings, "delays", Rhythm.DAY)]
    assert {} == report.failed


@dataclass(frozen=True)
class LastRun:
    """How the newest run ended: the states of its tasks, and its note."""

    tasks: dict[str, str]
    note: str


def last_run() -> LastRun:
    """Return what Airflow's database says of the newest run."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        newest = sa.select(DagRun).where(DagRun.dag_id == "batch_monitor").order_by(DagRun.id.desc()).limit(1)
        run = session.scalars(newest).one()
        return LastRun({task.task_id: str(task.state) for task in run.task_instances}, run.note or "")


def test_models_without_work_for_spark_start_none(settings: Settings, run_dag: RunDag, spark: cluster.Cluster) -> None:
    """Without labels, new rows and suites the run judges long spans and submits nothing."""
    watched(settings, "delays", hours=1)
    state = run_dag("batch_monitor", **WHOLE_DAY)

    assert ("success", []) == (state, spark.started)
    assert 1 == len(spans(settings, "delays", Rhythm.DAY))
    assert "skipped" == last_run().tasks["fail"]


def test_rows_are_there_before_they_are_asked_for(settings: Settings, run_dag: RunDag, spark: cluster.Cluster) -> None:
    """Rows are archived, then labels are joined with them, long spans made, and the rows of the time looked at."""
    wishes: dict[str, Any] = {"labels": {"source": "topic"}, "watch": {"expectations": seeds.EXPECTATIONS}}
    watched(settings, "delays", hours=1, **wishes)
    seeds.count_records(settings, services.stores(settings).registry.list()[0])
    state = run_dag("batch_monitor", **WHOLE_DAY)

    assert ("success", ["archive.py", "join_labels.py", "archive_checks.py"]) == (state, spark.started)
    assert [(START.isoformat(), (START + timedelta(days=1)).isoformat())] == spark.intervals


def test_tables_are_read_before_anything_is_judged(settings: Settings, run_dag: RunDag, spark: cluster.Cluster) -> None:
    """A job is told of the time of the run, and a table that cannot be read fails the run and holds up nothing."""
    watched(settings, "delays", hours=1)
    services.stores(settings).registry.put(seeds.spec(model=tabled("scores")))
    state = run_dag("batch_monitor", **WHOLE_DAY)
    spark.refusal = "tables of 1 of the models were not judged, the others are: scores/1: model.table: expected a table"
    broken, ended = run_dag("batch_monitor", models=["scores"], **WHOLE_DAY), last_run()

    assert ("success", "failed") == (state, broken)
    assert ["read_tables.py"] == list(dict.fromkeys(spark.started))
    assert [(START.isoformat(), (START + timedelta(days=1)).isoformat())] == list(dict.fromkeys(spark.intervals))
    assert ("failed", "success") == (ended.tasks["read_tables"], ended.tasks["judge_long_spans"])
    assert "scores/1: model.table: expected a table" in ended.note
    assert "scores/1" == spark.submissions[-1].model
    assert 1 == len(spans(settings, "delays", Rhythm.DAY))


def test_named_models_are_those_of_every_task(settings: Settings, run_dag: RunDag, spark: cluster.Cluster) -> None:
    """Rows of no other are archived, joined with labels, judged or looked at; one that nobody watches fails them."""
    wishes: dict[str, Any] = {"labels": {"source": "topic"}, "watch": {"expectations": seeds.EXPECTATIONS}}
    for name in ("delays", "loans"):
        watched(settings, name, hours=1, **wishes)
    seeds.count_records(settings, services.stores(settings).registry.list()[0])
    state = run_dag("batch_monitor", models=["delays"], **WHOLE_DAY)
    named, started = list(spark.named), list(spark.started)
    run_dag("batch_monitor", models=["gone/1"], **WHOLE_DAY)

    assert ("success", 3, [["delays/1"]] * 3) == (state, len(started), named)
    assert (1, 0) == tuple(len(spans(settings, name, Rhythm.DAY)) for name in ("delays", "loans"))
    assert {"failed", "upstream_failed"} >= set(last_run().tasks.values())
    assert started == spark.started


def test_a_failure_holds_up_nothing_and_is_named(settings: Settings, run_dag: RunDag, spark: cluster.Cluster) -> None:
    """Although nothing can be archived, long spans are made of windows; the run fails, and its note says of what."""
    watched(settings, "delays", hours=1)
    seeds.count_records(settings, services.stores(settings).registry.list()[0])
    spark.refusal = "PEGEL_ARCHIVE: expected an address"
    state, ended = run_dag("batch_monitor", **WHOLE_DAY), last_run()

    assert "failed" == state
    assert {
        "archive": "failed",
        "read_tables": "success",
        "join_labels": "success",
        "judge_long_spans": "success",
        "check_archive": "success",
        "fail": "failed",
    } == ended.tasks
    assert "archive: the job that archives rows refused its input: PEGEL_ARCHIVE: expected an address" in ended.note
    assert 1 == len(spans(settings, "delays", Rhythm.DAY))


def test_airflow_back_fills_a_running_day_hour_by_hour(
    settings: Settings, workflows: Any, listed: Path, browse: Callable[[str | None], httpx.Client]
) -> None:
    """It offers an hour a run up to the last full one; run in any order and again, each hour is judged once."""
    present = floor(datetime.now(UTC), HOUR)
    begin = present - 12 * HOUR
    watched(settings, "delays", hours=3, begin=begin)
    asked = {"dag_id": "batch_monitor", "from_date": begin.isoformat(), "to_date": (present + 12 * HOUR).isoformat()}
    offered = browse("otto").post("/api/v2/backfills/dry_run", json=asked).json()["backfills"]
    states = [str(workflows["batch_monitor"].test(logical_date=begin + hour * HOUR).state) for hour in (2, 4, 3, 4)]

    hours = [datetime.fromisoformat(run["logical_date"]) for run in offered]
    assert [begin + hour * HOUR for hour in range(12)] == hours[:12]
    assert ["success"] * 4 == states
    stored = spans(settings, "delays", Rhythm.HOUR)
    assert [(begin + hour * HOUR, 120, 1) for hour in range(3)] == [
        (hour.row.span.start, hour.row.rows, hour.revision) for hour in stored[:3]
    ]
    assert [] == [day for day in spans(settings, "delays", Rhythm.DAY) if day.row.span.end > present]


def test_an_asset_of_labels_rings_it(settings: Settings, workflows: Any) -> None:
    """New labels start a run beside the clock's; it has no time of its own, so no hour's rows are looked at."""
    watched(settings, "delays", hours=1)
    workflow = workflows["batch_monitor"]
    state = str(workflow.test(logical_date=None).state)

    assert [LABELS] == list(workflow.timetable.asset_condition.objects)
    assert ("success", "skipped") == (state, last_run().tasks["check_archive"])


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
