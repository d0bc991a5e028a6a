"""Whatever is done to a cluster, reconciling puts it right within two periods, and touches nothing that is well."""

from __future__ import annotations

import random

import pytest
from api_server import ApiServer
from cluster_faults import RESTART, USUAL, Faults, assert_put_right
from fault_proxy import FaultProxy
from troubled_world import World


def test_nothing_is_written_where_all_is_well(world: World) -> None:
    """Another period of monitors that are as desired changes no resource version."""
    before = world.versions()
    world.reconcile()
    world.reconcile_twice_at_once()

    assert before == world.versions()
    assert 6 == len(before)


@pytest.mark.parametrize("fault", [*USUAL, RESTART])
def test_each_fault_is_put_right(world: World, own_server: ApiServer, proxy: FaultProxy, fault: str) -> None:
    """After two periods all is as desired, and no object but the one that was harmed was written to."""
    faults = Faults(world, own_server, proxy, random.Random(7))

    assert_put_right(world, faults, [(fault, world.specs[0])])
