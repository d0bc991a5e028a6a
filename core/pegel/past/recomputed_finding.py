"""A stored finding, recomputed from what was judged: its rows and its baseline are looked up, whoever judged it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.errors import NotFound
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explain_attribution
from pegel.judge.attribution.model_identity import explain_identity
from pegel.judge.attribution.surrogate_identity import explain_residual, is_of_surrogate
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.layers.attributions import DETECTOR as ATTRIBUTION
from pegel.judge.layers.attributions import IDENTITY
from pegel.judge.layers.odd_events import DETECTOR as EVENTS
from pegel.judge.layers.odd_events import explain_events
from pegel.judge.performance.concept_charts import explain_chart
from pegel.judge.performance.label_levels import CONCEPT, DETECTOR
from pegel.judge.performance.span_judgement import explain_span
from pegel.judge.recomputation import explain
from pegel.judge.single_event import DETECTOR as SINGLE_EVENT
from pegel.judge.single_event import explain_single_event
from pegel.judge.skew import DETECTOR as SKEW
from pegel.judge.skew import explain_skew
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.summary import Summary
from pegel.store.attribution_store import AttributionStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.long_span_store import LongSpanStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow


@dataclass(frozen=True, slots=True)
class RecomputedFinding:
    """What was found again.

    `now` and `before`: the rows that were judged and those of training that they were compared with, in the same cells;
    None of what is not about rows by their cells.
    """

    explanation: Explanation
    now: Summary | None = None
    before: Baseline | None = None


def recomputed_finding(engine: Engine, stored: Finding) -> RecomputedFinding:
    """Return a stored finding, recomputed.

    Raises NotFound when its window, its labelled rows or its baseline are gone, LayoutMismatch when one of them is not
    what was judged.
    """
    by_itself = None if is_of_surrogate(stored) else _BY_ITSELF.get(stored.detector)
    if by_itself is not None:
        return RecomputedFinding(by_itself(stored))
    baseline = BaselineStore(engine).get(stored.baseline_id)
    if stored.detector == ATTRIBUTION or is_of_surrogate(stored):
        rows = _explained_rows(engine, stored, baseline)
        of_rows = explain_residual if is_of_surrogate(stored) else explain_attribution
        return RecomputedFinding(of_rows(stored, rows, baseline))
    if stored.detector == SINGLE_EVENT:
        return RecomputedFinding(explain_single_event(stored, baseline))  # it holds its score
    if stored.detector == CONCEPT:
        return RecomputedFinding(explain_chart(stored, baseline))  # it holds the run of its chart
    if stored.detector == DETECTOR:
        return RecomputedFinding(explain_span(stored, _counts(engine, stored), baseline))
    row = _row(engine, stored)
    if row is None:
        raise NotFound(f"the window of finding {stored.id} is no longer stored; it cannot be recomputed.")
    now = Summary.from_bytes(row.summary, baseline.layout)
    compared = baseline.of_segment(stored.segment) if stored.segment else baseline
    return RecomputedFinding(explain(stored, now, baseline), now, compared)


_BY_ITSELF = {EVENTS: explain_events, SKEW: explain_skew, IDENTITY: explain_identity}
"""Of detectors whose findings hold their counts, so that neither rows nor a baseline are needed."""


def _explained_rows(engine: Engine, finding: Finding, baseline: Baseline) -> CountedAttributions:
    """Return the counts of the explained rows that a finding is about. Raises NotFound when they are gone."""
    row = AttributionStore(engine).of_finding(finding)
    if row.sums is None:
        raise NotFound(f"the window of finding {finding.id} has no counts of explained rows; it cannot be recomputed.")
    return CountedAttributions(Summary.from_bytes(row.summary, baseline.layout), row.sums)


def _row(engine: Engine, finding: Finding) -> WindowRow | None:
    """Return what is stored of the window, or of the long span, that a finding is about."""
    if finding.rhythm is not None:
        long_span = LongSpanStore(engine).row_of(finding)
        return None if long_span is None else long_span.row
    own = (finding.model, finding.version, finding.span, finding.revision)
    return Results(engine).window(*own, segment=finding.segment)


def _counts(engine: Engine, finding: Finding) -> PerformanceCounts:
    """Return the labelled rows that a finding was made of. Raises NotFound where they are gone."""
    store = PerformanceStore(engine)
    row = store.row(finding.model, finding.version, finding.span, finding.revision, segment=finding.segment)
    if row is None:
        raise NotFound(f"the labelled rows of finding {finding.id} are no longer stored; it cannot be recomputed.")
    return row.counts
