"""Specs in a folder against those in the registry: what would be created, changed or left, and what only one has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pegel.errors import PegelError
from pegel.reconcile.spec_change import SpecChange, SpecFieldChange
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_folder import FolderSpec

Resolve = Callable[[MonitorSpec, MonitorSpec | None], MonitorSpec]
"""Returns what would be registered of a spec, given what is: with the digest of its model's folder. May raise
PegelError, which makes it an invalid one."""
LEARNED = ("windowing.length", "windowing.slide", "watch.segments", "watch.statistics", "watch.outlier_method")
"""Fields outside of `baseline` that decide what a baseline is made of; `baseline.refresh` alone does not."""


class FolderChangeKind(StrEnum):
    """What applying does with a model version."""

    CREATE = "create"
    CHANGE = "change"
    SAME = "same"
    INVALID = "invalid"
    """Its file cannot be accepted: nothing happens to its model, and everything to the others."""
    EXTRA = "extra"
    """The registry has it, and no file: nothing happens, unless it is asked to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChange:
    """What becomes of one model version, or of one file that names none.

    `key`: `delays/1`; empty where a file does not say. `spec`: what the file says. `effects`: what follows beyond the
    fields, in words. `problems`: why a file is invalid, a line each.
    """

    kind: FolderChangeKind
    key: str
    file: Path | None = None
    spec: MonitorSpec | None = None
    fields: tuple[SpecFieldChange, ...] = ()
    effects: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_due(self) -> bool:
        """Say whether applying the folder moves anything of this."""
        return self.kind in {FolderChangeKind.CREATE, FolderChangeKind.CHANGE}


def folder_changes(
    given: Iterable[FolderSpec],
    registered: Mapping[str, MonitorSpec | None],
    resolve: Resolve,
    check: Callable[[FolderSpec], Sequence[str]] = lambda _one: (),
) -> list[FolderChange]:
    """Return what applying would do: the files in their order, then what only the registry has.

    `registered`: the specs in force by key, None for one that cannot be read. `check` is asked about each file whose
    model would change, and returns what else is wrong with it, a line each.
    """
    files = list(given)
    named = defaultdict[str, list[Path]](list)
    for one in files:
        if one.given is not None and one.given.whole is not None:
            named[one.given.whole.key].append(one.file)
    changes = [_change(one, registered, resolve, check, named) for one in files]
    extra = sorted(set(registered) - {change.key for change in changes})
    return [*changes, *(FolderChange(kind=FolderChangeKind.EXTRA, key=key) for key in extra)]


def _change(
    one: FolderSpec,
    registered: Mapping[str, MonitorSpec | None],
    resolve: Resolve,
    check: Callable[[FolderSpec], Sequence[str]],
    named: Mapping[str, list[Path]],
) -> FolderChange:
    spec = None if one.given is None else one.given.whole
    if spec is None:
        return FolderChange(kind=FolderChangeKind.INVALID, key=_stated_key(one), file=one.file, problems=one.problems)
    others = [file for file in named[spec.key] if file != one.file]
    if others:
        also = f"model: given {spec.key}, which {others[0]} is about, too; expected one file for each model version"
        return FolderChange(kind=FolderChangeKind.INVALID, key=spec.key, file=one.file, problems=(also,))
    old = registered.get(spec.key)
    try:
        new, problems = resolve(spec, old), list[str]()
    except PegelError as error:
        new, problems = spec, str(error).splitlines()
    if old is not None and not problems and new.fingerprint() == old.fingerprint():
        return FolderChange(kind=FolderChangeKind.SAME, key=spec.key, file=one.file, spec=spec)
    if problems := [*problems, *check(one)]:
        return FolderChange(
            kind=FolderChangeKind.INVALID, key=spec.key, file=one.file, problems=tuple(dict.fromkeys(problems))
        )
    if old is None:
        unread = ("what is stored of it cannot be read, and is replaced",) if spec.key in registered else ()
        kind = FolderChangeKind.CHANGE if unread else FolderChangeKind.CREATE
        return FolderChange(kind=kind, key=spec.key, file=one.file, spec=spec, effects=unread)
    told = SpecChange(new, old)
    return FolderChange(
        kind=FolderChangeKind.CHANGE,
        key=spec.key,
        file=one.file,
        spec=spec,
        fields=told.fields,
        effects=_effects(old, new, told),
    )


def _effects(old: MonitorSpec, new: MonitorSpec, told: SpecChange) -> tuple[str, ...]:
    effects = list[str]()
    if told.replaces_endpoint:
        effects.append("needs a new endpoint, which takes the old one's place once it answers")
    learned = [one.path for one in told.fields if _is_learned(one.path)]
    if learned:
        effects.append(f"needs a new baseline ({', '.join(learned)})")
    if old.group != new.group:
        effects.append(f"moves from the driver of group {old.group} to that of {new.group}, with its open windows")
    return tuple(effects)


def _is_learned(name: str) -> bool:
    return name in LEARNED or (name.startswith("baseline.") and name != "baseline.refresh")


def _stated_key(one: FolderSpec) -> str:
    """Return which model version an invalid file is about, as far as it says so; empty where it does not."""
    return "" if one.given is None else one.given.stated_key
