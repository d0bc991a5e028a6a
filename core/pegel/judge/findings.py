"""What judging says, as facts: verdicts and findings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pegel.data.spans import Span
from pegel.spec.rhythms import Rhythm


class Verdict(StrEnum):
    """What is known about a span. Missing or small data never reads OK."""

    OK = "ok"
    BELOW_MARGIN = "below_margin"
    DRIFT = "drift"
    """The window by itself differs, or more of its events are odd than tolerated."""
    DRIFTING = "drifting"
    """The window by itself does not differ, but the windows up to it do, taken together."""
    MODEL_CHANGED = "model_changed"
    """Answers are not those of the registered version."""
    PROBING = "probing"
    """Rows that are nearly the same come in crowds, as neither training nor the windows before have."""
    INSUFFICIENT = "insufficient"
    NO_DATA = "no_data"
    NOT_TESTED = "not_tested"
    """There are figures, which are compared with nothing: of a segment's labels the baseline knows none."""
    BASELINE_MISSING = "baseline_missing"
    LAYOUT_MISMATCH = "layout_mismatch"


ALARMING = frozenset({Verdict.DRIFT, Verdict.DRIFTING, Verdict.MODEL_CHANGED, Verdict.PROBING})
"""Verdicts that a person is told of."""

FROM_BEST_TO_WORST = (
    Verdict.OK,
    Verdict.NO_DATA,
    Verdict.NOT_TESTED,
    Verdict.INSUFFICIENT,
    Verdict.BASELINE_MISSING,
    Verdict.LAYOUT_MISMATCH,
    Verdict.BELOW_MARGIN,
    Verdict.DRIFTING,
    Verdict.PROBING,
    Verdict.DRIFT,
    Verdict.MODEL_CHANGED,
)
"""All verdicts. That of several spans together is the last of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judged deviation of one feature in one span, as a fact. It never changes once its span is final.

    `p_value` is the combined p of the feature, `threshold` the level it was compared with, `statistic` the value of the
    deciding test named `test`; `effect` its size in the unit `effect_unit`; `n` and `m` are window and baseline values.
    `evidence` holds every further number that `pegel explain` needs, as plain JSON.
    """

    model: str
    version: int
    feature: str
    detector: str
    span: Span
    revision: int
    verdict: Verdict
    test: str
    statistic: float
    p_value: float
    p_relevant: float | None
    threshold: float
    budget_share: float
    effect: float
    effect_unit: str
    n: int
    m: int
    baseline_id: str
    """Empty where nothing was compared with a baseline."""
    what: str
    """What changed, in words for a person: `shifted up`, `WN 22 % -> 31 %`."""
    evidence: dict[str, Any] = field(default_factory=dict)
    segment: str = ""
    """The part of the rows that was judged; empty: all of them."""
    origin: str = "stream"
    """Who judged: `stream` or `batch`."""

    @property
    def rhythm(self) -> Rhythm | None:
        """Return of which rhythm the long span is that was judged; None for a window."""
        name = self.evidence.get("rhythm")
        return None if name is None else Rhythm(name)

    @property
    def about(self) -> str:
        """Return what it is about: a feature, of a segment with where: `delay`, `delay in airline=AA`.

        A single event is a part of the rows that is called as its feature is, and told once.
        """
        return self.feature if self.segment in {"", self.feature} else f"{self.feature} in {self.segment}"

    @property
    def season(self) -> str:
        """Return the hours whose rows of the baseline it was compared with, e.g. `19:00-20:00`; empty: with all."""
        return str(self.evidence.get("season", ""))

    @property
    def id(self) -> str:
        """Return the content address of the fact: monitor, segment, feature, detector, test, span, revision, origin."""
        parts = (
            self.model,
            str(self.version),
            self.feature,
            self.detector,
            self.test,
            self.span.start.isoformat(),
            self.span.end.isoformat(),
            str(self.revision),
            self.segment,
            self.origin,
        )
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
