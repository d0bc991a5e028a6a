"""What was served beside its table, in words: a line for each span that was looked at, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pegel.detect.effect import percent_of
from pegel.report.words import period
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.skew_store import SkewRow

NAMED = 5
"""Features that are named of a span, those that differ most."""


def skew_lines(rows: Sequence[SkewRow], now: datetime) -> list[str]:
    """Return a line for each span."""
    return [_line(row, now) for row in rows]


def _line(row: SkewRow, now: datetime) -> str:
    skew = row.skew
    between = f"{period(row.span.start, row.span.end, now)} UTC"
    unknown = f", {how_many(skew.unknown, 'other')} of which the table has nothing" if skew.unknown else ""
    if not skew.compared:
        return f"{between}: no served row was compared{unknown}"
    ordered = sorted(skew.differing.items(), key=lambda pair: -pair[1])
    told = [f"{shown(name, NAME_LIMIT)} {percent_of(count, skew.compared)}" for name, count in ordered if count]
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    differing = f"otherwise than the table: {', '.join(told[:NAMED])}{more}" if told else "all as the table says"
    return f"{between}: {how_many(skew.compared, 'served row')} compared{unknown}; {differing}"
