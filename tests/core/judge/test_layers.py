"""A layer of tests that Pegel does not have, added as any new one is: one class, and one line in the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.cli.validate import summary as spec_in_words
from pegel.detect.count_tests import CountTest
from pegel.detect.cusum import Chart
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import judge
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.layer_table import LAYERS, LayerEntry
from pegel.judge.recomputation import explain
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary

SEEN = ("*", "rows", "up")


class Crowding:
    """Are there far more rows than any window should have? A rule of three lines, with a chart of its own."""

    name = "crowding"
    detectors = ("crowding",)

    def missing(self, setting: Setting) -> str | None:
        """Run only where the answers of the model are watched."""
        return None if setting.spec.watch.predictions else "crowds are not looked for: predictions are not watched"

    def judge(self, window: JudgedWindow, _setting: Setting, budget: Budget) -> LayerResult:
        """Say that it is crowded, always."""
        (test,) = self._tests(window.summary)
        verdict = FeatureVerdict(
            feature="crowd",
            verdict=Verdict.DRIFT,
            what="crowded",
            n=test.n,
            m=test.m,
            detector="crowding",
            test=test.name,
            statistic=test.statistic,
            p_value=test.p_value,
            threshold=budget.of(self.name),
            budget_share=budget.share(budget.of(self.name)),
        )
        return LayerResult([verdict], {SEEN: Chart(level=1.0, length=1)})

    def notes(self, _setting: Setting, _budget: Budget) -> list[str]:
        """Say so."""
        return ["crowds are looked for"]

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Show the level."""
        return f"crowds have {alpha:.2g} per window"

    def explain(self, finding: Finding, summary: Summary, _baseline: Baseline) -> Explanation:
        """Count again."""
        return explained_by(finding, self._tests(summary), "rows against none")

    def _tests(self, window: Summary) -> list[CountTest]:
        rows = window.most_rows
        return [CountTest("rows", rows, rows, 0, 1_000)]


WITH_CROWDING = (*LAYERS, LayerEntry(Crowding(), share=0.2))


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of one number."""
    return learnt({"x": np.random.default_rng(0).normal(size=20_000)})


@pytest.fixture
def look(trained: Baseline, counted: Callable[..., Summary], monitor: Callable[..., Any]) -> Callable[..., Any]:
    """Judge one clean window with the further layer; return the window and the judgement."""

    def judged(**sections: Any) -> Any:
        window = counted(trained.layout, {"x": np.random.default_rng(1).normal(size=200)})
        one = monitor(trained, **sections)
        found = judge(
            trained,
            window,
            spec=one.spec,
            span=one.span,
            revision=1,
            chart_state=one.chart_state,
            layers=WITH_CROWDING,
        )
        return window, found

    return judged


def test_its_share_is_taken_from_single_windows(look: Callable[..., Any]) -> None:
    """The layer has its part of the budget, single windows have what is left, and the words say both."""
    division = look()[1].division

    assert {"single windows": 0.39, "charts": 0.4, "events": 0.01, "crowding": 0.2} == pytest.approx(
        {name: division.budget.share(alpha) for name, alpha in division.budget.alphas.items()}
    )
    assert "per window and crowds have 1.4e-05 per window. Of these, windows have 0.7" in division.describe()
    assert (0.7 / 7, 1 / 7) == pytest.approx((division.budget.expected_per_day, division.expected_per_day))


def test_its_verdict_and_its_note_are_told(look: Callable[..., Any]) -> None:
    """What the layer finds decides on the window and is a finding; its note stands among the others."""
    _, judged = look()

    assert Verdict.DRIFT == judged.verdict
    assert [("crowd", "crowding", "crowded")] == [
        (finding.feature, finding.detector, finding.what) for finding in judged.findings
    ]
    assert ["crowd"] == [verdict.feature for verdict in judged.beyond]
    assert "crowds are looked for" in judged.notes


def test_its_charts_are_kept(look: Callable[..., Any]) -> None:
    """A chart that the layer moved is in the state for the next window, beside those of the other layers."""
    charts = look()[1].chart_state.charts

    assert Chart(level=1.0, length=1) == charts[SEEN]
    assert {"x", "*"} == {key[0] for key in charts}


def test_its_findings_are_explained_by_itself(look: Callable[..., Any], trained: Baseline) -> None:
    """The explanation comes from the layer whose detector the finding names; without the layer nobody knows it."""
    window, judged = look()
    (finding,) = judged.findings
    explained = explain(finding, window, trained, layers=WITH_CROWDING)

    assert explained.agrees
    assert "rows: rows against none" in str(explained)
    known = "drift, quality, cusum, correlation, dependence, attribution, identity, events, expectation, performance"
    with pytest.raises(NotFound, match=f"expected a finding of {known}, concept, probing, adversarial; given"):
        explain(finding, window, trained)


def test_where_it_does_not_run_its_share_goes_to_single_windows(look: Callable[..., Any]) -> None:
    """A layer that lacks something has no budget and no verdict, and its reason is told."""
    _, judged = look(watch={"predictions": False})

    assert 0.0 == judged.division.budget.of("crowding")
    assert 0.59 == pytest.approx(judged.division.budget.share(judged.division.budget.of("single windows")))
    assert [] == list(judged.findings)
    assert "crowds are not looked for: predictions are not watched" in judged.notes


def test_a_spec_is_told_with_it(spec: MonitorSpec) -> None:
    """`pegel validate` tells of the layer what the table and the layer say."""
    quiet = MonitorSpec.parse(spec.to_json() | {"watch": {"predictions": False}})

    assert any("crowds have 1.4e-05 per window" in line for line in spec_in_words(spec, WITH_CROWDING))
    assert "crowds are not looked for: predictions are not watched" in spec_in_words(quiet, WITH_CROWDING)
