"""`pegel erase --subject NAME=VALUE`: one subject's rows, wherever Pegel has written them."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.erasing_asides import ErasingAsides
from pegel.archive.erasing_files import ErasingFiles, FoundRows, archived_models
from pegel.archive.folders import NOT_LABELS
from pegel.archive.subject import Subject, entities_of
from pegel.cli.console import say
from pegel.cli.erase_words import beyond, too_short, unknown_names, waiting
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import opened
from pegel.data.keyed_hash import KeyedHash
from pegel.errors import Unavailable
from pegel.online.forgetting import forget, views_beyond
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many
from pegel.spec.settings import Settings
from pegel.store.archive_store import ArchiveStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.erasure_store import ErasureStore, FoundResults
from pegel.store.registry import Registry

MOST_TOLD = 20
"""Files that cannot be read which are named."""
SubjectOption = Annotated[
    list[str],
    typer.Option(
        "--subject", help="NAME=VALUE of a field or entity key, once for each part of a key; or the id of an event."
    ),
]
OnlineOption = Annotated[
    list[str] | None,
    typer.Option(help="A view of an online store that no spec names, as local://NAME: its keys are the given values."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Erase; without it only what would be is told.")]


@dataclass(slots=True)
class _Traces:
    """Where a subject was found."""

    files: dict[tuple[str, int], FoundRows]
    asides: int
    results: FoundResults
    asides_unread: list[str]

    @property
    def unread(self) -> list[str]:
        """Return the files that cannot be read, in which the subject may be."""
        return [*(path for found in self.files.values() for path in found.unread), *self.asides_unread]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows were found, by what they are."""
        kinds = {f"archive: {NOT_LABELS}": self.asides}
        for found in self.files.values():
            for kept, rows in found.rows.items():
                kinds[f"archive: {kept}"] = kinds.get(f"archive: {kept}", 0) + rows
        return kinds | {f"results: {name}": rows for name, rows in self.results.counts.items()}

    @property
    def total(self) -> int:
        """Return how many rows were found."""
        return sum(self.counts.values())


def erase(subject: SubjectOption, online: OnlineOption = None, yes: YesOption = False, home: HomeOption = None) -> None:
    """Remove one subject's rows: archive, labels, outliers, findings and samples, and its vector in online stores."""
    settings = settings_of(home)
    meant = Subject.of(subject, KeyedHash(settings.secret))
    with opened(settings) as engine:
        specs, store = Registry(engine).list(), ErasureStore(engine)
        for line in unknown_names(meant, specs, BaselineStore(engine)):
            say(line)
        vectors = _vectors(meant, specs, online or ())
        found = _look(settings, store, meant, specs)
        for name, rows in found.counts.items():
            say(f"{name}: {rows:,} rows")
        if yes:
            _erase_all(settings, engine, meant, found, vectors)
            say("erased; a second look found nothing")
        else:
            erasing = f"`pegel erase ... --yes{same_home(home)}`"
            if found.unread:
                say(_told_unread(found.unread))
            say(f"nothing was changed; {erasing} erases these, and the subject's vectors in online stores")
        named = {str(spec.online.source) for spec in specs} | {*vectors}
        not_archived = waiting(ArchiveStore(engine), meant, erased=yes)
        for line in [*not_archived, *views_beyond(settings, named), *too_short(meant), *beyond(specs)]:
            say(line)


