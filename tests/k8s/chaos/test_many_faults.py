"""Two hundred faults of a cluster, drawn at random, one or two at a time, half of them seen by overlapping runs."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from api_server import ApiServer
from cluster_faults import OF_CALLS, RESTART, USUAL, Faults, assert_put_right
from fault_proxy import FaultProxy
from troubled_world import World

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(1_800)]
FAULTS = 200
RESTART_EVERY = 40
TABLE = Path(__file__).parents[3] / "build" / "k8s" / "chaos.txt"


def test_each_of_two_hundred_faults_is_put_right(world: World, own_server: ApiServer, proxy: FaultProxy) -> None:
    """Two periods after each, all is as desired, and no object of another monitor was ever written to."""
    drawn = random.Random(12)
    faults = Faults(world, own_server, proxy, drawn)
    counted: Counter[str] = Counter()
    moves = len(world.moves)
    while counted.total() < FAULTS:
        harmed = drawn.sample(world.specs, min(drawn.choice([1, 1, 2]), FAULTS - counted.total()))
        if counted.total() >= RESTART_EVERY * (counted[RESTART] + 1):
            done = [(RESTART, harmed[0])]
        else:
            # What is done to objects is done before calls begin to fail.
            done = sorted(((drawn.choice(USUAL), spec) for spec in harmed), key=lambda each: each[0] in OF_CALLS)
        assert_put_right(world, faults, done, at_once=drawn.random() < 0.5)
        counted.update(fault for fault, _ in done)
        TABLE.write_text(table(counted, len(world.moves) - moves))

    assert set(USUAL) <= set(counted)
    assert FAULTS == counted.total()


def table(counted: Counter[str], moves: int) -> str:
    """Return how often each fault was done, for people."""
    rows = [*sorted(counted.items()), ("in all, each put right", counted.total()), ("moves of reconciling", moves)]
    return "".join(f"{name.replace('_', ' '):32}{count:>5}\n" for name, count in rows)
