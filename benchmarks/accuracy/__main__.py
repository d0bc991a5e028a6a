"""False alarms and power, ours and others', on the same streams: `python -m benchmarks.accuracy --help`.

Run from the root of the tree. The table is printed as Markdown; `--write FILE` puts it between the file's markers
`<!-- accuracy -->` and `<!-- /accuracy -->`, or at its end.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from benchmarks.accuracy import rules, streams
from benchmarks.page import put

ALPHA = 0.01
PEER_BASELINES = 10
"""Some of the others are slow on reference data of 50,000 rows."""
OURS = "Pegel, 1 % per window"
TARGETS = {
    "mean .05 sigma": (0.0, 0.08),
    "mean .1 sigma": (0.01, 0.76),
    "mean .2 sigma": (0.22, 1.0),
    "mean .5 sigma": (1.0, 1.0),
    "scale 1.05": (0.01, 0.31),
    "scale 1.1": (0.05, 0.99),
    "scale 1.25": (0.82, 1.0),
    "scale 1.5": (1.0, 1.0),
    "lognormal x1.1": (0.01, 0.69),
    "lognormal x1.25": (0.32, 1.0),
    "2 % of category mass": (0.01, 0.54),
    "5 % of category mass": (0.20, 1.0),
    "10 % of category mass": (0.92, 1.0),
    "20 % of category mass": (1.0, 1.0),
}
"""Specified power of our rule at n = 200 and n = 2,000."""


class Tally:
    """Flags and windows by rule and row of the table."""

    def __init__(self) -> None:
        """Start empty."""
        self.flags: dict[tuple[str, str, int], list[bool]] = {}

    def add(self, rule: str, row: str, n: int, flagged: bool) -> None:
        """Count one window."""
        self.flags.setdefault((rule, row, n), []).append(flagged)

    def share(self, rule: str, row: str, n: int) -> float:
        """Return the share of flagged windows."""
        return float(np.mean(self.flags[rule, row, n]))


@dataclass(frozen=True)
class Plan:
    """How much is drawn: `baselines` of `rows` rows, and for each `windows` per size, clean and of every change."""

    seed: int
    baselines: int
    windows: int
    sizes: tuple[int, ...]
    rows: int
    peers: bool


def measure(plan: Plan) -> Tally:
    """Judge every window by every rule; the same rows for all of them."""
    tally = Tally()
    for number in range(plan.baselines):
        rng = np.random.default_rng([plan.seed, number])
        training = streams.draw(rng, plan.rows)
        for n in plan.sizes:
            prepared: dict[str, rules.Prepare] = {
                OURS: partial(rules.ours, alpha=ALPHA, features=len(streams.FEATURES))
            }
            prepared |= rules.peers(n) if plan.peers and number < PEER_BASELINES else {}
            for rule, prepare in prepared.items():
                made = {field.name: prepare(field, training[field.name]) for field in streams.SCHEMA.fields}
                for window in range(plan.windows):
                    fresh = np.random.default_rng([plan.seed, number, n, window])
                    clean = streams.draw(fresh, n)
                    flags = {name: made[name](clean[name]) for name in made}
                    tally.add(rule, "no change", n, any(flags.values()))
                    for change, (name, changed) in streams.CHANGES.items():
                        tally.add(rule, change, n, made[name](changed(fresh, n)))
    return tally


def table(tally: Tally, sizes: tuple[int, ...]) -> str:
    """Return the Markdown table: one row per change, one column per rule and window size."""
    names = list(dict.fromkeys(rule for rule, _, _ in tally.flags))
    heads = [f"{rule}, n={n:,}" for rule in names for n in sizes]
    lines = ["| change | specified | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    for row in ("no change", *streams.CHANGES):
        specified = "≤ .012" if row == "no change" else " / ".join(f"{value:.2f}" for value in TARGETS[row])
        shares = [f"{tally.share(rule, row, n):.3f}" for rule in names for n in sizes]
        lines.append(f"| {row} | {specified} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20260801)
    parser.add_argument("--baselines", type=int, default=40)
    parser.add_argument("--windows", type=int, default=25, help="per baseline, size and change")
    parser.add_argument("--rows", type=int, default=50_000, help="of each baseline")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 2_000])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    start, sizes = perf_counter(), tuple(asked.sizes)
    plan = Plan(asked.seed, asked.baselines, asked.windows, sizes, asked.rows, peers=not asked.no_peers)
    tally = measure(plan)
    text = (
        f"Share of flagged windows; ten features, baselines of {asked.rows:,} rows, {asked.baselines} baselines x "
        f"{asked.windows} windows (others: at most 10 baselines), seed {asked.seed}, run on "
        f"{datetime.now(UTC):%Y-%m-%d} in {perf_counter() - start:.0f} s. "
        f"`python -m benchmarks.accuracy` regenerates it.\n\n{table(tally, sizes)}\n"
    )
    print(text)
    if asked.write:
        put(asked.write, "accuracy", text)


if __name__ == "__main__":
    main()