def _erase_all(
    settings: Settings, engine: Engine, subject: Subject, found: _Traces, vectors: Mapping[str, Sequence[str]]
) -> None:
    """Erase, note it, and look again. Raises Unavailable where something is left, and says what.

    `vectors`: the keys that the subject's vector may have, by view of an online store.
    """
    specs, store, failed = Registry(engine).list(), ErasureStore(engine), list[str]()
    _erase(settings, engine, subject, found, specs, failed)
    problems: list[str] = []
    gone = forget(settings, vectors, problems)
    for line in [*(f"online: {view}: {how_many(count, 'vector')}" for view, count in gone.items()), *problems]:
        say(line)
    counts = found.counts | gone
    store.note(subject, person(), datetime.now(UTC), counts)
    _end_writers(ArchiveStore(engine), specs)
    if not store.leave_nothing_behind():
        say("the database's log holds what went until others who read there have ended: erase once more then")
    if failed:
        raise Unavailable(
            f"expected files that can be written anew, given {'; '.join(failed)}. All else is erased; put that right, "
            "and erase once more."
        )
    left = _look(settings, store, subject, specs)
    if left.total:
        raise Unavailable(f"expected nothing to be left; given {left.total:,} new rows. Erase them again.")
    if left.unread:
        raise Unavailable(
            f"{_told_unread(left.unread)}. All else is erased; if nothing writes there just now, put a copy of them "
            "back or remove them, and erase once more."
        )


def _look(settings: Settings, store: ErasureStore, subject: Subject, specs: list[MonitorSpec]) -> _Traces:
    address, keys = ArchiveAddress.of(settings.archive_root), _keys(specs)
    owners = sorted(archived_models(address))
    files = {owner: ErasingFiles(address, *owner, subject, keys.get(owner, ())).find() for owner in owners}
    events = {name for found in files.values() for name in found.event_ids} | {subject.event_id} - {""}
    unread = list[str]()
    asides = sum(ErasingAsides(address, subject).find(unread).values())
    return _Traces(files, asides, store.find(subject, events), unread)


def _told_unread(paths: list[str]) -> str:
    more = f" and {len(paths) - MOST_TOLD:,} more" if len(paths) > MOST_TOLD else ""
    told = ", ".join(paths[:MOST_TOLD]) + more
    return f"{how_many(len(paths), 'file')} cannot be read, and nobody knows whether the subject is in there: {told}"


def _keys(specs: list[MonitorSpec]) -> dict[tuple[str, int], tuple[str, ...]]:
    return {(spec.model.name, spec.model.version): spec.label_keys for spec in specs}


def _erase(  # noqa: PLR0917  what is found where, and what becomes of it
    settings: Settings, engine: Engine, subject: Subject, found: _Traces, specs: list[MonitorSpec], failed: list[str]
) -> None:
    """Erase what was found; what files refuse is added to `failed`, and keeps nothing else from going."""
    address, archive = ArchiveAddress.of(settings.archive_root), ArchiveStore(engine)
    # Before the files: by their rows alone it is known which events were the subject's, should this one be killed.
    ErasureStore(engine).erase(found.results)
    with _told_failure(failed):
        ErasingAsides(address, subject).erase()
    for (model, version), rows in found.files.items():
        if rows.files or rows.unread:
            files = ErasingFiles(address, model, version, subject, _keys(specs).get((model, version), ()))
            number = archive.next_number(model, version, above=files.highest_number())
            with _told_failure(failed):
                # Looked at again: what an archive job has written meanwhile is to go as well.
                files.erase(files.find(), number)
                archive.require_newest(model, version, number)


@contextmanager
def _told_failure(failed: list[str]) -> Iterator[None]:
    """Add what files refuse to `failed`; a full disk refuses everything, and has words of its own."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        failed.append(str(error))


def _vectors(subject: Subject, specs: list[MonitorSpec], views: Sequence[str]) -> dict[str, list[str]]:
    """Return the keys that the subject's vector may have, by the view that a spec or a person names with such keys."""
    found = {}
    for spec in specs:
        keys = subject.entities(spec.online.keys)
        if keys and spec.online.source is not None:
            found[spec.online.source] = keys
    values = [value for _, value in subject.values]
    return found | (dict.fromkeys(views, entities_of(values)) if values else {})


def _end_writers(archive: ArchiveStore, specs: list[MonitorSpec]) -> None:
    """Let nobody write rows who began before the erasure was noted and does not know of it; the next run does."""
    for spec in specs:
        archive.next_number(spec.model.name, spec.model.version)
