"""`python -m pegel_serving.train_delays --data DIR --out DIR --features DIR --traffic DIR`: the demonstration's model.

It predicts a flight's air time (minutes) from what is known at take-off. Everything is seeded: the same data gives the
same model, the same registered training data and the same traffic. Only the flights that are known by name are dated
from now on: a store of features is about the present.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from pegel.errors import PegelError
from pegel.featurestore import LocalFeatureStore, SourceRef, TimeRange
from pegel_serving import flights, named_flights
from pegel_serving.metadata import MODEL_FILE, Metadata

SEED = 20150101
HELD_OUT = 0.15
FOLDS = 5
LATER_TRAINING = "later_training.parquet"
"""Rows of July and Christmas with predictions: what the training data may be replaced by."""


def pipeline() -> Pipeline:
    """Return the untrained model: airlines one-hot, everything else as it is (the trees take missing numbers)."""
    airline = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float64)
    columns = ColumnTransformer([("airline", airline, [0])], remainder="passthrough")
    return Pipeline([("columns", columns), ("trees", HistGradientBoostingRegressor(max_iter=80, random_state=SEED))])


def split(data: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training rows (with a known target) and held-out rows of the training period, the latter shuffled."""
    period = flights.within(data, flights.TRAINING)
    order = np.random.default_rng(SEED).permutation(len(period))
    held_out = round(HELD_OUT * len(period))
    train = period.iloc[np.sort(order[held_out:])]
    return train[train[flights.TARGET].notna()], period.iloc[order[:held_out]]


def predict_out_of_fold(train: pd.DataFrame) -> NDArray[np.float64]:
    """Return a prediction for each training row by a model that did not see it.

    On rows it was trained on a model is better than it will ever be again, and a baseline of such predictions would
    make honest traffic look changed.
    """
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    target = train[flights.TARGET].to_numpy(np.float64)
    return np.asarray(cross_val_predict(pipeline(), flights.matrix(train), target, cv=folds), dtype=np.float64)


def features(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the columns that the model takes; a missing number is null."""
    numbers = {name: pa.array(rows[name].to_numpy(np.float64), from_pandas=True) for name in flights.FEATURES[1:]}
    return {"airline": pa.array(rows["airline"].tolist(), pa.string())} | numbers


def outcomes(rows: pd.DataFrame) -> pa.Array:
    """Return how many minutes each flight was in the air; null where nobody noted it."""
    return pa.array(rows[flights.TARGET].to_numpy(np.float64), from_pandas=True)


def register(root: Path, name: str, version: int, train: pd.DataFrame, predicted: NDArray[np.float64]) -> SourceRef:
    """Keep features, predictions and outcomes of the training rows in the feature store.

    Raises PermanentError if other rows are kept under this name and version.
    """
    columns = features(train) | {flights.TARGET: predicted, flights.FLOWN: outcomes(train)}
    period = TimeRange(flights.TRAINING.start, flights.TRAINING.end)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.parquet"
        pq.write_table(pa.table(columns), path)
        return LocalFeatureStore(root).register_training_data(
            name, version, path, flights.SCHEMA, period, split="train"
        )


def write_traffic(path: Path, rows: pd.DataFrame) -> int:
    """Write the features of rows, for `pegel traffic`, and beside them what really was. Returns the number of rows."""
    pq.write_table(pa.table(features(rows)), path)
    pq.write_table(pa.table({flights.FLOWN: outcomes(rows)}), path.with_suffix(".outcomes"))
    return len(rows)


def write_later(folder: Path, periods: Iterable[pd.DataFrame], model: Pipeline) -> int:
    """Write training data of the later periods, with what the model answers, and the same flights as traffic, shuffled.

    Returns the number of rows.
    """
    rows = pd.concat(list(periods))
    predicted = model.predict(flights.matrix(rows))
    columns = features(rows) | {flights.TARGET: predicted, flights.FLOWN: outcomes(rows)}
    pq.write_table(pa.table(columns), folder / LATER_TRAINING)
    order = np.random.default_rng(SEED + 2).permutation(len(rows))
    return write_traffic(folder / "later.parquet", rows.iloc[order])


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Train, register and write the traffic. Returns what was done, as plain JSON."""
    data = flights.read(options.data)
    train, held_out = split(data)
    target = train[flights.TARGET].to_numpy(np.float64)
    # A fit takes half a second on one core; a pool of threads that waits for busy cores makes it many.
    with threadpool_limits(limits=1):
        predicted = predict_out_of_fold(train)
        model = pipeline().fit(flights.matrix(train), target)
    for folder in (options.out, options.traffic):
        folder.mkdir(parents=True, exist_ok=True)
    # First, because it may be refused: no model is written for data that it was not fitted on.
    source = register(options.features, options.name, options.version, train, predicted)
    joblib.dump(model, options.out / MODEL_FILE, compress=3)
    Metadata(options.name, options.version, flights.SCHEMA).write(options.out)
    shuffled = np.random.default_rng(SEED + 1)
    later = {name: flights.within(data, period) for name, period in flights.PERIODS.items()}
    written = {"january": write_traffic(options.traffic / "january.parquet", held_out)}
    for name, rows in later.items():
        order = shuffled.permutation(len(rows))
        written[name] = write_traffic(options.traffic / f"{name}.parquet", rows.iloc[order])
    airlines = held_out["airline"].tolist()
    written["later"] = write_later(options.traffic, later.values(), model)
    written["named"] = named_flights.write(options.traffic, features(held_out), airlines, datetime.now(UTC))
    return {
        "model": str(options.out),
        "source": str(source),
        "rows": len(train),
        "mean_absolute_error_min": round(float(np.abs(predicted - target).mean()), 2),
        "traffic": written,
    }


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.train_delays", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {' and '.join(flights.FILES)}")
    parser.add_argument("--out", type=Path, required=True, help="folder for the fitted model")
    parser.add_argument("--features", type=Path, required=True, help="root of the local feature store")
    parser.add_argument(
        "--traffic",
        type=Path,
        required=True,
        help="folder for january, july, december, later, later_training, flights and named_flights .parquet",
    )
    parser.add_argument("--name", default="delays")
    parser.add_argument("--version", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run once and print one JSON line. Returns the exit code."""
    try:
        done = run(parse(arguments))
    except PegelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(orjson.dumps(done).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
