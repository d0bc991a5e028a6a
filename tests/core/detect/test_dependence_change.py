"""Which pair's dependence changed, in rows of any kinds, and the noise of pairs found by replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.detect.dependence_change import DependenceChange, dependence
from pegel.detect.noise_assessment import assess
from pegel.detect.replayed_pairs import replay_pairs
from pegel.stats.noise import Noise
from pegel.stats.summary import Summary

Rows = Mapping[str, NDArray[Any]]
LETTERS = np.array([*"abcd"], dtype=object)


def rows(seed: int, n: int, changed: str = "") -> dict[str, NDArray[Any]]:
    """Draw two categories that go together, a number that follows a third, and two free numbers; one `changed`."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, n)
    second = np.where(rng.random(n) < 0.5, first, rng.integers(0, 4, n))
    third = rng.integers(0, 4, n)
    number = rng.normal(size=n) + 0.5 * third
    u, v = rng.normal(size=(2, n))
    if changed == "categories":
        second = rng.permutation(second)
    if changed == "number":
        number = rng.permutation(number)
    if changed == "circle":
        angle = rng.random(n) * 2 * np.pi
        u, v = 1.4 * np.cos(angle), 1.4 * np.sin(angle)
    return {"u": u, "v": v, "number": number, "a": LETTERS[first], "b": LETTERS[second], "c": LETTERS[third]}


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 20,000 rows."""
    return learnt(rows(0, 20_000))


def change(baseline: Baseline, counted: Callable[..., Summary], window: Rows) -> DependenceChange | None:
    """Return what changed in a window."""
    summary = counted(baseline.layout, dict(window))
    layout = baseline.layout
    return dependence(baseline.summary.pair_tables, summary.pair_tables, baseline.noise, layout.paired)


def named(baseline: Baseline, found: DependenceChange) -> set[str]:
    """Return the names of a pair."""
    layout = baseline.layout
    return {layout.features[layout.paired[place]].field.name for place in (found.first, found.second)}


@pytest.mark.parametrize(
    ("changed", "pair"), [("categories", {"a", "b"}), ("number", {"number", "c"}), ("circle", {"u", "v"})]
)
def test_a_changed_pair_of_any_kinds_is_named(
    trained: Baseline, counted: Callable[..., Summary], changed: str, pair: set[str]
) -> None:
    """Flipped categories, a category and a number, and numbers on a circle are found in 2,000 rows, and matter."""
    found = change(trained, counted, rows(1, 2_000, changed))

    assert found is not None
    assert pair == named(trained, found)
    assert 1e-6 > found.p_value
    assert found.relevant
    assert (2_000, 20_000, 15) == (found.n, found.m, found.pairs)


def test_clean_rows_are_as_in_training(trained: Baseline, counted: Callable[..., Summary]) -> None:
    """Of clean windows hardly any has a p-value below a hundredth."""
    found = [change(trained, counted, rows(seed, 500)) for seed in range(10, 60)]

    assert 3 >= sum(one is not None and one.p_value < 0.01 for one in found)


def test_a_change_of_one_feature_is_none_of_a_pair(trained: Baseline, counted: Callable[..., Summary]) -> None:
    """Rows of which those with one letter are three times as frequent go together as before."""
    drawn = rows(2, 8_000)
    weights = np.where(drawn["a"] == "a", 3.0, 1.0)
    chosen = np.random.default_rng(3).choice(8_000, 2_000, replace=False, p=weights / weights.sum())
    found = change(trained, counted, {name: column[chosen] for name, column in drawn.items()})

    assert found is not None
    assert found.p_value > 1e-3


def test_too_few_rows_say_nothing(trained: Baseline, counted: Callable[..., Summary]) -> None:
    """With 49 rows, or with 50 of which each lacks one of two values, there is no number at all."""
    drawn = rows(4, 50, "categories")
    gaps = {name: column.copy() for name, column in drawn.items()}
    for place, column in enumerate(gaps.values()):
        column[np.arange(50) % 6 != place] = np.nan if column.dtype != object else None

    assert change(trained, counted, {name: column[:49] for name, column in drawn.items()}) is None
    assert change(trained, counted, gaps) is None
    assert change(trained, counted, drawn) is not None


def test_a_constant_window_says_nothing_of_its_pairs(trained: Baseline, counted: Callable[..., Summary]) -> None:
    """Where a feature has one value in the window, the others are judged still, and it is not."""
    drawn = rows(5, 2_000, "circle") | {"a": np.full(2_000, "a", dtype=object)}
    found = change(trained, counted, drawn)

    assert found is not None
    assert {"u", "v"} == named(trained, found)


def test_rows_in_bursts_have_a_law_of_their_own(learnt: Callable[..., Baseline]) -> None:
    """Where each row comes ten times, replayed windows vary ten times as much; independent rows are not corrected."""
    plain, bursts = rows(0, 20_000), {name: np.repeat(column, 10) for name, column in rows(0, 2_000).items()}
    found = [replay_pairs(learnt(values).layout, values, 400) for values in (plain, bursts)]
    noise = assess(learnt(bursts).layout, bursts, 400)
    scales = [one.chi_squared(9, 400)[0] for one in found[1].values()]

    assert (True, 15) == (len(found[0]) <= 4, len(found[1]))
    assert 5 < np.median(scales) < 20
    assert noise.pairs == found[1] == Noise.from_json(noise.to_json(), "").pairs


def test_bursts_are_no_change(learnt: Callable[..., Baseline], counted: Callable[..., Summary]) -> None:
    """A window of such bursts is as in training by their law, and would be none without it."""
    values = {name: np.repeat(column, 10) for name, column in rows(0, 2_000).items()}
    layout = learnt(values).layout
    window = {name: np.repeat(column, 10) for name, column in rows(7, 40).items()}
    allowed, naive = (learnt(values, noise=noise) for noise in (assess(layout, values, 400), Noise()))
    found = [change(baseline, counted, window) for baseline in (allowed, naive)]

    assert all(found)
    assert found[1] is not None
    assert found[0] is not None
    assert (True, True) == (found[0].p_value > 1e-3, found[1].p_value < 1e-6)
