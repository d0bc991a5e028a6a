"""Results as they are handed on to another store: what became final in an interval, and all that belongs to it.

A window is handed on as a reader sees it, see `pegel.store.results`: of a span that a batch job summarised again, that
job's row. Everything is found through windows, because they alone say when they became final.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.database import reading
from pegel.store.row_codec import fetched, finding_from_json, outlier, readable, window
from pegel.store.row_quality_store import RowQualityRow, look
from pegel.store.seen_windows import READ, is_seen
from pegel.store.statements import of_monitor
from pegel.stream.result_rows import OutlierRow, WindowRow

AT_ONCE = 200
"""Windows that are read together: with 50 fields, some 10 MB."""
LOOKS_AT_ONCE = 100
"""Looks at rows that are read together: with 50 expectations each, some 5 MB."""
MOST_OUTLIERS = 100_000
"""Outliers of such windows that are handed on, those with the highest scores first: some 50 MB."""


class ResultExport:
    """Reads final windows with their summaries, findings and outliers; what cannot be read is told in `damaged`."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine
        self.damaged: list[str] = []

    def windows(self, since: datetime, until: datetime) -> Iterator[list[WindowRow]]:
        """Yield windows that became final from `since` (inclusive) to `until` (not), of one monitor at a time.

        At most `AT_ONCE` are yielded together, in the order of their spans; segments, too.
        """
        c = tables.windows.c
        within = (c.final, c.emitted_at >= since, c.emitted_at < until)
        with reading(self._engine) as connection:
            statement = sa.select(c.model, c.version).where(*within).distinct().order_by(c.model, c.version)
            monitors = connection.execute(statement).all()
        place = sa.tuple_(c.span_start, c.span_end, c.segment)
        for model, version in monitors:
            conditions = [*of_monitor(tables.windows, model, version), *within, is_seen(final_only=True)]
            # By key, so that rows that come meanwhile shift nothing.
            for keys in self._keys(conditions, place):
                own = sa.select(*READ).where(*conditions, place.in_(keys)).order_by(*place)
                with reading(self._engine) as connection:
                    rows = fetched(connection, own, f"a window of {model}/{version}")
                yield readable(window, rows, self.damaged)

    def findings(self, windows: Sequence[WindowRow]) -> list[Finding]:
        """Return the findings of windows of one monitor, at least one, in the order in which they became visible."""
        c = tables.findings.c
        ends = [row.span.end for row in windows]
        conditions = of_monitor(tables.findings, windows[0].model, windows[0].version)
        conditions += [c.span_end >= min(ends), c.span_end <= max(ends)]
        with reading(self._engine) as connection:
            stored = connection.execute(sa.select(c.finding).where(*conditions).order_by(c.seq)).scalars().all()
        own = {(row.span, row.segment, row.revision, row.origin.value) for row in windows}
        found = readable(finding_from_json, stored, self.damaged)
        return [one for one in found if (one.span, one.segment, one.revision, one.origin) in own]

    def outliers(self, windows: Sequence[WindowRow]) -> list[OutlierRow]:
        """Return the outliers of the time of windows of one monitor, at least one."""
        c = tables.outliers.c
        model, version = windows[0].model, windows[0].version
        conditions = of_monitor(tables.outliers, model, version)
        conditions += [c.event_time >= min(row.span.start for row in windows)]
        conditions += [c.event_time < max(row.span.end for row in windows)]
        order = (c.score.desc(), c.event_id, c.row)
        statement = sa.select(tables.outliers).where(*conditions).order_by(*order).limit(MOST_OUTLIERS + 1)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, f"an outlier of {model}/{version}")
        if len(rows) > MOST_OUTLIERS:
            self.damaged.append(
                f"{model}/{version}: more than {MOST_OUTLIERS:,} outliers within {len(windows)} windows; those with "
                "the lowest scores were left out"
            )
        return readable(outlier, rows[:MOST_OUTLIERS], self.damaged)

    def looks(self, since: datetime, until: datetime) -> Iterator[list[RowQualityRow]]:
        """Yield what rows said of expectations from `since` (inclusive) to `until` (not), of one monitor at a time.

        At most `LOOKS_AT_ONCE` are yielded together, in order of time.
        """
        c = tables.row_quality.c
        within = (c.at >= since, c.at < until)
        with reading(self._engine) as connection:
            statement = sa.select(c.model, c.version).where(*within).distinct().order_by(c.model, c.version)
            monitors = connection.execute(statement).all()
        place = sa.tuple_(c.at, c.span_start, c.span_end, c.segment, c.revision, c.origin)
        for model, version in monitors:
            conditions = [*of_monitor(tables.row_quality, model, version), *within]
            for keys in self._keys(conditions, place, LOOKS_AT_ONCE):
                own = sa.select(tables.row_quality).where(*conditions, place.in_(keys)).order_by(*place)
                with reading(self._engine) as connection:
                    rows = fetched(connection, own, f"what rows of {model}/{version} said")
                yield readable(look, rows, self.damaged)

    def _keys(
        self, conditions: Sequence[sa.ColumnElement[bool]], place: sa.Tuple, at_once: int = AT_ONCE
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the places of rows, `at_once` at a time and in order."""
        after: list[sa.ColumnElement[bool]] = []
        while True:
            statement = sa.select(*place).where(*conditions, *after).order_by(*place).limit(at_once)
            with reading(self._engine) as connection:
                keys = [tuple(row) for row in connection.execute(statement)]
            if keys:
                yield keys
            if len(keys) < at_once:
                return
            after = [place > sa.tuple_(*keys[-1])]
