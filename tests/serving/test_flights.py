"""The demonstration's data and model, on files of the same form with rows of our own."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pegel.data.columns import Role
from pegel.errors import SetupError
from pegel.featurestore import LocalFeatureStore
from pegel_serving import flights, train_delays
from pegel_serving.metadata import MODEL_FILE, Metadata

ROWS = 1500


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both files: air time is distance / 8, some flights were cancelled, some values are missing."""
    folder = tmp_path_factory.mktemp("csv")
    rng = np.random.default_rng(5)
    for name, start in zip(flights.FILES, ("2015-01-01", "2015-07-01"), strict=True):
        distance = rng.integers(100, 2500, ROWS)
        cancelled = rng.random(ROWS) < 0.05
        frame = pd.DataFrame(
            {
                "CANCELLED": cancelled.astype(int),
                "AIRLINE": rng.choice(["AA", "WN", "DL"], ROWS),
                "DEPARTURE_DELAY": np.where(cancelled, np.nan, rng.normal(10, 30, ROWS).round()),
                "TAXI_OUT": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(16, 5, ROWS).round()),
                "AIR_TIME": np.where(cancelled | (rng.random(ROWS) < 0.01), np.nan, distance / 8),
                "DISTANCE": distance,
                "DATE": (pd.Timestamp(start) + pd.to_timedelta(rng.integers(0, 181, ROWS), "D")).strftime("%Y-%m-%d"),
            }
        )
        frame.to_csv(folder / name)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> argparse.Namespace:
    """The options of one finished run."""
    return train(data, tmp_path_factory.mktemp("run"))


def train(data: Path, root: Path) -> argparse.Namespace:
    """Run the command's work."""
    folders = {"--data": data, "--out": root / "model", "--features": root / "features", "--traffic": root / "traffic"}
    options = train_delays.parse([str(text) for pair in folders.items() for text in pair])
    train_delays.run(options)
    return options


def test_cancelled_flights_are_no_rows(data: Path) -> None:
    """Features stand in schema order, and the day of the week is 1 to 7."""
    read = flights.read(data)
    raw = pd.concat([pd.read_csv(data / name) for name in flights.FILES])

    assert int((raw["CANCELLED"] == 0).sum()) == len(read)
    assert ["date", *flights.FEATURES, flights.TARGET] == list(read.columns)
    assert set(range(1, 8)) == set(read["day_of_week"])


def test_training_and_held_out_rows_share_nothing_but_the_period(data: Path) -> None:
    """15 % of the first quarter is held out; what trains has a target."""
    read = flights.read(data)
    train_rows, held_out = train_delays.split(read)
    quarter = flights.within(read, flights.TRAINING)

    assert set() == set(train_rows.index) & set(held_out.index)
    assert round(0.15 * len(quarter)) == len(held_out)
    assert quarter["date"].max() < pd.Timestamp("2015-04-01", tz="UTC")
    assert not train_rows[flights.TARGET].isna().any()


def test_registered_predictions_are_those_of_models_that_did_not_see_the_row(
    data: Path, trained: argparse.Namespace
) -> None:
    """The baseline's error is that on new rows, larger than on rows the served model was trained on."""
    store = LocalFeatureStore(trained.features)
    table = pq.read_table(store.read_training_data("local://delays?version=1&split=train"))
    train_rows, _ = train_delays.split(flights.read(data))
    target = train_rows[flights.TARGET].to_numpy()
    served = joblib.load(trained.out / MODEL_FILE).predict(flights.matrix(train_rows))
    registered = table[flights.TARGET].to_numpy()

    assert len(train_rows) == table.num_rows
    assert float(np.abs(registered - target).mean()) > float(np.abs(served - target).mean())


def test_the_feature_store_knows_schema_and_time_range(trained: argparse.Namespace) -> None:
    """Roles and units travel with the data; the model says the same of itself."""
    store = LocalFeatureStore(trained.features)
    schema = store.describe("local://delays?version=1&split=train")
    period = store.time_range("local://delays?version=1&split=train")

    assert flights.SCHEMA == schema == Metadata.read(trained.out).schema
    assert [("air_time", "min")] == [(field.name, field.unit) for field in schema.of_role(Role.PREDICTION)]
    assert period is not None
    assert (datetime(2015, 1, 1, tzinfo=UTC), datetime(2015, 4, 1, tzinfo=UTC)) == (period.start, period.end)


def test_traffic_is_real_rows(data: Path, trained: argparse.Namespace) -> None:
    """Every held-out row once, in another order, with the model's features; missing numbers are null."""
    read = flights.read(data)
    _, held_out = train_delays.split(read)
    january, december = (pq.read_table(trained.traffic / f"{name}.parquet") for name in ("january", "december"))

    assert list(flights.FEATURES) == january.column_names == december.column_names
    assert held_out["airline"].tolist() == january.column("airline").to_pylist()
    for name in flights.FEATURES[1:]:
        sent = january.column(name).to_numpy().astype(float)

        assert int(held_out[name].isna().sum()) == january.column(name).null_count
        np.testing.assert_array_equal(held_out[name].to_numpy(float), sent)
    assert january.column("taxi_out").null_count > 0
    assert len(flights.within(read, flights.PERIODS["december"])) == december.num_rows


def test_the_same_data_gives_the_same_files(data: Path, trained: argparse.Namespace, tmp_path: Path) -> None:
    """A second run writes the same training data and the same traffic, byte by byte."""
    again = train(data, tmp_path)

    for name in ("january", "july", "december", "later", "later_training"):
        first = (trained.traffic / f"{name}.parquet").read_bytes()

        assert first == (again.traffic / f"{name}.parquet").read_bytes()

    source = "local://delays?version=1&split=train"
    paths = [LocalFeatureStore(options.features).read_training_data(source) for options in (trained, again)]

    assert paths[0].name == paths[1].name


def test_later_training_data_are_answers_to_later_traffic(data: Path, trained: argparse.Namespace) -> None:
    """July and Christmas are what is registered next, with what the served model says; the same rows are traffic."""
    read = flights.read(data)
    later = pd.concat([flights.within(read, period) for period in flights.PERIODS.values()])
    rows, sent = (pq.read_table(trained.traffic / f"{name}.parquet") for name in ("later_training", "later"))
    served = joblib.load(trained.out / MODEL_FILE).predict(flights.matrix(later))

    assert [*(field.name for field in flights.SCHEMA.fields), flights.FLOWN] == rows.column_names
    np.testing.assert_array_equal(served, rows[flights.TARGET].to_numpy())
    for name in flights.FEATURES:
        assert sorted(map(str, rows[name].to_pylist())) == sorted(map(str, sent[name].to_pylist()))


def test_flights_that_are_known_by_name(trained: argparse.Namespace) -> None:
    """Each is asked for once, in order; what is known of a quarter of them is older than a day."""
    stored = pq.read_table(trained.traffic / "flights.parquet")
    asked = pq.read_table(trained.traffic / "named_flights.parquet")
    ages = [datetime.now(UTC) - updated for updated in stored.column("updated").to_pylist()]
    stale = [age > timedelta(days=1) for age in ages]

    assert [*flights.FEATURES, "flight", "updated"] == stored.column_names
    assert stored.column("flight").to_pylist() == asked.column("flight").to_pylist()
    assert len(set(asked.column("flight").to_pylist())) == asked.num_rows > 40
    assert stale[:40] == ([False] * 15 + [True] * 5) * 2


def test_missing_files_are_named(tmp_path: Path) -> None:
    """The sentence names what must be there."""
    with pytest.raises(SetupError, match=r"flight_delays_reference\.csv\.gz"):
        flights.read(tmp_path)
