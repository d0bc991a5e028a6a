"""What was started is written down, for its owner only."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from waiting import wait_until

from pegel.errors import Conflict
from pegel.spec.settings import Settings
from pegel_local.machine.paths import Home, checkout
from pegel_local.machine.ports import LOOPBACK, free_ports
from pegel_local.processes import process_control
from pegel_local.processes.private_files import write_json
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.service import answers_ok
from pegel_local.system.ended_parts import NO_LOGGER, EndedParts
from pegel_local.system.parts import PURPOSES
from pegel_local.system.stack import Stack
from pegel_local.system.stack_file import Part, StackFile

PART = Part(process=ProcessId(1, "a boot", 2), log="somewhere")


def test_records_add_up(tmp_path: Path) -> None:
    """Each record adds to the earlier ones, and reading gives all of them."""
    file = StackFile(Home(tmp_path))
    file.record(parts={"broker": PART})
    file.record(parts={"mail": PART}, addresses={"user": "admin"})
    state = file.read()

    assert state is not None
    assert ({"broker": PART, "mail": PART}, {"user": "admin"}) == (state.parts, state.addresses)


def test_the_record_is_private(tmp_path: Path) -> None:
    """It holds a password, so nobody but its owner may read it."""
    file = StackFile(Home(tmp_path))
    file.record(addresses={"password": "secret"})

    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


def test_nothing_started_nothing_read(tmp_path: Path) -> None:
    """A home without a record is a system that is not up."""
    assert StackFile(Home(tmp_path)).read() is None


def test_down_on_an_empty_home_is_no_error(tmp_path: Path) -> None:
    """Stopping what was never started does nothing, and creates nothing."""
    home = tmp_path / "home"

    assert not Stack(home, checkout()).down()
    assert not home.exists()


def test_two_cannot_start_the_same_home(tmp_path: Path) -> None:
    """While one process starts or stops a home, another is told so and does nothing."""
    first, second = Stack(tmp_path, checkout()), Stack(tmp_path, checkout())

    with first._alone(), pytest.raises(Conflict) as told:
        second.down()

    holder = rf"another process \(pid {os.getpid()}, since \d\d:\d\d:\d\d UTC\) is starting or stopping"
    assert re.search(holder, str(told.value))


def test_a_logger_that_has_ended_is_started_again(tmp_path: Path) -> None:
    """While Airflow runs it comes back at its port; what runs, or was never started, is left alone."""
    ports = dict(zip(PURPOSES, free_ports(len(PURPOSES)), strict=True))
    write_json(tmp_path / "ports.json", ports)
    file, parts = StackFile(Home(tmp_path)), EndedParts(Settings(home=tmp_path))
    file.record(parts={"airflow-scheduler": Part(process=ProcessId.of(os.getpid()), log="somewhere"), "logger": PART})
    before = parts.words
    again = parts.start_again()
    state = file.read()
    assert state is not None
    try:
        answers = wait_until(lambda: answers_ok(f"http://{LOOPBACK}:{ports['logger']}/livez"))
        after = (parts.words, parts.start_again())
    finally:
        process_control.end(state.parts["logger"].process)

    assert ((NO_LOGGER,), ["logger"]) == (before, again)
    assert (True, ((), [])) == (answers, after)


def test_parts_that_were_stopped_with_the_system_stay_so(tmp_path: Path) -> None:
    """Where nothing runs any more nobody misses the logger, and nothing is started."""
    StackFile(Home(tmp_path)).record(parts={"airflow-scheduler": PART, "logger": PART})
    parts = EndedParts(Settings(home=tmp_path))

    assert ((), []) == (parts.words, parts.start_again())
