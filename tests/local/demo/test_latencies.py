"""The table of latencies: measured values beside what no implementation could undercut."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pegel.spec.monitor_spec import Windowing
from pegel_local.demo.latencies import table

WINDOWING = Windowing(length=timedelta(seconds=5), lateness=timedelta(seconds=2))
FACTS: dict[str, Any] = {
    "unchanged": {"p50_ms": 5.4, "p99_ms": 20.0, "final_after_s": [2.5, 3.5, 9.0]},
    "changed": {
        "began": "2026-11-21T10:00:02+00:00",
        "first_drifting_end": "2026-11-21T10:00:05+00:00",
        "finding_written": "2026-11-21T10:00:08+00:00",
    },
    "mail": {"after_finding_s": 3.25},
    "killed": {"floor_s": 40.0, "because": "the reconciler looks at each full minute", "restarted_s": 55.0},
}


def test_floors_follow_from_the_settings() -> None:
    """A finding waits for its window and the lateness; a restart for whoever starts the next driver."""
    floors = {row.what: row.floor for row in table(FACTS, WINDOWING)}

    assert floors == {
        "request answered, median": "",
        "window's end to its final row, median": "2.0 s",
        "first changed request to finding": "5.0 s",
        "finding to accepted mail": "0.0 s",
        "driver killed to successor at work": "40.0 s",
    }


def test_measured_values_are_told_with_their_unit() -> None:
    """Medians of what was measured, in seconds or milliseconds."""
    measured = [row.measured for row in table(FACTS, WINDOWING)]

    assert measured == ["5 ms, 99 % below 20 ms", "3.5 s", "6.0 s", "3.2 s", "55.0 s"]


def test_a_stage_that_did_not_run_has_no_row() -> None:
    """The table shows only what was observed."""
    assert table({}, WINDOWING) == []
