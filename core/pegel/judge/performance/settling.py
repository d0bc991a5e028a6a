"""When nothing more is expected of the labels of a span.

::

    span |-----|            horizon
               |<-------------------------->|
    all labels are there ^                  ^ or their time is over: settled, for good

A span settles once. Findings are made then, and charts go on over it then; labels that come or are corrected later
change its figures in a new revision, and nothing else.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.data.spans import Span
from pegel.stats.performance_counts import PerformanceCounts


def is_settled(span: Span, counts: PerformanceCounts, horizon: timedelta, now: datetime) -> bool:
    """Say whether a span is settled: its end is past, and every answered row has a label, or the horizon is over.

    A label that came and could not be read counts as one that came. Without answered rows only time settles a span.
    """
    if now >= span.end + horizon:
        return True
    came = counts.labelled + counts.unreadable
    return now >= span.end and 0 < counts.answered <= came
