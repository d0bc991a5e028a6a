"""Findings recomputed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pegel.baseline import Baseline
from pegel.errors import LayoutMismatch, NotFound
from pegel.explain import explain
from pegel.findings import Span
from pegel.judge import judge
from pegel.layout import Layout
from pegel.spec import MonitorSpec
from pegel.summary import Summary


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

    assert {"location", "nulls", "shape", "outlier rate"} == {finding.test for finding in findings}
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
