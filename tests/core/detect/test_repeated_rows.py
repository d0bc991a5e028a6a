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
Numbers = list[NDArray[np.float64]]


def factor(columns: Numbers, blocks: int = 1, texts: NDArray[np.object_] | None = None) -> float:
    """Return the factor of a table that is read in blocks."""
    repeated = RepeatedRows(columns[0].size)
    for rows in np.array_split(np.arange(columns[0].size), blocks):
        repeated.add(rows.size, [column[rows] for column in columns], [] if texts is None else [texts[rows]])
    return repeated.factor()


def mixed(seed: int, rows: int = ROWS) -> Numbers:
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


@pytest.mark.parametrize("less", [0, 1], ids=["whole", "without its last row"])
def test_tables_that_were_laid_out(less: int) -> None:
    """Forty shops on each of ten days, one by one: such a table holds no row twice because it was copied."""
    shops = np.repeat(np.arange(400.0), 10)[: 4_000 - less]

    assert 1.0 == factor([shops])


def test_rows_that_only_their_texts_tell_apart() -> None:
    """Rows whose numbers repeat while their texts do not are no copies; with their texts, they are."""
    numbers = [np.repeat(np.random.default_rng(3).normal(size=ROWS // 2), 2)]
    texts = np.array([f"t{row}" for row in range(ROWS)], dtype=object)

    assert (1.0, 2.0) == (factor(numbers, texts=texts), factor(numbers, texts=np.repeat(texts[: ROWS // 2], 2)))


def test_a_change_beside_a_balanced_column_is_found() -> None:
    """Sensors that send equally often do not make a table blind to the change of another column."""
    rng = np.random.default_rng(4)

    def table(rows: int, share: float) -> dict[str, Any]:
        words = rng.choice(["a", "b", "c"], rows, p=[share, (1 - share) / 2, (1 - share) / 2])
        return {"sensor": np.arange(rows) % 40, "state": words.tolist()}

    report = pegel.check(table(1_000, 0.6), pegel.profile(table(10_000, 0.34)))

    assert ["state"] == [one.feature for one in report.findings]


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


def test_new_values_of_a_table_appended_to_itself() -> None:
    """Copies that lie far apart hide from a replay that most values are new to their window; it is allowed for."""
    rng = np.random.default_rng(5)

    def table(rows: int) -> dict[str, Any]:
        return {"x": rng.normal(size=rows), "c": rng.zipf(1.4, rows).astype(str).tolist()}

    once = table(3_000)
    twice = {"x": np.r_[once["x"], once["x"]], "c": once["c"] * 2}
    baseline = pegel.profile(twice, window_rows=100)
    reports = [pegel.check(table(100), baseline) for _ in range(20)]

    assert 2.0 == baseline.noise.repeats
    assert [] == [finding for report in reports for finding in report.findings if finding.test == "unseen"]
