"""Single windows: has a field's distribution changed, or have its data gone bad, as one window alone can tell?

The layer has what the others leave of the budget, four fifths for changed distributions and a fifth for data quality:
nulls, unseen values, exceeded ranges, outliers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import refusal
from pegel.data.columns import Role
from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Evidence
from pegel.detect.drift import too_few
from pegel.detect.effects import drift_effect, quality_effect
from pegel.detect.quality import quality_tests
from pegel.detect.sizes import distances_of
from pegel.judge.budget import Budget, sidak
from pegel.judge.comparison import Comparison, idle_detectors
from pegel.judge.decision import Criterion, FeatureVerdict, insufficient, verdict_on
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.layers.stored_comparison import stored_comparison, stored_evidence
from pegel.judge.single_event import why_never_mailed
from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.summary import FeatureSummary, Summary

OUTLIER_RATE = "outlier rate"
"""Stands where a feature's name stands in findings about the rate of outlying events."""
DRIFT_SHARE = 0.8
"""Part of the layer's budget for changed distributions."""
QUALITY_SHARE = 0.2
"""Part of the layer's budget for nulls, unseen values, exceeded ranges, the rate of outliers."""
_SCORES = ("pooled midranks", "normal scores of the pooled midranks, clipped at 1/256")
_FORMULAS = {
    "location": (
        "z = (mean score of the window - of the baseline) / sqrt(S2 (1/n + 1/m)), scores are {scores}, S2 their pooled "
        "variance; two-sided p from the Pearson III law with the permutation skewness; where nearly all rows share one "
        "value and the others lie on one side of it, p is that of their count, as for two values"
    ),
    "scale": (
        "as location, with squared normal scores of the pooled midranks, clipped at 1/256; z > 0 means spread wider; "
        "where nearly all rows share one value and the others lie on both sides of it, p is that of their count"
    ),
    "shape": (
        "divergence = 4.5 sum observed ((observed / expected)^(1/3) - 1) over pooled cells of window and baseline; "
        "chi-squared with df degrees of freedom"
    ),
    "single category": (
        "as for two values, of the count of the group that changed most against all others, times the number of groups"
    ),
    "binary": (
        "the smaller tail of the hypergeometric law of the second value's count, given both totals, and as much of the "
        "other as is no more likely"
    ),
}
OPEN = (
    "open vocabulary: no value is known to be frequent and new ones are the rule; only repeated values and nulls are "
    "looked at"
)
_COUNT_FORMULA = (
    "P(K >= seen), K hypergeometric: `seen` of n rows of the window against `seen_in_baseline` of m, given their sum; "
    "for nulls, the smaller tail and as much of the other as is no more likely"
)
_UNKNOWN = "not assessed: "
"""What a reason begins with that stands behind `is not known`."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels per field, after Šidák's correction, of the drift tests and of the count tests of one window."""

    drift: float
    quality: float

    @classmethod
    def of(cls, alpha: float, fields: int) -> Levels:
        """Divide the layer's false alarms per window among `fields` judged fields, and the rate of outliers."""
        return cls(sidak(DRIFT_SHARE * alpha, fields), sidak(QUALITY_SHARE * alpha, fields + 1))


class SingleWindows:
    """The layer of tests of one field, or one rate, in one window."""

    name = "single windows"
    detectors = ("drift", "quality")

    def missing(self, _setting: Setting) -> str | None:
        """Return None: it always runs, because it has what the others leave of the budget."""
        return None

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return two verdicts on each field, and the one on the rate of outliers."""
        drift, quality = _criteria(setting, budget, self.name)
        evidence = window.drift_evidence
        verdicts = []
        for pair in window.comparisons:
            finer = values_off_grid(window.baseline, window.summary, pair.name)
            verdicts += [_drift(pair, evidence.get(pair.name), drift), _quality(pair, quality, finer)]
        for rate in outlier_test(window.baseline, window.summary):
            verdicts.append(verdict_on(rate.name, [rate], quality, quality_effect))
        return LayerResult(verdicts)

    def notes(self, setting: Setting, _budget: Budget) -> list[str]:
        """Return what is not allowed for, and why no event is called an outlier, or none is ever mailed."""
        baseline, watch = setting.baseline, setting.spec.watch
        if baseline is None:
            return []
        notes = []
        if not baseline.noise.replayed:
            notes.append(
                f"whether windows vary by themselves is not known ({baseline.noise.why.removeprefix(_UNKNOWN)}): where "
                "they do, more alarms are false"
            )
        if baseline.noise.repeats > 1:
            notes.append(_repeats(baseline))
        idle = idle_detectors(baseline, watch.detectors)
        notes += [f"the detector {name} is not asked: {why}" for name, why in idle.items()]
        if baseline.outlier_cutoff is None and setting.of_events:
            notes.append(refusal(baseline.rows, watch.rows_per_day, watch.outliers_per_day) or "")
        if setting.of_events:
            notes.append(why_never_mailed(setting))
        return [note for note in notes if note]

    def arithmetic(self, setting: Setting, alpha: float) -> str:
        """Return the level of a window, and of each field if their number is known."""
        judged = (
            f"each judged at {alpha:.2g} in all ({DRIFT_SHARE:.0%} for drift, {QUALITY_SHARE:.0%} for data quality)"
        )
        if setting.field_count is None:
            return f"{judged}, shared by the features of the training data"
        fields = max(1, setting.field_count)
        levels = Levels.of(alpha, fields)
        return (
            f"{judged}, which is {levels.drift:.2g} for the drift and {levels.quality:.2g} for the quality of each of "
            f"{fields} features"
        )

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Recompute a test of a field or of a rate."""
        if finding.feature == OUTLIER_RATE:
            return explained_by(finding, outlier_test(baseline, summary), _COUNT_FORMULA)
        pair = stored_comparison(finding, summary, baseline)
        if finding.detector == "quality":
            finer = values_off_grid(baseline, summary, pair.name)
            return explained_by(finding, quality_tests(pair.before, pair.now, pair.dispersion, finer), _COUNT_FORMULA)
        light = isinstance(pair.before.layout, NumericLayout) and pair.before.layout.light_tails
        formula = _FORMULAS.get(finding.test, _COUNT_FORMULA).format(scores=_SCORES[light])
        return explained_by(finding, stored_evidence(finding, pair, baseline), formula)


