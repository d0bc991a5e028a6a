"""From when to when a change began: in findings, after restarts, recomputed, and where too little is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.recent_deviations import RecentDeviations
from pegel.errors import NotFound
from pegel.judge.change_interval import ChangeInterval, interval_evidence, interval_of, recomputed
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Finding
from pegel.judge.recomputation import explain

N, BEFORE, DURING = 200, 20, 60
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
PLACE = ("x", "location")


def rows(rng: np.random.Generator, n: int = N, shift: float = 0.0) -> dict[str, Any]:
    """Draw a normal number and a switch that is on in one of five rows."""
    return {"x": rng.normal(shift, 1, n), "switch": (rng.random(n) < 0.2).astype(np.float64)}


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 50,000 rows."""
    return learnt(rows(np.random.default_rng(0), 50_000))


@pytest.fixture
def shifted(monitor: Callable[..., Any], trained: Baseline) -> Callable[..., Any]:
    """Let windows pass, the later ones shifted; return the monitor, with the summary of each finding's window."""

    def live(shift: float, before: int = BEFORE, during: int = DURING, *, restored: bool = False) -> Any:
        one, rng = monitor(trained), np.random.default_rng(1)
        one.kept = []
        for minute in range(before + during):
            found = one.see(rows(rng, shift=shift if minute >= before else 0.0))
            one.kept += [(finding, one.summary) for finding in found.findings]
            if restored:
                one.chart_state = ChartState.from_json(json.loads(json.dumps(one.chart_state.to_json())))
        return one

    return live


def begun(finding: Finding) -> ChangeInterval:
    """Return when the change of a finding began."""
    interval = interval_of(finding.evidence)
    assert interval is not None
    return interval


def series(values: list[float], gap_before: int | None = None) -> Any:
    """Return deviations of one chart, a minute each; none of the ten minutes before one of them."""
    recent, start = RecentDeviations(), NOON
    for number, z in enumerate(values):
        start += 10 * MINUTE if number == gap_before else timedelta(0)
        recent, start = recent.plus(Span(start, start + MINUTE), {PLACE: z}), start + MINUTE
    return recent.of(PLACE)


def test_a_small_shift_is_placed(shifted: Callable[..., Any], span: Span) -> None:
    """The first finding's interval holds the first shifted window, and is at most a dozen windows long."""
    one = shifted(0.15)
    interval, truth = begun(one.findings[0]), span.start + BEFORE * MINUTE

    assert interval.earliest is not None
    assert interval.earliest <= truth < interval.latest <= one.findings[0].span.end
    assert interval.latest - interval.earliest == interval.windows * MINUTE <= 12 * MINUTE
    assert interval.gradual_earliest is not None
    assert interval.gradual_earliest <= interval.earliest
    assert 0.9 == interval.confidence


def test_a_shift_down_is_placed(shifted: Callable[..., Any], span: Span) -> None:
    """The chart downwards has an interval just the same."""
    first = shifted(-0.15).findings[0]
    interval = begun(first)

    assert "location down" == first.test
    assert interval.earliest is not None
    assert interval.earliest <= span.start + BEFORE * MINUTE < interval.latest


def test_without_windows_before_it_is_open(shifted: Callable[..., Any], span: Span) -> None:
    """What was shifted from the first window on began before the end of some window: nothing is known of earlier."""
    interval = begun(shifted(0.15, before=0).findings[0])

    assert (None, None) == (interval.earliest, interval.gradual_earliest)
    assert span.start == interval.known_from


def test_a_restart_in_between_gives_the_same_interval(shifted: Callable[..., Any]) -> None:
    """With the state written to JSON and read again after each window, findings hold the same evidence."""
    whole, restored = shifted(0.15), shifted(0.15, restored=True)

    assert whole.findings
    assert [one.evidence for one in whole.findings] == [one.evidence for one in restored.findings]


def test_it_is_recomputed(shifted: Callable[..., Any], trained: Baseline) -> None:
    """`explain` finds the interval again in the evidence, says it in words, and notices another one."""
    finding, summary = shifted(0.15).kept[0]
    stored = replace(finding, evidence=json.loads(json.dumps(finding.evidence)))
    explained = explain(stored, summary, trained)
    chart = stored.evidence["chart"]
    later = chart["began"] | {"latest": stored.span.end.isoformat(), "windows": chart["began"]["windows"] + 9}
    other = replace(stored, evidence=stored.evidence | {"chart": chart | {"began": later}})

    assert explained.agrees
    assert begun(stored) == recomputed(stored.evidence) == explained.began
    assert begun(stored).to_json() == explained.to_json()["began"]
    assert "(90 % sure)" in str(explained)
    assert not explain(other, summary, trained).agrees


