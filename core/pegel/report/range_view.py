"""The windows of a page's time: their picture, their numbers, and the links to other times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

from pegel.judge.findings import Finding, Verdict
from pegel.report.page_query import PageQuery
from pegel.report.page_time import LAST, SHORTEST, PageTime, written
from pegel.report.timeline import TimelineBar, bars_timeline, told
from pegel.report.words import VERDICT_WORDS, length, p_and_threshold, size
from pegel.spec.plain_numbers import how_many
from pegel.store.results import Details, Results
from pegel.store.window_buckets import WindowBucket, WindowBuckets, bucket_width
from pegel.stream.result_rows import WindowRow

MOST_BARS: Final = 240
"""Bars of a picture; of more windows, several are one bar."""


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """What one window says of one field: name, verdict and its words, what changed, p, threshold, effect, values."""

    name: str
    verdict: Verdict
    verdict_words: str
    what: str
    p_value: str
    threshold: str
    effect: str
    n: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLinks:
    """The links to other times, ready for attributes; empty where one leads nowhere."""

    words: str
    """Which time is shown; empty: the newest windows."""
    presets: list[tuple[str, Markup, bool]]
    """Words, link, whether that is shown."""
    earlier: Markup
    later: Markup
    wider: Markup
    since: str
    until: str
    kept: list[tuple[str, str]]
    """What a form for another time sends along."""
    asked: Mapping[str, str]
    """All that the address asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeView:
    """The windows of the time that is shown."""

    links: TimeLinks
    timeline: str
    """SVG, each bar of which leads to its own time; empty without windows."""
    thinned: str = ""
    """That several windows are one bar, and which of their verdicts it has; empty where none are."""
    bars: list[TimelineBar] = field(default_factory=list)
    """The numbers of the picture, newest first."""
    told: str = ""
    """The one window that is shown, in words; empty where there are several, or none."""
    figures: list[WindowFigures] = field(default_factory=list)
    """What that window says of each field."""


def time_links(query: PageQuery, time: PageTime | None, shown: PageTime | None, now: datetime) -> TimeLinks:
    """Return the links. `time`: what was asked for, None for the newest; `shown`: from where to where that reaches."""
    presets = [("newest", query.over(None), time is None)]
    presets += [
        (words, query.over(PageTime(now - back, now, last)), time is not None and time.last == last)
        for last, (words, back) in LAST.items()
    ]
    around = time or shown
    later = None if around is None or time is None else around.later(now)
    wider = None if around is None else around.wider(now)
    return TimeLinks(
        words="" if time is None else time.words,
        presets=presets,
        earlier=Markup() if around is None else query.over(around.earlier()),
        later=Markup() if later is None else query.over(later),
        wider=Markup() if wider is None else query.over(wider),
        since="" if around is None else written(around.start.replace(microsecond=0)),
        until="" if around is None or time is None else written(around.end.replace(microsecond=0)),
        kept=query.kept("last", "from", "to"),
        asked=query.asked,
    )


def range_view(
    results: Results,
    buckets: WindowBuckets | None,
    *,
    whose: tuple[str, int, str],
    time: PageTime | None,
    newest: Sequence[WindowRow],
    findings: Sequence[Finding],
    query: PageQuery,
    now: datetime,
    damaged: list[str],
) -> RangeView:
    """Return the windows of a time, at most `MOST_BARS` bars of them.

    Args:
        results: Where windows are read from.
        buckets: Those of the time; None where none is asked for.
        whose: Name, version and segment.
        time: What is asked for; None: the newest windows.
        newest: Those, in order of time.
        findings: Those of the time that is shown.
        query: What the address asks for besides.
        now: What the page calls the present.
        damaged: Gets what cannot be read.
    """
    model, version, segment = whose
    name = f"{model} version {version}{f', {segment}' if segment else ''}"
    if time is None or buckets is None:
        shown = PageTime(newest[0].span.start, max(row.span.end for row in newest)) if newest else None
        return _one_by_one(newest, findings, name, query, time_links(query, None, shown, now))
    links = time_links(query, time, time, now)
    if buckets.count(MOST_BARS) > MOST_BARS:
        return _thinned(buckets, bucket_width(time.length, MOST_BARS), name, query, links, damaged)
    rows = results.windows(model, version, time.start, time.end, segment=segment, details=Details.NONE, damaged=damaged)
    view = _one_by_one(rows, findings, name, query, links)
    if len(rows) != 1:
        return view
    (row,) = rows
    whole = results.window(model, version, row.span, row.revision, segment=segment)
    return replace(view, told=told(row), figures=[] if whole is None else window_figures(whole.judgement))


