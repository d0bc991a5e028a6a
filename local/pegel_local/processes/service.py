"""A service of the local system: a command, its log, and the question whether it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from pegel.data.server_answers import ServerAnswer, exchange
from pegel.errors import Unavailable
from pegel_local.processes import process_control
from pegel_local.processes.process_id import ProcessId

LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What to run and how to see that it works. `healthy` may be asked at any time and does not raise."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str]
    healthy: Callable[[], bool]
    within_s: float = 60.0

    def launch(self) -> ProcessId:
        """Start it and return at once."""
        return process_control.start(self.command, log=self.log, environment=self.environment)

    def wait(self, process: ProcessId) -> None:
        """Wait until it works. Raises Unavailable with the last lines of its log when it ends or takes too long."""
        deadline = time.monotonic() + self.within_s
        while time.monotonic() < deadline and process.alive:
            if self.healthy():
                return
            time.sleep(LOOK_EVERY_S)
        happened = f"it still does not answer after {self.within_s:g} s" if process.alive else "it ended"
        raise Unavailable(
            f"{self.name} did not start: {happened}.\n{process_control.last_lines(self.log)}\nLog: {self.log}"
        )


def answers_ok(url: str, timeout_s: float = 5.0) -> bool:
    """Say whether an address answers with status 200."""
    return fetch(url, timeout_s) is not None


def fetch(url: str, timeout_s: float = 5.0) -> bytes | None:
    """Return what a loopback address answers if its status is 200, else None, and is not too long."""
    answer = exchange("GET", url, within=timedelta(seconds=timeout_s))
    if not isinstance(answer, ServerAnswer) or answer.status != HTTPStatus.OK or not answer.is_whole:
        return None
    return answer.body
