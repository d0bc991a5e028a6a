"""What archived rows of an hour or a day said of the suite of their model, in words: the newest one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pegel.report.words import period
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.row_quality_store import RowQualityRow

NAMED = 5
"""Rows that are named of an expectation."""


def archived_lines(rows: Sequence[RowQualityRow], now: datetime) -> list[str]:
    """Return a line about the newest span, and one for each expectation that its rows do not meet."""
    if not rows:
        return []
    row = rows[0]
    between = f"{period(row.span.start, row.span.end, now)} UTC"
    unmet = [one for one in row.outcomes if one.get("met") is False]
    untold = sum(one.get("met") is None for one in row.outcomes)
    parts = [f"{len(unmet):,} of {how_many(len(row.outcomes), 'expectation')} not met"]
    parts += [f"{untold:,} cannot be told"] if untold else []
    return [f"{between}, all {how_many(row.rows, 'row')} of the archive: {', '.join(parts)}", *map(_line, unmet)]


def _line(outcome: Mapping[str, Any]) -> str:
    rows = outcome.get("rows") or ()
    named = ", ".join(shown(str(row), NAME_LIMIT) for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    where = f"; rows {named}{more}" if rows else ""
    what = f"{outcome.get('feature')}: expected {outcome.get('expected')}; {outcome.get('there')}"
    return shown(what, LONGEST_SENTENCE) + where
