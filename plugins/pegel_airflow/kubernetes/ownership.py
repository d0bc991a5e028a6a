"""Whose an object is, and whether it still is what was applied. Pure: labels and annotations of the object say it all.

What was applied is kept beside it in an annotation, as `kubectl apply` does. So a change by hand is seen without any
memory of ours: some field that was applied has another value now. Fields that others add are theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pegel.errors import NotOurs
from pegel.manifests import labels
from pegel.spec import names
from pegel.spec.outside_text import shown
from pegel_airflow.kubernetes.kinds import Object, annotated, annotation, described, label, metadata

PARTS = ("spec", "data")
"""What an object is to be; the rest of it is said by the cluster."""
LONGEST_VALUE = 80


def is_ours(thing: Object, installation: str = "") -> bool:
    """Say whether an object carries Pegel's mark, and that of an `installation` where one is named."""
    marked = label(thing, labels.MANAGED_BY) == names.MANAGED_BY
    return marked and installation in {"", label(thing, labels.INSTALLATION)}


def refuse_others(thing: Object, installation: str = "") -> None:
    """Raise NotOurs for an object that does not carry Pegel's mark, or not that of the `installation` that is named."""
    if is_ours(thing) and not is_ours(thing, installation):
        whose = shown(label(thing, labels.INSTALLATION)) or "nobody"
        raise NotOurs(
            f"expected {described(thing)} to be of the Pegel in namespace {installation} or absent; given one with "
            f"{labels.INSTALLATION}={whose}: another Pegel made it. It was not touched: remove it there, or choose "
            f"another name or namespace"
        )
    if not is_ours(thing):
        manager = label(thing, labels.MANAGED_BY)
        whose = f"is managed by {shown(manager)!r}" if manager else "is somebody else's"
        raise NotOurs(
            f"expected {described(thing)} to be Pegel's or absent; given one without the label "
            f"{labels.MANAGED_BY}={names.MANAGED_BY}, which {whose}. It was not touched: remove it, or choose another "
            f"name"
        )


def remembering(thing: Object) -> dict[str, Any]:
    """Return an object that also says what was applied."""
    known = metadata(thing)
    foreign = {
        name: value for name, value in (known.get("annotations") or {}).items() if not name.startswith(labels.PREFIX)
    }
    meta = {"labels": known.get("labels") or {}, "annotations": foreign}
    applied = {"metadata": meta, **{part: thing[part] for part in PARTS if part in thing}}
    return annotated(thing, {labels.APPLIED: json.dumps(applied, sort_keys=True)})


def edited(thing: Object) -> str:
    """Say in words which field was changed since it was applied; "" if none was."""
    try:
        applied = json.loads(annotation(thing, labels.APPLIED))
    except ValueError:
        applied = None
    if not isinstance(applied, dict):
        return f"changed by somebody else: its annotation {labels.APPLIED} is not what was written"
    difference = next(_differences(applied, thing, ""), None)
    return f"changed by somebody else: {difference}" if difference else ""


def _differences(applied: Any, present: Any, place: str) -> Iterator[str]:
    """Yield each field of `applied` that has another value in `present`; what is only in the latter is no difference.

    Lists of named things are compared by name, because others may add theirs; other lists as a whole.
    """
    if isinstance(applied, Mapping):
        for name, value in applied.items():
            beside = present.get(name) if isinstance(present, Mapping) else None
            yield from _differences(value, beside, f"{place}.{name}" if place else name)
    elif _are_named(applied) and isinstance(present, list):
        by_name = {item.get("name"): item for item in present if isinstance(item, Mapping)}
        for item in applied:
            yield from _differences(item, by_name.get(item["name"]), f"{place}[{item['name']}]")
    elif applied != present:
        yield f"{place} is {_value(present)}, {_value(applied)} was applied"


def _are_named(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) and "name" in item for item in value)
    )


def _value(value: Any) -> str:
    return "absent" if value is None else shown(json.dumps(value), LONGEST_VALUE)
