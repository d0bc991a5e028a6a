"""Fixtures of the Spark room: training data, a feature store, a results database, a real broker, a Spark session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pegel.spec.settings import Settings

# What several test files use lives beside them.
sys.path.insert(0, str(Path(__file__).parent / "lib"))

from stream_fixtures import broker, drivers, wire, world

__all__ = ["broker", "drivers", "wire", "world"]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A Spark session of this process, without the Kafka connector."""
    from pegel_spark import session  # the session's environment must not be set before a test asks for it

    built = session.build("tests", Settings())
    yield built
    built.stop()
