"""When a long span was, as people say it: on 28 November, between 14:00 and 15:00, in the week from 23 November."""

from __future__ import annotations

from datetime import datetime

from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.spec.rhythms import Rhythm


def when(finding: Finding, now: datetime) -> str:
    """Return when the long span of a finding was; raises ValueError for the finding of a window."""
    if finding.rhythm is None:
        raise ValueError(f"expected a finding of a long span, given one of {finding.span}: nothing was said of it.")
    return span_words(finding.rhythm, finding.span, now)


def span_words(rhythm: Rhythm, span: Span, now: datetime) -> str:
    """Return when a span of a rhythm was, or a part of it. Days are those of UTC, which stands beside times.

    >>> from datetime import UTC, timedelta
    >>> now = datetime(2026, 11, 29, 13, tzinfo=UTC)
    >>> day, hour = datetime(2026, 11, 28, tzinfo=UTC), timedelta(hours=1)
    >>> span_words(Rhythm.DAY, Span(day, day + 24 * hour), now)
    'on 28 November'
    >>> span_words(Rhythm.HOUR, Span(day + 14 * hour, day + 15 * hour), now)
    'between 14:00 and 15:00 UTC on 28 November'
    >>> span_words(Rhythm.WEEK, Span(day - 5 * 24 * hour, day + 2 * 24 * hour), now)
    'in the week from 23 November'
    >>> span_words(Rhythm.DAY, Span(day, day + 15 * hour), now)
    'on 28 November from 00:00 to 15:00 UTC'
    """
    first = date_words(span.start, now)
    if rhythm is Rhythm.HOUR:
        on = "" if span.start.date() == now.date() else f" on {first}"
        return f"between {span.start:%H:%M} and {span.end:%H:%M} UTC{on}"
    whole = span.end - span.start == rhythm.length
    if rhythm is Rhythm.DAY:
        return f"on {first}" if whole else f"on {first} from {span.start:%H:%M} to {span.end:%H:%M} UTC"
    if whole:
        return f"in the week from {first}"
    return f"from {first} {span.start:%H:%M} to {date_words(span.end, now)} {span.end:%H:%M} UTC"


def date_words(instant: datetime, now: datetime) -> str:
    """Return a date, with its year unless that is this one.

    >>> from datetime import UTC
    >>> date_words(datetime(2025, 3, 1, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC))
    '1 March 2025'
    """
    year = "" if instant.year == now.year else f" {instant.year}"
    return f"{instant.day} {instant:%B}{year}"
