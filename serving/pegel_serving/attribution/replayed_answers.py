"""Whether logged answers are those that the registered artefact gives: each computed again, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pegel.data.attribution_event import Match
from pegel.data.columns import Columns, Field, Kind
from pegel.data.conversions import category_of
from pegel_serving.attribution.told_rows import told_rows

CLOSE: Final = 1e-5
"""How far a number may be from the one that is computed again, in units of the larger of 1 and that; inclusive."""


def matches(
    logged: Columns, fields: Sequence[Field], computed: Mapping[str, Sequence[Any]], margins: NDArray[np.float64]
) -> list[Match]:
    """Return of each row whether every logged field is what was computed.

    A class may be another one where the margin between the two largest classes, shape (rows,), is at most `CLOSE`:
    another machine may round it the other way. A field that is not computed again says nothing.
    """
    rows = told_rows(logged, fields)
    told = np.zeros(logged.n, dtype=bool)
    same = np.ones(logged.n, dtype=bool)
    for at, field in enumerate(fields):
        if field.name not in computed:
            continue
        told[:] = True
        if field.kind is Kind.NUMERIC:
            same &= _close(rows[:, at], computed[field.name])
        else:
            again = np.array([category_of(value)[0] for value in computed[field.name]], dtype=object)
            same &= (rows[:, at] == again) | (margins <= CLOSE)
    return [_match(known, fits) for known, fits in zip(told.tolist(), same.tolist(), strict=True)]


def _match(known: bool, fits: bool) -> Match:
    if not known:
        return Match.UNKNOWN
    return Match.SAME if fits else Match.OTHER


def margins_of(estimator: Any, given: Any, rows: int) -> NDArray[np.float64]:
    """Return how far the two largest classes are apart, shape (rows,); infinity for a model without two."""
    if hasattr(estimator, "predict_proba"):
        numbers = np.asarray(estimator.predict_proba(given), dtype=np.float64)
    elif hasattr(estimator, "decision_function"):
        numbers = np.asarray(estimator.decision_function(given), dtype=np.float64)
    else:
        return np.full(rows, np.inf)
    if numbers.ndim == 1:
        return np.abs(numbers)
    if numbers.shape[1] == 1:
        return np.full(rows, np.inf)
    ordered = np.sort(numbers, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2], dtype=np.float64)


def _close(logged: Any, computed: Sequence[Any]) -> Any:
    given = np.array([np.nan if value is None else value for value in logged.tolist()], dtype=np.float64)
    again = np.array([np.nan if value is None else value for value in computed], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        near = np.abs(given - again) <= CLOSE * np.maximum(1.0, np.abs(again))
    return near | (np.isnan(given) & np.isnan(again)) | (given == again)
