"""Outliers told by Pegel's tables and by pyod on the same labelled rows: `python -m benchmarks.outliers --help`.

Run from the root of the tree with the Spark environment's Python. pyod runs in an environment of its own, which is
made from `benchmarks/outliers/pyod.txt` on first use. Everything is fitted on the rows that it scores, labels aside.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
from benchmarks.outliers import budget, data, ours, peers
from benchmarks.outliers.pyod_scores import BATCH
from benchmarks.page import put
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pegel.spec.monitor_spec import OutlierMethod

METHODS: tuple[OutlierMethod, ...] = get_args(OutlierMethod)
RATES = (1e-2, 1e-3)
BASELINES = 20


@dataclass(frozen=True)
class Measured:
    """One data set: areas under the curve and seconds per batch, by method, ours and pyod's."""

    labelled: data.Labelled
    auc: Mapping[str, float]
    peer_auc: Mapping[str, float]
    seconds: Mapping[str, float]
    peer_seconds: Mapping[str, float]
    apart: float
    """Largest difference of an ECOD score from pyod's."""


def auc(outlying: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the area under the curve."""
    return float(roc_auc_score(outlying, scores))


def measure(labelled: data.Labelled, peer: Mapping[str, Any]) -> Measured:
    """Score a data set by every method, and compare with what pyod said."""
    tables = ours.tables(labelled.rows)
    scores = {name: score(ours.columns_of(labelled.rows)) for name, score in tables.items()}
    return Measured(
        labelled,
        auc={name: auc(labelled.outlying, given) for name, given in scores.items()},
        peer_auc={name: auc(labelled.outlying, peer[name]) for name in METHODS},
        seconds={name: ours.seconds(score, labelled.rows) for name, score in tables.items()},
        peer_seconds=dict(zip(METHODS, peer["seconds"].tolist(), strict=True)),
        apart=float(np.abs(scores["ecod"] - peer["ecod"]).max()),
    )


def measure_all() -> list[Measured]:
    """Measure every data set."""
    with TemporaryDirectory() as folder:
        sets = data.everything()
        for labelled in sets:
            np.savez(Path(folder) / f"{labelled.name}.npz", rows=labelled.rows)
        peers.run(Path(folder))
        return [measure(labelled, np.load(Path(folder) / f"{labelled.name}.pyod.npz")) for labelled in sets]


def accuracy(measured: list[Measured]) -> str:
    """Return areas under the curve as a Markdown table."""
    heads = [f"{name}{whose}" for name in METHODS for whose in ("", ", pyod")]
    lines = ["| data | rows | features | outliers | " + " | ".join(heads) + " |", "|---" * (len(heads) + 4) + "|"]
    for one in measured:
        pairs = [f"{found[name]:.4f}" for name in METHODS for found in (one.auc, one.peer_auc)]
        rows, features = one.labelled.rows.shape
        lines.append(
            f"| {one.labelled.name}: {one.labelled.what} | {rows:,} | {features} | {one.labelled.outlying.sum():,} | "
            f"{' | '.join(pairs)} |"
        )
    return "\n".join(lines)


def speed(one: Measured) -> str:
    """Return rows scored per second as a Markdown table."""
    rows = min(BATCH, len(one.labelled.rows))
    width = one.labelled.rows.shape[1]
    lines = ["| method | Pegel, rows/s | values/s | pyod, rows/s | ratio |", "|---|---|---|---|---|"]
    for name in METHODS:
        ours_rate = rows / one.seconds[name]
        peer = rows / one.peer_seconds[name]
        lines.append(f"| {name} | {ours_rate:,.0f} | {ours_rate * width:,.0f} | {peer:,.0f} | {ours_rate / peer:.1f} |")
    return "\n".join(lines)


def kept() -> str:
    """Return realised over nominal rates as a Markdown table."""
    lines = ["| method | rate asked for | realised / asked for |", "|---|---|---|"]
    for method, rate in product(METHODS, RATES):
        mean, error = budget.realised(method, rate, BASELINES)
        lines.append(f"| {method} | {rate:g} | {mean:.3f} ± {error:.3f} |")
    return "\n".join(lines)


def report(measured: list[Measured]) -> str:
    """Return everything as Markdown."""
    exact = next(one for one in measured if one.labelled.name == "digits")
    timed = measured[0]
    areas = (
        "Area under the ROC curve on labelled data that scikit-learn and river carry; each method is fitted on the "
        "rows it scores, pyod has its defaults. With 10 to 21 outliers an area has a "
        "standard error of .02 to .08 (Hanley and McNeil). "
        f"Run on {datetime.now(UTC):%Y-%m-%d}; `python -m benchmarks.outliers` writes it."
    )
    same = (
        "On digits every value has a cell of its own: there our ECOD scores differ from pyod's by "
        f"{exact.apart:.0e} at most."
    )
    rates = (
        f"Scoring {BATCH:,} rows of {timed.labelled.name} ({timed.labelled.rows.shape[1]} features) against a fitted "
        "baseline, one thread, best of several runs. pyod's ECOD sorts baseline and new rows together each time; "
        "tables only look up."
    )
    budgets = (
        f"Outliers among {budget.FRESH:,} fresh rows; cut-off from {budget.ROWS:,} baseline rows of {budget.FEATURES} "
        f"features, mean of {BASELINES} baselines and its standard error."
    )
    return "\n\n".join([areas, accuracy(measured), same, rates, speed(timed), budgets, kept()])


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="a page with the markers `<!-- outliers -->`")
    asked = parser.parse_args()
    text = report(measure_all())
    print(text)
    if asked.write:
        put(asked.write, "outliers", text)


if __name__ == "__main__":
    main()
