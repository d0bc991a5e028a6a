"""`pegel explain`: a finding recomputed from what was stored, with its formula and its numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import opened
from pegel.errors import NotFound, PermanentError
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
from pegel.judge.recomputation import explain as recompute
from pegel.judge.single_event import DETECTOR as SINGLE_EVENT
from pegel.judge.single_event import explain_single_event
from pegel.judge.skew import DETECTOR as SKEW
from pegel.judge.skew import explain_skew
from pegel.past.finding_slices import FindingSlices, finding_slices
from pegel.report import probing_words
from pegel.report.made_of_event import MadeOfEvent, made_of_event
from pegel.report.moved_prediction import matters
from pegel.report.prediction_words import PredictionMove, matter_to_json, matter_words
from pegel.spec.clock import SystemClock
from pegel.spec.settings import Settings
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.summary import Summary
from pegel.store.attribution_store import AttributionStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.long_span_store import LongSpanStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow

FindingId = Annotated[
    str, typer.Argument(metavar="FINDING", help="The id in a mail or on the page; its start is enough.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it for machines, every number exact.")]
WhichRows = Annotated[
    bool, typer.Option("--rows", help="Search the archive for the rows that hold most of it, told by their values.")
]


def explain(finding: FindingId, home: HomeOption = None, rows: WhichRows = False, as_json: AsJson = False) -> None:
    """Recompute a finding from its stored window and baseline, and show the arithmetic."""
    settings = settings_of(home)
    explanation = explained(settings, finding)
    moved = _moved(settings, explanation.finding)
    slices = _slices(settings, finding) if rows else None
    made = _made(settings, explanation.finding)
    if as_json:
        told: dict[str, Any] = {} if moved is None else {"matters": matter_to_json(moved)}
        told |= {} if made is None else {"made_of_it": made.to_json()}
        told |= {} if slices is None else {"rows": slices.to_json()}
        told |= probing_words.to_json(explanation.finding)
        say(json.dumps(explanation.to_json() | told, indent=2))
    else:
        matter = [] if moved is None else [f"matters     {matter_words(moved)}"]
        matter += [] if made is None else [f"the model  {made.words}"]
        crowd = probing_words.lines(explanation.finding)
        say("\n".join([str(explanation), *matter, *crowd, *([] if slices is None else slices.lines())]))
    if not explanation.agrees:
        raise PermanentError(
            f"expected the stored statistic and p-value of finding {finding} to be found again to 1e-9; they were not. "
            "The stored window or baseline is not the one that was judged."
        )


def _moved(settings: Settings, finding: Finding) -> PredictionMove | str | None:
    """Return whether a drift matters to the model, or why that is not known; None where nobody asks."""
    with opened(settings) as engine:
        return matters(engine, finding)


def _made(settings: Settings, finding: Finding) -> MadeOfEvent | None:
    """Return what the model made of a single event; None where nobody asks."""
    if finding.detector != SINGLE_EVENT:
        return None
    with opened(settings) as engine:
        spec = Registry(engine).get(finding.model, finding.version)
        return None if spec is None else made_of_event(engine, spec, finding, now=SystemClock().now())


def _slices(settings: Settings, finding: str) -> FindingSlices:
    with opened(settings) as engine:
        return finding_slices(settings, engine, finding)


def explained(settings: Settings, finding: str) -> Explanation:
    """Return the finding, recomputed. Raises NotFound when it or its window is gone, SetupError without a database."""
    with opened(settings) as engine:
        results = Results(engine)
        stored = results.finding(finding)
        by_itself = None if is_of_surrogate(stored) else _BY_ITSELF.get(stored.detector)
        if by_itself is not None:
            return by_itself(stored)
        baseline = BaselineStore(engine).get(stored.baseline_id)
        if stored.detector == ATTRIBUTION or is_of_surrogate(stored):
            rows = _explained_rows(engine, stored, baseline)
            explain = explain_residual if is_of_surrogate(stored) else explain_attribution
            return explain(stored, rows, baseline)
        if stored.detector == SINGLE_EVENT:
            return explain_single_event(stored, baseline)  # it holds its score
        if stored.detector == CONCEPT:
            return explain_chart(stored, baseline)  # it holds the run of its chart
        if stored.detector == DETECTOR:
            return explain_span(stored, _counts(engine, stored), baseline)
        row = _row(results, LongSpanStore(engine), stored)
        if row is None:
            raise NotFound(f"the window of finding {finding} is no longer stored; it cannot be recomputed.")
        return recompute(stored, Summary.from_bytes(row.summary, baseline.layout), baseline)


_BY_ITSELF = {EVENTS: explain_events, SKEW: explain_skew, IDENTITY: explain_identity}
"""Of detectors whose findings hold their counts, so that neither rows nor a baseline are needed."""


def _explained_rows(engine: Engine, finding: Finding, baseline: Baseline) -> CountedAttributions:
    """Return the counts of the explained rows that a finding is about. Raises NotFound when they are gone."""
    row = AttributionStore(engine).of_finding(finding)
    if row.sums is None:
        raise NotFound(f"the window of finding {finding.id} has no counts of explained rows; it cannot be recomputed.")
    return CountedAttributions(Summary.from_bytes(row.summary, baseline.layout), row.sums)


def _row(results: Results, spans: LongSpanStore, finding: Finding) -> WindowRow | None:
    """Return what is stored of the window, or of the long span, that a finding is about."""
    if finding.rhythm is not None:
        long_span = spans.row_of(finding)
        return None if long_span is None else long_span.row
    return results.window(finding.model, finding.version, finding.span, finding.revision, segment=finding.segment)


def _counts(engine: Engine, finding: Finding) -> PerformanceCounts:
    """Return the labelled rows that a finding was made of. Raises NotFound where they are gone."""
    store = PerformanceStore(engine)
    row = store.row(finding.model, finding.version, finding.span, finding.revision, segment=finding.segment)
    if row is None:
        raise NotFound(f"the labelled rows of finding {finding.id} are no longer stored; it cannot be recomputed.")
    return row.counts
