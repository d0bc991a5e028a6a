"""A long span is judged by the code of windows: stratified by season, with what varies allowed for, within its part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.longspans.judging import JudgedSpan, SpanToJudge, judged_span
from pegel.longspans.window_sums import Counted, parts_of
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_window

Rows = Mapping[str, NDArray[Any]]
DAY = Span(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC))
SIX = timedelta(hours=6)
SEASONS = Seasons(6)


def seasonal(hour: NDArray[np.int64], rng: np.random.Generator, shift: float = 0.0) -> NDArray[np.float64]:
    """Draw one number for each hour of the day: nights are far below days."""
    return rng.normal(2 * np.sin(2 * np.pi * hour / 24) + shift)


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline whose quarters of the day are told apart."""
    rng = np.random.default_rng(0)
    hour = rng.integers(0, 24, 8_000)
    noise = Noise(seasons=SEASONS)
    return learnt({"x": seasonal(hour, rng)}, noise=noise, of_row=hour // 6)


@pytest.fixture
def day(trained: Baseline, counted: Callable[..., Summary], spec: MonitorSpec) -> Callable[..., JudgedSpan]:
    """Judge a day that is made of four windows, shifted by so many standard deviations."""

    def judged(shift: float = 0.0, *, first: timedelta = timedelta(0), **changed: Any) -> JudgedSpan:
        rng, parts = np.random.default_rng(7), []
        for at in range(4):
            start = DAY.start + at * SIX + first
            hour = (start.hour + rng.integers(0, 6, 500)) % 24
            summary = counted(trained.layout, {"x": seasonal(hour, rng, shift)})
            row = sample_window(
                span=Span(start, start + SIX),
                rows=500,
                summary=summary.to_bytes(),
                baseline_id=trained.id,
                layout_hash=trained.layout.layout_hash,
            )
            parts.append(Counted.of_window(row, trained))
        about = SpanToJudge(spec=spec, rhythm=Rhythm.DAY, span=DAY, revision=1, inputs="")
        return judged_span(parts_of(parts), {trained.id: trained}, replace(about, **changed), now=DAY.end)

    return judged


def test_a_day_is_held_against_each_season(day: Callable[..., JudgedSpan]) -> None:
    """Each quarter is held against its own rows: a shift of all is found; windows of two quarters leave it unjudged."""
    clean, shifted, astride = day(), day(0.2), day(first=timedelta(hours=3))

    assert [Verdict.OK] == [row.row.verdict for row in clean.rows]
    assert [Verdict.DRIFT] == [row.row.verdict for row in shifted.rows]
    assert [Verdict.INSUFFICIENT] == [row.row.verdict for row in astride.rows]
    assert "was not counted by them" in astride.rows[0].row.judgement["features"][0]["what"]


def test_each_look_has_a_tenth_of_the_one_before(day: Callable[..., JudgedSpan]) -> None:
    """A day that is judged again, because rows came late, may spend a tenth of what it could the first time."""
    first, second = (day(0.5, looks=looks, revision=looks + 1).findings[0] for looks in (0, 1))

    assert pytest.approx(10, rel=0.05) == first.threshold / second.threshold
    assert (first.rhythm, first.origin, second.revision) == (Rhythm.DAY, "batch", 2)
    assert first.evidence["false_alarms_per_day"] == pytest.approx(1 / 7)
