"""Tables that hold their rows several times, and tables whose rows repeat by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest

import pegel
from pegel.detect.repeated_rows import RepeatedRows, factor_of

ROWS = 3_000
Columns = list[NDArray[np.float64]]


def factor(columns: Columns, blocks: int = 1) -> float:
    """Return the factor of a table that is read in blocks."""
    repeated = RepeatedRows(columns[0].size)
    for parts in zip(*(np.array_split(column, blocks) for column in columns), strict=True):
        repeated.add(parts)
    return repeated.factor()


def mixed(seed: int, rows: int = ROWS) -> Columns:
    """Draw a number, a rounded one and a count."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=rows), np.round(rng.lognormal(size=rows), 1), rng.poisson(0.3, rows).astype(np.float64)]


@given(st.integers(2, 7), st.integers(1, 9), st.integers(0, 10**6))
def test_each_row_several_times(times: int, blocks: int, seed: int) -> None:
    """A table whose rows each stand there k times says as little as a k-th of its rows, in any order and any blocks."""
    order = np.random.default_rng(seed).permutation(600 * times)
    columns = [np.repeat(column, times)[order] for column in mixed(1, 600)]

    assert times == factor(columns, blocks)


def test_some_rows_twice() -> None:
    """Where a fifth of the rows was loaded again, means vary by a third more."""
    again = np.r_[np.arange(ROWS), np.arange(ROWS // 5)]

    assert 4 / 3 == pytest.approx(factor([column[again] for column in mixed(2)]), rel=0.01)


@given(st.floats(0.05, 60), st.floats(0.05, 60), st.integers(0, 10**6))
def test_values_that_repeat_by_themselves(mean: float, other: float, seed: int) -> None:
    """Independent rows of few values repeat, too, and are taken as what they are."""
    rng = np.random.default_rng(seed)
    counts = [rng.poisson(each, ROWS).astype(np.float64) for each in (mean, other)]

    assert (1.0, 1.0) == (factor(counts), factor([np.round(mean * rng.lognormal(size=ROWS))]))


def doubled(seed: int, rows: int) -> dict[str, NDArray[np.float64]]:
    """Draw a table whose rows each stand there twice."""
    return {name: np.repeat(column, 2) for name, column in zip("abc", mixed(seed, rows), strict=True)}


def test_few_distinct_rows_prove_nothing() -> None:
    """Flags that all happen to occur an even number of times are no copies."""
    assert 1.0 == factor_of(np.array([400, 600]))


def test_checks_allow_for_repeated_rows() -> None:
    """Clean tables of repeated rows are judged as what they say: p-values are uniform or larger, and it is told."""
    baselines = [pegel.profile(doubled(seed, 1_500)) for seed in range(8)]
    reports = [pegel.check(doubled(100 + 20 * i + j, 200), b) for i, b in enumerate(baselines) for j in range(20)]
    p = [one.p_value for report in reports for one in report.features]

    assert {2.0} == {baseline.noise.repeats for baseline in baselines}
    assert kstest(p, "uniform", alternative="greater").pvalue > 1e-4
    assert any("rows of the baseline stand there 2 times" in note for note in reports[0].judgement.notes)


def test_a_replay_has_allowed_for_repeated_rows() -> None:
    """Where windows were replayed they show what repetition does, so that it is not allowed for twice."""
    rows = {"x": np.repeat(np.random.default_rng(0).normal(size=5_000), 2)}
    baseline = pegel.profile(rows, window_rows=200)
    notes = " ".join(pegel.check({"x": rows["x"][:200]}, baseline).judgement.notes)

    assert 2.0 == baseline.noise.repeats
    assert 2.0 == pytest.approx(baseline.noise.dispersion["x"].factors["location"], rel=0.6)
    assert "has allowed for it" in notes


def test_new_values_of_repeated_rows() -> None:
    """Values that training has in one repeated row only are expected to be new as often as single ones would be."""
    rng = np.random.default_rng(0)

    def names(rows: int) -> dict[str, Any]:
        words = np.repeat(rng.zipf(1.4, rows), 2).astype(str)
        return {"x": np.repeat(rng.normal(size=rows), 2), "c": words.tolist()}

    baseline = pegel.profile(names(2_000))
    report = pegel.check(names(200), baseline, windows_per_week=20)

    assert 0 == baseline.layout.features[1].to_json()["singletons"]
    assert () == report.findings
