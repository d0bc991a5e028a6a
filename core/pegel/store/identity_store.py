"""What endpoints answered when their versions were new, in the results database: by that it is told whose answers come.

One row for each model version and way of comparing. It is written by the worker that asks; the stream judges by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from pegel.baseline.replay_reference import ReplayReference
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.registry import note_change
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import of_monitor, upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnswers:
    """What came of looking at the answers of a model version at onboarding.

    `identity`: as in `attribution.identity`. `artefact`: digest of the folder that they were compared with; None where
    there is none. `source`: whose rows were asked about. `frozen`: what is asked about again, and what was answered,
    as plain JSON; None where nothing is. `why`: why nobody can tell whose answers come, or could when that was last
    tried; empty where somebody can. `asked_at`: when the frozen rows were asked about last.
    """

    model: str
    version: int
    identity: str
    artefact: str | None = None
    source: str = ""
    reference: ReplayReference = field(default_factory=ReplayReference)
    frozen: dict[str, Any] | None = None
    why: str = ""
    asked_at: datetime | None = None
    at: datetime


class IdentityStore:
    """Keeps what was answered first."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def get(self, model: str, version: int, identity: str) -> FirstAnswers | None:
        """Return what is known; None where nobody looked. Raises DamagedRow."""
        table = tables.identities
        own = (*of_monitor(table, model, version), table.c.identity == identity)
        what = f"what {model}/{version} answered at onboarding"
        with reading(self._engine) as connection:
            rows = fetched(connection, sa.select(table).where(*own), what)
        found = readable(lambda columns: decoded(_answers, columns, what), rows, None)
        return found[0] if found else None

    def unknown(self) -> dict[tuple[str, int, str], str]:
        """Return why nobody can tell whose answers come, by model, version and identity, of those of which that is so.

        The reasons are as they were stored, whatever is in them.
        """
        c = tables.identities.c
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(c.model, c.version, c.identity, c.why).where(c.why != "")).all()
        return {(str(row.model), int(row.version), str(row.identity)): str(row.why) for row in rows}

    def put(self, answers: FirstAnswers) -> None:
        """Keep what was answered, in place of what is known; whoever judges hears of it."""
        columns = {
            name: getattr(answers, name)
            for name in ("model", "version", "identity", "artefact", "source", "frozen", "why", "asked_at", "at")
        }
        reference = answers.reference
        counts = {"differing": reference.differing, "replayed": reference.replayed, "fewest": reference.fewest}
        with writing(self._engine) as connection:
            upsert(connection, tables.identities, [columns | counts])
            note_change(connection)

    def tell(self, model: str, version: int, identity: str, why: str, now: datetime) -> None:
        """Keep why nobody can tell whose answers come, beside what is known; empty: somebody can again."""
        table = tables.identities
        own = (*of_monitor(table, model, version), table.c.identity == identity)
        with writing(self._engine) as connection:
            known = connection.execute(sa.update(table).where(*own).values(why=why)).rowcount
        if why and not known:
            self.put(FirstAnswers(model=model, version=version, identity=identity, why=why, at=now))

    def break_off_round(self, model: str, version: int, identity: str) -> None:
        """Let a round that came to nothing begin again at once."""
        table = tables.identities
        own = (*of_monitor(table, model, version), table.c.identity == identity)
        with writing(self._engine) as connection:
            connection.execute(sa.update(table).where(*own).values(asked_at=None))

    def begin_round(self, model: str, version: int, identity: str, *, every: timedelta, now: datetime) -> bool:
        """Say whether the frozen rows are to be asked about now, and if so note it: of several that ask, one does."""
        table = tables.identities
        own = (*of_monitor(table, model, version), table.c.identity == identity, table.c.replayed > 0)
        is_due = sa.or_(table.c.asked_at.is_(None), table.c.asked_at <= now - every)
        with writing(self._engine) as connection:
            return connection.execute(sa.update(table).where(*own, is_due).values(asked_at=now)).rowcount == 1


def _answers(columns: RowMapping) -> FirstAnswers:
    values = dict(columns)
    counts = (int(values.pop(name)) for name in ("differing", "replayed", "fewest"))
    return typed(FirstAnswers, values | {"reference": ReplayReference(*counts)})
