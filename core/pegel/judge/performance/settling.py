"""When nothing more is expected of the labels of a span.

::

    span |-----|            horizon
               |<-------------------------->|
    all labels are there ^                  ^ or their time is over: settled, for good

A span settles once. Findings are made then, and charts go on over it then; labels that come or are corrected later
change its figures in a new revision, and nothing else. So it settles early only where all its rows are there, too: of a
driver that lags the archive has a part of them, and that part may well have all its labels.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pegel.data.spans import Span
from pegel.stats.performance_counts import PerformanceCounts


def is_settled(
    span: Span, counts: PerformanceCounts, horizon: timedelta, now: datetime, *, complete: Callable[[], bool]
) -> bool:
    """Say whether a span is settled: its end is past and all rows and labels are there, or the horizon is over.

    `complete`: says whether all its rows were there to be counted; it is asked only where that matters, because it may
    read the archive.
    """
    if now >= span.end + horizon:
        return True
    return now >= span.end and is_labelled(counts) and complete()


def is_labelled(counts: PerformanceCounts) -> bool:
    """Say whether every answered row has a label, and there is such a row.

    A label that came and could not be read counts as one that came.
    """
    return 0 < counts.answered <= counts.labelled + counts.unreadable
