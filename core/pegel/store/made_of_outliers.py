"""What the model made of outlying rows that were told one by one: beside why they are unusual, never instead of it.

Each is `{"raw", "base", "unit", "method", "parts", "errors"}`, `parts` three features at most with what they moved the
output by, the largest first, `errors` their standard errors, empty where parts are exact; or `{"why"}`, where it will
never be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import fetched, outlier, readable
from pegel.store.statements import of_monitor
from pegel.stream.result_rows import OutlierRow

REACH: Final = timedelta(days=1)
"""How old an outlier may be that the model is still asked about."""
AT_ONCE: Final = 50
"""Rows that are asked about at once, the newest first."""


class MadeOfOutliers:
    """Keeps what a model made of outlying rows."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def wanted(self, model: str, version: int, since: datetime, *, limit: int = AT_ONCE) -> list[OutlierRow]:
        """Return rows of requests at or after `since` of which nothing is known yet, the newest first.

        Rows that cannot be read are left out.
        """
        c = tables.outliers.c
        unknown = (c.event_time >= since, c.made.is_(sa.null()), c.record.is_not(sa.null()))
        chosen = sa.select(tables.outliers).where(*of_monitor(tables.outliers, model, version), *unknown)
        statement = chosen.order_by(c.event_time.desc(), c.event_id, c.row).limit(limit)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, f"an outlier of {model}/{version}")
        return readable(outlier, rows, [])

    def keep(self, row: OutlierRow, made: Mapping[str, Any]) -> None:
        """Keep what the model made of a row; of a row that is gone meanwhile nothing."""
        with writing(self._engine) as connection:
            statement = sa.update(tables.outliers).where(*_key(row.model, row.version, row.event_id, row.row))
            connection.execute(statement.values(made=dict(made)))

    def row_of(self, finding: Finding) -> OutlierRow | None:
        """Return the outlying row that a finding is about, with what the model made of it; None where it is gone."""
        place = (finding.model, finding.version, str(finding.evidence["event_id"]), int(finding.evidence["row"]))
        with reading(self._engine) as connection:
            rows = fetched(connection, sa.select(tables.outliers).where(*_key(*place)), "an outlier")
        known = readable(outlier, rows, [])
        return known[0] if known else None


def _key(model: str, version: int, event_id: str, row: int) -> tuple[sa.ColumnElement[bool], ...]:
    c = tables.outliers.c
    return (*of_monitor(tables.outliers, model, version), c.event_id == event_id, c.row == row)
