"""The newest final windows of all registered monitors, in two questions however many monitors there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from pegel.errors import DamagedRow
from pegel.store import tables
from pegel.store.row_codec import fetched
from pegel.store.seen_windows import is_seen

Monitor = tuple[str, int]
SLACK = 2
"""So many times the rows that are wanted are looked back on: some are no longer seen, because a revision is."""
_EVER = datetime(1, 1, 1, tzinfo=UTC)


def newest_rows(
    connection: Connection, columns: Sequence[sa.ColumnElement[Any]], newest: int
) -> dict[Monitor, list[RowMapping]] | None:
    """Return the newest final rows of the whole of each registered monitor, newest first; those with any are there.

    At most `newest` of each, and a few less where many of its newest spans have several revisions. None where a row
    cannot be read: whose it is shows only when monitors are asked one by one. `columns` have to begin with `model` and
    `version`.
    """
    asked = _one_by_one if connection.dialect.name == "postgresql" else _question
    rows = fetched(connection, asked(tuple(columns), newest), "a window")
    found: dict[Monitor, list[RowMapping]] = {}
    for row in rows:
        if isinstance(row, DamagedRow):
            return None
        found.setdefault((row["model"], row["version"]), []).append(row)
    return {key: sorted(own, key=_place, reverse=True)[:newest] for key, own in found.items()}


def _place(row: RowMapping) -> tuple[datetime, datetime]:
    return row["span_start"], row["span_end"]


def _question(columns: tuple[sa.ColumnElement[Any], ...], newest: int) -> sa.Select[Any]:
    c, m = tables.windows.c, tables.monitors.c
    older = tables.windows.alias()
    own = (older.c.model == m.model, older.c.version == m.version, older.c.segment == "", older.c.final)
    # The span at which to stop is found in the index, for each monitor by itself; then its newer rows are read.
    back = 0 if newest == 1 else newest * SLACK
    last = sa.select(older.c.span_end).where(*own).order_by(older.c.span_end.desc()).offset(back).limit(1)
    stop = sa.func.coalesce(last.correlate(tables.monitors).scalar_subquery(), sa.literal(_EVER, c.span_end.type))
    # Expressions have no index of monitors: else SQLite may read all windows, and ask for the stop of each of them.
    one = (c.model == m.model.concat(""), c.version == m.version + 0)
    joined = sa.and_(*one, c.segment == "", c.final, c.span_end >= stop)
    return (
        sa.select(*columns)
        .select_from(tables.monitors.join(tables.windows, joined))
        .where(is_seen(final_only=True))
        # By the monitors alone: asked for the order of windows, too, SQLite reads all of them in that order.
        .order_by(m.model, m.version)
    )


def _one_by_one(columns: tuple[sa.ColumnElement[Any], ...], newest: int) -> sa.Select[Any]:
    """Return the same for PostgreSQL, which has `LATERAL`: it reads each monitor's newest windows from the index.

    Asked as SQLite is, it reads all windows, and looks for the stop of a monitor at each of them.
    """
    c, m = tables.windows.c, tables.monitors.c
    own = (c.model == m.model, c.version == m.version, c.segment == "", c.final, is_seen(final_only=True))
    order = (c.span_end.desc(), c.span_start.desc())
    latest = sa.select(*columns).where(*own).order_by(*order).limit(newest)
    each = latest.correlate(tables.monitors).lateral("newest")
    return sa.select(*each.c).select_from(tables.monitors.join(each, sa.true())).order_by(m.model, m.version)
