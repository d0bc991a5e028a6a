"""The long spans of one model as a page shows them: a strip of days, and the newest days, hours and weeks in lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from itertools import groupby
from typing import Any

from pegel.judge.findings import ALARMING, FROM_BEST_TO_WORST, Verdict
from pegel.longspans.long_span_row import LongSpanRow
from pegel.report.span_words import date_words, span_words
from pegel.report.words import SIGMA, VERDICT_WORDS, number
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.spec.rhythms import Rhythm
from pegel.store.long_span_store import LongSpanStore
from pegel.store.results import Details

STRIP, SHORT_STRIP = 42, 14
"""Days on the strip: six weeks, and two where there is little room."""
LISTED = {Rhythm.HOUR: 24, Rhythm.DAY: 14, Rhythm.WEEK: 8}
"""Spans of each rhythm in its list."""
_MARKS = {
    Verdict.OK: "✓",
    Verdict.BELOW_MARGIN: "△",
    Verdict.DRIFT: "▲",
    Verdict.DRIFTING: "▲",
    Verdict.MODEL_CHANGED: "▲",
    Verdict.PROBING: "▲",
}
"""What a day says without its colour; the others are hollow."""
_SIDE, _GAP = 20, 4


@dataclass(frozen=True, slots=True)
class SpanLine:
    """One long span in a list. `worst`: the field that changed most, and how; empty where none did."""

    when: str
    verdict: Verdict
    verdict_words: str
    rows: str
    worst: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Long spans of a model, newest first. `strip`: SVG, a square for each of the last days; empty without any."""

    strip: str = ""
    days: list[SpanLine] = field(default_factory=list)
    hours: list[SpanLine] = field(default_factory=list)
    weeks: list[SpanLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """How the newest day was judged, and what it can show, in sentences."""


def read_calendar(store: LongSpanStore, model: str, version: int, now: datetime, damaged: list[str]) -> Calendar:
    """Read the long spans of a model; what cannot be read is named in `damaged`."""
    notes: dict[Rhythm, list[str]] = {}

    def lines(rhythm: Rhythm) -> list[SpanLine]:
        rows = store.spans(model, version, rhythm, limit=LISTED[rhythm] * 2, summaries=False, damaged=damaged)
        newest = [*reversed(by_span(rows))][: LISTED[rhythm]]
        notes[rhythm] = how_judged(newest[0]) if newest else []
        return [span_line(parts, now) for parts in newest]

    since = now - STRIP * timedelta(days=1)
    days = store.spans(model, version, Rhythm.DAY, since, details=Details.NONE, damaged=damaged)
    listed = {rhythm: lines(rhythm) for rhythm in (Rhythm.DAY, Rhythm.HOUR, Rhythm.WEEK)}
    return Calendar(
        strip=strip(by_span(days), now),
        days=listed[Rhythm.DAY],
        hours=listed[Rhythm.HOUR],
        weeks=listed[Rhythm.WEEK],
        notes=notes[Rhythm.DAY],
    )


def how_judged(parts: Sequence[LongSpanRow]) -> list[str]:
    """Return what a person should know of how a span was judged, and the smallest change that it can show."""
    newest = parts[-1]
    told = [str(note) for note in newest.row.judgement.get("notes", ())]
    smallest = newest.notes.get("smallest_change")
    if smallest:
        rows = how_many(newest.row.rows, "row")
        told.append(f"{rows} of a {newest.rhythm.value} show shifts from some {number(smallest)} {SIGMA} on")
    return told


def by_span(rows: Sequence[LongSpanRow]) -> list[list[LongSpanRow]]:
    """Return the parts of each span, in order of time."""
    return [[*parts] for _, parts in groupby(rows, key=lambda row: row.span.start)]


def span_line(parts: Sequence[LongSpanRow], now: datetime) -> SpanLine:
    """Return one span, given its parts, as a line of a list."""
    worst = max(parts, key=lambda part: FROM_BEST_TO_WORST.index(part.row.verdict))
    verdict = worst.row.verdict
    return SpanLine(
        when=_when(parts[0], now),
        verdict=verdict,
        verdict_words=VERDICT_WORDS[verdict],
        rows=f"{sum(part.row.rows for part in parts):,}",
        worst=_worst(worst.row.judgement) if verdict in {*ALARMING, Verdict.BELOW_MARGIN} else "",
        notes=_notes(parts, now),
    )


def strip(days: Sequence[Sequence[LongSpanRow]], now: datetime) -> str:
    """Return the last days as SVG, a square each, the oldest on the left; unknown ones are left out.

    There are two pictures, of which a page shows the one for its width.
    """
    if not days:
        return ""
    return f"{_strip(days, now, STRIP, 'wide')}{_strip(days, now, SHORT_STRIP, 'short')}"


def _strip(days: Sequence[Sequence[LongSpanRow]], now: datetime, length: int, kind: str) -> str:
    first = now - length * timedelta(days=1)
    shown_days = [parts for parts in days if parts[0].span.start >= first]
    squares = []
    for parts in shown_days:
        verdict = max((part.row.verdict for part in parts), key=FROM_BEST_TO_WORST.index)
        place = (parts[0].span.start - first) // timedelta(days=1)
        rows = how_many(sum(part.row.rows for part in parts), "row")
        title = escape(f"{date_words(parts[0].span.start, now)}: {VERDICT_WORDS[verdict]}, {rows}")
        x, mark = place * (_SIDE + _GAP), _MARKS.get(verdict, "")
        squares.append(
            f'<g><title>{title}</title><rect class="verdict {verdict.value}" x="{x}" y="0" width="{_SIDE}" '
            f'height="{_SIDE}" rx="3"/><text x="{x + _SIDE / 2:g}" y="{_SIDE * 0.7:g}" text-anchor="middle">{mark}'
            "</text></g>"
        )
    width = length * (_SIDE + _GAP)
    title = f"verdicts of {how_many(len(shown_days), 'day')}"
    return (
        f'<svg class="pegel-timeline pegel-days {kind}" role="img" viewBox="0 0 {width} {_SIDE}"><title>{title}</title>'
        f"{''.join(squares)}</svg>"
    )


def newest_day(lines: Sequence[SpanLine]) -> str:
    """Return what the newest judged day says, for a list of models; empty without any."""
    if not lines:
        return ""
    day = lines[0]
    about = f": {day.worst}" if day.worst else ""
    return f"{day.verdict_words} on {day.when}{about}"


def _when(part: LongSpanRow, now: datetime) -> str:
    start, end = part.span.start, part.span.end
    if part.rhythm is Rhythm.HOUR:
        return f"{date_words(start, now)} {start:%H:%M} to {end:%H:%M}"
    if part.rhythm is Rhythm.WEEK:
        return f"week from {date_words(start, now)}"
    return date_words(start, now)


def _worst(judgement: dict[str, Any]) -> str:
    """Return the field of a judgement that changed most, and how."""
    fields = [*judgement.get("features", ()), *judgement.get("beyond", ())]
    changed = [one for one in fields if Verdict(one["verdict"]) in {*ALARMING, Verdict.BELOW_MARGIN}]
    if not changed:
        return ""
    one = max(changed, key=lambda one: (FROM_BEST_TO_WORST.index(Verdict(one["verdict"])), -one["p_value"]))
    size = f" by {number(abs(one['effect']))} {SIGMA}" if one["effect_unit"] == "sigma" and one["effect"] else ""
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return shown(f"{shown(one['feature'], NAME_LIMIT)}: {one['what']}{size}{more}", LONGEST_SENTENCE)


def _notes(parts: Sequence[LongSpanRow], now: datetime) -> tuple[str, ...]:
    """Return what people should know of how a span was made; nothing where all is as usual."""
    first = parts[0]
    said = []
    if first.revision > 1:
        said.append(f"revision {first.revision}: made again of what came later")
    recounted = sum(part.recounted for part in parts)
    if recounted:
        said.append(f"{how_many(recounted, 'window')} with late rows counted again from the archive")
    if first.late_missing:
        said.append(f"{how_many(first.late_missing, 'late event')} in no count")
    said += [shown(str(why), LONGEST_SENTENCE) for why in first.notes.get("unread", ())]
    if len(parts) > 1:
        each = (f"{span_words(part.rhythm, part.part, now)}: {VERDICT_WORDS[part.row.verdict]}" for part in parts)
        said.append(f"{len(parts)} baselines, each with its own part: {'; '.join(each)}")
    return tuple(said)
