"""What the whole and its segments may spend of one budget: hierarchical, so that segments cost no further false alarms.

The whole comes first and keeps most of it. The segments share the rest equally: those alone that can be judged, which
the training data decides, so that no window has a say in its own level.
"""

from __future__ import annotations

from pegel.baseline.baseline import Baseline
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many

SEGMENTS_PART = 0.2
"""Part of a model's false alarms that all its segments have together."""


def part_of(spec: MonitorSpec, baseline: Baseline | None, segment: str = "") -> float:
    """Return which part of a model's budget the whole has, or one segment that is judged.

    Without a baseline it is told by the spec, which may ask for more segments than can be judged.
    """
    if segment:
        return SEGMENTS_PART / max(1, len(baseline.judged_segments)) if baseline is not None else 0.0
    are_judged = bool(spec.watch.segments) if baseline is None else bool(baseline.judged_segments)
    return 1 - SEGMENTS_PART if are_judged else 1.0


def segments_arithmetic(spec: MonitorSpec, baseline: Baseline | None, alpha: float) -> str:
    """Return in words what segments have where the whole has `alpha` per window; empty where there are none."""
    part = part_of(spec, baseline)
    if part == 1:
        return ""
    count = sum(one.most for one in spec.watch.segments) if baseline is None else len(baseline.judged_segments)
    together = alpha / part * SEGMENTS_PART
    among = "at most " if baseline is None else ""
    return (
        f"segments have {together:.2g} per window in all, {SEGMENTS_PART:.0%} of the budget, which is "
        f"{together / count:.2g} for each of {among}{how_many(count, 'segment')}"
    )


def segment_notes(spec: MonitorSpec, baseline: Baseline) -> list[str]:
    """Return which segments are not judged, and why."""
    segments, judged = baseline.segments.segments, set(baseline.judged_segments)
    notes = []
    if missing := [one.column for one in spec.watch.segments if one not in segments.wanted]:
        notes.append(f"segments by {', '.join(missing)} are not judged: the baseline was made without them; refresh it")
    if bare := [one.column for one in segments.columns if not one.names]:
        notes.append(f"{', '.join(bare)} has no segments: no value is certain to be frequent")
    if few := [name for name in segments.names if name not in judged]:
        verb = "is" if len(few) == 1 else "are"
        notes.append(
            f"{len(few)} of {how_many(len(segments.names), 'segment')} {verb} not judged, with fewer than "
            f"{MIN_BASELINE:,} rows in training: {', '.join(few)}"
        )
    return notes
