"""Hours of labelled rows as the days that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pegel.data.spans import Span, floor
from pegel.judge.performance.label_levels import DAY
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.stats.performance_counts import PerformanceCounts


def is_day(span: Span) -> bool:
    """Say whether a span is a day, not one of its hours."""
    return span.end - span.start == DAY


def day_of(span: Span) -> Span:
    """Return the UTC day that an hour is in."""
    start = floor(span.start, DAY)
    return Span(start, start + DAY)


def hours_of_days(
    rows: Mapping[tuple[Span, str], PerformanceRow],
) -> dict[tuple[Span, str], list[PerformanceRow]]:
    """Return the hours of each day and segment, in order of time."""
    found: dict[tuple[Span, str], list[PerformanceRow]] = {}
    for span, segment in sorted(rows, key=lambda key: key[0].start):
        if not is_day(span):
            found.setdefault((day_of(span), segment), []).append(rows[span, segment])
    return found


def sum_of(hours: Sequence[PerformanceRow]) -> PerformanceCounts:
    """Return what the hours of a day, at least one, counted together; those of another kind of model are left out."""
    whole = PerformanceCounts(classes=hours[0].counts.is_of_classes)
    for hour in hours:
        if hour.counts.is_of_classes is whole.is_of_classes:
            whole.merge(hour.counts)
    return whole
