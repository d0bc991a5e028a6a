"""Attributions as they travel: what a model made of the rows of one request, under its id and time on its topic.

::

    {"attributions": [[0.25, -0.5], [0.0, 1.5]], "base": 3.5, "raw": [3.25, 5.0], "matches": [true, null],
     "method": "tree", "artefact": "9f86d081...", "rate": 0.125, "unit": "prediction"}

One list per row of the request, with one number per feature in the order of the schema. `raw` is what the model put out
before anything made a class or a probability of it, and `raw = base + sum(attributions)`. `base` is one number, or a
list of one per row where it differs: by class, or by the row that another one is compared with. `matches`: whether the
logged answer of a row is the one that the artefact gives; null where that was not looked at. `rate`: the part of the
events that is explained. `unit`: what `raw` is. `errors`, shaped as `attributions`: standard errors of rows that are
explained one by one by drawing; left out of others, and so of all that travel. Where there is a model of the endpoint's
answers, `surrogate` names it, and `residuals` are one number per row: `raw` less what it makes of the row; else neither
is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.data.payloads import load
from pegel.errors import InvalidPayload
from pegel.spec.plain_numbers import how_many

MOST_NUMBERS: Final = 40_000
"""Numbers of one event: attributions, output, base and residual of each row. Written out they take 0.9 MB, and a
broker takes records of 1 MB. The rows of a larger request are explained by nobody, and counted as that."""
ADDS_UP: Final = 1e-5
"""How far a row's numbers may be from adding up, in units of the largest of 1, its output and what is added."""
LARGEST: Final = 1e150
"""No number is farther from 0: its square has to be one, too."""
_DIGEST_LENGTH = 64
_ERRORS = "errors"
_SURROGATE_LENGTH = 16
_DIGITS: Final = frozenset("0123456789abcdef")
_FIELDS = frozenset({"attributions", "base", "raw", "matches", "method", "artefact", "rate", "unit"})
_OF_SURROGATE = frozenset({"residuals", "surrogate"})


class Method(StrEnum):
    """How attributions are made: exactly from coefficients or trees, by a library of the model's own, by permuting."""

    LINEAR = "linear"
    TREE = "tree"
    NATIVE = "native"
    PERMUTATION = "permutation"


class Unit(StrEnum):
    """What the raw output of a model is.

    Its prediction; of two classes the log-odds of the second one, its probability or another number for it; of more
    classes the number of the predicted one.
    """

    PREDICTION = "prediction"
    LOG_ODDS = "log-odds"
    PROBABILITY = "probability"
    MARGIN = "margin"
    CLASS_SCORE = "score of the predicted class"


