"""Baselines and which of them is current, in the results database: whoever judges or shows needs no feature store.

A baseline is immutable and kept under its content address. `promote` is the only change: compare and swap of one
pointer per model version, with its history.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.baseline.baseline import Baseline
from pegel.errors import Conflict, InvalidSpec, LayoutMismatch, NotFound
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import quoted, shown
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.refresh_tries import in_force_since, settle
from pegel.store.registry import note_change, put_spec
from pegel.store.statements import insert_into, of_monitor

PREVIOUS = "previous"
"""How a person says: the one before the current."""
ADDRESS = "sha256:"
_ABSENT = "the results database keeps no baseline {}; profile the training data again (workflow `baseline_refresh`)."
MOST_KNOWN = 10_000
"""Documents of which this process remembers that they can be unpacked."""
_unpacked = set[bytes]()
SHORT = 12
"""Digits of an id that tell baselines of a model apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One change of the pointer: what became current, in place of what (None: nothing), when, by whom or what, and why.

    `by`: a workflow, or the person who asked for it or agreed to it.
    """

    baseline_id: str
    previous: str | None
    at: datetime
    by: str
    why: str = ""


class BaselineStore:
    """Keeps baselines, one pointer per model version, and the history of the pointers."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def put(self, baseline: Baseline) -> str:
        """Keep a baseline under its content address and return that. The first copy stays; another changes nothing."""
        document = json.dumps(baseline.to_json(), sort_keys=True, separators=(",", ":")).encode()
        row = {
            "id": baseline.id,
            "model": baseline.model,
            "version": baseline.version,
            "created_at": baseline.created_at,
            "document": zlib.compress(document),
        }
        insert = insert_into(self._engine.dialect, tables.baselines).values(row)
        with writing(self._engine) as connection:
            connection.execute(insert.on_conflict_do_nothing(index_elements=["id"]))
        return baseline.id

    def get(self, baseline_id: str) -> Baseline:
        """Return a baseline. Raises NotFound, and LayoutMismatch if it is of another version or damaged."""
        return parsed(baseline_id, self.document(baseline_id))

    def in_force(self, model: str, version: int) -> Baseline | None:
        """Return the current baseline, None where there is none. Raises LayoutMismatch as `get`."""
        current = self.current(model, version)
        return None if current is None else self.get(current)

    def document(self, baseline_id: str) -> bytes:
        """Return a baseline's JSON as it was kept, for whoever reads it elsewhere. Raises NotFound, LayoutMismatch."""
        statement = sa.select(tables.baselines.c.document).where(tables.baselines.c.id == baseline_id)
        with reading(self._engine) as connection:
            packed = connection.execute(statement).scalar()
        if packed is None:
            raise NotFound(_ABSENT.format(baseline_id))
        try:
            return zlib.decompress(packed)
        except zlib.error as error:
            raise _damaged(baseline_id, error) from error

    def unreadable(self, ids: Iterable[str]) -> dict[str, str]:
        """Return why documents cannot be unpacked or are not there, by the id of the baseline; none is parsed."""
        wanted, c = sorted(set(ids)), tables.baselines.c
        reasons = {each: _ABSENT.format(each) for each in wanted}
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(c.id, c.document).where(c.id.in_(wanted)))
            for baseline_id, packed in rows:
                try:
                    _try_to_unpack(packed)
                except zlib.error as error:
                    reasons[baseline_id] = str(_damaged(baseline_id, error))
                else:
                    del reasons[baseline_id]
        return reasons

    def current(self, model: str, version: int) -> str | None:
        """Return the id of the baseline that new spans of a model version are judged by, or None."""
        with reading(self._engine) as connection:
            return current_baseline(connection, model, version)

    def currents(self) -> dict[tuple[str, int], str]:
        """Return the current baseline of every model version that has one, in one query."""
        c = tables.current_baselines.c
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(c.model, c.version, c.baseline_id)).all()
        return {(row.model, row.version): row.baseline_id for row in rows}

    def in_force_since(self) -> dict[tuple[str, int], datetime]:
        """Return when the current baseline of every model version took its place, in one query."""
        return in_force_since(self._engine)

    def promote(
        self, model: str, version: int, baseline_id: str, expected: str | None, *, by: str, now: datetime, why: str = ""
    ) -> bool:
        """Make a kept baseline current if the current one is still `expected`; say whether anything changed.

        Promoting what is current already changes nothing, whatever was expected. Raises Conflict if another was
        promoted meanwhile, NotFound if the baseline is not kept.
        """
        with writing(self._engine) as connection:
            return promote(connection, model, version, baseline_id, expected, by=by, now=now, why=why)

    def restore(self, model: str, version: int, wanted: str, *, by: str, now: datetime, why: str) -> Promotion:
        """Make an earlier baseline current again, by the same compare and swap; nothing is computed.

        `wanted`: the beginning of its id, with or without `sha256:`, or `previous` for the one before the current.

        Raises NotFound where none, or several, are meant; InvalidSpec where the one that is meant is current already;
        LayoutMismatch where it cannot be read any more; Conflict if another was promoted meanwhile.
        """
        # In this order: what is promoted after the first look is another one than what the swap expects.
        current = self.current(model, version)
        history = self.history(model, version)
        baseline_id = earlier(history, current, wanted, monitor_key(model, version))
        self.get(baseline_id)
        self.promote(model, version, baseline_id, current, by=by, now=now, why=why)
        return Promotion(baseline_id=baseline_id, previous=current, at=now, by=by, why=why)

    def discard(self, baseline_id: str) -> None:
        """Delete a baseline that was never current and no refresh is about: a recount that has served its purpose.

        That of a refresh that is open stays: the question is drawn from it.
        """
        c, r = tables.baselines.c, tables.refreshes.c
        kept_by = [
            sa.exists().where(column == baseline_id)
            for column in (
                tables.current_baselines.c.baseline_id,
                tables.promotions.c.baseline_id,
                tables.refreshes.c.baseline_id,
            )
        ]
        kept_by.append(sa.exists().where(r.recount == baseline_id, r.end.is_(None)))
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.baselines).where(c.id == baseline_id, ~sa.or_(*kept_by)))

    def register(self, spec: MonitorSpec, baseline_id: str, *, by: str, now: datetime) -> bool:
        """Put a spec into the registry and make its kept baseline current, both or neither; say whether that is news.

        Raises NotFound if the baseline is not kept.
        """
        name, version = spec.model.name, spec.model.version
        with writing(self._engine) as connection:
            current = current_baseline(connection, name, version)
            promoted = promote(connection, name, version, baseline_id, current, by=by, now=now)
            settle(connection, name, version, now)
            return put_spec(connection, spec, now) or promoted

    def history(self, model: str, version: int) -> list[Promotion]:
        """Return the promotions of a model version, oldest first."""
        c = tables.promotions.c
        statement = sa.select(c.baseline_id, c.previous, c.at, c.by, c.why)
        with reading(self._engine) as connection:
            chosen = statement.where(*of_monitor(tables.promotions, model, version)).order_by(c.seq)
            return [Promotion(**row) for row in connection.execute(chosen).mappings()]


