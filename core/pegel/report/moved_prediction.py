"""By how much the prediction moved while something drifted: from stored explained rows, or why it is not known.

It is told beside a drift. Whatever stands in the way of it is a reason in words: no mail, page or explanation waits for
it, or fails by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.engine import Engine

from pegel.alerts.alert import AlertFeature
from pegel.alerts.alert_kind import AlertKind
from pegel.data.spans import Span
from pegel.detect.attribution_change import changes
from pegel.errors import PegelError, PermanentError
from pegel.judge.attribution.attribution_judgement import explained_by
from pegel.judge.attribution.attribution_levels import FEWEST_ROWS
from pegel.judge.findings import Finding
from pegel.report.prediction_words import NO_ROWS, NOT_EXPLAINED, PredictionMove, both
from pegel.report.words import length
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.explained_span import explained_span
from pegel.store.registry import Registry

ABOUT = frozenset({AlertKind.DRIFT, AlertKind.LONG_SPANS})
"""Kinds of trouble of which it is asked whether they matter to the model."""
OF_SEGMENTS = "explained rows are not counted by segment"


def moved_prediction(engine: Engine, spec: MonitorSpec, findings: Sequence[Finding]) -> PredictionMove | str:
    """Return how the mean output differs from its baseline's while these findings were made, or why it is not known.

    The windows of explained rows are added up that overlap the newest finding's time, or that of others that overlap
    it. Of findings about segments alone nothing is known: attributions are of all rows.
    """
    if not spec.attribution.is_used:
        return NOT_EXPLAINED
    whole = [finding.span for finding in findings if not finding.segment]
    if not whole:
        return OF_SEGMENTS
    newest, near = _together(whole)
    return _readable(engine, spec, Span(min(one.start for one in near), newest.end))


def moved_meanwhile(engine: Engine, spec: MonitorSpec, features: Sequence[AlertFeature]) -> PredictionMove | str:
    """Return the same for an alert that goes on: since all began that drifts now, or else since the first of it did.

    Windows of explained rows are final later than those of the rows, so of the newest finding alone hardly anything is
    known as long as it is news.
    """
    if not spec.attribution.is_used:
        return NOT_EXPLAINED
    whole = [feature for feature in features if not feature.finding.segment]
    if not whole:
        return OF_SEGMENTS
    newest, near = _together([feature.finding.span for feature in whole])
    began = [feature.since for feature in whole if feature.finding.span in near]
    told = _readable(engine, spec, Span(max(began), newest.end))
    if isinstance(told, str) and min(began) < max(began):
        told = _readable(engine, spec, Span(min(began), newest.end))
    return told


def _together(spans: Sequence[Span]) -> tuple[Span, list[Span]]:
    """Return the newest of some spans, and those that overlap it, itself included."""
    newest = max(spans, key=lambda one: (one.end, one.start))
    return newest, [one for one in spans if one.end > newest.start]


def _readable(engine: Engine, spec: MonitorSpec, span: Span) -> PredictionMove | str:
    try:
        return _moved(engine, spec, span)
    except PegelError as error:
        return f"the explained rows of this time cannot be read: {shown(str(error), LONGEST_SENTENCE // 2)}"
    except Exception as error:  # noqa: BLE001  whatever was stored, what drifts is told all the same
        return f"the explained rows of this time cannot be read: {shown(repr(error), LONGEST_SENTENCE // 2)}"


def matters(engine: Engine, finding: Finding) -> PredictionMove | str | None:
    """Return the same for one finding; None where nobody asks: it is no drift, or no prediction is to be explained."""
    if AlertKind.of(finding) not in ABOUT:
        return None
    try:
        spec = Registry(engine).get(finding.model, finding.version)
    except PermanentError as error:
        return f"its spec cannot be read: {shown(str(error), LONGEST_SENTENCE // 2)}"
    if spec is None or not spec.attribution.is_used:
        return None
    told = moved_prediction(engine, spec, [finding])
    if isinstance(told, str) and (alert := AlertStore(engine).of_finding(finding, damaged=[])) is not None:
        # Of one window hardly anything is known; the mail about it tells of the whole time of its alert.
        meanwhile = moved_meanwhile(engine, spec, alert.features)
        return told if isinstance(meanwhile, str) else meanwhile
    return told


def _moved(engine: Engine, spec: MonitorSpec, span: Span) -> PredictionMove | str:
    rows = explained_span(engine, spec.model.name, spec.model.version, span)
    if rows.sums is None:
        still = f"windows of explained rows take {length(spec.attribution.window)}, the one of this time may be open"
        return rows.why or f"{NO_ROWS}: {still}"
    if rows.sums.n < FEWEST_ROWS:
        return f"only {how_many(rows.sums.n, 'row')} of this time were explained; {FEWEST_ROWS} are needed"
    reference = BaselineStore(engine).get(rows.baseline_id)
    known, margin = explained_by(reference), spec.attribution.margin
    names = [each.name for each in reference.layout.schema.fields[: known.features]]
    found = changes(rows.sums, known.sums, margin)
    own = [*found[: known.features], found[-1]]  # a residual is no part of the prediction
    move = PredictionMove.of_changes(names, own, known.scale.sigma, margin, known.unit)
    if not move.is_noticeable and _mostly_before(rows.covered, span):
        take = length(spec.attribution.window)
        return f"most explained rows are from before this time: windows of them take {take}"
    return replace(move, probabilities=both(known.mean_probability(known.sums), known.mean_probability(rows.sums)))


def _mostly_before(covered: Span | None, span: Span) -> bool:
    """Say whether most of the time of some rows is before a span: these hide what moves within it."""
    if covered is None:
        return False
    return span.start - covered.start > min(covered.end, span.end) - span.start
