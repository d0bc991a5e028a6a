"""Whether the reader of outliers really tells them in real time, by its reports and by what its driver has counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pegel.stream.wire_records import Address
from pegel_spark.realtime_reader import Report

BEHIND_FOR_S = 10.0
"""How long a reader may be behind its driver before that is said. It is for a moment, wherever a batch was quicker."""


@dataclass(slots=True)
class RealtimeProgress:
    """How one reader gets on. Its instants are seconds of any clock that never goes back."""

    keeps_up: bool = False
    """Whether it has been seen to read every partition as far as its driver has counted, and is so still."""
    trouble: str = ""
    """Why outliers are told with their batches, or which ones are; empty: nothing is known."""
    behind_for_s: float = BEHIND_FOR_S
    _behind_since: float | None = None

    def take(self, report: Report, counted: Mapping[Address, int], now_s: float) -> None:
        """Take in a report; `counted`: by partition, up to which offset (exclusive) the driver has counted."""
        behind = sorted(address for address, end in counted.items() if report.read.get(address, -1) < end)
        if not behind:
            self._behind_since, self.keeps_up = None, True
            self.trouble = "; ".join(report.problems)
            return
        if self._behind_since is None:
            self._behind_since = now_s
        if now_s - self._behind_since > self.behind_for_s:
            names = ", ".join(f"{topic} {partition}" for topic, partition in behind)
            self.keeps_up = False
            self.trouble = "; ".join([f"their reader is behind what is counted of {names}", *report.problems])
