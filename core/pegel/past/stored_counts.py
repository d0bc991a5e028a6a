"""The counts of an interval, put together from windows that are stored: bit by bit those of all its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.data.instants import EPOCH
from pegel.data.spans import Span
from pegel.errors import LayoutMismatch
from pegel.past.window_tables import touching
from pegel.spec.plain_numbers import how_many
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.store.database import reading
from pegel.store.seen_windows import is_seen
from pegel.store.statements import of_monitor

AT_ONCE = 100
"""Summaries that are in memory together: with 50 fields some 10 MB."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of an interval. `notes`: from what, and what is not in it, a sentence each."""

    summary: Summary
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    span: Span
    rows: int
    layout_hash: str | None
    kept: bool
    """Whether its counts are still stored."""


def stored_counts(engine: Engine, model: str, version: int, within: Span, layout: Layout) -> Counts | str:
    """Return the counts of all final windows in an interval, or why windows do not tell them, in words.

    They do where none reaches across an end of the interval, every one was counted in these cells, and none overlaps
    another that is taken. A time without a window is named: it is one without events where a later window is final,
    and none is open in it; else nobody has counted it yet.
    """
    with reading(engine) as connection:
        pieces = _pieces(connection, model, version, within)
        if not pieces:
            return "no window of it is stored"
        chosen, gaps = _tiling(pieces, within)
        if why := _why_not(pieces, chosen, gaps, layout):
            return why
        summary = _merged(connection, model, version, [piece.span for piece in chosen], layout)
        open_, counted_to = _open_windows(connection, model, version, within), newest_final(connection, model, version)
    notes = [f"counted from {how_many(len(chosen), 'stored window')}"]
    notes += [_gap_note(gap, open_, counted_to) for gap in gaps[:_NAMED]]
    notes += [f"and in {how_many(len(gaps) - _NAMED, 'further gap')}"] if len(gaps) > _NAMED else []
    return Counts(summary, tuple(notes))


_NAMED = 5
"""Times without a window that are named one by one."""


def _pieces(connection: Connection, model: str, version: int, within: Span) -> list[_Piece]:
    c = tables.windows.c
    statement = sa.select(c.span_start, c.span_end, c.rows, c.layout_hash, sa.func.length(c.summary) > 0).where(
        *touching(tables.windows, model, version, within), c.segment == "", c.final, is_seen(final_only=True)
    )
    ordered = statement.order_by(c.span_start, c.span_end)
    return [_Piece(Span(row[0], row[1]), row[2], row[3], bool(row[4])) for row in connection.execute(ordered)]


def newest_final(connection: Connection, model: str, version: int) -> datetime:
    """Return up to when windows are final: before it, a time without a window had no event. The epoch without any."""
    c = tables.windows.c
    own = (*of_monitor(tables.windows, model, version), c.segment == "", c.final)
    newest: datetime | None = connection.execute(sa.select(sa.func.max(c.span_end)).where(*own)).scalar()
    return newest or EPOCH


def _open_windows(connection: Connection, model: str, version: int, within: Span) -> list[Span]:
    c = tables.windows.c
    own = (*touching(tables.windows, model, version, within), c.segment == "", ~c.final, is_seen(final_only=False))
    return [Span(row[0], row[1]) for row in connection.execute(sa.select(c.span_start, c.span_end).where(*own))]


def _gap_note(gap: Span, open_: Sequence[Span], counted_to: datetime) -> str:
    time = f"from {_written(gap.start)} to {_written(gap.end)}"
    if any(span.start < gap.end and span.end > gap.start for span in open_):
        return f"not counted, as windows are not final yet, {time}"
    return f"no window, so no event, {time}" if gap.end <= counted_to else f"not counted, as nothing later is, {time}"


def _tiling(pieces: Sequence[_Piece], within: Span) -> tuple[list[_Piece], list[Span]]:
    """Return pieces within the interval that follow one another without overlap, and the times between them."""
    chosen, gaps, at = list[_Piece](), list[Span](), within.start
    for piece in pieces:
        if piece.span.start < at or piece.span.end > within.end:
            continue
        if piece.span.start > at:
            gaps.append(Span(at, piece.span.start))
        chosen.append(piece)
        at = piece.span.end
    return chosen, [*gaps, *([Span(at, within.end)] if at < within.end else [])]


def _why_not(pieces: Sequence[_Piece], chosen: Sequence[_Piece], gaps: Sequence[Span], layout: Layout) -> str:
    across = next((piece for piece in pieces if piece.rows and _is_in(piece.span, gaps)), None)
    if across is not None:
        first, last = _written(across.span.start), _written(across.span.end)
        return f"the window from {first} to {last} has rows on both sides of an end of it"
    counted = [piece for piece in chosen if piece.rows]
    if gone := [piece for piece in counted if not piece.kept]:
        return f"the counts of {how_many(len(gone), 'window')} are not stored any more"
    if others := sum(piece.layout_hash != layout.layout_hash for piece in counted):
        return f"{how_many(others, 'window')} of {len(counted):,} were counted in the cells of another baseline"
    return ""


def _is_in(span: Span, gaps: Sequence[Span]) -> bool:
    return any(span.start < gap.end and span.end > gap.start for gap in gaps)


def _merged(connection: Connection, model: str, version: int, spans: Sequence[Span], layout: Layout) -> Summary:
    whole, wanted = Summary.empty(layout), set(spans)
    for at in range(0, len(spans), AT_ONCE):
        some = Span(spans[at].start, spans[min(at + AT_ONCE, len(spans)) - 1].end)
        summaries = list(_summaries(connection, (model, version), some, wanted, layout))
        if summaries:
            whole.merge(Summary.total(summaries))
    return whole


def _summaries(
    connection: Connection, key: tuple[str, int], within: Span, wanted: set[Span], layout: Layout
) -> Iterator[Summary]:
    c = tables.windows.c
    begun = (c.span_start >= within.start, c.span_end <= within.end)
    statement = sa.select(c.span_start, c.span_end, c.summary, c.rows).where(
        *of_monitor(tables.windows, *key), *begun, c.segment == "", c.final, is_seen(final_only=True)
    )
    for start, end, summary, rows in connection.execute(statement):
        if Span(start, end) not in wanted or not summary:
            continue
        try:
            yield Summary.from_bytes(summary, layout)
        except LayoutMismatch:
            if rows:
                raise


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC".replace(":00 UTC", " UTC")
