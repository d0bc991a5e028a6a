"""One run of housekeeping: what is old goes, kind by kind and model by model; what was removed is written down."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.folders import NOT_LABELS, Kept, parts_of
from pegel.errors import PegelError
from pegel.retention.keeping import Keeping, ResultKind
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.plain_numbers import how_many
from pegel.spec.rhythms import Rhythm
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.old_rows import OldRows, monitors_with_results, old_rows, removed_in_batches, unneeded_baselines
from pegel.store.registry import Registry

_BY_MODEL = ("namespace", "model", "version")
_ARCHIVED: dict[ResultKind, tuple[str, tuple[str, ...]]] = {
    ResultKind.ROWS: (Kept.ROWS, _BY_MODEL),
    ResultKind.UNREADABLE: (Kept.UNREADABLE, _BY_MODEL),
    ResultKind.LABELS: (Kept.LABELS, _BY_MODEL),
    ResultKind.NOT_LABELS: (NOT_LABELS, ("namespace",)),
}
"""The folder of the archive, and which folders are in it down to those of days."""
_ALL_MODELS = ("*", 0)
_VERSION = re.compile("[0-9]{1,10}")
_STORED = tuple(kind for kind in ResultKind if kind not in {*_ARCHIVED, ResultKind.BASELINES})
"""In this order: what rows said of windows goes after the windows."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What one model had of a kind before an instant. `kept`: why older ones stay; `failed`: why it did not go."""

    model: str
    version: int
    kind: ResultKind
    before: datetime
    count: int
    kept: str = ""
    failed: str = ""

    def line(self, *, dry_run: bool) -> str:
        """Return it in words."""
        is_of_all = (self.model, self.version) == _ALL_MODELS
        whose = "all models" if is_of_all else monitor_key(self.model, self.version)
        what = f"{whose}: {self.kind} before {self.before:%Y-%m-%d}"
        if self.failed:
            return f"{what}: failed: {self.failed}"
        done = "would go" if dry_run else "removed"
        kept = f"; others stay: {self.kept}" if self.kept else ""
        return f"{what}: {how_many(self.count, _THINGS.get(self.kind, 'row'))} {done}{kept}"


_THINGS = {ResultKind.BASELINES: "baseline"} | dict.fromkeys(_ARCHIVED, "folder")


@dataclass(frozen=True, slots=True)
class House:
    """What is kept: the results database, and the root of the archive."""

    engine: Engine
    archive: str


def keep_house(house: House, keeping: Keeping, *, now: datetime, dry_run: bool) -> list[Removal]:
    """Remove what is old, or say what would go. Run again, it finds nothing.

    What fails of one model and kind is told in its place, and holds up no other.
    """
    # Of a model that is not watched any more nobody makes days: its windows wait for none.
    with_days = {key for key, spec in _specs(house.engine).items() if Rhythm.DAY in spec.rhythms}
    removals: list[Removal] = []
    for some in _removals(house, keeping, with_days, now, dry_run=dry_run):
        # At once: of a run that is killed it is known how far it came.
        if not dry_run:
            _write_down(house.engine, some, now)
        removals += some
    return removals


def _removals(
    house: House, keeping: Keeping, with_days: Collection[tuple[str, int]], now: datetime, *, dry_run: bool
) -> Iterator[list[Removal]]:
    """Remove what is old and yield what went, a kind of one model at a time."""
    going: list[OldRows] = []
    for key in monitors_with_results(house.engine):
        for kind in _STORED:
            rows = _OfKind(keeping, kind, key, now, has_days=key in with_days)
            yield rows.removed(house.engine, going, dry_run=dry_run)
    yield _baselines(house.engine, keeping, now, going, dry_run=dry_run)
    yield from _archived(house, keeping, now, dry_run=dry_run)


def _specs(engine: Engine) -> dict[tuple[str, int], MonitorSpec]:
    return {(spec.model.name, spec.model.version): spec for spec in Registry(engine).list()}


