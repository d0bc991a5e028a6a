"""Labels as they travel, on the topic and over HTTP: JSON, one label, a list of them, or one a line.

::

    {"model": "delays", "version": 1, "event_id": "5e3f...", "row": 0, "label": true, "at": "2026-11-29T10:00:00Z"}
    {"model": "delays", "version": 1, "entity": {"flight": "AS 1"}, "time": "2026-11-28T07:30:00Z", "label": 12.5}

`version` and `row` may be left out, they are 1 and 0 then; without `at` a label is known since it arrived. Times are
ISO 8601 with their offset from UTC. A label is a text, a truth value or a finite number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from pegel.data.entity_keys import key_text
from pegel.data.instants import from_us, to_us, told_instant
from pegel.errors import InvalidPayload
from pegel.labels.label import EntityAt, EventRow, Label, Outcome
from pegel.spec import names
from pegel.spec.nearest import nearest
from pegel.spec.outside_text import quoted, shown

FIELDS: Final = ("model", "version", "event_id", "row", "entity", "time", "label", "at")
LONGEST_ID = 256
"""Bytes of an event's id, as of those that are logged."""
LONGEST_TEXT = 1_000
"""Characters of a label that is a text, and of all texts of an entity."""
MOST_KEYS = 8
"""Parts of an entity's key."""
MOST_LABELS = 10_000
"""In one body, a list or lines: what is more is sent in several."""
LAST_ROW = 2**31 - 1

KINDS: Final = (
    "not_json",
    "too_many",
    "no_label",
    "unknown_field",
    "bad_model",
    "bad_key",
    "bad_time",
    "bad_outcome",
)
"""How what is no label is counted."""


class RefusedLabel(NamedTuple):
    """An entry that is no label: its place in the list, counted from 0, how it is counted, and why."""

    place: int
    kind: str
    why: str


class LabelEntry(NamedTuple):
    """One entry of a body: its place, and what its JSON says."""

    place: int
    data: Any


@dataclass(frozen=True, slots=True)
class ReadLabels:
    """What a body holds: labels with their places in it, and what is none."""

    labels: tuple[tuple[int, Label], ...]
    refused: tuple[RefusedLabel, ...]


def entries(body: bytes) -> tuple[list[LabelEntry], list[RefusedLabel]]:
    """Take a body apart: one label, or at most 10,000, in a list or one a line (NDJSON), which is told by itself.

    Places count entries of a list, or lines, from 0. Lines of blanks are no entries. Nothing is an error.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if b"\n" in body.strip():
            return _lines(body)
        return [], [_no_json(0, error)]
    if not isinstance(data, list):
        return [LabelEntry(0, data)], []
    if len(data) > MOST_LABELS:
        return [], [_too_many(len(data))]
    return [LabelEntry(*each) for each in enumerate(data)], []


def read_labels(body: bytes) -> ReadLabels:
    """Read all labels of a body, see `entries`. One that is wrong takes no neighbour with it."""
    found, refused = entries(body)
    labels: list[tuple[int, Label]] = []
    for place, data in found:
        try:
            labels.append((place, read_label(data)))
        except InvalidPayload as error:
            refused.append(RefusedLabel(place, error.kind, str(error)))
    return ReadLabels(tuple(labels), tuple(sorted(refused)))


def _lines(body: bytes) -> tuple[list[LabelEntry], list[RefusedLabel]]:
    found: list[LabelEntry] = []
    refused: list[RefusedLabel] = []
    lines = [(place, line) for place, line in enumerate(body.split(b"\n")) if line.strip()]
    if len(lines) > MOST_LABELS:
        return [], [_too_many(len(lines))]
    for place, line in lines:
        try:
            found.append(LabelEntry(place, orjson.loads(line)))
        except orjson.JSONDecodeError as error:
            refused.append(_no_json(place, error))
    return found, refused


def _too_many(count: int) -> RefusedLabel:
    why = f"expected at most {MOST_LABELS:,} labels, given {count:,}; send them in several"
    return RefusedLabel(0, "too_many", why)


def _no_json(place: int, error: Exception) -> RefusedLabel:
    return RefusedLabel(place, "not_json", f"expected JSON: {shown(str(error))}")


def read_label(data: Any) -> Label:
    """Read one label from what its JSON says. Raises InvalidPayload, whose kind is one of `KINDS`."""
    if not isinstance(data, Mapping):
        raise InvalidPayload("no_label", "expected an object with model, event_id or entity, and label")
    if strange := [name for name in data if name not in FIELDS]:
        near = nearest(strange[0], FIELDS)
        meant = f"; did you mean `{near}`?" if near else f"; the fields of a label are {', '.join(FIELDS)}"
        raise InvalidPayload("unknown_field", f"given the field {quoted(strange[0])}{meant}")
    if data.get("label") is None:
        raise InvalidPayload("no_label", "expected a `label`, what really was; given none")
    return Label(
        model=_model(data.get("model")),
        version=_whole(data, "version", 1, names.LARGEST_VERSION, "bad_model"),
        about=_about(data),
        outcome=_outcome(data["label"]),
        at_us=_instant(data["at"], "at") if data.get("at") is not None else None,
    )


def write_label(label: Label) -> bytes:
    """Return the JSON of a label, the inverse of `read_label`; equal labels are equal bytes."""
    about = label.about
    if isinstance(about, EventRow):
        key: dict[str, Any] = {"event_id": about.event_id, "row": about.row}
    else:
        key = {"entity": dict(about.entity), "time": from_us(about.time_us).isoformat()}
    at = {} if label.at_us is None else {"at": from_us(label.at_us).isoformat()}
    return orjson.dumps({"model": label.model, "version": label.version, **key, "label": label.outcome, **at})


def key_of(label: Label) -> bytes:
    """Return the key of a label's record: labels of one prediction are in one partition, in the order they came in."""
    about = label.about
    subject = about.event_id if isinstance(about, EventRow) else orjson.dumps(about.entity).decode()
    return f"{label.monitor}/{subject}".encode()


