"""Whom to kill: the driver, its Java machine, its workers, or all of them at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

import psutil
from fault_scene import FaultScene
from stream_drivers import python_workers
from waiting import wait_until


def driver(scene: FaultScene) -> None:
    """Kill the Python process of a driver; nothing that it started outlives it for long."""
    own = scene.drivers.started[-1]
    orphans = psutil.Process(own.pid).children(recursive=True)
    own.kill()
    own.wait(10)
    for orphan in orphans:
        with suppress(psutil.Error):
            orphan.resume()  # one that was stopped could not end
    assert wait_until(lambda: not any(_lives(orphan) for orphan in orphans), within_s=60)


def java_machine(scene: FaultScene) -> None:
    """Kill a driver's Java machine; the driver ends by itself once it has stored what it was about to store."""
    own = scene.drivers.started[-1]
    for child in psutil.Process(own.pid).children(recursive=True):
        if child.name() == "java":
            child.kill()


def workers(scene: FaultScene) -> None:
    """Kill the processes that read and count; the driver goes on with new ones."""
    for worker in python_workers(scene.drivers.started[-1].pid):
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def everything(scene: FaultScene) -> None:
    """Kill all of it at once, as a lost machine would."""
    scene.drivers.kill()


ENDS = frozenset(("driver", "Java machine", "machine"))
"""Whose death is the end of the driver, too."""
VICTIMS: dict[str, Callable[[FaultScene], None]] = {
    "driver": driver,
    "Java machine": java_machine,
    "workers": workers,
    "machine": everything,
}


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
