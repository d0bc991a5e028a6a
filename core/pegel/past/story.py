"""What happened to a model in an interval, day by day: the facts that `pegel history` tells in words.

Days are those of UTC. A window belongs to the day in which it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from pegel.alerts.alert import Alert
from pegel.data.instants import DAY
from pegel.data.spans import Span, floor
from pegel.errors import DamagedRow
from pegel.judge.findings import Finding, Verdict
from pegel.judge.performance.headline import headline_figure
from pegel.past.stored_counts import newest_final
from pegel.past.stored_pages import opened_to_read, stored_pages
from pegel.past.window_tables import touching
from pegel.spec.rhythms import Rhythm
from pegel.store import tables
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore, Promotion
from pegel.store.database import reading
from pegel.store.long_span_store import is_seen_span
from pegel.store.row_codec import decoded, fetched, finding_from_json, readable
from pegel.store.seen_windows import is_seen
from pegel.store.statements import of_monitor

FINDINGS_AT_ONCE = 500
MOST_ALERTS = 1_000
"""Newest alerts among which those of the interval are looked for."""
_COUNTED = ("rows", "requests", "late", "invalid", "duplicates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """One feature, or kind of odd events, that was found in a day, in so many `windows`, between `first` and `last`.

    Hours, days and weeks are no windows: their times stand here only where no window shows it.
    """

    feature: str
    segment: str
    first: datetime
    """Start of the first span with such a finding."""
    last: datetime
    """End of the last one."""
    windows: int
    worst: Finding
    """The clearest one; of those as clear, the one with the largest effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanVerdict:
    """What a day says as a whole. `late_missing`: late events that are in no count."""

    verdict: Verdict
    revision: int
    windows: int
    rows: int
    recounted: int
    late_missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPerformance:
    """What labels say of a span: how many answers there were, how many have labels by now, and the verdict."""

    segment: str
    span: Span
    answered: int
    labelled: int
    settled: bool
    verdict: Verdict
    figure: str
    """The headline figure: error rate or mean absolute error; empty where there is neither."""
    value: float | None
    """Its value; None where it is not defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryDay:
    """One day of the interval, or as much of it as lies in the interval."""

    span: Span
    windows: dict[Verdict, int]
    """Final windows of all rows by verdict."""
    counts: dict[str, int]
    """Rows, requests, and what was late, invalid or a copy, of these windows."""
    outliers: int
    found: tuple[Repeated, ...]
    """In the order of their first span."""
    judged: tuple[SpanVerdict, ...]
    """The day as one, a verdict for each baseline that judged a part of it; empty where it is not made yet."""
    performance: tuple[SpanPerformance, ...]
    """How the model did in spans that begin in the day and end in it."""
    is_counted: bool
    """Whether windows of a later time are final: else a day without windows may have had events that nobody counted."""
    superseded: int
    """Final windows in whose place another row stands now, of all rows and of segments."""

    @property
    def is_silent(self) -> bool:
        """Say whether no event of the day is in any window."""
        return not self.counts["requests"] and not self.counts["rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is told of one model and interval."""

    model: str
    version: int
    span: Span
    days: tuple[StoryDay, ...]
    """From the day of the first window on; empty where nothing was ever final before the end of the interval."""
    known: Span | None
    """From the first window to the end of the newest final one; None where nothing was ever final."""
    alerts: tuple[Alert, ...]
    """Open at any time of the interval, oldest first."""
    promotions: tuple[Promotion, ...]
    """Baselines that became current in the interval, oldest first."""
    unread: tuple[str, ...]
    """What could not be read, in words."""


