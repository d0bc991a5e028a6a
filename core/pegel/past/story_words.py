"""The story of a model in words, for a terminal, and as plain JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pegel.alerts.alert import Alert
from pegel.data.instants import DAY
from pegel.detect.effect import percent
from pegel.judge.findings import FROM_BEST_TO_WORST, Finding, Verdict
from pegel.past.story import Repeated, SpanPerformance, SpanVerdict, Story, StoryDay
from pegel.report.happened_words import about
from pegel.report.refresh_words import promotion_line
from pegel.report.words import VERDICT_WORDS, change, several
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many, plain
from pegel.stats.figures import SHARES
from pegel.store.row_codec import finding_to_json

MINUTE = timedelta(minutes=1)
_ODD = {"late": "late", "invalid": "invalid", "duplicates": "copies"}
MOST_FOUND = 12
"""Features of a day that are told one by one."""
MOST_PARTS = 6
"""Segments whose performance is told one by one, those with the most labels."""


@dataclass(frozen=True, slots=True)
class DayCells:
    """A day in four cells."""

    date: str
    verdicts: str
    """Of its windows; `no events`, or `not counted` where nobody knows."""
    rows: str
    also: str
    """What else was counted."""


def story_lines(story: Story, units: Mapping[str, str | None]) -> list[str]:
    """Return the story, a line each. `units`: the unit of each feature that has one."""
    start, end = (_written(at) for at in (story.span.start, story.span.end))
    lines = [f"{shown(monitor_key(story.model, story.version), NAME_LIMIT)} from {start} to {end} UTC", ""]
    if unknown := nothing_known(story):
        lines.append(unknown)
    cells = [day_cells(day) for day in story.days]
    dates, verdicts, rows = (
        max((len(getattr(each, name)) for each in cells), default=0) for name in ("date", "verdicts", "rows")
    )
    for day, each in zip(story.days, cells, strict=True):
        told = (each.date.ljust(dates), each.verdicts.ljust(verdicts), each.rows.rjust(rows), each.also)
        lines.append("  ".join(told).rstrip())
        lines += [f"    {line}" for line in day_lines(day, units)]
    for title, below in told_below(story):
        lines += ["", title, *(f"  {line}" for line in below)]
    return lines


def nothing_known(story: Story) -> str:
    """Return why an interval has no windows where it lies beside all there are; empty where it does not."""
    if story.known is None:
        return "no window was ever final: nothing is known of it yet"
    if story.known.start < story.span.end and story.span.start < story.known.end:
        return ""
    start, end = (_written(at) for at in (story.known.start, story.known.end))
    return f"no window of it is in that time: they are from {start} to {end} UTC"


def told_below(story: Story) -> list[tuple[str, list[str]]]:
    """Return what is told of the interval as a whole, by title: alerts, baselines, what could not be read."""
    told = {
        "Alerts": [_alert_line(alert) for alert in story.alerts],
        "Baselines": [promotion_line(one, current=False) for one in story.promotions],
        "Not read": [shown(line, LONGEST_SENTENCE) for line in story.unread],
    }
    return [(title, lines) for title, lines in told.items() if lines]


def day_cells(day: StoryDay) -> DayCells:
    """Return the first line of a day."""
    date = f"{day.span.start:%Y-%m-%d}"
    if day.span.end - day.span.start < DAY:
        date = f"{date} {day.span.start:%H:%M}-{_end_of(day)}"
    if day.is_silent and set(day.windows) <= {Verdict.NO_DATA}:
        return DayCells(date, "no events" if day.windows or day.is_counted else "not counted", "", _also(day))
    return DayCells(date, verdict_counts(day.windows), how_many(day.counts["rows"], "row"), _also(day))


def verdict_counts(windows: Mapping[Verdict, int]) -> str:
    """Return how many windows had which verdict, the worst first.

    >>> verdict_counts({Verdict.OK: 1_300, Verdict.DRIFT: 140}), verdict_counts({Verdict.OK: 1})
    ('drift in 140 of 1,440 windows', 'ok in 1 window')
    """
    total = sum(windows.values())
    kinds = [kind for kind in reversed(FROM_BEST_TO_WORST) if windows.get(kind)]
    if len(kinds) == 1:
        return f"{VERDICT_WORDS[kinds[0]]} in {how_many(total, 'window')}"
    told = [f"{VERDICT_WORDS[kind]} in {windows[kind]:,}" for kind in kinds if kind is not Verdict.OK]
    return f"{', '.join(told)} of {how_many(total, 'window')}"


def _also(day: StoryDay) -> str:
    counts = [f"{day.counts[name]:,} {word}" for name, word in _ODD.items() if day.counts[name]]
    return ", ".join([*counts, *([how_many(day.outliers, "outlier")] if day.outliers else [])])


def day_lines(day: StoryDay, units: Mapping[str, str | None]) -> Iterator[str]:
    """Yield what the day says as one, what was found in it, how the model did, and what of it was counted again."""
    yield from map(_span_line, day.judged)
    for found in day.found[:MOST_FOUND]:
        yield found_line(found, units.get(found.feature))
    if rest := [found.feature for found in day.found[MOST_FOUND:]]:
        yield f"and {several(rest)}"
    yield from _performance_lines(day.performance)
    if day.superseded:
        yield f"{how_many(day.superseded, 'window')} counted or judged again: the later rows stand"


def _span_line(told: SpanVerdict) -> str:
    again = f", revision {told.revision}: {how_many(told.recounted, 'window')} counted again" if told.recounted else ""
    missing = f", {told.late_missing:,} late in no count" if told.late_missing else ""
    return f"the day as one: {VERDICT_WORDS[told.verdict]}{again}{missing}"


def _performance_lines(told: Sequence[SpanPerformance]) -> Iterator[str]:
    """Yield how the model did: in the day, where it is told as one, else in its hours; segments in one line."""
    days = [one for one in told if one.span.end - one.span.start >= DAY]
    yield from (_performance_line(one) for one in days or told if not one.segment)
    parts = sorted((one for one in days if one.segment and one.figure), key=lambda one: -one.labelled)
    if parts:
        named = [f"{shown(one.segment, NAME_LIMIT)} {_value(one)}" for one in parts[:MOST_PARTS]]
        rest = [f"and {how_many(len(parts) - MOST_PARTS, 'segment')} more"] if len(parts) > MOST_PARTS else []
        yield f"{parts[0].figure} by segment: {', '.join([*named, *rest])}"


def _value(told: SpanPerformance) -> str:
    if told.value is None:
        return "not defined"
    return percent(told.value) if told.figure in SHARES else plain(told.value, 3)


def _performance_line(told: SpanPerformance) -> str:
    figure = f"{told.figure} {_value(told)}, " if told.figure else ""
    open_ = "" if told.settled else ", more may come"
    when = "" if told.span.end - told.span.start >= DAY else f" {told.span.start:%H:%M}-{told.span.end:%H:%M}"
    labels = f"{told.labelled:,} of {told.answered:,} answers have labels"
    return f"performance{when}: {figure}{VERDICT_WORDS[told.verdict]}, {labels}{open_}"


def found_line(found: Repeated, unit: str | None) -> str:
    """Return what was found of a feature in a day: `distance: shifted up by ..., 12 windows from 14:05 to 14:17`."""
    name = shown(found.feature, NAME_LIMIT) + (f" where {shown(found.segment, NAME_LIMIT)}" if found.segment else "")
    times = "%H:%M" if found.last - found.first >= MINUTE else "%H:%M:%S"
    when = f"from {found.first:{times}} to {found.last:{times}}"
    if found.last - found.first >= DAY:
        when = f"from {_written(found.first)} to {_written(found.last)}"
    spans = "" if found.windows <= 1 else f"{how_many(found.windows, 'window')} "
    return f"{name}: {change(found.worst, unit)}, {spans}{when}"


def _alert_line(alert: Alert) -> str:
    """Return when an alert was opened and over, about what."""
    end = "still open" if alert.over_at is None else f"over {_written(alert.over_at)}"
    said = f", acknowledged by {shown(alert.acknowledged_by, NAME_LIMIT)}" if alert.acknowledged_until else ""
    what = about(alert.kind, several(alert.names))
    return f"{what}: opened {_written(alert.opened_at)}, {end}{said} ({alert.id[:8]})"


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _end_of(day: StoryDay) -> str:
    """Return when a day that is not told whole ends: midnight is the day's own end."""
    is_midnight = day.span.end - day.span.start.replace(hour=0, minute=0, second=0, microsecond=0) == timedelta(days=1)
    return "24:00" if is_midnight else f"{day.span.end:%H:%M}"