def _model(given: Any) -> str:
    if not isinstance(given, str) or not names.is_safe(given):
        raise InvalidPayload("bad_model", f"expected `model`, the name of a watched model; given {_given(given)}")
    return given


def _about(data: Mapping[str, Any]) -> EventRow | EntityAt:
    event_id, entity = data.get("event_id"), data.get("entity")
    if (event_id is None) == (entity is None):
        given = "neither" if event_id is None else "both"
        raise InvalidPayload("bad_key", f"expected `event_id`, or `entity` and `time`; given {given}")
    if entity is None:
        if data.get("time") is not None:
            raise InvalidPayload("bad_key", "given `time` with an event_id; it is part of what an `entity` says")
        if not isinstance(event_id, str) or not 0 < len(event_id.encode()) <= LONGEST_ID:
            raise InvalidPayload("bad_key", f"expected `event_id` of 1 to {LONGEST_ID} bytes; given {_given(event_id)}")
        return EventRow(event_id, _whole(data, "row", 0, LAST_ROW, "bad_key"))
    if data.get("row") is not None:
        raise InvalidPayload("bad_key", "given `row` with an entity; it is part of what an `event_id` says")
    return EntityAt(_entity(entity), _instant(data.get("time"), "time"))


def _entity(given: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, Mapping) or not 0 < len(given) <= MOST_KEYS:
        raise InvalidPayload("bad_key", f"expected `entity` with 1 to {MOST_KEYS} parts by name; given {_given(given)}")
    parts = {name: key_text(part) for name, part in given.items()}
    texts = [(name, part) for name, part in sorted(parts.items()) if part is not None]
    if len(texts) < len(parts):
        raise InvalidPayload("bad_key", "expected texts or numbers as parts of the `entity`; given others")
    if sum(len(name) + len(text) for name, text in texts) > LONGEST_TEXT:
        raise InvalidPayload("bad_key", f"expected an `entity` of at most {LONGEST_TEXT:,} characters; given more")
    return tuple(texts)


def _outcome(given: Any) -> Outcome:
    if isinstance(given, str):
        if not given or len(given) > LONGEST_TEXT:
            raise InvalidPayload(
                "bad_outcome", f"expected a `label` of 1 to {LONGEST_TEXT:,} characters; given {len(given):,}"
            )
        return given
    if isinstance(given, bool | int) or (isinstance(given, float) and math.isfinite(given)):
        return given
    raise InvalidPayload("bad_outcome", f"expected a text, a number or a truth value as `label`; given {_given(given)}")


def _whole(data: Mapping[str, Any], field: str, default: int, last: int, kind: str) -> int:
    given = data.get(field)
    if given is None:
        return default
    least = min(default, 1)
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= last:
        raise InvalidPayload(kind, f"expected `{field}`, a whole number from {least}; given {_given(given)}")
    return given


def _instant(given: Any, field: str) -> int:
    instant = told_instant(given) if isinstance(given, str) else None
    if instant is None:
        raise InvalidPayload(
            "bad_time", f"expected `{field}`, ISO 8601 with its offset from UTC; given {_given(given)}"
        )
    return to_us(instant)


def _given(value: Any) -> str:
    if value is None:
        return "none"
    return quoted(value) if isinstance(value, str | int | float) else "something else"
