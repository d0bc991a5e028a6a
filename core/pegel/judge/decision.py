"""What is known about one field in one span, and how tests become a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from pegel.detect.combine import corrected
from pegel.detect.detector import Evidence
from pegel.detect.effect import Effect
from pegel.judge.findings import Verdict

RELEVANT = 0.01
"""A change pages only if "it is at most the margin" has a p-value of at most this."""
SHAPE = "shape"
T = TypeVar("T", bound=Evidence)


@dataclass(frozen=True, slots=True)
class Criterion:
    """What the tests of one detector on one field have to pass.

    `level`: the p-value over all tests must be below it. `share`: part of the false-alarm budget spent on it.
    `margin`: smallest change that matters, in standard deviations.
    """

    detector: str
    level: float
    share: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureVerdict:
    """What is known about one field in one span.

    `detector` names the kind of tests that has most to say: `drift`, `quality`, `cusum`, or that of another layer.
    `p_value` is over all tests of that detector and is compared with `threshold`; `test` decided. `n` and `m`: values
    of the window and of the baseline.
    """

    feature: str
    verdict: Verdict
    what: str
    n: int
    m: int
    detector: str = "drift"
    test: str = "none"
    statistic: float = 0.0
    p_value: float = 1.0
    p_relevant: float | None = None
    threshold: float = 0.0
    budget_share: float = 0.0
    effect: float | None = None
    """None where nothing has changed, or nothing was judged."""
    effect_unit: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    chart_alarm: bool = False
    """Whether a chart alarms with this window."""

    def with_evidence(self, more: Mapping[str, Any]) -> FeatureVerdict:
        """Return the verdict with further evidence, where there is something to explain."""
        return self if self.verdict is Verdict.OK or not more else replace(self, evidence=self.evidence | dict(more))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"verdict": self.verdict.value}

    @property
    def weight(self) -> tuple[int, bool, float]:
        """Order the verdicts on one field: the worse one speaks; between equals drift, then the clearer one."""
        alarming = self.p_value / self.threshold if self.threshold else 0.0
        return _ORDER.index(self.verdict), self.detector == "drift" or self.verdict is Verdict.DRIFT, -alarming


def insufficient(name: str, why: str, n: int, m: int) -> FeatureVerdict:
    """Return the verdict on a field that cannot be judged, and why."""
    return FeatureVerdict(feature=name, verdict=Verdict.INSUFFICIENT, what=why, n=n, m=m)


_ORDER = (Verdict.OK, Verdict.INSUFFICIENT, Verdict.BELOW_MARGIN, Verdict.DRIFTING, Verdict.PROBING, Verdict.DRIFT)


def verdict_on(name: str, tests: Sequence[T], criterion: Criterion, describe: Callable[[T], Effect]) -> FeatureVerdict:
    """Make one verdict of all tests of one detector on one field.

    Args:
        name: The field.
        tests: At least one.
        criterion: What they have to pass.
        describe: Returns the effect that belongs to the deciding test.
    """
    decision = decide(tests, criterion)
    test, verdict = decision.test, decision.verdict
    # Most fields of most windows are as in training; how far they are not is then worth no time.
    effect = _NOTHING if verdict is Verdict.OK else describe(test)
    words = {Verdict.OK: "as in training", Verdict.BELOW_MARGIN: f"below margin: {effect.what}"}
    return FeatureVerdict(
        feature=name,
        verdict=verdict,
        what=words.get(verdict, effect.what),
        n=test.n,
        m=test.m,
        detector=criterion.detector,
        test=test.name,
        statistic=test.statistic,
        p_value=decision.p_value,
        p_relevant=decision.p_relevant,
        threshold=criterion.level,
        budget_share=criterion.share,
        effect=None if verdict is Verdict.OK else effect.value,
        effect_unit=effect.unit,
        evidence=_numbers(tests, effect, verdict),
    )


_NOTHING = Effect(math.nan, "", "as in training")


def _numbers(tests: Sequence[Evidence], effect: Effect, verdict: Verdict) -> dict[str, Any]:
    """Return the numbers of every test where there is something to explain; ok is the rule, and is kept short."""
    if verdict is Verdict.OK:
        return {}
    return {"effect": effect.numbers, "tests": {test.name: test.numbers() for test in tests}}


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """The deciding test, the field's p-value that it gives, the verdict, and p of irrelevance where that matters."""

    test: T
    p_value: float
    verdict: Verdict
    p_relevant: float | None


def decide(tests: Sequence[T], criterion: Criterion) -> Decision[T]:
    """Return what the tests of one field say together.

    The p-value of a field is that of its deciding test over the test's share of the level. Among the significant tests,
    a relevant one decides; if none is relevant, the change is below the margin. Shape has the least to tell a person,
    so it decides only if no other test does.
    """
    values = corrected(tests)
    if (least := min(values)) >= criterion.level:
        return Decision(tests[values.index(least)], least, Verdict.OK, None)
    pairs = zip(values, tests, strict=True)
    ordered = sorted(pairs, key=lambda pair: (pair[0], -abs(pair[1].statistic)))
    significant = [pair for pair in ordered if pair[0] < criterion.level]
    significant.sort(key=lambda pair: pair[1].name == SHAPE)
    relevances = [_relevance(test, criterion.margin) for _, test in significant]
    for (p, test), relevance in zip(significant, relevances, strict=True):
        if relevance <= RELEVANT:
            return Decision(test, p, Verdict.DRIFT, relevance)
    return Decision(significant[0][1], significant[0][0], Verdict.BELOW_MARGIN, relevances[0])


def _relevance(test: Evidence, margin: float) -> float:
    p = test.p_relevant(margin)
    if math.isnan(p):
        raise ValueError(
            f"expected the p-value of a change of at most the margin from {test.name}, given NaN: it would make a "
            "certain change irrelevant; the field was not judged."
        )
    return p


def overall(verdicts: Sequence[FeatureVerdict]) -> Verdict:
    """Return the worst of those that tell of a change, else OK if any field was judged, else INSUFFICIENT."""
    found = {verdict.verdict for verdict in verdicts}
    for verdict in (Verdict.DRIFT, Verdict.PROBING, Verdict.DRIFTING, Verdict.BELOW_MARGIN, Verdict.OK):
        if verdict in found:
            return verdict
    return Verdict.INSUFFICIENT
