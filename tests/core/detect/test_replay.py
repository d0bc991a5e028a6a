"""Overdispersion: windows that vary more than independent rows would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.detect.count_tests import CountTest
from pegel.detect.drift import drift_tests
from pegel.detect.replay import replay
from pegel.judge.budget import sidak
from pegel.judge.decision import Criterion, decide
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.judge.recomputation import explain
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.stats.cells import count_sorted
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import build_layout
from pegel.stats.noise import Noise
from pegel.stats.summary import Summary

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("c", Kind.CATEGORICAL)))
N = 200


def chain(seed: int, n: int, phi: float) -> NDArray[np.float64]:
    """Draw rows of which each is like the one before: a lag-one correlation of `phi`."""
    noise = np.random.default_rng(seed).normal(0, np.sqrt(1 - phi**2), n)
    values = np.empty(n)
    level = 0.0
    for i, step in enumerate(noise.tolist()):
        level = values[i] = phi * level + step
    return values


def columns(seed: int, n: int, phi: float) -> dict[str, NDArray[Any]]:
    """Draw a number and a category that follows another such chain."""
    letters = np.array(["a", "b", "c", "d"], dtype=object)
    return {"x": chain(seed, n, phi), "c": letters[np.digitize(chain(seed + 1, n, phi), [-1, 0, 1])]}


def test_independent_rows_need_no_correction() -> None:
    """Where rows are independent the factors are 1, whatever the order."""
    values = columns(0, 20_000, 0.0)
    found = replay(build_layout(SCHEMA, values), values, N)

    assert [1.0, 1.0] == [found["x"].factor(name, N) for name in ("location", "scale")]
    assert (None, None) == (found["x"].shape, found["c"].shape)
    assert {100} == {one.blocks for one in found.values()}


def test_chains_are_corrected() -> None:
    """At a lag-one correlation of one half clean windows are flagged too often without factors, and not with them."""
    training = columns(10, 40_000, 0.5)
    layout = build_layout(SCHEMA, training)
    found, field = replay(layout, training, N), layout.features[0]
    edges = getattr(field, "edges")  # noqa: B009  the first field is numeric
    baseline, criterion = count_sorted(np.sort(training["x"]), edges), Criterion("drift", 0.05, 1.0, 0.0)
    windows = [count_sorted(np.sort(part), edges) for part in chain(12, 200 * N, 0.5).reshape(-1, N)]
    flagged = [
        sum(
            decide(drift_tests(field, baseline, window, with_), criterion).verdict is Verdict.DRIFT
            for window in windows
        )
        for with_ in (None, found["x"])
    ]

    assert flagged[0] > 25
    assert flagged[1] < 20
    assert found["x"].factor("location", N) == pytest.approx(3, rel=0.4)
    assert found["c"].shape is not None


def test_larger_windows_need_larger_factors() -> None:
    """Beyond the replayed size a factor grows with the window; below it stays."""
    found = Dispersion(200, 50, {"location": 3.0})

    assert (3.0, 3.0, 5.0, 1.0) == (
        found.factor("location", 100),
        found.factor("location", 200),
        found.factor("location", 400),
        found.factor("scale", 400),
    )


def test_windows_that_resemble_the_one_before() -> None:
    """Where the level wanders slowly, z goes with that of the window before; with independent rows it does not."""
    wandering = {"x": chain(0, 40_000, 0.995), "c": columns(1, 40_000, 0.0)["c"]}
    found = replay(build_layout(SCHEMA, wandering), wandering, N)

    assert 0.1 < found["x"].lags["location"] < 0.9
    assert found["x"].long_factor("location") > 1.2
    assert ({}, 1.0) == (found["c"].lags, found["c"].long_factor("location"))


def test_windows_are_replayed_inside_parts() -> None:
    """Against rows of their own season windows do not vary more; those that lie in two seasons are left out."""
    rng, of_row = np.random.default_rng(0), np.tile(np.repeat([0, 1], 5_050), 4)
    values = columns(0, of_row.size, 0.0) | {"x": rng.normal(of_row * 1.0, 1)}
    layout = build_layout(SCHEMA, values)
    whole, inside = replay(layout, values, N), replay(layout, values, N, of_row)

    assert whole["x"].factor("location", N) > 10
    assert 1 == inside["x"].factor("location", N)
    assert (202, 196) == (whole["x"].blocks, inside["x"].blocks)


def test_nulls_that_depend_on_the_hour() -> None:
    """Where hours are told apart, nulls are not: those that come at night only count as variation of windows."""
    rng, of_row = np.random.default_rng(0), np.tile(np.repeat([0, 1], 5_000), 4)
    values = columns(0, of_row.size, 0.0)
    values["x"][(of_row == 1) & (rng.random(of_row.size) < 0.05)] = np.nan
    found = replay(build_layout(SCHEMA, values), values, N, of_row)["x"]
    night = CountTest("nulls", 12, N, 1_000, of_row.size, two_sided=True, factor=found.factor("nulls", N))

    assert replace(night, factor=1.0).p_value < 0.01
    assert night.p_value > 0.05


def test_a_wide_law_widens_the_tests() -> None:
    """With a factor z stays and its p-value is that of z over the root; larger windows have larger factors."""
    rng = np.random.default_rng(0)
    values = columns(0, 20_000, 0.0)
    field = build_layout(SCHEMA, values).features[0]
    edges = getattr(field, "edges")  # noqa: B009  the first field is numeric
    baseline, window = (count_sorted(np.sort(side), edges) for side in (values["x"], rng.normal(0.2, 1, N)))
    plain = drift_tests(field, baseline, window)[0]
    wide = drift_tests(field, baseline, window, Dispersion(N, 50, {"location": 4.0}))[0]
    narrower = drift_tests(field, baseline, window, Dispersion(N // 2, 50, {"location": 2.5}))[0]

    assert plain.statistic == wide.statistic
    assert wide.p_value == narrower.p_value == pytest.approx(2 * norm.sf(abs(plain.statistic) / 2), rel=0.05)


def test_too_few_windows_are_not_assessed() -> None:
    """A baseline of fewer than 30 windows says nothing about how windows vary."""
    values = columns(0, 29 * N, 0.0)

    assert {} == replay(build_layout(SCHEMA, values), values, N)


def test_bursts_of_nulls() -> None:
    """Nulls that come in bursts are not surprising where independent ones would be."""
    values = columns(0, 20_000, 0.0)
    values["x"][np.random.default_rng(0).choice(1_000, 20, replace=False)[:, None] * 20 + np.arange(20)] = np.nan
    factor = replay(build_layout(SCHEMA, values), values, N)["x"].factor("nulls", N)
    independent = CountTest("nulls", 20, N, 400, 20_000, two_sided=True)
    bursty = CountTest("nulls", 20, N, 400, 20_000, two_sided=True, factor=factor)

    assert factor > 10
    assert independent.p_value < 1e-7
    assert bursty.p_value > 0.01


def test_extremes_in_bursts() -> None:
    """Where rows are like their neighbours, several beyond all of training surprise as little as the first of them."""
    values = columns(0, 20_000, 0.97)
    factor = replay(build_layout(SCHEMA, values), values, N)["x"].factor("above", N)
    alone = CountTest("above", 1, N, 0, 20_000).p_value
    independent, bursty = (CountTest("above", 8, N, 0, 20_000, factor=each).p_value for each in (1.0, factor))

    assert CountTest("above", 1, N, 0, 20_000, factor=factor).p_value == pytest.approx(alone, rel=0.01)
    assert independent < 1e-15
    assert bursty == pytest.approx(alone, rel=0.5)


def test_new_values_in_bursts() -> None:
    """Values that stay for a while and never return are expected as often as they came, not as single ones did."""
    kinds = np.repeat(np.arange(2_000), 10).astype(str).astype(object)
    values = columns(0, 20_000, 0.0) | {"c": kinds}
    layout = build_layout(SCHEMA, values)
    found, independent = replay(layout, values, N)["c"], replay(layout, columns(0, 20_000, 0.0), N)["c"]

    assert (20_000, 0) == (found.unseen, independent.unseen)


def test_outliers_come_in_the_bursts_of_any_field() -> None:
    """The rate of outliers is allowed to vary as the most bursty count of a field does, but not as its middle does."""
    spread = {"x": Dispersion(N, 50, {"location": 40.0, "above": 3.0}), "c": Dispersion(N, 50, {"unseen": 5.0})}

    assert (5.0, 9.0, 1.0) == (
        Noise(spread).burst_factor(N),
        Noise(spread).burst_factor(2 * N),
        Noise().burst_factor(N),
    )


def test_factors_are_part_of_the_baseline(spec: MonitorSpec, span: Span) -> None:
    """A baseline keeps its factors through JSON, judges with them, and its findings are explained with them."""
    values = columns(20, 20_000, 0.5)
    layout = build_layout(SCHEMA, values)
    summary = Summary.empty(layout, exact=True)
    summary.update(_columns(values), Role.FEATURE)
    build: Callable[..., Baseline] = lambda dispersion: Baseline.build(  # noqa: E731  one call, twice
        layout=layout,
        summary=summary,
        model="m",
        version=1,
        source="",
        scores=None,
        watch=Watch(),
        noise=None if dispersion is None else Noise(dispersion),
    )
    without, baseline = build(None), build(replay(layout, values, N))
    window = Summary.empty(layout)
    window.update(_columns(columns(30, N, 0.5) | {"x": chain(40, N, 0.5) + 1}), Role.FEATURE)
    copy = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))
    found = judge(copy, window, spec=spec, span=span, revision=0)

    assert without.id != baseline.id == copy.id
    assert ["x"] == [finding.feature for finding in found.findings]
    assert found.findings[0].p_value > judge(without, window, spec=spec, span=span, revision=0).findings[0].p_value
    assert explain(found.findings[0], window, copy).agrees
    assert found.division is not None
    assert sidak(0.8 * found.division.budget.of("single windows"), 2) == pytest.approx(found.findings[0].threshold)


def _columns(values: dict[str, NDArray[Any]]) -> Columns:
    return Columns(len(values["x"]), values["x"][:, None], None, (values["c"],), (None,))
