"""What is known about one field in one span, and how tests become a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pegel.detect.effects import Effect
from pegel.detect.protocol import Evidence
from pegel.findings import Verdict

RELEVANT = 0.01
"""A change pages only if "it is at most the margin" has a p-value of at most this."""
SHAPE = "shape"
T = TypeVar("T", bound=Evidence)


@dataclass(frozen=True, slots=True)
class Bar:
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

    `detector` is `drift` or `quality`, whichever has more to say; `p_value` is over all tests of that detector and is
    compared with `threshold`; `test` decided. `n` and `m`: values of the window and of the baseline.
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
    effect: float = 0.0
    effect_unit: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"verdict": self.verdict.value}

    @property
    def weight(self) -> tuple[int, bool, float]:
        """Order the verdicts on one field: the worse one speaks; between equals drift, then the clearer one."""
        alarming = self.p_value / self.threshold if self.threshold else 0.0
        return _ORDER.index(self.verdict), self.detector == "drift" or self.verdict is Verdict.DRIFT, -alarming


_ORDER = (Verdict.OK, Verdict.INSUFFICIENT, Verdict.BELOW_MARGIN, Verdict.DRIFT)


def weigh(name: str, tests: Sequence[T], bar: Bar, describe: Callable[[T], Effect]) -> FeatureVerdict:
    """Make one verdict of all tests of one detector on one field.

    Args:
        name: The field.
        tests: At least one.
        bar: What they have to pass.
        describe: Returns the effect that belongs to the deciding test.
    """
    test, verdict, p_relevant = decide(tests, bar)
    effect = describe(test)
    words = {Verdict.OK: "as in training", Verdict.BELOW_MARGIN: f"below margin: {effect.what}"}
    return FeatureVerdict(
        feature=name,
        verdict=verdict,
        what=words.get(verdict, effect.what),
        n=test.n,
        m=test.m,
        detector=bar.detector,
        test=test.name,
        statistic=test.statistic,
        p_value=min(1.0, len(tests) * test.p_value),
        p_relevant=p_relevant,
        threshold=bar.level,
        budget_share=bar.share,
        effect=effect.value,
        effect_unit=effect.unit,
        evidence={"effect": effect.numbers} | _numbers(tests, verdict),
    )


def _numbers(tests: Sequence[Evidence], verdict: Verdict) -> dict[str, Any]:
    """Return the numbers of every test where there is something to explain; ok is the rule, and is kept short."""
    return {} if verdict is Verdict.OK else {"tests": {test.name: test.numbers() for test in tests}}


def decide(tests: Sequence[T], bar: Bar) -> tuple[T, Verdict, float | None]:
    """Return the deciding test, the verdict and the p-value of irrelevance (only computed where it matters).

    The p-value of a field is that of its deciding test times the number of tests. Among the significant tests, a
    relevant one decides; if none is relevant, the change is below the margin. Shape has the least to tell a person, so
    it decides only if no other test does.
    """
    ordered = sorted(tests, key=lambda test: (test.p_value, -abs(test.statistic)))
    significant = [test for test in ordered if len(tests) * test.p_value < bar.level]
    if not significant:
        return ordered[0], Verdict.OK, None
    significant.sort(key=lambda test: test.name == SHAPE)
    for test in significant:
        if (p := test.p_relevant(bar.margin)) <= RELEVANT:
            return test, Verdict.DRIFT, p
    return significant[0], Verdict.BELOW_MARGIN, significant[0].p_relevant(bar.margin)


def overall(verdicts: Sequence[FeatureVerdict]) -> Verdict:
    """Return DRIFT or BELOW_MARGIN if any field says so, else OK if any field was judged, else INSUFFICIENT."""
    found = {verdict.verdict for verdict in verdicts}
    for verdict in (Verdict.DRIFT, Verdict.BELOW_MARGIN, Verdict.OK):
        if verdict in found:
            return verdict
    return Verdict.INSUFFICIENT
