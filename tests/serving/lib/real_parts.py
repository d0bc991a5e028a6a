"""Fixtures: a real broker, and the processes of this room as an operator starts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import processes
import pytest
import topics

from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths


@pytest.fixture(scope="session")
def services() -> Iterator[Callable[..., processes.Service]]:
    """Start processes of this room; all of them are ended after the tests."""
    with ExitStack() as stack:

        def begin(module: str, *options: str, log: Path) -> processes.Service:
            service = processes.start(module, *options, log=log)
            stack.callback(service.kill)
            return service

        yield begin


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker with the topics of the namespaces `default`, `other` and `traced`."""
    with Broker(tmp_path_factory.mktemp("broker"), paths.checkout().jars("broker")) as running:
        topics.create_topics(running.address, "default")
        for namespace in ("other", "traced"):
            topics.create_topics(running.address, namespace)
        yield running
