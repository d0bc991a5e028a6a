"""What stored windows say, in a form in which those of two runs over the same events are equal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pegel.stats.answer_latencies import Latencies
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.stream.result_rows import WindowRow


def content(row: WindowRow, layout: Layout) -> tuple[WindowRow, list[int], list[int]]:
    """Return what a window counts, without when it was emitted, how often it was revised on the way, and its moments.

    The last digits of moments, and of what is judged by them, depend on how the records were spread over batches.
    Latencies are those of whatever was settled since the window before: that goes by the time of arrival.
    """
    counts = Summary.from_bytes(row.summary, layout)
    said = replace(row, emitted_at=row.span.end, revision=0, summary=b"", judgement={}, latencies=Latencies())
    return said, counts.counters.ravel().tolist(), counts.cells.tolist()


def moments(rows: list[WindowRow], layout: Layout) -> NDArray[np.float64]:
    """Return the moments of windows' fields."""
    return np.array([Summary.from_bytes(row.summary, layout).moments for row in rows])
