"""Outlying events that are extreme, as findings: what a person who asked for it is mailed within seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from pegel.data.instants import from_us
from pegel.data.spans import Span, floor
from pegel.judge.findings import Finding, Verdict
from pegel.judge.single_event import DETECTOR, FEATURE, SEGMENT, TEST, UNIT, rarity
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import cut
from pegel.stream.partial import OutlyingEvent

LONGEST = 80
"""Characters told of an id or a value."""
TOGETHER = timedelta(minutes=1)
"""Extreme events of so long are one finding: a flood is one, and a later event does not wait for the next window."""


def extreme_events(outliers: Iterable[tuple[str, OutlyingEvent]], specs: Mapping[str, MonitorSpec]) -> list[Finding]:
    """Return a finding for each minute of a model that has extreme events, about the most extreme one.

    Where windows move on by less than a minute, for each step of theirs. Of models that ask for such pages alone.
    `outliers` are events by monitor key.
    """
    extremes: dict[tuple[str, Span], list[OutlyingEvent]] = {}
    for key, event in outliers:
        spec = specs.get(key)
        if spec is not None and spec.alerts.outliers == "page" and event.p_value < spec.extreme_level:
            length = min(TOGETHER, spec.windowing.step)
            start = floor(from_us(event.event_time_us), length)
            extremes.setdefault((key, Span(start, start + length)), []).append(event)
    return [_finding(specs[key], span, events) for (key, span), events in extremes.items()]


def together(stored: Finding, new: Finding) -> Finding:
    """Return one finding of two about the same span: it is about the more extreme event, and counts the events of both.

    Of equal scores the stored one stays.
    """
    worst = new if new.statistic > stored.statistic else stored
    own, events = worst.evidence["events"], stored.evidence["events"] + new.evidence["events"]
    what = worst.what.removesuffix(_more(own)) + _more(events)
    return replace(worst, what=what, evidence={**worst.evidence, "events": events})


def _more(events: int) -> str:
    """Return in words how many events there are beside the one that is named."""
    return f"; {events - 1} more like it" if events > 1 else ""


def _finding(spec: MonitorSpec, span: Span, events: list[OutlyingEvent]) -> Finding:
    worst = max(events, key=lambda event: event.score)
    named = ", ".join(
        f"{cut(reason.feature, LONGEST)} {cut(str(reason.value), LONGEST)}"
        for reason in worst.reasons
        if reason.part > 0
    )
    rare = (
        f"as far out: {rarity(worst.p_value)} training rows"
        if worst.p_value > 0
        else "farther out than any training row"
    )
    return Finding(
        model=spec.model.name,
        version=spec.model.version,
        feature=FEATURE,
        detector=DETECTOR,
        span=span,
        revision=0,
        verdict=Verdict.DRIFT,
        test=TEST,
        statistic=worst.score,
        p_value=worst.p_value,
        p_relevant=None,
        threshold=spec.extreme_level,
        budget_share=1.0,
        effect=worst.score - worst.cutoff,
        effect_unit=UNIT,
        n=1,
        m=0,
        baseline_id=worst.baseline_id,
        what=f"event {cut(worst.event_id, LONGEST)}, row {worst.row}: {named}; {rare}{_more(len(events))}",
        evidence={
            "score": worst.score,
            "cutoff": worst.cutoff,
            "event_id": worst.event_id,
            "row": worst.row,
            "at": from_us(worst.event_time_us).isoformat(),
            "events": len(events),
        },
        segment=SEGMENT,
    )
