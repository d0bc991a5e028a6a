"""What an alert is about: another model, drift of windows or of days, performance, quality, skew, events."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pegel.judge.findings import Finding
from pegel.judge.layers.attributions import DETECTOR as ATTRIBUTION
from pegel.judge.layers.attributions import IDENTITY
from pegel.judge.layers.expectations import DETECTOR as EXPECTATION
from pegel.judge.layers.odd_events import DETECTOR as EVENTS
from pegel.judge.layers.probing import DETECTOR as PROBING
from pegel.judge.performance.label_levels import CONCEPT
from pegel.judge.performance.label_levels import DETECTOR as PERFORMANCE
from pegel.judge.single_event import DETECTOR as SINGLE_EVENT
from pegel.judge.skew import DETECTOR as SKEW


class AlertKind(StrEnum):
    """Kinds of trouble, each with its own alerts: they begin and end apart, and other people mend them.

    Were they one, answers that are slow since an hour would be the beginning of a drift that is a minute old.
    """

    EVENTS = "events"
    """Events are late, dropped or unreadable; answers are missing or slow."""
    MODEL = "model"
    """Answers are not those of the registered version."""
    DRIFT = "drift"
    """Values differ from those of training."""
    LONG_SPANS = "long spans"
    """An hour, a day or a week differs from training, taken as a whole: what single windows may not show."""
    ATTRIBUTIONS = "attributions"
    """The model's output moves by inputs that differ from those of its baseline."""
    PERFORMANCE = "performance"
    """Answers are worse than in training, as labels say."""
    QUALITY = "quality"
    """Rows are not as a suite of expectations says."""
    SKEW = "skew"
    """An online store served other values than its table had."""
    PROBING = "probing"
    """Rows that are nearly the same come in crowds."""
    SINGLE_EVENT = "single event"
    """One event is extremely far out."""

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return the kind of alert that a finding belongs to."""
        if finding.rhythm is not None:
            return cls.LONG_SPANS
        return cls(_KINDS.get(finding.detector, "drift"))


_KINDS = {
    EVENTS: "events",
    IDENTITY: "model",
    ATTRIBUTION: "attributions",
    PERFORMANCE: "performance",
    CONCEPT: "performance",
    EXPECTATION: "quality",
    SKEW: "skew",
    PROBING: "probing",
    SINGLE_EVENT: "single event",
}
