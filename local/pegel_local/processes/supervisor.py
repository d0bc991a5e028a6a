"""One detached process per job: `python -m pegel_local.processes.supervisor FOLDER`.

It runs the command of `FOLDER/launch.json` in a session of its own, holds an exclusive lock for as long as either of
the two lives, writes `state.json`, hands SIGTERM on, keeps the log bounded, starts a command that failed again as often
as it was told, and leaves nothing of the command behind. A bare child of an Airflow task would be re-parented when the
task ends and its exit code lost; that is why the supervisor exists.

A disk that is full ends nothing: what cannot be written is counted, said, and written as soon as there is room.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from pegel_local.processes import process_control, shared_lock
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles, SupervisorState

ALREADY_RUNNING = 75
"""Exit code when another supervisor holds the folder (EX_TEMPFAIL)."""
NOTHING_TO_DO = 66
"""Exit code when `launch.json` is absent or cannot be read (EX_NOINPUT)."""
STEADY_S = 60.0
"""A command that ran this long before it failed gets its full number of restarts again."""
LONGEST_PAUSE_S = 30.0
LOOK_EVERY_S = 0.1
WRITE_AGAIN_EVERY_S = 1.0


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
        self._unwritten = True
        self._tried_at = float("-inf")

    def run(self) -> int:
        """Run the command until it ends for good. Return its last exit code."""
        signal.signal(signal.SIGTERM, self._forward)
        try:
            return self._run()
        finally:
            # Whatever goes wrong in here, no command is left without a supervisor.
            if self._child is not None and self._child.poll() is None:
                process_control.kill_all([ProcessId.of(self._child.pid)])

    def _run(self) -> int:
        self._write()
        while True:
            began = time.monotonic()
            code = self._run_once()
            restarted = 0 if time.monotonic() - began > STEADY_S else self._state.restarted
            self._state = replace(self._state, restarted=restarted, exit_code=code)
            self._write()
            if code == 0 or self._stopping or restarted >= self._launch.restarts:
                return code
            self._pause()
            self._state = replace(self._state, restarted=restarted + 1)

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
        log = self._open_log()
        try:
            self._child = subprocess.Popen(  # ended and collected by this very function
                self._launch.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._files.folder,
                start_new_session=True,
                pass_fds=(self._lock,),
            )
        finally:
            os.close(log)
        identity = ProcessId.of(self._child.pid)
        self._state = replace(self._state, process=identity, exit_code=None)
        self._write()
        if self._asked_to_stop():
            # The signal fell between the start and the assignment above.
            self._child.send_signal(signal.SIGTERM)
        return self._watch(self._child, identity)

    def _open_log(self) -> int:
        try:
            return os.open(self._files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            self._refused(f"the command runs without a log: {error}")
            return os.open(os.devnull, os.O_WRONLY)

    def _watch(self, child: subprocess.Popen[bytes], identity: ProcessId) -> int:
        while True:
            try:
                code = child.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                self._bound_log()
                if self._unwritten and time.monotonic() - self._tried_at > WRITE_AGAIN_EVERY_S:
                    self._write()
            else:
                # What the command left behind: a Java machine whose Python driver was killed, for example.
                process_control.kill_all([identity])
                return code

    def _pause(self) -> None:
        pause = min(LONGEST_PAUSE_S, self._launch.first_pause_s * 2**self._state.restarted)
        deadline = time.monotonic() + pause
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)

    def _bound_log(self) -> None:
        try:
            rotate(self._files.log, self._launch.log_bytes)
        except OSError as error:
            self._refused(f"an older part of the log was lost: {error}")

    def _write(self) -> None:
        """Write the state down. A disk that does not take it is said, and tried again while the command runs."""
        self._tried_at = time.monotonic()
        try:
            self._files.write_state(self._state)
        except OSError as error:
            self._unwritten = True
            self._refused(f"state.json could not be written: {error}")
        else:
            self._unwritten = False

    def _refused(self, sentence: str) -> None:
        self._state = replace(self._state, refused_writes=self._state.refused_writes + 1)
        self._unwritten = True
        # The disk that took nothing else may not take this line either; the count above is written later.
        with suppress(OSError):
            print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - its output is its log


def rotate(log: Path, limit: int) -> None:
    """Move a log aside once it reaches `limit` bytes. The writer appends, so it goes on at the new beginning.

    Raises OSError when there is no room for the older part: then that is lost, and the log is bounded all the same.
    """
    try:
        if log.stat().st_size < limit:
            return
    except FileNotFoundError:
        # Somebody tidied up; the writer goes on in a file without a name.
        return
    older = log.with_name(f"{log.name}.1")
    try:
        shutil.copyfile(log, older)
        older.chmod(0o600)
    except OSError:
        older.unlink(missing_ok=True)
        raise
    finally:
        os.truncate(log, 0)


def main(arguments: list[str]) -> int:
    """Supervise the folder named by the only argument. Return the command's exit code, 66 or 75 when there is none."""
    files = SupervisorFiles(Path(arguments[0]))
    lock = shared_lock.acquire(files.lock)
    if lock is None:
        return ALREADY_RUNNING
    launch = files.launch()
    if launch is None:
        sys.stderr.write(f"expected a readable launch.json in {files.folder}; nothing was started\n")
        return NOTHING_TO_DO
    return Supervisor(files, launch, lock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) & 0xFF)
