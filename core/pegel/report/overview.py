"""The list of models as a person asks for it: searched, filtered, sorted, with Pegel itself in a row above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pegel.alerts.severity import Severity
from pegel.report.fleet_health import FleetHealth, read_fleet_health
from pegel.report.model_list import rows_of
from pegel.report.reading import Sources
from pegel.report.views import ModelRow
from pegel.store.registry import Registry

LEVELS: Final = {"bad": "alert or error", "warn": "warning", "idle": "no traffic or not judged", "ok": "ok"}
"""What each level of a state is called, the most urgent first."""
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_URGENCY = tuple(LEVELS)
_LEAST = len(Severity)
"""Behind every severity."""
SORTS: Final[dict[str, Callable[[ModelRow], Any]]] = {
    "urgency": lambda row: (_URGENCY.index(row.state.level), _LEAST if row.worst is None else row.worst.rank),
    "name": lambda _: "",
    "window": lambda row: row.last_end or _NEVER,
    "alerts": lambda row: -row.open_alerts,
    "owner": lambda row: row.owners,
}
"""How a list may be sorted; in each, names come next. `urgency`: of equal states the one with the worst alert that
nobody knows of yet comes first; `window`: the oldest last window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants to see; an empty text asks for everything.

    `text`: a part of a model's name, of its state or of an owner, in small or capital letters. `state`: a level.
    `owner`: a namespace or an address. `sort`: one of `SORTS`; anything else is the first.
    """

    text: str = ""
    state: str = ""
    owner: str = ""
    sort: str = "urgency"

    @property
    def is_narrow(self) -> bool:
        """Say whether some models may be left out."""
        return bool(self.text or self.state or self.owner)

    def fits(self, row: ModelRow) -> bool:
        """Say whether a model is meant."""
        words = f"{row.name} v{row.version} {row.state.whole} {' '.join(row.owners)}".lower()
        return (
            all(part in words for part in self.text.lower().split())
            and self.state in {"", row.state.level}
            and (not self.owner or self.owner in row.owners)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The list as it is shown. `known`: how many models there are; `counts`: of each level, of all of them."""

    asked: Asked
    rows: list[ModelRow]
    known: int
    counts: dict[str, int]
    owners: list[str]
    """Namespaces and addresses, to choose from."""
    health: FleetHealth


def overview(sources: Sources, asked: Asked, now: datetime) -> Overview:
    """Read the list. The database is asked as often for two hundred models as for two. Raises TemporaryError."""
    entries = Registry(sources.engine).entries()
    rows = rows_of(sources, entries, now, days=False)
    return Overview(
        asked=asked,
        rows=chosen(rows, asked),
        known=len(rows),
        counts={level: sum(row.state.level == level for row in rows) for level in LEVELS},
        owners=sorted({owner for row in rows for owner in row.owners}),
        health=read_fleet_health(sources, [entry.spec for entry in entries if entry.spec is not None], now),
    )


def chosen(rows: Sequence[ModelRow], asked: Asked) -> list[ModelRow]:
    """Return the models that are meant, in the order asked for."""
    first = SORTS.get(asked.sort, SORTS["urgency"])
    return sorted((row for row in rows if asked.fits(row)), key=lambda row: (first(row), row.name, row.version))
