"""What windows hold beside what was sent, window by window, so that a lost event does not hide a doubled one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pegel.stream.result_rows import WindowRow


def differences(sent: Mapping[datetime, int], rows: Iterable[WindowRow]) -> tuple[int, int]:
    """Return how many events are missing in their windows, and how many are there beyond what was sent.

    `sent`: pairs of a request and its answer by the beginning of their window, which no other window overlaps. Requests
    and answers of each window are compared apart.
    """
    held = {row.span.start: (row.requests, row.responses) for row in rows}
    beyond = [count - sent.get(start, 0) for start in sent.keys() | held.keys() for count in held.get(start, (0, 0))]
    return sum(-each for each in beyond if each < 0), sum(each for each in beyond if each > 0)
