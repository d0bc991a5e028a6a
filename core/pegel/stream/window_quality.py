"""The rows of a final window held against what its counts could not tell; whoever runs the library is a parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Role, Schema
from pegel.data.private_fields import WITHHELD
from pegel.judge.findings import Finding
from pegel.judge.judge import judge_rows
from pegel.quality.expectation import COLUMNS, Expectation
from pegel.quality.expectation_outcome import NO_ROWS, ExpectationOutcome
from pegel.quality.merged_suite import suite_for
from pegel.quality.on_counts import on_counts
from pegel.quality.on_rows import of_rows, untold, why_untold
from pegel.spec.plain_numbers import how_many
from pegel.stats.summary import Summary
from pegel.stream.row_sample import RowSample
from pegel.stream.window_rows import FinalWindow


class RowsUntold(Exception):
    """Whoever runs the suite could not; the message says why, in words for people."""


RunSuite = Callable[[Columns, Schema, Sequence[Expectation]], Sequence[ExpectationOutcome]]
"""Holds rows of requests against expectations, in their order. Raises RowsUntold."""


@dataclass(frozen=True, slots=True)
class RowQuality:
    """What rows say of a window. `looked_at`: how many of its `rows` were."""

    window: FinalWindow
    looked_at: int
    rows: int
    outcomes: tuple[ExpectationOutcome, ...]
    """Of each expectation that counts could not tell."""
    findings: tuple[Finding, ...]


def told_of_rows(window: FinalWindow, baseline: Baseline, run: RunSuite) -> RowQuality:
    """Return what the rows of a window say. Whatever goes wrong is a reason why something is not told."""
    row, spec, sample = window.row, window.spec, window.sample
    summary = Summary.from_bytes(row.summary, baseline.layout)
    rows = summary.rows(Role.FEATURE)
    told = (on_counts(expectation, summary, baseline) for expectation in suite_for(spec, baseline).expectations)
    # Of the columns themselves rows tell no more than counts do.
    asked = [
        one.expectation
        for one in told
        if one.met is None and one.why != NO_ROWS and one.expectation.type not in COLUMNS
    ]
    if sample is None or sample.seen != rows:
        why = window.why if sample is None else f"{sample.seen:,} of {how_many(rows, 'row')} alone were at hand"
        return RowQuality(window, 0, rows, tuple(untold(expectation, why, rows) for expectation in asked), ())
    outcomes = [_privately(outcome, spec.archive.private) for outcome in _outcomes(sample, baseline, asked, run)]
    looked_at = sample.rows.n
    evidence = {"looked_at": looked_at, "rows": rows}
    findings = judge_rows(
        outcomes, baseline, summary, spec=spec, span=row.span, revision=row.revision, evidence=evidence
    )
    return RowQuality(window, looked_at, rows, tuple(outcomes), findings)


def _outcomes(
    sample: RowSample, baseline: Baseline, asked: Sequence[Expectation], run: RunSuite
) -> list[ExpectationOutcome]:
    schema = baseline.layout.schema
    whys = [why_untold(expectation, schema, is_whole=sample.is_whole) for expectation in asked]
    may = [expectation for expectation, why in zip(asked, whys, strict=True) if not why]
    told: dict[int, ExpectationOutcome] = {}
    if may:
        rows = sample.rows
        try:
            results = run(rows, schema, may)
        except RowsUntold as error:
            results = [untold(expectation, str(error), rows.n) for expectation in may]
        told = {
            id(asked): _unless_too_large(of_rows(result, baseline.noise), sample)
            for asked, result in zip(may, results, strict=True)
        }
    return [
        told.get(id(expectation)) or untold(expectation, why, sample.rows.n)
        for expectation, why in zip(asked, whys, strict=True)
    ]


def _privately(outcome: ExpectationOutcome, private: Mapping[str, str]) -> ExpectationOutcome:
    """Return an outcome without values of fields that are private."""
    columns = outcome.expectation.columns & private.keys()
    if not columns or outcome.met:
        return outcome
    why = outcome.why and f"{WITHHELD}: what is there would tell of {', '.join(sorted(columns))}"
    return replace(outcome, examples=(), why=why)


def _unless_too_large(outcome: ExpectationOutcome, sample: RowSample) -> ExpectationOutcome:
    """Return an outcome; where rows were left out for their size, none is met: those may be the ones that break it."""
    if not sample.too_large or not outcome.met:
        return outcome
    were = "was" if sample.too_large == 1 else "were"
    why = f"{how_many(sample.too_large, 'row')} {were} too large to be looked at"
    return replace(outcome, met=None, test=None, why=why)
