"""What the newest window says of each expectation, ready to be shown: not met first, then what cannot be told.

What counts tell is computed of the stored counts; what they cannot tell is as a sample of the rows said it, if it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.judge.layers.expectations import DETECTOR
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.quality.expectation_words import in_words
from pegel.quality.merged_suite import suite_for
from pegel.quality.on_counts import on_counts
from pegel.report.words import p_value
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many
from pegel.spec.suites import SEVERITIES
from pegel.stats.summary import Summary
from pegel.store.row_quality_store import RowQualityRow
from pegel.stream.result_rows import WindowRow

FOUND, BY_CHANCE, SHOWN_ALONE = "not met", "not met, which chance may explain", "not met, shown alone"
NOT_ASKED = "not met, and not expected when the window was judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationView:
    """One expectation and what came of it, in words."""

    expected: str
    there: str
    state: str
    """Of one that is not met, whether it is a finding; else empty."""
    is_finding: bool
    suite: str
    p_value: str
    """Empty for a rule, and where there is nothing to test."""
    failed_in: str
    """In how many of the newest windows it was not met; empty where there is no other window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityView:
    """A window beside the suite that its model is held to."""

    window: WindowRow | None
    """None before there is one that can be held against it; then there is nothing in the lists."""
    suites: str
    failed: list[ExpectationView]
    """Findings first."""
    untold: list[ExpectationView]
    held: list[ExpectationView]

    @property
    def words(self) -> str:
        """Return how many there are of each, in words."""
        parts = [f"{len(self.failed):,} not met", how_many(len(self.held), "expectation") + " met"]
        untold = [f"{len(self.untold):,} cannot be told"] if self.untold else []
        return ", ".join([*(parts if self.failed else parts[1:]), *untold])


Told = Mapping[tuple[Span, int], RowQualityRow]
"""What rows of windows said, by span and revision."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What counts or rows of one window say of an expectation."""

    expectation: Expectation
    met: bool | None
    there: str
    p_value: float | None

    @classmethod
    def by_counts(cls, outcome: ExpectationOutcome) -> _Said:
        p = None if outcome.test is None else outcome.test.p_value
        return cls(outcome.expectation, outcome.met, outcome.there, p)

    def or_by_rows(self, row: RowQualityRow | None) -> _Said:
        """Return what rows said instead, where counts cannot tell and rows were asked."""
        if self.met is not None or row is None:
            return self
        asked = _marks(self.expectation)
        said = next((one for one in row.outcomes if {name: one.get(name) for name in asked} == asked), None)
        return self if said is None else _Said(self.expectation, said["met"], _there(said, row), said["p_value"])


def quality_view(
    spec: MonitorSpec,
    baseline: Baseline,
    windows: Sequence[WindowRow],
    findings: Iterable[Finding],
    told: Told | None = None,
) -> QualityView | None:
    """Return what the newest of some final windows says of the suite in force; None where nothing is expected.

    `windows`: in order of time. `findings`: those of the newest window among them tell which expectation is one.
    """
    suite = suite_for(spec, baseline)
    if not suite.expectations:
        return None
    counted = [row for row in windows if row.layout_hash == baseline.layout.layout_hash and row.summary]
    nothing = QualityView(window=None, suites=suite.name, failed=[], untold=[], held=[])
    if not counted:
        return nothing
    by_window = [_said(suite.expectations, row, baseline, told or {}) for row in counted]
    found = {(one.feature, one.test) for one in findings if _is_of(one, counted[-1])}
    views: dict[bool | None, list[ExpectationView]] = {True: [], False: [], None: []}
    for several in zip(*by_window, strict=True):
        newest = several[-1]
        views[newest.met].append(_view(several, (newest.expectation.feature, newest.expectation.test) in found))
    failed = sorted(views[False], key=lambda view: not view.is_finding)
    return QualityView(window=counted[-1], suites=suite.name, failed=failed, untold=views[None], held=views[True])


def _said(expectations: Iterable[Expectation], row: WindowRow, baseline: Baseline, told: Told) -> list[_Said]:
    summary = Summary.from_bytes(row.summary, baseline.layout)
    by_rows = told.get((row.span, row.revision))
    outcomes = (on_counts(expectation, summary, baseline) for expectation in expectations)
    return [_Said.by_counts(outcome).or_by_rows(by_rows) for outcome in outcomes]


def _marks(expectation: Expectation) -> dict[str, Any]:
    """Return by what an expectation is known among stored outcomes."""
    return {
        "suite": expectation.suite,
        "feature": expectation.feature,
        "test": expectation.test,
        "expected": in_words(expectation),
    }


def _there(said: Mapping[str, Any], row: RowQualityRow) -> str:
    """Return what rows say is there; where they are a sample, of how many."""
    sampled = said["met"] is not None and row.looked_at < row.rows
    return f"{said['there']}, in a sample of {row.rows:,} rows" if sampled else str(said["there"])


def _is_of(finding: Finding, window: WindowRow) -> bool:
    return finding.detector == DETECTOR and (finding.span, finding.revision) == (window.span, window.revision)


def _view(several: Sequence[_Said], is_finding: bool) -> ExpectationView:
    """Return one expectation in the newest of some windows."""
    newest, times = several[-1], sum(said.met is False for said in several)
    return ExpectationView(
        expected=in_words(newest.expectation),
        there=newest.there,
        state=_state(newest, is_finding),
        is_finding=is_finding,
        suite=newest.expectation.suite,
        p_value="" if newest.p_value is None else p_value(newest.p_value),
        failed_in=f"{times} of the newest {len(several)} windows" if times and several[1:] else "",
    )


def _state(said: _Said, is_finding: bool) -> str:
    if said.met is not False:
        return ""
    if is_finding:
        return FOUND
    if said.expectation.severity != SEVERITIES[0]:
        return SHOWN_ALONE
    # A rule that is not met is a finding, unless the spec was another one then.
    return NOT_ASKED if said.expectation.is_rule else BY_CHANCE
