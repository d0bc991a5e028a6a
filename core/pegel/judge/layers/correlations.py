"""Correlations: have two fields come to move together, or ceased to? No test of single fields can see it."""

from __future__ import annotations

from collections.abc import Collection

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind
from pegel.detect.correlation import PairChange, correlation
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.paired_fields import PairedFields
from pegel.judge.watched_pairs import PAIR
from pegel.stats.layout import CORRELATED_ROLE, CORRELATED_ROWS
from pegel.stats.summary import Summary

DETECTOR = "correlation"
BETWEEN = " × "  # noqa: RUF001  the sign for "times", as in interactions
"""Stands between the names of a pair."""
TEN = 10
"""Fewer expected rows are told with one decimal."""
_FORMULAS = {
    "correlation": "z = (atanh r_now - atanh r_before) / sqrt(kappa (1/(n-3) + 1/(m-3))) of normal scores, all pairs",
    "odds_ratio": "exact test of equal odds ratios: rows high in both, given those high in each, all pairs",
}


class Correlations:
    """The layer of pairs of numeric features."""

    name = "correlations"
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return why no pair is watched: hours are judged apart, or no two suitable features have enough rows."""
        baseline = setting.baseline
        if baseline is None:
            return _too_few_to_pair(setting)
        if _apart(baseline):
            return "correlations are not watched: hours are judged apart"
        return PairedFields.of(baseline, setting.fields, setting.summary).missing

    def judge(self, window: JudgedWindow, _setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on the pair that changed most, if it has changed."""
        level, baseline = budget.of(self.name), window.baseline
        watched = [field.name for field in window.fields]
        change = correlation_change(baseline, window.summary, watched)
        if change is None or change.p_value >= level or not change.relevant:
            return LayerResult()
        correlated = baseline.layout.correlated
        names = [correlated[place][1].field.name for place in (change.first, change.second)]
        verdict = FeatureVerdict(
            feature=BETWEEN.join(names),
            verdict=Verdict.DRIFT,
            what=words(change),
            n=change.n,
            m=change.m,
            detector=DETECTOR,
            test=change.test,
            statistic=change.statistic,
            p_value=change.p_value,
            threshold=level,
            budget_share=budget.share(level),
            effect=change.change,
            effect_unit="r",
            evidence={"tests": {change.test: change.numbers()}, "watched": watched},
        )
        return LayerResult([verdict])

    def notes(self, setting: Setting, _budget: Budget) -> list[str]:
        """Return which numeric features are not watched for correlations, and why."""
        if setting.baseline is None:
            return []
        note = PairedFields.of(setting.baseline, setting.fields, setting.summary).note
        return [] if note is None else [note]

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Return the level of all pairs together."""
        return f"correlations have {alpha:.2g} per window"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Recompute the pair that changed most among those that were watched."""
        change = correlation_change(baseline, summary, finding.evidence["watched"])
        if change is None:
            raise NotFound(f"expected correlations of {finding.feature}, found too few rows: nothing was recomputed.")
        return Explanation(finding, _FORMULAS[change.test], change.numbers(), (), change.statistic, change.p_value)


def correlation_change(baseline: Baseline, summary: Summary, watched: Collection[str]) -> PairChange | None:
    """Return the watched pair whose correlation changed most; None where too few rows have both numbers.

    None, too, where hours are judged apart: fields that follow the clock go together over a day, but not within an
    hour, and the baseline's correlations are those of all hours.
    """
    if _apart(baseline):
        return None
    correlated = baseline.layout.correlated
    places = [place for place, (_, layout) in enumerate(correlated) if layout.field.name in watched]
    return correlation(baseline.pairs, summary.comoments, places)


def changed_pair(window: JudgedWindow, level: float) -> list[str]:
    """Return both features of the pair whose correlation has changed, enough to matter; none if there is no such."""
    watched = [field.name for field in window.fields]
    change = correlation_change(window.baseline, window.summary, watched)
    if change is None or change.p_value >= level or not change.relevant:
        return []
    correlated = window.baseline.layout.correlated
    return [correlated[place][1].field.name for place in (change.first, change.second)]


def _too_few_to_pair(setting: Setting) -> str | None:
    """Return why no pair will be watched, as far as it can be told before there is a baseline."""
    training, features = setting.training, setting.spec.watch.features
    if training is not None and training.rows < CORRELATED_ROWS:
        return f"correlations are not watched: the training data has fewer than {CORRELATED_ROWS:,} rows"
    count = None if features == "all" else len(features)
    if training is not None:
        count = sum(field.kind is Kind.NUMERIC and field.role is CORRELATED_ROLE for field in setting.fields)
    if count is None or count >= PAIR:
        return None
    return f"correlations are not watched: they need {PAIR} numeric features, and {count} can be"


def _apart(baseline: Baseline) -> bool:
    return baseline.noise.seasons is not None


def words(change: PairChange) -> str:
    """Return what changed: the correlation, or how many rows have the rarer half of both fields."""
    if change.halves is None:
        return f"correlation {_two_digits(change.before)} -> {_two_digits(change.now)}"
    window, baseline = change.halves
    seen, expected = float(window.both), change.expected
    first, second = (2 * int(count) <= change.m for count in (baseline.first, baseline.second))
    # The other counts follow from those of rows high in both.
    if not first and not second:
        rest = change.n - int(window.first) - int(window.second)
        said, seen, expected = "both low", rest + seen, rest + expected
    elif first and second:
        said = "both high"
    else:
        half = int(window.first if first else window.second)
        said, seen, expected = "one high, one low", half - seen, half - expected
    return f"{said} in {seen:,.0f} rows, {expected:,.{0 if expected >= TEN else 1}f} expected"


def _two_digits(r: float) -> str:
    """Return a correlation with two digits; none is -0.00."""
    return f"{round(r, 2) + 0.0:.2f}"
