"""`pegel erase --subject NAME=VALUE`: one subject's rows, wherever Pegel has written them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
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
from pegel.archive.subject import SHORTEST_TEXT, Subject
from pegel.cli.console import say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import opened
from pegel.data.entity_keys import entity_key
from pegel.data.keyed_hash import KeyedHash
from pegel.errors import PegelError, Unavailable
from pegel.online.stores import loadable_store
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import dead_letters_topic, inference_topic, labels_topic, monitor_key, outliers_topic
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
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


def erase(subject: SubjectOption, yes: YesOption = False, home: HomeOption = None) -> None:
    """Remove one subject's rows: archive, labels, outliers, findings and samples, and its vector in online stores."""
    settings = settings_of(home)
    meant = Subject.of(subject, KeyedHash(settings.secret))
    with opened(settings) as engine:
        specs, store = Registry(engine).list(), ErasureStore(engine)
        for line in _unknown_names(meant, specs, BaselineStore(engine)):
            say(line)
        found = _look(settings, store, meant, specs)
        for name, rows in found.counts.items():
            say(f"{name}: {rows:,} rows")
        if yes:
            _erase_all(settings, engine, meant, found, specs)
            say("erased; a second look found nothing")
        else:
            erasing = f"`pegel erase ... --yes{same_home(home)}`"
            if found.unread:
                say(_told_unread(found.unread))
            say(f"nothing was changed; {erasing} erases these, and the subject's vectors in online stores")
        for line in [*_waiting(ArchiveStore(engine), meant, erased=yes), *_too_short(meant), *_beyond(specs)]:
            say(line)


def _erase_all(settings: Settings, engine: Engine, subject: Subject, found: _Traces, specs: list[MonitorSpec]) -> None:
    """Erase, note it, and look again. Raises Unavailable where something is left, and says what."""
    store, failed = ErasureStore(engine), list[str]()
    counts = _erase(settings, engine, subject, found, specs, failed)
    for source, vectors in counts.items() - found.counts.items():
        say(f"online: {source}: {how_many(vectors, 'vector')}")
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
) -> dict[str, int]:
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
    return found.counts | _forget(settings, subject, specs)


@contextmanager
def _told_failure(failed: list[str]) -> Iterator[None]:
    """Add what files refuse to `failed`; a full disk refuses everything, and has words of its own."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        failed.append(str(error))


def _forget(settings: Settings, subject: Subject, specs: list[MonitorSpec]) -> dict[str, int]:
    """Remove the subject's vector from online stores; return how many there were, by view."""
    forgotten: dict[str, int] = {}
    for spec in specs:
        parts, source = subject.entity(spec.online.keys), spec.online.source
        if parts is None or source is None or source in forgotten:
            continue
        try:
            forgotten[source] = int(loadable_store(source, settings).forget(entity_key(parts)))
        except PegelError as error:
            say(f"{monitor_key(spec.model.name, spec.model.version)}: {error}")
    return forgotten


def _end_writers(archive: ArchiveStore, specs: list[MonitorSpec]) -> None:
    """Let nobody write rows who began before the erasure was noted and does not know of it; the next run does."""
    for spec in specs:
        archive.next_number(spec.model.name, spec.model.version)


def _waiting(archive: ArchiveStore, subject: Subject, *, erased: bool) -> list[str]:
    """Return in words of which models rows are counted and not archived yet, and what becomes of the subject's."""
    keys = sorted({one.spec.key for one in archive.unarchived()})
    if not keys:
        return []
    where = f"not looked at: rows of {', '.join(keys)} that are counted and not archived yet"
    if not subject.event_id and not subject.hashes:
        why = "without PEGEL_ENTITY_SECRET nothing is kept by which it would leave out the subject"
        return [f"{where}; the next run of `batch_monitor` archives them, and {why}: erase once more after it"]
    whose = "the subject's are left out" if erased else "once the subject is erased, its own are left out"
    return [f"{where}; the next run of `batch_monitor` archives them: {whose}"]


def _unknown_names(subject: Subject, specs: list[MonitorSpec], baselines: BaselineStore) -> list[str]:
    """Return in words which names are no field and no key of any watched model, each with the nearest one."""
    known = {key for spec in specs for key in (*spec.entity_keys, *spec.label_keys)}
    for spec in specs:
        current = baselines.current(spec.model.name, spec.model.version)
        if current is not None:
            known |= {field.name for field in baselines.get(current).layout.schema.fields}
    strange = [name for name, _ in subject.values if known and name not in known]
    return [
        f"no watched model has a field or a key {quoted(name)}.{did_you_mean(name, sorted(known), lead=' ')}"
        for name in strange
    ]


def _too_short(subject: Subject) -> list[str]:
    """Return which values are looked for as those of fields and keys alone, in words."""
    short = [name for name, value in subject.values if len(value) < SHORTEST_TEXT]
    where = "not looked for in texts (unreadable bodies, samples, reasons)"
    return [f"{where}: {', '.join(short)}, whose value has fewer than {SHORTEST_TEXT} letters"] if short else []


def _beyond(specs: list[MonitorSpec]) -> list[str]:
    """Return what cannot be erased from here, in words."""
    spaces = sorted({spec.namespace for spec in specs})
    makers = (inference_topic, labels_topic, outliers_topic, dead_letters_topic)
    ours = {topic(space) for space in spaces for topic in makers}
    topics = sorted(ours | {spec.inference_topic for spec in specs})
    written = sorted({str(spec.model.table) for spec in specs if spec.model.is_table})
    elsewhere = [f"not erased: rows of {', '.join(written)}, from where they would be read again"] if written else []
    held = f"not erased: what the broker still holds of {', '.join(topics) or 'its topics'}, until its retention ends"
    return [
        held,
        *elsewhere,
        "not erased: training data, baselines, and mails that were sent; windows count rows and tell of none",
    ]
