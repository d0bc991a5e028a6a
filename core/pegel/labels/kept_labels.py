"""Records of a topic of labels into what is kept: labels by model version, and what is none, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from pegel.labels.label_arrays import Arrival, LabelArrays
from pegel.labels.label_json import read_labels
from pegel.labels.label_keys import LabelKeys
from pegel.spec.outside_text import shown

UNKNOWN_MODEL: Final = "unknown_model"
"""How labels are counted of models that are not watched, or take none from the topic."""
NO_KEY: Final = "no_key"
"""How rows of a table of labels are counted without an id or a part of a key, or with one that is no part of a key."""
NO_PLACE: Final = "no_place"
"""How rows of a table of labels are counted without the number of a row, or the time, by which they are matched."""
OTHER_MATCH: Final = "other_match"
"""How labels are counted that say by event what their model matches by entity, or the other way, or by other keys."""


class NoLabel(NamedTuple):
    """An entry that is no label of a watched model. `model`: the key of its model version, empty where none is told."""

    model: str
    arrival: Arrival
    place: int
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class KeptLabels:
    """What one record holds."""

    labels: Mapping[str, LabelArrays]
    aside: tuple[NoLabel, ...]


def kept(body: bytes, arrival: Arrival, keys: LabelKeys) -> KeptLabels:
    """Read one record. Nothing that it holds is an error; labels that are held back are passed over."""
    read = read_labels(body)
    aside = [NoLabel("", arrival, each.place, each.kind, each.why) for each in read.refused]
    by_model: dict[str, list[LabelArrays]] = {}
    for place, label in read.labels:
        if label.monitor in keys.held:
            continue
        if label.monitor not in keys.of:
            why = f"{shown(label.monitor)} takes no labels from this topic"
            aside.append(NoLabel(label.monitor, arrival, place, UNKNOWN_MODEL, why))
            continue
        try:
            one = LabelArrays.of([(place, label)], arrival, keys.of[label.monitor])
        except ValueError as error:
            aside.append(NoLabel(label.monitor, arrival, place, OTHER_MATCH, str(error)))
        else:
            by_model.setdefault(label.monitor, []).append(one)
    return KeptLabels({key: LabelArrays.together(parts) for key, parts in by_model.items()}, tuple(aside))
