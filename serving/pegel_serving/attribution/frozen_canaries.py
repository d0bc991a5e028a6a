"""Canaries: few rows that an endpoint is asked about again and again, with what it answered when its version was new.

Of classes alone an honest retrain changes few answers, but many of rows that lie near the boundary: so half of them are
drawn from the tenth of smallest margin, where answers tell a margin, and half from all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pegel.data.attribution_event import Match
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.decoding import decode_batch
from pegel_serving.attribution.replayed_answers import matches
from pegel_serving.attribution.told_rows import told_rows
from pegel_serving.model_columns import Rows

CANARIES: Final = 64
NEAREST: Final = 10
"""Half of the canaries are of the one row in so many whose margin is smallest."""
_SEED: Final = 20_261_130


@dataclass(frozen=True, slots=True)
class CanaryAnswers:
    """Answers to rows, one each. `places`: of those that were answered, among those that were asked about."""

    places: NDArray[np.int64]
    columns: Columns


def answers_of(bodies: Sequence[bytes], schema: Schema) -> CanaryAnswers:
    """Read what an endpoint answered to single rows; what cannot be read, or is no answer to one row, is left out."""
    decoded = decode_batch(list(bodies), schema, Role.PREDICTION)
    ends = np.cumsum(decoded.rows)
    places = [at for at in range(len(bodies)) if at not in decoded.errors and int(decoded.rows[at]) == 1]
    at_rows = np.array([int(ends[at]) - 1 for at in places], dtype=np.int64)
    return CanaryAnswers(np.array(places, dtype=np.int64), decoded.columns.take(at_rows))


def chosen(answers: CanaryAnswers, fields: Sequence[Field], count: int = CANARIES) -> list[int]:
    """Return which of the answered rows are canaries, `count` at most, the same ones each time: their places."""
    draw = np.random.default_rng(_SEED)
    margins = _margins(told_rows(answers.columns, fields), fields)
    total = answers.places.size
    near = np.argsort(margins, kind="stable")[: total // NEAREST] if margins is not None else np.empty(0, np.int64)
    low = draw.choice(near, min(near.size, count // 2), replace=False)
    others = np.setdiff1d(np.arange(total), low)
    rest = draw.choice(others, min(others.size, count - low.size), replace=False)
    return [int(answers.places[at]) for at in sorted([*low.tolist(), *rest.tolist()])]


def tells_numbers(fields: Sequence[Field]) -> bool:
    """Say whether answers have a number: one that differs is another model; of classes alone it takes two."""
    return any(field.kind is Kind.NUMERIC for field in fields)


def written(answers: CanaryAnswers, fields: Sequence[Field]) -> dict[int, list[Any]]:
    """Return answers as plain JSON, by place; a number that is none is null."""
    rows = told_rows(answers.columns, fields).tolist()
    return {
        int(place): [None if value != value else value for value in row]  # noqa: PLR0124  NaN alone is not itself
        for place, row in zip(answers.places.tolist(), rows, strict=True)
    }


def compared(frozen: Sequence[Sequence[Any]], bodies: Sequence[bytes], schema: Schema) -> list[Match]:
    """Return of each canary whether its answer is the frozen one; unknown where there is none that can be read."""
    fields = schema.of_role(Role.PREDICTION)
    now = answers_of(bodies, schema)
    then = {field.name: [frozen[at][column] for at in now.places.tolist()] for column, field in enumerate(fields)}
    found = [Match.UNKNOWN] * len(bodies)
    for at, match in zip(
        now.places.tolist(), matches(now.columns, fields, then, np.full(now.places.size, np.inf)), strict=True
    ):
        found[at] = match
    return found


def _margins(rows: Rows, fields: Sequence[Field]) -> NDArray[np.float64] | None:
    """Return how far the probabilities of the two largest classes are apart; None where answers have none of two."""
    stem = f"{fields[0].name}_probability_"
    of_classes = [at for at, field in enumerate(fields) if field.name.startswith(stem)]
    if len(of_classes) < 2:  # noqa: PLR2004  a margin is between two
        return None
    ordered = np.sort(np.asarray(rows[:, of_classes], dtype=np.float64), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2], dtype=np.float64)
