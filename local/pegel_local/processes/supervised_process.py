"""Starts, looks at and ends the supervised command of one folder.

Each call may be repeated, by two callers at once too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock

from pegel.errors import Unavailable
from pegel_local.processes import process_control, shared_lock
from pegel_local.processes.private_files import private_folder, write_json
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles

START_WITHIN_S = 20.0
KILL_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class SupervisedProcess:
    """One folder whose command at most one supervisor runs."""

    folder: Path

    @property
    def files(self) -> SupervisorFiles:
        """Return where its files are."""
        return SupervisorFiles(self.folder)

    def start(
        self,
        launch: Launch,
        environment: Mapping[str, str],
        documents: Mapping[str, Any] = MappingProxyType({}),
    ) -> bool:
        """Start the command unless one runs here, and wait until its process exists. Return whether it was started.

        `environment` is the whole environment of supervisor and command; it is written nowhere. `documents` are JSON
        files, by name, that the command reads: written only if it is started. Raises Unavailable when the supervisor
        does not come up, or the disk has no room for what it has to be told.
        """
        with self._one_at_a_time():
            if self.files.running:
                return False
            try:
                (self.folder / "stop").unlink(missing_ok=True)
                for name, content in documents.items():
                    write_json(self.folder / name, content)
                self.files.write_launch(launch)
                self.files.forget()
            except OSError as error:
                raise Unavailable(f"{launch.command[0]} was not started in {self.folder}: {error}.") from error
            supervisor = process_control.start(
                [sys.executable, "-m", "pegel_local.processes.supervisor", self.folder],
                log=self.folder / "supervisor.log",
                environment=environment,
            )
            self._await_start(supervisor, launch)
            return True

    def stop(self, *, grace_s: float) -> None:
        """Ask the command to end, wait at most `grace_s`, then end it and its supervisor.

        Raises Unavailable when something of it still runs after it was killed.
        """
        if not self.folder.exists():
            return
        with self._one_at_a_time():
            # A full disk takes no file; the signal says the same.
            with suppress(OSError):
                (self.folder / "stop").touch()
            state = self.files.state()
            if state is not None:
                asked = process_control.end(state.supervisor, grace_s=grace_s)
                latest = self.files.state() or state
                # A supervisor that was killed leaves its command running, and still locked. One that was asked to end
                # has handed that on, so the command had its time.
                if latest.process is not None:
                    process_control.end(latest.process, grace_s=0.0 if asked else grace_s)
            elif self.files.running:
                # Whoever holds the lock is what runs here, whatever became of the file that should name it.
                process_control.end_all(shared_lock.holders(self.files.lock), grace_s=grace_s)
            self._await_end()

    def _one_at_a_time(self) -> FileLock:
        private_folder(self.folder)
        return FileLock(self.folder / "start-stop.lock", mode=0o600)

    def _await_start(self, supervisor: ProcessId, launch: Launch) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            state = self.files.state()
            if state is not None and state.supervisor == supervisor and (state.process or state.exit_code is not None):
                return
            if not supervisor.alive:
                break
            time.sleep(0.02)
        tail = process_control.last_lines(self.folder / "supervisor.log")
        raise Unavailable(f"the supervisor of {' '.join(launch.command)} did not start in {self.folder}.\n{tail}")

    def _await_end(self) -> None:
        deadline = time.monotonic() + KILL_WITHIN_S
        while self.files.running:
            # A command whose state was never written, or was written by a supervisor that is gone.
            process_control.kill_all(shared_lock.holders(self.files.lock))
            if time.monotonic() > deadline:
                raise Unavailable(f"something still holds {self.files.lock} {KILL_WITHIN_S:g} s after it was killed.")
            time.sleep(0.02)