class Match(StrEnum):
    """Whether the logged answer of a row is the one that the artefact gives."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


Word = TypeVar("Word", Method, Unit)

WRITTEN: Final[dict[Match, bool | None]] = {Match.SAME: True, Match.OTHER: False, Match.UNKNOWN: None}
READ: Final[dict[bool | None, Match]] = {written: match for match, written in WRITTEN.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attributions:
    """What a model made of the rows of one request.

    `values`: float64, shape (rows, features), in units of `raw`. `base`, `raw`: float64, shape (rows,). `matches`: one
    per row. `artefact`: SHA-256 of the folder that was used, None where the endpoint was asked. `rate`: above 0, at
    most 1. `residuals`: float64, shape (rows,), in units of `raw`, and `surrogate`, 16 lower case digits that name the
    model of the answers that they are of; both None without one.
    """

    values: NDArray[np.float64]
    base: NDArray[np.float64]
    raw: NDArray[np.float64]
    matches: tuple[Match, ...]
    method: Method
    artefact: str | None
    rate: float
    unit: Unit = Unit.PREDICTION
    errors: NDArray[np.float64] | None = None
    """The standard errors of `values`, shape (rows, features); None where these are exact, or of many rows."""
    residuals: NDArray[np.float64] | None = None
    surrogate: str | None = None

    @property
    def judged(self) -> NDArray[np.float64]:
        """Return what is judged of each row: its attributions, and last its residual where there are any."""
        return self.values if self.residuals is None else np.column_stack([self.values, self.residuals])

    @property
    def n(self) -> int:
        """Return how many rows there are."""
        return int(self.values.shape[0])


def encode(attributions: Attributions) -> bytes:
    """Return the body of an event. Raises InvalidPayload for what `decode` would refuse."""
    width = int(attributions.values.shape[1])
    base = attributions.base.tolist()
    further: dict[str, Any] = {} if attributions.errors is None else {_ERRORS: attributions.errors.tolist()}
    if attributions.residuals is not None:
        further |= {"residuals": attributions.residuals.tolist(), "surrogate": attributions.surrogate}
    body = orjson.dumps(
        {
            "attributions": attributions.values.tolist(),
            "base": base[0] if len(set(base)) == 1 else base,
            "raw": attributions.raw.tolist(),
            "matches": [WRITTEN[match] for match in attributions.matches],
            "method": attributions.method.value,
            "artefact": attributions.artefact,
            "rate": attributions.rate,
            "unit": attributions.unit.value,
            **further,
        }
    )
    decode(body, width)
    return body


def decode(body: bytes, features: int) -> Attributions:
    """Read the body of an event of a model with so many features.

    Raises InvalidPayload of the kinds of `pegel.data.payloads.load`, or `too_large`, `wrong_fields` (other numbers of
    values) or `wrong_shape`: no such object, or something of it is of another type, not finite, beyond its bounds or
    does not add up.
    """
    document = load(body)
    allowed = {_FIELDS, _FIELDS | _OF_SURROGATE}
    if not isinstance(document, dict) or document.keys() - {_ERRORS} not in allowed:
        expected = ", ".join(sorted(_FIELDS))
        raise InvalidPayload("wrong_shape", f"expected an object with {expected} and nothing else; it is kept aside")
    values = _matrix(document["attributions"], features)
    rows = values.shape[0]
    given = document["base"]
    base = _vector("base", given if isinstance(given, list) else [given] * rows, rows)
    raw = _vector("raw", document["raw"], rows)
    _refuse_other_sums(values, base, raw)
    errors = _matrix(document[_ERRORS], features, _ERRORS) if _ERRORS in document else None
    if errors is not None and len(errors) != rows:
        raise InvalidPayload("wrong_fields", f"errors: {len(errors)} of {how_many(rows, 'row')}, expected one each")
    has_surrogate = "surrogate" in document
    return Attributions(
        values=values,
        base=base,
        raw=raw,
        matches=_matches(document["matches"], rows),
        method=_one_of(Method, "method", document["method"]),
        artefact=None if document["artefact"] is None else _hex("artefact", document["artefact"], _DIGEST_LENGTH),
        rate=_rate(document["rate"]),
        unit=_one_of(Unit, "unit", document["unit"]),
        errors=errors,
        residuals=_vector("residuals", document["residuals"], rows) if has_surrogate else None,
        surrogate=_hex("surrogate", document["surrogate"], _SURROGATE_LENGTH) if has_surrogate else None,
    )


def most_rows(features: int) -> int:
    """Return how many rows of so many features one event tells of.

    >>> most_rows(1), most_rows(18)
    (10000, 1904)
    """
    return MOST_NUMBERS // (features + 3)


def _matrix(data: Any, features: int, name: str = "attributions") -> NDArray[np.float64]:
    if not isinstance(data, list) or not data or not all(isinstance(row, list) for row in data):
        raise InvalidPayload("wrong_shape", f"{name}: expected a list with a list per row; it is kept aside")
    if len(data) > most_rows(features):
        given = f"{how_many(len(data), 'row')} of {how_many(features, 'feature')}"
        raise InvalidPayload("too_large", f"{name}: given {given}, at most {most_rows(features):,} rows are possible")
    given_widths = sorted({len(row) for row in data})
    if given_widths != [features]:
        raise InvalidPayload(
            "wrong_fields", f"{name}: rows have {given_widths[:5]} values, expected {features}; it is kept aside"
        )
    return _numbers(name, [value for row in data for value in row]).reshape(len(data), features)


def _refuse_other_sums(values: NDArray[np.float64], base: NDArray[np.float64], raw: NDArray[np.float64]) -> None:
    added = np.abs(base) + np.abs(values).sum(axis=1)
    apart = np.abs(base + values.sum(axis=1) - raw)
    wrong = int(np.count_nonzero(apart > ADDS_UP * np.maximum(1.0, np.maximum(np.abs(raw), added))))
    if wrong:
        given = f"{wrong} of {how_many(len(raw), 'row')} that do not"
        raise InvalidPayload("wrong_shape", f"attributions: expected base and parts that add up to raw, given {given}")


def _vector(name: str, data: Any, rows: int) -> NDArray[np.float64]:
    _as_many(name, data, rows)
    return _numbers(name, data)


def _as_many(name: str, data: Any, rows: int) -> None:
    if not isinstance(data, list):
        raise InvalidPayload("wrong_shape", f"{name}: expected a list with an entry per row; the event is kept aside")
    if len(data) != rows:
        raise InvalidPayload(
            "wrong_fields", f"{name}: {len(data)} of {how_many(rows, 'row')}, expected one each; it is kept aside"
        )


def _numbers(name: str, data: list[Any]) -> NDArray[np.float64]:
    """Return finite numbers. Truth values are none, although Python takes them for 0 and 1."""
    if set(map(type, data)) <= {float, int}:
        try:
            numbers = np.array(data, dtype=np.float64)
        except OverflowError:
            numbers = np.array([np.inf])
        if bool(np.all(np.abs(numbers) <= LARGEST)):
            return numbers
    raise InvalidPayload("wrong_shape", f"{name}: expected numbers from -{LARGEST:g} to {LARGEST:g}; it is kept aside")


def _matches(data: Any, rows: int) -> tuple[Match, ...]:
    _as_many("matches", data, rows)
    if not set(map(type, data)) <= {bool, type(None)}:
        raise InvalidPayload("wrong_shape", "matches: expected true, false or null per row; the event is kept aside")
    return tuple(READ[value] for value in data)


def _one_of(kind: type[Word], name: str, data: Any) -> Word:
    try:
        return kind(data)
    except ValueError:
        expected = ", ".join(kind)
        raise InvalidPayload("wrong_shape", f"{name}: expected one of {expected}; the event is kept aside") from None


def _hex(name: str, data: Any, length: int) -> str:
    if isinstance(data, str) and len(data) == length and set(data) <= _DIGITS:
        return data
    raise InvalidPayload(
        "wrong_shape", f"{name}: expected a digest in {length} lower case digits; the event is kept aside"
    )


def _rate(data: Any) -> float:
    if type(data) in {float, int} and 0 < data <= 1:
        return float(data)
    raise InvalidPayload("wrong_shape", "rate: expected a number above 0, at most 1; the event is kept aside")
