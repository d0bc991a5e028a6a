"""Processes are recognised, and nobody else's is ever ended."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from waiting import wait_until

from pegel.errors import SetupError, Unavailable
from pegel_local.processes import process_control
from pegel_local.processes.process_id import ProcessId, in_session


def sleeper(tmp_path: Path, code: str = "import time; time.sleep(60)") -> ProcessId:
    """Start a process that would run for a minute."""
    return process_control.start([sys.executable, "-c", code], log=tmp_path / "log", environment=os.environ)


def test_a_process_is_ended(tmp_path: Path) -> None:
    """After `end` the process does not live; ending it again does nothing."""
    process = sleeper(tmp_path)

    assert (True, False) == (process_control.end(process), process_control.end(process))
    assert not process.alive


def test_a_reused_number_is_not_taken_for_the_process(tmp_path: Path) -> None:
    """A process with the same id and another beginning is not ours: it is left alone, with its whole session."""
    process = sleeper(tmp_path)
    others = [
        replace(process, start_ticks=process.start_ticks - 100),
        replace(process, start_ticks=process.start_ticks + 100),
        replace(process, boot="another boot"),
    ]
    ended = [(process_control.end(other), in_session(other)) for other in others]
    alive = process.alive
    process_control.end(process)

    assert ([(False, [])] * 3, True) == (ended, alive)


def test_how_a_process_is_known_holds_no_clock_time(tmp_path: Path) -> None:
    """A step of the clock disowns nobody: a process is kept as its id, the boot, and the kernel's own ticks."""
    process = sleeper(tmp_path)
    again, now = ProcessId.from_json(process.to_json()), time.clock_gettime(time.CLOCK_BOOTTIME)
    age_s = now - process.start_ticks / os.sysconf("SC_CLK_TCK")
    process_control.end(process)

    assert ({"pid", "boot", "start_ticks"}, process) == (set(process.to_json()), again)
    assert 0 <= age_s < 60


def test_many_threads_learn_the_same_exit_code(tmp_path: Path) -> None:
    """However many threads collect children at once, no exit code is lost or becomes 0."""
    started = [sleeper(tmp_path, "raise SystemExit(7)") for _ in range(20)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        codes = list(pool.map(lambda process: process_control.exit_code(process, within_s=30), started * 4))

    assert [7] * 80 == codes


def test_a_stranger_has_no_exit_code() -> None:
    """Waiting for a process that somebody else started is an error, never a made-up code."""
    with pytest.raises(ValueError, match="expected a process that this one started"):
        process_control.exit_code(ProcessId.of(os.getppid()), within_s=0)


def test_a_disk_without_room_is_said(tmp_path: Path) -> None:
    """A log that cannot be opened is an error that may pass, with the log's name."""
    (tmp_path / "log").mkdir()

    with pytest.raises(Unavailable, match="its log would be"):
        sleeper(tmp_path)


def test_a_family_ends_together(tmp_path: Path) -> None:
    """What a process started in its session ends with it, also when the process itself had no time for it."""
    note = tmp_path / "child"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    process = sleeper(tmp_path, code)
    assert wait_until(lambda: note.exists() and bool(note.read_text()))
    child = ProcessId.of(int(note.read_text()))
    process_control.end(process)

    assert not child.alive


def test_the_exit_code_of_a_child_is_known(tmp_path: Path) -> None:
    """A process that this one started leaves its exit code."""
    process = sleeper(tmp_path, "raise SystemExit(5)")

    assert process_control.exit_code(process, within_s=20) == 5


def test_a_child_that_goes_on_has_no_exit_code(tmp_path: Path) -> None:
    """Waiting is bounded."""
    process = sleeper(tmp_path)
    code = process_control.exit_code(process, within_s=0.1)
    process_control.end(process)

    assert code is None


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """A program that is not there is a sentence, not a traceback of the starter."""
    with pytest.raises(SetupError, match="/nowhere/program is not there"):
        process_control.start(["/nowhere/program"], log=tmp_path / "log", environment={})


def test_last_lines_of_nothing_are_empty(tmp_path: Path) -> None:
    """A log that does not exist has no last lines; a long one has the last ones."""
    log = tmp_path / "log"
    before = process_control.last_lines(log)
    log.write_text("\n".join(str(number) for number in range(10_000)), encoding="utf-8")

    assert ("", "9998\n9999") == (before, process_control.last_lines(log, 2))


def test_airflow_is_scrubbed() -> None:
    """Airflow's variables and PYTHONPATH are left out; the rest and the additions stay."""
    given = {"AIRFLOW_HOME": "a", "_AIRFLOW__X": "b", "PYTHONPATH": "c", "PATH": "d"}

    assert process_control.scrubbed(given, EXTRA="e") == {"PATH": "d", "EXTRA": "e"}
