"""docs/spec.md says what the code does: the bounds in its table are those that are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel.spec import durations, monitor_spec

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "spec.md"


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


def test_what_is_refused_of_a_model_in_a_table_is_told() -> None:
    """Whoever reads how such a model is watched leaves out what nobody could do for it."""
    lines = (DOCS / "batch.md").read_text(encoding="utf-8").splitlines()
    (at,) = (at for at, line in enumerate(lines) if line.startswith("- **There is no ledger**"))
    told = " ".join(lines[at : at + 3])

    assert [] == [name for name in monitor_spec.NOT_OF_TABLES if f"`{name}" not in told]
