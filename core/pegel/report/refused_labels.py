"""What came as a label and was refused, in words: how much, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pegel.labels.kept_labels import NO_KEY, NO_PLACE, OTHER_MATCH, UNKNOWN_MODEL
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many
from pegel.store.label_store import LabelStore

WHY = {
    OTHER_MATCH: "matched otherwise than its spec says",
    NO_KEY: "rows of the table without the id or the keys of a prediction",
    NO_PLACE: "rows of the table without a number of a row, or a time",
    UNKNOWN_MODEL: "of a model that takes none from the topic",
    "lost": "gone from the broker before they were read",
}
"""Kinds of which the name alone says too little; those of entries that are no label are in `docs/labels.md`."""


@dataclass(frozen=True, slots=True)
class RefusedLabels:
    """What was refused of one model version, or of entries of a namespace that are no label of any watched one."""

    name: str
    words: str


def refused_of(store: LabelStore, spec: MonitorSpec) -> list[RefusedLabels]:
    """Return what was refused of a model's labels, and of its namespace's entries that are nobody's.

    Whoever sent those nobody knows, and they may well be this model's.
    """
    return refused_of_all(store, [spec])


def refused_of_all(store: LabelStore, specs: Sequence[MonitorSpec]) -> list[RefusedLabels]:
    """Return the same of all models with labels, and of each namespace with labels by topic once."""
    own = {spec.key: store.refused(spec.namespace, spec.key) for spec in specs if spec.labels.is_used}
    spaces = sorted({spec.namespace for spec in specs if spec.labels.by_topic})
    return _told(own | {f"namespace {space}": store.refused_of_nobody(space) for space in spaces})


def _told(found: Mapping[str, Mapping[str, int]]) -> list[RefusedLabels]:
    told = []
    for name, kinds in found.items():
        counts = sorted(((count, kind) for kind, count in kinds.items() if count > 0), reverse=True)
        if counts:
            whole = how_many(sum(count for count, _ in counts), "label")
            parts = ", ".join(f"{count:,} {kind}{f' ({WHY[kind]})' if kind in WHY else ''}" for count, kind in counts)
            told.append(RefusedLabels(name, f"{whole} refused: {parts}"))
    return told
