"""Small valid values to start a test from; every argument replaces one field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.alerts.matcher import Matcher
from pegel.alerts.silencing import Silence
from pegel.baseline.baseline import Baseline
from pegel.baseline.row_learning import RowLearning, RowWish
from pegel.baseline.row_reference import RowReference
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Finding, Verdict
from pegel.spec import names
from pegel.spec.monitor_spec import DEPLOYMENT, MonitorSpec
from pegel.stats.layout import Layout, build_layout
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import Summary
from pegel.stream.commit import ArrivalRow
from pegel.stream.result_rows import Heartbeat, InvalidRow, LedgerRow, OutlierRow, WindowRow
from pegel.testing.manual_clock import START

MINUTE = timedelta(minutes=1)


def sample_spec(name: str = "delays", version: int = 1, **fields: Any) -> MonitorSpec:
    """Return a valid spec; `fields` are top-level parts as plain data."""
    document = {
        "model": {"name": name, "version": version, "uri": f"file:///models/{name}"},
        "baseline": {"source": f"local://{name}?version=1&split=train"},
        "alerts": {"emails": ["on-call@example.org"]},
    }
    return MonitorSpec.parse(document | fields)


def deployed(name: str = "delays", topic: str = "delays-inference", **fields: Any) -> dict[str, Any]:
    """Return the section `model` of a deployment of Hopsworks, as plain data."""
    return {"name": name, "source": DEPLOYMENT, "topic": topic} | fields


def tabled(name: str = "delays", **fields: Any) -> dict[str, Any]:
    """Return the section `model` of a model that only stands in a table, as plain data."""
    return {"name": name, "source": "table", "table": "delta:s3a://lake/scores", "time": "scored_at"} | fields


def brief_spec(name: str = "delays", **changes: Any) -> MonitorSpec:
    """Return a spec with windows of 5 s and a lateness of 2 s, for tests of the stream; `changes` as above."""
    brief = {"windowing": {"length": 5, "lateness": 2}, "watch": {"outliers_per_day": 500}, "alerts": {}}
    source = {"source": "local://delays?version=1&split=train"}
    return sample_spec(name, **{**brief, "baseline": source, **changes})


def sample_span(minute: int = 0) -> Span:
    """Return the one-minute span that begins `minute` minutes after the start of 2026."""
    return Span(START + minute * MINUTE, START + (minute + 1) * MINUTE)


def sample_window(minute: int = 0, revision: int = 1, **fields: Any) -> WindowRow:
    """Return a final window without a finding."""
    span = sample_span(minute)
    values: dict[str, Any] = {
        "model": "delays",
        "version": 1,
        "span": span,
        "revision": revision,
        "final": True,
        "requests": 600,
        "responses": 600,
        "joined": 600,
        "rows": 600,
        "late": 0,
        "duplicates": 0,
        "invalid": 0,
        "clamped": 0,
        "verdict": Verdict.OK,
        "summary": b"",
        "baseline_id": "sha256:" + "0" * 64,
        "layout_hash": "1" * 64,
        "spec_fingerprint": "2" * 64,
        "code_version": "0.1.0",
        "judgement": {},
        "emitted_at": span.end + timedelta(seconds=12),
    }
    return WindowRow(**(values | fields))


def sample_finding(minute: int = 0, feature: str = "departure_delay", revision: int = 1, **fields: Any) -> Finding:
    """Return a drift finding of one feature."""
    values: dict[str, Any] = {
        "model": "delays",
        "version": 1,
        "feature": feature,
        "detector": "drift",
        "span": sample_span(minute),
        "revision": revision,
        "verdict": Verdict.DRIFT,
        "test": "location",
        "statistic": 13.4,
        "p_value": 3e-41,
        "p_relevant": 2e-35,
        "threshold": 6e-6,
        "budget_share": 0.08,
        "effect": 0.31,
        "effect_unit": "sigma",
        "n": 600,
        "m": 24_871,
        "baseline_id": "sha256:" + "0" * 64,
        "what": "shifted up",
        "evidence": {"mean_shift": 9.1, "unit": "min"},
    }
    return Finding(**(values | fields))


def sample_silence(until: datetime | None, model: str = "delays", version: int = 1, **fields: Any) -> Silence:
    """Return what ada said; fields of what it is about may be given beside those of the silence."""
    about = {name: fields.pop(name) for name in ("segment", "feature", "kind") if name in fields}
    known: dict[str, Any] = {"why": "storm", "by": "ada", "said_at": START}
    known["about"] = Matcher(model=model, version=version, **about)
    return Silence(until=until, **(known | fields))


def sample_outlier(event: str = "e1", minute: int = 0, **fields: Any) -> OutlierRow:
    """Return one outlying row."""
    values: dict[str, Any] = {
        "model": "delays",
        "version": 1,
        "event_id": event,
        "row": 0,
        "event_time": sample_span(minute).start,
        "score": 31.2,
        "cutoff": 27.5,
        "p_value": 0.0004,
        "reasons": [{"feature": "departure_delay", "value": 1_301.0, "part": 11.9}],
    }
    return OutlierRow(**(values | fields))


def sample_ledger(minute: int = 0, **fields: Any) -> LedgerRow:
    """Return a minute's ledger that closes."""
    values: dict[str, Any] = {
        "model": "delays",
        "version": 1,
        "minute": sample_span(minute).start,
        "judged": 1_195,
        "late": 1,
        "invalid": 3,
        "duplicate": 1,
        "dropped": 0,
    }
    return LedgerRow(**(values | fields))