def test_time_that_nobody_saw_is_in_it() -> None:
    """Where no window was judged between the last clean and the first changed one, the change may have begun then."""
    interval = ChangeInterval.of(series([0.0] * 20 + [5.0] * 6, gap_before=20), 0.0)

    assert interval is not None
    assert (NOON + 20 * MINUTE, NOON + 31 * MINUTE) == (interval.earliest, interval.latest)


def test_nothing_seen_is_nothing_said() -> None:
    """Without a single deviation there is no interval, and no evidence of one."""
    assert ChangeInterval.of(series([]), 0.0) is None
    assert {} == interval_evidence(series([]), 0.0)
    assert interval_of({}) is interval_of({"chart": {}}) is recomputed({}) is None


@pytest.mark.parametrize("damaged", [{}, [], "x", {"sixteenths": [1], "times": "!"}, {"sixteenths": [1], "times": ""}])
def test_a_damaged_one_is_not_known(damaged: object) -> None:
    """The finding is told without it, and recomputing says what it met."""
    whole = interval_evidence(series([0.0] * 20 + [5.0] * 6), 0.0)

    assert interval_of({"chart": whole | {"began": damaged}}) is None
    assert interval_of({"chart": damaged or "x"}) is None
    with pytest.raises(NotFound, match="nothing was recomputed"):
        recomputed({"chart": whole | {"deviations": damaged}})


@pytest.mark.parametrize("values", [[0.0] * 20 + [5.0] * 6, [1.0], [0.5 * step for step in range(30)]])
def test_instants_are_in_order(values: list[float]) -> None:
    """Whatever was seen: known from, gradually, earliest and latest never fall; and JSON reads back."""
    interval = ChangeInterval.of(series(values), 0.004)
    assert interval is not None
    known = [interval.known_from, interval.gradual_earliest, interval.earliest, interval.latest]
    instants = [instant for instant in known if instant is not None]

    assert sorted(instants) == instants
    assert interval == ChangeInterval.from_json(json.loads(json.dumps(interval.to_json())))


def test_a_slope_is_no_sudden_change() -> None:
    """A mean that rises for forty windows looks gradual, and then the interval is that of a gradual change."""
    interval = ChangeInterval.of(series([0.0] * 40 + [step / 10 for step in range(1, 41)]), 0.0)

    assert interval is not None
    assert not interval.is_sudden
    assert interval.gradual_earliest == interval.earliest
    assert interval.earliest is not None
    assert interval.earliest <= NOON + 40 * MINUTE < interval.latest


def test_a_change_that_is_over_is_forgotten(monitor: Callable[..., Any], trained: Baseline, span: Span) -> None:
    """After windows as in training, the next change has an interval of its own."""
    one, rng = monitor(trained), np.random.default_rng(4)
    for shift, windows in ((0.0, 10), (0.2, 20), (0.0, 40), (0.2, 20)):
        for _ in range(windows):
            one.see(rows(rng, shift=shift))
    last = [finding for finding in one.findings if finding.detector == "cusum"][-1]
    interval = begun(last)

    assert last.span.start >= span.start + 70 * MINUTE
    assert interval.earliest is not None
    assert span.start + 50 * MINUTE < interval.earliest <= span.start + 70 * MINUTE < interval.latest


def test_windows_of_too_few_rows_leave_a_gap(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Windows that are not judged are in no series; the interval goes over them."""
    one, rng = monitor(trained), np.random.default_rng(5)
    for minute in range(60):
        one.see(rows(rng, n=10 if 20 <= minute < 24 else N, shift=0.2 if minute >= 24 else 0.0))
    first = next(finding for finding in one.findings if finding.detector == "cusum")
    interval, seen = begun(first), one.chart_state.recent.of(PLACE)

    assert interval.earliest is not None
    assert interval.earliest <= one.begin + 24 * MINUTE < interval.latest
    assert len(seen) < 60
