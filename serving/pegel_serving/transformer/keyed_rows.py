"""Requests of protocol v1 that name entities: what is looked up of each row, and what stays as its client wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kserve.errors import InvalidInput

from pegel.data.entity_keys import entity_key
from pegel.spec.nearest import field_meant
from pegel.spec.online_section import Online
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel_serving.model_columns import kind_of_json

MOST_ROWS = 1_000
"""Of one request. All of them are looked up at once, while everybody else waits; more are several requests."""


@dataclass(frozen=True, slots=True)
class KeyedRows:
    """The rows of one request. `entities`: their keys; None of one that names no entity and brings all features."""

    entities: list[str | None]
    own: list[dict[str, Any]]
    """What the client states beside the keys."""


def keyed_rows(payload: Any, online: Online) -> KeyedRows:
    """Read `{"instances": [{...}, ...]}`. Raises InvalidInput with row, field and what was expected."""
    instances = payload.get("instances") if isinstance(payload, dict) else None
    if not isinstance(instances, list):
        raise InvalidInput('expected an object with a list "instances"')
    if len(instances) > MOST_ROWS:
        raise InvalidInput(f"expected at most {MOST_ROWS:,} instances in one request; given: {len(instances):,}")
    rows = KeyedRows([], [])
    for index, instance in enumerate(instances):
        if not isinstance(instance, dict):
            keys = ", ".join(online.keys)
            raise InvalidInput(
                f"instances[{index}]: expected an object that names {keys}; given: {kind_of_json(instance)}"
            )
        rows.entities.append(_entity(instance, online, index))
        rows.own.append({name: value for name, value in instance.items() if name not in online.keys})
    return rows


def _entity(instance: dict[str, Any], online: Online, index: int) -> str | None:
    looked_up = [name for name in online.features if name in instance]
    named = [name for name in online.keys if name in instance]
    if not named and len(looked_up) == len(online.features):
        return None
    if lacking := [name for name in online.keys if name not in instance]:
        meant = field_meant(sorted({*instance} - {*online.features}), lacking)
        raise InvalidInput(f"instances[{index}]: expected {', '.join(lacking)}, by which features are looked up{meant}")
    if looked_up:
        names = ", ".join(shown(name, NAME_LIMIT) for name in looked_up)
        raise InvalidInput(f"instances[{index}]: {names}: looked up by {', '.join(online.keys)}; leave it out")
    try:
        return entity_key([instance[name] for name in online.keys])
    except ValueError as error:
        raise InvalidInput(f"instances[{index}]: {error} ({', '.join(online.keys)})") from error
