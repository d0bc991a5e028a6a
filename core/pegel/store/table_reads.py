"""How far the tables of models that are only scored in batches are read, and the windows that a reading has judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.archive_store import refuse_overtaken
from pegel.store.database import reading, writing
from pegel.store.row_codec import flat
from pegel.store.seen_windows import is_seen
from pegel.store.statements import insert_into, of_monitor, upsert
from pegel.store.window_writes import write_windows
from pegel.stream.result_rows import OutlierRow, WindowRow

ROWS_DIGEST = "rows_digest"
"""Among the remarks of a window of a table: the digest of the rows that it was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRead:
    """How far the table of a model is read. Key: model, version.

    `at`: when somebody last tried. `up_to`: windows that end until then are judged, None before the first reading.
    `newest`: the end of the newest window with rows. `untimed`: rows without a time, which are in no window. `charts`:
    what the newest window left. `problem`: why it could not be read the last time, since when; empty: it could.
    """

    model: str
    version: int
    at: datetime
    up_to: datetime | None = None
    newest: datetime | None = None
    untimed: int = 0
    charts: dict[str, Any] | None = None
    problem: str = ""
    problem_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class JudgedBefore:
    """A window of a table as it was judged last. `digest`: of the rows that it was made of."""

    span: Span
    revision: int
    rows: int
    baseline_id: str | None
    digest: str


class TableReads:
    """Keeps what readings of tables leave."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def all(self) -> dict[tuple[str, int], TableRead]:
        """Return how far tables are read, by model and version."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(tables.table_reads)).mappings()
            return {(row["model"], row["version"]): TableRead(**row) for row in rows}

    def of(self, model: str, version: int) -> TableRead | None:
        """Return how far the table of one model is read; None where nobody has tried yet."""
        statement = sa.select(tables.table_reads).where(*of_monitor(tables.table_reads, model, version))
        with reading(self._engine) as connection:
            row = connection.execute(statement).mappings().first()
        return None if row is None else TableRead(**row)

    def judged(self, model: str, version: int, start: datetime, end: datetime) -> list[JudgedBefore]:
        """Return the windows of all rows that share an instant with [start, end), in order of time."""
        c = tables.windows.c
        columns = (c.span_start, c.span_end, c.revision, c.rows, c.baseline_id, c.remarks)
        statement = (
            sa.select(*columns)
            .where(*of_monitor(tables.windows, model, version), c.segment == "", c.span_end > start, c.span_start < end)
            .where(is_seen(final_only=True))
            .order_by(c.span_start)
        )
        with reading(self._engine) as connection:
            return [
                JudgedBefore(
                    Span(row.span_start, row.span_end),
                    row.revision,
                    row.rows,
                    row.baseline_id,
                    str(row.remarks.get(ROWS_DIGEST, "")) if isinstance(row.remarks, dict) else "",
                )
                for row in connection.execute(statement)
            ]

    def note(self, read: TableRead) -> None:
        """Keep up to when a table is read, or why it could not be; written again it changes nothing.

        What windows left there stays, only `write` moves it: of two readings at once the one that found nothing new
        does not bring back from where the other has gone on.
        """
        c, key = tables.table_reads.c, ["model", "version"]
        with writing(self._engine) as connection:
            statement = insert_into(connection.dialect, tables.table_reads)
            new = statement.excluded
            further = sa.or_(c.up_to.is_(None), new.up_to > c.up_to)
            told = {name: new[name] for name in ("at", "untimed", "problem", "problem_since")}
            changed = told | {"up_to": sa.case((further, new.up_to), else_=c.up_to)}
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), asdict(read))

    def write(
        self,
        number: int,
        read: TableRead,
        windows: Sequence[WindowRow],
        findings: Iterable[Finding],
        outliers: Sequence[OutlierRow],
    ) -> None:
        """Keep judged windows of one model and what they leave, in one transaction; written again it changes nothing.

        `number`: that of the writer. Raises Superseded, and keeps nothing, if another one has come since.
        """
        with writing(self._engine) as connection:
            refuse_overtaken(connection, read.model, read.version, number)
            write_windows(connection, windows, findings)
            upsert(connection, tables.outliers, [flat(row) for row in outliers])
            upsert(connection, tables.table_reads, [asdict(read)])