def story_of(url: str, model: str, version: int, within: Span, *, now: datetime) -> Story:
    """Return the story of one model. A day at a time is added up in the database; raises SetupError, Unavailable.

    Days that have not begun at `now` are not told, unless a window is in them.
    """
    unread = list[str]()
    with opened_to_read(url) as engine:
        alerts = AlertStore(engine).alerts(model, version, limit=MOST_ALERTS, damaged=unread)
        promotions = BaselineStore(engine).history(model, version)
        with reading(engine) as connection:
            first, newest = _first_window(connection, model, version), newest_final(connection, model, version)
        found = _found_by_day(url, model, version, within, unread)
        days = []
        for day in [] if first is None else _days(within, first, max(now, newest)):
            with reading(engine) as connection:
                mine = tuple(found.get(floor(day.start, DAY), {}).values())
                told = _day(connection, model, version, day, found=mine, unread=unread)
                days.append(replace(told, is_counted=day.end <= newest))
    return Story(
        model=model,
        version=version,
        span=within,
        days=tuple(days),
        known=Span(first, newest) if first is not None and first < newest else None,
        alerts=tuple(alert for alert in reversed(alerts) if _was_open(alert, within)),
        promotions=tuple(event for event in promotions if within.start <= event.at < within.end),
        unread=tuple(dict.fromkeys(unread)),
    )


def _was_open(alert: Alert, within: Span) -> bool:
    return alert.opened_at < within.end and (alert.over_at is None or alert.over_at >= within.start)


def _first_window(connection: Connection, model: str, version: int) -> datetime | None:
    c = tables.windows.c
    statement = sa.select(c.span_start).where(*of_monitor(tables.windows, model, version), c.segment == "")
    first: datetime | None = connection.execute(statement.order_by(c.span_start).limit(1)).scalar()
    return first


def _days(within: Span, first: datetime, last: datetime) -> Iterator[Span]:
    start = max(within.start, floor(first, DAY))
    while start < min(within.end, last):
        end = min(floor(start, DAY) + DAY, within.end)
        yield Span(start, end)
        start = end


def _day(
    connection: Connection, model: str, version: int, day: Span, *, found: tuple[Repeated, ...], unread: list[str]
) -> StoryDay:
    c, o = tables.windows.c, tables.outliers.c
    begun = (c.span_start >= day.start, c.span_start < day.end, c.final)
    own = (*of_monitor(tables.windows, model, version), *begun)
    sums = [sa.func.sum(c[name]).label(name) for name in _COUNTED]
    by_verdict = sa.select(c.verdict, sa.func.count().label("windows"), *sums).group_by(c.verdict)
    rows = connection.execute(by_verdict.where(*own, c.segment == "", is_seen(final_only=True))).mappings().all()
    again = sa.select(sa.func.count()).select_from(tables.windows).where(*own, ~is_seen(final_only=True))
    odd = sa.select(sa.func.count()).where(
        *of_monitor(tables.outliers, model, version), o.event_time >= day.start, o.event_time < day.end
    )
    return StoryDay(
        span=day,
        windows={Verdict(row["verdict"]): row["windows"] for row in rows},
        counts={name: int(sum(row[name] or 0 for row in rows)) for name in _COUNTED},
        outliers=int(connection.execute(odd).scalar() or 0),
        found=found,
        judged=_judged(connection, model, version, day),
        performance=_performance(connection, model, version, day, unread),
        is_counted=True,
        superseded=int(connection.execute(again).scalar() or 0),
    )


def _judged(connection: Connection, model: str, version: int, day: Span) -> tuple[SpanVerdict, ...]:
    c = tables.long_spans.c
    own = (*of_monitor(tables.long_spans, model, version), c.segment == "", c.rhythm == Rhythm.DAY.value)
    columns = (c.verdict, c.revision, c.windows, c.rows, c.recounted, c.late_missing)
    statement = sa.select(*columns).where(*own, c.span_start == floor(day.start, DAY), is_seen_span())
    rows = connection.execute(statement.order_by(c.part_start)).mappings()
    return tuple(SpanVerdict(**(dict(row) | {"verdict": Verdict(row["verdict"])})) for row in rows)


