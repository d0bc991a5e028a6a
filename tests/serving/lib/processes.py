"""The processes of this room, started as an operator starts them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

READY_WITHIN_S = 120
END_WITHIN_S = 20


@dataclass
class Service:
    """A process of this room, with the address from its ready line."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(END_WITHIN_S)

    def kill(self) -> None:
        """End it whatever it does, and leave nothing open."""
        self.end(signal.SIGKILL)
        if self.process.stdout is not None:
            self.process.stdout.close()


def readiness(url: str) -> dict[str, Any]:
    """Return what a logger says of its progress."""
    told: dict[str, Any] = httpx.get(f"{url}/readyz", trust_env=False).json()
    return told


def start(module: str, *options: str, log: Path) -> Service:
    """Start `python -m module options`, and wait for its ready line."""
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *options], stdout=subprocess.PIPE, stderr=errors, env=os.environ | paths
        )
    assert process.stdout is not None
    service = Service(process, "", log)
    readable, _, _ = select.select([process.stdout], [], [], READY_WITHIN_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        service.kill()
        pytest.fail(
            f"{module} did not become ready within {READY_WITHIN_S} s; its log ends:\n{log.read_text()[-2000:]}"
        )
    service.url = json.loads(line)["url"]
    return service


def metric(url: str, name: str, **labels: str) -> float:
    """Return the sum of a metric over its labels, or over those that are as given; 0 when it has no sample yet."""
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    samples: Sequence[str] = [line for line in lines if line.partition("{")[0].partition(" ")[0] == name]
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(line.rpartition(" ")[2]) for line in samples if all(label in line for label in wanted))