def has_no_frequent_values(feature: FeatureSummary) -> bool:
    """Say whether a field of the baseline is one of identifiers, whose distribution tells nothing."""
    return isinstance(feature.layout, CategoricalLayout) and feature.layout.has_no_frequent_values


def _repeats(baseline: Baseline) -> str:
    """Return what repeated rows cost, in words."""
    times, rows = baseline.noise.repeats, baseline.rows
    seen = (
        "the replay of its windows has allowed for it"
        if baseline.noise.replayed
        else f"windows are taken to be so, too: the baseline counts as {rows / times:,.0f} of its {rows:,} rows, and a "
        "window likewise"
    )
    return (
        f"rows of the baseline stand there {times:.3g} times, as after a join or a repeated load; {seen}; take repeats "
        "out of both to see smaller changes"
    )


def outlier_test(baseline: Baseline, summary: Summary) -> list[CountTest]:
    """Return the test of the rate of outlying events; none without a cut-off or without scored events."""
    cutoff = baseline.outlier_cutoff
    if cutoff is None or not summary.n_scored:
        return []
    counts = (summary.n_outliers, summary.n_scored, cutoff.exceeding, cutoff.scored)
    return [CountTest(OUTLIER_RATE, *counts, factor=baseline.noise.burst_factor(summary.n_scored))]


def _criteria(setting: Setting, budget: Budget, name: str) -> tuple[Criterion, Criterion]:
    """Return what drift tests and what count tests of one field have to pass."""
    alpha, fields = budget.of(name), max(1, len(setting.fields))
    margin = setting.spec.watch.margin
    levels = Levels.of(alpha, fields)
    return (
        Criterion("drift", levels.drift, budget.share(DRIFT_SHARE * alpha) / fields, margin),
        Criterion("quality", levels.quality, budget.share(QUALITY_SHARE * alpha) / (fields + 1), margin),
    )


def values_off_grid(baseline: Baseline, summary: Summary, name: str) -> int | None:
    """Return how many values of a field are finer than any of training; None where nobody counts them."""
    grids = None if baseline.rows_sent is None else baseline.rows_sent.grids
    if grids is None or name not in grids or summary.behaviour is None:
        return None
    numeric = [feature.field.name for _, feature in baseline.layout.numeric(Role.FEATURE)]
    return int(summary.behaviour.off_grid[numeric.index(name)])


def _quality(pair: Comparison, criterion: Criterion, finer: int | None) -> FeatureVerdict:
    counts = quality_tests(pair.before, pair.now, pair.dispersion, finer)
    nulls = counts[0]
    if any(test.seen for test in counts) or nulls.seen_in_baseline:
        return verdict_on(pair.name, counts, criterion, quality_effect)
    # Nothing odd, now or ever: most fields of most windows, so no time is spent on p-values that are all 1.
    return FeatureVerdict(
        feature=pair.name,
        verdict=Verdict.OK,
        what="as in training",
        n=nulls.n,
        m=nulls.m,
        detector=criterion.detector,
        test=nulls.name,
        threshold=criterion.level,
        budget_share=criterion.share,
    )


def _drift(pair: Comparison, tests: Sequence[Evidence] | None, criterion: Criterion) -> FeatureVerdict:
    name, n, m = pair.name, pair.n, pair.m
    why = pair.why or too_few(n, m)
    if why is not None:
        return insufficient(name, why, n, m)
    if not tests:
        return FeatureVerdict(feature=name, verdict=Verdict.OK, what="all values are the same", n=n, m=m)
    verdict = verdict_on(name, tests, criterion, lambda test: drift_effect(test, pair.reference, pair.judged))
    if verdict.verdict is Verdict.OK:
        return insufficient(name, OPEN, n, m) if has_no_frequent_values(pair.before) else verdict
    return verdict.with_evidence({**pair.evidence, "distances": distances_of(pair.reference, pair.judged)})
