"""How the rhythms of one model share what its user asked for: one number covers windows, hours, days and weeks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pegel.judge.budget import CAP
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm

PARTS: Mapping[Rhythm, float] = {Rhythm.HOUR: 0.1, Rhythm.DAY: 0.15, Rhythm.WEEK: 0.05}
"""Parts of the false-alarm budget. Windows have the rest, and what rhythms that do not run leave."""


def rhythm_parts(spec: MonitorSpec) -> dict[Rhythm, float]:
    """Return the part of each rhythm that runs, shortest first; they add up to 1.

    There are few long spans, and none is judged at a higher level than any window: what they cannot spend, windows do.
    """
    alarms = spec.false_alarms
    long: dict[Rhythm, float] = {
        rhythm: min(PARTS[rhythm], CAP * (alarms.period / rhythm.length) / alarms.count)
        for rhythm in spec.rhythms
        if rhythm is not Rhythm.WINDOW
    }
    return {Rhythm.WINDOW: 1 - sum(long.values()), **long}


def step_of(spec: MonitorSpec, rhythm: Rhythm) -> timedelta:
    """Return the step from one judged span of a rhythm to the next."""
    return spec.windowing.step if rhythm is Rhythm.WINDOW else rhythm.length


def paid_by(spec: MonitorSpec, length: timedelta) -> tuple[Rhythm, float] | None:
    """Return the rhythm that pays for a look at the rows of so long a time, and for which portion of one of its spans.

    The shortest that is as long, else the longest; None where windows alone are judged, which spend their own part.
    """
    long = spec.rhythms[1:]
    if not long:
        return None
    rhythm = next((each for each in long if each.length >= length), long[-1])
    return rhythm, min(1.0, length / rhythm.length)
