"""Findings about pairs of features of any kinds: what drift and correlations do not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Verdict
from pegel.judge.layers.correlations import BETWEEN
from pegel.judge.recomputation import explain
from pegel.report.words import change as in_words
from pegel.report.words import size
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons

AIRLINES = np.array(["AA", "DL", "UA", "WN"], dtype=object)


def rows(seed: int, n: int, together: float = 0.6) -> dict[str, Any]:
    """Draw airlines and origins that go together in a part of the rows, and a number."""
    rng = np.random.default_rng(seed)
    airline = rng.integers(0, 4, n)
    origin = np.where(rng.random(n) < together, airline, rng.integers(0, 4, n))
    return {"delay": rng.normal(size=n), "airline": AIRLINES[airline], "origin": AIRLINES[origin]}


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 20,000 rows."""
    return learnt(rows(0, 20_000))


def test_only_dependence_sees_it(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Two categories that cease to go together, each as in training, are one finding, of the pair; it is explained."""
    one = monitor(trained, watch={"long_spans": []})
    judged = one.see(rows(1, 1_000, together=0.0))
    (found,) = judged.findings

    assert Verdict.DRIFT == judged.verdict == found.verdict
    assert {Verdict.OK} == {feature.verdict for feature in judged.features}
    assert ("dependence", f"airline{BETWEEN}origin") == (found.detector, found.feature)
    assert found.what.startswith("no longer go together as in training: Cramer's V 0.59 -> 0.0")
    assert "no longer go together as in training: Cramer's V 0.59 → 0.0" in in_words(found)
    assert size(found.effect, found.effect_unit, found.evidence).endswith("% of rows moved")
    assert found.effect == pytest.approx(0.45, abs=0.06)
    assert (1_000, 20_000) == (found.n, found.m)
    assert found.threshold == pytest.approx(0.05 / 10_080)
    assert 0.05 == pytest.approx(found.budget_share)
    assert explain(found, one.summary, trained).agrees


def test_words_name_no_value(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Nothing of a finding about a pair names a category: it may be of a private field."""
    (found,) = monitor(trained).see(rows(1, 1_000, together=0.0)).findings

    assert not any(name in f"{found.what} {found.evidence}" for name in AIRLINES)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [(0.0, 0.6, "go together as they did not in training"), (0.6, 0.9, "go together in another way than in training")],
)
def test_what_happened_is_said(
    monitor: Callable[..., Any], learnt: Callable[..., Baseline], before: float, now: float, said: str
) -> None:
    """Features that come to go together, or go together otherwise, are told apart from those that cease to."""
    (found,) = monitor(learnt(rows(0, 20_000, before))).see(rows(1, 1_000, now)).findings

    assert found.what.startswith(said)


def test_a_change_of_one_margin_is_drift_alone(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Rows with one airline left out in half are drift of the airline and its origin, and no dependence."""
    drawn = rows(2, 3_000)
    kept = (drawn["airline"] != "AA") | (np.random.default_rng(0).random(3_000) < 0.5)
    judged = monitor(trained).see({name: column[kept] for name, column in drawn.items()})

    assert {"drift"} == {finding.detector for finding in judged.findings}


def test_it_can_be_switched_off(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Switched off, nothing is found of a pair; its part goes to single windows, and that is said."""
    on, off = (monitor(trained, watch={"dependence": choice}) for choice in ("auto", "off"))
    judged = [one.see(rows(1, 1_000, together=0.0)) for one in (on, off)]
    shares = [one.division.budget.share(one.division.budget.of("dependence")) for one in judged]
    single = [one.division.budget.share(one.division.budget.of("single windows")) for one in judged]

    assert [Verdict.DRIFT, Verdict.OK] == [one.verdict for one in judged]
    assert [0.05, 0.0] == pytest.approx(shares)
    assert 0.05 == pytest.approx(single[1] - single[0])
    assert "dependence is not watched: watch.dependence is off" in judged[1].notes


def test_one_watched_feature_has_no_pair(monitor: Callable[..., Any], trained: Baseline) -> None:
    """A pair of which one feature is not watched is not judged, and with a single feature the layer does not run."""
    pair, single = (monitor(trained, watch={"features": names}) for names in (["delay", "airline"], ["airline"]))
    judged = [one.see(rows(1, 1_000, together=0.0)) for one in (pair, single)]

    assert [Verdict.OK, Verdict.OK] == [one.verdict for one in judged]
    assert "dependence is not watched: only 1 suitable feature" in judged[1].notes


def test_few_rows_are_not_judged(monitor: Callable[..., Any], trained: Baseline) -> None:
    """With fewer than 50 rows the layer does not run, and says so; there is no verdict that sounds healthy."""
    judged = monitor(trained).see(rows(1, 49, together=0.0))

    assert Verdict.INSUFFICIENT == judged.verdict
    assert any(note.startswith("dependence is not watched: no two features have 50 rows") for note in judged.notes)


def test_what_is_left_out_is_said(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Constant columns, identifiers and empty ones are not paired, and each is named with its reason."""

    def odd(seed: int, n: int) -> dict[str, Any]:
        ids = np.array([f"{seed}-{i}" for i in range(n)], dtype=object)
        return rows(seed, n) | {"same": np.ones(n), "empty": np.full(n, np.nan), "id": ids}

    judged = monitor(learnt(odd(0, 3_000))).see(odd(1, 500))
    note = next(note for note in judged.notes if note.startswith("dependence is watched"))

    assert (
        "dependence is watched between 3 features; left out: same (one value in training), empty (fewer than 1,000 "
        "values in training), id (hardly any value occurs twice)"
    ) == note


def test_hours_that_are_judged_apart_have_no_pairs(
    monitor: Callable[..., Any], trained: Baseline, learnt: Callable[..., Baseline]
) -> None:
    """Where hours have baselines of their own, pairs are not judged, and the reason is said."""
    of_row = np.arange(20_000) % 2
    apart = learnt(rows(0, 20_000), of_row=of_row, noise=Noise(seasons=Seasons(12)))
    judged = monitor(apart).see(rows(1, 1_000, together=0.0))

    assert not [finding for finding in judged.findings if finding.detector == "dependence"]
    assert "dependence is not watched: hours are judged apart" in judged.notes
