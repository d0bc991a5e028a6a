"""What attribution workers get done, as each of them says it of itself every few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Engine

from pegel.store import tables
from pegel.store.database import writing
from pegel.store.row_codec import typed
from pegel.store.rows_by_key import keyed_rows
from pegel.store.statements import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEvents:
    """What became of the events of one model that were chosen to be explained, since its worker started."""

    rows: int = 0
    """Rows whose explanations the broker has."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Events that were not explained, by reason."""
    why: str = ""
    """The sentence of the last refusal; empty before the first."""
    newest_event: datetime | None = None
    """The latest time of an event that was explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBeat:
    """What the worker of a namespace says about itself. Key: namespace."""

    namespace: str
    at: datetime
    started_at: datetime
    pid: int
    progressed_at: datetime | None = None
    """When it was last done with an event, explained or refused."""
    newest_event: datetime | None = None
    """The latest time of an event that it explained."""
    state: str = "running"
    """`running` or `stopped`."""
    models: Mapping[str, ExplainedEvents] = field(default_factory=dict)
    """By the key of the monitor."""


class WorkerBeats:
    """Keeps the last beat of each worker."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def put(self, beat: WorkerBeat) -> None:
        """Keep a beat in place of the one before."""
        models = {key: _plain(events) for key, events in beat.models.items()}
        with writing(self._engine) as connection:
            upsert(connection, tables.worker_beats, [asdict(beat) | {"models": models}])

    def list(self, *, damaged: dict[str, str] | None = None) -> list[WorkerBeat]:
        """Return the last beat of each worker, ordered by namespace.

        Raises DamagedRow; with a mapping `damaged`, what cannot be read is left out and its reason put there by
        namespace.
        """
        what = "the beat of the worker of {namespace}"
        return keyed_rows(self._engine, tables.worker_beats, _beat, what, damaged)


def _plain(events: ExplainedEvents) -> dict[str, Any]:
    newest = None if events.newest_event is None else events.newest_event.isoformat()
    return {"rows": events.rows, "refused": dict(events.refused), "why": events.why, "newest_event": newest}


def _beat(row: Mapping[Any, Any]) -> WorkerBeat:
    columns = dict(row)
    models = {str(key): _events(events) for key, events in dict(columns.pop("models")).items()}
    return replace(typed(WorkerBeat, columns | {"models": {}}), models=models)


def _events(written: Mapping[str, Any]) -> ExplainedEvents:
    newest = written["newest_event"]
    return ExplainedEvents(
        rows=int(written["rows"]),
        refused={str(reason): int(count) for reason, count in written["refused"].items()},
        why=str(written["why"]),
        newest_event=None if newest is None else datetime.fromisoformat(newest),
    )
