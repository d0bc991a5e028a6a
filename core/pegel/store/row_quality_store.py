"""What rows said of expectations that counts could not tell: beside each window, after it was judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.data.spans import Span
from pegel.judge.findings import Finding, Verdict
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.inboxes import insert_findings
from pegel.store.plain_rows import expectations
from pegel.store.row_codec import decoded, fetched, readable
from pegel.store.statements import newest_spans, of_monitor, upsert
from pegel.stream.result_rows import Origin, WindowRow

LISTED = 48
"""Spans that are listed, unless another limit is asked for: two days of hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowQualityRow:
    """What rows of a window said. Key: that of the window.

    `looked_at`: how many of its `rows` were; `outcomes`: as `ExpectationOutcome.to_json` wrote each.
    """

    model: str
    version: int
    span: Span
    revision: int
    looked_at: int
    rows: int
    outcomes: list[dict[str, Any]]
    at: datetime
    segment: str = ""
    origin: str = "stream"

    @classmethod
    def about(
        cls, window: WindowRow, *, looked_at: int, rows: int, outcomes: Iterable[dict[str, Any]], at: datetime
    ) -> RowQualityRow:
        """Return what rows of a window said."""
        return cls(
            model=window.model,
            version=window.version,
            span=window.span,
            revision=window.revision,
            looked_at=looked_at,
            rows=rows,
            outcomes=list(outcomes),
            at=at,
            segment=window.segment,
            origin=window.origin.value,
        )


class RowQualityStore:
    """Keeps what rows said, with the findings that follow, in one transaction for each window."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def write(self, row: RowQualityRow, findings: Iterable[Finding] = ()) -> None:
        """Keep what rows of a window said. Written again it changes nothing; a window that is gone has none.

        With a finding, the verdict of the window is that it is not as it should be, as if it had been told at once.
        """
        found = list(findings)
        with writing(self._engine) as connection:
            if not _is_there(connection, row):
                return
            upsert(connection, tables.row_quality, [_flat(row)])
            if not found:
                return
            insert_findings(connection, found)
            c = tables.windows.c
            connection.execute(sa.update(tables.windows).where(*_of_window(c, row)).values(verdict=Verdict.DRIFT.value))

    def write_span(self, row: RowQualityRow, findings: Sequence[Finding] = ()) -> None:
        """Keep what archived rows of an hour or a day said, in no window. Looked at again, it is replaced."""
        with writing(self._engine) as connection:
            upsert(connection, tables.row_quality, [_flat(row)])
            insert_findings(connection, findings)

    def of_spans(
        self,
        model: str,
        version: int,
        *,
        since: datetime | None = None,
        limit: int = LISTED,
        damaged: list[str] | None = None,
    ) -> list[RowQualityRow]:
        """Return what archived rows of a model said, the newest span first; `since`: of spans that end after it.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        of_batch = tables.row_quality.c.origin == Origin.BATCH.value
        statement = newest_spans(tables.row_quality, model, version, of_batch, since=since, limit=limit)
        what = f"what archived rows of {model}/{version} said"
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, what)
        return readable(look, rows, damaged)

    def of_windows(
        self, windows: Iterable[WindowRow], *, damaged: list[str] | None = None
    ) -> dict[tuple[Span, int], RowQualityRow]:
        """Return what rows of windows of one monitor said, by span and revision; those without are left out.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        windows = list(windows)
        if not windows:
            return {}
        first, c = windows[0], tables.row_quality.c
        starts = [window.span.start for window in windows]
        where = (*of_monitor(tables.row_quality, first.model, first.version), c.segment == first.segment)
        origins = {window.origin.value for window in windows}
        statement = sa.select(tables.row_quality).where(*where, c.span_start.in_(starts), c.origin.in_(origins))
        what = f"what rows of {first.model}/{first.version} said"
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, what)
        found = readable(look, rows, damaged)
        return {(row.span, row.revision): row for row in found}


def _is_there(connection: Connection, row: RowQualityRow) -> bool:
    c = tables.windows.c
    return connection.execute(sa.select(sa.literal(1)).where(*_of_window(c, row))).first() is not None


def _of_window(c: Any, row: RowQualityRow) -> list[sa.ColumnElement[bool]]:
    flat = _flat(row)
    names = ("model", "version", "segment", "span_start", "span_end", "revision", "origin")
    return [c[name] == flat[name] for name in names]


def _flat(row: RowQualityRow) -> dict[str, Any]:
    columns = {name: getattr(row, name) for name in RowQualityRow.__dataclass_fields__}
    span = columns.pop("span")
    return columns | {
        "span_start": span.start,
        "span_end": span.end,
        "expectations": expectations(row.outcomes),
    }


def look(columns: RowMapping) -> RowQualityRow:
    """Return a row of the table. Raises DamagedRow."""
    return decoded(_row, columns, f"what rows of {columns['model']}/{columns['version']} said")


def _row(columns: RowMapping) -> RowQualityRow:
    values = {name: value for name, value in columns.items() if name != "expectations"}
    values["span"] = Span(values.pop("span_start"), values.pop("span_end"))
    if not isinstance(values["outcomes"], list) or not all(isinstance(one, dict) for one in values["outcomes"]):
        raise TypeError(f"outcomes: expected a list of mappings, given {values['outcomes']!r}")
    return RowQualityRow(**values)
