"""Hours of the archive as a writer writes them: what is read of one is always a whole write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from blueprints import give_tables
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from worlds import World

from pegel.archive.folders import Kept, written_numbers
from pegel.archive.opened_archive import open_archive
from pegel.errors import Superseded
from pegel.store.archive_store import ArchiveStore
from pegel.store.database import connect
from pegel.testing.samples import brief_spec
from pegel_spark.archive_hours import ArchiveHours

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def store(world: World) -> ArchiveStore:
    """Where writers get their numbers."""
    return ArchiveStore(connect(world.settings.database))


@pytest.fixture
def hours(spark: SparkSession, world: World, store: ArchiveStore) -> ArchiveHours:
    """The hours of a model, as a new writer writes them."""
    return ArchiveHours.of(spark, world.settings.archive_root, brief_spec(), store)


def rows(spark: SparkSession, count: int) -> DataFrame:
    """Return events of noon."""
    return spark.range(count).select(sf.lit(NOON).alias("event_time"), sf.col("id").cast("string").alias("event_id"))


def archived(hours: ArchiveHours) -> int:
    """Return how many rows somebody reads."""
    return open_archive(hours.root, "delays", 1, start=NOON, end=NOON.replace(hour=13)).count()


def test_a_write_that_fails_leaves_what_was_there(spark: SparkSession, hours: ArchiveHours) -> None:
    """Also what the same run had written before: its offsets are noted, so nobody reads these records again.

    What was left behind, and what was replaced, goes with the next write and at the end.
    """
    ArchiveHours.of(spark, hours.root, hours.spec, hours.store).write(Kept.ROWS, NOON, rows(spark, 2), 2)
    own = ArchiveHours.of(spark, hours.root, hours.spec, hours.store)
    own.write(Kept.ROWS, NOON, rows(spark, 3), 3)
    broken = rows(spark, 4).withColumn("event_id", sf.raise_error(sf.lit("the disk is full")).cast("string"))
    with pytest.raises(PySparkException, match="the disk is full"):
        own.write(Kept.ROWS, NOON, broken, 4)
    after_failure = archived(own)
    own.write(Kept.ROWS, NOON, rows(spark, 5), 5)
    while_running = written_numbers(own.listed(Kept.ROWS, NOON))
    own.end()

    assert [3, 5] == [after_failure, archived(own)]
    assert ({own.number}, 2) == (written_numbers(own.listed(Kept.ROWS, NOON)), len(while_running))


def test_a_database_made_anew_hides_no_write(spark: SparkSession, hours: ArchiveHours) -> None:
    """It knows nothing of the numbers before it: a write has one above those that lie in its hour."""
    old = replace(hours, number=hours.store.next_number("delays", 1, above=70))
    old.write(Kept.ROWS, NOON, rows(spark, 2), 2)
    with connect(f"sqlite:///{Path(hours.root).parent / 'anew.db'}").connect() as connection:
        give_tables(connection.engine)
        ArchiveHours.of(spark, hours.root, hours.spec, ArchiveStore(connection.engine)).write(
            Kept.ROWS, NOON, rows(spark, 3), 3
        )

    assert 3 == archived(hours)


def test_a_writer_that_was_overtaken_is_not_seen(spark: SparkSession, world: World, hours: ArchiveHours) -> None:
    """It ends with a sentence before anybody sees its rows, whether the other one came before or during its write."""
    database = world.settings.database

    def overtaken(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        ArchiveStore(connect(database)).next_number("delays", 1)
        yield from batches

    during = rows(spark, 1).coalesce(1).mapInArrow(overtaken, "event_time timestamp, event_id string")
    with pytest.raises(Superseded, match="expected the write 2 to be the newest; 3 has come since"):
        hours.write(Kept.ROWS, NOON, during, 1)
    with pytest.raises(Superseded, match="expected the write 2 to be the newest; 3 has come since"):
        hours.write(Kept.ROWS, NOON, rows(spark, 1), 1)

    assert [] == hours.visible(Kept.ROWS, NOON)
    assert len(hours.listed(Kept.ROWS, NOON)) > 0
