"""Ten features in rows that follow each other by no clock, and three ways in which two of them come apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.spec.monitor_spec import Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary

CLEAN = ""
CHANGES = ("two categories", "category and number", "circle")
LETTERS = np.array([*"abcdefghijkl"], dtype=object)
OF_EIGHTH = np.array([3, 0, 5, 1, 7, 2, 6, 4])
"""The category that goes with each eighth of a number, in no order of how frequent they are: groups of four would hide
a flipped number behind categories that are packed together by their frequency in the very order of its eighths."""
Rows = Mapping[str, NDArray[Any]]


def rows(rng: np.random.Generator, n: int, change: str) -> Rows:
    """Draw rows: five numbers and five categories of twelve, of which a pair goes together in each of three ways.

    Flipped, the same share of rows goes together in the opposite way; each feature by itself stays as it is. Numbers
    on a circle have no correlation, as independent ones have none.
    """
    shares = 0.8 ** np.arange(12)

    def draw() -> NDArray[np.int64]:
        return rng.choice(12, n, p=shares / shares.sum())

    a, d = draw(), draw()
    b = np.where(rng.random(n) < 0.3, a, draw())
    number = rng.normal(size=n)
    eighths = np.digitize(number, [-1.15, -0.67, -0.32, 0, 0.32, 0.67, 1.15])
    c = np.where(rng.random(n) < 0.3, OF_EIGHTH[eighths], draw())
    u, v = rng.normal(size=(2, n))
    if change == "two categories":
        b = rng.permutation(b)
    if change == "category and number":
        number = -number
    if change == "circle":
        angle = rng.random(n) * 2 * np.pi
        radius = np.sqrt(2) * (1 + 0.2 * rng.normal(size=n))
        u, v = radius * np.cos(angle), radius * np.sin(angle)
        u, v = (_normal(side, rng) for side in (u, v))
    numbers = {"number": number, "u": u, "v": v, "w": rng.exponential(size=n), "x": rng.normal(size=n)}
    texts = {"a": a, "b": b, "c": c, "d": d, "e": draw()}
    return numbers | {name: LETTERS[codes] for name, codes in texts.items()}


def _normal(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return values of the same order with a normal law."""
    return np.sort(rng.normal(size=values.size))[np.argsort(np.argsort(values))]


def columns(drawn: Rows) -> Columns:
    """Return rows as they are counted."""
    texts = tuple(column for column in drawn.values() if column.dtype == object)
    numbers = np.column_stack([column for column in drawn.values() if column.dtype != object])
    return Columns(len(numbers), numbers, None, texts, (None,) * len(texts))


def counted(layout: Layout, drawn: Rows) -> Summary:
    """Return the counts of a window."""
    summary = Summary.empty(layout)
    summary.update(columns(drawn), Role.FEATURE)
    return summary


def trained(drawn: Rows) -> Baseline:
    """Return the baseline of rows."""
    kinds = {name: Kind.CATEGORICAL if column.dtype == object else Kind.NUMERIC for name, column in drawn.items()}
    layout = build_layout(Schema(tuple(Field(name, kind) for name, kind in kinds.items())), drawn)
    summary = Summary.empty(layout, exact=True)
    summary.update(columns(drawn), Role.FEATURE)
    return Baseline.build(
        layout=layout, summary=summary, model="m", version=1, source="drawn", scores=None, watch=Watch()
    )