def sample_arrivals(rows: Sequence[LedgerRow]) -> list[ArrivalRow]:
    """Return the records that such ledger rows account for, as arrived in one partition."""
    topic = names.inference_topic("default")
    return [ArrivalRow(topic=topic, partition=0, minute=row.minute, records=row.arrived) for row in rows]


def sample_invalid(minute: int = 0, kind: str = "not_json", **fields: Any) -> InvalidRow:
    """Return a minute's count of one kind of invalid input."""
    values: dict[str, Any] = {
        "model": "delays",
        "version": 1,
        "minute": sample_span(minute).start,
        "kind": kind,
        "count": 3,
        "sample": '{"instances": [[1, 2',
    }
    return InvalidRow(**(values | fields))


def sample_heartbeat(at: datetime = START, group: str = "default", **fields: Any) -> Heartbeat:
    """Return the heartbeat of a healthy driver of generation 1."""
    values: dict[str, Any] = {
        "group": group,
        "generation": 1,
        "fingerprint": "3" * 64,
        "batch_id": 17,
        "lag": 0,
        "event_time_head": at - timedelta(seconds=1),
        "at": at,
        "started_at": at - timedelta(minutes=5),
        "pid": 4711,
        "progressed_at": at,
    }
    return Heartbeat(**(values | fields))


def counted(layout: Layout, table: pa.Table, *, exact: bool = False) -> Summary:
    """Return the summary of a table with a column per field of the layout; `exact` as for a baseline."""
    summary = Summary.empty(layout, exact=exact)
    (batch,) = table.combine_chunks().to_batches()
    for role in layout.schema.roles:
        summary.update(columns_of(layout.schema.of_role(role), batch), role)
    return summary


def trained_on(table: pa.Table, schema: Schema, spec: MonitorSpec, kept: tuple[str, ...] = ()) -> Baseline:
    """Return the baseline of a table, as the baseline job builds it; `kept` names further statistics."""
    columns = {
        field.name: table.column(field.name).to_numpy()
        if field.kind is Kind.NUMERIC
        else np.array(table.column(field.name).to_pylist(), dtype=object)
        for field in schema.fields
    }
    layout = build_layout(schema, columns, kept)
    (batch,) = table.combine_chunks().to_batches()
    features = columns_of(schema.of_role(Role.FEATURE), batch)
    segments = SegmentCounts(layout, Segments.of(layout, spec.watch.segments))
    codes = segments.segments.rows(layout, features)
    for role in schema.roles:
        segments.update(columns_of(schema.of_role(role), batch), role, codes)
    summary = counted(layout, table, exact=True)
    return Baseline.build(
        layout=layout,
        summary=summary,
        model=spec.model.name,
        version=spec.model.version,
        source=spec.baseline.source,
        scores=lambda tables: tables.score(features)[0],
        watch=spec.watch,
        segments=segments,
        rows_sent=_rows_sent(summary, features, spec),
    )


def _rows_sent(summary: Summary, rows: Columns, spec: MonitorSpec) -> RowReference | None:
    """Return what a spec asks for of how rows are sent, of rows without times."""
    asked = spec.adversarial
    wish = RowWish(asked.off_grid, asked.combinations, asked.probing)
    learning = RowLearning(summary, wish)
    if not wish.is_any:
        return None
    return learning.reference(learning.of_rows(rows), window_rows=spec.expected_rows, timed=False)


def baseline_of(schema: Schema, values: Mapping[str, NDArray[Any]], rows: Columns, **identity: Any) -> Baseline:
    """Return the baseline of rows, which are the `values` of each field of a schema; its outliers are cut off by them.

    `identity`: what `Baseline.build` is given otherwise; `segments` are the columns that part the rows.
    """
    layout = build_layout(schema, values)
    summary = Summary.empty(layout, exact=True)
    summary.update(rows, Role.FEATURE)
    parts = SegmentCounts(layout, Segments.of(layout, identity.pop("segments", ())))
    parts.update(rows, Role.FEATURE, parts.segments.rows(layout, rows))
    identity["segments"] = parts
    given: dict[str, Any] = {"model": "delays", "version": 1, "source": "local://delays", "created_at": START}
    given |= {"scores": lambda tables: tables.score(rows)[0], "watch": sample_spec().watch}
    return Baseline.build(layout=layout, summary=summary, **(given | identity))


def sample_baseline(seed: int = 0, *, fields: int = 2, rows: int = 500, **identity: Any) -> Baseline:
    """Return a baseline of numeric features `f0`, `f1`, ... that are normal; other seeds give other baselines."""
    schema = Schema(tuple(Field(f"f{number}", Kind.NUMERIC) for number in range(fields)))
    values = np.random.default_rng(seed).normal(size=(rows, fields))
    by_field = {field.name: values[:, at] for at, field in enumerate(schema.fields)}
    return baseline_of(schema, by_field, Columns(rows, values, None, (), ()), **({"scores": None} | identity))
