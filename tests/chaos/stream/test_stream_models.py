"""Damage and wrong clocks of one model or one producer: no other model, and no honest event, pays for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from event_load import BEHIND
from fault_outcomes import FaultOutcome
from fault_scene import FaultScene
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from pegel.testing.samples import brief_spec

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]
DAY = timedelta(days=1)
CLOCKS = {
    "a day ahead": (DAY,) * 100,
    "a day behind": (-DAY,) * 100,
    "jumping": (DAY, -DAY, timedelta(hours=3), timedelta(hours=-3)) * 25,
}
"""By how much a producer's clock is wrong, event by event."""


def test_a_damaged_baseline_costs_its_own_model_alone(scene: FaultScene, outcomes: list[FaultOutcome]) -> None:
    """The group starts with it, judges its other models exactly, and says which model fails and why."""
    world, wire = scene.drivers.world, scene.drivers.wire
    damaged = world.watch(brief_spec("fraud", namespace=wire.namespace, watch={"outliers_per_day": 250}))
    path = world.settings.home / "pegel.db"
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        database.execute("UPDATE baselines SET document = x'00' WHERE id = ?", (damaged.id,))
    scene.drivers.kill()
    scene.drivers.start(2)
    scene.goes_on()
    scene.drivers.send(0, 20, world.now() - timedelta(seconds=90), "fraud-v1")
    scene.drivers.wait(lambda: world.results.failures("fraud", 1))
    outcome = scene.outcome("baseline of another model damaged")
    outcomes.append(outcome)
    (failure,) = world.results.failures()

    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert ("fraud", True) == (failure.model, "damaged" in failure.reason or damaged.id in failure.reason)


def let_any_time_pass(wire: Any) -> None:
    """Let the topic take records of the future, too: brokers refuse them beyond an hour, unless told not to."""
    with closing(KafkaAdminClient(bootstrap_servers=wire.address)) as admin:
        wanted = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, wire.topic, configs=wanted)])


@pytest.mark.parametrize("clock", sorted(CLOCKS))
def test_a_wrong_clock_costs_no_honest_event(scene: FaultScene, outcomes: list[FaultOutcome], clock: str) -> None:
    """Events of the future are clamped, those of the past late, each counted; all windows of honest ones are exact."""
    wire, rng = scene.drivers.wire, np.random.default_rng(2)
    before = len(scene.load.sent)
    let_any_time_pass(wire)
    for number, wrong in enumerate(CLOCKS[clock]):
        wire.pair(f"wrong{number}", scene.drivers.world.now() - BEHIND + wrong, rng)
    wire.producer.flush()
    scene.drivers.wait(lambda: scene.drivers.accounts()[0] > before + 3_000)
    outcome = scene.outcome(f"200 events of a clock {clock}")
    outcomes.append(outcome)
    behind = sum(wrong < -timedelta(hours=1) for wrong in CLOCKS[clock])

    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert 2 * behind == sum(row.late for row in scene.drivers.world.results.ledger("delays", 1))
    assert (len(scene.load.sent) + 200,) * 2 == scene.drivers.accounts()
