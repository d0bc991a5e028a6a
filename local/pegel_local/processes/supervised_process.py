"""Starts, looks at and ends the supervised command of one folder.

Each call may be repeated, by two callers at once too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock

from pegel.errors import Unavailable
from pegel_local.processes import process_control
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles, write_json

START_WITHIN_S = 20.0
KILL_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class SupervisedProcess:
    """One folder that at most one supervisor supervises."""

    folder: Path

    @property
    def files(self) -> SupervisorFiles:
        """Return where its files are."""
        return SupervisorFiles(self.folder)

    def start(self, launch: Launch, documents: Mapping[str, Any] = MappingProxyType({})) -> bool:
        """Start the command unless one runs here, and wait until its process exists. Return whether it was started.

        `documents` are JSON files, by name, that the command reads: written only if it is started. Raises Unavailable
        when the supervisor does not come up.
        """
        with self._door():
            if self.files.running:
                return False
            (self.folder / "stop").unlink(missing_ok=True)
            for name, content in documents.items():
                write_json(self.folder / name, content)
            self.files.write_launch(launch)
            supervisor = process_control.start(
                [sys.executable, "-m", "pegel_local.processes.supervisor", self.folder],
                log=self.folder / "supervisor.log",
                environment=process_control.scrubbed(os.environ),
            )
            self._await_start(supervisor, launch)
            return True

    def stop(self, *, grace_s: float) -> None:
        """Ask the command to end, wait at most `grace_s`, then end it and its supervisor."""
        with self._door():
            state = self.files.state()
            if state is None:
                return
            (self.folder / "stop").touch()
            process_control.end(state.supervisor, grace_s=grace_s)
            latest = self.files.state() or state
            # A supervisor that was killed leaves its command running, and still locked.
            if latest.process is not None:
                process_control.end(latest.process, grace_s=grace_s)
            self._await_end()

    def _door(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / "door")

    def _await_start(self, supervisor: process_control.ProcessId, launch: Launch) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            state = self.files.state()
            if (
                state is not None
                and state.supervisor.pid == supervisor.pid
                and (state.process or state.exit_code is not None)
            ):
                return
            if not supervisor.alive:
                break
            time.sleep(0.02)
        tail = process_control.last_lines(self.folder / "supervisor.log")
        raise Unavailable(f"the supervisor of {' '.join(launch.command)} did not start in {self.folder}.\n{tail}")

    def _await_end(self) -> None:
        deadline = time.monotonic() + KILL_WITHIN_S
        while self.files.running:
            if time.monotonic() > deadline:
                raise Unavailable(f"something still holds {self.files.lock} {KILL_WITHIN_S:g} s after it was killed.")
            time.sleep(0.02)
