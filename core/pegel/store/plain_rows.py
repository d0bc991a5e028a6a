"""What documents say, as rows of plain values that any database unpacks: for the views, which decode nothing else.

A document is JSON as Python writes it, with infinities and whatever text came from outside; PostgreSQL refuses to read
such JSON, and one refused row would hide a year of others. So what people ask for is written once more beside it, in
the order of the fields here. Floats keep `DIGITS` digits, infinities and NaN are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from pegel.store.column_types import storable

DIGITS = 7


class Plain(StrEnum):
    """Types of plain values."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"


FEATURE_VERDICT: Mapping[str, Plain] = {
    "feature": Plain.TEXT,
    "detector": Plain.TEXT,
    "verdict": Plain.TEXT,
    "test": Plain.TEXT,
    "statistic": Plain.REAL,
    "p_value": Plain.REAL,
    "p_relevant": Plain.REAL,
    "threshold": Plain.REAL,
    "budget_share": Plain.REAL,
    "effect": Plain.REAL,
    "effect_unit": Plain.TEXT,
    "n": Plain.INTEGER,
    "m": Plain.INTEGER,
    "what": Plain.TEXT,
}
FIGURE: Mapping[str, Plain] = {
    "figure": Plain.TEXT,
    "value": Plain.REAL,
    "low": Plain.REAL,
    "high": Plain.REAL,
    "figure_rows": Plain.INTEGER,
    "figure_verdict": Plain.TEXT,
    "p_value": Plain.REAL,
    "threshold": Plain.REAL,
    "effect": Plain.REAL,
    "effect_unit": Plain.TEXT,
}
EXPECTATION: Mapping[str, Plain] = {
    "suite": Plain.TEXT,
    "expectation": Plain.TEXT,
    "feature": Plain.TEXT,
    "expected": Plain.TEXT,
    "met": Plain.BOOLEAN,
    "severity": Plain.TEXT,
    "n": Plain.INTEGER,
    "p_value": Plain.REAL,
}
"""What was seen instead is left out: it shows values of rows."""


class PlainRows(TypeDecorator[Any]):
    """A list of lists of plain values, as JSON that every database reads; null where there is nothing to tell."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Sequence[Any]] | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """Write JSON without infinities, NUL or lone surrogates."""
        if not value:
            return None
        rows = [[_plain(cell) for cell in row] for row in value]
        return json.dumps(rows, separators=(",", ":"), allow_nan=False)


def feature_verdicts(judgement: Mapping[str, Any]) -> list[list[Any]]:
    """Return a row of `FEATURE_VERDICT` for each verdict of a window's judgement, those of further tests included."""
    told = (*judgement.get("features", ()), *judgement.get("further", ()))
    return [[one.get(name) for name in FEATURE_VERDICT] for one in told]


def figures(judgement: Mapping[str, Any]) -> list[list[Any]]:
    """Return a row of `FIGURE` for each figure of labelled rows, with what was judged of it where it was tested."""
    verdicts = {one["feature"]: one for one in judgement.get("verdicts", ())}
    return [_figure(one, verdicts.get(one["name"], {})) for one in judgement.get("figures", ())]


def _figure(figure: Mapping[str, Any], verdict: Mapping[str, Any]) -> list[Any]:
    judged = [verdict.get(name) for name in ("verdict", "p_value", "threshold", "effect", "effect_unit")]
    return [figure["name"], figure["value"], figure["low"], figure["high"], figure["rows"], *judged]


def expectations(outcomes: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Return a row of `EXPECTATION` for each outcome."""
    names = ["type" if name == "expectation" else name for name in EXPECTATION]
    return [[one.get(name) for name in names] for one in outcomes]


def _plain(cell: Any) -> Any:
    if isinstance(cell, str):
        return storable(cell)
    if isinstance(cell, float):
        return float(f"{cell:.{DIGITS}g}") if math.isfinite(cell) else None
    return cell
