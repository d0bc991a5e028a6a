"""What an online store served, as the archive has it, held against its table by Spark: point in time, by entity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from pegel.archive.row_columns import archive_schema
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.entity_keys import entity_key
from pegel.data.spans import Span
from pegel.errors import InvalidSpec
from pegel.judge.skew import DETECTOR, Skew, skew_findings
from pegel.online.private_keys import PrivateKeys
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import brief_spec
from pegel_spark.served_values import skew_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Span(NOON, NOON + timedelta(hours=1))
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC),
        Field("airline", Kind.CATEGORICAL),
        Field("delay", Kind.NUMERIC),
        Field("outcome", Kind.NUMERIC, Role.PREDICTION),
    )
)
SECRET = "a secret of sixteen bytes"  # noqa: S105  of a test
ENTITIES = 40


def wish(private: tuple[str, ...] = (), **skew: Any) -> MonitorSpec:
    """Return a spec that looks `distance` and `airline` up by flight and day, from a table."""
    online = {
        "source": "local://flights",
        "keys": ["flight", "day"],
        "features": ["distance", "airline"],
        "private": list(private),
    }
    return brief_spec(online=online, skew={"table": "parquet:/flights", "time": "updated", "behind": 0, **skew})


def table(spark: Any) -> DataFrame:
    """Return a table in which each flight of day 7 was updated twice, at 11:00 and at 12:30, with other values."""
    rows: dict[str, list[Any]] = {"flight": [], "day": [], "updated": [], "distance": [], "airline": []}
    for at, more in ((NOON - timedelta(hours=1), 0.0), (NOON + timedelta(minutes=30), 1000.0)):
        for number in range(ENTITIES):
            rows["flight"].append(f"WN{number}")
            rows["day"].append(7)
            rows["updated"].append(at)
            rows["distance"].append(number + more)
            rows["airline"].append("WN" if more else None)
    types = {"updated": pa.timestamp("us", "UTC"), "airline": pa.string()}
    arrays = {name: pa.array(values, types.get(name)) for name, values in rows.items()}
    made: DataFrame = spark.createDataFrame(pa.table(arrays))
    return made


def served(spark: Any, spec: MonitorSpec, wrong: int = 0, odd: int = 0) -> DataFrame:
    """Return archived rows: each flight at 12:10 and 12:40 with the values of that time.

    The first `wrong` have another airline. Beside them are one unknown entity, a client that named none, and `odd` rows
    that the store did not answer for.
    """
    private = PrivateKeys(spec.online.keys, spec.online.private, SECRET)
    rows: list[tuple[str, int, list[Any], float, str | None, str | None]] = []
    for minute, more in ((10, 0.0), (40, 1000.0)):
        for number in range(ENTITIES):
            keys = private.told(entity_key([f"WN{number}", 7]))
            airline = "XX" if number < wrong else "WN" if more else None
            rows.append((f"{number}-{minute}", minute, keys, number + more, airline, None))
    rows.append(("unknown", 10, private.told(entity_key(["AA1", 7])), 1.0, "AA", None))
    rows.append(("stated", 10, [None, None], 1.0, "AA", None))
    rows += [(f"odd-{at}", 10, private.told(entity_key(["WN0", 7])), 9e9, "AA", "stale") for at in range(odd)]
    schema = archive_schema(SCHEMA, spec.online.keys, {})
    columns: dict[str, list[Any]] = {name: [None] * len(rows) for name in schema.names}
    for at, (event, minute, keys, distance, airline, replaced) in enumerate(rows):
        values = {"event_id": event, "row": 0, "event_time": NOON + timedelta(minutes=minute), "replaced": replaced}
        values |= {"f_distance": distance, "f_airline": airline, "e_flight": keys[0], "e_day": keys[1]}
        for name, value in values.items():
            columns[name][at] = value
    made: DataFrame = spark.createDataFrame(pa.table(columns, schema=schema))
    return made


@pytest.mark.parametrize("private", [(), ("flight",)])
def test_what_was_served_is_what_the_table_had_then(spark: Any, private: tuple[str, ...]) -> None:
    """Both times of each flight are compared with the row of their time; keys may be hashed, numbers of any type."""
    spec = wish(private)
    skew = skew_of(served(spark, spec, odd=9), table(spark), spec, SCHEMA, HOUR, secret=SECRET)

    assert Skew(2 * ENTITIES, 1, {"distance": 0, "airline": 0}) == skew
    assert () == skew_findings(skew, spec, HOUR)


def test_a_column_that_is_computed_otherwise_is_found(spark: Any) -> None:
    """Of one feature a quarter is served otherwise: that is the finding, with its share, and not of the other."""
    spec = wish()
    skew = skew_of(served(spark, spec, wrong=ENTITIES // 4), table(spark), spec, SCHEMA, HOUR)
    (finding,) = skew_findings(skew, spec, HOUR)

    assert {"distance": 0, "airline": ENTITIES // 2} == skew.differing
    assert (DETECTOR, "airline", "batch", HOUR) == (finding.detector, finding.feature, finding.origin, finding.span)
    assert "25 % of 80 served values differ from the table (tolerated 1 %)" == finding.what


def test_a_store_may_be_filled_a_while_after_its_table(spark: Any) -> None:
    """Old values are the same for as long as the spec allows, and no longer."""
    late = table(spark).where("updated > timestamp'2026-03-01 12:15:00Z' or flight = 'WN0'")
    later = served(spark, wish()).where("event_id like '%-10'").withColumn("event_time", _at(45))
    counts = [
        skew_of(later, table(spark), wish(behind=behind), SCHEMA, HOUR).differing["distance"] for behind in (600, 1200)
    ]
    unknown = skew_of(served(spark, wish()), late, wish(), SCHEMA, HOUR).unknown

    assert [ENTITIES, 0] == counts
    # Before the first row of a flight the table has nothing of it.
    assert ENTITIES - 1 + 1 == unknown


def _at(minute: int) -> Any:
    from pyspark.sql import functions as sf

    return sf.lit(NOON + timedelta(minutes=minute))


def test_of_many_rows_a_sample_is_compared(spark: Any) -> None:
    """Memory is bounded: of more rows than are compared some are left out, and shares stay what they are."""
    rows, spec = served(spark, wish(), wrong=ENTITIES), wish()
    skew = skew_of(rows, table(spark), spec, SCHEMA, HOUR, most=40)

    assert 10 < skew.compared < 70
    assert skew.compared == skew.differing["airline"]


@pytest.mark.parametrize(
    ("dropped", "says"),
    [
        (["day"], "expected the columns day, given only"),
        (["updated"], "expected the columns updated, given only"),
        (["distance", "airline"], "expected one of the features distance, airline, given only"),
    ],
)
def test_a_table_that_lacks_what_is_named_is_refused(spark: Any, dropped: list[str], says: str) -> None:
    """The sentence names the column that is not there."""
    with pytest.raises(InvalidSpec, match=f"skew.table of delays/1: {says}"):
        skew_of(served(spark, wish()), table(spark).drop(*dropped), wish(), SCHEMA, HOUR)


def test_rows_without_entities_are_not_compared(spark: Any) -> None:
    """Rows of a time in which nobody named an entity have no column of keys at all."""
    rows = served(spark, wish()).drop("e_flight", "f_airline")

    assert Skew(0, 0, {"distance": 0, "airline": 0}) == skew_of(rows, table(spark), wish(), SCHEMA, HOUR)
