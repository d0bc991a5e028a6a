"""Processes of the stream that are killed, at every step of a batch and at moments of chance."""

from __future__ import annotations

import random
import time

import pytest
from batch_steps import STEPS, nowhere
from fault_outcomes import FaultOutcome
from fault_scene import FaultScene
from victims import ENDS, VICTIMS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(7200)]


@pytest.mark.parametrize("victim", sorted(VICTIMS))
def test_whoever_is_killed_costs_no_event(
    scene: FaultScene, outcomes: list[FaultOutcome], kills: int, victim: str
) -> None:
    """Killed at each step of a batch, and then at moments of chance, the stream goes on exactly."""
    draw = random.Random(victim)
    for hold in [*STEPS, *[nowhere] * kills]:
        time.sleep(draw.random())
        with hold(scene):
            VICTIMS[victim](scene)
        if victim in ENDS:
            scene.next_driver()
        scene.goes_on()
    outcome = scene.outcome(f"{victim} killed at {len(STEPS)} steps and {kills} moments of chance")
    outcomes.append(outcome)

    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert (len(scene.load.sent), len(scene.load.sent)) == scene.drivers.accounts()
