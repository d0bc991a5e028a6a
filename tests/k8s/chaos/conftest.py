"""Three monitors in a cluster, to which faults are done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster_access import Account
from fault_proxy import FaultProxy
from kubernetes.client import ApiClient, CustomObjectsApi
from troubled_world import World


@pytest.fixture
def world(account: Account, admin: ApiClient, connect: Callable[[Account], None], proxy: FaultProxy) -> World:
    """Three monitors that are as desired, seen through a fault proxy."""
    connect(account.through(proxy.url))
    world = World(CustomObjectsApi(admin), account.namespace)
    for _ in range(2):
        world.reconcile()
        world.settle()
    assert world.wrongs() == []
    return world
