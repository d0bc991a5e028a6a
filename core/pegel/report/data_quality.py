"""What the newest window says of each expectation, ready to be shown: not met first, then what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pegel.baseline.baseline import Baseline
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


def quality_view(
    spec: MonitorSpec, baseline: Baseline, windows: Sequence[WindowRow], findings: Iterable[Finding]
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
    by_window = [_outcomes(suite.expectations, row, baseline) for row in counted]
    found = {(one.feature, one.test) for one in findings if _is_of(one, counted[-1])}
    views: dict[bool | None, list[ExpectationView]] = {True: [], False: [], None: []}
    for outcomes in zip(*by_window, strict=True):
        newest = outcomes[-1]
        views[newest.met].append(_view(outcomes, (newest.expectation.feature, newest.expectation.test) in found))
    failed = sorted(views[False], key=lambda view: not view.is_finding)
    return QualityView(window=counted[-1], suites=suite.name, failed=failed, untold=views[None], held=views[True])


def _outcomes(expectations: Iterable[Expectation], row: WindowRow, baseline: Baseline) -> list[ExpectationOutcome]:
    summary = Summary.from_bytes(row.summary, baseline.layout)
    return [on_counts(expectation, summary, baseline) for expectation in expectations]


def _is_of(finding: Finding, window: WindowRow) -> bool:
    return finding.detector == DETECTOR and (finding.span, finding.revision) == (window.span, window.revision)


def _view(outcomes: Sequence[ExpectationOutcome], is_finding: bool) -> ExpectationView:
    """Return one expectation in the newest of some windows."""
    newest, times = outcomes[-1], sum(outcome.met is False for outcome in outcomes)
    expectation, several = newest.expectation, len(outcomes) > 1
    return ExpectationView(
        expected=in_words(expectation),
        there=newest.there,
        state=_state(newest, is_finding),
        is_finding=is_finding,
        suite=expectation.suite,
        p_value="" if newest.test is None else p_value(newest.test.p_value),
        failed_in=f"{times} of the newest {len(outcomes)} windows" if times and several else "",
    )


def _state(outcome: ExpectationOutcome, is_finding: bool) -> str:
    if outcome.met is not False:
        return ""
    if is_finding:
        return FOUND
    if outcome.expectation.severity != SEVERITIES[0]:
        return SHOWN_ALONE
    # A rule that is not met is a finding, unless the spec was another one then.
    return NOT_ASKED if outcome.expectation.is_rule else BY_CHANCE