@dataclass(frozen=True, slots=True)
class _OfKind:
    """What one model version has of a kind."""

    keeping: Keeping
    kind: ResultKind
    key: tuple[str, int]
    now: datetime
    has_days: bool

    def removed(self, engine: Engine, going: list[OldRows], *, dry_run: bool) -> list[Removal]:
        """Remove what is old; in a dry run only count it, and add it to what is taken for gone."""
        before = self.keeping.cutoff(self.kind, self.now)
        if before is None:
            return []
        removed = 0
        try:
            with reading(engine) as connection:
                rows = old_rows(
                    connection, self.kind, *self.key, before, has_days=self.has_days, going=self._windows_in(going)
                )
                count = rows.count(connection)
            if dry_run:
                removed = count
                going.append(rows)
            else:
                for some in removed_in_batches(engine, rows) if count else ():
                    removed += some
        except (PegelError, sa.exc.SQLAlchemyError) as error:
            return [Removal(*self.key, self.kind, before, removed, failed=str(error))]
        return [Removal(*self.key, self.kind, before, removed, kept=rows.kept)] if count or rows.kept else []

    def _windows_in(self, going: Sequence[OldRows]) -> OldRows | None:
        own = (rows for rows in going if rows.kind is ResultKind.WINDOWS and (rows.model, rows.version) == self.key)
        return next(own, None)


def _baselines(
    engine: Engine, keeping: Keeping, now: datetime, going: Sequence[OldRows], *, dry_run: bool
) -> list[Removal]:
    before = keeping.cutoff(ResultKind.BASELINES, now)
    if before is None:
        return []
    try:
        with writing(engine) as connection:
            found = unneeded_baselines(connection, before, going)
            if not dry_run and found:
                ids = [baseline_id for baseline_id, _, _ in found]
                connection.execute(sa.delete(tables.baselines).where(tables.baselines.c.id.in_(ids)))
    except (PegelError, sa.exc.SQLAlchemyError) as error:
        return [Removal(*_ALL_MODELS, ResultKind.BASELINES, before, 0, failed=str(error))]
    keys = sorted({(model, version) for _, model, version in found})
    return [
        Removal(*key, ResultKind.BASELINES, before, sum((model, version) == key for _, model, version in found))
        for key in keys
    ]


def _archived(house: House, keeping: Keeping, now: datetime, *, dry_run: bool) -> Iterator[list[Removal]]:
    """Remove days of the archive. For how long rows of a watched model are kept, its spec says."""
    specs = _specs(house.engine)
    for kind, (name, levels) in _ARCHIVED.items():
        usual = keeping.cutoff(kind, now)
        try:
            address = ArchiveAddress.of(house.archive)
            for folder in _folders(f"{address.root}/{name}", levels, address):
                key = _key_of(folder)
                if key is None:
                    continue
                spec = specs.get(key)
                before = now - spec.archive.keep if spec is not None and kind is ResultKind.ROWS else usual
                yield [] if before is None else _old_days(address, folder, key, kind, before, dry_run=dry_run)
        except (PegelError, OSError, ValueError) as error:
            yield [Removal(*_ALL_MODELS, kind, usual or now, 0, failed=str(error))]


def _old_days(
    address: ArchiveAddress, folder: str, key: tuple[str, int], kind: ResultKind, before: datetime, *, dry_run: bool
) -> list[Removal]:
    removed = 0
    old = [day for day in address.files_below(folder, recursive=False) if _is_before(day, before.date())]
    try:
        for day in old:
            if not dry_run:
                address.files.delete_dir(day)
            removed += 1
    except OSError as error:
        return [Removal(*key, kind, before, removed, failed=str(error))]
    return [Removal(*key, kind, before, removed)] if old else []


def _key_of(folder: str) -> tuple[str, int] | None:
    """Return whose a folder is: a model version's, or that of all models of a namespace; None for a strange one."""
    parts = parts_of(folder)
    if "model" not in parts:
        return _ALL_MODELS
    return (parts["model"], int(parts["version"])) if _VERSION.fullmatch(parts["version"]) else None


def _is_before(folder: str, first_kept: date) -> bool:
    """Say whether a folder is that of a day that is old as a whole; a folder of another name stays."""
    try:
        return date.fromisoformat(parts_of(folder)["date"]) < first_kept
    except (KeyError, ValueError):
        return False


def _folders(root: str, levels: Sequence[str], address: ArchiveAddress) -> list[str]:
    folders = [root]
    for name in levels:
        below = (path for folder in folders for path in address.files_below(folder, recursive=False))
        folders = [path for path in below if path.rpartition("/")[2].startswith(f"{name}=")]
    return folders


def _write_down(engine: Engine, removals: Sequence[Removal], now: datetime) -> None:
    rows = [
        {
            "at": now,
            "model": one.model,
            "version": one.version,
            "kind": one.kind.value,
            "before": one.before,
            "count": one.count,
            "problem": one.failed or one.kept,
        }
        for one in removals
        if one.count or one.failed
    ]
    if rows:
        with writing(engine) as connection:
            connection.execute(sa.insert(tables.removals), rows)
