"""Which counts are compared: of the same season, or season by season where a window crosses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.detect.across_seasons import seasonal_tests
from pegel.judge.chart_state import Carried
from pegel.judge.comparison import compare, drift_family
from pegel.judge.findings import Verdict
from pegel.judge.judge import Judgement
from pegel.judge.recomputation import explain
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons

HALVES = Seasons(12)
"""Day, season 0, from 06:00 to 18:00, and night, season 1."""
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 7, 1, tzinfo=UTC)
DUSK = datetime(2026, 7, 1, 17, 59, 30, tzinfo=UTC)


def rows(seed: int, of_row: NDArray[np.int64], shift: float = 0.0) -> dict[str, Any]:
    """Draw a number that is larger by 2 at night, and letters of which `a` is more frequent then."""
    rng = np.random.default_rng(seed)
    night = of_row == 1
    letters = np.array(["a", "b", "c"], dtype=object)
    drawn = np.where(
        night, rng.choice(3, of_row.size, p=[0.6, 0.2, 0.2]), rng.choice(3, of_row.size, p=[0.2, 0.4, 0.4])
    )
    return {"x": rng.normal(2.0 * night + shift, 1), "letter": letters[drawn]}


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 10,000 rows of each half of the day, judged apart."""
    seasons = np.repeat([0, 1], 10_000)
    return learnt(rows(0, seasons), noise=Noise(seasons=HALVES), of_row=seasons)


@pytest.fixture
def look(monitor: Callable[..., Any], trained: Baseline) -> Callable[..., Any]:
    """Judge one window that begins at an instant; return the monitor and the judgement."""

    def judged(
        at: datetime, of_row: NDArray[np.int64], *, shift: float = 0.0, told: bool = True
    ) -> tuple[Any, Judgement]:
        one = monitor(trained, at=at)
        return one, one.see(rows(1, of_row, shift), of_row if told else None)

    return judged


@pytest.mark.parametrize(("at", "season"), [(NOON, 0), (MIDNIGHT, 1)])
def test_a_part_is_judged_against_its_own_rows(look: Callable[..., Any], at: datetime, season: int) -> None:
    """A window of the day is as in training, and so is one of the night; against the other's rows both are not."""
    here, there = np.full(500, season), np.full(500, 1 - season)

    assert (Verdict.OK, ()) == (look(at, here)[1].verdict, look(at, here)[1].findings)
    assert {"x", "letter"} == {finding.feature for finding in look(at, there)[1].findings}
    assert [10_000, 10_000] == [feature.m for feature in look(at, here)[1].features]


def test_the_effect_is_that_within_the_part(look: Callable[..., Any], trained: Baseline) -> None:
    """A shift at night is told as it is against other nights, with the season in the evidence, and is explained."""
    one, judged = look(MIDNIGHT, np.ones(2_000, dtype=np.int64), shift=0.5)
    (found,) = (finding for finding in judged.findings if finding.feature == "x")

    assert found.effect == pytest.approx(0.5, abs=0.1)
    assert ("shifted up", "night") == (found.what, found.evidence["season"])
    assert "mean_shift" not in found.evidence["effect"]
    assert explain(found, one.summary, trained).agrees


