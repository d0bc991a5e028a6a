"""Changed dependence: `python -m benchmarks.paired [--windows 40] [--baselines 4]`.

Ten features, 50,000 rows of training, windows of 2,000, a level of 1 %. Beside dependence stand what the layers of
single features and correlations find together, each at its own part of the same per cent, and one distance of random
features over all columns.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
from benchmarks.page import put, when
from benchmarks.paired import scenes
from benchmarks.paired.random_features import RandomFeatures

from pegel.data.spans import Span
from pegel.judge.judge import judge
from pegel.judge.layers.dependences import dependence_change
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

M, N, LEVEL = 50_000, 2_000, 0.01
SPAN = Span(START, START + timedelta(minutes=1))
WAYS = ("dependence", "the other layers", "random features")


def main() -> None:
    """Print what each way finds of each change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--baselines", type=int, default=4)
    parser.add_argument("--write", type=Path, help="the page into which the numbers are put")
    args = parser.parse_args()
    found = {(way, change): 0 for way in WAYS for change in (scenes.CLEAN, *scenes.CHANGES)}
    spent = []
    # A minute's window may spend 1 %: 14.4 false alarms a day.
    spec = sample_spec(watch={"dependence": "off", "long_spans": []}, false_alarms={"count": 14.4, "per": "day"})
    for number in range(args.baselines):
        rng = np.random.default_rng([11, number])
        training = scenes.rows(rng, M, scenes.CLEAN)
        baseline, peer = scenes.trained(training), RandomFeatures(training, number)
        names = list(training)
        for change in (scenes.CLEAN, *scenes.CHANGES):
            # False alarms are rare: they need more windows.
            for _ in range(args.windows * (4 if change == scenes.CLEAN else 1)):
                drawn = scenes.rows(rng, N, change)
                summary = scenes.counted(baseline.layout, drawn)
                start = time.process_time()
                changed = dependence_change(baseline, summary, names)
                spent.append(time.process_time() - start)
                found["dependence", change] += changed is not None and changed.p_value < LEVEL
                others = judge(baseline, summary, spec=spec, span=SPAN, revision=0)
                found["the other layers", change] += bool(others.findings)
                found["random features", change] += peer.p_value(drawn) < LEVEL
    clean, windows = 4 * args.windows * args.baselines, args.windows * args.baselines
    command = f"python -m benchmarks.paired --windows {args.windows} --baselines {args.baselines}"
    wanted = "Wanted: 0.7 to 1.2, each found in 0.8, 5 ms."
    lines = [
        f"Run on {when()} by `{command}`. {wanted}",
        "",
        (
            f"At 1 %, windows of {N:,} rows, {M:,} in training, 10 features: false alarms as a multiple of what was "
            f"asked for ({clean} clean windows), and the part of {windows} windows in which a change was found. "
            f"Dependence takes {1_000 * np.mean(spent):.1f} ms of a core per window."
        ),
        "",
        f"| | false alarms | {' | '.join(scenes.CHANGES)} |",
        "|---|---|---|---|---|",
    ]
    for way in WAYS:
        shares = [f"{found[way, change] / windows:.2f}" for change in scenes.CHANGES]
        lines.append(f"| {way} | {found[way, scenes.CLEAN] / clean / LEVEL:.2f} | {' | '.join(shares)} |")
    print("\n".join(lines))
    if args.write:
        put(args.write, "paired", "\n".join(lines))


if __name__ == "__main__":
    main()
