"""A model of four fields, rows for it, and the objects made of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Finding
from pegel.judge.judge import Judgement, judge
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.noise import Noise
from pegel.stats.summary import Summary

Rows = Mapping[str, NDArray[Any]]


@pytest.fixture(scope="session")
def schema() -> Schema:
    """Delay in minutes, carrier, number of stops; the prediction is 0 or 1."""
    return Schema(
        (
            Field("delay", Kind.NUMERIC, unit="min"),
            Field("carrier", Kind.CATEGORICAL),
            Field("stops", Kind.NUMERIC),
            Field("late", Kind.NUMERIC, Role.PREDICTION),
        )
    )


@pytest.fixture(scope="session")
def draw() -> Callable[..., Rows]:
    """Draw rows; keyword arguments change the distribution."""

    def rows(
        n: int, seed: int, *, shift: float = 0.0, spread: float = 1.0, nulls: float = 0.001, wn: float = 0.22
    ) -> Rows:
        rng = np.random.default_rng(seed)
        delay = rng.normal(5 + 20 * shift, 20 * spread, n)
        delay[rng.random(n) < nulls] = np.nan
        carriers = np.array(["WN", "AA", "DL", "UA"], dtype=object)
        rest = (1 - wn) / 3
        return {
            "delay": delay,
            "carrier": carriers[rng.choice(4, n, p=[wn, rest, rest, rest])],
            "stops": rng.poisson(3, n).astype(np.float64),
            "late": (rng.random(n) < 0.3).astype(np.float64),
        }

    return rows


def request_columns(rows: Rows) -> Columns:
    """Return the feature columns of rows; NaN stands for null."""
    numeric = np.column_stack([rows["delay"], rows["stops"]])
    missing = np.where(np.isnan(numeric), Missing.NULL, Missing.PRESENT).astype(np.uint8)
    return Columns(len(numeric), numeric, missing, (rows["carrier"],), (None,))


def response_columns(rows: Rows) -> Columns:
    """Return the prediction columns of rows."""
    return Columns(rows["late"].size, rows["late"][:, None], None, (), ())


@pytest.fixture(scope="session")
def count() -> Callable[..., Summary]:
    """Summarise rows in a layout, features and predictions."""

    def summarise(layout: Layout, rows: Rows, *, exact: bool = False) -> Summary:
        summary = Summary.empty(layout, exact=exact)
        summary.update(request_columns(rows), Role.FEATURE)
        summary.update(response_columns(rows), Role.PREDICTION)
        return summary

    return summarise


@pytest.fixture(scope="session")
def training(draw: Callable[..., Rows]) -> Rows:
    """20,000 training rows."""
    return draw(20_000, seed=1)


@pytest.fixture(scope="session")
def layout(schema: Schema, training: Rows) -> Layout:
    """The cells of the training rows."""
    return build_layout(schema, training)


@pytest.fixture(scope="session")
def baseline(layout: Layout, training: Rows, count: Callable[..., Summary]) -> Baseline:
    """The baseline of the training rows, with an outlier cut-off."""
    summary = count(layout, training, exact=True)
    return Baseline.build(
        layout=layout,
        summary=summary,
        model="delays",
        version=1,
        source="test",
        scores=lambda tables: tables.score(request_columns(training))[0],
        watch=Watch(),
    )


@pytest.fixture
def spec() -> MonitorSpec:
    """Watch everything in windows of a minute, at one false alarm per week."""
    return MonitorSpec.parse({"model": {"name": "delays", "uri": "file:///models/delays"}, "baseline": {"source": "x"}})


@pytest.fixture
def span() -> Span:
    """One minute."""
    start = datetime(2026, 7, 1, 12, tzinfo=UTC)
    return Span(start, start + timedelta(minutes=1))


def features_of(values: Rows) -> Columns:
    """Return feature columns in the order of the names: numbers are float64, texts are objects."""
    texts = tuple(column for column in values.values() if column.dtype == object)
    numbers = [column for column in values.values() if column.dtype != object]
    n = len(next(iter(values.values())))
    return Columns(n, np.column_stack([np.zeros((n, 0)), *numbers]), None, texts, (None,) * len(texts))


@pytest.fixture(scope="session")
def counted() -> Callable[..., Summary]:
    """Summarise features; `of_row` are the seasons that the rows are from."""

    def summarise(
        layout: Layout, values: Rows, *, of_row: NDArray[np.int64] | None = None, exact: bool = False
    ) -> Summary:
        summary = Summary.empty(layout, exact=exact)
        if of_row is None:
            summary.update(features_of(values), Role.FEATURE)
            return summary
        for season in np.unique(of_row).tolist():
            chosen = {name: column[of_row == season] for name, column in values.items()}
            summary.update(features_of(chosen), Role.FEATURE, season=season)
        return summary

    return summarise


@pytest.fixture(scope="session")
def learnt(counted: Callable[..., Summary]) -> Callable[..., Baseline]:
    """Build a baseline of features: numbers and texts, without a prediction."""

    def build(
        values: Rows,
        *,
        kept: Sequence[str] = (),
        noise: Noise | None = None,
        of_row: NDArray[np.int64] | None = None,
        **further: Any,
    ) -> Baseline:
        kinds = {name: Kind.CATEGORICAL if column.dtype == object else Kind.NUMERIC for name, column in values.items()}
        layout = build_layout(Schema(tuple(Field(name, kind) for name, kind in kinds.items())), values, kept)
        return Baseline.build(
            layout=layout,
            summary=counted(layout, values, of_row=of_row, exact=True),
            model="delays",
            version=1,
            source="test",
            scores=None,
            watch=Watch(),
            noise=noise,
            **further,
        )

    return build


class Monitor:
    """A model whose windows of one minute are judged one after the other, each with the chart_state of those before."""

    def __init__(self, baseline: Baseline, spec: MonitorSpec, begin: datetime, counted: Callable[..., Summary]) -> None:
        """Begin without a chart_state."""
        self.baseline, self.spec, self.counted = baseline, spec, counted
        self.begin = begin
        self.minute = 0
        self.chart_state: ChartState | None = ChartState(baseline.id)
        self.findings: list[Finding] = []
        self.summary = Summary.empty(baseline.layout)

    @property
    def span(self) -> Span:
        """Return the window that comes next."""
        start = self.begin + self.minute * self.spec.windowing.length
        return Span(start, start + self.spec.windowing.length)

    def see(self, values: Rows, of_row: NDArray[np.int64] | None = None) -> Judgement:
        """Judge one more window of feature rows."""
        self.summary = self.counted(self.baseline.layout, values, of_row=of_row)
        found = judge(
            self.baseline, self.summary, spec=self.spec, span=self.span, revision=1, chart_state=self.chart_state
        )
        self.minute += 1
        self.chart_state = found.chart_state
        self.findings += found.findings
        return found


@pytest.fixture
def monitor(counted: Callable[..., Summary], span: Span, spec: MonitorSpec) -> Callable[..., Monitor]:
    """Watch a model by a baseline; keywords change parts of the spec."""

    def begin(baseline: Baseline, *, at: datetime = span.start, **changed: Any) -> Monitor:
        return Monitor(baseline, MonitorSpec.parse(spec.to_json() | changed), at, counted)

    return begin


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Install a package of one module, as an installer would lay it down: its name, its source, its entry points."""

    def lay_down(module: str, source: str, entry_points: str) -> None:
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return lay_down
