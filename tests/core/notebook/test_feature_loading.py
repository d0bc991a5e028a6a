"""A table of features fills a view of an online store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pegel.data.entity_keys import entity_key
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook.feature_loading import FeatureLoad, load
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import AHEAD, FeatureVector, Loaded
from pegel.testing.manual_clock import START, ManualClock

pytestmark = pytest.mark.environments("pandas", "pyarrow")


@pytest.fixture
def store(tmp_path: Path) -> LocalOnlineStore:
    """An empty view."""
    return LocalOnlineStore(tmp_path / "online.db", "flights")


def loaded(table: Any, store: LocalOnlineStore, **arguments: Any) -> FeatureLoad:
    """Load a table of flights by their ids."""
    of_flights: dict[str, Any] = {"keys": ["flight"], "time": "at", "clock": ManualClock()}
    return load(table, store, **(of_flights | arguments))


def vectors(store: LocalOnlineStore, *parts: Any) -> list[FeatureVector | None]:
    """Look entities of one part up."""
    return asyncio.run(store.get([entity_key([part]) for part in parts], within=timedelta(seconds=10)))


def flights(**columns: list[Any]) -> pa.Table:
    """Two flights, with other columns as given."""
    return pa.table({"flight": ["WN1", "AA2"], "at": [START, START], "distance": [300, 1_200]} | columns)


def test_the_latest_row_of_each_entity(store: LocalOnlineStore) -> None:
    """Of several rows of an entity the latest is loaded, and the others are counted as older."""
    hours = [START - timedelta(hours=hour) for hour in (1, 3, 2)]
    table = pa.table({"flight": ["WN1"] * 3, "at": hours, "gate": ["A1", "A3", "A2"]})

    assert Loaded(1, 2) == loaded(table, store).loaded
    assert [FeatureVector({"gate": "A1"}, hours[0])] == vectors(store, "WN1")


def test_files_and_frames_are_the_same(store: LocalOnlineStore, tmp_path: Path) -> None:
    """A CSV file and a frame of pandas with the same content fill a store alike; ids of digits keep their zeros."""
    frame = pd.DataFrame(
        {"flight": ["007", "8"], "at": [START] * 2, "distance": [300.5, None], "carrier": ["WN", "AA"]}
    )
    frame.to_csv(tmp_path / "flights.csv", index=False)
    expected = [
        FeatureVector({"distance": 300.5, "carrier": "WN"}, START),
        FeatureVector({"distance": None, "carrier": "AA"}, START),
        None,
    ]

    loaded(str(tmp_path / "flights.csv"), store)
    assert expected == vectors(store, "007", "8", "7")
    assert 2 == loaded(frame, store).loaded.written
    assert expected == vectors(store, "007", "8", "7")


def test_numeric_ids(store: LocalOnlineStore) -> None:
    """An id that is a number in the table is found by the number and by its digits."""
    loaded(flights(flight=[7, 8]), store)

    assert vectors(store, 7) == vectors(store, "7")
    assert None not in vectors(store, 7, 8.0)


def test_rows_that_cannot_be_loaded(store: LocalOnlineStore) -> None:
    """Rows without a key, without a time or of the future are counted and set aside; all others are loaded."""
    now = START
    table = pa.table(
        {
            "flight": ["ok", None, "timeless", "ahead", "just"],
            "at": [now, now, None, now + AHEAD + timedelta(microseconds=1), now + AHEAD],
            "distance": [1, 2, 3, 4, 5],
        }
    )
    report = loaded(table, store)

    assert (
        "5 rows of distance: 2 loaded, 0 older than what the store has; set aside: 1 row without a key, 1 row "
        "without a time, 1 row dated ahead" == str(report)
    )
    assert [True, False, False, True] == [
        each is not None for each in vectors(store, "ok", "timeless", "ahead", "just")
    ]


def test_chosen_features(store: LocalOnlineStore) -> None:
    """Only the features that are named are loaded, in that order; a strange column beside them does not matter."""
    loaded(flights(gates=[["A1"], []], delay=[1.5, 2.5]), store, features=["delay", "distance"])

    assert [FeatureVector({"delay": 1.5, "distance": 300}, START)] == vectors(store, "WN1")


def test_features_that_are_texts(store: LocalOnlineStore, tmp_path: Path) -> None:
    """A feature that is said to be text is one in a file and in a frame, and is loaded beside those that are named."""
    table = flights(code=["007", "1e3"], stops=[1, None], delay=[1.5, 2.5])
    lines = "flight,at,distance,code,stops,delay\nWN1,2026-01-01,300,007,1,1.5\nAA2,2026-01-01,1200,1e3,,2.5\n"
    (tmp_path / "flights.csv").write_text(lines)
    first = FeatureVector({"distance": 300, "code": "007", "stops": "1"}, START)
    second = FeatureVector({"distance": 1_200, "code": "1e3", "stops": None}, START)

    for given in (str(tmp_path / "flights.csv"), table):
        loaded(given, store, features=["distance"], texts=["code", "stops"])
        assert [first, second] == vectors(store, "WN1", "AA2")


def test_numbers_that_are_none(store: LocalOnlineStore) -> None:
    """What is no finite number is null in a store, as JSON has no other."""
    loaded(flights(distance=[float("inf"), float("nan")]), store)

    assert [FeatureVector({"distance": None}, START)] * 2 == vectors(store, "WN1", "AA2")


def test_times_without_a_zone_are_utc(store: LocalOnlineStore) -> None:
    """A time without a zone is taken for UTC, whether it is text or a timestamp."""
    loaded(flights(at=["2025-12-31T12:00", "2025-12-31 13:00+01:00"]), store)

    noon = datetime(2025, 12, 31, 12, tzinfo=UTC)
    assert [noon, noon] == [each and each.event_time for each in vectors(store, "WN1", "AA2")]


@pytest.mark.parametrize(
    ("arguments", "columns", "message"),
    [
        ({"time": "when"}, {}, "expected the columns when, given a table of flight, at, distance"),
        ({"keys": ["flight", "leg"]}, {}, "expected the columns leg"),
        ({"features": ["distanse"]}, {}, "expected the columns distanse"),
        ({"texts": ["distanse"]}, {}, "expected the columns distanse"),
        ({"time": "distance"}, {}, "expected timestamps, dates, or text such as 2026-11-21T09:00Z in distance"),
        ({}, {"gates": [["A1"], []]}, "expected features that are numbers, texts or truth values, given gates .list"),
    ],
)
def test_refused_tables(
    store: LocalOnlineStore, tmp_path: Path, arguments: dict[str, Any], columns: dict[str, Any], message: str
) -> None:
    """A table that is not what was said of it is refused in one sentence, and nothing is loaded."""
    with pytest.raises(PermanentError, match=f"{message}.*Nothing was loaded"):
        loaded(flights(**columns), store, **arguments)

    assert [] == list(tmp_path.iterdir())


def test_nothing_but_keys(store: LocalOnlineStore) -> None:
    """A table without any feature is refused."""
    with pytest.raises(PermanentError, match="expected at least one feature"):
        loaded(flights().select(["flight", "at"]), store)


@pytest.mark.parametrize(
    "arguments",
    [{"keys": []}, {"features": []}, {"keys": ["flight", "at"]}, {"features": ["flight"]}, {"texts": ["at"]}],
)
def test_refused_arguments(store: LocalOnlineStore, arguments: dict[str, Any]) -> None:
    """No key, no feature, and a column that is two things are refused."""
    with pytest.raises(InvalidSpec, match="Nothing was loaded"):
        loaded(flights(), store, **arguments)
