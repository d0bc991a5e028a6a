"""What faults did to the accounts: the rows of the table that closes a run of the chaos suites."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TITLES = ("fault", "sent", "lost", "doubled", "windows exact", "recovery s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOutcome:
    """One fault. `sent` counts events; of these `lost` are in no window and `doubled` in more than they should be.

    `windows` are final ones, `exact` those of them that are as if nothing had happened. `recovery_s`: seconds from the
    end of the fault until something new was stored; None where there was nothing to recover from. Where a user sees the
    fault is said on the page of faults.
    """

    fault: str
    sent: int
    lost: int
    doubled: int
    windows: int
    exact: int
    recovery_s: float | None

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        recovery = "-" if self.recovery_s is None else f"{self.recovery_s:.1f}"
        counts = (f"{count:,}" for count in (self.sent, self.lost, self.doubled))
        return (self.fault, *counts, f"{self.exact} of {self.windows}", recovery)


def table(outcomes: Sequence[FaultOutcome]) -> str:
    """Return the outcomes as lines for people."""
    rows = [TITLES, *(outcome.cells() for outcome in outcomes)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(TITLES))]
    numbers = range(1, len(TITLES))
    return "".join(
        "  ".join(
            cell.rjust(width) if at in numbers else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        + "\n"
        for row in rows
    )


def write(outcomes: Sequence[FaultOutcome], folder: Path, name: str) -> None:
    """Write the outcomes as `name`.json and `name`.txt in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(outcome) for outcome in outcomes]
    (folder / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / f"{name}.txt").write_text(table(outcomes))
