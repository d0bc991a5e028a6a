"""Whatever the data: a verdict, and nothing that JSON cannot carry."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("c", Kind.CATEGORICAL)))
NUMBERS: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "constant": lambda _, n: np.full(n, 3.0),
    "two": lambda rng, n: rng.integers(0, 2, n).astype(np.float64),
    "nothing": lambda _, n: np.full(n, np.nan),
    "infinite": lambda rng, n: np.where(rng.random(n) < 0.5, np.inf, -np.inf),
    "huge": lambda rng, n: rng.choice([-1e308, 1e308, 1.7e308], n),
    "wide": lambda rng, n: rng.normal(size=n) * 1e200,
    "tiny": lambda rng, n: rng.normal(size=n) * 1e-310,
    "far": lambda rng, n: 1e15 + rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_cauchy(n),
    "zeros": lambda rng, n: rng.exponential(size=n) * (rng.random(n) < 0.01),
    "holes": lambda rng, n: np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
    "keys": lambda rng, n: rng.permutation(n).astype(np.float64),
}
TEXTS: dict[str, Callable[[np.random.Generator, int], list[str | None]]] = {
    "few": lambda rng, n: rng.choice(["a", "b", "c"], n).tolist(),
    "one": lambda _, n: ["a"] * n,
    "none": lambda _, n: [None] * n,
    "unique": lambda rng, n: [f"{i:x}" for i in rng.integers(0, 2**62, n).tolist()],
    "odd": lambda _, n: ["", " ", "\ud800", "\0", "nan"] * (n // 5) + [None] * (n % 5),
}


def columns(rng: np.random.Generator, n: int, kinds: tuple[str, str]) -> Columns:
    """Draw a number and a text of the given kinds."""
    text = np.empty(n, dtype=object)
    text[:] = TEXTS[kinds[1]](rng, n)
    return Columns(n, NUMBERS[kinds[0]](rng, n)[:, None], None, (text,), (None,))


def counted(layout: Layout, rows: Columns, *, exact: bool = False) -> Summary:
    """Summarise rows."""
    summary = Summary.empty(layout, exact=exact)
    summary.update(rows, Role.FEATURE)
    return summary


def numbers_in(data: Any) -> list[float]:
    """Return every number in plain JSON."""
    if isinstance(data, dict):
        return [number for value in data.values() for number in numbers_in(value)]
    if isinstance(data, list | tuple):
        return [number for value in data for number in numbers_in(value)]
    return [data] if isinstance(data, float) else []


KINDS = st.tuples(st.sampled_from(sorted(NUMBERS)), st.sampled_from(sorted(TEXTS)))


@given(KINDS, KINDS, st.sampled_from([1, 60, 500]), st.integers(0, 9))
@settings(max_examples=60)
def test_any_table_against_any(before: tuple[str, str], now: tuple[str, str], n: int, seed: int) -> None:
    """Any kind of column against any other gets a verdict, finite p-values, and evidence that JSON carries."""
    rng = np.random.default_rng(seed)
    training = columns(rng, 1_200, before)
    layout = build_layout(SCHEMA, {"x": training.numeric[:, 0], "c": training.categorical[0]})
    summary = counted(layout, training, exact=True)
    baseline = Baseline.build(
        layout=layout,
        summary=summary,
        model="m",
        version=1,
        source="",
        scores=lambda tables: tables.score(training)[0],
        watch=Watch(outliers_per_day=5e3),
    )
    copy = Baseline.from_json(json.loads(json.dumps(baseline.to_json(), allow_nan=False)))
    window = counted(layout, columns(rng, n, now))
    window.n_scored, window.n_outliers = n, n // 2
    spec = MonitorSpec.parse({"model": {"name": "m", "uri": "x"}, "baseline": {"source": "x"}})
    found = judge(copy, window, spec=spec, span=Span(copy.created_at, copy.created_at), revision=0)
    told = [one.to_json() for one in found.features] + [finding.evidence for finding in found.findings]

    assert found.verdict in {Verdict.OK, Verdict.DRIFT, Verdict.BELOW_MARGIN, Verdict.INSUFFICIENT}
    assert all(0 <= one.p_value <= 1 for one in found.features)
    assert all(map(math.isfinite, numbers_in(told)))
    assert baseline.id == copy.id
    assert Summary.from_bytes(window.to_bytes(), layout).to_bytes() == window.to_bytes()


@pytest.mark.parametrize("kind", sorted(set(NUMBERS) - {"nothing", "infinite"}))
def test_the_same_kind_again_is_not_drift(kind: str) -> None:
    """Fresh rows of the same kind are not drift at one false alarm per week, however odd the kind."""
    rng = np.random.default_rng(1)
    schema = Schema((Field("x", Kind.NUMERIC),))
    training, window = (NUMBERS[kind](rng, n) for n in (5_000, 500))
    layout = build_layout(schema, {"x": training})
    summary, now = Summary.empty(layout, exact=True), Summary.empty(layout)
    summary.update(Columns(5_000, training[:, None], None, (), ()), Role.FEATURE)
    now.update(Columns(500, window[:, None] % 5_000 if kind == "keys" else window[:, None], None, (), ()), Role.FEATURE)
    baseline = Baseline.build(
        layout=layout, summary=summary, model="m", version=1, source="", scores=None, watch=Watch()
    )
    spec = MonitorSpec.parse({"model": {"name": "m", "uri": "x"}, "baseline": {"source": "x"}})
    found = judge(baseline, now, spec=spec, span=Span(baseline.created_at, baseline.created_at), revision=0)

    assert (Verdict.DRIFT if kind == "keys" else Verdict.OK) == found.verdict
