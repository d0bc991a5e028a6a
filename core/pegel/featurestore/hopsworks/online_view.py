"""A feature view as it is served: entities in, rows of its online store out, by the REST server before that store.

Hopsworks' own client looks them up. What it needs is told once, when a process has logged in; a look-up is one request
of its own, over connections that are kept.
"""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pegel.errors import SetupError, Unavailable
from pegel.spec.outside_text import shown

Scalar = bool | int | float | str | None
MISSING, COMPLETE = "MISSING", "COMPLETE"
"""What the server says of an entity that it does not know, and of one of which it has everything."""
_WHOLE = {"tinyint", "smallint", "int", "bigint"}
_REAL = {"float", "double"}
_FIRST_IN_MS = 100_000_000_000
"""From here on a number for a time is in milliseconds, from 1973 on; below it is in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumns:
    """What a look-up has to know of a view. `keys`: types of its serving keys by name, in their order.

    `row`: the columns of an answer, in their order; `features`: those of them that are values of an entity.
    """

    keys: Mapping[str, str]
    row: tuple[str, ...]
    features: frozenset[str]
    event_time: str

    def entry(self, parts: Sequence[str]) -> dict[str, Scalar] | None:
        """Return an entity as the server is asked for it; None where its parts are no keys of the view."""
        if len(parts) != len(self.keys):
            return None
        try:
            return {name: _typed(part, kind) for part, (name, kind) in zip(parts, self.keys.items(), strict=True)}
        except ValueError:
            return None

    def values(self, row: Sequence[Any]) -> tuple[dict[str, Scalar], datetime]:
        """Return the features of a row and the time at which they were so. Raises Unavailable for another row."""
        if len(row) != len(self.row):
            raise Unavailable(f"expected {len(self.row)} columns of the online store, given {len(row)}")
        named = dict(zip(self.row, row, strict=True))
        at = _instant(named[self.event_time])
        return {name: value for name, value in named.items() if name in self.features}, at


class OnlineView:
    """A view that may be looked up. Several threads may ask at once; `close` when nobody asks any more."""

    def __init__(self, columns: ViewColumns, engine: Any, trusted: Path) -> None:
        """Use the client's own `engine` of the view; `trusted`: the file of certificates that it needs, and its own."""
        self._columns, self._engine = columns, engine
        # Also where nobody closes it.
        self._forget = weakref.finalize(self, shutil.rmtree, trusted.parent, ignore_errors=True)

    def look_up(
        self, entities: Sequence[Sequence[str]], within_s: float
    ) -> list[tuple[dict[str, Scalar], datetime] | None]:
        """Return features and event times of entities, None for an unknown one. Raises what the client raises."""
        entries = [self._columns.entry(parts) for parts in entities]
        asked = [entry for entry in entries if entry is not None]
        given = iter(self._asked(asked, within_s) if asked else ())
        return [None if entry is None else next(given) for entry in entries]

    def close(self) -> None:
        """Forget the certificates."""
        self._forget()

    def _asked(
        self, entries: list[dict[str, Scalar]], within_s: float
    ) -> list[tuple[dict[str, Scalar], datetime] | None]:
        # The public way cannot tell an entity that is not there from one whose values are all null.
        answer = self._engine._get_batch_feature_vectors(  # noqa: SLF001
            entries=entries, return_type="response_json", timeout=within_s
        )
        states, rows = answer.get("status"), answer.get("features")
        if not isinstance(states, list) or not isinstance(rows, list) or not len(states) == len(rows) == len(entries):
            raise Unavailable(f"expected {len(entries)} rows of the online store, given {shown(json.dumps(answer))}")
        found: list[tuple[dict[str, Scalar], datetime] | None] = []
        for state, row in zip(states, rows, strict=True):
            if state not in {MISSING, COMPLETE} or (state == COMPLETE and row is None):
                raise Unavailable(f"the online store says {shown(str(state))} of an entity")
            found.append(None if state == MISSING else self._columns.values(row))
        return found


def columns_of(view: Any) -> ViewColumns:
    """Return what a look-up has to know of a feature view of the client.

    Raises SetupError where the view does not have the event time of its features, by which their age is known.
    """
    served = [feature for feature in view.features if not feature.label]
    types = {feature.name: str(feature.type).lower() for feature in view.features}
    times = {group.event_time for group in view.query.featuregroups if group.event_time}
    known = [feature.name for feature in served if feature.name in times]
    if not known:
        raise SetupError(
            f"expected feature view {view.name} to have the event time of its features "
            f"({', '.join(sorted(times)) or 'its feature groups have none'}) as a feature or an inference helper "
            "column: by it their age is known. Nothing was looked up."
        )
    keys = {str(key.required_serving_key): key for key in view._serving_keys}  # noqa: SLF001  not asked for
    kinds = {name: types.get(name) or _type_in_group(key) for name, key in keys.items()}
    plain = [each.name for each in served if not each.training_helper_column and not _is_complex(types[each.name])]
    features = frozenset(plain) - keys.keys() - set(known)
    return ViewColumns(
        keys=kinds, row=tuple(each.name for each in served), features=frozenset(features), event_time=known[0]
    )


def _type_in_group(key: Any) -> str:
    """Return the type of a serving key that is no feature of its view."""
    features = {each.name: str(each.type).lower() for each in key.feature_group.features}
    return features.get(key.feature_name, "string")


def trusted_certificates(chain: Path, further: Path | None) -> Path:
    """Return a file, in a folder of its own, with what vouches for the online store: `chain`, and that of `further`."""
    file = Path(mkdtemp(prefix="pegel-")) / "ca.pem"
    texts = [path.read_text(encoding="utf-8") for path in (chain, further) if path is not None and path.exists()]
    certificates = "\n".join(text for text in texts if "BEGIN CERTIFICATE" in text)
    file.write_text(certificates, encoding="utf-8")
    return file


def _typed(part: str, kind: str) -> Scalar:
    if kind in _WHOLE:
        return int(part)
    return float(part) if kind in _REAL else part


def _is_complex(kind: str) -> bool:
    return kind.startswith(("array", "struct", "map", "binary"))


def _instant(value: Any) -> datetime:
    """Return an event time as the store has it: text in UTC, or seconds or milliseconds since the epoch."""
    try:
        if isinstance(value, str):
            said = datetime.fromisoformat(value)
            return said.astimezone(UTC) if said.tzinfo is not None else said.replace(tzinfo=UTC)
        seconds = timedelta(milliseconds=value) if value >= _FIRST_IN_MS else timedelta(seconds=value)
        return datetime(1970, 1, 1, tzinfo=UTC) + seconds
    except (TypeError, ValueError, OverflowError) as error:
        raise Unavailable(f"the online store has the event time {shown(str(value))}, which is none") from error
