"""What a local system writes is for its owner only, whoever of its processes writes it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pegel_local.processes import process_control
from pegel_local.processes.private_files import private_folder, private_umask, write_json

WRITER = "import os; open('made', 'w').close(); os.mkdir('folder'); open('folder/inner', 'w').close()"


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Let the umask be what most machines have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of everything below a folder."""
    return {path.name: f"{stat.S_IMODE(path.lstat().st_mode):o}" for path in folder.rglob("*")}


def current_umask() -> int:
    """Return this process's umask."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_a_started_process_makes_private_files(tmp_path: Path) -> None:
    """A program that thinks nothing of modes, its log included, leaves nothing that others may read."""
    command = ["/bin/sh", "-c", f'cd "{tmp_path}" && exec "{sys.executable}" -c "{WRITER}"']
    process = process_control.start(command, log=tmp_path / "log", environment={})
    code = process_control.exit_code(process, within_s=30)

    assert (0, {"made": "600", "folder": "700", "inner": "600", "log": "600"}) == (code, modes(tmp_path))
    assert 0o022 == current_umask()


def test_own_files_and_folders_are_private(tmp_path: Path) -> None:
    """JSON, folders and whatever is made within the private umask have no bits for others."""
    write_json(private_folder(tmp_path / "home" / "jobs") / "a.json", {})
    with private_umask():
        (tmp_path / "plain").touch()

    assert {"home": "700", "jobs": "700", "a.json": "600", "plain": "600"} == modes(tmp_path)


def test_threads_share_the_private_umask_until_the_last_is_through() -> None:
    """One thread that is through takes nothing from another that is not, and in the end it is as it was."""
    inside, done = threading.Event(), threading.Event()

    def stay() -> None:
        with private_umask():
            inside.set()
            done.wait(30)

    other = threading.Thread(daemon=True, target=stay)
    with private_umask():
        other.start()
        inside.wait(30)
    meanwhile = current_umask()
    done.set()
    other.join()

    assert (0o077, 0o022) == (meanwhile, current_umask())


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    """Its half of a file is removed; that of a process which lives is not, nor what belongs to another file."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (f".state.json.{ended.pid}", f".state.json.{os.getppid()}", f".other.json.{ended.pid}"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    write_json(tmp_path / "state.json", {})

    left = sorted(path.name for path in tmp_path.iterdir())
    assert [f".other.json.{ended.pid}", f".state.json.{os.getppid()}", "state.json"] == left


def test_what_a_process_of_another_container_is_writing_stays(tmp_path: Path) -> None:
    """Its number is nobody's here, but its file is young."""
    elsewhere = tmp_path / f".state.json.{2**22 + 1}"
    elsewhere.touch()
    write_json(tmp_path / "state.json", {})

    assert elsewhere.exists()
