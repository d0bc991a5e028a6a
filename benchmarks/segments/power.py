"""What is found of a drift in one row of twenty, and what it costs: `python -m benchmarks.segments.power`.

Windows of a minute in the stream and of a day are drawn, in which one of ten numbers is shifted, in one airline of 5 %
of the rows. Told is how often the whole finds it, how often its segment does, and how often a finding about the whole
names the right segment. Where nothing changes, the findings of segments are counted at a budget of a hundred windows in
the place of one in ten thousand, so that there are some to be counted: at most 20 % of all are to be theirs. Where all
rows are shifted, no segment is to be named. Prints one JSON line for each size. Floor: the segment is found in eight of
ten windows where the shift is .9 sigma (2,000 rows) or .15 sigma (100,000 rows), and the whole in one of ten at most.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from benchmarks.segments.drawn import DRIFTING, by_segment, rows, spec, trained

from pegel.baseline.baseline import Baseline
from pegel.judge.judge import judge
from pegel.judge.whole_and_segments import SegmentedJudgement, judge_segments
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_span

TRAINED = 200_000
SIZES = {"stream": (2_000, (0.3, 0.6, 0.9, 1.2)), "day": (100_000, (0.05, 0.1, 0.15, 0.2))}
OFTEN = "100 per day"
"""False alarms that are asked for where they are counted: one in 14 windows of a minute."""
SEGMENT = f"airline={DRIFTING}"


def judged(baseline: Baseline, wish: MonitorSpec, table: object) -> SegmentedJudgement:
    """Return what is said of one window."""
    summary, parts = by_segment(baseline, table)
    span = sample_span()
    whole = judge(baseline, summary, spec=wish, span=span, revision=0)
    return judge_segments(whole, baseline, summary, parts, spec=wish, span=span, revision=0)


def power(baseline: Baseline, n: int, shift: float, times: int, rng: np.random.Generator) -> dict[str, object]:
    """Return how often a drift of one segment was found, and by what."""
    found = [judged(baseline, spec(), rows(rng, n, segment=shift)) for _ in range(times)]
    whole = [one for one in found if any(each.feature == "f0" for each in one.whole.findings)]
    named = sum(
        any(each.evidence.get("segments", {}).get("names") == [SEGMENT] for each in one.whole.findings) for one in whole
    )
    in_segment = sum(any(each.segment == SEGMENT and each.feature == "f0" for each in one.findings) for one in found)
    return {
        "rows": n,
        "sigma": shift,
        "whole": len(whole) / times,
        "segment": in_segment / times,
        "either": (in_segment + len(whole)) / times,
        "named": None if not whole else named / len(whole),
        "windows": times,
    }


def quiet(baseline: Baseline, n: int, times: int, rng: np.random.Generator) -> dict[str, object]:
    """Return how many findings there are where nothing changes, of how many that are allowed."""
    wish = spec().model_copy(update={"false_alarms": type(spec().false_alarms).model_validate(OFTEN)})
    found = [judged(baseline, wish, rows(rng, n)) for _ in range(times)]
    allowed = times * 100 / 1_440
    whole = sum(bool(one.whole.findings) for one in found)
    return {
        "rows": n,
        "windows": times,
        "allowed": round(allowed, 1),
        "whole": whole,
        "segments": sum(bool(one.drifting) for one in found),
    }


def everywhere(baseline: Baseline, n: int, shift: float, times: int, rng: np.random.Generator) -> dict[str, object]:
    """Return of how many findings about a shift of all rows a segment was named."""
    found = [judged(baseline, spec(), rows(rng, n, everywhere=shift)) for _ in range(times)]
    told = [one for each in found for one in each.whole.findings if one.feature == "f0"]
    return {
        "rows": n,
        "sigma everywhere": shift,
        "found": len(told),
        "named": sum("segments" in one.evidence for one in told),
    }


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=200, help="drawn for each line")
    parser.add_argument("--seed", type=int, default=20261129)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    baseline = trained(rng, TRAINED, spec())
    for name, (n, shifts) in SIZES.items():
        times = options.windows if name == "stream" else max(1, options.windows // 10)
        for shift in shifts:
            print(json.dumps({"window": name} | power(baseline, n, shift, times, rng)), flush=True)
        print(json.dumps({"window": name} | everywhere(baseline, n, shifts[1], times, rng)), flush=True)
    n = SIZES["stream"][0]
    print(json.dumps({"window": "stream"} | quiet(baseline, n, 5 * options.windows, rng)), flush=True)


if __name__ == "__main__":
    main()