def earlier(history: Sequence[Promotion], current: str | None, wanted: str, key: str) -> str:
    """Return which baseline of a history is meant. Raises NotFound and InvalidSpec, see `BaselineStore.restore`."""
    if not history:
        raise NotFound(f"{key} has no baseline yet, so there is no earlier one. Nothing was promoted.")
    if wanted == PREVIOUS:
        previous = history[-1].previous
        if previous is None:
            raise NotFound(f"{key}: its baseline is the first one, there is none before it. Nothing was promoted.")
        return previous
    ids = dict.fromkeys(each for event in history for each in (event.previous, event.baseline_id) if each is not None)
    digits = wanted.removeprefix(ADDRESS)
    meant = [each for each in ids if digits and each.removeprefix(ADDRESS).startswith(digits)]
    if len(meant) != 1:
        known = ", ".join(each.removeprefix(ADDRESS)[:SHORT] for each in ids)
        raise NotFound(
            f"expected the beginning of the id of one baseline that {key} has had, or `{PREVIOUS}`; given "
            f"{quoted(wanted)}; it has had: {known}. Nothing was promoted."
        )
    if meant[0] == current:
        raise InvalidSpec(f"{key}: the baseline {shown(wanted)} is the current one. Nothing was promoted.")
    return meant[0]


def promote(
    connection: Connection,
    model: str,
    version: int,
    baseline_id: str,
    expected: str | None,
    *,
    by: str,
    now: datetime,
    why: str = "",
) -> bool:
    """Do what `BaselineStore.promote` does, in a transaction that is open. Where it raises, it wrote nothing."""
    kept = sa.select(tables.baselines.c.id).where(tables.baselines.c.id == baseline_id)
    if connection.execute(kept).first() is None:
        raise NotFound(f"the results database keeps no baseline {baseline_id}; nothing was promoted.")
    if _swap(connection, model, version, baseline_id, expected):
        event = {"model": model, "version": version, "baseline_id": baseline_id}
        event |= {"previous": expected, "at": now, "by": by, "why": why}
        connection.execute(sa.insert(tables.promotions).values(event))
        note_change(connection)
        return True
    current = current_baseline(connection, model, version)
    if current == baseline_id:
        return False
    raise Conflict(
        f"baseline of {monitor_key(model, version)}: expected {expected} to be current; found {current}. "
        f"Nothing was promoted; look at the new one first."
    )


def current_baseline(connection: Connection, model: str, version: int) -> str | None:
    """Return the id of the current baseline of a model version, or None."""
    table = tables.current_baselines
    found = connection.execute(sa.select(table.c.baseline_id).where(*of_monitor(table, model, version))).scalar()
    return None if found is None else str(found)


def _swap(connection: Connection, model: str, version: int, baseline_id: str, expected: str | None) -> bool:
    """Move the pointer in one statement, so that of two that expect the same only one succeeds."""
    table = tables.current_baselines
    if expected == baseline_id:
        return False
    if expected is None:
        row = {"model": model, "version": version, "baseline_id": baseline_id}
        insert = insert_into(connection.dialect, table).values(row)
        first = insert.on_conflict_do_nothing(index_elements=["model", "version"]).returning(table.c.baseline_id)
        return connection.execute(first).first() is not None
    here = (*of_monitor(table, model, version), table.c.baseline_id == expected)
    return connection.execute(sa.update(table).where(*here).values(baseline_id=baseline_id)).rowcount == 1


def parsed(baseline_id: str, document: bytes) -> Baseline:
    """Return the baseline of a document. Raises LayoutMismatch if it is of another version or damaged."""
    try:
        return Baseline.from_json(json.loads(document))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(baseline_id, error) from error


def _try_to_unpack(packed: bytes) -> None:
    """Raise zlib.error for what cannot be unpacked; what could be once is known by its hash, which takes less."""
    digest = hashlib.sha256(packed).digest()
    if digest in _unpacked:
        return
    zlib.decompress(packed)
    if len(_unpacked) >= MOST_KNOWN:
        _unpacked.clear()
    _unpacked.add(digest)


def _damaged(baseline_id: str, error: Exception) -> LayoutMismatch:
    return LayoutMismatch(
        f"expected a readable baseline {baseline_id} in the results database; given {type(error).__name__}: {error}. "
        f"It was not used; profile the training data again (workflow `baseline_refresh`)."
    )
