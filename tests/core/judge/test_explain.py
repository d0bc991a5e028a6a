"""Findings recomputed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.errors import LayoutMismatch, NotFound
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.judge import judge
from pegel.judge.recomputation import explain
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import Layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_finding

LETTERS = np.array(["a", "b", "c", "d"], dtype=object)


@pytest.fixture
def stored(layout: Layout, draw: Any, count: Callable[..., Summary]) -> Summary:
    """A window with every kind of change, read back from bytes."""
    summary = count(layout, draw(3_000, 5, shift=0.4, nulls=0.05, wn=0.4))
    summary.n_scored, summary.n_outliers = 3_000, 60
    return Summary.from_bytes(summary.to_bytes(), layout)


def test_every_finding_is_found_again(baseline: Baseline, stored: Summary, spec: MonitorSpec, span: Span) -> None:
    """Statistic and p-value of each finding follow from the stored summary and the baseline alone."""
    findings = judge(baseline, stored, spec=spec, span=span, revision=1).findings
    copy = Baseline.from_json(baseline.to_json())
    explained = [explain(finding, stored, copy) for finding in findings]

    assert {"location", "nulls", "single category", "outlier rate"} == {finding.test for finding in findings}
    assert all(one.agrees for one in explained)
    assert "equal to 1e-9" in str(explained[0])
    assert f"n = {findings[0].n}, m = {findings[0].m}" in str(explained[0])


def test_a_changed_number_is_noticed(baseline: Baseline, stored: Summary, spec: MonitorSpec, span: Span) -> None:
    """A finding that does not follow from the stored summary is said to be so."""
    finding = judge(baseline, stored, spec=spec, span=span, revision=1).findings[0]
    explained = explain(replace(finding, statistic=finding.statistic * (1 + 1e-8)), stored, baseline)

    assert not explained.agrees
    assert "NOT what was stored" in str(explained)


def test_other_baseline_or_test(baseline: Baseline, stored: Summary, spec: MonitorSpec, span: Span) -> None:
    """With another baseline, or a test that is not there, nothing is recomputed."""
    finding = judge(baseline, stored, spec=spec, span=span, revision=1).findings[0]

    with pytest.raises(LayoutMismatch, match="expected the baseline sha256:other"):
        explain(replace(finding, baseline_id="sha256:other"), stored, baseline)
    with pytest.raises(NotFound, match="expected a test 'guess' of delay, found location, scale, shape"):
        explain(replace(finding, test="guess"), stored, baseline)


def read_back(finding: Finding) -> Finding:
    """Return a finding as the results database gives it back: its evidence went through JSON."""
    return replace(finding, evidence=json.loads(json.dumps(finding.evidence)))


class Kept:
    """Findings of one history, each with the summary of its window as stored."""

    def __init__(self, baseline: Baseline) -> None:
        """Start without findings."""
        self.baseline = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))
        self.pairs: list[tuple[Finding, Summary]] = []

    def see(self, one: Any, *given: Any) -> None:
        """Let a monitor see a window; keep what it finds."""
        judged = one.see(*given)
        summary = Summary.from_bytes(one.summary.to_bytes(), self.baseline.layout)
        self.pairs += [(read_back(finding), summary) for finding in judged.findings]

    def check(self, detector: str) -> list[Finding]:
        """Check that all findings are found again, and that a changed one is noticed; return those of a detector."""
        chosen = [finding for finding, _ in self.pairs if finding.detector == detector]
        for finding, summary in self.pairs:
            changed = replace(finding, p_value=finding.p_value * (1 + 1e-8))
            assert explain(finding, summary, self.baseline).agrees
            assert not explain(changed, summary, self.baseline).agrees
            assert "equal to 1e-9" in str(explain(finding, summary, self.baseline))
        return chosen


def mixed(rng: np.random.Generator, n: int, change: float = 0.0) -> dict[str, Any]:
    """Draw numbers, letters and a switch, each changed a little."""
    rest = (1 - 0.25 - change) / 3
    return {
        "x": rng.normal(change, 1 + change, n),
        "letter": LETTERS[rng.choice(4, n, p=[0.25 + change, rest, rest, rest])],
        "switch": (rng.random(n) < 0.2 + change).astype(np.float64),
    }


@pytest.mark.parametrize("factors", [{}, {"location": 1.4, "scale": 1.2}])
def test_findings_of_charts(monitor: Callable[..., Any], learnt: Callable[..., Baseline], factors: Any) -> None:
    """Every alarm of every kind of chart, the first and later ones, is found again from its window alone."""
    names = ("x", "letter", "switch")
    noise = Noise({name: Dispersion(200, 100, factors, lags={"location": 0.2} if factors else {}) for name in names})
    baseline = learnt(mixed(np.random.default_rng(0), 50_000), noise=noise)
    one, kept, rng = monitor(baseline, watch={"margin": 0.0}), Kept(baseline), np.random.default_rng(1)
    for _ in range(100):
        kept.see(one, mixed(rng, 200, 0.06))
    found = kept.check("cusum")

    assert set(names) == {finding.feature for finding in found}
    assert len(found) > 8


def test_a_changed_chart_is_noticed(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """An alarm whose stored level before the window was changed does not follow any more; an unknown one is refused."""
    baseline = learnt({"x": np.random.default_rng(0).normal(size=50_000)})
    one, kept, rng = monitor(baseline), Kept(baseline), np.random.default_rng(1)
    while not kept.pairs:
        kept.see(one, {"x": rng.normal(0.15, 1, 200)})
    ((finding, summary),) = kept.pairs
    chart = finding.evidence["chart"]
    higher = {"before": chart["before"] | {"level": (float.fromhex(chart["before"]["level"]) + 1e-6).hex()}}
    changed = replace(finding, evidence=finding.evidence | {"chart": chart | higher})

    assert not explain(changed, summary, baseline).agrees
    with pytest.raises(NotFound, match="expected a chart 'guess up' of x, found none"):
        explain(replace(finding, test="guess up"), summary, baseline)


def test_findings_of_carried_values(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """A finding in values of three small windows is found again from the last window and the counts in its evidence."""
    baseline = learnt(mixed(np.random.default_rng(0), 20_000))
    one, kept, rng = monitor(baseline), Kept(baseline), np.random.default_rng(1)
    for _ in range(9):
        kept.see(one, mixed(rng, 20, 0.7))
    found = kept.check("drift")

    assert {"x", "letter", "switch"} == {finding.feature for finding in found}
    assert all(40 == sum(finding.evidence["carried"]["cells"].values()) for finding in found)


def test_findings_of_seasons(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Findings within a season, in a window that crosses two, and of charts that saw both are found again."""
    rng, of_row = np.random.default_rng(0), np.repeat([0, 1], 20_000)
    baseline = learnt(mixed(rng, 40_000), noise=Noise(seasons=Seasons(12)), of_row=of_row)
    kept = Kept(baseline)
    begin = monitor(baseline).begin + timedelta(hours=5, minutes=29, seconds=30)  # half a minute before 17:30
    one = monitor(baseline, at=begin)
    crossing = []
    for minute in range(60):
        across = baseline.season(one.span.start, one.span.end) is None
        seasons = np.full(200, int(minute >= 30)) if not across else np.repeat([0, 1], 100)
        crossing += [minute] * across
        kept.see(one, mixed(rng, 200, 0.25 if minute % 10 == 0 or across else 0.06), seasons)
    drift, charts = kept.check("drift"), kept.check("cusum")
    told = {(finding.evidence.get("season"), finding.span.start) for finding in drift}

    assert [30] == crossing
    assert {"day", "night", None} == {season for season, _ in told}
    assert {"x", "letter", "switch"} == {finding.feature for finding in charts}


