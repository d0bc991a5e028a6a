"""From when on rows are held against labels: whatever a label in time can be of, and whatever is still open.

::

    reach           now - 2 horizons                       now
    |-- BEYOND --|--------------|--------------------------|
                                 rows of labels in time
                 rows of labels that came then

What is open is older where nobody joined labels for a while: hours that have not settled, hours that charts have not
passed, and all since the newest one that was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pegel.data.spans import floor
from pegel.judge.performance.label_levels import HOUR
from pegel.judge.performance.performance_rows import ConceptChartRow, PerformanceRow

BEYOND = timedelta(hours=26)
"""An hour settles by its horizon in the run after that, and a day of labels is over a day after its first one."""


def usual_reach(horizon: timedelta, now: datetime) -> datetime:
    """Return from when on rows are looked at where nothing older is open."""
    return floor(now - 2 * horizon - BEYOND, HOUR)


def reach(
    horizon: timedelta,
    now: datetime,
    rows: Iterable[PerformanceRow] = (),
    charts: Sequence[ConceptChartRow] = (),
    newest: datetime | None = None,
) -> datetime:
    """Return from when on rows are looked at, on a full hour.

    `rows`: newest revisions, the open ones at least. `newest`: the begin of the newest hour that was looked at.
    """
    passed = max((chart.up_to for chart in charts), default=None)
    open_hours = [
        row.span.start
        for row in rows
        if row.span.end - row.span.start == HOUR
        and (not row.settled or (passed is not None and not row.segment and row.span.start >= passed))
    ]
    return min([usual_reach(horizon, now), *open_hours, *([] if newest is None else [newest])])
