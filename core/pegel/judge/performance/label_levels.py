"""What the tests of labelled rows may spend of the false-alarm budget: their layer's part, by rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pegel.detect.detector import Evidence
from pegel.detect.performance_tests import level_shares
from pegel.judge.budget import CAP
from pegel.judge.decision import Criterion

DETECTOR = "performance"
"""What findings on spans of labelled rows say in `detector`."""
CONCEPT = "concept"
"""The same of charts over labelled events."""
CHART_PART, HOUR_PART, DAY_PART = 0.5, 0.25, 0.25
"""Of what labels have: charts over labelled events, single hours, single days."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def span_level(per_day: float, length: timedelta) -> float:
    """Return at which level one span is judged; at most 0.05.

    Args:
        per_day: False alarms that all tests of labels may raise in a day.
        length: Of the span: an hour or a day.
    """
    return min(CAP, (HOUR_PART if length < DAY else DAY_PART) * per_day * (length / DAY))


def chart_rate(per_day: float, events_per_day: float) -> float:
    """Return how often the chart over labelled events may alarm by chance, per labelled event."""
    return CHART_PART * per_day / max(events_per_day, 1.0)


def criteria(tests: Sequence[Evidence], level: float, margin: float, share: float = 1.0) -> list[Criterion]:
    """Return what each test of a span has to pass. `share`: of a window's budget that `level` is, for people."""
    shares = level_shares(tests)
    return [Criterion(DETECTOR, level * each, share * each, margin) for each in shares]