def _one_by_one(
    rows: Sequence[WindowRow], findings: Sequence[Finding], name: str, query: PageQuery, links: TimeLinks
) -> RangeView:
    bars = _linked(rows, query)
    drawn = bars_timeline(bars, findings, title=f"{how_many(len(bars), 'window')} of {name}")
    return RangeView(links=links, timeline=drawn, bars=bars[::-1])


def _thinned(  # noqa: PLR0917  what is drawn, how wide, its name and links
    buckets: WindowBuckets, width: timedelta, name: str, query: PageQuery, links: TimeLinks, damaged: list[str]
) -> RangeView:
    several = buckets.buckets(width)
    damaged += _unreadable(several, name)
    bars = [_bar(one, query) for one in several]
    count = how_many(sum(one.windows for one in several), "window")
    thinned = (
        f"{count} in {how_many(len(bars), 'bar')} of {length(width)}: each has the worst verdict among its windows, "
        "and their counts added up. A press on a bar, or its link in the numbers, shows them closer"
    )
    drawn = bars_timeline(bars, title=f"{count} of {name}, in {how_many(len(bars), 'bar')}")
    return RangeView(links=links, timeline=drawn, thinned=thinned, bars=bars[::-1])


def window_figures(judgement: dict[str, Any]) -> list[WindowFigures]:
    """Return what a window's judgement says of each field, in its order."""
    return [_figures(one) for one in (*judgement.get("features", ()), *judgement.get("further", ()))]


def _figures(one: dict[str, Any]) -> WindowFigures:
    verdict = Verdict(one["verdict"])
    p, threshold = p_and_threshold(one["p_value"], one["threshold"])
    effect = "" if one["effect"] is None else size(one["effect"], one["effect_unit"], one["evidence"])
    what = str(one["what"]).replace("->", "→")
    return WindowFigures(
        str(one["feature"]), verdict, VERDICT_WORDS[verdict], what, p, threshold, effect, f"{one['n']:,}"
    )


def _linked(rows: Sequence[WindowRow], query: PageQuery) -> list[TimelineBar]:
    """Return the bars of single windows, each with the link to a time in which that window alone ends."""
    bars, before = [], datetime.min.replace(tzinfo=UTC)
    for row in rows:
        start = min(max(row.span.start, before), row.span.end - SHORTEST)
        before = row.span.end
        bars.append(TimelineBar.of(row, query.over(PageTime(start, row.span.end))))
    return bars


def _bar(bucket: WindowBucket, query: PageQuery) -> TimelineBar:
    span, late, invalid = bucket.span, bucket.late, bucket.invalid
    extra = [f"{count:,} {name}" for name, count in (("late", late), ("invalid", invalid)) if count]
    counted = ", ".join([how_many(bucket.windows, "window"), how_many(bucket.rows, "row"), *extra])
    verdict = VERDICT_WORDS[bucket.verdict]
    worst = verdict if bucket.windows == 1 else f"{verdict} at worst"
    return TimelineBar(
        span=span,
        rows=bucket.rows,
        late=late,
        invalid=invalid,
        final=bucket.final,
        verdict=bucket.verdict,
        words=f"{span.start:%Y-%m-%d %H:%M:%S} to {span.end:%Y-%m-%d %H:%M:%S} UTC: {worst}, {counted}",
        link=query.over(PageTime(span.start, span.end)),
    )


def _unreadable(several: Sequence[WindowBucket], name: str) -> list[str]:
    count = sum(one.unreadable for one in several)
    return [f"{how_many(count, 'window')} of {name} have a verdict that cannot be read."] if count else []
