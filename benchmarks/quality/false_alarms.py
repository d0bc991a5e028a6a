"""False alarms of derived suites where nothing changes: `python -m benchmarks.quality.false_alarms`.

Many baselines are drawn, and windows of each from the same law; a window alarms if any expectation of the derived suite
is not met at the level of the suite, or a rule of it is not met. The rate is that over all windows, with the interval
at 95 % of the number of baselines that is drawn. Prints one JSON line for each size.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from benchmarks.page import put, when
from benchmarks.quality import drawn

from pegel.judge.budget import sidak
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.quality.merged_suite import suite_for
from pegel.quality.on_counts import on_counts
from pegel.testing.samples import counted

LEVEL = 0.01
"""Of all expectations of a window together; a stream gives them much less."""
SIZES = ((1_000, 200), (20_000, 200), (20_000, 2_000))
"""Rows of the training data and of a window."""
FIELDS = 10
Figures = dict[str, float]


def alarms(outcome: ExpectationOutcome, level: float) -> bool:
    """Say whether an expectation is not met, beyond chance where there is any in it."""
    if outcome.met is not False:
        return False
    return outcome.expectation.is_rule or (outcome.test is not None and outcome.test.p_value < level)


def of_one(rng: np.random.Generator, trained: int, rows: int, windows: int) -> tuple[int, int]:
    """Draw a baseline and windows; return how many of these alarm, and at how many a rule is not met."""
    wish = drawn.spec(rows)
    baseline = drawn.trained(rng, trained, FIELDS, wish)
    suite = suite_for(wish, baseline).expectations
    level = sidak(LEVEL, sum(not one.is_rule for one in suite))
    alarming = rules = 0
    for _ in range(windows):
        summary = counted(baseline.layout, drawn.rows(rng, rows, FIELDS))
        broken = [told.expectation for one in suite if alarms(told := on_counts(one, summary, baseline), level)]
        alarming += bool(broken)
        rules += any(one.is_rule for one in broken)
    return alarming, rules


def measure(trained: int, rows: int, options: argparse.Namespace) -> Figures:
    """Return the rate of false alarms over the level, and half of its interval at 95 %."""
    seeds = np.random.SeedSequence([options.seed, trained, rows]).spawn(options.baselines)
    found = [of_one(np.random.default_rng(seed), trained, rows, options.windows) for seed in seeds]
    rates = np.array([alarming / options.windows for alarming, _ in found]) / LEVEL
    half = 1.96 * rates.std(ddof=1) / np.sqrt(options.baselines)
    broken = sum(rules for _, rules in found)
    return {
        "trained": trained,
        "rows": rows,
        "over_promised": float(rates.mean()),
        "half": float(half),
        "rules": broken,
    }


def section(figures: list[Figures], options: argparse.Namespace) -> str:
    """Return the result as a table."""
    head = (
        f"Run on {when()} by `python -m benchmarks.quality.false_alarms`: {options.baselines} baselines of {FIELDS} "
        f"fields, {options.windows} windows of each, at {LEVEL:g} false alarms per window; seed {options.seed}."
    )
    lines = [
        head,
        "",
        "| rows of training, of a window | false alarms over promised | rules not met |",
        "|---|---|---|",
        *(
            f"| {one['trained']:,.0f}, {one['rows']:,.0f} | {one['over_promised']:.2f} ± {one['half']:.2f} | "
            f"{one['rules']:.0f} |"
            for one in figures
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Simulate and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=100)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261129)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    figures = [measure(trained, rows, options) for trained, rows in SIZES]
    for one in figures:
        print(json.dumps(one))
    if options.write:
        put(options.write, "quality-false-alarms", section(figures, options))


if __name__ == "__main__":
    main()
