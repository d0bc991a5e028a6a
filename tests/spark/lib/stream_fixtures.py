"""Fixtures that every test of a streaming driver needs; a conftest takes them over by importing them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from stream_drivers import Drivers
from wires import Wire, wire_to
from worlds import World, new_world

from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty registry, results database and feature store, with the training data registered."""
    return new_world(tmp_path)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker in its own JVM."""
    with Broker(tmp_path_factory.mktemp("broker"), checkout().jars("broker")) as running:
        yield running


@pytest.fixture
def wire(broker: Broker) -> Iterator[Wire]:
    """A topic of this test's own on the broker that all tests share."""
    made = wire_to(broker)
    yield made
    made.producer.close()


@pytest.fixture
def drivers(world: World, wire: Wire, tmp_path: Path) -> Iterator[Drivers]:
    """The drivers of one test; those still running afterwards are killed."""
    made = Drivers(world, wire, tmp_path / "jobs" / "default")
    yield made
    for driver in made.started:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait(10)
