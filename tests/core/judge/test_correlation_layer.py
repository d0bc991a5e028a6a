"""Findings about pairs of fields: what single fields do not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Verdict
from pegel.judge.layers.correlations import BETWEEN
from pegel.judge.recomputation import explain
from pegel.stats.dispersion import Dispersion
from pegel.stats.noise import Noise


def rows(seed: int, n: int, rho: float = 0.0) -> dict[str, Any]:
    """Draw three normal fields of which the first two have correlation `rho`, and letters."""
    rng = np.random.default_rng(seed)
    x, y, z = rng.normal(size=(3, n))
    letters = np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, n)]
    return {"x": x, "y": rho * x + np.sqrt(1 - rho * rho) * y, "z": z, "letter": letters}


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 20,000 rows without correlations."""
    return learnt(rows(0, 20_000))


def test_only_correlation_sees_it(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Two fields that come to move together, each as in training, are one finding, of the pair; it is explained."""
    one = monitor(trained)
    judged = one.see(rows(1, 1_000, rho=0.4))
    (found,) = judged.findings

    assert Verdict.DRIFT == judged.verdict == found.verdict
    assert {Verdict.OK} == {feature.verdict for feature in judged.features}
    assert ("correlation", f"x{BETWEEN}y") == (found.detector, found.feature)
    assert found.effect == pytest.approx(0.4, abs=0.08)
    assert found.what.startswith("correlation ")
    assert (1_000, 20_000, 3) == (found.n, found.m, found.evidence["tests"]["correlation"]["pairs"])
    assert found.threshold == pytest.approx(0.1 / 10_080)
    assert 0.1 == pytest.approx(found.budget_share)
    assert explain(found, one.summary, trained).agrees


def test_unwatched_fields_are_not_looked_at(monitor: Callable[..., Any], trained: Baseline) -> None:
    """A pair of which one field is not watched is not judged; with one watched number the layer does not run."""
    pair, single = (monitor(trained, watch={"features": names}) for names in (["x", "z"], ["x", "letter"]))
    changed = rows(1, 1_000, rho=0.4)
    judged = [one.see(changed) for one in (pair, single)]

    assert [Verdict.OK, Verdict.OK] == [each.verdict for each in judged]
    assert [0.1, 0.0] == pytest.approx(
        [each.division.budget.share(each.division.budget.of("correlations")) for each in judged]
    )
    assert "correlations are not watched: 1 suitable numeric features" in judged[1].notes


def test_a_watched_pair_of_three_fields_is_named_rightly(monitor: Callable[..., Any], trained: Baseline) -> None:
    """A pair that is not the first of the layout is found under its own names, and is explained."""
    one = monitor(trained, watch={"features": ["y", "z"]})
    changed = rows(1, 1_000)
    changed["z"] = 0.5 * changed["y"] + np.sqrt(0.75) * changed["z"]
    (found,) = one.see(changed).findings

    assert (f"y{BETWEEN}z", 1) == (found.feature, found.evidence["tests"]["correlation"]["pairs"])
    assert explain(found, one.summary, trained).agrees


def test_a_small_change_is_below_the_margin(monitor: Callable[..., Any], trained: Baseline) -> None:
    """A certain change of a correlation by less than 0.05 is no finding."""
    judged = monitor(trained, watch={"margin": 0}).see(rows(2, 200_000, rho=0.04))

    assert [] == [finding for finding in judged.findings if finding.detector == "correlation"]


def test_incomplete_rows_are_not_judged(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """With fewer than 50 complete rows correlations are not judged, however many values each field has."""

    def gaps(seed: int, n: int, complete: int, rho: float) -> dict[str, Any]:
        drawn = rows(seed, n, rho)
        drawn["y"] = np.where(np.arange(n) < complete, drawn["y"], np.nan)
        return drawn

    one = monitor(learnt(gaps(0, 20_000, 19_500, 0.0)))
    few, enough = (one.see(gaps(1, 400, complete, 0.9)) for complete in (49, 50))
    found = [[f for f in judged.findings if f.detector == "correlation"] for judged in (few, enough)]

    assert [0, 1] == [len(each) for each in found]
    assert 50 == found[1][0].n


def test_rows_that_resemble_each_other_count_less(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Where both fields vary more from window to window, z of their correlation shrinks by the root of both factors."""
    wide = {name: Dispersion(500, 40, {"location": factor}) for name, factor in {"x": 4.0, "y": 9.0}.items()}
    plain, widened = (monitor(learnt(rows(0, 20_000), noise=noise)) for noise in (Noise(), Noise(wide)))
    found = [
        next(f for f in one.see(rows(1, 500, rho=0.7)).findings if f.detector == "correlation")
        for one in (plain, widened)
    ]

    assert found[0].statistic / np.sqrt(6) == pytest.approx(found[1].statistic)