def story_json(story: Story) -> dict[str, Any]:
    """Return the story as plain JSON; instants in ISO 8601, UTC."""
    return {
        "model": story.model,
        "version": story.version,
        "from": story.span.start.isoformat(),
        "to": story.span.end.isoformat(),
        "known": None if story.known is None else [story.known.start.isoformat(), story.known.end.isoformat()],
        "days": [_day_json(day) for day in story.days],
        "alerts": [_alert_json(alert) for alert in story.alerts],
        "baselines": [
            {"id": event.baseline_id, "previous": event.previous, "at": event.at.isoformat(), "by": event.by}
            | {"why": event.why}
            for event in story.promotions
        ],
        "unread": list(story.unread),
    }


def _day_json(day: StoryDay) -> dict[str, Any]:
    return {
        "from": day.span.start.isoformat(),
        "to": day.span.end.isoformat(),
        "events": not day.is_silent,
        "windows": {verdict.value: count for verdict, count in sorted(day.windows.items())},
        **day.counts,
        "outliers": day.outliers,
        "superseded": day.superseded,
        "judged": [asdict(told) for told in day.judged],
        "performance": [
            asdict(told) | {"span": [told.span.start.isoformat(), told.span.end.isoformat()]}
            for told in day.performance
        ],
        "found": [_found_json(found) for found in day.found],
    }


def _found_json(found: Repeated) -> dict[str, Any]:
    return {
        "feature": found.feature,
        "segment": found.segment,
        "windows": found.windows,
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "worst": _brief(found.worst),
    }


def _brief(finding: Finding) -> dict[str, Any]:
    """Return a finding without its evidence, which `pegel explain` tells."""
    return {"id": finding.id} | {name: value for name, value in finding_to_json(finding).items() if name != "evidence"}


def _alert_json(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "features": list(alert.names),
        "since": alert.since.isoformat(),
        "began": {one.feature: one.began.to_json() for one in alert.features if one.began is not None},
        "opened_at": alert.opened_at.isoformat(),
        "over_at": None if alert.over_at is None else alert.over_at.isoformat(),
        "acknowledged_by": alert.acknowledged_by,
    }
