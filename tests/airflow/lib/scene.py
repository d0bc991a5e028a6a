"""A model that was watched for a while: real baseline, judged windows, findings, outliers, ledger, invalid input.

All of it is computed by the code that computes it in service, from seeded random rows; only Kafka and Spark are absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import seeds
from numpy.typing import NDArray

from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.judge.judge import judge
from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit
from pegel.stream.result_rows import InvalidRow, LedgerRow, OutlierRow, WindowRow
from pegel.testing.samples import sample_arrivals
from pegel.testing.stream_fakes import speak
from pegel_airflow import services

CARRIERS = np.array(["WN", "DL", "AA", "UA", "B6"], dtype=object)
SCHEMA = Schema(
    (
        Field("departure_delay", Kind.NUMERIC, unit="min"),
        Field("distance", Kind.NUMERIC, unit="mi"),
        Field("air_time", Kind.NUMERIC, unit="min"),
        Field("scheduled_hour", Kind.NUMERIC, unit="h"),
        Field("airline", Kind.CATEGORICAL),
        Field("arrival_delay", Kind.NUMERIC, Role.PREDICTION, unit="min"),
    )
)
REQUEST_ROW: list[dict[str, Any]] = [
    {"name": "departure_delay", "kind": "numeric", "value": -3.5},
    {"name": "distance", "kind": "numeric", "value": 447.0},
    {"name": "air_time", "kind": "numeric", "value": 76.0},
    {"name": "scheduled_hour", "kind": "numeric", "value": 13.0},
    {"name": "airline", "kind": "categorical", "value": "WN"},
]
"""One row of the training data, as a client sends it."""
ROWS = 250
WINDOWS = 40
CALM = 26
"""Windows before the change; after it, departures are 8 minutes later and one carrier flies more."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of both roles."""

    features: Columns
    predictions: Columns
    delay: NDArray[np.float64]

    @classmethod
    def draw(cls, random: np.random.Generator, n: int, *, changed: bool = False) -> Rows:
        """Draw `n` flights."""
        delay = random.gamma(1.2, 14.0, n) - 9 + (8.0 if changed else 0.0)
        distance = random.choice([236.0, 337.0, 447.0, 678.0, 986.0, 1437.0, 2475.0], n) + random.integers(0, 90, n)
        air = distance / 7.6 + 18 + random.normal(0, 9, n)
        hour = np.clip(np.round(random.normal(13, 4.4, n)), 5, 23)
        share = [0.44, 0.2, 0.16, 0.12, 0.08] if changed else [0.28, 0.24, 0.2, 0.17, 0.11]
        carrier = random.choice(CARRIERS, n, p=share)
        predicted = 0.92 * delay - 3 + random.normal(0, 6, n)
        return cls(
            _columns(np.column_stack([delay, distance, air, hour]), (carrier,)),
            _columns(predicted[:, None], ()),
            delay,
        )


def _columns(numeric: NDArray[np.float64], categorical: tuple[Any, ...]) -> Columns:
    return Columns(len(numeric), np.ascontiguousarray(numeric), None, categorical, tuple(None for _ in categorical))


def baseline(
    wish: MonitorSpec,
    random: np.random.Generator,
    n: int = 20_000,
    *,
    changed: bool = False,
    layout: Layout | None = None,
) -> Baseline:
    """Profile `n` training rows, in cells of their own or in those of a layout."""
    rows = Rows.draw(random, n, changed=changed)
    names = [field.name for field in SCHEMA.fields]
    columns = [*rows.features.numeric.T, rows.features.categorical[0], rows.predictions.numeric[:, 0]]
    layout = layout or build_layout(SCHEMA, dict(zip(names, columns, strict=True)))
    summary = _summary(layout, rows, exact=True)
    return Baseline.build(
        layout=layout,
        summary=summary,
        model=wish.model.name,
        version=wish.model.version,
        source=wish.baseline.source,
        scores=lambda tables: tables.score(rows.features)[0],
        watch=wish.watch,
    )


def _summary(layout: Layout, rows: Rows, *, exact: bool = False) -> Summary:
    summary = Summary.empty(layout, exact=exact)
    summary.update(rows.features, Role.FEATURE)
    summary.update(rows.predictions, Role.PREDICTION)
    return summary


