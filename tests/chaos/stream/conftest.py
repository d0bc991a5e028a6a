"""What the faults of the stream are tried on: real drivers, a real broker, a results database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "spark" / "lib"))
sys.path.insert(0, str(Path(__file__).parent / "lib"))

from fault_scene import FaultScene, scene_of
from stream_fixtures import broker, drivers, wire, world

__all__ = ["broker", "drivers", "wire", "world"]


@pytest.fixture(scope="session")
def kills() -> int:
    """How many times each kind of process is killed at a moment of chance."""
    return int(os.environ.get("CHAOS_KILLS", "2"))


@pytest.fixture(scope="session")
def away_s() -> float:
    """How many seconds something is away, locked or full."""
    return float(os.environ.get("CHAOS_AWAY_S", "45"))


@pytest.fixture
def scene(drivers: Any) -> Iterator[FaultScene]:
    """A model under 1,000 records a second, 5 % of them copies, and a driver that has stored its first batch."""
    with scene_of(drivers) as made:
        yield made
