"""Do fresh rows of numbers, keys and nulls together keep the budget? The realised rate of outliers over the one asked.

`python -m benchmarks.outliers.mixed [--baselines 20]` prints it for keys of every kind.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers import OutlierTables, outlier_cutoff
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.spec.monitor_spec import OutlierMethod
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

KEYS: dict[str, tuple[int, float]] = {
    "flat, 60": (60, 0.0),
    "flat, 2,000": (2_000, 0.0),
    "flat, 20,000": (20_000, 0.0),
    "Zipf 1, 300": (300, 1.0),
    "Zipf 1, 20,000": (20_000, 1.0),
    "Zipf 1.5, 20,000": (20_000, 1.5),
    "Zipf .7, 60,000": (60_000, 0.7),
}
"""How many keys there are, and the power of their rank by which their shares fall."""
RATES = (1e-2, 1e-3)
NUMBERS, NULLS = 3, 0.02
SCHEMA = Schema((*(Field(f"x{j}", Kind.NUMERIC) for j in range(NUMBERS)), Field("key", Kind.CATEGORICAL)))


def draw(rng: np.random.Generator, rows: int, key: str) -> Columns:
    """Draw a normal, a lognormal and a count with nulls, and keys."""
    values = np.column_stack([rng.normal(size=rows), rng.lognormal(size=rows), rng.poisson(3.0, rows)])
    missing = np.where(rng.random(values.shape) < NULLS, Missing.NULL, Missing.PRESENT).astype(np.uint8)
    values[missing == Missing.NULL] = np.nan
    count, slope = KEYS[key]
    weights = np.arange(1, count + 1) ** -slope
    codes = rng.choice(count, rows, p=weights / weights.sum())
    return Columns(rows, values, missing, (codes.astype(str).astype(object),), (None,))


def realised(key: str, method: OutlierMethod, number: int, rows: int, fresh: int) -> NDArray[np.float64]:
    """Return the share of fresh rows above the cut-off over that asked for, at each rate, against one baseline."""
    rng = np.random.default_rng([20_261_128, number])
    training = draw(rng, rows, key)
    columns = {f"x{j}": column for j, column in enumerate(training.numeric.T)} | {"key": training.categorical[0]}
    summary = Summary.empty(build_layout(SCHEMA, columns), exact=True)
    summary.update(training, Role.FEATURE)
    scores = OutlierTables.of_training(summary, method).score(training)[0]
    later = OutlierTables.from_summary(summary, method).score(draw(rng, fresh, key))[0]
    cutoffs = [outlier_cutoff(scores, rate) for rate in RATES]
    shares = [np.nan if cutoff is None else float(np.mean(later > cutoff)) for cutoff in cutoffs]
    return np.array(shares) / RATES


def main() -> None:
    """Print realised over asked rates, with the standard error of their mean over baselines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=20)
    parser.add_argument("--rows", type=int, default=50_000)
    asked = parser.parse_args()
    print(f"realised / asked at {RATES}, {asked.rows:,} rows, {asked.baselines} baselines")
    for key in KEYS:
        for method in ("ecod", "hbos"):
            ratios = np.array([realised(key, method, i, asked.rows, asked.rows) for i in range(asked.baselines)])
            error = ratios.std(axis=0, ddof=1) / np.sqrt(len(ratios))
            told = ", ".join(f"{m:.2f} ± {e:.2f}" for m, e in zip(ratios.mean(axis=0), error, strict=True))
            print(f"{key}, {method}: {told}", flush=True)


if __name__ == "__main__":
    main()
