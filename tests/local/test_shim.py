"""The guardian of a job: one per folder, outlives its starter, leaves nothing behind, restarts within bounds."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pegel.errors import Unavailable
from pegel_local import processes
from pegel_local.guarded_process import Guarded
from pegel_local.shim import rotate
from pegel_local.shim_files import Launch, ShimState

PATIENCE_S = 20.0


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """Name a folder, and end what runs there after the test."""
    folder = Guarded(tmp_path / "job")
    yield folder
    folder.stop(grace_s=1.0)


def launch(code: str, **options: object) -> Launch:
    """Return a launch of Python code."""
    return Launch(command=(sys.executable, "-c", code), fingerprint="f", **options)  # type: ignore[arg-type]


def eventually(look: Callable[[], bool]) -> bool:
    """Wait until a look succeeds; say whether it did."""
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ended(guarded: Guarded) -> ShimState:
    """Wait until nothing runs in the folder and return what was last seen."""
    assert eventually(lambda: not guarded.files.running)
    state = guarded.files.state()
    assert state is not None
    return state


SLEEP = "import time; time.sleep(60)"
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
while True: time.sleep(0.05)
"""


def test_the_exit_code_is_kept(guarded: Guarded) -> None:
    """A command that ends by itself leaves its exit code in the state."""
    guarded.start(launch("raise SystemExit(3)"))

    assert ended(guarded).exit_code == 3


def test_a_second_start_changes_nothing(guarded: Guarded) -> None:
    """While a command runs, another one is not started in its folder."""
    first = guarded.start(launch(SLEEP, generation=1))
    second = guarded.start(launch(SLEEP, generation=2))
    state = guarded.files.state()

    assert (True, False) == (first, second)
    assert state is not None
    assert state.generation == 1


def test_a_command_may_tidy_up(guarded: Guarded) -> None:
    """SIGTERM is handed on, and a command that ends in time decides its own exit code."""
    guarded.start(launch(POLITE))
    assert eventually(lambda: "ready" in processes.last_lines(guarded.files.log))
    guarded.stop(grace_s=10.0)

    assert ended(guarded).exit_code == 0


def test_a_command_that_will_not_end_is_killed(guarded: Guarded) -> None:
    """After the grace nothing of the command lives."""
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    guarded.start(launch(stubborn))
    assert eventually(lambda: "ready" in processes.last_lines(guarded.files.log))
    guarded.stop(grace_s=0.2)
    state = ended(guarded)

    assert state.process is not None
    assert not state.process.alive


def test_what_a_killed_command_left_is_ended(guarded: Guarded, tmp_path: Path) -> None:
    """A child of a command that was killed does not outlive it: a Java machine without its driver, for example."""
    note = tmp_path / "child"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    guarded.start(launch(code))
    assert eventually(lambda: note.exists() and note.read_text() != "")
    child = processes.ProcessId.of(int(note.read_text()))
    state = guarded.files.state()
    assert state is not None
    assert state.process is not None
    os.kill(state.process.pid, signal.SIGKILL)

    assert ended(guarded).exit_code == -signal.SIGKILL
    assert not child.alive


def test_a_killed_guardian_does_not_make_its_command_look_gone(guarded: Guarded) -> None:
    """The lock is held as long as shim or command lives, so no second command is started beside an orphan."""
    guarded.start(launch(SLEEP))
    state = guarded.files.state()
    assert state is not None
    os.kill(state.shim.pid, signal.SIGKILL)
    assert eventually(lambda: not state.shim.alive)

    assert guarded.files.running
    assert not guarded.start(launch(SLEEP, generation=2))


def test_an_orphan_can_be_stopped(guarded: Guarded) -> None:
    """A command whose guardian was killed is ended by `stop`."""
    guarded.start(launch(SLEEP))
    state = guarded.files.state()
    assert state is not None
    os.kill(state.shim.pid, signal.SIGKILL)
    guarded.stop(grace_s=5.0)

    assert not guarded.files.running


def test_failures_are_restarted_within_bounds(guarded: Guarded, tmp_path: Path) -> None:
    """A command that fails again and again is started once and restarted as often as it was told."""
    note = tmp_path / "starts"
    code = f"open({str(note)!r}, 'a').write('x'); raise SystemExit(1)"
    guarded.start(launch(code, restarts=2, first_pause_s=0.05))
    state = ended(guarded)

    assert (2, 1) == (state.restarted, state.exit_code)
    assert note.read_text() == "xxx"


def test_success_is_not_restarted(guarded: Guarded, tmp_path: Path) -> None:
    """A command that ends well is not started again."""
    note = tmp_path / "starts"
    guarded.start(launch(f"open({str(note)!r}, 'a').write('x')", restarts=5))
    ended(guarded)

    assert note.read_text() == "x"


def test_airflow_and_python_path_stay_outside(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A job inherits neither Airflow's variables nor the starter's import path."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "secret")
    note = tmp_path / "environment"
    code = f"import os; open({str(note)!r}, 'w').write(' '.join(sorted(os.environ)))"
    guarded.start(launch(code, environment={"PEGEL_HOME": "here"}))
    ended(guarded)
    names = note.read_text().split()

    assert [] == [name for name in names if name.startswith(("AIRFLOW", "PYTHONPATH"))]
    assert "PEGEL_HOME" in names


def test_a_program_that_is_missing_is_told(guarded: Guarded) -> None:
    """A command that cannot be started at all is an error of `start`, with the reason."""
    with pytest.raises(Unavailable, match="No such file"):
        guarded.start(Launch(command=("/nowhere/program",), fingerprint="f"))


def test_a_log_is_bounded(tmp_path: Path) -> None:
    """A full log is moved aside, once, and the writer goes on in an empty one."""
    log = tmp_path / "log"
    with log.open("ab") as writer:
        writer.write(b"old" * 10)
        writer.flush()
        rotate(log, 30)
        writer.write(b"new")

    assert (b"new", b"old" * 10) == (log.read_bytes(), (tmp_path / "log.1").read_bytes())
