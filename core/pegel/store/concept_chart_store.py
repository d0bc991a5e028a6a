"""Charts over labelled events, as they stand. One that cannot be read is kept aside, and begins anew where it stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.data.spans import floor
from pegel.errors import DamagedRow
from pegel.judge.performance.label_levels import HOUR
from pegel.judge.performance.performance_rows import ConceptChartRow
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.inboxes import lock_inboxes
from pegel.store.row_codec import decoded, fetched, readable
from pegel.store.statements import of_monitor

_C = tables.concept_charts.c
LONGEST_ASIDE = 100_000
"""Characters of a state that are kept aside."""
Check = Callable[[str, Mapping[str, Any]], None]


class ConceptCharts:
    """Keeps the charts of models; `PerformanceStore.write` moves them on."""

    def __init__(self, engine: Engine, check: Check = lambda name, state: None) -> None:  # noqa: ARG005  anything goes
        """Use the migrated database behind `engine`. `check` raises DamagedRow for a state that no chart wrote."""
        self._engine = engine
        self._check = check

    def of(self, model: str, version: int) -> list[ConceptChartRow]:
        """Return the charts of one monitor, by segment and name. Raises DamagedRow."""
        what = f"a chart over labelled events of {model}/{version}"
        with reading(self._engine) as connection:
            found = fetched(connection, _of_monitor(model, version).order_by(_C.segment, _C.chart), what)
        return readable(lambda columns: decoded(self._row, columns, what), found, None)

    def begin_anew(self, model: str, version: int, now: datetime) -> list[str]:
        """Keep aside what of the charts of a monitor cannot be read; return in words which began anew, and why.

        Each goes on from where it stood, or, if that cannot be read either, from where the others stand, without any
        event before: what it knew of them is lost.
        """
        try:
            self.of(model, version)
        except DamagedRow:
            pass
        else:
            return []
        with writing(self._engine) as connection:
            lock_inboxes(connection, [(model, version)])
            own = of_monitor(tables.concept_charts, model, version)
            keys = connection.execute(sa.select(_C.segment, _C.chart).where(*own)).all()
            known = {
                tuple(key): self._read(connection, [*own, _C.segment == key[0], _C.chart == key[1]]) for key in keys
            }
            whole = [row.up_to for row in known.values() if isinstance(row, ConceptChartRow)]
            told = []
            for (segment, chart), row in known.items():
                if isinstance(row, DamagedRow):
                    where = [*own, _C.segment == segment, _C.chart == chart]
                    why = _why(row)
                    _set_aside(connection, where, why, now, max(whole, default=floor(now, HOUR)))
                    told.append(f"{chart}: {why}")
        return told

    def begun_anew(self, since: datetime) -> dict[tuple[str, int], list[str]]:
        """Return by monitor, in words, which charts began anew at or after `since`, and why."""
        statement = sa.select(_C.model, _C.version, _C.chart, _C.aside).where(_C.aside.is_not(None))
        found: dict[tuple[str, int], list[str]] = {}
        with reading(self._engine) as connection:
            for model, version, chart, aside in connection.execute(statement.order_by(_C.segment, _C.chart)):
                # What is no mapping keeps the chart from being read, and is told there.
                if isinstance(aside, dict) and datetime.fromisoformat(aside["at"]) >= since:
                    found.setdefault((model, version), []).append(told_anew(chart, aside))
        return found

    def _read(self, connection: Connection, where: list[sa.ColumnElement[bool]]) -> ConceptChartRow | DamagedRow:
        what = "its row"
        (row,) = fetched(connection, sa.select(tables.concept_charts).where(*where), what)
        try:
            (found,) = readable(lambda columns: decoded(self._row, columns, what), [row], None)
        except DamagedRow as error:
            return error
        return found

    def _row(self, columns: RowMapping) -> ConceptChartRow:
        if not isinstance(columns["state"], dict):
            raise TypeError(f"state: expected a mapping, given {columns['state']!r:.200}")
        if not isinstance(columns["aside"], dict | None):
            raise TypeError(f"aside: expected a mapping, given {columns['aside']!r:.200}")
        self._check(columns["chart"], columns["state"])
        return ConceptChartRow(**columns)


def told_anew(chart: str, aside: Mapping[str, Any]) -> str:
    """Return in words that a chart began anew, since when, and why."""
    return (
        f"the chart of labelled events {chart} began anew at {aside['at']}: its state could not be read, what it "
        f"knew of events before is lost ({aside['why']})"
    )


def _why(error: DamagedRow) -> str:
    cause = error.__cause__
    return str(error).partition(" It is left out")[0] if cause is None else f"{cause!r:.300}"


def _of_monitor(model: str, version: int) -> sa.Select[Any]:
    return sa.select(tables.concept_charts).where(*of_monitor(tables.concept_charts, model, version))


def _set_aside(
    connection: Connection, where: list[sa.ColumnElement[bool]], why: str, now: datetime, otherwise: datetime
) -> None:
    state, baseline_id = connection.execute(
        sa.select(sa.type_coerce(_C.state, sa.Text), _C.baseline_id).where(*where)
    ).one()
    (stood,) = fetched(connection, sa.select(_C.up_to).where(*where), "up to where it stood")
    up_to = otherwise if isinstance(stood, DamagedRow) else stood["up_to"]
    aside = {"at": now.isoformat(), "why": why, "state": str(state)[:LONGEST_ASIDE]}
    changed = {"state": {}, "aside": aside, "up_to": up_to, "baseline_id": str(baseline_id)}
    connection.execute(sa.update(tables.concept_charts).where(*where).values(changed))
