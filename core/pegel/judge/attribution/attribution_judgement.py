"""Explained rows of one window beside those of their baseline: is a change certain, and does the output move by it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pegel.baseline.attribution_reference import AttributionReference
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.attribution_change import AttributionChange, RelevantTest, changes, clean_ndcg, ndcg, ranks
from pegel.detect.combine import corrected
from pegel.detect.effect import Effect
from pegel.errors import LayoutMismatch, NotFound
from pegel.judge.attribution.attribution_levels import FEWEST_ROWS
from pegel.judge.budget import sidak
from pegel.judge.decision import Criterion, FeatureVerdict, insufficient, overall, verdict_on
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layers.attributions import DETECTOR
from pegel.spec.monitor_spec import Watch
from pegel.stats.attribution_sums import AttributionSums
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary

UNIT: Final = "sigma of prediction"
OUTPUT: Final = "output"
"""What the raw output of the model is called among the parts of its change."""
LEARNING: Final = "learning its baseline"
_FORMULA = (
    "tests as of any number, over the attributions of the feature; relevant where max(z_mean, z_size) >= 2.326: "
    "z = (|difference| - margin) / sqrt(s2_window / n + s2_baseline / m), of the mean attribution and of its mean "
    "size, in standard deviations of the prediction"
)


@dataclass(frozen=True, slots=True)
class CountedAttributions:
    """Counts of explained rows in the cells of their baseline, and their sums; of one window, or of several merged."""

    summary: Summary
    sums: AttributionSums

    @property
    def n(self) -> int:
        """Return how many rows there are."""
        return self.sums.n

    def merged_with(self, other: CountedAttributions) -> CountedAttributions:
        """Return the rows of both; they are left as they are."""
        summary, sums = Summary.total([self.summary, other.summary]), AttributionSums.empty(self.sums.features)
        for each in (self.sums, other.sums):
            sums.merge(each)
        return CountedAttributions(summary, sums)


@dataclass(frozen=True, slots=True)
class AttributionJudgement:
    """What is known of the explained rows of one window.

    `why`: why they are not judged; empty where they are. `facts`: what is shown and never thresholded, as plain JSON.
    `residual`: what is known of the residuals of a surrogate, which says whose answers they are and is none of the
    features; None where there are none.
    """

    verdict: Verdict
    features: tuple[FeatureVerdict, ...] = ()
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    residual: FeatureVerdict | None = None


def judge_attributions(
    reference: Baseline | None,
    rows: CountedAttributions | None,
    *,
    span: Span,
    level: float,
    margin: float,
    tests: int = 0,
    why_no_reference: str = LEARNING,
) -> AttributionJudgement:
    """Judge explained rows.

    Args:
        reference: The baseline of attributions; None while there is none.
        rows: The rows; None without any.
        span: When they were, for seasons.
        level: False alarms that the window may raise.
        margin: Smallest change of a part of the prediction that matters, in its standard deviations.
        tests: How many tests there are that share the level, beside one per judged field.
        why_no_reference: Why there is no baseline.
    """
    if reference is None:
        return AttributionJudgement(Verdict.INSUFFICIENT, why=why_no_reference)
    if rows is None or not rows.n:
        return AttributionJudgement(Verdict.NO_DATA, why="no rows were explained")
    fields, known = reference.layout.schema.fields, explained_by(reference)
    if rows.n < FEWEST_ROWS:
        why = f"fewer than {FEWEST_ROWS} explained rows in the window"
        unknown = tuple(insufficient(each.name, why, rows.n, reference.rows) for each in fields[: known.features])
        return AttributionJudgement(Verdict.INSUFFICIENT, unknown, why)
    window = JudgedWindow(reference, rows.summary, span, Watch(), fields)
    found = changes(rows.sums, known.sums, margin)
    criterion = Criterion(DETECTOR, sidak(level, len(fields) + tests), level / (len(fields) + tests), margin)
    verdicts = tuple(
        _verdict(window, each.name, change, criterion) for each, change in zip(fields, found[:-1], strict=True)
    )
    features, facts = verdicts[: known.features], _facts(reference.layout, known, rows, found)
    residual = None if known.surrogate is None else verdicts[-1]
    return AttributionJudgement(overall(features), features, facts=facts, residual=residual)


def explained_by(reference: Baseline) -> AttributionReference:
    """Return what a baseline knows of explained rows. Raises LayoutMismatch for one of other rows."""
    if reference.attribution is None:
        raise LayoutMismatch(f"expected a baseline of attributions, given {reference.id} of rows: nothing was judged.")
    return reference.attribution


def explain_attribution(
    finding: Finding, rows: CountedAttributions, reference: Baseline, *, field_name: str = ""
) -> Explanation:
    """Recompute a finding on attributions from the stored counts. Raises NotFound for another test or feature.

    `field_name`: the judged field, where that is not the feature of the finding.
    """
    names, name = [each.name for each in reference.layout.schema.fields], field_name or finding.feature
    if name not in names:
        raise NotFound(f"expected attributions of {name}, found {', '.join(names)}: nothing was recomputed.")
    window = JudgedWindow(reference, rows.summary, finding.span, Watch(), reference.layout.schema.fields)
    tests = window.drift_evidence.get(name, [])
    values = {test.name: p for test, p in zip(tests, corrected(tests), strict=True)}
    test = next((each for each in tests if each.name == finding.test), None)
    if test is None:
        raise NotFound(f"expected a test {finding.test} of {name}, found {', '.join(values) or 'none'}.")
    margin = float(finding.evidence["margin"])
    change = changes(rows.sums, explained_by(reference).sums, margin)[names.index(name)]
    shown = tuple(f"{each}: p = {p:.3g}" for each, p in values.items())
    return Explanation(
        finding, _FORMULA, {**test.numbers(), **change.numbers()}, shown, test.statistic, values[finding.test]
    )


def _verdict(window: JudgedWindow, name: str, change: AttributionChange, criterion: Criterion) -> FeatureVerdict:
    pair = next(each for each in window.comparisons if each.name == name)
    if pair.why is not None:
        return replace(insufficient(name, pair.why, pair.n, pair.m), detector=DETECTOR)
    tests = [RelevantTest(each, change) for each in window.drift_evidence.get(name, ())]
    if not tests:
        return FeatureVerdict(
            feature=name, verdict=Verdict.OK, what="all values are the same", n=pair.n, m=pair.m, detector=DETECTOR
        )
    verdict = verdict_on(name, tests, criterion, lambda _: effect_of(change))
    return verdict.with_evidence({**pair.evidence, "change": change.numbers(), "margin": criterion.margin})


def effect_of(change: AttributionChange) -> Effect:
    """Return how the prediction moves by a feature: by its mean attribution, or where that did not, by its size."""
    if change.z_mean >= change.z_size:
        what = f"moves the prediction {'up' if change.mean > 0 else 'down'}"
        return Effect(change.mean, UNIT, what, change.numbers())
    what = f"moves the prediction {'more' if change.size > 0 else 'less'} than before, either way"
    return Effect(change.size, UNIT, what, change.numbers())


def _facts(
    layout: Layout, known: AttributionReference, rows: CountedAttributions, found: list[AttributionChange]
) -> dict[str, Any]:
    """Return what is shown: the order of importance before and now, and by how much each part moves the prediction."""
    before, now = known.importance, rows.sums.mean_sizes[: known.features]
    covariance = known.size_covariance
    names = [each.name for each in layout.schema.fields[: known.features]]
    parts = zip([*names, OUTPUT], [*found[: known.features], found[-1]], strict=True)
    residual = {} if known.surrogate is None else {"residual": found[-2].numbers()}
    return {
        "n": rows.n,
        "m": known.sums.n,
        "sigma": known.scale.sigma,
        "unit": known.unit.value,
        "probabilities": [known.mean_probability(known.sums), known.mean_probability(rows.sums)],
        "method": known.method.value,
        "artefact": known.artefact,
        "ndcg": ndcg(before, now),
        "clean_ndcg": None if covariance is None else clean_ndcg(before, covariance, rows.n),
        "ranks_before": dict(zip(names, ranks(before), strict=True)),
        "ranks": dict(zip(names, ranks(now), strict=True)),
        "parts": {name: change.numbers() for name, change in parts},
        **residual,
    }
