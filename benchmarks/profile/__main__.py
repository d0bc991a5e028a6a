"""Profile and check beside the peers: `python -m benchmarks.profile [--write docs/measured.md]`, half an hour.

Run it with the Spark environment's interpreter. A million rows of 50 columns are profiled, then 200,000 and 2,000 rows
are checked against them; each contender is a whole process, imports included. Numpy on one thread is the floor: what it
does, everybody has to do. The machine may be shared, so ours and the floor take the best of three runs, in turn.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page import put
from benchmarks.profile import peers
from benchmarks.profile.contending import PYTHON, Taken, run
from benchmarks.profile.data import BASELINE, LARGE, SEED, SMALL, make
from benchmarks.profile.goals import goals

FOLDER = Path("build/profile")
STEPS = {"baseline": "profile", "large": "check", "small": "check"}
RUNS = 3

Results = Mapping[str, Mapping[str, Taken]]


def best(runs: list[Taken]) -> Taken:
    """Return the fastest run; a failure if one failed."""
    return next((one for one in runs if one.failed), None) or min(runs, key=lambda one: one.wall_s)


def contend(name: str, python: Path | str, files: Mapping[str, Path]) -> dict[str, Taken]:
    """Run the three steps of one contender; after a failure the others are left out."""
    found: dict[str, Taken] = {}
    for step, verb in STEPS.items():
        found[step] = run(name, python, verb, files[step], FOLDER / f"{name}.state")
        print(f"{name} {step}: {found[step]}", flush=True)
        if found[step].failed:
            break
    return found


def measure(files: Mapping[str, Path], chosen: list[str]) -> tuple[dict[str, dict[str, Taken]], Taken]:
    """Run everything; return what each contender took per step, and the replay."""
    turns = [{name: contend(name, PYTHON, files) for name in ("numpy", "pegel")} for _ in range(RUNS)]
    found = {
        name: {step: best([turn[name][step] for turn in turns if step in turn[name]]) for step in STEPS}
        for name in ("numpy", "pegel")
    }
    replayed = best([run("replay", PYTHON, "profile", files["baseline"], FOLDER / "replay.state") for _ in range(RUNS)])
    for name in chosen:
        try:
            python = peers.install(name)
        except subprocess.CalledProcessError as error:
            found[name] = {"baseline": Taken(0, 0, failed=f"not installed: {error.stderr.strip()}")}
            print(f"!!! {name}: {found[name]['baseline'].failed}", flush=True)
            continue
        found[name] = contend(name, python, files)
    return found, replayed


def section(found: Results, replayed: Taken) -> str:
    """Return the results as tables."""
    today, cores = f"{datetime.now(UTC):%Y-%m-%d}", os.cpu_count()
    heading = (
        f"Whole processes: wall / processor seconds, peak MiB; 50 columns, 40 of them numeric; seed {SEED}, {cores} "
        f"shared cores, run on {today}. `python -m benchmarks.profile` regenerates it."
    )
    lines = [
        heading,
        "",
        f"| | profile {BASELINE:,} rows | check {LARGE:,} rows | check {SMALL:,} rows |",
        "|---|---|---|---|",
        *(f"| {name} | {' | '.join(_cell(steps.get(step)) for step in STEPS)} |" for name, steps in found.items()),
        "",
        "| goal | wanted | measured | holds |",
        "|---|---|---|---|",
        *(f"| {goal.what} | {goal.wanted} | {goal.measured} | {goal.holds} |" for goal in goals(found, replayed)),
    ]
    failed = [
        f"**{name} did not run**: {one.failed}" for name, steps in found.items() for one in steps.values() if one.failed
    ]
    return "\n".join([*lines, *(["", *failed] if failed else [])])


def _cell(one: Taken | None) -> str:
    return "-" if one is None or one.failed else f"{one.wall_s:.1f} / {one.cpu_s:.1f} s, {one.peak_mib:,.0f} MiB"


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="*", default=list(peers.NAMES), choices=peers.NAMES)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    text = section(*measure(make(FOLDER), options.peers))
    print(text)
    if options.write:
        put(options.write, "profile", text)


if __name__ == "__main__":
    main()
