"""Where the endpoint and the driver of the demonstration run: what stages must look at beside the public interfaces."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from pegel.reconcile.actions import MOVES
from pegel.reconcile.serving_backend import EndpointStatus
from pegel.spec.settings import Settings
from pegel.store.action_log import ActionLog
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.demo.failure import StageFailed
from pegel_local.processes import process_control
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.supervisor_files import SupervisorFiles

MINUTE_S = 60.0
"""The reconciler's clock."""


class Platform(Protocol):
    """Looks at what runs, and does to it what happens to machines."""

    def endpoint(self, name: str) -> EndpointStatus:
        """Look at an endpoint now."""
        ...

    def server_log(self, endpoint: str) -> Path:
        """Return the log of an endpoint's model server."""
        ...

    def driver(self, group: str) -> SupervisorFiles:
        """Return the files of a group's streaming driver, of the newest one."""
        ...

    def kill_driver(self, group: str) -> str:
        """End a driver as a lost machine does: at once, with all it kept on disk. Return what was done, in words.

        Raises StageFailed without one.
        """
        ...

    def restart_floor(self, killed_at: datetime) -> tuple[float, str]:
        """Return the fewest seconds until anybody starts the next driver, and why so many."""
        ...

    def why_restarted(self, group: str, since: datetime) -> str:
        """Say why a driver was started after an instant; "" if nobody knows."""
        ...

    def processes(self) -> list[ProcessId]:
        """Return every process that was recorded: drivers, proxies, model servers and their supervisors."""
        ...

    def made_for_models(self) -> list[str]:
        """Name what there is now that was made for models."""
        ...


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """The backends of one machine: everything is a process below the home."""

    home: Path
    settings: Settings
    engine: Engine

    def endpoint(self, name: str) -> EndpointStatus:
        """Look at an endpoint now."""
        return LocalServingBackend(self.settings).observe(name)

    def server_log(self, endpoint: str) -> Path:
        """Return the log of an endpoint's model server."""
        return self.home / "endpoints" / endpoint / "server" / "log"

    def driver(self, group: str) -> SupervisorFiles:
        """Return the files of a group's streaming driver."""
        return SupervisorFiles(self.home / "jobs" / group)

    def kill_driver(self, group: str) -> str:
        """End the driver and its supervisor with SIGKILL, and delete all they kept on disk."""
        files = self.driver(group)
        state = files.state()
        if state is None or state.process is None:
            raise StageFailed(expected="a driver to kill", happened="no driver was ever started", log=files.log)
        process_control.kill_all([state.supervisor, state.process])
        shutil.rmtree(files.folder)
        return "driver killed and its folder deleted"

    def restart_floor(self, killed_at: datetime) -> tuple[float, str]:
        """Return the rest of the minute."""
        return MINUTE_S - (killed_at.second + killed_at.microsecond / 1e6), "the reconciler looks at each full minute"

    def why_restarted(self, group: str, since: datetime) -> str:  # noqa: ARG002 - the demonstration has one group
        """Return the reconciler's reason: it alone starts drivers here."""
        moves = [action for action in ActionLog(self.engine).recent() if action.kind in MOVES and action.at > since]
        return moves[-1].reason if moves else ""

    def processes(self) -> list[ProcessId]:
        """Return every process that was recorded below the home."""
        launches = (*self.home.glob("jobs/*/launch.json"), *self.home.glob("endpoints/*/*/launch.json"))
        return recorded(launch.parent for launch in launches)

    def made_for_models(self) -> list[str]:
        """Name the endpoints that are to serve."""
        return LocalServingBackend(self.settings).names()


def recorded(folders: Iterable[Path]) -> list[ProcessId]:
    """Return the supervisors of folders, and what they run."""
    states = (SupervisorFiles(folder).state() for folder in folders)
    return [process for state in states if state for process in (state.supervisor, state.process) if process]
