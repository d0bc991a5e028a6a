"""What an online store served beside its table: how many values differ, by hour or day, with the findings about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Engine, RowMapping

from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.judge.skew import Skew
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.inboxes import insert_findings
from pegel.store.row_codec import decoded, fetched, readable
from pegel.store.statements import newest_spans, upsert

LISTED = 48
"""Spans that are listed, unless another limit is asked for: two days of hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewRow:
    """What was served in a span beside the table. Key: model, version, span; looked at again, it is replaced."""

    model: str
    version: int
    span: Span
    skew: Skew
    at: datetime


class SkewStore:
    """Keeps what was compared, also where nothing differs: an alert ends by that."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def write(self, row: SkewRow, findings: Sequence[Finding] = ()) -> None:
        """Keep what was compared with the findings about it, in one transaction; findings that are there stay."""
        with writing(self._engine) as connection:
            upsert(connection, tables.skew, [_flat(row)])
            insert_findings(connection, findings)

    def list(
        self,
        model: str,
        version: int,
        *,
        since: datetime | None = None,
        limit: int = LISTED,
        damaged: list[str] | None = None,
    ) -> list[SkewRow]:
        """Return what was compared of a model version, the newest span first; `since`: spans that end after it.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        statement = newest_spans(tables.skew, model, version, since=since, limit=limit)
        what = f"what was served of {model}/{version}"
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, what)
        return readable(lambda columns: decoded(_row, columns, what), rows, damaged)


def _flat(row: SkewRow) -> dict[str, Any]:
    skew = row.skew
    return {
        "model": row.model,
        "version": row.version,
        "span_start": row.span.start,
        "span_end": row.span.end,
        "compared": skew.compared,
        "unknown": skew.unknown,
        "differing": dict(skew.differing),
        "at": row.at,
    }


def _row(columns: RowMapping) -> SkewRow:
    differing = columns["differing"]
    if not isinstance(differing, dict) or not all(isinstance(count, int) for count in differing.values()):
        raise TypeError(f"differing: expected counts by feature, given {differing!r}")
    return SkewRow(
        model=columns["model"],
        version=columns["version"],
        span=Span(columns["span_start"], columns["span_end"]),
        skew=Skew(columns["compared"], columns["unknown"], differing),
        at=columns["at"],
    )
