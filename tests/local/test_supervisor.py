"""The supervisor of a job: one per folder, outlives its starter, leaves nothing behind, restarts within bounds."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_until

from pegel.errors import Unavailable
from pegel_local.processes import process_control
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.processes.supervisor import NOTHING_TO_DO, rotate
from pegel_local.processes.supervisor_files import Launch, SupervisorState

ENVIRONMENT = process_control.scrubbed(os.environ)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[SupervisedProcess]:
    """Name a folder, and end what runs there after the test."""
    folder = SupervisedProcess(tmp_path / "job")
    yield folder
    folder.stop(grace_s=1.0)


def launch(code: str, **options: object) -> Launch:
    """Return a launch of Python code."""
    return Launch(command=(sys.executable, "-c", code), fingerprint="f", **options)  # type: ignore[arg-type]


def ended(supervised: SupervisedProcess) -> SupervisorState:
    """Wait until nothing runs in the folder and return what was last seen."""
    assert wait_until(lambda: not supervised.files.running)
    state = supervised.files.state()
    assert state is not None
    return state


SLEEP = "import time; time.sleep(60)"
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
while True: time.sleep(0.05)
"""


def test_the_exit_code_is_kept(supervised: SupervisedProcess) -> None:
    """A command that ends by itself leaves its exit code in the state."""
    supervised.start(launch("raise SystemExit(3)"), ENVIRONMENT)

    assert ended(supervised).exit_code == 3


def test_a_second_start_changes_nothing(supervised: SupervisedProcess) -> None:
    """While a command runs, another one is not started in its folder."""
    first = supervised.start(launch(SLEEP, generation=1), ENVIRONMENT)
    second = supervised.start(launch(SLEEP, generation=2), ENVIRONMENT)
    state = supervised.files.state()

    assert (True, False) == (first, second)
    assert state is not None
    assert state.generation == 1


def test_a_command_may_tidy_up(supervised: SupervisedProcess) -> None:
    """SIGTERM is handed on, and a command that ends in time decides its own exit code."""
    supervised.start(launch(POLITE), ENVIRONMENT)
    assert wait_until(lambda: "ready" in process_control.last_lines(supervised.files.log))
    supervised.stop(grace_s=10.0)

    assert ended(supervised).exit_code == 0


def test_a_command_that_will_not_end_is_killed(supervised: SupervisedProcess) -> None:
    """After the grace nothing of the command lives."""
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    supervised.start(launch(stubborn), ENVIRONMENT)
    assert wait_until(lambda: "ready" in process_control.last_lines(supervised.files.log))
    supervised.stop(grace_s=0.2)
    state = ended(supervised)

    assert state.process is not None
    assert not state.process.alive


def test_what_a_killed_command_left_is_ended(supervised: SupervisedProcess, tmp_path: Path) -> None:
    """A child of a command that was killed does not outlive it: a Java machine without its driver, for example."""
    note = tmp_path / "child"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    supervised.start(launch(code), ENVIRONMENT)
    assert wait_until(lambda: note.exists() and note.read_text() != "")
    child = ProcessId.of(int(note.read_text()))
    state = supervised.files.state()
    assert state is not None
    assert state.process is not None
    os.kill(state.process.pid, signal.SIGKILL)

    assert ended(supervised).exit_code == -signal.SIGKILL
    assert not child.alive


def test_a_killed_supervisor_does_not_make_its_command_look_gone(supervised: SupervisedProcess) -> None:
    """The lock is held as long as supervisor or command lives, so no second command is started beside an orphan."""
    supervised.start(launch(SLEEP), ENVIRONMENT)
    state = supervised.files.state()
    assert state is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    assert wait_until(lambda: not state.supervisor.alive)

    assert supervised.files.running
    assert not supervised.start(launch(SLEEP, generation=2), ENVIRONMENT)


def test_an_orphan_can_be_stopped(supervised: SupervisedProcess) -> None:
    """A command whose supervisor was killed is ended by `stop`."""
    supervised.start(launch(SLEEP), ENVIRONMENT)
    state = supervised.files.state()
    assert state is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    supervised.stop(grace_s=5.0)

    assert not supervised.files.running


def test_failures_are_restarted_within_bounds(supervised: SupervisedProcess, tmp_path: Path) -> None:
    """A command that fails again and again is started once and restarted as often as it was told."""
    note = tmp_path / "starts"
    code = f"open({str(note)!r}, 'a').write('x'); raise SystemExit(1)"
    supervised.start(launch(code, restarts=2, first_pause_s=0.05), ENVIRONMENT)
    state = ended(supervised)

    assert (2, 1) == (state.restarted, state.exit_code)
    assert note.read_text() == "xxx"


def test_success_is_not_restarted(supervised: SupervisedProcess, tmp_path: Path) -> None:
    """A command that ends well is not started again."""
    note = tmp_path / "starts"
    supervised.start(launch(f"open({str(note)!r}, 'a').write('x')", restarts=5), ENVIRONMENT)
    ended(supervised)

    assert note.read_text() == "x"


