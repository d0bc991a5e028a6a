"""What was started is written down, for its owner only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pegel.errors import Conflict
from pegel_local.machine.paths import Home, checkout
from pegel_local.processes.process_id import ProcessId
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

    with first._alone(), pytest.raises(Conflict, match="another process is starting or stopping"):
        second.down()
