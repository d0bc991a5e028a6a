"""What applying a folder of specs would do, for people and for machines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pegel.reconcile.folder_changes import FolderChange, FolderChangeKind
from pegel.reconcile.spec_change import ABSENT, SpecFieldChange
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

MARKS = {
    FolderChangeKind.CREATE: "+ create",
    FolderChangeKind.CHANGE: "~ change",
    FolderChangeKind.SAME: "= same",
    FolderChangeKind.INVALID: "! invalid",
    FolderChangeKind.EXTRA: "? not in the folder",
}
GONE = "- delete"
_COUNTED = {
    FolderChangeKind.CREATE: "to create",
    FolderChangeKind.CHANGE: "to change",
    FolderChangeKind.SAME: "as they are",
    FolderChangeKind.INVALID: "invalid",
}


def plan_lines(changes: Sequence[FolderChange], *, prune: bool = False) -> list[str]:
    """Return the whole plan: a line for each model that is not as it is, with what changes below, and their numbers.

    With `prune`, what only the registry has would go.
    """
    moved = [change for change in changes if change.kind is not FolderChangeKind.SAME]
    lines = [line for change in moved for line in (_headline(change, prune=prune), *_details(change))]
    return [*lines, counts_line(changes, prune=prune)]


def counts_line(changes: Iterable[FolderChange], *, prune: bool = False) -> str:
    """Return how many of each kind there are, in one line."""
    counted = Counter(change.kind for change in changes)
    parts = [f"{counted[kind]} {words}" for kind, words in _COUNTED.items()]
    extra = "to delete" if prune else "in the registry alone"
    return ", ".join([*parts, f"{counted[FolderChangeKind.EXTRA]} {extra}"])


def diff_lines(changes: Iterable[FolderChange]) -> list[str]:
    """Return what differs alone, each field with its old value and its new one in a line of its own."""
    lines = list[str]()
    for change in changes:
        if change.kind is FolderChangeKind.SAME:
            continue
        old = "nothing" if change.kind is FolderChangeKind.CREATE else f"{_key(change)} in the registry"
        new = "nothing" if change.file is None else shown(str(change.file))
        lines += [f"--- {old}", f"+++ {new}"]
        for field in change.fields:
            lines += [f"-{_side(field.path, field.before)}", f"+{_side(field.path, field.after)}"]
        lines += [f"! {shown(problem, LONGEST_SENTENCE)}" for problem in change.problems]
    return lines


def change_json(change: FolderChange) -> dict[str, Any]:
    """Return one row for machines."""
    return {
        "model": change.key or None,
        "change": change.kind.value,
        "file": None if change.file is None else str(change.file),
        "fields": [_plain(one) for one in change.fields],
        "effects": list(change.effects),
        "problems": list(change.problems),
    }


def _headline(change: FolderChange, *, prune: bool) -> str:
    mark = GONE if prune and change.kind is FolderChangeKind.EXTRA else MARKS[change.kind]
    where = "" if change.file is None else f"  {shown(str(change.file))}"
    return f"{mark}  {_key(change)}{where}"


def _details(change: FolderChange) -> list[str]:
    fields = [f"    {one}" for one in change.fields]
    effects = [f"    -> {effect}" for effect in change.effects]
    return [*fields, *effects, *(f"    {shown(problem, LONGEST_SENTENCE)}" for problem in change.problems)]


def _key(change: FolderChange) -> str:
    return shown(change.key) if change.key else "no model"


def _side(path: str, value: str) -> str:
    return f"{shown(path)}: {shown(value, LONGEST_SENTENCE)}"


def _plain(one: SpecFieldChange) -> dict[str, Any]:
    old, new = (None if side == ABSENT else json.loads(side) for side in (one.before, one.after))
    return {"field": one.path, "old": old, "new": new}
