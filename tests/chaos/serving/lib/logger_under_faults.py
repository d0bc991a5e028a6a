"""A logger that is started, asked and started again while faults happen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import processes
from waiting import wait_until

from pegel_local.kafka.broker import Broker

Starter = Callable[..., processes.Service]
QUEUE_MIB = 16


def begin(services: Starter, broker: Broker, folder: Path, *options: str) -> processes.Service:
    """Start a logger that gives the broker one second before it goes to disk."""
    folder.mkdir(exist_ok=True)
    flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--delivery-timeout", "1")
    return services("pegel_serving.logger", *flat, "--queue-mib", str(QUEUE_MIB), *options, log=folder / "logger.log")


def how_often() -> int:
    """Return how many times a process is killed at a moment of chance."""
    return int(os.environ.get("CHAOS_KILLS", "2"))


def drained(logger: processes.Service) -> bool:
    """Wait until nothing waits in a logger any more; say whether that came to be."""
    return wait_until(lambda: processes.readiness(logger.url)["waiting_events"] == 0, within_s=300)


def dropped(logger: processes.Service) -> float:
    """Return how many events a logger says are lost."""
    return processes.metric(logger.url, "pegel_logger_events_dropped_total")