def _performance(
    connection: Connection, model: str, version: int, day: Span, unread: list[str]
) -> tuple[SpanPerformance, ...]:
    c, newer = tables.performance.c, tables.performance.alias().c
    same = [newer[name] == c[name] for name in ("model", "version", "segment", "span_start", "span_end")]
    stands = ~sa.exists().where(*same, newer.revision > c.revision).correlate(tables.performance)
    begun = (c.span_start >= day.start, c.span_start < day.end, c.span_end <= floor(day.start, DAY) + DAY)
    columns = (c.segment, c.span_start, c.span_end, c.answered, c.labelled, c.settled, c.verdict, c.judgement)
    own = of_monitor(tables.performance, model, version)
    statement = sa.select(*columns).where(*own, *begun, stands).order_by(c.segment, c.span_start)
    what = f"how {model}/{version} did"
    found = fetched(connection, statement, what)
    return tuple(readable(lambda row: decoded(_span_performance, row, what), found, unread))


def _span_performance(row: RowMapping) -> SpanPerformance:
    headline = headline_figure(row["judgement"]) or {"name": "", "value": None}
    return SpanPerformance(
        segment=row["segment"],
        span=Span(row["span_start"], row["span_end"]),
        answered=row["answered"],
        labelled=row["labelled"],
        settled=row["settled"],
        verdict=Verdict(row["verdict"]),
        figure=headline["name"],
        value=headline["value"],
    )


def _found_by_day(
    url: str, model: str, version: int, within: Span, unread: list[str]
) -> dict[datetime, dict[tuple[str, str], Repeated]]:
    """Return what was found, by day, segment and feature: as large as there are fields, however often each was found.

    What a later row of its span no longer says is left out.
    """
    c = tables.findings.c
    statement = sa.select(c.seq, c.finding).where(*touching(tables.findings, model, version, within), ~_is_undone())
    what = f"a finding of {model}/{version}"
    days: dict[datetime, dict[tuple[str, str], Repeated]] = {}
    # Several tests and charts may find the same in one window.
    known: set[tuple[str, str, Span]] = set()
    for page in stored_pages(url, statement, (c.seq,), at_once=FINDINGS_AT_ONCE, what=what, damaged=unread):
        for row in page:
            try:
                finding = finding_from_json(row["finding"])
            except DamagedRow as error:
                unread.append(str(error))
                continue
            day = days.setdefault(floor(max(finding.span.start, within.start), DAY), {})
            key = (finding.segment, finding.feature)
            window = (*key, finding.span)
            day[key] = _and(day.get(key), finding, is_new=window not in known)
            known.add(window)
    return {day: dict(sorted(found.items(), key=lambda each: each[1].first)) for day, found in days.items()}


def _is_undone() -> Any:
    """Say of a finding whether another row of its window stands in the place of the one that had it."""
    f, w = tables.findings.c, tables.windows.alias().c
    same = [w[name] == f[name] for name in ("model", "version", "segment", "span_start", "span_end")]
    same_revision = sa.and_(w.revision == f.revision, w.origin < f.origin)
    window = sa.exists().where(*same, w.final, sa.or_(w.revision > f.revision, same_revision))
    s = tables.long_spans.alias().c
    made_again = [s[name] == f[name] for name in ("model", "version", "segment", "origin")]
    made_again += [s.part_start == f.span_start, s.part_end == f.span_end, s.revision > f.revision]
    return sa.or_(window, sa.exists().where(*made_again))


def _and(known: Repeated | None, finding: Finding, *, is_new: bool) -> Repeated:
    """Add a finding; `is_new`: the first one of its feature in its span."""
    is_window = finding.rhythm is None
    if known is None:
        return Repeated(
            feature=finding.feature,
            segment=finding.segment,
            first=finding.span.start,
            last=finding.span.end,
            windows=int(is_window),
            worst=finding,
        )
    first, last = min(known.first, finding.span.start), max(known.last, finding.span.end)
    if not is_window and known.windows:
        first, last = known.first, known.last
    elif is_window and not known.windows:
        first, last = finding.span.start, finding.span.end
    return Repeated(
        feature=known.feature,
        segment=known.segment,
        first=first,
        last=last,
        windows=known.windows + int(is_window and is_new),
        worst=finding if _clearness(finding) > _clearness(known.worst) else known.worst,
    )


def _clearness(finding: Finding) -> tuple[float, float]:
    return -finding.p_value / finding.threshold if finding.threshold else 0.0, abs(finding.effect)