def test_the_hours_that_a_finding_is_compared_with_are_named() -> None:
    """A finding of one season says which rows of the baseline it is about; of one of all rows that line is missing."""
    whole = sample_finding(1)
    one = replace(whole, evidence=whole.evidence | {"season": "19:00-20:00"}, m=1_286)
    told, other = (str(Explanation(finding, "f", {}, (), 0.0, 1.0)) for finding in (one, whole))

    assert "compared    with its 1,286 rows of 19:00-20:00" in told.splitlines()
    assert "compared" not in other


def test_findings_of_further_detectors(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """A finding that a further detector decided is found again with the detectors named in its evidence."""
    baseline = learnt({"x": np.random.default_rng(0).normal(size=20_000)})
    one, kept = monitor(baseline, watch={"detectors": ["tails", "median"]}), Kept(baseline)
    rng = np.random.default_rng(1)
    values = rng.normal(size=2_000)
    kept.see(one, {"x": np.where(np.abs(values) > 1.9, 2.6 * np.sign(values), values)})
    (found,) = kept.check("drift")

    assert "tails" == found.test
    assert ["tails", "median"] == found.evidence["detectors"]


def test_findings_of_correlations(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """A changed correlation is found again; with too few complete rows in the stored summary it is refused."""
    rng = np.random.default_rng(0)
    baseline = learnt({"x": rng.normal(size=5_000), "y": rng.normal(size=5_000)})
    one, kept, values = monitor(baseline), Kept(baseline), rng.normal(size=(2, 500))
    kept.see(one, {"x": values[0], "y": values.sum(axis=0) / np.sqrt(2)})
    found = kept.check("correlation")

    assert ["correlation"] == [finding.test for finding in found]
    with pytest.raises(NotFound, match="found too few rows: nothing was recomputed"):
        explain(found[0], Summary.empty(baseline.layout), baseline)