def test_a_part_without_rows_is_insufficient(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """A night that training never saw cannot be judged, and the words say which season is lacking."""
    seasons = np.zeros(10_000, dtype=np.int64)
    by_day = learnt(rows(0, seasons), noise=Noise(seasons=HALVES), of_row=seasons)
    judged = monitor(by_day, at=MIDNIGHT).see(rows(1, seasons[:500]), np.ones(500, dtype=np.int64))

    assert Verdict.INSUFFICIENT == judged.verdict
    assert {"the baseline has no rows of night"} == {feature.what for feature in judged.features}


def test_a_crossing_window_is_judged_part_by_part(look: Callable[..., Any], trained: Baseline) -> None:
    """A window over dusk is clean although it is half a night; a shift in it is found, and is explained."""
    seasons = np.repeat([0, 1], [700, 300])
    _, clean = look(DUSK, seasons)
    one, changed = look(DUSK, seasons, shift=0.5)
    (found,) = (finding for finding in changed.findings if finding.feature == "x" and finding.detector == "drift")
    by_season = [
        (trained.summary.season_cells[season][slice_of(trained)], one.summary.season_cells[season][slice_of(trained)])
        for season in (0, 1)
    ]

    assert Verdict.OK == clean.verdict
    assert seasonal_tests(trained.features["x"].layout, by_season)[0].statistic == found.statistic
    assert explain(found, one.summary, trained).agrees


def slice_of(baseline: Baseline) -> slice:
    """Return where the cells of `x` are."""
    return slice(0, baseline.features["x"].cells.size)


def test_a_crossing_window_that_was_not_counted_by_parts(look: Callable[..., Any]) -> None:
    """Without counts by season a window over dusk cannot be judged, and the words say why."""
    _, judged = look(DUSK, np.repeat([0, 1], [700, 300]), told=False)

    assert Verdict.INSUFFICIENT == judged.verdict
    assert {"the window crosses hours that the baseline tells apart, and was not counted by them"} == {
        feature.what for feature in judged.features
    }


def test_correlations_are_not_watched_across_hours(
    monitor: Callable[..., Any], learnt: Callable[..., Baseline]
) -> None:
    """Two fields that follow the clock go together over a day, not within a season: that is no change, and is noted."""
    seasons = np.repeat([0, 1], 10_000)

    def both(seed: int, of_row: NDArray[np.int64]) -> dict[str, Any]:
        return {name: rows(seed + i, of_row)["x"] for i, name in enumerate("xy")}

    one = monitor(learnt(both(0, seasons), noise=Noise(seasons=HALVES), of_row=seasons), at=NOON)
    judged = one.see(both(10, np.zeros(2_000, dtype=np.int64)))

    assert one.baseline.summary.comoments.correlations()[0, 1] > 0.3
    assert (Verdict.OK, 0.0) == (judged.verdict, judged.division.budget.of("correlations"))
    assert "correlations are not watched: hours are judged apart" in judged.notes


def test_charts_are_limited_by_the_smallest_part(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Whether charts run depends on the rows of the smallest season, not on those of the whole baseline."""
    seasons = np.repeat([0, 1], [40_000, 5_000])
    small = monitor(learnt(rows(0, seasons), noise=Noise(seasons=HALVES), of_row=seasons), at=NOON)
    judged = small.see(rows(1, np.zeros(200, dtype=np.int64)))

    assert judged.notes[0].startswith(
        "small changes that last are not looked for: the baseline has 5,000 rows, and 7,200"
    )


def test_values_are_carried_within_a_part(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Too few values of the day are not added to those of the night; those of a crossing window are not carried."""
    one = monitor(trained, at=DUSK - timedelta(minutes=1))
    seen = []
    for seasons in (np.zeros(20), np.repeat([0, 1], 10), np.ones(20), np.ones(20)):
        chosen = seasons.astype(np.int64)
        one.see(rows(1, chosen), chosen)
        seen.append(
            {name: (carried.season, sum(carried.cells.values())) for name, carried in one.chart_state.carried.items()}
        )

    both = ("x", "letter")
    assert [dict.fromkeys(both, (0, 20)), {}, dict.fromkeys(both, (1, 20)), dict.fromkeys(both, (1, 40))] == seen


class Before:
    """Carries 30 values of one cell."""

    def carried(self, _name: str, season: int | None) -> Carried:
        """Return them."""
        return Carried({5: 30}, 2, NOON, season)


def test_carried_values_are_judged_but_not_counted(trained: Baseline, monitor: Callable[..., Any]) -> None:
    """With carried values the compared counts grow; those of the window stay as they are, for nulls and the like."""
    one = monitor(trained, at=NOON)
    one.see(rows(1, np.zeros(40, dtype=np.int64)))
    field = trained.layout.schema.fields[0]
    span = monitor(trained, at=NOON).span
    (found,) = compare(trained, one.summary, [field], span, carries=Before())
    (plain,) = compare(trained, one.summary, [field], span)

    assert (70, 40, 40, 10_000) == (found.n, found.now.counted, plain.n, found.m)
    assert 30 == found.judged.cells[5] - found.now.cells[5]
    assert {"x"} == set(drift_family([found]))
    assert {"season": "day", "carried": {"since": NOON.isoformat(), "windows": 2, "cells": {"5": 30}}} == found.evidence
