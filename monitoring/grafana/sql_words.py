"""What PostgreSQL and SQLite say in different words, as Grafana's sources for them take it."""

from __future__ import annotations

from dataclasses import dataclass

POSTGRESQL, SQLITE = "postgresql", "sqlite"
MODEL = "model = ${model:sqlstring} and version = ${version}"
"""The model version that is chosen at the top of a dashboard."""
_TEXT_OF = "strftime('%Y-%m-%d %H:%M:%f', {} / 1000.0, 'unixepoch')"


@dataclass(frozen=True, slots=True)
class SqlWords:
    """The words of one kind of database. `t` is a column of instants."""

    dialect: str

    def time(self, t: str) -> str:
        """Return an instant as Grafana's column `time`."""
        return f'{t} as "time"' if self.dialect == POSTGRESQL else f"cast(strftime('%s', {t}) as integer) as \"time\""

    def hour(self, t: str) -> str:
        """Return the begin of the hour of an instant."""
        return f"date_trunc('hour', {t})" if self.dialect == POSTGRESQL else f"strftime('%Y-%m-%d %H:00:00', {t})"

    def within(self, t: str) -> str:
        """Return the condition that an instant is within the time range of the dashboard."""
        if self.dialect == POSTGRESQL:
            return f"$__timeFilter({t})"
        return f"{t} >= {_TEXT_OF.format('$__from')} and {t} <= {_TEXT_OF.format('$__to')}"

    def age(self, t: str) -> str:
        """Return how many seconds ago an instant was."""
        if self.dialect == POSTGRESQL:
            return f"extract(epoch from now() - {t})"
        return f"(julianday('now') - julianday({t})) * 86400.0"
