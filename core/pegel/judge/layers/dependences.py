"""Dependence: do two features of any kinds go together as in training? Changes of each by itself do not count."""

from __future__ import annotations

from collections.abc import Collection

from pegel.baseline.baseline import Baseline
from pegel.detect.dependence_change import DependenceChange, dependence
from pegel.detect.effect import percent
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.decision import FeatureVerdict
from pegel.judge.dependence_fields import DependenceFields, watched_features
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.layers.correlations import BETWEEN, Correlations, changed_pair
from pegel.judge.watched_pairs import PAIR
from pegel.stats.layout import CORRELATED_ROLE, CORRELATED_ROWS
from pegel.stats.summary import Summary

DETECTOR = "dependence"
NOTICEABLE = 0.1
"""Below this value of Cramer's V two features hardly go together."""
_FORMULA = (
    "chi-squared of the rows in 4 x 4 groups of both features, against those expected if nothing but how frequent each "
    "group is had changed; all pairs"
)


class Dependences:
    """The layer of pairs of features of any kinds."""

    name = "dependence"
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return why no pair is watched: it is off, hours are judged apart, or no two features have enough rows."""
        if setting.spec.watch.dependence == "off":
            return "dependence is not watched: watch.dependence is off"
        baseline = setting.baseline
        if baseline is None:
            return _too_few_to_pair(setting)
        if baseline.noise.seasons is not None:
            return "dependence is not watched: hours are judged apart"
        return DependenceFields.of(baseline, setting.fields, setting.summary).missing

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on the pair whose dependence changed most, if it has; not on one whose correlation has."""
        level, baseline = budget.of(self.name), window.baseline
        watched = watched_features(baseline, setting.fields)
        told: list[str] = []
        change = dependence_change(baseline, window.summary, watched)
        if change is not None and change.p_value < level and (told := _told(window, budget)):
            change = dependence_change(baseline, window.summary, watched, told)
        if change is None or change.p_value >= level or not change.relevant:
            return LayerResult()
        layout = baseline.layout
        names = [layout.features[layout.paired[place]].field.name for place in (change.first, change.second)]
        verdict = FeatureVerdict(
            feature=BETWEEN.join(names),
            verdict=Verdict.DRIFT,
            what=words(change),
            n=change.n,
            m=change.m,
            detector=DETECTOR,
            test=DETECTOR,
            statistic=change.statistic,
            p_value=change.p_value,
            threshold=level,
            budget_share=budget.share(level),
            effect=change.moved,
            effect_unit="TV",
            evidence={"tests": {DETECTOR: change.numbers()}, "watched": list(watched), "told": told},
        )
        return LayerResult([verdict])

    def notes(self, setting: Setting, _budget: Budget) -> list[str]:
        """Return which features are not watched for dependence, and why."""
        if setting.baseline is None:
            return []
        note = DependenceFields.of(setting.baseline, setting.fields, setting.summary).note
        return [] if note is None else [note]

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Return the level of all pairs together."""
        return f"dependence of features has {alpha:.2g} per window"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Recompute the pair that changed most among those that were watched."""
        change = dependence_change(baseline, summary, finding.evidence["watched"], finding.evidence["told"])
        if change is None:
            raise NotFound(f"expected tables of {finding.feature}, found too few rows: nothing was recomputed.")
        return Explanation(finding, _FORMULA, change.numbers(), (), change.statistic, change.p_value)


def dependence_change(
    baseline: Baseline, summary: Summary, watched: Collection[str], told: Collection[str] = ()
) -> DependenceChange | None:
    """Return the watched pair whose dependence changed most; None where too few rows have both values.

    `told`: names of both features of a pair that is not looked at.

    None, too, where hours are judged apart: features that follow the clock go together over a day, but not within an
    hour, and the baseline's tables are those of all hours.
    """
    if baseline.noise.seasons is not None:
        return None
    layout = baseline.layout
    names = [layout.features[position].field.name for position in layout.paired]
    places = [place for place, name in enumerate(names) if name in watched]
    known = [place for place, name in enumerate(names) if name in told]
    trained, now = baseline.summary.pair_tables, summary.pair_tables
    return dependence(trained, now, baseline.noise, layout.paired, chosen=places, told=known)


def _told(window: JudgedWindow, budget: Budget) -> list[str]:
    """Return the pair that the layer of correlations has a finding about: one change is told once."""
    level = budget.of(Correlations.name)
    return [] if level == 0 else changed_pair(window, level)


def words(change: DependenceChange) -> str:
    """Return what happened to a pair; no value of either is named, which may be private."""
    if change.now < change.before / 2 and change.before >= NOTICEABLE:
        said = "no longer go together as in training"
    elif change.now > 2 * change.before and change.now >= NOTICEABLE:
        said = "go together as they did not in training"
    else:
        said = "go together in another way than in training"
    firmness = f"Cramer's V {change.before:.2f} -> {change.now:.2f}"
    return f"{said}: {firmness}, {percent(change.moved)} of rows have other combinations"


def _too_few_to_pair(setting: Setting) -> str | None:
    """Return why no pair will be watched, as far as it can be told before there is a baseline."""
    training, features = setting.training, setting.spec.watch.features
    if training is not None and training.rows < CORRELATED_ROWS:
        return f"dependence is not watched: the training data has fewer than {CORRELATED_ROWS:,} rows"
    count = None if features == "all" else len(features)
    if training is not None:
        count = sum(field.role is CORRELATED_ROLE for field in setting.fields)
    if count is None or count >= PAIR:
        return None
    return f"dependence is not watched: it needs {PAIR} features, and {count} can be"