def test_airflow_and_python_path_stay_outside(
    supervised: SupervisedProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A job inherits neither Airflow's variables nor the starter's import path."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "secret")
    note = tmp_path / "environment"
    code = f"import os; open({str(note)!r}, 'w').write(' '.join(sorted(os.environ)))"
    supervised.start(launch(code), process_control.scrubbed(os.environ, PEGEL_HOME="here"))
    ended(supervised)
    names = note.read_text().split()

    assert [] == [name for name in names if name.startswith(("AIRFLOW", "PYTHONPATH"))]
    assert "PEGEL_HOME" in names


def test_a_program_that_is_missing_is_told(supervised: SupervisedProcess) -> None:
    """A command that cannot be started at all is an error of `start`, with the reason."""
    with pytest.raises(Unavailable, match="No such file"):
        supervised.start(Launch(command=("/nowhere/program",), fingerprint="f"), ENVIRONMENT)


def test_a_log_is_bounded(tmp_path: Path) -> None:
    """A full log is moved aside, once, and the writer goes on in an empty one."""
    log = tmp_path / "log"
    with log.open("ab") as writer:
        writer.write(b"old" * 10)
        writer.flush()
        rotate(log, 30)
        writer.write(b"new")

    assert (b"new", b"old" * 10) == (log.read_bytes(), (tmp_path / "log.1").read_bytes())


def test_what_is_told_to_a_job_is_private(supervised: SupervisedProcess) -> None:
    """Nobody but the owner reads the folder, and settings, which may hold a password, are in no file of it."""
    url = "postgresql://pegel:secret-word@127.0.0.1/pegel"
    supervised.start(launch(SLEEP), ENVIRONMENT | {"PEGEL_DATABASE_URL": url})
    files = [path for path in supervised.folder.iterdir() if path.is_file()]

    assert 0o700 == stat.S_IMODE(supervised.folder.stat().st_mode)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}
    assert [] == [path.name for path in files if b"secret-word" in path.read_bytes()]


def test_a_full_disk_ends_nothing(supervised: SupervisedProcess, tmp_path: Path) -> None:
    """While the disk takes nothing, the command is still restarted; what was refused is counted, and written later."""
    go = tmp_path / "go"
    code = f"import pathlib, sys, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\n{SLEEP}"
    supervised.start(launch(code, restarts=5, first_pause_s=0.05), ENVIRONMENT)
    before = supervised.files.state()
    assert before is not None
    assert before.process is not None
    limits = resource.prlimit(before.supervisor.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(before.supervisor.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    os.kill(before.process.pid, signal.SIGKILL)
    assert wait_until(lambda: not before.process.alive)  # type: ignore[union-attr]  # narrowed above
    time.sleep(0.5)
    during = supervised.files.state()
    resource.prlimit(before.supervisor.pid, resource.RLIMIT_FSIZE, limits)

    def written() -> bool:
        state = supervised.files.state()
        return state is not None and state.restarted == 1 and state.process is not None and state.process.alive

    assert before == during
    assert wait_until(written)
    after = supervised.files.state()
    assert after is not None
    assert after.refused_writes >= 2


def test_a_log_is_bounded_on_a_full_disk_too(tmp_path: Path) -> None:
    """Where there is no room for the older part, that is lost and said; the log itself does not grow on."""
    log = tmp_path / "log"
    log.write_bytes(b"old" * 1_000)
    (tmp_path / "log.1").mkdir()

    with pytest.raises(IsADirectoryError):
        rotate(log, 30)
    assert 0 == log.stat().st_size


@pytest.mark.parametrize("content", ["", '{"supervisor": {"pid"', "[]", '{"supervisor": null}'])
def test_a_torn_state_hides_no_job_and_can_be_stopped(supervised: SupervisedProcess, content: str) -> None:
    """Whoever holds the lock is what runs, whatever became of the file that should name it."""
    supervised.start(launch(SLEEP), ENVIRONMENT)
    state = supervised.files.state()
    assert state is not None
    (supervised.folder / "state.json").write_text(content, encoding="utf-8")
    seen = (supervised.files.running, supervised.files.state(), supervised.files.damage())
    supervised.stop(grace_s=5.0)

    assert (True, None, str(supervised.folder / "state.json")) == seen
    assert (False, False) == (supervised.files.running, state.process is not None and state.process.alive)


def test_a_supervisor_without_a_launch_says_so(supervised: SupervisedProcess) -> None:
    """A damaged launch.json starts nothing, with a sentence."""
    supervised.folder.mkdir()
    (supervised.folder / "launch.json").write_text('{"command"', encoding="utf-8")
    command = [sys.executable, "-m", "pegel_local.processes.supervisor", str(supervised.folder)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)

    assert (NOTHING_TO_DO, f"expected a readable launch.json in {supervised.folder}; nothing was started\n") == (
        done.returncode,
        done.stderr,
    )
