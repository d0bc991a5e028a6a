"""Summaries as plain JSON, for baseline documents."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.stats.layout import Layout
from pegel.stats.summary import Summary


def to_json(summary: Summary) -> dict[str, Any]:
    """Return plain JSON; floats as hexadecimal text, so that no digit is lost.

    Without exact sums, and without further statistics: see `further`.
    """
    return {
        "counters": summary.counters.tolist(),
        "cells": summary.cells.tolist(),
        "ranges": to_hex(summary.ranges),
        "moments": to_hex(summary.moments),
        "n_outliers": summary.n_outliers,
        "n_scored": summary.n_scored,
        "comoments": {
            "n": summary.comoments.n,
            "sums": summary.comoments.sums.tolist(),
            "products": summary.comoments.products.tolist(),
            "both_high": summary.comoments.both_high.tolist(),
            "gaps": None if summary.comoments.gaps is None else summary.comoments.gaps.tolist(),
        },
        "pair_tables": summary.pair_tables.counts.tolist(),
        "season_cells": {str(season): cells.tolist() for season, cells in sorted(summary.season_cells.items())},
    }


def further(summary: Summary) -> list[list[Any]]:
    """Return the further statistics. They stand apart: sketches and float sums differ with the order of the rows."""
    packed = {(i, name): statistic.to_bytes() for (i, name), statistic in summary.kept.items()}
    return [[i, name, base64.b64encode(data).decode()] for (i, name), data in sorted(packed.items())]


def from_json(data: Mapping[str, Any], kept: Iterable[Sequence[Any]], layout: Layout) -> Summary:
    """Read what `to_json` and `further` wrote; the summary cannot be changed any more."""
    summary = Summary.empty(layout)
    summary.counters[...] = data["counters"]
    summary.cells[...] = data["cells"]
    summary.ranges[...] = from_hex(data["ranges"])
    summary.moments[...] = from_hex(data["moments"])
    summary.n_outliers, summary.n_scored = data["n_outliers"], data["n_scored"]
    comoments = data["comoments"]
    summary.comoments.n = comoments["n"]
    summary.comoments.sums[...] = comoments["sums"]
    summary.comoments.products[...] = comoments["products"]
    summary.comoments.both_high[...] = comoments["both_high"]
    summary.comoments.gaps = None if comoments["gaps"] is None else np.array(comoments["gaps"], dtype=np.int64)
    if summary.pair_tables.size:
        summary.pair_tables.counts[...] = data["pair_tables"]
    summary.season_cells = {
        int(season): np.array(cells, dtype=np.int64) for season, cells in data["season_cells"].items()
    }
    for i, name, packed in kept:
        summary.kept[i, name] = summary.kept[i, name].from_bytes(base64.b64decode(packed))
    summary.freeze()
    return summary


def to_hex(array: NDArray[np.float64]) -> list[list[str]]:
    """Return a matrix of floats as hexadecimal text."""
    return [[value.hex() for value in row] for row in array.tolist()]


def from_hex(rows: list[list[str]]) -> NDArray[np.float64]:
    """Read what `to_hex` wrote."""
    width = len(rows[0]) if rows else 0
    return np.array([[float.fromhex(value) for value in row] for row in rows]).reshape(len(rows), width)
