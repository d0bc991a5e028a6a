"""Several windows as one summary, so that a picture shows more than one minute's rows."""

from __future__ import annotations

from collections.abc import Iterable

from pegel.baseline.baseline import Baseline
from pegel.stats.summary import Summary
from pegel.stream.result_rows import WindowRow


def merged(windows: Iterable[WindowRow], baseline: Baseline) -> Summary | None:
    """Return the rows of all windows that were counted in the baseline's cells; None when there are none.

    Windows of another layout are left out: counts with different edges are never merged.
    """
    total: Summary | None = None
    for row in windows:
        if row.layout_hash != baseline.layout.layout_hash or not row.summary:
            continue
        summary = Summary.from_bytes(row.summary, baseline.layout)
        if total is None:
            total = summary
        else:
            total.merge(summary)
    return total
