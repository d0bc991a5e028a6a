"""docs/spec.md says what the code does: the bounds in its table are those that are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel.spec import durations, monitor_spec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spec.md"


@pytest.mark.parametrize(
    ("field", "bounds"),
    [
        ("windowing.length", (f"{monitor_spec.SHORTEST_STEP.seconds} s", f"{durations.LONGEST.days} days")),
        ("windowing.slide", (f"at most {monitor_spec.MAX_SLIDES} times",)),
        (
            "windowing.lateness",
            (
                f"{monitor_spec.LATEST.days} days",
                f"{monitor_spec.MAX_PANES:,} slides",
                f"{monitor_spec.MOST_OPEN_REQUESTS:,} rows",
                f"{monitor_spec.BYTES_PER_REQUEST} bytes",
            ),
        ),
        ("false_alarms.hold_for", (f"{monitor_spec.LEAST_HELD:.0%}", f"{monitor_spec.MOST_HELD:.0%}")),
    ],
)
def test_the_bounds_of_the_windowing_are_those_of_the_code(field: str, bounds: tuple[str, ...]) -> None:
    """Whoever reads the table knows what is refused."""
    (row,) = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{field}` |"))

    assert [] == [bound for bound in bounds if bound not in row.replace(" %", "%")]
