"""One detached process per job: `python -m pegel_local.processes.supervisor FOLDER`.

It runs the command of `FOLDER/launch.json` in a process group of its own, holds an exclusive lock for as long as
either of the two lives, writes `state.json`, hands SIGTERM on, keeps the log bounded, starts a command that failed
again as often as it was told, and leaves nothing of the command behind. A bare child of an Airflow task would be
re-parented when the task ends and its exit code lost; that is why the supervisor exists.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from pegel_local.processes import process_control, shared_lock
from pegel_local.processes.process_control import ProcessId
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles, SupervisorState

ALREADY_RUNNING = 75
"""Exit code when another supervisor holds the folder (EX_TEMPFAIL)."""
STEADY_S = 60.0
"""A command that ran this long before it failed gets its full number of restarts again."""
LONGEST_PAUSE_S = 30.0
LOOK_EVERY_S = 0.1


class Supervisor:
    """Runs one command to its end, restarts included."""

    def __init__(self, files: SupervisorFiles, launch: Launch, lock: int) -> None:
        """Take over a locked folder."""
        self._files = files
        self._launch = launch
        self._lock = lock
        self._stopping = False
        self._child: subprocess.Popen[bytes] | None = None
        self._state = SupervisorState(
            supervisor=ProcessId.of(os.getpid()),
            process=None,
            fingerprint=launch.fingerprint,
            generation=launch.generation,
            started_at=datetime.now(UTC),
        )

    def run(self) -> int:
        """Run the command until it ends for good. Return its last exit code."""
        signal.signal(signal.SIGTERM, self._forward)
        self._files.write_state(self._state)
        while True:
            began = time.monotonic()
            code = self._run_once()
            if time.monotonic() - began > STEADY_S:
                self._state = replace(self._state, restarted=0)
            if code == 0 or self._stopping or self._state.restarted >= self._launch.restarts:
                self._files.write_state(self._state)
                return code
            self._pause()
            self._state = replace(self._state, restarted=self._state.restarted + 1)

    def _forward(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def _asked_to_stop(self) -> bool:
        return self._stopping

    def _run_once(self) -> int:
        if self._asked_to_stop():
            # The signal came before there was a command to hand it to.
            return 0
        with self._files.log.open("ab") as log:
            self._child = subprocess.Popen(  # ended and collected by this very function
                self._launch.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=process_control.scrubbed(os.environ, **self._launch.environment),
                cwd=self._files.folder,
                start_new_session=True,
                pass_fds=(self._lock,),
            )
        identity = ProcessId.of(self._child.pid)
        self._state = replace(self._state, process=identity, exit_code=None)
        self._files.write_state(self._state)
        if self._asked_to_stop():
            # The signal fell between the start and the assignment above.
            self._child.send_signal(signal.SIGTERM)
        code = self._watch(self._child, identity)
        self._state = replace(self._state, exit_code=code)
        return code

    def _watch(self, child: subprocess.Popen[bytes], identity: ProcessId) -> int:
        while True:
            try:
                code = child.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                rotate(self._files.log, self._launch.log_bytes)
            else:
                # What the command left behind: a Java machine whose Python driver was killed, for example.
                process_control.kill_all([identity])
                return code

    def _pause(self) -> None:
        pause = min(LONGEST_PAUSE_S, self._launch.first_pause_s * 2**self._state.restarted)
        deadline = time.monotonic() + pause
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)


def rotate(log: Path, limit: int) -> None:
    """Move a log aside once it reaches `limit` bytes. The writer appends, so it goes on at the new beginning."""
    if log.stat().st_size < limit:
        return
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def main(arguments: list[str]) -> int:
    """Supervise the folder named by the only argument. Return the command's exit code, or 75 when another one does."""
    files = SupervisorFiles(Path(arguments[0]))
    lock = shared_lock.acquire(files.lock)
    if lock is None:
        return ALREADY_RUNNING
    return Supervisor(files, files.launch(), lock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) & 0xFF)