def play(settings: Settings, *, now: datetime | None = None) -> MonitorSpec:
    """Fill the database and the feature store of `settings` with a model that drifts since some windows ago."""
    now = now or datetime.now(UTC)
    wish, random = seeds.spec(), np.random.default_rng(7)
    made = baseline(wish, random)
    baselines = services.stores(settings).baselines
    baselines.promote("delays", 1, baselines.put(made), None, by="scene", now=now)
    end = datetime.fromtimestamp(now.timestamp() // 10 * 10, UTC)
    windows: list[WindowRow] = []
    findings: list[Finding] = []
    outliers: list[OutlierRow] = []
    for number in range(WINDOWS):
        start = end - timedelta(seconds=10 * (WINDOWS - number))
        rows = Rows.draw(random, ROWS + int(random.integers(-30, 30)), changed=number >= CALM)
        span = Span(start, start + timedelta(seconds=10))
        window, found, outlying = _watched(wish, made, rows, span)
        windows.append(window)
        findings += found
        outliers += outlying
    stores = services.stores(settings)
    stores.registry.put(wish)
    stream, ledger = StreamStore(services.engine(settings.database)), _ledger(windows)
    commit = Commit(windows=windows, findings=findings, outliers=outliers, ledger=ledger, invalid=_invalid(end))
    commit.arrivals = sample_arrivals(ledger)
    stream.commit(stream.claim("default", 1, now), commit, now)
    beat(settings)
    return wish


def beat(settings: Settings) -> None:
    """Let the driver of the scene's group speak now."""
    wish = seeds.spec()
    current = services.stores(settings).baselines.current("delays", 1) or ""
    told = seeds.heartbeat(wish, fingerprint="f" * 64, baselines={wish.key: current})
    speak(services.engine(settings.database), told)


def alarm(settings: Settings) -> None:
    """Take the findings in as a pass of the dispatcher does, mails counted as accepted; log what started the driver."""
    stores, now = services.stores(settings), datetime.now(UTC)
    inbox = stores.alerts.inbox("delays", 1, now)
    for change in update(inbox.alerts, inbox.findings, inbox.windows, now, stores.registry.list()):
        stores.alerts.save(change)
    started = Action(kind=ActionKind.START, target=Target.driver("default"), reason="nothing runs for it", generation=1)
    stores.actions.record([started], now - timedelta(minutes=9))


def _watched(
    wish: MonitorSpec, made: Baseline, rows: Rows, span: Span
) -> tuple[WindowRow, tuple[Finding, ...], list[OutlierRow]]:
    summary = _summary(made.layout, rows)
    scores, parts = made.outlier_tables.score(rows.features)
    cutoff = made.outlier_cutoff
    assert cutoff is not None
    outlying = np.flatnonzero(scores > cutoff.score)
    summary.n_scored, summary.n_outliers = rows.features.n, len(outlying)
    judgement = judge(made, summary, spec=wish, span=span, revision=1)
    names = [field.name for field in SCHEMA.of_role(Role.FEATURE)]
    window = WindowRow(
        model="delays",
        version=1,
        span=span,
        revision=1,
        final=True,
        requests=rows.features.n,
        responses=rows.features.n,
        joined=rows.features.n,
        rows=rows.features.n,
        late=0,
        duplicates=0,
        invalid=0,
        clamped=0,
        verdict=judgement.verdict,
        summary=summary.to_bytes(),
        baseline_id=made.id,
        layout_hash=made.layout.layout_hash,
        spec_fingerprint=wish.fingerprint(),
        code_version="0.1.0",
        judgement={"features": [feature.to_json() for feature in judgement.features]},
        emitted_at=span.end + timedelta(seconds=2),
    )
    rows_out = [
        OutlierRow(
            model="delays",
            version=1,
            event_id=f"5b1c7d0e-{span.start:%H%M%S}-{place:04d}",
            row=0,
            event_time=span.start + timedelta(milliseconds=40 * int(place)),
            score=float(scores[place]),
            cutoff=cutoff.score,
            p_value=cutoff.p_value(float(scores[place])),
            reasons=[
                {"feature": names[k], "value": _value(rows, names[k], int(place)), "part": float(parts[place, k])}
                for k in np.argsort(-parts[place])[:3]
            ],
        )
        for place in outlying
    ]
    return window, judgement.findings, rows_out


def _value(rows: Rows, name: str, place: int) -> float | str:
    if name == "airline":
        return str(rows.features.categorical[0][place])
    column = [field.name for field in SCHEMA.fields].index(name)
    return round(float(rows.features.numeric[place, column]), 1)


def _ledger(windows: list[WindowRow]) -> list[LedgerRow]:
    """Return a ledger that closes: all of each minute's events are judged, but a few that are told apart."""
    minutes: dict[datetime, int] = {}
    for window in windows:
        minute = window.span.start.replace(second=0, microsecond=0)
        minutes[minute] = minutes.get(minute, 0) + window.requests + window.responses
    return [
        LedgerRow(
            model="delays", version=1, minute=minute, judged=judged, late=1, invalid=3,
            duplicate=1, dropped=0,
        )
        for minute, judged in sorted(minutes.items())
    ]  # fmt: skip


def _invalid(end: datetime) -> list[InvalidRow]:
    minute = end.replace(second=0, microsecond=0)
    kinds = {"not_json": (4, '{"instances": [[-3, 447,'), "wrong_width": (2, '{"instances": [[1.0, 2.0]]}')}
    return [
        InvalidRow(model="delays", version=1, minute=minute, kind=kind, count=count, sample=sample)
        for kind, (count, sample) in kinds.items()
    ]


def register(settings: Settings, path: Path) -> None:
    """Register training data of the schema in the feature store of `settings`; `path` is where to write them first."""
    rows = Rows.draw(np.random.default_rng(7), 500)
    columns = [*rows.features.numeric.T, rows.features.categorical[0], rows.predictions.numeric[:, 0]]
    names = [field.name for field in SCHEMA.fields]
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), path)
    services.features(settings).register_training_data("delays", 1, path, SCHEMA)
