"""Findings about pairs of fields: what single fields do not show."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.detect.correlation import PairChange
from pegel.detect.odds_ratios import Halves
from pegel.judge.findings import Verdict
from pegel.judge.layers.correlations import BETWEEN, words
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
    one = monitor(trained, watch={"long_spans": []})
    judged = one.see(rows(1, 1_000, rho=0.4))
    (found,) = judged.findings

    assert Verdict.DRIFT == judged.verdict == found.verdict
    assert {Verdict.OK} == {feature.verdict for feature in judged.features}
    assert ("correlation", f"x{BETWEEN}y") == (found.detector, found.feature)
    assert found.effect == pytest.approx(0.4, abs=0.08)
    assert found.what.startswith("correlation ")
    assert (1_000, 20_000, 3) == (found.n, found.m, found.evidence["tests"]["correlation"]["pairs"])
    assert found.threshold == pytest.approx(0.05 / 10_080)
    assert 0.05 == pytest.approx(found.budget_share)
    assert explain(found, one.summary, trained).agrees


def test_unwatched_fields_are_not_looked_at(monitor: Callable[..., Any], trained: Baseline) -> None:
    """A pair of which one field is not watched is not judged; with one watched number the layer does not run."""
    pair, single = (monitor(trained, watch={"features": names}) for names in (["x", "z"], ["x", "letter"]))
    changed = rows(1, 1_000, rho=0.4)
    judged = [one.see(changed) for one in (pair, single)]

    assert [Verdict.OK, Verdict.OK] == [each.verdict for each in judged]
    assert [0.05, 0.0] == pytest.approx(
        [each.division.budget.share(each.division.budget.of("correlations")) for each in judged]
    )
    assert "correlations are not watched: only 1 suitable numeric feature" in judged[1].notes


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


def test_a_column_of_nulls_costs_only_its_own_pairs(
    monitor: Callable[..., Any], learnt: Callable[..., Baseline]
) -> None:
    """Beside a field that is mostly null, the others are judged by all their rows; what is left out is said."""

    def gaps(seed: int, n: int, rho: float) -> dict[str, Any]:
        drawn = rows(seed, n, rho)
        rng = np.random.default_rng(seed)
        few = np.where(np.arange(n) < 900, drawn["x"], np.nan)
        return drawn | {"z": np.where(rng.random(n) < 0.7, np.nan, drawn["z"]), "few": few, "same": np.ones(n)}

    one = monitor(learnt(gaps(0, 20_000, 0.0)))
    judged = one.see(gaps(1, 1_000, 0.4))
    found = next(finding for finding in judged.findings if finding.detector == "correlation")
    note = (
        "correlations are watched between 3 numeric features; left out: few (fewer than 1,000 values in training), "
        "same (one value in training)"
    )

    assert (f"x{BETWEEN}y", 1_000, 3) == (found.feature, found.n, found.evidence["tests"]["correlation"]["pairs"])
    assert explain(found, one.summary, one.baseline).agrees
    assert note in judged.notes


def test_what_cannot_be_judged_gives_its_part_back(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Where no two fields have 50 rows with both numbers in a window, single windows have the part, and it is said."""

    def parted(seed: int, both: int) -> dict[str, Any]:
        drawn, place = rows(seed, 400), np.arange(400)
        drawn["x"] = np.where(place < 200, drawn["x"], np.nan)
        drawn["y"] = np.where(place >= 200 - both, drawn["y"], np.nan)
        return drawn

    one = monitor(trained, watch={"features": ["x", "y"]})
    none, enough = one.see(parted(1, 49)), one.see(parted(1, 50))
    shares = [
        [judged.division.budget.share(judged.division.budget.of(layer)) for layer in ("correlations", "single windows")]
        for judged in (none, enough)
    ]

    few = "no two features have 50 rows with both numbers in training and in the window"
    assert f"correlations are not watched: {few}" in none.notes
    assert [0.0, 0.05] == pytest.approx([share for share, _ in shares])
    assert 0.1 == pytest.approx(shares[0][1] - shares[1][1])


def test_flags_are_told_by_their_rows(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Rare flags that come to be up together are one finding, in rows seen and expected, and it is explained."""

    def flags(seed: int, n: int, together: float) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        first = rng.random(n) < 0.02
        second = rng.random(n) < np.where(first, together, 0.02)
        return {"a": first.astype(float), "b": second.astype(float), "c": 1.0 - (rng.random(n) < 0.03)}

    one = monitor(learnt(flags(0, 20_000, 0.02)))
    judged = one.see(flags(1, 2_000, 0.4))
    found = next(finding for finding in judged.findings if finding.detector == "correlation")

    assert (f"a{BETWEEN}b", "odds_ratio") == (found.feature, found.test)
    assert re.fullmatch(r"both high in \d+ rows, \d.\d expected", found.what)
    assert explain(found, one.summary, one.baseline).agrees


def test_which_half_is_rare_is_said() -> None:
    """Rows are told of the rarer halves, whichever side of each field that is."""
    window, baseline = Halves.of(1_000, 20, 970, 5), Halves.of(10_000, 200, 9_700, 194)
    change = PairChange(
        first=0,
        second=1,
        n=1_000,
        m=10_000,
        before=0.0,
        now=-0.3,
        statistic=5.0,
        single_p=1e-9,
        pairs=1,
        halves=(window, baseline),
        expected=19.4,
    )
    flipped = (Halves.of(1_000, 980, 970, 965), Halves.of(10_000, 9_800, 9_700, 9_506))
    low = replace(change, halves=flipped, statistic=965.0, expected=950.6)

    assert "one high, one low in 15 rows, 0.6 expected" == words(change)
    assert "both low in 15 rows, 0.6 expected" == words(low)


def test_rows_that_resemble_each_other_count_less(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Where both fields vary more from window to window, z of their correlation shrinks by the root of both factors."""
    wide = {name: Dispersion(500, 40, {"location": factor}) for name, factor in {"x": 4.0, "y": 9.0}.items()}
    plain, widened = (monitor(learnt(rows(0, 20_000), noise=noise)) for noise in (Noise(), Noise(wide)))
    found = [
        next(f for f in one.see(rows(1, 500, rho=0.7)).findings if f.detector == "correlation")
        for one in (plain, widened)
    ]

    assert found[0].statistic / np.sqrt(6) == pytest.approx(found[1].statistic)
